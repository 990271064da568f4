"""The kinds of questions: how an answer to each is read and judged.

A question has all its numbers; the function that computes them is an exercise
(`helpers.exercises.exercise`).
"""

import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from helpers.exercises.answers import check_unit, evaluations, number_within, read
from helpers.exercises.units import Unclear, scaled
from helpers.exercises.verdicts import Outcome, Verdict, quantity, wrapped
from helpers.ranges import Range
from helpers.words import short

POINTS = 12  # at which a formula is compared with the model
FORMULA_TOLERANCE = 1e-9
CLOSE = 0.05  # a miss within this share is close
POWERS = (1, 2, 3, 4, -1, -2, -3, -4)  # of 1000: a prefix for another


class Slip(NamedTuple):
    """A mistake that a `Number` or a `Formula` recognises: a short name, such as
    ``"multiply-add counted once"``, the number or expression that it leads to, and what to say
    about it without giving the right answer away."""

    name: str
    wrong: float | str
    words: str


class Requirement(NamedTuple):
    """What a design must meet: a short name, whether it is broken, and what to say if it is."""

    name: str
    broken: bool
    words: str


def whole(**numbers):
    """The `Requirement` that these numbers of a design are whole, since they are counts."""
    words = f"{' and '.join(numbers)}: take whole numbers, since these are counted."
    broken = any(number % 1 for number in numbers.values())
    return Requirement("whole numbers", broken, words[0].upper() + words[1:])


@dataclass(kw_only=True)
class Question:
    """What all questions share; use `Number`, `Formula`, `Choice` or `Design`.

    Each kind knows the `form` of an answer, how to `read` it, and the `mistakes` that may have been
    made, the most telling first: their names, whether it was this one, and what to say about it.

    Parameters
    ----------
    title, goal : str
        A few words, and what to find. They stand in the notebook above the check.
    hints : sequence of str
        A ladder, from a nudge to almost there. None gives the answer away.
    reasoning : str
        The way to the answer. `Exercise.solution` puts the answer in front of it.
    """

    title: str
    goal: str
    hints: Sequence[str]
    reasoning: str

    def __post_init__(self):
        if not self.hints:
            raise ValueError(f"hints must not be empty, got {self.hints!r}")

    @property
    def statement(self):
        """The title and the goal, in Markdown."""
        return f"**{self.title}.** {self.goal}"

    def __repr__(self):
        return wrapped(f"{self.title}. {self.goal}")

    def judge(self, answer):
        """The verdict on an answer that `read` gave: the first mistake that was made, or none."""
        for name, made, words in self.mistakes(answer):
            if made:
                return Verdict(Outcome.WRONG, words, name)
        return Verdict(Outcome.CORRECT, self.praise())


@dataclass(kw_only=True, repr=False)
class Number(Question):
    """A number in a unit.

    Parameters
    ----------
    key, unit : float, str
        The right value, and its unit: one of `helpers.exercises.units.UNITS`.
    tolerance : float
        Largest relative difference that counts as right.
    """

    key: float
    unit: str = "1"
    tolerance: float = 0.01
    slips: Sequence[Slip] = ()

    def __post_init__(self):
        super().__post_init__()
        check_unit(self.unit)

    def form(self):
        unit = "a pure number" if self.unit == "1" else f"in {self.unit}"
        return f"{unit}, within {100 * self.tolerance:g}%"

    def read(self, answer):
        return read(answer, self.unit, self.statement)

    def mistakes(self, answer):
        value, written = answer

        def is_key(*values):
            return any(near(value, self.answer(), self.tolerance) for value in values)

        if is_key(value):
            return
        for slip in self.slips:
            yield slip.name, near(value, float(slip.wrong), self.tolerance), slip.words
        yield (
            "GB for GiB",
            re.search("i(?:B|bit|b)", f"{written} {self.statement}")
            and is_key(*(value / 1.024**power for power in POWERS)),
            "1 GB is 10⁹ bytes and 1 GiB is 2³⁰; likewise for k, M and T. One was taken for the "
            "other.",
        )
        words = f"Close, but not within {100 * self.tolerance:g}%: three digits are asked."
        yield "close", near(value, self.answer(), CLOSE), words
        for slip in self.slips:  # in the two digits of a reader in a hurry
            yield slip.name, value == float(f"{slip.wrong:.2g}"), slip.words
        # What a ratio of answer and key gives away, in any exercise.
        bare = not written and is_key(*(value * size for size in scaled(self.unit).values()))
        words = f"A bare number is in {self.unit}: write the unit that you mean behind it."
        yield "prefix", bare, words
        added = self.unit == "1" and value < 1 and is_key(1 + value)
        words = "This is what is added. Asked is how many times as much it is in all."
        yield "gain for ratio", added, words
        words = "Off by a power of 1000: look at the prefixes (k, M, G, T; m is a thousandth)."
        yield "prefix", is_key(*(value / 1000.0**power for power in POWERS)), words
        per_cent = is_key(value / 100, value / 0.01)
        yield "per cent", per_cent, "Off by a factor 100: per cent or a fraction?"
        yield "sign", is_key(-value), "The size is right, the sign is not."
        parts = re.findall(r"\w+", self.unit)
        twice = "flop" in parts and is_key(value / 2, value / 0.5)
        words = "Off by a factor 2: one multiply-add is two flop, and is to be counted once."
        yield "factor 2", twice, words
        eight = "B" in parts and is_key(value / 8, value * 8)
        yield "bits for bytes", eight, "Off by a factor 8: a byte has 8 bits."
        side = "large" if value > self.answer() else "small"
        yield "", True, f"Too {side}. .hint() in place of .check(...) helps."

    def praise(self):
        return self.answer_in_words()

    def answer(self):
        return float(self.key)

    def answer_in_words(self):
        return f"{quantity(self.answer(), self.unit)}."


