"""The fits of scaling tables: known answers, intervals, choices, warnings, and bad tables."""

import csv
import re
import time

import numpy as np
import pytest
from scipy.optimize import nnls

from helpers import amdahl, catalog, parallel, published
from helpers.publishing import foretold, notebooks
from helpers.scaling import KINDS, STAYS, fit_scaling, foretell_largest, interval_limit
from helpers.scaling_laws import LAWS, Table
from helpers.scaling_table import MAX_ROWS, read_table
from helpers.scaling_words import starved, warnings

FITTED = notebooks.NOTEBOOKS / "09_fit_your_scaling.ipynb"
N = 2.0 ** np.arange(7)
CASES = [  # (mode, law, weights, parameters, devices in a machine)
    ("strong", "amdahl", [0.95, 0.05], {"serial fraction": 0.05}, None),
    ("strong", "communication", [1, 0.1, 0.004], {"bandwidth": 0.1, "latency": 0.004}, None),
    ("strong", "usl", [0.97, 0.03, 0.001], {"sigma": 0.03, "kappa": 0.001}, None),
    ("strong", "two links", [1, 0.05, 0.2], {"inside": 0.05, "between": 0.2}, 8),
    ("weak", "amdahl", [0.97, 0.03], {"serial fraction": 0.03}, None),
    ("weak", "gustafson", [0.4, 0.6], {"p": 0.6}, None),
    ("weak", "communication", [1, 0.2, 0.01], {"bandwidth": 0.2, "latency": 0.01}, None),
    ("weak", "usl", [0.98, 0.02, 0.001], {"sigma": 0.02, "kappa": 0.001}, None),
    ("weak", "two links", [1, 0.1, 0.4], {"inside": 0.1, "between": 0.4}, 8),
]
IDS = [f"{mode} {law}" for mode, law, *_ in CASES]
TF_AMP = {1: 938.09, 2: 1572.3, 4: 3061.66, 8: 5734.83, 16: 8418.2, 32: 16250.19}
ULTRA_SCALE = {8: 44.32, 16: 41.59, 32: 38.38, 64: 32.47, 128: 29.46, 256: 23.20, 512: 5.25}


def curve(law, weights, mode, per_node=None, devices=N):
    law = LAWS[law]
    return (law.columns(devices, per_node or np.inf, mode) @ weights) ** law.power


def fitted(table, **how):
    return fit_scaling(list(table), list(table.values()), **how)


# The laws


def test_the_laws_are_those_of_the_series():
    f, p = 0.05, 0.6
    assert curve("amdahl", [1 - f, f], "strong") == pytest.approx(amdahl.speedup(1 - f, N))
    assert curve("gustafson", [1 - p, p], "weak") == pytest.approx(amdahl.gustafson(p, N))
    # A step of 2 s of computing, gradients of 100 B at 400 B/s, 0.01 s for a round.
    sending = parallel.allreduce_time(100, N, bandwidth=400, latency=0.01)
    strong = 2 / parallel.step_time(2 / N, sending)
    weak = 2 * N / parallel.step_time(2, sending)
    weights = [1, 0.25 / 2, 0.01 / 2]
    assert curve("communication", weights, "strong") == pytest.approx(strong)
    assert curve("communication", weights, "weak") == pytest.approx(weak)
    # The same within 8 devices; beyond, one ring at 100 B/s.
    sending = parallel.allreduce_time(100, N, bandwidth=np.where(N > 8, 100, 400))
    two = curve("two links", [1, 0.25 / 2, 1 / 2], "weak", 8)
    assert two == pytest.approx(2 * N / parallel.step_time(2, sending))


def test_a_fixed_job_over_a_ring_obeys_the_universal_scalability_law():
    bandwidth, latency = 0.1, 0.004
    sigma, kappa = 2 * bandwidth, 2 * latency
    usl = N / (1 + sigma * (N - 1) + kappa * N * (N - 1))
    assert curve("communication", [1, bandwidth, latency], "strong") == pytest.approx(usl)
    assert curve("usl", [1 - sigma, sigma, kappa], "weak") == pytest.approx(usl)


@pytest.mark.parametrize(("mode", "law", "weights", "parameters", "per_node"), CASES, ids=IDS)
def test_planted_parameters_come_back_and_the_law_is_chosen(
    mode, law, weights, parameters, per_node
):
    fit = fit_scaling(N, 300 * curve(law, weights, mode, per_node), mode=mode, per_node=per_node)
    found = fit.laws[law].parameters
    assert {name: found[name].value for name in found} == pytest.approx(parameters, rel=1e-4)
    same = "communication" if (mode, law) == ("strong", "usl") else law
    assert fit.chosen == same
    ahead = curve(law, weights, mode, per_node, np.array([128.0, 256.0]))
    assert [said.value for said in fit.predictions.values()] == pytest.approx(300 * ahead, rel=1e-3)
    assert fit.stays[128.0] == pytest.approx(2 * fit.throughput[-1])


