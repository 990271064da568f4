"""Reads what people answer: numbers with units, and formulas. Nothing is ever executed.

A string is read by a small parser that knows numbers, units, the symbols of an exercise and a few
functions. Its work is bounded, which takes the place of a clock.
"""

import ast
import math
import numbers
import re
import sys
import warnings
from itertools import islice

from helpers.plots import short

MAX_CHARACTERS, MAX_NODES = 2000, 500  # of an answer; far more than any right one needs
SCALES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
SCALES |= {"m": 1e-3, "n": 1e-9} | dict.fromkeys(("u", "µ", "μ"), 1e-6)  # two kinds of mu
SCALES |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}
# Units that mean the same quantity, each with its size in the unit of the series.
UNITS = {
    "flop": dict.fromkeys(("flop", "flops"), 1.0),
    "flop/s": dict.fromkeys(("flop/s", "flops/s", "flopS"), 1.0),
    "flop/B": dict.fromkeys(("flop/B", "flops/B", "flop/byte", "flops/byte"), 1.0),
    "B": {"B": 1.0, "byte": 1.0, "bytes": 1.0, "bit": 1 / 8, "bits": 1 / 8, "b": 1 / 8},
    "B/s": {"B/s": 1.0, "bit/s": 1 / 8, "b/s": 1 / 8},
    "s": dict.fromkeys(("s", "sec", "second", "seconds"), 1.0)
    | dict.fromkeys(("min", "minutes"), 60.0)
    | dict.fromkeys(("h", "hour", "hours"), 3600.0)
    | dict.fromkeys(("day", "days"), 86400.0)
    | dict.fromkeys(("year", "years"), 365 * 86400.0),
    "img/s": {"img/s": 1.0},
    "1": {"": 1.0, "%": 0.01, "times": 1.0, "x": 1.0, "×": 1.0},
}
UNIT_NAMES = {
    "1": "a pure number",
    "flop": "flop, a count",
    "flop/s": "flop/s, a speed",
    "img/s": "images each second (img/s)",
}
# Commas only between groups of three digits: "0,36" is no number here, and must not become 36.
NUMBER = r"[-+]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
UNIT = r"(?![eE][-+]?\d)(?:[A-Za-zµμ%]\S*|×$)"  # "e15/8e12" is the rest of a calculation
QUANTITY = re.compile(rf"\s*({NUMBER})\s*((?:{UNIT})?)\s*")
CALCULATION = re.compile(rf"\s*(.*\d.*?)\s+({UNIT})\s*")
FUNCTIONS = {
    "max": max,
    "min": min,
    "sqrt": math.sqrt,
    "log": math.log,
    "exp": math.exp,
    "abs": abs,
}
OPERATIONS = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
WRITTEN = str.maketrans(
    {"^": "**", "²": "**2", "³": "**3", "×": "*", "·": "*", "÷": "/", "−": "-"}
    | {"π": "pi", "β": "beta"}
)
FORMULAS_ARE = (
    "A formula is made of numbers, symbols, + - * / ** and a few functions, with a star in every "
    "product: 2*(n - 1), not 2(n - 1)."
)
NAMED = re.compile(r"^\s*\w+\s*=(?!=)")  # the "S =" of "S = 1/(1 - p)"


class Unclear(Exception):
    """An answer that cannot be read; the message says why."""


class WrongUnit(Unclear):
    """An answer in the unit of another quantity."""


def check_unit(unit):
    """Raise `ValueError` unless `unit` is a key of `UNITS`."""
    if not isinstance(unit, str) or unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(map(repr, UNITS))}, got {unit!r}")


def exact(answer):
    """The answer; a string as a plain one, since a subclass may say anything about itself."""
    return str.__str__(answer).strip() if isinstance(answer, str) else answer


def number_in(answer, unit):
    """An answer as a float in `unit`; raises `Unclear` with the reason if it is none."""
    answer = exact(answer)
    if isinstance(answer, str):
        value = _quantity_in(answer, unit)
    elif isinstance(answer, numbers.Real) and not isinstance(answer, bool):
        value = _float(answer)
    elif _is_sympy(answer):
        (value,) = evaluations(answer, [{}])
    else:
        raise Unclear(f"One number is asked for, not a value of type {_type_name(answer)}.")
    if not math.isfinite(value):
        raise Unclear("A finite number is asked for.")
    return value


def number_within(name, value, allowed):
    """A pure number of the reader, as a float; raises `Unclear` if it is not allowed."""
    try:
        number = number_in(value, "1")
    except Exception:  # a reader's object may do anything when it is read
        raise Unclear(f"{name} must be a plain number, {allowed.words}.") from None
    if allowed.refused(number):
        raise Unclear(f"{name} must be {allowed.words}, got {short(number)}.")
    return number


def _quantity_in(text, unit):
    """A string such as ``"236 Mflop"`` as a float in `unit`."""
    if len(text) > MAX_CHARACTERS:
        raise Unclear(f"This answer is longer than {MAX_CHARACTERS} characters.")
    text = " ".join(text.split()).removesuffix(".")  # runs of blanks would cost cubic time
    if match := QUANTITY.fullmatch(text):
        number, written = float(match[1].replace(",", "").replace("_", "")), match[2]
    else:
        match = CALCULATION.fullmatch(text)
        calculation, written = match.groups() if match else (text, "")
        (number,) = evaluations(calculation, [{}])
    if not written:
        return number
    for asked in (unit, *UNITS):  # the unit asked for comes first
        if (size := _size(written, asked)) is not None:
            break
    else:
        raise Unclear(f"The unit {written[:20]!r} is not known; asked is {_unit_name(unit)}.")
    if asked != unit:
        raise WrongUnit(f"This is in {_unit_name(asked)}; asked is {_unit_name(unit)}.")
    return number * size


def _unit_name(unit):
    return UNIT_NAMES.get(unit, unit)


def _size(written, unit):
    """How many of `unit` one of the `written` unit is; None if it is another quantity."""
    written = re.sub("(?i)flop", "flop", written)  # FLOP, Flop; FLOPS, a speed, becomes flopS
    for name, size in UNITS[unit].items():
        scale = SCALES.get(written.removesuffix(name)) if written != name else 1.0
        if written.endswith(name) and scale and (name or written == ""):
            return scale * size
    return None


def _type_name(answer):
    return type(answer).__name__[:20]


def _is_sympy(answer):
    # A SymPy answer means that SymPy is loaded; without it this module stays quick to import.
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(answer, sympy.Basic)


def _float(number):
    try:
        return float(number)
    except OverflowError:
        raise Unclear("This number is too large to be judged.") from None


def evaluations(answer, points):
    """Values of a formula at points, each a dict of symbols; raises `Unclear` if it has none.

    A SymPy expression is read in its printed form, so that one reader serves both; it is counted
    before it is printed, since printing could take for ever.
    """
    if _is_sympy(answer):
        walk = sys.modules["sympy"].preorder_traversal(answer)
        if len(list(islice(walk, MAX_NODES + 1))) > MAX_NODES:
            raise Unclear(f"This formula has more than {MAX_NODES} parts.")
        answer = str(answer)
    elif isinstance(answer, numbers.Real) and not isinstance(answer, bool):
        return [_float(answer)] * len(points)
    elif not isinstance(answer, str):
        raise Unclear(f"A formula is asked for, not a value of type {_type_name(answer)}.")
    if len(answer) > MAX_CHARACTERS:
        raise Unclear(f"This answer is longer than {MAX_CHARACTERS} characters.")
    if re.search(r"\d,\d", answer):
        raise Unclear("Write a decimal point, not a comma: 6.47.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it may not like about the text
            tree = ast.parse(NAMED.sub("", answer, 1).strip().translate(WRITTEN), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unclear(f"This cannot be read as a formula. {FORMULAS_ARE}") from None
    if sum(1 for _ in ast.walk(tree)) > 4 * MAX_NODES:
        raise Unclear(f"This formula has more than {MAX_NODES} parts.")
    try:
        values = [float(_value(tree, point)) for point in points]
    except (ArithmeticError, ValueError, TypeError, RecursionError):
        raise Unclear("This formula has no value at some point of its range.") from None
    if not all(map(math.isfinite, values)):
        raise Unclear("This formula is not finite at some point of its range.")
    return values


def _value(node, symbols):
    """Value of a parsed formula. It knows arithmetic and a few functions, and nothing else."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return float(node.value)
        case ast.Name(id=name) if name in symbols:
            return symbols[name]
        case ast.Name(id=name):
            known = ", ".join(symbols) or "none"
            raise Unclear(f"The symbol {name[:20]!r} is not known here; known: {known}.")
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, symbols)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, symbols)
        case ast.BinOp() if type(node.op) in OPERATIONS:
            left, right = _value(node.left, symbols), _value(node.right, symbols)
            return OPERATIONS[type(node.op)](left, right)
        case ast.Call(func=ast.Name(id=name), keywords=[]) if name.lower() in FUNCTIONS:
            return FUNCTIONS[name.lower()](*(_value(argument, symbols) for argument in node.args))
        case _:
            raise Unclear(FORMULAS_ARE)
