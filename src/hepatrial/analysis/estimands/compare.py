"""One call for every method: a sample and the method's name in, ``Inferences`` out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from hepatrial.analysis.estimands import times, values
from hepatrial.analysis.estimands.sample import LevelSample, Sample, TimeSample, ValueSample
from hepatrial.analysis.inferences import Inferences
from hepatrial.errors import BadInput, Problem, nearest_name


@dataclass(frozen=True)
class Method:
    """A method by name.

    Attributes:
        name: as it is asked for.
        takes: kind of sample.
        needs_day: whether it needs a day (a milestone, or the horizon tau).
        sentence: what it does, in a line.
        run: the function.
    """

    name: str
    takes: type[Sample]
    needs_day: bool
    sentence: str
    run: Callable[..., Inferences]


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("logrank", TimeSample, False, "log-rank test, one-step log hazard ratio", times.logrank),
        Method("maxcombo", TimeSample, False, "MaxCombo test for non-proportional hazards", times.maxcombo),
        Method("cox", TimeSample, False, "hazard ratio of a Cox model", times.hazard_ratio),
        Method("difference", TimeSample, True, "difference of survival or incidence", times.difference_at),
        Method(
            "difference_log_log",
            TimeSample,
            True,
            "the same, tested on the log-log scale",
            partial(times.difference_at, test="log-log"),
        ),
        Method("risk_difference", TimeSample, True, "score interval, nobody censored", times.risk_difference),
        Method(
            "rmst", TimeSample, True, "difference of restricted means up to the day", times.restricted_mean
        ),
        Method("ancova", ValueSample, False, "difference of means at equal baseline", values.mean_difference),
        Method(
            "t_test",
            ValueSample,
            False,
            "difference of means",
            partial(values.mean_difference, adjust=False),
        ),
        Method(
            "better_probability",
            ValueSample,
            False,
            "probability of doing better, deaths ranked worst",
            values.better_probability,
        ),
        Method("win_ratio", LevelSample, False, "win ratio of a hierarchy", values.win_ratio),
        Method(
            "net_benefit",
            LevelSample,
            False,
            "wins minus losses of a hierarchy",
            partial(values.win_ratio, measure="net_benefit"),
        ),
    )
}
"""Name -> method; all of them answer for every trial of the sample at once."""


def compare(sample: Sample, method: str, *, day: float | None = None, level: float = 0.95) -> Inferences:
    """Contrast the two arms of every trial by a named method.

    Args:
        sample: patients after an estimand has been applied (``apply_estimand``), or drawn from a bank.
        method: a name of ``METHODS``.
        day: milestone or horizon, for the methods that need one.
        level: of the intervals.

    Raises:
        BadInput: an unknown method, one for another kind of outcome, or no day where one is needed.
    """
    known = METHODS.get(method)
    if known is None:
        allowed = f"must be one of {', '.join(METHODS)}"
        raise BadInput([Problem("method", repr(method), allowed, nearest_name(method, METHODS))])
    problems = []
    if not isinstance(sample, known.takes):
        fitting = [name for name, other in METHODS.items() if isinstance(sample, other.takes)]
        problems.append(
            Problem("method", repr(method), f"must be one for this outcome: {', '.join(fitting)}")
        )
    if known.needs_day and not (day is not None and 0 < day < float("inf")):
        problems.append(Problem("day", repr(day), f"must be a number of days above 0 for {method}"))
    if not 0 < level < 1:
        problems.append(Problem("level", repr(level), "must lie between 0 and 1"))
    if problems:
        raise BadInput(problems)
    if known.needs_day:
        return known.run(sample, day, level=level)
    return known.run(sample, level=level)
