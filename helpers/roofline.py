"""The roofline: how fast a task runs on a machine whose two units overlap perfectly.

The model is that of Williams, Waterman and Patterson, CACM 52(4), 2009,
doi:10.1145/1498765.1498785. Symbols, units and ranges are those of `helpers.notation`; all
functions take scalars or arrays that broadcast together.
"""

import numpy as np

from helpers.notation import model
from helpers.ranges import POSITIVE_OR_INFINITE

MEMORY_BOUND, BALANCED, COMPUTE_BOUND = "memory-bound", "balanced", "compute-bound"


@model
def attainable(intensity, peak, bandwidth):
    """Attainable performance, P = min(π, β I), in flop/s. Infinite I means no traffic at all.

    Source: Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785.

    >>> attainable(0.5, peak=8, bandwidth=4), attainable(100, peak=8, bandwidth=4)
    (2.0, 8.0)
    """
    return np.minimum(peak, bandwidth * intensity)


@model
def ridge(peak, bandwidth):
    """Ridge point, I* = π / β, in flop/B: the least intensity that reaches the peak.

    Source: Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785.

    >>> ridge(peak=8, bandwidth=4)
    2.0
    """
    return peak / bandwidth


@model
def balance(intensity, peak, bandwidth):
    """Intensity in units of the ridge, x = I β / π, a pure number.

    >>> balance(6, peak=8, bandwidth=4)
    3.0
    """
    return intensity * bandwidth / peak


@model
def bound(intensity, peak, bandwidth, band=0.05):
    """Name the roof that binds: ``"memory-bound"``, ``"balanced"`` or ``"compute-bound"``.

    A task is balanced if I is within a factor 1 + band of I*.

    Returns
    -------
    str or ndarray of str
        The broadcast shape of the arguments.

    >>> bound([1.0, 2.0, 3.0], peak=8, bandwidth=4).tolist()
    ['memory-bound', 'balanced', 'compute-bound']
    """
    x = balance.formula(intensity, peak, bandwidth)
    right_of_ridge = np.where(x > 1 + band, COMPUTE_BOUND, BALANCED)
    return np.where(x * (1 + band) < 1, MEMORY_BOUND, right_of_ridge)


@model
def compute_utilisation(intensity, peak, bandwidth):
    """Share of the peak in use, P / π = min(1, x) with x = I β / π.

    Source: `attainable` divided by π.

    >>> compute_utilisation([1.0, 4.0], peak=8, bandwidth=4).tolist()
    [0.5, 1.0]
    """
    return np.minimum(1.0, balance.formula(intensity, peak, bandwidth))


@model
def bandwidth_utilisation(intensity, peak, bandwidth):
    """Share of the bandwidth in use, P / (I β) = min(1, π / (I β)).

    A task of intensity 0 only moves data, so it uses the whole bandwidth.

    Source: `attainable` divided by I β.

    >>> bandwidth_utilisation([1.0, 4.0], peak=8, bandwidth=4).tolist()
    [1.0, 0.5]
    """
    with np.errstate(divide="ignore"):  # I = 0 gives 1 / 0 = infinity, and min(1, infinity) = 1
        return np.minimum(1.0, 1.0 / balance.formula(intensity, peak, bandwidth))


@model(intensity=POSITIVE_OR_INFINITE)  # at 0 no data could ever supply the work
def overlapped_time(work, intensity, peak, bandwidth):
    """Time of a task whose loading and computing overlap, t = max(V / π, V / (β I)), in s.

    Source: V divided by `attainable`.

    >>> overlapped_time(16, intensity=0.5, peak=8, bandwidth=4)
    8.0
    """
    return np.maximum(work / peak, work / (bandwidth * intensity))
