"""The engine against solutions that can be written down, for the plain and the compiled implementation."""

import numpy as np
import pytest
from engine_cases import DECAY, ENGINES, run, spec_of, thresholds_for

from hepatrial.engine import Impulses, Status

TIGHT = 1e-8
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def test_exponential_decay_at_the_visits(engine):
    visits = [0.0, 0.5, 3.0, 10.0]
    result = run(engine, spec_of(DECAY), visits=visits, outputs=["x", "twice"], rtol=TIGHT)
    exact = 2 * np.exp(-0.3 * np.array(visits))
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-6)
    np.testing.assert_allclose(result.values[0, :, 1], 2 * exact, rtol=1e-6)
    assert result.status.tolist() == [Status.COMPLETED]
    np.testing.assert_allclose(result.end_state[0], [exact[-1]], rtol=1e-6)


def test_impulses_superpose(engine):
    spec = spec_of(DECAY)
    give = spec.actions.index("give")
    doses = Impulses([0, 0, 0], [6.0, 2.0, 2.0], [give] * 3, [5.0, 1.0, 0.5])
    visits = np.array([1.0, 3.0, 7.0, 9.9])
    result = run(engine, spec, visits=visits, impulses=doses, outputs=["x"], rtol=TIGHT)
    exact = 2 * np.exp(-0.3 * visits)
    for time, amount in ((2.0, 1.5), (6.0, 5.0)):
        exact += np.where(visits > time, amount * np.exp(-0.3 * (visits - time)), 0)
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-6)


def test_a_visit_at_the_time_of_a_dose_reports_the_value_before_it(engine):
    spec = spec_of(DECAY)
    doses = Impulses([0, 0], [0.0, 4.0], [spec.actions.index("give")] * 2, [1.0, 10.0])
    result = run(engine, spec, visits=[0.0, 4.0, 4.5], impulses=doses, outputs=["x"], rtol=TIGHT)
    before = 3 * np.exp(-1.2)
    exact = [2, before, (before + 10) * np.exp(-0.15)]
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-6)


def test_impulses_at_one_time_act_in_the_order_of_the_table(engine):
    spec = spec_of(DECAY)
    give, clear = spec.actions.index("give"), spec.actions.index("clear")
    first = Impulses([0, 0], [1.0, 1.0], [give, clear], [1.0, 0.5])
    second = Impulses([0, 0], [1.0, 1.0], [clear, give], [0.5, 1.0])
    x = 2 * np.exp(-0.3)
    for impulses, after in ((first, (x + 1) / 2), (second, x / 2 + 1)):
        result = run(engine, spec, impulses=impulses, end=2.0, rtol=TIGHT)
        np.testing.assert_allclose(result.end_state[0], [after * np.exp(-0.3)], rtol=1e-6)


def test_an_impulse_at_the_horizon_does_not_act(engine):
    spec = spec_of(DECAY)
    dose = Impulses([0], [10.0], [spec.actions.index("give")], [50.0])
    result = run(engine, spec, impulses=dose, rtol=TIGHT)
    np.testing.assert_allclose(result.end_state[0], [2 * np.exp(-3)], rtol=1e-6)


def test_with_a_constant_hazard_the_event_comes_at_threshold_over_hazard(engine):
    spec = spec_of(DECAY)
    theta = np.array([[0.05], [0.37], [0.999], [1.2]])
    thresholds = thresholds_for(spec, 4, death=theta)
    result = run(engine, spec, n=4, thresholds=thresholds, visits=np.arange(11.0), outputs=["x"], rtol=TIGHT)
    np.testing.assert_allclose(result.events["time"], [0.5, 3.7, 9.99], atol=1e-8)
    assert result.events["patient"].tolist() == [0, 1, 2]
    assert result.status.tolist() == [Status.ENDED] * 3 + [Status.COMPLETED]
    np.testing.assert_allclose(result.end_time, [0.5, 3.7, 9.99, 10.0], atol=1e-8)
    seen = ~np.isnan(result.values[:, :, 0])
    assert seen.sum(axis=1).tolist() == [1, 4, 10, 11]
    assert result.end_state[0, 0] == 100  # the terminal event's assignments are done
    np.testing.assert_allclose(result.end_cumulative_hazards[:, 0], [0.05, 0.37, 0.999, 1.0], atol=1e-8)


