"""Cox with (start, stop] rows, episodes and the test of proportional hazards, against R and invariants."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from reference import DATA, agree, dataset, numbers

from hepatrial.analysis import cox, episodes, proportional_hazards
from hepatrial.errors import BadInput


def test_time_dependent_bilirubin_and_prothrombin_as_in_the_vignette_of_r():
    pbc, visits = dataset("pbc"), dataset("pbcseq")
    trial = pbc["id"] <= 312
    split = episodes(
        pbc["id"][trial],
        pbc["time"][trial],
        pbc["status"][trial] == 2,
        visits["id"],
        visits["day"],
        np.log(np.column_stack([visits["bili"], visits["protime"]])),
    )
    fit = cox(split.stop, split.event, split.values, start=split.start)
    agree(fit.coef, numbers()["cox_efron"]["pbc_timedep_tmerge_lbili_lprotime"]["time_dependent"])
    assert split.event.sum() == (pbc["status"][trial] == 2).sum()


def test_time_dependent_prothrombin_of_csl_as_in_r():
    path = DATA / "csl_prednisone_prothrombin_longitudinal.csv"
    if not path.exists():
        pytest.skip("the CSL-1 table is absent")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    value = {name: np.array([float(row[name]) for row in rows]) for name in ("start", "stop", "event", "pro")}
    treated = np.array([row["treat"] == "prednisone" for row in rows])
    fit = cox(value["stop"], value["event"], np.column_stack([treated, value["pro"]]), start=value["start"])
    wanted = numbers()["cox_efron"]["csl_timedep_treat_pro"]
    agree(fit.coef, wanted["coef"])
    agree(fit.se, wanted["se"])


def test_proportional_hazards_of_the_pbc_trial_as_cox_zph_from_r_3():
    pbc = {name: values[:312] for name, values in dataset("pbc").items()}
    logs = [np.log(pbc[name]) for name in ("bili", "albumin", "protime")]
    x = np.column_stack([pbc["age"], *logs, pbc["edema"]])
    got = proportional_hazards(pbc["time"], pbc["status"] == 2, x)
    wanted = numbers()["cox_efron"]["pbc312_age_lbili_lalb_lprotime_edema"]["cox_zph_km_chisq"]
    agree([*(test.statistic for test in got.tests), got.overall.statistic], wanted)


def sample(seed, n=200):
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.integers(0, 2, n), rng.normal(size=n)])
    time = np.round(rng.exponential(np.exp(-x @ [0.5, 0.3])) * 20, 0) + 1
    return time, rng.integers(0, 2, n), x


def test_cutting_rows_at_any_time_changes_nothing():
    time, event, x = sample(41)
    plain = cox(time, event, x)
    cut = time > 7
    stop = np.concatenate([np.where(cut, 7, time), time[cut]])
    start = np.concatenate([np.zeros(time.size), np.full(cut.sum(), 7.0)])
    split = cox(
        stop, np.concatenate([np.where(cut, 0, event), event[cut]]), np.vstack([x, x[cut]]), start=start
    )
    assert split.coef == pytest.approx(plain.coef, rel=1e-9)
    assert split.se == pytest.approx(plain.se, rel=1e-9)
    assert split.loglik == pytest.approx(plain.loglik, rel=1e-10)
    assert split.concordance == pytest.approx(plain.concordance)


def test_late_entry_takes_patients_out_of_earlier_risk_sets():
    # one event at 1 before row 2 enters: only the event at 3 compares anybody
    fit = cox([1, 3, 4, 3.5], [1, 1, 0, 1], [0.0, 1.0, 0.0, 0.5], start=[0, 2, 0, 2])
    alone = cox([1, 3, 4, 3.5], [1, 1, 0, 1], [0.0, 1.0, 0.0, 0.5])
    assert fit.loglik_null == pytest.approx(-np.log(2) - np.log(3) - np.log(2))
    assert alone.loglik_null == pytest.approx(-np.log(4) - np.log(3) - np.log(2))


def test_episodes_carry_the_last_known_value_forward_and_end_with_the_event():
    got = episodes(
        ["a", "b"],
        [10, 5],
        [1, 0],
        ["a", "a", "a", "b"],
        [0, 4, 7, 2],
        [[1, 8], [np.nan, 9], [3, np.nan], [5, 6]],
    )
    assert got.row.tolist() == [0, 0, 0, 1, 1]
    assert got.start.tolist() == [0, 4, 7, 0, 2]
    assert got.stop.tolist() == [4, 7, 10, 2, 5]
    assert got.event.tolist() == [0, 0, 1, 0, 0]
    np.testing.assert_array_equal(got.values, [[1, 8], [1, 9], [3, 9], [np.nan, np.nan], [5, 6]])


def test_the_test_of_proportional_hazards_keeps_its_level_and_finds_a_crossing():
    rng = np.random.default_rng(42)
    p = []
    for _ in range(400):
        x = np.arange(80) % 2
        p.append(
            proportional_hazards(rng.exponential(np.exp(-0.7 * x)), rng.uniform(size=80) < 0.8, x).tests[0].p
        )
    share = np.mean(np.array(p) < 0.1)
    assert abs(share - 0.1) < 4 * np.sqrt(0.09 / 400) + 0.01
    x = np.arange(400) % 2
    time = np.where(x == 1, rng.weibull(0.6, 400), rng.weibull(1.8, 400))
    assert proportional_hazards(time, np.ones(400), x).tests[0].p < 1e-4


def test_transforms_strata_and_ties_change_the_statistic():
    time, event, x = sample(43)
    found = {
        round(proportional_hazards(time, event, x, **extra).overall.statistic, 8)
        for extra in (
            {},
            {"transform": "rank"},
            {"transform": "identity"},
            {"transform": "log"},
            {"ties": "breslow"},
            {"strata": np.arange(200) % 2},
        )
    }
    assert len(found) == 6
    named = proportional_hazards(time, event, x, names=["arm", "age"], start=np.zeros(200))
    assert named.overall.statistic == pytest.approx(proportional_hazards(time, event, x).overall.statistic)
    assert "arm" in named.tests[0].parameter


def test_bad_input_is_refused():
    with pytest.raises(BadInput, match="before time"):
        cox([1, 2, 3], [1, 1, 0], [1, 2, 4], start=[0, 2, 0])
    with pytest.raises(BadInput, match="transform"):
        proportional_hazards([1, 2, 3], [1, 1, 0], [1, 2, 4], transform="kmm")
    with pytest.raises(BadInput, match="estimable"):
        proportional_hazards([1, 2, 3, 4, 5], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0])
    with pytest.raises(BadInput) as bad:
        episodes(["a", "a"], [1, -2], [1, 3], ["a"], [0], [1])
    assert {p.place for p in bad.value.problems} == {"time", "event", "patient"}
    with pytest.raises(BadInput, match="one of the patients"):
        episodes(["a"], [1], [1], ["b"], [0], [1])
