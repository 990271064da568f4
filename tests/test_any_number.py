"""Any number is a number: the models against exact fractions, over their whole range and all types.

For every public model function there is the same formula on Python's fractions, written from the
definition and not from the code. Hypothesis chooses the numbers.
"""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import (
    amdahl,
    budget,
    memory,
    networks,
    parallel,
    pipeline,
    ranges,
    roofline,
    transformers,
)
from helpers.ranges import LARGEST, SMALLEST
from models import MODELS

TOLERANCE = 1e-13
WHOLE = 2**53  # up to which every whole number is a floating-point number
ANY_SIZE = st.floats(SMALLEST, LARGEST)
# Ordinary sizes come up as often as extreme ones.
POSITIVE = st.one_of(st.floats(1e-3, 1e3), st.integers(1, 10**20), ANY_SIZE)
NOT_NEGATIVE = st.one_of(st.just(0.0), POSITIVE)
AT_LEAST_ONE = st.one_of(st.integers(1, 4096), st.floats(1, 1e3), st.floats(1, LARGEST))
ABOVE_ONE = st.one_of(st.integers(2, 4096), st.floats(1.001, LARGEST))
FRACTION = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1).filter(lambda f: f == 0 or f >= SMALLEST)
)
BELOW_ONE = FRACTION.filter(lambda fraction: fraction < 1)
# What is tried of each range: finite numbers, since no fraction is infinite.
TRIED = {
    ranges.POSITIVE: POSITIVE,
    ranges.POSITIVE_OR_INFINITE: POSITIVE,
    ranges.NOT_NEGATIVE: NOT_NEGATIVE,
    ranges.NOT_NEGATIVE_OR_INFINITE: NOT_NEGATIVE,
    ranges.AT_LEAST_ONE: AT_LEAST_ONE,
    ranges.AT_LEAST_ONE_OR_INFINITE: AT_LEAST_ONE,
    ranges.FRACTION: FRACTION,
    ranges.POSITIVE_FRACTION: FRACTION.filter(bool),
    ranges.COUNT: st.one_of(st.integers(1, 4096), st.integers(1, 10**40)),
    **{ranges.between(0, most, whole=True): st.integers(0, most) for most in (2, 3)},
}
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


def states(devices, zero, weight_bytes, gradient_bytes, master_bytes, moment_bytes):
    everywhere, shared = 0, 0
    kept = [(1, master_bytes), (1, moment_bytes), (2, gradient_bytes), (3, weight_bytes)]
    for stage, number_bytes in kept:
        everywhere += number_bytes * (zero < stage)
        shared += number_bytes * (zero >= stage)
    return everywhere + shared / devices


def halves(zero, chunks):
    return {0: 2, 1: 2, 2: chunks + 1, 3: 3 * chunks}[zero]


