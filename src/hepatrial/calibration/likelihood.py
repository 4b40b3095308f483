"""How likely the targets are where a member of the ensemble stands: emulated, with each study's own
deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.emulator import Emulator
from hepatrial.calibration.targets import Target

Array = NDArray[np.float64]

BETWEEN = {"mortality": 0.5, "infection": 0.5, "laboratory": 0.15}
"""Scale of the half-normal prior of the between-study SD: log-odds, log-odds, logarithm of a cohort's
mean. Control
arms differ threefold in survival at 3 months between trials (science/README.md), an SD of about 0.5
log-odds."""


@dataclass(frozen=True)
class Likelihood:
    """The targets of a layer.

    Attributes:
        targets: J of them.
        places: (J,) their values on the transformed scales.
        variances: (J,) of sampling error and tolerance.
        blocks: targets that share a study's deviation on a scale: (index of the scale, indices of the
        targets).
        scales: scales on which studies deviate, in the order of the extra steps.
    """

    targets: tuple[Target, ...]
    places: Array
    variances: Array
    blocks: tuple[tuple[int, NDArray[np.intp]], ...]
    scales: tuple[str, ...]

    def log_density(self, shown: Array, variance: Array, steps: Array) -> Array:
        """(n,) log density of the targets, but for a constant.

        A study's deviation adds the same random number to each of its targets on a scale, so the
        covariance is
        diagonal but for blocks v + t^2 11', whose determinant and inverse are closed (Sherman and Morrison
        1950).

        Args:
            shown: (n, J) what the model shows, on the transformed scales.
            variance: (n, J) of the emulator's and the simulation's error.
            steps: (n, len(scales)) standard normal steps of the between-study SDs.
        """
        weight = 1.0 / (self.variances + variance)
        miss = self.places - shown
        square = (weight * miss**2 - np.log(weight)).sum(axis=1)
        between = self.between(steps)
        for scale, members in self.blocks:
            common = between[:, scale] ** 2
            inflated = 1.0 + common * weight[:, members].sum(axis=1)
            pull = (weight[:, members] * miss[:, members]).sum(axis=1)
            square += np.log(inflated) - common * pull**2 / inflated
        return np.asarray(-0.5 * square)

    def distance(self, shown: Array, variance: Array, steps: Array) -> Array:
        """(n,) squared Mahalanobis distance of the targets; about the number of targets where all is well."""
        weight = 1.0 / (self.variances + variance)
        miss = self.places - shown
        square = (weight * miss**2).sum(axis=1)
        between = self.between(steps)
        for scale, members in self.blocks:
            common = between[:, scale] ** 2
            inflated = 1.0 + common * weight[:, members].sum(axis=1)
            square -= common * (weight[:, members] * miss[:, members]).sum(axis=1) ** 2 / inflated
        return np.asarray(square)

    def between(self, steps: Array) -> Array:
        """(n, len(scales)) between-study SDs: half-normal."""
        return np.asarray(np.abs(steps) * np.array([BETWEEN[scale] for scale in self.scales]))


def make_likelihood(targets: Sequence[Target]) -> Likelihood:
    """The likelihood of a layer's targets."""
    scales = tuple(scale for scale in BETWEEN if any(t.scale == scale for t in targets))
    groups: dict[tuple[str, str], list[int]] = {}
    for place, target in enumerate(targets):
        if target.scale in scales:
            groups.setdefault((target.scale, target.study), []).append(place)
    blocks = tuple((scales.index(scale), np.array(rows)) for (scale, _), rows in groups.items())
    return Likelihood(
        tuple(targets),
        np.array([target.place for target in targets]),
        np.array([target.spread for target in targets]) ** 2,
        blocks,
        scales,
    )


@dataclass(frozen=True)
class Anchor:
    """Where members were last simulated.

    Attributes:
        free: (n, p) steps there.
        offset: (n, J) simulated less emulated; 0 where there is none.
        noise: (J,) Monte-Carlo error of a simulation.
        known: (n,) whether there is one.
    """

    free: Array
    offset: Array
    noise: Array
    known: NDArray[np.bool_]


def log_likelihood(
    likelihood: Likelihood, emulator: Emulator, others: Array, anchor: Anchor
) -> Callable[[Array, NDArray[np.intp]], Array]:
    """The log-likelihood of members at (n, p + len(scales)) states, each with its own other steps and anchor.

    Near its last simulation a member trusts what was simulated; at distance d (in prior standard deviations a
    coordinate) the emulator's error returns as d^2/(1 + d^2) of its variance.

    Returns:
        ``f(state, rows)``: of the members ``rows`` at ``state``.
    """
    p = emulator.free
    base = emulator(np.zeros((len(others), p)), others) + anchor.offset
    still = emulator(np.zeros((1, p)), np.zeros((1, others.shape[1])))

    def density(state: Array, rows: NDArray[np.intp]) -> Array:
        free = state[:, :p]
        shown = base[rows] + emulator(free, np.zeros((len(rows), 0))) - still
        distance = ((free - anchor.free[rows]) ** 2).mean(axis=1)
        share = np.where(anchor.known[rows], distance / (1.0 + distance), 1.0)
        variance = share[:, None] * emulator.residual**2 + anchor.noise**2
        return likelihood.log_density(shown, variance, state[:, p:])

    return density
