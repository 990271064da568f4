"""What numbers an argument may take: every refusal names the argument, its range and the value.

The models compute with floating-point numbers. Every number but 0 and infinity must therefore be
of a size from `SMALLEST` to `LARGEST`: no product or quotient that a model forms of such numbers
leaves the range of floating point, so no result overflows, and none is NaN.
"""

import math
import numbers
from decimal import Decimal
from typing import NamedTuple

import numpy as np

SMALLEST, LARGEST = 1e-45, 1e45


class Range(NamedTuple):
    """The numbers that an argument may take, and the words that say so."""

    low: float
    low_allowed: bool
    high: float
    high_allowed: bool
    words: str
    whole: bool = False

    def refused(self, values):
        """Boolean array, the shape of `values`: True where a value is not allowed."""
        # Written as "not inside", so that NaN, which fails every comparison, is refused.
        above = values >= self.low if self.low_allowed else values > self.low
        below = values <= self.high if self.high_allowed else values < self.high
        inside = above & below
        if self.whole:
            inside = inside & (np.rint(values) == values)
        return np.logical_not(inside)  # ~ would take a Python bool for an integer


def between(low, high, unit="", *, whole=False):
    """The numbers from `low` to `high`, both allowed; `unit` ends the words that say so.

    Examples
    --------
    >>> between(0.1, 1e6).words, between(2, 64, whole=True).words
    ('from 0.1 to 1000000', 'a whole number from 2 to 64')
    >>> between(1e7, 1e11, "Hz (3 GHz is 3e9)").words
    'from 1e7 to 1e11 Hz (3 GHz is 3e9)'
    """
    words = f"{'a whole number ' * whole}from {_brief(low)} to {_brief(high)} {unit}".rstrip()
    return Range(low, True, high, True, words, whole)


def _brief(number):
    """A limit as a reader would type it: 10000, 0.1, 1e7."""
    if 1e-3 <= number <= 1e6 or number == 0:
        return f"{number:.7g}"
    return np.format_float_scientific(number, trim="-", exp_digits=1).replace("e+", "e")


POSITIVE = Range(0, False, math.inf, False, "above 0 and finite")
POSITIVE_OR_INFINITE = Range(0, False, math.inf, True, "above 0 (infinity allowed)")
NOT_NEGATIVE = Range(0, True, math.inf, False, "at least 0 and finite")
NOT_NEGATIVE_OR_INFINITE = Range(0, True, math.inf, True, "at least 0 (infinity allowed)")
FRACTION = Range(0, True, 1, True, "from 0 to 1")
POSITIVE_FRACTION = Range(0, False, 1, True, "above 0 and at most 1")
ABOVE_ONE = Range(1, False, math.inf, False, "above 1 and finite")
ABOVE_ONE_OR_INFINITE = Range(1, False, math.inf, True, "above 1 (infinity allowed)")
AT_LEAST_ONE = Range(1, True, math.inf, False, "at least 1 and finite")
AT_LEAST_ONE_OR_INFINITE = Range(1, True, math.inf, True, "at least 1 (infinity allowed)")
COUNT = Range(1, True, math.inf, False, "a whole number, at least 1", whole=True)


def checked(name, value, allowed):
    """Convert the argument `name` to floating-point numbers, and check them against a `Range`.

    Numbers of any type are numbers: whole ones of any size, fractions, decimals, those of NumPy,
    pandas and SymPy. They become floating-point numbers before anything is computed with them.

    Returns
    -------
    ndarray or numpy.float64

    Raises
    ------
    ValueError
        If a value is no real number, or lies outside its range (NaN always does) or that of the
        models.
    """
    try:
        array = _floats(value)
    except (TypeError, ValueError, OverflowError):
        words = f"{name} must be real numbers {allowed.words}, got {_shown(value)}"
        raise ValueError(words) from None
    if array.size:
        # The smallest and the largest value decide; reductions are far cheaper than masks.
        low, high = ends = np.array([array.min(), array.max()])
        broken = allowed.whole and not np.array_equal(np.rint(array), array)
        if broken or allowed.refused(ends).any():
            first = array[allowed.refused(array)].flat[0]
            raise ValueError(f"{name} must be {allowed.words}, got {first}")
        if not SMALLEST <= low <= high <= LARGEST:
            _check_sizes(name, array)
    return array[()]  # a scalar instead of an array without dimensions: much faster


def checked_one(name, value, allowed):
    """As `checked`, for an argument that is one number: a float; a ValueError if there are more.

    Examples
    --------
    >>> checked_one("p", 1, FRACTION)
    1.0
    >>> checked_one("p", [0, 1], FRACTION)
    Traceback (most recent call last):
    ValueError: p must be one number, from 0 to 1, got [0, 1]
    """
    number = checked(name, value, allowed)
    if number.ndim:
        raise ValueError(f"{name} must be one number, {allowed.words}, got {_shown(value)}")
    return number.item()


def check_shapes(arrays):
    """Raise a ValueError if arrays, given by name, do not broadcast to one shape."""
    try:
        np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes must match or broadcast, got {shapes}") from None


def _floats(value):
    """A value as an array of floating-point numbers; raises if it is none."""
    array = np.asarray(value)
    if array.dtype == object:  # whole numbers above 2**64, fractions, decimals, SymPy
        items = [_float(item) for item in array.ravel()]
        return np.array(items, dtype=float).reshape(array.shape)
    return array.astype(float, casting="same_kind", copy=False)


def _float(item):
    # SymPy is asked by what its numbers know of themselves, so that it need not be loaded.
    is_sympy = getattr(item, "is_number", False) and getattr(item, "is_extended_real", False)
    if isinstance(item, (numbers.Real, Decimal)) or is_sympy:
        return float(item)
    raise TypeError


def _shown(value):
    """A value for a message: no more of it than a line holds."""
    try:
        text = repr(value)
    except Exception:  # what is no number may fail in any way; so may a very long whole number
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_sizes(name, array):
    """Refuse numbers that are too large or too small for the models; 0 and infinity are not."""
    sizes = array[(array != 0) & np.isfinite(array)]
    outside = sizes[(sizes < SMALLEST) | (sizes > LARGEST)]
    if outside.size:
        raise ValueError(
            f"{name} must be of a size from {SMALLEST:g} to {LARGEST:g}, got {outside.flat[0]}"
        )


def refuse_where(wrong, rule, values):
    """Raise a ValueError with the rule and the first of the values that are wrong, if any is."""
    if np.any(wrong):
        first = np.broadcast_to(values, np.shape(wrong))[wrong].flat[0]
        raise ValueError(f"{rule}, got {first:g}")


def plain(result):
    """`result` as a Python scalar if it is one of NumPy without dimensions, else unchanged."""
    return (
        result.item() if isinstance(result, np.ndarray | np.generic) and not result.ndim else result
    )
