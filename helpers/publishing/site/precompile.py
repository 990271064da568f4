"""Run by `precompile.mjs` in Pyodide: compile what a page imports, since that takes it seconds.

Whatever our session imports of the standard library is put compiled into a copy of its archive, and
of ours into a copy of our archive; the rest stays source, which is smaller. NumPy comes to the page
as it is; beside its sources go the compiled ones of the modules that are imported.
"""

import importlib
import io
import sys
import zipfile
from importlib._bootstrap_external import _code_to_hash_pyc, cache_from_source
from pathlib import Path

SERIES = Path("/series")
# What a page may import without a further package.
WITHOUT_MORE = (
    *("helpers.exercises.exercise", "helpers.exercises.question"),
    *("helpers.controls.amdahl", "helpers.controls.budget", "helpers.controls.devices"),
    *("helpers.controls.parallel", "helpers.controls.pipeline", "helpers.controls.roofline"),
)


def compiled(source, name, optimize=0):
    """The content of a .pyc file that is never compared with its source."""
    code = compile(source, name, "exec", dont_inherit=True, optimize=optimize)
    return bytes(_code_to_hash_pyc(code, bytes(8), False))


def packed(files):
    """The bytes of an archive; without times, so that the same files are the same bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


# What no page can use, nor anything that SciPy imports in passing.
LEFT_OUT = ("wsgiref/", "xmlrpc/", "imaplib", "mailbox", "poplib", "smtplib")


def library(path, imported):
    """The files of the standard library, those that are imported compiled."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or info.filename.startswith(LEFT_OUT):
                continue
            content = archive.read(info)
            if f"{path}/{info.filename}" in imported:
                # Nobody reads docstrings of the library in a page.
                yield info.filename + "c", compiled(content, info.filename, optimize=2)
            else:
                yield info.filename, content


def own(imported):
    """Our files, with modules compiled, and the compiled modules of NumPy."""
    for path in sorted(SERIES.rglob("*")):
        name = path.relative_to(SERIES).as_posix()
        if str(path) in imported:
            yield "series/" + name + "c", compiled(path.read_bytes(), name)
        elif path.is_file() and "__pycache__" not in path.parts:
            yield "series/" + name, path.read_bytes()
    for file in sorted(imported):
        if "/site-packages/numpy/" in file and file.endswith(".py"):
            place = cache_from_source("/packages/" + file.partition("/site-packages/")[2])
            yield place[1:], compiled(Path(file).read_bytes(), file)


def main():
    """Import what a page imports, and write both archives to the root of Pyodide's file system."""
    sys.path.insert(0, str(SERIES))
    importlib.import_module("helpers.live.stand_in").install()
    importlib.import_module("helpers.live.session").begin(SERIES / "standing.json")
    for module in WITHOUT_MORE:
        importlib.import_module(module)
    imported = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    (library_path,) = (path for path in sys.path if path.endswith(".zip"))
    Path("/stdlib.zip").write_bytes(packed(library(library_path, imported)))
    Path("/python.zip").write_bytes(packed(own(imported)))
