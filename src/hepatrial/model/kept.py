"""Models that were read before, kept as plain data: reading them again needs no parser of SBML or Antimony.

An entry is found by the text that was read, the text of the reader itself, and the parsers (place, size and
date of their files). It is JSON (:mod:`hepatrial.model.wire`), never code; a model that was refused is not
kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from hepatrial.cache import code_digest, keep, read_kept
from hepatrial.model.spec import ModelSpec
from hepatrial.model.wire import spec_from_json, spec_to_json

FOLDER = Path(__file__).parent
_PARSERS = ("libsbml", "antimony")
_LARGEST = 64_000_000
"""Bytes of JSON above which a model is read anew each time."""
_IMPORT = re.compile(rb"\bimport\b")


def kept_or_read(kind: str, texts: Callable[[], Iterable[bytes]], read: Callable[[], ModelSpec]) -> ModelSpec:
    """The model that was kept for these texts, else that of ``read``, which is kept then.

    Args:
        kind: what the texts are and how they are read.
        texts: everything on which the model depends besides the reader; asked again after reading, in case
            a file was changed meanwhile.
        read: reads the model; what it raises is raised.
    """
    name = _name(kind, texts())
    text = read_kept(name)
    if text is not None:
        try:
            return spec_from_json(text.decode())
        except (KeyError, IndexError, TypeError, ValueError):  # not of this version; made again
            pass
    spec = read()
    told = spec_to_json(spec).encode()
    if len(told) <= _LARGEST and _name(kind, texts()) == name:
        keep(name, told)
    return spec


def stands_alone(text: bytes) -> bool:
    """Whether a model file can be told from its own text: Antimony may import other files."""
    return is_sbml(text) or not _IMPORT.search(text)


def is_sbml(text: bytes) -> bool:
    """Whether a model file is SBML; everything else is taken for Antimony."""
    return re.match(rb"(\xef\xbb\xbf)?\s*<", text) is not None


def _name(kind: str, texts: Iterable[bytes]) -> str:
    digest = hashlib.sha256(_reader_digest())
    for text in (kind.encode(), *texts):
        digest.update(hashlib.sha256(text).digest())
    return f"{digest.hexdigest()}.json"


@cache
def _reader_digest() -> bytes:
    return code_digest([*FOLDER.glob("*.py"), FOLDER.parent / "errors.py"], _PARSERS)
