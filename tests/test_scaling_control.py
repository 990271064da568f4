"""The control for a reader's own table: it fits, keeps what was typed, never goes stale."""

import html
import re
from datetime import datetime

import pytest
from matplotlib.figure import Figure

from helpers.controls.scaling import AHEAD, ScalingControl
from helpers.pictures.scaling import plot_fit
from helpers.published import scaling_tables
from helpers.scaling import fit_scaling
from helpers.scaling_table import MAX_CHARACTERS
from helpers.scaling_words import sentences
from helpers.scenes.marks import Dot, Line
from helpers.scenes.scaling import scaling_scene

AMDAHL = "GPUs;img/s\n1;10\n2;18,2\n4;30,8\n8;47,1\n16;64"  # 1 - p = 0.1


@pytest.fixture
def control():
    return ScalingControl()


def paste(control, text):
    control.table.value = text


def upload(control, content, name="mine.csv"):
    file = dict(name=name, type="", size=len(content), content=memoryview(content))
    control.upload.value = ({**file, "last_modified": datetime(2026, 11, 29)},)


def said(control):
    return re.sub(r"<[^>]+>", " ", control.report.value)


def is_clear(control, part):
    """No picture and no sentence is left of a table that is gone, and the fault is named."""
    assert part in control.message.value
    assert "No picture" in control.sentence and "<li>" not in control.report.value
    return not re.search(r"<(polyline|circle|rect|text)", control.moving.value)


def test_a_pasted_table_is_fitted_and_told(control):
    control.inputs["mode"].value = "strong"
    paste(control, AMDAHL)
    fit = control.fitted()[0]
    assert fit.devices == (1, 2, 4, 8, 16) and fit.mode == "strong" and fit.chosen == "amdahl"
    assert "Chosen: Amdahl's law." in control.sentence
    assert [line for line in sentences(fit) if line not in html.unescape(said(control))] == []
    assert '<div role="alert"></div>' == control.message.value


def test_the_axes_follow_the_table(control):
    before = control.background.value
    paste(control, AMDAHL)
    assert control.limits[0] == (1, 64)
    assert control.background.value != before
    left, right = control._frames[0].limits[0]
    assert left < 1 and 64 < right < 100


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "row 1: a table must have at least two rows"),
        ("devices,img/s\n1,10\n2,fast", "row 3: value must be a number"),
        ("devices,img/s\n1,10\n1,11", "row 3: devices must differ"),
        ("<b>&,x</b>\n1,10\n2,<i>", "row 3: value must be a number such as 321.8, got"),
        ("devices,throughput\n1,1\n2,1e9\n4,4", "Of the rows in order of devices, row 2: values"),
        ("n,what\n1,10\n2,19", "row 1: the head must say what the values are"),
    ],
)
def test_a_bad_table_is_kept_and_clears_the_picture(control, text, part):
    paste(control, text)
    assert control.table.value == text
    assert is_clear(control, part)
    assert "<b>" not in control.message.value and "<i>" not in control.message.value
    paste(control, AMDAHL)
    assert "Amdahl" in said(control) and "row" not in control.message.value


def test_a_choice_against_the_head_is_refused_and_one_for_a_silent_head_taken(control):
    control.inputs["kind"].value = "time"
    assert is_clear(control, "row 1: the head must say what is chosen below, got throughput for")
    paste(control, "n,what\n1,10\n2,6\n4,4")
    assert control.fitted()[0].kind == "time"


def test_an_uploaded_file_goes_into_the_field_even_if_it_is_wrong(control):
    upload(control, "GPUs;img/s\n1;10\n2;18\n".encode("utf-8-sig"))
    assert control.table.value == "GPUs;img/s\n1;10\n2;18\n"
    assert control.fitted()[0].devices == (1, 2)
    upload(control, b"GPUs;img/s\n1;10\n2;ten\n")
    assert control.table.value.endswith("2;ten\n") and is_clear(control, "row 3: ")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", "row 1: the table must be text in UTF-8"),
        (b"1,2\n" * MAX_CHARACTERS, "the table must have at most 100 rows"),
    ],
)
def test_a_file_that_is_no_small_text_is_named_and_the_field_keeps_its_text(control, content, part):
    before = control.table.value
    upload(control, content, "odd&.bin")
    assert control.table.value == before
    assert is_clear(control, part) and "odd&amp;.bin was not taken" in control.message.value
    control.button.click()  # back to what stands in the field
    assert control.message.value == '<div role="alert"></div>' and "<li>" in control.report.value


def test_devices_in_a_machine_add_the_law_of_two_links(control):
    assert "two links" not in control.fitted()[0].laws
    assert "If a machine holds 8" in said(control)
    control.inputs["per_node"].value = 8
    assert control.fitted()[0].chosen == "two links"
    assert "The time between machines binds" in said(control)


def test_a_slider_says_what_to_expect_on_more_devices(control):
    for times in AHEAD:
        control.inputs["ahead"].value = times
        assert f"On {32 * times:g} devices expect" in control.sentence
    paste(control, "devices,img/s\n1,10\n3,27")  # 1.25 times 3 is no count
    control.inputs["ahead"].value = 1.25
    assert "On 4 devices expect" in control.sentence


