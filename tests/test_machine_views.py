"""Pictures of measurements and the control over records: what was measured, and nothing else."""

import html
import itertools
import json
import math
import re
from datetime import datetime
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from examples import EXAMPLES, OURS, PLOTS, RECORDS
from helpers.controls.machine import RecordControl
from helpers.measure.overlap import Overlap
from helpers.measure.parts import Speedup
from helpers.measure.record import parse_record, save_record
from helpers.measure.roof import Bandwidth, Peak, Point, Roofline
from helpers.measure.watch import Measured, unknown
from helpers.pictures.machine import (
    bandwidth_axes,
    chunk_axes,
    plot_overlaps,
    plot_speedups,
    plot_two_records,
)
from helpers.scenes.machine import (
    THIN,
    bandwidth_scene,
    batch_scene,
    chunk_scene,
    laid_over,
    own_roofline_scene,
    peak_scene,
    records_scene,
    size_words,
    speedup_scene,
)
from helpers.scenes.marks import BOTH, COMPUTE, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import si

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
NOISY = "too noisy: others used 40 % of the cores"
LACKING = unknown(NOISY)
NAMES = ["plot_bandwidths", "plot_peaks", "plot_own_roofline", "plot_batches"]
NAMES += ["plot_speedups", "plot_overlaps", "plot_two_records"]


def result(value, low=None, high=None):
    return Measured(value, low or value, high or value, 9, 0.0)


def point(name, flops, moved, seconds, share=None):
    took = result(seconds) if seconds else LACKING
    share = result(share) if share else LACKING
    return Point(name, 2, flops, moved, moved, moved, result(1.0), took, share, "")


def layer(batch, seconds, width=1000):
    """A fully connected layer: weights once, inputs once, results twice for write-allocate."""
    moved = 4 * (width**2 + 3 * width * batch)
    flops = 2 * width**2 * batch
    guess = result(max(flops / 8e9, moved / 4e9))
    took = result(seconds) if seconds else LACKING
    name = f"fully connected, batch {batch}"
    return Point(name, 1, flops, moved, moved, moved, guess, took, result(1.0), "")


def roof(*points, peak=8e9, beta=4e9):
    """The ridge is at 2 flop/B."""
    known = [result(number) if number else LACKING for number in (peak, beta)]
    return Roofline(1, *known, points)


def gain(name, predicted, measured, naive=2.0):
    values = [result(value) if value else LACKING for value in (predicted, measured, naive)]
    return Speedup(name, 2, 2.0, *[result(0.5)] * 3, *values, result(1.0))


def job(chunks, load, compute, measured, loader="link"):
    times = [
        result(load),
        result(compute),
        result(measured) if measured else LACKING,
        result(max(load, compute) + min(load, compute) / chunks),
        result(load + compute),
        result(max(load, compute)),
        result(1.0),
    ]
    return Overlap(loader, chunks, *times)


def marks(scene, kind, **having):
    found = [mark for mark in scene.marks if isinstance(mark, kind)]
    return [m for m in found if all(getattr(m, key) == value for key, value in having.items())]


def texts(scene):
    return [words.text for words in marks(scene, Words)]


def without_results(value):
    """The same with each result unknown."""
    if isinstance(value, Measured):
        return LACKING
    if hasattr(value, "_fields"):
        return type(value)(*map(without_results, value))
    return tuple(map(without_results, value)) if isinstance(value, tuple) else value


# bandwidths

STREAM = [
    Bandwidth("read", 1, 2**20, 100, 100, result(1e-6, 0.5e-6, 2e-6)),
    Bandwidth("read", 1, 2**14, 100, 100, LACKING),
    Bandwidth("read", 1, 2**16, 100, 100, result(0.5e-6)),
    Bandwidth("copy", 1, 2**20, 100, 150, result(1e-6)),
    Bandwidth("add", 1, 2**20, 90, 120, result(1e-6)),
    Bandwidth("read", 2, 2**20, 100, 100, result(0.2e-6)),
]


