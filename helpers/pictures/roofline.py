"""Rooflines, with tasks and with many kernels."""

import numpy as np

from helpers.pictures.drawing import calm, draw, new_axes, new_panels, picture, si_ticks
from helpers.roofline import attainable, bound, ridge
from helpers.scenes.marks import BOTH, DOT_SHAPES, QUIET, ROOF_COLOURS, Dot, Line, Words
from helpers.scenes.roofline import roofline_scene


@picture
def plot_roofline(
    peak, bandwidth, tasks=None, *, before=None, ax=None, intensities=(0.05, 2000), name=None
):
    """Draw the roofline min(pi, beta I) of a machine, and tasks on it.

    Parameters
    ----------
    peak, bandwidth : float
        pi in flop/s and beta in B/s.
    tasks : dict, optional
        Name of each task and its intensity I in flop/B.
    before : tuple, optional
        (peak, bandwidth) of an earlier machine, drawn in grey for comparison.
    intensities : tuple
        First and last intensity on the horizontal axis.
    name : str, optional
        Name of the machine, as a title.
    """
    top = attainable(np.inf, peak, bandwidth)
    ax = roofline_axes(ax, intensities, (attainable(intensities[0], peak, bandwidth) / 2, 3 * top))
    if name:
        ax.set_title(name)
    marks = roofline_scene(peak, bandwidth, tasks or {}, intensities).marks
    if before:
        corners = np.clip([intensities[0], ridge(*before), intensities[1]], *intensities)
        earlier = Line(tuple(corners), tuple(attainable(corners, *before)), QUIET, True)
        start = [Dot(at, attainable(at, *before), QUIET) for at in (tasks or {}).values()]
        marks = [earlier, *start, *marks]
    return draw(ax, marks)


@picture
def roofline_axes(ax=None, intensities=(0.05, 2000), performances=(3e9, 1e16)):
    """Empty log-log axes for rooflines, labelled with quantity and unit."""
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlim=intensities, ylim=performances)
    ax.set_xlabel("arithmetic intensity I (flop/B)")
    ax.set_ylabel("attainable performance P (flop/s)")
    si_ticks(calm(ax).yaxis)
    return ax


@picture
def plot_kernels(peak, bandwidth, groups, *, named=None, axes=None, intensities=(0.05, 2000)):
    """Draw groups of kernels on the same roofline, a panel for each group.

    Parameters
    ----------
    peak, bandwidth : float
        pi in flop/s and beta in B/s.
    groups : dict
        Name of each group and the intensities of its kernels, flop/B.
    named : dict, optional
        Kernels to name in every panel: the name, and the intensity in each group.
    intensities : tuple
        First and last intensity on the horizontal axes.
    """
    axes = new_panels(axes, len(groups), 3.2)
    for panel, (ax, (group, kernels)) in enumerate(zip(axes, groups.items(), strict=True)):
        plot_roofline(peak, bandwidth, ax=ax, intensities=intensities)
        ax.set_ylim(top=12 * peak)  # a panel is low: room for the words at the ridge
        kernels = np.asarray(kernels)
        regimes = bound(kernels, peak, bandwidth)
        for regime in np.unique(regimes):
            chosen, colour = kernels[regimes == regime], ROOF_COLOURS.get(regime, BOTH)
            ax.plot(
                chosen,
                attainable(chosen, peak, bandwidth),
                DOT_SHAPES.get(regime, "D"),
                color=colour,
                markerfacecolor=(colour, 0.5),  # many coincide; the rim of each stays dark
                markersize=6,
            )
        for name, places in (named or {}).items():
            here = places[panel], attainable(places[panel], peak, bandwidth)
            left = places[panel] < ridge(peak, bandwidth)
            below = ("left", (7, -9)) if left else ("center", (0, -14))
            draw(ax, [Words(*here, name, BOTH, *below)])
        right = int((kernels > ridge(peak, bandwidth)).sum())
        ax.set_title(f"{group}: {right} of {kernels.size} right of the ridge", fontsize=10)
        ax.label_outer()
    return axes
