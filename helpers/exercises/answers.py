"""Reads what people answer: numbers with units, and formulas. Nothing is ever executed.

A string is read by a small parser that knows numbers, units, the symbols of an exercise and a few
functions. Its work is bounded, which takes the place of a clock. What it cannot read gets a
sentence about itself, in which every number is the reader's own.
"""

import ast
import math
import numbers
import re
import sys
import warnings
from decimal import Decimal
from itertools import islice
from operator import add, mul, neg, pos, sub, truediv
from typing import NamedTuple

from helpers.exercises.units import UNITS, Unclear, WrongUnit, name_of, scale_of, sizes
from helpers.ranges import Range
from helpers.words import short

MAX_CHARACTERS, MAX_NODES = 2000, 500  # of an answer; far more than any right one needs
NUMBER = r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
LETTER = r"(?:(?![eE][-+]?\d)[^\W\d_]|[%×])"  # begins a unit; "e15/8e12" is more calculation
QUANTITY = re.compile(rf"({NUMBER})[ -]?({LETTER}[^*+^()=]*)?")
CALCULATION = re.compile(rf"(.*?[\d)]) ?({LETTER}[^\d*+^()=]*)?")
# Groups of three digits: "0,36" holds none, and must not become 36.
GROUPS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(?:,\d{3})+|(?:[ '’]\d{3})+)(?![\d,])")
NAMED = re.compile(r"\A[^\W\d]\w* ?(?:\([\w ,]{0,20}\))? ?[*'′^]{0,2} ?[=≈](?!=) ?")  # "S = 2*p"
ABOUT = (
    r"(?:[=~≈≃≅∼]|(?:about|around|roughly|approximately|approx|circa|ca|nearly|almost|some|say|maybe|"
    r"perhaps|probably|exactly|just|i think|i guess|it is|it's|the answer is)\b\.?) ?"
)
INTRODUCTION = re.compile(rf"{NAMED.pattern}|\A{ABOUT}", re.I)
AFTERWORD = re.compile(r",? (?:or so|roughly|approx|approximately|maybe|i think|i guess)$", re.I)
BOUND = re.compile(
    r"[<>≤≥]|(?:at least|at most|more than|less than|up to|under|over|above|below)\b", re.I
)
RANGE = re.compile(
    rf"(?:between |from )?({NUMBER}) ?(?:{LETTER}\D*?)?"
    rf" ?(-|–|—|\.\.+|…|±|\+/-|\b(?:to|and|or|until)\b) ?({NUMBER})\D*",
    re.I,
)
CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d))?")
PART = r"(\d+(?:\.\d+)?) ?(days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![^\W\d])"
TIMES = re.compile(rf"(?:{PART}(?: and )?,? ?){{2,4}}", re.I)
FUNCTIONS = {
    **dict.fromkeys(("max", "maximum"), max),
    **dict.fromkeys(("min", "minimum"), min),
    **dict.fromkeys(("log", "ln"), math.log),
    **{"log2": math.log2, "log10": math.log10, "sqrt": math.sqrt, "exp": math.exp, "abs": abs},
    "ceil": lambda a: float(math.ceil(a)),  # whole numbers of Python would grow without a bound
    "floor": lambda a: float(math.floor(a)),
}
MISSING_STAR = re.compile(
    rf"\d ?(?![eE][-+]?\d)[A-Za-z(]|\) ?[\w(]|\b(?!(?:{'|'.join(FUNCTIONS)})\b)[^\W\d]\w* ?\(", re.I
)
OPERATIONS = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv, ast.Pow: pow}
SIGNS = {ast.UAdd: pos, ast.USub: neg}
WRITTEN = str.maketrans(
    {"^": "**", "÷": "/", "−": "-", "π": "pi", "β": "beta"}
    | dict.fromkeys("×·⋅∙", "*")
    | {"½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)", "¾": "(3/4)"}
)
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
FORMULAS_ARE = (
    "A formula is made of numbers, symbols, + - * / ** and a few functions, with a star in every "
    "product: a*(b - c), not a(b - c)."
)


class Unreadable(Unclear):
    """A text that is no formula."""


class Reading(NamedTuple):
    """A number in the unit that is asked for, and the unit that was written, if any."""

    value: float
    unit: str = ""


def check_unit(unit):
    """Raise `ValueError` unless `unit` is one of `UNITS`."""
    if not isinstance(unit, str) or unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(map(repr, UNITS))}, got {unit!r}")


def exact(answer):
    """The answer; a string as a plain one, since a subclass may say anything about itself."""
    return str.__str__(answer).strip() if isinstance(answer, str) else answer


