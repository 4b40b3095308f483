"""Bias mechanisms of a simulated trial: each named, with a strength card, acting at one stage of the trial.

Trials are resampled from a bank of patients followed in every arm with the same luck (``trial.bank``). A
mechanism acts before randomisation ends (who is in which arm), during care (which course they have) or at
analysis (what is reported, what is seen). Every decision has a stream of its own, so a mechanism at its
``off`` strength changes no bit and one mechanism does not disturb the draws of another.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import stats

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.rng import Stream
from hepatrial.trial.bank import Bank

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]
Whole = NDArray[np.int64]

RESERVE = 3
"""Candidates for each place of an arm; those left out are replaced from them."""
LATE = 14.0
"""Days within which late exclusion strikes."""
ALPHA = 0.05


class Mechanism(BaseModel):
    """Card of a mechanism; ``low`` and ``high`` bound the prior, ``off`` does nothing."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    stage: Literal["before", "during", "analysis"]
    value: float
    low: float
    high: float
    off: float
    unit: str
    grade: str
    source: str
    meaning: str
    meaning_zh: str


@cache
def mechanisms() -> dict[str, Mechanism]:
    """The cards of ``bias.toml`` by name."""
    text = (resources.files("hepatrial.trial") / "bias.toml").read_text(encoding="utf-8")
    return {name: Mechanism(**card) for name, card in tomllib.loads(text).items()}


def check_strengths(strengths: Mapping[str, float]) -> None:
    """Refuse unknown mechanisms and strengths that cannot be.

    Raises:
        BadInput: with all of them.
    """
    known, problems = mechanisms(), []
    for name, value in strengths.items():
        place = f"bias.{name}"
        if name not in known:
            problems.append(
                Problem(place, repr(value), f"one of {', '.join(known)}", nearest_name(name, known))
            )
            continue
        top = 60.0 if known[name].unit == "d" else 1.0
        bottom = 0.05 if known[name].unit == "hazard ratio" else 0.0
        if not (math.isfinite(value) and bottom <= value <= top):
            problems.append(Problem(place, repr(value), f"a {known[name].unit} from {bottom:g} to {top:g}"))
    if problems:
        raise BadInput(problems)


@dataclass(frozen=True)
class Trials:
    """Simulated trials; t trials of a + b patients (cells, control).

    Attributes:
        world: (t,) world of the bank in which each is run.
        death_cells, death_control: (t, a), (t, b) day of death, infinite for alive at the end.
        labs_cells, labs_control: measure -> (t, a, 2), (t, b, 2) at baseline and week 4, NaN = not seen.
        relief_cells, relief_control: (t, a), (t, b) relief reported at week 4.
        moved: (t,) patients meant for cells who are counted as control.
        excluded: (t,) patients meant for cells who are left out.
        p: (t,) two-sided p of the trial's test; ``favours``: (t,) whether it favours cells.
        published: (t,) whether anybody sees it.
    """

    world: Whole
    death_cells: Array
    death_control: Array
    labs_cells: dict[str, Array]
    labs_control: dict[str, Array]
    relief_cells: Yes
    relief_control: Yes
    moved: Whole
    excluded: Whole
    p: Array
    favours: Yes
    published: Yes

    def seen(self) -> Trials:
        """Only the published ones."""
        keep = self.published
        cut: dict[str, Any] = {}
        for name, value in vars(self).items():
            cut[name] = {k: v[keep] for k, v in value.items()} if isinstance(value, dict) else value[keep]
        return replace(self, **cut)


