"""Cox's proportional hazards model: Efron and Breslow ties, strata, time-dependent covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.result import Inference, wald
from hepatrial.errors import BadInput, Problem

_MOST_STEPS = 60
_RUNAWAY = 1e-2
_FLAT = 1e-10


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model.

    Attributes:
        names: covariate names.
        coef: (p,) log hazard ratios; infinite where the likelihood has no maximum.
        covariance: (p, p) inverse of the observed information; NaN rows for infinite coefficients.
        loglik_null, loglik: log partial likelihood at 0 and at the maximum.
        concordance: Harrell's C of the linear predictor, within strata.
        hazard_ratios: one inference a covariate, on the ratio scale (``se`` is on the log scale).
        likelihood_ratio, score, wald: tests that all coefficients are 0.
        ties: "efron" or "breslow".
        n, n_events: rows (patients, or episodes with ``start``) and events used.
    """

    names: tuple[str, ...]
    coef: Floats
    covariance: Floats
    loglik_null: float
    loglik: float
    concordance: float
    hazard_ratios: tuple[Inference, ...]
    likelihood_ratio: Inference
    score: Inference
    wald: Inference
    ties: str
    n: int
    n_events: int

    @property
    def se(self) -> Floats:
        """(p,) standard errors of ``coef``."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    start: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    strata: ArrayLike | None = None,
    ties: str = "efron",
    level: float = 0.95,
) -> CoxFit:
    """Maximise the partial likelihood.

    Args:
        time, event: (n,) times and 1 = event.
        covariates: (n,) or (n, p) numbers.
        start: (n,) times from which each row is at risk: it covers (start, time], so that a patient with
            changing covariates is several rows (see ``episodes``); default -inf, at risk from the beginning.
        names: p covariate names; default x1, x2 ...
        strata: (n,) stratum labels, each with its own baseline hazard.
        ties: "efron" or "breslow".

    Raises:
        BadInput: with every problem, among them no event and covariates that are constant or linear
            combinations of each other.

    Source: Cox 1972; ties by Efron 1977 and Breslow 1974, as R ``coxph``.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    x = design_matrix(covariates, problems)
    names_ = tuple(names) if names is not None else tuple(f"x{j + 1}" for j in range(x.shape[1]))
    if len(names_) != x.shape[1]:
        problems.append(Problem("names", f"{len(names_)} names", f"must be {x.shape[1]}, one a covariate"))
    check.choice("ties", ties, ("efron", "breslow"), problems)
    check.confidence_level(level, problems)
    strata_ = np.zeros(len(time_)) if strata is None else check.labels("strata", strata, problems)
    start_ = np.full(len(time_), -np.inf) if start is None else check.numbers("start", start, problems)
    check.refuse(problems)
    check.same_length(problems, time=time_, covariates=x, strata=strata_, start=start_)
    check.refuse(problems)
    if (start_ >= time_).any():
        problems.append(
            Problem("start", f"{int((start_ >= time_).sum())} not before time", "must be before time")
        )
    check.refuse(problems)
    scale = column_scale(x, names_, event_, problems)
    check.refuse(problems)

    z = (x - x.mean(axis=0)) / scale
    likelihood = PartialLikelihood(start_, time_, event_, z, strata_, ties)
    null = likelihood(np.zeros(len(names_)))
    if np.linalg.matrix_rank(null.information, tol=1e-10, hermitian=True) < len(names_):
        allowed = "must vary among those at risk when an event happens"
        raise BadInput([Problem("covariates", ", ".join(names_), allowed)])
    beta, infinite, best = _maximise(likelihood, null)
    covariance = _covariance(best.information, infinite) / np.outer(scale, scale)
    coef = np.where(infinite, np.copysign(np.inf, beta), beta / scale)
    method = f"Cox, {ties.capitalize()} ties" + ("" if strata is None else ", stratified")
    finite = ~infinite
    chi = {
        "likelihood ratio": 2 * (best.value - null.value),
        "score": float(null.score @ np.linalg.solve(null.information, null.score)),
        "Wald": float(beta @ best.information @ beta) if finite.all() else float("nan"),
    }
    tests = [_global_test(method, kind, value, len(names_)) for kind, value in chi.items()]
    return CoxFit(
        names=names_,
        coef=coef,
        covariance=covariance,
        loglik_null=null.value,
        loglik=best.value,
        # Rounded: equal covariates must tie whatever the order of summation.
        concordance=concordance(time_, event_, np.round(z @ beta, 10), strata=strata_, start=start_),
        hazard_ratios=hazard_ratios(method, names_, coef, np.sqrt(np.diag(covariance)), level),
        likelihood_ratio=tests[0],
        score=tests[1],
        wald=tests[2],
        ties=ties,
        n=time_.size,
        n_events=int(event_.sum()),
    )


# --- input ------------------------------------------------------------------------------------------


