"""Figures as papers and word processors write them, brought to one spelling before they are read."""

from __future__ import annotations

import re
import unicodedata

_SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_PLAIN = str.maketrans(_SUPERSCRIPT, "0123456789-")
_DASHES = dict.fromkeys(map(ord, "−–—‐‑‒"), "-")


def tidy(text: str) -> str:
    """One spelling of dashes, blanks, raised numbers, full-width signs and decimal points.

    ``"2·1 (0·5)"`` becomes ``"2.1 (0.5)"``, ``"10⁹/L"`` ``"10^9/L"``, ``"６４−９８"`` ``"64-98"``,
    ``"137~829"`` ``"137-829"``.
    """
    raised = re.sub(f"[{_SUPERSCRIPT}]+", lambda found: "^" + found[0].translate(_PLAIN), text)
    plain = unicodedata.normalize("NFKC", raised).translate(_DASHES)
    plain = re.sub(r"(?<=\d)[·∙⋅](?=\d)", ".", plain)
    plain = re.sub(r"(?<=\d)\s*~\s*(?=\d)", "-", plain)
    return re.sub(r"\s+", " ", plain).strip()


def without_commas(text: str) -> str:
    """Decimal commas as points and commas of thousands left out, where only one reading is possible.

    The number in front of the brackets decides on decimal commas (``"2,1 (1,7-2,5)"``); inside brackets a
    comma that stands beside a dash is one of thousands (``"6,200 (3,100-9,800)"``), any other separates two
    numbers (``"316 (252,399)"``).
    """
    if re.match(r"^[^\d(\[]*\d+,\d{1,2}(?!\d)", text):
        return re.sub(r"(?<=\d),(?=\d{1,2}(?!\d))", ".", text)
    head, bracket, inside = re.match(r"([^(\[]*)([(\[]?)(.*)", text).groups()  # type: ignore[union-attr]
    head = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", head)
    if re.search(r"\d\s*(?:-|\bto\b|;|/)\s*\d", inside):
        inside = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", inside)
    return head + bracket + inside
