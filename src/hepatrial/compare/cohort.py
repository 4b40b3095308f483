"""A real cohort as long tables: read with every problem reported together, in SI units.

Values: ``subject,time_d,measure,unit,value``, one row a measurement, time in days from entry (0 or before: at
entry). Traits are measures too: ``age``, ``female`` (0 or 1), any group such as ``plasma_exchange`` (0 or 1).
Events: ``subject,event,time_d``; ``last_seen`` says until when somebody was followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.prediction.vocabulary import ALIASES, key
from hepatrial.protocol.plausible import PLAUSIBLE
from hepatrial.schema import MEASURES
from hepatrial.units import UnitError, convert, usual_units

VALUE_COLUMNS = ("subject", "time_d", "measure", "unit", "value")
EVENT_COLUMNS = ("subject", "event", "time_d")
EVENTS = ("death", "transplant", "deterioration", "last_seen")
"""``deterioration`` is for cohorts that print an outcome without defining it; it is laid beside death or
transplant, and the page says so."""
LISTED = 12
"""Rows named in one problem; the rest are counted."""
ENTRY_DAY = 1.0
"""Measurements until this day count as those at entry when there is none at 0 or before."""
_UNIT_OF_TRAITS = {"age": "years", "weight": "kg"}


@dataclass(frozen=True)
class RealCohort:
    """Real patients.

    Attributes:
        values: subject (text), time_d (days), measure, value (SI).
        events: subject, event, time_d.
        groups: names of the 0/1 traits that are no measure of the model.
        unused: measures that the model has no column for.
    """

    values: pl.DataFrame
    events: pl.DataFrame
    groups: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody with a value, in order."""
        return tuple(self.values["subject"].unique(maintain_order=True))

    def only(self, subjects: set[str]) -> RealCohort:
        """The cohort of some subjects."""
        keep = pl.col("subject").is_in(list(subjects))
        return RealCohort(self.values.filter(keep), self.events.filter(keep), self.groups, self.unused)

    def split(self, group: str) -> dict[str, RealCohort]:
        """The subjects with and without a 0/1 trait.

        Raises:
            BadInput: nobody has the trait, or it takes other values.
        """
        mine = self.values.filter(pl.col("measure") == group)
        if not len(mine) or not set(mine["value"].unique()) <= {0.0, 1.0}:
            known = ", ".join(self.groups) or "none in this file"
            allowed = f"a measure that is 0 or 1 for every subject: {known}"
            raise BadInput([Problem("--by", group, allowed, nearest_name(group, self.groups))])
        parts = {
            label: self.only(set(mine.filter(pl.col("value") == value)["subject"]))
            for label, value in ((group, 1.0), (f"no {group}", 0.0))
        }
        return {label: part for label, part in parts.items() if len(part.values)}


def read_cohort(values: Path, events: Path | None = None) -> RealCohort:
    """Read a cohort.

    Args:
        values: CSV of measurements.
        events: CSV of events; without it only entries and courses are compared.

    Raises:
        BadInput: missing columns or files, unknown units, impossible values, values most of which lie in
            another unit's range, duplicates, events of nobody, all at once.
    """
    problems: list[Problem] = []
    table = _table(values, VALUE_COLUMNS, "COHORT.csv", problems)
    happened = (
        _table(events, EVENT_COLUMNS, "--events", problems) if events else pl.DataFrame(_empty(EVENT_COLUMNS))
    )
    if problems:
        raise BadInput(problems)
    table = _numbers(table, ("time_d", "value"), "COHORT.csv", problems)
    happened = _numbers(happened, ("time_d",), "--events", problems)
    table, groups, unused = _in_si(table, problems)
    _no_duplicates(table, ("subject", "time_d", "measure"), "COHORT.csv", problems)
    _check_events(happened, set(table["subject"]), problems)
    if problems:
        raise BadInput(problems)
    order = table.sort("subject", "time_d", "measure", maintain_order=True)
    return RealCohort(order.select("subject", "time_d", "measure", "value"), happened, groups, unused)


def _empty(columns: tuple[str, ...]) -> dict[str, pl.Series]:
    return {name: pl.Series([], dtype=pl.String) for name in columns}


def _table(path: Path, columns: tuple[str, ...], place: str, problems: list[Problem]) -> pl.DataFrame:
    """The file as text columns; problems for what is missing."""
    try:
        table = pl.read_csv(path, infer_schema=False, null_values=["", "NA", "NaN"])
    except OSError as error:
        problems.append(Problem(place, str(path), f"a file that can be read ({error.strerror})"))
        return pl.DataFrame(_empty(columns))
    except pl.exceptions.PolarsError as error:
        problems.append(Problem(place, str(path), f"a CSV table ({str(error).splitlines()[0]})"))
        return pl.DataFrame(_empty(columns))
    for name in columns:
        if name not in table.columns:
            allowed = f"the columns {', '.join(columns)}; {name} is missing"
            given = ", ".join(table.columns[:8]) or "no columns"
            problems.append(Problem(place, given, allowed, nearest_name(name, table.columns)))
    if not problems and not len(table):
        problems.append(Problem(place, "no rows", f"rows of {', '.join(columns)}"))
    return table


