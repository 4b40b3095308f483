"""Elliptical slice sampling of many chains at once, for targets with a standard normal prior."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHRINKS = 60
"""Shrinkages after which a chain keeps its place; the bracket is then narrower than 1e-9."""


def elliptical_slice(
    log_likelihood: Callable[[Array, NDArray[np.intp]], Array],
    start: Array,
    iterations: int,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Chains with stationary density N(0, I) times the likelihood, each its own.

    Murray, Adams and MacKay 2010 (AISTATS 9:541-548, figure 2), for all chains in step. It has nothing to
    tune.

    Args:
        log_likelihood: (states (m, d), chains (m,)) -> (m,); a chain may have a likelihood of its own.
        start: (n, d) states.
        iterations: updates of each chain.
        rng: source of randomness.

    Returns:
        (n, d) last states and their (n,) log-likelihood.
    """
    state = start.copy()
    height = log_likelihood(start, np.arange(len(start)))
    for _ in range(iterations):
        state, height = _update(log_likelihood, state, height, rng)
    return state, height


def _update(
    log_likelihood: Callable[[Array, NDArray[np.intp]], Array],
    state: Array,
    height: Array,
    rng: np.random.Generator,
) -> tuple[Array, Array]:
    n = len(state)
    ellipse = rng.standard_normal(state.shape)
    level = height + np.log(rng.random(n))
    angle = rng.random(n) * 2.0 * np.pi
    low, high = angle - 2.0 * np.pi, angle.copy()
    new, new_height, rows = state.copy(), height.copy(), np.arange(n)
    for _ in range(SHRINKS):
        cos, sin = np.cos(angle[rows])[:, None], np.sin(angle[rows])[:, None]
        trial = state[rows] * cos + ellipse[rows] * sin
        trial_height = log_likelihood(trial, rows)
        taken = trial_height > level[rows]
        new[rows[taken]], new_height[rows[taken]] = trial[taken], trial_height[taken]
        rows = rows[~taken]
        if len(rows) == 0:
            break
        below = rows[angle[rows] < 0.0]
        above = rows[angle[rows] >= 0.0]
        low[below], high[above] = angle[below], angle[above]
        angle[rows] = low[rows] + (high[rows] - low[rows]) * rng.random(len(rows))
    return new, new_height
