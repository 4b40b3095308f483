"""Run a design into a folder: bank, trials kept truth by truth, results; an interrupted one goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from hepatrial.design.bank import SIZE, Bank, check_size, make_bank
from hepatrial.design.conduct import Ended
from hepatrial.design.evaluate import check_trials, compare, evaluate
from hepatrial.design.operating import Runner
from hepatrial.design.plan import Plan, load_design
from hepatrial.design.truth import Truth
from hepatrial.ensemble.merge import cores
from hepatrial.ensemble.storage import Shards, json_bytes, parquet_bytes, prepare
from hepatrial.errors import BadInput, Problem
from hepatrial.provenance import fingerprint, package_versions

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Asked:
    """What is asked of a design, checked.

    Attributes:
        plan: the design; other: one to compare it with.
        trials, precision, seed, bank: as in ``evaluate`` and ``make_bank``.
        search: whether designs are searched too.
    """

    plan: Plan
    other: Plan | None
    trials: int
    precision: float | None
    seed: int
    bank: int
    search: bool

    @property
    def spec(self) -> dict[str, Any]:
        """Equal specifications have equal results."""
        return {
            "kind": "design",
            "format": 1,
            "protocol": self.plan.protocol.as_dict(),
            "settings": dict(self.plan.settings),
            "other": None if self.other is None else self.other.protocol.as_dict(),
            "trials": self.trials,
            "precision": self.precision,
            "seed": self.seed,
            "bank": self.bank,
            "search": self.search,
            "versions": package_versions(),
        }

    @property
    def hash(self) -> str:
        """Fingerprint of the specification."""
        return fingerprint(self.spec)


def ask(
    design: str | Path,
    *,
    other: str | Path | None = None,
    changes: Mapping[str, Any] | None = None,
    trials: int = 10_000,
    precision: float | None = None,
    seed: int = 1,
    bank: int = SIZE,
    search: bool = False,
) -> Asked:
    """Check everything that is asked.

    Args:
        design, other: protocols or design files.
        changes: entries of ``[design]`` in place of the file's.
        trials, precision, seed: as in ``evaluate``.
        bank: patients of the bank.
        search: also search designs.

    Raises:
        BadInput: with everything that is wrong.
    """
    problems: list[Problem] = []
    plans: list[Plan] = []
    for path, changed in ((design, changes), (other, None)):
        if path is None:
            continue
        try:
            plan = load_design(path)
            plans.append(plan.changed(**changed) if changed else plan)
        except BadInput as bad:
            problems += bad.problems
    for check in (partial(check_trials, trials, precision, seed), partial(check_size, bank)):
        try:
            check()
        except BadInput as bad:
            problems += bad.problems
    if problems:
        raise BadInput(problems)
    return Asked(plans[0], plans[1] if other is not None else None, trials, precision, seed, bank, search)


class Kept:
    """Trials of finished truths, kept in the folder of the design."""

    def __init__(self, shards: Shards | None, tag: str) -> None:
        self.shards, self.tag = shards, tag

    def __call__(self, truth: Truth, make: Callable[[], Ended]) -> Ended:
        """The trials of a truth, read where they are there, else made and kept."""
        if self.shards is None:
            return make()
        slug = "".join(c if c.isalnum() else "_" for c in truth.name)
        name = f"shards/{self.tag}-{slug}.parquet"
        data = self.shards.get(name)
        if data is not None:
            table = pl.read_parquet(data)
            return Ended(*(table[f.name].to_numpy() for f in fields(Ended)))
        made = make()
        self.shards.put(
            name, parquet_bytes(pl.DataFrame({f.name: getattr(made, f.name) for f in fields(Ended)}))
        )
        return made

    def piece(self, name: str, make: Callable[[], Any]) -> Any:
        """A piece of plain data, read where it is there, else made and kept."""
        if self.shards is None:
            return make()
        file = f"shards/{self.tag}-{name}.json"
        data = self.shards.get(file)
        if data is None:
            data = json_bytes(make())
            self.shards.put(file, data)
        return json.loads(data)


def run_design(
    asked: Asked,
    out: Path,
    *,
    threads: int | None = None,
    bank_folder: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Evaluate what was asked; a folder of the same design is gone on with.

    Args:
        asked: of ``ask``.
        out: folder, new, empty or of the same design.
        threads: workers; change no result.
        bank_folder: where the bank is kept; default the user's cache.
        progress: called with (stage, done, total).

    Raises:
        BadInput: a folder that holds something else, a design that does not fit its patients.
    """
    from hepatrial.design.questions import answer

    shards = prepare(out, asked.spec)
    workers = threads or cores()
    bank = _bank(asked.plan, asked, workers, bank_folder, progress)
    if asked.plan.design.question != "superiority":
        found = answer(
            asked.plan, bank, asked.trials, asked.seed, workers, progress, asked.precision,
            Kept(shards, "this").piece,
        )  # fmt: skip
        shards.drop([name for name in shards.manifest() if name.startswith("shards/")])
        return {**found, "hash": asked.hash}
    one = evaluate(
        asked.plan, bank, trials=asked.trials, precision=asked.precision, seed=asked.seed, threads=workers,
        progress=progress, keep=Kept(shards, "this"),
    )  # fmt: skip
    results = one.results
    if asked.other is not None:
        second = _bank(asked.other, asked, workers, None, progress)
        two = evaluate(
            asked.other, second, trials=asked.trials, precision=asked.precision, seed=asked.seed,
            threads=workers, progress=progress, keep=Kept(shards, "other"),
        )  # fmt: skip
        results["compare"] = {
            "title": asked.other.protocol.identity.title,
            "title_zh": asked.other.protocol.identity.title_zh,
            "design": two.results["design"],
            "rows": compare(one, two),
            "assurance": two.results["assurance"],
        }
    if asked.search:
        from hepatrial.design.search import search

        few = min(asked.trials, 2000)
        kept = Kept(shards, "search").piece
        results["search"] = search(
            one.runner, results, trials=few, threads=workers, progress=progress, keep=kept
        )
    results["hash"] = asked.hash
    shards.drop([name for name in shards.manifest() if name.startswith("shards/")])
    return results


def _bank(plan: Plan, asked: Asked, threads: int, folder: Path | None, progress: Progress | None) -> Bank:
    return make_bank(
        plan.protocol,
        patients=asked.bank,
        settings=plan.settings,
        threads=threads,
        folder=folder,
        progress=progress,
    )


def runner_of(path: str | Path, *, bank: Bank | None = None, patients: int = SIZE, seed: int = 1) -> Runner:
    """A design ready to be simulated from Python.

    Raises:
        BadInput: with everything that is wrong.
    """
    from hepatrial.design.operating import make_runner
    from hepatrial.design.truth import make_stage

    plan = load_design(path)
    return make_runner(make_stage(plan, bank or make_bank(plan.protocol, patients=patients)), seed)
