"""Is this claim possible? A claim written as numbers, held to the laws of the series.

A claim is given by the words of `helpers.notation` and a few more (`WORDS`). Each law looks at it
if it has the words that the law needs, and refuses it if it breaks the law. A claim that no law
refuses need not be true: it is only not impossible.
"""

import difflib
import math
from dataclasses import dataclass

from helpers import budget, catalog, parallel
from helpers.laws import LAWS
from helpers.ranges import (
    AT_LEAST_ONE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_OR_INFINITE,
    checked_one,
)
from helpers.roofline import COMPUTE_BOUND, MEMORY_BOUND
from helpers.transformers import weights_work
from helpers.words import joined

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
    "limit": ("ceiling of the speed-up", "1", POSITIVE_OR_INFINITE),
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
# The year of the first device of the catalogue that computes in a number format.
SINCE = {"tf32": 2020, "fp8": 2022, "fp4": 2024}


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
            return (
                f"No law here speaks of {joined(self.claim, 'and')} alone. {_missing(self.claim)}"
            )
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
        hint = f"; did you mean {joined(near)}?" if near else ""
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
        return checked_one(word, value, allowed)
    if not isinstance(value, str):
        raise ValueError(f"{word} must be a name in quotes, got {value!r}")
    if word == "number_format":
        value = value.lower()
    allowed = dict(bound=SIDES, number_format=catalog.NUMBER_FORMATS).get(word, (value,))
    if value not in allowed:
        raise ValueError(f"{word} must be one of {', '.join(allowed)}, got {value!r}")
    return value


def _completed(given):
    """The claim, with what follows from it by a definition, and what its names stand for."""
    known = dict(given)

    def follows(name, value):
        """Enter what a law compares, and in place of the word where the claim does not say it.

        What the catalogue leaves blank nothing is compared with.
        """
        if not math.isnan(value):
            known[name] = value
        if value > 0:
            known.setdefault(FOLLOWS[name], value)

    if "device" in known:
        row = catalog.device(known["device"])
        peaks = catalog.peaks(row)
        name = known.get("number_format", catalog.usual_format(peaks))
        older = row["year"] < SINCE.get(name, 0)
        follows("sheet", peaks.get(name, 0.0 if older else math.nan))
        follows("memory", float(row["bandwidth"]))
    if "link" in known:
        follows("wire", catalog.link_bandwidth(known["link"]))
    if {"parameters", "tokens"} <= known.keys():
        follows("six", weights_work(known["parameters"], known["tokens"]))
    if {"forward_work", "examples", "epochs"} <= known.keys():
        names = ("forward_work", "examples", "epochs")
        follows("three", budget.training_work(*(known[name] for name in names)))
    if {"step_work", "size", "devices"} <= known.keys() and known["devices"] > 1:
        names = ("step_work", "size", "devices")
        follows("per_byte", parallel.network_intensity(*(known[name] for name in names)))
    if "work" in known:
        known.setdefault("devices", 1.0)
    return known


def _said(needs, given):
    """Whether the claim itself says what is compared with something worked out for it."""
    return all(word in given for name, word in FOLLOWS.items() if name in needs)


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
    return f"Say {joined(lack, 'and')} too."
