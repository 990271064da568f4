"""Controls follow their inputs, agree with the core, and cannot be driven into an error."""

import gc
import itertools
import math
import random
import re
import tracemalloc
from xml.etree import ElementTree

import ipywidgets as widgets
import matplotlib.pyplot as plt
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from examples import CONTROLS, FOREIGN
from helpers import parallel
from helpers.amdahl import compute_fraction, speedup
from helpers.budget import training_time, training_work
from helpers.catalog import devices
from helpers.controls import places
from helpers.controls.amdahl import AmdahlControl
from helpers.controls.budget import TrainingControl
from helpers.controls.devices import DeviceControl
from helpers.controls.inputs import log_slider, positions
from helpers.controls.parallel import EngineControl
from helpers.controls.pipeline import PipelineControl
from helpers.controls.roofline import RooflineControl
from helpers.controls.transformers import TransformerControl
from helpers.networks import resnet
from helpers.pictures.drawing import draw
from helpers.questions.parallel import vgg_cluster
from helpers.roofline import attainable
from helpers.scenes.marks import PIXELS_PER_INCH
from helpers.splits import Cluster, Split, split_step
from helpers.transformers import TRANSFORMERS
from helpers.words import duration, short, si

controls = pytest.mark.parametrize("make", CONTROLS.values(), ids=CONTROLS)


def _svg(control):
    """The moving picture as XML; raises if it is not well formed."""
    return ElementTree.fromstring(re.match(r"<svg.*</svg>", control.moving.value, re.S).group())


def _positions(widget):
    """Every value that a reader can choose, or a sample of a finely divided slider."""
    values = positions(widget)
    return values[:: max(1, len(values) // 40)] if hasattr(widget, "step") else values


@pytest.mark.slow
@controls
def test_every_position_of_every_input_gives_a_whole_picture(make):
    control = make()
    for widget in control.inputs.values():
        for value in _positions(widget):
            widget.value = value
            _check_whole(control)


@controls
def test_positions_run_from_one_end_to_the_other(make):
    for widget in make().inputs.values():
        values = positions(widget)
        if hasattr(widget, "step"):
            assert (values[0], values[-1]) == (widget.min, pytest.approx(widget.max))
            assert type(values[1]) is type(widget.value)
        else:
            assert values == [value for _, value in widget._options_full]


@pytest.mark.slow
@controls
def test_random_walks_over_all_inputs_give_whole_pictures(make):
    control, choose = make(), random.Random(20261123)
    for _ in range(200):
        widget = choose.choice(list(control.inputs.values()))
        widget.value = choose.choice(_positions(widget))
        _check_whole(control)


def _check_whole(control):
    """A whole picture has finite coordinates inside the canvas, and says what the scene says."""
    svg = _svg(control)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == control.sentence
    assert not re.search(r"\b(nan|inf)\b", control.moving.value)
    width, height = map(float, svg.get("viewBox").split()[2:])
    for element in svg.iter():
        for name, high in (("cx", width), ("cy", height), ("x", width), ("y", height)):
            if element.get(name):
                assert 0 <= float(element.get(name)) <= high, ElementTree.tostring(element)


@controls
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300, -1.0])
def test_typed_values_out_of_range_leave_a_whole_picture(make, bad):
    control = make()
    for widget in control.inputs.values():
        if isinstance(widget, widgets.FloatSlider):
            widget.value = bad
            assert widget.min <= widget.value <= widget.max
            _check_whole(control)


@controls
def test_the_still_picture_says_what_the_live_one_says(make):
    data, metadata = make()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["image/png"]
    assert data["text/plain"] == metadata["image/png"]["alt"] == make().sentence


@controls
def test_the_svg_lies_on_the_axes(make):
    # A mark at the corners of the axes must land on the corners of the frame that is clipped.
    control = make()
    svgs = _svg(control).findall("svg")
    for ax, svg, frame in zip(control._standing()[1], svgs, control._frames, strict=True):
        x, y, width, height = (float(svg.get(name)) for name in ("x", "y", "width", "height"))
        corners = frame.pixels(ax.get_xlim(), ax.get_ylim())
        assert corners[0] == pytest.approx([x, y + height], abs=0.11)
        assert corners[1] == pytest.approx([x + width, y], abs=0.11)


