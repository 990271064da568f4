"""Checks of arguments, shared by all models: every refusal names argument, value and range."""

import math
from typing import NamedTuple

import numpy as np


class Range(NamedTuple):
    """The numbers that an argument may take, and the words that say so."""

    low: float
    low_allowed: bool
    high: float
    high_allowed: bool
    words: str

    def refused(self, values):
        """Boolean array, the shape of `values`: True where a value is not allowed."""
        # Written as "not inside", so that NaN, which fails every comparison, is refused.
        above = values >= self.low if self.low_allowed else values > self.low
        below = values <= self.high if self.high_allowed else values < self.high
        return np.logical_not(above & below)  # ~ would take a Python bool for an integer


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


def checked(**arguments):
    """Convert and check arguments, each given as ``name=(value, Range)``.

    Returns
    -------
    list of ndarray or numpy.float64
        The values as floating-point numbers, in the order given.

    Raises
    ------
    ValueError
        If a value is not real numbers, lies outside its range (NaN always does), or if the
        shapes cannot be broadcast to one shape.
    """
    arrays = []
    for name, (value, allowed) in arguments.items():
        try:
            if isinstance(value, (str, bytes)):
                raise TypeError
            array = np.asarray(value)
            array = array.astype(float, casting="same_kind", copy=False)
        except (TypeError, ValueError):
            raise ValueError(
                f"{name} must be real numbers {allowed.words}, got {value!r}"
            ) from None
        # The smallest and the largest value decide; reductions are far cheaper than masks.
        if array.size and allowed.refused(np.array([array.min(), array.max()])).any():
            worst = array[allowed.refused(array)].flat[0]
            raise ValueError(f"{name} must be {allowed.words}, got {worst}")
        arrays.append(array[()])  # a scalar instead of an array without dimensions: much faster
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in zip(arguments, arrays, strict=True))
        raise ValueError(f"shapes must match or broadcast, got {shapes}") from None
    return arrays


def plain(result):
    """`result` as a Python scalar if it has no dimensions, unchanged otherwise."""
    return result.item() if result.ndim == 0 else result
