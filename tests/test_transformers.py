"""Transformers counted layer by layer, against published totals, torch's count and SymPy."""

from math import prod

import numpy as np
import pytest
import sympy as sp

from helpers.catalog import networks
from helpers.networks import Network
from helpers.transformers import (
    TRANSFORMERS,
    Transformer,
    attention_intensity,
    attention_work,
    product_intensity,
    weights_work,
)

SMALL, LLAMA = TRANSFORMERS["GPT-2 small"], TRANSFORMERS["Llama 3.1 8B"]
names = pytest.mark.parametrize("name", TRANSFORMERS)


def of(name):
    """A transformer's network for its longest learned sequence, or for 8192 tokens."""
    return TRANSFORMERS[name].network(TRANSFORMERS[name].positions or 8192)


def layer(network, name):
    (found,) = (layer for layer in network.layers if layer.name == name)
    return found


# Published to the unit. Where each was read, with the commit:
# GPT-2: keras-team/keras-hub@0e1444fd keras_hub/src/models/gpt2/gpt2_presets.py.
# BERT (uncased, with its pooler): the same @0b8b7aff keras_hub/src/models/bert/bert_presets.py.
# Llama 3.1 8B: the same @2f5dce1e keras_hub/src/models/llama3/llama3_presets.py. 8B, 70B and 405B:
# `safetensors.total` of the weights on the Hugging Face hub (revisions d04e592b, 349b2ddb, b906e4dc
# of meta-llama/Llama-3.1-...), read in public repositories that quote it: the pages are gated.
# ViT-B/16: pytorch/vision@07a929e8 torchvision/models/vision_transformer.py, `num_params`.
PUBLISHED = {
    "GPT-2 small": 124_439_808,
    "GPT-2 medium": 354_823_168,
    "GPT-2 large": 774_030_080,
    "GPT-2 XL": 1_557_611_200,
    "Llama 3.1 8B": 8_030_261_248,
    "Llama 3.1 70B": 70_553_706_496,
    "Llama 3.1 405B": 405_853_388_800,
    "BERT-base": 109_482_240,
    "BERT-large": 335_141_888,
    "ViT-B/16": 86_567_656,
}


@pytest.mark.parametrize(("name", "parameters"), PUBLISHED.items())
def test_parameters_equal_the_published_total(name, parameters):
    assert TRANSFORMERS[name].parameters == of(name).parameters == parameters


def test_gpt3_is_published_in_round_numbers_only():
    # openai/gpt-3@abe1278f model-card.md: 175 billion. 12 L d^2 + 13 L d and two tables and a norm:
    assert TRANSFORMERS.keys() - PUBLISHED.keys() == {"GPT-3 175B"}
    gpt3, d = TRANSFORMERS["GPT-3 175B"], 12288
    assert gpt3.parameters == 96 * (12 * d**2 + 13 * d) + (50257 + 2048 + 2) * d == 174_604_259_328
    assert round(gpt3.parameters / 1e9) == 175


def test_every_transformer_has_its_name():
    assert {which.name: which for which in TRANSFORMERS.values()} == TRANSFORMERS


# torchvision's vision transformers: layers, width, heads, patch, and the side of the picture.
VITS = {
    "ViT_B_16": (12, 768, 12, 16),
    "ViT_B_32": (12, 768, 12, 32),
    "ViT_L_16": (24, 1024, 16, 16),
    "ViT_L_32": (24, 1024, 16, 32),
    "ViT_H_14": (32, 1280, 16, 14),
}


