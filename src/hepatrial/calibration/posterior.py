"""From a finished fit to what ships: the posterior ensemble, and what the data taught, misses first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.weighted import weighted_quantiles
from hepatrial.calibration.cells import CellsResult, load_plan, weigh_cells
from hepatrial.calibration.ensemble import COMMAND, Ensemble, Origin
from hepatrial.calibration.fit import plausibility
from hepatrial.calibration.layers import Fit, last_distance, schedule
from hepatrial.calibration.likelihood import BETWEEN
from hepatrial.calibration.targets import natural
from hepatrial.model import load_patient_model, load_variants
from hepatrial.rng import Stream

Array = NDArray[np.float64]

PER_MEMBER = 4
"""Draws of a variant for each member."""
SHIPPED = 72
"""Members that ship at most, four draws each: every one of them costs seconds in each prediction."""
LEARNT_SD, LEARNT_SHIFT = 0.8, 0.5
"""A number is called learnt when its posterior SD is below 0.8 prior SDs or its mean moved by more than
0.5 of them."""


def member_weights(fit: Fit) -> Array:
    """(n,) weights, summing to 1: what each member's own simulations show in every layer and in the last
    look."""
    weights = np.ones(len(fit.members.steps))
    for layer, result in fit.layers.items():
        distance = last_distance(fit) if layer == "hbv_aclf" else result.distance
        weights *= plausibility(distance, len(fit.declaration.of_layer(layer)))
    return np.asarray(weights / weights.sum())


def weigh(fit: Fit) -> CellsResult:
    """The cells' step on the fitted members."""
    outcomes = len(load_plan().outcome)
    shown = np.stack([one.values.reshape(-1, outcomes) for one in fit.cells])
    return weigh_cells(shown, member_weights(fit))


def posterior_ensemble(fit: Fit) -> Ensemble:
    """Members by their weight, each with variants drawn from what the cells' step left of them."""
    cells, seed = weigh(fit), schedule(len(fit.members.steps)).seed
    names, rows = list(load_variants()), cells.weights.sum(axis=1)
    settings, variants, weights = [], [], []
    for member, weight in thin(rows, SHIPPED).items():
        edges = np.cumsum(cells.weights[member] / rows[member])
        begin = float(Stream(seed, "posterior.variant").uniform(int(member)))
        for turn in range(PER_MEMBER):
            place = int(np.searchsorted(edges, (begin + turn) / PER_MEMBER))
            settings.append(fit.members.settings(int(member)))
            variants.append(names[min(place, len(names) - 1)])
            weights.append(weight / PER_MEMBER)
    origin = Origin("posterior", load_patient_model().hash, fit.declaration.hash, COMMAND, seed)
    total = np.array(weights)
    return Ensemble(tuple(settings), tuple(variants), total / total.sum(), between_study(fit), origin)


def thin(weights: Array, most: int) -> dict[int, float]:
    """Member -> weight, of at most ``most`` members.

    Where more have a weight, they are taken by systematic resampling: the chance to stay is the weight, and
    the weights of those who stay are multiples of 1/``most``.

    Args:
        weights: (n,) not below 0.
        most: members that stay.
    """
    kept = np.flatnonzero(weights > 1e-6)
    if len(kept) <= most:
        return dict(zip(kept.tolist(), weights[kept].tolist(), strict=True))
    edges = np.cumsum(weights[kept]) / weights[kept].sum()
    stay, times = np.unique(np.searchsorted(edges, (np.arange(most) + 0.5) / most), return_counts=True)
    return dict(zip(kept[stay].tolist(), (times / most).tolist(), strict=True))


def between_study(fit: Fit) -> dict[str, float]:
    """Posterior median of the SD of a study's own deviation, over the layers that hold studies on the
    scale."""
    found: dict[str, list[Array]] = {scale: [] for scale in BETWEEN}
    for result in fit.layers.values():
        for scale, values in result.between.items():
            found[scale].append(values)
    return {scale: float(np.median(np.concatenate(values))) for scale, values in found.items() if values}


