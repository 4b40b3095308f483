"""Fine-Gray against cmprsk and survival, against Cox, and its interval's coverage."""

from __future__ import annotations

import numpy as np
import pytest
from reference import agree, dataset, numbers

from hepatrial.analysis import cox, fine_gray
from hepatrial.errors import BadInput, RunFailed


def test_the_pbc_trial_as_in_cmprsk():
    pbc = {name: values[:312] for name, values in dataset("pbc").items()}
    x = np.column_stack([pbc["age"], np.log(pbc["bili"])])
    for of, key in ((2, "crr_death_age_lbili"), (1, "crr_tx_age_lbili")):
        fit = fine_gray(pbc["time"], pbc["status"], x, of=of, causes=[1, 2])
        wanted = numbers()["competing_risks"]["pbc312"][key]
        agree(fit.coef, wanted["coef"])
        agree(fit.se, wanted["se"])


def test_the_waiting_list_as_in_cmprsk_which_stops_one_newton_step_early():
    table = dataset("transplant")
    x = np.column_stack([table["age"], table["sex"] == "f"])
    known = np.isfinite(x).all(axis=1)
    fit = fine_gray(
        table["futime"][known], table["event"][known], x[known], of="ltx", causes=["death", "ltx", "withdraw"]
    )
    agree(fit.coef, numbers()["competing_risks"]["transplant815"]["finegray_ltx_age_sexf"], rtol=1e-5)


def test_without_competing_events_it_is_the_cox_model_with_its_robust_error():
    rng = np.random.default_rng(21)
    x = rng.normal(size=300)
    event_time, censoring = rng.exponential(np.exp(-0.5 * x)), rng.exponential(1.5, 300)
    time, event = np.round(np.minimum(event_time, censoring), 2) + 0.01, event_time <= censoring
    for ties in ("breslow", "efron"):
        got = fine_gray(time, event.astype(int), x, of=1, causes=[1], ties=ties)
        plain = cox(time, event, x, ties=ties)
        assert got.coef == pytest.approx(plain.coef, rel=1e-8)
        assert got.se == pytest.approx(plain.se, rel=0.15)
    assert fine_gray(time, event.astype(int), x, of=1, causes=[1]).coef != pytest.approx(got.coef, rel=1e-6)


def subdistribution(rng, n, beta):
    """Cause 1 with F1(t|x) = 1 - (1 - p(1 - exp(-t)))^exp(beta x), cause 2 else, uniform censoring."""
    x = rng.integers(0, 2, n).astype(float)
    p = 0.5
    ratio = np.exp(beta * x)
    ever = 1 - (1 - p) ** ratio
    u = rng.uniform(size=n)
    first = u < ever
    time1 = -np.log(1 - (1 - (1 - np.where(first, u, 0.0)) ** (1 / ratio)) / p)
    time = np.where(first, time1, rng.exponential(0.8, n))
    censoring = rng.uniform(0.5, 4, n)
    cause = np.where(time > censoring, 0, np.where(first, 1, 2))
    return np.minimum(time, censoring), cause, x


def test_the_interval_covers_the_true_subdistribution_hazard_ratio():
    rng = np.random.default_rng(22)
    covered, estimates = 0, []
    for _ in range(300):
        time, cause, x = subdistribution(rng, 200, 0.6)
        ratio = fine_gray(time, cause, x, of=1, causes=[1, 2]).hazard_ratios[0]
        covered += ratio.ci[0] < np.exp(0.6) < ratio.ci[1]
        estimates.append(np.log(ratio.estimate))
    assert abs(covered / 300 - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 300)
    assert abs(np.mean(estimates) - 0.6) < 4 * np.std(estimates) / np.sqrt(300)


def test_scaling_a_covariate_scales_its_coefficient_and_level_widens_the_interval():
    rng = np.random.default_rng(23)
    time, cause, x = subdistribution(rng, 150, 0.5)
    one = fine_gray(time, cause, x, of=1, causes=[1, 2], names=["drug"])
    ten = fine_gray(time, cause, 10 * x + 3, of=1, causes=[1, 2], level=0.8)
    assert one.coef[0] == pytest.approx(10 * ten.coef[0], rel=1e-8)
    assert one.se[0] == pytest.approx(10 * ten.se[0], rel=1e-8)
    wide, narrow = one.hazard_ratios[0].ci, np.array(ten.hazard_ratios[0].ci) ** 10
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert "drug" in one.hazard_ratios[0].parameter


def test_a_covariate_with_all_events_on_one_side_is_refused_with_the_reason():
    with pytest.raises(RunFailed, match="no finite maximum"):
        fine_gray([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 2, 0], [1, 1, 1, 0, 0, 0], of=1, causes=[1, 2])


def test_all_problems_are_named_at_once():
    with pytest.raises(BadInput) as bad:
        fine_gray([1, -2], ["death", "tx"], [np.nan, 1], of="deth", causes=["death", "tx"], ties="exact")
    assert {p.place for p in bad.value.problems} == {"time", "covariates", "of", "ties"}
