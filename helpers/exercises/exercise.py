"""Exercises that compute their own keys.

An exercise is a function of its numbers that returns a question (`helpers.exercises.question`). It
is called at the moment of asking, with its defaults, with the numbers that the reader brings or
with those that an examination draws; so neither key nor text can drift from the formulas.

    @exercise
    def twice(macs=118e6):
        return Number(
            title="Counted twice",
            goal=f"How many flop are {macs:,.0f} multiply-adds? Answer in flop.",
            key=2 * macs,
            unit="flop",
            slips=[Slip("counted once", macs, "A multiply-add is two flop.")],
            hints=["What does a multiply-add do?", "It multiplies, and it adds."],
            reasoning="Each is two flop.",
        )

A reader needs three words: ``twice.check(answer)``, ``twice.hint()`` and ``twice.solution()``.
"""

import inspect
from functools import cached_property, partial

from helpers.exercises.answers import exact, number_within
from helpers.exercises.units import Unclear, WrongUnit
from helpers.exercises.verdicts import Outcome, Said, Verdict
from helpers.words import short

NO_VALUE = "The model has no value for numbers of this size."


def exercise(function=None, /, **own):
    """Make an `Exercise` of a function of its numbers.

    Parameters
    ----------
    function : callable
        Its parameters are the numbers of the exercise, its defaults their values; it returns a
        `Question`.
    **own : Range or (Range, str)
        Which of the numbers the reader brings: their range, and the unit of a bare one if it has
        any. Their defaults are for the tests, and for `solution` where the reader gave none.
    """
    return partial(Exercise, own=own) if function is None else Exercise(function, own)


class Exercise:
    """A question and its numbers; see `exercise`, which makes it."""

    def __init__(self, function, own=(), numbers=()):
        self.function, self.own = function, dict(own)
        parameters = inspect.signature(function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.numbers = {**defaults, **dict(numbers)}
        self.hints_shown, self.last = 0, None

    def asked(self, **numbers):
        """The `Question` with its numbers, or with others in place of some."""
        return self.function(**{**self.numbers, **numbers})

    def drawn(self, **numbers):
        """The same exercise with other numbers, and as if nobody had tried it."""
        return Exercise(self.function, self.own, {**self.numbers, **numbers})

    @property
    def title(self):
        """A few words."""
        return self.asked().title

    @property
    def statement(self):
        """The title and the goal as they stand in the notebook, in Markdown."""
        return self.asked().statement

    def __repr__(self):
        return repr(self.asked())

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
        hints = self.asked().hints
        place = self.hints_shown % len(hints)
        self.hints_shown += 1
        return Said(f"Hint {place + 1} of {len(hints)}: {hints[place]}")

    def solution(self, *ignored, **own):
        """The answer and the reasoning behind it, for the reader's own numbers if they are given.

        What stands between the brackets of `check` may stay there.
        """
        before, numbers = "", {}
        try:
            if any(value is not None for value in own.values()):
                numbers = self._own_numbers(own)
            elif self.own:
                names = " and ".join(f"{name} = {short(self.numbers[name])}" for name in self.own)
                call = ", ".join(f"{name}=..." for name in self.own)
                before = f"With {names} (for yours: .solution({call})): "
            question = self.asked(**numbers)
            return Said(f"{before}{question.answer_in_words()} {question.reasoning}")
        except Unclear as unclear:
            return Said(unclear)
        except (ArithmeticError, ValueError):
            return Said(NO_VALUE)

    def answer(self):
        """The right answer, computed by the models, in a form that `check` accepts."""
        return self.asked().answer()

    @cached_property
    def _form(self):
        """The question as it was first asked: enough to read answers, and not to judge them."""
        return self.asked()

    def _verdict(self, answer, own):
        try:
            answer = exact(answer)
            if answer is None or answer is ... or isinstance(answer, str) and not answer:
                words = f"Put your answer ({self._form.form()}) in place of None"
                words += "; .hint() in place of .check(...) helps."
                return Verdict(Outcome.NOT_ATTEMPTED, words)
            numbers = self._own_numbers(own)
            answer = self._form.read(answer)
        except WrongUnit as wrong:
            return Verdict(Outcome.WRONG, str(wrong), "unit")
        except Unclear as unclear:
            return Verdict(Outcome.UNCLEAR, str(unclear))
        except Exception:  # a reader's object may do anything when it is read
            return Verdict(Outcome.UNCLEAR, f"This is not an answer ({self._form.form()}).")
        try:
            return self.asked(**numbers).judge(answer)
        except (ArithmeticError, ValueError):
            return Verdict(Outcome.UNCLEAR, NO_VALUE)

    def _own_numbers(self, own):
        """The reader's numbers, checked: all that are asked for, and nothing else."""
        values = {}
        for name in {**own, **self.own}:  # in this order, so that the words are always the same
            if name not in self.own:
                raise Unclear(f"This exercise asks for no {name}.")
            if own.get(name) is None:
                raise Unclear(f"Your own {', '.join(self.own)} are needed too; {name} is missing.")
            values[name] = number_within(name, own[name], self.own[name], self._form.statement)
        return values
