"""Measure the way from the hand on a slider to changed pixels, in JupyterLab in Chromium.

Run by hand on a quiet machine: ``.venv/bin/python benchmarks/latency.py``. One notebook holds
every control, and beside them the two by which they are judged:

- echo, the floor: a slider whose observer puts a text as long as the roofline's SVG, but with
  nothing in it to compute and hardly anything to draw, into an HTML widget;
- interact, the usual way: the same sliders and the same roofline, drawn anew at every step.

All take turns, so that noise meets them alike. A latency is the time from the keydown event until
the browser has painted the first frame with a changed output (for interact: a new picture, and
decoded). Exit status 1 if a bar is missed.
"""

import random
import statistics
import sys
import time
from pathlib import Path

import nbformat

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path += [str(TESTS), str(TESTS / "browser")]

import lab  # noqa: E402
from examples import CONTROLS, finest  # noqa: E402

PRESS_ROUNDS, PRESSES = 5, 12
DRAG_ROUNDS, DRAG_SECONDS, SWEEP_SECONDS, MOVE_MILLISECONDS, QUIET_SECONDS = 3, 3.0, 1.0, 8, 1.0

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

    def __init__(self, name, source, slider="peak", control=None):
        self.name, self.source, self.slider, self.control = name, source, slider, control
        self.latencies, self.rates, self.settled, self.last_values = [], [], [], []

    def watch(self, page):
        """Bring the slider into sight, and watch what it changes."""
        self.page, widget = page, page.locator(f".{self.name}")
        slider = widget.locator(f".input-{self.slider}")
        slider.scroll_into_view_if_needed()
        self.handle, self.track = slider.locator(".noUi-handle"), slider.locator(".noUi-base")
        self.readout = slider.locator(".widget-readout")
        pictures = self.name in AXES
        self.output = widget.locator(".widget-output" if pictures else ".widget-html").last
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
        return self.output.inner_text().endswith(self.control.sentence)


def measure():
    """All cases in one notebook, measured in turns."""
    cases = [Case("echo", ECHO)]
    for name, axes in AXES.items():
        cases.append(Case(name, INTERACT.replace("AXES", axes).replace("NAME", name)))
    for name, kind in CONTROLS.items():  # moved where nearly every move is a new value
        control = kind()
        cases.append(Case(name, f'{name}().add_class("{name}")', finest(control), control))
    cells = [nbformat.v4.new_code_cell(source) for source in [SETUP, *(c.source for c in cases)]]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    with lab.jupyterlab() as server, lab.chromium() as browser:
        nbformat.write(notebook, server.folder / "latency.ipynb")
        page = browser.new_page()
        lab.open_notebook(page, server, "latency.ipynb")
        lab.run_all(page)
        page.evaluate(MEASURE)
        for step in PRESS_ROUNDS * [Case.press] + DRAG_ROUNDS * [Case.drag]:
            for case in random.sample(cases, len(cases)):
                case.watch(page)
                step(case)
    return cases


def bars(cases):
    """Each bar as (what, value, bar, whether the bar is the least allowed)."""
    echo, interact, _, *ours = cases
    floor = statistics.median(echo.latencies)
    for case in ours:
        median = statistics.median(case.latencies)
        yield f"{case.name}: median / echo's median", median / floor, 1.35, False
        slow = statistics.median(interact.latencies)
        yield f"{case.name}: interact's median / median", slow / median, 7, True
        yield f"{case.name}: p95 / echo's median", _p95(case.latencies) / floor, 2, False
        yield f"{case.name}: updates/s while dragging", statistics.median(case.rates), 18, True
        yield f"{case.name}: ms from letting go to settled", max(case.settled), 100, False
        yield (
            f"{case.name}: share of last values that won",
            statistics.mean(case.last_values),
            1,
            True,
        )


def _p95(values):
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def main():
    cases = measure()
    for case in cases:
        print(
            f"{case.name}: {len(case.latencies)} presses, median "
            f"{statistics.median(case.latencies):.1f} ms, p95 {_p95(case.latencies):.1f} ms; "
            f"{min(case.rates):.1f} to {max(case.rates):.1f} updates/s while dragging, settled "
            f"{max(case.settled):.0f} ms after letting go"
        )
    missed = 0
    for what, value, bar, least in bars(cases):
        kept = value >= bar if least else value <= bar
        missed += not kept
        print(f"  {what}: {value:.2f} (bar {bar})", "" if kept else "MISSED")
    return missed > 0


if __name__ == "__main__":
    sys.exit(main())
