"""Predictions of trials that are not public yet: made, dated, hashed, kept; scored when the result is added.

A record is plain data: ``trial``, ``registration``, ``title``, ``notes``, ``predicted`` (a date), ``hash``
(of the whole prediction: study, model, ensemble, seed, versions), ``study_hash``, ``model_hash``,
``ensemble``, ``draws``, ``seed``, ``mark``, ``arms``, ``endpoints`` (intervals by endpoint, arm and model),
``values`` ("endpoint|arm|model" -> draws) and ``teach`` (what the trial can tell at its size).
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hepatrial.analysis import survival_power
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base import Base, Pending, Trial, user_folder
from hepatrial.prediction.predict import MODELS, Prediction, shipped_ensemble
from hepatrial.prediction.scores import crps, inside
from hepatrial.prediction.study import Study, read_study
from hepatrial.prediction.summary import intervals
from hepatrial.provenance import fingerprint
from hepatrial.schema import MARK

OURS = "mechanistic"
HAZARD_RATIO = 0.7
"""Effect for which the power of a pending trial is told."""
STORED = "predictions"
_RATIOS = ("hazard_ratio", "risk_ratio", "odds_ratio")
Record = dict[str, Any]


def list_pending() -> tuple[str, ...]:
    """Names of the pending trials that have a study file."""
    folder = files("hepatrial.prediction").joinpath("pending")
    return tuple(sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml")))


def find_pending(given: str, base: Base) -> tuple[str, Pending]:
    """A pending trial by name, id or registration: the name of its study file and its entry in the base.

    Raises:
        BadInput: nothing is pending under this name.
    """
    entries = {_study_name(entry): entry for entry in base.pending.values()}
    for name, entry in entries.items():
        if given.lower() in {name, entry.id, entry.registration.lower(), entry.name.lower()}:
            return name, entry
    allowed = f"must be a pending trial: {', '.join(entries)}"
    raise BadInput([Problem("TRIAL", repr(given), allowed, nearest_name(given, entries))])


def _study_name(entry: Pending) -> str:
    return entry.name.lower()


def load_pending(name: str) -> Study:
    """The study file of a pending trial.

    Raises:
        BadInput: none ships under this name.
    """
    names = list_pending()
    if name not in names:
        raise BadInput([Problem("TRIAL", repr(name), f"of {', '.join(names)}", nearest_name(name, names))])
    with as_file(files("hepatrial.prediction").joinpath("pending", f"{name}.toml")) as path:
        return read_study(path)


def pending_note(name: str) -> str:
    """What the study file of a pending trial says was assumed."""
    text = files("hepatrial.prediction").joinpath("pending", f"{name}.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["study"].get("note", ""))


def study_hash(study: Study) -> str:
    """Hash of what is asked of a prediction."""
    return fingerprint({"study": json.dumps(asdict(study), default=str, sort_keys=True)})


def record(
    done: Prediction, study: Study, entry: Pending, *, seed: int, model_hash: str, today: date | None = None
) -> Record:
    """What is kept of a finished prediction.

    Args:
        done: from ``predict_study``.
        study: what was predicted.
        entry: the pending trial.
        seed: of the prediction; model_hash: of the patient model.
        today: default the day on which it is called.
    """
    values: dict[str, list[float | None]] = {}
    # A ratio without deaths in an arm is no number; such draws are counted as unknown.
    finite = pl.when(pl.col("value").is_finite()).then(pl.col("value")).otherwise(None)
    draws = done.draws.with_columns(finite.alias("value"))
    for keys, group in draws.group_by("endpoint", "arm", "model", maintain_order=True):
        numbers = group["value"].to_list()
        values["|".join(map(str, keys))] = [None if v is None else round(float(v), 4) for v in numbers]
    return {
        "trial": study.id,
        "registration": entry.registration,
        "title": study.title,
        "notes": [text for text in (pending_note(study.id), *study.notes) if text],
        "predicted": (today or date.today()).isoformat(),
        "hash": done.facts["hash"],
        "study_hash": study_hash(study),
        "model_hash": model_hash,
        "ensemble": dict(done.facts["ensemble"]),
        "seed": seed,
        "draws": int(draws["draw"].max() or 0) + 1,  # type: ignore[arg-type]
        "mark": MARK["en"],
        "arms": {name: {"n": arm.n, "control": arm.control} for name, arm in study.arms.items()},
        "endpoints": intervals(draws),
        "values": values,
        "teach": teach(draws, study),
    }


def teach(draws: pl.DataFrame, study: Study) -> dict[str, Any]:
    """How much a trial of this size could teach, from predicted deaths at its first survival endpoint.

    Returns:
        ``endpoint``, ``deaths`` (expected, all arms), ``power`` for ``hazard_ratio`` (log-rank, two-sided
        5 %, Schoenfeld), ``se`` of the log hazard ratio and ``factor``: a 95 % interval reaches from the
        estimate divided to the estimate multiplied by it.
    """
    first = next(one for one in study.endpoints if one.kind == "survival")
    mine = draws.filter((pl.col("endpoint") == first.name) & (pl.col("model") == OURS))
    deaths, treated = 0.0, 0
    for name, arm in study.arms.items():
        alive = mine.filter(pl.col("arm") == name)["value"].drop_nulls()
        deaths += arm.n * (1.0 - float(alive.mean() or 0.0))  # type: ignore[arg-type]
        treated += 0 if arm.control else arm.n
    ratio = treated / study.arms[study.control].n
    error = (1 + ratio) / math.sqrt(max(deaths, 1e-9) * ratio)
    return {
        "endpoint": first.name,
        "deaths": round(deaths, 1),
        "hazard_ratio": HAZARD_RATIO,
        "power": round(survival_power(deaths, HAZARD_RATIO, ratio=ratio), 3),
        "se": round(error, 3),
        "factor": round(math.exp(1.96 * error), 2),
    }


def kept_folder() -> Path:
    """Where predictions and scores of the user are kept, beside the trials added."""
    return user_folder() / STORED


def stored_records(folder: Path | None = None) -> list[Record]:
    """The predictions that ship and those of the user, oldest first; those of a trial stand together."""
    shipped = files("hepatrial.prediction").joinpath("data", "pending")
    found = []
    if shipped.is_dir():
        found += [json.loads(one.read_text(encoding="utf-8")) for one in shipped.iterdir()]
    own = kept_folder() if folder is None else folder
    if own.is_dir():
        found += [json.loads(one.read_text(encoding="utf-8")) for one in sorted(own.glob("*.json"))]
    return sorted(found, key=lambda one: (one["trial"], one["predicted"]))


def same_prediction(study: Study, *, draws: int, seed: int, model_hash: str) -> Record | None:
    """A kept prediction of the same study by the same model and ensemble with at least as many draws."""
    wanted = (study_hash(study), seed, shipped_ensemble().hash, model_hash)
    for one in stored_records():
        have = (one["study_hash"], one["seed"], one["ensemble"].get("hash"), one["model_hash"])
        if have == wanted and one["draws"] >= draws:
            return one
    return None


def keep(made: Record, folder: Path | None = None) -> Path:
    """Keep a record; a record of the same hash is never written over, so that its date stands."""
    own = kept_folder() if folder is None else folder
    own.mkdir(parents=True, exist_ok=True)
    path = own / f"{made['trial']}-{made['hash'][:12]}.json"
    if not path.exists():
        path.write_text(json.dumps(made, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def records_of(trial: Trial, folder: Path | None = None) -> list[Record]:
    """Kept predictions of a trial that has come out, by registration or id."""
    names = {trial.id, *(r.id.lower() for r in trial.registrations)}
    return [one for one in stored_records(folder) if {one["trial"], one["registration"].lower()} & names]


def score(made: Record, trial: Trial) -> list[dict[str, Any]]:
    """Each predicted endpoint that the trial now reports, beside the models: CRPS and whether 90 % held it.

    Returns:
        Rows: ``endpoint``, ``arm``, ``observed``, ``source``, ``scores`` (model -> ``crps``, ``inside_90``)
        and ``best`` (the model with the lowest CRPS). Only figures of a usable grade are scored; ratios on
        the logarithm.
    """
    rows = []
    pairs = dict.fromkeys(tuple(key.split("|")[:2]) for key in made["values"])
    for endpoint, arm in pairs:
        seen = _observed(endpoint, arm, made, trial)
        if seen is None:
            continue
        value, source = seen
        log = endpoint.startswith(_RATIOS)
        target = math.log(value) if log else value
        scores = {}
        for model in MODELS:
            numbers = [v for v in made["values"].get(f"{endpoint}|{arm}|{model}", ()) if v is not None]
            if numbers:
                draws = np.asarray(numbers)
                draws = np.log(np.maximum(draws, 1e-6)) if log else draws
                held = inside(draws, target, 0.9)
                scores[model] = {"crps": round(crps(draws, target), 5), "inside_90": held}
        if scores:
            best = min(scores, key=lambda name: float(scores[name]["crps"]))
            row = {"endpoint": endpoint, "arm": arm, "observed": value, "source": source}
            rows.append({**row, "scores": scores, "best": best})
    return rows


def _observed(endpoint: str, arm: str, made: Mapping[str, Any], trial: Trial) -> tuple[float, str] | None:
    """The published figure of an endpoint such as ``survival_d90``, within four days of its day."""
    kind, _, day = endpoint.rpartition("_d")
    try:
        week = float(day) / 7
    except ValueError:
        return None
    if " vs " in arm:
        event = kind.removeprefix("hazard_ratio_")
        for row in trial.effects:
            measured = row.measure.split(" ")[0] == "HR" and row.value is not None
            if measured and row.usable and row.outcome == event and kind.startswith("hazard_ratio"):
                return float(row.value or 0.0), trial.place(row)
        return None
    name = _arm(arm, made, trial)
    if kind in ("survival", "transplant_free_survival"):
        ends = {"survival": "overall", "transplant_free_survival": "transplant_free"}
        for s in trial.survival:
            near = s.week is not None and abs(s.week - week) <= 4 / 7
            if near and s.arm == name and s.endpoint == ends[kind] and s.usable:
                return s.percent / 100, trial.place(s)
        return None
    for e in trial.events:
        if e.arm == name and e.event == kind and e.usable and e.count is not None and e.n:
            return e.count / e.n, trial.place(e)
    return None


def _arm(arm: str, made: Mapping[str, Any], trial: Trial) -> str:
    """The trial's arm that a predicted one is: by name, else the only one of its role."""
    if trial.arm(arm):
        return arm
    control = made["arms"].get(arm, {}).get("control", False)
    arms = trial.arms_of("control" if control else "treated")
    return arms[0].name if len(arms) == 1 else ""
