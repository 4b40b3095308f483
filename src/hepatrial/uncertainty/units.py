"""Work in units that are kept: an interrupted analysis goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from hepatrial.ensemble.merge import cores
from hepatrial.ensemble.storage import json_bytes, prepare

Progress = Callable[[str, int, int], None]
Unit = Callable[[], dict[str, Any]]


def do_units(
    out: Path,
    spec: dict[str, Any],
    units: Mapping[str, Unit],
    *,
    stage: str,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, dict[str, Any]]:
    """Do what the folder does not hold yet, each unit by itself, and return all of it.

    Args:
        out: folder, new, empty or of the same spec.
        spec: what is asked.
        units: name -> work whose result is plain data and depends on the spec and its name alone.
        stage: for progress.
        threads: workers; change no result.
        progress: called with (stage, done, total).

    Raises:
        BadInput: the folder holds something else or cannot be written.
    """
    shards = prepare(out, spec)
    found: dict[str, dict[str, Any]] = {}
    for name in units:
        data = shards.get(_file(name))
        if data is not None:
            found[name] = json.loads(data)
    tell = progress or (lambda _stage, _done, _total: None)
    tell(stage, len(found), len(units))
    pool = ThreadPoolExecutor(max_workers=threads or cores())
    try:
        waiting = {pool.submit(work): name for name, work in units.items() if name not in found}
        for future in as_completed(waiting):
            name, data = waiting[future], json_bytes(future.result())
            shards.put(_file(name), data)
            found[name] = json.loads(data)
            tell(stage, len(found), len(units))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return {name: found[name] for name in units}


def _file(name: str) -> str:
    return f"shards/{name}.json"
