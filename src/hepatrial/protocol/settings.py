"""Settings from the command line: ``--set arms.msc.regimen[0].dose="2e6 cells/kg"``."""

from __future__ import annotations

import datetime
import tomllib
import typing
from collections.abc import Mapping
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.protocol.places import Place, bare_type, entries_of, parse_place, place_text, step_type
from hepatrial.protocol.protocol import SECTIONS, Protocol, protocol_from_dict


def apply_settings(protocol: Protocol, settings: Mapping[str, object]) -> tuple[Protocol, dict[str, object]]:
    """A protocol with some entries changed, checked as a file is.

    Args:
        protocol: the protocol as it was.
        settings: place -> value. Text is read as a TOML value if it is one ("3", "[7, 14]", "true"), else
            taken as it stands ("2e6 cells/kg"); "none" leaves an optional entry out.

    Returns:
        The changed protocol, and the settings whose names are no place in a protocol: model parameters, which
        the caller has to check.

    Raises:
        BadInput: a place that does not exist, or a value that the protocol refuses.
    """
    data = protocol.as_dict()
    problems: list[Problem] = []
    parameters: dict[str, object] = {}
    for name, value in settings.items():
        place = parse_place(name.strip())
        if place is not None and place[0] in SECTIONS:
            problems += _set(data, place, _value(value))
        elif place is not None and len(place) == 1:
            parameters[name.strip()] = _value(value)
        else:
            first = str(place[0]) if place else name
            allowed = f"a model parameter, or a place that begins with {', '.join(SECTIONS)}"
            problems.append(Problem(name, f"{name}={value}", allowed, nearest_name(first, SECTIONS)))
    if problems:
        raise BadInput(problems)
    return (protocol_from_dict(data) if len(parameters) < len(settings) else protocol), parameters


def _value(given: object) -> object:
    if not isinstance(given, str):
        return given
    if given.strip() == "none":
        return None
    try:
        value = tomllib.loads(f"value = {given}")
    except tomllib.TOMLDecodeError:
        return given
    is_date = isinstance(value["value"], datetime.date | datetime.time)
    return given if is_date or len(value) > 1 else value["value"]


def _set(data: dict[str, Any], place: Place, value: object) -> list[Problem]:
    """Put ``value`` at ``place``; tables that were left out are made, arms and list items are not."""
    kind: Any = bare_type(Protocol)
    here: Any = data
    for depth, step in enumerate(place):
        inner = step_type(kind, step)
        if isinstance(step, int) and not (isinstance(here, list) and step < len(here)):
            size = len(here) if isinstance(here, list) else 0
            return [Problem(place_text(place), f"[{step}]", f"an index below {size}")]
        known = tuple(here) if kind is Protocol.model_fields["arms"].annotation else entries_of(kind)
        if inner is None or (known and step not in known):
            where = place_text(place[:depth]) or "a protocol"
            allowed = f"an entry of {where}: {', '.join(known)}" if known else f"{where} has no entries"
            return [Problem(place_text(place), str(step), allowed, nearest_name(str(step), known))]
        if depth == len(place) - 1:
            here[step] = value
            return []
        if not isinstance(step, int) and here.get(step) is None:
            here[step] = [] if typing.get_origin(inner) is tuple else {}
        here, kind = here[step], inner
    return []
