"""A Dask scheduler and worker processes on this machine, to be killed at will."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SOURCE)}


def start(module: str, *words: str, cwd: Path) -> subprocess.Popen[bytes]:
    """A Python module as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@dataclass
class Cluster:
    """Address of the scheduler and the worker processes."""

    address: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A scheduler and ``workers`` worker processes of one thread each."""
    told = folder / "scheduler.json"
    scheduler = start(
        "distributed.cli.dask_scheduler",
        *("--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(told), "--no-dashboard"),
        cwd=folder,
    )
    made: list[subprocess.Popen[bytes]] = [scheduler]
    try:
        deadline = time.monotonic() + 60
        while not told.exists() or not told.read_text():
            assert scheduler.poll() is None, "the scheduler ended"
            assert time.monotonic() < deadline, "no scheduler"
            time.sleep(0.1)
        found = Cluster(json.loads(told.read_text())["address"])
        for _ in range(workers):
            words = (found.address, "--no-nanny", "--nthreads", "1", "--no-dashboard")
            found.workers.append(start("distributed.cli.dask_worker", *words, cwd=folder))
            made.append(found.workers[-1])
        yield found
    finally:
        for process in reversed(made):
            process.kill()
            process.wait()


def hepatrial(*words: str, cwd: Path) -> subprocess.Popen[str]:
    """The command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hepatrial", *words],
        cwd=cwd,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_shards(folder: Path, pattern: str, count: int, process: subprocess.Popen[str]) -> None:
    """Until so many shards are there, or the process has ended."""
    deadline = time.monotonic() + 200
    while len(list((folder / "shards").glob(pattern))) < count and process.poll() is None:
        assert time.monotonic() < deadline, "no shards"
        time.sleep(0.02)
