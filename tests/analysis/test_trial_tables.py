"""From trial tables: endpoints by arm, Table 1, change from baseline with the dead apart, event rates."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats

from hepatrial.analysis import (
    aalen_johansen,
    baseline_table,
    change_from_baseline,
    event_rates,
    incidence_by_arm,
    kaplan_meier,
    kaplan_meier_by_arm,
    proportion_interval,
    rate_interval,
    smd,
    smd_categories,
    smd_share,
    survival_data,
)
from hepatrial.errors import BadInput


@pytest.fixture
def subjects():
    """Six patients: one dies early, one drops out, one is transplanted in arm a; one dies in arm b."""
    return pl.DataFrame(
        {
            "replicate": 1,
            "subject": [1, 2, 3, 4, 5, 6],
            "arm": ["a", "a", "a", "a", "b", "b"],
            "age": [40.0, 50, 60, 70, 80, 90],
            "sex": ["female", "male"] * 3,
            "cirrhosis": [True, False, True, True, False, False],
            "baseline_alt": [10.0, 20, 30, 40, 50, None],
            "overall_survival_time": [168.0, 20, 100, 168, 168, 10],
            "overall_survival_event": [0, 1, 0, 0, 0, 1],
            "transplant_free_time": [168.0, 20, 100, 60, 168, 10],
            "transplant_free_event": [0, 1, 0, 1, 0, 1],
            "first_event": ["none", "death", "dropout", "transplant", "none", "death"],
        }
    )


@pytest.fixture
def visits():
    return pl.DataFrame(
        [
            ("a", 1, "week 2", 2.0, 14.0, 12.0),
            ("a", 2, "week 2", 2.0, 13.0, 25.0),
            ("a", 3, "week 2", 2.0, 14.0, 33.0),
            ("b", 5, "week 2", 2.0, 15.0, 55.0),
            ("a", 1, "week 12", 12.0, 84.0, 14.0),
            ("a", 4, "week 12", 12.0, 85.0, 35.0),
            ("a", 1, "week 24", 24.0, 168.0, float("nan")),
            ("a", 4, "week 24", 24.0, 168.0, 30.0),
        ],
        schema=["arm", "subject", "visit", "week", "day", "alt"],
        orient="row",
    ).with_columns(replicate=pl.lit(1))


# --- endpoints --------------------------------------------------------------------------------------


def test_survival_by_arm_reads_the_columns_of_the_endpoint(subjects):
    overall, free = kaplan_meier_by_arm(subjects), kaplan_meier_by_arm(subjects, "transplant_free")
    expected = kaplan_meier([168, 20, 100, 168], [0, 1, 0, 0])
    np.testing.assert_array_equal(overall["a"].survival, expected.survival)
    assert overall["a"].survival_at(90) == 0.75
    assert free["a"].survival_at(90) == 0.5
    plain = kaplan_meier_by_arm(subjects, arms=["b"], transform="plain", level=0.5)
    assert list(plain) == ["b"]
    assert (plain["b"].transform, plain["b"].level) == ("plain", 0.5)


def test_survival_data_keeps_keys_and_counts_failures(subjects):
    table = subjects.with_columns(status=pl.Series(["ok"] * 5 + ["failed"]))
    data = survival_data(table, arms=["b", "a"])
    assert data.arms == ("b", "a")
    assert data.excluded == 1
    assert data.patient.tolist() == [0, 1, 2, 3, 4]
    assert survival_data(subjects.with_columns(patient=pl.col("subject") * 10)).patient[1] == 20


def test_incidence_by_arm_censors_dropouts_and_adds_up(subjects):
    got = incidence_by_arm(subjects)
    expected = aalen_johansen([168, 20, 100, 60], [0, 1, 0, 2], causes=[1, 2])
    np.testing.assert_array_equal(got["a"].incidence, expected.incidence)
    assert got["a"].causes == ("death", "transplant")
    composite = kaplan_meier_by_arm(subjects, "transplant_free")["a"]
    np.testing.assert_allclose(1 - got["a"].incidence_at(168).sum(), composite.survival_at(168))
    assert list(incidence_by_arm(subjects, arms=["b"])) == ["b"]
    with pytest.raises(BadInput, match="'transplant'"):
        incidence_by_arm(subjects, causes=["death"])
    with pytest.raises(BadInput, match=r"subjects\.first_event"):
        incidence_by_arm(subjects.drop("first_event"))


# --- change from baseline ---------------------------------------------------------------------------


def test_everyone_randomised_is_counted_once_at_each_visit(visits, subjects):
    table = change_from_baseline(visits, subjects, "alt")
    assert (table["randomised"] == table["alive"] + table["dead"] + table["left"]).all()
    assert (table["alive"] == table["measured"] + table["missing"]).all()
    a = table.filter(pl.col("arm") == "a")
    assert a["visit"].to_list() == ["week 2", "week 12", "week 24"]
    assert a["dead"].to_list() == [0, 1, 1]
    assert a["left"].to_list() == [0, 0, 1]
    assert a["measured"].to_list() == [3, 2, 1]
    assert a["missing"].to_list() == [1, 1, 1]
    assert a["transplanted"].to_list() == [0, 1, 1]


def test_the_dead_never_enter_a_mean(visits, subjects):
    week12 = change_from_baseline(visits, subjects, "alt").row(1, named=True)
    assert (week12["arm"], week12["visit"], week12["n"]) == ("a", "week 12", 2)
    assert week12["mean"] == (14 + 35) / 2
    assert week12["baseline_mean"] == (10 + 40) / 2  # of the same two patients
    assert week12["change_mean"] == (4 - 5) / 2
    half = stats.t.ppf(0.975, 1) * week12["change_sd"] / np.sqrt(2)
    assert week12["change_upper"] == pytest.approx(-0.5 + half)
    assert week12["change_lower"] == pytest.approx(-0.5 - half)


def test_an_arm_whose_patients_are_all_dead_keeps_its_row(visits, subjects):
    dead = subjects.with_columns(
        overall_survival_time=pl.when(pl.col("arm") == "b").then(5.0).otherwise("overall_survival_time"),
        overall_survival_event=pl.when(pl.col("arm") == "b").then(1).otherwise("overall_survival_event"),
    )
    last = change_from_baseline(visits.filter(pl.col("arm") == "a"), dead, "alt").row(-1, named=True)
    assert (last["arm"], last["visit"], last["dead"], last["n"]) == ("b", "week 24", 2, 0)
    assert last["mean"] is None
    assert last["change_mean"] is None


def test_values_after_a_transplant_can_be_left_out_of_means_but_not_of_counts(visits, subjects):
    keep = change_from_baseline(visits, subjects, "alt")
    drop = change_from_baseline(visits, subjects, "alt", after_transplant="exclude")
    assert keep["n"].to_list()[:3] == [3, 2, 1]
    assert drop["n"].to_list()[:3] == [3, 1, 0]
    for count in ("measured", "missing", "dead", "left", "transplanted"):
        assert keep[count].to_list() == drop[count].to_list()


def test_a_higher_level_widens_the_interval_of_the_change(visits, subjects):
    narrow, wide = (
        change_from_baseline(visits, subjects, "alt", level=x)["change_upper"][0] for x in (0.5, 0.99)
    )
    assert wide > narrow


def test_replicates_are_kept_apart_and_arms_ordered_as_asked(visits, subjects):
    two = [t.with_columns(replicate=pl.lit(r)) for t in (visits, subjects) for r in (1, 2)]
    got = change_from_baseline(pl.concat(two[:2]), pl.concat(two[2:]), "alt", arms=["b", "a"])
    assert got["replicate"].to_list() == [1] * 6 + [2] * 6
    assert got["arm"].to_list() == (["b"] * 3 + ["a"] * 3) * 2
    first, second = (got.filter(pl.col("replicate") == r).drop("replicate") for r in (1, 2))
    assert first.equals(second)


def test_counterfactual_arms_share_subject_numbers_without_mixing(visits, subjects):
    twins = pl.concat(
        [
            subjects.filter(pl.col("arm") == "a"),
            subjects.filter(pl.col("arm") == "a").with_columns(arm=pl.lit("b")),
        ]
    )
    seen = visits.filter(pl.col("arm") == "a")
    got = change_from_baseline(seen, twins, "alt")
    assert got.filter(pl.col("arm") == "b")["measured"].to_list() == [0, 0, 0]
    assert got.filter(pl.col("arm") == "a")["measured"].to_list() == [3, 2, 1]


def test_visit_tables_that_contradict_themselves_are_refused(visits, subjects):
    with pytest.raises(BadInput) as caught:
        change_from_baseline(
            pl.concat([visits, visits.head(1)]), pl.concat([subjects, subjects.head(1)]), "alt"
        )
    assert [p.place for p in caught.value.problems] == ["visits", "subjects"]
    moved = visits.with_columns(week=pl.when(pl.col("subject") == 1).then(3.0).otherwise("week"))
    with pytest.raises(BadInput, match="planned week"):
        change_from_baseline(moved, subjects, "alt")
    with pytest.raises(BadInput, match=r"visits\.albumin"):
        change_from_baseline(visits, subjects, "albumin")
    with pytest.raises(BadInput, match="include, exclude"):
        change_from_baseline(visits, subjects, "alt", after_transplant="drop")


# --- safety -----------------------------------------------------------------------------------------


@pytest.fixture
def events():
    return pl.DataFrame(
        {"replicate": 1, "subject": [1, 1, 2, 5], "arm": ["a", "a", "a", "b"],
         "event": ["fever", "fever", "death", "fever"]}
    )  # fmt: skip


def test_event_rates_count_patients_and_events_with_exact_intervals(events, subjects):
    row = (
        event_rates(events, subjects)
        .filter((pl.col("arm") == "a") & (pl.col("event") == "fever"))
        .row(0, named=True)
    )
    assert (row["patients"], row["patients_with"], row["events"]) == (4, 1, 2)
    assert row["person_days"] == 168 + 20 + 100 + 168
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(map(float, proportion_interval(1, 4))))
    years = row["person_days"] / 365.25
    assert row["rate"] == pytest.approx(2 / years)
    assert (row["rate_lower"], row["rate_upper"]) == pytest.approx(tuple(map(float, rate_interval(2, years))))


def test_an_event_that_nobody_had_is_a_row_of_zeros(events, subjects):
    got = event_rates(events, subjects, names=["variceal_bleeding", "fever"], arms=["b", "a"])
    assert got["event"].to_list() == ["variceal_bleeding", "fever"] * 2
    assert got["arm"].to_list() == ["b", "b", "a", "a"]
    none = got.row(0, named=True)
    assert (none["patients_with"], none["events"], none["rate"], none["rate_lower"]) == (0, 0, 0, 0)
    assert none["rate_upper"] > 0


def test_rate_unit_and_level_are_the_callers(events, subjects):
    year, day = event_rates(events, subjects), event_rates(events, subjects, per=1)
    np.testing.assert_allclose(year["rate"], day["rate"] * 365.25)
    wide = event_rates(events, subjects, level=0.99)
    assert (wide["rate_upper"] > year["rate_upper"]).all()
    assert (wide["upper"] >= year["upper"]).all()


def test_patients_on_whom_the_engine_failed_are_not_at_risk(events, subjects):
    table = subjects.with_columns(status=pl.Series(["failed"] + ["ok"] * 5))
    got = event_rates(events, table, names=["fever"])
    assert got["patients"].to_list() == [3, 2]
    assert got["events"].to_list() == [0, 1]


def test_events_of_unknown_subjects_and_bad_units_are_refused(events, subjects):
    stray = events.with_columns(subject=pl.lit(77))
    with pytest.raises(BadInput, match="4 rows"):
        event_rates(stray, subjects)
    with pytest.raises(BadInput) as caught:
        event_rates(events.drop("event"), subjects, per=0, level=3)
    assert [p.place for p in caught.value.problems] == ["events.event", "per", "level"]


# --- Table 1 ----------------------------------------------------------------------------------------


def test_standardised_differences_by_their_formulas():
    a, b = [1.0, 2, 3, np.nan], [2.0, 4, 6]
    assert smd(a, b) == pytest.approx((2 - 4) / np.sqrt((1 + 4) / 2))
    assert smd([1, 1], [1, 1]) == 0
    assert smd([1, 1], [2, 2]) == -np.inf
    assert np.isnan(smd([1], [1, 2]))
    assert smd_share(0.6, 0.4) == pytest.approx(0.2 / np.sqrt(0.24))
    assert smd_categories([0.6, 0.4], [0.4, 0.6]) == pytest.approx(abs(smd_share(0.6, 0.4)))
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    spread = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q))[:2, :2] / 2
    d = (p - q)[:2]
    assert smd_categories(p, q) == pytest.approx(np.sqrt(d @ np.linalg.solve(spread, d)))
    assert smd_categories([*p, 0], [*q, 0]) == pytest.approx(smd_categories(p, q))
    assert smd_categories(p[::-1], q[::-1]) == pytest.approx(smd_categories(p, q))
    assert smd_categories(p, p) == 0
    assert smd_categories([1, 0, 0], [0, 0.5, 0.5]) == np.inf


def test_table_one_describes_each_arm_and_compares_each_pair(subjects):
    table = baseline_table(subjects)
    alt = table.rows.filter((pl.col("variable") == "baseline_alt") & (pl.col("arm") == "a")).row(
        0, named=True
    )
    assert (alt["n"], alt["missing"], alt["mean"], alt["median"]) == (4, 0, 25, 25)
    assert alt["sd"] == pytest.approx(np.std([10, 20, 30, 40], ddof=1))
    assert (alt["q1"], alt["q3"]) == (17.5, 32.5)
    missing = table.rows.filter((pl.col("variable") == "baseline_alt") & (pl.col("arm") == "b")).row(
        0, named=True
    )
    assert (missing["n"], missing["missing"], missing["sd"]) == (1, 1, None)
    yes = table.rows.filter((pl.col("variable") == "cirrhosis") & (pl.col("level") == "true"))
    assert yes["count"].to_list() == [3, 0]
    smds = dict(table.differences.select("variable", "smd").iter_rows())
    assert smds["age"] == pytest.approx(smd([40, 50, 60, 70], [80, 90]))
    assert smds["sex"] == pytest.approx(smd_share(2 / 4, 1 / 2))
    assert smds["cirrhosis"] == pytest.approx(smd_share(0.75, 0))
    assert "p" not in table.differences.columns


def test_table_one_takes_the_columns_and_arms_asked_for(subjects):
    third = pl.concat([subjects, subjects.with_columns(arm=pl.lit("c"))])
    table = baseline_table(third, continuous=["age"], categorical=["first_event"], arms=["c", "a", "b"])
    assert table.rows["variable"].unique().sort().to_list() == ["age", "first_event"]
    pairs = table.differences.filter(pl.col("variable") == "age").select("first", "second").rows()
    assert pairs == [("c", "a"), ("c", "b"), ("a", "b")]
    shares = table.rows.filter(pl.col("variable") == "first_event").group_by("arm").agg(pl.col("share").sum())
    np.testing.assert_allclose(shares["share"], 1)


def test_identical_arms_have_no_standardised_difference(subjects):
    one = subjects.filter(pl.col("arm") == "a")
    table = baseline_table(pl.concat([one, one.with_columns(arm=pl.lit("b"))]))
    assert (table.differences["smd"] == 0).all()


def test_table_one_refuses_unknown_columns_and_words_as_numbers(subjects):
    with pytest.raises(BadInput) as caught:
        baseline_table(subjects, continuous=["agee", "sex"], categorical=["stage"])
    assert [p.place for p in caught.value.problems] == ["subjects.agee", "subjects.stage", "subjects.sex"]
    assert caught.value.problems[0].nearest == "age"
    with pytest.raises(BadInput, match="arms"):
        baseline_table(subjects, arms=["a", "z"])
