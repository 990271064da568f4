"""Measurements: counts, units, noise and records. No test here times anything.

Clocks are planted: they go on only when a task says so, and the numbers to be found are known.
"""

import importlib
import json
import math
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from helpers import networks, pipeline
from helpers.measure import kernels, library, load, overlap, parts, roof, watch
from helpers.measure import machine as machines
from helpers.measure import record as records
from helpers.measure.load import Reading
from helpers.measure.progress import Bar
from helpers.measure.record import (
    Record,
    load_record,
    measure_all,
    parse_record,
    save_record,
    shipped,
)
from helpers.measure.watch import Rounds, Stopwatch, Task

BETA, PI = 20e9, 100e9  # planted


class Clock:
    """A clock that stands still until something sleeps; others use a planted share of the cores."""

    def __init__(self, share=0.0):
        self.time, self.share = 0.0, share

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds

    def reading(self):
        return Reading(busy=self.share * 4 * self.time, total=4 * self.time, own=0.0)


class Planted(Stopwatch):
    """A stopwatch on a machine that reaches its roofs exactly; a call takes some time besides."""

    def __init__(self, share=0.0, call=0.0):
        self.clock, self.call = Clock(share), call
        super().__init__(now=self.clock.now, sleep=self.clock.sleep, reading=self.clock.reading)

    def seconds(self, task):
        task.operation()
        took = max(task.flops / PI, task.moved / BETA) + self.call / task.inner
        self.clock.sleep(max(took * task.passes * task.inner, 0.3))
        return took


# Quietness

STAT = """cpu  900 0 100 9000 0 0 0 0 0 0
cpu0 {} 10 20 1000 40 1 2 {} 5 0
cpu1 {} 10 20 1000 40 1 2 0 5 0
cpu2 7777 10 20 1000 40 1 2 0 5 0
intr 12 0
"""


@pytest.fixture
def stat(tmp_path, monkeypatch):
    """Write a faked /proc/stat, and read it: 100 ticks are a second; cores 0 and 1 are allowed."""
    monkeypatch.setattr("os.sysconf", {"SC_CLK_TCK": 100}.__getitem__)
    path = tmp_path / "stat"

    def read(first, steal, second, own):
        path.write_text(STAT.format(first, steal, second))
        return load.reading(path, cpus={0, 1}, own=lambda: own)

    return read


def test_the_load_of_the_allowed_cores_is_read(stat):
    # core 0: 100 + 10 + 20 + 1 + 2 + 7 busy, 1000 + 40 idle; core 1: 200 + 33, and as idle
    assert stat(100, 7, 200, own=1.5) == Reading(busy=3.73, total=3.73 + 20.8, own=1.5)


def test_others_are_what_is_busy_and_not_us(stat):
    before = stat(100, 0, 200, own=1.0)
    # In 2 s of two cores: 1 s more on core 0, 0.5 s stolen, 1 s on core 1, of which 1.5 s are ours.
    after = stat(200, 50, 300, own=2.5)
    after = after._replace(total=before.total + 4)
    assert load.others(before, after) == pytest.approx((2.5 - 1.5) / 4)


@pytest.mark.parametrize(
    ("busy", "total", "own", "expected"),
    [
        (1.0, 2.0, 1.0, 0.0),  # all of it was us
        (0.95, 2.0, 1.0, 0.0),  # a tick less than we used: ticks are coarse
        (2.0, 2.0, 0.0, 1.0),
        (0.0, 2.0, 1.0, math.nan),  # a box that hides even us
        (1.0, 0.0, 1.0, math.nan),  # no time has gone by
        (math.nan, math.nan, 1.0, math.nan),
    ],
)
def test_a_share_is_between_0_and_1_or_unknown(busy, total, own, expected):
    share = load.others(Reading(0, 0, 0), Reading(busy, total, own))
    assert share == pytest.approx(expected, nan_ok=True)


def test_where_nothing_is_told_the_load_is_unknown(tmp_path):
    assert math.isnan(load.reading(tmp_path / "missing", {0}, lambda: 1.0).busy)
    (tmp_path / "empty").write_text("cpu 1 2 3\nctxt 5\n")
    assert math.isnan(load.reading(tmp_path / "empty", {0}, lambda: 1.0).busy)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, math.inf),
        ({"cpu.max": "max 100000"}, math.inf),
        ({"cpu.max": "150000 100000"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
        ({"cpu/box/cpu.cfs_quota_us": "50000", "cpu/box/cpu.cfs_period_us": "100000"}, 0.5),
        ({"cpu.max": "400000 100000", "box/cpu.max": "200000 100000"}, 2.0),  # the tighter one
        ({"other/cpu.max": "100000 100000"}, math.inf),  # not ours
        ({"cpu.max": "garbage"}, math.inf),
    ],
)
def test_the_quota_of_control_groups(tmp_path, files, expected):
    groups, own = tmp_path / "groups", tmp_path / "own"
    own.write_text("4:cpu:/box\n0::/box\n")
    for name, text in files.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    assert load.quota(groups, own) == expected


def test_usable_cores_are_whole_and_at_least_one():
    assert load.Cores(8, 4, 2.5).usable == 2
    assert load.Cores(8, 4, 0.5).usable == 1
    assert load.Cores(8, 4, math.inf).usable == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [("nr_throttled 3\nthrottled_usec 2500000\n", 2.5), ("throttled_time 2500000000\n", 2.5)],
)
def test_the_time_that_a_container_was_held(tmp_path, text, expected):
    own = tmp_path / "own"
    own.write_text("0::/\n")
    assert load.throttled(tmp_path, own) is None
    (tmp_path / "cpu.stat").write_text(text)
    assert load.throttled(tmp_path, own) == expected


