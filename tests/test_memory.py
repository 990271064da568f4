"""The memory of training against papers, programs that print their own, and rings carried out.

Published figures, with what each counts:
- ZeRO paper, arXiv:1910.02054, figure 1: 7.5e9 parameters on 64 devices, states only.
- DeepSpeed docs/code-docs/source/memory.rst at 0cca5393: 2851e6 parameters on 8 GPUs, states only.
- Megatron-LM megatron/training/theoretical_memory_usage.py at 00caa53a: s b h (18 + 4 F / h).
- llm.c (karpathy/llm.c at f1e2ace6, train_gpt2.cu: `fill_in_activation_sizes` lists its tensors)
  prints what it allocates: GPT-2 XL on 8 H100 in its discussion 677, GPT-2 small on one A800 in
  tannal/tannal.glitch.me, ai.md.
"""

import numpy as np
import pytest

from helpers.memory import (
    COPIES,
    layer_activations,
    loss_bytes,
    ring_halves,
    score_bytes,
    state_bytes,
    zero_split_bytes,
)

MIB, GIB = 2**20, 2**30
# Of each log of llm.c: layers, width, heads, parameters, sequences of 1024 tokens, what it computes
# again, devices that share the states; and MiB that it prints for weights, gradients, each of three
# parts of the optimiser, and activations.
LLM_C = {
    "GPT-2 XL": ((48, 1600, 25, 1557686400, 16, 0, 8), (2971, 2971, 742, 40409)),
    "GPT-2 small": ((12, 768, 12, 124475904, 56, 1, 1), (237, 237, 474, 18564)),
}
WORDS = 50304  # that llm.c scores: 50257, and some more for speed
logs = pytest.mark.parametrize(("run", "printed"), LLM_C.values(), ids=LLM_C)


def test_the_figure_of_the_zero_paper():
    ours = state_bytes(7.5e9, 64, [0, 1, 2, 3]) / 1e9
    np.testing.assert_allclose(ours, [120, 31.4, 16.6, 1.9], atol=0.05)


def test_the_figures_of_deepspeed():
    # "4 params + 16 params / n": weights and gradients in 16 bits on every device, both in FP32
    # and the moments shared; "18 params / n" in stage 3, beside 4 B for the largest layer.
    stage_2 = state_bytes(2851e6, 8, 1, weight_bytes=2, gradient_bytes=2, master_bytes=8)
    stage_3 = state_bytes(2851e6, 8, 3, **COPIES["16 bits, FP32 gradients"]._asdict())
    assert stage_2 / GIB == pytest.approx(15.93, abs=0.005)
    assert (stage_3 + 4 * 32e6) / GIB == pytest.approx(6.09, abs=0.015)


def test_the_sums_that_people_name():
    assert [sum(copies) for copies in COPIES.values()] == [16, 16, 18, 20, 8]
    # DeepSpeed as merged, 2 + 18 / n; Megatron's distributed optimiser, 6 + 12 / n.
    deepspeed, megatron = COPIES["16 bits, both gradients"], COPIES["16 bits, FP32 gradients"]
    assert state_bytes(100, 9, 2, *deepspeed) == pytest.approx(100 * (2 + 18 / 9))
    assert state_bytes(100, 6, 1, *megatron) == pytest.approx(100 * (6 + 12 / 6))


class Ring:
    """Devices in a ring that add up and spread numbers, and count what each sends."""

    def __init__(self, devices):
        self.devices, self.sent = devices, np.zeros(devices)

    def add_up(self, arrays):
        """What each device holds after a reduce-scatter: one part of the sum."""
        parts = [np.array_split(array, self.devices) for array in arrays]
        for step in range(self.devices - 1):
            for rank, chunk in [(rank, (rank - step) % self.devices) for rank in self.ranks]:
                self.sent[rank] += parts[rank][chunk].size
                right = parts[(rank + 1) % self.devices]
                right[chunk] = right[chunk] + parts[rank][chunk]
        return [parts[rank][(rank + 1) % self.devices] for rank in self.ranks]

    def spread(self, parts):
        """The whole, as each device holds it after an all-gather of their parts."""
        for _ in range(self.devices - 1):
            self.sent += [part.size for part in parts]
        whole = np.concatenate([parts[(rank - 1) % self.devices] for rank in self.ranks])
        return [whole] * self.devices

    @property
    def ranks(self):
        return range(self.devices)


@pytest.mark.parametrize("zero", [0, 1, 2, 3])
@pytest.mark.parametrize(("devices", "chunks"), [(1, 1), (2, 1), (4, 1), (4, 3), (3, 8)])
def test_a_step_of_each_stage_carried_out(zero, devices, chunks):
    size, ring = 6 * devices, Ring(devices)
    random = np.random.default_rng(devices)
    weights = random.integers(-9, 9, size)
    gradients = random.integers(-9, 9, (chunks, devices, size))
    own = [np.array_split(weights, devices)[(rank + 1) % devices] for rank in ring.ranks]
    total = [0] * devices  # of the gradients, in whole or the part that is kept
    for of_chunk in gradients:
        for _ in range(2 if zero == 3 else 0):  # forward and backward
            for whole in ring.spread(own):
                np.testing.assert_array_equal(whole, weights)
        kept = ring.add_up(of_chunk) if zero >= 2 else of_chunk
        total = [old + new for old, new in zip(total, kept, strict=True)]
    if zero < 2:
        total = ring.add_up(total)
    if zero == 0:
        changed = [weights - gradient for gradient in ring.spread(total)]
    else:
        own = [part - gradient for part, gradient in zip(own, total, strict=True)]
        changed = ring.spread(own) if zero < 3 else [Ring(devices).spread(own)[0]]
    for result in changed:
        np.testing.assert_array_equal(result, weights - gradients.sum(axis=(0, 1)))
    for numbers in ring.sent:
        assert 2 * numbers == pytest.approx(zero_split_bytes(size, devices, zero, chunks))


