"""Controls: sliders and a picture that follows them.

matplotlib draws once what stands still (axes, ticks, labels). What moves is a small SVG over it,
made from the marks of `helpers.plots`, so every number in it comes from the model core. A step of
a slider therefore costs one short text, not a new picture.
"""

import base64
import gc
import html
import math

import ipywidgets as widgets
from IPython import get_ipython
from matplotlib.figure import Figure

from helpers import plots
from helpers._places import PIXELS_PER_POINT, Frame
from helpers.amdahl import compute_fraction
from helpers.budget import IMAGENET_IMAGES, training_work
from helpers.catalog import devices, interconnects, runs
from helpers.networks import alexnet, resnet, vgg
from helpers.plots import Line, Scene, Words, percent
from helpers.roofline import bandwidth_utilisation, compute_utilisation

SVG_STYLE = "display:block;font:13px sans-serif;paint-order:stroke"  # words lie on their halo


class Control(widgets.VBox):
    """A group of inputs over a picture; the base of all controls.

    Subclasses say what stands still (`draw_axes`) and what moves (`scene`). The sentence of the
    scene stands under the picture and is read aloud with it. A control of several pictures
    overrides `draw_all` and `scenes` in their place.

    Parameters
    ----------
    **inputs : ipywidgets widget
        Each with a `value`; kept as ``self.inputs[name]``. Any change redraws.
    """

    size = plots.SIZE

    def __init__(self, **inputs):
        self.inputs = inputs
        figure, axes = self._standing()
        self._frames = [Frame(ax) for ax in axes]
        self.background = widgets.HTML(
            _background(plots.png(figure, scale=2), len(inputs)), layout=_stacked()
        )
        self.moving = widgets.HTML(layout=_stacked())
        # As wide as the picture is drawn, or as the page less margins where that is less.
        wide = dict(
            width=f"{plots.PIXELS_PER_INCH * self.size[0]:.0f}px", max_width="calc(100% - 4px)"
        )
        areas = dict(grid_template_areas='"picture"', grid_template_columns="minmax(0, 1fr)")
        picture = widgets.GridBox(
            [self.background, self.moving],
            layout=widgets.Layout(overflow="hidden", **areas, **wide),
        )
        self._redraw()
        for name, widget in inputs.items():
            widget.observe(self._changed, names="value")
            widget.style.description_width = "13em"
            widget.layout.width, widget.layout.max_width = wide["width"], wide["max_width"]
            widget.tooltip = ""  # without one, ipywidgets shows "null"
            widget.add_class(f"input-{name}")
        super().__init__([*inputs.values(), picture])
        self.add_class("series-control")
        _replace_those_of_the_last_run(self)

    def draw_axes(self, ax):
        """Draw on `ax` what does not move; return it."""
        raise NotImplementedError

    def scene(self):
        """The `plots.Scene` for the present values."""
        raise NotImplementedError

    def draw_all(self, figure):
        """Draw on `figure` what does not move; return its Axes."""
        return [self.draw_axes(figure.add_subplot())]

    def scenes(self):
        """A `plots.Scene` for each of the Axes, for the present values."""
        return [self.scene()]

    @property
    def sentence(self):
        """What the picture says now, in words."""
        return _sentence(self.scenes())

    def value(self, name):
        """Present value of an input."""
        return self.inputs[name].value

    def _changed(self, change):
        # Sliders clamp what is out of range, but NaN passes every comparison: put it back.
        if isinstance(change.new, float) and not math.isfinite(change.new):
            change.owner.value = change.old
        else:
            self._redraw()

    def _redraw(self):
        scenes = self.scenes()
        marks = zip(self._frames, self._arranged(scenes), strict=True)
        self.moving.value = _svg(self.size, "".join(map(_drawing, marks)), _sentence(scenes))

    def close(self):
        """Close the control with all its parts, and let go of what they hold."""
        if self.children:  # not closed yet
            *inputs, picture = self.children
            for part in (*inputs, *picture.children, picture, self):
                part.layout.close()
                if part.has_trait("style"):
                    part.style.close()
                if part is not self:
                    part.close()
            self.children = ()
        super().close()
        for name in [name for name in vars(self) if not name.startswith("_")]:
            delattr(self, name)

    @plots.same_everywhere
    def _standing(self):
        """A figure of what stands still and its Axes, laid out once for all."""
        figure = Figure(figsize=self.size, layout="constrained")
        axes = self.draw_all(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        return figure, axes

    def _arranged(self, scenes):
        """The marks of each scene where they can be seen."""
        taken = []
        pairs = zip(self._frames, scenes, strict=True)
        return [frame.arrange(scene.marks, taken) for frame, scene in pairs]

    def _repr_mimebundle_(self, **kwargs):
        """The live control, and beside it a still picture for pages without a kernel."""
        scenes = self.scenes()
        figure, axes = self._standing()
        for ax, marks in zip(axes, self._arranged(scenes), strict=True):
            plots.draw(ax, marks)
        data, metadata = plots.still(figure, _sentence(scenes))
        return {**super()._repr_mimebundle_(**kwargs), **data}, metadata


class RooflineControl(Control):
    """A roofline with sliders for peak, bandwidth and the intensity of each task.

    Parameters
    ----------
    tasks : dict
        Name of each task and its first intensity, flop/B, from 0.1 to 1000.
    peak, bandwidth : float
        First values, flop/s (1e12 to 2e15) and B/s (5e10 to 1e13).
    """

    def __init__(self, tasks, peak=15.7e12, bandwidth=900e9):
        self.tasks = dict(tasks)
        super().__init__(
            peak=log_slider("peak π (Tflop/s)", peak / 1e12, 1, 2000),
            bandwidth=log_slider("bandwidth β (GB/s)", bandwidth / 1e9, 50, 1e4),
            **{
                f"intensity{number}": log_slider(f"{task} (flop/B)", intensity, 0.1, 1000)
                for number, (task, intensity) in enumerate(tasks.items(), start=1)
            },
        )

    def draw_axes(self, ax):
        return plots.roofline_axes(ax)

    def scene(self):
        peak, bandwidth = 1e12 * self.value("peak"), 1e9 * self.value("bandwidth")
        tasks = {
            task: self.value(f"intensity{number}")
            for number, task in enumerate(self.tasks, start=1)
        }
        scene = plots.roofline_scene(peak, bandwidth, tasks)
        uses = [f"{task} {_uses(intensity, peak, bandwidth)}" for task, intensity in tasks.items()]
        return Scene(scene.marks, f"{scene.sentence} {'; '.join(uses)}.")


class DeviceControl(Control):
    """The roof of a device of the catalog in one precision, and a task of any intensity.

    Parameters
    ----------
    device : str
        First choice, a key of `catalog.devices` and a precision: "V100-SXM2 fp32".
    intensity : float
        First intensity of the task, flop/B, from 0.1 to 1000.

    Raises
    ------
    ValueError
        If the catalog has no such choice, or the intensity is out of range.
    """

    def __init__(self, device="V100-SXM2 fp32", intensity=2.0):
        bandwidths = devices()["bandwidth"]
        self.machines = {
            name: (peak, bandwidths[name.split()[0]])
            for name, peak in _peaks("fp64", "fp32", "tf32", "fp16", "bf16", "fp8").items()
        }
        if device not in self.machines:
            choices = ", ".join(self.machines)
            raise ValueError(f"device must be one of {choices}, got {device!r}")
        super().__init__(
            device=widgets.Dropdown(
                options=list(self.machines), value=device, description="device, precision"
            ),
            intensity=log_slider("intensity I (flop/B)", intensity, 0.1, 1000),
        )

    def draw_axes(self, ax):
        return plots.roofline_axes(ax)

    def scene(self):
        device, intensity = self.value("device"), self.value("intensity")
        peak, bandwidth = self.machines[device]
        scene = plots.roofline_scene(peak, bandwidth, {"the task": intensity})
        return Scene(
            scene.marks,
            f"{device}: π = {plots.si(peak, 'flop/s')}, β = {plots.si(bandwidth, 'B/s')}. "
            f"{scene.sentence} It {_uses(intensity, peak, bandwidth)}.",
        )


class AmdahlControl(Control):
    """Amdahl's law with sliders for p, s and r, or for I, beta and pi in place of p.

    Parameters
    ----------
    p, s, r : float
        First values: p from 0 to 1, s from 1 to 1000, r from 1 to 16.
    """

    DIRECT, FROM_MACHINE = "p itself", "p from I, β and π"

    def __init__(self, p=0.9, s=3.0, r=1.0):
        super().__init__(
            source=widgets.Dropdown(
                options=[self.DIRECT, self.FROM_MACHINE], description="start from"
            ),
            p=widgets.FloatSlider(
                p, min=0, max=1, step=0.001, readout_format=".3f", description="p"
            ),
            intensity=log_slider("intensity I (flop/B)", 157, 0.1, 1000),
            bandwidth=log_slider("bandwidth β (GB/s)", 900, 50, 1e4),
            peak=log_slider("peak π (Tflop/s)", 15.7, 1, 2000),
            s=log_slider("speed-up s", s, 1, 1000),
            r=log_slider("bandwidth loss r", r, 1, 16),
        )

    def draw_axes(self, ax):
        return plots.speedup_axes(ax)

    def scene(self):
        p = self.value("p")
        if self.value("source") == self.FROM_MACHINE:
            p = compute_fraction(
                self.value("intensity"), 1e12 * self.value("peak"), 1e9 * self.value("bandwidth")
            )
        return plots.speedup_scene(p, self.value("r"), self.value("s"))

    def _redraw(self):
        from_machine = self.value("source") == self.FROM_MACHINE
        self.inputs["p"].disabled = from_machine
        for name in ("intensity", "bandwidth", "peak"):
            self.inputs[name].disabled = not from_machine
        super()._redraw()


class TrainingControl(Control):
    """The time of an ImageNet training run: network, epochs, devices and achieved fraction.

    Published runs of the same network and number of epochs stand beside it.
    """

    def __init__(self):
        counted = [resnet(50), resnet(50, "v1"), resnet(18), resnet(152), vgg(16), alexnet()]
        self.networks = {network.name: network for network in counted}
        self.published = runs()
        self.peaks = _peaks("fp32", "fp16", "bf16")
        super().__init__(
            network=widgets.Dropdown(options=list(self.networks), description="network"),
            epochs=widgets.IntSlider(90, min=1, max=300, description="epochs"),
            device=widgets.Dropdown(
                options=list(self.peaks), value="H100-SXM fp16", description="device"
            ),
            devices=log_slider("number of devices n", 1, 1, 1000, whole=True),
            fraction=widgets.FloatSlider(
                0.25, min=0.01, max=1, step=0.01, readout_format=".0%", description="of peak"
            ),
        )

    def draw_axes(self, ax):
        return plots.training_axes(ax)

    def scene(self):
        network, epochs = self.value("network"), self.value("epochs")
        work = training_work(self.networks[network].forward_work, IMAGENET_IMAGES, epochs)
        scene = plots.training_scene(
            work,
            self.peaks[self.value("device")],
            self.value("devices"),
            self.value("fraction"),
            [
                (run.Index, run.devices * self.peaks[f"{run.device} {run.precision}"], run.time)
                for run in self.published.itertuples()
                if network.startswith(run.network) and run.epochs == epochs
            ],
        )
        return Scene(
            scene.marks, f"{network}, {epochs} epoch{'s' * (epochs > 1)}: {scene.sentence}"
        )


class PipelineControl(Control):
    """One dial from serial to roofline: n chunks, with the timeline that belongs to it.

    Parameters
    ----------
    balance : float
        First intensity in units of the ridge, x = I / I*, from 0.1 to 10.
    s : float
        First speed-up of the compute unit, from 1 to 20.
    chunks : int
        First number of chunks, one of those on the slider.
    """

    size = (6.5, 6.0)
    CHUNKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)

    def __init__(self, balance=2.0, s=1.0, chunks=4):
        if chunks not in self.CHUNKS:
            raise ValueError(f"chunks must be one of {self.CHUNKS}, got {chunks}")
        super().__init__(
            chunks=widgets.SelectionSlider(
                options=self.CHUNKS, value=chunks, description="chunks n"
            ),
            balance=log_slider("intensity x = I / I*", balance, 0.1, 10),
            s=log_slider("speed-up s", s, 1, 20),
            store=widgets.FloatSlider(
                0,
                min=0,
                max=1,
                step=0.1,
                readout_format=".1f",
                description="store time / load time",
            ),
            buffers=widgets.Dropdown(options=[3, 2, 1], description="buffers"),
        )

    def draw_all(self, figure):
        roof, timeline = figure.subplots(2, 1, height_ratios=(3, 1))
        # The longest run: loading takes 1 s, storing at most 1 s and computing at most 10 s.
        return [plots.overlap_axes(roof), plots.timeline_axes(timeline, 12.0)]

    def scenes(self):
        names = ("balance", "s", "chunks", "store", "buffers")
        balance, s, chunks, store, buffers = map(self.value, names)
        return [
            plots.overlap_scene(balance, s, chunks, store, buffers),
            plots.timeline_scene(1.0, balance / s, chunks, store, buffers),
        ]


