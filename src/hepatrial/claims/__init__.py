"""Claims of an article taken apart and laid against the evidence base, with a verdict by written rules."""

from hepatrial.claims.audit import audit
from hepatrial.claims.read import article, check_article, read_article
from hepatrial.claims.rules import RULES, SCOPE_SENTENCES, VERDICTS, judge, lowered
from hepatrial.claims.simulation import run_reference
from hepatrial.claims.types import Article, Audited, Claim, Evidence, Reason

__all__ = [
    "RULES",
    "SCOPE_SENTENCES",
    "VERDICTS",
    "Article",
    "Audited",
    "Claim",
    "Evidence",
    "Reason",
    "article",
    "audit",
    "check_article",
    "judge",
    "lowered",
    "read_article",
    "run_reference",
]
