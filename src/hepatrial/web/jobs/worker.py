"""The worker process: imports and compiles first, waits for one run on its standard input, does it, ends.

It ends at once when the server does (its input closes), stops between two chunks on SIGINT, and leaves an
outcome that any later server can read.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, RunFailed
from hepatrial.web.jobs.folders import CURVES, LIVE, LOG, OUTCOME, PROGRESS, Folders

EVERY = 0.3
"""Seconds between two words on progress."""
REFRESH = 1.5
"""Least seconds between two drawings of the curves."""


def main() -> None:
    """Entry point of the process."""
    preparing = threading.Thread(target=_prepare, daemon=True)
    preparing.start()
    try:
        preparing.join()
        line = sys.stdin.buffer.readline()
    except KeyboardInterrupt:
        return
    if not line:
        return
    threading.Thread(target=_die_with_the_server, daemon=True).start()
    job = json.loads(line)
    folders = Folders(Path(job["data"]), job["run"])
    sys.stderr = (folders.job / LOG).open("a", encoding="utf-8", buffering=1)
    folders.write(OUTCOME, outcome(job, folders), durable=True)


def _prepare() -> None:
    """Import and compile what every run needs, while none waits.

    In a thread of its own because Linux counts niceness by thread: the main thread keeps the server's until
    the first curves are drawn.
    """
    _be_nice()
    from hepatrial.prediction.predict import shipped_ensemble
    from hepatrial.trial.run import patient_machine
    from hepatrial.web.jobs import live  # noqa: F401 (its imports are most of the wait)

    patient_machine()
    shipped_ensemble()


def outcome(job: dict[str, Any], folders: Folders) -> dict[str, Any]:
    """Do a run and say how it ended."""
    try:
        return {"state": "done", "hash": _do(job, folders)}
    except KeyboardInterrupt:
        return {"state": "cancelled"}
    except BadInput as bad:
        problems = [vars(problem) for problem in bad.problems]
        return {"state": "failed", "error": {"message": "Bad input.", "problems": problems}}
    except (RunFailed, OSError) as failed:
        return {"state": "failed", "error": {"message": str(failed)}}
    except Exception as bug:
        traceback.print_exc()
        message = f"{type(bug).__name__}: this is a bug; please report it with {LOG} of the job."
        return {"state": "failed", "error": {"message": message}}


def _do(job: dict[str, Any], folders: Folders) -> str:
    from hepatrial import api
    from hepatrial.protocol import protocol_from_dict
    from hepatrial.web.jobs.live import Trials

    protocol = protocol_from_dict(job["protocol"])
    plan = api.check(protocol, **job["options"], out=folders.result, lang=job["lang"], threads=job["threads"])
    if plan.options["patients"] is not None:
        planned = plan.protocol.with_patients(plan.options["patients"])
    else:
        planned = plan.protocol
    teller = Teller(folders, planned, plan.options, Trials(folders.result, planned))
    teller.first()
    _be_nice()
    folder = api.carry_out(plan, lang=job["lang"], threads=job["threads"], progress=teller)
    teller.say("report", 0, 1)
    finish(folder, folders)
    teller.say("report", 1, 1)
    return folder.hash


def finish(folder: Any, folders: Folders) -> None:
    """What the page of a finished run shows besides its folder: curves and landmarks of all strategies."""
    from hepatrial.protocol import protocol_from_dict
    from hepatrial.web.jobs.live import finished

    protocol = protocol_from_dict(folder.spec["protocol"])
    folders.write(CURVES, finished(folder.subjects, protocol))


class Teller:
    """Tells the server how far a run is and what it shows so far; called from the run's main thread."""

    def __init__(self, folders: Folders, protocol: Any, options: dict[str, Any], trials: Any) -> None:
        self.folders, self.protocol, self.options, self.trials = folders, protocol, options, trials
        self.begun = time.time()
        self.said = self.drawn = 0.0
        self.stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if stage == "worlds" and self.stage == "courses":
            return  # worlds and courses take turns; the bar of the courses tells both
        if stage != self.stage or now - self.said > EVERY or done >= total:
            self.say(stage, done, total)
        if stage == "courses" and now - self.drawn > REFRESH:
            self._draw()
            self.drawn = time.monotonic()

    def say(self, stage: str, done: int, total: int) -> None:
        """Write down how far the run is."""
        self.stage, self.said = stage, time.monotonic()
        told = {"stage": stage, "done": done, "total": total, "begun": self.begun, "at": time.time()}
        self.folders.write(PROGRESS, told)

    def first(self) -> None:
        """The first curves, before anything else."""
        from hepatrial.web.jobs.live import first_curves

        if self.folders.read(LIVE) is None:
            self.say("first", 0, 1)
            self.folders.write(LIVE, first_curves(self.protocol, self.options))
        self.drawn = time.monotonic()

    def _draw(self) -> None:
        found = self.trials.curves()
        if found is not None:
            self.folders.write(LIVE, found)


def _be_nice() -> None:
    try:
        os.nice(int(os.environ.get("HEPATRIAL_NICE", "0")))
    except OSError:
        return


def _die_with_the_server() -> None:
    """Wait for the end of the input, then end this process as a power cut would."""
    while sys.stdin.buffer.readline():
        continue
    os._exit(3)
