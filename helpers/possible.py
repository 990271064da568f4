"""Is this claim possible? A claim written as numbers, held to the laws of the series.

A claim is given by the words of `helpers.notation` and a few more (`WORDS`). Each law looks at it
if it has the words that the law needs, and refuses it if it breaks the law. A claim that no law
refuses need not be true: it is only not impossible.
"""

import difflib
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from helpers import amdahl, budget, catalog, parallel, pipeline, roofline
from helpers.ranges import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_OR_INFINITE,
    checked,
)
from helpers.roofline import BALANCED, COMPUTE_BOUND, MEMORY_BOUND
from helpers.words import duration, percent, short, si

TOLERANCE = 0.02  # a relative difference that rounding and noise make
USUAL = ("bf16", "fp16", "fp32")  # number formats: the first that a device has, if none is named
# What `_completed` works out, and the word of the claim that it is to be compared with.
FOLLOWS = {
    "sheet": "peak",
    "memory": "bandwidth",
    "wire": "network",
    "six": "work",
    "three": "work",
    "per_byte": "network_intensity",
}

# The words of a claim: what it may hold, its unit, and what each number may be. A number that only
# a wrong claim can have, such as an MFU above 1, is allowed: to refuse it is what the laws are for.
WORDS = {
    "attainable": ("performance of a task", "flop/s", POSITIVE),
    "peak": ("peak of one device", "flop/s", POSITIVE),
    "bandwidth": ("bandwidth of its memory", "B/s", POSITIVE),
    "intensity": ("flop for each byte that the memory moves", "flop/B", POSITIVE),
    "traffic": ("bytes that the memory moves", "B", POSITIVE),
    "ridge": ("ridge point, peak over bandwidth", "flop/B", POSITIVE),
    "balance": ("intensity in units of the ridge", "1", POSITIVE),
    "slanted": ("slanted roof at the intensity, bandwidth times intensity", "flop/s", POSITIVE),
    "bound": ('"compute-bound" or "memory-bound"', "", None),
    "work": ("work of the job", "flop", POSITIVE),
    "macs": ("multiply-adds of the same job", "1", POSITIVE),
    "forward_work": ("work of a forward pass over one example", "flop", POSITIVE),
    "examples": ("examples in the training set", "1", POSITIVE),
    "epochs": ("times that the set is seen", "1", POSITIVE),
    "parameters": ("trained numbers that each token uses", "1", POSITIVE),
    "tokens": ("tokens of training", "1", POSITIVE),
    "time": ("time of the job", "s", POSITIVE),
    "fraction": ("achieved fraction of the peak, MFU", "1", POSITIVE),
    "devices": ("number of devices", "1", AT_LEAST_ONE),
    "speedup": ("speed-up that is measured or promised", "1", POSITIVE),
    "by_amdahl": ("what Amdahl's law is said to give", "1", POSITIVE),
    "limit": ("ceiling of the speed-up", "1", POSITIVE),
    "p": ("part of the time that is sped up", "1", FRACTION),
    "s": ("factor by which that part is sped up", "1", POSITIVE_OR_INFINITE),
    "gain": ("gain of overlap over taking turns", "1", POSITIVE),
    "compute": ("time of computing", "s", POSITIVE),
    "communication": ("time of communication", "s", NOT_NEGATIVE),
    "overlap": ("hidden share of the shorter of two times", "1", FRACTION),
    "step_time": ("time of a step", "s", POSITIVE),
    "efficiency": ("speed-up over devices, or computing over the whole step", "1", POSITIVE),
    "rate": ("examples or tokens of all devices together", "1/s", POSITIVE),
    "batch": ("examples or tokens of one device in a step", "1", POSITIVE),
    "global_batch": ("examples of all devices in a step", "1", POSITIVE),
    "sequence": ("tokens in an example", "1", POSITIVE),
    "step_tokens": ("tokens of all devices in a step", "1", POSITIVE),
    "stages": ("equal stages of a pipeline", "1", AT_LEAST_ONE),
    "chunks": ("micro-batches", "1", AT_LEAST_ONE),
    "bubble": ("idle share of a pipeline", "1", NOT_NEGATIVE),
    "size": ("array that is all-reduced, on each device", "B", POSITIVE),
    "sent": ("bytes that each device sends for it", "B", NOT_NEGATIVE),
    "step_work": ("work of one device in a step", "flop", POSITIVE),
    "network_intensity": ("flop of a device for each byte that it sends", "flop/B", POSITIVE),
    "network": ("bandwidth between devices, one way", "B/s", POSITIVE),
    "device": ("a device of the catalogue", "", None),
    "number_format": ("in which it computes: fp32, bf16, fp8", "", None),
    "link": ("a link of the catalogue", "", None),
}
SIDES = (MEMORY_BOUND, COMPUTE_BOUND)


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


@dataclass(frozen=True)
class Judgement:
    """What the laws say of a claim; `str` of it reads as sentences.

    `broken` are pairs of a law and a sentence with the numbers, `held` the names of the laws that
    were looked at and hold. `refused` is True where one is broken; where both are empty no law
    could be looked at, and nothing is said of the claim.
    """

    claim: dict
    broken: tuple
    held: tuple

    @property
    def refused(self):
        return bool(self.broken)

    @property
    def looked(self):
        """How many laws were looked at."""
        return len(self.broken) + len(self.held)

    def __str__(self):
        if not self.looked:
            return f"No law here speaks of {_and(self.claim)} alone. {_missing(self.claim)}"
        lines = [f"Impossible by {name}: {sentence}" for name, sentence in self.broken]
        if self.held and not self.broken:
            lines.append(
                f"No law refuses it. Looked at: {', '.join(self.held)}. That does not make it true."
            )
        return "\n".join(lines)


