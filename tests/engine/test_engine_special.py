"""Trigonometric and hyperbolic functions, their inverses and the factorial: known errors, the same bits."""

import math

import numpy as np
import pytest
from engine_cases import ENGINES, run, spec_of
from engine_machine import elementwise, ulps

from hepatrial.engine.special import _HALF_PI
from hepatrial.model.expr import LIBRARY, evaluate, library, sym

N = 20_000
NUMPY = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}
LIMITS = {"sin": 1.0, "cos": 1.0, "atan": 2.0}  # the others 3
extended = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs an extended long double")


def arguments(name):
    """Numbers all over the domain, crowded where the function is difficult."""
    rng = np.random.default_rng(0)
    around = np.concatenate([rng.uniform(-1, 1, N), rng.uniform(-30, 30, N)])
    small = rng.uniform(-1, 1, N) * 10 ** rng.uniform(-300, 0, N)
    large = rng.uniform(-1, 1, N) * 10 ** rng.uniform(0, 300, N)
    if name in ("sin", "cos", "tan"):
        zeros = np.round(rng.uniform(-1e6, 1e6, N)) * np.pi / 2
        return np.concatenate([around, small, zeros, rng.uniform(-1, 1, N) * 2.0 ** rng.uniform(0, 40, N)])
    if name in ("asin", "acos", "atanh"):
        edges = rng.choice([-1, 1], N) * (1 - 10 ** rng.uniform(-16, 0, N))
        return np.concatenate([rng.uniform(-1, 1, N), small, edges])
    if name == "acosh":
        return np.concatenate([1 + 10 ** rng.uniform(-15, 0, N), np.abs(large) + 1])
    if name in ("sinh", "cosh"):
        return np.concatenate([around, small, rng.uniform(-710, 710, N)])
    return np.concatenate([around, small, large])


@extended
@pytest.mark.parametrize("name", NUMPY)
def test_the_error_in_double_precision_is_below_the_stated_units_in_the_last_place(name):
    x = arguments(name)
    exact = NUMPY[name](x.astype(np.longdouble))
    normal = np.abs(exact) > 1e-300
    assert ulps(elementwise(name, 4, x), exact)[normal].max() < LIMITS.get(name, 3.0)


@pytest.mark.parametrize("name", NUMPY)
def test_single_precision_is_rounded_from_double(name):
    with np.errstate(all="ignore"):
        x = arguments(name).astype(np.float32)
        exact = NUMPY[name](x.astype(np.float64))
        normal = (np.abs(exact) > 1e-37) & (np.abs(exact) < 1e38)
        found = elementwise(name, 8, x, scalar="float")
        assert ulps(found, exact)[normal].max() < 0.51


@pytest.mark.parametrize("name", LIBRARY)
def test_lane_widths_give_the_same_bits(name):
    x = np.arange(-10.0, 190.0) if name == "factorial" else arguments(name)[::37]
    one = elementwise(name, 1, x)
    for width in (2, 4, 8):
        assert elementwise(name, width, x).tobytes() == one.tobytes()


@pytest.mark.parametrize("name", NUMPY)
def test_special_values_follow_ieee(name):
    x = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 1e-320, math.inf, -math.inf, math.nan])
    with np.errstate(all="ignore"):
        expected = NUMPY[name](x)
    found = elementwise(name, 1, x)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=5e-324)
    zero = expected == 0
    assert (np.signbit(found) == np.signbit(expected))[zero].all()


def test_angles_beyond_the_limit_are_no_numbers_instead_of_wrong_ones():
    x = np.array([2.0**40, np.nextafter(2.0**40, np.inf), -1e300])
    for name in ("sin", "cos", "tan"):
        assert np.isnan(elementwise(name, 1, x)).tolist() == [False, True, True]


