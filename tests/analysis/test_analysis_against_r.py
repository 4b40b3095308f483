"""Equal to R 4.2.2 (survival, cmprsk, survRM2) to 1e-6 relative or half a unit of the last printed digit.

Data: the tables inside PyPI ``survival``, and two files of ../shared/data.
"""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from hepatrial.analysis import aalen_johansen, cox, kaplan_meier, logrank, rmst, rmst_contrast

DATA = Path(__file__).parents[2] / "../shared/data"
REFERENCE = DATA / "reference_numbers.json"
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="the reference numbers are absent")
datasets = pytest.importorskip("survival.datasets")


@pytest.fixture(scope="module")
def ref():
    """The reference numbers with their printed digits kept."""
    return json.loads(REFERENCE.read_text(), parse_float=Decimal, parse_int=Decimal)


def agree(got, printed):
    """Within 1e-6 relative or half a unit of the last printed digit, element by element."""
    wanted = printed if isinstance(printed, list) else [printed]
    values = np.atleast_1d(np.asarray(got, dtype=float)).ravel()
    assert len(values) == len(wanted)
    for value, number in zip(values, wanted, strict=True):
        if number is None:
            assert np.isnan(value)
            continue
        half_a_unit = 0.5 * 10.0 ** number.as_tuple().exponent
        tolerance = max(1e-6 * abs(float(number)), half_a_unit)
        assert abs(value - float(number)) <= tolerance, f"{value!r} is not {number}"


def column(table, name):
    return np.array([np.nan if value is None else value for value in table[name]])


@pytest.fixture(scope="module")
def pbc():
    """The randomised 312 of the Mayo PBC table."""
    table = datasets.load_pbc()
    return {name: column(table, name)[:312] for name in table}


@pytest.fixture(scope="module")
def lung():
    table = datasets.load_lung()
    return {name: column(table, name) for name in table} | {"event": column(table, "status") - 1}


@pytest.fixture(scope="module")
def aml():
    table = datasets.load_aml()
    return column(table, "time"), column(table, "status"), column(table, "x")


@pytest.fixture(scope="module")
def csl():
    """One row a patient of the CSL-1 trial: years, death, treatment."""
    path = DATA / "csl_prednisone_prothrombin_longitudinal.csv"
    with path.open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert len(rows) == 488
    time = np.array([float(row["Time"]) for row in rows.values()])
    death = np.array([int(row["death"]) for row in rows.values()])
    return time, death, np.array([row["treat"] for row in rows.values()])


def test_kaplan_meier_of_the_pbc_trial(ref, pbc):
    r = ref["km"]["pbc312_death"]
    death = pbc["status"] == 2
    curve = kaplan_meier(pbc["time"], death)
    assert (curve.n, curve.n_events) == (r["n"], r["events"])
    agree(curve.survival_at([1825, 3650]), [r["S1825"], r["S3650"]])
    agree(curve.se_at([1825, 3650]), [r["se1825"], r["se3650"]])
    agree(curve.median.estimate, r["median_days"])
    agree(curve.median.ci, r["median_ci_loglog"])
    assert curve.number_at_risk(1825) == r["nrisk1825"]
    for trt, name in ((1, "Dpen"), (2, "placebo")):
        arm = pbc["trt"] == trt
        one = kaplan_meier(pbc["time"][arm], death[arm])
        agree(one.survival_at(1825), r[f"S1825_{name}"])
        assert one.number_at_risk(1825) == r[f"nrisk1825_{name}"]


@pytest.mark.parametrize("transform", ["plain", "log", "log-log", "logit", "arcsin"])
def test_kaplan_meier_interval_by_each_transform(ref, pbc, transform):
    curve = kaplan_meier(pbc["time"], pbc["status"] == 2, transform=transform)
    agree(np.ravel(curve.interval_at(1825)), ref["km"]["pbc312_death"]["ci1825"][transform])


def test_medians_and_their_intervals_with_rs_default_transform(ref, lung, aml):
    r = ref["km"]
    time, status, x = aml
    for name in ("Maintained", "Nonmaintained"):
        median = kaplan_meier(time[x == name], status[x == name], transform="log").median
        agree(median.estimate, r["aml"][f"median_{name.lower()}"])
        agree(median.ci, r["aml"][f"ci_{name.lower()}"])
    for sex, name in ((1, "male"), (2, "female")):
        one = lung["sex"] == sex
        median = kaplan_meier(lung["time"][one], lung["event"][one], transform="log").median
        agree(median.estimate, r["lung"][f"median_{name}"])
        agree(median.ci, r["lung"][f"ci_{name}"])


