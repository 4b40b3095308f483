"""What each kind of assertion meets in the evidence base. Only figures of a usable grade are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from hepatrial.claims import names
from hepatrial.claims import types as t
from hepatrial.claims.harms import CELLS, HARMS, LIVER, Found, comparisons
from hepatrial.claims.names import LEVELS_ZH
from hepatrial.claims.types import SCOPES, Claim, Evidence, Reason
from hepatrial.evidence import checks
from hepatrial.evidence.base import Base, EffectRow, Pool, SurvivalRow, Trial
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
    return tuple(
        reason
        for assertion in claim.asserts
        for reason in _EVALUATE[assertion.kind](assertion, claim, context)
    )


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
    rows = _rows(context, a.outcome, a.all_diseases)
    name, name_zh = names.name(a.outcome), names.name_zh(a.outcome)
    if not rows:
        yield Reason(a.kind, "silent", f"{name}: no comparison was read.", f"{name_zh}：未读到对照比较。")
        return
    agree = [pair for pair in rows if pair[1].direction == a.direction]
    against = [pair for pair in rows if pair[1].direction != a.direction]
    level = context.level(a.outcome)
    if not agree:
        status: t.Status = "refuted"
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
    name, name_zh = names.name(a.event), names.name_zh(a.event)
    rows = _rows(context, a.event, True)
    raised = [(entry, row) for entry, row in rows if row.direction == "up"]
    counts = _treated_counts(context, a.event)
    if raised:
        shown = tuple(_shown(entry, row) for entry, row in raised)
        text, text_zh = (
            f"{name}: raised with cells in {len(raised)} results.",
            f"{name_zh}：{len(raised)} 项结果显示细胞组较高。",
        )
        yield Reason(a.kind, "refuted", text, text_zh, "human", context.level(a.event), shown)
        return
    if counts:
        shown = tuple(
            Evidence(trial.id, f"{trial.id}, {arm}: {name} in {x} of {n}", "seen", trial.name, "human")
            for trial, arm, x, n in counts
        )
        said = ", ".join(f"{x} of {n} ({trial.name})" for trial, _, x, n in counts)
        text = f"{name}: reported in treated patients, {said}; not more than in controls where compared."
        text_zh = f"{name_zh}：治疗组有报告，{said}；在有比较处并不多于对照组。"
        yield Reason(a.kind, "overreach", text, text_zh, "human", context.level(a.event), shown)
        return
    if rows:
        shown = tuple(_shown(entry, row) for entry, row in rows)
        level = context.level(a.event)
        yield Reason(a.kind, "confirmed" if level in SURE else "weak", f"{name}: no increase found.",
                     f"{name_zh}：未见增加。", "human", level, shown)  # fmt: skip
        return
    text = f"{name}: no report was read; that nobody reports it does not show that it does not happen."
    yield Reason(a.kind, "silent", text, f"{name_zh}：未读到报告；无人报告并不说明不会发生。")


def _figure(a: t.FigureAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    trial = context.base.trials.get(a.trial) or context.base.pools.get(a.trial)
    assert trial is not None, "checked when the file was read"
    held = list(_held(trial, a))
    usable = [(value, grade, place) for value, grade, place, ok in held if ok]
    where = ", ".join(x for x in (a.arm, f"week {a.week:g}" if a.week is not None else "", a.event) if x)
    said = f"{trial.id} {a.quantity}{f' ({where})' if where else ''}: printed {a.value}"
    if not usable:
        kept = f", only figures of grade {held[0][1]}, which are not used" if held else ""
        yield Reason(a.kind, "silent", f"{said}; not in any source read{kept}.", f"{said}；所读资料中没有。")
        return
    decimals = len(a.value.partition(".")[2])
    fits = [entry for entry in usable if abs(entry[0] - float(a.value)) <= 0.5 * 10**-decimals + 1e-9]
    value, grade, place = (fits or usable)[0]
    evidence = (Evidence(trial.id, f"{said}; read {value:g}", grade, place, "human"),)
    status: t.Status = "confirmed" if fits else "refuted"
    word, word_zh = ("as read", "相符") if fits else (f"the source says {value:g}", f"原始资料为 {value:g}")
    yield Reason(
        a.kind, status, f"{said}; {word} ({place}).", f"{said}；{word_zh}（{place}）。", "human", "", evidence
    )


def _held(entry: Trial | Pool, a: t.FigureAssertion) -> Iterator[tuple[float, str, str, bool]]:
    """(value, grade, place, usable) of every figure of the base that answers."""
    results = entry.results if isinstance(entry, Pool) else entry.effects
    if a.quantity == "effect":
        for row in results:
            if row.outcome == a.event and row.value is not None and (a.week is None or row.week == a.week):
                yield row.value, row.grade, row.source, row.usable
    if isinstance(entry, Pool):
        return
    if a.quantity == "survival":
        for s in entry.survival:
            if s.arm == a.arm and s.week == a.week:
                yield s.percent, s.grade, entry.place(s), s.usable
    elif a.quantity == "event":
        for e in entry.events:
            if e.arm == a.arm and e.event == a.event and e.count is not None:
                yield float(e.count), e.grade, entry.place(e), e.usable
    for arm in entry.arms:
        if arm.name == a.arm and a.quantity == "n" and arm.n is not None:
            usable = arm.grade in ("seen", "seen_secondary")
            yield float(arm.n), arm.grade, entry.sources.get(arm.source, arm.source), usable
        if arm.name == a.arm and a.quantity == "dose" and arm.product:
            product = arm.product
            usable = product.grade in ("seen", "seen_secondary")
            place = entry.sources.get(product.source, product.source)
            for value in (product.dose_low, product.dose_high):
                if value is not None:
                    yield value, product.grade, place, usable


def _checked(kind: str, finding: checks.Finding, bad: t.Status, text_zh: str) -> Reason:
    """A check's finding as a reason; what does not follow is 'as printed, not reproducible'."""
    status: t.Status = "consistent" if finding.verdict == "consistent" else "uncheckable"
    text = f"{finding.check}, {finding.given}: {finding.verdict}; {finding.needed}."
    if finding.verdict == "inconsistent":
        status = bad
        text = f"{finding.given}: as printed, not reproducible; possible explanations: {finding.needed}."
        text_zh = f"{text_zh}：按所印数字不能重现；可能的解释见英文检查说明。"
    else:
        text_zh = f"{text_zh}：{'算术相容' if status == 'consistent' else '无法核对'}。"
    check: dict[str, Any] = {
        **asdict(finding),
        "readings": list(finding.readings),
        "facts": dict(finding.facts),
    }
    return Reason(kind, status, text, text_zh, check=check)


