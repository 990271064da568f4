"""Exercises of notebook 03: the roofline."""

from helpers.budget import linear_work
from helpers.catalog import device, intensities
from helpers.exercises import Choice, Design, Formula, Number, Slip, whole
from helpers.networks import Layer, resnet, vgg
from helpers.plots import short, si
from helpers.ranges import Range
from helpers.roofline import attainable, compute_utilisation, overlapped_time, ridge

NOTEBOOK = "03_roofline.ipynb"

V100, H100, H200, B200 = map(device, ("V100-SXM2", "H100-SXM", "H200-SXM", "B200-SXM"))
NUMBER_BYTES = 4  # of FP32
ATTENTION = intensities().set_index(["kernel", "parameters"])["high"]
FC6 = next(layer for layer in vgg(16).layers if layer.name == "fc6")
SERVED = dict(batch=160, number_bytes=2)


def _adam_time(parameters, flops, moved):
    """Least time of one step of Adam on a V100 if `moved` bytes are counted for a parameter."""
    return overlapped_time(parameters * flops, flops / moved, V100.peak_fp32, V100.bandwidth)


def _sum_utilisation(cores, flop_per_tick, clock, bandwidth, moved=3 * NUMBER_BYTES):
    """Share of a processor's peak that one addition for `moved` bytes can use."""
    return compute_utilisation(1 / moved, cores * flop_per_tick * clock, bandwidth)


def _whole_intensity(batch):
    """Flops of ResNet-50's forward pass over its bytes, in FP32, in flop/B."""
    layers = resnet(50).layers
    return sum(batch * L.flops for L in layers) / sum(L.traffic(batch) for L in layers)


def _time_as_one(batch):
    """Least time of ResNet-50's forward pass on a V100 in FP32, taken as one task."""
    work = sum(batch * layer.flops for layer in resnet(50).layers)
    return overlapped_time(work, _whole_intensity(batch), V100.peak_fp32, V100.bandwidth)


def _time_by_layer(batch):
    """The same, one layer after the other."""
    return sum(
        overlapped_time(batch * layer.flops, layer.intensity(batch), V100.peak_fp32, V100.bandwidth)
        for layer in resnet(50).layers
    )


def _ms(seconds):
    """A time to read, in ms."""
    return f"{short(1e3 * seconds)} ms"


def _linear_intensity(batch, inputs, outputs):
    """Intensity of a fully connected layer without biases, in FP32, in flop/B."""
    work, weights = linear_work(inputs, outputs), inputs * outputs
    layer = Layer("", "linear", "", inputs, outputs, (outputs,), weights, weights, work)
    return layer.intensity(batch, NUMBER_BYTES)


def _serving_peak(number_bytes):
    """Flat roof of a V100: its tensor cores for 2-byte numbers, its FP32 units otherwise."""
    return V100.peak_fp16 if number_bytes == 2 else V100.peak_fp32


def _serving(batch, number_bytes):
    """Share of the peak and time of VGG-16's first fully connected layer on a V100."""
    task = FC6.intensity(batch, number_bytes), _serving_peak(number_bytes), V100.bandwidth
    return compute_utilisation(*task), batch * FC6.flops / attainable(*task)


sparse_headline = Number(
    title="A headline with a footnote",
    goal=lambda peak, bandwidth: (
        f"NVIDIA's headline for the B200 is {si(2 * peak, 'flop/s')} in FP16, a peak for sparse "
        f"matrices. Its memory moves {si(bandwidth, 'B/s')}. Your network is dense. From which "
        "intensity on is a task compute-bound? Answer in flop/B."
    ),
    given=dict(peak=B200.peak_fp16, bandwidth=B200.bandwidth),
    key=lambda peak, bandwidth: ridge(peak, bandwidth),
    unit="flop/B",
    slips=[
        Slip(
            "sparse peak",
            "You divided the headline. It holds only where half of the weights are zero and are "
            "skipped; a dense network never sees that roof.",
            lambda peak, bandwidth: ridge(2 * peak, bandwidth),
        ),
        Slip(
            "halved twice",
            "You halved twice. Only the zeros that are skipped come out of the headline: its "
            "multiply-adds are counted as two flop, as here.",
            lambda peak, bandwidth: ridge(peak / 2, bandwidth),
        ),
        Slip(
            "ridge upside down",
            "This is bytes for each flop. The ridge is flop for each byte.",
            lambda peak, bandwidth: 1 / ridge(peak, bandwidth),
        ),
    ],
    hints=[
        "Two roofs meet at the ridge. Which peak does a dense network have?",
        "The sparse peak counts two weights of every four as computed, though they are skipped.",
        "Halve the headline, then divide by the bandwidth.",
    ],
    reasoning=lambda peak, bandwidth: (
        f"The dense peak is half of the headline, {si(peak, 'flop/s')}. The roofs meet at π/β. "
        f"With the sparse peak the ridge would be {si(ridge(2 * peak, bandwidth), 'flop/B')}, "
        "and compute-bound tasks would look memory-bound."
    ),
)

