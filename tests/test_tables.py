"""Tables: what every loader promises, and what it refuses."""

import csv
import re
import runpy
import shutil
from pathlib import Path

import pytest

from helpers import catalog

LOADERS = {
    "devices.csv": catalog.devices,
    "networks.csv": catalog.networks,
    "fwd_bwd_times.csv": catalog.forward_backward_times,
    "intensities.csv": catalog.intensities,
    "runs.csv": catalog.runs,
    "interconnects.csv": catalog.interconnects,
    "scaling.csv": catalog.scaling,
    "scaling_2025.csv": catalog.scaling_2025,
    "mlperf.csv": catalog.mlperf,
    "products.csv": catalog.products,
    "utilisation.csv": catalog.utilisation,
}


EOS = "eos_ngc24.04_mxnet"  # 8 H100, first of its runs in the file


@pytest.fixture
def folder(tmp_path):
    """A copy of the tables, to corrupt."""
    return Path(shutil.copytree(catalog.DATA, tmp_path / "data"))


def cells_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def change(path, line, column, value):
    """Put `value` into one cell, and return what was there."""
    rows = cells_of(path)
    position = rows[0].index(column)
    before, rows[line - 1][position] = rows[line - 1][position], value
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return before


def line_of(path, word):
    """The line of the first row with a cell that is `word`."""
    return 1 + next(number for number, cells in enumerate(cells_of(path)) if word in cells)


def test_every_data_file_has_a_loader():
    assert {path.name for path in catalog.DATA.glob("*.csv")} == set(LOADERS)


@pytest.mark.parametrize("file", LOADERS)
def test_nothing_printed_is_recalled(file):
    text = (catalog.DATA / file).read_text(encoding="utf-8")
    assert not re.search(r"recalled|confidence low", text, re.IGNORECASE)


@pytest.mark.parametrize("loader", LOADERS.values(), ids=LOADERS)
def test_a_table_is_fresh(loader):
    table = loader()
    table["source"] = "spoilt"
    assert not (loader()["source"] == "spoilt").any()


def test_import_reads_no_file(monkeypatch):
    def refuse(self, *args, **kwargs):
        raise AssertionError(f"opened {self}")

    monkeypatch.setattr(Path, "open", refuse)
    runpy.run_path(catalog.__file__)
    with pytest.raises(AssertionError, match=r"opened .*devices\.csv"):
        catalog.devices()


def test_refusal_names_file_line_column_rule_and_value(folder):
    change(folder / "devices.csv", 7, "fp32_tflops", "abc")
    with pytest.raises(ValueError) as refusal:
        catalog.devices(folder)
    assert str(refusal.value) == (
        'devices.csv, line 7: fp32_tflops must be a number from 0.5 to 400 TFLOP/s, got "abc"'
    )