@pytest.mark.parametrize("name", scaling_tables())
def test_every_published_table_is_drawn_within_its_axes(name):
    control = ScalingControl(name)
    fit, (left, right), (low, high) = control.fitted()[0], *control._frames[0].limits
    assert fit.devices == tuple(scaling_tables()[name]["devices"])
    assert not re.search(r"\b(nan|inf)\b", control.moving.value)
    for mark in control.scene().marks:
        if isinstance(mark, Dot):
            assert left < mark.x < right and low <= mark.y < high


def test_unknown_tables_are_refused():
    with pytest.raises(ValueError, match="table must be one of TensorFlow .*, got 'mine'"):
        ScalingControl("mine")


def test_closing_it_closes_its_fields(control):
    parts = [control.table, control.upload, control.button, control.message, control.report]
    control.close()
    assert all(part.comm is None for part in parts)


# What the scene shows, by hand.


def test_the_scene_stands_where_fit_and_runs_say():
    fit = fit_scaling([2, 4, 8, 16, 32], [10, 18.2, 30.8, 47.1, 64], ahead=(2, 4))
    scene = scaling_scene(fit, 64.0, further=[(128, 64.0)])
    dots = [(dot.x, dot.y) for dot in scene.marks if isinstance(dot, Dot) and dot.shape == "o"]
    assert dots == [
        (n, pytest.approx(x / n / 5)) for n, x in zip(fit.devices, fit.throughput, strict=True)
    ]
    stays, low, high, law = [mark for mark in scene.marks if isinstance(mark, Line)]
    assert stays.dashed and stays.x == (32, 128) and stays.y == 2 * (pytest.approx(0.4),)
    assert (low.x, high.x) == 2 * ((64.0, 128.0),)
    assert low.y[0] == pytest.approx(fit.predictions[64.0].low / 64 / 5)
    assert high.y[1] == pytest.approx(fit.predictions[128.0].high / 128 / 5)
    assert law.y[-1] == pytest.approx(1 / (0.1 * 64 + 0.9), rel=0.01)  # m = 64
    expected, unseen = [d for d in scene.marks if isinstance(d, Dot) and d.shape == "s"]
    assert expected.y == pytest.approx(1 / (0.1 * 32 + 0.9), rel=0.01)
    assert (unseen.x, unseen.y) == (128, pytest.approx(0.1))
    assert "On 128 devices 10% was measured, where the choice expects 14%." in scene.sentence
    runs = [d.x for d in scene.marks if isinstance(d, Dot) and d.shape == "D"]
    assert tuple(runs) == fit.next_runs


def test_where_no_law_is_chosen_none_is_drawn():
    fit = fit_scaling([1, 2, 4, 8], [10, 12, 20, 35])
    lines = [mark for mark in scaling_scene(fit, 16.0).marks if isinstance(mark, Line)]
    assert len(lines) == 3 and lines[0].dashed
    assert scaling_scene(fit, 16.0).sentence.startswith("No law is chosen. On 16 devices expect")


def test_what_so_few_runs_cannot_say_is_not_drawn():
    scene = scaling_scene(fit_scaling([1, 2, 4], [10, 19, 35]), 8.0)
    (stays,) = [mark for mark in scene.marks if isinstance(mark, Line)]
    assert stays.dashed  # and no interval
    assert [dot.x for dot in scene.marks if isinstance(dot, Dot) and dot.shape == "D"] == [8, 16]
    assert scene.sentence.startswith("No law is chosen. On 8 devices expect 70 if efficiency")


def test_nothing_is_drawn_beyond_a_fall():
    scene = scaling_scene(fit_scaling([1, 2, 4, 8], [10, 18, 17, 16]), 16.0)
    assert len([mark for mark in scene.marks if isinstance(mark, Line)]) == 1
    assert {mark.shape for mark in scene.marks if isinstance(mark, Dot)} == {"o"}
    assert "On 16 devices nobody knows" in scene.sentence
    assert "That is an efficiency" not in scene.sentence


def test_the_diamonds_are_whole():
    fit = fit_scaling([1, 2, 4, 8, 16], [10, 18.2, 30.8, 47.1, 64])
    ax = plot_fit(fit, ax=Figure().add_subplot())
    ax.figure.draw_without_rendering()
    frame, found = ax.get_window_extent(), 0
    for line in ax.lines:
        if line.get_marker() == "D":
            found += 1
            half = line.get_markersize() * ax.figure.dpi / 72 / 2**0.5  # from corner to middle
            x, y = ax.transData.transform(line.get_xydata()[0])
            assert frame.x0 < x - half and x + half < frame.x1 and frame.y0 < y - half
    assert found == 2


def test_the_interval_of_one_prediction_is_an_upright_line():
    fit = fit_scaling([1, 2, 4, 8], [10, 18.2, 30.8, 47.1], ahead=(2,))
    said, upright = fit.predictions[16.0], scaling_scene(fit).marks[2]
    assert upright.x == (16.0, 16.0)
    assert upright.y == (pytest.approx(said.low / 160), pytest.approx(said.high / 160))


def test_the_end_of_a_machine_is_marked_where_it_is_told():
    fit = fit_scaling([1, 2, 4, 8], [10, 18.2, 30.8, 47.1], per_node=4)
    (edge,) = [m for m in scaling_scene(fit).marks if isinstance(m, Line) and m.x == (4, 4)]
    assert edge.dashed and edge.y == (0, 1)
