"""Figures of a cohort beside those of another: marginals, correlations, severity to risk, courses.

The same functions make the figures of real and of virtual patients. Intervals of the real ones are percentile
bootstrap over patients (Efron 1979): the virtual ones are many, so theirs are not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.compare.people import LOG, Array, People
from hepatrial.compare.study import LEAST
from hepatrial.prediction.table1 import NORMAL_IQR

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
BOOTSTRAP = 400
LEAST_PAIRS = 25
"""Patients with both measures from whom a correlation is compared."""
LEAST_EVENTS = 8
"""Deaths and survivors from whom outcome is compared."""
SEVERITY = (
    "meld",
    "bilirubin",
    "inr",
    "pta",
    "creatinine",
    "albumin",
    "age",
    "he_grade",
    "ammonia",
    "sodium",
)
"""Tried as predictors of a bad outcome."""
BEFORE = ((0.0, 3.0), (3.0, 7.0), (7.0, 30.0), (30.0, 90.0))
"""Days before death in which the last value is compared."""


@dataclass(frozen=True)
class Item:
    """One figure of both cohorts.

    Attributes:
        kind: "marginal", "correlation", "risk" or "course".
        label: which.
        real, low, high: the real figure and its 95 % bootstrap interval.
        virtual: the virtual figure.
        size: how far off, in the unit of ``scale``.
        scale: what ``size`` is counted in.
        missed: whether the virtual figure lies outside what ``rule`` allows.
        rule: in words.
        n: real patients behind it.
        detail: further numbers for tables and charts.
    """

    kind: str
    label: str
    real: float
    low: float
    high: float
    virtual: float
    size: float
    scale: str
    missed: bool
    rule: str
    n: int
    detail: Mapping[str, Any]


def quantiles(x: Array, weights: Array, levels: tuple[float, ...]) -> Array:
    """Weighted quantiles (inverse of the weighted distribution function, mid-points) of what is known."""
    known = np.isfinite(x)
    x, w = x[known], weights[known]
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[order]
    place = (np.cumsum(w) - 0.5 * w) / w.sum()
    return np.interp(levels, place, x)


def ranks(x: Array, weights: Array) -> Array:
    """Weighted mid-ranks in (0, 1); ties share theirs."""
    values, where = np.unique(x, return_inverse=True)
    mass = np.bincount(where, weights=weights, minlength=len(values)) / weights.sum()
    return np.asarray((np.cumsum(mass) - 0.5 * mass)[where])


def spearman(x: Array, y: Array, weights: Array) -> float:
    """Pearson correlation of weighted mid-ranks of those with both; NaN if one is constant."""
    known = np.isfinite(x) & np.isfinite(y)
    w = weights[known] / weights[known].sum()
    a, b = ranks(x[known], w), ranks(y[known], w)
    a, b = a - w @ a, b - w @ b
    size = float(np.sqrt((w @ a**2) * (w @ b**2)))
    return float(w @ (a * b)) / size if size > 0 else float("nan")


def concordance(score: Array, bad: NDArray[np.bool_], weights: Array) -> float:
    """Probability that of two patients the one with the bad outcome has the higher score; ties count half."""
    known = np.isfinite(score)
    s, b, w = score[known], bad[known], weights[known]
    if not b.any() or b.all():
        return float("nan")
    r = ranks(s, np.where(b, 0.0, w))  # where each score stands among those without the outcome
    return float(w[b] @ r[b] / w[b].sum())


def bootstrap(people: People, figure: Callable[[People], Array], seed: int = 1) -> tuple[Array, Array]:
    """95 % percentile interval of a vector of figures over resampled patients."""
    luck = np.random.default_rng(seed)
    n = len(people)
    drawn = np.stack([figure(people.pick(luck.integers(0, n, n))) for _ in range(BOOTSTRAP)])
    with np.errstate(all="ignore"):
        low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return low, high


def marginals(real: People, virtual: People) -> list[Item]:
    """Location and spread of each measure at entry, on the logarithm where that is usual."""
    items = []
    for name in _common(real, virtual, LEAST):
        x, y = _scaled(name, real.entry[name]), _scaled(name, virtual.entry[name])

        def figure(people: People, name: str = name) -> Array:
            return quantiles(_scaled(name, people.entry[name]), people.weights, LEVELS)

        q, v = figure(real), figure(virtual)
        low, high = bootstrap(real, figure)
        back = np.exp if name in LOG else np.asarray
        spread = float(q[3] - q[1]) / NORMAL_IQR or float(np.nanstd(x)) or 1.0
        size = float(v[2] - q[2]) / spread
        detail = {
            "real": list(map(float, back(q))), "virtual": list(map(float, back(v))),
            "spread_ratio": float((v[3] - v[1]) / (q[3] - q[1])) if q[3] > q[1] else None,
            "n_virtual": int(np.isfinite(y).sum()),
        }  # fmt: skip
        missed = abs(size) > 0.5 and not low[2] <= v[2] <= high[2]
        items.append(
            Item(
                "marginal", name, float(back(q[2])), float(back(low[2])), float(back(high[2])),
                float(back(v[2])), size, "real SD (of the interquartile range)", missed,
                "median within half a real SD or within its interval", int(np.isfinite(x).sum()), detail,
            )
        )  # fmt: skip
    return items


def correlations(real: People, virtual: People) -> list[Item]:
    """Rank correlations of all pairs of measures at entry."""
    items = []
    for a, b in combinations(_common(real, virtual, LEAST_PAIRS), 2):
        both = int((np.isfinite(real.entry[a]) & np.isfinite(real.entry[b])).sum())
        if both < LEAST_PAIRS or (a in _MADE_OF and b in _MADE_OF[a]) or (b in _MADE_OF and a in _MADE_OF[b]):
            continue

        def figure(people: People, a: str = a, b: str = b) -> Array:
            return np.array([spearman(people.entry[a], people.entry[b], people.weights)])

        low, high = bootstrap(real, figure)
        mine, theirs = float(figure(real)[0]), float(figure(virtual)[0])
        if not (np.isfinite(mine) and np.isfinite(theirs)):
            continue
        items.append(
            Item(
                "correlation", f"{a}, {b}", mine, float(low[0]), float(high[0]), theirs, theirs - mine,
                "rank correlation", not low[0] <= theirs <= high[0], "within the real interval", both, {},
            )
        )  # fmt: skip
    return items


_MADE_OF: Mapping[str, tuple[str, ...]] = {
    "meld": ("bilirubin", "inr", "creatinine", "pta"),
    "meld_na": ("bilirubin", "inr", "creatinine", "sodium", "meld", "pta"),
    "meld3": ("bilirubin", "inr", "creatinine", "sodium", "albumin", "meld", "meld_na", "pta"),
    "child_pugh": ("bilirubin", "albumin", "inr", "ascites_grade", "he_grade", "pta"),
    "pta": ("inr",),
}
"""Scores are made of measures; their correlation with these says nothing."""


def outcome(people: People, day: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(bad, known): who had the bad outcome by a day, and of whom it is known whether."""
    bad = people.bad <= day
    return bad, bad | (people.seen >= day)


