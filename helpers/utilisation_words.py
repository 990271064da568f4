"""What a diagnosis of a utilisation says: sentences, notes, and a table by number format."""

from helpers.words import joined, percent, short, si

NEAR = 0.8  # no MFU that the catalogue quotes comes near it
UNUSUAL = ("fp64", "int8")  # number formats in which training is not computed
CLOCK = 1.3  # between clocks of one device there is seldom more


def table(found):
    """Peak and utilisation by number format, in Markdown."""
    head = [found.subject, "peak", "utilisation", "fastest product measured", "of it"]
    rows = [head, ["---"] * len(head)]
    for name, peak in found.peaks.items():
        product = found.measured.get(name)
        row = [name.upper(), si(peak, found.unit), "", "", ""]
        if product:
            row[3] = si(product, found.unit)
        if found.utilisation:
            row[2] = percent(found.utilisation[name], 3)
            row[4] = percent(found.achieved / product, 3) if product else ""
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sentences(found):
    """What a `Diagnosis` says, sentence by sentence."""
    rate, link = found.achieved is not None, found.unit == "B/s"
    if rate and link and found.claimed is None:
        share = percent(found.utilisation[found.basis], 3)
        yield f"{found.subject}: {si(found.achieved, 'B/s')} is {share} of what it moves one way."
    elif rate and not link:
        shares = groups(
            (share, name.upper())
            for name, share in found.utilisation.items()
            if name == found.basis or share <= 1 and name not in UNUSUAL
        )
        shares = ", ".join(
            f"{percent(share, 3)} of {joined(names, most=3)}" for share, names in shares
        )
        yield (
            f"{found.subject}: each device attains {si(found.achieved, 'flop/s')}. Of the peak in "
            f"each number format that is {shares}."
        )
        if product := found.measured.get(found.basis):
            yield (
                f"The fastest {found.basis.upper()} product measured on it has "
                f"{si(product, 'flop/s')}: {percent(found.achieved / product, 3)} of that."
            )
    if found.claimed is not None:
        yield from _said_of_claim(found)
    elif found.alarm and not link:
        yield (
            f"No MFU that the catalogue quotes comes near {percent(NEAR)}: what ran is not what "
            "was named, or a count is off. By which factor is not known without a second figure."
        )
    elif not found.alarm and not link:
        yield from _said_of_rate(found)
    for candidate in found.candidates:
        yield _said_of_candidate(found, candidate)
    yield from found.notes
    if found.alarm and not (found.candidates or found.notes):
        yield "No usual slip explains it."
    if found.candidates and found.factor is None:
        these = "Each of these" if len(found.candidates) > 1 else "This"
        yield f"{these} would do: one figure alone cannot tell what it was."
    elif len(found.candidates) > 1:
        yield f"{len(found.candidates)} usual slips fit: a factor cannot tell which it was."
    elif found.candidates:
        yield "One usual slip fits. That is a reason to look there, and no proof."


def _said_of_claim(found):
    name = found.basis.upper() if found.unit == "flop/s" else found.basis
    if found.unit == "B/s":
        peak = si(found.peaks[found.basis], "B/s")
        claim = "So it is claimed"
        if found.alarm:
            claim = f"The claim is {short(found.claimed)} times that"
        if found.achieved != found.peaks[found.basis]:
            claim += f", and {short(found.factor)} times the {si(found.achieved, 'B/s')} sent"
        yield f"{found.subject} moves {peak} one way. {claim}."
    elif found.factor is None:
        yield (
            f"A claim of {percent(found.claimed, 3)} on {found.subject}, and no rate to compute it "
            "from."
        )
        if found.alarm:
            yield f"No MFU that the catalogue quotes comes near {percent(NEAR)}: is the peak right?"
    elif found.alarm:
        yield (
            f"The claim, {percent(found.claimed, 3)}, is {short(found.factor)} times what these "
            f"numbers give in {name}."
        )
    else:
        yield f"The claim, {percent(found.claimed, 3)}, is what these numbers give in {name}."


def _said_of_rate(found):
    share = found.utilisation[found.basis]
    if share > NEAR:
        yield (
            f"{percent(share, 3)} of {found.basis.upper()} is honest only if the products were "
            "computed in a narrower format: say which peak is meant."
        )


def _said_of_candidate(found, candidate):
    times = f"{short(candidate.factor)} times" if candidate.factor > 1 else ""
    times = times or f"1/{short(1 / candidate.factor)} of it"
    if found.factor is None:
        return (
            f"- {candidate.slip}: {candidate.words} ({times}). It would leave "
            f"{percent(candidate.utilisation, 3)}."
        )
    return f"- {candidate.slip}: {candidate.words} ({times}, {percent(candidate.miss)} off)."


def attention_note(factor):
    """How much attention would have to be, for its half to explain a factor."""
    if 1 < factor < 2:
        return (
            "Attention counted in full, where its mask needs half, would explain it if it were "
            f"{percent(factor - 1)} of the work as counted here: say attention=... to try."
        )
    return None


def clock_note(factor):
    """By how much a clock would have to differ, to explain a factor of two peaks."""
    if 1 / CLOCK < factor < CLOCK:
        side = "below" if factor > 1 else "above"
        return (
            f"A peak at another clock, {percent(abs(1 / factor - 1))} {side} the datasheet's, "
            "would explain it: a peak holds at one clock only."
        )
    return None


def faster_note(share):
    """By how much a clock would have to be faster, for a device to attain a share above 1."""
    if 1 < share < CLOCK:
        return (
            f"A clock {percent(share - 1)} above the one of the datasheet's peak would attain so "
            "much: a peak holds at one clock only."
        )
    return None


def groups(pairs):
    """Names by number, for pairs of a number and a name; those of one number together."""
    groups = {}
    for number, name in pairs:
        groups.setdefault(number, []).append(name)
    return groups.items()
