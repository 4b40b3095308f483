"""An ensemble as it was asked for: everything its tables depend on, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hepatrial.ensemble.draws import Draw, read_draws
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.spec import ModelSpec
from hepatrial.provenance import package_versions

FORMAT = 1
"""Version of the folder's layout, part of the spec."""
KIND = "ensemble"
"""How the spec of an ensemble tells itself from that of a trial."""
LARGEST = 100_000_000
"""Most patients of an ensemble."""
PRECISIONS = ("float32", "float64")
BEYOND = ("fail", "never")


@dataclass(frozen=True)
class Options:
    """What is the same for all patients.

    Attributes:
        patients: how many.
        visits: days at which the outputs are recorded, ascending.
        end: day on which every course ends.
        outputs: recorded states, cumulative hazards, observables.
        seed: of all chance.
        events: thresholds are drawn; without, no hazard event ever happens.
        occurrences: thresholds for a cause that recurs.
        beyond: what a cause does after the last of them: ``"fail"`` (the course is reported as failed, since
            the next event cannot be timed) or ``"never"`` (it does not strike again).
        rtol: relative tolerance of the solver.
        max_steps: solver steps of one course.
        precision: of the recorded outputs; times and events are always float64.
        chunk: patients in a shard.
    """

    patients: int
    visits: tuple[float, ...]
    end: float
    outputs: tuple[str, ...]
    seed: int
    events: bool
    occurrences: int
    beyond: str
    rtol: float
    max_steps: int
    precision: str
    chunk: int


@dataclass(frozen=True)
class Plan:
    """An ensemble that has been checked.

    Attributes:
        options: what is the same for all patients.
        draws: what is drawn for each patient.
        regimen: (time, index of the action, amount) of doses that everybody gets.
        columns: parameters and states that the table of patients gives.
        numbered: that table has patient numbers of its own.
        dosed: patients have doses of their own.
    """

    options: Options
    draws: tuple[Draw, ...] = ()
    regimen: tuple[tuple[float, int, float], ...] = ()
    columns: tuple[str, ...] = ()
    numbered: bool = False
    dosed: bool = False

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.options.patients // self.options.chunk)

    def rows(self, chunk: int) -> range:
        """Rows of a chunk."""
        first = chunk * self.options.chunk
        return range(first, min(first + self.options.chunk, self.options.patients))

    def as_spec(self, model_hash: str, inputs: dict[str, str]) -> dict[str, Any]:
        """The ``spec.json`` of its folder; ``inputs`` are names and checksums of the kept tables."""
        return {
            "format": FORMAT,
            "kind": KIND,
            "model_hash": model_hash,
            "options": {
                key: list(x) if isinstance(x, tuple) else x for key, x in asdict(self.options).items()
            },
            "draws": {draw.name: draw.as_dict() for draw in self.draws},
            "regimen": [list(dose) for dose in self.regimen],
            "columns": list(self.columns),
            "numbered": self.numbered,
            "dosed": self.dosed,
            "inputs": inputs,
            "versions": package_versions(),
        }


def plan_of_spec(told: dict[str, Any], model: ModelSpec) -> Plan:
    """The plan that ``as_spec`` wrote down."""
    options: dict[str, Any] = {
        key: tuple(x) if isinstance(x, list) else x for key, x in told["options"].items()
    }
    regimen = tuple((float(time), int(action), float(amount)) for time, action, amount in told["regimen"])
    return Plan(
        Options(**options),
        read_draws(told["draws"], (*model.parameters, *model.states)),
        regimen,
        tuple(told["columns"]),
        told["numbered"],
        told["dosed"],
    )


def option_problems(model: ModelSpec, options: Options) -> list[Problem]:
    """Everything that is wrong with the options, the number of patients apart."""
    found: list[Problem] = []
    known = model.outputs
    allowed = "must be a state, a cumulative hazard or an observable of the model"
    found += [
        Problem("--outputs", repr(name), allowed, nearest_name(str(name), known))
        for name in options.outputs
        if name not in known
    ]
    if len(set(options.outputs)) < len(options.outputs):
        found.append(Problem("--outputs", ",".join(options.outputs), "must name each output once"))
    found += _time_problems(options.visits, options.end)
    for place, given, choices in (
        ("--precision", options.precision, PRECISIONS),
        ("--beyond", options.beyond, BEYOND),
    ):
        if given not in choices:
            found.append(Problem(place, repr(given), f"must be one of {', '.join(choices)}"))
    if not (_number(options.rtol) and 1e-12 <= options.rtol <= 0.1):
        found.append(Problem("--rtol", str(options.rtol), "must be a number from 1e-12 to 0.1"))
    limits = (
        ("--seed", options.seed, 0, 2**64 - 1),
        ("--occurrences", options.occurrences, 1, 10_000),
        ("--max-steps", options.max_steps, 1, 2**40),
        ("--chunk", options.chunk, 1, 1_000_000),
    )
    found += [
        Problem(place, str(value), f"must be a whole number from {low} to {high}")
        for place, value, low, high in limits
        if not whole_between(value, low, high)
    ]
    return found


def _time_problems(visits: Sequence[float], end: float) -> list[Problem]:
    found = []
    if not (_number(end) and end > 0):
        found.append(Problem("--end", str(end), "must be a finite number above 0"))
        end = math.inf
    days = np.array(visits, dtype=np.float64)
    told = ",".join(f"{day:g}" for day in days[:8]) + (",..." if len(days) > 8 else "")
    if len(days) > 32_767:
        found.append(Problem("--visits", f"{len(days)} days", "must be at most 32767"))
    if not (
        np.isfinite(days).all() and (np.diff(days) > 0).all() and (days >= 0).all() and (days <= end).all()
    ):
        found.append(Problem("--visits", told, f"must ascend from 0 on, none after the end ({end:g})"))
    return found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def whole_between(value: object, low: int, high: int) -> bool:
    """Whether it is a whole number within the limits."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def parse_days(text: str, place: str) -> tuple[float, ...]:
    """Days from ``"0,7,14"`` or ranges ``"0:168:7"`` (from, to and with, step), or both.

    Raises:
        BadInput: with every piece that is neither.
    """
    days: list[float] = []
    problems = []
    for piece in text.split(","):
        try:
            numbers = [float(part) for part in piece.split(":")]
            days += numbers if len(numbers) == 1 else _range(*numbers)
        except (ValueError, TypeError):
            allowed = "must be a day, or FROM:TO:STEP with a step above 0"
            problems.append(Problem(place, repr(piece), allowed))
    if problems:
        raise BadInput(problems)
    return tuple(days)


def _range(first: float, last: float, step: float) -> list[float]:
    if not (step > 0 and last >= first and math.isfinite((last - first) / step)):
        raise ValueError
    count = math.floor((last - first) / step * (1 + 1e-12) + 1e-12) + 1
    if count > 1_000_000:
        raise ValueError
    return [first + i * step for i in range(count)]
