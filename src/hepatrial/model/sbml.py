"""Flattened SBML to a model specification, under the conventions of docs/architecture.md, section 1."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import libsbml
import numpy as np

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model import expr as ex
from hepatrial.model.distrib import is_draw, is_next_threshold, is_unit_draw, uncertainty_problems
from hepatrial.model.expr import Expr
from hepatrial.model.literals import sbml_number_problems
from hepatrial.model.spec import TIME, Hazard, Jump, ModelSpec


def spec_from_sbml(sbml: str) -> ModelSpec:
    """The model specification of an SBML text.

    Args:
        sbml: SBML Level 3 core, flattened.

    Raises:
        BadInput: with every construct that the conventions do not allow (element id and what to do),
            undefined names and missing values.
    """
    document = _read(sbml)
    reader = _Reader(document.getModel())
    reader.read()
    if reader.problems:
        raise BadInput(reader.problems)
    return _assemble(reader, sbml)


def check_sbml(sbml: str) -> list[str]:
    """What libSBML's consistency check (units excepted) has to say about the text; empty when it is clean."""
    document = libsbml.readSBMLFromString(sbml)
    _check(document)
    return [_said(document.getError(i)) for i in range(document.getNumErrors())]


def _check(document: Any) -> None:
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, False)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_MODELING_PRACTICE, False)
    document.checkConsistency()


def _said(error: Any) -> str:
    return " ".join(error.getMessage().split())


_HARMLESS = (libsbml.MissingXMLEncoding,)
"""Errors that leave no doubt of what is meant: XML without a named encoding is UTF-8."""


def _read(sbml: str) -> Any:
    document = libsbml.readSBMLFromString(sbml)
    # Before the check: libSBML 5.21 crashes when it checks some documents with packages.
    problems = [
        *sbml_number_problems(sbml),
        *_package_problems(document),
        *uncertainty_problems(document),
    ]
    if problems:
        raise BadInput(problems)
    _check(document)
    for i in range(document.getNumErrors()):
        error = document.getError(i)
        if error.getSeverity() >= libsbml.LIBSBML_SEV_ERROR and error.getErrorId() not in _HARMLESS:
            place = f"SBML line {error.getLine()}"
            problems.append(Problem(place, _said(error), "must be consistent SBML"))
    if not problems and document.getModel() is None:
        problems.append(Problem("SBML", "no model", "must hold one model"))
    if problems:
        raise BadInput(problems)
    expand = libsbml.ConversionProperties()
    expand.addOption("expandFunctionDefinitions", True)
    document.convert(expand)
    return document


def _package_problems(document: Any) -> list[Problem]:
    """Packages of Level 3 without which the model would mean something else."""
    names = []
    for i in range(document.getNumPlugins()):
        package = document.getPlugin(i).getPackageName()
        # The mathematics of L3V2 is shown as a plug-in although it is part of the core. On Level 2 files
        # layout and render are annotations, which libSBML calls required all the same.
        if (
            # Draws are refused one by one where they are no thresholds, because some of them are.
            package not in ("l3v2extendedmath", "distrib")
            and document.getLevel() >= 3
            and document.getPackageRequired(package)
        ):
            names.append(package)
    errors = [document.getError(i).getErrorId() for i in range(document.getNumErrors())]
    if libsbml.RequiredPackagePresent in errors:
        names += [document.getUnknownPackageURI(i) for i in range(document.getNumUnknownPackages())]
    wanted = "only SBML core is understood; flatten or remove the package"
    return [Problem(f"package {name}", "required", wanted) for name in names]


