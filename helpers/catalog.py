"""The catalog: devices, networks and published measurements, each row with its source.

The tables are the CSV files in ``helpers/data``. A file keeps the units in which its numbers
were published and says so in its column names; a loader checks every row and returns a fresh
`pandas.DataFrame` in plain SI units (flop/s, B/s, s, B). One multiply-add is two flops, except
in a column that says mac. Every peak is the *dense* one, without structured sparsity, at one clock
(for a GPU the boost clock that the maker states for that kind of work, for a CPU the base clock),
and every link is counted one way. What no source states is NaN in a column of numbers, "" in one of
text.
"""

import csv
import difflib
import math
import re
from decimal import Decimal
from pathlib import Path

import pandas as pd

DATA = Path(__file__).parent / "data"


def devices(folder=DATA):
    """Compute devices: what they can compute, load and send.

    Parameters
    ----------
    folder : Path
        Where `devices.csv` lies; another folder serves a table of your own.

    Returns
    -------
    DataFrame
        Index `key` ("V100-SXM2"). Dense peaks in flop/s, NaN where the device or its source has
        none: `peak_fp64` and `peak_fp32` on vector units, `peak_tf32` and `peak_fp8` on matrix
        units, `peak_fp16` and `peak_bf16` on matrix units where the device has them
        (`matrix_units` is True), and `peak_int8` in operations/s. `bandwidth` of the memory in
        B/s, `memory` in B, `link_bandwidth` of all its links together, one way, in B/s. Text:
        `full_name`, `vendor`, `kind`, `memory_type`, `link`, `derivation` (the peaks from units
        and clock, and a bandwidth from wires and rate where it was computed so), `source`,
        `source_url`, `trap` (how this row is misread). Also `year`.

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    return _read(folder / "devices.csv", _DEVICES, ["key"], _check_device).set_index("key")


def device(key):
    """One row of `devices`, as a Series.

    Parameters
    ----------
    key : str
        A key of the table, or any words that fit one device only: "t4", "h100_sxm", or the name
        that a driver prints ("NVIDIA H100 80GB HBM3").

    Returns
    -------
    Series
        The columns of `devices`; what the device lacks is NaN. Its `name` is the key.

    Raises
    ------
    ValueError
        If no device has that name, or more than one has; the message lists those that may be
        meant.

    Examples
    --------
    >>> v100 = device("V100-SXM2")
    >>> round(v100.peak_fp32 / v100.bandwidth, 1)  # the ridge point, flop/B
    17.4
    >>> device("Tesla V100-SXM2-16GB").name
    'V100-SXM2'
    """
    table = devices()
    found = table.astype(object)  # object: plain Python numbers, which print without type
    return found.loc[_find(key, table)]


def _find(key, table):
    """The key of the one device that a name fits."""
    if not isinstance(key, str):
        raise ValueError(f"key must be the name of one device in quotes, got {key!r}")
    plain = {"".join(_words(known)): known for known in table.index}  # "h100sxm": "H100-SXM"
    typed = "".join(_words(key))
    if typed in plain:
        return plain[typed]
    words = set(_words(key))
    names = table.index + " " + table["full_name"] + " " + table["memory_type"]
    fits = [known for known, name in names.items() if words and words <= set(_words(name))]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ValueError(f"key must name one device, got {key!r}, which may be {_either(fits)}")
    # Nearest: a word in common first, then the spelling.
    near = [known for known in table.index if words & set(_words(known))]
    near = near or [plain[close] for close in difflib.get_close_matches(typed, plain)]
    hint = f"; did you mean {_either(near)}?" if near else ""
    raise ValueError(f"key must be one of {', '.join(table.index)}, got {key!r}{hint}")


def _words(name):
    """The words of a name, without case and signs."""
    return re.findall(r"[a-z0-9]+", name.lower())


def _either(names):
    """Names joined for a sentence."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def networks(folder=DATA):
    """Work and size of published networks, for one forward pass of one input.

    Parameters
    ----------
    folder : Path
        Where `networks.csv` lies.

    Returns
    -------
    DataFrame
        One row per `source` and `model`. `macs` are multiply-adds (twice as many flops):
        `convention` "mac" counts nothing else, "mac + small extras" also counts ReLU, pooling
        and sums; `published` is the figure as printed, where "FLOPs" means multiply-adds.
        `parameters` (count) and `top1_error` (fraction of 1) are NaN where not published.
        Text: `task`, `input_size` in pixels.

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    return _read(folder / "networks.csv", _NETWORKS, ["source", "model"], _check_network)


def forward_backward_times(folder=DATA):
    """Measured times of one forward and one backward pass of a batch, in s.

    All rows for whole networks of two public benchmarks: the README of soumith/convnet-benchmarks
    at b458aab (48) and that of jcjohnson/cnn-benchmarks at 0367b1f (57).

    Parameters
    ----------
    folder : Path
        Where `fwd_bwd_times.csv` lies.

    Returns
    -------
    DataFrame
        `forward`, `backward` and `total` = forward + backward, all in s; `batch` (inputs).
        Text: `source`, `model`, `device`, `library`, `note` (where a number is not the README's:
        cnn-benchmarks prints the forward time again as the backward one, so `backward` is total
        - forward; the totals of convnet-benchmarks, rounded apart, differ by up to 2 ms).

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    unique = ["source", "model", "device", "library"]
    return _read(folder / "fwd_bwd_times.csv", _TIMES, unique, _check_times)


