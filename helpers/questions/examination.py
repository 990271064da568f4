"""The examination of notebook 11: ten questions on the whole series, with fresh numbers.

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
from dataclasses import replace
from itertools import combinations
from numbers import Integral
from typing import NamedTuple

from helpers.amdahl import karp_flatt, limit, speedup
from helpers.budget import training_time, training_work
from helpers.catalog import device, interconnects
from helpers.exercises import Choice, Exercise, Number, Outcome, Said, Slip
from helpers.networks import alexnet, resnet, vgg
from helpers.parallel import allreduce_time, efficiency, step_time, throughput
from helpers.pipeline import chunked_time
from helpers.plots import duration, short, si
from helpers.roofline import attainable, bound, ridge

CLEAR = 0.1  # share by which a slip differs from the answer at least
APART = 3  # tolerances that lie at least between two slips
NUMBER = re.compile(r"\d+(?:\.\d+)?")
DRAWS = 1000  # far more than needed, unless a formula of the core is broken
NETWORKS = {
    "ResNet-18": lambda: resnet(18),
    "ResNet-50": lambda: resnet(50),
    "ResNet-101": lambda: resnet(101),
    "ResNet-152": lambda: resnet(152),
    "AlexNet": alexnet,
    "VGG-16": lambda: vgg(16),
    "VGG-19": lambda: vgg(19),
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


class Examination:
    """Ten questions on notebooks 01 to 07, with numbers drawn from a seed.

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
        question = replace(template.exercise, given=template.draw(chance))
        if _is_clear(question):
            return question
    raise RuntimeError(f"no clear numbers in {DRAWS} draws for {template.exercise.title!r}")


def _is_clear(question):
    """Whether the answer differs clearly from every slip, is no plain number such as 5, and
    stands nowhere in the question."""
    if isinstance(question, Choice):
        gains = sorted(_gains(**question.given).values())
        return gains[-1] > 1.1 * gains[-2]  # one lever is clearly the best
    answer = question.answer()
    wrong = [float(slip.wrong(**question.given)) for slip in question.slips]
    wrong = [value for value in wrong if _harmful(value, answer)]
    if len(wrong) < 2:
        return False
    apart = APART * question.tolerance
    if any(math.isclose(answer, value, rel_tol=CLEAR) for value in wrong) or any(
        math.isclose(a, b, rel_tol=apart) for a, b in combinations(wrong, 2)
    ):
        return False
    printed = NUMBER.match(str(question.solution()))[0]
    numbers = NUMBER.findall(" ".join([question.statement, *question.hints]))
    return len(printed.strip("0.")) > 1 and printed not in numbers


def _harmful(wrong, answer):
    """Whether a slip leads away from the answer. Some do not, such as wrong bytes to a layer that
    is compute-bound."""
    return not math.isclose(wrong, answer, rel_tol=1e-9)


def _name(key):
    """What a device is called in a question."""
    return device(key).full_name


def _draw_budget(chance):
    return dict(
        network=chance.choice(list(NETWORKS)),
        pictures=1000 * chance.randrange(60, 900, 20),
        epochs=chance.randrange(25, 120, 5),
    )


def _macs(network):
    """Multiply-adds of a network for one picture, as a table prints them."""
    return round(NETWORKS[network]().macs, -7)


budget = Template(
    "01_compute_budget.ipynb",
    Number(
        title="Work of a run",
        goal=lambda network, pictures, epochs: (
            f'A table of networks lists {_macs(network) / 1e9:g} "GFLOPs" for {network}, and '
            "means multiply-adds of the forward pass for one picture. You train the network on "
            f"{pictures} pictures for {epochs} epochs. How much work V is that? Answer in flop."
        ),
        key=lambda network, pictures, epochs: training_work(2 * _macs(network), pictures, epochs),
        unit="flop",
        slips=[
            Slip(
                "multiply-add counted once",
                "You counted multiply-adds. Each is two flop.",
                lambda network, pictures, epochs: training_work(_macs(network), pictures, epochs),
            ),
            Slip(
                "backward pass forgotten",
                "Each training step also goes backward, which is twice the forward work.",
                lambda network, pictures, epochs: training_work(
                    2 * _macs(network), pictures, epochs, passes=1
                ),
            ),
            Slip(
                "multiply-adds, forward only",
                "You took the table's figure as it is: it counts multiply-adds, and only forward.",
                lambda network, pictures, epochs: training_work(
                    _macs(network), pictures, epochs, passes=1
                ),
            ),
        ],
        hints=[
            "Two factors lie between the table's figure and the flop of a training step.",
            "V = 3 × 2 × multiply-adds × pictures × epochs.",
        ],
        reasoning=lambda network, pictures, epochs: (
            f"A forward pass takes {si(2 * _macs(network), 'flop')}, a step three times that, and "
            f"the run has {pictures} × {epochs} of them."
        ),
    ),
    _draw_budget,
)