def _numbers(
    table: pl.DataFrame, columns: tuple[str, ...], place: str, problems: list[Problem]
) -> pl.DataFrame:
    """Text columns as finite numbers; rows without a value are dropped, other text is a problem."""
    table = table.with_row_index("row", offset=2).drop_nulls(list(columns))
    for name in columns:
        number = pl.col(name).cast(pl.Float64, strict=False)
        bad = table.filter(number.is_null() | ~number.is_finite())
        if len(bad):
            problems.append(Problem(f"{place}, {name}", _rows(bad, name), "a finite number"))
        table = table.filter(number.is_not_null() & number.is_finite()).with_columns(number)
    return table


def _rows(bad: pl.DataFrame, column: str) -> str:
    """Some rows by number and what stands there."""
    shown = [f"{value} (row {row})" for row, value in bad.select("row", column).head(LISTED).iter_rows()]
    more = f" and {len(bad) - LISTED} more" if len(bad) > LISTED else ""
    return ", ".join(shown) + more


def _in_si(
    table: pl.DataFrame, problems: list[Problem]
) -> tuple[pl.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """Values of the model's measures in SI units; 0/1 traits kept; the rest named as unused."""
    parts, groups, unused = [], [], []
    for (measure, unit), part in table.group_by("measure", "unit", maintain_order=True):
        written = "" if measure is None else str(measure)
        name = ALIASES.get(key(written), key(written))
        if name in MEASURES or name in _UNIT_OF_TRAITS:
            parts.append(_converted(part, name, "" if unit is None else str(unit), problems))
        elif set(part["value"].unique()) <= {0.0, 1.0}:
            groups.append(name)
            parts.append(part.with_columns(pl.lit(name).alias("measure")))
        else:
            unused.append(name)
    if not parts:
        known = ", ".join(MEASURES)
        problems.append(Problem("COHORT.csv, measure", ", ".join(unused[:8]), f"at least one of {known}"))
        return table, (), ()
    return pl.concat(parts), tuple(dict.fromkeys(groups)), tuple(dict.fromkeys(unused))


def _converted(part: pl.DataFrame, name: str, unit: str, problems: list[Problem]) -> pl.DataFrame:
    target = MEASURES[name].unit if name in MEASURES else _UNIT_OF_TRAITS[name]
    unit = (
        "1" if target == "1" and unit in ("", "1") else "points" if target == "points" and not unit else unit
    )
    place = f"COHORT.csv, {name}"
    try:
        factor = convert(1, unit, target, name)
    except UnitError:
        usual = ", ".join(usual_units(target, name))
        problems.append(Problem(place, repr(unit), f"a unit of {name}: {usual}"))
        return part.with_columns(pl.lit(name).alias("measure"))
    si = part.with_columns((pl.col("value") * factor).alias("value"), pl.lit(name).alias("measure"))
    low, high = PLAUSIBLE.get(name, (float("-inf"), float("inf")))
    outside = si.filter(~pl.col("value").is_between(low, high))
    if len(outside):
        other = _other_unit(part, name, unit, target)
        if other and len(outside) > len(part) / 2:
            given = (
                f"{len(outside)} of {len(part)} values outside {low:g} to {high:g} {target}, read in {unit}"
            )
            problems.append(Problem(place, given, f"values in the unit declared; most fit {other}"))
        else:
            shown = part.filter(~(pl.col("value") * factor).is_between(low, high))
            allowed = f"possible in a patient: {low:g} to {high:g} {target}"
            problems.append(Problem(place, f"{_rows(shown, 'value')} {unit}", allowed))
    return si


def _other_unit(part: pl.DataFrame, name: str, unit: str, target: str) -> str | None:
    """A usual unit of the measure in whose range most of the values lie, or None."""
    low, high = PLAUSIBLE[name]
    for other in usual_units(target, name):
        if other == unit:
            continue
        inside = (part["value"] * convert(1, other, target, name)).is_between(low, high)
        if inside.mean() > 0.5:  # type: ignore[operator]
            return other
    return None


def _no_duplicates(
    table: pl.DataFrame, columns: tuple[str, ...], place: str, problems: list[Problem]
) -> None:
    twice = table.filter(pl.struct(columns).is_duplicated())
    if len(twice):
        allowed = f"one row for each {', '.join(columns)}"
        problems.append(Problem(place, f"twice the same: {_rows(twice, 'subject')}", allowed))


def _check_events(happened: pl.DataFrame, subjects: set[str], problems: list[Problem]) -> None:
    if not len(happened):
        return
    for name in happened["event"].unique():
        if name not in EVENTS:
            allowed = f"one of {', '.join(EVENTS)}"
            problems.append(Problem("--events, event", repr(name), allowed, nearest_name(str(name), EVENTS)))
    strangers = happened.filter(~pl.col("subject").is_in(list(subjects)))
    if len(strangers):
        allowed = "subjects of COHORT.csv"
        problems.append(Problem("--events, subject", _rows(strangers, "subject"), allowed))
    early = happened.filter(pl.col("time_d") < 0)
    if len(early):
        problems.append(Problem("--events, time_d", _rows(early, "time_d"), "0 or later"))
    _no_duplicates(happened, ("subject", "event"), "--events", problems)
    both = happened.filter(pl.col("event") == "death").join(
        happened.filter(pl.col("event") == "last_seen"), on="subject", suffix="_seen"
    )
    after = both.filter(pl.col("time_d_seen") > pl.col("time_d"))
    if len(after):
        problems.append(
            Problem("--events", f"seen after death: {_rows(after, 'subject')}", "last_seen before")
        )
