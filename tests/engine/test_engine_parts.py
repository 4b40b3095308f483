"""Functions of the generated code on their own: exp, ln, pow, the sparse solver, the Jacobian, the cache."""

import ctypes
import math

import numpy as np
import pytest
from engine_cases import DECAY, exercise_spec, run, spec_of
from engine_machine import elementwise, machine, ulps

from hepatrial.engine import Impulses, build, cache_folder, clear_cache, compile_model
from hepatrial.engine.ir import Function, Lanes
from hepatrial.engine.jacobian import jacobian
from hepatrial.engine.kernels import _factor, _solve
from hepatrial.engine.linear import plan_elimination
from hepatrial.engine.lower import regroup
from hepatrial.model import expr as ex
from hepatrial.model.expr import evaluate

extended = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="needs an extended long double")


@extended
def test_exp_errs_by_less_than_six_fifths_of_a_unit_in_the_last_place():
    x = np.concatenate([np.random.default_rng(0).uniform(-708, 709, 40_000), np.linspace(-1, 1, 40_000)])
    assert ulps(elementwise("exp", 1, x), np.exp(x.astype(np.longdouble))).max() < 1.2


@extended
def test_ln_errs_by_less_than_one_unit_in_the_last_place():
    rng = np.random.default_rng(0)
    x = np.concatenate([np.exp(rng.uniform(-700, 700, 40_000)), rng.uniform(0.5, 2, 40_000)])
    assert ulps(elementwise("ln", 1, x), np.log(x.astype(np.longdouble))).max() < 1


@extended
def test_the_error_of_a_power_grows_with_the_logarithm_of_the_result():
    rng = np.random.default_rng(0)
    x, y = np.exp(rng.uniform(-20, 20, 40_000)), rng.uniform(-15, 15, 40_000)
    exact = np.power(x.astype(np.longdouble), y.astype(np.longdouble))
    relative = np.abs(elementwise("pow", 1, x, y) / exact - 1).astype(float)
    assert (relative < 2.3e-16 * (2 + np.abs(y * np.log(x)))).all()


def test_special_values_follow_ieee_but_results_smaller_than_normal_may_be_0():
    inf, nan, tiny = math.inf, math.nan, np.finfo(np.float64).tiny
    x = np.array([-inf, -800, -745.1, 0.0, -0.0, 709.78, 709.79, 1e300, inf, nan])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(elementwise("exp", 1, x), np.exp(x), rtol=1e-15, atol=tiny)
        x = np.array([-inf, -1.0, -0.0, 0.0, 5e-324, 1e-310, 1.0, inf, nan])
        np.testing.assert_allclose(elementwise("ln", 1, x), np.log(x), rtol=1e-15)
        pairs = [
            (-2, 3),
            (-2, 2),
            (-2, 0.5),
            (0, 2.5),
            (0, 0),
            (5, 0),
            (1, 7.3),
            (inf, -1),
            (2, -1074),
            (nan, 1),
        ]
        base, power = np.array(pairs, dtype=float).T
        np.testing.assert_allclose(elementwise("pow", 1, base, power), base**power, rtol=1e-13, atol=tiny)


@pytest.mark.parametrize("name", ["exp", "ln", "pow"])
def test_lane_widths_give_the_same_bits(name):
    rng = np.random.default_rng(1)
    x, y = np.exp(rng.uniform(-30, 30, 4096)), rng.uniform(-8, 8, 4096)
    columns = (x, y) if name == "pow" else (x,)
    one = elementwise(name, 1, *columns)
    for width in (2, 4, 8):
        assert elementwise(name, width, *columns).tobytes() == one.tobytes()


@pytest.mark.parametrize("seed", range(5))
def test_the_sparse_solver_solves(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    j = np.where(rng.random((n, n)) < 0.2, rng.normal(size=(n, n)), 0)
    g, b = 8.0, rng.normal(size=n)
    plan = plan_elimination(n, [(int(r), int(c)) for r, c in np.argwhere(j)])
    f = Function("both", [("ptr", "M"), ("ptr", "b"), ("ptr", "x"), ("double", "g")], external=True)
    f.call("factor_1", [f.argument("M"), f.argument("g")], "double")
    f.call("solve_1", [f.argument("M"), f.argument("b"), f.constant("double", 0.5), f.argument("x")])
    f.finish()
    address, keep = machine([_factor(plan, Lanes(1)), _solve(plan, Lanes(1)), f], "both")
    memory, x = np.full(len(plan.index), np.nan), rng.normal(size=n)
    right = b + 0.5 * x
    for place in plan.pattern:
        memory[plan.index[place]] = j[place]
    kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double)
    ctypes.CFUNCTYPE(None, *kinds)(address)(memory.ctypes.data, b.ctypes.data, x.ctypes.data, g)
    assert keep is not None
    np.testing.assert_allclose(x, np.linalg.solve(g * np.eye(n) - j, right), rtol=1e-10)


def test_elimination_order_avoids_fill():
    # An arrow matrix fills completely when its tip is eliminated first, and not at all when last.
    arrow = [(0, j) for j in range(9)] + [(i, 0) for i in range(9)]
    plan = plan_elimination(9, arrow)
    assert len(plan.index) == 9 + 16


