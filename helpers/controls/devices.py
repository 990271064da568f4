"""The roofs of the catalog's devices."""

from helpers.catalog import rows
from helpers.controls.control import Control
from helpers.controls.inputs import choice, device_peaks, log_slider
from helpers.scenes.marks import Scene
from helpers.scenes.roofline import roofline_scene, units_used
from helpers.schemas import DEVICES
from helpers.words import si


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
        bandwidths = {row["key"]: row["bandwidth"] for row in rows(DEVICES)}
        self.machines = {
            name: (peak, bandwidths[name.split()[0]])
            for name, peak in device_peaks("fp64", "fp32", "tf32", "fp16", "bf16", "fp8").items()
        }
        if device not in self.machines:
            choices = ", ".join(self.machines)
            raise ValueError(f"device must be one of {choices}, got {device!r}")
        super().__init__(
            device=choice("device, precision", self.machines, device),
            intensity=log_slider("intensity I (flop/B)", intensity, 0.1, 1000),
        )

    def axes(self, ax):
        from helpers.pictures.roofline import roofline_axes

        return roofline_axes(ax)

    def scene(self):
        device, intensity = self.value("device"), self.value("intensity")
        peak, bandwidth = self.machines[device]
        scene = roofline_scene(peak, bandwidth, {"the task": intensity})
        return Scene(
            scene.marks,
            f"{device}: π = {si(peak, 'flop/s')}, β = {si(bandwidth, 'B/s')}. "
            f"{scene.sentence} It {units_used(intensity, peak, bandwidth)}.",
        )