@controls
def test_the_still_picture_shows_its_words_where_the_live_one_does(make):
    control = make()
    marks = control._arranged(control.scenes())
    live = [(float(t.get("x")), float(t.get("y"))) for t in _svg(control).iter("text")]
    still, (_, axes) = [], control._standing()
    height = PIXELS_PER_INCH * control.size[1]
    for ax, placed in zip(axes, marks, strict=True):
        for text in draw(ax, placed).texts:
            scale = PIXELS_PER_INCH / ax.figure.dpi
            left, bottom, right, top = scale * text.get_window_extent().extents
            x = {"left": left, "center": (left + right) / 2, "right": right}[text.get_ha()]
            still.append((x, height - (bottom + top) / 2))
    for one, other in zip(sorted(live), sorted(still), strict=True):
        assert one == pytest.approx(other, abs=2.5)


@controls
def test_controls_are_the_same_under_any_settings_and_change_none(make):
    ours = make()
    with plt.rc_context(FOREIGN):
        before = dict(plt.rcParams)
        theirs = make()
        still = theirs._repr_mimebundle_()[0]["image/png"]
        assert dict(plt.rcParams) == before
    assert theirs.background.value == ours.background.value
    assert still == ours._repr_mimebundle_()[0]["image/png"]


class Notebook:
    """What a kernel knows of the cell that runs."""

    def __init__(self, monkeypatch):
        self.numbers = itertools.count()
        monkeypatch.setattr("helpers.controls.control.get_ipython", lambda: self)
        monkeypatch.setattr("helpers.controls.control._shown", {})

    def run(self, cell, make):
        self.parent_header = {
            "metadata": {"cellId": cell},
            "header": {"msg_id": next(self.numbers)},
        }
        control = make()
        control._repr_mimebundle_()
        return control


@pytest.mark.slow
def test_a_cell_that_is_run_again_leaves_next_to_nothing(monkeypatch):
    notebook = Notebook(monkeypatch)
    other, out = notebook.run("another cell", EngineControl), []  # Out keeps what a cell gave

    def left_after(runs):
        out.extend(notebook.run("this cell", EngineControl) for _ in range(runs))
        gc.collect()
        return len(_instances), tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        count, size = left_after(2)
        later_count, later_size = left_after(4)
    finally:
        tracemalloc.stop()
    assert later_count == count
    assert (later_size - size) / 4 < 20e6 / 100  # bytes for each run
    assert other.sentence and out[-1].sentence  # alive
    assert all(not control.children for control in out[:-1])


def test_a_cell_may_show_two_controls_and_be_closed_twice(monkeypatch):
    notebook = Notebook(monkeypatch)
    both = notebook.run("a", lambda: widgets.HBox([DeviceControl(), DeviceControl()]))
    first, second = both.children
    assert first.sentence and second.sentence
    first.close()
    first.close()


def test_moving_the_sliders_moves_the_roofline():
    control = RooflineControl()
    before = control.moving.value
    control.inputs["peak"].value = 200.0
    assert control.moving.value != before
    assert "I₂ at 100 flop/B is memory-bound and attains 90 Tflop/s" in control.sentence
    control.inputs["bandwidth"].value = 10_000.0
    assert "I₂ at 100 flop/B is compute-bound and attains 200 Tflop/s" in control.sentence
    assert "I₂ uses 100% of the peak and 20% of the bandwidth" in control.sentence
    control.inputs["intensity1"].value = 20.0
    assert "I₁ at 20 flop/B is balanced" in control.sentence


def test_the_dot_stands_where_the_core_says():
    control = RooflineControl({"task": 2})
    control.inputs["intensity1"].value = 5.0
    expected = control._frames[0].pixels([5.0], [attainable(5.0, 15.7e12, 900e9)])[0]
    circle = next(element for element in _svg(control).iter() if element.tag.endswith("circle"))
    assert [float(circle.get("cx")), float(circle.get("cy"))] == pytest.approx(expected, abs=0.06)


def test_amdahl_from_p_and_from_the_machine():
    control = AmdahlControl(p=0.9, s=9)
    assert "S never exceeds 10; at s = 9 it is 5" in control.sentence
    assert control.inputs["intensity"].disabled and not control.inputs["p"].disabled
    control.inputs["source"].value = AmdahlControl.FROM_MACHINE
    assert control.inputs["p"].disabled and not control.inputs["intensity"].disabled
    control.inputs["bandwidth"].value = 1800.0
    p = compute_fraction(157, 15.7e12, 1800e9)
    assert f"at s = 9 it is {short(speedup(p, 9))}" in control.sentence
    control.inputs["r"].value = 16.0
    assert f"it is {short(speedup(p, 9, 16))}" in control.sentence


