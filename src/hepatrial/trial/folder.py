"""The run folder of a trial: spec, shards with checksums, final tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.ensemble.storage import Shards
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.provenance import fingerprint

FORMAT = 1
"""Version of the folder's layout, part of the spec."""

TABLES = ("subject", "visit", "event")


@dataclass(frozen=True)
class RunFolder:
    """A finished run, for reading.

    Attributes:
        path: the folder.
    """

    path: Path

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open a finished run.

        Raises:
            BadInput: no run there.
            RunFailed: the run was not finished, or a table is not what was written.
        """
        path = Path(path)
        if not (path / "spec.json").exists():
            raise BadInput([Problem("run folder", str(path), "must be a folder that `hepatrial run` wrote")])
        shards = Shards(path)
        listed = shards.manifest()
        if any(f"{name}.parquet" not in listed for name in TABLES):
            raise RunFailed(f"The run in {path} was not finished; resume it first.")
        for name in TABLES:
            if shards.get(f"{name}.parquet") is None:
                raise RunFailed(f"{name}.parquet in {path} is not what the run wrote; resume to rebuild it.")
        return cls(path)

    def _json(self, name: str) -> Any:
        return json.loads((self.path / name).read_bytes())

    @cached_property
    def spec(self) -> dict[str, Any]:
        """What was asked: protocol, options, seed, model hash, versions."""
        found: dict[str, Any] = self._json("spec.json")
        return found

    @cached_property
    def between_study(self) -> dict[str, float]:
        """Scale -> SD of a study's own deviation, as the ensemble of the run has it; empty on the cards."""
        if self.spec["worlds"]["kind"] == "cards":
            return {}
        found: dict[str, float] = self._json("inputs/worlds.json")["between_study"]
        return found

    @cached_property
    def followed_again(self) -> pl.DataFrame:
        """Subject rows of counterfactual persons followed once more with other luck of their events."""
        return pl.read_parquet(self.path / "again.parquet")

    @property
    def hash(self) -> str:
        """Fingerprint of the spec, shown on every figure."""
        return fingerprint(self.spec)

    @cached_property
    def subjects(self) -> pl.DataFrame:
        """Subject table: one row a patient and arm (``schema.SUBJECT`` and ``baseline_<measure>``)."""
        return pl.read_parquet(self.path / "subject.parquet")

    @cached_property
    def visits(self) -> pl.DataFrame:
        """Visit table: one row a visit that took place (``schema.VISIT`` and the measures)."""
        return pl.read_parquet(self.path / "visit.parquet")

    @cached_property
    def events(self) -> pl.DataFrame:
        """Event table (``schema.EVENT``)."""
        return pl.read_parquet(self.path / "event.parquet")

    @cached_property
    def acceptance(self) -> dict[str, Any]:
        """What became of the candidates, and how well a requested Table 1 was met."""
        found: dict[str, Any] = self._json("acceptance.json")
        return found

    @cached_property
    def admission(self) -> pl.DataFrame:
        """Laboratory values at randomisation, to lay beside published cohorts."""
        return pl.DataFrame(self._json("admission.json"))

    def write(self, name: str, data: bytes) -> Path:
        """Store a further file (results, report) atomically and return its path."""
        Shards(self.path).put(name, data, durable=True)
        return self.path / name
