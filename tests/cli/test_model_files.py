"""``hepatrial model simulate | suite | code`` and ``hepatrial cache clear``."""

import csv
import json

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app

TANK = "model m() compartment c = 2; species S in c; S = 3; J: S -> ; 0.5*c*S; end"
SETTINGS = (
    "start: 0\nduration: 2\nsteps: 4\nvariables: S\nabsolute: 1e-6\nrelative: 1e-4\n"
    "amount: S\nconcentration:\n"
)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "model.ant").write_text(TANK)
    (tmp_path / "settings.txt").write_text(SETTINGS)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def simulate(files, **changed):
    paths = {"model": files / "model.ant", "settings": files / "settings.txt", "output": files / "out.csv"}
    paths |= changed
    command = ("model", "simulate", paths["model"])
    return run(*command, "--settings", paths["settings"], "--output", paths["output"])


def test_simulate_writes_the_table_that_the_settings_ask_for(files):
    assert simulate(files).exit_code == 0
    rows = list(csv.reader((files / "out.csv").read_text().splitlines()))
    assert rows[0] == ["time", "S"]
    assert len(rows) == 6
    assert float(rows[1][1]) == 6


def test_simulate_tells_all_that_is_wrong_and_writes_nothing(files):
    (files / "settings.txt").write_text("steps: none")
    (files / "model.ant").write_text("model m() x = (; end")
    done = simulate(files)
    assert done.exit_code == 2
    assert "settings.txt steps" in done.stderr
    assert "line 1" in done.stderr
    assert not (files / "out.csv").exists()


def test_simulate_does_not_replace_a_file(files):
    (files / "out.csv").write_text("mine")
    assert simulate(files).exit_code == 2
    assert (files / "out.csv").read_text() == "mine"


def test_simulate_asks_for_a_folder_that_exists_before_it_works(files):
    (files / "model.ant").write_text("model m() x = (; end")
    done = simulate(files, output=files / "none" / "out.csv")
    assert done.exit_code == 2
    assert "must be in a folder that exists" in done.stderr
    assert "line 1" not in done.stderr


def test_suite_refuses_a_file_in_the_place_of_a_folder(files):
    done = run("model", "suite", files / "none", "--output-dir", files / "model.ant")
    assert done.exit_code == 2
    assert "DIR" in done.stderr
    assert "--output-dir" in done.stderr


def test_a_variable_that_is_not_of_the_model_is_refused_with_the_nearest(files):
    (files / "settings.txt").write_text(SETTINGS.replace("variables: S", "variables: S, cc"))
    done = simulate(files)
    assert done.exit_code == 2
    assert "'cc'" in done.stderr


def test_a_variable_called_time_is_refused(files):
    (files / "model.ant").write_text(TANK)
    text = (
        '<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"><model id="m">'
        '<listOfParameters><parameter id="time" value="7" constant="true"/></listOfParameters></model></sbml>'
    )
    (files / "model.xml").write_text(text)
    (files / "settings.txt").write_text(SETTINGS.replace(": S", ": time"))
    done = simulate(files, model=files / "model.xml")
    assert done.exit_code == 2
    assert "first column" in done.stderr


def test_suite_writes_a_table_or_a_reason_and_prints_the_counts(files):
    from hepatrial.model.antimony import antimony_to_sbml

    for name, text in (("00001", TANK), ("00002", "model m() x = 1; E: at 2 after (time > 1): x = 2; end")):
        (files / "cases" / name).mkdir(parents=True)
        (files / "cases" / name / "model.xml").write_text(antimony_to_sbml(text))
        (files / "cases" / name / "settings.txt").write_text(SETTINGS)
    command = ("model", "suite", files / "cases", "--output-dir", files / "out", "--workers", 1)
    done = run(*command)
    assert done.exit_code == 0
    assert "2 cases: 1 written, 1 refused" in done.stdout
    assert (files / "out" / "00001.csv").exists()
    assert "event E: given a delay of 2" in (files / "out" / "00002.refused").read_text()
    assert json.loads(run(*command, "--json").stdout) == {"written": 1, "refused": 1}


def test_code_shows_a_file_and_the_patient_model(files):
    (files / "model.ant").write_text(TANK.replace("end", "E: at (S < 1), priority = 2: S = 3; end"))
    shown = run("model", "code", files / "model.ant").stdout
    assert "S_amount' = -J" in shown
    assert "E: at (S < 1), priority = 2" in shown
    assert "d(S_amount')/dS_amount" in run("model", "code", files / "model.ant", "--part", "jacobian").stdout
    one, four = (
        run("model", "code", files / "model.ant", "--part", "step", "--lanes", n).stdout for n in (1, 4)
    )
    assert "<4 x double>" in four
    assert "<4 x double>" not in one
    assert "bilirubin" in run("model", "code").stdout
    assert run("model", "code", "--part", "nothing").exit_code == 2
    assert run("model", "code", "--lanes", "3").exit_code == 2


def test_cache_clear_removes_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HEPATRIAL_CACHE", str(tmp_path))
    (tmp_path / "kept.o").write_bytes(b"")
    done = run("cache", "clear")
    assert done.exit_code == 0
    assert "Removed 1 file " in done.stdout
    assert list(tmp_path.iterdir()) == []
