"""Individual times behind a printed survival curve, from points read off it and the numbers at risk.

After Guyot, Ades, Ouwens and Welton 2012, BMC Med Res Methodol 12:9: within each interval of the risk table
the censored are spread evenly and their number is moved until the number at risk at its end comes out, while
the deaths are those that bring the Kaplan-Meier curve down through the read-off points. After the last number
at risk the censoring goes on at the mean rate before or, where the total of events is known, so as to meet
it. Two things differ, for curves with few points: the number of censored is searched, not iterated, and
deaths between two points are spread evenly between them, not put on the later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hepatrial.analysis import kaplan_meier
from hepatrial.errors import BadInput, Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Reconstructed:
    """Times made to fit a printed curve: not patients' data, and marked so wherever they go.

    Attributes:
        time: (n,) in the unit of the read-off points, sorted.
        event: (n,) 1 = event.
        worst_survival: largest distance of the rebuilt curve from a read-off point.
        worst_at_risk: largest distance from a printed number at risk, in patients.
        notes: how it was made and what it cannot carry.
        reconstructed: always True.
    """

    time: Floats
    event: Ints
    worst_survival: float
    worst_at_risk: int
    notes: tuple[str, ...]
    reconstructed: bool = True

    @property
    def n(self) -> int:
        """Patients."""
        return len(self.time)

    @property
    def events(self) -> int:
        """Events."""
        return int(self.event.sum())


@dataclass(frozen=True)
class _Stretch:
    """One interval of the risk table filled: deaths and censored of each step between its points."""

    deaths: Ints
    censored: Ints
    left: int
    """At risk at its end."""
    curve: float
    """Kaplan-Meier value at its end."""


def reconstruct(
    time: ArrayLike,
    survival: ArrayLike,
    risk_time: ArrayLike,
    at_risk: Sequence[int],
    *,
    total_events: int | None = None,
) -> Reconstructed:
    """Individual times of one arm.

    Args:
        time: (m,) read-off times, ascending; (0, 1) is put in front when it is not there.
        survival: (m,) read-off survival as a fraction, not rising.
        risk_time: (r,) times of the risk table, ascending from 0; (0,) when only n is known.
        at_risk: (r,) printed numbers at risk.
        total_events: events in the arm over the whole curve, when printed.

    Raises:
        BadInput: with every problem: survival that rises or is outside 0 to 1, numbers at risk that rise,
            times that do not ascend, more events than patients.
    """
    t, s, risk_t, risk_n = _checked(time, survival, risk_time, at_risk, total_events)
    points = np.union1d(t, risk_t)
    heights = np.interp(points, t, s)
    ends = np.searchsorted(points, risk_t)
    n, curve, censored_before = int(risk_n[0]), 1.0, 0
    stretches: list[_Stretch] = []
    for low, high, wanted in zip(ends[:-1], ends[1:], risk_n[1:], strict=True):
        part = _fill_to(points[low : high + 1], heights[low : high + 1], n, curve, int(wanted))
        stretches.append(part)
        n, curve, censored_before = part.left, part.curve, censored_before + int(part.censored.sum())
    if ends[-1] < len(points) - 1:
        tail = slice(int(ends[-1]), len(points))
        so_far = sum(int(part.deaths.sum()) for part in stretches)
        rate = censored_before / risk_t[-1] if risk_t[-1] > 0 else 0.0
        wanted_events = None if total_events is None else total_events - so_far
        stretches.append(_fill_tail(points[tail], heights[tail], n, curve, float(rate), wanted_events))
    times, events = _patients(points, stretches, int(risk_n[0]))
    return _described(times, events, (t, s), (risk_t, risk_n), total_events)


def _checked(
    time: ArrayLike,
    survival: ArrayLike,
    risk_time: ArrayLike,
    at_risk: Sequence[int],
    total_events: int | None,
) -> tuple[Floats, Floats, Floats, Ints]:
    problems: list[Problem] = []
    t, s, rt, rn = (np.asarray(x, np.float64) for x in (time, survival, risk_time, at_risk))
    for name, x in (("time", t), ("survival", s), ("risk_time", rt), ("at_risk", rn)):
        if x.ndim != 1 or x.size == 0 or not np.isfinite(x).all():
            problems.append(Problem(name, f"shape {x.shape}", "must be finite numbers in one dimension"))
    for name, x, other in (("survival", s, t), ("at_risk", rn, rt)):
        if x.shape != other.shape:
            problems.append(Problem(name, f"{x.size} values", f"must be {other.size}, one a time"))
    if problems:
        raise BadInput(problems)
    if (np.diff(t) <= 0).any() or t[0] < 0:
        problems.append(Problem("time", "times out of order", "must ascend, from 0 or later"))
    if (np.diff(rt) <= 0).any() or rt[0] != 0:
        problems.append(Problem("risk_time", f"{rt.tolist()}", "must ascend from 0"))
    rises = t[1:][np.diff(s) > 0]
    problems += [Problem("survival", f"rises at {when:g}", "must not rise") for when in rises]
    if ((s < 0) | (s > 1)).any():
        problems.append(Problem("survival", f"{s[(s < 0) | (s > 1)][0]:g}", "must lie in 0 to 1"))
    if t[0] == 0 and s[0] != 1:
        problems.append(Problem("survival", f"{s[0]:g} at time 0", "must be 1 there"))
    if (np.diff(rn) > 0).any() or (rn < 0).any() or (rn != np.floor(rn)).any() or rn[0] < 1:
        problems.append(Problem("at_risk", f"{rn.tolist()}", "must be whole numbers that do not rise"))
    if total_events is not None and not 0 <= total_events <= rn[0]:
        problems.append(Problem("total_events", f"{total_events}", f"must lie in 0 to {rn[0]:g}"))
    if rt[-1] > t[-1]:
        problems.append(Problem("time", f"ends at {t[-1]:g}", f"must reach the last risk time {rt[-1]:g}"))
    if problems:
        raise BadInput(problems)
    if t[0] > 0:
        t, s = np.concatenate([[0.0], t]), np.concatenate([[1.0], s])
    return t, s, rt, rn.astype(np.int64)


def _fill(points: Floats, heights: Floats, n: int, curve: float, censored: int) -> _Stretch:
    """Deaths of each step when ``censored`` leave evenly over the stretch.

    In a step half of its censored are at risk when its deaths fall, as in a life table. Rounding does not
    add up: each step aims at the read-off height from where the curve has got to.
    """
    when = points[0] + (points[-1] - points[0]) * (np.arange(censored) + 0.5) / max(censored, 1)
    leaving = np.bincount(np.searchsorted(points, when) - 1, minlength=len(points) - 1)
    deaths = np.zeros(len(points) - 1, np.int64)
    for k, height in enumerate(heights[1:]):
        leaving[k] = min(leaving[k], n)
        exposed = n - leaving[k] / 2
        if exposed > 0 and curve > 0:
            deaths[k] = min(max(round(exposed * (1 - height / curve)), 0), n - leaving[k])
            curve *= max(1 - deaths[k] / exposed, 0.0)
        n -= int(deaths[k] + leaving[k])
    return _Stretch(deaths, leaving, n, curve)


def _fill_to(points: Floats, heights: Floats, n: int, curve: float, wanted: int) -> _Stretch:
    """The stretch whose number left is nearest the printed one; of equals that with the best end height."""
    tried = (_fill(points, heights, n, curve, c) for c in range(max(n - wanted, 0) + 1))
    return min(tried, key=lambda part: (abs(part.left - wanted), abs(part.curve - heights[-1])))


def _fill_tail(
    points: Floats, heights: Floats, n: int, curve: float, rate: float, wanted_events: int | None
) -> _Stretch:
    """After the last number at risk: censoring at the mean rate before, or as the total of events asks."""
    usual = min(round(rate * (points[-1] - points[0])), n)
    if wanted_events is None:
        return _fill(points, heights, n, curve, usual)
    tried = [(c, _fill(points, heights, n, curve, c)) for c in range(n + 1)]
    return min(
        tried, key=lambda pair: (abs(int(pair[1].deaths.sum()) - wanted_events), abs(pair[0] - usual))
    )[1]


def _patients(points: Floats, stretches: Sequence[_Stretch], n: int) -> tuple[Floats, Ints]:
    """Deaths and censored as times, evenly within their step; who is left is censored at the end."""
    deaths = np.concatenate([part.deaths for part in stretches]) if stretches else np.zeros(0, np.int64)
    censored = np.concatenate([part.censored for part in stretches]) if stretches else np.zeros(0, np.int64)
    times: list[float] = []
    events: list[int] = []
    for k, counts in enumerate(zip(deaths, censored, strict=True)):
        low, wide = points[k], points[k + 1] - points[k]
        for event, count in zip((1, 0), counts, strict=True):
            times += [float(low + wide * (j + 0.5) / count) for j in range(int(count))]
            events += [event] * int(count)
    left = n - len(times)
    times += [float(points[-1])] * left
    events += [0] * left
    order = np.argsort(np.array(times), kind="stable")
    return np.array(times)[order], np.array(events, dtype=np.int64)[order]


def _described(
    times: Floats,
    events: Ints,
    read: tuple[Floats, Floats],
    risk: tuple[Floats, Ints],
    total_events: int | None,
) -> Reconstructed:
    curve = kaplan_meier(times, events)
    # Beyond the last time of a curve that has not reached 0 nothing is known; the last read-off is at it.
    rebuilt = curve.survival_at(np.minimum(read[0], curve.time[-1]))
    at_risk = curve.number_at_risk(risk[0])
    worst_n = int(np.abs(at_risk - risk[1]).max())
    notes = [f"reconstructed from {len(read[0])} read-off points and {len(risk[0])} numbers at risk"]
    if len(risk[0]) == 1 and total_events is None:
        notes.append("no censoring is known: all who are left are taken as followed to the end")
    if worst_n:
        notes.append(f"rebuilt numbers at risk differ from the printed ones by up to {worst_n} patients")
    if total_events is not None and int(events.sum()) != total_events:
        notes.append(f"rebuilt events {int(events.sum())}, printed {total_events}")
    return Reconstructed(times, events, float(np.abs(rebuilt - read[1]).max()), worst_n, tuple(notes))