def test_the_dial_runs_from_serial_to_the_roofline():
    control = PipelineControl(balance=1, s=1, chunks=1)
    assert "n = 1: 1 times the start" in control.sentence
    control.inputs["chunks"].value = 3
    assert "n = 3: 1.5 times the start" in control.sentence  # 2 / (1 + 1/3)
    assert "In 3 chunks the job takes 1.33 s in place of 2 s" in control.sentence
    control.inputs["buffers"].value = 1  # no overlap without a second buffer
    assert "n = 3: 1 times the start" in control.sentence
    bars = [line for line in _svg(control).iter("polyline") if line.get("stroke-width") == "14"]
    assert len(bars) == 6  # 3 chunks in two units; nothing is stored


def test_training_shows_published_runs_of_the_same_job_only():
    control = TrainingControl()
    assert control.sentence.count(" took ") == 4  # four runs of 90 epochs
    control.inputs["network"].value = "ResNet-50 v1"  # only the M40 does not state v1.5
    assert "M40 took 14 days at 32%" in control.sentence
    assert control.sentence.count(" took ") == 1
    control.inputs["network"].value = "ResNet-50 v1.5"
    control.inputs["epochs"].value = 60
    assert "DGX-1 MLPerf took 1.92 h" in control.sentence
    assert control.sentence.count(" took ") == 1
    control.inputs["network"].value = "VGG-16"
    assert " took " not in control.sentence


def test_training_time_is_the_cores():
    control = TrainingControl()
    control.inputs["device"].value = "H100-SXM fp16"
    control.inputs["devices"].value = 2.0
    control.inputs["fraction"].value = 0.4
    work = 3 * 2 * 4_089_184_256 * 1_281_167 * 90
    assert f"take {duration(training_time(work, 989e12, 0.4, 2))}" in control.sentence


def test_sliders_hold_round_values_and_the_first_value_exactly():
    slider = log_slider("x", 15.7, 1, 1000)
    assert slider.value == 15.7
    values = [value for _, value in slider.options]
    assert {1.0, 3.0, 9.0, 10.0, 300.0, 1000.0, 15.7} <= set(values)
    assert values == sorted(values) and values[0] == 1 and values[-1] == 1000
    ratios = [high / low for low, high in zip(values, values[1:], strict=False)]
    assert max(ratios) <= 1.25  # no jump under the hand


def test_a_slider_reaches_both_ends_though_they_are_not_round():
    values = [value for _, value in log_slider("machines m", 4, 1, 128, whole=True).options]
    assert (values[0], values[-1]) == (1, 128)


@pytest.mark.parametrize("bad", [0.5, 1001, math.nan, -1])
def test_first_values_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="speed-up s must be from 1 to 1000, got"):
        AmdahlControl(s=bad)


def test_devices_come_in_whole_numbers():
    values = [value for _, value in TrainingControl().inputs["devices"].options]
    assert all(value == int(value) for value in values)
    assert {1, 8, 1000} <= set(values)


def test_a_run_off_the_page_stays_in_sight_and_says_so():
    control = TrainingControl()
    control.inputs["network"].value = "AlexNet"
    control.inputs["epochs"].value = 1
    control.inputs["device"].value = "B200-SXM fp16"
    control.inputs["devices"].value = 1000.0
    assert "(off the page)" in control.moving.value
    assert len([element for element in _svg(control).iter("rect")]) == 1


def test_a_first_number_of_chunks_off_the_slider_is_refused():
    with pytest.raises(ValueError, match="chunks must be one of .*, got 5"):
        PipelineControl(chunks=5)


def test_words_of_readers_cannot_break_the_picture():
    control = RooflineControl({'<b>"task" & more': 2})
    assert '<b>"task" & more' in _svg(control).get("aria-label")


def test_words_are_as_wide_whatever_else_is_drawn():
    places.ADVANCES.clear()
    before = places.size_of("ridge 17.4")
    figure = Figure()
    figure.text(0.5, 0.5, "large", fontsize=40)
    FigureCanvasAgg(figure).draw()
    places.ADVANCES.clear()
    assert places.size_of("ridge 17.4") == before


def test_the_device_control_offers_every_known_roof_and_no_other():
    control, table = DeviceControl(), devices()
    offered = control.inputs["device"].options
    assert "V100-SXM2 fp16" in offered and "H100-SXM fp8" in offered
    assert "P100-SXM2 fp16" in offered and "L4 tf32" in offered
    assert "A100-40 fp8" not in offered and "M40 fp16" not in offered  # no such peak
    for name in offered:
        key, precision = name.split()
        expected = table.at[key, f"peak_{precision}"], table.at[key, "bandwidth"]
        assert control.machines[name] == expected
        assert all(math.isfinite(number) for number in expected)


