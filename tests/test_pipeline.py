"""Pipelining against hand calculations, limits, and an event-by-event simulation."""

import math
from itertools import pairwise, product

import numpy as np
import pytest

from helpers.amdahl import compute_fraction, limit, speedup
from helpers.pipeline import (
    buffered_time,
    chunked_performance,
    chunked_time,
    overlap_gain,
    pipelined_speedup,
    schedule,
    speedup_over_serial,
)
from helpers.roofline import attainable

X = np.array([0, 0.1, 0.5, 1, 2, 9, 100])


def _end(steps):
    return max(step.end for step in steps)


@pytest.mark.parametrize(
    ("load", "compute", "chunks", "expected"),
    [
        (4, 6, 1, 10),  # taking turns: 4 + 6
        (4, 6, 2, 8),  # 6 + 4/2
        (4, 6, 4, 7),  # 6 + 4/4
        (6, 4, 4, 7),  # the other way round
        (4, 6, math.inf, 6),  # perfect overlap
        (5, 5, 5, 6),  # equal: 5 + 1
        (0, 6, 3, 6),  # nothing to load
    ],
)
def test_chunked_time_matches_hand_calculation(load, compute, chunks, expected):
    assert chunked_time(load, compute, chunks) == pytest.approx(expected, rel=1e-15)


def test_chunked_time_with_a_store():
    # chunks of 1, 2 and 1.5: the first takes 4.5, each of the 3 others adds the slowest, 2
    assert chunked_time(4, 8, 4, store=6) == 4.5 + 3 * 2


def test_simulation_agrees_with_the_closed_form():
    for seed in range(300):
        random = np.random.default_rng(seed)
        load, compute, store = random.exponential(1.0, 3) * (random.random(3) > 0.2)
        chunks = int(random.integers(1, 60))
        expected = pytest.approx(chunked_time(load, compute, chunks, store), rel=1e-12)
        steps = schedule(load, compute, chunks, store)
        assert not steps or _end(steps) == expected, seed


def _overlap(steps):
    """Whether one of the steps begins before the one in front of it has ended."""
    return any(a.end > b.start for a, b in pairwise(steps))


def test_simulation_keeps_its_promises():
    for seed in range(50):
        random = np.random.default_rng(seed)
        load, compute, store = random.exponential(1.0, 3)
        chunks, buffers = int(random.integers(1, 20)), int(random.integers(1, 5))
        steps = schedule(load, compute, chunks, store, buffers)
        assert len(steps) == 3 * chunks, seed
        for unit in ("load", "compute", "store"):
            mine = [step for step in steps if step.unit == unit]
            assert [step.chunk for step in mine] == list(range(chunks)), seed
            assert not _overlap(mine), seed  # one at a time
        for chunk in range(chunks):
            assert not _overlap([step for step in steps if step.chunk == chunk]), seed
        lives = [(s.start, e.end) for s, e in zip(steps[::3], steps[2::3], strict=True)]
        for begin, _ in lives:  # never more chunks in the machine than buffers
            assert sum(start <= begin < end for start, end in lives) <= buffers, seed


def test_one_buffer_allows_no_overlap_and_a_buffer_for_each_unit_is_enough():
    assert _end(schedule(4, 6, chunks=8, buffers=1)) == pytest.approx(10)
    assert _end(schedule(4, 6, chunks=8, buffers=2)) == pytest.approx(chunked_time(4, 6, 8))
    three = dict(load=4, compute=6, chunks=8, store=5)
    assert _end(schedule(**three, buffers=3)) == pytest.approx(chunked_time(**three))
    assert _end(schedule(**three, buffers=2)) > chunked_time(**three) + 0.1


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (dict(chunks=2.5), "chunks must be a whole number, got 2.5"),
        (dict(chunks=math.inf), "chunks must be a whole number, got inf"),
        (dict(buffers=1.5), "buffers must be a whole number or infinite, got 1.5"),
        (dict(load=[1, 2]), "a schedule takes single numbers"),
    ],
)
def test_schedule_refuses_what_cannot_be_simulated(bad, words):
    with pytest.raises(ValueError, match=words):
        schedule(**{**dict(load=1, compute=1, chunks=2), **bad})


