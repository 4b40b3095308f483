"""Event luck: unit-exponential thresholds from streams keyed by cause, person and occurrence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.rng import Stream

OCCURRENCES = 12
"""Thresholds drawn for a cause; a recurrent event strikes a patient at most this often in one call."""


def thresholds(
    seed: int, stage: str, causes: Sequence[str], person: NDArray[np.int64], occurrences: int = OCCURRENCES
) -> NDArray[np.float64]:
    """Increments of cumulative hazard that a person withstands before each occurrence of each cause.

    Args:
        seed: the run's seed.
        stage: ``"onset"`` (person = candidate) or ``"course"`` (person = the run's subject number). An
            exponential has no memory, so what remains of a threshold at randomisation is a new one.
        causes: names of the hazards, in the model's order.
        person: (n,) numbers.
        occurrences: thresholds per cause.

    Returns:
        (n, n_causes, occurrences) unit-exponential draws, the same in every arm.
    """
    index = np.arange(occurrences)[None, :]
    draws = [Stream(seed, f"{stage}.{cause}").exponential(person[:, None], index) for cause in causes]
    return np.stack(draws, axis=1) if draws else np.empty((len(person), 0, occurrences))
