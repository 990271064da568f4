"""What the efficiency of data-parallel training says."""

import numpy as np

from helpers.parallel import hierarchical_time, step_time, throughput
from helpers.scenes.marks import BOTH, COMPUTE, MEMORY, QUIET, Dot, Line, Scene, Words
from helpers.words import duration, percent, short

ENGINE_MACHINES = (1, 128)


def engine_scene(work, size, peak, fraction, batch, link, port, overlap, machines, per_machine=8):
    """The marks and the sentence of data-parallel training, with an all-reduce in two levels.

    Parameters
    ----------
    work : float
        Training work for one example, flop.
    size : float
        Size of the gradients, B.
    peak, fraction : float
        Peak of one device, flop/s, and the fraction of it that one device alone achieves.
    batch : float
        Examples on each device in a step.
    link, port : float
        Bandwidth of each device inside a machine, and of the port that the devices of a machine
        share, B/s.
    overlap : float
        Overlap of computing and communicating, from 0 to 1.
    machines : int
        Number of machines m, from 1 to 128.
    per_machine : int
        Devices in each machine.
    """
    compute = batch * work / (fraction * peak)
    m = np.arange(1.0, ENGINE_MACHINES[1] + 1)  # there is no half machine
    reduce = np.asarray(hierarchical_time(size, per_machine * m, per_machine, link, port))
    marks = []
    for extreme in (0, 1):
        values = compute / step_time(compute, reduce, extreme)
        marks.append(Line(tuple(m.tolist()), tuple(values.tolist()), QUIET, True, 1.0))
    values = compute / step_time(compute, reduce, overlap)
    turn = int((reduce <= compute).sum())  # the first at which the all-reduce takes longer
    for colour, part in ((COMPUTE, slice(0, turn + 1)), (MEMORY, slice(turn, None))):
        if len(m[part]) > 1 and (turn or colour == MEMORY):
            marks.append(Line(tuple(m[part].tolist()), tuple(values[part].tolist()), colour))
    if 0 < turn < len(m):  # a mark, for those who do not see where the colour changes
        marks.append(Dot(float(m[turn]), float(values[turn]), BOTH, "D"))
    devices = per_machine * machines
    communication = hierarchical_time(size, devices, per_machine, link, port)
    step = step_time(compute, communication, overlap)
    speed, share = throughput(batch, devices, step), compute / step
    verdict, colour, shape = "computing takes longer", COMPUTE, "s"
    if communication > compute:
        verdict, colour, shape = "the all-reduce takes longer", MEMORY, "o"
    times = duration(compute), duration(communication)
    if times[0] == times[1]:  # the words do not say more than the numbers that they stand beside
        verdict = "both take equally long"
    place = ("right", (-9, 11)) if machines > 11 else ("left", (9, 11))
    marks.append(Dot(machines, share, colour, shape))
    marks.append(Words(machines, share, f"{short(speed)} img/s", colour, *place))
    sentence = (
        f"{short(machines)} machine{'s' * (machines > 1)} of {per_machine}: {short(speed)} img/s, "
        f"efficiency {percent(share, 3)}. A step computes for {times[0]}, its all-reduce takes "
        f"{times[1]}: {verdict}."
    )
    return Scene(marks, sentence)
