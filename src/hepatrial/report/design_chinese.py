"""English sentences and names that a design's results hold, in the page's language (``design_zh.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.patterns import Patterns
from hepatrial.report.sources import said_in


@cache
def _known() -> dict[str, Any]:
    file = resources.files("hepatrial.report") / "design_zh.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _grounds() -> Patterns:
    return Patterns.of(_known()["rests_on"])


def in_language(results: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Results with title, arms, boundaries and grounds of each belief in ``lang``; a copy."""
    found = dict(results)
    if lang != "zh":
        return found
    found["design"] = _design(results["design"])
    if "assurance" in results:
        rows = [_belief(row) for row in results["assurance"]["rows"]]
        found["assurance"] = {**results["assurance"], "rows": rows}
    if "cohorts" in results:
        found["cohorts"] = [_cohort(one) for one in results["cohorts"]]
    if results.get("compare"):
        other = results["compare"]
        found["compare"] = {**other, "title": other.get("title_zh") or other["title"]}
    return found


def _design(design: Mapping[str, Any]) -> dict[str, Any]:
    said = {**design, "title": design.get("title_zh") or design["title"]}
    if "labels" in design:
        said["labels"] = {**design["labels"], **design.get("labels_zh", {})}
    if "arms" in design:
        said["arms"] = {
            name: {**arm, "label": arm.get("label_zh") or arm["label"]}
            for name, arm in design["arms"].items()
        }
    if design.get("control_source"):
        said["control_source"] = said_in(design["control_source"], "zh")
    return said


def _cohort(one: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: said_in(one[name], "zh") for name in ("name", "source")}
    return {**one, **said, "grade": Catalogue("zh").get(f"grade.{one['grade']}", one["grade"])}


def _belief(row: Mapping[str, Any]) -> dict[str, Any]:
    said = _grounds()(row["rests_on"], lambda _, part: part)
    grade = _known()["grades"].get(row["grade"], row["grade"])
    return {**row, "rests_on": said or row["rests_on"], "grade": grade}
