"""A roofline with sliders."""

from helpers.controls.control import Control
from helpers.controls.inputs import log_slider
from helpers.scenes.marks import Scene
from helpers.scenes.roofline import roofline_scene, units_used


class RooflineControl(Control):
    """A roofline with sliders for peak, bandwidth and the intensity of each task.

    Parameters
    ----------
    tasks : dict, optional
        Name of each task and its first intensity, flop/B, from 0.1 to 1000; two tasks if None.
    peak, bandwidth : float
        First values, flop/s (1e12 to 2e15) and B/s (5e10 to 1e13).
    """

    def __init__(self, tasks=None, peak=15.7e12, bandwidth=900e9):
        self.tasks = tasks or {"I₁": 2, "I₂": 100}
        super().__init__(
            peak=log_slider("peak π (Tflop/s)", peak / 1e12, 1, 2000),
            bandwidth=log_slider("bandwidth β (GB/s)", bandwidth / 1e9, 50, 1e4),
            **{
                f"intensity{number}": log_slider(f"{task} (flop/B)", intensity, 0.1, 1000)
                for number, (task, intensity) in enumerate(self.tasks.items(), start=1)
            },
        )

    def axes(self, ax):
        from helpers.pictures.roofline import roofline_axes

        return roofline_axes(ax)

    def scene(self):
        peak, bandwidth = 1e12 * self.value("peak"), 1e9 * self.value("bandwidth")
        tasks = {
            task: self.value(f"intensity{number}")
            for number, task in enumerate(self.tasks, start=1)
        }
        scene = roofline_scene(peak, bandwidth, tasks)
        uses = [
            f"{task} {units_used(intensity, peak, bandwidth)}" for task, intensity in tasks.items()
        ]
        return Scene(scene.marks, f"{scene.sentence} {'; '.join(uses)}.")
