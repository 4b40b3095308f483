"""The protocol in words: what was asked, who may enter, what each arm gets."""

from __future__ import annotations

from hepatrial.evidence.base import load_base
from hepatrial.protocol import DEFINITIONS, Protocol
from hepatrial.protocol.definitions import Definition
from hepatrial.protocol.products import PRODUCTS
from hepatrial.protocol.sections import Arm, Dosing, Limit
from hepatrial.report.catalogue import LANGUAGES, Catalogue
from hepatrial.report.facts import Assumption, Study
from hepatrial.report.sources import said_in
from hepatrial.report.wording import significant
from hepatrial.schema import MEASURES


def study_of(protocol: Protocol) -> Study:
    """The trial as the report tells it."""
    identity, primary = protocol.identity, protocol.endpoints.primary

    def names(entry: str) -> dict[str, str]:
        return {lang: identity.text(entry, lang) for lang in LANGUAGES}

    definition = protocol.definition
    return Study(
        name=identity.id,
        title=names("title"),
        question=names("question"),
        context=names("context_of_use"),
        citation=identity.citation,
        doi=identity.doi,
        registration=identity.registration,
        definition={"en": definition.label, "zh": definition.label_zh},
        entry={lang: entry_text(protocol, Catalogue(lang)) for lang in LANGUAGES},
        weeks=protocol.follow_up.length / 7,
        landmarks=tuple(day / 7 for day in protocol.survival_days),
        primary_week=primary.week,
        endpoint=primary.endpoint,
        strategies=tuple(protocol.endpoints.strategies),
        assumptions=tuple(
            Assumption(
                about=one.about,
                known={lang: one.text("known", lang) for lang in LANGUAGES},
                handled={lang: one.text("handled", lang) for lang in LANGUAGES},
                grade=one.grade,
                source=one.source,
            )
            for one in protocol.assumptions
        )
        + _borrowed_hazards(definition)
        + _effects_supposed(protocol)
        + _not_read_out(protocol),
    )


def _not_read_out(protocol: Protocol) -> tuple[Assumption, ...]:
    """A trial without a public result: the run is a prediction that can be held against it."""
    if protocol.identity.pending is None:
        return ()
    entry = load_base().pending[protocol.identity.pending]
    return (
        Assumption(
            about="identity.pending",
            known={
                "en": f"{entry.registration}: {entry.status}.",
                "zh": f"{entry.registration}：{entry.status_zh}。",
            },
            handled={
                "en": "Nothing is laid beside this run. Register its prediction before the trial reads out.",
                "zh": "本次模拟没有可对照的结果；宜在试验揭盲前登记该预测。",
            },
            grade=entry.grade,
            source=entry.source,
        ),
    )


def _effects_supposed(protocol: Protocol) -> tuple[Assumption, ...]:
    """Every product without an effect of its own: none is supposed, or one is borrowed, and from where."""
    lines = {
        (dosing.product, dosing.borrow_from): f"arms.{name}.regimen[{number}].product"
        for name, arm in protocol.arms.items()
        for number, dosing in enumerate(arm.regimen)
        if not PRODUCTS[dosing.product].has_effect
    }
    return tuple(_effect_supposed(product, lender, place) for (product, lender), place in lines.items())


def _effect_supposed(name: str, lender: str | None, place: str) -> Assumption:
    product = PRODUCTS[name]
    if lender is None:
        handled = {
            "en": f"It runs under 'no effect known': {product.label} changes no outcome here, for better or"
            " worse, but what its card says of safety. Equal arms are an assumption, not a finding.",
            "zh": f"按“未知有无作用”运行：除其参数卡所述的安全性外，{product.label_zh}在此不改变任何结局。"
            "两组相同是假设，不是发现。",
        }
    else:
        other = PRODUCTS[lender]
        handled = {
            "en": f"WARNING: the protocol borrows the effect of {other.label} for {product.label}. Nothing"
            " shows that it has one.",
            "zh": f"警告：方案为{product.label_zh}借用了{other.label_zh}的作用，没有证据表明其具有该作用。",
        }
    known = {"en": product.basis, "zh": product.basis_zh}
    return Assumption(about=place, known=known, handled=handled, grade="assumed", source="products.toml")


