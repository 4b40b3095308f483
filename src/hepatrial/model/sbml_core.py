"""SBML Level 2 Version 4 to Level 3 Version 2 core, as other people write it, to a model specification.

Species are kept as amounts, so that compartments may change their size; what SBML's formulas mean by the id
of a species (amount or concentration) is an observable of that name. General events become triggers.
Constructs that the engine does not have are refused with the element's id, all at once.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import libsbml
import numpy as np

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model import expr as ex
from hepatrial.model.expr import Expr
from hepatrial.model.sbml import _number, _ordered, _read, _truth, _Unsupported, expression_of, rate_name
from hepatrial.model.spec import TIME, ModelSpec, Species, Trigger


def spec_from_core_sbml(sbml: str) -> ModelSpec:
    """The model specification of any SBML core text.

    Args:
        sbml: SBML Level 2 Version 4 or 5, Level 3 Version 1 or 2.

    Raises:
        BadInput: with every construct that is not supported (element id, construct, what to do), undefined
            names and missing values.
    """
    if "\0" in sbml:
        raise BadInput([Problem("SBML", "a NUL character", "must be text")])
    level, version = _level(sbml)
    if (level, version) not in ((2, 4), (2, 5), (3, 1), (3, 2)):
        allowed = "must be Level 2 Version 4 to Level 3 Version 2; convert it, for example with libSBML"
        raise BadInput([Problem("SBML", f"Level {level} Version {version}", allowed)])
    reader = _Core(_read(sbml).getModel(), level)
    reader.read()
    if not reader.names:
        reader.complain("model", "nothing", "must define variables")
    if reader.problems:
        raise BadInput(reader.problems)
    return _Assembly(reader).spec(sbml)


def _level(sbml: str) -> tuple[int, int]:
    """Level and version as the text says; (3, 2) when it is no SBML, which reading it then tells."""
    found = re.search(r"<(?:\w+:)?sbml\b[^>]*>", sbml)
    numbers = [
        re.search(rf"""\b{key}\s*=\s*["'](\d+)["']""", found[0]) if found else None
        for key in ("level", "version")
    ]
    level, version = (int(n[1]) if n else None for n in numbers)
    return (3, 2) if level is None or version is None else (level, version)


@dataclass
class _Species:
    """One species: ``name`` is its symbol, ``state`` the name of its amount where that differs."""

    name: str
    compartment: str
    is_amount: bool
    boundary: bool
    constant: bool
    factor: str
    initial_amount: float | None
    initial_concentration: float | None
    state: str = ""
    flow: list[Expr] = field(default_factory=list)


