"""Parallel training: what several devices gain, and what they send to each other.

Three ways to split a training step over n devices: the data (every device holds all weights and
adds up its gradients with the others), the model (every device holds a slice of each layer and
passes activations on), and the layers (a pipeline of stages). Sizes are in bytes, bandwidths one
way in B/s, times in s. All functions take scalars or arrays that broadcast together.
"""

import numpy as np

from helpers._checks import (
    AT_LEAST_ONE,
    AT_LEAST_ONE_OR_INFINITE,
    COUNT,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    checked,
    plain,
    refuse_where,
)


def allreduce_bytes(size, devices):
    """Bytes that each device sends in a ring all-reduce, 2 (n - 1) / n G, in B.

    Afterwards every device holds the sum of the arrays of all.

    Parameters
    ----------
    size : array_like
        Size G of the array on each device, B, at least 0.
    devices : array_like
        Number of devices n, at least 1.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; 0 for one device.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002; nccl-tests, doc/PERFORMANCE.md.

    Examples
    --------
    >>> allreduce_bytes(100, devices=4)
    150.0
    """
    size, devices = checked(size=(size, NOT_NEGATIVE), devices=(devices, AT_LEAST_ONE))
    return plain(2 * (devices - 1) / devices * size)


def allreduce_time(size, devices, bandwidth, latency=0.0):
    """Time of a ring all-reduce, 2 (n - 1) / n G / beta + 2 (n - 1) latency, in s.

    Parameters
    ----------
    size : array_like
        Size G of the array on each device, B, at least 0.
    devices : array_like
        Number of devices n, at least 1.
    bandwidth : array_like
        Bandwidth beta with which each device sends, one way, B/s, above 0.
    latency : array_like
        Time that each of the 2 (n - 1) rounds takes besides sending, s, at least 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; 0 for one device.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Patarasuk and Yuan 2009, doi:10.1016/j.jpdc.2008.09.002; nccl-tests, doc/PERFORMANCE.md.

    Examples
    --------
    >>> allreduce_time(100, devices=4, bandwidth=10), allreduce_time(0, 4, 10, latency=2)
    (15.0, 12.0)
    """
    size, devices, bandwidth, latency = checked(
        size=(size, NOT_NEGATIVE),
        devices=(devices, AT_LEAST_ONE),
        bandwidth=(bandwidth, POSITIVE),
        latency=(latency, NOT_NEGATIVE),
    )
    rounds = 2 * (devices - 1)
    return plain(rounds * (size / devices / bandwidth + latency))


def hierarchical_time(size, devices, per_node, link, network, latency=0.0):
    """Time of an all-reduce in two levels, 2 (g-1)/g G/link + 2 (m-1)/m G/network, in s.

    n devices stand in m nodes of g = min(n, per_node). First the g devices of a node add up,
    over their links, so that each holds one g-th of the sum. Then each all-reduces its g-th with
    its m - 1 counterparts; the g devices share the network port of the node, so g cancels: a g-th
    of the bytes at a g-th of the port. Last they spread the result inside the node.

    One flat ring through all devices crosses each port once as well, at its full rate, and takes
    ``allreduce_time(size, devices, network)`` where the port is the slowest link.

    Parameters
    ----------
    size : array_like
        Size G of the array on each device, B, at least 0.
    devices : array_like
        Number of devices n, whole, at least 1: at most one node, or a number of full nodes.
    per_node : array_like
        Devices that a node has room for, whole, at least 1.
    link, network : array_like
        Bandwidth of each device inside a node, and of the network port that the devices of a
        node share, both one way, B/s, above 0.
    latency : array_like
        Time that each round takes besides sending, s, at least 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; 0 for one device.

    Raises
    ------
    ValueError
        If an argument is outside its range, if the devices do not fill their nodes, or if the
        shapes do not match.

    Source
    ------
    Two ring all-reduces (`allreduce_time`), one for each level.

    Examples
    --------
    >>> hierarchical_time(120, devices=4, per_node=2, link=60, network=10)
    14.0
    """
    size, devices, per_node, link, network, latency = checked(
        size=(size, NOT_NEGATIVE),
        devices=(devices, COUNT),
        per_node=(per_node, COUNT),
        link=(link, POSITIVE),
        network=(network, POSITIVE),
        latency=(latency, NOT_NEGATIVE),
    )
    inside = np.minimum(devices, per_node)
    refuse_where(devices % inside > 0, "devices must fill whole nodes of per_node", devices)
    nodes = devices / inside
    rounds_inside, rounds_outside = 2 * (inside - 1), 2 * (nodes - 1)
    return plain(
        rounds_inside * (size / inside / link + latency)
        + rounds_outside * (size / nodes / network + latency)
    )


