"""Exercises of notebook 11: slips that were published, for the reader to find.

Each claim is told in our own words and in its own condition, as it was read at the place that is
linked. Names and titles are neutral: they must not give the mistake away. A number that its source
prints as a result is computed here from the source's own inputs, and stands among the slips as "the
published value". Where the source has a line, a rule or a number on the way to a result, and we put
in numbers of our own or ask for that step, the slip is "the published claim". What is right comes
from the models.
"""

import math
from statistics import mean

from helpers.amdahl import compute_fraction, limit, speedup
from helpers.budget import (
    IMAGENET_IMAGES,
    achieved_fraction,
    linear_work,
    training_time,
    training_work,
)
from helpers.catalog import device, interconnects
from helpers.exercises.exercise import Exercise, exercise
from helpers.exercises.question import Formula, Number, Slip
from helpers.networks import resnet
from helpers.parallel import allreduce_time, network_intensity, pipeline_bubble, step_time
from helpers.pipeline import overlap_gain, pipelined_speedup, speedup_over_serial
from helpers.ranges import ABOVE_ONE, FRACTION
from helpers.roofline import attainable, balance, compute_utilisation, ridge
from helpers.words import duration, short, si

NOTEBOOK = "11_find_the_mistake.ipynb"
PUBLISHED = "the published value"
CLAIM = "the published claim"
ARTICLE = "*Seen in the article that this series grew from.*"


def _seen(repository, commit, path, mended=None):
    """Where a claim was seen, as the last line of its statement: the file as it was read, and the
    commit that mended it."""
    link = f"https://github.com/{repository}"
    also = f", and mended by [commit {mended[:7]}]({link}/commit/{mended})" if mended else ""
    return f"*Seen in {repository}, [`{path}`]({link}/blob/{commit}/{path}){also}.*"


def _reported(repository, issue=None, mended=None):
    """Where others had found a slip before us, as the last line of its statement."""
    link = f"https://github.com/{repository}"
    found = f"[issue {issue}]({link}/issues/{issue})" if issue else ""
    fixed = f"[pull request {mended}]({link}/pull/{mended})" if mended else ""
    if not found:
        return f"*Reported and mended in {repository}, {fixed}.*"
    return f"*Reported in {repository}, {found}{fixed and f', and mended by {fixed}'}.*"


# The same files and repositories are read by several claims.
TRAINING_BOOK = "ttsugriy/distributed-training-book"
NEWEST = "31ba82451f1176d399102048c3c51ddff36c7126"  # of it, that we read: 12 February 2026
GPUS = "jax-ml/scaling-book", "1a55377affc9ee8f10b549f689ad57e813623a7e", "gpus.md"
CARD = (
    "https://github.com/meta-llama/llama-models/blob/"
    "1b28708fc46501a449e03d8d618340a052d9ba07/models/llama3_1/MODEL_CARD.md"
)
BOOK = "harvard-edge/cs249r_book"
LAB = BOOK, "03468a1d45b394d13ff4e227fe64c43d56099bb9", "labs/vol2/lab_05_dist_train.py"
SIMULATOR = (
    "virtual-labs/exp-roofline-analysis-iiith",
    "ad449a480b83cee32acb3222529e2123f0b2796f",
    "experiment/simulation/js/main.js",
)


@exercise
def claim_1(waiting=0.8):
    wrong, right = limit(waiting), limit(1 - waiting)
    return Number(
        title="A program that waits",
        goal=f"A textbook said: if moving data takes {waiting:.0%} of the time, even infinitely "
        f"fast computing makes the program no more than {short(wrong)} times as fast. What is the "
        f"most that its own {waiting:.0%} allow? Answer with a pure number. "
        + _reported(BOOK, 1009, mended=1010),
        key=right,
        slips=[
            Slip(
                PUBLISHED,
                wrong,
                "This is the published value. It is one over the part that computing takes. But "
                "that part vanishes; what remains is the part that waits.",
            ),
            Slip(
                "time for speed-up",
                waiting,
                "This is the time that is left. The speed-up is the old time over the new one.",
            ),
        ],
        hints=[
            "Take a run of 100 s. How many of them does infinitely fast computing remove?",
            "The ceiling is 1/(1 − p). Which of the two parts is p, the one that is sped up?",
        ],
        reasoning=f"Only the other {1 - waiting:.0%} of the time can vanish: of 100 s, "
        f"{100 * waiting:.0f} s stay, and 100/{100 * waiting:.0f} is {short(right)}. The two parts "
        f"were swapped. Guard: a program that mostly waits cannot gain much, so {short(wrong)} "
        "should look too good.",
    )


@exercise
def claim_2():
    return Formula(
        title="A workshop slide",
        goal="A workshop slide writes Amdahl's law as S = 1/((1 − p) + 1/s), and below it the "
        "limit 1/(1 − p) for s → ∞. The limit is right, the law is not. Find a value of s for "
        "which you know S without any law, and repair the formula. Answer with a formula in p and "
        "s. "
        + _seen(
            "jvff/pcapac_workshop",
            "67822de1a67529195cc7dd1ca29627720b8ffe9d",
            "src/intro_to_opencl/slides/amdahls_law.md",
        ),
        symbols=dict(p=(0.1, 0.9), s=(1.5, 20)),
        key=speedup,
        formula="1 / (1 - p + p/s)",
        slips=[
            Slip(
                PUBLISHED,
                "1/((1-p)+1/s)",
                "This is the published formula. Put s = 1: nothing is sped up, and yet S is below "
                "1.",
            ),
            Slip(
                "serial and parallel swapped",
                "1/(p+(1-p)/s)",
                "Here the part 1 − p is sped up. By its own words p is the parallel part.",
            ),
            Slip(
                "lost parentheses",
                "1/(1-p)+p/s",
                "Both parts of the time belong below the fraction bar.",
            ),
        ],
        hints=[
            "With s = 1 nothing gets faster. What must S be, and what does the slide's formula "
            "give?",
            "Of the old time 1, a part 1 − p stays as it is. How long does the other part take "
            "now?",
        ],
        reasoning="The old time is 1 − p for one part and p for the other; only the second is "
        f"divided by s. The slide's formula gives {short(1 / (1 - 0.9 + 1))} for p = 0.9 and s = "
        "1, where S must be 1. Guard: test a law at its ends, here s = 1. The other end, s → ∞, "
        "hides this slip.",
    )


