"""The columns of the files in ``helpers/data``, and what must hold between the cells of a row.

A column has its name in the file, its name in the DataFrame if that is another, and the parser of
its cells.
"""

import math
from decimal import Decimal

from helpers.tables import (
    Table,
    matching,
    number,
    one_of,
    optional_text,
    text,
    times,
    url,
    whole,
    yes_or_no,
)


def _peak(low, high, unit="TFLOP/s"):
    """A parser of a peak that the device may lack."""
    return number(low, high, unit, 12, optional=True)


# Of one device where the value is that of all, so that a slip of a prefix falls outside.
SCALING_RANGES = {
    "img/s": (10, 5000),
    "tok/s": (15_000, 500_000),
    "ms/step": (5, 500),
    "min/run": (1, 500),
    "relative": (0.1, 10),
    "efficiency": (0.01, 1),
    "seq/s": (0.5, 50),
}
# Of larger models, so fewer tokens, or of one device as published.
SCALING_2025_RANGES = {
    "tok/s": (3000, 500_000),
    "tok/s per device": (3000, 500_000),
    "% MFU": (1, 100),
}


# What must hold between the cells of one row, in SI units; each raises ValueError if it does not.


def _check_device(row):
    """A narrower number is computed no slower, and a device computes in some precision."""
    names = [f"peak_{name}" for name in ("fp64", "fp32", "tf32", "fp16", "fp8", "fp4")]
    peaks = [row[name] for name in names if not math.isnan(row[name])]
    if peaks != sorted(peaks):
        raise ValueError(f"peaks must not fall from fp64 to fp4, got {peaks}")
    if not peaks and math.isnan(row["peak_bf16"]):
        raise ValueError("one peak must be given, got none")
    narrow = [row["peak_tf32"], row["peak_fp8"], row["peak_fp4"]]
    if not (row["matrix_units"] or all(map(math.isnan, narrow))):
        raise ValueError("matrix_units must be yes where a TF32, FP8 or FP4 peak is given, got no")


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
    if math.isnan(_known(row, known)[f"peak_{row['precision']}"]):
        raise ValueError(
            f"precision must be one that {row['device']} has a peak for, got {row['precision']!r}"
        )


def _check_product(row, known):
    """The device is known, and its peak in this format is not beaten."""
    peak = _known(row, known).get(f"peak_{row['precision']}", math.nan)
    if not row["achieved"] < peak:
        raise ValueError(
            f"product_tflops must be below the peak of {row['device']} in {row['precision']} "
            f"{peak / 1e12:g}, got {row['achieved'] / 1e12:g}"
        )


def _check_mlperf(row, known):
    """The device is known, the parts are no longer than the whole, and one count is given."""
    _known(row, known)
    if row["devices"] < row["machines"]:
        raise ValueError(
            f"devices must be at least machines {row['machines']}, got {row['devices']}"
        )
    if row["epochs_time"] > row["time"]:
        raise ValueError(
            f"epochs_minutes must be at most minutes {row['time'] / 60:g}, "
            f"got {row['epochs_time'] / 60:g}"
        )
    if math.isnan(row["epochs"]) == math.isnan(row["examples"]):
        raise ValueError("epochs or examples must be given, and not both")


def _check_utilisation(row, known):
    """The device is known, something was measured, and recomputing adds work."""
    _known(row, known)
    measured = row["tokens_per_second"], row["mfu"], row["device_time"]
    if all(map(math.isnan, measured)):
        raise ValueError("tokens_per_second, mfu_percent or device_hours must be given")
    if row["hfu"] < row["mfu"]:
        raise ValueError(f"hfu_percent must be at least mfu_percent, got {100 * row['hfu']:g}")


def _known(row, known):
    """The row of the device of a row."""
    if row["device"] not in known:
        raise ValueError(f"device must be a key of devices.csv, got {row['device']!r}")
    return known[row["device"]]


def _check_interconnect(row):
    """Two ways are twice one way."""
    if row["two_way"] != 2 * row["one_way"]:
        raise ValueError(
            f"two_way_GBps must be twice one_way_GBps {row['one_way'] / 1e9:g}, "
            f"got {row['two_way'] / 1e9:g}"
        )


