"""Counterfactual worlds: a trial's patients in every arm, where some intercurrent events cannot happen.

The truth of an estimand: a hypothetical event is one that no arm of its world can have.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial.folder import RunFolder
from hepatrial.trial.job import Progress
from hepatrial.trial.run import run_trial

PREVENTABLE = (
    "transplant",
    "withdrawal_of_care",
    "rescue_plasma_exchange",
    "renal_replacement",
    "outside_cells",
    "undelivered_infusion",
)
"""Intercurrent events that a world can be without. In a world without undelivered infusions none is missed;
a transplant or a withdrawal of care still ends them."""

World = frozenset[str]
"""Events that cannot happen in it."""


def world_protocol(
    protocol: Protocol, without: Collection[World]
) -> tuple[Protocol, dict[str, tuple[World, str]]]:
    """A protocol whose arms are those of the trial in each world.

    Nobody leaves observation and every death is learnt of, in all worlds: those are missing data, no part of
    a truth. Each arm has one patient in the trial proper, which nobody looks at.

    Args:
        protocol: the trial.
        without: worlds, each the events that cannot happen there.

    Returns:
        The protocol, and for each of its arms the world and the arm of the trial that it stands for.
    """
    written: dict[str, Any] = protocol.as_dict()
    arms, made, stands = written["arms"], {}, {}
    for number, world in enumerate(sorted(set(without), key=sorted)):
        for name, arm in arms.items():
            own = f"w{number}_{name}"
            care = {key: value for key, value in arm["care"].items() if value is not None}
            made[own] = {**arm, "n": 1, "care": {**care, **_without(protocol, name, world)}}
            stands[own] = (world, name)
    control = next(own for own, (_, name) in stands.items() if name == protocol.control_arm)
    written["arms"] = made
    written["endpoints"]["control_arm"] = control
    written["dropout"] = {"rate": "0 % per week"}
    written["discharge_to_die"]["vital_status_known"] = 1.0
    written["rerandomisation"] = written["dose_selection"] = None
    if later := written.get("intercurrent"):
        written["intercurrent"] = _later(later, stands)
    written["assumptions"] = []
    return protocol_from_dict(written), stands


def _without(protocol: Protocol, arm: str, world: World) -> dict[str, Any]:
    care: dict[str, Any] = {}
    if "transplant" in world:
        care["transplant"] = {"listed": 0.0, "offer_rate": "0 % per week"}
    if "withdrawal_of_care" in world and protocol.care_of(arm).withdrawal:
        care["withdrawal"] = {"rate": "0 % per week", "organs": 6.0}
    if "renal_replacement" in world:
        care["renal_replacement"] = 0.0
    return care


def _later(later: Mapping[str, Any], stands: Mapping[str, tuple[World, str]]) -> dict[str, Any]:
    """The section with each event limited to the arms of the worlds in which it can happen."""

    def may(event: str, arms: Collection[str]) -> list[str]:
        return [
            own for own, (world, name) in stands.items() if event not in world and (not arms or name in arms)
        ]

    made = dict(later)
    for event in ("outside_cells", "rescue_plasma_exchange"):
        if rule := made.get(event):
            left = may(event, rule["arms"])
            made[event] = {**rule, "arms": left} if left else None
    left = may("undelivered_infusion", made["missed_infusion_arms"])
    made["missed_infusion_arms"] = left
    made["missed_infusion"] = made["missed_infusion"] if left else 0.0
    return made


def simulate_worlds(
    protocol: Protocol,
    without: Collection[World],
    *,
    pairs: int,
    seed: int,
    out: Path | str,
    settings: Mapping[str, float] | None = None,
    variant: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[World, dict[str, pl.DataFrame]]:
    """Tables of the counterfactual arms of each world, under the trial's own arm names.

    The patients are those of the run with the same seed and number of pairs, with the same luck in every arm
    and world.

    Args:
        protocol, without: as ``world_protocol``.
        pairs, seed, settings, variant, threads, progress: as ``run_trial``.
        out: run folder of the worlds; one that was interrupted is resumed.

    Returns:
        World -> table name (``subject``, ``visit``, ``event``) -> rows of replicate 0.
    """
    wide, stands = world_protocol(protocol, without)
    run = run_trial(
        wide,
        replicates=1,
        pairs=pairs,
        seed=seed,
        settings=settings,
        variant=variant,
        threads=threads,
        out=out,
        progress=progress,
    )
    return {world: _tables(run, stands, world) for world in set(without)}


def _tables(run: RunFolder, stands: Mapping[str, tuple[World, str]], world: World) -> dict[str, pl.DataFrame]:
    names = {own: name for own, (where, name) in stands.items() if where == world}
    chosen = (pl.col("replicate") == PAIR_REPLICATE) & pl.col("arm").is_in(list(names))
    return {
        name: table.filter(chosen).with_columns(pl.col("arm").replace(names))
        for name, table in (("subject", run.subjects), ("visit", run.visits), ("event", run.events))
    }
