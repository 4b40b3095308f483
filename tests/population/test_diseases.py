"""Classes of disease, causes, baselines by tag and reference cohorts."""

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.cards import _faults
from hepatrial.population.candidates import MOST_EXCRETED, draw_candidates
from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.diseases import card_of, draw_causes
from hepatrial.population.luck import thresholds
from hepatrial.population.onset import OUTCOMES, draw_ill, live_through_onset, settle
from hepatrial.population.reference import reference_names, reference_protocol
from hepatrial.population.tags import TAG_MEASURES, damico_stage, definition_tags
from hepatrial.protocol.definitions import DEFINITIONS
from hepatrial.protocol.diseases import CAUSES, CAUSES_OF, DISEASES
from hepatrial.protocol.protocol import protocol_from_dict
from hepatrial.trial.run import patient_machine

NUMBERS = np.arange(1, 4001)


@pytest.fixture(scope="module")
def spec():
    return load_patient_model()


def patient(**measures):
    healthy = {
        "bilirubin": 10.0, "inr": 1.0, "creatinine": 70.0, "he_grade": 0.0, "ascites_grade": 0.0,
        "map": 90.0, "vasopressor": 0.0, "pf_ratio": 450.0,
    }  # fmt: skip
    return {name: np.array([value]) for name, value in {**healthy, **measures}.items()}


def tags_of(cirrhosis=0.0, hbv=0.0, **measures):
    tags = definition_tags(patient(**measures), cirrhosis=np.array([cirrhosis]), hbv=np.array([hbv]))
    return {name for name, yes in tags.items() if yes[0]}


def test_a_healthy_person_carries_no_tag_and_a_carrier_none_either():
    assert tags_of() == set()
    assert tags_of(hbv=1.0) == set()


def test_one_patient_can_carry_several_tags():
    sick = tags_of(1.0, 1.0, bilirubin=300.0, inr=2.6, he_grade=1.0, ascites_grade=2.0)
    wanted = {"easl_clif", "apasl", "cossh", "chinese_medical_association", "decompensated_cirrhosis"}
    assert sick == wanted


def test_the_chinese_definition_asks_no_organ_failure_and_easl_clif_no_bilirubin():
    assert tags_of(0.0, 1.0, bilirubin=180.0, inr=1.6) == {
        "chinese_medical_association",
        "acute_liver_injury",
    }
    kidney = tags_of(1.0, 0.0, creatinine=200.0, ascites_grade=1.0)
    assert kidney == {"easl_clif", "decompensated_cirrhosis"}


def test_acute_failure_is_told_from_injury_by_encephalopathy_and_from_chronic_disease_by_scar():
    assert tags_of(inr=2.0, he_grade=2.0) == {"acute_liver_failure"}
    assert tags_of(inr=2.0) == {"acute_liver_injury"}
    assert "acute_liver_failure" not in tags_of(1.0, inr=2.0, he_grade=2.0)
    assert tags_of(1.0) == {"compensated_cirrhosis"}


def test_a_missing_bilirubin_gives_no_tag():
    assert tags_of(1.0, 1.0, bilirubin=np.nan, inr=3.0, ascites_grade=3.0, he_grade=3.0) == set()


def test_stages_of_cirrhosis_follow_damico():
    stage = damico_stage(
        portal_pressure=np.array([0.4, 0.6, 0.6, 0.6, 0.6, 0.6]),
        bled=np.array([0, 0, 1, 0, 1, 0]),
        ascites_grade=np.array([0, 0, 0, 1, 1, 1]),
        he_grade=np.array([0, 0, 0, 0, 0, 1]),
        bilirubin=np.full(6, 15.0),
    )
    assert stage.tolist() == [1, 2, 3, 4, 5, 5]


def test_every_class_has_causes_that_it_allows_and_shares_that_add_up():
    for name, kind in DISEASES.items():
        assert set(kind.usual_mix) <= set(CAUSES_OF[name])
        assert sum(kind.usual_mix.values()) == pytest.approx(1)


