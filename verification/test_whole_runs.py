"""Whole runs of the demo's size: the same whatever the threads, and honest when the cells do nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import binom, kstest

import hepatrial
from hepatrial.analysis.replicates import logrank_by_replicate
from hepatrial.schema import PAIR_REPLICATE

TABLES = ("subject", "visit", "event")


def test_the_demo_is_the_same_for_one_thread_and_for_all(tmp_path: Path) -> None:
    """About four minutes on two cores. Would prove wrong that chunks and workers change no result."""
    one = hepatrial.run("lin2017", threads=1, out=tmp_path / "one")
    many = hepatrial.run("lin2017", out=tmp_path / "many")
    for name in TABLES:
        assert (one.path / f"{name}.parquet").read_bytes() == (many.path / f"{name}.parquet").read_bytes()
    assert (one.path / "report.html").read_bytes() == (many.path / "report.html").read_bytes()


def test_without_an_effect_the_log_rank_test_rejects_as_often_as_it_says(tmp_path: Path) -> None:
    """About five minutes on two cores. Would prove wrong that arms differ by nothing but their treatment.

    Under ``no_effect`` randomisation alone decides who is in which arm, so p-values are uniform up to the
    coarseness of 110 patients: of 1000 trials, between 30 and 71 fall below 0.05 with probability 99.8 %.
    """
    run = hepatrial.run("lin2017", variant="no_effect", replicates=1000, pairs=0, out=tmp_path / "null")
    trials = run.subjects.filter(pl.col("replicate") != PAIR_REPLICATE)
    p = logrank_by_replicate(trials, ("msc", "smt")).p
    low, high = binom.interval(0.998, len(p), 0.05)
    assert low <= np.sum(p < 0.05) <= high
    assert kstest(p, "uniform").pvalue > 0.001


def test_without_an_effect_the_counterfactual_arms_have_the_same_deaths(tmp_path: Path) -> None:
    """Under a minute. Would prove wrong that a counterfactual arm differs by the treatment alone."""
    run = hepatrial.run("lin2017", variant="no_effect", replicates=1, pairs=2000, out=tmp_path / "pairs")
    pairs = run.subjects.filter(pl.col("replicate") == PAIR_REPLICATE)
    deaths = {
        arm: table.sort("subject")["overall_survival_event"].to_list()
        for (arm,), table in pairs.partition_by("arm", as_dict=True).items()
    }
    assert deaths["msc"] == deaths["smt"]
    assert sum(deaths["msc"]) > 0
