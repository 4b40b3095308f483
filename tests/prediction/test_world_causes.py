"""A study's causes are those of its patients, not of everybody who falls ill."""

from __future__ import annotations

import numpy as np
import pytest

from hepatrial.population.cohort import make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.pool import traits_of
from hepatrial.prediction import world as world_module
from hepatrial.prediction.planned import plan_study
from hepatrial.prediction.study import Study, study_from_dict
from hepatrial.prediction.world import Member, World, admit_pool, live
from hepatrial.protocol.diseases import CAUSES
from hepatrial.trial.run import patient_machine

SHARES = {"paracetamol": 0.3, "drug": 0.3, "other": 0.4}


def mixed(baseline: dict[str, str] | None = None) -> Study:
    return study_from_dict(
        {
            "study": {"definition": "acute_liver_failure", "country": "United States"},
            "etiology": {"paracetamol": "30 %", "dili": "30 %", "other": "40 %"},
            **({"baseline": baseline} if baseline else {}),
            "arms": {"care": {"n": 60}},
            "endpoints": [{"kind": "survival", "day": 21}],
        }
    )


def lived(study: Study) -> World:
    world = live(patient_machine(rtol=1e-3), study, plan_study(study), Member({}, "no_effect"), 3)
    assert world is not None
    return world


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world_module, "POOL", 100)


def test_those_admitted_have_the_causes_of_the_study() -> None:
    machine = patient_machine(rtol=1e-3)
    illness = make_illness(plan_study(mixed()).protocol, make_deck(), 3)
    pool = admit_pool(machine, illness)
    assert pool is not None
    cause = traits_of(machine.spec, illness, pool).cause
    for name, share in SHARES.items():
        assert np.mean(cause == CAUSES.index(name)) == pytest.approx(share, abs=0.015)


def test_the_matching_keeps_the_causes_while_it_moves_what_they_differ_in() -> None:
    """Aminotransferases tell paracetamol from the rest: matched alone they would change the mix."""
    misses = {one.label: one for one in lived(mixed({"alt": "2500 (1500-4000) U/L"})).misses}
    for name, share in SHARES.items():
        assert misses[name].requested == pytest.approx(share)
        assert misses[name].achieved == pytest.approx(share, abs=0.08)


@pytest.mark.parametrize(("in_queue", "size"), [(60, 60), (45, 100), (0, 100)])
def test_all_are_taken_where_the_queue_would_leave_out_more_than_half(
    monkeypatch: pytest.MonkeyPatch, in_queue: int, size: int
) -> None:
    monkeypatch.setattr(world_module, "FEWEST", 20)
    monkeypatch.setattr(world_module, "taken", lambda *_: np.arange(in_queue))
    pool = admit_pool(patient_machine(rtol=1e-3), make_illness(plan_study(mixed()).protocol, make_deck(), 3))
    assert pool is not None
    assert len(pool) == size


def test_where_the_mix_leaves_too_few_the_matching_brings_whoever_is_admitted_near_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(world_module, "taken", lambda *_: np.empty(0, dtype=np.intp))
    machine, planned = patient_machine(rtol=1e-3), plan_study(mixed())
    illness = make_illness(planned.protocol, make_deck(), 3)
    pool = admit_pool(machine, illness)
    assert pool is not None
    raw = np.mean(traits_of(machine.spec, illness, pool).cause == CAUSES.index("paracetamol"))
    (told,) = (one for one in lived(mixed()).misses if one.label == "paracetamol")
    assert raw > SHARES["paracetamol"] + 0.1
    assert abs(told.achieved - SHARES["paracetamol"]) < abs(raw - SHARES["paracetamol"]) / 2
