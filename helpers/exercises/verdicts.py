"""What a check says: its outcome and words, and the slips that any number gives away."""

import math
import re
import textwrap
from dataclasses import dataclass
from enum import Enum

from helpers.exercises.units import scaled, sizes
from helpers.words import duration, short, si

LINE_WIDTH = 90
# Slips that a ratio of answer and key gives away, in any exercise; those of `UNIT_SLIPS` only where
# one of these words is part of the unit.
GENERAL_SLIPS = {
    "prefix": (
        "Off by a power of 1000: look at the prefixes (k, M, G, T; m is a thousandth).",
        [1000.0**power for power in (1, 2, 3, 4, -1, -2, -3, -4)],
    ),
    "per cent": ("Off by a factor 100: per cent or a fraction?", [100, 0.01]),
    "sign": ("The size is right, the sign is not.", [-1]),
    "factor 2": (
        "Off by a factor 2: one multiply-add is two flop, and is to be counted once.",
        [2, 0.5],
    ),
    "bits for bytes": ("Off by a factor 8: a byte has 8 bits.", [8, 1 / 8]),
}
UNIT_SLIPS = {"factor 2": {"flop"}, "bits for bytes": {"B"}}


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


def near(answer, key, tolerance):
    """Whether an answer is the key, but for a relative tolerance."""
    return math.isclose(answer, key, rel_tol=tolerance, abs_tol=1e-12)


def general_slip(reading, key, asked, tolerance):
    """The verdict on a wrong number, asked in a unit, that no slip of its own exercise explains."""
    answer, written = reading
    if not written and any(near(answer * size, key, tolerance) for size in scaled(asked).values()):
        words = f"A bare number is in {asked}: write the unit that you mean behind it."
        return Verdict(Outcome.WRONG, words, "prefix")
    if asked == "1" and answer < 1 and near(1 + answer, key, tolerance):
        words = "This is what is added. Asked is how many times as much it is in all."
        return Verdict(Outcome.WRONG, words, "gain for ratio")
    for name, (words, factors) in GENERAL_SLIPS.items():
        if name in UNIT_SLIPS and not UNIT_SLIPS[name] & set(re.findall(r"\w+", asked)):
            continue
        if any(near(answer / factor, key, tolerance) for factor in factors):  # never 0
            return Verdict(Outcome.WRONG, words, name)
    side = "large" if answer > key else "small"
    return Verdict(Outcome.WRONG, f"Too {side}. .hint() in place of .check(...) helps.")
