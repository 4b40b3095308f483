"""The truth from counterfactual arms is the quadrature's, and estimates are judged by it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_trials import ARMS, make, make_pairs, truth

from hepatrial.analysis.estimands.endpoints import STEMS
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.side_by_side import side_by_side
from hepatrial.analysis.estimands.standard import standard_estimands
from hepatrial.analysis.estimands.truth import truth_of, world_of
from hepatrial.errors import BadInput

BASE, NO_OFFERS = frozenset(), frozenset({"transplant"})
WORLDS = {BASE: make_pairs(), NO_OFFERS: make_pairs(offers=False)}
SURVIVAL = standard_estimands("overall_survival_90")


@pytest.mark.parametrize("estimand", SURVIVAL, ids=lambda e: e.name)
def test_the_truth_of_every_handling_is_the_quadratures(estimand):
    found = truth_of(estimand, WORLDS, ARMS)
    strategy = estimand.strategies["transplant"]
    both = truth(strategy, 90)
    assert found.world == (NO_OFFERS if strategy == "hypothetical" else BASE)
    assert abs(found.value - (both[0] - both[1])) < 4 * found.mcse
    assert 0 < found.mcse < 0.01


def test_the_handlings_have_different_truths():
    values = {e.strategies["transplant"]: truth_of(e, WORLDS, ARMS).value for e in SURVIVAL}
    assert len(values) == 4
    assert values["treatment_policy"] < values["hypothetical"]
    assert values["while_untransplanted"] < 0  # an incidence of deaths


def test_side_by_side_shows_the_bias_of_censoring_and_covers_elsewhere():
    rows = side_by_side(make(150, 160, 21), SURVIVAL, ARMS, worlds=WORLDS)
    by_name = {row.estimand.name: row.as_dict() for row in rows}
    for name in ("treatment policy", "composite", "while untransplanted"):
        shown = by_name[name]["truth"]
        assert abs(shown["bias"]) < 4 * shown["bias_mcse"], name
        assert abs(shown["coverage"] - 0.95) < 4 * shown["coverage_mcse"] + 0.01
    assert (
        by_name["hypothetical, weighted"]["truth"]["value"]
        == by_name["hypothetical, censored"]["truth"]["value"]
    )
    assert "censors at transplant" in by_name["hypothetical, censored"]["note"]
    assert all(row["replicates"]["count"] == 150 for row in by_name.values())


def test_a_null_world_rejects_as_often_as_it_should_under_every_estimand():
    trials = make(300, 160, 22, ratio=1.0, shift=0.0)
    for row in side_by_side(trials, SURVIVAL[:2] + SURVIVAL[3:], ARMS):
        share, _ = row.result.share_below(0.05)
        assert abs(share - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 300) + 0.005, row.estimand.name
        assert row.truth is None


def test_trials_of_one_plausible_world_tell_no_more_than_one():
    """Each trial and each pair five times over, as five of one world: means stay, and so do their errors."""

    def with_worlds(tables, copies):
        first = tables.subjects.with_columns(world=pl.col("replicate"))
        if tables.subjects["replicate"].max() == 0:  # counterfactual arms: a world has 20 patients
            first = first.with_columns(world=pl.col("subject") // 20)
        count = 1 + max(first["replicate"].max(), 0)
        parts = [first]
        for copy in range(1, copies):
            moved = pl.col("subject") + copy * 100_000
            if first["replicate"].max() > 0:
                parts.append(first.with_columns(replicate=pl.col("replicate") + copy * count))
            else:
                parts.append(first.with_columns(subject=moved))
        return TrialTables(pl.concat([part.select(first.columns) for part in parts]).cast(first.schema))

    trials, pairs = make(40, 160, 24), make_pairs(400)
    once, five = (
        side_by_side(with_worlds(trials, k), SURVIVAL[:1], ARMS, worlds={BASE: with_worlds(pairs, k)})[0]
        for k in (1, 5)
    )
    one, many = once.as_dict(), five.as_dict()
    assert many["replicates"]["count"] == 5 * one["replicates"]["count"]
    for part, name in (
        ("replicates", "mean"), ("replicates", "mcse"), ("replicates", "rejected_mcse"),
        ("truth", "value"), ("truth", "mcse"), ("truth", "coverage_mcse"), ("truth", "bias_mcse"),
    ):  # fmt: skip
        assert many[part][name] == pytest.approx(one[part][name], rel=1e-6), (part, name)


def test_values_truncated_by_death_have_a_truth_of_their_own_each():
    rows = side_by_side(
        make(40, 160, 23), standard_estimands("meld_change_28"), ARMS, worlds={BASE: WORLDS[BASE]}
    )
    values = {row.estimand.name: row.truth.value for row in rows}
    assert values["worst rank"] > 0.5
    assert -2 < values["survivor average"] < -1  # -2, and nothing in those with a new liver in both arms
    assert all(
        abs(row.bias[0]) < 5 * row.bias[1] + 0.02 for row in rows if row.estimand.name != "survivor average"
    )


def test_a_world_that_was_not_simulated_has_no_truth():
    hypothetical = next(e for e in SURVIVAL if world_of(e) == NO_OFFERS)
    with pytest.raises(BadInput, match="without transplant"):
        truth_of(hypothetical, {BASE: WORLDS[BASE]}, ARMS)
    with pytest.raises(BadInput, match="followed to the end"):
        truth_of(SURVIVAL[0], {BASE: make_pairs(200, dropout=0.01)}, ARMS)


@pytest.mark.parametrize("stem", sorted(STEMS))
def test_every_named_endpoint_has_its_estimands(stem):
    for day in (28, 90, 180):
        assert standard_estimands(f"{stem}_{day}")
