"""What a control shows at every position of its inputs; run here and in Pyodide alike."""

import json
import random

from helpers.controls.inputs import positions

COMBINATIONS = 200


def states(control, combinations=COMBINATIONS):
    """The texts of a control, with its inputs in turn at every position and then at random ones.

    A text has the picture with its aria-label and the sentence, and what its inputs say. Every
    input moves as from a page: by the state that the page would send.
    """
    inputs, shown = control.inputs, []

    def move(name, value):
        widget = inputs[name]
        key = "index" if hasattr(widget, "index") else "value"
        sent = positions(widget).index(value) if key == "index" else value
        widget.set_state({key: sent})

    def note():
        said = {name: [widget.description, _readout(widget)] for name, widget in inputs.items()}
        shown.append([control.moving.value, said])

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


def write(path, kinds, combinations=COMBINATIONS):
    """Write the states of controls of some kinds, a dictionary by name, as JSON."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump({name: states(kind(), combinations) for name, kind in kinds.items()}, file)