def test_every_cause_of_every_class_can_be_drawn(spec):
    for disease, causes in CAUSES_OF.items():
        for cause in causes:
            drawn = draw_candidates(spec, make_deck(), 1, NUMBERS[:50], disease, causes={cause: 1.0})
            assert (drawn.cause == CAUSES.index(cause)).all()
            assert (drawn.column(spec, "hbv") == (cause == "hbv")).all()
            assert np.isfinite(drawn.initial).all()


def test_half_of_the_candidates_have_the_told_mix_and_half_every_cause_alike():
    mix = {"paracetamol": 0.2, "drug": 0.8}
    codes = draw_causes(3, NUMBERS, "acute_liver_failure", mix)
    assert np.mean(codes == CAUSES.index("drug")) == pytest.approx((0.8 + 0.5) / 2, abs=0.02)
    assert np.array_equal(codes[10:20], draw_causes(3, NUMBERS[10:20], "acute_liver_failure", mix))


def test_acute_failure_has_no_scar_and_an_insult_unless_a_virus_does_it(spec):
    drawn = draw_candidates(spec, make_deck(), 1, NUMBERS, "acute_liver_failure")
    insult = drawn.column(spec, "insult_size")
    assert (drawn.column(spec, "cirrhosis") == 0).all()
    assert np.array_equal(insult > 0, drawn.cause != CAUSES.index("hbv"))


def test_age_and_sex_are_those_of_the_cause(spec):
    deck = make_deck()
    for cause in ("paracetamol", "ischaemia"):
        drawn = draw_candidates(spec, deck, 1, NUMBERS, "acute_liver_failure", causes={cause: 1.0})
        assert drawn.female.mean() == pytest.approx(deck.value(f"women_{cause}"), abs=0.03)
        assert drawn.column(spec, "age").mean() == pytest.approx(deck.value(f"age_{cause}"), abs=2.5)


def test_chronic_classes_are_quiet_scarred_and_go_on_scarring(spec):
    for disease in ("decompensated_cirrhosis", "compensated_cirrhosis"):
        drawn = draw_candidates(spec, make_deck(), 1, NUMBERS[:500], disease)
        assert (drawn.column(spec, "cirrhosis") == 1).all()
        assert (drawn.column(spec, "insult_size") == 0).all()
        assert (drawn.column(spec, "tolerance_lost") == 0).all()
        assert (drawn.column(spec, "scarring") > 0).all()
    worse = draw_candidates(spec, make_deck(), 1, NUMBERS[:500], "decompensated_cirrhosis")
    living = dict(zip(spec.states, worse.initial.T, strict=True))["healthy_cells"]
    assert np.median(living) < 0.8


def test_older_patients_are_frailer_in_more_than_one_organ(spec):
    drawn = draw_candidates(spec, make_deck(), 1, NUMBERS, "hbv_aclf")
    age = drawn.column(spec, "age")
    for trait in ("frailty", "kidney_sensitivity", "brain_sensitivity"):
        assert np.corrcoef(age, np.log(drawn.column(spec, trait)))[0, 1] > 0.08, trait


@pytest.mark.parametrize("tag", sorted(DEFINITIONS))
def test_each_tag_has_a_baseline_of_its_own_and_moves_no_other(spec, tag):
    numbers = NUMBERS[:5]
    for scale, parameter in (("death_scale", "death_base"), ("infection_scale", "infection_base")):
        deck = make_deck({f"{scale}_{tag}": 0.123})
        base = deck.value(parameter)
        for other in DEFINITIONS:
            drawn = draw_candidates(spec, deck, 1, numbers, "hbv_aclf", definition=other)
            expected = 0.123 if other == tag else deck.value(f"{scale}_{other}")
            assert np.allclose(drawn.column(spec, parameter), expected * base), (tag, other)


