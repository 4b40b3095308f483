"""When a subject is seen: planned contacts moved within their windows, the same in every arm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hepatrial.protocol import Protocol
from hepatrial.rng import Stream

Array = NDArray[np.float64]


def shift(seed: int, person: NDArray[np.int64], planned_day: float) -> Array:
    """Where in the window of a planned day a person comes, from -1 to 1.

    A visit and an infusion planned on the same day are moved in the same direction.
    """
    occurrence = round(planned_day * 1440)
    return 2.0 * Stream(seed, "contact_day").uniform(person, occurrence) - 1.0


def infusion_day(seed: int, person: NDArray[np.int64], planned_day: float, window: float) -> Array:
    """(n,) day of an infusion: within its window, never before randomisation."""
    return np.maximum(0.0, planned_day + window * shift(seed, person, planned_day))


def visit_days(protocol: Protocol, seed: int, person: NDArray[np.int64]) -> Array:
    """Days on which the planned visits take place if the subject is still there.

    Blood is taken before an infusion planned on the same day, in whichever arm that infusion is planned, so
    that a person's visits are at the same times in every arm.

    Returns:
        (n, n_visits), ascending in each row, at most the length of follow-up.
    """
    window = protocol.visits.window
    infusions = {(day, dosing.window) for dosing in protocol.dosings for day in dosing.days}
    columns = []
    for visit in protocol.visits.planned:
        day = visit.day + window * shift(seed, person, visit.day)
        for planned, dose_window in sorted(infusions):
            if planned == visit.day:
                day = np.minimum(day, infusion_day(seed, person, planned, dose_window))
        columns.append(day)
    days = np.stack(columns, axis=1) if columns else np.empty((len(person), 0))
    return np.clip(np.maximum.accumulate(days, axis=1), 0.0, protocol.follow_up.length)
