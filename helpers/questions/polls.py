"""The polls of a lecture: what each asks, computed.

Each function gives the options of one poll as they stand in notebooks/teaching.md: the right one
first, then the slips from the top. Words and reasons stand there; the numbers come from here.
"""

import math
import statistics

from helpers import catalog
from helpers.amdahl import compute_fraction, gustafson, limit, speedup
from helpers.budget import IMAGENET_IMAGES, training_time, training_work
from helpers.catalog import interconnects, mlperf, runs, scaling
from helpers.memory import state_bytes, tensor_split_bytes
from helpers.networks import alexnet, resnet, vgg
from helpers.parallel import (
    allreduce_bytes,
    allreduce_time,
    crossover_batch,
    hierarchical_time,
    network_intensity,
    step_time,
)
from helpers.pipeline import chunked_time, pipelined_speedup, speedup_over_serial
from helpers.published import scaling_tables
from helpers.roofline import attainable, balance, ridge
from helpers.scaling import foretell_largest
from helpers.transformers import TRANSFORMERS
from helpers.words import duration, short, si

# The peaks behind the answers, where a test can put others in their place.
CATALOG = catalog.devices()


def device(key):
    return CATALOG.loc[key]


def v100():
    """pi in FP32 and beta."""
    return device("V100-SXM2").peak_fp32, device("V100-SXM2").bandwidth


def start_time():
    return [
        duration(training_time(1e18, 10e12, 0.5)),
        duration(0.5 * training_time(1e18, 10e12, 1)),  # half of the time
        duration(training_time(1e18, 10e12, 1)),  # at full speed
    ]


def start_lever():
    peak, bandwidth = v100()
    now = attainable(2, peak, bandwidth)
    gains = {
        "twice the bandwidth": attainable(2, peak, 2 * bandwidth) / now,
        "twice the peak": attainable(2, 2 * peak, bandwidth) / now,
        "half of the work and of the bytes": 1.0,  # P does not depend on V
    }
    (right,) = [change for change, gain in gains.items() if gain > 1]
    return [right, *(change for change in gains if change != right)]


def start_runs():
    first, last = runs().loc["M40"], runs().loc["DGX-1 MLPerf"]
    faster = first.time / last.time
    answers = faster, faster / 24, faster / last.devices  # days over hours; for each device
    return [f"{answer:.0f} times" for answer in answers]


def layer_work():
    first = resnet(50).layers[0]
    assert first.macs == 64 * 7 * 7 * 3 * 112 * 112
    return [si(work, "flop") for work in (first.flops, first.macs, 3 * first.flops)]


def resnet_budget():
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs=90)
    return [si(part, "flop") for part in (work, work / 3, work / 2)]


def small_layers():
    layers = resnet(50).layers
    small = [layer for layer in layers if not layer.macs]
    moved = sum(L.inputs + L.outputs for L in small) / sum(L.inputs + L.outputs for L in layers)
    flops = sum(L.flops for L in small) / sum(L.flops for L in layers)
    return [f"{100 * moved:.0f} %", f"{100 * flops:.1f} %", f"{100 - 100 * moved:.0f} %"]


def v100_peak():
    product = 5120 * 2 * 1.53e9
    assert math.isclose(product, device("V100-SXM2").peak_fp32, rel_tol=0.01)
    answers = product, product / 2, device("V100-SXM2").peak_fp16
    return [si(peak, "flop/s") for peak in answers]


def h100_ridge():
    h100 = device("H100-SXM")
    # Dense, with sparsity (as large as the dense peak of FP8), FP32.
    peaks = h100.peak_bf16, h100.peak_fp8, h100.peak_fp32
    return [si(ridge(peak, h100.bandwidth), "flop/B") for peak in peaks]


def link_time():
    link, size = interconnects().loc["NVLink 2 (V100)"], 4 * resnet(50).parameters
    shared = link.one_way * 2 / 6  # two of the six links
    seconds = size / shared, size / link.two_way, size / link.one_way
    return [f"{short(1e3 * t, 2)} ms" for t in seconds]


def v100_ridge():
    peak, bandwidth = v100()
    tensor = device("V100-SXM2").peak_fp16
    right, other = (si(value / bandwidth, "flop/B") for value in (peak, tensor))
    return [right, f"{bandwidth / peak:.3f} flop/B", other]


