"""Tables: a CSV file read cell by cell, every cell parsed and every row checked."""

import csv
import math
import re
from decimal import Decimal
from functools import lru_cache
from io import BytesIO, TextIOWrapper

from helpers.docstrings import complete


class Table:
    """What is known of a CSV file: its columns, and what must hold between the cells of a row.

    Parameters
    ----------
    file : str
    unique : sequence of str
        Columns that tell one row from the others. A single one becomes the index.
    check : callable
        Raises a ValueError for a row, a dictionary, whose cells do not go together.
    *columns : tuple
        Of each, in order, its name, that in the DataFrame if it is another, and the parser of its
        cells, which returns a value in SI units or raises a ValueError.
    """

    def __init__(self, file, unique, check, *columns):
        self.file, self.unique, self.check, self.columns = file, unique, check, columns

    def read(self, folder, check=None):
        """The rows of the file in a folder as a fresh DataFrame; `check` in place of the own."""
        import pandas as pd  # here: a page reads its rows without it

        table = pd.DataFrame(self.rows(folder, check))
        return table.set_index(*self.unique) if len(self.unique) == 1 else table

    def rows(self, folder, check=None):
        """The same as dictionaries, one for each row; they are not to be changed."""
        content = (folder / self.file).read_bytes()
        return _parsed(self, content, check or self.check)

    def describes(self, loader):
        """Decorate a function that reads the file in a folder: its docstring tells of both."""
        where = f"folder : Path\n    Where `{self.file}` lies, if it is a table of your own."
        wrong = "ValueError\n    If a row is wrong; the message names file, line, column and value."
        return complete(loader, Parameters=where, Raises=wrong)


def kind(**schema):
    """Decorate a parser: what JSON Schema says of its values, and `optional` of a missing one."""

    def told(parse):
        parse.schema, parse.optional = schema, schema.pop("optional", False)
        return parse

    return told


@kind(type="string", minLength=1)
def text(cell):
    """Text that must be there."""
    if not cell or cell != cell.strip():
        raise ValueError("must be text without blanks around it")
    return cell


@kind(type="string")
def optional_text(cell):
    """Text that may be missing."""
    return text(cell) if cell else ""


def one_of(*choices):
    """A parser of one of a few words."""

    @kind(enum=list(choices))
    def parse(cell):
        if cell not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return cell

    return parse


def matching(pattern, words):
    """A parser of text of one form, `words` saying which."""

    @kind(type="string", pattern=f"^({pattern})$")
    def parse(cell):
        if not re.fullmatch(pattern, cell, re.ASCII):
            raise ValueError(f"must be {words}")
        return cell

    return parse


url = matching(r"https?://\S+", "one address that starts with http")


@kind(type="boolean")
def yes_or_no(cell):
    """True or False."""
    return one_of("yes", "no")(cell) == "yes"


# In a table a number is written as in ASCII files everywhere: no 1_000, no digits of other scripts.
_DECIMAL = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)


def number(low, high, unit, exponent=0, *, optional=False):
    """A parser of a number from `low` to `high` in a `unit` of 10**exponent SI units.

    Most ranges span less than a factor of 1000, so that a slip of one SI prefix falls outside.
    """
    least, most = (float(Decimal(end).scaleb(exponent)) for end in (low, high))

    @kind(type="number", minimum=least, maximum=most, optional=optional)
    def parse(cell):
        if optional and not cell:
            return math.nan
        # Decimal, not float: 15.7 TFLOP/s is to be 15.7e12 flop/s exactly
        number = Decimal(cell) if _DECIMAL.fullmatch(cell) else None
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g} {unit}".rstrip())
        return float(number.scaleb(exponent))

    return parse


def times(factor, parse):
    """The same parser, its numbers multiplied: hours become seconds."""
    ends = {end: factor * parse.schema[end] for end in ("minimum", "maximum")}
    return kind(type="number", **ends, optional=parse.optional)(lambda cell: factor * parse(cell))


def whole(low, high, *, optional=False):
    """A parser of a whole number from `low` to `high`."""

    @kind(type="integer", minimum=low, maximum=high, optional=optional)
    def parse(cell):
        if optional and not cell:
            return math.nan
        if not (cell.isascii() and cell.isdecimal() and low <= int(cell) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(cell)

    return parse


@lru_cache(maxsize=32)
def _parsed(table, content, check):
    """The rows in the bytes of a file: they say best whether it has changed since the last time."""
    expected = [column for column, *_ in table.columns]
    rows, lines = [], {}
    with TextIOWrapper(BytesIO(content), newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if header != expected:
                raise ValueError(f"header must be {','.join(expected)}, got {','.join(header)}")
            for cells in reader:
                row = _parse(cells, table.columns)
                check(row)
                key = tuple(row[column] for column in table.unique)
                if key in lines:
                    raise ValueError(
                        f"{', '.join(table.unique)} must be unique, "
                        f"got {', '.join(map(str, key))} as on line {lines[key]}"
                    )
                lines[key] = reader.line_num
                rows.append(row)
            if not rows:
                raise ValueError("header must be followed by rows, got none")
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{table.file}, line {reader.line_num}: {error}") from None
    return rows


def _parse(cells, columns):
    """One row, as a dictionary from the columns of the DataFrame to values in SI units."""
    if len(cells) != len(columns):
        raise ValueError(f"row must have {len(columns)} fields, got {len(cells)}")
    row = {}
    for cell, (column, *name, parse) in zip(cells, columns, strict=True):
        try:
            if not cell.isprintable():  # a NUL byte, a line break, a blank that only looks like one
                raise ValueError("must be printable")
            row[name[0] if name else column] = parse(cell)
        except ValueError as error:
            shown = cell if cell.isprintable() else repr(cell)[1:-1]
            raise ValueError(f'{column} {error}, got "{shown}"') from None
    return row
