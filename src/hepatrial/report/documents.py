"""The report as one self-contained HTML page: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import count
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from hepatrial.report import sentences, tables
from hepatrial.report.benefit import no_benefit_words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.facts import Facts
from hepatrial.report.figures import (
    ForestLine,
    ForestTexts,
    consort_flow,
    cumulative_incidence,
    difference_by_variant,
    endpoint_panels,
    laboratory_courses,
    parts_of_doubt,
    simulated_against_published,
    subgroup_forest,
    survival_curves,
)
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.references import reference_list
from hepatrial.report.sources import said_in
from hepatrial.report.style import NARROW, WIDE, Frame, to_svg
from hepatrial.report.wording import number, percent, points, span, typeset

SECTIONS = (
    "question",
    "answer",
    "published",
    "differ",
    "patients",
    "doubt",
    "variants",
    "transplant",
    "subgroups",
    "laboratory",
    "safety",
    "rests",
    "methods",
    "references",
    "appendix",
)


@dataclass(frozen=True)
class Drawing:
    """A figure set for a page: the same drawing for a column and for a phone.

    Attributes:
        name: identifier on the page and file name.
        caption: what it shows.
        wide, narrow: SVG.
    """

    name: str
    caption: str
    wide: str
    narrow: str


def stamp_of(facts: Facts, results: dict[str, Any], t: Catalogue) -> str:
    """The run's hash, and how often its trials show no benefit of each treated arm over its control."""
    return " · ".join((t("report.stamp", hash=facts.run_hash[:12]), *no_benefit_of(facts, results, t)))


def no_benefit_of(facts: Facts, results: dict[str, Any], t: Catalogue) -> list[str]:
    """How often the trials show no benefit, of each treated arm over its control."""
    labels = tables.arm_labels(facts, t)
    shares = {
        treated.name: sentences.primary_contrast(facts, results, treated.name)["no_benefit"]["share"]
        for treated, _ in facts.contrasts
    }
    return [no_benefit_words(labels[arm], share, facts.replicates, t) for arm, share in shares.items()]


def frame_of(facts: Facts, results: dict[str, Any], t: Catalogue) -> Frame:
    """The common look of this report's figures."""
    return Frame(
        mark=t.mark,
        stamp=stamp_of(facts, results, t),
        arms=tuple(arm.name for arm in facts.ordered),
        controls=tuple(arm.name for arm in facts.controls),
        labels=tables.arm_labels(facts, t),
    )


def draw(name: str, caption: str, make: Callable[[Frame], Any], frame: Frame, t: Catalogue) -> Drawing:
    """A figure for a column and for a phone."""
    description = t("describe.figure", caption=caption, mark=t.mark)
    wide, narrow = (
        to_svg(make(replace(frame, width=width)), f"{name}-{kind}", caption, description)
        for kind, width in (("wide", WIDE), ("narrow", NARROW))
    )
    return Drawing(name, caption, wide, narrow)


def drawings_of(facts: Facts, results: dict[str, Any], t: Catalogue) -> dict[str, Drawing]:
    """Every figure of the report by name; without those that have no data."""
    made = _figures(facts, results, t)
    for entry in results["doubt"]:
        made[f"doubt-{entry['arm']}"] = _doubt_figure(facts, results, entry, t)
    for entry in results["counterfactual"]:
        made[f"variants-{entry['arm']}"] = _variant_figure(facts, results, entry, t)
    for entry in results["subgroups"]:
        made[f"subgroups-{entry['arm']}"] = _subgroup_figure(facts, results, entry, t)
    return made


def _figures(facts: Facts, results: dict[str, Any], t: Catalogue) -> dict[str, Drawing]:
    """The figures but those of the variants."""
    frame, weeks = frame_of(facts, results, t), facts.study.weeks
    replicates = number(facts.replicates, 0)
    curves = results["survival"]["curves"]
    banded = bool(next(iter(curves["overall_survival"].values()))["low"])
    marks = [_point(row) for row in results["comparison"] if row["endpoint"] == "survival"]
    shares = [row for row in results["comparison"] if row["endpoint"] != "difference"]
    made = {
        "km": draw(
            "figure-km",
            _km_caption(banded, bool(marks), replicates, t),
            lambda f: survival_curves(
                curves["overall_survival"],
                f,
                t,
                weeks=weeks,
                y_title=t("axis.overall_survival"),
                published=marks,
            ),
            frame,
            t,
        ),
        "flow": draw(
            "figure-flow", t("caption.flow"), lambda f: consort_flow(results["flow"], f, t), frame, t
        ),
        "endpoints": draw(
            "figure-endpoints",
            t("caption.tfs"),
            lambda f: endpoint_panels(curves, f, t, weeks=weeks),
            frame,
            t,
        ),
        "incidence": draw(
            "figure-incidence",
            t("caption.incidence"),
            lambda f: cumulative_incidence(results["survival"]["incidence"], f, t, weeks=weeks),
            frame,
            t,
        ),
    }
    courses = results["laboratory"]["courses"]
    if courses:
        made["laboratory"] = draw(
            "figure-laboratory",
            t("caption.laboratory"),
            lambda f: laboratory_courses(courses, f, t, weeks=weeks),
            frame,
            t,
        )
    if {row["arm"] for row in shares} & set(frame.controls):
        made["published"] = draw(
            "figure-published",
            t("caption.published"),
            lambda f: simulated_against_published(shares, f, t),
            frame,
            t,
        )
    return made


