"""The luck of trials: which patient comes to which place, when, with what threshold, into which arm.

Place s of trial r has the same patient and luck in every design under one seed (common random numbers), so
two designs are compared on the same trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.protocol.design import Recruitment
from hepatrial.rng import Stream

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

PARTS = 25
"""Disjoint parts of the bank; trial r draws from part r mod PARTS, so that the spread of the parts' means
holds the error of the bank as well as that of the trials."""
BLOCK = 4
"""Places whose arms are permuted among themselves (6 where one arm is twice the other)."""


@dataclass(frozen=True)
class Slots:
    """The luck of r trials with n places each.

    Attributes:
        replicate: (r,) trial numbers from 1.
        person: (r, n) row of the bank's usable patients.
        luck: (r, n) unit-exponential thresholds of death.
        arrival: (r, n) unit-exponential gaps between arrivals.
        dropout: (r, n) unit-exponential thresholds of leaving.
        crossover, delivery: (r, n) uniform draws.
        order: (r, n) uniform keys of the randomisation.
    """

    replicate: Whole
    person: Whole
    luck: Array
    arrival: Array
    dropout: Array
    crossover: Array
    delivery: Array
    order: Array


def draw_slots(seed: int, replicate: Whole, places: int, patients: int) -> Slots:
    """Draw the luck of some trials; a smaller trial has the first places of a larger one.

    Args:
        seed: of all chance.
        replicate: (r,) numbers from 1.
        places: n.
        patients: usable patients of the bank.
    """

    def exponential(decision: str) -> Array:
        return Stream(seed, f"design.{decision}").exponential_table(replicate, places)

    def uniform(decision: str) -> Array:
        return np.asarray(np.exp(-exponential(decision)))

    part = replicate % PARTS
    first = (part * patients) // PARTS
    size = ((part + 1) * patients) // PARTS - first
    within = (uniform("person") * size[:, None]).astype(np.int64)
    return Slots(
        replicate=replicate,
        person=first[:, None] + np.minimum(within, size[:, None] - 1),
        luck=exponential("luck"),
        arrival=exponential("arrival"),
        dropout=exponential("dropout"),
        crossover=uniform("crossover"),
        delivery=uniform("delivery"),
        order=uniform("order"),
    )


def entry_days(arrival: Array, plan: Recruitment, slower: float = 1.0) -> Array:
    """(r, n) days of randomisation, the first patient's 0: a Poisson process whose rate grows along the ramp.

    Args:
        arrival: (r, n) unit-exponential gaps.
        plan: full rate and ramp.
        slower: factor of every waiting time.
    """
    whole = np.cumsum(arrival, axis=1) / plan.rate
    half = plan.ramp / 2
    ramped = np.sqrt(2 * plan.ramp * np.minimum(whole, half))
    day = np.where(whole < half, ramped, whole + half)
    return np.asarray((day - day[:, :1]) * slower)


def arm_of_slots(order: Array, sizes: tuple[int, ...]) -> Whole:
    """(r, n) arm of each place: the arms in turn by their sizes, permuted within small blocks.

    Args:
        order: (r, n) uniform keys.
        sizes: patients of each arm, adding up to n.
    """
    n = order.shape[1]
    base = in_turn(sizes)
    block = BLOCK if len(sizes) == 2 and max(sizes) < 1.5 * min(sizes) else 2 * round(n / min(sizes))
    keys = np.arange(n)[None, :] // block + order
    return np.asarray(base[np.argsort(keys, axis=1)])


def in_turn(sizes: tuple[int, ...]) -> Whole:
    """Arms in the order in which each has its share as early as may be; exact in total."""
    places = [(place + 0.5) / size for size in sizes for place in range(size)]
    arm = np.repeat(np.arange(len(sizes)), sizes)
    return np.asarray(arm[np.lexsort((arm, np.round(places, 12)))])
