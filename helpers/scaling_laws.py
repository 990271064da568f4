"""The laws of scaling, and their least squares with intervals.

Every law is a sum of terms with weights of at least 0, so that the least squares of relative
residuals have one minimum, which needs no starting point; and an interval is the part of an
ellipsoid where no weight is negative, whose ends have a closed form.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from helpers.parallel import allreduce_time

MODES = ("strong", "weak")


@dataclass(frozen=True)
class Law:
    """A law whose time (power -1) or throughput (1) is a sum of terms with weights of at least 0.

    `terms` are functions of (m, edge, mode); `parameters` names ratios of sums of the weights.
    """

    name: str
    terms: tuple
    parameters: dict
    power: int = -1
    modes: tuple = MODES

    def columns(self, m, edge, mode):
        """The terms at the counts m, one column for each."""
        return np.stack([term(m, edge, mode) for term in self.terms], axis=-1)


def _each(m, edge, mode):
    return 1 / m


def _always(m, edge, mode):
    return np.ones_like(m)


def _count(m, edge, mode):
    return m


def _pairs(m, edge, mode):
    return m - 1


def _share(m, mode):
    """What one of the units of work in a step is: all of a fixed job, or an m-th of a step."""
    return 1 if mode == "strong" else m


def _bytes(m, edge, mode):
    return np.asarray(allreduce_time(1, m, bandwidth=1)) / _share(m, mode)


def _rounds(m, edge, mode):
    return np.asarray(allreduce_time(0, m, bandwidth=1, latency=1)) / _share(m, mode)


def _bytes_inside(m, edge, mode):
    return np.where(m <= edge, _bytes(m, edge, mode), 0.0)


def _bytes_between(m, edge, mode):
    return np.where(m > edge, _bytes(m, edge, mode), 0.0)


LAWS = {
    law.name: law
    for law in (
        Law("amdahl", (_each, _always), {"serial fraction": ([0, 1], [1, 1])}),
        Law("gustafson", (_always, _count), {"p": ([0, 1], [1, 1])}, power=1, modes=("weak",)),
        Law(
            "communication",
            (_each, _bytes, _rounds),
            {"bandwidth": ([0, 1, 0], [1, 0, 0]), "latency": ([0, 0, 1], [1, 0, 0])},
        ),
        Law(
            "two links",
            (_each, _bytes_inside, _bytes_between),
            {"inside": ([0, 1, 0], [1, 0, 0]), "between": ([0, 0, 1], [1, 0, 0])},
        ),
        Law(
            "usl",
            (_each, _always, _pairs),
            {"sigma": ([0, 1, 0], [1, 1, 0]), "kappa": ([0, 0, 1], [1, 1, 0])},
        ),
    )
}


@dataclass(frozen=True)
class Estimate:
    """A number with the interval that holds it in 95 of 100 tables, if the law is right."""

    value: float
    low: float
    high: float


class Table:
    """Runs in units of the smallest one: m = n / n0, throughput x / x0."""

    def __init__(self, m, x, mode, edge):
        self.m, self.x, self.mode, self.edge = m, x, mode, edge
        self.beyond = m > edge

    def can_fit(self, law):
        """A law needs a run for each of its terms, and two links need a run on each of them."""
        inside = ~self.beyond & (self.m > 1)
        both = bool(self.beyond.any() and inside.any())
        return len(law.terms) <= len(self.m) and (law.name != "two links" or both)

    def columns(self, law, m=None):
        return law.columns(self.m if m is None else m, self.edge, self.mode)

    def solve(self, law, keep=slice(None)):
        """Weights of at least 0 with the least squares of log residuals, and these squares.

        Each round solves the problem linearised at the last one.
        """
        m, x = self.m[keep], self.x[keep]
        columns, target = self.columns(law, m), x**law.power
        size = _sizes(columns / target[:, None])
        columns = columns / size
        weights, _ = nnls(columns / target[:, None], np.ones(len(m)))
        squares = _squares(columns, weights, target)
        for _ in range(20):
            fitted = _fitted(columns, weights, target)
            new, _ = nnls(columns / fitted[:, None], 1 + np.log(target / fitted))
            steps = (weights + step * (new - weights) for step in (1, 0.5, 0.25, 0.1))
            better = ((_squares(columns, w, target), w) for w in steps)
            least, new = next(((s, w) for s, w in better if s < squares), (squares, weights))
            if squares - least < 1e-12 * (squares + 1e-12):
                break
            weights, squares = new, least
        return np.where(weights > 1e-10 * weights.max(), weights, 0.0) / size, squares

    def linear(self, law, weights, keep=slice(None)):
        """Relative columns at the fit, and what they should add up to."""
        columns, target = self.columns(law)[keep], self.x[keep] ** law.power
        fitted = _fitted(columns, weights, target)
        return columns / fitted[:, None], 1 + np.log(target / fitted)

    def splits(self):
        """(kept runs, run to predict, weight): the next larger count, and gaps at half weight."""
        runs = range(len(self.m))
        ahead = [(runs[:last], last, 1.0) for last in runs[3:]]
        gaps = [([*runs[:gap], *runs[gap + 1 :]], gap, 0.5) for gap in runs[1:-1]]
        for keep, target, weight in ahead + gaps:
            like = self.beyond[keep] == self.beyond[target]
            if (like & (self.m[keep] > 1)).any():  # nobody can tell a link that no run has used
                yield keep, target, weight

    def leave_out(self, law, variance):
        """Log errors of predicting runs left out, and the weighted log of their probability.

        A law that states a wide interval is punished for that, and not for missing: each run is
        judged by the law as it stood before it, as in the prequential approach of Dawid 1984. No
        law: "efficiency stays", from the run before.
        """
        errors, score = [], 0.0
        for keep, target, weight in self.splits():
            m, x = self.m[target], self.x[target]
            if law is None:
                before = target - 1
                predicted, spread = self.x[before] / self.m[before] * m, 1.0
            else:
                weights, _ = self.solve(law, keep)
                columns, _ = self.linear(law, weights, keep)
                row = self.columns(law, self.m[[target]])[0]
                fitted = max(row @ weights, 1e-12)
                size = _sizes(columns)
                row, columns = row / fitted / size, columns / size
                spread = row @ np.linalg.pinv(columns.T @ columns) @ row
                predicted = fitted**law.power
            errors.append(float(np.log(predicted / x)))
            wide = variance * (1 + spread)
            score -= weight * 0.5 * float(errors[-1] ** 2 / wide + np.log(wide))
        return errors, score

    def unexplained(self, law, m, x, twos):
        """Squares of relative residuals that a law leaves if two more runs were as given."""
        columns = np.vstack([self.columns(law), self.columns(law, m)])
        target = np.append(self.x, x) ** law.power
        relative, own = columns / target[:, None], range(len(self.x))
        rows = (relative[[*own, *(len(self.x) + run for run in two)]] for two in twos)
        return np.array([nnls(row, np.ones(len(row)))[1] ** 2 for row in rows])

    def parameters(self, law, weights, limit):
        """Every parameter, a ratio of sums of weights, with its interval."""
        system = self.linear(law, weights)
        found = {}
        for name, (top, bottom) in law.parameters.items():
            top, bottom = np.array(top, dtype=float), np.array(bottom, dtype=float)
            value = _quotient(top @ weights, bottom @ weights)
            ends = [_furthest_ratio(system, limit, top, bottom, value, sign) for sign in (-1, 1)]
            found[name] = Estimate(value, *ends)
        return found

    def range(self, law, weights, limit, m):
        """Low and high end of the law's throughput at the counts m."""
        ends = _extremes(self.linear(law, weights), limit, self.columns(law, m))[0]
        with np.errstate(divide="ignore"):
            return np.sort(ends**law.power, axis=0)