_COMPARISONS = {
    libsbml.AST_RELATIONAL_LT: "lt",
    libsbml.AST_RELATIONAL_LEQ: "le",
    libsbml.AST_RELATIONAL_GT: "gt",
    libsbml.AST_RELATIONAL_GEQ: "ge",
    libsbml.AST_RELATIONAL_EQ: "eq",
    libsbml.AST_RELATIONAL_NEQ: "ne",
}
_FUNCTIONS: dict[int, Callable[[Expr], Expr]] = {
    libsbml.AST_FUNCTION_EXP: ex.exp,
    libsbml.AST_FUNCTION_LN: ex.ln,
    libsbml.AST_FUNCTION_ABS: ex.absolute,
    libsbml.AST_FUNCTION_FLOOR: ex.floor,
    libsbml.AST_FUNCTION_CEILING: ex.ceil,
    libsbml.AST_FUNCTION_TANH: lambda x: 1 - 2 / (ex.exp(2 * x) + 1),
    libsbml.AST_FUNCTION_SIN: lambda x: ex.library("sin", x),
    libsbml.AST_FUNCTION_COS: lambda x: ex.library("cos", x),
    libsbml.AST_FUNCTION_TAN: lambda x: ex.library("tan", x),
    libsbml.AST_FUNCTION_SEC: lambda x: 1 / ex.library("cos", x),
    libsbml.AST_FUNCTION_CSC: lambda x: 1 / ex.library("sin", x),
    libsbml.AST_FUNCTION_COT: lambda x: 1 / ex.library("tan", x),
    libsbml.AST_FUNCTION_ARCSIN: lambda x: ex.library("asin", x),
    libsbml.AST_FUNCTION_ARCCOS: lambda x: ex.library("acos", x),
    libsbml.AST_FUNCTION_ARCTAN: lambda x: ex.library("atan", x),
    libsbml.AST_FUNCTION_ARCSEC: lambda x: ex.library("acos", 1 / x),
    libsbml.AST_FUNCTION_ARCCSC: lambda x: ex.library("asin", 1 / x),
    libsbml.AST_FUNCTION_ARCCOT: lambda x: ex.library("atan", 1 / x),
    libsbml.AST_FUNCTION_SINH: lambda x: ex.library("sinh", x),
    libsbml.AST_FUNCTION_COSH: lambda x: ex.library("cosh", x),
    libsbml.AST_FUNCTION_SECH: lambda x: 1 / ex.library("cosh", x),
    libsbml.AST_FUNCTION_CSCH: lambda x: 1 / ex.library("sinh", x),
    libsbml.AST_FUNCTION_COTH: lambda x: ex.library("cosh", x) / ex.library("sinh", x),
    libsbml.AST_FUNCTION_ARCSINH: lambda x: ex.library("asinh", x),
    libsbml.AST_FUNCTION_ARCCOSH: lambda x: ex.library("acosh", x),
    libsbml.AST_FUNCTION_ARCTANH: lambda x: ex.library("atanh", x),
    libsbml.AST_FUNCTION_ARCSECH: lambda x: ex.library("acosh", 1 / x),
    libsbml.AST_FUNCTION_ARCCSCH: lambda x: ex.library("asinh", 1 / x),
    libsbml.AST_FUNCTION_ARCCOTH: lambda x: ex.library("atanh", 1 / x),
    libsbml.AST_FUNCTION_FACTORIAL: lambda x: ex.library("factorial", x),
}
_CONSTANTS = {
    libsbml.AST_CONSTANT_PI: ex.const(math.pi),
    libsbml.AST_CONSTANT_E: ex.const(math.e),
    libsbml.AST_NAME_AVOGADRO: ex.const(6.02214179e23),  # the value that SBML fixes
    libsbml.AST_NAME_TIME: ex.sym(TIME),
    libsbml.AST_CONSTANT_TRUE: ex.TRUE,
    libsbml.AST_CONSTANT_FALSE: ex.FALSE,
}


class _Unsupported(Exception):
    """A construct of MathML that the engine does not have."""

    instead = ""


class _Draw(_Unsupported):
    """A draw of the package distrib that is no threshold."""

    instead = (
        "draws are read only as thresholds of hazard events, theta_<cause> = exponential(1); "
        "make it a parameter and give each patient a value"
    )


def rate_name(name: str) -> str:
    """The symbol that stands for the time derivative of a variable."""
    return f"rateOf({name})"


def _number(e: Expr) -> Expr:
    return ex.choose(e, 1, 0) if ex.is_condition(e) else e


def _truth(e: Expr) -> Expr:
    return e if ex.is_condition(e) else ex.compare("ne", e, 0)


