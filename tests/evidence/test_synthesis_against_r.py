"""Equal to R metafor 3.8-1 to 1e-6 relative or half a unit of the last printed digit.

metafor's REML stops once tau-squared moves by less than 1e-5, which shows in its digits; "REML_1e-5" is
that iteration and agrees digit for digit. Our "REML" goes on to the maximum, and is held to lie within that
stop of it. metafor's PM and Q-profile limits come from a root finder with a tolerance near 1e-4; ours are
held to their defining equation.
"""

from __future__ import annotations

import csv
import json
import math
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from hepatrial.errors import BadInput
from hepatrial.evidence.synthesis import (
    Counts,
    Means,
    common_effect,
    cumulative,
    effect_sizes,
    egger,
    leave_one_out,
    mantel_haenszel,
    meta_regression,
    peto,
    random_effects,
)
from hepatrial.evidence.synthesis.tau import log_likelihood, ones, q_statistic

DATA = Path(__file__).parents[2] / "../shared/data"
pytestmark = pytest.mark.skipif(
    not (DATA / "reference_numbers.json").exists(), reason="the reference numbers are absent"
)


@pytest.fixture(scope="module")
def ref():
    return json.loads((DATA / "reference_numbers.json").read_text(), parse_float=Decimal, parse_int=Decimal)


def agree(got, printed):
    wanted = printed if isinstance(printed, list) else [printed]
    values = np.atleast_1d(np.asarray(got, dtype=float)).ravel()
    assert len(values) == len(wanted)
    for value, number in zip(values, wanted, strict=True):
        half_a_unit = 0.5 * 10.0 ** number.as_tuple().exponent
        tolerance = max(1e-6 * abs(float(number)), half_a_unit)
        assert value == pytest.approx(float(number), rel=0, abs=tolerance * 1.0001), number


