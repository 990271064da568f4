"""The models of parallel training against the published tables: the bars, and how they fail."""

import numpy as np
import pytest

from helpers import parallel
from helpers.budget import alexnet, resnet, vgg
from helpers.catalog import device, interconnects, scaling

GRADIENTS = 4 * resnet(50).parameters  # FP32
NVLINK = device("V100-SXM2").link_bandwidth
LINKS = interconnects()["one_way"]
EDR = LINKS["InfiniBand EDR 4x"]


class Steps:
    """All DLPerf points of ResNet-50 in one precision on several devices, as times of a step."""

    def __init__(self, precision):
        table = scaling()
        table = table[table["model"].str.startswith("ResNet-50") & (table["unit"] == "img/s")]
        table = table[table["precision"] == precision]
        alone = table[table["devices"] == 1].set_index("series")["value"]
        several = table[table["devices"] > 1]
        self.devices = several["devices"].to_numpy()
        batch = several["batch_per_device"].to_numpy()
        self.compute = batch / several["series"].map(alone).to_numpy()
        self.measured = self.devices * batch / several["value"].to_numpy()
        self.series = several["series"].to_numpy()

    def reduce(self, link=NVLINK, port=EDR, gradients=GRADIENTS):
        return parallel.hierarchical_time(gradients, self.devices, 8, link, port)

    def overhead(self, reduce, rows=slice(None)):
        """The one fitted constant: the median of what computing and reducing leave over, in s."""
        return float(np.median((self.measured - self.compute - reduce)[rows]))

    def error(self, reduce, overhead=0.0, rows=slice(None)):
        """Relative errors of the throughput."""
        step = parallel.step_time(self.compute, reduce, overhead=overhead)
        return np.abs(self.measured / step - 1)[rows]


FP32, AMP = Steps("FP32"), Steps("AMP")


def test_the_bar_ten_percent_in_the_median_with_one_fitted_constant():
    overhead = FP32.overhead(FP32.reduce())
    error = FP32.error(FP32.reduce(), overhead)
    assert error.size == 57  # every FP32 point on several devices, none left out
    assert len(set(FP32.series)) == 14
    assert np.median(error) <= 0.10
    assert np.median(error) == pytest.approx(0.037, abs=0.001)
    assert overhead == pytest.approx(0.0206, abs=0.0001)
    assert error.max() == pytest.approx(1.20, abs=0.01)
    assert FP32.series[error.argmax()] == "PyTorch 1.6 FP32 b128, 8 loader workers"


def test_the_bar_holds_without_any_constant():
    error = FP32.error(FP32.reduce())
    assert np.median(error) == pytest.approx(0.058, abs=0.001)


def test_perfect_scaling_would_hold_the_bar_too_and_is_half_as_good():
    # So the bar alone proves little about the network; the tests below can fail.
    error = np.median(FP32.error(np.zeros(57)))
    assert error == pytest.approx(0.075, abs=0.001)
    best = np.median(FP32.error(FP32.reduce(), FP32.overhead(FP32.reduce())))
    assert best < error / 2


@pytest.mark.parametrize(
    ("port", "low", "high"),
    [
        (EDR, 0.050, 0.055),
        (EDR / 8, 0.10, 0.20),  # the same figure taken for Gb/s: the bar is missed
        (8 * EDR, 0.048, 0.055),  # 100 GB/s: not told apart, and the notebook says so
    ],
)
def test_fitted_inside_a_machine_it_predicts_several(port, low, high):
    inside = FP32.devices <= 8
    reduce = FP32.reduce(port=port)
    overhead = FP32.overhead(reduce, inside)
    assert overhead == pytest.approx(0.0138, abs=0.0001)
    assert low < np.median(FP32.error(reduce, overhead, ~inside)) < high


@pytest.mark.parametrize(
    "spoilt",
    [
        dict(link=NVLINK / 1000, port=EDR / 1000),  # MB/s
        dict(gradients=8 * 1000 * GRADIENTS),
    ],
)
def test_a_slip_of_a_prefix_misses_the_bar(spoilt):
    reduce = FP32.reduce(**spoilt)
    assert np.median(FP32.error(reduce)) > 0.5
    assert FP32.overhead(reduce) < 0  # and no constant of a meaning can mend it


def test_mixed_precision_is_missed_across_machines_as_stated():
    overhead = FP32.overhead(FP32.reduce())  # not fitted again
    error = AMP.error(AMP.reduce(), overhead)
    inside = AMP.devices <= 8
    assert (error.size, inside.sum()) == (65, 37)
    assert np.median(error) == pytest.approx(0.117, abs=0.001)
    assert np.median(error[inside]) == pytest.approx(0.047, abs=0.001)
    assert np.median(error[~inside]) == pytest.approx(0.389, abs=0.001)
    assert error.max() == pytest.approx(1.91, abs=0.01)


@pytest.mark.parametrize(
    ("series", "network", "median", "worst"),
    [
        ("TensorFlow 1.x VGG16 K80", vgg(16), 0.028, 0.045),
        ("TensorFlow 1.x AlexNet K80", alexnet(), 0.077, 0.089),
    ],
)
def test_other_networks_on_other_devices_without_a_constant(series, network, median, worst):
    rows = scaling().query("series == @series")
    n, value = rows["devices"].to_numpy(), rows["value"].to_numpy()
    batch = rows["batch_per_device"].iloc[0]
    reduce = parallel.allreduce_time(4 * network.parameters, n[1:], LINKS["PCIe 3.0 x16"])
    predicted = parallel.throughput(batch, n[1:], parallel.step_time(batch / value[0], reduce))
    error = np.abs(predicted / value[1:] - 1)
    assert np.median(error) == pytest.approx(median, abs=0.001)
    assert error.max() <= worst


@pytest.mark.parametrize(
    ("model", "chunks", "low", "high"),
    [
        ("Transformer-48", 32, 0.0, 0.08),
        ("AmoebaNet-D", 32, 0.60, 0.99),  # unequal stages
        ("Transformer-48", 4, -0.40, -0.05),  # better than any bubble: another batch
    ],
)
def test_pipelines_against_gpipe(model, chunks, low, high):
    rows = scaling().query("series == @name", local_dict={"name": f"GPipe {model} M={chunks}"})
    error = parallel.pipeline_speedup(rows["devices"].to_numpy(), chunks) / rows["value"] - 1
    assert low <= error.min() and error.max() <= high


def test_the_order_of_network_intensities_is_that_of_published_efficiencies():
    published = scaling().query("unit == 'efficiency'").set_index("model")["value"]
    intensity = {
        name: parallel.network_intensity(6 * 64 * network.macs, 4 * network.parameters, 512)
        for name, network in (("ResNet-101", resnet(101)), ("VGG-16", vgg(16)))
    }
    assert intensity["ResNet-101"] > intensity["VGG-16"]
    assert published["ResNet-101"] > published["VGG-16"]


def test_per_machine_roof_of_the_loader():
    # One, two and four machines: the throughput follows the machines, not the devices.
    rows = scaling().query("series == 'PyTorch 1.6 FP32 b128, 8 loader workers' and devices > 1")
    for_each = (rows["value"] / rows["nodes"]).to_numpy()
    assert np.ptp(for_each) / for_each.mean() < 0.05
