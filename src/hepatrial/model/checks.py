"""Units and cards of a model are checked before it is used.

Units are read from the SBML (every parameter, state and observable declares one) and carried through
every rate, rule, initial value and event over the expression graph: quantities that are added or compared
must have the same unit, scale included; a literal number is dimensionless, except 0, which has any unit.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from hepatrial.errors import Problem, nearest_name
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.spec import ModelSpec

if TYPE_CHECKING:
    from hepatrial.model.cards import Cards

_BASES = ("second", "mole", "gram", "metre", "item", "pascal")
# SBML base unit -> (factor, base, exponent of the base)
_KINDS = {
    "second": (1.0, "second", 1),
    "mole": (1.0, "mole", 1),
    "gram": (1.0, "gram", 1),
    "kilogram": (1e3, "gram", 1),
    "metre": (1.0, "metre", 1),
    "litre": (1e-3, "metre", 3),
    "item": (1.0, "item", 1),
    "pascal": (1.0, "pascal", 1),
    "dimensionless": (1.0, "second", 0),
}


@dataclass(frozen=True)
class Unit:
    """A unit: factor to the base units and their exponents."""

    factor: float
    exponents: tuple[float, ...]

    def __mul__(self, other: Unit) -> Unit:
        exponents = tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True))
        return Unit(self.factor * other.factor, exponents)

    def __pow__(self, power: float) -> Unit:
        return Unit(self.factor**power, tuple(a * power for a in self.exponents))

    def same(self, other: Unit) -> bool:
        """Equal dimensions and equal scale."""
        return self.exponents == other.exponents and math.isclose(self.factor, other.factor, rel_tol=1e-9)

    def __str__(self) -> str:
        parts = [f"{b}^{e:g}" for b, e in zip(_BASES, self.exponents, strict=True) if e]
        return " ".join([f"{self.factor:g}", *parts])


ONE = Unit(1.0, (0.0,) * len(_BASES))
DAY = Unit(86400.0, (1.0, *(0.0,) * (len(_BASES) - 1)))


class _Mismatch(Exception):
    """Two parts of a formula do not fit; the message says which."""


def card_problems(spec: ModelSpec, cards: Cards) -> Iterator[Problem]:
    """Parameters without a card, cards without a parameter, parameters that nothing reads."""
    for name in spec.parameters:
        if name not in cards.model:
            yield Problem(f"parameter {name}", "no card", "needs one in parameters.toml")
    used = _used(spec)
    for name, card in cards.model.items():
        place = f"parameters.toml [model.{cards.process[name]}] {name}"
        if name not in spec.parameters:
            nearest = nearest_name(name, spec.parameters)
            yield Problem(
                place, "a card without a parameter", "must name a parameter of the equations", nearest
            )
        elif card.role != "reading" and name not in used:
            yield Problem(place, "no equation reads it", "must be used, or have the role 'reading'")


def _used(spec: ModelSpec) -> frozenset[str]:
    jumps = [*spec.jumps, *(hazard.jump for hazard in spec.hazards)]
    everything = [
        *spec.rates,
        *spec.observable_expressions,
        *spec.initial_state_expressions,
        *(hazard.rate for hazard in spec.hazards),
        *(expression for jump in jumps for _, expression in jump.assignments),
    ]
    return frozenset[str]().union(*(e.symbols for e in everything))


def unit_problems(spec: ModelSpec) -> Iterator[Problem]:
    """Names without a unit and formulas whose units do not fit."""
    units = _declared(spec)
    for name in (*spec.states, *spec.parameters, *spec.observables):
        if name not in units:
            yield Problem(
                f"unit of {name}", "none", "every name declares a unit ('has' in the Antimony text)"
            )
    units["time"] = DAY
    memo: dict[Expr, Unit | None] = {}
    for place, expression, wanted in _formulas(spec, units):
        try:
            found = _unit(expression, units, memo)
        except _Mismatch as mismatch:
            yield Problem(place, str(mismatch), "units must fit")
            continue
        except KeyError:
            continue  # a name without a unit: already reported
        if wanted is not None and found is not None and not found.same(wanted):
            yield Problem(place, f"unit {found}", f"must have the unit {wanted}")


def _formulas(spec: ModelSpec, units: Mapping[str, Unit]) -> Iterator[tuple[str, Expr, Unit | None]]:
    for name, e in zip(spec.observables, spec.observable_expressions, strict=True):
        yield f"rule of {name}", e, units.get(name)
    for name, e in zip(spec.states, spec.rates, strict=True):
        state = units.get(name)
        yield f"rate of {name}", e, None if state is None else state * DAY**-1
    for name, e in zip(spec.states, spec.initial_state_expressions, strict=True):
        yield f"initial value of {name}", e, units.get(name)
    for hazard in spec.hazards:
        yield f"rate of {hazard.state}", hazard.rate, DAY**-1
    for jump in (*spec.jumps, *(hazard.jump for hazard in spec.hazards)):
        for name, e in jump.assignments:
            yield f"event {jump.name}, assignment to {name}", e, units.get(name)


def _declared(spec: ModelSpec) -> dict[str, Unit]:
    import libsbml  # half a second, which nothing else here needs

    model = libsbml.readSBMLFromString(spec.sbml).getModel()
    # A unit of a kind that no model here uses (volt, kelvin) counts as none and is reported as such.
    known = {kind: _of_kind(kind) for kind in _KINDS}
    for i in range(model.getNumUnitDefinitions()):
        definition = model.getUnitDefinition(i)
        parts = [definition.getUnit(k) for k in range(definition.getNumUnits())]
        kinds = [libsbml.UnitKind_toString(part.getKind()) for part in parts]
        if all(kind in _KINDS for kind in kinds):
            units = [_base_unit(part, kind) for part, kind in zip(parts, kinds, strict=True)]
            known[definition.getId()] = reduce(operator.mul, units, ONE)
    result = {}
    for i in range(model.getNumParameters()):
        parameter = model.getParameter(i)
        if parameter.getUnits() in known:
            result[parameter.getId()] = known[parameter.getUnits()]
    return result


def _of_kind(kind: str) -> Unit:
    factor, base, exponent = _KINDS[kind]
    exponents = tuple(float(exponent) if name == base else 0.0 for name in _BASES)
    return Unit(factor, exponents)


def _base_unit(unit: Any, kind: str) -> Unit:
    scaled = Unit(unit.getMultiplier() * 10.0 ** unit.getScale(), ONE.exponents)
    exponent: float = unit.getExponentAsDouble()
    return (scaled * _of_kind(kind)) ** exponent


def _unit(root: Expr, units: Mapping[str, Unit], memo: dict[Expr, Unit | None]) -> Unit | None:
    """Unit of an expression; None for a literal 0, which has any unit.

    Raises:
        _Mismatch: parts do not fit.
        KeyError: a symbol has no unit.
    """
    for node in ex.topological([root]):
        if node not in memo:
            memo[node] = _unit_of_node(node, units, memo)
    return memo[root]


def _unit_of_node(node: Expr, units: Mapping[str, Unit], memo: Mapping[Expr, Unit | None]) -> Unit | None:
    if node.op == "const":
        return None if node.value == 0 else ONE
    if node.op == "sym":
        return units[node.name]
    args = [memo[a] for a in node.args]
    if node.op == "mul":
        return None if None in args else _product(args, (1, 1))
    if node.op == "div":
        return None if args[0] is None else _product(args, (1, -1))
    if node.op == "pow":
        return _power(node, args)
    if node.op in ("exp", "ln"):
        _agree(node, [*args, ONE])
        return ONE
    if node.op == "sqrt":
        return None if args[0] is None else args[0] ** 0.5
    if node.op in ("add", "sub", "min", "max", "neg", "abs", "floor", "ceil"):
        return _agree(node, args)
    if node.op in ex.COMPARISONS:
        _agree(node, args)
        return ONE
    if node.op in ex.LOGIC:
        return ONE
    return _agree(node, args[1:])  # a choice: (condition, then, otherwise)


def _product(args: list[Unit | None], signs: tuple[int, int]) -> Unit:
    unit = ONE
    for arg, sign in zip(args, signs, strict=True):
        unit = unit * (arg or ONE) ** sign
    return unit


def _power(node: Expr, args: list[Unit | None]) -> Unit | None:
    base, exponent = args
    if exponent is not None and not exponent.same(ONE):
        raise _Mismatch(f"exponent with unit {exponent} in {ex.text(node)}")
    if base is None or base.same(ONE):
        return base
    if node.args[1].op != "const":
        raise _Mismatch(f"power of a quantity with unit {base} that is not a number in {ex.text(node)}")
    return base ** node.args[1].value


def _agree(node: Expr, args: list[Unit | None]) -> Unit | None:
    known = [a for a in args if a is not None]
    for other in known[1:]:
        if not other.same(known[0]):
            raise _Mismatch(f"{known[0]} against {other} in {ex.text(node)}")
    return known[0] if known else None