def test_the_memory_that_is_left(tmp_path):
    own, meminfo = tmp_path / "own", tmp_path / "meminfo"
    own.write_text("0::/\n")
    assert load.memory_limit(tmp_path, own, meminfo) == math.inf
    meminfo.write_text("MemTotal: 99 kB\nMemAvailable:    2000 kB\n")
    assert load.memory_limit(tmp_path, own, meminfo) == 2000 * 1024
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    assert load.memory_limit(tmp_path, own, meminfo) == 100_000


def test_caches_are_counted_once_for_those_who_share_them(tmp_path):
    for cpu in (0, 1):
        for index, (level, kind, size, who) in enumerate(
            [(1, "Data", "32K", cpu), (1, "Instruction", "64K", cpu), (3, "Unified", "4M", "0-1")]
        ):
            folder = tmp_path / f"cpu{cpu}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            for name, text in (("level", level), ("type", kind), ("size", size)):
                (folder / name).write_text(f"{text}\n")
            (folder / "shared_cpu_list").write_text(f"{who}\n")
    assert machines.caches(tmp_path) == ({"L1": 32 * 1024, "L3": 4 * 2**20}, 4 * 2**20)
    assert machines.caches(tmp_path / "missing") == ({}, 0)


def test_a_machine_that_tells_nothing_is_described_as_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr("platform.processor", str)
    monkeypatch.setattr("platform.system", lambda: "Plan 9")
    assert machines.cpu_model(tmp_path / "missing") == "unknown"


# The stopwatch


def test_a_timing_is_the_time_of_one_pass():
    clock = Clock()
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    task = Task(lambda: clock.sleep(6.0), passes=5, inner=3)
    assert stopwatch.seconds(task) == pytest.approx(2.0)


def test_idle_threads_of_the_library_are_waited_for_outside_the_timing():
    clock = Clock()
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    library, other = Task(lambda: clock.sleep(1.0), blas=2), Task(lambda: clock.sleep(1.0))
    assert [stopwatch.seconds(task) for task in (library, library)] == [1.0, 1.0]
    assert clock.time == 2.0  # they may stay awake for the library
    assert [stopwatch.seconds(task) for task in (other, other)] == pytest.approx([1.0, 1.0])
    assert clock.time == pytest.approx(4.0 + watch.SETTLE)


def test_threads_that_never_rest_are_not_waited_for_for_ever(monkeypatch):
    clock = Clock()
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    monkeypatch.setattr(watch.time, "process_time", clock.now)
    stopwatch.settle()
    assert clock.time == pytest.approx(watch.LONGEST_SETTLE)


@pytest.mark.parametrize("name", [*kernels.STREAMS, "relu", "dot"])
def test_threads_work_at_once(name, monkeypatch):
    """A call that kept the lock of Python to itself would let its threads take turns."""
    taken = []
    monkeypatch.setattr(kernels, "shared", lambda *what: taken.append(what) or (lambda: None))
    getattr(kernels, name)(kernels.arrays(3, 2**22), 2)
    ((operation, (part, _)),) = taken

    def seen_at_work():
        started, ended = threading.Event(), threading.Event()

        def run():
            started.set()
            operation(*part)
            ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        started.wait()
        seen = not ended.is_set()
        thread.join()
        return seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # only a call that lets go of the lock is seen at work
    try:
        assert any(seen_at_work() for _ in range(20))
    finally:
        sys.setswitchinterval(interval)


def test_a_short_task_gets_enough_passes():
    clock = Clock()
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    assert stopwatch.long_enough(Task(lambda: clock.sleep(0.001))).passes == 16  # > 10 ms
    assert stopwatch.long_enough(Task(lambda: clock.sleep(0.02))).passes == 1
    assert stopwatch.long_enough(Task(lambda: None)).passes == 2**20  # a clock that stands still


def test_tasks_take_turns_and_every_second_round_goes_backwards():
    clock, order = Clock(), []
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)

    def task(name):
        return Task(lambda: (order.append(name), clock.sleep(1.0)))

    rounds = stopwatch.rounds({name: task(name) for name in "abc"}, seconds=100, most=3)
    assert "".join(order) == "abc" + "cba" + "abc" + "cba"  # the first warms up
    assert {name: list(times) for name, times in rounds.times.items()} == dict.fromkeys(
        "abc", [1.0] * 3
    )


def test_rounds_end_when_the_time_is_used_up_and_progress_is_told():
    clock, told = Clock(), []
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    task = Task(lambda: clock.sleep(1.0))
    rounds = stopwatch.rounds(
        {"a": task}, seconds=5, most=100, progress=lambda *what: told.append(what), words="β"
    )
    assert len(rounds.others) == 4  # and one to warm up
    assert told[0] == (0, "β") and told[-1] == (1, "β")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def rounds_of(values, others, limit=0.1):
    return Rounds({"a": np.array(values, float)}, np.array(others, float), limit, 1.0)


def test_a_noisy_round_does_not_count():
    result = rounds_of([2, 9, 2.5, 2.2], [0, 0.5, 0.05, 0.1]).seconds("a")
    assert result == watch.Measured(2.2, 2, 2.5, 3, 0.05)
    assert result.known


def test_what_is_unknown_counts_and_is_said():
    result = rounds_of([2, 2, 2], [math.nan] * 3).seconds("a")
    assert result.value == 2 and math.isnan(result.others)


@pytest.mark.parametrize(
    ("values", "others", "why"),
    [
        ([1, 1, 1, 1], [0, 0, 0.4, 0.4], "too noisy: others used 40 % of the cores"),
        ([1, 1], [0, 0], "too slow: 3 rounds are the least, 2 took 1.0 s"),
        ([1, 1, 2, 2], [0] * 4, "too unsteady: half of the rounds lie as far apart as 1 and 2.0"),
        ([1, 1, math.inf], [0] * 3, "too fast for the clock"),
    ],
)
def test_without_result_there_is_a_reason_and_no_number(values, others, why):
    result = rounds_of(values, others).seconds("a")
    assert result.why == why and not result.known
    assert all(map(math.isnan, (result.value, result.low, result.high)))


