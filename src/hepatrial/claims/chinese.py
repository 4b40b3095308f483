"""Chinese for the sentences that checks and ratings make, phrase by phrase from ``data/chinese.toml``."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from hepatrial.evidence.checks import Finding

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


def in_chinese(finding: Finding) -> str:
    """A check's finding as one Chinese sentence."""
    given, needed = translated(finding.given), translated(finding.needed)
    if finding.verdict == "inconsistent":
        return f"{given}：按所印数字不能重现；可能的解释：{needed}。"
    word = "相容" if finding.verdict == "consistent" else "无法核对"
    return f"{translated(finding.check)}，{given}：{word}；{needed}。"
