"""A training step of a transformer on n = data x tensor x stages devices: memory, time and MFU.

Each of the three splits of `helpers.parallel`, used at once. The devices stand in nodes, those that
share a layer's products side by side, then those that split the data, then the stages. What is
counted, and what is not, stands at `device_memory` and `step_seconds`.
"""

from functools import cache
from typing import NamedTuple

from helpers.budget import achieved_fraction, training_time, training_work
from helpers.memory import (
    COPIES,
    Copies,
    exchanges,
    layer_activations,
    loss_bytes,
    ring_halves,
    state_bytes,
)
from helpers.notation import NOTATION
from helpers.parallel import hierarchical_time, pipeline_bubble, step_time
from helpers.ranges import COUNT, POSITIVE, checked_one
from helpers.transformers import Transformer

NUMBER = 2  # bytes: products, activations and what is sent are in 16 bits
USUAL = COPIES["16 bits, FP32 copy"]


class Cluster(NamedTuple):
    """Equal devices in equal nodes."""

    peak: float  # of a device, flop/s
    memory: float  # of a device, B
    link: float  # of a device inside its node, one way, B/s
    network: float  # of the port that the devices of a node share, one way, B/s
    per_node: int = 8


class Split(NamedTuple):
    """How a step is split, and what its devices keep.

    One pass computes `batch` sequences; a step has `chunks` of them one after the other (gradient
    accumulation, or the chunks of the pipeline) on each of the parts into which the data are split.
    """

    batch: int = 1
    chunks: int = 1
    data_devices: int = 1
    tensor_devices: int = 1
    stages: int = 1
    zero: int = 0
    recompute: int = 0

    @property
    def devices(self):
        return self.data_devices * self.tensor_devices * self.stages

    @property
    def sequences(self):
        """Sequences of all devices together in a step."""
        return self.batch * self.chunks * self.data_devices


class Memory(NamedTuple):
    """What the fullest device holds, in B."""

    weights: float
    gradients: float
    optimiser: float
    activations: float
    working: float  # for a moment: the scores of all words, or a layer that is computed again

    @property
    def total(self):
        return sum(self)


class Seconds(NamedTuple):
    """Where the time of a step goes, in s; the parts add up to it."""

    compute: float
    again: float  # computing what was not kept
    tensor: float  # all-reduces of the devices that share a layer
    bubble: float  # waiting for other stages
    data: float  # what is not hidden of exchanging gradients and weights

    @property
    def total(self):
        return sum(self)


class SplitStep(NamedTuple):
    """A step: its memory, its time, its MFU, and the part of the time that binds."""

    memory: Memory
    seconds: Seconds
    mfu: float
    binds: str  # a field of `Seconds`


class _Parts(NamedTuple):
    """Sums over a transformer's layers for sequences of some length."""

    parameters: int
    of_layers: int  # parameters of the L layers
    largest: int  # of the embedding or the head
    forward_work: int
    work_of_layers: int


@cache
def _parts(transformer, sequence):
    network = transformer.network(sequence)
    inside = [layer for layer in network.layers if layer.stage.startswith("layer")]
    ends = {}
    for layer in network.layers:
        if not layer.stage.startswith("layer"):
            ends[layer.stage] = ends.get(layer.stage, 0) + layer.parameters
    return _Parts(
        network.parameters,
        sum(layer.parameters for layer in inside),
        max(ends.values()),
        network.forward_work,
        2 * sum(layer.macs for layer in inside),
    )


def device_memory(transformer, sequence, split, copies=USUAL, score_bytes=12):
    """What the fullest device holds while a transformer is trained.

    Stages hold L / K layers each, as if that were whole, and the first and the last also hold the
    embedding or the head, whichever is larger. The devices that share a layer hold equal parts of
    its weights and of all that it keeps (with sequence parallelism). The first of K stages keeps K
    chunks, or all M if these are fewer; the last keeps one, and the scores of all words. In stage 3
    of ZeRO one layer's weights and gradients, or those of the embedding, are whole for a moment.
    Gradients are kept all the time, though a program may free them between steps. Left out are
    buffers, gaps between arrays, and what driver and libraries need: else a lower bound.

    Parameters
    ----------
    transformer : helpers.transformers.Transformer
    sequence : int
        Tokens in a sequence, T.
    split : Split
    copies : helpers.memory.Copies
    score_bytes : float
        For each word's score while the loss is computed, as for `helpers.memory.loss_bytes`.

    Returns
    -------
    Memory

    Raises
    ------
    ValueError
        If a number is outside its range, or there are more stages than layers, or more devices that
        share a layer than heads.
    """
    _check(transformer, split, sequence=sequence, copies=copies, score_bytes=score_bytes)
    parts, tensor, stages = _parts(transformer, sequence), split.tensor_devices, split.stages
    held = parts.parameters if stages == 1 else parts.of_layers / stages + parts.largest

    def states(*kept):
        bytes_of = {name: getattr(copies, name) * (name in kept) for name in Copies._fields}
        return state_bytes(held / tensor, split.data_devices, split.zero, **bytes_of)

    def layer(recompute):
        sharing, branches = transformer.heads / transformer.key_heads, 1 + transformer.gated
        shape = transformer.width, transformer.feedforward, sharing, branches
        return layer_activations(split.batch, sequence, *shape, recompute, NUMBER) / tensor

    whole = 0.0
    if split.zero == 3 and split.data_devices > 1:
        whole = NUMBER * max(parts.largest, parts.of_layers / transformer.layers) / tensor
    scored = sequence if transformer.kind == "decoder" else 1
    scores = loss_bytes(split.batch, scored, transformer.vocabulary, score_bytes) / tensor
    kept = transformer.layers / stages * layer(split.recompute)
    again = layer(0) if split.recompute == 2 else 0.0
    first, last = (kept * min(stages, split.chunks), again), (kept, max(scores, again))
    return Memory(
        states("weight_bytes") + whole,
        states("gradient_bytes") + whole,
        states("master_bytes", "moment_bytes"),
        *max(first, last, key=sum),
    )