def _draw_chip(chance):
    return dict(
        units=chance.randrange(64, 200, 4),
        macs=chance.choice([256, 512, 1024]),
        clock=chance.randrange(110, 200, 5) / 100,
        wires=chance.choice([1024, 2048, 3072, 4096, 5120]),
        rate=chance.randrange(16, 64, 2) / 10,
    )


chip = Template(
    "02_computing_device.ipynb",
    Number(
        title="Ridge of a new chip",
        goal=lambda units, macs, clock, wires, rate: (
            f"A new chip has {units} tensor units. Each does {macs} multiply-adds in a clock "
            f"cycle, at {clock:g} GHz. Its memory bus has {wires} wires, and each carries {rate:g} "
            "Gbit a second. Where is the ridge point? Answer in flop/B."
        ),
        key=lambda units, macs, clock, wires, rate: ridge(
            units * 2 * macs * clock * 1e9, wires * rate * 1e9 / 8
        ),
        unit="flop/B",
        slips=[
            Slip(
                "multiply-add counted once",
                "A multiply-add is two flop.",
                lambda units, macs, clock, wires, rate: ridge(
                    units * macs * clock * 1e9, wires * rate * 1e9 / 8
                ),
            ),
            Slip(
                "bits for bytes",
                "The wires carry bits. A byte has eight.",
                lambda units, macs, clock, wires, rate: ridge(
                    units * 2 * macs * clock * 1e9, wires * rate * 1e9
                ),
            ),
            Slip(
                "one unit for the chip",
                "This is the peak of one unit only.",
                lambda units, macs, clock, wires, rate: ridge(
                    2 * macs * clock * 1e9, wires * rate * 1e9 / 8
                ),
            ),
        ],
        hints=[
            "Work out the peak and the bandwidth first, each in base units.",
            "π = units × 2 × multiply-adds × clock. β = wires × rate, in bytes.",
        ],
        reasoning=lambda units, macs, clock, wires, rate: (
            f"π = {si(units * 2 * macs * clock * 1e9, 'flop/s')}, β = "
            f"{si(wires * rate * 1e9 / 8, 'B/s')}, and the ridge is π/β."
        ),
    ),
    _draw_chip,
)


def _draw_layer(chance):
    return dict(
        key=chance.choice(GPUS),
        # So wide that it takes 20 microseconds or more: the start of a kernel costs a few.
        size=chance.choice([10240, 12288, 14336, 16384]),
        # Up to far right of every ridge: both roofs occur.
        batch=chance.choice([16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]),
    )


def _layer(size, batch, flop=2, number_bytes=2):
    """Work, flop, and bytes of a square linear layer in FP16, each number moved once."""
    return flop * batch * size**2, number_bytes * (size**2 + 2 * batch * size)


def _times(key, size, batch):
    """Times of computing and of moving on a device in FP16, s."""
    work, moved = _layer(size, batch)
    return work / device(key).peak_fp16, moved / device(key).bandwidth


def _layer_time(key, work, moved):
    """Time on a device in FP16 with perfect overlap, s."""
    return work / attainable(work / moved, device(key).peak_fp16, device(key).bandwidth)