def intensities(folder=DATA):
    """Arithmetic intensities of kernels, published or derived.

    Parameters
    ----------
    folder : Path
        Where `intensities.csv` lies.

    Returns
    -------
    DataFrame
        One row per `kernel`, `precision` and `parameters`. `low` and `high` end the range of
        the intensity, in the row's `unit`: "FLOP/B" of memory traffic, or one of two that do
        not compare with it, "MAC per weight byte" and "FLOP per network byte". `flops` and
        `bytes` are the counts behind it, NaN where the source gives none. Text: `group`,
        `traffic_model` (which bytes are counted), `kind` ("published" or "derived"),
        `source`, `note`.

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    unique = ["kernel", "precision", "parameters"]
    return _read(folder / "intensities.csv", _INTENSITIES, unique, _check_intensity)


def runs(folder=DATA):
    """Published training runs of ResNet-50 on ImageNet-1k that state their total time.

    Parameters
    ----------
    folder : Path
        Where `runs.csv` and the `devices.csv` that it refers to lie.

    Returns
    -------
    DataFrame
        Index `run`. `time` in s, `epochs`, `devices` (how many), `device` (a key of the table
        of devices) and `precision` ("fp32": that device's `peak_fp32` is the roof of the run).
        Text: `network`, `source`, `source_url`, `note`.

    Raises
    ------
    ValueError
        If a row of the file is wrong, or names a device or a precision that `devices` lacks;
        the message names file, line, column and value.
    """
    known = devices(folder)
    return _read(folder / "runs.csv", _RUNS, ["run"], lambda row: _check_run(row, known)).set_index(
        "run"
    )


def interconnects(folder=DATA):
    """Links between devices and between machines.

    Parameters
    ----------
    folder : Path
        Where `interconnects.csv` lies.

    Returns
    -------
    DataFrame
        Index `name`. `one_way` and `two_way` = twice that (the figure vendors like to print),
        both in B/s and summed over all links of one device: two devices may share fewer of them.
        Text: `basis` (lanes, or links, and rate), `source`.

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    table = _read(folder / "interconnects.csv", _INTERCONNECTS, ["name"], _check_interconnect)
    return table.set_index("name")


def scaling(folder=DATA):
    """Published measurements of training on several devices.

    Parameters
    ----------
    folder : Path
        Where `scaling.csv` lies.

    Returns
    -------
    DataFrame
        One row per `series` and `devices`. `value` is in the row's `unit`, as published: "img/s",
        "seq/s" and "tok/s" of all devices together, "ms/step", "min/run" (times: less is better),
        "relative" (throughput, in units of one run of the same source) or "efficiency"
        (throughput over that of as many single devices). `nodes` is the number of machines,
        `batch_per_device` and `global_batch` count examples in a step, NaN where not stated, as
        is `epochs`. `scaling_mode`: "weak" (fixed batch on each device), "strong" (fixed job) or
        "pipeline". Text: `framework`, `model`, `precision`, `accelerator`, `interconnect`,
        `source`, `note`.

    Raises
    ------
    ValueError
        If a row of the file is wrong; the message names file, line, column and value.
    """
    return _read(folder / "scaling.csv", _SCALING, ["series", "devices"], _check_scaling)


def step_times(model, precision, folder=DATA):
    """Times of a training step on one and on several devices, from the weak rows of `scaling`.

    Parameters
    ----------
    model : str
        How the names of the models begin: "ResNet-50" takes v1.5 and v1b.
    precision : str
        As in `scaling`: "FP32", "AMP", "mixed".
    folder : Path
        Where `scaling.csv` lies.

    Returns
    -------
    DataFrame
        All rows of `scaling` with this model and precision, a fixed batch on each device and a
        throughput in examples. Added: `measured`, the time of a step, and `alone`, that of the
        same series on one device, both in s; `efficiency` = alone / measured, 1 at best but for
        noise.

    Raises
    ------
    ValueError
        If a row of the file is wrong.

    Examples
    --------
    >>> rows = step_times("InsightFace Y1", "FP32").set_index(["framework", "devices"])
    >>> round(float(rows.at[("OneFlow 0.3.4", 8), "efficiency"]), 2)
    0.91
    """
    table = scaling(folder)
    table = table[table["model"].str.startswith(model) & (table["precision"] == precision)]
    table = table[(table["scaling_mode"] == "weak") & table["unit"].isin(["img/s", "seq/s"])]
    measured = table["devices"] * table["batch_per_device"] / table["value"]
    one = table["devices"] == 1
    alone = table["series"].map(dict(zip(table["series"][one], measured[one], strict=True)))
    return table.assign(measured=measured, alone=alone, efficiency=alone / measured)


# A schema lists the columns of a file in their order: the name in the file, the name in the
# DataFrame, and the parser of a cell, which returns the value in SI units or raises ValueError.


def _text(cell):
    """Text that must be there."""
    if not cell or cell != cell.strip():
        raise ValueError("must be text without blanks around it")
    return cell


def _optional_text(cell):
    """Text that may be missing."""
    return _text(cell) if cell else ""


def _one_of(*choices):
    """A parser of one of a few words."""

    def parse(cell):
        if cell not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return cell

    return parse


def _matching(pattern, words):
    """A parser of text of one form, `words` saying which."""

    def parse(cell):
        if not re.fullmatch(pattern, cell, re.ASCII):
            raise ValueError(f"must be {words}")
        return cell

    return parse


_url = _matching(r"https?://\S+", "one address that starts with http")


def _yes_or_no(cell):
    """True or False."""
    return _one_of("yes", "no")(cell) == "yes"


# In a table a number is written as in ASCII files everywhere: no 1_000, no digits of other scripts.
_DECIMAL = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)