def _km_caption(banded: bool, marked: bool, replicates: str, t: Catalogue) -> str:
    parts = [t("caption.km", replicates=replicates), t("caption.km_band" if banded else "caption.km_plain")]
    if marked:
        parts.append(t("caption.km_marks"))
    return t("list.space").join(parts)


def _point(row: dict[str, Any]) -> dict[str, Any]:
    """A published survival point as the figure wants it; only a printed interval is drawn."""
    printed = row["interval"] == "printed"
    return {
        "arm": row["arm"],
        "week": row["week"],
        "value": row["published"],
        "low": row["published_low"] if printed else None,
        "high": row["published_high"] if printed else None,
        "role": row["role"],
    }


def _variant_figure(facts: Facts, results: dict[str, Any], entry: dict[str, Any], t: Catalogue) -> Drawing:
    """The differences by structural variant of one contrast."""
    labels = tables.arm_labels(facts, t)
    rows = [{**row, "label": tables.variant_label(t, row["variant"])} for row in entry["variants"]]
    published = next((row for row in results["published_differences"] if row["arm"] == entry["arm"]), None)
    week = f"{entry['week']:g}"
    title = t("axis.difference", week=week, arm=labels[entry["arm"]], control=labels[entry["control"]])
    caption = t("caption.variants_figure", week=week, endpoint=t(f"endpoint.{facts.study.endpoint}").lower())
    return draw(
        f"figure-variants-{entry['arm']}",
        caption,
        lambda f: difference_by_variant(
            rows, f, t, average=entry["average"], published=published, x_title=title
        ),
        frame_of(facts, results, t),
        t,
    )


def _doubt_figure(facts: Facts, results: dict[str, Any], entry: dict[str, Any], t: Catalogue) -> Drawing:
    """The parts of the range of one contrast and of its two arms."""
    caption = t("caption.doubt_figure", week=f"{entry['week']:g}")
    rows = tables.doubt_bars(facts, entry, t)
    name = f"figure-doubt-{entry['arm']}"
    return draw(name, caption, lambda f: parts_of_doubt(rows, f, t), frame_of(facts, results, t), t)


def _subgroup_figure(facts: Facts, results: dict[str, Any], entry: dict[str, Any], t: Catalogue) -> Drawing:
    """The primary contrast in groups at baseline, both arms beside each other."""
    labels, week = tables.arm_labels(facts, t), f"{entry['week']:g}"
    arm, control = labels[entry["arm"]], labels[entry["control"]]
    names = {"endpoint": t(f"endpoint.{entry['endpoint']}"), "week": week, "arm": arm, "control": control}
    texts = ForestTexts(
        group=t("table.group"),
        n=t("forest.n"),
        both=t("forest.both"),
        shown=t("forest.difference"),
        worse=t("forest.favours", arm=control),
        better=t("forest.favours", arm=arm),
        title=t("forest.title", **names),
    )
    lines = [_forest_line(row, entry, t) for row in entry["groups"]]
    return draw(
        f"figure-subgroups-{entry['arm']}",
        t("caption.subgroups_figure", **names),
        lambda f: subgroup_forest(
            lines,
            texts,
            null=0.0,
            written=lambda v: points(v, 0),
            foot=f"{f.mark} · {f.stamp}",
            width=f.width,
        ),
        frame_of(facts, results, t),
        t,
    )


def _forest_line(row: dict[str, Any], entry: dict[str, Any], t: Catalogue) -> ForestLine:
    both = (entry["control"], entry["arm"])
    mean, low, high, mcse = (
        float("nan") if row[name] is None else float(row[name]) for name in ("mean", "low", "high", "mcse")
    )
    interval = span(t, row["low"], row["high"], "points", 0)
    shown = points(row["mean"])
    shown = t("forest.value", value=shown, interval=interval) if interval else shown
    return ForestLine(
        label=tables.subgroup_label(t, row["group"], row["at"]),
        n=" / ".join(number(row["n"][arm], 0) for arm in both),
        estimate=mean,
        lower=low,
        upper=high,
        shown=shown,
        both=" / ".join(percent(row["survival"][arm], 0).removesuffix("%") for arm in both),
        error=1.96 * mcse,
    )


