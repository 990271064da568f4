"""What a picture says, as marks: lines, dots and words in data coordinates, computed by the models.

A scene needs no library to draw with: `helpers.pictures` makes matplotlib artists of it, and
`helpers.controls` SVG.

Colours mean the same everywhere: `MEMORY` for what bandwidth limits, `COMPUTE` for what the
compute unit limits, `QUIET` for what is there for comparison. Whoever does not see the hue tells
them apart by lightness, shape or dash (`tests/test_colours.py`).
"""

from dataclasses import dataclass, field

from helpers.roofline import BALANCED, COMPUTE_BOUND, MEMORY_BOUND

PIXELS_PER_INCH = 100
SIZE = (6.5, 4.0)  # of a picture, inches
HALO = 3  # points of white around words, so that they can be read across a line
MEMORY, COMPUTE, BOTH, QUIET, LIGHT = "#00497a", "#c04f00", "#2b2b2b", "#6b6b6b", "#939393"
ROOF_COLOURS = {MEMORY_BOUND: MEMORY, COMPUTE_BOUND: COMPUTE}
DOT_SHAPES = {MEMORY_BOUND: "o", COMPUTE_BOUND: "s"}  # so that the regimes differ without colour
# Labels stand above their roof, clear of the lines that drop from other tasks.
LABEL_PLACES = {
    MEMORY_BOUND: ("right", (-9, 7)),
    BALANCED: ("left", (9, -12)),
    COMPUTE_BOUND: ("center", (0, 13)),
}


@dataclass(frozen=True)
class Line:
    """A line through points in data coordinates."""

    x: tuple
    y: tuple
    colour: str = BOTH
    dashed: bool = False
    width: float = 2.0


@dataclass(frozen=True)
class Dot:
    """A dot in data coordinates: ``"o"`` round, ``"s"`` square, ``"D"`` diamond."""

    x: float
    y: float
    colour: str = BOTH
    shape: str = "o"


@dataclass(frozen=True)
class Words:
    """A short text beside a point in data coordinates.

    `align` says which end of the text sits at the point; `offset` moves it, in points, right
    and up. A control looks for another place where these would be cut or lie on other words, at
    this point or at one of the `others` that would do as well, such as elsewhere along a line.
    """

    x: float
    y: float
    text: str
    colour: str = BOTH
    align: str = "left"
    offset: tuple = (0, 0)
    others: tuple = ()


@dataclass(frozen=True)
class Scene:
    """What a picture says: its marks, and the same finding in one sentence."""

    marks: list = field(default_factory=list)
    sentence: str = ""
