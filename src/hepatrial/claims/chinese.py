"""Chinese for the sentences that checks and ratings make, and for those that stand in the evidence base.

The first are put together phrase by phrase (``data/chinese.toml``), the second are whole sentences and the
lines of findings (``data/chinese_evidence.toml``).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

_STOPS = (("; ", "；"), (", ", "，"), (": ", "："), (". ", "。"))


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    file = resources.files("hepatrial.claims") / "data" / "chinese.toml"
    pairs = tomllib.loads(file.read_text(encoding="utf-8"))["phrases"]
    return tuple((re.compile(pattern), said) for pattern, said in pairs)


def translated(text: str) -> str:
    """A generated sentence in Chinese; names, numbers and names of methods stay as they are."""
    for pattern, said in _phrases():
        text = pattern.sub(said, text)
    for stop, said in _STOPS:
        text = text.replace(stop, said)
    return re.sub(r"(?<=[\u4e00-\u9fff\uff00-\uffef]) +(?=[\u4e00-\u9fff\uff00-\uffef])", "", text)


def of_source(text: str) -> str | None:
    """A sentence of the evidence base in Chinese; None where it stays in the language of its source."""
    whole, phrases = _sources()
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
    said = text
    for pattern, into in phrases:
        said = pattern.sub(into, said)
    if _ENGLISH.search(said) or not _CHINESE.search(said):
        return None
    for stop, into in _STOPS:
        said = said.replace(stop, into)
    return re.sub(r"(?<=[\u4e00-\u9fff\uff00-\uffef]) +(?=[\u4e00-\u9fff\uff00-\uffef])", "", said)


_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,;]*){2,}")
"""Two English words in a row: something was not translated."""
_WORD = re.compile(r"[A-Za-z]{2}")
"""A text without a word, as "20.4 %", reads alike in both languages."""


@cache
def _sources() -> tuple[dict[str, str], tuple[tuple[re.Pattern[str], str], ...]]:
    file = resources.files("hepatrial.claims") / "data" / "chinese_evidence.toml"
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    return data["sentences"], tuple((re.compile(pattern), said) for pattern, said in data["phrases"])
