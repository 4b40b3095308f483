"""Design files, examples and the command: read, refused, run from file to report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_bank import exponential_bank
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.design import run as run_module
from hepatrial.design.plan import load_design
from hepatrial.errors import BadInput
from hepatrial.protocol import load_protocol, protocol_from_dict
from hepatrial.schema import MARK

RUNNER = CliRunner()
EXAMPLES = Path(__file__).parents[2] / "examples"
TWO_LOOKS = "[design.looks]\ninformation = [0.5, 1.0]\n"
FILES = sorted(path for path in EXAMPLES.glob("*.toml") if "\nprotocol = " in path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_is_a_design(path):
    plan = load_design(path)
    assert plan.protocol.design is not None
    assert plan.horizon <= plan.protocol.follow_up.length
    assert protocol_from_dict(plan.protocol.as_dict()) == plan.protocol


def test_a_protocol_without_a_design_keeps_its_hash_and_becomes_a_fixed_design():
    protocol = load_protocol("lin2017")
    assert "design" not in protocol.as_dict()
    plan = load_design("lin2017")
    assert plan.sizes == (56, 54)
    assert plan.design.looks.count == 1


def refused(tmp_path, text):
    path = tmp_path / "d.toml"
    path.write_text('protocol = "lin2017"\n' + text)
    result = RUNNER.invoke(app, ["design", str(path), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "out").exists()
    return result.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[design.looks]\nevents = [60, 30]", "looks in order"),
        ("[design]\nalpha = 1.5", "design.alpha"),
        (TWO_LOOKS + '[design.efficacy]\nkind="custom"\ncumulative=[0.02,0.01]', "not decrease"),
        ("[design]\npatients = 50\n[design.looks]\nevents = [40, 80]", "who die once"),
        ('[design]\nquestion = "enrichment"', "narrows the population"),
        ('[design]\nquestion = "dose_selection"', "[dose_selection]"),
        ('[design]\nquestion = "second_course"', "[rerandomisation]"),
        ('[design]\nquestion = "superority"', "superiority"),
        ('[design]\narm = "mcs"', "msc"),
        ('[design]\nmethod = "maxcombo"\n[design.looks]\ninformation = [0.5, 1.0]', "MaxCombo"),
        ("[design]\nweek = 60.0", "follow-up ends"),
        ("[dessign]\n", "unknown section"),
        ('[design.futility]\nkind = "pocock"', "spending function"),
        ("[design.looks]\nevents = [40]\ncalendar = [\"40 weeks\"]", "exactly one"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason_and_nothing_is_written(tmp_path, text, said):
    assert said in refused(tmp_path, text)


def test_all_problems_are_told_at_once(tmp_path):
    told = refused(tmp_path, '[design]\nalpha = 1.5\nquestion = "cure"\n[design.looks]\nevents = [60, 30]')
    assert "3 problems" in told


def test_a_dose_question_about_two_doses_needs_the_arm_or_the_question():
    with pytest.raises(BadInput, match=r"design\.arm"):
        load_design("nct06884904").changed(question="superiority")


@pytest.fixture
def quick(monkeypatch):
    """The command with patients of known law in place of the mechanism's."""
    bank = exponential_bank(patients=1000, transplant=0.001)
    monkeypatch.setattr(run_module, "make_bank", lambda *_args, **_more: bank)


@pytest.mark.usefixtures("quick")
def test_the_command_goes_from_a_file_to_a_report_and_again_to_the_same_bytes(tmp_path):
    out = tmp_path / "out"
    call = [
        "design",
        str(EXAMPLES / "lin_again.toml"),
        "--trials",
        "100",
        "--out",
        str(out),
        "--threads",
        "1",
    ]
    first = RUNNER.invoke(app, call)
    assert first.exit_code == 0, first.output
    assert MARK["en"] in first.output
    page, numbers = (out / "report.html").read_bytes(), json.loads((out / "results.json").read_text())
    again = RUNNER.invoke(app, [*call, "--json"])
    assert again.exit_code == 0, again.output
    assert (out / "report.html").read_bytes() == page
    told = json.loads(again.stdout)
    assert told["mark"] == MARK["en"]
    assert told["characteristics"] == numbers["characteristics"]
    other = RUNNER.invoke(app, [*call, "--seed", "2"])
    assert other.exit_code == 2
    assert (out / "report.html").read_bytes() == page


def test_numbers_that_cannot_be_are_refused_together_by_the_command(tmp_path):
    out = str(tmp_path / "out")
    result = RUNNER.invoke(
        app, ["design", "lin2017", "--trials", "1", "--precision", "2", "--bank", "3", "--out", out]
    )
    assert result.exit_code == 2
    assert "3 problems" in result.output
    assert RUNNER.invoke(app, ["design", "lin2017", "--lang", "fr", "--out", out]).exit_code == 2
    assert not (tmp_path / "out").exists()
