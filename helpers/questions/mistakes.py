"""Exercises of notebook 10: slips that were published, for the reader to find.

Each claim is told in our own words. A number that its source prints as a result is computed here
from the source's own inputs, and stands among the slips as "the published value". Where the source
has a line, a rule or a number on the way to a result, and we put in numbers of our own or ask for
that step, the slip is "the published claim". What is right comes from the core.
"""

import math
from statistics import mean

from helpers._checks import ABOVE_ONE, FRACTION
from helpers.amdahl import compute_fraction, limit, speedup
from helpers.budget import IMAGENET_IMAGES, linear_work, resnet, training_time, training_work
from helpers.catalog import device, interconnects
from helpers.exercises import Choice, Formula, Number, Slip
from helpers.parallel import allreduce_time, pipeline_bubble, step_time
from helpers.pipeline import overlap_gain, pipelined_speedup, speedup_over_serial
from helpers.plots import duration, short, si
from helpers.roofline import COMPUTE, attainable, balance, bound, compute_utilisation, ridge

NOTEBOOK = "10_find_the_mistake.ipynb"
PUBLISHED = "the published value"
CLAIM = "the published claim"
ARTICLE = "*Seen in the article that this series grew from.*"


def _seen(repository, place):
    """Where a claim was seen, as the last line of its statement."""
    return f"*Seen in [{repository}](https://github.com/{repository}), {place}.*"


def _noticed(repository, place):
    """Where somebody else had noticed a slip before us, as the last line of its statement."""
    return f"*Noticed by a reader in [{repository}](https://github.com/{repository}), {place}.*"


mostly_waiting = Number(
    title="Mostly waiting",
    goal=lambda waiting: (
        f"A textbook says: if moving data takes {waiting:.0%} of the time, even infinitely fast "
        f"computing makes the program no more than {short(limit(waiting))} times as fast. What is "
        f"the most that its own {waiting:.0%} allow? Answer with a pure number. "
        + _seen("harvard-edge/cs249r_book", "issues 1009 and 1010, closed since")
    ),
    given=dict(waiting=0.8),
    key=lambda waiting: limit(1 - waiting),
    slips=[
        Slip(
            PUBLISHED,
            "This is the published value. It is one over the part that computing takes. But that "
            "part vanishes; what remains is the part that waits.",
            lambda waiting: limit(waiting),
        ),
        Slip(
            "time for speed-up",
            "This is the time that is left. The speed-up is the old time over the new one.",
            lambda waiting: waiting,
        ),
    ],
    hints=[
        "Take a run of 100 s. How many of them does infinitely fast computing remove?",
        "The ceiling is 1/(1 − p). Which of the two parts is p, the one that is sped up?",
    ],
    reasoning=lambda waiting: (
        f"Only the other {1 - waiting:.0%} of the time can vanish: of 100 s, {100 * waiting:.0f} s "
        f"stay, and 100/{100 * waiting:.0f} is {short(limit(1 - waiting))}. The two parts were "
        f"swapped. Guard: a program that mostly waits cannot gain much, so {short(limit(waiting))} "
        "should look too good."
    ),
)

one_letter_short = Formula(
    title="One letter short",
    goal=(
        "A workshop slide writes Amdahl's law as S = 1/((1 − p) + 1/s), and below it the limit "
        "1/(1 − p) for s → ∞. The limit is right, the law is not. Find a value of s for which you "
        "know S without any law, and repair the formula. Answer with a formula in p and s. "
        + _seen("jvff/pcapac_workshop", "`src/intro_to_opencl/slides/amdahls_law.md`")
    ),
    symbols=dict(p=(0.1, 0.9), s=(1.5, 20)),
    key=lambda p, s: speedup(p, s),
    formula="1 / (1 - p + p/s)",
    slips=[
        Slip(
            PUBLISHED,
            "This is the published formula. Put s = 1: nothing is sped up, and yet S is below 1.",
            "1/((1-p)+1/s)",
        ),
        Slip(
            "serial and parallel swapped",
            "Here the part 1 − p is sped up. By its own words p is the parallel part.",
            "1/(p+(1-p)/s)",
        ),
        Slip(
            "lost parentheses",
            "Both parts of the time belong below the fraction bar.",
            "1/(1-p)+p/s",
        ),
    ],
    hints=[
        "With s = 1 nothing gets faster. What must S be, and what does the slide's formula give?",
        "Of the old time 1, a part 1 − p stays as it is. How long does the other part take now?",
    ],
    reasoning=lambda: (
        "The old time is 1 − p for one part and p for the other; only the second is divided by s. "
        f"The slide's formula gives {short(1 / (1 - 0.9 + 1))} for p = 0.9 and s = 1, where S must "
        "be 1. Guard: test a law at its ends, here s = 1. The other end, s → ∞, hides this slip."
    ),
)

