"""Exercises of notebook 09: which law a scaling table obeys."""

import math

from helpers.amdahl import karp_flatt, limit, speedup
from helpers.catalog import interconnects
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.networks import resnet
from helpers.parallel import efficiency
from helpers.published import scaling_tables
from helpers.ranges import Range, between
from helpers.words import percent, short, si

NOTEBOOK = "09_fit_your_scaling.ipynb"

WIDE_DEEP = scaling_tables()["HugeCTR 2.2 Wide&Deep"]


@exercise
def serial_fraction(alone=WIDE_DEEP["values"][0], together=WIDE_DEEP["values"][-1], n=8):
    gain = alone / together
    return Number(
        title="The serial fraction of a run",
        goal="DLPerf measured Wide & Deep in HugeCTR with a batch of all devices that stays fixed: "
        f"one V100 needs {alone} ms for a step, {n} together need {together} ms. Which serial "
        f"fraction does Karp and Flatt's formula give for the {n} V100s? Answer with a fraction, "
        "or as a text with a % sign.",
        key=karp_flatt(gain, n),
        slips=[
            Slip(
                "efficiency",
                efficiency(gain, n),
                "That is S/n, what each device contributes. Asked is the f that Amdahl's law would "
                "need for this S.",
            ),
            Slip(
                "loss of efficiency",
                1 - efficiency(gain, n),
                "That is 1 − S/n, the share of the devices that is lost. The serial fraction that "
                "loses it is much smaller.",
            ),
            Slip(
                "not divided",
                1 / gain - 1 / n,
                "That is the time that is lost, in units of one device's time. Of that time even a "
                "serial part would have needed an n-th: divide once more.",
            ),
        ],
        hints=[
            "S is a time over a time. Then Amdahl's law, 1/S = (1 − f)/n + f.",
            "Solve it for f: first bring the terms with f to one side.",
            "f = (1/S − 1/n) / (1 − 1/n).",
        ],
        reasoning=f"S = {alone} / {together} = {gain:.3g} and f = (1/{gain:.3g} − 1/{n}) / "
        f"(1 − 1/{n}). Amdahl's law with this f has a ceiling of "
        f"{limit(1 - karp_flatt(gain, n)):.3g}. Whether it holds, one run cannot say: for that f "
        "must be the same for 2 and 4.",
    )


@exercise
def ring_for_serial(
    size=4 * resnet(50).parameters,
    bandwidth=interconnects().at["10 GbE", "one_way"],
    compute=10.0,
):
    once = size / bandwidth / compute
    return Number(
        title="A serial part that is none",
        goal=f"One device computes a step in {compute:g} s. Now n devices share this *fixed* job "
        f"and add up {si(size, 'B')} of gradients in a ring at {si(bandwidth, 'B/s')}, without "
        "latency and overlap. Somebody fits Amdahl's law to the table of runs. Which serial "
        "fraction will the fit report? Answer with a fraction, or as a text with a % sign.",
        key=2 * once,
        slips=[
            Slip(
                "gradients sent once",
                once,
                "In a ring each device sends 2(n − 1)/n of the gradients, not the gradients once.",
            ),
            Slip(
                "seconds for a fraction",
                2 * size / bandwidth,
                "That is a time in s. A serial fraction is in units of the time of one device.",
            ),
            Slip(
                "bits for bytes",
                16 * once,
                "Gradients and bandwidth are both in bytes already: no 8 is needed.",
            ),
        ],
        hints=[
            "Write the time of a step on n devices: c/n, and the ring.",
            "Multiply by n/c, and compare with Amdahl's 1 + f(n − 1).",
            "2(n − 1)/n · G/β times n/c is (n − 1) times the answer.",
        ],
        reasoning=f"G/β = {size / bandwidth:.3g} s, so f = 2 G/(β c). The fit would promise a "
        f"ceiling of {limit(1 - 2 * once):.3g}, and it would be right. But whoever then hunts for "
        "a serial part in the program finds none: a faster link is the remedy.",
    )


