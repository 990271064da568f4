"""Pictures show what the models say: checked on artists and labels, not on pixels.

First what holds for every plot, then each by itself, in the order of the chapters.
"""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from examples import EXAMPLES, FOREIGN, PLOTS, drawn
from helpers import parallel
from helpers.catalog import devices
from helpers.networks import resnet, vgg
from helpers.pictures.amdahl import plot_speedup
from helpers.pictures.budget import plot_layers, plot_step_ratios
from helpers.pictures.devices import KIND_SHAPES, plot_devices, plot_machine, plot_ridges
from helpers.pictures.drawing import draw, png, show, still
from helpers.pictures.parallel import (
    plot_efficiency,
    plot_links,
    plot_scaling,
    plot_splits,
    plot_two_levels,
)
from helpers.pictures.pipeline import plot_overlap, plot_timeline
from helpers.pictures.plan import plot_plan, plot_runs
from helpers.pictures.roofline import plot_kernels, plot_roofline
from helpers.pictures.transformers import plot_attention_share, plot_layer_roofs
from helpers.pipeline import chunked_performance, schedule
from helpers.published import resnet_runs
from helpers.roofline import attainable, ridge
from helpers.scenes.marks import BOTH, COMPUTE, HALO, LIGHT, MEMORY, Dot, Line, Words
from helpers.scenes.transformers import BYTES, TIMES

PRECISIONS = {"FP32": "peak_fp32", "TF32": "peak_tf32", "FP16": "peak_fp16"}
PATH = ["K20", "V100-SXM2", "A100-40"]
every_plot = pytest.mark.parametrize("name", PLOTS)


def _axes():
    return Figure().add_subplot()


def points(ax, style):
    """The points of all lines drawn with a marker or, for "-", of solid lines."""
    wanted = (
        (lambda line: line.get_linestyle() == "-" and line.get_marker() == "None")
        if style == "-"
        else (lambda line: line.get_marker() == style)
    )
    return [(tuple(line.get_xdata()), tuple(line.get_ydata())) for line in ax.lines if wanted(line)]


def _words(ax):
    return [text.get_text() for text in ax.texts]


def _markers(ax):
    return [line for line in ax.lines if line.get_linestyle() == "None"]


# every plot


def test_every_plot_has_an_example_and_no_other():
    assert set(EXAMPLES) == set(PLOTS), "each plot_... of helpers/pictures stands in EXAMPLES"


@every_plot
def test_plots_draw_on_the_given_axes_only_and_label_them(name):
    axes = drawn(name)
    assert plt.get_fignums() == []  # no figure of its own
    for ax in axes:
        if ax.axison:
            assert ax.get_xlabel()
            assert ax is not axes[0] or ax.get_ylabel() or ax.get_yticklabels()
        assert ax.lines or ax.patches or ax.collections  # not blank
        ax.figure.draw_without_rendering()


@every_plot
def test_plots_make_a_figure_if_none_is_given(name):
    figure = drawn(name, elsewhere=False)[0].figure
    try:
        assert plt.get_fignums() == [figure.number]
    finally:
        plt.close("all")


@every_plot
def test_pictures_are_the_same_under_any_settings_and_change_none(name):
    ours = still(drawn(name, elsewhere=False)[0].figure, "")
    with plt.rc_context(FOREIGN):
        before = dict(plt.rcParams)
        theirs = still(drawn(name, elsewhere=False)[0].figure, "")
        assert dict(plt.rcParams) == before
    plt.close("all")
    assert theirs == ours


def test_marks_become_artists_and_nothing_else_does():
    ax = draw(_axes(), [Line((1, 2), (3, 4)), Dot(1, 3), Words(1, 3, "here")])
    assert len(ax.lines) == 2
    assert [text.get_text() for text in ax.texts] == ["here"]
    with pytest.raises(ValueError, match="marks must be Line, Dot or Words, got 'line'"):
        draw(_axes(), ["line"])


def test_show_displays_one_picture_with_its_text(monkeypatch):
    shown = []
    monkeypatch.setattr(
        "helpers.pictures.drawing.display", lambda data, **rest: shown.append((data, rest))
    )
    show(plot_roofline(8, 4), "Three words here")
    assert plt.get_fignums() == []  # or Jupyter would show it again
    ((data, rest),) = shown
    assert data["text/plain"] == "Three words here"
    assert data["image/png"].startswith("iVBOR")  # PNG in base64
    assert rest == {"metadata": {"image/png": {"alt": "Three words here"}}, "raw": True}


