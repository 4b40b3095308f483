"""Operating characteristics: how often a design decides what, how right it is, what it costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.result import z_quantile
from hepatrial.analysis.stopping import StagewiseTable, stagewise_table
from hepatrial.design.conduct import Ended, conduct
from hepatrial.design.plan import boundaries, look_fractions
from hepatrial.design.replicates import in_batches, largest_error
from hepatrial.design.slots import PARTS, draw_slots
from hepatrial.design.truth import Stage, Truth, planned_information, records

Array = NDArray[np.float64]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Number:
    """A simulated number with its error.

    Attributes:
        value: mean over the trials.
        mcse: its Monte-Carlo standard error, the bank's own error inside.
        trials: trials that had a value.
    """

    value: float
    mcse: float
    trials: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON: None for what is not known."""
        known = {
            name: (v if np.isfinite(v) else None) for name, v in (("value", self.value), ("mcse", self.mcse))
        }
        return {**known, "trials": self.trials}


def number(values: NDArray[Any]) -> Number:
    """Mean and error of one value a trial, in the order of the trials.

    The error is the larger of two: sd / sqrt(trials), and S / sqrt(parts) of the means of the bank's parts.
    Trials of different parts share no patient, so the second holds the error of the bank too; with one part
    fewer in its degrees of freedom it is itself known to about 14 %, and never taken below the first.
    """
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    known = array[finite]
    if len(known) < 2:
        return Number(float(known.mean()) if len(known) else float("nan"), float("nan"), len(known))
    simple = known.std(ddof=1) / np.sqrt(len(known))
    part = np.arange(len(array)) % PARTS
    count = np.bincount(part[finite], minlength=PARTS)
    if count.min() < 2:
        return Number(float(known.mean()), float(simple), len(known))
    means = np.bincount(part[finite], known, minlength=PARTS) / count
    return Number(float(known.mean()), float(max(simple, means.std(ddof=1) / np.sqrt(PARTS))), len(known))


@dataclass(frozen=True)
class Runner:
    """A design with planned looks and boundaries, ready to be simulated under any truth.

    Attributes:
        stage: plan and bank.
        planned: (k,) information due at each look.
        boundary: planned boundaries.
        seed: of all chance.
    """

    stage: Stage
    planned: Array
    boundary: Any
    seed: int

    @cached_property
    def table(self) -> StagewiseTable | None:
        """The stage-wise table of a design with several looks, else None."""
        return stagewise_table(self.boundary) if self.boundary.fractions.size > 1 else None

    def batch(self, truth: Truth, first: int, count: int) -> Ended:
        """Trials ``first`` to ``first + count - 1``."""
        plan = self.stage.plan
        replicate = np.arange(first, first + count)
        slots = draw_slots(self.seed, replicate, plan.patients, len(self.stage.bank.usable))
        return conduct(plan, self.boundary, self.planned, records(self.stage, slots, truth))

    def run(
        self,
        truth: Truth,
        trials: int,
        *,
        precision: float | None = None,
        threads: int = 1,
        tell: Callable[[int], None] | None = None,
    ) -> Ended:
        """Simulate trials 1, 2, 3 ...

        Args:
            truth: what the product does.
            trials: how many, or at most, when ``precision`` is given; rounded up to whole batches of PARTS.
            precision: stop as soon as no error of the truth's characteristics is larger: probabilities,
                coverage and bias of a log hazard ratio or survival in their own unit, numbers of patients,
                days and events (and the bias of a mean time, of the horizon) as a share of their size.
            threads: workers; change no result.
            tell: called with the number of trials done.
        """

        def enough(parts: Sequence[Ended]) -> bool:
            assert precision is not None
            return self.error_of(truth, Ended.joined(list(parts))) <= precision

        return Ended.joined(
            in_batches(
                lambda first, count: self.batch(truth, first, count), trials, threads=threads,
                enough=None if precision is None else enough, tell=tell,
            )
        )  # fmt: skip

    def error_of(self, truth: Truth, ended: Ended) -> float:
        """The largest error of a truth's characteristics, as ``precision`` counts it."""
        return self.error_in(characteristics(self, truth, ended))

    def error_in(self, row: dict[str, Any]) -> float:
        """The largest error in characteristics that are made already."""
        plan = self.stage.plan
        return largest_error(row, {"bias": plan.horizon if plan.design.method == "rmst" else 1.0})