def more_bandwidth():
    peak, bandwidth = v100()
    gain = attainable(2, peak, 10 * bandwidth) / attainable(2, peak, bandwidth)
    none = attainable(100, peak, 10 * bandwidth) / attainable(100, peak, bandwidth)
    return [f"{answer:.1f} times" for answer in (gain, none, 10)]


def tensor_gain():
    peak, bandwidth = v100()
    tensor = device("V100-SXM2").peak_fp16
    layers = resnet(50).layers
    single = sum(L.flops / attainable(L.intensity(64), peak, bandwidth) for L in layers)
    half = sum(L.flops / attainable(L.intensity(64, 2), tensor, bandwidth) for L in layers)
    return [f"{gain:.1f} times" for gain in (single / half, tensor / peak, 4 / 2)]


def nine_times():
    return [short(S) for S in (speedup(0.9, 9), 9, limit(0.9), gustafson(0.9, 9))]


def half_bandwidth():
    task = 157
    peak, bandwidth = v100()
    ceilings = [limit(compute_fraction(task, peak, bandwidth * f)) for f in (0.5, 1, 2)]
    return [short(ceiling, 2) for ceiling in ceilings]


def slow_down():
    return [short(S, 2) for S in (speedup(0.5, 8, 4), speedup(0.5, 8), 8 / 4)]


def four_chunks():
    total = chunked_time(4, 6, 1)
    return [si(t, "s") for t in (chunked_time(4, 6, 4), total, chunked_time(4, 6, math.inf))]


def overlapped_ceiling():
    overlapped, turns = speedup_over_serial(9, 9), speedup(compute_fraction(9, 1, 1), 9)
    return [short(S) for S in (overlapped, turns, pipelined_speedup(9, 9))]


def waiting_task():
    x = balance(2, *v100())
    return [f"{S:.2f} times" for S in (pipelined_speedup(x, 2), 2, speedup(x / (1 + x), 2))]


def ring_bytes():
    sent = allreduce_bytes(100e6, 8)
    return [si(size, "B") for size in (sent, 100e6, 2 * 7 * 100e6)]


def linked_network():
    level = ridge(device("V100-SXM2").peak_fp32, interconnects().at["PCIe 3.0 x16", "one_way"])
    bound_by_link = {}
    for network in (alexnet(), resnet(50), vgg(16)):
        work = 32 * training_work(network.forward_work, 1, 1)
        intensity = network_intensity(work, 4 * network.parameters, 8)
        bound_by_link[network.name.split()[0]] = intensity < level
    assert list(bound_by_link.values()) == [True, False, False]
    return list(bound_by_link)


def shared_port():
    size, port = 4 * vgg(16).parameters, interconnects().at["InfiniBand EDR 4x", "one_way"]
    assert (si(size, "B"), si(port, "B/s")) == ("553 MB", "12.5 GB/s")
    between = [
        allreduce_time(part, 4, rate)
        for part, rate in ((size / 8, port / 8), (size / 8, port), (size, port / 8))
    ]
    levels = [hierarchical_time(size, n, 8, 1e15, port) for n in (8, 32)]  # inside: no time
    assert math.isclose(between[0], levels[1] - levels[0], rel_tol=1e-4)
    return [f"{1e3 * seconds:.0f} ms" for seconds in between]


def split_batch():
    fc7 = next(layer for layer in vgg(16).layers if layer.name == "fc7")
    batch = crossover_batch(fc7.parameters, fc7.inputs)
    return [f"{answer:.0f}" for answer in (batch, batch / 8, 8 * batch)]


def more_chips():
    rows = scaling().query("series == 'MLPerf v0.6 TPU v3'").set_index("devices").sort_index()
    minutes, rate = rows["value"], rows["epochs"] / rows["value"]
    first, last = rows.index[0], rows.index[-1]
    gains = minutes[first] / minutes[last], last / first, rate[last] / rate[first]
    return [f"{gain:.1f} times" for gain in gains]


# The plan of notebook 07: ResNet-50, 90 epochs, V100 in mixed precision, two hours.


def fractions():
    """The lowest and the highest fraction of the peak that DLPerf's runs on one GPU achieve."""
    table = scaling().query("unit == 'img/s' and precision == 'AMP' and devices == 1")
    speeds = table.loc[table["model"].str.startswith("ResNet-50"), "value"]
    work = training_work(resnet(50).forward_work, 1, 1)
    return [speed * work / device("V100-SXM2").peak_fp16 for speed in (speeds.min(), speeds.max())]


