"""`hepatrial protocols`, `new` and `schema`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.protocol import list_protocols, load_protocol, protocol_text

RUNNER = CliRunner()


def test_the_list_names_each_shipped_protocol_with_its_patients() -> None:
    result = RUNNER.invoke(app, ["protocols"])
    assert result.exit_code == 0
    for name in list_protocols():
        assert name in result.stdout
    listed = json.loads(RUNNER.invoke(app, ["protocols", "--json"]).stdout)
    assert {item["name"]: item["patients"] for item in listed} == {
        name: load_protocol(name).patients for name in list_protocols()
    }


def test_a_new_protocol_can_be_loaded_and_carries_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, ["new", "mytrial"])
    assert result.exit_code == 0
    protocol = load_protocol(tmp_path / "mytrial.toml")
    assert protocol.identity.id == "mytrial"
    assert protocol.identity.published is None


@pytest.mark.parametrize("origin", list_protocols())
def test_a_new_protocol_begins_from_the_one_named(tmp_path: Path, origin: str) -> None:
    file = tmp_path / "b.toml"
    assert RUNNER.invoke(app, ["new", "b", "--from", origin, "--out", str(file)]).exit_code == 0
    assert load_protocol(file).patients == load_protocol(origin).patients


def test_an_existing_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("precious")
    result = RUNNER.invoke(app, ["new", "mine", "--out", str(file)])
    assert result.exit_code == 2
    assert "does not exist yet" in result.stderr
    assert file.read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        (["My Trial"], "lower-case letters"),
        (["mytrial", "--from", "lin2071"], "Did you mean 'lin2017'?"),
        (["mytrial", "--out", "no/such/folder/x.toml"], "can be written"),
    ],
)
def test_a_protocol_that_cannot_be_begun_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], piece: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, ["new", *arguments])
    assert result.exit_code == 2
    assert piece in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_a_json_schema_that_the_shipped_protocols_satisfy() -> None:
    result = RUNNER.invoke(app, ["schema"])
    assert result.exit_code == 0
    schema = json.loads(result.stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in list_protocols():
        assert list(validator.iter_errors(tomllib.loads(protocol_text(name)))) == []


def test_the_schema_refuses_an_unknown_entry() -> None:
    schema = json.loads(RUNNER.invoke(app, ["schema"]).stdout)
    protocol = tomllib.loads(protocol_text("lin2017"))
    protocol["identity"]["colour"] = "blue"
    assert list(Draft202012Validator(schema).iter_errors(protocol))
