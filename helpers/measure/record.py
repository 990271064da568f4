"""Records: what was measured on a machine, as a small file that others can read and compare.

A record is JSON (UTF-8): the machine's description, a date, and the results with their intervals
and how quiet the machine was. It names no host and no person. ``VERSION`` grows when a field
changes; a file of another version is refused. Measure and save this machine, once all else on it
has stopped:

    python -m helpers.measure helpers/data/machines/NAME.json
"""

import json
import math
import re
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import GenericAlias
from typing import NamedTuple, get_args, get_type_hints

from helpers.measure.machine import Machine, machine, usable_threads
from helpers.measure.overlap import Overlap, overlaps
from helpers.measure.parts import Speedup, speedups
from helpers.measure.roof import Bandwidth, Peak, Roofline, bandwidths, peaks, roofline
from helpers.measure.watch import Measured, Stopwatch
from helpers.ranges import COUNT, Range, between, checked

SCHEMA, VERSION = "how-fast-can-it-train/machine", 1
MACHINES = Path(__file__).resolve().parents[1] / "data" / "machines"
LARGEST = 2**20  # B of a file
ROWS = 1000  # of a table


class Record(NamedTuple):
    """What was measured on a machine.

    Attributes
    ----------
    date : str
        Such as "2026-11-29".
    machine : Machine
    bandwidths : tuple of Bandwidth
    peaks : tuple of Peak
    roofline : Roofline
    speedups : tuple of Speedup
    overlaps : tuple of Overlap
    """

    date: str
    machine: Machine
    bandwidths: tuple[Bandwidth, ...]
    peaks: tuple[Peak, ...]
    roofline: Roofline
    speedups: tuple[Speedup, ...]
    overlaps: tuple[Overlap, ...]


# What a field may hold, whatever table it stands in. A number of another name is refused at once.
SIZE = between(0, 1e15, "B", whole=True)
NUMBERS = {
    "installed": between(1, 1e5, whole=True),
    "cores": between(1, 1e5, whole=True),
    "last_level": SIZE,
    "threads": between(1, 1e5, whole=True),
    "chunks": between(1, 1e6, whole=True),
    "rounds": between(0, 1e6, whole=True),
    "size": between(1, 1e15, whole=True),
    "useful": SIZE,
    "moved": SIZE,
    "flops": between(0, 1e18, "flop", whole=True),
    "nominal": Range(0, False, 1e6, True, "above 0 and at most 1e6"),
    "others": between(0, 1),
}
# Of a result: what is measured, by the name of the field.
SECONDS = Range(0, False, 1e6, True, "above 0 and at most 1e6 s")
FACTOR = Range(0, False, 1e6, True, "above 0 and at most 1e6")
RESULTS = {
    "peak": Range(1e6, True, 1e18, True, "from 1e6 to 1e18 flop/s"),
    "bandwidth": Range(1e6, True, 1e15, True, "from 1e6 to 1e15 B/s"),
    "p": Range(0, False, 1, False, "above 0 and below 1"),
} | dict.fromkeys(("s", "r", "share", "ratio", "naive"), FACTOR)
WORDS = {
    "operation": r"copy|add|read",
    "precision": r"FP32|FP64",
    "loader": r"link|copy",
    "date": r"\d{4}-\d\d-\d\d",
}


def measure_all(seconds=50.0, watch=None, progress=None, tries=1):
    """Measure this machine: everything that a `Record` holds.

    Parameters
    ----------
    seconds : float
        Time to use, about: from 5 to 3600.
    watch : Stopwatch, optional
    progress : callable, optional
        As of `Stopwatch.rounds`.
    tries : int
        How often a part is measured, at most, while it has results that were too noisy or too
        unsteady; the try with the fewest is kept.

    Returns
    -------
    Record
    """
    if not 5 <= seconds <= 3600:
        raise ValueError(f"seconds must be from 5 to 3600 s, got {seconds}")
    tries = int(checked("tries", tries, COUNT))
    watch = watch or Stopwatch()
    counts = sorted({1, usable_threads()})
    steps = {  # each with its share of the time
        "bandwidths": (0.28, partial(bandwidths, counts)),
        "peaks": (0.16, peaks),
        "roofline": (0.28, roofline),
        "speedups": (0.14, speedups),
        "overlaps": (0.14, overlaps),
    }
    found, done = {}, 0.0
    for name, (share, measure) in steps.items():
        whole = progress and (
            lambda part, words, done=done, share=share: progress(done + share * part, words)
        )
        kept = []
        while len(kept) < tries and all(map(_disturbed, kept)):
            kept.append(measure(seconds=share * seconds, watch=watch, progress=whole))
        found[name] = min(kept, key=_disturbed)
        done += share
    return Record(datetime.now(UTC).date().isoformat(), machine(), **found)


def _disturbed(value):
    """How many results lack for a reason that another try may not have."""
    if isinstance(value, Measured):
        return value.why.startswith(("too noisy", "too unsteady", "throttled"))
    return sum(map(_disturbed, value)) if isinstance(value, tuple) else 0


def save_record(record, path):
    """Write a `Record` to a file; an unknown number becomes null. Returns the path."""
    content = {"schema": SCHEMA, "version": VERSION} | _plain(record)
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    # A result on one line: the file stays short, and a changed result is one changed line.
    text = re.sub(r"\{[^{}\[\]]*\}", lambda found: " ".join(found[0].split()), text)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def load_record(path):
    """Read a record, and refuse what is none.

    Parameters
    ----------
    path : path of a file

    Returns
    -------
    Record

    Raises
    ------
    ValueError
        Naming the field, what it may hold, and what it holds; or what is wrong with the file.
    OSError
        If the file cannot be opened.
    """
    with open(path, "rb") as file:
        return read_record(file.read(LARGEST + 1), Path(path).name)


