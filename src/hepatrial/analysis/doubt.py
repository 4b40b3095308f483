"""How much of a trial's uncertainty is chance, patients drawn, parameters or structure.

The counterfactual arms are a nested design: persons within structural variants within plausible worlds. With
y a person's survival indicator (first-order pseudo-value under censoring), w its world and m its variant, the
law of total variance gives for the result Y of a trial of n patients

    Var(Y) = E[Var(y | person)]/n + E[Var(E[y | person] | w, m)]/n         luck, patients drawn
             + E_m[Var_w(E[y | w, m])] + Var_m(E[y | m])                   parameters, structure.

Every term is a difference of mean products of two persons (U-statistics), hence unbiased whatever the sizes
of the groups:  E[y^2],  A = same world and variant,  B = same variant, other world,  C = other world; and for
the luck, the product of the two lives of a person who was followed once more with other luck. A term may come
out below 0 by Monte-Carlo error, which is the jackknife over worlds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.analysis import check
from hepatrial.analysis.counterfactual import person_influence
from hepatrial.analysis.endpoints import ENDPOINTS
from hepatrial.errors import BadInput, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS = ("luck", "patients", "parameters", "structure")
"""Chance of events in given patients; which patients the trial drew; parameters; structural variant."""
GROUPS = 20
"""Groups of persons left out in turn where there is one world only."""


@dataclass(frozen=True)
class Doubt:
    """Variance of a trial's result by where it comes from.

    Attributes:
        day: survival at this day.
        names: of the three quantities: survival of the control arm, of the other arm, and their difference.
        mean: (3,) expectation.
        mean_mcse: (3,) its Monte-Carlo error.
        variance: (3, 4) by ``PARTS``; NaN for what the run cannot tell; below 0 only by Monte-Carlo error.
        mcse: (3, 4) Monte-Carlo error of ``variance``.
        persons, worlds, followed_again: how many there were.
    """

    day: float
    names: tuple[str, str, str]
    mean: Floats
    mean_mcse: Floats
    variance: Floats
    mcse: Floats
    persons: int
    worlds: int
    followed_again: int


@dataclass(frozen=True)
class _Persons:
    """n persons: ``alive`` (n, 2) control and other arm, ``again`` (n, 2) with NaN, world and variant codes,
    and weights that give each variant its share."""

    alive: Floats
    again: Floats
    world: Ints
    variant: Ints
    weight: Floats

    def rows(self, kept: NDArray[np.bool_]) -> _Persons:
        return _Persons(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def doubt(
    subjects: pl.DataFrame,
    again: pl.DataFrame,
    day: float,
    arms: tuple[str, str],
    sizes: tuple[int, int],
    weights: Mapping[str, float],
    *,
    endpoint: str = "overall_survival",
    both_vary: bool = False,
) -> Doubt:
    """Split the variance of survival at a day, by arm and of the difference.

    Args:
        subjects: counterfactual rows (replicate 0): ``subject, arm, world, variant`` and the endpoint.
        again: rows of the persons followed once more; where empty, luck and patients are not told apart.
        day: days.
        arms: the arm compared and its control.
        sizes: patients of those arms in a trial.
        weights: variant -> weight.
        endpoint: as in ``analysis.endpoints``.
        both_vary: whether the variants touch the control arm too; else its structure is 0 by construction and
            that of the other arm is that of the difference.

    Raises:
        BadInput: a column is missing, or nobody is in both arms.
    """
    persons = _persons(subjects, again, day, arms, weights, endpoint)
    total = _estimate(persons, sizes, both_vary)
    groups = persons.world
    if len(np.unique(groups)) < 2:
        groups = np.arange(len(groups)) % GROUPS
    left_out = np.stack([_estimate(persons.rows(groups != g), sizes, both_vary) for g in np.unique(groups)])
    n = len(left_out)
    error = np.sqrt((n - 1) / n * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0))
    return Doubt(
        day=float(day),
        names=(arms[1], arms[0], f"{arms[0]} - {arms[1]}"),
        mean=total[:, 0],
        mean_mcse=error[:, 0],
        variance=total[:, 1:],
        mcse=error[:, 1:],
        persons=len(persons.world),
        worlds=len(np.unique(persons.world)),
        followed_again=int(np.isfinite(persons.again).all(axis=1).sum()),
    )


def _persons(
    subjects: pl.DataFrame,
    again: pl.DataFrame,
    day: float,
    arms: tuple[str, str],
    weights: Mapping[str, float],
    endpoint: str,
) -> _Persons:
    problems: list[Problem] = []
    needed = ("subject", "arm", "world", "variant", "status", *ENDPOINTS[endpoint])
    check.need_columns(subjects, "subjects", needed, problems)
    check.refuse(problems)
    first, second = (_alive(subjects, arm, day, endpoint) for arm in (arms[1], arms[0]))
    both = first.join(second, on="subject", suffix="_other")
    if both.height == 0:
        raise BadInput([Problem("subjects", f"nobody in {arms[0]} and {arms[1]}", "must hold both arms")])
    for place, arm in ((0, arms[1]), (1, arms[0])):
        more = pl.DataFrame(schema={"subject": pl.Int32, f"again_{place}": pl.Float64})
        if again.height:
            mine = _alive(again, arm, day, endpoint)
            more = mine.select("subject", pl.col("alive").alias(f"again_{place}"))
        both = both.join(more, on="subject", how="left")
    both = both.sort("subject")
    names = both["variant_other"].unique().sort().to_list()
    variant = np.array([names.index(name) for name in both["variant_other"]], dtype=np.int64)
    share = np.bincount(variant, minlength=len(names)) / len(variant)
    asked = np.array([weights.get(name, 0.0) for name in names])
    asked = asked / asked.sum() if asked.sum() > 0 else share
    columns = [both[name].to_numpy() for name in ("alive", "alive_other", "again_0", "again_1")]
    return _Persons(
        np.stack(columns[:2], axis=1),
        np.stack(columns[2:], axis=1).astype(np.float64),
        np.unique(both["world"].to_numpy(), return_inverse=True)[1].astype(np.int64),
        variant,
        (asked / share)[variant],
    )


def _alive(subjects: pl.DataFrame, arm: str, day: float, endpoint: str) -> pl.DataFrame:
    """subject, world, variant, alive (pseudo-value) of the patients of an arm who were solved."""
    mine = subjects.filter((pl.col("arm") == arm) & (pl.col("status") == "ok"))
    time, event = (mine[name].to_numpy() for name in ENDPOINTS[endpoint])
    survival, influences = person_influence(
        np.asarray(time, np.float64), np.asarray(event, np.int64), np.array([day], dtype=np.float64)
    )
    alive = pl.Series("alive", survival[0] + influences[:, 0])
    return mine.select("subject", "world", "variant").with_columns(alive)


def _estimate(persons: _Persons, sizes: tuple[int, int], both_vary: bool) -> Floats:
    """(3, 5): mean and the four variances of control, other arm and difference."""
    n_other, n_control = sizes
    rows = np.full((3, 5), np.nan)
    gap = persons.alive[:, 1] - persons.alive[:, 0]
    one = np.zeros_like(persons.variant)
    arms = ((0, n_control, persons.variant if both_vary else one), (1, n_other, persons.variant))
    for arm, n, variant in arms:
        y, z = persons.alive[:, arm], persons.again[:, arm]
        mean, within, parameters, structure = _between(y, persons.world, variant, persons.weight)
        drawn = _same_person(y, z, persons.weight) - _same_cell(y, persons.world, variant, persons.weight)
        rows[arm] = mean, (within - drawn) / n, drawn / n, parameters, structure
    mean, _, parameters, structure = _between(gap, persons.world, persons.variant, persons.weight)
    rows[2] = mean, rows[0, 1] + rows[1, 1], rows[0, 2] + rows[1, 2], parameters, structure
    if not both_vary:
        rows[1, 3] += rows[1, 4] - structure
        rows[1, 4] = structure
    return rows


def _between(y: Floats, world: Ints, variant: Ints, weight: Floats) -> tuple[float, float, float, float]:
    """Mean, variance within world and variant, variance between worlds, variance between variants."""
    mean = float(np.average(y, weights=weight))
    cell = _same_cell(y, world, variant, weight)
    within = float(np.average(y**2, weights=weight)) - cell
    same, any_ = _other_worlds(y, world, variant, weight)
    parameters = cell - same if world.max() > world.min() else float("nan")
    return mean, within, parameters, same - any_


def _same_person(y: Floats, z: Floats, weight: Floats) -> float:
    both = np.isfinite(z)
    return float(np.average(y[both] * z[both], weights=weight[both])) if both.any() else float("nan")


def _same_cell(y: Floats, world: Ints, variant: Ints, weight: Floats) -> float:
    """Mean product of two persons of the same world and variant."""
    code = world * (int(variant.max()) + 1) + variant
    n, total, squares, mass = (np.bincount(code, x) for x in (np.ones_like(y), y, y**2, weight))
    usable = n > 1
    if not usable.any():
        return float("nan")
    product = (total[usable] ** 2 - squares[usable]) / (n[usable] * (n[usable] - 1))
    return float(np.average(product, weights=mass[usable]))


def _other_worlds(y: Floats, world: Ints, variant: Ints, weight: Floats) -> tuple[float, float]:
    """Mean product of two persons of different worlds: of the same variant, and of any; NaN without.

    In one world alone: of different persons; between worlds there is then no variance to tell.
    """
    worlds, kinds = int(world.max()) + 1, int(variant.max()) + 1
    alone = worlds == 1
    code = variant * worlds + world
    n, total = (
        np.bincount(code, x, minlength=kinds * worlds).reshape(kinds, worlds) for x in (np.ones_like(y), y)
    )
    if alone:
        n_pairs = n[:, 0] * (n[:, 0] - 1)
        product = total[:, 0] ** 2 - np.bincount(variant, y**2, minlength=kinds)
    else:
        n_pairs = n.sum(axis=1) ** 2 - (n**2).sum(axis=1)
        product = total.sum(axis=1) ** 2 - (total**2).sum(axis=1)
    mass = np.bincount(variant, weight, minlength=kinds)
    mass = mass / mass.sum()
    if (n_pairs <= 0).any():
        return float("nan"), float("nan")
    same = float((mass * product / n_pairs).sum())
    if kinds == 1:
        return same, same
    weighted_n, weighted = (np.bincount(world, x, minlength=worlds) for x in (weight, weight * y))
    if alone:
        means = total[:, 0] / n[:, 0]
        mean = float((mass * means).sum())
        # The square of the mean, less what the same person contributes to it.
        squared = mean**2 - float((mass**2 * (means**2 - product / n_pairs)).sum())
        return same, squared
    pairs = weighted_n.sum() ** 2 - (weighted_n**2).sum()
    return same, float((weighted.sum() ** 2 - (weighted**2).sum()) / pairs)