def test_a_machine_that_gets_slower_is_not_believed():
    drift = [1.0, 1.0, 1.0, 1.0, 1.15, 1.15, 1.3, 1.3, 1.3]  # a hot processor, say
    result = rounds_of(drift, [0] * 9).seconds("a")
    assert result.why == (
        "too unsteady: the last third of the rounds gave 1.30 times the first: "
        "throttled, or disturbed"
    )
    rounds = Rounds({"a": np.array(drift), "b": np.array(drift)}, np.zeros(9), 0.1, 1.0)
    assert rounds.of(lambda times: times["a"] / times["b"]).value == 1  # a quotient stays


def test_a_container_that_is_held_back_is_not_believed():
    class Held(Clock):
        def reading(self):
            return super().reading()._replace(held=5 + 0.3 * self.time)

    clock = Held()
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    result = stopwatch.rounds({"a": Task(lambda: clock.sleep(1.0))}, seconds=99).seconds("a")
    assert result.why == "throttled: the quota of the container held us 30 % of the time"


def test_a_quotient_is_taken_within_each_round():
    """A machine that gets slower by half keeps the quotient."""
    drift = np.array([1.0, 1.1, 1.2, 1.3, 1.5])
    rounds = Rounds({"a": 2 * drift, "b": drift}, np.zeros(5), 0.1, 1.0)
    assert rounds.of(lambda times: times["a"] / times["b"])[:3] == (2, 2, 2)


def test_the_interval_holds_the_median_as_often_as_it_says():
    random = np.random.default_rng(5)
    for count in (6, 9, 15):
        draws = [rounds_of(random.exponential(0.1, count) + 2, [0] * count) for _ in range(2000)]
        results = [draw.seconds("a") for draw in draws]
        middle = 2 + 0.1 * math.log(2)
        held = np.mean([result.low <= middle <= result.high for result in results])
        assert 0.945 < held < 0.98, count


def test_a_limit_is_a_share():
    with pytest.raises(ValueError, match="limit must be from 0 to 1, got 10"):
        Stopwatch(limit=10)


def test_waiting_for_quiet_has_an_end():
    for share, quiet in ((0.5, False), (0.05, True), (math.nan, True)):
        clock = Clock(share)
        stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
        assert stopwatch.wait_until_quiet(5) is quiet
        assert clock.time == (1 if quiet else 5)


# Counts, by hand


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    ("make", "precision", "flops", "read", "written"),
    [
        (kernels.copy, "FP64", 0, 8, 8),
        (kernels.add, "FP64", 1, 16, 8),
        (kernels.read, "FP64", 2, 16, 0),
        (kernels.relu, "FP32", 1, 4, 4),
        (kernels.dot, "FP32", 2, 8, 0),
    ],
)
def test_bytes_and_flops_of_the_kernels(make, precision, flops, read, written, threads):
    """For each of 960 numbers; what is written is loaded first."""
    task = make(kernels.arrays(3, 960, precision), threads)
    assert task.flops == flops * 960
    assert task.useful == (read + written) * 960
    assert task.moved == (read + 2 * written) * 960
    assert task.size == task.useful  # every array is passed over once


@pytest.mark.parametrize("threads", [1, 3])
def test_kernels_do_what_they_say_with_all_numbers(threads):
    for number in (16, 24, 1000):  # also where the parts are not equal
        a, b, c = kernels.arrays(3, number)
        a[:], b[:] = np.arange(number), 2.0
        kernels.add([a, b, c], threads).operation()
        assert np.array_equal(c, np.arange(number) + 2.0)
        kernels.copy([a, c], threads).operation()
        assert np.array_equal(c, a)
        narrow = kernels.arrays(2, number, "FP32")
        narrow[0][:] = np.arange(number) - 5
        kernels.relu(narrow, threads).operation()
        assert np.array_equal(narrow[1], np.maximum(np.arange(number) - 5, 0))


def test_arrays_begin_at_lines_of_the_cache_and_not_at_the_same_place_of_a_page():
    vectors = kernels.arrays(3, 1000)
    starts = [vector.ctypes.data for vector in vectors]
    assert all(start % 64 == 0 for start in starts)
    assert len({start % 4096 for start in starts}) == 3
    assert all(vector.size == 1000 and (vector == 1).all() for vector in vectors)
    for one, two in zip(vectors, vectors[1:], strict=False):
        assert not np.shares_memory(one, two)


def test_bytes_and_flops_of_a_matrix_product():
    # 4x5 times 5x6: 120 multiply-adds; 20 + 30 numbers read, 24 written
    task = kernels.product(4, 5, 6, "FP64")
    assert task[1:5] == (240, 8 * 74, 8 * 24, 8 * 74)
    assert kernels.product(4, 5, 6, "FP32").useful == 4 * 74


def test_a_fully_connected_layer_reads_its_weights_once_for_a_batch():
    tasks = kernels.layers([1, 8], 16)
    assert tasks[1].flops == 2 * 16 * 16 and tasks[8].flops == 8 * tasks[1].flops
    assert tasks[8].useful == 4 * (16 * 16 + 2 * 8 * 16)


def test_the_convolution_is_one_of_resnet_50():
    direct, copying, product = kernels.convolution(2)
    (layer,) = [one for one in networks.resnet(50).layers if one.name == "conv2_1.2"]
    assert direct.flops == product.flops == 2 * layer.flops  # a batch of 2
    assert direct.useful == layer.traffic(batch=2)
    # The copy: 9 numbers for each of 2 x 56 x 56 x 64, from pictures with a border of 1.
    picture, copied = 4 * 2 * 58 * 58 * 64, 4 * 9 * 2 * 56 * 56 * 64
    assert copying[1:4] == (0, picture + copied, copied)
    assert product.useful == copied + 4 * 9 * 64 * 64 + 4 * 2 * 56 * 56 * 64


