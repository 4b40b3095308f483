"""Chinese for the sentences that checks and ratings make, phrase by phrase from ``data/chinese.toml``."""

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
