"""Log-rank tests: k groups, strata, Fleming-Harrington weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.result import Inference, two_sided_p
from hepatrial.analysis.risk_sets import RiskSets, risk_sets
from hepatrial.errors import Problem


@dataclass(frozen=True)
class LogRank:
    """A (weighted) log-rank comparison.

    Attributes:
        groups: group names in the order compared.
        n: patients by group.
        observed, expected: weighted events by group, observed and expected under equal hazards.
        covariance: (k, k) covariance of observed - expected.
        chisq: chi-square statistic; NaN when the data hold no information.
        df: its degrees of freedom.
        test: for two groups, z of the first-named group (negative = fewer events than expected); for
            more, the chi-square.
    """

    groups: tuple[str, ...]
    n: Ints
    observed: Floats
    expected: Floats
    covariance: Floats
    chisq: float
    df: int
    test: Inference


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test that the groups have equal hazards.

    Args:
        time, event, group: (n,) times, 1 = event, group labels.
        groups: the groups to compare, in order (others are left out); default all, sorted.
        strata: (n,) stratum labels; differences are summed over strata.
        rho, gamma: Fleming-Harrington weight S(t-)^rho (1 - S(t-))^gamma with the pooled (within
            stratum) left-continuous Kaplan-Meier S; (0, 0) is the log-rank test.

    Raises:
        BadInput: with every problem of the input.

    Source: Fleming and Harrington 1991, section 7.2; variance d(n-d)/(n-1) as in R ``survdiff``.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    group_ = check.labels("group", group, problems)
    strata_ = np.zeros(time_.size) if strata is None else check.labels("strata", strata, problems)
    for name, power in (("rho", rho), ("gamma", gamma)):
        if not power >= 0:
            problems.append(Problem(name, repr(power), "must be at least 0"))
    check.refuse(problems)
    check.same_length(problems, time=time_, group=group_, strata=strata_)
    check.refuse(problems)
    names, code = check.group_codes(group_, groups, problems)
    check.refuse(problems)

    keep = code >= 0
    unit = np.unique(strata_[keep], return_inverse=True)[1].astype(np.int64)
    sets = risk_sets(time_[keep], event_[keep], code[keep], len(names), unit)
    observed, expected, covariance = weighted_sums(sets, rho, gamma)
    chisq, df = _chi_square(observed - expected, covariance, expected)
    return LogRank(
        groups=names,
        n=np.bincount(code[keep], minlength=len(names)),
        observed=observed,
        expected=expected,
        covariance=covariance,
        chisq=chisq,
        df=df,
        test=_inference(
            names, observed, expected, covariance, chisq, df, _name(rho, gamma, strata is not None)
        ),
    )


def fleming_harrington(sets: RiskSets, rho: float, gamma: float) -> Floats:
    """(m,) weights S(t-)^rho (1 - S(t-))^gamma; 0^0 is 1."""
    before = sets.survival_before()
    weight: Floats = before**rho * np.maximum(1.0 - before, 0.0) ** gamma
    return weight


def weighted_sums(sets: RiskSets, rho: float = 0.0, gamma: float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Observed (k,), expected (k,) and covariance (k, k) of their difference, summed over all units."""
    weight = fleming_harrington(sets, rho, gamma)
    n, d = sets.at_risk.sum(axis=1).astype(np.float64), sets.events.sum(axis=1).astype(np.float64)
    share = sets.at_risk / n[:, None]
    factor = weight**2 * d * (n - d) / np.maximum(n - 1, 1)
    spread = -np.einsum("i,ij,ik->jk", factor, share, share) + np.diag(factor @ share)
    return weight @ sets.events, (weight * d) @ share, spread


def _chi_square(difference: Floats, covariance: Floats, expected: Floats) -> tuple[float, int]:
    """Chi-square over the groups that could have had an event; NaN without information."""
    used = np.flatnonzero(expected > 0)
    df = max(int(used.size) - 1, 0)
    part = used[:-1]
    if df == 0 or not np.diag(covariance)[part].all():
        return float("nan"), df
    solved = np.linalg.lstsq(covariance[np.ix_(part, part)], difference[part], rcond=None)[0]
    return float(difference[part] @ solved), df


def _name(rho: float, gamma: float, stratified: bool) -> str:
    name = "log-rank" if rho == gamma == 0 else f"Fleming-Harrington({rho:g}, {gamma:g})"
    return f"{name}, stratified" if stratified else name


def _inference(
    names: tuple[str, ...],
    observed: Floats,
    expected: Floats,
    covariance: Floats,
    chisq: float,
    df: int,
    method: str,
) -> Inference:
    nan = float("nan")
    note = "" if np.isfinite(chisq) else "no event while both groups were at risk: no information"
    if len(names) > 2:
        p = float(chdtrc(df, chisq)) if df else nan
        return Inference(
            method,
            f"equal hazards of {', '.join(names)}",
            nan,
            nan,
            chisq,
            p,
            (nan, nan),
            "none",
            note,
            df=df,
        )
    difference, se = float(observed[0] - expected[0]), float(np.sqrt(covariance[0, 0]))
    z = difference / se if np.isfinite(chisq) else nan
    parameter = f"observed minus expected events, {names[0]} v {names[1]}"
    return Inference(method, parameter, difference, se, z, two_sided_p(z), (nan, nan), "none", note)
