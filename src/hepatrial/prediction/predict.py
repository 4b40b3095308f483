"""Predict a study from its Table 1: worlds of the ensemble, rivals, draws at the study's size, a folder that
resumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hepatrial.calibration import Ensemble, load_ensemble, prior_ensemble
from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare, write_atomic
from hepatrial.errors import BadInput, Problem, RunFailed, nearest_name
from hepatrial.population.cohort import measures_needed
from hepatrial.population.machine import Machine
from hepatrial.population.observation import outputs_of
from hepatrial.prediction.calibrants import all_points
from hepatrial.prediction.deviation import Deviation, Learned
from hepatrial.prediction.discrepancy import SHOWN, TABLE, Discrepancy, prior_discrepancy, restore
from hepatrial.prediction.planned import Planned, disease_class, plan_study
from hepatrial.prediction.rivals.days import mixture_days
from hepatrial.prediction.rivals.map_control import groups_of, map_posterior
from hepatrial.prediction.rivals.no_effect import MapParts, map_levels, no_effect_days
from hepatrial.prediction.rivals.severity import level_draw, score_risk, shape_of
from hepatrial.prediction.sampling import (
    MORTAL,
    EventDays,
    Luck,
    Sample,
    Spread,
    alive_counter,
    draw_sample,
    mechanistic_days,
    mechanistic_labs,
    prior_effect,
    value_of,
)
from hepatrial.prediction.study import Endpoint, Study
from hepatrial.prediction.vocabulary import EVENT_KINDS, key
from hepatrial.prediction.world import Member, World, live
from hepatrial.protocol import DEFINITIONS, Limit
from hepatrial.provenance import COHORT_SOURCE, fingerprint, package_versions, source_hash
from hepatrial.rng import Stream
from hepatrial.schema import MARK, MEASURES

MODELS = ("mechanistic", "map_control", "severity_score", "no_effect")
REUSE = 4
"""Draws taken from one world, each with deviations and sampling noise of its own."""
ATTEMPTS = 6
"""Draws of the ensemble tried for a world before the study is given up."""
PRIOR_DRAWS = 400
UNSEEN_FACTOR = 1.5
"""Between-study SDs are that much wider under a definition whose hazards were not fitted; assumed."""
LEAST_SPREAD = Spread(0.25, 0.25, 0.05)
"""No between-study SD is below this: few cohorts cannot show that studies agree."""
RIVAL_EFFECT = 0.5
"""Log-odds SD of a treatment that the equations follow, for rivals that have none; centred at no effect."""
COLUMNS = ("study", "endpoint", "arm", "model", "draw", "value")
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Prediction:
    """A finished prediction.

    Attributes:
        path: its folder.
        draws: one row a draw, columns ``COLUMNS``.
        facts: what the summary tells: matching, ensemble, notes, evidence, hash.
    """

    path: Path
    draws: pl.DataFrame
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """What is the same for all draws of a prediction."""

    study: Study
    planned: Planned
    ensemble: Ensemble
    machine: Machine
    spread: Spread
    parts: MapParts
    models: tuple[str, ...]
    draws: int
    seed: int
    discrepancy: Discrepancy | None = None
    leave_out: frozenset[str] = frozenset()


def predict_study(
    study: Study,
    *,
    draws: int = 200,
    seed: int = 1,
    models: Sequence[str] = MODELS,
    out: Path | str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    ensemble: Ensemble | None = None,
    machine: Machine | None = None,
    leave_out: frozenset[str] = frozenset(),
    discrepancy: Discrepancy | None = None,
) -> Prediction:
    """Predict a study into a folder; a folder of the same prediction is resumed.

    Args:
        study: from ``read_study``.
        draws: predictive draws; the first of a larger prediction are those of a smaller one.
        seed: of all chance.
        models: of ``MODELS``.
        out: folder; default ``predictions/<id>-<hash>``.
        threads: workers; changes no number.
        progress: called with (stage, done, total).
        ensemble: plausible settings; default the one that ships, or the prior when none does.
        machine: model and engine; default the patient model.
        leave_out: studies that teach neither a rival nor the discrepancy, besides the study itself.
        discrepancy: what the fitted cohorts taught under this ensemble; default what ships, or its prior when
            that belongs to another ensemble.

    Raises:
        BadInput: options or a study that cannot be.
        RunFailed: no world admits patients of this study.
    """
    _check(draws, seed, models, threads)
    planned = plan_study(study)
    ensemble, machine = ensemble or shipped_ensemble(), machine or default_machine()
    task = Task(
        study, planned, ensemble, machine, spread_of(study, ensemble),
        map_parts(study, leave_out), tuple(m for m in MODELS if m in models), draws, seed,
        discrepancy or discrepancy_of(ensemble), leave_out,
    )  # fmt: skip
    outputs_of(measures_needed(planned.protocol), machine.spec.outputs)  # refuses what the model cannot make
    spec = prediction_spec(task, leave_out)
    label = fingerprint(spec)
    shards = prepare(
        Path(out) if out else Path("predictions") / f"{key(study.id)[:40] or 'study'}-{label[:8]}", spec
    )
    blocks = -(-draws // REUSE)
    tell = progress or (lambda _stage, _done, _total: None)
    for done, _ in enumerate(_blocks(task, shards, blocks, threads or cores()), start=1):
        tell("worlds", done, blocks)
    table, told = _gather(shards, blocks)
    table = _ordered(table.filter(pl.col("draw") < draws), task)
    facts = prediction_facts(task, told, label)
    marked = {"mark": MARK["en"], "mark_zh": MARK["zh"], "prediction": label}
    shards.put("draws.parquet", parquet_bytes(table, marked), durable=True)
    shards.put("draws.csv", table.write_csv().encode(), durable=True)
    shards.put("facts.json", json_bytes(facts), durable=True)
    return Prediction(shards.path, table, facts)


def default_machine() -> Machine:
    """The patient model at the tolerance of scientific runs (feasibility section 6)."""
    from hepatrial.trial.run import patient_machine

    return patient_machine(rtol=1e-3)


def cores() -> int:
    """Cores that this process may use."""
    from hepatrial.ensemble.merge import cores as count

    return count()


def shipped_ensemble() -> Ensemble:
    """The posterior that ships, or the prior when none does or the model has changed since."""
    try:
        return load_ensemble()
    except RunFailed:
        return prior_ensemble(PRIOR_DRAWS, 1)


def spread_of(study: Study, ensemble: Ensemble) -> Spread:
    """Between-study SDs of a study: the ensemble's, wider under a definition that was not fitted."""
    between = ensemble.between_study
    fitted = study.definition in DEFINITIONS and DEFINITIONS[study.definition].hazards_fitted
    factor = 1.0 if fitted else UNSEEN_FACTOR
    return Spread(
        factor * max(between["mortality"], LEAST_SPREAD.mortality),
        factor * max(between["infection"], LEAST_SPREAD.infection),
        factor * max(between["laboratory"], LEAST_SPREAD.laboratory),
    )


