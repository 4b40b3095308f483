"""Everything a report is made from, gathered from a run folder and from the parts that know the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hepatrial import evidence
from hepatrial.evidence.figures import Cohort, Count, EventCount, SurvivalPoint
from hepatrial.evidence.figures import Published as PublishedTrial
from hepatrial.model.cards import Card as ModelCard
from hepatrial.model.variants import load_variants
from hepatrial.population.deck import make_deck
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.report import facts as f
from hepatrial.report.card_notes import Part, note_in_each
from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.planned import arm_note, study_of
from hepatrial.report.references import read_references
from hepatrial.report.wording import percent, probability, significant
from hepatrial.trial import RunFolder

SIMULATED_EVENTS = ("severe_infection", "mild_infection", "variceal_bleeding", "fever", "transplant")
"""Published event counts that a simulated number answers to."""

ROLES = {"fitted": "fitted", "predicted": "predicted", "article, unverified": "article"}

SAME_QUANTITY = {("cai2024", "meld"): "meld_unfloored"}
"""(cohort, variable) -> measure of the admission table: this cohort's MELD has no creatinine floor."""


def gather(run: RunFolder) -> f.Facts:
    """The facts of a finished run.

    Raises:
        BadInput: when the run's protocol names published figures that do not ship.
    """
    protocol = protocol_from_dict(run.spec["protocol"])
    name = protocol.identity.published
    trial = evidence.published(name) if name else None
    cohorts = [evidence.cohort(one) for one in evidence.list_cohorts()]
    return f.Facts(
        study=study_of(protocol),
        arms=tuple(_arms(protocol)),
        subjects=run.subjects,
        visits=run.visits,
        events=run.events,
        candidates=int(run.acceptance["candidates"]),
        steps=tuple(
            f.Step(step["name"], int(step["count"]))
            for step in run.acceptance["steps"]
            if step["name"] != "admitted"
        ),
        never_met={row["criterion"]: int(row["count"]) for row in run.acceptance["never_met"]},
        matching=run.acceptance["matching"],
        admission=run.admission,
        cohorts={cohort.id: _names(cohort.text, "label") for cohort in cohorts},
        published=tuple(_published(trial, protocol)) if trial else (),
        reported=tuple(_reported(trial, protocol)) if trial else (),
        read=_names(trial.text, "read") if trial else {},
        remarks=tuple({"en": one.text_en, "zh": one.text_zh} for one in trial.remarks) if trial else (),
        published_baseline=tuple(_baseline(trial, protocol)) if trial else (),
        published_admission=tuple(figure for cohort in cohorts for figure in _cohort_figures(cohort)),
        variants=tuple(_variants(run)),
        cards=tuple(_cards(run)),
        again=run.followed_again,
        worlds_kind=run.spec["worlds"]["kind"],
        worlds=run.spec["worlds"]["number"],
        between_study=run.between_study,
        references=read_references(),
        provenance=_provenance(run),
    )


def _names(text: Callable[[str, str], str], entry: str) -> dict[str, str]:
    return {lang: text(entry, lang) for lang in LANGUAGES}


def _in_each_language(write: Callable[[Catalogue], str]) -> dict[str, str]:
    return {lang: write(Catalogue(lang)) for lang in LANGUAGES}


def _arms(protocol: Protocol) -> Iterator[f.Arm]:
    for name, arm in protocol.arms.items():
        cells = {dosing.dose.cells_per_kg(65.0) for dosing in arm.cells if dosing.dose.kind == "cells"}
        yield f.Arm(
            name=name,
            label=_names(arm.text, "label"),
            control=name == protocol.control_arm,
            size=arm.n,
            infusions=arm.infusions,
            cells_per_kg=max(cells) if cells else None,
            note=_in_each_language(lambda t, arm=arm: arm_note(arm, t)),  # type: ignore[misc]
        )


# --- what was published -----------------------------------------------------------------------------


def _published(trial: PublishedTrial, protocol: Protocol) -> Iterator[f.Published]:
    for arm in protocol.arms:
        for point in trial.survival_of(arm) if arm in trial.arms else ():
            yield _number(point, "survival", point.week, point.percent)
    for event in trial.events:
        if _has_a_twin(event, protocol):
            week = event.to_week or protocol.follow_up.length / 7
            yield _number(event, event.event, week, event.percent)
    points = {(point.arm, point.week) for point in trial.survival}
    for gap in trial.differences:
        known = {(gap.treated, gap.week), (gap.control, gap.week)} <= points
        here = {gap.treated, gap.control} <= set(protocol.arms) and 7 * gap.week <= protocol.follow_up.length
        if here and not known:  # of two points the difference says nothing new
            yield f.Published(
                endpoint="difference",
                arm=gap.treated,
                control=gap.control,
                week=gap.week,
                value=gap.points / 100,
                low=None,
                high=None,
                interval="",
                count=None,
                of=None,
                grade=gap.grade,
                role=ROLES[gap.use],
                source=gap.source,
                note=_names(gap.text, "note"),
            )


def _has_a_twin(event: EventCount, protocol: Protocol) -> bool:
    """Whether the simulation has the same count: from randomisation, of an event it knows."""
    known = event.event in SIMULATED_EVENTS and event.arm in protocol.arms
    inside = (event.to_week or 0) * 7 <= protocol.follow_up.length
    return known and inside and event.count is not None and event.from_week == 0