def test_the_convolution_convolves(monkeypatch):
    """Its two steps against sums written out, for a small one."""
    pictures = np.random.default_rng(1).random((2, 4, 4, 3)).astype(np.float32)
    weights = np.random.default_rng(2).random((27, 3)).astype(np.float32)
    given = iter([pictures, weights])
    outputs = []
    monkeypatch.setattr(kernels, "_random", lambda shape, precision="FP32": next(given))
    real = np.matmul
    monkeypatch.setattr(np, "matmul", lambda a, b, out: outputs.append(real(a, b, out=out)))
    direct, *_ = kernels.convolution(2, channels=3, height=4)
    direct.operation()
    found = outputs[0].reshape(2, 4, 4, 3)
    bordered = np.pad(pictures, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for picture, row, column in ((0, 0, 0), (1, 2, 3), (0, 3, 1)):
        below = bordered[picture, row : row + 3, column : column + 3]
        assert np.allclose(found[picture, row, column], below.ravel() @ weights, rtol=1e-5)


# A planted machine is found


def test_a_known_bandwidth_comes_out():
    """Write-allocate included: without it copy would show 2/3 of it, and add 3/4."""
    found = roof.bandwidths(sizes=[2**14, 2**17], watch=Planted(), seconds=1000)
    assert [(b.operation, b.size) for b in found] == [
        (operation, size) for operation in ("copy", "add", "read") for size in (2**14, 2**17)
    ]
    for row in found:
        assert row.seconds.known and row.seconds.rounds == 9 and row.seconds.others == 0
        assert row.rate == pytest.approx(BETA)
        share = {"copy": 2 / 3, "add": 3 / 4, "read": 1}[row.operation]
        assert row.useful_rate == pytest.approx(share * BETA)
        assert row.size * 0.99 < row.useful <= row.size


def test_a_size_at_which_the_call_itself_counts_is_no_bandwidth():
    found = roof.bandwidths(sizes=[2**14, 2**22], watch=Planted(call=1e-6), seconds=1000)
    known = {(row.operation, row.size): row.seconds for row in found}
    assert known["copy", 2**22].known and known["read", 2**14].known
    # 24 KiB at 20 GB/s are 1.23 µs: of 2.23 µs the call takes 45 %
    assert known["copy", 2**14].why == "too short: 45 % of the time is the call itself"


def test_what_does_not_fit_into_memory_is_said(monkeypatch):
    monkeypatch.setattr(roof.load, "memory_limit", lambda: 3 * 2**16)
    small, large = roof.bandwidths(sizes=[2**14, 2**20], operations=["add"], watch=Planted())
    assert small.seconds.known
    assert large.seconds.why == "too large: 65.5 kB of memory may be used"
    assert large.moved == 2**20 // 24 // 8 * 8 * 32


def test_a_noisy_machine_gives_no_point():
    for row in roof.bandwidths(sizes=[2**14], watch=Planted(share=0.4), seconds=99):
        assert row.seconds.why == "too noisy: others used 40 % of the cores"
        assert math.isnan(row.rate)
    noisy = roof.roofline(1, [1], 16, 1, watch=Planted(share=0.4), seconds=99)
    assert {point.share.known for point in noisy.points} == {False}
    assert {point.reason for point in noisy.points} == {""}


def test_a_known_peak_comes_out():
    found = roof.peaks([1], size=64, watch=Planted())
    assert [(row.precision, row.threads) for row in found] == [("FP32", 1), ("FP64", 1)]
    for row in found:
        assert row.flops == 2 * 64**3
        # 64 wide, 4 x 64² numbers moved with write-allocate: still below the ridge in FP64
        assert row.rate == pytest.approx(min(PI, BETA * row.flops / (4 * 64**2 * 4)), rel=0.6)
    assert roof.peaks([1], size=512, watch=Planted())[0].rate == pytest.approx(PI)


def test_where_the_library_cannot_be_told_no_peak_is_claimed(monkeypatch):
    monkeypatch.setattr(roof, "blas", dict)
    assert {row.seconds.why for row in roof.peaks([1], size=64, watch=Planted())} == {
        "the BLAS library does not say how many threads it uses"
    }


def test_points_of_a_machine_without_losses_lie_on_the_roof():
    found = roof.roofline(1, [1, 16], 64, 1, watch=Planted())
    assert found.peak.value == pytest.approx(PI) and found.bandwidth.value == pytest.approx(BETA)
    shares = {point.name: point.share.value for point in found.points}
    copied = shares.pop("convolution, copied and multiplied")
    assert shares.keys() == {
        "relu",
        "dot product",
        "convolution, as if direct",
        "fully connected, batch 1",
        "fully connected, batch 16",
    }
    assert all(share == pytest.approx(1) for share in shares.values())
    # The planted machine takes the time of a direct convolution; the copy should come on top.
    direct, copying, _ = kernels.convolution(1)
    assert copied == pytest.approx(1 + (copying.moved / BETA) / (direct.flops / PI))
    one = next(point for point in found.points if point.name.endswith("batch 1"))
    assert one.intensity == pytest.approx(2 * 64**2 / (4 * (64**2 + 3 * 64)))  # 64 are allocated
    assert one.predicted.value == pytest.approx(one.moved / BETA)


@pytest.mark.parametrize(
    "share, task, steps, begin",
    [
        (1.09, Task(print, useful=80, size=80), 1, ""),
        (1.3, Task(print, 9, useful=80, size=80), 1, "its 80 B may stay in part"),
        (1.3, Task(print, 9, useful=160, allocated=80, size=160), 1, "stores need no load"),
        (1.9, Task(print, 9, useful=160, allocated=80, size=160), 1, "a part stays in a cache"),
        (0.5, Task(print, 999, useful=100, size=150), 1, "the library copies blocks"),
        (0.5, Task(print, 999, useful=100, size=250), 1, "it moves more than was counted"),
        (0.5, Task(print, 999, useful=100, size=250), 2, "it moves more than was counted"),
        (0.5, Task(print, 999, useful=100, size=150), 2, "the copy moves short runs"),
        (0.5, Task(print, 9, useful=100, size=150), 1, "unknown"),
    ],
)
def test_a_miss_has_a_likely_reason(share, task, steps, begin):
    took, shared = (watch.Measured(x, x, x, 9, 0.0) for x in (1.0, share))
    reason = roof._reason(task, took, shared, watch.unknown("not asked"), steps, last=100)
    assert reason.startswith(begin) and bool(reason) == bool(begin)


def test_a_batch_that_would_take_too_long_is_left_out_with_its_reason(monkeypatch):
    monkeypatch.setattr(f"{__name__}.PI", 1e6)
    monkeypatch.setattr(roof, "_square", lambda watch, threads: 32)
    found = roof.roofline(1, [1, 512], 64, 1, watch=Planted(), seconds=5000)
    slow = found.points[-1]
    assert slow.name == "fully connected, batch 512"
    assert slow.share.why == "too slow: 4.2 s for a single time"  # 2 x 512 x 64² / 1e6
    assert found.points[-2].name == "fully connected, batch 1" and found.points[-2].seconds.known


def test_a_cache_that_holds_everything_gives_no_bandwidth_of_memory(monkeypatch):
    monkeypatch.setattr(roof, "caches", lambda: ({}, 2**30))
    monkeypatch.setattr(roof, "_room", lambda: 2**20)
    found = roof.roofline(1, [1], 16, 1, watch=Planted())
    assert (
        found.bandwidth.why == "too small: the memory to use is 0.0 times the last cache of 1.07 GB"
    )
    assert not any(point.share.known for point in found.points)


# Amdahl's law, planted


def two_parts(clock, fast, slow, disturbed=0.0):
    """The rounds of a base of 6 s + 2 s, and of a case."""

    def task(seconds):
        return Task(lambda: clock.sleep(seconds))

    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)
    times = {parts.BASE: (6.0, 2.0, 8.0), "case": (fast, slow, fast + slow + disturbed)}
    names = ("fast", "slow", "whole")
    tasks = {
        (case, name): task(seconds)
        for case, row in times.items()
        for name, seconds in zip(names, row, strict=True)
    }
    return stopwatch.rounds(tasks, seconds=1000)