def discrepancy_of(ensemble: Ensemble) -> Discrepancy:
    """What ships for an ensemble, or the prior where that belongs to another."""
    folder = files("hepatrial.prediction").joinpath("data")
    shown, scales = folder.joinpath(SHOWN), folder.joinpath(TABLE)
    if shown.is_file() and scales.is_file():
        try:
            found = restore(shown.read_bytes(), scales.read_bytes())
        except ValueError:
            found = None
        if found is not None and found.ensemble == ensemble.hash:
            return found
    return prior_discrepancy(len(all_points()))


def deviation_of(task: Task, world: World, draw: int) -> Deviation:
    """How the study of one predictive draw may differ from the world, before what its Table 1 missed."""
    if task.discrepancy is None:
        return task.spread
    effects = task.discrepancy.effects(task.study, world.draw, draw % REUSE, leave_out=task.leave_out)
    return Learned(effects, task.spread.laboratory)


TOLD_DRAWS = 40
"""Draws of the ensemble over which the facts average the deviation."""


def between_of(task: Task) -> dict[str, float | bool]:
    """SDs of the study's deviation by kind, and the mean of that of death, averaged over draws."""
    if task.discrepancy is None:
        return {**asdict(task.spread), "shift": 0.0, "learnt": False}
    draws = np.linspace(0, max(len(task.ensemble) - 1, 0), TOLD_DRAWS).astype(int)
    found = [
        task.discrepancy.effects(task.study, int(draw), i % REUSE, leave_out=task.leave_out)
        for i, draw in enumerate(draws)
    ]
    sd = {
        kind: float(np.median([math.hypot(*one[kind].root[0]) for one in found]))
        for kind in ("mortality", "infection")
    }
    return {
        **sd,
        "laboratory": task.spread.laboratory,
        "shift": float(np.median([one["mortality"].mean[0] for one in found])),
        "learnt": bool(task.discrepancy.ensemble),
    }


