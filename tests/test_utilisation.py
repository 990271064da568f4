"""MFU, HFU and the clinic: published threads, whose slip it must name, and honest rows, where it
must be silent.

Each thread was read in November 2026; its figures are quoted as they stand there. A thread that
has no figure gets one of ours, marked so, or by its factor. Read too, and without a number that a
clinic could name: nanoGPT 322, torchtitan 2307 and marin 7328 (an entry that was missing),
maxtext 2031 (of 1988), mosaicml/examples 272, bionemo-recipes 1548, verl-omni 124 (the factors 6
and 12 of attention), pytorch 5013 and torchvista 26 (wishes), AISystem 338 (a letter); d2l-tvm 52
and rocm-amdgpu-bench 4 are on devices that the catalogue lacks.
"""

import math

import numpy as np
import pytest

from helpers.budget import IMAGENET_IMAGES, training_work
from helpers.catalog import devices, interconnects, mlperf, runs, scaling_2025, utilisation
from helpers.networks import resnet
from helpers.utilisation import (
    LEFT,
    NEAR,
    PLAUSIBLE,
    diagnose_link,
    diagnose_utilisation,
    hfu,
)

PEAK, SPARSE, FORMAT = "another card's peak", "sparse peak", "another number format's peak"
HALVED, HALF, MACS = "peak halved again", "attention's half", "multiply-adds"
A100, H100, B200 = 312e12, 989e12, 2250e12


def case(thread, device, slip, first=True, **numbers):
    return pytest.param(device, slip, first, numbers, id=thread)


# Claims whose factor is known: what the program printed, and what its own throughput says.
THREADS = [
    case("OLMo-core 817, average", "B300-SXM", PEAK, rate=275.6e12, work=1, claimed=0.8832),
    case("OLMo-core 817, at an instant", "B300-SXM", PEAK, rate=329.8e12, work=1, claimed=1.057),
    case("torchtitan 4779", "MI350X", PEAK, rate=0.205 * 2300e12, work=1, claimed=1.52),
    case("prime-rl 3168", "GB300", PEAK, rate=250e12, work=1, claimed=250e12 / A100),
    case("marin 7334", "GB200", PEAK, rate=500e12, work=1, claimed=500e12 / B200),
    case("nanochat 147", "A100-80", PEAK, rate=0.7413 * A100, work=1, claimed=0.7413 * 312 / 989),
    case("autoresearch 5", "A100-80", PEAK, rate=0.4 * A100, work=1, claimed=0.4 * 312 / 989.5),
    case("autoresearch 547", "RTX-4090", PEAK, rate=66e12, work=1, claimed=66 / 989.5),
    case("OLMo-core 614", "A100-80", HALVED, False, rate=60e12, work=1, claimed=60 / 156),
    case("pytorch-lightning 21677", "H200-SXM", SPARSE, rate=400e12, work=1, claimed=400 / 1979),
    case("torchtitan 1393", "B200-SXM", SPARSE, rate=900e12, work=1, claimed=900 / 4500),
    case("torchtitan 668", "H100-SXM", FORMAT, rate=400e12, work=1, claimed=400 / 494.5),
    case("fms-fsdp 89", "H100-SXM", SPARSE, rate=9600, work=0.05e12, claimed=0.243),
    case("Megatron-LM 1276", "H100-SXM", SPARSE, rate=400e12, work=1, claimed=0.20),
    case("TransformerEngine 1151", "H100-SXM", FORMAT, False, rate=4e14, work=1, claimed=4 / 19.79),
    case("rocprofiler-compute 700, 704", "MI300X", FORMAT, False, rate=1, work=5e14, claimed=0.191),
    case(
        "maxtext 1988",
        "TPUv5p",
        HALF,
        rate=1,
        work=0.1 * 459e12,
        claimed=0.1 * 1721.22 / 1510.11,
        attention=211.11 / 1510.11,
    ),
    case(
        "torchtitan 4366",  # one of attention's two products; the share is ours
        "H100-SXM",
        HALF,
        rate=300e12,
        work=1,
        claimed=300 / 989 * (1 - 0.3 / 2),
        attention=0.3,
    ),
    case("nanoGPT 456", "A100-80", HALF, rate=1, work=1e14, claimed=0.9e14 / A100, attention=0.2),
    case("fvcore 69", "V100-SXM2", MACS, False, rate=1000, work=24.5e9, claimed=12.25e12 / 125e12),
    case(
        "calculate-flops 46",  # attention not counted at all; the share is ours
        "H100-SXM",
        "attention left out",
        rate=300e12,
        work=1,
        claimed=300 / 989 * 0.75,
        attention=0.25,
    ),
    case(
        "nanoGPT 619",
        "A100-80",
        "per machine for per device",
        devices=32,
        rate=32 * 100e12,
        work=1,
        claimed=100 / 312 / 32,
    ),
]
# Only one figure is known: it cannot be, and the slip is among those that may be behind it.
ALONE = [
    case("nanoGPT 464", "H100-SXM", PEAK, claimed=1.04),
    case("torchtitan 4779, without its rate", "MI350X", PEAK, claimed=1.52),
    case("Primus 772", "MI355X", PEAK, claimed=5.63),
    case("torchtitan 341", "A100-80", HALF, rate=2 * 189e12, work=1, attention=1),
    # 80 layers of 8192 at 65,536 tokens beside 6 x 65e9: 57 % of the work is attention.
    case("flash-attention 573", "A100-80", HALF, rate=322e12, work=1, attention=0.57),
]


