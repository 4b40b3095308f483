"""The shipped ensemble as the plausible worlds of a run."""

from __future__ import annotations

from hepatrial.calibration.ensemble import Ensemble
from hepatrial.model.variants import load_variants
from hepatrial.rng import Stream
from hepatrial.trial.plausible import Worlds

ATTEMPTS = 4
"""Members that are tried for one world before a run is given up."""


def worlds_of(ensemble: Ensemble, number: int, seed: int) -> Worlds:
    """Worlds of a run.

    The members are picked by systematic resampling of their weights. The variant is drawn for each simulated
    trial from the ensemble's weights of the variants, independently of the member: with two or so draws of a
    variant for each member the ensemble does not resolve how one depends on the other
    (docs/decisions/0005-doubt-in-runs.md).

    Args:
        ensemble: plausible settings with weights.
        number: of worlds.
        seed: of the run.
    """
    first = ensemble.pick(number, seed)
    spare = Stream(seed, "ensemble.spare")
    edges = ensemble.weights.cumsum() / ensemble.weights.sum()
    members = tuple(
        (
            int(member),
            *(
                min(int(edges.searchsorted(float(spare.uniform(world, turn)))), len(ensemble) - 1)
                for turn in range(1, ATTEMPTS)
            ),
        )
        for world, member in enumerate(first)
    )
    used = sorted({member for row in members for member in row})
    return Worlds(
        kind=ensemble.origin.kind,
        members=members,
        settings={member: ensemble.settings[member] for member in used},
        variants=variant_weights(ensemble),
        between_study=dict(ensemble.between_study),
        ensemble=ensemble.hash,
    )


def variant_weights(ensemble: Ensemble) -> dict[str, float]:
    """Variant -> weight, over all members; a variant without a draw has none."""
    total = float(ensemble.weights.sum())
    weight = dict.fromkeys(load_variants(), 0.0)
    for name, share in zip(ensemble.variants, ensemble.weights, strict=True):
        weight[name] += float(share) / total
    return weight
