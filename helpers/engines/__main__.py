"""Measure what several processes gain on this machine, print it, and save it as a record.

    python -m helpers.engines helpers/data/engines/NAME.json

Waits until nothing else uses the cores; saves nothing if there are no engines or no quiet.
"""

import argparse
import sys
from pathlib import Path

from helpers.engines.cluster import Engines
from helpers.engines.record import measure_engines, save_engines
from helpers.measure.machine import usable_threads
from helpers.measure.watch import Stopwatch
from helpers.words import brief_time, si, size_words


def summary(record):
    """A record in lines of text, for a terminal."""
    lines = [f"{record.date}: {record.machine.cpu}, {record.machine.cores} cores, {record.mpi}"]

    def line(name, result, words):
        words = words if result.known else f"not measured ({result.why})"
        others = f"{100 * result.others:.0f} %".replace("nan %", "unknown")
        lines.append(f"  {name}: {words}; {result.rounds} rounds, others {others}")

    for row in record.reductions:
        name = f"all-reduce of {row.processes}, {size_words(row.size)}"
        line(name, row.seconds, brief_time(row.seconds.value) if row.seconds.known else "")
    for row in record.links:
        line(f"latency of {row.processes}", row.latency, brief_time(row.latency.value))
        line(f"bandwidth of {row.processes}", row.bandwidth, si(row.bandwidth.value, "B/s"))
    for row in record.steps:
        parts = (row.whole, row.alone, row.together, row.step)
        words = "{:.2f} ms by one; a part {:.2f} alone, {:.2f} together, {:.2f} with all-reduce"
        words = words.format(*(1e3 * part.value for part in parts))
        words += f"; S {row.speedup.value:.3f}, by the model {row.modelled.value:.3f}"
        name = f"{row.network}, batch {row.whole_batch} by {row.processes}"
        line(name, row.speedup, words.replace("nan", "?"))
    return "\n".join(lines)


def main(arguments=None):
    """Measure, print and save; 1 if there were no engines, or no quiet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--processes", type=int, default=max(2, usable_threads()))
    parser.add_argument("--profile", help="of IPython; engines on this machine if not given")
    parser.add_argument("--seconds", type=float, default=25.0, help="to use, about")
    parser.add_argument("--wait", type=float, default=300.0, help="for quiet, at most")
    parser.add_argument("--limit", type=float, default=0.1, help="share that others may use")
    options = parser.parse_args(arguments)
    with Engines(options.processes, options.profile) as engines:
        if engines.why:
            print(engines.why)
            return 1
        if not Stopwatch(options.limit).wait_until_quiet(options.wait):
            print(f"too noisy for {options.wait:g} s: nothing was measured")
            return 1
        record = measure_engines(engines, options.seconds, options.limit)
    print(summary(record))
    print("saved as", save_engines(record, options.path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
