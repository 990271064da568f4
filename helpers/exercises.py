"""Exercises that compute their own keys, and predictions before a reveal.

A reader needs three words: ``exercise.check(answer)``, ``exercise.hint()`` and
``exercise.solution()``. The key of an exercise is a function of the model core, called at the
moment of asking, so it cannot drift from the formulas. Mistakes that are known beforehand
(`Slip`) are recognised by what they lead to, and told apart.

Answers are read by `helpers._answers`, which executes none.
"""

import math
import random
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import ipywidgets as widgets

from helpers._answers import (
    Unclear,
    WrongUnit,
    check_unit,
    evaluations,
    exact,
    number_in,
    number_within,
)
from helpers._checks import Range
from helpers.plots import duration, short, si

LINE_WIDTH = 90
POINTS = 12  # at which a formula is compared with the core
FORMULA_TOLERANCE = 1e-9

# Slips that a ratio of answer and key gives away, in any exercise; those of `UNIT_SLIPS` only where
# one of these words is part of the unit.
GENERAL_SLIPS = {
    "prefix": (
        "Off by a power of 1000: look at the prefixes (k, M, G, T).",
        [1000.0**power for power in (1, 2, 3, 4, -1, -2, -3, -4)],
    ),
    "per cent": ("Off by a factor 100: per cent or a fraction?", [100, 0.01]),
    "sign": ("The size is right, the sign is not.", [-1]),
    "factor 2": (
        "Off by a factor 2: one multiply-add is two flop, and is to be counted once.",
        [2, 0.5],
    ),
    "bits for bytes": ("Off by a factor 8: a byte has 8 bits.", [8, 1 / 8]),
    "GB for GiB": (
        "1 GB is 10⁹ bytes and 1 GiB is 2³⁰; likewise for k, M and T. One was taken for the other.",
        [1.024**power for power in (1, 2, 3, 4, -1, -2, -3, -4)],
    ),
}
UNIT_SLIPS = {"factor 2": {"flop"}, "bits for bytes": {"B"}, "GB for GiB": {"B"}}
NO_VALUE = "The model has no value for numbers of this size."


class Outcome(Enum):
    """The four things that a check can say."""

    NOT_ATTEMPTED = "Not attempted"
    CORRECT = "Correct"
    WRONG = "Wrong"
    UNCLEAR = "Cannot be judged"


class Said(str):
    """A text that a notebook shows without quotes, in lines that fit a page."""

    def __repr__(self):
        return _wrapped(str(self))


@dataclass(frozen=True)
class Verdict:
    """What a check found: the outcome, the words for it, and the name of a recognised slip."""

    outcome: Outcome
    words: str
    slip: str = ""

    def __repr__(self):
        return _wrapped(f"{self.outcome.value}. {self.words}")


@dataclass(frozen=True)
class Slip:
    """A mistake that is known beforehand.

    Parameters
    ----------
    name : str
        A short name, such as ``"multiply-add counted once"``.
    words : str
        What went wrong, without giving the right answer away.
    wrong : callable or str
        What the mistake leads to: a function of the numbers given, or for a `Formula` the wrong
        expression.
    """

    name: str
    words: str
    wrong: Callable | str


