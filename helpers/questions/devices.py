"""Exercises of notebook 02: the computing device."""

from math import ceil

from helpers.catalog import device, interconnects
from helpers.exercises.exercise import exercise
from helpers.exercises.question import Choice, Design, Formula, Number, Requirement, Slip, whole
from helpers.ranges import AT_LEAST_ONE, between
from helpers.roofline import attainable, compute_utilisation, ridge
from helpers.words import short, si

NOTEBOOK = "02_computing_device.ipynb"
CHANNEL_BYTES = 8  # of a transfer over a memory channel, 64 wires
H100, EPYC, ORIN = map(device, ("H100-SXM", "EPYC-9654", "Orin-64"))


@exercise
def channels_for_a_gpu(rate=4800e6):
    channel, sockets = rate * CHANNEL_BYTES, H100.bandwidth / EPYC.bandwidth
    return Number(
        title="A CPU with the memory of a GPU",
        goal=f"How many channels of DDR5-{rate / 1e6:.0f} ({rate / 1e6:.0f} million transfers each "
        "second) would a CPU need to load as fast as the H100-SXM does? Answer with a pure number; "
        "it need not be whole.",
        key=H100.bandwidth / channel,
        slips=[
            Slip(
                "bits for bytes",
                H100.bandwidth / (64 * rate),
                "A channel has 64 wires, and each carries one bit in a transfer, not one byte.",
            ),
            Slip(
                "wires for channels",
                H100.bandwidth * 8 / rate,
                "These are wires. A channel bundles many of them.",
            ),
            Slip(
                "transfers for bytes",
                H100.bandwidth / rate,
                "A transfer over a channel brings more than one byte.",
            ),
            Slip(
                "sockets for channels",
                sockets,
                "This counts whole EPYC-9654 processors. Each of them has many channels.",
            ),
        ],
        hints=[
            "How many bytes does one channel bring in one transfer, over its 64 wires?",
            "β of one channel = transfers each second × bytes for each transfer.",
            "Divide the H100-SXM's bandwidth, in B/s, by that of one channel.",
        ],
        reasoning=f"One channel brings 64 / 8 = {CHANNEL_BYTES} bytes at a time, so "
        f"{si(channel, 'B/s')}. The H100-SXM loads {si(H100.bandwidth, 'B/s')}. The EPYC-9654, "
        f"with 12 channels, has 1/{sockets:.1f} of that: the bandwidth of a GPU is bought with "
        "wires.",
    )


@exercise
def headline(printed=275e12, other=105e12):
    return Number(
        title="What is left of a headline",
        goal=f"The Jetson AGX Orin 64GB is sold with {printed / 1e12:.0f} Top/s. This is sparse "
        f"and in 8-bit integers, and {other / 1e12:.0f} Top/s of it come from a second accelerator "
        "that your program does not use. The GPU does half as many operations in FP16 as in 8 "
        "bits. How many times as long as the headline suggests does a dense, compute-bound FP16 "
        "task take? Answer with a pure number.",
        key=printed / ORIN.peak_fp16,
        slips=[
            Slip(
                "sparse peak",
                printed / (2 * ORIN.peak_fp16),
                "One halving is missing. Zeros that are skipped cost a factor 2, and so do 16 "
                "bits.",
            ),
            Slip(
                "second accelerator counted",
                2 * 2,
                "You halved twice, rightly, but left in the operations that your program does not "
                "use.",
            ),
            Slip(
                "nothing but the second accelerator",
                printed / (printed - other),
                "You took off the second accelerator only: what is left is sparse and in 8 bits.",
            ),
            Slip(
                "ratio upside down",
                ORIN.peak_fp16 / printed,
                "This is the speed as a share of the headline. Asked is the time, as a multiple.",
            ),
        ],
        hints=[
            "Take off first what the GPU does not do, then what only zeros make possible.",
            "Subtract the second accelerator, halve for dense, and halve again for 16 bits.",
            "Divide the headline by the result, or by the 16-bit peak in the catalogue: both "
            "agree.",
        ],
        reasoning=f"{printed / 1e12:.0f} − {other / 1e12:.0f} = {(printed - other) / 1e12:.0f}, "
        "sparse and in 8 bits; half of it dense, and half of that in FP16: "
        f"{si((printed - other) / 4, 'flop/s')}, as in the catalogue. Nothing in the headline is "
        "false, but three of its words (total, sparse, 8-bit) do not hold for this task.",
    )


