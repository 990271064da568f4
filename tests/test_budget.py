"""Networks counted layer by layer, against exact sums and against published figures."""

import numpy as np
import pytest

from helpers.budget import (
    IMAGENET_IMAGES,
    achieved_fraction,
    convolution_work,
    linear_work,
    training_work,
)
from helpers.catalog import forward_backward_times, networks
from helpers.networks import NETWORKS, _Builder, alexnet, mobilenet, offered, resnet, resnext, vgg

RESNET50 = resnet(50)
ALL = {name: entry.build() for name, entry in NETWORKS.items()}


@pytest.mark.parametrize(
    ("network", "macs", "parameters"),
    [
        (resnet(50, "v1.5"), 4_089_184_256, 25_557_032),
        (resnet(50, "v1"), 3_857_973_248, 25_557_032),  # He et al. print 3.8e9
        (vgg(16), 15_470_264_320, 138_357_544),
        (alexnet(), 714_188_480, 61_100_840),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_exact_sums(network, macs, parameters):
    assert network.macs == macs
    assert network.forward_work == 2 * macs
    assert network.parameters == parameters


def test_every_network_has_its_name():
    assert {network.name: network for network in ALL.values()} == ALL
    # As the families have them: nothing that can be built is missing from the list.
    assert {f"ResNet-{depth}" for depth in (18, 34)} < ALL.keys()
    assert {f"ResNet-{depth} v1.5" for depth in (50, 101, 152)} < ALL.keys()
    assert {f"VGG-{depth}" for depth in (11, 13, 16, 19)} < ALL.keys()


@pytest.mark.parametrize("name", sorted(name for name in NETWORKS if NETWORKS[name].published))
def test_every_network_matches_torchvision(name):
    rows = networks().query("source.str.startswith('torchvision')")
    rows = rows[rows["model"] == NETWORKS[name].published]
    assert len(rows) >= 1
    assert (rows["parameters"] == ALL[name].parameters).all()
    assert (rows["macs"] == round(ALL[name].macs, -6)).all()  # printed in 0.001 G


@pytest.mark.parametrize(
    ("chapter", "first", "others"),
    [
        ("budget", "ResNet-50 v1.5", {"ResNet-50 v1", "ResNet-18", "ResNet-152 v1.5"}),
        ("parallel", "ResNet-50 v1.5", {"ResNet-152 v1.5", "VGG-16", "AlexNet"}),
        ("examination", "ResNet-50 v1.5", {"ResNet-101 v1.5", "VGG-19", "AlexNet"}),
    ],
)
def test_chapters_offer_networks_and_the_hero_first(chapter, first, others):
    assert list(offered(chapter))[0] == first
    assert others < offered(chapter).keys() < NETWORKS.keys()


def test_grouped_convolutions_by_hand():
    # 32 groups of 4 channels at 56 x 56: each of 128 outputs sees 4 channels in a 3x3 window
    grouped = next(layer for layer in resnext(50).layers if layer.name == "conv2_1.2")
    assert grouped.parameters == 128 * 4 * 9
    assert 2 * grouped.macs == convolution_work(128, 128, 3, 56, 56, groups=32)
    # 32 groups of one channel at 112 x 112
    deep = next(layer for layer in mobilenet().layers if layer.name == "2_1.deep")
    assert deep.parameters == 32 * 9
    assert 2 * deep.macs == convolution_work(32, 32, 3, 112, 112, groups=32)
    # 16 blocks of three and one of two, the first and the last; a block that keeps its shape adds.
    kinds = [layer.kind for layer in mobilenet().layers]
    assert (kinds.count("convolution"), kinds.count("add")) == (16 * 3 + 2 + 2, 1 + 2 + 3 + 2 + 2)
    # Without groups ResNeXt's plan is that of a ResNet twice as wide inside a block.
    wide = networks().query("model == 'Wide_ResNet50_2'").iloc[0]
    assert resnext(50, groups=1, group_width=128).parameters == wide["parameters"]


def test_groups_must_divide_the_channels():
    for channels, outputs in ((10, 12), (12, 10)):
        words = f"^deep: 4 groups must divide {channels} and {outputs}$"
        with pytest.raises(ValueError, match=words):
            _Builder((channels, 8, 8)).convolution("deep", outputs, kernel=3, groups=4)


@pytest.mark.parametrize(("version", "published"), [("v1", 497), ("v1.5", 527)])
def test_resnet50_matches_convnet_burden_reports(version, published):
    # Their convention (core/burden.m): a multiply-add counts 1, relu 2 and add 1 for each output,
    # pooling its window, normalisation 0; trunk without the head, 128 images, in G.
    weights = {"relu": 2, "add": 1, "max pool": 9}
    trunk = [layer for layer in resnet(50, version).layers if layer.stage != "head"]
    count = sum(layer.macs + weights.get(layer.kind, 0) * layer.outputs for layer in trunk)
    assert round(128 * count / 1e9) == published


def test_resnet50_by_stage():
    # He et al. 2016, table 1, enumerated by hand in millions of multiply-adds (v1.5)
    expected = {
        "conv1": 118.01,
        "conv2": 667.94,
        "conv3": 1027.60,
        "conv4": 1464.34,
        "conv5": 809.24,
        "head": 2.05,
    }
    for stage, macs in expected.items():
        mine = sum(layer.macs for layer in RESNET50.layers if layer.stage == stage)
        assert round(mine / 1e6, 2) == macs


@pytest.mark.parametrize("version", ["v1.5", "v1"])
def test_every_3x3_convolution_of_resnet50_does_the_same_work(version):
    # Notebook 01: half the height and half the width, twice the channels in and out.
    works = [layer.macs for layer in resnet(50, version).layers if layer.name.endswith(".2")]
    assert works == 16 * [9 * 64**2 * 56**2]


def test_resnet50_has_53_convolutions_and_one_linear_layer():
    kinds = [layer.kind for layer in RESNET50.layers]
    assert kinds.count("convolution") == 53  # 49 in the main path and 4 shortcuts
    assert kinds.count("linear") == 1
    parameters = {
        kind: sum(layer.parameters for layer in RESNET50.layers if layer.kind == kind)
        for kind in ("convolution", "normalisation", "linear")
    }
    assert parameters == {"convolution": 23_454_912, "normalisation": 53_120, "linear": 2_049_000}


@pytest.mark.parametrize("network", ALL.values(), ids=ALL)
def test_layers_are_consistent(network):
    names = [layer.name for layer in network.layers]
    assert len(set(names)) == len(names)
    assert network.layers[-1].output_shape == (1000,)
    for layer in network.layers:
        assert layer.outputs == np.prod(layer.output_shape)
        if layer.macs:
            assert layer.flops == 2 * layer.macs
    weighted = [layer for layer in network.layers if layer.kind in ("convolution", "linear")]
    assert all(layer.macs > 0 for layer in weighted)


def test_first_layer_of_resnet50_by_hand():
    first = RESNET50.layers[0]
    assert first.output_shape == (64, 112, 112)  # (224 + 6 - 7) // 2 + 1 = 112
    assert first.parameters == 64 * 3 * 7 * 7
    assert first.macs == 64 * 3 * 7 * 7 * 112 * 112
    # 9408 weights, 150528 numbers in, 802816 numbers out, 4 B each
    assert first.traffic(batch=1) == 4 * (9408 + 150528 + 802816)
    assert first.traffic(batch=10, number_bytes=2) == 2 * (9408 + 10 * (150528 + 802816))
    assert first.intensity(batch=1) == pytest.approx(2 * first.macs / (4 * 962752))
    assert type(first.traffic()) is type(first.intensity()) is float  # defaults are numbers too


def test_add_reads_two_inputs():
    add = next(layer for layer in RESNET50.layers if layer.kind == "add")
    assert add.inputs == 2 * add.outputs


def test_resnet50_traffic_unfused():
    # Forward, FP32, each number moved once: 324 MB of activations an image, 87 MB of it through
    # convolutions and the linear layer; whole-network intensity 19.3, 25.1 and 25.4 flop/B.
    moved = [4 * (layer.inputs + layer.outputs) for layer in RESNET50.layers]
    weighted = [bool(layer.macs) for layer in RESNET50.layers]
    assert round(sum(moved) / 1e6) == 324
    assert round(np.dot(moved, weighted) / 1e6) == 87
    for batch, expected in ((1, 19.3), (32, 25.1), (256, 25.4)):
        flops = batch * sum(layer.flops for layer in RESNET50.layers)
        traffic = sum(layer.traffic(batch) for layer in RESNET50.layers)
        assert round(flops / traffic, 1) == expected


def test_work_outside_multiply_adds_is_half_a_percent():
    assert RESNET50.other_work / RESNET50.forward_work == pytest.approx(0.0048, abs=5e-5)


def test_intensity_rises_with_batch_towards_a_limit():
    fc = RESNET50.layers[-1]
    intensity = fc.intensity(np.array([1, 10, 100, 1e9]))
    assert (np.diff(intensity) > 0).all()
    # limit: 2 x 2048 x 1000 flop over 4 x (2048 + 1000) B
    assert intensity[-1] == pytest.approx(2 * 2048 * 1000 / (4 * 3048), rel=1e-3)


def test_work_from_shapes_agrees_with_the_layers():
    first, last = RESNET50.layers[0], RESNET50.layers[-1]
    assert convolution_work(3, 64, 7, 112, 112) == first.flops
    assert linear_work(2048, 1000) == last.flops
    # groups: each output sees only its own share of the input channels
    assert convolution_work(32, 32, 3, 10, 10, groups=32) == 2 * 9 * 32 * 100


def test_training_work_of_the_article_and_corrected():
    # the article: 8e9 x 1.2e6 x 90 = 0.864e18, one pass
    assert training_work(8e9, 1.2e6, 90, passes=1) == pytest.approx(0.864e18, rel=1e-12)
    # counted: 3 x 2 x 4,089,184,256 x 1,281,167 x 90 = 2.829e18
    assert IMAGENET_IMAGES == 1_281_167  # Russakovsky et al. 2015
    corrected = training_work(RESNET50.forward_work, IMAGENET_IMAGES, 90)
    assert corrected == pytest.approx(2.829e18, rel=1e-3)
    assert corrected / 0.864e18 == pytest.approx(3.27, abs=0.005)


def test_a_run_with_winograds_algorithm_is_above_the_peak():
    run = forward_backward_times().query("model == 'VGG-A' and library == 'neon fp32'").iloc[0]
    work = training_work(vgg(11).forward_work, run["batch"], epochs=1)
    assert work == 3 * 2 * 7_609_090_048 * 64
    # 2.922e12 / 0.320 s = 9.131e12 flop/s, and the Titan X has 3072 x 2 x 1.0e9
    assert achieved_fraction(work, run["total"], 3072 * 2 * 1.0e9) == pytest.approx(1.486, abs=5e-4)


def test_unknown_networks_are_refused():
    with pytest.raises(ValueError, match="depth must be one of 18, .*, 152, got 51"):
        resnet(51)
    with pytest.raises(ValueError, match="version must be one of v1.5, v1, got 'v2'"):
        resnet(50, "v2")
    with pytest.raises(ValueError, match="depth must be one of 11, 13, 16, 19, got None"):
        vgg(None)
    with pytest.raises(ValueError, match="depth must be one of 50, 101, got 18"):
        resnext(18)
    with pytest.raises(ValueError, match="groups must be a whole number, at least 1, got 2.5"):
        resnext(50, groups=2.5)
