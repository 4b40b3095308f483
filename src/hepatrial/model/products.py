"""Cards of the cell products: what a product brings into the patient's course, from ``products.toml``."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.cards import FOLDER, Card, card_faults

CELL_CARDS = (
    "viability",
    "potency",
    "batch_cv",
    "clearance",
    "sensitisation",
    "procoagulant",
    "passage",
    "senescence_half",
    "senescence_loss",
    "commitment_rate",
    "commitment_loss",
)
"""Cards that every product of cells or vesicles has."""

CELL_EQUIVALENT = "cell_equivalent"
"""Card of vesicles: particles that one cell gives off in a day."""

_SENESCENCE_SHAPE = 3.0


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="allow")

    label: str
    label_zh: str
    kind: Literal["cells", "vesicles", "drug"]
    msc: bool
    autologous: bool
    effect: Literal["structural", "unknown"]
    basis: str
    basis_zh: str


@dataclass(frozen=True)
class Product:
    """A product that an arm can get.

    Attributes:
        name: as in a protocol file.
        label, label_zh: what the reader sees.
        kind: cells, vesicles, or a drug given as a comparator.
        msc: whether it is a mesenchymal stromal cell.
        autologous: from the patient: no allo-sensitisation, and each patient is a batch.
        effect: "structural" when the variants of the cell effect are hypotheses about it, "unknown" when
            nothing is known of an effect; it then has none unless the protocol borrows one.
        basis, basis_zh: what that rests on.
        cards: name -> card; empty for a drug.
    """

    name: str
    label: str
    label_zh: str
    kind: Literal["cells", "vesicles", "drug"]
    msc: bool
    autologous: bool
    effect: Literal["structural", "unknown"]
    basis: str
    basis_zh: str
    cards: Mapping[str, Card]

    @property
    def has_effect(self) -> bool:
        """Whether the variants of the cell effect apply to it without borrowing."""
        return self.effect == "structural"

    def value(self, card: str) -> float:
        """Centre of a card."""
        return self.cards[card].value

    def relative_potency(self, passage: float | None = None, induction: float = 0.0) -> float:
        """Potency of the cells as given, marrow stromal cells at their usual passage = 1.

        Args:
            passage: passage of the cells; None: the usual one of the product.
            induction: days of hepatic induction before they are given.

        Senescent share at passage p: 1 - 2^-(p/half)^3, a Weibull law. Committed share after d days:
            1 - exp(-rate d), the share that has left the first stage of ``msc_differentiation.ant``.
        """
        usual = self._output(self.value("passage"))
        given = usual if passage is None else self._output(passage)
        committed = 1.0 - math.exp(-self.value("commitment_rate") * induction)
        loss = 1.0 - self.value("commitment_loss") * committed
        return self.value("potency") * given / usual * loss

    def senescent_share(self, passage: float) -> float:
        """Share of senescent cells at a passage."""
        doublings = math.pow(passage / self.value("senescence_half"), _SENESCENCE_SHAPE)
        return 1.0 - math.pow(2.0, -doublings)

    def _output(self, passage: float) -> float:
        return 1.0 - self.value("senescence_loss") * self.senescent_share(passage)


@cache
def load_products() -> Mapping[str, Product]:
    """The products that ship, by name, in the file's order.

    Raises:
        BadInput: with everything that is wrong in ``products.toml``.
    """
    toml = (FOLDER / "products.toml").read_text(encoding="utf-8")
    return read_products(toml, (FOLDER / "references.bib").read_text(encoding="utf-8"))


def read_products(toml: str, references: str) -> Mapping[str, Product]:
    """Products from TOML text, their sources checked against a BibTeX text.

    Raises:
        BadInput: not TOML, or with every product and card that is wrong and why.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("products.toml", str(error), "must be TOML")]) from error
    keys = frozenset(re.findall(r"^@\w+\{\s*([^,\s]+)\s*,", references, flags=re.MULTILINE))
    problems: list[Problem] = []
    found: dict[str, Product] = {}
    for name, raw in tables.items():
        product = _product(name, raw, keys, problems)
        if product is not None:
            found[name] = product
    if problems:
        raise BadInput(problems)
    return found


def _product(name: str, raw: Any, keys: frozenset[str], problems: list[Problem]) -> Product | None:
    place = f"products.toml {name}"
    try:
        row = _Row.model_validate(raw)
    except ValidationError as error:
        problems += [
            Problem(f"{place}.{'.'.join(map(str, e['loc']))}", repr(e["input"]), e["msg"])
            for e in error.errors()
        ]
        return None
    wanted = {"cells": CELL_CARDS, "vesicles": (*CELL_CARDS, CELL_EQUIVALENT), "drug": ()}[row.kind]
    cards: dict[str, Card] = {}
    for entry, given in (row.model_extra or {}).items():
        if entry not in wanted:
            allowed = f"a card of {row.kind}: {', '.join(wanted) or 'none'}"
            problems.append(Problem(f"{place}.{entry}", repr(given), allowed, nearest_name(entry, wanted)))
            continue
        card, faults = card_faults(f"{place}.{entry}", given, keys)
        problems += faults
        if card is not None:
            cards[entry] = card
    missing = [entry for entry in wanted if entry not in (row.model_extra or {})]
    problems += [Problem(f"{place}.{entry}", "nothing", "needs a card") for entry in missing]
    problems += _nonsense(place, row, cards)
    return Product(name=name, **{field: getattr(row, field) for field in _Row.model_fields}, cards=cards)


def _nonsense(place: str, row: _Row, cards: Mapping[str, Card]) -> list[Problem]:
    shares = [name for name in ("viability", "senescence_loss", "commitment_loss") if name in cards]
    found = [
        Problem(f"{place}.{name}", f"{cards[name].value:g}", "a share from 0 to 1")
        for name in shares
        if not 0 <= cards[name].value <= 1
    ]
    if row.autologous and "sensitisation" in cards and cards["sensitisation"].value:
        given = f"{cards['sensitisation'].value:g}"
        found.append(Problem(f"{place}.sensitisation", given, "0: a patient's own cells do not sensitise"))
    return found
