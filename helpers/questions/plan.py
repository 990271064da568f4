"""Exercises of notebook 07: plan a training run."""

from helpers.amdahl import speedup
from helpers.budget import IMAGENET_IMAGES, achieved_fraction, training_time, training_work
from helpers.catalog import device, interconnects, scaling
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import resnet, vgg
from helpers.parallel import allreduce_time, hierarchical_time, step_time
from helpers.published import step_times
from helpers.ranges import between
from helpers.words import duration, short, si

NOTEBOOK = "07_plan_a_training_run.ipynb"

V100, LINKS = device("V100-SXM2"), interconnects()["one_way"]
EDR = LINKS["InfiniBand EDR 4x"]
EPOCHS, OVERHEAD = 90, 0.02  # as in the notebook; the overhead in s

RESNET, VGG = resnet(50), vgg(16)
FRACTIONS = (  # of the tensor peak of one V100, as in step 3
    step_times("ResNet-50", "AMP").query("devices == 1")["value"]
    * training_work(RESNET.forward_work, examples=1, epochs=1)
    / V100.peak_fp16
)
LOW, HIGH = FRACTIONS.min(), FRACTIONS.max()
MIDDLE = (LOW * HIGH) ** 0.5


def _work(network, epochs=EPOCHS, passes=3):
    """Work of training on ImageNet, flop."""
    return training_work(network.forward_work, IMAGENET_IMAGES, epochs, passes)


def _step(network, n, batch, fraction, link=V100.link_bandwidth, port=EDR):
    """Times of computing and of the all-reduce in a step on n V100s, in mixed precision, in s."""
    work = training_work(network.forward_work, examples=batch, epochs=1)
    reduce = hierarchical_time(2 * network.parameters, n, 8, link, port)
    return work / (fraction * V100.peak_fp16), reduce


@exercise
def enough_h100s(sparse=2 * device("H100-SXM").peak_fp16, fraction=0.25, deadline=3600):
    network = resnet(152)

    def count(share=fraction, **run):
        return training_time(_work(network, **run), sparse / 2, share) / deadline

    return Number(
        title="Within one hour",
        goal=f"ResNet-152 ({si(network.forward_work, 'flop')} forward for each picture) is to "
        f"learn ImageNet, {IMAGENET_IMAGES} pictures, for {EPOCHS} epochs within "
        f"{duration(deadline)}. The datasheet prints {si(sparse, 'flop/s')} for an H100 in FP16, "
        f"with sparsity. You count on {fraction:.0%} of the dense peak and forget communication. "
        "How many H100s, before rounding up? Answer with a pure number.",
        key=count(),
        slips=[
            Slip(
                "sparse peak",
                count(2 * fraction),
                "That peak counts products with zeros, which the hardware skips. A network as it "
                "stands has no such pattern of zeros: take the dense peak.",
            ),
            Slip(
                "backward pass forgotten",
                count(passes=1),
                "That is the forward work. A training step adds a backward pass of twice as much.",
            ),
            Slip(
                "100 % of the peak",
                count(1.0),
                "Nobody reaches the whole peak. The fraction that you count on stands in the goal.",
            ),
            Slip(
                "one epoch",
                count(epochs=1),
                "That is one pass over the pictures. The network sees them many times.",
            ),
        ],
        hints=[
            "First V, then the time on one device, then the number of devices.",
            "V = 3 × forward work × pictures × epochs.",
            "n = V/(f·π·T), with half of the printed peak and with T in s.",
        ],
        reasoning=f"V = {si(_work(network), 'flop')}. The dense peak is "
        f"{si(sparse / 2, 'flop/s')}, of which one H100 keeps {fraction:.0%}: alone it needs "
        f"{duration(count() * deadline)}. Divide by the deadline, round up, and leave room: "
        "communication and overhead come on top.",
    )


