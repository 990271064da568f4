"""The catalog: known values, the arithmetic that ties the tables together, and refusals."""

import csv
import math
import re
import runpy
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers import catalog

LOADERS = {
    "devices.csv": catalog.devices,
    "networks.csv": catalog.networks,
    "fwd_bwd_times.csv": catalog.forward_backward_times,
    "intensities.csv": catalog.intensities,
    "runs.csv": catalog.runs,
    "interconnects.csv": catalog.interconnects,
    "scaling.csv": catalog.scaling,
}


@pytest.fixture
def folder(tmp_path):
    """A copy of the tables, to corrupt."""
    return Path(shutil.copytree(catalog.DATA, tmp_path / "data"))


def cells_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def change(path, line, column, value):
    """Put `value` into one cell, and return what was there."""
    rows = cells_of(path)
    position = rows[0].index(column)
    before, rows[line - 1][position] = rows[line - 1][position], value
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return before


def line_of(path, word):
    """The line of the first row with a cell that is `word`."""
    return 1 + next(number for number, cells in enumerate(cells_of(path)) if word in cells)


# What the tables say


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("devices.csv", 29),
        ("networks.csv", 163),
        ("fwd_bwd_times.csv", 105),
        ("intensities.csv", 49),
        ("runs.csv", 5),
        ("interconnects.csv", 17),
        ("scaling.csv", 243),
    ],
)
def test_every_file_loads(file, rows):
    table = LOADERS[file]()
    assert len(table) == rows
    assert (table["source"] != "").all()


def test_every_data_file_has_a_loader():
    assert {path.name for path in catalog.DATA.iterdir()} == set(LOADERS)


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
    ],
)
def test_known_devices(key, column, expected):
    assert catalog.device(key)[column] == expected


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
    assert catalog.device(key)[column] == pytest.approx(2 * units * clock, rel=0.01)


def test_two_ridge_points():
    v100, a100 = catalog.device("V100-SXM2"), catalog.device("A100-40")
    assert v100.peak_fp16 / v100.bandwidth == pytest.approx(138.9, abs=0.05)  # 125 000 / 900
    assert a100.peak_bf16 / a100.bandwidth == pytest.approx(200.6, abs=0.05)  # 312 000 / 1555


def test_a_device_holds_plain_numbers():
    assert type(catalog.device("T4").peak_fp32) is float
    assert type(catalog.device("T4").year) is int


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
    ],
)
def test_a_device_is_found_by_the_names_that_people_type(typed, key):
    assert catalog.device(typed).name == key


def test_every_key_and_every_full_name_finds_its_own_row():
    for key, name in catalog.devices()["full_name"].items():
        assert catalog.device(key).name == catalog.device(name).name == key


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
        catalog.device(typed)
    assert str(refusal.value) == (f"key must name one device, got '{typed}', which may be {meant}")


@pytest.mark.parametrize(
    ("typed", "near"),
    [
        ("H10O-SXM", "H100-SXM"),  # the letter O
        ("rtx 3090", "RTX-4090"),
        ("MI250", "MI250X"),
        ("Tesla P100-PCIE-16GB", "P100-SXM2"),  # another card: suggested, not taken
    ],
)
def test_unknown_device_is_refused_with_the_keys_and_a_guess(typed, near):
    with pytest.raises(ValueError, match=r"^key must be one of .*V100-SXM2.*, got ") as refusal:
        catalog.device(typed)
    assert near in str(refusal.value).split(f"'{typed}'; did you mean ")[1]


@pytest.mark.parametrize("typed", ["", " ", "-", "nonsense", "Ｔ４"])
def test_a_name_like_no_device_is_refused_without_a_guess(typed):
    with pytest.raises(ValueError, match=rf"key must be one of .*V100-SXM2.*, got '{typed}'$"):
        catalog.device(typed)


@pytest.mark.parametrize("typed", [["T4"], {"T4"}, np.array(["T4"]), 4, None, math.nan])
def test_a_device_that_is_no_name_is_refused_by_name(typed):
    with pytest.raises(ValueError, match=r"^key must be the name of one device in quotes, got "):
        catalog.device(typed)


@pytest.mark.parametrize(
    "name", ["P100 PCIe", "TPU v2", "TX1", "Apple", "8480"], ids=lambda name: name
)
def test_devices_known_from_memory_only_are_absent(name):
    assert not catalog.devices()["full_name"].str.contains(name, regex=False).any()


