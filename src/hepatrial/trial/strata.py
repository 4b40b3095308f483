"""Stratified randomisation and centres: which patient of a trial comes to which place of its plan.

The plan fixes the arm of every place before anybody is admitted. Within a trial the patients are then put on
the places so that their arms are permuted blocks within each stratum, in the order of admission. The patients
of incomplete blocks share what is left of the planned sizes, so that these are met exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepatrial.protocol import Protocol
from hepatrial.protocol.randomisation import YES_OR_NO, Stratum
from hepatrial.rng import Stream
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.randomise import arms_of

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

CENTRE, STRATUM = "centre", "stratum"
"""Columns of the subject table of a protocol with ``[randomisation]``."""


@dataclass(frozen=True)
class Placed:
    """Rows of a plan with their strata.

    Attributes:
        plan: with ``row`` changed where patients were put on other places.
        centre: (c,) number from 1; 0 in the counterfactual arms, where each person has a centre of its own.
        stratum: (c,) name, "" in the counterfactual arms.
        ratio: (c,) factor of the death hazard in the centre.
    """

    plan: Plan
    centre: Whole
    stratum: NDArray[np.str_]
    ratio: Array


def placed(protocol: Protocol, seed: int, plan: Plan, names: NDArray[np.str_]) -> Placed:
    """Put the patients of each trial on the places of its plan.

    Args:
        protocol: with ``[randomisation]``.
        seed: the run's seed.
        plan: rows of any trials of one world.
        names: (m,) stratum of every patient of the world's cohort, by its row, centres not counted.
    """
    rule = protocol.randomisation
    assert rule is not None
    row, centre = plan.row.copy(), np.zeros(len(plan), dtype=np.int64)
    stratum = np.full(len(plan), "", dtype=names.dtype if names.size else "<U1")
    sizes = [protocol.arms[name].n for name in arm_names(protocol)]
    for number in np.unique(plan.replicate[plan.replicate != PAIR_REPLICATE]):
        mine = np.flatnonzero(plan.replicate == number)
        first = int(plan.row[mine[0]] - plan.subject[mine[0]] + 1)
        places = np.arange(sum(sizes))
        centres = _centres(seed, int(number), len(places), rule.centres)
        own = names[first + places]
        patient = places
        if rule.strata or (rule.by_centre and rule.centres > 1):
            joint = np.stack([own, centres.astype("<U4") if rule.by_centre else np.full(len(own), "")])
            _, code = np.unique(joint, axis=1, return_inverse=True)
            arm = arms_of(seed, [int(number)], sizes)[0]
            patient = _patients(arm, code.ravel(), sizes, rule.block_of(sizes), seed, int(number))
        here = plan.subject[mine] - 1
        row[mine], centre[mine] = first + patient[here], centres[patient[here]]
        stratum[mine] = own[patient[here]]
    return Placed(replace(plan, row=row), centre, stratum, _ratios(rule.centre_effect, seed, plan, centre))


def _centres(seed: int, replicate: int, n: int, centres: int) -> Whole:
    """(n,) centre from 1 of the patients of a trial, in the order of admission."""
    draws = Stream(seed, "centre").uniform(np.full(n, replicate), np.arange(n))
    return np.minimum((draws * centres).astype(np.int64), centres - 1) + 1


def _ratios(sd: float, seed: int, plan: Plan, centre: Whole) -> Array:
    """(c,) factor of the death hazard: one a centre of each trial, one a counterfactual person."""
    if sd == 0:
        return np.ones(len(plan))
    paired = plan.replicate == PAIR_REPLICATE
    own = Stream(seed, "centre_effect").normal(plan.replicate, centre)
    alone = Stream(seed, "centre_effect_of_pair").normal(plan.person)
    return np.asarray(np.exp(sd * np.where(paired, alone, own)))


def _patients(
    arm: Whole, stratum: Whole, sizes: list[int], block: tuple[int, ...], seed: int, replicate: int
) -> Whole:
    """(n,) patient of each place, so that arms are permuted blocks within strata.

    Args:
        arm: (n,) of each place, exactly ``sizes``.
        stratum: (n,) code of each patient in the order of admission.
        sizes: patients of each arm.
        block: patients of each arm in a block.
        seed, replicate: of the draws.
    """
    n, length = len(arm), sum(block)
    keys = Stream(seed, "randomise_block").uniform(np.full(n, replicate), np.arange(n))
    inside = np.repeat(np.arange(len(block)), block)
    given, late = np.full(n, -1), []
    for code in range(int(stratum.max()) + 1):
        mine = np.flatnonzero(stratum == code)
        whole = len(mine) // length * length
        for start in range(0, whole, length):
            group = mine[start : start + length]
            given[group] = inside[np.argsort(keys[group], kind="stable")]
        late += mine[whole:].tolist()
    rest = np.array(sorted(late), dtype=np.int64)
    left = np.repeat(
        np.arange(len(sizes)), np.array(sizes) - np.bincount(given[given >= 0], minlength=len(sizes))
    )
    given[rest] = left[np.argsort(keys[rest], kind="stable")]
    patient = np.empty(n, dtype=np.int64)
    for place in range(len(sizes)):
        patient[arm == place] = np.flatnonzero(given == place)
    return patient


def names_of(strata: tuple[Stratum, ...], columns: dict[str, NDArray[np.generic]]) -> NDArray[np.str_]:
    """(m,) name of each patient's stratum, as "cirrhosis, meld 25 or more".

    Args:
        strata: of the protocol.
        columns: name -> (m,) value of each patient; what is yes or no as 1 or 0, sex as female 1.
    """
    n = len(next(iter(columns.values()))) if columns else 0
    parts = []
    for one in strata:
        value = np.asarray(columns[one.by], dtype=np.float64)
        if one.by in YES_OR_NO:
            yes, no = ("female", "male") if one.by == "sex" else (one.by, f"no {one.by}")
            parts.append(np.where(value == 1.0, yes, no))
        else:
            assert one.cut is not None
            parts.append(
                np.where(value >= one.cut, f"{one.by} {one.cut:g} or more", f"{one.by} below {one.cut:g}")
            )
    return np.array(
        [", ".join(row) for row in zip(*parts, strict=True)] if parts else [""] * n, dtype=np.str_
    )