lost_parentheses = Number(
    title="A line of Python",
    goal=lambda p, s: (
        "A file of notes explains Amdahl's law well in its comments, and then writes "
        f"`speedup = 1/(1-p) + p/s`. For p = {p} and s = {s} (our numbers) this line would give "
        f"{short(1 / (1 - p) + p / s)}. What is the speed-up? Answer with a pure number. "
        + _seen("unobatbayar/Big-Data", "`amdahlslaw.py`")
    ),
    given=dict(p=0.9, s=4),
    key=lambda p, s: speedup(p, s),
    slips=[
        Slip(
            CLAIM,
            "This is what the line gives. It is more than s, and more than the ceiling 1/(1 − p): "
            "no speed-up can be. Look at what stands below the fraction bar.",
            lambda p, s: 1 / (1 - p) + p / s,
        ),
        Slip(
            "one letter short",
            "You left the numerator of p/s at 1.",
            lambda p, s: 1 / (1 - p + 1 / s),
        ),
        Slip(
            "everything sped up",
            "So fast it would be if all of the time were sped up. A part 1 − p is not.",
            lambda p, s: s,
        ),
    ],
    hints=[
        "Compare what the line gives with s. Can a program gain more than its fastest part?",
        "Python divides before it adds. Write the law on paper, with a long fraction bar.",
    ],
    reasoning=lambda p, s: (
        f"The new time is {1 - p:.1f} + {p}/{s} = {short(1 - p + p / s)} of the old one, and one "
        "over that is the speed-up. Python adds p/s *after* dividing. Guard: no speed-up by "
        f"Amdahl's law exceeds s = {s} or the ceiling {short(limit(p))}; the line's value exceeds "
        "both."
    ),
)


def _wrong_step(x):
    """Letter of the wrong step, found by halving the bandwidth of a task with balance x."""
    p, p_after = compute_fraction(x, 1, 1), compute_fraction(x, 1, 0.5)
    if p_after >= p:
        return "a"
    if limit(p_after) == limit(p):
        return "c"
    return "b" if limit(p_after) < limit(p) else "d"


thinner_link = Choice(
    title="A thinner link",
    goal=(
        "With more devices, the article argues, the bandwidth β usually falls. Then p = "
        "Iβ/(π + Iβ) falls too. And then the ceiling 1/(1 − p) rises. What is wrong with the "
        "chain? Answer with a letter. " + ARTICLE
    ),
    given=dict(x=9),
    options={
        "a": (
            "p does not fall when β falls.",
            "It does. With less bandwidth the task waits longer, so the share of computing is "
            "smaller.",
        ),
        "b": (
            "1/(1 − p) does not rise when p falls.",
            "Right: if p falls, then 1 − p grows, and one over it gets smaller.",
        ),
        "c": (
            "The ceiling holds for s → ∞, so β has no part in it.",
            "The ceiling is one over the waiting part, and β decides how long the waiting is.",
        ),
        "d": (
            "Nothing: all three steps are right.",
            "Put in numbers: p = 0.9 has the ceiling 10. Which one does p = 0.8 have?",
        ),
    },
    key=_wrong_step,
    hints=[
        "Do not follow the words. Put in numbers: let p fall from 0.9 to 0.8.",
        "Take the steps one by one: what does p do, then 1 − p, then one over that?",
    ],
    reasoning=lambda x: (
        f"Take x = {x}: p = {short(compute_fraction(x, 1, 1))}, ceiling "
        f"{short(limit(compute_fraction(x, 1, 1)))}. With a third of the bandwidth p is "
        f"{short(compute_fraction(x, 1, 1 / 3))} and the ceiling only "
        f"{short(limit(compute_fraction(x, 1, 1 / 3)))}. In symbols, 1/(1 − p) = 1 + Iβ/π rises "
        "with β. Guard: check the sign of a claim with two numbers."
    ),
)

above_its_roof = Number(
    title="Above its own roof",
    goal=lambda intensity, peak, bandwidth, drawn: (
        f"A roofline simulator has a preset for Apple chips. It draws a kernel of {intensity} "
        f"flop/B at {drawn / 1e9:.0f} Gflop/s. The fastest memory of the preset moves "
        f"{si(bandwidth, 'B/s')}, and the fastest compute unit does {peak / 1e9:.0f} Gflop/s. "
        "What is the most that this kernel can reach? Answer in flop/s. "
        + _seen("virtual-labs/exp-roofline-analysis-iiith", "`simulation/js/main.js`")
    ),
    given=dict(intensity=4, peak=10400e9, bandwidth=400e9, drawn=8500e9),
    key=lambda intensity, peak, bandwidth, drawn: attainable(intensity, peak, bandwidth),
    unit="flop/s",
    slips=[
        Slip(
            PUBLISHED,
            "There the simulator draws it. How many bytes a second would that take?",
            lambda intensity, peak, bandwidth, drawn: drawn,
        ),
        Slip(
            "the other roof",
            "This is the flat roof. At this intensity the slanted one is lower.",
            lambda intensity, peak, bandwidth, drawn: peak,
        ),
    ],
    hints=[
        "Each byte that arrives feeds this many flop. How many bytes can arrive in a second?",
        "Two roofs: the peak, and bandwidth times intensity. The lower one counts.",
    ],
    reasoning=lambda intensity, peak, bandwidth, drawn: (
        f"{si(bandwidth, 'B/s')} × {intensity} flop/B is below the peak, so it is the roof. The "
        f"point as drawn would need {si(drawn / intensity, 'B/s')}. (Reuse in a cache does not "
        "help: it raises the intensity, and moves the point to the right.) Guard: let the program "
        "that draws the roof refuse points above it."
    ),
)

