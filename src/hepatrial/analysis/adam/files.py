"""ADaM tables as files: Parquet, CSV and, with the extra ``cdisc``, SAS transport files."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.analysis.adam.words import DATASETS, LABELS
from hepatrial.errors import BadInput, Problem, nearest_name

FORMATS = ("parquet", "csv", "xpt")


def write_files(
    tables: Mapping[str, pl.DataFrame], folder: Path, formats: tuple[str, ...], note: str = ""
) -> list[Path]:
    """Write each table in each format, and ``define.json`` with the labels of tables and columns.

    Args:
        tables: ``adam_tables``; empty ones are left out.
        folder: a new or empty folder.
        formats: of ``FORMATS``.
        note: mark of a simulation, repeated in ``define.json``.

    Raises:
        BadInput: an unknown format, a folder that holds something, or ``xpt`` without the extra. Nothing is
            then written.
    """
    problems = [
        Problem("formats", repr(name), f"must be of {', '.join(FORMATS)}", nearest_name(name, FORMATS))
        for name in formats
        if name not in FORMATS
    ]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        problems.append(Problem("folder", str(folder), "must be new or empty"))
    if "xpt" in formats:
        problems += _no_pyreadstat()
    if problems:
        raise BadInput(problems)
    content = {
        f"{name.lower()}.{kind}": _bytes(table, name, kind)
        for name, table in tables.items()
        if table.height
        for kind in formats
    }
    content["define.json"] = _define(tables, note)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, data in content.items():
        path = folder / name
        path.write_bytes(data)
        written.append(path)
    return written


def _bytes(table: pl.DataFrame, name: str, kind: str) -> bytes:
    if kind == "csv":
        return table.write_csv().encode()
    if kind == "parquet":
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        return buffer.getvalue()
    import pyreadstat

    labels = {column: LABELS[column] for column in table.columns}
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"{name.lower()}.xpt"
        pyreadstat.write_xport(
            table,
            str(path),
            file_label=DATASETS[name],
            column_labels=[labels[column] for column in table.columns],
            table_name=name,
            file_format_version=5,
        )
        return path.read_bytes()


def _define(tables: Mapping[str, pl.DataFrame], note: str) -> bytes:
    described: dict[str, Any] = {
        name: {
            "label": DATASETS[name],
            "rows": table.height,
            "columns": {column: LABELS[column] for column in table.columns},
        }
        for name, table in tables.items()
        if table.height
    }
    content = {"note": note, "datasets": described} if note else {"datasets": described}
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _no_pyreadstat() -> list[Problem]:
    try:
        import pyreadstat  # noqa: F401
    except ImportError:
        allowed = "needs the extra: pip install 'hepatrial[cdisc]'"
        return [Problem("formats", "'xpt'", allowed)]
    return []


def read_files(folder: Path) -> dict[str, pl.DataFrame]:
    """The ADaM tables in a folder, whichever of Parquet, CSV and XPT there is, column names in capitals.

    Raises:
        BadInput: no folder, no ADSL or ADTTE, a file that cannot be read.
    """
    if not folder.is_dir():
        raise BadInput([Problem("tables", str(folder), "must be a folder with adsl and adtte files")])
    problems: list[Problem] = []
    found: dict[str, pl.DataFrame] = {}
    files = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    for name in DATASETS:
        path = next(
            (files[f"{name.lower()}.{kind}"] for kind in FORMATS if f"{name.lower()}.{kind}" in files), None
        )
        if path is None:
            if name in ("ADSL", "ADTTE"):
                allowed = f"must hold {name.lower()}.parquet, .csv or .xpt"
                problems.append(Problem("tables", str(folder), allowed))
            continue
        try:
            table = _read(path)
        except BadInput as bad:
            problems += bad.problems
        except Exception as error:  # readers raise many kinds; each is a file that is not what its name says
            problems.append(Problem(path.name, type(error).__name__, "must be a readable table"))
        else:
            found[name] = table.rename({column: column.upper() for column in table.columns})
    if problems:
        raise BadInput(problems)
    return found


def _read(path: Path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema_length=None, null_values=["", "NA", "."])
    if problems := _no_pyreadstat():
        raise BadInput(problems)
    import pyreadstat

    table, _ = pyreadstat.read_xport(str(path), output_format="polars")
    return pl.DataFrame(table)
