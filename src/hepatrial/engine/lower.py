"""Expressions to straight-line instructions.

Before instructions are written, products are regrouped: factors that depend on parameters alone come first
and are computed once a patient, quotients become products with reciprocals so that equal denominators are
divided by once, and whole powers become products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from hepatrial.engine.ir import Array, Column, Function, Lanes, Value
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr

_LARGEST_POWER = 16


def _whole_power(e: Expr) -> int | None:
    """The exponent when it is a small whole constant."""
    if e.is_constant and e.value == int(e.value) and abs(e.value) <= _LARGEST_POWER:
        return int(e.value)
    return None


def users(outputs: Sequence[Expr]) -> Counter[Expr]:
    """How many nodes (or outputs) use each node."""
    count: Counter[Expr] = Counter(outputs)
    for node in ex.topological(outputs):
        count.update(node.args)
    return count


def regroup(outputs: Sequence[Expr], fixed: frozenset[str], joined: bool = True) -> list[Expr]:
    """The same values with products regrouped for speed.

    Args:
        outputs: expressions in states, cumulative hazards and parameters.
        fixed: names that are constant for a patient.
        joined: denominators of one product that nothing else divides by are multiplied and divided by once;
            not in single precision, where such a product overflows sooner.
    """
    outputs = _without_detours(outputs)
    products = _Products(outputs, fixed, joined)
    done: dict[Expr, Expr] = {}
    for node in ex.topological(outputs):
        if node.op in ("mul", "div") and not node.symbols <= fixed:
            done[node] = products.rewritten(node, done)
        elif node.op == "pow":
            done[node] = _power(*(done[a] for a in node.args))
        else:
            done[node] = ex.rebuild(node, [done[a] for a in node.args])
    return [done[e] for e in outputs]


def _without_detours(outputs: Sequence[Expr]) -> list[Expr]:
    """The same values without logarithms of exponentials."""
    done: dict[Expr, Expr] = {}
    for node in ex.topological(outputs):
        args = [done[a] for a in node.args]
        done[node] = args[0].args[0] if node.op == "ln" and args[0].op == "exp" else ex.rebuild(node, args)
    return [done[e] for e in outputs]


def _power(base: Expr, exponent: Expr) -> Expr:
    whole = _whole_power(exponent)
    if whole is not None and whole < 0:
        return ex.div(ex.ONE, ex.power(base, -whole))
    if exponent.is_constant and exponent.value == 0.5:
        return ex.sqrt(base)
    return ex.power(base, exponent)


class _Products:
    """Products and quotients as lists of factors.

    Args:
        outputs: all expressions of a function.
        fixed: names that are constant for a patient.
        joined: see :func:`regroup`.
    """

    def __init__(self, outputs: Sequence[Expr], fixed: frozenset[str], joined: bool) -> None:
        self.count, self.fixed, self.joined = users(outputs), fixed, joined
        self.divides: Counter[Expr] = Counter()
        stack, seen = list(outputs), set(outputs)
        while stack:
            node = stack.pop()
            parts: Sequence[Expr] = node.args
            if node.op in ("mul", "div") and self._varies(node):
                above, below = self.factors(node)
                self.divides.update(below)
                parts = [*above, *below]
            stack.extend(dict.fromkeys(e for e in parts if e not in seen))
            seen.update(parts)

    def _varies(self, e: Expr) -> bool:
        return not e.symbols <= self.fixed

    def factors(self, node: Expr) -> tuple[list[Expr], list[Expr]]:
        """What is multiplied and what is divided by; a part that others use too stays whole, so that it is
        computed once."""
        above: list[Expr] = []
        below: list[Expr] = []
        stack = [(node, above, below)]
        while stack:
            e, over, under = stack.pop()
            if e.op in ("mul", "div") and self._varies(e) and (e is node or self.count[e] == 1):
                first, second = e.args
                stack.append((second, over, under) if e.op == "mul" else (second, under, over))
                stack.append((first, over, under))
            else:
                over.append(e)
        return above, below

    def rewritten(self, node: Expr, done: dict[Expr, Expr]) -> Expr:
        """The product with what is constant for a patient first; ``done`` holds its parts rewritten."""
        above, below = self.factors(node)
        result = ex.ONE
        for e in above:
            if not self._varies(e):
                result = ex.mul(result, done[e])
        for e in below:
            if not self._varies(e):
                result = ex.div(result, done[e])
        for e in self._multiplied([e for e in above if self._varies(e)], done):
            result = ex.mul(result, e)
        alone = ex.ONE
        for e in below:
            if self.joined and self.divides[e] == 1 and self._varies(e):
                alone = ex.mul(alone, done[e])
            elif self._varies(e):
                result = ex.mul(result, ex.div(ex.ONE, done[e]))
        return result if alone is ex.ONE else ex.mul(result, ex.div(ex.ONE, alone))

    def _multiplied(self, factors: list[Expr], done: dict[Expr, Expr]) -> list[Expr]:
        """The factors; exponentials that nothing else uses as one."""
        merged = [e for e in factors if self.count[e] == 1 and done[e].op == "exp"]
        if len(merged) < 2:
            return [done[e] for e in factors]
        exponent = ex.ZERO
        for e in merged:
            exponent = ex.add(exponent, done[e].args[0])
        return [*(done[e] for e in factors if e not in merged), ex.exp(exponent)]


class Constants:
    """What is computed once a patient: parameters and expressions of parameters alone, by position."""

    def __init__(self, fixed: frozenset[str]) -> None:
        self.fixed = fixed
        self.index: dict[Expr, int] = {}

    def holds(self, e: Expr) -> bool:
        """Whether the value is kept for the patient rather than computed at each use."""
        return not e.is_constant and not ex.is_condition(e) and e.symbols <= self.fixed

    def place(self, e: Expr) -> int:
        """Position of the value."""
        return self.index.setdefault(e, len(self.index))


class Lowering:
    """Writes expressions into one function.

    Args:
        f: the function.
        lanes: width and precision.
        leaves: gives the value of a name that is not a parameter.
        constants: the patient's constants; None to compute everything from ``leaves``.
        held: memory of the constants.
    """

    def __init__(
        self,
        f: Function,
        lanes: Lanes,
        leaves: Callable[[str], Value],
        constants: Constants | None = None,
        held: Array | Column | None = None,
    ) -> None:
        self.f, self.lanes, self.leaves = f, lanes, leaves
        self.constants, self.held = constants, held
        self.real = lanes.real
        self.values: dict[Expr, Value] = {}
        self.powers: dict[tuple[Expr, int], Value] = {}
        self.count: Counter[Expr] = Counter()

    def write(
        self, outputs: Sequence[Expr], store: Callable[[int, Value], None] | None = None
    ) -> list[Value]:
        """Instructions for the outputs; their values.

        Args:
            outputs: the expressions.
            store: writes the instruction that stores the value of a place in ``outputs``; done as soon as the
                value is known, so that it need not be kept. Where what is written is also read, store later.
        """
        self.count = users(outputs)
        needed = self._needed(outputs)
        places: dict[Expr, list[int]] = {}
        for i, e in enumerate(outputs):
            places.setdefault(e, []).append(i)
        for node in ex.topological(outputs):
            if node in needed:
                self.values[node] = self._node(node)
                if store is not None:
                    for i in places.get(node, ()):
                        store(i, self.values[node])
        return [self.values[e] for e in outputs]

    def _needed(self, outputs: Sequence[Expr]) -> set[Expr]:
        """Nodes that need an instruction: not those inside a held constant or a fused product."""
        needed: set[Expr] = set()
        stack = list(outputs)
        while stack:
            node = stack.pop()
            if node in needed:
                continue
            needed.add(node)
            if self._held(node):
                continue
            fused = self._fused(node)
            for a in node.args:
                stack.extend(a.args if a is fused else [a])
        return needed

    def _held(self, e: Expr) -> bool:
        return self.constants is not None and self.constants.holds(e)

    def _fused(self, node: Expr) -> Expr | None:
        """The product that a sum takes up in a fused multiply-add."""
        if node.op in ("add", "sub"):
            for a in reversed(node.args):
                if a.op == "mul" and self.count[a] == 1 and not self._held(a):
                    return a
        return None

    def _node(self, node: Expr) -> Value:
        if node.is_constant:
            return self.f.constant(self.real, node.value)
        if self._held(node):
            assert self.constants is not None
            assert self.held is not None
            return self.held[self.constants.place(node)]
        if node.op == "sym":
            return self.leaves(node.name)
        fused = self._fused(node)
        if fused is not None:
            return self._multiply_add(node, fused)
        if node.op == "pow":
            return self._raise(*node.args)
        return self._plain(node, [self.values[a] for a in node.args])

    def _multiply_add(self, node: Expr, product: Expr) -> Value:
        a, b = (self.values[x] for x in product.args)
        first = node.args[0] is product
        other = self.values[node.args[1] if first else node.args[0]]
        if node.op == "add":
            return self.f.fma(a, b, other)
        return self.f.fma(a, b, -other) if first else self.f.fma(-a, b, other)

    def _raise(self, base: Expr, exponent: Expr) -> Value:
        whole = _whole_power(exponent)
        if whole is not None and whole > 0:
            return self._whole(base, whole)
        x, y = self.values[base], self.values[exponent]
        if exponent.is_constant:
            # A fractional constant needs none of the care for negative bases: ln gives NaN.
            if exponent.value != int(exponent.value):
                return self._call("exp", [y * self._call("ln", [x])])
            return self._call("pow", [x, y])
        return self._call("pow", [x, y])

    def _whole(self, base: Expr, n: int) -> Value:
        if n == 1:
            return self.values[base]
        if (base, n) not in self.powers:
            self.powers[base, n] = self._whole(base, n // 2) * self._whole(base, n - n // 2)
        return self.powers[base, n]

    def _call(self, name: str, arguments: list[Value]) -> Value:
        return self.f.call(f"{name}_{self.lanes.tag}", arguments, self.real)

    def _plain(self, node: Expr, v: list[Value]) -> Value:
        f = self.f
        match node.op:
            case "add":
                return v[0] + v[1]
            case "sub":
                return v[0] - v[1]
            case "mul":
                return v[0] * v[1]
            case "div":
                return v[0] / v[1]
            case "neg":
                return -v[0]
            case "exp" | "ln":
                return self._call(node.op, v)
            case op if op in ex.LIBRARY:
                return self._call(op, v)
            case "sqrt" | "floor" | "ceil":
                return f.intrinsic(node.op, v[0])
            case "abs":
                return f.absolute(v[0])
            case "min" | "max":
                return self._extreme(node, v)
            case "ite":
                return f.select(v[0], v[1], v[2])
            case _:
                return self._condition(node, v)

    def _extreme(self, node: Expr, v: list[Value]) -> Value:
        """The smaller or larger, NaN when either is NaN."""
        pick = self.f.smaller if node.op == "min" else self.f.larger
        if node.args[0].is_constant:
            return pick(v[0], v[1])
        if node.args[1].is_constant:
            return pick(v[1], v[0])
        return self.f.select(v[0].is_nan(), v[0], pick(v[0], v[1]))

    def _condition(self, node: Expr, v: list[Value]) -> Value:
        mask = self.lanes.of("i1")
        match node.op:
            case "lt":
                return v[0] < v[1]
            case "le":
                return v[0] <= v[1]
            case "gt":
                return v[0] > v[1]
            case "ge":
                return v[0] >= v[1]
            case "eq":
                return v[0].equals(v[1])
            case "ne":
                return v[0].differs(v[1])
            case "and":
                return v[0] & v[1]
            case "or":
                return v[0] | v[1]
            case "not":
                return ~v[0]
            case "true" | "false":
                return self.f.constant(mask, 1 if node.op == "true" else 0)
            case _:
                raise AssertionError(f"an expression has the unknown operation {node.op}")
