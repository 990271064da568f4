"""Exercises of notebook 05: what overlap buys."""

import math

from helpers.budget import training_work
from helpers.catalog import device, interconnects
from helpers.exercises import Choice, Design, Formula, Number, Slip, whole
from helpers.networks import alexnet
from helpers.pipeline import (
    chunked_time,
    overlap_gain,
    pipelined_speedup,
    schedule,
    speedup_over_serial,
)
from helpers.plots import short, si
from helpers.ranges import Range
from helpers.roofline import balance, ridge

NOTEBOOK = "05_pipelining.ipynb"

LINK = "PCIe 3.0 x16"


def _copy(numbers, bandwidth):
    """Seconds to copy the FP32 numbers of one picture."""
    return 4 * numbers / bandwidth


def _train(forward, fraction, peak, passes=3):
    """Seconds to train on one picture."""
    return training_work(forward, examples=1, epochs=1, passes=passes) / (fraction * peak)


def _prefetch_gain(forward, numbers, fraction, peak, bandwidth, passes=3):
    return overlap_gain(
        _train(forward, fraction, peak, passes) / _copy(numbers, bandwidth),
    )


pictures_in_advance = Number(
    title="Pictures in advance",
    goal=lambda forward, numbers, fraction, peak, bandwidth: (
        f"A V100 on a PCIe card trains AlexNet ({si(forward, 'flop')} forward for each picture) "
        f"at {fraction:.0%} of its tensor peak of {si(peak, 'flop/s')}. Each picture is "
        f"{numbers} numbers of 4 bytes and comes over PCIe at {si(bandwidth, 'B/s')}. By what "
        "factor does training get faster if the next picture is copied while this one is "
        "computed, in place of taking turns? Answer with a pure number."
    ),
    given=dict(
        forward=alexnet().forward_work,
        numbers=alexnet().layers[0].inputs,
        fraction=0.22,
        peak=device("V100-PCIe").peak_fp16,
        bandwidth=interconnects().at[LINK, "one_way"],
    ),
    key=_prefetch_gain,
    slips=[
        Slip(
            "multiply-add counted once",
            "The computing looks half as long as it is: one multiply-add is two flop.",
            lambda forward, **rest: _prefetch_gain(forward / 2, **rest),
        ),
        Slip(
            "backward pass forgotten",
            "That is the forward pass only. Training adds a backward pass of twice the work.",
            lambda **given: _prefetch_gain(**given, passes=1),
        ),
        Slip(
            "ratio of the times for the gain",
            "You divided one time by the other. The gain is the time before (both, one after the "
            "other) over the time after.",
            lambda forward, numbers, fraction, peak, bandwidth: (
                _train(forward, fraction, peak) / _copy(numbers, bandwidth)
            ),
        ),
        Slip(
            "100 % of the peak",
            "You let the card compute at its full peak. The goal says which share it reaches.",
            lambda fraction, **rest: _prefetch_gain(fraction=1.0, **rest),
        ),
    ],
    hints=[
        "Two times are needed, for one picture: copying it, and training on it.",
        "Copying: bytes over bandwidth. Training: 3 × forward work, over the share of the peak.",
        "Before, the two times add up; after, only the longer one counts. Divide.",
    ],
    reasoning=lambda forward, numbers, fraction, peak, bandwidth: (
        f"Copying a picture takes {1e6 * _copy(numbers, bandwidth):.3g} µs, training "
        f"on it {1e6 * _train(forward, fraction, peak):.0f} µs. Taking turns costs "
        "their sum, overlap only the longer one. The ratio is 1 + min(x, 1/x), with x the "
        f"ratio of the two times, {_train(forward, fraction, peak) / _copy(numbers, bandwidth):.3g}"
        ". So small a network on so fast a card comes near enough to the ridge of its PCIe slot: "
        "a program that loads pictures in advance is worth writing."
    ),
)

