"""Pictures for everybody: for the colour-blind, in grey, on a projector and in print.

Held on the artists of every plot and of every control, whose marks are also its SVG.
"""

import re
from functools import cache, partial
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from examples import CONTROLS, PLOTS, drawn, walk
from helpers.controls.roofline import RooflineControl
from helpers.pictures.drawing import draw
from helpers.scenes.marks import BOTH, COMPUTE, LIGHT, MEMORY, PIXELS_PER_INCH, QUIET, Line, Words

# Web Content Accessibility Guidelines 2.2, 1.4.3 and 1.4.11: https://www.w3.org/TR/WCAG22/
TEXT_CONTRAST, SHAPE_CONTRAST = 4.5, 3.0
# CIE 1976 distance in Lab, where 2.3 is just noticeable on large patches side by side (Mahy, Van
# Eycken and Oosterlinck 1994, doi:10.1002/j.1520-6378.1994.tb00070.x). Thin lines apart need more.
MIN_DISTANCE = 20
MIN_GREY = 15  # of the 100 steps of lightness L*, from black to white
THINNER = 1.5  # a line is plainly thinner than another by this factor
MIN_POINTS = 9.0  # on the page, where a point is 96 / 72 CSS pixels

# How colours reach the eye with one kind of cone missing, in linear RGB: severity 1.0 of Machado,
# Oliveira and Fernandes 2009, doi:10.1109/TVCG.2009.113.
EYES = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Linear sRGB to CIE XYZ, IEC 61966-2-1; the second row is the luminance Y.
TO_XYZ = np.array(
    [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
)


def linear(colour):
    """Linear RGB of a colour of matplotlib, from its sRGB."""
    part = np.array(to_rgb(colour))
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(light):
    """CIE Lab of linear RGB; white is (100, 0, 0)."""
    share = TO_XYZ @ np.clip(light, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def distance(one, other, eye):
    """How far apart two colours look to an eye."""
    return float(np.linalg.norm(lab(eye @ linear(one)) - lab(eye @ linear(other))))


def grey_step(one, other):
    """How far apart two colours are in grey."""
    return float(abs(lab(linear(one))[0] - lab(linear(other))[0]))


def on_white(colour, alpha=None):
    """The opaque colour that a transparent one has on white paper."""
    *rgb, opacity = to_rgba(colour, alpha)
    return tuple(opacity * np.array(rgb) + 1 - opacity)


def contrast(colour):
    """Contrast to white, from 1 to 21."""
    return 1.05 / (TO_XYZ[1] @ linear(colour) + 0.05)


def look(scene):
    """What tells the marks of a scene from those of another, wherever they stand."""
    return frozenset(
        (mark.colour, mark.dashed, mark.width)
        if isinstance(mark, Line)
        else (mark.colour, mark.shape)
        for mark in scene.marks
        if not isinstance(mark, Words)
    )


@cache
def of_control(kind):
    """The Axes of a control's still pictures: one for each look that its marks take anywhere."""
    control, shown, found = kind(), set(), []
    for _ in walk(control):
        scenes = control.scenes()
        looks = tuple(map(look, scenes))
        if looks not in shown:
            shown.add(looks)
            axes = control.draw_all(Figure(figsize=control.size))
            found += [draw(ax, scene.marks) for ax, scene in zip(axes, scenes, strict=True)]
    return found


PICTURES = {
    **{name: partial(cache(drawn), name) for name in PLOTS},
    **{name: partial(of_control, kind) for name, kind in CONTROLS.items()},
}
every_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


def words(axes):
    """Every text that is seen."""
    found = []
    for figure in {ax.figure: None for ax in axes}:
        figure.draw_without_rendering()  # ticks get their texts when drawn
        found += figure.findobj(Text)
    return [text for text in found if text.get_text().strip() and text.get_visible()]


def is_drawn(line):
    return line.get_linestyle() != "None"


def level_share(line):
    """The share of a line's segments that are level: 0 for a rising one, 1 for a roof."""
    return np.mean(np.diff(line.get_ydata()) == 0) if len(line.get_ydata()) > 1 else 0.0


def dot_look(line):
    """What tells the dots of a line from others in grey: shape, and hollow or filled."""
    return line.get_marker(), to_rgb(line.get_markerfacecolor()) == (1, 1, 1)


def differ_without_colour(one, other):
    """Whether two lines or rows of dots are told apart by more than colour."""
    if is_drawn(one) != is_drawn(other) or dot_look(one) != dot_look(other):
        return True
    if not is_drawn(one):
        return False
    thin, thick = sorted(line.get_linewidth() for line in (one, other))
    return (
        one.get_linestyle() != other.get_linestyle()
        or {level_share(one), level_share(other)} == {0, 1}
        or thick >= THINNER * thin
    )


def dot_of(line, lines):
    """The dot that a line leads to, if it is upright and ends at one of its own colour."""
    x, y = line.get_xdata(), line.get_ydata()
    end = line.get_color(), x[-1], y[-1]
    for dot in lines if is_drawn(line) and x[0] == x[-1] else ():
        if not is_drawn(dot) and (dot.get_color(), *dot.get_xdata(), *dot.get_ydata()) == end:
            return dot
    return None


def are_told_apart(one, other, lines):
    """Whether two lines are, by themselves or by the dots that they lead to."""
    dots = [dot_of(line, lines) for line in (one, other)]
    return differ_without_colour(one, other) or (all(dots) and differ_without_colour(*dots))


def border_is_drawn(one, other, lines):
    """Whether two parts of one curve meet at a diamond or on a level line of another colour."""
    left, right = sorted((one, other), key=lambda line: line.get_xdata()[0])
    x, high = left.get_xdata()[-1], left.get_ydata()[-1]
    low = right.get_ydata()[0]
    for line in lines:
        marked = line.get_marker() == "D" and (line.get_xdata()[0], line.get_ydata()[0]) == (
            x,
            high,
        )
        crossed = level_share(line) == 1 and low <= line.get_ydata()[0] <= high
        if line.get_color() not in (MEMORY, COMPUTE) and (marked or crossed):
            return True
    return False


def test_the_colour_science_gives_known_values():
    assert contrast("black") == pytest.approx(21)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.005)  # the lightest grey for text
    assert lab(linear("white")) == pytest.approx([100, 0, 0], abs=1e-9)
    assert lab(linear("red")) == pytest.approx([53.2, 80.1, 67.2], abs=0.1)
    assert on_white("black", 0.5) == pytest.approx((0.5, 0.5, 0.5))
    for eye in EYES.values():  # greys look the same to all
        assert eye.sum(axis=1) == pytest.approx(1, abs=2e-6)
    # Red and green of equal lightness: plain to most, hard to tell without one kind of cone.
    red, green = "#c05050", "#578233"
    assert (
        distance(red, green, EYES["normal"]) > 70 > 35 > distance(red, green, EYES["deuteranopia"])
    )


@pytest.mark.parametrize("eye", EYES.values(), ids=EYES)
@pytest.mark.parametrize(
    "other", [COMPUTE, BOTH, QUIET, LIGHT], ids=["COMPUTE", "BOTH", "QUIET", "LIGHT"]
)
def test_memory_is_told_from_all_others_by_every_eye(other, eye):
    assert distance(MEMORY, other, eye) >= MIN_DISTANCE


@pytest.mark.parametrize("eye", EYES.values(), ids=EYES)
@pytest.mark.parametrize("other", [BOTH, QUIET, LIGHT], ids=["BOTH", "QUIET", "LIGHT"])
def test_compute_is_told_from_all_others_by_every_eye(other, eye):
    assert distance(COMPUTE, other, eye) >= MIN_DISTANCE


def test_the_two_regimes_and_the_three_greys_differ_in_grey():
    assert grey_step(MEMORY, COMPUTE) >= MIN_GREY
    for one, other in combinations([BOTH, QUIET, LIGHT], 2):
        assert grey_step(one, other) >= MIN_GREY


@every_picture
def test_text_is_dark_enough_and_large_enough(picture):
    for text in words(picture()):
        assert contrast(on_white(text.get_color(), text.get_alpha())) >= TEXT_CONTRAST, text
        # Stills are shown pixel for pixel: a point of the figure is 100 / 72 CSS pixels.
        assert text.get_fontsize() * PIXELS_PER_INCH / 96 >= MIN_POINTS, text
        assert "$" not in text.get_text(), text  # exponents in formulas are smaller than the rest


def test_text_of_moving_pictures_is_large_enough():
    svg = RooflineControl().moving.value
    (pixels,) = re.findall(r"font:(\d+)px", svg)
    assert "font-size" not in svg
    assert int(pixels) * 72 / 96 >= MIN_POINTS


@every_picture
def test_shapes_stand_out_from_white(picture):
    for ax in picture():
        for line in ax.lines:
            parts = [line.get_color()] if is_drawn(line) else []
            if line.get_marker() != "None":
                parts = [line.get_markeredgecolor(), line.get_markerfacecolor()]
            strongest = max(contrast(on_white(part, line.get_alpha())) for part in parts)
            assert strongest >= SHAPE_CONTRAST, line
        areas = [(area.get_facecolor(), area.get_edgecolor()) for area in ax.patches]
        for area in ax.collections:
            areas += [(face,) for face in area.get_facecolor()]
        for parts in areas:
            assert max(contrast(on_white(part)) for part in parts) >= SHAPE_CONTRAST


@every_picture
def test_whatever_differs_in_colour_differs_in_grey_too(picture):
    for ax in picture():
        for one, other in combinations(ax.lines, 2):
            if one.get_color() != other.get_color():
                assert grey_step(one.get_color(), other.get_color()) >= MIN_GREY or (
                    are_told_apart(one, other, ax.lines)
                ), (one.get_color(), other.get_color())
        for one, other in zip(ax.patches, ax.patches[1:], strict=False):
            faces = one.get_facecolor(), other.get_facecolor()
            assert faces[0] == faces[1] or grey_step(*faces) >= MIN_GREY


@every_picture
def test_regimes_are_told_apart_without_colour(picture):
    for ax in picture():
        memory, compute = (
            [line for line in ax.lines if line.get_color() == colour and not dot_of(line, ax.lines)]
            for colour in (MEMORY, COMPUTE)
        )
        for one in memory:
            for other in compute:
                assert differ_without_colour(one, other) or (
                    is_drawn(one) and border_is_drawn(one, other, ax.lines)
                )


def test_a_dot_has_the_shape_of_its_regime_in_every_picture():
    found = {
        (line.get_color(), line.get_marker())
        for picture in PICTURES.values()
        for ax in picture()
        for line in ax.lines
        if line.get_color() in (MEMORY, COMPUTE) and not is_drawn(line)
    }
    assert found == {(MEMORY, "o"), (COMPUTE, "s")}


def test_moving_pictures_have_the_shapes_of_the_stills():
    # A memory-bound task is a circle; a compute-bound one a square; the ridge a turned square.
    svg = RooflineControl().moving.value
    assert len(re.findall(rf'<circle [^>]*fill="{MEMORY}"', svg)) == 1
    squares = re.findall(r'<rect [^>]*fill="(#\w+)"( transform="rotate)?', svg)
    assert squares == [(BOTH, ' transform="rotate'), (COMPUTE, "")]
