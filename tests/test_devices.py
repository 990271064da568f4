"""Devices: datasheets recomputed, and the pictures of machines by their artists and labels."""

import math
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from helpers import plots
from helpers.catalog import device, devices, interconnects
from helpers.controls import DeviceControl
from helpers.roofline import attainable, ridge

PRECISIONS = {"FP32": "peak_fp32", "FP16": "peak_fp16"}
PATH = ["K20", "V100-SXM2", "A100-40"]


def _axes():
    return Figure().add_subplot()


def _words(ax):
    return [text.get_text() for text in ax.texts]


# Datasheets

# "5120*2*1.530 = 15.67", "640 TC*64 FMA*2*1.530 = 125.3", "20*2.2*32 SP": numbers joined by *,
# words after them, and perhaps the product. Clocks are in GHz.
PRODUCT = re.compile(
    r"(?P<factors>[\d.]+(?: [A-Za-z]+| matrix cores)?(?:\*[\d.]+(?: FMA)?)+)"
    r"(?: GHz)?(?: = (?P<stated>[\d.]+))?"
)
# What an arithmetic line does not reach: no clock is published, or it refers to another row.
WITHOUT_ARITHMETIC = {"A100-80", "A100-PCIe-80", "H200-SXM", "B200-SXM"}


def _products(derivation):
    """(product, stated product or NaN) of each piece of arithmetic in a derivation, in Gflop/s."""
    for found in PRODUCT.finditer(derivation):
        factors = [float(number) for number in re.findall(r"[\d.]+", found["factors"])]
        yield math.prod(factors), float(found["stated"] or "nan")


def _printed(row):
    """The printed peaks of a row, in Gflop/s."""
    return [row[f"peak_{p}"] / 1e9 for p in ("fp64", "fp32", "fp16", "bf16", "fp8")]


@pytest.mark.parametrize("key", sorted(set(devices().index) - WITHOUT_ARITHMETIC))
def test_every_derivation_gives_a_printed_peak(key):
    row = device(key)
    products = list(_products(row.derivation))
    assert products
    for product, stated in products:
        assert min(abs(product / peak - 1) for peak in _printed(row) if peak > 0) < 0.01
        if stated > 0:  # stated in Tflop/s, to its last digit
            assert stated == pytest.approx(product / 1e3, rel=2e-3)


@pytest.mark.parametrize("key", sorted(WITHOUT_ARITHMETIC))
def test_derivations_without_arithmetic_say_why(key):
    assert not list(_products(device(key).derivation))
    assert device(key).derivation.startswith(("as ", "same ", "no published clock"))


@pytest.mark.parametrize(
    ("derivation", "products"),
    [
        ("5120*2*1.530 = 15.67; 640 TC*64 FMA*2*1.530 = 125.3", [15667.2, 125337.6]),
        ("4 MXU*128*128*2*0.94 GHz = 123.2", [123207.68]),
        ("28*2.7*64 (two units); at base 1.8 GHz = 3.2", [4838.4]),
        ("as SXM, 300 W", []),
    ],
)
def test_arithmetic_is_found_in_text(derivation, products):
    assert [product for product, _ in _products(derivation)] == pytest.approx(products)