def _check_scaling(row, ranges):
    """A node holds a device, the value is plausible, and the devices share the global batch."""
    devices, unit = row["devices"], row["unit"]
    if devices < row["nodes"]:
        raise ValueError(f"devices must be at least nodes {row['nodes']}, got {devices}")
    low, high = ranges[unit]
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


DEVICES = Table(
    "devices.csv",
    ("key",),
    _check_device,
    ("key", matching(r"[\w-]+", "a short key of letters, digits, _ and -")),
    # Not "name": the attribute of that name of a row is its key.
    ("name", "full_name", text),
    ("also_called", optional_text),
    ("vendor", text),
    ("year", whole(2000, 2100)),
    ("kind", one_of("GPU", "TPU", "accelerator", "SoC GPU", "CPU")),
    ("matrix_units", yes_or_no),
    ("fp64_tflops", "peak_fp64", _peak(0.1, 150)),
    ("fp32_tflops", "peak_fp32", _peak(0.5, 400)),
    ("tf32_dense_tflops", "peak_tf32", _peak(10, 5000)),
    ("fp16_dense_tflops", "peak_fp16", _peak(10, 5000)),
    ("bf16_dense_tflops", "peak_bf16", _peak(10, 5000)),
    ("fp8_dense_tflops", "peak_fp8", _peak(20, 10_000)),
    ("fp4_dense_tflops", "peak_fp4", _peak(100, 20_000)),
    ("int8_dense_tops", "peak_int8", _peak(20, 10_000, "Top/s")),
    ("bandwidth_GBps", "bandwidth", number(20, 20_000, "GB/s", 9)),
    ("memory_GB", "memory", number(1, 1000, "GB", 9, optional=True)),
    ("memory_type", text),
    ("link", optional_text),
    ("link_GBps_one_way", "link_bandwidth", number(1, 1000, "GB/s", 9, optional=True)),
    ("derivation", text),
    ("source", text),
    ("source_url", url),
    ("trap", optional_text),
)

NETWORKS = Table(
    "networks.csv",
    ("source", "model"),
    _check_network,
    ("source", text),
    ("model", text),
    ("task", text),
    ("input_size", matching(r"\d+ x \d+", "as 224 x 224")),
    ("published", matching(r"\d+(\.\d+)? [MG]FLOP[sS]", "as 4 GFLOPs or 579 MFLOPs")),
    ("convention", one_of("mac", "mac + small extras")),
    ("parameters", whole(100_000, 10_000_000_000, optional=True)),
    ("macs", number(1e7, 1e13, "multiply-adds")),
    ("top1_error_percent", "top1_error", number(1, 99, "percent", -2, optional=True)),
)

TIMES = Table(
    "fwd_bwd_times.csv",
    ("source", "model", "device", "library"),
    _check_times,
    ("source", text),
    ("model", text),
    ("batch", whole(1, 100_000)),
    ("device", text),
    ("library", text),
    ("forward_ms", "forward", number(7, 9000, "ms", -3)),
    ("backward_ms", "backward", number(15, 14_000, "ms", -3)),
    ("total_ms", "total", number(23, 22_500, "ms", -3)),
    ("note", optional_text),
)

INTENSITIES = Table(
    "intensities.csv",
    ("kernel", "precision", "parameters"),
    _check_intensity,
    ("kernel", text),
    ("group", one_of("HPC", "DL", "DL-network")),
    ("precision", one_of("FP64", "FP32", "FP16", "INT8")),
    ("parameters", optional_text),
    ("flops", number(1, 1e18, "flop", optional=True)),
    ("bytes", number(1, 1e15, "B", optional=True)),
    ("low", number(0.01, 1e5, "")),
    ("high", number(0.01, 1e5, "")),
    ("unit", one_of("FLOP/B", "MAC per weight byte", "FLOP per network byte")),
    ("traffic_model", text),
    ("kind", one_of("published", "derived")),
    ("source", text),
    ("note", optional_text),
)

RUNS = Table(
    "runs.csv",
    ("run",),
    _check_run,
    ("run", text),
    ("network", text),
    ("epochs", whole(1, 1000)),
    ("device", text),
    ("devices", whole(1, 100_000)),
    ("precision", one_of("fp32", "tf32", "fp16", "bf16", "fp8")),
    ("hours", "time", times(3600, number(1, 500, "h"))),
    ("source", text),
    ("source_url", url),
    ("note", optional_text),
)

