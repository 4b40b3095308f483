"""Certainty is made from the base: each step has a reason, and unusable figures move nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hepatrial.evidence.base import Judgement, load_base
from hepatrial.evidence.certainty import LEVELS, QUESTIONS, certainty, certainty_table, count_rows

BASE = load_base(Path("/dev/null/none"))
TABLE = {row.key: row for row in certainty_table(BASE)}
DEATH = QUESTIONS[0]


def with_trial(name: str, **change):
    return replace(BASE, trials={**BASE.trials, name: BASE.trials[name].model_copy(update=change)})


def test_every_step_down_has_a_reason_and_the_level_is_their_sum() -> None:
    for row in TABLE.values():
        assert all(step.reason for step in row.steps)
        if row.level != "no evidence":
            start = 3 if "starts at high" in row.steps[0].reason else 1
            assert row.level == LEVELS[max(0, start - sum(step.steps for step in row.steps))]


def test_death_rests_on_one_trial_and_is_very_uncertain() -> None:
    row = TABLE["death"]
    assert row.sources == ("lin2017",)
    assert row.effect == "RR 0.60 (0.36 to 1.02)"
    assert row.level == "very low"
    assert "DHELIVER" in row.why
    assert any("shi2012" in text for text in row.refused)


def test_fever_is_moderate_because_other_diseases_were_studied() -> None:
    assert TABLE["fever"].level == "moderate"
    assert TABLE["fever"].why == "indirectness: other diseases than liver failure (-1)"


def test_nothing_was_found_on_a_cure() -> None:
    assert TABLE["cure"].level == "no evidence"


def test_recalled_counts_move_no_rating() -> None:
    shi = BASE.trials["shi2012"]
    rows = tuple(
        r.model_copy(update={"survivors": 0, "percent": 0.0}) if r.grade == "recalled" else r
        for r in shi.survival
    )
    changed = certainty(with_trial("shi2012", survival=rows), DEATH)
    assert (changed.level, changed.effect, changed.steps) == (
        TABLE["death"].level, TABLE["death"].effect, TABLE["death"].steps,
    )  # fmt: skip


def test_the_same_counts_once_seen_do_enter() -> None:
    shi = BASE.trials["shi2012"]
    rows = tuple(
        r.model_copy(update={"grade": "seen", "week": 24.0}) for r in shi.survival if r.grade == "recalled"
    )
    changed = certainty(with_trial("shi2012", survival=rows), DEATH)
    assert changed.studies == 2
    assert changed.patients == 153


def test_a_better_trial_takes_one_step_less() -> None:
    risk = BASE.trials["lin2017"].risk
    low = {name: Judgement(judgement="low", reason="r") for name in risk.domains}
    changed = certainty(with_trial("lin2017", risk=risk.model_copy(update={"domains": low})), DEATH)
    bias = {step.domain: step.steps for step in changed.steps}
    assert bias["risk of bias"] == 0


def test_publishing_the_missing_trial_takes_the_publication_step_away() -> None:
    changed = certainty(with_trial("dheliver", published=True), DEATH)
    assert {step.domain: step.steps for step in changed.steps}["publication bias"] == 0


def test_products_are_not_pooled_together() -> None:
    products = {row.labels["product"] for row in count_rows(BASE, DEATH)}
    assert products == {"msc"}


@pytest.mark.parametrize("key", ["bilirubin", "albumin", "meld"])
def test_laboratory_outcomes_are_rated_below_moderate(key: str) -> None:
    assert TABLE[key].level in ("low", "very low")
