"""Published figures of the dish and the animals beside simulated ones."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hepatrial.experiment.types import ORDER, Finding, Verdict


class Row(BaseModel):
    """A published figure: a range, or a direction (above or below a neutral value)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    en: str
    zh: str
    published: str
    published_zh: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    grade: Literal["seen", "seen_secondary", "derived", "article", "recalled"]
    source: Annotated[str, Field(min_length=1)]
    construction: bool = False
    note: str = ""
    note_zh: str = ""


@cache
def published() -> Mapping[str, Mapping[str, Row]]:
    """The published figures of each experiment, by key."""
    file = resources.files("hepatrial.experiment") / "published.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return {
        name: {key: Row.model_validate(row) for key, row in rows.items()} for name, rows in tables.items()
    }


def verdict(row: Row, simulated: float) -> Verdict:
    """How a simulated number stands to a published one. A recalled figure judges nothing."""
    if row.construction:
        return "construction"
    if row.grade == "recalled":
        return "shown"
    inside = (row.low is None or simulated >= row.low) and (row.high is None or simulated <= row.high)
    along = (row.above is None or simulated > row.above) and (row.below is None or simulated < row.below)
    return "kept" if inside and along else "miss"


def beside_published(experiment: str, simulated: Mapping[str, float]) -> tuple[Finding, ...]:
    """Every published figure of an experiment with its simulated number, misses first.

    Args:
        experiment: its name.
        simulated: key of ``published.toml`` -> number; exactly the keys of the experiment.
    """
    rows = published()[experiment]
    assert set(rows) == set(simulated), set(rows) ^ set(simulated)
    found = [
        Finding(
            key=key,
            what={"en": row.en, "zh": row.zh},
            published={"en": row.published, "zh": row.published_zh},
            simulated=float(simulated[key]),
            unit=row.unit,
            verdict=verdict(row, simulated[key]),
            grade=row.grade,
            source=row.source,
            note={"en": row.note, "zh": row.note_zh},
        )
        for key, row in rows.items()
    ]
    return tuple(sorted(found, key=lambda one: ORDER.index(one.verdict)))
