"""What is left in English in a Chinese text: words of Latin letters that are no names."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hepatrial.report.references import read_references

ALLOWED = {
    "names of people and methods": (
        "Kaplan Meier Cox Fisher Aalen Johansen Clopper Pearson Morris Sobol Saltelli Jansen Pocock"
        " O'Brien Fleming Wang Tsiatis Rosner Mehta Hwang Shih Kim"
    ),
    "authors and names of trials and devices": ("Lin Cai Zekri Duan Gastroenterology"),
    "scores": "Child Pugh West Haven Na",
    "terms that Chinese texts of statistics keep": "log rank logit probit",
    "names of programs": "hepatrial llvmlite numpy polars scipy Antimony",
    "units": "kg mol umol µmol mmol mmHg mL ng log10 doi min",
}
"""Why a word may stand: the words. Abbreviations in capitals and ids in brackets stand of themselves."""
_ALLOWED = {word for words in ALLOWED.values() for word in words.split()}
_IDS = {*read_references(), "hbv", "coagulopathy"}
"""Keys of the bibliography, and two parameters that notes of others name."""
_WORD = re.compile(r"[A-Za-zµ][A-Za-zµ'’]*")
_ID = re.compile(
    r"[（(\[][a-z][a-z0-9_.]*[）)\]]|[\w.]*_[\w.]*|\b[0-9a-f]{8,}\b|doi:\S+|\b10\.\d{4,}/\S+|https?://\S+|\b[\w/]+\.[a-z]\w{1,6}\b"
    r"|(?:[\w.~-]*/){2,}[\w.~-]+|--[a-z-]+(?: [a-z]+)?",
    re.ASCII,
)
"""Ids as （death_base）, hashes, addresses, names of files, options of a command."""
EMPTY = {"br", "img", "meta", "link", "input", "hr", "col", "wbr", "source"}
NOT_READ = {"script", "style", "math", "code", "pre", "kbd", "samp"}
SAID = ("title", "placeholder", "aria-label", "alt")


def left_in_english(text: str) -> list[str]:
    """Words that are not Chinese, no abbreviation, no id and not allowed."""
    words = re.sub(r"[A-Za-z]\w*", lambda one: " " if one[0] in _IDS else one[0], _ID.sub(" ", text))
    found = _WORD.findall(words)
    return [word for word in found if len(word) > 2 and not _stands(word)]


def _stands(word: str) -> bool:
    capitals = sum(letter.isupper() for letter in word)
    return word in _ALLOWED or capitals > 1


class Reading(HTMLParser):
    """Texts of a page that are not marked as English: ``texts``."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        for name in SAID:
            self.take(given.get(name) or "")
        if tag not in EMPTY:
            self.open.append((tag, given.get("lang") or ""))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            continue

    def handle_data(self, data):
        self.take(data)

    def take(self, text):
        lang = next((one for _, one in reversed(self.open) if one), "")
        if text.strip() and not lang.startswith("en") and not any(tag in NOT_READ for tag, _ in self.open):
            self.texts.append(text)


def english_of_page(page: str) -> dict[str, list[str]]:
    """Text -> its English words, of every text of a page that has some."""
    reading = Reading()
    reading.feed(page)
    left = {text.strip(): left_in_english(text) for text in reading.texts}
    return {text: words for text, words in left.items() if words}
