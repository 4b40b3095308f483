"""Borrowing controls: a robust meta-analytic-predictive prior of a survival, on a grid, and what it"
" decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln, logit

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.errors import BadInput, Problem

POINTS = 400
"""Survivals on which densities are kept."""
_MU = 181
_TAU = 41


@dataclass(frozen=True)
class ControlPrior:
    """A prior of a survival.

    Attributes:
        survival: (g,) points, the middles of equal cells of (0, 1).
        informed: (g,) mass of the predictive part; vague: (g,) that of the part that knows nothing.
        robust: weight of the vague part.
        centre: median of the informed part.
        effective: patients that the informed part is worth (moments of a beta distribution).
    """

    survival: Floats
    informed: Floats
    vague: Floats
    robust: float
    centre: float
    effective: float

    @property
    def mass(self) -> Floats:
        """(g,) of the whole prior."""
        return np.asarray((1 - self.robust) * self.informed + self.robust * self.vague)

    def posterior(self, survivors: int, n: int) -> Floats:
        """(g,) mass after ``survivors`` of ``n`` controls; the parts' weights move by what they predicted.

        Source: Schmidli et al. 2014 (robust MAP prior).
        """
        likelihood = np.exp(survivors * np.log(self.survival) + (n - survivors) * np.log1p(-self.survival))
        whole = self.mass * likelihood
        return np.asarray(whole / whole.sum())


def map_prior(
    survivors: Sequence[int], n: Sequence[int], *, between: float = 0.5, robust: float = 0.2
) -> ControlPrior:
    """The predictive distribution of a new trial's control survival, made robust.

    Cohort i has a log odds drawn from normal(mu, tau); mu has a flat prior, tau a half-normal one of scale
    ``between``; everything is summed over a grid.

    Args:
        survivors, n: of each cohort.
        between: scale of tau, log odds.
        robust: weight of a uniform prior mixed in.

    Raises:
        BadInput: with every problem of the input.

    Source: Neuenschwander et al. 2010; Schmidli et al. 2014.
    """
    problems: list[Problem] = []
    if not survivors or len(survivors) != len(n):
        problems.append(
            Problem("survivors, n", f"{len(survivors)} and {len(n)}", "one of each for each cohort")
        )
    else:
        for place, (alive, size) in enumerate(zip(survivors, n, strict=True)):
            if not 0 <= alive <= size or size < 1:
                problems.append(Problem(f"survivors[{place}]", f"{alive} of {size}", "0 to n of at least 1"))
    if not 0 <= robust <= 1:
        problems.append(Problem("robust", repr(robust), "must lie between 0 and 1"))
    if not (np.isfinite(between) and between > 0):
        problems.append(Problem("between", repr(between), "must be a positive number"))
    check.refuse(problems)
    survival = (np.arange(POINTS) + 0.5) / POINTS
    theta = logit(survival)
    pooled = float(logit((sum(survivors) + 0.5) / (sum(n) + 1)))
    mu = pooled + np.linspace(-4, 4, _MU) * max(2 * between, 0.5)
    tau = between * 3 * (np.arange(_TAU) + 0.5) / _TAU
    weight = np.empty((_TAU, _MU))
    predictive = np.zeros((_TAU, _MU, POINTS))
    for place, spread in enumerate(tau):
        kernel = np.exp(-0.5 * ((theta[None, :] - mu[:, None]) / spread) ** 2) / (survival * (1 - survival))
        kernel = kernel / np.maximum(kernel.sum(axis=1, keepdims=True), 1e-300)
        total = np.full(_MU, -0.5 * (spread / between) ** 2)
        for alive, size in zip(survivors, n, strict=True):
            chance = np.exp(
                gammaln(size + 1) - gammaln(alive + 1) - gammaln(size - alive + 1)
                + alive * np.log(survival) + (size - alive) * np.log1p(-survival)
            )  # fmt: skip
            total = total + np.log(np.maximum(kernel @ chance, 1e-300))
        weight[place] = total
        predictive[place] = kernel
    mass = np.exp(weight - weight.max())
    informed = np.tensordot(mass / mass.sum(), predictive, axes=2)
    informed = informed / informed.sum()
    mean = float(informed @ survival)
    variance = float(informed @ (survival - mean) ** 2)
    centre = float(survival[np.searchsorted(np.cumsum(informed), 0.5)])
    vague = np.full(POINTS, 1 / POINTS)
    return ControlPrior(survival, informed, vague, robust, centre, mean * (1 - mean) / variance - 1)


def decisions(prior: ControlPrior, n_treated: int, n_control: int, threshold: float) -> NDArray[np.bool_]:
    """Whether the posterior probability of a better survival reaches a threshold, for every possible result.

    The treated arm has a uniform prior.

    Returns:
        (n_treated + 1, n_control + 1) by survivors.

    Raises:
        BadInput: arms without patients, a threshold outside (0, 1).
    """
    problems = []
    if min(n_treated, n_control) < 1:
        problems.append(Problem("n", f"{n_treated}, {n_control}", "at least one patient an arm"))
    if not 0 < threshold < 1:
        problems.append(Problem("threshold", repr(threshold), "must lie between 0 and 1"))
    if problems:
        raise BadInput(problems)
    vague = ControlPrior(prior.survival, prior.vague, prior.vague, 1.0, 0.5, 2.0)
    treated = np.array([vague.posterior(x, n_treated) for x in range(n_treated + 1)])
    control = np.array([prior.posterior(x, n_control) for x in range(n_control + 1)])
    # P(treated > control), the shared cell counted half
    below = np.cumsum(control, axis=1) - control / 2
    return np.asarray(treated @ below.T >= threshold)


def shifted(survival: float, log_odds: float) -> float:
    """A survival moved by a log odds."""
    return float(expit(logit(survival) + log_odds))