def design_matrix(covariates: ArrayLike, problems: list[Problem]) -> Floats:
    """Covariates as (n, p) finite numbers; what is wrong is added to ``problems``."""
    try:
        x = np.asarray(covariates, dtype=np.float64)
    except (TypeError, ValueError):
        problems.append(Problem("covariates", "something else than numbers", "must be numbers"))
        return np.empty((0, 1))
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[1] == 0:
        problems.append(Problem("covariates", f"shape {x.shape}", "must have shape (n,) or (n, p)"))
        return np.empty((0, 1))
    wrong = int((~np.isfinite(x)).sum())
    if wrong:
        problems.append(Problem("covariates", f"{wrong} missing or infinite", "must be finite numbers"))
    return x


def column_scale(x: Floats, names: tuple[str, ...], event: Ints, problems: list[Problem]) -> Floats:
    """Standard deviations; refuses no events, constants and collinear columns."""
    scale: Floats = x.std(axis=0)
    constant = scale <= 1e-12 * np.maximum(np.abs(x).max(axis=0), 1e-300)
    problems.extend(
        Problem(f"covariates.{name}", "the same value for all", "must vary between patients")
        for name, flat in zip(names, constant, strict=True)
        if flat
    )
    if not event.any():
        problems.append(Problem("event", "no event", "must hold at least one event"))
    if (
        not problems
        and np.linalg.matrix_rank((x - x.mean(axis=0)) / scale, tol=1e-9 * np.sqrt(x.shape[0])) < x.shape[1]
    ):
        problems.append(
            Problem("covariates", ", ".join(names), "must not be linear combinations of each other")
        )
    return scale


# --- likelihood -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Point:
    value: float
    score: Floats
    information: Floats


class PartialLikelihood:
    """Log partial likelihood with its derivatives; the risk sets are laid out once."""

    def __init__(
        self, start: Floats, time: Floats, event: Ints, x: Floats, strata: check.Labels, ties: str
    ) -> None:
        self.parts: list[Stratum] = []
        for stratum in np.unique(strata):
            inside = np.flatnonzero(strata == stratum)
            order = inside[np.argsort(-time[inside], kind="stable")]
            if event[order].any():
                self.parts.append(Stratum(start[order], time[order], event[order], x[order], ties))
        self.dimension = x.shape[1]

    def __call__(self, beta: Floats) -> _Point:
        points = [part(beta) for part in self.parts]
        return _Point(
            sum(point.value for point in points),
            np.sum([point.score for point in points], axis=0),
            np.sum([point.information for point in points], axis=0),
        )


class Stratum:
    """One stratum, sorted by time downwards, so that risk sets are running sums."""

    def __init__(self, start: Floats, time: Floats, event: Ints, x: Floats, ties: str) -> None:
        self._x, self._event = x, event.astype(np.float64)
        self._outer = x[:, :, None] * x[:, None, :]
        self._start = np.flatnonzero(np.append(True, np.diff(time) != 0))
        self._last = np.append(self._start[1:], time.size) - 1
        deaths = np.add.reduceat(event, self._start)
        # One row a death; the l-th of d tied deaths sees the tied deaths reduced by l/d (Efron).
        self._row = np.repeat(np.arange(deaths.size), deaths)
        rank = np.arange(self._row.size) - np.repeat(np.cumsum(deaths) - deaths, deaths)
        self._reduce = rank / deaths[self._row] if ties == "efron" else np.zeros(self._row.size)
        self._dead_x = x[event == 1].sum(axis=0)
        # Rows that begin at or after a death are not yet at risk; they are first in this order.
        self._entry = np.argsort(-start, kind="stable")
        late = np.searchsorted(-start[self._entry], -time[self._start], side="right")
        self._late = late if late.any() else None
        self.death_times = time[self._start][self._row]
        self.death_x = x[event == 1]

    def __call__(self, beta: Floats) -> _Point:
        eta = self._x @ beta
        shift = eta.max()
        s0, mean, variance = self.moments(beta)
        value = float(self._dead_x @ beta - np.sum(np.log(s0) + shift))
        return _Point(value, self._dead_x - mean.sum(axis=0), variance.sum(axis=0))

    def moments(self, beta: Floats) -> tuple[Floats, Floats, Floats]:
        """By death, latest first: sum of exp(eta - max eta), mean and variance of x over the risk set."""
        eta = self._x @ beta
        weight = np.exp(eta - eta.max())
        s0 = self._at_deaths(weight)
        mean = self._at_deaths(weight[:, None] * self._x) / s0[:, None]
        square = self._at_deaths(weight[:, None, None] * self._outer) / s0[:, None, None]
        return s0, mean, square - mean[:, :, None] * mean[:, None, :]

    def _at_deaths(self, values: Floats) -> Floats:
        """Sum over the risk set of each death, tied deaths reduced."""
        at_risk = np.cumsum(values, axis=0)[self._last]
        if self._late is not None:
            empty = np.zeros((1, *values.shape[1:]))
            at_risk = at_risk - np.concatenate([empty, np.cumsum(values[self._entry], axis=0)])[self._late]
        own = self._event.reshape(-1, *[1] * (values.ndim - 1))
        tied = np.add.reduceat(values * own, self._start, axis=0)[self._row]
        result: Floats = at_risk[self._row] - self._reduce.reshape(-1, *[1] * (values.ndim - 1)) * tied
        return result


