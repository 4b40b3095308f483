"""Whatever is wrong with a run's input: exit code 2, every problem named, nothing written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hepatrial.cli.app import app
from hepatrial.protocol import new_protocol

RUNNER = CliRunner()
SMALL = ("--replicates", "1", "--pairs", "2")


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of each test: empty, and looked at afterwards."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> Result:
    return RUNNER.invoke(app, ["run", *arguments, *SMALL])


def refused(result: Result, *pieces: str) -> None:
    """Exit code 2, no traceback, nothing on stdout, and each piece said."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    for piece in pieces:
        assert piece in result.stderr


def file_with(change: Callable[[str], str], folder: Path) -> Path:
    """A protocol like Lin 2017 with something wrong in it, outside the working folder."""
    text = new_protocol("mytrial")
    broken = change(text)
    assert broken != text
    path = folder.parent / "mytrial.toml"
    path.write_text(broken)
    return path


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ('blinding = "open"', 'blindness = "open"', ["identity.blindness", "Did you mean 'blinding'?"]),
        ('control_arm = "smt"', 'control_arm = "smtt"', ["endpoints", "Did you mean 'smt'?"]),
        ('dose = "3.2e5 cells/kg"', 'dose = "1e8 cells/kg"', ["arms.msc.regimen[0].dose", "1e8 cells/kg"]),
        ('dose = "3.2e5 cells/kg"', 'dose = "3.2e5 mg"', ["arms.msc.regimen[0].dose", "mg"]),
        ("days = [0, 7, 14, 21]", "days = [-7, 0, 7, 14]", ["arms.msc.regimen[0].days", "-7"]),
        ("n = 54", "n = 0", ["arms.smt.n", "0"]),
        ("weeks = [1, 2, 3, 4, 8", "weeks = [1, 3, 2, 4, 8", ["visits.weeks"]),
        ('length = "24 weeks"', 'length = "-24 weeks"', ["follow_up.length"]),
        ("[follow_up]", "[follow_upp]", ["Did you mean 'follow_up'?"]),
        ('id = "mytrial"', "id = mytrial", ["TOML", "line"]),
    ],
    ids=[
        "unknown key",
        "misspelt arm",
        "dose too large",
        "dose in a wrong unit",
        "negative time",
        "empty arm",
        "visits out of order",
        "negative length",
        "unknown section",
        "not TOML",
    ],
)
def test_a_protocol_that_cannot_be_is_refused(
    empty_folder: Path, old: str, new: str, pieces: list[str]
) -> None:
    path = file_with(lambda text: text.replace(old, new, 1), empty_folder)
    refused(run(str(path)), *pieces)
    assert list(empty_folder.iterdir()) == []


def test_an_arm_without_patients_or_entries_is_refused(empty_folder: Path) -> None:
    path = file_with(lambda text: text.replace("[batch]", "[arms.third]\n\n[batch]", 1), empty_folder)
    refused(run(str(path)), "arms.third.label", "arms.third.n")
    assert list(empty_folder.iterdir()) == []


def test_all_problems_of_file_options_and_settings_come_together(empty_folder: Path) -> None:
    result = RUNNER.invoke(
        app,
        [
            "run", "lin2017", "--patients", "1", "--replicates", "0", "--pairs", "-1", "--seed", "-5",
            "--threads", "0", "--lang", "fr", "--variant", "no_efect", "--set", "regenration=0.7",
            "--set", "collapse_load=high", "--set", "arms.mcs.n=20", "--set", "oops",
        ],
    )  # fmt: skip
    refused(
        result,
        "11 problems",
        "--patients: given 1",
        "--replicates: given 0",
        "--pairs: given -1",
        "--seed: given -5",
        "--threads: given 0",
        "'fr'",
        "Did you mean 'no_effect'?",
        "Did you mean 'regeneration'?",
        "collapse_load",
        "Did you mean 'msc'?",
        "'oops'",
    )
    assert list(empty_folder.iterdir()) == []


def test_two_things_wrong_in_a_file_are_told_with_what_is_wrong_in_the_options(empty_folder: Path) -> None:
    def two(text: str) -> str:
        return text.replace("n = 54", "n = 0").replace('window = "2 d"', 'window = "2 kg"')

    path = file_with(two, empty_folder)
    refused(run(str(path), "--set", "regeneration.spred=1"), "arms.smt.n", "window", "regeneration.spred")