@exercise
def claim_3(p=0.9, s=4):
    line = 1 / (1 - p) + p / s
    return Number(
        title="A line of Python",
        goal="A file of notes explains Amdahl's law well in its comments, and then writes `speedup "
        f"= 1/(1-p) + p/s`. For p = {p} and s = {s} (our numbers) this line would give "
        f"{short(line)}. What is the speed-up? Answer with a pure number. "
        + _seen(
            "unobatbayar/Big-Data", "1dbe039f067751f6a871009cd12415d044b621ef", "amdahlslaw.py"
        ),
        key=speedup(p, s),
        slips=[
            Slip(
                CLAIM,
                line,
                "This is what the line gives. It is more than s, and more than the ceiling 1/(1 − "
                "p): no speed-up can be. Look at what stands below the fraction bar.",
            ),
            Slip("one letter short", 1 / (1 - p + 1 / s), "You left the numerator of p/s at 1."),
            Slip(
                "everything sped up",
                s,
                "So fast it would be if all of the time were sped up. A part 1 − p is not.",
            ),
        ],
        hints=[
            "Compare what the line gives with s. Can a program gain more than its fastest part?",
            "Python divides before it adds. Write the law on paper, with a long fraction bar.",
        ],
        reasoning=f"The new time is {1 - p:.1f} + {p}/{s} = {short(1 - p + p / s)} of the old one, "
        "and one over that is the speed-up. Python adds p/s *after* dividing. Guard: no speed-up "
        f"by Amdahl's law exceeds s = {s} or the ceiling {short(limit(p))}; the line's value "
        "exceeds both.",
    )


@exercise
def claim_4(x=9, left=0.7):
    before, after = compute_fraction(x, 1, 1), compute_fraction(x, 1, left)
    return Number(
        title="A thinner link",
        goal="With more devices, the article argues, the bandwidth β usually falls; then p = Iβ/(π "
        f"+ Iβ) falls; and then the ceiling 1/(1 − p) rises. Take a task with p = {short(before)}, "
        f"ceiling {short(limit(before))}, that loses {1 - left:.0%} of its bandwidth. Where is its "
        "ceiling then? Answer with a pure number. " + ARTICLE,
        key=limit(after),
        slips=[
            Slip(
                "more bandwidth for less",
                limit(compute_fraction(x, 1, 1 / left)),
                "This ceiling is higher than before. It belongs to *more* bandwidth.",
            ),
            Slip(
                "p in proportion",
                limit(left * before),
                "You made p smaller in proportion. But β stands below the fraction bar too.",
            ),
            Slip(
                "ceiling in proportion",
                left * limit(before),
                "You made the whole ceiling smaller in proportion. Only a part of it hangs on β.",
            ),
            Slip(
                "nothing changes",
                limit(before),
                "This is the ceiling of before. It is one over the waiting part, and that part "
                "grew.",
            ),
        ],
        hints=[
            "Do not follow the words. Loading took 1 s and computing 9 s: what do they take now?",
            "Take the steps one by one: what does p do, then 1 − p, then one over that?",
        ],
        reasoning=f"p falls to {short(after)}, so 1 − p grows, and one over it falls. The last "
        "step of the chain has the wrong sign. In symbols, 1/(1 − p) = 1 + Iβ/π rises with β. "
        "(What the article concludes holds: reality is worse than the ceiling.) Guard: check the "
        "sign of a claim with two numbers.",
    )


@exercise
def claim_5(intensity=4, peak=10400e9, bandwidth=400e9, drawn=8500e9):
    return Number(
        title="A simulator's kernel",
        goal=f"A roofline simulator has a preset for Apple chips. It draws a kernel of {intensity} "
        f"flop/B at {drawn / 1e9:.0f} Gflop/s. The fastest memory of the preset moves "
        f"{si(bandwidth, 'B/s')}, and the fastest compute unit does {peak / 1e9:.0f} Gflop/s. What "
        "is the most that this kernel can reach? Answer in flop/s. " + _seen(*SIMULATOR),
        key=attainable(intensity, peak, bandwidth),
        unit="flop/s",
        slips=[
            Slip(
                PUBLISHED,
                drawn,
                "There the simulator draws it. How many bytes a second would that take?",
            ),
            Slip(
                "the other roof",
                peak,
                "This is the flat roof. At this intensity the slanted one is lower.",
            ),
        ],
        hints=[
            "Each byte that arrives feeds this many flop. How many bytes can arrive in a second?",
            "Two roofs: the peak, and bandwidth times intensity. The lower one counts.",
        ],
        reasoning=f"{si(bandwidth, 'B/s')} × {intensity} flop/B is below the peak, so it is the "
        f"roof. The point as drawn would need {si(drawn / intensity, 'B/s')}. (Reuse in a cache "
        "does not help: it raises the intensity, and moves the point to the right.) Guard: let the "
        "program that draws the roof refuse points above it.",
    )


@exercise
def claim_6(peaks=(400e9, 3200e9), bandwidths=(51.2e9, 76.8e9, 500e9, 1000e9)):
    average = mean(ridge(peak, bandwidth) for peak in peaks for bandwidth in bandwidths)
    return Number(
        title="A simulator's verdict",
        goal="The same simulator calls a kernel memory-bound if its intensity is below the "
        "*average* of all ridge points on the page. A preset for a Xeon has the peaks "
        f"{' and '.join(f'{peak / 1e9:.0f}' for peak in peaks)} Gflop/s (scalar, AVX-512) and the "
        f"bandwidths {', '.join(f'{bandwidth / 1e9:g}' for bandwidth in bandwidths)} GB/s (DDR4, "
        f"DDR5, two caches); the average is {average:.2f} flop/B. Which ridge decides for AVX-512 "
        "code with its data in DDR4? Answer in flop/B. " + _seen(*SIMULATOR),
        key=ridge(peaks[1], bandwidths[0]),
        unit="flop/B",
        slips=[
            Slip(
                CLAIM,
                average,
                "This is the average. No machine has it: a task runs in one compute unit and takes "
                "its data from one memory.",
            ),
            Slip(
                "scalar peak",
                ridge(peaks[0], bandwidths[0]),
                "This is the ridge of scalar code. AVX-512 computes eight times as fast.",
            ),
            Slip("the other memory", ridge(peaks[1], bandwidths[1]), "This is the ridge for DDR5."),
        ],
        hints=[
            "A ridge is one peak over one bandwidth. Which pair does this code use?",
            "The peak of AVX-512 over the bandwidth of DDR4. Mind that both are in G.",
        ],
        reasoning=f"{si(peaks[1], 'flop/s')} over {si(bandwidths[0], 'B/s')}. A DGEMM of 16 "
        "flop/B, which the preset holds too, lies just above the average and is called "
        "compute-bound. From DDR4 it attains "
        f"{compute_utilisation(16, peaks[1], bandwidths[0]):.0%} of the peak. (The same page also "
        "lists each ridge by itself, and those are right.) Guard: before you average, ask whether "
        "anything has the average.",
    )


