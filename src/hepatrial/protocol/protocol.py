"""The protocol: what was planned, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError, model_validator

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.protocol.aftermath import EstimandPlan, Hospital, Intercurrent
from hepatrial.protocol.checks import Parts, broken_rules
from hepatrial.protocol.definitions import DEFINITIONS, Definition
from hepatrial.protocol.design import Design
from hepatrial.protocol.fields import Name
from hepatrial.protocol.places import entries_of, has_entry
from hepatrial.protocol.problems import problems_of, shown
from hepatrial.protocol.randomisation import Randomisation
from hepatrial.protocol.sections import (
    Arm,
    Assumption,
    Batch,
    Care,
    DischargeToDie,
    Dosing,
    Dropout,
    Endpoints,
    FollowUp,
    Identity,
    Limit,
    Noise,
    Population,
    Section,
    Selection,
    Visits,
)
from hepatrial.protocol.stages import DoseSelection, Rerandomisation
from hepatrial.provenance import fingerprint


class Protocol(Section):
    """A trial as planned. Times in days, laboratory values in SI, shares as fractions, doses in cells.

    Made by ``load_protocol`` or ``protocol_from_dict``; a ``Protocol`` that breaks a rule cannot be made.
    """

    identity: Identity
    population: Population
    selection: Selection = Selection()
    arms: dict[Name, Arm]
    randomisation: Randomisation | None = None
    """Strata, blocks and centres; absent: one permutation of the whole trial."""
    rerandomisation: Rerandomisation | None = None
    dose_selection: DoseSelection | None = None
    care: Care = Care()
    batch: Batch = Batch()
    visits: Visits
    assay_noise: tuple[Noise, ...] = ()
    """Noise of assays that differ from the parameter cards."""
    dropout: Dropout = Dropout()
    discharge_to_die: DischargeToDie = DischargeToDie()
    intercurrent: Intercurrent | None = None
    hospital: Hospital | None = None
    endpoints: Endpoints
    follow_up: FollowUp
    estimands: tuple[EstimandPlan, ...] = ()
    """What ``hepatrial analyse`` estimates when nothing else is asked for."""
    design: Design | None = None
    """Looks, boundaries and recruitment, for ``hepatrial design``; a run does not use it."""
    assumptions: tuple[Assumption, ...] = ()
    """What is not known about the trial and how it is handled."""

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if problems := broken_rules(_parts(dict(self), self.as_dict())):
            raise BadInput(problems)
        return self

    @property
    def control_arm(self) -> str:
        """Name of the control arm."""
        return self.endpoints.control_arm

    @property
    def other_arms(self) -> tuple[str, ...]:
        """Names of the arms that are compared with the control, in the file's order."""
        return tuple(name for name in self.arms if name != self.control_arm)

    @property
    def dosings(self) -> tuple[Dosing, ...]:
        """Every line of every regimen, those of a second randomisation among them."""
        arms = [dosing for arm in self.arms.values() for dosing in arm.regimen]
        second = self.rerandomisation.options.values() if self.rerandomisation else ()
        outside = self.intercurrent.outside_cells if self.intercurrent else None
        bought = (outside.regimen,) if outside else ()
        return (*arms, *(dosing for option in second for dosing in option.regimen), *bought)

    @property
    def patients(self) -> int:
        """Patients randomised."""
        return sum(arm.n for arm in self.arms.values())

    @property
    def definition(self) -> Definition:
        """The definition of the disease under its tag."""
        return DEFINITIONS[self.identity.definition]

    @property
    def entry_limits(self) -> tuple[Limit, ...]:
        """One limit a measure: the eligibility limits and those of the definition, the tighter of each."""
        low = dict(self.definition.minimum)
        high: dict[str, float] = {}
        for limit in self.population.eligibility:
            if limit.min is not None:
                low[limit.measure] = max(limit.min, low.get(limit.measure, limit.min))
            if limit.max is not None:
                high[limit.measure] = min(limit.max, high.get(limit.measure, limit.max))
        names = dict.fromkeys([*(limit.measure for limit in self.population.eligibility), *low])
        return tuple(
            Limit.model_construct(measure=name, min=low.get(name), max=high.get(name)) for name in names
        )

    @property
    def survival_days(self) -> tuple[float, ...]:
        """Days at which survival is tabulated: those asked for and that of the primary endpoint."""
        weeks = {*self.endpoints.survival_weeks, self.endpoints.primary.week}
        return tuple(sorted(week * 7.0 for week in weeks))

    def care_of(self, arm: str) -> Care:
        """The care of an arm: the shared care with the arm's own entries in their places."""
        own = {name: value for name, value in self.arms[arm].care if value is not None}
        return self.care.model_copy(update=own)

    def with_patients(self, patients: int) -> Protocol:
        """The same trial with ``patients`` in all, in the ratio of the arms (largest remainders).

        Raises:
            BadInput: fewer patients than arms.
        """
        if patients < len(self.arms):
            allowed = f"at least {len(self.arms)}, one for each arm"
            raise BadInput([Problem("--patients", str(patients), allowed)])
        exact = {name: max(1.0, patients * arm.n / self.patients) for name, arm in self.arms.items()}
        sizes = {name: int(size) for name, size in exact.items()}
        order = sorted(sizes, key=lambda name: (sizes[name] - exact[name], list(sizes).index(name)))
        for turn in range(patients - sum(sizes.values())):
            sizes[order[turn % len(order)]] += 1
        while sum(sizes.values()) > patients:
            sizes[max(sizes, key=lambda name: sizes[name])] -= 1
        data = self.as_dict()
        for name, size in sizes.items():
            data["arms"][name]["n"] = size
        return protocol_from_dict(data)

    def with_settings(self, settings: Mapping[str, object]) -> tuple[Protocol, dict[str, object]]:
        """Apply ``NAME=VALUE`` settings; see ``settings.apply_settings``."""
        from hepatrial.protocol.settings import apply_settings

        return apply_settings(self, settings)

    def as_dict(self) -> dict[str, Any]:
        """The protocol as plain data, units written out; ``protocol_from_dict`` makes an equal one of it."""
        data: dict[str, Any] = self.model_dump(mode="json")
        for name in _NOT_WRITTEN_WHEN_ABSENT:
            if not data[name]:
                del data[name]
        return data

    @property
    def hash(self) -> str:
        """Fingerprint of ``as_dict``: the same for 10 mg/dL and 171 umol/L, and for any order of sections."""
        return fingerprint(self.as_dict())


