"""Measure the way from the hand on a slider to changed pixels: in JupyterLab, and in a page of the
site, both in one Chromium.

Run by hand on a quiet machine: ``.venv/bin/python benchmarks/latency.py``, about 15 minutes; with
the number of rounds for it, less. One notebook holds every control, and beside them the two by
which they are judged:

- echo, the floor: a slider whose observer puts a text as long as the roofline's SVG, but with
  nothing in it to compute and hardly anything to draw, into an HTML widget;
- interact, the usual way: the same sliders and the same roofline, drawn anew at every step.

One page holds every control too, and beside them their floor: a label that follows a slider in
plain JavaScript.

All take turns, so that noise meets them alike. A latency is the time from the keydown event until
the browser has painted the first frame with a changed output (for interact: a new picture, and
decoded). Exit status 1 if a bar is missed.
"""

import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS), str(TESTS / "browser")]

import lab  # noqa: E402
import on_site  # noqa: E402
from examples import CONTROLS, finest  # noqa: E402
from helpers.publishing.site import live  # noqa: E402
from helpers.publishing.site.pages import TEMPLATE  # noqa: E402

PRESS_ROUNDS, PRESSES = 5, 12
DRAG_ROUNDS, DRAG_SECONDS, SWEEP_SECONDS, MOVE_MILLISECONDS, QUIET_SECONDS = 3, 3.0, 1.0, 8, 1.0

FRAME = 1000 / 60  # ms

