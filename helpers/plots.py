"""Pictures. Each plot function draws on the Axes it is handed and returns it.

What a picture says is first written down as *marks* (lines, dots and words in data coordinates),
all computed by the models. The same marks become matplotlib artists in a still picture here, and
SVG in a control that moves (`helpers.controls`), so the two cannot disagree.

Colours mean the same everywhere: `MEMORY` for what bandwidth limits, `COMPUTE` for what the
compute unit limits, `QUIET` for what is there for comparison. Whoever does not see the hue tells
them apart by lightness, shape or dash (`tests/test_colours.py`).
"""

import base64
import math
from collections import Counter
from dataclasses import dataclass, field
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedFormatter, FuncFormatter, MaxNLocator, NullLocator
from PIL import Image

from helpers.amdahl import limit, speedup
from helpers.budget import achieved_fraction, training_time
from helpers.parallel import (
    crossover_batch,
    hierarchical_time,
    step_time,
    throughput,
)
from helpers.pipeline import UNITS, buffered_time, chunked_performance, schedule
from helpers.roofline import BALANCED, COMPUTE_BOUND, MEMORY_BOUND, attainable, bound, ridge

MEMORY, COMPUTE, BOTH, QUIET, LIGHT = "#00497a", "#c04f00", "#2b2b2b", "#6b6b6b", "#939393"
ROOF_COLOURS = {MEMORY_BOUND: MEMORY, COMPUTE_BOUND: COMPUTE}
DOT_SHAPES = {MEMORY_BOUND: "o", COMPUTE_BOUND: "s"}  # so that the regimes differ without colour
# Labels stand above their roof, clear of the lines that drop from other tasks.
LABEL_PLACES = {
    MEMORY_BOUND: ("right", (-9, 7)),
    BALANCED: ("left", (9, -12)),
    COMPUTE_BOUND: ("center", (0, 13)),
}
KIND_SHAPES = {"GPU": "o", "TPU": "^", "SoC GPU": "D", "CPU": "s"}
# Where a label stands beside its dot: the end of the text at the dot, and points right and up.
SIDES = {
    "left": ("right", (-7, 0)),
    "right": ("left", (7, 0)),
    "above": ("right", (4, 11)),
    "below": ("left", (-4, -11)),
}
DEVICE_BANDWIDTHS, DEVICE_PEAKS = (4e10, 2e13), (3e11, 1e16)
PIXELS_PER_INCH = 100
SIZE = (6.5, 4.0)  # inches
HALO = 3  # points of white around words, so that they can be read across a line
SI_PREFIXES = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
# Pictures look the same whatever the reader has set for matplotlib, and change none of it.
same_everywhere = plt.style.context("default")


@dataclass(frozen=True)
class Line:
    """A line through points in data coordinates."""

    x: tuple
    y: tuple
    colour: str = BOTH
    dashed: bool = False
    width: float = 2.0


@dataclass(frozen=True)
class Dot:
    """A dot in data coordinates: ``"o"`` round, ``"s"`` square, ``"D"`` diamond."""

    x: float
    y: float
    colour: str = BOTH
    shape: str = "o"


@dataclass(frozen=True)
class Words:
    """A short text beside a point in data coordinates.

    `align` says which end of the text sits at the point; `offset` moves it, in points, right
    and up. A control looks for another place where these would be cut or lie on other words, at
    this point or at one of the `others` that would do as well, such as elsewhere along a line.
    """

    x: float
    y: float
    text: str
    colour: str = BOTH
    align: str = "left"
    offset: tuple = (0, 0)
    others: tuple = ()


@dataclass(frozen=True)
class Scene:
    """What a picture says: its marks, and the same finding in one sentence."""

    marks: list = field(default_factory=list)
    sentence: str = ""


@same_everywhere
def draw(ax, marks):
    """Draw marks on an Axes as matplotlib artists; return the Axes."""
    for mark in marks:
        match mark:
            case Line():
                style = "--" if mark.dashed else "-"
                ends = dict(solid_capstyle="butt", dash_capstyle="butt")  # as in SVG
                ax.plot(mark.x, mark.y, style, color=mark.colour, linewidth=mark.width, **ends)
            case Dot():
                ax.plot([mark.x], [mark.y], mark.shape, color=mark.colour, markersize=8, zorder=3)
            case Words():
                ax.annotate(
                    mark.text,
                    (mark.x, mark.y),
                    mark.offset,
                    textcoords="offset points",
                    color=mark.colour,
                    ha=mark.align,
                    va="center",
                    path_effects=[withStroke(linewidth=HALO, foreground="white")],
                )
            case _:
                raise ValueError(f"marks must be Line, Dot or Words, got {mark!r}")
    return ax