_NOT_WRITTEN_WHEN_ABSENT = ("intercurrent", "hospital", "estimands", "design", "randomisation")
"""Sections that came later: a protocol without them keeps its hash."""

SECTIONS = entries_of(Protocol)
"""Names of the sections of a protocol file."""

_ARM_NAME: TypeAdapter[str] = TypeAdapter(Name)


def protocol_from_dict(data: Mapping[str, Any]) -> Protocol:
    """Check plain data and make a protocol of it.

    Args:
        data: what a TOML file or ``Protocol.as_dict`` gives.

    Raises:
        BadInput: with everything that is wrong.
    """
    frozen = _frozen(data)
    problems = [
        Problem(name, f"unknown section {name!r}", f"the sections are {', '.join(SECTIONS)}", nearest)
        for name in frozen
        if name not in SECTIONS
        for nearest in [nearest_name(str(name), SECTIONS)]
    ]
    values: dict[str, Any] = {}
    for name, entry in Protocol.model_fields.items():
        if name == "arms":
            continue
        if name in frozen:
            _read_section(name, entry.annotation, frozen[name], values, problems)
        elif entry.is_required():
            problems.append(Problem(name, "nothing", f"the section [{name}] is required"))
    values["arms"] = _read_arms(frozen.get("arms"), problems)
    problems += broken_rules(_parts(values, frozen))
    if problems:
        raise BadInput(problems)
    return Protocol(**values)


def _read_section(name: str, kind: Any, given: Any, values: dict[str, Any], problems: list[Problem]) -> None:
    try:
        values[name] = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problems += problems_of(error.errors(include_url=False), (name,), kind)


def _read_arms(given: Any, problems: list[Problem]) -> dict[str, Arm]:
    """The arms that can be read; the others are put among the problems."""
    if not given or not isinstance(given, dict):
        allowed = "a table for each arm: [arms.msc], [arms.control]"
        problems.append(Problem("arms", shown(given) if given else "nothing", allowed))
        return {}
    arms: dict[str, Arm] = {}
    for name, arm in given.items():
        try:
            _ARM_NAME.validate_python(name)
            arms[name] = Arm.model_validate(arm)
        except ValidationError as error:
            problems += problems_of(error.errors(include_url=False), ("arms", name), Arm)
    return arms


def _parts(values: Mapping[str, Any], data: Mapping[str, Any]) -> Parts:
    arms = data.get("arms")
    names = tuple(arms) if isinstance(arms, Mapping) else ()
    kept = {name: values[name] for name in entries_of_parts() if name in values}
    return Parts(**kept, arm_names=names, has_entry=partial(has_entry, Protocol, data))


def entries_of_parts() -> tuple[str, ...]:
    """The sections that rules look at."""
    return tuple(name for name in Parts.__dataclass_fields__ if name in Protocol.model_fields)


def _frozen(value: Any) -> Any:
    """Lists as tuples, all the way down, so that strict types accept them."""
    if isinstance(value, Mapping):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
