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
from pathlib import Path

from helpers.schemas import (
    DEVICES,
    INTENSITIES,
    INTERCONNECTS,
    MLPERF,
    NETWORKS,
    PRODUCTS,
    RUNS,
    SCALING,
    SCALING_2025,
    TIMES,
    UTILISATION,
)
from helpers.words import joined

DATA = Path(__file__).parent / "data"
NUMBER_FORMATS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp4", "int8")
USUAL = ("bf16", "fp16", "fp32")  # in which training is computed: the first that a device has


@DEVICES.describes
def devices(folder=DATA):
    """Compute devices: what they can compute, load and send.

    Returns
    -------
    DataFrame
        Index `key` ("V100-SXM2"). Dense peaks in flop/s, NaN where the device or its source has
        none: `peak_fp64` and `peak_fp32` on vector units, `peak_tf32`, `peak_fp8` and `peak_fp4`
        on matrix units, `peak_fp16` and `peak_bf16` on matrix units where the device has them
        (`matrix_units` is True), and `peak_int8` in operations/s. `bandwidth` of the memory in
        B/s, `memory` in B, `link_bandwidth` of all its links together, one way, in B/s. Text:
        `full_name`, `also_called` (words of names that programs print), `vendor`, `kind`,
        `memory_type`, `link`, `derivation` (the peaks from units and clock, and a bandwidth from
        wires and rate where it was computed so), `source`, `source_url`, `trap` (how this row is
        misread). Also `year`.
    """
    return DEVICES.read(folder)


def rows(table, folder=DATA):
    """The rows of a table as dictionaries, without pandas, which a page does not have.

    Parameters
    ----------
    table : helpers.tables.Table
        One of those of `helpers.schemas`.
    folder : Path
        Where its file lies, if it is a table of your own.
    """
    return table.rows(folder, _check(table, folder))


def _check(table, folder):
    """The check of a table that looks its devices up; None for one that does not."""
    if table not in (RUNS, PRODUCTS, MLPERF, UTILISATION):
        return None
    known = {row["key"]: row for row in DEVICES.rows(folder)}
    return lambda row: table.check(row, known)


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


def peaks(row):
    """Peaks of a device by number format, those that it has; `row` is one of `devices`.

    Examples
    --------
    >>> peaks(device("K20"))
    {'fp64': 1170000000000.0, 'fp32': 3520000000000.0}
    """
    found = {name: float(row[f"peak_{name}"]) for name in NUMBER_FORMATS}
    return {name: peak for name, peak in found.items() if not math.isnan(peak)}


def usual_format(peaks):
    """The number format in which a device with these peaks trains, if nobody says."""
    return next(name for name in (*USUAL, *peaks) if name in peaks)


def link_bandwidth(link):
    """Bandwidth of a link of `interconnects`, one way, in B/s.

    Examples
    --------
    >>> link_bandwidth("InfiniBand NDR 4x")
    50000000000.0
    """
    table = interconnects()["one_way"]
    if not isinstance(link, str) or link not in table.index:
        near = difflib.get_close_matches(str(link), table.index)
        hint = f"; did you mean {joined(near)}?" if near else ""
        raise ValueError(f"link must be one of {', '.join(table.index)}, got {link!r}{hint}")
    return float(table[link])


def _find(key, table):
    """The key of the one device that a name fits."""
    if not isinstance(key, str):
        raise ValueError(f"key must be the name of one device in quotes, got {key!r}")
    plain = {"".join(_words(known)): known for known in table.index}  # "h100sxm": "H100-SXM"
    typed = "".join(_words(key))
    if typed in plain:
        return plain[typed]
    words = set(_words(key))
    names = {known: set(_words(_all_names(known, row))) for known, row in table.iterrows()}
    fits = [known for known, name in names.items() if words and words <= name]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise ValueError(f"key must name one device, got {key!r}, which may be {joined(fits)}")
    # Nearest: a word in common first, then the spelling.
    near = [known for known in table.index if words & set(_words(known))]
    near = near or [plain[close] for close in difflib.get_close_matches(typed, plain)]
    near = near or [known for known, name in names.items() if _alike(words, name)]
    hint = f"; did you mean {joined(near)}?" if near else ""
    raise ValueError(f"key must be one of {', '.join(table.index)}, got {key!r}{hint}")


def _all_names(known, row):
    """Every word that may name a device, of its memory too: "80GB", "HBM3"."""
    size = "" if row["memory"] != row["memory"] else f"{row['memory'] / 1e9:g}GB"
    return " ".join([known, row["full_name"], row["also_called"], row["memory_type"], size])


