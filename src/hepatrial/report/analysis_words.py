"""The analysis report's words by language: finished English texts, looked up whole or by their pattern.

Texts come from many places (endpoints, estimands, methods), so they are put into the language where they are
shown. What is not in the list stays as it is, as a whole: so do the names of arms and centres.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from hepatrial.report.catalogue import Catalogue, texts
from hepatrial.report.patterns import Patterns, still_english
from hepatrial.report.tables import Row, Table

_NAME = re.compile(r"name|arm")
"""Slots of names that the user chose."""


@cache
def entries(lang: str) -> dict[str, str]:
    """English -> the language's text; ``{x}``, one letter, is a number and ``{name}`` is any text."""
    if lang == "en":
        return {}
    content = (resources.files("hepatrial.report") / f"analysis_{lang}.toml").read_text("utf-8")
    return {key: str(value) for key, value in tomllib.loads(content).items()}


@cache
def _patterns(lang: str) -> Patterns:
    return Patterns.of(entries(lang))


@dataclass(frozen=True)
class Words:
    """Puts finished English texts into a language.

    Attributes:
        lang: 'en' or 'zh'.
        arms: an arm's name in the data -> what the reader sees of it.
    """

    lang: str = "en"
    arms: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse a language without texts.

        Raises:
            BadInput: as ``catalogue.texts``.
        """
        texts(self.lang)

    def __call__(self, text: str) -> str:
        """The text in the language; the first pattern of the list that fits, its slots likewise."""
        said = _patterns(self.lang)(text, self._filled)
        return text if said is None else said

    def _filled(self, slot: str, part: str) -> str | None:
        if slot == "measure":
            return Catalogue(self.lang).get(f"measure.{part}", self(part))
        said = self._arm(part) if slot.startswith("arm") else self(part)
        return None if still_english(said) and not _NAME.match(slot) else said

    def _arm(self, part: str) -> str:
        """An arm as the reader sees it, also where words about the contrast stand before it."""
        before, comma, arm = part.rpartition(", ")
        if arm in self.arms:
            return self(f"{before}{comma}{self.arms[arm]}") if comma else self.arms[arm]
        return self(part)

    def table(self, table: Table) -> Table:
        """A table in the language."""
        if self.lang == "en":
            return table
        rows = tuple(Row(tuple(self(cell) for cell in row.cells), row.kind) for row in table.rows)
        head, notes = tuple(map(self, table.head)), tuple(map(self, table.notes))
        return Table(table.name, self(table.caption), head, rows, notes, table.words)
