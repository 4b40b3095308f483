"""The model's own functions: rates, Jacobian, factorisation, solution, hazards, outputs, jumps.

Each works on vectors of patients ("lanes"); memory is [quantity][lane]. The state vector ``y`` holds the
model's states, those that hazards depend on first, and, when an equation names time, time with slope 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hepatrial.engine.ir import Array, Column, Function, Lanes, Value
from hepatrial.engine.jacobian import jacobian
from hepatrial.engine.linear import Place, Plan, plan_elimination
from hepatrial.engine.lower import Constants, Lowering, regroup
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.spec import TIME, Jump, ModelSpec


@dataclass
class Kernels:
    """Names and sizes that the stepper needs, and the functions themselves.

    Attributes:
        states: names in the order of ``y``.
        in_hazards: how many of them, from the first, the hazards depend on.
        kinks: number of places where the rates are not smooth; without any there is no function ``kinks``.
    """

    spec: ModelSpec
    lanes: Lanes
    states: tuple[str, ...]
    in_hazards: int
    plan: Plan
    constants: Constants
    functions: list[Function] = field(default_factory=list)
    kinks: int = 0

    @property
    def n(self) -> int:
        """Length of ``y``."""
        return len(self.states)

    @property
    def columns(self) -> list[int | None]:
        """Column of the model's state for each place in ``y``; None for time."""
        column = {name: i for i, name in enumerate(self.spec.states)}
        return [column.get(name) for name in self.states]


def write_kernels(spec: ModelSpec, lanes: Lanes) -> Kernels:
    """All functions of the model for the lanes; those that serve one patient at a time for one double."""
    rates = spec.inline(spec.rates)
    hazards = spec.inline([h.rate for h in spec.hazards])
    timed = any(TIME in e.symbols for e in (*rates, *hazards))
    slope = dict(zip(spec.states, spec.rates, strict=True)) | ({TIME: ex.ONE} if timed else {})
    used = frozenset().union(*(e.symbols for e in hazards))
    states = tuple(sorted(slope, key=lambda name: name not in used))  # stable
    slopes = spec.inline([slope[name] for name in states])
    observables = dict(zip(spec.observables, spec.observable_expressions, strict=True))
    entries = jacobian(states, [slope[name] for name in states], observables)
    entries = dict(zip(entries, spec.inline(list(entries.values())), strict=True))
    plan = plan_elimination(len(states), entries)
    in_hazards = len(used & set(states))
    k = Kernels(spec, lanes, states, in_hazards, plan, Constants(frozenset(spec.parameters)))
    _write_flow(k, slopes, entries)
    k.functions.append(_factor(plan, lanes))
    k.functions.append(_solve(plan, lanes))
    k.functions.append(_expressions(k, "hazards", hazards))
    k.functions.append(_observables(k))
    for kind, jumps in (("event", [h.jump for h in spec.hazards]), ("action", spec.jumps)):
        k.functions.extend(_jump(k, f"{kind}_{i}", jump) for i, jump in enumerate(jumps))
    sides = _sides(slopes, k.constants.fixed)
    if sides:
        k.kinks = len(sides)
        k.functions.append(_kinks(k, sides))
    k.functions.append(_prepare(k))
    return k


def _lowering(
    k: Kernels,
    f: Function,
    lanes: Lanes,
    vectors: Sequence[str],
    held: Array | Column,
    extra: Mapping[str, str],
) -> Lowering:
    """Expressions over the vectors y and H; ``extra`` maps a name to the argument that holds it."""
    real = lanes.real
    names = {"y": k.states, "H": [h.state for h in k.spec.hazards]}
    memory = {vector: f.memory(vector, real) for vector in vectors}
    place = {name: (vector, i) for vector in vectors for i, name in enumerate(names[vector])}

    def leaf(name: str) -> Value:
        if name in extra:
            return f.argument(extra[name])
        vector, i = place[name]
        return memory[vector][i]

    return Lowering(f, lanes, leaf, k.constants, held)


