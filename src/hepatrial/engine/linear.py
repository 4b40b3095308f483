"""Static sparse LU: the order of elimination and its operations are chosen when the model is compiled.

No pivoting for size: the matrix is J - I/(h gamma), which is diagonally dominant for small steps, and the
stepper shrinks its step when a pivot is small. The order follows Markowitz (1957),
doi:10.1287/mnsc.3.3.255, on the diagonal: least possible fill first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Place = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """Elimination of an n x n matrix with a fixed pattern.

    Attributes:
        n: size.
        order: pivots in order of elimination.
        pattern: places of the entries before elimination.
        index: (row, column) -> position in the array of stored entries (fill included).
        rows: for each pivot in order, the rows below it that have an entry in its column.
        columns: for each pivot in order, the later columns that have an entry in its row.
    """

    n: int
    order: tuple[int, ...]
    pattern: frozenset[Place]
    index: dict[Place, int]
    rows: tuple[tuple[int, ...], ...]
    columns: tuple[tuple[int, ...], ...]


def plan_elimination(n: int, pattern: Iterable[Place]) -> Plan:
    """The elimination for a pattern; the diagonal is added to it.

    Args:
        n: size of the matrix.
        pattern: places of entries that are not always zero.
    """
    pattern = frozenset(pattern)
    in_row: list[set[int]] = [{i} for i in range(n)]
    in_column: list[set[int]] = [{i} for i in range(n)]
    for i, j in pattern:
        in_row[i].add(j)
        in_column[j].add(i)
    left = set(range(n))
    order, rows, columns = [], [], []
    stored = {(i, j) for i in range(n) for j in in_row[i]}
    while left:
        k = min(left, key=lambda k: ((len(in_row[k]) - 1) * (len(in_column[k]) - 1), len(in_row[k]), k))
        left.remove(k)
        below, after = sorted(in_column[k] - {k}), sorted(in_row[k] - {k})
        for i in below:
            in_row[i].discard(k)
            for j in after:
                in_row[i].add(j)
                in_column[j].add(i)
                stored.add((i, j))
        for j in after:
            in_column[j].discard(k)
        order.append(k)
        rows.append(tuple(below))
        columns.append(tuple(after))
    index = {place: position for position, place in enumerate(sorted(stored))}
    return Plan(n, tuple(order), pattern, index, tuple(rows), tuple(columns))