def _fold(f: Callable[[Expr, Expr], Expr], terms: list[Expr], empty: Expr) -> Expr:
    result = terms[0] if terms else empty
    for term in terms[1:]:
        result = f(result, term)
    return result


def expression_of(node: Any, names: Mapping[str, str] | None = None) -> Expr:
    """The expression of a libSBML syntax tree.

    Args:
        node: root of the tree.
        names: what an id is called in expressions, where not by itself.

    Raises:
        _Unsupported: with the name of the construct.
    """
    kind = node.getType()
    if node.isNumber():
        return ex.const(node.getValue())
    if kind == libsbml.AST_NAME:
        return ex.sym(names.get(node.getName(), node.getName()) if names else node.getName())
    if kind in _CONSTANTS:
        return _CONSTANTS[kind]
    if kind == libsbml.AST_FUNCTION_RATE_OF and node.getChild(0).getType() == libsbml.AST_NAME:
        name = node.getChild(0).getName()
        return ex.sym(rate_name(names.get(name, name) if names else name))
    if is_draw(node):
        raise _Draw(f"distrib {node.getName()}()")
    args = [expression_of(node.getChild(i), names) for i in range(node.getNumChildren())]
    result = _logic(kind, args)
    if result is None:
        result = _arithmetic(kind, [_number(a) for a in args], args)
    if result is None:
        if kind == libsbml.AST_FUNCTION_DELAY:  # its name is whatever the file calls it
            raise _Unsupported("delay()")
        raise _Unsupported(node.getName() or libsbml.formulaToL3String(node) or "an empty formula")
    return result


def _logic(kind: int, args: list[Expr]) -> Expr | None:
    if kind in _COMPARISONS:
        pairs = itertools.pairwise(_number(a) for a in args)
        parts = [ex.compare(_COMPARISONS[kind], a, b) for a, b in pairs]
        return _fold(ex.both, parts, ex.TRUE)
    truths = [_truth(a) for a in args]
    if kind == libsbml.AST_LOGICAL_AND:
        return _fold(ex.both, truths, ex.TRUE)
    if kind == libsbml.AST_LOGICAL_OR:
        return _fold(ex.either, truths, ex.FALSE)
    if kind == libsbml.AST_LOGICAL_NOT:
        return ex.negate(truths[0])
    if kind == libsbml.AST_LOGICAL_XOR:
        return _fold(
            lambda a, b: ex.either(ex.both(a, ex.negate(b)), ex.both(ex.negate(a), b)), truths, ex.FALSE
        )
    if kind == libsbml.AST_LOGICAL_IMPLIES:
        return ex.either(ex.negate(truths[0]), truths[1])
    return None


def _arithmetic(kind: int, args: list[Expr], raw: list[Expr]) -> Expr | None:
    if kind == libsbml.AST_PLUS:
        return _fold(ex.add, args, ex.ZERO)
    if kind == libsbml.AST_TIMES:
        return _fold(ex.mul, args, ex.ONE)
    if kind == libsbml.AST_MINUS:
        return ex.neg(args[0]) if len(args) == 1 else ex.sub(*args)
    if kind == libsbml.AST_DIVIDE:
        return ex.div(*args)
    if kind in (libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER):
        return ex.power(*args)
    if kind in _FUNCTIONS:
        return _FUNCTIONS[kind](args[0])
    if kind == libsbml.AST_FUNCTION_ROOT:
        degree, base = args if len(args) == 2 else (ex.const(2), args[0])
        return ex.sqrt(base) if degree is ex.const(2) else ex.power(base, ex.div(1, degree))
    if kind == libsbml.AST_FUNCTION_LOG:
        base, argument = args if len(args) == 2 else (ex.const(10), args[0])
        return ex.div(ex.ln(argument), ex.ln(base))
    if kind == libsbml.AST_FUNCTION_MAX:
        return ex.maximum(*args)
    if kind == libsbml.AST_FUNCTION_MIN:
        return ex.minimum(*args)
    if kind == libsbml.AST_FUNCTION_PIECEWISE:
        return _piecewise(args, raw)
    if kind in (libsbml.AST_FUNCTION_QUOTIENT, libsbml.AST_FUNCTION_REM):
        ratio = ex.div(*args)
        whole = ex.choose(ex.compare("lt", ratio, 0), ex.ceil(ratio), ex.floor(ratio))  # towards zero
        return whole if kind == libsbml.AST_FUNCTION_QUOTIENT else args[0] - args[1] * whole
    return None


