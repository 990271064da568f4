"""Pipelining: one formula from "the units take turns" to "the units overlap perfectly".

A job that needs `load` seconds of loading and `compute` seconds of computing is cut into n equal
chunks. While one chunk is computed, the next is loaded. Then the job takes

    t = max(load, compute) + min(load, compute) / n.

One chunk gives the sum (Amdahl's law), ever more chunks give the maximum (the roofline).
With x = I β / π = compute / load, the intensity in units of the ridge, everything else
follows. Symbols, units and ranges are those of `helpers.notation`; all functions take scalars or
arrays that broadcast together, `schedule` takes scalars.
"""

import math
from typing import NamedTuple

import numpy as np

from helpers.notation import model
from helpers.ranges import NOT_NEGATIVE, POSITIVE_OR_INFINITE


@model
def chunked_time(load, compute, chunks, store=0.0):
    """Time of a job in n chunks, t = (sum + (n - 1) max) / n over its stages, in s.

    For two stages this is max(load, compute) + min(load, compute) / n. Infinitely many chunks
    give perfect overlap.

    Source: Derived with SymPy in notebook 05: the first chunk fills the pipeline, and every
    further one adds the time of the slowest stage. `schedule` agrees with it, event by event.

    >>> chunked_time(4, 6, chunks=1), chunked_time(4, 6, chunks=4), chunked_time(4, 6, math.inf)
    (10.0, 7.0, 6.0)
    """
    if not np.ndim(store) and store == 0:  # one expression: NumPy then reuses its arrays
        return np.maximum(load, compute) + np.minimum(load, compute) / chunks
    longer, shorter = np.maximum(load, compute), np.minimum(load, compute)
    # Of three times the two that are not the longest; a difference would lose digits.
    return np.maximum(longer, store) + (shorter + np.minimum(longer, store)) / chunks


@model
def buffered_time(load, compute, chunks, store=0.0, buffers=math.inf):
    """Time of a job in n chunks on a machine that holds b of them at a time, in s.

    With fewer buffers than stages, a load also waits until the chunk b before it has left.

    Source: The longest chain of stages that wait for one another: from chunk to chunk in the
    slowest unit, or from the last stage of a chunk to the load of the chunk b later. `schedule`
    agrees with it.

    >>> [buffered_time(4, 6, 4, buffers=buffers) for buffers in (1, 2, 3)]
    [10.0, 7.0, 7.0]
    >>> [buffered_time(4, 6, 4, 4, buffers) for buffers in (1, 2, 3)]
    [14.0, 8.5, 8.0]
    """
    total = load + compute + store
    slowest = np.maximum(np.maximum(load, compute), store)
    n = np.where(np.isinf(chunks), 1, chunks)
    waits = (n - 1) // buffers  # how often a load can have waited in a row
    waiting = ((waits + 1) * total + (n - 1 - waits * np.where(waits, buffers, 1)) * slowest) / n
    waiting = np.where(np.isinf(chunks), total / buffers, waiting)
    return np.maximum(chunked_time.formula(load, compute, chunks, store), waiting)


@model(intensity=POSITIVE_OR_INFINITE)  # at 0 a flop would load for ever
def chunked_performance(intensity, peak, bandwidth, chunks):
    """Performance of a task in n chunks, in flop/s: from π p (n = 1) to min(π, β I), the roofline.

    Source: Derived with SymPy in notebook 05: one flop needs 1 / π of computing and 1 / (β I) of
    loading, put into `chunked_time`.

    >>> chunked_performance(2, peak=8, bandwidth=4, chunks=[1, 2, math.inf]).round(2).tolist()
    [4.0, 5.33, 8.0]
    """
    load, compute = 1 / (bandwidth * intensity), 1 / peak
    return 1 / chunked_time.formula(load, compute, chunks)


@model
def overlap_gain(balance):
    """Gain of perfect overlap over taking turns, 1 + min(x, 1 / x): at most 2, at the ridge.

    Source: Derived with SymPy in notebook 05.

    >>> overlap_gain([0.25, 1, 4]).tolist()
    [1.25, 2.0, 1.25]
    """
    with np.errstate(divide="ignore"):  # x = 0: min(0, infinity) = 0
        return 1 + np.minimum(balance, 1 / balance)


