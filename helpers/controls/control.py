"""The base of all controls: inputs and a picture that follows them.

matplotlib draws once what stands still (axes, ticks, labels). What moves is a small SVG over it,
made from the marks of a scene, so every number in it comes from the models. A step of a slider
therefore costs one short text, not a new picture.

Whatever needs matplotlib imports it where it draws: a page (`helpers.live`) has none, and shows
what stands still as it was drawn when the page was made.
"""

import gc
import math

import ipywidgets as widgets
from IPython import get_ipython

from helpers.controls.page import background
from helpers.controls.places import Frame
from helpers.controls.svg import drawing, svg
from helpers.scenes.marks import PIXELS_PER_INCH, SIZE

PREPARED = {}  # what `Control.standing` gave, by the name of a class that draws nothing else


class Control(widgets.VBox):
    """A group of inputs over a picture; the base of all controls.

    Subclasses say what stands still (`axes`, a function that draws it on an Axes) and what moves
    (`scene`). The sentence of the scene stands under the picture and is read aloud with it. A
    control of several pictures overrides `draw_all` and `scenes` in their place. Each can be made
    without arguments: so do the tests and benchmarks, which find them all (`every_control`).

    Parameters
    ----------
    *fields : ipywidgets widget
        What stands above the inputs, such as a text; the subclass watches it.
    **inputs : ipywidgets widget
        Each with a `value`; kept as ``self.inputs[name]``. Any change redraws.
    """

    size = SIZE
    follows_inputs = False  # whether what stands still changes with the inputs

    def __init__(self, *fields, **inputs):
        self.inputs = inputs
        self.background = widgets.HTML(self._stand(), layout=_stacked())
        self.moving = widgets.HTML(layout=_stacked())
        # As wide as the picture is drawn, or as the page less margins where that is less.
        wide = dict(width=f"{PIXELS_PER_INCH * self.size[0]:.0f}px", max_width="calc(100% - 4px)")
        areas = dict(grid_template_areas='"picture"', grid_template_columns="minmax(0, 1fr)")
        picture = widgets.GridBox(
            [self.background, self.moving],
            layout=widgets.Layout(overflow="hidden", **areas, **wide),
        )
        self._redraw()
        for name, widget in inputs.items():
            widget.observe(self._changed, names="value")
            widget.style.description_width = "13em"
            widget.layout.width, widget.layout.max_width = wide["width"], wide["max_width"]
            widget.tooltip = ""  # without one, ipywidgets shows "null"
            widget.add_class(f"input-{name}")
        super().__init__([*fields, *inputs.values(), picture])
        self.add_class("series-control")
        _replace_those_of_the_last_run(self)

    def scene(self):
        """The `Scene` for the present values."""
        raise NotImplementedError

    def draw_all(self, figure):
        """Draw on `figure` what does not move; return its Axes."""
        return [self.axes(figure.add_subplot())]

    def scenes(self):
        """A `Scene` for each of the Axes, for the present values."""
        return [self.scene()]

    @property
    def sentence(self):
        """What the picture says now, in words."""
        return _sentence(self.scenes())

    def value(self, name):
        """Present value of an input."""
        return self.inputs[name].value

    def _changed(self, change):
        # Sliders clamp what is out of range, but NaN passes every comparison: put it back.
        if isinstance(change.new, float) and not math.isfinite(change.new):
            change.owner.value = change.old
        else:
            self._redraw()

    def _redraw(self):
        scenes = self.scenes()
        marks = zip(self._frames, self._arranged(scenes), strict=True)
        self.moving.value = svg(self.size, "".join(map(drawing, marks)), _sentence(scenes))

    def close(self):
        """Close the control with all its parts, and let go of what they hold."""
        if self.children:  # not closed yet
            for part in (*_parts(self), self):
                part.layout.close()
                if part.has_trait("style"):
                    part.style.close()
                if part is not self:
                    part.close()
            self.children = ()
        super().close()
        for name in [name for name in vars(self) if not name.startswith("_")]:
            delattr(self, name)

    def _stand(self):
        """What stands still, drawn anew; for a subclass whose axes follow its inputs too."""
        picture, self._frames = PREPARED.get(type(self).__name__) or self.standing()
        return background(picture, len(self.inputs))

    def standing(self):
        """What stands still: its PNG, bytes, and the `Frame` of each of its Axes."""
        from helpers.pictures.drawing import png

        figure, axes = self._standing()
        return png(figure, scale=2), list(map(Frame.of, axes))

    def _standing(self):
        from helpers.pictures.drawing import laid_out

        return laid_out(self.size, self.draw_all)

    def _arranged(self, scenes):
        """The marks of each scene where they can be seen."""
        taken = []
        pairs = zip(self._frames, scenes, strict=True)
        return [frame.arrange(scene.marks, taken) for frame, scene in pairs]

    def _repr_mimebundle_(self, **kwargs):
        """The live control, and beside it a still picture for pages without a kernel."""
        from helpers.pictures.drawing import draw, still

        scenes = self.scenes()
        figure, axes = self._standing()
        for ax, marks in zip(axes, self._arranged(scenes), strict=True):
            draw(ax, marks)
        data, metadata = still(figure, _sentence(scenes))
        return {**super()._repr_mimebundle_(**kwargs), **data}, metadata


_shown = {}  # for each cell of the notebook: its last run, and the controls made there


def _replace_those_of_the_last_run(control):
    """Close what the same cell made when it was run before: the page has dropped it, Out has not.

    A hundred runs would otherwise fill some 50 MB. The frontend says which cell runs; where it
    does not, nothing is closed.
    """
    request = getattr(get_ipython(), "parent_header", {})
    if cell := request.get("metadata", {}).get("cellId"):
        run = request["header"]["msg_id"]
        last, before = _shown.get(cell, (None, []))
        if last != run:
            _shown[cell] = run, []
            for old in before:
                old.close()
            gc.collect()  # figures point to themselves, so that nothing else frees them soon
        _shown[cell][1].append(control)


def _parts(box):
    """Whatever stands in a box, and in the boxes in it."""
    for child in box.children:
        yield child
        yield from _parts(child) if isinstance(child, widgets.Box) else ()


def _sentence(scenes):
    return " ".join(scene.sentence for scene in scenes)


def _stacked():
    """Layout of a child that shares the one cell of the picture."""
    return widgets.Layout(grid_area="picture", width="100%", height="auto", margin="0", padding="0")
