"""Numbers and dates as the pages show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from markupsafe import Markup

from hepatrial.claims.chinese import of_source, translated
from hepatrial.claims.names import name_zh
from hepatrial.report.wording import micro, number, percent, points, significant
from hepatrial.web.language import translate


def ago(seconds: float | None) -> str:
    """A moment (seconds since 1970) as date and time in UTC."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def sourced(lang: str, text: str) -> str | Markup:
    """A sentence of the evidence base in the reader's language, else in that of its source and marked so."""
    if lang == "en" or not text:
        return micro(text)
    said = of_source(text)
    return micro(said) if said is not None else Markup('<span lang="en">{}</span>').format(micro(text))


_ENDPOINTS = {
    "survival": "survival, day {n}",
    "death": "death, day {n}",
    "survival_difference": "difference in survival, day {n}",
}


def endpoint(lang: str, name: str) -> str:
    """An endpoint of the scoreboard in words: ``survival_d91`` as "survival, day 91"."""
    what, _, day = name.rpartition("_d")
    known = _ENDPOINTS.get(what)
    return translate(lang, known, n=day) if known else name.replace("_", " ")


def outcome(lang: str, name: str) -> str | Markup:
    """An outcome or a measure of the evidence base; what has no Chinese is marked as English."""
    if lang == "en":
        return name.replace("_", " ")
    spaced = name.replace("_", " ")
    said = name_zh(name) if name_zh(name) != name else translate(lang, spaced)
    return said if said != spaced else Markup('<span lang="en">{}</span>').format(spaced)


def generated(lang: str, text: str) -> str:
    """A sentence that a rating or a check put together, in the reader's language."""
    return micro(translated(text) if lang == "zh" else text)


def filters(lang: str) -> dict[str, Callable[..., Any]]:
    """Filters of the templates."""
    return {
        "ago": ago,
        "number": number,
        "percent": percent,
        "significant": significant,
        "points": points,
        "micro": micro,
        "sourced": partial(sourced, lang),
        "endpoint": partial(endpoint, lang),
        "outcome": partial(outcome, lang),
        "generated": partial(generated, lang),
    }
