"""Gray's test: equal cumulative incidence of one cause in k groups, the other causes competing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.competing import CENSORED, cause_codes
from hepatrial.analysis.result import Inference
from hepatrial.analysis.risk_sets import risk_sets
from hepatrial.errors import Problem, nearest_name


@dataclass(frozen=True)
class Gray:
    """Gray's test of one cause.

    Attributes:
        cause: the cause compared; groups: names in the order compared.
        score: (k,) observed minus expected events of the cause on the subdistribution scale, by group.
        covariance: (k, k) its covariance.
        test: chi-square with k - 1 degrees of freedom.
    """

    cause: str
    groups: tuple[str, ...]
    score: Floats
    covariance: Floats
    test: Inference


def gray(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    of: object,
    causes: Sequence[object],
    censored: Sequence[object] = CENSORED,
    groups: Sequence[object] | None = None,
    strata: ArrayLike | None = None,
    rho: float = 0.0,
) -> Gray:
    """Test that groups have equal cumulative incidence of the cause ``of``.

    Args:
        time, cause, group: (n,) times to the first event or censoring, what it was, group labels.
        of: the cause compared; one of ``causes``.
        causes, censored: as in ``aalen_johansen``.
        groups: the groups compared, in order (others are left out); default all, sorted.
        strata: (n,) stratum labels; scores and covariances are summed.
        rho: weight (1 - F(t-))^rho with F the pooled incidence.

    Raises:
        BadInput: with every problem of the input.

    Source: Gray 1988 (Annals of Statistics 16:1141), estimator of his section 3 with the tie corrections
    of R ``cmprsk::cuminc``.
    """
    problems: list[Problem] = []
    time_ = check.times("time", time, problems)
    cause_ = check.labels("cause", cause, problems)
    group_ = check.labels("group", group, problems)
    strata_ = np.zeros(time_.size) if strata is None else check.labels("strata", strata, problems)
    texts = [check.text(value) for value in causes]
    if check.text(of) not in texts:
        allowed = f"must be one of the causes {', '.join(texts)}"
        problems.append(Problem("of", repr(of), allowed, nearest_name(check.text(of), texts)))
    if not rho >= 0:
        problems.append(Problem("rho", repr(rho), "must be at least 0"))
    check.refuse(problems)
    check.same_length(problems, time=time_, cause=cause_, group=group_, strata=strata_)
    check.refuse(problems)
    code = cause_codes(cause_, causes, censored, problems)
    names, member = check.group_codes(group_, groups, problems)
    check.refuse(problems)

    own = texts.index(check.text(of)) + 1
    kind = np.where(code == own, 1, np.where(code > 0, 2, 0))
    keep, k = member >= 0, len(names)
    score, covariance = np.zeros(k), np.zeros((k, k))
    for stratum in np.unique(strata_[keep]):
        inside = keep & (strata_ == stratum)
        part = _score(time_[inside], kind[inside], member[inside], k, rho)
        score, covariance = score + part[0], covariance + part[1]
    return Gray(texts[own - 1], names, score, covariance, _test(names, texts[own - 1], score, covariance))


def _test(names: tuple[str, ...], cause: str, score: Floats, covariance: Floats) -> Inference:
    nan, df = float("nan"), len(names) - 1
    chisq = nan
    if (np.diag(covariance)[:-1] > 0).all():
        chisq = float(score[:-1] @ np.linalg.lstsq(covariance[:-1, :-1], score[:-1], rcond=None)[0])
    note = "" if np.isfinite(chisq) else "no event of the cause while the groups were at risk: no information"
    parameter = f"equal cumulative incidence of {cause} in {', '.join(names)}"
    p = float(chdtrc(df, chisq)) if np.isfinite(chisq) else nan
    return Inference("Gray", parameter, nan, nan, chisq, p, (nan, nan), "none", note, df=df)


def _before(values: Floats, start: float) -> Floats:
    return np.concatenate([np.full((1, values.shape[1]), start), values[:-1]])


def _score(time: Floats, kind: Ints, group: Ints, k: int, rho: float) -> tuple[Floats, Floats]:
    """Score (k,) and covariance (k, k) of one stratum; ``kind`` 1 own cause, 2 another, 0 censored."""
    everyone = np.ones(time.size, dtype=np.int64)
    sets = risk_sets(time, everyone, group * 3 + kind, 3 * k)
    n = sets.at_risk.reshape(-1, k, 3).sum(axis=2).astype(np.float64)
    left = sets.events.reshape(-1, k, 3)
    d1, d2 = left[:, :, 1].astype(np.float64), left[:, :, 2].astype(np.float64)
    some = n > 0
    safe = np.where(some, n, 1.0)
    # by group: event-free survival S and incidence F of the cause, before and after each time
    s = np.asarray(np.cumprod(np.where(some, 1 - (d1 + d2) / safe, 1.0), axis=0), dtype=np.float64)
    s_before = _before(s, 1.0)
    f_before = _before(np.cumsum(np.where(some, s_before * d1 / safe, 0.0), axis=0), 0.0)
    # n/S(t-) stands for the size that a group at risk of the subdistribution would have
    size = np.where(some, n / np.where(s_before > 0, s_before, 1.0), 0.0)
    total, events = size.sum(axis=1), d1.sum(axis=1)
    safe_total = np.where(total > 0, total, 1.0)
    f = np.cumsum(np.where(total > 0, events / safe_total, 0.0))
    pooled_before = np.concatenate([[0.0], f[:-1]])
    weight = (1 - pooled_before) ** rho
    at_risk = size * (1 - f_before)
    share = at_risk / np.where(total > 0, at_risk.sum(axis=1), 1.0)[:, None]
    score = np.where(some, weight[:, None] * (d1 - events[:, None] * share), 0.0).sum(axis=0)

    a = weight[:, None, None] * (
        size[:, :, None] * np.eye(k) - size[:, :, None] * size[:, None, :] / safe_total[:, None, None]
    )
    jump = events / (safe_total * np.maximum(1 - pooled_before, 1e-300))
    c = np.cumsum(a * jump[:, None, None], axis=0)
    alive = np.where(s > 0, s, 1.0)
    left_over = np.where(s > 0, (1 - f)[:, None] / alive, 0.0)
    ties1 = np.where(
        events[:, None] > 1,
        1 - (events[:, None] - 1) / np.maximum(safe_total[:, None] * s_before - 1, 1e-300),
        1,
    )
    var1 = np.where(some, ties1 * s_before * events[:, None] / (safe_total[:, None] * safe), 0.0)
    ties2 = np.where(d2 > 1, 1 - (d2 - 1) / np.maximum(safe - 1, 1), 1.0)
    var2 = np.where(s > 0, ties2 * s_before**2 * d2 / safe**2, 0.0)
    # each group's martingale part of own (x) and other (y) events; z is what all later time adds
    x, y = a - (1 - left_over)[:, None, :] * c, -left_over[:, None, :] * c
    own_z, other_z = 1 - left_over, left_over
    cross = np.einsum("mik,mk->ik", x, own_z * var1) + np.einsum("mik,mk->ik", y, other_z * var2)
    square = (own_z**2 * var1 + other_z**2 * var2).sum(axis=0)
    covariance = np.einsum("mik,mjk,mk->ij", x, x, var1) + np.einsum("mik,mjk,mk->ij", y, y, var2)
    final = c[-1]
    covariance += (final * square) @ final.T + final @ cross.T + cross @ final.T
    return score, np.asarray(covariance)
