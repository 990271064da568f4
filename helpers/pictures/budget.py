"""Pictures of the work of a network and of a training run."""

from collections import Counter

import numpy as np
from matplotlib.ticker import FixedFormatter, FuncFormatter, PercentFormatter

from helpers.pictures.drawing import calm, draw, new_axes, picture, si_ticks
from helpers.scenes.budget import TRAINING_PEAKS, TRAINING_TIMES
from helpers.scenes.marks import BOTH, LIGHT, QUIET, Dot, Line, Words
from helpers.words import duration, short


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
def plot_shares(lengths, counted, printed, *, ax=None):
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
