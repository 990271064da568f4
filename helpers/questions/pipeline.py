"""Exercises of notebook 05: what overlap buys."""

import math

from helpers.budget import training_work
from helpers.catalog import device, interconnects
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import alexnet
from helpers.pipeline import (
    chunked_time,
    overlap_gain,
    pipelined_speedup,
    schedule,
    speedup_over_serial,
)
from helpers.ranges import POSITIVE, between
from helpers.roofline import balance, ridge
from helpers.words import short, si

NOTEBOOK = "05_pipelining.ipynb"

V100, A100 = device("V100-SXM2"), device("A100-40")


@exercise
def pictures_in_advance(
    forward=alexnet().forward_work,
    numbers=alexnet().layers[0].inputs,
    fraction=0.22,
    peak=device("V100-PCIe").peak_fp16,
    bandwidth=interconnects().at["PCIe 3.0 x16", "one_way"],
):
    copying = 4 * numbers / bandwidth

    def x(work=forward, share=fraction, passes=3):
        """Time of training on a picture over that of copying it."""
        return training_work(work, 1, 1, passes) / (share * peak) / copying

    return Number(
        title="Pictures in advance",
        goal=f"A V100 on a PCIe card trains AlexNet ({si(forward, 'flop')} forward for each "
        f"picture) at {fraction:.0%} of its tensor peak of {si(peak, 'flop/s')}. Each picture is "
        f"{numbers} numbers of 4 bytes and comes over PCIe at {si(bandwidth, 'B/s')}. By what "
        "factor does training get faster if the next picture is copied while this one is computed, "
        "in place of taking turns? Answer with a pure number.",
        key=overlap_gain(x()),
        slips=[
            Slip(
                "multiply-add counted once",
                overlap_gain(x(forward / 2)),
                "The computing looks half as long as it is: one multiply-add is two flop.",
            ),
            Slip(
                "backward pass forgotten",
                overlap_gain(x(passes=1)),
                "That is the forward pass only. Training adds a backward pass of twice the work.",
            ),
            Slip(
                "ratio of the times for the gain",
                x(),
                "You divided one time by the other. The gain is the time before (both, one after "
                "the other) over the time after.",
            ),
            Slip(
                "100 % of the peak",
                overlap_gain(x(share=1.0)),
                "You let the card compute at its full peak. The goal says which share it reaches.",
            ),
        ],
        hints=[
            "Two times are needed, for one picture: copying it, and training on it.",
            "Copying: bytes over bandwidth. Training: 3 × forward work, over the share of the "
            "peak.",
            "Before, the two times add up; after, only the longer one counts. Divide.",
        ],
        reasoning=f"Copying a picture takes {1e6 * copying:.3g} µs, training on it "
        f"{1e6 * copying * x():.0f} µs. Taking turns costs their sum, overlap only the longer one. "
        f"The ratio is 1 + min(x, 1/x), with x the ratio of the two times, {x():.3g}. So small a "
        "network on so fast a card comes near enough to the ridge of its PCIe slot: a program that "
        "loads pictures in advance is worth writing.",
    )


