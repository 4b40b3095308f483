"""The run folder's promises about writing."""

import json

import polars as pl
import pytest

from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare, write_atomic
from hepatrial.errors import BadInput, RunFailed
from hepatrial.trial.folder import RunFolder

SPEC = {"seed": 1, "protocol": {"name": "x"}}


def test_a_new_folder_holds_its_spec(tmp_path):
    prepare(tmp_path / "a" / "run", SPEC)
    assert json.loads((tmp_path / "a" / "run" / "spec.json").read_text()) == SPEC


def test_the_folder_of_the_same_spec_is_opened_again(tmp_path):
    prepare(tmp_path / "run", SPEC).put("shards/a", b"1")
    assert prepare(tmp_path / "run", dict(reversed(SPEC.items()))).get("shards/a") == b"1"


def test_a_folder_of_another_spec_is_refused_and_left_untouched(tmp_path):
    prepare(tmp_path, SPEC)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    with pytest.raises(BadInput, match="seed"):
        prepare(tmp_path, {**SPEC, "seed": 2})
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(BadInput, match="new, empty"):
        prepare(tmp_path, SPEC)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="writable"):
        prepare(tmp_path / "file" / "run", SPEC)


def test_a_damaged_shard_counts_as_missing(tmp_path):
    shards = prepare(tmp_path, SPEC)
    shards.put("shards/a", b"good")
    (tmp_path / "shards" / "a").write_bytes(b"bad")
    assert shards.get("shards/a") is None
    shards.put("shards/a", b"again")
    assert shards.get("shards/a") == b"again"


def test_a_damaged_manifest_counts_as_none(tmp_path):
    shards = prepare(tmp_path, SPEC)
    shards.put("shards/a", b"good")
    (tmp_path / "manifest.json").write_bytes(b'{"files": {"shar')
    assert shards.manifest() == {}
    assert shards.get("shards/a") is None


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_write_waits_for_the_disk(tmp_path, monkeypatch, durable):
    waited = []
    monkeypatch.setattr("os.fsync", waited.append)
    write_atomic(tmp_path / "x", b"1", durable=durable)
    assert bool(waited) == durable
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_write_that_fails_leaves_the_old_content_and_no_debris(tmp_path, monkeypatch):
    write_atomic(tmp_path / "x", b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_atomic(tmp_path / "x", b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_equal_tables_give_equal_bytes_however_they_were_put_together():
    whole = pl.DataFrame({"a": range(1000), "b": ["x", "y"] * 500})
    parts = pl.concat([whole[:300], whole[300:301], whole[301:]])
    assert parquet_bytes(whole) == parquet_bytes(parts)


def test_json_is_sorted_and_refuses_nan():
    assert json_bytes({"b": 1, "a": "肝"}).decode() == '{\n "a": "肝",\n "b": 1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"a": float("nan")})


def test_opening_needs_a_finished_undamaged_run(tmp_path):
    with pytest.raises(BadInput, match="hepatrial run"):
        RunFolder.open(tmp_path)
    shards = prepare(tmp_path, SPEC)
    with pytest.raises(RunFailed, match="resume"):
        RunFolder.open(tmp_path)
    table = pl.DataFrame({"a": [1]})
    for name in ("subject", "visit", "event"):
        shards.put(f"{name}.parquet", parquet_bytes(table))
    run = RunFolder.open(tmp_path)
    assert run.spec == SPEC
    assert run.subjects.equals(table)
    assert run.visits.equals(table)
    (tmp_path / "event.parquet").write_bytes(b"")
    with pytest.raises(RunFailed, match="event"):
        RunFolder.open(tmp_path)


def test_the_hash_is_that_of_the_spec_and_nothing_else(tmp_path):
    for name, spec in (("a", SPEC), ("b", SPEC), ("c", {**SPEC, "seed": 2})):
        shards = prepare(tmp_path / name, spec)
        for table in ("subject", "visit", "event"):
            shards.put(f"{table}.parquet", parquet_bytes(pl.DataFrame({"a": [1]})))
    a, b, c = (RunFolder.open(tmp_path / name).hash for name in "abc")
    assert a == b != c


def test_further_files_are_listed_with_their_checksum(tmp_path):
    shards = prepare(tmp_path, SPEC)
    RunFolder(tmp_path).write("results.json", b"{}\n")
    assert shards.get("results.json") == b"{}\n"
    assert isinstance(shards, Shards)
