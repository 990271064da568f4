"""What the site takes from elsewhere, pinned: by package name, with pip or npm, and by SHA-256.

    python -m helpers.publishing.site.vendor

fetches it into build/vendor/, which git does not see. To exchange a source, change its line in
`SOURCES` or `wheels.txt`; the rest of the site knows only the files in build/vendor/.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENDOR = ROOT / "build" / "vendor"
WHEELS = Path(__file__).with_name("wheels.txt")
PYODIDE_VERSION = "314.0.3"
PYTHON_VERSION = "3.14"  # of this Pyodide
# The one address of a host: where a site that is not built with --offline takes Pyodide from.
PYODIDE_CDN = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE_VERSION}/full/"


class Missing(Exception):
    """Something cannot be had; says what, and what was tried."""


@dataclass(frozen=True)
class Source:
    """A package and the files of it that are needed.

    Parameters
    ----------
    client : {"pip", "npm"}
    package, version : str
    sha256 : str
        Of the archive that the client brings.
    inside : str
        The folder in the archive that is unpacked.
    only : tuple of str
        How the names of its files begin; all if empty.
    """

    client: str
    package: str
    version: str
    sha256: str
    inside: str
    only: tuple = ()


SOURCES = {
    # Pyodide with a set of wheels that fit each other. There is no such set on PyPI by itself. They
    # are the files of the release, as its CDN serves them: `benchmarks/live.py --cdn` compares.
    "pyodide": Source(
        *("pip", "open-webui", "0.12.4"),
        "02e9caba96234db3fa17a92e56163b3f7f2b8ca8227fa886b85c178d696483f6",
        "open_webui/frontend/pyodide/",
        (
            *("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"),
            *("pyodide-lock.json", "numpy-", "pandas-", "matplotlib-", "scipy-", "sympy-"),
            *("pillow-", "contourpy-", "cycler-", "fonttools-", "kiwisolver-", "packaging-"),
            *("pyparsing-", "python_dateutil-", "pytz-", "six-", "mpmath-"),
        ),
    ),
    # The html manager of ipywidgets 8: the widgets of JupyterLab, outside of it.
    "widgets": Source(
        *("npm", "@jupyter-widgets/html-manager", "1.0.15"),
        "2b9d65cb7913e1c7d671757a10008b32c9c2448d4429513371e55c07d6107638",
        "package/dist/",
        ("libembed-amd.js",),
    ),
    "ipywidgets": Source(
        *("pip", "ipywidgets", "8.1.9"),
        "f2b8cbcaae10252b809fbe4d7470db75c09b769a32cbf816d20e5ca6d3c5a79d",
        "ipywidgets/",
    ),
    "traitlets": Source(
        *("pip", "traitlets", "5.16.1"),
        "f775618166caa0396c8e337099240f2bd3e5e917d203b2e6fbe21a58d3cb1f6b",
        "traitlets/",
    ),
    "comm": Source(
        *("pip", "comm", "0.2.3"),
        "c615d91d75f7f04f095b30d1c1711babd43bdc6419c1be9886a85f2f4e489417",
        "comm/",
    ),
}


def vendored(name, folder=VENDOR):
    """The folder with the files of a source; they are fetched if they are not there.

    Raises
    ------
    Missing
        If they cannot be had, or are not those that are pinned.
    """
    source = SOURCES[name]
    place = folder / name
    stamp = place / f".{source.sha256}"  # written last
    if not stamp.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as work:
            archive = _fetched(source, Path(work))
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != source.sha256:
                raise Missing(
                    f"{source.package} {source.version} must have the SHA-256 "
                    f"{source.sha256}, got {found}"
                )
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            if not _unpack(source, archive, place):
                raise Missing(f"{source.package} {source.version} has nothing in {source.inside}")
        stamp.touch()
    return place


def _fetched(source, folder):
    """The archive of a source, brought by its client."""
    exact = {"pip": f"{source.package}=={source.version}"}
    exact["npm"] = f"{source.package}@{source.version}"
    command = {
        "pip": [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"),
            *("--no-deps", "--only-binary=:all:", "--ignore-requires-python"),
        ],
        "npm": ["npm", "pack", "--silent"],
    }[source.client]
    wanted = exact[source.client]
    if not shutil.which(command[0]):
        raise Missing(f"{wanted} is fetched with {source.client}, which is not installed here")
    done = subprocess.run([*command, wanted], cwd=folder, capture_output=True, text=True)
    archives = list(folder.iterdir())
    if done.returncode or len(archives) != 1:
        raise Missing(f"{wanted} could not be fetched with {source.client}: {done.stderr[-500:]}")
    return archives[0]


def wheels(folder=VENDOR, listed=WHEELS):
    """The folder with the wheels of `wheels.txt`; they are fetched if they are not there.

    Raises
    ------
    Missing
        If they cannot be had, or are not those that are pinned.
    """
    place = folder / "wheels"
    stamp = place / f".{hashlib.sha256(listed.read_bytes()).hexdigest()}"  # written last
    if not stamp.exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        command = [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet"),
            *("--no-deps", "--only-binary=:all:", "--python-version", PYTHON_VERSION),
            *("--require-hashes", "--dest", place, "--requirement", listed),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"{listed.name} could not be fetched with pip: {done.stderr[-500:]}")
        stamp.touch()
    return place


def _unpack(source, archive, place):
    """Write the wanted files of an archive into a folder; returns how many there were."""
    count = 0
    for name, content in _files(archive):
        rest = name.removeprefix(source.inside)
        wanted = rest != name and (not source.only or rest.startswith(source.only))
        if wanted and "/tests/" not in f"/{rest}":
            file = place / rest
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content())
            count += 1
    return count


def _files(archive):
    """Name and a function that reads the content, for each file in a wheel or a .tgz."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    yield info.filename, lambda info=info: wheel.read(info)
    else:
        with tarfile.open(archive) as package:
            for member in package:
                if member.isfile():
                    yield member.name, lambda member=member: package.extractfile(member).read()


def main():
    for name, source in SOURCES.items():
        try:
            place = vendored(name)
        except Missing as missing:
            sys.exit(f"MISSING for the site: {missing}")
        size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        print(f"{source.package} {source.version}: {size / 1e6:.1f} MB in {place}")
    try:
        print(f"wheels in {wheels()}")
    except Missing as missing:
        sys.exit(f"MISSING for the site: {missing}")


if __name__ == "__main__":
    main()
