"""What happens in designs with stages: who is randomised a second time to what, and which dose goes on."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.protocol import Protocol
from hepatrial.rng import Stream
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial.plan import Plan, arm_names

SECOND_STAGE = "second_stage"
"""Column of the subject table: option drawn at the second randomisation, "" for who had none."""

PHASE = "phase"
"""Column of the subject table: 1 or 2, 0 in the counterfactual arms."""


def second_options(protocol: Protocol, seed: int, plan: Plan) -> NDArray[np.str_]:
    """(n,) option that a person of a re-randomised arm draws, "" in the other arms.

    The draw belongs to the person: the same in every arm, whether or not the person lives to use it.
    """
    second = protocol.rerandomisation
    drawn = np.full(len(plan), "", dtype="<U40")
    if second is None:
        return drawn
    edges = np.cumsum([option.weight for option in second.options.values()])
    uniform = Stream(seed, "rerandomise").uniform(plan.person) * edges[-1]
    which = np.minimum(np.searchsorted(edges, uniform, side="right"), len(edges) - 1)
    names = arm_names(protocol)
    mine = np.isin(plan.arm, [names.index(name) for name in second.arms])
    drawn[mine] = np.array(list(second.options), dtype="<U40")[which[mine]]
    return drawn


def reached_second(
    protocol: Protocol, options: NDArray[np.str_], seen_until: NDArray[np.float64]
) -> NDArray[np.str_]:
    """The options of those who were still followed on the day of the second randomisation, else ""."""
    second = protocol.rerandomisation
    if second is None:
        return options
    return np.where(seen_until > second.day, options, "")


def chosen_arms(protocol: Protocol, subject: pl.DataFrame) -> dict[int, str]:
    """Replicate -> arm that the first phase chose: the highest share alive at the week of the selection.

    Args:
        protocol: with a ``dose_selection``.
        subject: subject table; subjects of an arm's first phase are its first by number.
    """
    plan = protocol.dose_selection
    assert plan is not None
    first = _phased(protocol, subject).filter((pl.col(PHASE) == 1) & pl.col("arm").is_in(plan.among))
    day = 7 * plan.week
    dead = (pl.col("overall_survival_event") == 1) & (pl.col("overall_survival_time") <= day)
    alive = first.group_by("replicate", "arm").agg((1 - dead.mean()).alias("alive"))
    order = pl.col("arm").replace_strict({name: place for place, name in enumerate(plan.among)})
    best = alive.sort("replicate", pl.col("alive"), order, descending=[False, True, False])
    picked = best.unique("replicate", keep="first", maintain_order=True)
    return dict(zip(picked["replicate"].to_list(), picked["arm"].to_list(), strict=True))


def _phased(protocol: Protocol, subject: pl.DataFrame) -> pl.DataFrame:
    plan = protocol.dose_selection
    assert plan is not None
    number = pl.col("subject").rank("ordinal").over("replicate", "arm")
    size = pl.col("arm").replace_strict(plan.first, return_dtype=pl.UInt32)
    phase = pl.when(pl.col("replicate") == PAIR_REPLICATE).then(0).when(number <= size).then(1).otherwise(2)
    return subject.with_columns(phase.cast(pl.Int32).alias(PHASE))


def in_phases(protocol: Protocol, tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The tables of a seamless trial: phases marked, later subjects of doses not chosen left out.

    Args:
        protocol: without a ``dose_selection`` the tables come back as they are.
        tables: "subject", "visit", "event".
    """
    plan = protocol.dose_selection
    if plan is None:
        return tables
    chosen = chosen_arms(protocol, tables["subject"])
    subject = _phased(protocol, tables["subject"])
    arm = pl.col("replicate").replace_strict(chosen, default="", return_dtype=pl.String)
    dropped = pl.col("arm").is_in(plan.among) & (pl.col("arm") != arm) & (pl.col(PHASE) == 2)
    subject = subject.filter(~dropped)
    keys = ["replicate", "subject", "arm"]
    kept = {
        name: table.join(subject.select(keys), on=keys, how="semi", maintain_order="left")
        for name, table in tables.items()
        if name != "subject"
    }
    return {**kept, "subject": subject}