def make_runner(stage: Stage, seed: int = 1) -> Runner:
    """Plan looks and boundaries.

    Raises:
        BadInput: looks before anything is known, boundaries that cannot be met together.
    """
    planned = planned_information(stage, seed)
    boundary = boundaries(stage.plan, look_fractions(planned))
    return Runner(stage, planned, boundary, seed)


def limit(stage: Stage, truth: Truth) -> float:
    """What the design's estimate tends to in ever larger trials with everybody followed to the horizon.

    For a difference the difference; for a hazard ratio the root of Cox's estimating equation over the arms'
    true curves, on days. Heterogeneous patients make it nearer to 0 than the ratio of their hazards.
    """
    from scipy.optimize import brentq

    plan = stage.plan
    if plan.design.method == "milestone":
        treated, control = stage.survival(truth)
        return treated - control
    days = np.unique(np.append(np.arange(0.0, plan.horizon, 1.0), plan.horizon))
    paths, effect = stage.treated(truth)
    curves = np.array(
        [
            paths.curve(days, effect, stage.scale, composite=plan.composite),
            stage.control.curve(days, scale=stage.scale, composite=plan.composite),
        ]
    )
    if plan.design.method == "rmst":
        return float(np.trapezoid(curves[0] - curves[1], days))
    weight = np.array(plan.sizes) / plan.patients
    died = -np.diff(curves, axis=1) * weight[:, None]
    middle = (curves[:, 1:] + curves[:, :-1]) / 2 * weight[:, None]

    def score(beta: float) -> float:
        at_risk = middle[0] * np.exp(beta)
        return float((died[0] - died.sum(axis=0) * at_risk / (at_risk + middle[1])).sum())

    return float(brentq(score, -6, 6, xtol=1e-10)) if score(-6) * score(6) < 0 else float("nan")


def characteristics(runner: Runner, truth: Truth, ended: Ended) -> dict[str, Any]:
    """Everything about a truth, each number with its error and the trials behind it."""
    stage, plan = runner.stage, runner.stage.plan
    target = limit(stage, truth)
    treated, control = stage.survival(truth)
    half = z_quantile(1 - 2 * plan.design.alpha) * ended.se
    finite = np.isfinite(ended.estimate)
    inside = np.where(finite, np.abs(ended.estimate - target) <= half, np.nan)
    found: dict[str, Any] = {
        "truth": truth.name,
        "trials": len(ended.look),
        "survival": {"treated": treated, "control": control},
        "target": None if not np.isfinite(target) else target,
        "success": number(ended.decision == 1).as_dict(),
        "futility": number(ended.decision == 2).as_dict(),
        "not_shown": number(ended.decision == 0).as_dict(),
        "stopped_at_look": [
            {"look": k + 1, "efficacy": number((ended.decision == 1) & (ended.look == k + 1)).as_dict(),
             "futility": number((ended.decision == 2) & (ended.look == k + 1)).as_dict()}
            for k in range(plan.design.looks.count)
        ],
        "patients": number(ended.patients).as_dict(),
        "days": number(ended.days).as_dict(),
        "events": number(ended.events).as_dict(),
        "bias": number(np.where(finite, ended.estimate - target, np.nan)).as_dict(),
        "coverage": number(inside).as_dict(),
        "no_estimate": int((~finite).sum()),
        "overrun_reversals": number(
            (ended.decision == 1) & (ended.overrun_z < runner.boundary.efficacy[ended.look - 1])
        ).as_dict(),
    }  # fmt: skip
    if runner.table is not None:
        found |= _after_stopping(runner, ended, runner.table, target)
    return found


def _after_stopping(runner: Runner, ended: Ended, table: StagewiseTable, target: float) -> dict[str, Any]:
    """Bias of the median-unbiased estimate (its median) and coverage of the stage-wise interval."""
    plan = runner.stage.plan
    fraction = runner.boundary.fractions[ended.look - 1]
    whole = np.sqrt(ended.information / fraction)
    tail = plan.design.alpha
    sign = -1.0 if plan.design.method in ("logrank", "maxcombo") else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        middle, low, high = (
            sign * table.drift_at(ended.look, ended.z, p) / whole for p in (0.5, tail, 1 - tail)
        )
    inside = np.where(
        np.isfinite(low + high), (np.minimum(low, high) <= target) & (target <= np.maximum(low, high)), np.nan
    )
    below = np.where(np.isfinite(middle), middle < target, np.nan)
    return {
        "adjusted_coverage": number(inside).as_dict(),
        "adjusted_below_target": number(below).as_dict(),
    }
