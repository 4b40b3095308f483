"""Subgroups at baseline that every report shows, chosen before any result was seen."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

AGE, MELD = 50, 25
"""Cuts, in years and points."""
MOST_CENTRES = 12


@dataclass(frozen=True)
class Group:
    """Patients who share something at baseline.

    Attributes:
        name: key of its text ("subgroup.NAME").
        at: what its text is filled with: a cut or a centre; "" for nothing.
        chosen: picks its rows of a subject table.
    """

    name: str
    at: str
    chosen: pl.Expr


def baseline_groups(subjects: pl.DataFrame) -> list[Group]:
    """All patients first, then the groups that the table's columns allow and that hold some of them."""
    has = set(subjects.columns)
    made = [Group("all", "", pl.lit(True))]
    if "sex" in has:
        made += [Group(word, "", pl.col("sex") == word) for word in ("female", "male")]
    made += _cut(has, "age", "age", AGE)
    for name in ("cirrhosis", "infected_at_entry"):
        if name in has:
            flag = pl.col(name).cast(pl.Boolean)
            made += [Group(f"{name}_no", "", ~flag), Group(name, "", flag)]
    made += _cut(has, "meld", "baseline_meld", MELD)
    if "centre" in has and subjects["centre"].n_unique() <= MOST_CENTRES:
        centres = sorted(subjects["centre"].drop_nulls().unique().to_list())
        made += [Group("centre", str(centre), pl.col("centre") == centre) for centre in centres]
    sizes = [subjects.filter(group.chosen).height for group in made]
    return [group for group, size in zip(made, sizes, strict=True) if group is made[0] or 0 < size < sizes[0]]


def _cut(has: set[str], name: str, column: str, at: int) -> list[Group]:
    if column not in has:
        return []
    value = pl.col(column)
    return [Group(f"{name}_below", str(at), value < at), Group(f"{name}_from", str(at), value >= at)]
