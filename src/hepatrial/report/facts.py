"""What a report is made from: the run's tables, and what was planned, published and assumed, as plain data.

Everything that the report asks of other parts of hepatrial is gathered into these types by
``gather.gather``; the rest of the report knows nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.analysis import world_by_trial
from hepatrial.schema import PAIR_REPLICATE

Names = Mapping[str, str]
"""A text by language code."""


@dataclass(frozen=True)
class Arm:
    """An arm as planned.

    Attributes:
        name: as in the tables.
        label: short name to show.
        control: whether the other arms are compared with it.
        size: patients in each simulated trial.
        infusions: cell infusions planned.
        cells_per_kg: cells in one infusion, for each kg, or None.
        note: what the product is and how it is given, in words.
    """

    name: str
    label: Names
    control: bool
    size: int
    infusions: int = 0
    cells_per_kg: float | None = None
    note: Names = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """A published number that the simulation is laid beside.

    Attributes:
        endpoint: 'survival' (value = share alive), 'difference' (survival of the arm minus that of
            ``control``) or an event of the event table (share with it by ``week``).
        arm: the protocol's arm.
        week: weeks from randomisation.
        value: share.
        low, high: 95 % interval, or None.
        interval: where the interval comes from: 'printed', 'exact' (Clopper-Pearson on the counts) or ''.
        count, of: patients (alive, or with the event) of how many, when known.
        grade: grade of evidence (``provenance.GRADES``).
        role: 'fitted' (the model has seen it), 'predicted', or 'article' (unverified: shown, never counted).
        source: where it was read.
        note: what the reader must know about it.
        control: the other arm of a difference, else ''.
    """

    endpoint: str
    arm: str
    week: float
    value: float
    low: float | None
    high: float | None
    interval: str
    count: int | None
    of: int | None
    grade: str
    role: str
    source: str
    note: Names = field(default_factory=dict)
    control: str = ""


@dataclass(frozen=True)
class Reported:
    """Something published that is no number to compare: an event count without a simulated twin, a direction.

    Attributes:
        kind: 'event', 'laboratory' or 'test'.
        what: name to show, or the measure for 'laboratory'.
        text: what was reported ("0/56", "down", "0.03").
    """

    kind: str
    what: Names
    text: Names
    arm: str
    grade: str
    source: str
    note: Names = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedText:
    """A published number shown as it is: a baseline value of an arm or of a cohort."""

    who: str
    measure: str
    text: str
    grade: str
    source: str


@dataclass(frozen=True)
class CohortFigure:
    """One statistic of a published cohort at admission, in the SI unit of the measure.

    Attributes:
        cohort, group, n: which patients.
        measure: name of the same quantity in the run's admission table.
        statistic: 'mean', 'sd', 'median', 'q1', 'q3' or 'percent'.
    """

    cohort: str
    group: str
    n: int
    measure: str
    statistic: str
    value: float
    grade: str
    source: str


@dataclass(frozen=True)
class Variant:
    """A structural variant of the cell effect, its weight before any data and what it says."""

    name: str
    weight: float
    meaning: Names


@dataclass(frozen=True)
class Card:
    """A parameter as its card states it.

    Attributes:
        spread: how patients differ in it, in words; empty texts when they do not.
        meaning: the card's note.
        changed: whether a setting of the run changed it; its grade is then 'assumed'.
    """

    name: str
    value: float
    unit: str
    spread: Names
    source: str
    grade: str
    meaning: Names
    changed: bool = False


@dataclass(frozen=True)
class Step:
    """A step of the way from falling ill to randomisation: how many virtual patients took this exit."""

    name: str
    count: int


@dataclass(frozen=True)
class Assumption:
    """What is not known about the published trial, and how the protocol handles it."""

    about: str
    known: Names
    handled: Names
    grade: str
    source: str


@dataclass(frozen=True)
class Study:
    """What was simulated.

    Attributes:
        name: the protocol's identifier.
        title, question, context: one line, what is asked, what the answer may inform and with what else.
        citation, doi, registration: of the publication; empty when there is none.
        definition: the definition of the disease (tag of the cohort).
        entry: entry criteria in words, with where they come from.
        weeks: length of follow-up.
        landmarks: weeks at which survival is tabulated.
        primary_week: week of the primary comparison.
        endpoint: 'overall_survival' or 'transplant_free_survival'.
        strategies: how transplants are handled; each is shown.
        assumptions: what is not known and how it is handled.
    """

    name: str
    title: Names
    question: Names
    context: Names
    citation: str
    doi: str
    registration: str
    definition: Names
    entry: Names
    weeks: float
    landmarks: tuple[float, ...]
    primary_week: float
    endpoint: str
    strategies: tuple[str, ...]
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True)
class Facts:
    """Everything a report needs.

    Attributes:
        subjects, visits, events: the run's tables (``schema.py``).
        candidates: virtual patients who fell ill.
        steps: exits before admission, in order.
        never_met: entry criterion -> candidates who never met it.
        matching: how well a requested Table 1 was met (effective N, largest miss); empty when none was.
        admission: admission laboratory values: columns ``measure``, ``statistic``, ``value``.
        cohorts: published cohort -> its name.
        published: numbers to compare; reported: what else was published; read: what of the publication was
            read; remarks: what a reader must know about it.
        again: subject rows of counterfactual persons followed once more with other luck.
        worlds_kind, worlds: what the run averages over ("posterior", "prior", "cards") and how many.
        between_study: scale -> SD of a study's own deviation, which the simulated trials do not hold.
        references: key of a source -> its text.
        provenance: seed, versions, model hash, run hash.
    """

    study: Study
    arms: tuple[Arm, ...]
    subjects: pl.DataFrame
    visits: pl.DataFrame
    events: pl.DataFrame
    candidates: int
    steps: tuple[Step, ...]
    never_met: Mapping[str, int]
    matching: Mapping[str, Any]
    admission: pl.DataFrame
    cohorts: Mapping[str, Names]
    published: tuple[Published, ...]
    reported: tuple[Reported, ...]
    read: Names
    remarks: tuple[Names, ...]
    published_baseline: tuple[PublishedText, ...]
    published_admission: tuple[CohortFigure, ...]
    variants: tuple[Variant, ...]
    cards: tuple[Card, ...]
    again: pl.DataFrame = field(default_factory=pl.DataFrame)
    worlds_kind: str = "cards"
    worlds: int = 1
    between_study: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, object] = field(default_factory=dict)

    @property
    def run_hash(self) -> str:
        """Fingerprint of the run's specification."""
        return str(self.provenance["run_hash"])

    def worlds_of(self, replicates: NDArray[np.int64]) -> NDArray[np.int64]:
        """World in which each simulated trial was held.

        Args:
            replicates: numbers of the trials, from 1.
        """
        held = self._world_by_trial
        return held["world"].to_numpy()[np.searchsorted(held["replicate"].to_numpy(), replicates)]

    @property
    def controls(self) -> tuple[Arm, ...]:
        """The control arms, in the protocol's order."""
        return tuple(arm for arm in self.arms if arm.control)

    @property
    def ordered(self) -> tuple[Arm, ...]:
        """Control arms first."""
        return (*self.controls, *(arm for arm in self.arms if not arm.control))

    @property
    def contrasts(self) -> tuple[tuple[Arm, Arm], ...]:
        """Each other arm with the first control arm."""
        return tuple((arm, self.controls[0]) for arm in self.arms if arm is not self.controls[0])

    @cached_property
    def trials(self) -> pl.DataFrame:
        """Subjects of the simulated trials (not of the counterfactual arms)."""
        return self.subjects.filter(pl.col("replicate") != PAIR_REPLICATE)

    @cached_property
    def _world_by_trial(self) -> pl.DataFrame:
        return world_by_trial(self.trials)

    @cached_property
    def pairs(self) -> pl.DataFrame:
        """Subjects of the counterfactual arms."""
        return self.subjects.filter(pl.col("replicate") == PAIR_REPLICATE)

    @cached_property
    def replicates(self) -> int:
        """Number of simulated trials."""
        return int(self.trials["replicate"].n_unique())