@exercise
def claim_7(intensity=32, peak=48e9, clock=3e9, per_cycle=5):
    bandwidth, misread = per_cycle * clock, per_cycle * 1e9
    return Number(
        title="A product on one core",
        goal=f"A lecture on one CPU core has a peak of {si(peak, 'flop/s')}, a clock of "
        f"{clock / 1e9:g} GHz, and a memory that delivers {per_cycle} bytes a cycle. For a product "
        f"with {intensity} flop/B one slide computes min({peak / 1e9:.0f}, {per_cycle} × "
        f"{intensity}) = min({peak / 1e9:.0f}, {per_cycle * intensity}) Gflop/s. The minimum "
        f"survives. Which performance must stand in place of {per_cycle * intensity} Gflop/s? "
        'Answer in flop/s, for example "90 Gflop/s". '
        + _seen(
            "zhangce/DATA34100",
            "a85755b0d098764524a95a5f6506eb980bba131c",
            "cpu/lecture10_roofline/lecture-roofline.md",
        ),
        key=balance(intensity, peak, bandwidth) * peak,
        unit="flop/s",
        slips=[
            Slip(
                CLAIM,
                misread * intensity,
                "This takes bytes a cycle for GB a second. A second has more than 10⁹ cycles here.",
            ),
            Slip(
                "the other roof",
                peak,
                "This is the flat roof. Asked is the slanted one, bandwidth times intensity.",
            ),
        ],
        hints=[
            "Write the unit behind every number of min(..., ...). Do both come out in flop/s?",
            "Bytes a cycle times cycles a second gives β. Then β times I.",
        ],
        reasoning=f"β = {per_cycle} × {clock / 1e9:g}e9 = {si(bandwidth, 'B/s')}, times "
        f"{intensity} flop/B. An earlier slide of the same lecture has it right. Here the peak is "
        f"lower than both, so the result survives. Between {short(ridge(peak, bandwidth))} and "
        f"{short(ridge(peak, misread))} flop/B the slip would call a compute-bound task "
        "memory-bound. Guard: carry the units along.",
    )


@exercise
def claim_8(size=1024):
    h100 = device("H100-SXM")

    def intensity(size, number_bytes=2):
        """Of a product of two square matrices, each of the three moved once, flop/B."""
        return 2 * size**3 / (3 * size**2 * number_bytes)

    ridge_point = ridge(h100.peak_fp16, h100.bandwidth)
    least = ridge_point / intensity(1)
    return Number(
        title="A bigger chip",
        goal=f"A lab has a product of two {size} × {size} matrices in FP16, each moved once. On a "
        f"small board it is compute-bound. On an H100 ({si(h100.peak_fp16, 'flop/s')}, "
        f"{si(h100.bandwidth, 'B/s')}), says the key, it is memory-bound, since the ridge is "
        "higher there. From which size N on is a product of two N × N matrices compute-bound on an "
        "H100? Answer with a pure number. "
        + _seen(
            BOOK,
            "78bc87ab9383e6f958412b679bf6b633dafd2bd8",
            "labs/vol1/lab_11_hw_accel.py",
        ),
        key=least,
        slips=[
            Slip(
                "twice too large",
                2 * least,
                "Off by a factor 2: a number in FP16 has 2 bytes, and a multiply-add is two flop.",
            ),
            Slip(
                "the result not stored",
                2 / 3 * least,
                "You moved two matrices. The result is a third one, and must be stored.",
            ),
            Slip(
                "the ridge itself",
                ridge_point,
                "This is the ridge, in flop/B. Which size has this intensity?",
            ),
        ],
        hints=[
            "Two numbers are to be compared: the ridge of the H100 and the product's intensity.",
            "2N³ flop over 3N² numbers of 2 bytes is N/3 flop/B. The ridge is π/β.",
        ],
        reasoning=f"N/3 reaches the ridge, {short(ridge_point)} flop/B, at this N. The lab's "
        f"{size} is above it, with {short(intensity(size))} flop/B: compute-bound, as the lab's "
        "own box just above the key says. That the bigger chip has the higher ridge is right, and "
        "a kernel of 200 flop/B, which the lab names too, is memory-bound on it. Guard: a trend "
        "(bigger chip, higher ridge) does not place a point. Compute it.",
    )


@exercise
def claim_9(operations=8e9, images=1.2e6, epochs=90):
    published = training_work(operations, images, epochs, passes=1)
    right = training_work(resnet(50).forward_work, IMAGENET_IMAGES, epochs)
    return Number(
        title="A training budget",
        goal=f"Training ResNet-50, says the article, takes {operations / 1e9:.0f} G operations for "
        f"one picture, so {epochs} epochs of about {images / 1e6} million pictures take roughly "
        f"{published:.3g}. Count a full run of ResNet-50 v1.5 on the {IMAGENET_IMAGES} pictures of "
        "ImageNet: `from helpers.networks import resnet`, and `resnet(50)` has the network. Answer "
        "in flop, within 2 %. " + ARTICLE,
        key=right,
        unit="flop",
        tolerance=0.02,
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value: only the forward pass of each step.",
            ),
            Slip(
                "backward pass forgotten",
                right / 3,
                "Network and pictures are right. A step also goes backward, which is twice the "
                "work.",
            ),
            Slip(
                "multiply-add counted once",
                right / 2,
                "You counted multiply-adds. Each is two flop.",
            ),
            Slip(
                "only the passes corrected",
                3 * published,
                "You kept the rounded network and the rounded number of pictures.",
            ),
            Slip(
                "rounded network",
                training_work(operations, IMAGENET_IMAGES, epochs),
                "Pictures and passes are right. But you kept the rounded 8 G: take the forward "
                "work of resnet(50).",
            ),
        ],
        hints=[
            "Which pass takes 8 G flop? In a new cell, `resnet(50).forward_work` tells.",
            "A step also has a backward pass, twice the work of the forward pass: V = 3 × forward "
            "work × pictures × epochs.",
        ],
        reasoning=f"The forward pass alone takes {si(resnet(50).forward_work, 'flop')}; the figure "
        f"that the article cites says so. A step takes three times that. Times {IMAGENET_IMAGES} "
        f"pictures and {epochs} epochs: {right / published:.2f} times the published value. Guard: "
        "write behind every count of what it is (flop or multiply-adds, forward or training).",
    )


