"""Field types of a protocol file: quantities with units, shares, rates, cell doses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from hepatrial.errors import nearest_name
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, read_quantity, usual_units, write_quantity

Grade = Literal["seen", "seen_secondary", "derived", "article", "recalled", "assumed"]
"""How far a number can be trusted; the words of the evidence table, plus ``assumed``."""

CELLS_PER_KG = (1e4, 2e7)
"""Plausible cells/kg in one infusion. The trials at hand gave 1e5 to 7.5e6."""

CELLS_IN_TOTAL = (1e6, 1.4e9)
"""Plausible cells in one infusion of an adult: the upper end is 2e7/kg at 70 kg."""


@dataclass(frozen=True)
class Refusal:
    """One thing wrong inside a section; ``place`` is relative to the section ("min", "days[2]", "")."""

    place: str
    given: object
    allowed: str
    nearest: str | None = None


def refuse(*refusals: Refusal) -> PydanticCustomError:
    """The error that a validator raises to report one or more refusals at their own places."""
    return PydanticCustomError("refused", "refused", {"refusals": refusals})


def _refused(error: UnitError) -> PydanticCustomError:
    return refuse(Refusal("", error.given, error.allowed, error.nearest))


@dataclass(frozen=True)
class QuantityField:
    """A number written with its unit, kept as a float in ``unit``.

    Attributes:
        unit: unit inside.
        minimum: lowest value allowed, in ``unit``.
        maximum: highest value allowed.
        positive: zero is refused too.
    """

    unit: str
    minimum: float | None = 0.0
    maximum: float | None = None
    positive: bool = False

    def read(self, given: object) -> float:
        """The value in ``unit``; raises a refusal."""
        try:
            value = read_quantity(given, self.unit)
        except UnitError as error:
            raise _refused(error) from None
        if self.minimum is not None and (value < self.minimum or (self.positive and value == self.minimum)):
            word = "above" if self.positive else "not below"
            raise refuse(Refusal("", given, f"{word} {self.minimum:g} {self.unit}"))
        if self.maximum is not None and value > self.maximum:
            raise refuse(Refusal("", given, f"not above {self.maximum:g} {self.unit}"))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: write_quantity(value, self.unit), when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        units = ", ".join(usual_units(self.unit))
        return {"type": "string", "description": f"a number with its unit: {units}"}


class ShareField:
    """A share, written 0.35 or "35 %", kept as a fraction between 0 and 1."""

    def read(self, given: object) -> float:
        """The fraction; raises a refusal."""
        allowed = 'a share: a number from 0 to 1, or a percentage such as "35 %"'
        try:
            value = read_quantity(given, "%") / 100 if isinstance(given, str) else read_quantity(given, "1")
        except UnitError as error:
            raise refuse(Refusal("", given, allowed, error.nearest)) from None
        if not 0.0 <= value <= 1.0:
            raise refuse(Refusal("", given, allowed))
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string"}],
            "description": 'a share: 0.35 or "35 %"',
        }


PARTICLES_PER_KG = (1e6, 1e13)
"""Plausible vesicles/kg in one infusion; animal doses span four orders of magnitude."""

DRUG_PER_KG = (0.1, 50.0)
"""Plausible ug/kg of a growth factor in one dose; the trials at hand gave 5 to 15."""

_KINDS: dict[str, tuple[Literal["cells", "particles", "ug"], bool, tuple[float, float]]] = {
    "cells/kg": ("cells", True, CELLS_PER_KG),
    "cells": ("cells", False, CELLS_IN_TOTAL),
    "particles/kg": ("particles", True, PARTICLES_PER_KG),
    "ug/kg": ("ug", True, DRUG_PER_KG),
}
"""Unit as written -> what is counted, whether for each kg, plausible amounts."""


@dataclass(frozen=True)
class Dose:
    """What one infusion gives.

    Attributes:
        cells: number of cells (or particles, or ug: see ``kind``), for each kg of body weight or in total.
        per_kg: whether it is for each kg.
        kind: "cells", "particles" (vesicles) or "ug" (a drug).
    """

    cells: float
    per_kg: bool
    kind: Literal["cells", "particles", "ug"] = "cells"

    def cells_per_kg(self, weight: float) -> float:
        """Cells (particles, ug) for each kg of a patient of ``weight`` kg."""
        return self.cells if self.per_kg else self.cells / weight

    @property
    def unit(self) -> str:
        """The unit as written."""
        return f"{self.kind}/kg" if self.per_kg else self.kind

    @property
    def text(self) -> str:
        """As it is written in a protocol file."""
        return f"{self.cells!r} {self.unit}"

    @classmethod
    def read(cls, given: object) -> Dose:
        """Read "2e6 cells/kg", "1e8 cells", "1e9 particles/kg" or "15 ug/kg"; raises a refusal when it is no
        plausible dose."""
        if isinstance(given, Dose):
            return given
        for unit, (kind, per_kg, (low, high)) in _KINDS.items():
            if kind == "ug" and not (isinstance(given, str) and _MASS_PER_KG.search(given)):
                continue  # mass over mass has no dimension: the unit has to stand there
            try:
                amount = read_quantity(given, unit)
            except UnitError:
                continue
            if low <= amount <= high:
                return cls(amount, per_kg, kind)
            if kind == "cells":
                raise refuse(Refusal("", given, _dose_sentence(amount, per_kg, low, high)))
            raise refuse(Refusal("", given, f"from {_power(low)} to {_power(high)} {unit}"))
        allowed = (
            'a cell dose such as "1e6 cells/kg" or, in total, "1e8 cells"; of vesicles "1e9 particles/kg", of'
            ' a drug "15 ug/kg"'
        )
        raise refuse(Refusal("", given, allowed))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda dose: dose.text),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        text = 'what one infusion gives: "1e6 cells/kg", "1e8 cells", "1e9 particles/kg", "15 ug/kg"'
        return {"type": "string", "description": text}


_MASS_PER_KG = re.compile(r"g\s*/\s*kg\s*$")


def _dose_sentence(cells: float, per_kg: bool, low: float, high: float) -> str:
    unit = "cells/kg" if per_kg else "cells in total"
    sentence = f"from {_power(low)} to {_power(high)} {unit}"
    if per_kg and CELLS_IN_TOTAL[0] <= cells <= CELLS_IN_TOTAL[1]:
        number = _power(cells)
        sentence += (
            f'. {number} is feasible as cells in total (write "{number} cells") but not for each kg; this'
            " is the unit trap of Lin 2017, whose abstract gives 1-10 x 10^5 cells/kg where two later reviews"
            " print 10^6 and 10^8"
        )
    return sentence


def _power(number: float) -> str:
    """``1e8`` rather than ``1e+08``."""
    mantissa, _, exponent = f"{number:e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _measure_name(given: object) -> str:
    if isinstance(given, str) and given in MEASURES:
        return given
    nearest = nearest_name(given, MEASURES) if isinstance(given, str) else None
    raise refuse(Refusal("", given, f"the name of a measure: {', '.join(MEASURES)}", nearest))


@dataclass(frozen=True)
class _MeasureField:
    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_measure_name)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "enum": list(MEASURES)}


MeasureName = Annotated[str, _MeasureField()]
"""One of ``schema.MEASURES``."""

Days = Annotated[float, QuantityField("d")]
"""A length of time, kept in days."""

PositiveDays = Annotated[float, QuantityField("d", positive=True)]
Rate = Annotated[float, QuantityField("1/d")]
"""A rate, kept per day ("1 % per week")."""

Share = Annotated[float, ShareField()]
LitresPerDay = Annotated[float, QuantityField("L/d", positive=True, maximum=20.0)]
GramsPerDay = Annotated[float, QuantityField("g/d", positive=True, maximum=500.0)]
GramsPerLitre = Annotated[float, QuantityField("g/L", positive=True, maximum=60.0)]
PlasmaVolumes = Annotated[float, QuantityField("plasma volume", positive=True, maximum=5.0)]
Time = Annotated[float, Field(ge=0)]
"""A point in time whose unit is in the name of its key (``days``, ``weeks``), from randomisation."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""Lower-case letters, digits, underscores."""

Text = Annotated[str, Field(min_length=1)]


def _some(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise refuse(Refusal("", [], "a list with at least one entry"))
    return items


SOME = AfterValidator(_some)
"""A list that is not empty. (A minimum length would also complain of lists whose items are wrong.)"""
