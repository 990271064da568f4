"""Data-parallel training with sliders."""

import ipywidgets as widgets

from helpers.budget import training_work
from helpers.catalog import interconnects
from helpers.controls.control import Control
from helpers.controls.inputs import device_peaks, log_slider
from helpers.networks import offered
from helpers.pictures.parallel import engine_axes
from helpers.scenes.marks import Scene
from helpers.scenes.parallel import engine_scene


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
        self.networks = {name: build() for name, build in offered("parallel").items()}
        self.links = dict(interconnects()["one_way"])
        self.peaks = device_peaks("fp32", "fp16", "bf16")
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
        return engine_axes(ax)

    def scene(self):
        network = self.networks[self.value("network")]
        scene = engine_scene(
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
