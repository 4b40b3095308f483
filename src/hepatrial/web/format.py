"""Numbers and dates as the pages show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from markupsafe import Markup

from hepatrial.claims.chinese import of_source, translated
from hepatrial.report.wording import number, percent, points, significant


def ago(seconds: float | None) -> str:
    """A moment (seconds since 1970) as date and time in UTC."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def sourced(lang: str, text: str) -> str | Markup:
    """A sentence of the evidence base in the reader's language, else in that of its source and marked so."""
    if lang == "en" or not text:
        return text
    said = of_source(text)
    return said if said is not None else Markup('<span lang="en">{}</span>').format(text)


def generated(lang: str, text: str) -> str:
    """A sentence that a rating or a check put together, in the reader's language."""
    return translated(text) if lang == "zh" else text


def filters(lang: str) -> dict[str, Callable[..., Any]]:
    """Filters of the templates."""
    return {
        "ago": ago,
        "number": number,
        "percent": percent,
        "significant": significant,
        "points": points,
        "sourced": partial(sourced, lang),
        "generated": partial(generated, lang),
    }
