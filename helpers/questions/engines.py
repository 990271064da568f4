"""Exercises of notebook 06: deep learning engines on many devices."""

from helpers.budget import training_work
from helpers.catalog import device, interconnects, scaling
from helpers.exercises import Choice, Design, Formula, Number, Slip, whole
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
from helpers.plots import duration, si
from helpers.ranges import Range
from helpers.roofline import ridge

NOTEBOOK = "06_deep_learning_engines.ipynb"

LINKS = interconnects()


def _ends(series):
    """Milliseconds of a step on one device and on the most devices, and how many these are."""
    rows = scaling().query("series == @series").sort_values("devices")
    first, last = rows.iloc[0], rows.iloc[-1]
    return dict(alone=first["value"], together=last["value"], n=int(last["devices"]))


table_of_times = Number(
    title="A table of times",
    goal=lambda alone, together, n: (
        "DLPerf also measured Wide & Deep, a network that predicts clicks, in OneFlow. There the "
        f"batch of all devices together is fixed. One V100 needs {alone} ms for a step, {n} "
        f"together need {together} ms. What is the efficiency on {n} devices? Answer with a "
        "fraction, or as a text with a % sign."
    ),
    given=_ends("OneFlow 0.2 Wide&Deep"),
    key=lambda alone, together, n: efficiency(alone / together, n),
    slips=[
        Slip(
            "speed-up for efficiency",
            "That is S, how many times as fast all devices are together. The efficiency is what "
            "each of them contributes.",
            lambda alone, together, n: alone / together,
        ),
        Slip(
            "time read as speed",
            "You divided as if the table held images each second. In a table of times less is "
            "better.",
            lambda alone, together, n: efficiency(together / alone, n),
        ),
        Slip(
            "time saved for efficiency",
            "That is the share of the time that was saved. It says nothing about what each "
            "device contributes: two perfect devices save half.",
            lambda alone, together, n: 1 - together / alone,
        ),
    ],
    hints=[
        "Which of the two times is t1, the start?",
        "S = t1/t2. The work is the same in both rows, so no batch enters.",
        "The efficiency is S / n.",
    ],
    reasoning=lambda alone, together, n: (
        f"S = {alone} / {together} = {alone / together:.3g}, and E = S / n with n = {n}. Most "
        "of DLPerf's ResNet-50 runs keep more: there each device has its own full batch. Here each "
        "has only an n-th of the batch to compute between two exchanges."
    ),
)


def _gradients(size, n, two_way):
    return allreduce_time(size, n, two_way / 2)


gradients_over_nvlink = Number(
    title="Gradients over NVLink",
    goal=lambda size, n, two_way: (
        f"{n} A100s train VGG-16, with gradients of 2 bytes, {si(size, 'B')} in all. The "
        f"datasheet gives each A100 {si(two_way, 'B/s')} of NVLink, both ways together. How "
        "long does the ring all-reduce of one step take, without latency? Answer in s."
    ),
    given=dict(
        size=2 * vgg(16).parameters,
        n=8,
        two_way=LINKS.at["NVLink 3 (A100)", "two_way"],
    ),
    key=_gradients,
    unit="s",
    slips=[
        Slip(
            "two-way bandwidth",
            "In a ring each device sends in one direction only. The datasheet adds up both.",
            lambda size, n, two_way: _gradients(size, n, 2 * two_way),
        ),
        Slip(
            "gradients sent once",
            "You let each device send its gradients once. The ring passes chunks on for two "
            "series of rounds: adding, and spreading the sums.",
            lambda size, n, two_way: size / (two_way / 2),
        ),
        Slip(
            "all gradients in every round",
            "In each round a device sends one chunk, an n-th of the gradients, not all of them.",
            lambda size, n, two_way: _gradients(n * size, n, two_way),
        ),
        Slip(
            "very many devices",
            "2G is the limit for very many devices. How much is 2(n − 1)/n here?",
            lambda size, n, two_way: 2 * size / (two_way / 2),
        ),
        Slip(
            "bytes counted twice",
            "The size in the goal is in bytes already: no number of bytes is to be multiplied.",
            lambda size, n, two_way: _gradients(2 * size, n, two_way),
        ),
    ],
    hints=[
        "How many bytes does each device send? Count rounds and chunks.",
        "2(n − 1)/n · G, over the bandwidth in *one* direction.",
        "The datasheet's number is twice the bandwidth in one direction.",
    ],
    reasoning=lambda size, n, two_way: (
        f"One way NVLink carries {si(two_way / 2, 'B/s')}. Each device sends 2·{n - 1}/{n} of "
        f"the gradients, {si(data_split_bytes(size / 2, n, 2), 'B')}. Over PCIe 3.0 the same "
        f"bytes take {1e3 * allreduce_time(size, n, LINKS.at['PCIe 3.0 x16', 'one_way']):.0f} ms."
    ),
)

