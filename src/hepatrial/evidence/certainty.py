"""Certainty of evidence per outcome (GRADE), made from the base: no rating is typed in.

Where pools of randomised trials exist the rating rests on them; the directions of all are compared.
Rules, after Guyatt et al. 2008, BMJ 336:924. Randomised evidence starts at high, other evidence at low; each
reason below takes one step (two where it says so), and every step is explained:

* risk of bias: half or more of the patients come from studies at high (serious) risk or not judged;
* inconsistency: with two studies or more, the directions differ or I-squared is above 50 %;
* indirectness: other diseases than liver failure;
* imprecision: fewer than 300 events, and one more step when the interval holds no effect; where only
  between-group results were read, one step when the interval holds no effect or was not in the text;
* publication bias: a finished trial of cells in the same disease has no public result.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from hepatrial.errors import BadInput
from hepatrial.evidence.base.read import Base
from hepatrial.evidence.base.risk import overall
from hepatrial.evidence.base.types import EffectRow, Pool, Trial
from hepatrial.evidence.synthesis import Counts, Pooled, effect_sizes, random_effects

LEVELS = ("very low", "low", "moderate", "high")
EVENTS_NEEDED = 300
"""Events below which a result is imprecise (Guyatt et al. 2011, J Clin Epidemiol 64:1283)."""
HIGH_RISK = ("high", "serious", "critical", "no information")


@dataclass(frozen=True)
class Question:
    """What is asked of the base.

    Attributes:
        key: name of the outcome in the base's effect and event rows.
        populations, products: which trials answer it.
        counts: "deaths" (survival rows), "events" (event rows) or "effects" (between-group results).
        week: time of a death count, weeks.
    """

    key: str
    label: str
    label_zh: str
    populations: tuple[str, ...]
    products: tuple[str, ...]
    counts: Literal["deaths", "events", "effects"]
    week: float = 0.0


_LIVER, _ALL, _ACLF = ("aclf", "liver_failure"), ("all diseases",), ("aclf",)
_MSC, _OWN = ("msc",), ("mixed", "haematopoietic")
QUESTIONS: tuple[Question, ...] = (
    Question("death", "Death by week 24, ACLF, MSC", "24 周内死亡（ACLF，MSC）", _ACLF, _MSC, "deaths", 24),
    Question("severe_infection", "Severe infection, ACLF, MSC", "严重感染（ACLF，MSC）",
             _ACLF, _MSC, "events"),
    Question("fever", "Fever, MSC, all diseases", "发热（MSC，各种疾病）", _ALL, _MSC, "effects"),
    Question("infection", "Infection, MSC, all diseases", "感染（MSC，各种疾病）", _ALL, _MSC, "effects"),
    Question("thrombosis", "Thrombosis, MSC, all diseases", "血栓（MSC，各种疾病）", _ALL, _MSC, "effects"),
    Question("liver_cancer", "Liver cancer, own cells, cirrhosis", "肝癌（自体细胞，肝硬化）",
             ("decompensated",), _OWN, "effects"),
    Question("bilirubin", "Bilirubin, liver failure, MSC", "胆红素（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("albumin", "Albumin, liver failure, MSC", "白蛋白（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("meld", "MELD, liver failure, MSC", "MELD（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("alt", "ALT, liver failure, MSC", "ALT（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("ast", "AST, liver failure, MSC", "AST（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("inr", "INR, liver failure, MSC", "INR（肝衰竭，MSC）", _LIVER, _MSC, "effects"),
    Question("cure", "Cure of liver failure, MSC", "根治肝衰竭（MSC）", _LIVER, _MSC, "effects"),
)  # fmt: skip
"""ACLF: acute-on-chronic liver failure."""


@dataclass(frozen=True)
class Step:
    """One step down, or a domain that took none."""

    domain: str
    steps: int
    reason: str


@dataclass(frozen=True)
class Certainty:
    """One row of the table.

    Attributes:
        level: "high" to "very low", or "no evidence".
        effect: in words, with its interval.
        sources: ids the rating rests on; refused: rows that were kept out, with the reason.
    """

    key: str
    outcome: str
    outcome_zh: str
    effect: str
    studies: int
    patients: int
    level: str
    steps: tuple[Step, ...]
    sources: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def why(self) -> str:
        """Every step in one line."""
        return "; ".join(f"{s.domain}: {s.reason} (-{s.steps})" for s in self.steps if s.steps)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def certainty_table(base: Base) -> tuple[Certainty, ...]:
    """Every outcome of ``QUESTIONS``, rated from the base."""
    return tuple(certainty(base, question) for question in QUESTIONS)


def certainty(base: Base, question: Question) -> Certainty:
    """The rating of one outcome."""
    rate = _from_effects if question.counts == "effects" else _from_counts
    return rate(base, question)


def trials_of(base: Base, question: Question) -> list[Trial]:
    """Trials and cohorts with a control group, of the question's disease and product."""
    return [
        trial
        for trial in base.trials.values()
        if trial.population in question.populations
        and trial.kind in ("randomised", "controlled", "cohort")
        and set(trial.product_kinds) & set(question.products)
    ]


