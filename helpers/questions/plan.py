"""Exercises of notebook 07: plan a training run."""

from helpers.amdahl import speedup
from helpers.budget import IMAGENET_IMAGES, achieved_fraction, training_time, training_work
from helpers.catalog import device, interconnects, scaling, step_times
from helpers.exercises import Choice, Design, Formula, Number, Slip, whole
from helpers.networks import resnet, vgg
from helpers.parallel import allreduce_time, hierarchical_time, step_time
from helpers.plots import duration, short, si
from helpers.ranges import Range

NOTEBOOK = "07_plan_a_training_run.ipynb"

V100, LINKS = device("V100-SXM2"), interconnects()["one_way"]
EDR = LINKS["InfiniBand EDR 4x"]
EPOCHS, OVERHEAD = 90, 0.02  # as in the notebook; the overhead in s


def _fractions():
    """Lowest and highest fraction of the tensor peak of one V100, as in step 3."""
    speeds = step_times("ResNet-50", "AMP").query("devices == 1")["value"]
    picture = training_work(resnet(50).forward_work, examples=1, epochs=1)
    return speeds.min() * picture / V100.peak_fp16, speeds.max() * picture / V100.peak_fp16


LOW, HIGH = _fractions()
MIDDLE = (LOW * HIGH) ** 0.5


def _count(forward, sparse, fraction, deadline, passes=3, epochs=EPOCHS):
    """Devices for a deadline, their peak half of the one printed for sparse numbers."""
    work = training_work(forward, IMAGENET_IMAGES, epochs, passes)
    return training_time(work, sparse / 2, fraction) / deadline


enough_h100s = Number(
    title="Within one hour",
    goal=lambda forward, sparse, fraction, deadline: (
        f"ResNet-152 ({si(forward, 'flop')} forward for each picture) is to learn ImageNet, "
        f"{IMAGENET_IMAGES} pictures, for {EPOCHS} epochs within {duration(deadline)}. The "
        f"datasheet prints {si(sparse, 'flop/s')} for an H100 in FP16, with sparsity. You count on "
        f"{fraction:.0%} of the dense peak and forget communication. How many H100s, before "
        "rounding up? Answer with a pure number."
    ),
    given=dict(
        forward=resnet(152).forward_work,
        sparse=2 * device("H100-SXM").peak_fp16,
        fraction=0.25,
        deadline=3600,
    ),
    key=_count,
    slips=[
        Slip(
            "sparse peak",
            "That peak counts products with zeros, which the hardware skips. A network as it "
            "stands has no such pattern of zeros: take the dense peak.",
            lambda fraction, **rest: _count(fraction=2 * fraction, **rest),
        ),
        Slip(
            "backward pass forgotten",
            "That is the forward work. A training step adds a backward pass of twice as much.",
            lambda **given: _count(**given, passes=1),
        ),
        Slip(
            "100 % of the peak",
            "Nobody reaches the whole peak. The fraction that you count on stands in the goal.",
            lambda fraction, **rest: _count(fraction=1.0, **rest),
        ),
        Slip(
            "one epoch",
            "That is one pass over the pictures. The network sees them many times.",
            lambda **given: _count(**given, epochs=1),
        ),
    ],
    hints=[
        "First V, then the time on one device, then the number of devices.",
        "V = 3 × forward work × pictures × epochs.",
        "n = V/(f·π·T), with half of the printed peak and with T in s.",
    ],
    reasoning=lambda forward, sparse, fraction, deadline: (
        f"V = {si(training_work(forward, IMAGENET_IMAGES, EPOCHS), 'flop')}. The dense peak is "
        f"{si(sparse / 2, 'flop/s')}, of which one H100 keeps {fraction:.0%}: alone it needs "
        f"{duration(_count(forward, sparse, fraction, deadline) * deadline)}. Divide by the "
        "deadline, round up, and leave room: communication and overhead come on top."
    ),
)

_RUN = scaling().query("series == 'MLPerf v0.6 DGX-2H' and devices == 512").iloc[0]


def _achieved(minutes, n, epochs, peak, passes=3):
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs, passes)
    return achieved_fraction(work, 60 * minutes, peak, n)