@exercise
def fraction_of_a_record(series="MLPerf v0.6 DGX-2H", n=512, peak=V100.peak_fp16):
    run = scaling().query("series == @series and devices == @n").iloc[0]
    minutes, epochs = run["value"], int(run["epochs"])

    def achieved(devices=n, epochs=epochs, passes=3):
        work = _work(RESNET, epochs, passes)
        return achieved_fraction(work, 60 * minutes, peak, devices)

    return Number(
        title="The fraction of a record",
        goal=f"In MLPerf v0.6 {n} V100s trained ResNet-50 on ImageNet in {minutes:.2f} minutes, "
        f"with {epochs} epochs. What fraction f of their tensor peaks did they achieve, everything "
        f"included? Take {si(peak, 'flop/s')} for each, and the work of step 2 with *these* "
        "epochs. Answer with a fraction, or as a text with a % sign.",
        key=achieved(),
        slips=[
            Slip(
                "90 epochs",
                achieved(epochs=EPOCHS),
                "That is the work of the notebook's job. This run needed fewer epochs, so it did "
                "less work.",
            ),
            Slip(
                "backward pass forgotten",
                achieved(passes=1),
                "You counted the forward pass only: a third of the work of training.",
            ),
            Slip(
                "multiply-add counted once",
                achieved() / 2,
                "Peaks count a multiply-add as two flop. The work must do the same.",
            ),
            Slip(
                "one device",
                achieved(devices=1),
                "You divided by the peak of a single GPU. A fraction above 1 means that the work "
                "or the peak is wrong.",
            ),
        ],
        hints=[
            "f is the work done over the work that all GPUs could have done in that time.",
            "f = V / (t·n·π), with t in s.",
            "V is 3 × forward work × pictures × epochs, with the epochs of this run.",
        ],
        reasoning=f"V = {si(_work(RESNET, epochs), 'flop')}, and {n} GPUs could have done "
        f"{si(60 * minutes * n * peak, 'flop')}. One V100 alone reached {LOW:.1%} to {HIGH:.1%} in "
        f"step 3. So this run on {n} GPUs, communication, evaluation and all, lies inside the "
        "range of single ones.",
    )


@exercise
def long_rings(machines=130, latency=15e-6):
    one_ring = allreduce_time(0, 8 * machines, 1.0, latency)
    return Number(
        title="Only the latency",
        goal=f"Another MLPerf run used {machines} machines of 8 V100s. Suppose that each round of "
        f"an all-reduce costs {1e6 * latency:.0f} µs besides sending, inside a machine and between "
        "machines alike. How much longer does this latency make each all-reduce in two levels? "
        "Answer in s.",
        key=hierarchical_time(0, 8 * machines, 8, V100.link_bandwidth, EDR, latency),
        unit="s",
        slips=[
            Slip(
                "one ring of all GPUs",
                one_ring,
                "That is a single ring through all GPUs. In two levels the ring between machines "
                "has one place for each machine.",
            ),
            Slip(
                "half the rounds",
                (7 + machines - 1) * latency,
                "A ring goes round twice: once to add, once to spread the sums.",
            ),
            Slip(
                "one level forgotten",
                allreduce_time(0, machines, 1.0, latency),
                "You counted the rounds between machines only. Inside a machine there are rounds "
                "too.",
            ),
            Slip(
                "levels multiplied",
                2 * 7 * (machines - 1) * latency,
                "The levels come one after the other, so their rounds add up.",
            ),
        ],
        hints=[
            "How many rounds does a ring of n members take?",
            "2(n − 1) rounds. One ring has the GPUs of a machine, the other the machines.",
            "Add the rounds of both rings, and multiply by the latency.",
        ],
        reasoning=f"2·7 rounds inside and 2·{machines - 1} between, {2 * 7 + 2 * (machines - 1)} "
        f"in all. One ring through all GPUs would have {2 * (8 * machines - 1)} rounds and cost "
        f"{1e3 * one_ring:.3g} ms in each step. Latency does not shrink when the gradients do.",
    )


