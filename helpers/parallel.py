"""Parallel training: what several devices gain, and what they send to each other.

Three ways to split a training step over n devices: the data (every device holds all weights and
adds up its gradients with the others), the model (every device holds a slice of each layer and
passes activations on), and the layers (a pipeline of stages). Symbols, units and ranges are those
of `helpers.notation`; bandwidths are one way. All functions take scalars or arrays that broadcast
together.
"""

import numpy as np

from helpers.notation import model
from helpers.ranges import COUNT, POSITIVE, refuse_where


@model
def allreduce_bytes(size, devices):
    """Bytes that each device sends in a ring all-reduce, 2 (n - 1) / n G, in B: 0 for one device.

    Afterwards every device holds the sum of the arrays of all.

    Source: Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002; nccl-tests, doc/PERFORMANCE.md.

    >>> allreduce_bytes(100, devices=4)
    150.0
    """
    return 2 * (devices - 1) / devices * size


@model
def allreduce_time(size, devices, bandwidth, latency=0.0):
    """Time of a ring all-reduce, 2 (n - 1) / n G / β + 2 (n - 1) latency, in s.

    Each device sends with β, one way, in 2 (n - 1) rounds. 0 for one device.

    Source: Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002; nccl-tests, doc/PERFORMANCE.md.

    >>> allreduce_time(100, devices=4, bandwidth=10), allreduce_time(0, 4, 10, latency=2)
    (15.0, 12.0)
    """
    rounds = 2 * (devices - 1)
    return rounds * (size / devices / bandwidth + latency)


@model(devices=COUNT)  # whole nodes are counted
def hierarchical_time(size, devices, per_node, link, network, latency=0.0):
    """Time of an all-reduce in two levels, 2 (g-1)/g G/link + 2 (m-1)/m G/network, in s.

    n devices stand in m nodes of g = min(n, per_node): in at most one node, or in full nodes, else
    a ValueError. First the g devices of a node add up, over their links, so that each holds one
    g-th of the sum. Then each all-reduces its g-th with its m - 1 counterparts; the g devices
    share the network port of the node, so g cancels: a g-th of the bytes at a g-th of the port.
    Last they spread the result inside the node. 0 for one device.

    One flat ring through all devices crosses each port once as well, at its full rate, and takes
    ``allreduce_time(size, devices, network)`` where the port is the slowest link.

    Source: Two ring all-reduces (`allreduce_time`), one for each level.

    >>> hierarchical_time(120, devices=4, per_node=2, link=60, network=10)
    14.0
    """
    inside = np.minimum(devices, per_node)
    refuse_where(devices % inside > 0, "devices must fill whole nodes of per_node", devices)
    nodes = devices / inside
    rounds_inside, rounds_outside = 2 * (inside - 1), 2 * (nodes - 1)
    time_inside = rounds_inside * (size / inside / link + latency)
    return time_inside + rounds_outside * (size / nodes / network + latency)


