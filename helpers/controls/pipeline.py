"""The dial from serial to roofline."""

import ipywidgets as widgets

from helpers.controls.control import Control
from helpers.controls.inputs import choice, log_slider, slider
from helpers.scenes.pipeline import overlap_scene, timeline_scene


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
            store=slider("store time / load time", 0, 0, 1, 0.1, ".1f"),
            buffers=choice("buffers", [3, 2, 1]),
        )

    def draw_all(self, figure):
        from helpers.pictures.pipeline import overlap_axes, timeline_axes

        roof, timeline = figure.subplots(2, 1, height_ratios=(3, 1))
        # The longest run: loading takes 1 s, storing at most 1 s and computing at most 10 s.
        return [overlap_axes(roof), timeline_axes(timeline, 12.0)]

    def scenes(self):
        names = ("balance", "s", "chunks", "store", "buffers")
        balance, s, chunks, store, buffers = map(self.value, names)
        return [
            overlap_scene(balance, s, chunks, store, buffers),
            timeline_scene(1.0, balance / s, chunks, store, buffers),
        ]
