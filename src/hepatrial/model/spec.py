"""The model as the engine sees it: named states, rates, hazards, actions and observables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.expr import Expr, evaluate, substitute

TIME = "time"
"""The name of time (days) in expressions."""


@dataclass(frozen=True)
class Jump:
    """What an event or an action does to the state, all assignments at once, from the values before it.

    Attributes:
        name: cause of the hazard event, or name of the action.
        assignments: (state, expression) pairs; expressions may use states, cumulative hazards, parameters,
            observables, time and, in an action, ``amount_<name>``.
        terminal: the patient's course ends here.
        recurrent: may happen again.
    """

    name: str
    assignments: tuple[tuple[str, Expr], ...]
    terminal: bool = False
    recurrent: bool = False

    @property
    def amount(self) -> str:
        """The symbol of the action's amount."""
        return f"amount_{self.name}"


@dataclass(frozen=True)
class Hazard:
    """A cause with its hazard rate.

    Attributes:
        name: the cause.
        rate: hazard, per day.
        jump: what the event does.
    """

    name: str
    rate: Expr
    jump: Jump

    @property
    def state(self) -> str:
        """Name of the cumulative hazard."""
        return f"H_{self.name}"

    @property
    def terminal(self) -> bool:
        """Whether the event ends the course."""
        return self.jump.terminal

    @property
    def recurrent(self) -> bool:
        """Whether the event may happen again."""
        return self.jump.recurrent


@dataclass(frozen=True)
class Species:
    """How a species of SBML is kept: its state is the amount, its symbol the amount or the concentration.

    Attributes:
        amount: the amount as an expression in names of the model.
        concentration: the same for the concentration; None where the compartment has no size.
        size: size of the compartment; None where it has none.
    """

    amount: Expr
    concentration: Expr | None
    size: Expr | None


@dataclass(frozen=True)
class Trigger:
    """A general event of SBML: it strikes whenever its condition turns from false to true.

    Attributes:
        name: id of the event, or ``event <number>``.
        condition: over the same names as an observable.
        assignments: (name as SBML writes it, expression) pairs, all from the values before the event.
        priority: higher strikes first among events of one instant; None comes last.
        persistent: once triggered it strikes, even if the condition has turned false in between.
        initial: what the condition is taken to have been before time 0.
        early: the expressions are evaluated when the event is triggered, not when it strikes.
    """

    name: str
    condition: Expr
    assignments: tuple[tuple[str, Expr], ...]
    priority: Expr | None = None
    persistent: bool = True
    initial: bool = True
    early: bool = True


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """A model read from SBML under the conventions of docs/architecture.md, section 1.

    Expressions name states, cumulative hazards, parameters, observables and ``time``.

    Attributes:
        name: the SBML model's id.
        states: names of the states in column order (without cumulative hazards).
        rates: d(state)/dt, per day.
        hazards: causes in column order.
        jumps: what each action does, in the order of ``actions``.
        parameters: names in column order.
        default_parameters: (n_parameters,) float64, read-only.
        initial_state: (n_states,) float64 at the default parameters, read-only.
        initial_state_expressions: (n_states) expressions in parameters alone.
        observables: names in topological order.
        observable_expressions: may use earlier observables.
        derived: constants computed from parameters (name -> expression in parameters alone); they are not
            parameters and are already substituted everywhere.
        units: name -> unit text, for the names that have one.
        sbml: flattened SBML L3V2.
        hash: SHA-256 of ``sbml``, in hexadecimal.
        triggers: general events (only in models of other people; see :func:`hepatrial.load_model`).
        species: species of SBML by id.
        renamed: names of ids that mean something else in expressions (only ``time``).
        sizes: |value| from which each state counts, where it is not to be told from the initial value.
        nonnegative: no state can become negative (all are amounts). The compiled engine then refuses a step
            that takes a state below minus rtol times its scale: behind the pole of x/(k + x) at -k a
            saturable loss goes on for ever, with no error to be seen.
    """

    name: str
    states: tuple[str, ...]
    rates: tuple[Expr, ...]
    hazards: tuple[Hazard, ...]
    jumps: tuple[Jump, ...]
    parameters: tuple[str, ...]
    default_parameters: NDArray[np.float64]
    initial_state: NDArray[np.float64]
    initial_state_expressions: tuple[Expr, ...]
    observables: tuple[str, ...]
    observable_expressions: tuple[Expr, ...]
    derived: Mapping[str, Expr]
    units: Mapping[str, str]
    sbml: str = field(repr=False)
    hash: str
    triggers: tuple[Trigger, ...] = ()
    species: Mapping[str, Species] = field(default_factory=dict)
    sizes: tuple[float, ...] | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    nonnegative: bool = False

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the actions; an impulse's ``action`` is an index into them."""
        return tuple(jump.name for jump in self.jumps)

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of the hazards; an event's ``cause`` is an index into them."""
        return tuple(hazard.name for hazard in self.hazards)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything that can be recorded: states, cumulative hazards, observables."""
        return (*self.states, *(hazard.state for hazard in self.hazards), *self.observables)

    @cached_property
    def scales(self) -> NDArray[np.float64]:
        """(n_states,) size from which a state counts; the solver's absolute tolerance is rtol/100 of it.

        The initial value where there is one, else 1 (masses and activities are relative to health).
        """
        if self.sizes is not None:
            return np.array(self.sizes, dtype=np.float64)
        return np.where(self.initial_state == 0, 1.0, np.abs(self.initial_state))

    @cached_property
    def inlined_observables(self) -> Mapping[str, Expr]:
        """Observables in terms of states, cumulative hazards, parameters and time only."""
        result: dict[str, Expr] = {}
        memo: dict[Expr, Expr] = {}
        for name, expression in zip(self.observables, self.observable_expressions, strict=True):
            # A memo entry stays right: it was made when every observable that its node can name was known.
            (result[name],) = substitute([expression], result, memo)
        return result

    def inline(self, expressions: list[Expr] | tuple[Expr, ...]) -> list[Expr]:
        """The expressions with observables replaced by what they stand for."""
        return substitute(expressions, self.inlined_observables)

    def initial_states(self, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """Initial states for a population.

        Args:
            parameters: (n, n_parameters).

        Returns:
            (n, n_states).
        """
        columns = {name: parameters[:, i] for i, name in enumerate(self.parameters)}
        values = evaluate(self.initial_state_expressions, columns)
        shape = (len(parameters),)
        return (
            np.stack([np.broadcast_to(v, shape) for v in values], axis=1) if values else np.zeros((*shape, 0))
        )
