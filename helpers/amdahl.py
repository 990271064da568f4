"""Amdahl's law and its relatives: what a faster compute unit buys when nothing overlaps.

Symbols: p fraction of the serial time that the speed-up touches, s factor by which the compute
unit is sped up, r factor by which bandwidth falls meanwhile, S = t1 / t2 the speed-up.
All functions take scalars or arrays that broadcast together.
"""

import numpy as np

from helpers._checks import (
    ABOVE_ONE,
    ABOVE_ONE_OR_INFINITE,
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    POSITIVE_OR_INFINITE,
    checked,
    plain,
)
from helpers.roofline import balance


def serial_time(work, intensity, peak, bandwidth):
    """Time of a task whose loading and computing take turns, t = V / pi + V / (beta I), in s.

    Parameters
    ----------
    work : array_like
        Work V, flop, at least 0.
    intensity : array_like
        Arithmetic intensity I, flop/B, above 0; infinity means no traffic at all.
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
    Derived with SymPy in notebook 04 from the two times alone.

    Examples
    --------
    >>> serial_time(36, intensity=9, peak=4, bandwidth=4)
    10.0
    """
    work, intensity, peak, bandwidth = checked(
        work=(work, NOT_NEGATIVE),
        intensity=(intensity, POSITIVE_OR_INFINITE),
        peak=(peak, POSITIVE),
        bandwidth=(bandwidth, POSITIVE),
    )
    return plain(work / peak + work / (bandwidth * intensity))


def compute_fraction(intensity, peak, bandwidth):
    """Fraction of the serial time spent computing, p = I beta / (pi + I beta).

    Parameters
    ----------
    intensity : array_like
        Arithmetic intensity I, flop/B, at least 0; infinity gives p = 1.
    peak, bandwidth : array_like
        pi in flop/s and beta in B/s, both above 0.

    Returns
    -------
    float or ndarray
        From 0 to 1, the broadcast shape of the arguments.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Derived with SymPy in notebook 04 from the two times alone.

    Examples
    --------
    >>> compute_fraction(3, peak=4, bandwidth=4)
    0.75
    """
    with np.errstate(divide="ignore"):  # I = 0: 1 / 0 = infinity, and 1 / (1 + infinity) = 0
        return plain(1 / (1 + 1 / np.asarray(balance(intensity, peak, bandwidth))))


def speedup(p, s, r=1.0):
    """Speed-up by Amdahl's law, S = 1 / (r (1 - p) + p / s), a pure number.

    Parameters
    ----------
    p : array_like
        Fraction of the serial time that the speed-up touches, from 0 to 1.
    s : array_like
        Factor by which that fraction gets faster, above 0; infinity gives the limit.
    r : array_like
        Factor by which bandwidth falls meanwhile (the untouched part takes r times as long),
        above 0; 1 is Amdahl's law as usually written.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; infinite where p = 1 and s is infinite.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    After Amdahl 1967, doi:10.1145/1465482.1465560; the form with r is derived in notebook 04.

    Examples
    --------
    >>> round(speedup(0.9, 3), 9), round(speedup(0.9, 9), 9)
    (2.5, 5.0)
    """
    p, s, r = checked(p=(p, FRACTION), s=(s, POSITIVE_OR_INFINITE), r=(r, POSITIVE))
    with np.errstate(divide="ignore"):  # p = 1 with infinite s takes no time at all
        return plain(1 / (r * (1 - p) + p / s))


def limit(p, r=1.0):
    """Ceiling of the speed-up as s grows without end, 1 / (r (1 - p)), a pure number.

    Parameters, errors and source are those of `speedup`. Infinite where p = 1.

    Examples
    --------
    >>> limit(0.5), round(limit(0.99), 9)
    (2.0, 100.0)
    """
    return speedup(p, np.inf, r)


def break_even(p, s):
    """Bandwidth loss at which speeding up by s gains nothing, r = (1 - p / s) / (1 - p).

    With a larger r the faster machine finishes later: S < 1.

    Parameters
    ----------
    p : array_like
        Fraction of the serial time that the speed-up touches, from 0 to 1.
    s : array_like
        Factor by which that fraction gets faster, above 1; infinity gives the limit.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments; infinite where p = 1, since then nothing
        depends on bandwidth.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Derived with SymPy in notebook 04 from S = 1.

    Examples
    --------
    >>> break_even(0.5, 2)
    1.5
    """
    p, s = checked(p=(p, FRACTION), s=(s, ABOVE_ONE_OR_INFINITE))
    with np.errstate(divide="ignore"):  # p = 1: see Returns
        return plain((1 - p / s) / (1 - p))


def gustafson(p, s):
    """Scaled speed-up by Gustafson's law, S = (1 - p) + p s, a pure number.

    The work grows with the machine so that the time stays the same. Here p is the fraction of
    the time *on the fast machine*; in `speedup` it is the fraction on the slow one.

    Parameters
    ----------
    p : array_like
        Fraction of the time on the fast machine that the speed-up touches, from 0 to 1.
    s : array_like
        Factor by which that part gets faster, above 0.

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
    Gustafson 1988, doi:10.1145/42411.42415.

    Examples
    --------
    >>> gustafson(0.5, 9)
    5.0
    """
    p, s = checked(p=(p, FRACTION), s=(s, POSITIVE))
    return plain((1 - p) + p * s)


def karp_flatt(speedup, devices):
    """Serial fraction seen in a measured speed-up, e = (1 / S - 1 / n) / (1 - 1 / n).

    Parameters
    ----------
    speedup : array_like
        Measured speed-up S on n devices, above 0. S > n gives a negative e.
    devices : array_like
        Number of devices n, above 1.

    Returns
    -------
    float or ndarray
        The broadcast shape of the arguments. If Amdahl's law holds, e = 1 - p for every n.

    Raises
    ------
    ValueError
        If an argument is outside its range, or the shapes do not match.

    Source
    ------
    Karp and Flatt 1990, CACM 33(5) 539-543.

    Examples
    --------
    >>> karp_flatt(1.6, 2)
    0.25
    """
    speedup, devices = checked(speedup=(speedup, POSITIVE), devices=(devices, ABOVE_ONE))
    return plain((1 / speedup - 1 / devices) / (1 - 1 / devices))
