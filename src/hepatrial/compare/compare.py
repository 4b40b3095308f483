"""A virtual cohort beside a real one: the study of its Table 1, worlds of the ensemble, misses first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hepatrial.calibration import Ensemble
from hepatrial.compare.cohort import RealCohort
from hepatrial.compare.people import People, real_people, virtual_people
from hepatrial.compare.statistics import Item, before_death, correlations, courses, marginals, risks
from hepatrial.compare.study import ARM, horizon, known_treatment, matching_study
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.population.machine import Machine
from hepatrial.prediction.planned import plan_study
from hepatrial.prediction.predict import cores, default_machine, member_of, shipped_ensemble
from hepatrial.prediction.study import Study
from hepatrial.prediction.world import World, live
from hepatrial.protocol import DEFINITIONS
from hepatrial.protocol.plausible import PLAUSIBLE
from hepatrial.provenance import fingerprint
from hepatrial.rng import Stream
from hepatrial.schema import MARK, MEASURES
from hepatrial.units import convert, usual_units

WORLDS = 8
MATCH_MISS = 0.25
"""A row of the Table 1 missed by more of the real SDs than this is named: what follows then compares unlike
patients."""
HORIZONS = (7.0, 21.0, 28.0, 90.0, 180.0, 365.0)

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Group:
    """One group of the cohort and its virtual patients.

    Attributes:
        label: of the group, "all" when the cohort is not split.
        real, virtual: the patients.
        treatment: what the virtual ones got because the group is named after it, or None.
        day: horizon of the bad outcome.
        worlds: draws of the ensemble used.
        admitted: virtual patients before weighting.
        effective_n: of the weights, added up over the worlds.
        matched: rows of the Table 1: label, requested, achieved, miss in SDs, worst first.
        not_used: rows that the model has no column for.
        items: every comparison, worst misses first.
    """

    label: str
    real: People
    virtual: People
    treatment: str | None
    day: float
    worlds: int
    admitted: int
    effective_n: float
    matched: tuple[Mapping[str, Any], ...]
    not_used: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def misses(self) -> tuple[Item, ...]:
        """Items that lie outside what their rule allows."""
        return tuple(item for item in self.items if item.missed)


@dataclass(frozen=True)
class Comparison:
    """A real cohort and its virtual one.

    Attributes:
        name: of the cohort.
        definition: tag of the virtual patients.
        groups: by label.
        unused: measures of the file that the model has no column for.
        undefined: whether an outcome that its source does not define was used.
        hash: of what was compared and with what.
        ensemble: "posterior" or "prior".
    """

    name: str
    definition: str
    groups: tuple[Group, ...]
    unused: tuple[str, ...]
    undefined: bool
    hash: str
    ensemble: str

    def as_dict(self) -> dict[str, Any]:
        """Everything but the patients, for JSON; NaN as None."""
        return {
            "mark": MARK["en"],
            "cohort": self.name,
            "definition": self.definition,
            "ensemble": self.ensemble,
            "hash": self.hash,
            "unused": list(self.unused),
            "undefined_outcome": self.undefined,
            "groups": [
                {
                    "group": group.label,
                    "subjects": len(group.real),
                    "treatment": group.treatment,
                    "horizon_d": group.day,
                    "worlds": group.worlds,
                    "virtual_patients": group.admitted,
                    "effective_n": group.effective_n,
                    "not_used": list(group.not_used),
                    "table1": [dict(row) for row in group.matched],
                    "items": [_plain(asdict(item)) for item in group.items],
                    "missed": len(group.misses),
                    "compared": len(group.items),
                }
                for group in self.groups
            ],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def compare_cohort(
    cohort: RealCohort,
    *,
    definition: str,
    name: str = "cohort",
    etiology: Mapping[str, float | str] | None = None,
    country: str = "",
    by: str | None = None,
    horizon_d: float | None = None,
    worlds: int = WORLDS,
    seed: int = 1,
    threads: int | None = None,
    progress: Progress | None = None,
    ensemble: Ensemble | None = None,
    machine: Machine | None = None,
) -> Comparison:
    """Compare a cohort with virtual patients matched to its Table 1.

    Args:
        cohort: from ``read_cohort``.
        definition, etiology, country: as in a study file.
        name: of the cohort.
        by: a 0/1 trait to split by; virtual patients of a group named after a treatment get it.
        horizon_d: day of the bad outcome; default the latest of ``HORIZONS`` that most were followed to.
        worlds: draws of the ensemble for each group.
        seed: of all chance.
        threads: workers; changes no number.
        progress: called with (stage, done, total).
        ensemble, machine: default those that ship.

    Raises:
        BadInput: options that cannot be, a cohort with too little in it, or one that meets the definition
            only when a measure is read in another unit.
        RunFailed: no world admits such patients.
    """
    _check(worlds, horizon_d)
    ensemble, machine = ensemble or shipped_ensemble(), machine or default_machine()
    parts = cohort.split(by) if by else {"all": cohort}
    people = {label: real_people(part) for label, part in parts.items()}
    if definition in DEFINITIONS:  # what is no definition is refused with the study
        problems = [problem for real in people.values() for problem in wrong_units(real, definition)]
        if problems:
            raise BadInput(list(dict.fromkeys(problems)))
    treatments = {label: known_treatment(by) if by and label == by else None for label in parts}
    studies = {
        label: matching_study(
            "cohort", real, definition=definition, etiology=etiology, country=country,
            treatment=treatments[label],
        )
        for label, real in people.items()
    }  # fmt: skip
    groups = []
    for number, (label, study) in enumerate(studies.items()):
        lived = _worlds(machine, ensemble, study, worlds, seed + number, threads or cores(), progress, label)
        groups.append(_group(label, people[label], lived, study, treatments[label], horizon_d, progress))
    asked = {
        "values": cohort.values.write_csv(), "events": cohort.events.write_csv(), "definition": definition,
        "etiology": dict(etiology or {}), "by": by, "worlds": worlds, "seed": seed, "country": country,
        "ensemble": ensemble.hash, "model": machine.spec.hash,
    }  # fmt: skip
    undefined = bool((cohort.events["event"] == "deterioration").any())
    return Comparison(
        name, studies[next(iter(studies))].definition, tuple(groups), cohort.unused, undefined,
        fingerprint(asked), ensemble.origin.kind,
    )  # fmt: skip


def _check(worlds: int, horizon_d: float | None) -> None:
    problems = []
    if not 1 <= worlds <= 500:
        problems.append(Problem("--worlds", str(worlds), "a whole number from 1 to 500"))
    if horizon_d is not None and not 1 <= horizon_d <= HORIZONS[-1]:
        problems.append(Problem("--horizon", f"{horizon_d:g}", f"days from 1 to {HORIZONS[-1]:g}"))
    if problems:
        raise BadInput(problems)


def wrong_units(people: People, definition: str) -> list[Problem]:
    """Measures at entry most of which miss the definition as declared and meet it read in another unit."""
    found = []
    for name, least in DEFINITIONS[definition].minimum.items():
        x = people.entry.get(name, np.array([]))
        x = x[np.isfinite(x)]
        below = int((x < least).sum())
        if below <= len(x) / 2:
            continue
        unit, high = MEASURES[name].unit, PLAUSIBLE.get(name, (0.0, np.inf))[1]
        for other in usual_units(unit, name):
            read = x * convert(1, other, unit, name)
            if other != unit and ((read >= least) & (read <= high)).mean() > 0.5:
                given = f"{below} of {len(x)} values at entry below {least:g} {unit}"
                allowed = f"patients of {definition} in the unit declared; most would be read in {other}"
                found.append(Problem(f"COHORT.csv, {name}", given, allowed))
    return found


def _worlds(
    machine: Machine, ensemble: Ensemble, study: Study, worlds: int, seed: int, threads: int,
    progress: Progress | None, label: str,
) -> list[World]:  # fmt: skip
    """Worlds that admit such patients, in the order of the draws."""
    planned = plan_study(study)

    def one(number: int) -> World | None:
        member = member_of(ensemble, seed, number, 0)
        luck = int(float(Stream(seed, "compare.world").uniform(number)) * 2**53)
        try:
            return live(machine, study, planned, member, luck)
        except BadInput:  # a draw so far out that its laboratory values are impossible is no world
            return None

    found: list[World] = []
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for done, world in enumerate(pool.map(one, range(worlds)), start=1):
            found += [] if world is None else [world]
            if progress:
                progress(f"worlds, {label}", done, worlds)
    if not found:
        raise RunFailed(
            f"no draw of the ensemble admits patients like these under {study.definition}; "
            "check --definition and --etiology"
        )
    return found


def _group(
    label: str, real: People, lived: list[World], study: Study, treatment: str | None, asked: float | None,
    progress: Progress | None = None,
) -> Group:  # fmt: skip
    end = horizon(real)
    day = asked or max((h for h in HORIZONS if h <= end), default=end)
    virtual = virtual_people([world.arms[ARM] for world in lived], end)
    kinds: tuple[Callable[[], list[Item]], ...] = (
        lambda: marginals(real, virtual),
        lambda: correlations(real, virtual),
        lambda: risks(real, virtual, day),
        lambda: courses(real, virtual, day),
        lambda: before_death(real, virtual, end),
    )
    items: list[Item] = []
    for done, kind in enumerate(kinds, start=1):
        items += kind()
        if progress:
            progress(f"figures, {label}", done, len(kinds))
    items.sort(key=lambda item: (not item.missed, -_rank(item)))
    return Group(
        label, real, virtual, treatment, day, len(lived), sum(world.admitted for world in lived),
        sum(world.effective_n for world in lived), _matched(lived), study.not_used, tuple(items),
    )  # fmt: skip


def _rank(item: Item) -> float:
    """Size of a miss on one scale: SDs as they are, correlations and probabilities times 4."""
    return abs(item.size) * (1.0 if item.scale.startswith("real SD") else 4.0)


def _matched(lived: list[World]) -> tuple[Mapping[str, Any], ...]:
    """Rows of the Table 1, averaged over the worlds, worst first."""
    rows = [
        {
            "label": of_row[0].label,
            "requested": of_row[0].requested,
            "achieved": float(np.mean([one.achieved for one in of_row])),
            "miss": float(np.mean([one.miss for one in of_row])),
        }
        for of_row in zip(*(world.misses for world in lived), strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: -abs(float(row["miss"]))))
