"""Pictures of notebook 06: the marks stand where the models say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from helpers import parallel, plots
from helpers.budget import resnet, training_work, vgg
from helpers.controls import EngineControl
from helpers.plots import Dot, Line, Words

ENGINE = dict(work=24e9, size=1e8, peak=15e12, fraction=0.6, batch=32, bandwidth=1e9)
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
    ax = plots.plot_links(8.0, {"near": 4.0, "far": 1.0}, ax=Figure().add_subplot())
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
    ax = plots.plot_efficiency(measured, model, named={"a": "first"}, ax=Figure().add_subplot())
    assert points(ax, "-") == [((1, 2, 4), (1, 0.9, 0.8))]
    assert points(ax, "o") == [((2, 4), (0.8, 0.7)), ((2,), (0.5,))]
    assert [text.get_text() for text in ax.texts] == ["first", "model"]


def test_every_layer_stands_at_its_crossover():
    axes = Figure().subplots(1, 2)
    networks = [vgg(16), resnet(50)]
    assert plots.plot_splits(networks, 256, axes=axes) is axes
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


def test_the_starving_cell_changes_colour_at_the_ridge():
    ax = plots.plot_starving(256, 1024, 15.7e12, 900e9, {64: 30.8}, ax=Figure().add_subplot())
    colours = {}
    for line in ax.lines:
        if line.get_linestyle() == "-" and len(line.get_xdata()) > 2:
            colours[to_hex(line.get_color())] = line.get_ydata()
    assert colours[plots.COMPUTE].min() >= 15.7e12 / 900e9 >= colours[plots.MEMORY].max()
    assert points(ax, "o") == [((4.0,), (30.8,))]  # 256 / 64 devices


def test_scaling_draws_what_it_is_given_and_the_ideal():
    measured, modelled = SERIES, {"law": (np.array([1, 4]), np.array([1, 2.5]))}
    ax = plots.plot_scaling(measured, modelled, ax=Figure().add_subplot())
    assert points(ax, "o") == [((1, 2, 4), (1, 1.8, 3.0))]
    assert ((1, 4), (1, 2.5)) in points(ax, "-")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]


def moving(scene):
    curves = [mark for mark in scene.marks if isinstance(mark, Line) and not mark.dashed]
    *_, dot = [mark for mark in scene.marks if isinstance(mark, Dot)]  # last, over the turn
    (words,) = [mark for mark in scene.marks if isinstance(mark, Words)]
    return curves, dot, words


def test_the_engine_stands_where_the_core_says():
    scene = plots.engine_scene(**ENGINE, overlap=0.5, devices=8)
    curves, dot, words = moving(scene)
    compute = 32 * 24e9 / 9e12
    step = parallel.step_time(compute, parallel.allreduce_time(1e8, 8, 1e9), 0.5)
    assert (dot.x, dot.y) == (8, pytest.approx(compute / step))
    assert words.text == f"{plots.short(parallel.throughput(32, 8, step))} img/s"
    for curve in curves:
        communication = parallel.allreduce_time(1e8, np.array(curve.x), 1e9)
        np.testing.assert_allclose(
            curve.y, compute / parallel.step_time(compute, communication, 0.5)
        )


def test_the_curve_turns_where_the_link_takes_as_long_as_the_computing():
    # compute 0.0853 s; the ring takes 0.2 (n - 1) / n s: equal at n = 1 / (1 - 0.42667) = 1.744
    scene = plots.engine_scene(**ENGINE, overlap=0, devices=8)
    before, after = moving(scene)[0]
    assert (before.colour, after.colour) == (plots.COMPUTE, plots.MEMORY)
    assert before.x[-1] == after.x[0] == pytest.approx(1 / (1 - 32 * 24e9 / 9e12 / 0.2))
    assert before.x[0] == 1 and after.x[-1] == pytest.approx(1000)
    turn = next(mark for mark in scene.marks if isinstance(mark, Dot))
    assert (turn.x, turn.y, turn.shape) == (after.x[0], pytest.approx(0.5), "D")  # c / (c + c)


@pytest.mark.parametrize(("bandwidth", "colour"), [(1e12, plots.COMPUTE), (1e9, plots.MEMORY)])
def test_colour_and_words_say_what_binds(bandwidth, colour):
    scene = plots.engine_scene(**{**ENGINE, "bandwidth": bandwidth}, overlap=0, devices=100)
    assert moving(scene)[1].colour == colour
    assert scene.sentence.endswith(
        "the compute unit binds." if colour == plots.COMPUTE else "the network binds."
    )


def test_one_device_is_ideal_and_full_overlap_beats_none():
    scene = plots.engine_scene(**ENGINE, overlap=0, devices=1)
    assert moving(scene)[1].y == 1
    assert "1 device: " in scene.sentence and "efficiency 100%" in scene.sentence
    none, full = [mark for mark in scene.marks if isinstance(mark, Line) and mark.dashed]
    assert all(np.array(none.y) <= np.array(full.y))


def test_the_control_follows_its_inputs():
    control = EngineControl(n=8, batch=128)
    work = training_work(resnet(50).forward_work, 1, 1)
    compute = 128 * work / (0.6 * 15.7e12)
    reduce = parallel.allreduce_time(4 * resnet(50).parameters, 8, 15.75e9)
    speed = parallel.throughput(128, 8, compute + reduce)
    assert f"8 devices: {speed:.0f} img/s" in control.sentence
    assert "the compute unit binds" in control.sentence
    control.inputs["overlap"].value = 1.0
    assert "efficiency 100%" in control.sentence
    control.inputs["link"].value = "10 GbE, shared by 8"
    control.inputs["network"].value = "VGG-16"
    assert control.sentence.startswith("VGG-16 on 8 devices")
    assert "the network binds" in control.sentence
