"""Pictures say what the models say: checked on artists, marks and labels, not on pixels."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers.amdahl import limit, speedup
from helpers.budget import training_time
from helpers.catalog import devices
from helpers.networks import resnet
from helpers.pictures.amdahl import plot_speedup
from helpers.pictures.budget import plot_layers, plot_step_ratios
from helpers.pictures.devices import plot_devices, plot_machine, plot_ridges
from helpers.pictures.drawing import draw, png, show, still
from helpers.pictures.parallel import plot_efficiency, plot_links, plot_scaling, plot_two_levels
from helpers.pictures.pipeline import plot_overlap, plot_timeline
from helpers.pictures.plan import plot_plan
from helpers.pictures.roofline import plot_kernels, plot_roofline
from helpers.pipeline import chunked_performance, chunked_time, schedule, speedup_over_serial
from helpers.roofline import attainable
from helpers.scenes.amdahl import speedup_scene
from helpers.scenes.budget import training_scene
from helpers.scenes.marks import COMPUTE, HALO, MEMORY, Dot, Line, Words
from helpers.scenes.pipeline import overlap_scene
from helpers.scenes.roofline import roofline_scene
from helpers.words import apart, duration, percent, si

TOY = dict(peak=8.0, bandwidth=4.0)  # ridge at 2 flop/B


def _axes():
    return Figure().add_subplot()


def _dots(scene):
    return [mark for mark in scene.marks if isinstance(mark, Dot)]


SERIES = {"one": (np.array([1, 2, 4]), np.array([1, 1.8, 3.0]))}
DRAWN = {
    "roofline": lambda ax: plot_roofline(8, 4, {"task": 1}, before=(4, 4), ax=ax),
    "layers": lambda ax: plot_layers(resnet(18), ax=ax),
    "step ratios": lambda ax: plot_step_ratios(["a", "b", "a"], [2.9, 3.1, 3.3], ax=ax),
    "speedup": lambda ax: plot_speedup(0.9, r=2, s=9, ax=ax),
    "overlap": lambda ax: plot_overlap([1, 2], ax=ax),
    "timeline": lambda ax: plot_timeline(4, 6, 3, ax=ax),
    "plan": lambda ax: plot_plan([1, 2], [2, 1], [4, 3], 3, ax=ax),
    "machine": lambda ax: plot_machine(ax=ax),
    "devices": lambda ax: plot_devices(devices(), {"FP32": "peak_fp32"}, ax=ax),
    "ridges": lambda ax: plot_ridges(
        devices(), {"FP32": "peak_fp32"}, path=["K20", "V100-SXM2"], ax=ax
    ),
    "links": lambda ax: plot_links(8.0, {"near": 4.0, "far": 1.0}, {"job": 3}, ax=ax),
    "efficiency": lambda ax: plot_efficiency(
        SERIES, (np.array([1, 2, 4]), np.array([1, 0.9, 0.8])), ax=ax
    ),
    "scaling": lambda ax: plot_scaling(SERIES, SERIES, ax=ax),
    "two levels": lambda ax: plot_two_levels(ax=ax),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_plots_draw_on_the_given_axes_only_and_label_them(draw):
    ax = _axes()
    assert draw(ax) is ax
    assert plt.get_fignums() == []  # no figure of its own
    if ax.axison:
        assert ax.get_xlabel() and (ax.get_ylabel() or ax.get_yticklabels())
    assert ax.lines or ax.patches or ax.collections  # not blank
    ax.figure.draw_without_rendering()


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_plots_make_a_figure_if_none_is_given(draw):
    ax = draw(None)
    try:
        assert plt.get_fignums() == [ax.figure.number]
    finally:
        plt.close("all")


FOREIGN = {  # what a reader may have in a matplotlibrc
    **plt.style.library["dark_background"],
    "text.usetex": True,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "font.size": 24,
    "figure.dpi": 50,
    "axes.grid": True,
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_pictures_are_the_same_under_any_settings_and_change_none(draw):
    ours = still(draw(None).figure, "")
    with plt.rc_context(FOREIGN):
        before = dict(plt.rcParams)
        theirs = still(draw(None).figure, "")
        assert dict(plt.rcParams) == before
    plt.close("all")
    assert theirs == ours


def test_roofline_draws_three_exact_points_and_the_task():
    scene = roofline_scene(**TOY, tasks={"task": 0.5}, intensities=(0.1, 100))
    slanted, flat = [mark for mark in scene.marks if isinstance(mark, Line)][:2]
    assert (slanted.x, slanted.y) == ((0.1, 2), (0.4, 8))  # 4 * 0.1 = 0.4, up to the ridge
    assert (flat.x, flat.y) == ((2, 100), (8, 8))
    ridge, task = _dots(scene)
    assert (ridge.x, ridge.y) == (2, 8)
    assert (task.x, task.y) == (0.5, 2)  # 4 * 0.5
    assert scene.sentence == (
        "The ridge is at 2 flop/B; task at 0.5 flop/B is memory-bound and attains 2 flop/s."
    )


def test_regimes_differ_in_colour_and_in_shape():
    scene = roofline_scene(**TOY, tasks={"left": 1, "ridge": 2, "right": 4})
    left, ridge, right = _dots(scene)[1:]
    assert len({left.colour, ridge.colour, right.colour}) == 3
    assert len({left.shape, ridge.shape, right.shape}) == 3


def test_roofline_off_the_page_keeps_its_roof():
    # A ridge beyond the last intensity: only the slanted roof is in sight.
    scene = roofline_scene(peak=1e6, bandwidth=1, tasks={}, intensities=(0.1, 100))
    (slanted,) = [mark for mark in scene.marks if isinstance(mark, Line)]
    assert slanted.x[1] == 100 and slanted.y[1] == 100


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


def test_the_words_at_the_ridge_stay_clear_of_the_titles():
    axes = plot_kernels(125e12, 900e9, {f"batch {b}": [1, 300] for b in (1, 8, 64)})
    figure = axes[0].figure
    plt.close(figure)
    figure.draw_without_rendering()
    for ax in axes:
        (words,) = ax.texts
        assert ax.bbox.y1 > words.get_window_extent().y1  # titles stand above the box


def test_speedup_curve_ceiling_and_dot():
    scene = speedup_scene(0.9, s=9)
    curve = [mark for mark in scene.marks if isinstance(mark, Line) and mark.colour == COMPUTE]
    np.testing.assert_allclose(curve[0].y, speedup(0.9, np.array(curve[0].x)))
    ceiling = [mark for mark in scene.marks if isinstance(mark, Line) and mark.colour == MEMORY]
    assert ceiling[0].y == (limit(0.9), limit(0.9))
    assert (_dots(scene)[0].x, _dots(scene)[0].y) == (9, speedup(0.9, 9))
    assert scene.sentence == "With p = 0.9, S never exceeds 10; at s = 9 it is 5."


def test_curves_obey_every_input_that_the_point_obeys():
    for chunks, store, buffers in itertools.product((1, 4, 32), (0, 0.5, 1), (1, 2, 3)):
        scene = overlap_scene(1.0, 3.0, chunks, store, buffers)
        (curve,) = [m for m in scene.marks if isinstance(m, Line) and m.dashed]
        start, now = _dots(scene)
        assert np.interp(1.0, curve.x, curve.y) == pytest.approx(now.y, rel=1e-9)


def test_numbers_that_differ_are_told_apart_and_others_are_not():
    assert apart(2.0050000000000012, 2.005) == ("2.01", "2.01")
    assert apart(1.000999, 1.001001, 1) == ("1.000999", "1.001001", "1")
    assert [percent(share) for share in (0, 1e-4, 0.9951, 1)] == [
        "0%",
        "0.01%",
        "99.5%",
        "100%",
    ]


def test_speedup_scene_names_a_slow_down_and_a_missing_ceiling():
    assert speedup_scene(0.5, r=4, s=8).sentence.endswith("it is 0.485: a slow-down.")
    assert "S has no ceiling" in speedup_scene(1.0).sentence


def test_training_scene_places_the_run_and_the_published_ones():
    scene = training_scene(8e15, 1e12, 4, 0.5, [("other", 2e12, 8000)])
    other, mine = _dots(scene)
    assert (mine.x, mine.y) == (4e12, training_time(8e15, 1e12, 0.5, 4))
    assert (other.x, other.y) == (2e12, 8000)
    assert "other took 2.22 h at 50% of its peak" in scene.sentence  # 8e15 / (8000 * 2e12)
    assert {"other 50%", "you, 50%"} < {m.text for m in scene.marks if isinstance(m, Words)}


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


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        (15.7e12, "flop/s", "15.7 Tflop/s"),
        (999.96e9, "B/s", "1 TB/s"),  # rounding carries into the next prefix
        (999.4e9, "B/s", "999 GB/s"),
        (1000, "B", "1 kB"),
        (-5e6, "B", "-5 MB"),
        (0, "B", "0 B"),
        (2.829e18, "flop", "2.83 Eflop"),
        (np.inf, "B/s", "inf B/s"),
    ],
)
def test_si_prefixes(number, unit, expected):
    assert si(number, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (5400, "1.5 h"),
        (86400, "1 day"),
        (1e9, "31.7 years"),
    ],
)
def test_durations(seconds, expected):
    assert duration(seconds) == expected


def test_scene_numbers_come_from_the_core():
    assert attainable(100, 15.7e12, 900e9) == 15.7e12
    sentence = roofline_scene(15.7e12, 900e9, {"I": 100}).sentence
    assert "attains 15.7 Tflop/s" in sentence


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


@pytest.mark.parametrize("store", [0.0, 0.7])
def test_overlap_scene_places_start_and_present(store):
    scene = overlap_scene(4, s=2, chunks=8, store=store, buffers=3)
    start, now = _dots(scene)
    assert start.y == pytest.approx(4 / (1 + 4 + store))  # all in turn, P / pi = compute / time
    assert now.y == pytest.approx(4 / chunked_time(1, 2, 8, store))
    if not store:
        assert now.y / start.y == pytest.approx(speedup_over_serial(4, 2, 8))
        assert "No s and no n can give more than 5." in scene.sentence  # 1 + x


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


def test_plan_draws_the_range_and_the_deadline():
    ax = plot_plan([1, 2, 4], [4.0, 2.0, 1.0], [8.0, 4.5, 2.5], 3.0, ax=_axes())
    drawn = [list(line.get_ydata()) for line in ax.lines]
    assert drawn == [[4, 2, 1], [8, 4.5, 2.5], [3, 3]]
    assert [text.get_text() for text in ax.texts] == ["deadline"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4"]
