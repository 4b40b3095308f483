"""The audit as a page for a browser, or as Markdown, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from hepatrial.claims.chinese import of_source, translated
from hepatrial.claims.drawings import FOREST_OUTCOMES, forest_svg, outcome_name, risk_svg
from hepatrial.claims.findings import finding_text
from hepatrial.claims.grade import grade_html, grade_rows
from hepatrial.claims.rules import RULES, Rule
from hepatrial.claims.texts import LANGS, check_lang, environment, words
from hepatrial.claims.types import Article, Audited
from hepatrial.evidence.arithmetic import check_base
from hepatrial.evidence.base import Base
from hepatrial.evidence.base.risk import DOMAINS, table
from hepatrial.evidence.forest import forest
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures.lights import WORDS as LIGHTS
from hepatrial.report.wording import micro
from hepatrial.schema import RESEARCH_USE_ONLY

__all__ = ["LANGS", "check_lang", "claims_fragment", "claims_html", "claims_markdown", "words"]


def claims_html(
    article: Article, audited: Sequence[Audited], base: Base, lang: str = "en", *, figures: bool = True
) -> str:
    """The audit as one page that needs nothing beside it.

    Args:
        article, audited, base: what was audited, against what.
        lang: "en" or "zh".
        figures: with the forests and the risk of bias drawn (some seconds).

    Raises:
        BadInput: for another language.
    """
    template = environment().get_template("claims.html.j2")
    return template.render(**_context(article, audited, base, lang, figures))


def claims_fragment(
    article: Article, audited: Sequence[Audited], base: Base, lang: str = "en", *, figures: bool = True
) -> str:
    """The page's content without head and body, to stand in another page (its style is scoped to it).

    Raises:
        BadInput: for another language.
    """
    template = environment().get_template("claims_body.html.j2")
    return template.render(**_context(article, audited, base, lang, figures))


def _context(
    article: Article, audited: Sequence[Audited], base: Base, lang: str, figures: bool
) -> dict[str, Any]:
    check_lang(lang)
    odd, counts = _sources(base, lang)
    return {
        "lang": lang,
        "w": words("page")[lang],
        "article": article,
        "title": (article.title_zh if lang == "zh" else "") or article.title,
        "rows": [entry.as_dict(lang) for entry in audited],
        "certainty": Markup(grade_html(base, lang)),
        "risks": table(base.trials.values()),
        "domains": DOMAINS,
        "lights": LIGHTS[lang],
        "said": lambda text: _said(text, lang),
        "grade_word": lambda grade: Catalogue(lang).get(f"grade.{grade}", grade),
        "forests": _forests(base, lang) if figures else (),
        "risk_figure": Markup(risk_svg(base, lang)) if figures else "",
        "sources": odd,
        "source_counts": counts,
        "rules": RULES,
        "rule_text": lambda rule: rule_text(rule, lang),
        "base": base,
        "research": RESEARCH_USE_ONLY[lang],
    }


def _said(text: str, lang: str) -> str:
    """A sentence of the evidence base in a language, else in that of its source."""
    return micro(text if lang == "en" else of_source(text) or text)


def _forests(base: Base, lang: str) -> list[tuple[str, Markup, list[str]]]:
    """(outcome, drawing, what was kept out) of every outcome that has something to draw."""
    found = []
    for outcome in FOREST_OUTCOMES:
        shown = forest(base, outcome)
        if shown.groups or shown.published:
            tips = [group.tipping for group in shown.groups if group.tipping and lang == "en"]
            kept = [translated(text) if lang == "zh" else text for text in shown.refused]
            notes = [*tips, *kept]
            found.append((outcome_name(outcome, lang), Markup(forest_svg(shown, lang)), notes))
    return found


def _sources(base: Base, lang: str) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """What does not follow in the sources as printed, and the numbers of other checks."""
    found = check_base(base)
    odd = [
        (one.finding.place, finding_text(one.finding, lang))
        for one in found
        if one.finding.verdict == "inconsistent"
    ]
    counts = {
        "consistent": sum(one.finding.verdict == "consistent" for one in found),
        "unknown": sum(one.finding.verdict == "not checkable" for one in found),
    }
    return odd, counts


def claims_markdown(article: Article, audited: Sequence[Audited], base: Base, lang: str = "en") -> str:
    """The audit as Markdown: one section a claim, then certainty, the sources' arithmetic and the rules.

    Raises:
        BadInput: for another language.
    """
    check_lang(lang)
    w = words("page")[lang]
    title = (article.title_zh if lang == "zh" else "") or article.title
    lines = [f"# {w['title']}: {title}", "", article.source, "", w["how"], "", w["fair"], ""]
    for entry in audited:
        lines += _claim_lines(entry.as_dict(lang), w)
    lines += [f"## {w['certainty']}", ""]
    for graded in grade_rows(base, lang):
        why = "; ".join(reason for steps, reason in graded["steps"] if steps)
        lines.append(
            f"- {graded['outcome']}: {graded['effect']}; {graded['level']}{f' ({why})' if why else ''}"
        )
    odd, counts = _sources(base, lang)
    lines += ["", f"## {w['sources']}", "", w["sources_how"].format(**counts), ""]
    lines += [f"- {place}: {text}" for place, text in odd]
    lines += ["", f"## {w['rules']}", ""]
    lines += [f"{i}. {rule_text(r, lang)}: {w[r.verdict]}" for i, r in enumerate(RULES, start=1)]
    lines += [
        "",
        f"{w['base']} {base.version}, {base.assembled}, {base.hash[:12]}. {RESEARCH_USE_ONLY[lang]}",
    ]
    return "\n".join(lines) + "\n"


def rule_text(rule: Rule, lang: str) -> str:
    """When a rule applies, in a language."""
    return str(words("page")["zh"]["rule"][rule.name]) if lang == "zh" else rule.says


def _claim_lines(row: dict[str, Any], w: dict[str, Any]) -> list[str]:
    note = f" ({w['read_note']})" if row["read_from_text"] else ""
    lines = [f"## {row['id']}: {w[row['verdict']]}", "", f"{row['claim']}{note}", ""]
    if row["printed"]:
        lines += [f"{w['printed']}: {row['printed']}", ""]
    lines += [row["scope_sentence"], ""]
    lines += [f"- {reason['text']}" for reason in row["reasons"]] + [""]
    if row["omits"]:
        lines += [f"{w['omits']}: {row['omits']}", ""]
    if row["simulation"]:
        lines += [f"{w['simulation']}: {row['simulation']['mark']}", ""]
        lines += [f"- {shown['sentence']}" for shown in row["simulation"]["rows"]] + [""]
    return lines