class EngineControl(Control):
    """Data-parallel training on machines of 8: what the links leave of the speed.

    The all-reduce has two levels (`parallel.hierarchical_time`): a ring over the links inside each
    machine, then one between the machines, whose 8 devices share one port. The dashed curves show
    no overlap and full overlap, the diamond the first number of machines at which the all-reduce
    takes longer than the computing. Gradients are FP32, 4 B for each weight.

    Parameters
    ----------
    machines : float
        First number of machines m, from 1 to 128.
    batch : float
        First batch of each device, from 1 to 1000.
    """

    def __init__(self, machines=4, batch=32):
        counted = [resnet(50), resnet(152), vgg(16), alexnet()]
        self.networks = {network.name: network for network in counted}
        self.links = dict(interconnects()["one_way"])
        self.peaks = _peaks("fp32", "fp16", "bf16")
        super().__init__(
            network=widgets.Dropdown(
                options=list(self.networks), value="VGG-16", description="network"
            ),
            device=widgets.Dropdown(
                options=list(self.peaks), value="V100-SXM2 fp32", description="device"
            ),
            fraction=widgets.FloatSlider(
                0.6, min=0.01, max=1, step=0.01, readout_format=".0%", description="of peak"
            ),
            machines=log_slider("machines of 8 devices", machines, 1, 128, whole=True),
            link=widgets.Dropdown(
                options=list(self.links), value="NVLink 2 (V100)", description="link inside"
            ),
            port=widgets.Dropdown(
                options=list(self.links), value="10 GbE", description="port of a machine"
            ),
            batch=log_slider("batch of each device", batch, 1, 1000, whole=True),
            overlap=widgets.FloatSlider(
                0.5, min=0, max=1, step=0.05, readout_format=".2f", description="overlap"
            ),
        )

    def draw_axes(self, ax):
        return plots.engine_axes(ax)

    def scene(self):
        network = self.networks[self.value("network")]
        scene = plots.engine_scene(
            work=training_work(network.forward_work, 1, 1),
            size=4.0 * network.parameters,
            peak=self.peaks[self.value("device")],
            fraction=self.value("fraction"),
            batch=self.value("batch"),
            link=self.links[self.value("link")],
            port=self.links[self.value("port")],
            overlap=self.value("overlap"),
            machines=self.value("machines"),
        )
        return Scene(scene.marks, f"{network.name} on {scene.sentence}")