@dataclass(kw_only=True)
class Exercise:
    """What all exercises share; use `Number`, `Formula`, `Choice` or `Design`.

    Texts may be strings, or functions that take the numbers given by keyword.

    Parameters
    ----------
    title, goal : str or callable
        A few words, and what to find. They stand in the notebook above the check.
    hints : sequence of str or callable
        A ladder, from a nudge to almost there. None gives the answer away.
    reasoning : str or callable
        The way to the answer. `solution` puts the answer in front of it.
    given : dict
        Numbers of the exercise, passed to every function of it.
    own : dict
        Numbers that the reader brings, as name and `Range`; passed to `check` by keyword.
    example : dict
        Values for `own` that the tests use, and `solution` where the reader gave none.
    """

    title: str
    goal: str | Callable
    hints: Sequence
    reasoning: str | Callable
    given: Mapping = field(default_factory=dict)
    own: Mapping[str, Range] = field(default_factory=dict)
    example: Mapping = field(default_factory=dict)
    hints_shown: int = field(default=0, init=False)
    last: Verdict | None = field(default=None, init=False)

    def __post_init__(self):
        if not self.hints:
            raise ValueError(f"hints must not be empty, got {self.hints!r}")

    @property
    def statement(self):
        """The title and the goal as they stand in the notebook, in Markdown."""
        return f"**{self.title}.** {self._say(self.goal)}"

    def __repr__(self):
        return _wrapped(f"{self.title}. {self._say(self.goal)}")

    def check(self, answer=None, **own):
        """Judge an answer.

        Parameters
        ----------
        answer : number, str, SymPy expression, or as the goal says
            None means not attempted.
        **own : float
            The reader's own numbers, where the goal asks for them.

        Returns
        -------
        Verdict
            One of the four outcomes, never an exception.
        """
        self.last = self._verdict(answer, own)
        return self.last

    def hint(self, *ignored, **ignored_too):
        """The next hint; after the last one the ladder starts again.

        What stands between the brackets of `check` may stay there.
        """
        place = self.hints_shown % len(self.hints)
        self.hints_shown += 1
        return Said(f"Hint {place + 1} of {len(self.hints)}: {self._say(self.hints[place])}")

    def solution(self, *ignored, **own):
        """The answer and the reasoning behind it, for the reader's own numbers if they are given.

        What stands between the brackets of `check` may stay there.
        """
        before, numbers = "", self.example
        try:
            if any(value is not None for value in own.values()):
                numbers = self._own_numbers(own)
            elif self.own:
                names = " and ".join(f"{name} = {short(self.example[name])}" for name in self.own)
                call = ", ".join(f"{name}=..." for name in self.own)
                before = f"With {names} (for yours: .solution({call})): "
        except Unclear as unclear:
            return Said(unclear)
        given = {**self.given, **numbers}
        try:
            return Said(f"{before}{self._answer_in_words(given)} {_fill(self.reasoning, given)}")
        except (ArithmeticError, ValueError):
            return Said(NO_VALUE)

    def answer(self):
        """The right answer, computed by the core, in a form that `check` accepts."""
        raise NotImplementedError

    def _verdict(self, answer, own):
        try:
            answer = exact(answer)
            if answer is None or answer is ... or isinstance(answer, str) and not answer:
                words = f"Put your answer{self._form()} in place of None"
                words += "; .hint() in place of .check(...) helps."
                return Verdict(Outcome.NOT_ATTEMPTED, words)
            given = {**self.given, **self._own_numbers(own)}
            answer = self._read(answer)
        except WrongUnit as wrong:
            return Verdict(Outcome.WRONG, str(wrong), "unit")
        except Unclear as unclear:
            return Verdict(Outcome.UNCLEAR, str(unclear))
        except Exception:  # a reader's object may do anything when it is read
            return Verdict(Outcome.UNCLEAR, f"This is not an answer{self._form()}.")
        try:
            return self._judge(answer, given)
        except (ArithmeticError, ValueError):
            return Verdict(Outcome.UNCLEAR, NO_VALUE)

    def _own_numbers(self, own):
        """The reader's numbers, checked: all that are asked for, and nothing else."""
        values = {}
        for name in own.keys() | self.own.keys():
            if name not in self.own:
                raise Unclear(f"This exercise asks for no {name}.")
            if own.get(name) is None:
                raise Unclear(f"Your own {', '.join(self.own)} are needed too; {name} is missing.")
            values[name] = number_within(name, own[name], self.own[name])
        return values

    def _say(self, text):
        return _fill(text, {**self.given, **self.example})

    def _form(self):
        """What an answer looks like, as part of a sentence."""
        return ""

    def _read(self, answer):
        raise NotImplementedError

    def _judge(self, answer, given):
        raise NotImplementedError

    def _answer_in_words(self, given):
        raise NotImplementedError


@dataclass(kw_only=True, repr=False)
class Number(Exercise):
    """A number in a unit, within a relative tolerance.

    Parameters
    ----------
    key : callable
        The right value from the numbers given, in `unit`.
    unit : str
        A key of `_answers.UNITS`.
    tolerance : float
        Largest relative difference that counts as right.
    slips : sequence of Slip
        Wrong values that are recognised.
    """

    key: Callable
    unit: str = "1"
    tolerance: float = 0.01
    slips: Sequence[Slip] = ()

    def __post_init__(self):
        super().__post_init__()
        check_unit(self.unit)

    def answer(self):
        return float(self.key(**self.given, **self.example))

    def _form(self):
        unit = "a pure number" if self.unit == "1" else f"in {self.unit}"
        return f" ({unit}, within {100 * self.tolerance:g}%)"

    def _read(self, answer):
        return number_in(answer, self.unit)

    def _judge(self, answer, given):
        key = float(self.key(**given))
        if _near(answer, key, self.tolerance):
            return Verdict(Outcome.CORRECT, f"{_quantity(key, self.unit)}.")
        for slip in self.slips:
            if _near(answer, float(slip.wrong(**given)), self.tolerance):
                return Verdict(Outcome.WRONG, slip.words, slip.name)
        return _general_slip(answer, key, self)

    def _answer_in_words(self, given):
        return f"{_quantity(float(self.key(**given)), self.unit)}."


