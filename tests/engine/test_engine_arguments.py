"""Bad arguments are reported all at once, and every optional argument changes something."""

import dataclasses
import threading

import numpy as np
import pytest
from engine_cases import DECAY, ENGINES, compiled, run, spec_of, thresholds_for

from hepatrial.engine import Impulses, Status, compile_model, simulate
from hepatrial.errors import BadInput

SPEC = spec_of(DECAY)
GIVE = SPEC.actions.index("give")


def places(error):
    return [problem.place for problem in error.value.problems]


def test_every_problem_is_reported_together():
    with pytest.raises(BadInput) as error:
        simulate(
            compiled(SPEC, 1),
            np.full((2, len(SPEC.parameters)), np.nan),
            np.zeros((2, 5)),
            -np.ones((2, 2, 1)),
            [[3.0, 1.0], [np.nan, -2.0]],
            [np.inf, -1.0],
            Impulses([0, 9], [-1.0, 1.0], [0, 77], [1.0, np.nan]),
            cumulative_hazards=[[0.0, -1.0]] * 2,
            occurrences=[[0.5, 0.0]] * 2,
            outputs=["x", "twiec"],
            rtol=7.0,
            max_steps=0,
        )
    expected = {
        "parameters[0, 0]", "initial", "thresholds[0, 0, 0]", "visits[0, 1]", "visits[1, 1]", "end[0]",
        "impulses.patient[1]", "impulses.time[0]", "impulses.action[1]", "impulses.amount[1]",
        "cumulative_hazards[0, 1]", "occurrences[0, 0]", "outputs", "rtol", "max_steps",
    }  # fmt: skip
    assert expected <= set(places(error))
    (name,) = [p for p in error.value.problems if p.place == "outputs"]
    assert name.nearest == "twice"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_table_without_room_for_the_next_occurrence_is_refused(engine):
    with pytest.raises(BadInput) as error:
        run(engine, SPEC, thresholds=thresholds_for(SPEC, 1, 2), occurrences=[[0, 2]])
    assert places(error) == ["thresholds"]


def test_lanes_and_threads_out_of_range_are_refused():
    with pytest.raises(BadInput):
        compile_model(SPEC, lanes=3)
    with pytest.raises(BadInput):
        run("one lane", SPEC, threads=0)


@pytest.mark.parametrize("engine", ENGINES)
class TestEachOptionalArgument:
    def test_impulses(self, engine):
        plain = run(engine, SPEC, visits=[5.0], outputs=["x"]).values
        dosed = run(engine, SPEC, visits=[5.0], outputs=["x"], impulses=Impulses([0], [1.0], [GIVE], [1.0]))
        assert dosed.values[0, 0, 0] > plain[0, 0, 0]

    def test_cumulative_hazards(self, engine):
        thresholds = thresholds_for(SPEC, 1, death=0.9)
        late = run(engine, SPEC, thresholds=thresholds)
        early = run(engine, SPEC, thresholds=thresholds, cumulative_hazards=[[0.5, 0.0]])
        assert early.end_time[0] == pytest.approx(4, abs=1e-3)
        assert late.end_time[0] == pytest.approx(9, abs=1e-3)

    def test_occurrences(self, engine):
        thresholds = thresholds_for(SPEC, 1, 3, relapse=[[0.5, 0.5, np.inf]])
        fresh = run(engine, SPEC, thresholds=thresholds)
        again = run(engine, SPEC, thresholds=thresholds, occurrences=[[0, 1]])
        assert fresh.events["time"] == pytest.approx([2.5, 5], abs=1e-3)
        assert again.events["time"] == pytest.approx([5], abs=1e-3)
        assert again.end_occurrences.tolist() == [[0, 2]]

    def test_occurrences_of_an_event_that_happens_once(self, engine):
        thresholds = thresholds_for(SPEC, 1, 3, death=[[0.1, 0.1, 0.1]])
        assert run(engine, SPEC, thresholds=thresholds, occurrences=[[1, 0]]).end_time[0] == 10

    def test_outputs(self, engine):
        result = run(engine, SPEC, visits=[0.0], outputs=["twice", "H_relapse", "x"])
        assert result.outputs == ("twice", "H_relapse", "x")
        assert result.values[0, 0].tolist() == [4, 0, 2]
        assert run(engine, SPEC, visits=[0.0]).outputs == SPEC.outputs

    def test_rtol(self, engine):
        exact = 2 * np.exp(-3)
        errors = [
            abs(run(engine, SPEC, visits=[10.0], outputs=["x"], rtol=rtol).values[0, 0, 0] - exact)
            for rtol in (1e-2, 1e-9)
        ]
        assert errors[1] < errors[0]

    def test_max_steps(self, engine):
        result = run(engine, SPEC, visits=[0.0, 10.0], outputs=["x"], max_steps=2)
        assert result.status[0] == Status.STEP_BUDGET
        assert np.isnan(result.values[0, 1, 0])
        assert result.steps[0] == 2
        assert result.end_time[0] < 10

    def test_visits_that_do_not_take_place(self, engine):
        visits = [[np.nan, 1.0, np.nan, 3.0], [0.0, np.nan, 2.0, 50.0]]
        result = run(engine, SPEC, n=2, visits=np.array(visits), outputs=["x"])
        missing = np.isnan(result.values[:, :, 0])
        assert missing.tolist() == [[True, False, True, False], [False, True, False, True]]


def test_threads_take_part_in_the_work():
    model = compiled(SPEC, 1)
    seen = set()
    met = threading.Barrier(2, timeout=60)

    class Machine:
        def run(self, *arguments):
            seen.add(threading.get_ident())
            met.wait()
            model.machine.run(*arguments)

    watched = dataclasses.replace(model, machine=Machine())
    n = 1024
    arguments = (
        np.tile(SPEC.default_parameters, (n, 1)),
        np.full((n, 1), 2.0),
        np.full((n, 2, 1), np.inf),
        np.zeros((n, 0)),
        np.full(n, 1.0),
    )
    simulate(watched, *arguments, threads=2)
    assert len(seen) == 2
