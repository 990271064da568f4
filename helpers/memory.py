"""The memory of training: what every parameter and every token keeps, and what sharing it costs.

A device holds *states*, a few bytes for each parameter whatever the batch (weights, gradients, and
what the optimiser keeps), and *activations*, what the forward pass leaves for the backward pass, in
proportion to the tokens. Data-parallel devices can share their states (ZeRO, FSDP): a ring
all-reduce has two halves, and between them each device holds one n-th of the sum.

Symbols, units and ranges are those of `helpers.notation`; all functions take scalars or arrays that
broadcast together.
"""

from typing import NamedTuple

import numpy as np

from helpers.notation import model
from helpers.parallel import allreduce_bytes, model_split_bytes
from helpers.ranges import AT_LEAST_ONE


class Copies(NamedTuple):
    """Bytes that training with Adam keeps for each parameter: the arguments of `state_bytes`."""

    weight_bytes: float  # with which the products are computed
    gradient_bytes: float
    master_bytes: float  # a second copy of the weights, in FP32
    moment_bytes: float  # Adam's means of the gradient and of its square


# Why people disagree: they count other copies. Each sum with one who counts so.
COPIES = {
    # The weights in FP32; FSDP casts a layer of them to 16 bits when it is needed.
    "all in FP32": Copies(4, 4, 0, 8),  # 16
    # Rajbhandari et al. 2019 (ZeRO), arXiv:1910.02054, section 3.1.
    "16 bits, FP32 copy": Copies(2, 2, 4, 8),  # 16
    # Megatron-LM: NVIDIA/Megatron-LM, issue 654, the answer of 2024-01-09.
    "16 bits, FP32 gradients": Copies(2, 4, 4, 8),  # 18
    # DeepSpeed, ZeRO stage 2: deepspeedai/DeepSpeed, pull request 5099 as merged, 2 + 18. It was
    # opened with 2 + 14 (no gradients in FP32), and 4 + 16 stood there before. The first number is
    # for what every device holds, the second for what the devices share: no sum is 14.
    "16 bits, both gradients": Copies(2, 6, 4, 8),  # 20
    "all in 16 bits": Copies(2, 2, 0, 4),  # 8
}


@model
def state_bytes(
    parameters,
    devices=1,
    zero=0,
    weight_bytes=2,
    gradient_bytes=2,
    master_bytes=4,
    moment_bytes=8,
):
    """Bytes of weights, gradients and optimiser on each device, in B.

    Each of the n devices that split the data holds all, if the ZeRO stage is 0; one n-th of the
    second copy and the moments from stage 1 on, of the gradients from stage 2 on, and of the
    weights in stage 3 (FSDP), in which it has the whole of one layer at a time besides.

    Source: Rajbhandari et al. 2019 (ZeRO), arXiv:1910.02054; the sums of bytes: `COPIES`.

    >>> [state_bytes(1e9, devices=4, zero=zero) for zero in (0, 1, 2, 3)]
    [16000000000.0, 7000000000.0, 5500000000.0, 4000000000.0]
    """
    optimiser, gradients, weights = (np.where(zero >= stage, devices, 1) for stage in (1, 2, 3))
    optimiser_bytes = (master_bytes + moment_bytes) / optimiser
    return parameters * (weight_bytes / weights + gradient_bytes / gradients + optimiser_bytes)


@model(chunks=AT_LEAST_ONE)
def ring_halves(zero, chunks=1):
    """Halves of a ring all-reduce in a step with M chunks: 2, 2, M + 1 and 3 M for ZeRO 0 to 3.

    One half adds up and leaves each device one n-th of the sum (a reduce-scatter), the other
    spreads (an all-gather). Stages 0 and 1 add up the gradients once a step, and spread them (0) or
    the new weights (1). Stage 2 keeps one n-th of the gradients only, so it adds up after each
    chunk. Stage 3 spreads the weights twice for each chunk, forward and backward, and adds up.

    Source: Rajbhandari et al. 2019 (ZeRO), arXiv:1910.02054, section 7.2, for one chunk.

    >>> [ring_halves(zero) for zero in (0, 1, 2, 3)], ring_halves(3, chunks=8)
    ([2.0, 2.0, 2.0, 3.0], 24.0)
    """
    return np.where(zero == 3, 3 * chunks, np.where(zero == 2, chunks + 1, 2.0))


