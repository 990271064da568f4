"""Measure the fits of `helpers.scaling` against bars: planted laws, and published tables.

Run by hand: ``.venv/bin/python benchmarks/scaling.py [planted] [published]``; both if none is
named. Exit status 1 if a bar is missed.

- planted: 200 tables for each law, 1 to 64 devices, 3 % noise. How often the stated interval holds
  each parameter (bar 90 %), and the interval of the prediction the next run; how often the law is
  chosen where the data can decide (bar 90 %): where every law that is no more complex, or cannot
  take its shape, misses the table without noise by over 4 scatters in all.
- published: every series of throughput, time or utilisation with at least three counts in
  scaling.csv and scaling_2025.csv. The error of predicting the largest count from the smaller ones,
  for each law and for the choice among them, beside "efficiency stays as it is" (bar: median of
  the choice at most 7 % over the throughputs of scaling.csv). Once without and once with the
  number of devices in a machine. No law has seen the run that it predicts.
"""

import sys

import numpy as np

from helpers.catalog import scaling_2025
from helpers.published import scaling_tables
from helpers.scaling import STAYS, fit_scaling, foretell_largest
from helpers.scaling_laws import LAWS, Table

TABLES, NOISE, DISTANCE, PER_NODE = 200, 0.03, 4, 8
DEVICES = 2.0 ** np.arange(7)


def draw(law, random):
    """Parameters of a law as measured tables have them, and the weights of its terms."""
    uniform = random.uniform
    if law == "amdahl":
        f = 10 ** uniform(-2.3, -0.7)
        return {"serial fraction": f}, [1 - f, f]
    if law == "gustafson":
        p = uniform(0.3, 0.95)
        return {"p": p}, [1 - p, p]
    if law == "usl":
        sigma, kappa = 10 ** uniform(-2.5, -1), 10 ** uniform(-4, -2.3)
        return {"sigma": sigma, "kappa": kappa}, [1 - sigma, sigma, kappa]
    if law == "communication":
        bandwidth, latency = 10 ** uniform(-1.5, -0.3), 10 ** uniform(-3.5, -1.7)
        return {"bandwidth": bandwidth, "latency": latency}, [1, bandwidth, latency]
    inside = 10 ** uniform(-1.5, -0.5)
    between = inside * uniform(1.5, 5)
    return {"inside": inside, "between": between}, [1, inside, between]


def decidable(law, same, weights, mode, per_node):
    """Whether every other law misses the table without noise."""
    edge = per_node or np.inf
    x = (law.columns(DEVICES, edge, mode) @ weights) ** law.power
    table = Table(DEVICES, x / x[0], mode, edge)
    for rival in LAWS.values():
        if rival.name in same or mode not in rival.modes or not table.can_fit(rival):
            continue
        distance = np.sqrt(table.solve(rival)[1]) / NOISE
        if distance < DISTANCE and (distance > 0.1 or len(rival.terms) <= len(law.terms)):
            return False
    return True


