"""Several processes: they train as one would, what they gain is told, and none is left behind.

Tests that start processes are marked slow. They need an MPI and skip, with the reason, where there
is none.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
from matplotlib.figure import Figure

from engine_rows import measured, record
from helpers.engines import cluster, guard, together, training
from helpers.engines.cluster import Engines, environment, lacking
from helpers.engines.record import (
    load_engines,
    measure_engines,
    parse_engines,
    save_engines,
    shipped_engines,
)
from helpers.engines.together import Conductor, Job, Link, fit_link
from helpers.measure import load
from helpers.measure.watch import Rounds, unknown
from helpers.parallel import allreduce_time
from helpers.pictures.engines import plot_reductions, plot_steps
from helpers.scenes.engines import reductions_scene, steps_scene

NETWORKS = pytest.mark.parametrize("name", training.BUILD)
KNOWN = [pytest.param(name, id=name) for name in shipped_engines()]
needs_mpi = pytest.mark.skipif(bool(lacking(2)), reason=lacking(2) or "MPI")


# the step


@NETWORKS
def test_gradients_are_those_of_finite_differences(name):
    network = training.BUILD[name](np.float64, 8)
    images, labels = training.examples(4, np.float64)
    network.differentiate(images, labels, 4)
    found, weights = network.gradients.copy(), network.weights
    random, layers = np.random.default_rng(0), np.cumsum([la.parameters for la in network.layers])
    chosen = random.choice(weights.size, 60, replace=False)
    chosen = [*chosen, *(layers - 1), 0]  # a bias of each layer too
    for place in chosen:
        losses = []
        for sign in (1, -1):
            weights[place] += sign * 1e-5
            losses.append(network.differentiate(images, labels, 4))
            weights[place] -= sign * 1e-5
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(found[place], rel=1e-4, abs=1e-8)
    assert np.count_nonzero(found) > 0.3 * found.size


def test_a_convolution_is_a_sum_over_nine_neighbours():
    layer = training.convolutional(np.float64).layers[1]
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 5, 4, training.CHANNELS))
    layer.bias[:] = random.standard_normal(layer.bias.shape)
    found = layer.forward(x)
    weights, padded = layer.weights.reshape(3, 3, training.CHANNELS, -1), np.zeros((2, 7, 6, 16))
    padded[:, 1:-1, 1:-1] = x
    for image, row, column in ((0, 0, 0), (1, 4, 3), (1, 2, 1)):
        window = padded[image, row : row + 3, column : column + 3]
        expected = np.einsum("ijc,ijco->o", window, weights) + layer.bias
        assert found[image, row, column] == pytest.approx(expected)


@NETWORKS
def test_gradients_of_parts_add_up_to_those_of_the_batch(name):
    network, (images, labels) = training.BUILD[name](np.float64), training.examples(6, np.float64)
    losses, parts = [], []
    for part in (slice(0, 2), slice(2, 4), slice(4, 6)):
        losses.append(network.differentiate(images[part], labels[part], 6))
        parts.append(network.gradients.copy())
    assert network.differentiate(images, labels, 6) == pytest.approx(sum(losses))
    np.testing.assert_allclose(sum(parts), network.gradients, rtol=1e-10, atol=1e-14)


@NETWORKS
def test_training_lowers_the_loss(name):
    network, batch = training.BUILD[name](), training.examples(16)
    losses = [training.step(network, *batch) for _ in range(15)]
    assert losses[-1] < 0.99 * losses[0]


def test_parameters_by_hand():
    sizes = {name: build().weights.size for name, build in training.BUILD.items()}
    assert sizes["convolutional"] == (9 * 1 + 1) * 16 + (9 * 16 + 1) * 16 + (16 + 1) * 10
    assert sizes["fully connected"] == (256 + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1) * 10


# the model and what is told


def test_the_fit_finds_planted_numbers_and_one_size_is_not_all():
    sizes = together.SIZES
    assert (sizes[0], sizes[-1]) == (4 * 1024, 64 * 2**20)
    random = np.random.default_rng(0)
    times = [allreduce_time(size, 4, 3e9, 2e-6) * random.normal(1, 0.03, 200) for size in sizes]
    latency, bandwidth = fit_link(sizes, times, 4)
    assert np.median(latency) == pytest.approx(2e-6, rel=0.01)
    assert np.median(bandwidth) == pytest.approx(3e9, rel=0.01)


def _rounds(times):
    count = len(next(iter(times.values())))
    return Rounds(
        {name: np.array(row, float) for name, row in times.items()}, np.zeros(count), 0.1, 1.0
    )


def test_a_step_is_held_against_the_model_by_hand():
    times = {(1, "net", 8): 6e-3, (1, "net", 4): 3.5e-3}
    times |= {(2, "net", 4, "together"): 4e-3, (2, "net", 4, "step"): 7.5e-3}
    rounds = _rounds({name: [value] * 4 for name, value in times.items()})
    link = Link(2, measured(1e-4), measured(4e9))
    row = together._step(rounds, link, "net", 10**6, 2, 4)
    assert row.speedup.value == pytest.approx(6 / 7.5)
    assert row.efficiency == pytest.approx(0.4)
    reduce = 4e6 / 4e9 + 2 * 1e-4  # 2 (n - 1) / n = 1, and two rounds
    assert row.modelled.value == pytest.approx(6e-3 / (3.5e-3 + reduce))
    assert row.together.value == 4e-3 and row.whole_batch == 8
    for lost in ((unknown("noise"), measured(4e9)), (measured(1e-4), unknown("noise"))):
        found = together._step(rounds, Link(2, *lost), "net", 10**6, 2, 4)
        assert found.modelled.why == "noise" and found.speedup.known


def test_without_engines_every_row_says_why():
    none = Engines.__new__(Engines)
    none.n, none.why, none.client = 4, "no MPI: there is no program mpiexec", None
    record = measure_engines(none)
    results = [row.seconds for row in record.reductions]
    results += [result for row in record.links for result in row[1:]]
    results += [result for row in record.steps for result in row[4:]]
    assert {result.why for result in results} == {none.why}
    assert {row.processes for row in record.steps} == {2, 4} == {n for n, *_ in record.links}
    with pytest.raises(RuntimeError, match="no program mpiexec"):
        none.run(len)
    for scene in (reductions_scene(*record[3:5]), steps_scene(record.steps)):
        assert scene.marks == [] and none.why in scene.sentence


def test_what_is_lacking_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None if name == "mpi4py" else name)
    assert lacking(2) == "no MPI: the package mpi4py is not installed"
    monkeypatch.setattr(cluster, "find_spec", lambda name: name)
    monkeypatch.setattr(cluster, "BESIDE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lacking(2) == "no MPI: there is no program mpiexec"
    (tmp_path / "mpiexec").touch(0o755)
    monkeypatch.setattr(cluster, "usable_threads", lambda: 1)
    assert lacking(2) == "2 processes would take turns: cores that may be used: 1"
    assert Engines(2).why == lacking(2)
    monkeypatch.setattr(cluster, "usable_threads", lambda: 2)
    assert lacking(2) == ""
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert Engines(2).why == "in the browser there are no processes: it runs Python in one"


@pytest.mark.parametrize("n", [1, 2.5, 0, 10**6])
def test_a_wrong_number_of_processes_is_refused(n):
    with pytest.raises(ValueError, match="n must be a whole number from 2 to 1024"):
        Engines(n)


def test_engines_use_one_thread_each_and_find_what_they_need(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    found = environment()
    assert found["OPENBLAS_NUM_THREADS"] == found["OMP_NUM_THREADS"] == "1"
    assert found["PYTHONPATH"] == os.pathsep.join([str(cluster.ROOT), "elsewhere"])
    assert found["PATH"].split(os.pathsep)[0] == cluster.BESIDE


# the stopwatch of several


class Alone:
    """A communicator of one process that remembers what was sent."""

    size, rank = 3, 0

    def __init__(self):
        self.sent = []

    def send(self, what, dest):
        self.sent.append((what, dest))

    def Barrier(self):
        pass

    def allreduce(self, value, op):
        return value

    def gather(self, value):
        host, mine = value
        return [(host, mine), ("other", mine._replace(busy=5.0, total=10.0)), (host, mine)]


def test_the_conductor_tells_the_others_what_to_time():
    comm, calls = Alone(), []
    watch = Conductor(comm, {"job": Job(comm, lambda: calls.append(1))}, 0.1)
    watch.seconds(together.Timed("job", passes=4))
    assert comm.sent == [(("job", 4), 1), (("job", 4), 2)]
    assert len(calls) == 5  # once to warm up
    watch.end()
    assert comm.sent[-1] == (("end", 0), 2)


def test_the_load_counts_each_host_once_and_each_process_as_our_own(monkeypatch):
    mine = load.Reading(busy=3.0, total=20.0, own=1.0, held=0.0)
    monkeypatch.setattr(load, "reading", lambda: mine)
    found = together._load(Alone())
    assert (found.busy, found.total, found.own) == (3.0 + 5.0, 20.0 + 10.0, 3.0)


# the record


def test_a_record_comes_back_as_it_was_saved(tmp_path):
    path = save_engines(record(), tmp_path / "new" / "a.json")
    again = save_engines(load_engines(path), tmp_path / "b.json")
    assert again.read_text() == path.read_text()
    assert load_engines(path).steps[0] == record().steps[0]  # without NaN
    assert path.stat().st_size < 10_000


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/engines", "/machine", "schema must be 'how-fast-can-it-train/engines', got"),
        ('"version": 1', '"version": 2', "version must be 1, got 2"),
        ('"convolutional"', '"recurrent"', r"steps\[0\].network must be of the form"),
        ('"processes": 2', '"processes": 0', r"reductions\[0\].processes must be a number"),
        ('"value": 3e-06', '"value": -1', r"links\[0\].latency.value must be a number above 0"),
        (
            '"speedup": { "value": 1.5',
            '"speedup": { "value": -1',
            "above 0 and at most 1e6, got -1",
        ),
        ('"mpi"', '"host"', "the record must hold mpi, and does not"),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(tmp_path, old, new, words):
    text = save_engines(record(), tmp_path / "a.json").read_text()
    assert old in text
    with pytest.raises(ValueError, match=words):
        parse_engines(text.replace(old, new, 1))


def test_a_record_of_a_machine_is_no_record_of_engines():
    from helpers.measure.record import MACHINES

    for path in MACHINES.glob("*.json"):
        with pytest.raises(ValueError, match=f"{path.name}: schema must be"):
            load_engines(path)


def test_a_record_is_shipped():
    assert KNOWN
    for found in shipped_engines().values():
        assert [row.size for row in found.reductions] == list(together.SIZES)
        assert {(row.network, row.batch) for row in found.steps} == {
            (name, batch) for name in training.BUILD for batch in together.BATCHES
        }


# the pictures


def test_all_reduces_are_dots_beside_the_model():
    found = record()
    ax = plot_reductions(found.reductions, found.links, ax=Figure().add_subplot())
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [4**p for p in (6, *range(8, 14))]
    (model,) = (la for la in ax.lines if la.get_linestyle() == "-" and len(la.get_xdata()) > 2)
    expected = allreduce_time(np.asarray(model.get_xdata()), 2, 4e9, 3e-6)
    np.testing.assert_allclose(model.get_ydata(), expected)
    sentence = reductions_scene(found.reductions, found.links).sentence
    assert "latency 3 µs, bandwidth 4 GB/s" in sentence and "64 MiB" in sentence


def test_without_a_fit_no_line_is_drawn():
    found = record()
    links = (Link(2, measured(3e-6), unknown("too noisy")),)
    scene = reductions_scene(found.reductions, links)
    assert scene.sentence.endswith("No fit: too noisy.")
    ax = plot_reductions(found.reductions, links, ax=Figure().add_subplot())
    assert max(len(line.get_xdata()) for line in ax.lines) == 2  # intervals


def test_speedups_are_dots_and_the_slower_case_is_named():
    found = record()
    ax = plot_steps(found.steps, ax=Figure().add_subplot())
    dots = [line.get_xydata() for line in ax.lines if line.get_marker() in ("o", "s")]
    assert {tuple(dot[0]) for dot in dots} == {(2, 1.5), (8, 1.5), (2, 0.7)}
    assert "Slower than one: fully connected, B = 2." in steps_scene(found.steps).sentence


# processes


def _one_fails(comm):
    if comm.rank == 1:
        raise ValueError("not rank 1")
    comm.Barrier()


_one_fails.__module__ = "__main__"  # sent as code: the engines cannot import the tests
KERNEL = """
import time
from helpers.engines.cluster import Engines
engines = Engines(2)
print(engines.why or "started", flush=True)
time.sleep(600)
"""


def _marked(mark):
    """The processes that have a mark among their variables, which they inherit."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("ENGINES_OF") == mark:
                found.append(process)
    return found


