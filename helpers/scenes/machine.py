"""What the measurements of a machine say: of `helpers.measure`, or of a record.

Results are drawn with their intervals, as upright or level lines; rows without result are left
out, and the sentence says so. Where nothing is left, the scene is the reason in words.
"""

import math
import re
import textwrap
from collections import Counter

from helpers.roofline import bound, ridge
from helpers.scenes.marks import (
    BOTH,
    COMPUTE,
    DOT_SHAPES,
    MEMORY,
    QUIET,
    ROOF_COLOURS,
    Dot,
    Line,
    Scene,
    Words,
)
from helpers.scenes.roofline import roofline_scene
from helpers.words import percent, short, si, size_words

THIN = 0.8  # width of intervals and of whatever is there to measure by
INTENSITIES = (0.05, 2000)
# How an operation looks: colour, dashed, width, and the dot at its end.
STREAMS = {
    "read": (MEMORY, False, 2.2, "o"),
    "copy": (BOTH, False, 1.2, "D"),
    "add": (QUIET, True, 1.2, "s"),
}
PRECISIONS = {"FP32": (COMPUTE, "s"), "FP64": (BOTH, "D")}
LAYER = "fully connected, batch "
CONVOLUTIONS = {
    "convolution, copied and multiplied": "convolution",
    "convolution, as if direct": "as if direct",
}
# Where the number of a batch stands: small ones lie below the roofs, large ones at the flat one.
BATCH_PLACES = (
    (1, "right", (-7, 8)),
    (64, "right", (-9, 0)),
    (1024, "center", (0, 13)),
    (math.inf, "left", (2, 13)),
)
# Of a case: in the order from above, how far above or below its line, and the look of the dot.
SPEEDUPS = {
    "naive": ("at first sight", 0.25, QUIET, "o"),
    "predicted": ("Amdahl's law", 0.0, COMPUTE, "s"),
    "measured": ("measured", -0.25, BOTH, "D"),
}

CURVES = {
    "in_turns": (QUIET, True, 1.2),
    "perfect": (QUIET, False, 1.2),
    "predicted": (BOTH, False, 2.0),
}


def bandwidth_scene(rows, threads=1, caches=None, operations=tuple(STREAMS)):
    """The marks and the sentence of rates over sizes; arguments as `plot_bandwidths`.

    `operations` are those to draw, of "read", "copy" and "add".
    """
    rows = [row for row in rows if row.threads == threads and row.operation in operations]
    known = [row for row in rows if _is_drawn(row.seconds) and row.size and row.moved]
    if not known:
        return _nothing([row.seconds for row in rows], f"β with {_count(threads, 'thread')}")
    marks, said, ends = [], [], {}
    for operation in operations:
        line = sorted((row for row in known if row.operation == operation), key=lambda r: r.size)
        if line:
            sizes, rates = zip(*((row.size, row.rate) for row in line), strict=True)
            marks.append(Line(sizes, rates, *STREAMS[operation][:3]))
            marks += [_upright(row.size, row.rate, row.seconds) for row in line]
            ends[operation] = line[-1]
            best = max(line, key=lambda row: row.rate)
            told = f"{operation} moves {si(best.rate, 'B/s')} at {size_words(best.size)}"
            if best is not line[-1]:
                told += f" and {si(line[-1].rate, 'B/s')} at {size_words(line[-1].size)}"
            said.append(told)
    high = max(row.rate for row in known)
    levels = {
        name: size
        for name, size in (caches or {}).items()
        if min(row.size for row in known) <= size <= 4 * max(row.size for row in known)
    }
    for name, size in levels.items():
        marks.append(Line((size, size), (min(row.rate for row in known), high), QUIET, True, THIN))
        marks.append(Words(size, high, name, QUIET, "center", (0, 12)))
    # The lines often end close to each other: their names stand one below the other.
    order = sorted(ends, key=lambda operation: -ends[operation].rate)
    for place, operation in enumerate(order):
        row, (colour, *_, shape) = ends[operation], STREAMS[operation]
        marks.append(Dot(row.size, row.rate, colour, shape))
        text = f"{operation}: {si(row.rate, 'B/s')}"
        up = 13 * ((len(order) - 1) / 2 - place)
        marks.append(Words(row.size, row.rate, text, colour, "left", (9, up)))
    sentence = f"With {_count(threads, 'thread')}, {'; '.join(said)}."
    if levels:
        told = (f"{name} holds {size_words(size)}" for name, size in levels.items())
        sentence += f" Of the caches, {', '.join(told)}."
    return Scene(marks, sentence + _lacking(rows, known))