only_eight_chunks = Number(
    title="Only eight chunks",
    goal=lambda intensity, peak, bandwidth, s, chunks: (
        f"A task of {intensity} flop/B runs on an A100 in FP32: π = {si(peak, 'flop/s')}, β = "
        f"{bandwidth / 1e12:g} TB/s. It is cut into {chunks} chunks, loading and computing "
        f"overlap. Now its compute unit gets {s} times as fast, and everything else stays. How "
        "many times as fast is the task, against the same chunks before? Answer with a pure "
        "number."
    ),
    given=dict(
        intensity=64,
        peak=device("A100-40").peak_fp32,
        bandwidth=device("A100-40").bandwidth,
        s=4,
        chunks=8,
    ),
    key=lambda intensity, peak, bandwidth, s, chunks: pipelined_speedup(
        balance(intensity, peak, bandwidth), s, chunks
    ),
    slips=[
        Slip(
            "sum for maximum",
            "That is Amdahl's law: you let the units take turns. Here they overlap, but for one "
            "chunk.",
            lambda intensity, peak, bandwidth, s, chunks: pipelined_speedup(
                balance(intensity, peak, bandwidth), s, 1
            ),
        ),
        Slip(
            "perfect overlap",
            "min(s, x) holds for infinitely many chunks. With few of them the first chunk still "
            "passes one unit after the other.",
            lambda intensity, peak, bandwidth, s, chunks: pipelined_speedup(
                balance(intensity, peak, bandwidth), s
            ),
        ),
        Slip(
            "compared with the serial start",
            "You compared with a task in one chunk. Asked is the gain over the same chunks with "
            "the slower unit.",
            lambda intensity, peak, bandwidth, s, chunks: speedup_over_serial(
                balance(intensity, peak, bandwidth), s, chunks
            ),
        ),
    ],
    hints=[
        "Say everything in units of the time for loading: loading takes 1, computing takes x.",
        "t(n) = max + min/n, once with x and once with x/s.",
        "The task is right of the ridge before and after, so computing stays the longer part.",
    ],
    reasoning=lambda intensity, peak, bandwidth, s, chunks: (
        f"The ridge is {short(ridge(peak, bandwidth))} flop/B, so x = "
        f"{balance(intensity, peak, bandwidth):.3g}. Loading takes 1, computing x, and after "
        f"the speed-up x/{s}. Before, the task takes "
        f"{chunked_time(1, balance(intensity, peak, bandwidth), chunks):.3g}, after it "
        f"{chunked_time(1, balance(intensity, peak, bandwidth) / s, chunks):.3g}. The load of "
        "the first chunk, which nothing hides, is the same in both: it costs more of a shorter "
        "job. So even left of s = x a real pipeline gains a little less than s."
    ),
)


def _after(x, what):
    """Time of the task of `one_remedy` after a remedy; loading takes 1 at the start."""
    return {
        "a": chunked_time(1, x / 2, 1),
        "b": chunked_time(1 / 2, x, 1),
        "c": schedule(1, x, 8, buffers=2)[-1].end,
        "d": schedule(1, x, 8, buffers=1)[-1].end,
    }[what]


def _gain(what, intensity, peak, bandwidth):
    x = balance(intensity, peak, bandwidth)
    return chunked_time(1, x, 1) / _after(x, what)


def _x(intensity, peak, bandwidth):
    return f"x = {balance(intensity, peak, bandwidth):.3g}"