def draw_trials(
    bank: Bank,
    trials: int,
    *,
    effect: bool,
    strengths: Mapping[str, float] | None = None,
    seed: int = 1,
    sizes: tuple[int, int] | None = None,
) -> Trials:
    """Draw trials of the design's real size from a bank.

    Args:
        bank: patients of worlds, followed in every arm; a trial has all its patients from one world.
        trials: how many are run (those published may be fewer).
        effect: whether cells do what the variant of each trial's world says; without, the cell arm has the
            courses that its patients would have had as controls.
        strengths: mechanism -> strength; those not named are off.
        seed: of all chance.
        sizes: patients with cells and controls, default the design's.

    Raises:
        BadInput: trials below 1, unknown mechanisms or strengths that cannot be; a strength that leaves
            too few patients for an arm.
    """
    strengths = dict(strengths or {})
    if trials < 1:
        raise BadInput([Problem("--trials", str(trials), "a whole number, at least 1")])
    check_strengths(strengths)
    power = {name: strengths.get(name, card.off) for name, card in mechanisms().items()}
    a, b = sizes or bank.sizes
    number = np.arange(1, trials + 1)
    worlds = len(bank.world_size)
    lot = (Stream(seed, "bias.world").uniform(number) * worlds).astype(np.int64)
    world = np.minimum(lot, worlds - 1)

    slot = np.arange((a + b) * RESERVE)[None, :]
    uniform = Stream(seed, "bias.patient").uniform(number[:, None], slot)
    start, size = bank.start[world][:, None], bank.world_size[world][:, None]
    person = start + np.minimum((uniform * size).astype(np.int64), size - 1)
    meant = _allocate(bank, seed, number, person, a * RESERVE, power["allocation"])
    cells = np.take_along_axis(person, meant[0], axis=1)
    control = np.take_along_axis(person, meant[1], axis=1)
    key = (number[:, None], slot[:, : a * RESERVE])

    death = _death_with_cells(bank, seed, key, world, cells, power, effect)
    out, moves = _left_out(bank, seed, key, death, power)
    keep = ~(out | moves)
    rank = np.cumsum(keep, axis=1)
    if (rank[:, -1] < a).any():
        given = ", ".join(f"{k}={v:g}" for k, v in strengths.items())
        raise BadInput(
            [Problem("bias", given, "strengths that leave enough patients alive for the cell arm")]
        )
    before_last = rank < a
    first = np.argsort(~keep, axis=1, kind="stable")[:, :a]
    counted = np.take_along_axis(cells, first, axis=1)
    unblinded = np.take_along_axis(_unblinded(bank, seed, key, cells, power), first, axis=1)

    home = control[:, :b]
    care = "withdrawn" if power["differential_care"] > 0 else "control"
    hit = Stream(seed, "bias.withdrawn").uniform(key[0], slot[:, :b]) < power["differential_care"]
    death_home = np.where(hit, bank.death[care][home], bank.death["control"][home])
    moved = np.minimum((moves & before_last).sum(axis=1), b)
    mover = np.argsort(~(moves & before_last), axis=1, kind="stable")[:, :b]
    instead = np.arange(b)[None, :] < moved[:, None]
    fits = mover.shape[1]
    mixed = death_home.copy()
    mixed[:, :fits] = np.where(
        instead[:, :fits], np.take_along_axis(death, mover, axis=1), death_home[:, :fits]
    )
    who = home.copy()
    who[:, :fits] = np.where(instead[:, :fits], np.take_along_axis(cells, mover, axis=1), home[:, :fits])

    source = "cells" if effect else "control"
    labs = ({m: v[counted] for m, v in bank.labs[source].items()},
            {m: v[who] for m, v in bank.labs["control"].items()})  # fmt: skip
    relief = [_relief(values) for values in labs]
    says = Stream(seed, "bias.says").uniform(key[0], slot[:, :a]) < power["subjective_outcome"]
    alive = np.isfinite(labs[0]["meld"][..., 1])
    relieved = relief[0] | ((says | unblinded) & alive)

    ends = np.take_along_axis(death, first, axis=1)
    p, favours = _test(bank, ends, mixed, labs)
    kept = Stream(seed, "bias.published").uniform(number) < power["selective_publication"]
    return Trials(
        world, ends, mixed, labs[0], labs[1], relieved, relief[1], moved,
        (out & before_last).sum(axis=1), p, favours, ((p < ALPHA) & favours) | kept,
    )  # fmt: skip


def _allocate(
    bank: Bank, seed: int, number: Whole, person: Whole, places: int, correlation: float
) -> tuple[Whole, Whole]:
    """Slots of the candidates of the cell arm and of the control, each in the order of arrival."""
    chance = Stream(seed, "bias.allocate").normal(number[:, None], np.arange(person.shape[1])[None, :])
    key = correlation * bank.prognosis[person] + math.sqrt(1 - correlation**2) * chance
    order = np.argsort(-key, axis=1, kind="stable")
    return np.sort(order[:, :places], axis=1), np.sort(order[:, places:], axis=1)


def _unblinded(
    bank: Bank, seed: int, key: tuple[Whole, Whole], cells: Whole, power: Mapping[str, float]
) -> Yes:
    fever: Yes = bank.fever[cells]
    return fever & (Stream(seed, "bias.fever").uniform(*key) < power["fever_unblinds"])


def _death_with_cells(
    bank: Bank,
    seed: int,
    key: tuple[Whole, Whole],
    world: Whole,
    cells: Whole,
    power: Mapping[str, float],
    effect: bool,
) -> Array:
    """(t, candidates) day of death of those meant for cells, after what happens during care."""
    tag = "cells" if effect else "control"
    death = bank.death[tag][cells]
    listed = Stream(seed, "bias.listed").uniform(*key) < power["differential_care"]
    death = np.where(listed, bank.death[f"{tag}_listed"][cells], death)
    more = Stream(seed, "bias.co_intervention").uniform(*key) < power["co_intervention"]
    more |= _unblinded(bank, seed, key, cells, power)
    death = np.where(more, bank.death[f"{tag}_more"][cells], death)
    ratio = power["single_centre"]
    if ratio != 1.0:
        for one in np.unique(world):
            sample = bank.death[tag][bank.of_world(one)]
            death[world == one] = slower(death[world == one], sample, ratio, bank.length)
    return death


