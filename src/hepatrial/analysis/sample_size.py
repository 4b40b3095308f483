"""Sample sizes of fixed designs: means, rates and survival, with accrual, follow-up and dropout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from hepatrial.analysis import check
from hepatrial.analysis.check import Floats
from hepatrial.errors import BadInput, Problem, RunFailed


def _errors(alpha: float, power: float, ratio: float, problems: list[Problem]) -> None:
    if not 0 < alpha < 0.5:
        problems.append(Problem("alpha", repr(alpha), "must lie between 0 and 0.5 (one-sided)"))
    if not alpha < power < 1:
        problems.append(Problem("power", repr(power), "must lie between alpha and 1"))
    _positive(problems, ratio=ratio)


def _positive(problems: list[Problem], **values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            problems.append(Problem(name, repr(value), "must be a positive number"))


def size_for_means(
    difference: float,
    sd: float,
    *,
    alpha: float = 0.025,
    power: float = 0.9,
    ratio: float = 1.0,
    known_sd: bool = False,
) -> float:
    """Patients in both arms together to find a difference of two means (not rounded).

    Args:
        difference: true difference, not 0; sd: common standard deviation.
        alpha: one-sided type I error; ratio: patients in the first arm for one in the second.
        known_sd: normal approximation instead of the noncentral t distribution.

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    _errors(alpha, power, ratio, problems)
    _positive(problems, sd=sd)
    if not (np.isfinite(difference) and difference != 0):
        problems.append(Problem("difference", repr(difference), "must be a number other than 0"))
    check.refuse(problems)
    unit = (1 + ratio) ** 2 / ratio * (sd / difference) ** 2
    normal = float(unit * (ndtri(1 - alpha) + ndtri(power)) ** 2)
    if known_sd:
        return normal
    from scipy.optimize import brentq
    from scipy.stats import nct
    from scipy.stats import t as student

    def short(n: float) -> float:
        return float(nct.sf(student.isf(alpha, n - 2), n - 2, np.sqrt(n / unit)) - power)

    return float(brentq(short, 2.001, max(2 * normal, 1e4), xtol=1e-9))


def size_for_rates(
    first: float, second: float, *, alpha: float = 0.025, power: float = 0.9, ratio: float = 1.0
) -> float:
    """Patients in both arms together to find a difference of two rates (not rounded).

    Args:
        first, second: true rates, between 0 and 1, not equal.
        alpha: one-sided; ratio: patients in the first arm for one in the second.

    Raises:
        BadInput: with every problem of the input.

    Source: normal approximation with the pooled variance under the null and the separate variances under
    the alternative (Fleiss 1981, section 3.3, without continuity correction), as R ``rpact``.
    """
    problems: list[Problem] = []
    _errors(alpha, power, ratio, problems)
    for name, rate in (("first", first), ("second", second)):
        if not 0 < rate < 1:
            problems.append(Problem(name, repr(rate), "must lie between 0 and 1"))
    if first == second:
        problems.append(Problem("first, second", repr(first), "must not be equal"))
    check.refuse(problems)
    pooled = (ratio * first + second) / (1 + ratio)
    null = ndtri(1 - alpha) * np.sqrt(pooled * (1 - pooled) * (1 + ratio))
    other = ndtri(power) * np.sqrt(first * (1 - first) + second * (1 - second) * ratio)
    return float((1 + ratio) / ratio * ((null + other) / (first - second)) ** 2)


