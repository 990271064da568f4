"""The roofline: how fast a task runs on a machine whose two units overlap perfectly.

Symbols: V work (flop), pi peak (flop/s), beta bandwidth (B/s), I intensity (flop/B).
The model is that of Williams, Waterman and Patterson, CACM 52(4), 2009,
doi:10.1145/1498765.1498785. All functions take scalars or arrays that broadcast together.
"""

import numpy as np

from helpers._checks import (
    NOT_NEGATIVE,
    NOT_NEGATIVE_OR_INFINITE,
    POSITIVE,
    POSITIVE_OR_INFINITE,
    checked,
    plain,
)

MEMORY, BALANCED, COMPUTE = "memory-bound", "balanced", "compute-bound"


def attainable(intensity, peak, bandwidth):
    """Attainable performance, P = min(pi, beta I), in flop/s.

    Parameters
    ----------
    intensity : array_like
        Arithmetic intensity I, flop/B, at least 0; infinity means no traffic at all.
    peak : array_like
        Peak throughput pi, flop/s, above 0.
    bandwidth : array_like
        Bandwidth beta, B/s, above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; a plain float for scalars.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785.

    Examples
    --------
    >>> attainable(0.5, peak=8, bandwidth=4), attainable(100, peak=8, bandwidth=4)
    (2.0, 8.0)
    """
    intensity, peak, bandwidth = _task_on_machine(intensity, peak, bandwidth)
    return plain(np.minimum(peak, bandwidth * intensity))


def ridge(peak, bandwidth):
    """Ridge point, I* = pi / beta, in flop/B: the least intensity that reaches the peak.

    Parameters
    ----------
    peak, bandwidth : array_like
        pi in flop/s and beta in B/s, both above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785.

    Examples
    --------
    >>> ridge(peak=8, bandwidth=4)
    2.0
    """
    peak, bandwidth = checked(peak=(peak, POSITIVE), bandwidth=(bandwidth, POSITIVE))
    return plain(peak / bandwidth)


def balance(intensity, peak, bandwidth):
    """Intensity in units of the ridge, x = I beta / pi, a pure number.

    Parameters, errors and source are those of `attainable`.

    Examples
    --------
    >>> balance(6, peak=8, bandwidth=4)
    3.0
    """
    intensity, peak, bandwidth = _task_on_machine(intensity, peak, bandwidth)
    return plain(intensity * bandwidth / peak)


def bound(intensity, peak, bandwidth, band=0.05):
    """Name the roof that binds: ``"memory-bound"``, ``"balanced"`` or ``"compute-bound"``.

    Parameters
    ----------
    intensity, peak, bandwidth : array_like
        As for `attainable`.
    band : float
        How near the ridge counts as balanced: I within a factor 1 + band of I*. At least 0.

    Returns
    -------
    str or ndarray of str
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Examples
    --------
    >>> bound([1.0, 2.0, 3.0], peak=8, bandwidth=4).tolist()
    ['memory-bound', 'balanced', 'compute-bound']
    """
    intensity, peak, bandwidth, band = checked(
        intensity=(intensity, NOT_NEGATIVE_OR_INFINITE),
        peak=(peak, POSITIVE),
        bandwidth=(bandwidth, POSITIVE),
        band=(band, NOT_NEGATIVE),
    )
    x = intensity * bandwidth / peak
    return plain(np.where(x * (1 + band) < 1, MEMORY, np.where(x > 1 + band, COMPUTE, BALANCED)))


def compute_utilisation(intensity, peak, bandwidth):
    """Share of the peak in use, P / pi = min(1, x) with x = I beta / pi.

    Parameters, errors and source are those of `attainable`.

    Examples
    --------
    >>> compute_utilisation([1.0, 4.0], peak=8, bandwidth=4).tolist()
    [0.5, 1.0]
    """
    return plain(np.minimum(1.0, np.asarray(balance(intensity, peak, bandwidth))))


def bandwidth_utilisation(intensity, peak, bandwidth):
    """Share of the bandwidth in use, P / (I beta) = min(1, pi / (I beta)).

    Parameters, errors and source are those of `attainable`. A task of intensity 0 only moves
    data, so it uses the whole bandwidth.

    Examples
    --------
    >>> bandwidth_utilisation([1.0, 4.0], peak=8, bandwidth=4).tolist()
    [1.0, 0.5]
    """
    with np.errstate(divide="ignore"):  # I = 0 gives pi / 0 = infinity, and min(1, infinity) = 1
        return plain(np.minimum(1.0, 1.0 / np.asarray(balance(intensity, peak, bandwidth))))


def overlapped_time(work, intensity, peak, bandwidth):
    """Time of a task whose loading and computing overlap, t = max(V / pi, V / (beta I)), in s.

    Parameters
    ----------
    work : array_like
        Work V, flop, at least 0.
    intensity : array_like
        Arithmetic intensity I, flop/B, above 0: at 0 no data could ever supply the work.
    peak, bandwidth : array_like
        pi in flop/s and beta in B/s, both above 0.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785: V divided by `attainable`.

    Examples
    --------
    >>> overlapped_time(16, intensity=0.5, peak=8, bandwidth=4)
    8.0
    """
    work, intensity, peak, bandwidth = checked(
        work=(work, NOT_NEGATIVE),
        intensity=(intensity, POSITIVE_OR_INFINITE),
        peak=(peak, POSITIVE),
        bandwidth=(bandwidth, POSITIVE),
    )
    return plain(np.maximum(work / peak, work / (bandwidth * intensity)))


def _task_on_machine(intensity, peak, bandwidth):
    """The three arguments that most functions here share, checked."""
    return checked(
        intensity=(intensity, NOT_NEGATIVE_OR_INFINITE),
        peak=(peak, POSITIVE),
        bandwidth=(bandwidth, POSITIVE),
    )
