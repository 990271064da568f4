"""Every notebook in JupyterLab in a real browser: it runs, its controls obey keyboard and mouse,
and people who do not see it or do not use a mouse can follow.

What a control in the page must show is what the same control shows here, in Python, at the values
that the page's own inputs show. So no control and no number is listed.
"""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

import lab
from helpers.publishing.notebooks import PATHS
from helpers.publishing.traces import WIDGET_VIEW
from twins import (
    MISFITS,
    SETTLE_SECONDS,
    Opened,
    by_keyboard,
    by_mouse,
    corners,
    follows,
    sweep,
    twins_of,
)

# The width of the place for outputs.
OUTPUT_WIDTH = "() => document.querySelector('.jp-OutputArea:has(.series-control)').clientWidth"

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


def test_the_words_of_every_corner_can_be_read(opened):
    corners(opened)


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
            follows(page, control, twin)
        finally:
            page.set_viewport_size(usual)


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
    notebook = nbformat.read(opened.path, as_version=4)
    tagged = [c for c in notebook.cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    # To measure again takes seconds, and another number would come out.
    left = {cell.id for cell in tagged}
    for before, model, after in lab.predict(opened.page, opened.cells, left):
        assert before.startswith("No prediction.")
        assert f"You predicted {model}. " in after and f" says {model}. " in after
        assert "score 0.00" in after
    fields = opened.page.locator(".prediction input")
    assert all(fields.evaluate_all("fields => fields.map(f => f.labels[0].textContent)"))


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
