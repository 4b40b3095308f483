"""Reports of designs with a question of their own: choosing a dose, a second course, borrowed controls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import altair as alt
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.design_chinese import in_language
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.style import CONTROL_COLOUR, TREATED_COLOURS, WIDE, Frame, Rows, finish, layered, to_svg
from hepatrial.report.tables import about
from hepatrial.report.widths import column_widths
from hepatrial.report.wording import number, percent, signed
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

Table = dict[str, Any]
Words = Mapping[str, str]

ANALYSES = {
    "dose_selection": ("closed", "naive", "second_only"),
    "second_course": ("cells", "second", "naive"),
    "borrowing": ("borrowed_null", "plain_null"),
}
"""Analyses of each kind of design, in the order shown."""
_NUMBER = r"([0-9.]+)"
TRUTHS = (
    (r"no dose does anything", "sp_t_none"),
    (rf"only (\w+) works \({_NUMBER}\)", "sp_t_only"),
    (rf"every dose works \({_NUMBER}\)", "sp_t_every"),
    (r"nothing works", "sp_t_nothing"),
    (rf"the first course works \({_NUMBER}\), the second adds nothing", "sp_t_first"),
    (rf"only the second course works \({_NUMBER} from day {_NUMBER}\)", "sp_t_second"),
    (rf"both work \({_NUMBER}, then {_NUMBER}\)", "sp_t_both"),
    (r"variant (\w+)", "sp_t_variant"),
)
"""Names of truths and the words for them."""


def truth_label(name: str, w: Words) -> str:
    """A truth of a special design in words."""
    for pattern, key in TRUTHS:
        if found := re.fullmatch(pattern, name):
            return w[key].format(*(w.get(f"variant.{said}", said) for said in found.groups()))
    return name


def analyses(kind: str, w: Words) -> dict[str, str]:
    """Analysis -> its name."""
    return {name: w[f"sp_{kind}_{name}"] for name in ANALYSES[kind]}


def _share(found: Mapping[str, Any]) -> str:
    error = "" if found["mcse"] is None else f" ± {number(100 * found['mcse'])}"
    return percent(found["value"]) + error


def _points(found: Mapping[str, Any]) -> str:
    return f"{signed(100 * found['value'])} ± {number(100 * found['mcse'])}"


def sentences(results: Mapping[str, Any], w: Words) -> list[str]:
    """The first sentences of the page."""
    make = {"dose_selection": _selection, "second_course": _second, "borrowing": _borrowing}
    return make[results["kind"]](results, w)


def _selection(results: Mapping[str, Any], w: Words) -> list[str]:
    rows = results["rows"]
    null = rows[0]
    both = next(row for row in rows if row["truth"].startswith("every dose works"))
    return [
        w["sp_selection_null"].format(
            closed=_share(null["closed"]), naive=_share(null["naive"]),
            alpha=percent(results["design"]["alpha"]),
        ),
        w["sp_selection_every"].format(
            hr=f"{results['design']['hazard_ratio']:g}", closed=_share(both["closed"]),
            second=_share(both["second_only"]),
        ),
        w["sp_selection_other"],
    ]  # fmt: skip


def _second(results: Mapping[str, Any], w: Words) -> list[str]:
    null = next(row for row in results["rows"] if row["truth"] == "nothing works")
    return [
        w["sp_second_null"].format(
            cells=_share(null["cells"]), second=_share(null["second"]), naive=_share(null["naive"])
        ),
        w["sp_second_reached"].format(reached=number(null["reached"]["value"], 0)),
        w["sp_second_weights"],
    ]


def _borrowing(results: Mapping[str, Any], w: Words) -> list[str]:
    rows = results["rows"]
    worst = max(rows, key=lambda row: row["borrowed_null"]["value"])
    same = min(rows, key=lambda row: abs(row["drift"]))
    return [
        w["sp_borrowing_prior"].format(
            centre=percent(results["centre"]), effective=number(results["effective"], 0),
            robust=percent(results["robust"], 0),
        ),
        w["sp_borrowing_same"].format(
            power=_share(same["borrowed_effect"]), plain=_share(same["plain_effect"]),
            null=_share(same["borrowed_null"]), plain_null=_share(same["plain_null"]),
        ),
        w["sp_borrowing_drift"].format(
            drift=signed(worst["drift"], 2), null=_share(worst["borrowed_null"])
        ),
    ]  # fmt: skip


def tables(results: Mapping[str, Any], w: Words) -> list[Table]:
    """The tables of the page."""
    make = {
        "dose_selection": _selection_tables,
        "second_course": _second_tables,
        "borrowing": _borrowing_tables,
    }
    return make[results["kind"]](results, w)


def _selection_tables(results: Mapping[str, Any], w: Words) -> list[Table]:
    doses, names = results["doses"], analyses("dose_selection", w)
    head = [w["c_truth"], *[w["sp_chosen"].format(dose=dose) for dose in doses]]
    head += [w["sp_success"].format(analysis=label) for label in names.values()]
    head += [w["sp_wrongly"].format(analysis=label) for label in names.values()]
    body = [
        [truth_label(row["truth"], w), *[_share(row[f"chosen_{dose}"]) for dose in doses],
         *[_share(row[name]) for name in names], *[_share(row[f"{name}_wrong"]) for name in names]]
        for row in results["rows"]
    ]  # fmt: skip
    return [{"title": w["sp_decisions"], "head": head, "rows": body}]


def _second_tables(results: Mapping[str, Any], w: Words) -> list[Table]:
    rows = results["rows"]
    head = [w["c_truth"], *analyses("second_course", w).values(), w["sp_second_alone"], w["sp_reach"]]
    body = [
        [truth_label(row["truth"], w),
         *[_share(row[name]) for name in ("cells", "second", "naive", "second_alone")],
         number(row["reached"]["value"], 1)]
        for row in rows
    ]  # fmt: skip
    bias = [
        [truth_label(row["truth"], w), percent(row["true_survival_more"]), _points(row["weighted_bias"]),
         _points(row["immortal_bias"])]
        for row in rows
    ]  # fmt: skip
    bias_head = [w["c_truth"], w["sp_true"], w["sp_weighted"], w["sp_immortal"]]
    return [
        {"title": w["sp_decisions"], "head": head, "rows": body},
        {"title": w["sp_strategy"], "head": bias_head, "rows": bias},
    ]


def _borrowing_tables(results: Mapping[str, Any], w: Words) -> list[Table]:
    keys = ("drift", "survival", "null_borrowed", "null_plain", "power_borrowed", "power_plain")
    head = [w[f"sp_{key}"] for key in keys]
    body = [
        [signed(row["drift"], 2), percent(row["control_survival"]),
         *[_share(row[key]) for key in ("borrowed_null", "plain_null", "borrowed_effect", "plain_effect")]]
        for row in results["rows"]
    ]  # fmt: skip
    cohorts = [
        [one["name"], w["sp_of"].format(alive=one["survivors"], n=one["n"]), one["grade"], one["source"]]
        for one in results["cohorts"]
    ]
    cohort_head = [w["sp_cohort"], w["sp_alive"], w["sp_grade"], w["sp_source"]]
    return [
        {"title": w["sp_over_drift"], "head": head, "rows": body},
        {"title": w["sp_cohorts"], "head": cohort_head, "rows": cohorts},
    ]


def figure(results: Mapping[str, Any], w: Words, stamp: str, lang: str) -> str:
    """Success by truth and analysis, or error rate over drift."""
    rows_of, design = Rows(), results["design"]
    labels = {name: arm["label"] for name, arm in design["arms"].items()}
    frame = Frame(MARK[lang], stamp, tuple(labels), (design["control"],), labels, WIDE)
    names = analyses(results["kind"], w)
    borrowed = results["kind"] == "borrowing"
    drawn = [
        {
            "truth": signed(row["drift"], 2) if borrowed else truth_label(row["truth"], w),
            "x": row.get("drift", 0),
            "which": label,
            "p": row[name]["value"],
            "low": max(0.0, row[name]["value"] - 2 * row[name]["mcse"]),
            "high": min(1.0, row[name]["value"] + 2 * row[name]["mcse"]),
        }
        for row in results["rows"]
        for name, label in names.items()
    ]
    palette = [TREATED_COLOURS[0], CONTROL_COLOUR, TREATED_COLOURS[1]][: len(names)]
    legend = alt.Legend(orient="top", title=None, columns=1, labelLimit=420)
    colour = alt.Color("which:N", scale=alt.Scale(domain=list(names.values()), range=palette), legend=legend)
    if borrowed:
        x = alt.X("x:Q", axis=alt.Axis(title=w["sp_x_drift"], tickCount=7))
        y = alt.Y("p:Q", axis=alt.Axis(title=w["sp_error_rate"], format="%", tickCount=6))
        line = alt.Chart(rows_of(drawn)).mark_line(point=True, strokeWidth=2.2).encode(x=x, y=y, color=colour)
        rule = alt.Chart(rows_of([{"p": design["alpha"]}])).mark_rule(strokeDash=[4, 3]).encode(y=y)
        view = layered(rule, line, width=frame.width - 90, height=230)
    else:
        order = list(dict.fromkeys(row["truth"] for row in drawn))
        y = alt.Y("truth:N", sort=order, axis=alt.Axis(title=None, labelLimit=330, grid=True, ticks=False))
        x = alt.X(
            "p:Q",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(title=w["c_success"], format="%", tickCount=6),
        )
        offset = alt.YOffset("which:N", sort=list(names.values()))
        bar = alt.Chart(rows_of(drawn)).mark_rule(strokeWidth=2.2)
        dot = alt.Chart(rows_of(drawn)).mark_point(filled=True, size=55, opacity=1)
        view = layered(
            bar.encode(x=alt.X("low:Q"), x2="high:Q", y=y, yOffset=offset, color=colour),
            dot.encode(x=x, y=y, yOffset=offset, color=colour),
            width=frame.width - 350,
            height=38 * len(order),
        )
    title = w[f"sp_title_{results['kind']}"]
    return to_svg(finish(view, frame, rows_of), f"design-{results['kind']}", title, f"{title}. {MARK[lang]}")


def trials_text(results: Mapping[str, Any], w: Words) -> str:
    """How many trials stand behind each truth."""
    counts = [row["trials"] for row in results["rows"]]
    if min(counts) == max(counts):
        return f"{max(counts):,}"
    return w["span"].format(low=f"{min(counts):,}", high=f"{max(counts):,}")


def html(results: Mapping[str, Any], w: Mapping[str, str], lang: str) -> tuple[str, dict[str, str]]:
    """The page and its figure."""
    results = in_language(results, lang)
    stamp = w["stamp"].format(hash=results["hash"][:12])
    svg = figure(results, w, stamp, lang)
    environment = Environment(
        loader=PackageLoader("hepatrial.report", "."),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    design = results["design"]
    arms = w["semicolon"].join(f"{arm['label']} (n = {arm['n']})" for arm in design["arms"].values())
    facts = w["sp_facts"].format(
        arms=arms, endpoint=w[f"endpoint_{design['endpoint']}"], days=number(design["horizon_days"], 0),
        alpha=f"{design['alpha']:g}", trials=trials_text(results, w), bank=f"{results['bank']['patients']:,}",
    )  # fmt: skip
    page = environment.get_template("design_special.html.j2").render(
        lang=lang,
        w=w,
        css=Markup(style_sheet() + running_heads(MARK[lang], stamp)),
        c=Catalogue(lang),
        widths=column_widths,
        next_table=count(1).__next__,
        mark=MARK[lang],
        research=RESEARCH_USE_ONLY[lang],
        heading=w[f"sp_title_{results['kind']}"],
        title=design["title"],
        stamp=stamp,
        leads=sentences(results, w),
        tables=tables(results, w),
        facts=facts,
        caption=w[f"f_sp_{results['kind']}"],
        svg=Markup(svg),
        assumptions=assumptions(design["assumptions"], w, lang),
    )
    return page, {results["kind"]: svg}


def assumptions(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str], lang: str) -> list[str]:
    """What is not known of the trial and how the design handles it, a sentence each."""
    t = Catalogue(lang)
    return [
        w["assumption"].format(
            about=about(one["about"], t),
            known=one.get(f"known_{lang}") or one["known"],
            handled=one.get(f"handled_{lang}") or one["handled"],
        )
        for one in rows
    ]
