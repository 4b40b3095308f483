"""The two answers on one page, for a patient's relative: real trials only, no simulated number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hepatrial.claims.names import LEVELS_ZH
from hepatrial.claims.page import check_lang, environment, words
from hepatrial.evidence.base import Base, EffectRow, Trial
from hepatrial.evidence.certainty import certainty_table
from hepatrial.schema import RESEARCH_USE_ONLY

NOT_RAISED = ("infection", "thrombosis", "malignancy")
"""Harms that the page says were not found to be raised."""


@dataclass(frozen=True)
class Pair:
    """How many of 100 with and without cells, with the counts they come from.

    Attributes:
        treated, control: of 100, rounded to whole people.
        counts: "15 of 56" and "24 of 54", or the percentages where no counts are printed.
        source: where they were read.
    """

    treated: int
    control: int
    counts: tuple[str, str]
    source: str


def answers_html(base: Base, lang: str = "en") -> str:
    """The page, in English or Chinese; it needs nothing beside it.

    Raises:
        BadInput: for another language.
    """
    check_lang(lang)
    text = words("answers")[lang]
    pairs = answer_pairs(base)
    levels = {row.key: row for row in certainty_table(base)}
    return environment().get_template("answers.html.j2").render(
        lang=lang, t=text, base=base, pairs=pairs, levels=levels,
        level=lambda key: LEVELS_ZH[levels[key].level] if lang == "zh" else levels[key].level,
        raised=raised(base), fever=_effect(base, "thompson2020", "fever"),
        not_raised={name: _interval(base, "thompson2020", name) for name in NOT_RAISED},
        array=lambda pair, side: Markup(icon_array(getattr(pair, side), text["of_100"])),
        research=RESEARCH_USE_ONLY[lang],
    )  # fmt: skip


def answer_pairs(base: Base) -> dict[str, Pair]:
    """The comparisons shown, from figures of a usable grade only."""
    found = {
        "death": _deaths(base.trials["lin2017"], 24),
        "infection": _events(base.trials["lin2017"], "severe_infection"),
        "cancer_wang": _events(base.trials["wangmf2018"], "liver_cancer"),
        "cancer_guo": _events(base.trials["guo2019"], "liver_cancer"),
    }
    return {name: pair for name, pair in found.items() if pair is not None}


def _of_100(x: float) -> int:
    return int(x + 0.5)


def _deaths(trial: Trial, week: float) -> Pair | None:
    treated, control = trial.arms_of("treated")[0].name, trial.arms_of("control")[0].name
    rows = {s.arm: s for s in trial.survival if s.usable and s.week == week}
    if treated not in rows or control not in rows:
        return None
    one, two = rows[treated], rows[control]
    counts = (f"{one.deaths} / {one.n}", f"{two.deaths} / {two.n}")
    return Pair(_of_100(100 - one.percent), _of_100(100 - two.percent), counts, trial.place(one))


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
    return Pair(_of_100(shares[0]), _of_100(shares[1]), (counts[0], counts[1]), place)


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


def icon_array(count: int, label: str) -> str:
    """100 people as dots, ``count`` of them filled, as inline SVG with a spoken label."""
    dots = []
    for i in range(100):
        x, y = 8 + 15 * (i % 10), 8 + 15 * (i // 10)
        if i < count:
            dots.append(f'<circle cx="{x}" cy="{y}" r="6" fill="#a34700"/>')
        else:
            dots.append(
                f'<circle cx="{x}" cy="{y}" r="5.2" fill="#fff" stroke="#8a8a8a" stroke-width="1.4"/>'
            )
    said = label.format(n=count)
    return (
        f'<svg viewBox="0 0 151 151" width="151" height="151" role="img" aria-label="{said}">'
        f"<title>{said}</title>{''.join(dots)}</svg>"
    )