@dataclass
class _Core:
    """What the SBML model holds, in terms of SBML's symbols, with the problems found on the way."""

    model: Any
    level: int
    problems: list[Problem] = field(default_factory=list)
    values: dict[str, float | None] = field(default_factory=dict)
    rules: dict[str, Expr] = field(default_factory=dict)
    rates: dict[str, Expr] = field(default_factory=dict)
    starts: dict[str, Expr] = field(default_factory=dict)
    species: dict[str, _Species] = field(default_factory=dict)
    pointless: set[str] = field(default_factory=set)
    triggers: list[Trigger] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        self._rename()
        self._refuse()
        self._read_compartments()
        self._read_species()
        self._read_parameters()
        self._read_rules()
        self._read_reactions()
        self._read_events()

    def complain(self, place: str, given: str, allowed: str, nearest: str | None = None) -> None:
        self.problems.append(Problem(place, given, allowed, nearest))

    def fresh(self, wanted: str) -> str:
        """A name that nothing has yet, like the wanted one."""
        while wanted in self.names or wanted in self.names.values() or wanted == TIME:
            wanted += "_"
        self.names[wanted] = wanted
        return wanted

    def _rename(self) -> None:
        """An id that means something else in expressions gets another name."""
        elements = self.model.getListOfAllElements()
        ids = [elements.get(i).getId() for i in range(elements.getSize())]
        self.names = {i: i for i in ids if i}
        if TIME in self.names:
            del self.names[TIME]
            self.names[TIME] = self.fresh(f"{TIME}_")

    def math(self, place: str, element: Any, local: dict[str, str] | None = None) -> Expr | None:
        """The formula of an element; None where it has none."""
        if not element.isSetMath():
            return None
        try:
            e = expression_of(element.getMath(), {**self.names, **(local or {})})
        except _Unsupported as unsupported:
            wanted = unsupported.instead or "the engine does not have it; write the formula without it"
            self.complain(place, str(unsupported), wanted)
            return ex.ZERO
        unknown = sorted(e.symbols - self._known(local))
        for name in unknown:
            nearest = nearest_name(name, self.names)
            self.complain(place, name, "is not defined", nearest)
        return e

    def _known(self, local: dict[str, str] | None) -> set[str]:
        names = {*self.names.values(), *(local or {}).values(), TIME}
        return names | {rate_name(n) for n in self.names.values()}

    # ---- what is refused ----------------------------------------------------------------------------------

    def _refuse(self) -> None:
        m = self.model
        for i in range(m.getNumRules()):
            if m.getRule(i).isAlgebraic():
                rule = m.getRule(i)
                said = libsbml.formulaToL3String(rule.getMath()) if rule.isSetMath() else "nothing"
                allowed = "algebraic rules are not supported; solve it for a variable, as an assignment rule"
                self.complain(f"algebraic rule {rule.getId() or i + 1}", f"0 = {said}", allowed)
        for i in range(m.getNumReactions()):
            reaction = m.getReaction(i)
            if reaction.isSetFast() and reaction.getFast():
                allowed = "fast reactions are not supported; write the equilibrium as an assignment rule"
                self.complain(f"reaction {reaction.getId()}", 'fast="true"', allowed)
        if self.level >= 3 and m.isSetConversionFactor() and m.getConversionFactor() not in self.names:
            self.complain("model", m.getConversionFactor(), "the conversion factor is not defined")

    # ---- variables ----------------------------------------------------------------------------------------

    def _read_compartments(self) -> None:
        for i in range(self.model.getNumCompartments()):
            c = self.model.getCompartment(i)
            # libSBML gives 0 dimensions as 0.0 in Level 3.
            if c.isSetSpatialDimensions() and c.getSpatialDimensionsAsDouble() == 0:
                self.pointless.add(self.names[c.getId()])
            self.values[self.names[c.getId()]] = c.getSize() if c.isSetSize() else None

    def _read_species(self) -> None:
        default = self.model.getConversionFactor() if self.level >= 3 else ""
        for i in range(self.model.getNumSpecies()):
            s = self.model.getSpecies(i)
            name = self.names[s.getId()]
            compartment = self.names.get(s.getCompartment(), "")
            factor = (s.getConversionFactor() or default) if self.level >= 3 else ""
            self.species[name] = _Species(
                name,
                compartment,
                s.getHasOnlySubstanceUnits() or compartment in self.pointless,
                s.getBoundaryCondition(),
                s.getConstant(),
                self.names.get(factor, ""),
                s.getInitialAmount() if s.isSetInitialAmount() else None,
                s.getInitialConcentration() if s.isSetInitialConcentration() else None,
            )

    def _read_parameters(self) -> None:
        for i in range(self.model.getNumParameters()):
            p = self.model.getParameter(i)
            self.values[self.names[p.getId()]] = p.getValue() if p.isSetValue() else None

    def _read_rules(self) -> None:
        m = self.model
        for i in range(m.getNumRules()):
            rule = m.getRule(i)
            if rule.isAlgebraic():
                continue
            variable = self.names.get(rule.getVariable(), rule.getVariable())
            kind = "rate" if rule.isRate() else "rule"
            e = self.math(f"{kind} of {variable}", rule)
            if e is None:
                continue
            if rule.isRate():
                self.rates[variable] = _number(e)
            else:
                self.rules[variable] = _number(e)
        for i in range(m.getNumInitialAssignments()):
            start = m.getInitialAssignment(i)
            name = self.names.get(start.getSymbol(), start.getSymbol())
            e = self.math(f"initial value of {name}", start)
            if e is not None:
                self.starts[name] = _number(e)

    # ---- reactions ----------------------------------------------------------------------------------------

    def _read_reactions(self) -> None:
        for i in range(self.model.getNumReactions()):
            reaction = self.model.getReaction(i)
            name = self.names[reaction.getId()]
            self._read_law(name, reaction)
            for count, get, sign in (
                (reaction.getNumReactants(), reaction.getReactant, -1.0),
                (reaction.getNumProducts(), reaction.getProduct, 1.0),
            ):
                for k in range(count):
                    self._read_reference(name, get(k), sign)

    def _read_law(self, name: str, reaction: Any) -> None:
        law = reaction.getKineticLaw()
        if law is None or not law.isSetMath():
            self.values[name] = None
            return
        local: dict[str, str] = {}
        holders = (
            (law.getNumLocalParameters, law.getLocalParameter),
            (law.getNumParameters, law.getParameter),
        )
        count, get = holders[0] if self.level >= 3 else holders[1]
        for k in range(count()):
            p = get(k)
            local[p.getId()] = self.fresh(f"{name}_{p.getId()}")
            self.values[local[p.getId()]] = p.getValue() if p.isSetValue() else None
        e = self.math(f"kinetic law of {name}", law, local)
        self.rules[name] = _number(e) if e is not None else ex.ZERO

    def _read_reference(self, reaction: str, reference: Any, sign: float) -> None:
        place = f"reaction {reaction}, species {reference.getSpecies()}"
        stoichiometry = self._stoichiometry(place, reference)
        species = self.species.get(self.names.get(reference.getSpecies(), ""))
        if species is None:
            self.complain(place, reference.getSpecies(), "is not a species")
            return
        if species.boundary or species.constant or stoichiometry is None:
            return
        flow = stoichiometry * ex.sym(reaction)
        if species.factor:
            flow = flow * ex.sym(species.factor)
        species.flow.append(flow if sign > 0 else -flow)

    def _stoichiometry(self, place: str, reference: Any) -> Expr | None:
        """The coefficient: its symbol where formulas may name or change it."""
        if self.level < 3:
            if reference.isSetStoichiometryMath():
                e = self.math(f"{place}, stoichiometry", reference.getStoichiometryMath())
                if e is not None:
                    return _number(e)
            return ex.const(reference.getStoichiometry())
        value = reference.getStoichiometry() if reference.isSetStoichiometry() else None
        if reference.isSetId():
            name = self.names[reference.getId()]
            self.values[name] = value
            return ex.sym(name)
        if value is None:
            self.complain(place, "no stoichiometry", "needs one")
            return None
        return ex.const(value)

    # ---- events -------------------------------------------------------------------------------------------

    def _read_events(self) -> None:
        for i in range(self.model.getNumEvents()):
            event = self.model.getEvent(i)
            place = f"event {event.getId() or i + 1}"
            trigger = event.getTrigger()
            condition = None if trigger is None else self.math(f"{place}, trigger", trigger)
            self._refuse_delay(place, event)
            priority = event.getPriority() if self.level >= 3 and event.isSetPriority() else None
            rank = None if priority is None else self.math(f"{place}, priority", priority)
            targets = []
            for k in range(event.getNumEventAssignments()):
                assignment = event.getEventAssignment(k)
                variable = self.names.get(assignment.getVariable(), assignment.getVariable())
                e = self.math(f"{place}, assignment to {variable}", assignment)
                if e is not None:
                    targets.append((variable, _number(e)))
            # Without a trigger an event of Level 3 Version 2 never happens.
            self.triggers.append(
                Trigger(
                    event.getId() or str(i + 1),
                    ex.FALSE if condition is None else _truth(condition),
                    tuple(targets),
                    None if rank is None else _number(rank),
                    trigger.getPersistent() if self.level >= 3 and trigger is not None else True,
                    trigger.getInitialValue() if self.level >= 3 and trigger is not None else True,
                    event.getUseValuesFromTriggerTime(),
                )
            )

    def _refuse_delay(self, place: str, event: Any) -> None:
        if not event.isSetDelay():
            return
        delay = self.math(f"{place}, delay", event.getDelay())
        if delay is not None and _number(delay) is not ex.ZERO:
            allowed = "delayed events are not supported; let a variable count the time and trigger on it"
            self.complain(place, f"a delay of {ex.text(delay)}", allowed)


