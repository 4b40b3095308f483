"""Fine and Gray's proportional subdistribution hazards, weighted by the probability of censoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.competing import CENSORED, cause_codes
from hepatrial.analysis.cox import column_scale, design_matrix, hazard_ratios
from hepatrial.analysis.result import Inference
from hepatrial.errors import Problem, RunFailed, nearest_name

_MOST_STEPS = 50


@dataclass(frozen=True)
class FineGrayFit:
    """A fitted subdistribution hazard model.

    Attributes:
        cause: the cause modelled; names: covariate names.
        coef: (p,) log subdistribution hazard ratios.
        covariance: (p, p) sandwich covariance, the estimated censoring distribution included.
        loglik: weighted log pseudo-likelihood at the maximum (Breslow ties; no likelihood-ratio test).
        hazard_ratios: one inference a covariate, on the ratio scale (``se`` is on the log scale).
        ties: "breslow" or "efron".
        n, n_events: patients and events of the cause.
    """

    cause: str
    names: tuple[str, ...]
    coef: Floats
    covariance: Floats
    loglik: float
    hazard_ratios: tuple[Inference, ...]
    ties: str
    n: int
    n_events: int

    @property
    def se(self) -> Floats:
        """(p,) standard errors of ``coef``."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def fine_gray(
    time: ArrayLike,
    cause: ArrayLike,
    covariates: ArrayLike,
    *,
    of: object,
    causes: Sequence[object],
    censored: Sequence[object] = CENSORED,
    names: Sequence[str] | None = None,
    ties: str = "breslow",
    level: float = 0.95,
) -> FineGrayFit:
    """Model the cumulative incidence of the cause ``of`` through its subdistribution hazard.

    Those who had a competing event stay in the risk set with weight G(t-)/G(T-), G the Kaplan-Meier
    estimate of remaining uncensored.

    Args:
        time, cause: (n,) times to the first event or censoring, and what it was.
        covariates: (n,) or (n, p) numbers.
        of, causes, censored: as in ``gray``.
        ties: "breslow" as R ``cmprsk::crr``, "efron" as ``coxph`` on R ``survival::finegray`` data.

    Raises:
        BadInput: with every problem of the input.
        RunFailed: Newton's method found no maximum (all events on one side of a covariate).

    Source: Fine and Gray 1999 (JASA 94:496); sandwich of its section 5 with the term of the estimated G.
    """
    problems: list[Problem] = []
    time_ = check.times("time", time, problems)
    cause_ = check.labels("cause", cause, problems)
    x = design_matrix(covariates, problems)
    names_ = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(names_) != x.shape[1]:
        problems.append(Problem("names", f"{len(names_)} names", f"must be {x.shape[1]}, one a covariate"))
    check.choice("ties", ties, ("breslow", "efron"), problems)
    check.confidence_level(level, problems)
    texts = [check.text(value) for value in causes]
    if check.text(of) not in texts:
        allowed = f"must be one of the causes {', '.join(texts)}"
        problems.append(Problem("of", repr(of), allowed, nearest_name(check.text(of), texts)))
    check.refuse(problems)
    check.same_length(problems, time=time_, cause=cause_, covariates=x)
    check.refuse(problems)
    code = cause_codes(cause_, causes, censored, problems)
    check.refuse(problems)
    own = (code == texts.index(check.text(of)) + 1).astype(np.int64)
    scale = column_scale(x, names_, own, problems)
    check.refuse(problems)

    order = np.argsort(time_, kind="stable")
    other = ((code > 0) & (own == 0)).astype(np.int64)
    data = _Weighted(time_[order], own[order], other[order], (x[order] - x.mean(axis=0)) / scale, ties)
    beta, value, information = _newton(data, names_)
    inverse = np.linalg.inv(information)
    influence = data.influence(beta)
    covariance = inverse @ (influence.T @ influence) @ inverse / np.outer(scale, scale)
    coef = beta / scale
    method = f"Fine-Gray, {ties.capitalize()} ties"
    ratios = hazard_ratios(
        method, names_, coef, np.sqrt(np.diag(covariance)), level, "subdistribution hazard ratio"
    )
    return FineGrayFit(
        cause=check.text(of),
        names=names_,
        coef=coef,
        covariance=covariance,
        loglik=value,
        hazard_ratios=ratios,
        ties=ties,
        n=time_.size,
        n_events=int(own.sum()),
    )


def _newton(data: _Weighted, names: tuple[str, ...]) -> tuple[Floats, float, Floats]:
    beta = np.zeros(len(names))
    value, score, information = data.derivatives(beta)
    for _ in range(_MOST_STEPS):
        if np.linalg.matrix_rank(information, tol=1e-10, hermitian=True) < len(names):
            break
        step = np.linalg.solve(information, score)
        there = data.derivatives(beta + step)
        while there[0] < value - 1e-12 * abs(value) and np.abs(step).max() > 1e-12:
            step = step / 2
            there = data.derivatives(beta + step)
        beta = beta + step
        value, score, information = there
        if np.abs(step).max() < 1e-9:
            return beta, value, information
    raise RunFailed(
        f"The Fine-Gray model of {', '.join(names)} has no finite maximum; leave out a covariate with all "
        "events on one side."
    )


