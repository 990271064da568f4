"""Devices: datasheets recomputed, and the pictures of machines by their artists and labels."""

import math
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers.catalog import device, devices, interconnects
from helpers.controls.devices import DeviceControl
from helpers.pictures.devices import KIND_SHAPES, plot_devices, plot_machine, plot_ridges
from helpers.questions.devices import headline
from helpers.roofline import attainable, ridge
from helpers.scenes.marks import BOTH, LIGHT
from helpers.words import si

PRECISIONS = {"FP32": "peak_fp32", "TF32": "peak_tf32", "FP16": "peak_fp16"}
PATH = ["K20", "V100-SXM2", "A100-40"]


def _axes():
    return Figure().add_subplot()


def _words(ax):
    return [text.get_text() for text in ax.texts]


# Datasheets

# A derivation is made of products, each with its unit: "5120 units × 2 flop × 1.53 GHz = 15.67
# Tflop/s" and "384 wires × 6 Gbit/s ÷ 8 = 288 GB/s".
PEAK = re.compile(r"(\d+) [a-z ]+ × (\d+) flop × ([\d.]+) GHz = ([\d.]+) Tflop/s")
WIRES = re.compile(r"(\d+) wires × ([\d.]+) Gbit/s ÷ 8 = (\d+) GB/s")
# No arithmetic: the row refers to another one, or no clock is published.
OTHER_ROW = {"A100-80": "A100-40", "A100-PCIe-80": "A100-40", "H200-SXM": "H100-SXM"}
WITHOUT_CLOCK = {"B200-SXM"}


@pytest.mark.parametrize("key", sorted(set(devices().index) - {*OTHER_ROW, *WITHOUT_CLOCK}))
def test_every_derivation_gives_a_printed_peak(key):
    row, products = device(key), PEAK.findall(device(key).derivation)
    assert row.derivation.count("GHz") == len(products) > 0
    for units, each, clock, stated in products:
        product = int(units) * int(each) * float(clock) * 1e9
        peaks = [row[f"peak_{name}"] for name in ("fp64", "fp32", "fp16", "bf16", "fp8")]
        assert min(abs(product / peak - 1) for peak in peaks if peak > 0) < 0.01
        assert float(stated) * 1e12 == pytest.approx(product, rel=6e-3)  # to its last digit


def test_a_device_with_matrix_units_shows_how_its_16_bits_are_made():
    for row in devices().query("matrix_units").itertuples():
        if row.Index not in {*OTHER_ROW, *WITHOUT_CLOCK, "Orin-64"}:
            assert re.search("(tensor|matrix) (core|unit)s", row.derivation), row.Index


@pytest.mark.parametrize("key", sorted(OTHER_ROW))
def test_a_derivation_that_refers_to_another_row_has_its_peaks(key):
    row, other = device(key), device(OTHER_ROW[key])
    assert row.derivation.startswith(f"as {OTHER_ROW[key]}")
    for name in ("fp64", "fp32", "tf32", "bf16"):
        assert row[f"peak_{name}"] == other[f"peak_{name}"]


def test_every_other_derivation_says_why_it_has_no_product():
    for row in devices().loc[sorted(WITHOUT_CLOCK)].itertuples():
        assert "no clock is published" in row.derivation


def test_a_bandwidth_that_we_computed_is_marked_with_its_wires():
    computed = devices().query("derivation.str.contains('wires')")
    assert list(computed.index) == ["M40", "P100-SXM2", "H100-PCIe"]
    for row in computed.itertuples():
        wires, rate, stated = WIRES.search(row.derivation).groups()
        assert int(wires) * float(rate) * 1e9 / 8 == pytest.approx(row.bandwidth, rel=5e-4)
        assert int(stated) * 1e9 == row.bandwidth


