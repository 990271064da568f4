"""Controls that matplotlib lays out, in Pyodide and here: the same words, almost the same places?

Run by hand: ``.venv/bin/python benchmarks/live.py [--cdn]``, a quarter of an hour. It takes every
position of every input, random ones, and every published table. Exit status 1 if words differ, or
if marks lie more than `walk.FARTHEST` pixels apart. ``--cdn`` compares what the site takes of
Pyodide with the package `pyodide` of npm instead: its lock file names what the CDN serves.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS / "live")]

import in_node  # noqa: E402
import walk  # noqa: E402
from helpers.published import scaling_tables  # noqa: E402
from helpers.publishing.site import live, vendor  # noqa: E402


def main():
    makers = {name: f"{name}()" for name in ("RecordControl", "ScalingControl")}
    tables = {name: f"ScalingControl({name!r})" for name in scaling_tables()}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        live.build(folder / "live", offline=True, notebooks=())
        start = time.monotonic()
        wrong = [
            told(*in_node.both(folder / "live", folder, some, ("matplotlib", "scipy"), count))
            for some, count in ((makers, walk.COMBINATIONS), (tables, 5))
        ]
    print(f"{time.monotonic() - start:.0f} s")
    return any(wrong)


def told(ours, theirs):
    """Print how far each control's states are apart; returns whether any is too far."""
    wrong = False
    for name, states in ours.items():
        pairs = list(zip(states, theirs[name], strict=True))
        far = [walk.farthest(one[0], other[0]) for one, other in pairs]
        words = sum(one[1:] != other[1:] for one, other in pairs)
        print(f"{name}: {len(pairs)} states, other words in {words}, marks at most {max(far)} px")
        wrong |= words > 0 or max(far) > walk.FARTHEST
    return wrong


def cdn():
    """Print and return whether a file that pages take is not the one of the release."""
    pyodide, wrong = vendor.vendored("pyodide"), False
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"pyodide@{vendor.PYODIDE_VERSION}"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        with tarfile.open(*Path(folder).glob("*.tgz")) as package:
            lock = json.load(package.extractfile("package/pyodide-lock.json"))
            hashes = {each["file_name"]: each["sha256"] for each in lock["packages"].values()}
            for name in (*live.SCRIPTS, "pyodide.asm.wasm", "python_stdlib.zip"):
                content = package.extractfile(f"package/{name}").read()
                hashes[name] = hashlib.sha256(content).hexdigest()
    for path in sorted(pyodide.glob("[!.]*")):
        if path.name in hashes:
            same = hashes[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
            print("same" if same else "OTHER", path.name)
            wrong |= not same
    return wrong


if __name__ == "__main__":
    sys.exit(cdn() if "--cdn" in sys.argv else main())
