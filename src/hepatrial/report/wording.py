"""Numbers as text. A missing number is a dash, a minus is a minus, a tiny probability is a power of ten."""

from __future__ import annotations

import math
import re

from hepatrial.report.catalogue import Catalogue

DASH = "–"
THIN = "\u202f"
"""A narrow space at which no line breaks."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def missing(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def number(value: float | None, digits: int = 1) -> str:
    """A number with fixed digits; a true minus; a dash for none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−").replace(",", THIN)


def significant(value: float | None, digits: int = 3) -> str:
    """A number to significant digits; scientific when very large or small."""
    if value is None or not math.isfinite(value):
        return DASH
    if value != 0 and not 1e-3 <= abs(value) < 1e4:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa.replace('-', '−')} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


_UNITS_ZH = {"day": "天", "year": "年", "cells": "个细胞", "points": "分", "patients": "例"}


def unit_text(unit: str, t: Catalogue) -> str:
    """A unit as it stands after a number: "" for a pure number, "1/day" in Chinese as "/天"."""
    if unit in ("", "1", "dimensionless"):
        return ""
    said = unit
    if t.lang != "en":
        said = t.get(f"unit.{unit}", unit)
        said = re.sub("[A-Za-z]+", lambda found: _UNITS_ZH.get(found[0], found[0]), said)
        if said.startswith("1/"):
            return said.removeprefix("1")
    return " " + micro(said)


def micro(text: str) -> str:
    """A text with micro written by its letter, as it is printed ("umol/L" is how files say it)."""
    return re.sub(r"\bu(?=(mol|g|L)\b)", "µ", text)


def typeset(text: str) -> str:
    """A text of a file as a printer sets it: powers of ten raised ("1e6", "10^6"), micro by its letter."""

    def raised(found: re.Match[str]) -> str:
        mantissa, power = found[1], int(found[2])
        ten = f"10{str(power).translate(_SUPERSCRIPT)}"
        return ten if mantissa == "1" else f"{mantissa} × {ten}"

    text = re.sub(r"\b10\^(\d+)", lambda found: f"10{found[1].translate(_SUPERSCRIPT)}", text)
    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)", raised, text)
    return micro(re.sub(r"(?<=\d) x (?=10[⁰¹²³⁴⁵⁶⁷⁸⁹])", " × ", text))


def percent(share: float | None, digits: int = 1) -> str:
    """A share as per cent."""
    return DASH if missing(share) else f"{number(100 * share, digits)}%"  # type: ignore[operator]


def signed(value: float | None, digits: int = 1) -> str:
    """A number that carries its sign."""
    text = number(value, digits)
    return text if text.startswith(("−", DASH)) or float(text.replace(THIN, "")) == 0 else f"+{text}"


def points(share: float | None, digits: int = 1) -> str:
    """A difference of shares in percentage points, signed, without the word."""
    return signed(None if missing(share) else 100 * share, digits)  # type: ignore[operator]


def probability(value: float | None) -> str:
    """A probability: two significant digits, a power of ten below one in a thousand."""
    if value is None or not math.isfinite(value):
        return DASH
    if value >= 0.1:
        return f"{value:.2f}"
    if value >= 1e-3:
        return f"{value:.2g}"
    return significant(value, 2) if value > 0 else "0"


def span(t: Catalogue, low: float | None, high: float | None, form: str = "percent", digits: int = 1) -> str:
    """An interval ("61.6 to 84.8%"); empty for none."""
    if missing(low) or missing(high):
        return ""
    if form == "percent":
        return t("span", low=number(100 * low, digits), high=f"{number(100 * high, digits)}%")  # type: ignore[operator]
    if form == "points":
        return t("span", low=points(low, digits), high=points(high, digits))
    return t("span", low=number(low, digits), high=number(high, digits))
