"""What n processes gain by training together: all-reduce, step, and the model of notebook 06.

**Strong scaling**: the batch B of a step is fixed; each of n processes takes b = B/n of it. All
that is compared is timed in turns by `helpers.measure.watch`: rank 0 holds the stopwatch and tells
the others what to do next; those without work sleep, so that they disturb nobody. A timing starts
when all are there, and lasts until the slowest is done; many short passes are timed together. The
load of the cores counts the time of all engines as our own.

**All-reduce**: the sum of an array of FP32 over all processes, in place, by ``MPI.Allreduce``. Its
latency and bandwidth are fitted, in each round, to `helpers.parallel.allreduce_time` over all
sizes, by least squares of the relative misses. **Step**: forward, backward, all-reduce, and a step
against the gradients. The model of the step adds what one process takes for b images, alone and
without all-reduce, and the all-reduce by these two numbers; no step of several processes is in it.
"""

import itertools
import math
import time
from functools import partial
from typing import NamedTuple

import numpy as np

from helpers.engines import training
from helpers.engines.cluster import report
from helpers.measure import load
from helpers.measure.watch import Measured, Stopwatch, thread_counts, unknown
from helpers.parallel import allreduce_time

SIZES = tuple(4**power for power in range(6, 14))  # B, 4 KiB to 64 MiB
BATCHES = (2, 4, 16, 64)  # images on each process
NAP = 0.0005  # s between looks of an engine that waits
LOAD, END = "load", "end"  # besides names of jobs, what rank 0 can ask for


class Reduction(NamedTuple):
    """An all-reduce: processes, size of the array in B, and its time in s."""

    processes: int
    size: int
    seconds: Measured


class Link(NamedTuple):
    """What an all-reduce of n processes takes in the model: latency in s, bandwidth in B/s.

    No link's alone: what the processes copy and add up is in the bandwidth as well.
    """

    processes: int
    latency: Measured
    bandwidth: Measured

    @property
    def why(self):
        """Why the model cannot be computed; "" if both are known."""
        return self.latency.why or self.bandwidth.why


class Step(NamedTuple):
    """A step of training on n processes that share its batch: b images on each, B = n b.

    Attributes
    ----------
    network : str
        "convolutional" or "fully connected".
    parameters, processes, batch : int
        Numbers of weights and biases, of processes n, and of images on each, b.
    whole, alone : Measured
        Time of one process, while the others sleep, for all B images and for b of them, in s.
    together : Measured
        Time of the slowest, if all compute at once, b images each, and none sends, in s.
    step : Measured
        Time of the step of all with its all-reduce, in s.
    modelled, speedup : Measured
        S of n processes over one: whole / (alone + all-reduce of the fitted link), and
        whole / step.
    """

    network: str
    parameters: int
    processes: int
    batch: int
    whole: Measured
    alone: Measured
    together: Measured
    step: Measured
    modelled: Measured
    speedup: Measured

    @property
    def size(self):
        """Bytes of the gradients."""
        return 4 * self.parameters

    @property
    def whole_batch(self):
        """B, the images of a step of all processes together."""
        return self.processes * self.batch

    @property
    def efficiency(self):
        """E = S / n."""
        return self.speedup.value / self.processes


def counts(n):
    """Numbers of processes that are measured with n engines: 2, 4, ... and n."""
    return thread_counts(n)[1:]


def reductions(engines, sizes=SIZES, *, seconds=3.0, limit=0.1, progress=None):
    """Time all-reduces of several sizes, and fit a `Link` for each number of processes.

    Parameters
    ----------
    engines : helpers.engines.cluster.Engines
    sizes : sequence of int
        B, multiples of 4.
    seconds : float
        To use, about.
    limit : float
        Share of the cores that others may use in a round that counts.
    progress : callable, optional
        As of `Stopwatch.rounds`.

    Returns
    -------
    tuple of Reduction, tuple of Link
        Without results, but with the reason, if there are no engines.
    """
    if not engines.why:
        return engines.run(_reductions, tuple(sizes), seconds, limit, progress=progress)[0]
    none = unknown(engines.why)
    pairs = [(n, size) for n in counts(engines.n) for size in sizes]
    links = tuple(Link(n, none, none) for n in counts(engines.n))
    return tuple(Reduction(n, size, none) for n, size in pairs), links


