"""The base as JSON, and its numbers as one long table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from hepatrial.evidence.base.read import Base
from hepatrial.evidence.base.types import Trial

COLUMNS = (
    "study", "kind", "arm", "what", "week", "n", "count", "value", "low", "high", "unit",
    "grade", "place", "note",
)  # fmt: skip


def base_json(base: Base) -> dict[str, Any]:
    """Everything as plain data, with version and hash."""
    return {
        "version": base.version,
        "assembled": base.assembled,
        "hash": base.hash,
        "trials": [trial.model_dump(mode="json") for trial in base.trials.values()],
        "meta_analyses": [pool.model_dump(mode="json") for pool in base.pools.values()],
        "facts": [fact.model_dump(mode="json") for fact in base.facts],
        "pending_trials": [entry.model_dump(mode="json") for entry in base.pending.values()],
        "bias_features": [entry.model_dump(mode="json") for entry in base.features],
        "approvals": [entry.model_dump(mode="json") for entry in base.approvals],
        "added": list(base.added),
    }


def numbers(base: Base) -> Iterator[dict[str, Any]]:
    """Every number of every trial and pool as a row of ``COLUMNS``."""
    for trial in base.trials.values():
        for row in _trial_rows(trial):
            yield {name: row.get(name, "") for name in COLUMNS}
    for pool in base.pools.values():
        for entry in pool.results:
            row = _effect(pool.id, entry, entry.source)
            yield {name: row.get(name, "") for name in COLUMNS}


def _effect(study: str, entry: Any, place: str) -> dict[str, Any]:
    return {
        "study": study, "kind": "effect", "what": entry.outcome, "week": _text(entry.week),
        "unit": entry.measure,
        "value": _text(entry.value), "low": _text(entry.ci_low), "high": _text(entry.ci_high),
        "grade": entry.grade, "place": place,
        "note": "; ".join(x for x in (entry.direction, entry.note) if x),
    }  # fmt: skip


def _text(value: Any) -> Any:
    return "" if value is None else value


def _trial_rows(trial: Trial) -> Iterator[dict[str, Any]]:
    for s in trial.survival:
        yield _common(trial, s, "survival", s.arm, f"{s.endpoint} survival") | {
            "week": _text(s.week), "n": _text(s.n), "count": _text(s.survivors), "value": s.percent,
            "low": _text(s.ci_low), "high": _text(s.ci_high), "unit": "percent",
        }  # fmt: skip
    for d in trial.differences:
        yield _common(trial, d, "difference", f"{d.treated} - {d.control}", "survival difference") | {
            "week": d.week, "value": d.points, "unit": "percentage points",
        }  # fmt: skip
    for e in trial.events:
        yield _common(trial, e, "event", e.arm, e.event) | {
            "n": _text(e.n), "count": _text(e.count), "value": _text(e.percent), "unit": e.unit,
            "note": "; ".join(x for x in (e.words, e.window, e.note) if x),
        }  # fmt: skip
    for v in trial.laboratory:
        low, high = (v.q1, v.q3) if v.sd is None else (None, None)
        yield _common(trial, v, v.statistic, v.arm, v.variable) | {
            "week": v.week, "value": v.value, "low": _text(low), "high": _text(high), "unit": v.unit,
            "note": "; ".join(x for x in (f"SD {v.sd:g}" if v.sd else "", v.note) if x),
        }  # fmt: skip
    for b in trial.baseline:
        yield _common(trial, b, f"baseline {b.statistic}", b.arm, b.variable) | {
            "value": b.value,
            "unit": b.unit,
        }
    for t in trial.tests:
        yield _common(trial, t, "p-value", " v ".join(t.arms), t.variable) | {"week": t.week, "value": t.p}
    for entry in trial.effects:
        yield _effect(trial.id, entry, trial.place(entry))


def _common(trial: Trial, figure: Any, kind: str, arm: str, what: str) -> dict[str, Any]:
    return {
        "study": trial.id, "kind": kind, "arm": arm, "what": what, "grade": figure.grade,
        "place": trial.place(figure), "note": figure.note,
    }  # fmt: skip


def numbers_csv(base: Base) -> str:
    """``numbers`` as CSV text with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(numbers(base))
    return out.getvalue()
