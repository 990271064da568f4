"""The stopwatch: tasks timed in turns, round after round, and what the rounds say together.

The method of every measurement: each task runs once to warm up; then all tasks take turns, in
rounds, every second round backwards, so that a machine that drifts or is disturbed meets all of
them alike. A round in which others used too much of the cores does not count. A result is the
**median** over the rounds that count: most noise adds time, but the least time is one lucky round
(a fast clock, say), and what is compared are typical ones. Its interval goes from a low to a high
round, so far in that it holds the median of endless rounds with 95 % probability or more if the
rounds are independent;
of eight rounds or fewer from the lowest to the highest, which of three holds it with 75 % and of
six with 97 %. A quotient is taken within each round, and then its median over the rounds, so that
what both halves suffered cancels.
"""

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np

from helpers.measure import load
from helpers.measure.library import blas_threads

LEAST_ROUNDS = 3  # with fewer there is no result
STRETCH = 0.25  # s between looks at the load: it is counted in ticks of 10 ms
DRIFT = 1.25  # from the first third of the rounds to the last
STAND_IN = 0.01  # s that a task is taken for where nothing is timed
LONG_ENOUGH = 0.01  # s of a timed task: far above what reading a clock takes
# OpenBLAS keeps its threads awake for a while after a product, for 25 to 40 ms on one machine seen
# and for 130 ms on another, in which they would hinder whatever else is timed next.
SETTLE, LONGEST_SETTLE = 0.02, 0.4


class Task(NamedTuple):
    """Something to time, with its work and traffic counted for one pass.

    Attributes
    ----------
    operation : callable
        One pass.
    flops : int
        Operations with floating-point numbers; a multiply-add is two.
    useful : int
        Bytes of the operands, each read or written once.
    allocated : int
        Bytes that a cache loads only to overwrite them ("write-allocate"): those of the results,
        if they were not read before. Special stores of some processors avoid it.
    size : int
        Bytes of all arrays, the working set.
    threads : int
        Threads of our own that share the pass.
    blas : int
        Threads that the BLAS library may use.
    passes : int
        Passes of a timing.
    inner : int
        How often one call of `operation` does what was counted.
    """

    operation: Callable[[], object]
    flops: int = 0
    useful: int = 0
    allocated: int = 0
    size: int = 0
    threads: int = 1
    blas: int = 1
    passes: int = 1
    inner: int = 1

    @property
    def moved(self):
        """Bytes between the caches and where the arrays lie, write-allocate included."""
        return self.useful + self.allocated


class Measured(NamedTuple):
    """A result: the median over the rounds that count, its interval, and how quiet it was.

    Attributes
    ----------
    value, low, high : float
        NaN if there is no result to trust.
    rounds : int
        Those that counted.
    others : float
        Share of the cores that others used in them (or, without result, in all); NaN if unknown.
    why : str
        Why there is no result; empty if there is one.
    """

    value: float
    low: float
    high: float
    rounds: int
    others: float
    why: str = ""

    @property
    def known(self):
        """Is there a result?"""
        return not self.why


def unknown(why, rounds=0, others=math.nan):
    """A `Measured` without result."""
    return Measured(math.nan, math.nan, math.nan, rounds, others, why)