def _piecewise(args: list[Expr], raw: list[Expr]) -> Expr:
    # Without an otherwise the value is undefined where no condition holds: NaN, which the engine reports.
    result = args[-1] if len(args) % 2 else ex.const(math.nan)
    for i in range(len(args) - len(args) % 2 - 2, -1, -2):
        result = ex.choose(_truth(raw[i + 1]), args[i], result)
    return result


@dataclass
class _Event:
    place: str
    targets: dict[str, Expr]


@dataclass
class _Reader:
    """What the SBML model holds, by kind, with the problems found on the way."""

    model: Any
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, float | None] = field(default_factory=dict)
    rates: dict[str, Expr] = field(default_factory=dict)
    rules: dict[str, Expr] = field(default_factory=dict)
    starts: dict[str, Expr] = field(default_factory=dict)
    hazard_events: dict[str, _Event] = field(default_factory=dict)
    action_events: dict[str, _Event] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        self._refuse()
        self._read_values()
        self._read_rules()
        self._read_events()
        self._check_names()

    def complain(self, place: str, given: str, allowed: str, nearest: str | None = None) -> None:
        self.problems.append(Problem(place, given, allowed, nearest))

    def math(self, place: str, element: Any) -> Expr:
        node = element.getMath()
        if node is None:
            self.complain(place, "no formula", "needs a formula")
            return ex.ZERO
        try:
            return _number(expression_of(node))
        except _Unsupported as unsupported:
            self.complain(
                place,
                str(unsupported),
                unsupported.instead
                or "the engine has + - * / ^ exp ln log sqrt abs min max floor ceil factorial piecewise, "
                "trigonometric and hyperbolic functions and their inverses, comparisons and logic; write it "
                "with these",
            )
            return ex.ZERO

    def _refuse(self) -> None:
        m = self.model
        for i in range(m.getNumReactions()):
            self.complain(f"reaction {m.getReaction(i).getId()}", "a reaction", "write it as a rate rule")
        for i in range(m.getNumSpecies()):
            what = "declare it as a variable with a rate rule"
            self.complain(f"species {m.getSpecies(i).getId()}", "a species", what)
        for i in range(m.getNumConstraints()):
            self.complain(f"constraint {i + 1}", "a constraint", "remove it")
        for i in range(m.getNumRules()):
            if m.getRule(i).isAlgebraic():
                self.complain(f"algebraic rule {i + 1}", "an algebraic rule", "solve it for one variable")

    def _read_values(self) -> None:
        m = self.model
        names = {
            m.getUnitDefinition(i).getId(): m.getUnitDefinition(i) for i in range(m.getNumUnitDefinitions())
        }
        elements = [m.getParameter(i) for i in range(m.getNumParameters())]
        for p in elements:
            self.values[p.getId()] = p.getValue() if p.isSetValue() else None
        for i in range(m.getNumCompartments()):
            compartment = m.getCompartment(i)
            self.values[compartment.getId()] = compartment.getSize() if compartment.isSetSize() else None
            elements.append(compartment)
        for element in elements:
            if element.isSetUnits():
                definition = names.get(element.getUnits())
                named = definition.getName() if definition is not None else ""
                self.units[element.getId()] = named or element.getUnits()

    def _read_rules(self) -> None:
        m = self.model
        for i in range(m.getNumRules()):
            rule = m.getRule(i)
            if rule.isRate():
                self.rates[rule.getVariable()] = self.math(f"rate of {rule.getVariable()}", rule)
            elif rule.isAssignment():
                self.rules[rule.getVariable()] = self.math(f"rule of {rule.getVariable()}", rule)
        for i in range(m.getNumInitialAssignments()):
            start = m.getInitialAssignment(i)
            if start.getSymbol().startswith("theta_") and is_unit_draw(start.getMath()):
                continue  # that is what a threshold is; the engine is given it
            self.starts[start.getSymbol()] = self.math(f"initial value of {start.getSymbol()}", start)

    def _read_events(self) -> None:
        for i in range(self.model.getNumEvents()):
            event = self.model.getEvent(i)
            place = f"event {event.getId() or i + 1}"
            for is_set, what in ((event.isSetDelay(), "delay"), (event.isSetPriority(), "priority")):
                if is_set:
                    self.complain(place, f"a {what}", f"remove the {what}")
            kind, name = self._trigger(place, event)
            if kind is None:
                continue
            targets = {}
            for k in range(event.getNumEventAssignments()):
                assignment = event.getEventAssignment(k)
                variable = assignment.getVariable()
                if (
                    kind == "H"
                    and variable == f"theta_{name}"
                    and is_next_threshold(assignment.getMath(), name)
                ):
                    targets[variable] = ex.sym(variable) + ex.sym(f"step_{name}")
                else:
                    targets[variable] = self.math(f"{place}, assignment to {variable}", assignment)
            events = self.hazard_events if kind == "H" else self.action_events
            if name in events:
                self.complain(place, f"a second event for {name}", "join the events into one")
            events[name] = _Event(place, targets)

    def _trigger(self, place: str, event: Any) -> tuple[str | None, str]:
        trigger = event.getTrigger()
        e = self.math(place, trigger) if trigger is not None else ex.ZERO
        condition = e.args[0] if e.op == "ite" else e
        if condition.op in ("ge", "gt") and condition.args[0].op == "sym":
            left, right = condition.args
            if left.name.startswith("H_") and right is ex.sym(f"theta_{left.name[2:]}"):
                return "H", left.name[2:]
            if left.name.startswith("do_") and right is ex.const(0.5):
                return "do", left.name[3:]
        allowed = (
            "the trigger must be H_<cause> >= theta_<cause> (a hazard event) or do_<action> > 0.5 (an action)"
        )
        self.complain(place, f"trigger {ex.text(condition)}", allowed)
        return None, ""

    # ---- what the names are -------------------------------------------------------------------------------

    @property
    def causes(self) -> list[str]:
        return [name[2:] for name in self.values if name.startswith("H_") and name in self.rates]

    @property
    def reserved(self) -> set[str]:
        names = {"ended"}
        for cause in {*self.causes, *self.hazard_events}:
            names |= {f"theta_{cause}", f"step_{cause}"}
        for action in self.action_events:
            names |= {f"do_{action}", f"amount_{action}"}
        return names

    @property
    def states(self) -> list[str]:
        """Variables with a rate, and variables that only events change (rate 0)."""
        changed = {t for e in (*self.hazard_events.values(), *self.action_events.values()) for t in e.targets}
        reserved = self.reserved
        hazards = {f"H_{cause}" for cause in self.causes}
        return [
            name
            for name in self.values
            if name not in reserved
            and name not in hazards
            and (name in self.rates or (name in changed and name not in self.rules))
        ]

    @property
    def constants(self) -> list[str]:
        """Names that are neither states, hazards, observables nor of the convention."""
        taken = {*self.states, *self.rules, *self.rates, *self.reserved}
        return [name for name in self.values if name not in taken]

    # ---- checks -------------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        if not self.values:
            self.complain("model", "nothing", "must define variables")
        for name in self.constants:
            if self.values[name] is None and name not in self.starts:
                known = [n for n in self.values if n != name]
                allowed = "every name needs a value, a rate or a rule"
                self.complain(f"name {name}", "no value", allowed, nearest_name(name, known))
            for prefix in ("theta_", "step_", "do_", "amount_"):
                if name.startswith(prefix):
                    owner = "hazard" if prefix in ("theta_", "step_") else "action"
                    self.complain(
                        f"name {name}", f"no {owner} of that name", f"belongs to an {owner}'s event"
                    )
        for name in self.states:
            if self.values[name] is None and name not in self.starts:
                self.complain(f"state {name}", "no initial value", "needs one")
        self._check_hazards()
        self._check_uses()

    def _check_hazards(self) -> None:
        for cause in self.causes:
            name = f"H_{cause}"
            if self.values[name] != 0 or name in self.starts:
                self.complain(f"cumulative hazard {name}", f"start {self.values[name]}", "starts at 0")
            if cause not in self.hazard_events:
                allowed = f"needs an event at (H_{cause} >= theta_{cause})"
                self.complain(f"cumulative hazard {name}", "no event", allowed)
        for cause, event in self.hazard_events.items():
            if cause not in self.causes:
                nearest = nearest_name(cause, self.causes)
                self.complain(event.place, f"H_{cause}", "has no rate rule", nearest and f"H_{nearest}")
        states = set(self.states)
        for name, event in [*self.hazard_events.items(), *self.action_events.items()]:
            for target in event.targets:
                own = target in ("ended", f"theta_{name}") and event is self.hazard_events.get(name)
                if target not in states and not own:
                    allowed = "an event may assign to states, 'ended' and its own theta"
                    self.complain(
                        event.place, f"assignment to {target}", allowed, nearest_name(target, states)
                    )

    def _check_uses(self) -> None:
        plain = {*self.states, *self.rules, *self.constants, TIME}
        hazards = {f"H_{cause}" for cause in self.causes}
        for place, e, known in self._uses(plain, hazards):
            for name in sorted(e.symbols - known):
                if name in hazards:
                    self.complain(place, name, "a cumulative hazard may not act on a rate")
                elif name in self.reserved:
                    self.complain(
                        place, name, "theta, step, do, amount and ended may be used only in their event"
                    )
                elif name not in self.values:
                    self.complain(place, name, "is not defined", nearest_name(name, plain))

    def _uses(self, plain: set[str], hazards: set[str]) -> Iterable[tuple[str, Expr, set[str]]]:
        for name, e in self.rates.items():
            yield f"rate of {name}", self._inlined(e), plain
        for name, e in self.rules.items():
            yield f"rule of {name}", e, plain | hazards
        for name, e in self.starts.items():
            yield f"initial value of {name}", e, plain
        for name, event in self.hazard_events.items():
            for target, e in event.targets.items():
                if target in ("ended", f"theta_{name}"):
                    self._check_convention(name, event, target, e)
                else:
                    yield event.place, e, plain | hazards
        for name, event in self.action_events.items():
            for e in event.targets.values():
                yield event.place, e, plain | hazards | {f"amount_{name}"}

    def _check_convention(self, cause: str, event: _Event, target: str, e: Expr) -> None:
        wanted = ex.ONE if target == "ended" else ex.sym(f"theta_{cause}") + ex.sym(f"step_{cause}")
        if e is not wanted:
            self.complain(event.place, f"{target} = {ex.text(e)}", f"must be {target} = {ex.text(wanted)}")

    def _inlined(self, e: Expr) -> Expr:
        """``e`` with a marker for every cumulative hazard that it reaches through observables."""
        seen: set[str] = set()
        names = set(e.symbols)
        while names - seen:
            name = (names - seen).pop()
            seen.add(name)
            if name in self.rules:
                names |= {n for n in self.rules[name].symbols if n in self.rules or n.startswith("H_")}
        extra = [ex.sym(n) for n in sorted(names - e.symbols) if n.startswith("H_")]
        return _fold(ex.add, [e, *extra], ex.ZERO)


