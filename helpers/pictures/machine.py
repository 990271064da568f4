"""What was measured on a machine: rates, roofs, and laws against the stopwatch."""

import numpy as np

from helpers.pictures.drawing import calm, draw, new_axes, picture, si_ticks
from helpers.scenes.machine import (
    INTENSITIES,
    bandwidth_scene,
    batch_scene,
    brief,
    chunk_scene,
    extent,
    own_roofline_scene,
    peak_scene,
    records_scene,
    speedup_cases,
    speedup_scene,
)
from helpers.scenes.marks import Words
from helpers.words import size_words

MOST_TICKS = 9


@picture
def plot_bandwidths(rows, *, threads=1, caches=None, ax=None):
    """Draw the bytes that each operation moves in a second, over the size of its arrays.

    Parameters
    ----------
    rows : sequence of helpers.measure.roof.Bandwidth
    threads : int
        Which of them: those with so many threads.
    caches : dict, optional
        Size in B of each level, such as ``{"L2": 1048576}``, drawn as an upright line.
    """
    scene = bandwidth_scene(rows, threads, caches)
    return draw(bandwidth_axes(scene, ax=ax), scene.marks)


@picture
def plot_peaks(rows, *, ax=None):
    """Draw the flop/s of matrix products over threads; dashed: as many times as there are threads.

    Parameters
    ----------
    rows : sequence of helpers.measure.roof.Peak
    """
    scene = peak_scene(rows)
    return draw(peak_axes(scene, ax=ax), scene.marks)


@picture
def plot_own_roofline(roofline, *, ax=None):
    """Draw a machine's own roofs, and the tasks that were measured below them.

    Parameters
    ----------
    roofline : helpers.measure.roof.Roofline
    """
    scene = own_roofline_scene(roofline)
    return draw(own_roofline_axes(scene, ax=ax), scene.marks)


@picture
def plot_batches(roofline, *, ax=None):
    """Draw the time of a fully connected layer over its batch, predicted and measured.

    Parameters
    ----------
    roofline : helpers.measure.roof.Roofline
        With points of that name.
    """
    scene = batch_scene(roofline)
    return draw(batch_axes(scene, ax=ax), scene.marks)


@picture
def plot_speedups(rows, *, ax=None):
    """Draw for each case S as Amdahl's law predicts it and as measured, each with its interval.

    Parameters
    ----------
    rows : sequence of helpers.measure.parts.Speedup
    """
    scene = speedup_scene(rows)
    return draw(speedup_axes(scene, speedup_cases(rows), ax=ax), scene.marks)


@picture
def plot_overlaps(rows, *, loader="link", ax=None):
    """Draw the time of a job over its chunks: the sum, the maximum, max + min/n, and as measured.

    Parameters
    ----------
    rows : sequence of helpers.measure.overlap.Overlap
    loader : str
        Which of them: "link" or "copy".
    """
    scene = chunk_scene(rows, loader)
    return draw(chunk_axes(scene, ax=ax), scene.marks)


@picture
def plot_two_records(records, *, ax=None):
    """Draw the roofs of one machine or of two, the second in grey.

    Parameters
    ----------
    records : dict
        Name and `helpers.measure.record.Record` of each, two at most.
    """
    if not 1 <= len(records) <= 2:
        raise ValueError(f"records must hold one or two, got {len(records)}")
    scene = records_scene({name: record.roofline for name, record in records.items()})
    return draw(own_roofline_axes(scene, ax=ax), scene.marks)


@picture
def bandwidth_axes(scene, *, ax=None):
    """Empty axes for a `bandwidth_scene`."""
    ax, ((first, last), (low, high)) = new_axes(ax), extent(scene)
    ax.set(xscale="log", yscale="log", xlim=_with_room(first, last), ylim=(low / 1.3, high * 1.4))
    ax.set_xlabel("bytes of all arrays, the working set (KiB, MiB)")
    ax.set_ylabel("bytes moved in a second, as counted (B/s)")
    sizes = [2.0**power for power in range(50) if first <= 2**power <= last]
    calm(ax).set_xticks(sizes[:: _step(len(sizes), 6)])
    ax.xaxis.set_major_formatter(lambda size, _: size_words(size))
    ax.set_yticks(_round(*ax.get_ylim()))
    si_ticks(ax.yaxis)
    return _without_ticks_if_empty(ax, scene)


