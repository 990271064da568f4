"""Exercises of notebook 08: what a stopwatch says of a machine, and what its counts promise."""

import statistics

from helpers.amdahl import break_even, speedup
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Formula, Number, Slip
from helpers.measure.record import shipped
from helpers.pipeline import chunked_time
from helpers.ranges import between
from helpers.roofline import ridge
from helpers.words import percent, short, si

NOTEBOOK = "08_measure_your_machine.ipynb"

OURS = shipped()["xeon-2"]
ROOFS = OURS.roofline


def measured(rows, *columns, **wanted):
    """The first of the rows that is as wanted and has a result in each of the columns."""
    return next(
        row
        for row in rows
        if all(getattr(row, name) == value for name, value in wanted.items())
        and all(getattr(row, name).known for name in columns)
    )


@exercise
def copied_numbers(numbers=50_000_000, bandwidth=ROOFS.bandwidth.value):
    def time(each):
        return numbers * each / bandwidth

    longest = measured(
        sorted(OURS.bandwidths, key=lambda row: -row.size),
        "seconds",
        operation="copy",
        threads=ROOFS.threads,
    )
    return Number(
        title="What a copy moves",
        goal=f"An array of {numbers / 1e6:g} million FP64 numbers is copied to another one, with "
        "ordinary stores. No cache holds either of them. All threads of our machine together read "
        f"{si(bandwidth, 'B/s')} from memory. How long does the copy take at least, if reading "
        "and writing together move no more? Answer in s.",
        key=time(24),
        unit="s",
        slips=[
            Slip(
                "load before the store forgotten",
                time(16),
                "You counted a load and a store of each number. An ordinary store first loads the "
                "line that it overwrites (write-allocate).",
            ),
            Slip(
                "one array only",
                time(8),
                "You counted one array. A copy reads one and writes another, and there is more.",
            ),
            Slip(
                "FP32 for FP64",
                time(12),
                "You counted 4 bytes for a number. FP64 has 64 bits.",
            ),
            Slip(
                "both arrays loaded twice",
                time(32),
                "You loaded the source twice as well. Only what is overwritten is loaded without "
                "being asked for.",
            ),
        ],
        hints=[
            "How many bytes has an FP64 number, and how often does each one pass the memory bus?",
            "Read the source, load what will be overwritten, store the result.",
            "Three times 8 bytes for each number, over β.",
        ],
        reasoning="Each number passes the bus three times, 24 B. Special stores, which load "
        f"nothing first, move 16 B: {short(1e3 * time(16))} ms. Which was it on our machine? A "
        f"copy of {si(longest.useful, 'B')}, read and written, took "
        f"{short(1e3 * longest.seconds.value)} ms there: {si(longest.rate, 'B/s')} by the first "
        f"count, {si(longest.useful_rate, 'B/s')} by the second. Reading alone "
        f"reaches {si(ROOFS.bandwidth.value, 'B/s')}. So these stores loaded nothing first, or "
        "memory moves more when it reads and writes at once: these numbers cannot tell.",
    )


@exercise
def promised_peak(cores=16, clock=2.5e9, width=512, units=2):
    numbers = width // 64
    product = measured(OURS.peaks, "seconds", precision="FP64", threads=1)
    return Number(
        title="What a datasheet promises",
        goal=f"A processor has {cores} cores at {clock / 1e9:g} GHz. Each core has {units} units; "
        f"in each cycle each of them multiplies and adds all FP64 numbers of {width} bits at "
        "once. What is its π in FP64? Answer in flop/s.",
        key=cores * clock * numbers * units * 2,
        unit="flop/s",
        slips=[
            Slip(
                "half",
                cores * clock * numbers * units,
                "Half of it: either you counted one unit of a core, or a multiply-add as one flop.",
            ),
            Slip(
                "FP32 for FP64",
                cores * clock * 2 * numbers * units * 2,
                "Twice as much: an FP64 number takes 64 bits of the width, not 32.",
            ),
            Slip(
                "one core",
                clock * numbers * units * 2,
                "That is the π of one core.",
            ),
            Slip(
                "no width",
                cores * clock * units * 2,
                "You let each unit work on one number. It takes as many as fit in its width.",
            ),
        ],
        hints=[
            "How many numbers of 64 bits fit in the width?",
            "Cores × clock × units × numbers is what all units do in a second, in multiply-adds.",
            "Each multiply-add is two flop.",
        ],
        reasoning=f"{cores} × {clock / 1e9:g} GHz × {units} units × {numbers} numbers × 2 flop. It "
        "is a bound: under such load the clock falls, and no library fills every cycle. On one "
        f"core of our machine a matrix product in FP64 reached {si(product.rate, 'flop/s')}. What "
        "share of the promise that is we cannot say: the machine does not tell its clock.",
    )


