"""A course that two computations agreed on before is computed once, with the same bits; nothing else is."""

import dataclasses

import numpy as np
import pytest

from hepatrial.engine import confirmed, course, timecourse
from hepatrial.engine.settings import settings_of_text
from hepatrial.errors import RunFailed
from hepatrial.model.antimony import antimony_to_sbml
from hepatrial.model.sbml_core import spec_from_core_sbml

SETTINGS = """start: 0
duration: 20
steps: 10
variables: x
absolute: 1e-8
relative: 1e-6
"""
SMOOTH = "model m() var x = 3; k = 0.5; x' = k*(2 - x); end"
SWITCHED = "model m() var x = 3; k = 0.5; x' = -k*x; at (x < 0.1): x = 3; end"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    chosen = tmp_path / "kept"
    monkeypatch.setenv("HEPATRIAL_CACHE", str(chosen))
    return chosen


def spec_of(text):
    return spec_from_core_sbml(antimony_to_sbml(text))


@pytest.mark.parametrize("text", [SMOOTH, SWITCHED])
def test_leaving_out_the_second_computation_changes_no_bit(text):
    spec, asked = spec_of(text), settings_of_text(SETTINGS)
    both = timecourse.time_course(spec, asked)
    alone = timecourse.time_course(spec, asked, confirmed=True)
    np.testing.assert_array_equal(alone, both)


def test_a_confirmation_holds_for_one_model_and_its_settings_alone(monkeypatch):
    spec, asked = spec_of(SMOOTH), settings_of_text(SETTINGS)
    assert not confirmed.is_confirmed(spec, asked)
    confirmed.keep_confirmed(spec, asked)
    assert confirmed.is_confirmed(spec, asked)
    assert confirmed.is_confirmed(spec_of(SMOOTH), settings_of_text(SETTINGS))
    assert not confirmed.is_confirmed(spec_of(SMOOTH.replace("0.5", "0.25")), asked)
    assert not confirmed.is_confirmed(spec_of(SWITCHED), asked)
    changed = dataclasses.replace(spec, default_parameters=spec.default_parameters * 2)
    assert not confirmed.is_confirmed(changed, asked)
    for line in ("duration: 21", "steps: 11", "absolute: 1e-9", "relative: 1e-7", "amount: x"):
        key = line.partition(":")[0]
        kept = "".join(f"{old}\n" for old in SETTINGS.splitlines() if not old.startswith(f"{key}:"))
        assert not confirmed.is_confirmed(spec, settings_of_text(kept + line)), line
    monkeypatch.setattr(confirmed, "_code", lambda: b"another version")
    assert not confirmed.is_confirmed(spec, asked)


def test_a_file_asked_for_again_is_computed_once_and_gives_the_same_text(tmp_path, monkeypatch):
    (tmp_path / "m.ant").write_text(SMOOTH)
    (tmp_path / "s.txt").write_text(SETTINGS)
    files = tmp_path / "m.ant", tmp_path / "s.txt"
    calls = []
    plain = timecourse.simulate_model
    monkeypatch.setattr(
        timecourse, "simulate_model", lambda *given, **named: calls.append(1) or plain(*given, **named)
    )
    texts = [course.course_of_files(*files) for _ in range(3)]
    assert len(calls) == 1
    assert len(set(texts)) == 1


def test_a_course_on_which_the_two_differ_is_refused_each_time(tmp_path, monkeypatch):
    (tmp_path / "m.ant").write_text(SMOOTH)
    (tmp_path / "s.txt").write_text(SETTINGS)
    compiled = timecourse._compiled
    monkeypatch.setattr(timecourse, "_compiled", lambda *given: compiled(*given) * 1.001)
    for _ in range(2):
        with pytest.raises(RunFailed, match="Two computations of x differ"):
            course.course_of_files(tmp_path / "m.ant", tmp_path / "s.txt")
