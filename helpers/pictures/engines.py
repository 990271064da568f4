"""Pictures of several processes that train together: their all-reduce, and their speed-up."""

import textwrap

from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.scenes.engines import reductions_scene, steps_scene
from helpers.words import brief_time, size_words


@picture
def plot_reductions(reductions, links, *, processes=2, ax=None):
    """Draw the time of an all-reduce over the size of the array, and the model that is fitted.

    Parameters
    ----------
    reductions : sequence of helpers.engines.together.Reduction
        Dots with their intervals; those without result are left out.
    links : sequence of helpers.engines.together.Link
        A solid line, and its two parts dashed.
    processes : int
        Of which to show.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlabel="size of the gradients G (KiB, MiB)")
    ax.set_ylabel("time of an all-reduce (µs, ms)")
    scene = reductions_scene(reductions, links, processes)
    if not scene.marks:
        return _reason(ax, scene.sentence)
    sizes = [row.size for row in reductions if row.processes == processes]
    calm(draw(ax, scene.marks)).set_xticks(sizes[::2])
    ax.xaxis.set_major_formatter(lambda value, _: size_words(value))
    ax.yaxis.set_major_formatter(lambda value, _: brief_time(value))
    return ax


@picture
def plot_steps(steps, *, processes=2, ax=None):
    """Draw the speed-up of a step of training over its batch, for both networks.

    Parameters
    ----------
    steps : sequence of helpers.engines.together.Step
        Dots with their intervals, and lines of the model; those without result are left
        out.
    processes : int
        Of which to show.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", xlabel="batch B of all processes", ylabel="speed-up S")
    scene = steps_scene(steps, processes)
    if not scene.marks:
        return _reason(ax, scene.sentence)
    draw(ax, scene.marks)
    batches = sorted({row.whole_batch for row in steps if row.processes == processes})
    calm(ax).set_xticks(batches)
    ax.set_ylim(0, 1.1 * max(processes, ax.get_ylim()[1] / 1.1))
    return ax


def _reason(ax, sentence):
    """Words in the place of a picture."""
    ax.set(xscale="linear", yscale="linear", xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    ax.text(0.5, 0.5, textwrap.fill(sentence, 48), ha="center", va="center")
    return ax