# Each formula in exact arithmetic, of the same arguments.
EXACT = {
    roofline.attainable: lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth),
    roofline.ridge: lambda peak, bandwidth: peak / bandwidth,
    roofline.balance: lambda intensity, peak, bandwidth: intensity / (peak / bandwidth),
    roofline.compute_utilisation: (
        lambda intensity, peak, bandwidth: min(peak, intensity * bandwidth) / peak
    ),
    roofline.bandwidth_utilisation: (
        lambda intensity, peak, bandwidth: (
            min(peak, intensity * bandwidth) / (intensity * bandwidth)
        )
    ),
    roofline.overlapped_time: (
        lambda work, intensity, peak, bandwidth: work / min(peak, intensity * bandwidth)
    ),
    amdahl.serial_time: (
        lambda work, intensity, peak, bandwidth: work / peak + work / intensity / bandwidth
    ),
    amdahl.compute_fraction: (
        lambda intensity, peak, bandwidth: intensity * bandwidth / (peak + intensity * bandwidth)
    ),
    amdahl.speedup: lambda p, s, r: 1 / (r * (1 - p) + p / s),
    amdahl.limit: lambda p, r: 1 / (r * (1 - p)),
    amdahl.gustafson: lambda p_after, s: 1 + p_after * (s - 1),
    budget.training_work: (
        lambda forward_work, examples, epochs, passes: forward_work * examples * epochs * passes
    ),
    budget.training_time: lambda work, peak, fraction, devices: work / peak / fraction / devices,
    budget.achieved_fraction: lambda work, time, peak, devices: work / time / peak / devices,
    budget.linear_work: lambda inputs, outputs: 2 * inputs * outputs,
    LAYER.traffic: (
        lambda batch, number_bytes: (
            number_bytes * (64 * 3 * 7 * 7 + batch * (3 * 224 * 224 + 64 * 112 * 112))
        )
    ),
    LAYER.intensity: (
        lambda batch, number_bytes: (
            batch
            * 2
            * 3
            * 49
            * 64
            * 112
            * 112
            / (number_bytes * (64 * 147 + batch * (3 * 224 * 224 + 64 * 112 * 112)))
        )
    ),
    pipeline.chunked_time: (chunked),
    pipeline.buffered_time: (buffered),
    pipeline.chunked_performance: (
        lambda intensity, peak, bandwidth, chunks: (
            1 / chunked(1 / intensity / bandwidth, 1 / peak, chunks)
        )
    ),
    pipeline.overlap_gain: lambda balance: (1 + balance) / max(1, balance),
    pipeline.pipelined_speedup: (
        lambda balance, s, chunks: chunked(1, balance, chunks) / chunked(1, balance / s, chunks)
    ),
    pipeline.speedup_over_serial: (
        lambda balance, s, chunks: (1 + balance) / chunked(1, balance / s, chunks)
    ),
    parallel.allreduce_bytes: lambda size, devices: ring(size, devices, 1, 0),
    parallel.allreduce_time: (
        lambda size, devices, bandwidth, latency: ring(size, devices, bandwidth, latency)
    ),
    parallel.network_intensity: (
        lambda step_work, size, devices: step_work / ring(size, devices, 1, 0)
    ),
    parallel.step_time: (
        lambda compute, communication, overlap, overhead: (
            compute + communication - overlap * min(compute, communication) + overhead
        )
    ),
    parallel.throughput: lambda batch, devices, step_time: batch * devices / step_time,
    parallel.efficiency: lambda speedup, devices: speedup / devices,
    parallel.data_split_bytes: (
        lambda parameters, devices, number_bytes: ring(parameters * number_bytes, devices, 1, 0)
    ),
    parallel.model_split_bytes: (
        lambda inputs, global_batch, devices, number_bytes: ring(
            inputs * global_batch * number_bytes, devices, 1, 0
        )
    ),
    parallel.crossover_batch: lambda parameters, inputs: parameters / inputs,
    parallel.lstm_work: lambda batch, hidden: batch * (4 * 2 * 2 * hidden * hidden + 9 * hidden),
    parallel.lstm_traffic: (
        lambda batch, hidden, number_bytes: (
            number_bytes * (4 * (2 * hidden + 1) * hidden + 5 * batch * hidden)
        )
    ),
    parallel.lstm_intensity: (
        lambda global_batch, hidden, devices, number_bytes: (
            global_batch
            / devices
            * (16 * hidden + 9)
            / (number_bytes * (8 * hidden + 4 + 5 * global_batch / devices))
        )
    ),
    parallel.pipeline_bubble: lambda stages, chunks: (stages - 1) / (chunks + stages - 1),
    parallel.pipeline_speedup: lambda stages, chunks: stages * chunks / (chunks + stages - 1),
    transformers.weights_work: lambda parameters, tokens: 6 * parameters * tokens,
    transformers.attention_work: (
        lambda layers, width, sequence, tokens: 12 * layers * width * sequence * tokens
    ),
    transformers.product_intensity: (
        lambda rows, inputs, outputs, number_bytes: (
            2
            * (rows * inputs * outputs)
            / (number_bytes * (rows * inputs + inputs * outputs + rows * outputs))
        )
    ),
    transformers.attention_intensity: (
        lambda rows, sequence, head_width, number_bytes, sharing, scores: (
            4
            * (rows * sequence * head_width)
            / number_bytes
            / (
                2 * rows * head_width
                + 2 * sequence * head_width / sharing
                + scores * rows * sequence
            )
        )
    ),
    memory.state_bytes: lambda parameters, **named: parameters * states(**named),
    memory.ring_halves: halves,
    memory.exchanges: lambda recompute: 2 * (2 + (recompute == 2)),
    memory.tensor_split_bytes: (
        lambda batch, sequence, width, layers, devices, recompute, number_bytes: (
            layers
            * 2
            * (2 + (recompute == 2))
            * ring(batch, devices, 1, 0)
            * sequence
            * width
            * number_bytes
        )
    ),
    memory.zero_split_bytes: (
        lambda parameters, devices, zero, chunks, number_bytes: (
            halves(zero, chunks) * ring(parameters * number_bytes, devices, 1, 0) / 2
        )
    ),
    memory.layer_activations: (
        lambda batch, sequence, width, feedforward, sharing, branches, recompute, number_bytes: (
            (
                width
                if recompute == 2
                else 6 * width + 2 * width / sharing + (2 - recompute) * branches * feedforward
            )
            * batch
            * sequence
            * number_bytes
        )
    ),
    memory.score_bytes: (
        lambda batch, sequence, heads, number_bytes: (
            batch * sequence * sequence * heads * number_bytes
        )
    ),
    memory.loss_bytes: (
        lambda batch, sequence, vocabulary, number_bytes: (
            batch * sequence * number_bytes * vocabulary
        )
    ),
}
# Where a formula has a value only for fewer numbers than its function takes, or steps to count.
NARROWER = {
    (roofline.bandwidth_utilisation, "intensity"): POSITIVE,
    (amdahl.limit, "p"): BELOW_ONE,
    (parallel.network_intensity, "devices"): ABOVE_ONE,
    (pipeline.buffered_time, "chunks"): st.integers(1, 64),
    (pipeline.buffered_time, "buffers"): st.integers(1, 8),
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


def test_every_public_function_is_tried():
    tried = {function.__name__ for function in EXACT} | ELSEWHERE
    public = MODELS.keys() | {"traffic", "intensity"}
    assert tried == public, f"write the exact form of {public - tried} into EXACT"


def assert_exact(result, exact, tolerance=TOLERANCE):
    assert isinstance(result, float) and math.isfinite(result)
    assert abs(Fraction(result) - exact) <= Fraction(tolerance) * abs(exact)


functions = pytest.mark.parametrize("function", EXACT, ids=lambda function: function.__name__)


@functions
def test_results_are_those_of_exact_arithmetic(function):
    exact = EXACT[function]
    tried = {
        name: NARROWER.get((function, name), TRIED[allowed])
        for name, allowed in function.ranges.items()
    }

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.fixed_dictionaries(tried))
    def agrees(values):
        fractions = {name: Fraction(float(value)) for name, value in values.items()}
        assert_exact(function(**values), exact(**fractions))

    agrees()


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(*[st.integers(1, 512)] * 5, st.integers(1, 64))
@example(64, 64, 2, 512, 2**29, 1)  # 2**53
@example(511, 509, 503, 499, 491, 61)  # 4e18: no floating-point number
def test_the_work_of_a_convolution_is_exact_as_long_as_whole_numbers_are(
    inputs, outputs, kernel, height, width, groups
):
    work = budget.convolution_work(groups * inputs, groups * outputs, kernel, height, width, groups)
    exact = 2 * kernel**2 * inputs * groups * outputs * height * width
    assert_exact(work, exact, tolerance=0 if exact <= WHOLE else TOLERANCE)


