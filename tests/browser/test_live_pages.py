"""Pages that come alive, in a real browser that reaches nothing but this machine.

The pages are bare ones, made here of the cells that are alive; what Python says is compared with
this process. What is vendored is fetched the first time (`helpers.publishing.site.vendor`).
"""

import html
import json
import os
import re
import shutil
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

import in_node
import lab
import walk
from helpers.controls import every_control
from helpers.exercises.prediction import scored
from helpers.live import session
from helpers.measure.record import MACHINES
from helpers.publishing.notebooks import SERIES, read
from helpers.publishing.site import live, vendor
from twins import STATE, by_keyboard, by_mouse, difference, expected, sweep

NOTEBOOKS = {n.number: n for n in SERIES if n.number in ("03", "04", "08", "09")}
START_SECONDS = 120  # for Python to start on a machine that others use
STILL = "the picture stays as it is stored."
FAST_LINE = {"effectiveType": "4g", "downlink": 10, "saveData": False}
SLOW_LINE = {**FAST_LINE, "effectiveType": "3g"}
ALONE = {
    "control": {
        "kind": "control",
        "code": "from helpers.controls.scaling import ScalingControl\nScalingControl()",
        "needs": ["matplotlib"],
    }
}
# The control is in sight, and whoever fetched the list of files then has had the time to use it.
SEEN = """async () => {
    const place = document.querySelector('[data-kind="control"]');
    await new Promise(resolve => new IntersectionObserver(
        seen => seen.some(one => one.isIntersecting) && resolve()).observe(place));
    await (await fetch("live/files.json")).json();
    await new Promise(resolve => setTimeout(resolve, 200));
}"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
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
    (folder / "live" / "09.json").write_text(json.dumps(ALONE), "utf-8")
    for number, notebook in NOTEBOOKS.items():
        (folder / f"{number}.html").write_text(bare(notebook), "utf-8")
    return folder


@contextmanager
def served(folder):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def address(site):
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def without_pyodide(site, tmp_path_factory):
    """The address of the same site, but Pyodide comes from its CDN."""
    folder = tmp_path_factory.mktemp("without") / "site"
    shutil.copytree(site, folder, ignore=shutil.ignore_patterns("pyodide"))
    live.place_pyodide(folder / "live", offline=False)
    with served(folder) as address:
        yield address


def entries(notebook):
    """The cells of a page that are alive; of 09, whose cells take long, the control."""
    return ALONE if notebook.number == "09" else live.cells(notebook)


def bare(notebook):
    """A page of the living cells of a notebook, with what is stored of each."""
    parts = []
    for cell in read(notebook.path).cells:
        if cell.id in entries(notebook):
            told = 'class="live" data-cell="control" data-kind="control"'
            if notebook.number != "09":
                told = live.attributes(notebook, cell.id)
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
    notebook: object = None

    @cached_property
    def twin(self):
        """The control of the page, made here."""
        return session.made.__wrapped__(entries(self.notebook)["control"]["code"])

    def cell(self, name):
        return self.page.locator(f'[data-cell="{name}"]')

    def wake(self, name="control"):
        """Touch a control, and wait until it is alive."""
        self.cell(name).locator(".live-start").click()
        self.cell(name).and_(self.page.locator("[data-alive]")).wait_for()
        self.page.wait_for_selector(".live-view .noUi-handle[aria-label]")

    def controls(self):
        return [(self.page.query_selector(".series-control"), self.twin)]


def visit(browser, address, number, line=SLOW_LINE, height=900):
    """Open the page of a notebook; `line` is what the browser tells of its line."""
    context = browser.new_context(viewport={"width": 1280, "height": height})
    told = f"Object.defineProperty(navigator, 'connection', {{value: {json.dumps(line)}}})"
    context.add_init_script(told)
    opened = Opened(context.new_page(), notebook=NOTEBOOKS[number])
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


def agrees(opened):
    """Wait until the control shows what its twin shows at the same inputs, but for small shifts."""
    page, ((control, twin),) = opened.page, opened.controls()
    deadline = time.monotonic() + START_SECONDS
    while True:
        state = page.evaluate(STATE, control)
        goal = {**expected(state, twin), "picture": twin.moving.value}
        far = walk.farthest(state.pop("picture"), goal.pop("picture"))
        if state == goal and far <= walk.FARTHEST:
            return far
        assert time.monotonic() < deadline, (far, difference({**state}, goal))
        page.wait_for_timeout(50)


def choose(opened, **choices):
    for name, words in choices.items():
        opened.page.locator(f".input-{name} select").select_option(label=words)
    agrees(opened)


def upload(opened, name, content):
    file = {"name": name, "mimeType": "application/json", "buffer": content}
    with opened.page.expect_file_chooser() as chosen:
        opened.page.locator(".series-control").get_by_text("Upload").click()
    chosen.value.set_files(file)


def given(content, name):
    """What ipywidgets makes of an upload."""
    about = {"type": "application/json", "size": len(content), "last_modified": LONG_AGO}
    return ({"name": name, "content": memoryview(content), **about},)


def test_records_are_laid_over_each_other(browser, address):
    """The whole page of 08, which measures nothing: its control, its predictions, its exercises."""
    opened = visit(browser, address, "08")
    page = opened.page
    page.context.route(f"{address}live/pyodide/matplotlib*", lambda route: route.abort())
    opened.cell("control").locator(".live-start").click()
    assert page.locator(".live-failure").text_content().endswith(STILL)
    page.context.unroute(f"{address}live/pyodide/matplotlib*")
    opened.log.clear()
    opened.cell("control").locator(".live-start").click()
    page.wait_for_selector("[data-alive] svg")
    ((control, twin),) = opened.controls()
    agrees(opened)
    choose(opened, what=twin.PARTS, second="xeon-1")

    mine = (MACHINES / "xeon-1.json").read_bytes()
    upload(opened, "mine.json", mine)
    twin.upload.value = given(mine, "mine.json")
    page.wait_for_function("document.querySelector('.input-first select').value === 'mine'")
    agrees(opened)
    assert twin.value("first") == "mine" and twin.value("second") == "xeon-2"
    picture = page.evaluate(STATE, control)["picture"]
    upload(opened, "other.json", b'{"date": "2026-11-29"}')
    twin.upload.value = given(b'{"date": "2026-11-29"}', "other.json")
    page.wait_for_function("document.querySelector('.series-control [role=alert]').textContent")
    refused = page.locator(".series-control [role=alert]").text_content()
    assert refused.startswith("This file was not taken: ")
    assert f'<div role="alert">{html.escape(refused)}</div>' == twin.message.value
    assert page.evaluate(STATE, control)["picture"] == picture

    cell = opened.cell("your-peaks")
    assert cell.locator(".live-note").text_content() == live.UNMEASURED
    opened.cell("predict-peaks").locator("input").fill("4")
    cell.get_by_role("button").click()
    cell.get_by_text("You predicted").wait_for()
    entry = live.cells(NOTEBOOKS["08"])["your-peaks"]
    says = scored("", "1", "4", entry["model"], "stopwatch")
    assert cell.locator(".live-said").text_content() == says
    exercise = NOTEBOOKS["08"].exercises["promised_peak"]
    cell = opened.cell("check-promised-peak")
    assert "check(" not in cell.text_content()
    cell.locator("input").fill(str(exercise.answer()))
    cell.get_by_role("button", name="Check").click()
    page.wait_for_selector("[data-outcome]")
    assert cell.locator(".live-said").text_content().startswith("Correct. ")
    assert opened.elsewhere == []
    assert [line for line in opened.log if line.startswith("error")] == []
    page.context.close()


def test_a_scaling_table_is_fitted(browser, address):
    opened = visit(browser, address, "09")
    page = opened.page
    opened.wake()
    twin = opened.twin
    agrees(opened)
    handle = page.locator(".input-ahead [role=slider]")
    handle.focus()
    page.keyboard.press("End")
    page.locator(".input-mode select").select_option(index=1)
    page.wait_for_function("document.querySelector('.input-mode select').selectedIndex === 1")
    agrees(opened)
    assert twin.value("ahead") == 4 and twin.value("mode") == "strong"
    reported = page.locator(".series-control li").all_text_contents()
    assert reported == re.findall("<li>(.*?)</li>", html.unescape(twin.report.value))

    table = b"devices,time\n1,100\n2,52\n4,28\n8,17\n"
    upload(opened, "mine.csv", table)
    twin.upload.value = given(table, "mine.csv")
    page.wait_for_function("document.querySelector('textarea').value.startsWith('devices,time')")
    agrees(opened)
    assert page.locator("textarea").input_value() == twin.table.value

    page.locator("textarea").fill("devices,time\n1,none\n")
    page.keyboard.press("Tab")
    twin.table.value = "devices,time\n1,none\n"
    page.wait_for_function("document.querySelector('.series-control [role=alert]').textContent")
    refused = page.locator(".series-control [role=alert]").text_content()
    assert f'<div role="alert">{html.escape(refused)}</div>' == twin.message.value
    agrees(opened)
    assert opened.elsewhere == []
    assert [line for line in opened.log if line.startswith("error")] == []
    page.context.close()


def of_the_cdn(asked, changed=""):
    """Answers requests to the CDN of Pyodide from what is vendored."""

    def answer(route):
        name = route.request.url.removeprefix(vendor.PYODIDE_CDN)
        asked.append(name)
        content = (vendor.vendored("pyodide") / name).read_bytes()
        kind = "application/wasm" if name.endswith(".wasm") else "application/octet-stream"
        headers = {"content-type": kind, "access-control-allow-origin": "*"}
        route.fulfill(status=200, headers=headers, body=content + b"x" * (name == changed))

    return answer


@pytest.mark.parametrize("changed", ["", "pyodide.asm.wasm"])
def test_pyodide_may_come_from_its_cdn(browser, without_pyodide, changed):
    """But no byte of it may be another one."""
    opened, asked = visit(browser, without_pyodide, "04"), []
    opened.page.context.route(f"{vendor.PYODIDE_CDN}**", of_the_cdn(asked, changed))
    opened.page.wait_for_load_state("networkidle")
    assert asked == []  # nothing before a touch
    if changed:
        opened.cell("control").locator(".live-start").click()
        said = opened.page.locator(".live-failure").text_content()
        assert "pyodide.asm.wasm" in said and said.endswith(STILL)
        assert opened.cell("control").locator(".live-still img").is_visible()
        assert not opened.cell("control").locator(".live-view").is_visible()
    else:
        opened.wake()
        agrees(opened)
        assert sorted(name.partition("-")[0] for name in asked) == ["numpy", "pyodide.asm.wasm"]
        assert [line for line in opened.log if line.startswith("error")] == []
    assert opened.elsewhere == []
    opened.page.context.close()


@pytest.mark.parametrize(
    ("line", "ahead"),
    [
        (FAST_LINE, True),
        ({**FAST_LINE, "saveData": True}, False),
        ({**FAST_LINE, "downlink": 5}, False),
        ({**FAST_LINE, "type": "cellular"}, False),
        (None, False),
    ],
)
def test_a_control_that_comes_near_is_fetched_ahead_on_a_fast_line(
    browser, address, without_pyodide, line, ahead
):
    """From the host of the page, never from another one."""
    for where, name in ((address, "pyodide.asm.wasm"), (without_pyodide, "python.zip")):
        opened = visit(browser, where, "04", line, height=150)
        page = opened.page
        page.wait_for_load_state("networkidle")
        assert not page.locator("link[rel=prefetch]").count()
        opened.cell("control").scroll_into_view_if_needed()
        page.evaluate(SEEN)
        if ahead:
            page.wait_for_selector(f"link[rel=prefetch][href$='{name}']", state="attached")
        hrefs = page.eval_on_selector_all("link[rel=prefetch]", "links => links.map(l => l.href)")
        assert all(href.startswith(where) for href in hrefs) and bool(hrefs) == ahead
        assert opened.elsewhere == [] and not page.workers
        page.context.close()


def test_every_control_says_in_a_page_what_it_says_here(site, tmp_path):
    """At every position of every input and at random places, text for text.

    What matplotlib lays out is compared by `benchmarks/live.py`, and at a few places above.
    """
    names = {kind.__name__ for kind in every_control()} - LAID_OUT_THERE
    ours, theirs = in_node.both(site / "live", tmp_path, {name: f"{name}()" for name in names})
    assert ours.keys() == theirs.keys()
    for name, states in ours.items():
        for one, other in zip(states, theirs[name], strict=True):
            assert one == other, name
