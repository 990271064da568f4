"""Exercises of notebook 03: the roofline."""

from helpers.budget import linear_work
from helpers.catalog import device, intensities
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import Layer, resnet, vgg
from helpers.ranges import between
from helpers.roofline import attainable, compute_utilisation, overlapped_time, ridge
from helpers.words import short, si

NOTEBOOK = "03_roofline.ipynb"

V100, H100, H200, B200 = map(device, ("V100-SXM2", "H100-SXM", "H200-SXM", "B200-SXM"))
NUMBER_BYTES = 4  # of FP32
ATTENTION = intensities().set_index(["kernel", "parameters"])["high"]
FC6 = next(layer for layer in vgg(16).layers if layer.name == "fc6")


def _ms(seconds):
    """A time to read, in ms."""
    return f"{short(1e3 * seconds)} ms"


@exercise
def sparse_headline(peak=B200.peak_fp16, bandwidth=B200.bandwidth):
    return Number(
        title="A headline with a footnote",
        goal=f"NVIDIA's headline for the B200 is {si(2 * peak, 'flop/s')} in FP16, a peak for "
        f"sparse matrices. Its memory moves {si(bandwidth, 'B/s')}. Your network is dense. From "
        "which intensity on is a task compute-bound? Answer in flop/B.",
        key=ridge(peak, bandwidth),
        unit="flop/B",
        slips=[
            Slip(
                "sparse peak",
                ridge(2 * peak, bandwidth),
                "You divided the headline. It holds only where half of the weights are zero and "
                "are skipped; a dense network never sees that roof.",
            ),
            Slip(
                "halved twice",
                ridge(peak / 2, bandwidth),
                "You halved twice. Only the zeros that are skipped come out of the headline: its "
                "multiply-adds are counted as two flop, as here.",
            ),
            Slip(
                "ridge upside down",
                1 / ridge(peak, bandwidth),
                "This is bytes for each flop. The ridge is flop for each byte.",
            ),
        ],
        hints=[
            "Two roofs meet at the ridge. Which peak does a dense network have?",
            "The sparse peak counts two weights of every four as computed, though they are "
            "skipped.",
            "Halve the headline, then divide by the bandwidth.",
        ],
        reasoning=f"The dense peak is half of the headline, {si(peak, 'flop/s')}. The roofs meet "
        "at π/β. With the sparse peak the ridge would be "
        f"{si(ridge(2 * peak, bandwidth), 'flop/B')}, and compute-bound tasks would look "
        "memory-bound.",
    )


@exercise
def faster_memory(
    peak=H200.peak_fp16,
    before=H100.bandwidth,
    after=H200.bandwidth,
    intensity=float(ATTENTION["Attention head, d=64", "T=512, fused (Flash-style, ideal)"]),
):
    old, new = (attainable(intensity, peak, bandwidth) for bandwidth in (before, after))
    return Number(
        title="Same chip, faster memory",
        goal=f"The H200 is an H100 with another memory: {si(after, 'B/s')} in place of "
        f"{si(before, 'B/s')}. Both compute {si(peak, 'flop/s')} in FP16, dense. An attention "
        f"kernel, fused, has {si(intensity, 'flop/B')}. How many times as high is its roof on the "
        "H200, that is, the speed that it can attain at most? Answer with a pure number.",
        key=new / old,
        slips=[
            Slip(
                "flat roof forgotten",
                after / before,
                "This is the ratio of the two bandwidths. On the way up the task meets another "
                "roof.",
            ),
            Slip(
                "taken for compute-bound",
                1,
                "You put the task under the flat roof on both devices. Compare its intensity with "
                "the ridge of the H100: there it still waits for bytes.",
            ),
            Slip(
                "ridge for task",
                intensity * after / peak,
                "This compares the task with the new ridge. Compare it with itself: how high is "
                "its roof on each of the two devices?",
            ),
            Slip(
                "upside down",
                old / new,
                "This is the old roof over the new one. Asked is the new one over the old one.",
            ),
        ],
        hints=[
            "On which side of its ridge does the task lie on each device?",
            "Take P = min(π, βI) twice, with the old and with the new bandwidth.",
            "On the H100 the slanted roof binds, on the H200 the flat one. Divide.",
        ],
        reasoning="On the H100 the task lies under the slanted roof, βI = "
        f"{si(before * intensity, 'flop/s')}. On the H200 βI would be "
        f"{si(after * intensity, 'flop/s')}, more than the peak of {si(peak, 'flop/s')}, so the "
        f"flat roof stops it. The bandwidth grew {short(after / before)} times, but the task "
        "cannot use all of it. (Both are roofs: a measured gain may be smaller or larger.)",
    )


