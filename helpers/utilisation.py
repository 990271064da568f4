"""How well a machine is used: MFU, and the slip behind a figure that cannot be or does not fit.

MFU (model flops utilisation) is the achieved fraction f of the peak, with the work that the model
needs; HFU (hardware flops utilisation) counts what is computed a second time as well. A figure
above 100 %, or off by a factor, is seldom a discovery. The usual slips multiply it by factors that
are known: a factor that fits is a reason to look there, and no proof. Which slips are usual was
read in public threads, named in ``tests/test_utilisation.py``.
"""

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

from helpers import catalog, utilisation_words
from helpers.ranges import (
    COUNT,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_FRACTION,
    between,
    check_shapes,
    checked,
    checked_one,
    plain,
)
from helpers.utilisation_words import (
    NEAR,
    UNUSUAL,
    attention_note,
    clock_note,
    faster_note,
    groups,
)
from helpers.words import joined, si

PLAUSIBLE = 0.05  # few published MFUs are below; asked where the factor is not known
LEFT = ("A100-40", "H100-SXM")  # whose peaks programs keep as a default
TOLERANCES = between(0.001, 0.1)
LISTED = 6  # candidates that are listed where the factor is not known


def hfu(mfu, recomputed=1.0):
    """Hardware flops utilisation: MFU with a share of the forward pass computed a second time.

    A step has three passes (one forward, two backward), and recomputing adds up to one more.

    Parameters
    ----------
    mfu, recomputed : array_like
        Fraction of the peak, at least 0, and share of the forward pass, from 0 to 1.

    Examples
    --------
    >>> round(hfu(0.45), 9), hfu(0.45, recomputed=0)
    (0.6, 0.45)
    """
    mfu, recomputed = checked("mfu", mfu, NOT_NEGATIVE), checked("recomputed", recomputed, FRACTION)
    check_shapes({"mfu": mfu, "recomputed": recomputed})
    return plain(mfu * (3 + recomputed) / 3)


class Slip(NamedTuple):
    """A usual slip: the factor by which the figure is then off, what was done, and its rank among
    those of the same factor (the more often reported first)."""

    name: str
    factor: float
    words: str
    rank: int


class Candidate(NamedTuple):
    """A slip that may explain a figure: its factor, by which share that misses, and the
    utilisation that is then the true one."""

    slip: str
    factor: float
    miss: float
    utilisation: float
    words: str


@dataclass(frozen=True)
class Diagnosis:
    """What a figure of utilisation may mean; `str` of it reads as sentences.

    `achieved` is what one device attains (flop/s, or B/s of a link; None if no rate was given), and
    `utilisation` maps each number format to the share of its peak in `peaks`; `basis` is the one
    that is compared. `measured` has the fastest matrix product that the catalogue knows, flop/s, by
    number format. `claimed` is the reader's figure and `factor` the claim over the figure
    computed, None where one of the two is missing. `alarm` says whether there is something to
    explain, `candidates` what may explain it, best first, and `notes` what might if none does.
    """

    subject: str
    unit: str
    peaks: dict
    basis: str
    achieved: float | None
    utilisation: dict
    claimed: float | None
    factor: float | None
    alarm: bool
    candidates: tuple
    notes: tuple
    measured: dict

    @property
    def likely(self):
        """The name of the first candidate, None if there is none."""
        return self.candidates[0].slip if self.candidates else None

    def table(self):
        """Peak and utilisation by number format, in Markdown."""
        return utilisation_words.table(self)

    def __str__(self):
        return "\n".join(utilisation_words.sentences(self))


