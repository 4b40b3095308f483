"""Expressions as an immutable graph in which equal parts are one object.

Every constructor looks the node up before making it, so two equal subexpressions are the same Python
object, ``is`` compares structure, and passes over a model cost time in the number of different nodes. Only
light simplification is done (constants folded, neutral elements dropped); what a modeller wrote stays
recognisable. Nothing is simplified that could hide a value that is no number: ``0*f``, ``f - f`` and ``0/f``
stay as they are, because f may be infinite or undefined somewhere. Only slopes are taken where they are
defined: the derivative of ``0*f`` is 0.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

ARITHMETIC = (
    "add",
    "sub",
    "mul",
    "div",
    "neg",
    "pow",
    "exp",
    "ln",
    "sqrt",
    "abs",
    "min",
    "max",
    "floor",
    "ceil",
)
LIBRARY = (
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "acosh",
    "atanh",
    "factorial",
)
"""Functions that the plain implementations take from the platform's library; the compiled one has its own."""
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")
LOGIC = ("and", "or", "not", "true", "false")


class Expr:
    """One node: ``op``, ``args``, and for leaves ``value`` (op 'const') or ``name`` (op 'sym').

    Nodes are compared by identity; make them only through the functions of this module.
    ``symbols`` is the set of names the expression depends on.
    """

    __slots__ = ("__weakref__", "args", "name", "op", "symbols", "value")
    op: str
    args: tuple[Expr, ...]
    value: float
    name: str
    symbols: frozenset[str]

    def __reduce__(self) -> tuple[Callable[..., Expr], tuple[Any, ...]]:
        return _rebuild, (self.op, self.args, self.value, self.name)

    def __add__(self, other: Number) -> Expr:
        return add(self, other)

    def __radd__(self, other: Number) -> Expr:
        return add(other, self)

    def __sub__(self, other: Number) -> Expr:
        return sub(self, other)

    def __rsub__(self, other: Number) -> Expr:
        return sub(other, self)

    def __mul__(self, other: Number) -> Expr:
        return mul(self, other)

    def __rmul__(self, other: Number) -> Expr:
        return mul(other, self)

    def __truediv__(self, other: Number) -> Expr:
        return div(self, other)

    def __rtruediv__(self, other: Number) -> Expr:
        return div(other, self)

    def __pow__(self, other: Number) -> Expr:
        return power(self, other)

    def __neg__(self) -> Expr:
        return neg(self)

    def __repr__(self) -> str:
        return f"Expr({text(self)})"

    @property
    def is_constant(self) -> bool:
        """Whether this is a number."""
        return self.op == "const"


Number = Expr | float | int

_nodes: weakref.WeakValueDictionary[tuple[object, ...], Expr] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _node(op: str, args: tuple[Expr, ...] = (), value: float = 0.0, name: str = "") -> Expr:
    # The text of a float tells -0.0 from 0.0 and makes NaN equal to itself.
    key = (op, tuple(id(a) for a in args), repr(value), name)
    with _lock:
        found = _nodes.get(key)
        if found is None:
            found = Expr()
            found.op, found.args, found.value, found.name = op, args, value, name
            if op == "sym":
                found.symbols = frozenset((name,))
            elif len(args) == 1:
                found.symbols = args[0].symbols
            else:
                found.symbols = frozenset().union(*(a.symbols for a in args))
            _nodes[key] = found
    return found


def _rebuild(op: str, args: tuple[Expr, ...], value: float, name: str) -> Expr:
    return _node(op, args, value, name)


def const(value: float) -> Expr:
    """A number."""
    return _node("const", value=float(value))


def sym(name: str) -> Expr:
    """A name."""
    return _node("sym", name=name)


def as_expr(x: Number) -> Expr:
    """``x`` itself, or the constant of that value."""
    return x if isinstance(x, Expr) else const(x)


ZERO, ONE = const(0.0), const(1.0)
TRUE, FALSE = _node("true"), _node("false")


def add(a: Number, b: Number) -> Expr:
    """a + b."""
    a, b = as_expr(a), as_expr(b)
    if a.is_constant and b.is_constant:
        return const(a.value + b.value)
    if a is ZERO:
        return b
    if b is ZERO:
        return a
    if b.op == "neg":
        return sub(a, b.args[0])
    return _node("add", (a, b))


