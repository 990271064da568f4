"""Numbers as people read them: with SI prefixes, as durations, as shares."""

import numpy as np
import pytest

from helpers.words import apart, duration, percent, si


@pytest.mark.parametrize(
    ("number", "unit", "expected"),
    [
        (15.7e12, "flop/s", "15.7 Tflop/s"),
        (999.96e9, "B/s", "1 TB/s"),  # rounding carries into the next prefix
        (999.4e9, "B/s", "999 GB/s"),
        (1000, "B", "1 kB"),
        (-5e6, "B", "-5 MB"),
        (0, "B", "0 B"),
        (2.829e18, "flop", "2.83 Eflop"),
        (np.inf, "B/s", "inf B/s"),
    ],
)
def test_si_prefixes(number, unit, expected):
    assert si(number, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (5400, "1.5 h"),
        (86400, "1 day"),
        (1e9, "31.7 years"),
    ],
)
def test_durations(seconds, expected):
    assert duration(seconds) == expected


def test_numbers_that_differ_are_told_apart_and_others_are_not():
    assert apart(2.0050000000000012, 2.005) == ("2.01", "2.01")
    assert apart(1.000999, 1.001001, 1) == ("1.000999", "1.001001", "1")
    assert [percent(share) for share in (0, 1e-4, 0.9951, 1)] == [
        "0%",
        "0.01%",
        "99.5%",
        "100%",
    ]
