"""The whole fit: donors, HBV-ACLF, acute failure, other definitions, a last look, the cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.farm import CELLS, Farm
from hepatrial.calibration.fit import (
    LayerResult,
    Members,
    Schedule,
    all_doubts,
    draw_members,
    fit_layer,
    plausibility,
    seed_of,
)
from hepatrial.calibration.likelihood import BETWEEN, make_likelihood
from hepatrial.calibration.prior import doubts_of
from hepatrial.calibration.simulate import Evaluation
from hepatrial.calibration.targets import LAYERS, Declaration, load_declaration
from hepatrial.model import load_patient_model
from hepatrial.population.reference import reference_protocol
from hepatrial.provenance import COHORT_SOURCE, fingerprint, source_hash

Array = NDArray[np.float64]

MEMBERS = 208
ROUNDS = {"donors": 4, "hbv_aclf": 4, "alf": 3, "definitions": 3}
"""Rounds of simulation of every member in each layer; the last is what the posterior shows."""
NEGLIGIBLE = 1e-6
"""Weight, relative to the largest, below which a member needs no last look and no cells' step."""


@dataclass(frozen=True)
class Fit:
    """A finished fit.

    Attributes:
        declaration: what was declared.
        members: the ensemble.
        layers: layer -> what it learnt.
        last: HBV-ACLF as the finished members show it, after the later layers have moved their cards.
        cells: contrasts of the cells' step, variants by outcomes.
        evaluations: simulations in all.
    """

    declaration: Declaration
    members: Members
    layers: dict[str, LayerResult]
    last: list[Evaluation]
    cells: list[Evaluation]
    evaluations: int


def schedule(members: int = MEMBERS) -> Schedule:
    """The schedule of the shipped fit, or one of fewer members."""
    return Schedule(members=members, rounds={layer: (members,) * n for layer, n in ROUNDS.items()})


def head(declaration: Declaration, plan: Schedule) -> dict[str, object]:
    """What a fit rests on; a folder that began with another is refused."""
    names = sorted({world.reference for world in declaration.worlds.values() if world.reference})
    return {
        "cohorts": fingerprint({name: reference_protocol(name).as_dict() for name in names}),
        "targets": declaration.hash,
        "model": load_patient_model().hash,
        "source": source_hash((*COHORT_SOURCE, "calibration")),
        "members": plan.members,
        "rounds": {layer: list(counts) for layer, counts in plan.rounds.items()},
        "seed": plan.seed,
    }


def fit_layers(folder: Path, *, workers: int, members: int = MEMBERS, tell: Callable[[str], None]) -> Fit:
    """Fit every layer in order; evaluations already in the folder are not repeated.

    Args:
        folder: of evaluations.
        workers: processes.
        members: of the ensemble.
        tell: called with sentences of progress.

    Raises:
        BadInput: the folder holds a fit of other targets, other code, another model or schedule.
    """
    declaration, plan = load_declaration(), schedule(members)
    farm = Farm(folder, head(declaration, plan), workers, tell)
    ensemble = draw_members(all_doubts(declaration, doubts_of()), plan.members, plan.seed)
    found: dict[str, LayerResult] = {}
    for layer in LAYERS:
        tell(f"layer {layer}: {len(declaration.free[layer])} free numbers, {plan.members} members")
        found[layer] = fit_layer(declaration, layer, ensemble, plan, farm)
        tell(f"layer {layer}: misses, largest first: {_misses(found[layer], declaration)}")
    rows = _kept(declaration, found)
    last = _again(farm, "hbv_aclf", "last", ensemble, rows, plan)
    cells = _again(farm, CELLS, CELLS, ensemble, rows, plan)
    spent = sum(result.evaluations for result in found.values()) + 2 * len(rows)
    return Fit(declaration, ensemble, found, last, cells, spent)


def _kept(declaration: Declaration, found: Mapping[str, LayerResult]) -> NDArray[np.intp]:
    """Members to which the layers after HBV-ACLF leave weight; the rest need no last look."""
    weights = np.ones(len(next(iter(found.values())).distance))
    for layer, result in found.items():
        if layer != "hbv_aclf":
            weights *= plausibility(result.distance, len(declaration.of_layer(layer)))
    return np.flatnonzero(weights > NEGLIGIBLE * weights.max())


def _again(
    farm: Farm, layer: str, batch: str, members: Members, rows: NDArray[np.intp], plan: Schedule
) -> list[Evaluation]:
    """One evaluation a member, of the finished members; those not in ``rows`` are given up."""
    seeds = [seed_of(plan.seed, batch, 0, int(row)) for row in rows]
    done = dict(zip(rows, farm(layer, [members.settings(int(r)) for r in rows], seeds, batch), strict=True))
    none = np.full_like(next(iter(done.values())).values, np.nan)
    left = Evaluation(none, none, 0, "without weight")
    return [done.get(row, left) for row in range(plan.members)]


def _misses(result: LayerResult, declaration: Declaration) -> str:
    """Median of each target over the members in its own spread, the three largest."""
    targets = declaration.of_layer(result.layer)
    shown = np.nanmedian(result.shown, axis=0)
    miss = {t.id: (value - t.place) / t.spread for t, value in zip(targets, shown, strict=True)}
    worst = sorted(miss, key=lambda name: -abs(miss[name]))[:3]
    return ", ".join(f"{name} {miss[name]:+.1f}" for name in worst)


def last_distance(fit: Fit) -> Array:
    """(n,) squared Mahalanobis distance of the HBV-ACLF targets as the finished members show them."""
    likelihood = make_likelihood(fit.declaration.of_layer("hbv_aclf"))
    layer, n = fit.layers["hbv_aclf"], len(fit.last)
    distance = np.full(n, np.inf)
    scales = np.array([BETWEEN[name] for name in likelihood.scales])
    steps = np.stack([layer.between[name] for name in likelihood.scales], axis=1) / scales
    for row, one in enumerate(fit.last):
        if one.ok:
            noise = np.nan_to_num(one.errors[None, :]) ** 2
            distance[row] = likelihood.distance(one.values[None, :], noise, steps[row : row + 1])[0]
    return distance
