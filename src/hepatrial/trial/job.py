"""The parts of a run that any process can do: chunks of candidates and of courses.

Every part is a function of the run's ``spec.json`` and of the finished parts before it, so that whoever does
it, whenever, gets the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards, parquet_bytes
from hepatrial.errors import RunFailed
from hepatrial.population.cohort import make_cohort, make_illness, pool_size
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.onset import Illness
from hepatrial.population.pool import (
    CHUNK,
    GIVE_UP_AFTER,
    SMALLEST_ACCEPTANCE,
    onset_chunk,
    onset_from_bytes,
    onset_name,
    onset_to_bytes,
)
from hepatrial.protocol import protocol_from_dict
from hepatrial.provenance import package_versions
from hepatrial.trial.courses import Tables, Trial, VariantSet, simulate_courses
from hepatrial.trial.folder import TABLES
from hepatrial.trial.plan import Plan, make_plan

Progress = Callable[[str, int, int], None]

COURSE_CHUNK = 1024
"""Courses simulated in one engine call."""


@dataclass(frozen=True)
class Job:
    """A run before its cohort is known.

    Attributes:
        machine: model and engine.
        illness: protocol, cards, clinic, seed.
        variants: of the cell effect.
        plan: every course.
        subjects: how many the cohort must have.
        onset_size: candidates in a chunk.
        course_size: courses in a chunk.
    """

    machine: Machine
    illness: Illness
    variants: VariantSet
    plan: Plan
    subjects: int
    onset_size: int = CHUNK
    course_size: int = COURSE_CHUNK

    @cached_property
    def chunks(self) -> list[tuple[str, Plan]]:
        """Name and rows of each chunk of courses, in the order of the final tables."""
        size = self.course_size
        starts = range(0, len(self.plan), size)
        return [
            (f"shards/course-{size}-{number:05d}", self.plan.rows(start, start + size))
            for number, start in enumerate(starts)
        ]

    def trial(
        self, shards: Shards, threads: int = 1, tell: Progress | None = None, ahead: int | None = 1
    ) -> Trial:
        """The run with its cohort: read from the folder as far as it is there, else simulated."""
        cohort = make_cohort(
            self.machine,
            self.illness,
            self.subjects,
            threads=threads,
            chunk=self.onset_size,
            store=shards,
            progress=None if tell is None else partial(tell, "admission"),
            ahead=ahead,
        )
        return Trial(self.machine, self.illness, cohort, self.variants)

    def onset(self, index: int) -> bytes:
        """A chunk of candidates as it is kept."""
        return onset_to_bytes(onset_chunk(self.machine, self.illness, self.onset_size, index))

    def onset_name(self, index: int) -> str:
        """Where it is kept."""
        return onset_name(self.onset_size, index)


def job_of_spec(spec: Mapping[str, Any], onset_size: int = CHUNK, course_size: int = COURSE_CHUNK) -> Job:
    """The job of a run's spec, on the patient model."""
    from hepatrial.trial.run import patient_machine, variant_set

    options, protocol = spec["options"], protocol_from_dict(spec["protocol"])
    deck, variants = make_deck(options["settings"]), variant_set(options["variant"])
    plan = make_plan(
        protocol, options["seed"], options["replicates"], options["pairs"], np.array(variants.weights)
    )
    subjects = max(options["replicates"] * protocol.patients, options["pairs"])
    illness = make_illness(protocol, deck, options["seed"])
    return Job(patient_machine(), illness, variants, plan, subjects, onset_size, course_size)


def course_files(stem: str, tables: Tables) -> dict[str, bytes]:
    """A chunk's shards: name in the folder -> content."""
    return {f"{stem}.{table}.parquet": parquet_bytes(getattr(tables, table)) for table in TABLES}


def missing_courses(shards: Shards, chunks: Sequence[tuple[str, Plan]]) -> list[int]:
    """Numbers of the chunks of courses that are not in the folder, or not as they were written."""
    names = [[f"{stem}.{table}.parquet" for table in TABLES] for stem, _ in chunks]
    there = shards.whole(name for chunk in names for name in chunk)
    return [number for number, chunk in enumerate(names) if not there.issuperset(chunk)]