def _ordered(rules: Mapping[str, Expr], what: str) -> list[str]:
    """Names so that each comes after those it uses, otherwise in the given order.

    Raises:
        BadInput: the rules use each other in a circle.
    """
    order: list[str] = []
    done: set[str] = set()
    for root in rules:
        stack = [(root, iter(sorted(rules[root].symbols)))]
        path = {root}
        while stack and root not in done:
            name, uses = stack[-1]
            used = next((u for u in uses if u in rules and u not in done), None)
            if used is None:
                stack.pop()
                path.discard(name)
                done.add(name)
                order.append(name)
            elif used in path:
                circle = [n for n, _ in stack]
                given = " -> ".join([*circle[circle.index(used) :], used])
                raise BadInput([Problem(f"{what} {used}", given, "may not depend on itself")])
            else:
                path.add(used)
                stack.append((used, iter(sorted(rules[used].symbols))))
    return order


def _assemble(reader: _Reader, sbml: str) -> ModelSpec:
    constants, derived = _constants(reader)
    parameters = tuple(name for name in reader.constants if name in constants)
    order = _ordered(reader.rules, "observable")
    states = tuple(reader.states)

    def final(expressions: Iterable[Expr]) -> tuple[Expr, ...]:
        return tuple(ex.substitute(list(expressions), derived))

    start = _initial(reader, states, derived)
    reserved = reader.reserved
    default = np.array([constants[name] for name in parameters], dtype=np.float64)
    initial = np.array(
        [float(v) for v in ex.evaluate(start, dict(zip(parameters, default, strict=True)))], dtype=np.float64
    )
    default.setflags(write=False)
    initial.setflags(write=False)
    return ModelSpec(
        name=reader.model.getId(),
        states=states,
        rates=final(reader.rates.get(name, ex.ZERO) for name in states),
        hazards=_hazards(reader, final),
        jumps=tuple(_jump(name, event, final) for name, event in reader.action_events.items()),
        parameters=parameters,
        default_parameters=default,
        initial_state=initial,
        initial_state_expressions=tuple(start),
        observables=tuple(order),
        observable_expressions=final(reader.rules[name] for name in order),
        derived=derived,
        units={k: v for k, v in reader.units.items() if k not in reserved},
        sbml=sbml,
        hash=hashlib.sha256(sbml.encode()).hexdigest(),
    )


