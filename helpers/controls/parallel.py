"""Data-parallel training with sliders."""

from helpers.budget import training_work
from helpers.catalog import rows
from helpers.controls.control import Control
from helpers.controls.inputs import choice, device_peaks, log_slider, slider
from helpers.networks import offered
from helpers.scenes.marks import Scene
from helpers.scenes.parallel import engine_scene
from helpers.schemas import INTERCONNECTS


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
        self.links = {row["name"]: row["one_way"] for row in rows(INTERCONNECTS)}
        self.peaks = device_peaks("fp32", "fp16", "bf16")
        super().__init__(
            network=choice("network", self.networks, "VGG-16"),
            device=choice("device", self.peaks, "V100-SXM2 fp32"),
            fraction=slider("of peak", 0.6, 0.01, 1, 0.01, ".0%"),
            machines=log_slider("machines of 8 devices", machines, 1, 128, whole=True),
            link=choice("link inside", self.links, "NVLink 2 (V100)"),
            port=choice("port of a machine", self.links, "10 GbE"),
            batch=log_slider("batch of each device", batch, 1, 1000, whole=True),
            overlap=slider("overlap", 0.5, 0, 1, 0.05, ".2f"),
        )

    def axes(self, ax):
        from helpers.pictures.parallel import engine_axes

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
