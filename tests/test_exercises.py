"""Exercises: the four outcomes, every kind of answer, and the notebooks as readers run them.

Each notebook comes from one source, as it is stored: as a student leaves it (nothing attempted),
and with a planted mistake, and then the right answer of the core, put into each check.
"""

import json
import math
import os
import pkgutil
import random
import re
import shutil
import subprocess
import sys
import time
from fractions import Fraction
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import sympy as sp
from nbformat.v4 import new_code_cell

import helpers.questions
from helpers.amdahl import speedup
from helpers.exercises.answers import range_and_unit
from helpers.exercises.exercise import Exercise
from helpers.exercises.prediction import Prediction
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip
from helpers.exercises.verdicts import Outcome, quantity
from helpers.publishing.notebooks import NOTEBOOKS, SHOWN
from helpers.publishing.store import execute
from helpers.ranges import FRACTION, POSITIVE

ROOT = NOTEBOOKS.parent
TEXTS = dict(title="Toy", goal="Find it.", hints=["one", "two"], reasoning="So it is.")


@Exercise
def NUMBER(macs=118e6):
    slips = [Slip("multiply-add counted once", macs, "A multiply-add is two flop.")]
    return Number(**TEXTS, key=2 * macs, unit="flop", slips=slips)


@Exercise
def FORMULA():
    return Formula(
        **TEXTS,
        symbols=dict(p=(0.05, 0.95), s=(1, 100)),
        key=speedup,
        formula="1/(1 - p + p/s)",
        slips=[Slip("p is missing", "1/((1 - p) + 1/s)", "Only the part p shrinks.")],
    )


@Exercise
def CHOICE(x=2):
    options = {"a": ("memory", "No: x is above 1."), "b": ("compute", f"Yes: x = {x}.")}
    return Choice(**TEXTS, options=options, key="b" if x > 1 else "a")


@Exercise
def DESIGN(work=100):
    def requirements(n, f):
        yield Requirement("too slow", work / (n * f) > 30, "It takes too long.")

    design = dict(n=8, f=0.5)
    names = dict(n=POSITIVE, f=FRACTION)
    return Design(**TEXTS, names=names, requirements=requirements, design=design)


@partial(Exercise, own=dict(macs=POSITIVE))
def OWN(macs=5):
    return Number(**TEXTS, key=6 * macs)


TOYS = [NUMBER, FORMULA, CHOICE, DESIGN, OWN]


def _example(exercise):
    """Numbers of a reader, for the exercises that ask for some."""
    return {name: exercise.numbers[name] for name in exercise.own}


def outcome(exercise, answer, **own):
    return exercise.check(answer, **own).outcome


@pytest.mark.parametrize("exercise", TOYS)
@pytest.mark.parametrize("nothing", [None, ..., "", "  \n"])
def test_nothing_is_not_an_attempt(exercise, nothing):
    assert outcome(exercise, nothing) is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize(
    "answer",
    [
        236e6,
        236_000_000,
        np.float32(236e6),
        Fraction(236_000_000),
        sp.Integer(236) * 10**6,
        "236e6",
        "236,000,000",
        "236 Mflop",
        "0.236Gflop",
        "236 Mflops",
        "2 * 118e6",
        "2×118×10^6",
        "2.36e15/1e7",
        "2 * 118 Mflop",
        "0.236 GFLOP",
        "236 MFlop.",
        "V = 236e6",
        234e6,  # within 1 %
    ],
)
def test_a_right_number_in_any_form_is_correct(answer):
    assert outcome(NUMBER, answer) is Outcome.CORRECT


@pytest.mark.parametrize(
    ("answer", "slip"),
    [
        (118e6, "multiply-add counted once"),
        ("118 Mflop", "multiply-add counted once"),
        (236, "prefix"),
        ("236 Gflop", "prefix"),
        (-236e6, "sign"),
        (472e6, "factor 2"),
        (23600e6, "per cent"),
        ("236 Mflop/s", "unit"),
        ("236 MB", "unit"),
        (150e6, ""),
        ("118 * 2 kflop", "prefix"),
        (0, ""),
    ],
)
def test_a_wrong_number_is_diagnosed(answer, slip):
    verdict = NUMBER.check(answer)
    assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, slip)
    assert "236" not in verdict.words  # the key is not given away


