"""Win ratio against R, counted pairs, and the coverage of its intervals."""

from __future__ import annotations

import numpy as np
import pytest
from reference import agree, dataset, numbers

from hepatrial.analysis import TimeLevel, ValueLevel, win_ratio
from hepatrial.errors import BadInput


def udca():
    datasets = pytest.importorskip("survival.datasets")
    table = datasets.load_udca()

    def days(name):
        dates = np.array([np.datetime64(v or "NaT") for v in table[name]])
        entry = np.array([np.datetime64(v) for v in table["entry.dt"]])
        return (dates - entry) / np.timedelta64(1, "D")

    worse = ("hprogress.dt", "varices.dt", "ascites.dt", "enceph.dt", "double.dt", "worsen.dt")
    progress = np.stack([np.where(np.isnan(days(name)), np.inf, days(name)) for name in worse]).min(axis=0)
    levels = [
        TimeLevel("death", days("death.dt")),
        TimeLevel("transplant", days("tx.dt")),
        TimeLevel("progression", progress),
    ]
    return np.array(table["trt"]), levels, days("last.dt")


def test_the_udca_trial_as_in_r():
    dataset("udca")
    treated, levels, follow_up = udca()
    got = win_ratio(treated, levels, follow_up, groups=[1, 0])
    r = numbers()["win_ratio_udca"]
    assert (got.wins, got.losses, got.ties) == (r["wins"], r["losses"], r["ties"])
    agree(got.wins_by_level, r["wins_by_level"])
    agree(got.losses_by_level, r["losses_by_level"])
    agree([got.win_ratio.estimate, got.win_ratio.se], [r["WR"], r["log_se"]])
    agree(got.win_ratio.ci, r["ci"])
    agree([got.net_benefit.estimate, got.win_odds.estimate], [r["net_benefit"], r["win_odds"]])


def test_a_handful_of_pairs_counted_by_hand():
    # a1 dies at 5; a2 lives to 10, value 3; b1 dies at 7; b2 leaves at 4, value 3
    got = win_ratio(
        ["a", "a", "b", "b"],
        [TimeLevel("death", [5, np.nan, 7, np.nan]), ValueLevel("score", [1, 3, 2, 3])],
        [5, 10, 7, 4],
    )
    # a1-b1 lost by death; a1-b2: followed to 4 only, score 1 < 3 lost; a2-b1 won; a2-b2 tie
    assert (got.wins, got.losses, got.ties) == (1, 2, 1)
    assert got.wins_by_level.tolist() == [1, 0]
    assert got.losses_by_level.tolist() == [1, 1]
    assert got.net_benefit.estimate == pytest.approx(-0.25)
    assert got.win_odds.estimate == pytest.approx(1.5 / 2.5)


def test_direction_margin_and_missing_values_of_a_level_act():
    group, value, follow = [0, 0, 1, 1], np.array([5.0, 1.0, 3.0, np.nan]), [1, 1, 1, 1]
    high = win_ratio(group, [ValueLevel("v", value)], follow)
    low = win_ratio(group, [ValueLevel("v", value, higher_is_better=False)], follow)
    wide = win_ratio(group, [ValueLevel("v", value, margin=2.0)], follow)
    assert (high.wins, high.losses, high.ties) == (1, 1, 2)
    assert (low.wins, low.losses) == (high.losses, high.wins)
    assert wide.ties == 4
    assert np.isnan(wide.win_ratio.estimate)
    assert "no interval" in wide.win_ratio.note


def patients(rng, n, ratio):
    """Groups 0 and 1; death in group 0 with ``ratio`` times the hazard; follow-up 1 for all."""
    group = np.arange(n) % 2
    death = rng.exponential(1.0, n) / np.where(group == 0, ratio, 1.0)
    return group, np.where(death < 1, death, np.nan), np.ones(n)


def test_type_one_error_and_coverage_of_all_three_measures():
    rng = np.random.default_rng(51)
    trials = 600
    covered = np.zeros((2, 3))
    for row, ratio in enumerate((1.0, 0.6)):
        # an event by 1 in the first and in the second group; who is first by the ratio of the hazards
        total = 1 + ratio
        either = 1 - np.exp(-total)
        win, loss = either / total, either * ratio / total
        truth = (win / loss, (1 + win - loss) / (1 - win + loss), win - loss)
        for _ in range(trials):
            group, death, follow = patients(rng, 120, ratio)
            got = win_ratio(group, [TimeLevel("death", death)], follow)
            for place, part in enumerate((got.win_ratio, got.win_odds, got.net_benefit)):
                covered[row, place] += part.ci[0] <= truth[place] <= part.ci[1]
    assert (np.abs(covered / trials - 0.95) < 4 * np.sqrt(0.95 * 0.05 / trials)).all()


def test_exchanging_the_groups_inverts_the_ratio_and_level_widens():
    group, death, follow = patients(np.random.default_rng(52), 80, 0.7)
    one = win_ratio(group, [TimeLevel("death", death)], follow)
    other = win_ratio(group, [TimeLevel("death", death)], follow, groups=[1, 0])
    wide = win_ratio(group, [TimeLevel("death", death)], follow, level=0.99)
    assert one.win_ratio.estimate == pytest.approx(1 / other.win_ratio.estimate)
    assert one.win_ratio.se == pytest.approx(other.win_ratio.se)
    assert wide.win_ratio.ci[0] < one.win_ratio.ci[0]


def test_all_problems_are_named_at_once():
    with pytest.raises(BadInput) as bad:
        win_ratio([0, 1], [TimeLevel("death", [-1, 2]), ValueLevel("v", ["x", "y"])], [1, -1], level=3)
    assert {p.place for p in bad.value.problems} == {"follow_up", "levels.death", "levels.v", "level"}
    with pytest.raises(BadInput):
        win_ratio([0, 1], [], [1, 1])
    with pytest.raises(BadInput, match="different names"):
        win_ratio([0, 1], [TimeLevel("group", [1, 2])] * 2, [1, 1])
    with pytest.raises(BadInput, match="must have the length"):
        win_ratio([0, 1], [TimeLevel("group", [1, 2, 3])], [1, 1])