def test_acute_on_chronic_failure_on_cirrhosis_has_a_factor_of_its_own_beside_the_tag(spec):
    deck = make_deck({"death_scale_on_cirrhosis": 0.5})
    there = draw_candidates(spec, deck, 1, NUMBERS[:5], "aclf", definition="easl_clif")
    elsewhere = draw_candidates(spec, deck, 1, NUMBERS[:5], "hbv_aclf", definition="easl_clif")
    ratio = there.column(spec, "death_base") / elsewhere.column(spec, "death_base")
    assert np.allclose(ratio, 0.5)


def test_under_apasl_that_factor_has_a_card_of_its_own(spec):
    one, two = make_deck(), make_deck({"death_scale_on_cirrhosis_apasl": 0.5})
    for tag in ("apasl", "easl_clif"):
        base, changed = (
            draw_candidates(spec, deck, 1, NUMBERS[:5], "aclf", definition=tag).column(spec, "death_base")
            for deck in (one, two)
        )
        expected = 0.5 / one.value("death_scale_on_cirrhosis_apasl") if tag == "apasl" else 1.0
        assert np.allclose(changed / base, expected)


@pytest.mark.parametrize(
    ("card", "parameter", "disease"),
    [
        ("infection_scale_on_cirrhosis", "infection_base", "aclf"),
        ("vitamin_k_stores_acute_liver_failure", "vitamin_k_lost_without_bile", "acute_liver_failure"),
        ("cholestasis_aclf", "cholestasis", "aclf"),
        ("synthesis_half_aclf", "synthesis_half", "aclf"),
        ("infection_background_aclf", "infection_background", "aclf"),
        ("kidney_aclf", "kidney_sensitivity", "aclf"),
        ("synthesis_half_decompensated_cirrhosis", "synthesis_half", "decompensated_cirrhosis"),
        ("haem_breakdown_decompensated_cirrhosis", "haem_breakdown", "decompensated_cirrhosis"),
        ("room_lost_decompensated_cirrhosis", "room_lost_to_scar", "decompensated_cirrhosis"),
        ("infection_severity_aclf", "infection_severity", "aclf"),
        ("infection_severity_decompensated_cirrhosis", "infection_severity", "decompensated_cirrhosis"),
        ("infection_severity_compensated_cirrhosis", "infection_severity", "compensated_cirrhosis"),
    ],
)
def test_a_factor_of_a_class_scales_its_parameter_there_and_nowhere_else(spec, card, parameter, disease):
    one, two = make_deck({card: 0.3}), make_deck({card: 0.6})
    for other in DISEASES:
        before, after = (
            draw_candidates(spec, deck, 1, NUMBERS[:50], other, definition="easl_clif") for deck in (one, two)
        )
        ratio = after.column(spec, parameter) / before.column(spec, parameter)
        assert np.allclose(ratio, 2.0 if other == disease else 1.0), other
        same = np.delete(after.parameters, spec.parameters.index(parameter), axis=1)
        assert np.array_equal(same, np.delete(before.parameters, spec.parameters.index(parameter), axis=1))


def test_people_after_decompensation_differ_more_in_scar_than_others(spec):
    """The power leaves the median, widens the logarithms about it, and touches no other class."""
    one, two = (
        make_deck({"scar_spread_decompensated_cirrhosis": power, "scar_decompensated_cirrhosis": 1.0})
        for power in (1.0, 1.5)
    )
    for disease in DISEASES:
        narrow, wide = (
            np.log(draw_candidates(spec, deck, 1, NUMBERS, disease).column(spec, "collagen_factor"))
            for deck in (one, two)
        )
        if disease == "decompensated_cirrhosis":
            assert np.allclose(wide, 1.5 * narrow)
            assert abs(np.median(wide)) < 0.02
        else:
            assert np.array_equal(wide, narrow)


def test_scar_takes_no_more_than_the_whole_liver(spec):
    deck = make_deck({"room_lost_to_scar": 0.9, "room_lost_decompensated_cirrhosis": 1.6})
    drawn = draw_candidates(spec, deck, 1, NUMBERS[:500], "decompensated_cirrhosis")
    assert (drawn.column(spec, "room_lost_to_scar") == 1.0).all()
    assert (dict(zip(spec.states, drawn.initial.T, strict=True))["healthy_cells"] > 0.0).all()


