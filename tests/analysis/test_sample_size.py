"""Sample sizes against R, simulation and their own invariants."""

from __future__ import annotations

import numpy as np
import pytest
from reference import agree, numbers
from scipy.stats import ttest_ind

from hepatrial.analysis import (
    Accrual,
    event_fractions,
    events_for_survival,
    hazard_of_median,
    hazard_of_share,
    logrank,
    size_for_means,
    size_for_rates,
    survival_power,
)
from hepatrial.errors import BadInput


def test_sizes_are_those_of_rpact():
    r = numbers()["sample_size"]
    agree(size_for_means(0.5, 1, power=0.9), r["means_d0.5_90pct_t"])
    agree(size_for_means(0.5, 1, power=0.9, known_sd=True), r["means_d0.5_90pct_normal"])
    agree(size_for_rates(0.65, 0.5, power=0.8), r["rates_.65_v_.50_80pct"])
    agree(size_for_rates(0.5, 0.35, power=0.9), r["rates_.5_v_.35_90pct"])
    events = events_for_survival(0.6, power=0.8)
    agree(events, r["survival_HR.6_80pct_Schoenfeld_events"])
    agree(events_for_survival(0.6, power=0.8, formula="freedman"), r["same_Freedman_events"])
    control = hazard_of_median(3)
    plain = Accrual((0.6 * control, control), 12, 3)
    agree(plain.patients_for(events), r["N_median3_accrual12_fu3"])
    lossy = Accrual((0.6 * control, control), 12, 3, dropout=hazard_of_share(0.05, 12))
    agree(lossy.patients_for(events), r["N_with_5pct_dropout_per12"])


def test_a_design_from_two_death_rates_is_that_of_rpact():
    r = numbers()["sample_size"]["death_.30_v_.45_at_3_80pct"]
    first, second = hazard_of_share(0.30, 3), hazard_of_share(0.45, 3)
    agree(first / second, r["HR"])
    events = events_for_survival(first / second, power=0.8)
    agree(events, r["events"])
    agree(Accrual((first, second), 24, 3).patients_for(events), r["N_accrual24_fu3"])


def test_the_east_example_needs_the_patients_and_months_of_rpact_and_east():
    r = numbers()["east_v_rpact_pfs"]
    control = hazard_of_median(9.4)
    plan = Accrual((0.6 * control, control), 24, 10, dropout=0.019)
    agree(plan.patients_for(235), r["rpact_3.3.4"]["N"])
    months = [plan.time_of(events, float(r["EAST"]["N"])) for events in (176, 235)]
    assert np.round(months) == pytest.approx([float(m) for m in r["EAST"]["months"]])


def test_power_and_events_are_inverse_and_unequal_arms_cost_events():
    for ratio in (1.0, 2.0):
        events = events_for_survival(0.7, power=0.85, ratio=ratio, alpha=0.01)
        assert survival_power(events, 0.7, ratio=ratio, alpha=0.01) == pytest.approx(0.85, abs=1e-9)
    assert events_for_survival(0.7, ratio=2) > events_for_survival(0.7)
    assert events_for_survival(0.7) == pytest.approx(events_for_survival(1 / 0.7))
    for size in (lambda r: size_for_means(0.5, 1, ratio=r), lambda r: size_for_rates(0.5, 0.3, ratio=r)):
        assert size(2.0) > size(1.0)


def test_the_logrank_test_has_the_power_of_schoenfelds_formula():
    rng = np.random.default_rng(31)
    hazard, n, trials = 0.65, 260, 500
    group = np.arange(n) % 2
    hits, events = 0, 0.0
    for _ in range(trials):
        time = rng.exponential(np.where(group == 0, 1 / hazard, 1.0))
        event = time < 1.2
        test = logrank(np.minimum(time, 1.2), event, group).test
        hits += test.statistic < -1.959964
        events += event.sum() / trials
    wanted = survival_power(events, hazard)
    assert abs(hits / trials - wanted) < 4 * np.sqrt(wanted * (1 - wanted) / trials) + 0.01


def test_a_simulated_t_test_has_the_power_asked_for():
    n = round(size_for_means(0.8, 1.0, power=0.8) / 2)
    rng = np.random.default_rng(32)
    a, b = rng.normal(0.8, 1, (4000, n)), rng.normal(0, 1, (4000, n))
    share = (ttest_ind(a, b, axis=1).pvalue < 0.05).mean()
    assert abs(share - 0.8) < 4 * np.sqrt(0.16 / 4000) + 0.01


def test_expected_events_are_those_of_simulated_patients():
    plan = Accrual((0.05, 0.1), 12, 6, dropout=0.02, ratio=2.0)
    rng = np.random.default_rng(33)
    n = 300_000
    first = rng.uniform(size=n) < 2 / 3
    entry = rng.uniform(0, 12, n)
    event = rng.exponential(1 / np.where(first, 0.05, 0.1))
    seen = event < rng.exponential(50.0, n)
    for t in (5.0, 12.0, 18.0):
        share = (seen & (entry + event <= t)).mean()
        assert plan.event_share(t) == pytest.approx(share, abs=0.003)
    assert plan.entered_share([6.0, 20.0]) == pytest.approx([0.5, 1.0])
    fractions = plan.calendar_fractions([6, 12, 18])
    assert fractions[-1] == 1
    assert (np.diff(fractions) > 0).all()
    assert plan.event_share(plan.time_of(100, 400)) * 400 == pytest.approx(100)


def test_dropout_and_shorter_follow_up_cost_patients():
    base = Accrual((0.05, 0.1), 12, 6)
    assert Accrual((0.05, 0.1), 12, 6, dropout=0.05).patients_for(80) > base.patients_for(80)
    assert Accrual((0.05, 0.1), 12, 3).patients_for(80) > base.patients_for(80)
    assert Accrual((0.05, 0.1), 24, 6).patients_for(80) < base.patients_for(80)


@pytest.mark.parametrize(
    ("call", "places"),
    [
        (lambda: size_for_means(0, -1, alpha=1.2), {"difference", "sd", "alpha", "power"}),
        (lambda: size_for_rates(0, 1.5, ratio=0), {"first", "second", "ratio"}),
        (lambda: size_for_rates(0.4, 0.4), {"first, second"}),
        (lambda: events_for_survival(1, formula="schonfeld"), {"hazard_ratio", "formula"}),
        (
            lambda: Accrual((0, 1), -1, -1, dropout=-1),
            {"hazards[0]", "accrual", "follow_up", "dropout"},
        ),
        (lambda: Accrual((0.1, 0.1), 12, 6).time_of(90, 80), {"events"}),
        (lambda: Accrual((0.1, 0.1), 12, 6, dropout=0.1).time_of(45, 80), {"events"}),
        (lambda: Accrual((0.1, 0.1), 12, 6).calendar_fractions([6, 3]), {"times"}),
        (lambda: Accrual((0.1,), 12, 6), {"hazards"}),  # type: ignore[arg-type]
        (lambda: event_fractions([50, 40]), {"events"}),
        (lambda: event_fractions([50, 90], patients=80), {"events"}),
        (lambda: survival_power(-1, 0.7), {"events"}),
    ],
)
def test_bad_input_is_refused_with_every_place(call, places):
    with pytest.raises(BadInput) as bad:
        call()
    assert {p.place for p in bad.value.problems} == places


def test_looks_after_events_are_information_fractions():
    assert event_fractions([50, 75, 100], patients=120) == pytest.approx([0.5, 0.75, 1.0])