# Convolutions of ResNet-50: name, and how it looks.
_CANDIDATES = {
    "a": ("conv1", "the first: window 7 × 7, 3 → 64 channels, picture of 224 × 224"),
    "b": ("conv5_1.2", "window 3 × 3, 512 → 512 channels, input of 14 × 14 pixels"),
    "c": ("conv5_2.3", "window 1 × 1, 512 → 2048 channels, input of 7 × 7 pixels"),
    "d": ("conv5_2.2", "window 3 × 3, 512 → 512 channels, input of 7 × 7 pixels"),
}
_LAYERS = {layer.name: layer for layer in resnet(50).layers}


def _crossover(letter):
    layer = _LAYERS[_CANDIDATES[letter][0]]
    return crossover_batch(layer.parameters, layer.inputs)


def _bytes(letter, batch, n):
    """Bytes each device sends if the data are split, and if the model is."""
    layer = _LAYERS[_CANDIDATES[letter][0]]
    return data_split_bytes(layer.parameters, n), model_split_bytes(layer.inputs, batch, n)


def _option(letter, because):
    def why(batch, n):
        by_data, by_model = (si(value, "B") for value in _bytes(letter, batch, n))
        return (
            f"Splitting the data sends {by_data}, splitting the model {by_model}: the crossover "
            f"is a batch of {_crossover(letter):.3g}. {because}"
        )

    return _CANDIDATES[letter][1], why


odd_convolution = Choice(
    title="An odd convolution",
    goal=lambda batch, n: (
        f"{n} devices train ResNet-50 with a small batch of {batch} pictures in all. The rule "
        "says: split the data for convolutions. For one of these four convolutions splitting "
        "the *model* sends fewer bytes. Which one? Answer with the letter."
    ),
    given=dict(batch=64, n=8),
    key=lambda batch, n: min("abcd", key=lambda x: _bytes(x, batch, n)[1] / _bytes(x, batch, n)[0]),
    options={
        "a": _option("a", "Few weights, each used at very many pixels: split the data."),
        "b": _option("b", "The weights are many, but so are the pixels: four times those of d."),
        "c": _option(
            "c", "Many outputs do not suffice: with a window of one pixel the weights are few."
        ),
        "d": _option(
            "d", "Many weights, few pixels: such a layer is nearly a fully connected one."
        ),
    },
    hints=[
        "Compare the weights of a layer with the numbers that it reads for one picture.",
        "For a convolution the crossover batch is k²·C_out over the pixels of its input.",
        "Where that is above the batch of all devices, splitting the model sends less.",
    ],
    reasoning=lambda batch, n: (
        "The crossover batches are "
        f"{', '.join(f'{letter}) {_crossover(letter):.3g}' for letter in _CANDIDATES)}; the "
        f"batch is {batch}. Layers b and d have the same weights. But b reads four times the "
        "pixels, so it passes four times the numbers on. A rule for kinds of layers is a rule "
        "for usual sizes; the crossover is the rule itself."
    ),
)

