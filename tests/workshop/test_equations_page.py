"""The page of equations holds every equation of the compiled model once, and MathML says what they say."""

from __future__ import annotations

import math
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from hepatrial.model import load_cards, load_patient_model
from hepatrial.model.expr import Expr, const, div, mul, neg, power, sub, sym, topological
from hepatrial.report.mathml import THIN_SPACE, equation, mathml

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


def plain(written: str) -> str:
    return re.sub(r"\s", "", "".join(ET.fromstring(written).itertext()))


SIGNS = {"·": "*", "−": "-", "≤": "<=", "≥": ">=", "=": "==", "≠": "!="}


def read(element: ET.Element) -> str:
    """MathML as Python, with every fraction in brackets of its own."""
    tag, inside = element.tag.rpartition("}")[2], [read(one) for one in element]
    if tag == "mfrac":
        return f"(({inside[0]})/({inside[1]}))"
    if tag == "msqrt":
        return f"(({''.join(inside)})**0.5)"
    if tag == "msup":
        return f"2.7**({inside[1]})" if inside[0] == "e" else f"{inside[0]}**({inside[1]})"
    if tag == "mtext":
        return f" {(element.text or '').strip(THIN_SPACE).replace(THIN_SPACE, '_')} "
    text = (element.text or "").replace("−", "-") if tag == "mn" else element.text or ""
    return SIGNS.get(text, text) + "".join(inside)


def value(written: str, at: dict[str, float]) -> float:
    left, _, right = read(ET.fromstring(written)).partition("==")
    assert left
    return float(eval(right, {"ln": math.log, "min": min, "max": max, "tanh": math.tanh}, at))


def test_a_broken_equation_has_the_value_of_the_whole_one() -> None:
    rng, strokes = np.random.default_rng(8), 0
    for (name, rate), e in make_equations.expressions().items():
        names = sorted(node.name for node in topological([e]) if node.op == "sym")
        at = dict(zip(names, rng.uniform(0.5, 1.5, len(names)), strict=True))
        whole = equation(name, e, rate=rate)
        for width in (84, 60, 34):
            lines = equation(name, e, rate=rate, width=width)
            assert value(lines, at) == pytest.approx(value(whole, at), rel=1e-12), name
            strokes += "/" in plain(lines)
            if "/" not in plain(lines) and plain(lines).count("(") == plain(whole).count("("):
                assert plain(lines) == plain(whole)
    assert strokes > 3


def test_breaking_an_equation_over_lines_changes_no_letter_of_it_and_keeps_lines_short() -> None:
    broken = 0
    for (name, rate), e in make_equations.expressions().items():
        whole, lines = equation(name, e, rate=rate), equation(name, e, rate=rate, width=60)
        assert re.sub("[()/]", "", plain(lines)) == re.sub("[()/]", "", plain(whole))
        assert plain(lines).count("(") == plain(lines).count(")") >= plain(whole).count("(")
        broken += "<mtable " in lines
    assert broken > 20


def test_a_sum_in_brackets_longer_than_a_line_goes_on_in_the_next() -> None:
    long = [sym(f"rate_of_process_{k}") for k in range(8)]
    inside = long[0]
    for one in long[1:]:
        inside = inside + one
    lines = equation("load", sym("turnover") * inside, width=60)
    rows = ["".join(row.itertext()) for row in ET.fromstring(lines).findall(".//{*}mtr")]
    assert len(rows) > 2
    assert max(map(len, rows)) <= 60
    assert rows[0].count("(") == 1
    assert rows[-1].endswith(")")
    assert "mtable" not in equation("load", sym("turnover") * inside, width=400)


def test_a_fraction_and_a_power_longer_than_a_line_keep_their_brackets() -> None:
    a, b, c, d = (sym(f"{name}{'x' * 20}") for name in "abcd")
    assert (
        plain(equation("y", div(mul(a, b + c), d), width=30))
        == plain(equation("y", a * (b + c))) + f"/{d.name}"
    )
    raised = plain(equation("y", power(b + c, d), width=30))
    assert raised == f"y=({b.name}+{c.name}){d.name}"
    summed = plain(equation("y", a + (b + c), width=30))
    assert summed == f"y={a.name}+{b.name}+{c.name}"
    nested = plain(equation("y", div(a, b + c), width=30))
    assert nested == f"y={a.name}/({b.name}+{c.name})"


def test_every_parameter_in_the_equations_is_explained_once_with_its_source() -> None:
    text = make_equations.page()
    told = re.findall(r"<tr><th>(.*?)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", text)
    names = [name.replace(" ", "_") for name, *_ in told]
    assert len(names) == len(set(names))
    used = {
        node.name
        for e in make_equations.expressions().values()
        for node in topological([e])
        if node.op == "sym"
    }
    assert used & load_cards().model.keys() <= set(names)
    assert all(note and source for _, _, note, source in told)


def test_every_source_named_in_a_link_is_listed_on_the_page_of_parameters() -> None:
    import make_reference

    listed = set(re.findall(r"^\(source-(\S+)\)=$", make_reference.parameters_page(), re.M))
    assert set(re.findall(r"#source-([\w-]+)", make_equations.page())) <= listed


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
