"""What a scaling table says in words: warnings, what binds, what to try, which runs to add."""

import math

import numpy as np

from helpers.words import percent, short

AGREE = 0.1  # laws that differ by less at twice the largest count say the same
FLAT = 1.05  # a throughput that grows by less is flat
SUPERLINEAR = 1.06  # growth beyond that of the devices that a scatter of 3 % seldom makes
APART = 1.9  # of runs closer together, in devices, scatter drowns the steps
DIP = 0.14  # the share of the throughput that a step takes beyond its neighbours' slope
BREAK = 0.25  # a fall of the slope between two steps, in log over log, beyond what a law makes
FALL = 0.1  # a fall of the serial fraction that a scatter of 3 % seldom makes

TURNED, BREAKS = "Retrograde", "breaks away"  # words of warnings that forbid to look further

NAMES = {
    "amdahl": "Amdahl's law",
    "gustafson": "Gustafson's law",
    "communication": "the ring all-reduce",
    "two links": "the ring all-reduce over two links",
    "usl": "the Universal Scalability Law",
    "efficiency stays": '"efficiency stays as it is"',
}


def warnings(devices, throughput, mode, serial, per_node=None):
    """Sentences on what no smooth law explains, or what the wrong law would hide.

    Parameters
    ----------
    devices, throughput : ndarray
        At least two runs, sorted by devices.
    mode : str
        "strong" or "weak".
    serial : ndarray
        Serial fraction of Karp and Flatt for each run; the first is not used.
    per_node : int, optional
        Devices in a machine: a step there is expected.

    Returns
    -------
    tuple of str
    """
    fastest = int(np.argmax(throughput))
    turned = throughput[-1] * FLAT < throughput[fastest]
    kept, said = [0], []
    if turned:
        a, b = (short(devices[run], 7) for run in (fastest, -1))
        loss = f"For this job more than {a} are a loss." if mode == "strong" else ""
        said.append(
            f"{TURNED}: {b} devices are slower than {a}, the fastest of these runs. {loss}".strip()
        )
    for run, count in enumerate(devices):
        if count >= APART * devices[kept[-1]]:
            kept.append(run)
    devices, throughput, serial = devices[kept], throughput[kept], serial[kept]
    runs = [short(count, 7) for count in devices]
    more = devices[1:] / devices[:-1]
    gains = throughput[1:] / throughput[:-1]
    slopes = np.log(gains) / np.log(more)
    for step, (gain, slope) in enumerate(zip(gains, slopes, strict=True)):
        a, b = runs[step], runs[step + 1]
        after = slopes[step + 1] if step + 1 < len(slopes) else -math.inf
        known = per_node is not None and devices[step] <= per_node < devices[step + 1]
        machine = "" if per_node else f" If a machine holds {a}, say per_node={a}."
        if gain > SUPERLINEAR * more[step]:
            said.append(
                f"Superlinear: {a} to {b} devices are {short(more[step])} times as many and "
                f"{short(gain)} times as fast. No law here allows it. Something else slowed the "
                f"run on {a}, such as short memory, or the two runs are not of one job."
            )
        elif gain < FLAT and more[step] >= 1.5:
            if step == 0 and not (turned and fastest == 0):
                said.append(
                    f"Starved: {b} devices are no faster than {a}. From the start something that "
                    "they share sets the pace: the loader of the machine, a disk, a lock. Feed "
                    "them made-up data: if that is faster, the loader binds."
                )
            elif after > 0.8:
                said.append(
                    f"Starved: from {a} to {b} devices nothing is gained, and beyond it grows "
                    f"again. It looks as if {a} use up what each machine has once, as a loader."
                    f"{machine}"
                )
        elif 0 < step < len(slopes) - 1 and not known:
            if (min(slopes[step - 1], after) - slope) * math.log(more[step]) > DIP:
                said.append(
                    f"A step: from {a} to {b} devices much is lost, before and after little, as "
                    f"where the link changes. Laws without a step do not hold then.{machine}"
                )
    if len(slopes) > 1:
        r = more[-2:].max()  # where X = m / (1 + kappa m^2) turns fastest, m^2 = 1 / (kappa r^2)
        sharpest = 2 * math.log((r + 1 / r) / 2) / math.log(r)
        if slopes[-2] - slopes[-1] > sharpest + BREAK:
            said.append(
                f"The run on {runs[-1]} {BREAKS}: no law here falls so fast. The runs before "
                f"do not foretell it. Measure between {runs[-2]} and {runs[-1]}, and "
                f"{runs[-1]} again."
            )
    if len(serial) > 2 and serial[1] - serial[-1] > FALL and serial[-1] < 0.7 * serial[1]:
        cause = (
            "With a fixed batch on each device the job grew with n, so that is no gain. What is "
            "lost does not grow as a part that serves all in turn would: Amdahl's law is the "
            "wrong class here. Look at Gustafson's or at the all-reduce."
            if mode == "weak"
            else "What is lost seems to be paid once, when the job is first split: that is no "
            "serial part. Leave the smallest run out and see whether the law changes."
        )
        said.append(
            f"The serial fraction of Karp and Flatt falls, from {percent(serial[1])} to "
            f"{percent(serial[-1])}. {cause}"
        )
    return tuple(said)