class Rounds(NamedTuple):
    """The times of tasks that took turns.

    Attributes
    ----------
    times : dict
        For each task an array, a time for each round, in s for one pass.
    others : ndarray
        Share of the cores that others used in each round; NaN if unknown.
    limit : float
        Share from which on a round does not count.
    spent : float
        Time of all rounds, in s.
    held : float
        Share of this time for which the quota of a container kept us waiting.
    why : str
        Why nothing was timed; empty if it was.
    """

    times: dict
    others: np.ndarray
    limit: float
    spent: float
    held: float = 0.0
    why: str = ""

    def of(self, formula):
        """The `Measured` value of a formula of the times.

        Parameters
        ----------
        formula : callable
            Takes the dictionary of times and returns an array, a value for each round.
        """
        if self.why:
            return unknown(self.why)
        counts = ~(self.others > self.limit)  # what is unknown counts
        known = self.others[~np.isnan(self.others)]
        share = float(np.median(known)) if known.size else math.nan
        if len(counts) < LEAST_ROUNDS:
            why = f"too slow: {LEAST_ROUNDS} rounds are the least, {len(counts)} took "
            return unknown(f"{why}{self.spent:.1f} s", len(counts), share)
        if self.held > self.limit:
            why = f"throttled: the quota of the container held us {self.held:.0%} of the time"
            return unknown(why.replace("%", " %"), int(counts.sum()), share)
        if counts.sum() < LEAST_ROUNDS:
            worst = float(np.median(self.others[~counts]))
            why = f"too noisy: others used {worst:.0%} of the cores"
            return unknown(why.replace("%", " %"), int(counts.sum()), worst)
        with np.errstate(divide="ignore", invalid="ignore"):  # a clock may stand still
            values = formula({name: times[counts] for name, times in self.times.items()})
            third = len(values) // 3
            drift = np.median(values[-third:]) / np.median(values[:third])
        values = np.sort(values)
        if not np.isfinite(values).all():
            return unknown("too fast for the clock", len(values), share)
        middle = values[len(values) // 4 : -(len(values) // 4) or None]
        if middle[-1] > 1.5 * middle[0] > 0:
            why = "too unsteady: half of the rounds lie as far apart as 1 and "
            return unknown(f"{why}{middle[-1] / middle[0]:.1f}", len(values), share)
        if third > 2 and max(drift, 1 / drift) > DRIFT:
            why = f"too unsteady: the last third of the rounds gave {drift:.2f} times the first"
            return unknown(f"{why}: throttled, or disturbed", len(values), share)
        inner = _inward(len(values))
        quiet = self.others[counts]
        quiet = quiet[~np.isnan(quiet)]
        return Measured(
            float(np.median(values)),
            float(values[inner]),
            float(values[-1 - inner]),
            len(values),
            float(np.median(quiet)) if quiet.size else math.nan,
        )

    def seconds(self, name):
        """The `Measured` time of a task, in s for one pass."""
        return self.of(lambda times: times[name])


def _inward(rounds):
    """How many rounds at each end lie outside the interval of the median.

    The k-th lowest and the k-th highest of n independent values enclose the median of their
    distribution but for 2 P(fewer than k of n coins show heads).

    >>> [_inward(rounds) for rounds in (3, 6, 8, 9, 12, 15, 20)]
    [0, 0, 0, 1, 2, 3, 5]
    """
    outside = 2 * np.cumsum([math.comb(rounds, heads) for heads in range(rounds)]) / 2.0**rounds
    return max(0, int((outside <= 0.05).sum()) - 1)


class Stopwatch:
    """Times tasks in turns.

    Parameters
    ----------
    limit : float
        Share of the cores that others may use in a round that counts, from 0 to 1.
    now : callable
        A clock, in s.
    sleep : callable
        Waits for some seconds.
    reading : callable
        Takes a `load.Reading`.
    """

    def __init__(self, limit=0.1, now=time.perf_counter, sleep=time.sleep, reading=load.reading):
        if not 0 <= limit <= 1:
            raise ValueError(f"limit must be from 0 to 1, got {limit}")
        self.limit, self.now, self.sleep, self.reading = limit, now, sleep, reading
        self.awake = False  # may threads of the BLAS library still be?

    def seconds(self, task):
        """Time a task once, in s for one pass; a stand-in where nothing can be measured."""
        if load.hindrance():
            return STAND_IN
        if self.awake and (task.blas == 1 or task.threads > 1):
            self.settle()
        self.awake = task.blas > 1
        with blas_threads(task.blas):
            if task.passes > 1:
                task.operation()  # what fits into a cache is in it when the clock starts
            start = self.now()
            for _ in range(task.passes):
                task.operation()
            took = self.now() - start
        return took / (task.passes * task.inner)

    def settle(self):
        """Wait until no thread of this process works any more, or for the longest time."""
        for _ in range(round(LONGEST_SETTLE / SETTLE)):
            before = time.process_time()
            self.sleep(SETTLE)
            if time.process_time() - before < SETTLE / 2:
                return

    def long_enough(self, task):
        """The task with so many passes, a power of 2, that a timing takes a hundredth second."""
        took = self.seconds(task) * task.inner
        if took < LONG_ENOUGH:  # the first time may be slower
            took = max(min(took, self.seconds(task) * task.inner), 1e-8)
        return task._replace(passes=2 ** max(0, math.ceil(math.log2(LONG_ENOUGH / took))))

    def rounds(self, tasks, seconds=5.0, most=9, progress=None, words="measuring"):
        """Time tasks in turns, until `most` rounds count or the time is used up.

        Parameters
        ----------
        tasks : dict
            Each `Task` by its name.
        seconds : float
            Time to use; the round that is under way is finished.
        most : int
            Rounds that count.
        progress : callable, optional
            Told the share that is done, from 0 to 1, and the words.

        Returns
        -------
        Rounds
        """
        progress = progress or (lambda share, words: None)
        if why := load.hindrance():
            progress(1, words)
        if why or not tasks:
            return Rounds({}, np.zeros(0), self.limit, 0.0, why=why)
        names, rows, others = list(tasks), [], []
        start, before = self.now(), self.reading()
        looked, held = start, before.held
        for name in names:
            self.seconds(tasks[name]._replace(passes=1))
        while self.now() - start < seconds and sum(~(np.array(others) > self.limit)) < most:
            progress(min(len(rows) / most, 1), words)
            order = names if len(rows) % 2 else names[::-1]
            row = {name: self.seconds(tasks[name]) for name in order}
            rows.append([row[name] for name in names])
            if self.now() - looked >= STRETCH:
                after = self.reading()
                others += [load.others(before, after)] * (len(rows) - len(others))
                before, looked = after, self.now()
        after = self.reading()
        others += [load.others(before, after)] * (len(rows) - len(others))
        progress(1, words)
        table = np.array(rows).reshape(-1, len(names)).T
        times = dict(zip(names, table, strict=True))
        spent = self.now() - start
        held = (after.held - held) / max(spent, 1e-9)
        return Rounds(times, np.array(others, dtype=float), self.limit, spent, held)

    def wait_until_quiet(self, seconds=60.0):
        """Wait until others use no more than the limit for a second; is it so, or unknown?"""
        start = self.now()
        while self.now() - start < seconds:
            before = self.reading()
            self.sleep(1.0)
            if not load.others(before, self.reading()) > self.limit:
                return True
        return False


def thread_counts(most):
    """1, 2, 4, ... and the most.

    >>> thread_counts(1), thread_counts(6), thread_counts(8)
    ([1], [1, 2, 4, 6], [1, 2, 4, 8])
    """
    powers = [2**power for power in range(most.bit_length()) if 2**power < most]
    return [*powers, most]


@cache
def _pool(threads):
    """Threads that each keep to a core of their own, where the system lets them.

    Two that were asleep may be woken on the same core, and stay there for longer than a pass takes.
    """
    cores = iter(sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else ())

    def pin():
        core = next(cores, None)
        with suppress(OSError):  # a sandbox may forbid it
            if core is not None:
                os.sched_setaffinity(0, {core})  # of this thread alone

    return ThreadPoolExecutor(threads, "measure", pin)


def shared(operation, parts):
    """One pass shared by threads: a callable that runs the operation on each of the parts.

    Parameters
    ----------
    operation : callable
        Takes the arrays of a part; NumPy lets other threads run meanwhile.
    parts : list of tuple
        The arrays of each thread.
    """
    if len(parts) == 1:
        arrays = parts[0]
        return lambda: operation(*arrays)
    pool = _pool(len(parts))

    def run():
        for done in [pool.submit(operation, *arrays) for arrays in parts]:
            done.result()

    return run