def events_for_survival(
    hazard_ratio: float,
    *,
    alpha: float = 0.025,
    power: float = 0.9,
    ratio: float = 1.0,
    formula: str = "schoenfeld",
) -> float:
    """Events in both arms together for a log-rank test (not rounded).

    Args:
        hazard_ratio: true hazard ratio, not 1.
        alpha: one-sided; ratio: patients in the first arm for one in the second.
        formula: "schoenfeld" (1981) or "freedman" (1982; equal arms and others).

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    _errors(alpha, power, ratio, problems)
    _positive(problems, hazard_ratio=hazard_ratio)
    if hazard_ratio == 1:
        problems.append(Problem("hazard_ratio", "1", "must not be 1: there is nothing to find"))
    check.choice("formula", formula, ("schoenfeld", "freedman"), problems)
    check.refuse(problems)
    z = float(ndtri(1 - alpha) + ndtri(power))
    if formula == "schoenfeld":
        return float((1 + ratio) ** 2 / ratio * (z / np.log(hazard_ratio)) ** 2)
    return float((1 + ratio * hazard_ratio) ** 2 / ratio * (z / (1 - hazard_ratio)) ** 2)


def survival_power(events: float, hazard_ratio: float, *, alpha: float = 0.025, ratio: float = 1.0) -> float:
    """Power of the log-rank test with so many events, by Schoenfeld's formula.

    Raises:
        BadInput: with every problem of the input.
    """
    problems: list[Problem] = []
    _errors(alpha, 0.999999, ratio, problems)
    _positive(problems, events=events, hazard_ratio=hazard_ratio)
    check.refuse(problems)
    drift = abs(np.log(hazard_ratio)) * np.sqrt(events * ratio) / (1 + ratio)
    return float(ndtr(drift - ndtri(1 - alpha)))


# --- when the events come ---------------------------------------------------------------------------


def hazard_of_median(median: float) -> float:
    """Constant hazard whose median time is ``median``."""
    return float(np.log(2) / median)


def hazard_of_share(share: float, time: float) -> float:
    """Constant hazard by which a share has had the event at ``time``."""
    return float(-np.log1p(-share) / time)


@dataclass(frozen=True)
class Accrual:
    """Uniform accrual into two arms with constant hazards of the event and of dropout.

    Attributes:
        hazards: hazard of the event in the first and in the second arm, per unit of time.
        accrual: time over which patients enter uniformly.
        follow_up: time from the last entry to the end.
        dropout: hazard of dropout (both arms), per unit of time.
        ratio: patients in the first arm for one in the second.
    """

    hazards: tuple[float, float]
    accrual: float
    follow_up: float
    dropout: float = 0.0
    ratio: float = 1.0

    def __post_init__(self) -> None:
        problems: list[Problem] = []
        _positive(problems, accrual=self.accrual, ratio=self.ratio)
        if len(self.hazards) != 2:
            problems.append(Problem("hazards", f"{len(self.hazards)} hazards", "must be two, one an arm"))
        for place, hazard in enumerate(self.hazards):
            _positive(problems, **{f"hazards[{place}]": hazard})
        for name, value in (("follow_up", self.follow_up), ("dropout", self.dropout)):
            if not (np.isfinite(value) and value >= 0):
                problems.append(Problem(name, repr(value), "must be at least 0"))
        check.refuse(problems)

    @property
    def duration(self) -> float:
        """Time from the first entry to the end."""
        return self.accrual + self.follow_up

    def event_share(self, time: ArrayLike) -> Floats:
        """Expected events by calendar time ``time``, as a share of all patients to be entered.

        Source: integral over entry times of lambda/(lambda+eta) (1 - exp(-(lambda+eta) exposure)).
        """
        t = np.maximum(np.asarray(time, dtype=np.float64), 0.0)
        entered = np.minimum(t, self.accrual)
        total = np.zeros_like(t)
        for hazard, weight in zip(self.hazards, (self.ratio, 1.0), strict=True):
            both = hazard + self.dropout
            lost = (np.exp(-both * (t - entered)) - np.exp(-both * t)) / both
            total = total + weight * hazard / both * (entered - lost)
        return np.asarray(total / (self.accrual * (1 + self.ratio)))

    def entered_share(self, time: ArrayLike) -> Floats:
        """Patients entered by calendar time ``time``, as a share of all."""
        return np.asarray(np.clip(np.asarray(time, dtype=np.float64) / self.accrual, 0.0, 1.0))

    def patients_for(self, events: float) -> float:
        """Patients needed for so many expected events at the end (not rounded).

        Raises:
            BadInput: if ``events`` is not positive.
        """
        problems: list[Problem] = []
        _positive(problems, events=events)
        check.refuse(problems)
        return float(events / self.event_share(self.duration))

    def time_of(self, events: float, patients: float) -> float:
        """Calendar time at which so many events are expected among ``patients``; follow-up may go on.

        Raises:
            BadInput: if there are more events than patients, or more than would ever be seen.
        """
        problems: list[Problem] = []
        _positive(problems, events=events, patients=patients)
        check.refuse(problems)
        if events > patients:
            allowed = f"must not exceed the {patients:g} patients"
            raise BadInput([Problem("events", f"{events:g}", allowed)])
        ever = sum(
            w * h / (h + self.dropout) for h, w in zip(self.hazards, (self.ratio, 1.0), strict=True)
        ) / (1 + self.ratio)
        if events >= patients * ever * (1 - 1e-9):
            allowed = (
                f"must be fewer than the {patients * ever:.1f} that would ever be seen with this dropout"
            )
            raise BadInput([Problem("events", f"{events:g}", allowed)])
        from scipy.optimize import brentq

        end = self.duration
        while patients * float(self.event_share(end)) < events:
            end *= 2
            if end > 1e12:
                raise RunFailed("The time of the events could not be found; the hazards are too small.")
        return float(brentq(lambda t: patients * float(self.event_share(t)) - events, 0.0, end, xtol=1e-10))

    def calendar_fractions(self, times: ArrayLike) -> Floats:
        """Information fractions of looks at calendar times; the last of them is 1.

        Raises:
            BadInput: if the looks are out of order or before any event.
        """
        problems: list[Problem] = []
        when = check.numbers("times", times, problems)
        if not problems and not (when.size and (when > 0).all() and (np.diff(when) > 0).all()):
            problems.append(Problem("times", repr(when.tolist()), "must be above 0 and ascend"))
        check.refuse(problems)
        share = self.event_share(when)
        return np.asarray(share / share[-1])


def event_fractions(events: ArrayLike, patients: float | None = None) -> Floats:
    """Information fractions of looks after so many events.

    Args:
        events: events at each look, ascending; patients: at most so many can have one.

    Raises:
        BadInput: looks out of order or with more events than patients.
    """
    problems: list[Problem] = []
    count = check.numbers("events", events, problems)
    if not problems:
        if not (count.size and (count > 0).all() and (np.diff(count) > 0).all()):
            problems.append(Problem("events", repr(count.tolist()), "must be above 0 and ascend"))
        if patients is not None and count.size and count.max() > patients:
            allowed = f"must not exceed the {patients:g} patients"
            problems.append(Problem("events", f"{count.max():g}", allowed))
    check.refuse(problems)
    return np.asarray(count / count[-1])
