"""The prior as steps of cards, and the contract of the ensemble."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.calibration import Doubt, doubts_of, load_ensemble, prior_ensemble, settings_at
from hepatrial.calibration.ensemble import Ensemble, from_files, to_files
from hepatrial.calibration.shipped import taught
from hepatrial.errors import RunFailed
from hepatrial.model.variants import load_variants
from hepatrial.population import make_deck


@given(st.floats(-4, 4), st.floats(0.05, 0.95), st.floats(0.05, 0.9), st.sampled_from(["log", "logit"]))
def test_a_step_and_its_value_are_inverse(step, centre, sd, scale):
    doubt = Doubt("x", centre, sd, scale)
    if scale == "log" or 1e-9 < doubt.value(step) < 1 - 1e-9:
        assert doubt.step(doubt.value(step)) == pytest.approx(step, abs=1e-5)


@given(st.floats(-8, 8))
def test_a_part_of_a_whole_stays_one(step):
    assert 0 <= Doubt("x_share", 0.9, 0.7, "logit").value(step) <= 1


def test_both_scales_are_the_same_log_sd_for_small_steps():
    for scale in ("log", "logit"):
        doubt = Doubt("x", 0.4, 0.2, scale)
        slope = (np.log(doubt.value(1e-4)) - np.log(doubt.value(-1e-4))) / 2e-4
        assert slope == pytest.approx(0.2, rel=1e-3)


def test_every_doubt_is_a_setting_that_the_deck_takes_six_standard_deviations_out():
    doubts = doubts_of()
    for step in (-6.0, 6.0):
        make_deck(settings_at(doubts, np.full(len(doubts), step)))
    centre = settings_at(doubts, np.zeros(len(doubts)))
    deck = make_deck()
    assert centre["flare"] == deck.value("flare")


def test_the_prior_keeps_the_cards_log_sd():
    drawn = prior_ensemble(4000, 1)
    card = make_deck().model["growth_half"]
    logs = np.log([row["growth_half"] for row in drawn.settings])
    assert logs.mean() == pytest.approx(np.log(card.value), abs=4 * card.uncertainty / np.sqrt(4000))
    assert logs.std() == pytest.approx(card.uncertainty, rel=0.05)


def test_variants_come_by_their_prior_weights_and_no_setting_overrides_one():
    drawn = prior_ensemble(4000, 2)
    for name, variant in load_variants().items():
        assert drawn.variants.count(name) / 4000 == pytest.approx(variant.weight, abs=0.025)
        assert not variant.overrides.keys() & drawn.settings[0].keys()


def test_a_larger_prior_begins_with_the_smaller_and_another_seed_differs():
    small, large, other = prior_ensemble(3, 5), prior_ensemble(6, 5), prior_ensemble(3, 6)
    assert large.settings[:3] == small.settings
    assert other.settings != small.settings


def test_what_is_written_is_read_back():
    drawn = prior_ensemble(7, 3)
    table, notes = to_files(drawn)
    again = from_files(table, notes)
    assert again.hash == drawn.hash
    assert to_files(again)[0] == table


def test_picked_worlds_follow_the_weights():
    weights = np.array([0.5, 0.3, 0.2, 0.0])
    base = prior_ensemble(4, 1)
    drawn = Ensemble(base.settings, base.variants, weights, base.between_study, base.origin)
    counts = np.bincount(drawn.pick(100, 9), minlength=4)
    assert np.all(np.abs(counts - 100 * weights) <= 1)
    assert not np.array_equal(drawn.pick(100, 9), drawn.pick(100, 8))
    assert drawn.effective_size == pytest.approx(1 / (0.25 + 0.09 + 0.04))


def test_without_a_fit_the_loader_says_so_rather_than_guess(monkeypatch, tmp_path):
    monkeypatch.setattr("hepatrial.calibration.ensemble.files", lambda _: tmp_path)
    with pytest.raises(RunFailed, match="no posterior ensemble"):
        load_ensemble()


def test_an_ensemble_of_another_model_is_refused(monkeypatch, tmp_path):
    table, notes = to_files(prior_ensemble(2, 1))
    notes["origin"]["model"] = "another"
    (tmp_path / "ensemble.parquet").write_bytes(table)
    (tmp_path / "ensemble.json").write_text(__import__("json").dumps(notes))
    monkeypatch.setattr("hepatrial.calibration.ensemble.files", lambda _: tmp_path)
    with pytest.raises(RunFailed, match="another patient model"):
        load_ensemble()


def test_infections_are_shown_in_hbv_aclf_and_in_aclf_on_cirrhosis() -> None:
    """At entry and severe ones of Lin 2017's controls; new ones in EASL-CLIF ACLF (0008)."""
    told = {row["target"]: row for row in taught()["misses"]}
    for name in ("infected_at_entry", "lin_infection_168", "canonic_infection"):
        low, high = told[name]["interval_90"]
        assert low <= told[name]["published"] <= high, name
