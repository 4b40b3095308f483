"""The shipped files and the user's, read into one base."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base.check import check_trial
from hepatrial.evidence.base.types import Approval, BiasFeature, EffectRow, Fact, Pending, Pool, Trial
from hepatrial.provenance import fingerprint

BASE_VERSION = "1"
"""Raised when a shipped number changes its meaning; ``Base.hash`` changes with every byte of content."""
ASSEMBLED = "2026-11-22"
"""Day on which the sources were last read."""


@dataclass(frozen=True)
class Base:
    """Everything known, by id.

    Attributes:
        trials: shipped and added by the user; ``added`` names the latter.
        pools: published meta-analyses. facts: what was found in dish, animal and people, by topic.
        pending: trials without a public result. features: meta-epidemiology. approvals: of regulators.
    """

    trials: dict[str, Trial]
    pools: dict[str, Pool] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    pending: dict[str, Pending] = field(default_factory=dict)
    features: tuple[BiasFeature, ...] = ()
    approvals: tuple[Approval, ...] = ()
    added: tuple[str, ...] = ()
    version: str = BASE_VERSION
    assembled: str = ASSEMBLED

    @property
    def ids(self) -> tuple[str, ...]:
        """Names that ``show`` knows."""
        return (*self.trials, *self.pools, *self.pending)

    def get(self, name: str) -> Trial | Pool | Pending:
        """An entry by id.

        Raises:
            BadInput: nothing has this id.
        """
        for shelf in (self.trials, self.pools, self.pending):
            if name in shelf:
                return shelf[name]
        allowed = "must be an id that 'hepatrial evidence list' shows"
        raise BadInput([Problem("ID", repr(name), allowed, nearest_name(name, self.ids))])

    def effects(self, outcome: str) -> Iterator[tuple[Trial | Pool, EffectRow]]:
        """Between-group results on an outcome: of pools first, then of trials."""
        for pool in self.pools.values():
            yield from ((pool, row) for row in pool.results if row.outcome == outcome)
        for trial in self.trials.values():
            yield from ((trial, row) for row in trial.effects if row.outcome == outcome)

    def topic(self, name: str) -> tuple[Fact, ...]:
        """The facts of a topic."""
        return tuple(fact for fact in self.facts if fact.topic == name)

    @property
    def hash(self) -> str:
        """SHA-256 of the whole content."""
        shelves = {
            "trials": {key: trial.model_dump(mode="json") for key, trial in self.trials.items()},
            "pools": {key: pool.model_dump(mode="json") for key, pool in self.pools.items()},
            "facts": [fact.model_dump(mode="json") for fact in self.facts],
            "pending": {key: entry.model_dump(mode="json") for key, entry in self.pending.items()},
            "features": [entry.model_dump(mode="json") for entry in self.features],
            "approvals": [entry.model_dump(mode="json") for entry in self.approvals],
        }
        return fingerprint(shelves)


def user_folder() -> Path:
    """Folder of the trials a user added: ``HEPATRIAL_EVIDENCE``, or a place in the user's data folder."""
    if given := os.environ.get("HEPATRIAL_EVIDENCE"):
        return Path(given)
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return root / "hepatrial" / "evidence"


def load_base(folder: Path | None = None) -> Base:
    """The shipped base with the user's trials.

    Args:
        folder: of the user's trials; default ``user_folder()``. A folder that does not exist holds none.

    Raises:
        BadInput: a user's file is not a sound trial; the place begins with the file's name.
    """
    shipped = _shipped()
    trials = dict(shipped.trials)
    added = []
    place = user_folder() if folder is None else folder
    for file in sorted(place.glob("*.toml")) if place.is_dir() else ():
        trial = read_trial(file)
        if trial.id in trials:
            raise BadInput([Problem(f"{file.name}: id", repr(trial.id), "must be an id no other trial has")])
        trials[trial.id] = trial
        added.append(trial.id)
    return replace(shipped, trials=trials, added=tuple(added))


def example_text() -> str:
    """A trial file to begin from."""
    return (resources.files("hepatrial.evidence.base") / "data" / "example.toml").read_text(encoding="utf-8")


def read_trial(path: Path) -> Trial:
    """One trial from a TOML file.

    Raises:
        BadInput: it cannot be read, is not TOML, or is not a sound trial.
    """
    return check_trial(read_toml(path))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as plain data.

    Raises:
        BadInput: it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            [Problem("FILE", str(path), f"must be a text file that can be read ({error})")]
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("FILE", str(path), f"must be TOML: {error}")]) from None


def add_trial(path: Path, folder: Path | None = None) -> tuple[Trial, Path]:
    """Check a trial file and put it into the user's folder; nothing is written when it is not sound.

    Returns:
        The trial, and the file it now stands in.

    Raises:
        BadInput: the file is not sound, or its id is taken.
    """
    trial = read_trial(path)
    place = user_folder() if folder is None else folder
    known = load_base(place)
    if trial.id in known.ids:
        allowed = "must be an id that no trial, pool or pending trial has"
        raise BadInput([Problem("id", repr(trial.id), allowed)])
    place.mkdir(parents=True, exist_ok=True)
    target = place / f"{trial.id}.toml"
    target.write_bytes(path.read_bytes())
    return trial, target


@cache
def _shipped() -> Base:
    folder = resources.files("hepatrial.evidence.base") / "data"
    files = sorted(
        (file for file in (folder / "trials").iterdir() if file.name.endswith(".toml")), key=lambda f: f.name
    )
    trials = [check_trial(tomllib.loads(file.read_text(encoding="utf-8"))) for file in files]
    pools = [Pool.model_validate(row) for row in _table(folder, "pools")]
    pending = [Pending.model_validate(row) for row in _table(folder, "pending")]
    return Base(
        trials={trial.id: trial for trial in trials},
        pools={pool.id: pool for pool in pools},
        facts=tuple(Fact.model_validate(row) for row in _table(folder, "facts")),
        pending={entry.id: entry for entry in pending},
        features=tuple(BiasFeature.model_validate(row) for row in _table(folder, "features")),
        approvals=tuple(Approval.model_validate(row) for row in _table(folder, "approvals")),
    )


def _table(folder: Any, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))[name]
    return rows
