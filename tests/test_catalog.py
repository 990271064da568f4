"""The catalog: known values, and the arithmetic that ties the tables together."""

import math
import re

import pytest

from helpers import catalog


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
        ("GB300", "NVLink 5 (B200)"),
        ("MI300X", "Infinity Fabric MI300X"),
        ("MI355X", "Infinity Fabric MI355X"),
        ("Trainium2", "NeuronLink 3 (Trainium2)"),
        ("TPU7x", "ICI (TPU7x)"),
        ("TPUv6e", "ICI (TPU v6e)"),
        ("Gaudi2", "Ethernet of Gaudi 2"),
        ("Gaudi3", "Ethernet of Gaudi 3"),
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
    links = table["basis"].str.extract(r"^(\d+) (?:links|ports) of ([\d.]+) GB/s$").dropna().astype(float)
    assert len(links)
    assert (links[0] * links[1] * 1e9 == table.loc[links.index, "one_way"]).all()
    for row in catalog.devices().itertuples():
        found = re.search(r", (\d+) links of ([\d.]+) GB/s( one way)?$", row.link)
        if found:
            assert row.link_bandwidth == int(found[1]) * float(found[2]) * 1e9


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
    assert len(table)
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
