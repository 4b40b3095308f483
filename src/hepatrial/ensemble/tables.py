"""Tables that a user gives: one row a patient, one row a dose. Checked whole, kept in parts of fixed size.

Everything here works on lazy frames, so that a table need not fit into memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from hepatrial.errors import BadInput, Problem, nearest_name

Source = pl.DataFrame | Mapping[str, Any] | str | os.PathLike[str]
"""A table: a .parquet or .csv file, a polars data frame, or a mapping of column name -> values."""

PART = 65_536
"""Patients in a part of the kept tables; does not depend on the size of a chunk."""

PATIENT = "patient"
"""Column of the patient's number, the key of its luck; without it the rows count from 1."""

_DOSE = ("time", "action", "amount")


@contextmanager
def opened(source: Source, place: str) -> Iterator[pl.LazyFrame]:
    """The table as a lazy frame that can be read many times.

    Raises:
        BadInput: it is no table that can be read.
    """
    with TemporaryDirectory(prefix="hepatrial-") as folder:
        try:
            frame = _scan(source, Path(folder))
            frame.collect_schema()
        except (pl.exceptions.PolarsError, OSError, TypeError, ValueError) as error:
            first = (str(error).splitlines() or [type(error).__name__])[0]
            given = str(source) if isinstance(source, str | os.PathLike) else type(source).__name__
            allowed = f"must be a table that can be read, .parquet or .csv ({first})"
            raise BadInput([Problem(place, given, allowed)]) from None
        yield frame


def _scan(source: Source, folder: Path) -> pl.LazyFrame:
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    if isinstance(source, Mapping):
        return pl.DataFrame(dict(source)).lazy()
    path = Path(source)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise ValueError("its name ends in neither")
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    if path.suffix.lower() == ".parquet":
        return pl.scan_parquet(path, glob=False)
    # Rows of a CSV can only be found by reading all before them; so it is read once.
    pl.scan_csv(path, glob=False, infer_schema_length=None).sink_parquet(folder / "table.parquet")
    return pl.scan_parquet(folder / "table.parquet")


@dataclass(frozen=True)
class PatientTable:
    """A checked table of patients.

    Attributes:
        frame: ``columns`` as Float64, and ``patient`` (Int64) where ``numbered``.
        rows: patients.
        columns: parameters and states that it gives.
        numbered: it has patient numbers of its own.
    """

    frame: pl.LazyFrame
    rows: int
    columns: tuple[str, ...]
    numbered: bool


def check_patients(
    frame: pl.LazyFrame, parameters: Sequence[str], states: Sequence[str], place: str
) -> PatientTable:
    """The table of patients, every column known and every value finite.

    Raises:
        BadInput: with everything that is wrong.
    """
    schema = frame.collect_schema()
    names = (*parameters, *states)
    problems = []
    good = []
    for name, kind in schema.items():
        if name == PATIENT:
            continue
        where = f"{place}, column {name}"
        if name not in names:
            allowed = f"must be {PATIENT!r}, a parameter or a state of the model"
            problems.append(Problem(where, repr(name), allowed, nearest_name(name, (*names, PATIENT))))
        elif not kind.is_numeric():
            problems.append(Problem(where, f"values of type {kind}", "must be numbers"))
        else:
            good.append(name)
    numbered = PATIENT in schema
    if numbered and not schema[PATIENT].is_integer():
        problems.append(
            Problem(f"{place}, column {PATIENT}", f"type {schema[PATIENT]}", "must be whole numbers")
        )
        numbered = False
    rows, found = _bad_rows(frame, good, numbered, place)
    problems += found
    if problems:
        raise BadInput(problems)
    wanted = [pl.col(name).cast(pl.Float64) for name in good]
    own = [pl.col(PATIENT).cast(pl.Int64)] if numbered else []
    return PatientTable(frame.select(*own, *wanted), rows, tuple(good), numbered)


def _bad_rows(
    frame: pl.LazyFrame, columns: Sequence[str], numbered: bool, place: str
) -> tuple[int, list[Problem]]:
    """How many rows there are, and a problem for each column with values that cannot be used."""
    bad = {name: ~pl.col(name).cast(pl.Float64).is_finite().fill_null(False) for name in columns}
    if numbered:
        bad[PATIENT] = (pl.col(PATIENT) < 0).fill_null(True)
    wanted = [pl.len().alias("rows of all")]
    for name, wrong in bad.items():
        wanted += [wrong.sum().alias(f"{name} bad"), wrong.arg_max().alias(f"{name} first")]
    if numbered:
        wanted.append(pl.col(PATIENT).n_unique().alias("distinct of all"))
    told = frame.select(wanted).collect(engine="streaming").row(0, named=True)
    rows = int(told["rows of all"])
    problems = []
    for name in bad:
        count = told[f"{name} bad"]
        if count:
            allowed = (
                "must be numbers from 0, none missing" if name == PATIENT else "must be finite, none missing"
            )
            given = f"{count} of {rows} values, the first in row {told[f'{name} first'] + 1}"
            problems.append(Problem(f"{place}, column {name}", given, allowed))
    if numbered and not problems and told["distinct of all"] != rows:
        given = f"{rows - told['distinct of all']} numbers more than once"
        problems.append(Problem(f"{place}, column {PATIENT}", given, "must name each patient once"))
    if not rows:
        problems.append(Problem(place, "no rows", "must have at least one"))
    return rows, problems


