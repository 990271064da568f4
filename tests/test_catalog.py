"""The catalog: known values, and the arithmetic that ties the tables together."""

import json
import math
import re

import pytest

from helpers import catalog
from helpers.published import resnet_runs
from helpers.publishing import catalog as published


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
    links = table["basis"].str.extract(r"^(\d+) (?:links|ports) of ([\d.]+) GB/s$")
    links = links.dropna().astype(float)
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


def test_a_measured_product_is_a_second_roof():
    table = catalog.products().set_index(["device", "precision"])["achieved"]
    peaks = catalog.devices()
    shares = {
        (key, name): table[key, name] / peaks.at[key, f"peak_{name}"] for key, name in table.index
    }
    # as the source prints them, but for the peaks that it rounds or mixes up
    assert shares["H100-SXM", "bf16"] == pytest.approx(0.803, abs=5e-4)
    assert shares["A100-80", "bf16"] == pytest.approx(0.869, abs=5e-4)
    assert shares["B200-SXM", "fp8"] == pytest.approx(0.763, abs=5e-4)
    assert table["MI355X", "bf16"] / 2300e12 == pytest.approx(0.680, abs=5e-4)  # the MI350X's peak
    assert shares["MI355X", "bf16"] == pytest.approx(0.626, abs=5e-4)
    assert 0.5 < min(shares.values()) and max(shares.values()) < 0.98


def entry(benchmark, device, devices, version="v4.0"):
    table = catalog.mlperf().query("benchmark == @benchmark and round == @version")
    (row,) = table.query("device == @device and devices == @devices").iloc
    return row


@pytest.mark.parametrize(
    ("benchmark", "device", "devices", "version", "minutes", "batch", "count"),
    [
        ("ResNet-50", "H100-SXM", 3584, "v4.0", 0.183, 57_344, 77),
        ("ResNet-50", "H100-SXM", 2528, "v4.0", 0.228, 40_448, 68.7),
        ("ResNet-50", "H100-SXM", 16, "v4.0", 7.93, 3200, 35),
        ("ResNet-50", "H200-SXM", 8, "v4.0", 12.03, 3200, 35),
        ("GPT-3 175B", "H100-SXM", 11_616, "v4.0", 3.444, 2904, 1_231_110_144 / 2048),
        ("GPT-3 175B", "TPUv5p", 6144, "v4.0", 12.204, 6144, 1_409_286_144 / 2048),
        ("Llama 3.1 405B", "H100-SXM", 2048, "v5.0", 60.17, 1152, 276_480),
        ("Llama 3.1 405B", "H100-SXM", 2432, "v5.0", 60.41, 1216, 323_456),
        ("Llama 3.1 405B", "GB200", 5120, "v5.1", 9.995, 1280, 326_400),
        ("Llama 3.1 405B", "GB300", 512, "v5.1", 64.6, 1152, 331_776),
        ("Llama 3.1 8B", "B200-SXM", 256, "v5.1", 10.0, 128, 344_064),
        ("Llama 2 70B LoRA", "GB300", 512, "v5.1", 0.402, 64, 7104),
    ],
)
def test_known_entries_of_mlperf(benchmark, device, devices, version, minutes, batch, count):
    row = entry(benchmark, device, devices, version)
    assert row["time"] == pytest.approx(60 * minutes, rel=2e-3)
    assert row["batch"] == batch
    examples = row["examples"] if row["examples"] > 0 else row["epochs"]
    assert examples == pytest.approx(count, rel=5e-3)


def test_more_gpus_were_faster_by_the_score_but_not_by_the_stopwatch():
    few, more = (entry("Llama 3.1 405B", "H100-SXM", n, "v5.0") for n in (2048, 2432))
    assert more["time"] > few["time"]
    scored = [row["time"] * row["scaling_factor"] for row in (few, more)]
    assert scored[0] / scored[1] == pytest.approx(1.15, abs=0.005)  # 70.19 min / 60.84 min
    assert more["examples"] / few["examples"] == pytest.approx(1.17, abs=0.005)
    assert more["examples"] / more["time"] > few["examples"] / few["time"]  # pictures each second


def test_a_factor_of_mlperf_brings_the_examples_to_those_of_the_reference():
    table = catalog.mlperf()
    assert table["scaling_factor"].count() == 97 and table["scaling_factor"].min() > 1
    odd = table["note"].str.contains("batch of 32")
    needed = table["examples"].fillna(table["epochs"])
    scaled = (needed * table["scaling_factor"]).mask(odd)
    # one reference for all entries of a round with the same batch, to the digits of the table
    batches = [table[name] for name in ("round", "benchmark", "batch")]
    reference = scaled.groupby(batches).transform("max")
    assert (scaled / reference).min() == pytest.approx(1, abs=1e-6)
    assert not (needed < reference)[table["scaling_factor"].isna()].any()  # they needed no fewer
    # the one entry whose factor fits another batch: 536 576 / 3 by rcps_llama31_8b.json, of 32
    (stray,) = table[odd].itertuples()
    assert stray.batch == 16
    assert stray.examples * stray.scaling_factor == pytest.approx(536_576 / 3)


