"""What of the pages rests on the evidence base, so that a trial added can be followed through all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hepatrial.claims.answers import answer_pairs, answers_html, death_pairs, raised, raised_counts
from hepatrial.claims.audit import audit
from hepatrial.claims.drawings import FOREST_OUTCOMES
from hepatrial.claims.page import claims_html
from hepatrial.claims.read import article
from hepatrial.errors import BadInput, Problem
from hepatrial.evidence.arithmetic import check_base
from hepatrial.evidence.base import Base
from hepatrial.evidence.certainty import certainty_table
from hepatrial.evidence.forest import forest

LANGS = ("en", "zh")


def snapshot(base: Base) -> dict[str, dict[str, str]]:
    """Page -> what stands on it -> as text: verdicts, certainty, forests, the two answers, arithmetic."""
    verdicts: dict[str, str] = {entry.id: entry.verdict for entry in audit(article(), base)}
    certainty = {
        row.key: f"{row.level}; {row.effect}; {row.studies} studies, {row.patients} patients"
        for row in certainty_table(base)
    }
    forests: dict[str, str] = {}
    for outcome in FOREST_OUTCOMES:
        for group in forest(base, outcome).groups:
            name = f"{outcome}, {group.product}, {group.population}"
            name += ", randomised" if group.randomised else ", not randomised"
            studies = "; ".join(
                f"{s.name} {s.counts[0]} : {s.counts[1]} {s.estimate:.2f}" for s in group.studies
            )
            lines = "; ".join(
                f"{line.label} {line.estimate:.2f} ({line.lower:.2f} to {line.upper:.2f})"
                for line in group.lines
            )
            forests[name] = f"{studies}; {lines}"
    pairs = [*death_pairs(base), *answer_pairs(base).values()]
    answers = {f"{p.name}, {p.counts[0]} : {p.counts[1]}": f"{p.treated} : {p.control} of 100" for p in pairs}
    answers |= {
        f"raised, {r['outcome']}, {r['citation']}": f"{r['measure']} {r['value']}" for r in raised(base)
    }
    answers |= {f"raised, {r['outcome']}, {r['name']}": r["number"] or "yes" for r in raised_counts(base)}
    odd = {
        f"{one.finding.place}, {one.finding.check}": one.finding.given
        for one in check_base(base)
        if one.finding.verdict == "inconsistent"
    }
    return {
        "claims": verdicts, "certainty": certainty, "forests": forests, "answers": answers, "arithmetic": odd,
    }  # fmt: skip


def changes(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Rows ``page``, ``what``, ``before``, ``after`` of everything not the same; "" where it was not."""
    rows = []
    for page in after:
        for what in {**before[page], **after[page]}:
            old, new = before[page].get(what, ""), after[page].get(what, "")
            if old != new:
                rows.append({"page": page, "what": what, "before": old, "after": new})
    return rows


def write_pages(base: Base, folder: Path, trials: dict[str, dict[str, Any]] | None = None) -> list[Path]:
    """The pages that rest on the base, in both languages: claims and the two answers.

    Args:
        base: the evidence base.
        folder: made when it is not there; pages of an earlier call are written over, anything else is not.
        trials: language -> the article's simulated trials (``article.for_claims``), or None.

    Raises:
        BadInput: the folder cannot be written to.
    """
    text, written = article(), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for lang in LANGS:
            audited = audit(text, base, None, (trials or {}).get(lang))
            for name, page in (
                (f"claims-{lang}.html", claims_html(text, audited, base, lang)),
                (f"answers-{lang}.html", answers_html(base, lang)),
            ):
                (folder / name).write_text(page, encoding="utf-8")
                written.append(folder / name)
    except OSError as error:
        allowed = f"must be a folder that can be written ({error.strerror})"
        raise BadInput([Problem("--pages", str(folder), allowed)]) from None
    return written