def test_amdahls_law_of_planted_parts():
    row = parts._speedup("case", "FP64", 2, "copy", two_parts(Clock(), fast=3.0, slow=3.0))
    # p = 6 / 8; s = 6 / 3; r = 3 / 2; S = 8 / 6
    assert [row.p.value, row.s.value, row.r.value] == pytest.approx([0.75, 2, 1.5])
    assert row.predicted.value == pytest.approx(8 / 6)
    assert row.measured.value == pytest.approx(8 / 6)
    assert row.naive.value == pytest.approx(1 / (0.25 + 0.75 / 2))
    assert row.ratio.value == pytest.approx(1)


def test_parts_that_disturb_each_other_are_seen():
    rounds = two_parts(Clock(), fast=3.0, slow=2.0, disturbed=1.0)
    row = parts._speedup("case", "FP32", 2, "copy", rounds)
    assert row.nominal == 4.0
    assert row.predicted.value == pytest.approx(8 / 5)
    assert row.measured.value == pytest.approx(8 / 6)


def test_one_core_has_cases_of_its_own(monkeypatch):
    monkeypatch.setattr(parts, "usable_threads", lambda: 1)
    *known, last = parts.speedups(work=1e-3, watch=Planted(), seconds=100)
    assert [row.name for row in known] == ["FP32, 1 thread", "FP32, 1 thread, rounded first"]
    assert last.measured.why == "one core: there is no second one for a second thread"


# Overlap, planted


class Loader:
    """A pool of one thread in planted time: it works while the other goes on."""

    def __init__(self, clock):
        self.clock, self.free = clock, 0.0

    def submit(self, work, *arguments):
        submitted = self.clock.time
        self.clock.time = max(submitted, self.free)
        work(*arguments)
        self.free, self.clock.time = self.clock.time, submitted
        return Done(self.clock, self.free)


class Done:
    def __init__(self, clock, end):
        self.clock, self.end = clock, end

    def result(self):
        self.clock.time = max(self.clock.time, self.end)


@pytest.mark.parametrize(("load_time", "compute_time"), [(8.0, 8.0), (2.0, 8.0), (8.0, 2.0)])
@pytest.mark.parametrize("chunks", [1, 2, 5, 16])
def test_overlap_of_planted_parts_is_max_plus_min_over_n(load_time, compute_time, chunks):
    clock = Clock()
    pool = Loader(clock)
    stopwatch = Stopwatch(now=clock.now, sleep=clock.sleep, reading=clock.reading)

    def load_chunk(chunk):
        clock.sleep(load_time / chunks)

    def compute(chunk):
        clock.sleep(compute_time / chunks)

    def each(work):
        return Task(lambda: [work(chunk) for chunk in range(chunks)])

    both = Task(lambda: overlap.overlapped(load_chunk, compute, chunks, pool))
    tasks = dict(zip(overlap.KINDS, (each(load_chunk), each(compute), both), strict=True))
    tasks = {("link", chunks, kind): task for kind, task in tasks.items()}
    row = overlap.overlap("link", chunks, stopwatch.rounds(tasks, seconds=1000))
    expected = pipeline.chunked_time(load_time, compute_time, chunks)
    assert row.measured.value == pytest.approx(expected)
    assert row.predicted.value == pytest.approx(expected)
    assert row.ratio.value == pytest.approx(1)
    assert row.in_turns.value == pytest.approx(load_time + compute_time)
    assert row.perfect.value == pytest.approx(8)
    assert row.winner == "max + min/n"


