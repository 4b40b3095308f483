"""Numbers and dates as the pages show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hepatrial.report.wording import number, percent, points, significant


def ago(seconds: float | None) -> str:
    """A moment (seconds since 1970) as date and time in UTC."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def filters(_lang: str) -> dict[str, Callable[..., Any]]:
    """Filters of the templates."""
    return {"ago": ago, "number": number, "percent": percent, "significant": significant, "points": points}
