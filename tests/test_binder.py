"""repo2docker, asked without docker, builds the environment that we mean."""

import re
from pathlib import Path

import pytest
from repo2docker.app import Repo2Docker

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def build_pack(monkeypatch):
    """The first build pack that recognises the repository, as in repo2docker itself."""
    monkeypatch.chdir(ROOT)
    app = Repo2Docker()
    for kind in app.buildpacks:
        pack = kind(base_image=app.base_image)
        pack.platform = "linux/amd64"
        if pack.detect():
            return pack
    pytest.fail("no build pack recognises the repository")


def test_binder_builds_a_conda_environment(build_pack):
    assert type(build_pack).__name__ == "CondaBuildPack"


def test_binder_starts_from_the_pinned_python(build_pack):
    pin = re.search(r"- python =(\S+)", (ROOT / "environment.yml").read_text())[1]
    assert build_pack.python_version == pin
    base = f"conda/environment.py-{pin}-linux-64.lock"
    assert base in build_pack.get_build_script_files()


def test_binder_installs_environment_and_helpers(build_pack):
    dockerfile = build_pack.render({"NB_UID": "1000", "NB_USER": "jovyan"})
    update = re.search(r'env update .*--file "binder/environment.yml"', dockerfile)
    post_build = re.search(r"^RUN \./binder/postBuild", dockerfile, re.MULTILINE)
    assert update.start() < post_build.start()
