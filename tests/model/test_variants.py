"""Structural variants: what each changes, what none may touch, and how a broken file is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from patient_course import FAILURE, follow

from hepatrial.errors import BadInput
from hepatrial.model import load_cards, load_patient_model, load_variants
from hepatrial.model.variants import Variant, read_variants

DAYS = np.arange(0, 169.0, 28.0)
DOSES = [(7.0 * k, "infuse_cells", 1.0) for k in range(4)]
CARE = {"in_hospital": 1.0, "antiviral": 1.0}


def _admitted() -> dict[str, float]:
    """States of a patient four weeks into a flare."""
    onset = follow([0, 28], **FAILURE)
    assert onset["inr"][1] > 1.2
    assert onset["bilirubin"][1] > 100
    return {name: float(onset[name][1]) for name in onset.spec.states}


def _course(variant: Variant, doses=DOSES, days=DAYS):
    changed = {**FAILURE, **CARE, **variant.overrides}
    return follow(days, start=_admitted(), rtol=1e-8, actions=doses, **changed)


def test_prior_weights_add_up_to_one_and_are_assumed():
    variants = load_variants()
    assert math.fsum(v.weight for v in variants.values()) == pytest.approx(1)
    assert {v.grade for v in variants.values()} == {"assumed"}
    assert all(v.meaning["en"].endswith(".") and v.meaning["zh"].endswith("。") for v in variants.values())


def test_variants_change_only_switches_of_the_cell_effect():
    cards = load_cards()
    for variant in load_variants().values():
        assert all(cards.model[name].role == "variant" for name in variant.overrides)
        spec = load_patient_model()
        base = spec.default_parameters[None, :]
        changed = variant.applied(spec, base)
        differing = {spec.parameters[i] for i in np.flatnonzero(changed[0] != base[0])}
        assert differing <= set(variant.overrides)


def test_a_variant_changes_nothing_in_a_patient_without_cells():
    plain = _course(load_variants()["no_effect"], doses=[])
    for variant in load_variants().values():
        course = _course(variant, doses=[])
        assert np.allclose(course["H_death"], plain["H_death"], rtol=1e-9), variant.name


def test_each_variant_helps_a_dosed_patient_but_no_effect_and_the_engraftment_bound_hardly():
    plain = _course(load_variants()["no_effect"], doses=[])["H_death"][-1]
    gain = {name: 1 - _course(v)["H_death"][-1] / plain for name, v in load_variants().items()}
    assert abs(gain["no_effect"]) < 1e-6
    assert 0 <= gain["engraftment_bound"] < 0.03
    for name in ("macrophage_switch", "secretome_14d", "regeneration", "bell_shaped"):
        assert gain[name] > 0.03, (name, gain)
    order = [gain[f"secretome_{days}d"] for days in (5, 14, 30, 60)]
    assert order == sorted(order)


def test_infection_protection_lowers_infections_and_touches_the_liver_only_through_them():
    plain, treated = (_course(load_variants()[n]) for n in ("no_effect", "infection_protection"))
    assert treated["H_severe_infection"][-1] < 0.9 * plain["H_severe_infection"][-1]
    assert np.allclose(treated["function_mass"], plain["function_mass"], rtol=1e-6)


def test_calming_does_not_raise_factor_synthesis_at_once():
    # Pooled trials: bilirubin moved, INR not.
    plain, treated = (
        _course(load_variants()[name], doses=[(0.0, "infuse_cells", 1.0)], days=[0.0, 0.25])
        for name in ("no_effect", "macrophage_switch")
    )
    assert treated["tnf"][1] < 0.98 * plain["tnf"][1]
    assert abs(treated["synthesis"][1] / plain["synthesis"][1] - 1) < 0.005


def test_the_engraftment_bound_adds_exactly_the_cells_given():
    bound = load_variants()["engraftment_bound"].overrides
    days = [0, 1.0, 1.0001]
    start = [(1.0, "infuse_cells", 1.0)]
    plain, engrafted = (follow(days, rtol=1e-9, actions=start, **o) for o in ({}, bound))
    added = engrafted["healthy_cells"][2] - plain["healthy_cells"][2]
    assert added == pytest.approx(65 / 160000, rel=1e-3)


def test_a_broken_variants_file_is_refused_with_all_faults():
    text = """
[a]
weight = 0.5
grade = "assumed"
basis = "x"
en = "x."
zh = "x。"
set = { effect_macrophag = 0.5, regeneration = 2.0 }
[b]
weight = 2.0
grade = "assumed"
basis = "x"
en = "x."
zh = "x。"
colour = "red"
"""
    with pytest.raises(BadInput) as caught:
        read_variants(text, load_cards())
    sentences = [problem.sentence() for problem in caught.value.problems]
    assert len(sentences) == 4
    assert any("Did you mean 'effect_macrophage'" in s for s in sentences)


def test_weights_that_do_not_add_up_are_refused():
    text = '[a]\nweight = 0.5\ngrade = "assumed"\nbasis = "x"\nen = "x."\nzh = "x。"\n'
    with pytest.raises(BadInput, match="add up to 1"):
        read_variants(text, load_cards())


def test_a_variants_file_that_is_not_toml_is_refused():
    with pytest.raises(BadInput, match="must be TOML"):
        read_variants("[a", load_cards())