mean_of_ridges = Number(
    title="The average machine",
    goal=lambda peaks, bandwidths: (
        "The same simulator calls a kernel memory-bound if its intensity is below the *average* of "
        "all ridge points on the page. A preset for a Xeon has the peaks "
        f"{' and '.join(f'{peak / 1e9:.0f}' for peak in peaks)} Gflop/s (scalar, AVX-512) and the "
        f"bandwidths {', '.join(f'{bandwidth / 1e9:g}' for bandwidth in bandwidths)} GB/s (DDR4, "
        f"DDR5, two caches); the average is {_mean_ridge(peaks, bandwidths):.2f} flop/B. Which "
        "ridge decides for AVX-512 code with its data in DDR4? Answer in flop/B. "
        + _seen("virtual-labs/exp-roofline-analysis-iiith", "`simulation/js/main.js`")
    ),
    given=dict(peaks=(400e9, 3200e9), bandwidths=(51.2e9, 76.8e9, 500e9, 1000e9)),
    key=lambda peaks, bandwidths: ridge(peaks[1], bandwidths[0]),
    unit="flop/B",
    slips=[
        Slip(
            CLAIM,
            "This is the average. No machine has it: a task runs in one compute unit and takes its "
            "data from one memory.",
            lambda peaks, bandwidths: _mean_ridge(peaks, bandwidths),
        ),
        Slip(
            "scalar peak",
            "This is the ridge of scalar code. AVX-512 computes eight times as fast.",
            lambda peaks, bandwidths: ridge(peaks[0], bandwidths[0]),
        ),
        Slip(
            "the other memory",
            "This is the ridge for DDR5.",
            lambda peaks, bandwidths: ridge(peaks[1], bandwidths[1]),
        ),
    ],
    hints=[
        "A ridge is one peak over one bandwidth. Which pair does this code use?",
        "The peak of AVX-512 over the bandwidth of DDR4. Mind that both are in G.",
    ],
    reasoning=lambda peaks, bandwidths: (
        f"{si(peaks[1], 'flop/s')} over {si(bandwidths[0], 'B/s')}. A DGEMM of 16 flop/B, which "
        "the preset holds too, lies just above the average and is called compute-bound. From DDR4 "
        f"it attains {compute_utilisation(16, peaks[1], bandwidths[0]):.0%} of the peak. (The same "
        "page also lists each ridge by itself, and those are right.) Guard: before you average, "
        "ask whether anything has the average."
    ),
)


def _mean_ridge(peaks, bandwidths):
    """Average of the ridge points of all pairs, flop/B."""
    return mean(ridge(peak, bandwidth) for peak in peaks for bandwidth in bandwidths)


cycles_for_seconds = Number(
    title="Bytes a cycle",
    goal=lambda intensity, peak, clock, per_cycle: (
        f"A lecture on one CPU core has a peak of {si(peak, 'flop/s')}, a clock of {clock / 1e9:g} "
        f"GHz, and a memory that delivers {per_cycle} bytes a cycle. For a product with "
        f"{intensity} flop/B one slide computes min({peak / 1e9:.0f}, {per_cycle} × {intensity}) = "
        f"min({peak / 1e9:.0f}, {per_cycle * intensity}) Gflop/s. The minimum survives. Which "
        f"performance must stand in place of {per_cycle * intensity} Gflop/s? Answer in flop/s, "
        'for example "90 Gflop/s". '
        + _seen("zhangce/DATA34100", "`cpu/lecture10_roofline/lecture-roofline.md`")
    ),
    given=dict(intensity=32, peak=48e9, clock=3e9, per_cycle=5),
    key=lambda intensity, peak, clock, per_cycle: (
        balance(intensity, peak, per_cycle * clock) * peak
    ),
    unit="flop/s",
    slips=[
        Slip(
            CLAIM,
            "This takes bytes a cycle for GB a second. A second has more than 10⁹ cycles here.",
            lambda intensity, peak, clock, per_cycle: per_cycle * 1e9 * intensity,
        ),
        Slip(
            "the other roof",
            "This is the flat roof. Asked is the slanted one, bandwidth times intensity.",
            lambda intensity, peak, clock, per_cycle: peak,
        ),
    ],
    hints=[
        "Write the unit behind every number of min(..., ...). Do both come out in flop/s?",
        "Bytes a cycle times cycles a second gives β. Then β times I.",
    ],
    reasoning=lambda intensity, peak, clock, per_cycle: (
        f"β = {per_cycle} × {clock / 1e9:g}e9 = {si(per_cycle * clock, 'B/s')}, times {intensity} "
        "flop/B. Another slide of the same lecture has it right. Here the peak is lower than both, "
        "so the result survives. Between "
        f"{short(ridge(peak, per_cycle * clock))} and {short(ridge(peak, per_cycle * 1e9))} "
        "flop/B the slip would call a compute-bound task memory-bound. Guard: carry the units "
        "along."
    ),
)


