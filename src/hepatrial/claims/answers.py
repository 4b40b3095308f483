"""The two answers on one page, for a patient's relative: real trials only, no simulated number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hepatrial.analysis import fisher_exact
from hepatrial.claims import names
from hepatrial.claims.harms import HARMS, comparisons
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.claims.texts import check_lang, environment, words
from hepatrial.evidence.base import Base, EffectRow, Trial
from hepatrial.evidence.certainty import certainty_table
from hepatrial.evidence.contrasts import contrasts
from hepatrial.evidence.synthesis.rows import refusal
from hepatrial.report.figures import icon_arrays
from hepatrial.report.figures.forest import TEXTS
from hepatrial.report.style import to_svg
from hepatrial.schema import RESEARCH_USE_ONLY

NOT_RAISED = ("infection", "thrombosis", "malignancy")
"""Harms that the page says were not found to be raised."""
WEEK = 24.0
"""Of the deaths that the page shows."""


@dataclass(frozen=True)
class Pair:
    """How many of 100 with and without cells, with the counts they come from.

    Attributes:
        treated, control: of 100, rounded to whole people.
        counts: "15 / 56" and "24 / 54", or the percentages where no counts are printed.
        source: where they were read.
        name: of the trial or cohort.
        p: Fisher's exact test on the counts, None where no counts are printed.
    """

    treated: int
    control: int
    counts: tuple[str, str]
    source: str
    name: str = ""
    p: float | None = None


def answers_html(base: Base, lang: str = "en") -> str:
    """The page, in English or Chinese; it needs nothing beside it.

    Raises:
        BadInput: for another language.
    """
    return environment().get_template("answers.html.j2").render(**context(base, lang))


def answers_fragment(base: Base, lang: str = "en") -> str:
    """The page's content without head and body, to stand in another page (its style is scoped to it).

    Raises:
        BadInput: for another language.
    """
    return environment().get_template("answers_body.html.j2").render(**context(base, lang))


def context(base: Base, lang: str) -> dict[str, Any]:
    """What the page says, by the names of its template; the API says the same.

    Raises:
        BadInput: for another language.
    """
    check_lang(lang)
    text = words("answers")[lang]
    levels = {row.key: row for row in certainty_table(base)}
    pairs = answer_pairs(base)
    return {
        "lang": lang, "t": text, "base": base, "deaths": death_pairs(base), "pairs": pairs, "levels": levels,
        "level": lambda key: LEVELS_ZH[levels[key].level] if lang == "zh" else levels[key].level,
        "raised": raised(base), "counted": raised_counts(base, lang),
        "fever": _effect(base, "thompson2020", "fever"),
        "harm": lambda key: names.name_zh(key) if lang == "zh" else names.name(key).lower(),
        "not_raised": {name: _interval(base, "thompson2020", name) for name in NOT_RAISED},
        "drawn": lambda pair, key: Markup(pair_svg(pair, key, text)),
        "research": RESEARCH_USE_ONLY[lang],
    }  # fmt: skip


def pair_svg(pair: Pair, key: str, text: Mapping[str, Any]) -> str:
    """Both groups of a comparison as icon arrays."""
    sides = (
        (pair.treated, text["with_cells"], pair.counts[0]), (pair.control, text["without"], pair.counts[1]),
    )  # fmt: skip
    shown = tuple(
        (n, f"{who}: {text['of_100'].format(n=n)}", f"{text['counts']}: {counts}") for n, who, counts in sides
    )
    said = "; ".join(heading for _, heading, _ in shown)
    drawing = icon_arrays(
        (shown[0], shown[1]), f"{pair.name}. {text['source']}: {pair.source}".removeprefix(". ")
    )
    return to_svg(drawing, key, said, "; ".join(below for _, _, below in shown))


def answer_pairs(base: Base) -> dict[str, Pair]:
    """The comparisons shown besides deaths, from figures of a usable grade only."""
    found = {
        "infection": _events(base.trials["lin2017"], "severe_infection"),
        "cancer_wang": _events(base.trials["wangmf2018"], "liver_cancer"),
        "cancer_guo": _events(base.trials["guo2019"], "liver_cancer"),
    }
    return {name: pair for name, pair in found.items() if pair is not None}


def death_pairs(base: Base) -> tuple[Pair, ...]:
    """Deaths by week 24 in every trial of MSC against control in liver failure with usable counts."""
    rows = contrasts(
        base, "death", week=WEEK, populations=_there(base, ("aclf", "liver_failure")), products=("msc",),
        kinds=("randomised", "controlled"),
    )  # fmt: skip
    found = []
    for row in rows:
        if refusal(row.grade, row.basis):
            continue
        trial = base.trials[row.study]
        place = next(trial.place(s) for s in trial.survival if s.usable and s.week == WEEK)
        counts = (f"{row.x1} / {row.n1}", f"{row.x2} / {row.n2}")
        p = float(fisher_exact(row.x1, row.n1, row.x2, row.n2).p)
        shares = (_of_100(100 * row.x1 / row.n1), _of_100(100 * row.x2 / row.n2))
        found.append(Pair(*shares, counts, place, trial.name, p))
    return tuple(found)


def _there(base: Base, wanted: tuple[str, ...]) -> tuple[str, ...]:
    have = {trial.population for trial in base.trials.values()}
    return tuple(name for name in wanted if name in have)


def _of_100(x: float) -> int:
    return int(x + 0.5)


def _events(trial: Trial, event: str) -> Pair | None:
    treated, control = trial.arms_of("treated")[0].name, trial.arms_of("control")[0].name
    rows = {e.arm: e for e in trial.events if e.usable and e.event == event}
    if treated not in rows or control not in rows:
        return None
    shares, counts = [], []
    for arm in (treated, control):
        row = rows[arm]
        if row.count is not None and row.n:
            shares.append(100 * row.count / row.n)
            counts.append(f"{row.count} / {row.n}")
        elif row.percent is not None:
            shares.append(row.percent)
            counts.append(f"{row.percent:g} %")
    if len(shares) < 2:
        return None
    place = trial.place(rows[treated])
    return Pair(_of_100(shares[0]), _of_100(shares[1]), (counts[0], counts[1]), place, trial.name)


def _effect(base: Base, entry: str, outcome: str) -> EffectRow | None:
    rows = base.pools[entry].results if entry in base.pools else base.trials[entry].effects
    return next((row for row in rows if row.outcome == outcome and row.usable), None)


def _interval(base: Base, entry: str, outcome: str) -> str:
    row = _effect(base, entry, outcome)
    if row is None or row.value is None:
        return "-"
    return f"{row.value:.2f}, {row.ci_low:.2f}-{row.ci_high:.2f}"


def raised(base: Base) -> list[dict[str, Any]]:
    """Every harm that a pool of randomised trials of MSC found raised, with its interval."""
    return [
        {"outcome": row.outcome, "measure": row.measure, "value": row.value, "low": row.ci_low,
         "high": row.ci_high, "citation": pool.citation}
        for pool in base.pools.values()
        if pool.product == "msc" and pool.population == "all diseases"
        for row in pool.results
        if row.direction == "up" and row.usable and row.value is not None
    ]  # fmt: skip


def raised_counts(base: Base, lang: str = "en") -> list[dict[str, str]]:
    """Every harm that one trial or cohort of any cells in liver disease found raised, with its numbers."""
    found = []
    for outcome in HARMS:
        for entry, row in comparisons(base, outcome, everyone=True):
            if row.direction != "up" or not isinstance(entry, Trial):
                continue
            number = f"{row.measure} {row.value:g}" if row.value is not None else ""
            if row.ci_low is not None and row.ci_high is not None:
                number += f" ({row.ci_low:g}-{row.ci_high:g})"
            t = TEXTS[lang]
            products = ", ".join(t["products"].get(kind, kind) for kind in entry.product_kinds)
            counted = re.match(r"\d+/\d+ against \d+/\d+", row.note)
            number = number or (counted[0].replace("against", ":") if counted else "")
            found.append(
                {"outcome": outcome, "name": entry.name, "number": number,
                 "about": f"{products}; {t['populations'].get(entry.population, entry.population)}"}
            )  # fmt: skip
    return found
