"""Simulated against published, number by number, misses first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from scipy.stats import betabinom, binom

from hepatrial.analysis import fisher_exact, risk_difference, survival_by_arm
from hepatrial.report.facts import Facts, Published
from hepatrial.report.spread import MIN_REPLICATES, Floats, finite, spread
from hepatrial.report.survival import share_with_event

COUNTED = ("fitted", "predicted")
"""Roles that may be counted. An unverified article's number is shown and never counted."""


def compare(facts: Facts) -> list[dict[str, Any]]:
    """One row a published number.

    The simulated interval is the central 95 % of the simulated trials: it holds the chance of a trial of
    that size, so a published value outside it is a miss. ``tail`` is the probability, under the simulation,
    of a count at least as far from its mean as the published one on that side (binomial, at the
    publication's number of patients; averaged over the structural variants the replicates were drawn with,
    or, where these come from several worlds, spread as a beta by what chance leaves over). It resolves what a
    few hundred replicates cannot.

    Returns:
        Rows with endpoint, arm, week, role, grade, source; ``simulated``, ``low``, ``high``, ``mcse``;
        ``published``, ``published_low``, ``published_high``, ``interval``, ``count``, ``of``;
        ``difference`` (simulated - published), ``inside`` (None when there is no interval), ``tail``,
        ``same_size`` (whether the simulated arm is as large as the published one). Misses come first: those
        that count, then an article's; within each by the size of the difference.
    """
    return sorted((_row(facts, published) for published in facts.published), key=_order)


def _order(row: dict[str, Any]) -> tuple[int, int, float, str, str, float]:
    miss = {False: 0, None: 1, True: 2}[row["inside"]]
    article = int(row["role"] not in COUNTED)
    return (miss, article, -abs(row["difference"] or 0.0), row["endpoint"], row["arm"], row["week"])


def _row(facts: Facts, published: Published) -> dict[str, Any]:
    shares = _replicate_shares(facts, published)
    simulated = spread(shares, facts.worlds_of(np.arange(1, len(shares) + 1)))
    mean, low, high = simulated["mean"], simulated["low"], simulated["high"]
    inside = None if low is None or high is None else bool(low <= published.value <= high)
    size = next(arm.size for arm in facts.arms if arm.name == published.arm)
    return {
        "endpoint": published.endpoint,
        "arm": published.arm,
        "control": published.control,
        "week": published.week,
        "role": published.role,
        "grade": published.grade,
        "source": published.source,
        "note": dict(published.note),
        "simulated": mean,
        "low": low,
        "high": high,
        "mcse": simulated["mcse"],
        "published": published.value,
        "published_low": published.low,
        "published_high": published.high,
        "interval": published.interval,
        "count": published.count,
        "of": published.of,
        "difference": None if mean is None else mean - published.value,
        "inside": inside,
        "tail": _tail(facts, published, shares),
        "same_size": published.of is None or published.of == size,
    }


def _replicate_shares(facts: Facts, published: Published) -> Floats:
    """The same quantity in every simulated trial."""
    if published.endpoint == "survival":
        found = survival_by_arm(facts.trials, [7 * published.week], arms=[published.arm])
        return np.asarray(found.survival[:, 0, 0])
    if published.endpoint == "difference":
        pair = (published.arm, published.control)
        return np.asarray(
            survival_by_arm(facts.trials, [7 * published.week], arms=pair).difference(*pair)[:, 0]
        )
    return np.asarray(share_with_event(facts, published.endpoint, published.arm, published.week))


def _tail(facts: Facts, published: Published, shares: Floats) -> float | None:
    """Probability of a count at least as extreme as the published one, on its side of the mean."""
    if published.count is None or published.of is None:
        return None
    if facts.worlds > 1:
        return _beta_tail(facts, published, shares)
    probabilities, weights = _share_by_variant(facts, published, shares)
    mean = float(np.dot(weights, probabilities))
    if not math.isfinite(mean):
        return None
    below = published.value <= mean
    tails = (
        binom.cdf(published.count, published.of, probabilities)
        if below
        else binom.sf(published.count - 1, published.of, probabilities)
    )
    return float(np.dot(weights, tails))


def _beta_tail(facts: Facts, published: Published, shares: Floats) -> float | None:
    """The tail where the probability itself differs between worlds: beta-binomial by its two moments."""
    known = shares[np.isfinite(shares)]
    if len(known) < MIN_REPLICATES:
        return None
    size = next(arm.size for arm in facts.arms if arm.name == published.arm)
    mean, room = float(known.mean()), float(known.mean() * (1.0 - known.mean()))
    excess = float(known.var(ddof=1) - (known * (1.0 - known)).mean() / max(size - 1, 1))
    of, count = published.of or 0, published.count or 0
    below = published.value <= mean
    if excess <= 0.0 or room <= excess:
        chance = binom(of, mean)
    else:
        total = room / excess - 1.0
        chance = betabinom(of, mean * total, (1.0 - mean) * total)
    return float(chance.cdf(count) if below else chance.sf(count - 1))


