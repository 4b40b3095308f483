"""The queue: at most so many runs at a time, each in a process of its own, one warm process in reserve.

A worker dies with the server (its standard input closes), and a restarted server puts what was running back
into the queue, where the run folder lets it go on from its finished chunks.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO, Any

from hepatrial.model.children import child_environment
from hepatrial.web.jobs.folders import LOG, OUTCOME, Folders
from hepatrial.web.jobs.registry import Registry, Run, State
from hepatrial.web.settings import Settings

TICK = 0.1
PATIENCE = 15.0
"""Seconds that a cancelled worker has to end by itself."""

log = logging.getLogger("hepatrial.web")


class DataInUse(RuntimeError):
    """Another server works on the same data folder."""


class Worker:
    """A worker process; idle until it is given a run."""

    def __init__(self, nice: int = 10) -> None:
        import sys

        command = [sys.executable, "-P", "-c", "from hepatrial.web.jobs.worker import main; main()"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**child_environment(), "HEPATRIAL_NICE": str(nice)},
            start_new_session=True,
        )
        self.run = ""
        self.cancelled_at: float | None = None

    def begin(self, job: dict[str, Any]) -> None:
        """Hand it a run."""
        self.run = job["run"]
        pipe: IO[bytes] = self.process.stdin  # type: ignore[assignment]
        pipe.write(json.dumps(job).encode() + b"\n")
        pipe.flush()

    def cancel(self) -> None:
        """Ask it to stop between two chunks; after a while make it."""
        if self.cancelled_at is None:
            self.cancelled_at = time.monotonic()
            self.process.send_signal(signal.SIGINT)
        elif time.monotonic() - self.cancelled_at > PATIENCE:
            self.process.kill()

    def end(self) -> None:
        """End it now; its finished chunks are kept."""
        self.process.kill()
        self.process.wait()


class Queue:
    """Runs the registry's runs.

    Args:
        settings: of the server.
        registry: of its data folder.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self.settings, self.registry = settings, registry
        self._workers: dict[str, Worker] = {}
        self._spare: Worker | None = None
        self._cancelled: set[str] = set()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._loop, name="queue", daemon=True)
        self._own: IO[str] | None = None

    def start(self) -> None:
        """Take the data folder, put what a former server left running back into the queue, begin.

        Raises:
            DataInUse: another server works on the folder.
        """
        self._own = take(self.settings.data)
        for run in self.registry.list("running"):
            self._settle(run.id, None)
        self._thread.start()

    def close(self) -> None:
        """End all workers; runs stay in the registry as they are and go on with the next server."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)
        for worker in [*self._workers.values(), *([self._spare] if self._spare else [])]:
            worker.end()
        if self._own is not None:
            self._own.close()

    def wake(self) -> None:
        """Say that something may be waiting."""
        self._wake.set()

    def cancel(self, run: str) -> bool:
        """Stop a run or take it out of the queue; whether there was anything to stop."""
        if self.registry.move(run, "cancelled", of=("queued",)):
            return True
        found = self.registry.get(run)
        if found is None or found.state != "running":
            return False
        with self._lock:
            self._cancelled.add(run)
        self._wake.set()
        return True

    def resume(self, run: str) -> bool:
        """Put a cancelled or failed run back into the queue; whether it was one."""
        Folders(self.settings.data, run).forget_outcome()
        moved = self.registry.move(run, "queued", of=("cancelled", "failed"))
        self._wake.set()
        return moved

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TICK if self._workers else 2.0)
            self._wake.clear()
            try:
                self._turn()
            except Exception:
                log.exception("the queue stumbled and goes on")
                time.sleep(1.0)

    def _turn(self) -> None:
        with self._lock:
            asked = self._cancelled & set(self._workers)
        for run in asked:
            self._workers[run].cancel()
        for run, worker in list(self._workers.items()):
            if worker.process.poll() is not None:
                del self._workers[run]
                self._settle(run, worker.process.returncode)
        while len(self._workers) < self.settings.running and not self._stop.is_set():
            claimed = self.registry.claim()
            if claimed is None:
                break
            self._begin(claimed)
        if self._spare is None or self._spare.process.poll() is not None:
            self._spare = Worker()

    def _begin(self, run: Run) -> None:
        folders = Folders(self.settings.data, run.id)
        folders.job.mkdir(parents=True, exist_ok=True)
        folders.forget_outcome()
        spare, self._spare = self._spare, None
        worker = spare if spare is not None and spare.process.poll() is None else Worker()
        self._workers[run.id] = worker
        job = {"data": str(self.settings.data.resolve()), "run": run.id, "threads": self.settings.threads}
        try:
            worker.begin({**job, **run.request})
        except OSError:
            worker.end()  # it died while it waited; its end is settled in the next turn

    def _settle(self, run: str, code: int | None) -> None:
        """Enter how a worker ended; ``code`` None: the server ended first."""
        with self._lock:
            cancelled = run in self._cancelled
            self._cancelled.discard(run)
        told = Folders(self.settings.data, run).read(OUTCOME)
        state: State
        if told is not None:
            state, error = told["state"], told.get("error", {})
            if told.get("hash"):
                self.registry.name(run, told["hash"])
        elif cancelled:
            state, error = "cancelled", {}
        elif code is None or code == -signal.SIGTERM:
            state, error = "queued", {}
        else:
            message = f"The worker ended unexpectedly (exit {code}); {LOG} of the job may say why."
            state, error = "failed", {"message": message}
        self.registry.move(run, state, of=("running",), error=error)


def take(data: Path) -> IO[str]:
    """Lock the data folder for this process."""
    data.mkdir(parents=True, exist_ok=True)
    file = (data / "server.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise DataInUse(f"another server works on {data}") from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