def read_record(content, name):
    """The `Record` that the bytes of a file hold; raises a ValueError as `load_record` does."""
    if len(content) > LARGEST:
        raise ValueError(f"{name}: a record has at most {LARGEST} B, this file has more")
    try:
        return parse_record(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"{name}: a record is text in UTF-8, this file is not") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def parse_record(text):
    """The `Record` that a text in JSON holds; raises a ValueError as `load_record` does."""
    try:
        content = json.loads(text, parse_constant=_no_number, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(f"a record is JSON, this is not ({where})") from None
    except RecursionError:
        raise ValueError("a record is not nested so deeply") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = _short(content.get("schema") if isinstance(content, dict) else content)
        raise ValueError(f"schema must be {SCHEMA!r}, got {found}: no record of this series")
    version = content.get("version")
    if version is True or version != VERSION:
        raise ValueError(f"version must be {VERSION}, got {_short(version)}")
    rest = {key: value for key, value in content.items() if key not in ("schema", "version")}
    record = _read(Record, rest, "", "")
    try:
        date.fromisoformat(record.date)
    except ValueError:
        raise ValueError(f"date must be a day of the calendar, got {record.date!r}") from None
    return record


def shipped(folder=MACHINES):
    """The records that come with the series, a dictionary by the names of their files.

    They stand in where nothing can be measured.
    """
    return {path.stem: load_record(path) for path in sorted(Path(folder).glob("*.json"))}


def _plain(value):
    """What JSON can hold of a value."""
    if hasattr(value, "_asdict"):
        return {name: _plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    return None if isinstance(value, float) else value


def _read(kind, value, where, field):
    """A value of JSON as a kind of thing; `where` and `field` say which it is."""
    where = where or "the record"
    if isinstance(kind, GenericAlias):
        inner = get_args(kind)[0]
        if not isinstance(value, list) or len(value) > ROWS:
            raise ValueError(f"{where} must be a list of at most {ROWS} rows, got {_short(value)}")
        return tuple(_read(inner, row, f"{where}[{n}]", field) for n, row in enumerate(value))
    if hasattr(kind, "_fields"):
        return _read_fields(kind, value, where, field)
    if kind is dict:
        return _read_caches(value, where)
    if kind is str:
        return _read_text(value, where, field)
    return _read_number(value, where, NUMBERS[field], whole=kind is int)


def _read_fields(kind, value, where, field):
    if not isinstance(value, dict):
        raise ValueError(f"{where} must hold {', '.join(kind._fields)}, got {_short(value)}")
    for name in kind._fields:
        if name not in value:
            raise ValueError(f"{where} must hold {name}, and does not")
    for name in value:
        if name not in kind._fields:
            raise ValueError(
                f"{where} must hold {', '.join(kind._fields)} only, got {_short(name)}"
            )
    hints = get_type_hints(kind)
    if kind is Measured:
        return _read_measured(value, where, field)
    outer = "" if where == "the record" else f"{where}."
    return kind(**{n: _read(hints[n], value[n], f"{outer}{n}", n) for n in kind._fields})


def _read_measured(value, where, field):
    """A result: three numbers in order and in the range of the field, or a reason and none."""
    why = _read_text(value["why"], f"{where}.why", "why")
    rounds = _read_number(value["rounds"], f"{where}.rounds", NUMBERS["rounds"], whole=True)
    others = math.nan
    if value["others"] is not None:
        others = _read_number(value["others"], f"{where}.others", NUMBERS["others"])
    numbers = [value[name] for name in ("value", "low", "high")]
    if why:
        if numbers != [None] * 3:
            raise ValueError(f"{where}.value must be null beside a reason, got {_short(numbers)}")
        return Measured(math.nan, math.nan, math.nan, rounds, others, why)
    allowed = RESULTS.get(field, SECONDS if "speedups" not in where else FACTOR)
    names = ("value", "low", "high")
    middle, low, high = (_read_number(value[name], f"{where}.{name}", allowed) for name in names)
    if not low <= middle <= high:
        raise ValueError(f"{where} must have low <= value <= high, got {low}, {middle}, {high}")
    return Measured(middle, low, high, rounds, others)


def _read_caches(value, where):
    if not isinstance(value, dict) or len(value) > 9:
        raise ValueError(f"{where} must hold the size of each level, got {_short(value)}")
    for name in value:
        if not re.fullmatch(r"L[1-9]", name):
            raise ValueError(f"{where} must name levels such as 'L2', got {_short(name)}")
    return {n: _read_number(v, f"{where}.{n}", SIZE, whole=True) for n, v in value.items()}


def _read_text(value, where, field):
    if not isinstance(value, str) or len(value) > 200 or not (value + " ").isprintable():
        rule = "a text of one line, at most 200 characters"
        raise ValueError(f"{where} must be {rule}, got {_short(value)}")
    if field in WORDS and not re.fullmatch(WORDS[field], value, re.ASCII):
        raise ValueError(f"{where} must be of the form {WORDS[field]}, got {_short(value)}")
    return value


def _read_number(value, where, allowed, whole=False):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or abs(value) > 1e300 or allowed.refused(value) or whole and value % 1:
        raise ValueError(f"{where} must be a number {allowed.words}, got {_short(value)}")
    return int(value) if whole else float(value)


def _no_number(word):
    raise ValueError(f"a number must be finite, got {word}")


def _once(pairs):
    """The fields of an object, each named once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_short(twice)} must stand once, got it twice")
    return found


def _short(value):
    text = repr(value) if not isinstance(value, dict | list) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