@pytest.mark.parametrize(
    ("key", "wires", "rate"),
    [
        ("K20", 320, 5.2e9),  # 320 * 5.2 / 8 = 208 GB/s
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


# Pictures


def test_machine_has_three_units_in_order_and_arrows_both_ways():
    ax = plots.plot_machine(ax=_axes())
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
    ax = plots.plot_devices(table, PRECISIONS, ax=_axes())
    shown = {line.get_label(): line for line in _markers(ax)}
    assert {"CPU, FP32", "GPU, FP32", "GPU, FP16", "SoC GPU, FP16"} == set(shown) - {
        "SoC GPU, FP32"
    }
    for label, line in shown.items():
        kind, precision = label.split(", ")
        rows = table[table["kind"] == kind].dropna(subset=[PRECISIONS[precision], "bandwidth"])
        assert sorted(line.get_xdata()) == sorted(rows["bandwidth"])
        assert sorted(line.get_ydata()) == sorted(rows[PRECISIONS[precision]])
        assert line.get_marker() == plots.KIND_SHAPES[kind]
        assert (line.get_markerfacecolor() == "white") == (precision == "FP32")
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(entries) == sorted(shown)  # shapes are explained
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for line in _markers(ax):  # every device is in sight
        assert left < min(line.get_xdata()) and max(line.get_xdata()) < right
        assert low < min(line.get_ydata()) and max(line.get_ydata()) < high


def test_lines_of_constant_ridge_are_straight_with_slope_one():
    ax = plots.plot_devices(devices(), PRECISIONS, ridges=(10, 200), ax=_axes())
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    lines = [line for line in ax.lines if line.get_linestyle() == "--"]
    for line, value in zip(lines, (10, 200), strict=True):
        x, y = line.get_data()
        assert np.diff(np.log(y)) == pytest.approx(np.diff(np.log(x)))
        assert ridge(np.array(y), np.array(x)) == pytest.approx(value)
    assert {"I* = 10", "I* = 200"} <= set(_words(ax))


def test_labels_stand_at_the_highest_dot_of_their_device():
    ax = plots.plot_devices(devices(), PRECISIONS, labels={"left": ["V100-SXM2"]}, ax=_axes())
    (label,) = (text for text in ax.texts if text.get_text() == "V100-SXM2")
    assert label.xy == (900e9, 125e12)
    assert label.get_horizontalalignment() == "right"


def test_devices_without_bandwidth_are_left_out():
    for draw in (plots.plot_devices, plots.plot_ridges):
        ax = draw(devices().loc[["P100-SXM2", "V100-SXM2"]], {"FP32": "peak_fp32"}, ax=_axes())
        (dots,) = (line for line in ax.lines if line.get_linestyle() == "None")
        assert len(dots.get_xdata()) == 1


def test_ridges_are_joined_in_the_order_of_years():
    ax = plots.plot_ridges(devices(), PRECISIONS, path=PATH[::-1], ax=_axes())
    joined = {line.get_label(): line for line in ax.lines if line.get_linestyle() == "-"}
    assert list(joined["FP32"].get_xdata()) == [2012, 2017, 2020]
    # 3520 / 208, 15 700 / 900, 19 500 / 1555
    assert list(joined["FP32"].get_ydata()) == pytest.approx([16.92, 17.44, 12.54], abs=0.005)
    assert list(joined["FP16"].get_xdata()) == [2017, 2020]  # the K20 has no FP16
    assert joined["FP32"].get_marker() != joined["FP16"].get_marker()
    assert {"FP32", "FP16"} == set(_words(ax))


# The control


def test_the_control_offers_every_known_roof_and_no_other():
    control, table = DeviceControl(), devices()
    offered = control.inputs["device"].options
    assert "V100-SXM2 fp16" in offered and "H100-SXM fp8" in offered
    assert not any(name.startswith(("P100", "M40")) for name in offered)  # no bandwidth
    assert "A100-40 fp8" not in offered  # no such peak
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
    attains = plots.si(attainable(100, 67e12, 4800e9), "flop/s")
    assert f"is compute-bound and attains {attains}" in control.sentence
    assert "It uses 100% of the peak and 14% of the bandwidth" in control.sentence  # 67 / 480
    control.inputs["intensity"].value = 0.1
    assert "is memory-bound and attains 480 Gflop/s" in control.sentence


@pytest.mark.parametrize("bad", ["V100-SXM2", "V100-SXM2 int8", "M40 fp32", ""])
def test_unknown_devices_are_refused(bad):
    with pytest.raises(ValueError, match=r"device must be one of .*V100-SXM2 fp32.*, got "):
        DeviceControl(bad)