@model(size=POSITIVE)
def network_intensity(step_work, size, devices):
    """Network intensity of a training step, work / (2 (n - 1) / n G), in flop/B.

    Flop of each device for each byte that it sends; infinite for one device, which sends nothing.

    Source: The work over `allreduce_bytes`.

    >>> network_intensity(3000, size=100, devices=4)
    20.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # one device
        return np.where(devices == 1, np.inf, step_work / allreduce_bytes.formula(size, devices))


@model
def step_time(compute, communication, overlap=0.0, overhead=0.0):
    """Time of a step, max + (1 - o) min of computing and communicating, plus overhead, in s.

    o = 0 if the two take turns (their sum), 1 if the shorter one hides entirely behind the longer
    one (their maximum).

    Source: Between the two extremes of notebooks 03 and 04, in proportion to the hidden time.

    >>> step_time(8, 2), step_time(8, 2, overlap=0.5), step_time(8, 2, overlap=1, overhead=3)
    (10.0, 9.0, 11.0)
    """
    longer, shorter = np.maximum(compute, communication), np.minimum(compute, communication)
    return longer + shorter * (1 - overlap) + overhead


@model
def throughput(batch, devices, step_time):
    """Examples per second of n devices that each take a batch in each step, n b / t.

    >>> throughput(128, devices=8, step_time=0.5)
    2048.0
    """
    return devices * batch / step_time


@model
def efficiency(speedup, devices):
    """Efficiency of n devices, E = S / n, a pure number: the speed-up that each contributes.

    S is the ratio of the throughput to that of one device; 1 is ideal.

    >>> efficiency(6, devices=8)
    0.75
    """
    return speedup / devices


@model
def data_split_bytes(parameters, devices, number_bytes=4):
    """Bytes that each device sends for a layer if the data are split, 2 (n - 1) / n W w, in B.

    Every device holds the whole layer. The gradients of its weights are all-reduced. The bytes do
    not depend on the batch.

    Source: After Krizhevsky 2014, arXiv:1404.5997; the bytes are those of `allreduce_bytes`.

    >>> data_split_bytes(1000, devices=4)
    6000.0
    """
    return allreduce_bytes.formula(parameters * number_bytes, devices)


@model
def model_split_bytes(inputs, global_batch, devices, number_bytes=4):
    """Bytes that each device sends for a layer if the model is split, 2 (n - 1) / n B i w, in B.

    Every device holds one n-th of the layer's outputs and the weights for them. Forward, it needs
    the inputs i of the whole batch and sends on the n-th that it has (an all-gather). Backward,
    the gradients of these inputs are added up over the devices, and each keeps its n-th (a
    reduce-scatter). Each of the two is half of an all-reduce. Weights are not sent: the bytes do
    not depend on their number.

    Source: After Krizhevsky 2014, arXiv:1404.5997; counted in notebook 06.

    >>> model_split_bytes(10, global_batch=100, devices=4)
    6000.0
    """
    return allreduce_bytes.formula(global_batch * inputs * number_bytes, devices)


@model
def crossover_batch(parameters, inputs):
    """Global batch at which splitting the data and the model send the same bytes, B = W / i.

    With a larger batch of all devices together, splitting the data sends less.

    Source: Derived in notebook 06 from the two counts of bytes.

    >>> crossover_batch(4096 * 1000, inputs=4096)
    1000.0
    """
    return parameters / inputs


@model
def lstm_work(batch, hidden):
    """Work of one time step of an LSTM cell, forward, b (16 H^2 + 9 H), in flop.

    For each of b sequences four gates take H sums over 2 H numbers (H inputs and H of the
    previous state), and nine operations for each of the H units combine them.

    >>> lstm_work(1, hidden=1024)
    16786432.0
    """
    return batch * (16 * hidden**2 + 9 * hidden)


@model
def lstm_traffic(batch, hidden, number_bytes=4):
    """Bytes moved in one time step of an LSTM cell, forward, (8 H^2 + 4 H + 5 b H) w, in B.

    The weights and biases are read once for all b sequences. For each sequence the input, the
    state and the cell are read, and the new state and the new cell are written.

    >>> lstm_traffic(1, hidden=1024)
    33591296.0
    """
    return (8 * hidden**2 + 4 * hidden + 5 * batch * hidden) * number_bytes


@model
def lstm_intensity(global_batch, hidden, devices=1, number_bytes=4):
    """Intensity of one time step of an LSTM cell on each of n devices, in flop/B.

    Each device takes b = B / n of the sequences.

    Source: `lstm_work` over `lstm_traffic`, for the batch of one device.

    >>> round(lstm_intensity(256, hidden=1024), 2), round(lstm_intensity(256, 1024, devices=4), 2)
    (110.72, 30.8)
    """
    batch = global_batch / devices
    return lstm_work.formula(batch, hidden) / lstm_traffic.formula(batch, hidden, number_bytes)


@model
def pipeline_bubble(stages, chunks):
    """Fraction of the time that a pipeline of K equal stages stands idle, (K - 1) / (M + K - 1).

    M chunks (micro-batches) pass through the stages; infinitely many give 0.

    Source: Huang et al. 2019 (GPipe), arXiv:1811.06965; derived in notebook 06.

    >>> pipeline_bubble(4, chunks=1), pipeline_bubble(4, chunks=9)
    (0.75, 0.25)
    """
    waiting = (stages - 1) / chunks  # rounds in which a stage waits for each in which it works
    return waiting / (1 + waiting)


@model
def pipeline_speedup(stages, chunks):
    """Speed-up of a pipeline of K equal stages over one device, K M / (M + K - 1): at most K.

    Source: Huang et al. 2019 (GPipe), arXiv:1811.06965; derived in notebook 06.

    >>> pipeline_speedup(4, chunks=1), pipeline_speedup(4, chunks=9)
    (1.0, 3.0)
    """
    return stages / (1 + (stages - 1) / chunks)
