"""The catalog: devices, networks and published measurements, each row with its source.

The tables are the CSV files in ``helpers/data``. A file keeps the units in which its numbers
were published and says so in its column names; a loader checks every row and returns a fresh
`pandas.DataFrame` in plain SI units (flop/s, B/s, s, B). One multiply-add is two flops, except
in a column that says mac. Every peak is the *dense* one, without structured sparsity, at one clock
(for a GPU the boost clock that the maker states for that kind of work, for a CPU the base clock),
and every link is counted one way. What no source states is NaN in a column of numbers, "" in one of
text.
"""

import difflib
import math
import re
from decimal import Decimal
from pathlib import Path

from helpers.tables import (
    loader,
    matching,
    number,
    one_of,
    optional_text,
    read,
    text,
    url,
    whole,
    yes_or_no,
)

DATA = Path(__file__).parent / "data"
# A series held up by its data loader: its throughput follows the machines, not the devices.
STARVED = "PyTorch 1.6 FP32 b128, 8 loader workers"


@loader("devices.csv")
def devices(folder=DATA):
    """Compute devices: what they can compute, load and send.

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
    """
    return read(folder / "devices.csv", _DEVICES, ["key"], _check_device).set_index("key")


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


@loader("networks.csv")
def networks(folder=DATA):
    """Work and size of published networks, for one forward pass of one input.

    Returns
    -------
    DataFrame
        One row per `source` and `model`. `macs` are multiply-adds (twice as many flops):
        `convention` "mac" counts nothing else, "mac + small extras" also counts ReLU, pooling
        and sums; `published` is the figure as printed, where "FLOPs" means multiply-adds.
        `parameters` (count) and `top1_error` (fraction of 1) are NaN where not published.
        Text: `task`, `input_size` in pixels.
    """
    return read(folder / "networks.csv", _NETWORKS, ["source", "model"], _check_network)


@loader("fwd_bwd_times.csv")
def forward_backward_times(folder=DATA):
    """Measured times of one forward and one backward pass of a batch, in s.

    All rows for whole networks of two public benchmarks: the README of soumith/convnet-benchmarks
    at b458aab (48) and that of jcjohnson/cnn-benchmarks at 0367b1f (57).

    Returns
    -------
    DataFrame
        `forward`, `backward` and `total` = forward + backward, all in s; `batch` (inputs).
        Text: `source`, `model`, `device`, `library`, `note` (where a number is not the README's:
        cnn-benchmarks prints the forward time again as the backward one, so `backward` is total
        - forward; the totals of convnet-benchmarks, rounded apart, differ by up to 2 ms).
    """
    unique = ["source", "model", "device", "library"]
    return read(folder / "fwd_bwd_times.csv", _TIMES, unique, _check_times)


@loader("intensities.csv")
def intensities(folder=DATA):
    """Arithmetic intensities of kernels, published or derived.

    Returns
    -------
    DataFrame
        One row per `kernel`, `precision` and `parameters`. `low` and `high` end the range of
        the intensity, in the row's `unit`: "FLOP/B" of memory traffic, or one of two that do
        not compare with it, "MAC per weight byte" and "FLOP per network byte". `flops` and
        `bytes` are the counts behind it, NaN where the source gives none. Text: `group`,
        `traffic_model` (which bytes are counted), `kind` ("published" or "derived"),
        `source`, `note`.
    """
    unique = ["kernel", "precision", "parameters"]
    return read(folder / "intensities.csv", _INTENSITIES, unique, _check_intensity)


