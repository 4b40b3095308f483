"""The run folder: what was asked, finished shards with checksums, final tables. Every write is atomic."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.provenance import canonical_json, fingerprint

FORMAT = 1
"""Version of the folder's layout, part of the spec."""

TABLES = ("subject", "visit", "event")
ROW_GROUP = 65_536
"""Rows in a group of a final table; fixed, so that its bytes do not depend on how it was computed."""


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file so that a reader, or a killed run, sees the old content or the new, never a part.

    Args:
        path: the file.
        data: its content.
        durable: wait until the content would also outlast a power cut; shards need not, since a damaged one
            is known by its checksum and made again.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def parquet_bytes(table: pl.DataFrame) -> bytes:
    """A table as Parquet; equal tables give equal bytes."""
    buffer = io.BytesIO()
    table.rechunk().write_parquet(
        buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=ROW_GROUP
    )
    return buffer.getvalue()


def json_bytes(value: Any) -> bytes:
    """A value as indented JSON for people to read, with sorted keys."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Shards:
    """The writing side of a run folder: named byte strings with checksums, and the final files.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def _manifest_path(self) -> Path:
        return self.path / "manifest.json"

    def manifest(self) -> dict[str, str]:
        """Relative path -> SHA-256 of every finished file."""
        try:
            listed: dict[str, str] = json.loads(self._manifest_path.read_bytes())["files"]
        except (FileNotFoundError, ValueError, KeyError):
            return {}  # none yet, or damaged: then every file is made again
        return listed

    def put(self, name: str, data: bytes, *, durable: bool = False) -> None:
        """Store a file and enter it in the manifest."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, data, durable=durable)
        files = self.manifest()
        files[name] = _digest(data)
        write_atomic(self._manifest_path, json_bytes({"files": files}), durable=durable)

    def get(self, name: str) -> bytes | None:
        """A finished file's content, or None when it is missing or not what was written."""
        expected = self.manifest().get(name)
        target = self.path / name
        if expected is None or not target.exists():
            return None
        data = target.read_bytes()
        return data if _digest(data) == expected else None


def prepare(path: Path, spec: dict[str, Any]) -> Shards:
    """Make a run folder for a spec, or open the one that already holds the same spec.

    Raises:
        BadInput: the folder holds another spec or something else (left untouched), or cannot be written.
    """
    spec_path = path / "spec.json"
    if spec_path.exists():
        _same_spec(path, json.loads(spec_path.read_bytes()), spec)
    elif path.exists() and (not path.is_dir() or any(path.iterdir())):
        allowed = "the output folder must be new, empty, or the folder of the same run"
        raise BadInput([Problem("--out", str(path), allowed)])
    try:
        (path / "shards").mkdir(parents=True, exist_ok=True)
        if not spec_path.exists():
            write_atomic(spec_path, json_bytes(spec))
        else:
            tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        allowed = f"the output folder must be writable ({error.strerror})"
        raise BadInput([Problem("--out", str(path), allowed)]) from error
    return Shards(path)


def _same_spec(path: Path, there: dict[str, Any], asked: dict[str, Any]) -> None:
    if canonical_json(there) == canonical_json(asked):
        return
    keys = sorted(key for key in {*there, *asked} if there.get(key) != asked.get(key))
    differs = ", ".join(keys)
    allowed = f"the folder holds a run of another specification (other {differs}); name another folder"
    raise BadInput([Problem("--out", str(path), allowed)])


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