@pytest.mark.parametrize(
    ("key", "column", "sister"),
    [
        ("TPUv3", "link_bandwidth", "TPUv4"),
        ("A100-40", "peak_fp8", "H100-SXM"),
    ],
)
def test_values_without_a_source_are_blank(key, column, sister):
    assert math.isnan(catalog.device(key)[column])
    assert not math.isnan(catalog.device(sister)[column])


@pytest.mark.parametrize("file", LOADERS)
def test_nothing_printed_is_recalled(file):
    text = (catalog.DATA / file).read_text(encoding="utf-8")
    assert not re.search(r"recalled|confidence low", text, re.IGNORECASE)


@pytest.mark.parametrize(
    ("key", "link"),
    [
        ("P100-SXM2", "NVLink 1 (P100)"),
        ("V100-SXM2", "NVLink 2 (V100)"),
        ("A100-40", "NVLink 3 (A100)"),
        ("A100-80", "NVLink 3 (A100)"),
        ("H100-SXM", "NVLink 4 (H100/H200)"),
        ("H200-SXM", "NVLink 4 (H100/H200)"),
        ("B200-SXM", "NVLink 5 (B200)"),
        ("MI300X", "Infinity Fabric MI300X"),
        ("T4", "PCIe 3.0 x16"),
        ("A100-PCIe-80", "PCIe 4.0 x16"),
        ("L4", "PCIe 4.0 x16"),
        ("RTX-4090", "PCIe 4.0 x16"),
    ],
)
def test_devices_and_interconnects_agree_on_links(key, link):
    assert catalog.device(key).link_bandwidth == catalog.interconnects().at[link, "one_way"]


def test_links_of_a_device_add_up_to_its_row():
    table = catalog.interconnects()
    links = table["basis"].str.extract(r"^(\d+) links of (\d+) GB/s$").dropna().astype(float)
    assert len(links) == 7
    assert (links[0] * links[1] * 1e9 == table.loc[links.index, "one_way"]).all()
    for row in catalog.devices().itertuples():
        found = re.search(r", (\d+) links of (\d+) GB/s one way$", row.link)
        if found:
            assert row.link_bandwidth == int(found[1]) * int(found[2]) * 1e9


def test_known_interconnects():
    links = catalog.interconnects()
    assert links.at["InfiniBand EDR 4x", "one_way"] == 12.5e9  # 100 Gb/s / 8
    assert links.at["NVLink 5 (B200)", "two_way"] == 1800e9
    assert "50 GbE (Goyal et al.)" not in links.index  # recalled
    # 8 GT/s * 16 lanes / 8 bits * 128/130 = 15.75 GB/s
    expected = 8e9 * 16 / 8 * 128 / 130
    assert links.at["PCIe 3.0 x16", "one_way"] == pytest.approx(expected, rel=1e-3)


def network(model, weights="IMAGENET1K_V1"):
    table = catalog.networks()
    (row,) = table[(table["model"] == model) & table["source"].str.endswith(weights)].index
    return table.loc[row]


def test_known_networks():
    resnet = network("ResNet50")
    assert resnet["macs"] == 4.089e9
    # convolutions + affine of the batch norms + fully connected layer
    assert resnet["parameters"] == 23_454_912 + 53_120 + 2_049_000
    assert resnet["top1_error"] == 0.2387
    assert resnet["convention"] == "mac"
    assert network("ResNet50", "IMAGENET1K_V2")["top1_error"] == 0.19142


def test_convnet_burden_rounds_and_counts_a_little_more():
    burden = network("resnet-50", "README.md")
    assert burden["macs"] == 4e9  # printed "4 GFLOPs"
    assert burden["convention"] == "mac + small extras"
    assert math.isnan(burden["parameters"])
    assert network("mcn-mobilenet", "README.md")["macs"] == 579e6


def test_backward_takes_about_twice_as_long_as_forward():
    times = catalog.forward_backward_times()
    assert list(times.groupby("source").size()) == [57, 48]  # all rows, as counted by hand
    assert times["model"].nunique() == 13
    ratio = times["total"] / times["forward"]
    assert ratio.median() == pytest.approx(3.11, abs=0.005)  # 320 / 103, the 53rd of 105
    assert ratio.mean() == pytest.approx(3.28, abs=0.005)
    assert ratio.min() == pytest.approx(2.32, abs=0.005)  # 823 / 355
    assert ratio.max() == pytest.approx(12.68, abs=0.005)  # 9462 / 746


