"""Targets: published statistics that may be fitted to, declared with source row, grade and tolerance
before a fit."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy.special import expit, logit

from hepatrial.calibration.prior import Doubt, doubts_of
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.model.cards import load_cards
from hepatrial.population.deck import Deck, make_deck
from hepatrial.provenance import fingerprint

Array = NDArray[np.float64]
Transform = Literal["logit", "log", "identity"]
LAYERS = ("donors", "hbv_aclf", "alf", "definitions")
"""Order of the fit; each layer is frozen before the next. Acute failure and the other definitions come
after HBV-ACLF
because their hazard scales are relative to the base that HBV-ACLF, with the most deaths, decides. Care
frees nothing
(its figures are bounds) and the cells have a step of their own (``cells``)."""
ALLOWED = ("seen", "seen_secondary", "derived")
"""Grades of a target. ``seen_secondary`` only within ``derived`` arithmetic is refused by the test of the
rows."""
SCALES = ("mortality", "infection", "laboratory", "none")
CONTRADICTION = 4.0
"""Standard errors between two declarations of one quantity above which they cannot both be targets."""


_Row = TypeVar("_Row", bound=BaseModel)


class Target(BaseModel):
    """One published statistic.

    Attributes:
        id: unique name.
        layer: of ``LAYERS``.
        cohort: virtual cohort that the statistic is taken of.
        statistic: name in that cohort's summary.
        study: source study; its deviations on one scale are shared by its targets.
        scale: which between-study deviation it has ("none": a constant of nature or a difference).
        transform: scale on which misses are normal.
        value: in ``unit``.
        se: sampling standard error in ``unit``.
        tolerance: what the model may miss for want of structure, as a standard deviation on the scale of
            ``transform``; declared before the fit.
        unit: of value and se.
        rows: places in the science folder that state the value.
        grade: how it is known.
        note: one sentence.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    layer: str
    cohort: str
    statistic: str
    study: str
    scale: str
    transform: Transform
    value: float
    se: float = Field(gt=0)
    tolerance: float = Field(ge=0)
    unit: str
    rows: list[str] = Field(min_length=1)
    grade: str
    note: str = ""

    @property
    def place(self) -> float:
        """The value on the scale of ``transform``."""
        return float(transformed(np.array([self.value]), self.transform)[0])

    @property
    def spread(self) -> float:
        """Sampling error and tolerance together on the scale of ``transform``."""
        slope = {"logit": 1.0 / (self.value * (1.0 - self.value)) if self.transform == "logit" else 0.0}
        slope |= {"log": 1.0 / self.value if self.transform == "log" else 0.0, "identity": 1.0}
        return math.hypot(self.se * slope[self.transform], self.tolerance)


class World(BaseModel):
    """A virtual world: a reference cohort, patients admitted (0: no patients, as for donors) and days
    followed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    reference: str = ""
    size: int = Field(default=0, ge=0)
    least: float = Field(default=0.08, gt=0, lt=1)
    days: float = Field(gt=0)
    visits: list[float] = []
    outputs: list[str] = []


class View(BaseModel):
    """A virtual cohort: the patients of one arm of a world who meet conditions at admission.

    Attributes:
        world: of the declaration's worlds.
        arm: of the world's reference cohort.
        where: conditions ("bilirubin >= 205").
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    world: str
    arm: str = "smt"
    where: list[str] = []


@dataclass(frozen=True)
class Declaration:
    """What was declared before a fit.

    Attributes:
        targets: in file order.
        worlds: name -> world.
        views: name of a cohort -> which patients it is.
        free: layer -> numbers that the layer's data may move.
        fixed: cards kept at their centre in every draw, with the reason.
        hash: fingerprint of all of it.
    """

    targets: tuple[Target, ...]
    worlds: Mapping[str, World]
    views: Mapping[str, View]
    free: Mapping[str, tuple[Doubt, ...]]
    fixed: Mapping[str, str]
    hash: str

    def of_layer(self, layer: str) -> tuple[Target, ...]:
        """The targets of one layer."""
        return tuple(target for target in self.targets if target.layer == layer)


