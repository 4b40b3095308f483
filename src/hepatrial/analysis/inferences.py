"""``Inference`` for many trials at once: the same fields, one entry a trial."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.clusters import mean_with_error
from hepatrial.analysis.result import Inference, z_quantile
from hepatrial.errors import Problem


@dataclass(frozen=True)
class Inferences:
    """One contrast of two arms, estimated in each of r trials.

    Attributes:
        method, parameter, transform, note, level: as in ``Inference``.
        estimate, se, statistic, p, lower, upper: (r,) as in ``Inference``; NaN where a trial has no answer.
        null: value of ``estimate`` without a difference (0, or 1 for a ratio, 0.5 for a probability).
        benefit: 1 when a larger estimate favours the first arm, -1 when a smaller one does.
        n: (r, 2) patients used by arm; events: (r, 2) those with the outcome, or the values used.
        reasons: (r,) why a trial has no estimate, "" where it has one; () where no trial is told apart.
    """

    method: str
    parameter: str
    estimate: Floats
    se: Floats
    statistic: Floats
    p: Floats
    lower: Floats
    upper: Floats
    n: Ints
    events: Ints
    transform: str = "none"
    null: float = 0.0
    benefit: int = 1
    note: str = ""
    level: float = 0.95
    extra: dict[str, Floats] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()

    @property
    def missing(self) -> dict[str, int]:
        """How many trials have no estimate, by reason ("" = none is told), the commonest first."""
        none = np.flatnonzero(~np.isfinite(self.estimate)).tolist()
        return dict(Counter(self.reasons[trial] if self.reasons else "" for trial in none).most_common())

    @property
    def benefit_z(self) -> Floats:
        """(r,) statistic, positive when the first arm does better."""
        return self.benefit * self.statistic

    def share_below(self, alpha: float = 0.05, clusters: Ints | None = None) -> tuple[float, float]:
        """Share of trials with two-sided p < alpha, and its Monte-Carlo error; no answer is no rejection.

        Args:
            alpha: level of the test.
            clusters: (r,) trials of one number are alike (``mean_with_error``); None: each is its own.

        Raises:
            BadInput: for an alpha outside (0, 1).
        """
        if not 0 < alpha < 1:
            check.refuse([Problem("alpha", repr(alpha), "must lie between 0 and 1")])
        return mean_with_error((np.nan_to_num(self.p, nan=1.0) < alpha).astype(np.float64), clusters)

    def coverage(self, truth: float, clusters: Ints | None = None) -> tuple[float, float, int]:
        """Share of the trials with an interval whose interval holds ``truth``, its error, their number.

        Args:
            truth: of the estimand.
            clusters: as in ``share_below``.
        """
        known = np.isfinite(self.lower) & np.isfinite(self.upper)
        count = int(known.sum())
        if count == 0:
            return float("nan"), float("nan"), 0
        held = np.where(known, (self.lower <= truth) & (truth <= self.upper), np.nan)
        return *mean_with_error(held, clusters), count

    def one(self, trial: int) -> Inference:
        """The result of one trial, counted from 0; without an estimate its note says why."""
        why = self.reasons[trial] if self.reasons else ""
        told = f"not estimable: {why}" if why else ""
        return Inference(
            self.method,
            self.parameter,
            float(self.estimate[trial]),
            float(self.se[trial]),
            float(self.statistic[trial]),
            float(self.p[trial]),
            (float(self.lower[trial]), float(self.upper[trial])),
            self.transform,
            "; ".join(part for part in (self.note, told) if part),
            self.level,
        )

    def noted(self, note: str) -> Inferences:
        """The same with a further note ("" adds nothing)."""
        if not note:
            return self
        return replace(self, note=f"{self.note}; {note}" if self.note else note)


def walds(
    method: str,
    parameter: str,
    estimate: Floats,
    se: Floats,
    n: Ints,
    events: Ints,
    *,
    level: float,
    exponentiated: bool = False,
    benefit: int = 1,
    note: str = "",
) -> Inferences:
    """Normal-theory inferences; with ``exponentiated`` estimate and interval are given on the ratio scale."""
    positive = se > 0
    z = np.divide(estimate, se, out=np.full(estimate.size, np.nan), where=positive & np.isfinite(estimate))
    half = np.where(positive, z_quantile(level) * se, np.nan)  # without spread there is no interval
    shown = (estimate, estimate - half, estimate + half)
    if exponentiated:
        with np.errstate(over="ignore"):
            shown = (np.exp(shown[0]), np.exp(shown[1]), np.exp(shown[2]))
    return Inferences(
        method=method,
        parameter=parameter,
        estimate=shown[0],
        se=se,
        statistic=z,
        p=2 * ndtr(-np.abs(z)),
        lower=shown[1],
        upper=shown[2],
        n=n,
        events=events,
        transform="log" if exponentiated else "none",
        null=1.0 if exponentiated else 0.0,
        benefit=benefit,
        note=note,
        level=level,
    )
