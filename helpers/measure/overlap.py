"""Overlap happening: a loader thread fills one buffer while the other is computed on.

A job is cut into n chunks. Its loading alone, its computing alone (both cut in the same way), and
both with a real thread and two buffers are timed in the same rounds. From the first two
`helpers.pipeline.chunked_time` predicts the third; beside it stand the two curves that it joins:
taking turns (the sum), and perfect overlap (the maximum), a bound.

Two loaders: **copy** copies from memory, and needs a core for it; **link** waits as long as a link
of a given bandwidth would take, and moves nothing, so that it needs none.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from helpers.measure import kernels, load
from helpers.measure.machine import usable_threads
from helpers.measure.watch import Measured, Stopwatch, Task, unknown
from helpers.pipeline import chunked_time
from helpers.ranges import between, checked

LOADERS = ("link", "copy")
CHUNKS = (1, 2, 4, 8, 16)
LOADED = 2**26  # B of the job
KINDS = ("load", "compute", "both")
SIDE = 256  # rows and columns of the matrices that are multiplied


class Overlap(NamedTuple):
    """A job in chunks: what is predicted, and what the stopwatch says.

    Attributes
    ----------
    loader : str
        "link" or "copy".
    chunks : int
    load, compute : Measured
        Time of all loading and of all computing, alone, in s.
    measured : Measured
        Time of the job with a loader thread and two buffers, in s.
    predicted, in_turns, perfect : Measured
        max + min/n, the sum, and the maximum of load and compute, in s.
    ratio : Measured
        Measured / predicted.
    """

    loader: str
    chunks: int
    load: Measured
    compute: Measured
    measured: Measured
    predicted: Measured
    in_turns: Measured
    perfect: Measured
    ratio: Measured

    @property
    def winner(self):
        """Which curve lies nearest: "max + min/n", "sum" or "max"; "" without results."""
        curves = {"max + min/n": self.predicted, "sum": self.in_turns, "max": self.perfect}
        if not (self.measured.known and all(curve.known for curve in curves.values())):
            return ""
        return min(curves, key=lambda name: abs(curves[name].value - self.measured.value))


def overlapped(load, compute, chunks, pool):
    """Load each chunk in a thread while the one before is computed.

    Two buffers are enough: that of chunk k + 1 is the one of chunk k - 1, which is done by then.

    Parameters
    ----------
    load, compute : callable
        Take the number of a chunk, from 0; its buffer is number % 2.
    chunks : int
    pool : Executor
        With one thread of its own.
    """
    loading = pool.submit(load, 0)
    for chunk in range(chunks):
        loading.result()
        if chunk + 1 < chunks:
            loading = pool.submit(load, chunk + 1)
        compute(chunk)


def overlaps(chunks=CHUNKS, loaders=LOADERS, ratio=1.0, *, seconds=8.0, watch=None, progress=None):
    """Measure what loading while computing gains, against max + min/n.

    Parameters
    ----------
    chunks : sequence of int
        From 1 to 64.
    loaders : sequence of str
        Of "link" and "copy".
    ratio : float
        Loading time / computing time, about; from 0.1 to 10.
    seconds : float
        Time to use, about.
    watch : Stopwatch, optional
    progress : callable, optional
        As of `Stopwatch.rounds`.

    Returns
    -------
    tuple of Overlap
        With the loader "copy" without result where there is one core.
    """
    watch = watch or Stopwatch()
    start = watch.now()
    counts = [int(n) for n in checked("chunks", chunks, between(1, 64, whole=True))]
    ratio = float(checked("ratio", ratio, between(0.1, 10)))
    for loader in loaders:
        if loader not in LOADERS:
            raise ValueError(f"loaders must be of {', '.join(LOADERS)}, got {loader!r}")
    here = [loader for loader in loaders if loader != "copy" or usable_threads() > 1]
    job = Job(watch, ratio)
    with ThreadPoolExecutor(1, thread_name_prefix="loader") as pool:
        tasks = {}
        for loader in here:
            for n in counts:
                tasks |= job.tasks(loader, n, pool)
        rounds = watch.rounds(tasks, seconds - (watch.now() - start), 9, progress, "overlap")
    alone = "one core: it cannot copy and compute at the same time"
    lacking = unknown(load.hindrance() or alone)
    return tuple(
        overlap(loader, n, rounds) if loader in here else Overlap(loader, n, *[lacking] * 7)
        for loader in loaders
        for n in counts
    )


class Job:
    """Something to load and to compute on: 64 MiB, and products of matrices for each chunk.

    Parameters
    ----------
    watch : Stopwatch
        Measures how much computing takes as long as loading.
    ratio : float
        Loading time / computing time.
    sleep : callable
        How the link waits.
    """

    def __init__(self, watch, ratio, sleep=time.sleep):
        self.source, self.target = kernels.arrays(2, LOADED // 8)
        copy = kernels.copy([self.source, self.target])
        self.load_time = max(min(watch.seconds(copy) for _ in range(3)), 1e-6)
        self.sleep = sleep
        self.matrix = kernels.product(SIDE, SIDE, SIDE)
        product = watch.long_enough(self.matrix)
        single = max(min(watch.seconds(product) for _ in range(3)), 1e-9)
        self.products = max(1, round(self.load_time / ratio / single))

    def tasks(self, loader, chunks, pool):
        """Loading, computing, and both at once, of the job in so many chunks."""
        size = len(self.source) // chunks
        buffers = [self.target[:size], self.target[-size:]]
        cuts = np.linspace(0, self.products, chunks + 1).astype(int)

        def copy(chunk):
            np.copyto(buffers[chunk % 2], self.source[chunk * size : (chunk + 1) * size])

        def wait(chunk):
            self.sleep(self.load_time / chunks)

        def compute(chunk):
            for _ in range(cuts[chunk + 1] - cuts[chunk]):
                self.matrix.operation()

        load = {"copy": copy, "link": wait}[loader]
        return {
            (loader, chunks, "load"): Task(lambda: [load(chunk) for chunk in range(chunks)]),
            (loader, chunks, "compute"): Task(lambda: [compute(chunk) for chunk in range(chunks)]),
            (loader, chunks, "both"): Task(lambda: overlapped(load, compute, chunks, pool)),
        }


def overlap(loader, chunks, rounds):
    """The `Overlap` that rounds of `Job.tasks` say."""

    def formula(combine):
        return rounds.of(lambda times: combine(*(times[loader, chunks, k] for k in KINDS)))

    def predicted(load, compute, both):
        return chunked_time.formula(load, compute, chunks)

    return Overlap(
        loader,
        chunks,
        formula(lambda load, compute, both: load),
        formula(lambda load, compute, both: compute),
        formula(lambda load, compute, both: both),
        formula(predicted),
        formula(lambda load, compute, both: load + compute),
        formula(lambda load, compute, both: np.maximum(load, compute)),
        formula(lambda load, compute, both: both / predicted(load, compute, both)),
    )