@pytest.mark.parametrize(
    ("unit", "key", "answer", "slip"),
    [
        ("B/s", 12.5e9, "100 Gbit/s", None),
        ("B/s", 12.5e9, "100 Gb/s", None),
        ("B/s", 12.5e9, 100e9, "bits for bytes"),
        ("B/s", 12.5e9, 12.5e9 / 8, "bits for bytes"),
        ("B/s", 12.5e9, "12.5 GiB/s", "GB for GiB"),
        ("B", 2**30, "1 GiB", None),
        ("B", 2**30, "1.07 GiB", "GB for GiB"),
        ("B", 8e9, "8 GB/s", "unit"),
        ("B", 125, "1 kbit", None),
        ("s", 5e-6, "5 µs", None),
        ("s", 5e-6, "5 us", None),
        ("s", 7200, "2 hours", None),
        ("s", 5e-6, "5000 ns", None),
        ("s", 5e-6, "5e-6 sec", None),
        ("flop/s", 15.7e12, "15.7 TFlop/s", None),
        ("flop/s", 15.7e12, "15.7 TFLOPS", None),
        ("flop/s", 15.7e12, "15.7 Tflop", "unit"),
        ("1", 8, "8x", None),
        ("flop/B", 1 / 12, "1/12 FLOP/B", None),
        ("s", 7200, "2 h", None),
        ("s", 7200, "120 min", None),
        ("s", 0.005, "5 ms", None),
        ("1", 0.25, "25 %", None),
        ("1", 0.25, 25, "per cent"),
        ("1", 0.5, 1, ""),  # a factor 2 is a slip only where flop are counted
        ("1", 4, "4 times", None),
        ("flop/B", 17.4, "17.4 flop/byte", None),
        ("img/s", 300, "0.3 kimg/s", None),
    ],
)
def test_units(unit, key, answer, slip):
    verdict = Exercise(lambda: Number(**TEXTS, key=key, unit=unit)).check(answer)
    assert verdict.outcome is (Outcome.CORRECT if slip is None else Outcome.WRONG)
    assert verdict.slip == (slip or "")


p, s = sp.symbols("p s", positive=True)


@pytest.mark.parametrize(
    "answer",
    [
        1 / (1 - p + p / s),
        sp.simplify(1 / (1 - p + p / s)),
        s / (s + p * (1 - s)),
        "1/(1-p+p/s)",
        "s / (s - p*(s - 1))",
        "(1 − p + p·s^(-1))^(-1)",
        "S = 1 ÷ (1 - p + p²/(p·s))",
    ],
)
def test_every_equivalent_formula_is_correct(answer):
    assert outcome(FORMULA, answer) is Outcome.CORRECT


@pytest.mark.parametrize("answer", [1 / ((1 - p) + 1 / s), "s/(s*(1-p)+1)"])
def test_a_known_wrong_formula_is_diagnosed_in_any_form(answer):
    assert FORMULA.check(answer).slip == "p is missing"


def test_another_wrong_formula_is_shown_a_point_at_which_it_fails():
    verdict = FORMULA.check("1/(1 - p) + p/s")
    assert verdict.outcome is Outcome.WRONG
    values = {name: float(v) for name, v in re.findall(r"(\w) = ([\d.]+)", verdict.words)}
    yours, models = map(float, re.findall(r"gives ([\d.]+\d)", verdict.words))
    assert yours == pytest.approx(1 / (1 - values["p"]) + values["p"] / values["s"], rel=0.02)
    assert models == pytest.approx(speedup(**values), rel=0.02)


@pytest.mark.parametrize("text", ["max(p, s, key=s)", "min(*p)", "2(p - 1)", "p s", "f(p)"])
def test_what_is_no_formula_is_not_called_wrong(text):
    assert "A formula is made of" in FORMULA.check(text).words


def test_sympys_own_pi_and_i_count_as_peak_and_intensity():
    question = Formula(
        **TEXTS,
        symbols=dict(pi=(1, 9), beta=(1, 9), I=(1, 9)),
        key=lambda pi, beta, I: I * beta / pi,  # noqa: E741
        formula="I*beta/pi",
    )
    ridge = Exercise(lambda: question)
    assert outcome(ridge, sp.I * sp.Symbol("beta") / sp.pi) is Outcome.CORRECT
    assert outcome(ridge, "I*β/π") is Outcome.CORRECT


