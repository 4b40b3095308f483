"""The source article's claims get verdicts that follow from rules and from usable evidence only."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepatrial.claims import RULES, VERDICTS, Reason, article, audit, judge, lowered, run_reference
from hepatrial.claims.page import claims_html, claims_markdown
from hepatrial.claims.types import Claim
from hepatrial.errors import BadInput
from hepatrial.evidence.base import Base, load_base
from hepatrial.evidence.checks import UNFAIR

BASE = load_base(Path("/dev/null/none"))
ARTICLE = article()
AUDITED = {entry.id: entry for entry in audit(ARTICLE, BASE)}
SHARED = Path(__file__).parents[2] / "../shared/science/article.md"
STATUSES = ("confirmed", "weak", "consistent", "silent", "broken", "overreach", "refuted", "uncheckable")
ORDER = ["contradicted", "unsupported", "overstated", "partly supported", "supported"]


def test_every_claim_of_the_source_article_is_here_once() -> None:
    if not SHARED.is_file():
        pytest.skip("the shared science is not beside this checkout")
    ids = re.findall(r"^\| ([A-Z]\d\w?) \|", SHARED.read_text(encoding="utf-8"), flags=re.M)
    assert list(AUDITED) == ids
    assert len(ids) == 28


def test_the_questions_are_judged_as_it_is_safe_and_it_cures() -> None:
    assert AUDITED["Q1"].verdict == "overstated"
    assert AUDITED["Q2"].verdict == "unsupported"
    fever = [r for r in AUDITED["Q1"].reasons if r.text.startswith("Fever")]
    assert fever[0].status == "refuted"
    assert any("2.48 (1.27 to 4.86)" in e.what for e in fever[0].evidence)
    cancer = next(r for r in AUDITED["Q1"].reasons if r.text.startswith("Liver cancer"))
    assert {e.id for e in cancer.evidence} >= {"wangmf2018", "guo2019"}


@pytest.mark.parametrize("name", ["D1", "D2", "N1"])
def test_definitions_and_the_notice_are_supported_or_not_checkable(name: str) -> None:
    assert AUDITED[name].verdict in ("supported", "not checkable")


def test_the_numbers_of_s2_are_taken_apart() -> None:
    checks = {c["given"].split(" points")[0]: c for r in AUDITED["S2"].reasons if (c := r.check)}
    assert checks["22.2"]["verdict"] == "consistent"
    assert checks["19.3"]["verdict"] == "inconsistent"
    assert "35/54" in checks["19.3"]["needed"]
    assert "rounded percentages, not of the unrounded" in checks["17.6"]["needed"]
    assert AUDITED["S2"].verdict == "partly supported"


def test_the_numbers_of_s1_are_taken_apart() -> None:
    checks = [c for r in AUDITED["S1"].reasons if (c := r.check)]
    by_place = {c["place"]: c for c in checks}
    assert by_place["S1, week 4"]["verdict"] == "inconsistent"
    assert any("21/24 against 12/19" in reading for reading in by_place["S1, week 12"]["readings"])
    assert AUDITED["S1"].verdict == "unsupported"


def test_below_ten_per_cent_fails_on_the_articles_own_figures_and_on_the_abstract() -> None:
    assert AUDITED["S3"].verdict == "contradicted"
    needed = AUDITED["S3"].reasons[0].check["needed"]
    assert "16.1" in needed
    assert "26.8" in needed
    assert "22.2" in needed


def test_what_was_seen_in_a_dish_says_nothing_about_patients() -> None:
    for name in ("L1", "L2", "M1a", "M1b", "M2b"):
        assert AUDITED[name].scope_sentence == "Seen in a dish; says nothing about patients."
        assert "培养皿" in AUDITED[name].scope_sentence_zh
    assert AUDITED["M2c"].scope_sentence == "Seen in animals; says nothing about patients."


def test_every_verdict_carries_reasons_and_a_sentence_of_scope_in_both_languages() -> None:
    for entry in AUDITED.values():
        assert entry.verdict in VERDICTS
        assert entry.scope_sentence
        assert entry.scope_sentence_zh
        for reason in entry.reasons:
            assert reason.text
            assert re.search(r"[\u4e00-\u9fff]", reason.text_zh), reason


def recalled_changed(base: Base) -> Base:
    """The base with every recalled and article figure turned into something else."""

    def change(row):
        if row.grade not in ("recalled", "article") and getattr(row, "basis", None) not in (
            "recalled",
            "article",
        ):
            return row
        update = {}
        if hasattr(row, "survivors"):
            update = {"survivors": 1, "percent": 100 / row.n if row.n else 1.0}
        elif hasattr(row, "points"):
            update = {"points": -50.0}
        elif hasattr(row, "count"):
            update = {"count": row.n, "words": "all"}
        elif hasattr(row, "direction"):
            update = {"direction": "up", "value": 9.0}
        elif hasattr(row, "finding"):
            update = {"finding": "no" if row.finding == "yes" else "yes"}
        return row.model_copy(update=update)

    def trial(t):
        sections = ("survival", "differences", "events", "effects", "laboratory", "baseline")
        return t.model_copy(
            update={name: tuple(change(row) for row in getattr(t, name)) for name in sections}
        )

    return replace(
        base,
        trials={key: trial(value) for key, value in base.trials.items()},
        facts=tuple(change(fact) for fact in base.facts),
    )


def test_recalled_and_article_values_never_enter_a_verdict() -> None:
    changed = recalled_changed(BASE)
    assert changed.hash != BASE.hash
    before = [(e.id, e.verdict, [(r.status, r.evidence) for r in e.reasons]) for e in AUDITED.values()]
    after = [(e.id, e.verdict, [(r.status, r.evidence) for r in e.reasons]) for e in audit(ARTICLE, changed)]
    assert after == before


def test_a_seen_value_does_enter() -> None:
    lin = BASE.trials["lin2017"]
    rows = tuple(r.model_copy(update={"percent": 80.0}) if r.grade == "seen" else r for r in lin.survival)
    changed = replace(BASE, trials={**BASE.trials, "lin2017": lin.model_copy(update={"survival": rows})})
    after = {e.id: e.verdict for e in audit(ARTICLE, changed)}
    assert after["S2"] != AUDITED["S2"].verdict


def claim(**more) -> Claim:
    data = {"id": "X", "kind": "benefit", "text": "x", "scope": "human", "asserts": [{"kind": "safe"}]}
    return Claim.model_validate(data | more)


def reason(status: str, scope: str | None = "human") -> Reason:
    return Reason("fact", status, "x", "x", scope)


@pytest.mark.parametrize(
    ("reasons", "more", "verdict"),
    [
        ([reason("confirmed")], {}, "supported"),
        ([reason("weak")], {}, "partly supported"),
        ([reason("confirmed"), reason("silent")], {}, "partly supported"),
        ([reason("confirmed"), reason("uncheckable")], {}, "partly supported"),
        ([reason("silent")], {}, "unsupported"),
        ([reason("consistent")], {}, "not checkable"),
        ([reason("consistent"), reason("silent")], {}, "unsupported"),
        ([reason("uncheckable")], {}, "not checkable"),
        ([reason("refuted")], {}, "contradicted"),
        ([reason("refuted"), reason("confirmed")], {}, "overstated"),
        ([reason("overreach")], {}, "overstated"),
        ([reason("broken")], {}, "unsupported"),
        ([reason("broken"), reason("confirmed")], {}, "unsupported"),
        ([reason("broken"), reason("confirmed"), reason("weak")], {}, "partly supported"),
        ([reason("refuted"), reason("confirmed")], {"kind": "numbers"}, "contradicted"),
        ([reason("confirmed", "dish")], {}, "overstated"),
        ([reason("confirmed", "dish")], {"hedged": True}, "partly supported"),
        ([reason("confirmed", "dish")], {"scope": "dish"}, "supported"),
        ([reason("confirmed", "animal"), reason("confirmed")], {}, "supported"),
        ([reason("weak", "animal"), reason("weak")], {}, "overstated"),
        ([reason("weak", "animal"), reason("weak")], {"hedged": True}, "partly supported"),
        ([reason("confirmed")], {"kind": "definition"}, "supported"),
        ([reason("silent")], {"kind": "definition"}, "not checkable"),
    ],
)
def test_each_rule_gives_its_verdict(reasons, more, verdict) -> None:
    assert judge(claim(**more), reasons).verdict == verdict


def test_every_rule_is_reached_by_some_reasons() -> None:
    kinds = ({}, {"hedged": True}, {"scope": "dish"}, {"kind": "definition"}, {"kind": "numbers"})
    pool = [reason(s, scope) for s in STATUSES for scope in ("human", "dish")]
    pool.append(replace(reason("silent", None), assertion="cure"))
    met = {
        judge(claim(**more), pair).name
        for more in kinds
        for pair in itertools.combinations_with_replacement(pool, 3)
    }
    assert met == {rule.name for rule in RULES}


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=5))
def test_adding_evidence_against_never_raises_a_verdict(statuses: list[str]) -> None:
    reasons = [reason(status) for status in statuses]
    before = judge(claim(), reasons).verdict
    after = judge(claim(), [*reasons, reason("refuted")]).verdict
    if before != "not checkable":
        worse = ORDER.index(after) <= max(ORDER.index(before), ORDER.index("contradicted"))
        assert worse or before in ("unsupported", "contradicted")


@pytest.mark.parametrize("verdict", VERDICTS)
def test_a_simulation_lowers_at_most_one_step_and_never_raises(verdict) -> None:
    after = lowered(verdict)
    if after != verdict:
        assert ORDER.index(after) == ORDER.index(verdict) - 1


def write_run(folder: Path, inside: bool) -> Path:
    row = {
        "endpoint": "survival", "arm": "msc", "control": None, "week": 4, "grade": "article",
        "published": 100.0, "simulated": 82.0, "low": 70.0, "high": 92.0, "inside": inside,
    }  # fmt: skip
    seen = row | {"week": 24, "grade": "seen", "inside": False}
    data = {
        "design": {"protocol": "lin2017"}, "comparison": [row, seen], "provenance": {"run_hash": "abc"},
        "engraftment": [{"arm": "msc", "cells": 2.6e8, "bound": 0.0016}],
    }  # fmt: skip
    (folder / "results.json").write_text(json.dumps(data))
    return folder


def test_the_articles_own_simulated_trials_change_no_verdict_whatever_they_show() -> None:
    rows = {name: [{"figure": "x", "sentence": "x"}] for name in AUDITED}
    trials = {
        "folder": "f",
        "hash": "h",
        "mark": "Simulated. No patients. Not evidence of benefit.",
        "rows": rows,
    }
    after = audit(ARTICLE, BASE, None, trials)
    assert [e.verdict for e in after] == [e.verdict for e in AUDITED.values()]
    assert all(e.simulation and not e.simulation["lowers"] for e in after)


def test_a_run_is_laid_beside_its_own_claims_only_and_can_lower_them(tmp_path: Path) -> None:
    run = run_reference(write_run(tmp_path, inside=False))
    after = {e.id: e for e in audit(ARTICLE, BASE, run)}
    assert after["S2"].verdict == "overstated"
    assert after["S2"].simulation["rows"][0]["sentence"].startswith("survival of msc at week 4: outside 95 %")
    assert after["S2"].simulation["mark"] == "Simulated. No patients. Not evidence of benefit."
    assert after["S1"].simulation is None
    for name, entry in after.items():
        if name != "S2":
            assert entry.verdict == AUDITED[name].verdict


def test_the_bound_on_engraftment_is_shown_and_lowers_nothing(tmp_path: Path) -> None:
    after = {e.id: e for e in audit(ARTICLE, BASE, run_reference(write_run(tmp_path, inside=True)))}
    for name in ("M2a", "F3"):
        assert "0.16 % of its hepatocytes" in after[name].simulation["rows"][0]["sentence"]
        assert not after[name].simulation["lowers"]


def test_a_run_that_agrees_changes_no_verdict(tmp_path: Path) -> None:
    run = run_reference(write_run(tmp_path, inside=True))
    assert [e.verdict for e in audit(ARTICLE, BASE, run)] == [e.verdict for e in AUDITED.values()]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="finished run"):
        run_reference(tmp_path)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_generated_text_keeps_to_fair_words(lang: str) -> None:
    entries = list(AUDITED.values())
    texts = [
        claims_html(ARTICLE, entries, BASE, lang, figures=lang == "zh"),
        claims_markdown(ARTICLE, entries, BASE, lang),
        json.dumps([entry.as_dict(lang) for entry in entries], ensure_ascii=False),
    ]
    for text in texts:
        plain = text.lower()
        for word in (*UNFAIR, "impossib", "造假", "抄袭", "欺诈", "不可能"):
            assert word not in plain, word
    assert ("No author was asked" in texts[0]) == (lang == "en")
    assert "hepatrial evidence add" in texts[0]


def test_the_strongest_form_is_as_printed_not_reproducible() -> None:
    broken = [r for e in AUDITED.values() for r in e.reasons if r.status == "broken"]
    assert broken
    assert all("as printed, not reproducible; possible explanations" in r.text for r in broken)


def test_the_json_objects_have_the_agreed_names() -> None:
    for entry in AUDITED.values():
        data = entry.as_dict()
        assert {"id", "verdict", "scope", "reasons", "evidence", "checks", "simulation"} <= set(data)
        json.dumps(data, allow_nan=False)


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    page = claims_html(ARTICLE, list(AUDITED.values()), BASE, "zh", figures=False)
    assert 'lang="zh-CN"' in page
    assert not re.search(r'(src|href)="https?:', page)