def _share_by_variant(facts: Facts, published: Published, shares: Floats) -> tuple[Floats, Floats]:
    """Mean share and weight of the groups of replicates that share a structural variant in this arm."""
    variant = (
        facts.trials.filter(pl.col("arm") == published.arm)
        .group_by("replicate")
        .agg(pl.col("variant").min().alias("variant"), pl.col("variant").n_unique().alias("kinds"))
        .sort("replicate")
    )
    known = np.isfinite(shares)
    if variant["kinds"].max() != 1:
        return np.array([shares[known].mean()]) if known.any() else np.array([np.nan]), np.ones(1)
    names = variant["variant"].to_numpy()[known]
    groups, counts = np.unique(names, return_counts=True)
    if groups.size == 0:
        return np.array([np.nan]), np.ones(1)
    means = np.array([shares[known][names == group].mean() for group in groups])
    return means, counts / counts.sum()


def tally(rows: list[dict[str, Any]]) -> dict[str, int]:
    """How many numbers may be counted, and how many of them were missed; an article's are counted apart."""
    judged = [row for row in rows if row["inside"] is not None]
    counts = {"article": sum(row["role"] not in COUNTED for row in judged)}
    counts["article_missed"] = sum(row["role"] not in COUNTED and not row["inside"] for row in judged)
    for role in COUNTED:
        chosen = [row for row in judged if row["role"] == role]
        counts[role] = len(chosen)
        counts[f"{role}_missed"] = sum(not row["inside"] for row in chosen)
    return counts


def published_differences(facts: Facts) -> list[dict[str, Any]]:
    """Published difference of survival at the primary week, for contrasts whose counts may be counted.

    The interval is Newcombe's hybrid score interval, as both arms are small; ``fisher_p`` is the exact test
    of the same counts.
    """
    rows = []
    for treated, control in facts.contrasts:
        first = _count_of(facts, treated.name, facts.study.primary_week, COUNTED)
        second = _count_of(facts, control.name, facts.study.primary_week, COUNTED)
        if first is None or second is None:
            continue
        counts = (first.count or 0, first.of or 1, second.count or 0, second.of or 1)
        found = risk_difference(*counts)
        rows.append(
            {
                "arm": treated.name,
                "control": control.name,
                "week": facts.study.primary_week,
                "difference": found.estimate,
                "low": found.ci[0],
                "high": found.ci[1],
                "fisher_p": fisher_exact(*counts).p,
                "role": "fitted" if "fitted" in (first.role, second.role) else "predicted",
            }
        )
    return rows


def early_late(facts: Facts) -> list[dict[str, Any]]:
    """Where the published benefit falls: survival to the first published week, and from there to the last.

    For each contrast with whole-patient counts at two weeks: share alive at the later week of those alive at
    the earlier one, published and simulated, and the probability of so few early deaths in the treated arm
    at the control arm's published rate (binomial). Article-grade counts are included and named so.
    """
    rows = []
    for treated, control in facts.contrasts:
        weeks = sorted({p.week for p in facts.published if p.endpoint == "survival"})
        pairs = {w: [_count_of(facts, arm.name, w, None) for arm in (treated, control)] for w in weeks}
        usable = [w for w, pair in pairs.items() if all(p is not None for p in pair)]
        if len(usable) < 2:
            continue
        early, late = usable[0], usable[-1]
        row: dict[str, Any] = {"arm": treated.name, "control": control.name, "early": early, "late": late}
        row["article"] = any(p.role not in COUNTED for w in (early, late) for p in pairs[w] if p is not None)
        for key, k, arm in (("treated", 0, treated), ("control_arm", 1, control)):
            at_early, at_late = pairs[early][k], pairs[late][k]
            assert at_early is not None
            assert at_late is not None
            found = survival_by_arm(facts.trials, [7 * early, 7 * late], arms=[arm.name]).survival[:, 0]
            row[key] = {
                "alive_early": at_early.count,
                "alive_late": at_late.count,
                "of": at_early.of,
                "published": (at_late.count or 0) / at_early.count if at_early.count else None,
                "simulated": finite(np.nanmean(found[:, 1]) / np.nanmean(found[:, 0])),
            }
        a, b = row["treated"], row["control_arm"]
        row["chance"] = float(binom.sf(a["alive_early"] - 1, a["of"], b["alive_early"] / b["of"]))
        rows.append(row)
    return rows


def _count_of(facts: Facts, arm: str, week: float, roles: tuple[str, ...] | None) -> Published | None:
    """The published whole-patient survival count of an arm at a week; verified ones first."""
    found = [
        p
        for p in facts.published
        if (p.endpoint, p.arm, p.week) == ("survival", arm, week)
        and p.count is not None
        and p.of
        and (roles is None or p.role in roles)
    ]
    return min(found, key=lambda p: p.role not in COUNTED, default=None)
