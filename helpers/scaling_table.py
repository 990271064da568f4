"""Reading a scaling table that a person pastes: CSV, a piece of a spreadsheet, or Markdown.

Nothing is guessed: what could be read in two ways is refused, in a message that names the row.
"""

import csv
import itertools
import math
import re
from dataclasses import dataclass

MAX_ROWS, MAX_CHARACTERS = 100, 20_000

# What a header may call its columns; a whole word, or part of one where it cannot be another.
_DEVICES = re.compile(r"\b(n|devices?|[gtcx]pus?|accelerators?|chips?|cards?|processes|ranks?)\b")
_TIME = re.compile(r"\b(times?|seconds?|sec|s|ms|min|minutes?|h|hours?|duration|latency)\b")
_RATE = re.compile(
    r"throughput|speed-?up|(/ ?|per )s(ec(onds?)?)?\b|\b(img|images|samples|seq|tokens?|tok|it)ps\b"
    r"|\btps\b"
)
_EACH = re.compile(r"(/|per) ?(device|[gtcx]pu|chip|card)\b|\bmfu\b|\befficiency\b|utili[sz]ation")
_SECONDS = {"ms": 1e-3, "s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600}
_SECONDS |= {"hour": 3600, "us": 1e-6, "µs": 1e-6, "μs": 1e-6}
_PREFIX = {"k": 1e3, "M": 1e6, "G": 1e9}

_NUMBER = re.compile(r"([-+]?[\d.,'’]*\d(?:[eE][-+]?\d+)?) ?([^\d\s=].*)?", re.ASCII)
_RULE = re.compile(r"[\s|:+-]+")  # the line below the head of a Markdown table


@dataclass(frozen=True)
class PastedTable:
    """Runs as pasted, sorted by devices.

    `devices` (whole numbers) and `values`: times in s, else as written. `kind` is "throughput",
    "time" or "per device" where the header or the units say which, else None: ask. `notes` say
    in sentences what was done to the table.
    """

    devices: tuple
    values: tuple
    kind: str | None
    notes: tuple


def read_table(text):
    """Read two columns, devices and throughput or time, from pasted text.

    Parameters
    ----------
    text : str
        2 to 100 rows, separated by commas, semicolons, tabs, bars (Markdown) or blanks; a head
        is optional where there are two columns. A decimal comma is read where semicolons, tabs,
        bars or blanks separate the columns. A cell may end in its unit, the same in all rows.

    Returns
    -------
    PastedTable

    Raises
    ------
    ValueError
        If the text cannot be read in one way only; the message names the row, counted from 1 as
        pasted, what is allowed, and what was found.

    Examples
    --------
    >>> read_table("GPUs;img/s\\n1;321,8\\n2;574,66").values
    (321.8, 574.66)
    >>> read_table("| n | step time (ms) |\\n|---|---|\\n| 1 | 59.6 |\\n| 2 | 33.3 |").kind
    'time'
    """
    lines = _lines(text)
    separator = _separator([line for _, line in lines])
    rows = [(row, _cells(line, separator)) for row, line in lines]
    for row, cells in rows:
        if len(cells) != len(rows[0][1]):
            hint = "; a decimal comma needs ; between the columns" if separator == "," else ""
            raise ValueError(
                f"row {row}: must have {len(rows[0][1])} cells as row {rows[0][0]} has, "
                f"got {len(cells)}{hint}"
            )
    head = None
    if not any(_number(cell) for cell in rows[0][1]):
        head, rows = rows[0], rows[1:]
    if not rows:
        raise ValueError(f"row {head[0]}: a head must be followed by rows of numbers, got none")
    (count, value), kind, scale = _columns(head, rows)
    counts = _counts([(row, *_split(cells[count], row, "devices")) for row, cells in rows])
    written = [(row, *_split(cells[value], row, "value")) for row, cells in rows]
    numbers = _numbers(written)
    kind, factor = _unit(written, kind, scale)
    if len(rows) < 2:
        raise ValueError(f"row {rows[0][0]}: a table must have at least two rows, got this one")
    values = [number * factor for number in numbers]
    order = sorted(range(len(rows)), key=counts.__getitem__)
    notes = []
    if order != list(range(len(rows))):
        falls = [b < a for a, b in itertools.pairwise(counts)]
        first = rows[1 + falls.index(True)][0]
        notes.append(f"The rows were sorted by devices (row {first} came after a larger count).")
    return PastedTable(
        tuple(counts[i] for i in order), tuple(values[i] for i in order), kind, tuple(notes)
    )


def as_text(content):
    """The text of a file or field; a ValueError that names the row if it is no small text."""
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            row = content.count(b"\n", 0, error.start) + 1
            raise ValueError(f"row {row}: the table must be text in UTF-8, got bytes") from None
    if not isinstance(content, str):
        raise ValueError(f"text must be a table as text, got {type(content).__name__}")
    text = content.lstrip("\ufeff")
    odd = re.search(r"[^\t\n\r -~\u00a0-\U0010ffff]|\ufffd", text[:MAX_CHARACTERS])
    if odd:
        row = text.count("\n", 0, odd.start()) + 1
        raise ValueError(f"row {row}: the table must be text, got the byte {odd[0]!r}")
    if len(text) > MAX_CHARACTERS:
        row = text.count("\n", 0, MAX_CHARACTERS) + 1
        raise ValueError(
            f"row {row}: the table must have at most {MAX_ROWS} rows and {MAX_CHARACTERS} "
            f"characters, got {text.count(chr(10)) + 1} rows and {len(text)} characters"
        )
    return text


def _lines(text):
    """The rows that are not blank, each with its number; refused if they are too many or none."""
    lines = as_text(text).replace("\u00a0", " ").splitlines()
    lines = [(row, line.strip(" ")) for row, line in enumerate(lines, start=1)]
    lines = [(row, line) for row, line in lines if line.strip() and not _RULE.fullmatch(line)]
    if not lines:
        raise ValueError("row 1: a table must have at least two rows, got an empty text")
    if len(lines) > MAX_ROWS + 1:  # one for the head
        row = lines[MAX_ROWS + 1][0]
        raise ValueError(
            f"row {row}: the table must have at most {MAX_ROWS} rows, got {len(lines)}"
        )
    return lines


def _separator(lines):
    """What parts the columns: the first of bar, tab, semicolon, blanks, comma that fits all."""
    for separator in "|\t;":
        if all(separator in line for line in lines):
            return separator
    blanks = all(re.fullmatch(r"[^\s,]+\s+\S+", line) for line in lines)
    return "," if any("," in line for line in lines) and not blanks else None


def _cells(line, separator):
    if separator is None:
        cells = line.split()
    elif separator == "|":
        cells = line.strip("|").split("|")
    else:
        (cells,) = csv.reader([line], delimiter=separator)
    return [cell.strip(" *`'\"") for cell in cells]


def _number(cell):
    """The number as written, and the unit after it; None if the cell is no number."""
    found = _NUMBER.fullmatch(cell)
    return found and (found[1], (found[2] or "").strip())


def _split(cell, row, what):
    if cell.startswith("="):
        raise ValueError(
            f"row {row}: {what} must be a number, got the formula {cell[:40]!r}: paste its value"
        )
    found = _number(cell)
    if not found:
        shown = repr(cell[:40]) if cell else "an empty cell"
        raise ValueError(f"row {row}: {what} must be a number such as 321.8, got {shown}")
    return found


def _columns(head, rows):
    """Which cells hold devices and value, and what the head says of the value."""
    width = len(rows[0][1])
    if head is None:
        if width != 2:
            raise ValueError(
                f"row {rows[0][0]}: without a head a table must have two columns, devices and "
                f"value, got {width}"
            )
        return (0, 1), None, None
    row, names = head
    plain = [name.lower() for name in names]
    found = {"devices": [], "per device": [], "throughput": [], "time": []}
    for column, name in enumerate(plain):
        if _EACH.search(name):
            found["per device"].append(column)
        elif _RATE.search(name):
            found["throughput"].append(column)
        elif _TIME.search(name.replace("_", " ")):
            found["time"].append(column)
        elif _DEVICES.search(name.replace("_", " ")):
            found["devices"].append(column)
    counts = found.pop("devices")
    kinds = {kind: columns for kind, columns in found.items() if columns}
    if width == 2 and len(counts) <= 1:
        count = counts[0] if counts else 1 - sum(kinds.values(), [1])[0]
        kinds = {kind: columns for kind, columns in kinds.items() if columns == [1 - count]}
        kind = next(iter(kinds), None)
        return (count, 1 - count), kind, _time_unit(plain[1 - count]) if kind == "time" else None
    for what, columns in (("devices", counts), ("throughput or time", sum(kinds.values(), []))):
        if len(columns) != 1:
            shown = ", ".join(names[column] for column in columns) or "none"
            raise ValueError(f"row {row}: the head must name one column of {what}, got {shown}")
    ((kind, (value,)),) = kinds.items()
    return (counts[0], value), kind, _time_unit(plain[value]) if kind == "time" else None


def _time_unit(name):
    """The unit of a time that a head states, or None."""
    for word in re.findall(r"[a-zµμ]+", name):
        unit = word if word in _SECONDS else word.removesuffix("s")
        if unit in _SECONDS:
            return unit
    return None


def _numbers(written):
    """Positive numbers of one column, whose commas and points must have one meaning."""
    texts = [text.replace("'", "").replace("’", "") for _, text, _ in written]
    thousands = [bool(re.fullmatch(r"[-+]?[1-9]\d{0,2}(,\d{3})+", text)) for text in texts]
    decimal = any(re.fullmatch(r"[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+", text) for text in texts)
    decimal = decimal and not any(re.search(r",\d{3}[.,]", text) for text in texts)
    known = any("," in text and not maybe for text, maybe in zip(texts, thousands, strict=True))
    numbers = []
    for (row, shown, _), text, maybe in zip(written, texts, thousands, strict=True):
        if decimal and (maybe and not known or re.fullmatch(r"\d{1,3}\.\d{3}", text)):
            raise ValueError(
                f"row {row}: {shown} must be written as {re.sub('[.,]', '', text)} or as "
                f"{text.replace(',', '.')}: it may be either"
            )
        if decimal and "," in text:
            text = text.replace(".", "").replace(",", ".")
        elif re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
            text = text.replace(",", "")
        try:
            numbers.append(float(text))
        except ValueError:
            raise ValueError(
                f"row {row}: value must be a number such as 321.8, got {shown!r:.60}"
            ) from None
        if not (numbers[-1] > 0 and math.isfinite(numbers[-1])):
            raise ValueError(f"row {row}: value must be above 0, got {shown:.60}")
    return numbers


def _counts(written):
    """Counts of devices: whole, at least 1, each once."""
    seen = {}
    for row, text, _ in written:
        plain = re.sub(r"(?<=\d)[.,'’](?=\d{3}\b)", "", text)
        if not (re.fullmatch(r"\d{1,8}(\.0*)?", plain) and 1 <= float(plain) <= 1e7):
            raise ValueError(
                f"row {row}: devices must be a whole number from 1 to 10 million, got {text:.60}"
            )
        number = int(float(plain))
        if number in seen:
            raise ValueError(
                f"row {row}: devices must differ from row to row, got {text} as in row "
                f"{seen[number]}: keep one of the two, or their mean"
            )
        seen[number] = row
    return list(seen)


def _unit(written, kind, scale):
    """The kind of the values, and what one of them is worth: seconds, or a power of 1000."""
    first, _, unit = written[0]
    for row, _, other in written:
        if other != unit:
            raise ValueError(
                f"row {row}: all values must have one unit, got {other or 'none'!r} after "
                f"{unit or 'none'!r} in row {first}"
            )
    said = re.sub(r"/(it|iter|iteration|step|batch|epoch|run)$", "", unit.lower().rstrip("."))
    time = said if said in _SECONDS else said.removesuffix("s")
    if time in _SECONDS:
        if kind in ("throughput", "per device") or scale not in (None, time):
            raise ValueError(
                f"row {first}: the unit must be that of the head, {scale or kind}, got {unit!r}"
            )
        return "time", _SECONDS[time]
    if kind == "time":
        if unit:
            raise ValueError(f"row {first}: a time must be in s, ms, min or h, got {unit!r}")
        return kind, _SECONDS[scale or "s"]
    if kind is None and _EACH.search(said):
        kind = "per device"
    elif kind is None and _RATE.search(said):
        kind = "throughput"
    return kind, _PREFIX.get(unit[:1], 1) if unit[1:2] in ("", " ") else 1
