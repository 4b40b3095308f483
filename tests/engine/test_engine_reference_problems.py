"""Stiff problems whose end values are published, and the measured order of the method.

The values are those of the Test Set for IVP Solvers (Mazzia and Magherini, release 2.4, University of Bari
2008) and of Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.10; as they were
written down from memory, each is first confirmed by scipy's Radau at a tolerance of 1e-12 or 1e-13.
"""

import numpy as np
import pytest
from engine_cases import run, spec_of
from scipy.integrate import solve_ivp

from hepatrial.engine.stepper import FIRST_STEP

ROBERTSON = """
model robertson()
  k1 = 0.04; k2 = 3e7; k3 = 1e4;
  a = 1; b = 0; c = 0;
  a' = -k1*a + k3*b*c; b' = k1*a - k3*b*c - k2*b^2; c' = k2*b^2;
end
"""
HIRES = """
model hires()
  e = 0.0057;
  y1 = 1; y2 = 0; y3 = 0; y4 = 0; y5 = 0; y6 = 0; y7 = 0; y8 = e;
  y1' = -1.71*y1 + 0.43*y2 + 8.32*y3 + 0.0007;
  y2' = 1.71*y1 - 8.75*y2;
  y3' = -10.03*y3 + 0.43*y4 + 0.035*y5;
  y4' = 8.32*y2 + 1.71*y3 - 1.12*y4;
  y5' = -1.745*y5 + 0.43*y6 + 0.43*y7;
  y6' = -280*y6*y8 + 0.69*y4 + 1.71*y5 - 0.43*y6 + 0.69*y7;
  y7' = 280*y6*y8 - 1.81*y7;
  y8' = -280*y6*y8 + 1.81*y7;
end
"""
OREGO = """
model orego()
  s = 77.27; w = 0.161; q = 8.375e-6;
  a = 1; b = 2; c = 3;
  a' = s*(b + a*(1 - q*a - b)); b' = (c - (1 + a)*b)/s; c' = w*(a - c);
end
"""
VAN_DER_POL = """
model vanderpol()
  m = 1000; x = 2; v = 0; x' = v; v' = m*(1 - x^2)*v - x;
end
"""


def robertson(_, y):
    a, b, c = y
    return [-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b * b, 3e7 * b * b]


def hires(_, y):
    y1, y2, y3, y4, y5, y6, y7, y8 = y
    return [
        -1.71 * y1 + 0.43 * y2 + 8.32 * y3 + 0.0007,
        1.71 * y1 - 8.75 * y2,
        -10.03 * y3 + 0.43 * y4 + 0.035 * y5,
        8.32 * y2 + 1.71 * y3 - 1.12 * y4,
        -1.745 * y5 + 0.43 * y6 + 0.43 * y7,
        -280 * y6 * y8 + 0.69 * y4 + 1.71 * y5 - 0.43 * y6 + 0.69 * y7,
        280 * y6 * y8 - 1.81 * y7,
        -280 * y6 * y8 + 1.81 * y7,
    ]


def orego(_, y):
    a, b, c = y
    return [77.27 * (b + a * (1 - 8.375e-6 * a - b)), (c - (1 + a) * b) / 77.27, 0.161 * (a - c)]


def van_der_pol(_, y):
    x, v = y
    return [v, 1000 * (1 - x * x) * v - x]


# model, equations, start, end, published values
PROBLEMS = {
    "robertson": (
        ROBERTSON,
        robertson,
        [1, 0, 0],
        40.0,
        [0.7158270688, 9.185534765e-6, 0.2841637457],
    ),
    "hires": (
        HIRES,
        hires,
        [1, 0, 0, 0, 0, 0, 0, 0.0057],
        321.8122,
        [
            0.7371312573325668e-3,
            0.1442485726316185e-3,
            0.5888729740967575e-4,
            0.1175651343283149e-2,
            0.2386356198831331e-2,
            0.6238968252742796e-2,
            0.2849998395185769e-2,
            0.2850001604814231e-2,
        ],
    ),
    "orego": (
        OREGO,
        orego,
        [1, 2, 3],
        360.0,
        [0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3],
    ),
    "van der pol": (
        VAN_DER_POL,
        van_der_pol,
        [2, 0],
        2000.0,
        [0.1706167732170483e1, -0.8928097010247975e-3],
    ),
}


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]


@pytest.mark.slow
def test_the_published_values_are_those_of_radau(problem):
    _, equations, start, end, published = problem
    found = solve_ivp(equations, (0, end), start, method="Radau", rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(found.y[:, -1], published, rtol=2e-7)


@pytest.mark.parametrize(("rtol", "off"), [(1e-6, 2e-3), (1e-9, 3e-6)])
def test_the_published_values_are_reached_within_the_tolerance_asked(problem, rtol, off):
    text, _, _, end, published = problem
    result = run("four lanes", spec_of(text), visits=[end], end=end, rtol=rtol, max_steps=200_000)
    assert result.ok.all()
    np.testing.assert_allclose(result.values[0, 0], published, rtol=off)


# Problems with closed solutions that move within hundredths of a day: (model, all states at time t).
LINEAR = (
    "model linear()\n a = 60; x = 1; y = 0; x' = -a*x + 90*y; y' = -90*x - a*y;\nend",
    lambda t: np.exp(-60 * t) * np.array([np.cos(90 * t), -np.sin(90 * t)]),
)
NONLINEAR = (
    "model logistic()\n a = 25; x = 0.1; x' = a*x*(1 - x);\nend",
    lambda t: np.array([1 / (1 + 9 * np.exp(-25 * t))]),
)
DRIVEN = (
    "model driven()\n a = 60; x = 1; x' = -a*(x - cos(90*time)) - 90*sin(90*time);\nend",
    lambda t: np.array([np.cos(90 * t)]),
)
SIZES = FIRST_STEP * 0.75 ** np.arange(7)
closed = pytest.mark.parametrize(
    "problem", [LINEAR, NONLINEAR, DRIVEN], ids=["linear", "nonlinear", "non-autonomous"]
)


def one_step(problem, fraction):
    """Error at a fraction of a single step, for each of ``SIZES``; up to such a horizon there is one."""
    text, solution = problem
    spec, off = spec_of(text), []
    for size in SIZES:
        result = run("one lane", spec, visits=[fraction * size], end=size, rtol=0.1)
        assert result.steps.tolist() == [1]
        found = result.values[0, 0, : len(spec.states)]
        off.append(np.abs(found - solution(fraction * size)).max())
    return np.array(off)


def slope_of(off):
    return np.polyfit(np.log(SIZES), np.log(off), 1)[0]


@closed
def test_the_error_of_one_step_says_that_the_order_is_five(problem):
    assert 4.5 < slope_of(one_step(problem, 1.0)) - 1 < 5.5


@closed
def test_the_error_within_one_step_says_that_the_dense_output_has_order_four(problem):
    off = np.max([one_step(problem, fraction) for fraction in (0.3, 0.5, 0.8)], axis=0)
    assert 3.5 < slope_of(off) - 1 < 5.5
