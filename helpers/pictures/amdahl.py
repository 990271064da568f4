"""Amdahl's curve."""

from helpers.amdahl import limit, speedup
from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.scenes.amdahl import SPEEDUP_RANGE, speedup_scene
from helpers.scenes.marks import COMPUTE, MEMORY, QUIET, Words
from helpers.words import short


@picture
def plot_speedup(p, *, r=1.0, ax=None, s=None, last=None):
    """Draw Amdahl's speed-up S against s, its ceiling, and the ideal S = s.

    Parameters
    ----------
    p : float
        Fraction of the serial time that the speed-up touches, from 0 to 1.
    r : float
        Factor by which bandwidth falls when the compute unit is sped up.
    s : float, optional
        A speed-up of the compute unit to mark with a dot.
    last : float, optional
        The largest s of linear axes, for p below 1; logarithmic axes to 1000 if None.
    """
    ax, marks = speedup_axes(ax), speedup_scene(p, r, s).marks
    if last is None:
        return draw(ax, marks)
    ceiling, above = limit(p, r), 0.8 * limit(p)
    ax.set(xscale="linear", yscale="linear", xlim=(0, last), ylim=(0, 1.25 * limit(p)))
    words = [
        Words(above, above, "S = s", QUIET, "right", (-6, 6)),
        Words(1, ceiling, f"ceiling {short(ceiling)}", MEMORY, "left", (6, 8)),
    ]
    if r != 1:
        words.append(Words(last, speedup(p, last), "r = 1", QUIET, "right", (-4, 8)))
    if s is not None:
        label = f"S = {short(speedup(p, s, r))} at s = {short(s)}"
        words.append(Words(s, speedup(p, s, r), label, COMPUTE, "left", (9, -11)))
    return draw(calm(ax), [mark for mark in marks if not isinstance(mark, Words)] + words)


@picture
def speedup_axes(ax=None):
    """Empty log-log axes for speed-ups, labelled."""
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlim=SPEEDUP_RANGE, ylim=(0.05, 1000))
    ax.set_xlabel("speed-up of the compute unit, s")
    ax.set_ylabel("speed-up of the whole task, S")
    return calm(ax)