def planted():
    """Rows of text, and whether all bars are met."""
    met, random = True, np.random.default_rng(0)
    for mode in ("strong", "weak"):
        for law in (law for law in LAWS.values() if mode in law.modes):
            per_node = PER_NODE if law.name == "two links" else None
            same = {law.name}
            if mode == "strong" and law.name in ("communication", "usl"):
                same = {"communication", "usl"}  # one curve
            held = {name: [] for name in law.parameters}
            foretold, right, sure, agreed = [], [], [], []
            for _ in range(TABLES):
                truth, weights = draw(law.name, random)
                ahead = np.append(DEVICES, 2 * DEVICES[-1])
                clean = (law.columns(ahead, per_node or np.inf, mode) @ weights) ** law.power
                *x, last = clean * np.exp(NOISE * random.standard_normal(len(ahead)))
                fit = fit_scaling(DEVICES, x, mode=mode, per_node=per_node)
                for name, value in truth.items():
                    said = fit.laws[law.name].parameters[name]
                    held[name].append(said.low <= value <= said.high)
                said = fit.predictions[ahead[-1]]
                foretold.append(said.low <= last <= said.high)
                right.append(fit.chosen in same)
                sure.append(decidable(law, same, weights, mode, per_node))
                agreed.append(fit.decided)
            right, sure, agreed = (np.array(flags) for flags in (right, sure, agreed))
            elsewhere = right[~sure]
            shares = {name: np.mean(flags) for name, flags in held.items()}
            chosen = right[sure].mean() if sure.any() else np.nan
            met &= min(shares.values()) >= 0.9 and not chosen < 0.9
            holds = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
            yield (
                f"{mode:6} {law.name:13} interval holds: {holds}; next run {np.mean(foretold):.1%}"
                f" | data can decide in {sure.sum()}: chosen {chosen:.1%}, elsewhere in "
                f"{elsewhere.sum()} of {len(elsewhere)} | says that it is decided in "
                f"{agreed.mean():.0%}: right {right[agreed].mean():.0%}",
                met,
            )


def published():
    """Rows of text, and whether the bar is met."""
    found = []
    new = set(scaling_2025()["series"])
    for name, table in scaling_tables().items():
        devices, per_node = table["devices"], table["per_node"]
        for told in (None, per_node):
            foretold = foretell_largest(**{**table, "per_node": told})
            fit, said, true = foretold.fit, foretold.said, foretold.true
            errors, inside = foretold.errors, foretold.inside
            group = "2025" if name in new else table["kind"] == "throughput"
            agreed = fit.decided and fit.chosen != STAYS
            ends = f"{said.low / true - 1:+.0%} {said.high / true - 1:+.0%}"
            found.append(
                (
                    bool(told),
                    group,
                    len(devices),
                    errors,
                    inside,
                    agreed,
                    said.high / max(said.low, 1e-9),
                )
            )
            told_so = f"{per_node} a machine" if told else "not told"
            yield (
                f"{name:48.48} {len(devices)} counts to {devices[-1]:5} {told_so:12} "
                f"{fit.chosen:16} {errors['choice']:+7.1%} stays {errors[STAYS]:+7.1%} "
                f"{'in' if inside else 'OUTSIDE'} {ends}",
                True,
            )
    met = True
    for told in (False, True):
        for title, chosen in (
            ("throughput", lambda row: row[1] is True),
            ("throughput, 4 counts or more", lambda row: row[1] is True and row[2] >= 4),
            ("two links can be fitted", lambda row: row[1] is True and "two links" in row[3]),
            ("times", lambda row: row[1] is False),
            ("2025", lambda row: row[1] == "2025"),
            ("2025, 4 counts or more", lambda row: row[1] == "2025" and row[2] >= 4),
            ("all", lambda row: True),
            ("laws agree", lambda row: row[5]),
        ):
            rows = [row for row in found if row[0] == told and chosen(row)]
            if not rows:
                continue
            medians = {
                law: (np.median([abs(row[3][law]) for row in rows if law in row[3]]), count)
                for law in ("choice", STAYS, *LAWS)
                if (count := sum(law in row[3] for row in rows))
            }
            said = ", ".join(f"{law} {error:.1%} ({n})" for law, (error, n) in medians.items())
            inside = np.mean([row[4] for row in rows])
            wide = np.median([row[6] for row in rows])
            if title == "throughput":
                met &= medians["choice"][0] <= 0.07
            yield (
                f"median |error|, {title}, {'told' if told else 'not told'}: {said}; "
                f"in the interval {inside:.0%}, its median is x {wide:.2f}",
                met,
            )


if __name__ == "__main__":
    parts = {"planted": planted, "published": published}
    ok = True
    for name in sys.argv[1:] or parts:
        for line, met in parts[name]():
            print(line, flush=True)
            ok &= met
    sys.exit(not ok)
