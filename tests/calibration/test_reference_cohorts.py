"""Grafts in reference cohorts of acute failure, and courses of the native liver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hepatrial.calibration.cohort import Cohort, admit, follow
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.calibration.summary import summarise
from hepatrial.population.luck import OCCURRENCES
from hepatrial.population.reference import reference_names, reference_protocol
from hepatrial.prediction.planned import _ACUTE_FAST, _ACUTE_SLOW, plan_study
from hepatrial.prediction.study import study_from_dict
from hepatrial.protocol.diseases import CAUSES
from hepatrial.trial.run import patient_machine


def test_the_urgent_list_of_acute_failure_gives_about_the_share_of_grafts_that_was_printed() -> None:
    # stravitz2023: 9 % of paracetamol, 39 % of drugs, 36 % of other causes; elsewhere nobody is listed.
    listed = {n: reference_protocol(n).care.transplant for n in reference_names()}
    shares = {
        name: transplant.listed
        for name, transplant in listed.items()
        if transplant and name.startswith("alf")
    }
    assert shares == {
        "alf_paracetamol": 0.13, "alf_ischaemia": 0.03, "alf_drug": 0.55, "alf_hbv": 0.56, "alf_other": 0.51,
    }  # fmt: skip
    for name, printed in (("alf_paracetamol", 0.09), ("alf_drug", 0.39), ("alf_other", 0.36)):
        admission = admit(patient_machine(rtol=1e-3), name, {}, size=150, seed=2, least=0.001)
        cohort = follow(admission, "smt", 21.0)
        assert summarise(cohort, "transplanted 21") == pytest.approx(printed, abs=0.13), name


def test_aclf_on_cirrhosis_is_fitted_with_the_grafts_that_a_prediction_for_europe_has() -> None:
    study = study_from_dict(
        {
            "study": {"definition": "easl_clif", "country": "Germany"},
            "arms": {"a": {"n": 50}},
            "endpoints": [{"kind": "survival", "day": 28}],
        }
    )
    fitted = reference_protocol("aclf_easl_clif").care.transplant
    assert fitted == plan_study(study).protocol.care.transplant


def test_a_course_is_that_of_the_native_liver() -> None:
    columns = {"age": np.full(100, 40.0)}
    values = np.where(np.arange(100)[:, None] < 50, 20.0, 90.0) * np.ones((1, 2))
    grafted = np.where(np.arange(100) < 50, np.inf, 3.0)
    died = np.where(np.arange(100) < 50, 9.0, np.inf)
    cohort = Cohort(columns, {"death": died, "transplant": grafted}, {"pta": values}, (1.0, 7.0))
    assert summarise(cohort, "course pta 1 failures 28") == pytest.approx(55.0)
    assert summarise(cohort, "course pta 7 failures 28") == pytest.approx(20.0)


def test_predicted_studies_and_reference_cohorts_have_one_urgent_list() -> None:
    """By size, the causes that recover fast and the others; offers are one constant."""
    size = {"paracetamol": 1195, "ischaemia": 181, "drug": 283, "hbv": 188, "other": 528}
    listed = {cause: reference_protocol(f"alf_{cause}").care.transplant.listed for cause in size}
    for causes, share in (
        (("paracetamol", "ischaemia"), _ACUTE_FAST),
        (("drug", "hbv", "other"), _ACUTE_SLOW),
    ):
        mean = sum(size[c] * listed[c] for c in causes) / sum(size[c] for c in causes)
        assert share == pytest.approx(mean, abs=0.01)


def test_exchanged_patients_of_the_japanese_series_have_more_factors_and_no_other_fate() -> None:
    """Arms of one world: the same patients and luck; plasma moves no hazard of death."""
    admission = admit(patient_machine(rtol=1e-3), "ali_japan", {}, size=80, seed=3, least=0.001)
    plain, days, week = (
        follow(admission, arm, 28.0, visits=(3.0, 7.0), outputs=("pta",))
        for arm in ("smt", "three_days", "a_week")
    )
    both = np.isfinite(plain.courses["pta"][:, 1]) & np.isfinite(week.courses["pta"][:, 1])
    gain = week.courses["pta"] - plain.courses["pta"]
    assert np.median(gain[both, 0]) > 5.0
    assert np.median(week.courses["pta"][both, 1] - days.courses["pta"][both, 1]) > 2.0
    same = np.isinf(plain.times["death"]) == np.isinf(week.times["death"])
    assert same.mean() > 0.9


def test_nobody_runs_out_of_infections_over_years_and_counts_as_alive() -> None:
    settings = {
        "infection_scale_compensated_cirrhosis": 25.0,
        "infection_severity_compensated_cirrhosis": 0.01,
    }
    machine, results = patient_machine(rtol=1e-3), []

    def solve(*given: object, **named: object) -> object:
        results.append(machine.solve(*given, **named))
        return results[-1]

    admission = admit(machine, "compensated_cirrhosis", settings, size=40, seed=3, least=0.001)
    follow(replace(admission, machine=replace(machine, solve=solve)), "smt", 730.0)
    (result,) = results
    assert result.end_occurrences.max() > OCCURRENCES["course"]
    assert result.ok.all()


def test_those_admitted_to_the_japanese_cohort_have_the_causes_of_the_series() -> None:
    """142 with an INR of 1.5 or more; two thirds of hepatitis B and half of the unknown taken as viral."""
    b, unknown = 42, 48
    wanted = {
        "viral": (18 + 2 / 3 * b + unknown / 2) / 142, "hbv": b / 3 / 142, "autoimmune": 13 / 142,
        "drug": 3 / 142, "ischaemia": 18 / 142, "other": unknown / 2 / 142,
    }  # fmt: skip
    assert sum(wanted.values()) == pytest.approx(1.0)
    machine, ensemble, shares = patient_machine(rtol=1e-3), load_ensemble(), []
    for world, draw in enumerate(ensemble.pick(4, 4)):
        admission = admit(
            machine, "ali_japan", ensemble.settings[draw], size=150, seed=world + 1, least=0.001
        )
        cause = admission.traits.cause
        shares.append([np.mean(cause == CAUSES.index(name)) for name in wanted])
    assert np.allclose(shares, list(wanted.values()), atol=0.01)
