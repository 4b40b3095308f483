"""The plan of a run: one row for every course, in the order of the final tables."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hepatrial.protocol import Protocol
from hepatrial.rng import Stream
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial.randomise import allocate

Whole = NDArray[np.int64]

_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True)
class Plan:
    """Courses sorted by (replicate, arm name, subject).

    Attributes:
        replicate: (c,) trial replicate from 1; 0 holds the counterfactual arms.
        subject: (c,) number within the replicate, from 1.
        person: (c,) number of the subject in the run, from 1: the key of its luck. A person is the same
            admitted patient in every arm; the counterfactual arms hold persons 1 to P.
        arm: (c,) index into ``arm_names``.
        treated_before: (c,) treated subjects of the replicate with a lower number; tells the batch.
        variant: (c,) index of the structural variant.
        world: (c,) plausible world from 0: a member of the ensemble of parameters.
        row: (c,) place of the subject in the cohort of its world, from 0.
    """

    replicate: Whole
    subject: Whole
    person: Whole
    arm: Whole
    treated_before: Whole
    variant: Whole
    world: Whole
    row: Whole

    def __len__(self) -> int:
        return len(self.replicate)

    def rows(self, chosen: slice | Whole) -> Plan:
        """A part of the plan."""
        return Plan(*(getattr(self, field.name)[chosen] for field in fields(Plan)))


def arm_names(protocol: Protocol) -> tuple[str, ...]:
    """The arms in the order of the tables (by name)."""
    return tuple(sorted(protocol.arms))


TICKETS = 4
"""Structural variants that the counterfactual persons of one world are divided over, where there are several
worlds: enough persons share world and variant to tell their chance from what the two do."""


def make_plan(
    protocol: Protocol,
    seed: int,
    replicates: int,
    pairs: int,
    variant_weights: NDArray[np.float64],
    worlds: int = 1,
) -> Plan:
    """Plan the randomised trials and the counterfactual arms.

    Args:
        protocol: arms and their sizes.
        seed: the run's seed.
        replicates: simulated trials.
        pairs: persons followed in every arm.
        variant_weights: prior weight of each structural variant; one is drawn for each replicate, and the
            counterfactual persons are spread over them in the same proportions.
        worlds: plausible worlds. Replicate r is held in world (r - 1) mod worlds, counterfactual person p in
            world (p - 1) mod worlds; each world has a cohort of its own.
    """
    names = arm_names(protocol)
    treated = np.array([bool(protocol.arms[name].regimen) for name in names])
    parts = [_pairs(seed, pairs, len(names), variant_weights, worlds)]
    if replicates:
        sizes = [protocol.arms[name].n for name in names]
        parts.append(_trials(seed, replicates, sizes, treated, variant_weights, worlds))
    return Plan(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Plan)))


def _pairs(seed: int, pairs: int, arms: int, weights: NDArray[np.float64], worlds: int) -> Plan:
    person = np.tile(np.arange(1, pairs + 1), arms)
    # Multiples of the golden ratio fill (0, 1) evenly however many there are (Weyl 1916).
    start = float(Stream(seed, "variant").uniform(PAIR_REPLICATE))
    world, row = (person - 1) % worlds, (person - 1) // worlds
    turn = person if worlds == 1 else world * TICKETS + row % TICKETS
    variant = _choose(np.mod(start + turn * _GOLDEN, 1.0), weights)
    arm = np.repeat(np.arange(arms), pairs)
    return Plan(np.full(len(person), PAIR_REPLICATE), person, person, arm, person - 1, variant, world, row)


def _trials(
    seed: int,
    replicates: int,
    sizes: list[int],
    treated: NDArray[np.bool_],
    weights: NDArray[np.float64],
    worlds: int,
) -> Plan:
    arm = allocate(seed, replicates, sizes)
    replicate, place = np.indices(arm.shape)
    gets_cells = treated[arm].astype(np.int64)
    before = np.cumsum(gets_cells, axis=1) - gets_cells
    variant = _choose(Stream(seed, "variant").uniform(np.arange(1, replicates + 1)), weights)
    person = replicate * arm.shape[1] + place + 1
    order = np.lexsort((place.ravel(), arm.ravel(), replicate.ravel()))
    world, row = replicate % worlds, replicate // worlds * arm.shape[1] + place
    variants = np.broadcast_to(variant[:, None], arm.shape)
    columns = (replicate + 1, place + 1, person, arm, before, variants, world, row)
    return Plan(*(np.asarray(column, dtype=np.int64).ravel()[order] for column in columns))


def _choose(uniform: NDArray[np.float64], weights: NDArray[np.float64]) -> Whole:
    """Index of the weight that each uniform draw falls into."""
    edges = np.cumsum(weights) / np.sum(weights)
    return np.minimum(np.searchsorted(edges, uniform, side="right"), len(weights) - 1).astype(np.int64)
