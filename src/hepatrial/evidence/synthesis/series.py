"""The same pool again and again: leave-one-out, cumulative, subgroups."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.synthesis.effects import Effects
from hepatrial.evidence.synthesis.pool import random_effects
from hepatrial.evidence.synthesis.result import NAN, Pooled

Pooling = Callable[[Effects], Pooled]


@dataclass(frozen=True)
class Subgroups:
    """A pool for each label and a test that they differ.

    Attributes:
        by: the label grouped by.
        groups: label and its pool, in order of first appearance; studies without the label are under "".
        q_between, df, p: chi-square of the differences between the groups' estimates (their own standard
            errors); NaN with one group.
        note: how far the test can be trusted.
    """

    by: str
    groups: tuple[tuple[str, Pooled], ...]
    q_between: float
    df: int
    p: float
    note: str


def leave_one_out(effects: Effects, pool: Pooling = random_effects) -> tuple[tuple[str, Pooled], ...]:
    """The pool without each study in turn: (study left out, pool).

    Raises:
        BadInput: with fewer than two studies.
    """
    if len(effects) < 2:
        raise BadInput([Problem("studies", f"{len(effects)}", "at least two are needed to leave one out")])
    everything = range(len(effects))
    return tuple(
        (name, pool(effects.only([j for j in everything if j != i]))) for i, name in enumerate(effects.names)
    )


def cumulative(effects: Effects, pool: Pooling = random_effects) -> tuple[tuple[str, Pooled], ...]:
    """The pool as studies were added by year: (study added, pool so far); ties in the order given.

    Raises:
        BadInput: naming every study without a year.
    """
    missing = [s.study for s in effects.studies if s.year is None]
    if missing:
        raise BadInput(
            [Problem(f"{name} year", "none", "is needed to order the studies") for name in missing]
        )
    order = sorted(range(len(effects)), key=lambda i: effects.studies[i].year or 0.0)
    return tuple((effects.names[last], pool(effects.only(order[: n + 1]))) for n, last in enumerate(order))


def subgroups(effects: Effects, by: str, pool: Pooling = random_effects) -> Subgroups:
    """Pool the studies of each label apart (each with a tau-squared of its own).

    Args:
        effects: studies with ``labels``.
        by: name of the label ("product").
        pool: how each group is pooled.

    Raises:
        BadInput: when no study has the label.
    """
    names = [s.labels.get(by, "") for s in effects.studies]
    if not any(names):
        known = sorted({word for s in effects.studies for word in s.labels})
        raise BadInput(
            [Problem("by", repr(by), f"must be a label of a study: {known}", nearest_name(by, known))]
        )
    groups = tuple(
        (name, pool(effects.only([i for i, other in enumerate(names) if other == name])))
        for name in dict.fromkeys(names)
    )
    w = np.array([1 / g.se**2 for _, g in groups])
    y = np.array([g.estimate for _, g in groups])
    df = len(groups) - 1
    between = float(np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2)) if df else NAN
    small = [name or "(none)" for name, g in groups if g.k < 3]
    note = f"fewer than three studies in: {', '.join(small)}; the test says little" if small else ""
    return Subgroups(by, groups, between, df, float(chdtrc(df, between)) if df else NAN, note)
