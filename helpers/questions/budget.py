"""Exercises of notebook 01: the compute budget."""

from math import ceil

from helpers.budget import (
    IMAGENET_IMAGES,
    achieved_fraction,
    convolution_work,
    training_time,
    training_work,
)
from helpers.catalog import device, devices
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import resnet
from helpers.ranges import AT_LEAST_ONE, POSITIVE
from helpers.words import duration, short, si

NOTEBOOK = "01_compute_budget.ipynb"
EPOCHS = 90

RESNET = resnet(50)
BUDGET = training_work(RESNET.forward_work, IMAGENET_IMAGES, EPOCHS)  # V of ResNet-50 v1.5, flop


@exercise
def one_layer_trained(channels=64, side=224, kernel=3, batch=32):
    def layer(read=channels):
        """Forward work of this convolution for one picture, flop."""
        return convolution_work(read, channels, kernel, side, side)

    return Number(
        title="One layer in training",
        goal=f"The second convolution of VGG-16 reads {channels} channels of {side} × {side} "
        f"numbers and writes {channels} channels of the same size, with filters of {kernel} × "
        f"{kernel}. How much work is one *training step* for this layer alone, with a batch of "
        f"{batch} pictures? Answer in flop.",
        key=training_work(layer(), examples=batch, epochs=1),
        unit="flop",
        slips=[
            Slip(
                "multiply-add counted once",
                3 * batch * layer() / 2,
                "You counted multiply-adds. Each is a multiplication and an addition.",
            ),
            Slip(
                "backward pass forgotten",
                batch * layer(),
                "This is the forward pass. A training step also computes two gradients.",
            ),
            Slip(
                "backward pass alone",
                2 * batch * layer(),
                "This is the backward pass. The forward pass has to be done as well.",
            ),
            Slip(
                "one picture for the batch",
                3 * layer(),
                "This is a step for one picture. The batch has more of them.",
            ),
            Slip(
                "one channel read",
                3 * batch * layer(read=1),
                "Each filter reads all input channels, not one: its numbers are a block, not a "
                "square.",
            ),
        ],
        hints=[
            "Begin with one output number: how long is its dot product?",
            "Forward work = 2 × kernel² × input channels × output channels × height × width.",
            "A step is three forward passes, for each picture of the batch.",
        ],
        reasoning=f"Each output number is a dot product of {kernel} · {kernel} · {channels} = "
        f"{kernel**2 * channels} numbers, and there are {channels} · {side} · {side} outputs. That "
        f"is {si(layer(), 'flop')} forward for each picture; times three for training, times "
        f"{batch} pictures. Forward, this one layer is {layer() / RESNET.forward_work:.0%} of the "
        "whole ResNet-50.",
    )


@exercise
def sharper_picture(side=288):
    area = (side / 224) ** 2
    work = sum(
        layer.flops * (area if layer.kind == "convolution" else 1)
        for layer in RESNET.layers
        if layer.macs
    )
    return Number(
        title="A sharper picture",
        goal=f"A ResNet-50 reads pictures of {side} × {side} in place of 224 × 224 pixels. Its "
        "filters stay as they are; the last pooling still leaves one number for each channel. How "
        "much work is the forward pass for one picture now? (`resnet` has no argument for it: "
        "start from `resnet(50)` and think.) Answer in flop.",
        key=work,
        unit="flop",
        slips=[
            Slip(
                "side for area",
                RESNET.forward_work * side / 224,
                "You scaled with the side. A picture grows in height and in width.",
            ),
            Slip(
                "parameters for work",
                RESNET.forward_work,
                "The filters stay the same, so the parameters do. But each filter visits more "
                "places.",
            ),
            Slip(
                "multiply-add counted once",
                work / 2,
                "You scaled rightly, but counted multiply-adds.",
            ),
            Slip(
                "backward pass forgotten",
                3 * work,
                "Only the forward pass is asked for; you counted a training step.",
            ),
        ],
        hints=[
            "Which factors of a convolution's work depend on the size of the picture?",
            "Every convolution's output grows by the same factor in height, and by the same in "
            "width.",
            "Multiply the forward work by (new side / 224)². The fully connected layer does not "
            "grow, but it is too small to matter here.",
        ],
        reasoning=f"Height and width both grow {short(side / 224)} times, so every convolution has "
        f"{short(area)} times as many output places, each with the same dot product. The fully "
        f"connected layer keeps its {si(RESNET.layers[-1].flops, 'flop')}. No parameter was added: "
        "the size of a network does not tell its work.",
    )


