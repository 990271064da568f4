"""What chunks say: performance over intensity, and the timeline of the units."""

import numpy as np

from helpers.pipeline import UNITS, buffered_time, schedule
from helpers.scenes.marks import BOTH, COMPUTE, LIGHT, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import apart, short

BALANCES = (0.1, 10.0)


def chunk_curve(n, s=1.0, store=0.0, buffers=np.inf, **line):
    """Performance over intensity for n chunks; the others as in `overlap_scene`."""
    x = np.geomspace(*BALANCES, 61)
    # Computing takes 1 at s = 1, so P / pi = 1 / t.
    time = buffered_time(1 / x, 1 / s, n, store / x, buffers)
    return Line(tuple(x.tolist()), tuple((1 / time).tolist()), **line)


def overlap_scene(balance, s, chunks, store=0.0, buffers=np.inf):
    """The marks and the sentence of one task in n chunks, with a compute unit s times as fast.

    Parameters
    ----------
    balance : float
        Intensity in units of the ridge before the speed-up, x = I / I*, from 0.1 to 10.
    s : float
        Factor by which the compute unit is sped up, above 0.
    chunks : int
        Number of chunks n, at least 1.
    store : float
        Time of storing in units of the time of loading, from 0 to 1.
    buffers : float
        Chunks that the machine can hold at a time.
    """
    load, compute, store_time = 1 / balance, 1 / s, store / balance
    time = buffered_time(load, compute, chunks, store_time, buffers)
    start = load + 1 + store_time  # taking turns, before the speed-up
    ceiling = start / (load if buffers > 1 else load + store_time)  # one buffer: never both at once
    reached, most, _ = apart(start / time, ceiling, 1)
    gain = f"{reached} times the start"
    first, last = BALANCES
    slanted_end = min(s, last)
    marks = [
        Line((first, slanted_end), (first, slanted_end), MEMORY),
        Line((slanted_end, last), (s, s), COMPUTE),
        chunk_curve(1, 1.0, store, colour=QUIET, width=1.2),
        chunk_curve(chunks, s, store, buffers, colour=BOTH, dashed=True),
        Dot(balance, 1 / start, QUIET, "D"),
        Dot(balance, 1 / time, BOTH, "s"),
        Words(balance, 1 / time, gain, BOTH, "center", (0, 22)),
    ]
    sentence = (
        f"x = {short(balance)}, s = {short(s)}, n = {short(chunks)}: {gain} (n = 1, s = 1). "
        f"No s and no n can give more than {most}."
    )
    return Scene(marks, sentence)


def timeline_scene(load, compute, chunks, store=0.0, buffers=np.inf):
    """The marks and the sentence of a timeline; arguments as `plot_timeline`."""
    steps = schedule(load, compute, chunks, store, buffers)
    end = max((step.end for step in steps), default=0.0)
    marks = []
    for step in steps:
        row = len(UNITS) - 1 - UNITS.index(step.unit)
        colour = (BOTH, LIGHT)[step.chunk % 2]  # neighbours differ in grey
        marks.append(Line((step.start, step.end), (row, row), colour, width=14))
    marks.append(Line((end, end), (-0.6, len(UNITS) - 0.4), QUIET, True, 1.2))
    serial = load + compute + store
    takes, turns = apart(end, serial)
    compared = ", as long as taking turns" if takes == turns else f" in place of {turns} s"
    return Scene(
        marks,
        f"In {short(chunks)} chunk{'s' * (chunks > 1)} the job takes {takes} s{compared}.",
    )
