"""Runs over members of an ensemble: each world its own parameters, candidates and cohort; the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hepatrial.ensemble.shares import Share
from hepatrial.errors import BadInput, RunFailed
from hepatrial.protocol import load_protocol
from hepatrial.trial import RunFolder, resume_trial, run_trial
from hepatrial.trial.plan import make_plan
from hepatrial.trial.plausible import CANDIDATES, CARDS, FILE, Worlds, worlds_from_bytes

LIN = load_protocol("lin2017")
MILD, DEADLY, NOBODY = {"death_base": 0.0005}, {"death_base": 0.05}, {"age": 74.0, "age.spread": 0.01}
TWO = Worlds(
    "posterior", ((0, 1), (1, 0)), {0: MILD, 1: DEADLY}, {"no_effect": 0.5, "secretome_60d": 0.5}, {}, "ab"
)
SMALL = {"patients": 20, "replicates": 4, "pairs": 16, "threads": 1}


def files(folder: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop("run.json", None)
    return found


def run(out: Path, worlds: Worlds = TWO, **options: object) -> RunFolder:
    return run_trial(LIN, out=out, worlds=worlds, **{**SMALL, **options})


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run(tmp_path_factory.mktemp("base") / "run")


def test_trials_and_persons_take_turns_in_the_worlds(base):
    trials = base.subjects.filter(pl.col("replicate") > 0)
    assert ((trials["replicate"] - 1) % 2 + 1 == trials["world"]).all()
    pairs = base.subjects.filter(pl.col("replicate") == 0)
    assert ((pairs["subject"] - 1) % 2 + 1 == pairs["world"]).all()
    assert set(base.subjects["variant"]) <= {"no_effect", "secretome_60d"}


def test_each_world_has_its_own_parameters_and_candidates(base):
    rate = base.subjects.group_by("world").agg(pl.col("overall_survival_event").mean()).sort("world")
    mild, deadly = rate["overall_survival_event"]
    assert mild < 0.3 < 0.6 < deadly
    numbers = base.subjects["patient"].to_numpy()
    assert ((numbers - 1) // CANDIDATES + 1 == base.subjects["world"].to_numpy()).all()


def test_a_person_is_the_same_patient_in_every_arm(base):
    pairs = base.subjects.filter(pl.col("replicate") == 0)
    assert (pairs.group_by("subject").agg(pl.col("patient").n_unique())["patient"] == 1).all()


def test_tables_are_in_the_order_of_the_keys_and_accepted_are_counted_over_worlds(base):
    keys = base.subjects.select("replicate", "arm", "subject")
    assert keys.equals(keys.sort("replicate", "arm", "subject"))
    told = base.acceptance
    assert sum(step["count"] for step in told["steps"]) == told["candidates"]
    assert {"name": "admitted", "count": 80} in told["steps"]


def test_persons_followed_again_are_the_same_patients_with_other_luck(base):
    again, pairs = base.followed_again, base.subjects.filter(pl.col("replicate") == 0)
    columns = ["subject", "arm", "patient", "world", "variant", "age"]
    assert again.select(columns).equals(pairs.select(columns))
    assert not again["overall_survival_time"].equals(pairs["overall_survival_time"])


@pytest.mark.parametrize("how", [{"threads": 3}, {"course_chunk": 7, "onset_chunk": 64}])
def test_threads_and_chunks_change_no_byte_of_the_tables(base, tmp_path, how):
    other = run(tmp_path / "run", **how)
    for name in ("subject.parquet", "visit.parquet", "event.parquet", "again.parquet", "acceptance.json"):
        assert (other.path / name).read_bytes() == (base.path / name).read_bytes()


def test_shares_of_worlds_become_the_whole_run_byte_for_byte(base, tmp_path):
    for number in (2, 1):
        run(tmp_path / "r", share=Share(number, 2))
    run(tmp_path / "r")
    assert files(tmp_path / "r") == files(base.path)


def test_a_run_is_resumed_from_its_own_worlds_not_from_those_that_ship(base, tmp_path):
    run(tmp_path / "r", share=Share(1, 2))
    resume_trial(tmp_path / "r", threads=1)
    assert files(tmp_path / "r") == files(base.path)


def test_worlds_that_are_not_those_of_the_spec_are_refused(tmp_path):
    run(tmp_path / "r", share=Share(1, 2))
    (tmp_path / "r" / FILE).write_bytes(CARDS.to_bytes())
    with pytest.raises(RunFailed, match="begin it anew"):
        resume_trial(tmp_path / "r", threads=1)


def test_a_member_in_which_nobody_is_admitted_is_replaced_by_the_next_one_for_that_world(
    tmp_path, base, monkeypatch
):
    monkeypatch.setattr("hepatrial.trial.plausible.BUDGET", 512)
    spare = Worlds(
        "posterior", ((2, 0), (1, 0)), {0: MILD, 1: DEADLY, 2: NOBODY}, dict(TWO.variants), {}, "ab"
    )
    other = run(tmp_path / "r", spare)
    assert other.subjects.equals(base.subjects)


def test_when_no_member_admits_anybody_the_criterion_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("hepatrial.trial.plausible.BUDGET", 512)
    with pytest.raises(BadInput, match="age"):
        run(tmp_path / "r", Worlds("posterior", ((0, 0),), {0: NOBODY}))


def test_a_setting_of_the_run_goes_before_that_of_a_world(tmp_path):
    other = run(tmp_path / "r", settings={"death_base": 0.05}, pairs=0)
    rate = other.subjects.group_by("world").agg(pl.col("overall_survival_event").mean())
    assert (rate["overall_survival_event"] > 0.6).all()


def test_one_variant_may_be_fixed_in_every_world(tmp_path):
    other = run(tmp_path / "r", variant="macrophage_switch", pairs=0, replicates=2)
    assert set(other.subjects["variant"]) == {"macrophage_switch"}


def test_worlds_survive_their_file():
    assert worlds_from_bytes(TWO.to_bytes()) == TWO


def test_a_larger_run_over_the_same_worlds_begins_with_the_smaller_one():
    weights = np.array([0.5, 0.5])
    small, large = (make_plan(LIN, 1, r, p, weights, 3) for r, p in ((4, 9), (7, 30)))
    for replicate, limit in ((0, 9), (2, 110), (4, 110)):
        kept = (large.replicate == replicate) & (large.subject <= limit)
        for name in ("person", "arm", "variant", "world", "row"):
            ours = getattr(small, name)[small.replicate == replicate]
            assert np.array_equal(getattr(large, name)[kept], ours), name


def test_the_cohort_of_a_world_has_no_gap():
    plan = make_plan(LIN, 1, 10, 50, np.array([1.0]), 3)
    for world in range(3):
        rows = np.unique(plan.row[(plan.world == world) & (plan.replicate > 0)])
        assert np.array_equal(rows, np.arange(len(rows)))


def test_trials_of_a_world_are_whole_before_the_last_world_is_admitted(tmp_path):
    told = []
    worlds = Worlds("posterior", ((0,), (1,), (0,), (1,)), TWO.settings, TWO.variants, {}, "ab")
    run(tmp_path / "run", worlds, pairs=0, progress=lambda *now: told.append(now))
    first, last = told.index(("courses", 1, 4)), told.index(("worlds", 4, 4))
    assert first < last
    assert told[-1] == ("courses", 4, 4)
