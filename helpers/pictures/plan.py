"""Pictures of a plan, and of runs that were made."""

from matplotlib.ticker import FuncFormatter

from helpers.pictures.drawing import calm, draw, new_axes, picture
from helpers.scenes.marks import BOTH, LIGHT, QUIET, Line, Words
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


@picture
def plot_runs(runs, years, *, ideal=(), labels=None, ax=None):
    """Draw the times of training runs over their numbers of devices, a shape for each device.

    Dots are hollow for devices before 2017, grey for those before 2020, and dark for later ones.

    Parameters
    ----------
    runs : DataFrame
        With `device`, `devices` and `time` (s), as from `published.resnet_runs`.
    years : Series
        The year of each device.
    ideal : sequence of str
        Runs to draw a dashed line through: twice the devices, half the time.
    labels : dict, optional
        Runs to name: the text, and the end of it at the dot ("left", "right").
    """
    ax = new_axes(ax, (8, 5))
    ax.set(xscale="log", yscale="log", xlabel="number of devices n", ylabel="time of the run")
    most = runs["devices"].max()
    for name in ideal:
        run = runs.loc[name]
        times = tuple(run["time"] * run["devices"] / n for n in (1, most))
        draw(ax, [Line((1, most), times, QUIET, dashed=True, width=1)])
    shown = sorted(runs["device"].unique(), key=lambda device: years[device])
    for number, device in enumerate(shown):
        fill = "white" if years[device] < 2017 else LIGHT if years[device] < 2020 else BOTH
        style = dict(color=BOTH, markerfacecolor=fill, linestyle="", markersize=7)
        those = runs[runs["device"] == device]
        ax.plot(those["devices"], those["time"], "sD^vosDvP"[number % 9], label=device, **style)
    for name, (text, align) in (labels or {}).items():
        offset = (9 if align == "left" else -9, 0)
        draw(ax, [Words(*runs.loc[name, ["devices", "time"]], text, BOTH, align, offset)])
    calm(ax).set_xticks([1, 10, 100, 1000])
    ax.set_yticks([10, 60, 600, 3600, 86400, 14 * 86400])
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
    ax.set(xlim=(0.7, 2.2 * most), ylim=(5, 3e6))
    ax.legend(loc="upper right", fontsize=9, title="device")
    return ax
