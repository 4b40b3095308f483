"""Languages of the pages: the first from Accept-Language, words from a Babel catalogue.

English is the language of the templates; ``locale/zh/LC_MESSAGES/messages.po`` holds the Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from babel.messages.pofile import read_po

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
UNITS = ("si", "conventional")
LOCALE = {"en": "en", "zh": "zh-Hans"}
"""Language -> the ``lang`` attribute of a page."""

_WEIGHT = re.compile(r"^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$")


@cache
def catalogue(lang: str) -> Mapping[str, str]:
    """English text -> text in ``lang``; empty for English."""
    if lang == "en":
        return {}
    file = resources.files("hepatrial.web") / "locale" / lang / "LC_MESSAGES" / "messages.po"
    with file.open("rb") as stream:
        read = read_po(stream, locale=lang)
    return {str(message.id): str(message.string) for message in read if message.id and message.string}


def translate(lang: str, text: str, **values: object) -> str:
    """A text of the pages in a language, its ``{placeholders}`` filled; English where there is no other."""
    said = catalogue(lang).get(text, text)
    return said.format(**values) if values else said


def preferred(header: str | None) -> str:
    """The language of an Accept-Language header that the pages have and the reader likes best."""
    best, weight = "en", 0.0
    for part in (header or "")[:500].split(","):
        tag, _, rest = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        rest = rest.strip().replace(" ", "")
        q = 1.0 if not rest else float(rest[2:]) if _WEIGHT.match(rest) else 0.0
        if name in LANGUAGES and q > weight:
            best, weight = name, q
    return best


def chosen(query: Mapping[str, str], cookies: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The language of a request: asked for in the address, else remembered, else the browser's."""
    for asked in (query.get("lang", ""), cookies.get("hepatrial_lang", "")):
        if asked in LANGUAGES:
            return asked
    return preferred(headers.get("accept-language"))


def chosen_units(query: Mapping[str, str], cookies: Mapping[str, str]) -> str:
    """ "si" or "conventional", as asked for or remembered."""
    for asked in (query.get("units", ""), cookies.get("hepatrial_units", "")):
        if asked in UNITS:
            return asked
    return "si"


def remembered(query: Mapping[str, str]) -> dict[str, str]:
    """Cookies that a request's address asks to be set."""
    asked: dict[str, Any] = {"hepatrial_lang": query.get("lang"), "hepatrial_units": query.get("units")}
    allowed = {"hepatrial_lang": tuple(LANGUAGES), "hepatrial_units": UNITS}
    return {name: value for name, value in asked.items() if value in allowed[name]}
