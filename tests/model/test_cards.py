"""Parameter cards: complete, true to the recorded sources, and refused with all faults at once."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hepatrial import model
from hepatrial.errors import BadInput
from hepatrial.model import check, load_cards, load_patient_model
from hepatrial.model.cards import FOLDER, RECALLED_UNCERTAINTY, read_cards

SHARED = Path(__file__).parents[2] / "../shared/science/physiology"
CARD = 'x = { value = 1.0, unit = "1", source = "assumed", grade = "assumed", note = "A note." }'
BIB = "@misc{hix2022, note = {x}}"


def _problems(line: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read_cards(f"[model.liver]\n{line}\n", BIB)
    return [problem.sentence() for problem in caught.value.problems]


def test_the_patient_model_is_free_of_problems():
    assert check() == ()


def test_every_parameter_has_a_card_with_its_value_and_unit():
    spec, cards = load_patient_model(), load_cards()
    assert set(cards.model) == set(spec.parameters)
    for name, value in zip(spec.parameters, spec.default_parameters, strict=True):
        assert value == cards.model[name].value
        if cards.model[name].unit != "1":
            assert spec.units[name] == cards.model[name].unit


def test_names_that_the_layers_share_exist():
    spec, cards = load_patient_model(), load_cards()
    shared = (
        "function_mass alt ast bilirubin bilirubin_unconjugated bilirubin_conjugated bilirubin_delta albumin"
        " inr pta fibrinogen factor_v creatinine sodium ammonia lactate wbc platelets map vasopressor"
        " pf_ratio he_index ascites hbv_dna engraftment_bound"
    )
    assert set(shared.split()) <= set(spec.outputs)
    causes = (
        "death severe_infection mild_infection sbp variceal_bleeding transplant fever aki encephalopathy"
        " thrombosis infusion_reaction rejection liver_cancer withdrawal"
    )
    assert set(spec.causes) == set(causes.split())
    actions = {
        "infuse_cells",
        "give_gcsf",
        "plasma_exchange",
        "albumin_exchange",
        "give_plasma",
        "give_albumin",
        "mars_session",
    }
    assert set(spec.actions) == actions
    inputs = "in_hospital antiviral listed route_liver_share plasma_rate plasma_inr_above"
    inputs += " albumin_rate albumin_below acetylcysteine corticosteroid lactulose rifaximin terlipressin"
    inputs += " noradrenaline renal_replacement ventilation antibiotics prophylaxis withdrawal_rate"
    assert set(inputs.split()) <= set(cards.inputs)
    assert [cards.model[f"he_cut_{k}"].value for k in range(1, 5)] == sorted(
        cards.model[f"he_cut_{k}"].value for k in range(1, 5)
    )


def test_hazards_of_recurrent_and_terminal_events_are_what_they_should_be():
    hazards = {hazard.name: hazard for hazard in load_patient_model().hazards}
    assert [name for name, hazard in hazards.items() if hazard.terminal] == ["death"]
    recurrent = {name for name, hazard in hazards.items() if hazard.recurrent}
    once = {"death", "transplant", "encephalopathy", "liver_cancer", "withdrawal"}
    assert recurrent == set(hazards) - once


def test_every_trait_can_be_drawn_and_every_recalled_value_is_wide():
    cards = load_cards()
    assert len(cards.traits) > 20
    for card in cards.traits.values():
        assert card.spread > 0 or card.share is not None
    for card in cards.model.values():
        if card.grade == "recalled":
            assert card.uncertainty >= RECALLED_UNCERTAINTY


def test_every_source_of_a_note_or_card_is_in_the_references():
    cards = load_cards()
    notes = " ".join(card.note for card in (*cards.model.values(), *cards.population.values()))
    for key in re.findall(r"\b([a-z_]+\d{4}|japan_alf|hgf_fhf|resection_61|tb_ceiling)\b", notes):
        assert key in cards.references, key


def _rows() -> dict[str, dict[str, str]]:
    path = SHARED / "parameters.csv"
    if not path.is_file():
        pytest.skip("the recorded facts of the science folder are not at hand")
    with path.open(encoding="utf-8") as file:
        return {row["symbol"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("card", "symbol", "convert"),
    [
        ("alt_clearance", "t12_ALT", lambda hours: 24 * math.log(2) / hours),
        ("ast_clearance", "t12_AST", lambda hours: 24 * math.log(2) / hours),
        ("factor_seven_decay", "t12_FVII", lambda hours: 24 * math.log(2) / hours),
        ("factor_two_decay", "t12_FII", lambda hours: 24 * math.log(2) / hours),
        ("factor_ten_decay", "t12_FX", lambda hours: 24 * math.log(2) / hours),
        ("factor_five_decay", "t12_FV", lambda hours: 24 * math.log(2) / hours),
        ("fibrinogen_decay", "t12_Fib", lambda days: math.log(2) / days),
        ("calming_turnover", "t12_IL10", lambda hours: 24 * math.log(2) / hours),
        ("tnf_turnover", "t12_TNF", lambda minutes: 1440 * math.log(2) / minutes),
        ("il6_turnover", "t12_IL6", lambda hours: 24 * math.log(2) / hours),
        ("delta_decay", "t12_delta", lambda days: math.log(2) / days),
        ("turnover", "d0_H", float),
        ("albumin_time", "tau_alb", float),
        ("bilirubin_production_per_kg", "P_bili", lambda mg: 1000 * mg / 584.7),
        ("bilirubin_clearance_per_kg", "CL_UCB", lambda ml_per_min: 1.44 * ml_per_min / 65),
        ("plasma_volume_per_kg", "V_pl_CLD", lambda ml: ml / 1000),
        ("hgf_healthy", "HGF_0", float),
        ("ammonia_scale", "NH3_HE", float),
        ("ammonia_normal", "NH3_0", float),
        ("hepatocytes_total", "N_H0", lambda cells: cells / 1e6),
    ],
)
def test_a_cards_value_is_what_its_source_says(card, symbol, convert):
    row = _rows()[symbol]
    assert load_cards().model[card].value == pytest.approx(convert(float(row["value"])), rel=0.02)
    if row["seen"] == "recalled":
        assert load_cards().model[card].grade == "recalled"


def test_a_card_seen_or_derived_names_a_source_and_no_card_claims_more_than_it_has():
    for name, card in load_cards().model.items():
        if card.grade in ("seen", "seen_secondary", "derived"):
            assert card.source in load_cards().references, name


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('unit = "1"', 'unit = "1", colour = "red"'), "Extra inputs"),
        (("value = 1.0", 'value = "one"'), "valid number"),
        (('grade = "assumed"', 'grade = "certain"'), "grade"),
        (('source = "assumed"', 'source = "hix2023"'), "nearest: hix2022"),
        (('grade = "assumed"', 'grade = "seen"'), "must name a source"),
        (('source = "assumed"', 'source = "fitted: donors"'), "goes with grade fitted"),
        (('grade = "assumed"', 'grade = "recalled"'), "needs at least 0.7"),
        (('unit = "1"', 'unit = "1", distribution = "lognormal"'), "spread must be above 0"),
        (('unit = "1"', 'unit = "1", spread = 0.2'), "spread must be above 0"),
        (('unit = "1"', 'unit = "1", distribution = "bernoulli"'), "share belongs to bernoulli"),
        (('unit = "1"', 'unit = "1", distribution = "bernoulli", share = 1.2'), "between 0 and 1"),
        (
            ("value = 1.0", 'value = -1.0, distribution = "lognormal", spread = 0.1'),
            "median must be above 0",
        ),
        (
            ("value = 1.0", 'value = 1.0, distribution = "logitnormal", spread = 0.1'),
            "must lie between 0 and 1",
        ),
        (("value = 1.0", "value = 1.0, low = 2.0"), "only a continuous distribution"),
        (
            ("value = 1.0", 'value = 1.0, low = 2.0, distribution = "normal", spread = 0.1'),
            "between low and high",
        ),
        (('unit = "1"', 'unit = "1", role = "trait"'), "needs a distribution"),
        (("value = 1.0", "value = 1.0, uncertainty = -0.1"), "must not be negative"),
        (('note = "A note."', 'note = "a note"'), "must be a sentence"),
    ],
)
def test_a_broken_card_is_refused_with_the_reason(change, said):
    assert CARD.replace(*change) != CARD
    assert any(said in problem for problem in _problems(CARD.replace(*change)))


def test_all_broken_cards_are_reported_together():
    lines = "\n".join(
        [
            CARD.replace("x =", "a =").replace('grade = "assumed"', 'grade = "seen"'),
            CARD.replace("x =", "b =").replace('note = "A note."', 'note = ""'),
            CARD.replace("x =", "c =").replace("value = 1.0, ", ""),
            "[model.immunity]",
            CARD.replace("x =", "a ="),
            "[other]",
        ]
    )
    problems = _problems(lines)
    assert len(problems) == 5
    assert any("also in [model.liver]" in problem for problem in problems)
    assert any("unknown table" in problem for problem in problems)


def test_text_that_is_not_toml_is_refused():
    assert "must be TOML" in _problems("x = [")[0]


def test_antimony_files_hold_no_parameter_values():
    # Numbers live in cards: in the equations only whole numbers (powers, counts) and initial zeros stand.
    for path in sorted(FOLDER.glob("*.ant")):
        if path.name == "patient.ant":
            continue
        code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        code = re.sub(r"do_\w+ > 0\.5|1e9", "", code)
        assert not re.findall(r"(?<![\w.])\d+\.\d+", code), path.name


def test_default_initial_state_is_a_quiet_liver_at_rest():
    spec = load_patient_model()
    initial = dict(zip(spec.states, spec.initial_state, strict=True))
    assert initial["healthy_cells"] == 1
    assert initial["infected_cells"] == 0
    carrier = np.array(spec.default_parameters)[None, :]
    carrier[0, spec.parameters.index("hbv")] = 1.0
    share = carrier[0, spec.parameters.index("infected_share")]
    state = dict(zip(spec.states, spec.initial_states(carrier)[0], strict=True))
    assert state["infected_cells"] == pytest.approx(share)
    assert state["healthy_cells"] == pytest.approx(1 - share)


def test_a_unit_that_the_text_does_not_define_is_refused_with_those_it_does(monkeypatch):
    cards = load_cards()
    wrong = {**cards.model, "turnover": cards.model["turnover"].model_copy(update={"unit": "1/fortnight"})}
    monkeypatch.setattr(model.cards, "load_cards", lambda: replace(cards, model=wrong))
    model.load_patient_model.cache_clear()
    try:
        (problem,) = model.check()
    finally:
        model.load_patient_model.cache_clear()
    assert problem.place == "parameters.toml turnover.unit"
    assert "1/day" in problem.allowed


def test_the_check_stays_callable_after_the_model_was_loaded():
    load_patient_model()
    assert model.check() == ()
