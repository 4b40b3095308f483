"""Claim files: the source article's, and those of users. Sparse files are filled in, nonsense is refused.

What an article prints is judged, not refused: a percentage above 100, a count above n, an interval that
excludes its estimate or a trial that nobody knows get a verdict.
Refused is a file that does not say what it means:
unknown or missing entries, wrong types, words that no list has.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hepatrial.claims.citations import find_arm, find_study, outcome_key
from hepatrial.claims.reading import kind_of, read_text
from hepatrial.claims.types import Article, Claim
from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.evidence.base import Base, Trial, load_base
from hepatrial.evidence.base.check import typed_problems

SAID = ("cure", "safe", "always", "approved")
"""Sweeping words that are looked for in a text even where assertions are given."""
KINDS = (
    "fact", "effect", "absence", "figure", "cited", "same_product", "separate", "percent", "count",
    "differences", "course", "interval", "p_value", "mean", "table", "rows", "no_event", "analysis_sets",
    "limit", "safe", "cure", "always", "approved", "uncheckable",
)  # fmt: skip


def article() -> Article:
    """The source article's claims, in our words."""
    file = resources.files("hepatrial.claims") / "data" / "article.toml"
    return check_article(tomllib.loads(file.read_text(encoding="utf-8")), load_base())


def example_text() -> str:
    """A commented claim file to begin from."""
    file = resources.files("hepatrial.claims") / "data" / "example.toml"
    return file.read_text(encoding="utf-8")


def read_article(path: Path, base: Base | None = None) -> Article:
    """A user's claim file: TOML, or JSON of the same shape.

    Raises:
        BadInput: it cannot be read, is neither, or does not say what it means; every problem at once.
    """
    data = _plain_data(path)
    known = load_base() if base is None else base
    return check_article({"title": path.stem, **data}, known)