def count_rows(base: Base, question: Question) -> list[Counts]:
    """Counts of every trial of a question, whatever their grade; the synthesis drops the unusable ones."""
    rows = []
    for trial in trials_of(base, question):
        treated, control = trial.arms_of("treated"), trial.arms_of("control")
        if len(treated) != 1 or len(control) != 1:
            continue
        for name, basis, pair in _pairs(trial, question, treated[0].name, control[0].name):
            (x1, n1), (x2, n2) = pair
            rows.append(
                Counts(study=trial.id, grade=name, basis=basis, x1=x1, n1=n1, x2=x2, n2=n2,
                       labels={"product": trial.product_kinds[0]})
            )  # fmt: skip
    return rows


_ORDER = ("seen", "seen_secondary", "derived", "article", "recalled")


def _pairs(
    trial: Trial, question: Question, treated: str, control: str
) -> list[tuple[str, str, tuple[tuple[int, int], tuple[int, int]]]]:
    """The best-graded pair of counts of a trial, or nothing."""
    found = []
    for grade in _ORDER:
        sides = []
        for arm in (treated, control):
            counts = [
                (x, n, basis or "")
                for g, a, x, n, basis in _counts(trial, question)
                if (g, a) == (grade, arm) and x is not None and n is not None
            ]
            sides.append(counts[0] if counts else None)
        one, two = sides
        if one and two:
            found.append((grade, one[2], ((one[0], one[1]), (two[0], two[1]))))
            break
    return found


def _counts(trial: Trial, question: Question) -> list[tuple[str, str, int | None, int | None, str | None]]:
    if question.counts == "deaths":
        return [
            (s.grade, s.arm, s.deaths, s.n, s.basis)
            for s in trial.survival
            if s.week == question.week or (s.week is None and s.grade == "recalled")
        ]
    return [
        (e.grade, e.arm, e.count, e.n, e.basis)
        for e in trial.events
        if e.event == question.key and e.unit == "patients"
    ]


def pooled_counts(base: Base, question: Question) -> Pooled | None:
    """Random-effects risk ratio of a question's counts; None when no study of a usable grade is left."""
    try:
        return random_effects(effect_sizes(count_rows(base, question), "RR"))
    except BadInput:
        return None


def _from_counts(base: Base, question: Question) -> Certainty:
    rows = count_rows(base, question)
    pooled = pooled_counts(base, question)
    if pooled is None:
        return _nothing(question, tuple(f"{row.study}: grade {row.grade}" for row in rows))
    used = [row for row in rows if row.study in {study.study for study in pooled.studies}]
    trials = [base.trials[row.study] for row in used]
    sizes = {row.study: row.n1 + row.n2 for row in used}
    shown = pooled.shown
    steps = [_bias(trials, sizes)]
    i2 = pooled.heterogeneity.i2.estimate if pooled.heterogeneity and pooled.k > 1 else 0.0
    if pooled.k == 1:
        steps.append(Step("inconsistency", 0, "one study: cannot be judged"))
    else:
        steps.append(Step("inconsistency", int(i2 > 50), f"I-squared {i2:.0f} %"))
    steps.append(Step("indirectness", 0, "the disease asked about"))
    events = sum(row.x1 + row.x2 for row in used)
    null = shown.lower <= 1 <= shown.upper
    steps.append(_imprecision(events, null))
    steps.append(_unpublished(base, question))
    effect = f"RR {shown.estimate:.2f} ({shown.lower:.2f} to {shown.upper:.2f})"
    randomised = all(trial.kind == "randomised" for trial in trials)
    refused = tuple(f"{r.study}: {r.reason}" for r in pooled.refused)
    return _rated(question, effect, pooled.k, sum(sizes.values()), randomised, steps, tuple(sizes), refused)


