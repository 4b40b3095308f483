"""What is shown of a run before it is done is a part of what it will be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hepatrial import api
from hepatrial.protocol import load_protocol
from hepatrial.report import benefit
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.documents import stamp_of
from hepatrial.report.gather import gather
from hepatrial.report.results import results_of
from hepatrial.report.strategies import strategy_curves
from hepatrial.trial import run_trial
from hepatrial.web.figures import caption, frame_of
from hepatrial.web.jobs.live import Trials, finished, first_curves, ordered_arms

LIN = load_protocol("lin2017").with_patients(20)
OPTIONS = {
    "patients": 20, "replicates": 3, "pairs": 24, "seed": 5, "settings": {}, "variant": None,
    "parameters": "ensemble", "members": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    worlds = api.worlds_for(OPTIONS)
    return run_trial(LIN, **api.options_of_trial(OPTIONS), worlds=worlds, threads=1, out=out)


def curves_of(subjects):
    days = np.arange(0.0, LIN.follow_up.length + 1e-9)
    return strategy_curves(subjects, "treatment_policy", days, ordered_arms(LIN))


def test_the_first_curves_are_of_the_run_s_own_counterfactual_persons(folder):
    shown = first_curves(LIN, OPTIONS, 10)
    assert (shown["patients"], shown["matched"]) == (16, True)
    mine = folder.subjects.filter((pl.col("replicate") == 0) & (pl.col("world") <= 2))
    assert shown["curves"]["treatment_policy"] == curves_of(mine.with_columns(replicate=pl.lit(1)))


def test_curves_of_trials_so_far_end_as_those_of_the_whole_run(folder):
    shown = Trials(folder.path, LIN).curves()
    assert shown is not None
    assert shown["trials"] == 3
    assert shown["curves"]["treatment_policy"] == curves_of(folder.subjects.filter(pl.col("replicate") > 0))


def test_patients_before_a_match_are_said_to_be_so():
    wish = [{"variable": "age", "mean": 50, "sd": 8, "grade": "assumed", "source": "test"}]
    protocol, _ = LIN.with_settings({"population.table1": wish})
    assert not first_curves(protocol, {**OPTIONS, "members": 1}, 4)["matched"]


def test_a_caption_speaks_of_bands_only_where_there_are_some():
    few, many = (
        caption({"kind": "done", "trials": n, "patients": 20 * n}, "composite", "en") for n in (4, 40)
    )
    assert "too few for a band" in few
    assert "bands hold" not in few
    assert "bands hold" in many


def test_figures_of_a_finished_run_tell_as_the_report_does_how_often_there_is_no_benefit(folder, monkeypatch):
    monkeypatch.setattr(benefit, "FEW_TRIALS", 3)
    foot = frame_of(LIN, folder.hash, "en", 680, finished(folder.subjects, LIN), "treatment_policy").stamp
    facts = gather(folder)
    assert foot == stamp_of(facts, results_of(facts), Catalogue("en"))
    assert "no benefit in" in foot


@pytest.mark.parametrize("shown", [{"trials": 3}, {"kind": "first", "patients": 16}])
def test_figures_of_few_trials_or_of_first_patients_tell_no_share(folder, shown):
    whole = {**finished(folder.subjects, LIN), **shown}
    if "trials" not in shown:
        whole = {"no_benefit": {}, **shown}
    foot = frame_of(LIN, folder.hash, "zh", 680, whole, "treatment_policy").stamp
    assert "%" not in foot
    assert "模拟试验过少" in foot


def test_the_share_is_that_of_the_strategy(folder):
    subjects = folder.subjects
    shares = finished(subjects, LIN)["no_benefit"]
    treated = [arm for arm in LIN.arms if arm != LIN.control_arm]
    dead = subjects.with_columns(
        transplant_free_event=pl.when(pl.col("arm") == treated[0]).then(1).otherwise(0),
        transplant_free_time=pl.when(pl.col("arm") == treated[0]).then(1.0).otherwise(168.0),
    )
    assert finished(dead, LIN)["no_benefit"]["composite"][treated[0]] == 1.0
    assert finished(dead, LIN)["no_benefit"]["treatment_policy"] == shares["treatment_policy"]
