"""Linear mixed model with a random intercept and slope for each patient, by REML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.analysis.result import Inference, wald
from hepatrial.errors import Problem, RunFailed


@dataclass(frozen=True)
class RandomSlopeFit:
    """A fitted model: value = fixed effects + intercept_i + slope_i time + error.

    Attributes:
        names: of the fixed effects, "intercept" and "time" first.
        coef: (p,) fixed effects; covariance: (p, p).
        sd_intercept, sd_slope, correlation: of the random effects; sd_residual: of the error.
        loglik: restricted log-likelihood at the maximum.
        effects: one inference a fixed effect (normal theory).
        n, patients: measurements and patients.
    """

    names: tuple[str, ...]
    coef: Floats
    covariance: Floats
    sd_intercept: float
    sd_slope: float
    correlation: float
    sd_residual: float
    loglik: float
    effects: tuple[Inference, ...]
    n: int
    patients: int

    @property
    def se(self) -> Floats:
        """(p,) standard errors of ``coef``."""
        return np.asarray(np.sqrt(np.diag(self.covariance)))


def random_slope(
    patient: ArrayLike,
    time: ArrayLike,
    value: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    level: float = 0.95,
) -> RandomSlopeFit:
    """Fit the model by restricted maximum likelihood.

    Values that stop at death are treated as if they were missing at random; where death differs between
    arms, this model alone does not answer a trial's question.

    Args:
        patient, time, value: (n,) whose, when, what.
        covariates: (n,) or (n, p) further fixed effects (for a trial: arm, and arm times time).
        names: their names; default x1, x2 ...

    Raises:
        BadInput: with every problem of the input.
        RunFailed: the likelihood has no inner maximum that could be found.

    Source: Laird and Ware 1982; profiled over residual variance and fixed effects as Bates et al. 2015
    (lme4), the same likelihood as R ``nlme::lme``.
    """
    problems: list[Problem] = []
    t, y = check.numbers("time", time, problems), check.numbers("value", value, problems)
    who = check.labels("patient", patient, problems)
    x = np.empty((y.size, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    labels = ("intercept", "time", *(names or [f"x{j + 1}" for j in range(x.shape[1])]))
    check.confidence_level(level, problems)
    if not np.isfinite(x).all():
        problems.append(Problem("covariates", "missing or infinite", "must be finite numbers"))
    if len(labels) != x.shape[1] + 2:
        problems.append(
            Problem("names", f"{len(labels) - 2} names", f"must be {x.shape[1]}, one a covariate")
        )
    check.refuse(problems)
    check.same_length(problems, value=y, time=t, patient=who, covariates=x)
    check.refuse(problems)
    design = np.column_stack([np.ones(y.size), t, x])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        allowed = "must vary and not be linear combinations of each other"
        problems.append(Problem("time, covariates", ", ".join(labels[1:]), allowed))
    subject = np.unique(who, return_inverse=True)[1]
    counts = np.bincount(subject)
    if counts.max(initial=0) < 3 or counts.size < 3:
        allowed = "must be at least 3, some with at least 3 measurements"
        problems.append(Problem("patient", f"{counts.size} patients", allowed))
    check.refuse(problems)

    likelihood = _Restricted(design, design[:, :2], y, subject)
    theta = _maximise(likelihood)
    value_, coef, inverse, sigma = likelihood.at(theta)
    factor = _factor(theta)
    spread = factor @ factor.T
    sd = np.sqrt(np.diag(spread))
    covariance = sigma**2 * inverse
    errors = np.sqrt(np.diag(covariance))
    method = "mixed model with random intercept and slope, REML"
    return RandomSlopeFit(
        names=labels,
        coef=coef,
        covariance=covariance,
        sd_intercept=float(sigma * sd[0]),
        sd_slope=float(sigma * sd[1]),
        correlation=float(spread[0, 1] / (sd[0] * sd[1])) if sd.all() else float("nan"),
        sd_residual=sigma,
        loglik=value_,
        effects=tuple(
            wald(method, name, float(b), float(s), level)
            for name, b, s in zip(labels, coef, errors, strict=True)
        ),
        n=y.size,
        patients=counts.size,
    )


def _factor(theta: Floats) -> Floats:
    """Lower triangular factor of the random effects' covariance in units of the residual variance."""
    return np.array([[np.exp(theta[0]), 0.0], [theta[1], np.exp(theta[2])]])