@exercise
def typical_gain(before=(41.0, 40.0, 83.0, 42.0, 36.0), after=(7.0, 7.1, 14.5, 13.0, 7.2)):
    gains = [one / other for one, other in zip(before, after, strict=True)]
    return Number(
        title="A round was disturbed",
        goal="A job was timed with one thread and with eight, in turns. Times in ms, by rounds: "
        f"{', '.join(map(short, before))} with one thread; {', '.join(map(short, after))} with "
        "eight. Other programs ran now and then. What does the method of this notebook report as "
        "the speed-up: the median of the quotients, each within a round? Answer with a pure "
        "number, with three digits.",
        key=statistics.median(gains),
        tolerance=0.004,
        slips=[
            Slip(
                "mean of the quotients",
                statistics.mean(gains),
                "That is the mean of the quotients. One disturbed round pulls it as far as it "
                "likes.",
            ),
            Slip(
                "total times",
                sum(before) / sum(after),
                "You divided the total times (or their means). The slowest rounds decide those.",
            ),
            Slip(
                "quotient of the medians",
                statistics.median(before) / statistics.median(after),
                "You divided the two medians. They come from different rounds, so what slowed a "
                "whole round does not cancel.",
            ),
            Slip(
                "quotient of the least times",
                min(before) / min(after),
                "You divided the least times. They are two lucky rounds, and not the same one.",
            ),
        ],
        hints=[
            "Divide round by round first: in each, both may have been slowed alike.",
            "Then sort the quotients.",
            "The one in the middle is asked.",
        ],
        reasoning=f"The quotients are {', '.join(short(gain) for gain in sorted(gains))}, sorted. "
        "A round that is slow for both gives a good quotient; a round that is slow for one gives "
        "a bad one, and the median passes over it. With five rounds in all, even the lowest and "
        "the highest enclose the median of endless rounds with a probability of only "
        f"{percent(1 - 2 * 0.5 ** len(gains))}.",
    )


@exercise
def slower_rest(example=(0.8, 2.0, 1.2)):
    def key(p, s, S):
        return (1 / S - p / s) / (1 - p)

    p, s, S = example
    return Formula(
        title="What happened to the rest",
        goal="A job is sped up, and three quotients are measured: p, the share of the old time "
        "that the faster part took; s, how much faster that part is now; S, how much faster the "
        "whole is. By which factor r does the other part now take longer? Answer with a formula "
        "in p, s and S.",
        symbols=dict(p=(0.5, 0.9), s=(1.5, 4), S=(0.8, 1.2)),
        key=key,
        formula="(1/S - p/s)/(1 - p)",
        slips=[
            Slip(
                "not divided",
                "1/S - p/s",
                "That is the time of the other part, in units of the old time of the whole. r "
                "compares it with its own old time.",
            ),
            Slip(
                "speed-up for time",
                "(S - p/s)/(1 - p)",
                "S is a speed-up. The new time of the whole, in units of the old one, is 1/S.",
            ),
            Slip(
                "divided by the wrong share",
                "(1/S - p/s)/p",
                "The other part took 1 − p of the old time, not p.",
            ),
            Slip(
                "faster part as before",
                "(1/S - p)/(1 - p)",
                "The part that took p takes less now: it is s times as fast.",
            ),
        ],
        hints=[
            "Amdahl's law with r: 1/S = (1 − p) r + p/s.",
            "Take the time of the faster part from the whole: what is left is the other part's.",
            "Compare that with the 1 − p that it took before.",
        ],
        reasoning=f"With p = {p}, s = {short(s)} and S = {S} the other part takes "
        f"{short(key(p, s, S))} times as long. Put into Amdahl's law this r gives S = "
        f"{short(speedup(p, s, key(p, s, S)))} again. From r = {short(break_even(p, s))} on, the "
        "whole would be slower than before. This is how the loss is found when only the whole and "
        "the faster part were timed; the notebook times the other part too, so that the law can "
        "fail.",
    )