@pytest.mark.parametrize(
    ("setting", "piece"),
    [
        ("hbv=1", "is decided by"),
        ("regeneration=nan", "finite number"),
        ("regeneration.spread=-1", "spread above 0"),
        ("age=200", "from 18"),
        ("visits.weeks=[4, 2]", "visits.weeks"),
        ("arms.msc.regimen[3].dose=1e6 cells/kg", "an index below 1"),
        ("a.b.c=1", "a.b.c"),
        ("=3", "NAME=VALUE"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(empty_folder: Path, setting: str, piece: str) -> None:
    refused(run("lin2017", "--set", setting), piece)
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "piece"),
    [
        ("lin2071", "Did you mean 'lin2017'?"),
        ("no/such/file.toml", "a file that can be read"),
        (".", "a file that can be read"),
    ],
)
def test_a_protocol_that_is_not_there_is_refused(empty_folder: Path, name: str, piece: str) -> None:
    refused(run(name if name != "." else "./"), piece)
    assert list(empty_folder.iterdir()) == []


def test_a_file_that_is_no_text_is_refused(empty_folder: Path) -> None:
    path = empty_folder.parent / "bytes.toml"
    path.write_bytes(b"\xff\xfe\x00")
    refused(run(str(path)), "UTF-8")


def test_an_option_that_is_no_number_is_a_usage_error(empty_folder: Path) -> None:
    result = RUNNER.invoke(app, ["run", "lin2017", "--patients", "ten"])
    assert result.exit_code == 2
    assert list(empty_folder.iterdir()) == []


def test_problems_come_as_json_when_json_is_asked_for() -> None:
    result = RUNNER.invoke(app, ["run", "lin2071", "--seed", "-1", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["problems"][0]["nearest"] == "lin2017"


@pytest.mark.slow
def test_criteria_that_nobody_meets_are_refused_with_the_one_that_fails_most(empty_folder: Path) -> None:
    path = file_with(lambda text: text.replace('min = "171 umol/L"', 'min = "1490 umol/L"', 1), empty_folder)
    refused(run(str(path)), "bilirubin")
    assert list(empty_folder.iterdir()) == []


@pytest.mark.slow
def test_a_table_1_that_nobody_can_match_is_refused(empty_folder: Path) -> None:
    wish = '[[population.table1]]\nvariable = "age"\nmean = 64.5\nsd = 0.2\n\n[population.criteria]'
    path = file_with(lambda text: text.replace("[population.criteria]", wish, 1), empty_folder)
    refused(run(str(path)), "table1")
    assert list(empty_folder.iterdir()) == []


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = RUNNER.invoke(app, ["run", "lin2017", *SMALL, "--seed", "5", "--out", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_of_another_run_is_left_untouched(finished: Path) -> None:
    before = contents(finished)
    refused(run("lin2017", "--seed", "6", "--out", str(finished)), "another specification", "options")
    assert contents(finished) == before


def test_a_folder_with_other_things_in_it_is_left_untouched(empty_folder: Path) -> None:
    folder = empty_folder.parent / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    refused(run("lin2017", "--out", str(folder)), "new, empty, or the folder of the same run")
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_untouched(empty_folder: Path) -> None:
    file = empty_folder.parent / "file"
    file.write_text("precious")
    refused(run("lin2017", "--out", str(file)), "--out")
    refused(run("lin2017", "--out", str(file / "below")), "must be writable")
    assert file.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser can write everywhere")
def test_a_read_only_folder_is_refused(empty_folder: Path) -> None:
    locked = empty_folder.parent / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    refused(run("lin2017", "--out", str(locked / "run")), "must be writable")
    refused(run("lin2017", "--out", str(locked)), "must be writable")
    assert list(locked.iterdir()) == []


def test_a_folder_that_the_system_will_not_let_us_make_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", no)
    refused(run("lin2017"), "must be writable (Permission denied)")


@pytest.mark.parametrize("command", ["resume", "report"])
def test_a_folder_without_a_run_can_be_neither_resumed_nor_reported(empty_folder: Path, command: str) -> None:
    result = RUNNER.invoke(app, [command, "nowhere"])
    refused(result, "hepatrial run")
    assert list(empty_folder.iterdir()) == []


def test_a_language_without_a_report_is_refused(finished: Path) -> None:
    before = contents(finished)
    for command in ("report", "resume"):
        refused(RUNNER.invoke(app, [command, str(finished), "--lang", "fr"]), "'fr'")
    assert contents(finished) == before


def test_the_command_itself_ends_with_two_and_without_a_traceback(empty_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hepatrial", "run", "lin2071"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(empty_folder.iterdir()) == []
