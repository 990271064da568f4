"""The table of published scaling results: known values, and refusals of what cannot be."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from helpers import catalog, published

TEXT = (catalog.DATA / "scaling.csv").read_text(encoding="utf-8")


@pytest.fixture
def corrupt(tmp_path):
    """A function that puts a value into the first row that holds a word, and loads the table."""
    folder = Path(shutil.copytree(catalog.DATA, tmp_path / "data"))
    path = folder / "scaling.csv"

    def change(word, column, value):
        rows = list(csv.reader(TEXT.splitlines()))
        line = next(number for number, cells in enumerate(rows) if word in cells)
        rows[line][rows[0].index(column)] = value
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
        catalog.scaling(folder)

    return change


def values(series):
    table = catalog.scaling()
    rows = table[table["series"] == series]
    return dict(zip(rows["devices"], rows["value"], strict=True))


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("OneFlow 0.2.0 FP32 b128", {1: 397.64, 8: 3130.34, 16: 6260.30, 32: 12411.97}),
        (
            "PyTorch 1.6 FP32 b128, 8 loader workers",
            {1: 306.35, 4: 1079.19, 8: 1070.37, 16: 2093.53, 32: 4119.84},
        ),
        (
            "PaddlePaddle 1.8.3 AMP b196, DALI",
            {1: 887.17, 4: 3598.0, 8: 6862.17, 16: 6018.46, 32: 11617.57},
        ),
        ("MXNet (deepinsight) InsightFace Y1", {1: 786.94, 4: 1055.88, 8: 1031.10}),
        ("GNMT V100 DGX-2H FP32", {1: 25583, 4: 91400, 8: 176616, 16: 351792}),
        ("OneFlow 0.2 Wide&Deep", {1: 59.641, 2: 33.309, 4: 17.625, 8: 10.847}),
        ("GPipe Transformer-48 M=32", {2: 1.8, 4: 3.4, 8: 6.3}),
        ("GPipe Transformer-48 M=4", {2: 1.7, 4: 3.2, 8: 4.8}),
        ("Horovod VGG-16", {512: 0.68}),
        ("OneFlow GPT", {1: 4.92, 8: 38.28, 16: 65.35, 32: 123.40}),
        ("Megatron-LM GPT", {1: 4.31, 8: 33.27, 16: 48.16, 32: 93.63}),
    ],
)
def test_known_series(series, expected):
    assert values(series) == expected


def test_single_cards_differ_as_stated():
    table = catalog.scaling()
    alone = table[table["model"].str.startswith("ResNet-50") & (table["devices"] == 1)]
    single = alone[(alone["precision"] == "FP32") & (alone["batch_per_device"] == 128)]["value"]
    assert (single.min(), single.max()) == (306.35, 397.64)
    mixed = alone[alone["precision"] == "AMP"]["value"]
    assert (mixed.min(), mixed.max()) == (802.90, 1472.72)


def test_epochs_grow_with_the_batch_in_one_round():
    table = catalog.scaling()
    run = table[table["series"] == "MLPerf v0.6 TPU v3"].set_index("devices")
    assert run.at[16, "epochs"] == 60 and run.at[16, "global_batch"] == 4096
    assert run.at[1024, "epochs"] == 72 and run.at[1024, "global_batch"] == 32768
    assert run.at[16, "value"] / run.at[1024, "value"] == pytest.approx(32.9, abs=0.05)


def test_step_times_are_those_of_the_same_series():
    rows = published.step_times("ResNet-50", "FP32")
    assert (len(rows), (rows["devices"] > 1).sum(), rows["series"].nunique()) == (71, 57, 14)
    row = rows[(rows["series"] == "MXNet 1.6 (gluon-cv) FP32 b128") & (rows["devices"] == 8)].iloc[
        0
    ]
    assert row["alone"] == 128 / 384.19 and row["measured"] == 8 * 128 / 2556.03
    assert row["efficiency"] == pytest.approx(2556.03 / 8 / 384.19)
    assert (rows.loc[rows["devices"] == 1, "efficiency"] == 1).all()
    assert set(published.step_times("GPT", "mixed")["unit"]) == {"seq/s"}
    assert published.step_times("Wide&Deep", "FP32").empty  # a fixed job, and times
    mixed = published.step_times("ResNet-50", "AMP")
    assert not mixed[["alone", "measured", "efficiency"]].isna().any(axis=None)


def test_gpt_steps_take_as_long_as_its_own_reports_say():
    # Megatron-LM/README.md and OneFlow/LanguageModeling/GPT/README.md print the step in ms.
    rows = published.step_times("GPT", "mixed").set_index(["series", "devices"])["measured"]
    reported = {
        "OneFlow GPT": {1: 406.16, 8: 417.95, 16: 489.67, 32: 518.64},
        "Megatron-LM GPT": {1: 464.12, 8: 480.96, 16: 664.46, 32: 683.51},
    }
    for series, steps in reported.items():
        for devices, milliseconds in steps.items():
            assert 1e3 * rows[series, devices] == pytest.approx(milliseconds, rel=1e-3)


def test_every_series_is_of_one_kind():
    kinds = ["framework", "model", "precision", "unit", "accelerator", "scaling_mode", "source"]
    for series, rows in catalog.scaling().groupby("series"):
        ladder = kinds[:-1] if series.startswith("MLPerf") else kinds  # a file for each machine
        assert (rows[ladder].nunique() == 1).all(), series


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("series", "", "series must be text"),
        ("source", "", "source must be text"),
        ("precision", "float", "precision must be one of FP32, TF32"),
        ("devices", "0", "devices must be a whole number from 1"),
        ("devices", "1.5", "devices must be a whole number from 1"),
        ("nodes", "2", "devices must be at least nodes 2, got 1"),
        ("value", "nan", "value must be a number"),
        ("value", "-321.8", "value must be a number"),
        ("value", "321.8e3", "value must be from 10 to 5000 img/s for each device"),
        ("value", "321.8e-3", "value must be from 10 to 5000 img/s for each device"),
        ("unit", "images", "unit must be one of img/s, tok/s"),
        ("unit", "efficiency", "value must be from 0.01 to 1 efficiency"),
        ("scaling_mode", "super", "scaling_mode must be one of weak, strong, pipeline"),
        ("batch_per_device", "0", "batch_per_device must be a whole number"),
        ("global_batch", "200", "global_batch must be a multiple of batch_per_device"),
        ("epochs", "90.5", "epochs must be a whole number"),
        ("devices", "2", "series, devices must be unique, got TensorFlow 2.3 FP32 b128, 2"),
    ],
)
def test_a_corrupted_row_is_refused(corrupt, column, value, reason):
    with pytest.raises(ValueError, match=rf"^scaling\.csv, line [23]: {re.escape(reason)}"):
        corrupt("TensorFlow 2.3 FP32 b128", column, value)


@pytest.mark.parametrize(
    ("series", "value", "reason"),
    [
        ("GNMT V100 DGX-2H FP32", "25.583", "value must be from 15000 to 500000 tok/s"),
        ("OneFlow 0.2 Wide&Deep", "0.059641", "value must be from 5 to 500 ms/step"),
        ("MLPerf v0.6 DGX-1", "6913", "value must be from 1 to 500 min/run"),  # seconds
        ("Horovod VGG-16", "68", "value must be from 0.01 to 1 efficiency"),  # percent
        ("OneFlow GPT", "4920", "value must be from 0.5 to 50 seq/s for each device"),
        ("GPipe Transformer-48 M=32", "18", "value must be from 0.1 to 10 relative"),
    ],
)
def test_a_slip_of_the_unit_is_refused(corrupt, series, value, reason):
    with pytest.raises(ValueError, match=f"{re.escape(reason)}"):
        corrupt(series, "value", value)


def test_a_fixed_job_has_no_step_of_one_device_to_compare_with(tmp_path):
    folder = Path(shutil.copytree(catalog.DATA, tmp_path / "data"))
    series = "OneFlow GPT"
    lines = [
        line.replace(",weak,", ",strong,") if line.startswith(f"{series},") else line
        for line in TEXT.splitlines()
    ]
    (folder / "scaling.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert set(published.step_times("GPT", "mixed", folder)["series"]) == {"Megatron-LM GPT"}


def test_a_series_stands_in_the_order_of_its_devices(tmp_path):
    folder = Path(shutil.copytree(catalog.DATA, tmp_path / "data"))
    head, *lines = TEXT.splitlines()
    (folder / "scaling.csv").write_text("\n".join([head, *lines[::-1]]) + "\n", encoding="utf-8")
    tpu = published.series("MLPerf v0.6 TPU v3", folder)
    assert tpu["epochs"].to_dict() == {16: 60, 64: 64, 128: 76, 256: 72, 512: 76, 1024: 72}
    assert tpu["global_batch"].dtype == int and tpu["batch_per_device"].isna().all()
    devices, gains = published.speedups("OneFlow GPT", folder)
    assert devices.tolist() == [1, 8, 16, 32] and gains[-1] == 123.40 / 4.92


@pytest.mark.parametrize(
    ("name", "reason"),
    [("OneFlow GPT2", "did you mean OneFlow GPT"), ("ResNet-50", "50'$"), (7, "got 7$")],
)
def test_a_series_that_is_not_there_is_refused(name, reason):
    with pytest.raises(ValueError, match=f"name must be a series of scaling.csv.*{reason}"):
        published.series(name)


def test_speedups_are_those_of_throughputs_and_of_times():
    devices, gains = published.speedups("GNMT V100 DGX-2H FP32")  # tok/s: more is better
    assert (devices[-1], gains[-1]) == (16, 351792 / 25583)
    devices, gains = published.speedups("OneFlow 0.2 Wide&Deep")  # ms: less is better
    assert (devices[-1], gains[-1]) == (8, pytest.approx(59.641 / 10.847))
    devices, gains = published.speedups("MLPerf v0.6 TPU v3")  # minutes, and not from one device on
    assert (devices[0], gains[0], gains[-1]) == (16, 1, pytest.approx(42.186 / 1.282))
    with pytest.raises(ValueError, match="Horovod VGG-16': efficiencies"):
        published.speedups("Horovod VGG-16")


def test_stated_efficiencies_are_horovods():
    kept = {"Inception-v3": 0.90, "ResNet-101": 0.90, "VGG-16": 0.68}
    assert published.stated_efficiencies().to_dict() == kept


def test_one_device_without_the_run_that_its_loader_held_up():
    every = values_of(published.step_times("ResNet-50", "FP32").query("devices == 1"))
    speeds = published.speeds_alone("ResNet-50", "FP32").to_dict()
    assert every.pop(published.STARVED) == 306.35
    assert speeds == every and len(speeds) == 13
    mixed = values_of(published.step_times("ResNet-50", "AMP").query("devices == 1"))
    assert published.speeds_alone("ResNet-50", "AMP").to_dict() == mixed and len(mixed) == 18


def values_of(rows):
    return dict(zip(rows["series"], rows["value"], strict=True))


def test_several_devices_are_more_than_one_and_keep_the_time_of_one():
    rows = published.step_times("ResNet-50", "FP32", several=True)
    assert (len(rows), rows["devices"].min(), rows["series"].nunique()) == (57, 2, 14)
    assert rows["alone"].notna().all()
    found = published.efficiencies("ResNet-50", "FP32")
    assert len(found) == 14 and sum(len(devices) for devices, _ in found.values()) == 57
    devices, efficiencies = found["OneFlow 0.2.0 FP32 b128"]
    assert devices == (8, 16, 32)
    assert efficiencies == pytest.approx(
        [3130.34 / 8 / 397.64, 6260.30 / 16 / 397.64, 12411.97 / 32 / 397.64]
    )


@pytest.mark.parametrize("wrong", [None, 5, ["ResNet-50"], {}])
def test_what_is_no_name_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match="^model must be a text .*, got"):
        published.step_times(wrong, "FP32")
    with pytest.raises(ValueError, match="^precision must be a text .*, got"):
        published.step_times("ResNet-50", wrong)
    with pytest.raises(ValueError, match="^name must be a series of scaling.csv, got"):
        published.series(wrong)
