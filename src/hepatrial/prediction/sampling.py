"""From courses to a simulated result of the study's size: posterior, between-study and sampling noise in one
draw.

A study's own deviation and a treatment's prior effect shift the logit of an event's cumulative incidence F
by u at every time (proportional odds). A subject with uniform luck U has the event at the time t with
F*(t) = U, that is F(t) = expit(logit(U) - u): one number a subject, so that counts at all times agree with
each other, and overall and transplant-free survival too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from hepatrial.prediction.deviation import MORTAL, Deviation, Luck, Spread
from hepatrial.prediction.discrepancy import Bend
from hepatrial.prediction.study import Endpoint, Study
from hepatrial.prediction.vocabulary import FIELDS_OF_MEASURES
from hepatrial.prediction.world import World, event_of

Array = NDArray[np.float64]
EventDays = Callable[[str, Array], Array]
"""(event, uniforms of the subjects) -> day of the event of each, infinite for none."""

__all__ = ["MORTAL", "Deviation", "Luck", "Spread"]

SHARED_LUCK = {"death_or_transplant": "death"}
"""Events that share the uniform of another, so that no subject lives without a transplant after death."""
LAB_EFFECT = 0.4
"""SD of a laboratory effect, in SDs of patients' changes, for each unit of log-odds SD of a treatment's
prior;
assumed: 0.5 (an odds ratio of 0.37 to 2.7) is worth a fifth of an SD."""
LAB_DOUBT, LAB_USUAL = 0.35, 0.1
"""A study's mean change deviates by this many SDs of patients' changes where the between-study SD of
laboratory
means is ``LAB_USUAL`` (natural log), in proportion elsewhere; assumed, too few courses were read to learn
it."""
BIAS = {"one": (-0.16, 0.25), "several": (0.0, 0.1), "unknown": (-0.08, 0.2)}
"""Mean and SD of the log odds ratio that allocation, size and selective printing add, by number of
centres. Single
against multicentre trials: ratio of odds ratios 0.85 after adjusting for size (science evidence/bias.md,
seen in a
review); widths assumed. No trial that is predicted moved it."""
INFECTION_EFFECT = 0.5
"""Share of a treatment's prior SD that holds for infections and other events than death; assumed."""


def quantile_days(days: Array, weights: Array, uniform: Array, shift: float | Bend) -> Array:
    """Days of an event at changed cumulative incidence.

    Args:
        days: (m,) day of the event of each weighted patient, infinite for none.
        weights: (m,) adding up to 1.
        uniform: (n,) in (0, 1).
        shift: of the logit of the incidence: a number at all times, or a function of logits and days.

    Returns:
        (n,) days, infinite for those without the event.
    """
    bend = shift if isinstance(shift, Bend) else Bend(float(shift))
    order = np.argsort(days, kind="stable")
    happen = order[np.isfinite(days[order])]
    risk = np.clip(np.cumsum(weights[happen]), 1e-12, 1.0 - 1e-12)
    ladder = bend(np.asarray(logit(risk), dtype=np.float64), days[happen])
    index = np.searchsorted(ladder, logit(uniform), side="left")
    found = np.append(days[happen], np.inf)
    return np.asarray(found[index], dtype=np.float64)


def prior_effect(
    study: Study, arm: str, luck: Luck, kind: str, floor: float = 0.0, measure: str = ""
) -> float:
    """Log odds ratio (``kind`` "death" or "other") or, in SDs of patients' changes, of a laboratory
    ``measure`` ("lab"), of an arm's treatments, drawn.

    Treatments of arms that share a name have the same effect in both. ``floor`` is the SD of a treatment that
    the equations follow, for models that have no equations.
    """
    total = 0.0
    for one in study.arms[arm].given:
        if not one.treats:
            continue
        sd = one.sd if one.how in ("prior", "both") else floor
        centre = one.centre if one.how in ("prior", "both") else 0.0
        step = luck.normal(f"effect.{kind}.{one.name}")
        if kind == "death":
            total += centre + sd * step
        elif kind == "other":
            total += INFECTION_EFFECT * sd * step
        else:
            total += LAB_EFFECT * sd * step
            residual, width = one.laboratory.get(measure, (0.0, 0.0))
            total += residual + width * luck.normal(f"effect.lab.{one.name}.{measure}")
    return total


def print_bias(study: Study, arm: str, luck: Luck) -> float:
    """Log odds ratio by which a printed effect of a treated arm differs from the true one (``BIAS``).

    A control arm has none, also where it is given something that all arms are given.
    """
    if study.arms[arm].control or not study.arms[arm].treated:
        return 0.0
    centre, sd = BIAS["unknown" if study.centres is None else "one" if study.centres == 1 else "several"]
    return centre + sd * luck.normal("bias")


def mechanistic_days(
    world: World, study: Study, arm: str, deviation: Deviation, luck: Luck, *, effects: bool = True
) -> EventDays:
    """Event days of an arm in a world, with the study's deviation and, unless switched off, prior effects."""
    courses = world.arms[arm]

    def days(event: str, uniform: Array) -> Array:
        bend = deviation.bend(event, luck)
        if effects and event != "transplant":
            share = 1.0 if event in MORTAL else INFECTION_EFFECT
            kind = "death" if event in MORTAL else "other"
            bend = bend.more(prior_effect(study, arm, luck, kind) + share * print_bias(study, arm, luck))
        return quantile_days(courses.event[event], courses.weights, uniform, bend)

    return days


@dataclass(frozen=True)
class Sample:
    """A simulated arm of the study's size.

    Attributes:
        n: patients.
        days: event -> (n,) days, made when asked for.
        labs: (measure, day, change) -> values of those seen, made when asked for; None when a model has none.
    """

    n: int
    days: Callable[[str], Array]
    labs: Callable[[str, float, bool], Array] | None


def draw_sample(
    study: Study,
    arm: str,
    luck: Luck,
    event_days: EventDays,
    labs: Callable[[str, float, bool], Array] | None,
) -> Sample:
    """A simulated arm of the study's size."""
    n = study.arms[arm].n
    made: dict[str, Array] = {}

    def days(event: str) -> Array:
        if event not in made:
            of = SHARED_LUCK.get(event, event)
            made[event] = event_days(event, luck.uniform(f"patients.{arm}.{of}", n))
            if event == "death_or_transplant":  # the two deviate apart, yet nobody dies before it
                made[event] = np.minimum(made[event], days("death"))
        return made[event]

    return Sample(n, days, labs)


def shifted(level: Array, shift: float) -> Array:
    """Values moved by a shift of their mean: upwards all by the same, downwards in proportion (to first order
    the same), so that a large fall leaves no value at or below zero."""
    centre = float(np.mean(level))
    if shift < 0.0 < centre:
        return np.asarray(level * math.exp(shift / centre))
    return np.asarray(level + shift)


def mechanistic_labs(
    world: World,
    study: Study,
    arm: str,
    spread: Deviation,
    luck: Luck,
    alive: Callable[[float], int],
    *,
    effects: bool,
    sample_of: str,
) -> Callable[[str, float, bool], Array]:
    """Laboratory values of those seen on a day: weighted patients drawn again, times the study's deviation.

    Args:
        alive: day -> subjects of the simulated arm who live then.
        effects: whether prior effects of treatments count.
        sample_of: the simulated arm, whose luck it is.
    """
    courses = world.arms[arm]

    def values(measure: str, day: float, change: bool) -> Array:
        seen = courses.labs[measure, day]
        usable = np.isfinite(seen) & (courses.weights > 0)
        count = alive(day)
        if count == 0 or not usable.any():
            return np.empty(0)
        rows = np.flatnonzero(usable)
        edges = np.cumsum(courses.weights[rows])
        picks = luck.uniform(f"labs.{sample_of}.{measure}.{day:g}", count) * edges[-1]
        row = rows[np.minimum(np.searchsorted(edges, picks, side="right"), len(rows) - 1)]
        low, high = FIELDS_OF_MEASURES.get(measure, (-math.inf, math.inf))
        factor, gap = courses.entry.get(measure, (1.0, 0.0))
        before = np.clip(courses.before[measure][row] * factor + gap, low, high)
        level = np.clip(seen[row] * factor + gap, low, high)
        # A study's mean course deviates in proportion to how much patients differ in theirs.
        step = luck.normal(f"study.lab.{measure}") * (LAB_DOUBT * spread.laboratory / LAB_USUAL)
        if effects:
            step += prior_effect(study, arm, luck, "lab", measure=measure)
        level = np.clip(shifted(level, step * float(np.std(level - before))), low, high)
        found: Array = level - before if change else level
        return found

    return values


def value_of(endpoint: Endpoint, samples: Mapping[str, Sample]) -> float:
    """An endpoint of simulated arms; NaN where it cannot be known (nobody seen, no event).

    ``samples`` holds the arms of the endpoint: one for a level, (treated, control) for a contrast.
    """
    if endpoint.contrast:
        treated, control = (samples[name] for name in endpoint.arms)
        return _contrast(endpoint, treated, control)
    (sample,) = samples.values()
    if endpoint.measure:
        return _lab(endpoint, sample, change=endpoint.kind == "lab_change")
    share = _risk(endpoint.kind, endpoint, sample)
    if endpoint.kind in ("survival", "transplant_free_survival"):
        return 1.0 - share
    return round(share * sample.n) if endpoint.kind == "deaths" else share


def _risk(kind: str, endpoint: Endpoint, sample: Sample) -> float:
    days = sample.days(event_of(kind, endpoint.grade))
    return float(np.mean(days <= endpoint.day))


def _lab(endpoint: Endpoint, sample: Sample, *, change: bool) -> float:
    values = sample.labs(endpoint.measure, endpoint.day, change) if sample.labs else np.empty(0)
    if len(values) == 0:
        return math.nan
    return float(np.median(values) if endpoint.statistic == "median" else np.mean(values))


def _contrast(endpoint: Endpoint, treated: Sample, control: Sample) -> float:
    if endpoint.kind == "lab_difference":
        return _lab(endpoint, treated, change=True) - _lab(endpoint, control, change=True)
    if endpoint.kind == "hazard_ratio":
        event = event_of(endpoint.event, endpoint.grade)
        return hazard_ratio(treated.days(event), control.days(event), endpoint.day)
    a, b = (_risk(endpoint.event, endpoint, sample) for sample in (treated, control))
    if endpoint.kind == "survival_difference":
        return b - a
    if endpoint.kind == "risk_difference":
        return a - b
    # Half a patient is added to every cell, so that a ratio is known when an arm has no event.
    x, n, y, m = a * treated.n + 0.5, treated.n + 1.0, b * control.n + 0.5, control.n + 1.0
    if endpoint.kind == "risk_ratio":
        return (x / n) / (y / m)
    return (x / (n - x)) / (y / (m - y))


def hazard_ratio(treated: Array, control: Array, end: float) -> float:
    """Cox's hazard ratio of two arms, ties by Breslow; NaN when an arm has no event.

    Args:
        treated, control: days of the event, infinite for none.
        end: everybody is censored there.
    """
    x, y = np.sort(treated[treated <= end]), np.sort(control[control <= end])
    if len(x) == 0 or len(y) == 0:
        return math.nan
    times = np.unique(np.concatenate([x, y]))
    a = len(treated) - np.searchsorted(x, times, side="left")
    b = len(control) - np.searchsorted(y, times, side="left")
    deaths = (
        np.searchsorted(x, times, "right") - np.searchsorted(x, times, "left")
        + np.searchsorted(y, times, "right") - np.searchsorted(y, times, "left")
    )  # fmt: skip
    beta, total = 0.0, float(len(x))
    for _ in range(50):
        share = a * math.exp(beta) / (a * math.exp(beta) + b)
        step = (total - float(deaths @ share)) / max(float(deaths @ (share * (1 - share))), 1e-12)
        beta += min(max(step, -2.0), 2.0)
        if abs(step) < 1e-10:
            break
    return math.exp(beta)


def alive_counter(sample_days: Callable[[str], Array]) -> Callable[[float], int]:
    """Day -> subjects alive on it."""
    return lambda day: int(np.sum(sample_days("death") > day))
