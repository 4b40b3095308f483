"""Study rows from a table of one's own: counts, means or printed estimates, labels and covariates."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.synthesis.rows import MEASURES, AnyRow, Counts, Means, Printed

COUNTS = ("x1", "n1", "x2", "n2")
MEANS = ("mean1", "sd1", "n1", "mean2", "sd2", "n2")
PRINTED = ("estimate", "lower", "upper")
_OWN = {"study", "grade", "basis", "year", "measure", "level", *COUNTS, *MEANS, *PRINTED}


def read_rows(text: str) -> list[AnyRow]:
    """Rows of a CSV text with a header.

    Columns: ``study``, and of each study its counts (``x1 n1 x2 n2``), its means (``mean1 sd1 n1 mean2 sd2
    n2``) or its printed ``estimate lower upper`` (``measure`` beside them). ``grade`` (default "seen"),
    ``basis`` and ``year`` where known. Any other column is a covariate where all its cells are numbers, else
    a label.

    Raises:
        BadInput: with every cell that cannot be read and every study without numbers.
    """
    reader = csv.DictReader(io.StringIO(text))
    columns = [name.strip() for name in reader.fieldnames or ()]
    problems = []
    if "study" not in columns:
        near = nearest_name("study", columns)
        problems.append(Problem("columns", ", ".join(columns) or "none", "a column 'study' is needed", near))
    lines = [{(k or "").strip(): (v or "").strip() for k, v in row.items()} for row in reader]
    if not lines:
        problems.append(Problem("rows", "none", "at least one study is needed"))
    if problems:
        raise BadInput(problems)
    numeric = {
        name
        for name in columns
        if name not in _OWN and all(_number(line[name]) is not None for line in lines)
    }
    rows: list[AnyRow] = []
    for index, line in enumerate(lines, start=2):
        row = _row(line, f"line {index}", numeric, problems)
        if row:
            rows.append(row)
    if problems:
        raise BadInput(problems)
    return rows


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _row(line: Mapping[str, str], place: str, numeric: set[str], problems: list[Problem]) -> AnyRow | None:
    given = {name for name, text in line.items() if text}
    common: dict[str, Any] = {
        "study": line["study"],
        "grade": line.get("grade") or "seen",
        "basis": line.get("basis", ""),
        "year": _number(line.get("year", "")),
        "labels": {k: v for k, v in line.items() if k not in _OWN and k not in numeric and v},
        "numbers": {k: float(line[k]) for k in numeric},
    }
    for names, make in ((COUNTS, Counts), (MEANS, Means), (PRINTED, Printed)):
        if not set(names) <= given:
            continue
        values = {name: _number(line[name]) for name in names}
        bad = [name for name, value in values.items() if value is None]
        problems += [Problem(f"{place}, {name}", repr(line[name]), "must be a number") for name in bad]
        if bad:
            return None
        if make is Printed:
            measure = line.get("measure", "")
            if measure not in MEASURES:
                allowed = f"must be one of {', '.join(MEASURES)}"
                near = nearest_name(measure, MEASURES)
                problems.append(Problem(f"{place}, measure", repr(measure), allowed, near))
                return None
            values["measure"] = measure  # type: ignore[assignment]
            values["level"] = _number(line.get("level", "")) or 0.95
        elif make is Counts:
            odd = [name for name, value in values.items() if value != int(value or 0)]
            problems += [Problem(f"{place}, {n}", line[n], "must be a whole number") for n in odd]
            if odd:
                return None
            values = {name: int(value or 0) for name, value in values.items()}
        return make(**common, **values)  # type: ignore[arg-type]
    allowed = f"needs {' '.join(COUNTS)}, or {' '.join(MEANS)}, or {' '.join(PRINTED)}"
    problems.append(Problem(place, ", ".join(sorted(given)) or "nothing", allowed))
    return None
