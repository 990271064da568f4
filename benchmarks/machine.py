"""Is what we measure with NumPy what a compiled program reaches? Ratios against C, in one run.

Run by hand on a quiet machine: ``.venv/bin/python benchmarks/machine.py``. The C reference,
``machine.c``, is built on the spot by gcc or clang. Ours and its operation, with the same arrays,
bytes and threads, take turns; a ratio is taken within each round, and printed is its median over
the rounds in which others used at most a tenth of the cores. Bars: β of copy, add and read at least
0.95 of C; π in FP32 with one thread at least 0.90 of a loop of multiply-adds that touches no
memory, with the fastest kernels that the BLAS library has for this machine. Exit status 1 if a bar
is missed on a quiet machine, one on which at least half of the rounds count; else nothing is
judged.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ["OMP_WAIT_POLICY"] = "passive"  # idle threads of the reference are not to spin

from helpers.measure import kernels  # noqa: E402
from helpers.measure.library import restart_with_fastest  # noqa: E402
from helpers.measure.machine import machine, usable_threads  # noqa: E402
from helpers.measure.watch import Stopwatch, Task  # noqa: E402

SOURCE = Path(__file__).with_suffix(".c")
NUMBERS = 2**24  # FP64 of each array: 128 MiB
SIDE, TIMES = 2048, 20_000_000
REFERENCE = {"copy": "copy", "add": "add", "read": "read_both"}
BANDWIDTH_BAR, PEAK_BAR = 0.95, 0.90
SECONDS, MOST_ROUNDS = 40.0, 25


def build(folder):
    """The C reference as a library, with threads if the compiler has them; None without one."""
    for compiler in filter(shutil.which, ("gcc", "clang")):
        for more in (["-fopenmp"], []):
            library = Path(folder, "machine.so")
            flags = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", *more]
            command = [compiler, *flags, "-o", library, SOURCE]
            if subprocess.run(command, capture_output=not os.environ.get("V")).returncode == 0:
                print(f"C reference: {compiler} {' '.join(flags)}")
                loaded = ctypes.CDLL(str(library))
                for name in (*REFERENCE.values(), "multiply_add"):
                    getattr(loaded, name).restype = ctypes.c_double
                return loaded
    return None


def streams(library, threads):
    """Ours and C's of each operation on memory."""
    a, b, c = vectors = kernels.arrays(3, NUMBERS)
    addresses = [ctypes.c_void_p(vector.ctypes.data) for vector in (c, a, b)]
    for name, make in kernels.STREAMS.items():
        ours = make(vectors, threads)
        run = partial(
            getattr(library, REFERENCE[name]), *addresses, ctypes.c_long(NUMBERS), threads
        )
        yield f"β {name}, {threads} threads", ours, Task(run, *ours[1:5]), BANDWIDTH_BAR


def products(library, precision, threads):
    """Our matrix product and C's multiply-adds, which are of FP32."""
    flops, result = ctypes.c_double(), ctypes.c_float()
    places = ctypes.byref(flops), ctypes.byref(result)
    numbers = ctypes.c_float(0.999), ctypes.c_float(0.001)
    run = partial(library.multiply_add, ctypes.c_long(TIMES), threads, *numbers, *places)
    run()
    ours = kernels.product(SIDE, SIDE, SIDE, precision, threads)
    bar = PEAK_BAR if (precision, threads) == ("FP32", 1) else None
    name = f"π {precision}, {threads} threads"
    yield name, ours, Task(run, int(flops.value)), bar


def compare(pairs):
    """Time pairs in turns; print rates and ratios. How many bars are missed, and not judged?"""
    pairs = list(pairs)
    tasks = {
        (name, who): task for name, *both, _ in pairs for who, task in zip("oc", both, strict=True)
    }
    rounds = Stopwatch().rounds(tasks, SECONDS, MOST_ROUNDS)
    missed = unjudged = 0
    for name, ours, theirs, bar in pairs:
        counts = [task.flops if "π" in name else task.moved for task in (ours, theirs)]

        def rate(who, name=name, counts=counts):
            return lambda times: counts["oc".index(who)] / times[name, who]

        ratio = rounds.of(lambda times, rate=rate: rate("o")(times) / rate("c")(times))
        if not ratio.known or ratio.rounds < len(rounds.others) / 2:
            why = ratio.why or f"only {ratio.rounds} of {len(rounds.others)} rounds were quiet"
            print(f"  {name}: not judged: {why}")
            unjudged += bar is not None
            continue
        values = [rounds.of(rate(who)).value / 1e9 for who in "oc"]
        verdict = "" if bar is None else f"(bar {bar})" + " MISSED" * (ratio.value < bar)
        missed += bar is not None and ratio.value < bar
        print(
            f"  {name}: {ratio.value:.3f} [{ratio.low:.3f}, {ratio.high:.3f}] of C {verdict}, "
            f"{values[0]:.1f} and {values[1]:.1f} G/s, {ratio.rounds} rounds, "
            f"others {100 * ratio.others:.0f} %"
        )
    return missed, unjudged


def main():
    restart_with_fastest()
    with tempfile.TemporaryDirectory() as folder:
        library = build(folder)
        if library is None:
            print("no gcc and no clang that builds machine.c: there is nothing to compare with")
            return 0
        print(machine())
        many = usable_threads() if library.has_threads() else 1
        totals = [0, 0]
        groups = [lambda n=n: streams(library, n) for n in sorted({1, many})]
        groups += [
            lambda p=p, n=n: products(library, p, n)
            for p in kernels.BYTES
            for n in sorted({1, many})
        ]
        for group in groups:
            totals = [old + new for old, new in zip(totals, compare(group()), strict=True)]
    print(f"{totals[0]} bars missed, {totals[1]} not judged")
    return int(totals[0] > 0)


if __name__ == "__main__":
    sys.exit(main())