@exercise
def adam_step(parameters=resnet(50).parameters, flops=12, numbers=7):
    def time(moved):
        """Least time if so many bytes are counted for a parameter."""
        return overlapped_time(parameters * flops, flops / moved, V100.peak_fp32, V100.bandwidth)

    computing = parameters * flops / V100.peak_fp32
    moved = NUMBER_BYTES * numbers
    return Number(
        title="One step of Adam",
        goal=f"One step of the Adam optimiser updates all {parameters:,} parameters of ResNet-50 "
        "in FP32. The table of kernels above says which numbers it reads and writes for each of "
        f"them. Count about {flops} flop for each. How long does the step take at least on a V100 "
        "in FP32? Answer in s.",
        key=time(moved),
        unit="s",
        slips=[
            Slip(
                "sum for maximum",
                computing + parameters * moved / V100.bandwidth,
                "You added the two times. The units work at the same time, so the slower one "
                "decides.",
            ),
            Slip(
                "bytes forgotten",
                computing,
                "This is the work over the peak. The compute unit is done long before the bytes "
                "are.",
            ),
            Slip(
                "stores forgotten",
                time(4 * NUMBER_BYTES),
                "You counted the four numbers that are read. Those that are written back cross the "
                "memory bus as well.",
            ),
            Slip(
                "numbers for bytes",
                time(numbers),
                "You counted numbers. Bandwidth is in bytes, and an FP32 number has four.",
            ),
            Slip(
                "each parameter moved once",
                time(NUMBER_BYTES),
                "You moved each parameter once. Adam also reads a gradient and two averages, and "
                "writes what it changed.",
            ),
        ],
        hints=[
            "Work out two times. Which of them counts?",
            "The row says: read w, m, v, g; write w, m, v. Each of them is one FP32 number.",
            "Memory-bound: bytes for one parameter × parameters / β.",
        ],
        reasoning=f"{numbers} numbers of {NUMBER_BYTES} bytes make {moved} bytes for each "
        f"parameter, {si(moved * parameters, 'B')} in all, at {si(V100.bandwidth, 'B/s')}. "
        f"Computing alone would take {_ms(computing)}. So the step is memory-bound, and a higher "
        "peak would not shorten it.",
    )


@exercise(
    cores=between(1, 1e4, whole=True),
    flop_per_tick=(between(1, 1e4, "flop"), "flop"),
    clock=(between(1e7, 1e11, "Hz (3 GHz is 3e9)"), "Hz"),
    bandwidth=(between(1e8, 1e14, "B/s (50 GB/s is 50e9)"), "B/s"),
)
def own_sum(cores=8, flop_per_tick=32, clock=3e9, bandwidth=51.2e9):
    peak, moved = cores * flop_per_tick * clock, 3 * NUMBER_BYTES

    def share(moved=moved, peak=peak):
        """What one addition for so many bytes can use."""
        return compute_utilisation(1 / moved, peak, bandwidth)

    return Number(
        title="Your own computer adds",
        goal="NumPy adds two long FP32 arrays into a third on your computer. Which share of its "
        "peak can that use at most? Bring `cores` and `clock` in Hz (`lscpu`, Task Manager), "
        "`flop_per_tick` of a core (32 for AVX2 with two multiply-add units) and `bandwidth` in "
        "B/s (memory channels × 8 bytes × transfers each second, from the datasheet). Count each "
        "number once. Answer with a fraction.",
        key=share(),
        tolerance=0.02,
        slips=[
            Slip(
                "store forgotten",
                share(2 * NUMBER_BYTES),
                "You counted the two numbers that are read. The sum is written, too.",
            ),
            Slip(
                "one number for each flop",
                share(NUMBER_BYTES),
                "You counted the bytes of one number. An addition reads two and writes one.",
            ),
            Slip(
                "numbers for bytes",
                share(3),
                "You counted numbers. Bandwidth is in bytes, and an FP32 number has four.",
            ),
            Slip(
                "one core for all",
                share(peak=peak / cores),
                "This is the share of a single core's peak. All cores share the memory, and all of "
                "them belong to the peak.",
            ),
        ],
        hints=[
            "Three things are needed: π, β, and the I of one addition.",
            "π = cores × flop for each tick × clock. For I, count how many FP32 numbers one "
            "addition reads and writes.",
            "Memory-bound: the share is βI/π. Memory of 3,200 mega-transfers in two channels moves "
            "2 × 8 × 3.2e9 bytes each second.",
        ],
        reasoning=f"The peak is {si(peak, 'flop/s')}, so the ridge is "
        f"{si(ridge(peak, bandwidth), 'flop/B')}. An addition does 1 flop for {moved} bytes, "
        f"{si(1 / moved, 'flop/B')}, far left of it. The share is at most βI/π. Your stopwatch "
        "will probably show less: NumPy adds on one core, which alone rarely fills the memory bus.",
    )


