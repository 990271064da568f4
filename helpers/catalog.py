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

DATA = Path(__file__).parent / "data"
# A series held up by its data loader: its throughput follows the machines, not the devices.
STARVED = "PyTorch 1.6 FP32 b128, 8 loader workers"


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
        raise ValueError(f"key must name one device, got {key!r}, which may be {_either(fits)}")
    # Nearest: a word in common first, then the spelling.
    near = [known for known in table.index if words & set(_words(known))]
    near = near or [plain[close] for close in difflib.get_close_matches(typed, plain)]
    near = near or [known for known, name in names.items() if _alike(words, name)]
    hint = f"; did you mean {_either(near)}?" if near else ""
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


def _either(names):
    """Names joined for a sentence."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


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
        `time` in s from run_start to run_stop, and `epochs_time` the part of it in epochs, for
        ResNet-50 alone: means of the `runs` without the fastest and the slowest, as `epochs` and
        `examples` (pictures, or sequences of tokens) are; one of those two is NaN. `device` (a key
        of `devices`), `devices` in `machines`, `batch` (examples of all devices in a step). The
        logs do not state the precision. Text: `source`, `note`.
    """
    return MLPERF.read(folder, _check(MLPERF, folder))


def resnet_runs(folder=DATA):
    """Every run of ResNet-50 in the catalog that states its total time, on ImageNet.

    Those of `runs`, of MLPerf Training v0.6 in `scaling`, and of v4.0 in `mlperf`. They do not
    share a goal: those of MLPerf end at an accuracy, the others after 90 epochs.

    Parameters
    ----------
    folder : Path
        Where the files lie, if they are tables of your own.

    Returns
    -------
    DataFrame
        Index `run`. `device` (a key of `devices`; a V100-SXM3 counts as a V100-SXM2), `devices`,
        `time` in s and `epochs_time`, the part of it in epochs (NaN where not known), `epochs`,
        `batch` (pictures of all devices in a step), `precision` ("" where not stated), `source`.
    """
    import pandas as pd  # here: a page reads its rows without it

    own = runs(folder).drop("DGX-1 MLPerf")  # in the table of scaling as well
    old = scaling(folder).query("series.str.startswith('MLPerf v0.6')")
    old = old.assign(
        run=old["series"] + ", " + old["devices"].astype(str),
        device=old["accelerator"].map(lambda name: "TPUv3" if "tpu" in name else "V100-SXM2"),
        time=60 * old["value"],
        batch=old["global_batch"],
        precision="fp16",
    )
    new = mlperf(folder).query("benchmark == 'ResNet-50'")
    new = new.assign(run="MLPerf v4.0 " + new["submitter"] + ", " + new["system"], precision="")
    columns = ["device", "devices", "time", "epochs_time", "epochs", "batch", "precision", "source"]
    parts = [own, old.set_index("run"), new.set_index("run")]
    return pd.concat(parts).reindex(columns=columns)


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


def scaling_tables(folder=DATA):
    """Every published series of throughputs, times or utilisations with at least three counts.

    Of `scaling` and `scaling_2025`; left out are pipelines, efficiencies and relative values.

    Returns
    -------
    dict
        For each series, by its name, the arguments of `helpers.scaling.fit_scaling`: `devices`
        and `values` (lists, ascending), `kind`, `mode`, and `per_node`, the devices in a machine.
    """
    kinds = {"ms/step": "time", "min/run": "time", "% MFU": "per device"}
    kinds |= {"tok/s per device": "per device"}
    tables = {}
    for table in (scaling(folder), scaling_2025(folder)):
        fits = ~table["unit"].isin(["efficiency", "relative"])
        fits &= table["scaling_mode"] != "pipeline"
        for name, rows in table[fits].groupby("series", sort=False):
            rows = rows.sort_values("devices")
            if len(rows) >= 3:
                tables[name] = dict(
                    devices=rows["devices"].tolist(),
                    values=rows["value"].tolist(),
                    kind=kinds.get(rows["unit"].iloc[0], "throughput"),
                    mode=rows["scaling_mode"].iloc[0],
                    per_node=int((rows["devices"] // rows["nodes"]).max()),
                )
    return tables


@SCALING.describes
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


@SCALING.describes
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


@SCALING.describes
def stated_efficiencies(folder=DATA):
    """Efficiencies that a source states without the throughputs behind them (Horovod).

    Returns
    -------
    Series
        Throughput over that of as many single devices, by `model`.
    """
    return scaling(folder).query("unit == 'efficiency'").set_index("model")["value"]


@SCALING.describes
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


@SCALING.describes
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


@SCALING.describes
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
