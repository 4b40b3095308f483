"""Pending trials: predicted with hash and date, kept, never written over, scored when the result is added."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hepatrial.analysis import survival_power
from hepatrial.claims.pending_page import pending_html
from hepatrial.errors import BadInput
from hepatrial.evidence.base import check_trial, load_base
from hepatrial.prediction.library import list_studies
from hepatrial.prediction.pending import (
    find_pending,
    keep,
    list_pending,
    load_pending,
    records_of,
    score,
    stored_records,
)
from hepatrial.schema import MARK

BASE = load_base(Path("/dev/null/none"))
SHIPPED = stored_records(Path("/dev/null/none"))


def made(**change) -> dict:
    draws = {"mechanistic": [0.50, 0.55, 0.60], "no_effect": [0.20, 0.25, 0.30]}
    arms = ("halpc", "placebo")
    values = {f"survival_d90|{arm}|{model}": v for arm in arms for model, v in draws.items()}
    values["hazard_ratio_death_d90|halpc vs placebo|mechanistic"] = [0.5, 1.0, 2.0]
    return {
        "trial": "dheliver", "registration": "NCT04229901", "title": "D", "notes": [],
        "predicted": "2026-11-28", "hash": "ab" * 32, "values": values, "endpoints": [],
        "arms": {"halpc": {"n": 89, "control": False}, "placebo": {"n": 44, "control": True}},
    } | change  # fmt: skip


def result(grade: str = "seen"):
    number = {"grade": grade, "source": "t"}
    return check_trial(
        {
            "id": "dheliver_result", "name": "D", "citation": "D 2027", "kind": "randomised",
            "disease": "ACLF", "population": "aclf", "read": "full text", "sources": {"t": "Table 2"},
            "registrations": [{"id": "NCT04229901", "grade": "seen"}],
            "arms": [
                {"name": "HepaStem", "role": "treated", "n": 89, "grade": "seen", "source": "t",
                 "product": {"kind": "liver_progenitor", "cells": "HALPC", "grade": "seen", "source": "t"}},
                {"name": "placebo", "role": "control", "n": 44, "grade": "seen", "source": "t"},
            ],
            "survival": [
                {"arm": "HepaStem", "week": 12.9, "n": 89, "survivors": 49, "percent": 55.1, **number},
                {"arm": "placebo", "week": 12.9, "n": 44, "survivors": 24, "percent": 54.5, **number},
            ],
            "effects": [{"outcome": "death", "measure": "HR", "value": 0.95, "direction": "none", **number}],
        }
    )  # fmt: skip


def test_the_four_pending_trials_have_study_files_that_are_no_targets_of_the_scoreboard() -> None:
    assert set(list_pending()) == {"dheliver", "nct05985863", "nct06884904", "apache"}
    assert not set(list_pending()) & set(list_studies())
    for entry in BASE.pending.values():
        name, found = find_pending(entry.registration, BASE)
        assert found is entry
        study = load_pending(name)
        assert entry.patients in (None, sum(arm.n for arm in study.arms.values()))


def test_predictions_of_all_four_ship_with_date_hash_mark_and_rivals() -> None:
    assert {one["trial"] for one in SHIPPED} == set(list_pending())
    for one in SHIPPED:
        assert len(one["hash"]) == 64
        assert one["predicted"] >= "2026-11-28"
        assert one["mark"] == MARK["en"]
        arms = {row["arm"] for row in one["endpoints"] if row["endpoint"].startswith("survival")}
        assert {name for name, arm in one["arms"].items() if arm["control"]} <= arms
        models = {key.split("|")[2] for key in one["values"]}
        assert models == {"mechanistic", "map_control", "severity_score", "no_effect"}


def test_what_dheliver_could_teach_is_schoenfelds_power_at_its_expected_deaths() -> None:
    one = next(record for record in SHIPPED if record["trial"] == "dheliver")["teach"]
    assert one["power"] == pytest.approx(survival_power(one["deaths"], 0.7, ratio=89 / 44), abs=1e-3)
    assert 0.1 < one["power"] < 0.4


def test_a_result_is_scored_against_the_rivals_by_registration_and_role() -> None:
    rows = {(row["endpoint"], row["arm"]): row for row in score(made(), result())}
    assert set(rows) == {
        ("survival_d90", "halpc"),
        ("survival_d90", "placebo"),
        ("hazard_ratio_death_d90", "halpc vs placebo"),
    }
    row = rows["survival_d90", "halpc"]
    assert row["observed"] == pytest.approx(0.551)
    assert row["best"] == "mechanistic"
    assert row["scores"]["mechanistic"]["inside_90"]
    assert not row["scores"]["no_effect"]["inside_90"]


def test_recalled_results_score_nothing() -> None:
    assert score(made(), result("recalled")) == []


def test_a_prediction_is_kept_once_and_its_date_stands(tmp_path: Path) -> None:
    first = keep(made(), tmp_path)
    again = keep(made(predicted="2027-01-01"), tmp_path)
    assert first == again
    assert json.loads(first.read_text())["predicted"] == "2026-11-28"
    other = keep(made(predicted="2027-01-01", hash="cd" * 32), tmp_path)
    assert other != first
    found = [one for one in records_of(result(), tmp_path) if one["hash"] in ("ab" * 32, "cd" * 32)]
    assert [one["predicted"] for one in found] == ["2026-11-28", "2027-01-01"]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_shows_all_four_under_the_mark(lang: str) -> None:
    page = pending_html(BASE, SHIPPED, lang)
    for entry in BASE.pending.values():
        assert entry.registration in page
    assert page.count(MARK[lang]) == 1 + len(SHIPPED)
    for one in SHIPPED:
        assert one["hash"][:12] in page
    assert "20" in page


def test_an_unknown_trial_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="Did you mean 'dheliver'"):
        find_pending("dhelivr", BASE)