@exercise
def claim_10():
    h200, h100 = device("H200-SXM"), device("H100-SXM")
    published, right = (ridge(h200.peak_fp16, card.bandwidth) for card in (h100, h200))
    return Number(
        title="A profiler's ridge",
        goal=f"A profiler reported for a run on an H200: a peak of {si(h200.peak_fp16, 'flop/s')} "
        f"in BF16, a memory of {si(h100.bandwidth, 'B/s')}, a ridge of {short(published)} flop/B. "
        "Look the card up: `from helpers.catalog import device`, and `device('H200-SXM')` shows "
        "its row. Where is its ridge? Answer in flop/B. "
        + _reported("GindaChen/nsys-ai", 577, mended=580),
        key=right,
        unit="flop/B",
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the ridge of an H100. The H200 has the same chip, but faster memory.",
            ),
            Slip(
                "sparse peak",
                2 * right,
                "This takes the peak with structured sparsity, which a datasheet prints first. The "
                "dense one is half of it.",
            ),
        ],
        hints=[
            "Compare peak and bandwidth with the row of the card. Which of the two is another "
            "card's?",
            "π stays. Divide it by the H200's own bandwidth.",
        ],
        reasoning=f"The H200 loads {si(h200.bandwidth, 'B/s')}. The profiler looked the card up by "
        "the name of its chip, which an H100 shares. Every kernel between the two ridge points was "
        "called memory-bound and is compute-bound. The right row was in its table all along. "
        "Guard: print the row that was found, not only the result. (Where the chip's name decides, "
        "the profiler now says so.)",
    )


@exercise
def claim_11(fraction=0.5, box=275e12, bandwidth=204e9):
    orin = device("Orin-64")
    published = ridge(fraction * box, bandwidth)
    right = ridge(fraction * orin.peak_fp16, orin.bandwidth)
    return Number(
        title="A small board",
        goal=f"A model of a Jetson AGX Orin (mlsysim) takes {box / 1e12:.0f} Tera operations a "
        f"second from the box, of which half are achieved, and {bandwidth / 1e9:.0f} GB/s. So for "
        f"a network in FP16 it puts the ridge at {short(published)} flop/B. Look the board up: "
        "`from helpers.catalog import device`, and `device('Orin-64')` shows its row. Where is the "
        "ridge for half of the peak that such a network can use? Answer in flop/B. "
        + _reported("datawhalechina/llm-algo-leetcode", 76),
        key=right,
        unit="flop/B",
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. Its peak holds for other numbers, for other units "
                "too, and for sparse matrices.",
            ),
            Slip(
                "one half too few",
                right / fraction,
                "Off by a factor 2: only half of the dense FP16 peak is achieved. (A sparse or an "
                "INT8 peak would also be twice as high.)",
            ),
        ],
        hints=[
            "For which numbers is the figure on the box, and which does the network use?",
            "Half of the dense FP16 peak, over the bandwidth.",
        ],
        reasoning=f"The GPU's dense FP16 peak is {si(orin.peak_fp16, 'flop/s')}. The figure on the "
        "box is for sparse INT8: the table of the model had only that, and fell back to it. A "
        "reader who recomputed its table by hand saw it and said so. The box has "
        f"{box / orin.peak_fp16:.1f} times the dense FP16 peak: 2 for sparsity, 2 for INT8, the "
        "rest for units that are not the GPU. Guard: a missing peak is not to be replaced by "
        "another one. Let the tool say that it is missing.",
    )


@exercise
def claim_12(intensity=334):
    flop = linear_work(1, 1)  # of one multiply-add
    return Number(
        title="An axis of a roofline",
        goal="A notebook draws rooflines of a GPU for language models. A comment in its code says "
        "that the horizontal axis is in *multiply-adds* per byte. The label under it says "
        f"OPs/byte. A kernel does {intensity} flop/B, as this series counts. At which number does "
        "it belong on an axis in multiply-adds per byte? Answer with the number alone. "
        + _seen(
            "hahnyuan/LLM-Viewer",
            "472f71f1a1807e80b573252e9185fd5e8d795e95",
            "examples/plot_roofline.ipynb",
        ),
        key=intensity / flop,
        slips=[
            Slip(
                CLAIM,
                intensity,
                "This is its place on an axis of operations. One multiply-add is two of them.",
            ),
            Slip(
                "the wrong way",
                intensity * flop,
                "There are fewer multiply-adds than flop, not more.",
            ),
        ],
        hints=[
            "How many flop is a·b + c?",
            "The same kernel has fewer multiply-adds than flop, so it stands farther left.",
        ],
        reasoning=f"One multiply-add is {flop:.0f} flop. The peak that is plotted counts both, so "
        "here the label is right and the comment is not. Whoever trusts the comment puts every "
        "kernel too far left. Guard: one name for one unit, in code and on the axis.",
    )


@exercise
def claim_13(printed=624e12):
    a100 = device("A100-80")
    # Numbers stored in FP8 are computed in FP16 where there are no units for FP8.
    peak = a100.peak_fp16 if math.isnan(a100.peak_fp8) else a100.peak_fp8
    published = ridge(printed, a100.bandwidth)
    return Number(
        title="A table of peaks",
        goal=f"The first table of a guide gives the A100 {printed / 1e12:.0f} Tflop/s in FP8, "
        f"without sparsity. With the {si(a100.bandwidth, 'B/s')} of the 80 GB card that is a ridge "
        f"of {short(published)} flop/B. Look the card up: `from helpers.catalog import device`, "
        "and `device('A100-80')` shows its row. Where is the ridge of a product whose matrices are "
        "*stored* in FP8? Answer in flop/B. "
        + _seen(
            "stas00/ml-engineering",
            "744d01e18b79512572f64a6bbd8b5f4a725203a7",
            "compute/accelerator/README.md",
        ),
        key=ridge(peak, a100.bandwidth),
        unit="flop/B",
        slips=[
            Slip(
                CLAIM,
                published,
                "This trusts the table. Which of the card's units would compute so fast in FP8?",
            ),
            Slip(
                "sparse peak",
                2 * published,
                "This takes a peak with structured sparsity, which the table prints beside it.",
            ),
            Slip(
                "FP32",
                ridge(a100.peak_fp32, a100.bandwidth),
                "You took the FP32 units. There are faster ones for numbers that FP8 fits into.",
            ),
        ],
        hints=[
            "Which units does the card have? A peak that it lacks is NaN in our catalogue, never a "
            "guess.",
            "What it cannot multiply in FP8 it must first turn into the next format that it can. "
            "The memory still delivers the same bytes.",
        ],
        reasoning=f"`device('A100-80').peak_fp8` is {a100.peak_fp8}: FP8 units came with the H100. "
        f"So the numbers are turned into FP16 and multiplied there, with {si(peak, 'flop/s')}. The "
        f"printed number is the INT8 peak, {si(a100.peak_int8, 'op/s')}: both take one byte, which "
        "makes them easy to mix up. (The guide's big comparison table, farther down, has an X "
        "there.) Guard: an empty field is information. Keep it empty.",
    )


