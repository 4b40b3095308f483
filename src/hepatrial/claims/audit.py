"""The audit: each claim's assertions against the base, a verdict by rule, a simulation laid beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hepatrial.claims.evaluate import Context, evaluate
from hepatrial.claims.rules import SCOPE_SENTENCES, judge, lowered, seen_in
from hepatrial.claims.types import Article, Audited, Claim
from hepatrial.evidence.base import Base


def audit(article: Article, base: Base, run: Mapping[str, Any] | None = None) -> tuple[Audited, ...]:
    """Every claim of an article with its verdict.

    Args:
        article: from ``article()`` or ``read_article``.
        base: from ``load_base``.
        run: what ``simulation.run_reference`` read from a run folder; it can lower a verdict by one step and
            never raises one.
    """
    context = Context(base)
    return tuple(_audit(claim, context, run) for claim in article.claims)


def _audit(claim: Claim, context: Context, run: Mapping[str, Any] | None) -> Audited:
    reasons = evaluate(claim, context)
    rule = judge(claim, reasons)
    scope = seen_in(reasons)
    said, said_zh = SCOPE_SENTENCES[scope]
    audited = Audited(claim, rule.verdict, rule.name, scope, said, said_zh, reasons)
    if run is None:
        return audited
    common = {name: run[name] for name in ("folder", "protocol", "hash", "mark")}
    if claim.engraftment and run["engraftment"]:
        return replace(audited, simulation={**common, "rows": run["engraftment"], "lowers": False})
    if claim.protocol != run["protocol"]:
        return audited
    against = any(row["inside"] is False for row in run["rows"])
    verdict = lowered(rule.verdict) if against else rule.verdict
    simulation = {**common, "rows": run["rows"], "lowers": verdict != rule.verdict}
    return replace(audited, verdict=verdict, simulation=simulation)