def _number(
    figure: SurvivalPoint | EventCount, endpoint: str, week: float, printed: float | None
) -> f.Published:
    """A published share; its interval as printed, else exact on verified counts, else none."""
    low, high, interval = None, None, ""
    if isinstance(figure, SurvivalPoint) and figure.ci_low is not None and figure.ci_high is not None:
        low, high, interval = figure.ci_low / 100, figure.ci_high / 100, "printed"
    elif figure.grade != "article" and (exact := figure.interval()) is not None:
        low, high, interval = exact[0] / 100, exact[1] / 100, "exact"
    share = figure.percent_of_count if figure.count is not None else printed
    return f.Published(
        endpoint=endpoint,
        arm=figure.arm,
        week=week,
        value=float("nan") if share is None else share / 100,
        low=low,
        high=high,
        interval=interval,
        count=figure.count,
        of=figure.n,
        grade=figure.grade,
        role=ROLES[figure.use],
        source=figure.source,
        note=_names(figure.text, "note"),
    )


def _reported(trial: PublishedTrial, protocol: Protocol) -> Iterator[f.Reported]:
    """What was published without a simulated twin."""
    for event in trial.events:
        if not _has_a_twin(event, protocol):
            text = _in_each_language(lambda t, event=event: _event_text(event, t))  # type: ignore[misc]
            what, note = _names(event.text, "label"), _names(event.text, "note")
            yield f.Reported("event", what, text, event.arm, event.grade, event.source, note)
    for found in trial.laboratory:
        text = _in_each_language(
            lambda t, found=found: t(  # type: ignore[misc]
                f"reported.against.{found.against}",
                direction=t(f"reported.{found.direction}"),
                weeks=found.text("weeks", t.lang),
            )
        )
        yield f.Reported(
            "laboratory",
            {"en": found.measure},
            text,
            "",
            found.grade,
            found.source,
            _names(found.text, "note"),
        )
    for test in trial.tests:
        value = {lang: f"p = {probability(test.p)}" for lang in LANGUAGES}
        yield f.Reported(
            "test", _names(test.text, "about"), value, "", test.grade, test.source, _names(test.text, "note")
        )


def _event_text(event: EventCount, t: Catalogue) -> str:
    if event.count is None:
        return t(f"reported.{event.direction}") if event.direction else "–"
    return f"{event.count}/{event.n} ({percent(event.count / event.n)})"


def _baseline(trial: PublishedTrial, protocol: Protocol) -> Iterator[f.PublishedText]:
    for figure in trial.baseline:
        if figure.arm in protocol.arms and figure.count is not None:
            measure = figure.key.split(".")[2]
            yield f.PublishedText(figure.arm, measure, _count_text(figure), figure.grade, figure.source)


def _count_text(figure: Count) -> str:
    return f"{figure.count}/{figure.n} ({percent((figure.count or 0) / figure.n)})"


def _cohort_figures(cohort: Cohort) -> Iterator[f.CohortFigure]:
    for figure in cohort.admission:
        measure = SAME_QUANTITY.get((cohort.id, figure.variable), figure.variable)
        yield f.CohortFigure(
            cohort.id,
            figure.group,
            figure.n,
            measure,
            figure.statistic,
            figure.value,
            figure.grade,
            figure.source,
        )


# --- what it rests on -------------------------------------------------------------------------------


def _variants(run: RunFolder) -> Iterator[f.Variant]:
    known = load_variants()
    for name, row in run.spec["variants"].items():
        meaning = dict(known[name].meaning) if name in known else {"en": ""}
        yield f.Variant(name, float(row["weight"]), meaning)


def _cards(run: RunFolder) -> Iterator[f.Card]:
    deck = make_deck(run.spec["options"]["settings"])
    parts: tuple[tuple[Part, str, Mapping[str, ModelCard]], ...] = (
        ("model", "", deck.model),
        ("population", "", deck.population),
        ("assay", "assay.", deck.assay),
    )
    for part, prefix, cards in parts:
        for name, card in cards.items():
            changed = name in deck.changed and not prefix
            yield f.Card(
                name=prefix + name,
                value=card.value,
                unit=card.unit,
                spread=_in_each_language(lambda t, card=card: spread_text(card, t)),  # type: ignore[misc]
                source=card.source,
                grade="assumed" if changed else card.grade,
                meaning=note_in_each(part, name, card.note),
                changed=changed,
            )


def spread_text(card: ModelCard, t: Catalogue) -> str:
    """How patients differ in a parameter, in words; empty when they do not."""
    if card.distribution == "fixed":
        return ""
    size = card.share if card.distribution == "bernoulli" else card.spread
    text = t(f"distribution.{card.distribution}", size=significant(size))
    if card.low is None and card.high is None:
        return text
    return t("distribution.truncated", text=text, low=significant(card.low), high=significant(card.high))


def _provenance(run: RunFolder) -> dict[str, Any]:
    options = run.spec["options"]
    return {
        "run_hash": run.hash,
        "model_hash": run.spec["model_hash"],
        "cards_hash": run.spec["cards_hash"],
        "seed": options["seed"],
        "variant": options["variant"],
        "worlds": run.spec["worlds"],
        "settings": options["settings"],
        "versions": run.spec["versions"],
    }
