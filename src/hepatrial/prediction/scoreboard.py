"""How predictions have scored: stored draws of the shipped studies beside what was seen, one object a class.

Fitted cohorts and predicted studies are never in one class, nor levels and contrasts, nor the fitted
disease and product with others. Skill is 1 - (geometric mean of the ratio of CRPS to the rival's), above 0
when the mechanistic model is better; ratios are compared on the logarithm. ``log_score`` is the mean gain
in nats for counts of patients.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.ensemble.storage import json_bytes, parquet_bytes, write_atomic
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.prediction.library import list_studies, load_study
from hepatrial.prediction.predict import (
    MODELS,
    default_machine,
    discrepancy_of,
    predict_study,
    shipped_ensemble,
)
from hepatrial.prediction.scores import LEAST_CRPS, cluster_interval, crps, inside, log_score, pit, pit_p
from hepatrial.prediction.study import Endpoint, Study
from hepatrial.schema import MARK

Array = NDArray[np.float64]

OURS = "mechanistic"
RIVALS = tuple(model for model in MODELS if model != OURS)
RATIOS = ("hazard_ratio", "risk_ratio", "odds_ratio")
COUNTED = (
    "survival", "transplant_free_survival", "transplant", "severe_infection", "infection", "bleeding",
    "fever", "encephalopathy", "aki",
)  # fmt: skip
MOST_NUMBERS = 5
CLASSES = (
    ("predicted", "levels", "same"),
    ("predicted", "levels", "other"),
    ("predicted", "levels", "easy"),
    ("predicted", "contrasts", "same"),
    ("predicted", "contrasts", "other"),
    ("predicted", "contrasts", "easy"),
    ("fitted", "levels", "same"),
    ("fitted", "contrasts", "same"),
)
CONTROL_CLASS = "predicted levels of control arms, without the easy case"
LEFT_OUT_CLASSES = {
    "cluster": "left out levels: each fitted cohort predicted without itself",
    "class": "left out levels: each fitted cohort predicted without any of its class of disease",
}
KEYS = ("class", "studies", "numbers", "coverage_50", "coverage_90", "skill", "pit_p", "misses")
"""Entries of each object of the scoreboard."""
_GROUP = {
    "same": "same disease and product as fitted",
    "other": "another disease, definition or product",
    "easy": "easy case, hardly anybody dies",
}
STORE, NOTES, LEFT_OUT = "predictions.parquet", "predictions.json", "left_out.parquet"
COMMAND = "hepatrial validate model --recompute"
LEARN = "hepatrial fit --discrepancy --install"


def role_of(name: str) -> str:
    """What the numbers of a class are to the model: "predicted", "fitted", "left out" or "left out with its
    class"."""
    if name == LEFT_OUT_CLASSES["class"]:
        return "left out with its class"
    return re.split(" levels| contrasts", name)[0]


@dataclass(frozen=True)
class Seen:
    """A published number of a study.

    Attributes:
        study, endpoint, arm: as in the draws.
        value: in the endpoint's unit.
        role: "predicted" or "fitted".
        group: "same", "other" or "easy", for its kind.
        kind: "levels" or "contrasts".
        grade, source: of the number.
    """

    study: str
    endpoint: str
    arm: str
    value: float
    role: str
    group: str
    kind: str
    grade: str
    source: str


@cache
def load_seen() -> tuple[Seen, ...]:
    """Every published number that predictions are scored on."""
    text = files("hepatrial.prediction").joinpath("observed.toml").read_text(encoding="utf-8")
    found = []
    for study in tomllib.loads(text)["study"]:
        for row in study["numbers"]:
            kind = "contrasts" if " vs " in row["arm"] else "levels"
            found.append(Seen(study["id"], role=study["role"], group=study[kind], kind=kind, **row))
    return tuple(found)


@dataclass(frozen=True)
class Scored:
    """A published number beside the draws of every model.

    Attributes:
        seen: the number.
        draws: model -> draws on the scale of scoring (the logarithm for ratios).
        observed: on that scale.
        n: patients of the arm when the number is a share of them, else 0.
        control: whether the arm is the study's control.
    """

    seen: Seen
    draws: Mapping[str, Array]
    observed: float
    n: int
    control: bool


def beside(table: pl.DataFrame, numbers: Iterable[Seen] | None = None) -> list[Scored]:
    """The published numbers that the table has draws of."""
    found = []
    for seen in load_seen() if numbers is None else numbers:
        mine = table.filter(
            (pl.col("study") == seen.study)
            & (pl.col("endpoint") == seen.endpoint)
            & (pl.col("arm") == seen.arm)
        )
        if mine.is_empty():
            continue
        study = load_study(seen.study)
        endpoint = next(one for one in study.endpoints if one.name == seen.endpoint)
        log = endpoint.kind in RATIOS
        draws = {}
        for model in MODELS:
            values = mine.filter(pl.col("model") == model)["value"].drop_nulls().to_numpy()
            if len(values):
                draws[model] = np.log(np.maximum(values, 1e-6)) if log else values
        observed = math.log(seen.value) if log else seen.value
        found.append(
            Scored(seen, draws, observed, _patients(study, endpoint, seen.arm), _is_control(study, seen.arm))
        )
    return found


