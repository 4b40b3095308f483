"""Claim files: the source article's, and those of users, checked strictly with all problems at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hepatrial.claims.types import Article, Claim
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base import Base, load_base
from hepatrial.evidence.base.check import typed_problems
from hepatrial.evidence.base.read import read_toml


def article() -> Article:
    """The source article's claims, in our words."""
    file = resources.files("hepatrial.claims") / "data" / "article.toml"
    return check_article(tomllib.loads(file.read_text(encoding="utf-8")), load_base())


def read_article(path: Path, base: Base | None = None) -> Article:
    """A user's claim file.

    Raises:
        BadInput: it cannot be read, is not TOML, or names what does not exist; every problem at once.
    """
    return check_article(read_toml(path), load_base() if base is None else base)


def check_article(data: Mapping[str, Any], base: Base) -> Article:
    """Plain data as an ``Article`` whose names all exist in the base.

    Raises:
        BadInput: with every problem.
    """
    try:
        found = Article.model_validate(data)
    except ValidationError as error:
        raise BadInput(_plain(typed_problems(error, Article))) from None
    problems = [problem for claim in found.claims for problem in _names(claim, base)]
    ids = [claim.id for claim in found.claims]
    problems += [
        Problem("claims", repr(name), "each id may stand once")
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]
    problems += [problem for claim in found.claims for problem in _numbers(claim)]
    if problems:
        raise BadInput(problems)
    return found


def _plain(problems: Iterator[Problem]) -> list[Problem]:
    """Problems without the names of the types that a discriminated union puts into a place."""
    kinds = {
        "fact", "effect", "absence", "figure", "percent", "differences", "course", "interval", "limit",
        "safe", "cure", "uncheckable",
    }  # fmt: skip
    return [
        Problem(
            ".".join(step for step in p.place.split(".") if step not in kinds), p.given, p.allowed, p.nearest
        )
        for p in problems
    ]


def _one_of(place: str, given: str, names: list[str]) -> Iterator[Problem]:
    if given not in names:
        near = nearest_name(given, names)
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        yield Problem(place, repr(given), f"must be one of {shown}", near)


def _names(claim: Claim, base: Base) -> Iterator[Problem]:
    """Topics, trials, arms and outcomes that do not exist."""
    topics = list(dict.fromkeys(fact.topic for fact in base.facts))
    studies = [*base.trials, *base.pools]
    outcomes = sorted(
        {row.outcome for trial in base.trials.values() for row in trial.effects}
        | {row.outcome for pool in base.pools.values() for row in pool.results}
        | {row.event for trial in base.trials.values() for row in trial.events}
        | {"death", "cure", "allergy"}
    )
    for index, a in enumerate(claim.asserts):
        place = f"claims.{claim.id}.asserts[{index}]"
        if a.kind == "fact":
            yield from _one_of(f"{place}.topic", a.topic, topics)
        elif a.kind == "effect":
            yield from _one_of(f"{place}.outcome", a.outcome, outcomes)
        elif a.kind == "absence":
            yield from _one_of(f"{place}.event", a.event, outcomes)
        elif a.kind == "figure":
            yield from _one_of(f"{place}.trial", a.trial, studies)
            if a.trial in base.trials and a.arm:
                names = [arm.name for arm in base.trials[a.trial].arms]
                yield from _one_of(f"{place}.arm", a.arm, names)
            if a.quantity in ("event", "effect"):
                yield from _one_of(f"{place}.event", a.event, outcomes)
        elif a.kind == "limit":
            for row in a.deaths_of:
                yield from _one_of(f"{place}.deaths_of.trial", row.trial, list(base.trials))


def _numbers(claim: Claim) -> Iterator[Problem]:
    """Percentages outside 0 to 100, and weeks that are none."""
    for index, a in enumerate(claim.asserts):
        place = f"claims.{claim.id}.asserts[{index}]"
        if a.kind == "percent" and not 0 <= float(a.value) <= 100:
            yield Problem(f"{place}.value", a.value, "a percentage lies between 0 and 100")
        if a.kind in ("course", "differences"):
            for week, value in a.points.items():
                if not week.replace(".", "", 1).isdigit():
                    yield Problem(f"{place}.points", repr(week), "must be a week, such as 12")
                low = 0 if a.kind == "course" else -100
                if not low <= float(value) <= 100:
                    yield Problem(f"{place}.points.{week}", value, f"must lie between {low} and 100")
        if a.kind == "limit" and not (a.values or a.deaths_of):
            yield Problem(f"{place}.values", "nothing", "a limit needs figures: values, deaths_of or both")