def slower(death: Array, sample: Array, ratio: float, length: float) -> Array:
    """Days of death under a hazard multiplied by ``ratio``.

    A day at which the survival of the sample is u moves to where it is u ** (1 / ratio), so the survival
    becomes S(t) ** ratio; deaths that move past the end of observation are not seen. Survival between two
    deaths of the sample is read off linearly.
    """
    days = np.sort(sample[np.isfinite(sample)])
    n = len(sample)
    survival = 1.0 - np.arange(1, len(days) + 1) / n
    grid, alive = np.concatenate([[0.0], days]), np.concatenate([[1.0], survival])
    u = np.interp(np.where(np.isfinite(death), death, length), grid, alive)
    target = u ** (1.0 / ratio)
    moved = np.interp(target, alive[::-1], grid[::-1])
    gone = ~np.isfinite(death) | (target < alive[-1])
    return np.where(gone, np.inf, moved)


def _left_out(
    bank: Bank, seed: int, key: tuple[Whole, Whole], death: Array, power: Mapping[str, float]
) -> tuple[Yes, Yes]:
    """Who of those meant for cells is left out, and who is counted as control."""
    late = (death < LATE) & (Stream(seed, "bias.late").uniform(*key) < power["late_exclusion"])
    out = late | (death < power["immortal_time"])
    early = death < bank.last_infusion
    moves = ~out & early & (Stream(seed, "bias.as_treated").uniform(*key) < power["as_treated"])
    return out, moves


def _relief(labs: Mapping[str, Array]) -> Yes:
    """Relief as a MELD at week 4 at least 3 points below that at entry, in those alive and seen."""
    change = labs["meld"][..., 1] - labs["meld"][..., 0]
    return np.asarray(np.nan_to_num(change, nan=0.0) <= -3.0)


def logrank_many(cells: Array, control: Array, end: float) -> tuple[Array, Array]:
    """Log-rank test of many trials at once, everybody followed until ``end``.

    Args:
        cells, control: (t, a), (t, b) day of death, infinite for none.
        end: day on which observation stops.

    Returns:
        (t,) observed less expected deaths with cells, and the two-sided p (1 without any death).
    """
    days = np.concatenate([cells, control], axis=1)
    group = np.zeros(days.shape)
    group[:, : cells.shape[1]] = 1.0
    order = np.argsort(days, axis=1, kind="stable")
    days, group = np.take_along_axis(days, order, axis=1), np.take_along_axis(group, order, axis=1)
    n = days.shape[1]
    # Patients are drawn with replacement, so days tie: all of a tie are at risk together (hypergeometric).
    place = np.broadcast_to(np.arange(n), days.shape)
    new = np.ones(days.shape, dtype=bool)
    new[:, 1:] = days[:, 1:] != days[:, :-1]
    start = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    last = np.ones(days.shape, dtype=bool)
    last[:, :-1] = new[:, 1:]
    stop = np.minimum.accumulate(np.where(last, place, n)[:, ::-1], axis=1)[:, ::-1]
    total, tied = n - start, stop - start + 1
    mine = cells.shape[1] - np.take_along_axis(np.cumsum(group, axis=1) - group, start, axis=1)
    died = days <= end
    share = mine / total
    surplus = np.where(died, group - share, 0.0).sum(axis=1)
    spread = share * (1 - share) * (total - tied) / np.maximum(total - 1, 1)
    variance = np.where(died, spread, 0.0).sum(axis=1)
    z = np.divide(surplus, np.sqrt(variance), out=np.zeros(len(days)), where=variance > 0)
    return surplus, np.asarray(2 * stats.norm.sf(np.abs(z)))


def _test(bank: Bank, cells: Array, control: Array, labs: tuple[dict[str, Array], ...]) -> tuple[Array, Yes]:
    """The test a trial is published by: log-rank of deaths, or Welch's of the change of MELD by week 4."""
    if bank.judged_by == "survival":
        surplus, p = logrank_many(cells, control, bank.judged_day)
        return p, surplus < 0
    difference, p = welch(labs[0]["meld"], labs[1]["meld"])
    return p, difference < 0


def welch(cells: Array, control: Array) -> tuple[Array, Array]:
    """Difference of mean changes (cells less control) and Welch's two-sided p; (t, n, 2) with NaN unseen."""
    found = []
    for values in (cells, control):
        change = values[..., 1] - values[..., 0]
        count = np.isfinite(change).sum(axis=1)
        mean = np.nansum(change, axis=1) / np.maximum(count, 1)
        square = np.nansum((change - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1)
        found.append((count, mean, np.maximum(square, 1e-12) / np.maximum(count, 1)))
    (na, ma, va), (nb, mb, vb) = found
    freedom = (va + vb) ** 2 / (va**2 / np.maximum(na - 1, 1) + vb**2 / np.maximum(nb - 1, 1))
    p = 2 * stats.t.sf(np.abs(ma - mb) / np.sqrt(va + vb), freedom)
    return ma - mb, np.where((na > 1) & (nb > 1), p, 1.0)