def test_a_row_that_its_readme_prints_twice_is_taken_from_the_log():
    times = catalog.forward_backward_times()
    clnn = times[times["library"] == "CL-nn"].set_index("model")
    assert (clnn.at["AlexNet-OWT", "forward"], clnn.at["Overfeat", "forward"]) == (0.388, 1.18092)
    assert "README repeats AlexNet's row" in clnn.at["Overfeat", "note"]


def test_known_times():
    times = catalog.forward_backward_times()
    chosen = "model == 'ResNet-50' and device == 'GTX 1080' and library == 'Torch, cuDNN 5005'"
    (row,) = times.query(chosen).to_dict("records")
    assert (row["forward"], row["backward"], row["total"]) == (0.05067, 0.10323, 0.1539)
    assert row["batch"] == 16


def intensity(kernel):
    table = catalog.intensities()
    return table[table["kernel"] == kernel]


def test_derived_intensities_are_flops_over_bytes():
    table = catalog.intensities().dropna(subset="flops")
    ratio = table["flops"] / table["bytes"]
    error = (ratio / table["low"] - 1).abs().combine((ratio / table["high"] - 1).abs(), min)
    assert len(table) == 33
    assert (error < 0.005).all()


@pytest.mark.parametrize(("kernel", "rows"), [("FC / linear 1024->4096", 4), ("Linear layer", 2)])
def test_linear_layers_follow_their_formula(kernel, rows):
    table, k, n = intensity(kernel), 1024, 4096
    assert len(table) == rows
    for _, row in table.iterrows():
        b = int(row["parameters"].split("batch ")[1])
        flops, size = 2 * b * n * k, 2 * (b * k + k * n + b * n)  # FP16: 2 B a number
        assert row["low"] == row["high"] == pytest.approx(flops / size, rel=2e-3)
        if kernel.startswith("FC"):
            assert (row["flops"], row["bytes"]) == (flops, size)


@pytest.mark.parametrize(
    ("step", "model"),
    [
        ("ResNet-50 v1.5", "ResNet50"),
        ("VGG16", "VGG16"),
        ("AlexNet", "AlexNet"),
        ("Inception-v3", "Inception_V3"),
        ("ResNet-152", "ResNet152"),
    ],
)
def test_data_parallel_steps_follow_from_the_networks(step, model):
    table = intensity(f"Data-parallel step {step}")
    assert len(table)
    for _, row in table.iterrows():
        batch = int(re.search(r"batch/device (\d+)", row["parameters"])[1])
        # 2 flops a multiply-add, 3 passes; an all-reduce sends 4 B a parameter twice
        assert row["flops"] == pytest.approx(6 * network(model)["macs"] * batch, rel=1e-12)
        assert row["bytes"] == 2 * 4 * network(model)["parameters"]


def test_published_intensities():
    stencil = intensity("Structured-grid stencil (3D heat, 7-point)").iloc[0]
    assert stencil["low"] == pytest.approx(8 / 24, rel=0.02)
    assert stencil["high"] == 8 / 16
    assert stencil["kind"] == "derived"
    spmv = intensity("SpMV").iloc[0]
    assert (spmv["low"], spmv["high"], spmv["unit"]) == (0.17, 0.25, "FLOP/B")
    lstm = intensity("TPUv1 workload LSTM0").iloc[0]
    assert (lstm["low"], lstm["unit"]) == (64, "MAC per weight byte")


@pytest.mark.parametrize("kernel", ["FFT 1-D complex, N points", "Layer normalization"])
def test_intensities_that_are_no_numbers_are_absent(kernel):
    assert intensity(kernel).empty


@pytest.mark.parametrize(
    ("run", "time", "devices", "share"),
    [
        ("M40", 14 * 24 * 3600, 1, 0.34),
        ("8 P100", 29 * 3600, 8, 0.32),
        ("V100 FP32", 84.5 * 3600, 1, 0.59),
        ("V100 AMP", 24.2 * 3600, 1, 0.26),
        ("DGX-1 MLPerf", 115.221 * 60, 8, 0.27),
    ],
)
def test_runs_reach_a_plausible_share_of_peak(run, time, devices, share):
    row = catalog.runs().loc[run]
    assert row["time"] == pytest.approx(time, rel=1e-12)
    assert row["devices"] == devices
    # 2 flops a multiply-add, 3 for forward and twice that backward, ResNet-50 v1.5
    work = row["epochs"] * 1_281_167 * 3 * 2 * 4_089_184_256
    peak = catalog.device(row["device"])[f"peak_{row['precision']}"]
    assert work / (row["time"] * row["devices"] * peak) == pytest.approx(share, abs=0.005)