def devices_needed():
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, 90)

    def needed(fraction, work=work):
        return math.ceil(training_time(work, device("V100-SXM2").peak_fp16, fraction) / 7200)

    low, high = fractions()
    return [
        f"{needed(high)} to {needed(low)}",
        f"{needed(1)}",
        f"{needed(high, work / 2)} to {needed(low, work / 2)}",
    ]


def step_parts(batch=128, links=1):
    """Computing, communicating and overhead of a step on 32 GPUs, at the middle fraction."""
    low, high = fractions()
    rate = (low * high) ** 0.5 * device("V100-SXM2").peak_fp16
    compute = batch * training_work(resnet(50).forward_work, 1, 1) / rate
    port = interconnects().at["InfiniBand EDR 4x", "one_way"]
    link = device("V100-SXM2").link_bandwidth
    gradients = 2 * resnet(50).parameters
    return compute, hierarchical_time(gradients, 32, 8, links * link, links * port), 0.02


def longest_part():
    parts = dict(zip(("computing", "communicating", "overhead"), step_parts(), strict=True))
    order = sorted(parts, key=parts.get, reverse=True)
    return [f"{name}, {1e3 * parts[name]:.0f} ms" for name in order]


def twice_the_links():
    def rate(batch=128, links=1):
        compute, communicate, overhead = step_parts(batch, links)
        return batch / step_time(compute, communicate, 0, overhead)

    gains = rate(links=2) / rate(), 2, rate(batch=2 * 128) / rate()
    return [f"{gain:.2f} times" for gain in gains]


# Notebook 08: what a stopwatch says.


def one_bad_round():
    times = [*[10.0] * 8, 20.0]  # ms
    found = statistics.median(times), statistics.mean(times), max(times)
    return [f"{100 * (time / times[0] - 1):.0f} %" for time in found]


def copied_bytes():
    # Loaded, loaded before it is overwritten, stored: 3 times 8 B for a number.
    return [f"{1e3 * 1e9 * times / 24e9:.0f} ms" for times in (3, 2, 1)]


def batch_at_the_ridge():
    level = ridge(200e9, 25e9)
    # With b rows 2 b flop for each weight of 4 B, if only the weights count.
    return [f"{answer:.0f}" for answer in (level * 4 / 2, level, level * 4)]


def one_table():
    """Devices and throughputs of the table that notebook 09 begins with."""
    table = scaling_tables()["TensorFlow 2.3 AMP b128"]
    return table["devices"], table["values"]


def table_efficiency():
    devices, speeds = one_table()
    gain = speeds[-1] / speeds[0]
    return [f"{100 * gain / devices[-1]:.0f} %", f"{gain:.1f}", f"{100 / gain:.1f} %"]


def ring_as_serial(share=0.01):
    fractions = 2 * share, share, 0  # the ring sends twice; once; a fit that could tell
    return [f"{100 * fraction:.0f} %" for fraction in fractions]


def next_doubling():
    table = scaling_tables()["Ultra-Scale 1.34B"]
    *_, before, measured = table["values"]
    said = foretell_largest(**table).said.value / table["devices"][-1]
    return [f"{share:.3g} %" for share in (measured, before, said)]


# Notebook 10: transformers.


def shared_states():
    parameters = TRANSFORMERS["Llama 3.1 8B"].parameters
    kept = state_bytes(parameters, 8, 3), state_bytes(parameters), 2 * parameters / 8
    return [si(size, "B") for size in kept]


def tensor_outside():
    peak, (inside, outside) = device("H100-SXM").peak_bf16, (450e9, 50e9)
    assert {inside, outside} <= {*interconnects()["one_way"]}
    layer = 12 * 8192**2
    intensity = 6 * layer / 8 / tensor_split_bytes(1, 1, 8192, 1, 8)
    rates = outside, inside, 2 * outside  # the right link; the other; both directions added up
    return [f"{100 * attainable(intensity, peak, rate) / peak:.0f} %" for rate in rates]


def another_peak():
    h100, a100 = (device(key).peak_bf16 for key in ("H100-SXM", "A100-40"))
    shares = 1.04 * a100 / h100, 1.04 / 2, 1.04 - 1  # sparsity; what is above the whole
    return [f"{100 * share:.0f} %" for share in shares]


def more_gpus():
    runs = mlperf().query("benchmark == 'Llama 3.1 405B' and device == 'H100-SXM'")
    runs = runs.set_index("devices")
    few, many = 2048, 2432
    sooner = runs["time"][few] / runs["time"][many]
    rate = sooner * runs["examples"][many] / runs["examples"][few]
    return [f"{gain:.2f} times" for gain in (sooner, many / few, rate)]


