"""Controls in a page, and their twins here: the same hands move both, and both must say the same.

The page is JupyterLab's, the site's, or JupyterLite's. What a control in it must show is what the
same control shows here, in Python, at the values that the page's own inputs show. So no control and
no number is listed.

    sweep(opened, by_keyboard)

`opened` has a `page`, and `controls()` with each control in it and its twin.
"""

import ast
import re
import time
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import matplotlib.pyplot as plt
import nbformat
from ipywidgets import Dropdown, SelectionSlider
from playwright.sync_api import Page

from helpers.controls.control import Control
from helpers.scenes.marks import PIXELS_PER_INCH, Dot, Words

SETTLE_SECONDS = 10
MOST_TABS = 20  # from the cell or an input to another input of the same control
# The end of each row of keys leaves a list at its first or its last choice, because the choice
# decides which of the other inputs are enabled.
KEYS = {
    "slider": ["Home", "ArrowRight", "PageUp", "End", "ArrowDown"],
    "first choice": ["End", "ArrowUp", "Home"],
    "last choice": ["Home", "ArrowDown", "End"],
}

STATE = """control => ({
    elsewhere: Boolean(control.closest('.live')),  // drawn by the Python of a page
    picture: control.querySelector('.widget-html-content:has(svg)').innerHTML,
    sentence: control.querySelector('.widget-html-content p').textContent,
    label: control.querySelector('.widget-html-content svg').ariaLabel,
    inputs: [...control.querySelectorAll('[class*=" input-"]')].map(input => {
        const list = input.querySelector('select'), handle = input.querySelector('[role=slider]');
        const readout = input.querySelector('.widget-readout');
        return {
            name: input.className.match(/ input-(\\w+)/)[1],
            shown: list ? list.value : readout.textContent,
            exact: list ? null : input.querySelector('.slider').noUiSlider.get(true),
            said: list ? list.value : handle.ariaValueText,
            names: [input.querySelector('label').textContent, ...(list
                ? [list.labels[0]?.textContent] : [handle.ariaLabel, readout.ariaLabel])],
            disabled: list ? [list.disabled]
                : [input.querySelector('.slider').hasAttribute('disabled'),
                   handle.ariaDisabled === 'true'],
        };
    }),
})"""
TAG, NUMBER = re.compile(r"<[^>]*>"), re.compile(r"-?\d+(?:\.\d+)?")
OUTLINE = """element => {
    const style = getComputedStyle(element);
    return {style: style.outlineStyle, width: parseFloat(style.outlineWidth)};
}"""
# What is wrong with the words of a picture: left out, cut by its edge, or on other words.
FAULTS = """(svg, words, standing) => {
    const edge = svg.getBoundingClientRect(), scale = edge.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')]
        .map(text => [text.textContent, text.getBoundingClientRect()]);
    const still = standing.map(([text, box]) => [text, {
        left: edge.left + scale * box.left, right: edge.left + scale * box.right,
        top: edge.top + scale * box.top, bottom: edge.top + scale * box.bottom}]);
    const faults = texts.length === words ? [] : [['left out', texts.length]];
    texts.forEach(([text, box], place) => {
        if (box.left < edge.left || box.right > edge.right || box.top < edge.top
            || box.bottom > edge.bottom) faults.push(['cut', text]);
        for (const [other, b] of [...texts.slice(place + 1), ...still])
            if (Math.min(box.right, b.right) > Math.max(box.left, b.left)
                && Math.min(box.bottom, b.bottom) > Math.max(box.top, b.top))
                faults.push(['on one another', text, other]);
    });
    return faults;
}"""
# What of the controls is cut by the place for outputs, or too small to hold.
MISFITS = """least => [...document.querySelectorAll('.series-control')].flatMap(control => {
    const area = control.closest('.jp-OutputArea, .live'), edge = area.getBoundingClientRect();
    // An svg in an svg is clipped by it.
    const outer = 'select, .widget-readout, svg:not(svg svg), text, p';
    const parts = [...control.querySelectorAll(outer)];
    const misfits = parts.filter(part => part.getBoundingClientRect().right > edge.right + 0.5
        || part.getBoundingClientRect().left < edge.left - 0.5);
    for (const part of [control, ...control.querySelectorAll('*')])
        if (part.scrollWidth > part.clientWidth + 1 && getComputedStyle(part).overflowX === 'auto')
            misfits.push(part);
    misfits.push(...[...control.querySelectorAll('.noUi-base, select')]
        .filter(part => part.getBoundingClientRect().width < least));
    return misfits.map(part => `${part.tagName} ${part.className.baseVal ?? part.className}: `
        + `${part.textContent.slice(0, 40)}`);
})"""


