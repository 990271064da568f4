"""Devices: known rows, names that people type, and datasheets recomputed."""

import math
import re

import numpy as np
import pytest

from helpers.catalog import device, devices, interconnects
from helpers.questions.devices import headline
from helpers.roofline import ridge


@pytest.mark.parametrize(
    ("key", "column", "expected"),
    [
        ("V100-SXM2", "peak_fp32", 15.7e12),  # 5120 units * 2 flop * 1.530 GHz = 15.67 TFLOP/s
        ("V100-SXM2", "peak_fp16", 125e12),  # 640 tensor units * 64 * 2 * 1.530 GHz = 125.3
        ("V100-SXM2", "bandwidth", 900e9),
        ("V100-SXM2", "memory", 16e9),
        ("V100-SXM2", "link_bandwidth", 150e9),  # 6 links * 25 GB/s one way, sold as 300
        ("A100-40", "bandwidth", 1555e9),
        ("A100-80", "bandwidth", 2039e9),
        ("H100-SXM", "peak_bf16", 989e12),  # dense; the headline 1979 is sparse
        ("H100-SXM", "peak_fp8", 1979e12),  # dense; the headline 3958 is sparse
        ("K80-die", "peak_fp32", 4.37e12),  # half of the board's 8.74
        ("TPUv3", "peak_bf16", 123e12),  # 4 units * 128 * 128 * 2 * 0.94 GHz = 123.2
        ("T4", "peak_int8", 130e12),
        ("T4", "year", 2018),
        ("M40", "bandwidth", 288e9),  # 384 wires * 6 Gbit/s / 8
        ("P100-SXM2", "bandwidth", 732e9),  # 4096 wires * 1.43 Gbit/s / 8 = 732.2
        ("H100-PCIe", "bandwidth", 2039e9),  # 5120 wires * 3.186 Gbit/s / 8, printed as 2000
        ("L4", "peak_fp16", 121e12),  # dense; the sheet's 242 is sparse
        ("L4", "bandwidth", 300e9),
        ("RTX-4090", "peak_fp16", 165.2e12),  # dense, sums in FP32; 330.3 with sums in FP16
        ("RTX-4090", "peak_tf32", 82.6e12),  # as fast as its vector units
        ("RTX-4090", "bandwidth", 1008e9),  # 384 wires * 21 Gbit/s / 8
        ("B200-SXM", "peak_fp4", 9000e12),  # dense; the headline 18 Pflop/s is sparse
        ("GB200", "peak_bf16", 180e15 / 72),  # a rack of 72, 360 Pflop/s sparse
        ("GB200", "peak_fp4", 720e15 / 72),
        ("B300-SXM", "peak_fp4", 12600e12),
        ("GB300", "peak_fp8", 5000e12),
        ("MI350X", "peak_bf16", 2300e12),  # 1024 units * 512 * 2 * 2.2 GHz = 2307
        ("MI355X", "peak_bf16", 2500e12),  # at 2.4 GHz: 2517
        ("MI355X", "peak_fp4", 10100e12),
        ("MI325X", "memory", 256e9),
        ("Gaudi2", "link_bandwidth", 24 * 100e9 / 8),
        ("Gaudi3", "peak_fp16", 459e12),  # slower than its BF16
        ("Gaudi3", "peak_bf16", 1677e12),  # 8 units * 256 * 256 * 2 * 1.6 GHz
        ("TPUv5p", "peak_fp8", 459e12),
        ("TPUv6e", "bandwidth", 1638e9),
        ("TPU7x", "memory", 206.2e9),  # 192 GiB
        ("Trainium2", "memory", 103.1e9),  # 96 GiB
        ("L40S", "bandwidth", 864e9),  # 384 wires * 18 Gbit/s / 8
    ],
)
def test_known_devices(key, column, expected):
    assert device(key)[column] == expected


def test_two_ridge_points():
    v100, a100 = device("V100-SXM2"), device("A100-40")
    assert v100.peak_fp16 / v100.bandwidth == pytest.approx(138.9, abs=0.05)  # 125 000 / 900
    assert a100.peak_bf16 / a100.bandwidth == pytest.approx(200.6, abs=0.05)  # 312 000 / 1555


def test_a_device_holds_plain_numbers():
    assert type(device("T4").peak_fp32) is float
    assert type(device("T4").year) is int


@pytest.mark.parametrize(
    "name",
    ["P100 PCIe", "TPU v2", "TX1", "Apple", "8480", "Rubin", "MI455X", "950DT"],
    ids=lambda name: name,
)
def test_devices_known_from_memory_only_or_announced_are_absent(name):
    assert not devices()["full_name"].str.contains(name, regex=False).any()


