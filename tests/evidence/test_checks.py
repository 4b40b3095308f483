"""The checks against enumeration, simulation and other programs' numbers."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import barnard_exact, chi2_contingency, ttest_ind_from_stats
from statsmodels.stats.proportion import proportion_confint

from hepatrial.errors import BadInput
from hepatrial.evidence.checks import (
    CountLine,
    TableColumns,
    check_table,
    claimed_limit,
    count_within,
    course_of_differences,
    difference_of_patients,
    grim,
    grimmer,
    interval_holds_estimate,
    interval_of_counts,
    interval_of_two,
    mixed_denominators,
    monotone_survival,
    no_event_by_chance,
    p_of_counts,
    p_of_means,
    p_of_survivors,
    percent_of_patients,
    percent_within,
    randomised_against_treated,
    repeated_rows,
)
from hepatrial.evidence.checks.intervals import ONE
from hepatrial.evidence.checks.pvalues import counts_p, means_p


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 300), st.floats(0, 1), st.integers(0, 2))
def test_a_percentage_made_of_whole_patients_is_never_called_inconsistent(n, share, decimals):
    x = round(share * n)
    found = percent_of_patients("x", f"{100 * x / n:.{decimals}f}", n)
    assert found.verdict != "inconsistent"
    assert any(reading.startswith(f"{x}/{n} ") for reading in found.readings)


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 60), st.integers(0, 1000))
def test_a_percentage_is_inconsistent_exactly_when_no_count_prints_so(n, tenths):
    text = f"{tenths / 10:.1f}"
    some = any(abs(1000 * x - tenths * n) <= n / 2 for x in range(n + 1))
    assert (percent_of_patients("x", text, n).verdict == "inconsistent") == (not some)


def test_digits_that_were_cut_off_are_said_to_be_so():
    found = percent_of_patients("x", "64.7", 48)
    assert found.verdict == "inconsistent"
    assert "cut off" not in found.needed
    found = percent_of_patients("x", "66.6", 54)
    assert found.verdict == "inconsistent"
    assert "36/54 gives it if digits were cut off" in found.needed


def test_large_arms_are_not_checkable_unless_their_sizes_are_alike():
    assert difference_of_patients("x", "12.3", 2001, 1999).verdict == "not checkable"
    assert difference_of_patients("x", "12.35", 300, 300).verdict == "inconsistent"
    found = difference_of_patients("x", "12.33", 300, 300)
    assert found.verdict == "consistent"
    assert found.facts["coverage"] == pytest.approx(0.03)


def test_percentages_of_many_patients_and_of_censored_curves_are_not_checkable():
    assert percent_of_patients("x", "42", 150).verdict == "not checkable"
    found = percent_of_patients("x", "41.9", 7, censored=True)
    assert found.verdict == "not checkable"
    assert "censoring" in found.needed
    assert difference_of_patients("x", "41.9", 24, 19, censored=True).verdict == "not checkable"
    with pytest.raises(BadInput, match="0 to 100"):
        percent_of_patients("x", "141.9", 7)
    with pytest.raises(BadInput, match="as printed"):
        percent_of_patients("x", "about half", 7)


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 40), st.integers(5, 40), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_difference_of_whole_patients_is_never_called_inconsistent(n1, n2, s1, s2, of_rounded):
    p1, p2 = 100 * round(s1 * n1) / n1, 100 * round(s2 * n2) / n2
    difference = float(f"{p1:.1f}") - float(f"{p2:.1f}") if of_rounded else p1 - p2
    assert difference_of_patients("x", f"{difference:.1f}", n1, n2).verdict != "inconsistent"
    beside = difference_of_patients(
        "x", f"{difference:.1f}", n1, n2, percent1=f"{p1:.1f}", percent2=f"{p2:.1f}"
    )
    assert beside.verdict != "inconsistent"


def test_a_difference_beside_a_percentage_of_nobody_is_left_to_the_percentages_own_check():
    assert difference_of_patients("x", "10.0", 7, 7, percent1="50.1").verdict == "not checkable"
    with pytest.raises(BadInput) as caught:
        difference_of_patients("x", "120", 0, 7, percent2="-3")
    assert len(caught.value.problems) == 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=2, max_size=3), st.lists(st.integers(0, 4), min_size=2, max_size=3)
)
def test_a_real_course_of_two_arms_is_never_called_inconsistent(deaths1, deaths2):
    alive1, alive2 = (20 - np.cumsum(d[:2]) for d in (deaths1, deaths2))
    points = [(t, f"{100 * (a / 20 - b / 20):.1f}") for t, a, b in zip((4, 12), alive1, alive2, strict=True)]
    assert course_of_differences("x", points, 20, 20).verdict == "consistent"


def all_lists(n, top):
    """(mean, SD) to two decimals of every list of n whole numbers up to ``top``."""
    pairs = set()
    for values in combinations_with_replacement(range(top + 1), n):
        pairs.add((f"{np.mean(values):.2f}", f"{np.std(values, ddof=1):.2f}"))
    return pairs


@pytest.mark.parametrize("n", [4, 5, 7])
def test_grim_and_grimmer_pass_every_list_and_stop_what_no_list_gives(n):
    top = 5
    real = all_lists(n, top)
    means = {m for m, _ in real}
    assert all(grim("x", m, n, integers=True).verdict == "consistent" for m in means)
    assert all(grimmer("x", m, s, n, integers=True).verdict != "inconsistent" for m, s in real)
    stopped = 0
    for hundredths in range(100 * top):
        mean = f"{hundredths / 100:.2f}"
        passed = grim("x", mean, n, integers=True).verdict == "consistent"
        assert passed == (mean in means)
        stopped += not passed
    assert stopped > 300
    # Within the items' range GRIMMER leaves few SDs beyond those that lists give.
    for mean in sorted(means)[n : 3 * n]:
        allowed = {s for m, s in real if m == mean}
        tried = [f"{h / 100:.2f}" for h in range(0, 150)]
        passed = {s for s in tried if grimmer("x", mean, s, n, integers=True).verdict != "inconsistent"}
        assert {s for s in allowed if float(s) < 1.5} <= passed
        assert len(passed) < 40


def test_grim_says_nothing_of_measurements_and_of_many_patients():
    assert grim("ALB", "2.57", 30, integers=False).verdict == "not checkable"
    assert grimmer("ALB", "2.57", "0.15", 30, integers=False).verdict == "not checkable"
    assert grim("x", "3.48", 120, integers=True).verdict == "not checkable"
    assert grim("x", "3.49", 25, integers=True).verdict == "inconsistent"
    assert grim("x", "3.49", 25, integers=True, items=4).verdict == "not checkable"
    assert grim("x", "3.49", 5, integers=True, items=4).verdict == "inconsistent"
    assert grimmer("x", "3.49", "1.00", 25, integers=True).verdict == "inconsistent"
    assert grimmer("x", "3.5", "1.4", 2000, integers=True).verdict == "not checkable"
    assert grimmer("x", "2.50", "0.71", 2, integers=True).verdict == "consistent"
    assert grimmer("x", "2.25", "0.35", 2, integers=True, items=2).verdict == "consistent"
    with pytest.raises(BadInput, match="at least 2"):
        grimmer("x", "3", "0", 1, integers=True)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("Wald", "normal"), ("Wilson", "wilson"), ("Agresti-Coull", "agresti_coull"),
     ("exact (Clopper-Pearson)", "beta"), ("Jeffreys", "jeffreys")],
)  # fmt: skip
def test_intervals_of_a_proportion_equal_those_of_statsmodels(ours, theirs):
    for x, n in ((41, 56), (3, 28), (17, 19)):
        got = np.clip(ONE[ours](x, n, 0.95), 0, 1)
        assert got == pytest.approx(proportion_confint(x, n, method=theirs), abs=1e-9)


def test_the_corrected_score_interval_is_newcombes_example():
    """Newcombe 1998, table I: 81/263 and 15/148."""
    assert ONE["Wilson with continuity correction"](81, 263, 0.95) == pytest.approx(
        (0.2535, 0.3682), abs=5e-5
    )
    assert ONE["Wilson with continuity correction"](15, 148, 0.95) == pytest.approx(
        (0.0598, 0.1644), abs=5e-5
    )


def test_an_interval_is_named_by_its_method_and_level():
    exact = interval_of_counts("x", 3, 28, "2.3", "28.2")
    assert exact.readings == ("exact (Clopper-Pearson)",)
    low, high = ONE["Wilson"](3, 28, 0.9)
    args = ("x", 3, 28, f"{low:.4f}", f"{high:.4f}")
    assert interval_of_counts(*args, percent=False, level=0.9).readings == ("Wilson",)
    assert interval_of_counts(*args, percent=False).verdict == "inconsistent"
    assert interval_of_counts("x", 3, 28, "10", "11").verdict == "inconsistent"
    assert interval_of_counts("x", 3, 28, "-0.7", "22.2").readings == ("Wald",)
    assert interval_of_counts("x", 3, 28, "0", "22.2").readings == ("Wald, cut at 0 and 1",)
    with pytest.raises(BadInput, match="estimate"):
        interval_of_counts("x", 3, 28, "0", "22.2", estimate="107")
    with pytest.raises(BadInput, match="must not exceed n"):
        interval_of_counts("x", 30, 28, "10", "11")


def test_intervals_of_two_arms_by_measure():
    half = 1.959964 * math.sqrt(1 / 9 - 1 / 56 + 1 / 18 - 1 / 54)
    ratio = 9 * 54 / (18 * 56)
    low, high = f"{ratio * math.exp(-half):.3f}", f"{ratio * math.exp(half):.3f}"
    assert interval_of_two("x", 9, 56, 18, 54, "RR", low, high).readings == ("log (Katz)",)
    assert interval_of_two("x", 9, 56, 18, 54, "OR", low, high).verdict == "inconsistent"
    p1, p2 = 9 / 56, 18 / 54
    wald = 1.959964 * math.sqrt(p1 * (1 - p1) / 56 + p2 * (1 - p2) / 54)
    limits = [f"{100 * (p1 - p2 + s * wald):.2f}" for s in (-1, 1)]
    assert interval_of_two("x", 9, 56, 18, 54, "RD", *limits, percent=True).readings == ("Wald",)
    assert interval_of_two("x", 9, 56, 18, 54, "RD", *limits).verdict == "inconsistent"
    assert interval_of_two("x", 0, 56, 18, 54, "RR", "0.1", "0.5", level=0.9).verdict == "inconsistent"
    with pytest.raises(BadInput, match="measure"):
        interval_of_two("x", 9, 56, 18, 54, "HR", low, high)


def test_an_interval_that_excludes_its_estimate():
    assert interval_holds_estimate("x", "0.53", "0.23", "1.23").verdict == "consistent"
    assert interval_holds_estimate("x", "1.53", "0.23", "1.23").verdict == "inconsistent"
    assert interval_holds_estimate("x", "0.5", "1.23", "0.23").verdict == "inconsistent"
    assert interval_holds_estimate("x", "1.2", "0.8", "1.18").verdict == "consistent"


def test_p_values_of_counts_equal_those_of_scipy():
    tables = ((41, 56, 30, 54), (9, 56, 18, 54), (3, 28, 0, 27))
    for x1, n1, x2, n2 in tables:
        got, cells = counts_p(x1, n1, x2, n2), [[x1, n1 - x1], [x2, n2 - x2]]
        plain = chi2_contingency(cells, correction=False).pvalue
        assert got["chi-squared (z with pooled variance)"] == pytest.approx(plain)
        assert got["chi-squared with continuity correction"] == pytest.approx(chi2_contingency(cells).pvalue)
        unpooled = barnard_exact(np.transpose(cells), pooled=False, n=2).statistic if min(x1, x2) else None
        if unpooled is not None:
            assert got["z with unpooled variance"] == pytest.approx(
                math.erfc(abs(unpooled) / math.sqrt(2)), rel=1e-6
            )
    assert counts_p(0, 10, 0, 12) == {"Fisher": 1.0}


def test_p_values_of_counts_are_matched_as_printed():
    assert p_of_counts("x", 9, 56, 18, 54, "0.035").readings == ("chi-squared (z with pooled variance)",)
    assert "Fisher" in p_of_counts("x", 41, 56, 30, 54, "P = 0.07").readings
    assert p_of_counts("x", 41, 56, 30, 54, ">0.05").verdict == "consistent"
    assert p_of_counts("x", 41, 56, 30, 54, "<0.001").verdict == "inconsistent"
    with pytest.raises(BadInput) as caught:
        p_of_counts("x", 60, 56, 30, 0, "0.07")
    assert len(caught.value.problems) == 3
    for wrong in ("NS", "1.7"):
        with pytest.raises(BadInput, match="as printed"):
            p_of_counts("x", 4, 56, 30, 54, wrong)


@settings(max_examples=50, deadline=None)
@given(
    st.floats(20, 40),
    st.floats(1, 9),
    st.integers(3, 60),
    st.floats(20, 40),
    st.floats(1, 9),
    st.integers(3, 60),
)
def test_p_values_of_means_equal_those_of_scipy_and_an_error_is_a_deviation_over_root_n(
    m1, s1, n1, m2, s2, n2
):
    got = means_p(m1, s1, n1, m2, s2, n2)
    for name, equal in (("t", True), ("Welch", False)):
        wanted = ttest_ind_from_stats(m1, s1, n1, m2, s2, n2, equal_var=equal).pvalue
        assert got[name] == pytest.approx(wanted, rel=1e-8, abs=1e-300)
    se = means_p(m1, s1 / math.sqrt(n1), n1, m2, s2 / math.sqrt(n2), n2, reading="SE")
    assert list(se.values()) == pytest.approx(list(got.values()), rel=1e-6, abs=1e-300)


@settings(max_examples=50, deadline=None)
@given(
    st.floats(20, 24),
    st.floats(1, 9),
    st.integers(4, 40),
    st.floats(20, 24),
    st.floats(1, 9),
    st.integers(4, 40),
)
def test_rounding_of_means_and_spreads_never_makes_a_p_inconsistent(m1, s1, n1, m2, s2, n2):
    p = means_p(m1, s1, n1, m2, s2, n2)["Welch"]
    shown = [f"{x:.1f}" for x in (m1, s1, m2, s2)]
    found = p_of_means("x", shown[0], shown[1], n1, shown[2], shown[3], n2, f"{p:.3f}", stated="SD")
    assert found.verdict == "consistent"
    assert "Welch, ± read as standard deviation" in found.readings


def test_a_p_of_means_that_no_reading_gives():
    found = p_of_means("x", "2.57", "0.15", 30, "2.80", "0.15", 30, "0.9")
    assert found.verdict == "inconsistent"
    with pytest.raises(BadInput) as caught:
        p_of_means("x", "1", "-1", 1, "2", "1", 9, "0.9", stated="SEM")
    assert len(caught.value.problems) == 3
    assert means_p(1, 0, 5, 2, 0, 5)["t"] == 0


def test_survivors_at_a_few_times_far_from_the_printed_p_are_not_checkable():
    assert p_of_survivors("x", 56, [56, 47, 41], 54, [42, 35, 30], "0.5").verdict == "not checkable"
    with pytest.raises(BadInput) as caught:
        p_of_survivors("x", 56, [41, 47], 54, [30], "0.5")
    assert len(caught.value.problems) == 2


def test_survival_may_fall_or_stay_and_not_rise():
    assert monotone_survival("x", [(4, "100"), (24, "73.2"), (12, "83.9")]).verdict == "consistent"
    rising = monotone_survival("x", [(4, "77.8"), (12, "83.9")])
    assert rising.verdict == "inconsistent"
    assert "from 77.8 % at 4 to 83.9 % at 12" in rising.needed
    assert monotone_survival("x", [(4, "77.8")]).verdict == "not checkable"
    for bad in ([(4, "77.8"), (4, "70")], [(4, "177.8")]):
        with pytest.raises(BadInput):
            monotone_survival("x", bad)


@pytest.mark.parametrize(
    ("sign", "value", "verdict"),
    [("<", "9.9", "consistent"), ("<", "10.1", "inconsistent"), ("<=", "10", "consistent"),
     (">", "10.1", "consistent"), (">", "9.9", "inconsistent"), (">=", "10", "consistent")],
)  # fmt: skip
def test_a_claimed_limit_is_read_by_its_sign(sign, value, verdict):
    assert claimed_limit("x", sign, "10", {"a": value}).verdict == verdict


def test_a_claimed_limit_needs_figures_and_a_sign():
    assert claimed_limit("x", "<", "10", {}).verdict == "not checkable"
    with pytest.raises(BadInput, match="sign"):
        claimed_limit("x", "~", "10", {"a": "1"})


def test_no_event_is_consistent_when_events_are_rare_or_patients_few():
    assert no_event_by_chance("x", 10, 1, 30).verdict == "consistent"
    assert no_event_by_chance("x", 56, 12, 54, threshold=1e-9).verdict == "consistent"
    with pytest.raises(BadInput, match="threshold"):
        no_event_by_chance("x", 56, 12, 54, threshold=2)
    with pytest.raises(BadInput, match="must not exceed n"):
        no_event_by_chance("x", 56, 60, 54)


def test_analysis_sets_that_agree_and_sets_that_cannot_be_compared():
    sets = {"a": (1, 20), "b": (2, 20)}
    assert randomised_against_treated("x", sets, sets).verdict == "consistent"
    assert randomised_against_treated("x", sets, {}).verdict == "not checkable"
    with pytest.raises(BadInput) as caught:
        randomised_against_treated("x", sets, {"c": (30, 20)})
    assert len(caught.value.problems) == 2


def test_counts_above_n_and_percentages_above_100():
    assert count_within("x", 12, 10).verdict == "inconsistent"
    assert count_within("x", 10, 10).verdict == "consistent"
    assert percent_within("x", "104 %").verdict == "inconsistent"
    assert percent_within("x", "100").verdict == "consistent"
    with pytest.raises(BadInput):
        count_within("x", 1.5, 10)


def test_mixed_denominators_are_named():
    lines = [CountLine("fever", 5, "17.9"), CountLine("rash", 3, "11.1"), CountLine("pain", 2)]
    found = mixed_denominators("safety", lines, 28)
    assert found.verdict == "inconsistent"
    assert "rash 3 (11.1 %): out of 27" in found.needed
    assert "fever" not in found.needed
    assert mixed_denominators("safety", lines[:1], 28).verdict == "consistent"
    assert mixed_denominators("safety", lines[2:], 28).verdict == "not checkable"
    assert "no denominator" in mixed_denominators("safety", [CountLine("x", 0, "5")], 28).needed
    assert "up to 56" in mixed_denominators("safety", [CountLine("x", 3, "90")], 28).needed


ROW = {"study": "A", "year": "2012", "design": "RCT", "age_treated": "45.12 ± 9.03", "n_treated": "30",
       "age_control": "44.87 ± 8.91", "n_control": "31", "dose_as_printed": "1×10^6 cells/kg",
       "follow_up": "24 weeks"}  # fmt: skip


def test_a_table_without_oddities_gives_no_finding_and_one_oddity_gives_one():
    other = ROW | {
        "study": "B",
        "age_treated": "50.31 ± 7.77",
        "age_control": "49.08 ± 6.52",
        "n_control": "40",
    }
    assert check_table([ROW, other]) == ()
    for change, check in (
        ({"n_treated": ""}, "arm without n"),
        ({"age_treated": "45"}, "no mean and spread"),
        ({"age_treated": "45.12 ± 7.70", "age_control": "49.08 ± 7.11"}, "values of one study in another"),
        ({"age_treated": "70.31 ± 7.77"}, "baseline of randomised arms"),
        ({"n_control": "31"}, "one control group in two studies"),
        ({"follow_up": "1, 2"}, "time without unit"),
    ):
        assert [f.check for f in check_table([ROW, other | change])] == [check], check


def test_columns_of_a_table_can_be_named_and_are_checked():
    renamed = {"trial" if k == "study" else k: v for k, v in ROW.items()}
    assert check_table([renamed], TableColumns(study="trial")) == ()
    with pytest.raises(BadInput, match="study"):
        check_table([renamed])
    with pytest.raises(BadInput, match="at least one study"):
        check_table([], TableColumns(values=()))
    centres = TableColumns(centre="centre")
    one, two = (ROW | {"study": s, "centre": "X"} for s in "AB")
    two = two | {"age_treated": "50.31 ± 7.77", "age_control": "49.08 ± 6.52"}
    found = check_table([one, two], centres)
    assert [(f.check, f.verdict) for f in found] == [("one control group in two studies", "inconsistent")]
    assert check_table([one, two | {"centre": "Y"}], centres) == ()


def test_repeated_rows_are_found_whatever_their_number():
    rows = [{"id": "1", "alb": "30", "inr": "1.4"}, {"id": "2", "alb": "31", "inr": "1.4"},
            {"id": "3", "alb": "30 ", "inr": "1.4"}]  # fmt: skip
    found = repeated_rows("patients", rows, ignore=["id"])
    assert [f.place for f in found] == ["patients rows 1 and 3"]
    assert repeated_rows("patients", rows) == ()
