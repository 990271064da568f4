"""What is read off the published rows: runs of one network, series of counts, times of a step."""

import difflib
from operator import itemgetter

from helpers.catalog import DATA, mlperf, rows, runs, scaling
from helpers.schemas import SCALING, SCALING_2025
from helpers.words import joined

# A series held up by its data loader: its throughput follows the machines, not the devices.
STARVED = "PyTorch 1.6 FP32 b128, 8 loader workers"


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
    found = {}
    for row in (*rows(SCALING, folder), *rows(SCALING_2025, folder)):
        if row["unit"] not in ("efficiency", "relative") and row["scaling_mode"] != "pipeline":
            found.setdefault(row["series"], []).append(row)
    tables = {}
    for name, group in found.items():
        if len(group) >= 3:
            group = sorted(group, key=itemgetter("devices"))
            tables[name] = dict(
                devices=[row["devices"] for row in group],
                values=[row["value"] for row in group],
                kind=kinds.get(group[0]["unit"], "throughput"),
                mode=group[0]["scaling_mode"],
                per_node=max(row["devices"] // row["nodes"] for row in group),
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
    rows = table[table["series"] == str(name)].set_index("devices").sort_index()
    if rows.empty:
        near = difflib.get_close_matches(str(name), table["series"].unique())
        hint = f"; did you mean {joined(near)}?" if near else ""
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
        If a row of the file is wrong, or an argument is no text.

    Examples
    --------
    >>> rows = step_times("InsightFace Y1", "FP32").set_index(["framework", "devices"])
    >>> round(float(rows.at[("OneFlow 0.3.4", 8), "efficiency"]), 2)
    0.91
    """
    for name, text in (("model", model), ("precision", precision)):
        if not isinstance(text, str):
            raise ValueError(f"{name} must be a text as in scaling.csv, got {text!r:.60}")
    table = scaling(folder)
    table = table[table["model"].str.startswith(model) & (table["precision"] == precision)]
    table = table[(table["scaling_mode"] == "weak") & table["unit"].isin(["img/s", "seq/s"])]
    measured = table["devices"] * table["batch_per_device"] / table["value"]
    one = table["devices"] == 1
    alone = table["series"].map(dict(zip(table["series"][one], measured[one], strict=True)))
    table = table.assign(measured=measured, alone=alone, efficiency=alone / measured)
    return table[~one] if several else table
