"""What the machine says of itself: for a record, and for the words beside a number."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from helpers.measure import load
from helpers.measure.library import blas

CPUINFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu")


class Machine(NamedTuple):
    """A machine as it describes itself; it holds no name of a host or of a person.

    Attributes
    ----------
    cpu : str
        Model of the processor; "unknown" where the system does not tell.
    system : str
        Operating system and kind of processor.
    installed, cores : int
        Logical cores that the system sees, and those that this process may use.
    caches : dict
        Size in B of each level's largest cache for data, such as ``{"L2": 1048576}``.
    last_level : int
        All caches of the last level together, in B; 0 if unknown.
    python, numpy, blas : str
        Versions; of the BLAS library also the processor that it was made for.
    """

    cpu: str
    system: str
    installed: int
    cores: int
    caches: dict
    last_level: int
    python: str
    numpy: str
    blas: str


def machine():
    """Describe this `Machine`."""
    counted, (sizes, last) = load.cores(), caches()
    known = blas()
    words = [str(known.get(key) or "") for key in ("internal_api", "version", "architecture")]
    return Machine(
        cpu_model(),
        f"{platform.system()} {platform.machine()}",
        counted.installed,
        counted.usable,
        sizes,
        last,
        platform.python_version(),
        np.__version__,
        " ".join(filter(None, words)) or "unknown",
    )


def cpu_model(cpuinfo=CPUINFO):
    """Model of the processor, or "unknown"."""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", load.text_of(cpuinfo), re.MULTILINE)
    if found:
        return found[1].strip()
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            return subprocess.run(command, capture_output=True, text=True).stdout.strip()
        except OSError:
            pass
    return platform.processor() or "unknown"


def caches(folder=CACHES):
    """Sizes of the caches by level, in B, and that of all of the last level together.

    Parameters
    ----------
    folder : Path
        Where Linux describes the cores; elsewhere nothing is known: ``({}, 0)``.
    """
    sizes, shared = {}, {}
    for index in sorted(folder.glob("cpu[0-9]*/cache/index*")):
        words = [load.text_of(index / name).strip() for name in ("level", "type", "size")]
        size = re.fullmatch(r"(\d+)([KMG]?)", words[2])
        if words[1] in ("Data", "Unified") and words[0].isdecimal() and size:
            level, number = f"L{words[0]}", int(size[1]) << " KMG".index(size[2] or " ") * 10
            sizes[level] = max(number, sizes.get(level, 0))
            shared[level, load.text_of(index / "shared_cpu_list").strip()] = number
    last = max(sizes, default="")
    together = sum(size for (level, _), size in shared.items() if level == last)
    return dict(sorted(sizes.items())), together


def usable_threads():
    """Threads that measurements use: as many as there are usable cores, 64 at most."""
    return min(64, load.cores().usable, os.cpu_count() or 1)