def test_png_is_a_picture_of_the_size_asked_for():
    figure = plot_roofline(8, 4, ax=Figure(figsize=(6.5, 4)).add_subplot()).figure
    picture = Image.open(io.BytesIO(png(figure, scale=2)))
    assert picture.size == (1300, 800)
    colours = {colour for _, colour in picture.convert("RGB").getcolors(100_000)}
    dark_orange = np.array([0xC0, 0x4F, 0x00])  # the flat roof survives the reduced palette
    assert min(np.abs(np.array(colour) - dark_orange).max() for colour in colours) <= 8


# budget


def test_layers_are_bars_of_their_flops():
    network = resnet(18)
    ax = plot_layers(network, ax=_axes())
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == [layer.flops for layer in network.layers if layer.macs]


def test_step_ratios_stand_in_the_row_of_their_model():
    ax = plot_step_ratios(["a", "b", "a"], [2.9, 3.1, 3.3], ax=_axes())
    names = [label.get_text() for label in ax.get_yticklabels()]
    rows = [names[int(y)] for y in ax.lines[0].get_ydata()]
    assert rows == ["a (2)", "b (1)", "a (2)"]  # with the number of measurements


# devices


def test_machine_has_three_units_in_order_and_arrows_both_ways():
    ax = plot_machine(ax=_axes())
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 3
    names = ("memory unit", "communication unit", "compute unit")
    for box, name in zip(boxes, names, strict=True):
        (text,) = (text for text in ax.texts if text.get_text() == name)
        assert box.get_x() < text.get_position()[0] < box.get_x() + box.get_width()
    arrows = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    ways = sorted(np.sign(arrow.xy[0] - arrow.get_position()[0]) for arrow in arrows)
    assert ways == [-1, -1, 1, 1]
    assert _words(ax).count("load") == _words(ax).count("store") == 2
    load, store = (next(t for t in ax.texts if t.get_text() == way) for way in ("load", "store"))
    for label, way in ((load, 1), (store, -1)):  # each word stands beside its own arrow
        nearest = min(arrows, key=lambda arrow: abs(arrow.xy[1] - label.get_position()[1]))
        assert np.sign(nearest.xy[0] - nearest.get_position()[0]) == way
    drawn = {patch.get_edgecolor()[:3] for patch in boxes}
    assert all(red == green == blue for red, green, blue in drawn)  # reads in black and white


def test_devices_stand_at_bandwidth_and_peak_with_a_shape_per_kind():
    table = devices()
    ax = plot_devices(table, PRECISIONS, ax=_axes())
    shown = {line.get_label(): line for line in _markers(ax)}
    assert set(shown) == {
        *("CPU, FP32", "GPU, FP32", "SoC GPU, FP32", "GPU, TF32"),
        *("GPU, FP16", "SoC GPU, FP16", "GPU, FP16 on vector units"),
        *("accelerator, TF32", "accelerator, FP16"),
    }
    assert list(shown["GPU, FP16 on vector units"].get_xdata()) == [732e9]  # the P100
    colours = {"FP32": "white", "TF32": LIGHT, "FP16": BOTH}
    for label, line in shown.items():
        kind, precision, vector = re.fullmatch(r"(.+), (\w+)( on vector units)?", label).groups()
        rows = table[table["kind"] == kind].dropna(subset=PRECISIONS[precision])
        if precision != "FP32":
            rows = rows[rows["matrix_units"] == (not vector)]
        assert sorted(line.get_xdata()) == sorted(rows["bandwidth"])
        assert sorted(line.get_ydata()) == sorted(rows[PRECISIONS[precision]])
        assert line.get_marker() == KIND_SHAPES[kind]
        assert line.get_markerfacecolor() == ("white" if vector else colours[precision])
    entries = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(entries) == sorted(shown)  # shapes are explained
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for line in _markers(ax):  # every device is in sight
        assert left < min(line.get_xdata()) and max(line.get_xdata()) < right
        assert low < min(line.get_ydata()) and max(line.get_ydata()) < high


