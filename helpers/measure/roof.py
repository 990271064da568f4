"""The roofs of this machine, β and π, and tasks below them: predicted, and against the stopwatch.

Methods, beside that of `helpers.measure.watch`:

- **β** by the size of the working set: copy (c = a), add (c = a + b) and read (a · b) of FP64
  vectors; shared by threads of our own, each with its part.
- **π** by matrix products of 2048 x 2048 (1024 on a slow machine), with so many threads of the BLAS
  library.
- **The roofline**: β is that of read, the one kernel whose traffic leaves no doubt, at a set that
  no cache holds; π is that of the FP32 product. Both are timed in the same rounds as the tasks, so
  that the share of the roof is a quotient within a round. What a step is predicted to take is the
  longer of flop/π and bytes/β, write-allocate included; steps one after the other add up.
"""

from typing import NamedTuple

import numpy as np

from helpers.measure import kernels, load
from helpers.measure.library import blas
from helpers.measure.machine import caches, usable_threads
from helpers.measure.watch import (
    Measured,
    Stopwatch,
    thread_counts,
    unknown,
)
from helpers.pipeline import chunked_time
from helpers.ranges import COUNT, between, checked
from helpers.words import si

SIZES = tuple(2**power for power in range(14, 29))  # 16 KiB to 256 MiB
BATCHES = (1, 4, 16, 64, 256, 1024, 4096)
LARGEST = 3 * 2**28  # B of all arrays of a measurement together
BEYOND = 1.4  # a set so many times the last cache is no longer the cache's business
CALL = 0.1  # share of a time that the call itself may take
MOST_ROUNDS = 9
WIDTH = 4096


class Bandwidth(NamedTuple):
    """How fast an operation moves data.

    Attributes
    ----------
    operation : str
        "copy", "add" or "read".
    threads : int
    size : int
        Bytes of all arrays, the working set.
    useful, moved : int
        Bytes of a pass, without and with write-allocate.
    seconds : Measured
        Time of a pass.
    """

    operation: str
    threads: int
    size: int
    useful: int
    moved: int
    seconds: Measured

    @property
    def rate(self):
        """Bytes moved in a second, write-allocate included: β as this operation sees it."""
        return self.moved / self.seconds.value

    @property
    def useful_rate(self):
        """Bytes of the operands in a second."""
        return self.useful / self.seconds.value


class Peak(NamedTuple):
    """How fast a matrix product of some precision computes.

    Attributes
    ----------
    precision : str
        "FP32" or "FP64".
    threads : int
    size : int
        Rows and columns of the matrices.
    flops : int
    seconds : Measured
    """

    precision: str
    threads: int
    size: int
    flops: int
    seconds: Measured

    @property
    def rate(self):
        """Flop in a second: π, as far as this library reaches it."""
        return self.flops / self.seconds.value


class Point(NamedTuple):
    """A task below the roofs.

    Attributes
    ----------
    name : str
    threads : int
    flops, useful, moved, size : int
        As of a `Task`, of all its steps.
    predicted : Measured
        Time by the roofline, from the roofs of the same rounds, in s.
    seconds : Measured
        Time by the stopwatch, in s.
    share : Measured
        Predicted / measured time: the share of the roof that was reached.
    reason : str
        Likely reason why they differ; empty if they do not, by 10 %, or nothing is known.
    """

    name: str
    threads: int
    flops: int
    useful: int
    moved: int
    size: int
    predicted: Measured
    seconds: Measured
    share: Measured
    reason: str

    @property
    def intensity(self):
        """Flop for each byte moved, in flop/B."""
        return self.flops / self.moved

    @property
    def rate(self):
        """Flop in a second."""
        return self.flops / self.seconds.value


class Roofline(NamedTuple):
    """The roofs, π in flop/s and β in B/s, each `Measured`, and the points below them."""

    threads: int
    peak: Measured
    bandwidth: Measured
    points: tuple[Point, ...]


