"""The time of a training run with sliders."""

import ipywidgets as widgets

from helpers.budget import IMAGENET_IMAGES, training_work
from helpers.catalog import rows
from helpers.controls.control import Control
from helpers.controls.inputs import choice, device_peaks, log_slider, slider
from helpers.networks import offered
from helpers.scenes.budget import training_scene
from helpers.scenes.marks import Scene
from helpers.schemas import RUNS


class TrainingControl(Control):
    """The time of an ImageNet training run: network, epochs, devices and achieved fraction.

    Published runs of the same network and number of epochs stand beside it.
    """

    def __init__(self):
        self.networks = {name: build() for name, build in offered("budget").items()}
        self.published = rows(RUNS)
        self.peaks = device_peaks("fp32", "fp16", "bf16")
        super().__init__(
            network=choice("network", self.networks),
            epochs=widgets.IntSlider(90, min=1, max=300, description="epochs"),
            device=choice("device", self.peaks, "H100-SXM fp16"),
            devices=log_slider("number of devices n", 1, 1, 1000, whole=True),
            fraction=slider("of peak", 0.25, 0.01, 1, 0.01, ".0%"),
        )

    def axes(self, ax):
        from helpers.pictures.budget import training_axes

        return training_axes(ax)

    def scene(self):
        network, epochs = self.value("network"), self.value("epochs")
        work = training_work(self.networks[network].forward_work, IMAGENET_IMAGES, epochs)
        scene = training_scene(
            work,
            self.peaks[self.value("device")],
            self.value("devices"),
            self.value("fraction"),
            [
                (
                    run["run"],
                    run["devices"] * self.peaks[f"{run['device']} {run['precision']}"],
                    run["time"],
                )
                for run in self.published
                if network.startswith(run["network"]) and run["epochs"] == epochs
            ],
        )
        return Scene(
            scene.marks, f"{network}, {epochs} epoch{'s' * (epochs > 1)}: {scene.sentence}"
        )
