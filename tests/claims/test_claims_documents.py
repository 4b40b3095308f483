"""The examples of docs/claims.md are sound as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from hepatrial.claims import article, audit, check_article
from hepatrial.claims.page import claims_html
from hepatrial.evidence.base import check_trial, load_base

BASE = load_base(Path("/dev/null/none"))
BLOCKS = re.findall(
    r"```toml\n(.*?)```",
    (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8"),
    flags=re.S,
)


def test_the_claim_file_of_the_documentation_is_audited() -> None:
    found = audit(check_article(tomllib.loads(BLOCKS[0]), BASE), BASE)
    assert found[0].verdict == "contradicted", "42 of 56 is not 73.2 %"
    assert found[1].id == "S2"
    assert len(found[1].reasons) >= 12


def test_the_trial_file_of_the_documentation_is_sound() -> None:
    assert check_trial(tomllib.loads(BLOCKS[1])).arms[0].product is not None


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_of_an_audit_prints_what_is_folded_and_names_studies_as_readers_do(lang: str) -> None:
    page = claims_html(article(), audit(article(), BASE), BASE, lang, figures=False)
    print_rules = page.split("@media print{")[1]
    assert "details::details-content{content-visibility:visible" in print_rules
    assert "umol" not in page
    reasons = " ".join(re.findall(r"<strong>[^<]*</strong></p>\s*<ul>(.*?)</ul>", page, re.DOTALL))
    assert "Zekri 2015" in reasons
    assert "Peng 2011" in reasons
    assert not re.search(r"zekri2015|peng2011|wangmf2018|procedure_complication", reasons)
    if lang == "zh":
        assert "Not read" not in page
