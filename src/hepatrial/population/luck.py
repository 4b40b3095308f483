"""Event luck: unit-exponential thresholds from streams keyed by cause, person and occurrence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.spec import Hazard
from hepatrial.rng import Stream

OCCURRENCES = {"onset": 24, "course": 32, "again": 32}
"""Thresholds drawn for a recurrent cause; a patient whom it strikes more often is a failed solve."""


def thresholds(
    seed: int,
    stage: str,
    hazards: Sequence[Hazard],
    person: NDArray[np.int64],
    occurrences: int | None = None,
) -> NDArray[np.float64]:
    """Increments of cumulative hazard that a person withstands before each occurrence of each cause.

    Args:
        seed: the run's seed.
        stage: ``"onset"`` (person = candidate), ``"course"`` (person = the run's subject number), or
            ``"again"`` for the same persons once more. An exponential has no memory, so what remains of a
            threshold at randomisation is a new one.
        hazards: of the model, in its order.
        person: (n,) numbers.
        occurrences: thresholds for a cause that recurs, by default ``OCCURRENCES`` of the stage; one that
            does not recur has a single finite threshold.

    Returns:
        (n, n_hazards, occurrences) unit-exponential draws, the same in every arm.
    """
    occurrences = occurrences or OCCURRENCES[stage]
    draws = np.full((len(person), len(hazards), occurrences), np.inf)
    for i, hazard in enumerate(hazards):
        count = occurrences if hazard.recurrent else 1
        draws[:, i, :count] = Stream(seed, f"{stage}.{hazard.name}").exponential_table(person, count)
    return draws
