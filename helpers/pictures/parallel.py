"""Pictures of many devices: links, efficiency, splits, scaling."""

import matplotlib.pyplot as plt

from helpers.parallel import crossover_batch
from helpers.pictures.drawing import calm, draw, new_axes, new_panels, picture
from helpers.pictures.roofline import roofline_axes
from helpers.roofline import attainable, ridge
from helpers.scenes.marks import BOTH, COMPUTE, LIGHT, MEMORY, QUIET, Dot, Line, Words
from helpers.scenes.parallel import ENGINE_MACHINES
from helpers.words import short


@picture
def plot_links(peak, links, tasks=None, *, ax=None, intensities=(1, 1e5)):
    """Draw the rooflines of one device behind links of different bandwidth.

    Parameters
    ----------
    peak : float
        pi of the device, flop/s.
    links : dict
        Name of each link and its bandwidth, B/s.
    tasks : dict, optional
        Name of each task and its flop per byte sent, drawn as an upright line.
    intensities : tuple
        First and last intensity on the horizontal axis.
    """
    ax = roofline_axes(ax, intensities, (peak / 1000, 4 * peak))
    ax.set_xlabel("flop for each byte that the link carries (flop/B)")
    low, high = intensities
    corners = {name: ridge(peak, bandwidth) for name, bandwidth in links.items()}
    marks = [Line((min(corners.values()), high), (peak, peak), COMPUTE)]
    for name, corner in corners.items():
        marks += [
            Line((low, corner), (attainable(low, peak, links[name]), peak), MEMORY),
            Dot(corner, peak, BOTH, "D"),
            Words(corner, peak, f"{name}\n{corner:.0f}", MEMORY, "center", (0, 20)),
        ]
    for task, intensity in (tasks or {}).items():
        marks.append(Line((intensity, intensity), (peak / 1000, peak), QUIET, True, 1.2))
        marks.append(Words(intensity, peak / 300, task, QUIET, "left", (6, 0)))
    return draw(ax, marks)


@picture
def plot_two_levels(*, ax=None):
    """Draw an all-reduce in two levels: two machines of four GPUs, each with a bar of gradients.

    A ring inside each machine leaves each GPU with the sum of one quarter, which is filled. The
    GPUs with the same quarter meet through the ports.
    """
    ax = new_axes(ax, (7.5, 3.0))
    ax.set(xlim=(-0.1, 17.1), ylim=(-0.9, 6.6))
    ax.set_axis_off()
    ranks, heights, step = range(4), (3.5, 2.5, 1.5, 0.5), 1.4  # a quarter stands at its height
    middle = dict(color=BOTH, ha="center", va="center")
    arrow = dict(arrowstyle="-|>", color=BOTH, linewidth=1.2, shrinkA=0, shrinkB=0)
    for left, port, first in ((0, 6, 0.8), (10, 10, 12)):
        last = first + 3 * step
        ax.add_patch(plt.Rectangle((left, 0), 7, 6.4, facecolor="white", edgecolor=QUIET))
        ax.add_patch(plt.Rectangle((port, 0.3), 1, 3.7, facecolor=LIGHT, zorder=2))
        ax.text(port + 0.5, 4.4, "port", **middle)
        ax.text((first + last) / 2, 5.85, "1 and 3: a ring inside", **middle)
        ax.plot([last, last, first], [4.95, 5.4, 5.4], color=BOTH, linewidth=1.2)
        ax.annotate("", (first, 4.8), (first, 5.4), arrowprops=arrow)
        for rank in ranks:
            x = first + step * rank
            ax.text(x, 4.4, "GPU", fontsize=9, **middle)
            if x < last:
                ax.annotate("", (x + 1.1, 4.9), (x + 0.3, 4.9), arrowprops=arrow)
            for part, height in enumerate(heights):
                look = dict(facecolor=BOTH if part == rank else "white", edgecolor=BOTH, zorder=3)
                ax.add_patch(plt.Rectangle((x - 0.3, height - 0.4), 0.6, 0.8, **look))
    rings = [
        Line((0.8 + step * rank, 12 + step * rank), (height, height), MEMORY)
        for rank, height in zip(ranks, heights, strict=True)
    ]
    ax.text(8.5, 5.4, "2: four rings,\na quarter each", **{**middle, "color": MEMORY})
    ax.text(8.5, -0.5, "filled: the quarter whose sum the GPU holds after 1", **middle)
    return draw(ax, rings)


