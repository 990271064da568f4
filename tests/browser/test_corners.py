"""Every corner and edge of every control: what is written there can be read, and is true.

A control is made as a notebook makes it, and walked over all of `examples.places`.
"""

import ast
import html
import json
import re
from dataclasses import dataclass
from functools import cache

import nbformat
import pytest

from examples import CONTROLS as KINDS
from examples import walk
from helpers.amdahl import compute_fraction, limit, speedup
from helpers.controls.amdahl import AmdahlControl
from helpers.controls.devices import DeviceControl
from helpers.controls.pipeline import PipelineControl
from helpers.controls.places import OFF
from helpers.controls.roofline import RooflineControl
from helpers.pipeline import schedule
from helpers.publishing.notebooks import PATHS
from helpers.roofline import bandwidth_utilisation, compute_utilisation
from helpers.scenes.marks import PIXELS_PER_INCH
from twins import FAULTS, dots, on_page, seen_words, standing

# Words that stand still, though they hold a number.
STANDING = {"r = 1", "100% of peak"}
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
FAULTS_OF_ALL = f"""pictures => pictures.flatMap(([picture, words, standing], number) => {{
    document.body.innerHTML = picture;
    const faults = ({FAULTS})(document.querySelector('svg'), words, standing);
    return faults.map(fault => [number, ...fault]);
}})"""


@dataclass
class State:
    """A control at one place of its inputs: what it showed."""

    values: dict
    picture: str
    sentence: str
    scenes: list
    frames: list
    standing: list
    words: int


def calls():
    """The controls that the notebooks make, as (notebook and code, class, arguments)."""
    for path in PATHS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type != "code" or "Control" not in cell.source:
                continue
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) in KINDS:
                    given = [ast.literal_eval(argument) for argument in node.args]
                    named = {
                        word.arg: ast.literal_eval(word.value)
                        for word in node.keywords
                        if isinstance(word.value, ast.Constant)  # else a name: the default
                    }
                    yield f"{path.name[:2]} {ast.unparse(node)}", KINDS[node.func.id], given, named


CALLS = {name: rest for name, *rest in calls()}
every_control = pytest.mark.parametrize("name", CALLS)


@cache
def states_of(name):
    """The control, and a `State` for each of its places."""
    kind, given, named = CALLS[name]
    control, states, background = kind(*given, **named), [], None
    for _ in walk(control):
        control._redraw()
        picture, _, sentence = control.moving.value.partition("</svg><p")
        values = {name: widget.value for name, widget in control.inputs.items()}
        assert control.sentence in html.unescape(sentence)
        if control.background.value != background:  # the axes may follow the inputs
            background, around = control.background.value, standing(control)
        seen = f"{picture}</svg>", control.sentence, control.scenes(), control._frames, around
        states.append(State(values, *seen, len(seen_words(control))))
    return control, states


def told(states, faults):
    """Each kind of fault once, with a place where it is."""
    return {" | ".join(map(str, fault)): states[number].values for number, *fault in faults}


def test_every_control_is_walked():
    assert {kind for kind, _, _ in CALLS.values()} == set(KINDS.values())


@every_control
def test_no_words_are_cut_or_on_one_another(name, browser):
    control, states = states_of(name)
    width, height = (PIXELS_PER_INCH * length for length in control.size)
    page = browser.new_page(viewport={"width": round(width), "height": round(height)})
    page.set_content("<style>body { margin: 0 }</style>")
    pictures = [[state.picture, state.words, state.standing] for state in states]
    try:
        faults = page.evaluate(FAULTS_OF_ALL, json.loads(json.dumps(pictures)))
    finally:
        page.close()
    assert told(states, faults) == {}


@every_control
def test_a_point_that_leaves_the_axes_says_so(name):
    _, states = states_of(name)
    for state in states:
        gone = [
            (dot.x, dot.y)
            for frame, scene in zip(state.frames, state.scenes, strict=True)
            for dot in dots(scene)
            if not on_page(frame, dot.x, dot.y)
        ]
        assert state.picture.count(OFF) == len(gone), (state.values, gone)


@every_control
def test_every_number_of_the_picture_is_in_the_sentence(name):
    _, states = states_of(name)
    for state in states:
        said = set(NUMBER.findall(state.sentence))
        for text in re.findall(r">([^<>]+)</text>", state.picture):
            if text not in STANDING:
                assert said >= set(NUMBER.findall(html.unescape(text))), (
                    text,
                    state.sentence,
                    state.values,
                )


def numbers_at(pattern, sentence):
    return [float(number) for number in re.findall(pattern, sentence)]


@every_control
def test_the_sentence_states_no_limit_that_is_not_reached(name):
    control, states = states_of(name)
    check = LIMITS.get(type(control))
    for state in states:
        assert "0.0%" not in state.sentence and "nan" not in state.sentence, state.sentence
        if check:
            check(control, state.values, state.sentence)


def roofline_limits(tasks):
    """The limits of `RooflineControl` and `DeviceControl`."""

    def check(control, values, sentence):
        peak, bandwidth, intensities = tasks(control, values)
        shares = []
        for intensity in intensities:
            shares += [compute_utilisation(intensity, peak, bandwidth)]
            shares += [bandwidth_utilisation(intensity, peak, bandwidth)]
        said = re.findall(r"(\S+)% of the (?:peak|bandwidth)", sentence)
        assert [text == "100" for text in said] == [share == 1 for share in shares], sentence
        assert "0" not in said, sentence

    return check


def amdahl_limits(control, values, sentence):
    p = values["p"]
    if values["source"] == control.FROM_MACHINE:
        p = compute_fraction(values["intensity"], 1e12 * values["peak"], 1e9 * values["bandwidth"])
    (said,) = numbers_at(r"p = ([\d.]+)", sentence)
    assert (said == 1) == (p == 1) and (said == 0) == (p == 0), (sentence, p)
    ceiling, reached = limit(p, values["r"]), speedup(p, values["s"], values["r"])
    at_most = numbers_at(r"never exceeds ([\d.]+)", sentence)
    (now,) = numbers_at(r"it is (\d+(?:\.\d+)?)", sentence)
    assert bool(at_most) == (p < 1)
    if at_most and reached < ceiling * (1 - 1e-9):
        assert now < at_most[0], sentence
    assert (now < 1) == ("slow-down" in sentence) == (reached < 1), sentence


def pipeline_limits(control, values, sentence):
    load, compute, store = 1.0, values["balance"] / values["s"], values["store"]
    end = max(
        step.end for step in schedule(load, compute, values["chunks"], store, values["buffers"])
    )
    serial = load + compute + store
    compared = re.search(r"takes (\S+) s in place of (\S+) s", sentence)
    assert bool(compared) == (end < serial * (1 - 1e-9)), sentence
    if compared:
        assert float(compared[1]) < float(compared[2]), sentence
    (gain,), (most,) = (
        numbers_at(pattern, sentence) for pattern in (r"([\d.]+) times", r"more than ([\d.]*\d)")
    )
    assert gain <= most, sentence
    start = 1 + values["balance"] + store
    assert (gain == 1) == (abs(start / end - 1) < 1e-9), sentence


LIMITS = {
    RooflineControl: roofline_limits(
        lambda control, values: (
            1e12 * values["peak"],
            1e9 * values["bandwidth"],
            [value for name, value in values.items() if name.startswith("intensity")],
        )
    ),
    DeviceControl: roofline_limits(
        lambda control, values: (*control.machines[values["device"]], [values["intensity"]])
    ),
    AmdahlControl: amdahl_limits,
    PipelineControl: pipeline_limits,
}
