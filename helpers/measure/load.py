"""How quiet the machine was: how many cores there are, what others used of them, what held them.

Read from what Linux tells of itself. Elsewhere, and in boxes that hide it, the answer is "unknown",
which is NaN or None here, never a guess.
"""

import math
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUP = Path("/proc/self/cgroup")
STAT = Path("/proc/stat")
IDLE, IO_WAIT = 3, 4  # columns of /proc/stat; the first eight add up to all the time there is


def hindrance():
    """Why nothing can be measured here; "" if nothing speaks against it.

    A browser hands Python one thread, a coarse clock and no look at the processor.
    """
    if sys.platform != "emscripten":
        return ""
    return "in the browser nothing can be measured: it hides the machine, and its clock is coarse"


class Cores(NamedTuple):
    """How many cores this process may use.

    Attributes
    ----------
    installed : int
        Logical cores that the system sees.
    allowed : int
        Those that this process may run on.
    quota : float
        Cores' worth of time that a container may use; infinite if there is no such limit.
    """

    installed: int
    allowed: int
    quota: float

    @property
    def usable(self):
        """Threads that can run at the same time, at least 1."""
        return max(1, math.floor(min(self.allowed, self.quota)))


def cores():
    """Count the `Cores` of this machine."""
    installed = os.cpu_count() or 1
    return Cores(installed, len(_allowed()) or installed, quota())


def quota(groups=CGROUPS, own=OWN_CGROUP):
    """Cores' worth of time that the control groups of this process allow; infinite if any number.

    Parameters
    ----------
    groups, own : Path
        Where Linux mounts the groups, and the file that says which are those of this process.
    """
    limits = []
    for folder in _groups(groups, own):
        # Two versions of control groups write the same two numbers into one file or two.
        for names in (["cpu.max"], ["cpu.cfs_quota_us", "cpu.cfs_period_us"]):
            words = " ".join(text_of(folder / name) for name in names).split()
            if len(words) == 2 and words[0].isdecimal() and words[1].isdecimal() and int(words[1]):
                limits.append(int(words[0]) / int(words[1]))
    return min(limits, default=math.inf)


def throttled(groups=CGROUPS, own=OWN_CGROUP):
    """Seconds for which control groups have held this process so far; None if unknown."""
    held = []
    for folder in _groups(groups, own):
        lines = (line.split() for line in text_of(folder / "cpu.stat").splitlines())
        values = {words[0]: words[1] for words in lines if len(words) == 2}
        for name, unit in (("throttled_usec", 1e-6), ("throttled_time", 1e-9)):
            if values.get(name, "").isdecimal():
                held.append(int(values[name]) * unit)
    return max(held, default=None)


def memory_limit(groups=CGROUPS, own=OWN_CGROUP, meminfo=Path("/proc/meminfo")):
    """Bytes that this process may still take; infinite if unknown."""
    limits = [math.inf]
    for line in text_of(meminfo).splitlines():
        if line.startswith("MemAvailable:"):
            limits.append(int(line.split()[1]) * 1024)
    pairs = (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    )
    for folder in _groups(groups, own):
        for limit, used in pairs:
            words = [text_of(folder / name).strip() for name in (limit, used)]
            if all(word.isdecimal() for word in words):
                limits.append(max(0, int(words[0]) - int(words[1])))
    return min(limits)


class Reading(NamedTuple):
    """Processor time until now, in s: of all on the allowed cores, of idle ones too, and our own.

    `busy` and `total` are NaN where the system does not tell. `held` is the time, in s, for which
    the quota of a container has kept us waiting; 0 where there is none or the system does not tell.
    """

    busy: float
    total: float
    own: float
    held: float = 0.0


def reading(stat=STAT, cpus=None, own=time.process_time):
    """Take a `Reading`.

    Parameters
    ----------
    stat : Path
        In the form of Linux's ``/proc/stat``.
    cpus : collection of int, optional
        The cores that count; those that this process may run on if None.
    own : callable
        Processor time of this process, in s.
    """
    cpus = _allowed() if cpus is None else cpus
    ticks = []
    for line in text_of(stat).splitlines():
        name, *words = line.split() or [""]
        if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cpus:
            ticks.append([int(word) for word in words[:8]])
    held = throttled() or 0.0
    if not ticks:
        return Reading(math.nan, math.nan, own(), held)
    second = os.sysconf("SC_CLK_TCK")
    total = sum(map(sum, ticks))
    idle = sum(sum(core[IDLE : IO_WAIT + 1]) for core in ticks)
    return Reading((total - idle) / second, total / second, own(), held)


def others(before, after):
    """Share of the cores that others used between two readings, from 0 to 1; NaN if unknown.

    Others are the processes that are not this one, and the host where it runs something else on
    the same cores ("steal"). Child processes are others too.

    Examples
    --------
    >>> others(Reading(busy=10, total=100, own=3), Reading(busy=11.5, total=102, own=4))
    0.25
    >>> others(Reading(busy=10, total=100, own=3), Reading(busy=10, total=102, own=5))
    nan
    """
    busy, total, own, _ = (late - early for early, late in zip(before, after, strict=True))
    # A box that hides what we use ourselves would hide the others as well. Ticks are coarse.
    if not total > 0 or busy < 0.8 * own - 0.1:
        return math.nan
    return min(1.0, max(0.0, (busy - own) / total))


def _allowed():
    """The cores that this process may run on; empty if the system does not tell."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset()


def _groups(groups, own):
    """Folders of the control groups that hold this process, those that hold these included."""
    folders = []
    for line in text_of(own).splitlines():
        _, controllers, path = line.split(":", 2)
        for top in {"", *controllers.split(",")}:
            folder = groups / top / path.lstrip("/")
            folders += [up for up in (folder, *folder.parents) if up.is_relative_to(groups)]
    return sorted(set(folders))


def text_of(path):
    """What a file holds, or nothing where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
