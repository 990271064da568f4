"""Every notebook in JupyterLab in a real browser: it runs, its controls obey keyboard and mouse,
and people who do not see it or do not use a mouse can follow.

What a control in the page must show is what the same control shows here, in Python, at the values
that the page's own inputs show. So no control and no number is listed.
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
import pytest
from axe_playwright_python.sync_playwright import Axe
from ipywidgets import Dropdown, SelectionSlider
from playwright.sync_api import Page

import lab
from helpers.controls.control import Control
from helpers.publishing.notebooks import PATHS
from helpers.publishing.traces import WIDGET_VIEW

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
OUTLINE = """element => {
    const style = getComputedStyle(element);
    return {style: style.outlineStyle, width: parseFloat(style.outlineWidth)};
}"""
# JupyterLab writes the source, width and height of an output image into the page and drops the
# alternative text that its message carries (rendermime's renderImage, seen in 4.6; the proposal
# for it is jupyter/enhancement-proposals issue 120). So it is put where JupyterLab should put it;
# an image whose message carries none stays without.
RESTORE_ALT = """() => {
    for (const cell of window.jupyterapp.shell.currentWidget.content.widgets) {
        if (cell.model.type !== 'code') continue;
        const outputs = cell.model.outputs.toJSON().filter(output =>
            output.data?.['image/png'] && !output.data['application/vnd.jupyter.widget-view+json']);
        cell.node.querySelectorAll('.jp-RenderedImage > img').forEach((image, number) => {
            const alt = outputs[number]?.metadata['image/png']?.alt;
            if (alt) image.alt = alt;
        });
    }
}"""
RUN_CELL = """async id => {
    const panel = window.jupyterapp.shell.currentWidget;
    const place = panel.content.widgets.findIndex(cell => cell.model.id === id);
    panel.content.activeCellIndex = place;
    await window.jupyterapp.commands.execute("notebook:run-cell");
    await panel.sessionContext.session.kernel.requestKernelInfo();  // answered after the cell
    return panel.content.widgets[place].model.outputs.toJSON();
}"""
# The width of the place for outputs, and what of the controls in it is cut or too small to hold.
OUTPUT_WIDTH = "() => document.querySelector('.jp-OutputArea:has(.series-control)').clientWidth"
MISFITS = """least => [...document.querySelectorAll('.series-control')].flatMap(control => {
    const area = control.closest('.jp-OutputArea'), edge = area.getBoundingClientRect();
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
PARTS_OF_FIELD = """field => {
    const right = field.closest('.jp-OutputArea').getBoundingClientRect().right;
    const label = field.querySelector('label'), input = field.querySelector('input');
    return {
        field: input.clientWidth,
        misfits: [label, input].filter(part => part.getBoundingClientRect().right > right + 0.5
            || part === label && part.scrollWidth > part.clientWidth + 1).map(p => p.tagName),
    };
}"""
SAVE = """async () => {
    await window.jupyterapp.commands.execute("docmanager:save");
    await window.jupyterapp.shell.currentWidget.sessionContext.shutdown();
}"""
MODEL = re.compile(r"The (?:model|stopwatch) says (.+?)\.(?: Ratio|$)")


@dataclass
class Opened:
    """A notebook that was opened and run in the page."""

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


@pytest.fixture(scope="module", params=PATHS, ids=lambda path: path.name)
def opened(request, browser, server):
    path = request.param
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(1000 * SETTLE_SECONDS)
    opened = Opened(path, page)
    page.on("console", lambda message: opened.log.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: opened.log.append(f"error: {error}"))
    try:
        lab.open_notebook(page, server, path.name)
        opened.cells = lab.run_all(page)
    except Exception as error:
        error.add_note(f"The page as it was: {lab.keep(page, path.name, opened.log)}")
        raise
    yield opened
    lab.close_notebook(page)


def expected(state, twin):
    """What the page must come to, once its inputs stand where they stand in `state`."""
    for shown in state["inputs"]:
        set_twin(twin.inputs[shown["name"]], shown)
    return {
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


def settled(page, control, twin):
    """The state of a control in the page once it shows what its twin shows."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        state = page.evaluate(STATE, control)
        state["picture"] = canonicalize(f"<div>{state['picture']}</div>")
        goal = expected(state, twin)
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


def test_there_are_notebooks_with_controls():
    assert sum(len(twins_of(path)) for path in PATHS) > 0


def test_every_cell_finishes_and_errors_are_announced(opened):
    notebook = nbformat.read(opened.path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell["id"] for cell in opened.cells] == [cell.id for cell in code]
    assert [cell["count"] for cell in opened.cells] == list(range(1, len(code) + 1))
    failed = {
        cell["id"]
        for cell in opened.cells
        if any(output["output_type"] == "error" for output in cell["outputs"])
    }
    announced = {c.id for c in code if "raises-exception" in c.metadata.get("tags", [])}
    assert failed == announced


def test_every_input_obeys_the_keyboard(opened):
    sweep(opened, by_keyboard)


def test_every_input_obeys_the_mouse(opened):
    sweep(opened, by_mouse)


@pytest.mark.parametrize(("width", "least"), [(500, 100), (360, 40)])
def test_controls_fit_a_narrow_window(opened, width, least):
    """Nothing is cut, every number can be read, and what is to be moved has `least` pixels."""
    page, usual = opened.page, opened.page.viewport_size
    for control, twin in opened.controls():
        beside = usual["width"] - page.evaluate(OUTPUT_WIDTH)
        page.set_viewport_size({**usual, "width": beside + width})
        try:
            page.wait_for_function(f"width => ({OUTPUT_WIDTH})() === width", arg=width)
            assert page.evaluate(MISFITS, least) == []
            handle = control.query_selector("[role=slider]:not([disabled]), select")
            handle.focus()
            for key in ("Home", "ArrowRight", "End"):
                page.keyboard.press(key)
                settled(page, control, twin)
        finally:
            page.set_viewport_size(usual)


def revealed(cell_id, outputs):
    """What the reveal in a cell says, as (id of the cell, words of the model, all its words)."""
    for output in outputs:
        said = " ".join("".join(output.get("data", {}).get("text/plain", "")).split())
        if model := MODEL.search(said):
            yield cell_id, model[1], said


@pytest.mark.parametrize("width", [500, 360])
def test_predictions_fit_a_narrow_window(opened, width):
    """The whole question can be read, and there is room for an answer."""
    page, usual = opened.page, opened.page.viewport_size
    area = "element => element.closest('.jp-OutputArea').clientWidth"

    def resize(window, guess, wanted):
        page.set_viewport_size({**usual, "width": window})
        # The page is laid out anew when it likes.
        page.wait_for_function(f"([e, wanted]) => ({area})(e) === wanted", arg=[guess, wanted])

    for guess in page.locator(".prediction").element_handles():
        before = guess.evaluate(area)
        try:
            resize(usual["width"] - before + width, guess, width)
            parts = guess.evaluate(PARTS_OF_FIELD)
            assert parts["field"] >= 100 and not parts["misfits"], parts
        finally:
            resize(usual["width"], guess, before)


def test_predictions_take_what_is_typed(opened):
    """What the model said without a prediction is typed into the field: a perfect score."""
    page, fields = opened.page, opened.page.locator(".prediction input")
    reveals = [found for cell in opened.cells for found in revealed(cell["id"], cell["outputs"])]
    assert fields.count() == len(reveals)
    notebook = nbformat.read(opened.path, as_version=4)
    tagged = [c for c in notebook.cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    measuring = {cell.id for cell in tagged}
    for number, (cell_id, model, said) in enumerate(reveals):
        assert said.startswith("No prediction.")
        field = fields.nth(number)
        assert field.evaluate("field => field.labels[0].textContent")
        field.focus()
        page.keyboard.type(model)
        page.keyboard.press("Tab")
        if cell_id in measuring:
            continue  # it would take its seconds, and another number would come out
        ((_, same, scored),) = revealed(cell_id, page.evaluate(RUN_CELL, cell_id))
        assert same == model and f"You predicted {model}. " in scored and "score 0.00" in scored


def test_axe_finds_nothing_serious_in_what_is_ours(opened):
    opened.page.evaluate(RESTORE_ALT)
    ours = {"include": [[".jp-OutputArea-output"], [".jp-MarkdownOutput"]]}
    found = Axe().run(opened.page, context=ours).response["violations"]
    assert [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ] == []


def test_nothing_was_reported_to_the_console(opened):
    """The last test of a notebook: all that was done to it is in the log."""
    assert [line for line in opened.log if line.startswith("error")] == []


def test_on_the_second_day_there_are_pictures_and_no_errors(browser, server):
    """A notebook that was run, saved and closed is opened again: its kernel has gone."""
    name = "03_roofline.ipynb"  # has a control and predictions
    page = browser.new_page()
    try:
        lab.open_notebook(page, server, name)
        outputs = [output for cell in lab.run_all(page) for output in cell["outputs"]]
        live = [output["data"] for output in outputs if WIDGET_VIEW in output.get("data", {})]
        page.evaluate(SAVE)
        lab.open_notebook(page, server, name)
        page.wait_for_function("() => !document.body.textContent.includes('Loading widget')")
        shown = page.text_content(".jp-Notebook")
        assert "Error displaying widget" not in shown
        pictures = sum("image/png" in output.get("data", {}) for output in outputs)
        assert page.locator(".jp-RenderedImage img").count() == pictures
        words = [data["text/plain"] for data in live if "image/png" not in data]
        assert live and all("".join(text) in shown for text in words)
    finally:
        lab.close_notebook(page)


KNOWS_THE_KERNEL = """() => window.jupyterapp.shell.currentWidget.content.model
    .getMetadata("language_info")?.version"""


def test_a_notebook_that_is_only_read_stays_as_it_is(browser, server):
    """JupyterLab saves by itself what it has opened; git must not see that."""
    file = server.folder / "07_plan_a_training_run.ipynb"
    before = file.read_bytes()
    page = browser.new_page()
    try:
        lab.open_notebook(page, server, file.name)
        page.wait_for_function(KNOWS_THE_KERNEL)
        page.evaluate(SAVE)
        assert file.read_bytes() == before
    finally:
        lab.close_notebook(page)