@exercise
def claim_14():
    def key(pi, beta, I):
        return limit(balance(I, pi, beta))

    return Formula(
        title="A bound",
        goal="For a memory-bound task of intensity I the article takes p = βI/π, and concludes "
        "that its speed-up is at most 1/(π − βI). Check the unit of that. Then work out what 1/(1 "
        "− p) is for this p, as one fraction. Answer with a formula in pi, beta and I. " + ARTICLE,
        symbols=dict(pi=(8.0, 9.0), beta=(1.0, 2.0), I=(1.0, 3.0)),
        key=key,
        formula="pi / (pi - beta*I)",
        slips=[
            Slip(
                PUBLISHED,
                "1/(pi-beta*I)",
                "This is the published formula. Its unit is 1/(flop/s), and a speed-up has none.",
            ),
            Slip(
                "upside down", "(pi-beta*I)/pi", "This is below 1. You have 1 − p, not one over it."
            ),
        ],
        hints=[
            "π and βI are both in flop/s. In which unit is one over their difference?",
            "Write 1 − βI/π as one fraction, and turn it over.",
        ],
        reasoning="1 − p = 1 − βI/π = (π − βI)/π, turned over; a factor π was lost on the way. "
        "Even so it is no bound here: Amdahl's p is a share of time *without* overlap, and this "
        "task overlaps. (βI/π is the share of time in which its compute unit works.) With overlap "
        f"and x = 0.5 it gains {short(pipelined_speedup(0.5, 100))} from a compute unit 100 times "
        f"as fast, and overlap itself was worth {short(overlap_gain(0.5))}. Guard: check the unit "
        "of every result.",
    )


@exercise
def claim_15(intensity=60):
    v100 = device("V100-SXM2")
    ridge_point = ridge(v100.peak_fp32, v100.bandwidth)
    x = intensity / ridge_point
    return Number(
        title="A magic cure",
        goal="That a speed-up ends at 1/(1 − p) is sad, says the article, but there is a magic "
        "cure that brings p close to 1 and so raises the speed-up: pipelining. Take a task of "
        f"{intensity} flop/B on a V100 (FP32: {si(v100.peak_fp32, 'flop/s')}, "
        f"{si(v100.bandwidth, 'B/s')}). At first loading and computing take turns. Then they "
        "overlap perfectly, and the compute unit becomes as fast as you like. How many times as "
        "fast as at first is the task at most? Answer with a pure number. " + ARTICLE,
        key=speedup_over_serial(x, math.inf),
        slips=[
            Slip(
                "against the overlapped start",
                pipelined_speedup(x, math.inf),
                "You compare with a task that overlaps already. Asked is the gain over taking "
                "turns.",
            ),
            Slip(
                "overlap alone",
                overlap_gain(x),
                "This is what overlap gives by itself. The compute unit gets faster as well.",
            ),
            Slip(
                "gain on gain",
                overlap_gain(x) * limit(x / (1 + x)),
                "You multiplied the gain of overlap with the old ceiling. But overlap hides the "
                "shorter of the two times, and a fast compute unit leaves little to hide.",
            ),
        ],
        hints=[
            "Say both times in units of the time for loading. What is left when computing takes "
            "none?",
            "Loading takes 1, computing x = I/I\\*. Before: the sum. After: the larger one.",
        ],
        reasoning=f"The ridge is at {short(ridge_point)} flop/B, so x = "
        f"{intensity}/{short(ridge_point)} = {short(x)}. Before, the task takes 1 + x, in units of "
        "the loading; it can never take less than the loading, 1. That is the old ceiling, 1/(1 − "
        "p) = 1 + x, to the digit: overlap reaches it, at s = x, and does not lift it. For a given "
        f"s it does raise the speed-up, for s = 1 by {short(overlap_gain(x))} times. Guard: ask "
        "what becomes the limit once the old one is gone.",
    )


@exercise
def claim_16(stages=4, chunks=16):
    published, right = (stages - 1) / (stages * chunks), pipeline_bubble(stages, chunks)
    return Number(
        title="An idle share",
        goal=f"A lab cuts a network into {stages} equal stages on as many devices, and a batch "
        f"into {chunks} micro-batches. It writes the share of idle time (the bubble) as (K − "
        f"1)/(K·M), with K stages and M micro-batches: {published:.1%}. Draw the timeline, or "
        "count. What is the share? Answer with a fraction or in %. " + _seen(*LAB),
        key=right,
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. It divides by K·M steps, as if the stages took turns "
                "with every micro-batch. But they work at the same time.",
            ),
            Slip(
                "idle over busy",
                (stages - 1) / chunks,
                "This compares idle with busy time. The share is idle time over the whole.",
            ),
            Slip("the busy share", 1 - right, "This is the share in which a device works."),
        ],
        hints=[
            "Follow one device: how many time steps does it work, and how many does the whole "
            "take?",
            "Each device works M steps. The last one starts K − 1 steps after the first.",
        ],
        reasoning=f"The whole takes M + K − 1 = {chunks + stages - 1} steps, and each device works "
        f"{chunks} of them, so {stages - 1} of {chunks + stages - 1} are idle: {right:.1%}. With a "
        f"single micro-batch both formulas agree ({pipeline_bubble(stages, 1):.0%}), which hides "
        "the slip. Guard: test a formula at more than its easiest point.",
    )