@pytest.mark.parametrize("answer", ["0,236e9", "236,5 Mflop", "2,36e8", "0,083"])
def test_a_decimal_comma_is_not_taken_for_nothing(answer):
    assert "a decimal point, not a comma" in NUMBER.check(answer).words


def test_truth_is_no_number():
    assert outcome(NUMBER, True) is outcome(FORMULA, True) is Outcome.UNCLEAR


def test_choices():
    assert CHOICE.check("b").words == "Yes: x = 2."
    assert outcome(CHOICE, " (B) ") is Outcome.CORRECT
    verdict = CHOICE.check("a")
    assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, "a")
    assert outcome(CHOICE, "c") is outcome(CHOICE, 1) is Outcome.UNCLEAR
    assert CHOICE.statement == "**Toy.** Find it.\n\n- a) memory\n- b) compute"


def test_designs():
    assert outcome(DESIGN, dict(n=8, f="50 %")) is Outcome.CORRECT
    assert DESIGN.check(dict(n=2, f=0.5)).slip == "too slow"
    assert outcome(DESIGN, dict(n=8)) is outcome(DESIGN, 8) is Outcome.UNCLEAR
    assert "f must be from 0 to 1, got 2" in DESIGN.check(dict(n=8, f=2)).words


def test_own_numbers_of_the_reader():
    assert outcome(OWN, 42, macs=7) is Outcome.CORRECT
    assert outcome(OWN, 42, macs=8) is Outcome.WRONG
    assert "macs is missing" in OWN.check(42).words
    assert "macs must be above 0" in OWN.check(42, macs=-1).words
    assert "asks for no layers" in OWN.check(42, macs=7, layers=3).words
    assert "macs must be a plain number, above 0" in OWN.check(42, macs="7 GB").words
    assert OWN.solution(macs=8).startswith("48.")
    assert OWN.solution(None, macs=None).startswith("With macs = 5 (for yours: .solution(macs=")
    assert OWN.solution(macs=0) == "macs must be above 0 and finite, got 0."
    assert OWN.hint(None, macs=None).startswith("Hint 1")


def test_hints_are_a_ladder_and_the_solution_gives_the_answer():
    toy = Exercise(lambda: Number(**TEXTS, key=3))
    assert [repr(toy.hint()) for _ in range(3)] == [
        "Hint 1 of 2: one",
        "Hint 2 of 2: two",
        "Hint 1 of 2: one",
    ]
    assert toy.solution() == "3. So it is."


def test_a_wrong_answer_does_not_give_the_key_away():
    assert not re.search(r"\b236\b", NUMBER.check(1e6).words)
    assert "b" not in CHOICE.check("a").words.split()


class Hostile:
    """Raises wherever it is touched."""

    def _refuse(self, *args):
        raise RuntimeError("touched")

    __class__ = property(_refuse)
    __float__ = __str__ = __repr__ = __eq__ = __bool__ = __iter__ = __len__ = __hash__ = _refuse


def _tower(levels=200):
    expression = p
    for _ in range(levels):
        expression = expression * expression + expression
    return expression


class Liar(str):
    """A long text that calls itself empty."""

    def __len__(self):
        return 0

    strip = lower = translate = lambda self, *args: self


