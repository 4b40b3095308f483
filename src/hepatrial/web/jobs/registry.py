"""Which runs there are and how far they are: a SQLite file that outlives the server."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["queued", "running", "done", "failed", "cancelled"]
UNFINISHED: tuple[State, ...] = ("queued", "running")

_TABLE = """
CREATE TABLE IF NOT EXISTS run (
  id TEXT PRIMARY KEY, title TEXT NOT NULL, protocol TEXT NOT NULL, origin TEXT NOT NULL, note TEXT NOT NULL,
  request TEXT NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, begun REAL, ended REAL,
  hash TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '{}', starts INTEGER NOT NULL DEFAULT 0
) STRICT
"""
_COLUMNS = "id, title, protocol, origin, note, request, state, created, begun, ended, hash, error, starts"


@dataclass(frozen=True)
class Run:
    """A run as the registry knows it.

    Attributes:
        id: twelve hexadecimal digits; names its folders.
        title, note: as the user wrote them.
        protocol: id of the protocol.
        origin: shipped protocol it began from, "" for none.
        request: protocol as plain data, options, language.
        state: see ``State``.
        created, begun, ended: seconds since 1970.
        hash: of the run's spec, once it is known.
        error: what went wrong: ``message`` and ``problems``.
        starts: how often a worker began it; above 1 it was resumed.
    """

    id: str
    title: str
    protocol: str
    origin: str
    note: str
    request: dict[str, Any]
    state: State
    created: float
    begun: float | None
    ended: float | None
    hash: str
    error: dict[str, Any]
    starts: int


class Registry:
    """The registry of one data folder; every call is a transaction of its own, from any thread.

    Args:
        path: the SQLite file; made when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=20)) as db, db:
            yield db

    def add(
        self, request: dict[str, Any], *, title: str, protocol: str, origin: str, note: str, most: int
    ) -> Run | None:
        """Enter a run that waits; None when ``most`` are waiting already."""
        run = secrets.token_hex(6)
        values = (run, title, protocol, origin, note, json.dumps(request), "queued", time.time(), most)
        with self._open() as db:
            done = db.execute(
                "INSERT INTO run (id, title, protocol, origin, note, request, state, created)"
                " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8"
                " WHERE (SELECT count(*) FROM run WHERE state = 'queued') < ?9",
                values,
            )
        return self.get(run) if done.rowcount else None

    def get(self, run: str) -> Run | None:
        """A run, or None."""
        with self._open() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM run WHERE id = ?", (run,)).fetchone()
        return _run(row) if row else None

    def list(self, *states: State) -> list[Run]:
        """Runs, the newest first; of some states only when any are named."""
        where = f" WHERE state IN ({', '.join('?' * len(states))})" if states else ""
        with self._open() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM run{where} ORDER BY created DESC, id", states)
            return [_run(row) for row in rows]

    def claim(self) -> Run | None:
        """The run that has waited longest, now running; None when none waits."""
        with self._open() as db:
            row = db.execute(
                "UPDATE run SET state = 'running', begun = coalesce(begun, ?), ended = NULL,"
                " starts = starts + 1"
                " WHERE id = (SELECT id FROM run WHERE state = 'queued' ORDER BY created, id LIMIT 1)"
                f" RETURNING {_COLUMNS}",
                (time.time(),),
            ).fetchone()
        return _run(row) if row else None

    def move(
        self, run: str, state: State, *, of: tuple[State, ...], error: dict[str, Any] | None = None
    ) -> bool:
        """Change a run's state if it is one of ``of``; whether it was."""
        ended = time.time() if state not in UNFINISHED else None
        values = (state, ended, json.dumps(error or {}), run, *of)
        with self._open() as db:
            done = db.execute(
                "UPDATE run SET state = ?, ended = ?, error = ? WHERE id = ?"
                f" AND state IN ({', '.join('?' * len(of))})",
                values,
            )
        return bool(done.rowcount)

    def name(self, run: str, hash_: str) -> None:
        """Keep the hash of a run's spec."""
        with self._open() as db:
            db.execute("UPDATE run SET hash = ? WHERE id = ?", (hash_, run))

    def delete(self, run: str) -> bool:
        """Strike a run that is not running out; whether it was there."""
        with self._open() as db:
            done = db.execute("DELETE FROM run WHERE id = ? AND state != 'running'", (run,))
        return bool(done.rowcount)


def _run(row: tuple[Any, ...]) -> Run:
    values = list(row)
    values[5], values[11] = json.loads(values[5]), json.loads(values[11])
    return Run(*values)