fixed_batch = Formula(
    title="A fixed batch, split",
    goal=(
        "One device computes a step in c seconds. Now n devices share that *same* batch: each "
        "computes an n-th of it, then comes one ring all-reduce of G bytes at bandwidth β, "
        "without overlap and latency. Derive the speed-up S over one device. Answer with a "
        "formula in c, G, beta and n (SymPy or text)."
    ),
    symbols=dict(c=(0.1, 2.0), G=(10.0, 500.0), beta=(100.0, 900.0), n=(2.0, 64.0)),
    key=lambda c, G, beta, n: c / step_time(c / n, allreduce_time(G, n, beta)),
    formula="n*c/(c + 2*(n - 1)*G/beta)",
    slips=[
        Slip(
            "batch grown with the devices",
            "You gave each device a whole batch of its own (its computing takes c). Here the "
            "batch is shared.",
            "n*c/(c + 2*(n - 1)/n*G/beta)",
        ),
        Slip(
            "speed-up for efficiency",
            "That is E = S/n, what each device contributes. Asked is S.",
            "c/(c + 2*(n - 1)*G/beta)",
        ),
        Slip(
            "half the rounds",
            "After n − 1 rounds each sum is complete on one device only. It takes n − 1 more "
            "until all have it.",
            "n*c/(c + (n - 1)*G/beta)",
        ),
        Slip(
            "maximum for sum",
            "That is full overlap. Here the all-reduce waits until the computing is done.",
            "c/max(c/n, 2*(n - 1)/n*G/beta)",
        ),
    ],
    hints=[
        "How long does a step of n devices take? Two times, added.",
        "Computing takes c/n, the all-reduce 2(n − 1)/n · G/β.",
        "S is c over that sum. Multiply above and below by n, if you like.",
    ],
    reasoning=(
        "A step takes c/n + 2(n − 1)/n · G/β. S > 1 means that this is below c, that is "
        "c·(n − 1) > 2(n − 1)·G/β, or c > 2G/β. The n cancels. If one device computes for less "
        "than 2G/β, then no number of devices is faster than one."
    ),
)


def _starving_batch(hidden, n, intensity):
    """Sequences in all at which an LSTM cell on each of n devices has this intensity."""
    low, high = 0.0, 1e9
    for _ in range(200):  # the intensity grows with the batch, so halving the interval finds it
        middle = (low + high) / 2
        low, high = (
            (middle, high) if lstm_intensity(middle, hidden, n) < intensity else (low, middle)
        )
    return high


fed_lstm = Number(
    title="Enough for every device",
    goal=lambda hidden, n, peak, bandwidth: (
        f"An LSTM cell of H = {hidden} units runs forward in FP32 on {n} A100s (π = "
        f"{si(peak, 'flop/s')}, β = {bandwidth / 1e12:g} TB/s of memory each) that split the "
        "batch. From how many sequences on, in all, does each device stand at its ridge or right "
        "of it? Answer with a pure number; you need not round."
    ),
    given=dict(
        hidden=512,
        n=16,
        peak=device("A100-40").peak_fp32,
        bandwidth=device("A100-40").bandwidth,
    ),
    key=lambda hidden, n, peak, bandwidth: _starving_batch(hidden, n, ridge(peak, bandwidth)),
    slips=[
        Slip(
            "batch of one device",
            "That is what one device needs. They split the batch, so all together need more.",
            lambda hidden, n, peak, bandwidth: _starving_batch(hidden, 1, ridge(peak, bandwidth)),
        ),
        Slip(
            "weights only",
            "I = b/2 counts the weights only. Inputs and states move as well, so a little more "
            "is needed.",
            lambda hidden, n, peak, bandwidth: 2 * ridge(peak, bandwidth) * n,
        ),
        Slip(
            "multiply-add counted once",
            "You counted 4 · 2H · H operations for a sequence. Each of them is a multiply-add, "
            "two flop.",
            lambda hidden, n, peak, bandwidth: _starving_batch(
                hidden, n, 2 * ridge(peak, bandwidth)
            ),
        ),
    ],
    hints=[
        "Which intensity must the cell have on each device?",
        "The notebook derives I for a batch b. Set it equal to the ridge and solve for b.",
        "b is the batch of one device. All of them together take n times that.",
    ],
    reasoning=lambda hidden, n, peak, bandwidth: (
        f"The ridge is {ridge(peak, bandwidth):.3g} flop/B. One device reaches it with "
        f"{_starving_batch(hidden, 1, ridge(peak, bandwidth)):.3g} sequences, a little more than "
        f"twice the ridge, and {n} of them need {n} times that. With H = {2 * hidden} it would "
        f"be {_starving_batch(2 * hidden, n, ridge(peak, bandwidth)):.3g}: the width matters "
        "little, the batch for each device decides."
    ),
)

