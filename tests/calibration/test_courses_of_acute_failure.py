"""Prothrombin courses of acute liver injury beside the Japanese series, by plasma exchange and outcome."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hepatrial.calibration.cohort import admit, follow
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.calibration.summary import summarise
from hepatrial.trial.run import patient_machine

DATA = Path(__file__).parents[2].parent / "shared" / "data"
DAYS = (1.0, 3.0, 7.0)
ARMS = ("smt", "three_days", "a_week")
MILDER = 1.91  # upper quartile of the INR on day 0 of survivors who were not exchanged
WORLDS, PATIENTS = 40, 150  # worlds differ by 12 % prothrombin among failures: eight leave an error of 5

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the shared data do not lie beside this checkout"),
]


def quartiles(exchanged: bool, survived: bool) -> dict[float, tuple[float, float]]:
    """Quartiles of PT % by day of those with INR at least 1.5 on day 0."""
    with (DATA / "ali_alf_japan_baseline.csv").open(encoding="utf-8") as file:
        kept = {
            row["pid"]
            for row in csv.DictReader(file)
            if (row["PE"] == "Did") == exchanged
            and (row["SurvivalOrDeath"] == "Survival(Internal)") == survived
        }
    with (DATA / "ali_alf_japan_longitudinal.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ill = {r["pid"] for r in rows if float(r["day"]) == 0 and r["PTINR"] and float(r["PTINR"]) >= 1.5}
    found = {}
    for day in DAYS:
        values = [
            float(r["PT_percentage"])
            for r in rows
            if r["pid"] in kept & ill and float(r["day"]) == day and r["PT_percentage"]
        ]
        low, high = np.quantile(values, [0.25, 0.75])
        found[day] = (float(low), float(high))
    return found


@pytest.fixture(scope="module")
def medians() -> dict[tuple[str, str], dict[float, float]]:
    """(arm or milder patients of smt, group) -> day -> median over worlds of the posterior."""
    machine, ensemble = patient_machine(rtol=1e-3), load_ensemble()
    shown: dict[tuple[str, str], list[list[float]]] = {}
    for world, draw in enumerate(ensemble.pick(WORLDS, 1)):
        admission = admit(
            machine, "ali_japan", ensemble.settings[draw], size=PATIENTS, seed=100 + world, least=0.01
        )
        for arm in ARMS:
            cohort = follow(admission, arm, 28.0, visits=DAYS, outputs=("pta",))
            seen = {arm: cohort}
            if arm == "smt":  # whoever was not exchanged was the milder
                seen["milder"] = cohort.subset(cohort.columns["inr"] <= MILDER)
            for name, group in product(seen, ("survivors", "failures")):
                row = [summarise(seen[name], f"course pta {day:g} {group} 28") for day in DAYS]
                shown.setdefault((name, group), []).append(row)
    return {
        key: dict(zip(DAYS, np.nanmedian(np.array(rows), axis=0).tolist(), strict=True))
        for key, rows in shown.items()
    }


def test_survivors_under_exchange_rise_within_the_quartiles_of_the_series(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["three_days", "survivors"]
    for day, (low, high) in quartiles(exchanged=True, survived=True).items():
        assert low <= shown[day] <= high, (day, shown[day], low, high)


def test_survivors_without_exchange_rise_within_the_quartiles_of_the_series(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    shown = medians["milder", "survivors"]
    for day, (low, high) in quartiles(exchanged=False, survived=True).items():
        assert low <= shown[day] <= high, (day, shown[day], low, high)
    assert shown[7.0] > shown[1.0] + 15.0


def test_failures_under_exchange_lie_within_the_quartiles_for_half_a_week(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    """A known miss (0009): on day 7 those still alive are too high after a week of daily exchange, since too
    many of the worst have died by then. After three sessions they are within."""
    published = quartiles(exchanged=True, survived=False)
    for day in (1.0, 3.0):
        low, high = published[day]
        assert low <= medians["a_week", "failures"][day] <= high, (day, medians["a_week", "failures"])
    low, high = published[7.0]
    assert low <= medians["three_days", "failures"][7.0] <= high
    assert medians["a_week", "failures"][7.0] < medians["a_week", "survivors"][7.0] - 20.0


def test_plasma_exchange_raises_prothrombin_on_the_next_day(
    medians: dict[tuple[str, str], dict[float, float]],
) -> None:
    for group in ("survivors", "failures"):
        assert medians["three_days", group][1.0] > medians["smt", group][1.0] + 5.0
