"""A reader's scaling table: pasted, uploaded or edited, and fitted at once."""

import html
import math
from functools import lru_cache

import ipywidgets as widgets

from helpers.controls.control import Control
from helpers.controls.inputs import choice
from helpers.published import scaling_tables
from helpers.scaling import KINDS, fit_scaling
from helpers.scaling_table import as_text, read_table
from helpers.scaling_words import sentences
from helpers.scenes.marks import Scene
from helpers.scenes.scaling import scaling_limits, scaling_scene

AHEAD = (1.25, 1.5, 2, 2.5, 3, 4)  # times the largest count


class ScalingControl(Control):
    """A scaling table of your own: the law that it obeys, and what that says of larger counts.

    Paste two columns, devices and throughput or time, over the table, or upload them as a file.
    The dots are the runs, the curve is the chosen law, the thin lines hold a further run, the
    diamonds are the two runs that would tell most. A table that cannot be read in one way only is
    kept, its fault is named below it, and nothing is drawn.

    Parameters
    ----------
    table : str
        The first table, one of `published.scaling_tables`.
    """

    follows_inputs = True
    HEAD, UNTOLD = "as its head says", "not told"
    MODES = {"the batch on each device (weak)": "weak", "the job (strong)": "strong"}

    def __init__(self, table="TensorFlow 2.3 AMP b128"):
        tables = scaling_tables()
        if table not in tables:
            raise ValueError(f"table must be one of {', '.join(tables)}, got {table!r}")
        first = tables[table]
        rows = zip(first["devices"], first["values"], strict=True)
        lines = [f"devices,{first['kind']}", *(f"{n},{value:.10g}" for n, value in rows)]
        wide = widgets.Layout(width="650px", max_width="calc(100% - 4px)", height="auto")
        self.table = widgets.Textarea(
            "\n".join(lines), description="your table", rows=8, continuous_update=False, layout=wide
        )
        self.upload = widgets.FileUpload(
            accept=".csv,.tsv,.txt,.md",
            description="Upload a file",
            layout={"width": "max-content"},
        )
        self.button = widgets.Button(description="Fit this table")
        self.message, self.report = widgets.HTML(), widgets.HTML()
        self.refused, self.limits = "", ((1, 1), 1.0)
        for watched, redraw in ((self.table, self._edited), (self.upload, self._uploaded)):
            watched.observe(redraw, names="value")
        self.button.on_click(self._edited)
        nodes = [self.UNTOLD, *(2**power for power in range(11))]
        super().__init__(
            self.table,
            self.upload,
            self.button,
            self.message,
            kind=choice("the values are", [self.HEAD, *KINDS]),
            mode=widgets.Dropdown(
                options=self.MODES, value=first["mode"], description="what is fixed"
            ),
            per_node=widgets.SelectionSlider(
                options=nodes, value=self.UNTOLD, description="devices in a machine"
            ),
            ahead=widgets.SelectionSlider(
                options=[(f"{times:g} times the largest run", times) for times in AHEAD],
                value=2,
                description="predict",
            ),
        )
        self.children = (*self.children, self.report)

    def fitted(self):
        """The fit of the present table, None if there is none, and what is wrong with it."""
        if self.refused:
            return None, self.refused
        values = (self.value(name) for name in ("kind", "mode", "per_node"))
        try:
            return _fitted(self.table.value, *values), ""
        except ValueError as error:
            return None, str(error)

    def axes(self, ax):
        """Axes that hold the present table."""
        from helpers.pictures.scaling import scaling_axes

        fit = self.fitted()[0]
        self.limits = scaling_limits(fit) if fit else self.limits
        return scaling_axes(*self.limits, ax=ax)

    def scene(self):
        fit = self.fitted()[0]
        if fit is None:
            return Scene([], "No picture: the table cannot be fitted as it stands. See below it.")
        return scaling_scene(fit, _count(fit.devices[-1], self.value("ahead")))

    def _redraw(self):
        fit, problem = self.fitted()
        self.message.value = f'<div role="alert">{html.escape(problem)}</div>'
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in (sentences(fit) if fit else ()))
        self.report.value = f"<ul>{lines}</ul>"
        if fit and scaling_limits(fit) != self.limits:
            self.background.value = self._stand()
        super()._redraw()

    def _edited(self, _):
        self.refused = ""
        self._redraw()

    def _uploaded(self, change):
        if not change.new:
            return
        (file,) = change.new
        try:
            self.table.value, self.refused = as_text(bytes(file["content"])), ""
        except ValueError as error:
            self.refused = f"{file['name']} was not taken: {error}. Your table is as it was."
        self.upload.value = ()  # so that the same file can be sent again
        self._redraw()


def _count(largest, times):
    """A whole number of devices so many times the largest count."""
    return float(math.ceil(times * largest))


@lru_cache(maxsize=64)
def _fitted(text, kind, mode, per_node):
    table = read_table(text)
    kinds = {table.kind, None if kind == ScalingControl.HEAD else kind} - {None}
    if not kinds:
        raise ValueError(
            "row 1: the head must say what the values are, got none of throughput, time and per "
            "device: choose it below"
        )
    if len(kinds) > 1:
        raise ValueError(
            f"row 1: the head must say what is chosen below, got {table.kind} for {kind}"
        )
    largest = table.devices[-1]
    ahead = tuple(_count(largest, times) / largest for times in AHEAD)
    told = None if per_node == ScalingControl.UNTOLD else per_node
    try:
        return fit_scaling(
            table.devices, table.values, kinds.pop(), mode, per_node=told, ahead=ahead
        )
    except ValueError as error:
        raise ValueError(f"Of the rows in order of devices, {error}") from None
