"""Bayesian normal-normal random effects by quadrature over tau: no sampling, the same digits every time.

y_i ~ N(theta_i, v_i), theta_i ~ N(mu, tau^2), mu ~ N(m, s^2), tau by a named prior. Given tau, mu is
normal with a closed form; tau is one number, so its posterior is a quadrature (as in Rover 2020, J Stat
Softw 93(6)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.synthesis.effects import Effects
from hepatrial.evidence.synthesis.pool import check_choice, check_level, contributions
from hepatrial.evidence.synthesis.result import NAN, Interval, Pooled, Prediction

Floats = NDArray[np.float64]


def _half_normal(t: Floats, scale: float) -> Floats:
    return -0.5 * (t / scale) ** 2


def _half_cauchy(t: Floats, scale: float) -> Floats:
    return -np.log1p((t / scale) ** 2)


def _uniform(t: Floats, scale: float) -> Floats:
    return np.where(t <= scale, 0.0, -np.inf)


TAU_PRIORS: dict[str, Callable[[Floats, float], Floats]] = {
    "half_normal": _half_normal,
    "half_cauchy": _half_cauchy,
    "uniform": _uniform,
}
"""Log-densities of tau up to a constant; ``scale`` is the SD, the scale, or the upper end."""


@dataclass(frozen=True)
class Priors:
    """What is believed before the studies, on the analysis scale.

    Attributes:
        mean, sd: of the mean effect. The default for a log ratio, N(0, 2.82^2), has a ratio of 250 at its
            95 % limits (unit-information scale of Rover et al. 2021, Res Synth Methods 12:448).
        tau: name in ``TAU_PRIORS``.
        tau_scale: its scale; 0.5 is a usual weakly informative choice for log odds ratios.
    """

    mean: float = 0.0
    sd: float = 2.82
    tau: str = "half_normal"
    tau_scale: float = 0.5

    @property
    def sentence(self) -> str:
        """The priors in words."""
        return (
            f"mean effect ~ N({self.mean:g}, {self.sd:g}^2); tau ~ {self.tau} with scale {self.tau_scale:g}"
        )


@dataclass(frozen=True)
class Posterior:
    """The posterior.

    Attributes:
        pooled: mean effect and prediction as a ``Pooled`` (its p is NaN: no test is made); the estimate is
            the posterior mean, the limits are central quantiles.
        tau: posterior median and central interval.
        below_null: probability that the mean effect is below 0 (a ratio below 1).
        new_below_null: the same for the true effect of a new study.
        priors: as used.
    """

    pooled: Pooled
    tau: Interval
    below_null: float
    new_below_null: float
    priors: Priors


def bayes(
    effects: Effects, priors: Priors | None = None, *, nodes: int = 500, level: float = 0.95
) -> Posterior:
    """Posterior of mean effect, tau and a new study's effect.

    Args:
        effects: from ``effect_sizes``.
        priors: default ``Priors()``; state others for differences, whose unit the default does not know.
        nodes: quadrature points over tau.
        level: of the intervals.

    Raises:
        BadInput: for priors that are none, and for the default priors with a measure that has a unit.
    """
    check_level(level)
    if priors is None and effects.measure == "MD":
        raise BadInput([Problem("priors", "none", "must be stated for a difference that has a unit")])
    given = priors or Priors()
    check_choice("priors.tau", given.tau, TAU_PRIORS)
    numbers = {"sd": given.sd, "tau_scale": given.tau_scale}
    problems = [
        Problem(f"priors.{n}", f"{v:g}", "must be above 0")
        for n, v in numbers.items()
        if not (math.isfinite(v) and v > 0)
    ]
    if nodes < 50:
        problems.append(Problem("nodes", f"{nodes}", "must be at least 50"))
    if problems:
        raise BadInput(problems)
    tau, share, centre, spread = _given_tau(effects.y, effects.v, given, nodes)
    mean = float(share @ centre)
    sd = math.sqrt(float(share @ (spread**2 + (centre - mean) ** 2)))
    tail = (1 - level) / 2
    limits = [_mixture_quantile(q, share, centre, spread) for q in (tail, 1 - tail)]
    wide = np.hypot(spread, tau)
    new = [_mixture_quantile(q, share, centre, wide) for q in (tail, 1 - tail)]
    heights = np.cumsum(share) - share / 2
    tau_points = [float(np.interp(q, heights, tau)) for q in (0.5, tail, 1 - tail)]
    weights = (share[:, None] / (effects.v + tau[:, None] ** 2)).sum(axis=0)
    pooled = Pooled(
        method="Bayesian normal-normal random effects",
        measure=effects.measure,
        estimate=mean,
        se=sd,
        lower=limits[0],
        upper=limits[1],
        statistic=NAN,
        df=None,
        p=NAN,
        heterogeneity=None,
        prediction=Prediction(new[0], new[1], "posterior predictive"),
        studies=contributions(effects, weights, level),
        refused=effects.refused,
        notes=(*effects.notes, f"priors: {given.sentence}"),
        level=level,
    )
    below = (float(share @ ndtr(-centre / spread)), float(share @ ndtr(-centre / wide)))
    return Posterior(pooled, Interval(*tau_points), below[0], below[1], given)


def _given_tau(y: Floats, v: Floats, priors: Priors, nodes: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Nodes of tau, their posterior shares, and mean and SD of mu given each.

    Nodes are denser towards 0 (tau = u^2 top) as far as the prior's tail or the data reach.
    """
    reach = {"half_normal": 8.0, "half_cauchy": 300.0, "uniform": 1.0}[priors.tau] * priors.tau_scale
    u, du = np.polynomial.legendre.leggauss(nodes)
    u = (u + 1) / 2
    tau = reach * u**3
    inverse = 1 / (v + tau[:, None] ** 2)
    precision = inverse.sum(axis=1) + priors.sd**-2
    centre = (inverse @ y + priors.mean * priors.sd**-2) / precision
    residual = (inverse * (y - centre[:, None]) ** 2).sum(axis=1) + ((centre - priors.mean) / priors.sd) ** 2
    log_density = 0.5 * np.log(inverse).sum(axis=1) - 0.5 * np.log(precision) - 0.5 * residual
    log_density = log_density + TAU_PRIORS[priors.tau](tau, priors.tau_scale)
    share = np.exp(log_density - log_density.max()) * du * u**2
    return tau, share / share.sum(), centre, 1 / np.sqrt(precision)


def _mixture_quantile(q: float, share: Floats, centre: Floats, spread: Floats) -> float:
    from scipy.optimize import brentq

    low, high = float((centre - 12 * spread).min()), float((centre + 12 * spread).max())
    return float(brentq(lambda m: float(share @ ndtr((m - centre) / spread)) - q, low, high, xtol=1e-12))
