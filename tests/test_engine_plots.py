"""Pictures of notebook 06: the marks stand where the models say."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from helpers import parallel
from helpers.budget import training_work
from helpers.controls.parallel import EngineControl
from helpers.networks import resnet, vgg
from helpers.pictures.parallel import (
    plot_efficiency,
    plot_links,
    plot_scaling,
    plot_splits,
    plot_two_levels,
)
from helpers.questions.parallel import vgg_cluster
from helpers.scenes.marks import BOTH, COMPUTE, LIGHT, MEMORY, Dot, Line, Words
from helpers.scenes.parallel import engine_scene
from helpers.words import short

# A step of one device takes 32 * 24e9 / 9e12 = 0.0853 s.
ENGINE = dict(work=24e9, size=1e8, peak=15e12, fraction=0.6, batch=32, link=100e9, port=1e9)
COMPUTE_S = 32 * 24e9 / 9e12
SERIES = {"one": (np.array([1, 2, 4]), np.array([1, 1.8, 3.0]))}


def points(ax, style):
    """The points of all lines drawn with a marker or, for "-", of solid lines."""
    wanted = (
        (lambda line: line.get_linestyle() == "-" and line.get_marker() == "None")
        if style == "-"
        else (lambda line: line.get_marker() == style)
    )
    return [(tuple(line.get_xdata()), tuple(line.get_ydata())) for line in ax.lines if wanted(line)]


def test_every_link_has_its_slope_and_its_ridge():
    ax = plot_links(8.0, {"near": 4.0, "far": 1.0}, ax=Figure().add_subplot())
    slanted = [(x, y) for x, y in points(ax, "-") if y[0] != y[1]]
    assert slanted == [((1, 2), (4, 8)), ((1, 8), (1, 8))]  # y = bandwidth * x, up to the peak
    assert points(ax, "D") == [((2,), (8,)), ((8,), (8,))]
    assert [text.get_text() for text in ax.texts] == ["near\n2", "far\n8"]


def test_efficiencies_are_dots_and_the_model_is_a_line():
    model = (np.array([1, 2, 4]), np.array([1, 0.9, 0.8]))
    measured = {
        "a": (np.array([2, 4]), np.array([0.8, 0.7])),
        "b": (np.array([2]), np.array([0.5])),
    }
    ax = plot_efficiency(measured, model, named={"a": "first"}, ax=Figure().add_subplot())
    assert points(ax, "-") == [((1, 2, 4), (1, 0.9, 0.8))]
    assert points(ax, "o") == [((2, 4), (0.8, 0.7)), ((2,), (0.5,))]
    assert [text.get_text() for text in ax.texts] == ["first", "model"]


def test_every_layer_stands_at_its_crossover():
    axes = Figure().subplots(1, 2)
    networks = [vgg(16), resnet(50)]
    assert plot_splits(networks, 256, axes=axes) is axes
    assert plt.get_fignums() == []
    for ax, network in zip(axes, networks, strict=True):
        layers = [layer for layer in network.layers if layer.macs]
        drawn = {}
        for shape in ("o", "s"):
            for x, y in points(ax, shape):
                drawn |= dict(zip(x, y, strict=True))
        expected = [parallel.crossover_batch(layer.parameters, layer.inputs) for layer in layers]
        assert [drawn[place] for place in sorted(drawn)] == expected
        (low, high) = ax.get_ylim()
        assert low < min(expected) and max(expected) < high


def test_two_levels_join_the_gpus_with_the_same_quarter():
    ax = plot_two_levels(ax=Figure().add_subplot())
    filled, ports = [], []
    for patch in ax.patches:
        colour, corner = to_hex(patch.get_facecolor()), patch.get_bbox()
        if colour == BOTH:
            filled.append(corner)
        elif colour == LIGHT:
            ports.append(corner)
    rings = [line.get_xydata() for line in ax.lines if to_hex(line.get_color()) == MEMORY]
    assert (len(filled), len(ports), len(rings)) == (8, 2, 4)
    for (start, end), left, right in zip(rings, filled[:4], filled[4:], strict=True):
        assert left.contains(*start) and right.contains(*end)
        assert all(start[0] < port.x0 and port.x1 < end[0] for port in ports)


def test_scaling_draws_what_it_is_given_and_the_ideal():
    measured, modelled = SERIES, {"law": (np.array([1, 4]), np.array([1, 2.5]))}
    ax = plot_scaling(measured, modelled, ax=Figure().add_subplot())
    assert points(ax, "o") == [((1, 2, 4), (1, 1.8, 3.0))]
    assert ((1, 4), (1, 2.5)) in points(ax, "-")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]


def moving(scene):
    curves = [mark for mark in scene.marks if isinstance(mark, Line) and not mark.dashed]
    *_, dot = [mark for mark in scene.marks if isinstance(mark, Dot)]  # last, over the turn
    (words,) = [mark for mark in scene.marks if isinstance(mark, Words)]
    return curves, dot, words


def reduce_time(machines):
    """Two rings, written out: 8 devices over the link, m machines over the shared port."""
    machines = np.asarray(machines)
    return 2 * 7 / 8 * 1e8 / 100e9 + 2 * (machines - 1) / machines * 1e8 / 1e9


def test_the_engine_stands_where_the_core_says():
    scene = engine_scene(**ENGINE, overlap=0.5, machines=4)
    curves, dot, words = moving(scene)
    step = parallel.step_time(COMPUTE_S, reduce_time(4), 0.5)
    assert (dot.x, dot.y) == (4, pytest.approx(COMPUTE_S / step))
    assert words.text == f"{short(parallel.throughput(32, 32, step))} img/s"
    for curve in curves:
        step = parallel.step_time(COMPUTE_S, reduce_time(curve.x), 0.5)
        np.testing.assert_allclose(curve.y, COMPUTE_S / step)


def test_the_curve_turns_where_the_all_reduce_takes_longer():
    # 0.00175 + 0.2 (m - 1) / m s against 0.0853 s: shorter for one machine, longer for two
    scene = engine_scene(**ENGINE, overlap=0, machines=4)
    before, after = moving(scene)[0]
    assert (before.colour, after.colour) == (COMPUTE, MEMORY)
    assert before.x == (1, 2) and after.x == tuple(range(2, 129))
    turn = next(mark for mark in scene.marks if isinstance(mark, Dot))
    assert (turn.x, turn.shape) == (2, "D")
    assert turn.y == pytest.approx(COMPUTE_S / (COMPUTE_S + 0.10175))


@pytest.mark.parametrize(
    ("changed", "colours"),
    [
        (dict(port=100e9), [COMPUTE]),  # never longer: no diamond
        (dict(link=1e9), [MEMORY]),  # inside a machine already: 0.175 s
    ],
)
def test_a_curve_of_one_regime_has_one_colour_and_no_diamond(changed, colours):
    scene = engine_scene(**{**ENGINE, **changed}, overlap=0, machines=4)
    curves, dot, _ = moving(scene)
    assert [curve.colour for curve in curves] == colours
    assert (curves[0].x[0], curves[0].x[-1]) == (1, 128)
    assert [mark for mark in scene.marks if isinstance(mark, Dot)] == [dot]


@pytest.mark.parametrize(("port", "colour"), [(1e12, COMPUTE), (1e9, MEMORY)])
def test_colour_and_words_say_what_takes_longer(port, colour):
    scene = engine_scene(**{**ENGINE, "port": port}, overlap=0, machines=16)
    assert moving(scene)[1].colour == colour
    longer = "computing" if colour == COMPUTE else "the all-reduce"
    assert scene.sentence.endswith(f": {longer} takes longer.")


def test_equal_times_are_called_equal():
    # the ring inside alone: 0.175e9 / link = 0.0853 s, and a millionth more
    scene = engine_scene(
        **{**ENGINE, "link": 0.175e9 / COMPUTE_S * (1 - 1e-6)}, overlap=0, machines=1
    )
    assert scene.sentence.endswith("takes 0.0853 s: both take equally long.")


def test_full_overlap_hides_a_short_all_reduce_and_one_machine_uses_no_port():
    scene = engine_scene(**ENGINE, overlap=1, machines=1)
    assert moving(scene)[1].y == 1
    assert "1 machine of 8: " in scene.sentence and "efficiency 100%" in scene.sentence
    none, full = [mark for mark in scene.marks if isinstance(mark, Line) and mark.dashed]
    assert all(np.array(none.y) <= np.array(full.y))
    slower_port = engine_scene(**{**ENGINE, "port": 1e6}, overlap=1, machines=1)
    assert slower_port.sentence == scene.sentence


def test_the_control_follows_its_inputs():
    control = EngineControl(machines=1, batch=128)
    control.inputs["network"].value = "ResNet-50 v1.5"
    control.inputs["link"].value = "PCIe 3.0 x16"
    control.inputs["overlap"].value = 0.0
    work = training_work(resnet(50).forward_work, 1, 1)
    compute = 128 * work / (0.6 * 15.7e12)
    reduce = 2 * 7 / 8 * 4 * resnet(50).parameters / 15.75e9
    speed = parallel.throughput(128, 8, compute + reduce)
    assert f"ResNet-50 v1.5 on 1 machine of 8: {speed:.0f} img/s" in control.sentence
    assert control.sentence.endswith("computing takes longer.")
    control.inputs["overlap"].value = 1.0
    assert "efficiency 100%" in control.sentence
    control.inputs["network"].value = "VGG-16"
    control.inputs["machines"].value = 4
    control.inputs["batch"].value = 30.0
    assert control.sentence.startswith("VGG-16 on 4 machines of 8")
    assert control.inputs["port"].value == "10 GbE"
    # 1.75 G / 15.75 GB/s + 1.5 G / 1.25 GB/s = 61.5 + 664.1 ms
    assert "its all-reduce takes 0.726 s: the all-reduce takes longer." in control.sentence


def test_the_control_solves_the_exercise_of_the_cluster():
    # Its design must come out of the control as well: 90 % on four machines with batch 70.
    control = EngineControl(machines=4, batch=70)
    control.inputs["port"].value = "InfiniBand EDR 4x"
    control.inputs["overlap"].value = 0.0
    assert "efficiency 90.4%" in control.sentence
    speed = float(re.search(r"([\d.]+) img/s", control.sentence).group(1))
    assert speed >= vgg_cluster.numbers["least"]
