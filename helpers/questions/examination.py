"""The examination of notebook 12: ten questions on the whole series, with fresh numbers.

A question is an exercise as in every other notebook, but its given numbers are drawn. They are
drawn again until the right answer differs clearly from what the known slips lead to, so clearly
that rounding it to two digits looks like none of them, and does not stand in the question itself.
Of the slips of a question two or more must do harm; with some numbers another one does none.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from numbers import Integral
from operator import attrgetter
from typing import NamedTuple

from helpers.amdahl import karp_flatt, limit, speedup
from helpers.budget import achieved_fraction, training_time, training_work
from helpers.catalog import device, interconnects
from helpers.exercises.exercise import Exercise, exercise
from helpers.exercises.question import Choice, Number, Slip
from helpers.exercises.verdicts import Outcome, Said
from helpers.networks import offered
from helpers.parallel import allreduce_time, efficiency
from helpers.pipeline import chunked_time
from helpers.roofline import attainable, ridge
from helpers.transformers import weights_work
from helpers.words import duration, short, si

CLEAR = 0.1  # share by which a slip differs from the answer at least
APART = 3  # tolerances that lie at least between two slips
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DRAWS = 1000  # far more than needed, unless a formula of a model is broken
NETWORKS = {
    network.name.removesuffix(" v1.5"): network
    for network in sorted(
        (build() for build in offered("examination").values()), key=attrgetter("parameters")
    )
}
GPUS = ("V100-SXM2", "A100-40", "A100-80", "H100-SXM", "H200-SXM", "B200-SXM", "MI300X")
FACTORS = (1.5, 2, 2.5, 3)  # of peak or bandwidth, in an offer
# Links whose datasheets print both ways together.
LINKS = {
    "NVLink 1": "NVLink 1 (P100)",
    "NVLink 2": "NVLink 2 (V100)",
    "NVLink 3": "NVLink 3 (A100)",
    "NVLink 4": "NVLink 4 (H100/H200)",
    "NVLink 5": "NVLink 5 (B200)",
}


class Template(NamedTuple):
    """A question without its numbers: the notebook to reread, the exercise, how to draw."""

    notebook: str
    exercise: Exercise
    draw: Callable


def asks(notebook, draw):
    """Make a `Template` of a function of the numbers that are drawn."""

    def template(function):
        return Template(notebook, exercise(function), draw)

    return template


class Examination:
    """Ten questions on notebooks 01 to 10, with numbers drawn from a seed.

    ``exam[1]`` to ``exam[10]`` are the questions, each with ``check(answer)``, ``hint()`` and
    ``solution()``; showing the examination lists them, ``exam.mark()`` sums up, and
    ``exam.paper()`` is a text to print.

    Parameters
    ----------
    seed : int, optional
        Equal seeds give equal examinations. None draws a seed, which is kept as `seed`.

    Raises
    ------
    ValueError
        If seed is not a whole number.

    Examples
    --------
    >>> Examination(seed=1)[2].title
    'Ridge of a new chip'
    """

    def __init__(self, seed=None):
        if seed is None:
            seed = random.SystemRandom().randrange(1_000_000)
        if not _is_whole(seed):
            raise ValueError(f"seed must be a whole number or None, got {seed!r}")
        self.seed = seed
        chance = random.Random(seed)
        self.questions = [_fresh(template, chance) for template in TEMPLATES]

    def __getitem__(self, number):
        if not _is_whole(number) or not 1 <= number <= len(self.questions):
            raise ValueError(
                f"number must be a whole number from 1 to {len(self.questions)}, got {number!r}"
            )
        return self.questions[number - 1]

    def __iter__(self):
        return iter(self.questions)

    def __repr__(self):
        lines = [f"Examination(seed={self.seed}) gives these questions again."]
        lines += [f"{number}. {question}" for number, question in enumerate(self.questions, 1)]
        return "\n\n".join(lines)

    def paper(self, solutions=False):
        """The ten questions as plain text for a printer, with room for a name and the answers.

        Parameters
        ----------
        solutions : bool
            Whether the solutions stand in that room: the sheet of whoever marks.

        Returns
        -------
        str
            Lines of at most 90 characters.
        """
        parts = [f"Examination(seed={self.seed})", f"Name: {'_' * 50}  Date: {'_' * 20}"]
        for number, question in enumerate(self.questions, 1):
            room = repr(question.solution()) if solutions else f"Answer: {'_' * 50}"
            parts.append(f"Question {number}\n{question!r}\n\n{room}\n")
        return "\n\n".join(parts)

    def mark(self):
        """How many questions are correct, wrong, not attempted or cannot be judged, how many are
        correct without a hint, what to read again, and what to write in another form.

        Each question counts with its last check.
        """
        outcomes = [
            question.last.outcome if question.last else Outcome.NOT_ATTEMPTED
            for question in self.questions
        ]
        counts = Counter(outcomes)
        unaided = sum(
            outcome is Outcome.CORRECT and not question.hints_shown
            for question, outcome in zip(self.questions, outcomes, strict=True)
        )
        order = (Outcome.CORRECT, Outcome.WRONG, Outcome.NOT_ATTEMPTED, Outcome.UNCLEAR)
        lines = [
            f"Examination(seed={self.seed}): "
            + ", ".join(f"{counts[outcome]} {outcome.value.lower()}" for outcome in order)
            + f". Correct without a hint: {unaided}."
        ]
        rows = zip(self.questions, outcomes, TEMPLATES, strict=True)
        for number, (question, outcome, template) in enumerate(rows, 1):
            if outcome is Outcome.WRONG and question.last.slip == "close":
                lines.append(f"Question {number}, {question.title}: {question.last.words}")
            elif outcome is Outcome.WRONG:
                slip = f" ({question.last.slip})" if question.last.slip else ""
                lines.append(
                    f"Question {number}, {question.title}, is wrong{slip}: read "
                    f"{template.notebook} again."
                )
            elif outcome is Outcome.UNCLEAR:
                lines.append(
                    f"Question {number}, {question.title}, cannot be judged: {question.last.words}"
                )
        return Said("\n".join(lines))


def _is_whole(number):
    return isinstance(number, Integral) and not isinstance(number, bool)


def _fresh(template, chance):
    """The exercise of a template with numbers that tell its answer from every slip."""
    for _ in range(DRAWS):
        question = template.exercise.drawn(**template.draw(chance))
        if _is_clear(question):
            return question
    raise RuntimeError(f"no clear numbers in {DRAWS} draws for {question.title!r}")


def _is_clear(question):
    """Whether the answer differs clearly from every slip, is no plain number such as 5, and
    stands nowhere in the question."""
    asked = question.asked()
    if isinstance(asked, Choice):
        gains = sorted(_gains(**question.numbers).values())
        return gains[-1] > 1.1 * gains[-2]  # one lever is clearly the best
    # Some slips do no harm, such as wrong bytes to a layer that is compute-bound.
    wrong = [
        slip.wrong for slip in asked.slips if not math.isclose(slip.wrong, asked.key, rel_tol=1e-9)
    ]
    if len(wrong) < 2:
        return False
    apart = APART * asked.tolerance
    if any(math.isclose(asked.key, value, rel_tol=CLEAR) for value in wrong) or any(
        math.isclose(a, b, rel_tol=apart) for a, b in combinations(wrong, 2)
    ):
        return False
    printed = NUMBER.match(asked.answer_in_words())[0]
    numbers = NUMBER.findall(" ".join([asked.statement, *asked.hints]))
    return len(printed.strip("0.")) > 1 and printed not in numbers


def _draw_budget(chance):
    return dict(
        network=chance.choice(list(NETWORKS)),
        pictures=1000 * chance.randrange(60, 900, 20),
        epochs=chance.randrange(25, 120, 5),
    )


@asks("01_compute_budget.ipynb", _draw_budget)
def budget(network, pictures, epochs):
    macs = round(NETWORKS[network].macs, -7)  # as a table prints them

    def work(forward=2 * macs, passes=3):
        return training_work(forward, pictures, epochs, passes)

    return Number(
        title="Work of a run",
        goal=f'A table of networks lists {macs / 1e9:g} "GFLOPs" for {network}, and means '
        f"multiply-adds of the forward pass for one picture. You train the network on {pictures} "
        f"pictures for {epochs} epochs. How much work V is that? Answer in flop.",
        key=work(),
        unit="flop",
        slips=[
            Slip(
                "multiply-add counted once",
                work(macs),
                "You counted multiply-adds. Each is two flop.",
            ),
            Slip(
                "backward pass forgotten",
                work(passes=1),
                "Each training step also goes backward, which is twice the forward work.",
            ),
            Slip(
                "multiply-adds, forward only",
                work(macs, passes=1),
                "You took the table's figure as it is: it counts multiply-adds, and only forward.",
            ),
        ],
        hints=[
            "Two factors lie between the table's figure and the flop of a training step.",
            "V = 3 × 2 × multiply-adds × pictures × epochs.",
        ],
        reasoning=f"A forward pass takes {si(2 * macs, 'flop')}, a step three times that, and the "
        f"run has {pictures} × {epochs} of them.",
    )


def _draw_chip(chance):
    return dict(
        units=chance.randrange(64, 200, 4),
        macs=chance.choice([256, 512, 1024]),
        clock=chance.randrange(110, 200, 5) / 100,
        wires=chance.choice([1024, 2048, 3072, 4096, 5120]),
        rate=chance.randrange(16, 64, 2) / 10,
    )


@asks("02_computing_device.ipynb", _draw_chip)
def chip(units, macs, clock, wires, rate):
    peak, bandwidth = units * 2 * macs * clock * 1e9, wires * rate * 1e9 / 8
    return Number(
        title="Ridge of a new chip",
        goal=f"A new chip has {units} tensor units. Each does {macs} multiply-adds in a clock "
        f"cycle, at {clock:g} GHz. Its memory bus has {wires} wires, and each carries {rate:g} "
        "Gbit a second. Where is the ridge point? Answer in flop/B.",
        key=ridge(peak, bandwidth),
        unit="flop/B",
        slips=[
            Slip(
                "multiply-add counted once",
                ridge(peak / 2, bandwidth),
                "A multiply-add is two flop.",
            ),
            Slip(
                "bits for bytes",
                ridge(peak, 8 * bandwidth),
                "The wires carry bits. A byte has eight.",
            ),
            Slip(
                "one unit for the chip",
                ridge(peak / units, bandwidth),
                "This is the peak of one unit only.",
            ),
        ],
        hints=[
            "Work out the peak and the bandwidth first, each in base units.",
            "π = units × 2 × multiply-adds × clock. β = wires × rate, in bytes.",
        ],
        reasoning=f"π = {si(peak, 'flop/s')}, β = {si(bandwidth, 'B/s')}, and the ridge is π/β.",
    )


def _draw_levers(chance):
    both = chance.choice([1.25, 1.5, 1.75])
    offers = [(chance.choice(FACTORS), 1), (1, chance.choice(FACTORS)), (both, both)]
    chance.shuffle(offers)  # so that no letter is right more often than another
    return dict(
        peak=chance.randrange(20, 400, 5) * 1e12,
        bandwidth=chance.randrange(400, 4000, 50) * 1e9,
        balance=round(10 ** chance.uniform(-0.5, 0.5), 2),  # left and right of the ridge alike
        offers=tuple(offers),
    )


def _gains(peak, bandwidth, balance, offers):
    """Gain of each offer, by its letter. An offer multiplies the peak and the bandwidth."""
    intensity = _lever_intensity(peak, bandwidth, balance)
    now = attainable(intensity, peak, bandwidth)
    return {
        letter: attainable(intensity, more_peak * peak, more_bandwidth * bandwidth) / now
        for letter, (more_peak, more_bandwidth) in zip("abc", offers, strict=True)
    }


def _lever_intensity(peak, bandwidth, balance):
    """Intensity of the task, flop/B, as the question states it."""
    return float(short(balance * ridge(peak, bandwidth)))


@asks("03_roofline.ipynb", _draw_levers)
def levers(peak, bandwidth, balance, offers):
    def words(more_peak, more_bandwidth):
        if more_bandwidth == 1:
            return f"{more_peak:g} times the peak"
        if more_peak == 1:
            return f"{more_bandwidth:g} times the bandwidth"
        return f"{more_peak:g} times both"

    gains = _gains(peak, bandwidth, balance, offers)
    return Choice(
        title="The best lever",
        goal=f"A machine computes {si(peak, 'flop/s')} and loads {si(bandwidth, 'B/s')}; the two "
        f"overlap perfectly. A task has {short(_lever_intensity(peak, bandwidth, balance))} "
        "flop/B. Three offers cost the same. Which one makes this task fastest? Answer with a "
        "letter.",
        options={
            letter: (words(*offer), f"This makes the task {short(gain)} times as fast.")
            for (letter, gain), offer in zip(gains.items(), offers, strict=True)
        },
        key=max(gains, key=gains.get),
        hints=[
            "On which side of the ridge is the task? The other lever does nothing there.",
            "Compute min(π, βI) before and after each offer. A roof can take over halfway.",
        ],
        reasoning="The offers give "
        + ", ".join(f"{letter}: {short(gain)}" for letter, gain in gains.items())
        + " times. Up to the ridge only one lever pulls, and past it only the other.",
    )


def _draw_slower_link(chance):
    return dict(
        p=chance.randrange(50, 96) / 100,
        s=chance.choice([4, 6, 8, 12, 16]),
        r=chance.randrange(15, 60, 5) / 10,
    )


@asks("04_amdahl.ipynb", _draw_slower_link)
def slower_link(p, s, r):
    gain = speedup(p, s, r)
    return Number(
        title="Faster units, slower link",
        goal=f"A task takes turns: {p:.0%} of its time it computes, the rest it loads. You move it "
        f"to a machine that computes {s} times as fast, but its bandwidth is lower by a factor "
        f"{r:g}. What is the speed-up (below 1: a slow-down)? Answer with a pure number.",
        key=gain,
        slips=[
            Slip(
                "bandwidth forgotten", speedup(p, s), "This is Amdahl's law with the old bandwidth."
            ),
            Slip(
                "serial and parallel swapped",
                speedup(1 - p, s, r),
                "You sped up the loading and slowed down the computing.",
            ),
            Slip(
                "bandwidth the wrong way",
                speedup(p, s, 1 / r),
                "With less bandwidth loading takes longer, not shorter.",
            ),
            Slip(
                "time for speed-up",
                1 / gain,
                "This is the new time. The speed-up is the old one over the new one.",
            ),
        ],
        hints=[
            "Let the old time be 1. How long do the two parts take on the new machine?",
            "S = 1/(r(1 − p) + p/s).",
        ],
        reasoning=f"Computing takes {short(p / s)} of the old time, loading {short(r * (1 - p))}. "
        "One over the sum is S.",
    )


def _draw_chunks(chance):
    return dict(
        chunks=chance.randrange(3, 11),
        load=chance.randrange(20, 120, 5) / 10,
        compute=chance.randrange(20, 120, 5) / 10,
    )


@asks("05_pipelining.ipynb", _draw_chunks)
def chunks(load, compute, chunks):
    shorter, longer = sorted([load, compute])
    return Number(
        title="Cut into chunks",
        goal=f"A job needs {load:g} s of loading and {compute:g} s of computing. It is cut into "
        f"{chunks} equal chunks; while one is computed, the next is loaded, with two buffers. How "
        "long does the job take? Answer in s.",
        key=chunked_time(load, compute, chunks),
        unit="s",
        slips=[
            Slip(
                "sum for maximum",
                chunked_time(load, compute, 1),
                "This is the time if nothing overlaps.",
            ),
            Slip(
                "perfect overlap",
                chunked_time(load, compute, math.inf),
                "This forgets the first load or the last computation, which stands alone.",
            ),
            Slip(
                "shorter for longer",
                shorter + longer / chunks,
                "The longer of the two units never waits. You let the shorter one set the pace.",
            ),
        ],
        hints=[
            "Draw the timeline. Which unit is busy nearly all the time, and when does it wait?",
            "t = max + min/n.",
        ],
        reasoning=f"The slower unit works {longer:g} s, and one chunk of the other, "
        f"{duration(shorter / chunks)}, has nothing to hide behind.",
    )


def _draw_gradients(chance):
    return dict(
        network=chance.choice(list(NETWORKS)),
        number_bytes=chance.choice([2, 4]),
        n=chance.choice([4, 8, 16, 32, 64]),
        link=chance.choice(list(LINKS)),
    )


@asks("06_deep_learning_engines.ipynb", _draw_gradients)
def gradients(network, number_bytes, n, link):
    parameters, bandwidths = NETWORKS[network].parameters, interconnects().loc[LINKS[link]]
    size, one_way, two_way = number_bytes * parameters, bandwidths.one_way, bandwidths.two_way
    return Number(
        title="Adding up gradients",
        goal=f"{n} GPUs train {network}, which has {parameters / 1e6:.1f} million parameters, by "
        f"data parallelism. Its gradients have {number_bytes} bytes each. The GPUs stand in a ring "
        f"of {link} links; the datasheet prints {si(two_way, 'B/s')} for both ways together. How "
        "long does the all-reduce take, without latency? Answer in s, or with a unit in quotes, "
        "within 2 %.",
        key=allreduce_time(size, n, one_way),
        unit="s",
        tolerance=0.02,
        slips=[
            Slip(
                "two-way bandwidth",
                allreduce_time(size, n, two_way),
                "The printed bandwidth counts both ways. A device sends one way.",
            ),
            Slip(
                "sent once",
                size / one_way,
                "Adding up is one way through the ring, spreading the sum is another.",
            ),
            Slip(
                "everything to everybody",
                (n - 1) * size / one_way,
                "In a ring each device passes on one chunk at a time, not the whole.",
            ),
        ],
        hints=[
            "How many bytes does each GPU send? And which half of the printed bandwidth is it?",
            "2(n − 1)/n · G/β with the gradients G in bytes and β one way.",
        ],
        reasoning=f"G = {si(size, 'B')}; each GPU sends 2 × {n - 1}/{n} of that at "
        f"{si(one_way, 'B/s')}.",
    )


def _draw_plan(chance):
    return dict(
        key=chance.choice(GPUS),
        work=chance.randrange(20, 400, 5) * 1e19,
        fraction=chance.randrange(20, 60, 5) / 100,
        days=chance.randrange(2, 15),
    )


@asks("07_plan_a_training_run.ipynb", _draw_plan)
def plan(key, work, fraction, days):
    gpu = device(key)

    def count(work=work, fraction=fraction, days=days):
        """Devices for a deadline, not rounded."""
        return training_time(work, gpu.peak_fp16, fraction) / (days * 86400)

    return Number(
        title="How many to order",
        goal=f"A training run takes {work / 1e21:g}e21 flop. You order GPUs of the kind "
        f"{gpu.full_name}, each with a dense FP16 peak of {si(gpu.peak_fp16, 'flop/s')}, and "
        f"expect {fraction:.0%} of the peak, communication included. The deadline is {days} days. "
        "How many GPUs does that take, before you round up? Answer with a pure number.",
        key=count(),
        slips=[
            Slip(
                "peak taken in full",
                count(fraction=1),
                "No run reaches the peak. Only a fraction of it counts.",
            ),
            Slip(
                "twice the peak",
                count(days=2 * days),
                "You counted on twice the peak that the question states. Some datasheets print "
                "such a number, for networks with a pattern of zeros; yours has none.",
            ),
            Slip(
                "fraction the wrong way",
                count(fraction * work, 1),
                "With a part of the peak you need more GPUs, not fewer.",
            ),
        ],
        hints=[
            "How many flop does one GPU do until the deadline?",
            "n = V/(f·π·T) with T in seconds.",
        ],
        reasoning=f"One GPU would need {duration(count(days=1) * 86400)}; divide that by {days} "
        "days. Then order one more than the whole part.",
    )


# Operations of NumPy on long vectors: how many of them are read; one is written.
OPERATIONS = {"np.sqrt(a, out=b)": 1, "np.add(a, b, out=c)": 2}
FORMATS = {"FP32": 4, "FP64": 8}


def _draw_stopwatch(chance):
    operation, form = chance.choice(list(OPERATIONS)), chance.choice(list(FORMATS))
    millions, bandwidth = chance.randrange(20, 200, 5), chance.randrange(100, 600, 5) * 1e8
    share = chance.randrange(45, 90) / 100
    moved = (OPERATIONS[operation] + 2) * FORMATS[form] * millions * 1e6
    return dict(
        operation=operation,
        form=form,
        millions=millions,
        peak=chance.randrange(50, 900, 10) * 1e9,
        bandwidth=bandwidth,
        milliseconds=float(f"{1e3 * moved / bandwidth / share:.3g}"),
    )


@asks("08_measure_your_machine.ipynb", _draw_stopwatch)
def stopwatch(operation, form, millions, peak, bandwidth, milliseconds):
    vectors, size = OPERATIONS[operation], FORMATS[form]

    def share(times=vectors + 2, size=size):
        """Of the roof, if each number passes the bus so many times with so many bytes."""
        return millions * 1e9 / milliseconds / attainable(1 / (times * size), peak, bandwidth)

    return Number(
        title="A share of the roof",
        goal=f"A machine computes {si(peak, 'flop/s')} and reads {si(bandwidth, 'B/s')} from "
        f"memory. On it `{operation}` takes {milliseconds:g} ms for vectors of {millions} million "
        f"{form} numbers, which no cache holds. One flop for each result; ordinary stores. Which "
        "share of the roof does it reach? Answer with a fraction or in %.",
        key=share(),
        slips=[
            Slip(
                "load before the store forgotten",
                share(vectors + 1),
                "An ordinary store loads what it overwrites first (write-allocate): once more.",
            ),
            Slip(
                "numbers for bytes",
                share(size=1),
                "Bandwidth is in bytes. How many has each number?",
            ),
            Slip(
                "the other roof",
                millions * 1e9 / milliseconds / peak,
                "This is the share of π. At this intensity the other roof binds.",
            ),
            Slip(
                "measured over predicted",
                1 / share(),
                "This is measured over predicted time. The share is the other way round.",
            ),
        ],
        hints=[
            "How many bytes move for each result, all in all? Then the roofline.",
            f"{vectors} loads, a load of what is overwritten, and a store. The share is bytes/β "
            "over the time.",
        ],
        reasoning=f"{vectors + 2} times {size} bytes for each result are "
        f"{si((vectors + 2) * size * millions * 1e6, 'B')}, which β moves in "
        f"{si(millions * 1e6 / attainable(1 / ((vectors + 2) * size), peak, bandwidth), 's')}. "
        "That time over the measured one is the share.",
    )


def _draw_doubling(chance):
    n = chance.choice([4, 8, 16, 32, 64])
    p = chance.randrange(850, 995, 5) / 1000
    alone = chance.randrange(200, 900, 10)
    return dict(n=n, alone=alone, together=round(alone * float(speedup(p, n))))


@asks("09_fit_your_scaling.ipynb", _draw_doubling)
def doubling(n, alone, together):
    gain, more = together / alone, 2 * n
    f = karp_flatt(gain, n)
    return Number(
        title="The next row of a table",
        goal=f"A table of runs, all with the same batch in all: {alone} img/s on one GPU, "
        f"{together} img/s on {n}. Suppose that Amdahl's law holds. What does it say for {more}? "
        "Answer in img/s, within 2 %.",
        key=alone * speedup(1 - f, more),
        unit="img/s",
        tolerance=0.02,
        slips=[
            Slip(
                "efficiency stays",
                2 * together,
                "You doubled the throughput. By Amdahl's law the efficiency falls.",
            ),
            Slip(
                "from the larger run",
                together * speedup(1 - f, 2),
                "The serial part is a part of the time on one GPU, not on several.",
            ),
            Slip(
                "ceiling",
                alone * limit(1 - f),
                "That is the throughput on as many GPUs as you like.",
            ),
            Slip(
                "loss of efficiency for serial part",
                alone * speedup(efficiency(gain, n), more),
                "1 − S/n is not the serial part: it grows with n. Solve Amdahl's law for it.",
            ),
        ],
        hints=[
            "First S, then the serial part f of Karp and Flatt.",
            f"f = (1/S − 1/n)/(1 − 1/n) with n = {n}. Then Amdahl's law for {more}, times the "
            "throughput on one.",
        ],
        reasoning=f"S = {short(gain)} gives f = {short(f)}. On {more} GPUs the speed-up is "
        f"{short(speedup(1 - f, more))}; as many as you like would give {short(limit(1 - f))}. Two "
        "runs fit always: only a third can say whether the law holds.",
    )


# Devices with a peak in BF16, and models by the billions of their parameters.
TRAINERS = ("A100-80", "H100-SXM", "H200-SXM", "B200-SXM", "B300-SXM", "MI300X")


def _draw_utilised(chance):
    key, billions = chance.choice(TRAINERS), chance.choice([1.5, 3, 7, 8, 13, 30, 34, 70])
    n = 8 * chance.choice([2, 4, 8, 16, 32, 64])
    rate = chance.uniform(0.25, 0.55) * n * device(key).peak_bf16 / weights_work(billions * 1e9, 1)
    return dict(key=key, billions=billions, n=n, rate=float(f"{rate:.3g}"))


@asks("10_transformers.ipynb", _draw_utilised)
def utilised(key, billions, n, rate):
    gpu = device(key)

    def mfu(devices=n, passes=3):
        work = passes / 3 * weights_work(billions * 1e9, rate)
        return achieved_fraction(work, 1, gpu.peak_bf16, devices)

    return Number(
        title="How well utilised",
        goal=f"A language model of {billions:g} billion parameters is trained on {n} GPUs of the "
        f"kind {gpu.full_name}, each with a dense BF16 peak of {si(gpu.peak_bf16, 'flop/s')}. "
        f"Together they read {rate:,.0f} tokens each second. What is the MFU, by the work of its "
        "weights (6WD)? Answer with a fraction or in %.",
        key=mfu(),
        slips=[
            Slip("forward only", mfu(passes=1), "Backward costs twice as much again: 6, not 2."),
            Slip(
                "multiply-add counted once",
                mfu(passes=1.5),
                "A multiply-add is two flop, in the work as in the peak.",
            ),
            Slip(
                "recomputation counted",
                mfu(passes=4),
                "What is computed a second time counts in HFU, not in MFU.",
            ),
            Slip(
                "one device",
                mfu(devices=1),
                "The tokens are those of all GPUs together, and so must be the peak.",
            ),
        ],
        hints=[
            "How many flop does a token take? How many do all GPUs offer each second?",
            "6·W·tokens each second, over n·π.",
        ],
        reasoning=f"Each GPU attains {si(weights_work(billions * 1e9, rate) / n, 'flop/s')}.",
    )


TEMPLATES = (
    *(budget, chip, levers, slower_link, chunks, gradients, plan),
    *(stopwatch, doubling),  # against the world
    utilised,
)
