"""The examples of docs/claims.md are sound as they stand."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from hepatrial.claims import audit, check_article
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
