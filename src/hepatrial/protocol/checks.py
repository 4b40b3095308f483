"""What must hold between the sections of a protocol. One rule, one function, looking at parts that exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hepatrial.errors import Problem, nearest_name
from hepatrial.protocol.aftermath import Hospital, Intercurrent
from hepatrial.protocol.definitions import DEFINITIONS
from hepatrial.protocol.design import Design
from hepatrial.protocol.products import PRODUCTS
from hepatrial.protocol.randomisation import YES_OR_NO, Randomisation
from hepatrial.protocol.sections import (
    Arm,
    ArmCare,
    Assumption,
    Batch,
    Care,
    Endpoints,
    FollowUp,
    Identity,
    Population,
    Sessions,
    Visits,
    Wish,
)
from hepatrial.protocol.stages import DoseSelection, Rerandomisation


@dataclass(frozen=True)
class Parts:
    """The sections of a file that could be read; a section that could not is None (an arm is missing)."""

    identity: Identity | None = None
    population: Population | None = None
    arms: Mapping[str, Arm] = field(default_factory=dict)
    arm_names: tuple[str, ...] = ()
    care: Care | None = None
    batch: Batch | None = None
    visits: Visits | None = None
    endpoints: Endpoints | None = None
    follow_up: FollowUp | None = None
    randomisation: Randomisation | None = None
    rerandomisation: Rerandomisation | None = None
    dose_selection: DoseSelection | None = None
    intercurrent: Intercurrent | None = None
    hospital: Hospital | None = None
    design: Design | None = None
    assumptions: tuple[Assumption, ...] | None = None
    has_entry: Callable[[str], bool] = bool
    """Whether a place names an entry that the file has or could have."""


def two_arms(parts: Parts) -> Iterator[Problem]:
    """A treated arm is never shown alone."""
    if len(parts.arm_names) == 1:
        yield Problem("arms", f"only {parts.arm_names[0]!r}", "at least two arms, one of them the control")


def control_exists(parts: Parts) -> Iterator[Problem]:
    if parts.endpoints and parts.arm_names and parts.endpoints.control_arm not in parts.arm_names:
        given = parts.endpoints.control_arm
        yield Problem(
            "endpoints.control_arm",
            repr(given),
            f"the name of an arm: {', '.join(parts.arm_names)}",
            nearest_name(given, parts.arm_names),
        )


def infusions_within_follow_up(parts: Parts) -> Iterator[Problem]:
    if parts.follow_up is None:
        return
    end = parts.follow_up.length
    for name, arm in parts.arms.items():
        for number, dosing in enumerate(arm.regimen):
            for at, day in enumerate(dosing.days):
                if day >= end:
                    place = f"arms.{name}.regimen[{number}].days[{at}]"
                    yield Problem(place, f"day {day:g}", f"before follow-up ends on day {end:g}")


def visits_within_follow_up(parts: Parts) -> Iterator[Problem]:
    if parts.visits is None or parts.follow_up is None:
        return
    key = "weeks" if parts.visits.weeks else "days"
    for at, visit in enumerate(parts.visits.planned):
        if visit.day > parts.follow_up.length:
            end = parts.follow_up.length
            yield Problem(f"visits.{key}[{at}]", visit.name, f"not after follow-up ends on day {end:g}")


def endpoints_within_follow_up(parts: Parts) -> Iterator[Problem]:
    if parts.endpoints is None or parts.follow_up is None:
        return
    weeks = parts.follow_up.length / 7
    if parts.endpoints.primary.week > weeks:
        given = f"week {parts.endpoints.primary.week:g}"
        yield Problem("endpoints.primary.week", given, f"not after follow-up ends in week {weeks:g}")
    for at, week in enumerate(parts.endpoints.survival_weeks):
        if week > weeks:
            place = f"endpoints.survival_weeks[{at}]"
            yield Problem(place, f"week {week:g}", f"not after follow-up ends in week {weeks:g}")


def sessions_within_follow_up(parts: Parts) -> Iterator[Problem]:
    """Every device's course is over before observation ends."""
    if parts.follow_up is None:
        return
    cares: list[tuple[str, Care | ArmCare]] = [
        (f"arms.{name}.care", arm.care) for name, arm in parts.arms.items()
    ]
    if parts.care:
        cares.append(("care", parts.care))
    for place, care in cares:
        for device in ("plasma_exchange", "albumin_dialysis"):
            course: Sessions | None = getattr(care, device)
            if course is None or not course.days or course.days[-1] < parts.follow_up.length:
                continue
            sentence = f"a course that is over before follow-up ends on day {parts.follow_up.length:g}"
            yield Problem(f"{place}.{device}", f"a last session on day {course.days[-1]:g}", sentence)


