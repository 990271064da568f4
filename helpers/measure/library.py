"""The BLAS library that multiplies matrices for NumPy: its threads, and its kernels.

OpenBLAS holds kernels for many processors and chooses by the family, model and
features that this one reports. The choice is not always the fastest, and can only be changed before
NumPy is loaded, by the environment variable
``OPENBLAS_CORETYPE``.
"""

import os
import subprocess
import sys
from functools import cache

import numpy  # noqa: F401 -- what is not loaded yet is not found

from helpers.measure import load

VARIABLE = "OPENBLAS_CORETYPE"
CORE_TYPES = ("Haswell", "Zen", "SkylakeX")  # those of 64-bit x86 with fused multiply-adds
# In processor time, which others change little: the fastest of some products, in flop/s.
TRIAL = """
import time
import numpy as np
from threadpoolctl import threadpool_limits
a = np.ones((1024, 1024), np.float32)
out, best = a.copy(), 1e9
with threadpool_limits(1):
    for _ in range(12):
        start = time.thread_time()
        np.matmul(a, a, out=out)
        best = min(best, time.thread_time() - start)
print(2 * 1024**3 / best)
"""


@cache
def _controller():
    from threadpoolctl import ThreadpoolController  # not in a browser

    return ThreadpoolController()


def blas_threads(threads):
    """A context in which the BLAS library uses so many threads, if it lets itself be told."""
    return _controller().limit(limits=threads, user_api="blas")


def blas():
    """What is known of the BLAS library, a dictionary; empty if it does not let itself be told."""
    if load.hindrance():
        return {}
    found = _controller().select(user_api="blas").info()
    return found[0] if found else {}


def core_types(names=CORE_TYPES):
    """How fast the kernels for other processors multiply here, with one thread.

    Each is tried for a second in a Python of its own. One that this processor cannot run ends its
    Python and is left out.

    Parameters
    ----------
    names : sequence of str
        As ``OPENBLAS_CORETYPE`` takes them.

    Returns
    -------
    dict
        Flop/s of FP32 products by name; "" is what the library chooses by itself. Empty if the
        library is not OpenBLAS.
    """
    if blas().get("internal_api") != "openblas":
        return {}
    found = {}
    for name in ("", *names):
        environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
        if name:
            environment[VARIABLE] = name
        command = [sys.executable, "-c", TRIAL]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=20)
            found[name] = float(done.stdout)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            continue
    return found


def restart_with_fastest():
    """Start this program again with the fastest kernels, once, unless the reader chose some.

    Returns if they are the ones in use. For programs, not for notebooks.
    """
    if VARIABLE in os.environ:
        return
    rates = core_types()
    best = max(rates, key=rates.get, default="")
    if best and rates[best] > 1.02 * rates.get("", 0.0):
        print(f"{VARIABLE}={best}: {rates[best] / rates.get('', 1.0):.2f} times the own choice")
        sys.stdout.flush()
        environment = os.environ | {VARIABLE: best}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
