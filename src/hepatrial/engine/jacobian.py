"""Exact Jacobian of the rates by the states, by the chain rule through the observables.

Each observable is a junction: its slopes are found once and shared by all rates that use it, which keeps the
generated code short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hepatrial.model.expr import ZERO, Expr, add, derivative, product_of_slopes


def jacobian(
    states: Sequence[str], rates: Sequence[Expr], observables: Mapping[str, Expr]
) -> dict[tuple[int, int], Expr]:
    """Entries d rate_i / d state_j that are not zero.

    Args:
        states: names by column.
        rates: expressions by row, in states, observables and constants.
        observables: in topological order.

    Returns:
        (row, column) -> expression, which may use observables.
    """
    memo: dict[tuple[Expr, str], Expr] = {}
    column = {name: j for j, name in enumerate(states)}
    slopes: dict[str, dict[int, Expr]] = {}

    def total(e: Expr) -> dict[int, Expr]:
        entries: dict[int, Expr] = {}
        for name in sorted(e.symbols):
            if name in column:
                parts = {column[name]: derivative(e, name, memo)}
            elif slopes.get(name):
                outer = derivative(e, name, memo)
                parts = {j: product_of_slopes(outer, inner) for j, inner in slopes[name].items()}
            else:
                continue
            for j, part in parts.items():
                entries[j] = add(entries.get(j, ZERO), part)
        return {j: entry for j, entry in sorted(entries.items()) if entry is not ZERO}

    for name, e in observables.items():
        slopes[name] = total(e)
    return {(i, j): entry for i, e in enumerate(rates) for j, entry in total(e).items()}