def test_kaplan_meier_of_csl(ref, csl):
    time, death, _ = csl
    r = ref["km"]["csl488"]
    got = kaplan_meier(time, death).survival_at([0.25, 0.5, 1, 2, 5])
    agree(got, [r["S_3mo"], r["S_6mo"], r["S_1y"], r["S_2y"], r["S_5y"]])


def test_logrank_chi_squares(ref, pbc, lung, aml, csl):
    r = ref["logrank_chisq"]
    agree(logrank(lung["time"], lung["event"], lung["sex"]).chisq, r["lung_sex"])
    agree(logrank(*aml).chisq, r["aml_x"])
    veteran, ovarian = datasets.load_veteran(), datasets.load_ovarian()
    agree(logrank(veteran["time"], veteran["status"], veteran["trt"]).chisq, r["veteran_trt"])
    agree(logrank(ovarian["futime"], ovarian["fustat"], ovarian["rx"]).chisq, r["ovarian_rx"])
    death = logrank(pbc["time"], pbc["status"] == 2, pbc["trt"])
    agree(death.chisq, r["pbc312_trt_death"])
    agree(death.observed, r["pbc312_trt_death_obs"])
    agree(death.expected, r["pbc312_trt_death_exp"])
    agree(logrank(pbc["time"], pbc["status"] > 0, pbc["trt"]).chisq, r["pbc312_trt_tfs"])
    stratified = logrank(pbc["time"], pbc["status"] == 2, pbc["trt"], strata=pbc["stage"])
    agree(stratified.chisq, r["pbc312_trt_stratified_stage"])
    agree(logrank(*csl).chisq, r["csl_treat"])


def test_peto_weighted_chi_squares(ref, pbc, lung):
    r = ref["grho_rho1_chisq"]
    agree(logrank(lung["time"], lung["event"], lung["sex"], rho=1).chisq, r["lung_sex"])
    agree(logrank(pbc["time"], pbc["status"] == 2, pbc["trt"], rho=1).chisq, r["pbc312_trt"])


def test_fleming_harrington_z(ref, pbc, lung):
    veteran, ovarian = datasets.load_veteran(), datasets.load_ovarian()
    cases = {
        "pbc_Dpen_v_placebo": (pbc["time"], pbc["status"] == 2, pbc["trt"], [1, 2]),
        "lung_female_v_male": (lung["time"], lung["event"], lung["sex"], [2, 1]),
        "veteran_trt2_v_1": (veteran["time"], veteran["status"], veteran["trt"], [2, 1]),
        "ovarian_rx2_v_1": (ovarian["futime"], ovarian["fustat"], ovarian["rx"], [2, 1]),
    }
    for name, (time, event, group, order) in cases.items():
        for rho, gamma in ((0, 0), (0, 1), (1, 0), (1, 1)):
            got = logrank(time, event, group, groups=order, rho=rho, gamma=gamma)
            agree(got.test.statistic, ref["fh_z_and_maxcombo"][name][f"FH{rho}{gamma}"])


def test_cox_of_lung(ref, lung):
    r = ref["cox_efron"]["lung_age_sex_phecog"]
    x = np.column_stack([lung["age"], lung["sex"], lung["ph.ecog"]])
    known = ~np.isnan(x).any(axis=1)
    fit = cox(lung["time"][known], lung["event"][known], x[known])
    agree(fit.coef, r["coef"])
    agree(fit.se, r["se"])
    agree([fit.loglik_null, fit.loglik], r["loglik"])
    agree(fit.concordance, r["C"])


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_of_aml_by_ties(ref, aml, ties):
    time, status, x = aml
    fit = cox(time, status, x == "Nonmaintained", ties=ties)
    agree([fit.coef[0], fit.se[0]], ref["cox_efron"]["aml_x"][ties])


def _pbc_covariates(table):
    logs = [np.log(table[name]) for name in ("bili", "albumin", "protime")]
    return np.column_stack([table["age"], *logs, table["edema"]])


