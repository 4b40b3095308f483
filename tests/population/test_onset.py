"""Living through onset, on the patient model."""

import numpy as np
import pytest

from hepatrial.engine import Status
from hepatrial.population.candidates import draw_candidates
from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.eligibility import criteria, criteria_measures
from hepatrial.population.luck import thresholds
from hepatrial.population.machine import Machine
from hepatrial.population.observation import read_measures
from hepatrial.population.onset import OUTCOMES, live_through_onset
from hepatrial.protocol import load_protocol
from hepatrial.trial.run import patient_machine

N = 600
BROAD = {"population.exclude": [], "population.age.max": 75, "population.eligibility[2].max": 40}


def onset(settings=None, cards=None, n=N, seed=1, machine=None):
    protocol, _ = load_protocol("lin2017").with_settings({**BROAD, **(settings or {})})
    illness = make_illness(protocol, make_deck(cards), seed)
    return live_through_onset(machine or patient_machine(), illness, np.arange(1, n + 1)), illness


def count(result, outcome):
    return int(np.sum(result.outcome == OUTCOMES.index(outcome)))


@pytest.fixture(scope="module")
def spec():
    return patient_machine().spec


@pytest.fixture(scope="module")
def base():
    return onset()


def test_every_candidate_has_one_outcome_and_the_admitted_are_those_of_the_outcome(base):
    result, _ = base
    assert len(result.outcome) == N
    admitted = result.number[result.outcome == OUTCOMES.index("admitted")]
    assert np.array_equal(result.admitted.number, admitted)
    assert len(admitted) > 50
    assert count(result, "solver_failed") == 0


def test_the_admitted_meet_every_criterion_on_the_values_that_are_reported(base):
    result, illness = base
    column = {name: i for i, name in enumerate(illness.measures)}
    for criterion in criteria(illness.protocol):
        reported = result.admitted.measures[:, column[criterion.measure]]
        assert criterion.met(reported).all(), criterion.label


def test_the_two_looks_are_one_course(base, spec):
    """The state at randomisation is that of a single call with a visit every day."""
    result, illness = base
    numbers = result.admitted.number[:40]
    drawn = draw_candidates(spec, illness.deck, illness.seed, numbers, "hbv_aclf")
    days = np.tile(np.arange(200.0), (40, 1))
    whole = patient_machine().solve(
        drawn.parameters,
        drawn.initial,
        thresholds(illness.seed, "onset", spec.hazards, numbers),
        days,
        np.full(40, 199.0),
        outputs=spec.outputs,
    )
    at = whole.values[np.arange(40), result.admitted.day[:40]]
    state = at[:, : len(spec.states)]
    scale = np.abs(state) + spec.scales
    assert np.max(np.abs(state - result.admitted.state[:40]) / scale) < 1e-3
    hazards = at[:, len(spec.states) : len(spec.states) + len(spec.hazards)]
    assert np.allclose(hazards, result.admitted.cumulative_hazards[:40], rtol=2e-3, atol=1e-4)

    wanted = criteria_measures(illness.protocol)
    outputs = {name: whole.values[:, :, i] for i, name in enumerate(spec.outputs)}
    truth = read_measures(
        outputs, wanted, illness.clinic, drawn.column(spec, "age")[:, None], drawn.female[:, None]
    )
    eligible = np.logical_and.reduce([c.met(truth[c.measure]) for c in criteria(illness.protocol)])
    first = eligible.argmax(axis=1)
    assert np.array_equal(result.admitted.day[:40] - result.admitted.delay[:40], first)
    assert np.array_equal(first + drawn.delay + illness.wait, result.admitted.day[:40])


def test_a_candidate_has_the_same_fate_in_any_company(base):
    result, illness = base
    turned_away = result.number[result.outcome != OUTCOMES.index("admitted")][[1, 40]]
    some = np.sort(np.r_[result.admitted.number[3:6], turned_away])
    alone = live_through_onset(patient_machine(), illness, some)
    assert np.array_equal(alone.outcome, result.outcome[some - 1])
    assert np.array_equal(alone.admitted.state, result.admitted.state[3:6])
    assert np.array_equal(alone.admitted.measures, result.admitted.measures[3:6])


