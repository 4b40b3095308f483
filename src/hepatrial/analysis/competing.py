"""Aalen-Johansen cumulative incidence of competing events, exact with ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.kaplan_meier import TRANSFORMS, confidence_limits
from hepatrial.analysis.risk_sets import risk_sets
from hepatrial.errors import Problem, nearest_name

CENSORED: tuple[object, ...] = (0, "", "none", "censored", "dropout")
"""Values of ``cause`` that mean: no event was seen."""


@dataclass(frozen=True)
class CumulativeIncidence:
    """Probability of having had each cause first, by time; the rows add up to 1 with ``event_free``.

    Attributes:
        causes: names, in column order.
        time: (m,) distinct observed times.
        at_risk: (m,) patients with time >= this time.
        events: (m, c) events by cause.
        event_free: (m,) probability of no event yet.
        incidence: (m, c) cumulative incidence at and after each time.
        se: (m, c) standard error of ``incidence`` (infinitesimal jackknife, as R ``survfit``).
        event_free_se: (m,) Greenwood's standard error of ``event_free``.
    """

    causes: tuple[str, ...]
    time: Floats
    at_risk: Ints
    events: Ints
    event_free: Floats
    incidence: Floats
    se: Floats
    event_free_se: Floats

    def incidence_at(self, times: ArrayLike) -> Floats:
        """(t, c) cumulative incidence; NaN beyond the last time while some are event-free."""
        return self._step(self.incidence, times)

    def se_at(self, times: ArrayLike) -> Floats:
        """(t, c) standard error of the cumulative incidence."""
        return self._step(self.se, times)

    def event_free_at(self, times: ArrayLike) -> Floats:
        """(t,) probability of no event yet."""
        return self._step(self.event_free[:, None], times, 1.0)[..., 0]

    def interval_at(
        self, times: ArrayLike, *, transform: str = "log-log", level: float = 0.95
    ) -> tuple[Floats, Floats]:
        """(t, c) pointwise limits of the cumulative incidence on the scale of ``transform``.

        NaN where the incidence is 0. The log-log limits are those of Choudhury 2002.
        """
        problems: list[Problem] = []
        check.choice("transform", transform, TRANSFORMS, problems)
        check.confidence_level(level, problems)
        check.refuse(problems)
        value, se = self.incidence_at(times), self.se_at(times)
        return confidence_limits(value, se / np.where(value > 0, value, 1.0), transform, level)

    def _step(self, curve: Floats, times: ArrayLike, start: float = 0.0) -> Floats:
        wanted = np.asarray(times, dtype=np.float64)
        padded = np.concatenate([np.full((1, curve.shape[1]), start), curve])
        values = padded[np.searchsorted(self.time, wanted, side="right")]
        beyond = (wanted > self.time[-1]) & (self.event_free[-1] > 0)
        return np.asarray(np.where(beyond[..., None], np.nan, values), dtype=np.float64)


def aalen_johansen(
    time: ArrayLike, cause: ArrayLike, *, causes: Sequence[object], censored: Sequence[object] = CENSORED
) -> CumulativeIncidence:
    """Cumulative incidence of each cause when the others compete.

    Args:
        time: (n,) times to the first event or censoring, >= 0.
        cause: (n,) what happened then: one of ``causes`` or of ``censored``.
        causes: the competing causes, in column order.
        censored: values that mean censored.

    Raises:
        BadInput: with every problem, among them values of ``cause`` that are neither.

    Source: Aalen and Johansen 1978; the variance is the delta-method (Greenwood-type) sum, equal to the
    infinitesimal jackknife of R ``survfit``: with F the incidence, n at risk, d all and e own events,
    Var F(t) = sum over s <= t of (F(t)-F(s))^2 d/(n(n-d)) + S(s-)^2 e(n-e)/n^3 - 2 (F(t)-F(s)) S(s-) e/n^2.
    """
    problems: list[Problem] = []
    time_ = check.times("time", time, problems)
    cause_ = check.labels("cause", cause, problems)
    if not causes:
        problems.append(Problem("causes", "none", "must name at least one cause"))
    check.refuse(problems)
    check.same_length(problems, time=time_, cause=cause_)
    code = cause_codes(cause_, causes, censored, problems)
    check.refuse(problems)

    names = tuple(check.text(value) for value in causes)
    # Column c + 1 of the risk sets counts those who leave by cause c; column 0 the censored.
    everyone = np.ones(time_.size, dtype=np.int64)
    sets = risk_sets(time_, everyone, code, len(names) + 1)
    n, own = sets.at_risk.sum(axis=1), sets.events[:, 1:]
    return _estimate(names, sets.time, n, own)


def cause_codes(
    cause: check.Labels, causes: Sequence[object], censored: Sequence[object], problems: list[Problem]
) -> Ints:
    """(n,) place of each cause in ``causes`` counted from 1, 0 for censored; unknown values are problems."""
    code = np.full(cause.size, -1, dtype=np.int64)
    texts = np.array([check.text(value) for value in cause.tolist()])
    code[np.isin(texts, [check.text(value) for value in censored])] = 0
    for number, value in enumerate(causes):
        code[texts == check.text(value)] = number + 1
    unknown = sorted(set(texts[code < 0].tolist()))
    for value in unknown:
        allowed = f"must be one of the causes {', '.join(map(str, causes))} or mean censored"
        problems.append(Problem("cause", repr(value), allowed, nearest_name(value, [str(c) for c in causes])))
    return code


def _estimate(names: tuple[str, ...], time: Floats, n: Ints, own: Ints) -> CumulativeIncidence:
    d = own.sum(axis=1)
    event_free = np.cumprod(1.0 - d / n)
    before = np.concatenate([[1.0], event_free[:-1]])
    incidence = np.cumsum(before[:, None] * own / n[:, None], axis=0)
    # Where n == d nobody is left, F(t) - F(s) is 0 from then on and the term vanishes.
    a = np.where(n > d, d / np.where(n > d, n * (n - d), 1), 0.0)[:, None]
    b = before[:, None] ** 2 * own * (n[:, None] - own) / n[:, None].astype(np.float64) ** 3
    c = before[:, None] * own / n[:, None].astype(np.float64) ** 2
    f = incidence
    variance = (
        f**2 * np.cumsum(a, axis=0)
        - 2 * f * np.cumsum(a * f + c, axis=0)
        + np.cumsum(a * f**2 + b + 2 * c * f, axis=0)
    )
    return CumulativeIncidence(
        causes=names,
        time=time,
        at_risk=n,
        events=own,
        event_free=event_free,
        incidence=incidence,
        se=np.sqrt(np.maximum(variance, 0.0)),
        event_free_se=event_free * np.sqrt(np.cumsum(a[:, 0])),
    )