def show(ax, alt):
    """Display the figure of an Axes as a still picture with a text that says what it shows.

    Parameters
    ----------
    ax : matplotlib Axes
    alt : str
        The finding, not the file: read aloud to those who cannot see the picture, printed where
        pictures are off, and compared by the tests, so build it from computed numbers.
    """
    data, metadata = still(ax.figure, alt)
    plt.close(ax.figure)  # or Jupyter would show the same figure a second time
    display(data, metadata=metadata, raw=True)


@same_everywhere
def still(figure, alt):
    """PNG and alternative text of a figure as a Jupyter output, (data, metadata)."""
    data = {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": alt}
    return data, {"image/png": {"alt": alt}}


@same_everywhere
def png(figure, scale=1.0):
    """PNG bytes of a figure, `scale` times as large as on the page.

    64 colours are enough for lines and text, and make the file a third as large.
    """
    dpi = PIXELS_PER_INCH * scale
    pixels, file = BytesIO(), BytesIO()
    figure.savefig(pixels, format="rgba", dpi=dpi)
    size = tuple((figure.get_size_inches() * dpi).astype(int))
    picture = Image.frombytes("RGBA", size, pixels.getvalue()).convert("RGB")
    picture.quantize(64, Image.Quantize.FASTOCTREE).save(file, format="png")
    return file.getvalue()


def si(number, unit="", digits=3):
    """A number with an SI prefix, such as ``"15.7 Tflop/s"``: for reading, never for computing.

    Examples
    --------
    >>> si(15.7e12, "flop/s"), si(900e9, "B/s"), si(0.25, "flop/B"), si(2, "s")
    ('15.7 Tflop/s', '900 GB/s', '0.25 flop/B', '2 s')
    """
    for factor, prefix in SI_PREFIXES:
        # Rounding can carry into the next prefix: 999.96e9 reads as 1 T, not 1000 G.
        if factor * (1 - 0.5 * 10.0**-digits) <= abs(number) < np.inf:
            return f"{short(number / factor, digits)} {prefix}{unit}".rstrip()
    return f"{short(number, digits)} {unit}".rstrip()


def short(number, digits=3):
    """A pure number to read: `digits` significant digits, ordinary sizes written out.

    Examples
    --------
    >>> short(17.444), short(1000), short(1281167), short(0.25), short(0.00001)
    ('17.4', '1000', '1281167', '0.25', '1e-05')
    >>> short(999.9999), short(1e300)  # rounded up, the first has one digit more
    ('1000', '1e+300')
    """
    if 10.0**digits - 0.5 <= abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.{digits}g}"


def apart(*numbers, digits=3):
    """Numbers to read, with as many digits as it takes to tell those apart that differ.

    Examples
    --------
    >>> apart(0.9999, 0, 1), apart(0.3333, 0, 1), apart(2.004, 2.003)
    (('0.9999', '0', '1'), ('0.333', '0', '1'), ('2.004', '2.003'))
    >>> apart(0.1 + 0.2, 0.3)  # the same but for the computer's rounding
    ('0.3', '0.3')
    """
    known = []  # what differs by the computer's rounding only is one number
    for number in numbers:
        same = [other for other in known if math.isclose(number, other, rel_tol=1e-9)]
        known.append(same[0] if same else number)
    while len({short(number, digits) for number in known}) < len(set(known)):
        digits += 1
    return tuple(short(number, digits) for number in known)


def percent(share, digits=2):
    """A share to read, which says 0% and 100% only where it is nothing and all.

    Examples
    --------
    >>> percent(0.594), percent(0.005), percent(0.9996), percent(1)
    ('59%', '0.5%', '99.96%', '100%')
    """
    return f"{apart(100 * share, 0, 100, digits=digits)[0]}%"


@same_everywhere
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
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.
    intensities : tuple
        First and last intensity on the horizontal axis.
    name : str, optional
        Name of the machine, as a title.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a number is outside the range that `attainable` allows.
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


@same_everywhere
def roofline_axes(ax=None, intensities=(0.05, 2000), performances=(3e9, 1e16)):
    """Empty log-log axes for rooflines, labelled with quantity and unit."""
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlim=intensities, ylim=performances)
    ax.set_xlabel("arithmetic intensity I (flop/B)")
    ax.set_ylabel("attainable performance P (flop/s)")
    _si_ticks(_calm(ax).yaxis)
    return ax


