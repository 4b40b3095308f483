"""What is kept in the cache folder is found again, and nothing there is trusted that was not put there."""

import os
import stat
import subprocess
import sys
import threading

import pytest

import hepatrial
from hepatrial import cache
from hepatrial.errors import BadInput
from hepatrial.model import kept, load_patient_model
from hepatrial.model.untrusted import load_model, read_model

TANK = "model tank()\n  x = 3; k = 0.5; x' = -k*x; twice := 2*x\nend\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    chosen = tmp_path / "kept"
    monkeypatch.setenv("HEPATRIAL_CACHE", str(chosen))
    return chosen


def test_what_is_kept_is_found_under_its_name_only(folder):
    cache.keep("a.json", b"text")
    assert cache.read_kept("a.json") == b"text"
    assert cache.read_kept("b.json") is None
    (folder / "a.json").rename(folder / "b.json")
    assert cache.read_kept("b.json") is None


@pytest.mark.parametrize("bad", [b"", b"nonsense", b"x" * 40])
def test_a_damaged_file_is_taken_for_absent(folder, bad):
    cache.keep("a.json", b"text" * 100)
    good = (folder / "a.json").read_bytes()
    for content in (bad, good[:-1], good + b" ", good[:50] + b"?" + good[51:]):
        (folder / "a.json").write_bytes(content)
        assert cache.read_kept("a.json") is None


@pytest.mark.skipif(sys.platform == "win32", reason="no such bits")
def test_a_file_that_others_may_write_is_not_trusted(folder):
    cache.keep("a.json", b"text")
    file = folder / "a.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for others in (stat.S_IWGRP, stat.S_IWOTH):
        file.chmod(0o600 | others)
        assert cache.read_kept("a.json") is None
    file.chmod(0o644)
    assert cache.read_kept("a.json") == b"text"


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_not_trusted(folder):
    cache.keep("a.json", b"text")
    os.chown(folder / "a.json", 12345, 12345)
    assert cache.read_kept("a.json") is None


def test_clearing_leaves_nothing_of_ours_and_everything_else(folder):
    cache.keep("a.json", b"text")
    cache.keep("b.o", b"code")
    (folder / "unfinished-xyz").write_bytes(b"cut off by a kill")
    (folder / "notes.txt").write_text("mine")
    assert cache.clear_cache() == 3
    assert [file.name for file in folder.iterdir()] == ["notes.txt"]


def test_what_was_not_used_for_longest_goes_when_there_is_too_much(monkeypatch):
    monkeypatch.setattr(cache, "MOST_BYTES", 350)
    for k, name in enumerate(("a.o", "b.o", "c.o")):
        cache.keep(name, bytes(68))
        os.utime(cache.cache_folder() / name, (k, k))
    cache.read_kept("a.o")
    cache.keep("d.o", bytes(68))
    assert [cache.read_kept(name) is not None for name in ("a.o", "b.o", "c.o", "d.o")] == [
        True,
        False,
        True,
        True,
    ]


def test_readers_and_writers_of_one_name_never_see_half_a_file():
    contents = [bytes([k]) * 100_000 for k in range(4)]
    stop = threading.Event()

    def write(content):
        while not stop.is_set():
            cache.keep("a.o", content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    try:
        seen = {cache.read_kept("a.o") for _ in range(300)}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen <= {None, *contents}
    assert cache.read_kept("a.o") in contents


def test_a_model_read_before_is_the_same_without_its_parsers(tmp_path):
    """In a fresh process, so that nothing is in memory."""
    file = tmp_path / "tank.ant"
    file.write_text(TANK)
    program = (
        "import sys, hepatrial\n"
        "from hepatrial.model.wire import spec_to_json\n"
        f"spec = hepatrial.load_model({str(file)!r})\n"
        "patient = hepatrial.load_patient_model()\n"
        "print(hash(spec_to_json(spec) + spec_to_json(patient)))\n"
        "print([m for m in ('libsbml', 'antimony', 'pydantic', 'scipy', 'polars') if m in sys.modules])\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        ).stdout.splitlines()
        for _ in range(2)
    )
    assert first[0] == second[0]
    assert "libsbml" in first[1]
    assert second[1] == "[]"


def test_another_text_is_another_model(tmp_path):
    file = tmp_path / "tank.ant"
    for k in ("0.5", "0.25"):
        file.write_text(TANK.replace("0.5", k))
        spec = load_model(file)
        assert spec.default_parameters[spec.parameters.index("k")] == float(k)


def test_an_entry_that_is_no_model_is_read_again(tmp_path, folder):
    file = tmp_path / "tank.ant"
    file.write_text(TANK)
    good = load_model(file)
    (entry,) = folder.glob("*.json")
    for text in (b"{}", b"not json", b'{"nodes": [["add", [5, 6], 0.0, ""]]}'):
        cache.keep(entry.name, text)
        assert load_model(file).hash == good.hash


def test_a_refused_model_is_not_kept(tmp_path, folder):
    file = tmp_path / "bad.ant"
    file.write_text("model bad()\n  x' = ((\nend\n")
    with pytest.raises(BadInput):
        load_model(file)
    assert not list(folder.glob("*"))


def test_antimony_that_imports_a_file_follows_that_file(tmp_path):
    file = tmp_path / "whole.ant"
    file.write_text('import "part.ant"\nmodel whole()\n  p: part();\n  x = 1; x\' = -x\nend\n')
    starts = []
    for start in (1.0, 2.0):
        (tmp_path / "part.ant").write_text(f"model part()\n  y = {start}; y' = -y\nend\n")
        spec = load_model(file)
        starts.append(spec.initial_state[spec.states.index("p_y")])
    assert starts == [1.0, 2.0]


def test_a_file_changed_while_it_was_read_is_not_kept(tmp_path, folder):
    file = tmp_path / "tank.ant"
    file.write_text(TANK)
    texts = iter([b"before", b"after"])
    kept.kept_or_read("file", lambda: [next(texts)], lambda: read_model(file))
    assert len(list(folder.glob("*.json"))) == 1  # that of read_model itself


def test_the_patient_model_is_the_same_from_the_folder():
    load_patient_model.cache_clear()
    first = hepatrial.load_patient_model()
    load_patient_model.cache_clear()
    second = hepatrial.load_patient_model()
    assert first is not second
    assert first.hash == second.hash
    assert first.rates == second.rates  # expressions are unique, so equal ones are the same object
    assert first.default_parameters.tobytes() == second.default_parameters.tobytes()