PRODUCTS = Table(
    "products.csv",
    ("device", "precision"),
    _check_product,
    ("device", text),
    ("precision", one_of("bf16", "fp8")),
    ("product_tflops", "achieved", number(100, 10_000, "TFLOP/s", 12)),
    ("shape", matching(r"\d+ x \d+ x \d+", "as 2048 x 2048 x 13312")),
    ("software", text),
    ("source", text),
    ("note", optional_text),
)

MLPERF = Table(
    "mlperf.csv",
    ("round", "benchmark", "submitter", "system"),
    _check_mlperf,
    ("round", matching(r"v\d\.\d", "as v4.0")),
    ("benchmark", text),
    ("submitter", text),
    ("system", text),
    ("device", text),
    ("devices", whole(1, 100_000)),
    ("machines", whole(1, 100_000)),
    ("minutes", "time", times(60, number(0.1, 1000, "min"))),
    ("epochs_minutes", "epochs_time", times(60, number(0.1, 1000, "min", optional=True))),
    ("scaling_factor", number(1, 2, "", optional=True)),
    ("runs", whole(1, 100)),
    ("batch", whole(1, 1_000_000)),
    ("epochs", number(1, 1000, "epochs", optional=True)),
    ("examples", number(1000, 1e9, "examples", optional=True)),
    ("source", text),
    ("note", optional_text),
)

UTILISATION = Table(
    "utilisation.csv",
    ("framework", "model", "technique", "device", "devices", "precision", "sequence", "batch"),
    _check_utilisation,
    ("framework", text),
    ("model", text),
    ("technique", optional_text),
    ("parameters", whole(1_000_000, 10**13, optional=True)),
    ("layers", whole(1, 1000, optional=True)),
    ("width", whole(1, 100_000, optional=True)),
    ("sequence", whole(1, 10_000_000, optional=True)),
    ("device", text),
    ("devices", whole(1, 100_000, optional=True)),
    ("precision", one_of("bf16", "fp8", "")),
    ("batch", whole(1, 1_000_000, optional=True)),
    ("tokens_per_second", number(1000, 1e9, "tokens/s", optional=True)),
    ("mfu_percent", "mfu", number(1, 100, "percent", -2, optional=True)),
    ("hfu_percent", "hfu", number(1, 100, "percent", -2, optional=True)),
    (
        "device_hours",
        "device_time",
        times(3600, number(1000, 1e9, "h", optional=True)),
    ),
    ("tokens", number(1e9, 1e15, "tokens", optional=True)),
    ("memory_GiB", "memory", times(2**30, number(1, 1000, "GiB", optional=True))),
    ("source", text),
    ("note", optional_text),
)

INTERCONNECTS = Table(
    "interconnects.csv",
    ("name",),
    _check_interconnect,
    ("name", text),
    ("one_way_GBps", "one_way", number(1, 1000, "GB/s", 9)),
    ("two_way_GBps", "two_way", number(2, 2000, "GB/s", 9)),
    ("basis", text),
    ("source", text),
    ("trap", optional_text),
)


def _scaling(file, ranges, *precisions):
    """The table of a file of scaling series, which differ in units and precisions only."""
    return Table(
        file,
        ("series", "devices"),
        lambda row: _check_scaling(row, ranges),
        ("series", text),
        ("framework", text),
        ("model", text),
        ("precision", one_of(*precisions, "")),
        ("batch_per_device", whole(1, 100_000, optional=True)),
        ("devices", whole(1, 100_000)),
        ("nodes", whole(1, 100_000)),
        ("value", number(0.01, 1e8, "")),
        ("unit", one_of(*ranges)),
        ("accelerator", text),
        ("interconnect", optional_text),
        ("scaling_mode", one_of("weak", "strong", "pipeline")),
        ("global_batch", whole(1, 1_000_000, optional=True)),
        ("epochs", whole(1, 1000, optional=True)),
        ("source", text),
        ("note", optional_text),
    )


SCALING = _scaling("scaling.csv", SCALING_RANGES, "FP32", "TF32", "FP16", "AMP", "mixed")
SCALING_2025 = _scaling("scaling_2025.csv", SCALING_2025_RANGES, "BF16", "FP8")