def _plain_data(path: Path) -> dict[str, Any]:
    """A file as plain data; numbers with a point stay text, since their digits say how they were rounded."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        allowed = f"must be a text file that can be read ({error})"
        raise BadInput([Problem("FILE", str(path), allowed)]) from None
    try:
        data = (
            json.loads(text, parse_float=str)
            if path.suffix == ".json"
            else tomllib.loads(text, parse_float=str)
        )
    except ValueError as error:
        word = "JSON" if path.suffix == ".json" else "TOML"
        raise BadInput([Problem("FILE", str(path), f"must be {word}: {error}")]) from None
    if isinstance(data, list):
        data = {"claims": data}
    if not isinstance(data, dict):
        raise BadInput([Problem("FILE", str(path), "must be a table with a list of claims")])
    return data


def check_article(data: Mapping[str, Any], base: Base) -> Article:
    """Plain data as an ``Article`` whose names all exist in the base.

    A claim needs its text and nothing else: its id, scope, kind and assertions are then filled in, the
    assertions by reading the text.

    Raises:
        BadInput: with every problem.
    """
    full = {"source": "not given", **data}
    if isinstance(full.get("claims"), list | tuple):
        full["claims"] = [_filled(row, i, base) for i, row in enumerate(full["claims"], start=1)]
    found: Article | None = None
    problems: list[Problem] = []
    try:
        found = Article.model_validate(full)
    except ValidationError as error:
        problems += _plain(typed_problems(error, Article))
    rows = full.get("claims", ())
    rows = rows if isinstance(rows, list | tuple) else ()
    ids = [row.get("id") for row in rows if isinstance(row, Mapping)]
    problems += [
        Problem("claims", repr(name), "each id may stand once")
        for name in dict.fromkeys(one for one in ids if isinstance(one, str))
        if ids.count(name) > 1
    ]
    if found is not None:
        problems += [problem for claim in found.claims for problem in (*_names(claim, base), *_weeks(claim))]
    if problems or found is None:
        raise BadInput(problems)
    return found


def _filled(row: Any, index: int, base: Base) -> Any:
    """A claim with what it leaves out; a bare text is a claim."""
    if isinstance(row, str):
        row = {"text": row}
    if not isinstance(row, Mapping):
        return row
    if not isinstance(row.get("text"), str) or not row["text"].strip():
        # Without a text nothing can be read; what is wrong with the rest is still found.
        rest: dict[str, Any] = {"id": f"C{index}", "kind": "numbers", "scope": "human"}
        return rest | {"asserts": [{"kind": "safe"}]} | dict(row)
    printed = row.get("printed", "")
    text = f"{row['text']} {printed}" if isinstance(printed, str) and printed else row["text"]
    seen = read_text(text, base)
    full = {"id": f"C{index}", "scope": seen.scope, "kind": seen.kind, "hedged": seen.hedged, **row}
    given = full.get("asserts")
    if not given and given is not None and not isinstance(given, list | tuple):
        return full
    if not given:
        return {**full, "asserts": list(seen.asserts), "read": True}
    if isinstance(given, list | tuple):
        if "kind" not in row:
            full["kind"] = _kind_of(given)
        if "hedged" not in row:
            full["hedged"] = False
        have = {one.get("kind") for one in given if isinstance(one, Mapping)}
        more = [one for one in seen.asserts if one["kind"] in SAID and not have & set(SAID)]
        full["asserts"] = [*given, *more]
    return full


def _kind_of(given: Any) -> str:
    return kind_of([dict(one) for one in given if isinstance(one, Mapping) and "kind" in one])


def _plain(problems: Iterator[Problem]) -> list[Problem]:
    """Problems without the names of the types that a discriminated union puts into a place."""
    return [
        Problem(
            ".".join(step for step in p.place.split(".") if step not in KINDS), p.given, p.allowed, p.nearest
        )
        for p in problems
    ]


def _one_of(place: str, given: str, names: list[str]) -> Iterator[Problem]:
    if given not in names:
        near = nearest_name(given, names)
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        yield Problem(place, repr(given), f"must be one of {shown}", near)


def known_outcomes(base: Base) -> list[str]:
    """Outcomes and events that an assertion may name."""
    return sorted(
        {row.outcome for trial in base.trials.values() for row in trial.effects}
        | {row.outcome for pool in base.pools.values() for row in pool.results}
        | {row.event for trial in base.trials.values() for row in trial.events}
        | {"death", "cure", "allergy", "rejection"}
    )


def _names(claim: Claim, base: Base) -> Iterator[Problem]:
    """Topics, arms and outcomes that do not exist. (A trial that nobody read is judged, not refused.)"""
    topics = list(dict.fromkeys(fact.topic for fact in base.facts))
    outcomes = known_outcomes(base)
    for index, a in enumerate(claim.asserts):
        place = f"claims.{claim.id}.asserts[{index}]"
        if a.kind == "fact":
            yield from _one_of(f"{place}.topic", a.topic, topics)
        elif a.kind == "effect" and outcome_key(a.outcome) not in outcomes:
            yield from _one_of(f"{place}.outcome", a.outcome, outcomes)
        elif a.kind == "absence" and outcome_key(a.event) not in outcomes:
            yield from _one_of(f"{place}.event", a.event, outcomes)
        elif a.kind == "figure":
            trial = find_study(base, a.trial)
            if isinstance(trial, Trial) and a.arm and find_arm(trial, a.arm) is None:
                names = [*(arm.name for arm in trial.arms), "treated", "control"]
                yield from _one_of(f"{place}.arm", a.arm, names)
            if a.quantity in ("event", "effect") and outcome_key(a.event) not in outcomes:
                yield from _one_of(f"{place}.event", a.event, outcomes)
        elif a.kind == "limit":
            if not (a.values or a.deaths_of):
                allowed = "a limit needs figures: values, deaths_of or both"
                yield Problem(f"{place}.values", "nothing", allowed)
            for row in a.deaths_of:
                if find_study(base, row.trial) is None:
                    yield from _one_of(f"{place}.deaths_of.trial", row.trial, list(base.trials))


def _weeks(claim: Claim) -> Iterator[Problem]:
    """Weeks that are none."""
    for index, a in enumerate(claim.asserts):
        if a.kind in ("course", "differences"):
            for week in a.points:
                if not week.replace(".", "", 1).isdigit():
                    place = f"claims.{claim.id}.asserts[{index}].points"
                    yield Problem(place, repr(week), "must be a week, such as 12")
