"""`hepatrial score` against hand arithmetic, in both unit systems, and its refusals."""

from __future__ import annotations

import json
import math

import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app

RUNNER = CliRunner()


def answer(*arguments: str) -> dict[str, object]:
    result = RUNNER.invoke(app, ["score", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.stdout)
    return told


def test_meld_is_the_formula_computed_by_hand() -> None:
    told = answer("meld", "bilirubin=20", "creatinine=1.5", "inr=2.1", "--units", "conventional")
    exact = 3.78 * math.log(20) + 11.2 * math.log(2.1) + 9.57 * math.log(1.5) + 6.43
    assert told["value"] == math.floor(exact + 0.5)
    assert told["units"] == "conventional"


def test_the_same_patient_has_the_same_score_in_both_unit_systems() -> None:
    si = answer("meld_na", "bilirubin=342", "creatinine=132.6", "inr=2.1", "sodium=130")
    us = answer(
        "meld_na", "bilirubin=20", "creatinine=1.5", "inr=2.1", "sodium=130", "--units", "conventional"
    )
    assert si["value"] == us["value"]


def test_yes_and_no_stand_for_one_and_zero() -> None:
    words = answer("meld", "bilirubin=100", "creatinine=100", "inr=2", "dialysis=yes")
    digits = answer("meld", "bilirubin=100", "creatinine=100", "inr=2", "dialysis=1")
    without = answer("meld", "bilirubin=100", "creatinine=100", "inr=2", "dialysis=no")
    assert words["value"] == digits["value"]
    assert words["value"] != without["value"]


def test_the_plain_answer_names_score_inputs_with_units_and_source() -> None:
    result = RUNNER.invoke(app, ["score", "albi", "bilirubin=11", "albumin=21"])
    assert result.exit_code == 0
    assert "ALBI" in result.stdout
    assert "bilirubin 11 umol/L, albumin 21 g/L" in result.stdout
    assert "Research use only." in result.stdout


def test_without_a_name_the_scores_are_listed_with_their_inputs() -> None:
    result = RUNNER.invoke(app, ["score"])
    assert result.exit_code == 0
    assert "clif_c_aclf" in result.stdout
    listed = json.loads(RUNNER.invoke(app, ["score", "--json"]).stdout)
    assert {"meld", "aarc", "fib4"} <= {item["name"] for item in listed}


def test_all_problems_are_listed_at_once_with_the_nearest_name() -> None:
    result = RUNNER.invoke(app, ["score", "meld", "biliruin=342", "creatinine=x", "inr=2", "inr=3", "oops"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "4 problems" in result.stderr
    for piece in ("Did you mean 'bilirubin'?", "creatinine: given 'x'", "inr is given twice", "'oops'"):
        assert piece in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        (["meldd"], "Did you mean 'meld'?"),
        (["cossh_aclf"], "not shipped"),
        (["meld", "bilirubin=20"], "creatinine"),
        (["meld", "bilirubin=-1", "creatinine=100", "inr=2"], "bilirubin"),
        (["meld", "bilirubin=nan", "creatinine=100", "inr=2"], "finite"),
        (["meld", "bilirubin=10", "creatinine=100", "inr=2", "--units", "imperial"], "conventional"),
    ],
)
def test_bad_input_ends_with_two_and_the_reason(arguments: list[str], piece: str) -> None:
    result = RUNNER.invoke(app, ["score", *arguments])
    assert result.exit_code == 2
    assert piece in result.stderr


def test_problems_are_data_when_json_is_asked_for() -> None:
    result = RUNNER.invoke(app, ["score", "meld", "biliruin=342", "--json"])
    assert result.exit_code == 2
    problems = json.loads(result.stdout)["problems"]
    assert problems[0]["place"] == "biliruin"
    assert problems[0]["nearest"] == "bilirubin"
