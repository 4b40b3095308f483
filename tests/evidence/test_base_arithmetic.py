"""The base's own arithmetic: what was worked out by hand comes out of the checks, not typed in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hepatrial.evidence.arithmetic import check_base, review_table
from hepatrial.evidence.base import load_base

BASE = load_base(Path("/dev/null/none"))
FOUND = check_base(BASE)
ODD = {(one.entry, one.finding.check): one.finding for one in FOUND if one.finding.verdict == "inconsistent"}


def test_realistics_death_as_treated_is_found_from_its_rows() -> None:
    found = ODD["realistic2018", "as randomised against as treated"]
    assert found.given == "standard 0/27 randomised, 1/28 treated"


def test_zekris_p_fits_a_standard_error_only() -> None:
    found = ODD["zekri2015", "p-value of two means"]
    assert "it is if ± is a standard error" in found.needed
    assert found.facts["t, SE"] == pytest.approx(0.30, abs=0.02)
    assert found.facts["t, SD"] < 1e-4


def test_nobody_of_56_dying_early_is_no_chance_at_the_controls_risk() -> None:
    found = ODD["lin2017", "no event by chance"]
    assert found.facts["probability"] == pytest.approx(8e-7, rel=0.05)


def test_a_pools_p_that_does_not_fit_its_interval_is_found() -> None:
    found = ODD["chenb2018", "p-value against interval"]
    assert found.facts["p from the interval"] == pytest.approx(0.0011, abs=1e-4)
    others = [key for key in ODD if key[1] == "p-value against interval"]
    assert others == [("chenb2018", "p-value against interval")]


def test_the_controls_of_he_and_lin_may_be_the_same_people() -> None:
    assert ODD["he2015 lin2017", "one control group in two studies"].given == "n 54 in both"
    assert "35 of 46 is 76.1" in ODD["he2015", "percentage of its count"].needed.replace("76.09", "76.1")


def test_the_reviews_table_shows_its_oddities() -> None:
    found = [one.finding for one in FOUND if one.entry == "lu2025"]
    places = {(f.check, f.place.split(" ")[0]) for f in found if f.verdict == "inconsistent"}
    for check, study in (
        ("mean equals n", "Shi"), ("values of one study in another", "Xu"),
        ("values of one study in another", "Lin"), ("dose far from the others", "Shi"),
        ("dose far from the others", "Li"), ("dose far from the others", "Lin"),
        ("outside the table's scope", "Jia"), ("differs from another record", "Lin"),
        ("differs from another record", "Peng"), ("differs from another record", "Xu"),
    ):  # fmt: skip
        assert (check, study) in places, (check, study)
    assert len(review_table()) == 7


def test_a_mended_figure_is_no_longer_odd() -> None:
    zekri = BASE.trials["zekri2015"]
    mended = zekri.model_copy(
        update={"tests": tuple(t.model_copy(update={"stated": "SE"}) for t in zekri.tests)}
    )
    found = check_base(replace(BASE, trials={"zekri2015": mended}, pools={}))
    assert not [one for one in found if one.finding.verdict == "inconsistent"]


def test_recalled_figures_are_not_checked() -> None:
    assert not [one for one in FOUND if one.grade == "recalled"]


def test_one_entry_can_be_checked_alone() -> None:
    assert {one.entry for one in check_base(BASE, "chenb2018")} == {"chenb2018"}
