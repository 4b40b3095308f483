"""From a protocol's arm to what the engine gives a patient: parameters of care and impulses of treatment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hepatrial.engine import Impulses
from hepatrial.model.cards import load_cards
from hepatrial.model.spec import ModelSpec
from hepatrial.population.deck import Deck
from hepatrial.protocol import PRODUCTS, Arm, Care, Dosing, Protocol
from hepatrial.protocol.regions import REGIONS
from hepatrial.rng import Stream
from hepatrial.trial.plan import Plan, arm_names
from hepatrial.trial.stages import second_options
from hepatrial.trial.visits import infusion_day

Array = NDArray[np.float64]
Whole = NDArray[np.int64]

LIVER_ROUTES = ("hepatic_artery", "portal_vein", "intrasplenic")
"""Routes into vessels that lead to the liver; the spleen's vein is one of them."""

CELLS_UNIT = 1e6
"""``infuse_cells`` counts in 1e6 viable cells/kg."""


@dataclass(frozen=True)
class Doses:
    """What is given in a chunk of courses, one entry for each impulse.

    Attributes:
        row: course of the chunk.
        day: from randomisation.
        action: index into the model's actions.
        amount: in the action's unit.
        detail: product of a cell infusion, else "".
        stops: whether a transplant ends it.
    """

    row: Whole
    day: Array
    action: Whole
    amount: Array
    detail: NDArray[np.str_]
    stops: NDArray[np.bool_]

    def __getitem__(self, keep: NDArray[np.bool_]) -> Doses:
        """Some of the doses."""
        return Doses(*(getattr(self, field.name)[keep] for field in fields(self)))

    @property
    def impulses(self) -> Impulses:
        """The engine's impulse table."""
        return Impulses(self.row, self.day, self.action, self.amount)


def _liver_share(dosing: Dosing) -> float:
    return 1.0 if dosing.route in LIVER_ROUTES else 0.0


def course_parameters(
    protocol: Protocol,
    spec: ModelSpec,
    deck: Deck,
    seed: int,
    plan: Plan,
    before: Array,
    variants: Sequence[Mapping[str, float]],
) -> Array:
    """Parameters of each course: the patient's own, with the arm's care and, in treated arms, the product.

    Args:
        protocol, spec, deck, seed: of the run.
        plan: n rows.
        before: (n, n_parameters) of each row's patient before admission.
        variants: parameters of each structural variant of the cell effect; they touch treated arms only.

    Returns:
        (n, n_parameters).
    """
    parameters = before.copy()
    column = {name: i for i, name in enumerate(spec.parameters)}
    parameters[:, column["in_hospital"]] = 1.0
    for code, name in enumerate(arm_names(protocol)):
        rows = np.flatnonzero(plan.arm == code)
        if len(rows) == 0:
            continue
        for parameter, setting in _care(protocol.care_of(name), seed, plan.person[rows]).items():
            if parameter not in deck.changed:
                parameters[rows, column[parameter]] = setting
        arm = protocol.arms[name]
        if arm.cells:
            own = {key: parameters[rows, column[key]] for key in ("cell_clearance", "sensitisation_gain")}
            for parameter, setting in product_parameters(protocol, arm, deck, seed, plan, rows, own).items():
                parameters[rows, column[parameter]] = setting
        if any(dosing.effect_of for dosing in arm.regimen):
            apply_variants(parameters, rows, plan.variant, variants, column, deck)
    return parameters


SHARES = (
    "antiviral",
    "lactulose",
    "rifaximin",
    "antibiotics",
    "prophylaxis",
    "renal_replacement",
    "ventilation",
)
"""Entries of care that are a share of patients and an input of the model of the same name."""


def _care(care: Care, seed: int, person: Whole) -> dict[str, Array | float]:
    """Inputs of the model that care sets; who gets what is drawn once for each person, for all arms."""
    set_to: dict[str, Array | float] = {
        name: _share(seed, name, person, getattr(care, name)) for name in SHARES
    }
    for name in ("acetylcysteine", "corticosteroid"):
        course = getattr(care, name)
        if course:
            set_to[name] = _share(seed, name, person, course.share)
            set_to[f"{name}_days"] = course.days
    if care.vasoconstrictor:
        treated = _share(seed, "vasoconstrictor", person, care.vasoconstrictor.share)
        set_to[care.vasoconstrictor.drug] = treated
    if care.plasma:
        set_to["plasma_rate"] = care.plasma.rate
        set_to["plasma_inr_above"] = care.plasma.inr_above
    if care.albumin:
        set_to["albumin_rate"] = care.albumin.rate
        set_to["albumin_below"] = care.albumin.below
    if care.withdrawal:
        set_to["withdrawal_rate"] = care.withdrawal.rate
        set_to["withdrawal_organs"] = care.withdrawal.organs
    return set_to | _transplant(care, seed, person)