def _maximise(likelihood: PartialLikelihood, null: _Point) -> tuple[Floats, NDArray[np.bool_], _Point]:
    """Newton's method with step halving from 0, covariates standardised.

    Returns:
        The maximum, which coefficients run to infinity, and the values at the maximum.

    Newton converges quadratically to a maximum. A likelihood that has stopped rising while the step is
    still long has none: those coefficients run away (all events on one side of a covariate). Nor has one
    whose information has vanished in some direction: the coefficients with a part in it run away as well.
    """
    here = null
    beta: Floats = np.zeros(likelihood.dimension)
    step: Floats = np.zeros_like(beta)
    for _ in range(_MOST_STEPS):
        step = np.asarray(np.linalg.lstsq(here.information, here.score, rcond=1e-14)[0], dtype=np.float64)
        there = _try(likelihood, beta + step)
        # Far out, where a likelihood without a maximum is flat, a whole step may leave the numbers there are.
        while np.abs(step).max() > 1e-12 and not (
            np.isfinite(there.information).all() and there.value >= here.value - 1e-12 * abs(here.value)
        ):
            step = step / 2
            there = _try(likelihood, beta + step)
        gain, beta, here = there.value - here.value, beta + step, there
        if np.abs(step).max() < 1e-9 or (gain < 1e-10 and np.abs(step).max() > _RUNAWAY):
            break
    spread, direction = np.linalg.eigh(here.information)
    flat = spread <= _FLAT * np.linalg.eigvalsh(null.information)[-1]
    lost = (np.abs(direction[:, flat]) > 1e-6).any(axis=1)
    return beta, (np.abs(step) > _RUNAWAY) | lost, here


def _try(likelihood: PartialLikelihood, beta: Floats) -> _Point:
    """The likelihood at a step that may be too long; what is then no number is for the caller to see."""
    with np.errstate(all="ignore"):
        return likelihood(beta)


def _covariance(information: Floats, infinite: NDArray[np.bool_]) -> Floats:
    covariance = np.full(information.shape, np.nan)
    finite = np.flatnonzero(~infinite)
    if finite.size:
        covariance[np.ix_(finite, finite)] = np.linalg.inv(information[np.ix_(finite, finite)])
    return covariance


# --- output -----------------------------------------------------------------------------------------


def _global_test(method: str, kind: str, chisq: float, df: int) -> Inference:
    nan = float("nan")
    p = float(chdtrc(df, max(chisq, 0.0)))
    return Inference(
        f"{method}, {kind} test", "all log hazard ratios are 0", nan, nan, chisq, p, (nan, nan), "none", df=df
    )


def hazard_ratios(
    method: str,
    names: tuple[str, ...],
    coef: Floats,
    se: Floats,
    level: float,
    called: str = "hazard ratio",
) -> tuple[Inference, ...]:
    """One inference a covariate on the ratio scale; infinite coefficients have a note and no interval."""
    nan, made = float("nan"), []
    for name, b, s in zip(names, coef.tolist(), se.tolist(), strict=True):
        parameter = f"{called}, {name}"
        if np.isfinite(b):
            made.append(wald(method, parameter, b, s, level, exponentiated=True))
            continue
        estimate = float("inf") if b > 0 else 0.0
        note = "the likelihood has no maximum: all events lie on one side"
        made.append(Inference(method, parameter, estimate, nan, nan, nan, (nan, nan), "log", note, level))
    return tuple(made)


def concordance(
    time: ArrayLike,
    event: ArrayLike,
    risk: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> float:
    """Harrell's C: share of usable pairs in which the earlier event has the higher risk, ties half.

    A pair is usable if the earlier time is an event (at equal times, an event before a censoring; two
    events at one time are not compared) and both are in one stratum; with ``start`` the other row must be
    at risk at the event. NaN without usable pairs.

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    time_, event_ = check.survival(time, event, problems)
    risk_ = check.numbers("risk", risk, problems)
    strata_ = np.zeros(len(time_)) if strata is None else check.labels("strata", strata, problems)
    start_ = np.full(len(time_), -np.inf) if start is None else check.numbers("start", start, problems)
    check.refuse(problems)
    check.same_length(problems, time=time_, risk=risk_, strata=strata_, start=start_)
    if problems:
        raise BadInput(problems)
    won = usable = 0.0
    for i in np.flatnonzero(event_ == 1):
        later = (time_ > time_[i]) | ((time_ == time_[i]) & (event_ == 0))
        later &= (strata_ == strata_[i]) & (start_ < time_[i])
        usable += later.sum()
        won += (risk_[later] < risk_[i]).sum() + 0.5 * (risk_[later] == risk_[i]).sum()
    return float(won / usable) if usable else float("nan")
