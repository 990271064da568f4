"""Measure speed as ratios against a reference in the same run; print them beside their bars.

Run by hand on a quiet machine: ``.venv/bin/python benchmarks/speed.py [name ...]``. The names are
those of the functions below; all run if none is given. Exit status 1 if a bar is missed.
"""

import inspect
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from subprocess import DEVNULL

import numpy as np

from helpers.publishing.notebooks import PATHS

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

from examples import CONTROLS, finest, positions  # noqa: E402
from models import MODELS  # noqa: E402


def imports():
    """`import helpers.roofline` against `import numpy`, each in a fresh interpreter."""

    def seconds(module):
        return _seconds(lambda: subprocess.run([sys.executable, "-c", f"import {module}"]))

    yield (
        "import helpers.roofline / import numpy",
        *_ratio(seconds, "helpers.roofline", "numpy"),
        1.2,
    )


def models():
    """Model functions of 1e6 points of their first argument against their bare NumPy expression.

    In processor time, which a busy machine changes little. Whoever checks every point must look
    for the least and the largest, and for one that is not whole where they are counts. That alone
    takes a formula of one operation beyond 1.3: the bar is then 1.5 times formula and looking.
    """
    random = np.random.default_rng(0)
    shares, counts = random.uniform(0, 1, 10**6), 2.0 * random.integers(1, 1000, 10**6)
    for name, function in MODELS.items():
        if name == "schedule":  # takes single numbers
            continue
        first, *rest = function.ranges
        share = {name: allowed.high == 1 for name, allowed in function.ranges.items()}
        arguments = {name: np.float64(0.5 if share[name] else 2) for name in rest}
        most = function.ranges[first].high  # some words are one of a few
        arguments[first] = shares if share[first] else np.minimum(counts, most)
        points, bare = arguments[first], partial(function.formula, **arguments)
        ours = partial(function, **arguments)
        ratio, reference = _ratio(_cpu_seconds, ours, bare, 20)
        look = partial(_look, points, function.ranges[first].whole)
        looking = statistics.median(_cpu_seconds(look) for _ in range(20))
        bar = 1.3 if ratio <= 1.3 else 1.5 * (reference + looking) / reference
        yield f"{name} of 1e6 points / bare NumPy", ratio, reference, bar


def controls():
    """The kernel's part of one slider step, in ms: a set value, the models, the message out.

    Without a frontend no message is sent, so its making is counted and its way to it is not.
    """
    for name, kind in CONTROLS.items():
        control = kind()
        if (slider := finest(control)) is None:  # a record is chosen, not slid
            continue
        widget = control.inputs[slider]
        values = positions(widget)
        steps = [_seconds(partial(setattr, widget, "value", value)) for value in 20 * values]
        yield (
            f"{name}: ms for a slider step",
            1e3 * statistics.median(steps),
            None,
            3.0,
        )


def notebooks():
    """nbval over all notebooks against nbval over their import cells alone, both with 2 workers.

    The second is the price of starting the kernels and importing their modules.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole, bare = Path(folder, "whole"), Path(folder, "bare")
        for target in (whole, bare):
            target.mkdir()
            shutil.copytree(ROOT / "notebooks" / "images", target / "images")
            for path in PATHS:
                notebook = json.loads(path.read_text(encoding="utf-8"))
                code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
                if target is bare:
                    notebook["cells"] = code[:1]
                (target / path.name).write_text(json.dumps(notebook), encoding="utf-8")

        def seconds(target):
            settings = ["-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", "-q"]
            command = [sys.executable, "-m", "pytest", *settings, target]
            return _seconds(lambda: subprocess.run(command, cwd=ROOT, check=True, stdout=DEVNULL))

        yield "nbval of all notebooks / kernels and imports", *_ratio(seconds, whole, bare, 3), 1.5


def _look(points, whole):
    return points.min(), points.max(), whole and np.array_equal(np.rint(points), points)


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _cpu_seconds(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def _ratio(seconds, ours, reference, rounds=10):
    """Median of the ratio of two timings taken in turns, and the reference's median in s."""
    seconds(ours), seconds(reference)  # warm the caches
    times = {ours: [], reference: []}
    for turn in range(rounds):  # each goes first in turn: memory is then as new for both
        for subject in (ours, reference) if turn % 2 else (reference, ours):
            times[subject].append(seconds(subject))
    mine, other = (statistics.median(times[subject]) for subject in (ours, reference))
    return mine / other, other


def main(names):
    known = {"imports": imports, "models": models, "controls": controls, "notebooks": notebooks}
    missed = 0
    for name in names or known:
        print(inspect.getdoc(known[name]).splitlines()[0])
        for what, value, reference, bar in known[name]():
            missed += value > bar
            against = f", reference {reference:.3g} s" if reference else ""
            print(
                f"  {what}: {value:.2f} (bar {bar:.2f}){against}", "" if value <= bar else "MISSED"
            )
    return missed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