def test_rates_count_the_bytes_moved_in_the_order_of_sizes():
    scene = bandwidth_scene(STREAM)
    (read,) = marks(scene, Line, colour=MEMORY)
    assert (read.x, read.y) == ((2**16, 2**20), (pytest.approx(2e8), pytest.approx(1e8)))
    ends = {(dot.colour, dot.x): dot.y for dot in marks(scene, Dot)}
    assert ends == {
        (MEMORY, 2**20): pytest.approx(1e8),
        (BOTH, 2**20): pytest.approx(1.5e8),  # write-allocate counts
        (QUIET, 2**20): pytest.approx(1.2e8),
    }
    interval = marks(scene, Line, width=THIN, x=(2**20, 2**20))[0]
    assert interval.y == (pytest.approx(0.5e8), pytest.approx(2e8))  # 100 B / 2 us, / 0.5 us
    assert "read moves 200 MB/s at 64 KiB and 100 MB/s at 1 MiB" in scene.sentence
    assert f"Without result: 1 of 5, most often: {NOISY}." in scene.sentence


def test_threads_are_those_asked_for():
    scene = bandwidth_scene(STREAM, threads=2)
    assert [dot.y for dot in marks(scene, Dot)] == [pytest.approx(5e8)]
    assert scene.sentence.startswith("With 2 threads, read moves 500 MB/s at 1 MiB.")


def test_caches_in_sight_are_upright_lines():
    scene = bandwidth_scene(STREAM, caches={"L1": 2**15, "L2": 2**18, "L3": 2**23})
    (cache,) = marks(scene, Line, dashed=True, width=THIN)  # L1 and L3 lie beyond the sizes
    assert cache.x == (2**18, 2**18)
    assert "L2" in texts(scene) and "L2 holds 256 KiB" in scene.sentence


def test_names_at_the_ends_of_lines_stand_one_below_the_other():
    words = marks(bandwidth_scene(STREAM), Words)
    assert [w.text.split(":")[0] for w in words] == ["copy", "add", "read"]  # the fastest first
    heights = [w.offset[1] for w in words]
    assert all(high - low >= 13 for high, low in itertools.pairwise(heights))


def test_sizes_are_written_in_units_of_1024():
    assert [size_words(2**n) for n in (5, 14, 20, 31)] == ["32 B", "16 KiB", "1 MiB", "2 GiB"]


# peaks


def test_peaks_stand_at_their_threads_beside_what_threads_promise():
    rows = [
        Peak("FP32", 2, 8, 1000, result(1e-6)),
        Peak("FP32", 1, 8, 1000, result(1.6e-6)),
        Peak("FP64", 1, 8, 1000, result(4e-6)),
        Peak("FP64", 2, 8, 1000, LACKING),
    ]
    scene = peak_scene(rows)
    fast, slow = marks(scene, Dot, colour=COMPUTE), marks(scene, Dot, colour=BOTH)
    assert [(dot.x, dot.y) for dot in fast] == [(1, 6.25e8), (2, pytest.approx(1e9))]
    assert [(dot.x, dot.y) for dot in slow] == [(1, 2.5e8)]
    ideal = marks(scene, Line, dashed=True)[0]
    assert ideal.y == (6.25e8, 1.25e9)  # twice that of one thread
    assert "FP32: 625 Mflop/s with 1 thread, 1 Gflop/s with 2 threads" in scene.sentence
    assert "Without result: 1 of 4" in scene.sentence


# the roofline


def test_tasks_stand_where_they_were_measured_in_the_look_of_their_regime():
    below = point("dot product", 10**6, 10**7, 5e-3, share=0.5)  # I = 0.1, 200 Mflop/s
    right = point("fully connected, batch 64", 10**9, 10**8, 0.25)  # I = 10, 4 Gflop/s
    scene = own_roofline_scene(roof(below, right, point("relu", 10, 100, None)))
    dots = marks(scene, Dot)
    assert [(dot.x, dot.y, dot.colour, dot.shape) for dot in dots] == [
        (2, 8e9, BOTH, "D"),  # the ridge
        (0.1, pytest.approx(2e8), MEMORY, "o"),
        (10, pytest.approx(4e9), COMPUTE, "s"),
    ]
    assert texts(scene) == ["ridge 2", "dot product", "64"]
    assert "dot product 200 Mflop/s (50%); fully connected, batch 64 4 Gflop/s." in scene.sentence
    assert "Without result: 1 of 3" in scene.sentence


def test_the_interval_of_a_time_becomes_that_of_a_rate():
    task = point("relu", 10**6, 10**7, 1e-3)._replace(seconds=result(1e-3, 0.5e-3, 4e-3))
    (interval,) = marks(own_roofline_scene(roof(task)), Line, width=THIN)
    assert interval.x == (0.1, 0.1)
    assert interval.y == (pytest.approx(0.25e9), pytest.approx(2e9))


