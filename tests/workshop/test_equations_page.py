"""The page of equations holds every equation of the compiled model once, and MathML says what they say."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hepatrial.model import load_patient_model
from hepatrial.model.expr import Expr, const, div, mul, neg, power, sub, sym
from hepatrial.report.mathml import mathml

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))

import make_equations


def test_every_equation_stands_there_once() -> None:
    spec = load_patient_model()
    found = re.findall(r'id="eq-(\w+)"', make_equations.page())
    wanted = [*spec.states, *(hazard.state for hazard in spec.hazards), *spec.observables]
    missing = set(wanted) - set(found)
    still = {name for name, rate in zip(spec.states, spec.rates, strict=True) if rate.is_constant}
    assert missing <= still, sorted(missing - still)
    assert len(found) == len(set(found))


def test_every_equation_is_well_formed() -> None:
    for block in re.findall(r"<math.*?</math>", make_equations.page()):
        ET.fromstring(block)


A, B, C = sym("a"), sym("b"), sym("c")


@pytest.mark.parametrize(
    ("e", "told"),
    [
        (A - (B - C), "a−(b−c)"),
        ((A - B) - C, "a−b−c"),
        (mul(A, B + C), "a·(b+c)"),
        (power(A + B, const(2.0)), "(a+b)2"),
        (neg(A + B), "−(a+b)"),
        (sub(A, neg(B)), None),
        (div(A + B, C), "a+bc"),
    ],
)
def test_brackets_stand_where_they_are_needed_and_nowhere_else(e: Expr, told: str | None) -> None:
    written = "".join(ET.fromstring(f"<m>{mathml(e)}</m>").itertext())
    assert told is None or written == told
