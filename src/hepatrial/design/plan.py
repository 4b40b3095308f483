"""A design made ready: arms, horizon, looks and boundaries, from a protocol with its ``[design]``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hepatrial.analysis import Boundary, SequentialDesign, group_sequential
from hepatrial.errors import BadInput, Problem
from hepatrial.protocol import Protocol, load_protocol, protocol_from_dict
from hepatrial.protocol.design import Design, Stop


@dataclass(frozen=True)
class Plan:
    """A two-arm comparison as planned.

    Attributes:
        protocol: population, care and regimens; its ``design`` is ``design``.
        settings: cards changed by the design file.
        design: the section.
        treated, control: arms compared.
        sizes: patients of the treated arm and of the control.
        endpoint: "overall_survival" or "transplant_free_survival".
        horizon: days for which each patient is followed.
    """

    protocol: Protocol
    settings: Mapping[str, float]
    design: Design
    treated: str
    control: str
    sizes: tuple[int, int]
    endpoint: str
    horizon: float

    @property
    def patients(self) -> int:
        """Patients of both arms."""
        return sum(self.sizes)

    @property
    def composite(self) -> bool:
        """Whether a transplant counts as an event."""
        return self.endpoint == "transplant_free_survival"

    @property
    def dropout(self) -> float:
        """Rate of leaving the trial, per day."""
        own = self.design.operations.dropout
        return self.protocol.dropout.rate if own is None else own

    def changed(self, **entries: Any) -> Plan:
        """The same plan with other entries of the design (units as in the file).

        Raises:
            BadInput: what cannot be.
        """
        written = self.protocol.as_dict()
        written["design"] = _merged(written["design"], entries)
        return make_plan(protocol_from_dict(written), self.settings)


def _merged(old: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(old)
    for name, value in new.items():
        inner = found.get(name)
        found[name] = (
            _merged(inner, value) if isinstance(inner, dict) and isinstance(value, Mapping) else value
        )
    return found


def load_design(path_or_name: str | Path) -> Plan:
    """Read a protocol (with or without ``[design]``) or a design file.

    A design file names its ``protocol``, may change entries of it under ``[set]`` and holds ``[design]``.

    Raises:
        BadInput: with everything that is wrong.
    """
    protocol, settings = read_design(path_or_name)
    return make_plan(protocol, settings)


def read_design(path_or_name: str | Path) -> tuple[Protocol, dict[str, float]]:
    """The protocol of a design file with its design, and the cards that the file sets.

    Raises:
        BadInput: with everything that is wrong.
    """
    text = _text(path_or_name)
    if text is None:
        return load_protocol(path_or_name), {}
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem(str(path_or_name), str(error), "must be TOML")]) from None
    if "protocol" not in data:
        return load_protocol(path_or_name), {}
    strange = sorted(set(data) - {"protocol", "set", "design", "question", "note"})
    problems = [
        Problem(name, f"unknown section {name!r}", "a design file has protocol, set, design, note")
        for name in strange
    ]
    if problems:
        raise BadInput(problems)
    named = str(data["protocol"])
    beside = Path(path_or_name).parent / named
    base = load_protocol(beside if named.endswith(".toml") else named)
    base, cards = base.with_settings(dict(data.get("set", {})))
    written = base.as_dict()
    written["design"] = data.get("design", {})
    return protocol_from_dict(written), {name: float(str(value)) for name, value in cards.items()}


def _text(path_or_name: str | Path) -> str | None:
    path = Path(path_or_name)
    if path.suffix != ".toml" or not path.is_file():
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None  # the protocol reader says what is wrong


def make_plan(protocol: Protocol, settings: Mapping[str, float] | None = None) -> Plan:
    """The plan of a protocol; without ``[design]`` a fixed design of its sizes and primary endpoint.

    Raises:
        BadInput: a protocol of several treated arms without a design that says which is compared.
    """
    written = protocol.as_dict()
    if protocol.design is None:
        written["design"] = {}
        protocol = protocol_from_dict(written)
    design = protocol.design
    assert design is not None
    treated = design.arm or protocol.other_arms[0]
    sizes = (protocol.arms[treated].n, protocol.arms[protocol.control_arm].n)
    if design.patients is not None:
        sizes = shared(design.patients, sizes)
    return Plan(
        protocol=protocol,
        settings=dict(settings or {}),
        design=design,
        treated=treated,
        control=protocol.control_arm,
        sizes=sizes,
        endpoint=design.endpoint or protocol.endpoints.primary.endpoint,
        horizon=7.0 * (design.week or protocol.endpoints.primary.week),
    )


def shared(patients: int, ratio: tuple[int, int]) -> tuple[int, int]:
    """Patients of each arm in the planned ratio."""
    first = min(max(1, round(patients * ratio[0] / sum(ratio))), patients - 1)
    return first, patients - first


def boundary_of(stop: Stop) -> Boundary:
    """The boundary as the analysis knows it."""
    return Boundary(stop.kind, stop.parameter, stop.cumulative)


def boundaries(plan: Plan, fractions: tuple[float, ...]) -> SequentialDesign:
    """Boundaries, drift and inflation at planned information fractions.

    Raises:
        BadInput: boundaries that cannot be met together.
    """
    design = plan.design
    futility = None if design.futility is None else boundary_of(design.futility)
    binding = bool(design.futility and design.futility.binding)
    return _group_sequential(
        fractions, design.alpha, design.power, boundary_of(design.efficacy), futility, binding
    )


@lru_cache(maxsize=256)
def _group_sequential(
    fractions: tuple[float, ...],
    alpha: float,
    power: float,
    efficacy: Boundary,
    futility: Boundary | None,
    binding: bool,
) -> SequentialDesign:
    return group_sequential(
        fractions, alpha=alpha, power=power, efficacy=efficacy, futility=futility, binding=binding
    )


def look_fractions(expected: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """Planned information at each look as a share of the last one's.

    Args:
        expected: (k,) expected events, or patients with a known outcome, at each look.
    """
    share = np.minimum(np.maximum.accumulate(expected / expected[-1]), 1.0)
    for place in range(1, len(share)):
        share[place] = max(share[place], share[place - 1] + 2e-6)
    return tuple(np.round(share / share[-1], 6).tolist())