@picture
def peak_axes(scene, *, ax=None):
    """Empty axes for a `peak_scene`."""
    ax, ((first, last), (_, top)) = new_axes(ax), extent(scene)
    ax.set(xscale="log", xlim=_with_room(first, last), ylim=(0, 1.15 * top))
    ax.set_xlabel("threads")
    ax.set_ylabel("flop in a second, π (flop/s)")
    calm(ax).set_xticks(_doublings(first, last))
    si_ticks(ax.yaxis)
    return _without_ticks_if_empty(ax, scene)


@picture
def own_roofline_axes(scene, *, ax=None):
    """Empty axes for an `own_roofline_scene`."""
    ax, (_, (low, high)) = new_axes(ax), extent(scene)
    ax.set(xscale="log", yscale="log", xlim=INTENSITIES, ylim=(low / 1.5, high * 2.5))
    ax.set_xlabel("arithmetic intensity I (flop/B)")
    ax.set_ylabel("performance P (flop/s)")
    calm(ax).set_yticks(_round(*ax.get_ylim()))
    si_ticks(ax.yaxis)
    return _without_ticks_if_empty(ax, scene)


@picture
def batch_axes(scene, *, ax=None):
    """Empty axes for a `batch_scene`."""
    ax, ((first, last), (low, high)) = new_axes(ax), extent(scene)
    ax.set(xscale="log", yscale="log", xlim=(first / 1.5, last * 1.5), ylim=(low / 2.5, high * 2))
    ax.set_xlabel("batch")
    ax.set_ylabel("time of the layer (s)")
    calm(ax).set_xticks(_doublings(first, last))
    ax.set_yticks(_round(*ax.get_ylim()))
    return _without_ticks_if_empty(ax, scene)


@picture
def speedup_axes(scene, cases, *, ax=None):
    """Empty axes for a `speedup_scene`, a line for each of the cases."""
    ax, (_, right) = new_axes(ax), extent(scene)[0]
    lines = range(0, -max(1, len(cases)), -1)
    ax.set(xlim=(0, 1.5 * right), ylim=(lines[-1] - 0.5, 0.5))
    ax.set_xlabel("speed-up of the whole job, S = t1 / t2")
    calm(ax).set_yticks(lines, [_two_lines(name) for name in cases] or [""], parse_math=False)
    ax.tick_params(axis="y", length=0)
    return _without_ticks_if_empty(ax, scene)


@picture
def chunk_axes(scene, *, ax=None):
    """Empty axes for a `chunk_scene`."""
    ax, ((first, last), (_, top)) = new_axes(ax), extent(scene)
    ax.set(xscale="log", xlim=_with_room(first, last), ylim=(0, 1.15 * top))
    ax.set_xlabel("chunks n")
    ax.set_ylabel("time of the job (s)")
    calm(ax).set_xticks(_doublings(first, last))
    return _without_ticks_if_empty(ax, scene)


def _without_ticks_if_empty(ax, scene):
    if all(isinstance(mark, Words) for mark in scene.marks):
        ax.set(xticks=[], yticks=[])
    return ax


def _with_room(first, last):
    """Limits of a logarithmic axis that leave more than a quarter of it free on the right."""
    left = first / 1.3
    return left, left * (last / left) ** 1.4


def _step(count, most=MOST_TICKS):
    """How many of so many ticks lie from one that is written to the next."""
    return max(0, count - 1) // most + 1


def _round(low, high):
    """Round numbers to write at a logarithmic axis."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1, 1.5, *range(2, 10)), (1, 2, 5), (1,)):
        ticks = [d * 10.0**power for power in powers for d in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= MOST_TICKS:
            break
    return ticks[:: _step(len(ticks))]


def _doublings(first, last):
    """The first number, twice that, and so on; not all of many."""
    count = int(np.log2(last / first) + 1e-9) + 1
    return [first * 2.0**power for power in range(0, count, _step(count))]


def _two_lines(name):
    """A name for the side of a picture: a long one in two lines, and no more than those hold."""
    start, comma, end = name.rpartition(", ")
    lines = [start + ",", end] if comma and len(name) > 16 else [name]
    return "\n".join(brief(line, 24) for line in lines)
