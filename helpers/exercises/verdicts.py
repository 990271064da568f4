"""What a check says: its outcome and words, and the numbers in them."""

import textwrap
from dataclasses import dataclass
from enum import Enum

from helpers.exercises.units import sizes
from helpers.words import duration, short, si

LINE_WIDTH = 90


class Outcome(Enum):
    """The four things that a check can say."""

    NOT_ATTEMPTED = "Not attempted"
    CORRECT = "Correct"
    WRONG = "Wrong"
    UNCLEAR = "Cannot be judged"


class Said(str):
    """A text that a notebook shows without quotes, in lines that fit a page."""

    def __repr__(self):
        return wrapped(str(self))


@dataclass(frozen=True)
class Verdict:
    """What a check found: the outcome, the words for it, and the name of a recognised slip."""

    outcome: Outcome
    words: str
    slip: str = ""

    def __repr__(self):
        return wrapped(f"{self.outcome.value}. {self.words}")


def wrapped(text):
    """JupyterLab would break long lines in the middle of a word, and GitHub not at all."""
    return "\n".join(textwrap.fill(line, LINE_WIDTH) for line in text.splitlines())


def quantity(value, unit, dress=""):
    """A number to read, with its unit if it has one; a share in % if that is its dress."""
    if unit == "s":
        if value >= 0.1:
            return duration(value)
        return f"{short(1e3 * value)} ms" if value >= 1e-4 else f"{short(1e6 * value)} µs"
    if unit == "1":
        return f"{short(100 * value)} %" if sizes(dress) == sizes("%") else short(value)
    return si(value, unit)
