"""Milestone survival, ANCOVA, the random-slope model and IPCW survival."""

from __future__ import annotations

import numpy as np
import pytest
from reference import agree, dataset, numbers

from hepatrial.analysis import (
    ancova,
    cox,
    ipcw_kaplan_meier,
    kaplan_meier,
    milestone,
    random_slope,
)
from hepatrial.analysis.ipcw import NoCensoringModel
from hepatrial.errors import BadInput

# --- milestone --------------------------------------------------------------------------------------


def test_milestone_difference_of_the_pbc_trial_is_that_of_the_curves_of_r():
    pbc = {name: values[:312] for name, values in dataset("pbc").items()}
    r = numbers()["km"]["pbc312_death"]
    got = milestone(pbc["time"], pbc["status"] == 2, pbc["trt"], 1825, groups=[1, 2])
    assert got.estimate == pytest.approx(float(r["S1825_Dpen"] - r["S1825_placebo"]), abs=1e-8)


def test_without_censoring_it_is_the_difference_of_two_proportions():
    time = np.array([1, 2, 3, 9, 9, 1, 9, 9, 9, 9.0])
    group = np.array([0] * 5 + [1] * 5)
    got = milestone(time, time < 9, group, 5)
    assert got.estimate == pytest.approx(0.4 - 0.8)
    assert got.se == pytest.approx(np.sqrt(0.4 * 0.6 / 5 + 0.8 * 0.2 / 5))


@pytest.mark.parametrize("test", ["plain", "log-log"])
def test_milestone_type_one_error_and_coverage(test):
    rng = np.random.default_rng(61)
    trials, rejected, covered = 800, 0, 0
    group = np.arange(200) % 2
    for _ in range(trials):
        event, censoring = rng.exponential(1, 200), rng.uniform(0.3, 3, 200)
        got = milestone(np.minimum(event, censoring), event <= censoring, group, 0.8, test=test)
        rejected += got.p < 0.05
        covered += got.ci[0] < 0 < got.ci[1]
    limit = 4 * np.sqrt(0.05 * 0.95 / trials)
    assert abs(rejected / trials - 0.05) < limit
    assert abs(covered / trials - 0.95) < limit


def test_milestone_beyond_the_follow_up_is_refused():
    with pytest.raises(BadInput) as bad:
        milestone([1, 2, 3, 4], [0, 0, 0, 0], [0, 0, 1, 1], 10, level=0.9)
    assert len(bad.value.problems) == 2
    with pytest.raises(BadInput) as bad:
        milestone([1, 2], [0, 0], [0, 1], -1, test="x", level=2)
    assert {p.place for p in bad.value.problems} == {"at", "test", "level"}


# --- ANCOVA -----------------------------------------------------------------------------------------


def visits(rng, n, effect):
    group, baseline = np.arange(n) % 2, rng.normal(20, 4, n)
    return 3 + 0.7 * baseline + effect * (group == 0) + rng.normal(0, 3, n), baseline, group


def test_ancova_is_the_least_squares_of_statsmodels_pooled_and_robust():
    sm = pytest.importorskip("statsmodels.api")
    y, x, group = visits(np.random.default_rng(62), 60, 1.5)
    strata = np.arange(60) // 20
    design = np.column_stack([group == 0, x, *(strata == s for s in range(3))]).astype(float)
    for robust, kind in ((False, "nonrobust"), (True, "HC3")):
        fit = sm.OLS(y, design).fit(cov_type=kind, use_t=True)
        got = ancova(y, x, group, strata=strata, robust=robust)
        assert (got.estimate, got.se, got.p) == pytest.approx((fit.params[0], fit.bse[0], fit.pvalues[0]))
        assert got.ci == pytest.approx(tuple(fit.conf_int()[0]))


def test_ancova_covers_and_is_sharper_than_the_difference_of_means():
    rng = np.random.default_rng(63)
    trials, covered, sharper = 1000, 0, 0
    for _ in range(trials):
        y, x, group = visits(rng, 30, 1.0)
        got = ancova(y, x, group)
        covered += got.ci[0] < 1.0 < got.ci[1]
        sharper += got.se < np.sqrt(y[group == 0].var(ddof=1) / 15 + y[group == 1].var(ddof=1) / 15)
    assert abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials)
    assert sharper > 0.9 * trials


def test_ancova_does_not_depend_on_the_origin_of_baseline_and_turns_with_the_groups():
    y, x, group = visits(np.random.default_rng(64), 40, 1.0)
    base = ancova(y, x, group)
    assert ancova(y, x + 100, group).estimate == pytest.approx(base.estimate)
    assert ancova(y, x, group, groups=[1, 0]).estimate == pytest.approx(-base.estimate)
    assert ancova(y, x, group, level=0.99).ci[0] < base.ci[0]