@loader("runs.csv` and `devices.csv")
def runs(folder=DATA):
    """Published training runs of ResNet-50 on ImageNet-1k that state their total time.

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
    table = read(folder / "runs.csv", _RUNS, ["run"], lambda row: _check_run(row, known))
    return table.set_index("run")


@loader("interconnects.csv")
def interconnects(folder=DATA):
    """Links between devices and between machines.

    Returns
    -------
    DataFrame
        Index `name`. `one_way` and `two_way` = twice that (the figure vendors like to print),
        both in B/s and summed over all links of one device: two devices may share fewer of them.
        Text: `basis` (lanes, or links, and rate), `source`.
    """
    table = read(folder / "interconnects.csv", _INTERCONNECTS, ["name"], _check_interconnect)
    return table.set_index("name")


@loader("scaling.csv")
def scaling(folder=DATA):
    """Published measurements of training on several devices.

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
    """
    return read(folder / "scaling.csv", _SCALING, ["series", "devices"], _check_scaling)


@loader("scaling.csv")
def series(name, folder=DATA):
    """One series of `scaling`.

    Parameters
    ----------
    name : str
        As in the column `series`.

    Returns
    -------
    DataFrame
        The columns of `scaling`, index `devices`, ascending. A count that every row states is
        a whole number.

    Raises
    ------
    ValueError
        If no series has that name (the message tells the nearest), or a row of the file is wrong.

    Examples
    --------
    >>> series("Horovod VGG-16").value.to_dict()
    {512: 0.68}
    """
    table = scaling(folder)
    rows = table[table["series"] == name].set_index("devices").sort_index()
    if rows.empty:
        near = difflib.get_close_matches(str(name), table["series"].unique())
        hint = f"; did you mean {_either(near)}?" if near else ""
        raise ValueError(f"name must be a series of scaling.csv, got {name!r}{hint}")
    counts = ["batch_per_device", "global_batch", "epochs"]
    return rows.astype({count: int for count in counts if rows[count].notna().all()})


@loader("scaling.csv")
def speedups(name, folder=DATA):
    """Speed-ups of one series over its smallest number of devices.

    Parameters
    ----------
    name : str
        As for `series`, whose errors these are too.

    Returns
    -------
    (ndarray, ndarray)
        The numbers of devices, ascending, and S: throughput over that of the first, or, where the
        values are times, the first over each.

    Examples
    --------
    >>> devices, S = speedups("MXNet (deepinsight) InsightFace Y1")
    >>> devices, S.round(2)
    (array([1, 4, 8]), array([1.  , 1.34, 1.31]))
    """
    rows = series(name, folder)
    if (rows["unit"] == "efficiency").any():
        raise ValueError(f"name must be a series of speeds or times, got {name!r}: efficiencies")
    gains = (rows["value"] / rows["value"].iloc[0]).to_numpy()
    is_time = rows["unit"].iloc[0] in ("ms/step", "min/run")
    return rows.index.to_numpy(), 1 / gains if is_time else gains


@loader("scaling.csv")
def stated_efficiencies(folder=DATA):
    """Efficiencies that a source states without the throughputs behind them (Horovod).

    Returns
    -------
    Series
        Throughput over that of as many single devices, by `model`.
    """
    return scaling(folder).query("unit == 'efficiency'").set_index("model")["value"]


@loader("scaling.csv")
def speeds_alone(model, precision, folder=DATA):
    """Throughputs of one device, without that of `STARVED`.

    Parameters
    ----------
    model, precision : str
        As for `step_times`.

    Returns
    -------
    Series
        Examples per second, by `series`.
    """
    rows = step_times(model, precision, folder).query("devices == 1 and series != @STARVED")
    return rows.set_index("series")["value"]


@loader("scaling.csv")
def efficiencies(model, precision, folder=DATA):
    """Efficiencies of every series on several devices, from the rows of `step_times`.

    Parameters
    ----------
    model, precision : str
        As for `step_times`.

    Returns
    -------
    dict
        For each series its numbers of devices, above 1, and its efficiencies, two tuples.
    """
    rows = step_times(model, precision, folder, several=True).groupby("series")
    return {
        name: (tuple(row["devices"].tolist()), tuple(row["efficiency"].tolist()))
        for name, row in rows
    }


@loader("scaling.csv")
def step_times(model, precision, folder=DATA, several=False):
    """Times of a training step on one and on several devices, from the weak rows of `scaling`.

    Parameters
    ----------
    model : str
        How the names of the models begin: "ResNet-50" takes v1.5 and v1b.
    precision : str
        As in `scaling`: "FP32", "AMP", "mixed".
    several : bool
        Whether to leave out the rows of one device.

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
    table = table.assign(measured=measured, alone=alone, efficiency=alone / measured)
    return table[~one] if several else table


def _peak(low, high, unit="TFLOP/s"):
    """A parser of a peak that the device may lack."""
    return number(low, high, unit, 12, optional=True)


