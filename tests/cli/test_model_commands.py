"""`hepatrial model show | check | export`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hepatrial.cli import model as command
from hepatrial.cli.app import app
from hepatrial.errors import Problem
from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.antimony import spec_from_antimony

RUNNER = CliRunner()


def asked(*arguments: str) -> object:
    result = RUNNER.invoke(app, ["model", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_overview_counts_what_the_model_has() -> None:
    spec = load_patient_model()
    told = asked("show")
    assert isinstance(told, dict)
    assert told["hash"] == spec.hash
    assert told["states"] == list(spec.states)
    assert sum(told["parameters"].values()) == sum(told["grades"].values()) == len(load_cards().model)
    assert "states" in RUNNER.invoke(app, ["model", "show"]).stdout


def test_a_parameter_is_shown_with_its_card() -> None:
    card = load_cards().model["collapse_load"]
    [told] = asked("show", "collapse_load")  # type: ignore[misc]
    assert (told["value"], told["unit"], told["grade"]) == (card.value, card.unit, card.grade)
    assert card.note in RUNNER.invoke(app, ["model", "show", "collapse_load"]).stdout


def test_a_process_is_shown_with_all_its_parameters() -> None:
    cards = load_cards()
    told = asked("show", "liver")
    assert isinstance(told, list)
    assert [card["name"] for card in told] == [name for name in cards.model if cards.process[name] == "liver"]


@pytest.mark.parametrize(
    ("name", "kind", "piece"),
    [
        ("function_mass", "observable", "function_mass :="),
        ("death", "cause", "H_death' ="),
        ("infuse_cells", "action", "amount_infuse_cells"),
        ("healthy_cells", "state", "healthy_cells' ="),
    ],
)
def test_every_kind_of_name_is_shown_with_its_equation(name: str, kind: str, piece: str) -> None:
    told = asked("show", name)
    assert isinstance(told, dict)
    assert told["kind"] == kind
    assert piece in told["equation"]
    assert piece in RUNNER.invoke(app, ["model", "show", name]).stdout


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    result = RUNNER.invoke(app, ["model", "show", "bilirubn"])
    assert result.exit_code == 2
    assert "Did you mean 'bilirubin'?" in result.stderr


def test_the_shipped_model_is_sound_and_its_healthy_liver_stays_healthy() -> None:
    told = asked("check")
    assert isinstance(told, dict)
    assert told["problems"] == []
    assert 0 <= told["healthy_drift"] < 0.01
    assert "Sound." in RUNNER.invoke(app, ["model", "check"]).stdout


def test_a_model_with_problems_ends_with_two_and_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = (Problem("rate of virus", "unit x", "must have the unit y"),)
    monkeypatch.setattr("hepatrial.model.check", lambda: problems)
    result = RUNNER.invoke(app, ["model", "check"])
    assert result.exit_code == 2
    assert "rate of virus" in result.stderr


def test_a_liver_that_drifts_is_not_called_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_healthy_drift", lambda: 0.2)
    result = RUNNER.invoke(app, ["model", "check"])
    assert result.exit_code == 2
    assert "20.00%" in result.stderr


def test_the_exported_sbml_is_the_one_the_hash_names(tmp_path: Path) -> None:
    file = tmp_path / "patient.xml"
    assert RUNNER.invoke(app, ["model", "export", str(file)]).exit_code == 0
    assert hashlib.sha256(file.read_bytes()).hexdigest() == load_patient_model().hash


def test_the_exported_antimony_is_the_same_model(tmp_path: Path) -> None:
    file = tmp_path / "patient.ant"
    assert RUNNER.invoke(app, ["model", "export", str(file)]).exit_code == 0
    again, spec = spec_from_antimony(file.read_text()), load_patient_model()
    assert again.parameters == spec.parameters
    assert np.array_equal(again.default_parameters, spec.default_parameters)
    assert again.rates == spec.rates


def test_an_export_replaces_nothing_and_knows_two_formats(tmp_path: Path) -> None:
    file = tmp_path / "patient.xml"
    file.write_text("precious")
    assert RUNNER.invoke(app, ["model", "export", str(file)]).exit_code == 2
    assert file.read_text() == "precious"
    result = RUNNER.invoke(app, ["model", "export", str(tmp_path / "patient.pdf")])
    assert result.exit_code == 2
    assert ".xml (SBML)" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patient.xml"]