@model(chunks=AT_LEAST_ONE)
def zero_split_bytes(parameters, devices, zero=0, chunks=1, number_bytes=2):
    """Bytes that each device sends in a step if n devices share their states, in B.

    (n - 1) / n W w for each half of the ring: 2 (n - 1) / n G with G = W w up to stage 2, as if
    nothing were shared, and 3 (n - 1) / n G in stage 3, while there is one chunk.

    Source: `ring_halves` of the bytes of `allreduce_bytes`.

    >>> zero_split_bytes(1000, devices=4), zero_split_bytes(1000, devices=4, zero=3)
    (3000.0, 4500.0)
    """
    whole_ring = allreduce_bytes.formula(parameters * number_bytes, devices)
    return ring_halves.formula(zero, chunks) * whole_ring / 2


@model
def exchanges(recompute):
    """All-reduces in a layer for each chunk if devices share its products: 4, 6 if computed again.

    Each of the two parts of a layer, attention and feed-forward, is a product that is split by its
    outputs and one that is split by its inputs: two model splits, one all-reduce forward and one
    backward. If the devices also share what lies between the parts (sequence parallelism), each
    all-reduce is cut into its halves, and the bytes are the same.

    Source: Shoeybi et al. 2019 (Megatron-LM), arXiv:1909.08053; six: Rajbhandari et al. 2019,
    arXiv:1910.02054, section 8; the halves: Korthikanti et al. 2022, arXiv:2205.05198, 4.2.2.

    >>> exchanges([0, 1, 2]).tolist()
    [4.0, 4.0, 6.0]
    """
    return np.where(recompute == 2, 6.0, 4.0)


@model
def tensor_split_bytes(batch, sequence, width, layers, devices, recompute=0, number_bytes=2):
    """Bytes that each device sends for a chunk if n share layers, L 8 (n - 1) / n b T d w, in B.

    Four all-reduces a layer, of d numbers for each token; six if the layers are computed again.

    Source: `exchanges` of the bytes of `model_split_bytes`, in which d numbers are read.

    >>> tensor_split_bytes(1, sequence=1000, width=1000, layers=1, devices=2)
    8000000.0
    """
    once = model_split_bytes.formula(width, batch * sequence, devices, number_bytes)
    return exchanges.formula(recompute) * layers * once


@model
def layer_activations(
    batch, sequence, width, feedforward, sharing=1, branches=1, recompute=0, number_bytes=2
):
    """Bytes that one layer keeps for its backward pass, without attention's scores, in B.

    For each token, counted once each: what the two normalisations read, what attention's and the
    feed-forward part's first products read, the queries, and what the product after attention reads
    are d numbers each, the keys and the values d / sharing each; inside the feed-forward part, F
    numbers before and after the activation function, and twice as many if it is gated (two branches
    and what they become). 16 d in all with F = 4 d, nothing shared and nothing gated.

    If the backward pass computes the activation function again, what comes after it is not kept;
    if it computes the layer again, what the layer reads is all: d numbers.

    Source: Korthikanti et al. 2022, arXiv:2205.05198, section 4.1, whose 34 b T d bytes are these
    and two masks of dropout, of a byte for each of d numbers.

    >>> layer_activations(1, sequence=1, width=100, feedforward=400)
    3200.0
    >>> layer_activations(1, sequence=1, width=100, feedforward=400, recompute=2)
    200.0
    """
    inner = branches * np.where(recompute >= 1, 1, 2)
    kept = 6 * width + 2 * width / sharing + inner * feedforward
    return batch * sequence * number_bytes * np.where(recompute == 2, width, kept)


@model
def score_bytes(batch, sequence, heads, number_bytes=2):
    """Bytes of attention's scores of one layer if they are written out, b heads T^2 w, in B.

    Softmax gives a number for each pair of tokens in each head. Dropout makes it 5 B for each pair:
    2 before, a mask of 1, and 2 after. Kernels that never write them out (FlashAttention) keep
    nothing of this size.

    Source: Korthikanti et al. 2022, arXiv:2205.05198, section 4.1: 5 b heads T^2.

    >>> score_bytes(1, sequence=1000, heads=8)
    16000000.0
    """
    return batch * heads * sequence**2 * number_bytes


@model
def loss_bytes(batch, sequence, vocabulary, number_bytes=12):
    """Bytes of the scores of all words while the loss is computed, b T v w, in B.

    w counts every copy that is there at once: 2 where all is done in place, 12 where the loss is
    computed in FP32 in two steps, as by PyTorch's cross entropy: the result of the first (the
    logarithm of softmax) and the gradients of both.

    >>> loss_bytes(2, sequence=8192, vocabulary=128256)
    25216155648.0
    """
    return batch * sequence * vocabulary * number_bytes