def test_the_device_control_says_both_numbers_the_regime_and_both_shares():
    control = DeviceControl("H200-SXM bf16", intensity=100)
    assert control.sentence == (
        "H200-SXM bf16: π = 989 Tflop/s, β = 4.8 TB/s. The ridge is at 206 flop/B; "
        "the task at 100 flop/B is memory-bound and attains 480 Tflop/s. "
        "It uses 49% of the peak and 100% of the bandwidth."  # 480 / 989
    )
    control.inputs["device"].value = "H200-SXM fp32"
    attains = si(attainable(100, 67e12, 4800e9), "flop/s")
    assert f"is compute-bound and attains {attains}" in control.sentence
    assert "It uses 100% of the peak and 14% of the bandwidth" in control.sentence  # 67 / 480
    control.inputs["intensity"].value = 0.1
    assert "is memory-bound and attains 480 Gflop/s" in control.sentence


@pytest.mark.parametrize("bad", ["V100-SXM2", "V100-SXM2 int8", "M40 fp16", ""])
def test_unknown_devices_are_refused(bad):
    with pytest.raises(ValueError, match=r"device must be one of .*V100-SXM2 fp32.*, got "):
        DeviceControl(bad)


def test_the_engine_control_follows_its_inputs():
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


def test_the_engine_control_solves_the_exercise_of_the_cluster():
    # Its design must come out of the control as well: 90 % on four machines with batch 70.
    control = EngineControl(machines=4, batch=70)
    control.inputs["port"].value = "InfiniBand EDR 4x"
    control.inputs["overlap"].value = 0.0
    assert "efficiency 90.4%" in control.sentence
    speed = float(re.search(r"([\d.]+) img/s", control.sentence).group(1))
    assert speed >= vgg_cluster.numbers["least"]


def test_the_transformer_control_says_what_the_core_says():
    control, values = TransformerControl(), dict(data=64, tensor=8, stages=4, batch=2, chunks=16)
    values |= dict(transformer="Llama 3.1 70B", device="A100-80", sequence=4096, zero=1)
    values |= dict(port="InfiniBand HDR 4x", again="whole layers")
    for name, value in values.items():
        control.inputs[name].value = value
    # links and ports one way: 300 GB/s of each device, 25 GB/s of each port, eight in a node
    cluster = Cluster(312e12, 80e9, 300e9, 8 * 25e9, 8)
    split = Split(2, 16, 64, 8, 4, zero=1, recompute=2)
    step = split_step(TRANSFORMERS["Llama 3.1 70B"], 4096, cluster, split, 0.6, 0.5)
    memory, seconds = control.scenes()
    assert memory.sentence.startswith(
        "Llama 3.1 70B on 2048 A100-80, 2048 sequences of 4096 tokens in a step. "
        f"A device holds at least {si(step.memory.total, 'B')}: "
    )
    assert f"MFU {100 * step.mfu:.0f}%. " in seconds.sentence
    speed = 2048 * 4096 / step.seconds.total / 2048
    assert seconds.sentence.endswith(f"Each device takes {short(speed)} tokens a second.")


def test_the_transformer_control_knows_what_fits():
    control = TransformerControl()  # 16 B for each of 8e9 parameters are more than 80 GB
    assert "It does not fit into 80 GB." in control.sentence
    control.inputs["zero"].value = 3
    control.inputs["again"].value = "whole layers"
    assert "That leaves at most" in control.sentence
    control.inputs["tensor"].value = 16  # its all-reduces leave the node
    assert "Longest: sharing layers." in control.sentence


def test_a_sequence_is_no_longer_than_the_learned_positions():
    control = TransformerControl("GPT-2 XL")
    assert "8 sequences of 1024 tokens" in control.sentence
    assert control.inputs["sequence"].value == 8192
    control.inputs["sequence"].value = 512
    assert "8 sequences of 512 tokens" in control.sentence


def test_the_transformer_control_offers_decoders_and_devices_with_all_it_needs():
    inputs = TransformerControl().inputs
    assert "BERT-base" not in inputs["transformer"].options
    assert {"A100-40", "H100-SXM", "MI300X"} <= set(inputs["device"].options)
    assert not {"V100-SXM2", "K20"} & set(inputs["device"].options)  # no BF16


def test_no_more_devices_than_a_small_transformer_has_room_for():
    control = TransformerControl("GPT-2 small")  # 12 heads, 12 layers
    control.inputs["tensor"].value = control.inputs["stages"].value = 16
    assert f"GPT-2 small on {8 * 8 * 8} H100-SXM" in control.sentence
