"""What is shown of a run before it is done is a part of what it will be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hepatrial import api
from hepatrial.protocol import load_protocol
from hepatrial.report.strategies import strategy_curves
from hepatrial.trial import run_trial
from hepatrial.web.figures import caption
from hepatrial.web.jobs.live import Trials, first_curves, ordered_arms

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