@exercise
def separable():
    def share(c, d, k):
        """Work of the two over that of the ordinary one, at one output place."""
        cheap = convolution_work(c, c, k, 1, 1, groups=c) + convolution_work(c, d, 1, 1, 1)
        return cheap / convolution_work(c, d, k, 1, 1)

    return Formula(
        title="A cheap convolution",
        goal="MobileNet replaces an ordinary k × k convolution from c to d channels by two: first, "
        "each of the c channels is filtered by one k × k filter of its own; then an ordinary 1 × 1 "
        "convolution makes d channels of the c. Height and width stay. Derive (work of the two) / "
        "(work of the ordinary one), a formula in `c`, `d`, `k`.",
        symbols=dict(c=range(8, 513), d=range(8, 513), k=range(2, 8)),
        key=share,
        formula="1/d + 1/k**2",
        slips=[
            Slip("second part forgotten", "1/d", "You counted the first of the two only."),
            Slip("first part forgotten", "1/k**2", "You counted the 1 × 1 convolution only."),
            Slip(
                "side for area",
                "1/d + 1/k",
                "A k × k filter has as many numbers as a square of side k, not k of them.",
            ),
            Slip(
                "ratio upside down",
                "1/(1/d + 1/k**2)",
                "This is how much cheaper the two are; asked is their share of the ordinary work.",
            ),
            Slip(
                "all channels read",
                "c/d + 1/k**2",
                "In the first part each filter reads one channel, not all c of them.",
            ),
        ],
        hints=[
            "Count multiply-adds for one output place; height and width cancel.",
            "The ordinary convolution takes k² · c multiply-adds for each of its d channels.",
            "The first part takes k² multiply-adds for each of c channels, the second takes c for "
            "each of d. Add, and divide by the ordinary count.",
        ],
        reasoning="At one output place the ordinary convolution takes k²·c·d multiply-adds. The "
        "two parts take k²·c and c·d. Divide: the first leaves one over d, the second one over k². "
        "The number of input channels falls out. For k = 3 and d = 256 the share is "
        f"{share(256, 256, 3):.1%} ([Howard et al. 2017](https://arxiv.org/abs/1704.04861)).",
    )


@exercise
def impossible_claim():
    table = devices()

    def claim(count, key, precision, seconds, remark):
        """The fraction of the peak that a claim needs, its text, and what to say about it."""
        peak = table.at[key, f"peak_{precision}"]
        fraction = achieved_fraction(BUDGET, seconds, peak, count)
        text = f"{count} × {key}, {precision.upper()}, {duration(seconds)}."
        return fraction, (text, f"This needs {fraction:.0%} of the peak. {remark}")

    claims = dict(
        a=claim(
            1, "T4", "fp16", 15 * 3600, "Hard to believe of a card of 70 W, but not impossible."
        ),
        b=claim(
            1, "K80-die", "fp32", 6 * 86400, "Six days sound slow, and still they are too few."
        ),
        c=claim(8, "H100-SXM", "bf16", 20 * 60, "The time is short because eight peaks add up."),
        d=claim(1, "Xeon-8280", "fp32", 21 * 86400, "A CPU is slow, but three weeks are long."),
    )
    return Choice(
        title="The impossible claim",
        goal=f"Four people say how long they trained ResNet-50 v1.5 on ImageNet-1k for {EPOCHS} "
        "epochs, and on what, all with direct convolutions. One of them cannot be right, however "
        "good the code: it would have to run faster than the peak. `devices()` has the peaks. "
        "Which claim is it? Answer with a letter.",
        options={letter: words for letter, (_, words) in claims.items()},
        key=next(letter for letter, (fraction, _) in claims.items() if fraction > 1),
        hints=[
            "Do not judge by the time alone: what does t = V / (f·n·π) say about f?",
            "`achieved_fraction(V, time, peak, devices)` with the time in seconds, for each claim.",
            "A fraction above 1 is impossible for the operations that V counts. One that is merely "
            "high is only hard to believe.",
        ],
        reasoning=f"V is {si(BUDGET, 'flop')}. At the whole peak one K80 die would take "
        f"{duration(training_time(BUDGET, table.at['K80-die', 'peak_fp32'], 1))}, and eight H100 "
        f"{duration(training_time(BUDGET, table.at['H100-SXM', 'peak_bf16'], 1, 8))}. The claim "
        "that looks slow is the false one. For direct convolutions the budget gives a lower limit "
        "of the time, and no code gets below it: only an algorithm with fewer operations does.",
    )


