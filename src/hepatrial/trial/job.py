"""The parts of a run that any process can do: chunks of candidates and of courses.

Every part is a function of the run's ``spec.json``, of its ``inputs`` and of the finished parts before it, so
that whoever does it, whenever, gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.ensemble.storage import Shards, parquet_bytes
from hepatrial.errors import BadInput, RunFailed
from hepatrial.population.cohort import make_cohort, make_illness, pool_size
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.onset import Illness
from hepatrial.population.pool import (
    CHUNK,
    Store,
    onset_chunk,
    onset_name,
    onset_to_bytes,
)
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial import plausible as several
from hepatrial.trial.courses import AGAIN, COURSE, Tables, Trial, VariantSet, simulate_courses
from hepatrial.trial.folder import TABLES
from hepatrial.trial.plan import Plan
from hepatrial.trial.plausible import CARDS, FILE, Worlds, worlds_from_bytes

Progress = Callable[[str, int, int], None]

COURSE_CHUNK = 1024
"""Courses simulated in one engine call."""
FOLLOWED_AGAIN = 1000
"""Counterfactual persons, at most, who are followed once more with other luck."""
SMALLEST_ONSET, CANDIDATES_A_SUBJECT = 64, 8
"""A world that needs few subjects follows fewer candidates at a time."""


@dataclass(frozen=True)
class Chunk:
    """Courses that are simulated together.

    Attributes:
        stem: name in the folder, without table and ending.
        world: they belong to.
        rows: of the plan.
        luck_of: which luck their events have (``courses.COURSE`` or ``AGAIN``).
    """

    stem: str
    world: int
    rows: Plan
    luck_of: str = COURSE

    @property
    def tables(self) -> tuple[str, ...]:
        """What is kept of them."""
        return TABLES if self.luck_of == COURSE else ("subject",)

    @property
    def files(self) -> list[str]:
        """Names in the folder."""
        return [f"{self.stem}.{table}.parquet" for table in self.tables]

    def simulate(self, trial: Trial) -> dict[str, bytes]:
        """Name in the folder -> content."""
        made: Tables = simulate_courses(trial, self.rows, self.luck_of)
        return {f"{self.stem}.{table}.parquet": parquet_bytes(getattr(made, table)) for table in self.tables}


@dataclass(frozen=True)
class Job:
    """A run before its cohorts are known.

    Attributes:
        machine: model and engine.
        protocol: whom the trial takes and what it does.
        seed: the run's seed.
        settings: of the run; they go before those of a world.
        variants: of the cell effect.
        worlds: that the run averages over.
        plan: every course.
        onset_size: candidates in a chunk.
        course_size: courses in a chunk.
    """

    machine: Machine
    protocol: Protocol
    seed: int
    settings: Mapping[str, float]
    variants: VariantSet
    worlds: Worlds
    plan: Plan
    onset_size: int = CHUNK
    course_size: int = COURSE_CHUNK

    @cached_property
    def chunks(self) -> list[Chunk]:
        """Chunks of courses, those of a world together; then those followed once more."""
        pairs = (self.plan.replicate == PAIR_REPLICATE) & (self.plan.person <= FOLLOWED_AGAIN)
        return [
            *self._chunks("course", np.ones(len(self.plan), dtype=bool), COURSE),
            *self._chunks("again", pairs, AGAIN),
        ]

    def _chunks(self, name: str, wanted: NDArray[np.bool_], luck_of: str) -> Iterable[Chunk]:
        size, number = self.course_size, count()
        for world in range(len(self.worlds)):
            mine = np.flatnonzero(wanted & (self.plan.world == world))
            for start in range(0, len(mine), size):
                stem = f"shards/{name}-{size}-{next(number):05d}"
                yield Chunk(stem, world, self.plan.rows(mine[start : start + size]), luck_of)

    @cached_property
    def subjects(self) -> list[int]:
        """How many subjects the cohort of each world must have."""
        last = np.zeros(len(self.worlds), dtype=np.int64)
        np.maximum.at(last, self.plan.world, self.plan.row + 1)
        return [int(n) for n in last]

    @cached_property
    def needed(self) -> list[int]:
        """Worlds in which somebody is followed."""
        return [world for world, subjects in enumerate(self.subjects) if subjects]

    def illness(self, world: int, attempt: int) -> Illness:
        """Protocol, cards, clinic and seed of a world."""
        deck = make_deck({**self.worlds.settings_of(world, attempt), **self.settings})
        return make_illness(self.protocol, deck, self.seed, self.worlds.first_candidate(world))

    @property
    def block(self) -> int | None:
        """Admitted patients that are matched together; None: as many as usual."""
        return None if self.worlds.alone else several.BLOCK

    @cached_property
    def pool_sizes(self) -> list[int]:
        """How many have to be admitted in each world."""
        return [pool_size(self.protocol, subjects, self.block) for subjects in self.subjects]

    def onset_chunk(self, world: int) -> int:
        """Candidates in a chunk of a world."""
        if self.worlds.alone:
            return self.onset_size
        few = -(-CANDIDATES_A_SUBJECT * self.pool_sizes[world] // SMALLEST_ONSET) * SMALLEST_ONSET
        return min(self.onset_size, max(SMALLEST_ONSET, few))

    def onset(self, world: int, attempt: int, index: int) -> bytes:
        """A chunk of candidates as it is kept."""
        illness = self.illness(world, attempt)
        return onset_to_bytes(onset_chunk(self.machine, illness, self.onset_chunk(world), index))

    def onset_name(self, world: int, attempt: int, index: int) -> str:
        """Where it is kept."""
        size = self.onset_chunk(world)
        if self.worlds.alone:
            return onset_name(size, index)
        return f"shards/onset-{size}-w{world + 1:04d}-{attempt}-{index:05d}.npz"

    def trial(
        self,
        world: int,
        store: Store | None,
        threads: int = 1,
        tell: Callable[[int, int], None] | None = None,
        ahead: int | None = 1,
    ) -> Trial:
        """A world with its cohort: read from the folder as far as it is there, else simulated.

        Raises:
            BadInput: no member that was tried for the world admits patients of the protocol.
        """
        last = self.worlds.attempts(world) - 1
        for attempt in range(last + 1):
            illness = self.illness(world, attempt)
            try:
                cohort = make_cohort(
                    self.machine,
                    illness,
                    self.subjects[world],
                    threads=threads,
                    chunk=self.onset_chunk(world),
                    store=store,
                    progress=tell,
                    ahead=ahead,
                    name=partial(self.onset_name, world, attempt),
                    budget=None if self.worlds.alone else several.budget,
                    block_size=self.block,
                )
            except BadInput:
                if attempt == last:
                    raise
                continue
            return Trial(self.machine, illness, cohort, self.variants)
        raise AssertionError("a world has at least one member")


def job_of_spec(
    folder: Path, spec: Mapping[str, Any], onset_size: int = CHUNK, course_size: int = COURSE_CHUNK
) -> Job:
    """The job of a run folder, on the patient model."""
    from hepatrial.trial.run import make_job, patient_machine

    options, protocol = spec["options"], protocol_from_dict(spec["protocol"])
    worlds = read_worlds(folder, spec)
    return make_job(patient_machine(), protocol, options, worlds, onset_size, course_size)


def read_worlds(folder: Path, spec: Mapping[str, Any]) -> Worlds:
    """The worlds of a run folder.

    Raises:
        RunFailed: their file is missing or is not the one that the run began with.
    """
    if spec["worlds"]["kind"] == CARDS.kind:
        return CARDS
    try:
        worlds = worlds_from_bytes((folder / FILE).read_bytes())
    except (OSError, ValueError, KeyError):
        raise RunFailed(f"{FILE} in {folder} is missing or damaged; begin the run anew.") from None
    if worlds.hash != spec["worlds"]["hash"]:
        raise RunFailed(f"{FILE} in {folder} is not what the run began with; begin it anew.")
    return worlds


def missing_courses(shards: Shards, chunks: Sequence[Chunk]) -> list[int]:
    """Numbers of the chunks of courses that are not in the folder, or not as they were written."""
    there = shards.whole(name for chunk in chunks for name in chunk.files)
    return [number for number, chunk in enumerate(chunks) if not there.issuperset(chunk.files)]