@exercise
def ridge_from_parts():
    def key(units, each, clock, wires, rate):
        return ridge(units * each * clock, wires * rate / 8)

    return Formula(
        title="The ridge from its parts",
        goal="A device has `units` compute units, each doing `each` flop at a tick of a clock of "
        "`clock` ticks a second. `wires` wires lead to its memory, each carrying `rate` bits a "
        "second. Derive its ridge point I\\* in flop/B, a formula in these five names.",
        symbols=dict(units=(1, 9), each=(1, 9), clock=(1, 9), wires=(1, 9), rate=(1, 9)),
        key=key,
        formula="8 * units * each * clock / (wires * rate)",
        slips=[
            Slip(
                "bits for bytes",
                "units * each * clock / (wires * rate)",
                "This is flop for each *bit*. A byte is more than that.",
            ),
            Slip(
                "bits for bytes, on the wrong side",
                "units * each * clock / (8 * wires * rate)",
                "Fewer bytes than bits arrive, so more flop go to each byte than to each bit.",
            ),
            Slip(
                "ridge upside down",
                "wires * rate / (8 * units * each * clock)",
                "This is bytes for each flop. The ridge is flop for each byte.",
            ),
            Slip(
                "multiply-add counted twice",
                "16 * units * each * clock / (wires * rate)",
                "`each` is in flop already: the factor 2 of a multiply-add is in it.",
            ),
        ],
        hints=[
            "Write down π and β first, each from its own section.",
            "π takes the first three names, β the last two and a number.",
            "β is in bytes: divide the bits by their number in a byte. Then divide π by β.",
        ],
        reasoning="π = units · each · clock, and β = wires · rate ÷ 8. Dividing by an eighth "
        "multiplies by 8. So twice the wires halve the ridge, and twice the clock doubles it: a "
        "faster clock makes a machine that is harder to feed.",
    )


@exercise
def fastest_device(intensity=5):
    machines = {
        "a": ("RTX-4090", "The highest peak helps only a task that can reach it."),
        "b": ("A100-40", "Left of the ridge β decides, and not π."),
        "c": ("V100-SXM2", "Its peak is not far below that of the A100-40, its β is."),
        "d": ("L4", "Its peak is above that of the A100-40, its β is a fifth."),
    }
    rows = {letter: device(key) for letter, (key, _) in machines.items()}
    speeds = {
        letter: attainable(intensity, row.peak_fp32, row.bandwidth) for letter, row in rows.items()
    }
    return Choice(
        title="The device for this task",
        goal=f"A task does I = {intensity} flop for each byte in FP32, on vector units. Its data "
        "are in the memory of the device. Four devices are free; `device(...)` has their numbers. "
        "Which one can finish the task first? Answer with a letter.",
        options={
            letter: (f"{key}.", f"It attains {si(speeds[letter], 'flop/s')}. {remark}")
            for letter, (key, remark) in machines.items()
        },
        key=max(speeds, key=speeds.get),
        hints=[
            "Compare I with the ridge of each device before you compare peaks.",
            "Left of its ridge a device attains β × I.",
            "`attainable(I, peak, bandwidth)` gives the speed of each device; take the largest.",
        ],
        reasoning="Their ridges are "
        + ", ".join(
            f"{short(ridge(row.peak_fp32, row.bandwidth))} ({row.name})" for row in rows.values()
        )
        + f" flop/B, all above {intensity}. So every device waits for its memory, and their order "
        "is that of β. The peak of the RTX-4090 is "
        f"{rows['a'].peak_fp32 / rows['b'].peak_fp32:.1f} times that of the A100-40, and does not "
        "help.",
    )