def peak_scene(rows):
    """The marks and the sentence of π over threads; arguments as `plot_peaks`."""
    known = [row for row in rows if _is_drawn(row.seconds) and row.flops]
    if not known:
        return _nothing([row.seconds for row in rows], "π")
    marks, said = [], []
    for precision, (colour, shape) in PRECISIONS.items():
        line = sorted((r for r in known if r.precision == precision), key=lambda r: r.threads)
        if line:
            counts, rates = zip(*((row.threads, row.rate) for row in line), strict=True)
            ideal = tuple(rates[0] * count / counts[0] for count in counts)
            marks.append(Line(counts, ideal, QUIET, True, THIN))
            marks.append(Line(counts, rates, colour, False, 2.2 if precision == "FP32" else 1.2))
            marks += [_upright(row.threads, row.rate, row.seconds) for row in line]
            marks += [Dot(*at, colour, shape) for at in zip(counts, rates, strict=True)]
            place = counts[-1], rates[-1]
            text = f"{precision}: {si(rates[-1], 'flop/s')}"
            marks.append(Words(*place, text, colour, "left", (10, 7 if shape == "s" else -7)))
            told = (
                f"{si(row.rate, 'flop/s')} with {_count(row.threads, 'thread')}" for row in line
            )
            said.append(f"{precision}: {', '.join(told)}")
    return Scene(marks, f"Matrix products reach, in {'; in '.join(said)}.{_lacking(rows, known)}")


def own_roofline_scene(roofline, points=True):
    """The marks and the sentence of a machine's own roofline; arguments as `plot_own_roofline`.

    Parameters
    ----------
    points : bool
        Draw the tasks too?
    """
    rows = roofline.points if points else ()
    known = [row for row in rows if _is_drawn(row.seconds) and row.flops and row.moved]
    marks, said = _roofs(roofline)
    if not marks and not known:
        return _nothing([roofline.peak, roofline.bandwidth], "the roofline")
    both = [row for row in known if row.name in CONVOLUTIONS]
    if len(both) == 2:
        line = zip(*((row.intensity, row.rate) for row in both), strict=True)
        marks.append(Line(*line, QUIET, True, THIN))
    for row in known:
        colour, shape = _regime(row, roofline)
        marks.append(_upright(row.intensity, row.rate, row.seconds))
        marks.append(Dot(row.intensity, row.rate, colour, shape))
        marks.append(_label(row, colour))
        told = f"{row.name} {si(row.rate, 'flop/s')}"
        if row.share.known:
            told += f" ({percent(row.share.value)})"
        said.append(told)
    if known:
        head = "Measured, and in brackets the share of what the roofs predict:"
        said = [said[0], f"{head} {'; '.join(said[1:])}."]
    return Scene(marks, " ".join(said) + _lacking(rows, known))