def steps(engines, links, batches=BATCHES, *, seconds=4.0, limit=0.1, progress=None):
    """Time steps of both networks on one and on several processes, beside the model.

    Parameters
    ----------
    engines : helpers.engines.cluster.Engines
    links : sequence of Link
        As of `reductions`.
    batches : sequence of int
        Images on each process.
    seconds, limit, progress
        As of `reductions`.

    Returns
    -------
    tuple of Step
    """
    if not engines.why:
        arguments = tuple(links), tuple(batches), seconds, limit
        return engines.run(_steps, *arguments, progress=progress)[0]
    none = unknown(engines.why)
    sizes = {name: build().weights.size for name, build in training.BUILD.items()}
    cases = [(name, n, b) for name in sizes for n in counts(engines.n) for b in batches]
    return tuple(Step(name, sizes[name], n, b, *[none] * 6) for name, n, b in cases)


def fit_link(sizes, times, processes):
    """Latency and bandwidth that fit all-reduces best: least squares of the relative misses.

    (2 (n - 1) / n G / β + 2 (n - 1) latency) / t is linear in 1/β and the latency, and should be 1.

    Parameters
    ----------
    sizes : sequence of float
        G, in B.
    times : array, shape (sizes, rounds)
        t, in s.
    processes : int
        n.

    Returns
    -------
    array, shape (2, rounds)
        Latency in s and bandwidth in B/s.

    Examples
    --------
    >>> times = [[allreduce_time(size, 2, 1e9, 1e-6)] for size in (1e3, 1e6)]
    >>> [[float(f"{value:.6g}") for value in row] for row in fit_link([1e3, 1e6], times, 2)]
    [[1e-06], [1000000000.0]]
    """
    found = []
    for column in np.transpose(times):
        per_byte = [allreduce_time(size, processes, 1.0) for size in sizes] / column
        per_latency = np.full(len(column), allreduce_time(0.0, processes, 1.0, 1.0)) / column
        rates = np.transpose([per_latency, per_byte])
        latency, inverse = np.linalg.lstsq(rates, np.ones(len(column)))[0]
        found.append((latency, 1 / inverse))
    return np.transpose(found)


# What follows runs on the engines.


class Job(NamedTuple):
    """Something that the processes of a communicator do at the same time."""

    comm: object
    operation: object


class Timed(NamedTuple):
    """A job by its name, with passes of a timing: what a `Conductor` times."""

    name: object
    passes: int = 1
    inner: int = 1


class Conductor(Stopwatch):
    """A stopwatch on rank 0 for jobs that several processes do.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        Of all processes; the others run `serve`.
    jobs : dict
        Each `Job` by its name, the same names on all.
    limit : float
        As of `Stopwatch`.
    """

    def __init__(self, comm, jobs, limit):
        super().__init__(limit, reading=self._reading)
        self.comm, self.jobs = comm, jobs

    def seconds(self, task):
        """Time a job once, in s for one pass of its slowest process."""
        self._ask(task.name, task.passes)
        return _time(self.jobs[task.name], task.passes)

    def _reading(self):
        self._ask(LOAD)
        return _load(self.comm)

    def end(self):
        """Let the others go."""
        self._ask(END)

    def _ask(self, name, passes=0):
        for rank in range(1, self.comm.size):
            self.comm.send((name, passes), dest=rank)


def serve(comm, jobs):
    """Do what rank 0 asks for, and sleep meanwhile: to wait awake would keep a core busy."""
    while True:
        while not comm.Iprobe(source=0):
            time.sleep(NAP)
        name, passes = comm.recv(source=0)
        if name == END:
            return
        if name == LOAD:
            _load(comm)
        elif name in jobs:
            _time(jobs[name], passes)


def _time(job, passes):
    from mpi4py import MPI

    if passes > 1:
        job.operation()
    job.comm.Barrier()
    start = time.perf_counter()
    for _ in range(passes):
        job.operation()
    return job.comm.allreduce(time.perf_counter() - start, op=MPI.MAX) / passes


