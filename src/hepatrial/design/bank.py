"""The bank: admitted patients followed once in every world and drawn from by every design."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hepatrial.cache import cache_folder
from hepatrial.design.effect import Paths
from hepatrial.design.worlds import (
    LARGEST,
    Courses,
    World,
    bank_protocol,
    grid_days,
    simulate_world,
    worlds_of,
)
from hepatrial.ensemble.merge import cores
from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.population.cohort import make_cohort, make_illness
from hepatrial.population.deck import make_deck
from hepatrial.population.machine import Machine
from hepatrial.population.pool import CHUNK
from hepatrial.protocol import Protocol, protocol_from_dict
from hepatrial.provenance import fingerprint
from hepatrial.trial.courses import Trial, VariantSet
from hepatrial.trial.run import patient_machine, run_spec, variant_set

Array = NDArray[np.float64]
Progress = Callable[[str, int, int], None]

SIZE = 50_000
"""Admitted patients of a bank."""
WORLD_CHUNK = 2048
"""Patients followed in one engine call; changes no result."""
FORMAT = 1


@dataclass(frozen=True)
class Bank:
    """A finished bank.

    Attributes:
        path: its folder.
        protocol: whose arms are the bank's.
        grid: (g,) days on which cumulative hazards are known.
        worlds: every world.
        weights: prior weight of each structural variant.
        hash: of the bank's specification.
        patients: number of patients.
        usable: patients whose course was solved in every world; others are never drawn.
    """

    path: Path
    protocol: Protocol
    grid: Array
    worlds: tuple[World, ...]
    weights: Mapping[str, float]
    hash: str
    patients: int
    usable: NDArray[np.int64]
    _read: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def courses(self, arm: str, variant: str = "") -> Courses:
        """The courses of every usable patient in a world, read once.

        Raises:
            BadInput: the bank has no such world.
        """
        world = World(arm, variant)
        if world not in self.worlds:
            allowed = f"one of {', '.join(one.name for one in self.worlds)}"
            raise BadInput([Problem("world", world.name, allowed)])
        if world.name not in self._read:
            data = Shards(self.path).get(f"{world.name}.parquet")
            if data is None:
                raise RunFailed(f"{world.name}.parquet in {self.path} is not what the bank wrote.")
            whole = _courses(pl.read_parquet(data), len(self.grid))
            self._read[world.name] = Courses(*(value[self.usable] for value in vars(whole).values()))
        found: Courses = self._read[world.name]
        return found

    def paths(self, arm: str, variant: str = "") -> Paths:
        """The same ready for looking up days of death; made once."""
        made: dict[tuple[str, str], Paths] = self._read.setdefault("paths", {})
        if (arm, variant) not in made:
            made[arm, variant] = Paths(self.courses(arm, variant), self.grid)
        return made[arm, variant]

    def variants_of(self, arm: str) -> tuple[str, ...]:
        """The structural variants under which an arm was followed; ("",) where none acts."""
        return tuple(world.variant for world in self.worlds if world.arm == arm)

    def forget(self) -> None:
        """Let go of the courses read."""
        self._read.clear()


def bank_folder(hash_: str, name: str) -> Path:
    """Where a bank is kept unless a folder is named: the user's cache."""
    return cache_folder() / "banks" / f"{name}-{hash_[:12]}"


def make_bank(
    protocol: Protocol,
    *,
    patients: int = SIZE,
    seed: int = 1,
    settings: Mapping[str, float] | None = None,
    variants: Sequence[str] | None = None,
    threads: int | None = None,
    folder: Path | str | None = None,
    progress: Progress | None = None,
    machine: Machine | None = None,
    chunk: int = WORLD_CHUNK,
) -> Bank:
    """Simulate a bank, resume an interrupted one, or open a finished one.

    A bank is a function of its specification (protocol without sizes, looks and dropout, model, cards,
    variants, seed, number of patients, versions): its files are byte-identical however often it was
    interrupted and whatever the threads and chunks.

    Args:
        protocol: population, care and regimens.
        patients: admitted patients, each followed in every world.
        seed: of the patients and their luck.
        settings: card -> value, as in ``run_trial``.
        variants: structural variants to follow; default all.
        threads: workers; default all processors.
        folder: where to; default the user's cache, named by the specification's hash.
        progress: called with (stage, done, total).
        machine: model and engine; default the patient model.
        chunk: patients in one engine call.

    Raises:
        BadInput: what cannot be; a folder that holds another bank (left untouched).
    """
    check_size(patients)
    tell = progress or (lambda _stage, _done, _total: None)
    whole = bank_protocol(protocol)
    deck = make_deck(settings)
    machine = machine or patient_machine()
    chosen = _variants(variants)
    options = {
        "patients": patients,
        "seed": seed,
        "settings": {name: float(value) for name, value in (settings or {}).items()},
        "largest_hazard": LARGEST,
    }
    spec = {**run_spec(whole, options, machine, deck, chosen), "format": FORMAT, "kind": "bank"}
    hash_ = fingerprint(spec)
    path = Path(folder) if folder is not None else bank_folder(hash_, whole.identity.id)
    shards = prepare(path, spec)
    worlds = worlds_of(whole, dict(zip(chosen.names, chosen.weights, strict=True)))
    if shards.get("bank.json") is None:
        illness, workers = make_illness(whole, deck, seed), threads or cores()
        cohort = make_cohort(
            machine,
            illness,
            patients,
            threads=workers,
            chunk=CHUNK,
            store=shards,
            progress=partial(tell, "admission"),
        )
        trial = Trial(machine, illness, cohort, chosen)
        _follow(shards, trial, worlds, patients, chunk, workers, tell)
        _finish(shards, trial, worlds, patients)
    return open_bank(path)


