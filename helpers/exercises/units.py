"""The units of answers, as people write them: symbols, words, plurals, prefixes, nouns."""

import re

UNITS = ("flop", "flop/s", "flop/B", "B", "B/s", "s", "img/s", "1")  # that exercises may ask for
KNOWN = {*UNITS, "img", "1/s"}  # that an answer may be in
NAMES = {
    "1": "a pure number",
    "flop": "in flop, a count",
    "flop/s": "in flop/s, a speed",
    "img/s": "in images each second (img/s)",
}
SCALES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
SCALES |= {"m": 1e-3, "n": 1e-9} | dict.fromkeys(("u", "µ", "μ"), 1e-6)  # two kinds of mu
SCALES |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}
SPELLED = {"kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12, "peta": 1e15, "exa": 1e18}
SPELLED |= {"milli": 1e-3, "micro": 1e-6, "nano": 1e-9}
SPELLED |= {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}

# Names of units, each with its quantity and its size in the unit of the series. Symbols, in which
# a capital matters, and words, in any case and in the plural too, may have a prefix.
SYMBOLS = {"B": ("B", 1.0), "b": ("B", 1 / 8), "s": ("s", 1.0), "Hz": ("1/s", 1.0)}
WORDS = {"flop": ("flop", 1.0), "operation": ("flop", 1.0)}
WORDS |= {"byte": ("B", 1.0), "bit": ("B", 1 / 8), "hertz": ("1/s", 1.0), "hz": ("1/s", 1.0)}
WORDS |= dict.fromkeys(("second", "sec"), ("s", 1.0))
WORDS |= dict.fromkeys(("img", "image", "picture"), ("img", 1.0))
# Words that have none.
PLAIN = dict.fromkeys(("min", "minute"), ("s", 60.0))
PLAIN |= dict.fromkeys(("h", "hr", "hour"), ("s", 3600.0))
PLAIN |= dict.fromkeys(("d", "day"), ("s", 86400.0)) | {"week": ("s", 7 * 86400.0)}
PLAIN |= dict.fromkeys(("y", "yr", "year"), ("s", 365 * 86400.0))
PLAIN |= dict.fromkeys(("time", "x", "×", "fold"), ("1", 1.0)) | {"hundred": ("1", 100.0)}
PLAIN |= dict.fromkeys(("%", "percent", "pct"), ("1", 0.01))
PLAIN |= dict.fromkeys(("half", "halve"), ("1", 1 / 2))
PLAIN |= {"third": ("1", 1 / 3), "quarter": ("1", 1 / 4)}

WORD = re.compile(rf"(.*?)[ -]*({'|'.join(sorted(WORDS, key=len, reverse=True))})(s?)", re.I)
BARE = re.compile(rf"[kKMGTPEgt]|(?i:(?:{'|'.join(SPELLED)})s?)")
PER = re.compile(r"[ -]*(?:/|\b(?:per|an?|each|every)\b)[ -]*", re.I)
# Words behind a number that do not change it, besides those of the question.
HARMLESS = {"the", "per", "each", "as", "fast", "faster", "gpu", "card", "device", "machine"}


class Unclear(Exception):
    """An answer that cannot be read; the message says why."""


class WrongUnit(Unclear):
    """An answer in the unit of another quantity."""


def name_of(unit):
    """A unit as part of the sentence "asked is ..."."""
    return NAMES.get(unit, f"in {unit}")


def scale_of(written, unit, question=""):
    """How many of `unit` one of the `written` unit is; raises `Unclear` if that is unknown.

    Nouns that stand in the question may follow the unit ("50 % of the peak") and, where a pure
    number is asked for, take its place ("9 GPUs").
    """
    if not written:
        return 1.0
    ((asked, size),) = sizes(unit).items()
    found = sizes(written)
    if asked in found:
        return found[asked] / size
    if asked == "1" and "img" in found:  # pictures that are counted
        return found["img"]
    if found:
        raise WrongUnit(f"This is {', or '.join(map(name_of, found))}; asked is {name_of(unit)}.")
    if re.match("(?:%|per ?cent|pct).*(?:faster|more|higher)", written, re.I):
        raise Unclear("Write how many times as fast: a % may be what is added, or the whole.")
    if asked == "s" and written == "m":
        raise Unclear("Here m may be minutes or milliseconds: write min or ms.")
    if asked != "s" and BARE.fullmatch(written):  # 1.8T
        return _prefix(written.removesuffix("s")) / size
    nouns = {_singular(word) for word in {*re.findall(r"\w+", question), *HARMLESS}}
    words = re.sub(r"\b(?:of|for|on|in|at) [A-Za-z ]+$", "", written).split()
    while words:
        shorter = " ".join(words)
        if shorter != written and (asked in sizes(shorter) or BARE.fullmatch(shorter)):
            return scale_of(shorter, unit)
        if _singular(words[-1]) not in nouns:
            break
        words.pop()
    if not words and asked == "1":
        return 1.0
    raise Unclear(f"The unit {written[:20]!r} is not known; asked is {name_of(unit)}.")


def sizes(written):
    """The quantities that a written unit may mean, each with its size in the unit of the series.

    Only "flops" has two, flop and flop/s: people print a speed so, in any capitals.
    """
    if written == "1":
        return {"1": 1.0}
    written = re.sub("per[ -]cent", "percent", written, flags=re.I)
    written = re.sub("floating[ -]point ", "", written, flags=re.I)
    written = re.sub(r"(?<=[bB])ps$", "/s", written)  # Gbps
    written = re.sub(r"(?<=[MG])T/s$", "Hz", written)  # transfers, of a memory
    match PER.split(written):
        case [one]:
            return _atom(one)
        case [above, below]:
            return {
                f"{over}/{under}": size / divisor
                for over, size in _atom(above).items()
                for under, divisor in _atom(below if below != "S" else "s").items()
                if f"{over}/{under}" in KNOWN
            }
    return {}


def scaled(unit):
    """The units in which people think of large or small numbers of `unit`, with their sizes."""
    if unit == "s":
        return {name: sizes(name)["s"] for name in ("µs", "ms", "min", "h", "days", "years")}
    if unit in ("flop", "flop/s", "B", "B/s"):
        return {f"{prefix}{unit}": SCALES[prefix] for prefix in "kMGTPE"}
    return {}


def _atom(written):
    """Sizes of a unit without a fraction bar."""
    for name, (quantity, size) in SYMBOLS.items():
        if written.endswith(name):
            prefix = written.removesuffix(name).strip()
            if name == "b" and prefix and prefix[0] in "kmgtpe":
                raise Unclear(f"{written!r} may mean bytes or bits: write a capital B, or bit.")
            if scale := _prefix(prefix, strict=name == "s") if prefix else 1.0:
                return {quantity: size * scale}
    plain = written.lower()
    for name in (plain, plain.removesuffix("s")):
        if name in PLAIN:
            return dict([PLAIN[name]])
    if match := WORD.fullmatch(written):
        quantity, size = WORDS[match[2].lower()]
        if scale := _prefix(match[1]) if match[1] else 1.0:
            speed = {"flop/s": scale} if match[2].lower() == "flop" and match[3] else {}
            return {quantity: size * scale, **speed}
    return {}


def _prefix(written, strict=False):
    """Scale of a prefix; a small letter or a capital is taken for the other kind if none of it is
    a prefix, unless that is strict. None if there is no such prefix."""
    for form in (written, *(() if strict else (written.upper(), written.lower(), written.title()))):
        if form in SCALES:
            return SCALES[form]
    return SPELLED.get(written.lower())


def _singular(word):
    return re.sub("['’]?s?$", "", word.lower())
