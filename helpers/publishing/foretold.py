"""How far every law misses the largest run of every published series, as a file to read.

python -m helpers.publishing.foretold    writes notebooks/foretold.csv again; so does a store of
                                         all notebooks

A row for each table of `helpers.published.scaling_tables`. The laws are fitted to all its runs but
the largest, and know how many devices a machine holds. An error is predicted / measured - 1, of
the throughput; it is left empty for a law that these runs are too few for. `low` and `high` are
the ends of the stated interval, as errors, and `inside` says whether the run lies between them;
empty where none is stated: from fewer than four runs, or beyond a fall.
"""

import csv
import io

from helpers.published import scaling_tables
from helpers.publishing.notebooks import NOTEBOOKS
from helpers.scaling import STAYS, foretell_largest
from helpers.scaling_laws import LAWS

FILE = NOTEBOOKS / "foretold.csv"
ERRORS = ("choice", STAYS, *LAWS)


def rows():
    """A dictionary for each series, its errors as numbers."""
    for name, table in scaling_tables().items():
        foretold = foretell_largest(**table)
        said, true = foretold.said, foretold.true
        yield {
            "series": name,
            "scaling": table["mode"],
            "values": table["kind"],
            "devices in a machine": table["per_node"],
            "runs fitted": len(foretold.fit.devices),
            "largest run": table["devices"][-1],
            "chosen": foretold.fit.chosen,
            **{key: foretold.errors.get(key, "") for key in ERRORS},
            "low": said.low / true - 1 if foretold.fit.tested else "",
            "high": said.high / true - 1 if foretold.fit.tested else "",
            "inside": ("yes" if foretold.inside else "no") if foretold.fit.tested else "",
        }


def text():
    """The file, its numbers with three decimals."""
    found, file = list(rows()), io.StringIO()
    writer = csv.DictWriter(file, list(found[0]), lineterminator="\n")
    writer.writeheader()
    for row in found:
        writer.writerow(
            {key: f"{cell:+.3f}" if isinstance(cell, float) else cell for key, cell in row.items()}
        )
    return file.getvalue()


def store_foretold():
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    store_foretold()
