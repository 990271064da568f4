"""The models of parallel training agree with what SymPy derives, and with simulations.

The ring all-reduce is carried out on real numbers, chunk by chunk, and the pipeline is run event
by event; neither knows the closed form.
"""

import inspect
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from helpers import parallel

S, B, n, L = sp.symbols("S B n L", positive=True)
g, m, link, network = sp.symbols("g m link network", positive=True)
V, c, a, o, h, b, t = sp.symbols("V c a o h b t", positive=True)
W, inputs, batch, w = sp.symbols("W inputs batch w", positive=True)
H, K, M, speed = sp.symbols("H K M speed", positive=True)

# A ring: n - 1 rounds to add up, n - 1 rounds to spread, one n-th of the array in each round.
rounds, chunk = 2 * (n - 1), S / n
sent = rounds * chunk
ring = rounds * (chunk / B + L)

# Two levels: a ring of g devices over S inside, and g rings of m over S / g that share the port.
inside = sp.Min(n, g)
two_levels = ring.subs({n: inside, B: link}, simultaneous=True) + ring.subs(
    {n: n / inside, S: S / inside, B: network / inside}, simultaneous=True
)

# Splitting the model: all-gather of the inputs forward, reduce-scatter of their gradients back;
# in each, n - 1 rounds with one n-th of the numbers.
gathered = (n - 1) * batch * inputs * w / n
all_reduced = sent.subs(S, W * w)

# A cell: four gates of H units, each a sum over H inputs and H numbers of state.
products = 4 * H * (H + H)
# sigmoid three times and tanh once; f c + i g; tanh of the new cell; its product with o
unit_operations = 4 + 3 + 1 + 1
cell_work = batch * (2 * products + unit_operations * H)
# weights and biases; input, state and cell in; state and cell out
cell_traffic = w * (products + 4 * H + batch * (3 + 2) * H)

# A pipeline of K stages, each 1 / K of the work of V: chunk number M leaves after M + K - 1 rounds.
one_round = V / K / M
pipelined = (M + K - 1) * one_round

DERIVED = {
    parallel.allreduce_bytes: (sent, (S, n)),
    parallel.allreduce_time: (ring, (S, n, B, L)),
    parallel.hierarchical_time: (two_levels, (S, n, g, link, network, L)),
    parallel.network_intensity: (V / sent, (V, S, n)),
    parallel.step_time: (sp.Max(c, a) + (1 - o) * sp.Min(c, a) + h, (c, a, o, h)),
    parallel.throughput: (n * b / t, (b, n, t)),
    parallel.efficiency: (speed / n, (speed, n)),
    parallel.data_split_bytes: (all_reduced, (W, n, w)),
    parallel.model_split_bytes: (2 * gathered, (inputs, batch, n, w)),
    parallel.crossover_batch: (
        sp.solve(sp.Eq(all_reduced, 2 * gathered), batch)[0],
        (W, inputs),
    ),
    parallel.lstm_work: (cell_work, (batch, H)),
    parallel.lstm_traffic: (cell_traffic, (batch, H, w)),
    parallel.lstm_intensity: (
        (cell_work / cell_traffic).subs(batch, batch / n),
        (batch, H, n, w),
    ),
    parallel.pipeline_bubble: (sp.simplify(1 - V / (K * pipelined)), (K, M)),
    parallel.pipeline_speedup: (sp.simplify(V / pipelined), (K, M)),
}


@pytest.mark.parametrize("function", DERIVED, ids=lambda function: function.__name__)
def test_function_agrees_with_its_derivation(function):
    expression, symbols = DERIVED[function]
    assert expression.free_symbols <= set(symbols)
    derived = sp.lambdify(symbols, expression, "numpy")
    random = np.random.default_rng(20261123)
    ranges = {n: (1.01, 1000), g: (1, 16), o: (0, 1), K: (1, 64), M: (1, 64)}
    points = [
        random.uniform(*ranges[symbol], 200)
        if symbol in ranges
        else 10 ** random.uniform(-3, 9, 200)
        for symbol in symbols
    ]
    points = [
        np.rint(values) if s == K else values for s, values in zip(symbols, points, strict=True)
    ]
    if function is parallel.hierarchical_time:  # devices and machines are whole, machines full
        per_node, nodes = random.integers(1, 17, 200), random.integers(1, 100, 200)
        points[1] = np.where(nodes > 1, nodes * per_node, random.integers(1, per_node + 1))
        points[2] = per_node
    np.testing.assert_allclose(function(*points), derived(*points), 1e-9)