FUZZ = [
    *(Liar("(" * 10**6), Liar("z"), Liar("1" * 10**6), type("x" * 10**6, (), {})(), 1e300, 5e-324),
    *("1" * 667 + " " * 1332 + "!", "1" * 660 + " " * 1300 + "k x", "1if p else 2", "'\\d'"),
    *(math.nan, math.inf, -math.inf, 10**400, -(10**400), 1j, True, b"236", [], [236e6], {}),
    *({"n": 8}, {"n": None, "f": []}, {"n": 10**400, "f": 0.5}, (1, 2), set(), object(), print),
    *(np.array([1.0, 2.0]), np.array([]), np.datetime64("2026-11-27"), float, Hostile()),
    *("nan", "inf", "1e999", "-", ".", "e", "1e", "1e5e5", "236 flop flop", "236 elephants"),
    *("None", "x", "p", "p s", "p.__class__", "[p]", "{}", "lambda: 1", "p if s else 1", "p;s"),
    *("__import__('os').system('touch HACKED')", "open('HACKED', 'w')", "exec('1')", "(p := 1)"),
    *("eval(p)", "max", "max()", "max(p, key=s)", "sqrt(-p)", "1/(p - p)", "log(0)", "p**s**p**s"),
    *("9**9**9**9", "9**9**9**9**9**9", "ceil(1e99)**floor(4e5)", "1e300*1e300", "(-p)**0.5"),
    *("1e300", "p" * 10**6, "1" * 10**6, "1 " * 10**6, " a1" * 10**6, "1" + " " * 10**6),
    *("(" * 10**5, "(" * 90 + "p" + ")" * 90, "-" * 1900 + "p", "+".join(["p"] * 900)),
    *("\0", "\x7f", "π" * 500, "ℵ", "🙂", "p\ns", "#", "'", '"""', "f'{p}'", "\\", "a" * 3),
    *("1 " * 999, "1," * 999, ("1" + " " * 20) * 90),
    *(sp.oo, sp.nan, sp.zoo, sp.I, sp.true, sp.Symbol("x"), sp.Function("f")(p), sp.Eq(p, s)),
    *(sp.Integral(p, s), sp.Matrix([[1, 2]]), sp.S.EmptySet, p**10**9, sp.exp(sp.exp(99 * p))),
    *(sp.Integer(10) ** 5000, _tower(), sp.Add(*[p**k for k in range(2000)])),
    *(sp.Piecewise((p, p > s), (s, True)), sp.Symbol("__import__('os')"), sp.factorial(p)),
]


def _named(answer):
    return repr(answer[:30]) if type(answer) is str else f"a {type(answer).__name__[:30]}"


def _hurt_by(answer, exercise):
    """What is wrong with the way in which an exercise takes a hostile answer; empty if nothing."""
    start = time.process_time()
    try:
        verdict = exercise.check(answer, **_example(exercise))
        repr(verdict)
    except Exception as error:  # named with the answer, so that the others are tried too
        return f"raises {error!r}"
    if (seconds := time.process_time() - start) >= 2:
        return f"takes {seconds:.1f} s"
    if verdict.outcome not in (Outcome.WRONG, Outcome.UNCLEAR):
        return f"is {verdict.outcome.value}"
    if len(verdict.words) >= 300:
        return "is answered at length"
    return "leaves a file" if any(Path.cwd().iterdir()) else ""


def test_random_texts_never_raise():
    choose = random.Random(5)
    alphabet = [*"ps0123456789.+-*/^()_ ,eE%", "Mflop", "GB/s", "**", "max(", "__", "∞", "×", "1e3"]
    for _ in range(3000):
        text = "".join(choose.choices(alphabet, k=choose.randint(1, 25)))
        for exercise in TOYS:
            repr(exercise.check(text, **_example(exercise)))


def test_hostile_own_numbers_never_raise():
    for own in FUZZ:
        assert outcome(OWN, 42, macs=own) in (Outcome.WRONG, Outcome.UNCLEAR)
        assert OWN.solution(macs=own)


BLOCKED = """
import sys
sys.modules.update(dict.fromkeys(("matplotlib", "ipywidgets", "pandas", "IPython")))
from helpers.exercises.answers import read
from helpers.exercises.exercise import Exercise
print(read("15.7 Tflop/s", "flop/s").value)
"""


def test_answers_are_read_without_matplotlib_ipywidgets_and_pandas():
    command = [sys.executable, "-c", BLOCKED]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert float(run.stdout) == 15.7e12


# Predictions


def test_a_prediction_is_scored_by_its_ratio():
    guess = Prediction("Speed", "flop/s")
    assert guess.reveal(15.7e12) == "No prediction. The model says 15.7 Tflop/s."
    guess.field.value = "157 Tflop/s"
    assert "157 Tflop/s. The stopwatch says 1 Tflop/s." in guess.reveal(1e12, "stopwatch")
    assert "You predicted 157 Tflop/s. The model says 15.7 Tflop/s. Ratio 10, score 1.00" in (
        guess.reveal(15.7e12)
    )
    guess.field.value = "7.85e12"
    assert "Ratio 0.5, score 0.30" in guess.reveal(15.7e12)