def test_every_vision_transformer_of_torchvision():
    rows = networks().query("model.str.startswith('ViT_')")
    assert set(rows["model"]) == VITS.keys() and len(rows) == 10
    for row in rows.to_dict("records"):
        layers, width, heads, patch = VITS[row["model"]]
        tokens = (int(row["input_size"].split()[0]) // patch) ** 2 + 1
        sizes = (layers, width, heads, 4 * width, 1000, tokens)
        vit = Transformer(row["model"], *sizes, kind="image", patch=patch)
        assert vit.parameters == row["parameters"], row
        assert round(vit.network().macs, -6) == row["macs"], row  # printed in 0.001 G


@pytest.mark.parametrize(
    ("name", "multiplier", "multiple"),
    [("8B", 1.3, 1024), ("70B", 1.3, 4096), ("405B", 1.2, 4096)],
)
def test_the_feed_forward_width_of_llama_is_that_of_its_code(name, multiplier, multiple):
    # meta-llama/llama-models@43e87a37 models/llama3/model.py: two thirds of 4 d, times a factor,
    # rounded up to a multiple; the two numbers from models/sku_list.py @084b88e9.
    which = TRANSFORMERS[f"Llama 3.1 {name}"]
    wanted = int(multiplier * int(8 * which.width / 3))
    assert which.feedforward == -(-wanted // multiple) * multiple


def test_forward_work_equals_torchs_own_count():
    # benchmarks/count_with_torch.py: FlopCounterMode of torch 2.13.0 on the CPU
    assert of("ViT-B/16").forward_work == 35_127_656_448
    first = [layer for layer in of("GPT-2 small").layers if layer.stage == "layer 1"]
    assert sum(2 * layer.macs for layer in first) == 17_716_740_096


@names
def test_layers_are_consistent(name):
    network = of(name)
    assert isinstance(network, Network) and network.name == name
    assert len({layer.name for layer in network.layers}) == len(network.layers)
    stages = [f"layer {number + 1}" for number in range(TRANSFORMERS[name].layers)]
    assert list(dict.fromkeys(layer.stage for layer in network.layers)) == [
        *("embedding", *stages, "head")
    ]
    for layer in network.layers:
        assert layer.outputs == prod(layer.output_shape)
        assert layer.flops == 2 * layer.macs or layer.macs == 0
        weighted = layer.kind in ("linear", "convolution", "attention")
        assert (layer.macs > 0) == weighted, layer
        assert (layer.parameters > 0) or layer.kind not in ("linear", "convolution"), layer
    kinds = {layer.kind for layer in network.layers if layer.parameters}
    assert kinds <= {"embedding", "convolution", "linear", "normalisation"}


def test_a_layer_of_llama_by_hand():
    network = LLAMA.network(100)
    by_hand = {  # 100 tokens; 4096 = 32 heads of 128, of which 8 have keys and values: 1024 numbers
        "1.attention.norm": ("normalisation", 4096, 0, 4 * 409_600),
        "1.attention.in": ("linear", 4096 * (4096 + 2 * 1024), 100 * 4096 * 6144, None),
        "1.rotation": ("rotation", 0, 0, 3 * 100 * (4096 + 1024)),
        "1.scores": ("attention", 0, 32 * 100 * 100 * 128, None),
        "1.softmax": ("softmax", 0, 0, 5 * 32 * 100 * 100),
        "1.values": ("attention", 0, 32 * 100 * 100 * 128, None),
        "1.attention.out": ("linear", 4096 * 4096, 100 * 4096 * 4096, None),
        "1.attention.add": ("add", 0, 0, 409_600),
        "1.feedforward.norm": ("normalisation", 4096, 0, 4 * 409_600),
        "1.wide": ("linear", 2 * 4096 * 14336, 100 * 2 * 4096 * 14336, None),
        "1.silu": ("silu", 0, 0, 5 * 100 * 14336),
        "1.narrow": ("linear", 14336 * 4096, 100 * 14336 * 4096, None),
        "1.feedforward.add": ("add", 0, 0, 409_600),
    }
    first = [layer for layer in network.layers if layer.stage == "layer 1"]
    assert [layer.name for layer in first] == list(by_hand)
    for found, (kind, parameters, macs, flops) in zip(first, by_hand.values(), strict=True):
        expected = (kind, parameters, macs, 2 * macs if flops is None else flops)
        assert (found.kind, found.parameters, found.macs, found.flops) == expected, found
    assert layer(network, "1.scores").inputs == 100 * (4096 + 1024)  # queries and keys
    assert layer(network, "1.values").inputs == 32 * 100 * 100 + 100 * 1024  # shares and values
    assert layer(network, "1.silu").inputs == 2 * layer(network, "1.silu").outputs
    assert layer(network, "1.attention.add").inputs == 2 * 409_600


def test_small_operations_by_hand():
    # GPT-2: 7 for a number that is normalised (sum, difference, square, sum, two factors, a shift),
    # 5 for a GELU (quotient, error function, sum, two factors) and a share, 1 for a sum.
    small = SMALL.network(10)
    assert layer(small, "1.attention.norm").flops == 7 * 10 * 768
    assert layer(small, "1.gelu").flops == 5 * 10 * 4 * 768
    assert layer(small, "1.softmax").flops == 5 * 12 * 10 * 10
    assert layer(small, "positions").flops == 10 * 768
    assert small.other_work == 10 * 768 * (1 + 12 * (7 + 1 + 7 + 5 * 4 + 1) + 7) + 12 * 5 * 12 * 100


def test_normalisations_with_and_without_a_shift_and_a_mean():
    for bias, rms, parameters, operations in (
        *((True, False, 16, 7), (False, False, 8, 6)),
        *((True, True, 8, 4), (False, True, 8, 4)),
    ):
        toy = Transformer("toy", 1, 8, 2, 32, 10, bias=bias, rms=rms).network(1)
        norm = layer(toy, "norm")
        assert (norm.parameters, norm.flops) == (parameters, operations * 8)
        assert layer(toy, "1.wide").parameters == 8 * 32 + 32 * bias


def test_a_decoder_needs_half_of_attention():
    full, half = SMALL.network(), SMALL.network(half=True)
    for one, other in zip(full.layers, half.layers, strict=True):
        if one.kind in ("attention", "softmax"):
            assert 1024 * 2 * other.flops == 1025 * one.flops  # T (T + 1) / 2 of T^2 pairs
        else:
            assert one == other
    assert layer(half, "1.softmax").outputs == 12 * 1024 * 1025 / 2


def test_decoding_token_by_token_is_the_half_in_pieces():
    # 7 steps with 1, 2, ... tokens to look at do what one pass over 7 tokens must do.
    steps = [LLAMA.network(seen, rows=1) for seen in range(1, 8)]
    assert sum(step.macs for step in steps) == LLAMA.network(7, half=True).macs
    assert sum(step.other_work for step in steps) == LLAMA.network(7, half=True).other_work
    # and so do 4 tokens at once, then 3
    first, then = LLAMA.network(4, half=True), LLAMA.network(7, half=True, rows=3)
    assert first.macs + then.macs == LLAMA.network(7, half=True).macs
    assert layer(steps[-1], "1.scores").inputs == 4096 + 7 * 1024  # one query, seven keys


def test_shared_keys_make_parameters_and_inputs_fewer_but_not_the_products():
    alone = Transformer("", *(32, 4096, 32, 14336, 128256), gated=True, tied=False, bias=False)
    shared = Transformer(
        "", *(32, 4096, 32, 14336, 128256), key_heads=8, gated=True, tied=False, bias=False
    )
    assert alone.parameters - shared.parameters == 32 * 2 * 4096 * 24 * 128
    for name in ("1.scores", "1.values"):
        assert layer(alone.network(50), name).macs == layer(shared.network(50), name).macs
        assert layer(alone.network(50), name).inputs > layer(shared.network(50), name).inputs
    # The 405B with its key heads doubled: 126 layers x 2 x 8 heads of 128 x 16384
    doubled = Transformer(
        "", *(126, 16384, 128, 53248, 128256, 0, 16), gated=True, tied=False, bias=False, rms=True
    )
    assert doubled.parameters - PUBLISHED["Llama 3.1 405B"] == 4_227_858_432


def test_a_table_is_read_by_the_row_and_a_tied_one_counts_once():
    small, llama = SMALL.network(10), LLAMA.network(10)
    words, scores = layer(small, "words"), layer(small, "scores of words")
    assert (words.parameters, scores.parameters) == (0, 50257 * 768)
    assert layer(llama, "words").parameters == layer(llama, "scores of words").parameters
    for table in (words, layer(llama, "words")):  # ten rows in, ten rows out, whatever the table
        assert table.traffic(batch=3, number_bytes=2) == 2 * 3 * 2 * table.outputs
    assert scores.traffic(number_bytes=2) == 2 * (50257 * 768 + 10 * 768 + 10 * 50257)


def test_an_encoder_normalises_after_each_part_and_ends_in_its_pooler():
    network = TRANSFORMERS["BERT-base"].network(128)
    names = [layer.name for layer in network.layers]
    assert names[:4] == ["words", "positions", "segments", "norm"]
    assert names.index("1.attention.norm") > names.index("1.attention.add")
    assert names[-2:] == ["pooler", "tanh"] and layer(network, "pooler").macs == 768 * 768
    assert layer(network, "segments").parameters == 2 * 768
    picture = of("ViT-B/16")
    assert layer(picture, "patches").inputs == 3 * 224 * 224
    assert layer(picture, "classes").macs == 768 * 1000  # of one token alone


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 5}, "heads must divide width, got 5"),
        ({"key_heads": 3}, "key_heads must divide heads, got 3"),
        ({"layers": 0}, "layers must be a whole number, at least 1, got 0.0"),
        ({"width": 8.5}, "width must be a whole number, at least 1, got 8.5"),
        ({"positions": -1}, "positions must be a whole number, at least 1, got -1.0"),
        ({"kind": "image"}, "positions must be a whole number, at least 1, got 0.0"),
        ({"kind": "Decoder"}, "kind must be one of decoder, encoder, image, got 'Decoder'"),
    ],
)
def test_wrong_architectures_are_refused(changes, message):
    sizes = dict(layers=2, width=8, heads=4, feedforward=32, vocabulary=10)
    with pytest.raises(ValueError, match=f"^{message}$"):
        Transformer("toy", **(sizes | changes))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("GPT-2 small", dict(sequence=1025), "sequence must be at most 1024, the learned "),
        ("Llama 3.1 8B", {}, "sequence must be a whole number, at least 1, got 0.0"),
        ("Llama 3.1 8B", dict(sequence=2.5), "sequence must be a whole number"),
        ("Llama 3.1 8B", dict(sequence=5, rows=6), "rows must be at most the sequence of 5, got 6"),
        ("BERT-base", dict(half=True), "half and rows must be left out for .* encoder"),
        ("ViT-B/16", dict(rows=1), "half and rows must be left out for .* image"),
    ],
)
def test_wrong_sequences_are_refused(name, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        TRANSFORMERS[name].network(**arguments)


# 6 W D, derived: multiply-adds and parameters of a decoder, in symbols, from its matrices.
L, d, h, F, v, T, P, D = sp.symbols("L d h F v T P D", positive=True)
keys = sp.Symbol("k", positive=True)  # heads of keys and values, of h numbers each


def symbols_of(which):
    """Matrices, other parameters by kind, and attention's multiply-adds for each token."""
    branches = 2 if which.gated else 1
    in_layer = d * (d + 2 * keys * h) + d * d + (branches + 1) * d * F
    multiplied = L * in_layer + v * d
    others = {"positions": P * d if which.positions else 0, "words": 0 if which.tied else v * d}
    others["gains"] = (2 * L + 1) * d
    shifts, biases = (2 * L + 1) * d, L * (d + 2 * keys * h + d + branches * F + d)
    others["biases"] = shifts + biases if which.bias else 0
    return multiplied, others, L * 2 * T * d  # queries with T keys, shares with T values


@pytest.mark.parametrize("name", [n for n, w in TRANSFORMERS.items() if w.kind == "decoder"])
def test_six_w_d_and_what_it_leaves_out(name):
    which = TRANSFORMERS[name]
    multiplied, others, attention = symbols_of(which)
    parameters = multiplied + sum(others.values())
    # A multiply-add is two flops; a product is computed once forward, and backward once for each
    # of its two factors.
    work = 3 * 2 * (multiplied + attention) * D
    error = sp.expand(work - 6 * parameters * D)
    # Coefficient by coefficient: what is not counted, and what is counted but never multiplied.
    assert error.coeff(T) == 12 * L * d * D
    assert sp.expand(error.coeff(T, 0) + 6 * D * sum(others.values())) == 0
    assert error.coeff(v) == (0 if which.tied else -6 * d * D)
    # The same numbers come out of the layers.
    sequence = which.positions or 8192
    known = dict(
        zip(
            (L, d, F, v, P),
            (which.layers, which.width, which.feedforward, which.vocabulary, which.positions),
            strict=True,
        )
    )
    known |= {h: which.head_width, keys: which.key_heads, T: sequence, D: sequence}
    network = of(name)
    assert work.subs(known) == 3 * network.forward_work
    assert parameters.subs(known) == which.parameters
    tables = [layer for layer in network.layers if layer.kind == "embedding"]
    looked_up = others["words"] + others["positions"]
    assert sp.sympify(looked_up).subs(known) == sum(table.parameters for table in tables)
    # And so they do of the two functions.
    ours = weights_work(which.parameters, sequence) + attention_work(
        which.layers, which.width, sequence, sequence
    )
    assert float((work + 6 * D * sum(others.values())).subs(known)) == pytest.approx(ours, 1e-14)


def test_how_wrong_six_w_d_is():
    # 6 W D over the counted work of training, in %, attention counted in full: 8192 tokens for
    # Llama, 1024 and 2048 for the others.
    found = {}
    for name in ("GPT-2 small", "GPT-3 175B", "Llama 3.1 8B", "Llama 3.1 405B"):
        which, network = TRANSFORMERS[name], of(name)
        tokens = which.positions or 8192
        found[name] = 100 * weights_work(which.parameters, tokens) / (3 * network.forward_work)
    assert {name: round(share, 1) for name, share in found.items()} == {
        "GPT-2 small": 87.4,
        "GPT-3 175B": 97.3,
        "Llama 3.1 8B": 83.2,
        "Llama 3.1 405B": 92.8,
    }


def test_attentions_share_rises_with_the_sequence():
    # Half of the work is attention where 2 L d T = W: 30,633 tokens for the 8B (all see all).
    equal = LLAMA.parameters / (2 * LLAMA.layers * LLAMA.width)
    assert round(equal) == 30_633
    work = attention_work(32, 4096, equal, 1e9)
    assert work == pytest.approx(weights_work(LLAMA.parameters, 1e9))
    # A token sees (T + 1) / 2 on average where it sees none after it.
    half, full = (LLAMA.network(512, half=half).forward_work for half in (True, False))
    seen = attention_work(32, 4096, (512 + 1) / 2, 512) - attention_work(32, 4096, 512, 512)
    assert 3 * (half - full) == seen


def test_products_have_the_intensity_of_their_layer():
    for rows in (1, 8, 512):
        product = layer(LLAMA.network(rows), "1.narrow")
        ours = product_intensity(rows, 14336, 4096, number_bytes=2)
        assert ours == pytest.approx(product.intensity(number_bytes=2), rel=1e-14)
    # b sequences of one new token each: as many rows
    decoded = layer(LLAMA.network(1000, rows=1), "1.narrow")
    ours = product_intensity(8, 14336, 4096, number_bytes=2)
    assert ours == pytest.approx(decoded.intensity(batch=8, number_bytes=2), rel=1e-14)


def test_intensity_of_a_product_has_two_rules():
    n = np.array([12, 600, 6000])
    assert product_intensity(n, n, n, number_bytes=4) == pytest.approx(n / 6)
    # Few rows: nearly as many flops for each byte of 16 bits, and never more.
    rows = np.array([1, 8, 64])
    ours = product_intensity(rows, 16384, 16384, number_bytes=2)
    assert (ours < rows).all() and (ours > 0.99 * rows).all()


def test_attention_has_the_intensity_of_its_layers():
    # Unfused, the three layers move each score four times.
    for arguments in (dict(sequence=512), dict(sequence=512, rows=1)):
        network = LLAMA.network(**arguments)
        parts = [layer(network, f"1.{name}") for name in ("scores", "softmax", "values")]
        products = sum(2 * part.macs for part in parts)
        moved = sum(part.traffic(number_bytes=2) for part in parts)
        rows = arguments.get("rows", 512)
        ours = attention_intensity(rows, 512, 128, number_bytes=2, sharing=4, scores=4)
        assert ours == pytest.approx(products / moved, rel=1e-14)


def test_attention_without_the_matrix_of_scores():
    T = np.array([1024, 8192, 131072])
    assert attention_intensity(T, T, 128, number_bytes=2) == pytest.approx(T / 2)
    written = attention_intensity(T, T, 128, number_bytes=2, scores=4)
    assert (written < 64).all() and written[-1] > 63.9  # the ceiling h / w, at any length
    # Decoding: one query meets all keys, which are read for it alone; four heads share a key head.
    assert attention_intensity(1, T, 128, 2) == pytest.approx(T / (T + 1))
    assert attention_intensity(1, T, 128, 2, sharing=4) == pytest.approx(4 * T / (T + 4))


@pytest.mark.parametrize("flag", ["gated", "tied", "bias", "rms"])
@pytest.mark.parametrize("wrong", ["no", None, 0.5, [True]])
def test_a_flag_is_true_or_false(flag, wrong):
    shape = dict(layers=1, width=8, heads=2, feedforward=16, vocabulary=9)
    with pytest.raises(ValueError, match=f"^{flag} must be True or False, got"):
        Transformer("toy", **shape, **{flag: wrong})
    with pytest.raises(ValueError, match="^half must be True or False, got"):
        Transformer("toy", **shape).network(8, half=wrong)
    with pytest.raises(ValueError, match="^layers must be one number"):
        Transformer("toy", **shape | dict(layers=[1, 2]))
    with pytest.raises(ValueError, match="^rows must be one number"):
        Transformer("toy", **shape).network(8, rows=[1, 2])


def test_an_image_has_a_patch_at_least():
    image = TRANSFORMERS["ViT-B/16"]
    assert image.network(2).macs > 0
    with pytest.raises(ValueError, match="^sequence must be at least 2, .*, got 1$"):
        image.network(1)