def test_one_convolution_counted_twice_is_joined():
    twice = [
        point("convolution, as if direct", 10**9, 10**7, 1.0),
        point("convolution, copied and multiplied", 10**9, 10**8, 1.0),
    ]
    scene = own_roofline_scene(roof(*twice))
    (joint,) = marks(scene, Line, dashed=True)
    assert joint.x == (100, 10) and joint.y == (1e9, 1e9)
    assert texts(scene)[1:] == ["as if direct", "convolution"]
    assert not marks(own_roofline_scene(roof(twice[0])), Line, dashed=True)


@pytest.mark.parametrize(
    ("known", "colour", "height", "said"),
    [
        (dict(beta=None), COMPUTE, 8e9, "π = 8 Gflop/s; β is not known: too noisy"),
        (dict(peak=None), MEMORY, 4e9 * 2000, "β = 4 GB/s; π is not known: too noisy"),
    ],
)
def test_a_roof_without_the_other_is_drawn_alone(known, colour, height, said):
    task = point("relu", 10**6, 10**7, 1e-3)
    scene = own_roofline_scene(roof(task, **known))
    line, _ = marks(scene, Line)
    assert line.colour == colour and line.y[1] == height
    assert [(dot.colour, dot.shape) for dot in marks(scene, Dot)] == [(BOTH, "D")]  # no regime
    assert said in scene.sentence


# a layer by batch


def test_the_ridge_as_a_batch_is_where_both_times_are_equal():
    batches = {1: 0.002, 100: 0.02, 2000: 0.5, 4: None}
    scene = batch_scene(roof(*(layer(batch, took) for batch, took in batches.items())))
    (meet,) = marks(scene, Dot, shape="D")
    computing = 2 * 1000**2 * meet.x / 8e9
    assert computing == pytest.approx(4 * (1000**2 + 3 * 1000 * meet.x) / 4e9)
    assert meet.y == pytest.approx(computing)
    loading, flat = marks(scene, Line, colour=MEMORY)[0], marks(scene, Line, colour=COMPUTE)[0]
    assert loading.x == (1, 4, meet.x) and flat.x == (meet.x, 100, 2000)
    assert loading.y[0] == pytest.approx(4 * 1003 * 1000 / 4e9)
    assert flat.y[-1] == pytest.approx(2 * 1000**2 * 2000 / 8e9)
    measured = [(dot.x, dot.y) for dot in marks(scene, Dot) if dot.shape != "D"]
    assert measured == [(1, 0.002), (100, 0.02), (2000, 0.5)]
    assert f"The ridge is a batch of {meet.x:.3g}." in scene.sentence
    assert "Batch 4: 0.00101 s predicted." in scene.sentence
    assert "Without result: 1 of 4" in scene.sentence


def test_without_roofs_or_with_one_batch_no_ridge_is_claimed():
    rows = [layer(1, 0.002), layer(100, 0.02)]
    for roofline in (roof(*rows, peak=None), roof(rows[0]), roof(*rows, beta=1e15)):
        scene = batch_scene(roofline)
        assert "ridge" not in scene.sentence
        assert not marks(scene, Line, colour=COMPUTE)
    # Each example moves so much that the layer only comes near the ridge at 2 flop/B.
    names = {batch: f"fully connected, batch {batch}" for batch in (1, 100)}
    rows = [point(name, 1000 * b, 4000 + 500 * b, 1.0) for b, name in names.items()]
    assert "ridge" not in batch_scene(roof(*rows)).sentence


# two parts


def test_each_case_has_a_line_of_its_own_and_each_look_one_name():
    rows = [
        gain("FP64, 2 threads", 1.5, 1.4),
        gain("unknown", None, None),
        gain("FP32, 1 thread", 1.7, None),
        gain("FP32, 1 thread, rounded first", 1.2, 1.3),
    ]
    scene = speedup_scene(rows)
    places = {
        colour: [(dot.x, round(dot.y)) for dot in marks(scene, Dot, colour=colour)]
        for colour in (QUIET, COMPUTE, BOTH)
    }
    assert places == {
        QUIET: [(2, 0), (2, -1), (2, -2)],  # at first sight
        COMPUTE: [(1.5, 0), (1.7, -1), (1.2, -2)],
        BOTH: [(1.4, 0), (1.3, -2)],
    }
    words = marks(scene, Words)
    assert [w.text for w in words] == ["at first sight", "Amdahl's law", "measured"]
    assert [round(w.y) for w in words] == [0, -1, -2]  # in three lines, right of all intervals
    assert {w.x for w in words} == {2}
    assert "FP32, 1 thread: at first sight 2, Amdahl's law 1.7;" in scene.sentence
    assert f"Without result: 1 of 4, most often: {NOISY}." in scene.sentence