def _transplant(care: Care, seed: int, person: Whole) -> dict[str, Array | float]:
    """Listing, offers and what follows; an offer rate of the protocol's own wins over its region's."""
    transplant = care.transplant
    if transplant is None:
        return {"listed": 0.0}
    set_to: dict[str, Array | float] = (
        dict(REGIONS[transplant.region].parameters) if transplant.region else {}
    )
    if transplant.offer_rate is not None:
        set_to["transplant_base"] = transplant.offer_rate
    return set_to | {"listed": _share(seed, "listed", person, transplant.listed)}


def _share(seed: int, decision: str, person: Whole, share: float) -> Array:
    return (Stream(seed, f"care.{decision}").uniform(person) < share).astype(np.float64)


def product_parameters(
    protocol: Protocol,
    arm: Arm,
    deck: Deck,
    seed: int,
    plan: Plan,
    rows: NDArray[np.intp],
    own: Mapping[str, Array],
) -> dict[str, Array | float]:
    """What the products of an arm make of the parameters of its patients.

    An arm that mixes products or routes gets the mean of its lines, weighted by the living cells that each
    gives over the whole regimen. Education is linear in cells and potency, so that what they leave behind in
    all is exact while they die at one rate; an effect counts only on lines that have or borrow one.
    """
    weight = arm_weights(arm)
    cards = [PRODUCTS[dosing.product] for dosing in arm.cells]

    def mean(values: Sequence[float]) -> float:
        return float(np.dot(weight, values))

    first = arm.cells[0].product
    batch = batch_potency(protocol, deck, seed, first, plan.replicate[rows], plan.treated_before[rows])
    return {
        "route_liver_share": mean([_liver_share(dosing) for dosing in arm.cells]),
        "potency": batch * mean([line_potency(dosing) for dosing in arm.cells]),
        "procoagulant": mean([product.value("procoagulant") for product in cards]),
        "cell_clearance": own["cell_clearance"] * mean([product.value("clearance") for product in cards]),
        "sensitisation_gain": own["sensitisation_gain"]
        * mean([product.value("sensitisation") for product in cards]),
    }


def arm_weights(arm: Arm) -> Array:
    """(lines,) share of each line of cells in the living cells of an arm's whole regimen, at 65 kg."""
    given = [float(_cells(dosing, np.array([65.0]))[0]) * len(dosing.days) for dosing in arm.cells]
    shares: Array = np.array(given) / sum(given)
    return shares


def line_potency(dosing: Dosing) -> float:
    """Potency of a line's cells, marrow stromal cells = 1; 0 when no effect is known and none is borrowed."""
    if dosing.effect_of is None:
        return 0.0
    return PRODUCTS[dosing.product].relative_potency(dosing.passage, dosing.induction)


def batch_potency(
    protocol: Protocol, deck: Deck, seed: int, product: str, replicate: Whole, treated_before: Whole
) -> Array:
    """(n,) potency of the batch that each patient is dosed from; log-normal between batches.

    A batch serves ``batch.patients_per_batch`` treated patients of a trial in the order of their numbers,
    with all their infusions; it is keyed by product, replicate and batch number.
    """
    card = deck.model["potency"]
    cv = protocol.batch.between_batch_cv
    if cv is None:
        cv = PRODUCTS[product].value("batch_cv")
    asked = card.spread != load_cards().model["potency"].spread
    spread = card.spread if asked else float(np.sqrt(np.log1p(cv**2)))
    batch = treated_before // protocol.batch.patients_per_batch
    return np.asarray(card.value * np.exp(spread * Stream(seed, f"batch.{product}").normal(replicate, batch)))


def apply_variants(
    parameters: Array,
    rows: NDArray[np.intp],
    variant: Whole,
    variants: Sequence[Mapping[str, float]],
    column: Mapping[str, int],
    deck: Deck,
) -> None:
    """Set each row's variant; a parameter that a setting of the run names keeps the setting."""
    for code, changes in enumerate(variants):
        mine = rows[variant[rows] == code]
        for name, value in changes.items():
            if name not in deck.changed:
                parameters[mine, column[name]] = value


def course_doses(
    protocol: Protocol, spec: ModelSpec, seed: int, plan: Plan, parameters: Array, end: Array
) -> Doses:
    """Everything given at a moment before a course's planned end: infusions and sessions of a device.

    Args:
        protocol, spec, seed: of the run.
        plan: n rows.
        parameters: (n, n_parameters) of the courses.
        end: (n,) planned end of each course.
    """
    weight = parameters[:, spec.parameters.index("weight")]
    parts: list[Doses] = []
    for code, name in enumerate(arm_names(protocol)):
        rows = np.flatnonzero(plan.arm == code)
        if len(rows) == 0:
            continue
        for dosing in protocol.arms[name].regimen:
            for planned in dosing.days:
                when = infusion_day(seed, plan.person[rows], planned, dosing.window)
                given, amount = _given(dosing, weight[rows])
                stops = dosing.after_transplant == "stop"
                parts.append(_part(spec, given, rows, when, amount, dosing.product, stops))
        parts += _sessions(protocol.care_of(name), spec, seed, plan.person, rows, parameters)
    parts += _second_stage(protocol, spec, seed, plan, weight)
    nothing = np.empty(0, dtype=np.intp)
    parts.append(_part(spec, "infuse_cells", nothing, np.empty(0), np.empty(0), ""))
    doses = join_doses(parts)
    return doses[doses.day < end[doses.row]]