def batch_scene(roofline):
    """The marks and the sentence of a layer's time over its batch; as `plot_batches`."""
    rows = {_batch(row): row for row in roofline.points if _batch(row)}
    rows = {batch: rows[batch] for batch in sorted(rows)}
    guesses = {b: row for b, row in rows.items() if _is_drawn(row.predicted)}
    known = {b: row for b, row in rows.items() if _is_drawn(row.seconds)}
    if not known and not guesses:
        return _nothing([row.seconds for row in rows.values()], "the layer")
    marks, said = [], []
    meet = _ridge_batch(rows, roofline)
    curve = [(batch, row.predicted.value) for batch, row in guesses.items()]
    if meet and curve and curve[0][0] < meet[0] < curve[-1][0]:
        parts = [[at for at in curve if at[0] < meet[0]] + [meet]]
        parts.append([meet] + [at for at in curve if at[0] > meet[0]])
        for part, colour in zip(parts, (MEMORY, COMPUTE), strict=True):
            marks.append(Line(*zip(*part, strict=True), colour))
        told = f"ridge: batch {short(meet[0])}"
        marks += [Dot(*meet, BOTH, "D"), Words(*meet, told, BOTH, "left", (9, -14))]
        start, end = parts[0][0], meet
        middle = math.sqrt(start[0] * end[0]), math.sqrt(start[1] * end[1])
        marks.append(Words(*middle, "bytes / β", MEMORY, "center", (0, -12)))
        marks.append(Words(*parts[1][-1], "flop / π", COMPUTE, "right", (-14, 0)))
        said.append(f"The ridge is a batch of {short(meet[0])}.")
    elif curve:
        marks.append(Line(*zip(*curve, strict=True), BOTH, True))
        marks.append(Words(*curve[-1], "predicted", BOTH, "right", (-14, 0)))
    for batch, row in known.items():
        colour, shape = _regime(row, roofline)
        took = row.seconds
        marks.append(Line((batch, batch), (took.low, took.high), BOTH, False, THIN))
        marks.append(Dot(batch, took.value, colour, shape))
        if batch == [*known][:2][-1]:
            marks.append(Words(batch, took.value, "measured", colour, "center", (0, 14)))
    for batch, row in (guesses | known).items():
        guess = f"{short(row.predicted.value)} s predicted" if batch in guesses else ""
        took = f"{short(row.seconds.value)} s measured" if batch in known else ""
        told = ", ".join(filter(None, (guess, took)))
        said.append(f"Batch {short(batch)}: {told}.")
    return Scene(marks, " ".join(said) + _lacking(list(rows.values()), list(known.values())))


def speedup_cases(*tables):
    """Names of the cases of which something is to be drawn, each once, in their order."""
    return list(dict.fromkeys(row.name for rows in tables for row in rows if _of_case(row)))


def speedup_scene(rows, cases=None, kinds=tuple(SPEEDUPS)):
    """The marks and the sentence of cases of Amdahl's law; arguments as `plot_speedups`.

    Parameters
    ----------
    cases : list of str, optional
        The case of each line, from above; those of the rows if None.
    kinds : sequence of str
        What to draw, of "naive", "predicted" and "measured".
    """
    cases = speedup_cases(rows) if cases is None else cases
    known = [row for row in rows if _of_case(row)]
    if not known:
        return _nothing([row.measured for row in rows], "what a faster part gains", (5, 5))
    results = [getattr(row, kind) for row in known for kind in kinds]
    right = max((result.high for result in results if _is_drawn(result)), default=1)
    marks = [Line((1, 1), (-len(cases) + 0.5, 0.5), QUIET, True, THIN)]
    taken, said = set(), []
    for kind in kinds:
        words, shift, colour, shape = SPEEDUPS[kind]
        having = [row for row in known if _is_drawn(getattr(row, kind))]
        for row in having:
            result, level = getattr(row, kind), shift - cases.index(row.name)
            marks.append(Line((result.low, result.high), (level, level), BOTH, False, THIN))
            marks.append(Dot(result.value, level, colour, shape))
        # Each kind is named once, in a line of its own if there are enough.
        free = [row for row in having if row.name not in taken] or having
        if free:
            taken.add(free[0].name)
            level = shift - cases.index(free[0].name)
            marks.append(Words(right, level, words, colour, "left", (10, 0)))
    for row in known:
        told = [
            f"{words} {short(getattr(row, kind).value)}"
            for kind, (words, *_) in SPEEDUPS.items()
            if _is_drawn(getattr(row, kind))
        ]
        said.append(f"{row.name}: {', '.join(told)}")
    return Scene(marks, f"S for {'; '.join(said)}.{_lacking(rows, known)}")


