"""Pages that come alive, in a real browser that reaches nothing but this machine.

The pages are bare ones, made here of the cells that are alive; what Python says is compared with
this process. What is vendored is fetched the first time (`helpers.publishing.site.vendor`).
"""

import json
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import lab
from helpers.controls import every_control
from helpers.publishing.notebooks import SERIES, read
from helpers.publishing.site import live, vendor
from twins import by_keyboard, by_mouse, sweep, twins_of

LIVE = Path(__file__).parents[1] / "live"
NOTEBOOKS = {n.number: n for n in SERIES if n.number in ("03", "04")}
START_SECONDS = 120  # for Python to start on a machine that others use
STILL = "the picture stays as it is stored."
# Matplotlib lays these out, and in a page it is another version of it than here.
LAID_OUT_THERE = {kind.__name__ for kind in every_control() if kind.follows_inputs}


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = {".mjs": "text/javascript", ".js": "text/javascript", ".html": "text/html"}
    extensions_map |= {".wasm": "application/wasm", ".css": "text/css", "": "application/json"}

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(living, tmp_path_factory):
    """The folder of a site with a bare page for each of `NOTEBOOKS`."""
    folder = tmp_path_factory.mktemp("site")
    try:
        shutil.copytree(living(), folder / "live")
    except vendor.Missing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{lab.NO_SITE}: {missing}")
    for number, notebook in NOTEBOOKS.items():
        (folder / f"{number}.html").write_text(bare(notebook), "utf-8")
    return folder


@pytest.fixture(scope="module")
def address(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def bare(notebook):
    """A page of the living cells of a notebook, with what is stored of each."""
    parts = []
    for cell in read(notebook.path).cells:
        if told := live.attributes(notebook, cell.id):
            stored = [output.get("data", {}) for output in cell.outputs]
            pictures = "".join(
                f'<img alt="{cell.id}" src="data:image/png;base64,{data["image/png"]}">'
                for data in stored
                if "image/png" in data
            )
            words = "".join(f"<p>{data['text/plain']}</p>" for data in stored[-1:])
            parts.append(f"<h2>{cell.id}</h2><div {told}>{pictures or words}</div>")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{notebook.title}</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="live/live.css">'
        f'<script defer src="live/live.js" data-notebook="{notebook.number}"></script>'
        f"<main><h1>{notebook.title}</h1>{''.join(parts)}"
        "<button data-live-export>Export my answers</button></main>"
    )


@dataclass
class Opened:
    """A page, what it asked for, and what it logged."""

    page: Page
    asked: list = field(default_factory=list)
    elsewhere: list = field(default_factory=list)
    log: list = field(default_factory=list)
    path: Path = None

    def cell(self, name):
        return self.page.locator(f'[data-cell="{name}"]')

    def wake(self, name="control"):
        """Touch a control, and wait until it is alive."""
        self.cell(name).locator(".live-start").click()
        self.cell(name).and_(self.page.locator("[data-alive]")).wait_for()
        self.page.wait_for_selector(".live-view .noUi-handle[aria-label]")

    def controls(self):
        (twin,) = twins_of(self.path)
        return [(self.page.query_selector(".series-control"), twin)]


def visit(browser, address, number):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = Opened(context.new_page(), path=NOTEBOOKS[number].path)
    opened.page.set_default_timeout(1000 * START_SECONDS)

    def pass_or_stop(route):
        if route.request.url.startswith((address, "data:", "blob:")):
            opened.asked.append(route.request.url.removeprefix(address))
            return route.continue_()
        opened.elsewhere.append(route.request.url)
        return route.abort()

    context.route("**/*", pass_or_stop)
    opened.page.on("console", lambda message: opened.log.append(f"{message.type}: {message.text}"))
    opened.page.on("pageerror", lambda error: opened.log.append(f"error: {error}"))
    opened.page.goto(f"{address}{number}.html")
    return opened


@pytest.fixture(scope="module", params=["04"])
def alive(request, browser, address):
    """A page whose control is alive."""
    opened = visit(browser, address, request.param)
    assert set(opened.asked) == {f"{request.param}.html", "live/live.js", "live/live.css"}
    opened.wake()
    yield opened
    assert opened.elsewhere == []
    assert [line for line in opened.log if line.startswith("error")] == []
    opened.page.context.close()


def test_a_control_obeys_the_keyboard(alive):
    sweep(alive, by_keyboard)


def test_a_control_obeys_the_mouse(alive):
    sweep(alive, by_mouse)


def test_axe_finds_nothing_serious(alive):
    found = Axe().run(alive.page, context={"include": [["main"]]}).response["violations"]
    assert [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ] == []


def test_when_python_ends_the_still_picture_comes_back(browser, address):
    opened = visit(browser, address, "04")
    opened.wake()
    (worker,) = opened.page.workers
    worker.evaluate("self.postMessage({id: -1, failure: 'out of memory'})")
    opened.page.wait_for_selector(".live-failure")
    assert opened.page.locator(".live-failure").text_content().endswith(f"so {STILL}")
    assert opened.cell("control").locator(".live-still img").is_visible()
    assert not opened.cell("control").locator(".live-view").is_visible()
    opened.wake()  # and it can be tried again
    assert opened.page.locator(".live-failure").count() == 0
    opened.page.context.close()