@picture
def plot_efficiency(measured, modelled, *, named=None, ax=None):
    """Draw the efficiency of n devices: dots for what was measured, a line for the model.

    Parameters
    ----------
    measured : dict
        Name of each series: its numbers of devices and its efficiencies.
    modelled : tuple
        Numbers of devices and efficiencies of the model.
    named : dict, optional
        Series to join by a line, and the name to write beside each.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", xlabel="devices n", ylabel="efficiency E = S / n", xlim=(0.9, 220))
    calm(ax).set_xticks([1, 2, 4, 8, 16, 32])
    for name, (devices, values) in measured.items():
        if name in (named or {}):
            ax.plot(devices, values, "o:", color=QUIET)
            draw(ax, [Words(devices[-1], values[-1], named[name], QUIET, "left", (7, 0))])
        else:
            ax.plot(devices, values, "o", color=LIGHT, markersize=5)
    line = Line(*map(tuple, modelled))
    end = Words(modelled[0][-1], modelled[1][-1], "model", BOTH, "left", (7, 0))
    draw(ax, [line, end]).set_ylim(0, 1.1)
    return ax


@picture
def plot_splits(networks, batch, *, axes=None):
    """Draw for each layer the batch at which splitting data and model send the same bytes.

    Parameters
    ----------
    networks : sequence of helpers.networks.Network
        A panel for each.
    batch : float
        Examples in a step of all devices together, drawn as a level line.
    """
    axes = new_panels(axes, len(networks), 3.4)
    for ax, network in zip(axes, networks, strict=True):
        ax.set(yscale="log", xlabel="layer with multiply-adds, in order", title=network.name)
        ax.set_ylabel("batch at which both send the same")
        layers = [layer for layer in network.layers if layer.macs]
        ax.axhline(batch, color=QUIET, linestyle="--")
        for kind, shape in (("convolution", "o"), ("linear", "s")):
            chosen = [(x, layer) for x, layer in enumerate(layers, 1) if layer.kind == kind]
            heights = [crossover_batch(layer.parameters, layer.inputs) for _, layer in chosen]
            ax.plot([x for x, _ in chosen], heights, shape, color=BOTH, label=kind, markersize=5)
        calm(ax).legend(loc="upper left", frameon=False)
        draw(ax, [Words(len(layers), batch, f"batch {short(batch)}", QUIET, "right", (0, 7))])
        ax.set_ylim(0.005, 2e5)
        ax.label_outer()
    return axes


@picture
def plot_scaling(measured, modelled=None, *, ax=None, xlabel="devices n"):
    """Draw speed-ups over the number of devices, with the ideal S = n (or K, stages).

    Parameters
    ----------
    measured, modelled : dict
        Name of each series: its numbers of devices and its speed-ups. Measured ones are dots
        with a dotted line, modelled ones lines.
    xlabel : str
        What the horizontal axis counts.
    """
    ax = new_axes(ax)
    every = [*measured.values(), *(modelled or {}).values()]
    last = max(max(devices) for devices, _ in every)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="speed-up S")
    draw(ax, [Line((1, last), (1, last), QUIET, True, 1.0)])
    draw(ax, [Words(last, last, f"S = {xlabel[-1]}", QUIET, "left", (7, 0))])
    for name, (devices, values) in (modelled or {}).items():
        draw(ax, [Line(tuple(devices), tuple(values))])
        draw(ax, [Words(devices[-1], values[-1], name, BOTH, "left", (8, 0))])
    for number, (name, (devices, values)) in enumerate(measured.items()):
        hollow = dict(color=QUIET, markerfacecolor="none")  # series may lie on one another
        ax.plot(devices, values, "osD^v"[number % 5] + ":", label=name, **hollow)
    ax.set_xlim(0.9, 1.5 * last)
    ax.legend(loc="upper left", frameon=False)
    ticks = [2**power for power in range(12) if 2**power <= last]
    calm(ax).set_xticks(ticks)
    ax.set_yticks(ticks)
    return ax


@picture
def engine_axes(ax=None):
    """Empty axes for the efficiency of data-parallel training over the number of machines."""
    ax = new_axes(ax)
    ax.set(xscale="log", xlim=ENGINE_MACHINES, ylim=(0, 1.1), xlabel="machines m")
    ax.set_ylabel("efficiency E = S / n")
    calm(ax).set_xticks([2**power for power in range(8)])
    return ax
