"""The analysis report: one page, its numbers, its tables for a word processor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from hepatrial.analysis import kaplan_meier
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.side_by_side import Row as EstimandRow
from hepatrial.analysis.estimands.side_by_side import side_by_side
from hepatrial.analysis.estimands.truth import world_of
from hepatrial.ensemble.storage import write_atomic
from hepatrial.report import analysis_tables as tables
from hepatrial.report.analysis_extra import Nested, Tipping, nested, nested_table, tipping, tipping_table
from hepatrial.report.analysis_source import Source, trials_only, worlds_of_run
from hepatrial.report.analysis_words import Words
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.figures import survival_curves
from hepatrial.report.figures.subgroups import ForestLine, ForestTexts, subgroup_forest
from hepatrial.report.paper import running_heads, style_sheet
from hepatrial.report.rtf import rtf
from hepatrial.report.style import WIDE, Frame, to_svg
from hepatrial.report.tables import Table
from hepatrial.schema import MARK, RESEARCH_USE_ONLY
from hepatrial.trial.job import Progress


@dataclass(frozen=True)
class Analysis:
    """An analysis that has been done.

    Attributes:
        source: what was analysed; rows: estimands with their results.
        one: the trial that is shown by itself (its replicate in ``shown``).
        level: of the intervals.
        nested: estimands again with batches shared within the first arm; tipping: imputed ones made worse.
        strata: columns of strata that the estimates use.
        lang: of the page, the tables and the mark; other entries of ``as_dict`` stay English.
    """

    source: Source
    rows: list[EstimandRow]
    one: Any
    shown: int
    level: float
    nested: list[Nested] = field(default_factory=list)
    tipping: list[Tipping] = field(default_factory=list)
    strata: tuple[str, ...] = ()
    lang: str = "en"

    @property
    def words(self) -> Words:
        """Puts English texts into the language."""
        return Words(self.lang, self.source.labels)

    @property
    def both(self) -> tuple[str, str]:
        """What the reader sees of the two arms, the first first."""
        first, second = (self.source.labels.get(arm, arm) for arm in self.source.contrast)
        return first, second

    @property
    def mark(self) -> str:
        """Mark of a simulation with the run's hash; "" for real tables."""
        if not self.source.run:
            return ""
        run = self.source.hash[:12]
        return f"{MARK['zh']}。运行 {run}。" if self.lang == "zh" else f"{MARK['en']} Run {run}."

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain data."""
        made: dict[str, Any] = {"mark": self.mark} if self.mark else {}
        return {
            **made,
            "source": self.source.name,
            "contrast": list(self.source.contrast),
            "replicate_shown": self.shown,
            "strata": list(self.strata),
            "estimands": [row.as_dict() for row in self.rows],
            "batches": [row.as_dict() for row in self.nested],
            "tipping": [row.as_dict() for row in self.tipping],
        }


def analyse_source(
    source: Source,
    estimands: Sequence[Estimand],
    *,
    replicate: int = 1,
    strata: Sequence[str] | None = None,
    batch: str | None = None,
    deltas: Sequence[float] = (),
    truth: bool = True,
    pairs: int = 5_000,
    level: float = 0.95,
    lang: str = "en",
    progress: Progress | None = None,
) -> Analysis:
    """Estimate estimands in every replicate and, for a run, beside their truth.

    Args:
        source: a run or real tables.
        estimands: in the order shown.
        replicate: the trial whose own estimate, participants and events are shown.
        strata: columns of the subject table; None: those by which a run was randomised.
        batch: column of the subject table with the batch; None: as a run deals them out.
        deltas: amounts by which unseen values of the first arm are made worse, for estimands that impute.
        truth: simulate the counterfactual worlds of a run's estimands (once; they are kept in its folder).
        pairs: patients of those worlds.
        level: of the intervals.
        lang: of the report.
        progress: of the worlds' simulation.

    Raises:
        BadInput: as ``analyse``, before anything is simulated; a language without texts.
    """
    Words(lang)
    trials, strata = trials_only(source.tables), source.strata if strata is None else tuple(strata)
    numbers = (
        np.unique(trials.subjects["replicate"].to_numpy()) if "replicate" in trials.subjects.columns else [1]
    )
    if replicate not in numbers:
        replicate = int(numbers[0])
    rows = side_by_side(trials, estimands, source.contrast, strata=strata, level=level)
    if truth and source.run is not None:
        worlds = worlds_of_run(
            source.run, {world_of(row.estimand) for row in rows}, pairs=pairs, progress=progress
        )
        rows = side_by_side(trials, estimands, source.contrast, worlds=worlds, strata=strata, level=level)
    one = trials.replicate(replicate) if "replicate" in trials.subjects.columns else trials
    place = int(np.flatnonzero(np.asarray(numbers) == replicate)[0])
    if place:
        rows = [EstimandRow(row.estimand, _first(row, place), row.truth) for row in rows]
    return Analysis(
        source, rows, one, replicate, level,
        nested(source, one, estimands, batch, level), tipping(source, one, estimands, deltas, level),
        strata, lang,
    )  # fmt: skip


def _first(row: EstimandRow, place: int) -> Any:
    """The results with the shown trial in front; their number and spread are the same."""
    result = row.result
    order = np.concatenate([[place], np.delete(np.arange(result.estimate.size), place)])
    names = ("estimate", "se", "statistic", "p", "lower", "upper", "n", "events")
    reasons = tuple(result.reasons[trial] for trial in order) if result.reasons else ()
    return replace(result, reasons=reasons, **{name: getattr(result, name)[order] for name in names})


def all_tables(found: Analysis) -> list[Table]:
    """The report's tables in order, in its language."""
    source, one = found.source, found.one
    first = found.rows[0].estimand
    lines = tables.subgroups(source, one, first, found.level)
    made = [
        tables.participants(source, one),
        tables.baseline(source, one),
        tables.definitions(found.rows),
        tables.estimates(
            found.rows, found.level, [*tables.proportionality(source, one, found.rows), *_stratified(found)]
        ),
        nested_table(found.nested, {row.estimand.name: row.result for row in found.rows}, found.level),
        tipping_table(found.tipping, found.level),
        tables.subgroup_table(source, lines, first, found.level),
        tables.adverse_events(source, one),
    ]
    return [found.words.table(table) for table in made if table is not None]


def _stratified(found: Analysis) -> list[str]:
    return [f"Estimates are stratified by {' and '.join(found.strata)}."] if found.strata else []


def write_analysis(found: Analysis, folder: Path) -> list[Path]:
    """Write ``analysis.html``, ``analysis.json`` and ``analysis.rtf``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = all_tables(found)
    data = json.dumps(found.as_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    content = {
        "analysis.html": page(found, made).encode(),
        "analysis.json": data.encode(),
        "analysis.rtf": rtf(made, found.source.name, found.mark, found.lang),
    }
    for name, text in content.items():
        write_atomic(folder / name, text)
    return [folder / name for name in content]


def page(found: Analysis, made: Sequence[Table]) -> str:
    """The page as HTML, with nothing loaded from elsewhere."""
    environment = Environment(
        loader=PackageLoader("hepatrial.report", "."), autoescape=select_autoescape(default=True)
    )
    run = found.words(f"run {found.source.hash[:12]}") if found.source.run else ""
    css = style_sheet() + running_heads(found.mark, run)
    return environment.get_template("analysis.html.j2").render(
        title=found.source.name,
        mark=found.mark,
        research=RESEARCH_USE_ONLY[found.lang],
        lang=found.lang,
        w=found.words,
        css=Markup(css),
        c=Catalogue(found.lang),
        next_table=count(1).__next__,
        tables={table.name: table for table in made},
        survival=Markup(_survival(found)),
        forest=Markup(_forest(found)),
        shown=found.shown,
        replicates=found.rows[0].result.estimate.size,
        simulated=found.source.run is not None,
        contrast=found.words(" v ".join(found.both)),
    )


def _foot(found: Analysis) -> str:
    return found.mark or found.words(f"Source: {found.source.name}.")


def _survival(found: Analysis) -> str:
    """Kaplan-Meier curves of overall survival of the shown trial with numbers at risk."""
    source = found.source
    people = found.one.subjects
    weeks = float(people["overall_survival_time"].max()) / 7
    days = np.arange(0.0, 7 * weeks + 0.5)
    curves = {}
    for arm in source.contrast[::-1]:
        mine = people.filter(pl.col("arm") == arm)
        curve = kaplan_meier(mine["overall_survival_time"], mine["overall_survival_event"], level=found.level)
        value, (low, high) = curve.survival_at(days), curve.interval_at(days)
        known = ~np.isnan(value)
        low, high = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
        curves[arm] = {
            "day": days[known].tolist(),
            "estimate": value[known].tolist(),
            "low": low[known].tolist(),
            "high": high[known].tolist(),
            "at_risk": curve.number_at_risk(days)[known].tolist(),
        }
    control = source.contrast[1]
    labels = {arm: source.labels.get(arm, arm) for arm in source.contrast}
    w = found.words
    stamp = w(f"run {source.hash[:12]}" if source.run else "real data")
    mark = MARK[found.lang] if source.run else _foot(found)
    frame = Frame(mark, stamp, (control, source.contrast[0]), (control,), labels)
    drawn = survival_curves(
        curves,
        frame,
        Catalogue(found.lang),
        weeks=weeks,
        y_title=w("overall survival"),
        risk_title=w("Number at risk"),
    )
    caption = w(f"Overall survival, Kaplan-Meier with {100 * found.level:.0f} % log-log limits")
    return to_svg(drawn, "survival", caption, f"{caption}{w('. ')}{_foot(found)}")


def _forest(found: Analysis) -> str:
    first, w = found.rows[0], found.words
    lines = tables.subgroups(found.source, found.one, first.estimand, found.level)
    low, high = (w(f"favours {arm}") for arm in found.both[:: -first.result.benefit])
    heads = (w("group"), w("n"), w("estimate (CI)"))
    drawn = subgroup_forest(
        [_forest_line(line, w) for line in lines],
        ForestTexts(*heads, low, high, w(first.result.parameter)),
        null=first.result.null,
        written=lambda value: f"{value:.2f}".replace("-", "\N{MINUS SIGN}"),
        foot=_foot(found),
        width=WIDE,
    )
    return to_svg(drawn, "forest", w("Subgroups"), f"{w('Estimates in subgroups.')}{w(' ')}{_foot(found)}")


def _forest_line(line: tables.Subgroup, w: Words) -> ForestLine:
    known = np.isfinite(line.estimate)
    values = f"{line.estimate:.2f} ({line.lower:.2f} to {line.upper:.2f})".replace("-", "\N{MINUS SIGN}")
    n = f"{line.n[0]} / {line.n[1]}"
    shown = w(values if known else "too few")
    return ForestLine(w(line.label), n, line.estimate, line.lower, line.upper, shown)
