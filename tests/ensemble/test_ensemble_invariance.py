"""Nothing but the patient, the seed and the question changes a bit of a patient's rows."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_cause_model import ASKED, DRAWS, TEXT, THIRD_CAUSE, files, tables, write_model

from hepatrial import EnsembleFolder, RunFailed, load_model, merge_ensemble, resume_ensemble, run_ensemble
from hepatrial.model import ModelSpec

N = 60
K = np.random.Generator(np.random.Philox(3)).uniform(0.1, 1.0, N)
NUMBERS = np.random.Generator(np.random.Philox(4)).permutation(1000)[:N]
DOSES = {
    "patient": np.repeat(NUMBERS, 2),
    "time": np.tile([3.0, 10.0], N),
    "action": ["give"] * (2 * N),
    "amount": np.repeat(K, 2),
}


@cache
def own_model(text: str = TEXT) -> ModelSpec:
    with TemporaryDirectory() as folder:
        return load_model(write_model(Path(folder), text))


def outcome(rows: np.ndarray, model: ModelSpec | None = None, **changed):
    """Tables of some of the patients, in the order given."""
    chosen = set(NUMBERS[rows].tolist())
    keep = [i for i, number in enumerate(DOSES["patient"]) if number in chosen]
    doses = {name: [values[i] for i in keep] for name, values in DOSES.items()}
    asked = {**ASKED, "draws": {"death_rate": DRAWS["death_rate"]}, "doses": doses, "threads": 1, **changed}
    with TemporaryDirectory() as folder:
        table = {"patient": NUMBERS[rows], "k": K[rows]}
        run_ensemble(model or own_model(), table, out=Path(folder) / "r", **asked)
        return tables(Path(folder) / "r")


@cache
def whole():
    return outcome(np.arange(N))


def assert_same(found, expected):
    for name in expected:
        assert found[name].equals(expected[name]), name


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.integers(0, N - 1), min_size=1, max_size=N, unique=True),
    chunk=st.integers(1, 70),
    threads=st.integers(1, 3),
)
def test_order_company_chunks_and_threads_change_no_bit(rows, chunk, threads):
    found = outcome(np.array(rows), chunk=chunk, threads=threads)
    mine = NUMBERS[rows].tolist()
    assert_same(found, {name: t.filter(pl.col("patient").is_in(mine)) for name, t in whole().items()})


def test_an_added_hazard_disturbs_nobody_elses_luck():
    text = TEXT
    for old, new in zip(THIRD_CAUSE[::2], THIRD_CAUSE[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    more, fewer = outcome(np.arange(N), own_model(text), rtol=1e-9), outcome(np.arange(N), rtol=1e-9)
    assert set(more["events"]["cause"]) - set(fewer["events"]["cause"]) == {"fall"}
    old = more["events"].filter(pl.col("cause") != "fall")
    assert old.select("patient", "cause").equals(fewer["events"].select("patient", "cause"))
    np.testing.assert_allclose(old["day"], fewer["events"]["day"], rtol=1e-7)


def test_an_added_draw_changes_nobodys_other_draws_or_thresholds():
    plain = {"death_rate": DRAWS["death_rate"]}
    same = {**plain, "relapse_rate": {"distribution": "normal", "mean": 0.05, "sd": 0.0}}
    assert_same(outcome(np.arange(N), draws=same), outcome(np.arange(N), draws=plain))


def test_another_treatment_leaves_the_luck_as_it_is():
    """Counterfactual arms: the drug acts on neither hazard, so the events stay, and only the drug changes."""
    treated, control = whole(), outcome(np.arange(N), doses=None)
    assert treated["events"].select("patient", "cause").equals(control["events"].select("patient", "cause"))
    np.testing.assert_allclose(treated["events"]["day"], control["events"]["day"], rtol=1e-6)
    assert not treated["visits"]["x"].equals(control["visits"]["x"])


def test_the_seed_changes_the_luck_and_the_number_of_a_patient_is_its_key():
    assert not outcome(np.arange(N), seed=6)["events"].equals(whole()["events"])
    with TemporaryDirectory() as folder:
        for name, numbers in (("a", [1, 2]), ("b", [2, 3])):
            run_ensemble(
                own_model(),
                {"patient": numbers},
                out=Path(folder) / name,
                draws=DRAWS,
                **{**ASKED, "end": 400.0},
            )
        a, b = (tables(Path(folder) / name) for name in "ab")
        second = pl.col("patient") == 2
        assert_same({n: t.filter(second) for n, t in a.items()}, {n: t.filter(second) for n, t in b.items()})


ENSEMBLE = {**ASKED, "patients": 500, "draws": DRAWS, "chunk": 64, "threads": 2}


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("base") / "run"
    run_ensemble(own_model(), out=path, **ENSEMBLE)
    return path


def test_an_equal_call_gives_equal_files(base, tmp_path):
    run_ensemble(own_model(), out=tmp_path / "r", **{**ENSEMBLE, "threads": 1})
    assert files(tmp_path / "r") == files(base)


@pytest.mark.parametrize("of", [1, 3, 20])
def test_shares_in_one_folder_merge_to_the_whole_run(base, tmp_path, of):
    for number in range(of, 0, -1):
        made = run_ensemble(own_model(), out=tmp_path / "r", shard=f"{number}/{of}", **ENSEMBLE)
        assert made is None
    merge_ensemble(tmp_path / "r")
    assert files(tmp_path / "r") == files(base)


def test_shares_in_folders_of_their_own_merge_to_the_whole_run(base, tmp_path):
    for number in (1, 2, 3):
        run_ensemble(own_model(), out=tmp_path / f"p{number}", shard=f"{number}/3", **ENSEMBLE)
    with pytest.raises(RunFailed, match=r"2/3 .*3/3 "):
        merge_ensemble(tmp_path / "p1")
    merge_ensemble(tmp_path / "p1", [tmp_path / "p2", tmp_path / "p3"])
    assert files(tmp_path / "p1") == files(base)


def test_merging_says_which_shares_are_missing_and_how_much_of_them(tmp_path):
    for number in (1, 3):
        run_ensemble(own_model(), out=tmp_path / "r", shard=f"{number}/3", **ENSEMBLE)
    (tmp_path / "r" / "shards" / "000003.visit.parquet").unlink()
    with pytest.raises(RunFailed) as caught:
        merge_ensemble(tmp_path / "r")
    assert "1/3 (1 of 3 chunks), 2/3 (3 of 3 chunks)." in str(caught.value)
    with pytest.raises(RunFailed, match="resume"):
        EnsembleFolder.open(tmp_path / "r")
    resume_ensemble(tmp_path / "r", shard="1/3")
    with pytest.raises(RunFailed, match=r"missing: 2/3 \(3 of 3 chunks\)\."):
        merge_ensemble(tmp_path / "r")


def test_a_share_of_another_run_is_not_merged(base, tmp_path):
    from hepatrial import BadInput

    run_ensemble(own_model(), out=tmp_path / "r", shard="1/2", **{**ENSEMBLE, "seed": 9})
    with pytest.raises(BadInput, match="share of the run"):
        merge_ensemble(base, [tmp_path / "r"])


@pytest.mark.parametrize("damage", ["missing", "other bytes", "manifest", "half-written"])
def test_resume_makes_again_what_is_missing_or_damaged_and_nothing_else(base, tmp_path, damage):
    path = tmp_path / "r"
    run_ensemble(own_model(), out=path, shard="1/1", **ENSEMBLE)
    target = path / "shards" / "000002.event.parquet"
    kept = path / "shards" / "000001.event.parquet"
    before = kept.stat().st_mtime_ns
    if damage == "missing":
        target.unlink()
    elif damage == "other bytes":
        target.write_bytes(b"rubbish")
    elif damage == "manifest":
        (path / "manifest-1-of-1.json").write_bytes(b'{"files": {"sha')
    else:
        (path / "shards" / ".000002.event.parquet.x7").write_bytes(b"PAR1")
    resume_ensemble(path)
    assert files(path) == files(base)
    assert damage == "manifest" or kept.stat().st_mtime_ns == before


def test_a_run_killed_before_it_had_a_spec_is_begun_again_by_the_same_call(base, tmp_path):
    (tmp_path / "r" / "inputs").mkdir(parents=True)
    (tmp_path / "r" / "inputs" / ".model.json.x1").write_bytes(b"{")
    run_ensemble(own_model(), out=tmp_path / "r", **ENSEMBLE)
    assert files(tmp_path / "r") == files(base)


def test_kept_inputs_that_were_changed_are_noticed(tmp_path):
    run_ensemble(own_model(), {"k": [0.1, 0.2]}, out=tmp_path / "r", shard="1/2", **{**ASKED, "chunk": 1})
    (tmp_path / "r" / "inputs" / "patients-00000.parquet").write_bytes(b"changed")
    with pytest.raises(RunFailed, match="patients-00000"):
        resume_ensemble(tmp_path / "r")