def transformed(values: Array, transform: Transform) -> Array:
    """Values on the scale on which misses are normal; shares of 0 and 1 are drawn in by 1e-3, values by
    1e-9."""
    if transform == "logit":
        return np.asarray(logit(np.clip(values, 1e-3, 1.0 - 1e-3)), dtype=np.float64)
    if transform == "log":
        return np.log(np.maximum(values, 1e-9))
    return np.asarray(values, dtype=np.float64)


def natural(values: Array, transform: Transform) -> Array:
    """The inverse of ``transformed``."""
    if transform == "logit":
        return np.asarray(expit(values), dtype=np.float64)
    return np.exp(values) if transform == "log" else np.asarray(values, dtype=np.float64)


@cache
def load_declaration() -> Declaration:
    """The declaration that ships (``targets.toml``).

    Raises:
        BadInput: everything that is wrong with it.
    """
    text = files("hepatrial.calibration").joinpath("targets.toml").read_text(encoding="utf-8")
    return read_declaration(text, make_deck())


def read_declaration(toml: str, deck: Deck) -> Declaration:
    """A declaration from TOML text, checked.

    Raises:
        BadInput: not TOML; a target that may not be fitted to (grade), is unknown, repeated or contradicts
            another; a free card that does not exist.
    """
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("targets.toml", str(error), "must be TOML")]) from error
    problems: list[Problem] = []
    targets = tuple(_targets(tables.get("target", []), problems))
    problems += _contradictions(targets)
    worlds = _tables(World, tables.get("world", {}), "world", problems)
    views = _tables(View, tables.get("cohort", {}), "cohort", problems)
    problems += _dangling(targets, worlds, views)
    free = _free(tables.get("free", {}), deck, problems)
    frozen = {str(name): str(why) for name, why in tables.get("frozen", {}).items()}
    problems += _unknown_processes(frozen)
    if problems:
        raise BadInput(problems)
    return Declaration(targets, worlds, views, free, _fixed(frozen, free), fingerprint(tables))


def _targets(rows: Sequence[Any], problems: list[Problem]) -> Iterator[Target]:
    seen: set[str] = set()
    for number, raw in enumerate(rows):
        place = f"targets.toml target[{number}]"
        try:
            target = Target.model_validate(raw)
        except ValidationError as error:
            for e in error.errors():
                field = ".".join(str(part) for part in e["loc"])
                nearest = nearest_name(field, Target.model_fields)
                problems.append(Problem(f"{place}.{field}", repr(e["input"]), e["msg"], nearest))
            continue
        place = f"targets.toml {target.id}"
        if target.grade not in ALLOWED:
            allowed = "never a target; only numbers that were read may be fitted to"
            problems.append(Problem(f"{place}.grade", target.grade, allowed))
        if target.id in seen:
            problems.append(Problem(place, "declared twice", "each target once"))
        for field, known in (("layer", LAYERS), ("scale", SCALES)):
            given = getattr(target, field)
            if given not in known:
                allowed = f"one of {', '.join(known)}"
                problems.append(Problem(f"{place}.{field}", given, allowed, nearest_name(given, known)))
        if target.transform == "logit" and not 0.0 < target.value < 1.0:
            problems.append(Problem(f"{place}.value", f"{target.value:g}", "a share between 0 and 1"))
        if target.transform == "log" and target.value <= 0.0:
            problems.append(Problem(f"{place}.value", f"{target.value:g}", "a number above 0"))
        seen.add(target.id)
        yield target


def _tables(
    kind: type[_Row], tables: Mapping[str, Any], place: str, problems: list[Problem]
) -> dict[str, _Row]:
    found = {}
    for name, raw in tables.items():
        try:
            found[name] = kind.model_validate(raw)
        except ValidationError as error:
            for e in error.errors():
                field = ".".join(str(part) for part in e["loc"])
                nearest = nearest_name(field, kind.model_fields)
                where = f"targets.toml {place}.{name}.{field}"
                problems.append(Problem(where, repr(e["input"]), e["msg"], nearest))
    return found


