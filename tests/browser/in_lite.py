"""Notebooks in JupyterLite, in a browser that reaches nothing but this machine.

    with on_site.serve(folder) as url, lab.chromium() as browser:
        visit = in_lite.run(browser, url, notebook)

`folder` holds a site with its folder lite/.
"""

import re
from configparser import RawConfigParser
from pathlib import Path
from typing import NamedTuple

import lab
from helpers.publishing.notebooks import read
from helpers.publishing.site import lite
from on_site import ELSEWHERE
from twins import follows, twins_of

RUN_SECONDS = 300  # Python starts, and its packages are loaded and unpacked first
# What nbval does not compare either, or what is a picture.
LEFT_OUT = ("text/latex", "application/vnd.jupyter.widget-view+json", "image/png")
IN_FRONT = "name => window.jupyterapp.shell.currentWidget?.context?.path === name"
SANITIZE = RawConfigParser()
SANITIZE.read(Path(__file__).parents[1] / "nbval_sanitize.cfg")


class Visit(NamedTuple):
    """What came of a notebook: its cells as of `lab.run_all`, how many controls were moved, what
    was said of predictions (as of `lab.predict`), requests elsewhere, and the log."""

    cells: list
    moved: int
    compared: list
    elsewhere: list
    log: list


def run(context, url, notebook):
    """Open a notebook as a page of the site does, run it from the top, and touch it: a `Visit`.

    Raises
    ------
    AssertionError
        If a control does not show what it shows here.
    """
    elsewhere, log = [], []

    def stop(route):
        elsewhere.append(route.request.url)
        route.abort()

    context.route(ELSEWHERE, stop)
    page = context.new_page()
    page.on("console", lambda message: log.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: log.append(f"uncaught: {error}"))
    try:
        page.goto(url + lite.address(notebook))
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=3000 * lab.START_SECONDS)
        # Those that were open before come back too, but this one is in front.
        page.wait_for_function(IN_FRONT, arg=notebook.name, timeout=3000 * lab.START_SECONDS)
        page.wait_for_function(lab.READY, timeout=3000 * lab.START_SECONDS)
        cells = page.wait_for_function(lab.RUN_ALL, timeout=1000 * RUN_SECONDS).json_value()
        controls = page.query_selector_all(".series-control")
        for control, twin in zip(controls, twins_of(notebook.path), strict=True):
            follows(page, control, twin, other_layout=True)
        compared = list(lab.predict(page, cells, measuring(notebook)))
    finally:
        page.close()
        context.unroute(ELSEWHERE)
    return Visit(cells, len(controls), compared, elsewhere, log)


def measuring(notebook):
    """Ids of the cells whose outputs depend on the machine."""
    cells = read(notebook.path).cells
    return {c.id for c in cells if "nbval-ignore-output" in c.metadata.get("tags", [])}


def faults(notebook, visit):
    """A line for each cell that failed, or says something else than what is stored.

    What depends on the machine is marked in the notebook, and only must not fail.
    """
    stored = {cell.id: cell for cell in read(notebook.path).cells if cell.cell_type == "code"}
    if [cell["id"] for cell in visit.cells] != list(stored):
        yield "not every cell was run"
    for cell in visit.cells:
        wanted = stored[cell["id"]]
        errors = [o["evalue"] for o in cell["outputs"] if o["output_type"] == "error"]
        if errors or cell["count"] is None:
            yield f"{cell['id']}: {(errors or ['was not run'])[0]}"
        elif cell["id"] not in measuring(notebook):
            before, now = said(wanted.outputs), said(cell["outputs"])
            if before != now:
                yield f"{cell['id']}: stored {before}, got {now}"
    for _, model, after in visit.compared:
        if f"You predicted {model}. " not in after or "score 0.00" not in after:
            yield f"{model} was typed, and the reveal says: {after}"


def said(outputs):
    """What outputs say: the text of each stream, and the data of all else in order."""
    streams, shown = {}, []
    for output in outputs:
        if output["output_type"] == "stream":
            text = streams.get(output["name"], "") + "".join(output["text"])
            streams[output["name"]] = text
        elif output["output_type"] != "error":
            data = output["data"]
            shown.append({k: clean(data[k]) for k in sorted(data) if k not in LEFT_OUT})
            shown[-1]["picture"] = "image/png" in data
    return {name: clean(text) for name, text in streams.items()}, shown


def clean(content):
    """The content of an output without what `nbval_sanitize.cfg` lets differ."""
    if isinstance(content, dict):
        return content
    text = "".join(content)
    for name in SANITIZE.sections():
        text = re.sub(SANITIZE[name]["regex"], SANITIZE[name]["replace"], text)
    return text
