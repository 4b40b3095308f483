"""A check's finding as a sentence, in either language and in fair words."""

from __future__ import annotations

from hepatrial.claims.chinese import translated
from hepatrial.evidence.checks import Finding

ONLY_SAID = ("no event by chance",)
"""Checks whose "inconsistent" is a probability, not a figure that cannot be reproduced."""


def finding_text(finding: Finding, lang: str = "en") -> str:
    """One sentence; the strongest form is "as printed, not reproducible; possible explanations"."""
    zh = lang == "zh"
    given, needed, check = finding.given, finding.needed, finding.check
    if zh:
        given, needed, check = translated(given), translated(needed), translated(check)
    if finding.check in ONLY_SAID:
        return f"{given}：{needed}。" if zh else f"{given}: {needed}."
    if finding.verdict == "inconsistent":
        if zh:
            return f"{given}：按所印数字不能重现；可能的解释：{needed}。"
        return f"{given}: as printed, not reproducible; possible explanations: {needed}."
    if zh:
        word = "相容" if finding.verdict == "consistent" else "无法核对"
        return f"{check}，{given}：{word}；{needed}。"
    return f"{check}, {given}: {finding.verdict}; {needed}."
