"""Onset: candidates live through the illness until the protocol would randomise them.

The engine follows a chunk of candidates from a chronic, quiet liver through the flare. A candidate becomes
eligible on the first day on which every limit holds for the true values, arrives a referral delay later, on a
whole day, and is screened on laboratory results with assay error. Those who pass wait until randomisation,
and may die or leave eligibility meanwhile.

Most candidates never become eligible, so there are two looks: a daily one at the few outputs that the limits
need, for everybody and for as long as one can become eligible; then a full one on the days of screening and
randomisation, for those who became so. Both are the same course: same parameters, same thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.spec import ModelSpec
from hepatrial.population.candidates import FIRST_CANDIDATE, Candidates, draw_candidates
from hepatrial.population.deck import Deck
from hepatrial.population.eligibility import (
    all_of,
    criteria_measures,
    definition_met,
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
from hepatrial.protocol.diseases import DISEASES
from hepatrial.rng import Stream

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
Yes = NDArray[np.bool_]

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
    "cause_full",
)
"""What becomes of a candidate, in the order of the way; an outcome's code is its index. The last is told by
the pool: of a cause of which there are enough (``mix``)."""

TRIGGERS = ("infection", "insult", "kidney_injury")
"""States of the model that precipitate an illness when they are not 0 at its beginning."""

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
        first: number of the first candidate; candidates of another plausible world have other numbers.
    """

    protocol: Protocol
    deck: Deck
    clinic: Clinic
    seed: int
    measures: tuple[str, ...]
    first: int = FIRST_CANDIDATE

    @property
    def wait(self) -> int:
        """Whole days from screening to randomisation."""
        return round(self.protocol.selection.screening_to_randomisation)

    @property
    def settling(self) -> float:
        """Days that a chronic liver is followed before its illness begins; 0 where it does not settle."""
        chronic = DISEASES[self.protocol.population.disease].settles
        return self.deck.value("settling_time") if chronic else 0.0

    @property
    def window(self) -> int:
        """Last day on which a candidate can become eligible."""
        return round(self.deck.value("eligibility_window"))

    @property
    def read(self) -> tuple[str, ...]:
        """Measures that are read at screening and at randomisation."""
        return tuple(dict.fromkeys((*self.measures, *criteria_measures(self.protocol))))


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


def draw_ill(spec: ModelSpec, illness: Illness, number: Whole) -> Candidates:
    """The candidates of a run by number: class of disease, causes and definition as the protocol has them."""
    population = illness.protocol.population
    return draw_candidates(
        spec,
        illness.deck,
        illness.seed,
        number,
        population.disease,
        causes=population.cause_shares,
        definition=illness.protocol.identity.definition,
    )


def live_through_onset(machine: Machine, illness: Illness, number: Whole) -> Onset:
    """Follow candidates from the start of their illness to randomisation.

    Args:
        machine: model and engine.
        illness: protocol, cards, clinic, seed.
        number: (n,) candidate numbers.
    """
    spec, protocol = machine.spec, illness.protocol
    drawn = draw_ill(spec, illness, number)
    traits = traits_allowed(protocol, drawn.column(spec, "age"), drawn.column(spec, "cirrhosis"))
    followed = settle(machine, illness, drawn.rows(np.flatnonzero(all_of(traits))))
    luck = thresholds(illness.seed, "onset", spec.hazards, followed.number)
    first, died, never, failed = _watch(machine, illness, followed, luck)
    became = np.flatnonzero((first >= 0) & ~failed)
    met = _meet(machine, illness, followed.rows(became), luck[became], first[became])

    among = np.where(failed, _CODE["solver_failed"], np.where(died, _CODE["died_first"], 0))
    among[became] = met.outcome
    outcome = np.full(len(number), _CODE["never_eligible"], dtype=np.int64)
    index = np.searchsorted(number, followed.number)
    outcome[index] = among
    labels = (*traits, *never)
    unmet = np.zeros((len(number), len(labels)), dtype=bool)
    for j, ok in enumerate(traits.values()):
        unmet[:, j] = ~ok
    for j, missed in enumerate(never.values(), start=len(traits)):
        unmet[index, j] = missed
    return Onset(number, outcome, unmet, labels, met.admitted)


def settle(machine: Machine, illness: Illness, drawn: Candidates) -> Candidates:
    """Candidates whose illness begins in a liver that has come to rest with its scar.

    Nothing strikes meanwhile, and what precipitates the illness comes at the end: had it come at the
    beginning, it would be over before anybody could be admitted.
    """
    if illness.settling == 0.0 or not len(drawn.number):
        return drawn
    spec = machine.spec
    triggers = [spec.states.index(name) for name in TRIGGERS]
    quiet = drawn.initial.copy()
    quiet[:, triggers] = 0.0
    end = np.full(len(drawn.number), illness.settling)
    unharmed = np.full((len(drawn.number), len(spec.hazards), 1), np.inf)
    result = machine.solve(drawn.parameters, quiet, unharmed, end[:, None], end, outputs=spec.states)
    rest = result.values[:, 0, :].copy()
    rest[:, triggers] += drawn.initial[:, triggers]
    return replace(drawn, initial=np.where(result.ok[:, None], rest, drawn.initial))


