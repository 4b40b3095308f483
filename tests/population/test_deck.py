"""Settings of cards."""

import pytest

from hepatrial.errors import BadInput
from hepatrial.model.cards import load_cards
from hepatrial.population.deck import make_deck


def test_without_settings_the_cards_are_those_that_ship():
    deck = make_deck()
    assert dict(deck.model) == dict(load_cards().model)
    assert deck.changed == frozenset()
    assert {"referral_delay", "male_share", "eligibility_window", "cirrhosis_by_age"} <= set(deck.population)


def test_a_setting_changes_centre_spread_or_share_of_one_card_and_nothing_else():
    deck = make_deck({"flare": 2.0, "flare.spread": 0.3, "cirrhosis.share": 0.1, "referral_delay": 7})
    assert (deck.model["flare"].value, deck.model["flare"].spread) == (2.0, 0.3)
    assert deck.model["cirrhosis"].share == 0.1
    assert deck.value("referral_delay") == 7.0
    assert deck.changed == {"flare", "cirrhosis", "referral_delay"}
    shipped = make_deck()
    others = set(deck.model) - deck.changed
    assert all(deck.model[name] == shipped.model[name] for name in others)


def test_other_cards_can_be_given():
    cards = load_cards()
    fewer = type(cards)(
        {name: card for name, card in cards.model.items() if name != "flare"},
        cards.process,
        cards.population,
        cards.references,
    )
    assert "flare" not in make_deck(cards=fewer).model


def test_all_wrong_settings_are_reported_together_with_the_nearest_name():
    wrong = {
        "regenerashun": 1.0,
        "flare": -1.0,
        "age": 200.0,
        "cirrhosis": 1.0,
        "collapse_rate.spread": 0.2,
        "flare.share": 0.2,
        "flare.median": 2.0,
        "antiviral": 0.0,
        "infected_share": 1.0,
        "growth_max": float("nan"),
        "referral_delay": True,
    }
    with pytest.raises(BadInput) as refused:
        make_deck(wrong)
    problems = {problem.place: problem for problem in refused.value.problems}
    assert set(problems) == set(wrong)
    assert problems["regenerashun"].nearest == "regeneration"
    assert "care.antiviral" in problems["antiviral"].allowed
    assert "cirrhosis.share" in problems["cirrhosis"].allowed
