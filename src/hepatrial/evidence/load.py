"""The files of published figures, read into types."""

from __future__ import annotations

import csv
import tomllib
from importlib import resources
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.figures import Cohort, Published


def list_published() -> tuple[str, ...]:
    """Names of the trials whose published figures ship."""
    return _names("studies")


def list_cohorts() -> tuple[str, ...]:
    """Names of the cohorts whose published figures ship."""
    return _names("cohorts")


def published(name: str) -> Published:
    """The published figures of a trial.

    Raises:
        BadInput: nothing of this name ships.
    """
    return Published.model_validate(_load("studies", name))


def cohort(name: str) -> Cohort:
    """The published figures of a cohort.

    Raises:
        BadInput: nothing of this name ships.
    """
    data = _load("cohorts", name)
    text = (resources.files("hepatrial.evidence") / "cohorts" / f"{name}.csv").read_text(encoding="utf-8")
    data["admission"] = [_admission_row(name, row) for row in csv.DictReader(text.splitlines())]
    return Cohort.model_validate(data)


def _admission_row(name: str, row: dict[str, str]) -> dict[str, Any]:
    """A row of the CSV file. Calibration may use the admission figures of these cohorts, all of them."""
    key = ".".join((name, row["group"].replace(" ", "_"), row["variable"], row["statistic"]))
    return {"key": key, "may_fit": True, **row, "target": row["target"] or None}


def _names(folder: str) -> tuple[str, ...]:
    files = (resources.files("hepatrial.evidence") / folder).iterdir()
    return tuple(sorted(file.name[:-5] for file in files if file.name.endswith(".toml")))


def _load(folder: str, name: str) -> dict[str, Any]:
    names = _names(folder)
    if name not in names:
        allowed = f"one of {', '.join(names)}"
        raise BadInput([Problem("evidence", repr(name), allowed, nearest_name(name, names))])
    file = resources.files("hepatrial.evidence") / folder / f"{name}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