@pytest.mark.parametrize(("device", "slip", "first", "numbers"), THREADS)
def test_the_slip_of_a_thread_is_named(device, slip, first, numbers):
    found = diagnose_utilisation(device, **numbers)
    names = [candidate.slip for candidate in found.candidates]
    assert found.alarm
    assert slip in names
    assert not first or found.likely == slip, names
    assert all(candidate.miss <= 0.02 for candidate in found.candidates)
    assert slip in str(found)


@pytest.mark.parametrize(("device", "slip", "first", "numbers"), ALONE)
def test_of_one_figure_the_slip_is_among_those_named(device, slip, first, numbers):
    found = diagnose_utilisation(device, number_format="bf16", **numbers)
    assert found.alarm
    assert slip in [candidate.slip for candidate in found.candidates]
    assert found.factor is None
    assert all(PLAUSIBLE <= candidate.utilisation <= NEAR for candidate in found.candidates)
    assert "one figure alone cannot tell" in str(found)
    first_card = next((c for c in found.candidates if c.slip == PEAK), None)
    assert first_card is None or found.candidates[0] == first_card


@pytest.mark.parametrize(
    ("peak", "factor"), [(2250e12, 7.21), (2300e12, 7.37), (989.4e12, 3.17)], ids=str
)
def test_one_peak_left_in_place_explains_three_factors(peak, factor):
    assert peak / A100 == pytest.approx(factor, abs=0.005)
    assert 152 / (2300 / 312) == pytest.approx(20.6, abs=0.05)


def test_the_numbers_of_a_diagnosis_are_those_of_the_thread():
    found = diagnose_utilisation("B200-SXM", rate=275.6e12, work=1, claimed=0.8832)
    assert found.factor == pytest.approx(7.212, abs=0.003)
    assert found.utilisation["bf16"] == pytest.approx(0.1225, abs=5e-5)
    assert found.candidates[0].factor == 2250 / 312
    assert "A100-40" in found.candidates[0].words
    assert "12.2% of FP16 or BF16" in str(found)
    assert "| BF16 | 2.25 Pflop/s | 12.2% | 1.75 Pflop/s | 15.8% |" in found.table()
    assert "| FP64 | 40 Tflop/s | 689% |  |  |" in found.table()
    assert "The fastest BF16 product measured on it has 1.75 Pflop/s: 15.8% of that." in str(found)
    assert "| BF16 | 2.25 Pflop/s |  | 1.75" in diagnose_utilisation("b200", claimed=0.1).table()


