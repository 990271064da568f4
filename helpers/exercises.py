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

from helpers._answers import check_unit, evaluations, exact, number_within, read
from helpers._units import Unclear, WrongUnit, scaled, sizes
from helpers.plots import duration, short, si
from helpers.ranges import Range

LINE_WIDTH = 90
POINTS = 12  # at which a formula is compared with the core
FORMULA_TOLERANCE = 1e-9
CLOSE = 0.05  # a miss within this share is close

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
BINARY_SLIP = (  # where GiB are named
    "1 GB is 10⁹ bytes and 1 GiB is 2³⁰; likewise for k, M and T. One was taken for the other.",
    [1.024**power for power in (1, 2, 3, 4, -1, -2, -3, -4)],
)
# On a narrow page the field of a prediction stands under its label, which ipywidgets would cut.
WRAPPED_LABEL = """<style>
.prediction { flex-wrap: wrap; }
.prediction > .widget-label
{ white-space: normal; height: auto; max-width: 100%; text-align: left; }
</style>"""
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
    units : dict
        Units that the reader's numbers may carry, such as ``dict(clock="GHz")``: a bare one is in
        this unit.
    example : dict
        Values for `own` that the tests use, and `solution` where the reader gave none.
    """

    title: str
    goal: str | Callable
    hints: Sequence
    reasoning: str | Callable
    given: Mapping = field(default_factory=dict)
    own: Mapping[str, Range] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
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
            values[name] = self._within(name, own[name], self.own[name])
        return values

    def _within(self, name, value, allowed):
        return number_within(name, value, allowed, self.units.get(name, "1"), self.statement)

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
        One of `_units.UNITS`.
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
        return read(answer, self.unit, self.statement)

    def _judge(self, answer, given):
        value, key = answer.value, float(self.key(**given))
        if _near(value, key, self.tolerance):
            return Verdict(Outcome.CORRECT, f"{_quantity(key, self.unit)}.")
        wrong = [(float(slip.wrong(**given)), slip) for slip in self.slips]
        for known, slip in wrong:
            if _near(value, known, self.tolerance):
                return Verdict(Outcome.WRONG, slip.words, slip.name)
        binary, factors = BINARY_SLIP
        if re.search("i(?:B|bit|b)", f"{answer.unit} {self.statement}") and any(
            _near(value, factor * key, self.tolerance) for factor in factors
        ):
            return Verdict(Outcome.WRONG, binary, "GB for GiB")
        if _near(value, key, CLOSE):
            words = f"Close, but not within {100 * self.tolerance:g}%: three digits are asked."
            return Verdict(Outcome.WRONG, words, "close")
        for known, slip in wrong:
            if value == float(f"{known:.2g}"):  # in the two digits of a reader in a hurry
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
        Each symbol of the answer and where it is tried: (low, high), or a `range` of counts.
    key : callable
        The function of the core, with the symbols as keywords.
    formula : str
        One right form, for the solution; the tests hold it to `key`.
    slips : sequence of Slip
        Wrong expressions that are recognised.
    """

    symbols: Mapping[str, tuple[float, float] | range]
    key: Callable
    formula: str
    slips: Sequence[Slip] = ()

    def answer(self):
        return self.formula

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

    def _form(self):
        return f" (a formula in {', '.join(self.symbols)})"

    def _read(self, answer):
        return evaluations(answer, self.points())

    def _judge(self, answer, given):
        points = self.points()
        right = [float(self.key(**point)) for point in points]
        if _all_near(answer, right):
            return Verdict(Outcome.CORRECT, "It agrees with the model at every point tried.")
        for slip in self.slips:
            if _all_near(answer, evaluations(slip.wrong, points)):
                return Verdict(Outcome.WRONG, slip.words, slip.name)
        if _all_near([-value for value in answer], right):
            return Verdict(
                Outcome.WRONG,
                "Only the sign is wrong. Of two roots, take the positive one.",
                "sign",
            )
        point, yours, models = next(
            (", ".join(f"{name} = {short(value)}" for name, value in point.items()), *printed)
            for digits in (3, 6, 9, 12)
            for point, *values in zip(points, answer, right, strict=True)
            if len(set(printed := [short(value, digits) for value in values])) == 2
        )
        words = f"At {point} your formula gives {yours}, and the model gives {models}."
        return Verdict(Outcome.WRONG, words)

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
        letter = answer.lower() if isinstance(answer, str) else ""
        letter = re.sub(r"^(?:option|answer|letter)\b", "", letter).strip(" ().:")
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
            raise Unclear(f"An answer is needed in this form: {self._form()[2:-1]}.")
        return {name: self._within(name, answer[name], self.names[name]) for name in self.names}

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
        One of `_units.UNITS`.
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
            layout=widgets.Layout(width="650px", max_width="calc(100% - 4px)", height="auto"),
        )
        self.field.add_class("prediction")
        style = widgets.HTML(WRAPPED_LABEL, layout=widgets.Layout(display="none"))
        super().__init__([style, self.field])

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
            a factor 2, 1 a factor 10. A guess that cannot be read, or is bare and far off by
            its prefix, is asked for again: it is not scored, and the model is not told.

        Raises
        ------
        ValueError
            If the value of the model is not above 0 and finite.
        """
        if not 0 < model < math.inf:
            raise ValueError(f"model must be above 0 and finite, got {model!r}")
        model, typed = float(model), self.field.value.strip()
        share = self.unit == "1" and "%" in self.label
        if not typed:
            right = _quantity(model, self.unit, "%" if share else "")
            return Said(f"No prediction. The model says {right}.")
        try:
            guess, dress = read(typed, self.unit, self.label)
            if guess <= 0:
                raise Unclear(f"A prediction must be above 0, not {short(guess)}.")
            if not dress and guess > 1 and share:
                raise Unclear(f"As a fraction {short(guess)} is more than the whole: add a % sign?")
            if not dress and (meant := _meant(guess, model, self.unit)):
                raise Unclear(
                    f"A bare number is in {self.unit}. This is {short(guess)} {self.unit}: did you "
                    f"mean {meant}?"
                )
        except Unclear as unclear:
            return Said(
                f"{unclear} Not scored: type again above, then run this cell again. An empty field "
                "shows the answer."
            )
        score = abs(math.log10(guess) - math.log10(model))  # the ratio itself could underflow
        return Said(
            f"You predicted {_quantity(guess, self.unit, dress)}. The model says "
            f"{_quantity(model, self.unit, dress)}. Ratio {short(guess / model)}, "
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


def _quantity(value, unit, dress=""):
    """A number to read, with its unit if it has one; a share in % if that is its dress."""
    if unit == "s":
        if value >= 0.1:
            return duration(value)
        return f"{short(1e3 * value)} ms" if value >= 1e-4 else f"{short(1e6 * value)} µs"
    if unit == "1":
        return f"{short(100 * value)} %" if sizes(dress) == sizes("%") else short(value)
    return si(value, unit)


def _meant(guess, model, unit):
    """The unit in which a bare guess, far from the model, would be near it; None for none."""

    def miss(size):
        return abs(math.log10(guess) + math.log10(size) - math.log10(model))

    if not 1e-3 <= guess < 1e4 or miss(1) < 1.5:  # half of a power of 1000
        return None
    sizes_of = scaled(unit)
    return min(sizes_of, key=lambda name: miss(sizes_of[name]), default=None)


def _near(answer, key, tolerance):
    return math.isclose(answer, key, rel_tol=tolerance, abs_tol=1e-12)


def _all_near(values, others):
    pairs = zip(values, others, strict=True)
    return all(_near(value, other, FORMULA_TOLERANCE) for value, other in pairs)


def _general_slip(answer, key, exercise):
    """The verdict on a wrong number that no slip of its own exercise explains."""
    answer, written = answer
    asked = exercise.unit
    if not written and any(
        _near(answer * size, key, exercise.tolerance) for size in scaled(asked).values()
    ):
        words = f"A bare number is in {asked}: write the unit that you mean behind it."
        return Verdict(Outcome.WRONG, words, "prefix")
    if asked == "1" and answer < 1 and _near(1 + answer, key, exercise.tolerance):
        words = "This is what is added. Asked is how many times as much it is in all."
        return Verdict(Outcome.WRONG, words, "gain for ratio")
    for name, (words, factors) in GENERAL_SLIPS.items():
        if name in UNIT_SLIPS and not UNIT_SLIPS[name] & set(re.findall(r"\w+", asked)):
            continue
        if any(_near(answer / factor, key, exercise.tolerance) for factor in factors):  # never 0
            return Verdict(Outcome.WRONG, words, name)
    side = "large" if answer > key else "small"
    return Verdict(Outcome.WRONG, f"Too {side}. .hint() in place of .check(...) helps.")