def diagnose_utilisation(
    device,
    rate=None,
    work=None,
    devices=1,
    number_format=None,
    claimed=None,
    per_node=8,
    attention=None,
    tolerance=0.02,
):
    """MFU by number format, and which usual slip may explain one that cannot be or does not fit.

    Parameters
    ----------
    device : str
        A name that `helpers.catalog.device` finds: "B200-SXM", "NVIDIA H100 80GB HBM3".
    rate, work : float, optional
        Tokens or pictures of all devices together, 1/s, and flop of training for each; or flop/s
        and 1. Without them only a claim can be judged.
    devices : int
    number_format : str, optional
        In which the matrix products are computed: "bf16", "fp8". Without it a claim is compared in
        BF16 (or FP16, or FP32, where that is all there is), and a rate is alarming only if it is
        in every format.
    claimed : float, optional
        The MFU that somebody printed, as a fraction: 0.42 for 42 %.
    per_node : int
        Devices in a machine.
    attention : float, optional
        Share of `work` that the two products of attention take, as counted there.
    tolerance : float
        Relative difference that is none, from 0.001 to 0.1.

    Returns
    -------
    Diagnosis

    Examples
    --------
    >>> found = diagnose_utilisation("B200-SXM", rate=275.6e12, work=1, claimed=0.8832)
    >>> found.likely, round(found.factor, 2), round(found.utilisation["bf16"], 4)
    ("another card's peak", 7.21, 0.1225)
    """
    key = catalog.device(device).name
    peaks = _known()[key]
    basis = _basis(key, peaks, number_format)
    devices = checked_one("devices", devices, COUNT)
    per_node = checked_one("per_node", per_node, COUNT)
    tolerance = checked_one("tolerance", tolerance, TOLERANCES)
    claimed = _optional("claimed", claimed)
    attention = _optional("attention", attention, POSITIVE_FRACTION)
    if (rate is None) != (work is None):
        raise ValueError("rate and work must be given both or neither, got one of them")
    achieved = None
    if rate is not None:
        achieved = _optional("rate", rate) * _optional("work", work) / devices
    wanted = [basis] if number_format else [name for name in peaks if name not in UNUSUAL]
    return _diagnosis(
        key,
        "flop/s",
        peaks,
        basis,
        wanted,
        achieved,
        claimed,
        partial(_slips, key, basis, peaks, devices, per_node, attention),
        (clock_note,) if attention else (attention_note, clock_note),
        tolerance,
        NEAR,
    )


def diagnose_link(link, rate=None, claimed=None, per_node=8, tolerance=0.02):
    """Share of a link's bandwidth, and which usual slip may explain one that cannot be.

    Parameters
    ----------
    link : str
        A name of `helpers.catalog.interconnects`: "InfiniBand NDR 4x".
    rate : float, optional
        What each device sends, one way, B/s.
    claimed : float, optional
        The bandwidth that somebody states for the link, B/s.
    per_node, tolerance
        As for `diagnose_utilisation`.

    Returns
    -------
    Diagnosis
        `claimed` is that bandwidth as a share of the link's.

    Examples
    --------
    >>> diagnose_link("InfiniBand NDR 4x", claimed=400e9).likely
    'bits for bytes'
    """
    peak = catalog.link_bandwidth(link)
    rate, claimed = _optional("rate", rate), _optional("claimed", claimed)
    per_node = checked_one("per_node", per_node, COUNT)
    tolerance = checked_one("tolerance", tolerance, TOLERANCES)
    share = None if claimed is None else claimed / peak
    if rate is None and share is not None:
        rate = peak  # a claim of the bandwidth is itself compared with the table
    return _diagnosis(
        link,
        "B/s",
        {"one way": peak},
        "one way",
        ["one way"],
        rate,
        share,
        partial(_link_slips, peak, per_node),
        (),
        tolerance,
        1.0,
    )