@pytest.mark.parametrize("cause", ["drug", "autoimmune", "other"])
def test_a_scarred_liver_fails_by_an_insult_of_its_own(spec, cause):
    small = make_deck({f"insult_{cause}_aclf": 1e-6, f"insult_{cause}": 2.0})
    for disease, low, high in (("aclf", 0.0, 1e-3), ("acute_liver_failure", 0.1, np.inf)):
        drawn = draw_candidates(spec, small, 1, NUMBERS[:200], disease, causes={cause: 1.0})
        size = drawn.column(spec, "insult_size")
        assert ((size > low) & (size < high)).all(), disease


def test_people_with_acute_failure_differ_in_how_many_injured_cells_they_lose(spec):
    card = "salvage_acute_liver_failure"
    deck = make_deck({card: 0.4, f"{card}.spread": 0.9})
    lost = draw_candidates(spec, deck, 1, NUMBERS, "acute_liver_failure").column(spec, "injured_death")
    relative = np.log(lost / deck.value("injured_death"))
    assert np.median(relative) == pytest.approx(np.log(0.4), abs=0.05)
    assert np.std(relative) == pytest.approx(0.9, rel=0.05)
    for other in ("hbv_aclf", "aclf", "decompensated_cirrhosis"):
        chronic = draw_candidates(spec, deck, 1, NUMBERS[:50], other).column(spec, "injured_death")
        assert np.array_equal(chronic, np.full(50, deck.value("injured_death")))


def test_the_chinese_definition_is_the_one_that_the_base_was_fitted_under():
    assert make_deck().value("death_scale_chinese_medical_association") == 1.0
    assert make_deck().value("infection_scale_chinese_medical_association") == 1.0


@pytest.mark.parametrize("name", reference_names())
def test_a_reference_cohort_admits_patients_who_carry_its_tag(spec, name):
    protocol = reference_protocol(name)
    illness = make_illness(protocol, make_deck(), 5)
    illness = type(illness)(
        protocol, illness.deck, illness.clinic, 5, tuple(dict.fromkeys((*illness.measures, *TAG_MEASURES)))
    )
    onset = live_through_onset(patient_machine(), illness, np.arange(1, 257))
    assert np.sum(onset.outcome == OUTCOMES.index("solver_failed")) == 0
    assert len(onset.admitted) > 8
    measures = {m: onset.admitted.measures[:, illness.measures.index(m)] for m in TAG_MEASURES}
    drawn = draw_ill(spec, illness, onset.admitted.number)
    tags = definition_tags(
        measures, cirrhosis=drawn.column(spec, "cirrhosis"), hbv=np.ones(len(onset.admitted))
    )
    assert tags[protocol.identity.definition].all() or protocol.identity.definition.startswith("acute")


def test_a_reference_cohort_can_be_asked_for_by_cause_definition_delay_and_length():
    plain = reference_protocol("alf_other")
    changed = reference_protocol(
        "alf_other", cause="drug", definition="acute_liver_injury", referral_days=3, days=56
    )
    assert changed.population.cause_shares == {"drug": 1.0}
    assert changed.identity.definition == "acute_liver_injury"
    assert changed.selection.referral_delay.median == 3
    assert (plain.follow_up.length, changed.follow_up.length) == (21, 56)


@pytest.mark.parametrize("cause", ["paracetamol", "ischaemia"])
def test_what_injures_the_kidney_too_raises_creatinine(spec, cause):
    plain, harmed = (
        draw_candidates(spec, deck, 1, NUMBERS[:50], "acute_liver_failure", causes={cause: 1.0})
        for deck in (make_deck({f"kidney_{cause}": 1.0}), make_deck({f"kidney_{cause}": 8.0}))
    )
    ratio = {
        n: harmed.column(spec, n) / plain.column(spec, n) for n in ("kidney_sensitivity", "frailty", "age")
    }
    assert np.allclose(ratio.pop("kidney_sensitivity"), 8.0)
    assert np.allclose(list(ratio.values()), 1.0)