@pytest.mark.parametrize(("mode", "law", "weights", "parameters", "per_node"), CASES, ids=IDS)
def test_intervals_hold_the_truth(mode, law, weights, parameters, per_node):
    random, held = np.random.default_rng(1), []
    clean = curve(law, weights, mode, per_node)
    for _ in range(50):
        x = clean * np.exp(0.03 * random.standard_normal(len(N)))
        table = Table(N, x / x[0], mode, per_node or np.inf)
        weights, squares = table.solve(LAWS[law])
        limit = interval_limit(squares, len(N) - len(weights), None)
        found = table.parameters(LAWS[law], weights, limit)
        held.append([found[name].low <= parameters[name] <= found[name].high for name in found])
    # 95 of 100 hold on average; of 50, under 43 do in one test of 100.
    assert np.sum(held, axis=0).min() >= 43


@pytest.mark.parametrize("planted", [[1, 0.1, 0.004], [1, 0, 0.004], [1, 0.1, 0], [1, 0, 0]])
def test_the_ends_of_an_interval_are_where_the_profile_meets_the_limit(planted):
    law, random = LAWS["communication"], np.random.default_rng(3)
    x = curve("communication", planted, "strong")
    x = x * np.exp(0.03 * random.standard_normal(len(N)))
    table = Table(N, x / x[0], "strong", np.inf)
    weights, squares = table.solve(law)
    columns, target = table.linear(law, weights)
    limit = 3 * squares
    for name, said in table.parameters(law, weights, limit).items():
        top, bottom = np.array(law.parameters[name], dtype=float)
        for end in (said.low, said.high):
            row = 1e7 * (top - end * bottom)  # holds the ratio fast
            held, _ = nnls(np.vstack([columns, row]), np.append(target, 0))
            reached = np.sum((columns @ held - target) ** 2)
            assert reached == pytest.approx(limit, rel=1e-3) or (end == 0 and reached < limit)
    ahead = table.columns(law, np.array([256.0]))
    for end in table.range(law, weights, limit, np.array([256.0]))[:, 0]:
        held, _ = nnls(np.vstack([columns, 1e7 * end * ahead]), np.append(target, 1e7))
        assert np.sum((columns @ held - target) ** 2) == pytest.approx(limit, rel=1e-3)


def test_known_noise_sets_the_interval():
    x = curve("amdahl", [0.95, 0.05], "strong")
    widths = []
    for noise in (0.01, 0.02, 0.04):
        said = fit_scaling(N, x, noise=noise).laws["amdahl"].parameters["serial fraction"]
        widths.append(said.high - said.low)
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.05)
    assert widths[2] == pytest.approx(4 * widths[0], rel=0.05)


def test_a_run_at_the_end_of_its_interval_is_as_surprising_as_said():
    x, noise = curve("usl", [0.98, 0.02, 0.002], "weak"), 0.02
    x = x * np.exp(noise * np.random.default_rng(4).standard_normal(len(N)))
    fit = fit_scaling(N, x, mode="weak", noise=noise)
    assert fit.standing == ("usl",)
    before = len(N) * fit.laws["usl"].misfit ** 2
    for count, said in fit.predictions.items():
        for end in (said.low, said.high):
            table = Table(np.append(N, count), np.append(x, end) / x[0], "weak", np.inf)
            more = table.solve(LAWS["usl"])[1] - before
            assert more == pytest.approx((1.96 * noise) ** 2, rel=0.05)


def test_ceilings():
    fit = fit_scaling(N, 10 * curve("amdahl", [0.95, 0.05], "strong"))
    assert fit.laws["amdahl"].ceiling.value == pytest.approx(200, rel=1e-3)  # 10 / 0.05
    weights = [0.97, 0.03, 0.01]
    fit = fit_scaling(N, curve("usl", weights, "strong"))
    peak = np.sqrt(0.97 / 0.01)  # Gunther: sqrt((1 - sigma) / kappa)
    most = peak / (1 + 0.03 * (peak - 1) + 0.01 * peak * (peak - 1))
    for law in ("usl", "communication"):
        said = fit.laws[law].ceiling
        assert said.low < most < said.high
        assert said.value == pytest.approx(most, rel=1e-3)
    fit = fit_scaling(N, curve("gustafson", [0.4, 0.6], "weak"), mode="weak")
    assert fit.laws["gustafson"].ceiling.value == np.inf


# The choice


