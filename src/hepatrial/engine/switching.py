"""Conditions of a model as signs, so that between two switches the equations are smooth.

Every comparison ``a < b`` of the rates and triggers is replaced by a test of the sign of ``a - b``, a symbol
that the integrator holds until the difference passes zero. That is what lets it step through ``piecewise`` at
full order and find the instants at which triggers turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr


class Signs:
    """The comparisons met so far.

    Attributes:
        differences: left minus right side of each; may name the signs before it.
        names: symbol of each sign.
    """

    def __init__(self) -> None:
        self.differences: list[Expr] = []
        self.names: list[str] = []
        self._index: dict[Expr, str] = {}
        self._memo: dict[Expr, Expr] = {}

    def held(self, outputs: Sequence[Expr]) -> list[Expr]:
        """The expressions with comparisons made of signs."""
        for node in ex.topological(outputs):
            if node in self._memo:
                continue
            args = [self._memo[a] for a in node.args]
            if node.op in ex.COMPARISONS:
                self._memo[node] = ex.compare(node.op, ex.sym(self._sign(ex.sub(*args))), 0)
            else:
                self._memo[node] = ex.rebuild(node, args)
        return [self._memo[e] for e in outputs]

    def _sign(self, difference: Expr) -> str:
        if difference not in self._index:
            name = f"sign {len(self.names)}"
            self._index[difference] = name
            self.names.append(name)
            self.differences.append(difference)
        return self._index[difference]
