"""numbalsoda (LSODA in C++, right-hand side compiled by numba) on a comparison."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr, const, substitute
from hepatrial.model.spec import TIME
from parts.problems import DOSE_TIMES, VISITS, Array, Comparison

_NUMBA = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "neg": "-{0}",
    "exp": "math.exp({0})",
    "ln": "math.log({0})",
    "sqrt": "math.sqrt({0})",
    "abs": "abs({0})",
    "min": "min({0}, {1})",
    "max": "max({0}, {1})",
    "pow": "{0} ** {1}",
    "lt": "({0} < {1})",
    "le": "({0} <= {1})",
    "gt": "({0} > {1})",
    "ge": "({0} >= {1})",
    "and": "({0} and {1})",
    "or": "({0} or {1})",
    "not": "(not {0})",
    "ite": "({1} if {0} else {2})",
}


def numba_source(
    name: str, expressions: Sequence[Expr], states: Sequence[str], constants: Sequence[str]
) -> str:
    """Text of ``name(t, y, p, out)``, every equal part computed once, as a careful modeller would."""
    place = (
        {TIME: "t"}
        | {n: f"p[{i}]" for i, n in enumerate(constants)}
        | {n: f"y[{i}]" for i, n in enumerate(states)}
    )
    held: dict[Expr, str] = {}
    lines = [f"def {name}(t, y, p, out):"]
    for node in ex.topological(expressions):
        if node.op == "const":
            held[node] = f"({node.value!r})"
        elif node.op == "sym":
            held[node] = place[node.name]
        else:
            held[node] = f"v{len(held)}"
            lines.append(f"    {held[node]} = {_NUMBA[node.op].format(*(held[a] for a in node.args))}")
    lines += [f"    out[{i}] = {held[e]}" for i, e in enumerate(expressions)]
    return "\n".join(lines) + "\n"


class NumbalsodaPeer:
    """One compiled loop over patients, restarted at each dose; no Python between patients."""

    name = "numbalsoda"
    tolerances = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
    variants = ("atol rtol/1000", "atol rtol/100")

    def __init__(self, comparison: Comparison) -> None:
        self.c = c = comparison
        spec = c.spec
        jump = spec.jumps[spec.actions.index(c.dose)]
        after = dict(zip(c.outputs, map(ex.sym, c.outputs), strict=True))
        changes = substitute(spec.inline([e for _, e in jump.assignments]), {jump.amount: const(1)})
        after |= dict(zip([name for name, _ in jump.assignments], changes, strict=True))
        rates = spec.inline([*spec.rates, *(hazard.rate for hazard in spec.hazards)])
        scope: dict[str, Any] = {"math": __import__("math")}
        exec(numba_source("rates", rates, c.outputs, spec.parameters), scope)
        exec(numba_source("dose", list(after.values()), c.outputs, spec.parameters), scope)
        self.loop = _loop(scope["rates"], scope["dose"], len(c.outputs), len(spec.parameters))
        zeros = np.zeros((len(c.initial), len(spec.hazards)))
        self.start = np.concatenate([c.initial, zeros], axis=1)
        self.run(1, 1e-3)

    def run(self, n: int, rtol: float, variant: str = "atol rtol/1000") -> tuple[Array, float]:
        """(n, n_visits, n_outputs) values of the first n patients, and seconds of CPU time a patient."""
        atol = rtol / float(variant.rpartition("/")[2])
        values = np.empty((n, len(VISITS), len(self.c.outputs)))
        begin = time.process_time()
        good = self.loop(
            self.c.parameters[:n], self.start[:n], VISITS, np.array(DOSE_TIMES), rtol, atol, values
        )
        seconds = (time.process_time() - begin) / n
        if not good:
            raise RuntimeError("LSODA failed; a time without its result is no measurement")
        return values, seconds


def _loop(rates: Any, dose: Any, n_states: int, n_parameters: int) -> Any:
    import numba
    from numbalsoda.driver import lsoda_sig, lsoda_wrapper

    quick_rates = numba.njit(rates, fastmath=True)
    quick_dose = numba.njit(dose, fastmath=True)

    @numba.cfunc(lsoda_sig)
    def slopes(t, y, dy, p):  # type: ignore[no-untyped-def]
        quick_rates(
            t, numba.carray(y, (n_states,)), numba.carray(p, (n_parameters,)), numba.carray(dy, (n_states,))
        )

    address = slopes.address

    @numba.njit
    def follow(parameters, start, visits, doses, rtol, atol, values):  # type: ignore[no-untyped-def]
        good = True
        done = np.zeros(1, np.int32)
        out = np.empty(n_states)
        for i in range(len(parameters)):
            p, y, seen = parameters[i].copy(), start[i].copy(), 0
            for part in range(len(doses) + 1):
                begin = 0.0 if part == 0 else doses[part - 1]
                last = part == len(doses)
                end = visits[-1] if last else doses[part]
                until = seen
                while until < len(visits) and (last or visits[until] < end):
                    until += 1
                times = np.empty(until - seen + 2)
                times[0] = begin
                times[1:-1] = visits[seen:until]
                times[-1] = end
                first = 1 if until > seen and visits[seen] == begin else 0
                stop = len(times) - (1 if last else 0)
                at = times[first:stop].copy()
                # The wrapper of numbalsoda 0.3.4 does not compile under current numba; its C call does.
                found = np.empty((len(at), n_states))
                lsoda_wrapper(
                    address, n_states, y.ctypes.data, p.ctypes.data, len(at), at.ctypes.data,
                    found.ctypes.data, rtol, atol, 100000, done.ctypes.data,
                )  # fmt: skip
                good = good and done[0] == 1
                for k in range(seen, until):
                    values[i, k] = found[k - seen + 1 - first]
                y = found[-1].copy()
                if not last:
                    quick_dose(end, y, p, out)
                    y[:] = out
                seen = until
        return good

    return follow
