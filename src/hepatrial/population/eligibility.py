"""A protocol's entry criteria as yes-or-no tables over candidates and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepatrial.population.tags import TAG_MEASURES, definition_tags
from hepatrial.protocol import Protocol

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]

ENFORCED = ("easl_clif", "apasl", "cossh", "decompensated_cirrhosis", "compensated_cirrhosis")
"""Definitions with a rule that limits on single measures cannot write: "one sign or another"."""

VASOPRESSOR_FROM = 0.5
"""Value of the output ``vasopressor`` above which a patient is on vasopressors."""


@dataclass(frozen=True)
class Criterion:
    """A limit on a measure.

    Attributes:
        measure: name of ``schema.MEASURES``.
        low, high: bounds, both included; infinite when there is none.
        label: for messages ("bilirubin at least 171").
    """

    measure: str
    low: float
    high: float
    label: str

    def met(self, value: Array) -> Yes:
        """Where the value is known and within the bounds."""
        return (value >= self.low) & (value <= self.high)


def criteria(protocol: Protocol) -> tuple[Criterion, ...]:
    """The limits of the protocol and of its definition, one criterion for each bound."""
    found = []
    for limit in protocol.entry_limits:
        if limit.min is not None:
            label = f"{limit.measure} at least {limit.min:g}"
            found.append(Criterion(limit.measure, limit.min, np.inf, label))
        if limit.max is not None:
            label = f"{limit.measure} at most {limit.max:g}"
            found.append(Criterion(limit.measure, -np.inf, limit.max, label))
    return tuple(found)


def criteria_measures(protocol: Protocol) -> tuple[str, ...]:
    """The measures that the criteria look at."""
    enforced = TAG_MEASURES if protocol.identity.definition in ENFORCED else ()
    return tuple(dict.fromkeys((*(criterion.measure for criterion in criteria(protocol)), *enforced)))


def exclusion_outputs(protocol: Protocol) -> tuple[str, ...]:
    """The model outputs that the exclusions look at besides the traits."""
    wanted = {"infection_at_entry": "infection", "vasopressors_at_entry": "vasopressor"}
    return tuple(wanted[name] for name in protocol.population.exclude if name in wanted)


def traits_allowed(protocol: Protocol, age: Array, cirrhosis: Array) -> dict[str, Yes]:
    """Criteria that no day can change: label -> met, each (n,)."""
    limits = protocol.population.age
    allowed = {f"age {limits.min:g} to {limits.max:g}": (age >= limits.min) & (age <= limits.max)}
    if "cirrhosis" in protocol.population.exclude:
        allowed["no cirrhosis"] = cirrhosis == 0.0
    return allowed


def limits_met(protocol: Protocol, measures: Mapping[str, Array]) -> dict[str, Yes]:
    """Each criterion on measured or true values: label -> met, of the shape of the values."""
    return {criterion.label: criterion.met(measures[criterion.measure]) for criterion in criteria(protocol)}


def definition_met(protocol: Protocol, measures: Mapping[str, Array], cirrhosis: Array) -> dict[str, Yes]:
    """The definition's own rule where limits cannot write it: label -> met; empty for the other definitions.

    Args:
        protocol: its definition tag and its class of disease.
        measures: ``tags.TAG_MEASURES``.
        cirrhosis: 0 or 1; broadcasts against the measures.
    """
    tag = protocol.identity.definition
    if tag not in ENFORCED:
        return {}
    hbv = np.ones_like(
        cirrhosis
    )  # a protocol's class of disease already says that the liver is a chronic one
    return {f"definition {tag}": definition_tags(measures, cirrhosis=cirrhosis, hbv=hbv)[tag]}


def not_excluded(protocol: Protocol, outputs: Mapping[str, Array], infected_from: float) -> dict[str, Yes]:
    """Exclusions on a day: label -> the patient may enter, of the shape of the outputs."""
    allowed: dict[str, Yes] = {}
    if "infection_at_entry" in protocol.population.exclude:
        allowed["no infection at entry"] = outputs["infection"] < infected_from
    if "vasopressors_at_entry" in protocol.population.exclude:
        allowed["no vasopressors at entry"] = outputs["vasopressor"] <= VASOPRESSOR_FROM
    return allowed


def all_of(conditions: Mapping[str, Yes]) -> Yes:
    """Where every condition holds."""
    met: Yes = np.logical_and.reduce(list(conditions.values()))
    return met


def first_day(eligible: Yes) -> NDArray[np.int64]:
    """First day of each row on which the candidate is eligible, -1 for never.

    Args:
        eligible: (n, days).
    """
    return np.where(eligible.any(axis=1), eligible.argmax(axis=1), -1).astype(np.int64)