def test_kidney_injury_that_brings_acute_on_chronic_failure_heals_with_its_time(spec):
    """Two worlds that differ by one card; a closed form for its healing while nothing else strikes."""
    share, size = "precipitating_kidney_injury_share_aclf", "precipitating_kidney_injury_size"
    with_it, without = (make_deck({share: p, f"{size}.spread": 0.01}) for p in (0.999999, 0.000001))
    column = spec.states.index("kidney_injury")
    hit, spared = (draw_candidates(spec, deck, 1, NUMBERS[:40], "aclf") for deck in (with_it, without))
    assert np.allclose(hit.initial[:, column], with_it.value(size), rtol=0.05)
    assert np.all(spared.initial[:, column] == 0.0)
    assert np.array_equal(hit.parameters, spared.parameters)
    elsewhere = draw_candidates(spec, with_it, 1, NUMBERS[:40], "hbv_aclf")
    assert np.all(elsewhere.initial[:, column] == 0.0)
    days = np.tile([0.0, 10.0], (40, 1))
    never = np.full((40, len(spec.hazards), 1), np.inf)
    shown = (
        patient_machine()
        .solve(hit.parameters, hit.initial, never, days, days[:, 1], outputs=("kidney_injury", "creatinine"))
        .values
    )
    healed = np.exp(-10.0 / with_it.value("kidney_injury_time"))
    assert np.allclose(shown[:, 1, 0] / shown[:, 0, 0], healed, rtol=1e-3)


def test_nothing_precipitates_a_compensated_cirrhosis(spec):
    deck = make_deck({"precipitating_infection_share": 0.9999})
    infected = {
        disease: draw_candidates(spec, deck, 1, NUMBERS[:200], disease).column(spec, "infection_at_onset") > 0
        for disease in ("hbv_aclf", "compensated_cirrhosis")
    }
    assert infected["hbv_aclf"].all()
    assert not infected["compensated_cirrhosis"].any()


def test_what_precipitates_a_decompensation_comes_after_the_chronic_liver_has_settled():
    """Infected at admission are those whose illness began with an infection."""
    card, protocol = "precipitating_infection_share", reference_protocol("decompensated_cirrhosis")
    share = {}
    for begins in (1e-6, 1.0 - 1e-6):
        deck = make_deck({f"{card}_decompensated_cirrhosis": begins})
        onset = live_through_onset(patient_machine(), make_illness(protocol, deck, 5), np.arange(1, 257))
        share[begins] = onset.admitted.infected.mean()
        assert len(onset.admitted) > 100
    few, many = share.values()
    assert few < 0.2
    assert many > few + 0.4


def test_the_settled_liver_is_at_rest_and_nothing_has_struck_it(spec):
    protocol = reference_protocol("compensated_cirrhosis")
    illness = make_illness(protocol, make_deck(), 5)
    drawn = draw_ill(spec, illness, np.arange(1, 65))
    settled = settle(patient_machine(), illness, drawn)
    later = settle(patient_machine(), illness, settled)
    first, second = (np.abs(b.initial - a.initial) for a, b in ((drawn, settled), (settled, later)))
    for name, left in (("albumin", 0.5), ("factor_two", 0.1), ("ammonia", 0.1)):
        i = spec.states.index(name)  # albumin turns over in 25 days: a month leaves a third and more
        assert second[:, i].mean() < left * first[:, i].mean(), name
    assert np.all(settled.initial[:, spec.states.index("infection")] == 0.0)
    acute = make_illness(reference_protocol("alf_other"), make_deck(), 5)
    assert settle(patient_machine(), acute, drawn) is drawn