def _number(low, high, unit, exponent=0, *, optional=False):
    """A parser of a number from `low` to `high` in a `unit` of 10**exponent SI units.

    Most ranges span less than a factor of 1000, so that a slip of one SI prefix falls outside.
    """

    def parse(cell):
        if optional and not cell:
            return math.nan
        # Decimal, not float: 15.7 TFLOP/s is to be 15.7e12 flop/s exactly
        number = Decimal(cell) if _DECIMAL.fullmatch(cell) else None
        if number is None or not low <= number <= high:
            raise ValueError(f"must be a number from {low:g} to {high:g} {unit}".rstrip())
        return float(number.scaleb(exponent))

    return parse


def _whole(low, high, *, optional=False):
    """A parser of a whole number from `low` to `high`."""

    def parse(cell):
        if optional and not cell:
            return math.nan
        if not (cell.isascii() and cell.isdecimal() and low <= int(cell) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(cell)

    return parse


def _peak(low, high, unit="TFLOP/s"):
    """A parser of a peak that the device may lack."""
    return _number(low, high, unit, 12, optional=True)


_DEVICES = [
    ("key", "key", _matching(r"[\w-]+", "a short key of letters, digits, _ and -")),
    # Not "name": the attribute of that name of a row is its key.
    ("name", "full_name", _text),
    ("vendor", "vendor", _text),
    ("year", "year", _whole(2000, 2100)),
    ("kind", "kind", _one_of("GPU", "TPU", "SoC GPU", "CPU")),
    ("matrix_units", "matrix_units", _yes_or_no),
    ("fp64_tflops", "peak_fp64", _peak(0.1, 150)),
    ("fp32_tflops", "peak_fp32", _peak(0.5, 400)),
    ("tf32_dense_tflops", "peak_tf32", _peak(10, 5000)),
    ("fp16_dense_tflops", "peak_fp16", _peak(10, 5000)),
    ("bf16_dense_tflops", "peak_bf16", _peak(10, 5000)),
    ("fp8_dense_tflops", "peak_fp8", _peak(20, 10_000)),
    ("int8_dense_tops", "peak_int8", _peak(20, 10_000, "Top/s")),
    ("bandwidth_GBps", "bandwidth", _number(20, 20_000, "GB/s", 9)),
    ("memory_GB", "memory", _number(1, 1000, "GB", 9, optional=True)),
    ("memory_type", "memory_type", _text),
    ("link", "link", _optional_text),
    ("link_GBps_one_way", "link_bandwidth", _number(1, 1000, "GB/s", 9, optional=True)),
    ("derivation", "derivation", _text),
    ("source", "source", _text),
    ("source_url", "source_url", _url),
    ("trap", "trap", _optional_text),
]

_NETWORKS = [
    ("source", "source", _text),
    ("model", "model", _text),
    ("task", "task", _text),
    ("input_size", "input_size", _matching(r"\d+ x \d+", "as 224 x 224")),
    ("published", "published", _matching(r"\d+(\.\d+)? [MG]FLOP[sS]", "as 4 GFLOPs or 579 MFLOPs")),
    ("convention", "convention", _one_of("mac", "mac + small extras")),
    ("parameters", "parameters", _whole(100_000, 10_000_000_000, optional=True)),
    ("macs", "macs", _number(1e7, 1e13, "multiply-adds")),
    ("top1_error_percent", "top1_error", _number(1, 99, "percent", -2, optional=True)),
]

_TIMES = [
    ("source", "source", _text),
    ("model", "model", _text),
    ("batch", "batch", _whole(1, 100_000)),
    ("device", "device", _text),
    ("library", "library", _text),
    ("forward_ms", "forward", _number(7, 9000, "ms", -3)),
    ("backward_ms", "backward", _number(15, 14_000, "ms", -3)),
    ("total_ms", "total", _number(23, 22_500, "ms", -3)),
    ("note", "note", _optional_text),
]

_INTENSITIES = [
    ("kernel", "kernel", _text),
    ("group", "group", _one_of("HPC", "DL", "DL-network")),
    ("precision", "precision", _one_of("FP64", "FP32", "FP16", "INT8")),
    ("parameters", "parameters", _optional_text),
    ("flops", "flops", _number(1, 1e18, "flop", optional=True)),
    ("bytes", "bytes", _number(1, 1e15, "B", optional=True)),
    ("low", "low", _number(0.01, 1e5, "")),
    ("high", "high", _number(0.01, 1e5, "")),
    ("unit", "unit", _one_of("FLOP/B", "MAC per weight byte", "FLOP per network byte")),
    ("traffic_model", "traffic_model", _text),
    ("kind", "kind", _one_of("published", "derived")),
    ("source", "source", _text),
    ("note", "note", _optional_text),
]

_RUNS = [
    ("run", "run", _text),
    ("network", "network", _text),
    ("epochs", "epochs", _whole(1, 1000)),
    ("device", "device", _text),
    ("devices", "devices", _whole(1, 100_000)),
    ("precision", "precision", _one_of("fp32", "tf32", "fp16", "bf16", "fp8")),
    ("hours", "time", lambda cell: 3600 * _number(1, 500, "h")(cell)),
    ("source", "source", _text),
    ("source_url", "source_url", _url),
    ("note", "note", _optional_text),
]

_INTERCONNECTS = [
    ("name", "name", _text),
    ("one_way_GBps", "one_way", _number(1, 1000, "GB/s", 9)),
    ("two_way_GBps", "two_way", _number(2, 2000, "GB/s", 9)),
    ("basis", "basis", _text),
    ("source", "source", _text),
]

# Of one device where the value is that of all, so that a slip of a prefix falls outside.
_SCALING_RANGES = {
    "img/s": (10, 5000),
    "tok/s": (15_000, 500_000),
    "ms/step": (5, 500),
    "min/run": (1, 500),
    "relative": (0.1, 10),
    "efficiency": (0.01, 1),
    "seq/s": (0.5, 50),
}

_SCALING = [
    ("series", "series", _text),
    ("framework", "framework", _text),
    ("model", "model", _text),
    ("precision", "precision", _one_of("FP32", "TF32", "FP16", "AMP", "mixed", "")),
    ("batch_per_device", "batch_per_device", _whole(1, 100_000, optional=True)),
    ("devices", "devices", _whole(1, 100_000)),
    ("nodes", "nodes", _whole(1, 100_000)),
    ("value", "value", _number(0.01, 1e8, "")),
    ("unit", "unit", _one_of(*_SCALING_RANGES)),
    ("accelerator", "accelerator", _text),
    ("interconnect", "interconnect", _optional_text),
    ("scaling_mode", "scaling_mode", _one_of("weak", "strong", "pipeline")),
    ("global_batch", "global_batch", _whole(1, 1_000_000, optional=True)),
    ("epochs", "epochs", _whole(1, 1000, optional=True)),
    ("source", "source", _text),
    ("note", "note", _optional_text),
]


# What must hold between the cells of one row, in SI units; each raises ValueError if it does not.


def _check_device(row):
    """A narrower number is computed no slower, and a device computes in some precision."""
    names = ["peak_fp64", "peak_fp32", "peak_tf32", "peak_fp16", "peak_fp8"]
    peaks = [row[name] for name in names if not math.isnan(row[name])]
    if peaks != sorted(peaks):
        raise ValueError(f"peaks must not fall from fp64 to fp8, got {peaks}")
    if not peaks and math.isnan(row["peak_bf16"]):
        raise ValueError("one peak must be given, got none")
    if not (row["matrix_units"] or math.isnan(row["peak_tf32"]) and math.isnan(row["peak_fp8"])):
        raise ValueError("matrix_units must be yes where a TF32 or FP8 peak is given, got no")


def _check_network(row):
    """The multiply-adds are the published figure without its prefix."""
    figure, prefix = row["published"].split()
    published = Decimal(figure).scaleb({"M": 6, "G": 9}[prefix[0]])
    if row["macs"] != published:
        raise ValueError(
            f"macs must be the published {row['published']} in full, got {row['macs']:g}"
        )


def _check_times(row):
    """Forward and backward add up, to the last digit published."""
    parts = row["forward"] + row["backward"]
    if not math.isclose(parts, row["total"], rel_tol=1e-9):
        raise ValueError(
            f"total_ms must be forward + backward {parts * 1e3:g}, got {row['total'] * 1e3:g}"
        )


def _check_intensity(row):
    """The ends are in order, and flops/bytes is one of them to 2 %."""
    low, high, ratio = row["low"], row["high"], row["flops"] / row["bytes"]
    if low > high:
        raise ValueError(f"low must be at most high {high:g}, got {low:g}")
    if math.isnan(row["flops"]) != math.isnan(row["bytes"]):
        raise ValueError("flops and bytes must be given both or neither")
    if not (
        math.isnan(ratio) or any(math.isclose(ratio, end, rel_tol=0.02) for end in (low, high))
    ):
        raise ValueError(f"flops/bytes must be {low:g} or {high:g} to 2 %, got {ratio:g}")


def _check_run(row, known):
    """The device is known and has a peak in the precision of the run."""
    if row["device"] not in known.index:
        raise ValueError(f"device must be a key of devices.csv, got {row['device']!r}")
    if math.isnan(known.at[row["device"], f"peak_{row['precision']}"]):
        raise ValueError(
            f"precision must be one that {row['device']} has a peak for, got {row['precision']!r}"
        )


def _check_interconnect(row):
    """Two ways are twice one way."""
    if row["two_way"] != 2 * row["one_way"]:
        raise ValueError(
            f"two_way_GBps must be twice one_way_GBps {row['one_way'] / 1e9:g}, "
            f"got {row['two_way'] / 1e9:g}"
        )


def _check_scaling(row):
    """A node holds a device, the value is plausible, and the devices share the global batch."""
    devices, unit = row["devices"], row["unit"]
    if devices < row["nodes"]:
        raise ValueError(f"devices must be at least nodes {row['nodes']}, got {devices}")
    low, high = _SCALING_RANGES[unit]
    value = row["value"] / (devices if unit.endswith("/s") else 1)
    if not low <= value <= high:
        each = " for each device" if unit.endswith("/s") else ""
        raise ValueError(f"value must be from {low:g} to {high:g} {unit}{each}, got {value:g}")
    share = row["batch_per_device"] * devices
    if row["global_batch"] % share > 0:  # a batch that is not stated is NaN and passes
        raise ValueError(
            f"global_batch must be a multiple of batch_per_device times devices {share}, "
            f"got {row['global_batch']}"
        )


def _read(path, schema, unique, check):
    """The rows of a CSV file as a DataFrame: each cell parsed, each row checked."""
    expected = [column for column, _, _ in schema]
    rows, lines = [], {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            if header != expected:
                raise ValueError(f"header must be {','.join(expected)}, got {','.join(header)}")
            for cells in reader:
                row = _parse(cells, schema)
                check(row)
                key = tuple(row[column] for column in unique)
                if key in lines:
                    raise ValueError(
                        f"{', '.join(unique)} must be unique, "
                        f"got {', '.join(map(str, key))} as on line {lines[key]}"
                    )
                lines[key] = reader.line_num
                rows.append(row)
            if not rows:
                raise ValueError("header must be followed by rows, got none")
        except (ValueError, csv.Error) as error:
            raise ValueError(f"{path.name}, line {reader.line_num}: {error}") from None
    return pd.DataFrame(rows)


def _parse(cells, schema):
    """One row, as a dictionary from the columns of the DataFrame to values in SI units."""
    if len(cells) != len(schema):
        raise ValueError(f"row must have {len(schema)} fields, got {len(cells)}")
    row = {}
    for cell, (column, name, parse) in zip(cells, schema, strict=True):
        try:
            if not cell.isprintable():  # a NUL byte, a line break, a blank that only looks like one
                raise ValueError("must be printable")
            row[name] = parse(cell)
        except ValueError as error:
            shown = cell if cell.isprintable() else repr(cell)[1:-1]
            raise ValueError(f'{column} {error}, got "{shown}"') from None
    return row