def _dangling(
    targets: Sequence[Target], worlds: Mapping[str, World], views: Mapping[str, View]
) -> Iterator[Problem]:
    for target in targets:
        if target.cohort not in views:
            place = f"targets.toml {target.id}.cohort"
            yield Problem(place, target.cohort, "a declared cohort", nearest_name(target.cohort, views))
    for name, view in views.items():
        if view.world not in worlds:
            place = f"targets.toml cohort.{name}.world"
            yield Problem(place, view.world, "a declared world", nearest_name(view.world, worlds))


def _contradictions(targets: Sequence[Target]) -> Iterator[Problem]:
    """One study that states one quantity twice, differently."""
    first: dict[tuple[str, str, str], Target] = {}
    for target in targets:
        key = (target.study, target.cohort, target.statistic)
        other = first.setdefault(key, target)
        apart = abs(target.value - other.value) / math.hypot(target.se, other.se)
        if apart > CONTRADICTION:
            given = f"{target.value:g} here, {other.value:g} in {other.id}: {apart:.1f} standard errors apart"
            allowed = f"one study cannot say both of {target.statistic} in {target.cohort}"
            yield Problem(f"targets.toml {target.id}", given, allowed)


def _free(
    tables: Mapping[str, Mapping[str, Any]], deck: Deck, problems: list[Problem]
) -> dict[str, tuple[Doubt, ...]]:
    known = {doubt.name: doubt for doubt in doubts_of(deck)}
    free: dict[str, tuple[Doubt, ...]] = {}
    for layer, rows in tables.items():
        place = f"targets.toml free.{layer}"
        if layer not in LAYERS:
            problems.append(Problem(place, layer, f"one of {', '.join(LAYERS)}", nearest_name(layer, LAYERS)))
        problems += _unknown(rows, deck, f"free.{layer}")
        free[layer] = tuple(
            _prior(name, row, known.get(name), deck) for name, row in rows.items() if _exists(name, deck)
        )
    return free


def _unknown_processes(frozen: Mapping[str, str]) -> Iterator[Problem]:
    known = sorted(set(load_cards().process.values()))
    for name in frozen:
        if name not in known:
            allowed = f"a process of the model: {', '.join(known)}"
            yield Problem("targets.toml frozen", name, allowed, nearest_name(name, known))


def _fixed(frozen: Mapping[str, str], free: Mapping[str, Sequence[Doubt]]) -> dict[str, str]:
    """Uncertain cards of frozen processes that no layer frees, each with the reason."""
    freed = {doubt.name.partition(".")[0] for layer in free.values() for doubt in layer}
    process = load_cards().process
    return {n: frozen[p] for n, p in process.items() if p in frozen and n not in freed}


def _prior(name: str, row: Mapping[str, float], card: Doubt | None, deck: Deck) -> Doubt:
    """The declared prior; the card's own centre and width where none is declared."""
    scale = card.scale if card else "logit" if name.endswith(".share") else "log"
    low, high = (card.low, card.high) if card else (-math.inf, math.inf)
    base, _, part = name.partition(".")
    held = {**deck.model, **deck.population}[base]
    own = held.spread if part == "spread" else held.value
    centre = float(row["centre"]) if "centre" in row else card.centre if card else own
    sd = float(row["log_sd"]) if "log_sd" in row else card.sd if card else math.nan
    return Doubt(name, centre, sd, scale, low, high)


def _exists(name: str, deck: Deck) -> bool:
    return name.partition(".")[0] in {**deck.model, **deck.population}


def _unknown(names: Mapping[str, Any], deck: Deck, where: str) -> Iterator[Problem]:
    cards = {**deck.model, **deck.population}
    for name in names:
        if not _exists(name, deck):
            nearest = nearest_name(name.partition(".")[0], cards)
            yield Problem(f"targets.toml {where}.{name}", name, "a card of the model or population", nearest)
