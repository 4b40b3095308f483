"""The page of a comparison, in English or Chinese: misses first, then the match, then everything."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from hepatrial.compare.compare import MATCH_MISS, Comparison, Group
from hepatrial.compare.figures import correlation_chart, course_chart, marginal_chart, risk_chart
from hepatrial.compare.statistics import Item
from hepatrial.compare.words import measure_label, texts, word
from hepatrial.protocol.definitions import DEFINITIONS
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.style import Frame, to_svg
from hepatrial.report.wording import signed
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

WORST = 15
"""Misses that stand first; the others are in the table of all figures."""
KINDS = ("marginal", "correlation", "risk", "course", "before death")


def check_lang(lang: str) -> None:
    """Refuse a language without texts.

    Raises:
        BadInput: for such a language.
    """
    texts(lang)


def number(value: float) -> str:
    """Three significant digits, or a dash."""
    if not math.isfinite(value):
        return "–"
    return (f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}").replace("-", "\N{MINUS SIGN}")


def item_label(item: Item, lang: str) -> str:
    """What was compared, in words."""
    detail = item.detail
    if item.kind == "marginal":
        return word(lang, "label_marginal", measure=measure_label(item.label, lang))
    if item.kind == "correlation":
        a, b = item.label.split(", ")
        return word(lang, "label_correlation", a=measure_label(a, lang), b=measure_label(b, lang))
    if item.kind == "course":
        group = word(lang, detail["group"].replace(" ", "_"))
        measure = measure_label(detail["measure"], lang)
        return word(lang, "label_course", measure=measure, day=f"{detail['day']:g}", group=group)
    if item.kind == "before death":
        measure = measure_label(detail["measure"], lang)
        return word(
            lang, "label_before", measure=measure, low=f"{detail['from']:g}", high=f"{detail['to']:g}"
        )
    name = item.label.split(":")[0]
    if item.scale == "concordance":
        return word(lang, "label_concordance", measure=measure_label(name, lang))
    return word(lang, "label_risk", day=name.rsplit(" ", 1)[-1])


def item_rows(
    done: Comparison, group: Group, lang: str, *, only_misses: bool = False
) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    """Head, rows and title of a group's table."""
    head = tuple(word(lang, key) for key in ("what", "real", "interval", "virtual", "off", "patients"))
    shown = group.misses if only_misses else group.items
    rows: list[tuple[str, ...]] = [
        (
            item_label(item, lang), number(item.real),
            Catalogue(lang)("span", low=number(item.low), high=number(item.high)),
            number(item.virtual), signed(item.size, 2), str(item.n),
        )
        for item in shown
    ]  # fmt: skip
    title = word(
        lang, "count", group=_group_name(group, lang), missed=len(group.misses), compared=len(group.items),
        mark=MARK[lang], hash=done.hash[:12],
    )  # fmt: skip
    return head, rows, title


def _group_name(group: Group, lang: str) -> str:
    return texts(lang).get(f"group.{group.label}", group.label.replace("_", " "))


def write_page(done: Comparison, out: Path, lang: str = "en") -> list[Path]:
    """Write ``report.html`` and ``results.json`` into a folder; no patient's row is in either."""
    page = html(done, lang)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(page, encoding="utf-8")
    text = json.dumps(done.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "results.json").write_text(text, encoding="utf-8")
    return [out / "report.html", out / "results.json"]


def html(done: Comparison, lang: str = "en") -> str:
    """The page; it loads nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader("hepatrial.compare", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    sections = [_section(done, group, lang, number) for number, group in enumerate(done.groups, start=1)]
    return environment.get_template("compare.html.j2").render(
        t=partial(word, lang), lang=lang, css=style_sheet() + running_heads(MARK[lang], done.hash[:12]),
        c=Catalogue(lang), next_table=count(1).__next__, next_figure=count(1).__next__,
        mark=MARK[lang], research=RESEARCH_USE_ONLY[lang], definition=_definition(done.definition, lang),
        done=done, sections=sections, missed=sum(len(g.misses) for g in done.groups),
        compared=sum(len(g.items) for g in done.groups),
    )  # fmt: skip


def _definition(tag: str, lang: str) -> str:
    known = DEFINITIONS.get(tag)
    return tag.replace("_", " ") if known is None else known.label_zh if lang == "zh" else known.label


def _section(done: Comparison, group: Group, lang: str, order: int) -> dict[str, Any]:
    head, misses, _ = item_rows(done, group, lang, only_misses=True)
    _, rows, _ = item_rows(done, group, lang)
    table1 = [
        (row["label"], number(row["requested"]), number(row["achieved"]), signed(row["miss"], 2))
        for row in group.matched
    ]
    unlike = [row["label"] for row in group.matched if abs(row["miss"]) > MATCH_MISS]
    return {
        "name": _group_name(group, lang), "group": group, "head": head, "misses": misses[:WORST],
        "more": max(len(misses) - WORST, 0), "rows": rows,
        "table1": table1, "unlike": unlike, "figures": _figures(done, group, lang, order),
    }  # fmt: skip


def _figures(done: Comparison, group: Group, lang: str, order: int) -> list[tuple[str, str]]:
    """(caption, SVG) of what there is."""
    labels = {"real": word(lang, "real"), "virtual": word(lang, "virtual")}
    frame = Frame(MARK[lang], done.hash[:12], ("real", "virtual"), ("real",), labels)
    by_kind = {kind: [item for item in group.items if item.kind == kind] for kind in KINDS}
    predictors = [item for item in by_kind["risk"] if "bins" in item.detail]
    charts: list[tuple[str, list[Item], Callable[[list[Item], Frame, str], dict[str, Any]]]] = [
        ("marginal", by_kind["marginal"], marginal_chart),
        ("correlation", by_kind["correlation"], correlation_chart),
        ("risk", predictors, risk_chart),
        ("course", sorted(by_kind["course"], key=lambda item: item.detail["day"]), course_chart),
    ]
    found = []
    for kind, items, draw in charts:
        if kind == "course" and len({item.detail["day"] for item in items}) < 2:
            continue
        if items:
            caption = word(lang, f"figure_{kind}")
            drawn = to_svg(draw(items, frame, lang), f"g{order}-{kind}", caption, caption)
            found.append((caption, drawn))
    return found
