"""Where the elimination chosen at compile time meets a tiny pivot, the step is repeated with pivoting."""

import ctypes

import numpy as np
import pytest
from engine_cases import compiled, run, spec_of
from engine_machine import machine
from scipy.linalg import expm

from hepatrial.engine import simulate, stepper
from hepatrial.engine.ir import Function, Lanes
from hepatrial.engine.kernels import _factor, _solve
from hepatrial.engine.linear import plan_elimination
from hepatrial.engine.pivoting import write_dense_factor, write_dense_solve
from hepatrial.engine.tableau import GAMMA


def dense_solution(w, b):
    """By the generated code: the solution, and the smallest relative pivot."""
    f = Function(
        "both",
        [("ptr", a) for a in ("W", "order", "scale", "b", "x")] + [("i64", "n")],
        "double",
        external=True,
    )
    argument = {name: f.argument(name) for _, name in f.arguments}
    smallest = f.call("dense_factor", [argument[a] for a in ("W", "order", "scale", "n")], "double")
    f.call("dense_solve", [argument[a] for a in ("W", "order", "b", "x", "n")])
    f.finish(smallest)
    address, keep = machine([write_dense_factor(), write_dense_solve(), f], "both")
    n = len(b)
    memory = [w.copy(), np.zeros(n, dtype=np.int64), np.zeros(n), b.copy(), np.zeros(n)]
    kinds = [*[ctypes.c_void_p] * 5, ctypes.c_int64]
    found = ctypes.CFUNCTYPE(ctypes.c_double, *kinds)(address)(*(m.ctypes.data for m in memory), n)
    assert keep is not None
    return memory[-1], found


def static_solution(j, g, b):
    """(g - J)^-1 b by the static elimination."""
    plan = plan_elimination(len(b), [(int(r), int(c)) for r, c in np.argwhere(j)])
    f = Function("both", [("ptr", "M"), ("ptr", "b"), ("ptr", "x"), ("double", "g")], external=True)
    f.call("factor_1", [f.argument("M"), f.argument("g")], "double")
    f.call("solve_1", [f.argument("M"), f.argument("b"), f.constant("double", 0.0), f.argument("x")])
    f.finish()
    address, keep = machine([_factor(plan, Lanes(1)), _solve(plan, Lanes(1)), f], "both")
    memory, x = np.zeros(len(plan.index)), np.zeros(len(b))
    for place in plan.pattern:
        memory[plan.index[place]] = j[place]
    kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double)
    ctypes.CFUNCTYPE(None, *kinds)(address)(memory.ctypes.data, b.ctypes.data, x.ctypes.data, g)
    assert keep is not None
    return x


@pytest.mark.parametrize("seed", range(5))
def test_the_dense_solver_solves_badly_scaled_systems_without_a_diagonal(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 20))
    w = rng.normal(size=(n, n)) * 10 ** rng.uniform(-8, 8, (n, 1))
    np.fill_diagonal(w, 0.0)
    x = rng.normal(size=n)
    found, smallest = dense_solution(w, w @ x)
    np.testing.assert_allclose(found, x, rtol=1e-8)
    assert smallest > 1e-6


@pytest.mark.parametrize("w", [np.ones((3, 3)), np.zeros((2, 2)), np.diag([1.0, np.nan, 1.0])])
def test_the_dense_solver_says_when_a_matrix_is_singular(w):
    _, smallest = dense_solution(w, np.ones(len(w)))
    assert smallest < 1e-14


def test_the_static_elimination_is_wrong_where_pivoting_is_right():
    g = 471.0
    j = np.array([[g - 1e-13, 3.0], [-5.0, -2.0]])
    b = np.array([1.0, 2.0])
    exact = np.linalg.solve(g * np.eye(2) - j, b)
    assert np.abs(static_solution(j, g, b) / exact - 1).max() > 1e-6
    found, smallest = dense_solution(g * np.eye(2) - j, b)
    np.testing.assert_allclose(found, exact, rtol=1e-12)
    assert smallest > 1e-3


# The first step is tried with 1/(h gamma) equal to the first diagonal entry of the Jacobian, to the last bit.
RESONANCE = 1.0 / stepper.FIRST_STEP * (1.0 / GAMMA)
TURN = """
model turn()
  a = 1; b = -2; c = 900; d = -600;
  x = 1; y = 0.5; x' = a*x + b*c*y; y' = c*x + d*y;
end
"""


def closed_form(row, start, t):
    a, b, c, d = row
    return expm(np.array([[a, b * c], [c, d]]) * t) @ start


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_step_with_a_vanishing_pivot_is_taken_with_pivoting_and_is_right(lanes):
    spec = spec_of(TURN)
    rows = np.array([[RESONANCE, -2.0, 900.0, -600.0], [RESONANCE * 0.9, -2.0, 900.0, -600.0]])
    visits = np.tile([1e-3, 0.005, 0.02], (2, 1))
    result = simulate(
        compiled(spec, lanes),
        rows,
        spec.initial_states(rows),
        np.zeros((2, 0, 1)),
        visits,
        [0.02, 0.02],
        rtol=1e-6,
    )
    assert result.ok.all()
    assert (result.pivoted > 0).tolist() == [True, False]
    for i, row in enumerate(rows):
        exact = [closed_form(row, [1, 0.5], t) for t in visits[i]]
        np.testing.assert_allclose(result.values[i], exact, rtol=1e-3, atol=1e-4)


# One state alone cannot be turned around: its only pivot vanishes, and a shorter step is tried instead.
def test_a_singular_step_matrix_is_met_with_a_shorter_step():
    spec = spec_of("model grows()\n a = 1; x = 1e-3; x' = a*x*(1 - x);\nend")
    visits = np.array([0.005, 0.02])
    result = run(
        "one lane", spec, parameters=np.array([[RESONANCE / 0.998]]), visits=visits, end=0.02, rtol=1e-6
    )
    assert result.ok.all()
    exact = 1 / (1 + 999 * np.exp(-RESONANCE / 0.998 * visits))
    np.testing.assert_allclose(result.values[0, :, 0], exact, rtol=1e-3)


def test_without_trouble_no_step_is_repeated():
    spec = spec_of(TURN)
    assert run("four lanes", spec, visits=[1.0], n=5).pivoted.tolist() == [0] * 5