faster_memory = Number(
    title="Same chip, faster memory",
    goal=lambda peak, before, after, intensity: (
        "The H200 is an H100 with another memory: "
        f"{si(after, 'B/s')} in place of {si(before, 'B/s')}. Both compute "
        f"{si(peak, 'flop/s')} in FP16, dense. An attention kernel, fused, has "
        f"{si(intensity, 'flop/B')}. How many times as high is its roof on the H200, that is, the "
        "speed that it can attain at most? Answer with a pure number."
    ),
    given=dict(
        peak=H200.peak_fp16,
        before=H100.bandwidth,
        after=H200.bandwidth,
        intensity=float(
            ATTENTION["Attention head, d=64", "T=512, fused (Flash-style, ideal)"],
        ),
    ),
    key=lambda peak, before, after, intensity: (
        attainable(intensity, peak, after) / attainable(intensity, peak, before)
    ),
    slips=[
        Slip(
            "flat roof forgotten",
            "This is the ratio of the two bandwidths. On the way up the task meets another roof.",
            lambda peak, before, after, intensity: after / before,
        ),
        Slip(
            "taken for compute-bound",
            "You put the task under the flat roof on both devices. Compare its intensity with the "
            "ridge of the H100: there it still waits for bytes.",
            lambda peak, before, after, intensity: 1,
        ),
        Slip(
            "ridge for task",
            "This compares the task with the new ridge. Compare it with itself: how high is its "
            "roof on each of the two devices?",
            lambda peak, before, after, intensity: intensity * after / peak,
        ),
        Slip(
            "upside down",
            "This is the old roof over the new one. Asked is the new one over the old one.",
            lambda peak, before, after, intensity: (
                attainable(intensity, peak, before) / attainable(intensity, peak, after)
            ),
        ),
    ],
    hints=[
        "On which side of its ridge does the task lie on each device?",
        "Take P = min(π, βI) twice, with the old and with the new bandwidth.",
        "On the H100 the slanted roof binds, on the H200 the flat one. Divide.",
    ],
    reasoning=lambda peak, before, after, intensity: (
        f"On the H100 the task lies under the slanted roof, βI = "
        f"{si(before * intensity, 'flop/s')}. On the H200 βI would be "
        f"{si(after * intensity, 'flop/s')}, more than the peak of {si(peak, 'flop/s')}, so the "
        f"flat roof stops it. The bandwidth grew {short(after / before)} times, but the task "
        "cannot use all of it. (Both are roofs: a measured gain may be smaller or larger.)"
    ),
)

