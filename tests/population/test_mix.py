"""The causes of those admitted are in the shares that the protocol tells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepatrial.errors import BadInput
from hepatrial.population import mix as mix_module
from hepatrial.population import pool as pool_module
from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.diseases import draw_causes
from hepatrial.population.mix import queue
from hepatrial.population.onset import Illness, live_through_onset
from hepatrial.population.pool import build_pool, traits_of
from hepatrial.population.reference import reference_protocol
from hepatrial.protocol.diseases import CAUSES
from hepatrial.protocol.protocol import protocol_from_dict
from hepatrial.trial.run import patient_machine

SHARES = {"alcohol": 0.68, "drug": 0.18, "hbv": 0.14}


def illness_of(shares: dict[str, float], name: str = "aclf_apasl") -> Illness:
    data = reference_protocol(name).as_dict()
    data["population"]["causes"] = [{"cause": k, "share": v} for k, v in shares.items()]
    return make_illness(protocol_from_dict(data), make_deck(), 5)


MIXED = illness_of(SHARES)


@settings(deadline=None)
@given(st.permutations(range(400)), st.integers(30, 400))
def test_every_front_of_the_queue_has_each_cause_within_one_patient_of_its_share(
    order: list[int], admitted: int
) -> None:
    number = np.sort(np.array(order[:admitted]) + 1)
    causes = draw_causes(5, number, "aclf", SHARES)
    front = queue(MIXED, number)
    assert len(set(front.tolist())) == len(front)
    size = np.arange(1, len(front) + 1)
    for name, share in SHARES.items():
        found = np.cumsum(causes[front] == CAUSES.index(name))
        assert (np.abs(found - share * size) <= 1.0).all()
    for code in np.unique(causes[front]):
        assert (np.diff(number[front][causes[front] == code]) > 0).all()


def test_the_queue_ends_where_a_cause_has_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mix_module,
        "draw_causes",
        lambda *_: np.array([CAUSES.index("alcohol")] * 9 + [CAUSES.index("other")]),
    )
    illness = illness_of({"alcohol": 0.5, "other": 0.5})
    assert queue(illness, np.arange(1, 11)).tolist() == [0, 9]


def test_with_one_cause_the_queue_is_the_order_of_the_candidates() -> None:
    illness = illness_of({"alcohol": 1.0})
    assert queue(illness, np.arange(3, 90, 2)).tolist() == list(range(44))


@pytest.fixture(scope="module")
def pools():
    illness, machine = illness_of(SHARES), patient_machine(rtol=1e-3)
    return illness, build_pool(machine, illness, 50), build_pool(machine, illness, 80, chunk=300)


def test_a_pool_has_the_told_shares_though_candidates_of_the_causes_are_not_admitted_alike(pools) -> None:
    illness, pool, _ = pools
    spec = patient_machine(rtol=1e-3).spec
    cause = traits_of(spec, illness, pool).cause
    for name, share in SHARES.items():
        assert (cause == CAUSES.index(name)).sum() == pytest.approx(50 * share, abs=1.0)
    onset = live_through_onset(patient_machine(rtol=1e-3), illness, np.arange(1, 2049))
    raw = draw_causes(5, onset.admitted.number, "aclf", SHARES)
    assert abs(np.mean(raw == CAUSES.index("alcohol")) - SHARES["alcohol"]) > 0.08


def test_a_larger_pool_begins_with_the_smaller_one_whatever_the_chunk(pools) -> None:
    _, small, large = pools
    assert np.array_equal(large.admitted.number[:50], small.admitted.number)
    assert np.array_equal(large.admitted.state[:50], small.admitted.state)


def test_those_of_a_full_cause_are_counted_as_such(pools) -> None:
    for pool in pools[1:]:
        assert pool.outcomes["admitted"] == len(pool)
        assert pool.outcomes["cause_full"] > 0
        assert sum(pool.outcomes.values()) == pool.candidates == pool.admitted.number.max()


def test_a_cause_that_nobody_is_admitted_with_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "GIVE_UP_AFTER", 500)
    monkeypatch.setattr(
        mix_module, "draw_causes", lambda _, number, *__: np.full(len(number), CAUSES.index("alcohol"))
    )
    illness = illness_of({"alcohol": 0.5, "other": 0.5}, "aclf_easl_clif")
    with pytest.raises(BadInput) as refused:
        build_pool(patient_machine(rtol=1e-3), illness, 40, chunk=256)
    assert "population.causes" in str(refused.value)
    assert "only 0 could be taken" in str(refused.value)
