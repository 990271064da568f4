"""Pictures of machines: the three units, and the devices of the catalog."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from helpers.pictures.drawing import calm, draw, new_axes, picture, si_ticks
from helpers.roofline import ridge
from helpers.scenes.marks import BOTH, LIGHT, QUIET, Words
from helpers.words import short

KIND_SHAPES = {"GPU": "o", "TPU": "^", "accelerator": "P", "SoC GPU": "D", "CPU": "s"}
# Where a label stands beside its dot: the end of the text at the dot, and points right and up.
SIDES = {
    "left": ("right", (-7, 0)),
    "right": ("left", (7, 0)),
    "above": ("right", (4, 11)),
    "below": ("left", (-4, -11)),
}
DEVICE_BANDWIDTHS, DEVICE_PEAKS = (4e10, 2e13), (3e11, 1e16)


@picture
def plot_machine(*, ax=None):
    """Draw the three units of a processor-centric machine, and load and store between them."""
    ax = new_axes(ax, (7.5, 2.0))
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


@picture
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
    """
    ax = new_axes(ax, (8, 5.5))
    ax.set(xscale="log", yscale="log", xlim=DEVICE_BANDWIDTHS, ylim=DEVICE_PEAKS)
    ax.set_xlabel("bandwidth β (B/s)")
    ax.set_ylabel("peak π (flop/s)")
    for axis in (calm(ax).xaxis, ax.yaxis):
        si_ticks(axis)
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
        name_device(ax, key, place, side)
    ax.legend(loc="lower right", fontsize=9)
    return ax


def name_device(ax, key, place, side):
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


@picture
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
    """
    ax = new_axes(ax)
    ax.set(yscale="log", xlabel="year", ylabel="ridge point I* (flop/B)")
    calm(ax).xaxis.set_major_locator(MaxNLocator(integer=True))
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
            newest = int(table["year"].max())  # right of all dots
            draw(ax, [Words(newest, points[-1], name, BOTH, "left", (9, 0))])
    for key, (name, side) in (labels or {}).items():
        row = table.loc[key]
        name_device(ax, key, (row["year"], ridge(row[precisions[name]], row["bandwidth"])), side)
    ax.set_xlim(table["year"].min() - 0.5, table["year"].max() + 1.5)
    return ax