_shown = {}  # for each cell of the notebook: its last run, and the controls made there


def _replace_those_of_the_last_run(control):
    """Close what the same cell made when it was run before: the page has dropped it, Out has not.

    A hundred runs would otherwise fill some 50 MB. The frontend says which cell runs; where it
    does not, nothing is closed.
    """
    request = getattr(get_ipython(), "parent_header", {})
    if cell := request.get("metadata", {}).get("cellId"):
        run = request["header"]["msg_id"]
        last, before = _shown.get(cell, (None, []))
        if last != run:
            _shown[cell] = run, []
            for old in before:
                old.close()
            gc.collect()  # figures point to themselves, so that nothing else frees them soon
        _shown[cell][1].append(control)


def _peaks(*precisions):
    """The dense peak, flop/s, of every device of the catalog that has one: "V100-SXM2 fp32"."""
    table = devices()
    peaks = {
        f"{key} {precision}": table.at[key, f"peak_{precision}"]
        for key in table.index
        for precision in precisions
    }
    return {name: peak for name, peak in peaks.items() if math.isfinite(peak)}


def _uses(intensity, peak, bandwidth):
    """How much of both units a task uses, in words."""
    return (
        f"uses {percent(compute_utilisation(intensity, peak, bandwidth))} of the peak and "
        f"{percent(bandwidth_utilisation(intensity, peak, bandwidth))} of the bandwidth"
    )


