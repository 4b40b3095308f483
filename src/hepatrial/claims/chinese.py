"""Chinese for the sentences that checks and ratings make, and for those that stand in the evidence base.

The first are put together phrase by phrase (``data/chinese.toml``), the second are whole sentences and the
lines of findings (``data/chinese_evidence.toml``).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from hepatrial.report.patterns import phrases, replaced, still_english

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]{2}")
"""A text without a word, as "20.4 %", reads alike in both languages."""


def translated(text: str) -> str:
    """A generated sentence in Chinese; names, numbers and names of methods stay as they are."""
    return replaced(text, _generated())


def of_source(text: str) -> str | None:
    """A sentence of the evidence base in Chinese; None where it stays in the language of its source."""
    whole, known = _sources()
    if text in whole:
        return whole[text]
    if not _WORD.search(text):
        return text
    setting, _, finding = text.partition(": ")
    if setting in whole and finding in whole:
        return f"{whole[setting]}：{whole[finding]}"
    parts = [of_source(part) for part in text.split("; ")] if "; " in text else []
    if parts and None not in parts:
        return "；".join(part for part in parts if part)
    said = replaced(text, known)
    return None if still_english(said) or not _CHINESE.search(said) else said


@cache
def _generated() -> tuple[tuple[re.Pattern[str], str], ...]:
    return phrases(_read("chinese")["phrases"])


@cache
def _sources() -> tuple[dict[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    data = _read("chinese_evidence")
    return data["sentences"], phrases(data["phrases"])


def _read(name: str) -> dict[str, Any]:
    file = resources.files("hepatrial.claims") / "data" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
