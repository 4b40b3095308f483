"""Fitted cohorts predicted as if they had never been read: the honest test of the discrepancy.

Left out are once the cohort's cluster (another study of a known class of disease), once all cohorts of its
class (a disease of which nothing was read).

The ensemble itself was fitted to these cohorts, so that this tests what ``discrepancy`` adds, not the
model's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from hepatrial.errors import BadInput, Problem
from hepatrial.prediction.calibrants import Calibrant, Point, all_points, load_calibrants
from hepatrial.prediction.discrepancy import (
    KIND,
    NEUTRAL,
    SCALES,
    Discrepancy,
    class_shares,
    draw_scales,
    evidence_cache,
    time_of,
)
from hepatrial.prediction.planned import disease_class
from hepatrial.prediction.predict import map_parts
from hepatrial.prediction.rivals.days import GRID, mixture_risk
from hepatrial.prediction.rivals.severity import level_draw, score_risk, shape_of

Array = NDArray[np.float64]

OF_RIVAL: Mapping[str, tuple[str, ...]] = {
    "canonic": ("canonic_subcohort", "canonic_inflammation"),
    "predict": ("predict_subcohort",),
    "china_clif2025": ("china_clif2025_cossh", "china_clif2025_easl"),
    "tag_compare": ("tag_compare_cma", "tag_compare_easl"),
    "zekri2015": ("zekri2015_control",),
    "damico2014": (
        "damico_decompensated",
        "damico_further",
        "damico_compensated_1",
        "damico_compensated_2",
    ),
    "alfsg": ("alfsg_paracetamol", "alfsg_ischaemia", "alfsg_dili", "alfsg_hbv", "alfsg_other"),
}
"""Cluster -> arms of ``rivals/controls.toml`` that are the same patients; else the cluster's own name."""
DRAWS = 400
MEMBERS = 30
"""Draws of the ensemble, evenly through it, that serve."""
By = Literal["cluster", "class"]
"""What is left out together."""
COLUMNS = ("by", "study", "cluster", "endpoint", "model", "draw", "value", "observed", "n")


def groups_by(by: By, points: Sequence[Point]) -> dict[str, frozenset[str]]:
    """Name of a group -> calibrants that are left out together; a mixture counts to its largest class."""
    known = {one.study.id: one for one in load_calibrants()}
    found: dict[str, set[str]] = {}
    for point in points:
        shares = class_shares(known[point.calibrant].study)
        name = point.cluster if by == "cluster" else max(shares, key=shares.__getitem__)
        found.setdefault(name, set()).add(point.calibrant)
    return {name: frozenset(some) for name, some in found.items()}


def left_out(made: Discrepancy, seed: int) -> pl.DataFrame:
    """Predictive draws of every point of mortality, its cluster left out (the rivals' beside ours), then its
    class (ours alone: a pooled control arm has nothing to pool).

    Args:
        made: learnt from all.
        seed: of all chance.

    Returns:
        One row a draw, columns ``COLUMNS``; the value is the share with the event at the cohort's size.

    Raises:
        BadInput: no draw admits patients to every fitted cohort; those are named to which none does, else
            those to which some draw does not.
    """
    _refuse_silent(made)
    return pl.concat([_left_out(made, seed, by) for by in get_args(By)])


def _refuse_silent(made: Discrepancy) -> None:
    evidence = evidence_cache("mortality")
    names = np.array([point.calibrant for point in evidence.points])
    seen = np.isfinite(made.shown[:, evidence.rows])
    silent = set(names[~seen.any(axis=0)])
    if not silent and not seen.all(axis=1).any():
        silent = set(names[~seen.all(axis=0)])
    if silent:
        allowed = "a posterior of which at least one draw admits patients to every fitted cohort"
        raise BadInput([Problem(f"cohort {name}", "no such draw", allowed) for name in sorted(silent)])


def _left_out(made: Discrepancy, seed: int, by: By) -> pl.DataFrame:
    evidence, points = evidence_cache("mortality"), all_points()
    known = {one.study.id: one for one in load_calibrants()}
    rows: list[tuple[object, ...]] = []
    for number, (name, group) in enumerate(groups_by(by, evidence.points).items()):
        rest = evidence.without(group)
        shown, variance, missed = (part[:, rest.rows] for part in (made.shown, made.variance, made.missed))
        good = np.flatnonzero(np.isfinite(shown).all(axis=1))
        good = good[np.linspace(0, len(good) - 1, min(MEMBERS, len(good))).astype(int)]
        scales = np.ones((len(made.shown), len(SCALES)))
        scales[good] = draw_scales(rest, shown[good], variance[good], missed[good], seed + number)
        without = Discrepancy(made.ensemble, made.shown, made.variance, made.missed, scales[:, None, :])
        for point in (p for p in evidence.points if p.calibrant in group):
            one, place = known[point.calibrant], points.index(point)
            rng = np.random.default_rng([seed, number, place])
            drawn = {"mechanistic": _ours(without, one, point, place, good, group, rng)}
            if by == "cluster":
                drawn |= _rivals(one, point, name, rng)
            for model, shares in drawn.items():
                counts = rng.binomial(point.n, np.clip(shares, 0.0, 1.0)) / point.n
                rows += [
                    (
                        by,
                        point.calibrant,
                        name,
                        f"{point.event}_d{point.day:g}",
                        model,
                        d,
                        float(x),
                        point.share,
                        point.n,
                    )
                    for d, x in enumerate(counts)
                ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def _ours(
    made: Discrepancy,
    one: Calibrant,
    point: Point,
    place: int,
    good: NDArray[np.intp],
    group: frozenset[str],
    rng: np.random.Generator,
) -> Array:
    shares = np.empty(DRAWS)
    able = good[np.isfinite(made.shown[good, place])]  # a draw may admit nobody to this cohort alone
    for draw in range(DRAWS):
        member = int(able[draw % len(able)])
        effects = made.effects(one.study, member, 0, leave_out=group)[KIND[point.event]]
        effects = effects.widened(float(made.missed[member, place]))
        level, slope, gain, extra = effects.draw(rng.standard_normal(4))
        model = made.shown[member, place]
        moved = model + level + slope * float(time_of(point.day)) + gain * (model - NEUTRAL)
        shares[draw] = expit(moved + (extra if point.event == "death_or_transplant" else 0.0))
    return shares


def _rivals(one: Calibrant, point: Point, cluster: str, rng: np.random.Generator) -> dict[str, Array]:
    parts = map_parts(one.study, frozenset(OF_RIVAL.get(cluster, (cluster,))))
    risk, sd, _ = score_risk(one.study, disease_class(one.study))
    centre, width = shape_of(one.study.definition)
    found = {"map_control": np.empty(DRAWS), "severity_score": np.empty(DRAWS)}
    for draw in range(DRAWS):
        node, step, bend = rng.random(), rng.standard_normal(), rng.standard_normal()
        mixed = [
            (share, post.quantile_draw(node, step), max(shape + spread * bend, 0.05))
            for share, post, shape, spread in parts
        ]
        found["map_control"][draw] = np.interp(point.day, GRID, mixture_risk(mixed, 0.0))
        level = level_draw(risk, sd, rng.standard_normal())
        shape = max(centre + width * rng.standard_normal(), 0.05)
        found["severity_score"][draw] = np.interp(point.day, GRID, mixture_risk([(1.0, level, shape)], 0.0))
    return {**found, "no_effect": found["map_control"]}