POLLS = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(start_time, start_lever, start_runs),
        *(layer_work, resnet_budget, small_layers),
        *(v100_peak, h100_ridge, link_time),
        *(v100_ridge, more_bandwidth, tensor_gain),
        *(nine_times, half_bandwidth, slow_down),
        *(four_chunks, overlapped_ceiling, waiting_task),
        *(ring_bytes, linked_network, shared_port, split_batch, more_chips),
        *(devices_needed, longest_part, twice_the_links),
        *(one_bad_round, copied_bytes, batch_at_the_ridge),
        *(table_efficiency, ring_as_serial, next_doubling),
        *(shared_states, tensor_outside, another_peak, more_gpus),
    )
}


def given():
    """The numbers that a question states, by poll, in its words."""
    published, work = runs(), resnet(50).forward_work
    fc7 = next(layer for layer in vgg(16).layers if layer.name == "fc7")
    sheet, (peak, bandwidth) = device("H100-SXM"), v100()
    devices, speeds = one_table()
    doubled = scaling_tables()["Ultra-Scale 1.34B"]
    chips = scaling().query("series == 'MLPerf v0.6 TPU v3'")["devices"]
    return {
        "start-runs": [duration(published.at[run, "time"]) for run in ("M40", "DGX-1 MLPerf")],
        "start-time": ["1e18 flop", si(10e12, "flop/s")],
        "start-lever": ["2 flop/B"],
        "layer-work": ["64 filters of 7 × 7 × 3 numbers", "112 × 112 places"],
        "resnet-budget": [
            f"{work / 1e9:.3f} Gflop",
            "90 epochs",
            f"{IMAGENET_IMAGES / 1e6:.3f} million",
        ],
        "v100-peak": ["5120 units", "1.53 GHz"],
        "h100-ridge": [f"{sheet.peak_fp8 / 1e12:,.0f} Tflop/s", si(sheet.bandwidth, "B/s")],
        "link-time": [
            si(interconnects().at["NVLink 2 (V100)", "two_way"], "B/s"),
            f"{4 * resnet(50).parameters / 1e6:.1f} MB",
        ],
        "v100-ridge": [si(peak, "flop/s"), si(bandwidth, "B/s")],
        "more-bandwidth": ["2 flop/B"],
        "tensor-gain": ["64 pictures"],
        "nine-times": ["1 s", "9 s", "9 times"],
        "half-bandwidth": [f"ceiling of {short(limit(compute_fraction(157, *v100())), 2)}"],
        "slow-down": ["0.5", "8 times"],
        "four-chunks": ["4 s", "6 s"],
        "overlapped-ceiling": ["x = 9", "9 times"],
        "waiting-task": ["2 flop/B"],
        "ring-bytes": [si(100e6, "B")],
        "linked-network": ["8 V100s", "PCIe 3.0", "32 pictures"],
        "shared-port": ["8 GPUs", "553 MB", "12.5 GB/s"],
        "split-batch": [f"{fc7.inputs} inputs", f"{fc7.outputs} outputs"],
        "more-chips": [f"{chips.min()} to {chips.max():,} chips"],
        "devices-needed": ["90 epochs"],
        "longest-part": ["32 of them", "128 pictures"],
        "one-bad-round": ["10 ms", "20 ms"],
        "copied-bytes": ["1 GB", "24 GB/s"],
        "batch-at-the-ridge": ["200 Gflop/s", "25 GB/s"],
        "table-efficiency": [f"{speeds[0]:.0f} img/s", f"{devices[-1]} of", f"{speeds[-1]:,.0f}"],
        "ring-as-serial": ["1 %"],
        "next-doubling": [
            f"{doubled['values'][-2]:.1f} %",
            *(f"{count} GPUs" for count in doubled["devices"][-2:]),
        ],
        "shared-states": [
            f"Llama 3.1 8B has {TRANSFORMERS['Llama 3.1 8B'].parameters / 1e9:.2f} billion",
            "16 bytes for each: 2 for the weight, 2 for the gradient, 12 for the optimiser",
            "8 GPUs, in ZeRO stage 3",
        ],
        "tensor-outside": ["width 8192", "12 d²", "8 H100s", "50 GB/s"],
        "another-peak": ["104 %"],
        "more-gpus": ["Llama 3.1 405B", "2,048", "2,432"],
    }
