"""Units of a model are checked, scale included; everything that does not fit is reported."""

from __future__ import annotations

import pytest

from hepatrial.model import load_cards, load_patient_model, patient_text
from hepatrial.model.antimony import spec_from_antimony
from hepatrial.model.checks import card_problems, unit_problems
from hepatrial.model.spec import ModelSpec

SMALL = """
unit time_unit = 86400 second; unit per_day = 1 / (86400 second); unit day = 86400 second;
unit g_per_L = gram / litre; unit mg_per_L = 1e-3 gram / litre;
x' = -k*x; x = start; x has g_per_L;
k = 0.5; k has per_day; start = 2; start has g_per_L; other = 3; other has mg_per_L;
time_k = 1; time_k has day;
double := 2*x; double has g_per_L;
share := x/start; share has dimensionless;
at (do_add > 0.5): x = x + amount_add;
do_add = 0; amount_add = 0; amount_add has g_per_L;
"""


def _problems(text: str) -> list[str]:
    return [problem.sentence() for problem in unit_problems(spec_from_antimony(text))]


def _spec(old: str, new: str) -> ModelSpec:
    text = patient_text()
    assert old in text
    return spec_from_antimony(text.replace(old, new))


def test_a_consistent_model_has_no_problems():
    assert _problems(SMALL) == []


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("double := 2*x;", "double := x + other;", "rule of double"),
        ("double := 2*x;", "double := x/start;", "rule of double"),
        ("x' = -k*x;", "x' = -x;", "rate of x"),
        ("x' = -k*x;", "x' = -k*x + time_k*x;", "rate of x"),
        ("x = start;", "x = other;", "initial value of x"),
        ("x = x + amount_add;", "x = x + amount_add/start;", "event add"),
        ("share := x/start;", "share := exp(x);", "rule of share"),
        ("share := x/start;", "share := start^x;", "rule of share"),
        ("share := x/start;", "share := x^(x/start)/start;", "rule of share"),
        ("share := x/start;", "share := max(x, 1);", "rule of share"),
        ("share := x/start;", "share := piecewise(1, x < other, 2);", "rule of share"),
        ("share has dimensionless;", "", "unit of share"),
        ("share has dimensionless;", "unit mV = volt; share has mV;", "unit of share"),
    ],
)
def test_units_that_do_not_fit_are_reported_with_their_place(old, new, place):
    assert old in SMALL
    problems = _problems(SMALL.replace(old, new))
    assert len(problems) == 1
    assert problems[0].startswith(place)


def test_zero_has_any_unit_and_roots_halve_exponents():
    text = SMALL.replace("double := 2*x;", "double := max(0, x) + sqrt(x*x);")
    assert _problems(text) == []


def test_all_misfits_are_reported_together():
    text = SMALL.replace("x' = -k*x;", "x' = -x;").replace("double := 2*x;", "double := x + other;")
    assert len(_problems(text)) == 2


def test_the_patient_model_with_one_wrong_unit_is_refused():
    assert list(unit_problems(load_patient_model())) == []
    broken = _spec("turnover has per_day;", "turnover has dimensionless;")
    assert any("cell_loss" in problem.place for problem in unit_problems(broken))


def test_a_forgotten_clearance_is_noticed():
    broken = _spec("alt_clearance*alt", "alt")
    assert [problem.place for problem in unit_problems(broken)] == ["rate of alt"]


def test_a_parameter_without_a_card_and_a_card_that_nothing_reads_are_reported():
    text = patient_text().replace("alt_clearance*alt", "alt_clearence*alt")
    extra = spec_from_antimony(text.replace("alt_clearance =", "alt_clearence = 0.48; alt_clearance ="))
    sentences = [problem.sentence() for problem in card_problems(extra, load_cards())]
    assert any(s.startswith("parameter alt_clearence: given no card") for s in sentences)


def test_a_card_of_a_parameter_that_is_gone_is_reported_with_the_nearest_name():
    text = patient_text().replace("alt_clearance", "alt_removal")
    sentences = [problem.sentence() for problem in card_problems(spec_from_antimony(text), load_cards())]
    assert any("alt_clearance" in s and "a card without a parameter" in s for s in sentences)


def test_a_parameter_that_no_equation_reads_is_reported():
    text = patient_text().replace(" - alt_clearance*alt", "").replace("/alt_clearance", "")
    problems = list(card_problems(spec_from_antimony(text), load_cards()))
    assert [problem.given for problem in problems] == ["no equation reads it"]
