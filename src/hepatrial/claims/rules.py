"""From what the assertions met to one verdict: the rules, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hepatrial.claims.types import SCOPES, Claim, Reason, Verdict

VERDICTS: tuple[Verdict, ...] = (
    "supported", "partly supported", "overstated", "unsupported", "contradicted", "not checkable",
)  # fmt: skip

SCOPE_SENTENCES: dict[str, tuple[str, str]] = {
    "dish": ("Seen in a dish; says nothing about patients.", "见于培养皿；不能说明对患者如何。"),
    "animal": ("Seen in animals; says nothing about patients.", "见于动物；不能说明对患者如何。"),
    "human": ("Seen in people; how sure is said with each reason.", "见于人体；把握程度见各条理由。"),
    "none": (
        "Nothing that was read shows it in a dish, an animal or a patient.",
        "所读资料中，培养皿、动物或患者均未见支持。",
    ),
}
"""The sentence that every verdict carries, by the scope in which anything was seen."""

AGREES = ("confirmed", "weak")


@dataclass(frozen=True)
class Rule:
    """A named rule: when it applies, and the verdict it gives."""

    name: str
    verdict: Verdict
    says: str
    applies: Callable[[Claim, Sequence[Reason]], bool]


def _has(reasons: Sequence[Reason], *statuses: str) -> bool:
    return any(reason.status in statuses for reason in reasons)


def _only(reasons: Sequence[Reason], *statuses: str) -> bool:
    return all(reason.status in statuses for reason in reasons)


def _count(reasons: Sequence[Reason], *statuses: str) -> int:
    return sum(reason.status in statuses for reason in reasons)


def _below(claim: Claim, reasons: Sequence[Reason]) -> bool:
    """Everything that agrees was seen further from the patient than what the claim speaks of."""
    agreeing = [reason.scope for reason in reasons if reason.status in AGREES and reason.scope]
    asked = SCOPES.index(claim.scope)
    return bool(agreeing) and all(SCOPES.index(scope) < asked for scope in agreeing)


def _disputed(claim: Claim, reasons: Sequence[Reason]) -> bool:
    """A claim without 'may', of which one part is disputed and was seen only further from the patient."""
    asked = SCOPES.index(claim.scope)
    return not claim.hedged and any(
        r.status == "weak" and r.scope is not None and SCOPES.index(r.scope) < asked for r in reasons
    )


def _sweeping_not_found(reasons: Sequence[Reason]) -> bool:
    """A cure, or an approval, for which no reason speaks; deaths told beside a reported cure are no such."""
    for kind in ("cure", "approved"):
        of = [reason for reason in reasons if reason.assertion == kind]
        if _has(of, "silent") and not _has(of, *AGREES):
            return True
    return False


RULES: tuple[Rule, ...] = (
    Rule("definition holds", "supported", "a definition or notice, and every part of it was found",
         lambda c, r: c.kind in ("definition", "notice") and _only(r, *AGREES)),
    Rule("definition not found", "not checkable", "a definition or notice of which a part was not found",
         lambda c, _r: c.kind in ("definition", "notice")),
    Rule("nothing to check", "not checkable", "no assertion can be held against anything",
         lambda _c, r: _only(r, "uncheckable")),
    Rule("arithmetic holds, nothing else to hold it against", "not checkable",
         "its figures go together, which confirms nothing, and no source was read that has them",
         lambda _c, r: _only(r, "consistent", "uncheckable")),
    Rule("a figure is against", "contradicted", "a number of it is not what the source, or its text, says",
         lambda c, r: c.kind == "numbers" and _has(r, "refuted")),
    Rule("against", "contradicted", "evidence or the text's own figures are against it, nothing is for it",
         lambda _c, r: _has(r, "refuted") and not _has(r, *AGREES)),
    Rule("in part against", "overstated", "evidence is against a part of it",
         lambda _c, r: _has(r, "refuted")),
    Rule("says more than was found", "overstated", "evidence is less than what is said",
         lambda _c, r: _has(r, "overreach")),
    Rule("not reproducible in part", "partly supported", "some figures found, others not reproducible",
         lambda _c, r: 0 < _count(r, "broken") < _count(r, *AGREES)),
    Rule("not reproducible", "unsupported",
         "as printed not reproducible, and no more figures of it were found than are not",
         lambda _c, r: _has(r, "broken")),
    Rule("nothing found", "unsupported", "no usable evidence was found",
         lambda _c, r: not _has(r, *AGREES)),
    Rule("seen only further from patients, said with caution", "partly supported",
         "seen only in a dish or animals, and the claim says 'may'", lambda c, r: c.hedged and _below(c, r)),
    Rule("seen only further from patients", "overstated", "seen only in a dish or animals",
         lambda c, r: _below(c, r)),
    Rule("in dispute, and seen only further from patients", "overstated",
         "a part on which findings differ was seen only in a dish or animals", _disputed),
    Rule("a sweeping part was not found", "overstated", "a cure or approval was not found, other parts were",
         lambda _c, r: _sweeping_not_found(r)),
    Rule("found in part", "partly supported", "a part of it was not found",
         lambda _c, r: _has(r, "silent", "uncheckable")),
    Rule("found with little certainty", "partly supported", "found with low certainty, or not in all sources",
         lambda _c, r: _has(r, "weak")),
    Rule("found", "supported", "every part of it was found", lambda _c, _r: True),
)  # fmt: skip
"""The first rule that applies gives the verdict."""

_LOWERED: dict[Verdict, Verdict] = {"supported": "partly supported", "partly supported": "overstated"}


def judge(claim: Claim, reasons: Sequence[Reason]) -> Rule:
    """The rule that applies first."""
    return next(rule for rule in RULES if rule.applies(claim, reasons))


def lowered(verdict: Verdict) -> Verdict:
    """One step down, as a simulation may ask; the lower verdicts stay, and none ever rises."""
    return _LOWERED.get(verdict, verdict)


def seen_in(reasons: Sequence[Reason]) -> str:
    """The scope nearest to a patient in which anything agreeing was seen, or "none"."""
    scopes = [reason.scope for reason in reasons if reason.status in AGREES and reason.scope]
    return max(scopes, key=SCOPES.index) if scopes else "none"
