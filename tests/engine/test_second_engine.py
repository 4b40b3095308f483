"""libRoadRunner as the second engine: what it is given, what is compared, and that a difference is seen."""

import dataclasses
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.engine import verify
from hepatrial.engine.verify import verify_conventions, verify_draws, verify_general
from hepatrial.errors import BadInput
from hepatrial.model.antimony import spec_from_antimony
from hepatrial.model.expr import const
from hepatrial.model.untrusted import load_model

pytest.importorskip("roadrunner", reason="the interop extra is not installed")

WARD = """model ward()
  x = 1; x' = -0.2*x + 0.1; k = 0.5; ended = 0;
  H_fever = 0; H_fever' = k*x; theta_fever = 1e9; step_fever = 1e9;
  H_death = 0; H_death' = 0.05; theta_death = 1e9;
  do_dose = 0; amount_dose = 0;
  at (H_fever >= theta_fever): x = x + 0.5, theta_fever = theta_fever + step_fever;
  at (H_death >= theta_death): ended = 1;
  at (do_dose > 0.5): x = x + amount_dose;
end"""
TANK = "model tank() compartment c = 2; species S in c; S = 3; k = 0.5; J: S -> ; k*c*S; end"
VISITS = np.array([0.5, 3.3, 6.1, 9.7])


def ward(n=6, occurrences=4):
    spec = spec_from_antimony(WARD)
    rng = np.random.default_rng(2)
    parameters = np.tile(spec.default_parameters, (n, 1)) * rng.uniform(0.5, 2, (n, 1))
    return spec, parameters, spec.initial_states(parameters), rng.exponential(size=(n, 2, occurrences))


def test_the_same_thresholds_give_the_same_paths_and_the_same_events():
    found = verify_conventions(*ward(), VISITS, 10.0, [(2.0, "dose", 0.7)])
    assert found.agreed
    assert found.events.ours == found.events.theirs > 6
    assert found.events.largest_minutes < 0.1
    assert {o.name for o in found.outputs} == {"x", "H_fever", "H_death"}
    assert max(o.largest for o in found.outputs) < 1e-5


def test_another_model_is_seen_in_paths_and_in_events(monkeypatch):
    spec, *patients = ward()
    wrong = dataclasses.replace(spec, rates=(spec.rates[0] * const(1.02),), hash="other")
    real = verify.compile_model
    monkeypatch.setattr(verify, "compile_model", lambda _: real(wrong))
    found = verify_conventions(spec, *patients, VISITS, 10.0, [(2.0, "dose", 0.7)])
    assert not found.agreed
    assert any(sentence.startswith("x: error") for sentence in found.disagreements)
    assert found.events.largest_minutes > verify.MINUTES or found.events.differing


def test_a_dose_forgotten_by_one_engine_is_seen(monkeypatch):
    real = verify.ConventionsInRoadRunner
    monkeypatch.setattr(verify, "ConventionsInRoadRunner", lambda spec, _, k: real(spec, (), k))
    assert not verify_conventions(*ward(), VISITS, 10.0, [(2.0, "dose", 0.7)]).agreed


def test_draws_of_its_own_are_distributed_alike_and_a_wrong_rate_is_seen():
    spec, parameters, initial, _ = ward()
    many = np.zeros(200, dtype=int)
    luck = np.random.default_rng(3).exponential(size=(200, 2, 6))
    alike = verify_draws(spec, parameters[many], initial[many], luck, 10.0)
    assert [d.cause for d in alike] == ["fever", "death"]
    assert all(d.p > verify.LEVEL for d in alike)
    assert all(0.1 < d.ours < 1 for d in alike)
    death = 1 - np.exp(-0.05 * 10)  # closed form of a constant hazard
    assert abs(alike[1].theirs - death) < 4 * np.sqrt(death * (1 - death) / 200)
    half = verify_draws(spec, parameters[many], initial[many], luck / 2, 10.0)
    assert min(d.p for d in half) < verify.LEVEL / 2


def test_the_seed_decides_the_other_engines_draws():
    spec, parameters, initial, _ = ward(30)
    luck = np.random.default_rng(3).exponential(size=(30, 2, 6))
    first, again, other = (verify_draws(spec, parameters, initial, luck, 10.0, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_model_of_other_people_is_compared_with_its_parameters_spread(tmp_path):
    (tmp_path / "tank.ant").write_text(TANK)
    spec = load_model(tmp_path / "tank.ant")
    rows = np.tile(spec.default_parameters, (3, 1))
    rows[:, spec.parameters.index("k")] = 0.2, 0.5, 0.9
    found = verify_general(spec, rows, 5.0)
    assert found.agreed
    assert found.patients == 3
    assert [o.name for o in found.outputs] == ["S"]


def run(*arguments):
    return CliRunner().invoke(app, ["model", "verify", *map(str, arguments)])


def test_the_command_writes_what_it_says_and_agrees(tmp_path):
    (tmp_path / "tank.ant").write_text(TANK)
    (tmp_path / "table.csv").write_text("k,patient\n0.1,7\n0.7,9\n")
    out = tmp_path / "out"
    done = run(tmp_path / "tank.ant", "--table", tmp_path / "table.csv", "--out", out, "--json", "--end", 4)
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["agreed"]
    assert told["patients"] == 2
    assert told == json.loads((out / "verify.json").read_text())
    first = (out / "errors.csv").read_text().splitlines()[0]
    assert told["mark"] in first
    assert told["hash"] in first


def test_the_command_tells_what_is_wrong_with_a_table_and_writes_nothing(tmp_path):
    (tmp_path / "tank.ant").write_text(TANK)
    (tmp_path / "table.csv").write_text("kk,k\n1,x\n")
    done = run(tmp_path / "tank.ant", "--table", tmp_path / "table.csv", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "Did you mean 'k'" in done.stderr
    assert "must be a finite number" in done.stderr
    assert not (tmp_path / "out").exists()
    assert run("patient", "--table", tmp_path / "table.csv").exit_code == 2
    (tmp_path / "out").mkdir()
    assert run(tmp_path / "tank.ant", "--out", tmp_path / "out").exit_code == 2


def test_a_disagreement_ends_with_exit_code_1(tmp_path, monkeypatch):
    (tmp_path / "tank.ant").write_text(TANK)
    from hepatrial.engine import verify_file

    real = verify_file.verify_file
    monkeypatch.setattr(
        verify_file, "verify_file", lambda *asked: dataclasses.replace(real(*asked), error_allowed=0.0)
    )
    done = run(tmp_path / "tank.ant")
    assert done.exit_code == 1
    assert "DISAGREE" in done.stdout


def test_without_the_library_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "roadrunner", None)
    done = run()
    assert done.exit_code == 2
    assert "interop" in done.stderr


@pytest.mark.slow
def test_our_own_model_agrees_path_by_path_and_event_by_event():
    done = run("--patients", 6, "--json")
    assert done.exit_code == 0, done.stdout
    told = json.loads(done.stdout)
    assert told["events"]["ours"] == told["events"]["theirs"] > 3
    assert told["events"]["largest_minutes"] < 1
    assert told["outputs"][0]["largest"] < 1e-4


def test_more_than_the_list_of_constants_may_not_differ(tmp_path):
    (tmp_path / "tank.ant").write_text(TANK)
    spec = load_model(tmp_path / "tank.ant")
    rows = spec.default_parameters[None, :].copy()
    rows[0, spec.parameters.index("c")] = 3.0
    with pytest.raises(BadInput, match="parameter c"):
        verify_general(spec, rows, 5.0)