def test_cases_are_written_beside_their_lines():
    rows = [gain("FP64, 2 threads, added up", 1.5, 1.4), gain("costs $5 or $6", 1.5, 1.4)]
    ax = plot_speedups(rows, ax=Figure().add_subplot())
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["FP64, 2 threads,\nadded up", "costs $5 or $6"]
    assert list(ax.get_yticks()) == [0, -1]
    ax.figure.draw_without_rendering()


# overlap


def test_curves_and_dots_are_those_of_the_loader():
    rows = [job(4, 2, 4, 5), job(1, 2, 4, 6.5), job(2, 2, 4, None), job(1, 9, 9, 9, "copy")]
    scene = chunk_scene(rows)
    total, most, both = marks(scene, Line)[:3]
    assert total.dashed and (total.x, total.y) == ((1, 4), (6, 6))
    assert most.y == (4, 4) and both.y == (6, 4.5)  # 4 + 2/1, 4 + 2/4
    assert [(dot.x, dot.y) for dot in marks(scene, Dot)] == [(1, 6.5), (4, 5)]
    assert "1 chunk 6.5 s (max + min/n: 6 s), 4 chunks 5 s (max + min/n: 4.5 s)" in scene.sentence
    assert "Nearest is max + min/n, 1 of 1 times for n > 1." in scene.sentence
    assert "Without result: 1 of 3" in scene.sentence
    assert [dot.y for dot in marks(chunk_scene(rows, "copy"), Dot)] == [9]
    ax = plot_overlaps(rows, loader="copy", ax=Figure().add_subplot())
    assert [tuple(line.get_ydata()) for line in ax.lines if line.get_marker() == "D"] == [(9,)]


# two machines

LINE = Scene([Line((1, 2), (3, 4), MEMORY), Dot(2, 4, MEMORY), Words(2, 4, "own")], "Own.")
OTHER = Scene(
    [
        Line((1, 2), (5, 6), COMPUTE),
        Line((1, 1), (4, 6), BOTH, False, THIN),
        Line((7, 7), (4, 6), QUIET, True, THIN),
        Dot(2, 6, COMPUTE, "s"),
        Words(2, 6, "a word"),
    ],
    "Other.",
)
EMPTY = Scene([Words(1, 1, "why")], "No picture: why.")


def test_the_second_lies_in_grey_below_the_first_under_its_name():
    scene = laid_over(LINE, OTHER, "second")
    assert scene.marks[:3] == [
        Line((1, 2), (5, 6), QUIET, True, 1.2),
        Line((1, 1), (4, 6), QUIET, False, THIN),
        Dot(2, 6, QUIET, "D"),
    ]
    assert scene.marks[3:6] == LINE.marks
    assert texts(scene) == ["own", "second"]
    assert scene.sentence == "Own. In grey, second: Other."


def test_a_machine_without_results_is_told_and_not_drawn():
    assert laid_over(LINE, EMPTY, "second").marks == LINE.marks
    assert laid_over(LINE, EMPTY, "second").sentence == "Own. In grey, second: No picture: why."
    assert texts(laid_over(EMPTY, OTHER, "second")) == ["second"]
    assert laid_over(EMPTY, EMPTY, "second").marks == EMPTY.marks
    assert texts(laid_over(LINE, Scene(OTHER.marks[:1]), "second")) == ["own", "second"]  # no dot


@pytest.mark.parametrize(
    ("peaks", "ups"), [((8e9, 4e9), [11, -11]), ((4e9, 8e9), [-11, 11]), ((8e9, 8e9), [11, -11])]
)
def test_names_of_two_roofs_stand_on_their_far_sides(peaks, ups):
    scene = records_scene({"a": roof(peak=peaks[0]), "b": roof(peak=peaks[1])})
    names = {words.text: words for words in marks(scene, Words) if words.text in "ab"}
    assert [names[name].offset[1] for name in "ab"] == ups
    assert [names[name].y for name in "ab"] == list(peaks)


def test_more_than_two_records_are_refused():
    for count in (0, 3):
        records = {str(number): OURS for number in range(count)}
        with pytest.raises(ValueError, match=f"records must hold one or two, got {count}"):
            plot_two_records(records)


# every picture


