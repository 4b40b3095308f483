"""Candidates' traits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepatrial.model import load_patient_model
from hepatrial.model.cards import Card
from hepatrial.population.candidates import draw_candidates, draw_from
from hepatrial.population.deck import make_deck


def card(**entries) -> Card:
    return Card(unit="1", source="assumed", grade="assumed", note="Test.", **entries)


@pytest.fixture(scope="module")
def spec():
    return load_patient_model()


@pytest.fixture(scope="module")
def many(spec):
    return draw_candidates(spec, make_deck(), 1, np.arange(1, 30_001), "hbv_aclf")


GRID = (np.arange(20_000) + 0.5) / 20_000


@pytest.mark.parametrize(
    ("entries", "law"),
    [
        ({"distribution": "normal", "value": 5.0, "spread": 2.0}, stats.norm(5, 2)),
        ({"distribution": "lognormal", "value": 5.0, "spread": 0.4}, stats.lognorm(0.4, scale=5)),
        (
            {"distribution": "normal", "value": 5.0, "spread": 2.0, "low": 4.0, "high": 8.0},
            stats.truncnorm(-0.5, 1.5, loc=5, scale=2),
        ),
    ],
)
def test_draws_have_the_law_of_the_card(entries, law):
    assert np.allclose(draw_from(card(**entries), GRID), law.ppf(GRID), rtol=1e-9)


def test_a_logit_normal_card_is_normal_on_the_logit_scale():
    x = draw_from(card(distribution="logitnormal", value=0.8, spread=1.2), GRID)
    assert np.allclose(np.log(x / (1 - x)), stats.norm(np.log(4), 1.2).ppf(GRID))


def test_a_fixed_card_gives_its_value_and_a_yes_or_no_card_its_share():
    assert (draw_from(card(value=3.0), GRID) == 3.0).all()
    assert draw_from(card(distribution="bernoulli", value=0.0, share=0.3), GRID).mean() == pytest.approx(0.3)


@given(
    st.sampled_from(["normal", "lognormal"]),
    st.floats(0.1, 3),
    st.floats(0.05, 0.95),
    st.floats(1e-9, 1 - 1e-9),
)
def test_truncated_draws_stay_within_their_bounds(kind, spread, width, u):
    c = card(distribution=kind, value=1.0, spread=spread, low=1 - width, high=1 + width)
    x = draw_from(c, np.array([u]))
    assert 1 - width - 1e-9 <= x[0] <= 1 + width + 1e-9


def test_a_candidate_is_the_same_whoever_else_is_drawn(spec, many):
    deck = make_deck()
    few = draw_candidates(spec, deck, 1, np.array([7, 3, 20_000]), "hbv_aclf")
    for field in ("parameters", "initial", "female", "delay"):
        assert np.array_equal(getattr(few, field), getattr(many, field)[[6, 2, 19_999]])


def test_another_seed_draws_other_candidates(spec, many):
    other = draw_candidates(spec, make_deck(), 2, np.arange(1, 101), "hbv_aclf")
    assert not np.isclose(other.column(spec, "age"), many.column(spec, "age")[:100]).any()


def test_only_traits_and_what_onset_sets_differ_between_candidates(spec, many):
    deck = make_deck()
    differs = {name for i, name in enumerate(spec.parameters) if np.ptp(many.parameters[:, i]) > 0}
    assert differs == set(deck.traits) | {"infection_at_onset"}


def test_traits_have_the_centres_of_their_cards(spec, many):
    deck = make_deck()
    for name, c in deck.traits.items():
        if c.distribution == "lognormal" and c.low is None and name != "creatinine_habitual":
            log = np.log(many.column(spec, name))
            assert log.mean() == pytest.approx(np.log(c.value), abs=0.03), name
            assert log.std() == pytest.approx(c.spread, rel=0.03), name


def test_age_raises_the_chance_of_cirrhosis_and_the_share_stays_as_carded(spec, many):
    age, cirrhosis = many.column(spec, "age"), many.column(spec, "cirrhosis")
    assert cirrhosis.mean() == pytest.approx(make_deck().model["cirrhosis"].share, abs=0.01)
    assert cirrhosis[age > 55].mean() - cirrhosis[age < 35].mean() > 0.1
    flat = draw_candidates(spec, make_deck({"cirrhosis_by_age": 0.0}), 1, many.number, "hbv_aclf")
    apart = flat.column(spec, "cirrhosis")
    assert abs(apart[age > 55].mean() - apart[age < 35].mean()) < 0.02


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_none_or_all_is_exactly_that(spec, share):
    deck = make_deck({"cirrhosis.share": share})
    drawn = draw_candidates(spec, deck, 1, np.arange(1, 500), "hbv_aclf")
    assert (drawn.column(spec, "cirrhosis") == share).all()


def test_women_are_lighter_and_the_mean_weight_stays_as_carded(spec, many):
    weight, card_ = many.column(spec, "weight"), make_deck().model["weight"]
    assert many.female.mean() == pytest.approx(0.15, abs=0.01)
    ratio = weight[many.female == 1].mean() / weight[many.female == 0].mean()
    assert ratio == pytest.approx(0.85, abs=0.01)
    assert weight.mean() == pytest.approx(card_.value, rel=0.01)


def test_the_chronic_liver_follows_from_the_traits(spec, many):
    state = dict(zip(spec.states, many.initial.T, strict=True))
    cirrhosis = many.column(spec, "cirrhosis") == 1
    living = state["healthy_cells"] + state["infected_cells"]
    assert np.allclose(state["infected_cells"] / living, many.column(spec, "infected_share"))
    assert (living[cirrhosis] < 0.95).mean() > 0.9  # scar leaves no room for a whole liver
    for name, rises in (("collagen", True), ("portal_pressure", True), ("albumin", False)):
        gap = state[name][cirrhosis].mean() - state[name][~cirrhosis].mean()
        assert (gap > 0) == rises, name


def test_some_onsets_begin_with_an_infection(spec, many):
    share = make_deck().value("precipitating_infection_share")
    infection = dict(zip(spec.states, many.initial.T, strict=True))["infection"]
    assert (infection > 0).mean() == pytest.approx(share, abs=0.01)
    none = draw_candidates(
        spec, make_deck({"precipitating_infection_share": 0.0}), 1, many.number[:500], "hbv_aclf"
    )
    assert (none.column(spec, "infection_at_onset") == 0).all()


def test_the_referral_delay_is_whole_days_up_to_its_cap(many):
    card_ = make_deck().population["referral_delay"]
    assert (many.delay == np.round(many.delay)).all()
    assert many.delay.max() <= make_deck().value("referral_delay_cap")
    assert np.median(many.delay) == pytest.approx(card_.value, abs=1.5)


def test_a_setting_shifts_a_trait_and_a_constant_for_everybody(spec, many):
    deck = make_deck({"flare": 3.0, "collapse_rate": 0.5})
    drawn = draw_candidates(spec, deck, 1, many.number[:200], "hbv_aclf")
    ratio = drawn.column(spec, "flare") / many.column(spec, "flare")[:200]
    assert np.allclose(ratio, 3.0 / make_deck().value("flare"))
    assert (drawn.column(spec, "collapse_rate") == 0.5).all()
