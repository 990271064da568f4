"""The laws of the series as checks of a claim: each names the words that it needs.

A law is a function of words of `helpers.possible`; it returns a sentence with the numbers if they
break it, else None.
"""

import inspect
import math
from collections.abc import Callable
from typing import NamedTuple

from helpers import amdahl, budget, parallel, pipeline, roofline
from helpers.roofline import BALANCED, COMPUTE_BOUND, MEMORY_BOUND
from helpers.words import duration, percent, short, si

TOLERANCE = 0.02  # a relative difference that rounding and noise make


class Law(NamedTuple):
    """A law: its name, the words that it needs, and the check, which says what is broken."""

    name: str
    needs: tuple
    check: Callable


LAWS = []


def law(name):
    """Enter a function into `LAWS`: its arguments are words, and it returns a sentence, or None."""

    def enter(check):
        LAWS.append(Law(name, tuple(inspect.signature(check).parameters), check))
        return check

    return enter


def _above(value, most):
    return value > most * (1 + TOLERANCE)


def _differs(value, right):
    return not math.isclose(value, right, rel_tol=TOLERANCE)


# ---- one machine ----


@law("the flat roof")
def _flat(attainable, peak):
    if _above(attainable, peak):
        return f"{si(attainable, 'flop/s')} is above the peak, {si(peak, 'flop/s')}."


@law("the slanted roof")
def _slanted(attainable, bandwidth, intensity):
    if _above(attainable, bandwidth * intensity):
        return (
            f"{si(attainable, 'flop/s')} at {short(intensity)} flop/B would take "
            f"{si(attainable / intensity, 'B/s')}, and there are {si(bandwidth, 'B/s')}."
        )


@law("the slanted roof's definition")
def _roof(slanted, bandwidth, intensity):
    if _differs(slanted, bandwidth * intensity):
        return (
            f"bandwidth times intensity is {si(bandwidth * intensity, 'flop/s')}, not "
            f"{si(slanted, 'flop/s')}."
        )


@law("the ridge's definition")
def _ridge(ridge, peak, bandwidth):
    right = roofline.ridge(peak, bandwidth)
    if _differs(ridge, right):
        return (
            f"{si(peak, 'flop/s')} over {si(bandwidth, 'B/s')} is {short(right)} flop/B, not "
            f"{short(ridge)}."
        )


@law("the balance's definition")
def _balance(balance, intensity, peak, bandwidth):
    right = roofline.balance(intensity, peak, bandwidth)
    if _differs(balance, right):
        return f"I times bandwidth over peak is {short(right)}, not {short(balance)}."


@law("the side of the ridge")
def _side(bound, intensity, peak, bandwidth):
    side = roofline.bound(intensity, peak, bandwidth, TOLERANCE)
    if side not in (bound, BALANCED):
        point = roofline.ridge(peak, bandwidth)
        return f"{short(intensity)} flop/B, with the ridge at {short(point)}, is {side}."


@law("the intensity's definition")
def _intensity(intensity, work, traffic):
    if _differs(intensity, work / traffic):
        return f"work over bytes is {short(work / traffic)} flop/B, not {short(intensity)}."


# ---- work and time ----


@law("what a multiply-add is")
def _macs(work, macs):
    if _above(2 * macs, work):
        return (
            f"{short(macs)} multiply-adds are {short(2 * macs)} flop, not {short(work)}: each is "
            "two."
        )


@law("the three passes of training")
def _passes(work, three, forward_work):
    if _differs(work, three):
        return (
            f"3 passes of {si(forward_work, 'flop')} over {short(three / 3 / forward_work)} "
            f"examples are {short(three)} flop, not {short(work)}."
        )


@law("6WD")
def _six(work, six, parameters, tokens):
    if _above(six, work):
        return (
            f"6 flop for each of {si(parameters)} parameters and {si(tokens)} tokens are "
            f"{short(six)} flop at least, not {short(work)}."
        )


@law("the least time, V / (n π)")
def _least(time, work, peak, devices):
    least = budget.training_time(work, peak, 1, devices)
    if _above(least, time):
        return f"at the full peak it takes {duration(least)}, and {duration(time)} is claimed."