def test_groups_of_one_channel_divide_exactly():
    groups = np.arange(1, 4097)
    assert (budget.convolution_work(groups, groups, 1, 1, 1, groups) == 2 * groups).all()


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(NOT_NEGATIVE, st.integers(1, 64), st.integers(1, 512), POSITIVE, POSITIVE, NOT_NEGATIVE)
def test_two_levels_are_two_rings(size, per_node, nodes, link, network, latency):
    exact = [Fraction(float(x)) for x in (size, link, network, latency)]
    for devices, inside, outside in ((per_node * nodes, per_node, nodes), (1, 1, 1)):
        time = parallel.hierarchical_time(size, devices, per_node, link, network, latency)
        G, beta, port, wait = exact
        assert_exact(time, ring(G, inside, beta, wait) + ring(G, outside, port, wait))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(POSITIVE, ABOVE_ONE)
def test_karp_flatt_keeps_the_digits_of_its_terms(gain, devices):
    S, n = Fraction(float(gain)), Fraction(float(devices))
    exact, terms = (1 / S - 1 / n) / (1 - 1 / n), (1 / S + 1 / n) / (1 - 1 / n)
    result = amdahl.karp_flatt(gain, devices)
    assert abs(Fraction(result) - exact) <= Fraction(TOLERANCE) * terms


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(BELOW_ONE, ABOVE_ONE)
def test_break_even_keeps_the_digits_of_its_terms(p, s):
    exact = (1 - Fraction(p) / Fraction(float(s))) / (1 - Fraction(p))
    terms = (1 + Fraction(p) / Fraction(float(s))) / (1 - Fraction(p))
    assert abs(Fraction(amdahl.break_even(p, s)) - exact) <= Fraction(TOLERANCE) * terms


TYPES = [
    *(np.uint8, np.int16, np.int32, np.int64, np.float16, np.float32, np.longdouble),
    *(int, float, Fraction, Decimal, sympy.Integer, sympy.Float),
]


@functions
def test_a_number_of_any_type_is_the_same_number(function):
    numbers = {name: min(64, allowed.high) for name, allowed in function.ranges.items()}
    expected = function(**numbers)
    for kind in TYPES:
        typed = {name: kind(value) for name, value in numbers.items()}
        result = function(**typed)
        assert result == expected and type(result) is type(expected), kind
        several = {name: [value] * 3 for name, value in typed.items()}
        assert function(**several).tolist() == [expected] * 3, kind


@functions
def test_shapes_come_out_as_they_went_in(function):
    good = dict.fromkeys(function.ranges, 1)
    for name in good:
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
        (lambda: parallel.pipeline_speedup([1, 2.5, 4], 4), "stages"),
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
