"""What all pictures share: marks drawn with matplotlib, still pictures, and calm axes.

Each plot function draws on the Axes it is handed and returns it.

What a picture says is first written down as marks (`helpers.scenes`), all computed by the models.
The same marks become matplotlib artists in a still picture here, and SVG in a control that moves
(`helpers.controls`), so the two cannot disagree.
"""

import base64
import inspect
from io import BytesIO

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullLocator
from PIL import Image

from helpers.docstrings import complete
from helpers.scenes.marks import HALO, PIXELS_PER_INCH, SIZE, Dot, Line, Words
from helpers.words import short, si

# Pictures look the same whatever the reader has set for matplotlib, and change none of it.
same_everywhere = plt.style.context("default")


def picture(plot):
    """Decorate a plot function: it looks the same everywhere, and its docstring tells of axes."""
    ax, where, returned = "ax : matplotlib Axes", "", "matplotlib Axes"
    if "axes" in inspect.signature(plot).parameters:
        ax, where = "axes : sequence of matplotlib Axes", ", one for each panel"
        returned = "sequence of matplotlib Axes"
    return complete(
        same_everywhere(plot),
        Parameters=f"{ax}, optional\n    Where to draw{where}; a new figure if None.",
        Returns=returned,
        Raises="ValueError\n    If a number is outside the range that the models allow.",
    )


@same_everywhere
def draw(ax, marks):
    """Draw marks on an Axes as matplotlib artists; return the Axes."""
    for mark in marks:
        match mark:
            case Line():
                style = "--" if mark.dashed else "-"
                ends = dict(solid_capstyle="butt", dash_capstyle="butt")  # as in SVG
                ax.plot(mark.x, mark.y, style, color=mark.colour, linewidth=mark.width, **ends)
            case Dot():
                ax.plot([mark.x], [mark.y], mark.shape, color=mark.colour, markersize=8, zorder=3)
            case Words():
                ax.annotate(
                    mark.text,
                    (mark.x, mark.y),
                    mark.offset,
                    textcoords="offset points",
                    color=mark.colour,
                    ha=mark.align,
                    va="center",
                    path_effects=[withStroke(linewidth=HALO, foreground="white")],
                    parse_math=False,  # a name may hold a dollar
                )
            case _:
                raise ValueError(f"marks must be Line, Dot or Words, got {mark!r}")
    return ax


def show(ax, alt):
    """Display the figure of an Axes as a still picture with a text that says what it shows.

    Parameters
    ----------
    ax : matplotlib Axes
    alt : str
        The finding, not the file: read aloud to those who cannot see the picture, printed where
        pictures are off, and compared by the tests, so build it from computed numbers.
    """
    data, metadata = still(ax.figure, alt)
    plt.close(ax.figure)  # or Jupyter would show the same figure a second time
    display(data, metadata=metadata, raw=True)


@same_everywhere
def laid_out(size, draw_all):
    """A figure of so many inches and the Axes that `draw_all` drew on it, laid out for good."""
    figure = Figure(figsize=size, layout="constrained")
    axes = draw_all(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure, axes


@same_everywhere
def still(figure, alt):
    """PNG and alternative text of a figure as a Jupyter output, (data, metadata)."""
    data = {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": alt}
    return data, {"image/png": {"alt": alt}}


@same_everywhere
def png(figure, scale=1.0):
    """PNG bytes of a figure, `scale` times as large as on the page.

    64 colours are enough for lines and text, and make the file a third as large.
    """
    dpi = PIXELS_PER_INCH * scale
    pixels, file = BytesIO(), BytesIO()
    figure.savefig(pixels, format="rgba", dpi=dpi)
    size = tuple((figure.get_size_inches() * dpi).astype(int))
    picture = Image.frombytes("RGBA", size, pixels.getvalue()).convert("RGB")
    picture.quantize(64, Image.Quantize.FASTOCTREE).save(file, format="png")
    return file.getvalue()


def new_axes(ax, size=SIZE):
    """`ax`, or the Axes of a new figure."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, layout="constrained")[1]


def new_panels(axes, count, height):
    """`axes`, or those of a new figure with `count` panels side by side."""
    if axes is not None:
        return axes
    shape = dict(figsize=(9, height), sharey=True, layout="constrained", squeeze=False)
    return plt.subplots(1, count, **shape)[1][0]


def si_ticks(axis):
    """Write the ticks of an axis with SI prefixes."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: si(value)))


def calm(ax):
    """Few ticks and a quiet grid, which also makes drawing faster."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax
