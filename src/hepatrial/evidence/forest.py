"""Everything a forest figure shows, as data: studies by product, pools, prediction, bias-adjusted rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from hepatrial.errors import BadInput
from hepatrial.evidence.base.read import Base
from hepatrial.evidence.base.risk import overall
from hepatrial.evidence.base.types import Pool
from hepatrial.evidence.bias_priors import total_bias
from hepatrial.evidence.contrasts import contrasts
from hepatrial.evidence.synthesis import (
    Counts,
    Effects,
    Pooled,
    bias_adjusted,
    effect_sizes,
    random_effects,
    tipping_point,
)
from hepatrial.evidence.synthesis.result import natural
from hepatrial.evidence.synthesis.rows import refusal

RATIOS = ("RR", "OR", "HR")
PRODUCTS = ("msc", "liver_progenitor", "haematopoietic", "mixed", "g_csf", "device", "none")


@dataclass(frozen=True)
class ForestStudy:
    """One study's line: numbers on the scale shown (ratios as ratios), weight in percent.

    ``judgements`` are (domain, judgement, reason) of the tool; ``overall`` of the whole.
    """

    id: str
    name: str
    counts: tuple[str, str]
    estimate: float
    lower: float
    upper: float
    weight: float
    grade: str
    kind: str
    tool: str
    judgements: tuple[tuple[str, str, str], ...]
    overall: str
    note: str


@dataclass(frozen=True)
class ForestLine:
    """A pooled line: "pooled", "prediction" or "bias-adjusted", or one domain's adjustment.

    Attributes:
        about: of a published pool its name, population, product and time, for a label in another language.
    """

    what: str
    label: str
    estimate: float
    lower: float
    upper: float
    studies: int
    about: tuple[str, str, str, str] | None = None


@dataclass(frozen=True)
class ForestGroup:
    """Studies that may be pooled together: one product in one population, randomised or not."""

    product: str
    population: str
    randomised: bool
    studies: tuple[ForestStudy, ...]
    lines: tuple[ForestLine, ...]
    domains: tuple[ForestLine, ...]
    tau2: float | None
    i2: float | None
    method: str
    tipping: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Forest:
    """A forest: groups apart, published pools (not pooled again), and what was kept out, with reasons."""

    outcome: str
    measure: str
    groups: tuple[ForestGroup, ...]
    published: tuple[ForestLine, ...]
    refused: tuple[str, ...]
    base_hash: str

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def forest(
    base: Base,
    outcome: str = "death",
    *,
    measure: str = "RR",
    week: float | None = None,
    populations: Sequence[str] = (),
    products: Sequence[str] = (),
    estimator: str = "REML",
) -> Forest:
    """The forest of an outcome: each product, population and kind of allocation a group of its own.

    Args:
        base: the evidence base.
        outcome, week, populations, products: as for ``contrasts``.
        measure: "RR", "OR" or "RD".
        estimator: of tau-squared.

    Raises:
        BadInput: unknown words, or nothing at all of the outcome.
    """
    rows = contrasts(base, outcome, week=week, populations=populations, products=products)
    groups, refused = [], []
    for key in sorted(dict.fromkeys(_key(row) for row in rows), key=_place):
        mine = [row for row in rows if _key(row) == key]
        try:
            effects = effect_sizes(mine, measure)  # type: ignore[arg-type]
        except BadInput as error:
            refused += [f"{r.study}: {_why(r)}" for r in mine] or [str(error)]
            continue
        refused += [f"{r.study}: {r.reason}" for r in effects.refused]
        groups.append(_group(base, key, mine, effects, estimator))
    return Forest(
        outcome, measure, tuple(groups), _published(base, outcome, measure, populations, products),
        tuple(refused), base.hash,
    )  # fmt: skip


def _key(row: Counts) -> tuple[str, str, bool]:
    """What may be pooled together: product, population, and whether arms were drawn by lot."""
    return row.labels["product"], row.labels["population"], row.labels["kind"] == "randomised"


def _place(key: tuple[str, str, bool]) -> tuple[int, str, bool]:
    """MSC first, other cells next, products without cells last; randomised before others."""
    product, population, randomised = key
    rank = PRODUCTS.index(product) if product in PRODUCTS else len(PRODUCTS)
    return rank, population, not randomised


def _why(row: Counts) -> str:
    if row.double_zero:
        return "no event in either arm, or nothing else"
    return refusal(row.grade, row.basis)


def _group(
    base: Base, key: tuple[str, str, bool], rows: Sequence[Counts], effects: Effects, estimator: str
) -> ForestGroup:
    pooled = random_effects(effects, estimator=estimator)
    ratio = effects.measure in RATIOS
    studies = tuple(_study(base, {r.study: r for r in rows}, pooled, i) for i in range(pooled.k))
    lines, domains = [], []
    if pooled.k > 1:
        lines.append(_line("pooled", "pooled", pooled))
        if pooled.shown_prediction:
            p = pooled.shown_prediction
            lines.append(ForestLine("prediction", "prediction", p.estimate, p.lower, p.upper, pooled.k))
    if ratio:
        biases = {name: total_bias(base.trials[name]) for name in effects.names}
        lines.append(_line("bias-adjusted", "bias-adjusted", bias_adjusted(effects, biases)))
        names = [n for s in effects.names if (r := base.trials[s].risk) for n in r.domains]
        for name in dict.fromkeys(names):
            one = {s: total_bias(base.trials[s], only=name) for s in effects.names}
            if any(b.sd for b in one.values()):
                domains.append(_line("domain", name, bias_adjusted(effects, one)))
    spread = pooled.heterogeneity if pooled.k > 1 else None
    return ForestGroup(
        *key, studies, tuple(lines), tuple(domains),
        spread.tau2.estimate if spread else None, spread.i2.estimate if spread else None, pooled.method,
        tipping_point(pooled).sentence if ratio else "", pooled.notes,
    )  # fmt: skip


def _study(base: Base, rows: dict[str, Counts], pooled: Pooled, index: int) -> ForestStudy:
    part = pooled.studies[index]
    trial, row = base.trials[part.study], rows[part.study]
    shown = natural(pooled.measure, part.y, part.lower, part.upper)
    risk = trial.risk
    return ForestStudy(
        trial.id, trial.name, (f"{row.x1}/{row.n1}", f"{row.x2}/{row.n2}"), shown.estimate, shown.lower,
        shown.upper, part.weight, part.grade, trial.kind, risk.tool if risk else "",
        tuple((name, entry.judgement, entry.reason) for name, entry in risk.domains.items()) if risk else (),
        overall(risk) if risk else "not judged", part.note,
    )  # fmt: skip


def _line(what: str, label: str, pooled: Pooled) -> ForestLine:
    shown = pooled.shown
    return ForestLine(what, label, shown.estimate, shown.lower, shown.upper, pooled.k)


def _published(
    base: Base, outcome: str, measure: str, populations: Sequence[str], products: Sequence[str]
) -> tuple[ForestLine, ...]:
    """Published pools of the outcome in this measure, as printed; never pooled with the trials."""
    found = []
    for pool in base.pools.values():
        if (populations and pool.population not in populations) or (
            products and pool.product not in products
        ):
            continue
        for row in pool.results:
            if row.outcome != outcome or not row.usable or not _printed(row.value, row.ci_low, row.ci_high):
                continue
            if row.measure == measure:
                found.append(_as_printed(pool, row))
            elif measure == "OR" and row.measure == "OR of survival":
                found.append(_turned(_as_printed(pool, row)))
    return tuple(found)


def _printed(*numbers: float | None) -> bool:
    return all(x is not None and math.isfinite(x) for x in numbers)


def _as_printed(pool: Pool, row: Any) -> ForestLine:
    when = f", week {row.week:g}" if row.week is not None else f", {row.time}" if row.time else ""
    found = re.match(r"([^\s,]+).*?((?:19|20)\d\d)", pool.citation)
    name = f"{found[1]} {found[2]}" if found else pool.id
    label = f"{name}, {pool.population.replace('_', ' ')}, {pool.product.upper().replace('_', ' ')}{when}"
    when = f"{row.week:g}" if row.week is not None else row.time or ""
    about = (name, pool.population, pool.product, when)
    return ForestLine("published", label, row.value, row.ci_low, row.ci_high, pool.studies or 0, about)


def _turned(line: ForestLine) -> ForestLine:
    """An odds ratio of survival as one of death."""
    return replace(line, estimate=1 / line.estimate, lower=1 / line.upper, upper=1 / line.lower)


def only_groups(shown: Forest, *, product: str) -> Forest:
    """The groups of one product."""
    return replace(shown, groups=tuple(g for g in shown.groups if g.product == product))
