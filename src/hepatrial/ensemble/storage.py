"""Folders of runs: what was asked, finished files with checksums. Every write is atomic.

Several writers (the jobs of an array) may work in one folder: each has a manifest of its own, and whoever
reads joins them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.errors import BadInput, Problem
from hepatrial.provenance import canonical_json

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


def parquet_bytes(table: pl.DataFrame, metadata: Mapping[str, str] | None = None) -> bytes:
    """A table as Parquet; equal tables give equal bytes.

    Args:
        table: what is written.
        metadata: words of the file itself, such as the mark of a simulation.
    """
    buffer = io.BytesIO()
    table.rechunk().write_parquet(
        buffer,
        compression="zstd",
        compression_level=3,
        statistics=True,
        row_group_size=ROW_GROUP,
        metadata=dict(metadata) if metadata else None,
    )
    return buffer.getvalue()


def json_bytes(value: Any) -> bytes:
    """A value as indented JSON for people to read, with sorted keys."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def digest_of(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Shards:
    """The writing side of a run folder: named byte strings with checksums.

    Attributes:
        path: the folder.
        writer: whose manifest is written to; empty for a run's only (and last) writer.
    """

    path: Path
    writer: str = ""

    @property
    def _manifest_path(self) -> Path:
        return self.path / (f"manifest-{self.writer}.json" if self.writer else "manifest.json")

    def writers(self) -> tuple[str, ...]:
        """Names of the other writers that have a manifest here."""
        found = (path.stem.removeprefix("manifest-") for path in self.path.glob("manifest-*.json"))
        return tuple(sorted(found))

    def manifest(self) -> dict[str, str]:
        """Relative path -> SHA-256 of every finished file, whoever wrote it."""
        listed: dict[str, str] = {}
        for path in sorted(self.path.glob("manifest*.json")):
            listed |= _files(path)
        return listed

    def put(self, name: str, data: bytes, *, durable: bool = False) -> None:
        """Store a file and enter it in the manifest."""
        self.put_all({name: data}, durable=durable)

    def put_all(self, files: Mapping[str, bytes], *, durable: bool = False) -> None:
        """Store files that belong together, then enter them in the manifest at once."""
        digests = {}
        for name, data in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, data, durable=durable)
            digests[name] = digest_of(data)
        self.enter(digests, durable=durable)

    def enter(self, digests: Mapping[str, str], *, durable: bool = False) -> None:
        """Enter files that someone else stored (path -> SHA-256)."""
        listed = {**self.own_manifest(), **digests}
        write_atomic(self._manifest_path, json_bytes({"files": listed}), durable=durable)

    def drop(self, names: Iterable[str]) -> None:
        """Take files away, from the manifest first."""
        gone = set(names) & set(self.own_manifest())
        if gone:
            listed = {name: digest for name, digest in self.own_manifest().items() if name not in gone}
            write_atomic(self._manifest_path, json_bytes({"files": listed}))
        for name in gone:
            (self.path / name).unlink(missing_ok=True)

    def get(self, name: str) -> bytes | None:
        """A finished file's content, or None when it is missing or not what was written."""
        return self.read_checked(name, self.manifest().get(name))

    def whole(self, names: Iterable[str]) -> set[str]:
        """Those of the files that are there and are what was written; read one at a time."""
        listed = self.manifest()
        return {name for name in names if self.read_checked(name, listed.get(name)) is not None}

    def read_checked(self, name: str, expected: str | None) -> bytes | None:
        """A file whose checksum is known, or None when it is missing or another."""
        if expected is None:
            return None
        try:
            data = (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        return data if digest_of(data) == expected else None

    def own_manifest(self) -> dict[str, str]:
        """Relative path -> SHA-256 of what this writer finished."""
        return _files(self._manifest_path)

    def gather(self) -> None:
        """Make the manifests of all writers one, and take away what killed writers left half-written."""
        for folder in (self.path, self.path / "shards", self.path / "inputs"):
            for debris in folder.glob(".*"):
                debris.unlink(missing_ok=True)
        if self.writers():
            write_atomic(self.path / "manifest.json", json_bytes({"files": self.manifest()}))
            for writer in self.writers():
                (self.path / f"manifest-{writer}.json").unlink(missing_ok=True)


def _files(path: Path) -> dict[str, str]:
    try:
        listed: dict[str, str] = json.loads(path.read_bytes())["files"]
    except (FileNotFoundError, ValueError, KeyError):
        return {}  # none yet, or damaged: then every file is made again
    return listed


def is_begun(path: Path) -> bool:
    """Whether a folder is that of a run; one that was killed before it had a spec is as good as new."""
    if not path.exists():
        return False
    if not path.is_dir():
        return True
    ours = {"shards", "inputs"}
    return any(entry.name not in ours and not entry.name.startswith(".") for entry in path.iterdir())


def prepare(path: Path, spec: dict[str, Any], inputs: Mapping[str, bytes] | None = None) -> Shards:
    """Make a run folder for a spec, or open the one that already holds the same spec.

    Args:
        path: the folder.
        spec: what is asked.
        inputs: name -> content of files that the spec names by their hash; written before the spec.

    Raises:
        BadInput: the folder holds another spec or something else (left untouched), or cannot be written.
    """
    spec_path = path / "spec.json"
    begun = is_begun(path)  # asked first: another job of an array may write the spec at this moment
    if spec_path.exists():
        _same_spec(path, json.loads(spec_path.read_bytes()), spec)
    elif begun:
        allowed = "the output folder must be new, empty, or the folder of the same run"
        raise BadInput([Problem("--out", str(path), allowed)])
    try:
        (path / "shards").mkdir(parents=True, exist_ok=True)
        for name, data in (inputs or {}).items():
            if not (path / name).exists():
                (path / name).parent.mkdir(exist_ok=True)
                write_atomic(path / name, data)
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
