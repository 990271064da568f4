"""What tests and benchmarks of plots and controls run on: all that there are, found by walking.

A control can be made without arguments, so that a new one is here by itself. A plot needs something
to plot: that stands in `EXAMPLES`, once for all tests.
"""

import importlib
import inspect
import itertools
import pkgutil
import random

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import SelectionSlider
from matplotlib.figure import Figure

from engine_rows import record
from helpers import pictures
from helpers.catalog import devices
from helpers.controls import every_control
from helpers.controls.inputs import positions
from helpers.measure.record import shipped
from helpers.networks import resnet, vgg
from helpers.published import resnet_runs
from helpers.scaling import fit_scaling
from helpers.splits import Cluster, Split, split_step
from helpers.transformers import TRANSFORMERS

CONTROLS = {kind.__name__: kind for kind in every_control()}
SUBJECTS = [
    importlib.import_module(f"{pictures.__name__}.{module.name}")
    for module in pkgutil.iter_modules(pictures.__path__)
]
PLOTS = {
    name: plot
    for subject in SUBJECTS
    for name, plot in vars(subject).items()
    if name.startswith("plot_") and plot.__module__ == subject.__name__
}
DEVICES, FP32 = devices(), {"FP32": "peak_fp32"}
FOREIGN = {  # what a reader may have in a matplotlibrc
    **plt.style.library["dark_background"],
    "text.usetex": True,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "font.size": 24,
    "figure.dpi": 50,
    "axes.grid": True,
}
TABLE = fit_scaling([1, 2, 4, 8], [10, 18.2, 30.8, 47.1])
RECORDS = shipped()
OURS = RECORDS["xeon-2"]
SERIES = {"one": (np.array([1, 2, 4]), np.array([1, 1.8, 3.0]))}
ENGINES = record()
NODES = Cluster(989e12, 80e9, 450e9, 400e9)
STEP = split_step(TRANSFORMERS["Llama 3.1 8B"], 8192, NODES, Split(1, 4, 4, 2, 2, 1, 2))
EXAMPLES = {
    "plot_layers": dict(network=resnet(18)),
    "plot_step_ratios": dict(models=["a", "b", "a"], ratios=[2.9, 3.1, 3.3]),
    "plot_machine": {},
    "plot_devices": dict(table=DEVICES, precisions=FP32),
    "plot_ridges": dict(table=DEVICES, precisions=FP32, path=["K20", "V100-SXM2"]),
    "plot_roofline": dict(peak=8, bandwidth=4, tasks={"task": 1}, before=(4, 4)),
    "plot_kernels": dict(peak=8, bandwidth=4, groups={"one": [1, 9], "two": [2]}),
    "plot_speedup": dict(p=0.9, r=2, s=9),
    "plot_overlap": dict(chunks=[1, 2]),
    "plot_timeline": dict(load=4, compute=6, chunks=3),
    "plot_links": dict(peak=8.0, links={"near": 4.0, "far": 1.0}, tasks={"job": 3}),
    "plot_two_levels": {},
    "plot_efficiency": dict(measured=SERIES, modelled=(np.array([1, 2, 4]), [1, 0.9, 0.8])),
    "plot_splits": dict(networks=[vgg(16), resnet(50)], batch=256),
    "plot_scaling": dict(measured=SERIES, modelled=SERIES),
    "plot_fit": dict(fit=TABLE, count=16.0, further=[(32, 70.0)]),
    "plot_foretold": dict(errors={"one": (0.1, -0.02), "two": (0.3, 0.0)}, named=["one"]),
    "plot_bandwidths": dict(rows=OURS.bandwidths, caches=OURS.machine.caches),
    "plot_peaks": dict(rows=OURS.peaks),
    "plot_own_roofline": dict(roofline=OURS.roofline),
    "plot_batches": dict(roofline=OURS.roofline),
    "plot_speedups": dict(rows=OURS.speedups),
    "plot_overlaps": dict(rows=OURS.overlaps),
    "plot_two_records": dict(records={"ours": OURS, "other": RECORDS["epyc-2"]}),
    "plot_reductions": dict(reductions=ENGINES.reductions, links=ENGINES.links),
    "plot_steps": dict(steps=ENGINES.steps),
    "plot_parts": dict(step=STEP, room=80e9),
    "plot_attention_share": dict(
        lengths=[1024, 4096, 16384], counted={"all": [0.1, 0.3, 0.6]}, printed={4096: 0.31}
    ),
    "plot_layer_roofs": dict(machines={"near": (8, 4), "far": (16, 4)}, tasks={"part": 3}),
    "plot_plan": dict(devices=[1, 2], best=[2, 1], worst=[4, 3], deadline=3),
    "plot_runs": dict(runs=resnet_runs(), years=DEVICES["year"], ideal=["M40"]),
}


def drawn(name, elsewhere=True):
    """The Axes of the example of a plot: handed to it, or of a figure that it makes itself."""
    plot, where = PLOTS[name], {}
    if elsewhere:
        panels = "axes" in inspect.signature(plot).parameters
        where = {"axes": Figure().subplots(1, 2)} if panels else {"ax": Figure().add_subplot()}
    axes = plot(**EXAMPLES[name], **where)
    for given in where.values():
        assert axes is given
    return list(np.ravel(axes))


def finest(control):
    """Name of the slider with the most round positions, of those that can be moved, or None."""
    counts = {
        name: len(widget.options)
        for name, widget in control.inputs.items()
        if isinstance(widget, SelectionSlider) and not widget.disabled
    }
    return max(counts, key=counts.get, default=None)


def places(control):
    """Places of the inputs of a control, as tuples of values in the order of the inputs.

    Its corners have every input at its first or its last position, of more than 512 a sample; its
    edges have any two inputs at their first, middle or last, while the others stand together at
    their first, at their last, or where they are now.
    """
    starts = tuple(widget.value for widget in control.inputs.values())
    choices = []
    for widget in control.inputs.values():
        values = positions(widget)
        choices.append((values[0], values[len(values) // 2], values[-1]))
    firsts, _, lasts = zip(*choices, strict=True)
    corners = list(itertools.product(*zip(firsts, lasts, strict=True)))
    if len(corners) > 512:
        corners = random.Random(20261129).sample(corners, 512)
    found = dict.fromkeys(corners)
    for one, two in itertools.combinations(range(len(starts)), 2):
        for others in (starts, firsts, lasts):
            for at_one, at_two in itertools.product(choices[one], choices[two]):
                place = list(others)
                place[one], place[two] = at_one, at_two
                found[tuple(place)] = None
    return list(found)


def walk(control):
    """Put the inputs of a control at each of its places in turn; yield before anything is drawn."""
    for place in places(control):
        control._redraw = lambda: None  # not at every input on the way
        for widget, value in zip(control.inputs.values(), place, strict=True):
            widget.value = value
        del control._redraw
        yield place