@dataclass
class Opened:
    """A notebook in a page, with what came of its cells if they were run there."""

    path: Path
    page: Page
    cells: list = field(default_factory=list)
    log: list = field(default_factory=list)

    def controls(self):
        """Each control in the page with its twin in Python."""
        twins = twins_of(self.path)
        shown = self.page.locator(".series-control").element_handles()
        assert len(shown) == len(twins)
        return list(zip(shown, twins, strict=True))


@cache
def twins_of(path):
    """The controls that the cells of a notebook make, made in this process."""
    names, twins = {"__name__": "__main__"}, []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tree = ast.parse(f"_ = None\n{cell.source}")
        if isinstance(tree.body[-1], ast.Expr):  # what Jupyter shows, and calls _
            tree.body[-1] = ast.parse(f"_ = {ast.unparse(tree.body[-1])}").body[0]
        try:
            with redirect_stdout(StringIO()):
                exec(compile(tree, cell.id, "exec"), names)
        except Exception:
            if "raises-exception" not in cell.metadata.get("tags", []):
                raise
        if isinstance(names["_"], Control):
            twins.append(names["_"])
        plt.close("all")
    return twins


def expected(state, twin):
    """What the page must come to, once its inputs stand where they stand in `state`."""
    for shown in state["inputs"]:
        set_twin(twin.inputs[shown["name"]], shown)
    return {
        "elsewhere": state["elsewhere"],
        "picture": canonicalize(f"<div>{twin.moving.value}</div>"),
        "sentence": twin.sentence,
        "label": twin.sentence,
        "inputs": [expected_input(twin.inputs[shown["name"]], shown) for shown in state["inputs"]],
    }


def set_twin(widget, shown):
    if isinstance(widget, Dropdown | SelectionSlider):
        widget.value = dict(widget._options_full)[shown["shown"]]
    else:
        widget.value = shown["exact"]


def expected_input(widget, shown):
    if isinstance(widget, Dropdown | SelectionSlider):
        words = widget._options_full[widget.index][0]
    else:
        words = format(widget.value, widget.readout_format)
    return {
        "name": shown["name"],
        "exact": shown["exact"],
        "shown": words,
        "said": words,
        "names": [widget.description] * len(shown["names"]),
        "disabled": [widget.disabled] * len(shown["disabled"]),
    }


