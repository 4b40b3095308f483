"""Searching around a design: what each row must show by its own logic."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fake_bank import exponential_bank

from hepatrial.design import options as options_module
from hepatrial.design import search as module
from hepatrial.design.evaluate import evaluate
from hepatrial.design.operating import make_runner
from hepatrial.design.options import endpoints as endpoint_question
from hepatrial.design.options import options as option_question
from hepatrial.design.plan import load_design
from hepatrial.design.priors import Prior
from hepatrial.design.search import _value, waiting
from hepatrial.design.truth import make_stage
from hepatrial.design.worlds import World
from hepatrial.report.design_page import html, leads, tables_file, words
from hepatrial.schema import MARK

GRID = np.log([0.3, 0.45, 0.6, 0.8, 1.0, 1.3])
POWER = np.array([0.99, 0.9, 0.6, 0.2, 0.025, 0.0])


def endpoint_rows(runner):
    """The rows of the design's own patients: nobody in this bank is grafted, whatever the care."""
    found = endpoint_question(
        runner, 100, 1, lambda *_args: None, lambda _name, make: make(), cares=("planned",)
    )
    return [*found, *({**row, "care": "grafts"} for row in found)]


@pytest.fixture(scope="module")
def searched():
    plan = load_design("lin2017").changed(
        patients=200, week=12.0, endpoint="overall_survival", grid=[1.0, 0.6, 0.4], control_survival=0.6
    )
    one = evaluate(plan, exponential_bank(patients=1000), trials=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIZES", (0.5, 2.0))
        patch.setattr(module, "options", lambda *_args: [])
        patch.setattr(module, "endpoints", lambda runner, *_args: endpoint_rows(runner))
        found = module.search(one.runner, one.results, trials=200)
    return one.results, found


def test_more_patients_never_succeed_much_less_and_looks_save_patients(searched):
    _, found = searched
    by = {}
    for row in found["curves"]:
        by.setdefault(row["key"], []).append(row)
    for label, rows in by.items():
        success = [row["success"]["value"] for row in rows]
        assert success[0] < success[-1], label
        for row in rows:
            looks = 1 if label not in ("two_looks", "three_looks") else 2
            assert (row["expected_patients"]["value"] < row["patients"]) == (looks > 1)


def test_the_cheapest_design_reaches_the_power_with_the_fewest_patients(searched):
    _, found = searched
    enough = [row for row in found["curves"] if row["success"]["value"] >= found["wanted"]]
    assert found["cheapest"] in enough
    least = min(row["expected_patients"]["value"] for row in enough)
    assert found["cheapest"]["expected_patients"]["value"] == least


def test_every_assumption_that_goes_wrong_costs_power_or_time(searched):
    _, found = searched
    rows = {row["key"]: row for row in found["assumptions"]}
    for label in ("effect_weaker", "crossover", "undelivered"):
        assert rows[label]["change"]["value"] < 0, label
    assert rows["slow_screening"]["change"]["value"] == pytest.approx(0, abs=0.01)
    assert rows["slow_screening"]["days"]["value"] > 100
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
    tables = tables_file({**results, "search": found}, lang)
    assert tables.count(b"\\row") > 60
    assert results["hash"][:12].encode() in tables
    assert page.count(MARK[lang]) >= 6
    assert results["hash"][:12] in page
    assert "<script" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert all(line in page.replace("&#39;", "'") for line in leads(results, words(lang)))


def test_the_two_languages_have_the_same_words():
    assert set(words("en")) == set(words("zh"))


def _bank_of(protocol, patients, **_rest):
    """Exponential patients: ten times the dose helps more, grafts are frequent where half are listed."""
    many = protocol.care.transplant is not None and protocol.care.transplant.listed == 0.5
    base = exponential_bank(hazard=0.008, patients=patients, transplant=0.01 if many else 0.0)
    better = exponential_bank(hazard=0.008, patients=patients, variant=0.3)
    read = dict(base._read)
    worlds = [World("smt"), *(World(arm, "some") for arm in protocol.other_arms)]
    for arm in protocol.other_arms:
        read[f"{arm}.some"] = (better if arm == "dose_10" else base)._read["msc.some"]
    return replace(base, protocol=protocol, worlds=tuple(worlds), _read=read)


@pytest.fixture(scope="module")
def optional():
    plan = load_design("lin2017").changed(patients=200, week=12.0, grid=[1.0, 0.6])
    runner = make_runner(make_stage(plan, exponential_bank(hazard=0.008, patients=500)))
    kept, asked = {}, []

    def held(name, make):
        if name not in kept:
            asked.append(name)
            kept[name] = make()
        return kept[name]

    def found():
        rows = option_question(runner, 200, 1, lambda *_args: None, held)
        more = endpoint_question(runner, 500, 1, lambda *_args: None, held)
        return {row["key"]: row for row in rows}, more

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options_module, "make_bank", _bank_of)
        first, again = found(), found()
    assert len(asked) == len(kept)
    assert first == again
    return first


def test_an_option_that_changes_nothing_changes_no_trial_and_one_that_works_gains(optional):
    rows, _ = optional
    for key in ("dose_3", "artery", "day_3", "exchange", "meld_low"):
        assert rows[key]["change"]["value"] == 0, key
        assert rows[key]["change"]["mcse"] == 0, key
    gain = rows["dose_10"]
    assert gain["change"]["value"] > 4 * gain["change"]["mcse"] > 0
    assert gain["overall_survival"]["treated"] > rows["planned"]["overall_survival"]["treated"]
    assert gain["overall_survival"]["control"] == rows["planned"]["overall_survival"]["control"]
    assert float(gain["regimen"][0]["dose"].split()[0]) == pytest.approx(
        10 * float(rows["planned"]["regimen"][0]["dose"].split()[0])
    )


def test_transplants_cost_the_composite_endpoint_power_and_the_death_endpoint_little(optional):
    _, rows = optional
    power = {(row["care"], row["endpoint"], row["method"]): row["success"]["value"] for row in rows}
    free, alive = "transplant_free_survival", "overall_survival"
    assert power["planned", free, "logrank"] == power["planned", alive, "logrank"]
    assert power["grafts", free, "logrank"] < power["planned", free, "logrank"] - 0.1
    assert power["grafts", alive, "logrank"] == power["planned", alive, "logrank"]
    assert {row["transplanted"] > 0.4 for row in rows if row["care"] == "grafts"} == {True}


def test_a_pending_result_is_worth_nothing_to_who_would_go_or_stay_whatever_it_says():
    found = {"free": np.array([[0.2, 0.6], [100.0, 100.0]])}
    rich, poor, between = (_value(0.4, 100.0, found, worth)["after"]["free"] for worth in (1e5, 10.0, 300.0))
    assert rich == pytest.approx(0.4 * 1e5 - 100)
    assert poor == pytest.approx(0, abs=1e-9)
    assert between == pytest.approx(0.5 * (0.6 * 300 - 100))
    assert between > _value(0.4, 100.0, found, 300.0)["now"] == pytest.approx(20)
