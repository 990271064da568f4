"""Which law does a scaling table obey? Fits with intervals, and what they say of larger counts.

A table is a list of runs: n devices, and the throughput X of all together. Counts are taken in
units of the smallest run, m = n / n0, so that every parameter, the speed-up and the serial
fraction of Karp and Flatt speak of the smallest run as "one device"; what that run itself loses is
not seen. The laws:

- ``amdahl``: 1/X = ((1 - f) / m + f) / X0. With a fixed job f is the serial fraction 1 - p; with
  a fixed batch on each device it is a part that serves all devices in turn.
- ``gustafson`` (a job that grows only): X = ((1 - p) + p m) X0.
- ``communication``: a step computes, then all-reduces in a ring as in notebook 06. In units of
  the time that the smallest run computes, t = c(m) + 2 (m - 1) / m bandwidth + 2 (m - 1) latency,
  with c = 1 / m for a fixed job and 1 for a fixed batch on each device. Nothing overlaps: what is
  hidden behind computing costs nothing and is not seen.
- ``two links``: the same without latency, but with a bandwidth within and one between machines.
- ``usl``: the Universal Scalability Law, X = m X0 / (1 + sigma (m - 1) + kappa m (m - 1)). With a
  fixed job it is the curve of ``communication``: sigma = 2 bandwidth, kappa = 2 latency.

"efficiency stays" predicts from the largest run alone, and is what the laws must beat.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from helpers.amdahl import karp_flatt
from helpers.scaling_laws import LAWS, MODES, Estimate, Law, Table
from helpers.scaling_words import AGREE, sentences, tested, warnings

STAYS = "efficiency stays"
KINDS = ("throughput", "time", "per device")
MIN_RUNS, MAX_RUNS = 2, 100
SPAN = 1e8  # from the smallest to the largest value
NOISE = 0.005  # no table of timings is taken to be steadier than this
ASSUMED = 0.03  # the scatter where a table cannot show it: as many parameters as runs
CONFIDENCE = 0.95
WIDE = 2.0  # a law that misses its own runs by more than this many scatters is no law of the table
REFUTED = 0.01  # a law that leaves residuals as large by chance less often is out
SIMPLER = 1.5  # log of the odds that a simpler law may lag behind


@dataclass(frozen=True)
class LawFit:
    """One law fitted to the table.

    `weights` of the terms; `parameters` and `ceiling` (the most throughput at any count, 1/s or
    as the table; infinite if the law has none) are `Estimate`s; `misfit` is the rms of the
    relative residuals, `left_out` that of the predictions of runs left out (NaN if none could
    be), `score` the log of their probability; `refuted` where the residuals exceed the noise.
    """

    law: Law
    mode: str
    smallest: float
    edge: float
    weights: tuple
    parameters: dict
    ceiling: Estimate
    misfit: float
    left_out: float
    score: float
    refuted: bool
    limit: float  # what the sum of squares may be within the interval

    def throughput(self, devices):
        """Throughput by the law at any counts, in the unit of the table."""
        m = np.asarray(devices, dtype=float) / self.smallest
        return (self.law.columns(m, self.edge, self.mode) @ self.weights) ** self.law.power


@dataclass(frozen=True)
class ScalingFit:
    """What a scaling table says; `str` of it reads as sentences.

    `devices`, and for each the `throughput` (1/s or as the table), the `speedup` (in units of the
    smallest run), `efficiency` = speedup / (n / n0) and `karp_flatt` (NaN for the smallest run).
    `laws` by name; `chosen` is one of them, or "efficiency stays" where none can be tested (fewer
    than four runs), follows the runs, or predicts better. `decided` is False then, and where laws
    that the table does not refute differ by over 10 % at twice the largest count. `predictions`
    maps counts to `Estimate`s, whose interval holds all laws that follow the runs, `stays` to what
    "efficiency stays" says there, and `stays_left_out` is its miss of runs left out; `next_runs`
    are the two counts that would tell the laws apart best.
    """

    kind: str
    mode: str
    devices: tuple
    throughput: tuple
    speedup: tuple
    efficiency: tuple
    karp_flatt: tuple
    per_node: float | None
    laws: dict
    chosen: str
    decided: bool
    predictions: dict
    stays: dict
    stays_left_out: float
    next_runs: tuple
    warnings: tuple
    notes: tuple

    @property
    def standing(self):
        """Names of the laws that the table does not refute."""
        return tuple(name for name, fit in self.laws.items() if not fit.refuted)

    @property
    def tested(self):
        """Whether the runs are enough, and end well enough, to state an interval."""
        return tested(self)

    def as_given(self, devices, throughput):
        """A throughput turned back into what the table held: a time, or that of one device."""
        return _given(devices, throughput, self.kind, self.mode)

    def __str__(self):
        return "\n".join(sentences(self))


@dataclass(frozen=True)
class Foretold:
    """The largest run of a table beside what the others say of it.

    `fit` of the others; `true` and `said` (an `Estimate`) are throughputs of the largest run.
    `errors`: predicted / true - 1 of each law, of "efficiency stays", and of the "choice".
    """

    fit: ScalingFit
    true: float
    said: Estimate
    errors: dict

    @property
    def inside(self):
        """Whether the interval holds the run."""
        return self.said.low <= self.true <= self.said.high


def foretell_largest(devices, values, kind="throughput", mode="strong", *, per_node=None):
    """Leave the largest run out, and predict it from the others; arguments as `fit_scaling`.

    Returns
    -------
    Foretold

    Examples
    --------
    >>> foretold = foretell_largest([1, 2, 4, 8, 16, 32], [10, 18.2, 30.8, 47.1, 64, 78])
    >>> {name: round(foretold.errors[name], 2) for name in ("choice", "efficiency stays")}
    {'choice': 0.0, 'efficiency stays': 0.64}
    """
    n, x, _ = _checked(devices, values, kind, mode, per_node, None, ())
    count = n[-1]
    fit = fit_scaling(
        n[:-1], _given(n, x, kind, mode)[:-1], kind, mode, per_node=per_node, ahead=(count / n[-2],)
    )
    (said,), (stays,) = fit.predictions.values(), fit.stays.values()
    predicted = {name: float(law.throughput(count)) for name, law in fit.laws.items()}
    predicted |= {STAYS: stays, "choice": said.value}
    errors = {name: value / float(x[-1]) - 1 for name, value in predicted.items()}
    return Foretold(fit, float(x[-1]), said, errors)


def fit_scaling(
    devices, values, kind="throughput", mode="strong", *, per_node=None, noise=None, ahead=(2, 4)
):
    """Fit the laws of scaling to a table of runs, and choose by what they predict.

    Parameters
    ----------
    devices : array_like
        Numbers of devices, whole, at least 1, each once; 2 to 100 runs.
    values : array_like
        One positive number for each run: the throughput of all devices together, the time of a
        step or job, or a rate or utilisation of one device (tokens/s each, MFU), as `kind` says.
    kind : str
        "throughput", "time" or "per device".
    mode : str
        "strong": the job, or the batch of all devices together, is fixed. "weak": the batch on
        each device is fixed. It changes the laws and cannot be seen in the numbers.
    per_node : int, optional
        Devices in a machine: adds the law with one bandwidth within and one between machines.
    noise : float, optional
        Relative scatter of repeated runs, 0 to 1, if known; else it is estimated from the fit.
    ahead : tuple
        Multiples of the largest count at which to predict, above 1.

    Returns
    -------
    ScalingFit

    Raises
    ------
    ValueError
        If an argument is outside its range; the message names the row, counted from 1.

    Source
    ------
    Amdahl 1967, doi:10.1145/1465482.1465560; Gustafson 1988, doi:10.1145/42411.42415; Karp and
    Flatt 1990, CACM 33(5) 539-543; Gunther 2008, arXiv:0808.1431 (the Universal Scalability Law,
    which Gunther proposed in 1993); the ring as in `helpers.parallel.allreduce_time`.

    Examples
    --------
    >>> fit = fit_scaling([1, 2, 4, 8, 16], [10, 18.2, 30.8, 47.1, 64])  # 1 - p = 0.1
    >>> fit.chosen, round(fit.laws["amdahl"].parameters["serial fraction"].value, 3)
    ('amdahl', 0.1)
    """
    n, x, notes = _checked(devices, values, kind, mode, per_node, noise, ahead)
    m, edge = n / n[0], np.inf if per_node is None else per_node / n[0]
    table = Table(m, x / x[0], mode, edge)
    laws = [law for law in LAWS.values() if mode in law.modes and table.can_fit(law)]
    solved = {law.name: table.solve(law) for law in laws}
    freedom = {law.name: len(n) - len(law.terms) for law in laws}
    variance, most = _noise(solved, freedom, noise)
    scatter = (WIDE * (ASSUMED if noise is None else noise)) ** 2
    fits = {}
    for law in laws:
        weights, squares = solved[law.name]
        errors, score = table.leave_out(law, variance)
        limit = interval_limit(squares, freedom[law.name], noise)
        fits[law.name] = LawFit(
            law=law,
            mode=mode,
            smallest=float(n[0]),
            edge=float(edge),
            weights=tuple((weights * x[0] ** law.power).tolist()),
            parameters=table.parameters(law, weights, limit),
            ceiling=_ceiling(table, law, weights, limit, x[0]),
            misfit=float(np.sqrt(squares / len(n))),
            left_out=_rms(errors),
            score=score,
            refuted=squares > most,
            limit=limit,
        )
    standing = [fit for fit in fits.values() if not fit.refuted]
    follow = [
        fit for fit in standing if fit.misfit**2 * len(n) <= scatter * max(freedom[fit.law.name], 1)
    ]
    chosen, (stays_errors, stays_score) = STAYS, table.leave_out(None, variance)
    if follow and len(n) > 3:
        chosen = _choose(follow, stays_errors, stays_score)
    counts = [float(factor * n[-1]) for factor in ahead]
    stays = {count: float(x[-1] / n[-1] * count) for count in counts}
    speedup = x / x[0]
    serial = np.full(len(n), np.nan)
    serial[1:] = karp_flatt(speedup[1:], m[1:])
    return ScalingFit(
        kind=kind,
        mode=mode,
        devices=tuple(n.astype(int).tolist()),
        throughput=tuple(x.tolist()),
        speedup=tuple(speedup.tolist()),
        efficiency=tuple((speedup / m).tolist()),
        karp_flatt=tuple(serial.tolist()),
        per_node=per_node,
        laws=fits,
        chosen=chosen,
        decided=chosen != STAYS and _agree(standing, 2 * n[-1]),
        predictions={
            count: _prediction(table, follow or standing, chosen, count, x[0], stays[count])
            for count in counts
        },
        stays=stays,
        stays_left_out=_rms(stays_errors),
        next_runs=_next_runs(table, standing, n, per_node),
        warnings=warnings(n, x, mode, serial, per_node),
        notes=notes,
    )


def interval_limit(squares, freedom, noise):
    """Sum of squares at the ends of an interval: F or, with known noise, chi-square."""
    tail = (1 + CONFIDENCE) / 2
    if noise is not None:
        return squares + (float(stdtrit(1e9, tail)) * noise) ** 2
    if freedom < 1:  # as many parameters as runs: no scatter is seen
        return interval_limit(squares, freedom, ASSUMED)
    return squares + float(stdtrit(freedom, tail)) ** 2 * _variance(squares, freedom)


def _variance(squares, freedom):
    return max(squares / freedom, NOISE**2)


def _noise(solved, freedom, noise):
    """Variance of a log throughput, and the squares beyond which a law is refuted."""
    tail = 1 - REFUTED / 2
    if noise is not None:
        least = min(squares for _, squares in solved.values())
        return noise**2, least + (float(stdtrit(1e9, tail)) * noise) ** 2
    known = {name: (solved[name][1], count) for name, count in freedom.items() if count > 0}
    if not known:
        return _noise(solved, freedom, ASSUMED)
    squares, count = min(known.values(), key=lambda pair: _variance(*pair))
    variance = _variance(squares, count)
    return variance, variance * (count + float(stdtrit(count, tail)) ** 2)


def _rms(errors):
    return float(np.sqrt(np.mean(np.square(errors)))) if errors else float("nan")


def _choose(follow, stays_errors, stays_score):
    """The simplest of the laws that predicts runs left out nearly as well as the best."""
    if not stays_errors:
        return STAYS
    best = max(fit.score for fit in follow)
    if stays_score > best + SIMPLER:
        return STAYS
    near = [fit for fit in follow if fit.score >= best - SIMPLER]
    return min(near, key=lambda fit: (len(fit.weights), -round(fit.score, 6))).law.name


def _agree(standing, count):
    """Whether all say nearly the same of a count."""
    said = [fit.throughput(count) for fit in standing]
    return bool(max(said) <= (1 + AGREE) * min(said))


def _ceiling(table, law, weights, limit, scale):
    """The most throughput at any count, with its interval; infinite if it grows for ever."""
    m = np.geomspace(1, 1e8 * table.m[-1], 400)
    value = (table.columns(law, m) @ weights) ** law.power
    low, high = table.range(law, weights, limit, m)
    decade = np.searchsorted(m, m[-1] / 10)

    def top(curve):
        grows = curve[-1] > 1.05 * curve[decade] and curve[-1] >= curve.max()
        return float(np.inf if grows else scale * curve.max())

    return Estimate(top(value), top(low), top(high))


def _prediction(table, follow, chosen, count, scale, stays):
    """What the chosen law says of one run at a count; the interval holds all that follow."""
    value, lows, highs = stays, [], []
    for fit in follow:
        middle = float(fit.throughput(count)) / scale
        if fit.law.name == chosen:
            value = float(scale * middle)
        weights = np.array(fit.weights) / scale**fit.law.power
        room = fit.limit - fit.misfit**2 * len(table.m)  # t squared times the variance of one run
        ends = table.range(fit.law, weights, fit.limit, np.array([count / fit.smallest]))[:, 0]
        with np.errstate(divide="ignore"):
            low, middle, high = np.log([ends[0], middle, ends[1]])
        lows.append(middle - np.hypot(middle - low, np.sqrt(room)))
        highs.append(middle + np.hypot(high - middle, np.sqrt(room)))
    low, high = scale * np.exp(min(lows)), scale * np.exp(max(highs))
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _next_runs(table, standing, n, per_node):
    """The two counts, up to four times the largest, after which the laws would differ most.

    For each pair of laws: the squares that one of them could not explain if the other were right
    (T-optimality: Atkinson and Fedorov 1975, Biometrika 62, 57-70); the worst pair counts.
    """
    doubled = n[0] * 2.0 ** np.arange(np.log2(4 * n[-1] / n[0]) + 1e-9)
    counts = sorted({*doubled, *(1.5 * doubled)} - set(n))
    counts = [c for c in counts if c == int(c) and c <= 4 * n[-1]]
    if per_node is not None:
        counts = [c for c in counts if c <= per_node or c % per_node == 0]
    pairs = [
        (true, rival)
        for true, rival in itertools.combinations(standing, 2)
        if not np.allclose(true.throughput(doubled), rival.throughput(doubled), rtol=1e-3)
    ]

    twos = list(itertools.combinations(range(len(counts)), 2))
    if not pairs or not twos:
        return (int(2 * n[-1]), int(4 * n[-1]))
    m, counts = np.array(counts) / n[0], np.array(counts)

    def surprise(true, rival):
        said = true.throughput(counts) / true.throughput(n[0])
        return table.unexplained(rival.law, m, said, twos)

    apart = [np.maximum(surprise(one, two), surprise(two, one)) for one, two in pairs]
    best = twos[int(np.argmax(np.min(apart, axis=0)))]
    return tuple(int(counts[run]) for run in best)


def _checked(devices, values, kind, mode, per_node, noise, ahead):
    """Sorted counts and throughputs, and notes on what was done to them."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if mode not in MODES:
        raise ValueError(f"mode must be strong (fixed job) or weak (fixed batch), got {mode!r}")
    n, x = (_numbers(name, column) for name, column in (("devices", devices), ("values", values)))
    if len(n) != len(x):
        raise ValueError(f"values must be one for each of {len(n)} devices, got {len(x)}")
    if not MIN_RUNS <= len(n) <= MAX_RUNS:
        raise ValueError(f"devices must be {MIN_RUNS} to {MAX_RUNS} runs, got {len(n)}")
    rows = {}
    for row, (count, value) in enumerate(zip(n.tolist(), x.tolist(), strict=True), start=1):
        if not (1 <= count <= 1e7 and count == int(count)):
            raise ValueError(f"row {row}: devices must be whole, 1 to 10 million, got {count:g}")
        if not 1e-15 <= value <= 1e21:
            raise ValueError(f"row {row}: values must be from 1e-15 to 1e21, got {value:g}")
        if count in rows:
            raise ValueError(
                f"row {row}: devices must be given once each, got {count:g} as in row {rows[count]}"
            )
        rows[count] = row
    if per_node is not None and not (1 <= per_node <= 1e7 and per_node == int(per_node)):
        raise ValueError(f"per_node must be a whole number, at least 1, got {per_node!r}")
    if noise is not None and not 0 < noise < 1:
        raise ValueError(f"noise must be between 0 and 1, got {noise!r}")
    if not all(1 < factor <= 1e6 for factor in ahead):
        raise ValueError(f"ahead must be multiples from 1 to a million, got {ahead!r}")
    if max(x) > SPAN * min(x):
        row = int(np.argmax(x)) + 1
        raise ValueError(
            f"row {row}: values must lie within a factor of {SPAN:g}, got {max(x):g} beside "
            f"{min(x):g} in row {int(np.argmin(x)) + 1}"
        )
    order = np.argsort(n)
    notes = () if (order[:-1] < order[1:]).all() else ("The rows were sorted by devices.",)
    n, x = n[order], x[order]
    if kind == "time":
        x = 1 / x if mode == "strong" else n / x
    elif kind == "per device":
        x = n * x
    return n, x, notes


def _given(devices, throughput, kind, mode):
    if kind == "time":
        with np.errstate(divide="ignore"):  # a throughput of 0 takes for ever
            return np.divide(1 if mode == "strong" else devices, throughput)
    return throughput / devices if kind == "per device" else throughput


def _numbers(name, column):
    try:
        numbers = np.asarray(column, dtype=float)
    except (TypeError, ValueError):
        listed = isinstance(column, Iterable) and not isinstance(column, str | bytes)
        for row, cell in enumerate(column if listed else (), start=1):
            try:
                float(cell)
            except (TypeError, ValueError):
                raise ValueError(f"row {row}: {name} must be numbers, got {cell!r:.60}") from None
        raise ValueError(f"{name} must be a list of numbers, got {column!r:.60}") from None
    if numbers.ndim != 1:
        raise ValueError(f"{name} must be one list of numbers, got {numbers.ndim} dimensions")
    return numbers