def _expressions(k: Kernels, name: str, outputs: Sequence[Expr]) -> Function:
    """A function of (y, c, out) that stores the values of expressions in all lanes."""
    real = k.lanes.real
    f = Function(f"{name}_{k.lanes.tag}", [("ptr", a) for a in ("y", "c", "out")])
    lowering = _lowering(k, f, k.lanes, ["y"], f.memory("c", real), {})
    joined = k.lanes.scalar == "double"
    lowering.write(regroup(outputs, k.constants.fixed, joined), f.memory("out", real).__setitem__)
    f.finish()
    return f


def _of_one_lane(
    k: Kernels, name: str, more: Sequence[tuple[str, str]], extra: Mapping[str, str]
) -> tuple[Function, Lowering]:
    """A function of (y, H, c, ...) and its lowering.

    y and H are doubles of one patient; its constants stand in the lane (argument ``lane``) of everybody's.
    """
    f = Function(name, [("ptr", "y"), ("ptr", "H"), ("ptr", "c"), *more])
    held = Column(f.memory("c", k.lanes.real), f.argument("lane"))
    return f, _lowering(k, f, Lanes(1), ["y", "H"], held, extra)


def _observables(k: Kernels) -> Function:
    """A function that stores all observables of one patient."""
    more = [("ptr", "out"), ("i64", "lane"), ("double", "t")]
    f, lowering = _of_one_lane(k, "observables", more, {TIME: "t"})
    expressions = regroup(list(k.spec.inlined_observables.values()), k.constants.fixed)
    lowering.write(expressions, f.memory("out", "double").__setitem__)
    f.finish()
    return f


def _write_flow(k: Kernels, slopes: list[Expr], entries: dict[tuple[int, int], Expr]) -> None:
    """``rates`` alone, and ``rates_and_jacobian`` which also stores the Jacobian in the plan's places."""
    k.functions.append(_expressions(k, "rates", slopes))
    real = k.lanes.real
    f = Function(f"rates_and_jacobian_{k.lanes.tag}", [("ptr", a) for a in ("y", "c", "out", "M")])
    lowering = _lowering(k, f, k.lanes, ["y"], f.memory("c", real), {})
    out, matrix = f.memory("out", real), f.memory("M", real)
    # Row by row, since a rate and its slopes share most.
    told: list[tuple[Expr, Array, int]] = []
    for i, slope in enumerate(slopes):
        told.append((slope, out, i))
        told += [(e, matrix, k.plan.index[place]) for place, e in entries.items() if place[0] == i]

    def store(i: int, value: Value) -> None:
        told[i][1][told[i][2]] = value

    joined = k.lanes.scalar == "double"
    lowering.write(regroup([e for e, _, _ in told], k.constants.fixed, joined), store)
    f.finish()
    k.functions.append(f)


def _sides(slopes: Sequence[Expr], fixed: frozenset[str]) -> list[Expr]:
    """For each kink or jump of the rates a condition that holds on one side of it."""
    sides: dict[Expr, None] = {}
    for node in ex.topological(slopes):
        if node.op in ("min", "max") or node.op in ex.COMPARISONS:
            difference = ex.sub(*node.args)
        elif node.op == "abs":
            difference = node.args[0]
        else:
            continue
        if not difference.symbols <= fixed:
            sides[ex.compare("lt", difference, 0)] = None
    return list(sides)


def _kinks(k: Kernels, sides: list[Expr]) -> Function:
    """Which side of its kinks a state is on, as one number: equal numbers, the same side of each.

    A number of single precision has room for twenty sides; more share places, and two that change at once may
    then hide each other, which costs the step that crosses them its extra care and nothing else.
    """
    f = Function(f"kinks_{k.lanes.tag}", [("ptr", "y"), ("ptr", "c")], k.lanes.real)
    lowering = _lowering(k, f, k.lanes, ["y"], f.memory("c", k.lanes.real), {})
    total = ex.ZERO
    for i, side in enumerate(sides):
        total = total + ex.choose(side, 2.0 ** (i % 20), 0.0)
    f.finish(lowering.write(regroup([total], k.constants.fixed))[0])
    return f


