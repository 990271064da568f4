"""What a control shows at every position of its inputs; run here and in Pyodide alike."""

import json
import random
import re
from xml.etree import ElementTree

from helpers.controls.inputs import positions

COMBINATIONS = 200
FARTHEST = 1.5  # pixels between marks: in two versions of matplotlib labels differ in width


def states(control, combinations=COMBINATIONS):
    """The texts of a control, with its inputs in turn at every position and then at random ones.

    A text has the picture with its aria-label and the sentence, what its inputs say, and other
    words of the control. Every input moves as from a page: by the state that the page would send.
    """
    inputs, shown = control.inputs, []
    told = [part for part in control.children if hasattr(part, "value")]
    words = [part for part in told if part not in inputs.values() and type(part).__name__ == "HTML"]

    def move(name, value):
        widget = inputs[name]
        key = "index" if hasattr(widget, "index") else "value"
        sent = positions(widget).index(value) if key == "index" else value
        widget.set_state({key: sent})

    def note():
        said = {name: [widget.description, _readout(widget)] for name, widget in inputs.items()}
        shown.append([control.moving.value, said, [part.value for part in words]])

    for name, widget in inputs.items():
        start = widget.value
        for value in positions(widget):
            move(name, value)
            note()
        move(name, start)
    choose = random.Random(type(control).__name__)
    for _ in range(combinations):
        for name, widget in inputs.items():
            move(name, choose.choice(positions(widget)))
        note()
    return shown


def _readout(widget):
    disabled = widget.disabled
    if hasattr(widget, "label"):
        return [widget.label, disabled]
    return [repr(widget.value), getattr(widget, "readout_format", ""), disabled]


PLACES = {"x", "y", "width", "height", "viewBox", "points", "cx", "cy", "transform"}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def farthest(one, other):
    """How far, in pixels, two pictures of a control are apart; infinite if more than places differ.

    Another version of matplotlib may lay axes out a little differently. Words, colours and the
    number of marks must be the same.
    """
    first, second = (list(ElementTree.fromstring(f"<div>{p}</div>").iter()) for p in (one, other))
    if len(first) != len(second):
        return float("inf")
    most = 0.0
    for a, b in zip(first, second, strict=True):
        if (a.tag, a.text, a.tail, a.keys()) != (b.tag, b.text, b.tail, b.keys()):
            return float("inf")
        for name in a.keys():
            ours, theirs = a.get(name), b.get(name)
            if ours != theirs and not (
                name in PLACES and NUMBER.sub("", ours) == NUMBER.sub("", theirs)
            ):
                return float("inf")
            numbers = zip(NUMBER.findall(ours), NUMBER.findall(theirs), strict=True)
            if name in PLACES:
                most = max([most, *(abs(float(n) - float(m)) for n, m in numbers)])
    return most


def write(path, kinds, combinations=COMBINATIONS):
    """Write the states of controls of some kinds, a dictionary by name, as JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({name: states(kind(), combinations) for name, kind in kinds.items()}, file)
