"""Published figures of trials and cohorts, each with its source, its grade and what it may be used for.

The figures are facts in files beside this module. The grade words are those of ``provenance.GRADES``;
figures that are only recalled are not in the files at all.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from hepatrial.analysis import proportion_interval
from hepatrial.evidence.variables import VARIABLES

Grade = Literal["seen", "seen_secondary", "derived", "article"]
Use = Literal["fitted", "predicted", "article, unverified"]
"""``fitted``: a calibration target rests on it. ``predicted``: it was held back."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    def text(self, name: str, lang: str) -> str:
        """The entry ``name`` in ``lang`` ("en", "zh"); English when there is no translation."""
        return str(getattr(self, f"{name}_{lang}", "") or getattr(self, name))


class Figure(_Record):
    """What every published figure carries."""

    key: str
    """Unique over all files ("lin2017.survival.smt.24")."""
    grade: Grade
    source: str
    may_fit: bool = False
    """Whether a calibration may use it."""
    target: str | None = None
    """Name of the calibration target that rests on it, if one does."""
    note: str = ""
    note_zh: str = ""

    @model_validator(mode="after")
    def _honest(self) -> Self:
        if self.may_fit and self.grade not in ("seen", "derived"):
            raise ValueError(f"{self.key}: a figure of grade {self.grade} may not be fitted to")
        if self.target and not self.may_fit:
            raise ValueError(f"{self.key}: a target rests on it, yet it may not be fitted to")
        return self

    @property
    def use(self) -> Use:
        """What the figure is to a simulation that is laid beside it."""
        if self.grade == "article":
            return "article, unverified"
        return "fitted" if self.target else "predicted"


def _percent_interval(count: int, n: int, level: float) -> tuple[float, float]:
    low, high = proportion_interval(count, n, level=level)
    return 100 * float(low), 100 * float(high)


class Count(Figure):
    """Patients with something, out of ``n``."""

    arm: str
    """Arm as in the protocol of the same name."""
    n: int
    count: int | None = None
    """None when the source gives no number that whole patients can make."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.n <= 0 or (self.count is not None and not 0 <= self.count <= self.n):
            raise ValueError(f"{self.key}: {self.count} of {self.n}")
        return self

    @property
    def percent_of_count(self) -> float | None:
        """100 count / n."""
        return None if self.count is None else 100 * self.count / self.n

    def interval(self, level: float = 0.95) -> tuple[float, float] | None:
        """Exact limits in percent, or None without a count."""
        if self.count is None:
            return None
        return _percent_interval(self.count, self.n, level)


class SurvivalPoint(Count):
    """Survivors of an arm at a time; ``count`` is their number."""

    week: float
    percent: float
    """As printed."""
    ci_low: float | None = None
    """Printed 95 % limits in percent, if any."""
    ci_high: float | None = None

    @property
    def survivors(self) -> int | None:
        """Same as ``count``."""
        return self.count


class EventCount(Count):
    """Patients of an arm with an event; ``count`` is None when only a direction is given."""

    event: str
    """Event name of the event table where there is one ("severe_infection")."""
    label: str
    label_zh: str
    from_week: float = 0.0
    to_week: float | None = None
    percent: float | None = None
    """As printed."""
    direction: Literal["", "more", "fewer", "equal"] = ""
    """Against the control arm, when only words are given."""


class SurvivalDifference(Figure):
    """Treated minus control, percentage points."""

    treated: str
    control: str
    week: float
    points: float


class PrintedTest(Figure):
    """A p-value as printed."""

    about: str
    about_zh: str
    p: float


class LaboratoryDirection(Figure):
    """Which way a laboratory value went with treatment, against control or before, in words."""

    measure: str
    direction: Literal["up", "down", "none"]
    against: Literal["control", "baseline"]
    weeks: str
    """When, in the source's terms."""
    weeks_zh: str = ""


class Remark(_Record):
    """Something a reader must know about the figures."""

    text_en: str
    text_zh: str
    source: str = ""

    def in_language(self, lang: str) -> str:
        """The remark in ``lang``."""
        return self.text_zh if lang == "zh" else self.text_en


class Published(_Record):
    """What was published about one trial."""

    id: str
    citation: str
    doi: str = ""
    read: str
    """What of it was read."""
    read_zh: str
    arms: dict[str, int]
    """Arm -> patients."""
    survival: tuple[SurvivalPoint, ...] = ()
    differences: tuple[SurvivalDifference, ...] = ()
    events: tuple[EventCount, ...] = ()
    tests: tuple[PrintedTest, ...] = ()
    laboratory: tuple[LaboratoryDirection, ...] = ()
    baseline: tuple[Count, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, whatever its kind."""
        kinds = (self.survival, self.differences, self.events, self.tests, self.laboratory, self.baseline)
        return tuple(figure for kind in kinds for figure in kind)

    def survival_of(self, arm: str) -> tuple[SurvivalPoint, ...]:
        """Points of an arm by week; where a seen and an article figure meet, the seen one."""
        order = {"seen": 0, "derived": 1, "seen_secondary": 2, "article": 3}
        best: dict[float, SurvivalPoint] = {}
        for point in sorted(self.survival, key=lambda point: order[point.grade]):
            if point.arm == arm:
                best.setdefault(point.week, point)
        return tuple(best[week] for week in sorted(best))

    @model_validator(mode="after")
    def _arms_exist(self) -> Self:
        for figure in (*self.survival, *self.events, *self.baseline):
            if figure.arm not in self.arms or figure.n != self.arms[figure.arm]:
                raise ValueError(f"{figure.key}: arm {figure.arm} with {figure.n}, not as in arms")
        return self


class AdmissionFigure(Figure):
    """One statistic of a cohort at admission, in the SI unit of the measure."""

    group: str = "all"
    """Part of the cohort ("all", "grade 1")."""
    n: int
    variable: str
    """One of ``variables.VARIABLES``."""
    unit: str
    statistic: Literal["mean", "sd", "median", "q1", "q3", "percent"]
    value: float

    @property
    def label(self) -> str:
        """The variable in English."""
        return VARIABLES[self.variable][0]

    @property
    def label_zh(self) -> str:
        """The variable in Chinese."""
        return VARIABLES[self.variable][1]


class Mortality(Figure):
    """Deaths of a cohort by a day."""

    day: float
    n: int
    count: int

    @property
    def percent(self) -> float:
        """100 count / n."""
        return 100 * self.count / self.n

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Exact limits in percent."""
        return _percent_interval(self.count, self.n, level)


class Cohort(_Record):
    """A published cohort without a trial."""

    id: str
    label: str
    label_zh: str
    citation: str
    doi: str
    definition: str
    """Tag of the definition of the disease."""
    definition_note: str
    n: int
    admission: tuple[AdmissionFigure, ...]
    mortality: tuple[Mortality, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure."""
        return (*self.admission, *self.mortality)

    def value(self, variable: str, statistic: str, group: str = "all") -> float | None:
        """One admission statistic, or None when it was not published."""
        found = (
            figure.value
            for figure in self.admission
            if (figure.variable, figure.statistic, figure.group) == (variable, statistic, group)
        )
        return next(found, None)