def _doubts(
    facts: Facts, results: dict[str, Any], drawings: dict[str, Drawing], t: Catalogue
) -> list[dict[str, Any]]:
    return [
        {
            "texts": sentences.doubt_findings(facts, entry, t),
            "figure": drawings[f"doubt-{entry['arm']}"],
            "table": tables.doubt(facts, entry, t),
        }
        for entry in results["doubt"]
    ]


def _variants(
    facts: Facts, results: dict[str, Any], drawings: dict[str, Drawing], t: Catalogue
) -> list[dict[str, Any]]:
    return [
        {
            "texts": sentences.variant_findings(entry, t),
            "figure": drawings[f"variants-{entry['arm']}"],
            "table": tables.variants(facts, entry, t),
        }
        for entry in results["counterfactual"]
    ]


def _subgroups(
    facts: Facts, results: dict[str, Any], drawings: dict[str, Drawing], t: Catalogue
) -> list[dict[str, Any]]:
    return [
        {"figure": drawings[f"subgroups-{entry['arm']}"], "table": tables.subgroups(facts, entry, t)}
        for entry in results["subgroups"]
    ]


def _tables(facts: Facts, results: dict[str, Any], t: Catalogue) -> dict[str, tables.Table]:
    return {
        "baseline": tables.baseline(facts, results, t),
        "admission": tables.admission(facts, results, t),
        "published": tables.published(facts, results, t),
        "reported": tables.reported(facts, t),
        "trialist": tables.trialist(facts, results, t),
        "changes": tables.changes(facts, results, t),
        "safety": tables.safety(facts, results, t),
        "assumptions": tables.assumptions(facts, t),
        "parameters": tables.parameters(results, t),
        "provenance": tables.provenance(facts, results, t),
    }


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    made.filters["typeset"] = typeset
    return made


def _text(name: str) -> str:
    return resources.files("hepatrial.report").joinpath(name).read_text("utf-8")


def doi(given: str) -> Markup:
    """A DOI as a link: the only address a report names, and nothing is loaded from it."""
    bare, _, rest = given.partition(" ")
    link = Markup('<a href="https://doi.org/{0}">doi:{0}</a>').format(escape(bare))
    return link + (f" {rest}" if rest else "")


def html(facts: Facts, results: dict[str, Any], lang: str, drawings: dict[str, Drawing] | None = None) -> str:
    """The report's page.

    Args:
        facts: what the report is made from.
        results: its numbers, as ``results.results_of`` returns them.
        lang: 'en' or 'zh'.
        drawings: its figures, when they are drawn already (``drawings_of``).
    """
    t = Catalogue(lang)
    drawings = drawings_of(facts, results, t) if drawings is None else drawings
    variants = _variants(facts, results, drawings, t)
    versions: Any = facts.provenance.get("versions", {})
    sizes = {key: number(results["design"][key], 0) for key in ("replicates", "patients")}
    return (
        _environment()
        .from_string(_text("report.html.j2"))
        .render(
            t=t,
            lang=lang,
            css=style_sheet(),
            sheets=running_heads(
                t.mark,
                t("report.stamp", hash=facts.run_hash[:12]),
                " · ".join(no_benefit_of(facts, results, t)),
            ),
            title=t.pick(facts.study.title),
            facts=facts,
            study=facts.study,
            results=results,
            sections=SECTIONS[2:],
            version=versions.get("hepatrial", ""),
            answer=sentences.answer(facts, results, t),
            differences=sentences.differences(facts, results, t),
            engraftment=sentences.engraftment(facts, results, t),
            safety=sentences.safety(facts, results, t),
            failures=sentences.failures(results, t),
            never_met=sentences.never_met(results, t),
            fitted=sentences.fitted(facts, results, t),
            doubts=_doubts(facts, results, drawings, t),
            variants=variants,
            subgroups=_subgroups(facts, results, drawings, t),
            figures=drawings,
            tables=_tables(facts, results, t),
            next_figure=count(1).__next__,
            next_table=count(1).__next__,
            methods=[
                t("methods.model"),
                t("methods.events"),
                t("methods.trial", **sizes),
                t("methods.limits"),
            ],
            references=reference_list(facts),
            doi=doi,
            said_in=said_in,
        )
    )