@pytest.mark.parametrize(
    ("what", "unit", "model", "typed", "said"),
    [
        # A bare number far from the model is asked for its unit, and not scored.
        ("Speed", "flop/s", 1.8e12, "1.8", "did you mean Tflop/s? Not scored"),
        ("Speed", "flop/s", 1.8e12, "about 2", "did you mean Tflop/s? Not scored"),
        ("Speed", "flop/s", 1.8e12, "900", "did you mean Gflop/s? Not scored"),
        ("Work", "flop", 236e6, "200", "did you mean Mflop? Not scored"),
        ("Bandwidth", "B/s", 208e9, "300", "did you mean GB/s? Not scored"),
        ("Time", "s", 22644, "6", "did you mean h? Not scored"),
        ("Time", "s", 22644, "400", "did you mean min? Not scored"),
        ("Time", "s", 0.0016, "2", "did you mean ms? Not scored"),
        # One that is near, or says its unit, is scored.
        ("Speed", "flop/s", 1.8e12, "2 flop/s", "score 11.95"),
        ("Speed", "flop/s", 1.8e12, "2e12", "score 0.05"),
        ("Speed", "flop/s", 1.8e12, "2T", "score 0.05"),
        ("Speed", "flop/s", 1.8e12, "2 TFLOPs", "score 0.05"),
        ("Time", "s", 7, "5", "score 0.15"),
        ("Ratio", "1", 3.27, "3000", "score 2.96"),
        # A share is answered in the dress of the guess.
        ("Share, such as 50%", "1", 0.0367, "", "The model says 3.67 %."),
        ("Share, such as 50%", "1", 0.0367, "5%", "predicted 5 %. The model says 3.67 %."),
        ("Share, such as 50%", "1", 0.0367, "5 percent", "predicted 5 %. The model says 3.67 %."),
        ("Share, such as 50%", "1", 0.0367, "0.05", "predicted 0.05. The model says 0.0367."),
        ("Share, such as 50%", "1", 0.0367, "1/20", "predicted 0.05. The model says 0.0367."),
        ("Share, such as 50%", "1", 0.0367, "5", "5 is more than the whole: add a % sign? Not sc"),
        ("Layers right of the ridge", "1", 52, "50 layers", "predicted 50. The model says 52."),
        # A short time is told in µs.
        ("Time", "s", 1.41e-6, "", "The model says 1.41 µs."),
        ("Time", "s", 1.41e-4, "", "The model says 0.141 ms."),
    ],
)
def test_what_a_prediction_is_told(what, unit, model, typed, said):
    guess = Prediction(what, unit)
    guess.field.value = typed
    told = guess.reveal(model)
    assert said in told
    assert ("Not scored" in told) == ("model says" not in told)


def test_a_refused_prediction_can_be_made_again():
    guess = Prediction("Speed", "flop/s")
    guess.field.value = "1.8"
    assert "1.57" not in guess.reveal(1.57e12)
    guess.field.value = "1.8T"
    assert "The model says 1.57 Tflop/s. Ratio 1.15" in guess.reveal(1.57e12)


@pytest.mark.parametrize(
    "model", [0, -1, math.nan, math.inf], ids=["zero", "negative", "nan", "infinite"]
)
def test_a_model_without_a_size_is_refused(model):
    with pytest.raises(ValueError, match="model must be above 0 and finite, got"):
        Prediction("Speed", "flop/s").reveal(model)


def test_a_prediction_of_any_size_is_scored():
    guess = Prediction("Speed", "flop/s")
    for typed in ("1e-320", "1e308"):
        guess.field.value = typed
        assert re.search(r"score (333|294)\.\d\d ", guess.reveal(15.7e12))
        assert len(guess.reveal(15.7e12)) < 300


def test_exercises_without_hints_or_with_unknown_units_are_refused():
    with pytest.raises(ValueError, match="hints must not be empty, got"):
        Number(**{**TEXTS, "hints": []}, key=1)
    for unit in ("horses", [], None):
        with pytest.raises(ValueError, match="unit must be one of 'flop', .*, got"):
            Number(**TEXTS, key=1, unit=unit)


@pytest.mark.parametrize(
    "typed", ["ten", "-3", "0", "nan", "__import__('os')", "3 GB", "1e999", "1,8", "1-2 Tflop/s"]
)
def test_a_prediction_that_cannot_be_read_is_asked_for_again_without_the_answer(typed):
    guess = Prediction("Speed", "flop/s")
    guess.field.value = typed
    told = guess.reveal(7.89e12)
    assert "Not scored: type again" in told
    assert "7.89" not in told and "score 0" not in told