@dataclass(kw_only=True, repr=False)
class Formula(Exercise):
    """A formula, in any form that is equivalent.

    The answer is compared with the core at random points, so no form is preferred, and nothing
    has to be simplified.

    Parameters
    ----------
    symbols : dict
        Each symbol of the answer and the range, (low, high), in which it is tried.
    key : callable
        The function of the core, with the symbols as keywords.
    formula : str
        One right form, for the solution; the tests hold it to `key`.
    slips : sequence of Slip
        Wrong expressions that are recognised.
    """

    symbols: Mapping[str, tuple[float, float]]
    key: Callable
    formula: str
    slips: Sequence[Slip] = ()

    def answer(self):
        return self.formula

    def points(self):
        """The points at which formulas are compared, as dicts; always the same ones."""
        choose = random.Random(self.formula)
        return [
            {name: choose.uniform(*ends) for name, ends in self.symbols.items()}
            for _ in range(POINTS)
        ]

    def _form(self):
        return f" (a formula in {', '.join(self.symbols)})"

    def _read(self, answer):
        return evaluations(answer, self.points())

    def _judge(self, answer, given):
        points = self.points()
        if _all_near(answer, [float(self.key(**point)) for point in points]):
            return Verdict(Outcome.CORRECT, "It agrees with the model at every point tried.")
        for slip in self.slips:
            if _all_near(answer, evaluations(slip.wrong, points)):
                return Verdict(Outcome.WRONG, slip.words, slip.name)
        point = ", ".join(f"{name} = {short(value)}" for name, value in points[0].items())
        right = short(float(self.key(**points[0])))
        return Verdict(
            Outcome.WRONG,
            f"At {point} your formula gives {short(answer[0])}, and the model gives {right}.",
        )

    def _answer_in_words(self, given):
        return f"{self.formula}."


@dataclass(kw_only=True, repr=False)
class Choice(Exercise):
    """One of several options; every wrong one is explained.

    Parameters
    ----------
    options : dict
        Letter of each option: its text, and why it is right or wrong.
    key : callable
        The letter of the right option, from the numbers given.
    """

    options: Mapping[str, tuple[str | Callable, str | Callable]]
    key: Callable

    @property
    def statement(self):
        lines = [f"- {letter}) {self._say(text)}" for letter, (text, _) in self.options.items()]
        return "\n".join([super().statement, "", *lines])

    def __repr__(self):
        options = (f"{letter}) {self._say(text)}" for letter, (text, _) in self.options.items())
        return "\n".join([super().__repr__(), *map(_wrapped, options)])

    def answer(self):
        return self.key(**self.given, **self.example)

    def _form(self):
        return f" (one of the letters {', '.join(self.options)}, in quotes)"

    def _read(self, answer):
        letter = answer.strip(" ().").lower() if isinstance(answer, str) else None
        if letter not in self.options:
            raise Unclear(f"One of the letters {', '.join(self.options)} is asked for, in quotes.")
        return letter

    def _judge(self, answer, given):
        _, why = self.options[answer]
        right = answer == self.key(**given)
        return Verdict(
            Outcome.CORRECT if right else Outcome.WRONG,
            _fill(why, given),
            "" if right else answer,
        )

    def _answer_in_words(self, given):
        letter = self.key(**given)
        return f"{letter}) {_fill(self.options[letter][0], given).rstrip('.')}."


def whole(*names):
    """A requirement of a `Design`: these numbers are counts, and must be whole."""
    words = f"{' and '.join(names)}: take whole numbers, since these are counted."
    return Slip(
        "whole numbers",
        words[0].upper() + words[1:],
        lambda **numbers: any(numbers[name] % 1 for name in names),
    )