def _from_effects(base: Base, question: Question) -> Certainty:
    rows = [
        (entry, row) for entry, row in base.effects(question.key) if row.usable and _answers(entry, question)
    ]
    refused = tuple(
        f"{entry.id}: grade {row.grade}"
        for entry, row in base.effects(question.key)
        if not row.usable and _answers(entry, question)
    )
    if not rows:
        return _nothing(question, refused)
    directions = {row.direction for _, row in rows}
    best = [pair for pair in rows if _randomised(pair[0])] or rows
    entries = {entry.id: entry for entry, _ in best}
    randomised = all(_randomised(entry) for entry in entries.values())
    first = next((row for _, row in best if row.value is not None), best[0][1])
    interval = f" ({first.ci_low:g} to {first.ci_high:g})" if first.ci_low is not None else ""
    effect = f"{first.measure} {first.value:g}{interval}" if first.value is not None else first.direction
    patients = {name: _patients(entry) for name, entry in entries.items()}
    far = question.populations == _ALL
    steps = [
        _bias_of_entries(list(entries.values()), patients, randomised),
        Step("inconsistency", int(len(directions) > 1), f"directions found: {', '.join(sorted(directions))}"),
        Step(
            "indirectness",
            int(far),
            "other diseases than liver failure" if far else "the disease asked about",
        ),
        _width(first),
        _unpublished(base, question),
    ]
    total = sum(patients.values())
    return _rated(question, effect, len(entries), total, randomised, steps, tuple(entries), refused)


def _randomised(entry: Trial | Pool) -> bool:
    return entry.randomised_only if isinstance(entry, Pool) else entry.kind == "randomised"


def _bias_of_entries(entries: list[Trial | Pool], sizes: dict[str, int], randomised: bool) -> Step:
    trials = [entry for entry in entries if isinstance(entry, Trial)]
    if len(trials) == len(entries):
        return _bias(trials, sizes)
    if randomised:
        return Step("risk of bias", 0, "pools of randomised trials; their own ratings were not read")
    return Step("risk of bias", 1, "pools that mix designs")


def _width(row: EffectRow) -> Step:
    if row.ci_low is None or row.ci_high is None:
        return Step("imprecision", 1, "no interval in the text read")
    null = 1.0 if row.measure.split(" ")[0] in ("RR", "OR", "HR") else 0.0
    held = row.ci_low <= null <= row.ci_high
    return Step("imprecision", int(held), f"the interval {'holds' if held else 'does not hold'} no effect")


def _answers(entry: Trial | Pool, question: Question) -> bool:
    if isinstance(entry, Pool):
        return entry.population in question.populations and entry.product in question.products
    return entry.population in question.populations and bool(
        set(entry.product_kinds) & set(question.products)
    )


def _patients(entry: Trial | Pool) -> int:
    return (entry.patients or 0) if isinstance(entry, Pool) else sum(arm.n or 0 for arm in entry.arms)


def _bias(trials: list[Trial], sizes: dict[str, int]) -> Step:
    total = sum(sizes.values())
    bad = [t for t in trials if t.risk is None or overall(t.risk) in HIGH_RISK]
    share = sum(sizes[t.id] for t in bad) / total if total else 1.0
    names = ", ".join(f"{t.name} {overall(t.risk) if t.risk else 'not judged'}" for t in trials)
    return Step("risk of bias", int(share >= 0.5), names)


def _imprecision(events: int, null: bool) -> Step:
    few = events < EVENTS_NEEDED
    reasons = [f"{events} events of {EVENTS_NEEDED}"] * few + ["the interval holds no effect"] * null
    return Step("imprecision", int(few) + int(null), " and ".join(reasons) or "enough events")


def _unpublished(base: Base, question: Question) -> Step:
    silent = [
        trial.name
        for trial in base.trials.values()
        if not trial.published and trial.population in question.populations
    ]
    return Step(
        "publication bias", int(bool(silent)),
        f"no public result: {', '.join(silent)}" if silent else "no finished trial without a result is known",
    )  # fmt: skip


def _rated(
    question: Question, effect: str, studies: int, patients: int, randomised: bool, steps: list[Step],
    sources: tuple[str, ...], refused: tuple[str, ...],
) -> Certainty:  # fmt: skip
    start = 3 if randomised else 1
    level = LEVELS[max(0, start - sum(step.steps for step in steps))]
    first = Step(
        "design", 0, "randomised: starts at high" if randomised else "not all randomised: starts at low"
    )
    return Certainty(
        question.key, question.label, question.label_zh, effect, studies, patients, level, (first, *steps),
        sources, refused,
    )  # fmt: skip


def _nothing(question: Question, refused: tuple[str, ...]) -> Certainty:
    return Certainty(
        question.key, question.label, question.label_zh, "nothing usable was found", 0, 0, "no evidence", (),
        (), refused,
    )  # fmt: skip