def roofline_scene(peak, bandwidth, tasks, intensities=(0.05, 2000)):
    """The marks and the sentence of a roofline with tasks; arguments as `plot_roofline`."""
    low, high = intensities
    meet = ridge(peak, bandwidth)
    top = attainable(meet, peak, bandwidth)
    corner = min(max(meet, low), high)  # the last of the slanted roof that is on the page
    level = attainable([low, corner, high], peak, bandwidth).tolist()
    told, *intensities_told = apart(meet, *tasks.values())
    roofs = (
        Line((low, corner), tuple(level[:2]), MEMORY),
        Line((corner, high), tuple(level[1:]), COMPUTE),
    )
    marks = [
        *(roof for roof in roofs if roof.x[0] < roof.x[1]),
        Dot(meet, top, BOTH, "D"),
        Words(meet, top, f"ridge {told}", BOTH, "right", (-8, 22)),
    ]
    sentences = [f"The ridge is at {told} flop/B"]
    for (task, intensity), at in zip(tasks.items(), intensities_told, strict=True):
        performance = attainable(intensity, peak, bandwidth)
        regime = bound(intensity, peak, bandwidth)
        colour = ROOF_COLOURS.get(regime, BOTH)
        marks += [
            Line((intensity, intensity), (performance * 1e-9, performance), colour, True, 1.2),
            Dot(intensity, performance, colour, DOT_SHAPES.get(regime, "D")),
            Words(intensity, performance, task, colour, *LABEL_PLACES[regime]),
        ]
        sentences.append(
            f"{task} at {at} flop/B is {regime} and attains {si(performance, 'flop/s')}"
        )
    return Scene(marks, "; ".join(sentences) + ".")


@same_everywhere
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
    axes : sequence of matplotlib Axes, optional
        Where to draw, one for each group; a new figure if None.
    intensities : tuple
        First and last intensity on the horizontal axes.

    Returns
    -------
    sequence of matplotlib Axes

    Raises
    ------
    ValueError
        If a number is outside the range that `attainable` allows.
    """
    axes = _panels(axes, len(groups), 3.2)
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


@same_everywhere
def plot_machine(*, ax=None):
    """Draw the three units of a processor-centric machine, and load and store between them.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax, (7.5, 2.0))
    ax.set(xlim=(-0.05, 10.05), ylim=(0, 2))
    ax.set_axis_off()
    units = (
        ("memory unit", "keeps data\n(and programs)"),
        ("communication unit", "carries at most\nβ bytes each second"),
        ("compute unit", "does at most\nπ flop each second"),
    )
    for left, (name, role) in zip((0, 3.7, 7.4), units, strict=True):
        frame = dict(facecolor="white", edgecolor=BOTH, linewidth=1.5)
        ax.add_patch(plt.Rectangle((left, 0.2), 2.6, 1.6, **frame))
        ax.text(left + 1.3, 1.4, name, color=BOTH, ha="center", va="center", weight="bold")
        ax.text(left + 1.3, 0.75, role, color=BOTH, ha="center", va="center")
    arrow = dict(arrowstyle="-|>", color=BOTH, linewidth=1.5, shrinkA=2, shrinkB=2)
    for left, right in ((2.6, 3.7), (6.3, 7.4)):
        ax.annotate("", (right, 1.25), (left, 1.25), arrowprops=arrow)
        ax.annotate("", (left, 0.75), (right, 0.75), arrowprops=arrow)
        ax.text((left + right) / 2, 1.45, "load", color=BOTH, ha="center", va="center")
        ax.text((left + right) / 2, 0.55, "store", color=BOTH, ha="center", va="center")
    return ax


