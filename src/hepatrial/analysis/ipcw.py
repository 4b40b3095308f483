"""Kaplan-Meier weighted by the inverse probability of not having been censored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.cox import CoxFit, cox, design_matrix
from hepatrial.analysis.kaplan_meier import confidence_limits
from hepatrial.errors import BadInput, Problem


class NoCensoringModel(BadInput):
    """The data are sound, but the model of the censoring that gives the weights cannot be fitted to them.

    Attributes:
        reason: a short phrase, the same for data that fail in the same way.
    """

    def __init__(self, reason: str, given: str, allowed: str) -> None:
        self.reason = reason
        super().__init__([Problem("censored", given, allowed)])


@dataclass(frozen=True)
class WeightedSurvival:
    """Survival had nobody been censored in the modelled way; one entry a distinct event time.

    Attributes:
        time: (m,) event times; at_risk: (m,) rows at risk, unweighted; weight: (m,) their total weight.
        largest_weight: (m,) the largest weight at risk: look here before believing the curve.
        survival: (m,); se: (m,) from the patients' influence, weights taken as known (too large rather
            than too small); lower, upper: log-log limits.
        model: the Cox model of the censoring.
        level: confidence level.
    """

    time: Floats
    at_risk: Ints
    weight: Floats
    largest_weight: Floats
    survival: Floats
    se: Floats
    lower: Floats
    upper: Floats
    model: CoxFit
    level: float

    def survival_at(self, times: ArrayLike) -> Floats:
        """S(t) at each time; the last value is carried on."""
        place = np.searchsorted(self.time, np.asarray(times, dtype=np.float64), side="right")
        return np.asarray(np.concatenate([[1.0], self.survival])[place])


def ipcw_kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    censored: ArrayLike,
    covariates: ArrayLike,
    *,
    patient: ArrayLike | None = None,
    start: ArrayLike | None = None,
    level: float = 0.95,
) -> WeightedSurvival:
    """Survival under "this censoring does not happen", when covariates explain it.

    Used for transplant under a hypothetical estimand: ``censored`` marks transplants, the covariates are
    what drives both listing and death. Those still at risk at t count 1 / K(t- | history), K from a Cox
    model of the censoring. Rests on no unmeasured cause of both, and on everyone having had a chance not
    to be censored.

    Args:
        time: (n,) ends of the rows; event: (n,) 1 = event at the end.
        censored: (n,) 1 = ended by the censoring that is modelled; other ends are independent censoring.
        covariates: (n,) or (n, p) of the row.
        patient: (n,) labels when a patient is several rows (start, time] (see ``episodes``).
        start: (n,) beginnings of the rows; default 0.

    Raises:
        BadInput: with every problem of the input.
        NoCensoringModel: fewer censorings than covariates, or so few that their model has no finite maximum
            (every one of them on one side of those at risk): no weights, and no estimate in their stead.

    Source: Robins and Finkelstein 2000 (Biometrics 56:779), unstabilised weights.
    """
    problems: list[Problem] = []
    stop, event_ = check.survival(time, event, problems)
    lost = check.indicators("censored", censored, problems)
    x = design_matrix(covariates, problems)
    begin = np.zeros(stop.size) if start is None else check.times("start", start, problems)
    who = np.arange(stop.size) if patient is None else check.labels("patient", patient, problems)
    check.confidence_level(level, problems)
    check.refuse(problems)
    check.same_length(
        problems, time=stop, event=event_, censored=lost, covariates=x, start=begin, patient=who
    )
    if not problems and ((event_ == 1) & (lost == 1)).any():
        problems.append(Problem("censored", "1 where event is 1", "must be 0 where the event was seen"))
    if not problems and not event_.any():
        problems.append(Problem("event", "no event", "must hold at least one event"))
    if not problems and not lost.any():
        allowed = "must mark somebody; without such censoring use kaplan_meier"
        problems.append(Problem("censored", "nobody", allowed))
    check.refuse(problems)

    # A row that begins at 0 is at risk from the beginning, also of what happens at time 0.
    open_start = np.where(begin > 0, begin, -np.inf)
    model = _censoring_model(open_start, stop, lost, x)
    weight, member, when, at = _weights(open_start, stop, event_, lost, x, who, model)
    total = weight.sum(axis=0)
    dead = np.zeros_like(weight)
    dead[at[0], at[1]] = weight[at[0], at[1]]
    hazard = dead.sum(axis=0) / total
    survival = np.cumprod(1 - hazard)
    # influence of each row on -log S, summed over the rows of a patient
    step = np.divide(dead - weight * hazard, total * np.maximum(1 - hazard, 1e-300))
    influence = np.zeros((member.max() + 1, when.size))
    np.add.at(influence, member, np.cumsum(step, axis=1))
    relative = np.sqrt((influence**2).sum(axis=0))
    relative = np.where(survival > 0, relative, 0.0)
    lower, upper = confidence_limits(survival, relative, "log-log", level)
    return WeightedSurvival(
        time=when,
        at_risk=(weight > 0).sum(axis=0),
        weight=total,
        largest_weight=weight.max(axis=0),
        survival=survival,
        se=np.where(survival > 0, survival * relative, np.nan),
        lower=lower,
        upper=upper,
        model=model,
        level=level,
    )


def _censoring_model(start: Floats, stop: Floats, lost: Ints, x: Floats) -> CoxFit:
    """The Cox model of the censoring, where it can be fitted."""
    count, needed = int(lost.sum()), x.shape[1]
    if count < needed:
        reason = "fewer such events in an arm than their model has coefficients"
        raise NoCensoringModel(reason, f"{count} marked", f"must mark at least {needed}, one a covariate")
    try:
        model = cox(stop, lost, x, start=start, ties="breslow")
    except BadInput as bad:
        reason = "what should explain such events does not vary among those at risk"
        told = "; ".join(problem.sentence() for problem in bad.problems)
        raise NoCensoringModel(reason, f"{count} marked", f"must have a model: {told}") from None
    if not np.isfinite(model.coef).all() or not np.isfinite(model.covariance).all():
        reason = "the model of such events has no finite maximum in an arm"
        allowed = "must not lie all on one side of those at risk: their model has no finite maximum"
        raise NoCensoringModel(reason, f"{count} marked", allowed)
    return model


def _weights(
    start: Floats, stop: Floats, event: Ints, lost: Ints, x: Floats, who: check.Labels, model: CoxFit
) -> tuple[Floats, Ints, Floats, tuple[Ints, Ints]]:
    """(n, m) weight of each row at each event time (0 = not at risk), patient codes, times, event places."""
    when = np.unique(stop[event == 1])
    ratio = np.exp((x - x.mean(axis=0)) @ model.coef)
    gone, counts = np.unique(stop[lost == 1], return_counts=True)
    at_risk = (start[:, None] < gone) & (stop[:, None] >= gone)
    baseline = np.concatenate([[0.0], np.cumsum(counts / (ratio @ at_risk))])
    # cumulative baseline hazard of the censoring up to and including, and just before, a time
    upto = baseline[np.searchsorted(gone, stop, side="right")]
    began = baseline[np.searchsorted(gone, start, side="right")]
    before = baseline[np.searchsorted(gone, when, side="left")]
    member = np.unique(who, return_inverse=True)[1].astype(np.int64)
    own = ratio * (upto - began)
    order = np.lexsort((start, member))
    running = np.cumsum(own[order]) - own[order]
    first = np.append(True, np.diff(member[order]) != 0)
    earlier = np.empty(stop.size)
    earlier[order] = running - running[first][np.cumsum(first) - 1]
    inside = (start[:, None] < when) & (stop[:, None] >= when)
    exponent = earlier[:, None] + ratio[:, None] * (before - began[:, None])
    weight = np.where(inside, np.exp(np.where(inside, exponent, 0.0)), 0.0)
    rows = np.flatnonzero(event == 1)
    return weight, member, when, (rows, np.searchsorted(when, stop[rows]))
