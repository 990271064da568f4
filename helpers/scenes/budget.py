"""What the picture of a training run says."""

import numpy as np

from helpers.budget import achieved_fraction, training_time
from helpers.scenes.marks import BOTH, QUIET, Dot, Line, Scene, Words
from helpers.words import duration, si

TRAINING_PEAKS, TRAINING_TIMES = (1e12, 1e18), (60.0, 1e9)


def training_scene(work, peak, devices, fraction, published=()):
    """The marks and the sentence of a training run among published ones.

    Parameters
    ----------
    work : float
        Total work V, flop.
    peak : float
        Peak of one device, flop/s.
    devices : int
    fraction : float
        Achieved fraction of the peak, above 0 and at most 1.
    published : sequence of (str, float, float)
        Name, peak of the whole machine (flop/s) and time (s) of runs of the same work.
    """
    ends = np.array(TRAINING_PEAKS)
    time = training_time(work, peak, fraction, devices)
    here = devices * peak, time
    first, *others = ((work / level, level) for level in (200, 3600, 10 * 86400, 60 * 86400))
    marks = [
        Line(TRAINING_PEAKS, tuple(training_time(work, ends, 1)), BOTH, width=1.2),
        Line(TRAINING_PEAKS, tuple(training_time(work, ends, fraction)), BOTH, True),
        *(Dot(machine, measured, QUIET) for _, machine, measured in published),
        Dot(*here, BOTH, "s"),
        Words(*first, "100% of peak", BOTH, "right", (-10, -9), tuple(others)),
    ]
    sentence = (
        f"{si(work, 'flop')} at {fraction:.0%} of {si(devices * peak, 'flop/s')} "
        f"take {duration(time)}"
    )
    found = []
    for name, machine, measured in published:
        share = f"{achieved_fraction(work, measured, machine):.0%}"
        marks.append(Words(machine, measured, f"{name} {share}", QUIET, "left", (9, 9)))
        found.append(f"{name} took {duration(measured)} at {share} of its peak")
    marks.append(Words(*here, f"you, {fraction:.0%}", BOTH, "right", (-10, -9)))
    if found:
        sentence += f". Published: {', '.join(found)}"
    return Scene(marks, sentence + ".")