def definition_can_be_met(parts: Parts) -> Iterator[Problem]:
    if parts.identity is None or parts.population is None:
        return
    definition = DEFINITIONS[parts.identity.definition]
    for number, limit in enumerate(parts.population.eligibility):
        lowest = definition.minimum.get(limit.measure)
        if lowest is not None and limit.max is not None and limit.max < lowest:
            yield Problem(
                f"population.eligibility[{number}].max",
                f"{limit.measure} at most {limit.max:g}",
                f"at least {lowest:g}, which the definition {definition.tag} asks of everybody",
            )


def limits_leave_room(parts: Parts) -> Iterator[Problem]:
    """Several limits on one measure must overlap."""
    if parts.population is None:
        return
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for number, limit in enumerate(parts.population.eligibility):
        name = limit.measure
        low[name] = max(low.get(name, float("-inf")), float("-inf") if limit.min is None else limit.min)
        high[name] = min(high.get(name, float("inf")), float("inf") if limit.max is None else limit.max)
        if low[name] > high[name]:
            sentence = "limits on one measure that somebody can meet together"
            given = f"{name} at least {low[name]:g} and at most {high[name]:g}"
            yield Problem(f"population.eligibility[{number}]", given, sentence)


def table1_within_criteria(parts: Parts) -> Iterator[Problem]:
    """A mean or median outside the entry criteria cannot be matched by anybody."""
    if parts.population is None:
        return
    for number, wish in enumerate(parts.population.table1):
        low, high = _bounds(parts.population, wish.variable)
        for entry in ("mean", "median"):
            value = getattr(wish, entry)
            if value is not None and not low <= value <= high:
                place = f"population.table1[{number}].{entry}"
                allowed = f"within the entry criteria, {low:g} to {high:g}"
                yield Problem(place, f"{wish.variable} {value:g}", allowed)


def _bounds(population: Population, variable: str) -> tuple[float, float]:
    if variable == "age":
        return population.age.min, population.age.max
    limits = [limit for limit in population.eligibility if limit.measure == variable]
    low = max((limit.min for limit in limits if limit.min is not None), default=float("-inf"))
    high = min((limit.max for limit in limits if limit.max is not None), default=float("inf"))
    return low, high


def table1_once(parts: Parts) -> Iterator[Problem]:
    """Each statistic is asked for once."""
    if parts.population is None:
        return
    seen: set[tuple[object, ...]] = set()
    for number, wish in enumerate(parts.population.table1):
        for statistic in _statistics(wish):
            if statistic in seen:
                sentence = "each statistic of a variable once"
                yield Problem(f"population.table1[{number}]", f"{statistic[1]} of {wish.variable}", sentence)
            seen.add(statistic)


def _statistics(wish: Wish) -> Iterator[tuple[object, ...]]:
    for entry in ("mean", "sd", "median", "q1", "q3"):
        if getattr(wish, entry) is not None:
            yield (wish.variable, entry)
    if wish.share is not None:
        yield (wish.variable, "share", wish.above, wish.below)


def excluded_not_wanted(parts: Parts) -> Iterator[Problem]:
    """A share of what is excluded can only be 0."""
    if parts.population is None:
        return
    for number, wish in enumerate(parts.population.table1):
        if wish.variable in parts.population.exclude and wish.share:
            allowed = f"0, because population.exclude has {wish.variable!r}"
            yield Problem(f"population.table1[{number}].share", f"{wish.share:g}", allowed)


def autologous_batches(parts: Parts) -> Iterator[Problem]:
    if parts.batch is None or parts.batch.patients_per_batch == 1:
        return
    for name, arm in parts.arms.items():
        for dosing in arm.regimen:
            if PRODUCTS[dosing.product].autologous:
                given = f"{parts.batch.patients_per_batch} with {dosing.product} in arm {name}"
                yield Problem(
                    "batch.patients_per_batch", given, "1: an autologous product is made for one patient"
                )
                return