def test_what_is_left_out():
    table = Table(N[:5], N[:5], "weak", np.inf)
    found = [(list(keep), target, weight) for keep, target, weight in table.splits()]
    assert found == [
        ([0, 1, 2], 3, 1.0),  # the next larger count
        ([0, 1, 2, 3], 4, 1.0),
        ([0, 2, 3, 4], 1, 0.5),  # gaps
        ([0, 1, 3, 4], 2, 0.5),
        ([0, 1, 2, 4], 3, 0.5),
    ]
    table = Table(N[:5], N[:5], "weak", 8)  # the only run beyond a machine is not foretold
    assert [target for _, target, _ in table.splits()] == [3, 1, 2, 3]


def test_the_choice_is_not_that_of_the_smallest_residuals():
    x = curve("amdahl", [0.95, 0.05], "strong")
    x = x * np.exp([0.02, -0.03, 0.01, 0.03, -0.02, 0.0, -0.02])
    fit = fit_scaling(N, x)
    assert fit.laws["usl"].misfit < fit.laws["amdahl"].misfit
    assert fit.chosen == "amdahl"
    assert fit.laws["usl"].left_out > fit.laws["amdahl"].left_out


def test_the_score_is_the_probability_of_the_runs_left_out():
    table, variance = Table(N[:4], np.array([1, 1.9, 3.5, 6]), "strong", np.inf), 0.01
    errors, score = table.leave_out(None, variance)
    # From 3.5 on 4 to 8 devices; from 1 on 1 to 2; from 1.9 on 2 to 4.
    assert errors == pytest.approx(np.log([7 / 6, 2 / 1.9, 3.8 / 3.5]))
    # Both runs of an error scatter: twice the variance. Gaps count half.
    densities = -0.5 * (np.square(errors) / 0.02 + np.log(0.02))
    assert score == pytest.approx(densities @ [1, 0.5, 0.5])
    # Two laws that miss nothing: the one that is surer of it wins.
    table = Table(N, curve("amdahl", [0.95, 0.05], "strong"), "strong", np.inf)
    scores = {}
    for name in ("amdahl", "usl"):
        errors, scores[name] = table.leave_out(LAWS[name], variance)
        assert errors == pytest.approx([0] * len(errors), abs=1e-6)
    assert scores["amdahl"] > scores["usl"] + 1


def test_efficiency_stays_is_chosen_where_no_law_predicts_better():
    # A fixed job that loses 7 % once, when it is first split: no law of a fixed job says that.
    once = np.array([1, *(0.93 * N[1:])])
    fit = fit_scaling(N, once)
    follows = fit.laws["amdahl"].misfit < 0.04 and not fit.laws["amdahl"].refuted
    assert follows and fit.chosen == STAYS and not fit.decided
    assert fit.predictions[128.0].value == fit.stays[128.0] == pytest.approx(0.93 * 128)
    assert fit_scaling(N, once, mode="weak").chosen == "gustafson"  # nearly so


def test_a_table_that_cannot_decide_says_so():
    for few in (fit_scaling([1, 2], [10, 19]), fit_scaling([1, 2, 4], [10, 19, 36])):
        assert (few.chosen, few.decided) == (STAYS, False)
        assert "cannot decide" in str(few)
    assert fit_scaling([1, 2], [10, 19]).laws.keys() == {"amdahl"}  # a run for each term
    x = curve("usl", [0.98, 0.02, 0.002], "strong")[:4] * [1.02, 0.99, 1.01, 0.98]
    early = fit_scaling(N[:4], x)
    assert not early.decided and "cannot decide" in str(early)
    late = fit_scaling(N, curve("usl", [0.98, 0.02, 0.002], "strong"))
    assert late.decided and late.laws["amdahl"].refuted


def test_the_next_two_runs_part_the_laws_more_than_the_next_two_doublings():
    x = curve("usl", [0.97, 0.03, 0.002], "weak")[:4] * [1.02, 0.98, 1.01, 0.99]
    fit = fit_scaling(N[:4], x, mode="weak")
    assert len(fit.standing) > 1 and not fit.decided
    assert set(fit.next_runs).isdisjoint(fit.devices)
    assert max(fit.next_runs) <= 4 * fit.devices[-1]
    by_laws = {n: [law.throughput(n) for law in fit.laws.values()] for n in (12, *fit.next_runs)}
    apart = {n: max(said) / min(said) for n, said in by_laws.items()}
    assert max(apart.values()) == apart[max(fit.next_runs)]
    in_machines = fit_scaling(N[:4], x, mode="weak", per_node=7)
    assert set(in_machines.next_runs) < {3, 6, 14, 21, 28} and not set(fit.next_runs) < {3, 6}


