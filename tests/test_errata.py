"""The page of errata: every line points to a notebook and a test that exist."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers.budget import resnet, training_work
from helpers.catalog import device, scaling

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "notebooks" / "errata.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| the article says |")
]


def _tests_in(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_page_has_its_lines():
    assert len(ROWS) >= 25  # FACTS, section 8: fifteen errors and ten caveats


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


def test_frameworks_differ_on_one_card():
    table = scaling()
    dlperf = table[table["source"].str.contains("DLPerf") & (table["unit"] == "img/s")]
    alone = dlperf[dlperf["model"].str.startswith("ResNet-50") & (dlperf["devices"] == 1)]
    alone = alone[~alone["series"].str.contains("8 loader workers")]  # held up by its data loader
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