def test_ancova_refuses_what_it_cannot_estimate():
    with pytest.raises(BadInput, match="must be more than"):
        ancova([1, 2, 3], [1, 2, 4], [0, 1, 0])
    with pytest.raises(BadInput, match="determined by each other"):
        ancova([1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0, 1])
    with pytest.raises(BadInput) as bad:
        ancova([1, np.nan], ["x", "y"], [0, 1], level=0)
    assert {p.place for p in bad.value.problems} == {"value", "baseline", "level"}


# --- random slopes ----------------------------------------------------------------------------------


def test_bilirubin_and_albumin_of_pbcseq_as_in_nlme():
    q = dataset("pbcseq")
    r = numbers()["mixed_models_pbcseq"]
    fit = random_slope(q["id"], q["day"] / 365.25, np.log(q["bili"]))
    wanted = r["log_bili~year"]
    # nlme stops where the likelihood changes by less than 1e-7 of itself: coefficients to about 1e-5
    agree(fit.coef, wanted["fixef"], rtol=2e-5)
    agree(fit.se, wanted["se"], rtol=2e-5)
    agree([fit.sd_intercept, fit.sd_slope], wanted["sd_re"], rtol=2e-5)
    agree([fit.correlation, fit.sd_residual], [wanted["cor"], wanted["sd_resid"]], rtol=2e-5)
    agree(fit.loglik, wanted["loglik_reml"])
    fit = random_slope(q["id"], q["day"] / 365.25, q["albumin"])
    wanted = r["albumin~year"]
    agree(fit.coef, wanted["fixef"])
    agree([fit.sd_intercept, fit.sd_slope, fit.sd_residual], [*wanted["sd_re"], wanted["sd_resid"]])


def courses(rng, patients, slope):
    who = np.repeat(np.arange(patients), 5)
    time = np.tile(np.arange(5.0), patients)
    arm = (who % 2 == 0).astype(float)
    own = rng.multivariate_normal([0, 0], [[4, 0.3], [0.3, 0.2]], patients)
    value = 10 + own[who, 0] + (0.5 + slope * arm + own[who, 1]) * time + rng.normal(0, 1, who.size)
    return who, time, value, np.column_stack([arm, arm * time])


@pytest.mark.slow
def test_the_difference_of_slopes_is_covered():
    rng = np.random.default_rng(65)
    trials, covered = 120, 0
    for _ in range(trials):
        who, time, value, x = courses(rng, 60, 0.3)
        fit = random_slope(who, time, value, covariates=x, names=["arm", "arm x time"])
        covered += fit.effects[3].ci[0] < 0.3 < fit.effects[3].ci[1]
    assert abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials)
    assert fit.names == ("intercept", "time", "arm", "arm x time")


def test_scaling_the_value_scales_everything_and_shuffled_rows_change_nothing():
    rng = np.random.default_rng(66)
    who, time, value, x = courses(rng, 40, 0.3)
    base = random_slope(who, time, value, covariates=x)
    ten = random_slope(who, time, 10 * value, covariates=x, level=0.8)
    order = rng.permutation(value.size)
    mixed = random_slope(who[order], time[order], value[order], covariates=x[order])
    assert ten.coef == pytest.approx(10 * base.coef, rel=1e-5)
    assert ten.sd_slope == pytest.approx(10 * base.sd_slope, rel=1e-4)
    assert mixed.coef == pytest.approx(base.coef, rel=1e-6)
    assert ten.effects[1].ci[0] / 10 > base.effects[1].ci[0]


def test_random_slopes_refuse_too_little_or_collinear_data():
    with pytest.raises(BadInput, match="at least 3"):
        random_slope([1, 1, 2, 2], [0, 1, 0, 1], [1, 2, 3, 4])
    with pytest.raises(BadInput, match="linear combinations"):
        random_slope([1, 1, 1, 2, 2, 3], [0, 1, 2, 0, 1, 0], range(6), covariates=[0, 1, 2, 0, 1, 0])
    with pytest.raises(BadInput, match="names"):
        random_slope([1, 1, 1, 2, 2, 3], [0, 1, 2, 0, 1, 0], range(6), names=["x"])


# --- IPCW -------------------------------------------------------------------------------------------


def listed(rng, n):
    """A frail half dies early and is transplanted early, so censoring at transplant misleads."""
    frail = rng.integers(0, 2, n)
    death = rng.exponential(1 / np.where(frail, 1.5, 0.3))
    transplant = rng.exponential(1 / np.where(frail, 1.2, 0.1))
    end = np.minimum(np.minimum(death, transplant), 2.0)
    return frail, end, death <= end, (transplant <= end) & (transplant < death)


def test_ipcw_recovers_survival_without_transplant_where_plain_censoring_does_not():
    rng = np.random.default_rng(67)
    truth = 0.5 * (np.exp(-1.5) + np.exp(-0.3))
    plain, weighted, covered = [], [], 0
    for _ in range(150):
        frail, end, died, moved = listed(rng, 300)
        got = ipcw_kaplan_meier(end, died, moved, frail)
        weighted.append(float(got.survival_at(1.0)))
        plain.append(float(kaplan_meier(end, died).survival_at(1.0)))
        place = np.searchsorted(got.time, 1.0, side="right") - 1
        covered += got.lower[place] < truth < got.upper[place]
    error = np.std(weighted) / np.sqrt(150)
    assert abs(np.mean(weighted) - truth) < 4 * error
    assert np.mean(plain) - truth > 8 * error
    assert covered / 150 > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 150)