@exercise
def claim_17(
    parameters=175e9,
    tokens=2048,
    hidden=0.5,
    devices=256,
    guess=10,
    says=(0.50, 0.55),
    prints=0.002,
):
    h100 = device("H100-SXM")
    port = interconnects().at["InfiniBand NDR 4x", "one_way"]
    compute = training_time(6 * parameters * tokens, h100.peak_fp16, 0.5)  # one sequence
    reduce = allreduce_time(2 * parameters, devices, port)
    visible = (1 - hidden) * reduce

    def share(compute=compute, visible=visible):
        """Computing over computing plus visible communication."""
        return compute / step_time(compute, visible)

    return Number(
        title="An efficiency",
        goal=f"A lab trains {parameters / 1e9:.0f} G parameters on {devices} H100s by data "
        f"parallelism. Its text says: if computing takes about {guess} s in a step, and half of "
        f"the all-reduce (2 bytes a parameter, {si(port, 'B/s')}) is hidden, the efficiency is "
        f"{100 * says[0]:.0f} to {says[1]:.0%}. Its program has 6 × {parameters / 1e9:.0f}e9 × "
        f"{tokens} flop, by its comment for a micro-batch of one sequence, divides them by "
        f"{devices} times half of {si(h100.peak_fp16, 'flop/s')}, and prints {prints:.1%}. Which "
        "efficiency (computing over computing plus visible communication) do you find, with one "
        "such sequence on each GPU? Answer with a fraction or in %, within 5 %. " + _seen(*LAB),
        key=share(),
        tolerance=0.05,
        slips=[
            Slip(
                PUBLISHED,
                prints,
                "This is what the program prints. What does each GPU compute, and in which time?",
            ),
            Slip(
                "a sequence in pieces",
                share(compute / devices),
                "You divided one sequence among all GPUs, as the program does. In data parallelism "
                "each GPU has a micro-batch of its own.",
            ),
            Slip(
                "what the text says",
                mean(says),
                "This is the text's figure, for another computing time. How long does one sequence "
                "take?",
            ),
            Slip(
                "the guessed seconds",
                share(guess),
                "You took the computing time of the text. One sequence takes another one.",
            ),
            Slip(
                "nothing hidden",
                share(visible=reduce),
                "You made all of the all-reduce visible. The lab takes half of it as hidden.",
            ),
        ],
        hints=[
            "Two times are needed. First: flop of one sequence, over what *its* GPU does in a "
            "second.",
            "The all-reduce sends 2(n − 1)/n times 2 bytes a parameter. Half of that time is "
            "visible.",
            "Efficiency is c/(c + a/2), with c the computing and a the all-reduce.",
        ],
        reasoning=f"Computing takes {duration(compute)}, visible communication "
        f"{duration(visible)}. Data parallelism gives each GPU a micro-batch of its own; one "
        f"sequence cannot be divided among them, so the division by {devices} has no place here. "
        f"The text's {guess} s stand there as an *if*; they would be {guess / compute:.1f} "
        f"sequences on each GPU. (With them the lab's formula gives {share(guess):.0%}, as a box "
        "of the lab says.) Guard: let the text take its numbers from the program, and stop where "
        "the two differ.",
    )


@exercise
def claim_18(ratio=2):
    published = 1 + ratio
    return Number(
        title="A table of overlaps",
        goal="A book on distributed training had a table of what overlap gains over taking turns, "
        "by the time for communication in units of that for computing. For a ratio of "
        f"{ratio:.2f} and perfect overlap it held {published:.2f} times. How many times as fast as "
        "taking turns is such a step? Answer with a pure number. "
        + _seen(
            TRAINING_BOOK,
            "10b3e761ebeebd7cdba26c8711e1313ee56dc672",
            "docs/efficiency/31-overlapping-communication.md",
            mended="3c3e1275128ec752df01492fead3d4cf8b49d353",
        ),
        key=overlap_gain(ratio),
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. It hides all of the communication. Behind what? Say "
                "both times in seconds.",
            ),
            Slip(
                "the largest gain",
                overlap_gain(1),
                "So much overlap gains at best, where both take equally long.",
            ),
        ],
        hints=[
            f"Computing takes 1 s, communication {ratio} s. How long do both take in turns?",
            "With perfect overlap the longer of the two is left.",
        ],
        reasoning=f"In turns: {1 + ratio} s. Overlapped: the longer one, {ratio} s. The formula "
        "behind the table took the whole communication off, also where it is longer than the "
        "computing that hides it; for ratios up to 1 the table was right. Guard: what overlaps two "
        f"parts gains {overlap_gain(1):.0f} at most.",
    )


@exercise
def claim_19(parameters=7e9, tokens=1e6, devices=64, number_bytes=2, peak=989e12, network=50e9):
    work, size = 6 * parameters * tokens, number_bytes * parameters
    published = work / (2 * size)
    right = network_intensity(work / devices, size, devices)
    return Number(
        title="A network intensity",
        goal=f"The same book trains {parameters / 1e9:.0f} G parameters on {devices} GPUs by data "
        f"parallelism, with {tokens / 1e6:.0f} M tokens in a step of all together. It divides 6 × "
        f"{parameters / 1e9:.0f}e9 × {tokens / 1e6:.0f}e6 flop by the 2 × {number_bytes} × "
        f"{parameters / 1e9:.0f}e9 bytes of a ring all-reduce, and finds {published:.0f} "
        f"flop/B, far above {ridge(peak, network):.0f}, the peak of an H100 over its InfiniBand. "
        "How many flop does a GPU do for each byte that it sends? Answer in flop/B, within 2 %. "
        + _seen(
            TRAINING_BOOK,
            "30d7e6a44b290296a6a2e5ed357853c5603f0a96",
            "docs/foundations/02-extended-roofline.md",
            mended="0583e912ee9befa79edbbc6a8f31d2fb9277dac0",
        ),
        key=right,
        unit="flop/B",
        tolerance=0.02,
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. Whose flop are these, and whose bytes?",
            ),
            Slip(
                "half a ring",
                2 * right,
                "Off by a factor 2: a ring all-reduce sends the array nearly twice.",
            ),
        ],
        hints=[
            "Count for one GPU: which share of the tokens is its own?",
            f"A GPU has a {devices}th of the flop. It sends 2(n − 1)/n times the gradients, as "
            "each of the others does.",
        ],
        reasoning=f"The flop were those of all {devices} GPUs, the bytes those of one. "
        f"{short(right)} is only just above {ridge(peak, network):.0f}: with half the batch this "
        "run would wait for its network, and the book's corrected page says so. Guard: count flop "
        "and bytes of the same thing.",
    )


@exercise
def claim_20(nvlink=900e9, infiniband=50e9):
    peak = device("H100-SXM").peak_bf16
    links = interconnects()["one_way"]
    inside, between = (float(links[name]) for name in ("NVLink 4 (H100/H200)", "InfiniBand NDR 4x"))
    published, right = ridge(peak, nvlink), ridge(peak, inside)
    return Number(
        title="Two links",
        goal=f"An exercise of the same book sets the {si(peak, 'flop/s')} of an H100 over its "
        f"NVLink of {si(nvlink, 'B/s')}, a ridge of {published:.0f} flop/B, and over an InfiniBand "
        f"port of {si(infiniband, 'B/s')} (400 Gbit/s), a ridge of {ridge(peak, infiniband):.0f}: "
        f"{nvlink / infiniband:.0f} times as far. Look both links up: `from helpers.catalog import "
        "interconnects`, and `interconnects()` has the table. Where is the ridge of the NVLink if "
        "it is counted as the port is? Answer in flop/B. "
        + _seen(TRAINING_BOOK, NEWEST, "docs/foundations/02-extended-roofline.md"),
        key=right,
        unit="flop/B",
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. Does each of the two bandwidths count one way?",
            ),
            Slip("bits for bytes", 8 * right, "You took the table's GB/s for Gbit/s."),
        ],
        hints=[
            "Each link has two columns in the table. Which column holds each of the two figures?",
            "The peak over the bandwidth of the NVLink, one way.",
        ],
        reasoning=f"{si(nvlink, 'B/s')} adds up both directions, {si(infiniband, 'B/s')} is one. "
        f"So the ridge points are {inside / between:.0f} times apart, not "
        f"{nvlink / infiniband:.0f}. What the page concludes, that a split of layers belongs "
        "inside the machine, survives. (The page has it so in the newest version that we read.) "
        "Guard: write *one way* behind every bandwidth of a link.",
    )