@exercise
def slower_loader(chunks=8, slower=3):
    ours = measured(OURS.overlaps, "load", "compute", loader="link")
    alone, compute = ours.load.value, ours.compute.value
    load = slower * alone
    return Number(
        title="Predict the next stopwatch",
        goal="On our machine the link alone took "
        f"{short(1e3 * alone)} ms to load the job, and computing alone "
        f"{short(1e3 * compute)} ms. Now the link is {slower} times as slow. How long does the job "
        f"take in {chunks} chunks, with a loader thread and two buffers? Answer in s.",
        key=chunked_time(load, compute, chunks),
        unit="s",
        slips=[
            Slip(
                "in turns",
                load + compute,
                "That is loading and computing in turns, the sum: nothing overlaps.",
            ),
            Slip(
                "perfect overlap",
                max(load, compute),
                "That is the longer of the two alone. The first chunk cannot be computed before "
                "it is loaded.",
            ),
            Slip(
                "the old link",
                chunked_time(alone, compute, chunks),
                "That is the job with the link as it was measured.",
            ),
            Slip(
                "the shorter one counts",
                min(load, compute) + max(load, compute) / chunks,
                "You let the shorter part set the pace. The longer one is never idle but once.",
            ),
        ],
        hints=[
            "First the new time of loading alone. Which part is longer now?",
            "The longer part works all the time; of the shorter one, one chunk stands alone.",
            "max + min/n.",
        ],
        reasoning=f"Loading takes {short(1e3 * load)} ms now. The longer part sets the pace, and "
        f"one chunk of the shorter one, {short(1e3 * min(load, compute) / chunks)} ms, is not "
        "hidden. The stopwatch will say somewhat more: handing over a chunk takes time as well, "
        f"{chunks} times.",
    )


@exercise(
    flops=(between(1, 1e15, "flop", whole=True), "flop"),
    moved=(between(1, 1e12, "B", whole=True), "B"),
    peak=(between(1e8, 1e16, "flop/s"), "flop/s"),
    bandwidth=(between(1e8, 1e14, "B/s"), "B/s"),
    time=(between(1e-9, 1e4, "s"), "s"),
)
def your_operation(flops=2e9, moved=6e8, peak=2e11, bandwidth=2.5e10, time=0.03):
    computing, moving = flops / peak, moved / bandwidth
    predicted = max(computing, moving)
    return Number(
        title="Your own operation",
        goal="Choose an operation of NumPy on arrays of 100 MB or more, such as "
        "`np.sqrt(a, out=b)` or `a @ b`. Count its `flops` and the bytes `moved`, and time it "
        "several times: `time` is the median. Bring `peak` and `bandwidth`, the π and β that "
        "this notebook measured on your machine, for as many threads as your operation uses. "
        "Which share of the roof does it reach, predicted over measured time? Pass your numbers: "
        "check(answer, flops=..., moved=..., peak=..., bandwidth=..., time=...). Answer with a "
        "fraction, or as a text with a % sign.",
        key=predicted / time,
        tolerance=0.02,
        slips=[
            Slip(
                "measured over predicted",
                time / predicted,
                "That is measured over predicted time. The share is the other way round: below 1 "
                "if it took longer than predicted.",
            ),
            Slip(
                "the other roof",
                min(computing, moving) / time,
                "You took the lower of the two times. The longer one of flop/π and bytes/β is the "
                "bound.",
            ),
            Slip(
                "sum of the times",
                (computing + moving) / time,
                "You added the two times. On a roofline computing and moving overlap.",
            ),
        ],
        hints=[
            "Two times: flop over π, and bytes over β.",
            "The prediction is the longer one.",
            "Divide it by the median of the stopwatch.",
        ],
        reasoning=f"I = {short(flops / moved)} flop/B, and the ridge is at "
        f"{short(ridge(peak, bandwidth))}. Computing alone needs {si(computing, 's')}, moving "
        f"alone {si(moving, 's')}, the stopwatch says {si(time, 's')}. Below 1: did you count "
        "the load before a store, and does the operation use all threads? Above 1: did a cache "
        "hold the arrays, or do special stores save the load?",
    )