@pytest.mark.parametrize(
    ("file", "row", "column", "value", "reason"),
    [
        # one cell that is no such thing
        ("devices.csv", "V100-SXM2", "key", "", "key must be a short key"),
        ("devices.csv", "V100-SXM2", "name", "", "name must be text"),
        ("devices.csv", "V100-SXM2", "name", " V100", "name must be text without blanks"),
        ("devices.csv", "V100-SXM2", "trap", " ", "trap must be text without blanks"),
        ("devices.csv", "V100-SXM2", "source", "", "source must be text"),
        ("devices.csv", "V100-SXM2", "source_url", "nvidia.com", "source_url must be one addr"),
        ("devices.csv", "V100-SXM2", "kind", "gpu", "kind must be one of GPU, TPU"),
        ("devices.csv", "V100-SXM2", "year", "17", "year must be a whole number from 2000"),
        ("devices.csv", "V100-SXM2", "year", "2017.5", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "NaN", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "inf", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "-15.7", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "0", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "fp32_tflops", "15.7e12", "fp32_tflops must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "900e9", "bandwidth_GBps must be a num"),
        ("devices.csv", "V100-SXM2", "matrix_units", "", "matrix_units must be one of yes, no"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "", "bandwidth_GBps must be a number"),
        # what Python would read, and a person would not write
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "9_00", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", "٩٠٠", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "bandwidth_GBps", " 900", "bandwidth_GBps must be a number"),
        ("devices.csv", "V100-SXM2", "year", "٢٠١٧", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "year", "2_017", "year must be a whole number"),
        ("devices.csv", "V100-SXM2", "key", "V１００", "key must be a short key"),
        ("devices.csv", "V100-SXM2", "name", "V100\0", "name must be printable"),
        ("devices.csv", "V100-SXM2", "trap", "a\u00a0blank", "trap must be printable"),
        ("runs.csv", "M40", "hours", "3\x0036", 'hours must be printable, got "3\\x0036"'),
        ("runs.csv", "M40", "note", "\0", "note must be printable"),
        ("interconnects.csv", "10 GbE", "one_way_GBps", "١", "one_way_GBps must be a number"),
        ("networks.csv", "AlexNet", "input_size", "٢٢٤ x ٢٢٤", "input_size must be as 224 x 224"),
        ("networks.csv", "AlexNet", "parameters", "61_100_840", "parameters must be a whole numb"),
        ("networks.csv", "AlexNet", "source", "", "source must be text"),
        ("networks.csv", "AlexNet", "input_size", "224", "input_size must be as 224 x 224"),
        ("networks.csv", "AlexNet", "published", "0.714", "published must be as"),
        ("networks.csv", "AlexNet", "convention", "flop", "convention must be one of mac"),
        ("networks.csv", "AlexNet", "parameters", "61.1", "parameters must be a whole number"),
        ("networks.csv", "AlexNet", "macs", "0.714", "macs must be a number"),
        ("networks.csv", "AlexNet", "macs", "", "macs must be a number"),
        ("networks.csv", "AlexNet", "top1_error_percent", "0.43", "top1_error_percent must be"),
        ("fwd_bwd_times.csv", "ResNet-50", "source", "", "source must be text"),
        ("fwd_bwd_times.csv", "ResNet-50", "batch", "0", "batch must be a whole number"),
        ("intensities.csv", "SpMV", "source", "", "source must be text"),
        ("intensities.csv", "SpMV", "high", "<10", "high must be a number"),
        ("intensities.csv", "SpMV", "unit", "FLOP/GB", "unit must be one of FLOP/B"),
        ("intensities.csv", "SpMV", "precision", "double", "precision must be one of FP64"),
        ("intensities.csv", "SpMV", "kind", "guess", "kind must be one of published, derived"),
        ("runs.csv", "M40", "source", "", "source must be text"),
        ("runs.csv", "M40", "devices", "0", "devices must be a whole number"),
        ("runs.csv", "M40", "epochs", "", "epochs must be a whole number"),
        ("runs.csv", "M40", "hours", "1209600", "hours must be a number from 1 to 500 h"),
        ("interconnects.csv", "10 GbE", "source", "", "source must be text"),
        # cells that contradict each other
        ("devices.csv", "M40", "key", "K20", "key must be unique, got K20 as on line 4"),
        ("devices.csv", "V100-SXM2", "fp16_dense_tflops", "12.5", "peaks must not fall"),
        ("devices.csv", "TPUv3", "bf16_dense_tflops", "", "one peak must be given"),
        ("devices.csv", "H100-SXM", "matrix_units", "no", "matrix_units must be yes where a TF32"),
        ("networks.csv", "AlexNet", "macs", "1428000000", "macs must be the published 0.714"),
        ("networks.csv", "caffenet", "model", "alexnet", "source, model must be unique"),
        ("fwd_bwd_times.csv", "ResNet-50", "total_ms", "153.8", "total_ms must be forward + b"),
        ("intensities.csv", "SpMV", "high", "0.16", "low must be at most high 0.16, got 0.17"),
        ("intensities.csv", "dot product", "flops", "2e9", "flops/bytes must be 0.125 or 0.125"),
        ("intensities.csv", "dot product", "flops", "", "flops and bytes must be given both"),
        ("intensities.csv", "dot product", "bytes", "32", "flops/bytes must be"),
        ("intensities.csv", "Bias add", "kernel", "ReLU", "kernel, precision, parameters must"),
        ("runs.csv", "M40", "device", "M60", "device must be a key of devices.csv"),
        ("runs.csv", "M40", "precision", "fp16", "precision must be one that M40 has"),
        ("runs.csv", "8 P100", "run", "M40", "run must be unique"),
        ("interconnects.csv", "10 GbE", "two_way_GBps", "2.6", "two_way_GBps must be twice"),
        ("devices.csv", "B200-SXM", "fp4_dense_tflops", "900", "peaks must not fall from fp64 to"),
        ("mlperf.csv", EOS, "round", "4.0", "round must be as v4.0"),
        ("mlperf.csv", EOS, "device", "H100", "device must be a key of devices.csv, got 'H100'"),
        ("mlperf.csv", EOS, "machines", "9", "devices must be at least machines 9, got 8"),
        ("mlperf.csv", EOS, "minutes", "796218", "minutes must be a number from 0.1 to 1000 min"),
        ("mlperf.csv", EOS, "epochs_minutes", "14", "epochs_minutes must be at most minutes 13.2"),
        ("mlperf.csv", EOS, "scaling_factor", "0.996", "scaling_factor must be a number from 1"),
        ("mlperf.csv", EOS, "examples", "1281167", "epochs or examples must be given, and not"),
        ("mlperf.csv", EOS, "epochs", "", "epochs or examples must be given, and not both"),
        ("products.csv", "MI355X", "device", "MI355", "device must be a key of devices.csv"),
        ("products.csv", "MI355X", "precision", "fp16", "precision must be one of bf16, fp8"),
        ("products.csv", "MI355X", "product_tflops", "2516", "product_tflops must be below the pe"),
        ("products.csv", "MI355X", "shape", "12288 x 8192", "shape must be as 2048 x 2048 x 13312"),
        ("utilisation.csv", "GPT 22B", "device", "A100", "device must be a key of devices.csv"),
        ("utilisation.csv", "GPT 22B", "hfu_percent", "41.4", "hfu_percent must be at least mfu"),
        ("utilisation.csv", "GPT 22B", "mfu_percent", "0.415", "mfu_percent must be a number from"),
        ("utilisation.csv", "GPT 22B", "mfu_percent", "", "tokens_per_second, mfu_percent or de"),
    ],
)
def test_corrupted_cell_is_refused(folder, file, row, column, value, reason):
    path = folder / file
    line = line_of(path, row)
    change(path, line, column, value)
    with pytest.raises(ValueError, match=f"^{file}, line {line}: {re.escape(reason)}"):
        LOADERS[file](folder)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        *(("devices.csv", f"{name}_tflops") for name in ("fp64", "fp32", "tf32_dense")),
        *(("devices.csv", f"{name}_dense_tflops") for name in ("fp16", "bf16", "fp8", "fp4")),
        ("devices.csv", "int8_dense_tops"),
        ("devices.csv", "bandwidth_GBps"),
        ("devices.csv", "memory_GB"),
        ("devices.csv", "link_GBps_one_way"),
        ("fwd_bwd_times.csv", "total_ms"),  # its parts add up to it, so their slips show as well
        ("runs.csv", "hours"),
        ("products.csv", "product_tflops"),
        ("interconnects.csv", "one_way_GBps"),
        ("interconnects.csv", "two_way_GBps"),
    ],
)
def test_slip_of_one_prefix_is_refused_in_every_row(folder, file, column):
    path, slips = folder / file, 0
    for line in range(2, 1 + len(cells_of(path))):
        value = change(path, line, column, "0")
        for power in ("e3", "e-3") if value else ():
            change(path, line, column, value + power)
            with pytest.raises(ValueError, match=f"{file}, line {line}: {column} must be a numb"):
                LOADERS[file](folder)
            slips += 1
        change(path, line, column, value)
    assert slips  # the column is not blank throughout
    LOADERS[file](folder)  # and the file is whole again


@pytest.mark.parametrize("file", LOADERS)
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text.replace("source", "sauce", 1), "line 1: header must be "),
        (lambda text: "", "line 0: header must be "),
        (lambda text: text.splitlines()[0] + "\n", "line 1: header must be followed by rows"),
        (lambda text: text + "\n", r"line \d+: row must have \d+ fields, got 0"),
        (lambda text: text + "one,two\n", r"line \d+: row must have \d+ fields, got 2"),
        (lambda text: text + '"never closed', r"line \d+: unexpected end of data"),
    ],
    ids=["column renamed", "empty", "header only", "blank line", "short row", "open quote"],
)
def test_damaged_file_is_refused(folder, file, damage, reason):
    path = folder / file
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{file}, {reason}"):
        LOADERS[file](folder)