def risks(real: People, virtual: People, day: float) -> list[Item]:
    """Share with a bad outcome by a day, and how well each measure at entry orders it."""
    bad, known = outcome(real, day)
    if bad[known].sum() < LEAST_EVENTS or (~bad[known]).sum() < LEAST_EVENTS:
        return []

    def share(people: People) -> Array:
        b, k = outcome(people, day)
        return np.array([float(people.weights[b & k].sum() / people.weights[k].sum())])

    items = [
        _item("risk", f"bad outcome by day {day:g}", real, virtual, share, int(known.sum()), "share", {})
    ]
    for name in (name for name in SEVERITY if name in _common(real, virtual, LEAST_PAIRS)):

        def auc(people: People, name: str = name) -> Array:
            b, k = outcome(people, day)
            return np.array([concordance(np.where(k, people.entry[name], np.nan), b, people.weights)])

        n = int((known & np.isfinite(real.entry[name])).sum())
        detail = {"bins": _risk_by_bin(name, real, virtual, day)}
        item = _item("risk", f"{name}: concordance", real, virtual, auc, n, "concordance", detail)
        if np.isfinite(item.real) and np.isfinite(item.virtual):
            items.append(item)
    return items


def _risk_by_bin(name: str, real: People, virtual: People, day: float) -> list[dict[str, Any]]:
    """Risk in quarters of the real distribution of a measure at entry, in both cohorts."""
    edges = quantiles(real.entry[name], real.weights, (0.25, 0.5, 0.75))
    found = []
    for number in range(4):
        row: dict[str, Any] = {"quarter": number + 1}
        for label, people in (("real", real), ("virtual", virtual)):
            b, k = outcome(people, day)
            x = people.entry[name]
            inside = k & np.isfinite(x) & (np.searchsorted(edges, x, side="left") == number)
            total = float(people.weights[inside].sum())
            row[label] = float(people.weights[inside & b].sum()) / total if total > 0 else None
            row[f"{label}_n"] = int(inside.sum())
        found.append(row)
    return found


