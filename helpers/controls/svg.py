"""The marks of a scene as SVG, for the part of a control that moves."""

import html

from helpers.controls.places import PIXELS_PER_POINT
from helpers.scenes.marks import HALO, PIXELS_PER_INCH, Line, Words

SVG_STYLE = "display:block;font:13px sans-serif;paint-order:stroke"  # words lie on their halo


def svg(size, drawing, sentence):
    """The moving picture, and its sentence below it for everybody."""
    width, height = (round(PIXELS_PER_INCH * length) for length in size)
    sentence = html.escape(sentence)
    return (
        f'<svg role="img" aria-label="{sentence}" viewBox="0 0 {width} {height}" '
        f'style="{SVG_STYLE}">{drawing}</svg>'
        f'<p aria-live="polite" style="margin:0;line-height:1.4">{sentence}</p>'
    )


def drawing(placed):
    """The marks on one Axes, given as its frame and what `Frame.arrange` made of them, as SVG."""
    frame, marks = placed
    lines, others = [], []
    for mark in marks:
        (lines if isinstance(mark, Line) else others).append(_element(frame, mark))
    left, top, right, bottom = frame.box
    x, y, width, height = (f"{number:.1f}" for number in (left, top, right - left, bottom - top))
    # A nested viewport clips lines at the frame; dots and words may stand over it.
    return (
        f'<svg x="{x}" y="{y}" width="{width}" height="{height}" '
        f'viewBox="{x} {y} {width} {height}">{"".join(lines)}</svg>{"".join(others)}'
    )


def _element(frame, mark):
    if isinstance(mark, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in frame.pixels(mark.x, mark.y))
        dash = ' stroke-dasharray="6 4"' if mark.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
            f'stroke-width="{mark.width}"{dash}/>'
        )
    ((x, y),) = frame.pixels([mark.x], [mark.y])
    if isinstance(mark, Words):
        right, up = (PIXELS_PER_POINT * points for points in mark.offset)
        anchor = {"left": "start", "center": "middle", "right": "end"}[mark.align]
        return (
            f'<text x="{x + right:.1f}" y="{y - up:.1f}" fill="{mark.colour}" '
            f'stroke="white" stroke-width="{HALO}" '
            f'text-anchor="{anchor}" dominant-baseline="central">'
            f"{html.escape(mark.text)}</text>"
        )
    if mark.shape == "o":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{mark.colour}"/>'
    turn = f' transform="rotate(45 {x:.1f} {y:.1f})"' if mark.shape == "D" else ""
    return (
        f'<rect x="{x - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" '
        f'fill="{mark.colour}"{turn}/>'
    )
