"""Exercises of notebook 04: Amdahl's law."""

import math

from helpers.amdahl import compute_fraction, karp_flatt, limit, speedup
from helpers.catalog import device, interconnects, scaling
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip
from helpers.ranges import between
from helpers.roofline import ridge
from helpers.words import short, si

NOTEBOOK = "04_amdahl.ipynb"

V100 = device("V100-SXM2")
RIDGE = ridge(V100.peak_fp32, V100.bandwidth)


@exercise
def two_thirds(p=0.85):
    def factor_for(share, p=p):
        """The s that reaches a share of the ceiling, where p/s is (1/share - 1)(1 - p)."""
        return (limit(p) - 1) / (1 / share - 1)

    return Number(
        title="Two thirds of the ceiling",
        goal=f"A training step spends a fraction p = {p} of its time computing; nothing overlaps, "
        "and loading stays as it is. How many times as fast must the compute unit be, so that the "
        "speed-up is two thirds of its ceiling? Answer with a pure number.",
        key=factor_for(2 / 3),
        slips=[
            Slip(
                "serial and parallel swapped",
                factor_for(2 / 3, 1 - p),
                "You sped up the part 1 − p. It is the part p that the compute unit shortens.",
            ),
            Slip(
                "half of the ceiling",
                p / (1 - p),
                "There p/s equals 1 − p, which is half of the ceiling. A little more is asked.",
            ),
            Slip(
                "S for s",
                2 / 3 * limit(p),
                "This is the speed-up S of the whole step. Asked is s, the factor of the compute "
                "unit alone.",
            ),
            Slip(
                "upside down",
                3 / 2 * limit(p),
                "This is three halves of the ceiling, a speed-up that no s reaches. Two thirds of "
                "it are asked, and then the s that gives them.",
            ),
        ],
        hints=[
            "Write S = 1/(1 − p + p/s) and the ceiling 1/(1 − p) beside each other.",
            "Two thirds of the ceiling means that the time is 3/2 of the time at the ceiling.",
            "So 1 − p + p/s = 1.5 · (1 − p). Solve for s.",
        ],
        reasoning="From 1 − p + p/s = 1.5 · (1 − p) follows s = 2p/(1 − p). The ceiling is "
        f"{short(limit(p))}, and S is {short(2 / 3 * limit(p))} there. Half of the ceiling needs "
        f"only s = {short(factor_for(1 / 2))}: the next sixth of it costs as much again.",
    )


@exercise
def after_the_upgrade():
    def key(p, s):
        return (speedup(p, s) - 1) / (s - 1)

    return Formula(
        title="The profile after the upgrade",
        goal="A profiler on the old machine shows that a fraction p of the time is spent "
        "computing. The compute unit becomes s times as fast; loading stays as it is, nothing "
        "overlaps. Which fraction will the profiler show on the new machine? Derive it. Answer "
        "with a formula in p and s, a string or SymPy.",
        symbols=dict(p=(0.05, 0.95), s=(1.5, 30)),
        key=key,
        formula="p/(p + s*(1 - p))",
        slips=[
            Slip(
                "share of the old time",
                "p/s",
                "You measure the new computing time by the old total. The total has shrunk as "
                "well.",
            ),
            Slip(
                "loading for computing",
                "(1 - p)/(1 - p + p/s)",
                "This is the fraction that is spent loading. Asked is the other one.",
            ),
            Slip(
                "the wrong direction",
                "p*s/(1 - p + p*s)",
                "You went from the fast machine to the slow one, as the notebook does. Here p is "
                "measured on the slow machine.",
            ),
            Slip(
                "fraction unchanged",
                "p",
                "The profile changes: one part of the time gets shorter, the other does not.",
            ),
        ],
        hints=[
            "Take 1 s on the old machine. How long are both parts on the new one?",
            "A fraction is a part over the total, and both are times on the new machine.",
            "The parts are p/s and 1 − p.",
        ],
        reasoning="Of one second, p/s is left for computing and 1 − p for loading. The fraction is "
        "p/s over their sum; multiply above and below by s. It is the p′ of Gustafson's law, and "
        "it always falls: each upgrade of the compute unit makes the next one less worth its "
        "price.",
    )