class _Assembly:
    """Symbols to states, observables and constants."""

    def __init__(self, core: _Core) -> None:
        self.core = core
        self.rules = dict(core.rules)
        self.rates = dict(core.rates)
        self.starts = dict(core.starts)
        self.starts_given = frozenset(core.starts)
        self.values = dict(core.values)
        self.changed = {name for t in core.triggers for name, _ in t.assignments}
        for species in core.species.values():
            self._place(species)
        self.states = [
            n for n in self.values if n not in self.rules and (n in self.rates or n in self.changed)
        ]
        self._add_rates()

    def _moves(self, name: str) -> bool:
        return name in self.rules or name in self.rates or name in self.changed

    def _place(self, s: _Species) -> None:
        """Decide whether a species is a constant, a rule, a state in amount, or a state and a quotient."""
        size = ex.sym(s.compartment) if s.compartment else None
        concentration = s.initial_concentration if s.initial_amount is None else None
        if s.name in self.rules:
            self.values[s.name] = None
            return
        moved = bool(s.flow) or s.name in self.rates or s.name in self.changed
        if s.is_amount:
            self.values[s.name] = s.initial_amount
            if concentration is not None and s.name not in self.starts:
                assert size is not None
                self.starts[s.name] = ex.mul(concentration, size)
            if moved:
                s.state = s.name
                if s.flow:
                    self.rates[s.name] = _sum(s.flow)
            return
        assert size is not None
        if not moved and not self._moves(s.compartment):
            self.values[s.name] = concentration
            if concentration is None and s.initial_amount is not None and s.name not in self.starts:
                self.starts[s.name] = ex.div(s.initial_amount, size)
            return
        s.state = self.core.fresh(f"{s.name}_amount")
        self.values[s.state] = s.initial_amount
        if s.name in self.starts:
            self.starts[s.state] = self.starts.pop(s.name) * size
        elif concentration is not None:
            self.starts[s.state] = ex.mul(concentration, size)
        if s.name in self.rates:
            rate = self.rates.pop(s.name)
            self.rates[s.state] = rate * size + ex.sym(s.name) * ex.sym(rate_name(s.compartment))
        else:
            self.rates[s.state] = _sum(s.flow)
        self.rules[s.name] = ex.div(ex.sym(s.state), size)

    # ---- time derivatives ---------------------------------------------------------------------------------

    def _add_rates(self) -> None:
        """An observable ``rateOf(x)`` for every derivative that a formula names."""
        self.hidden: dict[str, Expr] = {}
        order = _ordered(self.rules, "observable")
        inlined: dict[str, Expr] = {}
        for name in order:
            (inlined[name],) = ex.substitute([self.rules[name]], inlined)
        wanted = sorted({n for e in self._formulas() for n in e.symbols if n.startswith("rateOf(")})
        while wanted:
            marker = wanted.pop()
            if marker in self.hidden:
                continue
            name = marker[len("rateOf(") : -1]
            e = self._slope(name, inlined)
            self.hidden[marker] = e
            wanted += sorted(n for n in e.symbols if n.startswith("rateOf("))

    def _slope(self, name: str, inlined: dict[str, Expr]) -> Expr:
        if name not in self.rules:
            return self.rates.get(name, ex.ZERO)
        e = inlined[name]
        if any(n.startswith("rateOf(") for n in e.symbols):
            allowed = "the rate of a variable that itself names rates is not supported"
            raise BadInput([Problem(f"rate of {name}", ex.text(e), allowed)])
        total = ex.derivative(e, TIME)
        for state in self.states:
            slope = ex.derivative(e, state)
            if slope is not ex.ZERO:
                total = total + slope * ex.sym(rate_name(state))
        return total

    def _formulas(self) -> Iterable[Expr]:
        yield from self.rules.values()
        yield from self.rates.values()
        yield from self.starts.values()
        for t in self.core.triggers:
            yield t.condition
            yield from (e for _, e in t.assignments)
            if t.priority is not None:
                yield t.priority

    # ---- the specification --------------------------------------------------------------------------------

    def spec(self, sbml: str) -> ModelSpec:
        graph = {**self.rules, **self.hidden}
        order = _ordered(graph, "observable")
        parameters, derived, initial = self._starts(graph)
        # What has no value is no constant: whoever uses it is told so by its name.
        while hollow := [n for n, e in derived.items() if not e.symbols <= parameters.keys()]:
            for name in hollow:
                del derived[name]
        fixed: dict[str, Expr] = dict(derived)
        resolved = {n: e for n, e in graph.items() if n in self.hidden}
        for name in order:
            if name in self.hidden:
                (fixed[name],) = ex.substitute([resolved[name]], fixed)

        def final(e: Expr) -> Expr:
            return ex.substitute([e], fixed)[0]

        observables = {n: final(self.rules[n]) for n in order if n in self.rules}
        rates = {n: final(self.rates.get(n, ex.ZERO)) for n in self.states}
        triggers = tuple(
            Trigger(
                t.name,
                final(t.condition),
                tuple((n, final(e)) for n, e in t.assignments),
                None if t.priority is None else final(t.priority),
                t.persistent,
                t.initial,
                t.early,
            )
            for t in self.core.triggers
        )
        self._check_live(observables, rates, triggers, {*parameters, *derived})
        observables = self._defined(observables, {*parameters, *self.states, TIME})
        values = np.array([parameters[n] for n in parameters], dtype=np.float64)
        start = [initial[n] for n in self.states]
        at_start = ex.evaluate(start, dict(zip(parameters, values, strict=True)))
        state = np.array([float(v) for v in at_start], dtype=np.float64)
        values.setflags(write=False)
        state.setflags(write=False)
        return ModelSpec(
            name=self.core.model.getId(),
            states=tuple(self.states),
            rates=tuple(rates.values()),
            hazards=(),
            jumps=(),
            parameters=tuple(parameters),
            default_parameters=values,
            initial_state=state,
            initial_state_expressions=tuple(start),
            observables=tuple(observables),
            observable_expressions=tuple(observables.values()),
            derived=derived,
            units={},
            sbml=sbml,
            hash=hashlib.sha256(b"core\0" + sbml.encode()).hexdigest(),
            triggers=triggers,
            renamed={i: name for i, name in self.core.names.items() if i != name},
            species=self._species_map(derived, {*parameters, *self.states, *observables}),
        )

    def _starts(self, graph: dict[str, Expr]) -> tuple[dict[str, float], dict[str, Expr], dict[str, Expr]]:
        """Parameters with values, derived constants, and everything's initial value in parameters alone."""
        states = set(self.states)
        parameters: dict[str, float] = {}
        at_start: dict[str, Expr] = {}
        literal: dict[str, Expr] = {TIME: ex.ZERO}
        for name, value in self.values.items():
            if name in self.rules:
                continue
            if name in self.starts:
                at_start[name] = self.starts[name]
            elif value is None:
                continue
            elif name in states or not math.isfinite(value):
                literal[name] = ex.const(value)
            else:
                parameters[name] = value
        for name in graph:
            # An initial assignment to a variable with a rule would contradict it; SBML forbids it.
            at_start[name] = graph[name]
        derived = {n: e for n, e in literal.items() if n not in states and n != TIME}
        initial = dict(literal)
        for name in _ordered(at_start, "initial value of"):
            (initial[name],) = ex.substitute([at_start[name]], initial)
            if name not in graph and name not in states:
                derived[name] = initial[name]
        for name in [n for n, e in derived.items() if e.is_constant and math.isfinite(e.value)]:
            # A constant whose start is a number is a parameter like any other.
            if not self._behind(name, at_start):
                parameters[name] = derived.pop(name).value
        return parameters, derived, initial

    def _behind(self, name: str, at_start: dict[str, Expr]) -> bool:
        """Whether the start of some other quantity was computed from the constant's number."""
        return any(name in e.symbols for e in at_start.values())

    def _check_live(
        self,
        observables: dict[str, Expr],
        rates: dict[str, Expr],
        triggers: tuple[Trigger, ...],
        constants: set[str],
    ) -> None:
        """Complain about names without a value that the course depends on."""
        known = {*constants, *self.states, TIME}
        problems: dict[str, Problem] = {}

        def look(place: str, e: Expr) -> None:
            names = set(e.symbols)
            seen: set[str] = set()
            while names - seen:
                name = (names - seen).pop()
                seen.add(name)
                if name in observables:
                    names |= observables[name].symbols
                elif name not in known and name not in problems:
                    allowed = "needs a value, a rule or an initial assignment"
                    if name in self.core.values and name not in self.values:
                        allowed = "needs a value"
                    problems[name] = Problem(f"{place} uses {name}", "no value", allowed)

        for name, e in rates.items():
            look(f"rate of {name}", e)
        for t in triggers:
            look(f"event {t.name}", t.condition)
            for _, e in t.assignments:
                look(f"event {t.name}", e)
            if t.priority is not None:
                look(f"event {t.name}, priority", t.priority)
        _, _, initial = self._starts({**self.rules, **self.hidden})
        parameters = constants
        for name in self.states:
            if name not in initial:
                problems[name] = Problem(f"variable {name}", "no initial value", "needs one")
            else:
                for used in sorted(initial[name].symbols - parameters):
                    problems[used] = Problem(f"initial value of {name} uses {used}", "no value", "needs one")
        if problems:
            raise BadInput(problems.values())

    def _defined(self, observables: dict[str, Expr], known: set[str]) -> dict[str, Expr]:
        """The observables that have values; the others depend on a name without one and are left out."""
        result: dict[str, Expr] = {}
        for name, e in observables.items():
            if e.symbols <= known | set(result):
                result[name] = e
        return result

    def _species_map(self, derived: dict[str, Expr], known: set[str]) -> dict[str, Species]:
        result = {}
        for s in self.core.species.values():
            (symbol, size) = ex.substitute([ex.sym(s.name), ex.sym(s.compartment or "?")], derived)
            resting = not s.state and s.name not in self.rules and s.name not in self.starts_given
            if resting and s.initial_amount is not None and not s.is_amount:
                # Given as an amount it is one, also where its compartment has no size or none that divides.
                held = ex.const(s.initial_amount)
                known_size = size.symbols <= known and symbol.symbols <= known
                result[s.name] = Species(held, symbol if known_size else None, size if known_size else None)
                continue
            if not symbol.symbols <= known:
                if s.state:
                    result[s.name] = Species(ex.sym(s.state), None, None)
                continue
            has_size = s.compartment not in self.core.pointless and size.symbols <= known
            if s.is_amount:
                quotient = symbol / size if has_size else None
                result[s.name] = Species(symbol, quotient, size if has_size else None)
            else:
                amount = ex.sym(s.state) if s.state else symbol * size
                result[s.name] = Species(amount, symbol, size)
        return result


def _sum(terms: list[Expr]) -> Expr:
    total = ex.ZERO
    for term in terms:
        total = total + term
    return total


_CONVENTION = re.compile(r"H_(\w+) >=? theta_\1|do_\w+ > 0\.5")


def follows_conventions(sbml: str) -> bool:
    """Whether a text has hazard events or actions as docs/architecture.md, section 1, has them."""
    model = libsbml.readSBMLFromString(sbml).getModel()
    for i in range(model.getNumEvents() if model is not None else 0):
        trigger = model.getEvent(i).getTrigger()
        if trigger is not None and trigger.isSetMath():
            formula = libsbml.formulaToL3String(trigger.getMath()) or ""
            if _CONVENTION.search(formula):
                return True
    return False