def starved(values, faster, tolerance=0.05):
    """A sentence if a faster device gains nothing, else None.

    Parameters
    ----------
    values, faster : array_like
        Throughput of the same counts of two kinds of device, the second the faster one, above 0.
    tolerance : float
        Relative difference that is none.
    """
    values, faster = np.asarray(values, dtype=float), np.asarray(faster, dtype=float)
    if values.shape != faster.shape or not (values > 0).all() or not (faster > 0).all():
        raise ValueError(
            f"faster must hold one positive throughput for each of {values.size}, got {faster}"
        )
    if (np.abs(faster / values - 1) > tolerance).any():
        return None
    return (
        "Starved: a faster device is no faster. What sets the pace is not the device: look at the "
        "loader, then at the network."
    )


def sentences(fit):
    """What a `ScalingFit` says, sentence by sentence, for a reader of the series."""
    return (
        *_runs(fit),
        *fit.warnings,
        _choice(fit),
        *_binds(fit),
        *(ahead(fit, count) for count in fit.predictions),
        next_runs(fit),
        *fit.notes,
    )


def _span(estimate, say=short):
    return f"{say(estimate.value)} ({say(estimate.low)} to {say(estimate.high)})"


def _list(names):
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _runs(fit):
    n, e = fit.devices, fit.karp_flatt
    fixed = "the job" if fit.mode == "strong" else "the batch on each device"
    yield f"{len(n)} runs on {n[0]} to {n[-1]} devices, {fixed} fixed ({fit.mode} scaling)."
    yield (
        f"On {n[-1]} devices the speed-up over {n[0]} is {short(fit.speedup[-1])} of "
        f"{short(n[-1] / n[0])}: an efficiency of {percent(fit.efficiency[-1])}. The serial "
        f"fraction of Karp and Flatt goes from {percent(e[1])} to {percent(e[-1])}."
    )


def _choice(fit):
    refuted = [NAMES[name] for name in fit.laws if fit.laws[name].refuted]
    left = f" The runs refute {_list(refuted)}." if refuted else ""
    if fit.chosen == "efficiency stays":
        if len(fit.devices) < 4:
            return "No law can be tested on fewer than four runs: the table cannot decide."
        return (
            "No law both follows the runs and predicts those left out better than "
            f"{NAMES[fit.chosen]}.{left}"
        )
    best = fit.laws[fit.chosen]
    others = [
        f"{NAMES[name]} ({percent(fit.laws[name].left_out)})"
        for name in fit.standing
        if name != fit.chosen
    ]
    verdict = (
        f"At twice the largest count all of these agree to {percent(AGREE)}."
        if fit.decided
        else f"At twice the largest count they part by more than {percent(AGREE)}: the table "
        "cannot decide."
    )
    return (
        f"The choice is {NAMES[fit.chosen]}: it predicts runs left out to "
        f"{percent(best.left_out)} (rms) and is as simple as any that does."
        + (f" Not refuted: {_list(others)}. {verdict}" if others else "")
        + left
    )