fraction_of_a_record = Number(
    title="The fraction of a record",
    goal=lambda minutes, n, epochs, peak: (
        f"In MLPerf v0.6 {n} V100s trained ResNet-50 on ImageNet in {minutes:.2f} minutes, with "
        f"{epochs} epochs. What fraction f of their tensor peaks did they achieve, everything "
        f"included? Take {si(peak, 'flop/s')} for each, and the work of step 2 with *these* "
        "epochs. Answer with a fraction, or as a text with a % sign."
    ),
    given=dict(
        minutes=_RUN["value"],
        n=int(_RUN["devices"]),
        epochs=int(_RUN["epochs"]),
        peak=V100.peak_fp16,
    ),
    key=_achieved,
    slips=[
        Slip(
            "90 epochs",
            "That is the work of the notebook's job. This run needed fewer epochs, so it did "
            "less work.",
            lambda epochs, **rest: _achieved(epochs=EPOCHS, **rest),
        ),
        Slip(
            "backward pass forgotten",
            "You counted the forward pass only: a third of the work of training.",
            lambda **given: _achieved(**given, passes=1),
        ),
        Slip(
            "multiply-add counted once",
            "Peaks count a multiply-add as two flop. The work must do the same.",
            lambda **given: _achieved(**given) / 2,
        ),
        Slip(
            "one device",
            "You divided by the peak of a single GPU. A fraction above 1 means that the work or "
            "the peak is wrong.",
            lambda n, **rest: _achieved(n=1, **rest),
        ),
    ],
    hints=[
        "f is the work done over the work that all GPUs could have done in that time.",
        "f = V / (t·n·π), with t in s.",
        "V is 3 × forward work × pictures × epochs, with the epochs of this run.",
    ],
    reasoning=lambda minutes, n, epochs, peak: (
        f"V = {si(training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs), 'flop')}, and "
        f"{n} GPUs could have done {si(60 * minutes * n * peak, 'flop')}. One V100 alone reached "
        f"{LOW:.1%} to {HIGH:.1%} in step 3. So this run on {n} GPUs, communication, evaluation "
        "and all, lies inside the range of single ones."
    ),
)

long_rings = Number(
    title="Only the latency",
    goal=lambda machines, latency: (
        f"Another MLPerf run used {machines} machines of 8 V100s. Suppose that each round of an "
        f"all-reduce costs {1e6 * latency:.0f} µs besides sending, inside a machine and between "
        "machines alike. How much longer does this latency make each all-reduce in two levels? "
        "Answer in s."
    ),
    given=dict(machines=130, latency=15e-6),
    key=lambda machines, latency: hierarchical_time(
        0, 8 * machines, 8, V100.link_bandwidth, EDR, latency
    ),
    unit="s",
    slips=[
        Slip(
            "one ring of all GPUs",
            "That is a single ring through all GPUs. In two levels the ring between machines has "
            "one place for each machine.",
            lambda machines, latency: allreduce_time(0, 8 * machines, 1.0, latency),
        ),
        Slip(
            "half the rounds",
            "A ring goes round twice: once to add, once to spread the sums.",
            lambda machines, latency: (7 + machines - 1) * latency,
        ),
        Slip(
            "one level forgotten",
            "You counted the rounds between machines only. Inside a machine there are rounds too.",
            lambda machines, latency: allreduce_time(0, machines, 1.0, latency),
        ),
        Slip(
            "levels multiplied",
            "The levels come one after the other, so their rounds add up.",
            lambda machines, latency: 2 * 7 * (machines - 1) * latency,
        ),
    ],
    hints=[
        "How many rounds does a ring of n members take?",
        "2(n − 1) rounds. One ring has the GPUs of a machine, the other the machines.",
        "Add the rounds of both rings, and multiply by the latency.",
    ],
    reasoning=lambda machines, latency: (
        f"2·7 rounds inside and 2·{machines - 1} between, {2 * 7 + 2 * (machines - 1)} in all. "
        "One ring through all GPUs would have "
        f"{2 * (8 * machines - 1)} rounds and cost "
        f"{1e3 * allreduce_time(0, 8 * machines, 1.0, latency):.3g} ms in each step. "
        "Latency does not shrink when the gradients do."
    ),
)


