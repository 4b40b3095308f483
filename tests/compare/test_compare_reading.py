"""Cohort files are read whole or refused whole, every problem named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hepatrial.cli.app import app
from hepatrial.compare import read_cohort
from hepatrial.compare.people import real_people
from hepatrial.errors import BadInput

HEAD = "subject,time_d,measure,unit,value\n"


def write(path: Path, rows: list[str], head: str = HEAD) -> Path:
    path.write_text(head + "\n".join(rows) + "\n")
    return path


def problems_of(tmp_path: Path, rows: list[str], events: list[str] | None = None) -> list[str]:
    values = write(tmp_path / "v.csv", rows)
    happened = write(tmp_path / "e.csv", events, "subject,event,time_d\n") if events else None
    with pytest.raises(BadInput) as caught:
        read_cohort(values, happened)
    return [problem.sentence() for problem in caught.value.problems]


def test_values_are_turned_into_si_units(tmp_path: Path) -> None:
    values = write(
        tmp_path / "v.csv", ["a,0,Total bilirubin,mg/dL,10", "a,0,age,years,50", "a,7,tbil,umol/L,100"]
    )
    cohort = read_cohort(values)
    assert cohort.values.filter(measure="bilirubin")["value"].to_list() == [171.0, 100.0]
    people = real_people(cohort)
    assert people.entry["bilirubin"].tolist() == [171.0]
    assert people.labs["bilirubin"][7.0].tolist() == [100.0]


def test_missing_columns_are_named_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("subject,time,measure,unit,value\na,0,alt,U/L,30\n")
    with pytest.raises(BadInput) as caught:
        read_cohort(path)
    assert caught.value.problems[0].nearest == "time"


def test_a_column_in_the_wrong_unit_is_told_by_where_its_values_lie(tmp_path: Path) -> None:
    rows = [f"s{i},0,creatinine,mg/dL,{80 + i}" for i in range(20)]
    [problem] = problems_of(tmp_path, rows)
    assert "most fit umol/L" in problem
    assert "20 of 20" in problem


def test_one_impossible_value_is_named_by_row_and_does_not_blame_the_unit(tmp_path: Path) -> None:
    rows = [f"s{i},0,creatinine,mg/dL,1.{i}" for i in range(9)] + ["s9,0,creatinine,mg/dL,400"]
    [problem] = problems_of(tmp_path, rows)
    assert "400" in problem
    assert "row 11" in problem
    assert "most fit" not in problem


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    rows = ["a,0,alt,furlong,30", "a,0,inr,1,abc", "a,0,albumin,g/L,35", "a,0,albumin,g/L,36"]
    events = ["a,deth,3", "b,death,4", "a,last_seen,-1"]
    told = " | ".join(problems_of(tmp_path, rows, events))
    for part in ("furlong", "abc", "twice the same", "Did you mean 'death'", "b (row", "0 or later"):
        assert part in told


def test_nobody_is_seen_after_death(tmp_path: Path) -> None:
    told = problems_of(tmp_path, ["a,0,alt,U/L,30"], ["a,death,3", "a,last_seen,9"])
    assert "seen after death" in told[0]


def test_a_group_must_be_a_trait_of_zeros_and_ones(tmp_path: Path) -> None:
    values = write(
        tmp_path / "v.csv", ["a,0,alt,U/L,30", "b,0,alt,U/L,40", "a,0,dialysed,1,1", "b,0,dialysed,1,0"]
    )
    cohort = read_cohort(values)
    assert {label: len(part.subjects) for label, part in cohort.split("dialysed").items()} == {
        "dialysed": 1,
        "no dialysed": 1,
    }
    with pytest.raises(BadInput, match="dialysed"):
        cohort.split("dialised")


def test_entry_is_the_last_value_until_day_0_else_the_first_of_day_1(tmp_path: Path) -> None:
    rows = [
        "a,-2,alt,U/L,1",
        "a,0,alt,U/L,2",
        "a,1,alt,U/L,3",
        "b,0.5,alt,U/L,4",
        "b,1,alt,U/L,5",
        "c,3,alt,U/L,6",
    ]
    people = real_people(read_cohort(write(tmp_path / "v.csv", rows)))
    assert people.entry["alt"][:2].tolist() == [2.0, 4.0]
    assert np.isnan(people.entry["alt"][2])


def test_the_command_refuses_with_code_2_and_writes_nothing(tmp_path: Path) -> None:
    values = write(tmp_path / "v.csv", ["a,0,alt,furlong,30"])
    out = tmp_path / "page"
    done = CliRunner().invoke(app, ["compare", str(values), "--definition", "easl_clif", "--out", str(out)])
    assert done.exit_code == 2
    assert not out.exists()
