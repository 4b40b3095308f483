"""Randomisation: exact arm sizes, permuted within each trial replicate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.rng import Stream


def allocate(seed: int, replicates: int, sizes: Sequence[int]) -> NDArray[np.int64]:
    """Arm of every subject of every replicate.

    Args:
        seed: the run's seed.
        replicates: number of simulated trials, numbered from 1.
        sizes: patients in each arm; every replicate has exactly these.

    Returns:
        (replicates, sum(sizes)) arm indices; row r - 1 depends on nothing but the seed, r and the sizes.
    """
    return arms_of(seed, np.arange(1, replicates + 1), sizes)


def arms_of(seed: int, replicates: ArrayLike, sizes: Sequence[int]) -> NDArray[np.int64]:
    """The same for some replicates by their numbers: (len(replicates), sum(sizes)) arm indices."""
    arms = np.repeat(np.arange(len(sizes)), sizes)
    keys = Stream(seed, "randomise").uniform(np.asarray(replicates)[:, None], np.arange(len(arms))[None, :])
    return arms[np.argsort(keys, axis=1, kind="stable")]