def borrowing_makes_sense(parts: Parts) -> Iterator[Problem]:
    """An effect is borrowed by a product that has none known, from one that has."""
    lenders = [name for name, product in PRODUCTS.items() if product.has_effect]
    for name, arm in parts.arms.items():
        for number, dosing in enumerate(arm.regimen):
            place = f"arms.{name}.regimen[{number}].borrow_from"
            if dosing.borrow_from is None:
                continue
            if dosing.borrow_from not in lenders:
                allowed = f"a product with an effect of its own to lend: {', '.join(lenders)}"
                yield Problem(place, dosing.borrow_from, allowed)
            elif PRODUCTS[dosing.product].has_effect:
                yield Problem(
                    place, dosing.borrow_from, f"nothing: {dosing.product} has an effect of its own"
                )


def second_randomisation_fits(parts: Parts) -> Iterator[Problem]:
    """It concerns arms that exist, with products that they already get, within follow-up."""
    second = parts.rerandomisation
    if second is None:
        return
    for number, name in enumerate(second.arms):
        if name not in parts.arm_names:
            nearest = nearest_name(name, parts.arm_names)
            allowed = f"the name of an arm: {', '.join(parts.arm_names)}"
            yield Problem(f"rerandomisation.arms[{number}]", name, allowed, nearest)
    given = {
        dosing.product for name in second.arms if name in parts.arms for dosing in parts.arms[name].regimen
    }
    for name, option in second.options.items():
        for number, dosing in enumerate(option.regimen):
            place = f"rerandomisation.options.{name}.regimen[{number}]"
            if dosing.product not in given:
                allowed = f"a product that the arm gets from the start: {', '.join(sorted(given)) or 'none'}"
                yield Problem(f"{place}.product", dosing.product, allowed)
            if parts.follow_up and dosing.days[-1] >= parts.follow_up.length:
                end = parts.follow_up.length
                yield Problem(f"{place}.days", f"day {dosing.days[-1]:g}", f"before day {end:g}")


def dose_selection_fits(parts: Parts) -> Iterator[Problem]:
    """Every arm has a first phase no larger than itself; the choice is among treated arms."""
    plan = parts.dose_selection
    if plan is None:
        return
    if set(plan.first) != set(parts.arm_names):
        yield Problem(
            "dose_selection.first", ", ".join(plan.first), f"every arm: {', '.join(parts.arm_names)}"
        )
    for name, size in plan.first.items():
        if name in parts.arms and size > parts.arms[name].n:
            yield Problem(f"dose_selection.first.{name}", str(size), f"at most {parts.arms[name].n}, its n")
    treated = [name for name, arm in parts.arms.items() if arm.regimen]
    for number, name in enumerate(plan.among):
        if name not in treated:
            allowed = f"a treated arm: {', '.join(treated)}"
            yield Problem(f"dose_selection.among[{number}]", name, allowed, nearest_name(name, treated))
    if parts.follow_up and 7 * plan.week > parts.follow_up.length:
        end = parts.follow_up.length / 7
        yield Problem("dose_selection.week", f"week {plan.week:g}", f"not after week {end:g}")


def outside_cells_fit(parts: Parts) -> Iterator[Problem]:
    """Arms that exist, days within follow-up, and an effect that somebody knows or lends."""
    outside = parts.intercurrent.outside_cells if parts.intercurrent else None
    if outside is None:
        return
    place = "intercurrent.outside_cells"
    yield from _arms_exist(parts, f"{place}.arms", outside.arms)
    last = outside.regimen.days[-1] + outside.spread
    if parts.follow_up and last >= parts.follow_up.length:
        end = parts.follow_up.length
        yield Problem(f"{place}.regimen.days", f"as late as day {last:g}", f"before day {end:g}")


def _arms_exist(parts: Parts, place: str, arms: Iterable[str]) -> Iterator[Problem]:
    for number, name in enumerate(arms):
        if name not in parts.arm_names:
            allowed = f"the name of an arm: {', '.join(parts.arm_names)}"
            yield Problem(f"{place}[{number}]", name, allowed, nearest_name(name, parts.arm_names))


def rescue_fits(parts: Parts) -> Iterator[Problem]:
    """A rescue begins within follow-up and, for its record, renal replacement is given to somebody."""
    later = parts.intercurrent
    rescue = later.rescue_plasma_exchange if later else None
    if later:
        yield from _arms_exist(parts, "intercurrent.missed_infusion_arms", later.missed_infusion_arms)
    if rescue:
        yield from _arms_exist(parts, "intercurrent.rescue_plasma_exchange.arms", rescue.arms)
    if rescue and parts.follow_up and rescue.until >= parts.follow_up.length:
        end = parts.follow_up.length
        place = "intercurrent.rescue_plasma_exchange.until"
        yield Problem(place, f"day {rescue.until:g}", f"before follow-up ends on day {end:g}")
    if rescue and parts.visits and rescue.measure not in parts.visits.measures:
        allowed = f"a measure of the visits: {', '.join(parts.visits.measures)}"
        nearest = nearest_name(rescue.measure, parts.visits.measures)
        yield Problem("intercurrent.rescue_plasma_exchange.measure", rescue.measure, allowed, nearest)
    if later and later.missed_infusion and not any(arm.cells for arm in parts.arms.values()):
        given = f"{later.missed_infusion:.0%}"
        yield Problem("intercurrent.missed_infusion", given, "0 where no arm gets cells")


