"""Every way to get a protocol wrong: the place, what was given, what is allowed, the nearest right name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hepatrial.errors import BadInput, Problem
from hepatrial.protocol import list_protocols, load_protocol, protocol_from_dict
from hepatrial.protocol.places import parse_place

Data = dict[str, Any]
Find = Callable[[Data], dict[str, Problem]]


def put(data: Data, place: str, value: Any) -> Data:
    """``data`` with ``value`` at ``place``; None takes the entry away."""
    here: Any = data
    *path, last = parse_place(place) or ()
    for step in path:
        here = here[step] if isinstance(step, int) else here.setdefault(step, {})
    if value is None:
        del here[last]
    else:
        here[last] = value
    return data


def test_the_small_protocol_is_sound(small: Data) -> None:
    assert protocol_from_dict(small).patients == 30


WISH = {"variable": "bilirubin", "grade": "seen", "source": "tests"}
AGE = {"variable": "age", "grade": "seen", "source": "tests"}


@pytest.mark.parametrize(
    ("place", "value", "where", "allowed"),
    [
        # unknown and missing entries
        ("visits.weaks", [1], "visits.weaks", "weeks"),
        ("population.eligibility[0].minimum", 3, "population.eligibility[0].minimum", "measure, min, max"),
        ("arms.cells.regimen[0].doze", "1e6", "arms.cells.regimen[0].doze", "dose"),
        ("armz", {}, "armz", "arms"),
        ("identity.title", None, "identity.title", "required"),
        ("visits", None, "visits", "required"),
        ("follow_up", None, "follow_up", "required"),
        ("arms", None, "arms", "a table for each arm"),
        ("arms", {}, "arms", "a table for each arm"),
        # doses
        ("arms.cells.regimen[0].dose", "1e8 cells/kg", "arms.cells.regimen[0].dose", "unit trap of Lin 2017"),
        ("arms.cells.regimen[0].dose", "5 mg", "arms.cells.regimen[0].dose", "cells/kg"),
        ("arms.cells.regimen[0].dose", "10 cells/kg", "arms.cells.regimen[0].dose", "1e4 to 2e7"),
        ("arms.cells.regimen[0].dose", "1e12 cells", "arms.cells.regimen[0].dose", "1e6 to 1.4e9"),
        ("arms.cells.regimen[0].dose", 1e6, "arms.cells.regimen[0].dose", "cells/kg"),
        ("arms.cells.regimen[0].dose", "-1e6 cells/kg", "arms.cells.regimen[0].dose", "1e4 to 2e7"),
        ("arms.cells.regimen[0].product", "mscs", "arms.cells.regimen[0].product", "uc_msc"),
        ("arms.cells.regimen[0].route", "oral", "arms.cells.regimen[0].route", "peripheral_vein"),
        # times
        ("arms.cells.regimen[0].days", [-7, 0], "arms.cells.regimen[0].days[0]", "not below 0"),
        ("arms.cells.regimen[0].days", [7, 0], "arms.cells.regimen[0].days", "in order"),
        ("arms.cells.regimen[0].days", [], "arms.cells.regimen[0].days", "at least one"),
        ("arms.cells.regimen[0].days", [0, 56], "arms.cells.regimen[0].days[1]", "before follow-up ends"),
        ("arms.cells.regimen[0].window", "4 d", "arms.cells.regimen[0].window", "half the shortest gap"),
        ("visits.weeks", [1, 4, 2], "visits.weeks", "in order"),
        ("visits.weeks", [1, 1, 2], "visits.weeks", "in order"),
        ("visits.weeks", [0, 1], "visits.weeks[0]", "after 0"),
        ("visits.weeks", [1, 9], "visits.weeks[1]", "not after follow-up"),
        ("visits.days", [3], "visits", "either weeks or days"),
        ("visits.weeks", None, "visits", "either weeks or days"),
        ("visits.window", "5 d", "visits.window", "half the shortest gap"),
        ("visits.window", "-1 d", "visits.window", "not below 0"),
        ("visits.window", 2, "visits.window", "weeks"),
        ("visits.measures", ["bilirubin", "bilirubin"], "visits.measures", "once"),
        ("visits.measures", ["bilirubine"], "visits.measures[0]", "bilirubin"),
        ("follow_up.length", "-8 weeks", "follow_up.length", "above 0"),
        ("follow_up.length", "8 kg", "follow_up.length", "weeks"),
        ("follow_up.length", "0 d", "follow_up.length", "above 0"),
        # arms
        ("arms.cells.n", 0, "arms.cells.n", "not below 1"),
        ("arms.cells.n", -3, "arms.cells.n", "not below 1"),
        ("arms.cells.n", 2.5, "arms.cells.n", "whole number"),
        ("arms.cells.n", "20", "arms.cells.n", "whole number"),
        ("arms.cells.n", True, "arms.cells.n", "whole number"),
        ("arms.Cells", {"label": "x", "n": 1}, "arms.Cells", "lower-case"),
        ("arms.cells", None, "arms", "at least two arms"),
        ("endpoints.control_arm", "contrl", "endpoints.control_arm", "cells, control"),
        # endpoints
        ("endpoints.primary.week", 9, "endpoints.primary.week", "not after follow-up"),
        ("endpoints.survival_weeks", [2, 12], "endpoints.survival_weeks[1]", "not after follow-up"),
        ("endpoints.survival_weeks", [4, 2], "endpoints.survival_weeks", "in order"),
        ("endpoints.strategies", ["composit"], "endpoints.strategies[0]", "composite"),
        ("endpoints.strategies", ["composite", "composite"], "endpoints.strategies", "once"),
        ("endpoints.primary.endpoint", "survival", "endpoints.primary.endpoint", "overall_survival"),
        # population
        ("population.disease", "alf", "population.disease", "hbv_aclf"),
        ("population.age", {"min": 66, "max": 65}, "population.age", "min not above max"),
        ("population.age.max", 200, "population.age.max", "not above 110"),
        ("population.eligibility", [], "population.eligibility", "at least one"),
        ("population.eligibility[1].min", 6, "population.eligibility[1]", "min not above max"),
        ("population.eligibility[1].min", "1.5 mg", "population.eligibility[1].min", "without a unit"),
        ("population.eligibility[0].min", 171, "population.eligibility[0].min", "umol/L, mg/dL"),
        ("population.eligibility[0].min", "171 g/L", "population.eligibility[0].min", "1 to 1500"),
        ("population.eligibility[0].min", "171 kg", "population.eligibility[0].min", "umol/L, mg/dL"),
        ("population.eligibility[2].max", 41, "population.eligibility[2].max", "6 to 40"),
        ("population.eligibility[0].min", None, "population.eligibility[0]", "min, max or both"),
        ("population.eligibility[0].measure", "bilirubi", "population.eligibility[0].measure", "bilirubin"),
        ("population.exclude", ["infection"], "population.exclude[0]", "infection_at_entry"),
        ("identity.definition", "clif", "identity.definition", "easl_clif"),
        # table 1
        (
            "population.table1",
            [{**WISH, "mean": "300 umol/L", "sd": "-5 umol/L"}],
            "population.table1[0].sd",
            "above 0",
        ),
        ("population.table1", [{**WISH, "sd": "5 umol/L"}], "population.table1[0].mean", "beside it"),
        ("population.table1", [{**WISH, "mean": 300}], "population.table1[0].mean", "umol/L"),
        (
            "population.table1",
            [{**WISH, "mean": "100 umol/L"}],
            "population.table1[0].mean",
            "entry criteria",
        ),
        ("population.table1", [{**WISH, "share": 0.5}], "population.table1[0].share", "above and below"),
        ("population.table1", [WISH], "population.table1[0]", "at least one"),
        ("population.table1", [{**AGE, "mean": 70}], "population.table1[0].mean", "entry criteria"),
        ("population.table1", [{**AGE, "mean": 40}, {**AGE, "mean": 41}], "population.table1[1]", "once"),
        (
            "population.table1",
            [{**WISH, "median": "300 umol/L", "q1": "310 umol/L", "q3": "400 umol/L"}],
            "population.table1[0].median",
            "not above the median",
        ),
        (
            "population.table1",
            [{**WISH, "median": "300 umol/L", "q1": "200 umol/L"}],
            "population.table1[0].q1",
            "together",
        ),
        (
            "population.table1",
            [{**WISH, "variable": "bilirubine", "mean": 3}],
            "population.table1[0].variable",
            "bilirubin",
        ),
        (
            "population.table1",
            [{**WISH, "variable": "female", "mean": 0.2}],
            "population.table1[0].mean",
            "yes or no",
        ),
        (
            "population.table1",
            [{**WISH, "variable": "female", "share": 1.2}],
            "population.table1[0].share",
            "from 0 to 1",
        ),
        # the rest
        ("selection", {"consent": "120 %"}, "selection.consent", "from 0 to 1"),
        (
            "selection",
            {"referral_delay": {"median": "0 d", "log_sd": 1}},
            "selection.referral_delay.median",
            "above 0",
        ),
        (
            "selection",
            {"screening_to_randomisation": "-3 d"},
            "selection.screening_to_randomisation",
            "not below 0",
        ),
        ("care", {"plasma": {"inr_above": 1.5, "rate": "0.3 g/d"}}, "care.plasma.rate", "L/d"),
        (
            "care",
            {"transplant": {"listed": 0.1, "offer_rate": "2 d"}},
            "care.transplant.offer_rate",
            "% per week",
        ),
        (
            "care",
            {
                "plasma_exchange": {
                    "sessions": 9,
                    "volumes": "1 plasma volume",
                    "first_day": "1 d",
                    "every": "7 d",
                }
            },
            "care.plasma_exchange",
            "before follow-up ends",
        ),
        ("care", {"transplant": {"listed": 0.1}}, "care.transplant.offer_rate", "eu, us, china, japan"),
        ("care", {"transplant": {"listed": 0.1, "region": "chna"}}, "care.transplant.region", "china"),
        ("care", {"ventilation": 1.2}, "care.ventilation", "from 0 to 1"),
        ("care", {"lactulos": 1.0}, "care.lactulos", "lactulose"),
        ("care", {"vasoconstrictor": {"drug": "vasopressin"}}, "care.vasoconstrictor.drug", "terlipressin"),
        ("care", {"corticosteroid": {"days": "28"}}, "care.corticosteroid.days", "week"),
        ("care", {"acetylcysteine": {}}, "care.acetylcysteine.days", "required"),
        ("care", {"withdrawal": {"rate": "2 d"}}, "care.withdrawal.rate", "% per week"),
        ("care", {"withdrawal": {"rate": "1 % per day", "organs": 9.0}}, "care.withdrawal.organs", "6"),
        (
            "arms.cells.regimen[0].after_transplant",
            "go",
            "arms.cells.regimen[0].after_transplant",
            "continue",
        ),
        (
            "care",
            {"plasma_exchange": {"sessions": 1, "first_day": "1 d", "every": "1 d"}},
            "care.plasma_exchange.volumes",
            "either volumes or body_weight",
        ),
        (
            "care",
            {"plasma_exchange": {"sessions": 1, "first_day": "1 d", "every": "1 d", "body_weight": "60 %"}},
            "care.plasma_exchange.body_weight",
            "0.2",
        ),
        (
            "arms.cells.care",
            {"albumin_dialysis": {"sessions": 9, "first_day": "1 d", "every": "7 d"}},
            "arms.cells.care.albumin_dialysis",
            "before follow-up ends",
        ),
        ("dropout", {"rate": "1 % per week"}, "dropout.reasons", "above 0"),
        ("dropout", {"rate": "1 % per week", "reasons": {"moved": 0.5}}, "dropout.reasons", "add up to 1"),
        ("batch", {"patients_per_batch": 0}, "batch.patients_per_batch", "not below 1"),
        ("assay_noise", [{"measure": "meld", "cv": "5 %"}], "assay_noise[0].measure", "made of these"),
        ("assay_noise", [{"measure": "alt"}], "assay_noise[0]", "either cv or sd"),
        ("assay_noise", [{"measure": "alt", "cv": 0.1, "sd": "5 U/L"}], "assay_noise[0]", "either cv or sd"),
        (
            "assumptions",
            [{"about": "arms.cell.n", "known": "a", "handled": "b", "grade": "assumed"}],
            "assumptions[0].about",
            "place of an entry",
        ),
    ],
)
def test_a_wrong_entry_is_reported_at_its_place_with_what_is_allowed(
    small: Data, problems: Find, place: str, value: Any, where: str, allowed: str
) -> None:
    found = problems(put(small, place, value))
    assert list(found) == [where]
    assert allowed in found[where].allowed or found[where].nearest == allowed


def test_all_problems_of_a_file_are_reported_together(small: Data, problems: Find) -> None:
    put(small, "arms.cells.regimen[0].dose", "1e8 cells/kg")
    put(small, "endpoints.control_arm", "contrl")
    put(small, "visits.weeks", [4, 2])
    put(small, "population.eligibility[0].min", "171 kg")
    put(small, "population.eligibility[1].min", 6)
    put(small, "population.age.mx", 65)
    put(small, "colour", "blue")
    assert set(problems(small)) == {
        "arms.cells.regimen[0].dose",
        "endpoints.control_arm",
        "visits.weeks",
        "population.eligibility[0].min",
        "population.eligibility[1]",
        "population.age.mx",
        "colour",
    }


def test_rules_between_sections_are_checked_although_other_sections_are_broken(
    small: Data, problems: Find
) -> None:
    put(small, "identity.title", None)
    put(small, "follow_up.length", "2 weeks")
    found = problems(small)
    assert "identity.title" in found
    assert {"visits.weeks[2]", "endpoints.primary.week", "endpoints.survival_weeks[1]"} <= set(found)


@pytest.mark.parametrize(
    ("place", "value", "nearest"),
    [
        ("endpoints.control_arm", "contrl", "control"),
        ("visits.mesures", [], "measures"),
        ("population.exclude", ["infection_at_entri"], "infection_at_entry"),
        ("visits.measures", ["creatinin"], "creatinine"),
        ("folow_up", {}, "follow_up"),
    ],
)
def test_a_misspelt_name_gets_the_nearest_right_one(
    small: Data, problems: Find, place: str, value: Any, nearest: str
) -> None:
    assert nearest in {problem.nearest for problem in problems(put(small, place, value)).values()}


def test_limits_on_one_measure_that_exclude_each_other_are_refused(small: Data, problems: Find) -> None:
    small["population"]["eligibility"].append({"measure": "meld", "min": 35})
    assert "somebody can meet" in problems(small)["population.eligibility[3]"].allowed


def test_eligibility_that_the_definition_excludes_is_refused(small: Data, problems: Find) -> None:
    small["population"]["eligibility"][0] = {"measure": "bilirubin", "max": "5 mg/dL"}
    assert "chinese_medical_association" in problems(small)["population.eligibility[0].max"].allowed


def test_a_share_of_what_is_excluded_is_refused(small: Data, problems: Find) -> None:
    small["population"]["exclude"] = ["cirrhosis"]
    wish = {"variable": "cirrhosis", "share": 0.7, "grade": "seen", "source": "tests"}
    small["population"]["table1"] = [wish]
    assert list(problems(small)) == ["population.table1[0].share"]


def test_an_autologous_product_shared_by_a_batch_is_refused(small: Data, problems: Find) -> None:
    small["arms"]["cells"]["regimen"][0]["product"] = "bm_msc_autologous"
    small["batch"] = {"patients_per_batch": 8}
    assert list(problems(small)) == ["batch.patients_per_batch"]


def test_a_file_that_is_not_toml_is_refused_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("[identity]\nid = \n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"line 2, column 6.*TOML"):
        load_protocol(file)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(BadInput, match="can be read"):
            load_protocol(path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="UTF-8"):
        load_protocol(binary)


def test_an_unknown_name_gets_the_list_and_the_nearest() -> None:
    with pytest.raises(BadInput) as caught:
        load_protocol("lin2071")
    (problem,) = caught.value.problems
    assert problem.nearest == "lin2017"
    assert all(name in problem.allowed for name in list_protocols())


def test_a_text_that_ends_in_toml_is_a_path_and_not_a_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="can be read"):
        load_protocol(str(tmp_path / "lin2017.toml"))


@pytest.mark.parametrize(
    "data", [{}, {"arms": []}, {"arms": {"a": 3}}, {"identity": 3, "visits": [], "arms": 1}]
)
def test_rubbish_is_refused_and_never_crashes(data: Data) -> None:
    with pytest.raises(BadInput):
        protocol_from_dict(data)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
PLACES = [
    "identity.id",
    "identity.definition",
    "population",
    "population.age",
    "population.eligibility",
    "population.eligibility[0]",
    "population.eligibility[0].measure",
    "population.eligibility[0].min",
    "population.table1",
    "selection",
    "arms",
    "arms.cells",
    "arms.cells.regimen",
    "arms.cells.regimen[0].dose",
    "arms.cells.regimen[0].days",
    "arms.cells.care",
    "care",
    "batch",
    "visits",
    "visits.weeks",
    "visits.window",
    "assay_noise",
    "dropout",
    "endpoints",
    "endpoints.control_arm",
    "follow_up.length",
    "assumptions",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), JUNK)
def test_whatever_stands_in_an_entry_the_answer_is_a_protocol_or_a_list_of_problems(
    small: Data, place: str, junk: Any
) -> None:
    data = copy.deepcopy(small)
    if junk is not None:
        put(data, place, junk)
    refused: tuple[Problem, ...] = ()
    try:
        protocol = protocol_from_dict(data)
        assert protocol_from_dict(protocol.as_dict()) == protocol
    except BadInput as error:
        refused = error.problems
    assert all(problem.place and problem.allowed and problem.given for problem in refused)