def check_size(patients: int) -> None:
    """Refuse a size that cannot be.

    Raises:
        BadInput: fewer than 100 or more than two million patients.
    """
    if isinstance(patients, bool) or not 100 <= patients <= 2_000_000:
        raise BadInput([Problem("--bank", repr(patients), "100 to 2,000,000 patients")])


def open_bank(path: Path | str) -> Bank:
    """Open a finished bank.

    Raises:
        BadInput: no bank there.
        RunFailed: it was not finished.
    """
    shards, path = Shards(Path(path)), Path(path)
    if not (path / "spec.json").exists():
        raise BadInput([Problem("bank", str(path), "must be a folder that `hepatrial design` wrote")])
    data = shards.get("bank.json")
    if data is None:
        raise RunFailed(f"The bank in {path} was not finished; the same call resumes it.")
    spec, about = json.loads((path / "spec.json").read_bytes()), json.loads(data)
    protocol = protocol_from_dict(spec["protocol"])
    weights = {name: row["weight"] for name, row in spec["variants"].items()}
    failed = np.zeros(about["patients"], dtype=bool)
    failed[about["failed"]] = True
    return Bank(
        path, protocol, grid_days(protocol.follow_up.length), worlds_of(protocol, weights), weights,
        fingerprint(spec), about["patients"], np.flatnonzero(~failed),
    )  # fmt: skip


def _variants(names: Sequence[str] | None) -> VariantSet:
    whole = variant_set(None)
    if names is None:
        return whole
    for name in names:
        variant_set(name)
    keep = [i for i, name in enumerate(whole.names) if name in names]
    return VariantSet(
        tuple(whole.names[i] for i in keep),
        tuple(whole.weights[i] for i in keep),
        tuple(whole.overrides[i] for i in keep),
    )


def _follow(
    shards: Shards,
    trial: Trial,
    worlds: Sequence[World],
    patients: int,
    chunk: int,
    workers: int,
    tell: Progress,
) -> None:
    """Follow everybody in the worlds that are not there yet, chunk by chunk, and join each world."""
    grid = grid_days(trial.protocol.follow_up.length)
    starts = range(0, patients, chunk)
    left = [world for world in worlds if shards.get(f"{world.name}.parquet") is None]
    todo = [(world, start) for world in left for start in starts]
    there = shards.whole(_shard(world, chunk, start) for world, start in todo)
    total = len(worlds) * len(starts)
    done = total - len(todo)

    def make(job: tuple[World, int]) -> tuple[World, int, bytes | None]:
        world, start = job
        if _shard(world, chunk, start) in there:
            return world, start, None
        person = np.arange(start + 1, min(start + chunk, patients) + 1)
        return world, start, parquet_bytes(_table(simulate_world(trial, world, person, grid)))

    for world, start, data in _ordered(make, todo, workers):
        if data is not None:
            shards.put(_shard(world, chunk, start), data)
        done += 1
        tell("courses of the bank", done, total)
        if start == starts[-1]:
            names = [_shard(world, chunk, at) for at in starts]
            joined = pl.concat([pl.read_parquet(shards.get(name) or b"") for name in names])
            shards.put(f"{world.name}.parquet", parquet_bytes(joined), durable=True)
            shards.drop(names)


def _finish(shards: Shards, trial: Trial, worlds: Sequence[World], patients: int) -> None:
    """Say whose course failed anywhere, and leave only the worlds."""
    failed: set[int] = set()
    for world in worlds:
        table = pl.read_parquet(shards.get(f"{world.name}.parquet") or b"", columns=["failed"])
        failed |= set(np.flatnonzero(table["failed"].to_numpy()).tolist())
    pool = trial.cohort.pool
    about = {
        "patients": patients,
        "failed": sorted(failed),
        "candidates": pool.candidates,
        "outcomes": pool.outcomes,
    }
    shards.drop([name for name in shards.manifest() if name.startswith("shards/")])
    shards.put("bank.json", json_bytes(about), durable=True)
    shards.gather()


def _ordered(make: Callable[[Any], Any], jobs: Sequence[Any], workers: int) -> Iterator[Any]:
    """Results in the order of the jobs, a few ahead, so that memory stays small."""
    queue = iter(jobs)
    with ThreadPoolExecutor(max_workers=workers) as executor:
        pending: deque[Any] = deque()
        try:
            for job in queue:
                pending.append(executor.submit(make, job))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _shard(world: World, chunk: int, start: int) -> str:
    return f"shards/{world.name}-{chunk}-{start // chunk:05d}.parquet"


def _table(courses: Courses) -> pl.DataFrame:
    """Single precision: 1e-7 of a hazard moves no death by more than seconds."""
    columns = {f"h{i:03d}": courses.hazard[:, i].astype(np.float32) for i in range(courses.hazard.shape[1])}
    days = ("transplant", "infection", "withdrawal")
    return pl.DataFrame(
        {
            **columns,
            **{name: getattr(courses, name).astype(np.float32) for name in days},
            "fever": courses.fever,
            "failed": courses.failed,
        }
    )


def _courses(table: pl.DataFrame, grid: int) -> Courses:
    hazard = np.stack([table[f"h{i:03d}"].to_numpy().astype(np.float64) for i in range(grid)], axis=1)
    transplant, infection, withdrawal = (
        table[name].to_numpy().astype(np.float64) for name in ("transplant", "infection", "withdrawal")
    )
    fever, failed = table["fever"].to_numpy(), table["failed"].to_numpy()
    return Courses(hazard, transplant, infection, withdrawal, fever, failed)