def test_cpus_are_at_base_clock_as_the_convention_says():
    base = {
        "Xeon-E5-2698v4": 2.2,
        "Xeon-5118": 2.3,
        "Xeon-8280": 2.7,
        "EPYC-7742": 2.25,
        "EPYC-9654": 2.4,
    }
    cpus = devices().query("kind == 'CPU'")
    clocks = cpus["derivation"].str.extract(r"× ([\d.]+) GHz", expand=False).astype(float)
    assert clocks.to_dict() == base


@pytest.mark.parametrize(
    ("key", "wires", "rate"),
    [
        ("K20", 320, 5.2e9),  # 320 * 5.2 / 8 = 208 GB/s
        ("T4", 256, 10e9),
        ("A100-80", 5120, 3.186e9),  # as many wires at the same rate as the H100-PCIe
        ("H100-PCIe", 5120, 3.186e9),
        ("RTX-4090", 384, 21e9),
        ("L4", 192, 12.5e9),
        ("Xeon-E5-2698v4", 4 * 64, 2400e6),  # 4 channels * 8 B * 2.4 GT/s = 76.8
        ("Xeon-5118", 6 * 64, 2400e6),
        ("Xeon-8280", 6 * 64, 2933e6),
        ("EPYC-7742", 8 * 64, 3200e6),
        ("EPYC-9654", 12 * 64, 4800e6),
    ],
)
def test_bandwidth_is_wires_times_rate(key, wires, rate):
    assert device(key).bandwidth == pytest.approx(wires * rate / 8, rel=1e-3)


def test_channels_of_the_table_give_the_bandwidth():
    cpus = devices().query("kind == 'CPU'")
    assert len(cpus) == 5
    for row in cpus.itertuples():
        channels, rate = re.fullmatch(r"(\d+)x DDR\d-(\d+)", row.memory_type).groups()
        assert row.bandwidth == pytest.approx(int(channels) * int(rate) * 1e6 * 8, rel=1e-3)


def test_traps_have_the_size_that_the_notebook_says():
    h100, h200 = device("H100-SXM"), device("H200-SXM")
    board, die, v100 = device("K80-board"), device("K80-die"), device("V100-SXM2")
    assert ridge(1979e12, h100.bandwidth) == pytest.approx(591, abs=0.5)  # sparse
    assert ridge(h100.peak_bf16, h100.bandwidth) == pytest.approx(295, abs=0.5)  # dense
    assert (board.peak_fp32, board.bandwidth) == (2 * die.peak_fp32, 2 * die.bandwidth)
    assert board.peak_fp32 / (2 * 2496 * 2 * 562e6) == pytest.approx(1.56, abs=0.005)
    assert ridge(h200.peak_bf16, h200.bandwidth) == pytest.approx(206, abs=0.5)
    assert v100.link_bandwidth == interconnects().at["NVLink 2 (V100)", "two_way"] / 2
    assert 16 * 2**30 == pytest.approx(17.18e9, rel=1e-3)


def test_what_decides_the_ridge_is_not_the_precision():
    """What notebook 02 concludes without a number: one more row may break it."""
    table = devices()
    ridges = table[["peak_fp32", "peak_tf32", "peak_fp16"]].div(table["bandwidth"], axis=0)
    fp32, tf32, fp16 = (ridges[column].dropna() for column in ridges)
    assert fp32.max() > tf32.min()  # the bands touch,
    assert list(fp32.nlargest(2).index) == ["L4", "RTX-4090"]  # by these two, and from below
    assert list(fp16[~table["matrix_units"]].index) == ["P100-SXM2"]  # by this one
    assert fp16["P100-SXM2"] < fp32.max()
    steps = (tf32 / fp32).dropna().sort_values()  # 4 bytes for a number in both
    assert steps["RTX-4090"] == 1 and (steps.drop("RTX-4090") > 1.9).all()
    assert fp32[table["kind"] == "CPU"].idxmax() == "Xeon-8280"  # question 3
    fp64 = (table["peak_fp64"] / table["bandwidth"])[["M40", "T4"]]  # named as the lowest dots
    assert fp64.max() < min(fp32.min(), tf32.min(), fp16.min())