def test_a_peak_at_another_clock_is_named_where_no_slip_fits():
    """Peaks of one card at two clocks: no slip, so it is a note."""
    # ByteDance-Seed/VeOmni 986: 2382 Tflop/s for a B200 whose datasheet has 2250.
    found = diagnose_utilisation("B200-SXM", rate=900e12, work=1, claimed=900 / 2382)
    assert found.alarm and not found.candidates
    assert "A peak at another clock, 5.9% above the datasheet's" in str(found)
    # olcf/olcf-user-docs 868: 26.5 in place of 23.9 Tflop/s in FP64, half a MI250X.
    half = dict(rate=47.9e12 / 4, work=1, number_format="fp64")
    found = diagnose_utilisation("MI250X", **half, claimed=0.25 * 23.9 / 26.5)
    assert found.alarm
    assert not found.candidates and "11% above the datasheet's" in str(found)


def test_more_than_the_peak_by_a_faster_clock_is_named():
    """ekondis/mixbench 14: 15.9 Tflop/s where the clock that the driver states gives 13.4."""
    rate = 15876.84 / 13447.68 * 15.7e12
    found = diagnose_utilisation("V100-SXM2", rate=rate, work=1, number_format="fp32")
    assert found.alarm
    assert "A clock 18% above the one of the datasheet's peak" in str(found)
    whole = diagnose_utilisation("V100-SXM2", rate=15.7e12, work=1, number_format="fp32")
    assert whole.alarm and "A clock" not in str(whole)


PARAMETERS = {"GPT-3 175B": 175e9, "Llama 3.1 405B": 405e9, "Llama 3.1 8B": 8.03e9}
PARAMETERS |= {"Llama 3.1 70B": 70.6e9, "Llama 2 70B LoRA": 69e9 * 4 / 6}  # frozen: 4 W for 6 W
SEQUENCE = {"GPT-3 175B": 2048}  # tokens of an example; of the others 8192


def honest():
    """Rows of the catalogue, as arguments of `diagnose_utilisation`."""
    picture = training_work(resnet(50).forward_work, 1, 1)
    for name, run in runs().iterrows():
        rate = run.epochs * IMAGENET_IMAGES / run.time
        yield (
            name,
            dict(
                device=run.device,
                rate=rate,
                work=picture,
                devices=run.devices,
                number_format=run.precision,
            ),
        )
    for number, run in mlperf().iterrows():
        given = dict(device=run.device, devices=run.devices)
        if run.benchmark == "ResNet-50":
            given |= dict(rate=run.epochs * IMAGENET_IMAGES / run.time, work=picture)
        elif run.benchmark in PARAMETERS:
            tokens = run.examples * SEQUENCE.get(run.benchmark, 8192)
            given |= dict(rate=tokens / run.time, work=6 * PARAMETERS[run.benchmark])
        else:
            continue
        yield f"MLPerf {number}, {run.benchmark}, {run.devices} {run.device}", given
    for number, row in utilisation().iterrows():
        given = dict(device=row.device)
        if not math.isnan(row.mfu):
            given |= dict(claimed=row.mfu, number_format=row.precision)
        if not math.isnan(row.tokens_per_second):
            given |= dict(
                rate=row.tokens_per_second, devices=int(row.devices), number_format=row.precision
            )
        if not math.isnan(row.device_time):
            given |= dict(rate=row.tokens / row.device_time)
        if "rate" in given:
            work = 6 * PARAMETERS.get(row.model, row.parameters)
            if not math.isnan(row.layers):
                work += 12 * row.layers * row.width * row.sequence
            given |= dict(work=work)
        yield f"utilisation {number}, {row.model}", given
    for _, row in scaling_2025().iterrows():
        if row.unit == "% MFU":
            yield f"{row.series}, {row.devices}", dict(device="H100-SXM", claimed=row.value / 100)


HONEST = dict(honest())


def test_every_table_of_runs_is_among_the_honest_rows():
    assert len(HONEST) > 350
    both = [row for row in HONEST.values() if {"rate", "claimed"} <= row.keys()]
    assert len(both) > 180  # rates and utilisations of one source


def test_honest_rows_raise_no_alarm():
    found = {name: diagnose_utilisation(**row) for name, row in HONEST.items()}
    assert {name: str(one) for name, one in found.items() if one.alarm or one.candidates} == {}
    assert not any("slip" in str(one) for one in found.values())


