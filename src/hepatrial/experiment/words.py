"""Texts of the experiments' reports, in English and Chinese."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from hepatrial.errors import BadInput, Problem, nearest_name

LANGS = ("en", "zh")


@cache
def texts() -> dict[str, dict[str, dict[str, str]]]:
    """Group -> key -> language -> text."""
    file = resources.files("hepatrial.experiment") / "texts.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def word(group: str, key: str, lang: str, axis: str = "") -> str:
    """A text; with ``axis`` ("x", "y") the title of a panel's axis."""
    entry = texts()[group][key]
    if axis:
        return entry[axis if lang == "en" else f"{axis}_{lang}"]
    return entry[lang]


def check_lang(lang: str) -> None:
    """Refuse a language that has no texts."""
    if lang not in LANGS:
        raise BadInput([Problem("--lang", repr(lang), "must be en or zh", nearest_name(lang, LANGS))])