# Pictures


def test_machine_has_three_units_in_order_and_arrows_both_ways():
    ax = plot_machine(ax=_axes())
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 3
    names = ("memory unit", "communication unit", "compute unit")
    for box, name in zip(boxes, names, strict=True):
        (text,) = (text for text in ax.texts if text.get_text() == name)
        assert box.get_x() < text.get_position()[0] < box.get_x() + box.get_width()
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    ways = sorted(np.sign(arrow.xy[0] - arrow.get_position()[0]) for arrow in arrows)
    assert ways == [-1, -1, 1, 1]
    assert _words(ax).count("load") == _words(ax).count("store") == 2
    load, store = (next(t for t in ax.texts if t.get_text() == way) for way in ("load", "store"))
    for label, way in ((load, 1), (store, -1)):  # each word stands beside its own arrow
        nearest = min(arrows, key=lambda arrow: abs(arrow.xy[1] - label.get_position()[1]))
        assert np.sign(nearest.xy[0] - nearest.get_position()[0]) == way
    drawn = {patch.get_edgecolor()[:3] for patch in boxes}
    assert all(red == green == blue for red, green, blue in drawn)  # reads in black and white


def _markers(ax):
    return [line for line in ax.lines if line.get_linestyle() == "None"]


def test_devices_stand_at_bandwidth_and_peak_with_a_shape_per_kind():
    table = devices()
    ax = plot_devices(table, PRECISIONS, ax=_axes())
    shown = {line.get_label(): line for line in _markers(ax)}
    assert set(shown) == {
        *("CPU, FP32", "GPU, FP32", "SoC GPU, FP32", "GPU, TF32"),
        *("GPU, FP16", "SoC GPU, FP16", "GPU, FP16 on vector units"),
    }
    assert list(shown["GPU, FP16 on vector units"].get_xdata()) == [732e9]  # the P100
    colours = {"FP32": "white", "TF32": LIGHT, "FP16": BOTH}
    for label, line in shown.items():
        kind, precision, vector = re.fullmatch(r"(.+), (\w+)( on vector units)?", label).groups()
        rows = table[table["kind"] == kind].dropna(subset=PRECISIONS[precision])
        if precision != "FP32":
            rows = rows[rows["matrix_units"] == (not vector)]
        assert sorted(line.get_xdata()) == sorted(rows["bandwidth"])
        assert sorted(line.get_ydata()) == sorted(rows[PRECISIONS[precision]])
        assert line.get_marker() == KIND_SHAPES[kind]
        assert line.get_markerfacecolor() == ("white" if vector else colours[precision])
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(entries) == sorted(shown)  # shapes are explained
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for line in _markers(ax):  # every device is in sight
        assert left < min(line.get_xdata()) and max(line.get_xdata()) < right
        assert low < min(line.get_ydata()) and max(line.get_ydata()) < high


def test_lines_of_constant_ridge_are_straight_with_slope_one():
    ax = plot_devices(devices(), PRECISIONS, ridges=(10, 200), ax=_axes())
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    lines = [line for line in ax.lines if line.get_linestyle() == "--"]
    for line, value in zip(lines, (10, 200), strict=True):
        x, y = line.get_data()
        assert np.diff(np.log(y)) == pytest.approx(np.diff(np.log(x)))
        assert ridge(np.array(y), np.array(x)) == pytest.approx(value)
    words = [text for text in ax.texts if text.get_text().startswith("I* = ")]
    assert [word.get_text() for word in words] == ["I* = 10", "I* = 200"]
    frame = ax.get_window_extent()
    for word in words:  # inside the frame
        box = word.get_window_extent()
        assert frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1