# The positions of a slider within one factor of ten: fine enough to drag, round enough to read,
# and every whole number is among them. A `FloatLogSlider` would turn 3 into 3.16.
DECADE = (1, 1.2, 1.4, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9)


def log_slider(description, value, low, high, *, whole=False):
    """A slider over round numbers from `low` to `high`, evenly spread on a logarithmic scale.

    The first value is kept exactly, as a position of its own. `whole` leaves only whole numbers.

    Raises
    ------
    ValueError
        If the first value is not between `low` and `high`.
    """
    if not low <= value <= high:
        raise ValueError(f"{description} must be from {low:g} to {high:g}, got {value}")
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = {float(f"{digits}e{power}") for power in powers for digits in DECADE}
    if whole:
        steps = {step for step in steps if step.is_integer()}
    options = sorted({*map(float, (value, low, high)), *(s for s in steps if low <= s <= high)})
    return widgets.SelectionSlider(
        options=[(plots.short(option), option) for option in options],
        value=float(value),
        description=description,
    )


def _svg(size, drawing, sentence):
    """The moving picture, and its sentence below it for everybody."""
    width, height = (round(plots.PIXELS_PER_INCH * length) for length in size)
    sentence = html.escape(sentence)
    return (
        f'<svg role="img" aria-label="{sentence}" viewBox="0 0 {width} {height}" '
        f'style="{SVG_STYLE}">{drawing}</svg>'
        f'<p aria-live="polite" style="margin:0;line-height:1.4">{sentence}</p>'
    )