@exercise
def turning_point():
    def key(sigma, kappa):
        return math.sqrt((1 - sigma) / kappa)

    return Formula(
        title="Where more becomes slower",
        goal="A fixed job obeys the Universal Scalability Law, S = n/(1 + σ(n − 1) + κ n(n − 1)), "
        "with σ below 1 and κ above 0. On how many devices is S largest? (Let n be any number.) "
        "Answer with a formula in sigma and kappa.",
        symbols=dict(sigma=(0.1, 0.6), kappa=(0.0001, 0.01)),
        key=key,
        formula="sqrt((1 - sigma)/kappa)",
        slips=[
            Slip(
                "σ left out",
                "sqrt(1/kappa)",
                "σ(n − 1) over n is σ − σ/n: it depends on n as well.",
            ),
            Slip(
                "σ with the wrong sign",
                "sqrt((1 + sigma)/kappa)",
                "σ(n − 1) over n is σ − σ/n. Look at the sign of 1/n in it.",
            ),
            Slip(
                "root forgotten",
                "(1 - sigma)/kappa",
                "The derivative of 1/n is −1/n²: n stands there squared.",
            ),
            Slip(
                "κ twice",
                "sqrt((1 - sigma)/(2*kappa))",
                "κ n(n − 1) over n is κ(n − 1): its derivative is κ.",
            ),
        ],
        hints=[
            "S is largest where 1/S is least. Sort 1/S by powers of n.",
            "1/S = (1 − σ)/n + σ + κ(n − 1). Derive, and set to zero.",
            "(1 − σ)/n² = κ.",
        ],
        reasoning="1/S is (1 − σ)/n + κ n plus what does not depend on n. Its two parts are equal "
        "at the answer. With the ring's σ = 2G/(β c) and κ = 2L/c this is √((c − 2G/β)/(2L)). "
        "Without κ there is no turn.",
    )


@exercise
def which_fit(R2=(0.995, 0.991, 0.992), missed=(0.16, 0.03, 0.031), parameters=(2, 2, 1)):
    laws = "; ".join(
        f"law {name}: R² = {r2}, runs left out are missed by {miss:.2g}, parameters: {count}"
        for name, r2, miss, count in zip(
            ("one", "two", "three"), R2, missed, parameters, strict=True
        )
    )
    return Choice(
        title="Which fit to believe",
        goal=f"Three laws are fitted to a table ({laws}). With which do you predict twice the "
        "largest count? Answer with the letter.",
        key="c",
        options={
            "a": (
                "law one: it explains most of the variance",
                "R² judges runs that the law has seen. Of throughputs that grow anyhow it is near "
                "1 for almost any law; of runs that it has not seen this one knows the least.",
            ),
            "b": (
                "law two: it misses runs left out by the least",
                "By a tenth of a percent: that is luck. Where two laws predict alike, the one with "
                "fewer parameters has less room to go astray.",
            ),
            "c": (
                "law three: it predicts as well as any, and is the simplest",
                "Judge by runs that were not in the fit; among equals take the simplest.",
            ),
            "d": (
                "the mean of all three",
                "Law one is known to miss by five times as much. It spoils the mean.",
            ),
        },
        hints=[
            "Which of the numbers of a law was earned on runs that it had not seen?",
            "Two of the three then predict about equally well.",
            "Ask what else they differ in.",
        ],
        reasoning="R² is high for all, because throughput grows with n whatever the law. That is "
        "why the tool of this notebook prints errors of runs left out.",
    )


@exercise
def falling_fraction(batch=64, kept=0.8, counts=(2, 4, 8, 16)):
    found = [karp_flatt(kept * n, n) for n in counts]
    return Choice(
        title="A serial fraction that falls",
        goal=f"A team keeps {batch} pictures on each GPU and runs on "
        f"{', '.join(map(str, counts))}. The efficiency is {kept:.0%} each time, and the serial "
        f"fraction of Karp and Flatt {', '.join(percent(f) for f in found)}. What follows? Answer "
        "with the letter.",
        key="b",
        options={
            "a": (
                "the program becomes more parallel with more GPUs",
                "The program is the same. With a fixed batch on each GPU the job grew with n.",
            ),
            "b": (
                "the loss need not be a serial part: each GPU loses the same share of its step",
                "Then S = E·n, and the formula of Karp and Flatt gives (1/E − 1)/(n − 1): it falls "
                "with n and says nothing of a serial part.",
            ),
            "c": (
                "the serial part is the last value, so the ceiling is one over it",
                "The last value would be the serial part if all values were equal. These are not.",
            ),
            "d": (
                "the runs are too noisy to say anything",
                "An efficiency that stays the same four times is no noise.",
            ),
        },
        hints=[
            "If Amdahl's law held, how would the four values compare?",
            "What is fixed here: the job, or the batch on each GPU?",
            "Put S = E·n with a fixed E into (1/S − 1/n)/(1 − 1/n).",
        ],
        reasoning="With S = E·n the formula gives (1/E − 1)/(n − 1). An all-reduce bound by "
        "bandwidth, or Gustafson's law, behaves nearly like this: its loss is a share of the step.",
    )