@exercise
def shared_link(s=8, link=interconnects().at["PCIe 3.0 x16", "one_way"]):
    def balance(link=link, s=s):
        """The x at which s V100s behind a link are as fast as one V100."""
        return (V100.bandwidth / link - 1) / (1 - 1 / s)

    return Number(
        title="Eight cards behind one link",
        goal=f"One V100 (FP32) loads from its own memory at {si(V100.bandwidth, 'B/s')}. A machine "
        f"of {s} V100s computes {s} times as fast, but they load through one PCIe 3.0 x16 link "
        f"that they share, {si(link, 'B/s', 4)} each way. Loading and computing take turns. From "
        "which intensity on is the machine faster than the one card? Answer in flop/B.",
        key=balance() * RIDGE,
        unit="flop/B",
        slips=[
            Slip(
                "two-way bandwidth",
                balance(2 * link) * RIDGE,
                "You took twice the bandwidth, both ways together. Data that are loaded use one "
                "way.",
            ),
            Slip(
                "ridge of the link",
                ridge(V100.peak_fp32, link),
                "This is where loading over the link takes as long as computing on one card. Asked "
                "is where the total time equals that of one card with its own memory.",
            ),
            Slip(
                "infinitely many cards",
                balance(s=math.inf) * RIDGE,
                "You let the computing time vanish. With so few cards a part of it remains.",
            ),
            Slip(
                "x for I",
                balance(),
                "This is x, the intensity in units of the ridge. Asked is the intensity itself.",
            ),
            Slip(
                "link divided twice",
                balance(link / s) * RIDGE,
                "You divided the link among the cards once more. Each card has a share of it, but "
                "also loads only its share of the data.",
            ),
        ],
        hints=[
            "How many times as long does loading take? That is r.",
            "The notebook states the break-even in units of the ridge: r = 1 + x(1 − 1/s).",
            "Solve for x, then multiply by the V100's ridge in FP32.",
        ],
        reasoning=f"r = {short(V100.bandwidth / link)}, so x = (r − 1)/(1 − 1/s) = "
        f"{short(balance())} ridges of {si(RIDGE, 'flop/B')}. One card alone would compute for "
        f"{compute_fraction(balance(), 1, 1):.1%} of its time there. Below it, the cards wait "
        "longer than they save.",
    )


@exercise
def best_number(p=0.9, k=0.01):
    def shared(n, p=p, k=k):
        """Speed-up on n devices whose common link gets slower by k with each further device."""
        return speedup(p, n, 1 + k * (n - 1))

    def key(p, k):
        """The n at which the time a + b n + c/n is least, from the time at three others."""
        one, two, four = (1 / shared(n, p, k) for n in (1, 2, 4))
        c = (2 * one - 3 * two + four) * 4 / 3
        return math.sqrt(c / (two - one + c / 2))

    best = key(p, k)
    return Formula(
        title="The best number of devices",
        goal="On one device a fraction p of the time is spent computing. n devices compute n times "
        "as fast, but the link that they share gets slower: loading takes r = 1 + k(n − 1) times "
        "as long, with a small constant k. At which n is S largest? Derive it with SymPy (make new "
        'symbols: `n, k = sp.symbols("n k", positive=True)`) and take the positive root. Answer '
        "with a formula in p and k.",
        symbols=dict(p=(0.5, 0.99), k=(0.001, 0.2)),
        key=key,
        formula="sqrt(p/(k*(1 - p)))",
        slips=[
            Slip(
                "break-even for best",
                "p/(k*(1 - p))",
                "There n devices are only as fast as one: S is 1 again. The best n comes earlier.",
            ),
            Slip(
                "serial and parallel swapped",
                "sqrt((1 - p)/(k*p))",
                "You exchanged p and 1 − p. More computing must allow more devices, not fewer.",
            ),
            Slip(
                "two parts set equal",
                "(k - 1 + sqrt((1 - k)**2 + 4*k*p/(1 - p)))/(2*k)",
                "There loading takes as long as computing. The best n is where one more device "
                "saves as much as it costs: set the derivative of the time to zero.",
            ),
            Slip(
                "k forgotten",
                "sqrt(p/(1 - p))",
                "You took r = n, so that the link slows down by its full time with each device.",
            ),
        ],
        hints=[
            "S is largest where the time is least.",
            "The time in units of t₁ is (1 − p)(1 + k(n − 1)) + p/n. Differentiate with respect to "
            "n.",
            "(1 − p)k and p/n² must be equal. Solve for n > 0.",
        ],
        reasoning="The time is (1 − p)(1 + k(n − 1)) + p/n. Its derivative (1 − p)k − p/n² is zero "
        f"at one n > 0. With p = {p} and k = {k} this n is {short(best)}, and S is "
        f"{short(shared(best))}; with {short(best**2)} devices S is {short(shared(best**2))} "
        "again. The best number is the square root of the number that is no use at all.",
    )


