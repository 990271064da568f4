"""What the steps and all-reduces of several processes say.

The rows are those of `helpers.engines.together`; what is not known leaves no mark, and if nothing
is known, the reason stands in the sentence.
"""

import numpy as np

from helpers.parallel import allreduce_time
from helpers.scenes.marks import BOTH, COMPUTE, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import brief_time, si, size_words

LOOKS = {"convolutional": (COMPUTE, "s"), "fully connected": (MEMORY, "o")}


def reductions_scene(reductions, links, processes=2):
    """The marks and the sentence of all-reduces: time over size, and the fitted model.

    Parameters
    ----------
    reductions : sequence of helpers.engines.together.Reduction
    links : sequence of helpers.engines.together.Link
    processes : int
        Of which to show.
    """
    rows = [row for row in reductions if row.processes == processes]
    known = [row for row in rows if row.seconds.known]
    (link,) = (link for link in links if link.processes == processes)
    marks = []
    if rows and not link.why:
        latency, bandwidth = link.latency.value, link.bandwidth.value
        ends = min(row.size for row in rows), max(row.size for row in rows)
        sizes = np.geomspace(*ends, 60)
        modelled = allreduce_time(sizes, processes, bandwidth, latency)
        marks.append(Line(tuple(sizes.tolist()), tuple(modelled.tolist()), MEMORY))
        parts = {
            "latency": allreduce_time(0 * sizes, processes, bandwidth, latency),
            "bytes/bandwidth": allreduce_time(sizes, processes, bandwidth),
        }
        for times in parts.values():
            inside = times >= modelled[0] / 3
            x, y = sizes[inside], times[inside]
            marks.append(Line(tuple(x.tolist()), tuple(y.tolist()), QUIET, True, 1.2))
        level = float(parts["latency"][-1])
        marks.append(Words(ends[1], level, "latency", QUIET, "right", (0, 10)))
        middle = float(sizes[45]), float(parts["bytes/bandwidth"][45])
        marks.append(Words(*middle, "bytes / bandwidth", QUIET, "left", (8, -12)))
    for row in known:
        interval = (row.seconds.low, row.seconds.high)
        marks.append(Line(2 * (row.size,), interval, BOTH, False, 1.2))
        marks.append(Dot(row.size, row.seconds.value, BOTH))
    if not marks:
        return Scene([], _why(rows, "seconds"))
    sentence = f"All-reduce of {processes} processes:"
    if known:
        first, last = known[0], known[-1]
        sentence += (
            f" {brief_time(first.seconds.value)} for {size_words(first.size)},"
            f" {brief_time(last.seconds.value)} for {size_words(last.size)}."
        )
    if not link.why:
        sentence += f" Fitted: latency {brief_time(latency)}, bandwidth {si(bandwidth, 'B/s')}."
    else:
        sentence += f" No fit: {link.why}."
    return Scene(marks, sentence)


def steps_scene(steps, processes=2):
    """The marks and the sentence of steps: speed-up over the batch, measured and by the model.

    Parameters
    ----------
    steps : sequence of helpers.engines.together.Step
    processes : int
        Of which to show.
    """
    rows = [row for row in steps if row.processes == processes]
    marks, words = [], []
    for name, (colour, shape) in LOOKS.items():
        mine = [row for row in rows if row.network == name]
        modelled = [row for row in mine if row.modelled.known]
        measured = [row for row in mine if row.speedup.known]
        if modelled:
            x = tuple(row.whole_batch for row in modelled)
            y = tuple(row.modelled.value for row in modelled)
            marks.append(Line(x, y, colour, shape == "o"))  # told apart without colour too
            marks.append(Words(x[0], y[0], f"{name}: model", colour, "left", (0, 12)))
        for row in measured:
            interval = (row.speedup.low, row.speedup.high)
            marks.append(Line(2 * (row.whole_batch,), interval, BOTH, False, 1.2))
            marks.append(Dot(row.whole_batch, row.speedup.value, colour, shape))
        if measured:
            first = measured[0]
            words.append(f"{name}: S = {_between(measured)} measured")
            if modelled:
                words[-1] += f", {_between(modelled, 'modelled')} by the model"
            place = first.whole_batch, first.speedup.value
            marks.append(Words(*place, f"{name}: measured", colour, "left", (8, -12)))
    if not marks:
        return Scene([], _why(rows, "speedup"))
    ends = [row.whole_batch for row in rows]
    marks.append(Line((min(ends), max(ends)), (1.0, 1.0), QUIET, True, 1.0))
    marks.append(Words(max(ends), 1.0, "as fast as one", QUIET, "right", (0, -9)))
    sentence = f"{processes} processes; " + "; ".join(words) + "."
    for name in LOOKS:
        slower = [row for row in rows if row.network == name and row.speedup.high < 1]
        if slower:
            batches = ", ".join(str(row.whole_batch) for row in slower)
            sentence += f" Slower than one: {name}, B = {batches}."
    return Scene(marks, sentence)


def _between(rows, name="speedup"):
    values = [getattr(row, name).value for row in rows]
    return f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else f"{values[0]:.2f}"


def _why(rows, name):
    """Why nothing of the rows is known, for the place of the picture."""
    return f"Not measured: {getattr(rows[0], name).why}." if rows else "Nothing was measured."
