"""Monte-Carlo errors where simulated trials come in plausible worlds."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.analysis import marginal_contrast
from hepatrial.report.benefit import no_benefit
from hepatrial.report.spread import ends_error, share_with_error, spread


def error_of(values: np.ndarray, worlds: np.ndarray) -> float:
    error = spread(values, worlds)["mcse"]
    assert error is not None
    return error


def test_without_shared_worlds_the_error_is_that_of_independent_trials() -> None:
    values = np.random.default_rng(1).normal(size=50)
    independent = values.std(ddof=1) / np.sqrt(50)
    for worlds in (np.arange(50), np.zeros(50, dtype=np.int64)):
        assert error_of(values, worlds) == pytest.approx(independent)
    assert spread(values, np.arange(50))["mcse"] == pytest.approx(independent)


def test_with_worlds_of_one_size_the_error_is_that_of_their_means() -> None:
    rng = np.random.default_rng(2)
    worlds = np.arange(200) % 40
    values = rng.normal(size=40)[worlds] + 0.1 * rng.normal(size=200)
    means = np.array([values[worlds == w].mean() for w in range(40)])
    assert error_of(values, worlds) == pytest.approx(means.std(ddof=1) / np.sqrt(40))
    assert error_of(values, worlds) > 2 * values.std(ddof=1) / np.sqrt(200)


def test_the_error_is_how_far_means_of_other_worlds_would_lie() -> None:
    rng = np.random.default_rng(3)
    worlds = np.arange(100) % 20
    drawn = rng.normal(size=(2000, 20))[:, worlds] + rng.normal(size=(2000, 100))
    told = np.mean([error_of(row, worlds) ** 2 for row in drawn])
    assert told == pytest.approx(drawn.mean(axis=1).var(), rel=0.08)


@given(st.integers(0, 1000), st.integers(1, 10), st.integers(2, 60))
def test_neither_shift_order_nor_missing_trials_change_the_error(seed: int, number: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    values, worlds = rng.normal(size=size), np.arange(size) % number
    error = error_of(values, worlds)
    order = rng.permutation(size)
    assert error_of(values[order] + 5.0, worlds[order]) == pytest.approx(error, abs=1e-9)
    more = np.append(values, np.nan)
    assert error_of(more, np.append(worlds, 0)) == pytest.approx(error)


def test_shares_and_trials_without_benefit_have_the_error_of_their_worlds() -> None:
    worlds = np.repeat(np.arange(10), 20)
    alike = worlds < 5
    assert share_with_error(alike, worlds)["mcse"] == pytest.approx(np.sqrt(0.25 / 9))
    assert no_benefit(np.where(alike, -1.0, 1.0), worlds) == share_with_error(alike, worlds)
    assert share_with_error([True], np.zeros(1, dtype=np.int64)) == {"share": 1.0, "mcse": 0.0}
    assert no_benefit(np.array([np.nan]), np.zeros(1, dtype=np.int64)) == {"share": None, "mcse": None}


def test_pairs_of_one_world_are_alike_and_pairs_of_their_own_have_greenwoods_error() -> None:
    rng = np.random.default_rng(4)
    persons, worlds = 400, 8
    alive = rng.random(persons) < np.array([0.2, 0.9] * 4)[np.arange(persons) % worlds]
    rows = {"replicate": 0, "status": "ok"}
    table = pl.concat(
        pl.DataFrame(
            {
                **rows, "arm": arm, "patient": np.arange(persons), "world": np.arange(persons) % worlds,
                "overall_survival_time": np.where(alive | (arm == "a"), 100.0, 10.0),
                "overall_survival_event": 1 - (alive | (arm == "a")).astype(int),
            }
        )
        for arm in ("a", "b")
    )  # fmt: skip
    alone = marginal_contrast(table, [50.0], ("a", "b"))
    alike = marginal_contrast(table, [50.0], ("a", "b"), clusters="world")
    assert alone.difference == alike.difference
    share = alive.mean()
    assert alone.mcse[0] == pytest.approx(np.sqrt(share * (1 - share) / persons))
    means = np.array([alive[np.arange(persons) % worlds == w].mean() for w in range(worlds)])
    assert alike.mcse[0] == pytest.approx(means.std(ddof=1) / np.sqrt(worlds))
    assert alike.mcse[0] > 3 * alone.mcse[0]


def test_ends_are_firmer_with_more_worlds_and_softer_when_trials_of_a_world_are_alike() -> None:
    rng = np.random.default_rng(5)
    few, many = np.arange(400) % 10, np.arange(400) % 200
    centres = rng.normal(size=400)
    alike, alone = centres[few] + 0.01 * rng.normal(size=400), rng.normal(size=400)
    for end in ("low", "high"):
        assert (ends_error(alike, few)[end] or 0) > 1.5 * (ends_error(centres[many], many)[end] or 9)
        assert (ends_error(alone, np.zeros(400, dtype=int))[end] or 9) < 0.4
    assert ends_error(alone[:5], few[:5]) == {"low": None, "high": None}
    assert ends_error(alike, few) == ends_error(alike, few)


def test_the_error_of_an_end_is_how_far_it_lies_in_other_runs() -> None:
    rng = np.random.default_rng(6)
    worlds = np.arange(200) % 40
    runs = rng.normal(size=(300, 40))[:, worlds] + 0.5 * rng.normal(size=(300, 200))
    true = np.percentile(runs, 2.5, axis=1).std()
    told = np.mean([ends_error(run, worlds)["low"] for run in runs[:60]])
    assert told == pytest.approx(true, rel=0.3)
