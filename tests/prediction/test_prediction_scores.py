"""Scores against closed forms, and calibration of the scoring on a synthetic truth."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom, norm
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.prediction.predict import MODELS
from hepatrial.prediction.scoreboard import (
    CLASSES,
    CONTROL_CLASS,
    KEYS,
    LEFT_OUT_CLASSES,
    MOST_NUMBERS,
    Seen,
    beside,
    load_seen,
    scoreboard,
    skill,
    stored_draws,
)
from hepatrial.prediction.scores import cluster_interval, crps, inside, log_score, pit, pit_p

RNG = np.random.default_rng(5)


def test_crps_of_normal_draws_is_the_closed_form() -> None:
    draws = RNG.standard_normal(40_000)
    for y in (-1.0, 0.0, 2.0):
        closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / math.sqrt(math.pi)
        assert crps(draws, y) == pytest.approx(closed, abs=0.01)


def test_crps_is_proper_the_true_distribution_scores_best() -> None:
    truth = RNG.standard_normal(4000)
    mean = {
        sd: float(np.mean([crps(sd * RNG.standard_normal(400), y) for y in truth[:1500]]))
        for sd in (0.4, 1.0, 2.5)
    }
    assert mean[1.0] < min(mean[0.4], mean[2.5])


def test_crps_of_few_draws_is_unbiased() -> None:
    few = [crps(RNG.standard_normal(4), 0.5) for _ in range(8000)]
    closed = 0.5 * (2 * norm.cdf(0.5) - 1) + 2 * norm.pdf(0.5) - 1 / math.sqrt(math.pi)
    assert float(np.mean(few)) == pytest.approx(closed, abs=0.02)


def test_the_log_score_is_near_that_of_the_true_count_distribution() -> None:
    draws = RNG.binomial(50, 0.3, 20_000)
    for k in (10, 15, 20):
        assert log_score(draws, k, 50) == pytest.approx(math.log(binom.pmf(k, 50, 0.3)), abs=0.15)


def test_the_log_score_of_an_impossible_count_is_finite_and_probabilities_add_up() -> None:
    draws = np.full(100, 27.0)
    assert math.isfinite(log_score(draws, 0, 27))
    assert sum(math.exp(log_score(draws, k, 27)) for k in range(28)) == pytest.approx(1.0, abs=1e-9)


def test_transforms_of_draws_from_the_truth_are_uniform_and_intervals_cover() -> None:
    rows = []
    for _ in range(1500):
        p = float(RNG.beta(4, 6))
        rows.append((RNG.binomial(40, RNG.beta(4, 6, 200)) / 40, RNG.binomial(40, p) / 40))
    transforms = [pit(draws, y) for draws, y in rows]
    assert np.quantile(transforms, [0.1, 0.5, 0.9]) == pytest.approx([0.1, 0.5, 0.9], abs=0.03)
    for share in (0.5, 0.9):
        covered = float(np.mean([inside(draws, y, share) for draws, y in rows]))
        assert share - 0.02 <= covered <= share + 0.07  # counts are discrete: ends are included


def test_the_pit_test_sees_a_narrow_forecast_and_passes_a_right_one() -> None:
    studies = [f"s{i // 2}" for i in range(120)]
    right = RNG.random(120)
    narrow = norm.cdf(2.5 * norm.ppf(RNG.random(120)))
    right_p, narrow_p = pit_p(list(right), studies), pit_p(list(narrow), studies)
    assert right_p is not None
    assert narrow_p is not None
    assert narrow_p < 0.05 < right_p
    assert pit_p([0.5] * 6, ["a", "a", "b", "b", "c", "c"]) is None


def test_the_interval_by_study_is_wider_than_by_number_when_numbers_of_a_study_agree() -> None:
    values = list(np.repeat(RNG.standard_normal(12), 5))
    by_study = cluster_interval(values, [f"s{i // 5}" for i in range(60)])
    by_number = cluster_interval(values, [f"n{i}" for i in range(60)])
    assert by_study is not None
    assert by_number is not None
    assert by_study[0] == pytest.approx(by_number[0])
    assert by_study[2] - by_study[1] > 1.5 * (by_number[2] - by_number[1])


def test_at_most_five_numbers_a_study_and_none_is_recalled_or_of_the_article() -> None:
    seen = load_seen()
    for name in {one.study for one in seen}:
        assert sum(one.study == name for one in seen) <= MOST_NUMBERS
    assert {one.grade for one in seen} <= {"seen", "derived"}


def test_a_study_is_predicted_or_fitted_never_both() -> None:
    seen = load_seen()
    assert all(
        len({one.role for one in seen if one.study == name}) == 1 for name in {one.study for one in seen}
    )


def fake(shift: dict[str, float]) -> pl.DataFrame:
    """Draws around what was seen, each model off by its own shift."""
    rows = []
    for one in load_seen():
        for model in MODELS:
            values = one.value + shift.get(model, 0.0) + 0.05 * RNG.standard_normal(60)
            values = np.maximum(values, 1e-3)
            rows += [(one.study, one.endpoint, one.arm, model, d, float(v)) for d, v in enumerate(values)]
    names = ("study", "endpoint", "arm", "model", "draw", "value")
    return pl.DataFrame(rows, schema=names, orient="row")


def test_every_class_is_told_and_fitted_and_predicted_stay_apart() -> None:
    rows = scoreboard(beside(fake({})))
    assert len(rows) == len(CLASSES) + 1
    for row, (role, kind, _group) in zip(rows, CLASSES, strict=False):
        assert row["class"].startswith(f"{role} {kind}")
    assert rows[-1]["class"] == CONTROL_CLASS
    same = next(row for row in rows if row["class"].startswith("predicted contrasts: same"))
    assert (same["studies"], same["numbers"], same["coverage_90"]) == (0, 0, None)
    assert sum(row["numbers"] for row in rows[:-1]) == len(load_seen())
    assert 0 < rows[-1]["numbers"] < rows[0]["numbers"] + rows[1]["numbers"]


def test_skill_is_positive_against_a_worse_rival_and_negative_against_a_better_one() -> None:
    scored = beside(fake({"mechanistic": 0.1, "severity_score": 0.4}))
    levels = [one for one in scored if one.seen.kind == "levels"]
    worse, better = skill(levels, "severity_score"), skill(levels, "map_control")
    assert worse is not None
    assert better is not None
    assert worse["value"] > 0 > better["value"]
    assert worse["low"] <= worse["value"] <= worse["high"]


def test_what_lies_outside_the_interval_is_listed_as_a_miss() -> None:
    rows = scoreboard(beside(fake({"mechanistic": 5.0})))
    assert all(len(row["misses"]) == row["numbers"] for row in rows)


def test_a_number_without_draws_is_left_out() -> None:
    table = fake({}).filter(pl.col("study") != "support")
    assert not any(one.seen.study == "support" for one in beside(table))
    assert isinstance(load_seen()[0], Seen)


def test_the_stored_predictions_cover_every_number_and_are_told_as_json_in_one_list() -> None:
    table, notes = stored_draws()
    assert notes["draws"] >= 40
    failed = {name for name, facts in notes["studies"].items() if "failed" in facts}
    told = {(one.seen.study, one.seen.endpoint, one.seen.arm) for one in beside(table)}
    assert told == {(one.study, one.endpoint, one.arm) for one in load_seen() if one.study not in failed}
    run = CliRunner().invoke(app, ["validate", "model", "--json"])
    assert run.exit_code == 0
    rows = json.loads(run.stdout)
    told_classes = [row["class"] for row in rows if row["class"] not in LEFT_OUT_CLASSES.values()]
    assert told_classes == [row["class"] for row in scoreboard(beside(table))]
    assert all(tuple(row) == KEYS for row in rows)
    for row in rows:
        for found in row["skill"].values():
            assert found is None or set(found) == {"value", "low", "high"}
