"""Admission and courses of a run in one queue of work: a world's courses follow its admission at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Lock
from typing import Any

from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards
from hepatrial.trial.courses import Trial
from hepatrial.trial.job import Chunk, Job, Progress, missing_courses


class _OneAtATime:
    """A store whose writes wait for each other."""

    def __init__(self, shards: Shards) -> None:
        self._shards, self._lock = shards, Lock()

    def get(self, name: str) -> bytes | None:
        return self._shards.get(name)

    def put(self, name: str, data: bytes) -> None:
        with self._lock:
            self._shards.put(name, data)

    def put_all(self, files: Mapping[str, bytes]) -> None:
        with self._lock:
            self._shards.put_all(files)


def follow(
    job: Job,
    shards: Shards,
    share: Share | None,
    workers: int,
    tell: Progress,
    wanted: Sequence[int],
    ahead: int | None = None,
) -> dict[int, Trial]:
    """Do everything of a run that is not in its folder yet.

    On the cards alone the one cohort is admitted first, by all workers. In several worlds each cohort is a
    piece of work, and the courses of those that are there go before the next admission, so that whole trials
    can be seen long before the last world is begun. The order changes no file.

    Args:
        job: the run.
        shards: its folder.
        share: do only its chunks of courses.
        workers: threads; change no result.
        tell: progress; stages "admission" or "worlds", and "courses".
        wanted: worlds whose cohorts are needed.
        ahead: as in ``population.pool.build_pool``, on the cards alone.

    Returns:
        World -> its cohort, in the order of ``wanted``.
    """
    mine = [number for number in range(len(job.chunks)) if share is None or share.has(number)]
    missing = set(missing_courses(shards, job.chunks))
    todo = [job.chunks[number] for number in mine if number in missing]
    done, total = len(mine) - len(todo), len(mine)
    trials: dict[int, Trial] = {}
    if job.worlds.alone:
        trials = {
            world: job.trial(world, shards, workers, partial(tell, "admission"), ahead) for world in wanted
        }
    else:
        tell("worlds", 0, len(wanted))
    if done or trials:
        tell("courses", done, total)
    admissions = iter([world for world in wanted if world not in trials])
    ready = deque[Chunk](chunk for chunk in todo if chunk.world in trials)
    store = _OneAtATime(shards)
    pending: dict[Future[Any], int | None] = {}

    def next_work() -> tuple[Callable[[], Any], int | None] | None:
        if ready:
            chunk = ready.popleft()
            return partial(chunk.simulate, trials[chunk.world]), None
        world = next(admissions, None)
        return None if world is None else (partial(job.trial, world, store), world)

    executor = ThreadPoolExecutor(max_workers=workers)
    try:
        while True:
            while len(pending) <= workers and (work := next_work()) is not None:
                pending[executor.submit(work[0])] = work[1]
            if not pending:
                return {world: trials[world] for world in wanted}
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                world = pending.pop(future)
                if world is None:
                    store.put_all(future.result())
                    done += 1
                    tell("courses", done, total)
                else:
                    trials[world] = future.result()
                    ready.extend(chunk for chunk in todo if chunk.world == world)
                    tell("worlds", len(trials), len(wanted))
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