def test_the_link_between_machines_must_have_been_used_to_be_foretold():
    four = dict(list(TF_AMP.items())[:4])
    assert "two links" not in fitted(four, mode="weak", per_node=8).laws
    five = fitted(dict(list(TF_AMP.items())[:5]), mode="weak", per_node=8)
    assert five.chosen == "two links"
    missed = five.predictions[32.0].value / TF_AMP[32] - 1
    assert abs(missed) < 0.03  # and without the link:
    assert five.laws["amdahl"].throughput(32) / TF_AMP[32] - 1 < -0.2


def test_a_collapse_is_not_foretold_by_the_runs_before():
    six = dict(list(ULTRA_SCALE.items())[:6])
    fit = fitted(six, kind="per device", ahead=(2,))
    said, measured = fit.predictions[512.0], 512 * ULTRA_SCALE[512]
    assert fit.chosen == "amdahl" and fit.decided
    assert said.low > 1.5 * measured and fit.stays[512.0] > 4 * measured


# What goes in, and the numbers that come out


def test_speedup_efficiency_and_karp_flatt_are_in_units_of_the_smallest_run():
    fit = fitted(ULTRA_SCALE, kind="per device")
    # FACTS: S 1, 1.88, 3.46, 5.86, 10.64, 16.75, 7.58; worked out there in nodes of 8.
    assert fit.speedup == pytest.approx([1, 1.88, 3.46, 5.86, 10.64, 16.75, 7.58], abs=0.005)
    expected = [0.066, 0.052, 0.052, 0.034, 0.029, 0.118]
    assert fit.karp_flatt[1:] == pytest.approx(expected, abs=0.0005)
    assert fit.efficiency[-1] == pytest.approx(5.25 / 44.32)


@pytest.mark.parametrize("mode", ["strong", "weak"])
def test_times_and_rates_of_one_device_are_turned_into_throughput(mode):
    x = curve("amdahl", [0.9, 0.1], mode)
    base = fit_scaling(N, x, mode=mode)
    times = (1 if mode == "strong" else N) / x
    for kind, values in (("time", times), ("per device", x / N)):
        other = fit_scaling(N, values, kind, mode)
        assert other.throughput == pytest.approx(base.throughput)
        assert other.chosen == base.chosen == "amdahl"
        assert other.as_given(N, np.array(other.throughput)) == pytest.approx(values)