def _diagnosis(
    subject, unit, peaks, basis, wanted, achieved, claimed, slips, notes, tolerance, most
):
    """The figure that is to be explained, and the slips that fit it."""
    if achieved is None and claimed is None:
        raise ValueError("rate or claimed must be given, got neither")
    shares = {} if achieved is None else {name: achieved / peak for name, peak in peaks.items()}
    factor = None if None in (achieved, claimed) else claimed / shares[basis]
    differs = factor is not None and abs(factor - 1) > tolerance
    alarm = differs or most < (min(shares[name] for name in wanted) if shares else claimed)
    found, said = (), ()
    if differs:
        found = _of_factor(slips("factor"), factor, shares[basis], tolerance)
        said = [note(factor) for note in notes]
    elif alarm and shares:
        found = _of_size(slips("rate"), shares[basis], most)
        said = [faster_note(shares[basis])] if notes else ()
    elif alarm:
        found = _of_size(slips("claim"), claimed, most)
    measured = _measured().get(subject, {})
    figures = subject, unit, peaks, basis, achieved, shares, claimed, factor
    return Diagnosis(*figures, alarm, found, tuple(filter(None, said)), measured)


def _of_factor(slips, factor, share, tolerance):
    """The slips whose factor is that of the claim, the nearest first, in steps of half a percent,
    and among equals the one that is reported most."""
    found = []
    for slip in slips:
        miss = round(abs(factor / slip.factor - 1), 9)  # what is left of a float is no miss
        if miss <= tolerance:
            found.append((int(miss / 0.005), slip.rank, miss, slip))
    return tuple(
        Candidate(slip.name, slip.factor, miss, share, slip.words)
        for _, _, miss, slip in sorted(found, key=lambda one: one[:3])
    )


def _of_size(slips, value, most):
    """The slips that bring a figure down to what is published, those reported most first."""
    fits = [slip for slip in slips if PLAUSIBLE <= value / slip.factor <= most]
    return tuple(
        Candidate(slip.name, slip.factor, math.nan, value / slip.factor, slip.words)
        for slip in sorted(fits, key=lambda slip: slip.rank)[:LISTED]
    )


def _both(slip):
    """A slip and the same the other way round."""
    return slip, slip._replace(factor=1 / slip.factor)


def _slips(key, basis, peaks, devices, per_node, attention, of):
    """The usual slips of a utilisation, with the factor by which each multiplies it.

    `of` says what is known: "factor" (the claim over a figure computed here), or only the "claim",
    or only the "rate", to which the slip is then to be sought.
    """
    known = of == "factor"
    yield Slip("multiply-adds", 2.0, "flop are taken for multiply-adds and doubled", 4)
    yield Slip("forward only", 3.0, "a forward pass is counted as a training step of three", 5)
    yield Slip("recomputation", hfu(1), "the forward pass is counted again: HFU, not MFU", 4)
    if known:
        yield Slip("multiply-adds", 1 / 2, "multiply-adds are counted as one flop each, not two", 3)
        yield Slip("forward only", 1 / 3, "the forward pass alone is counted, of three passes", 3)
    yield from _count_slips(devices, per_node)
    yield from _both(Slip("milliseconds", 1000.0, "seconds stand for milliseconds", 4))
    yield from _both(Slip("per cent", 100.0, "per cent stands for a fraction", 4))
    if attention:
        full = "attention is counted in full where the mask needs half of it"
        yield Slip("attention's half", 1 + attention if known else 1 / (1 - attention / 2), full, 1)
    if attention and known:
        half = "half of attention is counted: the mask's half, or one of its two products"
        yield Slip("attention's half", 1 - attention / 2, half, 1)
    if attention and known and attention < 1:
        yield Slip("attention left out", 1 - attention, "attention is left out: 6WD alone", 2)
    if of == "rate":  # the peak is ours, so it is what ran that may be another
        yield from _ran_slips(key, basis, peaks)
    else:
        yield from _peak_slips(key, basis, peaks, everywhere=known)