one_remedy = Choice(
    title="Money or software",
    goal=lambda intensity, peak, bandwidth: (
        f"A task of {intensity} flop/B runs on a V100 in FP32 (π = {si(peak, 'flop/s')}, β = "
        f"{si(bandwidth, 'B/s')}). At first loading and computing take turns. You may do one "
        "thing. Which makes it fastest? Answer with the letter."
    ),
    given=dict(
        intensity=20,
        peak=device("V100-SXM2").peak_fp32,
        bandwidth=device("V100-SXM2").bandwidth,
    ),
    key=lambda **given: max("abcd", key=lambda what: _gain(what, **given)),
    options={
        "a": (
            "a compute unit twice as fast",
            lambda **given: (
                f"{_gain('a', **given):.2f} times. With {_x(**given)} little more than half of "
                "the time is computing, and the loads wait as before (Amdahl)."
            ),
        ),
        "b": (
            "a memory twice as fast",
            lambda **given: (
                f"{_gain('b', **given):.2f} times. With {_x(**given)} a little less than half of "
                "the time is loading, so this is Amdahl's law for the other unit."
            ),
        ),
        "c": (
            "cut the task into eight chunks, with two buffers",
            lambda **given: (
                f"{_gain('c', **given):.2f} times. The task is close to the ridge "
                f"({_x(**given)}): overlap hides nearly one whole unit, where twice the "
                "hardware halves one."
            ),
        ),
        "d": (
            "cut the task into eight chunks, with one buffer",
            lambda **given: (
                f"{_gain('d', **given):.2f} times: nothing is gained. With one buffer the next "
                "load must wait until the buffer is free, so the units still take turns."
            ),
        ),
    },
    hints=[
        "Find x first. Which of the two times is longer, and by how much?",
        "Faster hardware: divide one of the two times by 2 and add.",
        "Chunks: max + min/n, but only if there is a free buffer to load into.",
    ],
    reasoning=lambda **given: (
        f"{_x(**given)}, just right of the ridge. The four give "
        f"{', '.join(f'{what}) {_gain(what, **given):.2f}' for what in 'abcd')} times. Near the "
        "ridge the two times are nearly equal; overlap can hide nearly half of the whole, and "
        "that is more than halving one of them. It costs a second buffer and a program."
    ),
)

faster_but_memory_bound = Formula(
    title="Between one and 1 + x",
    goal=(
        "A memory-bound task (x < 1) with perfect overlap gains nothing from a faster compute "
        "unit. With one chunk it can gain up to Amdahl's ceiling. What is the ceiling for n "
        "chunks, that is the gain over the same n chunks when s grows without end? Derive it, "
        "and answer with a formula in x and n (SymPy or text)."
    ),
    symbols=dict(x=(0.05, 0.95), n=(1.0, 30.0)),
    key=lambda x, n: pipelined_speedup(x, math.inf, chunks=n),
    formula="1 + x/n",
    slips=[
        Slip(
            "perfect overlap",
            "That holds for infinitely many chunks. With n of them the first chunk still passes "
            "both units, one after the other.",
            "1",
        ),
        Slip(
            "one chunk",
            "That is Amdahl's ceiling, for units that take turns. Overlap has already hidden "
            "most of the computing, so there is less to gain.",
            "1 + x",
        ),
        Slip(
            "compute-bound for memory-bound",
            "That is for a task right of the ridge. Here x < 1: loading is the longer part and "
            "stays whole, and the chunks divide the computing.",
            "x + 1/n",
        ),
    ],
    hints=[
        "Loading takes 1, computing takes x, and x is the smaller one.",
        "Write t(n) = max + min/n before, and again with x/s in place of x.",
        "With s → ∞ the computing vanishes, and only the loading is left. Divide.",
    ],
    reasoning=(
        "Before, t = 1 + x/n, since loading is the longer part. With s → ∞ the computing takes "
        "no time and t = 1. One chunk gives 1 + x, Amdahl's ceiling; n → ∞ gives 1, nothing. "
        "One formula holds both statements, and everything between them."
    ),
)