def join_doses(parts: Sequence[Doses]) -> Doses:
    """Several tables of doses as one."""
    return Doses(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Doses)))


def impulse_part(
    spec: ModelSpec, dosing: Dosing, rows: NDArray[np.intp], day: Array, weight: Array, detail: str
) -> Doses:
    """One infusion of a line for each of some rows."""
    given, amount = _given(dosing, weight)
    return _part(spec, given, rows, day, amount, detail, dosing.after_transplant == "stop")


def _second_stage(protocol: Protocol, spec: ModelSpec, seed: int, plan: Plan, weight: Array) -> list[Doses]:
    """Infusions that a second randomisation gives; who has left or died before gets none of them."""
    drawn = second_options(protocol, seed, plan)
    parts = []
    for name, option in protocol.rerandomisation.options.items() if protocol.rerandomisation else ():
        rows = np.flatnonzero(drawn == name)
        for dosing in option.regimen:
            given, amount = _given(dosing, weight[rows])
            stops = dosing.after_transplant == "stop"
            for planned in dosing.days:
                when = infusion_day(seed, plan.person[rows], planned, dosing.window)
                parts.append(_part(spec, given, rows, when, amount, dosing.product, stops))
    return parts


def after_stop(doses: Doses, transplant: Array, withdrawal: Array) -> NDArray[np.bool_]:
    """Which doses a transplant or a withdrawal of care takes away.

    Args:
        doses: planned.
        transplant, withdrawal: (n,) day of each course, infinite for none.
    """
    grafted: NDArray[np.bool_] = doses.stops & (doses.day >= transplant[doses.row])
    return grafted | (doses.day >= withdrawal[doses.row])


def _given(dosing: Dosing, weight: Array) -> tuple[str, Array]:
    """Action of the model and its amount for each patient."""
    if PRODUCTS[dosing.product].kind == "drug":
        return "give_gcsf", np.full(len(weight), dosing.dose.cells)
    return "infuse_cells", _cells(dosing, weight)


def _cells(dosing: Dosing, weight: Array) -> Array:
    """1e6 living cells/kg in one infusion of each patient; vesicles as what one cell gives off in a day."""
    dose, product = dosing.dose, PRODUCTS[dosing.product]
    per_kg: Array = np.full(len(weight), dose.cells) if dose.per_kg else dose.cells / weight
    viability = product.value("viability") if dosing.viability is None else dosing.viability
    if product.kind == "vesicles":
        per_kg = per_kg / product.value("cell_equivalent")
    return per_kg * viability / CELLS_UNIT


def _sessions(
    care: Care, spec: ModelSpec, seed: int, person: Whole, rows: NDArray[np.intp], parameters: Array
) -> list[Doses]:
    """Sessions of plasma exchange and of albumin dialysis."""
    parts = []
    if exchange := care.plasma_exchange:
        gets = rows[_share(seed, "plasma_exchange", person[rows], exchange.share) == 1.0]
        if exchange.volumes is None:
            # A litre of plasma weighs about a kilogram.
            litres = parameters[gets, spec.parameters.index("plasma_volume_per_kg")]
            volumes = (exchange.body_weight or 0.0) / litres
        else:
            volumes = np.full(len(gets), exchange.volumes)
        action = "plasma_exchange" if exchange.replacement == "plasma" else "albumin_exchange"
        parts += [_part(spec, action, gets, np.full(len(gets), day), volumes, "") for day in exchange.days]
    if dialysis := care.albumin_dialysis:
        gets = rows[_share(seed, "albumin_dialysis", person[rows], dialysis.share) == 1.0]
        removed = np.full(len(gets), dialysis.removed)
        parts += [
            _part(spec, "mars_session", gets, np.full(len(gets), day), removed, "") for day in dialysis.days
        ]
    return parts


def _part(
    spec: ModelSpec,
    action: str,
    rows: NDArray[np.intp],
    day: Array,
    amount: Array,
    detail: str,
    stops: bool = True,
) -> Doses:
    code = np.full(len(rows), spec.actions.index(action), dtype=np.int64)
    details = np.full(len(rows), detail, dtype="<U24")
    return Doses(rows.astype(np.int64), day, code, amount, details, np.full(len(rows), stops))