@dataclass(kw_only=True, repr=False)
class Design(Exercise):
    """Numbers of the reader's choice that must meet requirements; many answers are right.

    Parameters
    ----------
    names : dict
        The numbers asked for, each with its `Range`.
    requirements : sequence of Slip
        What must not happen: `wrong` is true, from the numbers given and chosen, if it does.
    design : dict
        One answer that meets all requirements.
    """

    names: Mapping[str, Range]
    requirements: Sequence[Slip]
    design: Mapping

    def answer(self):
        return dict(self.design)

    def _form(self):
        return f" (dict({', '.join(f'{name}=...' for name in self.names)}))"

    def _read(self, answer):
        if not isinstance(answer, dict) or answer.keys() != self.names.keys():
            raise Unclear(f"An answer is needed in this form:{self._form()}.")
        return {name: number_within(name, answer[name], self.names[name]) for name in self.names}

    def _judge(self, answer, given):
        for requirement in self.requirements:
            if requirement.wrong(**given, **answer):
                return Verdict(Outcome.WRONG, requirement.words, requirement.name)
        return Verdict(Outcome.CORRECT, "All requirements are met.")

    def _answer_in_words(self, given):
        return f"For example {', '.join(f'{k} = {short(v)}' for k, v in self.design.items())}."


class Prediction(widgets.VBox):
    """A number to guess before a reveal: a text field that nobody has to fill in.

    It never waits. Where nobody types (a test, an export, a reader in a hurry), the reveal simply
    says what the model says.

    Parameters
    ----------
    what : str
        What to predict, in a few words.
    unit : str
        A key of `_answers.UNITS`.
    """

    def __init__(self, what, unit="1"):
        check_unit(unit)
        self.unit = unit
        self.label = what if unit == "1" else f"{what} ({unit})"
        self.field = widgets.Text(
            description=f"{self.label}:",
            placeholder="your guess, or nothing",
            continuous_update=False,  # one message, and before that of the next cell
            style={"description_width": "initial"},
            layout=widgets.Layout(width="650px"),
        )
        self.field.add_class("prediction")
        super().__init__([self.field])

    def reveal(self, model):
        """Compare what was typed with the value of the model.

        Parameters
        ----------
        model : float
            The value that the notebook computed, in the unit of the prediction, above 0.

        Returns
        -------
        Said
            Prediction, model, their ratio, and the score \\|log10(ratio)\\|: 0 is perfect, 0.3 is
            a factor 2, 1 a factor 10.

        Raises
        ------
        ValueError
            If the value of the model is not above 0 and finite.
        """
        if not 0 < model < math.inf:
            raise ValueError(f"model must be above 0 and finite, got {model!r}")
        right = f"The model says {_quantity(float(model), self.unit)}."
        if not self.field.value.strip():
            return Said(f"No prediction. {right}")
        try:
            guess = number_in(self.field.value, self.unit)
        except Unclear as unclear:
            return Said(f"{unclear} {right}")
        if guess <= 0:
            return Said(f"A prediction must be above 0. {right}")
        score = abs(math.log10(guess) - math.log10(model))  # the ratio itself could underflow
        return Said(
            f"You predicted {_quantity(guess, self.unit)}. {right} Ratio {short(guess / model)}, "
            f"score {score:.2f} (0 is perfect, 0.3 is a factor 2)."
        )

    def _repr_mimebundle_(self, **kwargs):
        """The live field, and beside it words for pages without a kernel."""
        data = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/plain": f"Your prediction. {self.label}: ____"}


def _wrapped(text):
    """JupyterLab would break long lines in the middle of a word, and GitHub not at all."""
    return "\n".join(textwrap.fill(line, LINE_WIDTH) for line in text.splitlines())


def _fill(text, given):
    return text(**given) if callable(text) else text


def _quantity(value, unit):
    """A number to read, with its unit if it has one."""
    if unit == "s":
        return duration(value) if value >= 0.1 else f"{short(1e3 * value)} ms"
    return short(value) if unit == "1" else si(value, unit)


def _near(answer, key, tolerance):
    return math.isclose(answer, key, rel_tol=tolerance, abs_tol=1e-12)


def _all_near(values, others):
    pairs = zip(values, others, strict=True)
    return all(_near(value, other, FORMULA_TOLERANCE) for value, other in pairs)


def _general_slip(answer, key, exercise):
    """The verdict on a wrong number that no slip of its own exercise explains."""
    for name, (words, factors) in GENERAL_SLIPS.items():
        if name in UNIT_SLIPS and not UNIT_SLIPS[name] & set(re.findall(r"\w+", exercise.unit)):
            continue
        if any(_near(answer, factor * key, exercise.tolerance) for factor in factors):
            return Verdict(Outcome.WRONG, words, name)
    side = "large" if answer > key else "small"
    return Verdict(Outcome.WRONG, f"Too {side}. .hint() in place of .check(...) helps.")
