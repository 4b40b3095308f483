"""Cards of the cell products."""

import math

import pytest

from hepatrial.errors import BadInput
from hepatrial.model.cards import FOLDER, RECALLED_UNCERTAINTY
from hepatrial.model.products import CELL_CARDS, load_products, read_products

TOML = (FOLDER / "products.toml").read_text(encoding="utf-8")
REFERENCES = (FOLDER / "references.bib").read_text(encoding="utf-8")


def broken(old: str, new: str) -> tuple[str, ...]:
    assert old in TOML
    with pytest.raises(BadInput) as refused:
        read_products(TOML.replace(old, new, 1), REFERENCES)
    return tuple(problem.place for problem in refused.value.problems)


def test_every_card_is_graded_and_every_guess_has_a_width():
    for product in load_products().values():
        for name, card in product.cards.items():
            exact = card.value in (0.0, 1.0) or name == "passage"
            assert card.uncertainty > 0 or exact, (product.name, name)
            if card.grade == "recalled":
                assert card.uncertainty >= RECALLED_UNCERTAINTY
        assert product.basis.endswith(".")
        assert product.basis_zh.endswith("。")


def test_cells_have_all_cards_and_a_drug_has_none():
    products = load_products()
    for product in products.values():
        if product.kind == "cells":
            assert set(product.cards) == set(CELL_CARDS)
    assert not products["g_csf"].cards
    assert "cell_equivalent" in products["msc_vesicles"].cards


def test_only_products_with_a_controlled_trial_of_benefit_have_an_effect_of_their_own():
    named = {name for name, product in load_products().items() if product.has_effect}
    assert named == {"bm_msc_allogeneic", "bm_msc_autologous", "uc_msc"}


def test_a_patients_own_cells_do_not_sensitise_and_procoagulance_ranks_as_published():
    products = load_products()
    for product in products.values():
        if product.autologous:
            assert product.value("sensitisation") == 0
    factor = {name: p.value("procoagulant") for name, p in products.items() if p.cards}
    assert factor["uc_msc"] > factor["bm_msc_allogeneic"]
    assert factor["at_msc"] > factor["bm_msc_allogeneic"]
    assert factor["halpc"] == max(factor.values())


def test_half_of_the_cells_are_senescent_at_the_passage_that_the_card_names():
    product = load_products()["uc_msc"]
    assert product.senescent_share(0.0) == 0.0
    assert product.senescent_share(product.value("senescence_half")) == pytest.approx(0.5)


def test_potency_is_that_of_the_card_at_the_usual_passage_and_falls_by_closed_forms():
    product = load_products()["uc_msc"]
    loss, usual = product.value("senescence_loss"), product.senescent_share(product.value("passage"))
    assert product.relative_potency() == pytest.approx(product.value("potency"))
    late = product.relative_potency(passage=12.0)
    assert late == pytest.approx((1 - loss * 0.5) / (1 - loss * usual))
    committed = 1 - math.exp(-product.value("commitment_rate") * 7)
    expected = 1 - product.value("commitment_loss") * committed
    assert product.relative_potency(induction=7.0) == pytest.approx(expected)


def test_a_broken_file_is_refused_with_every_problem():
    assert broken("msc = true", 'msc = "yes"') == ("products.toml bm_msc_allogeneic.msc",)
    assert broken("[cd133]", "[cd133]\npotenci = 1") == ("products.toml cd133.potenci",)
    assert broken('source = "assumed"', 'source = "nowhere"')
    two = TOML.replace("sensitisation = { value = 0.0", "sensitisation = { value = 2.0")
    with pytest.raises(BadInput) as refused:
        read_products(two, REFERENCES)
    assert len(refused.value.problems) == 4
    with pytest.raises(BadInput, match="TOML"):
        read_products("[", REFERENCES)
