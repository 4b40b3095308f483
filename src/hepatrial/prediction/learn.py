"""The last step of a fit: every draw of the ensemble laid beside the fitted cohorts, and what is left learnt.

Rows are kept as soon as they are made, so that the step goes on where it was stopped.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.calibration import Ensemble
from hepatrial.ensemble.storage import parquet_bytes, write_atomic
from hepatrial.errors import BadInput
from hepatrial.prediction.calibrants import all_points, levels
from hepatrial.prediction.discrepancy import Discrepancy, learn, store
from hepatrial.prediction.scoreboard import LEFT_OUT
from hepatrial.provenance import COHORT_SOURCE, canonical_json, fingerprint, source_hash
from hepatrial.schema import MARK

Array = NDArray[np.float64]

ROWS = "calibrants.jsonl"
SEED = 20261129


def learn_discrepancy(
    ensemble: Ensemble, folder: Path, *, workers: int, tell: Callable[[str], None]
) -> Discrepancy:
    """Follow the fitted cohorts under every draw and learn the discrepancy.

    Draws of the same settings (they differ by the variant of the cell effect alone) are followed once.

    Args:
        ensemble: a posterior.
        folder: of the rows; goes on with those it has.
        workers: processes.
        tell: called with sentences of progress.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rests_on = {"points": _points(), "source": source_hash((*COHORT_SOURCE, "prediction"))}
    keys = [fingerprint({"settings": settings, **rests_on}) for settings in ensemble.settings]
    known = _read(folder / ROWS)
    missing = {key: row for row, key in reversed(list(enumerate(keys))) if key not in known}
    told = 0
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin) as pool:
        futures = {
            pool.submit(_row, ensemble.settings[row], SEED + row): key for key, row in sorted(missing.items())
        }
        try:
            with (folder / ROWS).open("a", encoding="utf-8") as file:
                for future in as_completed(futures):
                    row = future.result()
                    known[futures[future]] = np.array(row)
                    line = {"key": futures[future], "row": [_plain(part) for part in row]}
                    file.write(canonical_json(line) + "\n")
                    file.flush()
                    told += 1
                    if told % 10 == 0 or told == len(futures):
                        tell(f"fitted cohorts: {told} of {len(futures)} draws")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    unique = list(dict.fromkeys(keys))
    rows = np.stack([known[key] for key in unique])
    return learn(ensemble.hash, rows[:, 0], rows[:, 1], rows[:, 2], SEED).spread(
        [unique.index(k) for k in keys]
    )


def write_discrepancy(one: Discrepancy, folder: Path) -> None:
    """Write the files of a discrepancy."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in store(one).items():
        write_atomic(folder / name, content)


def write_left_out(table: pl.DataFrame, folder: Path, discrepancy: str) -> None:
    """Write the draws of the fitted cohorts, each without itself, with the hash of their discrepancy."""
    marks = {"mark": MARK["en"], "discrepancy": discrepancy}
    write_atomic(folder / LEFT_OUT, parquet_bytes(table, marks))


def _points() -> list[list[Any]]:
    return [[p.calibrant, p.event, p.day] for p in all_points()]


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the work in order


def _row(settings: Mapping[str, float], seed: int) -> list[list[float]]:
    from hepatrial.prediction.predict import default_machine

    try:
        return [part.tolist() for part in levels(default_machine(), settings, seed)]
    except BadInput:  # a draw so far out that its laboratory values are impossible
        return [[float("nan")] * len(all_points())] * 3


def _plain(row: Sequence[float]) -> list[float | None]:
    return [None if np.isnan(x) else float(x) for x in row]


def _read(path: Path) -> dict[str, Array]:
    known: dict[str, Array] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:  # cut short by a kill
                continue
            known[row["key"]] = np.array(row["row"], dtype=np.float64)
    return known