def test_lines_of_constant_ridge_are_straight_with_slope_one():
    ax = plot_devices(devices(), PRECISIONS, ridges=(10, 200), ax=_axes())
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    lines = [line for line in ax.lines if line.get_linestyle() == "--"]
    for line, value in zip(lines, (10, 200), strict=True):
        x, y = line.get_data()
        assert np.diff(np.log(y)) == pytest.approx(np.diff(np.log(x)))
        assert ridge(np.array(y), np.array(x)) == pytest.approx(value)
    words = [text for text in ax.texts if text.get_text().startswith("I* = ")]
    assert [word.get_text() for word in words] == ["I* = 10", "I* = 200"]
    frame = ax.get_window_extent()
    for word in words:  # inside the frame
        box = word.get_window_extent()
        assert frame.x0 < box.x0 and box.x1 < frame.x1 and frame.y0 < box.y0 and box.y1 < frame.y1


def test_labels_stand_at_the_dot_that_is_asked_for():
    labels = {"V100-SXM2": ("FP16", "left"), "L4": ("FP32", "right")}
    for plot, places in (
        (plot_devices, {"V100-SXM2": (900e9, 125e12), "L4": (300e9, 30.3e12)}),
        (plot_ridges, {"V100-SXM2": (2017, 125e12 / 900e9), "L4": (2023, 101)}),
    ):
        ax = plot(devices(), PRECISIONS, labels=labels, ax=_axes())
        found = {text.get_text(): text for text in ax.texts if text.get_text() in labels}
        for key, place in places.items():
            assert found[key].xy == pytest.approx(place)
        assert found["V100-SXM2"].get_horizontalalignment() == "right"
        assert found["L4"].get_horizontalalignment() == "left"


def test_devices_without_the_peak_are_left_out():
    for plot in (plot_devices, plot_ridges):
        ax = plot(devices().loc[["M40", "V100-SXM2"]], {"FP16": "peak_fp16"}, ax=_axes())
        (dots,) = (line for line in ax.lines if line.get_linestyle() == "None")
        assert len(dots.get_xdata()) == 1


def test_ridges_are_joined_in_the_order_of_years():
    ax = plot_ridges(devices(), PRECISIONS, path=PATH[::-1], ax=_axes())
    joined = {line.get_label(): line for line in ax.lines if line.get_linestyle() == "-"}
    assert list(joined["FP32"].get_xdata()) == [2012, 2017, 2020]
    # 3520 / 208, 15 700 / 900, 19 500 / 1555
    assert list(joined["FP32"].get_ydata()) == pytest.approx([16.92, 17.44, 12.54], abs=0.005)
    assert list(joined["FP16"].get_xdata()) == [2017, 2020]  # the K20 has no FP16
    assert list(joined["TF32"].get_xdata()) == [2020]
    assert len({line.get_marker() for line in joined.values()}) == 3
    assert set(PRECISIONS) == set(_words(ax))


# roofline


def test_roofline_before_shows_the_old_roof_and_the_old_dot():
    ax = plot_roofline(16, 4, {"task": 100}, before=(8, 4), ax=_axes())
    drawn = [tuple(line.get_ydata()) for line in ax.lines]
    assert (8,) in drawn and (16,) in drawn  # the task before and after
    assert any(len(y) == 3 and max(y) == 8 for y in drawn)  # the old roof


def test_kernels_stand_on_the_roof_a_panel_for_each_group():
    axes = Figure().subplots(1, 2)
    groups = {"one": [1, 1.5, 3, 5], "two": [9]}
    assert plot_kernels(8, 4, groups, axes=axes) is axes
    assert plt.get_fignums() == []
    points = {line.get_color(): sorted(line.get_xdata()) for line in axes[0].lines[-2:]}
    assert points == {MEMORY: [1, 1.5], COMPUTE: [3, 5]}
    for line in axes[0].lines[-2:]:
        np.testing.assert_allclose(line.get_ydata(), attainable(line.get_xdata(), 8, 4))
    titles = [ax.get_title() for ax in axes]
    assert titles == ["one: 2 of 4 right of the ridge", "two: 1 of 1 right of the ridge"]


