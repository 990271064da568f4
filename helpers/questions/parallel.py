"""Exercises of notebook 06: deep learning engines on many devices."""

from helpers.budget import training_work
from helpers.catalog import device, interconnects, scaling
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import resnet, vgg
from helpers.parallel import (
    allreduce_time,
    crossover_batch,
    data_split_bytes,
    efficiency,
    hierarchical_time,
    lstm_intensity,
    model_split_bytes,
    pipeline_speedup,
    step_time,
    throughput,
)
from helpers.pipeline import chunked_time
from helpers.ranges import between
from helpers.roofline import ridge
from helpers.words import duration, si

NOTEBOOK = "06_deep_learning_engines.ipynb"

LINKS = interconnects()
A100, V100 = device("A100-40"), device("V100-SXM2")
VGG, RESNET = vgg(16), resnet(50)


@exercise
def table_of_times(series="OneFlow 0.2 Wide&Deep"):
    rows = scaling().query("series == @series").sort_values("devices")
    alone, together = rows["value"].iloc[[0, -1]]
    n = int(rows["devices"].iloc[-1])
    speedup = alone / together
    return Number(
        title="A table of times",
        goal="DLPerf also measured Wide & Deep, a network that predicts clicks, in OneFlow. There "
        f"the batch of all devices together is fixed. One V100 needs {alone} ms for a step, {n} "
        f"together need {together} ms. What is the efficiency on {n} devices? Answer with a "
        "fraction, or as a text with a % sign.",
        key=efficiency(speedup, n),
        slips=[
            Slip(
                "speed-up for efficiency",
                speedup,
                "That is S, how many times as fast all devices are together. The efficiency is "
                "what each of them contributes.",
            ),
            Slip(
                "time read as speed",
                efficiency(1 / speedup, n),
                "You divided as if the table held images each second. In a table of times less is "
                "better.",
            ),
            Slip(
                "time saved for efficiency",
                1 - 1 / speedup,
                "That is the share of the time that was saved. It says nothing about what each "
                "device contributes: two perfect devices save half.",
            ),
        ],
        hints=[
            "Which of the two times is t1, the start?",
            "S = t1/t2. The work is the same in both rows, so no batch enters.",
            "The efficiency is S / n.",
        ],
        reasoning=f"S = {alone} / {together} = {speedup:.3g}, and E = S / n with n = {n}. Most of "
        "DLPerf's ResNet-50 runs keep more: there each device has its own full batch. Here each "
        "has only an n-th of the batch to compute between two exchanges.",
    )


@exercise
def gradients_over_nvlink(
    size=2 * VGG.parameters, n=8, two_way=LINKS.at["NVLink 3 (A100)", "two_way"]
):
    one_way = two_way / 2

    def time(size=size, bandwidth=one_way):
        return allreduce_time(size, n, bandwidth)

    return Number(
        title="Gradients over NVLink",
        goal=f"{n} A100s train VGG-16, with gradients of 2 bytes, {si(size, 'B')} in all. The "
        f"datasheet gives each A100 {si(two_way, 'B/s')} of NVLink, both ways together. How long "
        "does the ring all-reduce of one step take, without latency? Answer in s.",
        key=time(),
        unit="s",
        slips=[
            Slip(
                "two-way bandwidth",
                time(bandwidth=two_way),
                "In a ring each device sends in one direction only. The datasheet adds up both.",
            ),
            Slip(
                "gradients sent once",
                size / one_way,
                "You let each device send its gradients once. The ring passes chunks on for two "
                "series of rounds: adding, and spreading the sums.",
            ),
            Slip(
                "all gradients in every round",
                time(n * size),
                "In each round a device sends one chunk, an n-th of the gradients, not all of "
                "them.",
            ),
            Slip(
                "very many devices",
                2 * size / one_way,
                "2G is the limit for very many devices. How much is 2(n − 1)/n here?",
            ),
            Slip(
                "bytes counted twice",
                time(2 * size),
                "The size in the goal is in bytes already: no number of bytes is to be multiplied.",
            ),
        ],
        hints=[
            "How many bytes does each device send? Count rounds and chunks.",
            "2(n − 1)/n · G, over the bandwidth in *one* direction.",
            "The datasheet's number is twice the bandwidth in one direction.",
        ],
        reasoning=f"One way NVLink carries {si(one_way, 'B/s')}. Each device sends 2·{n - 1}/{n} "
        f"of the gradients, {si(data_split_bytes(size / 2, n, 2), 'B')}. Over PCIe 3.0 the same "
        f"bytes take {1e3 * time(bandwidth=LINKS.at['PCIe 3.0 x16', 'one_way']):.0f} ms.",
    )