@dataclass(frozen=True)
class DoseTable:
    """A checked table of doses.

    Attributes:
        regimen: (time, index of the action, amount) of doses that everybody gets.
        frame: ``patient``, ``time``, ``action`` (index), ``amount`` where patients have doses of their own.
    """

    regimen: tuple[tuple[float, int, float], ...] = ()
    frame: pl.LazyFrame | None = None


def check_doses(frame: pl.LazyFrame, actions: Sequence[str], patients: pl.LazyFrame, place: str) -> DoseTable:
    """The table of doses: ``time``, ``action``, ``amount``, and ``patient`` unless it is for everybody.

    Args:
        frame: the table.
        actions: of the model.
        patients: one column, the numbers of all patients.
        place: what to call the table in problems.

    Raises:
        BadInput: with everything that is wrong.
    """
    schema = frame.collect_schema()
    known = (*_DOSE, PATIENT)
    problems = [
        Problem(
            f"{place}, column {name}",
            repr(name),
            f"must be one of {', '.join(known)}",
            nearest_name(name, known),
        )
        for name in schema
        if name not in known
    ]
    problems += [Problem(place, f"no column {name}", "needs it") for name in _DOSE if name not in schema]
    for name in ("time", "amount"):
        if name in schema and not schema[name].is_numeric():
            problems.append(Problem(f"{place}, column {name}", f"type {schema[name]}", "must be numbers"))
    if "action" in schema and schema["action"] != pl.String:
        problems.append(
            Problem(f"{place}, column action", f"type {schema['action']}", "must be names of actions")
        )
    if PATIENT in schema and not schema[PATIENT].is_integer():
        problems.append(
            Problem(f"{place}, column {PATIENT}", f"type {schema[PATIENT]}", "must be whole numbers")
        )
    if problems:
        raise BadInput(problems)
    problems = _bad_doses(frame, actions, patients, place)
    if problems:
        raise BadInput(problems)
    index = pl.col("action").replace_strict(
        {name: i for i, name in enumerate(actions)}, return_dtype=pl.Int64
    )
    columns = [pl.col("time").cast(pl.Float64), index, pl.col("amount").cast(pl.Float64)]
    if PATIENT in schema:
        return DoseTable(frame=frame.select(pl.col(PATIENT).cast(pl.Int64), *columns))
    rows = frame.select(columns).sort("time", maintain_order=True).collect().rows()
    return DoseTable(regimen=tuple(rows))


def _bad_doses(
    frame: pl.LazyFrame, actions: Sequence[str], patients: pl.LazyFrame, place: str
) -> list[Problem]:
    problems = []
    bad = {
        "time": (pl.col("time").cast(pl.Float64).is_finite() & (pl.col("time") >= 0)).fill_null(False).not_(),
        "amount": pl.col("amount").cast(pl.Float64).is_finite().fill_null(False).not_(),
    }
    counted = frame.select([expression.sum().alias(name) for name, expression in bad.items()])
    told = counted.collect(engine="streaming").row(0, named=True)
    for name, allowed in (("time", "must be finite, from 0 on"), ("amount", "must be finite")):
        if told[name]:
            problems.append(Problem(f"{place}, column {name}", f"{told[name]} values", allowed))
    named = frame.select(pl.col("action").unique()).collect(engine="streaming")["action"].to_list()
    for name in sorted(str(one) for one in named if one not in actions):
        allowed = f"must be one of {', '.join(actions)}" if actions else "the model has no actions"
        problems.append(Problem(f"{place}, column action", repr(name), allowed, nearest_name(name, actions)))
    if PATIENT in frame.collect_schema():
        strangers = frame.select(pl.col(PATIENT).cast(pl.Int64).unique())
        strangers = strangers.join(patients, on=PATIENT, how="anti", nulls_equal=False)
        lost = strangers.collect(engine="streaming")[PATIENT]
        if len(lost):
            given = f"{len(lost)} numbers, such as {lost.sort()[0]}"
            problems.append(Problem(f"{place}, column {PATIENT}", given, "must be patients of the ensemble"))
    return problems


def parts_of_patients(table: PatientTable) -> Iterator[tuple[str, pl.DataFrame]]:
    """The table in parts of ``PART`` rows, each with the name it is kept under."""
    for number, first in enumerate(range(0, table.rows, PART)):
        yield f"inputs/patients-{number:05d}.parquet", table.frame.slice(first, PART).collect()


def parts_of_doses(
    doses: pl.LazyFrame, numbers: pl.LazyFrame, rows: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Doses of each part of the patients, by ``row`` of the patient, then time, then order in the table."""
    for number, first in enumerate(range(0, rows, PART)):
        mine = numbers.slice(first, PART).with_row_index("row", offset=first)
        found = doses.with_row_index("order").join(mine, on=PATIENT, how="inner")
        found = found.sort("row", "time", "order").select(
            pl.col("row").cast(pl.Int64), "time", "action", "amount"
        )
        yield f"inputs/doses-{number:05d}.parquet", found.collect(engine="streaming")


def numbers_of(table: PatientTable | None, rows: int) -> pl.LazyFrame:
    """One column, the patients' numbers in the order of the rows."""
    if table is not None and table.numbered:
        return table.frame.select(PATIENT)
    return pl.DataFrame({PATIENT: np.arange(1, rows + 1)}).lazy()