layer = Template(
    "03_roofline.ipynb",
    Number(
        title="A layer under its roof",
        goal=lambda key, size, batch: (
            f"A linear layer has {size} inputs and {size} outputs. It runs in FP16 with a batch of "
            f"{batch} on an {_name(key)}: dense peak {si(device(key).peak_fp16, 'flop/s')}, "
            f"bandwidth {si(device(key).bandwidth, 'B/s')}. Weights, inputs and outputs move once "
            "each. How long does the layer take at least? Answer in s, or with a unit in quotes."
        ),
        key=lambda key, size, batch: _layer_time(key, *_layer(size, batch)),
        unit="s",
        slips=[
            Slip(
                "the other roof",
                "This is the time of the unit that waits. The longer time counts.",
                lambda key, size, batch: min(_times(key, size, batch)),
            ),
            Slip(
                "sum for maximum",
                "You let loading and computing take turns. Under a roofline they overlap.",
                lambda key, size, batch: sum(_times(key, size, batch)),
            ),
            # The next two do harm on one side of the ridge each.
            Slip(
                "multiply-add counted once",
                "A multiply-add is two flop.",
                lambda key, size, batch: _layer_time(key, *_layer(size, batch, flop=1)),
            ),
            Slip(
                "four bytes for two",
                "In FP16 a number has two bytes.",
                lambda key, size, batch: _layer_time(key, *_layer(size, batch, number_bytes=4)),
            ),
        ],
        hints=[
            "Find two times: of all flop at the peak, and of all bytes at the bandwidth.",
            "2·b·n² flop; n² + 2·b·n numbers of 2 bytes. Then the longer one of the two times.",
        ],
        reasoning=lambda key, size, batch: (
            f"The intensity is {short(_layer_intensity(size, batch))} flop/B and the ridge at "
            f"{short(ridge(device(key).peak_fp16, device(key).bandwidth))} flop/B, so the layer is "
            f"{_bound(key, size, batch)}. Computing takes "
            f"{si(_times(key, size, batch)[0], 's')}, moving "
            f"{si(_times(key, size, batch)[1], 's')}."
        ),
    ),
    _draw_layer,
)


def _layer_intensity(size, batch):
    work, moved = _layer(size, batch)
    return work / moved


def _bound(key, size, batch):
    """The roof that binds a layer on a device in FP16."""
    return bound(_layer_intensity(size, batch), device(key).peak_fp16, device(key).bandwidth)


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


def _offer(letter):
    """An option and why it is right or wrong: what it gives."""

    def words(offers, **_):
        more_peak, more_bandwidth = offers["abc".index(letter)]
        if more_bandwidth == 1:
            return f"{more_peak:g} times the peak"
        if more_peak == 1:
            return f"{more_bandwidth:g} times the bandwidth"
        return f"{more_peak:g} times both"

    return (
        words,
        lambda **given: f"This makes the task {short(_gains(**given)[letter])} times as fast.",
    )


levers = Template(
    "03_roofline.ipynb",
    Choice(
        title="The best lever",
        goal=lambda peak, bandwidth, balance, **_: (
            f"A machine computes {si(peak, 'flop/s')} and loads {si(bandwidth, 'B/s')}; the two "
            "overlap perfectly. A task has "
            f"{short(_lever_intensity(peak, bandwidth, balance))} flop/B. Three offers cost the "
            "same. Which one makes this task fastest? Answer with a letter."
        ),
        options={letter: _offer(letter) for letter in "abc"},
        key=lambda **given: max(_gains(**given), key=_gains(**given).get),
        hints=[
            "On which side of the ridge is the task? The other lever does nothing there.",
            "Compute min(π, βI) before and after each offer. A roof can take over halfway.",
        ],
        reasoning=lambda **given: (
            "The offers give "
            + ", ".join(f"{letter}: {short(gain)}" for letter, gain in _gains(**given).items())
            + " times. Up to the ridge only one lever pulls, and past it only the other."
        ),
    ),
    _draw_levers,
)


def _draw_ceiling(chance):
    n = chance.choice([4, 6, 8, 12, 16, 24, 32])
    p = chance.randrange(80, 99) / 100
    return dict(n=n, measured=round(float(speedup(p, n)), 2))


