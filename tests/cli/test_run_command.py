"""`hepatrial run`, `resume` and `report`, end to end on Lin 2017 in miniature."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

import hepatrial
from hepatrial.cli.app import app
from hepatrial.schema import MARK, PAIR_REPLICATE

RUNNER = CliRunner()
TABLES = ("subject.parquet", "visit.parquet", "event.parquet", "acceptance.json", "admission.json")
SMALL = {"patients": "20", "replicates": "3", "pairs": "10", "seed": "5"}


def run_into(folder: Path, **options: str) -> dict[str, object]:
    words = [word for name, value in {**SMALL, **options}.items() for word in (f"--{name}", value)]
    result = RUNNER.invoke(app, ["run", "lin2017", *words, "--out", str(folder), "--json"])
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.stdout)
    return told


def tables(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "run"
    run_into(folder, threads="1")
    return folder


def test_a_run_ends_by_naming_the_report_and_goes_to_the_default_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, ["run", "lin2017", "--replicates", "2", "--pairs", "4", "--seed", "9"])
    assert result.exit_code == 0, result.output
    report = Path("runs") / "lin2017-9" / "report.html"
    assert result.stdout.splitlines()[-1] == f"Report: {report}"
    assert report.stat().st_size > 10_000
    assert MARK["en"] in result.stdout


def test_simulated_survival_is_printed_beside_published_at_weeks_4_12_and_24(base: Path) -> None:
    result = RUNNER.invoke(app, ["report", str(base)])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if "Alive" in line]
    for week in (4, 12, 24):
        assert len([line for line in lines if f"week {week} " in line]) == 2
    assert "73.2" in result.stdout
    assert "55.6" in result.stdout


def test_json_on_stdout_is_json_and_says_where_everything_is(tmp_path: Path) -> None:
    told = run_into(tmp_path / "run")
    assert told["folder"] == str(tmp_path / "run")
    assert Path(str(told["report"])).is_file()
    assert told["mark"] == MARK["en"]
    assert told["comparison"]
    assert told["hash"] == hepatrial.RunFolder.open(tmp_path / "run").hash


def test_the_numbers_on_the_command_line_are_the_numbers_of_rows(base: Path) -> None:
    subjects = pl.read_parquet(base / "subject.parquet")
    trials = subjects.filter(pl.col("replicate") != PAIR_REPLICATE)
    assert trials["replicate"].unique().sort().to_list() == [1, 2, 3]
    assert trials.group_by("replicate").len()["len"].to_list() == [20, 20, 20]
    pairs = subjects.filter(pl.col("replicate") == PAIR_REPLICATE)
    assert pairs.group_by("arm").len()["len"].to_list() == [10, 10]


@pytest.mark.slow
def test_the_same_run_again_leaves_the_tables_and_the_report_as_they_are(base: Path) -> None:
    before, report = tables(base), (base / "report.html").read_bytes()
    run_into(base)
    assert tables(base) == before
    assert (base / "report.html").read_bytes() == report


@pytest.mark.slow
def test_threads_change_neither_tables_nor_report(base: Path, tmp_path: Path) -> None:
    run_into(tmp_path / "run", threads="2")
    assert tables(tmp_path / "run") == tables(base)
    assert (tmp_path / "run" / "report.html").read_bytes() == (base / "report.html").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [
        {"patients": "22"},
        {"replicates": "2"},
        {"pairs": "9"},
        {"seed": "6"},
        {"set": "death_base=0.01"},
        {"set": "arms.msc.regimen[0].dose=1e6 cells/kg"},
        {"variant": "no_effect"},
    ],
    ids=lambda option: " ".join(next(iter(option.items()))),
)
def test_every_option_changes_the_run(base: Path, tmp_path: Path, option: dict[str, str]) -> None:
    run_into(tmp_path / "run", **option)
    assert tables(tmp_path / "run")["subject.parquet"] != tables(base)["subject.parquet"]
    assert hepatrial.RunFolder.open(tmp_path / "run").hash != hepatrial.RunFolder.open(base).hash


def test_python_and_the_command_line_make_the_same_run(base: Path, tmp_path: Path) -> None:
    made = hepatrial.run(
        "lin2017", patients=20, replicates=3, pairs=10, seed=5, out=tmp_path / "run", threads=2
    )
    assert tables(made.path) == tables(base)
    assert made.hash == hepatrial.RunFolder.open(base).hash


@pytest.mark.slow
def test_settings_from_python_are_those_of_the_command_line(tmp_path: Path) -> None:
    run_into(tmp_path / "a", set="regeneration=0.6")
    made = hepatrial.run(
        "lin2017", patients=20, replicates=3, pairs=10, seed=5, settings={"regeneration": 0.6},
        out=tmp_path / "b",
    )  # fmt: skip
    assert tables(made.path) == tables(tmp_path / "a")


def test_the_report_can_be_written_in_chinese_from_the_same_tables(base: Path) -> None:
    before = tables(base)
    result = RUNNER.invoke(app, ["report", str(base), "--lang", "zh", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["mark"] == MARK["zh"]
    assert MARK["zh"] in (base / "report.html").read_text(encoding="utf-8")
    assert tables(base) == before
    assert RUNNER.invoke(app, ["report", str(base)]).exit_code == 0


def test_an_unfinished_run_is_not_reported_but_resumed(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "inputs").mkdir(parents=True)
    for name in ("spec.json", "inputs/worlds.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    result = RUNNER.invoke(app, ["report", str(folder)])
    assert result.exit_code == 1
    assert "resume" in result.stderr
    assert "Traceback" not in result.stderr
    assert RUNNER.invoke(app, ["resume", str(folder), "--threads", "1"]).exit_code == 0
    assert tables(folder) == tables(base)


@pytest.mark.slow
def test_a_damaged_table_ends_with_one_and_is_mended_by_resume(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run_into(folder)
    (folder / "event.parquet").write_bytes(b"rubbish")
    result = RUNNER.invoke(app, ["report", str(folder), "--json"])
    assert result.exit_code == 1
    assert "event.parquet" in json.loads(result.stdout)["failed"]
    assert RUNNER.invoke(app, ["resume", str(folder)]).exit_code == 0
    assert tables(folder) == tables(base)


def interrupted(folder: Path, command: list[str], has: str) -> subprocess.CompletedProcess[str]:
    """Send Ctrl-C to a run as soon as its folder holds a file whose name begins with ``has``."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if any((folder / "shards").glob(f"{has}*")):
            process.send_signal(signal.SIGINT)
            break
        time.sleep(0.01)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["onset", "course"])
