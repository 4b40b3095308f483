"""The virtual reference cohort: admitted through the reference protocol, followed under standard care."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import as_file, files

import numpy as np

from hepatrial.calibration.statistics import Cohort
from hepatrial.engine import Result
from hepatrial.model.spec import ModelSpec
from hepatrial.population.deck import make_deck
from hepatrial.population.luck import thresholds
from hepatrial.population.machine import Machine
from hepatrial.population.observation import make_clinic
from hepatrial.population.onset import Illness, live_through_onset
from hepatrial.population.pool import Pool, cut_pool, traits_of
from hepatrial.protocol import Protocol, load_protocol

FOLLOW_UP = 168.0
MEASURES = ("alt", "ast", "bilirubin", "albumin", "inr", "creatinine", "he_grade")
"""Read at admission; the shares of bilirubin and the infection come from the stored state."""


def reference_protocol() -> Protocol:
    """The protocol of ``reference.toml``."""
    with as_file(files("hepatrial.calibration").joinpath("reference.toml")) as path:
        return load_protocol(path)


def reference_cohort(
    spec: ModelSpec,
    solve: Callable[..., Result],
    settings: Mapping[str, float],
    *,
    candidates: int,
    seed: int,
    protocol: Protocol | None = None,
) -> tuple[Cohort, Pool]:
    """Follow candidates through onset and, those admitted, 24 weeks of standard care.

    Args:
        spec: the model.
        solve: the engine's call without the model.
        settings: card -> value, as ``population.deck.make_deck`` takes them.
        candidates: number of candidates.
        seed: of traits and luck.
        protocol: the reference protocol, when already loaded.

    Returns:
        What happened, and the pool it happened to.
    """
    protocol = protocol or reference_protocol()
    deck = make_deck(settings)
    illness = Illness(protocol, deck, make_clinic(deck, protocol), seed, MEASURES)
    machine = Machine(spec, solve)
    numbers = np.arange(1, candidates + 1)
    parts = [
        live_through_onset(machine, illness, part) for part in np.array_split(numbers, -(-candidates // 512))
    ]
    admitted = sum(len(part.admitted) for part in parts)
    pool = cut_pool(parts, admitted, MEASURES)
    return _follow(machine, illness, pool), pool


def _follow(machine: Machine, illness: Illness, pool: Pool) -> Cohort:
    spec, n = machine.spec, len(pool)
    column = {name: i for i, name in enumerate(spec.parameters)}
    parameters = traits_of(spec, illness, pool).parameters
    parameters[:, column["in_hospital"]] = 1.0
    parameters[:, column["antiviral"]] = 1.0
    result = machine.solve(
        parameters,
        pool.admitted.state,
        thresholds(illness.seed, "course", spec.hazards, pool.admitted.number),
        np.zeros((n, 1)),
        np.full(n, FOLLOW_UP),
        outputs=("bilirubin", "bilirubin_conjugated", "bilirubin_delta"),
    )
    at_entry = dict(zip(result.outputs, result.values[:, 0, :].T, strict=True))
    share = {
        name: at_entry[name] / at_entry["bilirubin"] for name in ("bilirubin_conjugated", "bilirubin_delta")
    }
    labs = {name: pool.measure(name) for name in MEASURES}
    labs |= {name: part * labs["bilirubin"] for name, part in share.items()}
    return Cohort(
        labs=labs,
        he_grade=labs["he_grade"],
        age=parameters[:, column["age"]],
        infected=pool.admitted.infected > 0,
        death_time=_first(result, spec.causes.index("death"), n),
        severe_infection_time=np.minimum(
            *(_first(result, spec.causes.index(cause), n) for cause in ("severe_infection", "sbp"))
        ),
    )


def _first(result: Result, cause: int, n: int) -> np.ndarray:
    """Time of the first event of a cause, inf where there is none."""
    time = np.full(n, np.inf)
    mine = result.events[result.events["cause"] == cause]
    np.minimum.at(time, mine["patient"], mine["time"])
    return time