def test_the_jacobian_equals_finite_differences_of_the_rates():
    spec = exercise_spec()
    observables = dict(zip(spec.observables, spec.observable_expressions, strict=True))
    entries = jacobian(spec.states, spec.rates, observables)
    values = dict(zip(spec.parameters, spec.default_parameters, strict=True))
    state = spec.initial_state + 0.01
    rates = spec.inline(spec.rates)

    def slope(j, h):
        result = []
        for sign in (1, -1):
            moved = dict(zip(spec.states, state, strict=True))
            moved[spec.states[j]] += sign * h
            result.append(np.array([float(v) for v in evaluate(rates, {**values, **moved})]))
        return (result[0] - result[1]) / (2 * h)

    here = {**values, **dict(zip(spec.states, state, strict=True))}
    exact = np.zeros((len(state), len(state)))
    for place, value in zip(entries, evaluate(spec.inline(list(entries.values())), here), strict=True):
        exact[place] = value
    found = np.stack([slope(j, 1e-5 * max(abs(x), 0.1)) for j, x in enumerate(state)], axis=1)
    np.testing.assert_allclose(exact, found, rtol=1e-5, atol=1e-6 * np.abs(exact).max())


class TestCache:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path, monkeypatch):
        self.folder = tmp_path / "kept"
        monkeypatch.setenv("HEPATRIAL_CACHE", str(self.folder))

    def test_the_folder_can_be_chosen(self):
        assert cache_folder() == self.folder

    def test_a_model_is_compiled_once(self, monkeypatch):
        compile_model(spec_of(DECAY), 1)
        monkeypatch.setattr(build, "compile_text", lambda _: pytest.fail("compiled again"))
        compile_model(spec_of(DECAY), 1)
        assert len(list(self.folder.glob("*.o"))) == 1

    def test_lane_widths_and_models_are_kept_apart(self):
        compile_model(spec_of(DECAY), 1)
        compile_model(spec_of(DECAY), 2)
        compile_model(spec_of(DECAY.replace("k = 0.3", "k = 0.4")), 1)
        assert len(list(self.folder.glob("*.o"))) == 3
        assert clear_cache() == 3
        assert clear_cache() == 0

    def test_a_damaged_object_is_compiled_again(self):
        compile_model(spec_of(DECAY), 1)
        (file,) = self.folder.glob("*.o")
        good = file.read_bytes()
        for bad in (b"", b"nonsense", good[: len(good) // 2], good[:-40] + bytes(40)):
            file.write_bytes(bad)
            compile_model(spec_of(DECAY), 1)
            assert file.read_bytes() == good

    def test_a_folder_that_cannot_be_written_does_no_harm(self):
        self.folder.write_text("a file stands in the way")
        assert run("plain", spec_of(DECAY)).ok.all()
        assert compile_model(spec_of(DECAY), 1).machine is not None


class TestRegrouping:
    """Products are rewritten for speed and keep their values."""

    x, y, p = ex.sym("x"), ex.sym("y"), ex.sym("p")

    def divisions(self, *outputs, **options):
        found = regroup(list(outputs), frozenset("p"), **options)
        at = {"x": 1.7, "y": 0.3, "p": 2.5}
        told, exact = ([float(v) for v in evaluate(each, at)] for each in (found, list(outputs)))
        np.testing.assert_allclose(told, exact, rtol=1e-14)
        return sum(node.op == "div" and not node.symbols <= {"p"} for node in ex.topological(found))

    def test_denominators_of_one_product_are_divided_by_once(self):
        product = self.x / (self.x + 1) / (self.y + 2) * self.p
        assert self.divisions(product) == 1
        assert self.divisions(product, joined=False) == 2

    def test_a_denominator_that_others_use_is_inverted_once_for_all(self):
        shared = self.x + 1
        assert self.divisions(self.x / shared / (self.y + 2), self.y / shared) == 2
        assert self.divisions(self.x / shared, self.y / shared, self.p / shared) == 1

    def test_exponentials_of_one_product_become_one(self):
        e = ex.exp(self.x) * self.p * ex.exp(self.y)
        (found,) = regroup([e], frozenset("p"))
        assert sum(node.op == "exp" for node in ex.topological([found])) == 1
        assert float(evaluate([found], {"x": 0.5, "y": 0.25, "p": 2.0})[0]) == pytest.approx(
            2 * math.exp(0.75)
        )

    def test_the_logarithm_of_an_exponential_is_its_exponent(self):
        assert regroup([ex.ln(ex.exp(self.x))], frozenset())[0] is self.x


def test_eight_lanes_are_usual_on_wide_processors_and_for_models_that_fit_the_cache(monkeypatch):
    monkeypatch.setattr(build.llvm, "get_host_cpu_features", lambda: {"avx512f": True})
    assert (build.usual_lanes(28), build.usual_lanes(50)) == (8, 4)
    monkeypatch.setattr(build.llvm, "get_host_cpu_features", dict)
    assert build.usual_lanes(28) == 4


def test_the_step_after_a_dose_is_the_one_that_the_dose_before_asked_for():
    spec = spec_of(
        "model fast()\n k = 300; x = 1; do_give = 0; amount_give = 0; x' = -k*x;\n"
        " at (do_give > 0.5): x = x + amount_give;\nend"
    )
    rejected = []
    for doses in (1, 4):
        impulses = Impulses([0] * doses, np.arange(1.0, doses + 1), [0] * doses, [1.0] * doses)
        rejected.append(int(run("four lanes", spec, end=6.0, impulses=impulses).rejected[0]))
    assert rejected[0] > 0
    assert rejected[1] == rejected[0]