@same_everywhere
def plot_devices(table, precisions, *, labels=None, ridges=(10, 100, 1000), ax=None):
    """Draw the peak of devices over their bandwidth, with lines of equal ridge point.

    The shape of a dot says the kind of device. A dot is hollow where vector units compute: in
    the first precision, and in the others on a device without matrix units.

    Parameters
    ----------
    table : DataFrame
        Devices as from `catalog.devices`; a row without the peak is left out.
    precisions : dict
        Name of each precision and the column that holds its peak, flop/s.
    labels : dict, optional
        Keys of devices to name: at the dot of which precision, and on which side of it
        ("left", "right", "above", "below").
    ridges : sequence of float
        Ridge points to draw a line for, flop/B.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax, (8, 5.5))
    ax.set(xscale="log", yscale="log", xlim=DEVICE_BANDWIDTHS, ylim=DEVICE_PEAKS)
    ax.set_xlabel("bandwidth β (B/s)")
    ax.set_ylabel("peak π (flop/s)")
    for axis in (_calm(ax).xaxis, ax.yaxis):
        _si_ticks(axis)
    for value in ridges:
        ends = np.array(DEVICE_BANDWIDTHS)
        last = min(ends[1], DEVICE_PEAKS[1] / value)  # where the line leaves the page
        ax.plot(ends, value * ends, "--", color=QUIET, linewidth=1, zorder=1)
        draw(ax, [Words(last, value * last, f"I* = {short(value)}", QUIET, "right", (-4, -13))])
    for number, (name, column) in enumerate(precisions.items()):
        known = table.dropna(subset=column)
        for (kind, matrix), rows in known.groupby(["kind", known["matrix_units"] & (number > 0)]):
            fill = (BOTH if number == len(precisions) - 1 else LIGHT) if matrix else "white"
            style = dict(color=BOTH, markerfacecolor=fill, linestyle="", markersize=7)
            label = f"{kind}, {name}" + ("" if matrix or not number else " on vector units")
            ax.plot(rows["bandwidth"], rows[column], KIND_SHAPES[kind], label=label, **style)
    for key, (name, side) in (labels or {}).items():
        place = table.at[key, "bandwidth"], table.at[key, precisions[name]]
        _name_device(ax, key, place, side)
    ax.legend(loc="lower right", fontsize=9)
    return ax


def _name_device(ax, key, place, side):
    """Write the name of a device beside its dot, over the lines and under the dots."""
    align, offset = SIDES[side]
    ax.annotate(
        key,
        place,
        offset,
        textcoords="offset points",
        color=BOTH,
        fontsize=9,
        ha=align,
        va="center",
        zorder=1.5,
        bbox=dict(facecolor="white", edgecolor="none", pad=0.5),
    )


@same_everywhere
def plot_ridges(table, precisions, *, path=(), labels=None, ax=None):
    """Draw the ridge points of devices over the year of the device, a shape per precision.

    Parameters
    ----------
    table : DataFrame
        Devices as from `catalog.devices`; a row without the peak is left out.
    precisions : dict
        Name of each precision and the column that holds its peak, flop/s.
    path : sequence of str
        Keys of devices to join by a line for each precision, drawn darker than the others.
    labels : dict, optional
        Keys of devices to name, as in `plot_devices`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
    ax.set(yscale="log", xlabel="year", ylabel="ridge point I* (flop/B)")
    _calm(ax).xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    for number, (name, column) in enumerate(precisions.items()):
        shape = "^osDv"[number % 5]
        known = table.dropna(subset=column)
        points = ridge(known[column], known["bandwidth"])
        ax.plot(known["year"], points, shape, color=LIGHT, markersize=6)
        chosen = known.index.isin(path)
        if chosen.any():
            years, points = known["year"][chosen], points[chosen]
            order = np.argsort(years, kind="stable")
            years, points = years.iloc[order].tolist(), points[order].tolist()
            ax.plot(years, points, f"{shape}-", color=BOTH, markersize=7, label=name)
            draw(ax, [Words(years[-1], points[-1], name, BOTH, "left", (9, 0))])
    for key, (name, side) in (labels or {}).items():
        row = table.loc[key]
        _name_device(ax, key, (row["year"], ridge(row[precisions[name]], row["bandwidth"])), side)
    ax.set_xlim(table["year"].min() - 0.5, table["year"].max() + 1.5)
    return ax


@same_everywhere
def plot_layers(network, *, ax=None):
    """Draw the work of each convolution and linear layer of a network, in order, as bars.

    Parameters
    ----------
    network : helpers.networks.Network
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
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
    _si_ticks(_calm(ax).yaxis)
    ax.margins(y=0.15)
    return ax


@same_everywhere
def plot_step_ratios(models, ratios, *, ax=None):
    """Draw measured ratios of a whole training step to its forward pass, a row for each model.

    Behind its name each model has the number of its measurements.

    Parameters
    ----------
    models : sequence of str
        The model of each measurement.
    ratios : sequence of float
        Total time over forward time of each measurement.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
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
    _calm(ax).yaxis.set_major_formatter(FixedFormatter(labels))
    return ax


@same_everywhere
def training_axes(ax=None):
    """Empty log-log axes for the time of training runs over the peak of the machine."""
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlim=TRAINING_PEAKS, ylim=TRAINING_TIMES)
    ax.set_xlabel("peak of the whole machine, n π (flop/s)")
    ax.set_ylabel("time of the training run")
    _si_ticks(_calm(ax).xaxis)
    ax.set_yticks([60, 3600, 86400, 30 * 86400, 365 * 86400, 3650 * 86400])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value, digits=2)))
    return ax


TRAINING_PEAKS, TRAINING_TIMES = (1e12, 1e18), (60.0, 1e9)


