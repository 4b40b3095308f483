"""The printed summary of a prediction in a language: intervals, and what they rest on, misses first.

The draws keep their English columns; ``facts.json`` its English keys. What stands in a study file (names of
arms, a title, rows of a Table 1 that the model has no column for) stays as its author wrote it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import polars as pl

from hepatrial.prediction.summary import intervals, number
from hepatrial.prediction.vocabulary import CONTRASTS, ENDPOINTS
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.patterns import Patterns
from hepatrial.schema import MARK

SHOWN_MISSES = 5
LOUD_MISS = 0.25
"""A figure missed by more than this many SDs is said in the first lines."""
FEW_DRAWS = 100
"""Fewer draws leave less than five beyond each end of a 90 % interval."""
COLUMNS = ("endpoint", "arm", "model", "median", "half", "ninety")
ROWS = {"infection": "infected", "encephalopathy": "he_any", "kidney_failure": "of_kidney"}
"""Row of a Table 1 -> the measure that the reports call it by."""
_NAME = re.compile(r"(?P<stem>[a-z0-9_]+)_d(?P<day>\d+)")


@cache
def _chinese() -> Patterns:
    text = (resources.files("hepatrial.report") / "prediction_zh.toml").read_text(encoding="utf-8")
    return Patterns.of(tomllib.loads(text))


def said(text: str, t: Catalogue) -> str:
    """A finished English text of a prediction (a label, a note) in a language; as it is where it has none."""
    if t.lang == "en":
        return text
    found = _chinese()(text, lambda place, part: _row(part, t) if place == "measure" else said(part, t))
    return text if found is None else found


def _row(label: str, t: Catalogue) -> str:
    """A row of a Table 1, as "ascites 1-3", by the name of its measure or cause."""
    if t.lang == "en":
        return label
    name, space, ends = label.partition(" ")
    known = t.get(f"cause.{name}", name.replace("_", " "))
    return t.get(f"measure.{ROWS.get(name, name)}", known) + space + ends


def facts_lines(facts: Mapping[str, Any], lang: str = "en") -> list[str]:
    """The mark, then what the intervals rest on, a sentence a line; misses first."""
    t = Catalogue(lang)
    arms = t("list.comma").join(
        t("predict.arm", name=name, n=arm["n"], role=_role(arm, t)) for name, arm in facts["arms"].items()
    )
    definition = said(facts["definition"].replace("_", " "), t)
    lines = [MARK[lang], t("predict.study", title=said(facts["title"], t), definition=definition, arms=arms)]
    lines += [*_match_lines(facts, t), *_doubt_lines(facts, t)]
    lines += [
        t("predict.treatment", arm=one["arm"], label=said(one["label"], t), effect=_effect(one, t),
          evidence=said(one["evidence"], t))
        for one in facts["treatments"]
    ]  # fmt: skip
    score = facts["severity_score"]
    lines.append(t("predict.severity", score=said(score["score"], t), risk=f"{score['risk_d90']:.0%}"))
    if facts["not_used"]:
        lines.append(t("predict.not_used", list=t("list.comma").join(facts["not_used"])))
    if units := facts.get("units"):
        told = (f"{_row(name, t)} {unit}".strip() for name, unit in units.items())
        lines.append(t("predict.units", list=t("list.comma").join(told)))
    if facts["draws"] < FEW_DRAWS:
        lines.append(t("predict.few", draws=facts["draws"]))
    return [*lines, *(said(note, t) for note in facts["notes"]), t("predict.hash", hash=facts["hash"][:12])]


def _role(arm: Mapping[str, Any], t: Catalogue) -> str:
    return (
        t("predict.role.implied") if arm["implied"] else t("predict.role.control") if arm["control"] else ""
    )


def _doubt_lines(facts: Mapping[str, Any], t: Catalogue) -> list[str]:
    between, ensemble = facts["between_study"], facts["ensemble"]
    sizes = {key: f"{between[key]:.2f}" for key in ("mortality", "infection", "laboratory")}
    if between["learnt"]:
        shift = t("predict.shift.learnt", shift=f"{between['shift']:+.2f}")
    else:
        shift = t("predict.shift.prior")
    learnt = t("predict.learnt.posterior" if ensemble["kind"] == "posterior" else "predict.learnt.prior")
    return [
        t("predict.deviation", shift=shift, **sizes),
        t("predict.worlds", worlds=facts["worlds"], size=ensemble["size"], learnt=learnt,
          replaced=facts["replaced"]),
    ]  # fmt: skip


def _asked(one: Mapping[str, Any], t: Catalogue) -> str:
    numbers = {key: number(one[key]) for key in ("requested", "achieved")}
    return t("predict.asked", label=_row(one["label"], t), **numbers)


def _miss(one: Mapping[str, Any], t: Catalogue) -> str:
    return t("predict.miss", miss=f"{round(one['miss'], 2) + 0.0:+.2f}")


def _match_lines(facts: Mapping[str, Any], t: Catalogue) -> list[str]:
    misses = facts["misses"]
    if not misses:
        return [t("predict.no_table1")]
    sizes = {"effective": f"{facts['effective_n']:.0f}", "admitted": f"{facts['admitted']:.0f}"}
    worst = {"miss": _miss(misses[0], t), "asked": _asked(misses[0], t)}
    lines = [t("predict.matched", n=len(misses), **sizes, **worst)]
    loud = [one for one in misses if abs(one["miss"]) > LOUD_MISS][:SHOWN_MISSES]
    if loud:
        told = (t("predict.missed", asked=_asked(one, t), miss=_miss(one, t)) for one in loud)
        widening = f"{facts['widening']:.2f}"
        lines.append(t("predict.loud", list=t("list.semicolon").join(told), widening=widening))
    if facts["relaxed"]:
        lines.append(t("predict.relaxed", relaxed=facts["relaxed"], worlds=facts["worlds"]))
    return lines


def _effect(one: Mapping[str, Any], t: Catalogue) -> str:
    prior = t("predict.effect.drawn", centre=f"{one['centre']:g}", sd=f"{one['sd']:g}")
    variants = t("predict.effect.variants") if one.get("cells") else ""
    return t(f"predict.effect.{one['how']}", prior=prior, variants=variants)


def summary_text(draws: pl.DataFrame, facts: Mapping[str, Any], lang: str = "en") -> str:
    """The summary as plain text: lines, then the table, its columns set for letters of double width too."""
    rows = [table_head(lang), *table_rows(draws, lang)]
    widths = [max(_width(row[i]) for row in rows) for i in range(len(COLUMNS))]
    table = [
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*facts_lines(facts, lang), "", *table]) + "\n"


def _width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    from rich.cells import cell_len

    return cell_len(text)


def table_head(lang: str = "en") -> tuple[str, ...]:
    """Heads of the printed table."""
    t = Catalogue(lang)
    return tuple(t(f"predict.head.{column}") for column in COLUMNS)


def table_rows(draws: pl.DataFrame, lang: str = "en") -> list[tuple[str, ...]]:
    """Cells of the printed table; in English endpoints, arms and models are called as in the draws."""
    t = Catalogue(lang)
    return [
        (
            endpoint_words(row["endpoint"], t),
            _arms(row["arm"], t),
            t(f"predict.model.{row['model']}"),
            number(row["median"]),
            t("predict.range", low=number(row["low_50"]), high=number(row["high_50"])),
            t("predict.range", low=number(row["low_90"]), high=number(row["high_90"])),
        )
        for row in intervals(draws)
    ]


def _arms(name: str, t: Catalogue) -> str:
    first, vs, second = name.partition(" vs ")
    return t("predict.pair", first=first, second=second) if vs else name


def endpoint_words(name: str, t: Catalogue) -> str:
    """An endpoint of the draws in words; its name in English and where its author gave one."""
    found = _NAME.fullmatch(name)
    if t.lang == "en" or found is None:
        return name
    stem, day = found["stem"], found["day"]
    for kind in sorted(ENDPOINTS, key=len, reverse=True):
        if stem == kind:
            return t(f"predict.kind.{kind}", day=day) if kind not in _MORE else name
        if kind in _MORE and stem.startswith(f"{kind}_"):
            rest = stem.removeprefix(f"{kind}_")
            event = t.get(f"predict.event.{rest}", rest.replace("_", " "))
            return t(f"predict.kind.{kind}", day=day, event=event, measure=_row(rest, t), grade=rest)
    return name


_MORE = {"lab", "lab_change", "encephalopathy", *CONTRASTS} - {"survival_difference"}
"""Kinds whose name goes on with an event, a measure or a grade."""