TASKS = {"I₁": 2, "I₂": 100}
IMPORTS = "\n".join(f"from {kind.__module__} import {name}" for name, kind in CONTROLS.items())
SETUP = f"""
import ipywidgets as widgets
import matplotlib.pyplot as plt
from helpers.controls.inputs import log_slider
from helpers.pictures.drawing import draw
from helpers.pictures.roofline import roofline_axes
from helpers.scenes.marks import SIZE
from helpers.scenes.roofline import roofline_scene
{IMPORTS}
TASKS = {TASKS}
"""
ECHO = """
slider = log_slider("peak π (Tflop/s)", 15.7, 1, 2000).add_class("input-peak")
text = widgets.HTML()
size = len(RooflineControl().moving.value.encode())

def echo(change):
    text.value = f"{change.new}<!--".ljust(size - 3, ".") + "-->"

slider.observe(echo, names="value")
widgets.VBox([slider, text]).add_class("echo")
"""
# `interactive` is the widget that `interact` displays.
INTERACT = """
def roofline(peak, bandwidth, **intensities):
    tasks = dict(zip(TASKS, intensities.values()))
    ax = AXES
    draw(ax, roofline_scene(1e12 * peak, 1e9 * bandwidth, tasks).marks)
    plt.show()

widgets.interactive(
    roofline,
    peak=log_slider("peak π (Tflop/s)", 15.7, 1, 2000).add_class("input-peak"),
    bandwidth=log_slider("bandwidth β (GB/s)", 900, 50, 1e4),
    intensity1=log_slider("I₁ (flop/B)", 2, 0.1, 1000),
    intensity2=log_slider("I₂ (flop/B)", 100, 0.1, 1000),
).add_class("NAME")
"""
# The axes as everybody draws them, and those of the series, which have fewer ticks for speed.
AXES = {
    "interact": """plt.figure(figsize=SIZE).add_subplot(
        xscale="log", xlim=(0.05, 2000), xlabel="arithmetic intensity I (flop/B)",
        yscale="log", ylim=(3e9, 1e16), ylabel="attainable performance P (flop/s)",
    )""",
    "interact-our-axes": "roofline_axes()",
}
# The classes are those by which `Case` finds the parts of a widget.
FLOOR = """<div class="floor"><p class="input-peak">
<input type="range" class="noUi-handle noUi-base" max="40" aria-label="peak"
oninput="document.querySelector('output').textContent = this.value"></p>
<output class="widget-html">0</output></div>"""
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>latency</title>
<link rel="stylesheet" href="site.css"><link rel="stylesheet" href="live/live.css">
<script defer src="live/live.js" data-notebook="latency"></script><main><article>"""
MEASURE = """() => {
    const latency = (window.latency = {frames: new Map()});
    addEventListener("keydown", () => (latency.pressed = performance.now()), true);
    addEventListener("pointerup", () => (latency.released = performance.now()), true);

    // Note when a frame is painted in which `part` of the page differs from the frame before.
    latency.watch = (part, pictures) => {
        const read = () => (pictures ? part.querySelector("img")?.src : part.innerHTML);
        let shown = read();
        latency.observer?.disconnect();
        latency.observer = new MutationObserver(async () => {
            const now = read();
            if (!now || now === shown) return;
            shown = now;
            if (pictures) await part.querySelector("img").decode();
            requestAnimationFrame(frame => {
                const {port1, port2} = new MessageChannel();
                port1.onmessage = () => {  // the first task after this frame is painted
                    latency.frames.set(frame, performance.now());
                    latency.changed?.(performance.now() - latency.pressed);
                };
                port2.postMessage(null);
            });
        });
        latency.observer.observe(part, {childList: true, characterData: true, subtree: true});
    };
    latency.expect = () => {
        latency.answer = new Promise((done, fail) => {
            latency.changed = done;
            setTimeout(() => fail(new Error("a key changed nothing for 10 s")), 10000);
        });
    };
}"""


class Case:
    """A widget in the notebook, the slider of it that is moved, and what was measured."""

    def __init__(self, name, source="", slider="peak", control=None, where="in JupyterLab"):
        self.name, self.source, self.slider, self.control = name, source, slider, control
        self.where, self.page = where, None
        self.latencies, self.rates, self.settled, self.last_values = [], [], [], []

    def __str__(self):
        return f"{self.name} {self.where}"

    def watch(self):
        """Bring the slider into sight, and watch what it changes."""
        self.page.bring_to_front()
        widget = self.page.locator(f".{self.name}")
        slider = widget.locator(f".input-{self.slider}")
        slider.scroll_into_view_if_needed()
        self.handle, self.track = slider.locator(".noUi-handle"), slider.locator(".noUi-base")
        self.readout = slider.locator(".widget-readout")
        pictures = self.name in AXES
        self.output = widget.locator(".widget-output" if pictures else ".widget-html").last
        self.sentence = widget.locator(".widget-html:has(svg) p")
        self.output.evaluate("(part, pictures) => latency.watch(part, pictures)", pictures)

    def press(self):
        """Press the arrow keys, each after the picture of the one before."""
        self.handle.focus()
        for key in ["ArrowRight"] * (PRESSES // 2) + ["ArrowLeft"] * (PRESSES // 2):
            # Each press by itself and not in step with the frames; drags time quick successions.
            self.page.wait_for_timeout(random.uniform(300, 400))
            self.page.evaluate("latency.expect()")
            self.page.keyboard.press(key)
            self.latencies.append(self.page.evaluate("latency.answer"))

    def drag(self):
        """Drag the handle to and fro, let go in full motion, and read what is there at last."""
        track, handle = self.track.bounding_box(), self.handle.bounding_box()
        y = handle["y"] + handle["height"] / 2
        self.page.mouse.move(handle["x"] + handle["width"] / 2, y)
        self.page.mouse.down()
        self.page.evaluate("latency.frames.clear()")
        begun = time.perf_counter()
        end = begun + random.uniform(0.9, 1.1) * DRAG_SECONDS
        while (now := time.perf_counter()) < end:
            place = 1 - abs(1 - (now - begun) / SWEEP_SECONDS % 2)
            self.page.mouse.move(track["x"] + place * track["width"], y)
            self.page.wait_for_timeout(MOVE_MILLISECONDS)
        self.page.mouse.up()
        self.page.wait_for_timeout(1000 * QUIET_SECONDS)
        frames, released = self.page.evaluate("[[...latency.frames.values()], latency.released]")
        self.rates.append(sum(frame <= released for frame in frames) / (end - begun))
        self.settled.append(max([0, *(frame - released for frame in frames)]))
        if self.control:
            self.last_values.append(self.says_what_the_core_says())

    def says_what_the_core_says(self):
        """Whether the sentence on the page is the one that belongs to the slider's value."""
        self.control.inputs[self.slider].label = self.readout.inner_text()
        return self.sentence.inner_text() == self.control.sentence


def with_sliders():
    """The controls that have a slider; it is moved where nearly every move is a new value."""
    for name, kind in CONTROLS.items():
        control = kind()
        if finest(control):
            yield name, control


