"""Where each parameter came from: the cards, fitted ones first, and counts by grade."""

from __future__ import annotations

from typing import Any

from hepatrial.provenance import GRADES
from hepatrial.report.facts import Facts

ORDER = ("fitted", "seen", "seen_secondary", "derived", "article", "recalled", "assumed")
"""Grades in the order shown: what was tuned first, then from firm to guessed."""


def parameter_numbers(facts: Facts) -> dict[str, Any]:
    """Cards in the order of ``ORDER`` (then as in the file) and how many there are of each grade."""
    rank = {grade: i for i, grade in enumerate((*ORDER, *(g for g in GRADES if g not in ORDER)))}
    cards = sorted(facts.cards, key=lambda card: rank[card.grade])
    counts = {grade: sum(card.grade == grade for card in cards) for grade in rank}
    rows = [
        {
            "name": card.name,
            "value": card.value,
            "unit": card.unit,
            "spread": dict(card.spread),
            "source": card.source,
            "grade": card.grade,
            "meaning": dict(card.meaning),
            "changed": card.changed,
        }
        for card in cards
    ]
    return {"counts": {grade: n for grade, n in counts.items() if n}, "total": len(cards), "cards": rows}