adam_step = Number(
    title="One step of Adam",
    goal=lambda parameters, flops, numbers: (
        f"One step of the Adam optimiser updates all {parameters:,} parameters of ResNet-50 in "
        "FP32. The table of kernels above says which numbers it reads and writes for each of "
        f"them. Count about {flops} flop for each. How long does the step take at least on a V100 "
        "in FP32? Answer in s."
    ),
    given=dict(parameters=resnet(50).parameters, flops=12, numbers=7),
    key=lambda parameters, flops, numbers: _adam_time(parameters, flops, NUMBER_BYTES * numbers),
    unit="s",
    slips=[
        Slip(
            "sum for maximum",
            "You added the two times. The units work at the same time, so the slower one decides.",
            lambda parameters, flops, numbers: (
                parameters * flops / V100.peak_fp32
                + parameters * NUMBER_BYTES * numbers / V100.bandwidth
            ),
        ),
        Slip(
            "bytes forgotten",
            "This is the work over the peak. The compute unit is done long before the bytes are.",
            lambda parameters, flops, numbers: parameters * flops / V100.peak_fp32,
        ),
        Slip(
            "stores forgotten",
            "You counted the four numbers that are read. Those that are written back cross the "
            "memory bus as well.",
            lambda parameters, flops, numbers: _adam_time(parameters, flops, NUMBER_BYTES * 4),
        ),
        Slip(
            "numbers for bytes",
            "You counted numbers. Bandwidth is in bytes, and an FP32 number has four.",
            lambda parameters, flops, numbers: _adam_time(parameters, flops, numbers),
        ),
        Slip(
            "each parameter moved once",
            "You moved each parameter once. Adam also reads a gradient and two averages, and "
            "writes what it changed.",
            lambda parameters, flops, numbers: _adam_time(parameters, flops, NUMBER_BYTES),
        ),
    ],
    hints=[
        "Work out two times. Which of them counts?",
        "The row says: read w, m, v, g; write w, m, v. Each of them is one FP32 number.",
        "Memory-bound: bytes for one parameter × parameters / β.",
    ],
    reasoning=lambda parameters, flops, numbers: (
        f"{numbers} numbers of {NUMBER_BYTES} bytes make {numbers * NUMBER_BYTES} bytes for each "
        f"parameter, {si(numbers * NUMBER_BYTES * parameters, 'B')} in all, at "
        f"{si(V100.bandwidth, 'B/s')}. Computing alone would take "
        f"{_ms(parameters * flops / V100.peak_fp32)}. So the step is memory-bound, and a "
        "higher peak would not shorten it."
    ),
)

own_sum = Number(
    title="Your own computer adds",
    goal=(
        "NumPy adds two long FP32 arrays into a third on your computer. Which share of its peak "
        "can that use at most? Bring `cores` and `clock` in Hz (`lscpu`, Task Manager), "
        "`flop_per_tick` of a core (32 for AVX2 with two multiply-add units) and `bandwidth` in "
        "B/s (memory channels × 8 bytes × transfers each second, from the datasheet). Count each "
        "number once. Answer with a fraction."
    ),
    own=dict(
        cores=Range(1, True, 1e4, True, "a whole number from 1 to 10000", whole=True),
        flop_per_tick=Range(1, True, 1e4, True, "from 1 to 10000 flop"),
        clock=Range(1e7, True, 1e11, True, "from 1e7 to 1e11 Hz (3 GHz is 3e9)"),
        bandwidth=Range(1e8, True, 1e14, True, "from 1e8 to 1e14 B/s (50 GB/s is 50e9)"),
    ),
    units=dict(flop_per_tick="flop", clock="Hz", bandwidth="B/s"),
    example=dict(cores=8, flop_per_tick=32, clock=3e9, bandwidth=51.2e9),
    key=_sum_utilisation,
    tolerance=0.02,
    slips=[
        Slip(
            "store forgotten",
            "You counted the two numbers that are read. The sum is written, too.",
            lambda **machine: _sum_utilisation(**machine, moved=2 * NUMBER_BYTES),
        ),
        Slip(
            "one number for each flop",
            "You counted the bytes of one number. An addition reads two and writes one.",
            lambda **machine: _sum_utilisation(**machine, moved=NUMBER_BYTES),
        ),
        Slip(
            "numbers for bytes",
            "You counted numbers. Bandwidth is in bytes, and an FP32 number has four.",
            lambda **machine: _sum_utilisation(**machine, moved=3),
        ),
        Slip(
            "one core for all",
            "This is the share of a single core's peak. All cores share the memory, and all of "
            "them belong to the peak.",
            lambda **machine: _sum_utilisation(**{**machine, "cores": 1}),
        ),
    ],
    hints=[
        "Three things are needed: π, β, and the I of one addition.",
        "π = cores × flop for each tick × clock. For I, count how many FP32 numbers one addition "
        "reads and writes.",
        "Memory-bound: the share is βI/π. Memory of 3,200 mega-transfers in two channels moves "
        "2 × 8 × 3.2e9 bytes each second.",
    ],
    reasoning=lambda cores, flop_per_tick, clock, bandwidth: (
        f"The peak is {si(cores * flop_per_tick * clock, 'flop/s')}, so the ridge is "
        f"{si(ridge(cores * flop_per_tick * clock, bandwidth), 'flop/B')}. An addition does 1 "
        f"flop for {3 * NUMBER_BYTES} bytes, {si(1 / (3 * NUMBER_BYTES), 'flop/B')}, far left of "
        "it. The share is at most βI/π. Your stopwatch will probably show less: NumPy adds on one "
        "core, which alone rarely fills the memory bus."
    ),
)

