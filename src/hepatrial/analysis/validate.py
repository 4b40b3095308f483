"""The agreement table: every statistic of this package beside the number that R gives."""

from __future__ import annotations

import csv
import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUMBERS = "reference_numbers.json"
FILES = {
    "pbc": "pbc_mayo.csv",
    "pbcseq": "pbcseq_mayo_longitudinal.csv",
    "udca": "udca_mayo_trial.csv",
    "transplant": "liver_waitlist_mayo.csv",
    "csl": "csl_prednisone_prothrombin_longitudinal.csv",
    "pbc3": "pbc3_ciclosporin_trial.csv",
}
"""Tables of the data folder. The others are those of the optional package ``survival``."""

Table = dict[str, NDArray[Any]]


class Absent(LookupError):
    """A table or the reference numbers are not here."""


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes:
        function: what computes the value, for instance ``analysis.logrank``.
        key: where the expected number or numbers stand in the reference.
        compute: gives as many numbers as stand there; raises ``Absent`` without its tables.
        rtol: relative tolerance; above 1e-6 only where the reference's own program stops earlier.
    """

    function: str
    key: tuple[str | int, ...]
    compute: Callable[[Tables], Any]
    rtol: float = 1e-6


@dataclass(frozen=True)
class Agreement:
    """One number beside its reference; None where it is not known.

    Attributes:
        function, reference: what was computed, and the name of the number it is compared with.
        value, expected, difference: value - expected.
        tolerance: 1e-6 of the expected value, or half a unit of its last printed digit if that is more.
        status: "ok", "off", or "skipped" (the data are absent).
    """

    function: str
    reference: str
    value: float | None
    expected: float | None
    difference: float | None
    tolerance: float | None
    status: str


class Tables:
    """Reference numbers and data tables, read when asked for."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: dict[str, Table] = {}

    @cached_property
    def _packaged(self) -> dict[str, Any]:
        return _parse(resources.files("hepatrial.analysis").joinpath("reference.json").read_text("utf-8"))

    @cached_property
    def _numbers(self) -> dict[str, Any]:
        path = None if self._folder is None else self._folder / NUMBERS
        return _parse(path.read_text("utf-8")) if path is not None and path.is_file() else {}

    def expected(self, key: tuple[str | int, ...]) -> list[Decimal | None]:
        """The numbers at ``key``: packaged ones first, then those of the data folder."""
        here: Any = self._packaged if key[0] in self._packaged else self._numbers
        for part in key:
            try:
                here = here[part]
            except (KeyError, IndexError):
                raise Absent(f"no reference number {key}") from None
        return list(here) if isinstance(here, list) else [here]

    def __getitem__(self, name: str) -> Table:
        """A table as arrays; missing numbers are NaN.

        Raises:
            Absent: it is not here.
        """
        if name not in self._read:
            self._read[name] = self._from_file(name) if name in FILES else self._from_package(name)
        return self._read[name]

    def _from_file(self, name: str) -> Table:
        path = None if self._folder is None else self._folder / FILES[name]
        if path is None or not path.is_file():
            raise Absent(f"no table {name}")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {column: _column([row[column] for row in rows]) for column in rows[0]}

    def _from_package(self, name: str) -> Table:
        try:
            datasets = importlib.import_module("survival.datasets")
        except ImportError:
            raise Absent(f"no package survival for table {name}") from None
        loaded = getattr(datasets, f"load_{name}")()
        return {key: _column([str("" if v is None else v) for v in part]) for key, part in loaded.items()}


def _parse(text: str) -> dict[str, Any]:
    """JSON whose numbers keep their printed digits."""
    parsed: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return parsed


def _column(texts: Sequence[str]) -> NDArray[Any]:
    """Numbers if all are, else text; NA and empty cells are NaN among numbers."""
    filled = ["nan" if text in ("", "NA") else text for text in texts]
    try:
        return np.array([float(text) for text in filled])
    except ValueError:
        return np.array(texts)


def validate_statistics(data: Path | None = None, *, more: Sequence[Check] = ()) -> list[Agreement]:
    """Compute every statistic that has a reference number and compare.

    Args:
        data: folder with ``reference_numbers.json`` and the tables; without it only what needs no data is
            computed and the rest is "skipped".
        more: checks of other packages (this one knows nothing of them).

    Returns:
        One entry a number.
    """
    from hepatrial.analysis.validate_checks import checks

    tables = Tables(data)
    return [entry for check in (*checks(), *more) for entry in _compare(check, tables)]


def _compare(check: Check, tables: Tables) -> Iterator[Agreement]:
    name = ".".join(str(part) for part in check.key)
    try:
        expected = tables.expected(check.key)
        given = check.compute(tables)
    except Absent:
        yield Agreement(check.function, name, None, None, None, None, "skipped")
        return
    values = np.atleast_1d(np.asarray(given, dtype=np.float64)).ravel()
    if values.size != len(expected):
        raise ValueError(f"{check.function} gave {values.size} numbers for the {len(expected)} of {name}")
    for place, (value, printed) in enumerate(zip(values.tolist(), expected, strict=True)):
        reference = name if len(expected) == 1 else f"{name}[{place}]"
        yield _agreement(check.function, reference, value, printed, check.rtol)


def _agreement(
    function: str, reference: str, value: float, printed: Decimal | None, rtol: float
) -> Agreement:
    known = None if np.isnan(value) else value
    if printed is None:
        status = "ok" if known is None else "off"
        return Agreement(function, reference, known, None, None, None, status)
    expected = float(printed)
    exponent = printed.as_tuple().exponent
    half = 0.5 * 10.0**exponent if isinstance(exponent, int) else 0.0
    tolerance = max(rtol * abs(expected), half)
    if known is None or np.isinf(value):
        return Agreement(function, reference, None, expected, None, tolerance, "off")
    difference = value - expected
    status = "ok" if abs(difference) <= tolerance * (1 + 1e-9) else "off"
    return Agreement(function, reference, value, expected, difference, tolerance, status)
