"""Amdahl's law and its relatives against hand calculations, limits and each other."""

import numpy as np
import pytest

from helpers.amdahl import (
    break_even,
    compute_fraction,
    gustafson,
    karp_flatt,
    limit,
    serial_time,
    speedup,
)

FRACTIONS = np.linspace(0, 1, 11)


@pytest.mark.parametrize(
    ("p", "s", "expected"),
    [
        (0.9, 3, 2.5),  # the article: 1 / (0.1 + 0.3)
        (0.9, 9, 5),  # 1 / (0.1 + 0.1)
        (0.9, np.inf, 10),  # 1 / 0.1
        (0.99, np.inf, 100),  # 1 / 0.01
        (0.2, np.inf, 1.25),  # 80 % serial: 1 / 0.8, not 5
        (0, 7, 1),  # nothing is touched
        (1, 7, 7),  # everything is touched
        (1, np.inf, np.inf),
        (0.5, 1, 1),  # no speed-up
        (0.5, 0.5, 2 / 3),  # half as fast: 1 / (0.5 + 1)
    ],
)
def test_speedup_matches_hand_calculation(p, s, expected):
    assert speedup(p, s) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("p", "s", "r", "expected"),
    [
        (0.5, 2, 1.5, 1),  # 1 / (0.75 + 0.25): exactly break-even
        (0.5, 2, 3, 1 / 1.75),  # 1 / (1.5 + 0.25): slower than before
        (0.9, 9, 2, 1 / 0.3),  # 1 / (0.2 + 0.1)
    ],
)
def test_speedup_with_bandwidth_loss(p, s, r, expected):
    assert speedup(p, s, r) == pytest.approx(expected, rel=1e-12)


def test_limit_is_what_speedup_tends_to():
    p = np.array([0, 0.3, 0.9, 0.99])
    np.testing.assert_allclose(limit(p, r=2), speedup(p, 1e15, r=2), rtol=1e-9)
    assert limit(1.0) == np.inf
    assert limit(0.9) == pytest.approx(10)


def test_compute_fraction_of_the_article():
    # 1 s of loading and 9 s of computing: I beta / pi = 9, so p = 9 / 10
    assert compute_fraction(9, peak=1, bandwidth=1) == pytest.approx(0.9)


@pytest.mark.parametrize(("intensity", "expected"), [(0, 0), (2, 0.5), (np.inf, 1)])
def test_compute_fraction_limits(intensity, expected):
    assert compute_fraction(intensity, peak=8, bandwidth=4) == expected  # ridge at 2


def test_serial_time_is_the_sum_of_both_times():
    # computing 16 / 8 = 2 s, loading 16 / 0.5 = 32 B at 4 B/s = 8 s
    assert serial_time(16, 0.5, peak=8, bandwidth=4) == 10
    assert serial_time(16, np.inf, peak=8, bandwidth=4) == 2


def test_speedup_is_the_ratio_of_two_serial_times():
    intensity, s, r = np.geomspace(0.1, 10, 7), 5.0, 1.7
    slow = serial_time(1, intensity, peak=8, bandwidth=4)
    fast = serial_time(1, intensity, peak=8 * s, bandwidth=4 / r)
    p = compute_fraction(intensity, peak=8, bandwidth=4)
    np.testing.assert_allclose(speedup(p, s, r), slow / fast)


def test_break_even_is_where_speedup_is_one():
    p, s = np.linspace(0, 0.99, 12)[:, None], np.array([1.5, 2, 100, np.inf])
    np.testing.assert_allclose(speedup(p, s, break_even(p, s)), 1)
    assert (speedup(p[1:], s, 1.01 * break_even(p[1:], s)) < 1).all()
    assert break_even(0.5, 2) == 1.5  # (1 - 0.25) / 0.5
    assert break_even(1, 2) == np.inf


@pytest.mark.parametrize(("p", "s", "expected"), [(0, 9, 1), (1, 9, 9), (0.5, 9, 5), (0.9, 3, 2.8)])
def test_gustafson_matches_hand_calculation(p, s, expected):
    assert gustafson(p, s) == pytest.approx(expected)


def test_gustafson_and_amdahl_agree_on_the_same_run():
    # p seen on the fast machine is p s / (1 - p + p s) of the time on the slow one.
    s = 8.0
    p_slow = FRACTIONS * s / (1 - FRACTIONS + FRACTIONS * s)
    np.testing.assert_allclose(gustafson(FRACTIONS, s), speedup(p_slow, s))


def test_karp_flatt_finds_the_serial_fraction_again():
    p, devices = FRACTIONS[:, None], np.array([2, 4, 8, 1024])
    expected = np.broadcast_to(1 - p, (11, 4))
    np.testing.assert_allclose(karp_flatt(speedup(p, devices), devices), expected, atol=1e-12)


def test_karp_flatt_of_a_published_table():
    # DLPerf Wide&Deep, OneFlow, fixed global batch: 59.641, 33.309, 17.625 and 10.847 ms on 1, 2,
    # 4 and 8 devices; e = (t_n / t_1 - 1/n) / (1 - 1/n) = 0.117, 0.061, 0.065.
    seconds = np.array([33.309, 17.625, 10.847])
    fractions = karp_flatt(59.641 / seconds, [2, 4, 8])
    np.testing.assert_allclose(fractions, [0.117, 0.061, 0.065], atol=5e-4)


def test_speedup_grows_with_p_and_s_and_falls_with_r():
    p, s, r = np.linspace(0.1, 0.9, 5), np.linspace(1.5, 9, 5), np.linspace(1, 3, 5)
    values = speedup(p[:, None, None], s[:, None], r)
    assert (np.diff(values, axis=0) > 0).all()
    assert (np.diff(values, axis=1) > 0).all()
    assert (np.diff(values, axis=2) < 0).all()


def test_scalars_give_plain_numbers():
    assert type(speedup(0.5, 2)) is float
    assert speedup([0.5, 0.6], 2).shape == (2,)