class _Weighted:
    """Risk sets of the subdistribution, sorted by time; rows are patients, columns event times.

    A patient with a competing event at T counts exp(eta) G(t-)/G(T-) at t > T: one running sum of
    exp(eta)/G(T-) times G(t-). So all sums are running sums.
    """

    def __init__(self, time: Floats, own: Ints, other: Ints, x: Floats, ties: str) -> None:
        self._time, self._own, self._other, self._x = time, own, other, x
        self._g_own = _censoring_survival(time, (own + other) == 0)
        self._event_time, first, self._deaths = np.unique(
            time[own == 1], return_index=True, return_counts=True
        )
        at = np.searchsorted(time, self._event_time, side="left")
        self._first_at_risk = at
        self._g = self._g_own[at]
        self._dead_start = first
        row = np.repeat(np.arange(self._deaths.size), self._deaths)
        rank = np.arange(row.size) - np.repeat(np.cumsum(self._deaths) - self._deaths, self._deaths)
        self._row, self._reduce = row, rank / self._deaths[row] if ties == "efron" else np.zeros(row.size)

    def _sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sum of ``values`` over each event time's weighted risk set, and over the events at it."""
        tail = (slice(None), *[None] * (values.ndim - 1))
        below = np.cumsum(values[::-1], axis=0)[::-1]
        kept = np.cumsum(values * (self._other / self._g_own)[tail], axis=0)
        before = self._first_at_risk - 1
        stay = np.where((before >= 0)[tail], kept[np.maximum(before, 0)], 0.0)
        tied = np.add.reduceat(values[self._own == 1], self._dead_start, axis=0)
        return below[self._first_at_risk] + self._g[tail] * stay, tied

    def _means(self, beta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """S0, mean and variance of x by event (tied events reduced under Efron), and exp(eta)."""
        eta = self._x @ beta
        weight = np.exp(eta)
        outer = self._x[:, :, None] * self._x[:, None, :]
        reduced = []
        for power in (weight, weight[:, None] * self._x, weight[:, None, None] * outer):
            total, tied = self._sums(power)
            tail = (slice(None), *[None] * (power.ndim - 1))
            reduced.append(total[self._row] - self._reduce[tail] * tied[self._row])
        mean = reduced[1] / reduced[0][:, None]
        variance = reduced[2] / reduced[0][:, None, None] - mean[:, :, None] * mean[:, None, :]
        return reduced[0], mean, variance, weight

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Weighted log pseudo-likelihood, its gradient and minus its Hessian."""
        s0, mean, variance, _ = self._means(beta)
        dead = self._x[self._own == 1]
        value = float((dead @ beta).sum() - np.log(s0).sum())
        return value, dead.sum(axis=0) - mean.sum(axis=0), variance.sum(axis=0)

    def influence(self, beta: Floats) -> Floats:
        """(n, p) terms eta_i + psi_i whose outer product is the middle of the sandwich."""
        s0, mean, _, weight = self._means(beta)
        # Breslow's increments; under Efron each event keeps its own reduced mean.
        jump, jump_mean = np.zeros(self._deaths.size), np.zeros((self._deaths.size, self._x.shape[1]))
        np.add.at(jump, self._row, 1 / s0)
        np.add.at(jump_mean, self._row, mean / s0[:, None])
        average = jump_mean / jump[:, None]
        # integrals over event times up to T (at risk) and after T with weight G(t-) (competing event)
        until = np.searchsorted(self._event_time, self._time, side="right")
        at_risk, at_risk_mean = _running(jump)[until], _running(jump_mean)[until]
        later, later_mean = _running(self._g * jump), _running(self._g[:, None] * jump_mean)
        rest = later[-1] - later[until]
        rest_mean = later_mean[-1] - later_mean[until]
        after = (self._other * weight / self._g_own)[:, None] * (self._x * rest[:, None] - rest_mean)
        eta = -weight[:, None] * (self._x * at_risk[:, None] - at_risk_mean) - after
        place = np.searchsorted(self._event_time, self._time)
        own = self._own == 1
        eta[own] += self._x[own] - average[place[own]]
        return np.asarray(eta + self._censoring_term(weight, later, later_mean))

    def _censoring_term(self, weight: Floats, later: Floats, later_mean: Floats) -> Floats:
        """(n, p) psi_i: what estimating G adds; q(u)/pi(u) integrated over the censoring martingale."""
        cens = (self._own + self._other) == 0
        when, counts = np.unique(self._time[cens], return_counts=True)
        if when.size == 0:
            return np.zeros_like(self._x)
        start = np.searchsorted(self._time, when, side="left")
        share = self._other * weight / self._g_own
        s0, s1 = _running(share)[start], _running(share[:, None] * self._x)[start]
        place = np.searchsorted(self._event_time, when, side="left")
        rest, rest_mean = later[-1] - later[place], later_mean[-1] - later_mean[place]
        # q(u) = - sum over competing events before u of the integral over t >= u of (x - mean) w dM, where
        # such a patient's dM is -exp(eta) dLambda: the sign turns
        q = s1 * rest[:, None] - s0[:, None] * rest_mean
        pi = (self._time.size - start).astype(np.float64)
        drift = _running(q * (counts / pi**2)[:, None])[np.searchsorted(when, self._time, side="right")]
        psi = -drift
        psi[cens] += (q / pi[:, None])[np.searchsorted(when, self._time[cens])]
        return np.asarray(psi)


def _running(values: Floats) -> Floats:
    """Cumulative sums with a leading 0."""
    return np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])


def _censoring_survival(time: Floats, censored: Ints) -> Floats:
    """(n,) Kaplan-Meier probability of being uncensored just before each patient's time (sorted).

    Time 0 has no "before": G(0) stands there, as in cmprsk, so that those censored at 0 weigh nobody.
    """
    when, start = np.unique(time, return_index=True)
    at_risk = time.size - start
    left = np.add.reduceat(censored.astype(np.int64), start)
    after = np.cumprod(1.0 - left / at_risk)
    before = np.concatenate([[after[0] if when[0] == 0 and after[0] > 0 else 1.0], after[:-1]])
    return np.asarray(before[np.searchsorted(when, time)])
