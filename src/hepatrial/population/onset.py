"""Onset: candidates live through the illness until the protocol would randomise them.

One engine call follows a chunk of candidates from a chronic, quiet liver through the flare, seen once a day.
A candidate becomes eligible on the first day on which every limit holds for the true values, arrives a
referral delay later, on a whole day, and is screened on laboratory results with assay error. Those who pass
wait until randomisation, and may die or leave eligibility meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine import Result
from hepatrial.model.spec import ModelSpec
from hepatrial.population.candidates import Candidates, draw_candidates
from hepatrial.population.deck import Deck
from hepatrial.population.eligibility import (
    all_of,
    criteria_measures,
    exclusion_outputs,
    first_day,
    limits_met,
    not_excluded,
    traits_allowed,
)
from hepatrial.population.luck import thresholds
from hepatrial.population.machine import Machine
from hepatrial.population.observation import Clinic, draw_errors, measured, outputs_of, read_measures
from hepatrial.protocol import Protocol
from hepatrial.rng import Stream

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

OUTCOMES = (
    "never_eligible",
    "died_first",
    "left_eligibility",
    "excluded",
    "screening_failure",
    "declined",
    "died_before_randomisation",
    "left_before_randomisation",
    "solver_failed",
    "admitted",
)
"""What becomes of a candidate, in the order of the way; an outcome's code is its index."""

_CODE = {name: code for code, name in enumerate(OUTCOMES)}


@dataclass(frozen=True)
class Illness:
    """What is the same for all candidates of a run.

    Attributes:
        protocol: whom the trial takes.
        deck: cards with the run's settings.
        clinic: how values are read.
        seed: the run's seed.
        measures: measures to be known at randomisation.
    """

    protocol: Protocol
    deck: Deck
    clinic: Clinic
    seed: int
    measures: tuple[str, ...]

    @property
    def wait(self) -> int:
        """Whole days from screening to randomisation."""
        return round(self.protocol.selection.screening_to_randomisation)

    @property
    def window(self) -> int:
        """Last day on which a candidate can become eligible."""
        return round(self.deck.value("eligibility_window"))

    @property
    def horizon(self) -> int:
        """Last day that can be needed."""
        return self.window + round(self.deck.value("referral_delay_cap")) + self.wait

    def measured_outputs(self, spec: ModelSpec) -> tuple[str, ...]:
        """Model outputs that are read at screening and at randomisation."""
        return outputs_of((*self.measures, *criteria_measures(self.protocol)), spec.outputs)


@dataclass(frozen=True)
class Admitted:
    """Randomised candidates as they stand at randomisation, in candidate order.

    Attributes:
        number: (m,) candidate numbers.
        day: (m,) day of the illness.
        delay: (m,) days from the first eligible day to randomisation.
        state: (m, n_states).
        cumulative_hazards: (m, n_hazards) since the start of the illness.
        occurrences: (m, n_hazards) events since then.
        infected: (m,) 1 when an infection is active.
        measures: (m, n_measures) as measured at randomisation, in the order of ``Illness.measures``.
    """

    number: Whole
    day: Whole
    delay: Whole
    state: Array
    cumulative_hazards: Array
    occurrences: Whole
    infected: Array
    measures: Array

    def __len__(self) -> int:
        return len(self.number)


@dataclass(frozen=True)
class Onset:
    """What became of a chunk of candidates.

    Attributes:
        number: (n,) candidate numbers.
        outcome: (n,) codes of ``OUTCOMES``.
        unmet: (n, n_criteria) 1 where a candidate alive never met the criterion (columns: ``labels``).
        labels: names of the criteria.
        admitted: those with the outcome ``admitted``.
    """

    number: Whole
    outcome: Whole
    unmet: NDArray[np.bool_]
    labels: tuple[str, ...]
    admitted: Admitted


