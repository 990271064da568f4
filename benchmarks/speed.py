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

from helpers import amdahl, budget, parallel, pipeline, roofline
from helpers.controls.amdahl import AmdahlControl
from helpers.controls.budget import TrainingControl
from helpers.controls.devices import DeviceControl
from helpers.controls.parallel import EngineControl
from helpers.controls.pipeline import PipelineControl
from helpers.controls.roofline import RooflineControl
from helpers.publishing.notebooks import PATHS

ROOT = Path(__file__).resolve().parents[1]


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
    """Model functions on 1e6 points against the bare NumPy expression."""
    random = np.random.default_rng(0)
    intensity, p = 10 ** random.uniform(-2, 3, 10**6), random.uniform(0, 1, 10**6)
    peak, bandwidth, s, r = 15.7e12, 900e9, 8.0, 2.0
    pairs = {
        "attainable": (
            lambda: roofline.attainable(intensity, peak, bandwidth),
            lambda: np.minimum(peak, bandwidth * intensity),
        ),
        "speedup": (lambda: amdahl.speedup(p, s, r), lambda: 1 / (r * (1 - p) + p / s)),
        "compute_fraction": (
            lambda: amdahl.compute_fraction(intensity, peak, bandwidth),
            lambda: 1 / (1 + 1 / (intensity * bandwidth / peak)),
        ),
        "chunked_time": (
            lambda: pipeline.chunked_time(intensity, p, 4),
            lambda: np.maximum(intensity, p) + np.minimum(intensity, p) / 4,
        ),
        "step_time": (
            lambda: parallel.step_time(intensity, p, 0.5, 0.1),
            lambda: np.maximum(intensity, p) + 0.5 * np.minimum(intensity, p) + 0.1,
        ),
        "training_work": (
            lambda: budget.training_work(intensity, 1.2e6, 90),
            lambda: 3 * intensity * 1.2e6 * 90,
        ),
    }
    for name, pair in pairs.items():
        yield f"{name} on 1e6 points / bare NumPy", *_ratio(_seconds, *pair, rounds=40), 1.3


def controls():
    """The kernel's part of one slider step, in ms: a set value, the models, the message out.

    Without a frontend no message is sent, so its making is counted and its way to it is not.
    """
    for control, name in (
        (RooflineControl({"I₁": 2, "I₂": 100}), "peak"),
        (AmdahlControl(), "s"),
        (TrainingControl(), "devices"),
        (DeviceControl(), "intensity"),
        (PipelineControl(), "chunks"),
        (EngineControl(), "batch"),
    ):
        widget = control.inputs[name]
        values = [value for _, value in widget._options_full]
        steps = [_seconds(partial(setattr, widget, "value", value)) for value in 20 * values]
        yield (
            f"{type(control).__name__}: ms for a slider step",
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


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _ratio(seconds, ours, reference, rounds=10):
    """Median of the ratio of two timings taken in turns, and the reference's median in s."""
    seconds(ours), seconds(reference)  # warm the caches
    pairs = [(seconds(ours), seconds(reference)) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs),
        statistics.median(b for _, b in pairs),
    )


def main(names):
    known = {"imports": imports, "models": models, "controls": controls, "notebooks": notebooks}
    missed = 0
    for name in names or known:
        print(inspect.getdoc(known[name]).splitlines()[0])
        for what, value, reference, bar in known[name]():
            missed += value > bar
            against = f", reference {reference:.3g} s" if reference else ""
            print(f"  {what}: {value:.2f} (bar {bar}){against}", "" if value <= bar else "MISSED")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