def _patients(study: Study, endpoint: Endpoint, arm: str) -> int:
    return study.arms[arm].n if endpoint.kind in COUNTED else 0


def _is_control(study: Study, arm: str) -> bool:
    return arm == study.control


def scoreboard(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """One object a class, also for classes without a study; then the control arms of the predicted ones."""
    rows = [
        _class(f"{role} {kind}: {_GROUP[group]}", [
            one for one in scored
            if (one.seen.role, one.seen.kind, one.seen.group) == (role, kind, group) and OURS in one.draws
        ])
        for role, kind, group in CLASSES
    ]  # fmt: skip
    controls = [
        one
        for one in scored
        if one.control
        and (one.seen.role, one.seen.kind) == ("predicted", "levels")
        and one.seen.group != "easy"
        and OURS in one.draws
    ]
    return [*rows, _class(CONTROL_CLASS, controls)]


def whole_scoreboard(scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """``scoreboard``, then the stored fitted cohorts left out, where they ship."""
    without = stored_left_out()
    return scoreboard(scored) + ([] if without is None else left_out_classes(without))


def left_out_classes(table: pl.DataFrame) -> list[dict[str, Any]]:
    """The objects of the fitted cohorts, each predicted without its cluster and without its class
    (``left_out``)."""
    return [
        _class(name, _left_out(table.filter(pl.col("by") == by))) for by, name in LEFT_OUT_CLASSES.items()
    ]


def _left_out(table: pl.DataFrame) -> list[Scored]:
    found = []
    for (study, endpoint), group in table.group_by("study", "endpoint", maintain_order=True):
        observed, n, cluster = (group[name][0] for name in ("observed", "n", "cluster"))
        draws = {
            str(model): part["value"].to_numpy()
            for (model,), part in group.group_by("model", maintain_order=True)
        }
        seen = Seen(str(cluster), str(endpoint), str(study), observed, "fitted", "same", "levels", "seen", "")
        found.append(Scored(seen, draws, observed, int(n), control=True))
    return found


def _class(name: str, mine: list[Scored]) -> dict[str, Any]:
    studies = [one.seen.study for one in mine]
    transforms = [pit(one.draws[OURS], one.observed) for one in mine]
    told: dict[str, Any] = {
        "class": name,
        "studies": len(set(studies)),
        "numbers": len(mine),
    }
    for share in (0.5, 0.9):
        hits = [float(inside(one.draws[OURS], one.observed, share)) for one in mine]
        told[f"coverage_{share:.0%}".rstrip("%")] = _interval(cluster_interval(hits, studies))
    told["skill"] = {rival: skill(mine, rival) for rival in RIVALS}
    told["pit_p"] = pit_p(transforms, studies)
    told["misses"] = [
        _miss(one, transform)
        for one, transform in zip(mine, transforms, strict=True)
        if not inside(one.draws[OURS], one.observed, 0.9)
    ]
    return told


def skill(scored: Sequence[Scored], rival: str) -> dict[str, Any] | None:
    """1 - geometric mean of the CRPS ratio against a rival, with the interval by study."""
    both = [one for one in scored if rival in one.draws]
    ratios = [math.log(_crps(one, OURS) / _crps(one, rival)) for one in both]
    found = cluster_interval(ratios, [one.seen.study for one in both])
    if found is None:
        return None
    value, low, high = (1.0 - math.exp(x) for x in found)
    return _interval((value, high, low))


def _crps(one: Scored, model: str) -> float:
    return max(crps(one.draws[model], one.observed), LEAST_CRPS)


def log_gain(scored: Sequence[Scored], rival: str) -> dict[str, Any] | None:
    """Mean gain in log score (nats a number) over counts of patients, with the interval by study."""
    both = [one for one in scored if rival in one.draws and one.n]
    gains = [_log(one, OURS) - _log(one, rival) for one in both]
    return _interval(cluster_interval(gains, [one.seen.study for one in both]))


def _log(one: Scored, model: str) -> float:
    return log_score(np.round(one.draws[model] * one.n), round(one.observed * one.n), one.n)


def _interval(found: tuple[float, float, float] | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    names = ("value", "low", "high")
    return {name: None if math.isnan(x) else round(x, 4) for name, x in zip(names, found, strict=True)}


def _miss(one: Scored, transform: float) -> dict[str, Any]:
    low, high = np.quantile(one.draws[OURS], [0.05, 0.95])
    back = math.exp if " vs " in one.seen.arm and one.observed != one.seen.value else float
    return {
        "study": one.seen.study,
        "endpoint": one.seen.endpoint,
        "arm": one.seen.arm,
        "observed": one.seen.value,
        "low_90": round(back(float(low)), 4),
        "high_90": round(back(float(high)), 4),
        "pit": round(transform, 4),
    }


def data_folder() -> Path:
    """Where the stored draws are kept: package data."""
    return Path(str(files("hepatrial.prediction").joinpath("data")))


def stored_draws() -> tuple[pl.DataFrame, dict[str, Any]]:
    """The stored draws and what they were made with.

    Raises:
        RunFailed: none are stored.
    """
    folder = data_folder()
    if not (folder / STORE).is_file():
        raise RunFailed(f"no stored predictions ship with this version; `{COMMAND}` makes them")
    notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
    return pl.read_parquet(BytesIO((folder / STORE).read_bytes())), notes


def stored_left_out() -> pl.DataFrame | None:
    """Stored draws of the fitted cohorts, each without itself; None when none ship."""
    path = data_folder() / LEFT_OUT
    return pl.read_parquet(BytesIO(path.read_bytes())) if path.is_file() else None


def _left_out_of() -> str:
    """Hash of the discrepancy that the stored draws of the fitted cohorts belong to; empty when none ship."""
    path = data_folder() / LEFT_OUT
    return pl.read_parquet_metadata(path).get("discrepancy", "not told") if path.is_file() else ""


def staleness(notes: Mapping[str, Any]) -> str:
    """What has changed since the draws were stored, a sentence for each command; empty when nothing has."""
    from hepatrial.model import load_patient_model

    changed = []
    if notes["model_hash"] != load_patient_model().hash:
        changed.append("the patient model")
    if notes["ensemble"]["hash"] != shipped_ensemble().hash:
        changed.append("the ensemble")
    discrepancy = discrepancy_of(shipped_ensemble()).hash
    if notes.get("discrepancy") != discrepancy:
        changed.append("the discrepancy")
    told = []
    if changed:
        before = " and ".join(changed)
        told.append(
            f"The stored predictions were made before {before} changed; `{COMMAND}` makes them again."
        )
    if _left_out_of() not in ("", discrepancy):
        told.append(
            "The draws of the fitted cohorts left out belong to another discrepancy; "
            f"`{LEARN}` makes them again."
        )
    return " ".join(told)


def recompute(
    draws: int, seed: int, work: Path, progress: Callable[[str, int, int], None] | None = None
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Predict every shipped study and keep the draws of the numbers that are scored.

    Args:
        draws: for each study.
        seed: of all chance.
        work: folder of the predictions, from which an interrupted call goes on.
        progress: called with (study, worlds done, worlds).

    Raises:
        BadInput: the package's folder cannot be written.
    """
    folder = data_folder()
    try:
        folder.mkdir(exist_ok=True)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        allowed = f"a package whose folder can be written ({error.strerror}): run it from a source tree"
        raise BadInput([Problem("--recompute", str(folder), allowed)]) from None
    ensemble, machine = shipped_ensemble(), default_machine()
    wanted = {(seen.study, seen.endpoint, seen.arm) for seen in load_seen()}
    tables, facts = [], {}
    for name in list_studies():

        def tell(_stage: str, done: int, total: int, name: str = name) -> None:
            if progress:
                progress(name, done, total)

        label = f"{name}-{ensemble.hash[:8]}-{machine.spec.hash[:8]}-{draws}-{seed}"
        try:
            made = predict_study(
                load_study(name),
                draws=draws,
                seed=seed,
                out=work / label,
                progress=tell,
                ensemble=ensemble,
                machine=machine,
            )
        except RunFailed as error:
            facts[name] = {"failed": str(error)}
            continue
        keep = [key in wanted for key in made.draws.select("study", "endpoint", "arm").iter_rows()]
        tables.append(made.draws.filter(pl.Series(keep)))
        facts[name] = {
            key: made.facts[key]
            for key in ("hash", "effective_n", "misses", "widening", "replaced", "relaxed")
        }
    table = pl.concat(tables)
    notes = {
        "mark": MARK["en"],
        "command": COMMAND,
        "draws": draws,
        "seed": seed,
        "ensemble": {"kind": ensemble.origin.kind, "hash": ensemble.hash, "size": len(ensemble)},
        "model_hash": machine.spec.hash,
        "discrepancy": discrepancy_of(ensemble).hash,
        "studies": facts,
    }
    write_atomic(folder / STORE, parquet_bytes(table))
    write_atomic(folder / NOTES, json_bytes(notes))
    return table, notes
