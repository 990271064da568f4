"""The record of a machine: ours or the reader's own, and a second one laid over it."""

import html
from pathlib import PurePath

import ipywidgets as widgets

from helpers.controls.control import Control
from helpers.controls.inputs import choice
from helpers.measure.record import read_record, shipped
from helpers.pictures.machine import (
    bandwidth_axes,
    batch_axes,
    chunk_axes,
    own_roofline_axes,
    peak_axes,
    speedup_axes,
)
from helpers.scenes.machine import (
    CURVES,
    SPEEDUPS,
    STREAMS,
    bandwidth_scene,
    batch_scene,
    chunk_scene,
    laid_over,
    own_roofline_scene,
    peak_scene,
    speedup_cases,
    speedup_scene,
)
from helpers.scenes.marks import Scene

LONGEST_NAME = 40


class RecordControl(Control):
    """What was measured on a machine, and on a second one in grey.

    Upload a record of your own, made by `helpers.measure.record.save_record`: it comes first, and
    what was first is laid over it. A file that is no record is refused with the reason, and the
    picture stays as it was.

    Parameters
    ----------
    first, second : str
        The first choices: names of shipped records; `second` may be "none".
    """

    follows_inputs = True
    NONE = "none"
    ONE, ALL = "β, one thread", "β, all threads"
    PEAKS, ROOFLINE, BATCHES = "π by threads", "the roofline", "a layer by batch"
    PARTS, LINK, COPY = "two parts", "overlap with a link", "overlap with a copy"
    LOOKS = (ONE, ALL, PEAKS, ROOFLINE, BATCHES, PARTS, LINK, COPY)

    def __init__(self, first="xeon-2", second=NONE):
        self.records = shipped()
        for name, value, more in (("first", first, []), ("second", second, [self.NONE])):
            if value not in (allowed := [*self.records, *more]):
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")
        self.upload = widgets.FileUpload(
            accept=".json", description="Upload a record", layout={"width": "max-content"}
        )
        self.message = widgets.HTML()
        self.upload.observe(self._uploaded, names="value")
        super().__init__(
            self.upload,
            self.message,
            what=choice("look at", self.LOOKS, self.ROOFLINE),
            first=choice("machine", self.records, first),
            second=choice("in grey", [self.NONE, *self.records], second),
        )

    def axes(self, ax):
        """Axes that hold what is chosen."""
        what = self.value("what")
        if what == self.PARTS:
            return speedup_axes(self.scene(), self._cases(), ax=ax)
        drawn = {
            self.PEAKS: peak_axes,
            self.ROOFLINE: own_roofline_axes,
            self.BATCHES: batch_axes,
            self.LINK: chunk_axes,
            self.COPY: chunk_axes,
        }
        return drawn.get(what, bandwidth_axes)(self.scene(), ax=ax)

    def scene(self):
        first, second = self._chosen()
        scene, machine = self._scene_of(first), self.records[first].machine
        told = f"{first} ({machine.cpu}, cores: {machine.cores}): {scene.sentence}"
        scene = Scene(scene.marks, told)
        return laid_over(scene, self._scene_of(second, grey=True), second) if second else scene

    def _chosen(self):
        """Names of the first record and of the second, which is None if there is none to see."""
        first, second = self.value("first"), self.value("second")
        return first, None if second in (first, self.NONE) else second

    def _cases(self):
        return speedup_cases(*(self.records[name].speedups for name in self._chosen() if name))

    def _scene_of(self, name, grey=False):
        """What is chosen of a record; less of it if that is laid over another in grey."""
        record, what, alone = self.records[name], self.value("what"), not self._chosen()[1]
        match what:
            case self.PEAKS:
                return peak_scene(record.peaks)
            case self.ROOFLINE:
                return own_roofline_scene(record.roofline, points=not grey)
            case self.BATCHES:
                return batch_scene(record.roofline)
            case self.PARTS:
                kinds = ["measured"] if grey else SPEEDUPS
                return speedup_scene(record.speedups, self._cases(), kinds)
            case self.LINK | self.COPY:
                loader = "link" if what == self.LINK else "copy"
                return chunk_scene(record.overlaps, loader, ["predicted"] if grey else CURVES)
        # Of two records only what β is: six lines would be too many.
        threads = max([row.threads for row in record.bandwidths if what == self.ALL], default=1)
        operations, caches = (STREAMS, record.machine.caches) if alone else (["read"], {})
        return bandwidth_scene(record.bandwidths, threads, caches, operations)

    def _stand(self):
        standing = super()._stand()
        self.shown = self.value("what"), *self._chosen()
        return standing

    def _redraw(self):
        if self.shown != (self.value("what"), *self._chosen()):
            self.background.value = self._stand()
        super()._redraw()

    def _uploaded(self, change):
        if not change.new:
            return
        (file,) = change.new
        try:
            record, said = read_record(bytes(file["content"]), file["name"]), ""
        except ValueError as error:
            said = f"This file was not taken: {error}. The picture is as it was."
        else:
            self._put_first(PurePath(file["name"]).stem[:LONGEST_NAME], record)
        self.message.value = f'<div role="alert">{html.escape(said)}</div>'
        self.upload.value = ()  # so that the same file can be sent again

    def _put_first(self, name, record):
        """Show a record of the reader's, and in grey what was shown before."""
        before = self.value("first")
        while name in self.records or name == self.NONE:
            name += " (yours)"
        self.records[name] = record
        for which, more, value in (("second", [self.NONE], before), ("first", [], name)):
            self.inputs[which].options = [*more, *self.records]
            self.inputs[which].value = value
