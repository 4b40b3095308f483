"""The parts of a trial's uncertainty against closed forms and worlds that differ by one thing."""

import numpy as np
import polars as pl
import pytest

from hepatrial.analysis.doubt import PARTS, doubt
from hepatrial.errors import BadInput

VARIANTS = {"none": 0.5, "some": 0.3, "much": 0.2}
EFFECT = {"none": 0.0, "some": 0.1, "much": 0.25}
SIZES = (56, 54)


def runs(seed=1, worlds=60, each=80, *, between=0.08, effects=EFFECT, heterogeneity=0.1):
    """Counterfactual rows whose parts are known: p = 0.5 + world + person, plus the variant's effect.

    World and person are two-point (plus or minus), so their variances are ``between`` and ``heterogeneity``
    squared; a world has four variants, as in a run.
    """
    rng = np.random.default_rng(seed)
    world = np.arange(worlds * each) % worlds
    turn = world * 4 + np.arange(len(world)) // worlds % 4
    names = np.array(list(VARIANTS))
    edges = np.cumsum(list(VARIANTS.values()))
    variant = names[np.searchsorted(edges, (0.3 + turn * 0.6180339887) % 1)]
    centre = 0.5 + between * rng.choice([-1, 1], worlds)[world]
    person = heterogeneity * rng.choice([-1, 1], len(world))
    luck = rng.random((2, len(world)))
    tables = []
    for which in range(2):
        parts = []
        for arm in ("cells", "control"):
            more = np.array([effects[v] for v in variant]) if arm == "cells" else 0.0
            dead = luck[which] >= centre + person + more
            columns = {
                "replicate": np.zeros(len(world), np.int32),
                "subject": np.arange(1, len(world) + 1, dtype=np.int32),
                "arm": [arm] * len(world),
                "world": world + 1,
                "variant": variant,
                "status": ["ok"] * len(world),
                "overall_survival_time": np.where(dead, 50.0, 168.0),
                "overall_survival_event": dead.astype(np.int32),
            }
            parts.append(pl.DataFrame(columns))
        tables.append(pl.concat(parts))
    return tables


def truth(between=0.08, effects=EFFECT, heterogeneity=0.1):
    """(3, 4) variances in closed form: control, cells, difference by ``PARTS``."""
    weight, effect = np.array(list(VARIANTS.values())), np.array([effects[v] for v in VARIANTS])
    structure = float(weight @ effect**2 - (weight @ effect) ** 2)
    chance = {"control": 0.25 - between**2 - heterogeneity**2}
    p = 0.5 + effect
    chance["cells"] = float(weight @ (p * (1 - p))) - between**2 - heterogeneity**2
    n_cells, n_control = SIZES
    control = [chance["control"] / n_control, heterogeneity**2 / n_control, between**2, 0.0]
    cells = [chance["cells"] / n_cells, heterogeneity**2 / n_cells, between**2, structure]
    gap = [control[0] + cells[0], control[1] + cells[1], 0.0, structure]
    return np.array([control, cells, gap])


def split(tables, **options):
    return doubt(*tables, 168.0, ("cells", "control"), SIZES, VARIANTS, **options)


def test_every_part_is_the_closed_form_within_its_monte_carlo_error():
    found = [split(runs(seed)) for seed in range(24)]
    mean = np.mean([one.variance for one in found], axis=0)
    error = np.std([one.variance for one in found], axis=0, ddof=1) / np.sqrt(len(found))
    off = np.abs(mean - truth()) / np.maximum(error, 1e-9)
    assert (off[error > 0] < 4).all()
    assert mean[0, 3] == 0.0


def test_the_jackknife_tells_the_error_that_repeating_the_run_would_show():
    found = [split(runs(seed)) for seed in range(24)]
    told = np.mean([one.mcse for one in found], axis=0)
    seen = np.std([one.variance for one in found], axis=0, ddof=1)
    assert told[0, 2] == pytest.approx(seen[0, 2], rel=0.5)
    assert told[2, 3] == pytest.approx(seen[2, 3], rel=0.5)
    assert told[2, 2] == pytest.approx(seen[2, 2], rel=0.5)


def test_members_that_coincide_leave_no_doubt_about_parameters():
    found = [split(runs(seed, between=0.0)).variance[:, PARTS.index("parameters")] for seed in range(24)]
    # The error of a variance between 60 worlds of 80 persons, each of variance 1/4 (chi-square, 59 degrees).
    error = 0.25 / 80 * np.sqrt(2 / 59 / len(found))
    assert abs(np.mean(found, axis=0)[0]) < 4 * error
    assert abs(np.mean(found, axis=0)[2]) < 4 * error
    assert truth()[0, 2] > 6 * error


def test_one_variant_leaves_no_doubt_about_structure():
    tables = [
        table.with_columns(variant=pl.lit("none")) for table in runs(effects=dict.fromkeys(EFFECT, 0.1))
    ]
    assert (split(tables).variance[:, PARTS.index("structure")] == 0).all()


def test_variants_of_one_effect_leave_no_doubt_about_structure_beyond_error():
    found = [split(runs(seed, effects=dict.fromkeys(EFFECT, 0.1))).variance[2, 3] for seed in range(24)]
    # Three means of 4,800 persons whose difference has variance 0.09 (chi-square, 2 degrees).
    error = 2 * 0.09 / 4800 / np.sqrt(len(found))
    assert abs(np.mean(found)) < 4 * error
    assert truth()[2, 3] > 50 * error


def test_patients_who_are_all_alike_leave_nothing_to_which_patients_come():
    found = [split(runs(seed, heterogeneity=0.0)).variance[0, 1] for seed in range(12)]
    assert abs(np.mean(found)) < 4 * np.std(found, ddof=1) / np.sqrt(12)


def test_without_a_second_life_luck_and_patients_are_not_told_apart():
    first, second = runs()
    found = split((first, second.clear()))
    assert np.isnan(found.variance[:, :2]).all()
    assert np.isfinite(found.variance[:, 2:]).all()


def test_on_the_cards_alone_nothing_is_said_of_parameters():
    found = split(runs(worlds=1, each=4800))
    assert np.isnan(found.variance[:, 2]).all()
    assert found.variance[2, 3] == pytest.approx(truth()[2, 3], abs=4 * found.mcse[2, 3])


def test_a_missing_column_is_named():
    first, second = runs(worlds=5, each=8)
    with pytest.raises(BadInput, match="world"):
        split((first.drop("world"), second))