def test_a_loader_that_does_not_overlap_lies_on_the_sum():
    sum_, chunks = 10.0, 4
    times = {"load": 4.0, "compute": 6.0, "both": sum_}
    rounds = Rounds(
        {("copy", chunks, kind): np.full(3, t) for kind, t in times.items()}, np.zeros(3), 0.1, 1.0
    )
    assert overlap.overlap("copy", chunks, rounds).winner == "sum"


@pytest.mark.parametrize("chunks", [1, 2, 7])
def test_a_real_thread_loads_each_chunk_before_it_is_computed_and_overwrites_none(chunks):
    buffers, seen = [None, None], []

    def load_chunk(chunk):
        buffers[chunk % 2] = chunk

    def compute(chunk):
        seen.append(buffers[chunk % 2])

    with overlap.ThreadPoolExecutor(1) as pool:
        for _ in range(50):
            seen.clear()
            overlap.overlapped(load_chunk, compute, chunks, pool)
            assert seen == list(range(chunks))


def test_the_next_chunk_is_loaded_while_one_is_computed():
    """The loader is told before the computing begins, and not after."""
    events = []

    class Told:
        def submit(self, work, chunk):
            events.append(("load", chunk))
            return self

        def result(self):
            events.append("wait")

    overlap.overlapped(None, lambda chunk: events.append(("compute", chunk)), 2, Told())
    assert events == [
        ("load", 0),
        "wait",
        ("load", 1),
        ("compute", 0),
        "wait",
        ("compute", 1),
    ]


@pytest.mark.parametrize("chunks", [1, 3, 16])
def test_the_job_is_the_same_whatever_its_chunks(chunks):
    waited, products = [], []
    job = overlap.Job(Planted(), 1.0, sleep=waited.append)
    job.matrix = job.matrix._replace(operation=lambda: products.append(1))
    for loader in overlap.LOADERS:
        job.target[:] = 0
        with overlap.ThreadPoolExecutor(1) as pool:
            tasks = job.tasks(loader, chunks, pool)
        tasks[loader, chunks, "load"].operation()
        tasks[loader, chunks, "compute"].operation()
    assert sum(waited) == pytest.approx(job.load_time)
    assert len(products) == 2 * job.products
    size = len(job.source) // chunks  # the last two chunks are what the buffers hold
    assert (job.target == 1).sum() == min(2, chunks) * size


def test_one_core_cannot_copy_and_compute(monkeypatch):
    monkeypatch.setattr(overlap, "usable_threads", lambda: 1)
    found = overlap.overlaps([2], watch=Planted(), seconds=100)
    assert [row.loader for row in found] == ["link", "copy"]
    assert found[1].measured.why == "one core: it cannot copy and compute at the same time"
    assert found[1].winner == ""


# Bad arguments


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: roof.bandwidths(sizes=[10]), "sizes must be a whole number from 4096"),
        (lambda: roof.bandwidths(threads=[0]), "threads must be a whole number, at least 1, got 0"),
        (lambda: roof.bandwidths(threads=[10**6]), "threads must be from 1 to .* on this machine"),
        (lambda: roof.bandwidths(operations=["scale"]), "operations must be of copy, add, read"),
        (lambda: roof.peaks(size=1), "size must be a whole number from 16 to 8192, got 1"),
        (lambda: roof.peaks([1], 64, ["FP16"]), "precisions must be of FP32, FP64, got 'FP16'"),
        (lambda: roof.roofline(batches=[0]), "batches must be a whole number from 1 to 4096"),
        (lambda: roof.roofline(pictures=65), "pictures must be a whole number from 1 to 64"),
        (lambda: parts.speedups(p=1), "p must be above 0 and below 1, got 1"),
        (lambda: overlap.overlaps(loaders=["disk"]), "loaders must be of link, copy, got 'disk'"),
        (lambda: overlap.overlaps(ratio=100), "ratio must be from 0.1 to 10, got 100"),
        (lambda: measure_all(tries=0), "tries must be a whole number, at least 1"),
        (lambda: measure_all(1), "seconds must be from 5 to 3600 s, got 1"),
    ],
)
def test_a_bad_argument_is_named_with_its_range_and_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# This machine, briefly: signs of life and units, no speeds


@pytest.fixture(scope="module")
def real():
    """A record of this machine, as short as can be, that lets any noise pass."""
    return brief(Stopwatch(limit=1))


def brief(stopwatch):
    how = {"watch": stopwatch, "seconds": 1.5}
    return Record(
        "2026-11-29",
        machines.machine(),
        roof.bandwidths(sizes=[2**16, 2**20], **how),
        roof.peaks([1], size=128, **how),
        roof.roofline(1, [1, 64], 64, 1, **how),
        parts.speedups(work=2e-3, **how),
        overlap.overlaps([1, 4], **how),
    )


def results(value):
    """Every `Measured` in a record."""
    if isinstance(value, watch.Measured):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from results(part)


def test_a_measurement_has_a_number_or_a_reason(real):
    found = list(results(real))
    assert len(found) > 50
    for result in found:
        if result.known:
            assert 0 < result.low <= result.value <= result.high < math.inf
            assert result.rounds >= 3
        else:
            assert math.isnan(result.value)
        assert math.isnan(result.others) or 0 <= result.others <= 1


