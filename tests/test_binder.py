"""Binder finds in `binder/` what it needs, where it looks for it, in a form that it can read.

How it looks is in the code of repo2docker 2026.4.0: it takes `binder/` or `.binder/` and refuses
both; a `Dockerfile`, `Project.toml`, `REQUIRE`, `default.nix` or `runtime.txt` there may go before
`environment.yml`; for a Python pinned as ``python =3.12`` it starts from a frozen base; and it runs
`postBuild` as a program.
"""

import os
import pkgutil
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BINDER = ROOT / "binder"
ENVIRONMENTS = [ROOT / "environment.yml", BINDER / "environment.yml"]
# A package with its versions, as conda and pip both read them: "numpy >=2.3.3,<3".
PACKAGE = re.compile(r"[a-z][a-z0-9_-]*( ?>=[\d.]+,<[\d.]+| =\d+\.\d+)?")


def test_binder_builds_from_these_files_and_no_other():
    assert {path.name for path in BINDER.iterdir()} == {"environment.yml", "postBuild"}
    assert not (ROOT / ".binder").exists()


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=["conda", "Binder"])
def test_conda_can_read_the_environment(path):
    environment = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert environment.keys() == {"name", "channels", "dependencies"}
    assert isinstance(environment["name"], str) and isinstance(environment["channels"], list)
    lines = environment["dependencies"]
    if isinstance(lines[-1], dict):  # what conda hands on to pip
        (last,) = lines.pop().items()
        assert last[0] == "pip" and "pip" in lines
        lines += last[1]
    assert [line for line in lines if not PACKAGE.fullmatch(line)] == []


def test_binder_starts_from_a_pinned_python():
    assert re.search(r"^ *- python =3\.\d+$", (BINDER / "environment.yml").read_text(), re.M)


def test_binder_can_run_postbuild():
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK)
    assert script.read_bytes().startswith(b"#!/bin/bash\n")
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    text = script.read_text()
    assert "pip install --no-deps --editable ." in text
    for name in re.findall(r'": "(helpers\.[\w.]+)"', text):
        assert callable(pkgutil.resolve_name(name)), name
