"""What each kind of assertion meets in the evidence base. Only figures of a usable grade are looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hepatrial.claims import names
from hepatrial.claims import types as t
from hepatrial.claims.arithmetic import check_arithmetic
from hepatrial.claims.chinese import translated
from hepatrial.claims.citations import find_study, outcome_key
from hepatrial.claims.harms import CELLS, HARMS, LIVER, Found, comparisons, results_of
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.claims.studies import STUDIES
from hepatrial.claims.types import SCOPES, Claim, Evidence, Reason
from hepatrial.evidence.base import USABLE, Base, EffectRow, Pool, SurvivalRow, Trial
from hepatrial.evidence.certainty import certainty_table

SURE = ("moderate", "high")
_SAID = {"up": ("higher", "较高"), "down": ("lower", "较低"), "none": ("no difference", "无差别")}


@dataclass(frozen=True)
class Context:
    """The base, and what is made from it once."""

    base: Base

    @cached_property
    def levels(self) -> dict[str, str]:
        """Outcome -> certainty."""
        return {row.key: row.level for row in certainty_table(self.base)}

    def level(self, outcome: str) -> str:
        """Certainty of an outcome; "not rated" where no question asks for it."""
        return self.levels.get(outcome, "not rated")


def evaluate(claim: Claim, context: Context) -> tuple[Reason, ...]:
    """One reason or more for each assertion of a claim."""
    return tuple(reason for assertion in claim.asserts for reason in _meets(assertion, claim, context))


def _meets(assertion: Any, claim: Claim, context: Context) -> Iterator[Reason]:
    if assertion.kind in t.ARITHMETIC:
        return check_arithmetic(assertion, claim, context.base)
    if assertion.kind in STUDIES:
        return STUDIES[assertion.kind](assertion, context.base)
    found: Iterator[Reason] = _EVALUATE[assertion.kind](assertion, claim, context)
    return found


def _fact(a: t.FactAssertion, claim: Claim, context: Context) -> Iterator[Reason]:
    facts = [fact for fact in context.base.topic(a.topic) if fact.usable]
    here = [fact for fact in facts if fact.scope == claim.scope]
    below = [fact for fact in facts if SCOPES.index(fact.scope) < SCOPES.index(claim.scope)]
    used = here or below
    name, name_zh = names.name(a.topic), names.name_zh(a.topic)
    if not used:
        yield Reason(a.kind, "silent", f"{name}: nothing was read.", f"{name_zh}：未读到资料。")
        return
    nearest = max((fact.scope for fact in used), key=SCOPES.index)
    used = [fact for fact in used if fact.scope == nearest]
    yes, no = (sum(fact.finding == word for fact in used) for word in ("yes", "no"))
    if a.denied:
        yes, no = no, yes
    status: t.Status = "confirmed" if not no else "weak" if yes >= no else "overreach" if yes else "refuted"
    said = " ".join(fact.text for fact in used)
    said_zh = "".join(fact.text_zh for fact in used)
    evidence = tuple(Evidence(f.id, f"{f.about}: {f.text}", f.grade, f.source, f.scope) for f in used)
    yield Reason(a.kind, status, f"{name}: {said}", f"{name_zh}：{said_zh}", nearest, "", evidence)


def _rows(context: Context, outcome: str, everyone: bool) -> Found:
    return comparisons(context.base, outcome, everyone=everyone)


def _shown(entry: Trial | Pool, row: EffectRow) -> Evidence:
    number = f" {row.measure} {row.value:g}" if row.value is not None else ""
    interval = f" ({row.ci_low:g} to {row.ci_high:g})" if row.ci_low is not None else ""
    when = f", week {row.week:g}" if row.week is not None else f", {row.time}" if row.time else ""
    said = f"{entry.id}: {row.outcome} {_SAID[row.direction][0]}{number}{interval}{when}"
    place = entry.place(row) if isinstance(entry, Trial) else row.source
    return Evidence(entry.id, said + (f" ({row.note})" if row.note else ""), row.grade, place, "human")


def _effect(a: t.EffectAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    outcome = outcome_key(a.outcome)
    entry = find_study(context.base, a.trial) if a.trial else None
    rows = results_of(entry, outcome) if entry else _rows(context, outcome, a.all_diseases)
    name, name_zh = names.name(outcome), names.name_zh(outcome)
    if not rows:
        yield Reason(a.kind, "silent", f"{name}: no comparison was read.", f"{name_zh}：未读到对照比较。")
        return
    agree = [pair for pair in rows if pair[1].direction == a.direction]
    against = [pair for pair in rows if pair[1].direction != a.direction]
    level = context.level(outcome)
    if not agree:
        status: t.Status = "refuted"
    elif (against and a.strength) or (a.strength == "proven" and level not in SURE):
        status = "overreach"
    elif against or level not in SURE:
        status = "weak"
    else:
        status = "confirmed"
    word, word_zh = _SAID[a.direction]
    text = f"{name} {word}: {len(agree)} of {len(rows)} results agree; certainty {level}."
    text_zh = f"{name_zh}{word_zh}：{len(rows)} 项结果中 {len(agree)} 项相符；证据把握度{LEVELS_ZH[level]}。"
    evidence = tuple(_shown(entry, row) for entry, row in (*agree, *against))
    yield Reason(a.kind, status, text, text_zh, "human", level, evidence)


def _treated_counts(context: Context, event: str) -> list[tuple[Trial, str, int, int]]:
    """(trial, arm, patients with the event, patients) of arms that got cells, above 0 and usable."""
    found: list[tuple[Trial, str, int, int]] = []
    for trial in context.base.trials.values():
        treated = {arm.name for arm in trial.arms_of("treated") if arm.product and arm.product.kind in CELLS}
        found += [
            (trial, e.arm, e.count, e.n or 0)
            for e in trial.events
            if e.event == event and e.usable and e.arm in treated and e.count and e.unit == "patients"
        ]
    return found


def _absence(a: t.AbsenceAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    event = outcome_key(a.event)
    name, name_zh = names.name(event), names.name_zh(event)
    rows = _rows(context, event, True)
    raised = [(entry, row) for entry, row in rows if row.direction == "up"]
    counts = _treated_counts(context, event)
    if raised:
        shown = tuple(_shown(entry, row) for entry, row in raised)
        text, text_zh = (
            f"{name}: raised with cells in {len(raised)} results.",
            f"{name_zh}：{len(raised)} 项结果显示细胞组较高。",
        )
        yield Reason(a.kind, "refuted", text, text_zh, "human", context.level(event), shown)
        return
    if counts:
        shown = tuple(
            Evidence(trial.id, f"{trial.id}, {arm}: {name} in {x} of {n}", "seen", trial.name, "human")
            for trial, arm, x, n in counts
        )
        said = ", ".join(f"{x} of {n} ({trial.name})" for trial, _, x, n in counts)
        text = f"{name}: reported in treated patients, {said}; not more than in controls where compared."
        text_zh = f"{name_zh}：治疗组有报告，{translated(said)}；在有比较处并不多于对照组。"
        yield Reason(a.kind, "overreach", text, text_zh, "human", context.level(event), shown)
        return
    if rows:
        shown = tuple(_shown(entry, row) for entry, row in rows)
        level = context.level(event)
        yield Reason(a.kind, "confirmed" if level in SURE else "weak", f"{name}: no increase found.",
                     f"{name_zh}：未见增加。", "human", level, shown)  # fmt: skip
        return
    text = f"{name}: no report was read; that nobody reports it does not show that it does not happen."
    yield Reason(a.kind, "silent", text, f"{name_zh}：未读到报告；无人报告并不说明不会发生。")


def _safe(a: t.SafeAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    """Every harm that was compared: raised against it, not raised for it; what nobody measured is silent."""
    for outcome in HARMS:
        rows = _rows(context, outcome, True)
        raised = [pair for pair in rows if pair[1].direction == "up"]
        name, name_zh = names.name(outcome), names.name_zh(outcome)
        level = context.level(outcome)
        shown = tuple(_shown(entry, row) for entry, row in rows)
        sure: t.Status = "confirmed" if level in SURE else "weak"
        if raised:
            text = f"{name}: raised in {len(raised)} of {len(rows)} results; certainty {level}."
            text_zh = f"{name_zh}：{len(raised)}/{len(rows)} 项结果升高；把握度{LEVELS_ZH[level]}。"
            yield Reason(a.kind, sure if a.denied else "refuted", text, text_zh, "human", level, shown)
        elif rows and not a.denied:
            text = f"{name}: no increase found; certainty {level}."
            text_zh = f"{name_zh}：未见增加；把握度{LEVELS_ZH[level]}。"
            yield Reason(a.kind, sure, text, text_zh, "human", level, shown)
    text = (
        "Pooled rates of encephalopathy, kidney failure, peritonitis and rejection after cells: none found."
    )
    yield Reason(a.kind, "silent", text, "未找到细胞治疗后肝性脑病、肾衰竭、腹膜炎与排斥的汇总发生率。")


def _cure(a: t.CureAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    rows = _rows(context, "cure", False)
    shown = tuple(_shown(entry, row) for entry, row in rows)
    if rows:
        cured = any(row.direction == "up" for _, row in rows)
        status: t.Status = "weak" if cured != a.denied else "refuted"
        yield Reason(
            a.kind, status, f"cure: {len(rows)} results.", f"根治：{len(rows)} 项结果。", "human", "", shown
        )
    else:
        text = "No trial, cohort or pool that was read reports a cure of chronic liver failure."
        text_zh = "所读的试验、队列与汇总分析均未报告根治慢性肝衰竭。"
        status = "weak" if a.denied else "silent"
        yield Reason(a.kind, status, text, text_zh, "human" if a.denied else None)
    named = _named_deaths(context.base)
    deaths = tuple(entry for _, entry in named)
    if deaths:
        said = "; ".join(f"{name}: {entry.what}" for name, entry in named)
        status = "weak" if a.denied else "silent"
        yield Reason(
            a.kind, status, f"Deaths among treated patients: {said}.", f"治疗组死亡：{_deaths_zh(named)}。",
            "human" if a.denied else None, "", deaths,
        )  # fmt: skip


def treated_deaths(base: Base) -> list[tuple[Trial, SurvivalRow]]:
    """The last usable count of deaths among patients with liver failure who got cells, of each trial."""
    found = []
    for trial in base.trials.values():
        for s in trial.survival:
            arm = trial.arm(s.arm)
            cells = arm is not None and arm.role == "treated" and arm.product and arm.product.kind in CELLS
            if cells and s.usable and s.deaths and trial.population in LIVER:
                found.append((trial, s))
    last = {trial.id: (trial, s) for trial, s in sorted(found, key=lambda pair: pair[1].week or 0)}
    return list(last.values())


def _deaths(trial: Trial, row: SurvivalRow) -> Evidence:
    what = f"{row.deaths} of {row.n} treated patients dead by week {row.week:g}"
    return Evidence(trial.id, what, row.grade, trial.place(row), "human")


_DEAD = re.compile(r"(\d+) of (\d+) treated patients dead by week ([\d.]+)")


def _named_deaths(base: Base) -> list[tuple[str, Evidence]]:
    """Name of each trial and its last count of deaths at a known week."""
    return [(trial.name, _deaths(trial, row)) for trial, row in treated_deaths(base) if row.week is not None]


def _deaths_zh(deaths: Sequence[tuple[str, Evidence]]) -> str:
    said = r"第 \3 周前 \2 名治疗者中 \1 名死亡"
    return "；".join(f"{name}：" + _DEAD.sub(said, entry.what) for name, entry in deaths)


def _always(a: t.AlwaysAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    """Every patient lives or benefits: one treated patient who died is enough against it."""
    named = _named_deaths(context.base)
    deaths = tuple(entry for _, entry in named)
    if not deaths:
        yield Reason(a.kind, "silent", "No count of treated patients was read.", "未读到治疗者的人数。")
        return
    said = "; ".join(f"{name}: {entry.what}" for name, entry in named)
    text = f"Not every treated patient lived: {said}."
    text_zh = f"并非每名治疗者都存活：{_deaths_zh(named)}。"
    yield Reason(a.kind, "refuted", text, text_zh, "human", "", deaths)


def _approved(a: t.ApprovedAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    base = context.base
    found = [one for one in base.approvals if one.for_liver_failure and one.grade in USABLE]
    read = [one for one in base.approvals if one.grade in USABLE]
    shown = tuple(
        Evidence(one.id, f"{one.regulator}, {one.date}: {one.product}", one.grade, one.source, "human")
        for one in read
    )  # fmt: skip
    if found:
        status: t.Status = "refuted" if a.denied else "confirmed"
        said, said_zh = "An approval for liver failure was read.", "读到一项肝衰竭的批准。"
        yield Reason(a.kind, status, said, said_zh, "human", "", shown)
        return
    text = (
        f"No approval of such cells for liver failure was read by {base.assembled}; those read are for "
        "another disease. No regulator's register was searched."
    )
    text_zh = (
        f"截至 {base.assembled} 未读到此类细胞用于肝衰竭的批准；读到的批准用于另一种疾病。"
        "未检索监管机构登记库。"
    )
    yield Reason(
        a.kind, "weak" if a.denied else "silent", text, text_zh, "human" if a.denied else None, "", shown
    )


def _uncheckable(a: t.UncheckableAssertion, _claim: Claim, _context: Context) -> Iterator[Reason]:
    yield Reason(a.kind, "uncheckable", a.reason, a.reason_zh or a.reason)


_EVALUATE: dict[str, Any] = {
    "fact": _fact,
    "effect": _effect,
    "absence": _absence,
    "safe": _safe,
    "cure": _cure,
    "always": _always,
    "approved": _approved,
    "uncheckable": _uncheckable,
}
