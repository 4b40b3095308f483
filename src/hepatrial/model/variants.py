"""Structural variants of the cell effect: parameter overrides with prior weights and one sentence each."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.cards import FOLDER, Cards, load_cards
from hepatrial.model.spec import ModelSpec


@dataclass(frozen=True)
class Variant:
    """One structural hypothesis about what the cells do.

    Attributes:
        name: its key in ``variants.toml``.
        weight: prior weight; the weights of all variants add up to 1.
        overrides: parameter -> value; parameters not named keep their cards' values.
        meaning: one sentence by language ("en", "zh").
        basis: what speaks for it, with keys of ``references.bib``.
        grade: how the weight and strengths are known.
    """

    name: str
    weight: float
    overrides: Mapping[str, float]
    meaning: Mapping[str, str]
    basis: str
    grade: str

    def applied(self, spec: ModelSpec, parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        """Parameters with the overrides.

        Args:
            spec: the model.
            parameters: (n, n_parameters).

        Returns:
            (n, n_parameters), a copy.
        """
        changed = parameters.copy()
        for name, value in self.overrides.items():
            changed[:, spec.parameters.index(name)] = value
        return changed


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    weight: float = Field(gt=0, le=1)
    grade: str
    basis: str
    en: str
    zh: str
    set: dict[str, float] = {}


@cache
def load_variants() -> Mapping[str, Variant]:
    """The variants that ship, by name, in the file's order.

    Raises:
        BadInput: with everything that is wrong in ``variants.toml``.
    """
    return read_variants((FOLDER / "variants.toml").read_text(encoding="utf-8"), load_cards())


def read_variants(toml: str, cards: Cards) -> Mapping[str, Variant]:
    """Variants from TOML text, checked against the cards.

    Raises:
        BadInput: not TOML, or with every variant that is wrong and why.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("variants.toml", str(error), "must be TOML")]) from error
    problems: list[Problem] = []
    variants = {}
    for name, raw in tables.items():
        row = _row(name, raw, problems)
        if row is not None:
            problems.extend(_faults(name, row, cards))
            variants[name] = Variant(
                name, row.weight, row.set, {"en": row.en, "zh": row.zh}, row.basis, row.grade
            )
    total = math.fsum(variant.weight for variant in variants.values())
    if not problems and not math.isclose(total, 1.0, abs_tol=1e-9):
        problems.append(Problem("variants.toml", f"weights add up to {total:g}", "must add up to 1"))
    if problems:
        raise BadInput(problems)
    return variants


def _row(name: str, raw: Any, problems: list[Problem]) -> _Row | None:
    try:
        return _Row.model_validate(raw)
    except ValidationError as error:
        for e in error.errors():
            field = ".".join(str(part) for part in e["loc"])
            nearest = nearest_name(field, _Row.model_fields) if e["type"] == "extra_forbidden" else None
            problems.append(Problem(f"variants.toml {name}.{field}", repr(e["input"]), e["msg"], nearest))
        return None


def _faults(name: str, row: _Row, cards: Cards) -> Iterator[Problem]:
    switches = [key for key, card in cards.model.items() if card.role == "variant"]
    for key, value in row.set.items():
        if key not in switches:
            allowed = "a variant may change parameters of role 'variant' only"
            yield Problem(
                f"variants.toml {name}.set.{key}", f"{value:g}", allowed, nearest_name(key, switches)
            )
