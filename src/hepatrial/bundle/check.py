"""Check a bundle: simulate its run anew on this machine and compare every table."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from hepatrial.bundle.archive import read_archive
from hepatrial.errors import BadInput, Problem
from hepatrial.model import load_patient_model
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.trial import resume_trial
from hepatrial.trial.folder import TABLES
from hepatrial.trial.plausible import FILE as WORLDS

Progress = Callable[[str, int, int], None]
KEYS = ("replicate", "arm", "subject", "patient", "day", "visit", "event")
"""Columns by which tables are sorted before they are compared."""


@dataclass(frozen=True)
class BundleCheck:
    """What a check found.

    Attributes:
        run: hash of the bundle's run.
        tables: table -> "" when equal, else the first difference in words.
        versions: package -> (of the bundle, here) where they differ.
    """

    run: str
    tables: Mapping[str, str]
    versions: Mapping[str, tuple[str, str]]

    @property
    def equal(self) -> bool:
        """Whether every table is equal."""
        return not any(self.tables.values())


def check_bundle(
    path: Path | str, *, threads: int | None = None, progress: Progress | None = None
) -> BundleCheck:
    """Simulate the run of a bundle anew and compare.

    Args:
        path: the archive.
        threads: workers; changes no result.
        progress: called with (stage, done, total).

    Raises:
        BadInput: no bundle, a damaged one, or one of another patient model than the installed one.
    """
    files = read_archive(Path(path))
    spec = _spec(files, Path(path))
    here = package_versions(spec["versions"])
    differ = {name: (told, here[name]) for name, told in spec["versions"].items() if told != here[name]}
    told = {name: _told(files, name, Path(path)) for name in TABLES}
    with TemporaryDirectory() as folder:
        anew = _simulate(files, {**spec, "versions": here}, Path(folder) / "run", threads, progress)
        tables = {name: difference(told[name], pl.read_parquet(anew / f"{name}.parquet")) for name in TABLES}
    return BundleCheck(fingerprint(spec), tables, differ)


def _told(files: Mapping[str, bytes], name: str, path: Path) -> pl.DataFrame:
    """A table of the bundle."""
    try:
        return pl.read_parquet(io.BytesIO(files[f"{name}.parquet"]))
    except pl.exceptions.PolarsError as error:
        given = f"no table ({str(error).splitlines()[0]})"
        raise BadInput([Problem(f"{path}, {name}.parquet", given, "a Parquet table")]) from None


def _simulate(
    files: Mapping[str, bytes],
    spec: Mapping[str, Any],
    folder: Path,
    threads: int | None,
    progress: Progress | None,
) -> Path:
    """Simulate what the bundle asked for into a new folder.

    Raises:
        BadInput: what it asked for is no run that this version knows.
    """
    folder.mkdir()
    (folder / "spec.json").write_bytes(json.dumps(spec).encode())
    if WORLDS in files:
        (folder / WORLDS).parent.mkdir()
        (folder / WORLDS).write_bytes(files[WORLDS])
    try:
        return resume_trial(folder, threads=threads, progress=progress).path
    except BadInput:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # the file is a stranger's
        allowed = "a run that this version of hepatrial can read"
        raise BadInput([Problem("spec.json", f"{type(error).__name__}: {error}", allowed)]) from error


def _spec(files: Mapping[str, bytes], path: Path) -> dict[str, Any]:
    needed = ("spec.json", "ro-crate-metadata.json", *(f"{name}.parquet" for name in TABLES))
    missing = [name for name in needed if name not in files]
    if missing:
        raise BadInput(
            [Problem(str(path), f"no {', '.join(missing)}", "a file that `hepatrial bundle` wrote")]
        )
    try:
        spec: dict[str, Any] = json.loads(files["spec.json"])
        versions = {str(name): str(version) for name, version in spec["versions"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        allowed = "what `hepatrial run` wrote"
        raise BadInput(
            [Problem(f"{path}, spec.json", f"no description of a run ({error})", allowed)]
        ) from None
    installed = load_patient_model().hash
    if spec.get("model_hash") != installed:
        allowed = f"a bundle of the installed model ({installed[:12]}); install the version it names"
        given = f"model {str(spec.get('model_hash'))[:12]}, hepatrial {versions.get('hepatrial')}"
        raise BadInput([Problem(str(path), given, allowed)])
    return spec


def difference(told: pl.DataFrame, anew: pl.DataFrame) -> str:
    """The first difference of two tables after sorting, "" for none; NaN equals NaN."""
    if told.columns != anew.columns:
        odd = sorted(set(told.columns) ^ set(anew.columns))
        return f"columns differ: {', '.join(odd) or 'their order'}"
    if len(told) != len(anew):
        return f"{len(told)} rows in the bundle, {len(anew)} here"
    keys = [name for name in KEYS if name in told.columns]
    a, b = told.sort(keys, maintain_order=True), anew.sort(keys, maintain_order=True)
    for name in told.columns:
        if a[name].dtype != b[name].dtype:
            return f"{name} is {a[name].dtype} in the bundle, {b[name].dtype} here"
        unlike = (a[name].ne_missing(b[name])).arg_true()
        if len(unlike):
            row = int(unlike[0])
            where = ", ".join(f"{key} {a[key][row]}" for key in keys[:3])
            pair = f"{a[name][row]} against {b[name][row]}"
            return f"{len(unlike)} values of {name} differ; first at {where}: {pair}"
    return ""