@exercise
def claim_21(printed=81):
    return Number(
        title="A number of chips",
        goal="A book compares two ways to split a layer over N chips. One takes 4BD/(3W) to "
        f"communicate, the other √128·BD/(√N·W). So the second is the better one, it says, for N > "
        f"{printed}. For which N are both the same? (B, D and W are the same in both.) Answer with "
        "a pure number. "
        + _seen("jax-ml/scaling-book", "0819a7d8c55ddc113f5cba0285a5f97380cac1e3", "inference.md"),
        key=128 * (3 / 4) ** 2,
        slips=[
            Slip(
                PUBLISHED,
                printed,
                "This is the published value. Put it into both times: are they the same?",
            ),
            Slip("not squared", 128 * 3 / 4, "You have √N in the equation. Square all of it."),
        ],
        hints=[
            "Write the equation of the two times, and strike out what stands on both sides.",
            "√N = √128 · 3/4. Now square it.",
        ],
        reasoning=f"√N = √128 · 3/4, so N = 128 · 9/16. At {printed} chips the second way takes "
        f"{math.sqrt(128 / printed) * 3 / 4:.2f} of the time of the first. The page has the right "
        "product and a wrong result behind it; a copy that we read too has both right. Guard: put "
        "the result back into the equation.",
    )


@exercise
def claim_22(published=2500, network=400e9):
    b200, h100 = device("B200-SXM"), device("H100-SXM")
    right = ridge(b200.peak_bf16, network)
    return Number(
        title="Tokens for each GPU",
        goal="A chapter on GPUs of the same book works out when data parallelism is compute-bound: "
        "each GPU needs more tokens in a step than its BF16 peak over the bandwidth by which the "
        f"gradients leave, in flop/B. Between machines it takes {si(network, 'B/s')} for that, "
        f"with H100 and with B200 alike. Its takeaway: about {published} tokens for each GPU, on "
        "an H100 or B200. Look the card up: `from helpers.catalog import device`, and "
        "`device('B200-SXM')` shows its row. How many tokens does a B200 need between machines? "
        "Answer with a pure number. " + _seen(*GPUS),
        key=right,
        slips=[
            Slip(
                PUBLISHED,
                published,
                "This is the published value. It fits an H100 between machines, and a B200 inside "
                "one.",
            ),
            Slip(
                "sparse peak",
                2 * right,
                "This takes the peak with structured sparsity, or the one of FP8.",
            ),
        ],
        hints=[
            "The B200 computes faster than the H100. Is the network between machines faster too?",
            "The BF16 peak of the B200 over the bandwidth between machines.",
        ],
        reasoning=f"The peak grows {b200.peak_bf16 / h100.peak_bf16:.2f} times, the network "
        "between machines not at all, so the ridge grows as much. The chapter's own quiz has this "
        "number; its takeaway speaks of both cards at once. Guard: a rule of thumb belongs to the "
        "machine it was made on.",
    )


@exercise
def claim_23(says=4e6, sequences=15360, sequence=4096, devices=2048, peak=990e12, network=300e9):
    right, claimed = sequences * sequence / devices, says / devices
    least = ridge(peak, network)
    return Number(
        title="A batch in two places",
        goal=f"The same chapter says that DeepSeek V3, on {devices} GPUs, needs {least:.0f} tokens "
        f"for each GPU in a step to be compute-bound, and that it used {says / 1e6:.0f} M tokens "
        f"in all. Some pages later it gives the batch in steady state: {sequences} sequences of "
        f"{sequence} tokens. How many tokens has each GPU then? Answer with a pure number. "
        + _seen(*GPUS),
        key=right,
        slips=[
            Slip(
                CLAIM,
                claimed,
                "This follows from the first of the two places. Which batch does the second give?",
            ),
            Slip(
                "all GPUs together",
                sequences * sequence,
                "This is the batch of all GPUs. Asked is the share of each.",
            ),
        ],
        hints=[
            "Sequences times their length is the batch of all GPUs.",
            f"Divide it among the {devices} GPUs.",
        ],
        reasoning=f"{sequences} × {sequence} = {short(sequences * sequence)} tokens, which is "
        f"{sequences * sequence / says:.1f} times the {says / 1e6:.0f} M. By that rule the verdict "
        "hangs on it: "
        f"{claimed:.0f} tokens are below {least:.0f}, and {right:.0f} are far above. Guard: a "
        "number that is needed twice should be computed once.",
    )


@exercise
def claim_24(days=54, devices=16384, parameters=405e9, tokens=15.6e12, hours=30.84e6):
    h100 = device("H100-SXM")
    work = 6 * parameters * tokens
    published = achieved_fraction(work, days * 86400, h100.peak_bf16, devices)
    right = achieved_fraction(work, 3600 * hours, h100.peak_bf16)
    return Number(
        title="A case study",
        goal=f"A case study says that a model of {parameters / 1e9:.0f} G parameters was trained "
        f"on {tokens / 1e12} T tokens in about {days} days, on {devices} H100s of "
        f"{si(h100.peak_bf16, 'flop/s')}. With 6 flop for each parameter and token that suggests "
        f"to it an MFU closer to {published:.0%}, or less work. The [card of the model]({CARD}) "
        f"has {hours / 1e6} M GPU hours. Which MFU do these hours give? Answer with a fraction or "
        "in %. " + _seen(TRAINING_BOOK, NEWEST, "docs/synthesis/34-case-study-llama3.md"),
        key=right,
        slips=[
            Slip(
                PUBLISHED,
                published,
                f"This is the published value. How many GPU hours are {days} days of all GPUs?",
            ),
            Slip(
                "multiply-adds",
                right / 2,
                "Off by a factor 2: 6 for each parameter and token counts flop already.",
            ),
        ],
        hints=[
            "An MFU needs work, peak and device time; days and number of GPUs are not needed.",
            "Work over (GPU hours × 3600 s × the peak of one GPU).",
        ],
        reasoning=f"{hours / 1e6} M hours on {devices} GPUs are "
        f"{duration(3600 * hours / devices)}, not {days}. Further down the chapter itself speaks "
        "of about 30 %. (The card says how much GPU time the training took, not for how many days "
        "it ran.) Guard: devices times time must be the device time.",
    )


