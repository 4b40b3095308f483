"""Forests: contrasts by product, bias-adjusted rows, and nothing recalled in any of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from hepatrial.errors import BadInput
from hepatrial.evidence.base import load_base
from hepatrial.evidence.bias_priors import domain_biases, total_bias
from hepatrial.evidence.contrasts import contrasts, outcomes
from hepatrial.evidence.forest import forest

BASE = load_base(Path("/dev/null/none"))


def test_products_populations_and_kinds_of_allocation_are_groups_of_their_own() -> None:
    shown = forest(BASE, "death")
    keys = [(g.product, g.population, g.randomised) for g in shown.groups]
    assert len(keys) == len(set(keys)) >= 4
    assert keys[0] == ("msc", "aclf", True)
    for group in shown.groups:
        for study in group.studies:
            assert group.product in BASE.trials[study.id].product_kinds
            assert (BASE.trials[study.id].kind == "randomised") == group.randomised


def test_lins_line_is_its_counts_and_the_adjusted_row_is_wider_and_nearer_to_no_effect() -> None:
    group = forest(BASE, "death").groups[0]
    study = group.studies[0]
    assert (study.id, study.counts) == ("lin2017", ("15/56", "24/54"))
    assert study.estimate == pytest.approx(15 / 56 / (24 / 54))
    adjusted = next(line for line in group.lines if line.what == "bias-adjusted")
    assert study.estimate < adjusted.estimate < 1
    assert adjusted.upper / adjusted.lower > study.upper / study.lower
    assert {line.label for line in group.domains} == {"randomisation", "deviations", "reporting"}


def test_the_total_bias_is_the_sum_of_the_domains() -> None:
    trial = BASE.trials["lin2017"]
    parts = domain_biases(trial)
    whole = total_bias(trial)
    assert whole.mean == pytest.approx(sum(b.mean for b in parts.values()))
    assert whole.sd == pytest.approx(math.sqrt(sum(b.sd**2 for b in parts.values())))
    assert total_bias(trial, only="missing").sd == 0
    assert total_bias(trial, benefit=1).mean == -whole.mean


def test_confounding_of_a_cohort_widens_and_does_not_move() -> None:
    bias = total_bias(BASE.trials["wangmf2018"])
    assert bias.mean == 0
    assert bias.sd > 0.4


def test_recalled_and_article_counts_stand_in_the_list_of_what_was_kept_out() -> None:
    shown = forest(BASE, "death")
    used = {study.id for group in shown.groups for study in group.studies}
    assert not used & {"shi2012", "li2016", "schacher2021"}
    assert any(text.startswith("li2016: grade recalled") for text in shown.refused)
    assert any(text.startswith("shi2012: derived from a figure of grade article") for text in shown.refused)


def test_changing_what_is_recalled_changes_no_line() -> None:
    def changed(row):
        moved = {"survivors": 0, "percent": 0.0}
        return row.model_copy(update=moved) if row.grade in ("recalled", "article") else row

    trials = {
        key: t.model_copy(update={"survival": tuple(map(changed, t.survival))})
        for key, t in BASE.trials.items()
    }
    before, after = forest(BASE, "death"), forest(replace(BASE, trials=trials), "death")
    assert (before.groups, before.published) == (after.groups, after.published)


def test_as_treated_counts_are_not_taken_for_randomised_ones() -> None:
    row = next(r for r in contrasts(BASE, "death") if r.study == "realistic2018")
    assert (row.x1, row.n1, row.x2, row.n2) == (3, 28, 0, 27)


def test_treated_arms_of_one_trial_count_its_controls_once() -> None:
    zekri = BASE.trials["zekri2015"]
    more = [r.model_copy(update={"arm": "repeated"}) for r in zekri.survival if r.arm == "single"]
    trial = zekri.model_copy(update={"survival": (*zekri.survival, *more)})
    rows = contrasts(replace(BASE, trials={"zekri2015": trial}), "death")
    assert [(r.n1, r.n2) for r in rows] == [(60, 30)]


def test_published_pools_are_shown_and_an_odds_ratio_of_survival_is_turned() -> None:
    labels = {line.label: line for line in forest(BASE, "death", measure="OR").published}
    ding = next(line for label, line in labels.items() if "Ding" in label and "week 24" in label)
    assert (ding.estimate, ding.lower, ding.upper) == pytest.approx((1 / 2.09, 1 / 3.17, 1 / 1.37))
    assert not any("Yang" in line.label for line in forest(BASE, "death").published), "a ratio of survival"


def test_unknown_words_are_refused_all_at_once_with_the_nearest() -> None:
    with pytest.raises(BadInput) as caught:
        contrasts(BASE, "deth", populations=("aclff",), products=("mscs",), kinds=("rct",))
    said = "\n".join(p.sentence() for p in caught.value.problems)
    for near in ("'death'", "'aclf'", "'msc'"):
        assert f"Did you mean {near}?" in said
    assert len(caught.value.problems) == 4
    assert "death_or_transplant" in outcomes(BASE)
