"""The admission table."""

import numpy as np
import pytest

from hepatrial.model.scores import meld_unfloored
from hepatrial.population.admission import ADMISSION_MEASURES, admission_table


@pytest.fixture
def measures():
    n = 101
    ramp = np.linspace(1, 2, n)
    values = dict.fromkeys(ADMISSION_MEASURES, 100 * ramp)
    values |= {
        "inr": 1.5 * ramp,
        "bilirubin": np.linspace(150, 250, n),
        "sodium": np.linspace(130, 140, n),
        "he_grade": np.r_[np.zeros(80), np.ones(10), np.full(11, 3.0)],
        "ascites_grade": np.r_[np.zeros(41), np.ones(60)],
        "map": np.full(n, 80.0),
        "pf_ratio": np.full(n, 400.0),
        "vasopressor": np.zeros(n),
    }
    return values


@pytest.fixture
def table(measures):
    n = 101
    half = (np.arange(n) % 2).astype(float)
    frame = admission_table(measures, np.full(n, 44.0), half, 1 - half, np.zeros(n))
    return {(row["measure"], row["statistic"]): row["value"] for row in frame.to_dicts()}


def test_continuous_measures_have_mean_sd_and_quartiles(table, measures):
    assert table["alt", "median"] == pytest.approx(150)
    assert (table["alt", "q1"], table["alt", "q3"]) == pytest.approx((125, 175))
    assert table["alt", "sd"] == pytest.approx(measures["alt"].std(ddof=1))
    assert (table["age", "mean"], table["age", "sd"]) == (44, 0)


def test_shares_are_percentages_of_all(table):
    assert table["male", "percent"] == pytest.approx(100 * 51 / 101)
    assert table["cirrhosis", "percent"] == table["male", "percent"]
    assert table["infected", "percent"] == 0
    assert table["he_any", "percent"] == pytest.approx(100 * 21 / 101)
    assert table["he_1_2", "percent"] + table["he_3_4", "percent"] == pytest.approx(
        table["he_any", "percent"]
    )
    assert table["ascites", "percent"] == pytest.approx(100 * 60 / 101)
    assert table["hyponatraemia", "percent"] == pytest.approx(100 * 50 / 101)


def test_organ_failures_are_those_of_clif_c_of(table, measures):
    assert table["of_liver", "percent"] == pytest.approx(100 * np.mean(measures["bilirubin"] >= 12 * 17.1))
    assert table["of_coagulation", "percent"] == pytest.approx(100 * np.mean(measures["inr"] >= 2.5))
    assert table["of_brain", "percent"] == table["he_3_4", "percent"]
    assert table["of_circulation", "percent"] == 0


def test_meld_without_creatinine_floor_is_there_for_the_cohort_that_used_it(table, measures):
    score = meld_unfloored(
        bilirubin=measures["bilirubin"], creatinine=measures["creatinine"], inr=measures["inr"], units="si"
    )
    assert table["meld_unfloored", "median"] == pytest.approx(np.median(score))


def test_grades_have_shares_and_no_means(table):
    assert ("he_grade", "mean") not in table