@law("MFU of 1 at most")
def _mfu(fraction):
    if _above(fraction, 1):
        return f"{percent(fraction, 3)} of the peak is more than there is. Of which number format?"


@law("MFU's definition, f = V / (t n π)")
def _achieved(fraction, work, time, peak, devices):
    right = budget.achieved_fraction(work, time, peak, devices)
    if _differs(fraction, right):
        return (
            f"{short(work)} flop in {duration(time)} on {short(devices, 6)} × "
            f"{si(peak, 'flop/s')} are {percent(right, 3)}, not {percent(fraction, 3)}."
        )


@law("the datasheet's peak")
def _sheet(device, sheet, peak):
    if sheet == 0:
        return f"{device} is older than this number format, and has no units for it."
    if _differs(peak, sheet):
        return f"{device} has {si(sheet, 'flop/s')} (dense), not {si(peak, 'flop/s')}."


@law("the datasheet's bandwidth")
def _memory(device, memory, bandwidth):
    if _differs(bandwidth, memory):
        return f"{device} moves {si(memory, 'B/s')}, not {si(bandwidth, 'B/s')}."


@law("one way of a link")
def _wire(link, wire, network):
    if _differs(network, wire):
        return f"{link} moves {si(wire, 'B/s')} one way, not {si(network, 'B/s')}."


# ---- Amdahl's law and its relatives ----


@law("Amdahl's ceiling")
def _ceiling(speedup, p):
    if _above(speedup, amdahl.limit(p)):
        return (
            f"S = {short(speedup)} is above 1 / (1 - p) = {short(amdahl.limit(p))}: the rest of "
            "the time stays."
        )


@law("Amdahl's law")
def _amdahl(speedup, p, s):
    most = amdahl.speedup(p, s)
    if _above(speedup, most):
        return f"S = {short(speedup)} is above 1 / (1 - p + p/s) = {short(most)}."


@law("Amdahl's law on n devices")
def _amdahl_on(speedup, p, devices):
    most = amdahl.speedup(p, devices)
    if _above(speedup, most):
        return f"S = {short(speedup)} is above 1 / (1 - p + p/n) = {short(most)}."


@law("no part gains more than s")
def _part(speedup, s):
    if s >= 1 and _above(speedup, s):
        return f"S = {short(speedup)} is above s = {short(s)}, which not even all of it gains."


@law("Amdahl's law as it is written")
def _written(by_amdahl, p, s):
    right = amdahl.speedup(p, s)
    if _differs(by_amdahl, right):
        return f"1 / (1 - p + p/s) is {short(right)}, not {short(by_amdahl)}."


@law("the ceiling's definition, 1 / (1 - p)")
def _limit(limit, p):
    right = amdahl.limit(p)
    if _differs(limit, right):
        return f"1 / (1 - p) is {short(right)}, not {short(limit)}."


@law("the ceiling of a serial task, 1 + x")
def _one_more(limit, balance):
    if _differs(limit, 1 + balance):
        return f"1 + x is {short(1 + balance)}, not {short(limit)}."


@law("the ceiling of a serial task, with overlap too")
def _cure(speedup, balance):
    if _above(speedup, 1 + balance):
        return (
            f"S = {short(speedup)} is above 1 + x = {short(1 + balance)}: the loading stays, "
            "overlap or not."
        )


@law("the computing share of a serial task")
def _share(p, intensity, peak, bandwidth):
    right = amdahl.compute_fraction(intensity, peak, bandwidth)
    if _differs(p, right):
        return f"Iβ / (π + Iβ) is {percent(right, 3)}, not {percent(p, 3)}."


@law("no more than n times one device from n")
def _linear(speedup, devices):
    if _above(speedup, devices):
        return (
            f"S = {short(speedup)} on {short(devices)} devices is superlinear. The single one must "
            "have been slowed, as by short memory, or have done another job."
        )


@law("the efficiency's definition, S / n")
def _each(efficiency, speedup, devices):
    right = parallel.efficiency(speedup, devices)
    if _differs(efficiency, right):
        return f"S / n is {percent(right, 3)}, not {percent(efficiency, 3)}."


