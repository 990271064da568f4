"""Pictures of the work of a network and of a training run."""

from collections import Counter

import numpy as np
from matplotlib.ticker import FixedFormatter, FuncFormatter

from helpers.pictures.drawing import calm, new_axes, picture, si_ticks
from helpers.scenes.budget import TRAINING_PEAKS, TRAINING_TIMES
from helpers.scenes.marks import BOTH, LIGHT
from helpers.words import duration


@picture
def plot_layers(network, *, ax=None):
    """Draw the work of each convolution and linear layer of a network, in order, as bars.

    Parameters
    ----------
    network : helpers.networks.Network
    """
    ax = new_axes(ax)
    layers = [layer for layer in network.layers if layer.macs]
    stages = list(dict.fromkeys(layer.stage for layer in layers))
    top = max(layer.flops for layer in layers)
    for number, stage in enumerate(stages):
        places = [place for place, layer in enumerate(layers, 1) if layer.stage == stage]
        heights = [layers[place - 1].flops for place in places]
        ax.bar(places, heights, color=(BOTH, LIGHT)[number % 2])
        label = f"{stage}\n{100 * sum(heights) / network.forward_work:.2g}%"
        place = (np.mean(places), top)
        ax.annotate(label, place, (0, 4), textcoords="offset points", ha="center")
    ax.set_xlabel("convolution or linear layer, in order")
    ax.set_ylabel("forward work (flop for one image)")
    ax.set_title(network.name)
    si_ticks(calm(ax).yaxis)
    ax.margins(y=0.15)
    return ax


@picture
def plot_step_ratios(models, ratios, *, ax=None):
    """Draw measured ratios of a whole training step to its forward pass, a row for each model.

    Behind its name each model has the number of its measurements.

    Parameters
    ----------
    models : sequence of str
        The model of each measurement.
    ratios : sequence of float
        Total time over forward time of each measurement.
    """
    ax = new_axes(ax)
    counts = Counter(models)  # in the order of their first appearance
    names = list(counts)[::-1]
    ax.plot(ratios, [names.index(model) for model in models], "o", color=BOTH, alpha=0.55)
    ax.axvline(3, color=BOTH, linestyle="--")
    ax.set_yticks(range(len(names)))
    place = dict(xycoords=("data", "axes fraction"), textcoords="offset points", ha="center")
    ax.annotate("three passes", (3, 1), xytext=(0, 4), **place)
    ax.set_xscale("log")
    ax.set_xticks([2, 3, 4, 6, 8, 12])
    ax.set_xlabel("time of a training step / time of its forward pass")
    labels = [f"{name} ({counts[name]})" for name in names]
    calm(ax).yaxis.set_major_formatter(FixedFormatter(labels))
    return ax


@picture
def training_axes(ax=None):
    """Empty log-log axes for the time of training runs over the peak of the machine."""
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlim=TRAINING_PEAKS, ylim=TRAINING_TIMES)
    ax.set_xlabel("peak of the whole machine, n π (flop/s)")
    ax.set_ylabel("time of the training run")
    si_ticks(calm(ax).xaxis)
    ax.set_yticks([60, 3600, 86400, 30 * 86400, 365 * 86400, 3650 * 86400])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value, digits=2)))
    return ax
