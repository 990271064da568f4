"""Any number is a number: the models against exact fractions, over their whole range and all types.

For every public model function there is the same formula on Python's fractions, written from the
definition and not from the code. Hypothesis chooses the numbers.
"""

import inspect
import math
import re
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import amdahl, budget, networks, parallel, pipeline, roofline
from helpers.ranges import LARGEST, SMALLEST

TOLERANCE = 1e-13
SIZES = st.floats(SMALLEST, LARGEST)
# Ordinary sizes come up as often as extreme ones.
POSITIVE = st.one_of(st.floats(1e-3, 1e3), st.integers(1, 10**20), SIZES)
NOT_NEGATIVE = st.one_of(st.just(0.0), POSITIVE)
AT_LEAST_ONE = st.one_of(st.integers(1, 4096), st.floats(1, 1e3), st.floats(1, LARGEST))
ABOVE_ONE = st.one_of(st.integers(2, 4096), st.floats(1.001, LARGEST))
FRACTION = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1).filter(lambda f: f == 0 or f >= SMALLEST)
)
COUNT = st.one_of(st.integers(1, 4096), st.integers(1, 10**40))
LAYER = networks.resnet(50).layers[0]


def chunked(load, compute, chunks, store=0):
    *rest, longest = sorted([load, compute, store])
    return longest + sum(rest) / chunks