def bandwidths(
    threads=(1,), sizes=SIZES, operations=tuple(kernels.STREAMS), *, seconds=12.0, **how
):
    """Measure β by the size of the working set.

    Parameters
    ----------
    threads : sequence of int
        Counts of threads; each measures all sizes.
    sizes : sequence of int
        Bytes of all arrays of an operation together, from 4 KiB to 1 GiB.
    operations : sequence of str
        Of "copy", "add" and "read".
    seconds : float
        Time to use, about.
    **how
        `watch`, a `Stopwatch`, and `progress`, as of `Stopwatch.rounds`.

    Returns
    -------
    tuple of Bandwidth
        Without result where the call itself takes more than a tenth of the time, and where too
        little memory is free.
    """
    watch, progress, start = _how(**how)
    sizes = [int(size) for size in checked("sizes", sizes, between(2**12, 2**30, "B", whole=True))]
    counts = _threads(threads)
    for operation in operations:
        _one_of("operations", operation, kernels.STREAMS)
    room = _room()
    vectors = kernels.arrays(3, min(max(sizes), max(room, 2**12)) // 16)
    found = {}
    for index, count in enumerate(counts):
        tasks, calls = {}, _calls(watch, count)
        for size in (size for size in sizes if size <= room):
            for operation in operations:
                numbers = size // (24 if operation == "add" else 16) // 8 * 8
                if numbers >= 8 * count:
                    task = kernels.STREAMS[operation]([v[:numbers] for v in vectors], count)
                    tasks[operation, count, size] = watch.long_enough(task)
        rounds = watch.rounds(
            tasks,
            seconds * (index + 1) / len(counts) - (watch.now() - start),
            MOST_ROUNDS,
            _part(progress, index, len(counts)),
            f"β with {_count(count, 'thread')}",
        )
        for key, task in tasks.items():
            took = _without(rounds, key, calls[key[0]])
            found[key] = Bandwidth(*key, task.useful, task.moved, took)
    lacking = unknown(f"too large: {si(room, 'B')} of memory may be used")
    return tuple(
        found.get((operation, count, size))
        or Bandwidth(operation, count, size, *_counted(operation, size), lacking)
        for count in counts
        for operation in operations
        for size in sizes
    )


def _calls(watch, threads):
    """What a call of each operation takes that has next to nothing to do, in s."""
    few = kernels.arrays(3, 8 * threads)
    tasks = {name: make(few, threads) for name, make in kernels.STREAMS.items()}
    tasks = {name: watch.long_enough(task) for name, task in tasks.items()}
    return {name: min(watch.seconds(task) for _ in range(3)) for name, task in tasks.items()}


def _without(rounds, key, call):
    """The time of a task, or no result if too much of it is the call."""
    took = rounds.seconds(key)
    if took.known and call > CALL * took.value:
        share = f"{min(1, call / took.value):.0%}".replace("%", " %")
        return unknown(
            f"too short: {share} of the time is the call itself", took.rounds, took.others
        )
    return took


def _counted(operation, size):
    """Useful and moved bytes of an operation that was not run."""
    third = size // 24 // 8 * 64
    half = size // 16 // 8 * 64
    return {"copy": (2 * half, 3 * half), "add": (3 * third, 4 * third), "read": (2 * half,) * 2}[
        operation
    ]


def peaks(threads=None, size=None, precisions=("FP32", "FP64"), *, seconds=8.0, **how):
    """Measure π by matrix products.

    Parameters
    ----------
    threads : sequence of int, optional
        Counts of threads of the BLAS library; 1, 2, 4, ... and all usable ones if None.
    size : int, optional
        Rows and columns, from 16 to 8192; 2048, on a slow machine 1024, if None.
    precisions : sequence of str
        Of "FP32" and "FP64".
    seconds, **how
        As of `bandwidths`.

    Returns
    -------
    tuple of Peak
    """
    watch, progress, start = _how(**how)
    counts = _threads(thread_counts(usable_threads()) if threads is None else threads)
    size = _square(watch, 1) if size is None else size
    size = int(checked("size", size, between(16, 8192, whole=True)))
    for precision in precisions:
        _one_of("precisions", precision, kernels.BYTES)
    if not blas():
        silent = "the BLAS library does not say how many threads it uses"
        stuck = unknown(load.hindrance() or silent)
        return tuple(Peak(p, n, size, 2 * size**3, stuck) for p in precisions for n in counts)
    made = {precision: kernels.product(size, size, size, precision) for precision in precisions}
    tasks = {
        (precision, count): watch.long_enough(task._replace(blas=count))
        for precision, task in made.items()
        for count in counts
    }
    rounds = watch.rounds(tasks, seconds - (watch.now() - start), MOST_ROUNDS, progress, "π")
    return tuple(Peak(*key, size, task.flops, rounds.seconds(key)) for key, task in tasks.items())


def _square(watch, threads):
    """Rows and columns of the product that π is measured by."""
    small = kernels.product(1024, 1024, 1024, threads=threads)
    return 2048 if min(watch.seconds(small) for _ in range(2)) < 0.06 else 1024


def roofline(threads=None, batches=BATCHES, width=WIDTH, pictures=8, *, seconds=20.0, **how):
    """Measure the roofs of this machine, and tasks below them against what the roofs predict.

    The tasks, all FP32: relu (element by element) and a dot product of vectors that no cache
    holds (β is timed by a dot product in FP64: this point checks the method, not the model); a
    fully connected layer at each batch; a 3x3 convolution of ResNet-50, of 64 channels of 56 x 56,
    as a copy and a matrix product, predicted once as if it moved each number once and once as what
    is done.

    Parameters
    ----------
    threads : int, optional
        All usable ones if None.
    batches : sequence of int
        From 1 to 4096. One that would take over a second and a half is left out, with the reason.
    width : int
        Inputs and outputs of the layer, from 16 to 8192.
    pictures : int
        Batch of the convolution, from 1 to 64.
    seconds, **how
        As of `bandwidths`.

    Returns
    -------
    Roofline
    """
    watch, progress, start = _how(**how)
    (count,) = _threads([usable_threads() if threads is None else threads])
    batches = [int(b) for b in checked("batches", batches, between(1, 4096, whole=True))]
    width = int(checked("width", width, between(16, 8192, whole=True)))
    pictures = int(checked("pictures", pictures, between(1, 64, whole=True)))
    last = caches()[1]
    size = int(min(max(2**27, BEYOND * last), _room(), LARGEST * 2 // 3)) // 4096 * 4096
    streams = kernels.arrays(2, size // 16)
    singles = [vector.view(np.float32) for vector in streams]
    side = _square(watch, count)
    square = kernels.product(side, side, side, threads=count)
    direct, copying, product = kernels.convolution(pictures, threads=count)
    tasks = {
        "β": kernels.read(streams, count),
        "π": square,
        "relu": kernels.relu(singles, count),
        "dot product": kernels.dot(singles, count),
        "convolution": direct,
    }
    pace = square.flops / watch.seconds(square)
    layers, slow = kernels.layers(batches, width, count), {}
    for batch, task in layers.items():
        name = f"fully connected, batch {batch}"
        if task.flops / pace > 1.5:
            slow[name] = task
        else:
            tasks[name] = task
    tasks = {name: watch.long_enough(task) for name, task in tasks.items()}
    rounds = watch.rounds(
        tasks, seconds - (watch.now() - start), MOST_ROUNDS, progress, "the roofline"
    )
    rates = {
        "β": lambda times: tasks["β"].moved / times["β"],
        "π": lambda times: square.flops / times["π"],
    }
    peak, beta = (rounds.of(rates[name]) for name in "πβ")
    if size < BEYOND * last:
        share = f"{size / last:.1f} times the last cache of {si(last, 'B')}"
        beta = unknown(f"too small: the memory to use is {share}", beta.rounds, beta.others)
    points = []
    for name, task in list(tasks.items())[2:]:
        points.append(_point(name, count, [task], task, rounds, rates, beta, last))
        if name == "convolution":
            points[-1] = points[-1]._replace(name="convolution, as if direct")
            steps = [copying, product]
            whole = task._replace(
                useful=sum(step.useful for step in steps),
                allocated=sum(step.allocated for step in steps),
            )
            points.append(_point(name, count, steps, whole, rounds, rates, beta, last))
            points[-1] = points[-1]._replace(name="convolution, copied and multiplied")
    for name, task in slow.items():
        why = unknown(f"too slow: {task.flops / pace:.1f} s for a single time")
        counts = (task.flops, task.useful, task.moved, task.size)
        points.append(Point(name, count, *counts, why, why, why, ""))
    return Roofline(count, peak, beta, tuple(points))


def _point(name, count, steps, task, rounds, rates, beta, last):
    """A `Point`: its steps one after the other, each predicted by the roofs of its round."""

    def predicted(times):
        peak, bandwidth = rates["π"](times), rates["β"](times)
        return sum(np.maximum(step.flops / peak, step.moved / bandwidth) for step in steps)

    def in_turns(times):
        peak, bandwidth = rates["π"](times), rates["β"](times)
        loading = sum(step.moved for step in steps) / bandwidth
        return chunked_time.formula(loading, task.flops / peak, 1)

    took = rounds.seconds(name)
    guess, share = rounds.of(predicted), rounds.of(lambda times: predicted(times) / times[name])
    turns = rounds.of(lambda times: in_turns(times) / times[name])
    if not beta.known:
        guess = share = turns = unknown(f"β is not known: {beta.why}")
    reason = _reason(task, took, share, turns, len(steps), last)
    counts = (task.flops, task.useful, task.moved, task.size)
    return Point(name, count, *counts, guess, took, share, reason)


def _reason(task, took, share, turns, steps, last):
    """The likely reason why a time is not the predicted one, by simple rules in their order."""
    if not (took.known and share.known) or abs(share.value - 1) <= 0.1:
        return ""
    if share.value > 1:
        if task.size < last:
            return f"its {si(task.size, 'B')} may stay in part in the last cache, which is faster"
        if task.allocated and share.value * task.useful / task.moved <= 1.1:
            return (
                "stores need no load before them, or memory reads and writes at once: β is that of "
                "reading"
            )
        return "a part stays in a cache from pass to pass, or a roof is higher than measured here"
    if took.value < 2e-5:
        return "so short that the call itself counts"
    if task.size > 2 * task.moved:
        return "it moves more than was counted: it is copied before it is multiplied"
    if steps > 1:
        return "the copy moves short runs of numbers, slower than β, which is that of long ones"
    if turns.known and 0.9 <= turns.value <= 1.1:
        return "as slow as if loading and computing took turns"
    if task.flops > task.useful:  # a matrix product
        return "the library copies blocks of the matrices before it multiplies them: more bytes"
    return "unknown"


def _how(watch=None, progress=None):
    watch = watch or Stopwatch()
    return watch, progress, watch.now()


def _part(progress, index, parts):
    """Progress of one of equal parts."""
    return progress and (lambda share, words: progress((index + share) / parts, words))


def _room():
    """Bytes that the arrays of one measurement may take."""
    return int(min(LARGEST, load.memory_limit() / 3)) // 4096 * 4096


def _threads(counts):
    counts = np.atleast_1d(checked("threads", counts, COUNT))
    most = usable_threads()
    if counts.max() > most:
        raise ValueError(f"threads must be from 1 to {most} on this machine, got {counts.max():g}")
    return [int(count) for count in counts]


def _one_of(name, value, allowed):
    if value not in allowed:
        raise ValueError(f"{name} must be of {', '.join(allowed)}, got {value!r}")


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"