def _percent(a: t.PercentAssertion, claim: Claim, _context: Context) -> Iterator[Reason]:
    found = checks.percent_of_patients(claim.id, a.value, a.n)
    yield _checked(a.kind, found, "broken", f"{a.n} 人中的 {a.value}%")


def _differences(a: t.DifferenceAssertion, claim: Claim, _context: Context) -> Iterator[Reason]:
    for week, value in a.points.items():
        found = checks.difference_of_patients(
            f"{claim.id}, week {week}", value, a.n1, a.n2, percent1=a.first.get(week)
        )
        yield _checked(a.kind, found, "broken", f"第 {week} 周相差 {value} 个百分点（{a.n1} 与 {a.n2} 人）")
    if len(a.points) > 1:
        points = [(float(week), value) for week, value in a.points.items()]
        found = checks.course_of_differences(claim.id, points, a.n1, a.n2)
        yield _checked(a.kind, found, "broken", "各时点的差距彼此对照")


def _course(a: t.CourseAssertion, claim: Claim, _context: Context) -> Iterator[Reason]:
    found = checks.monotone_survival(claim.id, [(float(week), value) for week, value in a.points.items()])
    yield _checked(a.kind, found, "refuted", "生存率随时间的变化")


def _interval(a: t.IntervalAssertion, claim: Claim, _context: Context) -> Iterator[Reason]:
    found = checks.interval_holds_estimate(claim.id, a.estimate, a.low, a.high)
    yield _checked(a.kind, found, "broken", f"{a.estimate}（{a.low} 至 {a.high}）")


