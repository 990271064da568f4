"""JupyterLite: JupyterLab, a Python and the notebooks in the reader's browser, without a server.

`jupyter lite build` makes the application. What its Python imports is pinned by one lock file of
Pyodide's form, written here: Pyodide's own wheels, those of `wheels.txt`, those of JupyterLite's
kernel, and our own with the helpers. Each has its SHA-256 there, and what a cell imports is loaded
by itself.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers.publishing.foretold import FILE
from helpers.publishing.notebooks import NOTEBOOKS, PAGES, ROOT, SERIES
from helpers.publishing.site.archive import put, put_helpers
from helpers.publishing.site.vendor import PYODIDE_CDN, Missing, vendored, wheels

LEFT_OUT = ("publishing", "live")  # folders of helpers that no notebook needs
KERNEL = "@jupyterlite/pyodide-kernel-extension"
# Taken as wheels and not installed: JupyterLab with a server cannot load the first.
EXTENSIONS = ("jupyterlite_pyodide_kernel-", "jupyterlab_widgets-")
PYODIDE = "static/pyodide"
RUNTIME = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
# Loaded as the kernel starts; the kernel would ask PyPI for what of it is not.
FIRST = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython")
DEPENDS = {
    "ipython": (
        *("ipython-pygments-lexers", "matplotlib-inline", "prompt-toolkit", "pygments"),
        *("stack-data", "traitlets"),
    ),
    "ipywidgets": ("comm", "ipython", "traitlets"),
    "jedi": ("parso",),
    "matplotlib-inline": ("traitlets",),
    "piplite": ("micropip",),
    "prompt-toolkit": ("wcwidth",),
    "pyodide-kernel": ("comm", "ipython"),
    "stack-data": ("asttokens", "executing", "pure-eval"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
BROWSER = {"sys_platform": "emscripten", "platform_machine": "wasm32"}
ENTRY = "lite/lab/index.html"
WORDS = "Run this notebook in your browser"


def address(notebook):
    """Where a page of the site sends who wants to run a notebook."""
    return f"{ENTRY}?path={notebook.name}"


def build(folder, offline=False):
    """Write the folder lite/ of a site.

    Parameters
    ----------
    folder : Path
        Where; it is made anew.
    offline : bool
        Whether the wheels of Pyodide are part of the site; else pages take them from its CDN.

    Raises
    ------
    helpers.publishing.site.vendor.Missing
        If something that is taken from elsewhere cannot be had.
    """
    if not find_spec("jupyterlite_core"):
        raise Missing("the package jupyterlite-core is not installed here")
    pyodide, listed = vendored("pyodide"), sorted(wheels().glob("*.whl"))
    extensions = [wheel for wheel in listed if wheel.name.startswith(EXTENSIONS)]
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        _application(Path(work), folder, extensions)
    place = folder / PYODIDE
    place.mkdir(parents=True)
    for name in RUNTIME:
        shutil.copy(pyodide / name, place)
    kernel = folder / "extensions" / KERNEL / "static" / "pypi"
    for wheel in [*listed, *kernel.glob("[!w]*.whl")]:  # w: a stand-in for widgetsnbextension
        if wheel not in extensions:
            shutil.copy(wheel, place)
    _write_series(place)
    lock = _lock(pyodide, place, offline)
    (place / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def _application(work, folder, extensions):
    """Build JupyterLite with the notebooks, our settings, and extensions from their wheels."""
    contents = work / "contents"
    shutil.copytree(NOTEBOOKS / "images", contents / "images")
    for path in [*(n.path for n in SERIES), *PAGES, FILE]:
        shutil.copy(path, contents)
    kernel = {
        "pyodideUrl": f"./{PYODIDE}/pyodide.mjs",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {"packages": FIRST},
    }
    settings = {
        "jupyter-config-data": {
            "appName": "How Fast Can It Train?",
            "exposeAppInBrowser": True,  # window.jupyterapp, for tests
            "litePluginSettings": {f"{KERNEL}:kernel": kernel},
        },
        "jupyter-lite-schema-version": 0,
    }
    config = {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": [str(contents)],
            "output_dir": str(folder),
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            # Those of JupyterLab here are for a server.
            "ignore_sys_prefix": ["federated_extensions"],
            "federated_extensions": [str(wheel) for wheel in extensions],
        }
    }
    (work / "jupyter-lite.json").write_text(json.dumps(settings), encoding="utf-8")
    (work / "jupyter_lite_config.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "jupyterlite_core", "build"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"JupyterLite was not built:\n{(done.stdout + done.stderr)[-2000:]}")


def _write_series(place):
    """Write the helpers that notebooks import, with their data, as a wheel of this project."""
    name, version = PROJECT["name"], PROJECT["version"]
    stem = f"{name.replace('-', '_')}-{version}"
    lines = [
        *("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"),
        f"Requires-Python: {PROJECT['requires-python']}",
        *(f"Requires-Dist: {needed}" for needed in PROJECT["dependencies"]),
    ]
    tag = "py3-none-any"
    with zipfile.ZipFile(place / f"{stem}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        put_helpers(archive, LEFT_OUT)
        about = f"{stem}.dist-info"
        put(archive, f"{about}/METADATA", "\n".join(lines) + "\n")
        put(archive, f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        put(archive, f"{about}/RECORD", "")


def needed():
    """The packages that the notebooks need in a browser, by the markers in pyproject.toml."""
    found = map(Requirement, PROJECT["dependencies"])
    return [r.name for r in found if r.marker is None or r.marker.evaluate(BROWSER)]


def _lock(pyodide, place, offline):
    """Pyodide's lock file on what is there: its own wheels, and those in a folder of the site."""
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8"))
    kept = {}
    for name, package in lock["packages"].items():
        wheel = pyodide / package["file_name"]
        if wheel.is_file():
            if offline:
                shutil.copy(wheel, place)
            else:
                package["file_name"] = PYODIDE_CDN + wheel.name
            kept[name] = package
    for wheel in sorted(place.glob("*-none-any.whl")):
        name, version = wheel.name.split("-")[:2]
        name = canonicalize_name(name)
        if name not in kept:
            kept[name] = _entry(wheel, name, version)
    return lock | {"packages": kept}


def _entry(wheel, name, version):
    with zipfile.ZipFile(wheel) as archive:
        tops = {file.partition("/")[0].removesuffix(".py") for file in archive.namelist()}
    return {
        "depends": needed() if name == PROJECT["name"] else list(DEPENDS.get(name, ())),
        "file_name": wheel.name,
        "imports": sorted(top for top in tops if top.isidentifier()),
        "install_dir": "site",
        "name": name,
        "package_type": "package",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "unvendored_tests": False,
        "version": version,
    }
