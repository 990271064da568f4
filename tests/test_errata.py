"""The page of errata: every line points to a notebook and a test that exist."""

import ast
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from helpers.amdahl import compute_fraction, gustafson, limit, speedup
from helpers.budget import IMAGENET_IMAGES, training_work
from helpers.catalog import device, interconnects, scaling
from helpers.networks import alexnet, resnet, vgg
from helpers.parallel import allreduce_bytes, network_intensity
from helpers.pipeline import chunked_time, schedule

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "notebooks" / "errata.md"


def _rows(section):
    """The lines of the table of a section, cell by cell."""
    text = PAGE.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


ERRORS, CAVEATS = _rows("Errors"), _rows("Caveats")
ROWS = ERRORS + CAVEATS


def _tests_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_has_its_lines():
    assert len(ERRORS) >= 7 and len(CAVEATS) >= 20
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert len(ROWS) == sum(line.startswith("| ") for line in lines) - 2  # without two headers


def test_what_is_said_under_a_condition_is_no_error():
    # Words of the article's own conditions: a line with one of them is a caveat.
    for says, *_ in ERRORS:
        assert not re.search(r"\b(assume|if|in theory|about)\b", says, re.I)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_every_line_is_complete_and_leads_somewhere(row):
    says, right, shown, guarded = row
    assert says and right
    notebooks = re.findall(r"\]\((\d\d_\w+\.ipynb)\)", shown)
    assert notebooks
    for name in notebooks:
        assert (ROOT / "notebooks" / name).is_file()
    tests = re.findall(r"`(test_\w+\.py)::(test_\w+)`", guarded)
    assert tests
    for file, name in tests:
        assert name in _tests_in(ROOT / "tests" / file), f"{file} has no {name}"


def _prose(name):
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_the_roofline_papers_dates_are_stated():
    text = _prose("03_roofline.ipynb")
    assert "technical report of 2008" in text
    assert "April 2009" in text


def test_instructions_of_a_tpu_are_mentioned():
    assert "TPU too executes instructions" in _prose("02_computing_device.ipynb")


def test_a_training_step_is_three_forward_passes():
    network = resnet(50)
    forward, step = network.forward_work, training_work(network.forward_work, 1, 1)
    assert (round(forward / 1e9, 2), round(step / 1e9, 1)) == (8.18, 24.5)
    assert round(step / 2e9, 1) == 12.3  # multiply-adds
    factors = 3, round(IMAGENET_IMAGES / 1.2e6, 4), round(forward / 8e9, 3)
    assert factors == (3, 1.0676, 1.022)
    whole = training_work(forward, IMAGENET_IMAGES, 90)
    assert (round(whole / 1e18, 2), round(whole / 2e18, 2)) == (2.83, 1.41)
    assert whole / 0.864e18 == pytest.approx(np.prod(factors), rel=1e-3)


def test_the_ceiling_exists_because_the_intensity_is_finite():
    s = np.geomspace(1, 1e9, 19)
    for x in (0.5, 9, 1e4):  # the law holds for each, and 1 + x is its ceiling
        p = compute_fraction(x, 1, 1)
        assert speedup(p, s) == pytest.approx((1 + x) / (1 + x / s))
        assert limit(p) == pytest.approx(1 + x)
    assert speedup(compute_fraction(np.inf, 1, 1), s) == pytest.approx(s)
    assert limit(compute_fraction(np.inf, 1, 1)) == np.inf


def test_a_link_is_a_second_roofline():
    network, n = resnet(50), np.array([2, 4, 8, 64, 1e6])
    step, size = training_work(network.forward_work, 128, 1), 4 * network.parameters
    # Each GPU's own work and memory traffic know no n. What it sends grows with n, up to 2 G,
    assert (np.diff(allreduce_bytes(size, n)) > 0).all()
    assert allreduce_bytes(size, n)[-1] == pytest.approx(2 * size, rel=1e-5)
    # so the flop for each byte sent fall, and are another number than those for each byte loaded.
    sent = network_intensity(step, size, n)
    assert (np.diff(sent) < 0).all()
    loaded = network.forward_work / sum(layer.traffic(1) for layer in network.layers)
    assert sent.min() > 100 * loaded


def test_recomputing_activations_adds_a_third():
    forward = resnet(50).forward_work
    again = training_work(forward, 1, 1, passes=4)
    assert again / training_work(forward, 1, 1) == pytest.approx(1 + 1 / 3)


def test_a_job_that_grows_has_no_ceiling():
    assert limit(0.99) == pytest.approx(100)
    assert (speedup(0.99, np.array([1e3, 1e6])) < 100).all()
    assert (gustafson(0.99, np.array([1e3, 1e6])) > [980, 980e3]).all()


def test_fully_connected_layers_hold_most_parameters():
    def share(network):
        linear = sum(layer.parameters for layer in network.layers if layer.kind == "linear")
        return linear / network.parameters

    assert share(vgg(16)) > 0.5 and share(alexnet()) > 0.5 > share(resnet(101))
    table = scaling()
    kept = table[table["devices"].eq(512)].set_index("series")["value"]
    assert (kept["Horovod VGG-16"], kept["Horovod ResNet-101"]) == (0.68, 0.90)


def test_links_of_today():
    one_way = interconnects()["one_way"]
    assert one_way["InfiniBand NDR 4x"] == 50e9  # 400 Gb/s over 8
    assert one_way["PCIe 5.0 x16"] == pytest.approx(63e9, rel=0.01)
    assert one_way.filter(like="NVLink").max() == 900e9


def test_precision_changes_the_intensity():
    layer = resnet(50).layers[0]
    assert layer.intensity(32, number_bytes=2) == pytest.approx(2 * layer.intensity(32))


def test_when_two_buffers_are_enough_for_three_units():
    random = np.random.default_rng(20261129)
    seen = set()
    for _ in range(400):
        load, compute, store = random.exponential(1.0, 3)
        chunks = int(random.integers(3, 20))
        end = schedule(load, compute, chunks, store, buffers=2)[-1].end
        slowest = max(load, compute, store)
        enough = slowest >= load + compute + store - slowest
        in_time = end <= chunked_time(load, compute, chunks, store) * (1 + 1e-9)
        assert in_time == enough, (load, compute, store, chunks)
        seen.add(bool(enough))
    assert seen == {True, False}


def test_frameworks_differ_on_one_card():
    table = scaling()
    dlperf = table[table["source"].str.contains("DLPerf") & (table["unit"] == "img/s")]
    alone = dlperf[dlperf["model"].str.startswith("ResNet-50") & (dlperf["devices"] == 1)]
    alone = alone[~alone["series"].str.contains(", 8 loader workers")]  # held up by them
    work, v100 = training_work(resnet(50).forward_work, 1, 1), device("V100-SXM2")
    for precision, peak, spread, share in (
        ("FP32", v100.peak_fp32, 1.24, 0.62),
        ("AMP", v100.peak_fp16, 1.83, 0.29),
    ):
        speeds = alone.loc[alone["precision"] == precision, "value"]
        assert round(speeds.max() / speeds.min(), 2) == spread
        assert round(speeds.max() * work / peak, 2) == share


def test_epochs_grew_with_the_batch():
    table = scaling()
    rounds = table[table["series"].str.startswith("MLPerf v0.6")].dropna(subset=["global_batch"])
    rounds = rounds.sort_values("global_batch")
    assert rounds["epochs"].iloc[0] == 60 and rounds["epochs"].iloc[-1] == 90
    assert rounds["global_batch"].iloc[-1] == 86016
