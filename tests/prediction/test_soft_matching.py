"""Matching that never refuses: exact where it can be, honest where it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from hepatrial.population.matching import Target, balance
from hepatrial.prediction.matching import MISS_PENALTY, balance_softly, match_table1
from hepatrial.prediction.table1 import Wanted


def pool(n: int = 400) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    severity = rng.standard_normal(n)
    return {
        "age": 45 + 11 * rng.standard_normal(n),
        "bilirubin": np.exp(5.7 + 0.4 * severity + 0.1 * rng.standard_normal(n)),
        "female": (rng.random(n) < 0.2).astype(float),
        "he_grade": np.clip(np.round(severity + 0.4), 0, 4),
    }


def test_without_relaxation_it_is_the_entropy_balancing_of_the_population() -> None:
    columns = pool()
    goal = 48.0
    features = ((columns["age"] - goal) / columns["age"].std())[:, None]
    soft = balance_softly(features, np.array([1e-12]))
    hard = balance(columns, [Target("age", "mean", goal)]).weights
    assert soft * len(soft) == pytest.approx(hard, rel=1e-6)


def test_the_miss_is_minus_r_times_the_multiplier_so_that_it_grows_with_r() -> None:
    columns = pool()
    features = ((columns["age"] - 60.0) / columns["age"].std())[:, None]
    misses = [
        abs(float(balance_softly(features, np.array([r])) @ features[:, 0])) for r in (1e-3, 1e-1, 1.0, 10.0)
    ]
    assert misses == sorted(misses)
    free = abs(float(features.mean()))
    assert misses[-1] < free


def test_figures_that_can_be_met_are_met() -> None:
    wanted = [
        Wanted("age", "age", location=47.0, spread=10.0),
        Wanted("bilirubin", "bilirubin", location=np.log(330.0), spread=0.42, log=True),
        Wanted("female", "female", share=0.15, low=1.0, high=1.0),
    ]
    matched = match_table1(pool(), wanted)
    assert max(abs(one.miss) for one in matched.misses) < 0.02
    assert matched.widening < 0.01
    assert matched.weights.sum() == pytest.approx(1.0)


def test_figures_that_cannot_be_met_keep_a_floor_of_patients_and_say_the_miss() -> None:
    matched = match_table1(pool(), [Wanted("age", "age", location=85.0, spread=5.0)])
    assert matched.effective_n >= 0.12 * 400 - 0.5
    worst = matched.worst
    assert worst is not None
    assert worst.miss < -1.0
    assert matched.widening == pytest.approx(MISS_PENALTY * min(abs(worst.miss), 2.5))


def test_a_row_of_little_prognostic_weight_gives_way_and_widens_less() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(400)
    columns = {"inr": np.exp(0.7 + 0.2 * x), "platelets": np.exp(4.8 + 0.2 * x)}  # the two cannot both be met
    wanted = [
        Wanted("inr", "inr", location=1.1, spread=0.2, log=True),
        Wanted("platelets", "platelets", location=4.4, spread=0.2, log=True),
    ]
    miss = {one.label: abs(one.miss) for one in match_table1(columns, wanted).misses}
    assert miss["inr"] < miss["platelets"]


def test_no_table_gives_equal_weights() -> None:
    matched = match_table1(pool(50), [])
    assert matched.weights == pytest.approx(np.full(50, 0.02))
    assert matched.worst is None
