"""Numbers as a file writes them, looked at before the parsers see them.

libAntimony 3.3.0 reads ``1e999`` as 1 with the unit ``e999``; libSBML 5.21 reads ``<cn>1,5</cn>`` as 1 and
``<cn>0x10</cn>`` as 0, without an error. What is no number of double precision is refused here.
"""

from __future__ import annotations

import math
import re

from hepatrial.errors import Problem

_DOUBLE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CN = re.compile(r"<((?:\w+:)?cn)\b([^<>]*)>(.*?)</\1\s*>", re.DOTALL)
_SEP = re.compile(r"<(?:\w+:)?sep\s*(?:/>|>\s*</(?:\w+:)?sep\s*>)")
_ATTRIBUTE = re.compile(
    r"""\s(value|size|volume|initialAmount|initialConcentration|stoichiometry)\s*=\s*["']([^"'<>]*)["']"""
)
_ELEMENT = re.compile(
    r"<(?:\w+:)?(?:parameter|localParameter|compartment|species|speciesReference)\b[^<>]*>", re.DOTALL
)
_ANTIMONY_COMMENT = re.compile(r"//[^\n]*|#[^\n]*|/\*.*?\*/|\"[^\"\n]*\"", re.DOTALL)
_ANTIMONY_NUMBER = re.compile(r"(?<![\w.])(?:(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+|0[xX]\w+)")
_ALLOWED = "must be a finite decimal number that double precision can hold"


def sbml_number_problems(sbml: str) -> list[Problem]:
    """Numbers of formulas and of elements that are none, each once."""
    problems: dict[str, Problem] = {}
    for found in _CN.finditer(sbml):
        if not _is_cn(found[2], found[3]):
            given = " ".join(found[0].split())[:80]
            problems[given] = Problem(f"SBML line {_line(sbml, found.start())}", given, _ALLOWED)
    for element in _ELEMENT.finditer(sbml):
        for name, value in _ATTRIBUTE.findall(element[0]):
            if value.strip() not in ("INF", "-INF", "NaN") and not _is_double(value):
                given = f"{name}={value[:40]!r}"
                problems[given] = Problem(f"SBML line {_line(sbml, element.start())}", given, _ALLOWED)
    return list(problems.values())


def antimony_number_problems(text: str) -> list[Problem]:
    """Numbers of an Antimony text that libAntimony would take for something else."""
    bare = _ANTIMONY_COMMENT.sub(lambda m: "\n" * m[0].count("\n") or " ", text)
    return [
        Problem(f"Antimony text, line {_line(bare, m.start())}", m[0][:40], _ALLOWED)
        for m in _ANTIMONY_NUMBER.finditer(bare)
        if not _is_double(m[0])
    ]


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _is_double(text: str) -> bool:
    """Whether a text is a decimal number, finite, and not rounded to 0 or without its digits."""
    stripped = text.strip()
    if not _DOUBLE.fullmatch(stripped):
        return False
    value = float(stripped)
    if value == 0:
        return not re.search(r"[1-9]", re.split("[eE]", stripped)[0])
    return math.isfinite(value) and abs(value) >= 2.2250738585072014e-308


def _is_cn(attributes: str, content: str) -> bool:
    kind = re.search(r"""\btype\s*=\s*["']([^"']*)["']""", attributes)
    if re.search(r"""\bbase\s*=\s*["'](?!10["'])""", attributes):
        return False
    parts = _SEP.split(content)
    if kind is not None and kind[1] == "e-notation":
        return len(parts) == 2 and _is_double("e".join(part.strip() for part in parts))
    if kind is not None and kind[1] == "rational":
        return len(parts) == 2 and all(map(_is_double, parts))
    return len(parts) == 1 and _is_double(content)