def test_hfu_in_place_of_mfu_is_found_in_every_published_row():
    """The sources state both where the forward pass was computed twice."""
    rows = utilisation().query("hfu > 1.2 * mfu and tokens_per_second > 0")
    assert len(rows) > 60
    for number, row in rows.iterrows():
        given = HONEST[f"utilisation {number}, {row.model}"]
        found = diagnose_utilisation(**given | dict(claimed=row.hfu))
        assert found.likely == "recomputation", f"{row.model}: {found}"


@pytest.mark.parametrize("key", devices().index)
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.75])
def test_no_device_raises_an_alarm_at_honest_shares(key, share):
    found = diagnose_utilisation(key, rate=1, work=1, claimed=1)
    rate = share * found.peaks[found.basis]
    assert not diagnose_utilisation(key, rate=rate, work=1, claimed=share).alarm
    assert not diagnose_utilisation(key, rate=rate, work=1, claimed=1.015 * share).alarm
    assert not diagnose_utilisation(key, claimed=share).alarm
    assert diagnose_utilisation(key, rate=rate, work=1, claimed=1.03 * share).alarm


def test_more_than_the_peak_is_honest_in_a_narrower_format():
    """Above the BF16 peak, and well below that of FP8."""
    found = diagnose_utilisation("B200-SXM", rate=1.36 * B200, work=1)
    assert not found.alarm
    assert "136% of BF16 is honest only if" in str(found)
    told = diagnose_utilisation("B200-SXM", rate=1.36 * B200, work=1, number_format="BF16")
    assert told.alarm
    assert told.likely == "another number format"
    assert told.candidates[0].utilisation == pytest.approx(0.68)
    assert not diagnose_utilisation("B200-SXM", 1.36 * B200, 1, number_format="fp8").alarm


def test_claim_and_rate_that_agree_may_both_be_impossible():
    found = diagnose_utilisation("A100-80", rate=1.2 * A100, work=1, claimed=1.2)
    assert found.alarm
    assert found.factor == pytest.approx(1)
    assert found.candidates


@pytest.mark.parametrize(
    ("factor", "slip", "more"),
    [
        (0.5, SPARSE, {}),
        (1 / 3, "forward only", {}),
        (4 / 3, "recomputation", {}),
        (1000, "milliseconds", {}),
        (100, "per cent", {}),
        (8, "per machine for per device", {}),
        (1 / 4, "per machine for per device", dict(per_node=4)),
        (16, "per machine for per device", dict(devices=16)),
    ],
)
def test_each_factor_names_its_slip(factor, slip, more):
    rate = 0.3 * H100 * more.get("devices", 1)
    found = diagnose_utilisation("H100-SXM", rate=rate, work=1, claimed=0.3 * factor, **more)
    assert found.likely == slip
    assert found.candidates[0].miss == pytest.approx(0, abs=1e-9)


def test_every_candidate_holds_what_it_says():
    """The factor of a peak is a ratio of two peaks of the catalogue."""
    peaks = [
        float(value)
        for name in devices()
        if name.startswith("peak_")
        for value in devices()[name]
        if not math.isnan(value)
    ]
    for claimed in (0.01, 0.02, 0.9, 2, 5):
        found = diagnose_utilisation("H100-SXM", rate=0.1 * H100, work=1, claimed=claimed)
        for candidate in found.candidates:
            if "peak" in candidate.slip and candidate.slip not in (SPARSE, HALVED):
                assert any(math.isclose(H100 / peak, candidate.factor) for peak in peaks)


@pytest.mark.parametrize(
    ("link", "claimed", "slip"),
    [
        ("InfiniBand NDR 4x", 400e9, "bits for bytes"),
        ("NVLink 4 (H100/H200)", 900e9, "two ways"),
        ("InfiniBand HDR 4x", 25e6, "prefix"),
        ("PCIe 4.0 x16", 16e9, "another link's bandwidth"),
    ],
)
def test_the_slip_in_a_link_is_named(link, claimed, slip):
    found = diagnose_link(link, claimed=claimed)
    names = [candidate.slip for candidate in found.candidates]
    assert found.alarm and slip in names
    assert slip == "another link's bandwidth" or found.likely == slip
    assert "one way" in str(found)