@exercise
def odd_convolution(batch=64, n=8):
    names = dict(a="conv1", b="conv5_1.2", c="conv5_2.3", d="conv5_2.2")
    found = {layer.name: layer for layer in RESNET.layers}
    layers = {letter: found[name] for letter, name in names.items()}
    crossover = {
        letter: crossover_batch(layer.parameters, layer.inputs) for letter, layer in layers.items()
    }

    def option(letter, look, because):
        """How a convolution looks, and what each device sends for it."""
        by_data = data_split_bytes(layers[letter].parameters, n)
        by_model = model_split_bytes(layers[letter].inputs, batch, n)
        return look, (
            f"Splitting the data sends {si(by_data, 'B')}, splitting the model "
            f"{si(by_model, 'B')}: the crossover is a batch of {crossover[letter]:.3g}. {because}"
        )

    return Choice(
        title="An odd convolution",
        goal=f"{n} devices train ResNet-50 with a small batch of {batch} pictures in all. The rule "
        "says: split the data for convolutions. For one of these four convolutions splitting the "
        "*model* sends fewer bytes. Which one? Answer with the letter.",
        key=max(crossover, key=crossover.get),
        options={
            "a": option(
                "a",
                "the first: window 7 × 7, 3 → 64 channels, picture of 224 × 224",
                "Few weights, each used at very many pixels: split the data.",
            ),
            "b": option(
                "b",
                "window 3 × 3, 512 → 512 channels, input of 14 × 14 pixels",
                "The weights are many, but so are the pixels: four times those of d.",
            ),
            "c": option(
                "c",
                "window 1 × 1, 512 → 2048 channels, input of 7 × 7 pixels",
                "Many outputs do not suffice: with a window of one pixel the weights are few.",
            ),
            "d": option(
                "d",
                "window 3 × 3, 512 → 512 channels, input of 7 × 7 pixels",
                "Many weights, few pixels: such a layer is nearly a fully connected one.",
            ),
        },
        hints=[
            "Compare the weights of a layer with the numbers that it reads for one picture.",
            "For a convolution the crossover batch is k²·C_out over the pixels of its input.",
            "Where that is above the batch of all devices, splitting the model sends less.",
        ],
        reasoning="The crossover batches are "
        f"{', '.join(f'{letter}) {value:.3g}' for letter, value in crossover.items())}; the batch "
        f"is {batch}. Layers b and d have the same weights. But b reads four times the pixels, so "
        "it passes four times the numbers on. A rule for kinds of layers is a rule for usual "
        "sizes; the crossover is the rule itself.",
    )


@exercise
def fixed_batch():
    def key(c, G, beta, n):
        return c / step_time(c / n, allreduce_time(G, n, beta))

    return Formula(
        title="A fixed batch, split",
        goal="One device computes a step in c seconds. Now n devices share that *same* batch: each "
        "computes an n-th of it, then comes one ring all-reduce of G bytes at bandwidth β, without "
        "overlap and latency. Derive the speed-up S over one device. Answer with a formula in c, "
        "G, beta and n (SymPy or text).",
        symbols=dict(c=(0.1, 2.0), G=(10.0, 500.0), beta=(100.0, 900.0), n=(2.0, 64.0)),
        key=key,
        formula="n*c/(c + 2*(n - 1)*G/beta)",
        slips=[
            Slip(
                "batch grown with the devices",
                "n*c/(c + 2*(n - 1)/n*G/beta)",
                "You gave each device a whole batch of its own (its computing takes c). Here the "
                "batch is shared.",
            ),
            Slip(
                "speed-up for efficiency",
                "c/(c + 2*(n - 1)*G/beta)",
                "That is E = S/n, what each device contributes. Asked is S.",
            ),
            Slip(
                "half the rounds",
                "n*c/(c + (n - 1)*G/beta)",
                "After n − 1 rounds each sum is complete on one device only. It takes n − 1 more "
                "until all have it.",
            ),
            Slip(
                "maximum for sum",
                "c/max(c/n, 2*(n - 1)/n*G/beta)",
                "That is full overlap. Here the all-reduce waits until the computing is done.",
            ),
        ],
        hints=[
            "How long does a step of n devices take? Two times, added.",
            "Computing takes c/n, the all-reduce 2(n − 1)/n · G/β.",
            "S is c over that sum. Multiply above and below by n, if you like.",
        ],
        reasoning="A step takes c/n + 2(n − 1)/n · G/β. S > 1 means that this is below c, that is "
        "c·(n − 1) > 2(n − 1)·G/β, or c > 2G/β. The n cancels. If one device computes for less "
        "than 2G/β, then no number of devices is faster than one.",
    )


