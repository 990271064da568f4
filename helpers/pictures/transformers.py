"""Pictures of transformers: attention's share of the work, one layer on the roofs of devices."""

import numpy as np

from helpers.pictures.drawing import calm, draw, new_axes, picture, si_ticks
from helpers.pictures.roofline import roofline_axes
from helpers.roofline import attainable, bound, ridge
from helpers.scenes.marks import (
    BOTH,
    COMPUTE,
    DOT_SHAPES,
    MEMORY,
    QUIET,
    ROOF_COLOURS,
    Dot,
    Line,
    Words,
)
from helpers.transformers import attention_work, weights_work
from helpers.words import short


@picture
def plot_attention_share(transformers, *, ax=None, lengths=(1024, 2**20)):
    """Draw attention's share of the work of training over the length of the sequence.

    A solid line counts all pairs of tokens, a dashed one what a decoder must compute, about half of
    them.

    Parameters
    ----------
    transformers : sequence of helpers.transformers.Transformer
        From the one whose attention grows first to the one whose attention grows last.
    lengths : tuple
        First and last length on the horizontal axis, in tokens.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", xlim=lengths, ylim=(0, 1), xlabel="tokens in a sequence T")
    ax.set_ylabel("attention's share of the work of training")
    si_ticks(calm(ax).xaxis)
    sequence = np.geomspace(*lengths, 200)
    for which in transformers:

        def share(seen, which=which):
            attention = attention_work(which.layers, which.width, seen, tokens=1)
            return attention / (attention + weights_work(which.parameters, tokens=1))

        if which.kind == "decoder":
            needed = tuple(share((sequence + 1) / 2))
            draw(ax, [Line(tuple(sequence), needed, QUIET, True, 1.2)])
        draw(ax, [Line(tuple(sequence), tuple(share(sequence)))])
        # The last has room at its right; the others have it at their left.
        last = which is transformers[-1]
        at = np.interp(0.3 if last else 0.5, share(sequence), sequence)
        place = ("left", (8, -3)) if last else ("right", (-7, 3))
        draw(ax, [Words(at, share(at), which.name, BOTH, *place)])
    return ax


@picture
def plot_layer_roofs(machines, tasks, *, ax=None, intensities=(0.2, 2e4)):
    """Draw the roofs of several machines, and where on them the parts of a layer stand.

    Parameters
    ----------
    machines : dict
        Name of each machine, its peak pi in flop/s and its bandwidth beta in B/s.
    tasks : dict
        Name of each part and its intensity I in flop/B.
    intensities : tuple
        First and last intensity on the horizontal axis.
    """
    low, high = intensities
    highest = max(peak for peak, _ in machines.values())
    lowest = min(attainable(low, *machine) for machine in machines.values())
    ax = roofline_axes(new_axes(ax, (7, 4.6)), intensities, (lowest / 100, 3 * highest))
    marks = []
    for name, machine in machines.items():
        corner, peak = ridge(*machine), machine[0]
        marks += [
            Line((low, corner), (attainable(low, *machine), peak), MEMORY),
            Line((corner, high), (peak, peak), COMPUTE),
            Dot(corner, peak, BOTH, "D"),
            Words(corner, peak, f"{name}, ridge {short(corner)}", BOTH, "left", (4, -8)),
        ]
    for task, intensity in tasks.items():
        marks.append(Line((intensity, intensity), (lowest / 100, highest), QUIET, True, 1.0))
        for machine in machines.values():
            regime = bound(intensity, *machine)
            colour, shape = ROOF_COLOURS.get(regime, BOTH), DOT_SHAPES.get(regime, "D")
            marks.append(Dot(intensity, attainable(intensity, *machine), colour, shape))
        upright = dict(textcoords="offset points", rotation=90, ha="right", color=BOTH)
        ax.annotate(task, (intensity, lowest / 80), (-3, 0), **upright)
    return draw(ax, marks)