def is_possible(**claim):
    """Hold a claim to the laws of the series.

    Parameters
    ----------
    **claim : float or str
        The numbers of the claim by words of `WORDS`, in SI units: ``speedup=5, p=0.2``. A `device`
        of the catalogue brings its peak and bandwidth along, a `link` its bandwidth one way.

    Returns
    -------
    Judgement

    Raises
    ------
    ValueError
        If a word is not known, or a number is none that the word may have.

    Examples
    --------
    >>> print(is_possible(speedup=5, p=0.2))
    Impossible by Amdahl's ceiling: S = 5 is above 1 / (1 - p) = 1.25: the rest of the time stays.
    >>> is_possible(speedup=1.2, p=0.2).refused
    False
    """
    unknown = next((word for word in claim if word not in WORDS), None)
    if unknown or not claim:
        near = difflib.get_close_matches(unknown or "", WORDS)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"a claim is made of {', '.join(WORDS)}, got {unknown or 'none'}{hint}")
    given = {word: _read(word, value) for word, value in claim.items()}
    known = _completed(given)
    broken, held = [], []
    for name, needs, check in LAWS:
        # What the claim does not say itself cannot be wrong: what was looked up for it.
        if all(word in known for word in needs) and _said(needs, given):
            sentence = check(**{word: known[word] for word in needs})
            broken.append((name, sentence)) if sentence else held.append(name)
    return Judgement(given, tuple(broken), tuple(dict.fromkeys(held)))


def _read(word, value):
    _, _, allowed = WORDS[word]
    if allowed:
        return float(checked(word, value, allowed))
    if not isinstance(value, str):
        raise ValueError(f"{word} must be a name in quotes, got {value!r}")
    if word == "bound" and value not in SIDES:
        raise ValueError(f"bound must be one of {', '.join(SIDES)}, got {value!r}")
    return value


def _completed(given):
    """The claim, with what follows from it by a definition, and what its names stand for."""
    known = dict(given)
    if "device" in known:
        row = catalog.device(known["device"])
        names = [known["number_format"].lower()] if "number_format" in known else USUAL
        peaks = [float(row.get(f"peak_{name}", math.nan)) for name in names]
        known["sheet"] = next((peak for peak in peaks if not math.isnan(peak)), math.nan)
        known["memory"] = float(row["bandwidth"])
        known.setdefault("bandwidth", known["memory"])
        if not math.isnan(known["sheet"]):
            known.setdefault("peak", known["sheet"])
    if "link" in known:
        table = catalog.interconnects()["one_way"]
        if known["link"] not in table.index:
            raise ValueError(f"link must be one of {', '.join(table.index)}, got {known['link']!r}")
        known["wire"] = float(table[known["link"]])
        known.setdefault("network", known["wire"])
    if {"parameters", "tokens"} <= known.keys():
        known["six"] = 6 * known["parameters"] * known["tokens"]
        known.setdefault("work", known["six"])
    if {"forward_work", "examples", "epochs"} <= known.keys():
        names = ("forward_work", "examples", "epochs")
        known["three"] = budget.training_work(*(known[name] for name in names))
        known.setdefault("work", known["three"])
    if {"step_work", "size", "devices"} <= known.keys() and known["devices"] > 1:
        known["per_byte"] = known["step_work"] / parallel.allreduce_bytes(
            known["size"], known["devices"]
        )
        known.setdefault("network_intensity", known["per_byte"])
    if "work" in known:
        known.setdefault("devices", 1.0)
    return known


def _said(needs, given):
    """Whether the claim itself says what is compared with something worked out for it."""
    return all(word in given for name, word in FOLLOWS.items() if name in needs)


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
            f"6 flop for each of {short(parameters)} parameters and {short(tokens)} tokens are "
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
        return f"{percent(fraction, 3)} of the peak is more than there is."


@law("MFU's definition, f = V / (t n π)")
def _achieved(fraction, work, time, peak, devices):
    right = budget.achieved_fraction(work, time, peak, devices)
    if _differs(fraction, right):
        return (
            f"{short(work)} flop in {duration(time)} on {short(devices, 6)} of "
            f"{si(peak, 'flop/s')} are {percent(right, 3)}, not {percent(fraction, 3)}."
        )


@law("the datasheet's peak")
def _sheet(device, sheet, peak):
    if math.isnan(sheet):
        return f"{device} has no units for this number format, and so no peak."
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
            f"S = {short(speedup)} on {short(devices)} devices is superlinear: the one was slowed, "
            "as by short memory, or did another job."
        )


@law("the efficiency's definition, S / n")
def _each(efficiency, speedup, devices):
    if _differs(efficiency, speedup / devices):
        return f"S / n is {percent(speedup / devices, 3)}, not {percent(efficiency, 3)}."


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
        return f"each device sends {si(least, 'B')} at least, not {si(sent, 'B')}."


@law("the time of a ring")
def _ring_time(communication, size, devices, network):
    least = parallel.allreduce_bytes(size, devices) / network
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


def _missing(claim):
    """Which words the nearest law would need besides."""
    near = [
        (len(lack), place, lack)
        for place, (_, needs, _) in enumerate(LAWS)
        if set(needs) & claim.keys()
        and (lack := [word for word in needs if word not in claim and word in WORDS])
    ]
    if not near:
        return "See helpers.possible.WORDS for what the laws speak of."
    _, _, lack = min(near)
    return f"Say {_and(lack)} too."


def _and(names):
    """Names joined for a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
