"""A transformer split over devices, with sliders."""

import math

import ipywidgets as widgets

from helpers.catalog import rows
from helpers.controls.control import Control
from helpers.controls.inputs import choice
from helpers.scenes.marks import Scene
from helpers.scenes.transformers import memory_scene, seconds_scene
from helpers.schemas import DEVICES, INTERCONNECTS
from helpers.splits import Cluster, Split, split_step
from helpers.transformers import TRANSFORMERS
from helpers.words import short


class TransformerControl(Control):
    """A step of a transformer on data x tensor x stages devices: does it fit, and what binds?

    Nodes have 8 devices with the links of their own, and a port to the network for each. A device
    alone computes at 60 % of its BF16 peak, and half of the exchange between data-parallel devices
    is hidden (half of the computing, if that is shorter). Adam keeps 16 B for each parameter, and
    12 B for each word's score while the loss is computed. Where a transformer has fewer heads,
    layers or positions than are asked for, the largest number is taken that it has room for. All
    else is that of `helpers.splits`.

    Parameters
    ----------
    transformer : str
        First transformer, a decoder of `TRANSFORMERS`.
    device : str
        First device, with a BF16 peak.
    """

    size = (6.5, 4.4)
    PER_NODE, FRACTION, OVERLAP = 8, 0.6, 0.5
    AGAIN = {"nothing": 0, "activation function": 1, "whole layers": 2}

    def __init__(self, transformer="Llama 3.1 8B", device="H100-SXM"):
        self.devices = {
            row["key"]: row
            for row in rows(DEVICES)
            if all(math.isfinite(row[n]) for n in ("peak_bf16", "memory", "link_bandwidth"))
        }
        self.ports = {  # of a device each: those of a whole machine are left out
            row["name"]: row["one_way"]
            for row in rows(INTERCONNECTS)
            if "ports" not in row["basis"]
        }
        names = [name for name, which in TRANSFORMERS.items() if which.kind == "decoder"]
        super().__init__(
            transformer=choice("transformer", names, transformer),
            device=choice("device", self.devices, device),
            port=choice("port of each device", self.ports, "InfiniBand NDR 4x"),
            data=_powers("split the data over", 8, 1, 1024),
            tensor=_powers("share each layer among", 1, 1, 16),
            stages=_powers("stages", 1, 1, 16),
            batch=_powers("sequences at once b", 1, 1, 32),
            chunks=_powers("one after the other M", 1, 1, 64),
            sequence=_powers("tokens in a sequence T", 8192, 512, 131072),
            zero=choice("ZeRO stage", range(4), 0),
            again=choice("compute again", self.AGAIN),
        )

    def draw_all(self, figure):
        from helpers.pictures.transformers import part_axes

        return list(part_axes(figure.subplots(2, 1)))

    def scenes(self):
        transformer = TRANSFORMERS[self.value("transformer")]
        sequence = self.value("sequence")
        if transformer.positions:
            sequence = min(sequence, transformer.positions)
        device = self.devices[self.value("device")]
        cluster = Cluster(
            device["peak_bf16"],
            device["memory"],
            device["link_bandwidth"],
            self.PER_NODE * self.ports[self.value("port")],
            self.PER_NODE,
        )
        split = Split(
            self.value("batch"),
            self.value("chunks"),
            self.value("data"),
            min(self.value("tensor"), _power(transformer.heads)),
            min(self.value("stages"), _power(transformer.layers)),
            self.value("zero"),
            self.AGAIN[self.value("again")],
        )
        step = split_step(transformer, sequence, cluster, split, self.FRACTION, self.OVERLAP)
        memory, seconds = memory_scene(step.memory, cluster.memory), seconds_scene(step)
        many = "s" * (split.sequences > 1)
        intro = (
            f"{transformer.name} on {split.devices} {device['key']}, {split.sequences} "
            f"sequence{many} of {sequence} tokens in a step."
        )
        speed = short(split.sequences * sequence / step.seconds.total / split.devices)
        return [
            Scene(memory.marks, f"{intro} {memory.sentence}"),
            Scene(seconds.marks, f"{seconds.sentence} Each device takes {speed} tokens a second."),
        ]


def _power(most):
    """The largest power of two up to `most`: of 12 heads 8 are shared out, when 16 are asked."""
    return 1 << most.bit_length() - 1


def _powers(description, value, low, high):
    """A slider over the powers of two from `low` to `high`."""
    options = [2**power for power in range(low.bit_length() - 1, high.bit_length())]
    return widgets.SelectionSlider(options=options, value=value, description=description)
