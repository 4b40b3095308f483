"""The shipped ensemble as the plausible worlds of a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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


def single_worlds(ensemble: Ensemble, number: int, seed: int) -> tuple[Worlds, ...]:
    """The worlds of ``worlds_of``, each alone and with one structural variant.

    The variants are dealt by their weights, to each so many worlds as come nearest, and shuffled over the
    worlds: which one a world has does not depend on its member.
    """
    whole = worlds_of(ensemble, number, seed)
    names, edges = list(whole.variants), np.cumsum(list(whole.variants.values()))
    place = np.argsort(Stream(seed, "ensemble.variant").uniform(np.arange(number)))
    dealt = np.minimum(edges.searchsorted((place + 0.5) / number), len(names) - 1)
    return tuple(
        replace(
            whole,
            members=(row,),
            settings={member: whole.settings[member] for member in row},
            variants={names[variant]: 1.0},
        )
        for row, variant in zip(whole.members, dealt, strict=True)
    )


def variant_weights(ensemble: Ensemble) -> dict[str, float]:
    """Variant -> weight, over all members; a variant without a draw has none."""
    total = float(ensemble.weights.sum())
    weight = dict.fromkeys(load_variants(), 0.0)
    for name, share in zip(ensemble.variants, ensemble.weights, strict=True):
        weight[name] += float(share) / total
    return weight
