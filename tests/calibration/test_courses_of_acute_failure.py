"""Prothrombin courses of acute liver injury beside the Japanese series, by plasma exchange and outcome.

The exchanged of a world have sessions as those of the series had, by outcome: so many of them so many.
The arms that the fit saw are simpler: three sessions for everybody, or seven.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hepatrial.calibration.cohort import Admission, Cohort, admit, follow
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.calibration.summary import summarise
from hepatrial.model import load_cards
from hepatrial.population.reference import reference_protocol
from hepatrial.protocol import Protocol
from hepatrial.trial.run import patient_machine

DATA = Path(__file__).parents[2].parent / "shared" / "data"
DAYS = (1.0, 3.0, 7.0)
ARMS = ("smt", "three_days", "a_week")
MOST = 7  # sessions in the week of the series
EXCHANGED = {"as survivors": ("three_days", True), "as failures": ("a_week", False)}
MILDER = 1.91  # upper quartile of the INR on day 0 of survivors who were not exchanged
WORLDS, PATIENTS = 60, 300  # every member that ships; forty of 150 leave an error of 2 % among failures
UNIT, SESSION = 0.12, 20.0  # litres of a unit of plasma; fewer units on a day than this are no exchange

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data do not lie beside this checkout"),
]


def _rows(exchanged: bool, survived: bool) -> tuple[set[str], list[dict[str, str]], list[float]]:
    """Patients with INR at least 1.5 on day 0, the rows of all days of all patients, their weights (kg)."""
    with (DATA / "ali_alf_japan_baseline.csv").open(encoding="utf-8") as file:
        kept = {
            row["pid"]: row["weight"]
            for row in csv.DictReader(file)
            if (row["PE"] == "Did") == exchanged
            and (row["SurvivalOrDeath"] == "Survival(Internal)") == survived
        }
    with (DATA / "ali_alf_japan_longitudinal.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ill = {r["pid"] for r in rows if float(r["day"]) == 0 and r["PTINR"] and float(r["PTINR"]) >= 1.5}
    return kept.keys() & ill, rows, [float(kept[p]) for p in kept.keys() & ill if kept[p]]


def plasma_volumes(survived: bool) -> float:
    """Plasma of a session in plasma volumes of the exchanged, by median units and weight.

    Failures weighed 50 kg, survivors 60; both had 40 units.
    """
    patients, rows, weights = _rows(exchanged=True, survived=survived)
    units = [
        float(r["FFPprescribing_U"])
        for r in rows
        if r["pid"] in patients and float(r["day"]) <= 2 and float(r["FFPprescribing_U"] or 0) >= SESSION
    ]
    per_kg = load_cards().model["plasma_volume_per_kg"].value
    return float(UNIT * np.median(units) / (per_kg * np.median(weights)))


def sessions(survived: bool) -> Counter[int]:
    """Sessions of plasma exchange -> patients who had so many.

    One on each of days 0 to 2 with the plasma of a session; the row of day 3 has the plasma of days 3 to 6
    (up to four times that of a session), told in sessions by the patient's own median of the days before.
    """
    patients, rows, _ = _rows(exchanged=True, survived=survived)
    had = {patient: [0.0, 0.0, 0.0, 0.0] for patient in patients}
    for row in rows:
        if row["pid"] in patients and float(row["day"]) <= 3:
            had[row["pid"]][int(float(row["day"]))] = float(row["FFPprescribing_U"] or 0)
    found: Counter[int] = Counter()
    for *early, later in had.values():
        each = [units for units in early if units >= SESSION]
        after = later / float(np.median(each or [40.0])) if later >= SESSION else 0.0
        found[min(MOST, round(len(each) + after))] += 1
    return found


def with_sessions(protocol: Protocol) -> Protocol:
    """The protocol with an arm for each number of sessions, by the plasma of the arms that the fit saw."""
    arms = dict(protocol.arms)
    for base, number in product(("three_days", "a_week"), range(1, MOST + 1)):
        arm = protocol.arms[base]
        assert arm.care.plasma_exchange is not None
        course = arm.care.plasma_exchange.model_copy(update={"sessions": number})
        care = arm.care.model_copy(update={"plasma_exchange": course})
        arms[f"{base}_{number}"] = arm.model_copy(update={"care": care})
    return protocol.model_copy(update={"arms": arms})


def as_in_the_series(admission: Admission, base: str, survived: bool, seed: int) -> Cohort:
    """Everybody admitted, exchanged so often as the series' patients with that outcome, by lot."""
    had, n = sessions(survived), len(admission.pool)
    edges = np.cumsum([had[number] for number in range(MOST + 1)]) / had.total()
    lot = edges.searchsorted((np.random.default_rng(seed).permutation(n) + 0.5) / n)
    parts = [
        follow(
            admission, f"{base}_{number}" if number else "smt", 28.0,
            visits=DAYS, outputs=("pta",), rows=np.flatnonzero(lot == number),
        )
        for number in np.unique(lot).tolist()
    ]  # fmt: skip
    joined = {
        field: {
            name: np.concatenate([getattr(part, field)[name] for part in parts])
            for name in getattr(parts[0], field)
        }
        for field in ("columns", "times", "courses")
    }
    return replace(parts[0], **joined)


