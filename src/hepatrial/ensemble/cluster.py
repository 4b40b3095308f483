"""A thin adapter to Dask: workers write the shards, the scheduler carries chunk numbers and checksums.

The workers must see the run folder under the path that it has here (a shared file system), and have the
same versions installed. A worker that dies takes nothing with it: its chunks are given to another one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hepatrial.ensemble.merge import missing_chunks
from hepatrial.ensemble.shares import Share
from hepatrial.ensemble.storage import Shards, digest_of, write_atomic
from hepatrial.ensemble.worker import Worker
from hepatrial.errors import BadInput, Problem, RunFailed

Digests = dict[str, str]

SECONDS = "20s"
"""How long to wait for the scheduler."""
RETRIES = 3
"""How often a chunk that failed is tried again."""


@contextmanager
def client_of(scheduler: str) -> Iterator[Any]:
    """A connection to a Dask scheduler.

    Raises:
        BadInput: nothing answers there, or Dask is not installed.
    """
    try:
        distributed = import_module("distributed")
    except ImportError:
        allowed = "needs Dask: pip install 'hepatrial[cluster]'"
        raise BadInput([Problem("--scheduler", scheduler, allowed)]) from None
    try:
        client = distributed.Client(scheduler, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        allowed = f"must be the address of a running Dask scheduler, such as tcp://host:8786 ({first})"
        raise BadInput([Problem("--scheduler", scheduler, allowed)]) from None
    try:
        yield client
    finally:
        client.close()


def check_scheduler(scheduler: str) -> None:
    """Ask for an answer, before anything is written.

    Raises:
        BadInput: as :func:`client_of`.
    """
    with client_of(scheduler):
        pass


def map_chunks(
    client: Any,
    task: Callable[[str, int], Digests],
    folder: Path,
    chunks: Sequence[int],
) -> Iterator[tuple[int, Digests]]:
    """Let the workers make chunks of a run; (chunk, checksums of its files) as they are done.

    Args:
        client: the connection.
        task: function of (folder, chunk) that writes the chunk's files and returns their checksums.
        folder: the run folder.
        chunks: which.

    Raises:
        RunFailed: a chunk failed time after time.
    """
    path = str(folder.resolve())
    futures = client.map(task, [path] * len(chunks), list(chunks), pure=False, retries=RETRIES)
    number = {future.key: chunk for future, chunk in zip(futures, chunks, strict=True)}
    try:
        for future in import_module("distributed").as_completed(futures, loop=client.loop):
            error = future.exception()
            if error is not None:
                raise RunFailed(f"Chunk {number[future.key]} failed on the cluster: {error}")
            yield number[future.key], future.result()
    finally:
        client.cancel(futures)


def store(folder: Path, files: dict[str, bytes]) -> Digests:
    """Write files of a chunk from a worker; the manifest is left to whoever asked for them."""
    for name, data in files.items():
        write_atomic(folder / name, data, durable=False)
    return {name: digest_of(data) for name, data in files.items()}


def make_chunk(folder: str, chunk: int) -> Digests:
    """Solve a chunk of an ensemble and write its shards; runs on a worker."""
    path = Path(folder)
    return store(path, _worker(folder, (path / "spec.json").read_bytes()).chunk(chunk))


@lru_cache(maxsize=2)
def _worker(folder: str, spec: bytes) -> Worker:
    worker = Worker.of(Path(folder))
    worker.check_versions()
    assert worker.spec == json.loads(spec)
    return worker


def solve_on_cluster(
    scheduler: str,
    shards: Shards,
    worker: Worker,
    share: Share | None,
    tell: Callable[[str, int, int], Any],
) -> None:
    """Solve every missing chunk of an ensemble on a cluster.

    Raises:
        BadInput: no scheduler there.
        RunFailed: a chunk failed.
    """
    todo = missing_chunks(shards, worker, share)
    mine = [chunk for chunk in range(worker.plan.chunks) if share is None or share.has(chunk)]
    total = sum(len(worker.plan.rows(chunk)) for chunk in mine)
    done = total - sum(len(worker.plan.rows(chunk)) for chunk in todo)
    tell("patients", done, total)
    with client_of(scheduler) as client:
        for chunk, digests in map_chunks(client, make_chunk, shards.path, todo):
            shards.enter(digests)
            done += len(worker.plan.rows(chunk))
            tell("patients", done, total)