@exercise
def trend_of_the_fraction(series="GNMT V100 DGX-2H FP32"):
    rows = scaling().set_index("series").loc[series]
    batch = rows["global_batch"].iloc[0]
    rows = rows[rows["global_batch"] == batch]
    devices, speed = rows["devices"].to_numpy(), rows["value"].to_numpy()
    e = karp_flatt(speed[1:] / speed[0], devices[1:])

    def listed(values):
        """Numbers as words: 4, 8 and 16."""
        *most, last = map(short, values)
        return f"{', '.join(most)} and {last}"

    falls, grows = (e[1:] < 0.9 * e[:-1]).all(), (e[1:] > 1.1 * e[:-1]).all()
    trend = "c" if falls else "b" if grows else "a"
    return Choice(
        title="Read a published table",
        goal="GNMT, a translation network of LSTM layers, was trained in FP32 on "
        f"{listed(devices)} V100s of one machine, {batch:,.0f} sentences in all for each update. "
        f"NVIDIA (DeepLearningExamples at 729963d, the README of GNMT) lists {listed(speed)} "
        "tokens each second. (Its row of 16 has another batch and is left out.) Work out the "
        "Karp–Flatt fraction e of each row. What does it do? Answer with a letter.",
        options={
            "a": (
                "It stays about the same: Amdahl's law with one p describes the table.",
                "Then the first row would foretell the others. With its e the law gives "
                f"{short(speedup(1 - e[0], devices[-1]))} times on {devices[-1]} cards; measured "
                f"are {short(speed[-1] / speed[0])}.",
            ),
            "b": (
                "It grows: something gets worse with every card, such as the link.",
                "Two slips make it grow. These are speeds, not times, so S is the new one over the "
                "old one. And 1 − S/n is not e: under Amdahl's law it grows even where e stays.",
            ),
            "c": (
                "It falls: the time that is not shared shrinks as cards are added.",
                f"e is {listed(e)}. No single p describes the table.",
            ),
            "d": (
                "It is negative: the cards together are faster than n times one.",
                "Compare S with n: no row reaches it, so no e is negative.",
            ),
        },
        key="d" if (e < 0).any() else trend,
        hints=[
            "First S of each row: its tokens each second over those of one card.",
            "`karp_flatt(S, n)` gives e; by hand it is (1/S − 1/n)/(1 − 1/n).",
        ],
        reasoning=f"e is {listed(e)}, a fall by a factor {short(e[0] / e[-1])}. Amdahl's law would "
        f"keep it fixed. So 1/e of the last row, {short(1 / e[-1])}, is no ceiling; a model of the "
        "computing and communicating in each step is needed.",
    )


SECONDS = between(1e-6, 1e8, "s")


