"""Amdahl's law with sliders."""

from helpers.amdahl import compute_fraction
from helpers.controls.control import Control
from helpers.controls.inputs import choice, log_slider, slider
from helpers.scenes.amdahl import speedup_scene


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
            source=choice("start from", [self.DIRECT, self.FROM_MACHINE]),
            p=slider("p", p, 0, 1, 0.001, ".3f"),
            intensity=log_slider("intensity I (flop/B)", 157, 0.1, 1000),
            bandwidth=log_slider("bandwidth β (GB/s)", 900, 50, 1e4),
            peak=log_slider("peak π (Tflop/s)", 15.7, 1, 2000),
            s=log_slider("speed-up s", s, 1, 1000),
            r=log_slider("bandwidth loss r", r, 1, 16),
        )

    def axes(self, ax):
        from helpers.pictures.amdahl import speedup_axes

        return speedup_axes(ax)

    def scene(self):
        p = self.value("p")
        if self.value("source") == self.FROM_MACHINE:
            p = compute_fraction(
                self.value("intensity"), 1e12 * self.value("peak"), 1e9 * self.value("bandwidth")
            )
        return speedup_scene(p, self.value("r"), self.value("s"))

    def _redraw(self):
        from_machine = self.value("source") == self.FROM_MACHINE
        self.inputs["p"].disabled = from_machine
        for name in ("intensity", "bandwidth", "peak"):
            self.inputs[name].disabled = not from_machine
        super()._redraw()