class _Restricted:
    """Restricted log-likelihood from the patients' cross-products, which are formed once."""

    def __init__(self, x: Floats, z: Floats, y: Floats, subject: check.Ints) -> None:
        order = np.argsort(subject, kind="stable")
        self._start = np.flatnonzero(np.append(True, np.diff(subject[order]) != 0))
        x, z, y = x[order], z[order], y[order]
        both = np.column_stack([x, y])
        self._zz = np.add.reduceat(z[:, :, None] * z[:, None, :], self._start)
        self._zb = np.add.reduceat(z[:, :, None] * both[:, None, :], self._start)
        self._bb = both.T @ both
        self._n, self._p = x.shape

    def at(self, theta: Floats) -> tuple[float, Floats, Floats, float]:
        """Log-likelihood, fixed effects, their covariance in units of sigma^2, and sigma.

        With V = I + Z L L' Z' and A = I + L' Z'Z L: V^-1 = I - Z L A^-1 L' Z' and |V| = |A|.
        """
        factor = _factor(theta)
        a = np.eye(2) + factor.T @ self._zz @ factor
        right = factor.T @ self._zb
        total = self._bb - np.einsum("sij,sik->jk", right, np.linalg.solve(a, right))
        p, free = self._p, self._n - self._p
        inverse = np.linalg.inv(total[:p, :p])
        coef = inverse @ total[:p, p]
        variance = float(total[p, p] - total[p, :p] @ coef) / free
        if variance <= 0:
            return -np.inf, coef, inverse, 0.0
        determinants = np.linalg.slogdet(a)[1].sum() - np.linalg.slogdet(inverse)[1]
        value = -0.5 * float(free * (np.log(2 * np.pi * variance) + 1) + determinants)
        return value, coef, inverse, float(np.sqrt(variance))


def _maximise(likelihood: _Restricted) -> Floats:
    from scipy.optimize import minimize

    def cost(theta: Floats) -> float:
        return -likelihood.at(np.clip(theta, -30, 30))[0]

    found = minimize(cost, np.zeros(3), method="Nelder-Mead", options={"maxiter": 4000, "fatol": 1e-9})
    if not found.success:
        raise RunFailed("The mixed model did not converge; rescale time or leave out the random slope.")
    theta = np.asarray(found.x, dtype=np.float64)
    for _ in range(4):
        gradient, hessian = _derivatives(cost, theta)
        if np.linalg.eigvalsh(hessian)[0] < 1e-6 * max(1.0, float(np.abs(hessian).max())):
            break  # at the edge (a variance of 0), where Newton's step says nothing
        theta = theta - np.linalg.solve(hessian, gradient)
    return theta


def _derivatives(cost: Callable[[Floats], float], theta: Floats) -> tuple[Floats, Floats]:
    """Central differences: gradient to the fourth order, Hessian to the second."""
    step, size = 1e-3, theta.size
    unit = np.eye(size) * step
    gradient = np.array(
        [
            (8 * (cost(theta + u) - cost(theta - u)) - cost(theta + 2 * u) + cost(theta - 2 * u))
            / (12 * step)
            for u in unit
        ]
    )
    hessian = np.array(
        [
            [
                (cost(theta + u + v) - cost(theta + u - v) - cost(theta - u + v) + cost(theta - u - v))
                / (4 * step**2)
                for v in unit
            ]
            for u in unit
        ]
    )
    return gradient, hessian