starting_costs = Formula(
    title="The best number of chunks",
    goal=(
        "Starting a chunk costs h seconds: the job takes max(a, c) + min(a, c)/n + n·h. So more "
        "chunks hide more and cost more. Derive the n at which the job is fastest (any real "
        "number is allowed), and answer with a formula in a, c and h (SymPy or text)."
    ),
    symbols=dict(a=(1.0, 9.0), c=(1.0, 9.0), h=(0.001, 0.1)),
    # One chunk minus infinitely many is all that overlap can hide; the best n spends as much on
    # starting as it still leaves unhidden.
    key=lambda a, c, h: math.sqrt((chunked_time(a, c, 1) - chunked_time(a, c, math.inf)) / h),
    formula="sqrt(min(a, c)/h)",
    slips=[
        Slip(
            "longer for shorter",
            "The longer of the two times does not depend on n. What the chunks divide is the "
            "shorter one.",
            "sqrt(max(a, c)/h)",
        ),
        *(
            Slip(
                f"{shorter} taken for the shorter",
                f"Right only where {shorter} is the shorter of the two. Let the formula choose.",
                wrong,
            )
            for shorter, wrong in (("loading", "sqrt(a/h)"), ("computing", "sqrt(c/h)"))
        ),
        Slip(
            "sum for minimum",
            "You divided the whole time by n. Only the shorter part is hidden by chunks.",
            "sqrt((a + c)/h)",
        ),
        Slip(
            "root forgotten",
            "At this n starting costs as much as all that could be hidden. Look where the "
            "*slope* of the sum is zero.",
            "min(a, c)/h",
        ),
        Slip(
            "cost counted twice",
            "Differentiate again: the derivative of n·h is h, not 2·h.",
            "sqrt(min(a, c)/(2*h))",
        ),
    ],
    hints=[
        "Which terms depend on n?",
        "Differentiate with respect to n and set the result to zero.",
        "The shorter time over n² must equal h. Solve for n.",
    ],
    reasoning=(
        "The derivative is −min(a, c)/n² + h, zero at n² = min(a, c)/h. There the part that is "
        "not hidden, min/n, and the cost of starting, n·h, are equal. With a = 4 s, c = 6 s and "
        f"h = 10 ms that is n = {math.sqrt(4 / 0.01):.0f}; twice or half as many cost "
        f"{(2 + 0.5) / 2 - 1:.0%} more in these two terms. So n need not be exact."
    ),
)


def _job(load, compute, store, start, chunks, buffers):
    """Time of the job of `chunks_and_buffers`, in s."""
    return schedule(load, compute, chunks, store, buffers)[-1].end + chunks * start


def _starts_cost_more(load, compute, store, start, chunks):
    """True if starting the chunks takes longer than filling and emptying the pipeline."""
    unhidden = chunked_time(load, compute, chunks, store) - max(load, compute, store)
    return chunks * start > unhidden


