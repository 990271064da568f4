"""The page of errata: every line points to a notebook and a test that exist."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

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