def _binds(fit):
    """What the chosen law says binds, and what to try."""
    if fit.chosen == "efficiency stays":
        return
    law = fit.laws[fit.chosen]
    by, largest = law.parameters, fit.devices[-1] / fit.devices[0]
    work = "a larger batch" if fit.mode == "strong" else "a larger batch on each device"
    if fit.chosen == "amdahl":
        f = by["serial fraction"]
        if f.low == 0:
            yield f"No loss is sure: the serial fraction is at most {percent(f.high)}."
        elif fit.mode == "strong":
            yield (
                f"The serial part binds: 1 - p = {_span(f, percent)} of the time of the smallest "
                "run does not shrink. An all-reduce bound by bandwidth looks the same (2 G / beta "
                "over the time to compute). Try to overlap it, or to give each device more: "
                f"{work}."
            )
        else:
            yield (
                f"Something serves all devices in turn, for {_span(f, percent)} of the smallest "
                "run's step each: a loader, a server of parameters, the latency of a ring. Give "
                "each machine its own, or send fewer, larger messages."
            )
    elif fit.chosen == "gustafson":
        yield (
            f"Each further device adds p = {_span(by['p'])} of one. The loss is a share of the "
            f"step that does not grow with n, as an all-reduce bound by bandwidth is. Try {work}, "
            "fewer bytes for each number, or overlap."
        )
    elif fit.chosen == "two links":
        inside, between = by["inside"], by["between"]
        yield (
            "The time between machines binds"
            if between.value > inside.value
            else "The time within a machine binds"
        ) + (
            ", if what is lost is a ring's: to send the gradients once takes "
            f"{_span(between, percent)} of the time to compute between machines and "
            f"{_span(inside, percent)} within one. Try an all-reduce in two levels, fewer bytes "
            f"for each number, {work}, or overlap."
        )
    else:
        if fit.chosen == "usl":
            sent, waited = by["sigma"].value, by["kappa"].value * largest
            names = "sigma (what all share)", "kappa (what each pair exchanges)"
            values = by["sigma"], by["kappa"]
        else:
            sent, waited = by["bandwidth"].value, by["latency"].value * largest
            names = "bandwidth", "latency"
            values = by["bandwidth"], by["latency"]
        size = 0 if sent > waited else 1
        remedy = (
            f"fewer bytes for each number, a faster link, {work}, or overlap",
            "fewer and larger messages, an all-reduce in two levels or a tree, fewer devices",
        )[size]
        yield (
            f"On {fit.devices[-1]} devices {names[size]} binds: "
            + _list([f"{name} = {_span(e)}" for name, e in zip(names, values, strict=True)])
            + f", in units of the time of the smallest run. Try {remedy}."
        )
        if fit.mode == "strong" and fit.chosen == "communication":
            yield "The Universal Scalability Law is the same curve: sigma, kappa are twice these."
    if math.isfinite(law.ceiling.value):
        first = fit.throughput[0]
        most = [short(x / first) for x in (law.ceiling.value, law.ceiling.low, law.ceiling.high)]
        yield (
            f"The ceiling of this law is {most[0]} times the throughput of the smallest run "
            f"({most[1]} to {most[2]})."
        )
    else:
        yield "This law has no ceiling: efficiency falls, but every device adds something."


def ahead(fit, count):
    """What to expect of one of the counts of `fit.predictions`, in a sentence."""
    what = {"time": "a time of ", "per device": "for each device ", "throughput": ""}[fit.kind]
    said, on = fit.predictions[count], f"On {short(count, 7)} devices"
    value, stays, *ends = (
        float(fit.as_given(count, x))
        for x in (said.value, fit.stays[count], *sorted((said.low, said.high)))
    )
    low, high = reversed(ends) if fit.kind == "time" else ends
    expected = f"{what}{short(value)}"
    if falls_away(fit):
        return (
            f"{on} nobody knows: {NAMES[fit.chosen]} would give {expected}, but these runs "
            "end in a fall that no law here explains."
        )
    if fit.chosen != "efficiency stays":
        expected += f' ("efficiency stays": {short(stays)})'
    elif len(fit.devices) < 4:
        return (
            f"{on} expect {expected} if efficiency stays as it is. So few runs cannot say by how "
            "much that may miss."
        )
    if said.high >= 10 * said.low:
        interval = "but that is hardly more than a guess"
    elif high == value:
        interval = f"where no law says more, and one says as little as {short(low)}"
    elif low == value:
        interval = f"where no law says less, and one says as much as {short(high)}"
    else:
        interval = f"between {short(low)} and {short(high)}"
    return f"{on} expect {expected}, {interval}."


def tested(fit):
    """Whether there are runs enough to state an interval, and a reason to look further."""
    return len(fit.devices) > 3 and not falls_away(fit)


def falls_away(fit):
    """Whether the runs end in a fall that the choice does not explain."""
    broken = any(BREAKS in text for text in fit.warnings)
    turned = any(text.startswith(TURNED) for text in fit.warnings)
    return broken or turned and fit.chosen == "efficiency stays"


def next_runs(fit):
    """Which two runs to add, in a sentence."""
    first, second = fit.next_runs
    if falls_away(fit):
        return f"Before any larger count, run on {fit.devices[-1]} again, and below it."
    return (
        f"Two more runs tell most: on {first} and on {second} devices."
        if len(fit.standing) > 1
        else f"To narrow the intervals, run on {first} and on {second} devices."
    )