one_dot = Choice(
    title="One dot, many layers",
    goal=lambda batch: (
        f"A colleague adds up all flops and all bytes of ResNet-50's forward pass ({batch} "
        f"pictures, FP32, nothing fused). The quotient is {si(_whole_intensity(batch), 'flop/B')}, "
        f"right of the V100's ridge at {si(ridge(V100.peak_fp32, V100.bandwidth), 'flop/B')}. "
        "So, says the colleague, the least time is V/π. Is that right? Answer with a letter."
    ),
    given=dict(batch=64),
    options={
        "a": (
            "Yes. Right of the ridge a task runs at the peak.",
            lambda batch: (
                "The roofline holds for one task whose loading and computing overlap. Here one "
                "layer waits for the layer before it, so the bandwidth that a convolution leaves "
                f"idle is lost to the others: {_ms(_time_by_layer(batch))}, not "
                f"{_ms(_time_as_one(batch))}."
            ),
        ),
        "b": (
            "No. It takes less time: the memory-bound layers load while others compute.",
            "V/π is the time of a compute unit that never waits. No order of work can beat it.",
        ),
        "c": (
            "No. It takes more time: layers run in turn, and in some of them the peak idles.",
            lambda batch: (
                f"Layer by layer the bound is {_ms(_time_by_layer(batch))}, "
                f"{short(_time_by_layer(batch) / _time_as_one(batch), 2)} times V/π."
            ),
        ),
        "d": (
            "Nobody can say. One must first average the ridges of all layers.",
            "A ridge is π/β of a machine and a number format. All layers here share one ridge; "
            "it is their intensities that differ.",
        ),
    },
    key=lambda batch: "c" if _time_by_layer(batch) > 1.01 * _time_as_one(batch) else "a",
    hints=[
        "The model has one compute unit and one communication unit. What do they do while a "
        "normalisation runs?",
        "Compare the maximum of two sums with the sum of many maxima.",
    ],
    reasoning=lambda batch: (
        "The sum of the larger times is at least the larger of the summed times. As one task the "
        f"forward pass would take {_ms(_time_as_one(batch))}; layer by layer it takes at least "
        f"{_ms(_time_by_layer(batch))}, since the peak idles in the memory-bound "
        "layers. Fusing narrows this gap."
    ),
)

fully_connected = Formula(
    title="What a batch shares",
    goal=(
        "A fully connected layer multiplies each of `batch` examples, of `inputs` numbers, with "
        "one weight matrix to get `outputs` numbers. There are no biases; all numbers have 4 "
        "bytes and cross the memory bus once. Derive its arithmetic intensity. Answer with a "
        "formula in batch, inputs and outputs, a string or SymPy."
    ),
    symbols=dict(batch=(1, 500), inputs=range(100, 5001), outputs=range(100, 5001)),
    key=_linear_intensity,
    formula="batch*inputs*outputs / (2*(inputs*outputs + batch*(inputs + outputs)))",
    slips=[
        Slip(
            "multiply-add counted once",
            "Off by a factor 2: a weight is multiplied and its product added, which is two flop.",
            "batch*inputs*outputs / (4*(inputs*outputs + batch*(inputs + outputs)))",
        ),
        Slip(
            "weights loaded for each example",
            "You load the weights anew for each example, so the batch cancels. One "
            "loading serves the whole batch.",
            "inputs*outputs / (2*(inputs*outputs + inputs + outputs))",
        ),
        Slip(
            "numbers for bytes",
            "You divided by numbers. An FP32 number has four bytes.",
            "2*batch*inputs*outputs / (inputs*outputs + batch*(inputs + outputs))",
        ),
        Slip(
            "weights forgotten",
            "You moved inputs and outputs only. The weight matrix must be loaded as well.",
            "inputs*outputs / (2*(inputs + outputs))",
        ),
        Slip(
            "inputs and outputs forgotten",
            "You moved the weights only. That holds for small batches; each example also brings "
            "its inputs and takes its outputs away.",
            "batch/2",
        ),
    ],
    hints=[
        "Write down the flops and the bytes of the whole batch, then divide.",
        "For one example: a multiply-add for each weight. Which numbers are needed once for the "
        "whole batch, and which for each example?",
        "The bytes are 4 × (weights + batch × numbers in and out of one example).",
    ],
    reasoning=(
        "The batch takes 2 flop for each weight and example. It moves each weight once and, for "
        "each example, its inputs and outputs, 4 bytes each. A small batch gives about I = "
        "batch/2. A huge one ends at inputs·outputs/(2·(inputs + outputs)): then the examples "
        "themselves are the traffic."
    ),
)

