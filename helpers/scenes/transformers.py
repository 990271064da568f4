"""What a split step says: where the bytes of a device and the seconds of a step go."""

from helpers.scenes.marks import BOTH, COMPUTE, MEMORY, QUIET, Line, Scene, Words
from helpers.words import brief_time, percent, si

# Rows of the pictures, from the top; each part begins where the one above ends. What bandwidth
# limits is thinner, and waiting thinner still, for those who do not see the colour.
BYTES = {
    "weights": dict(colour=BOTH),
    "gradients": dict(colour=BOTH),
    "optimiser": dict(colour=BOTH),
    "activations": dict(colour=QUIET),
    "at work": dict(colour=QUIET),
}
TIMES = {
    "computing": dict(colour=COMPUTE),
    "computing again": dict(colour=COMPUTE),
    "sharing layers": dict(colour=MEMORY, width=9),
    "bubble": dict(colour=QUIET, width=4),
    "sharing data": dict(colour=MEMORY, width=9),
}
WIDTH = 14
TOP = len(BYTES) + 0.2  # of the rows, and of a line of words above them


def memory_scene(memory, room):
    """The marks and the sentence of what a device holds.

    Parameters
    ----------
    memory : helpers.splits.Memory
    room : float
        Memory of the device, B.
    """
    whole = max(memory.total, room)
    marks, parts = _parts(BYTES, memory, whole, lambda size: si(size, "B"))
    edge = room / whole
    marks.append(Line((edge, edge), (-0.6, TOP), QUIET, True, 1.2))
    marks.append(Words(edge, TOP - 0.3, f"memory {si(room, 'B')}", QUIET, "left", (6, 0)))
    fits = f"That leaves at most {si(room - memory.total, 'B')} of {si(room, 'B')}."
    if memory.total > room:
        fits = f"It does not fit into {si(room, 'B')}."
    return Scene(marks, f"A device holds at least {si(memory.total, 'B')}: {parts}. {fits}")


def seconds_scene(step):
    """The marks and the sentence of where the time of a step goes.

    Parameters
    ----------
    step : helpers.splits.SplitStep
    """
    total = step.seconds.total
    marks, parts = _parts(TIMES, step.seconds, total, brief_time)
    longest = dict(zip(step.seconds._fields, TIMES, strict=True))[step.binds]
    return Scene(
        marks,
        f"A step takes {brief_time(total)}: {parts}. Longest: {longest}. MFU {percent(step.mfu)}.",
    )


def _parts(rows, sizes, whole, written):
    """Marks of parts as shares of a whole, each in a row of its own; and all in words."""
    marks, said, start = [], [], 0.0
    for number, ((name, look), size) in enumerate(zip(rows.items(), sizes, strict=True)):
        if size > 0:
            row, end = len(rows) - 1 - number, start + size / whole
            marks.append(Line((start, end), (row, row), **{"width": WIDTH, **look}))
            marks.append(Words(end, row, written(size), look["colour"], "left", (6, 0)))
            said.append(f"{name} {written(size)}")
            start = end
    return marks, ", ".join(said)
