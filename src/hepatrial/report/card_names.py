"""What a parameter card is called, in the reader's language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from hepatrial.report.catalogue import Catalogue

_STATISTICS = {"spread": ("spread between patients", "患者间离散度"), "share": ("share", "比例")}
"""What a name ends in after its point: a number about the card -> in English and Chinese."""


@cache
def chinese_names() -> Mapping[str, str]:
    """Card -> Chinese name."""
    text = (resources.files("hepatrial.report") / "card_names_zh.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def card_words(name: str, lang: str) -> str:
    """A card by its id, by which it is set and looked up; in Chinese with its name before it."""
    return name if lang == "en" else f"{card_name(name, lang)}（{name}）"


def card_name(name: str, lang: str) -> str:
    """A card, or a number about it (``flare.spread``), in words.

    Args:
        name: of the card; one without a Chinese name is told in English.
        lang: "en" or "zh".
    """
    card, _, statistic = name.partition(".")
    if card == "assay":
        measure = Catalogue(lang).get(f"measure.{statistic}", statistic.replace("_", " "))
        return f"检测误差：{measure}" if lang == "zh" else f"assay error: {measure}"
    said = card.replace("_", " ")
    if lang == "zh":
        said = chinese_names().get(card, said)
    if not statistic:
        return said
    about = _STATISTICS.get(statistic, (statistic, statistic))[lang == "zh"]
    return f"{said}（{about}）" if lang == "zh" else f"{said} ({about})"
