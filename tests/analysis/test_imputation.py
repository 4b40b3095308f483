"""Imputation of values not seen: where none is missing nothing changes; assumptions do what they say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from made_trials import ARMS

from hepatrial.analysis.estimands.analyse import analyse, apply_estimand
from hepatrial.analysis.estimands.apply import in_population, people_of
from hepatrial.analysis.estimands.compare import compare
from hepatrial.analysis.estimands.endpoints import endpoint
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.imputation import em, tipping_point
from hepatrial.errors import BadInput

LEVELS = {"death": "while_alive", "transplant": "treatment_policy", "dropout": "treatment_policy"}
WEEKS = (1, 2, 4)


def trials(replicates=40, n=100, seed=1, *, leave=0.0, informative=False, effect=-4.0):
    """Linear courses; from some visit on a share of the first arm's patients is not seen, nobody dies.

    With ``informative`` those of the first arm who do badly leave, which the course explains.
    """
    rng = np.random.default_rng(seed)
    size = replicates * n
    first = np.tile(np.arange(n) % 2 == 0, replicates)
    base = rng.normal(25, 3, size)
    own = rng.normal(0, 2, size)
    value = {0: base}
    for week in WEEKS:
        value[week] = base - 0.5 * week + effect * first * week / 4 + own * week / 4 + rng.normal(0, 1, size)
    seen_badly = value[1] - base + 0.5 - effect * first / 4
    worse = (seen_badly > 0) & first if informative else np.ones(size, dtype=bool)
    gone = rng.random(size) < leave * worse * (2 if informative else 1)
    last = np.where(gone, 7.5, 100.0)  # seen in week 1 and no more
    subjects = pl.DataFrame(
        {
            "replicate": np.repeat(np.arange(1, replicates + 1), n).astype(np.int32),
            "subject": np.tile(np.arange(1, n + 1), replicates).astype(np.int32),
            "arm": np.where(first, *ARMS),
            "overall_survival_time": last,
            "overall_survival_event": 0,
            "transplant_free_time": last,
            "first_event": np.where(gone, "dropout", "none"),
            "dropout_reason": np.where(gone, "moved", ""),
            "baseline_meld": base,
        }
    )
    keys = subjects.select("replicate", "subject", "arm")
    rows = [
        keys.with_columns(
            visit=pl.lit(str(w)), week=pl.lit(float(w)), day=pl.lit(7.0 * w), meld=pl.Series(value[w])
        ).filter(pl.Series(7 * w <= last))
        for w in (0, *WEEKS)
    ]
    return TrialTables(subjects, pl.concat(rows))


def wanted(assumption="mar", draws=20, **more):
    return Estimand(
        assumption,
        endpoint("meld_change_28"),
        LEVELS,
        "mean_difference",
        estimator="imputation",
        imputation={"assumption": assumption, "draws": draws, **more},
    )


def within(share, nominal, count, slack):
    return abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / count) + slack


@pytest.mark.parametrize("assumption", ["mar", "j2r", "cir"])
def test_with_nothing_missing_every_assumption_is_ancova(assumption):
    tables = trials(3)
    plain = compare(apply_estimand(tables, wanted(), ARMS), "ancova")
    got = analyse(tables, wanted(assumption), ARMS)
    np.testing.assert_allclose(got.estimate, plain.estimate)
    np.testing.assert_allclose(got.se, plain.se)
    np.testing.assert_allclose(got.extra["imputed_share"], 0, atol=1e-12)


def test_values_missing_given_the_course_are_imputed_without_bias_where_complete_cases_are_biased():
    tables = trials(60, 120, 2, leave=0.35, informative=True)
    complete = compare(apply_estimand(tables, wanted(), ARMS), "ancova")
    got = analyse(tables, wanted("mar"), ARMS)
    assert complete.estimate.mean() + 4 < -0.25
    assert abs(got.estimate.mean() + 4) < 4 * got.estimate.std() / np.sqrt(60)
    assert within(got.coverage(-4.0)[0], 0.95, 60, 0.02)


def test_jump_to_reference_keeps_the_effect_of_those_who_stayed_only():
    tables = trials(40, 200, 3, leave=0.4)
    got = analyse(tables, wanted("j2r"), ARMS)
    # who left in week 1 keeps what week 1's deviation from the own mean tells of week 4, and no effect
    assert got.estimate.mean() == pytest.approx(-4 * 0.6, abs=0.15)
    mar = analyse(tables, wanted("mar"), ARMS)
    assert mar.estimate.mean() == pytest.approx(-4, abs=0.15)


def test_copied_increments_keep_the_effect_reached_before_leaving():
    tables = trials(40, 200, 4, leave=0.4)
    got = analyse(tables, wanted("cir"), ARMS)
    assert got.estimate.mean() == pytest.approx(-4 * 0.6 - 1 * 0.4, abs=0.15)  # a quarter of -4 by week 1


def test_rubins_rules_keep_the_level_under_the_null():
    got = analyse(trials(150, 80, 5, leave=0.3, effect=0.0), wanted("mar", draws=10), ARMS)
    assert within(got.share_below(0.05)[0], 0.05, 150, 0.015)
    referenced = analyse(trials(150, 80, 5, leave=0.3, effect=0.0), wanted("j2r", draws=10), ARMS)
    assert referenced.share_below(0.05)[0] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 150)


def test_the_tipping_point_shifts_the_first_arms_unseen_values_alone():
    tables = trials(1, 200, 6, leave=0.4)
    people = in_population(people_of(tables, ARMS), wanted())
    found = tipping_point(people, tables, wanted("mar"), (0.0, 5.0, 10.0, 20.0))
    estimates = np.array([result.estimate[0] for _, result in found])
    missing = apply_estimand(tables, wanted(), ARMS)
    share = np.isnan(missing.value[missing.arm == 0]).mean()
    np.testing.assert_allclose(np.diff(estimates), share * np.array([5, 5, 10]), rtol=0.05)
    p = [result.p[0] for _, result in found]
    assert p[0] < 0.05 < max(p)


def test_the_same_seed_draws_the_same_and_another_differs():
    tables = trials(1, 100, 7, leave=0.4)
    one, two = (analyse(tables, wanted("mar", seed=3), ARMS).estimate for _ in range(2))
    assert one == two
    assert analyse(tables, wanted("mar", seed=4), ARMS).estimate != one


def test_em_recovers_mean_and_covariance_with_values_missing_at_random():
    rng = np.random.default_rng(8)
    truth = np.array([[4.0, 2, 1], [2, 3, 1.5], [1, 1.5, 2]])
    data = rng.multivariate_normal([1.0, 2.0, 3.0], truth, size=(1, 4000))
    data[0, data[0, :, 0] > 1.5, 2] = np.nan  # missing by what is seen
    mean, covariance = em(data[0], np.ones((1, 4000)))
    np.testing.assert_allclose(mean[0], [1, 2, 3], atol=0.12)
    np.testing.assert_allclose(covariance[0], truth, atol=0.25)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"assumption": "jump"}, "must be one of mar, j2r, cir"),
        ({"draws": 1}, "from 2 to 2000"),
        ({"delta": "much"}, "must be a number"),
        ({"asumption": "mar"}, "assumption"),
    ],
)
def test_what_cannot_be_imputed_is_refused(given, words):
    one = Estimand(
        "x", endpoint("meld_change_28"), LEVELS, "mean_difference", estimator="imputation", imputation=given
    )
    with pytest.raises(BadInput, match=words):
        analyse(trials(1), one, ARMS)


def test_an_arm_too_small_for_the_model_is_refused():
    with pytest.raises(BadInput, match="patients in an arm"):
        analyse(trials(1, 10, 9, leave=0.5), wanted(), ARMS)