def _enough(job: Job, shards: Shards, chunks: int) -> bool:
    """Whether the first chunks of candidates hold all that the cohort needs, or show that it is hopeless."""
    size = pool_size(job.illness, job.subjects)
    admitted = seen = 0
    for index in range(chunks):
        data = shards.get(job.onset_name(index))
        onset = onset_from_bytes(data if data is not None else job.onset(index))
        admitted += len(onset.admitted)
        seen += len(onset.number)
    hopeless = seen >= GIVE_UP_AFTER and admitted < SMALLEST_ACCEPTANCE * seen
    return admitted >= size or hopeless


def share_onset(job: Job, shards: Shards, share: Share, threads: int, tell: Progress) -> None:
    """Follow candidates together with the other shares, in rounds, until there are enough.

    In a round every share does chunks of its own first and then those that nobody has finished yet. So shares
    that run side by side divide the work, and one that runs alone or outlives the others does all of it.
    """
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for number in count():
            first = number * share.of * threads
            order = [first + (share.number - 1) * threads + i for i in range(share.of * threads)]
            turn = [first + (index - first) % (share.of * threads) for index in order]
            for start in range(0, len(turn), threads):
                there = shards.manifest()
                lacking = [i for i in turn[start : start + threads] if job.onset_name(i) not in there]
                for index, data in zip(lacking, pool.map(job.onset, lacking), strict=True):
                    shards.put(job.onset_name(index), data)
            done = first + len(turn)
            tell("admission, in rounds", number + 1, number + 1)
            if _enough(job, shards, done):
                return


def work_on_cluster(scheduler: str, job: Job, shards: Shards, share: Share | None, tell: Progress) -> None:
    """Do the chunks of candidates, then those of courses, on a Dask cluster."""
    from hepatrial.ensemble.cluster import client_of, map_chunks

    onset = partial(make_onset, onset_size=job.onset_size)
    courses = partial(make_courses, onset_size=job.onset_size, course_size=job.course_size)
    with client_of(scheduler) as client:
        done = 0
        while not done or not _enough(job, shards, done):
            batch = range(done, done + 2 * max(1, sum(client.nthreads().values())))
            there = shards.whole(job.onset_name(index) for index in batch)
            lacking = [index for index in batch if job.onset_name(index) not in there]
            for _, digests in map_chunks(client, onset, shards.path, lacking):
                shards.enter(digests)
            done = batch.stop
            tell("admission, in rounds", done // len(batch), done // len(batch))
        todo = [n for n in missing_courses(shards, job.chunks) if share is None or share.has(n)]
        made = map_chunks(client, courses, shards.path, todo)
        for finished, (_, digests) in enumerate(made, start=1):
            shards.enter(digests)
            tell("courses on the cluster", finished, len(todo))


def make_onset(folder: str, index: int, onset_size: int) -> dict[str, str]:
    """Follow a chunk of candidates and write it to the folder; runs on a worker. The file's checksum."""
    from hepatrial.ensemble.cluster import store

    job = _job((Path(folder) / "spec.json").read_bytes(), onset_size, COURSE_CHUNK)
    return store(Path(folder), {job.onset_name(index): job.onset(index)})


def make_courses(folder: str, number: int, onset_size: int, course_size: int) -> dict[str, str]:
    """Simulate a chunk of courses and write it to the folder; runs on a worker. The files' checksums."""
    from hepatrial.ensemble.cluster import store

    spec = (Path(folder) / "spec.json").read_bytes()
    job, trial = _job(spec, onset_size, course_size), _trial(folder, spec, onset_size, course_size)
    stem, rows = job.chunks[number]
    return store(Path(folder), course_files(stem, simulate_courses(trial, rows)))


@lru_cache(maxsize=1)
def _job(spec: bytes, onset_size: int, course_size: int) -> Job:
    """The job of a spec, once in each process.

    Raises:
        RunFailed: this process has other versions than the one that began the run.
    """
    told = json.loads(spec)
    if told["versions"] != package_versions():
        raise RunFailed(f"This worker has other versions than {told['versions']}.")
    return job_of_spec(told, onset_size, course_size)


@lru_cache(maxsize=1)
def _trial(folder: str, spec: bytes, onset_size: int, course_size: int) -> Trial:
    return _job(spec, onset_size, course_size).trial(Shards(Path(folder)))


def tidy(shards: Shards, trial: Trial, job: Job) -> None:
    """Leave what a single writer would have left: one manifest, no candidates beyond the last one needed."""
    shards.gather()
    needed = -(-trial.cohort.pool.candidates // job.onset_size)
    beyond = [job.onset_name(index) for index in range(needed, needed + len(shards.manifest()))]
    shards.drop(beyond)
