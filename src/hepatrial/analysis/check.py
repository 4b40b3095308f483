"""Checks of survival data: every problem at once, as ``BadInput``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hepatrial.errors import BadInput, Problem, nearest_name

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Labels = NDArray[np.generic]


def numbers(name: str, given: ArrayLike, problems: list[Problem]) -> Floats:
    """``given`` as a one-dimensional float array; what is wrong is added to ``problems``."""
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        problems.append(Problem(name, "something else than numbers", "must be a sequence of numbers"))
        return np.empty(0)
    if array.ndim != 1:
        problems.append(Problem(name, f"shape {array.shape}", "must have one dimension"))
        return np.empty(0)
    missing = int(np.isnan(array).sum())
    if missing:
        problems.append(Problem(name, f"{missing} missing", "must have no missing value"))
    return array


def times(name: str, given: ArrayLike, problems: list[Problem]) -> Floats:
    """Times: finite, not negative, at least one."""
    before = len(problems)
    array = numbers(name, given, problems)
    if array.size == 0 and len(problems) == before:
        problems.append(Problem(name, "no patients", "must hold at least one patient"))
    for wrong, rule in ((array < 0, "must not be negative"), (np.isinf(array), "must be finite")):
        if wrong.any():
            problems.append(Problem(name, f"{array[wrong][0]:g} ({int(wrong.sum())} such)", rule))
    return array


def indicators(name: str, given: ArrayLike, problems: list[Problem]) -> Ints:
    """0/1 indicators as integers."""
    array = numbers(name, given, problems)
    wrong = ~np.isnan(array) & (array != 0) & (array != 1)
    if wrong.any():
        rule = "must be 1 (event) or 0 (censored)"
        problems.append(Problem(name, f"{array[wrong][0]:g} ({int(wrong.sum())} such)", rule))
        return np.zeros(array.size, dtype=np.int64)
    return np.where(np.isnan(array), 0, array).astype(np.int64)


def labels(name: str, given: ArrayLike, problems: list[Problem]) -> Labels:
    """Group labels (text or numbers) without missing values."""
    array = np.asarray(given)
    if array.ndim != 1:
        problems.append(Problem(name, f"shape {array.shape}", "must have one dimension"))
        return np.empty(0)
    missing = sum(1 for value in array.tolist() if value is None or value != value)
    if missing:
        problems.append(Problem(name, f"{missing} missing", "must have no missing value"))
        return np.zeros(array.size)
    return array.astype(str) if array.dtype == object else array


def same_length(problems: list[Problem], **arrays: NDArray[np.generic]) -> None:
    """All arrays must have the length of the first."""
    first, *others = arrays
    for name in others:
        if len(arrays[name]) != len(arrays[first]):
            rule = f"must have the length of {first} ({len(arrays[first])})"
            problems.append(Problem(name, f"{len(arrays[name])} values", rule))


def confidence_level(level: float, problems: list[Problem]) -> None:
    if not 0 < level < 1:
        problems.append(Problem("level", repr(level), "must lie between 0 and 1, for instance 0.95"))


def choice(name: str, given: str, allowed: Iterable[str], problems: list[Problem]) -> None:
    names = list(allowed)
    if given not in names:
        problems.append(
            Problem(name, repr(given), f"must be one of {', '.join(names)}", nearest_name(str(given), names))
        )


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ``BadInput`` if there is any problem."""
    if problems:
        raise BadInput(problems)


def survival(time: ArrayLike, event: ArrayLike, problems: list[Problem]) -> tuple[Floats, Ints]:
    """Times and 0/1 event indicators of equal length."""
    time_, event_ = times("time", time, problems), indicators("event", event, problems)
    if not problems:
        same_length(problems, time=time_, event=event_)
    return time_, event_


def text(value: object) -> str:
    """A label as text; 1, 1.0 and np.int64(1) are the same label."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def group_codes(
    group: Labels, groups: Sequence[object] | None, problems: list[Problem]
) -> tuple[tuple[str, ...], Ints]:
    """The names of the groups compared, in order, and each value's place among them (-1 = left out).

    Without ``groups`` all that occur, sorted; else those named, each of which must have patients.
    """
    found, inverse = np.unique(group, return_inverse=True)
    present = [text(value) for value in found.tolist()]
    names = present if groups is None else [text(value) for value in groups]
    problems.extend(
        Problem(
            "groups",
            repr(name),
            f"must be a group with patients: {', '.join(present)}",
            nearest_name(name, present),
        )
        for name in names
        if name not in present
    )
    if len(set(names)) < 2:
        problems.append(Problem("group", f"{len(set(names))} group", "must hold at least two groups"))
    place = {name: number for number, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in present], dtype=np.int64)
    return tuple(names), codes[inverse]


def need_columns(table: pl.DataFrame, name: str, columns: Iterable[str], problems: list[Problem]) -> None:
    """Name every column that a table lacks."""
    problems.extend(
        Problem(f"{name}.{column}", "no such column", "is needed", nearest_name(column, table.columns))
        for column in columns
        if column not in table.columns
    )
