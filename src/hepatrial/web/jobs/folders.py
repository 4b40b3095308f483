"""The files of a job: what was asked of the worker, how far it is, what it shows meanwhile, how it ended."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hepatrial.ensemble.storage import write_atomic

PROGRESS, LIVE, CURVES, OUTCOME, LOG = "progress.json", "live.json", "curves.json", "outcome.json", "log.txt"


@dataclass(frozen=True)
class Folders:
    """Where a run's files lie in the data folder.

    Attributes:
        data: the data folder.
        run: the run's id.
    """

    data: Path
    run: str

    @property
    def job(self) -> Path:
        """What the worker tells the server."""
        return self.data / "jobs" / self.run

    @property
    def result(self) -> Path:
        """The run folder proper, as ``hepatrial run`` writes it."""
        return self.data / "runs" / self.run

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the job, or None when it is not there yet."""
        try:
            found: dict[str, Any] = json.loads((self.job / name).read_bytes())
        except (OSError, ValueError):
            return None
        return found

    def write(self, name: str, value: dict[str, Any], *, durable: bool = False) -> None:
        """Store a JSON file of the job so that a reader sees the old one or the new one."""
        data = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        write_atomic(self.job / name, data, durable=durable)

    def forget_outcome(self) -> None:
        """Take away how the job ended, before it is begun again."""
        (self.job / OUTCOME).unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete everything of the run; what another deletion took first is no error."""
        for folder in (self.result, self.job):
            shutil.rmtree(folder, ignore_errors=True)