def chunk_scene(rows, loader="link", curves=tuple(CURVES)):
    """The marks and the sentence of overlap over chunks; arguments as `plot_overlaps`.

    `curves` are those to draw, of "in_turns", "perfect" and "predicted".
    """
    rows = sorted((row for row in rows if row.loader == loader), key=lambda row: row.chunks)
    known = [
        row
        for row in rows
        if all(map(_is_drawn, (row.measured, row.predicted, row.in_turns, row.perfect)))
    ]
    if not known:
        return _nothing([row.measured for row in rows], f"overlap with the loader {loader!r}")
    chunks = tuple(row.chunks for row in known)
    marks = [
        Line(chunks, tuple(getattr(row, curve).value for row in known), *CURVES[curve])
        for curve in curves
    ]
    for row in known:
        took = row.measured
        marks.append(Line((row.chunks, row.chunks), (took.low, took.high), BOTH, False, THIN))
        marks.append(Dot(row.chunks, took.value, BOTH, "D"))
    middle, last, second = known[len(known) // 2], known[-1], known[min(1, len(known) - 1)]
    marks += [
        Words(middle.chunks, middle.in_turns.value, "the sum", QUIET, "center", (0, 12)),
        Words(middle.chunks, middle.perfect.value, "the maximum", QUIET, "center", (0, -14)),
        Words(last.chunks, last.predicted.value, "max + min/n", BOTH, "left", (10, -4)),
        Words(second.chunks, second.measured.value, "measured", BOTH, "left", (10, 10)),
    ]
    said = [
        f"{_count(row.chunks, 'chunk')} {short(row.measured.value)} s "
        f"(max + min/n: {short(row.predicted.value)} s)"
        for row in known
    ]
    winners = Counter(row.winner for row in known if row.winner and row.chunks > 1)
    nearest = ""
    if winners:
        name, times = winners.most_common(1)[0]
        nearest = f" Nearest is {name}, {times} of {sum(winners.values())} times for n > 1."
    return Scene(
        marks,
        f"Loader {loader!r}: {', '.join(said)}.{nearest}{_lacking(rows, known)}",
    )


def laid_over(scene, other, name, place=None):
    """A scene, and below it in grey the marks of another, under its name.

    Parameters
    ----------
    scene, other : Scene
        Of two machines, made by the same function.
    name : str
        Of the other machine.
    place : Words, optional
        Where the name stands; at one of the dots if None.
    """
    sentence = f"{scene.sentence} In grey, {name}: {other.sentence}"
    grey = []
    for mark in other.marks:
        if isinstance(mark, Line) and mark.width > THIN:
            grey.append(Line(mark.x, mark.y, QUIET, True, 1.2))
        elif isinstance(mark, Line) and not mark.dashed:  # an interval, too short for dashes
            grey.append(Line(mark.x, mark.y, QUIET, False, THIN))
        elif isinstance(mark, Dot):
            grey.append(Dot(mark.x, mark.y, QUIET, "D"))  # told from squares and circles
    if not grey:
        return Scene(scene.marks, sentence)
    dots = [(mark.x, mark.y) for mark in grey if isinstance(mark, Dot)]
    *others, end = dots or zip(grey[0].x, grey[0].y, strict=True)
    place = place or Words(*end, name, QUIET, "right", (-9, -13), tuple(others))
    own = [] if _is_empty(scene) else scene.marks
    return Scene([*grey, *own, place], sentence)


def records_scene(rooflines):
    """The roofs of one machine or of two, the second in grey, by their names."""
    scenes = {name: own_roofline_scene(roof, points=False) for name, roof in rooflines.items()}
    peaks = {name: roof.peak.value for name, roof in rooflines.items() if roof.peak.known}
    highest = max(peaks, key=peaks.get, default=None)
    places = {}
    for name, roof in rooflines.items():
        place = (1, roof.bandwidth.value, "left", (9, -9))
        if roof.peak.known:
            up = 11 if name == highest else -11
            place = (500, roof.peak.value, "center", (0, up))
        x, y, *beside = place
        places[name] = Words(x, y, name, QUIET if places else BOTH, *beside)
    (first, scene), *second = scenes.items()
    if not _is_empty(scene):
        scene = Scene([*scene.marks, places[first]], f"{first}: {scene.sentence}")
    for name, other in second:
        scene = laid_over(scene, other, name, places[name])
    return scene


def extent(scene):
    """The least and the largest x, and y, of what is drawn; of an empty scene 1 and 10."""
    ends = []
    for axis in "xy":
        found = [
            number
            for mark in scene.marks
            if not isinstance(mark, Words)
            for number in (getattr(mark, axis) if isinstance(mark, Line) else [getattr(mark, axis)])
        ]
        ends.append((min(found, default=1.0), max(found, default=10.0)))
    return tuple(ends)


def brief(text, most=40):
    """The text, or its beginning if it is longer than so many characters."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _is_empty(scene):
    return all(isinstance(mark, Words) for mark in scene.marks)


def _is_drawn(result):
    """Is there a result, and of a size that has a place in a picture?"""
    return result.known and 1e-9 <= result.low and result.high <= 1e9


def _of_case(row):
    return _is_drawn(row.measured) or _is_drawn(row.predicted)


def _upright(x, rate, seconds):
    """The interval of a rate, from that of its time."""
    ends = (rate * seconds.value / end for end in (seconds.high, seconds.low))
    return Line((x, x), tuple(ends), BOTH, False, THIN)


def _roofs(roofline):
    """The marks of the roofs that are known, and a sentence."""
    peak, beta = roofline.peak, roofline.bandwidth
    if peak.known and beta.known:
        scene = roofline_scene(peak.value, beta.value, {}, INTENSITIES)
        told = f"π = {si(peak.value, 'flop/s')}, β = {si(beta.value, 'B/s')}."
        return scene.marks, [f"{told} {scene.sentence}"]
    if peak.known:
        line = Line(INTENSITIES, 2 * (peak.value,), COMPUTE)
        return [line], [f"π = {si(peak.value, 'flop/s')}; β is not known: {beta.why}."]
    if beta.known:
        line = Line(INTENSITIES, tuple(beta.value * at for at in INTENSITIES), MEMORY)
        return [line], [f"β = {si(beta.value, 'B/s')}; π is not known: {peak.why}."]
    return [], [f"π and β are not known: {peak.why}."]


def _regime(row, roofline):
    """Colour and shape of a task by what limits it."""
    if not (roofline.peak.known and roofline.bandwidth.known):
        return BOTH, "D"
    regime = bound(row.intensity, roofline.peak.value, roofline.bandwidth.value)
    return ROOF_COLOURS.get(regime, BOTH), DOT_SHAPES.get(regime, "D")


def _label(row, colour):
    """The name of a task beside its dot: of all batches but the first only the number."""
    batch, name = _batch(row), CONVOLUTIONS.get(row.name, brief(row.name))
    place = "left", (9, -10)
    if batch:
        name = "layer, batch 1" if batch == 1 else short(batch)
        place = next(place for largest, *place in BATCH_PLACES if batch <= largest)
    return Words(row.intensity, row.rate, name, colour, *place)


def _batch(row):
    """The batch of a fully connected layer; 0 if the task is none."""
    found = re.fullmatch(rf"{LAYER}([1-9]\d{{0,8}})", row.name, re.ASCII)
    return int(found[1]) if found else 0


def _ridge_batch(rows, roofline):
    """The batch at which both roofs take equally long, and that time; None if there is none.

    A layer's flop grow in proportion to its batch b, and its bytes by the same for each example:
    f b and w + c b. From f b / π = (w + c b) / β follows b = w I* / (f - c I*).
    """
    if len(rows) < 2 or not (roofline.peak.known and roofline.bandwidth.known):
        return None
    (one, first), *_, (two, last) = rows.items()
    each = first.flops / one
    more = (last.moved - first.moved) / (two - one)
    weights = first.moved - more * one
    meet = ridge(roofline.peak.value, roofline.bandwidth.value)
    if weights <= 0 or each <= more * meet:
        return None
    batch = weights * meet / (each - more * meet)
    return batch, each * batch / roofline.peak.value


def _nothing(results, what, place=(10**0.5, 5)):
    """The scene where nothing can be drawn: why."""
    reasons = Counter(result.why for result in results if result.why)
    why = reasons.most_common(1)[0][0] if reasons else "there are no rows of it"
    sentence = f"No picture of {what}: {why}."
    lines = textwrap.wrap(brief(sentence, 200), 64)
    middle = (len(lines) - 1) / 2
    marks = [
        Words(*place, line, QUIET, "center", (0, 16 * (middle - number)))
        for number, line in enumerate(lines)
    ]
    return Scene(marks, sentence)


def _lacking(rows, known):
    """In words, which rows have no result, and why most of them have none."""
    missing = [row for row in rows if row not in known]
    if not missing:
        return ""
    results = [getattr(row, "seconds", None) or getattr(row, "measured", None) for row in missing]
    reasons = Counter(result.why for result in results if result.why)
    why = f", most often: {reasons.most_common(1)[0][0]}" if reasons else ""
    return f" Without result: {len(missing)} of {len(rows)}{why}."


def _count(number, noun):
    return f"{short(number)} {noun}{'s' * (number != 1)}"
