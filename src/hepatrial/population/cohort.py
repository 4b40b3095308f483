"""The cohort of a run: which admitted patient each subject is, matched to a Table 1 when one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput, Problem
from hepatrial.model.spec import ModelSpec
from hepatrial.population.admission import ADMISSION_MEASURES
from hepatrial.population.candidates import FIRST_CANDIDATE, Candidates
from hepatrial.population.deck import Deck
from hepatrial.population.diseases import card_of
from hepatrial.population.eligibility import criteria_measures
from hepatrial.population.machine import Machine
from hepatrial.population.matching import Match, Target, balance, matched_order, require_match
from hepatrial.population.observation import make_clinic
from hepatrial.population.onset import Illness
from hepatrial.population.pool import CHUNK, Pool, Store, build_pool, traits_of
from hepatrial.protocol import Protocol, Wish
from hepatrial.protocol.diseases import CAUSES, Cause
from hepatrial.schema import MEASURES

Array = NDArray[np.float64]

BLOCK = 2_000
"""Admitted patients that are matched together. A block is matched by itself, so that a larger matched run
begins with a smaller one; a matched run always fills whole blocks."""

_STATISTICS = {"mean": "mean", "sd": "sd", "median": "median", "q1": "q25", "q3": "q75"}


@dataclass(frozen=True)
class Cohort:
    """Subjects 1, 2, 3 ... of a run.

    Attributes:
        pool: the admitted patients.
        traits: their parameters before care, sex and so on, in the order of the pool.
        index: (n,) row of the pool that each subject is.
        matches: the match of each block; empty when no Table 1 is asked for.
    """

    pool: Pool
    traits: Candidates
    index: NDArray[np.intp]
    matches: tuple[Match, ...]


def measures_needed(protocol: Protocol) -> tuple[str, ...]:
    """Everything that has to be known at randomisation: visits, criteria, Table 1, admission table."""
    wishes = [wish.variable for wish in protocol.population.table1 if wish.variable in MEASURES]
    names = (*protocol.visits.measures, *criteria_measures(protocol), *wishes, *ADMISSION_MEASURES)
    return tuple(dict.fromkeys((*names, "vasopressor")))


def make_illness(protocol: Protocol, deck: Deck, seed: int, first: int = FIRST_CANDIDATE) -> Illness:
    """What is the same for all candidates of a run; the protocol's referral delay replaces the card's.

    Raises:
        BadInput: the protocol's median delay is beyond the longest that is followed.
    """
    delay = protocol.selection.referral_delay
    if delay is not None:
        cap = deck.value("referral_delay_cap")
        if delay.median >= cap:
            allowed = f"below {cap:g} d, the longest delay followed (referral_delay_cap)"
            place = "selection.referral_delay.median"
            raise BadInput([Problem(place, f"{delay.median:g} d", allowed)])
        name = card_of(deck, "referral_delay", protocol.population.disease)
        card = deck.population[name]
        card = card.model_copy(update={"value": delay.median, "spread": delay.log_sd})
        deck = replace(deck, population={**deck.population, name: card})
    return Illness(protocol, deck, make_clinic(deck, protocol), seed, measures_needed(protocol), first)


def targets_of(protocol: Protocol) -> tuple[Target, ...]:
    """The figures of the protocol's Table 1, one by one, and the shares of causes where several are told.

    What moves patients to other laboratory values must not move their causes.
    """
    population = protocol.population
    told = [target for number, wish in enumerate(population.table1) for target in _figures(number, wish)]
    if told and len(population.causes) > 1:
        told += [
            Target(cause_column(one.cause), "share", one.share, place=f"population.causes[{number}].share")
            for number, one in enumerate(population.causes)
        ]
    return tuple(told)


def cause_column(cause: Cause) -> str:
    """Name under which the matching knows whether a patient has a cause."""
    return f"is_{cause}"


def cause_columns(traits: Candidates) -> dict[str, Array]:
    """(n,) for each cause: 1 for those who have it."""
    return {cause_column(name): (traits.cause == code).astype(np.float64) for code, name in enumerate(CAUSES)}


def _figures(number: int, wish: Wish) -> list[Target]:
    place = f"population.table1[{number}]"
    found = [
        Target(wish.variable, statistic, getattr(wish, entry), place=f"{place}.{entry}")
        for entry, statistic in _STATISTICS.items()
        if getattr(wish, entry) is not None
    ]
    if wish.share is not None:
        cut = wish.above if wish.above is not None else wish.below
        statistic = "share" if cut is None else "share_above" if wish.above is not None else "share_below"
        found.append(Target(wish.variable, statistic, wish.share, cut=cut, place=f"{place}.share"))
    return found


def make_cohort(
    machine: Machine,
    illness: Illness,
    subjects: int,
    *,
    threads: int = 1,
    chunk: int | None = None,
    store: Store | None = None,
    progress: Callable[[int, int], None] | None = None,
    ahead: int | None = None,
    name: Callable[[int], str] | None = None,
    budget: Callable[[int], int] | None = None,
    block_size: int | None = None,
) -> Cohort:
    """Admit and, when the protocol asks for a Table 1, match the subjects of a run.

    Args:
        machine: model and engine.
        illness: protocol, cards, clinic, seed.
        subjects: number of subjects.
        threads, chunk, store, progress, ahead, name: as in ``pool.build_pool``.
        budget: candidates among whom so many have to be admitted; default no such limit.
        block_size: admitted patients that are matched together, default ``BLOCK``.

    Raises:
        BadInput: next to nobody is admitted, or nobody can match the Table 1.
    """
    targets = targets_of(illness.protocol)
    block_size = block_size or BLOCK
    size = pool_size(illness.protocol, subjects, block_size)
    pool = build_pool(
        machine,
        illness,
        size,
        threads=threads,
        chunk=chunk or CHUNK,
        store=store,
        progress=progress,
        ahead=ahead,
        name=name,
        budget=None if budget is None else budget(size),
    )
    traits = traits_of(machine.spec, illness, pool)
    if not targets:
        return Cohort(pool, traits, np.arange(subjects), ())
    columns = table1_columns(machine.spec, pool, traits) | cause_columns(traits)
    index, matches = [], []
    for block, start in enumerate(range(0, size, block_size)):
        rows = slice(start, start + block_size)
        match = balance({name: values[rows] for name, values in columns.items()}, targets)
        require_match(match)
        matches.append(match)
        index.append(start + matched_order(match.weights, illness.seed, block))
    return Cohort(pool, traits, np.concatenate(index)[:subjects], tuple(matches))


def pool_size(protocol: Protocol, subjects: int, block_size: int | None = None) -> int:
    """How many have to be admitted for so many subjects: whole blocks where a Table 1 is matched."""
    block_size = block_size or BLOCK
    whole = -(-subjects // block_size) * block_size
    return whole if targets_of(protocol) else subjects


def table1_columns(spec: ModelSpec, pool: Pool, traits: Candidates) -> dict[str, Array]:
    """What a Table 1 can name, over the pool."""
    parameter = {name: traits.parameters[:, i] for i, name in enumerate(spec.parameters)}
    return {
        **{name: pool.measure(name) for name in pool.measures if name in MEASURES},
        "age": parameter["age"],
        "weight": parameter["weight"],
        "female": traits.female,
        "cirrhosis": parameter["cirrhosis"],
        "infected_at_entry": pool.admitted.infected,
    }


def acceptance_of(*cohorts: Cohort) -> dict[str, Any]:
    """What became of the candidates, and how well a requested Table 1 was met, as plain data.

    Args:
        cohorts: one, or those of several plausible worlds, which are counted together.
    """
    pools = [cohort.pool for cohort in cohorts]
    matches = [match for cohort in cohorts for match in cohort.matches]
    effective = sum(match.effective_n for match in matches) if matches else sum(map(len, pools))
    figures = [
        {
            "variable": target.variable,
            "statistic": target.statistic,
            "cut": target.cut,
            "requested": target.value,
            "achieved": float(np.mean([match.achieved[j] for match in matches])),
            "largest_miss_sd": float(max(match.misses[j] for match in matches)),
        }
        for j, target in enumerate(matches[0].targets if matches else ())
    ]
    return {
        "candidates": sum(pool.candidates for pool in pools),
        "steps": [
            {"name": name, "count": sum(pool.outcomes[name] for pool in pools)} for name in pools[0].outcomes
        ],
        "never_met": [
            {"criterion": label, "count": sum(pool.unmet[label] for pool in pools)}
            for label in pools[0].unmet
        ],
        "pool": sum(map(len, pools)),
        "subjects": sum(len(cohort.index) for cohort in cohorts),
        "distinct_patients": sum(len(np.unique(cohort.index)) for cohort in cohorts),
        "matching": {
            "requested": bool(matches),
            "effective_n": float(effective),
            "largest_miss_sd": max((match.largest_miss for match in matches), default=0.0),
            "figures": figures,
        },
    }