def diagnostics(fit: Fit) -> dict[str, Any]:
    """What was learnt and what was missed.

    Returns:
        JSON: "misses" (targets, the largest first), "numbers" (prior beside posterior), "variants", "bias",
        "effective_members", "given_up", "evaluations", "between_study".
    """
    weights, cells, plan = member_weights(fit), weigh(fit), load_plan()
    names = list(load_variants())
    after = cells.weights.sum(axis=0)
    outcome = {
        name: {
            "observed": one.log_odds_ratio,
            "se": math.sqrt(one.variance),
            "modelled_prior": cells.effect[name][:2],
            "modelled_posterior": cells.effect[name][2:],
            "tipping_point": one.log_odds_ratio,
            "sentence": f"A bias of {one.log_odds_ratio:+.2f} in the log odds ratio would leave no effect.",
        }
        for name, one in plan.outcome.items()
    }
    return {
        "misses": sorted(_targets(fit, weights), key=lambda row: -abs(row["miss"])),
        "numbers": [row for layer in fit.layers for row in _numbers(fit, layer, weights)],
        "variants": [
            {"variant": name, "prior": float(p), "posterior": float(q), "learnt": bool(abs(q - p) > 0.5 * p)}
            for name, p, q in zip(names, cells.prior, after, strict=True)
        ],
        "bias": {
            "prior": [plan.bias_mean, plan.bias_sd],
            "posterior": [cells.bias_mean, cells.bias_sd],
            "outcomes": outcome,
        },
        "members": len(weights),
        "effective_members": float(1.0 / (weights**2).sum()),
        "given_up": sum(len(result.given_up) for result in fit.layers.values()),
        "evaluations": fit.evaluations,
        "between_study": between_study(fit),
        "frozen": fit.declaration.fixed and sorted(fit.declaration.fixed),
        "targets": fit.declaration.hash,
        "model": load_patient_model().hash,
    }


def _targets(fit: Fit, weights: Array) -> list[dict[str, Any]]:
    rows = []
    for layer, result in fit.layers.items():
        shown = result.shown
        if layer == "hbv_aclf":
            shown = np.stack([one.values for one in fit.last])
        for i, target in enumerate(fit.declaration.of_layer(layer)):
            good = np.isfinite(shown[:, i]) & (weights > 0)
            low, middle, high = weighted_quantiles(shown[good, i], weights[good], (0.05, 0.5, 0.95))
            ends = natural(np.array([low, middle, high]), target.transform)
            rows.append(
                {
                    "target": target.id,
                    "layer": layer,
                    "published": target.value,
                    "simulated": float(ends[1]),
                    "interval_90": [float(ends[0]), float(ends[2])],
                    "unit": target.unit,
                    "miss": float((middle - target.place) / target.spread),
                    "grade": target.grade,
                }
            )
    return rows


def _numbers(fit: Fit, layer: str, weights: Array) -> list[dict[str, Any]]:
    rows, known = [], {doubt.name: i for i, doubt in enumerate(fit.members.doubts)}
    for name in fit.layers[layer].free:
        doubt, steps = fit.members.doubts[known[name]], fit.members.steps[:, known[name]]
        mean = float((weights * steps).sum())
        sd = math.sqrt(float((weights * (steps - mean) ** 2).sum()))
        ends = weighted_quantiles(steps, weights, (0.05, 0.95))
        rows.append(
            {
                "card": name,
                "layer": layer,
                "prior": doubt.value(0.0),
                "posterior": doubt.value(mean),
                "posterior_90": [doubt.value(float(x)) for x in ends],
                "sd_ratio": sd,
                "shift": mean,
                "learnt": sd < LEARNT_SD or abs(mean) > LEARNT_SHIFT,
            }
        )
    return rows