@exercise
def only_eight_chunks(intensity=64, peak=A100.peak_fp32, bandwidth=A100.bandwidth, s=4, chunks=8):
    x = balance(intensity, peak, bandwidth)
    return Number(
        title="Only eight chunks",
        goal=f"A task of {intensity} flop/B runs on an A100 in FP32: π = {si(peak, 'flop/s')}, β = "
        f"{bandwidth / 1e12:g} TB/s. It is cut into {chunks} chunks, loading and computing "
        f"overlap. Now its compute unit gets {s} times as fast, and everything else stays. How "
        "many times as fast is the task, against the same chunks before? Answer with a pure "
        "number.",
        key=pipelined_speedup(x, s, chunks),
        slips=[
            Slip(
                "sum for maximum",
                pipelined_speedup(x, s, 1),
                "That is Amdahl's law: you let the units take turns. Here they overlap, but for "
                "one chunk.",
            ),
            Slip(
                "perfect overlap",
                pipelined_speedup(x, s),
                "min(s, x) holds for infinitely many chunks. With few of them the first chunk "
                "still passes one unit after the other.",
            ),
            Slip(
                "compared with the serial start",
                speedup_over_serial(x, s, chunks),
                "You compared with a task in one chunk. Asked is the gain over the same chunks "
                "with the slower unit.",
            ),
        ],
        hints=[
            "Say everything in units of the time for loading: loading takes 1, computing takes x.",
            "t(n) = max + min/n, once with x and once with x/s.",
            "The task is right of the ridge before and after, so computing stays the longer part.",
        ],
        reasoning=f"The ridge is {short(ridge(peak, bandwidth))} flop/B, so x = {x:.3g}. Loading "
        f"takes 1, computing x, and after the speed-up x/{s}. Before, the task takes "
        f"{chunked_time(1, x, chunks):.3g}, after it {chunked_time(1, x / s, chunks):.3g}. The "
        "load of the first chunk, which nothing hides, is the same in both: it costs more of a "
        "shorter job. So even left of s = x a real pipeline gains a little less than s.",
    )


@exercise
def one_remedy(intensity=20, peak=V100.peak_fp32, bandwidth=V100.bandwidth):
    x = balance(intensity, peak, bandwidth)  # the time of computing; loading takes 1
    after = dict(
        a=chunked_time(1, x / 2, 1),
        b=chunked_time(1 / 2, x, 1),
        c=schedule(1, x, 8, buffers=2)[-1].end,
        d=schedule(1, x, 8, buffers=1)[-1].end,
    )
    gains = {what: chunked_time(1, x, 1) / time for what, time in after.items()}
    return Choice(
        title="Money or software",
        goal=f"A task of {intensity} flop/B runs on a V100 in FP32 (π = {si(peak, 'flop/s')}, β = "
        f"{si(bandwidth, 'B/s')}). At first loading and computing take turns. You may do one "
        "thing. Which makes it fastest? Answer with the letter.",
        key=max(gains, key=gains.get),
        options={
            "a": (
                "a compute unit twice as fast",
                f"{gains['a']:.2f} times. With x = {x:.3g} little more than half of the time is "
                "computing, and the loads wait as before (Amdahl).",
            ),
            "b": (
                "a memory twice as fast",
                f"{gains['b']:.2f} times. With x = {x:.3g} a little less than half of the time is "
                "loading, so this is Amdahl's law for the other unit.",
            ),
            "c": (
                "cut the task into eight chunks, with two buffers",
                f"{gains['c']:.2f} times. The task is close to the ridge (x = {x:.3g}): overlap "
                "hides nearly one whole unit, where twice the hardware halves one.",
            ),
            "d": (
                "cut the task into eight chunks, with one buffer",
                f"{gains['d']:.2f} times: nothing is gained. With one buffer the next load must "
                "wait until the buffer is free, so the units still take turns.",
            ),
        },
        hints=[
            "Find x first. Which of the two times is longer, and by how much?",
            "Faster hardware: divide one of the two times by 2 and add.",
            "Chunks: max + min/n, but only if there is a free buffer to load into.",
        ],
        reasoning=f"x = {x:.3g}, just right of the ridge. The four give "
        f"{', '.join(f'{what}) {gain:.2f}' for what, gain in gains.items())} times. Near the ridge "
        "the two times are nearly equal; overlap can hide nearly half of the whole, and that is "
        "more than halving one of them. It costs a second buffer and a program.",
    )


