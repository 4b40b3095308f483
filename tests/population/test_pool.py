"""The pool does not depend on how it was made."""

import numpy as np
import pytest

from hepatrial.errors import BadInput
from hepatrial.population import pool as pool_module
from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.onset import live_through_onset
from hepatrial.population.pool import build_pool, onset_from_bytes, onset_to_bytes, traits_of
from hepatrial.protocol import load_protocol
from hepatrial.trial.run import patient_machine

SIZE = 30


@pytest.fixture(scope="module")
def machine():
    return patient_machine()


@pytest.fixture(scope="module")
def illness():
    return make_illness(load_protocol("lin2017"), make_deck(), 1)


@pytest.fixture(scope="module")
def base(machine, illness):
    return build_pool(machine, illness, SIZE)


def same(a, b):
    assert (a.candidates, a.outcomes, a.unmet) == (b.candidates, b.outcomes, b.unmet)
    for field in a.admitted.__dataclass_fields__:
        assert np.array_equal(getattr(a.admitted, field), getattr(b.admitted, field)), field


class Memory:
    def __init__(self):
        self.kept = {}

    def get(self, name):
        return self.kept.get(name)

    def put(self, name, data):
        self.kept[name] = data


@pytest.mark.parametrize(("chunk", "threads"), [(100, 1), (100, 2), (257, 1), (1024, 2)])
def test_chunk_size_and_threads_change_nothing(machine, illness, base, chunk, threads):
    same(build_pool(machine, illness, SIZE, chunk=chunk, threads=threads), base)


def test_a_larger_pool_begins_with_the_smaller_one(machine, illness, base):
    larger = build_pool(machine, illness, SIZE + 25)
    assert np.array_equal(larger.admitted.number[:SIZE], base.admitted.number)
    assert np.array_equal(larger.admitted.state[:SIZE], base.admitted.state)
    assert larger.candidates > base.candidates


def test_candidates_are_counted_up_to_the_last_one_admitted(base):
    assert len(base) == SIZE == base.outcomes["admitted"]
    assert base.candidates == base.admitted.number[-1]
    assert sum(base.outcomes.values()) == base.candidates
    assert (np.diff(base.admitted.number) > 0).all()


def test_finished_chunks_are_taken_from_the_store_and_change_nothing(machine, illness, base):
    memory = Memory()
    same(build_pool(machine, illness, SIZE, chunk=150, store=memory), base)
    first = dict(memory.kept)

    def no_solve(*_args, **_kwargs):
        raise AssertionError("solved again")

    idle = type(machine)(machine.spec, no_solve)
    same(build_pool(idle, illness, SIZE, chunk=150, store=memory), base)
    assert memory.kept == first


def test_a_stored_chunk_comes_back_as_it_was_and_equal_chunks_have_equal_bytes(machine, illness):
    onset = live_through_onset(machine, illness, np.arange(1, 200))
    again = live_through_onset(machine, illness, np.arange(1, 200))
    assert onset_to_bytes(onset) == onset_to_bytes(again)
    back = onset_from_bytes(onset_to_bytes(onset))
    assert back.labels == onset.labels
    assert np.array_equal(back.outcome, onset.outcome)
    assert np.array_equal(back.admitted.state, onset.admitted.state)


def test_traits_of_the_admitted_are_drawn_again_from_their_numbers(machine, illness, base):
    traits = traits_of(machine.spec, illness, base)
    assert np.array_equal(traits.number, base.admitted.number)
    assert traits.parameters.shape == (SIZE, len(machine.spec.parameters))


def test_a_measure_is_found_by_name(base):
    assert (base.measure("bilirubin") >= 171).all()


def test_progress_is_told_up_to_the_size(machine, illness):
    told = []
    build_pool(machine, illness, 5, chunk=64, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (5, 5)
    assert told == sorted(told)


def test_criteria_that_nobody_meets_are_refused_with_the_one_that_fails_most(machine, monkeypatch):
    monkeypatch.setattr(pool_module, "GIVE_UP_AFTER", 500)
    settings = {"population.eligibility[1].min": 9.0, "population.eligibility[2].max": 18}
    protocol, _ = load_protocol("lin2017").with_settings(settings)
    with pytest.raises(BadInput) as refused:
        build_pool(machine, make_illness(protocol, make_deck(), 1), 10, chunk=256)
    sentence = str(refused.value)
    assert "0 of 512 candidates" in sentence
    assert "inr at least 9" in sentence
