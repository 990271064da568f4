"""The picture of a plan."""

from matplotlib.ticker import FuncFormatter

from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.scenes.marks import BOTH, LIGHT, Line
from helpers.words import duration


@picture
def plot_plan(devices, best, worst, deadline, *, ax=None):
    """Draw the range of predicted times over the number of devices, and the deadline.

    Parameters
    ----------
    devices : sequence of int
        Numbers of devices n.
    best, worst : sequence of float
        Shortest and longest predicted time for each of them, s.
    deadline : float
        The time allowed, s.
    """
    ax = new_axes(ax)
    ax.set(xscale="log", yscale="log", xlabel="number of devices n", ylabel="predicted time")
    ax.fill_between(devices, best, worst, color=LIGHT)
    draw(ax, [Line(tuple(devices), tuple(times), BOTH) for times in (best, worst)])
    ax.axhline(deadline, color=BOTH, linestyle="--")
    ax.annotate("deadline", (devices[0], deadline), (2, 5), textcoords="offset points")
    calm(ax).set_xticks(list(devices))
    ax.set_yticks([60, 600, 3600, 6 * 3600, 86400, 7 * 86400])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.set_ylim(min(best) / 1.3, max(worst) * 1.3)
    return ax