def _constants(reader: _Reader) -> tuple[dict[str, float], dict[str, Expr]]:
    """Values of the parameters, and derived constants as expressions in parameters alone."""
    known = set(reader.constants)
    starts = {name: e for name, e in reader.starts.items() if name in known}
    values: dict[str, float] = {}
    derived: dict[str, Expr] = {}
    for name in reader.constants:
        value = reader.values[name]
        if name not in starts and value is not None:
            values[name] = value
    problems = []
    for name in _ordered(starts, "constant"):
        (e,) = ex.substitute(
            [starts[name]], {**derived, **{n: ex.const(v) for n, v in values.items() if n in starts}}
        )
        if not e.symbols:
            values[name] = float(ex.evaluate([e], {})[0])
            continue
        derived[name] = e
        for used in sorted(e.symbols - known):
            allowed = "a constant may depend on other constants only; make it a parameter or an observable"
            problems.append(Problem(f"initial value of {name}", used, allowed))
    if problems:
        raise BadInput(problems)
    return values, derived


def _initial(reader: _Reader, states: tuple[str, ...], derived: Mapping[str, Expr]) -> list[Expr]:
    """Initial states as expressions in parameters alone."""
    graph: dict[str, Expr] = {}
    for name in states:
        value = reader.values[name]
        graph[name] = reader.starts.get(name, ex.const(math.nan if value is None else value))
    graph |= reader.rules
    done: dict[str, Expr] = {**derived, TIME: ex.ZERO, **{f"H_{c}": ex.ZERO for c in reader.causes}}
    for name in _ordered(graph, "initial value of"):
        (done[name],) = ex.substitute([graph[name]], done)
    return [done[name] for name in states]


def _hazards(reader: _Reader, final: Callable[[Iterable[Expr]], tuple[Expr, ...]]) -> tuple[Hazard, ...]:
    result = []
    for cause in reader.causes:
        jump = _jump(cause, reader.hazard_events[cause], final)
        (rate,) = final([reader.rates[f"H_{cause}"]])
        result.append(Hazard(cause, rate, jump))
    return tuple(result)


def _jump(name: str, event: _Event, final: Callable[[Iterable[Expr]], tuple[Expr, ...]]) -> Jump:
    states = {t: e for t, e in event.targets.items() if t not in ("ended", f"theta_{name}")}
    assignments = tuple(zip(states, final(states.values()), strict=True))
    return Jump(name, assignments, "ended" in event.targets, f"theta_{name}" in event.targets)