@exercise
def parting_run(f=0.0264, p=0.556, limit_devices=96, apart=1.7):
    def said(devices):
        return speedup(1 - f, devices), 1 - p + p * devices

    def requirements(devices):
        yield whole(devices=devices)
        yield Requirement(
            "part of a machine",
            devices % 8 != 0,
            "The machines hold 8, and only whole ones are lent.",
        )
        yield Requirement("too many", devices > limit_devices, "More devices than you can have.")
        amdahl, gustafson = said(devices)
        yield Requirement(
            "laws too near",
            max(amdahl, gustafson) < apart * min(amdahl, gustafson),
            "There the two laws say too nearly the same: this run would not tell them apart.",
        )

    return Design(
        title="The run that decides",
        goal="After the runs on 1 to 32 GPUs two laws are left: Amdahl's with a serial fraction "
        f"of {percent(f, 3)}, and Gustafson's, S = 1 − p + p·n with p = {p}. You may have whole "
        f"machines of 8, {limit_devices} GPUs at most. Find a run at which one law says {apart} "
        "times as much as the other, or more. Answer dict(devices=...).",
        names=dict(devices=between(1, 1000)),
        requirements=requirements,
        design=dict(devices=80),
        hints=[
            "Compute both speed-ups for 32, 64 and 96.",
            "The laws cross near the largest run; beyond it, Gustafson's runs away.",
            "Between 64 and 96 the quotient passes what is asked.",
        ],
        reasoning="The two speed-ups: "
        + "; ".join(
            f"on {devices} devices " + " and ".join(short(x) for x in said(devices))
            for devices in (64, 80, 96)
        )
        + ". Where they cross, near 30, a further run would tell nothing.",
    )


@exercise(
    devices=Range(2, True, 1e6, True, "from 2 to 10⁶", whole=True),
    alone=Range(0, False, 1e12, True, "above 0"),
    together=Range(0, False, 1e15, True, "above 0"),
)
def your_two_runs(devices=8, alone=10.0, together=60.0):
    gain = together / alone
    f = karp_flatt(gain, devices)
    more = 2 * devices
    return Number(
        title="Your own two runs",
        goal="Run a job of your own on one device and on several, with the whole job fixed, or "
        "take two rows of a table that you know: the throughputs alone and together. If "
        "Amdahl's law holds, what is the throughput on twice as many devices? Pass your numbers: "
        "check(answer, devices=..., alone=..., together=...), devices for the larger run. Answer "
        "with a pure number, in the unit of your throughputs.",
        key=alone * speedup(1 - f, more),
        slips=[
            Slip(
                "efficiency stays",
                2 * together,
                "You doubled the throughput: then each device would contribute as much as before. "
                "Amdahl's law has the efficiency fall.",
            ),
            Slip(
                "speed-up for throughput",
                speedup(1 - f, more),
                "That is how many times as fast as one device. Asked is the throughput.",
            ),
            Slip(
                "from the larger run",
                together * speedup(1 - f, 2),
                "You applied the law to the larger run, as if it were one device. The serial "
                "fraction is in units of the run on one.",
            ),
        ],
        hints=[
            "First S = together/alone, then the serial fraction of Karp and Flatt.",
            "f = (1/S − 1/n)/(1 − 1/n). It must lie between 0 and 1, else Amdahl's law is not for "
            "these runs.",
            "alone / ((1 − f)/(2n) + f).",
        ],
        reasoning=f"S = {short(gain)} on {short(devices)} devices gives f = {percent(f)}. On "
        f"{short(more)} Amdahl's law allows a speed-up of {short(speedup(1 - f, more))}, an "
        f"efficiency of {percent(efficiency(speedup(1 - f, more), more))}. Two runs always fit: "
        "only a third can refute the law.",
    )
