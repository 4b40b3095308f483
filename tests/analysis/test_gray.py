"""Gray's test against cmprsk, the log-rank test and its null."""

from __future__ import annotations

import numpy as np
import pytest
from reference import agree, dataset, numbers

from hepatrial.analysis import gray, logrank
from hepatrial.errors import BadInput


def test_the_pbc_trial_as_in_cmprsk():
    pbc = {name: values[:312] for name, values in dataset("pbc").items()}
    wanted = numbers()["competing_risks"]["pbc312"]
    for of, key in ((1, "gray_tx"), (2, "gray_death")):
        test = gray(pbc["time"], pbc["status"], pbc["trt"], of=of, causes=[1, 2]).test
        agree([test.statistic, test.p], wanted[key])


@pytest.mark.parametrize("of", ["death", "ltx", "withdraw"])
def test_four_blood_groups_on_the_waiting_list_as_in_cmprsk(of):
    table = dataset("transplant")
    got = gray(table["futime"], table["event"], table["abo"], of=of, causes=["death", "ltx", "withdraw"])
    agree(got.test.statistic, numbers()["competing_risks"]["transplant815"]["gray_abo"][of])
    assert got.test.df == 3


def competing(rng, n, factor=1.0):
    """Two causes and censoring; ``factor`` multiplies the first cause's hazard in group 1."""
    group = np.arange(n) % 2
    first = rng.exponential(1.0, n) / np.where(group == 1, factor, 1.0)
    times = np.column_stack([rng.uniform(0, 2.5, n), first, rng.exponential(1.5, n)])
    return times.min(axis=1), times.argmin(axis=1), group


def test_type_one_error_is_nominal_within_monte_carlo_error():
    rng = np.random.default_rng(11)
    p = np.array([gray(*competing(rng, 100), of=1, causes=[1, 2]).test.p for _ in range(800)])
    for alpha in (0.05, 0.2):
        assert abs((p < alpha).mean() - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / p.size)


def test_power_rises_with_the_difference():
    rng = np.random.default_rng(12)
    share = [
        np.mean([gray(*competing(rng, 150, f), of=1, causes=[1, 2]).test.p < 0.05 for _ in range(100)])
        for f in (1.0, 2.0, 3.0)
    ]
    assert share[0] < 0.15 < share[1] < share[2]


def test_without_competing_events_it_is_close_to_the_logrank_test():
    rng = np.random.default_rng(13)
    time, event, group = rng.exponential(1, 400), rng.integers(0, 2, 400), np.arange(400) % 2
    got = gray(time, event, group, of=1, causes=[1]).test.statistic
    assert got == pytest.approx(logrank(time, event, group).chisq, rel=0.03)


def test_strata_and_rho_change_the_statistic_and_one_stratum_does_not():
    rng = np.random.default_rng(14)
    time, cause, group = competing(rng, 120, 1.5)
    plain = gray(time, cause, group, of=1, causes=[1, 2]).test.statistic
    one = gray(time, cause, group, of=1, causes=[1, 2], strata=np.zeros(120)).test.statistic
    two = gray(time, cause, group, of=1, causes=[1, 2], strata=np.arange(120) // 60).test.statistic
    early = gray(time, cause, group, of=1, causes=[1, 2], rho=1).test.statistic
    assert one == plain
    assert len({round(value, 6) for value in (plain, two, early)}) == 3


def test_scores_add_up_to_nothing_and_the_order_of_groups_does_not_matter():
    rng = np.random.default_rng(15)
    time, cause, _ = competing(rng, 120)
    third = np.arange(120) % 3
    got = gray(time, cause, third, of=1, causes=[1, 2])
    other = gray(time, cause, third, of=1, causes=[1, 2], groups=[2, 0, 1])
    assert got.score.sum() == pytest.approx(0, abs=1e-9)
    assert got.test.statistic == pytest.approx(other.test.statistic, rel=1e-9)
    assert len(gray(time, cause, third, of=1, causes=[1, 2], groups=[0, 1]).groups) == 2


def test_all_problems_are_named_at_once():
    with pytest.raises(BadInput) as bad:
        gray([1, -2], ["deth", "tx"], [0, 1], of="deaht", causes=["death", "tx"], rho=-1)
    assert {p.place for p in bad.value.problems} == {"time", "of", "rho"}
    assert next(p for p in bad.value.problems if p.place == "of").nearest == "death"