@exercise
def fed_lstm(hidden=512, n=16, peak=A100.peak_fp32, bandwidth=A100.bandwidth):
    balanced = ridge(peak, bandwidth)

    def starving(hidden=hidden, n=n, intensity=balanced):
        """Sequences in all at this intensity. The bytes for each flop are linear in 1/batch."""
        one, two = (1 / lstm_intensity(batch, hidden, n) for batch in (1, 2))
        return 2 * (one - two) / (1 / intensity - 2 * two + one)

    return Number(
        title="Enough for every device",
        goal=f"An LSTM cell of H = {hidden} units runs forward in FP32 on {n} A100s (π = "
        f"{si(peak, 'flop/s')}, β = {bandwidth / 1e12:g} TB/s of memory each) that split the "
        "batch. From how many sequences on, in all, does each device stand at its ridge or right "
        "of it? Answer with a pure number; you need not round.",
        key=starving(),
        slips=[
            Slip(
                "batch of one device",
                starving(n=1),
                "That is what one device needs. They split the batch, so all together need more.",
            ),
            Slip(
                "weights only",
                2 * balanced * n,
                "I = b/2 counts the weights only. Inputs and states move as well, so a little more "
                "is needed.",
            ),
            Slip(
                "multiply-add counted once",
                starving(intensity=2 * balanced),
                "You counted 4 · 2H · H operations for a sequence. Each of them is a multiply-add, "
                "two flop.",
            ),
        ],
        hints=[
            "Which intensity must the cell have on each device?",
            "The notebook derives I for a batch b. Set it equal to the ridge and solve for b.",
            "b is the batch of one device. All of them together take n times that.",
        ],
        reasoning=f"The ridge is {balanced:.3g} flop/B. One device reaches it with "
        f"{starving(n=1):.3g} sequences, a little more than twice the ridge, and {n} of them need "
        f"{n} times that. With H = {2 * hidden} it would be {starving(2 * hidden):.3g}: the width "
        "matters little, the batch for each device decides.",
    )


@exercise
def uneven_stages(chunks=8):
    stages = {
        "conv1 to conv3": ("conv1", "conv2", "conv3"),
        "conv4": ("conv4",),
        "conv5 and the head": ("conv5", "head"),
    }
    shares = [
        sum(layer.macs for layer in RESNET.layers if layer.stage in parts) / RESNET.macs
        for parts in stages.values()
    ]
    largest = max(shares)
    return Number(
        title="Cut where the names change",
        goal="ResNet-50 is cut into three stages, with these shares of the work: "
        + ", ".join(f"{name} ({share:.1%})" for name, share in zip(stages, shares, strict=True))
        + f". Each has its own device, and the batch passes in {chunks} micro-batches. Sending "
        "costs nothing. How many times as fast as one device is this? Answer with a pure number.",
        key=1 / chunked_time(*shares[:2], chunks, store=shares[2]),
        slips=[
            Slip(
                "equal stages",
                pipeline_speedup(3, chunks),
                "That formula is for equal stages. Here every micro-batch waits for the slowest "
                "one.",
            ),
            Slip(
                "bubble forgotten",
                1 / largest,
                "That is the limit for very many micro-batches. The pipeline must fill once, and "
                "run empty.",
            ),
            Slip(
                "one step too many",
                1 / (1 / chunks + largest),
                "You filled the pipeline and then counted every micro-batch. The first one has "
                "passed already.",
            ),
        ],
        hints=[
            "The formula for unequal stages needs two numbers: the sum and the maximum.",
            "One device takes 1, so the sum is 1. The maximum is the largest share.",
            "t = (sum + (M − 1)·max)/M, and S = 1/t.",
        ],
        reasoning=f"t = (1 + {chunks - 1} · {largest:.3g}) / {chunks}. Equal stages would give "
        f"{pipeline_speedup(3, chunks):.3g}, and even infinitely many micro-batches no more than "
        f"1/{largest:.3g} = {1 / largest:.3g} here. Moving a block or two out of the largest stage "
        "pays more than cutting the batch finer.",
    )