@exercise(
    cores=between(1, 1e4, whole=True),
    clock=(between(1e7, 1e11, "Hz (3 GHz is 3e9)"), "Hz"),
    channels=between(1, 1e3, whole=True),
    rate=(between(1e7, 1e11, "each second (DDR4-3200 has 3200e6)"), "Hz"),
)
def your_own_ridge(cores=8, clock=2.4e9, channels=2, rate=3200e6, each=32):
    peak, bandwidth = cores * each * clock, channels * rate * CHANNEL_BYTES
    epyc = device("EPYC-7742")
    return Number(
        title="Your own ridge",
        goal="Look up your computer's processor: physical cores and base clock (`lscpu`, or the "
        f"maker's page). Count {each} flop for each core and tick, as for the EPYC 7742. Then its "
        "memory: channels of 64 wires (often 2) and transfers each second (DDR4-3200: 3200e6). Not "
        f"to be found? Take {cores} cores, {clock / 1e9:g}e9, {channels} channels, "
        f"{rate / 1e6:g}e6. Where is the FP32 ridge? Give `check` your four numbers in plain "
        "units; answer in flop/B.",
        key=ridge(peak, bandwidth),
        unit="flop/B",
        slips=[
            Slip(
                "threads for cores",
                ridge(2 * peak, bandwidth),
                "Twice too large. Did you count threads (as `nproc` does), or one of two channels?",
            ),
            Slip(
                "multiply-add counted once",
                ridge(peak / 2, bandwidth),
                "Half of it. What a core does in a tick is given in flop already: halve nothing.",
            ),
            Slip(
                "bits for bytes",
                ridge(peak, 8 * bandwidth),
                "You counted each of the 64 wires as a byte. A wire brings one bit at a time.",
            ),
            Slip(
                "transfers for bytes",
                ridge(peak, bandwidth / CHANNEL_BYTES),
                "A transfer over a channel brings 64 bits, which is more than one byte.",
            ),
            Slip(
                "ridge upside down",
                bandwidth / peak,
                "This is β/π, bytes for each flop. The ridge is π/β.",
            ),
        ],
        hints=[
            "Two numbers are needed, π and β, each a product of what you looked up.",
            "π = cores × flop for each core and tick × clock, and β = channels × transfers each "
            "second × bytes of a transfer.",
            "64 wires bring 64 bits at a time. Divide π by β, with clock and transfers in plain "
            "units (2.4 GHz is 2.4e9).",
        ],
        reasoning=f"π = {short(cores)} · {each} · {clock / 1e9:g} GHz = {si(peak, 'flop/s')} and β "
        f"= {short(channels)} · {rate / 1e6:.0f} million · {CHANNEL_BYTES} B = "
        f"{si(bandwidth, 'B/s')}. Divide them. The big EPYC 7742 has its ridge at "
        f"{short(ridge(epyc.peak_fp32, epyc.bandwidth))}: both numbers grow together. (Some "
        f"processors do more or less than {each} flop for each core and tick; the maker's page "
        "says so.)",
    )


