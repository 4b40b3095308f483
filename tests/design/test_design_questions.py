"""Choosing a dose, a second course, borrowed controls, open decisions: levels and closed forms."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fake_bank import exponential_bank
from scipy.special import ndtr, ndtri
from scipy.stats import beta

from hepatrial.analysis.borrowing import decisions, map_prior, shifted
from hepatrial.analysis.combination import closed_selection, inverse_normal, one_sided, simes
from hepatrial.design.adaptive import Decision, run_adaptive, summary_of
from hepatrial.design.bank import Bank
from hepatrial.design.borrowing import evaluate_borrowing
from hepatrial.design.decisions import drop_an_arm, response_adaptive, sample_size_reestimation
from hepatrial.design.effect import Effect
from hepatrial.design.operating import number
from hepatrial.design.plan import load_design, make_plan
from hepatrial.design.seamless import evaluate_selection
from hepatrial.design.second_course import evaluate_second_course
from hepatrial.design.truth import Truth, hazard_ratio, make_stage, strong_null
from hepatrial.design.worlds import World, bank_protocol, grid_days
from hepatrial.errors import BadInput
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.report.design_page import tables_file, words
from hepatrial.report.design_special import html, tables, truth_label
from hepatrial.schema import MARK


def near(found, wanted, slack=0.0):
    assert abs(found["value"] - wanted) < 4 * found["mcse"] + slack, (found, wanted)


def designed(name, **design):
    written = load_protocol(name).as_dict()
    written["design"] = design
    return make_plan(protocol_from_dict(written))


def bank_for(plan) -> Bank:
    """Exponential patients under the plan's own protocol, whose only worlds are the control's."""
    base = exponential_bank(hazard=0.006)
    protocol = bank_protocol(plan.protocol)
    grid = grid_days(protocol.follow_up.length)
    courses = base.courses("smt")
    cut = type(courses)(
        np.minimum(0.006 * grid[None, :] * np.ones((base.patients, 1)), 40.0),
        *(getattr(courses, name) for name in ("transplant", "infection", "withdrawal", "fever", "failed")),
    )
    control = plan.control
    return Bank(base.path, protocol, grid, (World(control),), {}, "fake", base.patients, base.usable,
                {f"{control}.none": cut})  # fmt: skip


# --- combination and closure -------------------------------------------------------------------------


def test_combined_independent_null_p_values_are_standard_normal():
    rng = np.random.default_rng(1)
    z = inverse_normal(rng.random(20_000), rng.random(20_000), 0.3)
    assert z.mean() == pytest.approx(0, abs=0.03)
    assert z.std() == pytest.approx(1, abs=0.03)
    assert inverse_normal(0.01, 0.02, 0.5) == pytest.approx((-ndtri(0.01) - ndtri(0.02)) / np.sqrt(2))


def test_simes_is_the_smallest_of_ordered_p_values_times_m_over_rank():
    assert simes([[0.01], [0.04], [0.2]])[0] == pytest.approx(0.03)
    assert simes([[0.04], [0.04]])[0] == pytest.approx(0.04)


def test_the_closed_test_keeps_the_level_however_the_dose_was_chosen_and_the_naive_one_does_not():
    rng = np.random.default_rng(2)
    shared = rng.normal(size=40_000)
    first = (rng.normal(size=(3, 40_000)) + shared) / np.sqrt(2)
    chosen = np.argmax(first, axis=0)
    second = rng.normal(size=40_000)
    shown, _ = closed_selection(one_sided(first), one_sided(second), chosen, 0.5)
    best = first[chosen, np.arange(40_000)]
    naive = (best + second) / np.sqrt(2) >= ndtri(0.975)
    assert shown.mean() < 0.027
    assert naive.mean() > 0.04


def test_choosing_by_something_unrelated_costs_no_level():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 20_000)), rng.normal(size=20_000)
    shown, _ = closed_selection(one_sided(first), one_sided(second), np.zeros(20_000, dtype=int), 0.5)
    assert shown.mean() <= 0.027


# --- seamless, second course -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seamless():
    plan = designed("nct06884904", question="dose_selection", hazard_ratio=0.6, week=12.0)
    return evaluate_selection(plan, bank_for(plan), trials=2000)


def test_a_seamless_trial_of_doses_that_do_nothing_claims_one_no_more_often_than_its_level(seamless):
    null = seamless["rows"][0]
    assert null["closed"]["value"] < 0.025 + 3 * null["closed"]["mcse"]
    # of equals the first goes on, so that it is chosen a little more often
    assert 0.5 < null["chosen_low"]["value"] < 0.65
    assert null["naive"]["value"] > null["closed"]["value"]


def test_the_dose_that_works_is_chosen_more_often_and_the_idle_one_seldom_claimed(seamless):
    rows = {row["truth"]: row for row in seamless["rows"]}
    low = rows["only low works (0.6)"]
    assert low["chosen_low"]["value"] > 0.6
    assert low["closed_wrong"]["value"] < 0.025
    both = rows["every dose works (0.6)"]
    assert both["closed"]["value"] > low["closed"]["value"] > rows["no dose does anything"]["closed"]["value"]
    assert both["closed_wrong"]["value"] == 0


@pytest.fixture(scope="module")
def second():
    plan = designed("nct05985863", question="second_course", arm="msc")
    bank = bank_for(plan)
    return {row["truth"]: row for row in evaluate_second_course(plan, bank, trials=2000)["rows"]}


def test_the_first_test_keeps_its_level_and_immortal_time_breaks_the_naive_one(second):
    null = second["nothing works"]
    near(null["cells"], 0.025, slack=0.004)
    assert null["second"]["value"] <= null["cells"]["value"]
    assert null["naive"]["value"] > 0.1


def test_weighting_estimates_the_whole_strategy_and_the_share_of_survivors_does_not(second):
    for row in second.values():
        near(row["weighted_bias"], 0.0, slack=0.002)
        assert row["immortal_bias"]["value"] > 0.03


# --- their pages ---------------------------------------------------------------------------------------


def page_of(found, lang, **design):
    told = {"title": "T", "arms": {"a": {"label": "A", "n": 3}, "b": {"label": "B", "n": 3}}, "control": "b",
            "endpoint": "overall_survival", "horizon_days": 84.0, "alpha": 0.025, "hazard_ratio": 0.6,
            "assumptions": [], **design}  # fmt: skip
    results = {**found, "design": told, "bank": {"patients": 5000}, "hash": "0123456789ab" * 4}
    return results, html(results, words(lang), lang)[0]


@pytest.mark.parametrize("name", ["seamless", "second"])
def test_a_special_page_is_whole_in_both_languages(name, request):
    found = request.getfixturevalue(name)
    rows = list(found.values()) if name == "second" else found["rows"]
    whole = {"kind": "second_course", "rows": rows} if name == "second" else found
    for row in rows:
        said = truth_label(row["truth"], words("en"))
        assert "_" not in said
        assert re.findall(r"[0-9.]+", row["truth"]) == re.findall(r"[0-9.]+", said) or "variant" in said
        assert re.search("[\u4e00-\u9fff]", truth_label(row["truth"], words("zh"))), row["truth"]
    english, chinese = (page_of(whole, lang) for lang in ("en", "zh"))
    for (results, page), lang in ((english, "en"), (chinese, "zh")):
        assert page.count(MARK[lang]) >= 3
        for table in tables(results, words(lang)):
            assert {len(row) for row in table["rows"]} == {len(table["head"])}
        assert tables_file(results, lang).startswith(b"{\\rtf1")
        for word in ({"en": "Figure", "zh": "图"}[lang], {"en": "Table", "zh": "表"}[lang]):
            assert re.search(rf"<b>{word} 1\.</b>", page)
        assert f'@top-left {{ content: "{MARK[lang]}"' in page
    text = re.sub("<style.*?</style>|<svg.*?</svg>|<[^>]+>", " ", chinese[1], flags=re.DOTALL)
    assert not re.search(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{3,}", text), re.findall(r"[A-Za-z ]{12,}", text)


# --- borrowing ---------------------------------------------------------------------------------------


def test_one_large_cohort_without_spread_is_a_beta_posterior():
    prior = map_prior([300], [500], between=0.01, robust=0.0)
    exact = beta(300, 200)
    mean = prior.informed @ prior.survival
    assert mean == pytest.approx(exact.mean(), abs=0.003)
    sd = np.sqrt(prior.informed @ (prior.survival - mean) ** 2)
    assert sd == pytest.approx(exact.std(), rel=0.1)
    assert prior.effective == pytest.approx(500, rel=0.2)


def test_more_spread_between_cohorts_is_worth_fewer_patients():
    sizes = [map_prior([60, 55], [100, 100], between=b).effective for b in (0.1, 0.5, 1.0)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_without_borrowing_the_decision_is_that_of_two_beta_posteriors():
    prior = map_prior([60], [100], robust=1.0)
    table = decisions(prior, 30, 30, 0.975)
    rng = np.random.default_rng(5)
    for treated, control in ((24, 15), (23, 17), (28, 20), (20, 20)):
        a, b = rng.beta(1 + treated, 31 - treated, 200_000), rng.beta(1 + control, 31 - control, 200_000)
        chance = (a > b).mean()
        if abs(chance - 0.975) > 0.003:
            assert table[treated, control] == (chance >= 0.975)


def test_the_robust_part_gains_weight_when_the_cohorts_were_wrong():
    prior = map_prior([300], [500], between=0.2, robust=0.2)
    far, near_ = prior.posterior(5, 50), prior.posterior(30, 50)
    assert far @ prior.survival == pytest.approx(6 / 52, abs=0.05)
    assert near_ @ prior.survival == pytest.approx(0.6, abs=0.02)


def test_borrowing_pays_without_drift_and_costs_level_with_it():
    cohorts = [{"name": "a", "n": 300, "survivors": 180, "grade": "assumed", "source": "test"}]
    plan = load_design("lin2017").changed(
        question="borrowing", patients=110, week=12.0,
        borrowing={"cohorts": cohorts, "between": 0.2, "robust": 0.2, "drift": [0.0, 0.8]},
    )  # fmt: skip
    found = evaluate_borrowing(plan, exponential_bank(), trials=2000)
    same, moved = found["rows"]
    assert same["borrowed_effect"]["value"] > same["plain_effect"]["value"]
    assert moved["borrowed_null"]["value"] > moved["plain_null"]["value"] + 0.01
    assert moved["control_survival"] == pytest.approx(shifted(found["centre"], 0.8))


# --- open decisions ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage():
    plan = load_design("lin2017").changed(patients=160, week=12.0, endpoint="overall_survival")
    return make_stage(plan, exponential_bank(hazard=0.01))


def test_a_decision_sees_only_what_is_known_that_day(stage):
    seen = []

    def spy(look):
        seen.append(look)
        assert (look.entry <= look.day).all()
        assert (look.time <= np.minimum(look.day - look.entry, look.horizon) + 1e-9).all()
        assert len(look.arm) == len(look.time) == len(look.event)
        with pytest.raises(ValueError, match="read-only"):
            look.time[0] = 0
        return Decision()

    run_adaptive(stage, spy, strong_null(), looks=[40, 80], trials=25)
    assert [look.number for look in seen[:3]] == [1, 2, 3]
    assert [len(look.arm) for look in seen[:3]] == [40, 80, 160]
    assert [look.final for look in seen[:3]] == [False, False, True]


def test_a_function_that_never_changes_anything_is_the_fixed_design(stage):
    def plain(look):
        return Decision(stop="efficacy" if look.final and look.test("msc")[0] >= ndtri(0.975) else "")

    null = run_adaptive(stage, plain, strong_null(), looks=[80], trials=2000)
    near(number(null.success).as_dict(), 0.025, slack=0.003)
    assert (null.patients == 160).all()
    works = run_adaptive(stage, plain, hazard_ratio(0.5), looks=[80], trials=500)
    events = works.deaths.mean()
    near(number(works.success).as_dict(), ndtr(-np.log(0.5) * np.sqrt(events) / 2 - ndtri(0.975)), slack=0.03)


def test_sample_size_reestimation_keeps_the_level_and_spends_patients_where_they_pay(stage):
    rule = sample_size_reestimation()
    null = run_adaptive(stage, rule, strong_null(), looks=[80], most=320, trials=2000)
    assert number(null.success).value < 0.025 + 3 * number(null.success).mcse + 0.002
    works = run_adaptive(stage, rule, hazard_ratio(0.65), looks=[80], most=320, trials=1000)
    same = run_adaptive(stage, rule, hazard_ratio(0.65), looks=[80], most=160, trials=1000)
    assert number(works.success).value > number(same.success).value
    assert works.patients.max() == 320
    assert null.futility.mean() > 0.2


def two_arms():
    base = exponential_bank(hazard=0.01)
    return make_stage(
        load_design("lin2017").changed(patients=180, week=12.0, endpoint="overall_survival"), base
    )


def test_allocation_moves_to_the_better_arm_and_the_control_stays():
    stage = two_arms()
    truth = {"good": hazard_ratio(0.4), "idle": Truth("idle", Effect(1.0))}
    ended = run_adaptive(
        stage, response_adaptive(), truth, looks=[60, 90, 120], trials=250, arms=("good", "idle")
    )
    good, idle, control = ended.by_arm.mean(axis=0)
    assert good > idle + 5
    assert control > 30
    claimed = summary_of(ended, ("good", "idle", "smt"))["claimed"]
    assert claimed["good"]["value"] > 5 * claimed["idle"]["value"]


def test_an_arm_is_dropped_and_the_idle_one_seldom_claimed():
    stage = two_arms()
    idle = Truth("idle", Effect(1.0))
    null = run_adaptive(
        stage, drop_an_arm(), {"a": idle, "b": idle}, looks=[90], trials=1000, arms=("a", "b")
    )
    assert number(null.success).value < 0.025 + 3 * number(null.success).mcse
    assert (np.minimum(null.by_arm[:, 0], null.by_arm[:, 1]) <= 31).all()
    mixed = {"a": hazard_ratio(0.45), "b": idle}
    ended = run_adaptive(stage, drop_an_arm(), mixed, looks=[90], trials=500, arms=("a", "b"))
    assert (ended.winner == 0).mean() > 0.5
    assert (ended.winner == 1).mean() < 0.025


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (Decision(stop="success"), "stop"),
        (Decision(patients=10), "patients"),
        (Decision(drop=["smt"]), "smt"),
        (Decision(allocation={"msc": 1.0}), "smt"),
        (Decision(winner="mcs"), "mcs"),
    ],
)
def test_a_decision_that_cannot_be_is_refused(stage, said, place):
    with pytest.raises(BadInput) as bad:
        run_adaptive(stage, lambda _look: said, strong_null(), looks=[40], trials=25)
    assert place in str(bad.value)


def test_looks_out_of_order_or_beyond_the_patients_are_refused(stage):
    with pytest.raises(BadInput) as bad:
        run_adaptive(stage, lambda _look: Decision(), strong_null(), looks=[80, 40, 500], most=100, trials=25)
    assert len(bad.value.problems) == 3