def _drawing(placed):
    """The marks on one Axes, given as its frame and what `Frame.arrange` made of them, as SVG."""
    frame, marks = placed
    lines, others = [], []
    for mark in marks:
        (lines if isinstance(mark, Line) else others).append(_element(frame, mark))
    left, top, right, bottom = frame.box
    x, y, width, height = (f"{number:.1f}" for number in (left, top, right - left, bottom - top))
    # A nested viewport clips lines at the frame; dots and words may stand over it.
    return (
        f'<svg x="{x}" y="{y}" width="{width}" height="{height}" '
        f'viewBox="{x} {y} {width} {height}">{"".join(lines)}</svg>{"".join(others)}'
    )


def _element(frame, mark):
    if isinstance(mark, Line):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in frame.pixels(mark.x, mark.y))
        dash = ' stroke-dasharray="6 4"' if mark.dashed else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
            f'stroke-width="{mark.width}"{dash}/>'
        )
    ((x, y),) = frame.pixels([mark.x], [mark.y])
    if isinstance(mark, Words):
        right, up = (PIXELS_PER_POINT * points for points in mark.offset)
        anchor = {"left": "start", "center": "middle", "right": "end"}[mark.align]
        return (
            f'<text x="{x + right:.1f}" y="{y - up:.1f}" fill="{mark.colour}" '
            f'stroke="white" stroke-width="{plots.HALO}" '
            f'text-anchor="{anchor}" dominant-baseline="central">'
            f"{html.escape(mark.text)}</text>"
        )
    if mark.shape == "o":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{mark.colour}"/>'
    turn = f' transform="rotate(45 {x:.1f} {y:.1f})"' if mark.shape == "D" else ""
    return (
        f'<rect x="{x - 5.5:.1f}" y="{y - 5.5:.1f}" width="11" height="11" '
        f'fill="{mark.colour}"{turn}/>'
    )


def _sentence(scenes):
    return " ".join(scene.sentence for scene in scenes)


# What ipywidgets has no setting for, the page does itself once the picture has loaded. JupyterLab
# takes arrows and letters pressed on a list for its own (x cuts the cell): not here. The handle of
# a slider has no name, and that of a `SelectionSlider` tells the number of its position: it takes
# the name and the value that stand beside it, and so does the field to type the value in.
_MAKE_ACCESSIBLE = """
(function prepare(image, tries) {
    const control = image.closest('.series-control');
    const inputs = control?.querySelectorAll('select, .noUi-handle') ?? [];
    if (inputs.length < INPUTS) {  // not all of them are drawn yet
        if (tries) setTimeout(prepare, 100, image, tries - 1);
        return;
    }
    for (const input of inputs) input.setAttribute('data-lm-suppress-shortcuts', '');
    for (const slider of control.querySelectorAll('.widget-slider')) {
        const [name, bar, handle, readout] =
            ['.widget-label', '.slider', '.noUi-handle', '.widget-readout']
                .map(kind => slider.querySelector(kind));
        const say = () => {
            handle.ariaValueText = readout.textContent;
            handle.ariaDisabled = bar.hasAttribute('disabled');
        };
        const changes = new MutationObserver(say);
        changes.observe(readout, {childList: true});
        changes.observe(bar, {attributeFilter: ['disabled']});
        readout.setAttribute('role', 'textbox');
        readout.ariaLabel = handle.ariaLabel = name.textContent;
        say();
    }
})(this, 100)
"""
# ipywidgets marks the focus by a tint or a border of one pixel, and forbids lists an outline.
_VISIBLE_FOCUS = f"""
.series-control :is([role=slider], [role=textbox], select):focus-visible
{{ outline: 3px solid {plots.MEMORY} !important; outline-offset: 2px; }}
"""


def _background(png, inputs):
    """What stands still, for the eye only: the SVG over it carries the words."""
    return (
        f"<style>{_VISIBLE_FOCUS}</style>"
        f'<img alt="" src="data:image/png;base64,{base64.b64encode(png).decode()}" '
        f'style="display:block;width:100%" '
        f'onload="{html.escape(_MAKE_ACCESSIBLE.replace("INPUTS", str(inputs)))}">'
    )


def _stacked():
    """Layout of a child that shares the one cell of the picture."""
    return widgets.Layout(grid_area="picture", width="100%", height="auto", margin="0", padding="0")
