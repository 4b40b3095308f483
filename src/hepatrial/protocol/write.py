"""A protocol as the text of a file that loads as an equal protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hepatrial.protocol.protocol import Protocol


def protocol_toml(protocol: Protocol) -> str:
    """TOML of a protocol without what is absent; ``load_protocol`` makes an equal one of it."""
    blocks: list[str] = []
    _table(protocol.as_dict(), (), blocks)
    return "\n\n".join(blocks) + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], blocks: list[str], header: str = "") -> None:
    """A table: its plain entries first, then the tables and lists of tables inside it."""
    lines, inner = [header] if header else [], []
    for key, value in table.items():
        if value is None or value == {}:
            continue
        if isinstance(value, Mapping) or _is_rows(value):
            inner.append((key, value))
        else:
            lines.append(f"{key} = {_value(value)}")
    if lines:
        blocks.append("\n".join(lines))
    for key, value in inner:
        name = ".".join((*path, key))
        if isinstance(value, Mapping):
            _table(value, (*path, key), blocks, f"[{name}]")
        else:
            for row in value:
                _table(row, (*path, key), blocks, f"[[{name}]]")


def _is_rows(value: object) -> bool:
    return (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON escapes are TOML escapes, but for DEL and lone surrogates, which no text here holds.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