ceiling = Template(
    "04_amdahl.ipynb",
    Number(
        title="Ceiling from a measurement",
        goal=lambda n, measured: (
            f"A fixed job runs {measured} times as fast on {n} processors as on one. Suppose that "
            "Amdahl's law holds. How many times as fast can it get at most, with as many "
            "processors as you like? Answer with a pure number, within 2 %."
        ),
        key=lambda n, measured: limit(1 - karp_flatt(measured, n)),
        tolerance=0.02,
        slips=[
            Slip(
                "serial and parallel swapped",
                "The ceiling is one over the serial part, not over the parallel one.",
                lambda n, measured: limit(karp_flatt(measured, n)),
            ),
            Slip(
                "speed-up for efficiency",
                "The lost efficiency is not the serial part: it grows with the number of "
                "processors.",
                lambda n, measured: 1 / (1 - efficiency(measured, n)),
            ),
            Slip(
                "the processors at hand",
                "That would be perfect scaling on the processors measured.",
                lambda n, measured: n,
            ),
        ],
        hints=[
            "First solve Amdahl's law for the serial part e = 1 − p.",
            "e = (1/S − 1/n)/(1 − 1/n), and the ceiling is one over e.",
        ],
        reasoning=lambda n, measured: (
            f"e = {short(karp_flatt(measured, n))}, so p = {short(1 - karp_flatt(measured, n))}. "
            "The ceiling is 1/e."
        ),
    ),
    _draw_ceiling,
)


def _draw_slower_link(chance):
    return dict(
        p=chance.randrange(50, 96) / 100,
        s=chance.choice([4, 6, 8, 12, 16]),
        r=chance.randrange(15, 60, 5) / 10,
    )


slower_link = Template(
    "04_amdahl.ipynb",
    Number(
        title="Faster units, slower link",
        goal=lambda p, s, r: (
            f"A task takes turns: {p:.0%} of its time it computes, the rest it loads. You move it "
            f"to a machine that computes {s} times as fast, but its bandwidth is lower by a factor "
            f"{r:g}. What is the speed-up (below 1: a slow-down)? Answer with a pure number."
        ),
        key=lambda p, s, r: speedup(p, s, r),
        slips=[
            Slip(
                "bandwidth forgotten",
                "This is Amdahl's law with the old bandwidth.",
                lambda p, s, r: speedup(p, s),
            ),
            Slip(
                "serial and parallel swapped",
                "You sped up the loading and slowed down the computing.",
                lambda p, s, r: speedup(1 - p, s, r),
            ),
            Slip(
                "bandwidth the wrong way",
                "With less bandwidth loading takes longer, not shorter.",
                lambda p, s, r: speedup(p, s, 1 / r),
            ),
            Slip(
                "time for speed-up",
                "This is the new time. The speed-up is the old one over the new one.",
                lambda p, s, r: 1 / speedup(p, s, r),
            ),
        ],
        hints=[
            "Let the old time be 1. How long do the two parts take on the new machine?",
            "S = 1/(r(1 − p) + p/s).",
        ],
        reasoning=lambda p, s, r: (
            f"Computing takes {short(p / s)} of the old time, loading {short(r * (1 - p))}. One "
            "over the sum is S."
        ),
    ),
    _draw_slower_link,
)


def _draw_chunks(chance):
    return dict(
        load=chance.randrange(20, 120, 5) / 10,
        compute=chance.randrange(20, 120, 5) / 10,
        chunks=chance.randrange(3, 11),
    )


chunks = Template(
    "05_pipelining.ipynb",
    Number(
        title="Cut into chunks",
        goal=lambda load, compute, chunks: (
            f"A job needs {load:g} s of loading and {compute:g} s of computing. It is cut into "
            f"{chunks} equal chunks; while one is computed, the next is loaded, with two buffers. "
            "How long does the job take? Answer in s."
        ),
        key=lambda load, compute, chunks: chunked_time(load, compute, chunks),
        unit="s",
        slips=[
            Slip(
                "sum for maximum",
                "This is the time if nothing overlaps.",
                lambda load, compute, chunks: chunked_time(load, compute, 1),
            ),
            Slip(
                "perfect overlap",
                "This forgets the first load or the last computation, which stands alone.",
                lambda load, compute, chunks: chunked_time(load, compute, math.inf),
            ),
            Slip(
                "shorter for longer",
                "The longer of the two units never waits. You let the shorter one set the pace.",
                lambda load, compute, chunks: min(load, compute) + max(load, compute) / chunks,
            ),
        ],
        hints=[
            "Draw the timeline. Which unit is busy nearly all the time, and when does it wait?",
            "t = max + min/n.",
        ],
        reasoning=lambda load, compute, chunks: (
            f"The slower unit works {max(load, compute):g} s, and one chunk of the other, "
            f"{duration(min(load, compute) / chunks)}, has nothing to hide behind."
        ),
    ),
    _draw_chunks,
)