@exercise
def faster_but_memory_bound():
    def key(x, n):
        return pipelined_speedup(x, math.inf, chunks=n)

    return Formula(
        title="Between one and 1 + x",
        goal="A memory-bound task (x < 1) with perfect overlap gains nothing from a faster compute "
        "unit. With one chunk it can gain up to Amdahl's ceiling. What is the ceiling for n "
        "chunks, that is the gain over the same n chunks when s grows without end? Derive it, and "
        "answer with a formula in x and n (SymPy or text).",
        symbols=dict(x=(0.05, 0.95), n=(1.0, 30.0)),
        key=key,
        formula="1 + x/n",
        slips=[
            Slip(
                "perfect overlap",
                "1",
                "That holds for infinitely many chunks. With n of them the first chunk still "
                "passes both units, one after the other.",
            ),
            Slip(
                "one chunk",
                "1 + x",
                "That is Amdahl's ceiling, for units that take turns. Overlap has already hidden "
                "most of the computing, so there is less to gain.",
            ),
            Slip(
                "compute-bound for memory-bound",
                "x + 1/n",
                "That is for a task right of the ridge. Here x < 1: loading is the longer part and "
                "stays whole, and the chunks divide the computing.",
            ),
        ],
        hints=[
            "Loading takes 1, computing takes x, and x is the smaller one.",
            "Write t(n) = max + min/n before, and again with x/s in place of x.",
            "With s → ∞ the computing vanishes, and only the loading is left. Divide.",
        ],
        reasoning="Before, t = 1 + x/n, since loading is the longer part. With s → ∞ the computing "
        "takes no time and t = 1. One chunk gives 1 + x, Amdahl's ceiling; n → ∞ gives 1, nothing. "
        "One formula holds both statements, and everything between them.",
    )


@exercise
def starting_costs():
    def key(a, c, h):
        return math.sqrt((chunked_time(a, c, 1) - chunked_time(a, c, math.inf)) / h)

    return Formula(
        title="The best number of chunks",
        goal="Starting a chunk costs h seconds: the job takes max(a, c) + min(a, c)/n + n·h. So "
        "more chunks hide more and cost more. Derive the n at which the job is fastest (any real "
        "number is allowed), and answer with a formula in a, c and h (SymPy or text).",
        symbols=dict(a=(1.0, 9.0), c=(1.0, 9.0), h=(0.001, 0.1)),
        key=key,
        formula="sqrt(min(a, c)/h)",
        slips=[
            Slip(
                "longer for shorter",
                "sqrt(max(a, c)/h)",
                "The longer of the two times does not depend on n. What the chunks divide is the "
                "shorter one.",
            ),
            *(
                Slip(
                    f"{shorter} taken for the shorter",
                    wrong,
                    f"Right only where {shorter} is the shorter of the two. Let the formula "
                    "choose.",
                )
                for shorter, wrong in (("loading", "sqrt(a/h)"), ("computing", "sqrt(c/h)"))
            ),
            Slip(
                "sum for minimum",
                "sqrt((a + c)/h)",
                "You divided the whole time by n. Only the shorter part is hidden by chunks.",
            ),
            Slip(
                "root forgotten",
                "min(a, c)/h",
                "At this n starting costs as much as all that could be hidden. Look where the "
                "*slope* of the sum is zero.",
            ),
            Slip(
                "cost counted twice",
                "sqrt(min(a, c)/(2*h))",
                "Differentiate again: the derivative of n·h is h, not 2·h.",
            ),
        ],
        hints=[
            "Which terms depend on n?",
            "Differentiate with respect to n and set the result to zero.",
            "The shorter time over n² must equal h. Solve for n.",
        ],
        reasoning="The derivative is −min(a, c)/n² + h, zero at n² = min(a, c)/h. There the part "
        "that is not hidden, min/n, and the cost of starting, n·h, are equal. With a = 4 s, c = 6 "
        f"s and h = 10 ms that is n = {math.sqrt(4 / 0.01):.0f}; twice or half as many cost "
        f"{(2 + 0.5) / 2 - 1:.0%} more in these two terms. So n need not be exact.",
    )