def _borrowed_hazards(definition: Definition) -> tuple[Assumption, ...]:
    """Mortality differs threefold between definitions: say so where the hazards are not of this one."""
    if definition.hazards_fitted:
        return ()
    fitted = [one for one in DEFINITIONS.values() if one.hazards_fitted]
    english = ", ".join(one.label for one in fitted)
    chinese = "、".join(one.label_zh for one in fitted)
    return (
        Assumption(
            about="identity.definition",
            known={
                "en": f"Mortality differs between definitions; hazards were fitted under: {english}.",
                "zh": f"不同定义的病死率差别很大；风险仅按以下定义的队列拟合：{chinese}。",
            },
            handled={
                "en": f"Those hazards are borrowed for {definition.label}; mortality may be off.",
                "zh": f"{definition.label_zh}借用上述风险；两组病死率均可能有偏差。",
            },
            grade="assumed",
            source="",
        ),
    )


def entry_text(protocol: Protocol, t: Catalogue) -> str:
    """Who may enter, and where the criteria come from."""
    population = protocol.population
    age = t(
        "entry.range",
        measure=t("measure.age"),
        low=f"{population.age.min:g}",
        high=f"{population.age.max:g}",
        unit=t("unit.years"),
    )
    limits = [limit_text(limit, t) for limit in protocol.entry_limits]
    text = t("list.semicolon").join([age, *limits]) + t("list.stop")
    if population.exclude:
        excluded = t("list.semicolon").join(t(f"exclusion.{name}") for name in population.exclude)
        text += t("entry.excluded", list=excluded)
    criteria = population.criteria
    text += t(
        "entry.source",
        basis=t(f"basis.{criteria.basis}"),
        source=said_in(criteria.source, t.lang),
        grade=t(f"grade.{criteria.grade}"),
    )
    note = criteria.text("note", t.lang)
    return f"{text} {note}".strip() if t.lang == "en" else text + note


def limit_text(limit: Limit, t: Catalogue) -> str:
    """A limit on a measure: "total bilirubin at least 171 µmol/L"."""
    unit = MEASURES[limit.measure].unit
    shown = {
        "measure": t(f"measure.{limit.measure}"),
        "unit": "" if unit == "1" else t.get(f"unit.{unit}", unit),
    }
    if limit.min is not None and limit.max is not None:
        return t("entry.range", low=f"{limit.min:g}", high=f"{limit.max:g}", **shown).rstrip()
    if limit.min is not None:
        return t("entry.least", value=f"{limit.min:g}", **shown).rstrip()
    return t("entry.most", value=f"{limit.max:g}", **shown).rstrip()


def arm_note(arm: Arm, t: Catalogue) -> str:
    """What an arm gets besides the care of all arms."""
    if not arm.regimen:
        return t("regimen.none")
    return t("list.semicolon").join(_dosing_text(dosing, t) for dosing in arm.regimen)


_UNIT_TEXTS = {
    "cells/kg": "regimen.per_kg",
    "cells": "regimen.in_total",
    "particles/kg": "regimen.particles",
    "ug/kg": "regimen.ug",
}


def _dosing_text(dosing: Dosing, t: Catalogue) -> str:
    product = PRODUCTS[dosing.product]
    return t(
        "regimen.cells",
        product=product.label_zh if t.lang == "zh" else product.label,
        infusions=len(dosing.days),
        dose=significant(dosing.dose.cells, 2),
        per=t(_UNIT_TEXTS[dosing.dose.unit]),
        route=t(f"route.{dosing.route}"),
        days=", ".join(f"{day:g}" for day in dosing.days),
    )