def _product_intensity(size, number_bytes=2):
    """Intensity of a product of two square matrices, each of the three moved once, flop/B."""
    return 2 * size**3 / (3 * size**2 * number_bytes)


def _verdict_on_product(size, board):
    """Letter of the right statement about the product on an H100 and on a small board."""
    h100 = device("H100-SXM")
    if ridge(h100.peak_fp16, h100.bandwidth) <= ridge(*board):
        return "c"
    right = bound(_product_intensity(size), h100.peak_fp16, h100.bandwidth) == COMPUTE
    return "b" if right else "a"


bigger_chip = Choice(
    title="A bigger chip",
    goal=lambda size, board: (
        f"A lab has a product of two {size} × {size} matrices in FP16. On a small board, of "
        f"{si(board[0], 'flop/s')} and {si(board[1], 'B/s')}, it is compute-bound. On an H100, "
        f"says the key, it is memory-bound, since the ridge is higher ({_h100()}). Each "
        "matrix moves once, and the board's ridge is far below. What is wrong? Answer with a "
        "letter. "
        + _seen(
            "harvard-edge/cs249r_book",
            "`labs/vol1/lab_11_hw_accel.py`, part C, commit 78bc87ab",
        )
    ),
    given=dict(size=1024, board=(12e12, 102e9)),
    options={
        "a": (
            "Nothing: the H100's ridge is above the product's intensity.",
            "Compute both: 2N³ flop over the bytes of three matrices, and π/β of the H100.",
        ),
        "b": (
            "The H100's ridge is higher, but the product's intensity is higher still.",
            "Right: it is compute-bound on both.",
        ),
        "c": (
            "The H100's ridge is the lower one of the two.",
            "It is not. A bigger chip gains more peak than bandwidth; this part of the lab's "
            "reasoning holds.",
        ),
        "d": (
            "A product has no intensity before it has been measured.",
            "It has a best one: if each matrix moves just once, flop and bytes follow from its "
            "size alone.",
        ),
    },
    key=_verdict_on_product,
    hints=[
        "Three numbers are to be compared: two ridge points and one intensity.",
        "2N³ flop over 3N² numbers of 2 bytes is N/3 flop/B. The ridge is π/β.",
    ],
    reasoning=lambda size, board: (
        f"The intensity is {size}/3 = {short(_product_intensity(size))} flop/B. The ridge of the "
        f"board is {short(ridge(*board))}, that of the H100 "
        f"{short(ridge(device('H100-SXM').peak_fp16, device('H100-SXM').bandwidth))} flop/B: both "
        "are lower. The lab's own box, just above the key, says compute-bound. Guard: a trend "
        "(bigger chip, higher ridge) does not place a point. Compute it."
    ),
)


def _h100():
    """Peak and bandwidth of an H100 in words."""
    row = device("H100-SXM")
    return f"{si(row.peak_fp16, 'flop/s')}, {si(row.bandwidth, 'B/s')}"


forward_only = Number(
    title="A part of a training run",
    goal=lambda operations, images, epochs: (
        f"Training ResNet-50, says the article, takes {operations / 1e9:.0f} G operations for one "
        f"picture, so {epochs} epochs of {images / 1e6} million pictures take "
        f"{training_work(operations, images, epochs, passes=1):.3g}. But "
        f"{operations / 1e9:.0f} G is a *forward* pass in flop. Count a full run of ResNet-50 v1.5 "
        f"(`resnet(50)` in `helpers.budget`) on the {IMAGENET_IMAGES} pictures of ImageNet. "
        "Answer in flop, within 2 %. " + ARTICLE
    ),
    given=dict(operations=8e9, images=1.2e6, epochs=90),
    key=lambda operations, images, epochs: training_work(
        resnet(50).forward_work, IMAGENET_IMAGES, epochs
    ),
    unit="flop",
    tolerance=0.02,
    slips=[
        Slip(
            PUBLISHED,
            "This is the published value: only the forward pass of each step.",
            lambda operations, images, epochs: training_work(operations, images, epochs, passes=1),
        ),
        Slip(
            "backward pass forgotten",
            "Network and pictures are right. A step also goes backward, which is twice the work.",
            lambda operations, images, epochs: training_work(
                resnet(50).forward_work, IMAGENET_IMAGES, epochs, passes=1
            ),
        ),
        Slip(
            "multiply-add counted once",
            "You counted multiply-adds. Each is two flop.",
            lambda operations, images, epochs: training_work(
                resnet(50).macs, IMAGENET_IMAGES, epochs
            ),
        ),
        Slip(
            "only the passes corrected",
            "You kept the rounded network and the rounded number of pictures.",
            lambda operations, images, epochs: training_work(operations, images, epochs),
        ),
        Slip(
            "rounded network",
            "Pictures and passes are right. But you kept the rounded 8 G: take the forward work of "
            "resnet(50).",
            lambda operations, images, epochs: training_work(operations, IMAGENET_IMAGES, epochs),
        ),
    ],
    hints=[
        "A step has a forward pass and a backward pass. How much work is the second one?",
        "V = 3 × forward work × pictures × epochs. In a new cell, "
        "`from helpers.budget import resnet, training_work` brings both.",
    ],
    reasoning=lambda operations, images, epochs: (
        f"A forward pass takes {si(resnet(50).forward_work, 'flop')}, a step three times that. "
        f"Times {IMAGENET_IMAGES} pictures and {epochs} epochs: "
        f"{training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs) / 0.864e18:.2f} times "
        "the published value. Guard: write behind every count of what it is (flop or multiply-"
        "adds, forward or training)."
    ),
)

