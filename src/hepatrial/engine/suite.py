"""Many cases of a model and its settings, each in a child process that may crash or hang without harm.

A child takes one case after the other, as lines of JSON; one that crashes or takes too long is replaced, and
its case is refused.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.model.children import (
    child_command,
    child_environment,
    limit_resources,
    quiet_stdout,
)

SECONDS, MEGABYTES = 20.0, 4096
_PATIENCE = 4
"""A case may take this many times its seconds on the clock, since other work may hold the processor."""
_COUNTED = hasattr(signal, "setitimer")
"""Whether the platform counts a process's own seconds; where it does not, those on the clock are counted."""


@dataclass(frozen=True)
class SuiteCounts:
    """How many cases were written and how many refused."""

    written: int
    refused: int


def run_suite(
    folder: Path,
    out: Path,
    workers: int | None = None,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> SuiteCounts:
    """Simulate each ``folder/CASE`` that has a ``model.xml`` and a ``settings.txt``.

    Args:
        folder: of the cases.
        out: gets ``CASE.csv`` or ``CASE.refused`` (the reason), replacing those of an earlier call.
        workers: child processes; default one a core.
        seconds: processor time; a case that takes longer is refused (also one that takes four times as long
            on the clock). On Windows the clock alone counts.
        progress: called with (done, total).

    Raises:
        BadInput: the folder holds no case, or the other one is a file.
    """
    cases = sorted(c for c in folder.iterdir() if c.is_dir()) if folder.is_dir() else []
    problems = []
    if not cases:
        problems.append(
            Problem("DIR", str(folder), "must be a folder of cases (CASE/model.xml, settings.txt)")
        )
    if out.exists() and not out.is_dir():
        problems.append(Problem("--output-dir", str(out), "must be a folder, or not exist yet"))
    if problems:
        raise BadInput(problems)
    out.mkdir(parents=True, exist_ok=True)
    count = max(1, min(workers or os.cpu_count() or 1, len(cases)))
    free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    everyone = [_Worker(seconds) for _ in range(count)]
    for worker in everyone:
        free.put(worker)
    finished = 0
    lock = threading.Lock()

    def one(case: Path) -> bool:
        nonlocal finished
        worker = free.get()
        try:
            written = _one_case(worker, case, out)
        finally:
            free.put(worker)
        with lock:
            finished += 1
            if progress is not None:
                progress(finished, len(cases))
        return written

    pool = ThreadPoolExecutor(count)
    try:
        results = list(pool.map(one, cases))
    finally:
        pool.shutdown(cancel_futures=True)
        for worker in everyone:
            worker.stop()
    return SuiteCounts(sum(results), len(results) - sum(results))


def _one_case(worker: _Worker, case: Path, out: Path) -> bool:
    table, refused = out / f"{case.name}.csv", out / f"{case.name}.refused"
    told = worker.ask({"model": str((case / "model.xml").resolve()), "settings": str(case / "settings.txt")})
    found, stale = (table, refused) if "table" in told else (refused, table)
    stale.unlink(missing_ok=True)
    partial = found.with_suffix(".part")
    partial.write_text(told["table"] if "table" in told else told["refused"] + "\n", encoding="utf-8")
    os.replace(partial, found)
    return "table" in told


class _Worker:
    """A child process, started when first needed and again after it was lost."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.process: subprocess.Popen[str] | None = None

    def ask(self, case: dict[str, Any]) -> dict[str, str]:
        """The child's answer: ``table`` or ``refused``."""
        if self.process is None:
            self.process = subprocess.Popen(
                child_command("hepatrial.engine.suite"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env=child_environment(),
            )
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        timed_out = threading.Event()

        def kill() -> None:
            timed_out.set()
            process.kill()

        clock = threading.Timer(self.seconds * (_PATIENCE if _COUNTED else 1), kill)
        clock.start()
        try:
            process.stdin.write(json.dumps({**case, "seconds": self.seconds}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        finally:
            clock.cancel()
        if line:
            told: dict[str, str] = json.loads(line)
            return told
        self.stop()
        if timed_out.is_set() or (_COUNTED and process.returncode == -signal.SIGPROF):
            return {"refused": f"It takes more than {self.seconds:g} s."}
        return {"refused": "A native crash while the model was read or simulated."}

    def stop(self) -> None:
        """End the child."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # unsent text of a child that is gone
                    continue


def child() -> None:
    """The child of :func:`run_suite`."""
    out = quiet_stdout()
    limit_resources(MEGABYTES)
    for line in sys.stdin:
        case = json.loads(line)
        _count_seconds(case["seconds"])
        told = _answer(case)
        _count_seconds(0)
        out.write(json.dumps(told) + "\n")
        out.flush()


def _count_seconds(seconds: float) -> None:
    """Let the system end this process after so much processor time; 0 for never."""
    if _COUNTED:
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _answer(case: dict[str, Any]) -> dict[str, str]:
    from hepatrial.engine.course import course_of_files

    try:
        model = Path(case["model"])
        if not model.is_file():
            return {"refused": "There is no model.xml."}
        return {"table": course_of_files(model, Path(case["settings"]))}
    except BadInput as bad:
        return {"refused": "\n".join(problem.sentence() for problem in bad.problems)}
    except RunFailed as failed:
        return {"refused": str(failed)}
    except MemoryError:
        return {"refused": f"It needs more than {MEGABYTES} MB."}
    except Exception as bug:  # one case's bug must not cost the others their results
        return {
            "refused": f"An internal error ({type(bug).__name__}: {bug}); please report it with the model."
        }
