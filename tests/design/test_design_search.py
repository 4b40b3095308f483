"""Searching around a design: what each row must show by its own logic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_bank import exponential_bank

from hepatrial.design import search as module
from hepatrial.design.evaluate import evaluate
from hepatrial.design.plan import load_design
from hepatrial.design.priors import Prior
from hepatrial.design.search import waiting
from hepatrial.report.design_page import html, leads, words
from hepatrial.schema import MARK

GRID = np.log([0.3, 0.45, 0.6, 0.8, 1.0, 1.3])
POWER = np.array([0.99, 0.9, 0.6, 0.2, 0.025, 0.0])


@pytest.fixture(scope="module")
def searched():
    plan = load_design("lin2017").changed(
        patients=200, week=12.0, endpoint="overall_survival", grid=[1.0, 0.6, 0.4], control_survival=0.6
    )
    one = evaluate(plan, exponential_bank(patients=1000), trials=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIZES", (0.5, 2.0))
        patch.setattr(module, "_options", lambda *_args: [])
        found = module.search(one.runner, one.results, trials=200)
    return one.results, found


def test_more_patients_never_succeed_much_less_and_looks_save_patients(searched):
    _, found = searched
    by = {}
    for row in found["curves"]:
        by.setdefault(row["label"], []).append(row)
    for label, rows in by.items():
        success = [row["success"]["value"] for row in rows]
        assert success[0] < success[-1], label
        for row in rows:
            looks = 1 if "one look" in label else 2
            assert (row["expected_patients"]["value"] < row["patients"]) == (looks > 1)


def test_the_cheapest_design_reaches_the_power_with_the_fewest_patients(searched):
    _, found = searched
    enough = [row for row in found["curves"] if row["success"]["value"] >= found["wanted"]]
    assert found["cheapest"] in enough
    least = min(row["expected_patients"]["value"] for row in enough)
    assert found["cheapest"]["expected_patients"]["value"] == least


def test_every_assumption_that_goes_wrong_costs_power_or_time(searched):
    _, found = searched
    rows = {row["label"]: row for row in found["assumptions"]}
    for label in ("effect one tenth weaker", "crossover: 20 % of controls", "15 % never get the product"):
        assert rows[label]["change"]["value"] < 0, label
    assert rows["slow screening: half the rate"]["change"]["value"] == pytest.approx(0, abs=0.01)
    assert rows["slow screening: half the rate"]["days"]["value"] > 100
    changes = [row["change"]["value"] for row in found["assumptions"]]
    assert changes == sorted(changes)


def test_a_result_that_tells_nothing_changes_no_belief_and_one_that_tells_all_decides():
    prior = Prior("b", math.log(0.7), 0.3, math.inf, "", "")
    now = float(np.interp(prior.points(), GRID, POWER).mean())
    blind = waiting(prior, GRID, POWER, 1e6)
    assert blind["go"] == (1.0 if now >= 0.5 else 0.0)
    clear = waiting(prior, GRID, POWER, 1e-4)
    share = float((np.interp(prior.points(), GRID, POWER) >= 0.5).mean())
    assert clear["go"] == pytest.approx(share, abs=0.02)
    assert clear["then"] > 0.5


def test_beliefs_say_go_or_not_by_one_line(searched):
    _, found = searched
    for row in found["beliefs"]:
        assert (row["verdict"] == "go") == (row["assurance"] >= 0.5)
        assert row["worth"] == pytest.approx(row["expected_patients"] / row["assurance"])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_carries_its_mark_hash_and_search_and_loads_nothing(searched, lang):
    results, found = searched
    page = html({**results, "search": found}, lang)
    assert page.count(MARK[lang]) >= 6
    assert results["hash"][:12] in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert all(line in page.replace("&#39;", "'") for line in leads(results, words(lang)))


def test_the_two_languages_have_the_same_words():
    assert set(words("en")) == set(words("zh"))