def test_the_rates_are_those_of_a_computer_in_si_units(real):
    """Between a slow phone and the largest server: a slip of a prefix is a factor of 1000."""
    for row in real.bandwidths:
        assert not row.seconds.known or 1e7 < row.rate < 1e14
    for row in real.peaks:
        assert not row.seconds.known or 1e7 < row.rate < 1e15


# Records


@pytest.fixture(scope="module")
def saved(real, tmp_path_factory):
    """The text of a record in which something was not measured."""
    lacking = watch.unknown("too noisy: others used 40 % of the cores", 2, 0.4)
    rows = (*real.peaks[:1], real.peaks[1]._replace(seconds=lacking))
    path = tmp_path_factory.mktemp("records") / "mine.json"
    return save_record(real._replace(peaks=rows), path).read_text(encoding="utf-8")


def test_a_record_comes_back_as_it_was(saved, tmp_path):
    record = parse_record(saved)
    assert isinstance(record, Record)
    again = save_record(record, tmp_path / "again.json")
    assert again.read_text(encoding="utf-8") == saved
    assert load_record(again).machine == machines.machine()
    assert record.peaks[1].seconds.why == "too noisy: others used 40 % of the cores"
    assert math.isnan(record.peaks[1].seconds.value)
    assert record.peaks[1].seconds.others == 0.4
    assert isinstance(record.roofline.points[0], roof.Point)


def test_a_record_names_no_host_and_no_person(saved):
    import getpass
    import socket

    for name in {socket.gethostname(), getpass.getuser()} - {""}:
        assert f'"{name}' not in saved


def change(path, value):
    """Change one field of a record, given by its path; return the text."""

    def apply(text):
        content = json.loads(text)
        place = content
        *way, last = path
        for key in way:
            place = place[key]
        if value is KeyError:
            del place[last]
        else:
            place[last] = value
        return json.dumps(content)

    return apply


SECONDS = ["bandwidths", 1, "seconds"]
GOOD = {"value": 1.0, "low": 0.9, "high": 1.1, "rounds": 3, "others": None, "why": ""}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: "", "a record is JSON, this is not (line 1, column 1"),
        (lambda text: text[:-100], "a record is JSON, this is not (line"),
        (lambda text: "[1, 2]", "schema must be 'how-fast-can-it-train/machine', got [1, 2]"),
        (lambda text: '{"cells": []}', "got None: no record of this series"),
        (lambda text: "[" * 10**5, "a record is not nested so deeply"),
        (lambda text: '{"a": 1, "a": 2}', "'a' must stand once, got it twice"),
        (lambda text: '{"a": NaN}', "a number must be finite, got NaN"),
        (change(["schema"], "other"), "got 'other': no record of this series"),
        (change(["version"], 2), "version must be 1, got 2"),
        (change(["version"], True), "version must be 1, got True"),
        (change(["date"], "yesterday"), "date must be of the form"),
        (change(["date"], "2026-13-01"), "date must be a day of the calendar, got '2026-13-01'"),
        (change(["peaks"], KeyError), "the record must hold peaks, and does not"),
        (change(["more"], 1), "peaks, roofline, speedups, overlaps only, got 'more'"),
        (change(["peaks"], {}), "peaks must be a list of at most 1000 rows, got {}"),
        (change(["peaks"], [0] * 1001), "peaks must be a list of at most 1000 rows, got [0, 0"),
        (change(["machine"], None), "machine must hold cpu, system"),
        (change(["machine", "cpu"], "x" * 201), "machine.cpu must be a text of one line"),
        (change(["machine", "cpu"], "a\x1b[31m"), "machine.cpu must be a text of one line"),
        (change(["machine", "cores"], 0), "machine.cores must be a number a whole number from 1"),
        (change(["machine", "cores"], 1.5), "machine.cores must be"),
        (change(["machine", "cores"], True), "machine.cores must be"),
        (change(["machine", "caches", "disk"], 1), "machine.caches must name levels such as 'L2'"),
        (change(["machine", "caches", "L2"], -1), "machine.caches.L2 must be a number"),
        (change(["bandwidths", 1, "operation"], "triad"), "bandwidths[1].operation must be of the"),
        (change(["bandwidths", 1, "size"], "big"), "bandwidths[1].size must be a number"),
        (change(["bandwidths", 1, "size"], 10**400), "bandwidths[1].size must be a number"),
        (change([*SECONDS], 3), "bandwidths[1].seconds must hold value, low"),
        (change([*SECONDS], GOOD | {"value": -1}), "bandwidths[1].seconds.value must be a number"),
        (change([*SECONDS], GOOD | {"value": None}), "seconds.value must be a number above 0"),
        (change([*SECONDS], GOOD | {"value": 2.0}), "must have low <= value <= high, got 0.9, 2.0"),
        (change([*SECONDS], GOOD | {"others": 40}), "seconds.others must be a number from 0 to 1"),
        (change([*SECONDS], GOOD | {"why": "tired"}), "seconds.value must be null beside a reason"),
        (change(["roofline", "peak"], GOOD), "roofline.peak.value must be a number from 1e6"),
        (
            change(["speedups", 0, "p"], GOOD | {"high": 1.1}),
            "speedups[0].p.value must be a number",
        ),
        (change(["overlaps", 0, "loader"], "disk"), "overlaps[0].loader must be of the form"),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(saved, spoil, message):
    text = spoil(saved)
    with pytest.raises(ValueError) as refused:
        parse_record(text)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_file_that_is_no_text_or_too_large_is_refused_by_name(tmp_path):
    picture, huge = tmp_path / "picture.png", tmp_path / "huge.json"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    huge.write_bytes(b" " * (2**20 + 1))
    for path, words in ((picture, "is text in UTF-8"), (huge, "at most 1048576 B")):
        with pytest.raises(ValueError, match=f"^{path.name}: a record .*{words}"):
            load_record(path)
    with pytest.raises(OSError):
        load_record(tmp_path / "missing.json")