def table(name):
    with (DATA / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def bcg():
    return [
        Counts(
            study=f"{r['trial']} {r['author']}",
            grade="seen",
            year=float(r["year"]),
            x1=int(r["tpos"]),
            n1=int(r["tpos"]) + int(r["tneg"]),
            x2=int(r["cpos"]),
            n2=int(r["cpos"]) + int(r["cneg"]),
            numbers={"ablat": float(r["ablat"])},
            labels={"alloc": r["alloc"]},
        )
        for r in table("meta_bcg.csv")
    ]


@pytest.fixture(scope="module")
def bcg_rr(bcg):
    return effect_sizes(bcg, "RR")


def pagliaro(treatment):
    arms = {}
    for r in table("meta_pagliaro1992_cirrhosis.csv"):
        arms.setdefault(r["study"], {})[r["trt"]] = (int(r["xi"]), int(r["ni"]))
    return [
        Counts(study=name, grade="seen", x1=a[treatment][0], n1=a[treatment][1],
               x2=a["control"][0], n2=a["control"][1])
        for name, a in arms.items()
        if treatment in a
    ]  # fmt: skip


def nielweise():
    return [
        Counts(study=r["author"], grade="seen", x1=int(r["ai"]), n1=int(r["n1i"]), x2=int(r["ci"]),
               n2=int(r["n2i"]))
        for r in table("meta_nielweise2007_rare.csv")
    ]  # fmt: skip


def normand():
    return [
        Means(study=r["source"], grade="seen", mean1=float(r["m1i"]), sd1=float(r["sd1i"]), n1=int(r["n1i"]),
              mean2=float(r["m2i"]), sd2=float(r["sd2i"]), n2=int(r["n2i"]))
        for r in table("meta_normand1999.csv")
    ]  # fmt: skip


reml_of_metafor = partial(random_effects, estimator="REML_1e-5")


def test_log_risk_ratios_of_the_bcg_trials(bcg_rr, ref):
    agree(bcg_rr.y, ref["meta_bcg_logRR"]["yi"])


def test_the_common_effect_of_the_bcg_trials(bcg_rr, ref):
    got, r = common_effect(bcg_rr), ref["meta_bcg_logRR"]
    agree([got.estimate, got.se], [r["FE"]["est"], r["FE"]["se"]])
    agree(got.heterogeneity.q, r["Q"])


@pytest.mark.parametrize("estimator", ["DL", "HE", "SJ", "ML", "HS", "REML", "REML_1e-5"])
def test_every_estimator_of_tau_squared(bcg_rr, ref, estimator):
    got, r = random_effects(bcg_rr, estimator=estimator, interval="wald"), ref["meta_bcg_logRR"]
    r = r[estimator.removesuffix("_1e-5")]
    agree([got.estimate, got.heterogeneity.tau2.estimate], [r["est"], r["tau2"]])
    if "se" in r:
        agree(got.se, r["se"])
    if "I2" in r:
        agree(got.heterogeneity.i2.estimate, r["I2"])


def test_paule_mandel_solves_its_equation_and_is_the_empirical_bayes_estimate(bcg_rr, ref):
    r = ref["meta_bcg_logRR"]
    got = random_effects(bcg_rr, estimator="PM", interval="wald")
    tau2 = got.heterogeneity.tau2.estimate
    assert q_statistic(bcg_rr.y, bcg_rr.v, ones(13), tau2) == pytest.approx(12, rel=1e-10)
    assert tau2 == pytest.approx(float(r["EB"]["tau2"]), abs=1e-6)
    assert tau2 == pytest.approx(float(r["PM"]["tau2"]), rel=1e-4)
    assert got.estimate == pytest.approx(float(r["PM"]["est"]), rel=1e-5)
    assert got.se == pytest.approx(float(r["PM"]["se"]), rel=1e-4)


def test_reml_lies_within_metafors_stop_of_metafors_value(bcg_rr):
    for effects in (bcg_rr, effect_sizes(pagliaro("beta-blockers"), "OR")):
        at = [
            random_effects(effects, estimator=name).heterogeneity.tau2.estimate
            for name in ("REML", "REML_1e-5")
        ]
        assert at[0] == pytest.approx(at[1], abs=2e-5)
        highest, stopped = (
            log_likelihood(t, effects.y, effects.v, ones(len(effects)), restricted=True) for t in at
        )
        assert highest >= stopped


def test_reml_with_its_interval_and_heterogeneity(bcg_rr, ref):
    got, r = random_effects(bcg_rr, interval="wald"), ref["meta_bcg_logRR"]["REML"]
    agree([got.lower, got.upper], r["ci"])
    h = got.heterogeneity
    agree([h.tau2_se, h.h2.estimate], [r["se_tau2"], r["H2"]])
    agree([h.tau2.lower, h.tau2.upper], r["qprofile_tau2_ci"])
    assert [h.i2.lower, h.i2.upper] == pytest.approx([float(x) for x in r["qprofile_I2_ci"]], rel=5e-5)
    at_limits = [q_statistic(bcg_rr.y, bcg_rr.v, ones(13), t) for t in (h.tau2.lower, h.tau2.upper)]
    assert at_limits == pytest.approx(chi2.ppf([0.975, 0.025], 12), rel=1e-9)


def test_hartung_knapp(bcg_rr, ref):
    got, r = random_effects(bcg_rr), ref["meta_bcg_logRR"]["REML_HKSJ"]
    agree([got.se, got.statistic, got.p, got.lower, got.upper], [r["se"], r["t"], r["p"], *r["ci"]])
    assert got.df == 12


@pytest.mark.parametrize(
    ("convention", "interval", "key"),
    [("z", "wald", "z_metafor_default"), ("t_k-1", "hartung_knapp", "t_k-1_with_HK"),
     ("t_k-2", "hartung_knapp", "t_k-2_HTS_Riley")],
)  # fmt: skip
def test_the_named_conventions_of_the_prediction_interval(bcg_rr, ref, convention, interval, key):
    got = random_effects(bcg_rr, interval=interval, prediction=convention).prediction
    agree([got.lower, got.upper], ref["meta_bcg_logRR"]["prediction_interval"][key])
    assert got.convention.startswith(convention)


@pytest.mark.parametrize("measure", ["RR", "OR", "RD"])
def test_mantel_haenszel_of_the_bcg_trials(bcg, ref, measure):
    got, r = mantel_haenszel(bcg, measure), ref["meta_bcg_logRR"][f"MH_{measure}"]
    agree([got.estimate, got.se], [r["est"], r["se"]])
    if "Q" in r:
        agree(got.heterogeneity.q, r["Q"])


def test_peto_of_the_bcg_trials(bcg, ref):
    got, r = peto(bcg), ref["meta_bcg_logRR"]["Peto_OR"]
    agree([got.estimate, got.se, got.heterogeneity.q], [r["est"], r["se"], r["Q"]])


def test_egger_of_the_bcg_trials(bcg_rr, ref):
    got, r = egger(bcg_rr), ref["meta_bcg_logRR"]["egger_lm"]
    agree([got.statistic, got.p], [r["t"], r["p"]])
    assert f"t with {r['df']}" in got.note


def test_meta_regression_on_latitude(bcg_rr, ref):
    got, r = meta_regression(bcg_rr, ["ablat"], estimator="REML_1e-5", interval="wald"), ref["meta_bcg_logRR"]
    r = r["metareg_ablat"]
    agree([c.estimate for c in got.coefficients], r["b"])
    agree([c.se for c in got.coefficients], r["se"])
    h = got.heterogeneity
    agree([h.tau2.estimate, got.r2, got.qm, h.q], [r["tau2"], r["R2"], r["QM"], r["QE"]])


def test_leave_one_out_of_the_bcg_trials(bcg_rr, ref):
    agree(
        [p.estimate for _, p in leave_one_out(bcg_rr, reml_of_metafor)],
        ref["meta_bcg_logRR"]["leave1out_est"],
    )


def test_cumulative_by_year_of_the_bcg_trials(bcg_rr, ref):
    agree(
        [p.estimate for _, p in cumulative(bcg_rr, reml_of_metafor)],
        ref["meta_bcg_logRR"]["cumulative_by_year"],
    )


@pytest.mark.parametrize(
    ("treatment", "key"),
    [("beta-blockers", "betablocker_v_control_k9"), ("sclerotherapy", "sclerotherapy_v_control_k19")],
)
def test_pagliaro_odds_ratios(ref, treatment, key):
    rows, r = pagliaro(treatment), ref["meta_pagliaro_cirrhosis_OR"][key]
    effects = effect_sizes(rows, "OR")

    def three(pooled):
        return [pooled.shown.estimate, pooled.shown.lower, pooled.shown.upper]

    agree(three(random_effects(effects, estimator="DL", interval="wald")), r["DL"])
    agree(three(reml_of_metafor(effects, interval="wald")), r["REML"])
    guarded, unguarded = reml_of_metafor(effects), reml_of_metafor(effects, safeguard=False)
    agree(three(unguarded), r["REML_HK"])
    agree([guarded.heterogeneity.tau2.estimate, guarded.heterogeneity.q], [r["tau2_REML"], r["Q"]])
    agree(mantel_haenszel(rows, "OR").estimate, r["MH_logOR"])
    if "HK_PI" in r:
        shown = guarded.shown_prediction
        agree([shown.lower, shown.upper], r["HK_PI"])
        agree(guarded.heterogeneity.i2.estimate, r["I2_REML"])
        assert [f"{x:.2f}" for x in three(random_effects(effects))] == ["0.53", "0.23", "1.23"]


def test_nine_trials_of_beta_blockers_are_too_few_for_eggers_test():
    with pytest.raises(BadInput, match="at least 10 are needed"):
        egger(effect_sizes(pagliaro("beta-blockers"), "OR"))


def test_differences_of_means(ref):
    r = ref["meta_other"]["normand1999_MD_DL"]
    got = random_effects(effect_sizes(normand(), "MD"), estimator="DL", interval="wald")
    agree(
        [got.estimate, got.se, got.heterogeneity.tau2.estimate, got.heterogeneity.i2.estimate],
        [r["est"], r["se"], r["tau2"], r["I2"]],
    )


def test_standardised_differences_of_means(ref):
    r = ref["meta_other"]["normand1999_SMD_REML"]
    got = random_effects(effect_sizes(normand(), "SMD"))
    agree([got.estimate, got.heterogeneity.tau2.estimate], [r["est"], r["tau2"]])


def test_rare_events_with_zero_cells(ref):
    r = ref["meta_other"]["nielweise2007_rare"]
    agree(mantel_haenszel(nielweise(), "OR").estimate, r["MH_logOR"])
    agree(peto(nielweise()).estimate, r["Peto_logOR"])
    kept = random_effects(effect_sizes(nielweise(), "OR", double_zeros="correct"))
    left_out = random_effects(effect_sizes(nielweise(), "OR"))
    agree(kept.estimate, r["IV_REML_cc0.5"])
    assert kept.k == 18
    assert left_out.k == 17
    assert [x.study for x in left_out.refused] == ["Yucel"]
    assert math.isfinite(left_out.estimate)
    assert left_out.estimate != kept.estimate
