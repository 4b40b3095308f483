"""Whole runs on the patient model: the folder, determinism, resume, counterfactual arms."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from hepatrial.ensemble.storage import Shards
from hepatrial.errors import BadInput, RunFailed
from hepatrial.model.variants import load_variants
from hepatrial.protocol import load_protocol
from hepatrial.trial import RunFolder, resume_trial, run_trial
from hepatrial.trial.run import patient_machine

LIN = load_protocol("lin2017")
SMALL = {"patients": 20, "replicates": 3, "pairs": 12}
FINAL = ("subject.parquet", "visit.parquet", "event.parquet", "acceptance.json", "admission.json")
KEYS = ["replicate", "arm", "subject"]


def run(out, protocol=LIN, **options) -> RunFolder:
    return run_trial(protocol, out=out, **{**SMALL, **options})


def final_bytes(folder):
    return {name: (folder.path / name).read_bytes() for name in FINAL}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return run(tmp_path_factory.mktemp("base") / "run", threads=1)


def test_a_run_holds_every_trial_and_every_counterfactual_arm(base):
    counts = dict(base.subjects.group_by("replicate", "arm").len().select(
        pl.struct("replicate", "arm").map_elements(lambda k: f"{k['replicate']} {k['arm']}", pl.String), "len"
    ).iter_rows())  # fmt: skip
    sizes = {arm: LIN.with_patients(20).arms[arm].n for arm in LIN.arms}
    assert counts == {
        **{f"0 {arm}": 12 for arm in sizes},
        **{f"{r} {arm}": n for r in (1, 2, 3) for arm, n in sizes.items()},
    }
    assert base.subjects.select(KEYS).equals(base.subjects.select(KEYS).sort(KEYS))
    assert (base.subjects["status"] == "ok").all()


def test_tables_refer_to_each_other(base):
    subjects = base.subjects.select(*KEYS, "patient")
    for table in (base.visits, base.events):
        assert table.join(subjects, on=[*KEYS, "patient"], how="anti").height == 0
    deaths = base.events.filter(pl.col("event") == "death").height
    assert deaths == base.subjects["overall_survival_event"].sum() > 0


def test_subjects_meet_the_entry_criteria_at_baseline(base):
    for limit in LIN.entry_limits:
        values = base.subjects[f"baseline_{limit.measure}"]
        assert limit.min is None or (values >= limit.min).all()
        assert limit.max is None or (values <= limit.max).all()
    assert base.subjects["age"].is_between(18, 65).all()
    assert not base.subjects["infected_at_entry"].any()


def test_the_spec_says_what_was_asked_and_with_what(base):
    spec = json.loads((base.path / "spec.json").read_text())
    assert spec == base.spec
    assert spec["options"]["seed"] == 1
    assert spec["model_hash"] == patient_machine().spec.hash
    assert {"numpy", "scipy", "polars"} <= set(spec["versions"])
    assert spec["protocol"]["arms"]["msc"]["n"] + spec["protocol"]["arms"]["smt"]["n"] == 20
    assert len(base.hash) == 64


def test_acceptance_counts_every_candidate_and_admission_describes_the_cohort(base):
    told = base.acceptance
    assert sum(step["count"] for step in told["steps"]) == told["candidates"]
    assert {"name": "admitted", "count": 60} in told["steps"]
    assert told["subjects"] == told["distinct_patients"] == 60
    rows = {(r["measure"], r["statistic"]): r["value"] for r in base.admission.to_dicts()}
    assert rows["bilirubin", "median"] >= 171
    assert rows["infected", "percent"] == 0


@pytest.mark.parametrize(
    "how", [{"threads": 2}, {"course_chunk": 17, "onset_chunk": 100}, {"threads": 2, "course_chunk": 5}]
)
def test_threads_and_chunks_change_no_byte_of_the_final_files(base, tmp_path, how):
    other = run(tmp_path / "run", **{"threads": 1, **how})
    assert final_bytes(other) == final_bytes(base)
    assert (other.path / "spec.json").read_bytes() == (base.path / "spec.json").read_bytes()


def test_equal_runs_differ_in_run_json_only(base, tmp_path):
    other = run(tmp_path / "run", threads=1)
    names = sorted(str(p.relative_to(base.path)) for p in base.path.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(other.path)) for p in other.path.rglob("*") if p.is_file())
    differ = [n for n in names if (base.path / n).read_bytes() != (other.path / n).read_bytes()]
    assert set(differ) <= {"run.json"}


def test_a_larger_run_begins_with_the_smaller_one(base, tmp_path):
    larger = run(tmp_path / "run", replicates=5, pairs=20)
    for name in ("subjects", "visits", "events"):
        part = getattr(larger, name).filter(
            pl.when(pl.col("replicate") == 0)
            .then(pl.col("subject") <= 12)
            .otherwise(pl.col("replicate") <= 3)
        )
        assert part.equals(getattr(base, name)), name


def test_the_seed_changes_patients_and_luck(base, tmp_path):
    other = run(tmp_path / "run", seed=2)
    assert not np.isclose(other.subjects["age"], base.subjects["age"]).any()


def test_a_setting_changes_the_courses_and_the_spec(base, tmp_path):
    other = run(tmp_path / "run", settings={"death_base": 0.02})
    assert other.hash != base.hash
    assert other.subjects["overall_survival_time"].mean() < base.subjects["overall_survival_time"].mean()


def test_until_the_first_infusion_a_persons_course_is_the_same_in_every_arm(tmp_path):
    """Two worlds that differ by one thing: cells from day 15 on."""
    data = {
        "arms.msc.regimen[0].days": [15, 16, 17, 18],
        "arms.msc.regimen[0].window": "0 d",
        "arms.msc.regimen[0].dose": "2e6 cells/kg",
        "discharge_to_die": {"share": 0.0},
        "care.plasma": {"inr_above": 1.5, "rate": "0.3 L/d"},
    }
    protocol, _ = LIN.with_settings(data)
    folder = run(tmp_path / "run", protocol, replicates=1, pairs=60, variant="secretome_60d")
    visits = folder.visits.filter(pl.col("replicate") == 0)
    msc, smt = (visits.filter(pl.col("arm") == arm) for arm in ("msc", "smt"))
    both = msc.join(smt, on=["subject", "visit"], suffix="_control")
    assert (both["day"] == both["day_control"]).all()
    before, after = both.filter(pl.col("day") < 15), both.filter(pl.col("day") > 25)
    assert before.height > 60
    for measure in ("alt", "bilirubin", "albumin", "inr", "creatinine", "platelets"):
        same = np.isclose(before[measure], before[f"{measure}_control"], rtol=2e-3)
        assert same.all(), measure
    changed = ~np.isclose(after["bilirubin"], after["bilirubin_control"], rtol=1e-2)
    assert changed.mean() > 0.5
    early = folder.events.filter((pl.col("replicate") == 0) & (pl.col("day") < 15))
    told = {
        arm: early.filter(pl.col("arm") == arm).select("subject", "event", pl.col("day").round(2))
        for arm in LIN.arms
    }
    assert told["msc"].equals(told["smt"])


def test_control_arms_are_identical_whatever_the_variant_and_treated_arms_are_not(tmp_path):
    null = run(tmp_path / "null", variant="no_effect")
    some = run(tmp_path / "some", variant="secretome_60d")
    for name in ("subjects", "visits", "events"):
        a, b = (getattr(folder, name).filter(pl.col("arm") == "smt") for folder in (null, some))
        drop = ["variant"] if name == "subjects" else []
        assert a.drop(drop).equals(b.drop(drop)), name
    treated = [f.visits.filter((pl.col("arm") == "msc") & (pl.col("week") >= 4)) for f in (null, some)]
    assert not treated[0]["bilirubin"].equals(treated[1]["bilirubin"])
    assert null.subjects["variant"].unique().to_list() == ["no_effect"]


def test_without_the_option_variants_are_those_of_the_model(base):
    assert set(base.subjects["variant"]) <= set(load_variants())
    assert base.subjects.group_by("replicate").agg(pl.col("variant").n_unique()).filter(
        (pl.col("replicate") > 0) & (pl.col("variant") > 1)
    ).height == 0  # fmt: skip


def interrupting(stage, at):
    def tell(now, done, _total):
        if now == stage and done >= at:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize(("stage", "at"), [("admission", 20), ("courses", 2)])
def test_an_interrupted_run_can_be_resumed_and_ends_byte_identical(base, tmp_path, stage, at):
    out = tmp_path / "run"
    chunks = {"onset_chunk": 150, "course_chunk": 16, "threads": 2}
    with pytest.raises(KeyboardInterrupt):
        run(out, **chunks, progress=interrupting(stage, at))
    with pytest.raises(RunFailed, match="resume"):
        RunFolder.open(out)
    kept = {p: p.stat().st_mtime_ns for p in (out / "shards").iterdir()}
    assert kept
    finished = run(out, **chunks)
    assert final_bytes(finished) == final_bytes(base)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_a_run_killed_between_two_writes_is_resumed_from_its_spec_alone(base, tmp_path, monkeypatch):
    out, writes = tmp_path / "run", 0
    put = Shards.put

    def killed(self, name, data, **how):
        nonlocal writes
        writes += 1
        if writes == 5:
            raise SystemExit("killed")
        put(self, name, data, **how)

    monkeypatch.setattr(Shards, "put", killed)
    with pytest.raises(SystemExit):
        run(out, threads=1)
    monkeypatch.setattr(Shards, "put", put)
    finished = resume_trial(out, threads=2)
    assert final_bytes(finished) == final_bytes(base)


def test_a_damaged_final_table_is_rebuilt(base, tmp_path):
    folder = run(tmp_path / "run")
    (folder.path / "visit.parquet").write_bytes(b"not a table")
    assert final_bytes(resume_trial(folder.path)) == final_bytes(base)


def test_a_finished_run_is_not_simulated_again(tmp_path):
    folder = run(tmp_path / "run")
    before = final_bytes(folder)

    def no_solve(*_args, **_kwargs):
        raise AssertionError("simulated again")

    again = run(tmp_path / "run", machine=replace(patient_machine(), solve=no_solve))
    assert final_bytes(again) == before


def test_a_folder_of_another_spec_is_refused_untouched(tmp_path):
    folder = run(tmp_path / "run")
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.path.rglob("*") if p.is_file()}
    for other in ({"seed": 2}, {"pairs": 13}, {"settings": {"flare": 1.0}}, {"variant": "no_effect"}):
        with pytest.raises(BadInput, match="another specification"):
            run(tmp_path / "run", **other)
    assert {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.path.rglob("*") if p.is_file()
    } == before


def test_resuming_needs_a_run(tmp_path):
    with pytest.raises(BadInput, match="hepatrial run"):
        resume_trial(tmp_path)


def test_wrong_options_are_reported_together_and_nothing_is_written(tmp_path):
    wrong = {"patients": 1, "replicates": 0, "pairs": -1, "seed": -5, "threads": 0, "variant": "no_efect"}
    with pytest.raises(BadInput) as refused:
        run(tmp_path / "run", **wrong)
    problems = {problem.place: problem for problem in refused.value.problems}
    assert set(problems) == {f"--{name}" for name in wrong}
    assert problems["--variant"].nearest == "no_effect"
    assert not (tmp_path / "run").exists()


def test_a_run_beyond_reason_is_refused(tmp_path):
    with pytest.raises(BadInput, match="courses"):
        run(tmp_path / "run", replicates=9_000_000)


def test_progress_is_told_for_both_stages(tmp_path):
    told = []
    run(tmp_path / "run", progress=lambda *now: told.append(now), course_chunk=20)
    for stage in ("admission", "courses"):
        mine = [(done, total) for name, done, total in told if name == stage]
        assert mine == sorted(mine)
        assert mine[-1][0] == mine[-1][1] > 0


def test_a_matched_run_carries_its_table_1_into_the_baseline(tmp_path, monkeypatch):
    monkeypatch.setattr("hepatrial.population.cohort.BLOCK", 200)
    wish = [{"variable": "age", "mean": 50, "sd": 8, "grade": "assumed", "source": "test"}]
    protocol, _ = LIN.with_settings({"population.table1": wish})
    folder = run(tmp_path / "run", protocol, patients=50, replicates=4, pairs=0)
    assert folder.subjects["age"].mean() == pytest.approx(50, abs=0.6)
    assert folder.subjects["age"].std() == pytest.approx(8, abs=0.6)
    assert folder.acceptance["matching"]["requested"]
    assert folder.acceptance["distinct_patients"] < 200