borrowed_bandwidth = Number(
    title="The wrong twin",
    goal=lambda number, twin: (
        "A profiler draws a roofline for an H200. It looks the card up by the name of its chip, "
        "which the H100 shares. So it takes the right peak, "
        f"{si(device(number).peak_fp16, 'flop/s')}, but the bandwidth of the H100, "
        f"{si(device(twin).bandwidth, 'B/s')}, and finds the ridge "
        f"{short(ridge(device(number).peak_fp16, device(twin).bandwidth))} flop/B. Look the "
        "H200 up in notebook 02 or its datasheet. Where is its ridge? Answer in flop/B. "
        + _seen("GindaChen/nsys-ai", "issue 577, closed since")
    ),
    given=dict(number="H200-SXM", twin="H100-SXM"),
    key=lambda number, twin: ridge(device(number).peak_fp16, device(number).bandwidth),
    unit="flop/B",
    slips=[
        Slip(
            PUBLISHED,
            "This is the ridge of an H100. The H200 has the same chip, but faster memory.",
            lambda number, twin: ridge(device(number).peak_fp16, device(twin).bandwidth),
        ),
        Slip(
            "sparse peak",
            "This takes the peak with structured sparsity, which a datasheet prints first. The "
            "dense one is half of it.",
            lambda number, twin: ridge(2 * device(number).peak_fp16, device(number).bandwidth),
        ),
    ],
    hints=[
        "What does an H200 have that an H100 has not? In a new cell, "
        "`from helpers.catalog import device`, and then `device('H200-SXM')` shows it.",
        "π stays. Divide it by the H200's own bandwidth.",
    ],
    reasoning=lambda number, twin: (
        f"The H200 loads {si(device(number).bandwidth, 'B/s')}. Every kernel between the two "
        "ridge points was called memory-bound and is compute-bound. The right row was in the "
        "profiler's table all along. Guard: print the row that was found, not only the result."
    ),
)

ORIN = 275e12, 204e9  # the figures that the tool uses: operations/s and B/s

sparse_ridge = Number(
    title="A peak for another number",
    goal=lambda fraction: (
        "A tool (mlsysim) knows no FP16 peak of a Jetson AGX Orin and falls back to the figure on "
        f"the box: {ORIN[0] / 1e12:.0f} Tera operations a second, for sparse INT8, helper units "
        "included. "
        f"With {ORIN[1] / 1e9:.0f} GB/s and half of the peak achieved, it puts the ridge at "
        f"{short(ridge(fraction * ORIN[0], ORIN[1]))} flop/B. The dense FP16 peak of the GPU is "
        f"{si(device('Orin-64').peak_fp16, 'flop/s')}, its bandwidth "
        f"{device('Orin-64').bandwidth / 1e9:.1f} GB/s. Where is the ridge for half of that peak? "
        "Answer in flop/B. " + _noticed("datawhalechina/llm-algo-leetcode", "issue 76")
    ),
    given=dict(fraction=0.5),
    key=lambda fraction: ridge(fraction * device("Orin-64").peak_fp16, device("Orin-64").bandwidth),
    unit="flop/B",
    slips=[
        Slip(
            PUBLISHED,
            "This is the published value. Its peak holds for other numbers, for other units too, "
            "and for sparse matrices.",
            lambda fraction: ridge(fraction * ORIN[0], ORIN[1]),
        ),
        Slip(
            "one half too few",
            "Off by a factor 2: only half of the dense FP16 peak is achieved. (A sparse or an INT8 "
            "peak would also be twice as high.)",
            lambda fraction: ridge(device("Orin-64").peak_fp16, device("Orin-64").bandwidth),
        ),
    ],
    hints=[
        "Take the peak for the numbers that are computed with: FP16, dense.",
        "Half of the dense FP16 peak, over the bandwidth.",
    ],
    reasoning=lambda fraction: (
        f"The figure on the box is {ORIN[0] / device('Orin-64').peak_fp16:.1f} times the dense "
        "FP16 peak: 2 for sparsity, 2 for INT8, the rest for units that are not the GPU. Guard: a "
        "missing peak is not to be replaced by another one. Let the tool say that it is missing."
    ),
)

