"""The roofline against hand calculations, limits and shapes."""

import numpy as np
import pytest

from helpers.roofline import (
    attainable,
    balance,
    bandwidth_utilisation,
    bound,
    compute_utilisation,
    overlapped_time,
    ridge,
)

TOY = dict(peak=8.0, bandwidth=4.0)  # ridge at 8 / 4 = 2 flop/B


@pytest.mark.parametrize(
    ("intensity", "expected"),
    [
        (0, 0),  # no work, no speed
        (0.5, 2),  # slanted roof: 4 * 0.5
        (2, 8),  # ridge: 4 * 2 = 8
        (100, 8),  # flat roof
        (np.inf, 8),  # no traffic: the peak
    ],
)
def test_attainable_matches_hand_calculation(intensity, expected):
    assert attainable(intensity, **TOY) == expected


def test_ridge_of_the_v100():
    # 15.7e12 flop/s / 900e9 B/s = 17.44 flop/B
    assert ridge(15.7e12, 900e9) == pytest.approx(17.444, rel=1e-4)


@pytest.mark.parametrize(("intensity", "expected"), [(0, 0), (1, 0.5), (2, 1), (6, 3)])
def test_balance_is_intensity_in_units_of_the_ridge(intensity, expected):
    assert balance(intensity, **TOY) == expected


@pytest.mark.parametrize(
    ("intensity", "compute", "bandwidth"),
    [
        (0, 0, 1),  # only moves data
        (0.5, 0.25, 1),  # attains 2 of 8 flop/s, and 2 / 0.5 = 4 of 4 B/s
        (2, 1, 1),  # the ridge: neither unit waits
        (8, 1, 0.25),  # 8 flop/s need 8 / 8 = 1 of 4 B/s, that is pi / (I beta)
        (np.inf, 1, 0),
    ],
)
def test_utilisations_match_hand_calculation(intensity, compute, bandwidth):
    assert compute_utilisation(intensity, **TOY) == compute
    assert bandwidth_utilisation(intensity, **TOY) == bandwidth


def test_utilisations_are_the_attained_shares():
    intensity = np.geomspace(0.01, 100, 41)
    performance = attainable(intensity, **TOY)
    np.testing.assert_allclose(compute_utilisation(intensity, **TOY), performance / 8)
    np.testing.assert_allclose(bandwidth_utilisation(intensity, **TOY), performance / intensity / 4)


@pytest.mark.parametrize(
    ("intensity", "expected"),
    [
        (0, "memory-bound"),
        (1.81, "memory-bound"),  # 1.81 / 2 < 1 / 1.1
        (1.83, "balanced"),  # within a factor 1.1 of the ridge
        (2, "balanced"),
        (2.19, "balanced"),
        (2.21, "compute-bound"),  # 2.21 / 2 > 1.1
        (np.inf, "compute-bound"),
    ],
)
def test_bound_has_a_band_around_the_ridge(intensity, expected):
    assert bound(intensity, **TOY, band=0.1) == expected


def test_bound_has_five_percent_of_band_unless_told():
    assert bound([2 * 1.04, 2 * 1.06], **TOY).tolist() == ["balanced", "compute-bound"]
    assert bound([2 / 1.04, 2 / 1.06], **TOY).tolist() == ["balanced", "memory-bound"]


@pytest.mark.parametrize(
    ("intensity", "expected"),
    [
        (0.5, 8),  # 16 flop at 4 * 0.5 = 2 flop/s
        (2, 2),  # 16 / 8
        (np.inf, 2),
    ],
)
def test_overlapped_time_matches_hand_calculation(intensity, expected):
    assert overlapped_time(16, intensity, **TOY) == expected


def test_overlapped_time_is_work_over_attainable():
    intensity = np.geomspace(0.01, 100, 41)
    expected = 16 / attainable(intensity, **TOY)
    np.testing.assert_allclose(overlapped_time(16, intensity, **TOY), expected)


def test_attainable_never_falls_as_any_argument_grows():
    grid = np.geomspace(0.1, 10, 9)
    performance = attainable(grid[:, None, None], grid[:, None], grid)
    assert performance.shape == (9, 9, 9)
    for axis in range(3):
        assert (np.diff(performance, axis=axis) >= 0).all()


def test_scalars_give_plain_numbers_and_arrays_keep_their_shape():
    assert type(attainable(1, 8, 4)) is float
    assert type(bound(1, 8, 4)) is str
    assert attainable([[1, 2, 3]], 8, 4).shape == (1, 3)
    assert attainable([], 8, 4).shape == (0,)


def test_arguments_are_not_changed():
    intensity = np.array([1.0, 2.0, 3.0])
    attainable(intensity, 8, 4)
    assert intensity.tolist() == [1, 2, 3]


def test_the_ends_of_the_band_belong_to_it():
    # 3 / 2 = 1 + 0.5, and 1 / 2 times 1 + 1 is 1: both exact
    assert bound(3, **TOY, band=0.5) == bound(1, **TOY, band=1) == "balanced"