def test_a_prediction_leaves_words_behind_where_no_kernel_runs():
    data = Prediction("Gain", "1")._repr_mimebundle_()
    assert data["text/plain"] == "Your prediction. Gain: ____"
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_prediction_in_an_unknown_unit_is_refused():
    with pytest.raises(ValueError, match="unit must be one of 'flop', .*, got 'horses'"):
        Prediction("Power", "horses")


# The exercises of the notebooks


def _exercises(module):
    return {name: value for name, value in vars(module).items() if isinstance(value, Exercise)}


MODULES = {
    module.NOTEBOOK: module
    for info in pkgutil.iter_modules(helpers.questions.__path__)
    if hasattr(module := import_module(f"{helpers.questions.__name__}.{info.name}"), "NOTEBOOK")
}
EVERY = {
    f"{notebook[:2]}-{name}": exercise
    for notebook, module in MODULES.items()
    for name, exercise in _exercises(module).items()
}
every = pytest.mark.parametrize("exercise", EVERY.values(), ids=EVERY)
notebooks = pytest.mark.parametrize("name", MODULES)


@cache
def _planted(exercise):
    """Wrong answers that the exercise knows, each with the slip that belongs to it."""
    match question := exercise.asked():
        case Number():
            return [(float(slip.wrong), slip.name) for slip in question.slips]
        case Formula():
            return [(slip.wrong, slip.name) for slip in question.slips]
        case Choice():
            return [(letter, letter) for letter in question.options if letter != question.key]
        case Design():
            return [(plant, name) for name, plant in _worst_designs(question).items()]


def _worst_designs(question):
    """For each requirement a design that breaks it first, found by moving numbers up and down."""
    found = {}
    moves = [10.0**power for power in (0, -3, -2, -1, -0.3, -0.1, 0.1, 0.3, 1, 2, 3, 4, 6)]
    designs = [dict(question.design)]
    for name, wanted in question.names.items():
        allowed, _ = range_and_unit(wanted)
        designs += [
            design | {name: value}
            for design in list(designs)
            for move in moves
            for value in (design[name] * move, round(design[name] * move))
            if not allowed.refused(value)
        ]
    for design in designs:
        for requirement in question.requirements(**design):
            if requirement.broken:
                found.setdefault(requirement.name, design)
                break
    return found


