"""Measure this machine, print what was found, and save it as a record.

    python -m helpers.measure helpers/data/machines/NAME.json

Waits until nothing else uses the cores; measures nothing if that takes too long.
"""

import argparse
import math
import sys
from pathlib import Path

from helpers.measure.library import restart_with_fastest
from helpers.measure.record import measure_all, save_record
from helpers.measure.watch import Stopwatch
from helpers.words import si


def summary(record):
    """A record in lines of text, for a terminal."""
    machine, roof = record.machine, record.roofline
    lines = [f"{record.date}: {machine.cpu}, {machine.cores} cores, {machine.blas}"]

    def line(name, result, words):
        noise = "unknown" if math.isnan(result.others) else f"{100 * result.others:.0f} %"
        words = words if result.known else f"not measured ({result.why})"
        lines.append(f"  {name}: {words}; {result.rounds} rounds, others {noise}")

    for row in record.bandwidths:
        name = f"β {row.operation}, {row.threads} threads, {row.size >> 10} KiB"
        words = f"{si(row.useful_rate, 'B/s')} useful, {si(row.rate, 'B/s')} moved"
        line(name, row.seconds, words)
    for row in record.peaks:
        line(f"π {row.precision}, {row.threads} threads", row.seconds, si(row.rate, "flop/s"))
    line("π of the roofline", roof.peak, si(roof.peak.value, "flop/s"))
    line("β of the roofline", roof.bandwidth, si(roof.bandwidth.value, "B/s"))
    for row in roof.points:
        words = f"I = {row.intensity:.3g}, {_rate(row)}{row.share.value:.2f} of the roof"
        line(row.name, row.share, f"{words}. {row.reason}".rstrip(". "))
    for row in record.speedups:
        names = ("p", "s", "r", "predicted", "measured")
        parts = [f"{name} {getattr(row, name).value:.2f}".replace("nan", "?") for name in names]
        line(row.name, row.ratio, ", ".join(parts))
    for row in record.overlaps:
        times = [1e3 * row.predicted.value, 1e3 * row.measured.value]
        words = "{:.1f} ms predicted, {:.1f} measured: {}".format(*times, row.winner)
        line(f"{row.loader}, {row.chunks} chunks", row.ratio, words)
    return "\n".join(lines)


def _rate(row):
    """A point's flop/s; its share of the roof can be steady where its time is not."""
    return f"{si(row.rate, 'flop/s')}, " if row.seconds.known else ""


def main(arguments=None):
    """Measure, print and save; 1 if the machine was not quiet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seconds", type=float, default=120.0, help="to use, about")
    parser.add_argument("--wait", type=float, default=300.0, help="for quiet, at most")
    parser.add_argument("--tries", type=int, default=4, help="of a part that is disturbed, at most")
    options = parser.parse_args(arguments)
    restart_with_fastest()
    watch = Stopwatch()
    if not watch.wait_until_quiet(options.wait):
        print(f"too noisy for {options.wait:g} s: nothing was measured")
        return 1
    record = measure_all(options.seconds, watch, tries=options.tries)
    print(summary(record))
    print("saved as", save_record(record, options.path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