def quartiles(exchanged: bool, survived: bool) -> dict[float, tuple[float, float]]:
    """Quartiles of PT % by day of those with INR at least 1.5 on day 0."""
    patients, rows, _ = _rows(exchanged, survived)
    found = {}
    for day in DAYS:
        values = [
            float(r["PT_percentage"])
            for r in rows
            if r["pid"] in patients and float(r["day"]) == day and r["PT_percentage"]
        ]
        low, high = np.quantile(values, [0.25, 0.75])
        found[day] = (float(low), float(high))
    return found


@pytest.fixture(scope="module")
def medians() -> dict[tuple[str, str], dict[float, float]]:
    """(arm, milder patients of smt or exchange as in the series; group) -> day -> median over worlds of the
    posterior."""
    machine, ensemble = patient_machine(rtol=1e-3), load_ensemble()
    protocol = with_sessions(reference_protocol("ali_japan"))
    shown: dict[tuple[str, str], list[list[float]]] = {}
    for world, draw in enumerate(ensemble.pick(WORLDS, 1)):
        admission = admit(
            machine, protocol, ensemble.settings[draw], size=PATIENTS, seed=100 + world, least=0.0005
        )
        seen = {arm: follow(admission, arm, 28.0, visits=DAYS, outputs=("pta",)) for arm in ARMS}
        # whoever was not exchanged was the milder
        seen["milder"] = seen["smt"].subset(seen["smt"].columns["inr"] <= MILDER)
        for name, (base, survived) in EXCHANGED.items():
            seen[name] = as_in_the_series(admission, base, survived, world)
        for name, group in product(seen, ("survivors", "failures")):
            row = [summarise(seen[name], f"course pta {day:g} {group} 28") for day in DAYS]
            shown.setdefault((name, group), []).append(row)
    return {
        key: dict(zip(DAYS, np.nanmedian(np.array(rows), axis=0).tolist(), strict=True))
        for key, rows in shown.items()
    }


def test_a_session_of_each_arm_has_the_plasma_of_the_series() -> None:
    arms = reference_protocol("ali_japan").arms
    for arm, survived in (("three_days", True), ("a_week", False)):
        exchange = arms[arm].care.plasma_exchange
        assert exchange is not None
        assert exchange.volumes == pytest.approx(plasma_volumes(survived), abs=0.01)


def test_failures_had_five_sessions_and_survivors_three() -> None:
    for survived, median in ((True, 3), (False, 5)):
        had = sessions(survived)
        assert np.median(list(had.elements())) == median
        assert had.total() == {True: 84, False: 34}[survived]


def test_survivors_under_exchange_rise_within_the_quartiles_of_the_series(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["as survivors", "survivors"]
    for day, (low, high) in quartiles(exchanged=True, survived=True).items():
        assert low <= shown[day] <= high, (day, shown[day], low, high)


def test_survivors_without_exchange_rise_within_the_quartiles_of_the_series(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["milder", "survivors"]
    for day, (low, high) in quartiles(exchanged=False, survived=True).items():
        assert low <= shown[day] <= high, (day, shown[day], low, high)


def test_survivors_without_exchange_gain_within_the_week(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["milder", "survivors"]
    assert shown[7.0] > shown[1.0] + 15.0


def test_failures_under_exchange_stay_within_the_quartiles_of_the_series(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["as failures", "failures"]
    for day, (low, high) in quartiles(exchanged=True, survived=False).items():
        assert low <= shown[day] <= high, (day, shown[day], low, high)
    assert shown[7.0] < medians["as failures", "survivors"][7.0] - 20.0


def test_the_fit_saw_more_sessions_of_failures_than_they_had(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    seven = reference_protocol("ali_japan").arms["a_week"].care.plasma_exchange
    assert seven is not None
    assert seven.sessions == MOST > np.median(list(sessions(survived=False).elements()))
    assert medians["a_week", "failures"][7.0] > medians["as failures", "failures"][7.0] + 5.0


def test_plasma_exchange_raises_prothrombin_on_the_next_day(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    for group in ("survivors", "failures"):
        assert medians["three_days", group][1.0] > medians["smt", group][1.0] + 5.0