serving = Design(
    title="Serve with a deadline",
    goal=lambda rate, share, deadline: (
        f"VGG-16's layer fc6 ({FC6.inputs:,} inputs, {FC6.outputs:,} outputs) runs on a V100. "
        "Choose the batch and the bytes of a number: 4 (FP32) or 2 (FP16, tensor cores). The "
        f"peak must allow {rate:,} pictures each second; at its roof, the layer must use "
        f"{share:.0%} of that peak and finish a batch in {short(1000 * deadline)} ms. Answer "
        "dict(batch=..., number_bytes=...)."
    ),
    given=dict(rate=300_000, share=0.9, deadline=0.3e-3),
    names=dict(
        batch=Range(1, True, 1e6, True, "from 1 to 1000000"),
        number_bytes=Range(2, True, 4, True, "2 or 4"),
    ),
    requirements=[
        whole("batch"),
        Slip(
            "number format",
            "Choose 4 bytes (FP32) or 2 (FP16): the text allows no other size.",
            lambda rate, share, deadline, batch, number_bytes: number_bytes not in (2, 4),
        ),
        Slip(
            "flat roof too low",
            "Even at its peak this number format computes too few pictures each second. No batch "
            "lifts a flat roof.",
            lambda rate, share, deadline, batch, number_bytes: (
                _serving_peak(number_bytes) / FC6.flops < rate
            ),
        ),
        Slip(
            "batch too small",
            "The layer is still memory-bound and stays too far below the peak. More pictures "
            "must share one loading of the weights.",
            lambda rate, share, deadline, batch, number_bytes: (
                _serving(batch, number_bytes)[0] < share
            ),
        ),
        Slip(
            "batch too large",
            "The batch comes too late. Beyond the ridge each further picture only adds time.",
            lambda rate, share, deadline, batch, number_bytes: (
                _serving(batch, number_bytes)[1] > deadline
            ),
        ),
    ],
    design=SERVED,
    hints=[
        "The rate decides the number format: divide each peak by the work of one picture.",
        "The share gives the smallest batch, the deadline the largest one. "
        "`vgg(16).layers` of `helpers.networks` has the layer, and the layer has "
        "`.intensity(batch, number_bytes)`.",
        "At small batches I is about batch × 2 / number_bytes. Bring it near the ridge of the "
        "tensor cores, a little above.",
    ],
    reasoning=lambda rate, share, deadline: (
        f"In FP32 the peak allows {V100.peak_fp32 / FC6.flops:,.0f} pictures each second, in FP16 "
        f"{V100.peak_fp16 / FC6.flops:,.0f}. The intensity of this batch is "
        f"{si(FC6.intensity(**SERVED), 'flop/B')}, right of the ridge at "
        f"{si(ridge(V100.peak_fp16, V100.bandwidth), 'flop/B')}, and at its roof it takes "
        f"{short(1000 * _serving(**SERVED)[1])} ms. One picture alone would take "
        f"{short(1000 * _serving(1, 2)[1])} ms: up to the ridge, company costs almost nothing."
    ),
)
