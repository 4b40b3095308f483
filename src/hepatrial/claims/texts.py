"""Texts and templates that the pages of this package share."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.report.wording import micro

LANGS = ("en", "zh")


@cache
def words(name: str) -> dict[str, dict[str, Any]]:
    """Texts of a page by language, from the data folder."""
    file = resources.files("hepatrial.claims") / "data" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def environment() -> Environment:
    """Templates of this package."""
    made = Environment(
        loader=PackageLoader("hepatrial.claims", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["micro"] = micro
    return made


def check_lang(lang: str) -> None:
    """Refuse a language that has no texts.

    Raises:
        BadInput: it has none.
    """
    if lang not in LANGS:
        raise BadInput([Problem("--lang", repr(lang), "must be en or zh", nearest_name(lang, LANGS))])