def _load(comm):
    """The load of all hosts together: on each, one process reads it."""
    from mpi4py import MPI

    host = MPI.Get_processor_name()
    mine = load.reading()
    every = comm.gather((host, mine))
    if comm.rank:
        return None
    hosts = dict(reversed(every))  # the first of each
    return load.Reading(
        sum(reading.busy for reading in hosts.values()),
        sum(reading.total for reading in hosts.values()),
        sum(reading.own for _, reading in every),
        max(reading.held for reading in hosts.values()),
    )


def _conduct(comm, jobs, seconds, limit, words):
    """On rank 0 the `Rounds` of jobs; on the others None."""
    comm = comm.Dup()  # what is asked does not mix with what the jobs send
    try:
        if comm.rank:
            return serve(comm, jobs)
        watch, last = Conductor(comm, jobs, limit), [-math.inf]
        start = watch.now()

        def progress(share, words):
            if watch.now() - last[0] > 0.2:
                last[0] = watch.now()
                report(share, words)

        tasks = {name: watch.long_enough(Timed(name)) for name in jobs}
        rounds = watch.rounds(tasks, seconds - (watch.now() - start), 9, progress, words)
        watch.end()
        return rounds
    finally:
        comm.Free()


def _groups(comm):
    """For each number of processes its communicator; None on those that are not in it."""
    from mpi4py import MPI

    groups = {1: MPI.COMM_SELF if comm.rank == 0 else None}
    for n in counts(comm.size):
        made = comm.Split(0 if comm.rank < n else MPI.UNDEFINED)
        groups[n] = None if made == MPI.COMM_NULL else made
    return groups


def _jobs(groups, operations):
    """The jobs of this rank: (processes, what) by name; rank 0 has them all."""
    return {
        name: Job(groups[name[0]], operation)
        for name, operation in operations.items()
        if groups[name[0]] is not None
    }


def _reductions(comm, sizes, seconds, limit):
    groups = _groups(comm)
    numbers = np.zeros(max(sizes) // 4, np.float32)
    operations = {
        (n, size): partial(training.add_up, groups[n], numbers[: size // 4])
        for n in counts(comm.size)
        for size in sizes
    }
    rounds = _conduct(comm, _jobs(groups, operations), seconds, limit, "all-reduce")
    if rounds is None:
        return None
    links = []
    for n in counts(comm.size):
        fits = [rounds.of(partial(_fitted, sizes, n, part)) for part in (0, 1)]
        if any(fit.known and not fit.low > 0 for fit in fits):
            fits = [unknown("the times do not grow with the size as in the model")] * 2
        links.append(Link(n, *fits))
    return tuple(Reduction(*name, rounds.seconds(name)) for name in operations), tuple(links)


def _fitted(sizes, n, part, times):
    return fit_link(sizes, [times[n, size] for size in sizes], n)[part]


def _steps(comm, links, batches, seconds, limit):
    groups, operations, cases = _groups(comm), {}, []
    for name, build in training.BUILD.items():
        network = build()
        for n, batch in itertools.product(counts(comm.size), batches):
            for size in (n * batch, batch):
                # Rate 0: all is computed, and the numbers stay alike from round to round.
                images = training.examples(size, seed=comm.rank)
                one = partial(training.step, network, *images, rate=0.0)
                operations[1, name, size] = one
            operations[n, name, batch, "together"] = one
            operations[n, name, batch, "step"] = partial(one, comm=groups[n])
            cases.append((name, network.weights.size, n, batch))
    rounds = _conduct(comm, _jobs(groups, operations), seconds, limit, "steps")
    if rounds is None:
        return None
    by_count = {link.processes: link for link in links}
    return tuple(_step(rounds, by_count[case[2]], *case) for case in cases)


def _step(rounds, link, name, parameters, n, batch):
    whole, alone = (1, name, n * batch), (1, name, batch)
    together, step = ((n, name, batch, what) for what in ("together", "step"))
    modelled = unknown(link.why, link.latency.rounds, link.latency.others)
    if not link.why:
        reduce = allreduce_time(4 * parameters, n, link.bandwidth.value, link.latency.value)
        modelled = rounds.of(lambda times: times[whole] / (times[alone] + reduce))
    times = map(rounds.seconds, (whole, alone, together, step))
    speedup = rounds.of(lambda times: times[whole] / times[step])
    return Step(name, parameters, n, batch, *times, modelled, speedup)
