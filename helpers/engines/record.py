"""Records of engines: what several processes gained on a machine, as a small file.

JSON in the form of `helpers.measure.record`, and read by the same rules, under a schema of its own:
a machine can be measured without MPI, and then has no such file. Measure and save, once all else
on the machine has stopped:

    python -m helpers.engines helpers/data/engines/NAME.json
"""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from helpers.engines.together import Link, Reduction, Step, reductions, steps
from helpers.measure.machine import Machine, machine
from helpers.measure.record import load_as, parse_as, save_as

SCHEMA, VERSION = "how-fast-can-it-train/engines", 1
ENGINES = Path(__file__).resolve().parents[1] / "data" / "engines"


class EngineRecord(NamedTuple):
    """What several processes gained on a machine.

    Attributes
    ----------
    date : str
    machine : Machine
        That of the first process.
    mpi : str
        The MPI library and its version.
    reductions : tuple of Reduction
    links : tuple of Link
    steps : tuple of Step
    """

    date: str
    machine: Machine
    mpi: str
    reductions: tuple[Reduction, ...]
    links: tuple[Link, ...]
    steps: tuple[Step, ...]


def measure_engines(engines, seconds=8.0, limit=0.1, progress=None):
    """Measure everything that an `EngineRecord` holds.

    Parameters
    ----------
    engines : helpers.engines.cluster.Engines
    seconds : float
        To use, about: from 2 to 3600.
    limit, progress
        As of `helpers.engines.together.reductions`.

    Returns
    -------
    EngineRecord
        Without results, but with the reason, if there are no engines.
    """
    if not 2 <= seconds <= 3600:
        raise ValueError(f"seconds must be from 2 to 3600 s, got {seconds}")
    reduced, links = reductions(
        engines, seconds=0.4 * seconds, limit=limit, progress=_part(progress, 0, 0.4)
    )
    stepped = steps(
        engines, links, seconds=0.6 * seconds, limit=limit, progress=_part(progress, 0.4, 0.6)
    )
    described = (machine(), "unknown") if engines.why else engines.run(_describe)[0]
    today = datetime.now(UTC).date().isoformat()
    return EngineRecord(today, *described, reduced, links, stepped)


def _part(progress, start, share):
    return progress and (lambda part, words: progress(start + share * part, words))


def _describe(comm):
    """On an engine: the machine, and the first words of what MPI says of itself."""
    from mpi4py import MPI

    words = MPI.Get_library_version().replace("\0", "").splitlines()[0].split()
    return machine(), " ".join(words).replace("Version: ", "").rstrip(",")[:100]


parse_engines = partial(parse_as, EngineRecord, schema=SCHEMA, version=VERSION)


def save_engines(record, path):
    """Write an `EngineRecord` to a file. Returns the path."""
    return save_as(record, path, SCHEMA, VERSION)


def load_engines(path):
    """Read an `EngineRecord`, and refuse what is none, as `helpers.measure.record.load_record`."""
    return load_as(parse_engines, path)


def shipped_engines(folder=ENGINES):
    """The records that come with the series, a dictionary by the names of their files."""
    return {path.stem: load_engines(path) for path in sorted(Path(folder).glob("*.json"))}
