"""Pictures of chunks: performance over intensity, and timelines."""

import numpy as np

from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.pipeline import UNITS, chunked_performance
from helpers.scenes.marks import BOTH, Words
from helpers.scenes.pipeline import BALANCES, chunk_curve, timeline_scene


@picture
def plot_overlap(chunks, *, ax=None):
    """Draw performance against intensity for tasks in n chunks, between serial and roofline.

    Parameters
    ----------
    chunks : sequence of float
        Numbers of chunks n, a curve for each; 1 is serial, infinity the roofline.
    """
    ax = overlap_axes(ax, balances=(0.4, 4), performances=(0.25, 1.3))
    ax.set(xticks=[0.5, 1, 2, 4], yticks=[0.3, 0.5, 1])
    names = {1: "n = 1: take turns", np.inf: "n = ∞: roofline"}
    for n in chunks:
        # At the ridge the curves are farthest apart, and there is room below each for its label.
        place = ("right", (-6, 8)) if np.isinf(n) else ("left", (4, -8))
        label = Words(1, chunked_performance(1, 1, 1, n), names.get(n, f"n = {n}"), BOTH, *place)
        draw(ax, [chunk_curve(n), label])
    return ax


@picture
def overlap_axes(ax=None, balances=BALANCES, performances=(0.04, 30)):
    """Empty log-log axes in units of the machine: x = I / I* and P / pi, labelled."""
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlim=balances, ylim=performances)
    ax.set_xlabel("intensity in units of the ridge, x = I / I*")
    ax.set_ylabel("performance, P / π")
    return calm(ax)


@picture
def plot_timeline(load, compute, chunks, *, store=0.0, buffers=np.inf, ax=None):
    """Draw what each unit does when, chunk by chunk, as simulated by `pipeline.schedule`.

    Parameters
    ----------
    load, compute, store : float
        Time of all chunks together in each unit, s, at least 0.
    chunks : int
        Number of equal chunks.
    buffers : float
        Chunks that the machine can hold at a time.
    """
    ax = new_axes(ax, (6.5, 2.0))
    scene = timeline_scene(load, compute, chunks, store, buffers)
    return draw(timeline_axes(ax, load + compute + store), scene.marks)


def timeline_axes(ax, longest):
    """Empty axes for a timeline up to the time `longest`, a row for each unit."""
    ax.set(xlim=(0, 1.02 * longest), ylim=(-0.6, len(UNITS) - 0.4), xlabel="time (s)")
    ax.set_yticks(range(len(UNITS)), UNITS[::-1])
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return ax