def training_scene(work, peak, devices, fraction, published=()):
    """The marks and the sentence of a training run among published ones.

    Parameters
    ----------
    work : float
        Total work V, flop.
    peak : float
        Peak of one device, flop/s.
    devices : int
    fraction : float
        Achieved fraction of the peak, above 0 and at most 1.
    published : sequence of (str, float, float)
        Name, peak of the whole machine (flop/s) and time (s) of runs of the same work.
    """
    ends = np.array(TRAINING_PEAKS)
    time = training_time(work, peak, fraction, devices)
    here = devices * peak, time
    first, *others = ((work / level, level) for level in (200, 3600, 10 * 86400, 60 * 86400))
    marks = [
        Line(TRAINING_PEAKS, tuple(training_time(work, ends, 1)), BOTH, width=1.2),
        Line(TRAINING_PEAKS, tuple(training_time(work, ends, fraction)), BOTH, True),
        *(Dot(machine, measured, QUIET) for _, machine, measured in published),
        Dot(*here, BOTH, "s"),
        Words(*first, "100% of peak", BOTH, "right", (-10, -9), tuple(others)),
    ]
    sentence = (
        f"{si(work, 'flop')} at {fraction:.0%} of {si(devices * peak, 'flop/s')} "
        f"take {duration(time)}"
    )
    found = []
    for name, machine, measured in published:
        share = f"{achieved_fraction(work, measured, machine):.0%}"
        marks.append(Words(machine, measured, f"{name} {share}", QUIET, "left", (9, 9)))
        found.append(f"{name} took {duration(measured)} at {share} of its peak")
    marks.append(Words(*here, f"you, {fraction:.0%}", BOTH, "right", (-10, -9)))
    if found:
        sentence += f". Published: {', '.join(found)}"
    return Scene(marks, sentence + ".")


def duration(seconds, digits=3):
    """A time to read, in the largest unit that keeps it above 1.

    Examples
    --------
    >>> duration(90), duration(84.5 * 3600), duration(14 * 86400), duration(0.5)
    ('1.5 min', '3.52 days', '14 days', '0.5 s')
    """
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            number = short(seconds / size, digits)
            return f"{number} {unit.rstrip('s') if number == '1' else unit}"
    return f"{short(seconds, digits)} s"


@same_everywhere
def plot_plan(devices, best, worst, deadline, *, ax=None):
    """Draw the range of predicted times over the number of devices, and the deadline.

    Parameters
    ----------
    devices : sequence of int
        Numbers of devices n.
    best, worst : sequence of float
        Shortest and longest predicted time for each of them, s.
    deadline : float
        The time allowed, s.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlabel="number of devices n", ylabel="predicted time")
    ax.fill_between(devices, best, worst, color=LIGHT)
    draw(ax, [Line(tuple(devices), tuple(times), BOTH) for times in (best, worst)])
    ax.axhline(deadline, color=BOTH, linestyle="--")
    ax.annotate("deadline", (devices[0], deadline), (2, 5), textcoords="offset points")
    _calm(ax).set_xticks(list(devices))
    ax.set_yticks([60, 600, 3600, 6 * 3600, 86400, 7 * 86400])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.set_ylim(min(best) / 1.3, max(worst) * 1.3)
    return ax


@same_everywhere
def plot_speedup(p, *, r=1.0, ax=None, s=None, last=None):
    """Draw Amdahl's speed-up S against s, its ceiling, and the ideal S = s.

    Parameters
    ----------
    p : float
        Fraction of the serial time that the speed-up touches, from 0 to 1.
    r : float
        Factor by which bandwidth falls when the compute unit is sped up.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.
    s : float, optional
        A speed-up of the compute unit to mark with a dot.
    last : float, optional
        The largest s of linear axes, for p below 1; logarithmic axes to 1000 if None.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a number is outside the range that `speedup` allows.
    """
    ax, marks = speedup_axes(ax), speedup_scene(p, r, s).marks
    if last is None:
        return draw(ax, marks)
    ceiling, above = limit(p, r), 0.8 * limit(p)
    ax.set(xscale="linear", yscale="linear", xlim=(0, last), ylim=(0, 1.25 * limit(p)))
    words = [
        Words(above, above, "S = s", QUIET, "right", (-6, 6)),
        Words(1, ceiling, f"ceiling {short(ceiling)}", MEMORY, "left", (6, 8)),
    ]
    if r != 1:
        words.append(Words(last, speedup(p, last), "r = 1", QUIET, "right", (-4, 8)))
    if s is not None:
        label = f"S = {short(speedup(p, s, r))} at s = {short(s)}"
        words.append(Words(s, speedup(p, s, r), label, COMPUTE, "left", (9, -11)))
    return draw(_calm(ax), [mark for mark in marks if not isinstance(mark, Words)] + words)


SPEEDUP_RANGE = (1, 1000)


@same_everywhere
def speedup_axes(ax=None):
    """Empty log-log axes for speed-ups, labelled."""
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlim=SPEEDUP_RANGE, ylim=(0.05, 1000))
    ax.set_xlabel("speed-up of the compute unit, s")
    ax.set_ylabel("speed-up of the whole task, S")
    return _calm(ax)


def speedup_scene(p, r=1.0, s=None):
    """The marks and the sentence of Amdahl's curve; arguments as `plot_speedup`."""
    first, last = SPEEDUP_RANGE
    steps = np.geomspace(first, last, 61)
    ceiling = limit(p, r)
    reached = speedup(p, 1 if s is None else s, r)
    top, now = apart(ceiling, reached, 1)[:2]
    marks = [
        Line((first, last), (first, last), QUIET, True, 1.2),
        Words(30, 30, "S = s", QUIET, "right", (-6, 6), ((100, 100), (300, 300), (10, 10))),
        Line((first, last), (1, 1), QUIET, False, 0.8),
    ]
    sentence = f"With p = {apart(p, 0, 1)[0]}"
    if r != 1:
        marks.append(Line(tuple(steps), tuple(speedup(p, steps).tolist()), QUIET, False, 1.2))
        places = [(at, speedup(p, at)) for at in (last, 300, 100, 30)]
        marks.append(Words(*places[0], "r = 1", QUIET, "right", (-4, 8), tuple(places[1:])))
        sentence += f" and bandwidth divided by r = {short(r)}"
    if np.isfinite(ceiling):
        marks.append(Line((first, last), (ceiling, ceiling), MEMORY, True))
        others = ((last, ceiling), (30, ceiling))
        marks.append(Words(first, ceiling, f"ceiling {top}", MEMORY, "left", (6, 8), others))
        sentence += f", S never exceeds {top}"
    else:
        sentence += ", S has no ceiling"
    marks.append(Line(tuple(steps), tuple(speedup(p, steps, r).tolist()), COMPUTE))
    if s is not None:
        marks += [
            Dot(s, reached, COMPUTE, "s"),
            Words(s, reached, f"S = {now}", COMPUTE, "center", (0, -14)),
        ]
        verdict = "" if reached >= 1 else ": a slow-down"
        sentence += f"; at s = {short(s)} it is {now}{verdict}"
    return Scene(marks, sentence + ".")