def test_of_two_causes_the_earlier_one_strikes(engine):
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, 2, death=[[0.5], [0.9]], relapse=[[1.2], [1.2]])
    thresholds = np.concatenate([thresholds, np.full_like(thresholds, np.inf)], axis=2)
    result = run(engine, spec, n=2, thresholds=thresholds, rtol=TIGHT)
    names = [(int(e["patient"]), spec.causes[e["cause"]]) for e in result.events]
    assert names == [(0, "death"), (1, "relapse"), (1, "death")]
    np.testing.assert_allclose(result.events["time"], [5, 6, 9], atol=1e-8)


def test_recurrent_events_come_at_the_partial_sums_and_each_jumps(engine):
    spec = spec_of(DECAY)
    increments = np.array([[0.3, 0.5, 0.2, 7.0]])
    thresholds = thresholds_for(spec, 1, 4, relapse=increments)
    result = run(engine, spec, thresholds=thresholds, visits=[1.4, 4.1, 9.0], outputs=["x"], rtol=TIGHT)
    times = np.cumsum(increments[0, :3]) / 0.2
    np.testing.assert_allclose(result.events["time"], times, atol=1e-8)
    visits = np.array([1.4, 4.1, 9.0])
    exact = 2 * np.exp(-0.3 * visits)
    for time in times:
        exact += np.where(visits > time, np.exp(-0.3 * (visits - time)), 0)
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-6)
    assert result.end_occurrences.tolist() == [[0, 3]]


def test_an_event_that_is_already_due_happens_at_once_and_after_the_visit(engine):
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, 1, 3, relapse=[[0.5, 0.1, np.inf]])
    result = run(
        engine,
        spec,
        thresholds=thresholds,
        visits=[0.0],
        cumulative_hazards=[[0.0, 0.7]],
        outputs=["x"],
        rtol=TIGHT,
    )
    assert result.events["time"].tolist() == [0.0, 0.0]
    assert result.values[0, 0, 0] == 2
    np.testing.assert_allclose(result.end_state[0], [4 * np.exp(-3)], rtol=1e-6)


PIECEWISE = """
model steps()
  early = 0.05; late = 0.4; change = 6;
  H_death = 0; H_death' = piecewise(early, time < change, late);
  theta_death = 1e9; ended = 0;
  x = 1; x' = 0*x;
  at (H_death >= theta_death): ended = 1;
end
"""


def test_a_hazard_that_steps_up_in_time(engine):
    spec = spec_of(PIECEWISE)
    theta = np.array([[0.2], [0.29], [0.31], [1.1]])
    result = run(engine, spec, n=4, thresholds=theta[:, :, None], rtol=1e-9)
    exact = np.where(theta < 0.3, theta / 0.05, 6 + (theta - 0.3) / 0.4)[:, 0]
    np.testing.assert_allclose(result.events["time"], exact, atol=1e-5)


FADING = """
model fading()
  k = 0.5; h = 0.8;
  x = 1; x' = -k*x;
  H_death = 0; H_death' = h*x;
  theta_death = 1e9; ended = 0;
  at (H_death >= theta_death): ended = 1;
end
"""


@pytest.mark.parametrize(("rtol", "minutes"), [(1e-4, 1.0), (1e-8, 1e-3)])
def test_a_hazard_that_follows_a_decaying_state(engine, rtol, minutes):
    spec = spec_of(FADING)
    theta = np.array([0.1, 0.9, 1.5, 1.59, 1.61])
    result = run(engine, spec, n=5, thresholds=theta[:, None, None], end=20.0, rtol=rtol)
    # H(t) = h/k (1 - exp(-k t)) never exceeds 1.6
    exact = -np.log1p(-theta[:4] * 0.5 / 0.8) / 0.5
    assert result.status.tolist() == [Status.ENDED] * 4 + [Status.COMPLETED]
    # A late time is badly determined: dt = dH/h(t).
    slack = minutes / 1440 / np.exp(-0.5 * exact)
    assert (np.abs(result.events["time"] - exact) < slack).all()