def buffered(load, compute, chunks, store, buffers):
    """The longest of all chains of stages: j waits for a buffer, the slowest unit in between."""
    total, slowest, n = load + compute + store, max(load, compute, store), int(chunks)
    waits = range((n - 1) // int(buffers) + 1)
    return max((j + 1) * total + (n - 1 - j * buffers) * slowest for j in waits) / n


def ring(size, n, bandwidth, latency):
    return 2 * (n - 1) * (size / n / bandwidth + latency)


# Each function: its arguments, and the same formula in exact arithmetic.
EXACT = {
    roofline.attainable: (
        {"intensity": NOT_NEGATIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth),
    ),
    roofline.ridge: (
        {"peak": POSITIVE, "bandwidth": POSITIVE},
        lambda peak, bandwidth: peak / bandwidth,
    ),
    roofline.balance: (
        {"intensity": NOT_NEGATIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda intensity, peak, bandwidth: intensity / (peak / bandwidth),
    ),
    roofline.compute_utilisation: (
        {"intensity": NOT_NEGATIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth) / peak,
    ),
    roofline.bandwidth_utilisation: (
        {"intensity": POSITIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda intensity, peak, bandwidth: (
            min(peak, intensity * bandwidth) / (intensity * bandwidth)
        ),
    ),
    roofline.overlapped_time: (
        {"work": NOT_NEGATIVE, "intensity": POSITIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda work, intensity, peak, bandwidth: work / min(peak, intensity * bandwidth),
    ),
    amdahl.serial_time: (
        {"work": NOT_NEGATIVE, "intensity": POSITIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda work, intensity, peak, bandwidth: work / peak + work / intensity / bandwidth,
    ),
    amdahl.compute_fraction: (
        {"intensity": NOT_NEGATIVE, "peak": POSITIVE, "bandwidth": POSITIVE},
        lambda intensity, peak, bandwidth: intensity * bandwidth / (peak + intensity * bandwidth),
    ),
    amdahl.speedup: (
        {"p": FRACTION, "s": POSITIVE, "r": POSITIVE},
        lambda p, s, r: 1 / (r * (1 - p) + p / s),
    ),
    amdahl.limit: (
        {"p": FRACTION.filter(lambda p: p < 1), "r": POSITIVE},
        lambda p, r: 1 / (r * (1 - p)),
    ),
    amdahl.gustafson: (
        {"p_after": FRACTION, "s": POSITIVE},
        lambda p_after, s: 1 + p_after * (s - 1),
    ),
    budget.training_work: (
        {
            "forward_work": NOT_NEGATIVE,
            "examples": NOT_NEGATIVE,
            "epochs": NOT_NEGATIVE,
            "passes": NOT_NEGATIVE,
        },
        lambda forward_work, examples, epochs, passes: forward_work * examples * epochs * passes,
    ),
    budget.training_time: (
        {
            "work": NOT_NEGATIVE,
            "peak": POSITIVE,
            "fraction": FRACTION.filter(bool),
            "devices": AT_LEAST_ONE,
        },
        lambda work, peak, fraction, devices: work / peak / fraction / devices,
    ),
    budget.achieved_fraction: (
        {"work": NOT_NEGATIVE, "time": POSITIVE, "peak": POSITIVE, "devices": AT_LEAST_ONE},
        lambda work, time, peak, devices: work / time / peak / devices,
    ),
    budget.linear_work: (
        {"inputs": COUNT, "outputs": COUNT},
        lambda inputs, outputs: 2 * inputs * outputs,
    ),
    LAYER.traffic: (
        {"batch": POSITIVE, "number_bytes": POSITIVE},
        lambda batch, number_bytes: (
            number_bytes * (64 * 3 * 7 * 7 + batch * (3 * 224 * 224 + 64 * 112 * 112))
        ),
    ),
    LAYER.intensity: (
        {"batch": POSITIVE, "number_bytes": POSITIVE},
        lambda batch, number_bytes: (
            batch
            * 2
            * 3
            * 49
            * 64
            * 112
            * 112
            / (number_bytes * (64 * 147 + batch * (3 * 224 * 224 + 64 * 112 * 112)))
        ),
    ),
    pipeline.chunked_time: (
        {
            "load": NOT_NEGATIVE,
            "compute": NOT_NEGATIVE,
            "chunks": AT_LEAST_ONE,
            "store": NOT_NEGATIVE,
        },
        chunked,
    ),
    pipeline.buffered_time: (
        {
            "load": NOT_NEGATIVE,
            "compute": NOT_NEGATIVE,
            "chunks": st.integers(1, 64),
            "store": NOT_NEGATIVE,
            "buffers": st.integers(1, 8),
        },
        buffered,
    ),
    pipeline.chunked_performance: (
        {"intensity": POSITIVE, "peak": POSITIVE, "bandwidth": POSITIVE, "chunks": AT_LEAST_ONE},
        lambda intensity, peak, bandwidth, chunks: (
            1 / chunked(1 / intensity / bandwidth, 1 / peak, chunks)
        ),
    ),
    pipeline.overlap_gain: (
        {"balance": POSITIVE},
        lambda balance: (1 + balance) / max(1, balance),
    ),
    pipeline.pipelined_speedup: (
        {"balance": NOT_NEGATIVE, "s": POSITIVE, "chunks": AT_LEAST_ONE},
        lambda balance, s, chunks: chunked(1, balance, chunks) / chunked(1, balance / s, chunks),
    ),
    pipeline.speedup_over_serial: (
        {"balance": NOT_NEGATIVE, "s": POSITIVE, "chunks": AT_LEAST_ONE},
        lambda balance, s, chunks: (1 + balance) / chunked(1, balance / s, chunks),
    ),
    parallel.allreduce_bytes: (
        {"size": NOT_NEGATIVE, "devices": AT_LEAST_ONE},
        lambda size, devices: ring(size, devices, 1, 0),
    ),
    parallel.allreduce_time: (
        {
            "size": NOT_NEGATIVE,
            "devices": AT_LEAST_ONE,
            "bandwidth": POSITIVE,
            "latency": NOT_NEGATIVE,
        },
        lambda size, devices, bandwidth, latency: ring(size, devices, bandwidth, latency),
    ),
    parallel.network_intensity: (
        {"step_work": NOT_NEGATIVE, "size": POSITIVE, "devices": ABOVE_ONE},
        lambda step_work, size, devices: step_work / ring(size, devices, 1, 0),
    ),
    parallel.step_time: (
        {
            "compute": NOT_NEGATIVE,
            "communication": NOT_NEGATIVE,
            "overlap": FRACTION,
            "overhead": NOT_NEGATIVE,
        },
        lambda compute, communication, overlap, overhead: (
            compute + communication - overlap * min(compute, communication) + overhead
        ),
    ),
    parallel.throughput: (
        {"batch": POSITIVE, "devices": AT_LEAST_ONE, "step_time": POSITIVE},
        lambda batch, devices, step_time: batch * devices / step_time,
    ),
    parallel.efficiency: (
        {"speedup": POSITIVE, "devices": AT_LEAST_ONE},
        lambda speedup, devices: speedup / devices,
    ),
    parallel.data_split_bytes: (
        {"parameters": NOT_NEGATIVE, "devices": AT_LEAST_ONE, "number_bytes": POSITIVE},
        lambda parameters, devices, number_bytes: ring(parameters * number_bytes, devices, 1, 0),
    ),
    parallel.model_split_bytes: (
        {
            "inputs": POSITIVE,
            "global_batch": POSITIVE,
            "devices": AT_LEAST_ONE,
            "number_bytes": POSITIVE,
        },
        lambda inputs, global_batch, devices, number_bytes: ring(
            inputs * global_batch * number_bytes, devices, 1, 0
        ),
    ),
    parallel.crossover_batch: (
        {"parameters": NOT_NEGATIVE, "inputs": POSITIVE},
        lambda parameters, inputs: parameters / inputs,
    ),
    parallel.lstm_work: (
        {"batch": POSITIVE, "hidden": POSITIVE},
        lambda batch, hidden: batch * (4 * 2 * 2 * hidden * hidden + 9 * hidden),
    ),
    parallel.lstm_traffic: (
        {"batch": POSITIVE, "hidden": POSITIVE, "number_bytes": POSITIVE},
        lambda batch, hidden, number_bytes: (
            number_bytes * (4 * (2 * hidden + 1) * hidden + 5 * batch * hidden)
        ),
    ),
    parallel.lstm_intensity: (
        {
            "global_batch": POSITIVE,
            "hidden": POSITIVE,
            "devices": AT_LEAST_ONE,
            "number_bytes": POSITIVE,
        },
        lambda global_batch, hidden, devices, number_bytes: (
            global_batch
            / devices
            * (16 * hidden + 9)
            / (number_bytes * (8 * hidden + 4 + 5 * global_batch / devices))
        ),
    ),
    parallel.pipeline_bubble: (
        {"stages": COUNT, "chunks": AT_LEAST_ONE},
        lambda stages, chunks: (stages - 1) / (chunks + stages - 1),
    ),
    parallel.pipeline_speedup: (
        {"stages": COUNT, "chunks": AT_LEAST_ONE},
        lambda stages, chunks: stages * chunks / (chunks + stages - 1),
    ),
}
# Differences of nearly equal numbers lose digits; and what gives no number or takes none.
ELSEWHERE = {
    "bound",  # a word; test_roofline
    "karp_flatt",
    "break_even",  # below, with the digits that a difference keeps
    "convolution_work",
    "hierarchical_time",  # below: their counts depend on one another
    "schedule",  # test_pipeline: event by event
}


def public_functions():
    for module in (roofline, amdahl, budget, pipeline, parallel):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield name


def test_every_public_function_is_tried():
    tried = {function.__name__ for function in EXACT} | ELSEWHERE
    assert tried == {*public_functions(), "traffic", "intensity"}


def quietly(function, *arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments, **named)


def assert_exact(result, exact, tolerance=TOLERANCE):
    assert isinstance(result, float) and math.isfinite(result)
    assert abs(Fraction(result) - exact) <= Fraction(tolerance) * abs(exact)


functions = pytest.mark.parametrize("function", EXACT, ids=lambda function: function.__name__)


@functions
def test_results_are_those_of_exact_arithmetic(function):
    arguments, exact = EXACT[function]

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.fixed_dictionaries(arguments))
    def agrees(values):
        assert_exact(
            quietly(function, **values),
            exact(**{name: Fraction(float(value)) for name, value in values.items()}),
        )

    agrees()


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(*[st.integers(1, 512)] * 5, st.integers(1, 64))
def test_convolutions_are_exact(inputs, outputs, kernel, height, width, groups):
    work = quietly(
        budget.convolution_work, groups * inputs, groups * outputs, kernel, height, width, groups
    )
    assert work == 2 * kernel**2 * inputs * groups * outputs * height * width


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(NOT_NEGATIVE, st.integers(1, 64), st.integers(1, 512), POSITIVE, POSITIVE, NOT_NEGATIVE)
def test_two_levels_are_two_rings(size, per_node, nodes, link, network, latency):
    exact = [Fraction(float(x)) for x in (size, link, network, latency)]
    for devices, inside, outside in ((per_node * nodes, per_node, nodes), (1, 1, 1)):
        time = quietly(parallel.hierarchical_time, size, devices, per_node, link, network, latency)
        G, beta, port, wait = exact
        assert_exact(time, ring(G, inside, beta, wait) + ring(G, outside, port, wait))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(POSITIVE, ABOVE_ONE)
def test_karp_flatt_keeps_the_digits_of_its_terms(gain, devices):
    S, n = Fraction(float(gain)), Fraction(float(devices))
    exact, terms = (1 / S - 1 / n) / (1 - 1 / n), (1 / S + 1 / n) / (1 - 1 / n)
    result = quietly(amdahl.karp_flatt, gain, devices)
    assert abs(Fraction(result) - exact) <= Fraction(TOLERANCE) * terms


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(FRACTION.filter(lambda p: p < 1), ABOVE_ONE)
def test_break_even_keeps_the_digits_of_its_terms(p, s):
    exact = (1 - Fraction(p) / Fraction(float(s))) / (1 - Fraction(p))
    terms = (1 + Fraction(p) / Fraction(float(s))) / (1 - Fraction(p))
    assert abs(Fraction(quietly(amdahl.break_even, p, s)) - exact) <= Fraction(TOLERANCE) * terms


@pytest.mark.parametrize("size", [1e-300, 5e-324, 1e46, 1e308])
@functions
def test_what_is_too_small_or_too_large_is_refused_by_name(function, size):
    arguments, _ = EXACT[function]
    good = {name: 0.5 if strategy is FRACTION else 1 for name, strategy in arguments.items()}
    for name in arguments:
        for value in (size, [1, size]):
            with pytest.raises(
                ValueError, match=rf"^{name} must be .*, got {re.escape(str(size))}$"
            ):
                quietly(function, **{**good, name: value})


TYPES = [
    *(np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.longdouble),
    *(int, float, Fraction, Decimal, sympy.Integer, sympy.Float),
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@functions
def test_a_number_of_any_type_is_the_same_number(function, kind):
    arguments, _ = EXACT[function]
    limits = {
        name: 1 if name in ("p", "p_after", "fraction", "overlap") else 64 for name in arguments
    }
    expected = function(**limits)
    typed = {name: kind(value) for name, value in limits.items()}
    result = quietly(function, **typed)
    assert result == expected and type(result) is type(expected)
    several = {name: [value] * 3 for name, value in typed.items()}
    assert quietly(function, **several).tolist() == [expected] * 3


@functions
def test_shapes_come_out_as_they_went_in(function):
    names = list(EXACT[function][0])
    good = dict.fromkeys(names, 1)
    for name in names:
        for shape in ((0,), (1,), (3,), (2, 3)):
            for fill in (0.0, 1.0) if name in ("store", "latency", "overhead") else (1.0,):
                assert np.shape(function(**{**good, name: np.full(shape, fill)})) == shape
        column = pd.Series([1, 1], dtype="int32")
        assert function(**{**good, name: column}).shape == (2,)


def test_the_work_of_a_language_model_in_whole_numbers():
    # 6 N D of GPT-3, as everybody computes it: a whole number above 2**64.
    time = budget.training_time(314 * 10**21, 312e12, 0.4, 1024)
    assert time == budget.training_time(314e21, 312e12, 0.4, 1024)
    assert budget.training_work(10**30, 1, 1, passes=1) == 1e30
    with pytest.raises(
        ValueError, match="^work must be real numbers .*, got a value of type int|^work"
    ):
        budget.training_time(10**400, 1, 1)


@pytest.mark.parametrize(
    "bad",
    [
        "5",
        [1, "5"],
        [Fraction(1, 2), "5"],
        [1, None],
        True + 1j,
        sympy.Symbol("x"),
        [pd.NA],
        10**400,
    ],
    ids=str,
)
def test_what_is_no_number_is_refused_in_a_line(bad):
    with pytest.raises(
        ValueError, match="^peak must be real numbers above 0 and finite, got "
    ) as said:
        roofline.ridge(bad, 1)
    assert len(str(said.value)) < 120


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda: budget.convolution_work(3, 64, 2.5, 112, 112), "kernel"),
        (lambda: budget.convolution_work(3, 64, 7, 112, 112, groups=4), "groups"),
        (lambda: budget.convolution_work(4, 63, 7, 112, 112, groups=4), "groups"),
        (lambda: budget.linear_work(2.5, 4), "inputs"),
        (lambda: parallel.pipeline_bubble(2.5, 4), "stages"),
        (lambda: parallel.pipeline_speedup([1, 2.5], 4), "stages"),
        (lambda: networks.resnet(np.array([50])), "depth"),
        (lambda: networks.resnet("50"), "depth"),
        (lambda: networks.vgg([16]), "depth"),
    ],
)
def test_counts_are_whole_and_choices_are_single(wrong, name):
    with pytest.raises(ValueError, match=f"^{name} must "):
        wrong()


def test_a_depth_is_the_same_depth_in_any_type():
    assert networks.resnet(50.0) == networks.resnet(np.int64(50)) == networks.resnet(50)
    assert networks.vgg(16.0).name == "VGG-16"
