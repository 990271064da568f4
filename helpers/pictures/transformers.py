"""Pictures of transformers: where bytes and seconds go."""

import matplotlib.pyplot as plt

from helpers.pictures.drawing import draw, picture
from helpers.scenes.transformers import BYTES, TIMES, TOP, memory_scene, seconds_scene


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
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
        ax.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
    return axes