# What the loaders promise


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
def test_a_table_is_fresh(loader):
    table = loader()
    table["source"] = "spoilt"
    assert not (loader()["source"] == "spoilt").any()


def test_import_reads_no_file(monkeypatch):
    def refuse(self, *args, **kwargs):
        raise AssertionError(f"opened {self}")

    monkeypatch.setattr(Path, "open", refuse)
    runpy.run_path(catalog.__file__)
    with pytest.raises(AssertionError, match=r"opened .*devices\.csv"):
        catalog.devices()


# What the loaders refuse


def test_refusal_names_file_line_column_rule_and_value(folder):
    change(folder / "devices.csv", 7, "fp32_tflops", "abc")
    with pytest.raises(ValueError) as refusal:
        catalog.devices(folder)
    assert str(refusal.value) == (
        'devices.csv, line 7: fp32_tflops must be a number from 0.5 to 400 TFLOP/s, got "abc"'
    )


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "reason"),
    [
        # one cell that is no such thing
        ("devices.csv", "V100-SXM2", "key", "", "key must be a short key"),
        ("devices.csv", "V100-SXM2", "name", "", "name must be text"),
        ("devices.csv", "V100-SXM2", "name", " V100", "name must be text without blanks"),
        ("devices.csv", "V100-SXM2", "trap", " ", "trap must be text without blanks"),
        ("devices.csv", "V100-SXM2", "source", "", "source must be text"),
        ("devices.csv", "V100-SXM2", "source_url", "nvidia.com", "source_url must be one addr"),
        ("devices.csv", "V100-SXM2", "kind", "gpu", "kind must be one of GPU, TPU"),
        ("devices.csv", "V100-SXM2", "year", "17", "year must be a whole number from 2000"),
        ("devices.csv", "V100-SXM2", "year", "2017.5", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "NaN", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "inf", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "-15.7", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "0", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "15.7e12", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "900e9", "bandwidth_GBps must be a num"),
        ("devices.csv", "V100-SXM2", "matrix_units", "", "matrix_units must be one of yes, no"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "", "bandwidth_GBps must be a number"),
        # what Python would read, and a person would not write
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "9_00", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "٩٠٠", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", " 900", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "year", "٢٠١٧", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "year", "2_017", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "key", "V１００", "key must be a short key"),
        ("devices.csv", "V100-SXM2", "name", "V100\0", "name must be printable"),
        ("devices.csv", "V100-SXM2", "trap", "a\u00a0blank", "trap must be printable"),
        ("runs.csv", "M40", "hours", "3\x0036", 'hours must be printable, got "3\\x0036"'),
        ("runs.csv", "M40", "note", "\0", "note must be printable"),
        ("interconnects.csv", "10 GbE", "one_way_GBps", "١", "one_way_GBps must be a number"),
        ("networks.csv", "AlexNet", "input_size", "٢٢٤ x ٢٢٤", "input_size must be as 224 x 224"),
        ("networks.csv", "AlexNet", "parameters", "61_100_840", "parameters must be a whole numb"),
        ("networks.csv", "AlexNet", "source", "", "source must be text"),
        ("networks.csv", "AlexNet", "input_size", "224", "input_size must be as 224 x 224"),
        ("networks.csv", "AlexNet", "published", "0.714", "published must be as"),
        ("networks.csv", "AlexNet", "convention", "flop", "convention must be one of mac"),
        ("networks.csv", "AlexNet", "parameters", "61.1", "parameters must be a whole number"),
        ("networks.csv", "AlexNet", "macs", "0.714", "macs must be a number"),
        ("networks.csv", "AlexNet", "macs", "", "macs must be a number"),
        ("networks.csv", "AlexNet", "top1_error_percent", "0.43", "top1_error_percent must be"),
        ("fwd_bwd_times.csv", "ResNet-50", "source", "", "source must be text"),
        ("fwd_bwd_times.csv", "ResNet-50", "batch", "0", "batch must be a whole number"),
        ("intensities.csv", "SpMV", "source", "", "source must be text"),
        ("intensities.csv", "SpMV", "high", "<10", "high must be a number"),
        ("intensities.csv", "SpMV", "unit", "FLOP/GB", "unit must be one of FLOP/B"),
        ("intensities.csv", "SpMV", "precision", "double", "precision must be one of FP64"),
        ("intensities.csv", "SpMV", "kind", "guess", "kind must be one of published, derived"),
        ("runs.csv", "M40", "source", "", "source must be text"),
        ("runs.csv", "M40", "devices", "0", "devices must be a whole number"),
        ("runs.csv", "M40", "epochs", "", "epochs must be a whole number"),
        ("runs.csv", "M40", "hours", "1209600", "hours must be a number from 1 to 500 h"),
        ("interconnects.csv", "10 GbE", "source", "", "source must be text"),
        # cells that contradict each other
        ("devices.csv", "M40", "key", "K20", "key must be unique, got K20 as on line 4"),
        ("devices.csv", "V100-SXM2", "fp16_dense_tflops", "12.5", "peaks must not fall"),
        ("devices.csv", "TPUv3", "bf16_dense_tflops", "", "one peak must be given"),
        ("devices.csv", "H100-SXM", "matrix_units", "no", "matrix_units must be yes where a TF32"),
        ("networks.csv", "AlexNet", "macs", "1428000000", "macs must be the published 0.714"),
        ("networks.csv", "caffenet", "model", "alexnet", "source, model must be unique"),
        ("fwd_bwd_times.csv", "ResNet-50", "total_ms", "153.8", "total_ms must be forward + b"),
        ("intensities.csv", "SpMV", "high", "0.16", "low must be at most high 0.16, got 0.17"),
        ("intensities.csv", "dot product", "flops", "2e9", "flops/bytes must be 0.125 or 0.125"),
        ("intensities.csv", "dot product", "flops", "", "flops and bytes must be given both"),
        ("intensities.csv", "dot product", "bytes", "32", "flops/bytes must be"),
        ("intensities.csv", "Bias add", "kernel", "ReLU", "kernel, precision, parameters must"),
        ("runs.csv", "M40", "device", "M60", "device must be a key of devices.csv"),
        ("runs.csv", "M40", "precision", "fp16", "precision must be one that M40 has"),
        ("runs.csv", "8 P100", "run", "M40", "run must be unique"),
        ("interconnects.csv", "10 GbE", "two_way_GBps", "2.6", "two_way_GBps must be twice"),
    ],
)
def test_corrupted_cell_is_refused(folder, file, row, column, value, reason):
    path = folder / file
    line = line_of(path, row)
    change(path, line, column, value)
    with pytest.raises(ValueError, match=f"^{file}, line {line}: {re.escape(reason)}"):
        LOADERS[file](folder)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        *(("devices.csv", f"{name}_tflops") for name in ("fp64", "fp32", "tf32_dense")),
        *(("devices.csv", f"{name}_dense_tflops") for name in ("fp16", "bf16", "fp8")),
        ("devices.csv", "int8_dense_tops"),
        ("devices.csv", "bandwidth_GBps"),
        ("devices.csv", "memory_GB"),
        ("devices.csv", "link_GBps_one_way"),
        ("fwd_bwd_times.csv", "total_ms"),  # its parts add up to it, so their slips show as well
        ("runs.csv", "hours"),
        ("interconnects.csv", "one_way_GBps"),
        ("interconnects.csv", "two_way_GBps"),
    ],
)
def test_slip_of_one_prefix_is_refused_in_every_row(folder, file, column):
    path, slips = folder / file, 0
    for line in range(2, 1 + len(cells_of(path))):
        value = change(path, line, column, "0")
        for power in ("e3", "e-3") if value else ():
            change(path, line, column, value + power)
            with pytest.raises(ValueError, match=f"{file}, line {line}: {column} must be a numb"):
                LOADERS[file](folder)
            slips += 1
        change(path, line, column, value)
    assert slips  # the column is not blank throughout
    LOADERS[file](folder)  # and the file is whole again


@pytest.mark.parametrize("file", LOADERS)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("source", "sauce", 1), "line 1: header must be "),
        (lambda text: "", "line 0: header must be "),
        (lambda text: text.splitlines()[0] + "\n", "line 1: header must be followed by rows"),
        (lambda text: text + "\n", r"line \d+: row must have \d+ fields, got 0"),
        (lambda text: text + "one,two\n", r"line \d+: row must have \d+ fields, got 2"),
        (lambda text: text + '"never closed', r"line \d+: unexpected end of data"),
    ],
    ids=["column renamed", "empty", "header only", "blank line", "short row", "open quote"],
)
def test_damaged_file_is_refused(folder, file, damage, reason):
    path = folder / file
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{file}, {reason}"):
        LOADERS[file](folder)