@pytest.mark.parametrize(
    "lost", ["live/worker.js", "live/widgets.js", "live/pyodide/numpy", "live/04.json"]
)
def test_what_cannot_be_fetched_leaves_the_still_picture(browser, address, lost):
    opened = visit(browser, address, "04")
    opened.page.context.route(f"{address}{lost}*", lambda route: route.abort())
    opened.cell("control").locator(".live-start").click()
    said = opened.page.locator(".live-failure").text_content()
    assert said.startswith("Python could not be brought into this page") and said.endswith(STILL)
    assert opened.cell("control").locator(".live-still img").is_visible()
    opened.page.context.close()


def test_a_file_that_was_changed_is_refused(browser, address, site):
    opened = visit(browser, address, "04")
    changed = (site / "live" / "python.zip").read_bytes() + b"x"
    opened.page.context.route(
        f"{address}live/python.zip", lambda route: route.fulfill(status=200, body=changed)
    )
    opened.cell("control").locator(".live-start").click()
    assert opened.page.locator(".live-failure").text_content().endswith(STILL)
    opened.page.context.close()


def test_predictions_and_exercises(browser, address):
    """One page for all, since Python takes seconds to start."""
    opened = visit(browser, address, "03")
    page = opened.page

    def press(cell, name):
        said = opened.cell(cell).locator(".live-said")
        before = said.text_content()
        opened.cell(cell).get_by_role("button", name=name).click()
        page.wait_for_function(
            "([e, before]) => e.textContent !== before", arg=[said.element_handle(), before]
        )
        return said.text_content()

    guess = opened.cell("predict-figure-one-plot").locator("input")
    guess.fill("3.6 Tflop/s")
    said = press("figure-one-plot", "Compare with my prediction")
    assert said == (
        "You predicted 3.6 Tflop/s. The model says 1.8 Tflop/s. Ratio 2, score 0.30 (0 is perfect, "
        "0.3 is a factor 2)."
    )

    numbers = NOTEBOOKS["03"].exercises
    right = numbers["faster_memory"].answer()
    assert press("check-faster-memory", "Hint").startswith("Hint 1 of")
    opened.cell("check-faster-memory").locator("input").fill(f"{right / 1000}")
    assert press("check-faster-memory", "Check").startswith("Wrong. ")
    opened.cell("check-faster-memory").locator("input").fill(f"{right}")
    assert press("check-faster-memory", "Check").startswith("Correct. ")
    assert press("check-faster-memory", "Solution") == str(numbers["faster_memory"].solution())

    opened.cell("check-one-dot").get_by_label(f"{numbers['one_dot'].answer()})").check()
    assert press("check-one-dot", "Check").startswith("Correct. ")
    opened.cell("check-fully-connected").locator("input").fill(numbers["fully_connected"].answer())
    assert press("check-fully-connected", "Check").startswith("Correct. ")
    for name, value in numbers["serving"].answer().items():
        opened.cell("check-serving").get_by_label(name, exact=True).fill(str(value))
    assert press("check-serving", "Check").startswith("Correct. ")
    mine = dict(cores="8", flop_per_tick="32", clock="3 GHz", bandwidth="50 GB/s")
    for name, value in mine.items():
        opened.cell("check-own-sum").get_by_label(f"your {name}", exact=True).fill(value)
    opened.cell("check-own-sum").get_by_label("Your answer").fill("1e-6")
    expected = numbers["own_sum"].check("1e-6", **mine)
    assert press("check-own-sum", "Check").startswith(f"{expected.outcome.value}. ")

    page.reload()  # what was typed is there again, and can be taken along
    assert opened.cell("predict-figure-one-plot").locator("input").input_value() == "3.6 Tflop/s"
    assert opened.cell("check-one-dot").locator(":checked").count() == 1
    with page.expect_download() as download:
        page.get_by_role("button", name="Export my answers").click()
    kept = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert kept["03/predict-figure-one-plot"] == "3.6 Tflop/s"
    assert kept["03/check-own-sum/own/clock"] == "3 GHz"
    assert opened.elsewhere == []
    page.context.close()


def test_every_control_says_in_a_page_what_it_says_here(site, tmp_path):
    """At every position of every input and at random places, text for text."""
    import walk

    kinds = {kind.__name__: kind for kind in every_control() if kind.__name__ not in LAID_OUT_THERE}
    imports = "\n".join(f"from {kind.__module__} import {name}" for name, kind in kinds.items())
    names = ", ".join(f"{name!r}: {name}" for name in kinds)
    script, there, here = (tmp_path / name for name in ("script.py", "there.json", "here.json"))
    walked = Path(walk.__file__).read_text("utf-8")
    script.write_text(f"{walked}\n{imports}\nwrite('/out.json', {{{names}}})\n", "utf-8")
    command = ["node", LIVE / "drive.mjs", site / "live", script, there]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        walk.write(here, kinds)
        assert not process.wait(600), process.stderr.read()
    ours, theirs = (json.loads(path.read_text("utf-8")) for path in (here, there))
    assert ours.keys() == theirs.keys()
    for name, states in ours.items():
        for one, other in zip(states, theirs[name], strict=True):
            assert one == other, name