@same_everywhere
def plot_overlap(chunks, *, ax=None):
    """Draw performance against intensity for tasks in n chunks, between serial and roofline.

    Parameters
    ----------
    chunks : sequence of float
        Numbers of chunks n, a curve for each; 1 is serial, infinity the roofline.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a number of chunks is below 1.
    """
    ax = overlap_axes(ax, balances=(0.4, 4), performances=(0.25, 1.3))
    ax.set(xticks=[0.5, 1, 2, 4], yticks=[0.3, 0.5, 1])
    names = {1: "n = 1: take turns", np.inf: "n = ∞: roofline"}
    for n in chunks:
        # At the ridge the curves are farthest apart, and there is room below each for its label.
        place = ("right", (-6, 8)) if np.isinf(n) else ("left", (4, -8))
        label = Words(1, chunked_performance(1, 1, 1, n), names.get(n, f"n = {n}"), BOTH, *place)
        draw(ax, [_chunk_curve(n), label])
    return ax


BALANCES = (0.1, 10.0)


@same_everywhere
def overlap_axes(ax=None, balances=BALANCES, performances=(0.04, 30)):
    """Empty log-log axes in units of the machine: x = I / I* and P / pi, labelled."""
    ax = _axes(ax)
    ax.set(xscale="log", yscale="log", xlim=balances, ylim=performances)
    ax.set_xlabel("intensity in units of the ridge, x = I / I*")
    ax.set_ylabel("performance, P / π")
    return _calm(ax)


def _chunk_curve(n, s=1.0, store=0.0, buffers=np.inf, **line):
    """Performance over intensity for n chunks; the others as in `overlap_scene`."""
    x = np.geomspace(*BALANCES, 61)
    # Computing takes 1 at s = 1, so P / pi = 1 / t.
    time = buffered_time(1 / x, 1 / s, n, store / x, buffers)
    return Line(tuple(x.tolist()), tuple((1 / time).tolist()), **line)