def settled(page, control, twin, other_layout=False):
    """The state of a control in the page once it shows what its twin shows.

    Where another version of matplotlib laid its Axes out (`other_layout`, and in a page of the
    site what follows the inputs), the places of its marks are not compared.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        state = page.evaluate(STATE, control)
        state["elsewhere"] &= twin.follows_inputs
        state["picture"] = canonicalize(f"<div>{state['picture']}</div>")
        goal = expected(state, twin)
        if other_layout or state["elsewhere"]:
            for one in (state, goal):
                one["picture"] = TAG.sub(lambda tag: NUMBER.sub("", tag[0]), one["picture"])
        if state == goal:
            return state
        assert time.monotonic() < deadline, difference(state, goal)
        page.wait_for_timeout(10)


def difference(state, goal):
    """What is wrong, and what it should be."""
    wrong = {key: (state[key], goal[key]) for key in state if state[key] != goal[key]}
    if "inputs" in wrong:
        pairs = zip(*wrong["inputs"], strict=True)
        wrong["inputs"] = [(shown, meant) for shown, meant in pairs if shown != meant]
    return str(wrong)


def input_of(state, name):
    return next(shown for shown in state["inputs"] if shown["name"] == name)


def sweep(opened, move):
    """Move every input of every control; each must obey, and the picture must follow each.

    `move(page, element, how)` yields after each step. What a list chooses decides which inputs
    are enabled: those that do not obey while each list is at its first choice are tried again
    with each list at its last.
    """
    page = opened.page
    for control, twin in opened.controls():
        state = settled(page, control, twin)
        assert [shown["name"] for shown in state["inputs"]] == list(twin.inputs)
        followed = set()
        for choice in ("first choice", "last choice"):
            control.evaluate("control => control.closest('.jp-Cell, .live').focus()")
            for name, widget in twin.inputs.items():
                is_list = isinstance(widget, Dropdown)
                if name in followed and not is_list:
                    continue
                element = control.query_selector(f".input-{name} :is(select, [role=slider])")
                values = {input_of(state, name)["shown"]}
                for _ in move(page, element, choice if is_list else "slider"):
                    before, state = state, settled(page, control, twin)
                    values.add(input_of(state, name)["shown"])
                    if before["picture"] != state["picture"]:
                        followed.add(name)
                assert (len(values) == 1) == widget.disabled, (name, values)
        assert followed == set(twin.inputs)


def by_keyboard(page, element, how):
    """Reach an element with the Tab key, see where the focus is, and press keys."""
    unfocused, passed = element.evaluate(OUTLINE), []
    while not has_focus(element):
        passed.append(page.evaluate("document.activeElement.outerHTML.slice(0, 100)"))
        assert len(passed) < MOST_TABS, f"the Tab key does not lead there, but to {passed}"
        page.keyboard.press("Tab")
    focused = element.evaluate(OUTLINE)
    assert unfocused["style"] == "none", unfocused
    assert focused["style"] == "solid" and focused["width"] >= 2, focused
    for key in KEYS[how]:
        page.keyboard.press(key)
        yield
        assert has_focus(element), f"{key} took the focus away"


def has_focus(element):
    return element.evaluate("element => element === document.activeElement")


def by_mouse(page, element, how):
    """Drag a handle, or choose from a list."""
    element.scroll_into_view_if_needed()
    if how != "slider":
        last = element.evaluate("list => list.options.length - 1")
        choices = [last, 0] if how == "first choice" else [0, last]
        for index in choices:
            element.select_option(index=index)
            yield
        return
    track = element.query_selector("xpath=ancestor::*[contains(@class, 'noUi-base')]")
    for fraction in (0.2, 0.8):
        handle, box = element.bounding_box(), track.bounding_box()
        page.mouse.move(
            handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2, steps=2
        )
        page.mouse.down()
        page.mouse.move(box["x"] + fraction * box["width"], box["y"] + box["height"] / 2, steps=8)
        page.mouse.up()
        yield


def corners(opened):
    """Put the inputs of every control, one after the other, at their first and then at their last
    position; no words of its picture are left out, cut, or on one another."""
    page = opened.page
    for control, twin in opened.controls():
        settled(page, control, twin)
        # Axes that follow the inputs would be laid out anew at each place: see test_corners.
        around = [] if twin.follows_inputs else standing(twin)
        for key in ("Home", "End"):
            for name, widget in twin.inputs.items():
                if widget.disabled:
                    continue
                control.query_selector(f".input-{name} :is(select, [role=slider])").focus()
                page.keyboard.press(key)
                state = settled(page, control, twin)
                faults = page.evaluate(
                    f"([svg, words, around]) => ({FAULTS})(svg, words, around)",
                    [
                        control.query_selector(".widget-html-content > svg"),
                        len(seen_words(twin)),
                        around,
                    ],
                )
                assert faults == [], state["inputs"]


def standing(control):
    """Words of the axes and ticks, and the boxes that matplotlib gives them, pixels."""
    figure, axes = control._standing()
    scale, height = PIXELS_PER_INCH / figure.dpi, PIXELS_PER_INCH * control.size[1]
    boxes = []
    for ax in axes:
        texts = [ax.title, ax.xaxis.label, ax.yaxis.label, *ax.texts]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        for text in filter(lambda text: text.get_text(), texts):
            left, bottom, right, top = scale * text.get_window_extent().extents
            box = dict(left=left, right=right, top=height - top, bottom=height - bottom)
            boxes.append((text.get_text(), box))
    return boxes


def seen_words(control):
    """The words that are to be seen: at a dot, or at a point on the Axes."""
    return [
        words
        for frame, scene in zip(control._frames, control.scenes(), strict=True)
        for words in scene.marks
        if isinstance(words, Words)
        and (
            any(on_page(frame, *at) for at in ((words.x, words.y), *words.others))
            or any((dot.x, dot.y) == (words.x, words.y) for dot in dots(scene))
        )
    ]


def dots(scene):
    return [mark for mark in scene.marks if isinstance(mark, Dot)]


def on_page(frame, x, y):
    (left, right), (bottom, top) = frame.limits
    return left <= x <= right and bottom <= y <= top


def follows(page, control, twin, other_layout=False):
    """Press keys at the first input of a control that can be moved; the control must follow."""
    control.query_selector("[role=slider]:not([disabled]), select").focus()
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        settled(page, control, twin, other_layout)
