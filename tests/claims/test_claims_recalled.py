"""Nothing recalled enters any page: every recalled fact is changed wherever it stands, and nothing moves."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from hepatrial.claims import audit, check_article, read_article
from hepatrial.claims.changes import snapshot
from hepatrial.evidence.base import Base, load_base

BASE = load_base(Path("/dev/null/none"))
HERE = Path(__file__).parent
KEPT = {"id", "grade", "basis", "source", "arm", "name", "week", "event", "outcome", "topic", "scope"}
"""What a fact is about stays; what it says is changed."""


def from_memory(row: BaseModel) -> bool:
    grades = (getattr(row, "grade", ""), getattr(row, "basis", None))
    return "recalled" in grades


def other(row: BaseModel) -> BaseModel:
    """The same row saying something else: other numbers, other directions, other products."""
    update: dict[str, object] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        if name in KEPT:
            continue
        if name == "direction":
            update[name] = "up" if value != "up" else "down"
        elif name == "finding":
            update[name] = "no" if value == "yes" else "yes"
        elif name == "kind" and hasattr(row, "cells"):
            update[name] = "device"
        elif name == "survivors" and isinstance(value, int):
            update[name] = 0
        elif isinstance(value, bool):
            continue
        elif isinstance(value, int):
            update[name] = value + 7
        elif isinstance(value, float):
            update[name] = value / 3
        elif name in ("text", "text_zh", "words", "label", "planned", "published", "cells", "dose"):
            update[name] = f"changed {value}"
    return row.model_copy(update=update)


def changed(value, count: list[int]):
    if isinstance(value, BaseModel):
        update = {name: changed(getattr(value, name), count) for name in type(value).model_fields}
        moved = value.model_copy(update=update)
        if from_memory(moved):
            count.append(1)
            return other(moved)
        return moved
    if isinstance(value, tuple):
        return tuple(changed(one, count) for one in value)
    if isinstance(value, dict):
        return {key: changed(one, count) for key, one in value.items()}
    return value


def mutated() -> tuple[Base, int]:
    count: list[int] = []
    base = replace(
        BASE,
        trials=changed(BASE.trials, count),
        pools=changed(BASE.pools, count),
        facts=changed(BASE.facts, count),
        features=changed(BASE.features, count),
        approvals=changed(BASE.approvals, count),
    )
    return base, len(count)


def test_no_page_moves_when_everything_recalled_says_something_else() -> None:
    base, count = mutated()
    assert count >= 20
    assert base.hash != BASE.hash
    before, after = snapshot(BASE), snapshot(base)
    assert after == before


def test_no_other_article_gets_another_verdict() -> None:
    base, _ = mutated()
    files = [HERE / "second_article.toml", HERE / "fourth_article.toml"]
    sentences = tomllib.loads((HERE / "sentences.toml").read_text(encoding="utf-8"))
    texts = [text for group in sentences.values() for text in group]
    for known in (BASE, base):
        read = [read_article(file, known) for file in files]
        read.append(check_article({"title": "t", "claims": texts}, known))
        found = [[(e.id, e.verdict, e.rule) for e in audit(one, known)] for one in read]
        if known is BASE:
            before = found
    assert found == before