@law("an efficiency of 1 at most")
def _efficient(efficiency):
    if _above(efficiency, 1):
        return f"{percent(efficiency, 3)} is more than each device can contribute."


# ---- overlap and pipelines ----


@law("overlap of two parts gains 2 at most")
def _two(gain):
    if _above(gain, 2):
        return f"{short(gain)} is above 2: at best the shorter of two times is hidden."


@law("the gain of overlap")
def _gain(gain, compute, communication):
    most = pipeline.overlap_gain(communication / compute)
    if _above(gain, most):
        return (
            f"of {short(compute)} and {short(communication)} s the longer one stays, which gains "
            f"{short(most)}, not {short(gain)}."
        )


@law("a step is no shorter than its longest part")
def _longest(step_time, compute, communication):
    if _above(max(compute, communication), step_time):
        return (
            f"{duration(step_time)} is shorter than {duration(max(compute, communication))}, its "
            "longest part."
        )


@law("the step with overlap")
def _step(efficiency, compute, communication, overlap):
    right = compute / parallel.step_time(compute, communication, overlap)
    if _differs(efficiency, right):
        return (
            f"{short(compute)} s of computing and {short(communication)} s of communication, "
            f"{percent(overlap)} of the shorter hidden, are {percent(right, 3)}, not "
            f"{percent(efficiency, 3)}."
        )


@law("a pipeline's bubble, (K - 1) / (M + K - 1)")
def _bubble(bubble, stages, chunks):
    right = parallel.pipeline_bubble(stages, chunks)
    if _differs(bubble, right):
        return (
            f"{short(stages)} stages and {short(chunks)} micro-batches idle {percent(right, 3)}, "
            f"not {percent(bubble, 3)}."
        )


@law("a pipeline gains no more than its stages")
def _stages(speedup, stages):
    if _above(speedup, stages):
        return f"S = {short(speedup)} is above K = {short(stages)}."


# ---- many devices ----


@law("the bytes of a ring")
def _ring(sent, size, devices):
    least = parallel.allreduce_bytes(size, devices)
    if _above(least, sent):
        return f"in a ring each device sends {si(least, 'B')} at least, not {si(sent, 'B')}."


@law("the time of a ring")
def _ring_time(communication, size, devices, network):
    least = parallel.allreduce_time(size, devices, network)
    if _above(least, communication):
        return (
            f"to send the bytes of a ring takes {duration(least)}, not {duration(communication)}."
        )


@law("the network intensity's definition")
def _per_byte(network_intensity, per_byte, step_work, size, devices):
    if _differs(network_intensity, per_byte):
        sent = parallel.allreduce_bytes(size, devices)
        return (
            f"{si(step_work, 'flop')} of a device over the {si(sent, 'B')} that it sends are "
            f"{short(per_byte)} flop/B, not {short(network_intensity)}."
        )


@law("the side of the network's ridge")
def _network_side(bound, network_intensity, peak, network):
    side = roofline.bound(network_intensity, peak, network, TOLERANCE)
    if bound == COMPUTE_BOUND and side == MEMORY_BOUND:
        return (
            f"{short(network_intensity)} flop for each byte is below "
            f"{short(roofline.ridge(peak, network))}, the peak over the network: it waits."
        )
    if bound == MEMORY_BOUND and side == COMPUTE_BOUND:
        return (
            f"{short(network_intensity)} flop for each byte is above "
            f"{short(roofline.ridge(peak, network))}, the peak over the network: it computes."
        )


@law("a rate is n b / t")
def _rate(rate, batch, devices, step_time):
    right = parallel.throughput(batch, devices, step_time)
    if _differs(rate, right):
        return f"n b / t is {short(right)} a second, not {short(rate)}."


@law("tokens are sequences times their length")
def _tokens(step_tokens, global_batch, sequence):
    if _differs(step_tokens, global_batch * sequence):
        return (
            f"{short(global_batch)} sequences of {short(sequence)} are "
            f"{short(global_batch * sequence)} tokens, not {short(step_tokens)}."
        )
