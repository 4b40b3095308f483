"""Plain data from strangers: bounded in depth and size, without values that no file of ours may hold."""

from __future__ import annotations

import math
from typing import Any

from hepatrial.errors import BadInput, Problem

DEEPEST, MOST, LONGEST = 24, 20_000, 20_000
LARGEST = 2**63


def check_plain(data: Any, place: str) -> None:
    """Refuse data that is nested too deeply, too large, or holds text or numbers that cannot be stored.

    Raises:
        BadInput: with the first thing that is wrong.
    """
    left, seen = [(data, 0)], 0
    while left:
        value, depth = left.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST:
            given = f"more than {DEEPEST} levels" if depth > DEEPEST else f"more than {MOST} entries"
            raise BadInput([Problem(place, given, f"at most {DEEPEST} levels and {MOST} entries")])
        if isinstance(value, dict):
            left += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list | tuple):
            left += [(item, depth + 1) for item in value]
        elif wrong := _wrong(value):
            raise BadInput([Problem(place, wrong, "plain text and finite numbers")])


def _wrong(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > LONGEST:
            return f"a text of {len(value)} letters"
        if any(
            (ord(c) < 32 and c not in "\t\n\r") or 0xD800 <= ord(c) < 0xE000 or ord(c) == 127 for c in value
        ):
            return "a text with a character that cannot be shown"
    elif isinstance(value, float):
        return "" if math.isfinite(value) else "a number that is not finite"
    elif isinstance(value, int) and abs(value) >= LARGEST:
        return "a number that is too large"
    return ""
