"""The audit as a page for a browser, or as Markdown, in English or Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from hepatrial.claims.rules import RULES
from hepatrial.claims.types import Article, Audited
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base import Base
from hepatrial.evidence.base.risk import DOMAINS, table
from hepatrial.evidence.certainty import certainty_table
from hepatrial.schema import RESEARCH_USE_ONLY

LANGS = ("en", "zh")


@cache
def words(name: str) -> dict[str, dict[str, Any]]:
    """Texts of a page by language, from the data folder."""
    file = resources.files("hepatrial.claims") / "data" / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


LIGHTS = {
    "low": ("+", "low"), "some concerns": ("!", "some"), "moderate": ("!", "some"), "high": ("−", "high"),
    "serious": ("−", "high"), "critical": ("×", "high"), "no information": ("?", "none"),
}  # fmt: skip
"""Sign and colour class of a judgement; the sign is read without the colour."""


def environment() -> Environment:
    """Templates of this package."""
    return Environment(
        loader=PackageLoader("hepatrial.claims", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )


def check_lang(lang: str) -> None:
    """Refuse a language that has no texts."""
    if lang not in LANGS:
        raise BadInput([Problem("--lang", repr(lang), "must be en or zh", nearest_name(lang, LANGS))])


def claims_html(article: Article, audited: Sequence[Audited], base: Base, lang: str = "en") -> str:
    """The audit as one page that needs nothing beside it."""
    check_lang(lang)
    return environment().get_template("claims.html.j2").render(**_context(article, audited, base, lang))


def _context(article: Article, audited: Sequence[Audited], base: Base, lang: str) -> dict[str, Any]:
    return {
        "lang": lang,
        "w": words("page")[lang],
        "article": article,
        "title": (article.title_zh if lang == "zh" else "") or article.title,
        "rows": [entry.as_dict(lang) for entry in audited],
        "certainty": certainty_table(base),
        "risks": table(base.trials.values()),
        "domains": DOMAINS,
        "lights": LIGHTS,
        "rules": RULES,
        "base": base,
        "research": RESEARCH_USE_ONLY[lang],
    }


def claims_markdown(article: Article, audited: Sequence[Audited], base: Base, lang: str = "en") -> str:
    """The audit as Markdown: one section a claim."""
    check_lang(lang)
    w = words("page")[lang]
    title = (article.title_zh if lang == "zh" else "") or article.title
    lines = [f"# {w['title']}: {title}", "", article.source, "", w["how"], "", w["fair"], ""]
    for entry in audited:
        row = entry.as_dict(lang)
        lines += [f"## {entry.id}: {w[entry.verdict]}", "", row["claim"], ""]
        if row["printed"]:
            lines += [f"{w['printed']}: {row['printed']}", ""]
        lines += [row["scope_sentence"], ""]
        lines += [f"- {reason['text']}" for reason in row["reasons"]] + [""]
        if row["omits"]:
            lines += [f"{w['omits']}: {row['omits']}", ""]
        if row["simulation"]:
            lines += [f"{w['simulation']}: {row['simulation']['mark']}", ""]
            lines += [f"- {shown['sentence']}" for shown in row["simulation"]["rows"]] + [""]
    lines += [f"{w['base']} {base.version}, {base.assembled}, {base.hash[:12]}. {RESEARCH_USE_ONLY[lang]}"]
    return "\n".join(lines) + "\n"