@exercise
def vgg_cluster(
    work=training_work(VGG.forward_work, examples=1, epochs=1),
    size=4 * VGG.parameters,
    speed=0.6 * V100.peak_fp32,
    link=V100.link_bandwidth,
    port=LINKS.at["InfiniBand EDR 4x", "one_way"],
    limit=2304,
    least=2800,
    share=0.9,
):
    def cluster(machines, batch):
        """Speed in img/s and efficiency of machines with a batch on each GPU."""
        compute = batch * work / speed
        step = step_time(compute, hierarchical_time(size, 8 * machines, 8, link, port))
        return throughput(batch, 8 * machines, step), compute / step

    def requirements(machines, batch):
        yield whole(machines=machines, batch=batch)
        images, efficiency = cluster(machines, batch)
        yield Requirement(
            "too slow",
            images < least,
            "Too few images each second. A larger batch cannot give more than every GPU alone: "
            "count the GPUs first.",
        )
        yield Requirement(
            "batch of all too large",
            8 * machines * batch > limit,
            "Too many pictures in a step of all GPUs together: training may need more epochs. The "
            "limit holds for all GPUs, not for each.",
        )
        yield Requirement(
            "efficiency too low",
            efficiency < share,
            "Fast enough, but the GPUs wait too long for their gradients: each computes too little "
            "between two all-reduces.",
        )

    return Design(
        title="A cluster for VGG-16",
        goal="VGG-16 trains in FP32 on machines of 8 V100s (NVLink and port as in this notebook). "
        f"Each GPU computes at {si(speed, 'flop/s')}; nothing overlaps, h = 0. Wanted: {least} "
        f"img/s or more, an efficiency of {share:.0%} or more, and not more than {limit} pictures "
        "in all in a step. Answer dict(machines=..., batch=...), batch for each GPU.",
        names=dict(machines=between(1, 64), batch=between(1, 512)),
        requirements=requirements,
        design=dict(machines=4, batch=70),
        hints=[
            "How many img/s does one GPU alone give? That bounds the machines from below.",
            "The all-reduce in two levels does not depend on the batch. E = c/(c + a).",
            "E fixes the least c, so the least batch on each; the limit for all fixes the largest.",
        ],
        reasoning=f"One GPU alone gives {speed / work:.3g} img/s, so three machines cannot be "
        "enough. With four the all-reduce takes "
        f"{1e3 * hierarchical_time(size, 32, 8, link, port):.0f} ms: the efficiency is "
        f"{cluster(4, 64)[1]:.1%} with a batch of 64 and {cluster(4, 70)[1]:.1%} with 70. Five "
        f"machines may hold {limit // 40} pictures on each GPU, and keep only "
        f"{cluster(5, limit // 40)[1]:.1%}.",
    )


@exercise(
    megabits=(between(0.1, 1e6, "(Mbit/s)"), "Mbit/s"),
    parameters=between(1, 1e13)._replace(words="from 1 to 10¹³"),
)
def home_network(megabits=300, parameters=RESNET.parameters):
    size, bandwidth = 4 * parameters, megabits * 1e6 / 8
    return Number(
        title="Two laptops at home",
        goal="You and a friend train one network on two laptops, data-parallel in FP32. How long "
        "does the all-reduce of one step take over your link? Look up its speed in Mbit/s in the "
        f"network settings, and the parameters of your own network (or take {RESNET.parameters}, "
        "ResNet-50). Pass both: check(answer, megabits=..., parameters=...). Answer in s.",
        unit="s",
        key=allreduce_time(size, 2, bandwidth),
        slips=[
            Slip(
                "bits for bytes",
                allreduce_time(size, 2, 8 * bandwidth),
                "Networks are sold in *bits* each second, gradients are counted in bytes of 8 "
                "bits.",
            ),
            Slip(
                "parameters for bytes",
                allreduce_time(parameters, 2, bandwidth),
                "You sent one byte for each parameter. In FP32 each gradient is larger.",
            ),
            Slip(
                "very many devices",
                2 * size / bandwidth,
                "2G is the limit for very many devices. How much is 2(n − 1)/n for two?",
            ),
            Slip(
                "no bytes at all",
                parameters / (8 * bandwidth),
                "You divided parameters by bits. Write both in bytes: a gradient has some, and "
                "each of them has 8 bits.",
            ),
        ],
        hints=[
            "First both in bytes: the gradients, and the speed of the network.",
            "FP32 has 4 bytes; Mbit/s × 10⁶ / 8 is in B/s.",
            "2(n − 1)/n · G/β with n = 2.",
        ],
        reasoning=f"G = {si(size, 'B')} and β = {si(bandwidth, 'B/s')}. With two devices each "
        "sends G once. If your laptop computes a step in less than twice this time, two laptops "
        "that share its batch and take turns are no faster than one. Gradients of 2 bytes need "
        f"{duration(allreduce_time(size / 2, 2, bandwidth))}. Over Wi-Fi expect longer: both "
        "laptops share the air.",
    )