def plotted(name, record, ax=None):
    """A picture of a record."""
    given = {
        "rows": getattr(record, f"{name.removeprefix('plot_')}", None),
        "roofline": record.roofline,
        "records": {"ours": record, "other": RECORDS["epyc-2"]._replace(roofline=record.roofline)},
    }
    given = {key: given[key] if key in given else EXAMPLES[name][key] for key in EXAMPLES[name]}
    return PLOTS[name](**given, ax=ax)


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_is_known_the_picture_is_the_reason(name):
    ax = plotted(name, without_results(OURS), Figure(figsize=(6.5, 4)).add_subplot())
    assert not ax.lines
    assert NOISY in " ".join(text.get_text() for text in ax.texts)
    assert ax.get_xlabel() and not list(ax.get_xticks())
    assert plotted(name, without_results(OURS)._replace(bandwidths=(), peaks=())).texts
    plt.close("all")


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("name", NAMES)
def test_words_are_whole_and_on_no_other_words(name, record):
    ax = plotted(name, RECORDS[record])
    plt.close(ax.figure)
    ax.figure.draw_without_rendering()
    edge = ax.figure.bbox
    texts = [*ax.texts, ax.xaxis.label, ax.yaxis.label]
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    boxes = {text: text.get_window_extent() for text in texts if text.get_text()}
    for text, box in boxes.items():
        assert edge.x0 <= box.x0 and box.x1 <= edge.x1, text
        assert edge.y0 <= box.y0 and box.y1 <= edge.y1, text
    for one, other in itertools.combinations(boxes, 2):
        assert not boxes[one].overlaps(boxes[other]), (one, other)


def test_a_number_stands_at_every_logarithmic_axis():
    for low in (1.2, 1.9, 2.8, 4.9, 7.5):
        scene = Scene([Dot(1, low * 1e9), Dot(2, low * 1e9)])
        ax = bandwidth_axes(scene, ax=Figure().add_subplot())
        bottom, top = ax.get_ylim()
        assert any(bottom <= tick <= top for tick in ax.get_yticks())
    ax = chunk_axes(Scene([Dot(1, 1), Dot(256, 1)]), ax=Figure().add_subplot())
    assert list(ax.get_xticks()) == [2**power for power in range(9)]  # as many as there may be


# a strange record


def strange():
    """A record that the reader of records takes, with all that it allows."""
    content = json.loads(saved(OURS))
    for numbers in (content["bandwidths"][30], content["roofline"]["points"][0]):
        numbers["moved"] = 0
    for row, took in zip(content["bandwidths"][31:], (1e-320, 1e-30, 1e5, 1e6), strict=False):
        row["seconds"] |= dict(value=took, low=took, high=took, why="")
    content["bandwidths"][40]["size"] = 10**15
    content["peaks"][0] |= dict(flops=0)
    content["peaks"][1] |= dict(threads=10**5)
    points = content["roofline"]["points"]
    points[1] |= dict(flops=0)
    points[2] |= dict(name="$\\frac$ <b>" + 185 * "w")
    points[3] |= dict(name="fully connected, batch 999999999999999")
    points[4] |= dict(name="fully connected, batch 0", flops=10**18, moved=1)
    for case, name in zip(content["speedups"], ("$\\frac$", "", 200 * "w", "a, b"), strict=False):
        case["name"] = name
    content["overlaps"][0] |= dict(chunks=10**6)
    return parse_record(json.dumps(content))


def saved(record):
    """The text of a record's file."""
    with TemporaryDirectory() as place:
        return save_record(record, f"{place}/record.json").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_record_is_drawn_nevertheless(name):
    ax = plotted(name, strange(), Figure(figsize=(6.5, 4), layout="constrained").add_subplot())
    ax.figure.draw_without_rendering()
    assert all(map(math.isfinite, (*ax.get_xlim(), *ax.get_ylim())))
    for line in ax.lines:
        assert np.isfinite(line.get_xydata().astype(float)).all()


# the control


@pytest.fixture
def control():
    return RecordControl()


def upload(control, content, name="mine.json"):
    content = content.encode() if isinstance(content, str) else content
    file = dict(name=name, type="", size=len(content), content=memoryview(content))
    control.upload.value = ({**file, "last_modified": datetime(2026, 11, 29)},)


def chosen(control):
    return control.value("first"), control.value("second")


