"""pip, conda and Binder install the same things, and nothing undeclared is used."""

import ast
import json
import os
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
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


def ranges(lines):
    """Name and range of each requirement, without the series itself."""
    found = {(r := Requirement(line)).name: r.specifier for line in lines}
    return {canonicalize_name(n): range for n, range in found.items() if n != PROJECT["name"]}


def conda_ranges(path):
    """The packages of a conda environment with their ranges, and its line for Python."""
    *lines, last = yaml.safe_load(path.read_text())["dependencies"]
    from_pip = last["pip"] if isinstance(last, dict) else []
    found = dict(line.partition(" ")[::2] for line in [*lines, *([] if from_pip else [last])])
    python = found.pop("python")
    found.pop("pip")  # a tool of the conda environment itself; a venv always has it
    from_conda = {canonicalize_name(name): SpecifierSet(text) for name, text in found.items()}
    assert from_conda.keys().isdisjoint(ranges(from_pip))
    return from_conda | ranges(from_pip), python


READING = ranges(PROJECT["dependencies"])
EXTRAS = {name: ranges(lines) for name, lines in PROJECT["optional-dependencies"].items()}
REQUIREMENTS = READING | EXTRAS["publish"] | EXTRAS["test"]
CONDA, CONDA_PYTHON = conda_ranges(ROOT / "environment.yml")
BINDER, BINDER_PYTHON = conda_ranges(ROOT / "binder" / "environment.yml")
LOCAL_MODULES = {"helpers", "series", "tests"} | {
    path.stem for path in (ROOT / "tests").rglob("*.py")
}


def test_conda_installs_the_same_ranges_and_binder_what_a_reader_needs():
    # For any system: mpi4py brings an MPI along there, and Windows has no mpich.
    assert CONDA == {name: value for name, value in REQUIREMENTS.items() if name != "mpich"}
    assert BINDER == READING
    assert BINDER_PYTHON == CONDA_PYTHON


def test_a_reader_installs_nothing_for_tests_and_slides():
    assert READING.keys().isdisjoint(EXTRAS["publish"] | EXTRAS["test"])
    # Each extra of series.py holds the ones before it.
    assert f"{PROJECT['name']}[publish]" in PROJECT["optional-dependencies"]["test"]
    assert set(EXTRAS) | {""} == {extra for _, extra in series.COMMANDS.values()}


@pytest.mark.parametrize(
    ("system", "processor", "asked"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("darwin", "arm64", True),
        ("darwin", "x86_64", True),
        ("linux", "ppc64le", False),
        ("win32", "AMD64", False),
        ("emscripten", "wasm32", False),
    ],
)
def test_a_machine_is_asked_for_what_it_can_have(system, processor, asked):
    here = {"sys_platform": system, "platform_machine": processor}
    server = {"ipyparallel", "jupyter-server", "jupyterlab", "psutil", "threadpoolctl"}
    for line in map(Requirement, PROJECT["dependencies"]):
        expected = asked or line.name not in ("mpi4py", "mpich")
        expected &= system != "emscripten" or line.name not in server
        assert (line.marker is None or line.marker.evaluate(here)) == expected, line.name


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_range_is_closed(name):
    assert {specifier.operator for specifier in REQUIREMENTS[name]} == {">=", "<"}


def test_the_python_of_conda_is_one_that_the_project_supports():
    assert CONDA_PYTHON.removeprefix("=") in SpecifierSet(PROJECT["requires-python"])


def test_series_asks_for_the_oldest_python_of_the_project():
    oldest = ".".join(map(str, series.OLDEST_PYTHON))
    assert f">={oldest}" in PROJECT["requires-python"].split(",")


@pytest.mark.parametrize("folder", [".", "binder"])
def test_conda_uses_one_channel(folder):
    environment = yaml.safe_load((ROOT / folder / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge"]


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


# Checks that are run by hand, where their packages are; the docstring of each says so.
BY_HAND = {"count_with_torch.py": {"torch", "torchvision"}}


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
        for package in set(imported_packages(text)) - known - BY_HAND.get(where, set())
        if REQUIREMENTS.keys().isdisjoint(
            map(canonicalize_name, distributions.get(package, ["not installed"]))
        )
    ]
    assert undeclared == []


def own_files():
    """The files of the project. Without git, or as an archive: all but what is made on the spot."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
        names = [os.fsdecode(name) for name in output.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        lines = (ROOT / ".gitignore").read_text().split()
        made = {line.rstrip("/") for line in lines} | {".git"}
        paths = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        names = [p for p in paths if not any(fnmatch(part, m) for part in p.parts for m in made)]
    return [path for name in names if (path := ROOT / name).is_file()]


def test_the_projects_files_are_the_same_without_git(monkeypatch):
    with_git = set(own_files())
    monkeypatch.setenv("PATH", "")
    without_git = set(own_files())
    assert ROOT / "pyproject.toml" in without_git
    assert with_git <= without_git


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
    files = own_files()
    assert ROOT / "pyproject.toml" in files
    naming = [path.name for path in files if any(host in path.read_bytes() for host in hosts)]
    assert naming == []