def test_every_entry_of_mlperf_names_its_logs():
    table = catalog.mlperf()
    for row in table.itertuples():
        logs = rf"mlcommons/training_results_{row.round}@[0-9a-f]{{7}} .+/results/(.+)/\w+"
        assert re.fullmatch(logs, row.source)[1] == row.system
    assert table["devices"].mod(table["machines"]).eq(0).all()
    kept = table["epochs_time"].dropna() / table["time"]  # of ResNet-50, alone
    assert (table["benchmark"][kept.dropna().index] == "ResNet-50").all()
    assert kept.min() > 0.9


def test_the_utilisations_of_llm_foundry_follow_from_its_throughputs():
    table = catalog.utilisation().query("framework == 'llm-foundry'")
    assert len(table) == 201
    # 6 flop a parameter and token, and attention in full: 12 * layers * width * sequence
    work = 6 * table["parameters"] + 12 * table["layers"] * table["width"] * table["sequence"]
    peaks = catalog.devices()
    peak = [
        peaks.at[key, f"peak_{name}"]
        for key, name in zip(table["device"], table["precision"], strict=True)
    ]
    found = work * table["tokens_per_second"] / (table["devices"] * peak)
    assert (found - table["mfu"]).abs().max() < 0.001  # 0.1 points
    again = table["technique"].map({"recomputed": 4 / 3, "": 1})  # one more forward pass
    assert (again * found - table["hfu"]).abs().max() < 0.001
    assert (table["hfu"] - again * table["mfu"]).abs().max() < 1.5e-4  # to their last digits
    # without attention the bar is missed
    assert (found * 6 * table["parameters"] / work - table["mfu"]).abs().max() > 0.1


def test_hours_of_llama_are_those_of_its_card():
    card = catalog.utilisation().query("framework == 'Meta'").set_index("model")
    assert card["device_time"].sum() == pytest.approx(39.3e6 * 3600, rel=1e-3)
    # 405 billion parameters: 6 flop for each and for every token
    share = 6 * 405e9 * 15e12 / (card.at["Llama 3.1 405B", "device_time"] * 989e12)
    assert share == pytest.approx(0.332, abs=5e-4)
    assert 30.84e6 / 16_384 / 24 == pytest.approx(78.4, abs=0.05)  # days on as many GPUs


def test_fourteen_days_became_eleven_seconds():
    runs, peaks = resnet_runs(), catalog.devices()
    assert runs.index.is_unique and len(runs) == 46
    first, last = runs.loc[runs["time"].idxmax()], runs.loc[runs["time"].idxmin()]
    assert (first["device"], first["devices"]) == ("M40", 1)
    assert (last["device"], last["devices"], last["epochs"]) == ("H100-SXM", 3584, 77)
    gain = first["time"] / last["time"]  # 20 160 min / 0.183 min
    assert gain == pytest.approx(110_000, rel=5e-3)
    # the same from its factors: 989 / 6.8, 3584, 6.2 % / 34.4 %, 90 / 77
    peak = peaks.at["H100-SXM", "peak_fp16"] / peaks.at["M40", "peak_fp32"]
    assert gain == pytest.approx(peak * 3584 * 0.06220 / 0.34394 * 90 / 77, rel=1e-3)


def test_many_gpus_gave_fewer_pictures_and_less_speed():
    runs = resnet_runs()
    few = runs.loc["MLPerf v4.0 NVIDIA, eos_ngc24.04_mxnet"]
    many = runs.loc[runs["time"].idxmin()]
    rate = (many["epochs"] / many["epochs_time"]) / (few["epochs"] / few["epochs_time"])
    assert many["devices"] / few["devices"] == 448
    assert rate == pytest.approx(172, abs=0.5)  # the logs' median epochs give 176
    assert few["time"] / many["time"] == pytest.approx(72.5, abs=0.05)
    share = [run["epochs_time"] / run["time"] for run in (few, many)]
    assert 72.5 == pytest.approx(rate / (77 / 35) * share[1] / share[0], abs=0.05)


# As one document


def test_the_catalog_is_one_document_and_keeps_its_schema():
    document, schema = published.document(), published.schema()
    jsonschema = pytest.importorskip("jsonschema")  # comes with nbformat
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    rows = {name: len(table) for name, table in document.items() if name != "convention"}
    assert rows["devices"] == len(catalog.devices()) and rows["mlperf"] == len(catalog.mlperf())
    for row in document["devices"] + document["interconnects"]:
        assert row["source"] and row["convention"] and "trap" in row


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("devices", "bandwidth", 900),  # GB/s
        ("devices", "peak_fp32", None),
        ("devices", "source", ""),
        ("devices", "kind", "QPU"),
        ("devices", "clocks", [1.53]),
        ("devices", "price", 1),
        ("interconnects", "one_way", "900 GB/s"),
        ("mlperf", "devices", 1.5),
        ("mlperf", "round", "4.0"),
        ("utilisation", "mfu", 42.6),
    ],
)
def test_the_schema_of_the_catalog_refuses_what_it_should(table, column, value):
    jsonschema = pytest.importorskip("jsonschema")
    document = published.document()
    document[table][0][column] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, published.schema())


def test_a_device_of_the_document_tells_its_clocks():
    devices = {row["key"]: row for row in published.document()["devices"]}
    assert devices["H100-SXM"]["clocks"] == [1_980_000_000, 1_830_000_000]
    assert "boost clock" in devices["H100-SXM"]["convention"]
    assert devices["B200-SXM"]["clocks"] == []
    assert "base clock" in devices["EPYC-7742"]["convention"]
    assert "peak_fp8" not in devices["A100-40"]  # not known: left out