def test_those_who_never_qualify_are_told_apart_by_criterion(base):
    result, _ = base
    assert result.labels[0] == "age 18 to 75"
    never = np.isin(result.outcome, [OUTCOMES.index(o) for o in ("never_eligible", "died_first")])
    assert result.unmet[never].any()
    assert not result.unmet[result.outcome == OUTCOMES.index("admitted")].any()


def test_an_age_limit_makes_never_eligible_without_a_solve(base, spec):
    result, illness = onset({"population.age.max": 50})
    age = draw_candidates(spec, illness.deck, 1, result.number, "hbv_aclf").column(spec, "age")
    assert (result.outcome[age > 50] == OUTCOMES.index("never_eligible")).all()
    young = age <= 50
    assert np.array_equal(result.outcome[young], base[0].outcome[young])


def test_a_longer_wait_before_randomisation_loses_more(base):
    patient, _ = onset({"selection.screening_to_randomisation": "0 d"})
    slow, _ = onset({"selection.screening_to_randomisation": "14 d"})
    lost = ("died_before_randomisation", "left_before_randomisation")
    assert [count(patient, o) for o in lost] == [0, 0]
    assert sum(count(slow, o) for o in lost) > sum(count(base[0], o) for o in lost)
    assert count(slow, "admitted") < count(patient, "admitted")
    screened = ("admitted", *lost)
    totals = [sum(count(r, o) for o in screened) for r in (patient, base[0], slow)]
    assert totals[0] == totals[1] == totals[2]


def test_screening_failure_and_refusal_take_their_shares(base):
    result, _ = onset({"selection.screening_failure": 0.5, "selection.consent": 0.5})
    passed = sum(count(base[0], o) for o in OUTCOMES[4:] if o != "solver_failed")
    assert count(result, "screening_failure") == pytest.approx(passed / 2, abs=4 * np.sqrt(passed) / 2)
    assert count(result, "declined") == pytest.approx(passed / 4, abs=4 * np.sqrt(passed * 3 / 16))


def test_excluding_the_infected_moves_them_from_admitted_to_excluded(base):
    result, _ = onset({"population.exclude": ["infection_at_entry"]})
    assert base[0].admitted.infected.any()
    assert not result.admitted.infected.any()
    assert count(result, "excluded") > 0
    kept = np.isin(result.admitted.number, base[0].admitted.number)
    assert kept.all()


def test_a_protocols_referral_delay_replaces_the_cards(base):
    prompt, _ = onset({"selection.referral_delay": {"median": "1 d", "log_sd": 0.1}})
    wait = base[1].wait
    assert np.median(prompt.admitted.delay) == 1 + wait
    assert np.median(base[0].admitted.delay) > 8
    assert count(prompt, "died_first") < count(base[0], "died_first")


def test_a_setting_of_a_card_changes_who_falls_ill(base):
    milder, _ = onset(cards={"flare": 0.5})
    assert count(milder, "never_eligible") > count(base[0], "never_eligible")


def test_assay_error_is_that_of_screening_and_the_state_is_free_of_it(base):
    _, illness = base
    exact, _ = onset({"assay_noise": [{"measure": "alt", "cv": 0.0}]})
    column = illness.measures.index("alt")
    row = np.isin(base[0].admitted.number, exact.admitted.number)
    noisy, true = base[0].admitted.measures[row, column], exact.admitted.measures[:, column]
    assert np.std(np.log(noisy / true)) == pytest.approx(illness.clinic.assays["alt"].size, rel=0.4)
    assert np.array_equal(base[0].admitted.state[row], exact.admitted.state)


def test_a_failed_solve_is_an_outcome_and_not_an_exception():
    machine = patient_machine()

    def sometimes(*args, **kwargs):
        result = machine.solve(*args, **kwargs)
        result.status[::7] = Status.NOT_FINITE
        return result

    result, _ = onset(machine=Machine(machine.spec, sometimes))
    assert count(result, "solver_failed") >= N // 7
    assert len(result.outcome) == N
