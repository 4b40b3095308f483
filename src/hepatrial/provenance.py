"""What a result rests on: grades of evidence, fingerprint of a specification, versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
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


COHORT_SOURCE = ("rng.py", "units.py", "model", "engine", "protocol", "population", "trial")
"""Parts of the package that decide what a virtual cohort shows."""
_SOURCE = (".py", ".ant", ".toml")


def source_hash(parts: Iterable[str] = COHORT_SOURCE, root: Traversable | None = None) -> str:
    """SHA-256 over the code, equations and cards of parts of the package.

    A version says what was installed; kept work that goes on where it was stopped must also not mix with what
    other code of the same version made.

    Args:
        parts: files or folders of the package.
        root: where they lie; default the package.
    """
    root = root or resources.files("hepatrial")
    found = {name: text for part in parts for name, text in _sources(root / part, part)}
    return fingerprint(found)


def _sources(one: Traversable, name: str) -> Iterable[tuple[str, str]]:
    if one.is_dir():
        for inner in one.iterdir():
            yield from _sources(inner, f"{name}/{inner.name}")
    elif name.endswith(_SOURCE):
        yield name, hashlib.sha256(one.read_bytes()).hexdigest()


def package_versions(names: Iterable[str] = RESULT_PACKAGES) -> dict[str, str]:
    """Installed version of each package; ``"source"`` for one that runs from its source tree."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "source"