two_names = Number(
    title="One axis, two names",
    goal=lambda intensity: (
        "A notebook draws rooflines of a GPU for language models. A comment in its code says that "
        "the horizontal axis is in *multiply-adds* per byte. The label under it says OPs/byte. "
        f"A kernel does {intensity} flop/B, as this series counts. At which number does it belong "
        "on an axis in multiply-adds per byte? Answer with the number alone. "
        + _seen("hahnyuan/LLM-Viewer", "`examples/plot_roofline.ipynb`")
    ),
    given=dict(intensity=334),
    key=lambda intensity: intensity / linear_work(1, 1),
    slips=[
        Slip(
            CLAIM,
            "This trusts the label. One multiply-add is two operations.",
            lambda intensity: intensity,
        ),
        Slip(
            "the wrong way",
            "There are fewer multiply-adds than flop, not more.",
            lambda intensity: intensity * linear_work(1, 1),
        ),
    ],
    hints=[
        "How many flop is a·b + c?",
        "The same kernel has fewer multiply-adds than flop, so it stands farther left.",
    ],
    reasoning=lambda intensity: (
        f"One multiply-add is {linear_work(1, 1):.0f} flop. Read with the wrong name, a kernel on "
        "the slanted roof may look compute-bound. Guard: one name for one unit, in code and on "
        "the axis."
    ),
)


def _right_of_fp8(printed):
    """Letter of what is right about the printed FP8 peak of an A100."""
    row = device("A100-80")
    if math.isnan(row.peak_fp8):
        return "c"
    return {row.peak_fp8: "d", row.peak_fp8 / 2: "b", row.peak_fp8 * 2: "a"}.get(printed)


no_such_unit = Choice(
    title="A column too many",
    goal=lambda printed: (
        f"A table of accelerators gives the A100 {printed / 1e12:.0f} Tflop/s in FP8. (The main "
        f"table of the same guide leaves this field empty.) Its dense FP16 peak is "
        f"{device('A100-80').peak_fp16 / 1e12:.0f} Tflop/s, its dense INT8 peak "
        f"{device('A100-80').peak_int8 / 1e12:.0f} Tera operations a second. What is right? "
        "Answer with a letter. " + _seen("stas00/ml-engineering", "one of its tables")
    ),
    given=dict(printed=624e12),
    options={
        "a": (
            lambda printed: f"It is {printed / 2e12:.0f} Tflop/s: the table shows a sparse peak.",
            "Half of it is the dense FP16 peak. FP8 is another kind of number.",
        ),
        "b": (
            lambda printed: f"It is {2 * printed / 1e12:.0f} Tflop/s: the table forgot sparsity.",
            "Peaks in this series are dense. And sparsity cannot speed up what is not there.",
        ),
        "c": (
            "The A100 has no FP8 units. The number is its INT8 peak.",
            "Right: FP8 came with the H100. Both take one byte, which makes them easy to mix up.",
        ),
        "d": (
            "It is right: half the bytes, twice the speed.",
            "That is the usual rule where there are units for it. Does the A100 have them?",
        ),
    },
    key=_right_of_fp8,
    hints=[
        "Which units does the chip have? In a new cell, `from helpers.catalog import device`, and "
        "then `device('A100-80')` lists every peak that it has.",
        "A peak that a device lacks is NaN in our catalogue, never a guess.",
    ],
    reasoning=lambda printed: (
        f"`device('A100-80').peak_fp8` is {device('A100-80').peak_fp8}, and the printed number is "
        f"the INT8 peak, {si(device('A100-80').peak_int8, 'op/s')}. Guard: an empty field is "
        "information. Keep it empty."
    ),
)

lost_peak = Formula(
    title="Seconds per flop",
    goal=(
        "For a memory-bound task of intensity I the article takes p = βI/π, and concludes that "
        "its speed-up is at most 1/(π − βI). Check the unit of that. Then work out what 1/(1 − p) "
        "is for this p, as one fraction. Answer with a formula in pi, beta and I. " + ARTICLE
    ),
    symbols=dict(pi=(8.0, 9.0), beta=(1.0, 2.0), I=(1.0, 3.0)),
    key=lambda pi, beta, I: limit(balance(I, pi, beta)),  # noqa: E741
    formula="pi / (pi - beta*I)",
    slips=[
        Slip(
            PUBLISHED,
            "This is the published formula. Its unit is 1/(flop/s), and a speed-up has none.",
            "1/(pi-beta*I)",
        ),
        Slip(
            "upside down",
            "This is below 1. You have 1 − p, not one over it.",
            "(pi-beta*I)/pi",
        ),
    ],
    hints=[
        "π and βI are both in flop/s. In which unit is one over their difference?",
        "Write 1 − βI/π as one fraction, and turn it over.",
    ],
    reasoning=lambda: (
        "1 − p = 1 − βI/π = (π − βI)/π, turned over; a factor π was lost on the way. Even so it is "
        "no bound here: p is a share of time *without* overlap, and this task overlaps. With "
        f"overlap and x = 0.5 it gains {short(pipelined_speedup(0.5, 100))} from a compute unit "
        f"100 times as fast, and overlap itself was worth {short(overlap_gain(0.5))}. Guard: "
        "check the unit of every result."
    ),
)

