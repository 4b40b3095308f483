"""A trial's run in shares and on a cluster: the same tables, the same report."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepatrial import api
from hepatrial.ensemble.shares import Share
from hepatrial.errors import BadInput, RunFailed
from hepatrial.protocol import load_protocol
from hepatrial.trial import RunFolder, merge_trial, resume_trial, run_trial

LIN = load_protocol("lin2017")
SMALL = {"patients": 20, "replicates": 3, "pairs": 12, "threads": 1, "course_chunk": 20, "onset_chunk": 100}


def files(folder: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop("run.json", None)
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run_trial(LIN, out=tmp_path_factory.mktemp("base") / "run", **SMALL)


@pytest.mark.parametrize("of", [1, 3])
def test_shares_in_one_folder_become_the_whole_run_byte_for_byte(base, tmp_path, of):
    for number in range(of, 0, -1):
        run_trial(LIN, out=tmp_path / "r", share=Share(number, of), **SMALL)
        with pytest.raises(RunFailed, match="not finished"):
            RunFolder.open(tmp_path / "r")
    run_trial(LIN, out=tmp_path / "r", **SMALL)
    assert files(tmp_path / "r") == files(base.path)


def test_each_share_does_its_own_courses_only(tmp_path):
    run_trial(LIN, out=tmp_path / "r", share=Share(2, 3), **SMALL)
    done = {path.name.split(".")[0] for path in (tmp_path / "r" / "shards").glob("course-*")}
    assert done == {"course-20-00001", "course-20-00004"}


@pytest.mark.slow
def test_shares_of_the_front_door_merge_to_tables_and_report_of_the_whole_run(tmp_path):
    asked = {"patients": 20, "replicates": 2, "pairs": 6, "seed": 2, "threads": 1}
    whole = api.run("lin2017", out=tmp_path / "whole", **asked)
    for number in (1, 2):
        api.run("lin2017", out=tmp_path / f"part{number}", shard=f"{number}/2", **asked)
        assert not (tmp_path / f"part{number}" / "report.html").exists()
    with pytest.raises(RunFailed, match=r"2/2|1/2"):
        # All courses of so small a run fit into one chunk, which is that of the first share.
        api.merge(tmp_path / "part2")
    api.merge(tmp_path / "part2", [tmp_path / "part1"])
    assert files(tmp_path / "part2") == files(whole.path)


def test_another_run_is_not_merged(base, tmp_path):
    run_trial(LIN, out=tmp_path / "r", share=Share(1, 2), **{**SMALL, "pairs": 13})
    with pytest.raises(BadInput, match="share of the run"):
        merge_trial(base.path, [tmp_path / "r"])


def test_a_damaged_shard_is_made_again(base, tmp_path):
    run_trial(LIN, out=tmp_path / "r", share=Share(1, 1), **SMALL)
    (tmp_path / "r" / "shards" / "course-20-00001.visit.parquet").write_bytes(b"rubbish")
    run_trial(LIN, out=tmp_path / "r", **SMALL)
    assert files(tmp_path / "r") == files(base.path)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", ""])
def test_what_is_no_share_is_bad_input_and_writes_nothing(tmp_path, text):
    with pytest.raises(BadInput, match="i/n"):
        api.run("lin2017", out=tmp_path / "r", shard=text)
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_on_a_cluster_that_loses_a_worker_half_way_tables_and_report_are_the_same(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "ensemble"))
    from dask_at_home import cluster, hepatrial, wait_for_shards

    words = ["run", "lin2017", "--replicates", "40", "--pairs", "1000", "--seed", "4"]
    folder = tmp_path / "far"
    with cluster(tmp_path, 2) as at:
        process = hepatrial(*words, "--out", str(folder), "--scheduler", at.address, cwd=tmp_path)
        wait_for_shards(folder, "course-*.visit.parquet", 1, process)
        assert process.poll() is None, process.communicate()
        at.workers[0].kill()
        _, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
    process = hepatrial(*words, "--out", str(tmp_path / "whole"), cwd=tmp_path)
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert files(folder) == files(tmp_path / "whole")


@pytest.mark.slow
def test_killed_in_shares_and_resumed_whole_it_ends_the_same(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "ensemble"))
    from dask_at_home import hepatrial, wait_for_shards

    words = ["run", "lin2017", "--replicates", "30", "--pairs", "1000", "--seed", "4"]
    folder = tmp_path / "cut"
    process = hepatrial(*words, "--out", str(folder), "--shard", "2/3", cwd=tmp_path)
    wait_for_shards(folder, "onset-*", 2, process)
    process.kill()
    process.communicate(timeout=100)
    resume_trial(folder, threads=2, share=Share(2, 3))
    api.resume(folder, threads=2)
    whole = api.run("lin2017", replicates=30, pairs=1000, seed=4, out=tmp_path / "whole")
    assert files(folder) == files(whole.path)