def map_parts(study: Study, leave_out: frozenset[str]) -> MapParts:
    """Posteriors of the published classes that a study is a mixture of."""
    return [
        (share, *map_posterior(study.id, group, exclude=leave_out))
        for group, share in sorted(groups_of(study).items())
    ]


def _check(draws: int, seed: int, models: Sequence[str], threads: int | None) -> None:
    problems = [
        Problem("--models", repr(name), f"of {', '.join(MODELS)}", nearest_name(name, MODELS))
        for name in models
        if name not in MODELS
    ]
    if not models:
        problems.append(Problem("--models", "none", f"at least one of {', '.join(MODELS)}"))
    for name, value, low, high in (
        ("--draws", draws, 1, 100_000),
        ("--seed", seed, 0, 2**64 - 1),
        ("--threads", threads, 1, 1024),
    ):
        if value is not None and not low <= value <= high:
            problems.append(Problem(name, str(value), f"a whole number from {low} to {high}"))
    if problems:
        raise BadInput(problems)


def prediction_spec(task: Task, leave_out: frozenset[str]) -> dict[str, Any]:
    """What a prediction is: equal specs give equal tables."""
    study = asdict(task.study)
    study["limits"] = [{"measure": one.measure, "min": one.min, "max": one.max} for one in task.study.limits]
    return {
        "study": _plain(study),
        "protocol": task.planned.protocol.as_dict(),
        "ensemble": task.ensemble.hash,
        "model_hash": task.machine.spec.hash,
        "models": list(task.models),
        "draws": task.draws,
        "seed": task.seed,
        "leave_out": sorted(leave_out),
        "discrepancy": task.discrepancy.hash if task.discrepancy else "",
        "source": source_hash((*COHORT_SOURCE, "prediction")),
        "versions": package_versions(),
    }


