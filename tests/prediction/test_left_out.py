"""Fitted cohorts predicted without themselves and without their class: who is left out, what then moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hepatrial.errors import BadInput
from hepatrial.prediction import discrepancy
from hepatrial.prediction import left_out as module
from hepatrial.prediction.calibrants import all_points
from hepatrial.prediction.discrepancy import CLASSES, REPEATS, SCALES, Discrepancy, evidence_cache
from hepatrial.prediction.learn import write_left_out
from hepatrial.prediction.left_out import COLUMNS, groups_by, left_out
from hepatrial.prediction.predict import discrepancy_of, shipped_ensemble
from hepatrial.prediction.scoreboard import (
    LEFT_OUT,
    LEFT_OUT_CLASSES,
    left_out_classes,
    staleness,
    stored_draws,
)
from hepatrial.schema import MARK

POINTS = evidence_cache("mortality").points


def made(gap: float = 0.0, lower: str = "") -> Discrepancy:
    """Two draws that show what was seen less ``gap``; the calibrant ``lower`` is shown three logits lower."""
    places = np.array([p.place - gap - 3.0 * (p.calibrant == lower) for p in all_points()])
    shown = np.stack([places, places + 0.05])
    sds = np.full((2, REPEATS, len(SCALES)), 0.3)
    return Discrepancy("none", shown, np.full_like(shown, 0.01), np.full_like(shown, 0.1), sds)


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAWS", 40)
        patch.setattr(module, "MEMBERS", 2)
        patch.setattr(discrepancy, "ITERATIONS", 5)
        yield


@pytest.fixture(scope="module")
def quick(_small: None) -> pl.DataFrame:
    return left_out(made(), 3)


@pytest.mark.parametrize("by", ["cluster", "class"])
def test_every_cohort_is_left_out_once(by: module.By) -> None:
    groups = groups_by(by, POINTS)
    assert sorted(name for some in groups.values() for name in some) == sorted({p.calibrant for p in POINTS})
    assert set(groups) <= (set(CLASSES) if by == "class" else {p.cluster for p in POINTS})


def test_one_cluster_can_lie_in_two_classes() -> None:
    groups = groups_by("class", POINTS)
    assert "canonic_subcohort" in groups["aclf"]
    assert "ad_canonic" in groups["decompensated_cirrhosis"]
    assert {"canonic_subcohort", "ad_canonic"} <= groups_by("cluster", POINTS)["canonic"]


def test_each_point_has_draws_of_ours_both_ways_and_of_rivals_for_the_cluster_alone(
    quick: pl.DataFrame,
) -> None:
    assert tuple(quick.columns) == COLUMNS
    ours = quick.filter(pl.col("model") == "mechanistic")
    assert ours.group_by("by").len().sort("by")["len"].to_list() == [40 * len(POINTS)] * 2
    assert set(quick.filter(pl.col("by") == "class")["model"]) == {"mechanistic"}
    assert set(quick.filter(pl.col("by") == "cluster")["model"]) == {
        "mechanistic", "map_control", "severity_score", "no_effect"
    }  # fmt: skip
    assert quick["value"].is_between(0.0, 1.0).all()


def test_the_scoreboard_has_an_object_for_each_way(quick: pl.DataFrame) -> None:
    cluster, whole = left_out_classes(quick)
    assert [cluster["class"], whole["class"]] == list(LEFT_OUT_CLASSES.values())
    assert cluster["numbers"] == whole["numbers"] == len(POINTS)
    assert whole["studies"] == len(groups_by("class", POINTS))
    assert set(whole["skill"].values()) == {None}
    assert None not in cluster["skill"].values()


def test_a_class_is_told_without_what_was_seen_of_it(quick: pl.DataFrame) -> None:
    """Two worlds that differ by one cohort's shown level: a prediction within its class does not move."""
    tables = quick, left_out(made(lower="alfsg_dili"), 3)
    ours, moved = (
        t.filter((pl.col("study") == "alfsg_hbv") & (pl.col("by") == "class"))["value"].to_numpy()
        for t in tables
    )
    assert np.array_equal(ours, moved)
    others, changed = (
        t.filter((pl.col("study") == "cai2024") & (pl.col("by") == "class"))["value"].to_numpy()
        for t in tables
    )
    assert not np.array_equal(others, changed)


def test_a_draw_that_shows_nothing_of_a_cohort_does_not_predict_it() -> None:
    """One of two draws admits nobody to one cohort: the other draw predicts it, and all else has both."""
    whole = made()
    name = POINTS[0].calibrant
    gap = np.array([p.calibrant == name for p in all_points()])
    shown = whole.shown.copy()
    shown[1, gap] = np.nan
    table = left_out(Discrepancy("none", shown, whole.variance, whole.missed, whole.scales), 3)
    ours = table.filter(pl.col("model") == "mechanistic")
    assert ours["value"].is_finite().all()
    assert ours.filter(pl.col("study") == name).height > 0


def test_cohorts_that_no_draw_shows_are_refused_by_name() -> None:
    whole = made()
    names = {POINTS[0].calibrant, POINTS[-1].calibrant}
    shown = whole.shown.copy()
    shown[:, [p.calibrant in names for p in all_points()]] = np.nan
    with pytest.raises(BadInput) as refused:
        left_out(Discrepancy("none", shown, whole.variance, whole.missed, whole.scales), 3)
    assert {problem.place.removeprefix("cohort ") for problem in refused.value.problems} == names


def test_stored_draws_of_another_discrepancy_are_told(
    quick: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, notes = stored_draws()
    monkeypatch.setattr("hepatrial.prediction.scoreboard.data_folder", lambda: tmp_path)
    for of, told in (("another", True), (shipped_discrepancy(), False)):
        write_left_out(quick, tmp_path, of)
        assert ("left out" in staleness(notes)) == told
        assert ("fit --discrepancy --install" in staleness(notes)) == told
    stored = pl.read_parquet(tmp_path / LEFT_OUT)
    assert stored.equals(quick)
    assert pl.read_parquet_metadata(tmp_path / LEFT_OUT)["mark"] == MARK["en"]


def shipped_discrepancy() -> str:
    return discrepancy_of(shipped_ensemble()).hash
