"""Rows of engines for tests of pictures and records: some known, some not."""

from helpers.engines.record import EngineRecord
from helpers.engines.together import SIZES, Link, Reduction, Step
from helpers.measure.machine import Machine
from helpers.measure.watch import Measured, unknown
from helpers.parallel import allreduce_time


def measured(value):
    """A known result."""
    return Measured(float(value), 0.75 * value, 1.25 * value, 9, 0.0)


def record():
    """A small record with known and unknown results."""
    here = Machine("cpu", "Linux", 2, 2, {"L1": 32768}, 0, "3.11", "2.4", "openblas")
    times = [measured(allreduce_time(size, 2, 4e9, 3e-6)) for size in SIZES]
    times[1] = unknown("too unsteady: jumps", 9, 0.0)
    rows = tuple(Reduction(2, s, t) for s, t in zip(SIZES, times, strict=True))
    links = (Link(2, measured(3e-6), measured(4e9)),)
    steps = [
        Step("convolutional", 2650, 2, b, *map(measured, (8, 4, 5, 6, 2, 1.5))) for b in (1, 4)
    ]
    steps.append(Step("fully connected", 10**6, 2, 1, *map(measured, (3, 3, 3, 4, 0.8, 0.7))))
    steps.append(Step("fully connected", 10**6, 2, 4, *[unknown("too noisy")] * 6))
    return EngineRecord("2026-11-29", here, "MPICH 5", rows, links, tuple(steps))