def test_the_parts_of_half_pi_sum_to_it():
    # Machin's formula in whole numbers: pi = 16 atan(1/5) - 4 atan(1/239).
    one = 10**70

    def atan_of_one_over(n):
        total, term, k = 0, one // n, 1
        while term:
            total += term // k if k % 4 == 1 else -(term // k)
            term //= n * n
            k += 2
        return total

    pi = 16 * atan_of_one_over(5) - 4 * atan_of_one_over(239)
    parts = 0
    for part in _HALF_PI:
        numerator, denominator = part.as_integer_ratio()
        parts += numerator * one // denominator
    assert abs(pi // 2 - parts) < 10**70 // 10**47


def test_factorials_are_the_nearest_doubles():
    whole = np.arange(171.0)
    assert elementwise("factorial", 4, whole).tolist() == [float(math.factorial(i)) for i in range(171)]
    outside = elementwise("factorial", 1, np.array([171.0, -1.0, 2.5, math.nan, math.inf]))
    assert outside[0] == math.inf
    assert np.isnan(outside[1:]).all()


@pytest.mark.parametrize("scalar", ["double", "float"])
def test_in_both_precisions_exp_and_ln_err_by_less_than_their_stated_units(scalar):
    rng = np.random.default_rng(2)
    dtype = np.float64 if scalar == "double" else np.float32
    x = np.concatenate([rng.uniform(-80, 80, N), rng.uniform(-1, 1, N)]).astype(dtype)
    y = np.exp(x)
    limit = 1.5 if scalar == "float" else 2.5  # numpy's own half unit, and its argument's, included
    assert ulps(elementwise("exp", 8, x, scalar=scalar), np.exp(x.astype(np.longdouble))).max() < limit
    assert ulps(elementwise("ln", 8, y, scalar=scalar), np.log(y.astype(np.longdouble))).max() < limit


def test_single_precision_exp_and_ln_have_the_edges_of_ieee():
    inf, nan, tiny = math.inf, math.nan, np.finfo(np.float32).tiny
    with np.errstate(all="ignore"):
        x = np.array([-inf, -200, -103, 0, 88.7, 89.5, inf, nan], dtype=np.float32)
        found = elementwise("exp", 1, x, scalar="float")
        np.testing.assert_allclose(found, np.exp(x), rtol=1e-6, atol=tiny)  # results below normal may be 0
        x = np.array([-inf, -1, 0, 1e-45, 1e-40, 1, inf, nan], dtype=np.float32)
        np.testing.assert_allclose(elementwise("ln", 1, x, scalar="float"), np.log(x), rtol=1e-6)


FLOWS = """
model flows()
  a = 0.7; b = 1.3; k = 4;
  x = 0.3; y = 0.2; z = 1.5;
  x' = cos(a*time) - 0.2*sin(x) - 0.1*atan(y) + 0.05*arcsinh(z);
  y' = -sinh(0.5*y) + 0.1*cosh(0.3*x) + 0.1*acos(0.5*cos(x)) - 0.2*asin(0.3*sin(y))*factorial(k)/24;
  z' = -b*tan(0.2*z) + arccosh(2 + x^2)*0.2 + arctanh(0.3*cos(y));
end
"""


def test_a_model_with_every_library_function_agrees_with_scipy():
    spec = spec_of(FLOWS)
    visits = [0.5, 2.0, 6.0]
    plain, one, four = (run(e, spec, visits=visits, end=6.0, rtol=1e-9).values for e in ENGINES)
    np.testing.assert_allclose(one, plain, rtol=1e-7)
    assert one.tobytes() == four.tobytes()
    screened = run("four lanes", spec, visits=visits, end=6.0, precision="screen")
    assert not screened.repeated.any()
    np.testing.assert_allclose(screened.values, plain, rtol=1e-3)


def test_the_derivatives_of_library_functions_reach_the_jacobian():
    # With a wrong Jacobian the method falls to low order and needs many more steps.
    spec = spec_of("model swing()\n w = 3; x = 1; v = 0; x' = v; v' = -w^2*sin(x);\nend")
    steps = [int(run("one lane", spec, visits=[5.0], end=5.0, rtol=r).steps[0]) for r in (1e-6, 1e-9)]
    assert steps[1] / steps[0] < 1000 ** (1 / 4.5)


def test_a_pendulum_keeps_its_energy():
    spec = spec_of("model swing()\n w = 3; x = 1; v = 0; x' = v; v' = -w^2*sin(x);\nend")
    result = run("one lane", spec, visits=np.arange(20.0), end=20.0, rtol=1e-9)
    x, v = result.values[0].T
    np.testing.assert_allclose(v**2 / 2 - 9 * np.cos(x), -9 * math.cos(1), atol=1e-5)


def test_numpy_evaluation_and_compiled_functions_mean_the_same():
    x = np.linspace(0.05, 0.95, 19)
    for name in NUMPY:
        argument = x + 1 if name == "acosh" else x
        (numpy_values,) = evaluate([library(name, sym("x"))], {"x": argument})
        np.testing.assert_allclose(elementwise(name, 1, argument), numpy_values, rtol=1e-14)