def read(answer, unit, question=""):
    """An answer as a `Reading` in `unit`; raises `Unclear` with the reason if it is none.

    What is counted may carry its noun, if it stands in the `question`: "9 GPUs".
    """
    answer = exact(answer)
    if isinstance(answer, str):
        reading = _quantity(answer, unit, question)
    else:
        reading = Reading(*evaluations(answer, [{}], "One number"))
    if not math.isfinite(reading.value):
        raise Unclear("A finite number is asked for.")
    return reading


def range_and_unit(wanted):
    """The `Range` of a number of the reader, and the unit of a bare one ("1" if none is said)."""
    return (wanted, "1") if isinstance(wanted, Range) else wanted


def number_within(name, value, wanted, question=""):
    """A number of the reader, as a float in its unit; raises `Unclear` if it is not allowed."""
    allowed, unit = range_and_unit(wanted)
    kind = "a plain number" if unit == "1" else f"a number in {unit}"
    must = f"{name} must be {kind}, {allowed.words}."
    try:
        number = read(value, unit, f"{question} {name}").value
    except Unclear as unclear:
        raise Unclear(f"{must} {unclear}") from None
    except Exception:  # a reader's object may do anything when it is read
        raise Unclear(must) from None
    if allowed.refused(number):
        raise Unclear(f"{name} must be {allowed.words}, got {short(number)}.")
    return number


def _quantity(text, unit, question):
    """A string such as ``"236 Mflop"`` as a `Reading`."""
    text = AFTERWORD.sub("", _one_line(text).rstrip(".?! "))
    for _ in range(4):
        text = INTRODUCTION.sub("", text)
    if sizes(unit).keys() == {"s"}:
        if match := CLOCK.fullmatch(text):
            first, second, third = match.groups()
            small = f"{first} min {second} s"
            whole = f"{first} h {second} min"
            raise Unclear(
                f"Write {whole} {third} s." if third else f"Write {small} or {whole}, as you mean."
            )
        if TIMES.fullmatch(text):
            parts = re.findall(PART, text, re.I)
            parts = [(float(number), "min" if name == "m" else name) for number, name in parts]
            return Reading(sum(number * scale_of(name, unit) for number, name in parts), "s")
    _refuse_other_kinds(text, unit)
    text = GROUPS.sub(lambda match: re.sub(r"\D", "", match[0]), text)
    _refuse_comma(text)
    text = re.sub(r"^(\d+) (\d+/\d+)", r"(\1+\2)", text)  # 11 1/3
    typed, text = text, _plain(re.sub(" ?×$", " x", text).replace("-fold", " fold"))
    problem = Unclear(
        f"{typed[:30]!r} cannot be read as a number. One number is asked for, with its unit behind "
        "it if you like, and with a star in every product."
    )
    if match := QUANTITY.fullmatch(text):
        number, written = match.groups("")
        number = float(number.replace("_", ""))
        try:
            return Reading(number * scale_of(written, unit, question), written)
        except WrongUnit:
            raise
        except Unclear as unclear:
            problem = unclear
    if match := CALCULATION.fullmatch(text):
        calculation, written = match.groups("")
        try:
            (value,) = evaluations(calculation, [{}])
        except Unreadable:
            raise problem from None
        return Reading(value * scale_of(written, unit, question), written)
    raise problem


def _one_line(text):
    """The text with single blanks, since runs of them would cost cubic time."""
    if len(text) > MAX_CHARACTERS:
        raise Unclear(f"This answer is longer than {MAX_CHARACTERS} characters.")
    return " ".join(text.split())


def _plain(text):
    """A calculation in the signs of Python."""
    text = re.sub("[⁺⁻⁰¹²³⁴-⁹]+", lambda match: f"**{match[0].translate(SUPERSCRIPTS)}", text)
    text = re.sub(r"\\(?=[A-Za-z])|\b(?:np|numpy|sp|sympy|math)\.(?=[A-Za-z])", "", text)
    text = re.sub(r"√ ?(\w+)", r"sqrt(\1)", text).replace("√", "sqrt")
    text = re.sub(r"(?<=\^)\{([-+−]?\d+)\}", r"\1", text)
    text = re.sub(r"(?<=\d)(?<!\b0) ?(?:[xX]|times|cdot) ?(?=\d)", "*", text)
    text = re.sub(r"(?<=\d) (?=10 ?(?:\^|\*\*))", "*", text)
    text = re.sub(r"(?<=\d)(?: [eE] ?| ?[eE] )(?=[-+]?\d)", "e", text)
    return text.translate(WRITTEN)