@exercise
def one_dot(batch=64):
    layers, roofs = resnet(50).layers, (V100.peak_fp32, V100.bandwidth)
    work = [batch * layer.flops for layer in layers]
    whole = sum(work) / sum(layer.traffic(batch) for layer in layers)
    as_one = overlapped_time(sum(work), whole, *roofs)
    by_layer = sum(overlapped_time(work, [layer.intensity(batch) for layer in layers], *roofs))
    return Choice(
        title="One dot, many layers",
        goal=f"A colleague adds up all flops and all bytes of ResNet-50's forward pass ({batch} "
        f"pictures, FP32, nothing fused). The quotient is {si(whole, 'flop/B')}, right of the "
        f"V100's ridge at {si(ridge(*roofs), 'flop/B')}. So, says the colleague, the least time is "
        "V/π. Is that right? Answer with a letter.",
        options={
            "a": (
                "Yes. Right of the ridge a task runs at the peak.",
                "The roofline holds for one task whose loading and computing overlap. Here one "
                "layer waits for the layer before it, so the bandwidth that a convolution leaves "
                f"idle is lost to the others: {_ms(by_layer)}, not {_ms(as_one)}.",
            ),
            "b": (
                "No. It takes less time: the memory-bound layers load while others compute.",
                "V/π is the time of a compute unit that never waits. No order of work can beat it.",
            ),
            "c": (
                "No. It takes more time: layers run in turn, and in some of them the peak idles.",
                f"Layer by layer the bound is {_ms(by_layer)}, {short(by_layer / as_one, 2)} times "
                "V/π.",
            ),
            "d": (
                "Nobody can say. One must first average the ridges of all layers.",
                "A ridge is π/β of a machine and a number format. All layers here share one ridge; "
                "it is their intensities that differ.",
            ),
        },
        key="c" if by_layer > 1.01 * as_one else "a",
        hints=[
            "The model has one compute unit and one communication unit. What do they do while a "
            "normalisation runs?",
            "Compare the maximum of two sums with the sum of many maxima.",
        ],
        reasoning="The sum of the larger times is at least the larger of the summed times. As one "
        f"task the forward pass would take {_ms(as_one)}; layer by layer it takes at least "
        f"{_ms(by_layer)}, since the peak idles in the memory-bound layers. Fusing narrows this "
        "gap.",
    )