@pytest.mark.parametrize(
    ("devices", "per_node", "message"),
    [
        (12, 8, "devices must fill whole nodes of per_node, got 12"),
        ([8, 16, 20], 8, "devices must fill whole nodes of per_node, got 20"),
        (8, [8, 3], "devices must fill whole nodes of per_node, got 8"),
        (2.5, 8, "devices must be a whole number, at least 1, got 2.5"),
        (7, 3.5, "per_node must be a whole number, at least 1, got 3.5"),
    ],
)
def test_devices_fill_whole_nodes(devices, per_node, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parallel.hierarchical_time(1e8, devices, per_node, 150e9, 12.5e9)


@pytest.mark.parametrize(("devices", "per_node"), [(16, 8), (32, 8), (12, 4)])
def test_a_flat_ring_leaves_each_node_once(devices, per_node):
    # Add up what crosses each port when all devices stand in one ring, node after node.
    size = 3 * devices
    arrays = list(np.random.default_rng(devices).integers(-9, 9, (devices, size)))
    _, sent = ring_all_reduce(arrays)
    through_port = np.zeros(devices // per_node)
    for rank in range(devices):
        node, next_node = rank // per_node, (rank + 1) % devices // per_node
        if node != next_node:
            through_port[node] += sent[rank]
    at_full_rate = parallel.allreduce_time(size, devices, 12.5)
    np.testing.assert_allclose(through_port / 12.5, at_full_rate)


def test_no_model_function_is_left_out():
    for name, function in inspect.getmembers(parallel, inspect.isfunction):
        if function.__module__ == parallel.__name__ and not name.startswith("_"):
            assert function in DERIVED, f"{name} has no derivation"


def ring_all_reduce(arrays):
    """Carry out a ring all-reduce; return what each device holds and how many numbers it sent."""
    devices = len(arrays)
    held = [np.array_split(array.astype(float), devices) for array in arrays]
    numbers_sent = [0] * devices
    for spreading in (False, True):
        for step in range(devices - 1):
            messages = []
            for rank in range(devices):  # all devices send at the same moment
                chunk = (rank + spreading - step) % devices
                messages.append((rank, chunk, held[rank][chunk].copy()))
            for rank, chunk, message in messages:
                numbers_sent[rank] += message.size
                right = held[(rank + 1) % devices]
                right[chunk] = message if spreading else right[chunk] + message
    return [np.concatenate(chunks) for chunks in held], numbers_sent


@pytest.mark.parametrize("devices", [1, 2, 3, 4, 8, 13])
def test_ring_adds_up_and_sends_what_the_formula_says(devices):
    size = 5 * devices
    arrays = list(np.random.default_rng(devices).integers(-99, 99, (devices, size)))
    results, numbers_sent = ring_all_reduce(arrays)
    for result in results:
        np.testing.assert_array_equal(result, np.sum(arrays, axis=0))
    for numbers in numbers_sent:
        assert 8 * numbers == pytest.approx(parallel.allreduce_bytes(8 * size, devices))


@pytest.mark.parametrize(
    ("devices", "per_node"), [(1, 8), (4, 8), (8, 8), (16, 8), (32, 8), (6, 2)]
)
def test_two_levels_add_up_and_take_the_time_of_their_rings(devices, per_node):
    inside = min(devices, per_node)
    nodes = devices // inside
    size = 7 * devices
    arrays = np.random.default_rng(devices).integers(-99, 99, (nodes, inside, size))
    link, network = 150.0, 12.5
    # Inside each node, then between the devices of the same rank, which each own one part.
    sums = [ring_all_reduce(list(node)) for node in arrays]
    time = max(sent for _, numbers in sums for sent in numbers) / link
    parts = np.array([np.array_split(results[0], inside) for results, _ in sums])
    between = [ring_all_reduce(list(parts[:, rank])) for rank in range(inside)]
    port = sum(max(numbers) for _, numbers in between)  # all devices of a node share its port
    total = np.concatenate([results[0] for results, _ in between])
    np.testing.assert_array_equal(total, arrays.sum(axis=(0, 1)))
    expected = parallel.hierarchical_time(size, devices, per_node, link, network)
    assert time + port / network == pytest.approx(expected)


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("chunks", [1, 2, 4, 7, 32])
def test_pipeline_run_event_by_event(stages, chunks):
    # Exact: a chunk starts in a stage when the stage and the chunk are both free.
    step = Fraction(1, stages * chunks)  # the whole work takes one device 1
    stage_free = [Fraction(0)] * stages
    for _ in range(chunks):
        ready = Fraction(0)
        for stage in range(stages):
            ready = stage_free[stage] = max(ready, stage_free[stage]) + step
    end = max(stage_free)
    assert parallel.pipeline_speedup(stages, chunks) == pytest.approx(float(1 / end))
    idle = stages * end - 1  # over all devices
    assert parallel.pipeline_bubble(stages, chunks) == pytest.approx(float(idle / (stages * end)))


def test_a_model_split_layer_really_sends_what_the_formula_says():
    # Each of n devices has its share of the examples; count what a ring moves.
    devices, examples, width = 4, 12, 6
    held = [{rank} for rank in range(devices)]
    sent = [0] * devices
    for step in range(devices - 1):  # all-gather: pass on the share that came last
        for rank in range(devices):
            share = (rank - step) % devices
            assert share in held[rank]
            sent[rank] += examples // devices * width
        for rank in range(devices):
            held[(rank + 1) % devices].add((rank - step) % devices)
    assert all(len(shares) == devices for shares in held)
    # The gradients go back as a reduce-scatter: the first half of the ring all-reduce above.
    gradients = np.ones((devices, examples * width), dtype=int)
    _, numbers = ring_all_reduce(list(gradients))
    for forward, both_halves in zip(sent, numbers, strict=True):
        total = 4 * (forward + both_halves / 2)
        assert total == pytest.approx(parallel.model_split_bytes(width, examples, devices))


def test_limits():
    assert parallel.allreduce_bytes(1e8, 1) == 0
    assert parallel.allreduce_bytes(1.0, 1e9) == pytest.approx(2)  # no device sends more than 2 S
    assert parallel.network_intensity(1.0, 1.0, 1) == np.inf
    assert parallel.network_intensity(0.0, 1.0, 1) == np.inf
    assert parallel.step_time(3, 5, overlap=1) == 5
    assert parallel.step_time(3, 5, overlap=0) == 8
    assert parallel.pipeline_speedup(8, np.inf) == 8
    assert parallel.pipeline_bubble(8, np.inf) == 0
    assert parallel.pipeline_speedup(1, 5) == 1
    assert parallel.hierarchical_time(1e8, 8, 8, 150e9, 12.5e9) == pytest.approx(
        parallel.allreduce_time(1e8, 8, 150e9)  # one node: the port is not used
    )


@pytest.mark.parametrize(
    ("batch", "flops", "size"),
    [(1, 16786432, 33591296), (64, 1074331648, 34881536), (256, 4297326592, 38813696)],
)
def test_the_cell_is_that_of_the_catalog(batch, flops, size):
    # helpers/data/intensities.csv, H = 1024 in FP32
    assert parallel.lstm_work(batch, 1024) == flops
    assert parallel.lstm_traffic(batch, 1024) == size


def test_crossover_is_known_for_real_layers():
    # VGG-16, fc7: 4096 x 4096 weights + 4096 biases read 4096 numbers: the outputs + 1
    assert parallel.crossover_batch(4096 * 4096 + 4096, 4096) == 4097
    # ResNet-50, conv5, 3x3, 512 to 512 channels at 7 x 7: 9 * 512 / 49
    assert parallel.crossover_batch(9 * 512 * 512, 512 * 49) == pytest.approx(9 * 512 / 49)
