"""A finished ensemble, for reading."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.engine import Status
from hepatrial.ensemble.plan import KIND
from hepatrial.ensemble.storage import Shards
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.provenance import fingerprint


def kind_of(path: Path) -> str:
    """What kind of run a folder holds: ``"ensemble"`` or ``"trial"``.

    Raises:
        BadInput: it holds none.
    """
    try:
        spec = json.loads((path / "spec.json").read_bytes())
    except (OSError, ValueError):
        allowed = "must be a folder that `hepatrial run` or `hepatrial model ensemble` wrote"
        raise BadInput([Problem("run folder", str(path), allowed)]) from None
    return KIND if isinstance(spec, dict) and spec.get("kind") == KIND else "trial"


@dataclass(frozen=True)
class EnsembleFolder:
    """A finished ensemble. Its tables are lazy frames over many files and may be larger than memory.

    Attributes:
        path: the folder.
    """

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> EnsembleFolder:
        """Open a finished ensemble.

        Raises:
            BadInput: none there.
            RunFailed: it was not finished.
        """
        path = Path(path)
        if kind_of(path) != KIND:
            allowed = "must be a folder that `hepatrial model ensemble` wrote"
            raise BadInput([Problem("run folder", str(path), allowed)])
        if Shards(path).get("summary.json") is None:
            raise RunFailed(f"The ensemble in {path} was not finished; go on with: hepatrial resume {path}")
        return cls(path)

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What was asked: options, draws, regimen, hash of the model, checksums of the inputs, versions."""
        found: dict[str, Any] = json.loads((self.path / "spec.json").read_bytes())
        return found

    @property
    def hash(self) -> str:
        """Fingerprint of the spec."""
        return fingerprint(self.spec)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Counts: patients, courses by status, events by cause."""
        found: dict[str, Any] = json.loads((self.path / "summary.json").read_bytes())
        return found

    def _scan(self, table: str) -> pl.LazyFrame:
        return pl.scan_parquet(self.path / "shards" / f"*.{table}.parquet")

    @property
    def visits(self) -> pl.LazyFrame:
        """``patient, visit, day`` and the outputs; a row a visit that took place."""
        return self._scan("visit")

    @property
    def events(self) -> pl.LazyFrame:
        """``patient, day, cause``."""
        return self._scan("event")

    @property
    def patients(self) -> pl.LazyFrame:
        """``patient, status, end`` (day on which the course ended) and ``steps``."""
        return self._scan("patient")


def summarise(path: Path) -> dict[str, Any]:
    """Counts over the shards of an ensemble, every failed course among them."""
    folder = EnsembleFolder(path)
    status = folder.patients.group_by("status").len().collect(engine="streaming")
    causes = folder.events.group_by("cause").len().collect(engine="streaming")
    counts = dict(status.iter_rows())
    return {
        "patients": sum(counts.values()),
        "status": {
            one.name.lower(): counts[one.name.lower()] for one in Status if one.name.lower() in counts
        },
        "failed": sum(counts.get(one.name.lower(), 0) for one in Status if not one.ok),
        "sentences": {
            one.name.lower(): one.sentence for one in Status if not one.ok and one.name.lower() in counts
        },
        "events": dict(sorted(causes.iter_rows())),
    }