def _alike(typed, name):
    """Whether a typed word with a digit is nearly a word of the name: "gh200" and "gb200"."""
    typed = [word for word in typed if re.search(r"\d", word)]
    return any(difflib.get_close_matches(word, name, cutoff=0.8) for word in typed)


def _words(name):
    """The words of a name, without case, signs and trade marks."""
    return re.findall(r"[a-z0-9]+", re.sub(r"\((r|tm)\)", " ", name.lower()))


@NETWORKS.describes
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
    return NETWORKS.read(folder)


@TIMES.describes
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
    return TIMES.read(folder)


@INTENSITIES.describes
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
    return INTENSITIES.read(folder)


@RUNS.describes
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
    return RUNS.read(folder, _check(RUNS, folder))


@MLPERF.describes
def mlperf(folder=DATA):
    """Times of MLPerf® Training v4.0 to v5.1 (2024 and 2025), computed here from the logs.

    All entries of the closed division for ResNet-50 and GPT-3 175B in v4.0, for Llama 3.1 405B in
    v5.0 and v5.1, and for Llama 3.1 8B, Llama 2 70B LoRA and FLUX.1 in v5.1; left out are one on
    a device that the catalog lacks, one whose runs all missed the goal, and two whose logs are
    those of v5.0 again. These are not the official scores: results not verified by MLCommons
    Association. The MLPerf name and logo are registered and unregistered trademarks of MLCommons
    Association in the United States and other countries. All rights reserved. Unauthorized use
    strictly prohibited. See www.mlcommons.org for more information.

    Returns
    -------
    DataFrame
        One row per `round`, `benchmark`, `submitter` and `system` (the folder of its logs).
        `time` in s from run_start to run_stop, raw, and `epochs_time` the part of it in epochs, for
        ResNet-50 alone: means of the `runs` without the fastest and the slowest, as `epochs` and
        `examples` (pictures, or sequences of tokens) are; one of those two is NaN. MLPerf scores
        `time` * `scaling_factor`. That is what the reference needs to reach the goal with this
        batch, over what the entry needed, where the entry needed less; it is read from
        scaling.json beside the logs, and NaN where there is none (the score is then `time`).
        `device` (a key of `devices`), `devices` in `machines`, `batch` (examples of all devices
        in a step). The logs do not state the precision. Text: `source`, `note`.

    Source
    ------
    The factor: mlcommons/training_policies@d73e20f training_rules.adoc, "Score scaling" and
    "Reference Convergence Points"; mlcommons/logging@7bbf792 mlperf_logging/rcp_checker writes
    the file, and result_summarizer multiplies by it, or by 1 where it is missing.
    """
    return MLPERF.read(folder, _check(MLPERF, folder))


@PRODUCTS.describes
def products(folder=DATA):
    """The fastest matrix products measured on a device: a second roof, below the datasheet's.

    Each is the best of many shapes, measured by the author of the source; another version of the
    software, or another card, gives another number.

    Returns
    -------
    DataFrame
        One row per `device` (a key of `devices`) and `precision` ("bf16", "fp8"): `achieved` in
        flop/s, dense, its `shape`, and the `software`. Text: `source`, `note`.
    """
    return PRODUCTS.read(folder, _check(PRODUCTS, folder))


@UTILISATION.describes
def utilisation(folder=DATA):
    """Published speeds of training language models, with the utilisation that the source states.

    Returns
    -------
    DataFrame
        One row per setting. `tokens_per_second` of all `devices`; `mfu` and `hfu` as the source
        states them, fractions of the dense peak of `device` in `precision`; or, of a whole
        training, `device_time` in s (of all devices together) and `tokens`. `parameters`, `layers`
        and `width` of the model where the source states them, `sequence` in tokens, `batch`
        (sequences of all devices in a step), `memory` of the fullest device in B. NaN where not
        stated. Text: `framework`, `model`, `technique`, `source`, `note`.
    """
    return UTILISATION.read(folder, _check(UTILISATION, folder))


@INTERCONNECTS.describes
def interconnects(folder=DATA):
    """Links between devices and between machines.

    Returns
    -------
    DataFrame
        Index `name`. `one_way` and `two_way` = twice that (the figure vendors like to print),
        both in B/s and summed over all links of one device: two devices may share fewer of them.
        Text: `basis` (lanes, or links, and rate), `source`, `trap` (how this row is misread).
    """
    return INTERCONNECTS.read(folder)


@SCALING.describes
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
    return SCALING.read(folder)


@SCALING_2025.describes
def scaling_2025(folder=DATA):
    """Published measurements of training large language models on several devices, 2024 and 2025.

    Returns
    -------
    DataFrame
        As `scaling`. `unit`: "tok/s" of all devices together, "tok/s per device", or "% MFU", the
        share of the peak that the model's own flop attain.
    """
    return SCALING_2025.read(folder)