def test_a_whole_liver_can_excrete_what_is_made_however_much_blood_breaks_down(spec):
    deck = make_deck({"haem_breakdown": 9.0, "haem_breakdown.spread": 1.0})
    drawn = draw_candidates(spec, deck, 1, NUMBERS, "hbv_aclf")
    used = drawn.column(spec, "haem_breakdown") * drawn.column(spec, "bilirubin_production_per_kg")
    assert np.max(used / drawn.column(spec, "secretion_max_per_kg")) == pytest.approx(MOST_EXCRETED)
    assert drawn.initial[:, spec.states.index("bilirubin_conjugated_amount")].min() > 0.0


def test_an_unknown_reference_cohort_is_refused_with_the_nearest_name():
    with pytest.raises(BadInput) as caught:
        reference_protocol("alf_paracetamole")
    assert "alf_paracetamol" in caught.value.problems[0].sentence()


@pytest.mark.parametrize(
    ("causes", "said"),
    [
        ([{"cause": "paracetamol", "share": "100 %"}], "one of hbv"),
        ([{"cause": "hbv", "share": "50 %"}], "add up to 100 %"),
        ([{"cause": "hbv", "share": "50 %"}, {"cause": "hbv", "share": "50 %"}], "each cause once"),
    ],
)
def test_causes_that_cannot_be_are_refused(causes, said):
    data = reference_protocol("hbv_aclf_cma").as_dict()
    data["population"]["causes"] = causes
    with pytest.raises(BadInput) as caught:
        protocol_from_dict(data)
    assert any(said in problem.sentence() for problem in caught.value.problems)


DEFINITIONS_AND_DEVICES = {
    "eligibility_window", "referral_delay_cap", "settling_time",
    "death_scale_chinese_medical_association", "infection_scale_chinese_medical_association",
}  # fmt: skip
"""Population cards without a width: limits of what is followed, and 1 by definition."""


def test_no_population_card_is_without_a_source_a_sentence_and_a_width():
    deck, references = make_deck(), load_cards().references
    for name, card in {**deck.population, **deck.assay}.items():
        assert list(_faults(card, references)) == [], name
        assert card.uncertainty > 0 or name in DEFINITIONS_AND_DEVICES, name


def test_every_tag_and_every_drawn_cause_has_its_cards():
    cards = make_deck().population
    for tag in DEFINITIONS:
        assert {f"death_scale_{tag}", f"infection_scale_{tag}"} <= set(cards)
    for cause in set(CAUSES_OF["acute_liver_failure"]):
        wanted = {f"age_{cause}", f"women_{cause}"}
        wanted |= set() if cause == "hbv" else {f"insult_{cause}", f"insult_decay_{cause}"}
        assert wanted <= set(cards), cause


def test_a_class_goes_before_the_common_card():
    deck = make_deck()
    assert card_of(deck, "referral_delay", "aclf") == "referral_delay_aclf"
    assert card_of(deck, "referral_delay", "hbv_aclf") == "referral_delay"


def test_no_antiviral_costs_lives_within_the_published_interval_or_more():
    """Antiviral against none at 90 d, same patients and luck: RR 0.68 (0.54 to 0.84), used as a bound."""
    protocol = reference_protocol("hbv_aclf_cma")
    illness, machine = make_illness(protocol, make_deck(), 7), patient_machine()
    spec = machine.spec
    admitted = live_through_onset(machine, illness, np.arange(1, 1025)).admitted
    parameters = draw_ill(spec, illness, admitted.number).parameters.copy()
    parameters[:, spec.parameters.index("in_hospital")] = 1.0
    n, dead = len(admitted), {}
    for treated in (0.0, 1.0):
        parameters[:, spec.parameters.index("antiviral")] = treated
        luck = thresholds(7, "course", spec.hazards, admitted.number)
        result = machine.solve(
            parameters, admitted.state, luck, np.zeros((n, 1)), np.full(n, 90.0), outputs=("tnf",)
        )
        dead[treated] = np.mean(result.end_time < 90.0)
    assert 0.5 < dead[1.0] / dead[0.0] < 0.9
