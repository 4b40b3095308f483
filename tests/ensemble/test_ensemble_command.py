"""`hepatrial model ensemble`, `resume`, `merge` as a user calls them; killed, interrupted, on a cluster."""

from __future__ import annotations

import json
import signal

import polars as pl
import pytest
from dask_at_home import cluster, hepatrial, wait_for_shards
from two_cause_model import files, tables, write_model
from typer.testing import CliRunner

from hepatrial.cli.app import app

RUNNER = CliRunner()
DRAWS_TOML = """k = { distribution = "lognormal", median = 0.5, log_sd = 0.3 }
death_rate = { distribution = "uniform", low = 0.002, high = 0.02 }
"""
SMALL = ["--visits", "0:28:7", "--end", "60", "--outputs", "x,level", "--chunk", "64"]
LONG = ["--patients", "60000", "--visits", "0:28:0.5", "--end", "60", "--chunk", "500", "--rtol", "1e-7"]


@pytest.fixture
def asked(tmp_path) -> list[str]:
    (tmp_path / "draws.toml").write_text(DRAWS_TOML)
    return ["model", "ensemble", str(write_model(tmp_path)), "--draws", str(tmp_path / "draws.toml")]


def called(words: list[str], code: int = 0):
    result = RUNNER.invoke(app, words)
    assert result.exit_code == code, result.output
    return result


def test_a_table_goes_in_and_tables_come_out(tmp_path, asked):
    pl.DataFrame({"patient": [11, 12], "x": [1.0, 4.0]}).write_csv(tmp_path / "patients.csv")
    doses = tmp_path / "doses.csv"
    doses.write_text("time,action,amount\n1,give,2\n")
    words = [*asked, "--table", str(tmp_path / "patients.csv"), "--doses", str(doses), *SMALL]
    result = called([*words, "--out", str(tmp_path / "r")])
    assert "2 patients" in result.output
    assert "Simulated. No patients." in result.output
    found = tables(tmp_path / "r")
    assert found["visits"].filter(pl.col("day") == 0)["x"].to_list() == [1.0, 4.0]
    told = json.loads(called([*words, "--out", str(tmp_path / "r"), "--json"]).stdout)
    assert told["patients"] == 2
    assert told["failed"] == 0


def test_shares_say_what_comes_next_and_merge_says_what_is_missing(tmp_path, asked):
    words = [*asked, "--patients", "300", *SMALL]
    called([*words, "--out", str(tmp_path / "whole")])
    folder = tmp_path / "r"
    result = called([*words, "--out", str(folder), "--shard", "1/2"])
    assert f"hepatrial merge {folder}" in result.output
    missing = called(["merge", str(folder)], 1)
    assert "2/2 (2 of 2 chunks)" in missing.output
    called(["resume", str(folder), "--shard", "2/2"])
    called(["merge", str(folder)])
    assert files(folder) == files(tmp_path / "whole")


def test_bad_input_is_a_list_of_sentences_and_writes_nothing(tmp_path, asked):
    words = [*asked, "--patients", "3", "--visits", "0:b", "--end", "-6", "--shard", "4/3"]
    told = called([*words, "--outputs", "levle", "--out", str(tmp_path / "r")], 2).output
    assert all(word in told for word in ("4 problems", "FROM:TO:STEP", "--end", "2/8", "'level'"))
    words = [*asked, "--patients", "3", "--end", "60", "--outputs", "levle", "--out", str(tmp_path / "r")]
    told = called([*words], 2).output
    assert "Did you mean 'level'" in told
    assert "Traceback" not in told
    assert not (tmp_path / "r").exists()
    assert "ensemble" in called(["merge", str(tmp_path)], 2).output


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_run_killed_or_interrupted_is_resumed_to_the_same_files(tmp_path, asked, blow):
    words = [*asked, *LONG]
    folder = tmp_path / "cut"
    process = hepatrial(*words, "--out", str(folder), cwd=tmp_path)
    wait_for_shards(folder, "*.visit.parquet", 20, process)
    process.send_signal(blow)
    _, err = process.communicate(timeout=120)
    assert not (folder / "summary.json").exists(), "it was too fast to be cut"
    if blow == signal.SIGINT:
        assert process.returncode == 130
        assert f"hepatrial resume {folder}" in err
        assert "Traceback" not in err
    called(["resume", str(folder)])
    called([*words, "--out", str(tmp_path / "whole"), "--threads", "1"])
    assert files(folder) == files(tmp_path / "whole")


@pytest.mark.slow
def test_on_a_cluster_that_loses_a_worker_half_way_the_files_are_the_same(tmp_path, asked):
    pytest.importorskip("distributed")
    words = [*asked, *LONG]
    folder = tmp_path / "far"
    with cluster(tmp_path, 2) as at:
        process = hepatrial(*words, "--out", str(folder), "--scheduler", at.address, cwd=tmp_path)
        wait_for_shards(folder, "*.visit.parquet", 30, process)
        assert process.poll() is None, process.communicate()
        at.workers[0].kill()
        assert len(list((folder / "shards").glob("*.patient.parquet"))) < 120, "it was too fast"
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    called([*words, "--out", str(tmp_path / "whole")])
    assert files(folder) == files(tmp_path / "whole")


@pytest.mark.slow
def test_where_no_scheduler_is_the_command_says_so(tmp_path, asked):
    pytest.importorskip("distributed")
    words = [*asked, "--patients", "3", *SMALL, "--out", str(tmp_path / "r")]
    process = hepatrial(*words, "--scheduler", "tcp://127.0.0.1:1", cwd=tmp_path)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert "--scheduler" in err
    assert "Traceback" not in err
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_shares_that_begin_at_the_same_moment_do_not_disturb_each_other(tmp_path, asked):
    words = [*asked, "--patients", "9000", *SMALL]
    jobs = [
        hepatrial(*words, "--out", str(tmp_path / "r"), "--shard", f"{number}/3", cwd=tmp_path)
        for number in (1, 2, 3)
    ]
    for job in jobs:
        _, err = job.communicate(timeout=200)
        assert job.returncode == 0, err
    called(["merge", str(tmp_path / "r")])
    called([*words, "--out", str(tmp_path / "whole")])
    assert files(tmp_path / "r") == files(tmp_path / "whole")