def overlap_scene(balance, s, chunks, store=0.0, buffers=np.inf):
    """The marks and the sentence of one task in n chunks, with a compute unit s times as fast.

    Parameters
    ----------
    balance : float
        Intensity in units of the ridge before the speed-up, x = I / I*, from 0.1 to 10.
    s : float
        Factor by which the compute unit is sped up, above 0.
    chunks : int
        Number of chunks n, at least 1.
    store : float
        Time of storing in units of the time of loading, from 0 to 1.
    buffers : float
        Chunks that the machine can hold at a time.
    """
    load, compute, store_time = 1 / balance, 1 / s, store / balance
    time = buffered_time(load, compute, chunks, store_time, buffers)
    start = load + 1 + store_time  # taking turns, before the speed-up
    ceiling = start / (load if buffers > 1 else load + store_time)  # one buffer: never both at once
    reached, most, _ = apart(start / time, ceiling, 1)
    gain = f"{reached} times the start"
    first, last = BALANCES
    slanted_end = min(s, last)
    marks = [
        Line((first, slanted_end), (first, slanted_end), MEMORY),
        Line((slanted_end, last), (s, s), COMPUTE),
        _chunk_curve(1, 1.0, store, colour=QUIET, width=1.2),
        _chunk_curve(chunks, s, store, buffers, colour=BOTH, dashed=True),
        Dot(balance, 1 / start, QUIET, "D"),
        Dot(balance, 1 / time, BOTH, "s"),
        Words(balance, 1 / time, gain, BOTH, "center", (0, 22)),
    ]
    sentence = (
        f"x = {short(balance)}, s = {short(s)}, n = {short(chunks)}: {gain} (n = 1, s = 1). "
        f"No s and no n can give more than {most}."
    )
    return Scene(marks, sentence)


@same_everywhere
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
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If an argument is outside the range that `schedule` allows.
    """
    ax = _axes(ax, (6.5, 2.0))
    scene = timeline_scene(load, compute, chunks, store, buffers)
    return draw(timeline_axes(ax, load + compute + store), scene.marks)


@same_everywhere
def timeline_axes(ax, longest):
    """Empty axes for a timeline up to the time `longest`, a row for each unit."""
    ax.set(xlim=(0, 1.02 * longest), ylim=(-0.6, len(UNITS) - 0.4), xlabel="time (s)")
    ax.set_yticks(range(len(UNITS)), UNITS[::-1])
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    return ax


def timeline_scene(load, compute, chunks, store=0.0, buffers=np.inf):
    """The marks and the sentence of a timeline; arguments as `plot_timeline`."""
    steps = schedule(load, compute, chunks, store, buffers)
    end = max((step.end for step in steps), default=0.0)
    marks = []
    for step in steps:
        row = len(UNITS) - 1 - UNITS.index(step.unit)
        colour = (BOTH, LIGHT)[step.chunk % 2]  # neighbours differ in grey
        marks.append(Line((step.start, step.end), (row, row), colour, width=14))
    marks.append(Line((end, end), (-0.6, len(UNITS) - 0.4), QUIET, True, 1.2))
    serial = load + compute + store
    takes, turns = apart(end, serial)
    compared = ", as long as taking turns" if takes == turns else f" in place of {turns} s"
    return Scene(
        marks,
        f"In {short(chunks)} chunk{'s' * (chunks > 1)} the job takes {takes} s{compared}.",
    )


@same_everywhere
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
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.
    intensities : tuple
        First and last intensity on the horizontal axis.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If a number is outside the range that `attainable` allows.
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


@same_everywhere
def plot_two_levels(*, ax=None):
    """Draw an all-reduce in two levels: two machines of four GPUs, each with a bar of gradients.

    A ring inside each machine leaves each GPU with the sum of one quarter, which is filled. The
    GPUs with the same quarter meet through the ports.

    Parameters
    ----------
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax, (7.5, 3.0))
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


@same_everywhere
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
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
    ax.set(xscale="log", xlabel="devices n", ylabel="efficiency E = S / n", xlim=(0.9, 220))
    _calm(ax).set_xticks([1, 2, 4, 8, 16, 32])
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


@same_everywhere
def plot_splits(networks, batch, *, axes=None):
    """Draw for each layer the batch at which splitting data and model send the same bytes.

    Parameters
    ----------
    networks : sequence of helpers.networks.Network
        A panel for each.
    batch : float
        Examples in a step of all devices together, drawn as a level line.
    axes : sequence of matplotlib Axes, optional
        Where to draw, one for each network; a new figure if None.

    Returns
    -------
    sequence of matplotlib Axes
    """
    axes = _panels(axes, len(networks), 3.4)
    for ax, network in zip(axes, networks, strict=True):
        ax.set(yscale="log", xlabel="layer with multiply-adds, in order", title=network.name)
        ax.set_ylabel("batch at which both send the same")
        layers = [layer for layer in network.layers if layer.macs]
        ax.axhline(batch, color=QUIET, linestyle="--")
        for kind, shape in (("convolution", "o"), ("linear", "s")):
            chosen = [(x, layer) for x, layer in enumerate(layers, 1) if layer.kind == kind]
            heights = [crossover_batch(layer.parameters, layer.inputs) for _, layer in chosen]
            ax.plot([x for x, _ in chosen], heights, shape, color=BOTH, label=kind, markersize=5)
        _calm(ax).legend(loc="upper left", frameon=False)
        draw(ax, [Words(len(layers), batch, f"batch {short(batch)}", QUIET, "right", (0, 7))])
        ax.set_ylim(0.005, 2e5)
        ax.label_outer()
    return axes


