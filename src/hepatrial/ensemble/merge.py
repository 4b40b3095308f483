"""Shares of a run made one: what is missing, copying from other folders, finishing."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from hepatrial.ensemble.results import EnsembleFolder, kind_of, summarise
from hepatrial.ensemble.shares import Share, share_of_writer
from hepatrial.ensemble.storage import Shards, json_bytes, write_atomic
from hepatrial.ensemble.worker import TABLES, Worker, shard_name
from hepatrial.errors import BadInput, Problem, RunFailed


def missing_chunks(shards: Shards, worker: Worker, share: Share | None) -> list[int]:
    """Chunks of a share that are not in the folder yet, or not as they were written."""
    mine = [chunk for chunk in range(worker.plan.chunks) if share is None or share.has(chunk)]
    names = [shard_name(chunk, table) for chunk in mine for table in TABLES]
    there = shards.whole(names)
    return [chunk for chunk in mine if any(shard_name(chunk, table) not in there for table in TABLES)]


def finish(shards: Shards, worker: Worker, *, checked: bool = False) -> None:
    """Count what is there, and make the manifests one.

    Args:
        shards: the run folder.
        worker: of the ensemble.
        checked: every chunk was written or read by this very process, and need not be read again.

    Raises:
        RunFailed: chunks are missing; the message says which.
    """
    shards = Shards(shards.path)
    missing = [] if checked else missing_chunks(shards, worker, None)
    if missing:
        told = tell_missing(shards, missing, worker.plan.chunks)
        raise RunFailed(f"The run in {shards.path} is not finished: {told}")
    shards.gather()
    shards.put("summary.json", json_bytes(summarise(shards.path)), durable=True)


def tell_missing(shards: Shards, missing: Sequence[int], chunks: int) -> str:
    """Which shares have chunks missing, as a sentence."""
    shares = [share for share in map(share_of_writer, shards.writers()) if share]
    if not shares:
        return f"{len(missing)} of {chunks} chunks are missing."
    of = max(share.of for share in shares)
    told = []
    for number in range(1, of + 1):
        share = Share(number, of)
        lacking = sum(share.has(chunk) for chunk in missing)
        if lacking:
            all_of_it = sum(share.has(chunk) for chunk in range(chunks))
            told.append(f"{share} ({lacking} of {all_of_it} chunks)")
    return f"shards missing: {', '.join(told)}."


def merge_ensemble(path: Path | str, parts: Sequence[Path | str] = ()) -> EnsembleFolder:
    """Make the shares of an ensemble one finished run.

    Args:
        path: the run folder, which may hold several shares.
        parts: further folders that hold shares of the same run; their shards are copied.

    Raises:
        BadInput: one of the folders holds no ensemble, or another one.
        RunFailed: shards are missing; the message says which.
    """
    path = Path(path)
    collect_parts(path, [Path(part) for part in parts])
    worker = Worker.of(path)
    finish(Shards(path), worker)
    if not (path / "run.json").exists():
        write_run_json(path, time.time(), 1)
    return EnsembleFolder.open(path)


def collect_parts(path: Path, parts: Sequence[Path]) -> None:
    """Copy what other folders of the same run have finished, each file after a look at its checksum.

    Raises:
        BadInput: a folder holds no run, or another one.
    """
    kind_of(path)
    spec = json.loads((path / "spec.json").read_bytes())
    problems = []
    for part in parts:
        try:
            kind_of(part)
            if json.loads((part / "spec.json").read_bytes()) != spec:
                problems.append(Problem("run folder", str(part), f"must hold a share of the run in {path}"))
        except BadInput as bad:
            problems += bad.problems
    if problems:
        raise BadInput(problems)
    for part in parts:
        _copy_shards(Shards(part), path)


def _copy_shards(source: Shards, path: Path) -> None:
    listed = source.manifest()
    for name in sorted(source.whole(n for n in listed if n.startswith("shards/"))):
        target = path / name
        temporary = target.with_name(f".{target.name}.copy")
        shutil.copyfile(source.path / name, temporary)
        os.replace(temporary, target)
    for writer in source.writers() or ("",):
        mine = Shards(source.path, writer).own_manifest()
        Shards(path, writer).enter({n: d for n, d in mine.items() if n.startswith("shards/")})


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_run_json(path: Path, begun: float, workers: int, **more: float) -> None:
    """Times and host: the only file in which two runs of one spec may differ."""
    facts = {
        "begun": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun)),
        "seconds": round(time.time() - begun, 3),
        "threads": workers,
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        **more,
    }
    write_atomic(path / "run.json", json_bytes(facts))