@pytest.mark.parametrize(
    ("key", "column", "sister"),
    [
        ("TPUv3", "link_bandwidth", "TPUv4"),
        ("A100-40", "peak_fp8", "H100-SXM"),
    ],
)
def test_values_without_a_source_are_blank(key, column, sister):
    assert math.isnan(device(key)[column])
    assert not math.isnan(device(sister)[column])


# Names


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("t4", "T4"),
        (" T4 ", "T4"),
        ("h100_sxm", "H100-SXM"),
        ("h100-sxm", "H100-SXM"),
        ("H100 SXM5", "H100-SXM"),
        ("h100sxm", "H100-SXM"),
        ("4090", "RTX-4090"),
        ("rtx4090", "RTX-4090"),
        ("TPU v5e", "TPUv5e"),
        ("epyc 7742", "EPYC-7742"),
        # as a driver prints them
        ("NVIDIA H100 80GB HBM3", "H100-SXM"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA A100-SXM4-40GB", "A100-40"),
        ("NVIDIA A100-SXM4-80GB", "A100-80"),
        ("NVIDIA A100 80GB PCIe", "A100-PCIe-80"),
        ("Tesla V100-SXM2-16GB", "V100-SXM2"),
        ("Tesla T4", "T4"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
        ("AMD Instinct MI300X", "MI300X"),
        ("NVIDIA GB200", "GB200"),
        ("NVIDIA GB300", "GB300"),
        ("NVIDIA B200", "B200-SXM"),
        ("NVIDIA B300 SXM6 AC", "B300-SXM"),
        ("NVIDIA H200", "H200-SXM"),
        ("NVIDIA L40S", "L40S"),
        ("AMD Instinct MI355X", "MI355X"),
        ("mi300x", "MI300X"),
        ("b200", "B200-SXM"),
        ("TPU v5 lite", "TPUv5e"),  # as JAX prints them
        ("TPU v6 lite", "TPUv6e"),
        ("TPU v6e", "TPUv6e"),
        ("trillium", "TPUv6e"),
        ("trn2", "Trainium2"),
        ("NVIDIA A100-PCIE-80GB", "A100-PCIe-80"),
        # as the systems of MLPerf list them
        ("NVIDIA H100-SXM5-80GB", "H100-SXM"),
        ("NVIDIA H200-SXM5-141GB", "H200-SXM"),
        ("NVIDIA Blackwell GPU (B200-SXM-180GB)", "B200-SXM"),
        ("NVIDIA Blackwell Ultra GPU (B300-SXM-270GB)", "B300-SXM"),
        ("NVIDIA Blackwell GPU (GB200)", "GB200"),
        ("NVIDIA Blackwell Ultra GPU (GB300)", "GB300"),
        ("AMD Instinct MI300X 192GB HBM3", "MI300X"),
        ("Intel(R) Gaudi(R) 2 AI Accelerator", "Gaudi2"),
        ("TPU-v5p", "TPUv5p"),
    ],
)
def test_a_device_is_found_by_the_names_that_people_type(typed, key):
    assert device(typed).name == key


def test_every_key_and_every_full_name_finds_its_own_row():
    for key, name in devices()["full_name"].items():
        assert device(key).name == device(name).name == key


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("H100", "H100-SXM or H100-PCIe"),
        ("V100", "V100-SXM2 or V100-PCIe"),
        ("Tesla K80", "K80-board or K80-die"),
        ("a100", "A100-40, A100-80 or A100-PCIe-80"),
        ("A100 80GB", "A100-80 or A100-PCIe-80"),
    ],
)
def test_a_name_of_several_devices_is_refused_with_them(typed, meant):
    with pytest.raises(ValueError) as refusal:
        device(typed)
    assert str(refusal.value) == (f"key must name one device, got '{typed}', which may be {meant}")


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("H10O-SXM", "H100-SXM"),  # the letter O
        ("rtx 3090", "RTX-4090"),
        ("MI250", "MI250X"),
        ("Tesla P100-PCIE-16GB", "P100-SXM2"),  # another card: suggested, not taken
        ("NVIDIA H100 NVL", "H100-SXM or H100-PCIe"),
        ("NVIDIA GH200 480GB", "GB200"),
        ("NVIDIA RTX 6000 Ada", "RTX-4090"),
    ],
)
def test_unknown_device_is_refused_with_the_keys_and_a_guess(typed, near):
    with pytest.raises(ValueError, match=r"^key must be one of .*V100-SXM2.*, got ") as refusal:
        device(typed)
    assert near in str(refusal.value).split(f"'{typed}'; did you mean ")[1]


