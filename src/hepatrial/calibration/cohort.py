"""Virtual cohorts for calibration: admitted through a reference protocol, followed by the rules of any
trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.errors import BadInput
from hepatrial.model.scores import meld_raw, meld_unfloored
from hepatrial.population import Machine, Pool, build_pool, make_deck, make_illness
from hepatrial.population.candidates import Candidates
from hepatrial.population.luck import OCCURRENCES, thresholds
from hepatrial.population.onset import Illness
from hepatrial.population.pool import traits_of
from hepatrial.population.reference import reference_protocol
from hepatrial.protocol import Protocol
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.regimen import course_doses, course_parameters

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]

SEVERE = ("severe_infection", "sbp")
"""Causes that count as a severe infection."""
ANY = (*SEVERE, "mild_infection")


class TooFewAdmitted(Exception):
    """A setting under which next to nobody falls ill as the protocol asks."""


@dataclass(frozen=True)
class Cohort:
    """What one arm of a virtual cohort shows.

    Attributes:
        columns: value at admission of each patient by name: reported labs (SI), ``age``, ``infected``,
            ``meld``, ``meld_unfloored``, ``conjugated_share``, ``delta_share``.
        times: cause of event -> day of the first one after admission, inf for none.
        courses: output -> (n, visits) after admission, NaN after the end.
        visits: days of the courses.
    """

    columns: Mapping[str, Array]
    times: Mapping[str, Array]
    courses: Mapping[str, Array]
    visits: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.columns["age"])

    def subset(self, keep: Yes | NDArray[np.intp]) -> Cohort:
        """Some of the patients."""
        return Cohort(
            {name: column[keep] for name, column in self.columns.items()},
            {name: column[keep] for name, column in self.times.items()},
            {name: course[keep] for name, course in self.courses.items()},
            self.visits,
        )

    def first(self, causes: Sequence[str]) -> Array:
        """Day of the first event of any of the causes."""
        known = [self.times[cause] for cause in causes if cause in self.times]
        return np.minimum.reduce(known) if known else np.full(len(self), np.inf)


@dataclass(frozen=True)
class Admission:
    """Patients of a world at randomisation, stored once and shared by its arms."""

    illness: Illness
    machine: Machine
    pool: Pool
    traits: Candidates


def admit(
    machine: Machine,
    protocol: str | Protocol,
    settings: Mapping[str, float],
    *,
    size: int,
    seed: int,
    least: float,
) -> Admission:
    """Admit patients to a world.

    Args:
        machine: model and engine.
        protocol: of the world, or the name of a reference cohort.
        settings: card -> value.
        size: patients wanted.
        seed: of traits and luck.
        least: share of candidates taken (``population.mix``) below which the setting is given up.

    Raises:
        TooFewAdmitted: fewer than that share of the first candidates can be taken.
    """
    protocol = reference_protocol(protocol) if isinstance(protocol, str) else protocol
    illness = make_illness(protocol, make_deck(settings), seed)

    def check(taken: int, _: int) -> None:
        seen[0] += CHUNK
        if seen[0] >= 2 * CHUNK and taken < least * seen[0]:
            raise TooFewAdmitted(f"{taken} of {seen[0]} candidates of {protocol.identity.id} can be taken")

    seen = [0]
    try:
        pool = build_pool(machine, illness, size, chunk=CHUNK, progress=check)
    except BadInput as error:
        raise TooFewAdmitted(str(error)) from error
    return Admission(illness, machine, pool, traits_of(machine.spec, illness, pool))


CHUNK = 512
"""Candidates followed in one engine call."""
WEEK = 7.0
"""Days for which one more event of a cause is drawn: over years nobody may run out and count as alive."""


def follow(
    admission: Admission,
    arm: str,
    days: float,
    *,
    visits: Sequence[float] = (),
    outputs: Sequence[str] = (),
    variant: Mapping[str, float] | None = None,
    rows: NDArray[np.intp] | None = None,
) -> Cohort:
    """Follow admitted patients under an arm's care and treatment.

    Args:
        admission: who.
        arm: of the world's protocol.
        days: how long.
        visits: days on which ``outputs`` are recorded.
        outputs: model outputs.
        variant: overrides of a structural variant of the cell effect.
        rows: of the pool; default all.
    """
    illness, pool, spec = admission.illness, admission.pool, admission.machine.spec
    protocol = illness.protocol
    rows = np.arange(len(pool)) if rows is None else rows
    n, person = len(rows), pool.admitted.number[rows]
    traits = admission.traits.rows(rows)
    names = arm_names(protocol)
    code = np.full(n, names.index(arm))
    ones, none = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    plan = Plan(ones, person, person, code, np.arange(n), none, none, rows.astype(np.int64))
    parameters = course_parameters(
        protocol, spec, illness.deck, illness.seed, plan, traits.parameters, [variant or {}]
    )
    end = np.full(n, float(days))
    doses = course_doses(protocol, spec, illness.seed, plan, parameters, end)
    shares = ("bilirubin", "bilirubin_conjugated", "bilirubin_delta")
    recorded = tuple(dict.fromkeys((*shares, *outputs)))
    result = admission.machine.solve(
        parameters,
        pool.admitted.state[rows],
        thresholds(
            illness.seed, "course", spec.hazards, person, max(OCCURRENCES["course"], int(days / WEEK))
        ),
        np.tile(np.array([0.0, *visits]), (n, 1)),
        end,
        impulses=doses.impulses if len(doses.row) else None,
        outputs=recorded,
    )
    at = {name: result.values[:, :, i] for i, name in enumerate(result.outputs)}
    return Cohort(
        columns=_columns(admission, rows, {name: at[name][:, 0] for name in shares}),
        times={cause: _first(result, code, n) for code, cause in enumerate(spec.causes)},
        courses={name: at[name][:, 1:] for name in outputs},
        visits=tuple(visits),
    )


def _columns(admission: Admission, rows: NDArray[np.intp], true: Mapping[str, Array]) -> dict[str, Array]:
    pool, spec = admission.pool, admission.machine.spec
    columns = {name: pool.measure(name)[rows] for name in pool.measures}
    traits = admission.traits.rows(rows)
    columns |= {name: traits.column(spec, name) for name in ("age", "cirrhosis")}
    columns["infected"] = pool.admitted.infected[rows]
    columns["conjugated_share"] = (true["bilirubin_conjugated"] + true["bilirubin_delta"]) / true["bilirubin"]
    columns["delta_share"] = true["bilirubin_delta"] / true["bilirubin"]
    labs = (columns["bilirubin"], columns["creatinine"], columns["inr"])
    columns["meld"] = meld_raw(*labs, units="si")
    columns["meld_unfloored"] = meld_unfloored(*labs, units="si")
    return columns


def _first(result: object, cause: int, n: int) -> Array:
    time = np.full(n, np.inf)
    events = result.events  # type: ignore[attr-defined]
    mine = events[events["cause"] == cause]
    np.minimum.at(time, mine["patient"], mine["time"])
    return time
