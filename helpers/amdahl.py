"""Amdahl's law and its relatives: what a faster compute unit buys when nothing overlaps.

Symbols, units and ranges are those of `helpers.notation`; S = t1 / t2 is a speed-up. All
functions take scalars or arrays that broadcast together.
"""

import numpy as np

from helpers.notation import model
from helpers.ranges import ABOVE_ONE, ABOVE_ONE_OR_INFINITE, POSITIVE, POSITIVE_OR_INFINITE
from helpers.roofline import balance


@model(intensity=POSITIVE_OR_INFINITE)  # at 0 the loading of any work would never end
def serial_time(work, intensity, peak, bandwidth):
    """Time of a task whose loading and computing take turns, t = V / π + V / (β I), in s.

    Source: Derived with SymPy in notebook 04 from the two times alone.

    >>> serial_time(36, intensity=9, peak=4, bandwidth=4)
    10.0
    """
    return work / peak + work / (bandwidth * intensity)


@model
def compute_fraction(intensity, peak, bandwidth):
    """Fraction of the serial time spent computing, p = I β / (π + I β), from 0 to 1.

    Source: Derived with SymPy in notebook 04 from the two times alone.

    >>> compute_fraction(3, peak=4, bandwidth=4)
    0.75
    """
    with np.errstate(divide="ignore"):  # I = 0: 1 / 0 = infinity, and 1 / (1 + infinity) = 0
        return 1 / (1 + 1 / balance.formula(intensity, peak, bandwidth))


@model
def speedup(p, s, r=1.0):
    """Speed-up by Amdahl's law, S = 1 / (r (1 - p) + p / s), a pure number.

    The part that is not touched takes r times as long; r = 1 is Amdahl's law as usually written.
    Infinite s gives the limit; S is infinite where p = 1 as well.

    Source: After Amdahl 1967, doi:10.1145/1465482.1465560; with r, derived in notebook 04.

    >>> round(speedup(0.9, 3), 9), round(speedup(0.9, 9), 9)
    (2.5, 5.0)
    """
    with np.errstate(divide="ignore"):  # p = 1 with infinite s takes no time at all
        return 1 / (r * (1 - p) + p / s)


@model
def limit(p, r=1.0):
    """Ceiling of the speed-up as s grows without end, 1 / (r (1 - p)), a pure number.

    Infinite where p = 1.

    Source: `speedup`, for infinite s.

    >>> limit(0.5), round(limit(0.99), 9)
    (2.0, 100.0)
    """
    with np.errstate(divide="ignore"):
        return speedup.formula(p, np.inf, r)


@model(s=ABOVE_ONE_OR_INFINITE)
def break_even(p, s):
    """Bandwidth loss at which speeding up by s gains nothing, r = (1 - p / s) / (1 - p).

    With a larger r the faster machine finishes later: S < 1. Infinite where p = 1, since then
    nothing depends on bandwidth.

    Source: Derived with SymPy in notebook 04 from S = 1.

    >>> break_even(0.5, 2)
    1.5
    """
    with np.errstate(divide="ignore"):
        return (1 - p / s) / (1 - p)


@model(s=POSITIVE)
def gustafson(p_after, s):
    """Scaled speed-up by Gustafson's law, S = (1 - p′) + p′ s, a pure number.

    The work grows with the machine so that the time stays the same. Here p′ is the fraction of
    the time *on the fast machine*; in `speedup` p is the fraction on the slow one.

    Source: Gustafson 1988, doi:10.1145/42411.42415.

    >>> gustafson(0.5, 9)
    5.0
    """
    return (1 - p_after) + p_after * s


@model(devices=ABOVE_ONE)  # one device has no speed-up to learn from
def karp_flatt(speedup, devices):
    """Serial fraction seen in a measured speed-up, e = (1 / S - 1 / n) / (1 - 1 / n).

    If Amdahl's law holds, e = 1 - p for every n. S > n gives a negative e.

    Source: Karp and Flatt 1990, CACM 33(5) 539-543.

    >>> karp_flatt(1.6, 2)
    0.25
    """
    return (1 / speedup - 1 / devices) / (1 - 1 / devices)