_DEVICES = [
    ("key", "key", matching(r"[\w-]+", "a short key of letters, digits, _ and -")),
    # Not "name": the attribute of that name of a row is its key.
    ("name", "full_name", text),
    ("vendor", "vendor", text),
    ("year", "year", whole(2000, 2100)),
    ("kind", "kind", one_of("GPU", "TPU", "SoC GPU", "CPU")),
    ("matrix_units", "matrix_units", yes_or_no),
    ("fp64_tflops", "peak_fp64", _peak(0.1, 150)),
    ("fp32_tflops", "peak_fp32", _peak(0.5, 400)),
    ("tf32_dense_tflops", "peak_tf32", _peak(10, 5000)),
    ("fp16_dense_tflops", "peak_fp16", _peak(10, 5000)),
    ("bf16_dense_tflops", "peak_bf16", _peak(10, 5000)),
    ("fp8_dense_tflops", "peak_fp8", _peak(20, 10_000)),
    ("int8_dense_tops", "peak_int8", _peak(20, 10_000, "Top/s")),
    ("bandwidth_GBps", "bandwidth", number(20, 20_000, "GB/s", 9)),
    ("memory_GB", "memory", number(1, 1000, "GB", 9, optional=True)),
    ("memory_type", "memory_type", text),
    ("link", "link", optional_text),
    ("link_GBps_one_way", "link_bandwidth", number(1, 1000, "GB/s", 9, optional=True)),
    ("derivation", "derivation", text),
    ("source", "source", text),
    ("source_url", "source_url", url),
    ("trap", "trap", optional_text),
]

_NETWORKS = [
    ("source", "source", text),
    ("model", "model", text),
    ("task", "task", text),
    ("input_size", "input_size", matching(r"\d+ x \d+", "as 224 x 224")),
    ("published", "published", matching(r"\d+(\.\d+)? [MG]FLOP[sS]", "as 4 GFLOPs or 579 MFLOPs")),
    ("convention", "convention", one_of("mac", "mac + small extras")),
    ("parameters", "parameters", whole(100_000, 10_000_000_000, optional=True)),
    ("macs", "macs", number(1e7, 1e13, "multiply-adds")),
    ("top1_error_percent", "top1_error", number(1, 99, "percent", -2, optional=True)),
]

_TIMES = [
    ("source", "source", text),
    ("model", "model", text),
    ("batch", "batch", whole(1, 100_000)),
    ("device", "device", text),
    ("library", "library", text),
    ("forward_ms", "forward", number(7, 9000, "ms", -3)),
    ("backward_ms", "backward", number(15, 14_000, "ms", -3)),
    ("total_ms", "total", number(23, 22_500, "ms", -3)),
    ("note", "note", optional_text),
]

_INTENSITIES = [
    ("kernel", "kernel", text),
    ("group", "group", one_of("HPC", "DL", "DL-network")),
    ("precision", "precision", one_of("FP64", "FP32", "FP16", "INT8")),
    ("parameters", "parameters", optional_text),
    ("flops", "flops", number(1, 1e18, "flop", optional=True)),
    ("bytes", "bytes", number(1, 1e15, "B", optional=True)),
    ("low", "low", number(0.01, 1e5, "")),
    ("high", "high", number(0.01, 1e5, "")),
    ("unit", "unit", one_of("FLOP/B", "MAC per weight byte", "FLOP per network byte")),
    ("traffic_model", "traffic_model", text),
    ("kind", "kind", one_of("published", "derived")),
    ("source", "source", text),
    ("note", "note", optional_text),
]

_RUNS = [
    ("run", "run", text),
    ("network", "network", text),
    ("epochs", "epochs", whole(1, 1000)),
    ("device", "device", text),
    ("devices", "devices", whole(1, 100_000)),
    ("precision", "precision", one_of("fp32", "tf32", "fp16", "bf16", "fp8")),
    ("hours", "time", lambda cell: 3600 * number(1, 500, "h")(cell)),
    ("source", "source", text),
    ("source_url", "source_url", url),
    ("note", "note", optional_text),
]

_INTERCONNECTS = [
    ("name", "name", text),
    ("one_way_GBps", "one_way", number(1, 1000, "GB/s", 9)),
    ("two_way_GBps", "two_way", number(2, 2000, "GB/s", 9)),
    ("basis", "basis", text),
    ("source", "source", text),
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
    ("series", "series", text),
    ("framework", "framework", text),
    ("model", "model", text),
    ("precision", "precision", one_of("FP32", "TF32", "FP16", "AMP", "mixed", "")),
    ("batch_per_device", "batch_per_device", whole(1, 100_000, optional=True)),
    ("devices", "devices", whole(1, 100_000)),
    ("nodes", "nodes", whole(1, 100_000)),
    ("value", "value", number(0.01, 1e8, "")),
    ("unit", "unit", one_of(*_SCALING_RANGES)),
    ("accelerator", "accelerator", text),
    ("interconnect", "interconnect", optional_text),
    ("scaling_mode", "scaling_mode", one_of("weak", "strong", "pipeline")),
    ("global_batch", "global_batch", whole(1, 1_000_000, optional=True)),
    ("epochs", "epochs", whole(1, 1000, optional=True)),
    ("source", "source", text),
    ("note", "note", optional_text),
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