def live_through_onset(machine: Machine, illness: Illness, number: Whole) -> Onset:
    """Follow candidates from the start of their illness to randomisation.

    Args:
        machine: model and engine.
        illness: protocol, cards, clinic, seed.
        number: (n,) candidate numbers.
    """
    spec = machine.spec
    drawn = draw_candidates(spec, illness.deck, illness.seed, number, illness.protocol.population.disease)
    column = {name: i for i, name in enumerate(spec.parameters)}
    age, cirrhosis = drawn.parameters[:, column["age"]], drawn.parameters[:, column["cirrhosis"]]
    traits = traits_allowed(illness.protocol, age, cirrhosis)
    follow = np.flatnonzero(all_of(traits))
    drawn_on = _rows(drawn, follow)
    seen = _see_daily(machine, illness, drawn_on)
    screened = _screen(illness, drawn_on, seen, age[follow], spec)

    outcome = np.full(len(number), _CODE["never_eligible"], dtype=np.int64)
    outcome[follow] = screened.outcome
    labels = (*traits, *screened.never)
    unmet = np.zeros((len(number), len(labels)), dtype=bool)
    for j, met in enumerate(traits.values()):
        unmet[:, j] = ~met
    for j, never in enumerate(screened.never.values(), start=len(traits)):
        unmet[follow, j] = never
    return Onset(number, outcome, unmet, labels, screened.admitted)


def _rows(drawn: Candidates, index: Whole | NDArray[np.intp]) -> Candidates:
    return Candidates(
        drawn.number[index],
        drawn.parameters[index],
        drawn.initial[index],
        drawn.female[index],
        drawn.delay[index],
    )


@dataclass(frozen=True)
class _Seen:
    """The daily record of a chunk: outputs (n, days) by name, those that a clinic measures, the result."""

    result: Result
    outputs: Mapping[str, Array]
    measured: tuple[str, ...]

    def on(self, day: Whole, names: tuple[str, ...]) -> dict[str, Array]:
        """Outputs on one day of each candidate, (n,)."""
        row = np.arange(len(day))
        return {name: self.outputs[name][row, day] for name in names}


def _see_daily(machine: Machine, illness: Illness, drawn: Candidates) -> _Seen:
    spec, n = machine.spec, len(drawn.number)
    names = dict.fromkeys(spec.states)
    names |= dict.fromkeys(hazard.state for hazard in spec.hazards)
    by_clinic = illness.measured_outputs(spec)
    names |= dict.fromkeys(by_clinic)
    names |= dict.fromkeys(exclusion_outputs(illness.protocol))
    result = machine.solve(
        drawn.parameters,
        drawn.initial,
        thresholds(illness.seed, "onset", spec.causes, drawn.number),
        np.tile(np.arange(illness.horizon + 1.0), (n, 1)),
        np.full(n, float(illness.horizon)),
        outputs=tuple(names),
    )
    daily = {name: result.values[:, :, i] for i, name in enumerate(result.outputs)}
    return _Seen(result, daily, by_clinic)


@dataclass(frozen=True)
class _Screened:
    outcome: Whole
    never: dict[str, NDArray[np.bool_]]
    admitted: Admitted


