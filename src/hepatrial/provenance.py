"""What a result rests on: grades of evidence, fingerprint of a specification, versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from typing import Any

GRADES: dict[str, str] = {
    "seen": "read in the source's own text",
    "seen_secondary": "read in a review or table about the source",
    "derived": "arithmetic from seen values",
    "article": "the source article's figure, shown and checked, never fitted to",
    "recalled": "from memory, never re-read; may only centre a wide prior",
    "assumed": "chosen by the model's authors within what is plausible",
    "fitted": "estimated by calibration against declared targets",
}
"""How far a number may be trusted, from read to guessed."""

RESULT_PACKAGES = ("hepatrial", "numpy", "scipy", "llvmlite", "polars")
"""Packages whose version can change a digit of a run's tables or a byte of their files."""


def canonical_json(value: Any) -> str:
    """JSON text that is equal for equal values: sorted keys, no spaces, shortest floats, no NaN.

    Raises:
        ValueError: for NaN or infinity, which JSON has no word for.
        TypeError: for a value JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical JSON text, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def package_versions(names: Iterable[str] = RESULT_PACKAGES) -> dict[str, str]:
    """Installed version of each package; ``"source"`` for one that runs from its source tree."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "source"
