"""Admission in a run that jobs of an array or Dask workers divide among themselves.

On the cards alone there is one cohort, and its chunks of candidates are divided. In several plausible worlds
each world's cohort is a piece of work of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards
from hepatrial.errors import RunFailed
from hepatrial.population.mix import queue
from hepatrial.population.pool import hopeless, onset_from_bytes
from hepatrial.provenance import package_versions
from hepatrial.trial.courses import Trial
from hepatrial.trial.job import COURSE_CHUNK, Job, Progress, job_of_spec, missing_courses


def worlds_of_share(job: Job, share: Share | None) -> list[int]:
    """Worlds of the courses that a share does."""
    if share is None:
        return job.needed
    return sorted({chunk.world for number, chunk in enumerate(job.chunks) if share.has(number)})


def _enough(job: Job, shards: Shards, chunks: int) -> bool:
    """Whether the first chunks of candidates hold all that the cohort needs, or show that it is hopeless."""
    size = job.pool_sizes[0]
    numbers, seen = [], 0
    for index in range(chunks):
        data = shards.get(job.onset_name(0, 0, index))
        onset = onset_from_bytes(data if data is not None else job.onset(0, 0, index))
        numbers.append(onset.admitted.number)
        seen += len(onset.number)
    admitted = len(queue(job.illness(0, 0), np.concatenate(numbers)))
    return admitted >= size or hopeless(admitted, seen)


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
                lacking = [i for i in turn[start : start + threads] if job.onset_name(0, 0, i) not in there]
                for index, data in zip(lacking, pool.map(partial(job.onset, 0, 0), lacking), strict=True):
                    shards.put(job.onset_name(0, 0, index), data)
            done = first + len(turn)
            tell("admission, in rounds", number + 1, number + 1)
            if _enough(job, shards, done):
                return


def work_on_cluster(scheduler: str, job: Job, shards: Shards, share: Share | None, tell: Progress) -> None:
    """Do the admissions, then the chunks of courses, on a Dask cluster."""
    from hepatrial.ensemble.cluster import client_of, map_chunks

    courses = partial(make_courses, onset_size=job.onset_size, course_size=job.course_size)
    with client_of(scheduler) as client:
        missing = [n for n in missing_courses(shards, job.chunks) if share is None or share.has(n)]
        if job.worlds.alone:
            _cohort_on_cluster(client, job, shards, tell)
        else:
            admitted = partial(make_world, onset_size=job.onset_size, course_size=job.course_size)
            worlds = sorted({job.chunks[number].world for number in missing})
            for finished, (_, digests) in enumerate(map_chunks(client, admitted, shards.path, worlds), 1):
                shards.enter(digests)
                tell("worlds on the cluster", finished, len(worlds))
        made = map_chunks(client, courses, shards.path, missing)
        for finished, (_, digests) in enumerate(made, start=1):
            shards.enter(digests)
            tell("courses on the cluster", finished, len(missing))


def _cohort_on_cluster(client: Any, job: Job, shards: Shards, tell: Progress) -> None:
    from hepatrial.ensemble.cluster import map_chunks

    onset, done = partial(make_onset, onset_size=job.onset_size), 0
    while not done or not _enough(job, shards, done):
        batch = range(done, done + 2 * max(1, sum(client.nthreads().values())))
        there = shards.whole(job.onset_name(0, 0, index) for index in batch)
        lacking = [index for index in batch if job.onset_name(0, 0, index) not in there]
        for _, digests in map_chunks(client, onset, shards.path, lacking):
            shards.enter(digests)
        done = batch.stop
        tell("admission, in rounds", done // len(batch), done // len(batch))


def make_onset(folder: str, index: int, onset_size: int) -> dict[str, str]:
    """Follow a chunk of candidates and write it to the folder; runs on a worker. The file's checksum."""
    from hepatrial.ensemble.cluster import store

    job = _job(folder, _spec(folder), onset_size, COURSE_CHUNK)
    return store(Path(folder), {job.onset_name(0, 0, index): job.onset(0, 0, index)})


class _Written:
    """A store on a worker: reads the folder, writes to it and remembers the checksums for the scheduler."""

    def __init__(self, folder: Path) -> None:
        self._shards, self.digests = Shards(folder), dict[str, str]()

    def get(self, name: str) -> bytes | None:
        return self._shards.get(name)

    def put(self, name: str, data: bytes) -> None:
        from hepatrial.ensemble.cluster import store

        self.digests |= store(self._shards.path, {name: data})


def make_world(folder: str, world: int, onset_size: int, course_size: int) -> dict[str, str]:
    """Admit the cohort of a world and write it to the folder; runs on a worker. The files' checksums."""
    written = _Written(Path(folder))
    _job(folder, _spec(folder), onset_size, course_size).trial(world, written)
    return written.digests


def make_courses(folder: str, number: int, onset_size: int, course_size: int) -> dict[str, str]:
    """Simulate a chunk of courses and write it to the folder; runs on a worker. The files' checksums."""
    from hepatrial.ensemble.cluster import store

    spec = _spec(folder)
    chunk = _job(folder, spec, onset_size, course_size).chunks[number]
    return store(Path(folder), chunk.simulate(_trial(folder, spec, onset_size, course_size, chunk.world)))


def _spec(folder: str) -> bytes:
    return (Path(folder) / "spec.json").read_bytes()


@lru_cache(maxsize=1)
def _job(folder: str, spec: bytes, onset_size: int, course_size: int) -> Job:
    """The job of a run folder, once in each process.

    Raises:
        RunFailed: this process has other versions than the one that began the run.
    """
    told = json.loads(spec)
    if told["versions"] != package_versions():
        raise RunFailed(f"This worker has other versions than {told['versions']}.")
    return job_of_spec(Path(folder), told, onset_size, course_size)


@lru_cache(maxsize=2)
def _trial(folder: str, spec: bytes, onset_size: int, course_size: int, world: int) -> Trial:
    return _job(folder, spec, onset_size, course_size).trial(world, Shards(Path(folder)))


def tidy(shards: Shards, trials: Iterable[Trial], job: Job) -> None:
    """Leave what a single writer would have left: one manifest, no candidates beyond the last one needed."""
    shards.gather()
    if job.worlds.alone:
        (trial,) = trials
        needed = -(-trial.cohort.pool.candidates // job.onset_size)
        beyond = [job.onset_name(0, 0, index) for index in range(needed, needed + len(shards.manifest()))]
        shards.drop(beyond)
