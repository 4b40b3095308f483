"""A chunk of patients: inputs read or drawn, courses solved, tables encoded, from the folder alone."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.engine import CompiledModel, Impulses, Result, Status, compile_model, simulate
from hepatrial.ensemble.draws import draw_all
from hepatrial.ensemble.plan import Plan, plan_of_spec
from hepatrial.ensemble.storage import Shards
from hepatrial.ensemble.tables import PART, PATIENT
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.model.spec import ModelSpec
from hepatrial.model.wire import spec_from_json
from hepatrial.provenance import fingerprint, package_versions
from hepatrial.rng import Stream
from hepatrial.schema import MARK

Array = NDArray[np.float64]

PIECE = 1024
"""Most patients that a thread takes at a time: enough to fill numpy's loops, few enough that the last thread
to finish keeps the others waiting for a fraction of a second."""
_PIECES = 4
"""Pieces of a chunk, at least, unless they became smaller than ``_SMALLEST_PIECE``."""
_SMALLEST_PIECE = 128

TABLES = ("visit", "event", "patient")


@dataclass(frozen=True)
class Piece:
    """Some patients' rows of the three tables, as columns.

    Attributes:
        visit, event, patient: column name -> values.
    """

    visit: dict[str, NDArray[Any]]
    event: dict[str, NDArray[Any]]
    patient: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Worker:
    """One ensemble, ready to solve any part of it in any process that sees its folder.

    Attributes:
        folder: of the run.
        spec: its ``spec.json``.
        model: compiled.
        plan: what was asked.
    """

    folder: Path
    spec: dict[str, Any]
    model: CompiledModel
    plan: Plan

    @classmethod
    def of(cls, folder: Path) -> Worker:
        """The ensemble in a folder.

        Raises:
            RunFailed: a file of the folder is not what was written.
        """
        spec = json.loads((folder / "spec.json").read_bytes())
        text = _kept(folder, "inputs/model.json", spec["inputs"])
        model = spec_from_json(text.decode())
        return cls(folder, spec, compile_model(model), plan_of_spec(spec, model))

    def check_versions(self) -> None:
        """Refuse to go on with a run that other versions began: its shards would not fit together.

        Raises:
            BadInput: the versions differ.
        """
        there, here = self.spec["versions"], package_versions()
        if there != here:
            differ = ", ".join(f"{name} {there.get(name)}" for name in here if there.get(name) != here[name])
            allowed = "must be finished with the versions it was begun with"
            raise BadInput([Problem("run folder", f"a run of {differ}", allowed)])

    def check_inputs(self) -> None:
        """Refuse a folder whose kept inputs are not those that its spec names.

        Raises:
            RunFailed: one is missing or was changed.
        """
        for name in self.spec["inputs"]:
            _kept(self.folder, name, self.spec["inputs"])

    @property
    def _model_spec(self) -> ModelSpec:
        return self.model.spec

    def numbers(self, first: int, stop: int) -> NDArray[np.int64]:
        """Patient numbers of some rows."""
        if not self.plan.numbered:
            return np.arange(first + 1, stop + 1, dtype=np.int64)
        return self._table("patients", first, stop)[PATIENT].to_numpy()

    def inputs(self, first: int, stop: int) -> tuple[Array, Array]:
        """Parameters (n, n_parameters) and initial states (n, n_states) of some rows."""
        model, n = self._model_spec, stop - first
        given: dict[str, Array] = {}
        if self.plan.columns:
            table = self._table("patients", first, stop)
            given = {name: table[name].to_numpy() for name in self.plan.columns}
        numbers = self.numbers(first, stop)
        given |= draw_all(self.plan.draws, self.plan.options.seed, numbers)
        parameters = np.tile(model.default_parameters, (n, 1))
        for column, name in enumerate(model.parameters):
            if name in given:
                parameters[:, column] = given[name]
        initial = model.initial_states(parameters)
        for column, name in enumerate(model.states):
            if name in given:
                initial[:, column] = given[name]
        return parameters, initial

    def thresholds(self, numbers: NDArray[np.int64]) -> Array:
        """(n, n_hazards, occurrences) unit-exponential increments; infinite where events are off."""
        options, hazards = self.plan.options, self._model_spec.hazards
        recurs = any(hazard.recurrent for hazard in hazards)
        count = options.occurrences if options.events and recurs else 1
        spare = 1 if options.beyond == "never" else 0
        drawn = np.full((len(numbers), len(hazards), count + spare), np.inf)
        if options.events:
            for i, hazard in enumerate(hazards):
                mine = count if hazard.recurrent else 1
                stream = Stream(options.seed, f"threshold.{hazard.name}")
                drawn[:, i, :mine] = stream.exponential_table(numbers, mine)
        return drawn

    def impulses(self, first: int, stop: int) -> Impulses | None:
        """Doses of some rows."""
        n = stop - first
        parts: list[tuple[NDArray[Any], ...]] = []
        if self.plan.regimen:
            time, action, amount = (np.array(x) for x in zip(*self.plan.regimen, strict=True))
            row = np.repeat(np.arange(n), len(time))
            parts.append((row, np.tile(time, n), np.tile(action, n), np.tile(amount, n)))
        if self.plan.dosed:
            table = self._table("doses", first, stop)
            row = table["row"].to_numpy() - first
            parts.append((row, *(table[name].to_numpy() for name in ("time", "action", "amount"))))
        if not parts:
            return None
        return Impulses(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def solve(self, first: int, stop: int) -> Piece:
        """Rows ``first`` to ``stop`` (at most a chunk) of the three tables."""
        numbers = self.numbers(first, stop)
        return self.tabulate(numbers, self.follow(first, stop))

    def follow(self, first: int, stop: int) -> Result:
        """The courses of rows ``first`` to ``stop``."""
        options = self.plan.options
        n = stop - first
        parameters, initial = self.inputs(first, stop)
        return simulate(
            self.model,
            parameters,
            initial,
            self.thresholds(self.numbers(first, stop)),
            np.tile(np.array(options.visits, dtype=np.float64), (n, 1)),
            np.full(n, float(options.end)),
            self.impulses(first, stop),
            outputs=options.outputs,
            rtol=options.rtol,
            max_steps=options.max_steps,
        )

    def tabulate(self, numbers: NDArray[np.int64], result: Result) -> Piece:
        """Courses as rows of the three tables."""
        return Piece(self._visits(numbers, result), self._events(numbers, result), _patients(numbers, result))

    def _visits(self, numbers: NDArray[np.int64], result: Result) -> dict[str, NDArray[Any]]:
        """Visits that took place, a row each: those up to the end of the course."""
        options = self.plan.options
        days = np.array(options.visits, dtype=np.float64)
        patient, visit = np.nonzero(days[None, :] <= result.end_time[:, None])
        n_outputs = len(options.outputs)
        flat = result.values.reshape(len(numbers) * len(days), n_outputs)
        if len(patient) < len(flat):
            flat = flat[patient * len(days) + visit]
        try:
            with np.errstate(over="raise"):
                columns = np.ascontiguousarray(flat.astype(options.precision).T)
        except FloatingPointError:
            told = "An output is too large for float32; run the ensemble with --precision float64."
            raise RunFailed(told) from None
        found: dict[str, NDArray[Any]] = {
            "patient": numbers[patient],
            "visit": visit.astype(np.int16),
            "day": days[visit],
        }
        return found | {name: columns[i] for i, name in enumerate(options.outputs)}

    def _events(self, numbers: NDArray[np.int64], result: Result) -> dict[str, NDArray[Any]]:
        events = result.events
        return {
            "patient": numbers[events["patient"]],
            "day": np.ascontiguousarray(events["time"]),
            "cause": np.ascontiguousarray(events["cause"]),
        }

    def encode(self, chunk: int, pieces: list[Piece]) -> dict[str, bytes]:
        """The chunk's files: name in the folder -> content; equal chunks give equal bytes."""
        found = {}
        for table in TABLES:
            columns = [getattr(piece, table) for piece in pieces]
            frame = pl.DataFrame({name: np.concatenate([c[name] for c in columns]) for name in columns[0]})
            if table == "event":
                frame = frame.with_columns(self._named(frame["cause"], self._model_spec.causes))
            if table == "patient":
                frame = frame.with_columns(self._named(frame["status"], [s.name.lower() for s in Status]))
            found[shard_name(chunk, table)] = self._parquet(frame)
        return found

    @staticmethod
    def _named(column: pl.Series, names: Any) -> pl.Series:
        index = column.to_numpy()
        return pl.Series(column.name, list(names), dtype=pl.String).gather(index).alias(column.name)

    def _parquet(self, frame: pl.DataFrame) -> bytes:
        """Fast rather than small: a level above 1 makes simulated floats 1 % smaller and twice as slow."""
        buffer = io.BytesIO()
        frame.write_parquet(
            buffer,
            compression="zstd",
            compression_level=1,
            statistics=False,
            row_group_size=1 << 20,
            metadata={"mark": MARK["en"], "mark_zh": MARK["zh"], "run": self.hash},
        )
        return buffer.getvalue()

    @cached_property
    def hash(self) -> str:
        """Fingerprint of the spec."""
        return fingerprint(self.spec)

    def _table(self, kind: str, first: int, stop: int) -> pl.DataFrame:
        """Rows of a kept table, out of the one or two parts that hold them."""
        found = []
        for part in range(first // PART, (stop - 1) // PART + 1):
            name = f"inputs/{kind}-{part:05d}.parquet"
            table = _part(self.folder, name, self.spec["inputs"][name])
            if kind == "doses":
                row = table["row"]
                found.append(table.filter((row >= first) & (row < stop)))
            else:
                low = part * PART
                found.append(table.slice(max(first - low, 0), min(stop - low, PART) - max(first - low, 0)))
        return pl.concat(found)

    def chunk(self, chunk: int) -> dict[str, bytes]:
        """A whole chunk's files, solved in this thread."""
        rows = self.plan.rows(chunk)
        return self.encode(chunk, [self.solve(*bounds) for bounds in pieces_of(rows)])


def shard_name(chunk: int, table: str) -> str:
    """Where a chunk's table is kept in the folder."""
    return f"shards/{chunk:06d}.{table}.parquet"


def pieces_of(rows: range) -> list[tuple[int, int]]:
    """Rows of a chunk in pieces for threads; the tables do not depend on them."""
    size = min(PIECE, max(_SMALLEST_PIECE, -(-len(rows) // _PIECES)))
    return [(first, min(first + size, rows.stop)) for first in range(rows.start, rows.stop, size)]


def _patients(numbers: NDArray[np.int64], result: Result) -> dict[str, NDArray[Any]]:
    return {
        "patient": numbers,
        "status": result.status,
        "end": result.end_time,
        "steps": (result.steps + result.rejected).astype(np.int32),
    }


def _kept(folder: Path, name: str, digests: dict[str, str]) -> bytes:
    data = Shards(folder).read_checked(name, digests.get(name))
    if data is None:
        raise RunFailed(f"{name} in {folder} is not what the run kept; begin the run anew in another folder.")
    return data


@lru_cache(maxsize=6)
def _part(folder: Path, name: str, digest: str) -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(_kept(folder, name, {name: digest})))