def _screen(illness: Illness, drawn: Candidates, seen: _Seen, age: Array, spec: ModelSpec) -> _Screened:
    protocol, last = illness.protocol, illness.horizon
    wanted = criteria_measures(protocol)
    truth = read_measures(seen.outputs, wanted, illness.clinic, age[:, None], drawn.female[:, None])
    met = {label: ok[:, : illness.window + 1] for label, ok in limits_met(protocol, truth).items()}
    first = first_day(all_of(met))
    became = first >= 0
    arrival = np.where(became, first + drawn.delay.astype(np.int64), 0)
    alive = ~np.isnan(seen.outputs[spec.states[0]])
    row = np.arange(len(first))

    at_screening = _measure(illness, drawn, seen, arrival, age, 0)
    day = np.minimum(arrival + illness.wait, last)
    at_entry = _measure(illness, drawn, seen, day, age, 1) if illness.wait else at_screening
    fails = (
        Stream(illness.seed, "screening_failure").uniform(drawn.number) < protocol.selection.screening_failure
    )
    declines = Stream(illness.seed, "consent").uniform(drawn.number) >= protocol.selection.consent
    # In the order of the way: the first exit that applies is taken.
    exits = (
        ("solver_failed", ~seen.result.ok),
        ("died_first", ~became & ~alive[:, illness.window]),
        ("never_eligible", ~became),
        ("died_first", ~alive[row, arrival]),
        ("left_eligibility", ~at_screening.within),
        ("excluded", ~at_screening.allowed),
        ("screening_failure", fails),
        ("declined", declines),
        ("died_before_randomisation", ~alive[row, day]),
        ("left_before_randomisation", ~(at_entry.within & at_entry.allowed)),
    )
    outcome = np.full(len(first), _CODE["admitted"], dtype=np.int64)
    for name, leaves in reversed(exits):
        outcome[leaves] = _CODE[name]
    never = {label: ~ok.any(axis=1) & ~became for label, ok in met.items()}
    index = np.flatnonzero(outcome == _CODE["admitted"])
    return _Screened(outcome, never, _admit(illness, drawn, seen, at_entry, index, first, day, spec))


@dataclass(frozen=True)
class _Reading:
    """Measures on one day with assay error, and what they say about entry."""

    measures: Mapping[str, Array]
    within: NDArray[np.bool_]
    allowed: NDArray[np.bool_]


def _measure(
    illness: Illness, drawn: Candidates, seen: _Seen, day: Whole, age: Array, occurrence: int
) -> _Reading:
    """What the laboratory reports of each candidate on a day of its own."""
    wanted = tuple(dict.fromkeys((*illness.measures, *criteria_measures(illness.protocol))))
    exclusions = exclusion_outputs(illness.protocol)
    outputs = seen.on(day, tuple(dict.fromkeys((*seen.measured, *exclusions))))
    errors = draw_errors(illness.seed, "screening", seen.measured, illness.clinic, drawn.number, occurrence)
    reported = measured({name: outputs[name] for name in seen.measured}, illness.clinic, errors)
    measures = read_measures(reported, wanted, illness.clinic, age, drawn.female)
    within = all_of(limits_met(illness.protocol, measures))
    infected_from = illness.deck.value("infected_from")
    entering = not_excluded(illness.protocol, outputs, infected_from)
    allowed = all_of({"": np.ones(len(day), dtype=bool), **entering})
    return _Reading(measures, within, allowed)


def _admit(
    illness: Illness,
    drawn: Candidates,
    seen: _Seen,
    reading: _Reading,
    index: NDArray[np.intp],
    first: Whole,
    day: Whole,
    spec: ModelSpec,
) -> Admitted:
    outputs = {name: values[index, day[index]] for name, values in seen.outputs.items()}
    hazards = [hazard.state for hazard in spec.hazards]
    return Admitted(
        number=drawn.number[index],
        day=day[index],
        delay=(day - first)[index],
        state=_stack([outputs[name] for name in spec.states], len(index)),
        cumulative_hazards=_stack([outputs[name] for name in hazards], len(index)),
        occurrences=_events_until(seen.result, day, len(spec.hazards))[index],
        infected=(outputs["infection"] >= illness.deck.value("infected_from")).astype(np.float64),
        measures=_stack([reading.measures[name][index] for name in illness.measures], len(index)),
    )


def _stack(columns: list[Array], n: int) -> Array:
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))


def _events_until(result: Result, day: Whole, n_hazards: int) -> Whole:
    """Number of events of each cause by a day of each candidate, (n, n_hazards)."""
    count = np.zeros((len(day), n_hazards), dtype=np.int64)
    past = result.events[result.events["time"] <= day[result.events["patient"]]]
    np.add.at(count, (past["patient"], past["cause"]), 1)
    return count