def _fitted(columns, weights, target):
    """The sums of terms; one that is far too small is raised so that it has a logarithm."""
    return np.maximum(columns @ weights, 1e-9 * target)


def _squares(columns, weights, target):
    return float(np.sum(np.log(_fitted(columns, weights, target) / target) ** 2))


def _extremes(system, limit, directions):
    """Least and largest `directions` @ weights where weights >= 0 leave squares up to `limit`.

    The extreme of a linear function on an ellipsoid cut by planes lies on one of its faces, each
    with some weights zero, where it has a closed form. Returns the two values for each direction,
    and the weights that attain them.
    """
    columns, target = system
    scale, size = _sizes(columns), columns.shape[1]
    columns, directions = columns / scale, np.atleast_2d(directions) / scale
    values = np.array([[np.inf], [-np.inf]]) * np.ones(len(directions))
    places = np.zeros((2, len(directions), size))
    if not np.isfinite(limit):
        return np.array([[0.0], [np.inf]]) * np.ones(len(directions)), places
    for count in range(1, size + 1):
        for face in map(list, itertools.combinations(range(size), count)):
            part = columns[:, face]
            normal = part.T @ part
            if np.linalg.cond(normal) > 1e13:
                continue
            inverse = np.linalg.inv(normal)
            centre = inverse @ part.T @ target
            left = limit - float(np.sum((part @ centre - target) ** 2))
            if left < 0:
                continue
            lean = directions[:, face] @ inverse
            length = np.sqrt(np.sum(lean * directions[:, face], axis=1))
            reach = np.divide(np.sqrt(left), length, out=np.zeros_like(length), where=length > 0)
            for side, sign in enumerate((-1, 1)):
                weights = centre + sign * reach[:, None] * lean
                value = np.sum(weights * directions[:, face], axis=1)
                allowed = (weights > -1e-9).all(axis=1)
                better = allowed & (sign * value > sign * values[side])
                values[side, better] = value[better]
                places[side][np.ix_(better, face)] = weights[better]
                others = [column for column in range(size) if column not in face]
                places[side][np.ix_(better, others)] = 0
    return values, places / scale


def _sizes(columns):
    """The length of each column, 1 for one of zeros."""
    lengths = np.linalg.norm(columns, axis=0)
    return np.where(lengths > 0, lengths, 1.0)


def _furthest_ratio(system, limit, top, bottom, value, sign):
    """Least (sign -1) or largest (1) ratio of two sums of weights within the interval.

    Dinkelbach's iteration for fractional programs.
    """
    if not np.isfinite(limit):
        return 0.0 if sign < 0 else np.inf
    for _ in range(50):
        if not np.isfinite(value):
            break
        _, places = _extremes(system, limit, top - value * bottom)
        place = places[(sign + 1) // 2, 0]
        ratio = _quotient(top @ place, bottom @ place)
        if not sign * (ratio - value) > 1e-9 * abs(value):
            break
        value = ratio
    return max(float(value), 0.0)


def _quotient(top, bottom):
    return float(top / bottom) if bottom > 1e-12 * abs(top) else float(np.inf)