def network_intensity(work, size, devices):
    """Network intensity of a training step, work / (2 (n - 1) / n G), in flop/B.

    Parameters
    ----------
    work : array_like
        Work of one device in one step, flop, at least 0.
    size : array_like
        Size G of the gradients, B, above 0.
    devices : array_like
        Number of devices n, at least 1.

    Returns
    -------
    float or ndarray
        Flop of each device for each byte that it sends, the broadcast shape of the arguments;
        infinite for one device, which sends nothing.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    The work over `allreduce_bytes`.

    Examples
    --------
    >>> network_intensity(3000, size=100, devices=4)
    20.0
    """
    work, size, devices = checked(
        work=(work, NOT_NEGATIVE), size=(size, POSITIVE), devices=(devices, AT_LEAST_ONE)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # one device: see Returns
        flops_per_byte = work / np.asarray(allreduce_bytes(size, devices))
    return plain(np.where(devices == 1, np.inf, flops_per_byte))


def step_time(compute, communication, overlap=0.0, overhead=0.0):
    """Time of a step, max + (1 - o) min of computing and communicating, plus overhead, in s.

    Parameters
    ----------
    compute, communication : array_like
        Time of all computing and of all communication of a step, s, at least 0.
    overlap : array_like
        Overlap o: 0 if the two take turns (their sum), 1 if the shorter one hides entirely
        behind the longer one (their maximum).
    overhead : array_like
        Time of whatever else several devices cost in each step, s, at least 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Between the two extremes of notebooks 03 and 04, in proportion to the hidden time.

    Examples
    --------
    >>> step_time(8, 2), step_time(8, 2, overlap=0.5), step_time(8, 2, overlap=1, overhead=3)
    (10.0, 9.0, 11.0)
    """
    compute, communication, overlap, overhead = checked(
        compute=(compute, NOT_NEGATIVE),
        communication=(communication, NOT_NEGATIVE),
        overlap=(overlap, FRACTION),
        overhead=(overhead, NOT_NEGATIVE),
    )
    return plain(
        np.maximum(compute, communication)
        + np.minimum(compute, communication) * (1 - overlap)
        + overhead
    )


def throughput(batch, devices, time):
    """Examples per second of n devices that each take a batch in each step, n b / t.

    Parameters
    ----------
    batch : array_like
        Examples b for each device in each step, above 0.
    devices : array_like
        Number of devices n, at least 1.
    time : array_like
        Time t of a step, s, above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> throughput(128, devices=8, time=0.5)
    2048.0
    """
    batch, devices, time = checked(
        batch=(batch, POSITIVE), devices=(devices, AT_LEAST_ONE), time=(time, POSITIVE)
    )
    return plain(devices * batch / time)


def efficiency(speedup, devices):
    """Efficiency of n devices, E = S / n, a pure number: the speed-up that each contributes.

    Parameters
    ----------
    speedup : array_like
        Speed-up S over one device, above 0: the ratio of the two throughputs.
    devices : array_like
        Number of devices n, at least 1.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; 1 is ideal.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> efficiency(6, devices=8)
    0.75
    """
    speedup, devices = checked(speedup=(speedup, POSITIVE), devices=(devices, AT_LEAST_ONE))
    return plain(speedup / devices)


def data_split_bytes(parameters, devices, number_bytes=4):
    """Bytes that each device sends for a layer if the data are split, 2 (n - 1) / n W, in B.

    Every device holds the whole layer. The gradients of its weights are all-reduced.

    Parameters
    ----------
    parameters : array_like
        Trained numbers W of the layer, at least 0.
    devices : array_like
        Number of devices n, at least 1.
    number_bytes : array_like
        Size of one number in B, above 0: 4 for FP32, 2 for FP16.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments. It does not depend on the batch.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    After Krizhevsky 2014, arXiv:1404.5997; the bytes are those of `allreduce_bytes`.

    Examples
    --------
    >>> data_split_bytes(1000, devices=4)
    6000.0
    """
    parameters, devices, number_bytes = checked(
        parameters=(parameters, NOT_NEGATIVE),
        devices=(devices, AT_LEAST_ONE),
        number_bytes=(number_bytes, POSITIVE),
    )
    return plain(2 * (devices - 1) / devices * parameters * number_bytes)


def model_split_bytes(inputs, batch, devices, number_bytes=4):
    """Bytes that each device sends for a layer if the model is split, 2 (n - 1) / n B inputs, in B.

    Every device holds one n-th of the layer's outputs and the weights for them. Forward, it needs
    the inputs of the whole batch and sends on the n-th that it has (an all-gather). Backward, the
    gradients of these inputs are added up over the devices, and each keeps its n-th (a
    reduce-scatter). Each of the two is half of an all-reduce. Weights are not sent.

    Parameters
    ----------
    inputs : array_like
        Numbers that the layer reads for one example, above 0.
    batch : array_like
        Examples in each step of all devices together, above 0.
    devices : array_like
        Number of devices n, at least 1.
    number_bytes : array_like
        Size of one number in B, above 0: 4 for FP32, 2 for FP16.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments. It does not depend on the number of weights.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    After Krizhevsky 2014, arXiv:1404.5997; counted in notebook 06.

    Examples
    --------
    >>> model_split_bytes(10, batch=100, devices=4)
    6000.0
    """
    inputs, batch, devices, number_bytes = checked(
        inputs=(inputs, POSITIVE),
        batch=(batch, POSITIVE),
        devices=(devices, AT_LEAST_ONE),
        number_bytes=(number_bytes, POSITIVE),
    )
    return plain(2 * (devices - 1) / devices * batch * inputs * number_bytes)


def crossover_batch(parameters, inputs):
    """Batch at which splitting the data and the model send the same bytes, W / inputs.

    With a larger batch of all devices together, splitting the data sends less.

    Parameters
    ----------
    parameters : array_like
        Trained numbers W of the layer, at least 0.
    inputs : array_like
        Numbers that the layer reads for one example, above 0.

    Returns
    -------
    float or ndarray
        Examples in each step of all devices together, the broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Derived with SymPy in notebook 06 from the two counts of bytes.

    Examples
    --------
    >>> crossover_batch(4096 * 1000, inputs=4096)
    1000.0
    """
    parameters, inputs = checked(parameters=(parameters, NOT_NEGATIVE), inputs=(inputs, POSITIVE))
    return plain(parameters / inputs)


def lstm_work(batch, hidden):
    """Work of one time step of an LSTM cell, forward, b (16 H^2 + 9 H), in flop.

    Four gates each take H sums over 2 H numbers (H inputs and H of the previous state), and
    nine operations for each of the H units combine them.

    Parameters
    ----------
    batch : array_like
        Sequences b computed together, above 0.
    hidden : array_like
        Units H of the cell, which has as many inputs, above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> lstm_work(1, hidden=1024)
    16786432.0
    """
    batch, hidden = checked(batch=(batch, POSITIVE), hidden=(hidden, POSITIVE))
    return plain(_lstm_work(batch, hidden))


def lstm_traffic(batch, hidden, number_bytes=4):
    """Bytes moved in one time step of an LSTM cell, forward, (8 H^2 + 4 H + 5 b H) w, in B.

    The weights and biases are read once for all sequences. For each sequence the input, the
    state and the cell are read, and the new state and the new cell are written.

    Parameters
    ----------
    batch : array_like
        Sequences b computed together, above 0.
    hidden : array_like
        Units H of the cell, which has as many inputs, above 0.
    number_bytes : array_like
        Size w of one number in B, above 0: 4 for FP32, 2 for FP16.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> lstm_traffic(1, hidden=1024)
    33591296.0
    """
    batch, hidden, number_bytes = checked(
        batch=(batch, POSITIVE), hidden=(hidden, POSITIVE), number_bytes=(number_bytes, POSITIVE)
    )
    return plain(_lstm_traffic(batch, hidden, number_bytes))


def lstm_intensity(batch, hidden, devices=1, number_bytes=4):
    """Intensity of one time step of an LSTM cell on each of n devices, in flop/B.

    Parameters
    ----------
    batch : array_like
        Sequences in each step of all devices together, above 0: each device takes batch / n.
    hidden : array_like
        Units H of the cell, which has as many inputs, above 0.
    devices : array_like
        Number of devices n, at least 1.
    number_bytes : array_like
        Size of one number in B, above 0: 4 for FP32, 2 for FP16.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    `lstm_work` over `lstm_traffic`, for the batch of one device.

    Examples
    --------
    >>> round(lstm_intensity(256, hidden=1024), 2), round(lstm_intensity(256, 1024, devices=4), 2)
    (110.72, 30.8)
    """
    batch, hidden, devices, number_bytes = checked(
        batch=(batch, POSITIVE),
        hidden=(hidden, POSITIVE),
        devices=(devices, AT_LEAST_ONE),
        number_bytes=(number_bytes, POSITIVE),
    )
    share = batch / devices
    return plain(_lstm_work(share, hidden) / _lstm_traffic(share, hidden, number_bytes))


def _lstm_work(batch, hidden):
    return batch * (16 * hidden**2 + 9 * hidden)


def _lstm_traffic(batch, hidden, number_bytes):
    return (8 * hidden**2 + 4 * hidden + 5 * batch * hidden) * number_bytes


def pipeline_bubble(stages, chunks):
    """Fraction of the time that a pipeline of K equal stages stands idle, (K - 1) / (M + K - 1).

    Parameters
    ----------
    stages : array_like
        Stages K, each on a device of its own, a whole number, at least 1.
    chunks : array_like
        Equal chunks M (micro-batches) that pass through them, at least 1; infinity gives 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Huang et al. 2019 (GPipe), arXiv:1811.06965; derived in notebook 06.

    Examples
    --------
    >>> pipeline_bubble(4, chunks=1), pipeline_bubble(4, chunks=9)
    (0.75, 0.25)
    """
    _, waiting = _waiting(stages, chunks)
    return plain(waiting / (1 + waiting))


def pipeline_speedup(stages, chunks):
    """Speed-up of a pipeline of K equal stages over one device, K M / (M + K - 1).

    Parameters, errors and source are those of `pipeline_bubble`. At most K.

    Examples
    --------
    >>> pipeline_speedup(4, chunks=1), pipeline_speedup(4, chunks=9)
    (1.0, 3.0)
    """
    stages, waiting = _waiting(stages, chunks)
    return plain(stages / (1 + waiting))


def _waiting(stages, chunks):
    """The stages, and the rounds in which one waits for each in which it works: (K - 1) / M."""
    stages, chunks = checked(stages=(stages, COUNT), chunks=(chunks, AT_LEAST_ONE_OR_INFINITE))
    return stages, (stages - 1) / chunks