def _watch(
    machine: Machine, illness: Illness, drawn: Candidates, luck: Array
) -> tuple[Whole, Yes, dict[str, Yes], Yes]:
    """The daily look.

    Returns:
        First eligible day (-1: none), whether the candidate died without one, criterion -> whether it was
        never met by a candidate who did not become eligible, whether the solve failed.
    """
    spec, n = machine.spec, len(drawn.number)
    wanted = criteria_measures(illness.protocol)
    days = np.tile(np.arange(illness.window + 1.0), (n, 1))
    end = np.full(n, float(illness.window))
    names = outputs_of(wanted, spec.outputs)
    result = machine.solve(drawn.parameters, drawn.initial, luck, days, end, outputs=names)
    outputs = {name: result.values[:, :, i] for i, name in enumerate(names)}
    age = drawn.column(spec, "age")
    truth = read_measures(outputs, wanted, illness.clinic, age[:, None], drawn.female[:, None])
    limits = limits_met(illness.protocol, truth)
    limits |= definition_met(illness.protocol, truth, drawn.column(spec, "cirrhosis")[:, None])
    first = first_day(all_of(limits))
    died = (first < 0) & (result.end_time < end)
    never = {label: ~ok.any(axis=1) & (first < 0) for label, ok in limits.items()}
    return first, died, never, ~result.ok


@dataclass(frozen=True)
class _Met:
    outcome: Whole
    admitted: Admitted


def _meet(machine: Machine, illness: Illness, drawn: Candidates, luck: Array, first: Whole) -> _Met:
    """The full look at those who became eligible: screening on arrival, waiting, randomisation."""
    spec, selection = machine.spec, illness.protocol.selection
    arrival = first + drawn.delay.astype(np.int64)
    day = arrival + illness.wait
    names = _recorded(spec, illness)
    result = machine.solve(
        drawn.parameters,
        drawn.initial,
        luck,
        np.stack([arrival, day], axis=1).astype(np.float64),
        day.astype(np.float64),
        outputs=names,
    )
    looks = [{name: result.values[:, look, i] for i, name in enumerate(names)} for look in (0, 1)]
    arrived, waited = (~np.isnan(look[spec.states[0]]) for look in looks)
    screening = _measure(spec, illness, drawn, looks[0], 0)
    entry = _measure(spec, illness, drawn, looks[1], 1) if illness.wait else screening
    fails = Stream(illness.seed, "screening_failure").uniform(drawn.number) < selection.screening_failure
    declines = Stream(illness.seed, "consent").uniform(drawn.number) >= selection.consent
    # In the order of the way: the first exit that applies is taken.
    exits = (
        ("solver_failed", ~result.ok),
        ("died_first", ~arrived),
        ("left_eligibility", ~screening.within),
        ("excluded", ~screening.allowed),
        ("screening_failure", fails),
        ("declined", declines),
        ("died_before_randomisation", ~waited),
        ("left_before_randomisation", ~(entry.within & entry.allowed)),
    )
    outcome = np.full(len(first), _CODE["admitted"], dtype=np.int64)
    for name, leaves in reversed(exits):
        outcome[leaves] = _CODE[name]
    index = np.flatnonzero(outcome == _CODE["admitted"])
    hazards = [hazard.state for hazard in spec.hazards]
    at_entry = looks[1]
    admitted = Admitted(
        number=drawn.number[index],
        day=day[index],
        delay=(day - first)[index],
        state=_stack([at_entry[name][index] for name in spec.states], len(index)),
        cumulative_hazards=_stack([at_entry[name][index] for name in hazards], len(index)),
        occurrences=result.end_occurrences[index],
        infected=(at_entry["infection"][index] >= illness.deck.value("infected_from")).astype(np.float64),
        measures=_stack([entry.measures[name][index] for name in illness.measures], len(index)),
    )
    return _Met(outcome, admitted)


def _recorded(spec: ModelSpec, illness: Illness) -> tuple[str, ...]:
    """Everything to be known of a day: the whole state, and what the clinic reads."""
    hazards = [hazard.state for hazard in spec.hazards]
    read = outputs_of(illness.read, spec.outputs)
    return tuple(dict.fromkeys((*spec.states, *hazards, *read, *exclusion_outputs(illness.protocol))))


@dataclass(frozen=True)
class _Reading:
    """Measures on one day with assay error, and what they say about entry."""

    measures: Mapping[str, Array]
    within: Yes
    allowed: Yes


def _measure(
    spec: ModelSpec, illness: Illness, drawn: Candidates, outputs: Mapping[str, Array], occurrence: int
) -> _Reading:
    """What the laboratory reports of each candidate on a day of its own."""
    clinic, names = illness.clinic, outputs_of(illness.read, spec.outputs)
    errors = draw_errors(illness.seed, "screening", names, clinic, drawn.number, occurrence)
    reported = measured({name: outputs[name] for name in names}, clinic, errors)
    measures = read_measures(reported, illness.read, clinic, drawn.column(spec, "age"), drawn.female)
    limits = limits_met(illness.protocol, measures)
    limits |= definition_met(illness.protocol, measures, drawn.column(spec, "cirrhosis"))
    within = all_of(limits)
    entering = not_excluded(illness.protocol, outputs, illness.deck.value("infected_from"))
    allowed = all_of({"": np.ones(len(within), dtype=bool), **entering})
    return _Reading(measures, within, allowed)


def _stack(columns: list[Array], n: int) -> Array:
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))
