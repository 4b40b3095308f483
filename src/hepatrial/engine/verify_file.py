"""A stranger's model file beside libRoadRunner, in a child process: both read what nobody has vouched for."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine.roadrunner import roadrunner, varied_parameters
from hepatrial.engine.verify import (
    DrawnEvents,
    OutputError,
    PairedEvents,
    Verification,
    verify_conventions,
    verify_draws,
    verify_general,
)
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.apart import answer_apart, call_apart
from hepatrial.model.children import check_file
from hepatrial.model.spec import ModelSpec
from hepatrial.model.untrusted import read_model

Array = NDArray[np.float64]

PATIENT = "patient"
OCCURRENCES = 12
"""Thresholds a cause; a patient has no more events of one cause than that in either engine."""
VISITS = 24


@dataclasses.dataclass(frozen=True)
class FileQuestion:
    """What to verify.

    Attributes:
        model: SBML or Antimony.
        patients: to draw where there is no table.
        spread: log-SD of every constant that is not 0.
        table: CSV with a header of parameters and a row a patient, or None; a column ``patient``, the key of
            luck in an ensemble, means nothing here.
        end: last time.
        rtol: of our engine.
        draws: courses in each engine whose thresholds it draws itself; 0 for none.
        seed: of what is drawn.
    """

    model: str
    patients: int
    spread: float
    table: str | None
    end: float
    rtol: float
    draws: int
    seed: int


def verify_file(asked: FileQuestion, seconds: float) -> Verification:
    """The verification of a file, in a child process.

    Args:
        asked: the question.
        seconds: time that it may take.

    Raises:
        BadInput: libRoadRunner is not installed; with everything that is wrong with model and table.
        RunFailed: one of the engines could not follow a patient, or it took too long.
    """
    roadrunner()
    check_file(Path(asked.model))
    told = call_apart("hepatrial.engine.verify_file", dataclasses.asdict(asked), asked.model, seconds)
    return Verification(
        patients=told["patients"],
        outputs=tuple(OutputError(**o) for o in told["outputs"]),
        error_allowed=told["error_allowed"],
        events=told["events"]
        and PairedEvents(**{**told["events"], "differing": tuple(told["events"]["differing"])}),
        minutes_allowed=told["minutes_allowed"],
        drawn=tuple(DrawnEvents(**d) for d in told["drawn"]),
        courses_drawn=told["courses_drawn"],
        level=told["level"],
    )


def child() -> None:
    """The child of :func:`verify_file`."""

    def answer(told: dict[str, Any], read: Callable[[], None]) -> dict[str, Any]:
        asked = FileQuestion(**told)
        spec = read_model(Path(asked.model))
        rows = parameter_rows(spec, asked)
        read()
        return dataclasses.asdict(_verified(spec, rows, asked))

    answer_apart(answer)


def _verified(spec: ModelSpec, rows: Array, asked: FileQuestion) -> Verification:
    if not spec.hazards:
        return verify_general(spec, rows, asked.end, rtol=asked.rtol)
    rng = np.random.Generator(np.random.Philox(asked.seed + 1))
    visits = asked.end * (np.arange(1, VISITS + 1) - 0.31) / VISITS

    def luck(n: int) -> Array:
        return rng.exponential(size=(n, len(spec.hazards), OCCURRENCES))

    initial = spec.initial_states(rows)
    found = verify_conventions(spec, rows, initial, luck(len(rows)), visits, asked.end, rtol=asked.rtol)
    if not asked.draws:
        return found
    many = np.arange(asked.draws) % len(rows)
    drawn = verify_draws(spec, rows[many], initial[many], luck(asked.draws), asked.end, seed=asked.seed)
    return dataclasses.replace(found, drawn=drawn, courses_drawn=asked.draws)


def parameter_rows(spec: ModelSpec, asked: FileQuestion) -> Array:
    """(n, n_parameters): the table's rows, or constants spread log-normally around the file's values.

    Raises:
        BadInput: with everything that is wrong with the table.
    """
    varied = varied_parameters(spec)
    if asked.table is not None:
        return _table(spec, varied, Path(asked.table))
    rows = np.tile(spec.default_parameters, (asked.patients, 1))
    rng = np.random.Generator(np.random.Philox(asked.seed))
    for name in varied:
        rows[:, spec.parameters.index(name)] *= np.exp(asked.spread * rng.standard_normal(asked.patients))
    return rows


def _table(spec: ModelSpec, varied: tuple[str, ...], path: Path) -> Array:
    problems = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput([Problem(str(path), str(error), "must be a readable CSV file")]) from None
    header = [name.strip() for name in lines[0]] if lines else []
    if len(lines) < 2:
        problems.append(Problem(str(path), f"{len(lines)} lines", "must have a header and a row a patient"))
    for k, name in enumerate(header):
        if name not in (*varied, PATIENT):
            allowed = "must be a constant of the model with a value of its own"
            problems.append(
                Problem(f"{path} column {k + 1}", repr(name), allowed, nearest_name(name, varied))
            )
        elif name in header[:k]:
            problems.append(Problem(f"{path} column {k + 1}", repr(name), "is given twice; give it once"))
    rows = np.tile(spec.default_parameters, (max(len(lines) - 1, 0), 1))
    for i, cells in enumerate(lines[1:]):
        if len(cells) != len(header):
            problems.append(Problem(f"{path} row {i + 1}", f"{len(cells)} cells", f"must have {len(header)}"))
            continue
        for name, cell in zip(header, cells, strict=True):
            try:
                value = float(cell)
            except ValueError:
                value = math.nan
            if not math.isfinite(value):
                problems.append(
                    Problem(f"{path} row {i + 1} {name}", repr(cell[:40]), "must be a finite number")
                )
            elif name in varied:
                rows[i, spec.parameters.index(name)] = value
    if problems:
        raise BadInput(problems)
    return rows