straight_on = Number(
    title="Straight on for ever",
    goal=lambda intensity, s: (
        "If loading and computing overlap perfectly, says the article, p is almost 1, and a "
        "compute unit s times as fast makes the task s times as fast, for every s. Take a task of "
        f"{intensity} flop/B on a V100 ({_v100()}), with perfect overlap. The compute unit "
        f"becomes {s} times as fast, the memory stays. How many times as fast is the task? Answer "
        "with a pure number. " + ARTICLE
    ),
    given=dict(intensity=60, s=8),
    key=lambda intensity, s: pipelined_speedup(_x(intensity), s),
    slips=[
        Slip(
            CLAIM,
            "The published claim: linear for every s. At some s the task becomes memory-bound.",
            lambda intensity, s: s,
        ),
        Slip(
            "against the serial start",
            "You compare with a task that takes turns. Here it overlaps before and after.",
            lambda intensity, s: speedup_over_serial(_x(intensity), s),
        ),
        Slip(
            "taking turns",
            "This is Amdahl's law: the sum of both times. With overlap the larger one counts.",
            lambda intensity, s: speedup(_x(intensity) / (1 + _x(intensity)), s),
        ),
    ],
    hints=[
        "Which of the two times is the longer one before, and which one after?",
        "x = I/I\\* says how far right of the ridge the task is. S = min(s, x).",
    ],
    reasoning=lambda intensity, s: (
        f"The ridge is at {short(60 / _x(60))} flop/B, so x = {intensity}/{short(60 / _x(60))} = "
        f"{short(_x(intensity))}. Up to s = x the task keeps pace, then the memory binds, and "
        f"everything beyond is wasted: min({s}, {short(_x(intensity))}). The article adds later "
        "that I must be infinite: that is the whole point. Guard: ask what becomes the limit once "
        "the old one is gone."
    ),
)


def _v100():
    """Peak and bandwidth of a V100 in words."""
    row = device("V100-SXM2")
    return f"FP32: {si(row.peak_fp32, 'flop/s')}, {si(row.bandwidth, 'B/s')}"


def _x(intensity):
    """Intensity in units of the ridge of a V100 in FP32."""
    row = device("V100-SXM2")
    return balance(intensity, row.peak_fp32, row.bandwidth)


too_small_a_bubble = Number(
    title="A bubble too small",
    goal=lambda stages, chunks: (
        f"A lab cuts a network into {stages} equal stages on as many devices, and a batch into "
        f"{chunks} microbatches. It writes the share of idle time (the bubble) as (K − 1)/(K·M), "
        f"with K stages and M microbatches: {(stages - 1) / (stages * chunks):.1%}. Draw the "
        "timeline, or count. What is the share? Answer with a fraction or in %. "
        + _seen("harvard-edge/cs249r_book", "`labs/vol2/lab_05_dist_train.py`, commit 03468a1d")
    ),
    given=dict(stages=4, chunks=16),
    key=lambda stages, chunks: pipeline_bubble(stages, chunks),
    slips=[
        Slip(
            PUBLISHED,
            "This is the published value. It divides by K·M steps, as if the stages took turns "
            "with every microbatch. But they work at the same time.",
            lambda stages, chunks: (stages - 1) / (stages * chunks),
        ),
        Slip(
            "idle over busy",
            "This compares idle with busy time. The share is idle time over the whole.",
            lambda stages, chunks: (stages - 1) / chunks,
        ),
        Slip(
            "the busy share",
            "This is the share in which a device works.",
            lambda stages, chunks: 1 - pipeline_bubble(stages, chunks),
        ),
    ],
    hints=[
        "Follow one device: how many time steps does it work, and how many does the whole take?",
        "Each device works M steps. The last one starts K − 1 steps after the first.",
    ],
    reasoning=lambda stages, chunks: (
        f"The whole takes M + K − 1 = {chunks + stages - 1} steps, and each device works "
        f"{chunks} of them, so {stages - 1} of {chunks + stages - 1} are idle: "
        f"{pipeline_bubble(stages, chunks):.1%}. With a single microbatch both formulas agree "
        f"({pipeline_bubble(stages, 1):.0%}), which hides the slip. Guard: test a formula at more "
        "than its easiest point."
    ),
)


def _step_of_lab(parameters, tokens, devices, fraction, hidden):
    """Computing and visible communication of a step, with the inputs of the lab, s."""
    compute = training_time(
        6 * parameters * tokens, device("H100-SXM").peak_fp16, fraction, devices
    )
    return compute, (1 - hidden) * allreduce_time(2 * parameters, devices, _port())