@exercise
def flop_while_a_byte_arrives():
    link = interconnects().loc["InfiniBand NDR 4x"]
    right, memory = ridge(H100.peak_bf16, link.one_way), ridge(H100.peak_bf16, H100.bandwidth)
    return Number(
        title="While one byte arrives",
        goal=f"InfiniBand NDR joins servers with {8 * link.one_way / 1e9:.0f} Gbit/s in each "
        "direction. An H100-SXM receives data over one such link. How many flop can it do in BF16, "
        "on ordinary dense data, in the time in which one byte arrives? Answer in flop/B.",
        key=right,
        unit="flop/B",
        slips=[
            Slip(
                "bits for bytes",
                right / 8,
                "The link is sold in bits. You divided as if they were bytes.",
            ),
            Slip(
                "two-way bandwidth",
                ridge(H100.peak_bf16, link.two_way),
                "Half of it. Did you add both directions of the link, or halve a peak that is "
                "dense already?",
            ),
            Slip(
                "sparse peak",
                2 * right,
                "Twice too large. Did you take the peak with sparsity, or half of a rate that "
                "holds for each direction?",
            ),
            Slip(
                "memory for link",
                memory,
                "This is the ridge of the card's own memory. The data come over the link.",
            ),
        ],
        hints=[
            "It is a ridge point, with the link in place of the memory.",
            "Turn the link's rate into B/s first.",
            "π is the dense BF16 peak in the catalogue. Divide it by the bytes of one direction.",
        ],
        reasoning=f"{8 * link.one_way / 1e9:.0f} Gbit/s are {si(link.one_way, 'B/s')}, and the "
        f"dense peak is {si(H100.peak_bf16, 'flop/s')}. From its own memory the card needs "
        f"{short(memory)} flop for each byte to be busy; across the network {right / memory:.0f} "
        "times as many. So servers that train together must do much work for each byte that they "
        "send: notebook 06.",
    )


@exercise
def build_a_device(
    macs=128, clock=1.4e9, rate=5.2e9, intensity=80, target=100e12, most_wires=2048, least_used=0.9
):
    unit, wire = 2 * macs * clock, rate / 8  # flop/s and B/s of one

    def requirements(units, wires):
        yield whole(units=units, wires=wires)
        peak, bandwidth = unit * units, wire * wires

        def used(peak):
            return compute_utilisation(intensity, peak, bandwidth)

        yield Requirement(
            "peak too low",
            peak < target,
            "The compute unit alone is too slow: its peak is below what the task must attain.",
        )
        yield Requirement(
            "bits for bytes",
            target / 2 <= 8 * intensity * bandwidth <= 2 * target,
            "The memory is far too slow. Did you count as if each wire carried bytes? It carries "
            "bits.",
        )
        yield Requirement(
            "memory too slow",
            intensity * bandwidth < target,
            "The compute unit waits: β × I is below what the task must attain.",
        )
        yield Requirement(
            "multiply-add counted once",
            used(peak) < least_used <= used(peak / 2) and peak / 2 >= target,
            "Too much of the peak is idle: half the units would do. A multiply-add is two flop.",
        )
        yield Requirement(
            "idle units",
            used(peak) < least_used,
            "Too much of the peak is idle: these wires cannot feed so many units.",
        )
        yield Requirement(
            "too many wires",
            wires > most_wires,
            "So many wires do not fit along the edges of the chip.",
        )

    return Design(
        title="Build a device",
        goal=f"You build a device for a task with I = {intensity} flop/B. It must attain "
        f"{si(target, 'flop/s')}, and use at least {least_used:.0%} of its peak on this task. Each "
        f"unit does {macs} multiply-adds at a tick of {clock / 1e9:g} GHz; each wire carries "
        f"{rate / 1e9:g} Gbit/s, and {most_wires} wires fit. Answer with whole numbers: "
        "`dict(units=..., wires=...)`.",
        names=dict(units=AT_LEAST_ONE, wires=AT_LEAST_ONE),
        requirements=requirements,
        design=dict(units=300, wires=2000),
        hints=[
            "Two requirements are lower limits: π and β × I must both reach the target.",
            "π = units × flop for each unit and tick × clock, and β = wires × rate ÷ 8.",
            "Find the least number of wires first, then the units: at least enough for the target, "
            "and not so many that β × I is far below π.",
        ],
        reasoning=f"One unit does {si(unit, 'flop/s')}, so at least {ceil(target / unit)} units "
        f"are needed. One wire brings {si(wire, 'B/s')}, which feeds "
        f"{si(intensity * wire, 'flop/s')} of this task, so at least "
        f"{ceil(target / (intensity * wire))} wires are needed of the {most_wires} that fit. With "
        f"all of them, {intensity * wire * most_wires / (least_used * unit):.0f} units are the "
        "most that stay busy enough. The ridge lies close to I: a device is built for an "
        "intensity.",
    )
