"""Where marks stand in the picture of a control: inside it, and no words on other words.

The still picture and the SVG are made from the same places, so that they agree. All places are
pixels of the page, counted from the top left corner, as in SVG.
"""

import math
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from helpers.scenes.marks import PIXELS_PER_INCH, Dot, Line, Words

PIXELS_PER_POINT = PIXELS_PER_INCH / 72
OFF = " (off the page)"
DOT_RADIUS = 7
MARGIN = 2  # pixels that stay free around words
ADVANCES = {}  # those of `advance` so far
FARTHER = (1, 1.6, 2.4, 3.4)  # how much farther from its point words may stand, tried in turn


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def shared(self, other):
        """Area that lies in both."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0.0


class Frame:
    """The place of one Axes in its picture, for Axes that will not be laid out again.

    Parameters
    ----------
    width : float
        Of the picture, pixels.
    box : sequence of float
        The four sides of the Axes, as those of a `Box`.
    scales : sequence of str
        "linear" or "log", of x and of y.
    limits : sequence of (float, float)
        Ends of x and of y.
    """

    def __init__(self, width, box, scales, limits):
        self.made_of = width, box, scales, limits  # plain numbers, to be made again elsewhere
        self.box = Box(*box)
        # Words may stand over the picture's empty sides, not over the scales.
        low = self.box.bottom - MARGIN
        self.free = Box(self.box.left + MARGIN, MARGIN, width - MARGIN, low)
        self.limits = tuple(map(tuple, limits))
        # matplotlib's own transforms cost ten times as much for the few points of a mark.
        self._x = _straight(scales[0], limits[0], (self.box.left, self.box.right))
        self._y = _straight(scales[1], limits[1], (self.box.bottom, self.box.top))

    @classmethod
    def of(cls, ax):
        """The frame of a matplotlib Axes."""
        # Pixels as on the page: the figure's own dpi differs, and pages count from the top.
        scale = PIXELS_PER_INCH / ax.figure.dpi
        width, height = (PIXELS_PER_INCH * ax.figure.get_size_inches()).tolist()
        left, bottom, right, top = (scale * ax.get_window_extent().extents).tolist()
        limits = [list(map(float, ends)) for ends in (ax.get_xlim(), ax.get_ylim())]
        box = [left, height - top, right, height - bottom]
        return cls(width, box, [ax.get_xscale(), ax.get_yscale()], limits)

    def pixels(self, x, y):
        """Places of points that are given in data coordinates."""
        return list(zip(map(self._x, x), map(self._y, y), strict=True))

    def arrange(self, marks, taken):
        """Marks as they are to be drawn: lines, then dots, then words, each where it can be seen.

        A dot that leaves the Axes stays at their edge, and its words say so. Words of anything
        else that is out of sight are left out.

        Parameters
        ----------
        marks : list of Line, Dot, Words
        taken : list of Box
            Where other words of the picture stand; those that are placed here are added.
        """
        lines = [mark for mark in marks if isinstance(mark, Line)]
        dots = [mark for mark in marks if isinstance(mark, Dot)]
        points = {(dot.x, dot.y) for dot in dots}
        dots = [self._pinned(dot) for dot in dots]
        covered = [_around(*self.pixels([dot.x], [dot.y])[0]) for dot in dots]
        words = []
        for mark in marks:
            if isinstance(mark, Words):
                anchors = [at for at in ((mark.x, mark.y), *mark.others) if self._in_sight(*at)]
                if not anchors and (mark.x, mark.y) in points:
                    mark = replace(self._pinned(mark), text=mark.text + OFF)
                    anchors = [(mark.x, mark.y)]
                if anchors:
                    words.append(self._placed(mark, anchors, taken, covered))
            elif not isinstance(mark, Line | Dot):
                raise ValueError(f"marks must be Line, Dot or Words, got {mark!r}")
        return [*lines, *dots, *words]

    def _in_sight(self, x, y):
        (left, right), (bottom, top) = self.limits
        return left <= x <= right and bottom <= y <= top

    def _pinned(self, mark):
        """The mark, at the edge of the Axes if it lies beyond."""
        (left, right), (bottom, top) = self.limits
        if self._in_sight(mark.x, mark.y):
            return mark
        return replace(mark, x=min(max(mark.x, left), right), y=min(max(mark.y, bottom), top))

    def _placed(self, words, anchors, taken, covered):
        """The words where they lie on the least: on no words, on no dot, nearest to their own."""
        width, height = size_of(words.text)
        shift = {"left": 0, "center": width / 2, "right": width}
        best, least = None, (math.inf, math.inf)
        for align, (right, up) in _offsets(words):
            for x, y in anchors:
                at, down = self.pixels([x], [y])[0]
                free = self.free
                left = at + right - shift[align]
                left = max(min(left, free.right - width), free.left)
                top = max(min(down - up - height / 2, free.bottom - height), free.top)
                box = Box(left, top, left + width, top + height)
                cost = _shared(box, taken), _shared(box, covered)
                if cost < least:
                    offset = left + shift[align] - at, down - top - height / 2
                    best, least = (box, x, y, align, offset), cost
                    if cost == (0, 0):
                        break
            if least == (0, 0):
                break
        box, x, y, align, offset = best
        taken.append(box)
        offset = tuple(pixels / PIXELS_PER_POINT for pixels in offset)
        return replace(words, x=x, y=y, align=align, offset=offset)


def _offsets(words):
    """Alignments and offsets in pixels to try: as wished, mirrored, around, and farther away."""
    right, up = (PIXELS_PER_POINT * points for points in words.offset)
    mirrored = {"left": "right", "right": "left", "center": "center"}
    for times in FARTHER:
        yield words.align, (right * times, up * times)
        yield words.align, (right * times, -up * times)
        yield mirrored[words.align], (-right * times, up * times)
        yield mirrored[words.align], (-right * times, -up * times)
        for align, across in (("left", 10), ("right", -10), ("center", 0)):
            for along in (18, -18, 0):
                if across or along:
                    yield align, (across * times, along * times)


def _shared(box, others):
    return sum(box.shared(other) for other in others)


def _around(x, y):
    return Box(x - DOT_RADIUS, y - DOT_RADIUS, x + DOT_RADIUS, y + DOT_RADIUS)


@cache
def _font():
    """The font of the still pictures, at their size on the page; few are wider."""
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    # One of our own: matplotlib sets the size of the one that it shares whenever it draws.
    font = FT2Font(findfont(FontProperties("DejaVu Sans")))
    font.set_size(10, PIXELS_PER_INCH)
    return font


def advance(character):
    """How far a character of that font moves the next one, pixels."""
    if character not in ADVANCES:
        there = _font().get_char_index(ord(character))  # if not, another font has it
        glyph = _font().load_char(ord(character if there else "m"))
        ADVANCES[character] = glyph.linearHoriAdvance / 2**16
    return ADVANCES[character]


def size_of(text):
    """Width and height of a line of words, pixels; in a browser's font it is hardly ever more."""
    return sum(map(advance, text)) + 2, 17.0


def _straight(scale, limits, pixels):
    """The function from data to pixels along an axis that is linear or logarithmic."""
    reading = {"linear": float, "log": math.log10}[scale]
    (low, high), (first, last) = map(reading, limits), pixels
    slope = (last - first) / (high - low)
    return lambda value: first + slope * (reading(value) - low)