def step_seconds(transformer, sequence, cluster, split, fraction=0.6, overlap=0.0, latency=0.0):
    """Where the time of a training step goes, from its first chunk to its new weights.

    All products are shared equally. The all-reduces inside a layer wait for the products and these
    for them (no overlap); the exchange of gradients, and in ZeRO of weights, is hidden to the share
    `overlap`. Each goes over links while its devices stand in one node, and over the port of the
    node besides where they do not; devices of a node that hold different parts of a layer share the
    port. Left out is what the stages of a pipeline pass on, b T d numbers for each chunk, which is
    little beside the products of their layers, and all that is not a product: a lower bound of a
    step that runs so (programs may hide the all-reduces inside a layer, too).

    Parameters
    ----------
    transformer, sequence, split
        As for `device_memory`.
    cluster : Cluster
    fraction : float
        Of the peak, at which a device alone computes products; above 0, at most 1.
    overlap : float
        As for `helpers.parallel.step_time`.
    latency : float
        Of a round of a ring, s.

    Returns
    -------
    Seconds

    Raises
    ------
    ValueError
        As `device_memory`, or if the devices do not fill whole nodes.
    """
    rates = dict(fraction=fraction, overlap=overlap, latency=latency)
    _check(transformer, split, sequence=sequence, cluster=cluster, **rates)
    parts, tensor, stages = _parts(transformer, sequence), split.tensor_devices, split.stages
    ring = dict(link=cluster.link, latency=latency)

    def computing(work, passes):
        work = training_work(work, split.sequences, epochs=1, passes=passes)
        return training_time(work, cluster.peak, fraction, split.devices)

    compute = computing(parts.forward_work, 3)
    again = computing(parts.work_of_layers, 1) if split.recompute == 2 else 0.0
    numbers = NUMBER * split.batch * sequence * transformer.width
    once = hierarchical_time(numbers, tensor, cluster.per_node, network=cluster.network, **ring)
    count = exchanges(split.recompute) * transformer.layers / stages * split.chunks
    busy = compute + again + count * once
    bubble = busy / (1 - pipeline_bubble(stages, split.chunks)) - busy
    # In a node there are as many rings side by side as devices that share a layer.
    beside = min(tensor, cluster.per_node)
    data = (
        ring_halves(split.zero, split.chunks)
        / 2
        * hierarchical_time(
            NUMBER * parts.parameters / tensor / stages,
            split.data_devices,
            cluster.per_node // beside,
            network=cluster.network / beside,
            **ring,
        )
    )
    waiting = step_time(busy + bubble, data, overlap) - busy - bubble
    return Seconds(compute, again, count * once, bubble, waiting)


def split_step(
    transformer,
    sequence,
    cluster,
    split,
    fraction=0.6,
    overlap=0.0,
    copies=USUAL,
    score_bytes=12,
):
    """A training step: memory, seconds, MFU, and which part of the time binds.

    Parameters
    ----------
    transformer, sequence, cluster, split, fraction, overlap
        As for `step_seconds`.
    copies, score_bytes
        As for `device_memory`.

    Returns
    -------
    SplitStep
        Its MFU counts each product once forward and twice backward, what is computed again not at
        all, and attention in full, as if each token saw all. What binds is the largest part of the
        time.

    Raises
    ------
    ValueError
        As `step_seconds`.
    """
    seconds = step_seconds(transformer, sequence, cluster, split, fraction, overlap)
    work = training_work(_parts(transformer, sequence).forward_work, split.sequences, epochs=1)
    return SplitStep(
        device_memory(transformer, sequence, split, copies, score_bytes),
        seconds,
        achieved_fraction(work, seconds.total, cluster.peak, split.devices),
        max(Seconds._fields, key=lambda part: getattr(seconds, part)),
    )


COUNTS = "batch chunks data_devices tensor_devices stages per_node sequence".split()
NUMBERS = (*Copies._fields, *"zero recompute peak link network fraction overlap latency".split())
RANGES = dict.fromkeys(("memory", "score_bytes"), POSITIVE)
RANGES |= {name: NOTATION[name].range for name in NUMBERS} | dict.fromkeys(COUNTS, COUNT)
KINDS = dict(transformer=Transformer, split=Split, copies=Copies, cluster=Cluster)


def _check(transformer, split, **more):
    """Raise a ValueError if an argument is not what it is to be, or the split cannot be made."""
    for name, value in dict(transformer=transformer, split=split, **more).items():
        if name not in KINDS:
            checked_one(name, value, RANGES[name])
        elif not isinstance(value, KINDS[name]):
            raise ValueError(f"{name} must be a {KINDS[name].__name__}, got {value!r:.60}")
        elif name != "transformer":  # which has checked itself
            for field in value._fields:
                checked_one(field, getattr(value, field), RANGES[field])
    for name, whole in (("stages", "layers"), ("tensor_devices", "heads")):
        if getattr(split, name) > (most := getattr(transformer, whole)):
            raise ValueError(
                f"{name} must be at most the {whole} of {transformer.name}, {most}, "
                f"got {getattr(split, name)}"
            )
