"""The models of parallel training against simulations, limits and published figures.

The ring all-reduce is carried out on real numbers, chunk by chunk, and the pipeline is run event
by event; neither knows the closed form.
"""

from fractions import Fraction

import numpy as np
import pytest

from helpers import parallel


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