FORCED = "model forced()\n a = 0.7; x = 1; x' = -a*x + time;\nend"


def test_a_rate_that_names_time(engine):
    visits = np.array([0.3, 2.0, 9.0])
    result = run(engine, spec_of(FORCED), visits=visits, rtol=TIGHT)
    exact = visits / 0.7 - 1 / 0.49 + (1 + 1 / 0.49) * np.exp(-0.7 * visits)
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-6)


ROBERTSON = """
model robertson()
  k1 = 0.04; k2 = 3e7; k3 = 1e4;
  a = 1; b = 0; c = 0;
  a' = -k1*a + k3*b*c;
  b' = k1*a - k3*b*c - k2*b^2;
  c' = k2*b^2;
end
"""


def test_robertson_problem_reaches_its_published_values(engine):
    # Values as printed by the CVODE example program cvRoberts_dns (Hindmarsh et al. 2005).
    result = run(engine, spec_of(ROBERTSON), visits=[0.4, 40.0], end=40.0, rtol=1e-7)
    reference = [[9.8517e-1, 3.3864e-5, 1.4794e-2], [7.1583e-1, 9.1855e-6, 2.8416e-1]]
    np.testing.assert_allclose(result.values[0], reference, rtol=2e-5)


def test_courses_without_states_hazards_or_visits_are_possible(engine):
    spec = spec_of("model empty()\n k = 1; z := 2*k;\nend")
    result = run(engine, spec, n=3, visits=[0.0, 1.0], end=1.0)
    assert result.values[:, :, 0].tolist() == [[2.0, 2.0]] * 3
    assert result.status.tolist() == [0, 0, 0]


def test_a_course_of_no_length_still_has_its_visit_and_its_due_events(engine):
    spec = spec_of(DECAY)
    thresholds = thresholds_for(spec, 2, death=[[0.5], [np.inf]])
    dose = Impulses([0, 1], [0.0, 0.0], [spec.actions.index("give")] * 2, [1.0, 1.0])
    hazards = [[0.6, 0.0]] * 2
    options = {"thresholds": thresholds, "cumulative_hazards": hazards, "impulses": dose, "outputs": ["x"]}
    result = run(engine, spec, n=2, visits=[0.0], end=0.0, **options)
    assert result.values[:, 0, 0].tolist() == [2, 2]
    assert result.status.tolist() == [Status.ENDED, Status.COMPLETED]
    assert result.events["time"].tolist() == [0.0]
    assert result.end_state[:, 0].tolist() == [100, 2]


def test_no_patients_give_an_empty_result(engine):
    spec = spec_of(DECAY)
    result = run(engine, spec, parameters=np.zeros((0, len(spec.parameters))), visits=np.zeros((0, 3)))
    assert result.values.shape == (0, 3, len(spec.outputs))
    assert len(result.events) == 0


@pytest.mark.parametrize("gap", [1e-15, 1e-13, 1e-10, 1e-6])
def test_impulses_an_instant_apart_both_act(engine, gap):
    spec = spec_of(DECAY)
    doses = Impulses([0, 0], [1.0, 1.0 + gap], [spec.actions.index("give")] * 2, [1.0, 2.0])
    result = run(engine, spec, visits=[1.0, 1.5], impulses=doses, end=1.0 + 1.0, outputs=["x"], rtol=TIGHT)
    first = 2 * np.exp(-0.3)
    assert result.values[0, :, 0] == pytest.approx([first, (first + 3) * np.exp(-0.15)], rel=1e-5)
    assert result.ok.all()
