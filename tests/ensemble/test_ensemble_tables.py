"""What an ensemble's tables hold: closed forms, inputs of each patient, bounded problems."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from two_cause_model import ASKED, DRAWS, tables, write_model

import hepatrial
from hepatrial import BadInput, EnsembleFolder, RunFailed, load_model, run_ensemble
from hepatrial.ensemble.plan import parse_days
from hepatrial.rng import Stream


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(write_model(tmp_path_factory.mktemp("model")))


def run(model, out, table=None, **asked):
    made = run_ensemble(model, table, out=out, **{**ASKED, "threads": 1, "rtol": 1e-8, **asked})
    assert isinstance(made, EnsembleFolder)
    return made


def test_columns_of_the_table_are_parameters_and_initial_values_of_each_patient(model, tmp_path):
    k, x = np.array([0.1, 0.4, 0.9]), np.array([1.0, 2.0, 5.0])
    folder = run(model, tmp_path / "r", {"k": k, "x": x}, events=False, precision="float64")
    visits = folder.visits.collect()
    expected = x[:, None] * np.exp(-k[:, None] * np.array(ASKED["visits"]))
    assert visits["patient"].to_list() == np.repeat([1, 2, 3], 4).tolist()
    assert visits["day"].to_list() == list(ASKED["visits"]) * 3
    np.testing.assert_allclose(visits["x"].to_numpy().reshape(3, 4), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(visits["level"], 10 * visits["x"], rtol=1e-12)
    assert folder.events.collect().height == 0


def test_thresholds_are_those_of_the_patients_own_streams(model, tmp_path):
    folder = run(model, tmp_path / "r", patients=200)
    events = folder.events.collect()
    numbers = np.arange(1, 201)
    death = Stream(5, "threshold.death").exponential(numbers) / 0.01
    died = events.filter(pl.col("cause") == "death")
    assert died["patient"].to_list() == numbers[death < 60].tolist()
    np.testing.assert_allclose(died["day"], death[death < 60], rtol=1e-6)
    relapse = np.cumsum(Stream(5, "threshold.relapse").exponential_table(numbers, 24), axis=1) / 0.05
    there = relapse < np.minimum(death, 60)[:, None]
    relapses = events.filter(pl.col("cause") == "relapse")
    np.testing.assert_allclose(relapses["day"], relapse[there], rtol=1e-6)
    assert folder.summary["events"] == {"death": died.height, "relapse": relapses.height}


def test_visits_after_the_end_of_a_course_are_not_there_and_its_status_says_why(model, tmp_path):
    found = tables(run(model, tmp_path / "r", {"death_rate": [0.5] * 50}).path)
    ends = found["patients"].select("patient", "end")
    joined = found["visits"].join(ends, on="patient")
    assert (joined["day"] <= joined["end"]).all()
    wanted = (np.array(ASKED["visits"])[None, :] <= ends["end"].to_numpy()[:, None]).sum()
    assert joined.height == wanted < 200
    assert set(found["patients"]["status"]) == {"ended"}


def test_a_course_that_uses_up_its_thresholds_is_counted_as_failed_or_goes_on_as_asked(model, tmp_path):
    often = {"relapse_rate": [0.5] * 20}
    failed = run(model, tmp_path / "a", often, occurrences=3).summary
    assert failed["failed"] == failed["status"]["occurrences_exhausted"] == 20
    assert "more occurrences" in failed["sentences"]["occurrences_exhausted"]
    most = run(model, tmp_path / "b", often, occurrences=3, beyond="never")
    assert most.summary["failed"] == 0
    counts = most.events.filter(pl.col("cause") == "relapse").group_by("patient").len().collect()
    assert counts["len"].max() == 3


def test_doses_without_a_patient_are_for_everybody_and_with_one_for_that_one(model, tmp_path):
    options = {"events": False, "precision": "float64", "visits": (2.0, 3.0), "outputs": ("x",)}
    one = {"time": [1.0], "action": ["give"], "amount": [3.0]}
    everybody = run(model, tmp_path / "a", patients=3, doses=one, **options).visits.collect()
    alone = run(
        model, tmp_path / "b", {"patient": [7, 4, 9]}, doses={**one, "patient": [4]}, **options
    ).visits.collect()
    without, given = 2 * np.exp(-0.5 * np.array([2, 3])), 3 * np.exp(-0.5 * np.array([1, 2]))
    np.testing.assert_allclose(everybody["x"].to_numpy().reshape(3, 2), [without + given] * 3, rtol=1e-6)
    np.testing.assert_allclose(
        alone["x"].to_numpy().reshape(3, 2), [without, without + given, without], rtol=1e-6
    )
    assert alone["patient"].to_list() == [7, 7, 4, 4, 9, 9]


def test_a_dose_at_the_time_of_a_visit_comes_after_it_and_later_rows_after_earlier_ones(model, tmp_path):
    doses = {"time": [5.0, 2.0], "action": ["give"] * 2, "amount": [1.0, 4.0]}
    found = run(
        model, tmp_path / "r", patients=1, doses=doses, events=False, visits=(2.0,), outputs=("x",)
    ).visits.collect()
    assert found["x"][0] == pytest.approx(2 * np.exp(-1), rel=1e-5)


def test_draws_have_the_distribution_that_was_asked_for(model, tmp_path):
    draws = {
        **DRAWS,
        "relapse_rate": {"distribution": "normal", "mean": 0.05, "sd": 0.05, "min": 0.0, "max": 0.1},
        "x": {"distribution": "lognormal", "median": 2.0, "log_sd": 0.0},
    }
    folder = run(model, tmp_path / "r", patients=20_000, draws=draws, end=0.5, visits=(0.0,), rtol=1e-2)
    from hepatrial.ensemble.worker import Worker

    parameters, initial = Worker.of(folder.path).inputs(0, 20_000)
    value = dict(zip(model.parameters, parameters.T, strict=True))
    logs = np.log(value["k"])
    assert (logs.mean(), logs.std()) == (pytest.approx(np.log(0.5), abs=0.01), pytest.approx(0.3, abs=0.01))
    assert 0.002 < value["death_rate"].min() < 0.0021
    assert 0.0199 < value["death_rate"].max() < 0.02
    assert 0 <= value["relapse_rate"].min() < 1e-3
    assert 0.099 < value["relapse_rate"].max() <= 0.1
    assert value["relapse_rate"].mean() == pytest.approx(0.05, abs=5e-4)
    np.testing.assert_allclose(initial[:, model.states.index("x")], 2.0, rtol=1e-12)


def test_single_precision_is_double_precision_rounded(model, tmp_path):
    short = run(model, tmp_path / "a", patients=20, draws=DRAWS).visits.collect()
    long = run(model, tmp_path / "b", patients=20, draws=DRAWS, precision="float64").visits.collect()
    assert short["x"].dtype == pl.Float32
    assert short["x"].equals(long["x"].cast(pl.Float32))


def test_a_value_too_large_for_single_precision_is_not_written_as_infinity(model, tmp_path):
    with pytest.raises(RunFailed, match="--precision float64"):
        run(model, tmp_path / "a", {"x": [1e39]})
    run(model, tmp_path / "b", {"x": [1e39]}, precision="float64")


def test_a_csv_a_parquet_and_a_frame_of_the_same_table_give_the_same_ensemble(model, tmp_path):
    frame = pl.DataFrame({"patient": [3, 1], "k": [0.2, 0.7]})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    made = [
        run(model, tmp_path / f"r{i}", table).path
        for i, table in enumerate([frame, tmp_path / "t.csv", str(tmp_path / "t.parquet")])
    ]
    hashes = {EnsembleFolder.open(path).hash for path in made}
    assert len(hashes) == 1


def test_every_file_of_values_carries_the_mark_and_the_runs_hash(model, tmp_path):
    folder = run(model, tmp_path / "r", patients=2)
    for path in (folder.path / "shards").glob("*.parquet"):
        told = pl.read_parquet_metadata(path)
        assert told["mark"] == "Simulated. No patients. Not evidence of benefit."
        assert told["run"] == folder.hash


def test_all_problems_come_at_once_with_nearest_names_and_nothing_is_written(model, tmp_path):
    with pytest.raises(BadInput) as caught:
        run_ensemble(
            model,
            {"K": [1.0, 2.0], "death_rate": [0.1, np.nan], "x": ["a", "b"], "patient": [4, 4]},
            draws={"relaps_rate": {"distribution": "lognorml"}, "k": {"distribution": "uniform", "low": 2}},
            doses={"time": [-1.0], "action": ["giv"], "amount": [1.0]},
            visits=(3.0, 1.0),
            end=float("nan"),
            outputs=("levle",),
            rtol=0.0,
            chunk=0,
            threads=0,
            out=tmp_path / "r",
        )
    told = {problem.place: problem for problem in caught.value.problems}
    assert told["--table, column K"].nearest == "k"
    assert "row 2" in told["--table, column death_rate"].given
    assert "numbers" in told["--table, column x"].allowed
    assert told["draws.relaps_rate"].nearest == "relapse_rate"
    assert told["draws.relaps_rate.distribution"].nearest == "lognormal"
    assert {"draws.k.high", "--outputs", "--visits", "--end", "--rtol", "--chunk", "--threads"} <= set(told)
    assert told["--outputs"].nearest == "level"
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"table": {"patient": [4, 4]}}, "--table, column patient", "more than once"),
        ({"table": {"patient": [-1]}}, "--table, column patient", "1 of 1"),
        ({"table": {"patient": [1.5]}}, "--table, column patient", "whole numbers"),
        ({"table": {"k": []}}, "--table", "no rows"),
        ({"table": "nowhere.csv"}, "--table", "no such file"),
        ({"table": {"k": [1.0]}, "patients": 3}, "--table, --patients", "both"),
        ({}, "--table, --patients", "neither"),
        ({"patients": 0}, "--patients", "from 1"),
        ({"table": {"k": [1.0]}, "draws": {"k": DRAWS["k"]}}, "draws.k", "the table too"),
        ({"patients": 1, "doses": {"time": [1.0]}}, "--doses", "action"),
        (
            {"patients": 1, "doses": {"time": [1.0], "action": ["giv"], "amount": [1.0]}},
            "--doses, column action",
            "give",
        ),
        (
            {"patients": 2, "doses": {"time": [1.0], "action": ["give"], "amount": [1.0], "patient": [3]}},
            "--doses, column patient",
            "such as 3",
        ),
        ({"patients": 1, "precision": "float16"}, "--precision", "float32"),
        ({"patients": 1, "beyond": "stop"}, "--beyond", "never"),
        ({"patients": 1, "visits": (61.0,)}, "--visits", "none after the end"),
        ({"patients": 1, "outputs": ("x", "x")}, "--outputs", "once"),
        ({"patients": 1, "shard": "3/2"}, "--shard", "i/n"),
    ],
)
def test_each_thing_that_is_wrong_is_named(model, tmp_path, changed, place, said):
    with pytest.raises(BadInput) as caught:
        run_ensemble(model, out=tmp_path / "r", **{**ASKED, **changed})
    sentences = [p.sentence() for p in caught.value.problems if p.place == place]
    assert sentences, caught.value
    assert any(said in sentence for sentence in sentences)
    assert not (tmp_path / "r").exists()


def test_the_folder_of_another_ensemble_is_left_untouched(model, tmp_path):
    run(model, tmp_path / "r", patients=2)
    with pytest.raises(BadInput, match="options"):
        run(model, tmp_path / "r", patients=3)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(BadInput, match="new, empty"):
        run(model, tmp_path / "mine", patients=3)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_model_with_general_events_is_refused_by_name(tmp_path):
    path = tmp_path / "general.ant"
    path.write_text("model g\n x = 1; x' = -x;\n E1: at (x < 0.5): x = 1;\nend\n")
    with pytest.raises(BadInput, match="E1"):
        run_ensemble(path, patients=1, end=1.0, out=tmp_path / "r")


def test_days_are_read_from_lists_and_ranges():
    assert parse_days("0,7,28", "--visits") == (0.0, 7.0, 28.0)
    assert parse_days("0:1:0.1,5", "--visits") == (*(i * 0.1 for i in range(11)), 5.0)
    with pytest.raises(BadInput) as caught:
        parse_days("a,0:7,0:7:0,1", "--visits")
    assert len(caught.value.problems) == 3


def test_the_spec_says_what_was_asked_and_names_no_place_on_this_machine(model, tmp_path):
    folder = run(model, tmp_path / "r", {"k": [0.5]})
    text = (folder.path / "spec.json").read_text()
    spec = json.loads(text)
    assert spec["model_hash"] == model.hash
    assert spec["options"]["visits"] == list(ASKED["visits"])
    assert str(tmp_path) not in text
    assert hepatrial.EnsembleFolder is EnsembleFolder