def test_the_shipped_records_are_read_and_quiet():
    found = shipped()
    assert {"xeon-2", "xeon-1", "epyc-2"} <= set(found)
    for name, record in found.items():
        known = [result for result in results(record) if result.known]
        assert len(known) > 0.6 * len(list(results(record))), name
        assert all(not result.others > 0.1 for result in known), name
        assert Path(name).name == name


# The library, the bar, the command


def test_kernels_for_other_processors_are_tried_and_a_bad_one_is_left_out(monkeypatch):
    asked = []

    def run(command, env, **_):
        name = env.get("OPENBLAS_CORETYPE", "")
        asked.append(name)
        output = {"": b"1e9\n", "Zen": b"2e9\n", "SkylakeX": b""}[name]  # the last one crashed
        return subprocess.CompletedProcess(command, 0, output)

    monkeypatch.setattr(library, "blas", lambda: {"internal_api": "openblas"})
    monkeypatch.setattr(library.subprocess, "run", run)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")  # is not passed on
    assert library.core_types(["Zen", "SkylakeX"]) == {"": 1e9, "Zen": 2e9}
    assert asked == ["", "Zen", "SkylakeX"]
    monkeypatch.setattr(library, "blas", lambda: {"internal_api": "mkl"})
    assert library.core_types() == {}


@pytest.mark.parametrize(
    ("chosen", "rates", "restarted"),
    [
        (None, {"": 1.0, "Zen": 1.2, "Haswell": 1.1}, "Zen"),
        (None, {"": 1.0, "Zen": 1.01}, None),  # no more than noise
        (None, {}, None),
        ("Haswell", {"": 1.0, "Zen": 1.2}, None),  # what the reader chose stays
    ],
)
def test_a_program_is_started_again_with_the_fastest_kernels(monkeypatch, chosen, rates, restarted):
    started = []
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    if chosen:
        monkeypatch.setenv("OPENBLAS_CORETYPE", chosen)
    monkeypatch.setattr(library, "core_types", lambda: rates)
    monkeypatch.setattr(library.os, "execve", lambda *what: started.append(what))
    library.restart_with_fastest()
    assert [what[2]["OPENBLAS_CORETYPE"] for what in started] == [restarted] * bool(restarted)


def test_a_bar_shows_the_share_that_is_done():
    output = StringIO()
    with Bar(file=output) as bar:
        bar(0.25, "β")
        bar(1, "β")
    assert "β  25 %|" in output.getvalue() and "β 100 %|" in output.getvalue()


def test_in_a_browser_each_measurement_says_why_there_is_none(monkeypatch, tmp_path):
    """Without threads, processes or threadpoolctl, and nothing of the size of a machine is run."""

    def refuse(*_, **__):
        raise AssertionError("a browser has none")

    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert library.blas() == {}
    with Bar() as bar:
        found = (
            roof.bandwidths((1,), (2**14, 2**20), progress=bar),
            roof.peaks(progress=bar),
            roof.roofline(batches=(1, 4096), width=256, pictures=1, progress=bar),
            parts.speedups(progress=bar),
            overlap.overlaps((1, 2), progress=bar),
        )
    results = list(every(found, watch.Measured))
    assert len(results) > 20
    assert {result.known for result in results} == {False}
    assert all("in the browser nothing can be measured" in result.why for result in results)
    path = save_record(Record("2026-01-01", machines.machine(), *found), tmp_path / "x.json")
    assert len(list(every(load_record(path), watch.Measured))) == len(results)


def every(found, kind):
    """All that is of a kind in tuples in tuples."""
    if isinstance(found, kind):
        yield found
    elif isinstance(found, tuple):
        for part in found:
            yield from every(part, kind)


def test_a_disturbed_part_is_measured_again_and_the_best_try_kept(monkeypatch, real):
    def measured(why):
        return watch.unknown(why) if why else watch.Measured(1.0, 1.0, 1.0, 9, 0.0)

    def tries(*reasons):
        """What a part says at each try: the reasons why a result lacks."""
        left = [tuple(map(measured, each)) for each in reasons]
        return lambda *_, **__: left.pop(0)

    planted = {
        "bandwidths": tries(("too noisy: x", ""), ("too short: x", "")),  # short it stays
        "peaks": tries(
            ("", "throttled: x"), ("too noisy: x", "too unsteady: x"), ("too noisy: x",)
        ),
        "roofline": tries(("",)),
        "speedups": tries(("too noisy: x",), ("",)),
        "overlaps": tries(("",)),
    }
    for name, measure in planted.items():
        monkeypatch.setattr(records, name, measure)
    found = measure_all(tries=3)
    reasons = [[row.why for row in getattr(found, name)] for name in planted]
    assert reasons == [["too short: x", ""], ["", "throttled: x"], [""], [""], [""]]


def test_the_command_saves_nothing_of_a_noisy_machine(monkeypatch, tmp_path, capsys, real):
    command = importlib.import_module("helpers.measure.__main__")
    monkeypatch.setattr(command, "restart_with_fastest", lambda: None)
    monkeypatch.setattr(command, "measure_all", lambda seconds, watch, tries: real)
    monkeypatch.setattr(Stopwatch, "wait_until_quiet", lambda self, seconds: False)
    path = tmp_path / "mine.json"
    assert command.main([str(path)]) == 1 and not path.exists()
    monkeypatch.setattr(Stopwatch, "wait_until_quiet", lambda self, seconds: True)
    assert command.main([str(path)]) == 0 and load_record(path).machine == real.machine
    lines = capsys.readouterr().out.splitlines()
    assert sum("GB/s useful" in line or "not measured" in line for line in lines) >= 6
    assert lines[-1] == f"saved as {path}"
