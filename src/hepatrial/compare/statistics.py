"""Figures of a cohort beside those of another: marginals, correlations, severity to risk, courses.

The same functions make the figures of real and of virtual patients. Intervals of the real ones are percentile
bootstrap over patients (Efron 1979): the virtual ones are many, so theirs are not shown.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.weighted import weighted_quantiles, weighted_ranks
from hepatrial.compare.people import LEAST, LOG, Array, People
from hepatrial.prediction.table1 import NORMAL_IQR

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
BOOTSTRAP = 400
SEED = 1
EPSILON = 1e-12
"""A variance of ranks below this is none."""
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


def spearman(x: Array, y: Array, weights: Array) -> Array:
    """(...) Pearson correlation of weighted mid-ranks of (..., n) known pairs; NaN if one is constant."""
    w = weights / weights.sum(axis=-1, keepdims=True)
    a, b = weighted_ranks(x, w), weighted_ranks(y, w)
    a, b = (r - (w * r).sum(axis=-1, keepdims=True) for r in (a, b))
    size = np.sqrt((w * a**2).sum(axis=-1) * (w * b**2).sum(axis=-1))
    moved = size > EPSILON
    return np.asarray(np.where(moved, (w * a * b).sum(axis=-1) / np.where(moved, size, 1.0), np.nan))


def concordance(score: Array, bad: NDArray[np.bool_], weights: Array) -> Array:
    """(...) probability that of two patients the one with the bad outcome has the higher score.

    Args:
        score, bad, weights: (..., n), all known; ties count half; NaN where all or none had the outcome.
    """
    of_bad, of_good = np.where(bad, weights, 0.0), np.where(bad, 0.0, weights)
    both = (of_bad.sum(axis=-1) > 0) & (of_good.sum(axis=-1) > 0)
    with np.errstate(invalid="ignore"):
        r = weighted_ranks(score, of_good)  # where each score stands among those without the outcome
        found = (of_bad * r).sum(axis=-1) / of_bad.sum(axis=-1)
    return np.asarray(np.where(both, found, np.nan))


@lru_cache(maxsize=64)
def _resampled(n: int) -> NDArray[np.intp]:
    """(``BOOTSTRAP``, n) rows of resampled patients, the same for every figure of n patients."""
    return np.random.default_rng(SEED).integers(0, n, (BOOTSTRAP, n))


def bootstrap(figure: Callable[..., Array], *columns: NDArray[Any]) -> tuple[Array, Array]:
    """95 % percentile interval of a vector of figures over resampled patients.

    Args:
        figure: makes (..., figures) of arrays (..., n), here of all samples in one call.
        columns: (n,) arrays, what is known of those patients who have it.
    """
    rows = _resampled(len(columns[0]))
    drawn = figure(*(column[rows] for column in columns))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a figure that no sample has is NaN
        low, high = np.nanquantile(drawn, (0.025, 0.975), axis=0)
    return low, high


def known(people: People, *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """The columns and the weights of those who have all of them and weigh something."""
    have = people.weights > 0
    for column in columns:
        have = have & np.isfinite(column)
    return (*(column[have] for column in columns), people.weights[have])


def marginals(real: People, virtual: People) -> list[Item]:
    """Location and spread of each measure at entry, on the logarithm where that is usual."""
    items = []
    figure = partial(weighted_quantiles, levels=LEVELS)
    for name in _common(real, virtual, LEAST):
        x, y = (known(people, _scaled(name, people.entry[name])) for people in (real, virtual))
        q, v = figure(*x), figure(*y)
        low, high = bootstrap(figure, *x)
        back = np.exp if name in LOG else np.asarray
        spread = float(q[3] - q[1]) / NORMAL_IQR or float(x[0].std()) or 1.0
        size = float(v[2] - q[2]) / spread
        detail = {
            "real": list(map(float, back(q))), "virtual": list(map(float, back(v))),
            "spread_ratio": float((v[3] - v[1]) / (q[3] - q[1])) if q[3] > q[1] else None,
            "n_virtual": len(y[0]),
        }  # fmt: skip
        missed = abs(size) > 0.5 and not low[2] <= v[2] <= high[2]
        items.append(
            Item(
                "marginal", name, float(back(q[2])), float(back(low[2])), float(back(high[2])),
                float(back(v[2])), size, "real SD (of the interquartile range)", missed,
                "median within half a real SD or within its interval", len(x[0]), detail,
            )
        )  # fmt: skip
    return items


def correlations(real: People, virtual: People) -> list[Item]:
    """Rank correlations of all pairs of measures at entry."""
    items = []
    for a, b in combinations(_common(real, virtual, LEAST_PAIRS), 2):
        if (a in _MADE_OF and b in _MADE_OF[a]) or (b in _MADE_OF and a in _MADE_OF[b]):
            continue
        x, y = (known(people, people.entry[a], people.entry[b]) for people in (real, virtual))
        if len(x[0]) >= LEAST_PAIRS and len(y[0]):
            item = _item("correlation", f"{a}, {b}", spearman, x, y, "rank correlation", {})
            items += [item] if _told(item) else []
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
    bad, sure = outcome(real, day)
    if bad[sure].sum() < LEAST_EVENTS or (~bad[sure]).sum() < LEAST_EVENTS:
        return []

    def columns(people: People, entry: Array | None = None) -> tuple[NDArray[Any], ...]:
        b, k = outcome(people, day)
        score = np.zeros(len(people)) if entry is None else entry
        x, worse, weights = known(people, np.where(k, score, np.nan), b.astype(float))
        return x, worse > 0, weights

    x, y = columns(real), columns(virtual)
    items = [_item("risk", f"bad outcome by day {day:g}", _share_bad, x, y, "share", {})]
    for name in (name for name in SEVERITY if name in _common(real, virtual, LEAST_PAIRS)):
        x, y = columns(real, real.entry[name]), columns(virtual, virtual.entry[name])
        detail = {"bins": _risk_by_bin(name, real, virtual, day)}
        if len(x[0]) and len(y[0]):
            item = _item("risk", f"{name}: concordance", concordance, x, y, "concordance", detail)
            items += [item] if _told(item) else []
    return items


def _share_bad(_score: Array, bad: NDArray[np.bool_], weights: Array) -> Array:
    return np.asarray((weights * bad).sum(axis=-1) / weights.sum(axis=-1))


def _risk_by_bin(name: str, real: People, virtual: People, day: float) -> list[dict[str, Any]]:
    """Risk in quarters of the real distribution of a measure at entry, in both cohorts."""
    x, weights = known(real, real.entry[name])
    edges = weighted_quantiles(x, weights, (0.25, 0.5, 0.75))
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
    kind: str, label: str, figure: Callable[..., Array], real: tuple[NDArray[Any], ...],
    virtual: tuple[NDArray[Any], ...], scale: str, detail: Mapping[str, Any],
) -> Item:  # fmt: skip
    """One figure of the known columns of both cohorts."""
    low, high = (float(end) for end in bootstrap(figure, *real))
    mine, theirs = float(figure(*real)), float(figure(*virtual))
    missed = not low <= theirs <= high
    return Item(
        kind, label, mine, low, high, theirs, theirs - mine, scale, missed, "within the real interval",
        len(real[0]), detail,
    )  # fmt: skip


def _told(item: Item) -> bool:
    """Both cohorts have the figure."""
    return bool(np.isfinite(item.real) and np.isfinite(item.virtual))


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


def before_death(real: People, virtual: People, end: float = np.inf) -> list[Item]:
    """The last value in each span of days before death, of those who died by ``end`` (virtual patients are
    followed no longer)."""
    items = []
    for measure in real.labs:
        for first, last in BEFORE:
            values = partial(last_before, measure=measure, first=first, last=last, end=end)
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
    figure = partial(weighted_quantiles, levels=(0.25, 0.5, 0.75))
    x, y = (known(people, _scaled(measure, values(people))) for people in (real, virtual))
    if len(x[0]) < LEAST or len(y[0]) < LEAST:
        return None
    q, v = figure(*x), figure(*y)
    low, high = bootstrap(figure, *x)
    back = np.exp if measure in LOG else np.asarray
    spread = float(q[2] - q[0]) / NORMAL_IQR or 1.0
    detail = {**told, "real": list(map(float, back(q))), "virtual": list(map(float, back(v)))}
    return Item(
        kind, label, float(back(q[1])), float(back(low[1])), float(back(high[1])), float(back(v[1])),
        float(v[1] - q[1]) / spread, "real SD (of the interquartile range)", not q[0] <= v[1] <= q[2],
        "virtual median within the real quartiles", len(x[0]), detail,
    )  # fmt: skip


def last_before(people: People, measure: str, first: float, last: float, end: float = np.inf) -> Array:
    """(n,) the value nearest to a death by ``end`` that lies ``first`` to ``last`` days before it, NaN for
    none."""
    out = np.full(len(people), np.nan)
    days = {0.0: people.entry.get(measure, out), **people.labs.get(measure, {})}
    with np.errstate(invalid="ignore"):
        for day, x in sorted(days.items()):
            gap = people.death - day
            inside = (people.death <= end) & np.isfinite(gap) & (gap >= first) & (gap < last) & np.isfinite(x)
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
