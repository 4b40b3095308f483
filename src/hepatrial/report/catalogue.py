"""The report's texts by language: one flat file each, the same keys in both."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

LANGUAGES = ("en", "zh")


@cache
def texts(lang: str) -> dict[str, str]:
    """All texts of a language, key -> text with ``{placeholders}``.

    Raises:
        BadInput: for a language that has no catalogue.
    """
    if lang not in LANGUAGES:
        allowed = f"the report is written in {' and '.join(LANGUAGES)}"
        raise BadInput([Problem("--lang", repr(lang), allowed, nearest_name(lang, LANGUAGES))])
    content = resources.files("hepatrial.report").joinpath(f"texts_{lang}.toml").read_text("utf-8")
    return {key: str(value) for key, value in tomllib.loads(content).items()}


@dataclass(frozen=True)
class Catalogue:
    """The texts of one language, filled in on call.

    Attributes:
        lang: 'en' or 'zh'.
    """

    lang: str

    def __post_init__(self) -> None:
        texts(self.lang)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key with its placeholders filled."""
        return texts(self.lang)[key].format(**values)

    def get(self, key: str, otherwise: str) -> str:
        """The text of a key that may be missing (names that come from data), else ``otherwise``."""
        return texts(self.lang).get(key, otherwise)

    def pick(self, names: Mapping[str, str]) -> str:
        """Of a text given by language, that of this language, else English, else any."""
        return names.get(self.lang) or names.get("en") or next(iter(names.values()))

    @property
    def mark(self) -> str:
        """The mark that stands on everything simulated."""
        return MARK[self.lang]

    @property
    def research_use_only(self) -> str:
        return RESEARCH_USE_ONLY[self.lang]