@exercise(n=AT_LEAST_ONE, seconds=(POSITIVE, "s"))
def your_own_computer(n=2000, seconds=0.1):
    product = 2 * n**3
    time = training_time(BUDGET, peak=product / seconds, fraction=1)
    return Number(
        title="On your own computer",
        goal="In a new cell, run `import numpy as np; a = np.ones((2000, 2000), np.float32)`, then "
        "`%timeit a @ a`. Each of the n × n numbers of this product (n = 2000) is a dot product of "
        f"length n. At that speed, how long would ResNet-50 (v1.5, ImageNet-1k, {EPOCHS} epochs) "
        "take to train? Give `check` your n and the `seconds` of one product; answer in s.",
        key=time,
        unit="s",
        slips=[
            Slip(
                "multiply-add counted once",
                2 * time,
                "One multiply-add is two flop, in your speed as in V. You mixed the two "
                "conventions.",
            ),
            Slip(
                "backward pass forgotten",
                time / 3,
                "This is the time of the forward passes. Training takes more of them.",
            ),
            Slip("one epoch", time / EPOCHS, "This is the time of one epoch."),
            Slip(
                "one row for the product",
                n * time,
                "n dot products make one row of the result. It has n rows.",
            ),
            Slip(
                "flop for flop/s",
                time / seconds,
                "You divided V by the work of one product. That counts products; each takes time.",
            ),
        ],
        hints=[
            "First the work of one product a @ a: how many dot products, and how long is each?",
            "Speed = 2 n³ / seconds, in flop/s. `%timeit` may print ms: 1 ms is 0.001 s.",
            "Divide V of the corrected budget by this speed.",
        ],
        reasoning=f"One product is 2 n³ = {si(product, 'flop')}, and {duration(seconds)} for it is "
        f"a speed of {si(product / seconds, 'flop/s')}. V = {si(BUDGET, 'flop')} divided by it "
        "gives the time. It is a hopeful one: a product of large matrices is about the best case, "
        "and a whole network runs slower.",
    )


@exercise
def rented_cards(fraction=0.4, longest=5, budget=26):
    network, peak = resnet(152), device("A100-40").peak_bf16

    def needed(passes):
        """Hours of one A100 at its peak for ResNet-152, with so many passes in a step."""
        work = training_work(network.forward_work, IMAGENET_IMAGES, EPOCHS, passes)
        return training_time(work, peak, 1) / 3600

    ordinary, least = needed(3), needed(4)
    alone = least / fraction

    def requirements(devices, hours):
        yield whole(devices=devices)
        done = fraction * devices * hours
        yield Requirement(
            "rounded down",
            0.97 * least <= done < least,
            "Just too short: round the hours up, not down.",
        )
        yield Requirement(
            "recomputation forgotten",
            ordinary <= done < least,
            "This is enough for ordinary training. Recomputed activations repeat the forward pass.",
        )
        yield Requirement(
            "faster than measured",
            done < least,
            "The job would not be done: it needs a larger fraction of the peak than you have.",
        )
        yield Requirement(
            "deadline missed",
            hours > longest,
            "The booking is longer than the time allowed. More devices would shorten it.",
        )
        yield Requirement(
            "over the budget",
            devices * hours > budget,
            "Too many device-hours are booked: devices × hours.",
        )

    return Design(
        title="A booking",
        goal=f"You rent A100 cards to train ResNet-152 (`resnet(152)`, ImageNet-1k, {EPOCHS} "
        "epochs) in 16 bits. Memory is short, so activations are recomputed. You may count on "
        f"{fraction:.0%} of the peak, no more. It must be done within {short(longest)} hours and "
        f"for at most {short(budget)} device-hours. Book: answer with `dict(devices=..., "
        "hours=...)`.",
        names=dict(devices=POSITIVE, hours=(POSITIVE, "h")),
        requirements=requirements,
        design=dict(devices=5, hours=4.9),
        hints=[
            "How many forward passes is a step when activations are recomputed? The section *Is V "
            "really fixed?* says it.",
            "`training_work` takes them as `passes`. Divide V by the fraction and by the peak of "
            "one card: these are the device-seconds that you need.",
            "Device-hours do not depend on n in this model. Choose n so that the time fits, then "
            "round the hours up.",
        ],
        reasoning="A step takes four passes in place of three, so one A100 alone at "
        f"{fraction:.0%} needs {alone:.1f} hours, and n of them an n-th of it. For "
        f"{short(longest)} hours that is {alone / longest:.2f} devices, so "
        f"{ceil(alone / longest)}. The budget of {short(budget)} device-hours leaves a margin of "
        f"{budget / alone - 1:.0%}. The model lets n devices share the work without loss; notebook "
        "06 asks when that holds.",
    )