def _compute_share(n, batch):
    """p of step 6: the share of a step in which the GPUs compute."""
    work = training_work(resnet(50).forward_work, examples=batch, epochs=1)
    compute = work / (MIDDLE * V100.peak_fp16)
    reduce = hierarchical_time(2 * resnet(50).parameters, n, 8, V100.link_bandwidth, EDR)
    return compute / step_time(compute, reduce, 0, OVERHEAD)


P_32 = _compute_share(n=32, batch=128)

bigger_batch = Formula(
    title="Amdahl, looking the other way",
    goal=(
        "In a step the GPUs compute for a fraction p of the time; the rest (all-reduce, overhead) "
        "does not depend on the batch. Now each GPU gets k times the batch. Derive by what "
        "factor the whole run gets faster, at the same number of epochs and without overlap. "
        "Answer with a formula in p and k (SymPy or text)."
    ),
    symbols=dict(p=(0.05, 0.95), k=(1.0, 16.0)),
    # k steps before, one longer step after.
    key=lambda p, k: k * step_time(p, 1 - p) / step_time(k * p, 1 - p),
    formula="1/(p + (1 - p)/k)",
    slips=[
        Slip(
            "serial and parallel swapped",
            "That is Amdahl's law for faster GPUs. A larger batch leaves the computing of each "
            "picture as it is, and makes everything *else* rarer.",
            "1/(1 - p + p/k)",
        ),
        Slip(
            "steps not counted",
            "You compared the times of one step. With k times the batch there are also fewer "
            "steps.",
            "1/(k*p + 1 - p)",
        ),
        Slip(
            "fewer steps only",
            "There are k times fewer steps, but each of them computes longer.",
            "k",
        ),
    ],
    hints=[
        "Take a step of 1 s: p computing, 1 − p everything else. What do both become?",
        "The new step takes k·p + 1 − p, and there are k times fewer of them.",
        "Divide k old steps by one new step, above and below by k if you like.",
    ],
    reasoning=(
        "k old steps take k, the one new step that replaces them k·p + 1 − p. So the part that "
        "gets k times faster is 1 − p, not p: Amdahl's law with its parts exchanged, and the "
        f"ceiling is 1/p. With the p = {P_32:.3g} of step 6 and k = 2 it gives "
        f"{speedup(1 - P_32, 2):.3g}, as step 7 found; no batch gives more than {1 / P_32:.3g}."
    ),
)


def _step(n, batch, fraction, link, port, overlap=0.0):
    """Time of a step of VGG-16 in mixed precision, in s."""
    work = training_work(vgg(16).forward_work, examples=batch, epochs=1)
    reduce = hierarchical_time(2 * vgg(16).parameters, n, 8, link, port)
    return step_time(work / (fraction * V100.peak_fp16), reduce, overlap, OVERHEAD)


def _remedy(letter, n, total, fraction, fastest, link, port):
    """Gain of a remedy of `fixed_recipe`; the batch of all GPUs stays as it is."""
    before = dict(n=n, batch=total / n, fraction=fraction, link=link, port=port)
    change = {
        "a": dict(n=2 * n, batch=total / (2 * n)),
        "b": dict(link=2 * link, port=2 * port),
        "c": dict(overlap=1.0),
        "d": dict(fraction=fastest),
    }[letter]
    return _step(**before) / _step(**before | change)


