"""An article of twelve claims, six false in known ways: each slip is found, no true claim is condemned."""

from __future__ import annotations

from pathlib import Path

import pytest

from hepatrial.claims import audit, check_article, read_article
from hepatrial.errors import BadInput
from hepatrial.evidence.base import load_base

BASE = load_base(Path("/dev/null/none"))
FILE = Path(__file__).with_name("second_article.toml")
AUDITED = {entry.id: entry for entry in audit(read_article(FILE, BASE), BASE)}
GOOD = ("supported", "partly supported")
SLIPS = {
    "F1": ("unsupported", "whole patients are"),
    "F2": ("contradicted", "the source says 55.6"),
    "F3": ("contradicted", "same quantity, scale and direction"),
    "F4": ("contradicted", "from 75.0 % at 12 to 83.0 % at 24"),
    "F5": ("contradicted", "the source says 100000"),
    "F6": ("contradicted", "results agree"),
}


def test_there_are_twelve_claims_of_which_six_are_false() -> None:
    assert len(AUDITED) == 12
    assert sum(name.startswith("F") for name in AUDITED) == len(SLIPS) == 6


@pytest.mark.parametrize("name", sorted(SLIPS))
def test_each_slip_is_found_for_its_own_reason(name: str) -> None:
    verdict, said = SLIPS[name]
    assert AUDITED[name].verdict == verdict
    assert any(said in reason.text for reason in AUDITED[name].reasons), [
        r.text for r in AUDITED[name].reasons
    ]


@pytest.mark.parametrize("name", [f"T{i}" for i in range(1, 7)])
def test_no_true_claim_is_condemned(name: str) -> None:
    assert AUDITED[name].verdict in GOOD


def bad(**change) -> list[str]:
    claim = {"id": "A", "kind": "numbers", "text": "x", "scope": "human", "asserts": []} | change
    with pytest.raises(BadInput) as caught:
        check_article({"title": "t", "source": "s", "claims": [claim]}, BASE)
    return [problem.sentence() for problem in caught.value.problems]


def test_names_that_do_not_exist_come_with_the_nearest_one_all_at_once() -> None:
    said = "\n".join(
        bad(
            asserts=[
                {"kind": "fact", "topic": "hepatocyte_lik"},
                {"kind": "figure", "trial": "lin2017", "quantity": "n", "arm": "MSCs", "value": "56"},
                {"kind": "effect", "outcome": "fevers", "direction": "up"},
            ]
        )
    )
    for near in ("'hepatocyte_like'", "'MSC'", "'fever'"):
        assert f"Did you mean {near}?" in said


@pytest.mark.parametrize(
    ("assertion", "said"),
    [
        ({"kind": "percent", "value": True, "n": 56}, "claims[0].asserts[0].value"),
        ({"kind": "percent", "value": "about 70", "n": 56}, "claims[0].asserts[0].value"),
        ({"kind": "percent", "n": 56}, "required"),
        ({"kind": "percentage", "value": "73.2", "n": 56}, "percentage"),
        ({"kind": "limit", "sign": "<", "limit": "10"}, "needs figures"),
        ({"kind": "course", "points": {"four": "80"}}, "must be a week"),
        ({"kind": "fact", "topic": "vesicles", "sure": True}, "unknown entry 'sure'"),
    ],
)
def test_a_bad_assertion_is_refused_by_name(assertion: dict, said: str) -> None:
    assert any(said in sentence for sentence in bad(asserts=[assertion]))


def test_a_doubled_id_is_refused() -> None:
    claim = {"id": "A", "kind": "question", "text": "x", "scope": "human", "asserts": [{"kind": "cure"}]}
    with pytest.raises(BadInput, match="each id may stand once"):
        check_article({"title": "t", "source": "s", "claims": [claim, claim]}, BASE)
