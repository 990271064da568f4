"""What Amdahl's curve says."""

import numpy as np

from helpers.amdahl import limit, speedup
from helpers.scenes.marks import COMPUTE, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import apart, short

SPEEDUP_RANGE = (1, 1000)


def speedup_scene(p, r=1.0, s=None):
    """The marks and the sentence of Amdahl's curve; arguments as `plot_speedup`."""
    first, last = SPEEDUP_RANGE
    steps = np.geomspace(first, last, 61)
    ceiling = limit(p, r)
    reached = speedup(p, 1 if s is None else s, r)
    top, now = apart(ceiling, reached, 1)[:2]
    marks = [
        Line((first, last), (first, last), QUIET, True, 1.2),
        Words(30, 30, "S = s", QUIET, "right", (-6, 6), ((100, 100), (300, 300), (10, 10))),
        Line((first, last), (1, 1), QUIET, False, 0.8),
    ]
    sentence = f"With p = {apart(p, 0, 1)[0]}"
    if r != 1:
        marks.append(Line(tuple(steps), tuple(speedup(p, steps).tolist()), QUIET, False, 1.2))
        places = [(at, speedup(p, at)) for at in (last, 300, 100, 30)]
        marks.append(Words(*places[0], "r = 1", QUIET, "right", (-4, 8), tuple(places[1:])))
        sentence += f" and bandwidth divided by r = {short(r)}"
    if np.isfinite(ceiling):
        marks.append(Line((first, last), (ceiling, ceiling), MEMORY, True))
        others = ((last, ceiling), (30, ceiling))
        marks.append(Words(first, ceiling, f"ceiling {top}", MEMORY, "left", (6, 8), others))
        sentence += f", S never exceeds {top}"
    else:
        sentence += ", S has no ceiling"
    marks.append(Line(tuple(steps), tuple(speedup(p, steps, r).tolist()), COMPUTE))
    if s is not None:
        marks += [
            Dot(s, reached, COMPUTE, "s"),
            Words(s, reached, f"S = {now}", COMPUTE, "center", (0, -14)),
        ]
        verdict = "" if reached >= 1 else ": a slow-down"
        sentence += f"; at s = {short(s)} it is {now}{verdict}"
    return Scene(marks, sentence + ".")
