"""`hepatrial validate statistics`: the agreement table, its exit codes and what it packages."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hepatrial.analysis import validate, validate_checks
from hepatrial.analysis.validate import Agreement, Check, Tables, validate_statistics
from hepatrial.cli.app import app

RUNNER = CliRunner()
DATA = Path(__file__).parents[2] / "../shared/data"
FIELDS = {"function", "reference", "value", "expected", "difference", "tolerance", "status"}


def packaged() -> str:
    return resources.files("hepatrial.analysis").joinpath("reference.json").read_text("utf-8")


@pytest.mark.skipif(not DATA.exists(), reason="the reference data are absent")
def test_every_statistic_is_equal_to_r_where_the_data_are_there() -> None:
    result = RUNNER.invoke(app, ["validate", "statistics", "--data", str(DATA), "--json"])
    found = json.loads(result.stdout)
    assert [entry for entry in found if entry["status"] == "off"] == []
    assert result.exit_code == 0
    assert all(set(entry) == FIELDS for entry in found)
    assert sum(entry["status"] == "ok" for entry in found) >= 60
    for entry in found:
        if entry["status"] == "ok" and entry["expected"] is not None:
            assert entry["difference"] == entry["value"] - entry["expected"]
            assert abs(entry["difference"]) <= entry["tolerance"] * (1 + 1e-9)


@pytest.mark.skipif(not DATA.exists(), reason="the reference data are absent")
def test_the_packaged_numbers_are_those_of_the_reference_digit_by_digit() -> None:
    ours = json.loads(packaged(), parse_float=Decimal)
    theirs = json.loads((DATA / "reference_numbers.json").read_text(), parse_float=Decimal)
    source = ours.pop("source")
    assert "rpact" in source
    for name, value in ours.items():
        assert value == theirs[name]


def test_without_data_the_rest_is_skipped_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, ["validate", "statistics", "--json"])
    found = json.loads(result.stdout)
    assert result.exit_code == 0
    assert len(found) >= 60
    assert {entry["status"] for entry in found} == {"ok", "skipped"}
    for entry in found:
        data_free = entry["reference"].startswith(tuple(json.loads(packaged())))
        assert (entry["status"] == "ok") == data_free
    plain = RUNNER.invoke(app, ["validate", "statistics"])
    assert "0 off" in plain.stderr
    assert "analysis.group_sequential" in plain.stdout


def test_a_number_that_is_off_is_named_and_exits_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(validate_checks, "size_for_rates", lambda *_, **__: 338.7)
    result = RUNNER.invoke(app, ["validate", "statistics", "--json"])
    off = [entry for entry in json.loads(result.stdout) if entry["status"] == "off"]
    assert result.exit_code == 1
    assert {entry["function"] for entry in off} == {"analysis.size_for_rates"}
    assert off[0]["difference"] == pytest.approx(338.7 - off[0]["expected"])


def test_a_folder_without_the_reference_is_refused(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["validate", "statistics", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "reference_numbers.json" in result.stderr


def test_tables_and_numbers_that_are_absent_are_skipped_and_others_computed(tmp_path: Path) -> None:
    numbers = {"x": {"n": 2, "s": 0.51, "lost": None}}
    (tmp_path / "reference_numbers.json").write_text(json.dumps(numbers))
    (tmp_path / "pbc_mayo.csv").write_text('"time","sex"\n1,"m"\nNA,"f"\n')
    more = [
        Check("f", ("x", "n"), lambda t: len(t["pbc"]["time"])),
        Check("f", ("x", "s"), lambda t: 0.5149 if t["pbc"]["sex"][1] == "f" else 0),
        Check("f", ("x", "s"), lambda _: 0.5151),
        Check("f", ("x", "s"), lambda _: 0.52, rtol=0.1),
        Check("f", ("x", "lost"), lambda _: float("nan")),
        Check("f", ("x", "n"), lambda _: float("nan")),
        Check("f", ("x", "n"), lambda t: t["udca"]["trt"][0]),
        Check("f", ("x", "nothing"), lambda _: 1),
    ]
    found: list[Agreement] = validate_statistics(tmp_path, more=more)[-len(more) :]
    assert [a.status for a in found] == ["ok", "ok", "off", "ok", "ok", "off", "skipped", "skipped"]
    with pytest.raises(ValueError, match="gave 2 numbers"):
        validate_statistics(tmp_path, more=[Check("f", ("x", "n"), lambda _: [1, 2])])


def test_a_missing_optional_package_skips_its_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(validate.importlib, "import_module", refuse)
    with pytest.raises(validate.Absent, match="lung"):
        Tables(None)["lung"]
