"""Places in a protocol file: ``arms.msc.regimen[0].dose`` as steps, and back."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

Place = tuple[str | int, ...]

_STEP = re.compile(r"(?:^|\.)([A-Za-z_]\w*)|\[(\d{1,6})\]")


def place_text(place: Place) -> str:
    """``("arms", "msc", "regimen", 0, "dose")`` as ``arms.msc.regimen[0].dose``."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def parse_place(text: str) -> Place | None:
    """The steps of a place, or None when the text is none."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            return None
        steps.append(match[1] or int(match[2]))
        position = match.end()
    return tuple(steps) or None


def bare_type(kind: Any) -> Any:
    """A type without its annotations and without None."""
    if typing.get_origin(kind) is typing.Annotated:
        return bare_type(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return bare_type(next(part for part in typing.get_args(kind) if part is not type(None)))
    return kind


def step_type(kind: Any, step: str | int) -> Any | None:
    """The type one step inside ``kind``, or None when there is no such step."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        entry = kind.model_fields.get(str(step))
        return None if entry is None else bare_type(entry.annotation)
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and isinstance(step, int):
        return bare_type(parts[0])
    if typing.get_origin(kind) is dict and isinstance(step, str):
        return bare_type(parts[1])
    return None


def type_at(kind: Any, place: Sequence[str | int]) -> Any | None:
    """The type of the value at ``place`` inside ``kind``, or None when there is no such place."""
    kind = bare_type(kind)
    for step in place:
        if kind is not None:
            kind = step_type(kind, step)
    return kind


def entries_of(kind: Any) -> tuple[str, ...]:
    """Names of the entries of a section type."""
    return tuple(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else ()


def has_entry(kind: Any, data: Any, text: str) -> bool:
    """Whether the file has the entry or could have it; arms and items of lists must be there."""
    place = parse_place(text)
    if place is None or type_at(kind, place) is None:
        return False
    kind = bare_type(kind)
    for step in place:
        named = typing.get_origin(kind) is dict
        if isinstance(step, int) and not (isinstance(data, list | tuple) and step < len(data)):
            return False
        if named and not (isinstance(data, Mapping) and step in data):
            return False
        data = data.get(step) if isinstance(data, Mapping) else data[step] if data is not None else None
        kind = step_type(kind, step)
    return True
