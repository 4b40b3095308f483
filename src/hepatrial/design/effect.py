"""An assumed effect on death, and what follows from it exactly: days of death, survival."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.design.worlds import LARGEST, Courses

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

_ROW = 64.0
"""Distance between two patients' hazards in the joined table; larger than any cumulative hazard in it."""
assert LARGEST < _ROW


@dataclass(frozen=True)
class Effect:
    """A hazard ratio of death between the arms, as a large trial would see it.

    Deaths come later (or earlier) in the order in which they would have come, so that the population's
    hazards have exactly these ratios however different the patients are. It is a statement about the trial,
    not about how the liver is helped; for that there are the structural variants.

    Attributes:
        ratio: from ``delay`` on.
        delay: day on which it begins; before it there is no effect.
        until: day on which ``after`` takes its place.
        after: ratio from then on; above 1 pays back what was gained before.
    """

    ratio: float = 1.0
    delay: float = 0.0
    until: float = math.inf
    after: float = 1.0

    @property
    def pieces(self) -> tuple[tuple[float, float], ...]:
        """(first day, ratio) of each stretch."""
        found = [(0.0, 1.0)] if self.delay > 0 else []
        if self.delay < self.until:
            found.append((self.delay, self.ratio))
        if math.isfinite(self.until):
            found.append((max(self.until, self.delay), self.after))
        return tuple(found)


