"""A scaling table: the runs, the law that they obey, and what it says of larger counts."""

import numpy as np

from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.scenes.marks import BOTH, QUIET, Line, Words
from helpers.scenes.scaling import scaling_limits, scaling_scene
from helpers.words import percent

MOST_TICKS = 8


@picture
def plot_fit(fit, *, count=None, further=(), ax=None):
    """Draw the efficiencies of a fitted table, its law, and the interval of further runs.

    Parameters
    ----------
    fit : helpers.scaling.ScalingFit
        Of the runs, drawn as dots; the two runs to add are diamonds.
    count : float, optional
        One of the counts of `fit.predictions`, to mark.
    further : sequence of (int, float)
        Runs that the fit has not seen, drawn as squares: devices and throughput.
    """
    return draw(scaling_axes(*scaling_limits(fit), ax=ax), scaling_scene(fit, count, further).marks)


@picture
def scaling_axes(counts=(1, 128), top=1.0, *, ax=None):
    """Empty axes for efficiencies over numbers of devices, from the first to the last count."""
    ax = new_axes(ax)
    first, last = counts
    # A little room below 0, where the runs to add are drawn.
    ax.set(xscale="log", xlim=(first / 1.2, last * 1.2), ylim=(-0.06 * top, 1.12 * top))
    ax.set_xlabel("devices n")
    ax.set_ylabel("efficiency (smallest run: 1)")
    doublings = int(np.log2(last / first) + 1e-9)
    step = doublings // MOST_TICKS + 1
    calm(ax).set_xticks([first * 2**power for power in range(0, doublings + 1, step)])
    return ax


@picture
def plot_foretold(errors, *, named=(), ax=None):
    """Draw how far two ways of predicting miss the largest run of each table, against each other.

    Parameters
    ----------
    errors : dict
        For each table the relative errors of "efficiency stays" and of the choice.
    named : sequence of str
        Tables to write beside their dot.
    """
    ax, low, high = new_axes(ax, (6.5, 4.5)), 1e-4, 10
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    ax.set_xlabel('error of "efficiency stays"')
    ax.set_ylabel("error of the choice")
    draw(ax, [Line((low, high), (low, high), QUIET, True, 1.0)])
    for name, pair in errors.items():
        x, y = np.maximum(np.abs(pair), low)
        ax.plot([x], [y], "o", color=BOTH, markerfacecolor="none", markersize=5)
        if name in named:
            draw(ax, [Words(x, y, name, QUIET, "right", (-8, 0))])
    calm(ax)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda value, _: percent(value))
    return ax
