"""From pydantic's errors to problems a user can act on."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic_core import ErrorDetails

from hepatrial.errors import Problem, nearest_name
from hepatrial.protocol.fields import Refusal
from hepatrial.protocol.places import Place, entries_of, place_text, type_at

_ALLOWED = {
    "string_type": 'text in quotes, such as "abc"',
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list in square brackets",
    "dict_type": "a table of entries",
    "model_type": "a table of entries",
    "finite_number": "a finite number",
    "string_pattern_mismatch": "lower-case letters, digits and underscores, beginning with a letter",
    "json_invalid": "well-formed JSON",
    "string_too_short": "text that is not empty",
    "string_too_long": "a shorter text",
}
_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("not below", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("not above", "le"),
}


def shown(given: object) -> str:
    """What was given, short enough for a line."""
    text = repr(list(given) if isinstance(given, tuple) else given)
    return text if len(text) <= 80 else text[:77] + "..."


def problems_of(errors: Iterable[ErrorDetails], root: Place, model: Any) -> Iterator[Problem]:
    """The problems behind a validation error.

    Args:
        errors: pydantic's list.
        root: place of the validated value in the file.
        model: its type, to name the entries it has.
    """
    for error in errors:
        place = (*root, *(step for step in error["loc"] if step != "[key]"))
        if error["type"] == "refused":
            yield from (_refusal(place, refusal) for refusal in error["ctx"]["refusals"])
        else:
            yield _problem(error, place, model)


def _refusal(place: Place, refusal: Refusal) -> Problem:
    text = place_text(place)
    if refusal.place:
        text = f"{text}.{refusal.place}" if text else refusal.place
    return Problem(text, shown(refusal.given), refusal.allowed, refusal.nearest)


def _problem(error: ErrorDetails, place: Place, model: Any) -> Problem:
    kind, text = error["type"], place_text(place)
    if kind == "extra_forbidden":
        entries = entries_of(type_at(model, error["loc"][:-1]))
        last = str(place[-1])
        return Problem(
            text, f"unknown entry {last!r}", _here("entries", entries), nearest_name(last, entries)
        )
    if kind == "missing":
        return Problem(text, "nothing", allowed_by(error))
    if kind == "literal_error":
        values = [str(value) for value in typing.get_args(type_at(model, error["loc"]))]
        nearest = nearest_name(str(error["input"]), values)
        return Problem(text, shown(error["input"]), _here("values", values), nearest)
    return Problem(text, shown(error["input"]), allowed_by(error))


def allowed_by(error: ErrorDetails) -> str:
    """What an entry that failed would have to be, in words; pydantic's own where there are no others."""
    kind = error["type"]
    if kind == "missing":
        return "this entry is required"
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return f"a number {word} {error['ctx'][key]:,.15g}"
    return _ALLOWED.get(kind, error["msg"])


def _here(what: str, names: Iterable[str]) -> str:
    return f"the {what} here are {', '.join(names)}"
