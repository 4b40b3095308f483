"""Quantities: exact conversion, dimensions kept apart, every refusal with its allowed units."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.errors import Problem
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, convert, parse_unit, read_quantity, usual_units, write_quantity

numbers = st.floats(min_value=1e-12, max_value=1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "unit", "analyte", "value"),
    [
        ("171 umol/L", "umol/L", "bilirubin", 171.0),
        ("10 mg/dL", "umol/L", "bilirubin", 171.0),
        ("1 mg/dL", "umol/L", "creatinine", 88.4),
        ("3 g/dL", "g/L", "albumin", 30.0),
        ("135 mEq/L", "mmol/L", "sodium", 135.0),
        ("5.5e5 cells/kg", "cells/kg", None, 550_000.0),
        ("1.0 x 10^5 cells/kg", "cells/kg", None, 100_000.0),
        ("1e8 cells", "cells", None, 1e8),
        ("14 d", "d", None, 14.0),
        ("4 weeks", "d", None, 28.0),
        ("4weeks", "d", None, 28.0),
        ("36 h", "d", None, 1.5),
        ("12 months", "d", None, 365.25),
        ("1 % per week", "1/d", None, 1 / 700),
        ("0.07 /week", "1/d", None, 0.01),
        ("40 %", "%", "pta", 40.0),
        ("5 x 10^9/L", "1e9/L", "wbc", 5.0),
        ("5000 /uL", "1e9/L", "wbc", 5.0),
        ("2 ukat/L", "U/L", "alt", 120.0),
        ("5.0 log10 IU/mL", "log10 IU/mL", "hbv_dna", 5.0),
        ("0.3 L/d", "L/d", None, 0.3),
        ("2100 mL/week", "L/d", None, 0.3),
        ("1.5 plasma volumes", "plasma volume", None, 1.5),
        (1.5, "1", "inr", 1.5),
        ("1.5", "1", "inr", 1.5),
        (17, "points", "meld", 17.0),
    ],
)
def test_what_a_clinician_writes_is_read_exactly(
    text: object, unit: str, analyte: str | None, value: float
) -> None:
    assert read_quantity(text, unit, analyte) == value


def test_every_measure_converts_as_the_shared_table_of_measures_says() -> None:
    for measure in MEASURES.values():
        if measure.unit in ("1", "points") or measure.conventional.startswith("mEq"):
            continue
        conventional = convert(1.0, measure.unit, measure.conventional, measure.name)
        assert conventional == pytest.approx(measure.factor, rel=2e-4), measure.name


@given(
    numbers, st.sampled_from([("umol/L", "mg/dL", "bilirubin"), ("d", "weeks", None), ("g/L", "mg/mL", None)])
)
def test_a_conversion_and_its_inverse_give_the_number_back(
    value: float, units: tuple[str, str, str | None]
) -> None:
    source, target, analyte = units
    there = convert(value, source, target, analyte)
    assert convert(there, target, source, analyte) == pytest.approx(value, rel=1e-15)


@given(numbers)
def test_what_is_written_is_read_back_as_the_same_float(value: float) -> None:
    for unit in ("umol/L", "d", "cells/kg", "1/d", "points"):
        assert read_quantity(write_quantity(value, unit), unit) == value


@given(st.lists(st.sampled_from(["kg", "d", "L", "mg", "weeks", "mL", "cells"]), min_size=1, max_size=4))
def test_a_unit_over_itself_is_one_and_products_multiply(atoms: list[str]) -> None:
    product = parse_unit(" ".join(atoms))
    ratio = parse_unit("/".join([" ".join(atoms), *atoms]))
    assert ratio.factor == 1
    assert ratio.dimension == ()
    expected = Fraction(1)
    for atom in atoms:
        expected *= parse_unit(atom).factor
    assert product.factor == expected


@pytest.mark.parametrize(
    ("given_", "unit", "analyte"),
    [
        ("171 d", "umol/L", "bilirubin"),
        ("10 mg/dL", "umol/L", None),  # mass to amount needs an analyte
        ("10 mg/dL", "umol/L", "inr"),
        ("5 mg", "cells/kg", None),
        ("1e8 cells", "cells/kg", None),
        (28, "d", None),  # a bare number has no unit
        ("28", "d", None),
        ("weeks", "d", None),
        ("nan d", "d", None),
        ("inf d", "d", None),
        (float("nan"), "1", None),
        (True, "1", None),
        ("150 %", "1", "inr"),
        (None, "d", None),
        ([1], "d", None),
        ("5 mg/", "g/L", None),
        ("1e9999 d", "d", None),
        ("", "d", None),
    ],
)
def test_what_does_not_fit_is_refused_with_the_units_that_do(
    given_: object, unit: str, analyte: str | None
) -> None:
    with pytest.raises(UnitError) as caught:
        read_quantity(given_, unit, analyte)
    problem = caught.value.problem("here")
    assert isinstance(problem, Problem)
    assert problem.place == "here"
    if unit not in ("1", "points"):
        assert all(name in problem.allowed for name in usual_units(unit, analyte))


def test_a_misspelt_unit_gets_the_nearest_right_one() -> None:
    with pytest.raises(UnitError) as caught:
        read_quantity("4 weks", "d")
    assert caught.value.nearest == "weeks"


def test_a_number_too_large_for_a_computer_is_refused_and_not_infinite() -> None:
    with pytest.raises(UnitError):
        read_quantity("1e999 weeks", "d")


@given(st.text(max_size=30))
def test_no_text_whatever_makes_anything_but_a_number_or_a_refusal(text: str) -> None:
    for unit in ("d", "umol/L", "1", "cells/kg"):
        with contextlib.suppress(UnitError):
            assert isinstance(read_quantity(text, unit, "bilirubin"), float)
