"""Drawings of the evidence base for a page: forest and risk of bias, Vega-Lite or SVG. Real trials only."""

from __future__ import annotations

from html import escape
from typing import Any

from hepatrial.claims import names
from hepatrial.claims.texts import check_lang
from hepatrial.evidence.base import Base
from hepatrial.evidence.base.risk import table
from hepatrial.evidence.forest import Forest, forest
from hepatrial.report.figures import forest_description, forest_figure, traffic_lights
from hepatrial.report.figures.lights import WORDS
from hepatrial.report.style import WIDE, to_svg

FOREST_OUTCOMES = ("death", "severe_infection", "liver_cancer", "serious_adverse_event", "fever")
"""Outcomes whose forests stand on the claims page."""


def outcome_name(outcome: str, lang: str) -> str:
    """An outcome in a sentence of a language."""
    return names.name_zh(outcome) if lang == "zh" else names.name(outcome).lower()


def forest_drawing(
    base: Base, outcome: str = "death", *, lang: str = "en", width: int = WIDE, **options: Any
) -> dict[str, Any]:
    """The forest of an outcome as a Vega-Lite specification.

    Args:
        base: the evidence base.
        outcome: of ``evidence.contrasts.outcomes``.
        lang: "en" or "zh".
        width: in CSS pixels (680 a page, 350 a phone).
        options: of ``evidence.forest.forest``.

    Raises:
        BadInput: unknown words.
    """
    check_lang(lang)
    return forest_figure(
        forest(base, outcome, **options), outcome_name(outcome, lang), lang=lang, width=width
    )


def forest_svg(shown: Forest, lang: str = "en", width: int = WIDE) -> str:
    """A forest as one SVG element with a description for those who cannot see it."""
    name = outcome_name(shown.outcome, lang)
    drawing = forest_figure(shown, name, lang=lang, width=width)
    return to_svg(drawing, f"forest-{shown.outcome}-{width}", name, forest_description(shown, name, lang))


def risk_drawing(base: Base, *, lang: str = "en", width: int = WIDE) -> dict[str, Any]:
    """Risk of bias of every trial as a Vega-Lite specification (traffic lights)."""
    check_lang(lang)
    return traffic_lights(table(base.trials.values()), base.hash, lang=lang, width=width)


def risk_svg(base: Base, lang: str = "en", width: int = WIDE) -> str:
    """Risk of bias of every trial as one SVG element."""
    rows = table(base.trials.values())
    title = "偏倚风险" if lang == "zh" else "Risk of bias"
    words = WORDS[lang]["judgements"]
    said = "; ".join(f"{row['name']}: {words.get(row['overall'], row['overall'])}" for row in rows)
    return to_svg(traffic_lights(rows, base.hash, lang=lang, width=width), f"risk-{width}", title, said)


def drawing_html(drawing: dict[str, Any], title: str) -> str:
    """A drawing as a page that loads nothing from elsewhere."""
    import vl_convert

    page: str = vl_convert.vegalite_to_html(drawing, bundle=True, renderer="svg")
    return page.replace("<title>Chart</title>", f"<title>{escape(title)}</title>")