def design_fits(parts: Parts) -> Iterator[Problem]:
    """The design compares arms that are there, within follow-up, with no more events than patients."""
    plan = parts.design
    if plan is None:
        return
    control = parts.endpoints.control_arm if parts.endpoints else None
    treated = [name for name in parts.arm_names if name != control]
    if plan.arm is not None and plan.arm not in treated:
        nearest = nearest_name(plan.arm, treated)
        yield Problem("design.arm", repr(plan.arm), f"an arm to compare: {', '.join(treated)}", nearest)
    elif plan.arm is None and len(treated) > 1 and plan.question in ("superiority", "borrowing"):
        allowed = f"one of {', '.join(treated)}: a design of two arms cannot tell which of several is better"
        yield Problem("design.arm", "nothing", allowed)
    if plan.question == "dose_selection" and parts.dose_selection is None:
        allowed = "answerable with a section [dose_selection] and several treated arms only"
        yield Problem("design.question", "'dose_selection'", allowed)
    if plan.question == "second_course" and parts.rerandomisation is None:
        allowed = "answerable with a section [rerandomisation] only: without it nobody is drawn again"
        yield Problem("design.question", "'second_course'", allowed)
    patients = plan.patients or sum(arm.n for arm in parts.arms.values())
    if plan.looks.events and patients and plan.looks.events[-1] > patients:
        given = f"{plan.looks.events[-1]} events"
        yield Problem("design.looks.events", given, f"at most the {patients} patients, who die once")
    if plan.week is not None and parts.follow_up and 7 * plan.week > parts.follow_up.length + 1e-9:
        end = parts.follow_up.length / 7
        yield Problem("design.week", f"week {plan.week:g}", f"not after follow-up ends in week {end:g}")


def assumptions_point_somewhere(parts: Parts) -> Iterator[Problem]:
    for number, assumption in enumerate(parts.assumptions or ()):
        if not parts.has_entry(assumption.about):
            place = f"assumptions[{number}].about"
            yield Problem(place, repr(assumption.about), "the place of an entry, as arms.msc.regimen[0].dose")


def randomisation_fits(parts: Parts) -> Iterator[Problem]:
    """Blocks hold the arms in their planned ratio; measures that part strata are known at randomisation."""
    rule = parts.randomisation
    if rule is None:
        return
    sizes = [arm.n for arm in parts.arms.values()]
    if len(sizes) > 1 and len(sizes) == len(parts.arm_names) and not rule.block_of(sizes):
        fitting = ", ".join(map(str, rule.fitting_blocks(sizes))) or "none up to 24: change the arms' sizes"
        yield Problem(
            "randomisation.block", str(rule.block), f"a block in which the arms are whole: {fitting}"
        )
    if parts.visits is None or parts.population is None:
        return
    known = {*parts.visits.measures, *(limit.measure for limit in parts.population.eligibility), *YES_OR_NO}
    for place, stratum in enumerate(rule.strata):
        if stratum.by not in known:
            allowed = "a measure of the visits or the eligibility, so that it is known at randomisation"
            yield Problem(
                f"randomisation.strata[{place}].by", stratum.by, allowed, nearest_name(stratum.by, known)
            )


RULES: tuple[Callable[[Parts], Iterator[Problem]], ...] = (
    two_arms,
    control_exists,
    infusions_within_follow_up,
    visits_within_follow_up,
    endpoints_within_follow_up,
    sessions_within_follow_up,
    definition_can_be_met,
    limits_leave_room,
    table1_within_criteria,
    table1_once,
    excluded_not_wanted,
    autologous_batches,
    borrowing_makes_sense,
    randomisation_fits,
    second_randomisation_fits,
    dose_selection_fits,
    outside_cells_fit,
    rescue_fits,
    design_fits,
    assumptions_point_somewhere,
)


def broken_rules(parts: Parts) -> list[Problem]:
    """Every problem between the sections."""
    return [problem for rule in RULES for problem in rule(parts)]
