"""The step of one patient repeated with pivoting, for when the order of elimination chosen beforehand fails.

The static elimination of :mod:`hepatrial.engine.linear` divides by whatever stands on the diagonal. Where a
pivot is tiny or no number, the stepper calls the function written here: it takes the same step for that one
lane in double precision, with a dense LU factorisation by scaled partial pivoting (Golub and Van Loan,
Matrix Computations, 4th edition, section 3.4). It is slow and seldom needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hepatrial.engine.ir import Array, Function, Value
from hepatrial.engine.kernels import Kernels
from hepatrial.engine.tableau import GAMMA, STAGES, A, C

LARGEST = 256
"""States up to which the step is repeated; a larger dense matrix would not fit the stack of a thread."""


def write_dense_factor() -> Function:
    """LU of a dense matrix in place, rows exchanged for the largest pivot relative to its row.

    Arguments: W (n x n by rows), order (n, receives the row that stands k-th), scale (n, scratch), n. Returns
    the smallest pivot relative to its row: 0 where the matrix is singular or holds something not finite.
    """
    arguments = [("ptr", "W"), ("ptr", "order"), ("ptr", "scale"), ("i64", "n")]
    f = Function("dense_factor", arguments, "double")
    w, scale, n = f.memory("W", "double"), f.memory("scale", "double"), f.argument("n")
    order = f.memory("order", "i64")
    worst = f.variable("double", 1.0)
    with f.count(0, n) as i:
        order[i] = i
        scale[i] = 0.0
        with f.count(0, n) as j:
            size = f.absolute(w[i * n + j])
            scale[i] = f.select(size <= scale[i], scale[i], size)
    with f.count(0, n) as k:
        best, at = f.variable("double", -1.0), f.variable("i64", k)
        best.set(-1.0)
        at.set(k)
        with f.count(k, n) as i:
            row = order[i]
            relative = f.absolute(w[row * n + k]) / scale[row]
            with f.where(relative > best.get()):
                best.set(relative)
                at.set(i)
        with f.where(~(best.get() >= worst.get())):
            worst.set(best.get())
        chosen, here = order[at.get()], order[k]
        order[k] = chosen
        order[at.get()] = here
        pivot = w[chosen * n + k]
        with f.count(k + 1, n) as i:
            row = order[i]
            multiplier = w[row * n + k] / pivot
            w[row * n + k] = multiplier
            with f.count(k + 1, n) as j:
                w[row * n + j] = f.fma(-multiplier, w[chosen * n + j], w[row * n + j])
    # A matrix with something not finite ends in such a pivot; what slips by spoils the error norm.
    last = w[order[n - 1] * n + n - 1]
    good = (worst.get() > 0.0) & (f.absolute(last) < math.inf)
    f.finish(f.select(good, worst.get(), 0.0))
    return f


def write_dense_solve() -> Function:
    """Solves W x = b from :func:`write_dense_factor`; arguments W, order, b, x, n."""
    arguments = [("ptr", "W"), ("ptr", "order"), ("ptr", "b"), ("ptr", "x"), ("i64", "n")]
    f = Function("dense_solve", arguments)
    w, b, x, n = f.memory("W", "double"), f.memory("b", "double"), f.memory("x", "double"), f.argument("n")
    order = f.memory("order", "i64")
    with f.count(0, n) as k:
        row = order[k]
        x[k] = b[row]
        with f.count(0, k) as j:
            x[k] = f.fma(-w[row * n + j], x[j], x[k])
    with f.count(0, n) as back:
        k = n - 1 - back
        row = order[k]
        with f.count(k + 1, n) as j:
            x[k] = f.fma(-w[row * n + j], x[j], x[k])
        x[k] = x[k] / w[row * n + k]
    f.finish()
    return f


def write_pivoted_step(k: Kernels) -> Function:
    """One step of one lane with pivoting.

    Arguments: y and c (vectors of all lanes), h, lane, out. ``out`` receives the stages and then the
    point at which the last of them looked, (STAGES + 1) x n doubles. Returns the smallest relative pivot, 0
    where the step is impossible.
    """
    arguments = [("ptr", "y"), ("ptr", "c"), ("double", "h"), ("i64", "lane"), ("ptr", "out")]
    f = Function("pivoted_step", arguments, "double")
    n, real, tag = k.n, k.lanes.real, k.lanes.tag
    y, lane, out = f.memory("y", real), f.argument("lane"), f.memory("out", "double")
    c = f.argument("c")
    u, slopes, matrix = f.array(real, n), f.array(real, n), f.array(real, len(k.plan.index))
    w, right = f.array("double", n * n), f.array("double", n)
    order, scale = f.array("i64", n), f.array("double", n)
    size = f.whole(n)
    inverse = f.constant("double", 1.0) / f.argument("h")
    f.call(f"rates_and_jacobian_{tag}", [y.pointer, c, slopes.pointer, matrix.pointer])
    with f.count(0, n * n) as i:
        w[i] = 0.0
    for row, column in sorted(k.plan.pattern):
        w[row * n + column] = -matrix.lane(k.plan.index[row, column], lane)
    with f.count(0, n) as i:
        w[i * n + i] = f.fma(inverse, 1.0 / GAMMA, w[i * n + i])
    smallest = f.call("dense_factor", [w.pointer, order.pointer, scale.pointer, size], "double")

    def stage(s: int) -> Array:
        return Array(f, out.at(s * n), "double")

    with f.count(0, n) as i:
        u[i] = y[i]
    for s in range(STAGES):
        if s:
            with f.count(0, n) as i:
                u.set_lane(i, lane, _sum(f, A[s], stage, i, y.lane(i, lane)))
            f.call(f"rates_{tag}", [u.pointer, c, slopes.pointer])
        with f.count(0, n) as i:
            slope = slopes.lane(i, lane)
            right[i] = (
                f.fma(inverse, _sum(f, C[s], stage, i, f.constant("double", 0.0)), slope) if s else slope
            )
        f.call("dense_solve", [w.pointer, order.pointer, right.pointer, stage(s).pointer, size])
    with f.count(0, n) as i:
        out[i + STAGES * n] = u.lane(i, lane)
    f.finish(smallest)
    return f


def _sum(
    f: Function, coefficients: tuple[float, ...], stage: Callable[[int], Array], i: Value, start: Value
) -> Value:
    """start + sum of coefficient times stage, at place i."""
    total = start
    for s, a in enumerate(coefficients):
        total = f.fma(stage(s)[i], a, total)
    return total