@exercise
def bigger_batch():
    def key(p, k):
        return k * step_time(p, 1 - p) / step_time(k * p, 1 - p)

    compute, reduce = _step(RESNET, n=32, batch=128, fraction=MIDDLE)
    p = compute / step_time(compute, reduce, 0, OVERHEAD)  # of step 6
    return Formula(
        title="Amdahl, looking the other way",
        goal="In a step the GPUs compute for a fraction p of the time; the rest (all-reduce, "
        "overhead) does not depend on the batch. Now each GPU gets k times the batch. Derive by "
        "what factor the whole run gets faster, at the same number of epochs and without overlap. "
        "Answer with a formula in p and k (SymPy or text).",
        symbols=dict(p=(0.05, 0.95), k=(1.0, 16.0)),
        key=key,
        formula="1/(p + (1 - p)/k)",
        slips=[
            Slip(
                "serial and parallel swapped",
                "1/(1 - p + p/k)",
                "That is Amdahl's law for faster GPUs. A larger batch leaves the computing of each "
                "picture as it is, and makes everything *else* rarer.",
            ),
            Slip(
                "steps not counted",
                "1/(k*p + 1 - p)",
                "You compared the times of one step. With k times the batch there are also fewer "
                "steps.",
            ),
            Slip(
                "fewer steps only",
                "k",
                "There are k times fewer steps, but each of them computes longer.",
            ),
        ],
        hints=[
            "Take a step of 1 s: p computing, 1 − p everything else. What do both become?",
            "The new step takes k·p + 1 − p, and there are k times fewer of them.",
            "Divide k old steps by one new step, above and below by k if you like.",
        ],
        reasoning="k old steps take k, the one new step that replaces them k·p + 1 − p. So the "
        "part that gets k times faster is 1 − p, not p: Amdahl's law with its parts exchanged, and "
        f"the ceiling is 1/p. With the p = {p:.3g} of step 6 and k = 2 it gives "
        f"{speedup(1 - p, 2):.3g}, as step 7 found; no batch gives more than {1 / p:.3g}.",
    )


@exercise
def fixed_recipe(
    n=32, total=1024, fraction=MIDDLE, fastest=HIGH, link=V100.link_bandwidth, port=LINKS["10 GbE"]
):
    before = dict(n=n, batch=total / n, fraction=fraction, link=link, port=port)
    remedies = dict(
        a=dict(n=2 * n, batch=total / (2 * n)),
        b=dict(link=2 * link, port=2 * port),
        c=dict(overlap=1),
        d=dict(fraction=fastest),
    )
    compute, reduce = _step(VGG, **before)
    start = step_time(compute, reduce, 0, OVERHEAD)

    def gain(overlap=0, **change):
        return start / step_time(*_step(VGG, **before | change), overlap, OVERHEAD)

    gains = {letter: gain(**change) for letter, change in remedies.items()}
    return Choice(
        title="A fixed recipe",
        goal=f"{n} V100s in four machines train VGG-16 in mixed precision, as in steps 5 to 7, but "
        f"the ports carry only {si(port, 'B/s')}. f = {fraction:.1%}, h = {1e3 * OVERHEAD:.0f} ms, "
        f"no overlap. The recipe fixes the batch of *all* GPUs together at {total}. Which remedy "
        "makes the run fastest? Answer with the letter.",
        key=max(gains, key=gains.get),
        options={
            "a": (
                "twice the GPUs, each with half the batch",
                f"{gains['a']:.2f} times: nothing. There are as many steps as before, the shorter "
                "computing is eaten by a longer all-reduce. In step 7 more GPUs paid because the "
                "batch of all grew with them.",
            ),
            "b": (
                "links and ports of twice the bandwidth",
                f"{gains['b']:.2f} times. The all-reduce is the longest part of the step, and this "
                "halves it.",
            ),
            "c": (
                "perfect overlap",
                f"{gains['c']:.2f} times. Overlap hides the shorter part, here the computing. The "
                "longer one, the all-reduce, stays whole.",
            ),
            "d": (
                f"the fastest program, f = {fastest:.1%}",
                f"{gains['d']:.2f} times. It shortens the computing, which is not what binds here.",
            ),
        },
        hints=[
            "How long does each of the three parts of a step take?",
            "In a new cell, `from helpers.networks import vgg`: vgg(16) has forward_work and "
            "parameters. G is 2 bytes for each parameter.",
            "The number of steps is the same for all four. So compare the times of one step.",
        ],
        reasoning=f"On each GPU the {total // n} pictures take {1e3 * compute:.0f} ms, the "
        f"all-reduce {1e3 * reduce:.0f} ms, the overhead {1e3 * OVERHEAD:.0f} ms. The largest part "
        "decides. More GPUs make it longer, and pay only if the batch of all may grow.",
    )