def notebook_cases():
    """What is measured in JupyterLab: the two by which controls are judged, and the controls."""
    yield Case("echo", ECHO)
    for name, axes in AXES.items():
        yield Case(name, INTERACT.replace("AXES", axes).replace("NAME", name))
    for name, control in with_sliders():
        yield Case(name, f'{name}().add_class("{name}")', finest(control), control)


def page_cases():
    """What is measured in a page: its floor, and the controls."""
    yield Case("floor", where="in a page")
    for name, control in with_sliders():
        source = f'from {CONTROLS[name].__module__} import {name}\n{name}().add_class("{name}")'
        yield Case(name, source, finest(control), control, "in a page")


def notebook_of(cases, file):
    """Write a notebook with a cell for each case."""
    cells = [nbformat.v4.new_code_cell(source) for source in [SETUP, *(c.source for c in cases)]]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), file)


def site_of(cases, folder):
    """Write a site of one page, latency.html, with a living place for each case."""
    live.build(folder / "live", offline=True, notebooks=())
    shutil.copy(TEMPLATE / "site.css", folder)
    controls = [case for case in cases if case.control]
    data = {c.name: {"kind": "control", "code": c.source, "needs": []} for c in controls}
    (folder / "live" / "latency.json").write_text(json.dumps(data), "utf-8")
    places = [
        f'<div class="live" data-kind="control" data-cell="{c.name}"></div>' for c in controls
    ]
    (folder / "latency.html").write_text("\n".join([PAGE, FLOOR, *places]), "utf-8")


def measure(rounds):
    """All cases, those in the notebook and those in the page, measured in turns."""
    inside, outside = list(notebook_cases()), list(page_cases())
    with (
        tempfile.TemporaryDirectory() as folder,
        lab.jupyterlab() as server,
        lab.chromium() as browser,
    ):
        notebook_of(inside, server.folder / "latency.ipynb")
        site_of(outside, Path(folder))
        page = browser.new_page()
        lab.open_notebook(page, server, "latency.ipynb")
        lab.run_all(page)
        with on_site.serve(folder) as url, on_site.watched(browser) as other:
            other.goto(f"{url}latency.html")
            on_site.wake(other)
            for cases, where in ((inside, page), (outside, other)):
                where.evaluate(MEASURE)
                for case in cases:
                    case.page = where
            steps = rounds * [Case.press] + -(-DRAG_ROUNDS * rounds // PRESS_ROUNDS) * [Case.drag]
            for step in steps:
                for case in random.sample([*inside, *outside], len(inside) + len(outside)):
                    case.watch()
                    step(case)
    return inside, outside


def bars(inside, outside):
    """Each bar as (what, value, bar, whether the bar is the least allowed)."""
    echo, interact, _, *ours = inside
    floor = _median(echo)
    for case in ours:
        median = _median(case)
        yield f"{case}: median / echo's median", median / floor, 1.35, False
        yield f"{case}: interact's median / median", _median(interact) / median, 7, True
        yield f"{case}: p95 / echo's median", _p95(case.latencies) / floor, 2, False
        yield f"{case}: updates/s while dragging", statistics.median(case.rates), 18, True
        yield f"{case}: ms from letting go to settled", max(case.settled), 100, False
        yield from _last(case)
    floor, *theirs = outside
    least = _median(floor)
    for case, other in zip(theirs, ours, strict=True):
        median = _median(case)
        yield f"{case}: ms of its median above the floor's", median - least, FRAME, False
        yield f"{case}: median / median {other.where}", median / _median(other), 1, False
        yield from _last(case)


def _last(case):
    yield f"{case}: share of last values that won", statistics.mean(case.last_values), 1, True


def _median(case):
    return statistics.median(case.latencies)


def _p95(values):
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main(rounds=PRESS_ROUNDS):
    inside, outside = measure(rounds)
    for case in [*inside, *outside]:
        print(
            f"{case}: {len(case.latencies)} presses, median {_median(case):.1f} ms, p95 "
            f"{_p95(case.latencies):.1f} ms; {min(case.rates):.1f} to {max(case.rates):.1f} "
            f"updates/s while dragging, settled {max(case.settled):.0f} ms after letting go"
        )
    missed = 0
    for what, value, bar, least in bars(inside, outside):
        kept = value >= bar if least else value <= bar
        missed += not kept
        print(f"  {what}: {value:.2f} (bar {bar:.4g})", "" if kept else "MISSED")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