@exercise
def chunks_and_buffers(load=5, compute=6, store=5, start=0.01, size=24e9, memory=2e9, limit=6.8):
    def units(chunks, buffers):
        """Time of the units, starting left out."""
        return schedule(load, compute, chunks, store, buffers)[-1].end

    def job(chunks, buffers):
        return units(chunks, buffers) + chunks * start

    def requirements(chunks, buffers):
        yield whole(chunks=chunks, buffers=buffers)
        unhindered = chunked_time(load, compute, chunks, store)
        yield Requirement(
            "too few buffers",
            units(chunks, buffers) > unhindered * (1 + 1e-9),
            "The units wait for a free buffer: a chunk keeps its buffer until it is stored. More "
            "chunks do not help against this.",
        )
        yield Requirement(
            "too many chunks",
            job(chunks, buffers) > limit
            and chunks * start > unhindered - max(load, compute, store),
            "Too long: starting the chunks now costs more than they still hide.",
        )
        yield Requirement(
            "too few chunks",
            job(chunks, buffers) > limit,
            "Too long: filling and emptying the pipeline takes too large a part. Smaller chunks "
            "pass faster.",
        )
        yield Requirement(
            "not enough memory",
            buffers * size / chunks > memory,
            "In time, but the buffers do not fit in the memory: each holds one chunk.",
        )

    least = math.ceil(3 * size / memory)
    return Design(
        title="Chunks and buffers",
        goal=f"A job loads for {load} s, computes for {compute} s and stores for {store} s, with "
        f"three units. Each chunk costs {1000 * start:.0f} ms to start. The data, {si(size, 'B')} "
        f"in all, pass through equal buffers of one chunk each in at most {si(memory, 'B')} of "
        f"memory. The job may take {limit} s. Choose chunks and buffers: answer dict(chunks=..., "
        "buffers=...).",
        names=dict(chunks=between(1, 1000), buffers=between(1, 10)),
        requirements=requirements,
        design=dict(chunks=50, buffers=3),
        hints=[
            "First the buffers: how many must there be, so that no unit waits for one?",
            "Then the memory: buffers × size / chunks. This gives the least number of chunks.",
            "Then the time: (sum + (n − 1)·max)/n, and the start of n chunks on top.",
        ],
        reasoning=f"Two buffers give {units(50, 2):.3g} s at 50 chunks even if starting were free: "
        f"too slow, so three. They fit in the memory from {least} chunks on. With so many the job "
        f"takes {job(least, 3):.3g} s, and {job(50, 3):.3g} s with 50 and {job(100, 3):.3g} s with "
        "100. A moderate number of chunks wins, as in every real pipeline.",
    )


SECONDS = POSITIVE._replace(high=86400, high_allowed=True, words="above 0 and at most a day (in s)")


@exercise(load=(SECONDS, "s"), compute=(SECONDS, "s"))
def your_own_pipeline(load=5.0, compute=8.0, files=8):
    def time(chunks=files):
        return chunked_time(files * load, files * compute, chunks)

    return Number(
        title="Your own pipeline",
        goal="Time two steps on your own computer, for one large file of yours: load (copy it from "
        "disk, stick or network) and compute (compress the copy, say with zip), with a stopwatch. "
        f"Now you have {files} such files, and load the next one while this one is compressed. How "
        "long does everything take? Pass your two times, in seconds: check(answer, load=..., "
        "compute=...). Answer in s.",
        unit="s",
        key=time(),
        slips=[
            Slip(
                "sum for maximum",
                time(1),
                "That is the time if you load and compress in turns. While one file is compressed, "
                "the next is already on its way.",
            ),
            Slip(
                "the first and the last file forgotten",
                time(math.inf),
                "That is the slower step alone. The first file must be loaded before anything can "
                "be compressed, and the last one compressed after everything is loaded.",
            ),
            Slip(
                "one file cut in chunks",
                chunked_time(load, compute, files),
                f"You cut one file into {files} chunks. Here each of {files} files takes the times "
                "that you measured.",
            ),
        ],
        hints=[
            "Each file is a chunk. How many seconds does each unit work in all?",
            "Put the two sums of all files into t(n) = max + min/n.",
            "The slower step is never idle but once; add that once to all files of it.",
        ],
        reasoning=f"With load = {short(load)} s and compute = {short(compute)} s the slower step "
        f"works {short(files * max(load, compute))} s in all, and the quicker one stands alone for "
        f"one file, {short(min(load, compute))} s. In turns it would be "
        f"{short(files * (load + compute))} s. Try it: start both by hand. If it takes longer than "
        "the formula says, the two steps share something, such as the disk.",
    )