# Three stages of ResNet-50, each with the parts of the network that it holds.
_STAGES = {
    "conv1 to conv3": ("conv1", "conv2", "conv3"),
    "conv4": ("conv4",),
    "conv5 and the head": ("conv5", "head"),
}


def _shares():
    """Share of the multiply-adds of ResNet-50 in each of the three stages."""
    network = resnet(50)
    return [
        sum(layer.macs for layer in network.layers if layer.stage in parts) / network.macs
        for parts in _STAGES.values()
    ]


uneven_stages = Number(
    title="Cut where the names change",
    goal=lambda shares, chunks: (
        "ResNet-50 is cut into three stages, with these shares of the work: "
        + ", ".join(f"{name} ({share:.1%})" for name, share in zip(_STAGES, shares, strict=True))
        + f". Each has its own device, and the batch passes in {chunks} micro-batches. Sending "
        "costs nothing. How many times as fast as one device is this? Answer with a pure number."
    ),
    given=dict(shares=_shares(), chunks=8),
    key=lambda shares, chunks: 1 / chunked_time(*shares[:2], chunks, store=shares[2]),
    slips=[
        Slip(
            "equal stages",
            "That formula is for equal stages. Here every micro-batch waits for the slowest one.",
            lambda shares, chunks: pipeline_speedup(3, chunks),
        ),
        Slip(
            "bubble forgotten",
            "That is the limit for very many micro-batches. The pipeline must fill once, and "
            "run empty.",
            lambda shares, chunks: 1 / max(shares),
        ),
        Slip(
            "one step too many",
            "You filled the pipeline and then counted every micro-batch. The first one has "
            "passed already.",
            lambda shares, chunks: 1 / (1 / chunks + max(shares)),
        ),
    ],
    hints=[
        "The formula for unequal stages needs two numbers: the sum and the maximum.",
        "One device takes 1, so the sum is 1. The maximum is the largest share.",
        "t = (sum + (M − 1)·max)/M, and S = 1/t.",
    ],
    reasoning=lambda shares, chunks: (
        f"t = (1 + {chunks - 1} · {max(shares):.3g}) / {chunks}. Equal stages would give "
        f"{pipeline_speedup(3, chunks):.3g}, and even infinitely many micro-batches no more than "
        f"1/{max(shares):.3g} = {1 / max(shares):.3g} here. Moving a block or two out of the "
        "largest stage pays more than cutting the batch finer."
    ),
)


def _cluster(machines, batch, work, size, speed, link, port, **_):
    """Speed in img/s and efficiency of `machines` machines with `batch` pictures on each GPU."""
    compute = batch * work / speed
    step = step_time(compute, hierarchical_time(size, 8 * machines, 8, link, port))
    return throughput(batch, 8 * machines, step), compute / step