def test_ctrl_c_ends_with_130_says_how_to_resume_and_resume_gives_the_same_run(
    tmp_path: Path, stage: str
) -> None:
    options = ["--replicates", "40", "--pairs", "200", "--seed", "3"]
    command = [sys.executable, "-m", "hepatrial", "run", "lin2017", *options]
    folder = tmp_path / "cut"
    done = interrupted(folder, [*command, "--out", str(folder)], stage)
    assert done.returncode == 130, done.stderr
    assert f"hepatrial resume {folder}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "report.html").exists()
    resumed = RUNNER.invoke(app, ["resume", str(folder)])
    assert resumed.exit_code == 0, resumed.output
    whole = tmp_path / "whole"
    assert RUNNER.invoke(app, ["run", "lin2017", *options, "--out", str(whole)]).exit_code == 0
    assert tables(folder) == tables(whole)
    assert (folder / "report.html").read_bytes() == (whole / "report.html").read_bytes()


def drained(terminal: int) -> bytes:
    """Everything written to a pseudo-terminal until its other end is closed."""
    shown = b""
    try:
        while piece := os.read(terminal, 65536):
            shown += piece
    except OSError:
        pass  # how Linux says that the other end is closed
    return shown


@pytest.mark.slow
def test_progress_is_shown_on_a_terminal_and_only_there(tmp_path: Path) -> None:
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "hepatrial", "run", "lin2017", "--replicates", "2", "--pairs", "4"]
    result = tmp_path / "stdout"
    with result.open("wb") as stdout:
        process = subprocess.Popen(
            [*command, "--out", str(tmp_path / "run"), "--json"], stdout=stdout, stderr=other_end
        )
    os.close(other_end)
    shown = drained(terminal)
    os.close(terminal)
    assert process.wait(timeout=300) == 0
    assert json.loads(result.read_bytes())["folder"] == str(tmp_path / "run")
    assert b"worlds" in shown
    assert b"courses" in shown


def test_parameters_and_members_that_cannot_be_are_told_together_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    words = ["--parameters", "card", "--members", "0", "--out", str(tmp_path / "run")]
    result = RUNNER.invoke(app, ["run", "lin2017", *words])
    assert result.exit_code == 2
    assert "cards" in result.stderr
    assert "--members" in result.stderr
    assert not (tmp_path / "run").exists()


def test_on_the_cards_alone_there_is_one_world_and_no_file_of_worlds(tmp_path: Path) -> None:
    run_into(tmp_path / "run", parameters="cards")
    assert not (tmp_path / "run" / "inputs").exists()
    assert json.loads((tmp_path / "run" / "spec.json").read_text())["worlds"]["kind"] == "cards"
    assert "centres of the parameter cards" in (tmp_path / "run" / "report.html").read_text()