def test_a_covariate_that_does_not_matter_gives_back_the_kaplan_meier_curve():
    rng = np.random.default_rng(68)
    _, end, died, moved = listed(rng, 60)
    twice = [np.concatenate([part, part]) for part in (end, died, moved)]
    useless = np.repeat([0.0, 1.0], 60)
    got = ipcw_kaplan_meier(*twice, useless)
    assert got.model.coef[0] == pytest.approx(0, abs=1e-9)
    curve = kaplan_meier(twice[0], twice[1])
    assert got.survival == pytest.approx(curve.survival_at(got.time), rel=1e-9)
    assert got.se == pytest.approx(curve.se_at(got.time), rel=1e-9)


def test_cutting_a_patient_into_rows_changes_neither_curve_nor_error():
    rng = np.random.default_rng(69)
    frail, end, died, moved = listed(rng, 80)
    base = ipcw_kaplan_meier(end, died, moved, frail)
    cut = end > 0.4
    who = np.concatenate([np.arange(80), np.flatnonzero(cut)])
    begin = np.concatenate([np.zeros(80), np.full(cut.sum(), 0.4)])
    stop = np.concatenate([np.where(cut, 0.4, end), end[cut]])
    flags = [np.concatenate([np.where(cut, 0, part), part[cut]]) for part in (died, moved)]
    split = ipcw_kaplan_meier(stop, *flags, np.append(frail, frail[cut]), patient=who, start=begin)
    assert split.survival == pytest.approx(base.survival, rel=1e-8)
    assert split.se == pytest.approx(base.se, rel=1e-8)
    assert ipcw_kaplan_meier(end, died, moved, frail, level=0.8).lower[0] > base.lower[0]


def test_weights_are_those_of_the_breslow_hazard_by_hand():
    # transplant of the frail patient 3 at 1 and of 4 at 2; then the death at 3 sees weighted survivors
    end, died, moved = [3, 4, 1, 2, 4], [1, 0, 0, 0, 0], [0, 0, 1, 1, 0]
    frail = np.array([0, 0, 1, 0, 1.0])
    ratio = np.exp(cox(end, moved, frail, ties="breslow").coef[0] * frail)
    hazard = 1 / ratio.sum() + 1 / ratio[[0, 1, 3, 4]].sum()
    weight = np.exp(hazard * ratio[[0, 1, 4]])
    got = ipcw_kaplan_meier(end, died, moved, frail)
    assert got.survival[0] == pytest.approx(1 - weight[0] / weight.sum(), rel=1e-8)
    assert got.largest_weight[0] == pytest.approx(weight.max(), rel=1e-8)


def test_without_a_model_of_the_censoring_there_are_no_weights_and_the_reason_is_told():
    rng = np.random.default_rng(70)
    frail, end, died, moved = listed(rng, 80)
    pair = np.column_stack([frail, rng.normal(size=80)])
    one = np.zeros(80, dtype=int)
    one[np.flatnonzero(moved)[0]] = 1
    with pytest.raises(NoCensoringModel, match="at least 2") as few:
        ipcw_kaplan_meier(end, died, one, pair)
    assert "fewer such events" in few.value.reason
    # the sole censoring has the highest value of those at risk: no finite maximum
    highest = np.where(one == 1, 9.0, rng.random(80))
    with pytest.raises(NoCensoringModel, match="no finite maximum") as flat:
        ipcw_kaplan_meier(end, died, one, highest)
    assert "no finite maximum" in flat.value.reason
    # at the last censoring nobody else is at risk
    late = np.where(one == 1, end.max() + 1, end)
    with pytest.raises(NoCensoringModel, match="must vary among those at risk") as alone:
        ipcw_kaplan_meier(late, died, one, frail)
    assert "does not vary" in alone.value.reason
    assert isinstance(alone.value, BadInput)


def test_ipcw_refuses_what_cannot_be():
    with pytest.raises(BadInput, match="where the event was seen"):
        ipcw_kaplan_meier([1, 2], [1, 0], [1, 0], [0, 1])
    with pytest.raises(BadInput, match="use kaplan_meier"):
        ipcw_kaplan_meier([1, 2], [1, 0], [0, 0], [0, 1])
    with pytest.raises(BadInput, match="at least one event"):
        ipcw_kaplan_meier([1, 2], [0, 0], [1, 0], [0, 1])
    with pytest.raises(BadInput) as bad:
        ipcw_kaplan_meier([-1, 2], [1, 3], [0, 2], [0, np.nan], level=7)
    assert {p.place for p in bad.value.problems} == {"time", "event", "censored", "covariates", "level"}
