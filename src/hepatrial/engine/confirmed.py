"""Courses whose two computations have agreed before, remembered in the cache folder.

Both computations (:mod:`hepatrial.engine.timecourse`) are functions of the model, the settings, our own text,
the packages that they call and the processor. When they have agreed once they agree again, so that the second
one, and the import of scipy that it needs, can be left out. What is kept is that they agreed, no value.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from hepatrial.cache import code_digest, keep, read_kept
from hepatrial.engine.build import translator
from hepatrial.engine.settings import Settings
from hepatrial.model.spec import ModelSpec

_PACKAGE = Path(__file__).parents[1]
_CALLED = ("numpy", "scipy", "llvmlite")
_AGREED = b'{"agreed": true}'


def is_confirmed(spec: ModelSpec, settings: Settings) -> bool:
    """Whether the two computations of this course agreed before, all that they depend on being as now."""
    return read_kept(_name(spec, settings)) == _AGREED


def keep_confirmed(spec: ModelSpec, settings: Settings) -> None:
    """Remember that they agree."""
    keep(_name(spec, settings), _AGREED)


def _name(spec: ModelSpec, settings: Settings) -> str:
    digest = hashlib.sha256(_code())
    model = spec.hash, spec.default_parameters.tolist(), spec.initial_state.tolist(), spec.sizes
    asked = {
        **vars(settings),
        "amount": sorted(settings.amount),
        "concentration": sorted(settings.concentration),
    }
    digest.update(repr((model, asked, translator())).encode())
    return f"{digest.hexdigest()}.json"


@cache
def _code() -> bytes:
    files = [*_PACKAGE.glob("engine/*.py"), *_PACKAGE.glob("model/*.py"), _PACKAGE / "errors.py"]
    return code_digest(files, _CALLED)