def _limit(a: t.LimitAssertion, claim: Claim, context: Context) -> Iterator[Reason]:
    values, evidence = dict(a.values), []
    for asked in a.deaths_of:
        trial = context.base.trials[asked.trial]
        for s in trial.survival:
            if s.usable and (s.arm, s.week) == (asked.arm, asked.week):
                died = f"{100 - s.percent:.1f}"
                values[f"{trial.name}, {s.arm}, week {asked.week:g}, as read"] = died
                what = f"{trial.id} {s.arm}: {died} % dead by week {asked.week:g}"
                evidence.append(Evidence(trial.id, what, s.grade, trial.place(s), "human"))
    found = checks.claimed_limit(claim.id, a.sign, a.limit, values)
    reason = _checked(a.kind, found, "refuted", f"所称 {a.sign} {a.limit}")
    yield replace(reason, evidence=tuple(evidence))


def _safe(a: t.SafeAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    """Every harm that was compared: raised against it, not raised for it; what nobody measured is silent."""
    for outcome in HARMS:
        rows = _rows(context, outcome, True)
        raised = [pair for pair in rows if pair[1].direction == "up"]
        name, name_zh = names.name(outcome), names.name_zh(outcome)
        level = context.level(outcome)
        shown = tuple(_shown(entry, row) for entry, row in rows)
        if raised:
            text = f"{name}: raised in {len(raised)} of {len(rows)} results; certainty {level}."
            text_zh = f"{name_zh}：{len(raised)}/{len(rows)} 项结果升高；把握度{LEVELS_ZH[level]}。"
            yield Reason(a.kind, "refuted", text, text_zh, "human", level, shown)
        elif rows:
            status: t.Status = "confirmed" if level in SURE else "weak"
            text = f"{name}: no increase found; certainty {level}."
            yield Reason(
                a.kind,
                status,
                text,
                f"{name_zh}：未见增加；把握度{LEVELS_ZH[level]}。",
                "human",
                level,
                shown,
            )
    text = (
        "Pooled rates of encephalopathy, kidney failure, peritonitis and rejection after cells: none found."
    )
    yield Reason(a.kind, "silent", text, "未找到细胞治疗后肝性脑病、肾衰竭、腹膜炎与排斥的汇总发生率。")


def _cure(a: t.CureAssertion, _claim: Claim, context: Context) -> Iterator[Reason]:
    rows = _rows(context, "cure", False)
    if rows:
        status: t.Status = "weak" if any(row.direction == "up" for _, row in rows) else "refuted"
        shown = tuple(_shown(entry, row) for entry, row in rows)
        yield Reason(
            a.kind, status, f"cure: {len(rows)} results.", f"根治：{len(rows)} 项结果。", "human", "", shown
        )
    else:
        text = "No trial, cohort or pool that was read reports a cure of chronic liver failure."
        yield Reason(a.kind, "silent", text, "所读的试验、队列与汇总分析均未报告根治慢性肝衰竭。")
    deaths = []
    for trial in context.base.trials.values():
        for s in trial.survival:
            arm = trial.arm(s.arm)
            cells = arm is not None and arm.role == "treated" and arm.product and arm.product.kind in CELLS
            if cells and s.usable and s.deaths and trial.population in LIVER:
                deaths.append((trial, s))
    last = {trial.id: (trial, s) for trial, s in sorted(deaths, key=lambda pair: pair[1].week or 0)}
    if last:
        shown = tuple(_deaths(trial, row) for trial, row in last.values() if row.week is not None)
        said = "; ".join(f"{e.id}: {e.what}" for e in shown)
        yield Reason(
            a.kind,
            "silent",
            f"Deaths among treated patients: {said}.",
            f"治疗组死亡：{said}。",
            None,
            "",
            shown,
        )


def _deaths(trial: Trial, row: SurvivalRow) -> Evidence:
    what = f"{row.deaths} of {row.n} treated patients dead by week {row.week:g}"
    return Evidence(trial.id, what, row.grade, trial.place(row), "human")


def _uncheckable(a: t.UncheckableAssertion, _claim: Claim, _context: Context) -> Iterator[Reason]:
    yield Reason(a.kind, "uncheckable", a.reason, a.reason_zh or a.reason)


_EVALUATE: dict[str, Any] = {
    "fact": _fact,
    "effect": _effect,
    "absence": _absence,
    "figure": _figure,
    "percent": _percent,
    "differences": _differences,
    "course": _course,
    "interval": _interval,
    "limit": _limit,
    "safe": _safe,
    "cure": _cure,
    "uncheckable": _uncheckable,
}
