"""What an analysis sees: the patients of many trials as flat arrays, after an estimand has been applied.

Nothing here knows tables. A bank of patients makes these arrays once and draws trials from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hepatrial.analysis.check import Floats, Ints
from hepatrial.analysis.win_ratio import TimeLevel, ValueLevel


@dataclass(frozen=True)
class Sample:
    """Who is in which trial and arm; one entry a patient.

    Attributes:
        unit: (n,) trial, from 0 to ``units`` - 1.
        arm: (n,) 0 = first arm of the contrast, 1 = second.
        units: number of trials.
        arms: names of the two arms; contrasts are first against second.
        stratum: (n,) code from 0; strata: their number.
    """

    unit: Ints
    arm: Ints
    units: int
    arms: tuple[str, str]
    stratum: Ints
    strata: int

    def __len__(self) -> int:
        return int(self.unit.size)

    @property
    def contrast(self) -> str:
        """The contrast in words."""
        return f"{self.arms[0]} v {self.arms[1]}"

    @property
    def cell(self) -> Ints:
        """(n,) code of trial and stratum."""
        return self.unit * self.strata + self.stratum

    @property
    def group(self) -> Ints:
        """(n,) code of trial and arm."""
        return self.unit * 2 + self.arm

    def count(self, which: NDArray[np.bool_] | None = None) -> Ints:
        """(units, 2) patients by trial and arm, of those chosen."""
        group = self.group if which is None else self.group[which]
        return np.bincount(group, minlength=2 * self.units).reshape(self.units, 2).astype(np.int64)

    def _rows(self, index: NDArray[np.integer]) -> dict[str, Any]:
        names = [name for name, value in vars(self).items() if isinstance(value, np.ndarray)]
        return {name: getattr(self, name)[index] for name in names}

    def take(self, index: NDArray[np.integer], unit: Ints, units: int, arm: Ints | None = None) -> Self:
        """Patients drawn (with replacement, if wanted) into trials.

        Args:
            index: (m,) rows of this sample; unit: (m,) trial of each; units: number of trials.
            arm: (m,) arm of each; default the arm of the row.
        """
        rows = self._rows(index)
        rows["unit"] = unit
        if arm is not None:
            rows["arm"] = arm
        return replace(self, units=units, **rows)


@dataclass(frozen=True)
class TimeSample(Sample):
    """Time to an outcome.

    Attributes:
        time: (n,) days; cause: (n,) 0 = censored, 1 = the outcome, 2 = a competing event.
        good: whether the outcome is a good one (discharge home), so that more of it is better.
    """

    time: Floats
    cause: Ints
    good: bool = False

    def until(self, day: Floats | float) -> TimeSample:
        """The same seen at an earlier day: who has had nothing by then is censored there."""
        later = self.time > day
        return replace(self, time=np.minimum(self.time, day), cause=np.where(later, 0, self.cause))


@dataclass(frozen=True)
class ValueSample(Sample):
    """A value of each patient at a planned day.

    Attributes:
        value: (n,) NaN = missing; -inf or inf = the worst (dead or worse than any value).
        baseline: (n,) NaN = none.
        higher_is_better: direction of the measure.
    """

    value: Floats
    baseline: Floats
    higher_is_better: bool = False


@dataclass(frozen=True)
class LevelSample(Sample):
    """A hierarchy of outcomes, the gravest first.

    Attributes:
        follow_up: (n,) days up to which each patient was seen, death included.
        levels: (levels, n) event times (infinite without) or values (NaN without).
        kinds: what each level is; its arrays are not used.
    """

    follow_up: Floats
    levels: Floats
    kinds: tuple[TimeLevel | ValueLevel, ...]

    def take(self, index: NDArray[np.integer], unit: Ints, units: int, arm: Ints | None = None) -> Self:
        """As ``Sample.take``."""
        drawn = replace(self, levels=self.levels.T)
        rows = drawn._rows(index)
        rows |= {"unit": unit, "levels": rows["levels"].T}
        if arm is not None:
            rows["arm"] = arm
        return replace(self, units=units, **rows)


def codes(labels: Sequence[object] | NDArray[np.generic]) -> tuple[Ints, int]:
    """(n,) place of each label among the sorted ones, and how many there are."""
    found, inverse = np.unique(np.asarray(labels), return_inverse=True)
    return inverse.astype(np.int64), max(int(found.size), 1)
