"""Engines: processes of MPI, started from a notebook, and none left behind.

`ipyparallel` starts a controller and, by ``mpiexec``, the engines: Python processes that belong to
one ``MPI.COMM_WORLD`` and run what the notebook sends. On a cluster a named profile of IPython says
how they start.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from helpers.measure import load
from helpers.measure.machine import usable_threads
from helpers.ranges import between, checked

ROOT = Path(__file__).resolve().parents[2]
BESIDE = str(Path(sys.executable).parent)  # where the packages put mpiexec
LOOK = 0.1  # s between looks at the engines
COUNT = between(2, 1024, whole=True)


def lacking(n=2):
    """Why n engines cannot run on this machine; "" if nothing speaks against it."""
    if load.hindrance():
        return "in the browser there are no processes: it runs Python in one"
    for package in ("ipyparallel", "mpi4py"):
        if find_spec(package) is None:
            return f"no MPI: the package {package} is not installed"
    if shutil.which("mpiexec", path=_path()) is None:
        return "no MPI: there is no program mpiexec"
    cores = usable_threads()
    if cores < n:
        return f"{n} processes would take turns: cores that may be used: {cores}"
    return ""


class Engines:
    """Processes of MPI on this machine, or wherever a profile starts them.

    If they cannot run, `why` says the reason, and nothing fails until `run` is called. They end
    with `stop`, at the end of a ``with``, and when this process ends, however it does.

    Parameters
    ----------
    n : int
        Processes, from 2.
    profile : str, optional
        Of IPython, which says how a cluster starts its engines. This machine if None.

    Attributes
    ----------
    n : int
    why : str
        Why there are none; "" if there are.

    Examples
    --------
    ``with Engines(2) as engines: engines.run(function)``
    """

    def __init__(self, n=2, profile=None):
        self.n = int(checked("n", n, COUNT))
        self.client, self.guard, self._stop = None, None, lambda: None
        self.why = "" if profile else lacking(self.n)
        if not self.why:
            self._start(profile or "")

    def _start(self, profile):
        command = [sys.executable, "-m", "helpers.engines.guard", str(self.n), profile]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.guard = subprocess.Popen(
            command, env=environment(), start_new_session=True, text=True, **pipes
        )
        # Also when this object is forgotten, as by a cell that runs twice.
        self._stop = weakref.finalize(self, _stop, self.guard, clients := [])
        try:
            line = self.guard.stdout.readline()
            answer = json.loads(line or '{"why": "the program that starts them ended"}')
            self.why = answer.get("why", "")
            if not self.why:
                import ipyparallel

                self.client = ipyparallel.Client(answer["client"])
                clients.append(self.client)
                alone = min(self.run(_size))
                if alone != self.n:
                    self.why = f"a process sees only {alone}: is mpiexec that of mpi4py's MPI?"
        except BaseException:
            self.stop()
            raise
        if self.why:
            self.why = f"no engines: {self.why}"
            self.stop()

    def run(self, function, *arguments, progress=None, seconds=120.0):
        """Call a function on all engines at the same time.

        Parameters
        ----------
        function : callable
            Takes ``MPI.COMM_WORLD`` and the arguments. It may tell its progress by `report`.
        progress : callable, optional
            As of `helpers.measure.watch.Stopwatch.rounds`.
        seconds : float
            To wait, at most.

        Returns
        -------
        list
            What each returned, by its rank.

        Raises
        ------
        RuntimeError
            If there are no engines, or one fails; then all are stopped.
        """
        if self.client is None:
            raise RuntimeError(self.why or "the engines are stopped")
        try:
            calls = [
                self.client[engine].apply_async(_call, function, *arguments)
                for engine in self.client.ids
            ]
            last = time.monotonic() + seconds
            while not all(call.ready() for call in calls):
                # One that failed leaves the others waiting for it.
                if any(call.ready() and not call.successful() for call in calls):
                    break
                if time.monotonic() > last:
                    raise RuntimeError(f"the engines took more than {seconds:g} s")
                for call in calls if progress else ():
                    if call.data:
                        progress(*call.data["progress"])
                time.sleep(LOOK)
            failed = [call for call in calls if call.ready() and not call.successful()]
            if failed:
                raise RuntimeError(f"an engine failed: {failed[0].exception()}")
            return [result for _, result in sorted((call.get() for call in calls), key=_rank)]
        except BaseException as error:
            self.stop()
            self.why = " ".join(f"the engines were stopped: {error}".split())[:190]
            raise

    def stop(self):
        """End the engines; returns when no process is left."""
        self.client = None
        self._stop()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


def report(share, words):
    """On an engine: tell the share that is done to whoever called `Engines.run`."""
    from ipyparallel.datapub import publish_data

    publish_data({"progress": (share, words)})


def environment():
    """Variables for engines: one thread each, these helpers, and leave to start as root."""
    found = os.environ | {"PATH": _path()}
    found |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # Open MPI refuses root, MPICH does not
        names = ("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM")
        found |= dict.fromkeys(names, "1")
        found |= dict.fromkeys((name.replace("OMPI", "PRTE") for name in names), "1")
    return found


def _path():
    return os.pathsep.join(filter(None, [BESIDE, os.environ.get("PATH")]))


def _stop(guard, clients):
    for client in clients:
        with suppress(Exception):
            client.close()
    guard.stdin.close()
    try:
        guard.wait(30)
    except subprocess.TimeoutExpired:
        guard.terminate()
        guard.wait(10)
    guard.stdout.close()


def _call(function, *arguments):
    """On an engine: the rank and what the function returns."""
    from mpi4py import MPI

    return MPI.COMM_WORLD.rank, function(MPI.COMM_WORLD, *arguments)


def _rank(pair):
    return pair[0]


def _size(comm):
    return comm.size