def sub(a: Number, b: Number) -> Expr:
    """a - b."""
    a, b = as_expr(a), as_expr(b)
    if a.is_constant and b.is_constant:
        return const(a.value - b.value)
    if b is ZERO:
        return a
    if a is ZERO:
        return neg(b)
    if b.op == "neg":
        return add(a, b.args[0])
    return _node("sub", (a, b))


def neg(a: Number) -> Expr:
    """-a."""
    a = as_expr(a)
    if a.is_constant:
        return const(-a.value)
    if a.op == "neg":
        return a.args[0]
    return _node("neg", (a,))


def mul(a: Number, b: Number) -> Expr:
    """a b."""
    a, b = as_expr(a), as_expr(b)
    if a.is_constant and b.is_constant:
        return const(a.value * b.value)
    if a is ONE:
        return b
    if b is ONE:
        return a
    if a.op == "neg":
        return neg(mul(a.args[0], b))
    if b.op == "neg":
        return neg(mul(a, b.args[0]))
    return _node("mul", (a, b))


def div(a: Number, b: Number) -> Expr:
    """a / b."""
    a, b = as_expr(a), as_expr(b)
    if a.is_constant and b.is_constant and b.value != 0:
        return const(a.value / b.value)
    if b is ONE:
        return a
    if a.op == "neg":
        return neg(div(a.args[0], b))
    return _node("div", (a, b))


def power(a: Number, b: Number) -> Expr:
    """a to the b."""
    a, b = as_expr(a), as_expr(b)
    if b is ZERO:
        return ONE
    if b is ONE:
        return a
    if a.is_constant and b.is_constant:
        return const(safe_pow(a.value, b.value))
    return _node("pow", (a, b))


def _function(op: str, f: Callable[[float], float]) -> Callable[[Number], Expr]:
    def make(a: Number) -> Expr:
        a = as_expr(a)
        return const(f(a.value)) if a.is_constant else _node(op, (a,))

    make.__doc__ = f"{op}(a)."
    return make


def safe_exp(x: float) -> float:
    """exp by IEEE rules: infinity instead of an exception."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def safe_ln(x: float) -> float:
    """Natural logarithm by IEEE rules: -infinity at 0, NaN below."""
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def safe_pow(x: float, y: float) -> float:
    """Power by IEEE rules: NaN for a negative base with a fractional exponent."""
    try:
        value = x**y
    except ZeroDivisionError:
        odd = math.isfinite(y) and y % 2 == 1
        return math.copysign(math.inf, x) if odd else math.inf
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    return math.nan if isinstance(value, complex) else float(value)


def safe_sqrt(x: float) -> float:
    """Square root by IEEE rules: NaN below 0."""
    return math.sqrt(x) if x >= 0 else math.nan


def safe_div(x: float, y: float) -> float:
    """Quotient by IEEE rules: infinity or NaN instead of an exception."""
    if y != 0:
        return x / y
    if x == 0 or math.isnan(x) or math.isnan(y):
        return math.nan
    return math.copysign(math.inf, x) * math.copysign(1.0, y)


def safe_min(x: float, y: float) -> float:
    """The smaller; NaN when either is NaN."""
    return math.nan if math.isnan(x) or math.isnan(y) else min(x, y)


def safe_max(x: float, y: float) -> float:
    """The larger; NaN when either is NaN."""
    return math.nan if math.isnan(x) or math.isnan(y) else max(x, y)


def safe_floor(x: float) -> float:
    """Largest whole number not above x; NaN and infinities stay."""
    return float(math.floor(x)) if math.isfinite(x) else x


def safe_ceil(x: float) -> float:
    """Smallest whole number not below x; NaN and infinities stay."""
    return float(math.ceil(x)) if math.isfinite(x) else x


def safe_library(f: Callable[[float], float]) -> Callable[[float], float]:
    """``f`` by IEEE rules: NaN outside its domain, infinity where it overflows (signed for odd functions)."""

    def safe(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return math.copysign(math.inf, x) if f is math.sinh else math.inf
        except ValueError:
            # The poles of atanh are infinities; everything else outside the domain is no number.
            return math.copysign(math.inf, x) if f is math.atanh and abs(x) == 1 else math.nan

    safe.__name__ = f"safe_{f.__name__}"
    return safe


def safe_factorial(x: float) -> float:
    """x! of whole numbers from 0; NaN elsewhere."""
    if not (math.isfinite(x) and x >= 0 and x == math.floor(x)):
        return math.nan
    return float(math.factorial(int(x))) if x <= 170 else math.inf


_LIBRARY: dict[str, Callable[[float], float]] = {
    name: safe_factorial if name == "factorial" else safe_library(getattr(math, name)) for name in LIBRARY
}


def library(op: str, a: Number) -> Expr:
    """A function of ``LIBRARY``."""
    a = as_expr(a)
    return const(_LIBRARY[op](a.value)) if a.is_constant else _node(op, (a,))


exp = _function("exp", safe_exp)
ln = _function("ln", safe_ln)
sqrt = _function("sqrt", safe_sqrt)
absolute = _function("abs", abs)
floor = _function("floor", safe_floor)
ceil = _function("ceil", safe_ceil)


def minimum(*terms: Number) -> Expr:
    """The smallest of the terms."""
    return _extreme("min", safe_min, terms)


def maximum(*terms: Number) -> Expr:
    """The largest of the terms."""
    return _extreme("max", safe_max, terms)


def _extreme(op: str, f: Callable[[float, float], float], terms: Sequence[Number]) -> Expr:
    result = as_expr(terms[0])
    for term in map(as_expr, terms[1:]):
        if result.is_constant and term.is_constant:
            result = const(f(result.value, term.value))
        elif result is not term:
            result = _node(op, (result, term))
    return result


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
}


def compare(op: str, a: Number, b: Number) -> Expr:
    """A condition; ``op`` is one of ``COMPARISONS``."""
    a, b = as_expr(a), as_expr(b)
    if a.is_constant and b.is_constant:
        return TRUE if _COMPARE[op](a.value, b.value) else FALSE
    return _node(op, (a, b))


def both(a: Expr, b: Expr) -> Expr:
    """a and b."""
    if a is FALSE or b is FALSE:
        return FALSE
    if a is TRUE:
        return b
    return a if b is TRUE or a is b else _node("and", (a, b))


def either(a: Expr, b: Expr) -> Expr:
    """a or b."""
    if a is TRUE or b is TRUE:
        return TRUE
    if a is FALSE:
        return b
    return a if b is FALSE or a is b else _node("or", (a, b))


def negate(a: Expr) -> Expr:
    """not a."""
    if a in (TRUE, FALSE):
        return FALSE if a is TRUE else TRUE
    return a.args[0] if a.op == "not" else _node("not", (a,))


def choose(condition: Expr, then: Number, otherwise: Number) -> Expr:
    """``then`` where the condition holds, else ``otherwise``."""
    then, otherwise = as_expr(then), as_expr(otherwise)
    if condition in (TRUE, FALSE):
        return then if condition is TRUE else otherwise
    return then if then is otherwise else _node("ite", (condition, then, otherwise))


def is_condition(e: Expr) -> bool:
    """Whether the value is true or false rather than a number."""
    return e.op in COMPARISONS or e.op in LOGIC


def topological(outputs: Iterable[Expr]) -> list[Expr]:
    """Every node the outputs need, arguments before users, in a fixed order."""
    order: list[Expr] = []
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(e, False) for e in reversed(list(outputs))]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args) if a not in seen)
    return order


_BUILD: dict[str, Callable[..., Expr]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "neg": neg,
    "pow": power,
    "exp": exp,
    "ln": ln,
    "sqrt": sqrt,
    "abs": absolute,
    "min": minimum,
    "max": maximum,
    "floor": floor,
    "ceil": ceil,
    "and": both,
    "or": either,
    "not": negate,
    "ite": choose,
}


def rebuild(node: Expr, args: Sequence[Expr]) -> Expr:
    """The same operation on other arguments, simplified."""
    if not node.args or all(a is b for a, b in zip(node.args, args, strict=True)):
        return node
    if node.op in COMPARISONS:
        return compare(node.op, *args)
    if node.op in LIBRARY:
        return library(node.op, *args)
    return _BUILD[node.op](*args)


def substitute(
    outputs: Sequence[Expr], values: Mapping[str, Expr], memo: dict[Expr, Expr] | None = None
) -> list[Expr]:
    """The outputs with names replaced by expressions.

    Args:
        outputs: expressions.
        values: replacement by name; replacements are taken as they are (not substituted again).
        memo: results of earlier calls with the same ``values``, extended in place.
    """
    memo = {} if memo is None else memo
    for node in topological(outputs):
        if node in memo:
            continue
        if node.op == "sym":
            memo[node] = values.get(node.name, node)
        else:
            memo[node] = rebuild(node, [memo[a] for a in node.args])
    return [memo[e] for e in outputs]


def derivative(e: Expr, name: str, memo: dict[tuple[Expr, str], Expr] | None = None) -> Expr:
    """Exact partial derivative of ``e`` by the name, all other names held, where it is defined.

    At the kinks of abs, min, max and piecewise one side's slope is taken; the steps of floor and ceil have
    slope 0.

    Args:
        e: expression.
        name: variable.
        memo: shared between calls, extended in place.
    """
    memo = {} if memo is None else memo
    for node in topological([e]):
        if (node, name) in memo or is_condition(node):
            continue
        if name not in node.symbols:
            memo[node, name] = ZERO
        elif node.op == "sym":
            memo[node, name] = ONE
        else:
            d = [memo.get((a, name), ZERO) for a in node.args]
            memo[node, name] = _chain(node, d)
    return memo[e, name]


def _chain(node: Expr, d: Sequence[Expr]) -> Expr:
    """Derivative of a node from the derivatives ``d`` of its arguments."""
    a = node.args
    match node.op:
        case "add":
            return add(d[0], d[1])
        case "sub":
            return ZERO if d[0] is d[1] else sub(d[0], d[1])
        case "neg":
            return neg(d[0])
        case "mul":
            return add(product_of_slopes(d[0], a[1]), product_of_slopes(a[0], d[1]))
        case "div":
            first = ZERO if d[0] is ZERO else div(d[0], a[1])
            # (a/b)/b re-uses the quotient that the rate itself needs.
            second = ZERO if a[0] is ZERO or d[1] is ZERO else mul(div(node, a[1]), d[1])
            return sub(first, second)
        case "pow":
            by_base = ZERO if d[0] is ZERO else mul(mul(a[1], power(a[0], sub(a[1], ONE))), d[0])
            by_exponent = ZERO if d[1] is ZERO else mul(mul(node, ln(a[0])), d[1])
            return add(by_base, by_exponent)
        case "exp":
            return product_of_slopes(node, d[0])
        case "ln":
            return ZERO if d[0] is ZERO else div(d[0], a[0])
        case "sqrt":
            return ZERO if d[0] is ZERO else div(mul(0.5, d[0]), node)
        case "abs":
            return choose(compare("lt", a[0], ZERO), neg(d[0]), d[0])
        case "min":
            return choose(compare("lt", a[0], a[1]), d[0], d[1])
        case "max":
            return choose(compare("gt", a[0], a[1]), d[0], d[1])
        case "ite":
            return choose(a[0], d[1], d[2])
        case "floor" | "ceil":
            return ZERO
        case _:
            return product_of_slopes(_slope(node.op, a[0], node), d[0])


def product_of_slopes(a: Expr, b: Expr) -> Expr:
    """a b, and 0 where one of them is 0 everywhere: a variable without influence stays without."""
    return ZERO if a is ZERO or b is ZERO else mul(a, b)


def _slope(op: str, x: Expr, value: Expr) -> Expr:
    """Derivative of a library function at x, where it has ``value``."""
    match op:
        case "sin":
            return library("cos", x)
        case "cos":
            return neg(library("sin", x))
        case "tan":
            return ONE + value * value
        case "asin":
            return div(ONE, sqrt(ONE - x * x))
        case "acos":
            return div(const(-1.0), sqrt(ONE - x * x))
        case "atan":
            return div(ONE, ONE + x * x)
        case "sinh":
            return library("cosh", x)
        case "cosh":
            return library("sinh", x)
        case "asinh":
            return div(ONE, sqrt(x * x + 1))
        case "acosh":
            return div(ONE, sqrt(x * x - 1))
        case "atanh":
            return div(ONE, ONE - x * x)
        case _:  # the factorial of whole numbers has steps, no slope
            return ZERO


_NUMPY: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "pow": np.power,
    "exp": np.exp,
    "ln": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
    "floor": np.floor,
    "ceil": np.ceil,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "ite": np.where,
    "true": lambda: np.True_,
    "false": lambda: np.False_,
    **_COMPARE,
    **{name: np.vectorize(_LIBRARY[name], otypes=[np.float64]) for name in LIBRARY},
}


def evaluate(outputs: Sequence[Expr], values: Mapping[str, ArrayLike]) -> list[NDArray[np.float64]]:
    """Values of the outputs by numpy, with broadcasting.

    Args:
        outputs: expressions.
        values: number or array for each name the outputs depend on.

    Raises:
        KeyError: a name has no value.
    """
    memo: dict[Expr, Any] = {}
    with np.errstate(all="ignore"):
        for node in topological(outputs):
            if node.op == "const":
                memo[node] = np.float64(node.value)
            elif node.op == "sym":
                memo[node] = np.asarray(values[node.name], dtype=np.float64)
            else:
                memo[node] = _NUMPY[node.op](*(memo[a] for a in node.args))
    return [np.asarray(memo[e], dtype=np.float64) for e in outputs]


_PYTHON = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "neg": "-{0}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "and": "{0} and {1}",
    "or": "{0} or {1}",
    "not": "not {0}",
    "ite": "{1} if {0} else {2}",
    "true": "True",
    "false": "False",
    "abs": "abs({0})",
    **{op: f"safe_{op}({{0}})" for op in ("exp", "ln", "sqrt", "floor", "ceil", *LIBRARY)},
    **{op: f"safe_{op}({{0}}, {{1}})" for op in ("div", "pow", "min", "max")},
}


def python_source(outputs: Sequence[Expr], vectors: Mapping[str, Sequence[str]], name: str = "f") -> str:
    """Text of a Python function of scalar floats that returns the list of outputs.

    Args:
        outputs: expressions.
        vectors: argument name -> names held by that argument, by position.
        name: function name.
    """
    place = {n: f"{vector}[{i}]" for vector, names in vectors.items() for i, n in enumerate(names)}
    held: dict[Expr, str] = {}
    lines = [f"def {name}({', '.join(vectors)}):"]
    for node in topological(outputs):
        if node.op == "const":
            held[node] = f"({node.value!r})" if math.isfinite(node.value) else f"float('{node.value!r}')"
            continue
        held[node] = f"v{len(held)}"
        made = (
            place[node.name] if node.op == "sym" else _PYTHON[node.op].format(*(held[a] for a in node.args))
        )
        lines.append(f"    {held[node]} = {made}")
    lines.append(f"    return [{', '.join(held[e] for e in outputs)}]")
    return "\n".join(lines) + "\n"


def python_function(
    outputs: Sequence[Expr], vectors: Mapping[str, Sequence[str]]
) -> Callable[..., list[float]]:
    """The function of :func:`python_source`, ready to call with sequences of floats."""
    scope: dict[str, Any] = {
        f.__name__: f
        for f in (
            safe_exp,
            safe_ln,
            safe_sqrt,
            safe_floor,
            safe_ceil,
            safe_div,
            safe_pow,
            safe_min,
            safe_max,
            *_LIBRARY.values(),
        )
    }
    exec(python_source(outputs, vectors), scope)
    function: Callable[..., list[float]] = scope["f"]
    return function


_STRENGTH = {
    "or": 1,
    "and": 2,
    "not": 3,
    **dict.fromkeys(COMPARISONS, 4),
    "add": 5,
    "sub": 5,
    "mul": 6,
    "div": 6,
}
_STRENGTH |= {"neg": 7, "pow": 8}
_SIGN = {"add": " + ", "sub": " - ", "mul": "*", "div": "/", "pow": "^", "and": " && ", "or": " || "}
_SIGN |= {"lt": " < ", "le": " <= ", "gt": " > ", "ge": " >= ", "eq": " == ", "ne": " != "}


def text(e: Expr) -> str:
    """The expression as Antimony text."""
    memo: dict[Expr, str] = {}
    for node in topological([e]):
        memo[node] = _text(node, memo)
    return memo[e]


def _text(node: Expr, memo: Mapping[Expr, str]) -> str:
    if node.op == "const":
        return _number_text(node.value)
    if node.op == "sym":
        return node.name
    if node.op == "ite":
        condition, then, otherwise = (memo[a] for a in node.args)
        return f"piecewise({then}, {condition}, {otherwise})"
    if node.op not in _STRENGTH:
        return f"{node.op}({', '.join(memo[a] for a in node.args)})" if node.args else node.op
    mine = _STRENGTH[node.op]
    parts = []
    for i, a in enumerate(node.args):
        theirs = _STRENGTH.get(a.op, 9 if a.op != "const" or a.value >= 0 else 7)
        # The second argument of - and / and the first of ^ need brackets at equal strength.
        tight = theirs < mine or (theirs == mine and (i == 1 if node.op != "pow" else i == 0))
        parts.append(f"({memo[a]})" if tight else memo[a])
    if node.op == "neg":
        return f"-{parts[0]}"
    if node.op == "not":
        return f"!({memo[node.args[0]]})"
    return _SIGN[node.op].join(parts)


def _number_text(value: float) -> str:
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value)