@exercise
def rented_machines(fraction=LOW, deadline=3 * 3600, budget=90, limit=4096):
    network = resnet(101)

    def rented(machines, batch):
        """Worst time of the run, in s, and what it costs, in GPU hours."""
        n = 8 * machines
        step = step_time(*_step(network, n, batch, fraction), 0, OVERHEAD)
        time = IMAGENET_IMAGES * EPOCHS / (n * batch) * step
        return time, n * time / 3600

    def requirements(machines, batch):
        yield whole(machines=machines, batch=batch)
        time, cost = rented(machines, batch)
        yield Requirement(
            "too late",
            time > deadline,
            "The worst case misses the deadline. Count with the low f and with h in each step, not "
            "with the best case.",
        )
        yield Requirement(
            "batch of all too large",
            8 * machines * batch > limit,
            "Too many pictures in a step of all GPUs together. The limit holds for all of them, so "
            "more machines mean fewer pictures on each.",
        )
        yield Requirement(
            "too expensive",
            cost > budget,
            "In time, but it costs too many GPU hours: the steps are so short that all-reduce and "
            "overhead are a large part of what you pay.",
        )

    return Design(
        title="Rented machines",
        goal=f"ResNet-101 for {EPOCHS} epochs of ImageNet, on machines like those of this "
        f"notebook. In the worst case (f = {fraction:.1%}, no overlap, h = {1e3 * OVERHEAD:.0f} "
        f"ms) it may take {duration(deadline)} and {budget} GPU hours at most. More than {limit} "
        "pictures in all in a step would need more epochs: not allowed. Answer dict(machines=..., "
        "batch=...), batch for each GPU.",
        names=dict(machines=between(1, 64), batch=between(1, 512)),
        requirements=requirements,
        design=dict(machines=4, batch=96),
        hints=[
            "GPU hours are machines × 8 × hours. What makes them more than the computing alone?",
            "The overhead of a step costs the same for a small batch as for a large one.",
            "Take a batch that the GPU hours allow, then the machines that the deadline asks for, "
            "and see whether the batch of all fits.",
        ],
        reasoning="The GPU hours hardly depend on the number of machines, but on the batch for "
        "each GPU: "
        + ", ".join(f"{short(rented(4, batch)[1])} with {batch}" for batch in (32, 64, 96, 128))
        + f", on four machines. These take {duration(rented(4, 96)[0])} with 96. Eight machines "
        f"finish sooner, in {duration(rented(8, limit // 64)[0])}, but may hold only {limit // 64} "
        f"pictures each and cost {short(rented(8, limit // 64)[1])} GPU hours.",
    )


@exercise(cores=between(1, 1024, whole=True), clock=(between(0.1, 10, "(GHz)"), "GHz"))
def your_own_computers(cores=6, clock=3.1, tick=32, deadline=2 * 3600, fraction=0.4):
    peak = cores * tick * clock * 1e9  # a core multiplies and adds eight FP32 numbers twice a tick

    def count(peak=peak, passes=3, share=fraction):
        return training_time(_work(RESNET, passes=passes), peak, share) / deadline

    return Number(
        title="Your own computers",
        goal="How many computers like yours would the notebook's job need, ResNet-50 within "
        f"{duration(deadline)}, without communication? Look up cores (not threads) and clock in "
        f"GHz (system settings, or lscpu). Take {tick} flop in FP32 for each core and clock tick, "
        f"and f = {fraction:.0%}. Pass both: check(answer, cores=..., clock=...). Answer with a "
        "pure number, not rounded.",
        key=count(),
        slips=[
            Slip(
                "one flop for each tick",
                count(peak / tick),
                "A core does many flop in each clock tick: it multiplies and adds several numbers "
                "at once. The goal says how many.",
            ),
            Slip(
                "backward pass forgotten",
                count(passes=1),
                "You counted the forward pass only. Training does three times as much.",
            ),
            Slip(
                "multiply-add counted once",
                count(passes=1.5),
                "The peak counts two flop for each multiply-add, and so must the work.",
            ),
            Slip(
                "100 % of the peak",
                count(share=1.0),
                "You let the cores reach their whole peak. The fraction f stands in the goal.",
            ),
        ],
        hints=[
            "First the peak of your computer: cores × flop a tick × ticks each second.",
            "V stands in step 2. One computer needs V/(f·π).",
            "Divide by the deadline, in s.",
        ],
        reasoning=f"{short(cores)} cores at {short(clock)} GHz have a peak of "
        f"{si(peak, 'flop/s')}. At {fraction:.0%} of it one such computer needs "
        f"{duration(count() * deadline)}. For the same deadline step 4 found "
        f"{count(V100.peak_fp16, share=HIGH):.0f} to {count(V100.peak_fp16, share=LOW):.0f} V100s. "
        "Here as there communication comes on top, and over the links between computers it is not "
        "small.",
    )