@exercise(one=(SECONDS, "s"), many=(SECONDS, "s"), devices=between(2, 1e4, whole=True))
def own_stopwatch(one=41.0, many=13.6, devices=4):
    gain = one / many
    e = karp_flatt(gain, devices)
    return Number(
        title="Your own stopwatch",
        goal="Time one fixed job of your own with one worker and with several: `make -j1` and "
        "`make -j4`, or a large NumPy matrix product started with OMP_NUM_THREADS=1 and 4. Use no "
        "more workers than you have cores (`nproc`). Bring both times in s, as `one` and `many`, "
        "and the workers as `devices`. Which serial fraction e follows? Answer with a fraction.",
        key=e,
        tolerance=0.02,
        slips=[
            Slip(
                "serial and parallel swapped",
                1 - e,
                "This is p, the fraction that the workers share. Asked is e = 1 − p.",
            ),
            Slip(
                "speed-up for efficiency",
                gain,
                "This is S, the old time over the new one: a speed-up, not a fraction of the time.",
            ),
            Slip(
                "efficiency for fraction",
                1 - gain / devices,
                "This is what is missing from the efficiency, 1 − S/n. It also contains the idle "
                "time of all other workers.",
            ),
            Slip(
                "infinitely many workers",
                many / one,
                "This is 1/S, as if no shared work were left. With few workers a part remains.",
            ),
        ],
        hints=[
            "First S, the time with one worker over the time with several.",
            "Solve Amdahl's law for e = 1 − p, with s = n. `karp_flatt` does it.",
            "e = (1/S − 1/n) / (1 − 1/n).",
        ],
        reasoning=f"S = {short(gain)} on {short(devices)} workers, an efficiency of "
        f"{gain / devices:.0%}. Amdahl's law, solved for 1 − p, gives e. If it is negative, S is "
        "above n, as when the data of a smaller share fit into a faster cache. If it is above 1, "
        "the workers together are slower than one. Time another number of workers: if e stays, the "
        "law describes your job.",
    )


@exercise
def split_the_budget(compute=0.048, load=0.003, budget=10, deadline=0.0076):
    def step(s, k):
        """Time with s times the compute unit and k times the bandwidth."""
        total = compute + load
        return total / speedup(compute / total, s, 1 / k)

    root = math.sqrt(compute / load)  # both save the same where s/k is this
    best = dict(s=budget - budget / (1 + root), k=budget / (1 + root))

    def requirements(s, k):
        yield Requirement(
            "over the budget",
            s + k > budget * (1 + 1e-9),
            "s and k together are more shares than you can pay.",
        )
        yield Requirement(
            "too little bandwidth",
            step(s, k) > deadline and load / k**2 > compute / s**2,
            "The step is too slow, and a bit more bandwidth would save more time than a bit more "
            "compute. The part that nobody speeds up is the ceiling.",
        )
        yield Requirement(
            "too little compute",
            step(s, k) > deadline,
            "The step is too slow, and a bit more compute would save more time than a bit more "
            "bandwidth. Most of the time is still spent computing.",
        )

    return Design(
        title="Split the budget",
        goal=f"A step of your training computes for {short(1000 * compute)} ms, then loads for "
        f"{short(1000 * load)} ms. You can pay {budget} shares in all: s of them make the compute "
        "unit s times as fast, k of them make the bandwidth k times as large (today is one of "
        f"each). Bring the step down to {short(1000 * deadline)} ms. Answer dict(s=..., k=...).",
        names=dict(s=between(1, 1000), k=between(1, 1000)),
        requirements=requirements,
        design=best,
        hints=[
            "All for the compute unit is not enough. Try it, and look at what the time is made of.",
            "The time is compute/s + load/k. One share saves about compute/s² or load/k².",
            "At the best split both savings are equal, so s/k is the square root of compute/load.",
        ],
        reasoning=f"All for the compute unit, s = {budget - 1}, gives "
        f"{short(1000 * step(budget - 1, 1))} ms; half and half gives "
        f"{short(1000 * step(budget / 2, budget / 2))} ms. Both savings are equal at s/k = "
        f"√(compute/load) = {short(root)}, which gives {short(1000 * step(**best))} ms. Computing "
        f"takes {compute / (compute + load):.0%} of the time, and still {best['k'] / budget:.0%} "
        "of the money belongs in the link.",
    )