vgg_cluster = Design(
    title="A cluster for VGG-16",
    goal=lambda work, size, speed, link, port, limit, least, share: (
        "VGG-16 trains in FP32 on machines of 8 V100s (NVLink and port as in this notebook). Each "
        f"GPU computes at {si(speed, 'flop/s')}; nothing overlaps, h = 0. Wanted: {least} img/s "
        f"or more, an efficiency of {share:.0%} or more, and not more than {limit} pictures in "
        "all in a step. Answer dict(machines=..., batch=...), batch for each GPU."
    ),
    given=dict(
        work=training_work(vgg(16).forward_work, examples=1, epochs=1),
        size=4 * vgg(16).parameters,
        speed=0.6 * device("V100-SXM2").peak_fp32,
        link=device("V100-SXM2").link_bandwidth,
        port=LINKS.at["InfiniBand EDR 4x", "one_way"],
        limit=2304,
        least=2800,
        share=0.9,
    ),
    names=dict(
        machines=Range(1, True, 64, True, "from 1 to 64"),
        batch=Range(1, True, 512, True, "from 1 to 512"),
    ),
    requirements=[
        whole("machines", "batch"),
        Slip(
            "too slow",
            "Too few images each second. A larger batch cannot give more than every GPU alone: "
            "count the GPUs first.",
            lambda least, **rest: _cluster(**rest)[0] < least,
        ),
        Slip(
            "batch of all too large",
            "Too many pictures in a step of all GPUs together: training may need more epochs. "
            "The limit holds for all GPUs, not for each.",
            lambda machines, batch, limit, **rest: 8 * machines * batch > limit,
        ),
        Slip(
            "efficiency too low",
            "Fast enough, but the GPUs wait too long for their gradients: each computes too "
            "little between two all-reduces.",
            lambda share, **rest: _cluster(**rest)[1] < share,
        ),
    ],
    design=dict(machines=4, batch=70),
    hints=[
        "How many img/s does one GPU alone give? That bounds the machines from below.",
        "The all-reduce in two levels does not depend on the batch. E = c/(c + a).",
        "E fixes the least c, so the least batch on each; the limit for all fixes the largest.",
    ],
    reasoning=lambda work, size, speed, link, port, limit, **rest: (
        f"One GPU alone gives {speed / work:.3g} img/s, so three machines cannot be enough. With "
        f"four the all-reduce takes {1e3 * hierarchical_time(size, 32, 8, link, port):.0f} ms: "
        "the efficiency is "
        f"{_cluster(4, 64, work, size, speed, link, port)[1]:.1%} with a batch of 64 and "
        f"{_cluster(4, 70, work, size, speed, link, port)[1]:.1%} with 70. Five machines may "
        f"hold {limit // 40} pictures on each GPU, and keep only "
        f"{_cluster(5, limit // 40, work, size, speed, link, port)[1]:.1%}."
    ),
)

home_network = Number(
    title="Two laptops at home",
    goal=lambda **_: (
        "You and a friend train one network on two laptops, data-parallel in FP32. How long does "
        "the all-reduce of one step take over your link? Look up its speed in Mbit/s in the "
        "network settings, and the parameters of your own network (or take "
        f"{resnet(50).parameters}, ResNet-50). Pass both: check(answer, megabits=..., "
        "parameters=...). Answer in s."
    ),
    unit="s",
    own=dict(
        megabits=Range(0.1, True, 1e6, True, "from 0.1 to 1000000 (Mbit/s)"),
        parameters=Range(1, True, 1e13, True, "from 1 to 10¹³"),
    ),
    units=dict(megabits="Mbit/s"),
    example=dict(megabits=300, parameters=resnet(50).parameters),
    key=lambda megabits, parameters: allreduce_time(4 * parameters, 2, megabits * 1e6 / 8),
    slips=[
        Slip(
            "bits for bytes",
            "Networks are sold in *bits* each second, gradients are counted in bytes of 8 bits.",
            lambda megabits, parameters: allreduce_time(4 * parameters, 2, megabits * 1e6),
        ),
        Slip(
            "parameters for bytes",
            "You sent one byte for each parameter. In FP32 each gradient is larger.",
            lambda megabits, parameters: allreduce_time(parameters, 2, megabits * 1e6 / 8),
        ),
        Slip(
            "very many devices",
            "2G is the limit for very many devices. How much is 2(n − 1)/n for two?",
            lambda megabits, parameters: 2 * 4 * parameters / (megabits * 1e6 / 8),
        ),
        Slip(
            "no bytes at all",
            "You divided parameters by bits. Write both in bytes: a gradient has some, and each of "
            "them has 8 bits.",
            lambda megabits, parameters: parameters / (megabits * 1e6),
        ),
    ],
    hints=[
        "First both in bytes: the gradients, and the speed of the network.",
        "FP32 has 4 bytes; Mbit/s × 10⁶ / 8 is in B/s.",
        "2(n − 1)/n · G/β with n = 2.",
    ],
    reasoning=lambda megabits, parameters: (
        f"G = {si(4 * parameters, 'B')} and β = {si(megabits * 1e6 / 8, 'B/s')}. With two "
        "devices each sends G once. If your laptop computes a step in less than twice this time, "
        "two laptops that share its batch and take turns are no faster than one. Gradients of 2 "
        f"bytes need {duration(allreduce_time(2 * parameters, 2, megabits * 1e6 / 8))}. Over "
        "Wi-Fi expect longer: both laptops share the air."
    ),
)
