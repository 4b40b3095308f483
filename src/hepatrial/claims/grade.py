"""The GRADE table as HTML: certainty of each outcome, each step down with its reason, in both languages."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from hepatrial.claims.chinese import translated
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.claims.texts import check_lang, environment, words
from hepatrial.evidence.base import Base
from hepatrial.evidence.certainty import LEVELS, Certainty, certainty_table

DOMAINS = ("risk of bias", "inconsistency", "indirectness", "imprecision", "publication bias")


def grade_rows(base: Base, lang: str = "en") -> list[dict[str, Any]]:
    """Rows of the table: outcome, effect, studies, patients, steps by domain with reasons, level, stars.

    Raises:
        BadInput: for another language.
    """
    check_lang(lang)
    return [_row(entry, lang) for entry in certainty_table(base)]


def _row(entry: Certainty, lang: str) -> dict[str, Any]:
    zh = lang == "zh"
    steps = {step.domain: step for step in entry.steps}
    rated = entry.level in LEVELS
    return {
        "key": entry.key,
        "outcome": entry.outcome_zh if zh else entry.outcome,
        "effect": translated(entry.effect) if zh else entry.effect,
        "studies": entry.studies,
        "patients": entry.patients,
        "steps": [_step(steps.get(name), zh) for name in DOMAINS] if rated else [],
        "design": _reason(steps["design"].reason, zh) if "design" in steps else "",
        "level": LEVELS_ZH[entry.level] if zh else entry.level,
        "stars": "⊕" * (LEVELS.index(entry.level) + 1) + "○" * (3 - LEVELS.index(entry.level))
        if rated
        else "–",
        "sources": list(entry.sources),
        "refused": [translated(text) if zh else text for text in entry.refused],
    }


def _stars(level: str) -> str:
    if level not in LEVELS:
        return "–"
    full = LEVELS.index(level) + 1
    return "⊕" * full + "○" * (len(LEVELS) - full)


def _step(step: Any, zh: bool) -> tuple[int, str]:
    return (step.steps, _reason(step.reason, zh)) if step else (0, "")


def _reason(text: str, zh: bool) -> str:
    return translated(text) if zh else text


def grade_html(base: Base, lang: str = "en") -> str:
    """The table as an HTML fragment; every step's reason stands below it and in its cell's title.

    Raises:
        BadInput: for another language.
    """
    rows = grade_rows(base, lang)
    template = environment().get_template("grade.html.j2")
    return Markup(template.render(rows=rows, w=words("page")[lang], domains=DOMAINS, lang=lang))