def test_labels_stand_at_the_dot_that_is_asked_for():
    labels = {"V100-SXM2": ("FP16", "left"), "L4": ("FP32", "right")}
    for draw, places in (
        (plot_devices, {"V100-SXM2": (900e9, 125e12), "L4": (300e9, 30.3e12)}),
        (plot_ridges, {"V100-SXM2": (2017, 125e12 / 900e9), "L4": (2023, 101)}),
    ):
        ax = draw(devices(), PRECISIONS, labels=labels, ax=_axes())
        found = {text.get_text(): text for text in ax.texts if text.get_text() in labels}
        for key, place in places.items():
            assert found[key].xy == pytest.approx(place)
        assert found["V100-SXM2"].get_horizontalalignment() == "right"
        assert found["L4"].get_horizontalalignment() == "left"


def test_devices_without_the_peak_are_left_out():
    for draw in (plot_devices, plot_ridges):
        ax = draw(devices().loc[["M40", "V100-SXM2"]], {"FP16": "peak_fp16"}, ax=_axes())
        (dots,) = (line for line in ax.lines if line.get_linestyle() == "None")
        assert len(dots.get_xdata()) == 1


def test_ridges_are_joined_in_the_order_of_years():
    ax = plot_ridges(devices(), PRECISIONS, path=PATH[::-1], ax=_axes())
    joined = {line.get_label(): line for line in ax.lines if line.get_linestyle() == "-"}
    assert list(joined["FP32"].get_xdata()) == [2012, 2017, 2020]
    # 3520 / 208, 15 700 / 900, 19 500 / 1555
    assert list(joined["FP32"].get_ydata()) == pytest.approx([16.92, 17.44, 12.54], abs=0.005)
    assert list(joined["FP16"].get_xdata()) == [2017, 2020]  # the K20 has no FP16
    assert list(joined["TF32"].get_xdata()) == [2020]
    assert len({line.get_marker() for line in joined.values()}) == 3
    assert set(PRECISIONS) == set(_words(ax))


# The control


def test_the_control_offers_every_known_roof_and_no_other():
    control, table = DeviceControl(), devices()
    offered = control.inputs["device"].options
    assert "V100-SXM2 fp16" in offered and "H100-SXM fp8" in offered
    assert "P100-SXM2 fp16" in offered and "L4 tf32" in offered
    assert "A100-40 fp8" not in offered and "M40 fp16" not in offered  # no such peak
    for name in offered:
        key, precision = name.split()
        expected = table.at[key, f"peak_{precision}"], table.at[key, "bandwidth"]
        assert control.machines[name] == expected
        assert all(math.isfinite(number) for number in expected)


def test_the_control_says_both_numbers_the_regime_and_both_shares():
    control = DeviceControl("H200-SXM bf16", intensity=100)
    assert control.sentence == (
        "H200-SXM bf16: π = 989 Tflop/s, β = 4.8 TB/s. The ridge is at 206 flop/B; "
        "the task at 100 flop/B is memory-bound and attains 480 Tflop/s. "
        "It uses 49% of the peak and 100% of the bandwidth."  # 480 / 989
    )
    control.inputs["device"].value = "H200-SXM fp32"
    attains = si(attainable(100, 67e12, 4800e9), "flop/s")
    assert f"is compute-bound and attains {attains}" in control.sentence
    assert "It uses 100% of the peak and 14% of the bandwidth" in control.sentence  # 67 / 480
    control.inputs["intensity"].value = 0.1
    assert "is memory-bound and attains 480 Gflop/s" in control.sentence


@pytest.mark.parametrize("bad", ["V100-SXM2", "V100-SXM2 int8", "M40 fp16", ""])
def test_unknown_devices_are_refused(bad):
    with pytest.raises(ValueError, match=r"device must be one of .*V100-SXM2 fp32.*, got "):
        DeviceControl(bad)


def test_the_headline_of_the_orin_is_that_of_its_row():
    orin, given = device("Orin-64"), headline.numbers
    assert (given["printed"] - given["other"]) / 4 == orin.peak_fp16  # dense, and 16 bits
    assert f"{given['printed'] / 1e12:.0f} Top/s add a second accelerator " in orin.trap
    assert f"({given['other'] / 1e12:.0f})" in orin.trap
