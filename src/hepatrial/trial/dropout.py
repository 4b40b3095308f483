"""Leaving the trial alive, and being taken home to die."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.protocol import Protocol
from hepatrial.rng import Stream

Array = NDArray[np.float64]
UNKNOWN_VITAL_STATUS = "discharged_to_die"
"""Reason of those whose death at home the trial does not learn of."""


def dropout_times(protocol: Protocol, seed: int, person: NDArray[np.int64]) -> Array:
    """(n,) day on which a person would leave the trial, infinite for never; exponential."""
    rate = protocol.dropout.rate
    if rate == 0.0:
        return np.full(len(person), np.inf)
    return Stream(seed, "dropout").exponential(person) / rate


def dropout_reasons(protocol: Protocol, seed: int, person: NDArray[np.int64]) -> NDArray[np.str_]:
    """(n,) reason for which a person would leave."""
    reasons = protocol.dropout.reasons
    if not reasons:
        return np.full(len(person), "", dtype=np.str_)
    edges = np.cumsum(list(reasons.values()))
    which = np.searchsorted(edges, Stream(seed, "dropout_reason").uniform(person) * edges[-1], side="right")
    names: NDArray[np.str_] = np.array(list(reasons), dtype=np.str_)
    return np.asarray(names[np.minimum(which, len(reasons) - 1)])


@dataclass(frozen=True)
class Discharge:
    """Discharges to die.

    Attributes:
        day: (n,) day of discharge, NaN for those who are not discharged.
        known: (n,) whether the trial learns of the death.
    """

    day: Array
    known: NDArray[np.bool_]


def discharges(
    protocol: Protocol, seed: int, person: NDArray[np.int64], death_day: Array, last_care_day: Array
) -> Discharge:
    """Who of the dying is taken home, and when.

    Args:
        protocol: share, lead time and share known.
        seed: the run's seed.
        person: (n,) numbers.
        death_day: (n,) infinite for those who do not die.
        last_care_day: (n,) last day on which something was given; nobody is discharged before it.
    """
    plan = protocol.discharge_to_die
    goes = np.isfinite(death_day) & (Stream(seed, "discharge_to_die").uniform(person) < plan.share)
    earliest = np.maximum(0.0, last_care_day)
    day = np.where(goes, np.maximum(death_day - plan.lead_time, earliest), np.nan)
    known = Stream(seed, "vital_status_known").uniform(person) < plan.vital_status_known
    return Discharge(day, known | ~goes)
