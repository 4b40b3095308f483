"""Where facts of shipped files are said to come from, in the reader's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def chinese() -> Mapping[str, str]:
    """English -> Chinese."""
    text = (resources.files("hepatrial.report") / "sources_zh.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def said_in(text: str, lang: str) -> str:
    """A source or registration in a language; as its author wrote it where there is no other."""
    return chinese().get(text, text) if lang == "zh" else text