NONE = Effect()
"""Nothing changes."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Courses of b patients made ready for looking up days of death.

    Attributes:
        courses: of one world.
        grid: (g,) days of its hazards.
    """

    courses: Courses
    grid: Array

    @cached_property
    def _flat(self) -> Array:
        rows = np.arange(len(self.courses.hazard))[:, None]
        return np.asarray((self.courses.hazard + _ROW * rows).ravel())

    def hazard_at(self, day: float) -> Array:
        """(b,) cumulative hazard at a day; linear between the days of the grid."""
        when = min(max(day, 0.0), float(self.grid[-1]))
        right = int(np.clip(np.searchsorted(self.grid, when, side="left"), 1, len(self.grid) - 1))
        low, high = self.courses.hazard[:, right - 1], self.courses.hazard[:, right]
        share = (when - self.grid[right - 1]) / (self.grid[right] - self.grid[right - 1])
        return np.asarray(low + share * (high - low))

    def day_of(self, level: Array, row: Whole) -> Array:
        """Day on which a patient's cumulative hazard reaches a level, infinite when it does not.

        Args:
            level: any shape, cumulative hazards.
            row: patients, of the same shape.
        """
        flat, g = self._flat, len(self.grid)
        wanted = np.minimum(level, _ROW - 1) + _ROW * row
        index = np.searchsorted(flat, wanted.ravel()).reshape(wanted.shape)
        local = index - row * g
        reached = (local < g) & (level <= LARGEST)
        right = np.clip(local, 1, g - 1)
        high, low = flat[row * g + right] - _ROW * row, flat[row * g + right - 1] - _ROW * row
        share = np.divide(level - low, high - low, out=np.zeros_like(high), where=high > low)
        day = self.grid[right - 1] + np.clip(share, 0.0, 1.0) * (self.grid[right] - self.grid[right - 1])
        return np.where(reached, day, np.inf)

    @lru_cache(maxsize=64)  # noqa: B019  (paths live as long as a design is simulated)
    def population(self, scale: float) -> Array:
        """(g,) cumulative hazard of the population, minus the logarithm of its survival."""
        mean = np.mean(np.exp(-scale * self.courses.hazard), axis=0)
        return np.asarray(np.maximum.accumulate(-np.log(np.maximum(mean, 1e-300))))

    def changed(self, day: float, effect: Effect, scale: float) -> float:
        """The population's cumulative hazard at a day under an effect."""
        whole = self.population(scale)
        pieces, total = effect.pieces, 0.0
        for number, (begin, ratio) in enumerate(pieces):
            end = pieces[number + 1][0] if number + 1 < len(pieces) else math.inf
            first, last = (float(np.interp(min(at, day), self.grid, whole)) for at in (begin, end))
            total += ratio * (last - first)
        return total

    def _moved(self, level: Array, effect: Effect, scale: float) -> Array:
        """Days on which the changed cumulative hazard reaches levels, infinite beyond the grid."""
        whole = self.population(scale)
        pieces = effect.pieces
        begin = [float(np.interp(min(day, self.grid[-1]), self.grid, whole)) for day, _ in pieces]
        back, spent = np.full(level.shape, np.inf), 0.0
        for number, (_, ratio) in enumerate(pieces):
            last = begin[number + 1] if number + 1 < len(pieces) else math.inf
            reach = spent + ratio * (last - begin[number])
            here = (level >= spent) & (level < reach)
            back = np.where(here, begin[number] + (level - spent) / ratio, back)
            spent = reach
        return np.where(back <= whole[-1], np.interp(back, whole, self.grid), np.inf)

    def death(self, luck: Array, row: Whole, effect: Effect = NONE, scale: float = 1.0) -> Array:
        """Day of death of patients with given luck, infinite when they outlive the course.

        Args:
            luck: unit-exponential thresholds, any shape.
            row: patients, of the same shape.
            effect: in force.
            scale: factor of each patient's hazard in every arm.
        """
        day = self.day_of(luck / scale, row)
        if effect == NONE:
            return day
        whole = self.population(scale)
        # Who outlives the course has luck left over, again exponential: a place behind all who died.
        left = luck - scale * self.courses.hazard[row, -1]
        level = np.where(
            np.isfinite(day), np.interp(np.minimum(day, self.grid[-1]), self.grid, whole), whole[-1] + left
        )
        return self._moved(level, effect, scale)

    def survival(
        self, day: float, effect: Effect = NONE, scale: float = 1.0, *, composite: bool = False
    ) -> Array:
        """(b,) each patient's probability of being alive at a day (and untransplanted, when ``composite``).

        The mean over patients is the population's survival without luck; its error is the bank's.
        """
        if effect == NONE:
            alive = np.exp(-scale * self.hazard_at(day))
        else:
            whole = self.population(scale)
            level = self.changed(day, effect, scale)
            beyond = max(level - float(whole[-1]), 0.0)
            back = float(np.interp(min(level, float(whole[-1])), whole, self.grid))
            alive = np.exp(-scale * self.hazard_at(back) - beyond)
        return np.where(self.courses.transplant > day, alive, 0.0) if composite else alive

    def curve(
        self, days: Array, effect: Effect = NONE, scale: float = 1.0, *, composite: bool = False
    ) -> Array:
        """(d,) the population's survival at some days."""
        if not composite:
            return np.array([math.exp(-self.changed(float(day), effect, scale)) for day in days])
        return np.array([float(self.survival(float(d), effect, scale, composite=True).mean()) for d in days])


def scale_for(paths: Paths, day: float, wanted: float, *, composite: bool) -> float:
    """Factor of the death hazard at which survival is ``wanted``; NaN when no factor reaches it."""
    from scipy.optimize import brentq

    def miss(log_scale: float) -> float:
        found: Any = paths.survival(day, scale=math.exp(log_scale), composite=composite).mean()
        return float(found) - wanted

    if miss(-6) < 0 or miss(4) > 0:
        return math.nan
    return math.exp(float(brentq(miss, -6, 4, xtol=1e-10)))


def paid_back(paths: Paths, day: float, early: float, until: float, scale: float) -> Effect:
    """No net effect: a gain until one day is paid back until another, where survival is equal."""
    whole = paths.population(scale)
    gained, at_end = (float(np.interp(when, paths.grid, whole)) for when in (until, day))
    return Effect(early, until=until, after=(at_end - early * gained) / (at_end - gained))
