"""Reports of designs with a question of their own: choosing a dose, a second course, borrowed controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import altair as alt
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from hepatrial.report.style import CONTROL_COLOUR, TREATED_COLOURS, WIDE, Frame, Rows, finish, layered, to_svg
from hepatrial.report.wording import number, percent, signed
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

Table = dict[str, Any]

TITLES = {
    "dose_selection": "Choosing a dose and testing it in one trial",
    "second_course": "Does a second course add anything?",
    "borrowing": "Borrowing controls from earlier cohorts",
}
ANALYSES = {
    "dose_selection": {
        "closed": "closed combination test",
        "naive": "naive pooled test",
        "second_only": "second phase alone",
    },
    "second_course": {
        "cells": "cells against control",
        "second": "second course, after success of the first test",
        "naive": "naive: second course against control from day 0",
    },
    "borrowing": {"borrowed_null": "borrowing", "plain_null": "no borrowing"},
}


def _share(found: Mapping[str, Any]) -> str:
    error = "" if found["mcse"] is None else f" ± {number(100 * found['mcse'])}"
    return percent(found["value"]) + error


def sentences(results: Mapping[str, Any]) -> list[str]:
    """The first sentences of the page."""
    return {"dose_selection": _selection, "second_course": _second, "borrowing": _borrowing}[results["kind"]](
        results
    )


def _selection(results: Mapping[str, Any]) -> list[str]:
    rows = results["rows"]
    null = rows[0]
    both = next(row for row in rows if row["truth"].startswith("every dose works"))
    return [
        "If no dose did anything, the closed combination test would claim a success in"
        f" {_share(null['closed'])} of"
        f" trials and the naive test, which pools both phases as if the dose had not been chosen, in"
        f" {_share(null['naive'])}, against a level of {percent(results['design']['alpha'])}.",
        f"If every dose worked (hazard ratio {results['design']['hazard_ratio']:g}), the closed test"
        " would find it in"
        f" {_share(both['closed'])}, the second phase alone in {_share(both['second_only'])}.",
        "A question about a dose that was not chosen has no answer here: its later patients do not exist.",
    ]


def _second(results: Mapping[str, Any]) -> list[str]:
    rows = {row["truth"]: row for row in results["rows"]}
    null = rows["nothing works"]
    return [
        f"If nothing worked, the first test would succeed in {_share(null['cells'])} and both in"
        f" {_share(null['second'])} of trials. A naive comparison of those who got the second course"
        " with all controls"
        f" from day 0 would succeed in {_share(null['naive'])}: to be drawn again, a patient must live"
        " that long"
        " (immortal time).",
        f"About {number(null['reached']['value'], 0)} patients are still followed when the second course"
        " is drawn, and"
        " they are the only ones who say anything about it.",
        "Survival under the whole strategy is estimated by weighting: who does not reach the second"
        " randomisation"
        " counts for both strategies. The naive share alive among those who got the second course is"
        " shown beside it.",
    ]


def _borrowing(results: Mapping[str, Any]) -> list[str]:
    rows = results["rows"]
    worst = max(rows, key=lambda row: row["borrowed_null"]["value"])
    same = min(rows, key=lambda row: abs(row["drift"]))
    return [
        f"The cohorts say that {percent(results['centre'])} of controls survive and are worth"
        f" {number(results['effective'], 0)} patients; {percent(results['robust'], 0)} of the prior"
        " knows nothing.",
        f"Without drift, borrowing finds the planned effect in {_share(same['borrowed_effect'])} against"
        f" {_share(same['plain_effect'])} without it, at an error rate of"
        f" {_share(same['borrowed_null'])} against"
        f" {_share(same['plain_null'])}.",
        f"With a drift of {signed(worst['drift'], 2)} log odds the error rate becomes"
        f" {_share(worst['borrowed_null'])}:"
        " borrowing has no type I error rate of its own, only one for each drift.",
    ]


def tables(results: Mapping[str, Any]) -> list[Table]:
    """The tables of the page."""
    rows = results["rows"]
    if results["kind"] == "dose_selection":
        doses = results["doses"]
        names = ANALYSES["dose_selection"]
        head = ["If in truth", *[f"{dose} chosen" for dose in doses]]
        head += [f"{label}: success" for label in names.values()] + [
            f"{label}: wrongly" for label in names.values()
        ]
        body = [
            [row["truth"], *[_share(row[f"chosen_{dose}"]) for dose in doses],
             *[_share(row[name]) for name in names], *[_share(row[f"{name}_wrong"]) for name in names]]
            for row in rows
        ]  # fmt: skip
        return [{"title": "Decisions", "head": head, "rows": body}]
    if results["kind"] == "second_course":
        head = ["If in truth", *ANALYSES["second_course"].values(), "second course alone", "reach it"]
        body = [
            [row["truth"], *[_share(row[name]) for name in ("cells", "second", "naive", "second_alone")],
             number(row["reached"]["value"], 1)]
            for row in rows
        ]  # fmt: skip
        bias = [
            [row["truth"], percent(row["true_survival_more"]),
             f"{signed(100 * row['weighted_bias']['value'])} ± {number(100 * row['weighted_bias']['mcse'])}",
             f"{signed(100 * row['immortal_bias']['value'])} ± {number(100 * row['immortal_bias']['mcse'])}"]
            for row in rows
        ]  # fmt: skip
        bias_head = ["If in truth", "True survival with both courses", "Weighted estimate, bias",
                     "Naive share alive, bias"]  # fmt: skip
        return [
            {"title": "Decisions", "head": head, "rows": body},
            {"title": "Survival of the whole strategy (percentage points)", "head": bias_head, "rows": bias},
        ]
    head = ["Drift of controls (log odds)", "Survival", "Error rate, borrowing", "without", "Power",
            "without"]  # fmt: skip
    body = [
        [signed(row["drift"], 2), percent(row["control_survival"]),
         *[_share(row[key]) for key in ("borrowed_null", "plain_null", "borrowed_effect", "plain_effect")]]
        for row in rows
    ]  # fmt: skip
    cohorts = [
        [one["name"], f"{one['survivors']} of {one['n']}", one["grade"], one["source"]]
        for one in results["cohorts"]
    ]
    return [
        {"title": "Characteristics over drift", "head": head, "rows": body},
        {"title": "Cohorts", "head": ["Cohort", "Alive", "Grade", "Source"], "rows": cohorts},
    ]


def figure(results: Mapping[str, Any], stamp: str, lang: str) -> str:
    """Success by truth and analysis, or error rate over drift."""
    rows_of, design = Rows(), results["design"]
    labels = {name: arm["label"] for name, arm in design["arms"].items()}
    frame = Frame(MARK[lang], stamp, tuple(labels), (design["control"],), labels, WIDE)
    names = ANALYSES[results["kind"]]
    borrowed = results["kind"] == "borrowing"
    drawn = [
        {
            "truth": signed(row["drift"], 2) if borrowed else row["truth"],
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
        x = alt.X("x:Q", axis=alt.Axis(title="Drift of the trial's controls, log odds", tickCount=7))
        y = alt.Y("p:Q", axis=alt.Axis(title="Error rate", format="%", tickCount=6))
        line = alt.Chart(rows_of(drawn)).mark_line(point=True, strokeWidth=2.2).encode(x=x, y=y, color=colour)
        rule = alt.Chart(rows_of([{"p": design["alpha"]}])).mark_rule(strokeDash=[4, 3]).encode(y=y)
        view = layered(rule, line, width=frame.width - 90, height=230)
    else:
        order = list(dict.fromkeys(row["truth"] for row in drawn))
        y = alt.Y("truth:N", sort=order, axis=alt.Axis(title=None, labelLimit=330, grid=True, ticks=False))
        x = alt.X(
            "p:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="Success", format="%", tickCount=6)
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
    title = TITLES[results["kind"]]
    return to_svg(finish(view, frame, rows_of), f"design-{results['kind']}", title, f"{title}. {MARK[lang]}")


def html(results: Mapping[str, Any], w: Mapping[str, str], lang: str) -> tuple[str, dict[str, str]]:
    """The page and its figure; the words of these pages are English, the mark is in ``lang``."""
    stamp = w["stamp"].format(hash=results["hash"][:12])
    svg = figure(results, stamp, lang)
    environment = Environment(
        loader=PackageLoader("hepatrial.report", "."),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    design = results["design"]
    arms = "; ".join(f"{arm['label']} (n = {arm['n']})" for arm in design["arms"].values())
    facts = (
        f"{arms}. {design['endpoint'].replace('_', ' ').capitalize()} to day"
        f" {number(design['horizon_days'], 0)},"
        f" one-sided level {design['alpha']:g}. {results['trials']:,} trials for each truth, drawn from"
        " a bank of"
        f" {results['bank']['patients']:,} admitted patients; errors are Monte-Carlo standard errors,"
        " the bank's own"
        " error inside."
    )
    page = environment.get_template("design_special.html.j2").render(
        lang=lang,
        w=w,
        css=Markup((resources.files("hepatrial.report") / "report.css").read_text(encoding="utf-8")),
        mark=MARK[lang],
        research=RESEARCH_USE_ONLY[lang],
        heading=TITLES[results["kind"]],
        title=design["title"],
        stamp=stamp,
        leads=sentences(results),
        tables=tables(results),
        facts=facts,
        svg=Markup(svg),
        assumptions=_assumptions(design["assumptions"], w, lang),
    )
    return page, {results["kind"]: svg}


def _assumptions(rows: Sequence[Mapping[str, Any]], w: Mapping[str, str], lang: str) -> list[str]:
    return [
        w["assumption"].format(
            about=one["about"],
            known=one.get(f"known_{lang}") or one["known"],
            handled=one.get(f"handled_{lang}") or one["handled"],
        )
        for one in rows
    ]