@exercise
def claim_25(achieved=400e12, entry=1979e12):
    h100, h200 = device("H100-SXM"), device("H200-SXM")
    right, claimed = achieved / h200.peak_bf16, achieved / entry
    return Number(
        title="Two cards of a library",
        goal="A training library works out the MFU with a table of peaks. For BF16 it had "
        f"{si(h100.peak_bf16, 'flop/s')} for an H100 and {entry / 1e12:.0f} Tflop/s for an H200. "
        f"So a run that attains {si(achieved, 'flop/s')} on each H200 (our number) would have an "
        f"MFU of {claimed:.1%}. Look the cards up: `from helpers.catalog import device`, and "
        "`device('H200-SXM')` shows a row. What is the MFU? Answer with a fraction or in %. "
        + _reported("Lightning-AI/pytorch-lightning", 21677, mended=21743),
        key=right,
        slips=[
            Slip(
                CLAIM,
                claimed,
                "This trusts the table. Does the H200 compute faster than the H100, or only load?",
            ),
            Slip(
                "halved twice",
                2 * right,
                "Off by a factor 2: the catalogue's peaks are dense, so there is nothing to halve.",
            ),
        ],
        hints=[
            "The two cards have the same chip and other memories. Compare their rows.",
            "The flop/s that are attained over the card's dense BF16 peak.",
        ],
        reasoning=f"Both cards have {si(h200.peak_bf16, 'flop/s')} in BF16: the table held the "
        "dense peak of one and the peak with structured sparsity of the other, as the datasheets "
        "print it first. So a mere change of cards would have seemed to cost half of the MFU. "
        "Guard: write *dense* behind every peak.",
    )


@exercise
def claim_26(fraction=0.4, left=989.5e12):
    a100 = device("A100-80")
    return Number(
        title="Too high or too low",
        goal=f"A small training program divides by {si(left, 'flop/s', 4)}, the BF16 peak of an "
        "H100, on whatever card it runs. A report said so, and that on an A100 the MFU would "
        f"therefore be about {left / a100.peak_bf16:.1f} times too high. Take a run on an A100 "
        f"with a true MFU of {fraction:.0%} (our number; `from helpers.catalog import device`, and "
        "`device('A100-80')` shows the card). Which MFU does the program print? Answer with a "
        "fraction or in %. " + _reported("karpathy/autoresearch", 5),
        key=fraction * a100.peak_bf16 / left,
        slips=[
            Slip(
                CLAIM,
                fraction * left / a100.peak_bf16,
                "This is above 1. Is a quotient larger or smaller if it is divided by more?",
            ),
            Slip("unchanged", fraction, "This would be the true one, by the card's own peak."),
        ],
        hints=[
            "How many flop/s does the card attain, with its own peak?",
            "These flop/s over the peak that the program takes.",
        ],
        reasoning=f"{si(fraction * a100.peak_bf16, 'flop/s')} over {si(left, 'flop/s', 4)}: too "
        f"*low* by a factor of {left / a100.peak_bf16:.2f}. The report names the fault and its "
        "size, and errs in the direction. (A peak that is too small makes the figure too high.) "
        "Guard: try a claim of direction on one number.",
    )


@exercise
def claim_27(percent=50.14, tokens=3623, devices=128, parameters=6_658_859_008):
    a100 = device("A100-40")
    right = percent / 100 * a100.peak_bf16
    return Number(
        title="A column of a table",
        goal=f"A row of a table of training runs, of {devices} A100s: MFU {percent} (in %), "
        f"{tokens} tokens a second for each GPU, {parameters} parameters, and, in the column that "
        f"other tables head Model TFLOP, {percent * a100.peak_bf16:.6E}. In the tables of H100s it "
        "holds the flop/s of each GPU. Look the card up: `from helpers.catalog import device`, and "
        "`device('A100-40')` shows its row. What should it hold here? Answer in flop/s. "
        + _seen(
            "mosaicml/llm-foundry",
            "061f2c7ce64e655100286584a7629e2a09f827ba",
            "scripts/train/benchmarking/README.md",
        ),
        key=right,
        unit="flop/s",
        slips=[
            Slip(
                PUBLISHED,
                percent * a100.peak_bf16,
                "This is the published value. How many times the card's peak is it?",
            ),
            Slip(
                "all GPUs together",
                devices * right,
                "So much they compute together. Asked is one GPU.",
            ),
            Slip(
                "attention left out",
                6 * parameters * tokens,
                "This is 6 flop for each parameter and token. The table's MFU counts attention "
                "too.",
            ),
        ],
        hints=[
            "Compare it with 6 flop for each parameter and token, times the tokens in a second.",
            "The MFU is a share of the card's BF16 peak.",
        ],
        reasoning=f"{percent} % of {si(a100.peak_bf16, 'flop/s')}. The column has {percent} times "
        "the peak: per cent was taken for a fraction. By the tokens it would be "
        f"{si(6 * parameters * tokens, 'flop/s')} and attention's share. MFU and tokens of the row "
        "agree, so nothing that was concluded from them is hurt. Guard: no card computes more than "
        "its peak.",
    )


@exercise(p=FRACTION, n=ABOVE_ONE)
def your_find(p=0.8, n=5):
    time = 1 - p + p / n
    return Number(
        title="Your own find",
        goal="Now find a claim yourself: a talk, a paper, a README that says which share p of a "
        "program runs in parallel (or how much is serial), and on how many processors n. What does "
        "Amdahl's law allow? Give p and n with your answer, `check(answer, p=..., n=...)`, and "
        "compare with what is claimed or measured there. Answer with a pure number.",
        key=speedup(p, n),
        slips=[
            Slip(
                "serial and parallel swapped",
                speedup(1 - p, n),
                "You took the serial share for p. Tell which of the two the source gives.",
            ),
            Slip(
                "lost parentheses",
                limit(p) + p / n,
                "Both parts of the time belong below the fraction bar.",
            ),
            Slip(
                "one letter short",
                1 / (1 - p + 1 / n),
                "Only a part p of the time is divided by n, not the whole.",
            ),
            Slip(
                "ceiling for speed-up",
                limit(p),
                "This is the ceiling for endless processors. You have n.",
            ),
        ],
        hints=[
            "Is the share in the source parallel or serial? p is the parallel one, as a fraction.",
            "The new time is 1 − p + p/n of the old one.",
        ],
        reasoning=f"With p = {short(p)} and n = {short(n)} the new time is {short(time)} of the "
        "old one. More than that is claimed? Then p is larger, the work grew with n, or somebody "
        "slipped. Less? Then something else costs time.",
    )


def published_factors():
    """By which factor, at least 1, each result that a source prints is off, in the order of the
    exercises."""
    questions = [value.asked() for value in globals().values() if isinstance(value, Exercise)]
    ratios = [
        slip.wrong / question.key
        for question in questions
        if isinstance(question, Number)
        for slip in question.slips
        if slip.name == PUBLISHED
    ]
    return [max(ratio, 1 / ratio) for ratio in ratios]
