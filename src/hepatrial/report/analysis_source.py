"""Where an analysis takes its tables from: a run folder, ADaM tables, or subject, visit and event tables."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hepatrial.analysis.adam import read_files, trial_tables
from hepatrial.analysis.estimands.estimand import Estimand, estimand_from_dict
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.analysis.estimands.truth import World
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.schema import PAIR_REPLICATE
from hepatrial.trial import RunFolder
from hepatrial.trial.job import Progress
from hepatrial.trial.worlds import simulate_worlds

_STEMS = {"overall_survival": "overall_survival", "transplant_free_survival": "transplant_free_survival"}


@dataclass(frozen=True)
class Source:
    """Tables to analyse and what is known of them.

    Attributes:
        tables: of one trial or of a run's replicates.
        name: for headings.
        contrast: first arm against second.
        labels: arm -> what the reader sees.
        endpoint: name of the endpoint looked at when none is asked for.
        run: the run folder of simulated tables, else None.
        strata: columns by which the run was randomised; () for real tables, which say it with ``--strata``.
        batch_size: patients of a run who share a batch; with_cells: its arms that get cells.
    """

    tables: TrialTables
    name: str
    contrast: tuple[str, str]
    labels: Mapping[str, str]
    endpoint: str
    run: RunFolder | None = None
    strata: tuple[str, ...] = ()
    batch_size: int = 1
    with_cells: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """Fingerprint of the run; "" for real tables."""
        return self.run.hash if self.run else ""


def open_source(path: Path, contrast: str | None = None, cnsr: str = "cdisc", lang: str = "en") -> Source:
    """Open what an analysis is asked about.

    Args:
        path: a run folder; a folder of ``adsl``, ``adtte``, ... files; or one of ``subject``, ``visit`` and
            ``event`` tables (Parquet or CSV) with the columns of ``schema.py``.
        contrast: "FIRST:SECOND"; for a run the first arm that is no control against the control.
        cnsr: how ADTTE codes CNSR.
        lang: of a run's title and arms; real tables call them as they do.

    Raises:
        BadInput: with everything that is wrong.
    """
    if (path / "spec.json").is_file():
        return _run_source(path, contrast, lang)
    names = {file.name.lower() for file in path.iterdir()} if path.is_dir() else set()
    if any(name.startswith("adsl.") for name in names):
        return _real_source(trial_tables(read_files(path), cnsr=cnsr), path.name, contrast)
    if any(name.startswith("subject.") for name in names):
        found = {stem: _table(path, stem) for stem in ("subject", "visit", "event")}
        subjects = found["subject"]
        assert subjects is not None
        return _real_source(TrialTables(subjects, found["visit"], found["event"]), path.name, contrast)
    allowed = "must be a run folder, or a folder with adsl and adtte files, or with a subject table"
    raise BadInput([Problem("SOURCE", str(path), allowed)])


def _table(folder: Path, stem: str) -> pl.DataFrame | None:
    for kind, read in (("parquet", pl.read_parquet), ("csv", pl.read_csv)):
        file = folder / f"{stem}.{kind}"
        if file.is_file():
            try:
                return read(file)
            except (
                Exception
            ) as error:  # readers raise many kinds; each is a file that is not what its name says
                allowed = "must be a readable table"
                raise BadInput([Problem(file.name, type(error).__name__, allowed)]) from None
    return None


def _run_source(path: Path, contrast: str | None, lang: str) -> Source:
    run = RunFolder.open(path)
    protocol = protocol_from_dict(run.spec["protocol"])
    usual = f"{protocol.other_arms[0]}:{protocol.control_arm}"
    arms = _contrast(contrast or usual, tuple(protocol.arms))
    primary = protocol.endpoints.primary
    return Source(
        TrialTables(run.subjects, run.visits, run.events),
        protocol.identity.text("title", lang),
        arms,
        {name: arm.text("label", lang) for name, arm in protocol.arms.items()},
        f"{_STEMS[primary.endpoint]}_{7 * primary.week:g}",
        run,
        _strata(protocol),
        protocol.batch.patients_per_batch,
        tuple(name for name, arm in protocol.arms.items() if arm.regimen),
    )


def _strata(protocol: Protocol) -> tuple[str, ...]:
    """Columns of the strata by which a run was randomised."""
    rule = protocol.randomisation
    if rule is None:
        return ()
    by_centre = rule.by_centre and rule.centres > 1
    return (*(("stratum",) if rule.strata else ()), *(("centre",) if by_centre else ()))


def _real_source(tables: TrialTables, name: str, contrast: str | None) -> Source:
    if "arm" not in tables.subjects.columns:
        raise BadInput([Problem("subject.arm", "no such column", "is needed")])
    arms = tuple(sorted(tables.subjects["arm"].unique().to_list()))
    if contrast is None:
        allowed = f"must say which arm against which, as {arms[0]}:{arms[-1]} (the control second)"
        raise BadInput([Problem("--contrast", "nothing", allowed)])
    chosen = _contrast(contrast, arms)
    last = (
        tables.subjects["overall_survival_time"].max()
        if "overall_survival_time" in tables.subjects.columns
        else 0
    )
    day = 90 if isinstance(last, int | float) and last >= 90 else 28
    return Source(tables, name, chosen, {arm: arm for arm in arms}, f"overall_survival_{day}")


def _contrast(text: str, arms: tuple[str, ...]) -> tuple[str, str]:
    first, colon, second = (part.strip() for part in text.partition(":"))
    problems = []
    if not colon or not first or not second or first == second:
        problems.append(Problem("--contrast", repr(text), "must be FIRST:SECOND, two different arms"))
    else:
        problems = [
            Problem("--contrast", repr(arm), f"must be an arm: {', '.join(arms)}", nearest_name(arm, arms))
            for arm in (first, second)
            if arm not in arms
        ]
    if problems:
        raise BadInput(problems)
    return first, second


def planned_estimands(protocol: Protocol) -> list[Estimand]:
    """The estimands of a protocol.

    Raises:
        BadInput: with everything that is wrong with any of them; an endpoint after follow-up ends.
    """
    made: list[Estimand] = []
    problems: list[Problem] = []
    for number, plan in enumerate(protocol.estimands):
        place = f"estimands[{number}]"
        given = {key: value for key, value in plan.model_dump().items() if value is not None}
        try:
            one = estimand_from_dict(given)
        except BadInput as bad:
            problems += [Problem(f"{place} ({p.place})", p.given, p.allowed, p.nearest) for p in bad.problems]
            continue
        made.append(one)
        end = protocol.follow_up.length
        if one.endpoint.day > end:
            allowed = f"must not be after follow-up ends on day {end:g}"
            problems.append(Problem(f"{place}.endpoint", one.endpoint.name, allowed))
    if problems:
        raise BadInput(problems)
    return made


def worlds_of_run(
    run: RunFolder, worlds: Collection[World], *, pairs: int, progress: Progress | None = None
) -> dict[World, TrialTables]:
    """The counterfactual worlds of a run, simulated into ``worlds-HASH`` inside it and found there again.

    Args:
        run: the run.
        worlds: events that cannot happen, one set a world.
        pairs: patients followed in every arm and world.
        progress: as in ``run_trial``.
    """
    options = run.spec["options"]
    protocol: Protocol = protocol_from_dict(run.spec["protocol"])
    asked = {"worlds": sorted(sorted(world) for world in worlds), "pairs": pairs}
    found = simulate_worlds(
        protocol,
        worlds,
        pairs=pairs,
        seed=options["seed"],
        settings=options["settings"],
        variant=options["variant"],
        out=run.path / f"worlds-{fingerprint(asked)[:12]}",
        progress=progress,
    )
    return {
        world: TrialTables(tables["subject"], tables["visit"], tables["event"])
        for world, tables in found.items()
    }


def trials_only(tables: TrialTables) -> TrialTables:
    """The randomised trials without the counterfactual arms."""
    if "replicate" not in tables.subjects.columns:
        return tables
    return tables.where(pl.col("replicate") != PAIR_REPLICATE)
