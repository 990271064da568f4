"""Starts engines, tells how to reach them, and ends them when the one who asked is gone.

A program of its own. The kernel holds the only writing end of the pipe that is this program's
standard input: however the kernel ends, by SIGKILL too, the pipe is closed, and reading it ends.
The engines are descendants of this program and not of the kernel.

    python -m helpers.engines.guard N [PROFILE]

It writes one line of JSON: how a client connects, or why there are no engines.
"""

import asyncio
import json
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress

import psutil
from IPython.core.profiledir import ProfileDir, ProfileDirError
from IPython.paths import get_ipython_dir

LOCAL_SECONDS = 45  # for engines of this machine to report; a profile says its own
GRACE = 2.0  # s to end by themselves


def guard(n, profile, answer, ask):
    """Run a cluster of n engines until `ask` ends.

    Parameters
    ----------
    n : int
    profile : str
        Of IPython; if empty, a temporary one for engines on this machine.
    answer : file
        For the line of JSON.
    ask : file
        Read to its end.
    """
    try:
        import ipyparallel as ipp

        if profile:  # one that does not exist would be made, for engines without MPI
            ProfileDir.find_profile_dir_by_name(get_ipython_dir(), profile)
    except ProfileDirError:
        return tell(answer, why=f"IPython has no profile {profile!r}")
    except ImportError as error:
        return tell(answer, why=reason(error))
    folder = tempfile.mkdtemp(prefix="engines-")
    here = {"profile_dir": folder, "engines": "mpi", "engine_timeout": LOCAL_SECONDS}
    cluster = ipp.Cluster(
        n=n, log_level=logging.CRITICAL, **({"profile": profile} if profile else here)
    )
    started = set()
    try:
        client = cluster.start_and_connect_sync()
        started = _descendants()
        client.close()
        tell(answer, client=asyncio.run(cluster.controller.get_connection_info())["client"])
        ask.read()
    except Exception as error:
        tell(answer, why=reason(error))
    finally:
        end(started | _descendants())
        with suppress(Exception):  # what runs elsewhere, as in a queue of Slurm
            cluster.stop_cluster_sync()
        shutil.rmtree(folder, ignore_errors=True)


def tell(answer, **line):
    """Write a line of JSON, if there is still someone to read it."""
    with suppress(OSError):
        print(json.dumps(line), file=answer, flush=True)


def reason(error):
    """An error of ipyparallel in few words."""
    text = " ".join(str(error).split()) or type(error).__name__
    code = re.search(r"stopped: .*'exit_code': (-?\d+)", text)
    return f"what starts them ended with exit code {code[1]}" if code else text[:150]


def end(processes):
    """End processes: ask them, and kill those that are still there after a while."""
    for process in processes:
        with suppress(psutil.Error):
            process.terminate()
    for process in running(processes, GRACE):
        with suppress(psutil.Error):
            process.kill()
    running(processes, GRACE)


def running(processes, seconds):
    """Those processes that still run after so many seconds; returns early if none does."""
    last = time.monotonic() + seconds
    while (left := [process for process in processes if _runs(process)]) and (
        time.monotonic() < last
    ):
        time.sleep(0.02)
    return left


def _runs(process):
    """One that ended and whose parent has not asked how does not run any more."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.is_running()
    except psutil.NoSuchProcess:
        return False


def _descendants():
    return set(psutil.Process().children(recursive=True))


def main(n, profile=""):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that `finally` runs
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    guard(int(n), profile, answer, sys.stdin)


if __name__ == "__main__":
    main(*sys.argv[1:])
