"""A patient's result depends neither on the company nor on how the work is divided: not in one bit."""

import importlib
import pickle

import numpy as np
import pytest
from engine_cases import compiled, exercise_arguments, exercise_spec
from test_engine_agreement import doses

from hepatrial.engine import Impulses, simulate

FIELDS = (
    "values",
    "status",
    "end_time",
    "end_state",
    "end_cumulative_hazards",
    "end_occurrences",
    "steps",
    "rejected",
)
N = 90


def everyone(lanes=4, **options):
    spec = exercise_spec()
    return simulate(compiled(spec, lanes), *exercise_arguments(N), doses(spec, N), **options)


def some(rows, lanes=4):
    """The same patients in the order of ``rows``."""
    impulses = doses(exercise_spec(), N)
    place = {int(row): i for i, row in enumerate(rows)}
    kept = [j for j, p in enumerate(np.asarray(impulses.patient)) if int(p) in place]
    mine = Impulses(
        [place[int(np.asarray(impulses.patient)[j])] for j in kept],
        *(np.asarray(column)[kept] for column in (impulses.time, impulses.action, impulses.amount)),
    )
    arguments = [a[rows] for a in exercise_arguments(N)]
    return simulate(compiled(exercise_spec(), lanes), *arguments, mine)


def assert_same_bits(result, reference, rows=None):
    for name in FIELDS:
        expected = getattr(reference, name)
        assert getattr(result, name).tobytes() == (expected if rows is None else expected[rows]).tobytes(), (
            name
        )
    if rows is None:
        assert result.events.tobytes() == reference.events.tobytes()
    else:
        for i, row in enumerate(rows):
            mine = result.events[result.events["patient"] == i]
            theirs = reference.events[reference.events["patient"] == row]
            assert mine["time"].tobytes() == theirs["time"].tobytes()


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_lanes_change_no_bit(lanes):
    assert_same_bits(everyone(lanes), everyone(4))


def test_threads_and_chunks_change_no_bit(monkeypatch):
    reference = everyone()
    # The package exports the function under the module's own name.
    monkeypatch.setattr(importlib.import_module("hepatrial.engine.simulate"), "_CHUNK", 7)
    assert_same_bits(everyone(threads=2), reference)
    assert_same_bits(everyone(threads=1), reference)


def test_order_and_company_change_no_bit():
    reference = everyone()
    rng = np.random.default_rng(0)
    for rows in (rng.permutation(N), np.arange(N)[::-7], np.array([41]), np.array([3, 3 + 40, 88])):
        assert_same_bits(some(rows), reference, rows)


def test_a_compiled_model_travels_to_another_process_by_pickle():
    again = pickle.loads(pickle.dumps(compiled(exercise_spec(), 4)))
    result = simulate(again, *exercise_arguments(N), doses(exercise_spec(), N))
    assert_same_bits(result, everyone())