fixed_recipe = Choice(
    title="A fixed recipe",
    goal=lambda n, total, fraction, port, **rest: (
        f"{n} V100s in four machines train VGG-16 in mixed precision, as in steps 5 to 7, but the "
        f"ports carry only {si(port, 'B/s')}. f = {fraction:.1%}, h = {1e3 * OVERHEAD:.0f} ms, no "
        f"overlap. The recipe fixes the batch of *all* GPUs together at {total}. Which remedy "
        "makes the run fastest? Answer with the letter."
    ),
    given=dict(
        n=32,
        total=1024,
        fraction=MIDDLE,
        fastest=HIGH,
        link=V100.link_bandwidth,
        port=LINKS["10 GbE"],
    ),
    key=lambda **given: max("abcd", key=lambda letter: _remedy(letter, **given)),
    options={
        "a": (
            "twice the GPUs, each with half the batch",
            lambda **given: (
                f"{_remedy('a', **given):.2f} times: nothing. There are as many steps as before, "
                "the shorter computing is eaten by a longer all-reduce. In step 7 more GPUs paid "
                "because the batch of all grew with them."
            ),
        ),
        "b": (
            "links and ports of twice the bandwidth",
            lambda **given: (
                f"{_remedy('b', **given):.2f} times. The all-reduce is the longest part of the "
                "step, and this halves it."
            ),
        ),
        "c": (
            "perfect overlap",
            lambda **given: (
                f"{_remedy('c', **given):.2f} times. Overlap hides the shorter part, here the "
                "computing. The longer one, the all-reduce, stays whole."
            ),
        ),
        "d": (
            lambda **given: f"the fastest program, f = {given['fastest']:.1%}",
            lambda **given: (
                f"{_remedy('d', **given):.2f} times. It shortens the computing, which is not "
                "what binds here."
            ),
        ),
    },
    hints=[
        "How long does each of the three parts of a step take?",
        "In a new cell, `from helpers.networks import vgg`: vgg(16) has forward_work and "
        "parameters. G is 2 bytes for each parameter.",
        "The number of steps is the same for all four. So compare the times of one step.",
    ],
    reasoning=lambda n, total, fraction, link, port, **rest: (
        f"On each GPU the {total // n} pictures take "
        f"{1e3 * training_work(vgg(16).forward_work, total / n, 1) / fraction / V100.peak_fp16:.0f}"
        " ms, the all-reduce "
        f"{1e3 * hierarchical_time(2 * vgg(16).parameters, n, 8, link, port):.0f} ms, the "
        f"overhead {1e3 * OVERHEAD:.0f} ms. The largest part decides. More GPUs make it longer, "
        "and pay only if the batch of all may grow."
    ),
)


def _rented(machines, batch, work, size, fraction, link, port, **_):
    """Worst time of the run of `rented_machines`, in s, and what it costs, in GPU hours."""
    n = 8 * machines
    compute = batch * work / (fraction * V100.peak_fp16)
    step = step_time(compute, hierarchical_time(size, n, 8, link, port), 0, OVERHEAD)
    time = IMAGENET_IMAGES * EPOCHS / (n * batch) * step
    return time, n * time / 3600


rented_machines = Design(
    title="Rented machines",
    goal=lambda fraction, deadline, limit, budget, **rest: (
        f"ResNet-101 for {EPOCHS} epochs of ImageNet, on machines like those of this notebook. In "
        f"the worst case (f = {fraction:.1%}, no overlap, h = {1e3 * OVERHEAD:.0f} ms) it may "
        f"take {duration(deadline)} and {budget} GPU hours at most. More than {limit} pictures in "
        "all in a step would need more epochs: not allowed. Answer dict(machines=..., batch=...), "
        "batch for each GPU."
    ),
    given=dict(
        work=training_work(resnet(101).forward_work, examples=1, epochs=1),
        size=2 * resnet(101).parameters,
        fraction=LOW,
        link=V100.link_bandwidth,
        port=EDR,
        deadline=3 * 3600,
        budget=90,
        limit=4096,
    ),
    names=dict(
        machines=Range(1, True, 64, True, "from 1 to 64"),
        batch=Range(1, True, 512, True, "from 1 to 512"),
    ),
    requirements=[
        whole("machines", "batch"),
        Slip(
            "too late",
            "The worst case misses the deadline. Count with the low f and with h in each step, "
            "not with the best case.",
            lambda deadline, **rest: _rented(**rest)[0] > deadline,
        ),
        Slip(
            "batch of all too large",
            "Too many pictures in a step of all GPUs together. The limit holds for all of them, "
            "so more machines mean fewer pictures on each.",
            lambda machines, batch, limit, **rest: 8 * machines * batch > limit,
        ),
        Slip(
            "too expensive",
            "In time, but it costs too many GPU hours: the steps are so short that all-reduce "
            "and overhead are a large part of what you pay.",
            lambda budget, **rest: _rented(**rest)[1] > budget,
        ),
    ],
    design=dict(machines=4, batch=96),
    hints=[
        "GPU hours are machines × 8 × hours. What makes them more than the computing alone?",
        "The overhead of a step costs the same for a small batch as for a large one.",
        "Take a batch that the GPU hours allow, then the machines that the deadline asks for, and "
        "see whether the batch of all fits.",
    ],
    reasoning=lambda limit, **given: (
        "The GPU hours hardly depend on the number of machines, but on the batch for each GPU: "
        + ", ".join(
            f"{short(_rented(4, batch, **given)[1])} with {batch}" for batch in (32, 64, 96, 128)
        )
        + ", on four machines. These take "
        f"{duration(_rented(4, 96, **given)[0])} with 96. Eight machines finish sooner, in "
        f"{duration(_rented(8, limit // 64, **given)[0])}, but may hold only {limit // 64} "
        f"pictures each and cost {short(_rented(8, limit // 64, **given)[1])} GPU hours."
    ),
)

