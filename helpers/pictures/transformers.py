"""Pictures of transformers: shares of the work, layers on roofs, where bytes and seconds go."""

import matplotlib.pyplot as plt
from matplotlib.ticker import PercentFormatter

from helpers.pictures.drawing import calm, draw, new_axes, picture
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
from helpers.scenes.transformers import BYTES, TIMES, TOP, memory_scene, seconds_scene
from helpers.words import short


@picture
def plot_attention_share(lengths, counted, printed, *, ax=None):
    """Draw attention's share of the work over the length of a sequence.

    Parameters
    ----------
    lengths : sequence of int
        Tokens T in a sequence.
    counted : dict
        Name of each way to count, and the share at each length, from 0 to 1.
    printed : dict
        Lengths and shares that somebody published, drawn as dots.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", ylim=(0, 1), xlabel="tokens in a sequence T")
    ax.set_ylabel("attention's share of the work")
    middle = len(lengths) // 2
    for number, (name, shares) in enumerate(counted.items()):
        side = ("right", (-8, 8)) if number == 0 else ("left", (8, -10))
        line = Line(tuple(lengths), tuple(shares), QUIET if number == 0 else BOTH, number == 0)
        draw(ax, [line, Words(lengths[middle], shares[middle], name, line.colour, *side)])
    draw(ax, [Dot(length, share, BOTH) for length, share in printed.items()])
    calm(ax).set_xticks(lengths[::2], [f"{short(length / 1024)} Ki" for length in lengths[::2]])
    ax.yaxis.set_major_formatter(PercentFormatter(1))
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
    ax = roofline_axes(ax, intensities, (lowest / 100, 3 * highest))
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


@picture
def plot_parts(step, room, *, axes=None):
    """Draw where the bytes of a device and the seconds of a step go, each part after the other.

    Parameters
    ----------
    step : helpers.splits.SplitStep
    room : float
        Memory of a device, B, drawn as an upright line.
    """
    if axes is None:
        axes = plt.subplots(2, 1, figsize=(6.5, 4.4), layout="constrained")[1]
    for ax, scene in zip(
        part_axes(axes), (memory_scene(step.memory, room), seconds_scene(step)), strict=True
    ):
        draw(ax, scene.marks)
    return axes


def part_axes(axes):
    """Two Axes made ready for the parts of a device's memory and of a step's time."""
    labels = (
        "share of the memory, or of what is needed if that is more",
        "share of the time of a step",
    )
    for ax, rows, label in zip(axes, (BYTES, TIMES), labels, strict=True):
        ax.set(xlim=(0, 1.2), ylim=(-0.6, TOP if rows is BYTES else len(rows) - 0.4), xlabel=label)
        ax.set_yticks(range(len(rows)), [*rows][::-1])
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
    return axes
