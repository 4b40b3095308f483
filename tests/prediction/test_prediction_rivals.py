"""The rivals against closed forms and reference posteriors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hepatrial.evidence.synthesis.bayes import Priors, _given_tau, _mixture_quantile
from hepatrial.prediction.library import load_study
from hepatrial.prediction.rivals import severity
from hepatrial.prediction.rivals.days import mixture_days
from hepatrial.prediction.rivals.map_control import (
    PRIOR_MEAN,
    PRIOR_SD,
    Control,
    groups_of,
    level_of,
    load_controls,
    map_posterior,
    predictive,
)
from hepatrial.prediction.rivals.weibull import cloglog, survival_at
from hepatrial.provenance import GRADES


def test_a_weibull_day_is_the_inverse_of_its_survival() -> None:
    uniform = np.array([0.05, 0.2, 0.4, 0.6])
    days = mixture_days([(1.0, -0.5, 0.4)], 0.0, uniform)
    back = [1.0 - survival_at(-0.5, 0.4, day) for day in days]
    assert back == pytest.approx(uniform, abs=2e-4)


def test_an_effect_shifts_the_logit_of_the_risk_at_every_day() -> None:
    level, shape, effect = -0.6, 0.5, 0.7
    for day in (7.0, 28.0, 90.0):
        risk = 1.0 - survival_at(level, shape, day)
        shifted = 1.0 / (1.0 + math.exp(-(math.log(risk / (1 - risk)) + effect)))
        assert mixture_days([(1.0, level, shape)], effect, np.array([shifted]))[0] == pytest.approx(
            day, rel=2e-3
        )


def test_a_mixture_lies_between_its_classes() -> None:
    uniform = np.array([0.3])
    one, two = (mixture_days([(1.0, level, 0.5)], 0.0, uniform)[0] for level in (-1.2, -0.2))
    mixed = mixture_days([(0.5, -1.2, 0.5), (0.5, -0.2, 0.5)], 0.0, uniform)[0]
    assert two < mixed < one


def test_the_predictive_distribution_is_that_of_the_synthesis_package() -> None:
    levels = [(-1.0, 0.01), (-0.4, 0.02), (-0.7, 0.05), (0.1, 0.04)]
    mine = predictive(levels, 0.5)
    y, v = (np.array(column) for column in zip(*levels, strict=True))
    tau, share, centre, spread = _given_tau(y, v, Priors(PRIOR_MEAN, PRIOR_SD, "half_normal", 0.5), 500)
    assert mine.mean == pytest.approx(float(share @ centre), abs=2e-3)
    wide = np.hypot(spread, tau)
    for q in (0.05, 0.5, 0.95):
        theirs = _mixture_quantile(q, share, centre, wide)
        ours = _mixture_quantile(q, mine.share, mine.centre, mine.spread)
        assert ours == pytest.approx(theirs, abs=0.01)


def test_without_studies_the_prediction_is_the_prior() -> None:
    prior = predictive([], 1.0)
    assert prior.mean == pytest.approx(PRIOR_MEAN)
    assert prior.sd > PRIOR_SD


def test_more_agreeing_studies_narrow_the_prediction() -> None:
    few, many = (predictive([(-0.7, 0.02)] * k, 0.5).sd for k in (2, 12))
    assert many < few


def test_a_studys_own_control_arm_never_serves_its_prediction() -> None:
    with_duan, without = (map_posterior(name, "hbv_aclf")[0].mean for name in ("aclf75", "duan2013"))
    assert with_duan > without  # Duan's control arm is the deadliest of the class


def test_an_arm_at_day_90_is_its_own_level() -> None:
    arm = Control("x", "aclf", "death", 200, ((90.0, 0.4),), "", "seen")
    level, variance = level_of(arm, 0.4)
    assert level == pytest.approx(cloglog(0.6))
    # second implementation: simulate the binomial
    counts = np.random.default_rng(2).binomial(200, 0.4, 40_000) / 200
    assert variance == pytest.approx(np.var(np.log(-np.log(1 - counts))), rel=0.05)


def test_an_arm_without_a_death_has_a_level_all_the_same() -> None:
    level, variance = level_of(Control("x", "aclf", "death", 27, ((364.0, 0.0),), "", "seen"), 1.0)
    assert math.isfinite(level)
    assert variance > 1.0


def test_the_exponents_of_time_are_those_of_cohorts_with_two_times() -> None:
    controls, shapes = load_controls()

    def exponent(name: str) -> float:
        (arm,) = (one for one in controls if one.study == name)
        (t1, d1), (t2, d2) = arm.points
        return (cloglog(1 - d2) - cloglog(1 - d1)) / math.log(t2 / t1)

    both = (exponent("cai2024"), exponent("china_clif2025_cossh"))
    assert shapes["hbv_aclf"][0] == pytest.approx(sum(both) / 2, abs=0.02)
    assert shapes["aclf"][0] == pytest.approx(exponent("china_clif2025_easl"), abs=0.02)


def test_no_control_arm_is_recalled_or_of_the_article() -> None:
    controls, _ = load_controls()
    assert {one.grade for one in controls} <= GRADES.keys() - {"recalled", "article"}


def test_the_severity_line_goes_through_the_published_bands() -> None:
    intercept, slope = severity.meld_line()
    for middle, dead in severity.BANDS:
        told = 1.0 / (1.0 + math.exp(-(intercept + slope * middle)))
        assert told == pytest.approx(dead, abs=0.12)
    assert slope > 0.1


def test_the_mean_risk_of_a_group_is_the_integral_over_its_scores() -> None:
    intercept, slope = severity.meld_line()
    meld = np.clip(25 + 5 * np.random.default_rng(5).standard_normal(400_000), 6, 40)
    plain = float(np.mean(1 / (1 + np.exp(-(intercept + slope * meld)))))
    assert severity.mean_risk(25.0, 5.0) == pytest.approx(plain, abs=0.002)


def test_a_printed_score_comes_before_laboratory_values_and_these_before_the_class() -> None:
    assert severity.score_risk(load_study("cai2024"), "hbv_aclf")[2] == "CLIF-C ACLF"
    assert severity.score_risk(load_study("zekri2015"), "decompensated_cirrhosis")[2] == "MELD"
    assert "from bilirubin" in severity.score_risk(load_study("aclf75"), "hbv_aclf")[2]
    assert "usual" in severity.score_risk(load_study("relief2013"), "aclf")[2]


def test_acute_failure_is_a_mixture_of_fast_and_slow_causes() -> None:
    assert groups_of(load_study("alfsg_paracetamol")) == {"alf_hyperacute": 1.0}
    assert groups_of(load_study("alfsg_dili")) == {"alf_subacute": 1.0}
    assert groups_of(load_study("larsen2016")) == {"alf_hyperacute": 0.5, "alf_subacute": 0.5}
