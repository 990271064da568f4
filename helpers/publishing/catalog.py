"""The catalog as one JSON document, for programs outside of the series, and its JSON Schema.

``python -m helpers.publishing.catalog`` prints the catalog, and with ``--schema`` the schema.
"""

import json
import math
import re
import sys

from helpers import schemas
from helpers.catalog import rows

TABLES = {
    "devices": schemas.DEVICES,
    "interconnects": schemas.INTERCONNECTS,
    "products": schemas.PRODUCTS,
    "networks": schemas.NETWORKS,
    "runs": schemas.RUNS,
    "mlperf": schemas.MLPERF,
    "utilisation": schemas.UTILISATION,
}
UNITS = {
    **dict.fromkeys(("bandwidth", "link_bandwidth", "one_way", "two_way"), "B/s"),
    **dict.fromkeys(("time", "epochs_time", "device_time"), "s"),
    **dict.fromkeys(
        (f"peak_{name}" for name in "fp64 fp32 tf32 fp16 bf16 fp8 fp4".split()), "flop/s"
    ),
    **dict(achieved="flop/s", peak_int8="op/s", memory="B", macs="multiply-adds", clocks="Hz"),
    **dict(tokens_per_second="tokens/s", parameters="numbers", mfu="of 1", hfu="of 1"),
}
CONVENTION = (
    "Plain SI units. One multiply-add is two flop, except in a column that says mac. A number that "
    "no source states is left out."
)
PEAKS = (
    "Peaks are dense, at one clock: {clock}. FP64 and FP32 are on vector units, TF32, FP8 and FP4 "
    "on matrix units, FP16 and BF16 on matrix units where the device has them. The link counts "
    "one way, all links of the device together."
)
CLOCKS = {
    "GPU": "the boost clock that the maker states for that kind of work",
    "CPU": "the base clock",
}
LINKS = "one_way counts one direction, all links of a device together; two_way is twice that."
FORMAT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string", "minLength": 1}


def document():
    """The catalog: for each table its rows, each with what tells how to read it.

    Returns
    -------
    dict
        Of plain values, in SI units. A device has `clocks` (Hz, in the order of its derivation)
        and `convention` besides its columns, a link `convention`.
    """
    tables = {name: [_plain(row) for row in rows(table)] for name, table in TABLES.items()}
    for device in tables["devices"]:
        clock = CLOCKS.get(device["kind"], "that of the derivation, where one is published")
        found = re.findall(r"([\d.]+) GHz", device["derivation"])
        device["clocks"] = [round(float(number) * 1e9) for number in found]
        device["convention"] = PEAKS.format(clock=clock)
    for link in tables["interconnects"]:
        link["convention"] = LINKS
    return {"convention": CONVENTION, **tables}


def _plain(row):
    """A row without the numbers that are not known."""
    return {
        name: value
        for name, value in row.items()
        if not (isinstance(value, float) and math.isnan(value))
    }


def schema():
    """The JSON Schema of `document`, made of the parsers that check the files."""
    more = {"devices": {"clocks": _numbers(), "convention": TEXT}}
    more["interconnects"] = {"convention": TEXT}
    tables = {
        name: {"type": "array", "minItems": 1, "items": _row(table, more.get(name, {}))}
        for name, table in TABLES.items()
    }
    return {
        "$schema": FORMAT,
        "title": "Devices, links, networks and runs, each row with its source",
        **_object({"convention": TEXT, **tables}),
    }


def _row(table, more):
    """The schema of the rows of a table, with columns that the document adds."""
    columns, missing = dict(more), set()
    for column, *name, parse in table.columns:
        name = name[0] if name else column
        columns[name] = parse.schema | ({"unit": UNITS[name]} if name in UNITS else {})
        if parse.optional:
            missing.add(name)
    return _object(columns, missing)


def _object(properties, missing=()):
    """The schema of an object with these properties and no others."""
    required = [name for name in properties if name not in missing]
    return dict(type="object", properties=properties, required=required, additionalProperties=False)


def _numbers():
    return {"type": "array", "items": {"type": "integer", "minimum": 10**8}, "unit": "Hz"}


def main(arguments):
    """Print the catalog or its schema."""
    if arguments not in ([], ["--schema"]):
        sys.exit("python -m helpers.publishing.catalog [--schema]")
    print(json.dumps(schema() if arguments else document(), indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main(sys.argv[1:])