TICK = 32  # flop of a core in each clock tick: two multiply-adds of eight FP32 numbers


def _own_count(cores, clock, deadline, fraction, tick=TICK, passes=3):
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, EPOCHS, passes)
    return training_time(work, cores * tick * clock * 1e9, fraction) / deadline


def _v100s(fraction, deadline):
    work = training_work(resnet(50).forward_work, IMAGENET_IMAGES, EPOCHS)
    return training_time(work, V100.peak_fp16, fraction) / deadline


your_own_computers = Number(
    title="Your own computers",
    goal=lambda deadline, fraction, **_: (
        "How many computers like yours would the notebook's job need, ResNet-50 within "
        f"{duration(deadline)}, without communication? Look up cores (not threads) and clock in "
        f"GHz (system settings, or lscpu). Take {TICK} flop in FP32 for each core and clock tick, "
        f"and f = {fraction:.0%}. Pass both: check(answer, cores=..., clock=...). Answer with a "
        "pure number, not rounded."
    ),
    given=dict(deadline=2 * 3600, fraction=0.4),
    own=dict(
        cores=Range(1, True, 1024, True, "a whole number from 1 to 1024", whole=True),
        clock=Range(0.1, True, 10, True, "from 0.1 to 10 (GHz)"),
    ),
    units=dict(clock="GHz"),
    example=dict(cores=6, clock=3.1),
    key=_own_count,
    slips=[
        Slip(
            "one flop for each tick",
            "A core does many flop in each clock tick: it multiplies and adds several numbers at "
            "once. The goal says how many.",
            lambda **given: _own_count(**given, tick=1),
        ),
        Slip(
            "backward pass forgotten",
            "You counted the forward pass only. Training does three times as much.",
            lambda **given: _own_count(**given, passes=1),
        ),
        Slip(
            "multiply-add counted once",
            "The peak counts two flop for each multiply-add, and so must the work.",
            lambda **given: _own_count(**given, passes=1.5),
        ),
        Slip(
            "100 % of the peak",
            "You let the cores reach their whole peak. The fraction f stands in the goal.",
            lambda fraction, **rest: _own_count(fraction=1.0, **rest),
        ),
    ],
    hints=[
        "First the peak of your computer: cores × flop a tick × ticks each second.",
        "V stands in step 2. One computer needs V/(f·π).",
        "Divide by the deadline, in s.",
    ],
    reasoning=lambda cores, clock, deadline, fraction: (
        f"{short(cores)} cores at {short(clock)} GHz have a peak of "
        f"{si(cores * TICK * clock * 1e9, 'flop/s')}. At {fraction:.0%} of it one such computer "
        f"needs {duration(_own_count(cores, clock, deadline, fraction) * deadline)}. For the same "
        f"deadline step 4 found {_v100s(HIGH, deadline):.0f} to {_v100s(LOW, deadline):.0f} "
        "V100s. Here as there communication comes on top, and over the links between computers "
        "it is not small."
    ),
)