def _draw_gradients(chance):
    return dict(
        network=chance.choice(list(NETWORKS)),
        number_bytes=chance.choice([2, 4]),
        n=chance.choice([4, 8, 16, 32, 64]),
        link=chance.choice(list(LINKS)),
    )


def _gradients(network, number_bytes):
    """Bytes of the gradients of a network."""
    return NETWORKS[network]().parameters * number_bytes


def _way(link, way="one_way"):
    """Bandwidth of a link, B/s."""
    return interconnects().loc[LINKS[link], way]


gradients = Template(
    "06_deep_learning_engines.ipynb",
    Number(
        title="Adding up gradients",
        goal=lambda network, number_bytes, n, link: (
            f"{n} GPUs train {network}, which has {_millions(network)} million parameters, by data "
            f"parallelism. Its gradients have {number_bytes} bytes each. The GPUs stand in a ring "
            f"of {link} links; the datasheet prints {si(_way(link, 'two_way'), 'B/s')} for both "
            "ways together. How long does the all-reduce take, without latency? Answer in s, or "
            "with a unit in quotes, within 2 %."
        ),
        key=lambda network, number_bytes, n, link: allreduce_time(
            _gradients(network, number_bytes), n, _way(link)
        ),
        unit="s",
        tolerance=0.02,
        slips=[
            Slip(
                "two-way bandwidth",
                "The printed bandwidth counts both ways. A device sends one way.",
                lambda network, number_bytes, n, link: allreduce_time(
                    _gradients(network, number_bytes), n, _way(link, "two_way")
                ),
            ),
            Slip(
                "sent once",
                "Adding up is one way through the ring, spreading the sum is another.",
                lambda network, number_bytes, n, link: (
                    _gradients(network, number_bytes) / _way(link)
                ),
            ),
            Slip(
                "everything to everybody",
                "In a ring each device passes on one chunk at a time, not the whole.",
                lambda network, number_bytes, n, link: (
                    (n - 1) * _gradients(network, number_bytes) / _way(link)
                ),
            ),
        ],
        hints=[
            "How many bytes does each GPU send? And which half of the printed bandwidth is it?",
            "2(n − 1)/n · G/β with the gradients G in bytes and β one way.",
        ],
        reasoning=lambda network, number_bytes, n, link: (
            f"G = {si(_gradients(network, number_bytes), 'B')}; each GPU sends 2 × {n - 1}/{n} of "
            f"that at {si(_way(link), 'B/s')}."
        ),
    ),
    _draw_gradients,
)


def _millions(network):
    """Parameters of a network in millions, in words."""
    return f"{NETWORKS[network]().parameters / 1e6:.1f}"


def _draw_step(chance):
    return dict(
        n=chance.choice([8, 16, 32, 64]),
        batch=chance.choice([32, 64, 128, 256]),
        compute=chance.randrange(80, 400, 5),
        communication=chance.randrange(20, 200, 5),
        overlap=chance.randrange(20, 90, 10) / 100,
        overhead=chance.randrange(5, 40),
    )


def _parts(compute, communication, overlap, overhead, **_):
    """The arguments of `step_time`, in s, from a question in ms."""
    return compute / 1e3, communication / 1e3, overlap, overhead / 1e3