def _item(
    kind: str, label: str, real: People, virtual: People, figure: Callable[[People], Array], n: int,
    scale: str, detail: Mapping[str, Any],
) -> Item:  # fmt: skip
    low, high = bootstrap(real, figure)
    mine, theirs = float(figure(real)[0]), float(figure(virtual)[0])
    missed = not low[0] <= theirs <= high[0]
    return Item(
        kind, label, mine, float(low[0]), float(high[0]), theirs, theirs - mine, scale, missed,
        "within the real interval", n, detail,
    )  # fmt: skip


def courses(real: People, virtual: People, day: float) -> list[Item]:
    """Each measure at each day, of those who had a bad outcome by ``day`` and of those who had none."""
    items = []
    for measure, by_day in real.labs.items():
        for at in (0.0, *by_day):
            for group, wanted in (("bad outcome", True), ("no bad outcome", False)):
                item = _course(measure, at, group, wanted, real, virtual, day)
                if item is not None:
                    items.append(item)
    return items


def _course(
    measure: str, at: float, group: str, wanted: bool, real: People, virtual: People, day: float
) -> Item | None:
    def values(people: People) -> Array:
        source = people.entry.get(measure) if at == 0 else people.labs.get(measure, {}).get(at)
        bad, known = outcome(people, day)
        keep = known & (bad == wanted) & (people.death > at)
        return np.full(len(people), np.nan) if source is None else np.where(keep, source, np.nan)

    label = f"{measure}, day {at:g}, {group}"
    told = {"measure": measure, "day": at, "group": group}
    return _quartiles("course", label, measure, values, real, virtual, told)


def before_death(real: People, virtual: People) -> list[Item]:
    """The last value in each span of days before death, of those who died."""
    items = []
    for measure in real.labs:
        for first, last in BEFORE:
            values = partial(last_before, measure=measure, first=first, last=last)
            label = f"{measure}, {first:g} to {last:g} days before death"
            told = {"measure": measure, "from": first, "to": last}
            item = _quartiles("before death", label, measure, values, real, virtual, told)
            items += [] if item is None else [item]
    return items


def _quartiles(
    kind: str, label: str, measure: str, values: Callable[[People], Array], real: People, virtual: People,
    told: Mapping[str, Any],
) -> Item | None:  # fmt: skip
    """Quartiles of a value in both cohorts; None where fewer than ``LEAST`` of either have it."""

    def figure(people: People) -> Array:
        x = _scaled(measure, values(people))
        if np.isfinite(x).sum() < 3:
            return np.full(3, np.nan)
        return quantiles(x, people.weights, (0.25, 0.5, 0.75))

    n = int(np.isfinite(values(real)).sum())
    if n < LEAST or np.isfinite(values(virtual)).sum() < LEAST:
        return None
    q, v = figure(real), figure(virtual)
    low, high = bootstrap(real, figure)
    back = np.exp if measure in LOG else np.asarray
    spread = float(q[2] - q[0]) / NORMAL_IQR or 1.0
    detail = {**told, "real": list(map(float, back(q))), "virtual": list(map(float, back(v)))}
    return Item(
        kind, label, float(back(q[1])), float(back(low[1])), float(back(high[1])), float(back(v[1])),
        float(v[1] - q[1]) / spread, "real SD (of the interquartile range)", not q[0] <= v[1] <= q[2],
        "virtual median within the real quartiles", n, detail,
    )  # fmt: skip


def last_before(people: People, measure: str, first: float, last: float) -> Array:
    """(n,) the value nearest to death that lies ``first`` to ``last`` days before it, NaN for none."""
    out = np.full(len(people), np.nan)
    days = {0.0: people.entry.get(measure, out), **people.labs.get(measure, {})}
    with np.errstate(invalid="ignore"):
        for day, x in sorted(days.items()):
            gap = people.death - day
            inside = np.isfinite(gap) & (gap >= first) & (gap < last) & np.isfinite(x)
            out = np.where(inside, x, out)
    return out


def _scaled(name: str, x: Array) -> Array:
    return np.log(np.maximum(x, 1e-9)) if name in LOG else x


def _common(real: People, virtual: People, least: int) -> list[str]:
    """Measures that enough real patients have at entry and that differ between them, in both cohorts."""
    return [
        name
        for name, x in real.entry.items()
        if name in virtual.entry
        and np.isfinite(x).sum() >= least
        and np.nanstd(x) > 0
        and np.isfinite(virtual.entry[name]).any()
    ]
