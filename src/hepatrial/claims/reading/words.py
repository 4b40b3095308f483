"""The words of ``data/words.toml`` as patterns, and text made plain before it is searched."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

Words = dict[str, re.Pattern[str]]
NUMBER = r"\d+(?:\.\d+)?"
_PLAIN = {
    "％": "%", "–": "-", "—": "-", "−": "-", "‑": "-", "\u00a0": " ", "（": "(", "）": ")",
    "，": ", ", "、": ", ",
    "；": "; ", "：": ": ", "。": ". ", "＜": "<", "＞": ">", "＝": "=", "per cent": "%", "percent ": "% ",
    "percent.": "%.", "et al.": "et al", "vs.": "vs", "Fig.": "Fig",
}  # fmt: skip
_NUMBERS = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@cache
def words(section: str) -> Words:
    """Patterns of a section of ``data/words.toml`` by name."""
    file = resources.files("hepatrial.claims") / "data" / "words.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))[section]
    return {name: re.compile(pattern, re.IGNORECASE) for name, pattern in table.items() if pattern}


def plain(text: str) -> str:
    """Text with one kind of dash, bracket, stop and per-cent sign."""
    text = re.sub(r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS), text)
    for old, new in _PLAIN.items():
        text = text.replace(old, new)
    text = re.sub(rf"\b({'|'.join(_NUMBERS)})(?=-(?:week|month|year))", _digits, text, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", text).strip()


def _digits(m: re.Match[str]) -> str:
    return str(_NUMBERS.index(m[0].lower()) + 1)


def sentences(text: str) -> list[str]:
    """The sentences of a plain text."""
    return [part for part in re.split(r"(?<=[.!?])\s+(?![a-z]*\d)", text) if part.strip()]


def clauses(sentence: str) -> list[str]:
    """Parts of a sentence that stand for themselves."""
    pieces = re.split(
        r"[;:]\s|,\s(?=but|while|whereas|and (?:it|they|there)\b|而|但)|\b(?:but|while|whereas)\b", sentence
    )
    return [piece for piece in pieces if piece and piece.strip()]


def nearest(found: dict[str, list[int]], place: int, reach: int) -> str:
    """The name whose place is nearest to ``place`` within ``reach`` characters, or ""."""
    best, distance = "", reach + 1
    for name, places in found.items():
        for other in places:
            if abs(other - place) < distance:
                best, distance = name, abs(other - place)
    return best


def places(text: str, table: Words) -> dict[str, list[int]]:
    """Where each pattern of a table matches."""
    return {name: [m.start() for m in pattern.finditer(text)] for name, pattern in table.items()}
