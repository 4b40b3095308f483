"""Protocol files: read, listed, begun anew, described as JSON Schema."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.protocol.protocol import Protocol, protocol_from_dict


def list_protocols() -> tuple[str, ...]:
    """Names of the protocols that ship with the package."""
    folder = resources.files("hepatrial.protocol") / "library"
    return tuple(sorted(item.name[:-5] for item in folder.iterdir() if item.name.endswith(".toml")))


def protocol_text(name: str) -> str:
    """The file of a shipped protocol, comments and all.

    Raises:
        BadInput: there is no protocol of this name.
    """
    names = list_protocols()
    if name not in names:
        allowed = f"a file ending in .toml, or one of {', '.join(names)}"
        raise BadInput([Problem("protocol", repr(name), allowed, nearest_name(name, names))])
    return (resources.files("hepatrial.protocol") / "library" / f"{name}.toml").read_text(encoding="utf-8")


def load_protocol(path_or_name: str | Path) -> Protocol:
    """Load a protocol from a TOML file or, by name, from those that ship.

    Text without a folder and without the ending ``.toml`` is a name.

    Raises:
        BadInput: unknown name, unreadable file, not TOML, or everything that is wrong inside.
    """
    text = str(path_or_name)
    if not isinstance(path_or_name, Path) and not re.search(r"[/\\]|\.toml$", text):
        return protocol_from_dict(_parse(protocol_text(text), text))
    return protocol_from_dict(_parse(_read(Path(path_or_name)), text))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        given = f"a byte that is no UTF-8 text at offset {error.start}"
        raise BadInput([Problem(str(path), given, "a TOML file in UTF-8")]) from None
    except OSError as error:
        given = error.strerror or type(error).__name__
        raise BadInput([Problem(str(path), given, "a file that can be read")]) from None


def _parse(text: str, place: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"(.*) \(at (line \d+, column \d+|end of document)\)$", str(error))
        where, what = (found[2], found[1]) if found else ("somewhere", str(error))
        raise BadInput([Problem(f"{place}, {where}", what, "a TOML file (https://toml.io)")]) from None


def protocol_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a protocol file, for editors.

    It describes entries and types; what must hold between entries is checked by ``load_protocol`` only.
    """
    schema = Protocol.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "hepatrial protocol",
    }


_LEFT_OUT = {
    "[identity]": (
        "title_zh",
        "citation",
        "doi",
        "registration",
        "country",
        "period",
        "published",
        "pending",
    ),
    "[population.criteria]": ("note", "note_zh"),
    "[[arms.*.regimen]]": ("dose_reported",),
}
_SAID_ANEW = {
    "[population.criteria]": {
        "basis": "assumed",
        "grade": "assumed",
        "source": "say where the entry criteria come from",
    }
}
_HEAD = """\
# {name}: begun as a copy of {from_}. Edit it, then: hepatrial run {name}.toml
# Every number carries its unit. Times are counted from randomisation.

"""
_TAIL = """\
# What is not known and how it is handled, one block each:
# [[assumptions]]
# about = "follow_up.length"
# known = "What the sources say."
# handled = "What was done instead, and why."
# grade = "assumed"             # seen, seen_secondary, derived, article, recalled or assumed
"""


def new_protocol(name: str, from_: str = "lin2017") -> str:
    """The text of a new protocol file: a commented copy of a shipped one.

    What belongs to the original alone (citation, published results, assumptions) is left out.

    Args:
        name: id of the new protocol.
        from_: the shipped protocol to begin from.

    Raises:
        BadInput: ``name`` is no id, or ``from_`` does not ship.
    """
    text = protocol_text(from_)
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        allowed = "lower-case letters, digits and underscores, beginning with a letter, at most 40"
        raise BadInput([Problem("name", repr(name), allowed)])
    body = text[text.index("\n[identity]") + 1 : text.index("\n[[assumptions]]") + 1]
    anew = {"[identity]": {"id": name, "title": name}, **_SAID_ANEW}
    lines, section = [], ""
    for line in body.splitlines():
        section = re.sub(r"arms\.\w+", "arms.*", line.strip()) if line.startswith("[") else section
        entry = line.partition("=")[0].strip()
        if entry in _LEFT_OUT.get(section, ()):
            continue
        said = anew.get(section, {}).get(entry)
        lines.append(line if said is None else f'{entry} = "{said}"')
    return _HEAD.format(name=name, from_=from_) + "\n".join(lines) + "\n" + _TAIL
