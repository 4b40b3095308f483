"""Figures of two cohorts: closed forms, other libraries, two worlds that differ by one thing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, spearmanr

from hepatrial.analysis.weighted import weighted_quantiles
from hepatrial.compare import read_cohort
from hepatrial.compare.people import People, real_people
from hepatrial.compare.statistics import (
    before_death,
    bootstrap,
    concordance,
    correlations,
    courses,
    known,
    last_before,
    marginals,
    outcome,
    risks,
    spearman,
)

N = 120


def people(seed: int = 1, n: int = N, shift: float = 0.0) -> People:
    luck = np.random.default_rng(seed)
    severity = luck.normal(size=n)
    bilirubin = np.exp(5 + 0.4 * severity + 0.2 * luck.normal(size=n) + shift)
    albumin = 32 - 2 * severity + luck.normal(size=n)
    died = luck.uniform(size=n) < 1 / (1 + np.exp(-1.5 * severity))
    death = np.where(died, luck.uniform(1, 20, n), np.inf)
    labs = {"bilirubin": {3.0: bilirubin * 1.1, 14.0: bilirubin * np.where(died, 1.3, 0.6)}}
    return People(
        np.full(n, 1 / n),
        {"bilirubin": bilirubin, "albumin": albumin},
        labs,
        death,
        np.full(n, np.inf),
        np.where(died, death, 28.0),
        np.full(n, np.inf),
    )


def test_a_cohort_laid_beside_itself_misses_nothing() -> None:
    p = people()
    items = [
        *marginals(p, p),
        *correlations(p, p),
        *risks(p, p, 28.0),
        *courses(p, p, 28.0),
        *before_death(p, p),
    ]
    assert {item.kind for item in items} == {"marginal", "correlation", "risk", "course", "before death"}
    assert not [item.label for item in items if item.missed]
    assert all(item.size == 0 for item in items)


def test_a_cohort_moved_by_a_spread_is_missed_by_that_spread_and_by_nothing_else() -> None:
    real, moved = people(), people(shift=0.5)
    [found] = [item for item in marginals(real, moved) if item.label == "bilirubin"]
    x = np.log(real.entry["bilirubin"])
    q = weighted_quantiles(x, real.weights, (0.25, 0.75))
    assert found.missed
    assert found.size == pytest.approx(0.5 / ((q[1] - q[0]) / 1.349))
    assert not [item for item in correlations(real, moved) if item.missed]


def test_without_weights_correlation_is_scipys() -> None:
    p = people()
    a, b = p.entry["bilirubin"], p.entry["albumin"]
    assert spearman(a, b, p.weights) == pytest.approx(spearmanr(a, b).statistic)


def test_without_weights_concordance_is_the_mann_whitney_statistic() -> None:
    p = people()
    bad = np.isfinite(p.death)
    score = np.round(p.entry["albumin"])
    u = mannwhitneyu(score[bad], score[~bad]).statistic / (bad.sum() * (~bad).sum())
    assert concordance(score, bad, p.weights) == pytest.approx(u)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=8, max_size=8), st.integers(0, 10_000))
def test_a_weight_of_k_is_k_patients(counts: list[int], seed: int) -> None:
    luck = np.random.default_rng(seed)
    x, y = luck.normal(size=8), np.round(luck.normal(size=8), 1)
    bad = np.arange(8) % 2 == 0
    times = np.repeat(np.arange(8), counts)
    weights, one = np.array(counts) / sum(counts), np.full(len(times), 1 / len(times))
    assert spearman(x, y, weights) == pytest.approx(spearman(x[times], y[times], one))
    assert concordance(x, bad, weights) == pytest.approx(concordance(x[times], bad[times], one))


def test_an_interval_is_that_of_samples_drawn_one_by_one() -> None:
    p = people()
    x, y, weights = known(p, p.entry["bilirubin"], p.entry["albumin"])
    low, high = bootstrap(spearman, x, y, weights)
    luck = np.random.default_rng(7)
    rows = [luck.integers(0, N, N) for _ in range(2_000)]
    each = np.array([spearmanr(x[r], y[r]).statistic for r in rows])
    assert (low, high) == pytest.approx(np.quantile(each, (0.025, 0.975)), abs=0.03)


def test_a_sample_without_any_bad_outcome_has_no_concordance_and_spoils_no_interval() -> None:
    bad = np.array([[True, False, False], [False, False, False]])
    found = concordance(np.array([[3.0, 1.0, 2.0]] * 2), bad, np.ones((2, 3)))
    assert found[0] == 1.0
    assert np.isnan(found[1])


def test_irregular_visits_are_told_in_windows_and_shared_ones_on_their_day(tmp_path: Path) -> None:
    def read(days: list[float]) -> People:
        rows = [f"p{i},{day},bilirubin,umol/L,{50 + i}" for i, day in enumerate(days)]
        rows += [f"p{i},0,bilirubin,umol/L,40" for i in range(len(days))]
        path = tmp_path / "values.csv"
        path.write_text("\n".join(["subject,time_d,measure,unit,value", *rows]) + "\n")
        return real_people(read_cohort(path))

    assert list(read([91.0] * 12 + [400.0]).labs["bilirubin"]) == [91.0]
    irregular = read([float(day) for day in range(170, 190)]).labs["bilirubin"]
    assert list(irregular) == [180.0]
    assert np.isfinite(irregular[180.0]).sum() == 20


def test_of_two_values_in_a_window_the_nearer_to_its_middle_counts(tmp_path: Path) -> None:
    path = tmp_path / "values.csv"
    rows = ["a,176,bilirubin,umol/L,10", "a,181,bilirubin,umol/L,20", "a,190,bilirubin,umol/L,30"]
    path.write_text("\n".join(["subject,time_d,measure,unit,value", "a,0,inr,1,1", *rows]) + "\n")
    assert real_people(read_cohort(path)).labs["bilirubin"][180.0].tolist() == [20.0]


def test_deaths_after_the_follow_up_of_virtual_patients_are_not_compared_before_death() -> None:
    p = people()
    late = replace(p, death=p.death + 400.0, labs={"bilirubin": {405.0: p.entry["bilirubin"]}})
    assert before_death(late, late)
    assert not before_death(late, late, end=365.0)


def test_someone_lost_before_the_horizon_has_no_known_outcome() -> None:
    p = people()
    seen = np.where(np.arange(N) == 0, 5.0, p.seen)
    lost = People(
        p.weights, p.entry, p.labs, np.where(np.arange(N) == 0, np.inf, p.death), p.transplant, seen, p.worse
    )
    bad, known = outcome(lost, 28.0)
    assert not known[0]
    assert not bad[0]
    assert known[1:].all()


def test_the_value_before_death_is_the_nearest_in_its_span() -> None:
    p = people()
    died = np.flatnonzero((p.death > 14.5) & (p.death < 17))[0]
    gap = p.death[died] - 14.0
    assert last_before(p, "bilirubin", 0.0, 3.0)[died] == p.labs["bilirubin"][14.0][died]
    assert gap < 3.0
    assert np.isnan(last_before(p, "bilirubin", 90.0, 200.0)[died])


def test_risk_is_missed_when_deaths_do_not_follow_severity() -> None:
    real = people()
    luck = np.random.default_rng(3)
    order = luck.permutation(N)
    other = People(
        real.weights, real.entry, real.labs, real.death[order], real.transplant, real.seen[order], real.worse
    )
    found = {item.label: item for item in risks(real, other, 28.0)}
    assert found["bilirubin: concordance"].missed
    assert not found["bad outcome by day 28"].missed