def test_a_kernel_is_named_at_its_own_dot_in_every_panel():
    axes = Figure().subplots(1, 2)
    groups = {"one": [1, 1.5, 5], "two": [1, 3, 5]}
    plot_kernels(8, 4, groups, named={"fc": [1.5, 3]}, axes=axes)
    named = [[text.xy for text in ax.texts if text.get_text() == "fc"] for ax in axes]
    assert named == [[(1.5, 6)], [(3, 8)]]  # 4 B/s * 1.5 flop/B, then the flat roof


def test_the_words_at_the_ridge_stay_clear_of_the_titles():
    axes = plot_kernels(125e12, 900e9, {f"batch {b}": [1, 300] for b in (1, 8, 64)})
    figure = axes[0].figure
    plt.close(figure)
    figure.draw_without_rendering()
    for ax in axes:
        (words,) = ax.texts
        assert ax.bbox.y1 > words.get_window_extent().y1  # titles stand above the box


# amdahl


def test_linear_axes_show_where_the_speedup_bends():
    ax = plot_speedup(0.9, s=9, last=50, ax=_axes())
    assert ax.get_xscale() == ax.get_yscale() == "linear"
    assert ax.get_xlim()[1] == 50 and 10 < ax.get_ylim()[1] < 15  # the ceiling is 10
    ideal, ceiling, dot = ax.texts
    assert [text.get_text() for text in ax.texts] == ["S = s", "ceiling 10", "S = 5 at s = 9"]
    assert ideal.xy == pytest.approx((8, 8)) and ceiling.xy == pytest.approx((1, 10))
    assert dot.xy == pytest.approx((9, 5))
    logarithmic = plot_speedup(0.9, s=9, ax=_axes())
    assert logarithmic.get_xscale() == logarithmic.get_yscale() == "log"


# pipeline


def test_overlap_curves_run_from_serial_to_the_roofline():
    ax = plot_overlap([1, 4, np.inf], ax=_axes())
    x = ax.lines[0].get_xdata()
    for line, n in zip(ax.lines, (1, 4, np.inf), strict=True):
        np.testing.assert_allclose(line.get_ydata(), chunked_performance(x, 1.0, 1.0, n))
    assert {text.get_text() for text in ax.texts} == {
        "n = 1: take turns",
        "n = 4",
        "n = ∞: roofline",
    }


def test_the_label_of_a_curve_is_nearest_to_its_own():
    chunks = [1, 2, 4, np.inf]
    ax = plot_overlap(chunks)
    plt.close(ax.figure)
    ax.figure.draw_without_rendering()
    halo = HALO * ax.figure.dpi / 72 / 2
    for label, own in zip(ax.texts, ax.lines, strict=True):
        box = label.get_window_extent()
        across = np.arange(box.x0, box.x1)
        gaps = {}
        for curve in ax.lines:
            x, y = curve.get_transform().transform(curve.get_xydata()).T
            gaps[curve] = np.abs(np.interp(across, x, y) - (box.y0 + box.y1) / 2).min()
        assert min(gaps.values()) > box.height / 2 + halo, label.get_text()  # cut by no label
        own_gap = gaps.pop(own)
        assert own_gap < 0.8 * min(gaps.values()), label.get_text()


def test_timeline_draws_every_step_of_the_schedule():
    ax = plot_timeline(4, 6, 3, store=2, buffers=2, ax=_axes())
    steps = schedule(4, 6, 3, 2, 2)
    bars = [line for line in ax.lines if line.get_linewidth() == 14]
    rows = {
        label.get_text(): tick
        for tick, label in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    }
    drawn = {(*bar.get_xdata(), bar.get_ydata()[0]) for bar in bars}
    assert drawn == {(step.start, step.end, rows[step.unit]) for step in steps}
    end = ax.lines[-1].get_xdata()
    assert end[0] == max(step.end for step in steps)


# parallel


def test_every_link_has_its_slope_and_its_ridge():
    ax = plot_links(8.0, {"near": 4.0, "far": 1.0}, ax=Figure().add_subplot())
    slanted = [(x, y) for x, y in points(ax, "-") if y[0] != y[1]]
    assert slanted == [((1, 2), (4, 8)), ((1, 8), (1, 8))]  # y = bandwidth * x, up to the peak
    assert points(ax, "D") == [((2,), (8,)), ((8,), (8,))]
    assert [text.get_text() for text in ax.texts] == ["near\n2", "far\n8"]


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


