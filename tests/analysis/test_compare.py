"""Every method over all trials at once equals the one-trial function, and keeps its level and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import brunnermunzel

from hepatrial.analysis import (
    TimeLevel,
    ValueLevel,
    aalen_johansen,
    ancova,
    cox,
    kaplan_meier,
    logrank,
    maxcombo,
    milestone,
    risk_difference,
    rmst_contrast,
    win_ratio,
)
from hepatrial.analysis.estimands.compare import METHODS, compare
from hepatrial.analysis.estimands.sample import LevelSample, TimeSample, ValueSample
from hepatrial.errors import BadInput

ARMS = ("cells", "control")


def frame(trials, n, seed, strata=1):
    rng = np.random.default_rng(seed)
    size = trials * n
    return rng, {
        "unit": np.repeat(np.arange(trials), n),
        "arm": rng.permuted(np.tile(np.arange(n) % 2, (trials, 1)), axis=1).ravel(),
        "units": trials,
        "arms": ARMS,
        "stratum": rng.integers(0, strata, size),
        "strata": strata,
    }


def times(trials=12, n=60, seed=1, ratio=0.7, strata=1, rounded=True, competing=False, dropout=True):
    rng, base = frame(trials, n, seed, strata)
    size = trials * n
    death = rng.exponential(100 / np.where(base["arm"] == 0, ratio, 1.0) / (1 + 0.5 * base["stratum"]))
    other = rng.exponential(200, size) if competing else np.full(size, np.inf)
    if rounded:
        death, other = np.ceil(death / 5) * 5, np.ceil(other / 5) * 5
    end = np.minimum(rng.uniform(30, 400, size), 180.0) if dropout else np.full(size, 180.0)
    time = np.minimum(np.minimum(death, other), end)
    cause = np.where(time == end, np.where(np.minimum(death, other) <= end, 1, 0), 1)
    cause = np.where((cause == 1) & (other < death), 2, cause)
    return TimeSample(**base, time=time, cause=cause.astype(np.int64))


def values(trials=12, n=40, seed=2, strata=1, shift=0.0):
    rng, base = frame(trials, n, seed, strata)
    x = rng.normal(20, 4, trials * n)
    y = x - 2 + shift * (base["arm"] == 0) + base["stratum"] + rng.normal(0, 3, trials * n)
    return ValueSample(**base, value=y, baseline=x)


def each(sample):
    for trial in range(sample.units):
        yield trial, sample.unit == trial


@pytest.mark.parametrize("strata", [1, 3])
def test_logrank_cox_and_maxcombo_of_all_trials_are_those_of_each(strata):
    sample = times(strata=strata)
    got = {name: compare(sample, name) for name in ("logrank", "cox", "maxcombo")}
    for trial, rows in each(sample):
        data = (sample.time[rows], sample.cause[rows], sample.arm[rows])
        stratum = sample.stratum[rows] if strata > 1 else None
        one = logrank(*data, strata=stratum).test
        assert got["logrank"].statistic[trial] == pytest.approx(one.statistic, rel=1e-9)
        fit = cox(data[0], data[1], (data[2] == 0).astype(float), strata=stratum)
        assert got["cox"].estimate[trial] == pytest.approx(np.exp(fit.coef[0]), rel=1e-7)
        assert got["cox"].se[trial] == pytest.approx(np.sqrt(fit.covariance[0, 0]), rel=1e-6)
        combo = maxcombo(*data, strata=stratum).test
        assert got["maxcombo"].statistic[trial] == pytest.approx(combo.statistic, rel=1e-9)
        assert got["maxcombo"].p[trial] == pytest.approx(combo.p, abs=3e-4)  # fewer nodes


def test_differences_of_survival_and_restricted_means_are_those_of_each_trial():
    sample = times()
    for test, name in (("plain", "difference"), ("log-log", "difference_log_log")):
        got = compare(sample, name, day=28)
        for trial, rows in each(sample):
            one = milestone(sample.time[rows], sample.cause[rows], sample.arm[rows], 28, test=test)
            for field in ("estimate", "se", "statistic", "p"):
                assert getattr(got, field)[trial] == pytest.approx(getattr(one, field), rel=1e-9)
    got = compare(sample, "rmst", day=90)
    for trial, rows in each(sample):
        one = rmst_contrast(sample.time[rows], sample.cause[rows], sample.arm[rows], 90).difference
        assert got.estimate[trial] == pytest.approx(one.estimate, rel=1e-9)
        assert got.se[trial] == pytest.approx(one.se, rel=1e-9)


def test_with_competing_events_the_difference_is_aalen_johansens_and_everything_sums_to_one():
    sample = times(competing=True)
    got = compare(sample, "difference", day=90)
    assert got.method == "Aalen-Johansen"
    for trial, rows in each(sample):
        value, se = [], []
        for arm in (0, 1):
            mine = rows & (sample.arm == arm)
            curve = aalen_johansen(sample.time[mine], sample.cause[mine], causes=(1, 2))
            total = curve.incidence_at([90]).sum() + curve.event_free_at([90])[0]
            assert total == pytest.approx(1, abs=1e-12)
            value.append(curve.incidence_at([90])[0, 0])
            se.append(curve.se_at([90])[0, 0])
        assert got.estimate[trial] == pytest.approx(value[0] - value[1], abs=1e-12)
        assert got.se[trial] == pytest.approx(np.hypot(*se), rel=1e-9)


def test_mean_time_lost_is_the_area_under_aalen_johansen():
    sample = times(trials=3, competing=True)
    got = compare(sample, "rmst", day=90)
    grid = np.arange(0, 90, 5.0)  # the curve jumps at multiples of 5 only
    for trial, rows in each(sample):
        area = []
        for arm in (0, 1):
            mine = rows & (sample.arm == arm)
            curve = aalen_johansen(sample.time[mine], sample.cause[mine], causes=(1, 2))
            area.append(5 * curve.incidence_at(grid)[:, 0].sum())
        off_grid = np.unique(sample.time[rows & (sample.cause == 0)] % 5).size  # censorings do not jump
        assert off_grid
        assert got.estimate[trial] == pytest.approx(area[0] - area[1], rel=1e-9)


def test_the_difference_is_not_known_beyond_follow_up():
    sample = times()
    assert np.isnan(compare(sample, "difference", day=181).estimate).all()
    assert np.isnan(compare(sample, "rmst", day=181).estimate).all()


def test_stratified_differences_average_the_strata_by_their_size():
    sample = times(trials=2, n=200, strata=2)
    got = compare(sample, "difference", day=60)
    for trial, rows in each(sample):
        parts = []
        for stratum in (0, 1):
            mine = rows & (sample.stratum == stratum)
            one = milestone(sample.time[mine], sample.cause[mine], sample.arm[mine], 60)
            parts.append((mine.sum() / rows.sum(), one.estimate, one.se))
        weight, value, se = np.array(parts).T
        assert got.estimate[trial] == pytest.approx(weight @ value)
        assert got.se[trial] == pytest.approx(np.sqrt((weight**2) @ se**2))


def test_score_intervals_are_newcombes_and_a_trial_with_censoring_has_none():
    sample = times(dropout=False)
    got = compare(sample, "risk_difference", day=60)
    for trial, rows in each(sample):
        x = [int(((sample.arm == arm) & rows & (sample.time <= 60)).sum()) for arm in (0, 1)]
        n = [int(((sample.arm == arm) & rows).sum()) for arm in (0, 1)]
        one = risk_difference(x[0], n[0], x[1], n[1])
        assert got.estimate[trial] == pytest.approx(one.estimate)
        assert (got.lower[trial], got.upper[trial]) == pytest.approx(one.ci)
    assert np.isnan(compare(times(), "risk_difference", day=60).estimate).all()


@pytest.mark.parametrize("strata", [1, 3])
def test_ancova_of_all_trials_is_that_of_each(strata):
    sample = values(strata=strata)
    got = compare(sample, "ancova")
    for trial, rows in each(sample):
        one = ancova(
            sample.value[rows],
            sample.baseline[rows],
            sample.arm[rows],
            strata=sample.stratum[rows] if strata > 1 else None,
        )
        for field in ("estimate", "se", "statistic", "p"):
            assert getattr(got, field)[trial] == pytest.approx(getattr(one, field), rel=1e-8)
        assert (got.lower[trial], got.upper[trial]) == pytest.approx(one.ci)


def test_the_probability_of_doing_better_is_brunner_and_munzels():
    sample = values()
    rounded = ValueSample(**{**vars(sample), "value": np.round(sample.value / 3)})  # ties
    got = compare(rounded, "better_probability")
    for trial, rows in each(rounded):
        x, y = (rounded.value[rows & (rounded.arm == arm)] for arm in (0, 1))
        one = brunnermunzel(x, y)
        assert abs(got.statistic[trial]) == pytest.approx(abs(one.statistic), rel=1e-9)
        assert got.p[trial] == pytest.approx(one.pvalue, rel=1e-9)
        better = (x[:, None] < y).mean() + 0.5 * (x[:, None] == y).mean()  # lower is better
        assert got.estimate[trial] == pytest.approx(better)


def test_a_death_is_worse_than_any_value():
    sample = values(trials=1, n=40)
    dead = sample.arm == 0
    worst = ValueSample(**{**vars(sample), "value": np.where(dead, np.inf, sample.value)})
    assert compare(worst, "better_probability").estimate[0] == 0


def test_win_ratios_of_all_trials_are_those_of_each():
    rng, base = frame(6, 40, 5)
    size = 240
    death = np.where(rng.random(size) < 0.4, np.ceil(rng.exponential(60, size)), np.inf)
    follow_up = np.minimum(death, 90.0)
    score = np.where(death < np.inf, np.nan, np.round(rng.normal(20, 5, size)))
    kinds = (TimeLevel("death", death), ValueLevel("meld", score, higher_is_better=False, margin=1))
    sample = LevelSample(**base, follow_up=follow_up, levels=np.stack([death, score]), kinds=kinds)
    ratio, benefit = compare(sample, "win_ratio"), compare(sample, "net_benefit")
    for trial, rows in each(sample):
        levels = [
            TimeLevel("death", death[rows]),
            ValueLevel("meld", score[rows], higher_is_better=False, margin=1),
        ]
        one = win_ratio(sample.arm[rows], levels, follow_up[rows])
        assert ratio.estimate[trial] == pytest.approx(one.win_ratio.estimate)
        assert ratio.se[trial] == pytest.approx(one.win_ratio.se)
        assert benefit.estimate[trial] == pytest.approx(one.net_benefit.estimate)
        assert benefit.se[trial] == pytest.approx(one.net_benefit.se)


def test_a_trial_drawn_from_a_bank_is_that_trial():
    sample = times()
    index = np.flatnonzero(sample.unit == 4)
    drawn = sample.take(np.concatenate([index, index]), np.repeat([0, 1], index.size), 2)
    both = compare(drawn, "cox")
    alone = compare(sample, "cox")
    assert both.estimate == pytest.approx([alone.estimate[4]] * 2)


def test_a_trial_without_an_event_has_no_interval_and_no_p():
    sample = times(trials=3)
    empty = TimeSample(**{**vars(sample), "cause": np.zeros_like(sample.cause)})
    for name in ("logrank", "cox", "difference", "rmst"):
        got = compare(empty.until(20.0), name, day=10)
        assert np.isnan(got.lower).all(), name
        assert np.isnan(got.p).all(), name


def test_an_earlier_look_sees_less():
    sample = times()
    early = sample.until(30.0)
    assert early.time.max() == 30
    assert compare(early, "logrank").events.sum() == ((sample.cause == 1) & (sample.time <= 30)).sum()


def test_what_a_method_cannot_do_is_refused():
    with pytest.raises(BadInput, match="Did you mean 'logrank'"):
        compare(times(), "log rank")
    with pytest.raises(BadInput, match="one for this outcome"):
        compare(times(), "ancova")
    with pytest.raises(BadInput, match="number of days above 0"):
        compare(times(), "rmst")


# --- level and coverage -------------------------------------------------------------------------------


def within(share, nominal, trials, slack=0.0):
    return abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / trials) + slack


NULL = {
    TimeSample: times(2000, 100, 11, ratio=1.0, rounded=False),
    ValueSample: values(2000, 60, 12),
}


@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if m.takes in NULL and n != "risk_difference"]
)
def test_every_test_keeps_its_level_and_every_interval_covers_nothing(name):
    sample = NULL[METHODS[name].takes]
    got = compare(sample, name, day=60)
    assert within(got.share_below(0.05)[0], 0.05, 2000, slack=0.008)
    if np.isfinite(got.lower).any():
        null = 0.0 if name == "logrank" else got.null
        assert within(got.coverage(null)[0], 0.95, 2000, slack=0.008)


@pytest.mark.parametrize(("name", "day"), [("difference", 60), ("rmst", 60), ("risk_difference", 60)])
@pytest.mark.parametrize("competing", [False, True])
def test_intervals_cover_the_true_difference(name, day, competing):
    sample = times(
        1500, 160, 13, ratio=0.5, rounded=False, competing=competing, dropout=name != "risk_difference"
    )
    got = compare(sample, name, day=day)
    rate, other = np.array([0.005, 0.01]), 0.005 if competing else 0.0
    total = rate + other
    risk = rate / total * (1 - np.exp(-total * day))
    lost = rate / total * (day - (1 - np.exp(-total * day)) / total)
    truth = {"difference": risk, "risk_difference": risk, "rmst": lost}[name]
    sign = -1 if name in ("difference", "rmst") and not competing else 1
    share, _, count = got.coverage(sign * (truth[0] - truth[1]))
    assert count == 1500
    assert within(share, 0.95, 1500, slack=0.008)


def test_stratified_tests_keep_their_level_when_strata_differ():
    sample = times(1500, 100, 14, ratio=1.0, strata=3, rounded=False)
    for name in ("logrank", "cox", "difference"):
        assert within(compare(sample, name, day=60).share_below(0.05)[0], 0.05, 1500, slack=0.01)
    for name in ("ancova", "better_probability"):
        assert within(compare(values(1500, 60, 15, strata=3), name).share_below(0.05)[0], 0.05, 1500, 0.01)


def test_curves_by_the_general_formula_have_greenwoods_error():
    sample = times(trials=2)
    got = compare(sample, "difference", day=60)
    rows = sample.unit == 0
    se = [
        float(
            kaplan_meier(sample.time[rows & (sample.arm == a)], sample.cause[rows & (sample.arm == a)]).se_at(
                60
            )
        )
        for a in (0, 1)
    ]
    assert got.se[0] == pytest.approx(np.hypot(*se))
