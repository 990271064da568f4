"""Amdahl's law happening: a job of two parts, of which only one is sped up.

The part that is sped up multiplies matrices; the other copies arrays with one thread. They take
turns. Each case is timed whole, and each of its parts alone, in the same rounds. From the parts
come p, s and r, each a quotient within a round; from these, by `helpers.amdahl.speedup`, what the
whole should gain; and the stopwatch says what it gains. The model is not fitted: what it can miss
is that two parts disturb each other when they run one after the other.
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from helpers import amdahl
from helpers.measure import kernels, load
from helpers.measure.library import blas
from helpers.measure.machine import usable_threads
from helpers.measure.watch import Measured, Stopwatch, Task, thread_counts, unknown
from helpers.ranges import Range, checked

BASE = "FP64, 1 thread"
SIDE, COPIED = 512, 2**21  # rows and columns of the matrices; numbers of a copied array
P = Range(0, False, 1, False, "above 0 and below 1")


class Speedup(NamedTuple):
    """One case against the base: FP64 with one thread.

    Attributes
    ----------
    name : str
    threads : int
        Of the part that is sped up.
    nominal : float
        The factor that the part should be faster by, at first sight: threads, times 2 for FP32.
    p, s, r : Measured
        Share of the base that is sped up; how much faster that part is; how much longer the other
        takes.
    predicted, measured : Measured
        Speed-up of the whole by Amdahl's law from these three, and by the stopwatch.
    naive : Measured
        The same law from p and the nominal factor, with r = 1.
    ratio : Measured
        Measured / predicted.
    """

    name: str
    threads: int
    nominal: float
    p: Measured
    s: Measured
    r: Measured
    predicted: Measured
    measured: Measured
    naive: Measured
    ratio: Measured


def speedups(p=0.75, threads=None, *, work=0.06, seconds=8.0, watch=None, progress=None):
    """Measure what a job gains when one of its parts gets faster, against Amdahl's law.

    The cases: the products with 2, 4, ... threads; in FP32, with one thread and with all; and two
    in which the other part takes longer than before, r > 1: it also rounds an array to FP32 (as
    mixed precision does with its weights), or it also adds one array to another for each further
    thread (as results of threads, or gradients, are added up). Both are stand-ins: neither touches
    the matrices.

    Parameters
    ----------
    p : float
        Share of the base that is sped up, about: above 0 and below 1.
    threads : int, optional
        Most threads; all usable ones if None.
    work : float
        Time of the base, about, in s.
    seconds : float
        Time to use, about.
    watch : Stopwatch, optional
    progress : callable, optional
        As of `Stopwatch.rounds`.

    Returns
    -------
    tuple of Speedup
        Cases with several threads are without result where there is one core, or where the BLAS
        library does not let itself be told.
    """
    watch = watch or Stopwatch()
    start = watch.now()
    p = float(checked("p", p, P))
    most = usable_threads() if threads is None else threads
    cases = _cases(most)
    copied = kernels.arrays(4, COPIED)
    products = {name: kernels.product(SIDE, SIDE, SIDE, name) for name in kernels.BYTES}
    one, copy = products["FP64"], kernels.copy(copied)
    many = round(max(1.0, p * work / max(watch.seconds(one), 1e-9)))
    often = round(max(1.0, (1 - p) * work / max(watch.seconds(copy), 1e-9)))
    others = {
        "copy": [partial(np.copyto, copied[1], copied[0])],
        "round": [partial(np.copyto, copied[1], copied[0]), _rounding(copied)],
        "add up": [partial(np.copyto, copied[1], copied[0])]
        + [partial(np.add, copied[1], copied[2], out=copied[1])] * (most - 1),
    }
    tasks = {}
    for name, (precision, count, other) in cases.items():
        fast, slow = [products[precision].operation] * many, others[other] * often
        tasks[name, "fast"] = Task(_in_turns(fast), blas=count)
        tasks[name, "slow"] = Task(_in_turns(slow))
        tasks[name, "whole"] = Task(_in_turns(slow + fast), blas=count)
    rounds = watch.rounds(tasks, seconds - (watch.now() - start), 9, progress, "two parts")
    lacking = unknown(_why(most))
    found = [_speedup(name, *case, rounds) for name, case in cases.items() if name != BASE]
    if lacking.why:
        found.append(Speedup("FP64, more threads", 2, 2.0, *[lacking] * 7))
    return tuple(found)


def _cases(most):
    """Precision, threads and the other part of each case."""
    many = thread_counts(most)[1:] if blas() else []
    cases = {BASE: ("FP64", 1, "copy")}
    cases |= {f"FP64, {count} threads": ("FP64", count, "copy") for count in many}
    cases["FP32, 1 thread"] = ("FP32", 1, "copy")
    if many:
        cases[f"FP32, {most} threads"] = ("FP32", most, "copy")
    cases["FP32, 1 thread, rounded first"] = ("FP32", 1, "round")
    if many:
        cases[f"FP64, {most} threads, results added up"] = ("FP64", most, "add up")
    return cases


def _why(most):
    if why := load.hindrance():
        return why
    if most == 1:
        return "one core: there is no second one for a second thread"
    return "" if blas() else "the BLAS library does not say how many threads it uses"


def _rounding(copied):
    """Write the numbers of one array as FP32 over half of another."""
    narrow = copied[3].view(np.float32)[: len(copied[0])]
    return partial(np.copyto, narrow, copied[0], casting="same_kind")


def _in_turns(operations):
    def run():
        for operation in operations:
            operation()

    return run


def _speedup(name, precision, threads, other, rounds):
    def part(which, case=name):
        return lambda times: times[case, which]

    def quotient(above, below):
        return lambda times: above(times) / below(times)

    fast, slow = part("fast", BASE), part("slow", BASE)
    p = lambda times: fast(times) / (fast(times) + slow(times))  # noqa: E731
    s, r = quotient(fast, part("fast")), quotient(part("slow"), slow)
    nominal = threads * (2.0 if precision == "FP32" else 1.0)
    law = amdahl.speedup.formula
    predicted = lambda times: law(p(times), s(times), r(times))  # noqa: E731
    measured = quotient(part("whole", BASE), part("whole"))
    naive = lambda times: law(p(times), nominal)  # noqa: E731
    formulas = (p, s, r, predicted, measured, naive, quotient(measured, predicted))
    return Speedup(name, threads, nominal, *map(rounds.of, formulas))
