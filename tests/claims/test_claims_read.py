"""Claims without assertions are read from their text: slips are found, true claims are not condemned."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hepatrial.claims import audit, check_article, read_article
from hepatrial.errors import BadInput
from hepatrial.evidence.base import load_base

BASE = load_base(Path("/dev/null/none"))
HERE = Path(__file__).parent
SENTENCES = tomllib.loads((HERE / "sentences.toml").read_text(encoding="utf-8"))
FOURTH = {entry.id: entry for entry in audit(read_article(HERE / "fourth_article.toml", BASE), BASE)}
GOOD = ("supported", "partly supported", "not checkable")


def verdict(text: str) -> str:
    return audit(check_article({"title": "t", "claims": [text]}, BASE), BASE)[0].verdict


@pytest.mark.parametrize("text", SENTENCES["true"])
def test_a_true_sentence_is_not_condemned(text: str) -> None:
    assert verdict(text) in GOOD


@pytest.mark.parametrize("text", SENTENCES["slips"])
def test_a_slip_in_a_sentence_is_found(text: str) -> None:
    assert verdict(text) in ("contradicted", "overstated", "unsupported")


@pytest.mark.parametrize("text", SENTENCES["unknown"])
def test_a_trial_that_was_never_read_is_said_so_and_not_condemned(text: str) -> None:
    entry = audit(check_article({"title": "t", "claims": [text]}, BASE), BASE)[0]
    assert entry.verdict in ("not checkable", "unsupported")
    assert any("no trial or pool of this name was read" in reason.text for reason in entry.reasons)


@pytest.mark.parametrize("name", [name for name in FOURTH if name[0] == "F"])
def test_each_slip_of_the_fourth_article_is_found(name: str) -> None:
    assert FOURTH[name].verdict in ("contradicted", "overstated", "unsupported"), [
        r.text for r in FOURTH[name].reasons
    ]


@pytest.mark.parametrize("name", [name for name in FOURTH if name[0] == "T"])
def test_no_true_claim_of_the_fourth_article_is_condemned(name: str) -> None:
    assert FOURTH[name].verdict in GOOD, [r.text for r in FOURTH[name].reasons]


def test_an_unknown_trial_in_an_assertion_is_judged_and_not_refused() -> None:
    assert FOURTH["U1"].verdict == "not checkable"
    assert "nearest: zhang2012" in FOURTH["U1"].reasons[0].text


def test_arms_that_were_interchanged_are_named() -> None:
    said = " ".join(reason.text for reason in FOURTH["F1"].reasons)
    assert "it is that of G-CSF" in said
    assert "it is that of control" in said


def test_a_bare_text_gets_an_id_a_scope_a_kind_and_its_assertions() -> None:
    found = check_article(
        {"title": "t", "claims": ["Stem cells cure liver failure.", {"text": "x y z"}]}, BASE
    )
    one, two = found.claims
    assert (one.id, one.scope, one.kind, one.read) == ("C1", "human", "benefit", True)
    assert one.asserts[0].kind == "cure"
    assert two.asserts[0].kind == "uncheckable"
    assert audit(found, BASE)[1].verdict == "not checkable"


def test_the_scope_is_the_nearest_to_a_patient_of_which_the_text_speaks() -> None:
    texts = {
        "MSC take up LDL in culture.": "dish",
        "Treated mice live longer.": "animal",
        "Induced cells take up LDL and help patients.": "human",
        "In a dish cells make urea; it is unknown in patients.": "dish",
        "培养的细胞可摄取 LDL。": "dish",
    }
    for text, scope in texts.items():
        assert check_article({"title": "t", "claims": [text]}, BASE).claims[0].scope == scope, text


def test_sweeping_words_are_seen_where_other_assertions_are_given() -> None:
    row = {
        "id": "A", "text": "Bilirubin falls: stem cells cure liver failure.",
        "asserts": [{"kind": "effect", "outcome": "bilirubin", "direction": "down"}],
    }  # fmt: skip
    claim = check_article({"title": "t", "claims": [row]}, BASE).claims[0]
    assert [a.kind for a in claim.asserts] == ["effect", "cure"]


def test_json_files_and_numbers_without_quotes_keep_their_digits(tmp_path: Path) -> None:
    file = tmp_path / "article.json"
    file.write_text('[{"text": "x", "asserts": [{"kind": "percent", "value": 73.20, "n": 56}]}]')
    claim = read_article(file, BASE).claims[0]
    assert claim.asserts[0].value == "73.20"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("title = 3\nclaims = []", "claims"),
        ("claims = [ { id = 'A' } ]", "claims[0].text"),
        ("claims = [ { text = 'x', scop = 'human' } ]", "unknown entry 'scop'"),
        ("claims = [ { text = 'x', asserts = [ { kind = 'figur' } ] } ]", "claims[0].asserts[0]"),
        ("claims = 'x'", "claims"),
        ("claims = [", "must be TOML"),
    ],
)
def test_a_file_that_does_not_say_what_it_means_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(content)
    with pytest.raises(BadInput) as caught:
        read_article(file, BASE)
    assert any(said in problem.sentence() for problem in caught.value.problems)


def test_all_problems_of_all_claims_come_at_once() -> None:
    rows = [
        {"id": "A", "text": "x", "scope": "humans", "asserts": [{"kind": "fact", "topic": "vesicle"}]},
        {"id": "B", "text": "", "asserts": [{"kind": "percent", "value": "about 7", "n": 0}]},
        {"id": "B", "text": "y", "asserts": [{"kind": "effect", "outcome": "hair", "direction": "upp"}]},
    ]
    with pytest.raises(BadInput) as caught:
        check_article({"title": "t", "claims": rows}, BASE)
    said = "\n".join(problem.sentence() for problem in caught.value.problems)
    for place in (
        "claims[0].scope",
        "claims[1].text",
        "asserts[0].value",
        "asserts[0].n",
        "direction",
        "'B'",
    ):
        assert place in said, place


@pytest.mark.parametrize(
    "claims", [1, "x", [1, None], [{"text": 5}], [{"text": "x", "asserts": 3}], [[]], {}]
)
def test_nonsense_is_refused_and_never_a_traceback(claims: object) -> None:
    with pytest.raises(BadInput):
        check_article({"title": "t", "claims": claims}, BASE)


@pytest.mark.parametrize(
    "text",
    [
        "0 of 0 patients (0/0), 5 ± 0 (n = 0), p = 0.",
        "RR 0 (0-0); mean score 0.0 (n = 0); 100/0 % of 0 patients.",
        "Survival was 50 % at week 4 and 60 % at week 4; weeks 4 and 4: 50 and 60 % alive.",
        "Of 900000000000 patients 800000000000 (88.9 %) survived.",
    ],
)
def test_figures_that_are_none_in_a_text_are_left_alone_or_judged(text: str) -> None:
    assert verdict(text) in ("not checkable", "contradicted", "unsupported")


def test_numbers_of_patients_that_nobody_has_are_refused() -> None:
    row = {"text": "x", "asserts": [{"kind": "mean", "mean": "2.43", "n": 10**12}]}
    with pytest.raises(BadInput, match="not above 100000"):
        check_article({"title": "t", "claims": [row]}, BASE)


def test_what_was_read_of_a_text_does_not_vouch_for_what_was_not() -> None:
    entry = audit(
        check_article({"title": "t", "claims": ["Cells cut deaths by 60 % in Lin 2017."]}, BASE), BASE
    )[0]
    assert entry.verdict == "partly supported"
    assert any("60 %: not recognised" in reason.text for reason in entry.reasons)


def test_the_same_effect_is_overstated_only_where_it_is_said_to_be_proven() -> None:
    assert verdict("MSC lower mortality in ACLF.") == "partly supported"
    assert verdict("It is proven that MSC lower mortality in ACLF.") == "overstated"
    assert verdict("All trials show that MSC lower mortality in ACLF.") == "overstated"


def test_a_wrong_assertion_is_told_once_with_the_nearest_kind() -> None:
    rows = [{"kind": "figur"}, {"kind": "percent", "value": "abc"}]
    with pytest.raises(BadInput) as caught:
        check_article({"title": "t", "claims": [{"text": "x", "asserts": rows}]}, BASE)
    told = {one.place: (one.allowed, one.nearest) for one in caught.value.problems}
    assert list(told) == ["claims[0].asserts[0].kind", "claims[0].asserts[1].value"]
    assert told["claims[0].asserts[0].kind"][1] == "figure"
    assert "as it was printed" in told["claims[0].asserts[1].value"][0]


def test_a_claim_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text("\ufeff[[claims]]\r\ntext = 'Stem cells cure liver failure.'\r\n", encoding="utf-8")
    assert read_article(path, BASE).claims[0].asserts[0].kind == "cure"
