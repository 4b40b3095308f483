"""What a prediction prints: the mark first, misses, units, few draws; numbers without false shape."""

from __future__ import annotations

from typing import Any

import pytest

from hepatrial.prediction.summary import number
from hepatrial.report.prediction_summary import facts_lines
from hepatrial.schema import MARK

FACTS: dict[str, Any] = {
    "mark": MARK["en"],
    "title": "Made up",
    "definition": "easl_clif",
    "arms": {"cells": {"n": 9, "control": False, "implied": False}},
    "misses": [
        {"label": "age", "requested": 44.0, "achieved": 44.0, "miss": -0.001},
        {"label": "meld", "requested": 36.0, "achieved": 30.0, "miss": -0.8},
    ],
    "effective_n": 96.0,
    "admitted": 800.0,
    "widening": 0.3,
    "relaxed": 0,
    "worlds": 50,
    "replaced": 0,
    "between_study": {
        "mortality": 0.4, "infection": 0.5, "laboratory": 0.1, "shift": -0.2, "learnt": True,
    },
    "ensemble": {"kind": "posterior", "size": 200},
    "treatments": [],
    "severity_score": {"score": "MELD", "risk_d90": 0.3},
    "units": {"bilirubin": "umol/L", "meld": ""},
    "not_used": [],
    "notes": ["A note."],
    "draws": 200,
    "hash": "0123456789abcdef",
}  # fmt: skip


def test_the_mark_is_the_first_line() -> None:
    assert facts_lines(FACTS)[0] == MARK["en"]


def test_units_notes_and_few_draws_are_said() -> None:
    told = "\n".join(facts_lines(FACTS))
    assert "bilirubin umol/L, meld." in told
    assert "A note." in told
    assert "draws only" not in told
    assert "8 draws only" in "\n".join(facts_lines(FACTS | {"draws": 8}))


def test_a_miss_that_rounds_to_nothing_has_no_sign_of_its_own() -> None:
    told = "\n".join(facts_lines(FACTS | {"misses": FACTS["misses"][:1]}))
    assert "+0.00 SD (age: 44 asked, 44 reached)" in told
    assert "cannot be matched" not in told
    assert "meld: 36 asked, 30 reached (-0.80 SD)" in "\n".join(facts_lines(FACTS))


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.7342, "0.734"), (999.4, "999"), (999.6, "1,000"), (1163.0, "1,163")]
)
def test_numbers_have_three_digits_and_no_powers_of_ten(value: float | None, text: str) -> None:
    assert number(value) == text


def test_structural_variants_are_spoken_of_only_for_cells() -> None:
    one = {"arm": "a", "label": "x", "evidence": "low", "how": "model", "centre": 0.0, "sd": 0.0}
    for cells in (True, False):
        told = "\n".join(facts_lines(FACTS | {"treatments": [one | {"cells": cells}]}))
        assert ("structural variants, one of them without any effect" in told) is cells
