"""Evaluations on several processes, each kept on disk as soon as it is done, so that a fit can go on where
it ended."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from hepatrial.calibration.cells import load_plan, show_cells
from hepatrial.calibration.cohort import TooFewAdmitted
from hepatrial.calibration.simulate import Evaluation, evaluate
from hepatrial.calibration.targets import Declaration, load_declaration
from hepatrial.engine import compile_model, simulate
from hepatrial.errors import BadInput, Problem
from hepatrial.model import load_patient_model, load_variants
from hepatrial.population import Machine
from hepatrial.provenance import canonical_json, fingerprint

RTOL = 1e-3
"""Enough for science: 1e-3 of the liver's work is far below the Monte-Carlo error (science/feasibility.md,
6)."""
CELLS = "cells"
"""Layer whose values are the contrasts of every variant."""
HEAD, EVALUATIONS = "fit.json", "evaluations.jsonl"


@cache
def _machine() -> tuple[Machine, Declaration]:
    spec = load_patient_model()
    solve = partial(simulate, compile_model(spec), threads=1, rtol=RTOL)
    return Machine(spec, solve), load_declaration()


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops the work in order
    _machine()


def _one(layer: str, settings: Mapping[str, float], seed: int) -> Evaluation:
    machine, declaration = _machine()
    return (
        _cells(machine, settings, seed)
        if layer == CELLS
        else evaluate(machine, declaration, layer, settings, seed)
    )


def _cells(machine: Machine, settings: Mapping[str, float], seed: int) -> Evaluation:
    """The cells' contrasts as one row of values."""
    try:
        values, errors, admitted = show_cells(machine, settings, seed)
    except TooFewAdmitted as reason:
        none = np.full(len(load_variants()) * len(load_plan().outcome), np.nan)
        return Evaluation(none, none, 0, str(reason))
    return Evaluation(values.ravel(), errors.ravel(), admitted)


class Farm:
    """Evaluates settings and remembers.

    Args:
        folder: of the fit; made when it does not exist.
        head: what the fit rests on (targets, model, code, schedule); a folder of another fit is refused.
        workers: processes.
        tell: called with a sentence of progress.

    Raises:
        BadInput: the folder holds a fit of other targets, other code, another model or schedule.
    """

    def __init__(
        self, folder: Path, head: Mapping[str, Any], workers: int, tell: Callable[[str], None]
    ) -> None:
        self._folder, self._workers, self._tell = folder, workers, tell
        self._done: dict[str, Evaluation] = {}
        folder.mkdir(parents=True, exist_ok=True)
        _same_fit(folder / HEAD, head)
        path = folder / EVALUATIONS
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                row = _whole(line)
                if row is not None:
                    self._done[row["key"]] = _read(row)

    def __call__(
        self, layer: str, settings: Sequence[Mapping[str, float]], seeds: Sequence[int], batch: str
    ) -> list[Evaluation]:
        """One evaluation a setting; those already on disk are not repeated."""
        # The setting is in the key: a resumed sampler that ends elsewhere in the last digit mixes up nothing.
        keys = [f"{batch}/{seed}/{fingerprint(dict(s))}" for s, seed in zip(settings, seeds, strict=True)]
        missing = [i for i, key in enumerate(keys) if key not in self._done]
        began, count = time.monotonic(), 0
        with ProcessPoolExecutor(self._workers, get_context("spawn"), _begin) as pool:
            futures = {pool.submit(_one, layer, settings[i], seeds[i]): i for i in missing}
            try:
                with (self._folder / EVALUATIONS).open("a", encoding="utf-8") as file:
                    for future in as_completed(futures):
                        key = keys[futures[future]]
                        self._done[key] = future.result()
                        file.write(_line(key, self._done[key]) + "\n")
                        file.flush()
                        count += 1
                        if count % 20 == 0 or count == len(missing):
                            rate = (time.monotonic() - began) / count
                            self._tell(f"{batch}: {count} of {len(missing)}, {rate:.1f} s each")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [self._done[key] for key in keys]


def _same_fit(path: Path, head: Mapping[str, Any]) -> None:
    if not path.exists():
        path.write_text(canonical_json(dict(head)), encoding="utf-8")
        return
    held = json.loads(path.read_text(encoding="utf-8"))
    asked = json.loads(canonical_json(dict(head)))
    problems = [
        Problem(f"{path.parent} ({name})", str(asked.get(name)), f"the fit there began with {held.get(name)}")
        for name in sorted(held.keys() | asked.keys())
        if held.get(name) != asked.get(name)
    ]
    if problems:
        raise BadInput(problems)


def _line(key: str, one: Evaluation) -> str:
    values, errors = ([None if np.isnan(x) else float(x) for x in row] for row in (one.values, one.errors))
    row = {"key": key, "values": values, "errors": errors, "admitted": one.admitted, "reason": one.reason}
    return canonical_json(row)


def _whole(line: str) -> dict[str, Any] | None:
    """A line as written, or None for one that a kill cut short."""
    try:
        row: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return None
    return row


def _read(row: Mapping[str, Any]) -> Evaluation:
    values, errors = (
        np.array([np.nan if x is None else x for x in row[what]]) for what in ("values", "errors")
    )
    return Evaluation(values, errors, row["admitted"], row["reason"])
