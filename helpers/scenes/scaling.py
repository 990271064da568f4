"""What a fitted scaling table says."""

import numpy as np

from helpers.scaling_words import NAMES, ahead, falls_away, next_runs
from helpers.scenes.marks import BOTH, COMPUTE, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import percent, short

BEYOND = 4  # times the largest count at which the picture ends; the next runs lie before it
STAYS = "efficiency stays"


def scaling_scene(fit, count=None, further=()):
    """The marks and the sentence of a fitted scaling table, as efficiencies over counts.

    Parameters
    ----------
    fit : helpers.scaling.ScalingFit
    count : float, optional
        One of the counts of `fit.predictions`, to mark and to speak of.
    further : sequence of (int, float)
        Runs that the fit has not seen: devices and throughput.
    """

    def efficiency(devices, throughput):
        return np.asarray(throughput) / devices * (fit.devices[0] / fit.throughput[0])

    def at(devices):
        """The efficiency that is expected: by the chosen law, or that of the largest run."""
        if fit.chosen == STAYS:
            return fit.efficiency[-1] * np.ones_like(devices, dtype=float)
        return efficiency(devices, fit.laws[fit.chosen].throughput(devices))

    first, last = fit.devices[0], fit.devices[-1]
    marks = [Line((last, BEYOND * last), 2 * (fit.efficiency[-1],), QUIET, True, 1.2)]
    place = BEYOND * last, fit.efficiency[-1]
    marks.append(Words(*place, STAYS, QUIET, "right", (-4, -22), ((2 * last, place[1]),)))
    counts = sorted(fit.predictions)
    ends = [
        efficiency(np.array(counts), [getattr(fit.predictions[n], end) for n in counts])
        for end in ("low", "high")
    ]
    ends = np.minimum(ends, 1e3)  # the axes end before
    if len(counts) == 1:  # an upright line from end to end
        counts, ends = 2 * counts, ends.T
    for end in ends if fit.tested else ():
        marks.append(Line(tuple(counts), tuple(end.tolist()), QUIET, False, 0.8))
    if fit.per_node and fit.per_node > first:
        marks.append(Line(2 * (fit.per_node,), (0.0, 1.0), QUIET, True, 0.8))
        marks.append(Words(fit.per_node, 0.3, "one machine", QUIET, "right", (-5, 0)))
    if fit.chosen != STAYS:
        steps = {first * (BEYOND * last / first) ** (step / 60) for step in range(61)}
        if fit.per_node and first <= fit.per_node < last:  # the law may jump there
            steps |= {fit.per_node, fit.per_node * (1 + 1e-9)}
        steps = np.array(sorted(steps))
        marks.append(Line(tuple(steps.tolist()), tuple(at(steps).tolist()), MEMORY))
        marks.append(Words(*_middle(steps, at(steps)), NAMES[fit.chosen], MEMORY, "left", (4, 12)))
    marks += [Dot(n, e, BOTH) for n, e in zip(fit.devices, fit.efficiency, strict=True)]
    sentence = []
    if count is not None:
        sentence.append(ahead(fit, count))
    if count is not None and not falls_away(fit):
        place = count, float(efficiency(count, fit.predictions[count].value))
        share = percent(place[1])
        marks.append(Dot(*place, COMPUTE, "s"))
        marks.append(Words(*place, f"{share} on {short(count, 7)}", COMPUTE, "center", (0, 16)))
        sentence.append(f"That is an efficiency of {share}.")
    # On the axis of counts, for nobody knows their efficiency.
    for devices in () if falls_away(fit) else fit.next_runs:
        marks.append(Dot(devices, 0.0, QUIET, "D"))
        marks.append(Words(devices, 0.0, f"run {devices}", QUIET, "center", (0, 14)))
    sentence.append(next_runs(fit))
    for devices, throughput in further:
        place = devices, float(efficiency(devices, throughput))
        marks.append(Dot(*place, COMPUTE, "s"))
        words = f"measured {percent(place[1])}"
        marks.append(Words(*place, words, COMPUTE, "right", (-10, 0)))
        sentence.append(
            f"On {devices} devices {percent(place[1])} was measured, where the choice expects "
            f"{percent(float(at(devices)))}."
        )
    what = "No law is chosen." if fit.chosen == STAYS else f"Chosen: {NAMES[fit.chosen]}."
    return Scene(marks, " ".join([what, *sentence]))


def scaling_limits(fit):
    """The ends of the axes that hold the dots of a scene: counts, and the largest efficiency."""
    scene = scaling_scene(fit, min(fit.predictions))
    dots = [mark for mark in scene.marks if isinstance(mark, Dot)]
    return (fit.devices[0], BEYOND * fit.devices[-1]), max(1.0, *(dot.y for dot in dots))


def _middle(x, y):
    """A point halfway along a curve."""
    return float(x[len(x) // 3]), float(y[len(y) // 3])