share = Template(
    "06_deep_learning_engines.ipynb",
    Number(
        title="Efficiency of many",
        goal=lambda n, batch, compute, communication, overlap, overhead: (
            f"One GPU computes {compute} ms for its batch of {batch}. On {n} GPUs, each with such "
            f"a batch, a step also has an all-reduce of {communication} ms and {overhead} ms of "
            f"other overhead. {overlap:.0%} of the shorter one of computing and all-reduce is "
            "hidden behind the longer one. What is the efficiency E = S/n? Answer with a fraction "
            "or in %."
        ),
        key=lambda **given: _efficiency(given, step_time(*_parts(**given))),
        slips=[
            Slip(
                "nothing hidden",
                "You let computing and all-reduce take turns.",
                lambda **given: _efficiency(given, step_time(*_parts(**{**given, "overlap": 0.0}))),
            ),
            Slip(
                "everything hidden",
                "Only a part is hidden. The rest adds to the step.",
                lambda **given: _efficiency(given, step_time(*_parts(**{**given, "overlap": 1.0}))),
            ),
            Slip(
                "overhead forgotten",
                "The other overhead belongs to every step as well.",
                lambda **given: _efficiency(given, step_time(*_parts(**{**given, "overhead": 0}))),
            ),
            Slip(
                "speed-up for efficiency",
                "This is the speed-up S. The efficiency is S/n.",
                lambda **given: given["n"] * _efficiency(given, step_time(*_parts(**given))),
            ),
        ],
        hints=[
            "How long is a step on many GPUs? On one it is the computing alone.",
            "t = max(c, a) + (1 − o)·min(c, a) + h, and E = c/t.",
        ],
        reasoning=lambda **given: (
            f"A step takes {duration(step_time(*_parts(**given)))} in place of "
            f"{duration(given['compute'] / 1e3)}. So {given['n']} GPUs train "
            f"{short(throughput(given['batch'], given['n'], step_time(*_parts(**given))))} "
            "examples a second, and the ratio of the two times is E."
        ),
    ),
    _draw_step,
)


def _efficiency(given, time):
    """Efficiency of n GPUs whose step takes `time` s."""
    one = throughput(given["batch"], 1, given["compute"] / 1e3)
    return efficiency(throughput(given["batch"], given["n"], time) / one, given["n"])


def _draw_plan(chance):
    return dict(
        key=chance.choice(GPUS),
        work=chance.randrange(20, 400, 5) * 1e19,
        fraction=chance.randrange(20, 60, 5) / 100,
        days=chance.randrange(2, 15),
    )


def _count(key, work, fraction, days):
    """Devices for a deadline, not rounded."""
    return training_time(work, device(key).peak_fp16, fraction) / (days * 86400)


plan = Template(
    "07_plan_a_training_run.ipynb",
    Number(
        title="How many to order",
        goal=lambda key, work, fraction, days: (
            f"A training run takes {work / 1e21:g}e21 flop. You order GPUs of the kind "
            f"{_name(key)}, each with a dense FP16 peak of {si(device(key).peak_fp16, 'flop/s')}, "
            f"and expect {fraction:.0%} of the peak, communication included. The deadline is "
            f"{days} days. How many GPUs does that take, before you round up? Answer with a pure "
            "number."
        ),
        key=lambda key, work, fraction, days: _count(key, work, fraction, days),
        slips=[
            Slip(
                "peak taken in full",
                "No run reaches the peak. Only a fraction of it counts.",
                lambda key, work, fraction, days: _count(key, work, 1, days),
            ),
            Slip(
                "twice the peak",
                "You counted on twice the peak that the question states. Some datasheets print "
                "such a number, for networks with a pattern of zeros; yours has none.",
                lambda key, work, fraction, days: _count(key, work, fraction, 2 * days),
            ),
            Slip(
                "fraction the wrong way",
                "With a part of the peak you need more GPUs, not fewer.",
                lambda key, work, fraction, days: _count(key, fraction * work, 1, days),
            ),
        ],
        hints=[
            "How many flop does one GPU do until the deadline?",
            "n = V/(f·π·T) with T in seconds.",
        ],
        reasoning=lambda key, work, fraction, days: (
            f"One GPU would need {duration(training_time(work, device(key).peak_fp16, fraction))}; "
            f"divide that by {days} days. Then order one more than the whole part."
        ),
    ),
    _draw_plan,
)

TEMPLATES = (
    budget,
    chip,
    layer,
    levers,
    ceiling,
    slower_link,
    chunks,
    gradients,
    share,
    plan,
)