def _factor(plan: Plan, lanes: Lanes) -> Function:
    """Factors M - g in place; returns the largest g/|pivot|.

    Stored are the negative reciprocals of the pivots; the negative multipliers of the rows eliminated later;
    and the pivots' own rows times the former, so that every later operation is one fused multiply-add and no
    division or product stands between two of them.
    """
    real = lanes.real
    f = Function(f"factor_{lanes.tag}", [("ptr", "M"), (real, "g")], real)
    memory, g = f.memory("M", real), f.argument("g")
    m: dict[Place, Value | None] = {}

    def entry(i: int, j: int) -> Value | None:
        """The entry as it stands, loaded when first needed; None where it is still zero."""
        if (i, j) not in m:
            m[i, j] = memory[plan.index[i, j]] if (i, j) in plan.pattern else None
        return m[i, j]

    def known(i: int, j: int) -> Value:
        value = entry(i, j)
        assert value is not None, "the plan names no entry that is zero"
        return value

    worst = f.constant(real, 0.0)
    for k, rows, columns in zip(plan.order, plan.rows, plan.columns, strict=True):
        diagonal = entry(k, k)
        pivot = f.constant(real, -1.0) / (-g if diagonal is None else diagonal - g)
        worst = f.larger(worst, f.absolute(pivot))
        memory[plan.index[k, k]] = pivot
        for j in columns:
            memory[plan.index[k, j]] = known(k, j) * pivot
        for i in rows:
            multiplier = known(i, k) * pivot
            memory[plan.index[i, k]] = multiplier
            for j in columns:
                there, above = entry(i, j), known(k, j)
                m[i, j] = multiplier * above if there is None else f.fma(multiplier, above, there)
    f.finish(worst * g)
    return f


def _solve(plan: Plan, lanes: Lanes) -> Function:
    """Solves (g - J) x = slopes + inverse x for x in place, from the factors of J - g."""
    real = lanes.real
    f = Function(f"solve_{lanes.tag}", [("ptr", "M"), ("ptr", "slopes"), (real, "inverse"), ("ptr", "x")])
    memory, slopes, x = f.memory("M", real), f.memory("slopes", real), f.memory("x", real)
    inverse = f.argument("inverse")
    z = [f.fma(inverse, x[i], slopes[i]) for i in range(plan.n)]
    for k, rows in zip(plan.order, plan.rows, strict=True):
        for i in rows:
            z[i] = f.fma(memory[plan.index[i, k]], z[k], z[i])
    z = [value * memory[plan.index[i, i]] for i, value in enumerate(z)]
    depth = dict.fromkeys(plan.order, 0)
    for k, columns in zip(reversed(plan.order), reversed(plan.columns), strict=True):
        for j in sorted(columns, key=lambda j: depth[j]):  # what is known first is used first
            z[k] = f.fma(memory[plan.index[k, j]], z[j], z[k])
            depth[k] = max(depth[k], depth[j]) + 1
    for i in range(plan.n):
        x[i] = z[i]
    f.finish()
    return f


def _jump(k: Kernels, name: str, jump: Jump) -> Function:
    """An event or action on one patient: assigns to ``y`` from the values before."""
    more = [("i64", "lane"), ("double", "t"), ("double", "amount")]
    f, lowering = _of_one_lane(k, name, more, {TIME: "t", jump.amount: "amount"})
    targets = [name for name, _ in jump.assignments]
    expressions = regroup(k.spec.inline([e for _, e in jump.assignments]), k.constants.fixed)
    values = lowering.write(expressions)
    y = f.memory("y", "double")
    for target, value in zip(targets, values, strict=True):
        y[k.states.index(target)] = value
    f.finish()
    return f


def _prepare(k: Kernels) -> Function:
    """Computes a patient's constants from its row of parameters into its lane."""
    f = Function("prepare", [("ptr", "p"), ("ptr", "c"), ("i64", "lane")])
    parameters, c, lane = f.memory("p", "double"), f.memory("c", k.lanes.real), f.argument("lane")
    place = {name: i for i, name in enumerate(k.spec.parameters)}
    lowering = Lowering(f, Lanes(1), lambda name: parameters[place[name]])
    lowering.write(list(k.constants.index), lambda i, value: c.set_lane(i, lane, value))
    f.finish()
    return f