def _refuse_other_kinds(text, unit):
    """Raise `Unclear`, with a sentence about the text, if it is a word, a bound or a range."""
    asked = f"asked is one number {name_of(unit)}".replace("number a pure", "pure")
    if not re.search(r"\d|[½⅓⅔¼¾]", text):
        raise Unclear(f"{text[:30]!r} holds no digits; {asked}.")
    if BOUND.match(text):
        raise Unclear(f"{text[:30]!r} is a bound; {asked}.")
    if match := RANGE.fullmatch(text):
        low, between, high = match.groups()
        if between not in "-–—" or float(low.replace("_", "")) < float(high.replace("_", "")):
            raise Unclear(f"{text[:30]!r} is more than one number; {asked}.")


def _refuse_comma(text):
    """Raise `Unclear`, with the reader's own number in it, at a decimal comma."""
    if re.search(r"\d,\d", text) and not re.search(r"(?:max|min)(?:imum)?\(", text, re.I):
        number = re.search(r"[\d.]*\d,\d[\d.,]*", text)[0].rstrip(".,")[:30]
        if number.count(",") > 1:
            raise Unclear(f"{number} cannot be read: write a decimal point, and no commas.")
        written = number.replace(".", "").replace(",", ".")
        raise Unclear(f"Write a decimal point, not a comma: {written}.")


def evaluations(answer, points, asked="A formula"):
    """Values of a formula at points, each a dict of symbols; raises `Unclear` if it has none.

    A SymPy expression is read in its printed form, so that one reader serves both; it is counted
    before it is printed, since printing could take for ever.
    """
    # A SymPy answer means that SymPy is loaded; without it this module stays quick to import.
    sympy = sys.modules.get("sympy")
    if sympy is not None and isinstance(answer, sympy.Basic):
        walk = sympy.preorder_traversal(answer)
        if len(list(islice(walk, MAX_NODES + 1))) > MAX_NODES:
            raise Unclear(f"This formula has more than {MAX_NODES} parts.")
        answer = str(answer)
    elif isinstance(answer, (numbers.Real, Decimal)) and not isinstance(answer, bool):
        try:
            return [float(answer)] * len(points)
        except OverflowError:
            raise Unclear("This number is too large to be judged.") from None
    elif not isinstance(answer, str):
        kind = type(answer).__name__[:20]
        if isinstance(answer, (list, tuple)):
            raise Unclear(f"{asked} is asked for, not a {kind}: take one of its entries.")
        raise Unclear(f"{asked} is asked for, not a value of type {kind}.")
    text = NAMED.sub("", _one_line(answer)).removeprefix("=").strip()
    _refuse_comma(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it may not like about the text
            tree = ast.parse(_plain(text), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unreadable(f"This cannot be read as a formula. {_star(text)}{FORMULAS_ARE}") from None
    if sum(1 for _ in ast.walk(tree)) > 4 * MAX_NODES:
        raise Unclear(f"This formula has more than {MAX_NODES} parts.")
    try:
        values = [float(_value(tree, point)) for point in points]
    except Unreadable:
        raise Unreadable(f"{_star(text)}{FORMULAS_ARE}") from None
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        raise Unclear("This formula has no value at some point of its range.") from None
    if not all(map(math.isfinite, values)):
        raise Unclear("This formula is not finite at some point of its range.")
    return values


def _star(text):
    """A question about the first place where a product may have lost its star."""
    match = MISSING_STAR.search(text)
    return f"Is a star missing in {match[0][:20]!r}? " if match else ""


def _value(node, symbols):
    """Value of a parsed formula. It knows arithmetic and a few functions, and nothing else."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return float(node.value)
        case ast.Name(id=name) if name in symbols:
            return symbols[name]
        case ast.Name(id=name):
            if not symbols:
                raise Unclear(f"A number is asked for, and {name[:20]!r} is none.")
            known = ", ".join(symbols)
            raise Unclear(f"The symbol {name[:20]!r} is not known here; known: {known}.")
        case ast.UnaryOp() if type(node.op) in SIGNS:
            return SIGNS[type(node.op)](_value(node.operand, symbols))
        case ast.BinOp() if type(node.op) in OPERATIONS:
            left, right = _value(node.left, symbols), _value(node.right, symbols)
            return OPERATIONS[type(node.op)](left, right)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name.lower() in FUNCTIONS:
            return FUNCTIONS[name.lower()](*(_value(argument, symbols) for argument in node.args))
        case _:
            raise Unreadable
