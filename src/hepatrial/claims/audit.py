"""The audit: each claim's assertions against the base, a verdict by rule, a simulation laid beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hepatrial.claims.evaluate import Context, evaluate
from hepatrial.claims.rules import SCOPE_SENTENCES, judge, lowered, seen_in
from hepatrial.claims.types import Article, Audited, Claim
from hepatrial.evidence.base import Base


def audit(
    article: Article,
    base: Base,
    run: Mapping[str, Any] | None = None,
    trials: Mapping[str, Any] | None = None,
) -> tuple[Audited, ...]:
    """Every claim of an article with its verdict.

    Args:
        article: from ``article()`` or ``read_article``.
        base: from ``load_base``.
        run: what ``simulation.run_reference`` read from a run folder; it can lower a verdict by one step and
            never raises one.
        trials: what ``hepatrial.article.for_claims`` makes of simulated trials of the article's own size:
            under what its figures would be seen. Shown where no run speaks of the claim; changes no verdict.
    """
    context = Context(base)
    return tuple(_audit(claim, context, run, trials) for claim in article.claims)


def _audit(
    claim: Claim, context: Context, run: Mapping[str, Any] | None, trials: Mapping[str, Any] | None
) -> Audited:
    reasons = evaluate(claim, context)
    rule = judge(claim, reasons)
    scope = seen_in(reasons)
    said, said_zh = SCOPE_SENTENCES[scope]
    audited = Audited(claim, rule.verdict, rule.name, scope, said, said_zh, reasons)
    if trials and claim.id in trials["rows"]:
        shown = {name: value for name, value in trials.items() if name != "rows"}
        audited = replace(audited, simulation={**shown, "rows": trials["rows"][claim.id], "lowers": False})
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