def _tokens(text):
    """Every number of a text, as it is written."""
    return set(re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?", text))


def _key_token(exercise):
    """The number that would give the answer away; None for kinds without one."""
    question = exercise.asked()
    if isinstance(question, Number) and not exercise.own:
        return quantity(question.answer(), question.unit).split()[0]
    return None


@every
def test_the_answer_of_the_core_is_correct(exercise):
    verdict = exercise.check(exercise.answer(), **_example(exercise))
    assert verdict.outcome is Outcome.CORRECT, verdict
    assert len(exercise.solution()) > 60


@every
def test_every_known_mistake_is_told_apart(exercise):
    planted = _planted(exercise)
    assert len(planted) >= 2
    for answer, slip in planted:
        verdict = exercise.check(answer, **_example(exercise))
        assert (verdict.outcome, verdict.slip) == (Outcome.WRONG, slip), (answer, verdict)
        assert len(verdict.words) > 20
    if isinstance(question := exercise.asked(), Design):
        needs = question.requirements(**question.design)
        assert {slip for _, slip in planted} == {need.name for need in needs}


@every
def test_goal_hints_and_diagnoses_do_not_give_the_answer_away(exercise):
    question = exercise.asked()
    answers = [answer for answer, _ in _planted(exercise)]
    if isinstance(question, Number):
        close = 1 + 2 * question.tolerance
        answers += [question.answer() * miss for miss in (-1, 1 / 3, 1 / close, close, 3, 1000)]
    words = [exercise.check(answer, **_example(exercise)).words for answer in answers]
    texts = [question.statement, *question.hints, *words]
    if token := _key_token(exercise):
        assert token not in set().union(*map(_tokens, texts))
    if isinstance(question, Formula):
        assert not any(_squeezed(question.formula) in _squeezed(text) for text in texts)
    assert len(question.hints) >= 2


def _squeezed(text):
    return re.sub(r"[\s`]", "", text)


@pytest.mark.parametrize("exercise", [*TOYS, *EVERY.values()], ids=lambda e: e.title)
def test_hostile_answers_never_raise_execute_or_hang(exercise, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [(answer, _hurt_by(answer, exercise)) for answer in FUZZ]
    hurt = [f"{_named(answer)} {words}" for answer, words in found if words]
    assert not hurt, "\n".join(hurt)


EXTREMES = [1e-300, 1e300, 5e-324, 1e103]


@pytest.mark.parametrize(
    "exercise",
    [e for e in EVERY.values() if e.own or isinstance(e.asked(), Design)],
    ids=lambda e: e.title,
)
@pytest.mark.parametrize("extreme", EXTREMES)
def test_numbers_of_any_size_never_raise(exercise, extreme):
    for name in exercise.own:
        own = {**_example(exercise), name: extreme}
        assert exercise.check(42, **own).outcome is not Outcome.NOT_ATTEMPTED
        assert exercise.solution(**own)
    if isinstance(question := exercise.asked(), Design):
        for name in question.names:
            exercise.check({**question.design, name: extreme})
        exercise.check(dict.fromkeys(question.names, extreme))


def _notebook(name):
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def test_every_notebook_from_01_on_has_exercises():
    # Those of the examination, which has no slides, are tested by test_examination.py.
    assert {notebook.name for notebook in SHOWN[1:]} == MODULES.keys()


@notebooks
def test_a_notebook_has_at_least_five_exercises_of_several_kinds(name):
    exercises = _exercises(MODULES[name]).values()
    assert len(exercises) >= (12 if name.startswith("11") else 5)
    assert len({type(exercise.asked()) for exercise in exercises}) >= 2
    assert name.startswith("11") or any(exercise.own for exercise in exercises)


@notebooks
def test_the_notebook_says_what_the_module_says(name):
    cells = {cell.id: cell for cell in _notebook(name).cells}
    stated = [cell_id for cell_id in cells if cell_id.startswith("exercise-")]
    exercises = _exercises(MODULES[name])
    assert stated == [f"exercise-{key.replace('_', '-')}" for key in exercises]
    for key, exercise in exercises.items():
        slug = key.replace("_", "-")
        assert cells[f"exercise-{slug}"].source == exercise.statement
        assert cells[f"check-{slug}"].source == _check_cell(key, None, dict.fromkeys(exercise.own))


def _check_ids(name):
    """Id of each cell that checks an exercise: the name of the exercise."""
    return {f"check-{key.replace('_', '-')}": key for key in _exercises(MODULES[name])}


def _check_cell(key, answer, own):
    arguments = "".join(f", {name}={value!r}" for name, value in own.items())
    return f"exercises.{key}.check({answer!r}{arguments})"


@notebooks
def test_the_stored_notebook_does_not_contain_an_answer(name):
    measures = name.startswith("08")  # what is measured is another number each time
    text = json.dumps(
        [
            [
                cell.source,
                [
                    dict(
                        o,
                        data={
                            k: v for k, v in o.get("data", {}).items() if not k.startswith("image/")
                        },
                    )
                    for o in cell.get("outputs", [])
                    if not ("nbval-ignore-output" in cell.metadata.get("tags", []) and measures)
                ],
            ]
            for cell in _notebook(name).cells
        ],
        ensure_ascii=False,
    ).replace("\\n", "\n")
    tokens = _tokens(text)
    for key, exercise in _exercises(MODULES[name]).items():
        assert _key_token(exercise) not in tokens, key
        if isinstance(question := exercise.asked(), Formula):
            assert _squeezed(question.formula) not in _squeezed(text), key


def _words(text):
    return re.sub(r"[^\w′]+", " ", text.casefold()).strip()


@notebooks
def test_no_right_option_stands_in_the_words_of_the_notebook(name):
    """Nor seven words of it in a row: else it is read off, not found."""
    shown = [cell for cell in _notebook(name).cells if not cell.id.startswith("exercise-")]
    text = _words(" ".join(f"{cell.source} {cell.get('outputs', '')}" for cell in shown))
    for key, exercise in _exercises(MODULES[name]).items():
        if isinstance(question := exercise.asked(), Choice):
            words = _words(question.options[question.key][0]).split()
            for start in range(len(words) - 6):
                assert " ".join(words[start : start + 7]) not in text, key


@notebooks
def test_run_as_a_student_leaves_it(name):
    """nbval runs the cells; what they say is stored, and here it is read."""
    cells = {cell.id: cell for cell in _notebook(name).cells}
    for check in _check_ids(name):
        (output,) = cells[check].outputs
        assert output.data["text/plain"].startswith(Outcome.NOT_ATTEMPTED.value)


def _run_with(name, answers):
    """Run the notebook with answers, one after the other, in place of each None.

    What each check says, in order, by exercise.
    """
    notebook, exercises = _notebook(name), _exercises(MODULES[name])
    checks, cells, asked = _check_ids(name), [], {}
    for cell in notebook.cells:
        if key := checks.get(cell.id):
            own = _example(exercises[key])
            asked[key] = [new_code_cell(_check_cell(key, answer, own)) for answer in answers[key]]
        cells += asked[key] if key else [cell]
    notebook.cells = cells
    execute(notebook, NOTEBOOKS)
    return {
        key: [cell.outputs[0].data["text/plain"] for cell in asked[key]] for key in checks.values()
    }


@pytest.mark.slow
@notebooks
def test_run_with_a_planted_mistake_and_then_the_solution(name):
    exercises = _exercises(MODULES[name])
    planted = {key: _planted(exercise)[0][0] for key, exercise in exercises.items()}
    answers = {key: (planted[key], exercise.answer()) for key, exercise in exercises.items()}
    for key, (to_wrong, to_right) in _run_with(name, answers).items():
        verdict = exercises[key].check(planted[key], **_example(exercises[key]))
        assert verdict.outcome is Outcome.WRONG and verdict.slip
        assert to_wrong == repr(verdict), key
        assert to_right.startswith(Outcome.CORRECT.value), (key, to_right)


@pytest.mark.parametrize(
    ("design", "slip"),
    [
        (dict(batch=160.5, number_bytes=2), "whole numbers"),
        (dict(batch=160, number_bytes=3), "number format"),
        (dict(batch=160, number_bytes=4), "flat roof too low"),
        (dict(batch=160, number_bytes=2), ""),
    ],
)
def test_a_batch_is_counted_and_a_number_has_two_sizes(design, slip):
    assert EVERY["03-serving"].check(design).slip == slip


KEYS = """
import json, sys
from importlib import import_module
from helpers.exercises.exercise import Exercise
print(json.dumps([
    repr(value.answer())
    for name in sys.argv[1:]
    for value in [*vars(import_module(name)).values()]
    if isinstance(value, Exercise)
]))
"""


@pytest.mark.slow
def test_changing_a_hardware_row_changes_the_keys(tmp_path):
    shutil.copytree(ROOT / "helpers", tmp_path / "helpers")
    path = tmp_path / "helpers" / "data" / "devices.csv"
    table = pd.read_csv(path)
    table["bandwidth_GBps"] *= 2
    table.to_csv(path, index=False)
    command = [sys.executable, "-c", KEYS, *(module.__name__ for module in MODULES.values())]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    before = {key: repr(exercise.answer()) for key, exercise in EVERY.items()}
    after = dict(zip(before, json.loads(run.stdout), strict=True))
    changed = {key[:2] for key in before if before[key] != after[key]}
    assert {"02", "03", "04", "05", "06"} <= changed
    assert not {"01", "07"} & changed  # work and peaks are as they were


# The predictions of the notebooks

PREDICTED = [name for name in MODULES if not name.startswith("11")]


@pytest.mark.parametrize("name", PREDICTED)
def test_nothing_above_a_reveal_gives_its_number_away(name):
    above, revealed = set(), 0
    for cell in _notebook(name).cells:
        texts = [cell.source]
        for output in cell.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            if said := re.search(r"No prediction\. The \w+ says ([\d.e+-]+\d)", text):
                revealed += 1
                assert said[1] not in above | _tokens(cell.source), (cell.id, said[1])
            texts.append(text)
        above |= set().union(*map(_tokens, texts))
    assert revealed >= 3


@pytest.mark.parametrize("name", PREDICTED)
def test_every_prediction_is_asked_before_it_is_revealed(name):
    source = "\n".join(c.source for c in _notebook(name).cells if c.cell_type == "code")
    asked = re.findall(r"^(\w+) = Prediction\(", source, re.MULTILINE)
    revealed = re.findall(r"^(\w+)\.reveal\(", source, re.MULTILINE)
    assert asked == revealed and len(set(asked)) == len(asked)