chunks_and_buffers = Design(
    title="Chunks and buffers",
    goal=lambda load, compute, store, start, size, memory, limit: (
        f"A job loads for {load} s, computes for {compute} s and stores for {store} s, with "
        f"three units. Each chunk costs {1000 * start:.0f} ms to start. The data, "
        f"{si(size, 'B')} in all, pass through equal buffers of one chunk each in at most "
        f"{si(memory, 'B')} of memory. The job may take {limit} s. Choose chunks and buffers: "
        "answer dict(chunks=..., buffers=...)."
    ),
    given=dict(load=5, compute=6, store=5, start=0.01, size=24e9, memory=2e9, limit=6.8),
    names=dict(
        chunks=Range(1, True, 1000, True, "from 1 to 1000"),
        buffers=Range(1, True, 10, True, "from 1 to 10"),
    ),
    requirements=[
        whole("chunks", "buffers"),
        Slip(
            "too few buffers",
            "The units wait for a free buffer: a chunk keeps its buffer until it is stored. "
            "More chunks do not help against this.",
            lambda load, compute, store, chunks, buffers, **rest: (
                schedule(load, compute, chunks, store, buffers)[-1].end
                > chunked_time(load, compute, chunks, store) * (1 + 1e-9)
            ),
        ),
        Slip(
            "too many chunks",
            "Too long: starting the chunks now costs more than they still hide.",
            lambda load, compute, store, start, limit, chunks, buffers, **rest: (
                _job(load, compute, store, start, chunks, buffers) > limit
                and _starts_cost_more(load, compute, store, start, chunks)
            ),
        ),
        Slip(
            "too few chunks",
            "Too long: filling and emptying the pipeline takes too large a part. Smaller chunks "
            "pass faster.",
            lambda load, compute, store, start, limit, chunks, buffers, **rest: (
                _job(load, compute, store, start, chunks, buffers) > limit
            ),
        ),
        Slip(
            "not enough memory",
            "In time, but the buffers do not fit in the memory: each holds one chunk.",
            lambda size, memory, chunks, buffers, **rest: buffers * size / chunks > memory,
        ),
    ],
    design=dict(chunks=50, buffers=3),
    hints=[
        "First the buffers: how many must there be, so that no unit waits for one?",
        "Then the memory: buffers × size / chunks. This gives the least number of chunks.",
        "Then the time: (sum + (n − 1)·max)/n, and the start of n chunks on top.",
    ],
    reasoning=lambda load, compute, store, start, size, memory, limit: (
        f"Two buffers give {schedule(load, compute, 50, store, 2)[-1].end:.3g} s at 50 chunks "
        "even if starting were free: too slow, so three. They fit in the memory from "
        f"{math.ceil(3 * size / memory)} chunks on. With so many the job takes "
        f"{_job(load, compute, store, start, math.ceil(3 * size / memory), 3):.3g} s, and "
        f"{_job(load, compute, store, start, 50, 3):.3g} s with 50 and "
        f"{_job(load, compute, store, start, 100, 3):.3g} s with 100. A moderate number of "
        "chunks wins, as in every real pipeline."
    ),
)

FILES = 8
SECONDS = Range(0, False, 86400, True, "above 0 and at most a day (in s)")

your_own_pipeline = Number(
    title="Your own pipeline",
    goal=lambda **_: (
        "Time two steps on your own computer, for one large file of yours: load (copy it from "
        "disk, stick or network) and compute (compress the copy, say with zip), with a "
        f"stopwatch. Now you have {FILES} such files, and load the next one while this one is "
        "compressed. How long does everything take? Pass your two times, in seconds: "
        "check(answer, load=..., compute=...). Answer in s."
    ),
    unit="s",
    own=dict(load=SECONDS, compute=SECONDS),
    units=dict(load="s", compute="s"),
    example=dict(load=5.0, compute=8.0),
    key=lambda load, compute: chunked_time(FILES * load, FILES * compute, FILES),
    slips=[
        Slip(
            "sum for maximum",
            "That is the time if you load and compress in turns. While one file is compressed, "
            "the next is already on its way.",
            lambda load, compute: chunked_time(FILES * load, FILES * compute, 1),
        ),
        Slip(
            "the first and the last file forgotten",
            "That is the slower step alone. The first file must be loaded before anything can "
            "be compressed, and the last one compressed after everything is loaded.",
            lambda load, compute: chunked_time(FILES * load, FILES * compute, math.inf),
        ),
        Slip(
            "one file cut in chunks",
            f"You cut one file into {FILES} chunks. Here each of {FILES} files takes the times "
            "that you measured.",
            lambda load, compute: chunked_time(load, compute, FILES),
        ),
    ],
    hints=[
        "Each file is a chunk. How many seconds does each unit work in all?",
        "Put the two sums of all files into t(n) = max + min/n.",
        "The slower step is never idle but once; add that once to all files of it.",
    ],
    reasoning=lambda load, compute: (
        f"With load = {short(load)} s and compute = {short(compute)} s the slower step works "
        f"{short(FILES * max(load, compute))} s in all, and the quicker one stands alone for one "
        f"file, {short(min(load, compute))} s. In turns it would be "
        f"{short(FILES * (load + compute))} s. Try it: start both by hand. If it takes longer "
        "than the formula says, the two steps share something, such as the disk."
    ),
)