@same_everywhere
def plot_scaling(measured, modelled=None, *, ax=None, xlabel="devices n"):
    """Draw speed-ups over the number of devices, with the ideal S = n (or K, stages).

    Parameters
    ----------
    measured, modelled : dict
        Name of each series: its numbers of devices and its speed-ups. Measured ones are dots
        with a dotted line, modelled ones lines.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if None.
    xlabel : str
        What the horizontal axis counts.

    Returns
    -------
    matplotlib Axes
    """
    ax = _axes(ax)
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
    _calm(ax).set_xticks(ticks)
    ax.set_yticks(ticks)
    return ax


ENGINE_MACHINES = (1, 128)


@same_everywhere
def engine_axes(ax=None):
    """Empty axes for the efficiency of data-parallel training over the number of machines."""
    ax = _axes(ax)
    ax.set(xscale="log", xlim=ENGINE_MACHINES, ylim=(0, 1.1), xlabel="machines m")
    ax.set_ylabel("efficiency E = S / n")
    _calm(ax).set_xticks([2**power for power in range(8)])
    return ax


def engine_scene(work, size, peak, fraction, batch, link, port, overlap, machines, per_machine=8):
    """The marks and the sentence of data-parallel training, with an all-reduce in two levels.

    Parameters
    ----------
    work : float
        Training work for one example, flop.
    size : float
        Size of the gradients, B.
    peak, fraction : float
        Peak of one device, flop/s, and the fraction of it that one device alone achieves.
    batch : float
        Examples on each device in a step.
    link, port : float
        Bandwidth of each device inside a machine, and of the port that the devices of a machine
        share, B/s.
    overlap : float
        Overlap of computing and communicating, from 0 to 1.
    machines : int
        Number of machines m, from 1 to 128.
    per_machine : int
        Devices in each machine.
    """
    compute = batch * work / (fraction * peak)
    m = np.arange(1.0, ENGINE_MACHINES[1] + 1)  # there is no half machine
    reduce = np.asarray(hierarchical_time(size, per_machine * m, per_machine, link, port))
    marks = []
    for extreme in (0, 1):
        values = compute / step_time(compute, reduce, extreme)
        marks.append(Line(tuple(m.tolist()), tuple(values.tolist()), QUIET, True, 1.0))
    values = compute / step_time(compute, reduce, overlap)
    turn = int((reduce <= compute).sum())  # the first at which the all-reduce takes longer
    for colour, part in ((COMPUTE, slice(0, turn + 1)), (MEMORY, slice(turn, None))):
        if len(m[part]) > 1 and (turn or colour == MEMORY):
            marks.append(Line(tuple(m[part].tolist()), tuple(values[part].tolist()), colour))
    if 0 < turn < len(m):  # a mark, for those who do not see where the colour changes
        marks.append(Dot(float(m[turn]), float(values[turn]), BOTH, "D"))
    devices = per_machine * machines
    communication = hierarchical_time(size, devices, per_machine, link, port)
    step = step_time(compute, communication, overlap)
    speed, share = throughput(batch, devices, step), compute / step
    verdict, colour, shape = "computing takes longer", COMPUTE, "s"
    if communication > compute:
        verdict, colour, shape = "the all-reduce takes longer", MEMORY, "o"
    times = duration(compute), duration(communication)
    if times[0] == times[1]:  # the words do not say more than the numbers that they stand beside
        verdict = "both take equally long"
    place = ("right", (-9, 11)) if machines > 11 else ("left", (9, 11))
    marks.append(Dot(machines, share, colour, shape))
    marks.append(Words(machines, share, f"{short(speed)} img/s", colour, *place))
    sentence = (
        f"{short(machines)} machine{'s' * (machines > 1)} of {per_machine}: {short(speed)} img/s, "
        f"efficiency {percent(share, 3)}. A step computes for {times[0]}, its all-reduce takes "
        f"{times[1]}: {verdict}."
    )
    return Scene(marks, sentence)


def _axes(ax, size=SIZE):
    """`ax`, or the Axes of a new figure."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, layout="constrained")[1]


def _panels(axes, count, height):
    """`axes`, or those of a new figure with `count` panels side by side."""
    if axes is not None:
        return axes
    shape = dict(figsize=(9, height), sharey=True, layout="constrained", squeeze=False)
    return plt.subplots(1, count, **shape)[1][0]


def _si_ticks(axis):
    """Write the ticks of an axis with SI prefixes."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: si(value)))


def _calm(ax):
    """Few ticks and a quiet grid, which also makes drawing faster."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax
