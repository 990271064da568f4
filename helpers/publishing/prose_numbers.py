"""Numbers in prose, and what supports them.

A number in a text is *supported* if a number near by equals it, rounded to the digits that the
text prints. Near by means an output or a literal of the code in the same section of the notebook;
what has its support elsewhere is declared in a file of `tests/claims/`.

Numbers that are names are no claims. They are told by rule: part of a word (ResNet-50, FP32), the
version of a thing whose name has capitals inside (PCIe 3.0), the number of a place (notebook 10,
question 2), a year, a power of ten (10⁹). A count below ten without a unit is a word.
"""

import ast
import math
import re
from dataclasses import dataclass

from helpers.exercises.units import SCALES

PREFIXES = {"": 1.0} | SCALES
# Each way to write a unit: the quantity, and the size in the unit that stands for it.
UNITS = {
    unit: (unit, 1.0)
    for unit in ("flop/s", "op/s", "flop/B", "flop", "B/s", "B", "img/s", "Hz", "s")
}
UNITS |= {"bit/s": ("bit/s", 1.0), "b/s": ("bit/s", 1.0), "flops": ("flop", 1.0)}
UNITS |= {"bE": ("bit/s", 1.0)}  # 10 GbE, an Ethernet of 10 Gbit/s
UNITS |= dict.fromkeys(("seconds", "second"), ("s", 1.0))
UNITS |= dict.fromkeys(("min", "minutes", "minute"), ("s", 60.0))
UNITS |= dict.fromkeys(("h", "hours", "hour"), ("s", 3600.0))
UNITS |= dict.fromkeys(("days", "day"), ("s", 86400.0))
UNITS |= {"%": ("%", 0.01), "times": ("times", 1.0)}
UNITS |= {"million": ("", 1e6), "billion": ("", 1e9)}
UNIT = re.compile(
    rf"[  ]?(?P<prefix>{'|'.join(sorted(PREFIXES, key=len, reverse=True))})"
    rf"(?P<unit>{'|'.join(sorted(map(re.escape, UNITS), key=len, reverse=True))})(?![\w/])"
)
NUMBER = re.compile(
    r"(?<![\w.,/^@#])(?<![A-Za-z][-–])"  # not inside a word, a version or a path
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<exponent>e[+-]?\d+)?"
    r"(?![\w^⁰¹²³⁴⁵⁶⁷⁸⁹]|\.\d|,\d{3}|-[A-Z]|[- ]bits?\b)"  # nor FP16's other name
)
SHARED = re.compile(r"(?:(?:,? (?:to|and|or) |, )\d[\d.,]*)+(?=[  ]?[A-Za-zµ%])")
PLACE = re.compile(
    r"(?:notebooks?|chapters?|sections?|questions?|exercises?|steps?|table|figures?|page|line|issues?"
    r"|requests?|trap|number|seed|#|No\.)[  ](?:from[  ])?(?:\d+(?:,[  ]|[  ](?:and|to|or)[  ]))*$",
    re.IGNORECASE,
)
THING = re.compile(r"\b\w+[A-Z]\w*[  ]v?$")  # PCIe 3.0, EPYC 7742, MLPerf v0.6
YEAR = re.compile(r"(?:19[5-9]|20[0-3])\d")
CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):(\d\d)(?![\d:])")
GAP = "\x00"  # stands for what is no prose
HIDDEN = re.compile(  # what a reader does not see, and what is a name as a whole
    r"`[^`]*`|\]\([^)\s]*\)|<[^>]+>|https?://\S+|arXiv:\S+|\S+@[0-9a-f]{7,}|^\s*\d+\.(?=\s)"
    r"|\d\d (?=· )|(?<=\[)\d\d(?=\])"  # [11 · Find the mistake], [03]
    r"|\b[A-Z]+\d+-\d+\b"  # A100-40
    r"|\bLlama \d\.\d\b",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Quantity:
    """A number as it is written: its value, and the step of its last digit (0: exact)."""

    value: float
    step: float
    kind: str  # of quantity, in the units of the series; "" without a unit
    text: str
    mantissa: float  # the value as written, before prefix and unit
    start: int = 0

    @property
    def is_whole(self):
        """Whether this is a whole number of things, which nobody rounds."""
        return not self.kind and self.step == 1

    @property
    def digits(self):
        """How many digits tell it from others."""
        return len(re.sub(r"\D", "", self.text.split("e")[0]).strip("0"))

    @property
    def unit(self):
        """Size of the unit that the number is written in."""
        return self.value / self.mantissa if self.mantissa else 1.0

    def supports(self, claim):
        """Whether `claim` is this number, rounded to the digits that `claim` prints."""
        if re.match(r"0\d", claim.text):
            return False  # nobody writes 07 for 7
        if claim.value == 0:
            return self.text == claim.text
        if claim.is_whole:
            return not self.kind and math.isclose(self.value, claim.value)
        if self.kind == claim.kind or (not self.kind and claim.kind != "times"):
            if _rounds(self.value, self.step, claim.value, claim.step):
                return True
        written = claim.value / claim.unit, claim.step / claim.unit
        # A table has its unit in its head, and a text may leave it out.
        if not self.kind and self.step and claim.kind not in ("", "%"):
            return _rounds(self.value, self.step, *written)
        if not self.kind and claim.kind == "times":
            return _rounds(self.value, self.step, *written)
        if self.kind not in ("", "%") and not claim.kind:
            return _rounds(self.mantissa, self.step / self.unit, *written)
        return False


def _rounds(value, step, printed, printed_step):
    """Whether a value known to `step` is the one printed, to `printed_step`."""
    near = abs(value - printed) <= 0.5 * printed_step * (1 + 1e-6)
    return near and step <= printed_step * (1 + 1e-6)


def exact(value, text=""):
    """A number that is no text: a literal, or the value of an expression."""
    return Quantity(float(value), 0.0, "", text or f"{value:.6g}", float(value))


def quantities(text):
    """Every number that `text` claims, in order; names are left out."""
    text = HIDDEN.sub(_gap, text)
    found = [clock(*time.groups(), time.start()) for time in CLOCK.finditer(text)]
    text = CLOCK.sub(_gap, text)
    for match in NUMBER.finditer(text):
        unit = UNIT.match(text, match.end())
        before = text[max(0, match.start() - 60) : match.start()]
        digits = match["digits"].replace(",", "")
        if not unit:
            if PLACE.search(before) or THING.search(before):
                continue
            if YEAR.fullmatch(match["digits"]):
                continue
            if len(digits) == 1 and not match["exponent"]:
                continue
        if not unit and (later := SHARED.match(text, match.end())):
            unit = UNIT.match(text, later.end())  # "from 17.4 to 139 flop/B"
        exponent = int((match["exponent"] or "e0")[1:])
        mantissa = float(digits) * 10.0**exponent
        step = 10.0 ** (exponent - len(digits.partition(".")[2]))
        kind, scale = UNITS[unit["unit"]] if unit else ("", 1.0)
        if unit:
            scale *= PREFIXES[unit["prefix"]]
        shown = f"{match[0]} {unit['prefix']}{unit['unit']}" if unit else match[0]
        found.append(Quantity(mantissa * scale, step * scale, kind, shown, mantissa, match.start()))
    return sorted(found, key=lambda number: number.start)


def clock(hours, minutes, start=0):
    """A time of day, in minutes."""
    value = 60.0 * int(hours) + int(minutes)
    return Quantity(value, 1.0, "clock", f"{int(hours)}:{int(minutes):02}", value, start)


def _gap(hidden):
    return re.sub(r"[^\n]", GAP, hidden[0])


def literals(code):
    """Numbers written in code, with the arithmetic on literals done."""
    nodes = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.expr))
    values = (_folded(node) for node in nodes)
    return [exact(value) for value in values if value is not None and math.isfinite(value)]


def words_in(code):
    """The texts in code, of an f-string what is fixed in it; no format and no docstring."""

    def visit(node):
        match node:
            case ast.Expr(value=ast.Constant()) | ast.FormattedValue(format_spec=ast.expr()):
                children = [node.value] if isinstance(node, ast.FormattedValue) else []
            case ast.JoinedStr(values=parts):
                texts = (part.value if isinstance(part, ast.Constant) else GAP for part in parts)
                yield "".join(texts)
                children = [part for part in parts if not isinstance(part, ast.Constant)]
            case ast.Constant(value=str() as text):
                yield text
                children = []
            case _:
                children = ast.iter_child_nodes(node)
        for child in children:
            yield from visit(child)

    yield from visit(ast.parse(code))


def _folded(node):
    """Value of arithmetic on literals alone; None if there is a name in it."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return float(value)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _folded(operand)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right):
            left, right = _folded(left), _folded(right)
            if left is None or right is None:
                return None
            try:
                return {
                    ast.Add: lambda: left + right,
                    ast.Sub: lambda: left - right,
                    ast.Mult: lambda: left * right,
                    ast.Div: lambda: left / right,
                    ast.Pow: lambda: left**right,
                }[type(op)]()
            except (KeyError, ArithmeticError):
                return None
    return None


def printed(cell):
    """Text of the outputs of a code cell."""
    return "\n".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def computed(cell):
    """What a code cell computes: its literals, and what it prints but for what its texts hold."""
    numbers = literals(cell.source)
    typed = [number.text for words in words_in(cell.source) for number in quantities(words)]
    for number in quantities(printed(cell)):
        if number.text in typed:
            typed.remove(number.text)
        else:
            numbers.append(number)
    return numbers