@dataclass(kw_only=True, repr=False)
class Formula(Question):
    """A formula in any form: answers are compared with the model at random points.

    Parameters
    ----------
    symbols : dict
        Each symbol of the answer and where it is tried: (low, high), or a `range` of counts.
    key, formula : callable, str
        The function of the model, with the symbols as keywords, and one right form of it, for the
        solution; the tests hold it to `key`.
    """

    symbols: Mapping[str, tuple[float, float] | range]
    key: Callable
    formula: str
    slips: Sequence[Slip] = ()

    def points(self):
        """The points at which formulas are compared, as dicts; always the same ones."""
        choose = random.Random(self.formula)
        return [
            {
                name: choose.choice(ends) if isinstance(ends, range) else choose.uniform(*ends)
                for name, ends in self.symbols.items()
            }
            for _ in range(POINTS)
        ]

    def form(self):
        return f"a formula in {', '.join(self.symbols)}"

    def read(self, answer):
        return evaluations(answer, self.points())

    def mistakes(self, answer):
        points = self.points()
        right = [float(self.key(**point)) for point in points]
        if _all_near(answer, right):
            return
        for slip in self.slips:
            yield slip.name, _all_near(answer, evaluations(slip.wrong, points)), slip.words
        opposite = _all_near([-value for value in answer], right)
        yield "sign", opposite, "Only the sign is wrong. Of two roots, take the positive one."
        point, yours, models = next(
            (", ".join(f"{name} = {short(value)}" for name, value in point.items()), *printed)
            for digits in (3, 6, 9, 12)
            for point, *values in zip(points, answer, right, strict=True)
            if len(set(printed := [short(value, digits) for value in values])) == 2
        )
        yield "", True, f"At {point} your formula gives {yours}, and the model gives {models}."

    def praise(self):
        return "It agrees with the model at every point tried."

    def answer(self):
        return self.formula

    def answer_in_words(self):
        return f"{self.formula}."


@dataclass(kw_only=True, repr=False)
class Choice(Question):
    """One of several options; every wrong one is explained.

    Parameters
    ----------
    options, key : dict, str
        Letter of each option, with its text and why it is right or wrong; letter of the right one.
    """

    options: Mapping[str, tuple[str, str]]
    key: str

    @property
    def statement(self):
        lines = [f"- {letter}) {text}" for letter, (text, _) in self.options.items()]
        return "\n".join([super().statement, "", *lines])

    def __repr__(self):
        options = (f"{letter}) {text}" for letter, (text, _) in self.options.items())
        return "\n".join([super().__repr__(), *map(wrapped, options)])

    def form(self):
        return f"one of the letters {', '.join(self.options)}, in quotes"

    def read(self, answer):
        letter = answer.lower() if isinstance(answer, str) else ""
        letter = re.sub(r"^(?:option|answer|letter)\b", "", letter).strip(" ().:")
        if letter not in self.options:
            raise Unclear(f"One of the letters {', '.join(self.options)} is asked for, in quotes.")
        return letter

    def mistakes(self, answer):
        yield answer, answer != self.key, self.options[answer][1]

    def praise(self):
        return self.options[self.key][1]

    def answer(self):
        return self.key

    def answer_in_words(self):
        return f"{self.key}) {self.options[self.key][0].rstrip('.')}."


@dataclass(kw_only=True, repr=False)
class Design(Question):
    """Numbers of the reader's choice that must meet requirements; many answers are right.

    Parameters
    ----------
    names : dict
        The numbers asked for, each with its `Range`, or with that and the unit of a bare one.
    requirements : callable
        A function of these numbers that yields each `Requirement`; the first broken one counts,
        and nothing behind it is computed.
    design : dict
        One answer that meets all requirements.
    """

    names: Mapping[str, Range | tuple[Range, str]]
    requirements: Callable
    design: Mapping

    def form(self):
        return f"dict({', '.join(f'{name}=...' for name in self.names)})"

    def read(self, answer):
        if not isinstance(answer, dict) or answer.keys() != self.names.keys():
            raise Unclear(f"An answer is needed in this form: {self.form()}.")
        return {
            name: number_within(name, answer[name], wanted, self.statement)
            for name, wanted in self.names.items()
        }

    def mistakes(self, answer):
        return self.requirements(**answer)

    def praise(self):
        return "All requirements are met."

    def answer(self):
        return dict(self.design)

    def answer_in_words(self):
        return f"For example {', '.join(f'{k} = {short(v)}' for k, v in self.design.items())}."


def near(value, key, tolerance):
    """Whether a value is the key, but for a relative tolerance."""
    return math.isclose(value, key, rel_tol=tolerance, abs_tol=1e-12)


def _all_near(values, others):
    pairs = zip(values, others, strict=True)
    return all(near(value, other, FORMULA_TOLERANCE) for value, other in pairs)