@pytest.mark.parametrize("second", ["none", "epyc-2"])
@pytest.mark.parametrize("what", RecordControl.LOOKS)
def test_every_look_shows_both_machines_within_its_axes(control, what, second):
    control.inputs["second"].value, control.inputs["what"].value = second, what
    assert control.sentence.startswith(f"xeon-2 ({OURS.machine.cpu}, cores: 2): ")
    assert ("In grey, epyc-2: " in control.sentence) == (second != "none")
    scene = control.scene()
    (left, right), (low, high) = control._frames[0].limits
    for dot in marks(scene, Dot):
        assert left < dot.x < right and low <= dot.y < high
    said = set(NUMBER.findall(control.sentence))
    for text in texts(scene):
        assert said >= set(NUMBER.findall(text)), text


def test_looks_differ(control):
    pictures = set()
    for what in RecordControl.LOOKS:
        control.inputs["what"].value = what
        pictures.add((control.background.value, control.moving.value))
    assert len(pictures) == len(RecordControl.LOOKS)


def test_a_machine_in_grey_below_itself_is_left_out(control):
    control.inputs["second"].value = "xeon-2"
    assert "In grey" not in control.sentence


def test_all_threads_are_those_of_each_machine(control):
    control.inputs["what"].value = RecordControl.ALL
    assert "With 2 threads, read moves" in control.sentence
    upload(control, saved(OURS._replace(bandwidths=tuple(STREAM[:5]))))
    assert "cores: 2): With 1 thread, read moves" in control.sentence


def test_an_uploaded_record_comes_first_and_what_was_first_lies_below(control):
    slower = OURS.roofline._replace(peak=result(5e9), points=())
    upload(control, saved(OURS._replace(roofline=slower)))
    assert chosen(control) == ("mine", "xeon-2")
    assert control.sentence.startswith("mine (") and "π = 5 Gflop/s" in control.sentence
    assert f"In grey, xeon-2: π = {si(OURS.roofline.peak.value, 'flop/s')}" in control.sentence
    assert control.message.value == '<div role="alert"></div>'
    upload(control, saved(OURS), "xeon-2.json")  # the name is taken, and ours stays
    assert chosen(control) == ("xeon-2 (yours)", "mine")
    assert set(control.records) == {*RECORDS, "mine", "xeon-2 (yours)"}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "odd&amp;.json: a record is text in UTF-8"),
        ("devices,img/s\n1,10", "a record is JSON, this is not (line 1, column 1"),
        ('{"schema": "<b>"}', "got &#x27;&lt;b&gt;&#x27;: no record of this series"),
        (b" " * (2**20 + 1), "a record has at most 1048576 B"),
        (saved(OURS).replace('"version": 1', '"version": 2'), "version must be 1, got 2"),
        (saved(OURS).replace('"threads": 1,', '"threads": -1,', 1), "threads must be a number"),
    ],
)
def test_a_file_that_is_no_record_is_named_and_the_picture_stays(control, content, part):
    before = control.background.value, control.moving.value, chosen(control)
    upload(control, content, "odd&.json")
    assert part in control.message.value
    assert control.message.value.endswith("The picture is as it was.</div>")
    assert (control.background.value, control.moving.value, chosen(control)) == before
    assert set(control.records) == set(RECORDS)
    assert control.upload.value == ()  # the same file can be sent again, once it is mended
    upload(control, saved(OURS))
    assert control.message.value == '<div role="alert"></div>'


def test_a_strange_record_leaves_a_whole_picture_in_every_look(control):
    upload(control, saved(strange()), "$<b>.json")
    assert chosen(control)[0] == "$<b>"
    for what in RecordControl.LOOKS:
        control.inputs["what"].value = what
        assert "<b>" not in control.moving.value
        assert "$<b>" in html.unescape(control.moving.value)
        assert not re.search(r"\b(nan|inf)\b", control.moving.value)
        control._repr_mimebundle_()


def test_a_record_without_results_says_why_in_every_look(control):
    upload(control, saved(without_results(OURS)))
    for second, what in itertools.product(("epyc-2", "none"), RecordControl.LOOKS):
        control.inputs["second"].value, control.inputs["what"].value = second, what
        assert f"{NOISY}." in control.sentence
        assert second != "none" or not re.search("<(polyline|circle|rect)", control.moving.value)


@pytest.mark.parametrize("bad", [dict(first="mine"), dict(first="none"), dict(second="mine")])
def test_unknown_machines_are_refused(bad):
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=f"{name} must be one of epyc-2, .*, got '{value}'"):
        RecordControl(**bad)


def test_closing_it_closes_its_fields(control):
    parts = [control.upload, control.message]
    control.close()
    assert all(part.comm is None for part in parts)