def test_scaling_draws_what_it_is_given_and_the_ideal():
    measured, modelled = (
        EXAMPLES["plot_scaling"]["measured"],
        {"law": (np.array([1, 4]), np.array([1, 2.5]))},
    )
    ax = plot_scaling(measured, modelled, ax=Figure().add_subplot())
    assert points(ax, "o") == [((1, 2, 4), (1, 1.8, 3.0))]
    assert ((1, 4), (1, 2.5)) in points(ax, "-")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one"]


# transformers


def test_counted_shares_are_lines_and_printed_ones_dots():
    counted = {"all": [0.1, 0.3, 0.6], "half": [0.05, 0.2, 0.4]}
    ax = plot_attention_share([1024, 4096, 16384], counted, {4096: 0.21}, ax=_axes())
    styles = {line.get_linestyle(): tuple(line.get_ydata()) for line in ax.lines}
    assert styles["--"] == (0.1, 0.3, 0.6) and styles["-"] == (0.05, 0.2, 0.4)
    assert points(ax, "o") == [((4096,), (0.21,))]
    assert _words(ax) == ["all", "half"]


def test_parts_of_a_layer_stand_on_every_roof():
    machines = {"near": (8, 4), "far": (16, 1)}
    ax = plot_layer_roofs(machines, {"part": 3, "other": 20}, ax=_axes())
    assert points(ax, "D") == [((2,), (8,)), ((16,), (16,))]  # the ridges
    assert points(ax, "o") == [((3,), (3,))]  # the far machine's slope
    assert points(ax, "s") == [((3,), (8,)), ((20,), (8,)), ((20,), (16,))]
    assert _words(ax) == ["part", "other", "near, ridge 2", "far, ridge 16"]


# plan


def test_runs_stand_at_devices_and_time_with_a_shape_for_each_device():
    runs, years = resnet_runs(), devices()["year"]
    ax = plot_runs(runs, years, ideal=["M40"], labels={"M40": ("14 days", "left")}, ax=_axes())
    shown = {line.get_label(): line for line in _markers(ax)}
    assert set(shown) == set(runs["device"])
    looks = {(line.get_marker(), line.get_markerfacecolor()) for line in shown.values()}
    assert len(looks) == len(shown)  # told apart in black and white
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for device, line in shown.items():
        those = runs[runs["device"] == device]
        assert sorted(line.get_xdata()) == sorted(those["devices"])
        assert sorted(line.get_ydata()) == sorted(those["time"])
        assert left < min(line.get_xdata()) and max(line.get_xdata()) < right
        assert low < min(line.get_ydata()) and max(line.get_ydata()) < high
    (ideal,) = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
    assert list(ideal.get_ydata()) == [14 * 86400, 14 * 86400 / 3584]  # twice the devices, half
    assert "14 days" in [text.get_text() for text in ax.texts]


def test_plan_draws_the_range_and_the_deadline():
    ax = plot_plan([1, 2, 4], [4.0, 2.0, 1.0], [8.0, 4.5, 2.5], 3.0, ax=_axes())
    drawn = [list(line.get_ydata()) for line in ax.lines]
    assert drawn == [[4, 2, 1], [8, 4.5, 2.5], [3, 3]]
    assert [text.get_text() for text in ax.texts] == ["deadline"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4"]


def test_parts_have_a_row_each_and_stand_where_the_scenes_say():
    step, room = EXAMPLES["plot_parts"].values()
    every = zip(
        drawn("plot_parts"),
        (BYTES, TIMES),
        (step.memory, step.seconds),
        (room, step.seconds.total),
        strict=True,
    )
    for ax, rows, sizes, whole in every:
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert names == [*rows][::-1]
        bars = [line for line in ax.lines if line.get_linestyle() == "-"]
        found = {names[int(bar.get_ydata()[0])]: np.ptp(bar.get_xdata()) for bar in bars}
        shares = {name: size / whole for name, size in zip(rows, sizes, strict=True) if size}
        assert found == pytest.approx(shares)
