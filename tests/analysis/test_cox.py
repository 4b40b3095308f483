"""Cox: closed forms, a second implementation, strata, runaway coefficients, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from hepatrial.analysis import concordance, cox
from hepatrial.errors import BadInput


def loglik(beta, time, event, x, ties):
    """The log partial likelihood, straight from the definition."""
    total, weight = 0.0, np.exp(x @ beta)
    for t in sorted(set(time[event == 1])):
        dead = (time == t) & (event == 1)
        d, risk, tied = dead.sum(), weight[time >= t].sum(), weight[dead].sum()
        total += (x[dead] @ beta).sum()
        total -= sum(np.log(risk - (k / d * tied if ties == "efron" else 0)) for k in range(d))
    return total


@pytest.fixture
def trial():
    rng = np.random.default_rng(2)
    x = np.column_stack([rng.normal(50, 12, 90), rng.integers(0, 2, 90)])
    time = np.ceil(rng.exponential(20 * np.exp(-0.03 * (x[:, 0] - 50) + 0.5 * x[:, 1])))
    return time, (rng.random(90) < 0.8).astype(int), x


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_fit_maximises_the_likelihood_written_from_its_definition(trial, ties):
    time, event, x = trial
    fit = cox(time, event, x, ties=ties)
    assert fit.loglik == pytest.approx(loglik(fit.coef, time, event, x, ties), abs=1e-9)
    assert fit.loglik_null == pytest.approx(loglik(np.zeros(2), time, event, x, ties), abs=1e-9)
    found = minimize(lambda b: -loglik(b, time, event, x, ties), np.zeros(2), method="Nelder-Mead",
                     options={"xatol": 1e-7, "fatol": 1e-11})  # fmt: skip
    np.testing.assert_allclose(fit.coef, found.x, atol=1e-5)
    h = 1e-4
    around = [[loglik(fit.coef + side * h * e, time, event, x, ties) for side in (1, -1)] for e in np.eye(2)]
    curvature = [(2 * fit.loglik - up - down) / h**2 for up, down in around]
    np.testing.assert_allclose(np.diag(np.linalg.inv(fit.covariance)), curvature, rtol=1e-4)


def test_two_patients_three_patients_closed_form():
    # events 1 (x=1) then 2 (x=0), then one censored with x=1: score 1/(1+2e^b)*... solved by hand:
    # L(b) = e^b/(2e^b + 1) * 1/(e^b + 1); d/db log L = 0 <=> 1 = 2e^(2b)
    fit = cox([1, 2, 3], [1, 1, 0], [1, 0, 1])
    assert np.exp(fit.coef[0]) == pytest.approx(1 / np.sqrt(2))


def test_efron_and_breslow_are_equal_without_ties_and_differ_with_them(trial):
    time, event, x = trial
    apart = time + np.arange(time.size) * 1e-4
    np.testing.assert_allclose(cox(apart, event, x).coef, cox(apart, event, x, ties="breslow").coef)
    assert abs(cox(time, event, x).coef[1] - cox(time, event, x, ties="breslow").coef[1]) > 1e-4


def test_a_linear_change_of_a_covariate_changes_its_coefficient_accordingly(trial):
    time, event, x = trial
    plain, changed = cox(time, event, x), cox(time, event, np.column_stack([1000 - 3 * x[:, 0], x[:, 1]]))
    np.testing.assert_allclose(changed.coef, plain.coef * [-1 / 3, 1], rtol=1e-7)
    np.testing.assert_allclose(changed.se, plain.se * [1 / 3, 1], rtol=1e-7)
    assert changed.loglik == pytest.approx(plain.loglik)
    assert changed.concordance == pytest.approx(plain.concordance)


def test_only_the_order_of_times_matters(trial):
    time, event, x = trial
    np.testing.assert_allclose(cox(time, event, x).coef, cox(np.exp(time / 50), event, x).coef, rtol=1e-9)


def test_the_likelihood_of_strata_is_the_sum_over_strata(trial):
    time, event, x = trial
    stratum = np.where(x[:, 1] == 1, "a", "b")
    fit = cox(time, event, x[:, 0], strata=stratum)
    expected = sum(
        loglik(fit.coef, time[stratum == s], event[stratum == s], x[stratum == s, :1], "efron") for s in "ab"
    )
    assert fit.loglik == pytest.approx(expected, abs=1e-9)
    assert fit.coef[0] != pytest.approx(cox(time, event, x[:, 0]).coef[0], rel=1e-4)


def test_names_and_level_reach_the_hazard_ratios(trial):
    time, event, x = trial
    fit = cox(time, event, x, names=["age", "cells"], level=0.5)
    assert [hr.parameter for hr in fit.hazard_ratios] == ["hazard ratio, age", "hazard ratio, cells"]
    wide = cox(time, event, x).hazard_ratios[1]
    narrow = fit.hazard_ratios[1]
    assert wide.ci[0] < narrow.ci[0] < narrow.estimate < narrow.ci[1] < wide.ci[1]
    assert np.log(wide.estimate) / wide.se == pytest.approx(wide.statistic)


def test_the_three_global_tests_agree_roughly_and_with_one_covariate_wald_is_z_squared(trial):
    time, event, x = trial
    fit = cox(time, event, x[:, 1])
    assert fit.wald.statistic == pytest.approx(fit.hazard_ratios[0].statistic ** 2)
    assert fit.likelihood_ratio.statistic == pytest.approx(fit.wald.statistic, rel=0.2)
    assert fit.score.statistic == pytest.approx(fit.wald.statistic, rel=0.2)


def test_all_events_on_one_side_give_an_infinite_ratio_and_say_so():
    for x, ratio in (([1, 1, 0, 0], np.inf), ([0, 0, 1, 1], 0.0)):
        hazard_ratio = cox([1, 2, 3, 4], [1, 1, 0, 0], x).hazard_ratios[0]
        assert hazard_ratio.estimate == ratio
        assert np.isnan(hazard_ratio.se)
        assert "no maximum" in hazard_ratio.note


def test_a_runaway_coefficient_leaves_the_others_finite():
    rng = np.random.default_rng(4)
    time, event = rng.exponential(size=60), rng.random(60) < 0.5
    age = rng.normal(size=60)
    fit = cox(time, event, np.column_stack([age, event]))
    assert np.isinf(fit.coef[1])
    assert np.isfinite(fit.coef[0])
    # with the other at infinity only those who have an event are compared
    dead = cox(time[event], event[event], age[event])
    assert fit.coef[0] == pytest.approx(dead.coef[0], rel=1e-4)
    assert fit.se[0] == pytest.approx(dead.se[0], rel=1e-4)


@pytest.mark.parametrize("seed", range(40))
def test_a_single_event_and_two_covariates_give_numbers_or_say_that_they_run_away(seed):
    rng = np.random.default_rng(seed)
    # outlying values make the first steps so long that every weight but one vanishes
    time, x = rng.exponential(size=40), np.column_stack([rng.standard_t(2, 40), rng.normal(50, 8, 40)])
    row = np.argsort(time)[rng.integers(30)]
    fit = cox(time, np.arange(40) == row, x)
    for coef, se, ratio in zip(fit.coef, fit.se, fit.hazard_ratios, strict=True):
        assert not np.isnan(coef)
        assert np.isfinite(coef) == np.isfinite(se) == ("no maximum" not in ratio.note)


def test_what_cannot_be_fitted_is_refused():
    time, event = [1, 2, 3, 4], [1, 1, 0, 1]
    for arguments, message in (
        ((time, [0] * 4, [1, 0, 1, 0]), "at least one event"),
        ((time, event, [1, 1, 1, 1]), "must vary between patients"),
        ((time, event, [[1, 2], [2, 4], [3, 6], [5, 10]]), "linear combinations"),
        ((time, event, [1, np.nan, 0, 1]), "finite numbers"),
        ((time, event, [1, 0]), "length of time"),
        ((time, event, ["a", "b", "c", "d"]), "must be numbers"),
        (([1, 2, 3, 4], [0, 0, 1, 1], [0, 1, 1, 1]), "among those at risk when an event happens"),
    ):
        with pytest.raises(BadInput, match=message):
            cox(*arguments)
    with pytest.raises(BadInput) as caught:
        cox(time, event, [1, 0, 1, 0], names=["a", "b"], ties="exact", level=0)
    assert [problem.place for problem in caught.value.problems] == ["names", "ties", "level"]


def test_concordance_counts_pairs():
    assert concordance([1, 2, 3], [1, 1, 1], [3, 2, 1]) == 1
    assert concordance([1, 2, 3], [1, 1, 1], [1, 2, 3]) == 0
    assert concordance([1, 2, 3], [1, 1, 1], [5, 5, 5]) == 0.5
    assert concordance([1, 1], [1, 0], [2, 1]) == 1  # an event before a censoring at the same time
    assert np.isnan(concordance([1, 1], [1, 1], [2, 1]))
    assert np.isnan(concordance([1, 2], [0, 1], [2, 1]))
    assert concordance([1, 2, 1, 2], [1, 1, 1, 1], [2, 1, 1, 2], strata=[0, 0, 1, 1]) == 0.5
    with pytest.raises(BadInput, match="length of time"):
        concordance([1, 2], [1, 1], [1])