def _words(processes):
    words = []
    for process in processes:
        with suppress(psutil.Error):
            words += process.cmdline()
    return " ".join(words)


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("when", ["running", "starting"])
def test_nothing_is_left_running_when_the_kernel_is_killed(when, tmp_path):
    mark = str(tmp_path)
    variables = environment() | {"ENGINES_OF": mark, "TMPDIR": mark}
    kernel = subprocess.Popen(
        [sys.executable, "-c", KERNEL], stdout=subprocess.PIPE, text=True, env=variables
    )
    try:
        if when == "running":
            assert kernel.stdout.readline() == "started\n"
            words = _words(_marked(mark))
            assert all(part in words for part in ("guard", "controller", "mpiexec", "engine"))
        else:
            last = time.monotonic() + 20
            while "mpiexec" not in _words(_marked(mark)):
                time.sleep(0.05)
                assert time.monotonic() < last
    finally:
        kernel.send_signal(signal.SIGKILL)
        kernel.wait()
        kernel.stdout.close()
    last = time.monotonic() + 30
    while guard.running(_marked(mark), 1.0) and time.monotonic() < last:
        pass
    assert _words(_marked(mark)) == ""
    assert list(tmp_path.iterdir()) == []


@needs_mpi
@pytest.mark.slow
def test_two_processes_train_as_one_and_leave_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Engines(2) as engines:
        assert engines.why == ""
        top = psutil.Process(engines.guard.pid)
        processes = [top, *top.children(recursive=True)]
        assert len(processes) > 4 and list(tmp_path.iterdir())
        for name in training.BUILD:
            one = training.train(None, name, 32)
            first, second = engines.run(training.train, name, 32)
            assert (first == second).all()
            np.testing.assert_allclose(first, one, atol=1e-6)
            before = training.BUILD[name]().weights
            assert np.abs(one - before).max() > 1e-3
        told = []
        quick = dict(seconds=2.0, limit=1.0, progress=lambda share, words: told.append(share))
        rows, links = together.reductions(engines, (4096, 65536), **quick)
        stepped = together.steps(engines, links, (1,), **quick)
        results = [row.seconds for row in rows] + [row.step for row in stepped]
        assert len(results) == 4 and all(result.rounds for result in results)
        found = measure_engines(engines, 2.0)  # in so short a time perhaps without results
        assert parse_engines(save_engines(found, tmp_path / "a.json").read_text())
        assert found.mpi != "unknown"
        assert told and 0 <= min(told) and max(told) <= 1
        with pytest.raises(RuntimeError, match="an engine failed: .*not rank 1"):
            engines.run(_one_fails, seconds=30)  # while the other waits for it
        assert "an engine failed" in engines.why
        assert guard.running(processes, 0) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json"]


@needs_mpi
@pytest.mark.slow
def test_engines_that_do_not_start_are_a_reason(monkeypatch, tmp_path):
    program = tmp_path / "mpiexec"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(cluster, "BESIDE", str(tmp_path))
    engines = Engines(2)
    assert engines.why == "no engines: what starts them ended with exit code 3"
    assert engines.guard.poll() is not None
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    assert Engines(2, "absent").why == "no engines: IPython has no profile 'absent'"
    assert [path.name for path in tmp_path.iterdir()] == ["mpiexec"]