def _peak_slips(key, basis, peaks, everywhere):
    """Slips in the peak that a claim is divided by. Those of all devices are tried only where the
    factor is known: without it nearly all would fit."""
    peak = peaks[basis]
    yield Slip("sparse peak", 0.5, "the peak is with structured sparsity, twice the dense one", 1)
    yield Slip("peak halved again", 2.0, "a dense peak is halved, as if it were the sparse one", 3)
    for other, names in groups((value, name.upper()) for name, value in peaks.items()):
        if other != peak:
            words = f"the peak is that of {joined(names, most=3)}, {si(other, 'flop/s')}"
            yield Slip("another number format's peak", peak / other, words, 2)
    left = {_known()[card].get(basis) for card in LEFT} - {peak}
    others = [
        (value, (card, name.upper()))
        for card in (_known() if everywhere else LEFT)
        for name, value in _known()[card].items()
        if card != key and name != "fp64" and (everywhere or name == basis)
    ]
    for other, names in groups(others):
        if other != peak:
            cards, formats = (list(dict.fromkeys(side)) for side in zip(*names, strict=True))
            words = f"the peak is that of {joined(cards, most=3)} ({', '.join(formats)}), "
            words += si(other, "flop/s")
            if other not in left:
                words += "; of so many peaks one often fits by chance"
            yield Slip("another card's peak", peak / other, words, 0 if other in left else 6)


def _ran_slips(key, basis, peaks):
    """What may have run in place of what was named."""
    usual = ((value, name.upper()) for name, value in peaks.items() if name not in UNUSUAL)
    for other, names in groups(usual):
        if other > peaks[basis]:
            words = f"the products were computed in {joined(names, most=3)}, {si(other, 'flop/s')}"
            yield Slip("another number format", other / peaks[basis], words, 0)
    for card in LEFT:
        other = _known()[card].get(basis, 0)
        if card != key and other > peaks[basis]:
            words = f"it ran on another card, as {card}, {si(other, 'flop/s')}"
            yield Slip("another card", other / peaks[basis], words, 2)


def _link_slips(peak, per_node, of):
    """The usual slips of a link's bandwidth."""
    yield from _both(Slip("two ways", 2.0, "both directions are added up; a link counts one", 0))
    yield from _both(Slip("bits for bytes", 8.0, "bits stand for bytes, and a byte has eight", 1))
    yield from _count_slips(1.0, per_node)
    yield from _both(Slip("prefix", 1000.0, "one prefix (k, M, G, T) stands for the next", 4))
    links = catalog.interconnects()["one_way"].items()
    for bandwidth, names in groups((float(value), name) for name, value in links):
        if bandwidth != peak and of == "factor":
            words = f"it is the bandwidth of {joined(names, most=3)}, {si(bandwidth, 'B/s')}"
            yield Slip("another link's bandwidth", bandwidth / peak, words, 5)


def _count_slips(devices, per_node):
    """Slips in what a number is a count of."""
    counts = {per_node: f"one figure is of a machine of {per_node:g}, the other of a device"}
    counts.setdefault(devices, f"one figure is of all {devices:g} devices, the other of one")
    for count, words in counts.items():
        if count > 1:
            yield from _both(Slip("per machine for per device", count, words, 3))


@cache
def _known():
    """The peaks of every device of the catalogue by number format, those that it has."""
    return {key: catalog.peaks(row) for key, row in catalog.devices().iterrows()}


@cache
def _measured():
    """The fastest matrix products of the catalogue, for each device by number format."""
    found = {}
    for _, row in catalog.products().iterrows():
        found.setdefault(row.device, {})[row.precision] = float(row.achieved)
    return found


def _basis(key, peaks, number_format):
    """The number format to compare in."""
    if number_format is None:
        return catalog.usual_format(peaks)
    name = number_format.lower() if isinstance(number_format, str) else None
    if name not in peaks:
        raise ValueError(
            f"number_format must be one that {key} has a peak for, {', '.join(peaks)}, "
            f"got {number_format!r}"
        )
    return name


def _optional(name, value, allowed=POSITIVE):
    return None if value is None else checked_one(name, value, allowed)
