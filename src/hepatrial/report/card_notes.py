"""What the note of a parameter card says, in the reader's language.

Cards carry their notes in English. ``card_notes_zh.toml`` holds the Chinese, keyed by the card's name; beside
each stands the fingerprint of the English note that was translated. A note that has changed since is shown in
English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Literal

Part = Literal["model", "population", "assay"]
"""Part of the deck in which a card stands."""
PARTS: tuple[Part, ...] = ("model", "population", "assay")


def fingerprint(note: str) -> str:
    """First 8 hexadecimal digits of the SHA-256 of an English note."""
    return sha256(note.encode()).hexdigest()[:8]


@cache
def chinese_notes() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Part -> card -> (fingerprint of the English note, Chinese note)."""
    text = (resources.files("hepatrial.report") / "card_notes_zh.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {part: {name: (of, said) for name, (of, said) in tables[part].items()} for part in PARTS}


def chinese_note(part: Part, name: str, note: str) -> str | None:
    """The Chinese of a card's note; None when this note has none.

    Args:
        part: of the deck.
        name: of the card.
        note: its English.
    """
    of, said = chinese_notes()[part].get(name, ("", ""))
    return said if of == fingerprint(note) else None


def note_in_each(part: Part, name: str, note: str) -> dict[str, str]:
    """Language -> note; English alone when there is no Chinese of this note."""
    said = chinese_note(part, name, note)
    return {"en": note} if said is None else {"en": note, "zh": said}