def test_cox_of_the_pbc_trial_and_of_all_pbc(ref, pbc):
    r = ref["cox_efron"]
    fit = cox(pbc["time"], pbc["status"] == 2, _pbc_covariates(pbc))
    key = "pbc312_age_lbili_lalb_lprotime_edema"
    agree(fit.coef, r[key]["coef"])
    agree(fit.se, r[key]["se"])
    agree([fit.loglik_null, fit.loglik], r[key]["loglik"])
    agree(fit.concordance, r[key]["C"])
    everyone = {name: column(datasets.load_pbc(), name) for name in datasets.load_pbc()}
    x = _pbc_covariates(everyone)
    known = ~np.isnan(x).any(axis=1)
    fit = cox(everyone["time"][known], everyone["status"][known] == 2, x[known])
    agree(fit.coef, r["pbc418_same"]["coef"])
    # the baseline model of the vignette on time-dependent covariates: all with a prothrombin time
    both = np.log(np.column_stack([everyone["bili"], everyone["protime"]]))
    known = ~np.isnan(both).any(axis=1)
    fit = cox(everyone["time"][known], everyone["status"][known] == 2, both[known])
    agree(fit.coef, r["pbc_timedep_tmerge_lbili_lprotime"]["baseline"])


def test_cox_of_csl_and_of_pbc3(ref, csl):
    time, death, treat = csl
    hazard_ratio = cox(time, death, treat == "prednisone").hazard_ratios[0]
    r = ref["cox_efron"]
    agree(hazard_ratio.estimate, r["csl_treat"]["HR"])
    agree(hazard_ratio.ci, r["csl_treat"]["ci"])
    with (DATA / "pbc3_ciclosporin_trial.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if "NA" not in (row["alb"], row["bili"]) and row["alb"]]
    value = {
        name: np.array([float(row[name]) for row in rows])
        for name in ("days", "status", "tment", "alb", "bili")
    }
    x = np.column_stack([value["tment"], np.log(value["bili"]), value["alb"]])
    fit = cox(value["days"], value["status"] > 0, x)
    agree(fit.coef, r["pbc3_tment_lbili_alb_death_or_tx"]["coef"])
    agree(fit.se, r["pbc3_tment_lbili_alb_death_or_tx"]["se"])


def test_restricted_means(ref, pbc, lung):
    r = ref["rmst"]["lung_365d"]
    for sex, name in ((1, "male"), (2, "female")):
        one = lung["sex"] == sex
        mean = rmst(lung["time"][one], lung["event"][one], 365)
        agree([mean.estimate, mean.se], r[name])
    r = ref["rmst"]["pbc312_10y_survRM2"]
    got = rmst_contrast(pbc["time"] / 365.25, pbc["status"] == 2, pbc["trt"], 10, groups=[1, 2])
    agree([got.means[0].estimate, got.means[0].se], r["Dpen"])
    agree([got.means[1].estimate, got.means[1].se], r["placebo"])
    agree(got.difference.estimate, r["diff"])
    agree(got.difference.p, r["p"])
    agree(got.ratio.estimate, r["ratio"])
    agree(got.lost_ratio.estimate, r["rmtl_ratio"])
    # survRM2 multiplies by 1.96, not by the normal quantile
    half = 1.96 * got.difference.se
    agree([got.difference.estimate - half, got.difference.estimate + half], r["diff_ci"])
    factor = np.exp(1.96 * got.ratio.se)
    agree([got.ratio.estimate / factor, got.ratio.estimate * factor], r["ratio_ci"])


def test_cumulative_incidence_on_the_waiting_list(ref):
    r = ref["competing_risks"]["transplant815"]
    table = datasets.load_transplant()
    got = aalen_johansen(table["futime"], table["event"], causes=r["states"][1:])
    for day in (28, 90, 180, 365):
        agree([got.event_free_at(day), *got.incidence_at(day)], r[f"p{day}"])
    agree(got.se_at(365), r["se365"][1:])


def test_cumulative_incidence_in_the_pbc_trial(ref, pbc):
    r = ref["competing_risks"]["pbc312"]
    tx, death, late = [], [], []
    for trt in (1, 2):
        arm = pbc["trt"] == trt
        got = aalen_johansen(pbc["time"][arm], pbc["status"][arm], causes=[1, 2])
        tx.append(got.incidence_at(1825)[0])
        death.append(got.incidence_at(1825)[1])
        late.append(got.incidence_at(3650)[1])
    agree(tx, r["cif_tx_1825"])
    agree(death, r["cif_death_1825"])
    agree(late, r["cif_death_3650"])