def test_performance_runs_from_amdahl_to_the_roofline():
    intensity, machine = np.geomspace(0.01, 100, 31), (8.0, 4.0)
    serial = machine[0] * compute_fraction(intensity, *machine)  # pi p
    np.testing.assert_allclose(chunked_performance(intensity, *machine, 1), serial)
    roof = attainable(intensity, *machine)
    np.testing.assert_allclose(chunked_performance(intensity, *machine, math.inf), roof)
    between = chunked_performance(intensity, *machine, 4)
    assert ((serial < between) & (between < roof)).all()
    assert chunked_performance(math.inf, *machine, 4) == 8


def test_overlap_gain_is_roof_over_serial_and_at_most_two():
    intensity = np.geomspace(0.01, 100, 31)
    roof = attainable(intensity, 1, 1)
    serial = chunked_performance(intensity, 1, 1, 1)
    np.testing.assert_allclose(overlap_gain(intensity), roof / serial)
    assert overlap_gain(1) == 2
    assert overlap_gain([0, math.inf]).tolist() == [1, 1]
    # n chunks reach 2 n / (n + 1) of it at the ridge
    assert chunked_performance(1, 1, 1, 4) / 0.5 == pytest.approx(8 / 5)


@pytest.mark.parametrize(
    ("x", "s", "expected"),
    [
        (4, 2, 2),  # compute-bound: the whole factor
        (4, 4, 4),  # up to s = x
        (4, 100, 4),  # and no further
        (4, 0.5, 0.5),  # half as fast a unit takes twice as long
        (0.5, 100, 1),  # memory-bound: nothing
        (0.5, 0.25, 0.5),  # slowed until it binds: 1 / max(1, 2)
        (0, 7, 1),
    ],
)
def test_pipelined_speedup_matches_hand_calculation(x, s, expected):
    assert pipelined_speedup(x, s) == expected


def test_one_chunk_is_amdahls_law():
    p, s = X / (1 + X), 7.0
    np.testing.assert_allclose(pipelined_speedup(X, s, chunks=1), speedup(p, s))
    np.testing.assert_allclose(speedup_over_serial(X, s, chunks=1), speedup(p, s))


def test_the_ceiling_is_reached_at_s_equal_x_and_never_lifted():
    x = X[X >= 1]
    np.testing.assert_allclose(speedup_over_serial(x, x), 1 + x)
    np.testing.assert_allclose(speedup_over_serial(x, math.inf), 1 + x)
    np.testing.assert_allclose(limit(x / (1 + x)), 1 + x)
    for chunks in (1, 3, math.inf):
        assert (
            speedup_over_serial(X[:, None], np.geomspace(0.1, 1e6, 50), chunks)
            <= 1 + X[:, None] + 1e-9
        ).all()
    assert speedup_over_serial(9, 8.9) < 10 - 0.01


def test_more_chunks_never_take_longer():
    times = chunked_time(3.0, 5.0, np.arange(1, 50))
    assert (np.diff(times) < 0).all()
    assert times[-1] > 5


@pytest.mark.parametrize("buffers", [1, 2, 3, math.inf])
def test_buffered_time_agrees_with_the_simulation(buffers):
    grid = product((0.3, 1), (0, 0.05, 1, 10), (1, 2, 3, 5, 32), (0, 0.1, 1, 3))
    for load, compute, chunks, store in grid:
        end = _end(schedule(load, compute, chunks, store, buffers))
        found = buffered_time(load, compute, chunks, store, buffers)
        assert found == pytest.approx(end, rel=1e-9), (load, compute, chunks, store)


def test_buffered_time_of_ever_smaller_chunks():
    # Two buffers pass two chunks in the time of all three stages; three pass one in the slowest.
    assert buffered_time([1, 4], 4, math.inf, 4, buffers=2).tolist() == [4.5, 6]
    assert buffered_time(1, 4, math.inf, 4, buffers=3) == 4