def _plain(value: Any) -> Any:
    """Data that JSON can hold: infinities as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _blocks(task: Task, shards: Shards, blocks: int, threads: int) -> Iterator[int]:
    """Make every block that is not in the folder yet, in order of completion of the queue."""
    whole = shards.whole([name for block in range(blocks) for name in _names(block)])
    todo = [block for block in range(blocks) if not set(_names(block)) <= whole]
    for block in range(blocks):
        if block not in todo:
            yield block
    pool = ThreadPoolExecutor(max_workers=threads)
    try:
        waiting: list[tuple[int, Future[dict[str, bytes]]]] = []
        queue = iter(todo)
        while True:
            while len(waiting) <= threads and (following := next(queue, None)) is not None:
                waiting.append((following, pool.submit(make_block, task, following)))
            if not waiting:
                return
            block, future = waiting.pop(0)
            shards.put_all(future.result())
            yield block
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _names(block: int) -> tuple[str, str]:
    return f"shards/block-{block:05d}.parquet", f"shards/block-{block:05d}.json"


def make_block(task: Task, block: int) -> dict[str, bytes]:
    """The draws of one world, and how it was matched.

    Raises:
        RunFailed: no draw of the ensemble admits patients of the study.
    """
    world, tried = _world(task, block)
    rows = [row for draw in range(block * REUSE, (block + 1) * REUSE) for row in draw_rows(task, world, draw)]
    schema = dict(
        zip(COLUMNS, (pl.String, pl.String, pl.String, pl.String, pl.Int32, pl.Float64), strict=True)
    )
    told = {
        "tried": tried,
        "admitted": world.admitted,
        "candidates": world.candidates,
        "effective_n": world.effective_n,
        "widening": world.widening,
        "relaxed": world.relaxed,
        "misses": [asdict(one) for one in world.misses],
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    parquet, notes = _names(block)
    return {parquet: parquet_bytes(table), notes: json_bytes(told)}


def _world(task: Task, block: int) -> tuple[World, int]:
    for attempt in range(ATTEMPTS):
        member = member_of(task.ensemble, task.seed, block, attempt)
        chance = float(Stream(task.seed, "predict.world").uniform(block, attempt))
        try:
            world = live(task.machine, task.study, task.planned, member, int(chance * 2**53))
        except BadInput:  # a draw so far out that its laboratory values are impossible is no world
            continue
        if world is not None:
            return world, attempt + 1
    entry = ", ".join(_told(limit) for limit in task.planned.protocol.population.eligibility)
    raise RunFailed(
        f"next to nobody of {task.study.definition.replace('_', ' ')} passes the entry criteria ({entry}) in "
        f"{ATTEMPTS} draws of the ensemble; widen selection.criteria, or check definition and etiology"
    )


def _told(limit: Limit) -> str:
    low = "" if limit.min is None else f" >= {limit.min:g}"
    high = "" if limit.max is None else f" <= {limit.max:g}"
    return f"{limit.measure}{low}{high}"


def member_of(ensemble: Ensemble, seed: int, block: int, attempt: int) -> Member:
    """The draw of the ensemble that a world has.

    First attempts follow multiples of the golden ratio over the weights, which fill them evenly however many
    there are (Weyl 1916), so that more draws begin with the fewer.
    """
    edges = np.cumsum(ensemble.weights) / float(np.sum(ensemble.weights))
    if attempt == 0:
        start = float(Stream(seed, "predict.member").uniform(0))
        place = (start + block * _GOLDEN) % 1.0
    else:
        place = float(Stream(seed, "predict.member").uniform(block + 1, attempt))
    index = min(int(np.searchsorted(edges, place, side="right")), len(ensemble) - 1)
    return Member(ensemble.settings[index], ensemble.variants[index], index)


def draw_rows(task: Task, world: World, draw: int) -> list[tuple[str, str, str, str, int, float | None]]:
    """All endpoints of one predictive draw."""
    study, luck = task.study, Luck(task.seed, draw)
    spread = deviation_of(task, world, draw).widened(world.widening)
    rows: list[tuple[str, str, str, str, int, float | None]] = []
    for model in task.models:
        samples = {arm: arm_sample(task, world, model, arm, spread, luck) for arm in study.arms}
        for endpoint in study.endpoints:
            if not can_tell(model, endpoint):
                continue
            for arms in [endpoint.arms] if endpoint.contrast else [(arm,) for arm in endpoint.arms]:
                value = value_of(endpoint, {arm: samples[arm] for arm in arms})
                label = " vs ".join(arms)
                told = value if math.isfinite(value) else None
                rows.append((study.id, endpoint.name, label, model, draw, told))
    return rows


def can_tell(model: str, endpoint: Endpoint) -> bool:
    """Whether a model says anything of an endpoint: the two rivals from published deaths know deaths only."""
    if model in ("mechanistic", "no_effect"):
        return True
    event = endpoint.event if endpoint.contrast else endpoint.kind
    return not endpoint.measure and EVENT_KINDS.get(event) in MORTAL


def arm_sample(task: Task, world: World, model: str, arm: str, spread: Deviation, luck: Luck) -> Sample:
    """A simulated arm under a model."""
    study = task.study
    days = event_days_of(task, world, model, arm, spread, luck)
    sample = draw_sample(study, arm, luck, days, None)
    if model in ("map_control", "severity_score"):
        return sample
    of, effects = (arm, True) if model == "mechanistic" else (study.control, False)
    labs = mechanistic_labs(
        world, study, of, spread, luck, alive_counter(sample.days), effects=effects, sample_of=arm
    )
    return Sample(sample.n, sample.days, labs)


def event_days_of(task: Task, world: World, model: str, arm: str, spread: Deviation, luck: Luck) -> EventDays:
    """Event days of an arm under a model."""
    study = task.study
    if model == "mechanistic":
        return mechanistic_days(world, study, arm, spread, luck)
    if model == "no_effect":
        return no_effect_days(task.parts, world, study, spread, luck)
    effect = prior_effect(study, arm, luck, "death", floor=RIVAL_EFFECT)
    if model == "map_control":
        parts = map_levels(task.parts, luck)
    else:
        risk, sd, _ = score_risk(study, disease_class(study))
        centre, shape_sd = shape_of(study.definition)
        level = level_draw(risk, sd, luck.normal("severity.level"))
        parts = [(1.0, level, max(centre + shape_sd * luck.normal("severity.shape"), 0.05))]
    return lambda _event, uniform: mixture_days(parts, effect, uniform)


def _gather(shards: Shards, blocks: int) -> tuple[pl.DataFrame, list[dict[str, Any]]]:
    import json

    tables, told = [], []
    for block in range(blocks):
        parquet, notes = (shards.get(name) or b"" for name in _names(block))
        tables.append(pl.read_parquet(BytesIO(parquet)))
        told.append(json.loads(notes))
    return pl.concat(tables), told


def _ordered(table: pl.DataFrame, task: Task) -> pl.DataFrame:
    """Endpoints in the order of the file, then arm, model and draw."""
    order = {name: index for index, name in enumerate(dict.fromkeys(e.name for e in task.study.endpoints))}
    models = {name: index for index, name in enumerate(MODELS)}
    return (
        table.with_columns(
            pl.col("endpoint").replace_strict(order, return_dtype=pl.Int32).alias("_e"),
            pl.col("model").replace_strict(models, return_dtype=pl.Int32).alias("_m"),
        )
        .sort("_e", "arm", "_m", "draw")
        .drop("_e", "_m")
    )


def prediction_facts(task: Task, told: Sequence[Mapping[str, Any]], label: str) -> dict[str, Any]:
    """What a reader must know beside the draws."""
    study = task.study
    labels = list(dict.fromkeys(one["label"] for world in told for one in world["misses"]))
    misses = []
    for name in labels:
        rows = [one for world in told for one in world["misses"] if one["label"] == name]
        middle = {
            key: float(np.median([row[key] for row in rows])) for key in ("requested", "achieved", "miss")
        }
        misses.append({"label": name, **middle, "importance": rows[0]["importance"]})
    misses.sort(key=lambda one: -abs(one["miss"]))
    risk, sd, score = score_risk(study, disease_class(study))
    return {
        "mark": MARK["en"],
        "hash": label,
        "study": study.id,
        "title": study.title,
        "definition": study.definition,
        "arms": {
            name: {"n": arm.n, "control": arm.control, "implied": arm.implied}
            for name, arm in study.arms.items()
        },
        "draws": task.draws,
        "seed": task.seed,
        "ensemble": {
            "kind": task.ensemble.origin.kind,
            "size": len(task.ensemble),
            "hash": task.ensemble.hash,
        },
        "worlds": len(told),
        "replaced": int(sum(world["tried"] - 1 for world in told)),
        "relaxed": int(sum(bool(world["relaxed"]) for world in told)),
        "admitted": float(np.median([world["admitted"] for world in told])),
        "effective_n": float(np.median([world["effective_n"] for world in told])),
        "misses": misses,
        "widening": float(np.median([world["widening"] for world in told])),
        "between_study": between_of(task),
        "units": {
            endpoint.measure: "" if (unit := MEASURES[endpoint.measure].unit) in ("1", "points") else unit
            for endpoint in study.endpoints
            if endpoint.measure
        },
        "not_used": list(study.not_used),
        "notes": list(task.planned.notes),
        "severity_score": {"score": score, "risk_d90": risk, "between_study": sd},
        "treatments": [
            {"arm": name, "name": one.name, "label": one.label, "how": one.how, "evidence": one.evidence,
             "centre": one.centre, "sd": one.sd, "basis": one.basis, "cells": one.product}
            for name, arm in study.arms.items() for one in arm.given
        ],
    }  # fmt: skip


def write_summary(path: Path, text: str) -> None:
    """Keep the printed summary beside the draws."""
    write_atomic(path / "summary.txt", text.encode())