def test_order_and_unit_do_not_matter():
    fit = fitted(TF_AMP, mode="weak", per_node=8)
    assert str(fitted(TF_AMP, mode="weak", per_node=8)) == str(fit)  # nothing is random
    turned = fitted(dict(reversed(TF_AMP.items())), mode="weak", per_node=8)
    assert turned.predictions == fit.predictions
    assert turned.notes and not fit.notes
    scaled = fitted({n: 1e9 * x for n, x in TF_AMP.items()}, mode="weak", per_node=8)
    assert scaled.laws["two links"].parameters["between"].value == pytest.approx(
        fit.laws["two links"].parameters["between"].value
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [3]), "devices must be 2 to 100 runs, got 1"),
        (([], []), "devices must be 2 to 100 runs, got 0"),
        ((range(1, 102), range(1, 102)), "devices must be 2 to 100 runs, got 101"),
        (([1, 2], [3]), "values must be one for each of 2 devices, got 1"),
        (([1, 2, 2], [3, 4, 5]), "row 3: devices must be given once each, got 2 as in row 2"),
        (([1, 0], [3, 4]), "row 2: devices must be whole, 1 to 10 million, got 0"),
        (([1, 1.5], [3, 4]), "row 2: devices must be whole, 1 to 10 million, got 1.5"),
        (([1, 2], [3, 0]), "row 2: values must be from 1e-15 to 1e21, got 0"),
        (([1, 2], [3, -4]), "row 2: values must be from 1e-15 to 1e21, got -4"),
        (([1, 2], [float("nan"), 4]), "row 1: values must be from 1e-15 to 1e21, got nan"),
        (([1, 2, 4], [3, 1e-6, 1e9]), "row 3: values must lie within a factor of 1e+08, got 1e+09"),
        (([1, 2], [3, "b"]), "row 2: values must be numbers, got 'b'"),
        (([1, "2 GPUs"], np.array([3, 4])), "row 2: devices must be numbers, got '2 GPUs'"),
        (([1, 2], np.array([3, "4 s"], dtype=object)), "row 2: values must be numbers, got '4 s'"),
        (([1, 2], [3, [4]]), "row 2: values must be numbers, got [4]"),
        (([1, 2], "34"), "values must be one list of numbers, got 0 dimensions"),
        (([1, 2], object), "values must be a list of numbers, got <class 'object'>"),
        (([2, 2], [3, 4]), "row 2: devices must be given once each, got 2 as in row 1"),
        (([[1, 2]], [[3, 4]]), "devices must be one list of numbers, got 2 dimensions"),
        (([1, 2], [3, 4], "speed"), "kind must be one of throughput, time, per device"),
        (([1, 2], [3, 4], "time", "super"), "mode must be strong (fixed job) or weak"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        fit_scaling(*arguments)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"per_node": 0}, "per_node must be a whole number, at least 1, got 0"),
        ({"noise": 3}, "noise must be between 0 and 1, got 3"),
        ({"ahead": (1,)}, "ahead must be multiples"),
    ],
)
def test_bad_options_are_refused(how, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        fit_scaling([1, 2, 4], [3, 5, 7], **how)


# Warnings


def warned(table, word, **how):
    return [said for said in fitted(table, **how).warnings if word in said]


def test_a_step_is_seen_where_the_link_changes():
    assert fitted(TF_AMP, mode="weak").chosen == STAYS  # no law without a step follows
    (said,) = warned(TF_AMP, "A step", mode="weak")
    assert "from 8 to 16 devices" in said and "per_node=8" in said
    assert not warned(TF_AMP, "A step", mode="weak", per_node=8)


def test_a_starved_loader_is_seen():
    # PyTorch 1.6 FP32 b128, 8 loader workers: flat from 4 to 8, then doubles with the machines.
    table = {1: 306.35, 4: 1079.19, 8: 1070.37, 16: 2093.53, 32: 4119.84}
    (said,) = warned(table, "Starved", mode="weak")
    assert "from 4 to 8 devices nothing is gained" in said
    (said,) = warned({1: 100, 2: 101, 4: 99, 8: 100}, "Starved")
    assert "2 devices are no faster than 1" in said
    assert starved([100, 190], [101, 188]).startswith("Starved: a faster device is no faster")
    assert starved([100, 190], [101, 260]) is None
    with pytest.raises(ValueError, match="faster must hold one positive throughput for each of 2"):
        starved([100, 190], [0, 1])


def test_superlinear_points_are_seen():
    # Ultra-Scale, 80B: MFU % of one device.
    table = {32: 14.76, 64: 30.65, 128: 34.29, 256: 30.75, 512: 17.79}
    said = warned(table, "Superlinear", kind="per device")
    assert [text[:26] for text in said] == [
        "Superlinear: 32 to 64 devi",
        "Superlinear: 64 to 128 dev",
    ]


def test_a_falling_serial_fraction_is_seen_and_read_by_the_mode():
    (weak,) = warned(TF_AMP, "Karp and Flatt falls", mode="weak")
    assert "wrong class" in weak
    (strong,) = warned(TF_AMP, "Karp and Flatt falls")
    assert "paid once" in strong


def test_a_run_that_breaks_away_is_seen():
    (said,) = warned(ULTRA_SCALE, "breaks away", kind="per device")
    assert "Measure between 256 and 512" in said
    # The sharpest bend of a law, where kappa m^2 passes 1: by doublings, and in steps of 4.
    for n in (N, N[::2]):
        for kappa in 10.0 ** np.arange(-4, 0, 0.25):
            x = curve("usl", [1, 0, kappa], "strong", devices=n)
            assert not warned(dict(zip(n, x, strict=True)), "breaks away")


@pytest.mark.parametrize(
    ("table", "slower", "than"),
    [
        ({1: 10, 2: 19, 4: 30, 8: 41, 16: 38}, 16, 8),
        ({1: 10, 2: 8}, 2, 1),  # from the start, and not called starved
        ({1: 10, 2: 18, 3: 17.5, 4: 17}, 4, 2),  # by steps that are flat one by one
        ({8: 10, 12: 14, 16: 13}, 16, 12),  # counts that lie near each other
        ({1: 10, 2: 18, 4: 15, 8: 16}, 8, 2),  # some is won back
    ],
)
def test_larger_counts_that_are_slower_are_named(table, slower, than):
    words = f"Retrograde: {slower} devices are slower than {than}, the fastest of these runs."
    for kind, values in (("throughput", table), ("time", {n: 1 / x for n, x in table.items()})):
        (said,) = warned(values, "Retrograde", kind=kind)
        assert said == f"{words} For this job more than {than} are a loss."
    weak = dict(zip(table, [x / n for n, x in table.items()], strict=True))
    (said,) = warned(weak, "Retrograde", kind="per device", mode="weak")
    assert said == words
    assert not warned(table, "Starved")


def test_a_flat_end_within_the_scatter_is_not_called_slower():
    assert not warned({1: 10, 2: 19, 4: 30, 8: 41, 16: 40}, "Retrograde")


def said_of(table, count, **how):
    """The sentence on one count."""
    (said,) = (s for s in str(fitted(table, **how)).splitlines() if s.startswith(f"On {count} dev"))
    return said


@pytest.mark.parametrize(
    ("table", "how", "count", "would"),
    [
        (ULTRA_SCALE, dict(kind="per device", per_node=8), 1024, "for each device 5.25"),
        ({1: 10, 2: 18, 4: 17, 8: 16}, {}, 16, "32"),
        ({1: 10, 2: 8}, {}, 4, "16"),
    ],
)
def test_beyond_a_fall_nothing_is_promised(table, how, count, would):
    assert said_of(table, count, **how) == (
        f'On {count} devices nobody knows: "efficiency stays as it is" would give {would}, but '
        "these runs end in a fall that no law here explains."
    )
    last = f"Before any larger count, run on {max(table)} again, and below it."
    assert last in str(fitted(table, **how)) and "expect" not in str(fitted(table, **how))


def test_a_turn_that_a_law_explains_is_foretold():
    table = dict(zip(N, curve("usl", [0.97, 0.03, 0.003], "strong"), strict=True))
    assert warned(table, "Retrograde")
    assert "between" in said_of(table, 128)


def test_so_few_runs_get_no_interval():
    for table in ({1: 10, 2: 19}, {1: 10, 2: 19, 4: 35}):
        said = said_of(table, 8)
        assert said.endswith("as it is. So few runs cannot say by how much that may miss.")
    assert "between" in said_of({1: 10, 2: 18.2, 4: 30.8, 8: 47.1}, 16)


def test_an_interval_that_ends_at_the_value_says_so():
    speeds = {1: 1, 2: 1.9, 4: 3.91, 8: 5.87, 16: 7.9, 32: 12.15}
    assert fitted(speeds, mode="weak").predictions[64].high == 24.3
    assert said_of(speeds, 64, mode="weak") == (
        "On 64 devices expect 24.3, where no law says more, and one says as little as 6.31."
    )
    times = {n: n / x for n, x in speeds.items()}
    assert said_of(times, 64, mode="weak", kind="time") == (
        "On 64 devices expect a time of 2.63, where no law says less, and one says as much as 10.1."
    )


@pytest.mark.parametrize(("mode", "law", "weights"), [case[:3] for case in CASES if not case[4]])
def test_smooth_laws_are_seldom_warned_of(mode, law, weights):
    random = np.random.default_rng(2)
    alarms = 0
    for _ in range(20):
        x = curve(law, weights, mode) * np.exp(0.02 * random.standard_normal(len(N)))
        said = " ".join(warnings(N, x, mode, np.zeros(len(N))))
        alarms += any(word in said for word in ("A step", "Superlinear", "Starved", "breaks away"))
    assert alarms <= 2


def test_the_sentences_name_what_binds():
    for mode, law, weights, _, per_node in CASES:
        x = curve(law, weights, mode, per_node)
        said = str(fit_scaling(N, x, mode=mode, per_node=per_node))
        expected = {
            ("strong", "amdahl"): "The serial part binds: 1 - p = 5% ",
            ("strong", "communication"): "On 64 devices latency binds",  # 0.5 > 0.2
            ("strong", "usl"): "On 64 devices latency binds",
            ("strong", "two links"): "The time between machines binds",
            ("weak", "amdahl"): "Something serves all devices in turn, for 3% ",
            ("weak", "gustafson"): "Each further device adds p = 0.6 ",
            ("weak", "communication"): "On 64 devices latency binds",
            ("weak", "usl"): "kappa (what each pair exchanges) binds",
            ("weak", "two links"): "The time between machines binds",
        }[mode, law]
        assert expected in said, said
        assert "nan" not in said and "inf" not in said


# Pasted tables


@pytest.mark.parametrize(
    ("text", "devices", "values", "kind"),
    [
        ("devices,img/s\n1,321.8\n2,574.66", (1, 2), (321.8, 574.66), "throughput"),
        ("1,10\n2,19", (1, 2), (10, 19), None),
        ("1, 512\n2, 900", (1, 2), (512, 900), None),
        ("1 321,8\n2 574,66", (1, 2), (321.8, 574.66), None),
        ("GPUs;Zeit\n1;10,5\n2;5,4", (1, 2), (10.5, 5.4), None),
        ("n;img/s\n1;1.234,5\n2;700,25", (1, 2), (1234.5, 700.25), "throughput"),
        ("n\tstep time (ms)\n1\t59.641\n2\t33.309", (1, 2), (0.059641, 0.033309), "time"),
        ("n,time\n1,3\n2,2", (1, 2), (3, 2), "time"),
        ("n,hours\n1,3\n2,2", (1, 2), (10800, 7200), "time"),
        ("| GPUs | images/s |\n|---:|---|\n| 8 | 1,234.5 |\n| **16** | 2,400.0 |",
         (8, 16), (1234.5, 2400), "throughput"),
        ("1, 512 ms/step\n2, 300 ms/step", (1, 2), (0.512, 0.3), "time"),
        ("n;tok/s\n1;25 k\n2;49 k", (1, 2), (25_000, 49_000), "throughput"),
        ("model,GPUs,throughput (img/s)\nA,1,3\nA,2,5", (1, 2), (3, 5), "throughput"),
        ("img/s,GPUs\n300,1\n580,2", (1, 2), (300, 580), "throughput"),
        ("GPUs\ttokens/s/GPU\n8\t5762\n128\t5605", (8, 128), (5762, 5605), "per device"),
        ("nodes,MFU\n1,44.32\n2,41.59", (1, 2), (44.32, 41.59), "per device"),
        ('"GPUs","img/s"\n"1","321.8"\n"1,024","9999.5"', (1, 1024), (321.8, 9999.5), "throughput"),
        (b"\xef\xbb\xbfn,img/s\r\n1,3\r\n2,5\r\n", (1, 2), (3, 5), "throughput"),
    ],
)  # fmt: skip
def test_tables_are_read(text, devices, values, kind):
    table = read_table(text)
    assert table.devices == devices
    assert table.values == pytest.approx(values)
    assert (table.kind, table.notes) == (kind, ())


def test_an_unsorted_table_is_sorted_and_says_so():
    table = read_table("n,img/s\n4,30\n1,10\n2,19")
    assert (table.devices, table.values) == ((1, 2, 4), (10, 19, 30))
    assert table.notes == ("The rows were sorted by devices (row 3 came after a larger count).",)


MILLION = "\n".join(f"{row},{row}" for row in range(1, 1_000_001))
BAD = {
    "empty": ("", "row 1: a table must have at least two rows, got an empty text"),
    "blank": (" \n\n", "row 1: a table must have at least two rows, got an empty text"),
    "one row": ("n,img/s\n1,3", "row 2: a table must have at least two rows, got this one"),
    "head only": ("n,img/s", "row 1: a head must be followed by rows of numbers, got none"),
    "two of two": ("2,3\n2,4", "row 2: devices must differ from row to row, got 2 as in row 1:"),
    "with a unit": ("n,s\n2 GPUs,3\n2.0 GPUs,4", "row 3: devices must differ from row to row, got"),
    "duplicates": ("1,3\n2,5\n2,6", "row 3: devices must differ from row to row, got 2 as in row"),
    "zero": ("1,3\n2,0", "row 2: value must be above 0, got 0"),
    "no devices": ("0,3\n2,1", "row 1: devices must be a whole number from 1 to 10 million, got 0"),
    "half a device": ("1.5,3\n2,1", "row 1: devices must be a whole number from 1 to 10 million"),
    "negative": ("1,3\n2,-5", "row 2: value must be above 0, got -5"),
    "text": ("n,img/s\n1,3\n2,fast", "row 3: value must be a number such as 321.8, got 'fast'"),
    "nan": ("1,nan\n2,3", "row 1: value must be a number such as 321.8, got 'nan'"),
    "infinite": ("1,1e999\n2,3", "row 1: value must be above 0, got 1e999"),
    "empty cell": ("n,img/s\n1,3\n2,", "row 3: value must be a number such as 321.8, got an empty"),
    "mixed units": ("1,3 s\n2,1500 ms", "row 2: all values must have one unit, got 'ms' after 's'"),
    "head against unit": ("n,img/s\n1,3 ms\n2,2 ms", "row 2: the unit must be that of the head"),
    "a million rows": (MILLION, "row "),
    "137 rows": (MILLION[:880], f"row {MAX_ROWS + 2}: the table must have at most {MAX_ROWS} rows"),
    "decimal commas": ("n,img/s\n1,3,5\n2,1,7", "row 2: must have 2 cells as row 1 has, got 3; a"),
    "either": ("n;img/s\n1;1,024\n2;2,000", "row 2: 1,024 must be written as 1024 or as 1.024"),
    "both": ("n;img/s\n1;321,8\n2;1.143", "row 3: 1.143 must be written as 1143 or as 1.143"),
    "formula": ("n,img/s\n1,3\n2,=B2/2", "row 3: value must be a number, got the formula '=B2/2'"),
    "binary": ("\x89PNG\r\n\x1a\n\0\0", "row 1: the table must be text, got the byte '\\x89'"),
    "bytes": (b"n,img/s\n1,3\n2,\xff\xfe", "row 3: the table must be text in UTF-8, got bytes"),
    "a spreadsheet": (b"PK\x03\x04\x14\x00", "row 1: the table must be text, got the byte '\\x03'"),
    "one column": ("1\n2\n3", "row 1: without a head a table must have two columns"),
    "ragged": ("1,2\n3", "row 2: must have 2 cells as row 1 has, got 1"),
    "two values": ("GPUs,img/s,time\n1,3,4\n2,5,6", "row 1: the head must name one column of thr"),
    "no names": ("a,b,c\n1,2,3\n2,3,4", "row 1: the head must name one column of devices, got"),
    "no text": (None, "text must be a table as text, got NoneType"),
    "a long number": ("1," + "9" * 9000 + "\n2,3", "row 1: value must be above 0, got 999"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_table_is_refused_at_once_by_row(text, message):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as error:
        read_table(text)
    assert time.perf_counter() - start < 2
    assert len(str(error.value)) < 250


# The table of 2024 and 2025


def test_every_machine_of_the_new_table_holds_eight():
    rows = catalog.scaling_2025()
    assert (rows["nodes"] * 8 == rows["devices"]).all() and (rows["note"] != "").all()


def test_a_prefix_or_a_share_is_no_value_of_the_new_table(tmp_path):
    path = tmp_path / "scaling_2025.csv"
    text = (catalog.DATA / path.name).read_text(encoding="utf-8")
    for good, wrong in (("44.32,", "0.4432,"), ("38336,", "38.336,"), ("5762,", "5762000,")):
        path.write_text(text.replace(good, wrong), encoding="utf-8")
        with pytest.raises(ValueError, match="scaling_2025.csv, line .*: value must be from"):
            catalog.scaling_2025(tmp_path)


def test_the_published_tables_are_all_that_can_be_fitted():
    tables = published.scaling_tables()
    assert len(tables) == 59
    assert tables["Ultra-Scale 80B"] == dict(
        devices=[32, 64, 128, 256, 512],
        values=[14.76, 30.65, 34.29, 30.75, 17.79],
        kind="per device",
        mode="strong",
        per_node=8,
    )
    for table in tables.values():
        assert len(fit_scaling(**table).devices) >= 3
    units = catalog.scaling().set_index("series")["unit"]
    times = {name for name, table in tables.items() if table["kind"] == "time"}
    assert set(units[list(times)]) == {"ms/step", "min/run"}


def test_the_page_of_errors_is_what_the_laws_say():
    with foretold.FILE.open(encoding="utf-8", newline="") as file:
        stored = list(csv.DictReader(file))
    found = list(foretold.rows())
    assert [row["series"] for row in stored] == list(published.scaling_tables())
    for said, row in zip(stored, found, strict=True):
        assert said.keys() == row.keys()
        for column, value in row.items():
            if isinstance(value, float):  # printed with three decimals
                assert float(said[column]) == pytest.approx(value, rel=1e-4, abs=6e-4), said
            else:
                assert said[column] == str(value)
    errors = [abs(row["choice"]) for row in found]
    assert len(errors) == 59 and np.median(errors) < 0.04


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["strong", "weak"])
def test_the_largest_run_is_foretold_from_the_others_alone(kind, mode):
    n, x = np.array([1, 2, 4, 8, 16]), np.array([10, 19, 35, 60, 1])
    values = {"throughput": x, "per device": x / n, "time": (1 if mode == "strong" else n) / x}
    last = foretell_largest(n, values[kind], kind, mode)
    before = fit_scaling(n[:-1], x[:-1], mode=mode)
    said = before.predictions[16]
    assert last.fit.devices == (1, 2, 4, 8) and last.fit.kind == kind
    assert last.true == pytest.approx(1)
    assert last.errors["choice"] == pytest.approx(said.value - 1)
    assert last.errors[STAYS] == pytest.approx(120 - 1)  # 60 / 8 for each of 16
    assert last.errors["amdahl"] == pytest.approx(before.laws["amdahl"].throughput(16) - 1)
    assert not last.inside


def test_tokens_per_second_agree_with_the_utilisation_printed_beside_them():
    # llm-foundry prints MFU too: 13b on H100 39.79, 39.58, 39.95, 39.86; of 989.5 Tflop/s.
    found = published.scaling_tables()["llm-foundry MPT 13b H100-80GB"]
    printed = {8: 39.79, 16: 39.58, 32: 39.95, 64: 39.86}
    each = dict(zip(found["devices"], found["values"], strict=True))
    assert each.keys() == printed.keys()
    ratios = [each[n] / n / printed[n] for n in printed]
    assert max(ratios) / min(ratios) < 1.001


# The notebook


def test_what_the_notebook_prints_is_explained_before():
    cells = {cell.id: cell.source for cell in notebooks.read(FITTED).cells}
    before = " ".join(cells.values()).partition(cells["sixteen"])[0]
    assert "**speed-up** S" in before and "**efficiency** E = S/n" in before
    assert "the p′ of notebook 04" in cells["turn-seen"]
    assert f"({foretold.FILE.name})" in cells["foretold-seen"]