def test_sharing_costs_nothing_up_to_stage_2_and_half_as_much_again_in_stage_3():
    assert ring_halves([0, 1, 2, 3]).tolist() == [2, 2, 2, 3]
    assert ring_halves([0, 1, 2, 3], chunks=8).tolist() == [2, 2, 9, 24]
    assert zero_split_bytes(1e9, 1, [0, 1, 2, 3]).tolist() == [0, 0, 0, 0]
    assert state_bytes(1e9, 1, [0, 1, 2, 3]).tolist() == [16e9] * 4


def kept(width, feedforward, key_width, gated, again=()):
    """Numbers that a layer keeps for each token, by a tape: what the backward pass of each step
    reads, every tensor once. Tensors in `again` are computed again from others that are kept."""
    sizes = dict(x=width, a=width, q=width, k=key_width, v=key_width, o=width, y=width, c=width)
    sizes |= dict.fromkeys(("up", "gate", "silu", "inside"), feedforward)
    tape = [
        ("normalise", "x"),
        *(("product", "a"),) * 3,
        ("attention", "q", "k", "v", "o"),  # its shares are computed again from these
        ("product", "o"),
        ("add",),  # an addition passes gradients on, and reads nothing
        ("normalise", "y"),
        ("product", "c"),
        *([("product", "c"), ("silu", "gate"), ("times", "silu", "up")] if gated else []),
        *([] if gated else [("gelu", "up")]),
        ("product", "inside"),
        ("add",),
    ]
    return sum(sizes[name] for name in {name for _, *read in tape for name in read} - {*again})


@pytest.mark.parametrize(("width", "feedforward", "sharing"), [(64, 256, 1), (96, 336, 4)])
@pytest.mark.parametrize("branches", [1, 2])
def test_a_layer_keeps_what_its_tape_reads(width, feedforward, sharing, branches):
    layer = dict(width=width, feedforward=feedforward, sharing=sharing, branches=branches)
    sizes = width, feedforward, width // sharing, branches == 2
    for recompute, again in enumerate([(), ("silu", "inside")]):
        counted = layer_activations(3, 5, **layer, recompute=recompute)
        assert counted == 2 * 3 * 5 * kept(*sizes, again)
    assert layer_activations(3, 5, **layer, recompute=2) == 2 * 3 * 5 * width


@pytest.mark.parametrize(("s", "b", "h", "a"), [(2048, 4, 6144, 64), (1024, 1, 768, 12)])
def test_the_formulas_of_the_paper(s, b, h, a):
    # Korthikanti et al. 2022: s b h (34 + 5 a s / h), and 2 s b h if all is computed again
    masks = 2 * s * b * h  # of dropout: a byte for each number
    ours = layer_activations(b, s, h, 4 * h) + masks + score_bytes(b, s, a, number_bytes=5)
    assert ours == pytest.approx(s * b * h * (34 + 5 * a * s / h))
    assert layer_activations(b, s, h, 4 * h, recompute=2) == 2 * s * b * h
    for F in (4 * h, 3 * h):  # as Megatron-LM counts, without scores
        assert layer_activations(b, s, h, F) + masks == s * b * h * (18 + 4 * F / h)


@logs
def test_llm_c_to_the_unit(run, printed):
    layers, width, heads, parameters, batch, recompute, devices = run
    tokens = batch * 1024
    weights, gradients, optimiser, activations = printed
    assert state_bytes(parameters, devices, 1, 2, 0, 0, 0) // MIB == weights
    assert state_bytes(parameters, devices, 1, 0, 2, 0, 0) // MIB == gradients
    assert state_bytes(parameters, devices, 1, 0, 0, 4, 0) // MIB == optimiser
    # Beside what the models count: what the last layer writes, and what its normalisation makes of
    # it; two buffers (4 d and d), and one more of 4 d where the activation function is computed
    # again; in FP32 the means and spreads of two normalisations a layer and of the last, a sum for
    # each head and token, and the losses.
    buffers = 2 * tokens * width * (7 + 4 * (recompute == 1))
    fp32 = 4 * tokens * (layers * (4 + heads) + 3)
    layer = layer_activations(batch, 1024, width, 4 * width, recompute=recompute)
    counted = layers * layer + loss_bytes(batch, 1024, WORDS, number_bytes=2)
    assert (counted + buffers + fp32) // MIB == activations


@logs
def test_memory_of_a_device_within_a_tenth_of_what_was_published(run, printed):
    layers, width, _, parameters, batch, recompute, devices = run
    layer = layer_activations(batch, 1024, width, 4 * width, recompute=recompute)
    scores = loss_bytes(batch, 1024, WORDS, number_bytes=2)
    counted = state_bytes(parameters, devices, 1) + layers * layer + scores
    weights, gradients, optimiser, activations = printed
    measured = MIB * (weights + gradients + 3 * optimiser + activations)
    if devices == 1:  # its log also has the memory in use on the device, the driver's included
        measured = 21315 * MIB
    assert 0.9 * measured < counted < measured  # buffers and the driver come on top


def test_scores_written_out_outgrow_the_rest_with_the_length():
    lengths = np.array([1024, 4096, 16384])
    share = score_bytes(1, lengths, 32) / layer_activations(1, lengths, 4096, 14336, 4, 2)
    np.testing.assert_allclose(share[1:] / share[:-1], 4)
    assert share[0] < 1 < share[1]
