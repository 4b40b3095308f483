"""Finished English sentences in another language, looked up whole or by their pattern.

Where a text is made by a layer that knows no languages, it is put into the reader's where it is shown. A list
holds English texts beside those of the language; ``{places}`` are filled with what stood there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_PLACE = re.compile(r"\{(\w+)\}")
_NUMBER = r"[<>\d.,\N{MINUS SIGN}\N{EN DASH}-]+?"


@dataclass(frozen=True)
class Patterns:
    """A list of texts.

    Attributes:
        whole: English text without places -> text of the language.
        holed: pattern of an English text with places, and the language's text; the first that fits is taken.
    """

    whole: Mapping[str, str]
    holed: tuple[tuple[re.Pattern[str], str], ...]

    @classmethod
    def of(cls, entries: Mapping[str, str], *, longest_first: bool = False) -> Patterns:
        """A list from English -> text of the language.

        Args:
            entries: a place of one letter, ``{x}``, holds a number, any other any text.
            longest_first: patterns with most letters of their own go first, else those that stand first.
        """
        whole = {english: said for english, said in entries.items() if not _PLACE.search(english)}
        holed = [english for english in entries if english not in whole]
        if longest_first:
            holed.sort(key=lambda one: -len(_PLACE.sub("", one)))
        return cls(whole, tuple((_compiled(one), entries[one]) for one in holed))

    def __call__(self, text: str, fill: Callable[[str, str], str | None]) -> str | None:
        """A text in the language, None where the list has none.

        Args:
            text: in English.
            fill: puts what stood in a place into the language; None where the pattern shall not be taken.
        """
        if text in self.whole:
            return self.whole[text]
        for pattern, said in self.holed:
            if found := pattern.fullmatch(text):
                parts = {name[1:]: fill(name[1:], part) for name, part in found.groupdict().items()}
                if None not in parts.values():
                    return _PLACE.sub(lambda place, parts=parts: str(parts[place[1]]), said)  # type: ignore[misc]
        return None


_STOPS = (("; ", "；"), (", ", "，"), (": ", "："), (". ", "。"))
_ENGLISH = re.compile(r"(?:\b[a-z]{2,}\b[ ,;，；]*){2,}")
_BETWEEN = re.compile(r"(?<=[\u4e00-\u9fff\uff00-\uffef]) +(?=[\u4e00-\u9fff\uff00-\uffef])")


def still_english(text: str) -> bool:
    """Whether two English words stand in a row: half a sentence in another language is worse than none."""
    return _ENGLISH.search(text) is not None


def phrases(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Phrases within sentences, each a regular expression and what it becomes; long ones stand first."""
    return tuple((re.compile(pattern), said) for pattern, said in pairs)


def replaced(text: str, known: Iterable[tuple[re.Pattern[str], str]]) -> str:
    """A sentence that was put together, phrase by phrase, its stops Chinese too."""
    for pattern, said in known:
        text = pattern.sub(said, text)
    for stop, said in _STOPS:
        text = text.replace(stop, said)
    return _BETWEEN.sub("", text)


def _compiled(english: str) -> re.Pattern[str]:
    parts = _PLACE.split(english)  # text, place, text, place, ..., text
    shapes = [
        f"(?P<p{part}>{_NUMBER if len(part) == 1 and part.isalpha() else '.+?'})"
        if place % 2
        else re.escape(part)
        for place, part in enumerate(parts)
    ]
    return re.compile("".join(shapes), re.DOTALL)