@pytest.mark.parametrize("link", interconnects().index)
def test_an_honest_link_raises_no_alarm(link):
    peak = float(interconnects().at[link, "one_way"])
    assert not diagnose_link(link, claimed=peak).alarm
    for share in (0.1, 0.82, 0.99):
        assert not diagnose_link(link, rate=share * peak).alarm
    assert diagnose_link(link, rate=1.9 * peak).likely == "two ways"


def test_hfu_counts_the_forward_pass_again():
    assert hfu(0.3) == pytest.approx(0.4)
    assert hfu(0.3, 0.5) == pytest.approx(0.35)
    assert hfu([0.3, 0.6], [[0], [1]]) == pytest.approx(np.array([[0.3, 0.6], [0.4, 0.8]]))
    for wrong in ("x", None, math.nan, -1, math.inf):
        with pytest.raises(ValueError, match="^mfu must be .*at least 0 and finite, got"):
            hfu(wrong)
    with pytest.raises(ValueError, match="^recomputed must be from 0 to 1, got 2"):
        hfu(0.3, [1, 2])
    with pytest.raises(ValueError, match=r"^shapes must match .* mfu \(2,\), recomputed \(3,\)"):
        hfu([0.3, 0.4], [1, 1, 1])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (dict(device="H100-SXM"), "rate or claimed must be given"),
        (dict(device="H100-SXM", rate=1), "rate and work must be given both"),
        (dict(device="H100-SXM", claimed=-1), "claimed must be"),
        (dict(device="H100-SXM", claimed=math.nan), "claimed must be"),
        (dict(device="H100-SXM", claimed=1, devices=0), "devices must be"),
        (dict(device="H100-SXM", claimed=1, per_node=1.5), "per_node must be"),
        (dict(device="H100-SXM", claimed=1, attention=2), "attention must be"),
        (dict(device="H100-SXM", claimed=1, tolerance=0.5), "tolerance must be"),
        (dict(device="A100-80", claimed=1, number_format="fp8"), "number_format must be one"),
        (dict(device="H100-SXM", claimed=1, number_format=8), "number_format must be one"),
        (dict(device="H100-SXM", claimed=1, number_format=["fp8"]), "number_format must be one"),
        (dict(device="H900", claimed=1), "key must"),
    ],
)
def test_bad_input_is_refused_by_name(numbers, words):
    with pytest.raises(ValueError, match=words):
        diagnose_utilisation(**numbers)


GOOD = dict(
    device="H100-SXM", rate=1e14, work=1, devices=1, claimed=0.3, per_node=8, tolerance=0.01
)


@pytest.mark.parametrize("name", ["rate", "work", "devices", "claimed", "per_node", "tolerance"])
def test_one_number_is_meant(name):
    with pytest.raises(ValueError, match=rf"^{name} must be one number, .*, got \["):
        diagnose_utilisation(**GOOD | {name: [GOOD[name]] * 2})
    with pytest.raises(ValueError, match="^attention must be one number"):
        diagnose_utilisation(**GOOD, attention=[0.2, 0.3])
    with pytest.raises(ValueError, match="^rate must be one number"):
        diagnose_link("InfiniBand NDR 4x", rate=[1e9, 2e9])


@pytest.mark.parametrize("link", ["string", None, 5, ["InfiniBand NDR 4x"], {}])
def test_a_link_that_is_not_known_is_refused_by_name(link):
    with pytest.raises(ValueError, match="^link must be one of PCIe 3.0 x16, .*, got "):
        diagnose_link(link, claimed=1e9)
    with pytest.raises(ValueError, match="did you mean InfiniBand NDR 4x"):
        diagnose_link("Infiniband NDR", claimed=1e9)
    with pytest.raises(ValueError, match="rate or claimed must be given"):
        diagnose_link("InfiniBand NDR 4x")


def test_the_peaks_left_in_place_are_in_the_catalogue():
    assert set(LEFT) <= set(devices().index)
