"""Calibration: targets are allowed and declared, the search searches, the shipped cards reach the targets."""

from functools import partial

import numpy as np
import pytest

from hepatrial.calibration.cohort import reference_cohort
from hepatrial.calibration.fit import GIVEN_UP, Free, decode, load_free, make_loss, search
from hepatrial.calibration.statistics import Cohort, cohort_views, load_targets, misfit, statistics
from hepatrial.engine import compile_model, simulate
from hepatrial.model import load_cards, load_patient_model


@pytest.fixture(scope="module")
def machine():
    spec = load_patient_model()
    return spec, partial(simulate, compile_model(spec), threads=2)


@pytest.fixture(scope="module")
def small(machine):
    return reference_cohort(*machine, {}, candidates=1500, seed=5)


def _cohort(n=1000, **changes):
    rng = np.random.default_rng(2)
    labs = {
        "bilirubin": rng.lognormal(5.7, 0.4, n),
        "inr": rng.lognormal(0.6, 0.2, n),
        "creatinine": rng.lognormal(4.3, 0.2, n),
        "alt": rng.lognormal(5.7, 1.0, n),
        "albumin": rng.normal(31, 5, n),
        "bilirubin_conjugated": np.full(n, 100.0),
        "bilirubin_delta": np.full(n, 20.0),
    }
    rest = {
        "he_grade": np.zeros(n),
        "age": rng.normal(44, 11, n),
        "infected": np.zeros(n, dtype=bool),
        "death_time": np.where(rng.random(n) < 0.3, 10.0, np.inf),
        "severe_infection_time": np.full(n, np.inf),
    }
    return Cohort(labs=labs, **{**rest, **changes})


def test_nothing_recalled_or_taken_from_the_article_is_fitted_to():
    assert {target.grade for target in load_targets()} <= {"seen", "derived"}


def test_every_target_is_a_statistic_of_a_known_cohort():
    views, known = cohort_views(_cohort()), statistics(_cohort())
    for target in load_targets():
        assert target.cohort in views
        assert target.name in known
        assert target.sd > 0


def test_the_cards_called_fitted_to_this_layer_are_the_declared_free_ones():
    cards = load_cards()
    every = {**cards.model, **cards.population}
    fitted = {name for name, card in every.items() if card.source == "fitted: hbv_aclf"}
    assert fitted == {free.name.partition(".")[0] for free in load_free()}


def test_misses_come_with_the_largest_first():
    sizes = [abs(z) for _, _, z in misfit(_cohort(), load_targets())]
    assert sizes == sorted(sizes, reverse=True)


def test_statistics_follow_what_they_name():
    cohort = _cohort()
    assert statistics(cohort)["death_28"] == np.mean(cohort.death_time < 28)
    assert statistics(_cohort(he_grade=np.full(1000, 3.0)))["encephalopathy_3_4"] == 1.0
    assert statistics(_cohort(infected=np.ones(1000, dtype=bool)))["infected_at_admission"] == 1.0
    assert statistics(_cohort(severe_infection_time=np.full(1000, 100.0)))["severe_infection_168"] == 1.0


def test_lin_like_patients_are_not_infected_at_entry():
    assert not cohort_views(_cohort(infected=np.arange(1000) % 2 == 0))["lin"].infected.any()


def test_a_step_of_nothing_is_the_start():
    free = (Free("flare", 1.5, 0.3), Free("age", 43.0, 0.05))
    assert decode(free, np.zeros(2)) == {"flare": 1.5, "age": 43.0}
    assert decode(free, np.array([1.0, 0.0]))["flare"] == pytest.approx(1.5 * np.exp(0.3))


def test_the_search_finds_the_bottom_of_a_bowl_and_reports_every_generation():
    pytest.importorskip("cma", reason="the fit extra is not installed")
    seen = []
    best = search(
        lambda step, _seed: float(np.sum((step - 1.0) ** 2)),
        4,
        generations=60,
        seed=3,
        report=lambda generation, *_: seen.append(generation),
    )
    assert best == pytest.approx(np.ones(4), abs=0.05)
    assert seen == list(range(60))


def test_a_setting_that_admits_nobody_is_given_up(machine):
    loss = make_loss(*machine, (Free("flare", 1e-3, 0.1),), candidates=200)
    assert loss(np.zeros(1), 1) == GIVEN_UP


def test_the_reference_cohort_enters_as_its_protocol_says(small):
    cohort, pool = small
    assert (
        len(cohort.age)
        == len(pool)
        == sum(pool.outcomes.values()) - sum(n for name, n in pool.outcomes.items() if name != "admitted")
    )
    assert np.all(cohort.labs["bilirubin"] >= 171)
    assert np.all(cohort.labs["inr"] >= 1.5)
    assert np.all(cohort.death_time > 0)


def test_settings_and_seed_change_the_cohort(machine, small):
    ages = small[0].age
    assert not np.array_equal(reference_cohort(*machine, {}, candidates=1500, seed=6)[0].age, ages)
    milder = reference_cohort(*machine, {"death_base": 1e-6}, candidates=1500, seed=5)[0]
    assert np.isfinite(milder.death_time).mean() < np.isfinite(small[0].death_time).mean()


@pytest.mark.slow
def test_the_shipped_cards_reach_every_target_on_a_fresh_cohort(machine):
    cohort, _ = reference_cohort(*machine, {}, candidates=12_000, seed=2026)
    missed = {target.name: round(z, 2) for target, _, z in misfit(cohort, load_targets()) if abs(z) > 3}
    assert not missed