ten_seconds = Number(
    title="Ten seconds from nowhere",
    goal=lambda parameters, tokens, devices, fraction, hidden, guess, says: (
        f"A lab trains {parameters / 1e9:.0f} G parameters on {devices} H100s by data "
        f"parallelism. Its text says: if computing takes about {guess} s in a step, and half of "
        f"the all-reduce (2 bytes a parameter, {si(_port(), 'B/s')}) is hidden, the efficiency is "
        f"{100 * says[0]:.0f} to {says[1]:.0%}. Its code has 6 × {parameters / 1e9:.0f}e9 × "
        f"{tokens} flop in a step of all GPUs together, at half of "
        f"{si(device('H100-SXM').peak_fp16, 'flop/s')} each. Which efficiency (computing "
        "over computing plus visible communication) follows from that? Answer with a fraction or "
        "in %, within 5 %. "
        + _seen("harvard-edge/cs249r_book", "`labs/vol2/lab_05_dist_train.py`, commit 03468a1d")
    ),
    given=dict(
        parameters=175e9,
        tokens=2048,
        devices=256,
        fraction=0.5,
        hidden=0.5,
        guess=10,
        says=(0.50, 0.55),
    ),
    key=lambda parameters, tokens, devices, fraction, hidden, guess, says: _efficiency(
        *_step_of_lab(parameters, tokens, devices, fraction, hidden)
    ),
    tolerance=0.05,
    slips=[
        Slip(
            PUBLISHED,
            "This is the published value. How long does computing take by the lab's own formula?",
            lambda parameters, tokens, devices, fraction, hidden, guess, says: mean(says),
        ),
        Slip(
            "the guessed seconds",
            "You took the computing time of the text. The code computes another one.",
            lambda parameters, tokens, devices, fraction, hidden, guess, says: _efficiency(
                guess, _step_of_lab(parameters, tokens, devices, fraction, hidden)[1]
            ),
        ),
        Slip(
            "work of one GPU",
            "You gave every GPU the whole work. The GPUs share it.",
            lambda parameters, tokens, devices, fraction, hidden, guess, says: _efficiency(
                *_scaled(devices, *_step_of_lab(parameters, tokens, devices, fraction, hidden))
            ),
        ),
        Slip(
            "nothing hidden",
            "True of a real machine, which has too little computing to hide it in, but the lab "
            "takes half of the all-reduce as hidden.",
            lambda parameters, tokens, devices, fraction, hidden, guess, says: _efficiency(
                *_step_of_lab(parameters, tokens, devices, fraction, 0)
            ),
        ),
    ],
    hints=[
        "Two times are needed. First: flop of a step, over what all GPUs do in a second.",
        "The all-reduce sends 2(n − 1)/n times 2 bytes a parameter. Half of that time is visible.",
        "Efficiency is c/(c + a/2). One of the two times is tiny.",
    ],
    reasoning=lambda parameters, tokens, devices, fraction, hidden, guess, says: (
        "Computing takes "
        f"{duration(_step_of_lab(parameters, tokens, devices, fraction, hidden)[0])}, visible "
        "communication "
        f"{duration(_step_of_lab(parameters, tokens, devices, fraction, hidden)[1])}. The "
        f"{guess} s stand in the text as an *if*, and come from nowhere in the code. (With them "
        "the lab's formula gives "
        f"{_efficiency(guess, _step_of_lab(parameters, tokens, devices, fraction, hidden)[1]):.0%}"
        ". And so little computing could not hide half of an all-reduce.) Guard: let text take its "
        "numbers from the code."
    ),
)


def _port():
    """Bandwidth of the network port of each GPU in the lab, one way, B/s."""
    return interconnects().loc["InfiniBand NDR 4x", "one_way"]


def _efficiency(compute, communication):
    """Computing over computing plus visible communication."""
    return compute / step_time(compute, communication)


def _scaled(factor, compute, communication):
    """The two times of a step with `factor` times the computing."""
    return factor * compute, communication


your_find = Number(
    title="Your own find",
    goal=(
        "Now find a claim yourself: a talk, a paper, a README that says which share p of a program "
        "runs in parallel (or how much is serial), and on how many processors n. What does "
        "Amdahl's law allow? Give p and n with your answer, `check(answer, p=..., n=...)`, and "
        "compare with what is claimed or measured there. Answer with a pure number."
    ),
    own=dict(p=FRACTION, n=ABOVE_ONE),
    example=dict(p=0.8, n=5),
    key=lambda p, n: speedup(p, n),
    slips=[
        Slip(
            "serial and parallel swapped",
            "You took the serial share for p. Tell which of the two the source gives.",
            lambda p, n: speedup(1 - p, n),
        ),
        Slip(
            "lost parentheses",
            "Both parts of the time belong below the fraction bar.",
            lambda p, n: _inverse(1 - p) + p / n,
        ),
        Slip(
            "one letter short",
            "Only a part p of the time is divided by n, not the whole.",
            lambda p, n: 1 / (1 - p + 1 / n),
        ),
        Slip(
            "ceiling for speed-up",
            "This is the ceiling for endless processors. You have n.",
            lambda p, n: limit(p),
        ),
    ],
    hints=[
        "Is the share in the source parallel or serial? p is the parallel one, as a fraction.",
        "The new time is 1 − p + p/n of the old one.",
    ],
    reasoning=lambda p, n: (
        f"With p = {short(p)} and n = {short(n)} the new time is {short(1 - p + p / n)} of the old "
        "one. More than that is claimed? Then p is larger, the work grew with n, or somebody "
        "slipped. Less? Then something else costs time."
    ),
)


def _inverse(value):
    """One over a value, infinite for 0."""
    return 1 / value if value else math.inf


def published_factors():
    """By which factor, at least 1, each result that a source prints is off, in the order of the
    exercises."""
    factors = []
    for exercise in globals().values():
        for slip in exercise.slips if isinstance(exercise, Number) else ():
            if slip.name == PUBLISHED:
                ratio = slip.wrong(**exercise.given) / exercise.answer()
                factors.append(max(ratio, 1 / ratio))
    return factors
