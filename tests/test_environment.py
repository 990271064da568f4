"""pip, conda and Binder install the same things, and nothing undeclared is used."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import series

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = {
    canonicalize_name(requirement.name): requirement.specifier
    for requirement in map(
        Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    )
}
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
*CONDA_LINES, CONDA_PIP = CONDA["dependencies"]
CONDA_RANGES = dict(line.partition(" ")[::2] for line in CONDA_LINES)
CONDA_PYTHON = CONDA_RANGES.pop("python")
LOCAL_MODULES = {"helpers", "series", "tests"} | {
    path.stem for path in (ROOT / "tests").rglob("*.py")
}


def test_conda_installs_the_same_ranges():
    ranges = dict(CONDA_RANGES)
    ranges.pop("pip")  # a tool of the conda environment itself; a venv always has it
    from_conda = {canonicalize_name(name): SpecifierSet(text) for name, text in ranges.items()}
    from_pip = {(r := Requirement(line)).name: r.specifier for line in CONDA_PIP["pip"]}
    assert from_conda.keys().isdisjoint(from_pip)
    assert from_conda | from_pip == REQUIREMENTS


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_range_is_closed(name):
    assert {specifier.operator for specifier in REQUIREMENTS[name]} == {">=", "<"}


def test_the_python_of_conda_is_one_that_the_project_supports():
    assert CONDA_PYTHON.removeprefix("=") in SpecifierSet(PROJECT["requires-python"])


def test_series_asks_for_the_oldest_python_of_the_project():
    oldest = ".".join(map(str, series.OLDEST_PYTHON))
    assert f">={oldest}" in PROJECT["requires-python"].split(",")


def test_conda_uses_one_channel():
    assert CONDA["channels"] == ["conda-forge"]


def test_binder_uses_the_same_environment():
    ours = (ROOT / "environment.yml").read_text()
    assert (ROOT / "binder" / "environment.yml").read_text() == ours


def test_binder_can_run_postbuild():
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


def sources():
    """Every piece of Python of the project: (where, text)."""
    for path in [
        *ROOT.glob("*.py"),
        *(p for d in ("helpers", "tests", "benchmarks") for p in (ROOT / d).rglob("*.py")),
    ]:
        yield path.name, path.read_text(encoding="utf-8")
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                yield path.name, "".join(cell["source"])


def imported_packages(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_every_import_is_declared():
    distributions = packages_distributions()
    known = sys.stdlib_module_names | LOCAL_MODULES
    undeclared = [
        f"{where} imports {package}"
        for where, text in sources()
        for package in set(imported_packages(text)) - known
        if REQUIREMENTS.keys().isdisjoint(
            map(canonicalize_name, distributions.get(package, ["not installed"]))
        )
    ]
    assert undeclared == []


def tracked_files():
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    return [
        path
        for name in output.split(b"\0")
        if name and (path := ROOT / os.fsdecode(name)).is_file()
    ]


def test_no_file_names_a_package_host():
    """The network of the reader decides where packages come from, not a file of ours."""
    hosts = [
        ".".join(parts).encode()
        for parts in (
            ("pypi", "org"),
            ("files", "pythonhosted", "org"),
            ("conda", "anaconda", "org"),
            ("registry", "npmjs", "org"),
        )
    ]
    files = tracked_files()
    assert ROOT / "pyproject.toml" in files
    naming = [path.name for path in files if any(host in path.read_bytes() for host in hosts)]
    assert naming == []
