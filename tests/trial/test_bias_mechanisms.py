"""Bias mechanisms against closed forms and in two worlds that differ by one thing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from hepatrial.analysis.logrank import logrank
from hepatrial.article.page import answer, html, sentences
from hepatrial.article.run import (
    bounds,
    dead,
    figures,
    joint,
    scenarios,
    share,
    simulate_article,
    stored,
)
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.calibration.worlds import single_worlds, variant_weights, worlds_of
from hepatrial.errors import BadInput
from hepatrial.model import load_patient_model
from hepatrial.protocol import load_protocol
from hepatrial.trial.bank import Bank, make_bank
from hepatrial.trial.bias import draw_trials, logrank_many, mechanisms, slower

RATE = np.log(2) / 168
"""Half are dead by week 24."""


def bank(patients: int = 20_000, seed: int = 3) -> Bank:
    """Exponential deaths that MELD tells nothing of; cells do nothing; other care halves the hazard."""
    rng = np.random.default_rng(seed)
    prognosis = rng.normal(size=patients)
    life = rng.exponential(size=patients) / RATE
    death = {name: seen(life) for name in ("cells", "control")}
    death |= {f"{arm}_{care}": seen(2 * life) for arm in ("cells", "control") for care in ("more", "listed")}
    death["withdrawn"] = seen(life / 2)
    entry = 24 - 3 * prognosis
    labs = {
        m: np.stack([entry, entry - rng.normal(2, 4, patients)], axis=1)
        for m in ("bilirubin", "albumin", "inr", "meld")
    }
    return Bank(
        "0" * 64, (56, 54), ("no_effect",), np.array([patients]), prognosis,
        death, {"cells": labs, "control": labs},
        rng.uniform(size=patients) < 0.3, 21.0, 168.0, 168.0, "survival",
    )  # fmt: skip


def seen(days: np.ndarray) -> np.ndarray:
    return np.where(days <= 168.0, days, np.inf)


@pytest.fixture(scope="module")
def people() -> Bank:
    return bank()


def same(a: object, b: object) -> bool:
    """Whether two sets of trials agree in every bit."""
    pairs = [(getattr(a, name), getattr(b, name)) for name in vars(a)]
    return all(
        all(np.array_equal(x[m], y[m], equal_nan=True) for m in x)
        if isinstance(x, dict)
        else np.array_equal(x, y)
        for x, y in pairs
    )


@pytest.mark.parametrize("name", list(mechanisms()))
def test_a_mechanism_changes_something_and_off_changes_no_bit(people: Bank, name: str) -> None:
    card = mechanisms()[name]
    plain = draw_trials(people, 200, effect=True)
    off = draw_trials(people, 200, effect=True, strengths={name: card.off})
    on = draw_trials(people, 200, effect=True, strengths={name: card.high})
    assert same(plain, off)
    assert not same(plain, on)
    if card.stage == "analysis":
        assert np.array_equal(plain.death_cells, on.death_cells)
        assert np.array_equal(plain.death_control, on.death_control)
    if name not in ("allocation", "as_treated", "differential_care"):
        assert np.array_equal(plain.death_control, on.death_control), "controls are as they were"


@pytest.mark.parametrize("name", [n for n, c in mechanisms().items() if c.stage != "analysis"])
def test_a_mechanism_that_can_favour_cells_does(people: Bank, name: str) -> None:
    # In this bank MELD tells nothing of death, so the allocation shows in MELD and not in deaths.
    on = draw_trials(people, 400, effect=False, strengths={name: mechanisms()[name].high})
    if name == "allocation":
        assert on.labs_cells["meld"][..., 0].mean() < on.labs_control["meld"][..., 0].mean() - 1
    else:
        assert dead(on.death_cells, 24).mean() < dead(on.death_control, 24).mean() - 0.01


def test_without_effect_the_printed_gap_has_its_binomial_probability(people: Bank) -> None:
    trials = draw_trials(people, 4_000, effect=False)
    shown = {figure: yes for _, figure, yes in figures("lin2017", trials)}
    p = float(dead(people.death["control"], 24).mean())
    a, b = np.arange(57)[:, None], np.arange(55)[None, :]
    chance = stats.binom.pmf(a, 56, p) * stats.binom.pmf(b, 54, p)
    exact = float(chance[100 * (b / 54 - a / 56) >= 17.55].sum())
    assert abs(shown["gap_week_24"].mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / 4_000)


def test_immortal_time_has_its_closed_form_with_exponential_deaths(people: Bank) -> None:
    trials = draw_trials(people, 1_000, effect=False, strengths={"immortal_time": 28.0})
    assert not dead(trials.death_cells, 3.99).any()
    expected = 1 - np.exp(-RATE * 140)
    assert dead(trials.death_cells, 24).mean() == pytest.approx(expected, abs=0.012)
    left_out = trials.excluded.mean()
    alive = np.exp(-RATE * 28)
    assert left_out == pytest.approx(56 * (1 - alive) / alive, rel=0.05), "negative binomial mean"


def test_as_treated_moves_the_early_deaths_into_the_control(people: Bank) -> None:
    trials = draw_trials(people, 1_000, effect=False, strengths={"as_treated": 1.0})
    alive = np.exp(-RATE * 21)
    moved = 56 * (1 - alive) / alive
    assert trials.moved.mean() == pytest.approx(moved, rel=0.05)
    early = moved / 54 + (1 - moved / 54) * (1 - np.exp(-RATE * 28))
    assert dead(trials.death_control, 4).mean() == pytest.approx(early, abs=0.012)
    assert trials.death_control.shape == (1_000, 54)


def test_a_hazard_ratio_of_a_centre_is_the_power_of_survival(people: Bank) -> None:
    death = slower(people.death["control"], people.death["control"], 0.5, 168.0)
    for week in (4, 12, 24):
        assert dead(death, week).mean() == pytest.approx(1 - np.exp(-RATE * 0.5 * 7 * week), abs=0.012)


def test_selective_publication_shows_the_share_and_the_exaggeration_of_the_test(people: Bank) -> None:
    every = draw_trials(people, 10_000, effect=False, strengths={"selective_publication": 0.0})
    seen_only = every.seen()
    assert len(seen_only.p) / 10_000 == pytest.approx(0.025, abs=0.006), "one side of a 5 % test"
    gap = dead(seen_only.death_control, 24).mean() - dead(seen_only.death_cells, 24).mean()
    p = dead(people.death["control"], 24).mean()
    error = np.sqrt(p * (1 - p) * (1 / 56 + 1 / 54))
    # Mean of a normal beyond 1.96 (inverse Mills ratio), times the error; the log-rank also looks earlier.
    mills = stats.norm.pdf(1.96) / stats.norm.sf(1.96)
    assert gap == pytest.approx(mills * error, rel=0.12)


def test_many_logrank_tests_at_once_are_those_of_the_analysis(people: Bank) -> None:
    trials = draw_trials(people, 5, effect=False)
    surplus, p = logrank_many(trials.death_cells, trials.death_control, 168.0)
    for row in range(5):
        days = np.concatenate([trials.death_cells[row], trials.death_control[row]])
        died = np.isfinite(days)
        group = np.repeat(["cells", "control"], [56, 54])
        found = logrank(np.where(died, days, 168.0), died.astype(int), group)
        assert p[row] == pytest.approx(found.test.p, abs=1e-9)
    assert np.isfinite(surplus).all()


def test_no_pair_of_risks_beats_the_bound_of_the_early_deaths() -> None:
    early, late = np.meshgrid(np.linspace(0, 0.5, 51), np.linspace(0, 1, 101))
    best = max(joint(float(a), float(b)) for a, b in zip(early.ravel(), late.ravel(), strict=True) if b >= a)
    assert best <= bounds()["largest"] + 1e-12
    assert joint(0.0, 15 / 56) == pytest.approx(stats.binom.pmf(15, 56, 15 / 56))
    assert bounds()["control_risk"] == pytest.approx(7.7e-7, rel=0.01)


def test_a_share_has_its_error_and_an_interval_that_holds_it() -> None:
    one = np.zeros(1_000, dtype=np.int64)
    never = share(np.zeros(1_000, dtype=bool), one)
    assert never["probability"] == 0
    assert never["high"] == pytest.approx(1 - 0.025 ** (1 / 1_000))
    assert share(np.zeros(0, dtype=bool), one[:0])["probability"] is None


def test_trials_of_one_world_count_for_less_where_they_resemble_each_other() -> None:
    rng, world = np.random.default_rng(1), np.repeat(np.arange(50), 20)
    apart = share(rng.uniform(size=1_000) < 0.3, world)
    p = apart["probability"]
    assert apart["mc_error"] == pytest.approx(np.sqrt(p * (1 - p) / 1_000), rel=0.3)
    found = stats.binomtest(round(1_000 * p), 1_000).proportion_ci(method="exact")
    assert apart["low"] <= found.low + 1e-12
    assert apart["high"] >= found.high - 1e-12
    # Every trial of a world shows the same: as many facts as worlds, at equal sizes exactly.
    together = share(world < 15, world)
    assert together["probability"] == 0.3
    assert together["mc_error"] == pytest.approx(np.sqrt(0.3 * 0.7 / 49))
    exact = stats.binomtest(15, 50).proportion_ci(method="exact")
    assert together["low"] == pytest.approx(exact.low, abs=0.005)
    assert together["high"] == pytest.approx(exact.high, abs=0.005)


def test_a_trial_has_all_its_patients_from_one_world(people: Bank) -> None:
    n = len(people)
    dying = {
        course: np.where(np.arange(n) < n // 2, np.inf, np.minimum(days, 100.0))
        for course, days in people.death.items()
    }
    two = replace(people, variants=("no_effect",) * 2, world_size=np.array([n // 2, n // 2]), death=dying)
    trials = draw_trials(two, 400, effect=True)
    assert set(trials.world.tolist()) == {0, 1}
    assert (trials.world == 1).mean() == pytest.approx(0.5, abs=0.1)
    died = np.isfinite(np.concatenate([trials.death_cells, trials.death_control], axis=1)).mean(axis=1)
    assert np.array_equal(died, trials.world.astype(float))


def test_the_hazard_ratio_of_a_centre_is_that_of_each_world(people: Bank) -> None:
    n = len(people)
    late = np.arange(n) >= n // 2
    slow = {course: np.where(late, seen(3 * days), days) for course, days in people.death.items()}
    two = replace(people, variants=("no_effect",) * 2, world_size=np.array([n // 2, n - n // 2]), death=slow)
    trials = draw_trials(two, 1_000, effect=False, strengths={"single_centre": 0.5})
    for world in (0, 1):
        alive = 1 - dead(slow["control"][two.of_world(world)], 24).mean()
        found = dead(trials.death_cells[trials.world == world], 24).mean()
        assert found == pytest.approx(1 - alive**0.5, abs=0.015)


def test_a_bank_has_the_worlds_it_was_given_and_their_variants(tmp_path: Path) -> None:
    ensemble = load_ensemble()
    worlds = single_worlds(ensemble, 3, seed=1)
    protocol = load_protocol("lin2017")
    made = make_bank(protocol, 30, worlds, seed=5, folder=tmp_path)
    assert made.variants == tuple(next(iter(one.variants)) for one in worlds)
    assert made.world_size.tolist() == [30, 30, 30]
    assert made.start.tolist() == [0, 30, 60]
    assert made.sizes == (56, 54)
    # Each world is the one that a bank of it alone has, its luck included.
    alone = make_bank(protocol, 30, worlds[1:2], seed=6)
    mine = made.of_world(1)
    for course, days in alone.death.items():
        assert np.array_equal(made.death[course][mine], days)
    assert np.array_equal(made.prognosis[mine], alone.prognosis)
    assert not np.array_equal(made.death["control"][made.of_world(0)], alone.death["control"])
    again = make_bank(protocol, 30, worlds, seed=5, folder=tmp_path)  # resumed: nothing is simulated
    assert again.hash == made.hash


def test_worlds_have_variants_by_their_weights_whatever_the_member() -> None:
    ensemble = load_ensemble()
    weights = variant_weights(ensemble)
    worlds = single_worlds(ensemble, 50, seed=1)
    dealt = Counter(next(iter(one.variants)) for one in worlds)
    for name, weight in weights.items():
        assert abs(dealt[name] - 50 * weight) <= 1.0
    assert [one.members[0] for one in worlds] == list(worlds_of(ensemble, 50, 1).members)
    other = single_worlds(ensemble, 50, seed=2)
    assert [one.variants for one in other] != [one.variants for one in worlds]


def test_what_ships_is_of_the_model_and_the_ensemble_that_ship() -> None:
    results = stored()
    assert results["model"] == load_patient_model().hash
    assert results["ensemble"] == load_ensemble().hash
    assert results["trials"] >= 1_000
    assert set(results["banks"]) == {"lin2017", "shi2012", "peng2011"}
    for bank in results["banks"].values():
        for weeks in bank["risks"].values():
            for risk in weeks.values():
                assert 0 <= risk["low"] <= risk["share"] <= risk["high"] <= 1


def test_effect_seed_and_size_each_change_the_trials(people: Bank) -> None:
    better = replace(people, death={**people.death, "cells": people.death["cells_more"]})
    plain = draw_trials(better, 50, effect=False)
    with_effect = draw_trials(better, 50, effect=True)
    assert np.array_equal(plain.death_control, with_effect.death_control)
    assert dead(with_effect.death_cells, 24).mean() < dead(plain.death_cells, 24).mean()
    assert not np.array_equal(plain.death_cells, draw_trials(better, 50, effect=False, seed=2).death_cells)
    assert draw_trials(better, 7, effect=False, sizes=(24, 19)).death_control.shape == (7, 19)
    fewer = draw_trials(better, 20, effect=False)
    assert np.array_equal(fewer.death_cells, plain.death_cells[:20]), "the first trials are the same"


@pytest.mark.slow
def test_worlds_and_pairs_are_what_the_articles_trials_are_drawn_from(tmp_path: Path) -> None:
    found = simulate_article(trials=10, worlds=2, pairs=100, folder=tmp_path)
    assert (found["worlds"], found["pairs"]) == (2, 100)
    assert found["ensemble"] == load_ensemble().hash
    for name, bank in found["banks"].items():
        assert bank["patients"] + bank["failed"] == 200
        assert len(list((tmp_path / f"bank-{name}").iterdir())) == 2
    more = simulate_article(trials=10, worlds=3, pairs=100)
    assert more["banks"]["lin2017"]["patients"] + more["banks"]["lin2017"]["failed"] == 300
    assert more["hash"] != found["hash"]


def test_what_cannot_be_is_refused_all_at_once(people: Bank) -> None:
    with pytest.raises(BadInput) as bad:
        draw_trials(people, 5, effect=True, strengths={"alocation": 0.1, "as_treated": 2.0})
    assert len(bad.value.problems) == 2
    assert "allocation" in str(bad.value)
    with pytest.raises(BadInput):
        draw_trials(people, 0, effect=True)
    with pytest.raises(BadInput) as bad:
        simulate_article(trials=1, worlds=1, pairs=1)
    assert len(bad.value.problems) == 3


def test_the_page_carries_mark_hash_and_fair_words(people: Bank) -> None:
    drawn = draw_trials(people, 20, effect=False)
    rows = [
        {
            "protocol": "lin2017", "claim": claim, "figure": figure,
            "world": "effect" if effect else "no effect", "mechanism": mechanism, "level": level,
            "strength": strength, **share(shown, drawn.world), "calculated": None,
        }
        for effect, mechanism, level, strength in scenarios()
        for claim, figure, shown in figures("lin2017", drawn)
    ]  # fmt: skip
    cards = {name: card.model_dump() for name, card in mechanisms().items()}
    results = {
        "hash": "a" * 64,
        "trials": 20,
        "worlds": 1,
        "bounds": bounds(),
        "rows": rows,
        "banks": {},
        "mechanisms": cards,
    }
    for lang, mark in (("en", "Simulated. No patients."), ("zh", "模拟结果，非患者数据")):
        page = html(results, lang)
        assert mark in page
        assert "a" * 12 in page
        assert not any(word in page.lower() for word in ("fraud", "impossible", "copied", "misplaced"))
        assert answer(results, lang) in page.replace("&gt;", ">")
    assert len(sentences(results)) == 7
    with pytest.raises(BadInput):
        html(results, "fr")