@model(balance=NOT_NEGATIVE)
def pipelined_speedup(balance, s, chunks=math.inf):
    """Speed-up of a pipelined task when its compute unit becomes s times as fast.

    S = t(x) / t(x / s) with t(x) = max(1, x) + min(1, x) / n, where x is the balance before the
    speed-up. With perfect overlap that is max(1, x) / max(1, x / s): min(s, x) for x >= 1 and
    s >= 1, and 1 for x <= 1 and s >= 1. One chunk gives Amdahl's law with p = x / (1 + x).

    Source: Derived with SymPy in notebook 05.

    >>> pipelined_speedup(4, [2, 4, 100]).tolist(), pipelined_speedup(0.5, 100)
    ([2.0, 4.0, 4.0], 1.0)
    """
    return chunked_time.formula(1.0, balance, chunks) / chunked_time.formula(
        1.0, balance / s, chunks
    )


@model(balance=NOT_NEGATIVE)
def speedup_over_serial(balance, s, chunks=math.inf):
    """Speed-up over the *serial* original: faster compute unit and pipelining together.

    S = (1 + x) / t(x / s) with t(x) = max(1, x) + min(1, x) / n. With perfect overlap the ceiling
    1 + x = 1 / (1 - p) is reached at s = x, and never passed.

    Source: Derived with SymPy in notebook 05.

    >>> speedup_over_serial(9, [1, 9, 1000]).round(2).tolist()
    [1.11, 10.0, 10.0]
    """
    return (1 + balance) / chunked_time.formula(1.0, balance / s, chunks)


class Step(NamedTuple):
    """One chunk in one unit: which unit, which chunk (from 0), and from when to when, in s."""

    unit: str
    chunk: int
    start: float
    end: float


UNITS = ("load", "compute", "store")


@model
def schedule(load, compute, chunks, store=0.0, buffers=math.inf):
    """Simulate the pipeline event by event: when each unit works on each chunk.

    Each unit takes the chunks in order, one at a time. A chunk is computed once it is loaded and
    stored once it is computed. It occupies one buffer from the start of its load to the end of
    its last stage; a load waits for a free buffer. All arguments are single numbers, and the counts
    of chunks and buffers are whole (infinitely many buffers are allowed).

    Returns
    -------
    list of Step
        In the order of chunks; units whose time is 0 are left out.

    Raises
    ------
    ValueError
        If an argument is outside its range or no single number, or a count is not whole.

    >>> for step in schedule(load=2, compute=4, chunks=2):
    ...     print(*step)
    load 0 0.0 1.0
    compute 0 1.0 3.0
    load 1 1.0 2.0
    compute 1 3.0 5.0
    """
    arguments = dict(load=load, compute=compute, chunks=chunks, store=store, buffers=buffers)
    for name, argument in arguments.items():
        if np.ndim(argument):
            raise ValueError(
                f"{name}: a schedule takes single numbers, got an array of shape {argument.shape}"
            )
    load, compute, chunks, store, buffers = map(float, arguments.values())
    if not chunks.is_integer():
        raise ValueError(f"chunks must be a whole number, got {chunks}")
    if not (buffers.is_integer() or math.isinf(buffers)):
        raise ValueError(f"buffers must be a whole number or infinite, got {buffers}")
    totals = dict(zip(UNITS, (load, compute, store), strict=True))
    times = {unit: total / chunks for unit, total in totals.items() if total > 0}
    steps, free_at, released = [], dict.fromkeys(times, 0.0), []
    for chunk in range(int(chunks)):
        # The chunk waits until the one that used its buffer before has left the machine.
        ready = released[chunk - int(buffers)] if chunk >= buffers else 0.0
        for unit, time in times.items():
            start = max(ready, free_at[unit])
            ready = free_at[unit] = start + time
            steps.append(Step(unit, chunk, start, ready))
        released.append(ready)
    return steps