@pytest.mark.parametrize("typed", ["", " ", "-", "nonsense", "Ｔ４"])
def test_a_name_like_no_device_is_refused_without_a_guess(typed):
    with pytest.raises(ValueError, match=rf"key must be one of .*V100-SXM2.*, got '{typed}'$"):
        device(typed)


@pytest.mark.parametrize("typed", [["T4"], {"T4"}, np.array(["T4"]), 4, None, math.nan])
def test_a_device_that_is_no_name_is_refused_by_name(typed):
    with pytest.raises(ValueError, match=r"^key must be the name of one device in quotes, got "):
        device(typed)


# Datasheets

# A derivation is made of products, each with its unit: "5120 units × 2 flop × 1.53 GHz = 15.67
# Tflop/s" and "384 wires × 6 Gbit/s ÷ 8 = 288 GB/s".
PEAK = re.compile(r"(\d+) [a-z ]+ × (\d+) flop × ([\d.]+) GHz = ([\d.]+) Tflop/s")
WIRES = re.compile(r"(\d+) wires × ([\d.]+) Gbit/s ÷ 8 = (\d+) GB/s")
# No arithmetic: the row refers to another one, or no clock is published.
OTHER_ROW = {"A100-80": "A100-40", "A100-PCIe-80": "A100-40", "H200-SXM": "H100-SXM"}
OTHER_ROW |= {"MI325X": "MI300X"}
WITHOUT_CLOCK = {"B200-SXM", "B300-SXM", "GB200", "GB300", "TPUv6e", "TPU7x", "Trainium2"}


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
    assert len(WITHOUT_CLOCK) == 7  # as notebook 02 says
    assert 0.25 < device("Gaudi3").peak_fp16 / device("Gaudi3").peak_bf16 < 0.3  # "a quarter"
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
        ("L40S", 384, 18e9),
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
    assert len(cpus)
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
    assert list(fp32.nlargest(3).index) == ["L40S", "L4", "RTX-4090"]  # by these, and from below
    assert list(fp16[~table["matrix_units"]].index) == ["P100-SXM2"]  # by this one
    assert fp16["P100-SXM2"] < fp32.max()
    steps = (tf32 / fp32).dropna().sort_values()  # 4 bytes for a number in both
    assert steps["RTX-4090"] == 1 and (steps.drop("RTX-4090") > 1.9).all()
    assert fp32[table["kind"] == "CPU"].idxmax() == "Xeon-8280"  # question 3
    fp64 = (table["peak_fp64"] / table["bandwidth"])[["M40", "T4"]]  # named as the lowest dots
    assert fp64.max() < min(fp32.min(), tf32.min(), fp16.min())


@pytest.mark.parametrize(
    ("key", "column", "units", "clock"),
    [
        ("K80-die", "peak_fp32", 2496, 0.875e9),
        ("M40", "peak_fp32", 3072, 1.114e9),
        ("P100-SXM2", "peak_fp32", 3584, 1.480e9),
        ("V100-SXM2", "peak_fp32", 5120, 1.530e9),
        ("V100-SXM2", "peak_fp16", 640 * 64, 1.530e9),
        ("T4", "peak_fp16", 320 * 64, 1.590e9),
        ("A100-40", "peak_fp32", 6912, 1.410e9),
        ("A100-40", "peak_bf16", 432 * 256, 1.410e9),
        ("H100-SXM", "peak_bf16", 528 * 512, 1.830e9),
        ("MI300X", "peak_bf16", 1216 * 256, 2.100e9),
        ("TPUv3", "peak_bf16", 4 * 128 * 128, 0.94e9),
        ("EPYC-7742", "peak_fp32", 64 * 16, 2.25e9),
    ],
)
def test_peak_is_units_times_clock_times_two(key, column, units, clock):
    assert device(key)[column] == pytest.approx(2 * units * clock, rel=0.01)


def test_the_headline_of_the_orin_is_that_of_its_row():
    orin, given = device("Orin-64"), headline.numbers
    assert (given["printed"] - given["other"]) / 4 == orin.peak_fp16  # dense, and 16 bits
    assert f"{given['printed'] / 1e12:.0f} Top/s add a second accelerator " in orin.trap
    assert f"({given['other'] / 1e12:.0f})" in orin.trap
