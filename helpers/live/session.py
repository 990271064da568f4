"""A session of Python for one page: requests come in as JSON, answers and messages go out so.

Requests are dictionaries with `do`, the name of one of the functions of `REQUESTS`, and its
arguments. What a page needs of a kernel are the messages of its widgets (comms); they are collected
while a request is answered, and leave with the answer.
"""

import ast
import json
import logging
import re
import sys
from base64 import b64decode
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from helpers.controls import control, places
from helpers.exercises.prediction import scored
from helpers.exercises.verdicts import Outcome

comm = import_module("comm")  # comes with ipywidgets, which sends its messages with it
# What notebooks say of their cells, as patterns, and what a page has in their place.
IN_A_PAGE = {
    r"type again above, then run this cell again\.": "type again, then compare.",
    r"\.hint\(\) in place of \.check\(\.\.\.\) helps\.": "A hint helps.",
    r" \(for yours: \.solution\([^)]*\)\)": " (for yours fill in the fields)",
    r", in quotes": "",
}
LOADED_WHEN_NEEDED = {"pandas", "scipy", "matplotlib", "PIL", "sympy"}

_messages = []
missing = set()  # packages that were asked for and are not there


class PageComm(comm.base_comm.BaseComm):
    """A comm whose messages are collected for the page."""

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        message = {"type": msg_type, "id": self.comm_id, "data": data, "metadata": metadata}
        _messages.append(message)


class _Missing:
    """The last finder of modules: it finds none, and keeps the names of those that can be had."""

    def find_spec(self, name, path=None, target=None):
        if name in LOADED_WHEN_NEEDED:
            missing.add(name)


class _Loud(logging.Handler):
    """ipywidgets notes an error of a widget in its log and goes on: here it is an error again."""

    def emit(self, record):
        if record.exc_info:
            raise record.exc_info[1]


def begin(standing):
    """Take what stands still, a file of `publishing.site.live`, and connect ipywidgets."""
    sys.meta_path.append(_Missing())
    comm.create_comm = PageComm
    logging.getLogger("traitlets").addHandler(_Loud())
    prepared = json.loads(Path(standing).read_text("utf-8"))
    places.ADVANCES.update(prepared["advances"])
    for name, (picture, frames) in prepared["controls"].items():
        control.PREPARED[name] = b64decode(picture), [places.Frame(*frame) for frame in frames]


def answer(request):
    """Answer one request, a JSON text; returns a JSON text.

    It has the `result`, the `messages` to the widgets of the page, and the names of packages that
    are `missing`: with these loaded, the same request is to be sent again.
    """
    request, reply = json.loads(request), {}
    missing.clear()
    _messages.clear()
    try:
        reply["result"] = REQUESTS[request.pop("do")](**request)
    except Exception as error:  # the page says that it stopped, and the still picture stays
        reply["error"] = f"{type(error).__name__}: {error}"
    return json.dumps({**reply, "messages": _messages, "missing": sorted(missing)})


@cache
def made(code):
    """The value of the last line of a code."""
    *lines, last = ast.parse(code).body
    names = {}
    exec(compile(ast.Module(lines, []), "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def show(code, needs=()):
    """Make the widget of a cell; returns the id of its model.

    Of the packages that it `needs` those that are missing are asked for together.
    """
    for package in needs:
        find_spec(package)
    return made(code).model_id


def message(id, data, buffers=()):
    """Pass a message of the page to the widget with that comm; its buffers are in base64."""
    buffers = [memoryview(b64decode(buffer)) for buffer in buffers]
    comm.get_comm_manager().get_comm(id).handle_msg({"content": {"data": data}, "buffers": buffers})


def reveal(label, unit, model, source, typed):
    """What a prediction says when it is compared with the model, or with the stopwatch."""
    return for_a_page(scored(label, unit, typed, model, source))


def check(code, typed, own):
    """Judge what was typed as the answer to an exercise; returns the outcome and the words."""
    exercise = made(code)
    if typed is None:
        words = "Give your answer first. A hint helps."
        return {"outcome": Outcome.NOT_ATTEMPTED.value, "words": words}
    exercise.asked()  # asks for the packages that the judging needs, and swallows no error
    verdict = exercise.check(typed, **own)
    return {"outcome": verdict.outcome.value, "words": for_a_page(verdict.words)}


def hint(code):
    """The next hint of an exercise."""
    return for_a_page(made(code).hint())


def solution(code, own):
    """The answer to an exercise and the way to it."""
    return for_a_page(made(code).solution(**own))


def for_a_page(words):
    """Words of a notebook as a page says them."""
    words = str(words)
    for there, here in IN_A_PAGE.items():
        words = re.sub(there, here, words)
    return words


def warm():
    """Nothing: the page only wants Python to be there when it is needed."""


REQUESTS = {f.__name__: f for f in (warm, show, message, reveal, check, hint, solution)}