@exercise
def fully_connected():
    def intensity(batch, inputs, outputs):
        work, weights = linear_work(inputs, outputs), inputs * outputs
        layer = Layer("", "linear", "", inputs, outputs, (outputs,), weights, weights, work)
        return layer.intensity(batch, NUMBER_BYTES)

    return Formula(
        title="What a batch shares",
        goal="A fully connected layer multiplies each of `batch` examples, of `inputs` numbers, "
        "with one weight matrix to get `outputs` numbers. There are no biases; all numbers have 4 "
        "bytes and cross the memory bus once. Derive its arithmetic intensity. Answer with a "
        "formula in batch, inputs and outputs, a string or SymPy.",
        symbols=dict(batch=(1, 500), inputs=range(100, 5001), outputs=range(100, 5001)),
        key=intensity,
        formula="batch*inputs*outputs / (2*(inputs*outputs + batch*(inputs + outputs)))",
        slips=[
            Slip(
                "multiply-add counted once",
                "batch*inputs*outputs / (4*(inputs*outputs + batch*(inputs + outputs)))",
                "Off by a factor 2: a weight is multiplied and its product added, which is two "
                "flop.",
            ),
            Slip(
                "weights loaded for each example",
                "inputs*outputs / (2*(inputs*outputs + inputs + outputs))",
                "You load the weights anew for each example, so the batch cancels. One loading "
                "serves the whole batch.",
            ),
            Slip(
                "numbers for bytes",
                "2*batch*inputs*outputs / (inputs*outputs + batch*(inputs + outputs))",
                "You divided by numbers. An FP32 number has four bytes.",
            ),
            Slip(
                "weights forgotten",
                "inputs*outputs / (2*(inputs + outputs))",
                "You moved inputs and outputs only. The weight matrix must be loaded as well.",
            ),
            Slip(
                "inputs and outputs forgotten",
                "batch/2",
                "You moved the weights only. That holds for small batches; each example also "
                "brings its inputs and takes its outputs away.",
            ),
        ],
        hints=[
            "Write down the flops and the bytes of the whole batch, then divide.",
            "For one example: a multiply-add for each weight. Which numbers are needed once for "
            "the whole batch, and which for each example?",
            "The bytes are 4 × (weights + batch × numbers in and out of one example).",
        ],
        reasoning="The batch takes 2 flop for each weight and example. It moves each weight once "
        "and, for each example, its inputs and outputs, 4 bytes each. A small batch gives about I "
        "= batch/2. A huge one ends at inputs·outputs/(2·(inputs + outputs)): then the examples "
        "themselves are the traffic.",
    )


@exercise
def serving(rate=300_000, share=0.9, deadline=0.3e-3):
    design = dict(batch=160, number_bytes=2)

    def flat_roof(number_bytes):
        return V100.peak_fp16 if number_bytes == 2 else V100.peak_fp32

    def served(batch, number_bytes):
        """Share of the peak, and time of a batch."""
        task = FC6.intensity(batch, number_bytes), flat_roof(number_bytes), V100.bandwidth
        return compute_utilisation(*task), batch * FC6.flops / attainable(*task)

    def requirements(batch, number_bytes):
        yield whole(batch=batch)
        yield Requirement(
            "number format",
            number_bytes not in (2, 4),
            "Choose 4 bytes (FP32) or 2 (FP16): the text allows no other size.",
        )
        yield Requirement(
            "flat roof too low",
            flat_roof(number_bytes) / FC6.flops < rate,
            "Even at its peak this number format computes too few pictures each second. No batch "
            "lifts a flat roof.",
        )
        used, time = served(batch, number_bytes)
        yield Requirement(
            "batch too small",
            used < share,
            "The layer is still memory-bound and stays too far below the peak. More pictures must "
            "share one loading of the weights.",
        )
        yield Requirement(
            "batch too large",
            time > deadline,
            "The batch comes too late. Beyond the ridge each further picture only adds time.",
        )

    return Design(
        title="Serve with a deadline",
        goal=f"VGG-16's layer fc6 ({FC6.inputs:,} inputs, {FC6.outputs:,} outputs) runs on a V100. "
        "Choose the batch and the bytes of a number: 4 (FP32) or 2 (FP16, tensor cores). The peak "
        f"must allow {rate:,} pictures each second; at its roof, the layer must use {share:.0%} of "
        f"that peak and finish a batch in {short(1000 * deadline)} ms. Answer dict(batch=..., "
        "number_bytes=...).",
        names=dict(batch=between(1, 1e6), number_bytes=between(2, 4)._replace(words="2 or 4")),
        requirements=requirements,
        design=design,
        hints=[
            "The rate decides the number format: divide each peak by the work of one picture.",
            "The share gives the smallest batch, the deadline the largest one. `vgg(16).layers` of "
            "`helpers.networks` has the layer, and the layer has `.intensity(batch, "
            "number_bytes)`.",
            "At small batches I is about batch × 2 / number_bytes. Bring it near the ridge of the "
            "tensor cores, a little above.",
        ],
        reasoning=f"In FP32 the peak allows {V100.peak_fp32 / FC6.flops:,.0f} pictures each "
        f"second, in FP16 {V100.peak_fp16 / FC6.flops:,.0f}. The intensity of this batch is "
        f"{si(FC6.intensity(**design), 'flop/B')}, right of the ridge at "
        f"{si(ridge(V100.peak_fp16, V100.bandwidth), 'flop/B')}, and at its roof it takes "
        f"{short(1000 * served(**design)[1])} ms. One picture alone would take "
        f"{short(1000 * served(1, 2)[1])} ms: up to the ridge, company costs almost nothing.",
    )
