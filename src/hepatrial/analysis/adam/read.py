"""A real trial's ADaM-like tables as the tables that analyses read, after checks for the usual mistakes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.adam.words import ADVERSE, CODES, TIMES, TYPICAL
from hepatrial.analysis.estimands.events import TrialTables
from hepatrial.errors import Problem, nearest_name
from hepatrial.schema import MEASURES

_DAYS = {"days": 1.0, "day": 1.0, "d": 1.0, "weeks": 7.0, "months": 30.4375, "years": 365.25}
_CENSORING = r"(?i)censor|alive|lost|end of|completed|last|left|withdr|cut.?off|ongoing"
_MEASURE_OF = {code: name for name, code in CODES.items()}
_SAME_UNIT = {
    "umol/l": "umol/L", "µmol/l": "umol/L", "mg/dl": "mg/dL", "g/l": "g/L", "g/dl": "g/dL", "u/l": "U/L",
    "iu/l": "U/L", "mmol/l": "mmol/L", "meq/l": "mEq/L", "10^9/l": "1e9/L", "1e9/l": "1e9/L", "": "1",
    "ug/dl": "ug/dL", "mmhg": "mmHg", "points": "points", "%": "%", "1": "1", "log10 iu/ml": "log10 IU/mL",
}  # fmt: skip


def trial_tables(tables: Mapping[str, pl.DataFrame], *, cnsr: str = "cdisc") -> TrialTables:
    """Subject, visit and event table of one trial.

    ADSL needs USUBJID and TRT01P (or ARM); ADTTE USUBJID, PARAMCD, AVAL, CNSR with the parameter OS and, for
    transplant-free survival, TFS or TTTX. ADLB (PARAMCD, AVAL, AVISITN in weeks or RDAY or ADY, a unit in
    AVALU or in PARAM) and ADAE (AEDECOD, ASTDY or RDAY) are used where they are there. Further ADSL columns
    are kept in lower case, for strata (SITEID is also ``centre``).

    Args:
        tables: ``read_files``.
        cnsr: "cdisc" (0 = event) or "reversed" (1 = event; ADaM's opposite).

    Raises:
        BadInput: with everything that is wrong, among them CNSR that looks reversed and mixed units.
    """
    problems: list[Problem] = []
    check.choice("cnsr", cnsr, ("cdisc", "reversed"), problems)
    check.refuse(problems)
    adsl, adtte = tables["ADSL"], tables["ADTTE"]
    check.need_columns(adsl, "ADSL", ("USUBJID",), problems)
    arm = next((name for name in ("TRT01P", "ARM", "TRTP") if name in adsl.columns), None)
    if arm is None:
        allowed = "is needed (TRT01P, ARM or TRTP)"
        problems.append(
            Problem("ADSL.TRT01P", "no such column", allowed, nearest_name("TRT01P", adsl.columns))
        )
    check.need_columns(adtte, "ADTTE", ("USUBJID", "PARAMCD", "AVAL", "CNSR"), problems)
    check.refuse(problems)
    people, times = _people(adsl, str(arm), problems), _times(adtte, adsl, cnsr, problems)
    check.refuse(problems)
    subjects = _subjects(people, times, problems)
    visits = _visits(tables["ADLB"], people, problems) if "ADLB" in tables else None
    events = _events(tables.get("ADAE"), people, times, problems)
    check.refuse(problems)
    if visits is not None:
        subjects = _with_baselines(subjects, visits)
    return TrialTables(subjects, visits, events)


def _people(adsl: pl.DataFrame, arm: str, problems: list[Problem]) -> pl.DataFrame:
    twice = int(adsl["USUBJID"].is_duplicated().sum())
    if twice:
        problems.append(Problem("ADSL.USUBJID", f"{twice} rows share one", "must be unique"))
    missing = int(adsl[arm].is_null().sum())
    if missing:
        problems.append(Problem(f"ADSL.{arm}", f"{missing} missing", "must have no missing value"))
    people = adsl.with_row_index("subject", offset=1).with_columns(
        replicate=pl.lit(1, dtype=pl.Int32),
        subject=pl.col("subject").cast(pl.Int32),
        arm=pl.col(arm).cast(pl.String),
    )
    if "SITEID" in adsl.columns:
        people = people.with_columns(centre=pl.col("SITEID").cast(pl.String))
    return people


# --- times to events --------------------------------------------------------------------------------------


def _times(adtte: pl.DataFrame, adsl: pl.DataFrame, cnsr: str, problems: list[Problem]) -> pl.DataFrame:
    """USUBJID, what happened (``name``), day and event (1 = it happened)."""
    code_of = {code: name for name, known in TIMES.items() for code in (known.code, *known.other_codes)}
    stray = adtte.join(adsl, on="USUBJID", how="anti").height
    if stray:
        problems.append(Problem("ADTTE.USUBJID", f"{stray} rows", "must be subjects of ADSL"))
    known = adtte.filter(pl.col("PARAMCD").is_in(list(code_of)))
    present = set(known["PARAMCD"].to_list())
    if not present & {"OS", *TIMES["death"].other_codes}:
        found = ", ".join(sorted(set(adtte["PARAMCD"].drop_nulls().to_list()))) or "none"
        problems.append(Problem("ADTTE.PARAMCD", found, "must hold OS (overall survival)"))
        return known
    values, flags = known["AVAL"].cast(pl.Float64, strict=False), known["CNSR"].cast(pl.Float64, strict=False)
    for name, column, wrong, rule in (
        ("AVAL", values, values.is_null() | (values < 0), "must be days of at least 0"),
        ("CNSR", flags, flags.is_null() | (flags < 0) | (flags != flags.floor()), "must be 0, 1, 2, ..."),
    ):
        count = int(wrong.fill_null(True).sum())
        if count:
            shown = column.filter(wrong.fill_null(True))[0]
            problems.append(Problem(f"ADTTE.{name}", f"{shown} ({count} such)", rule))
    twice = int(known.select("USUBJID", "PARAMCD").is_duplicated().sum())
    if twice:
        problems.append(Problem("ADTTE", f"{twice} rows share USUBJID and PARAMCD", "must be unique"))
    if problems:
        return known
    factor = _time_factor(known, problems)
    happened = flags > 0 if cnsr == "reversed" else flags == 0
    table = known.select(
        "USUBJID",
        name=pl.col("PARAMCD").replace_strict(code_of),
        day=values * factor,
        event=happened.cast(pl.Int64),
    )
    _reversed(known.with_columns(_event=happened, _day=values * factor), adsl, cnsr, problems)
    return table


def _time_factor(adtte: pl.DataFrame, problems: list[Problem]) -> pl.Series:
    """Days in the unit of each row, from AVALU or the brackets of PARAM; days where nothing is said."""
    said = _unit_of(adtte).str.to_lowercase()
    said = said.replace({"": "days"})
    for code in adtte["PARAMCD"].unique().to_list():
        units = sorted(set(said.filter(adtte["PARAMCD"] == code).to_list()))
        unknown = [unit for unit in units if unit not in _DAYS]
        if unknown:
            nearest = nearest_name(unknown[0], _DAYS)
            problems.append(
                Problem(f"ADTTE {code}: unit", unknown[0], f"must be of {', '.join(_DAYS)}", nearest)
            )
        elif len({_DAYS[unit] for unit in units}) > 1:
            problems.append(
                Problem(f"ADTTE {code}: unit", " and ".join(units), "must be one unit (mixed units)")
            )
    return said.replace_strict(_DAYS, default=1.0, return_dtype=pl.Float64)


def _unit_of(table: pl.DataFrame) -> pl.Series:
    """Unit of each row: AVALU, else the last brackets of PARAM, else ""."""
    said = pl.lit(None, dtype=pl.String)
    if "AVALU" in table.columns:
        said = pl.col("AVALU").cast(pl.String)
    bracket = (
        pl.col("PARAM").cast(pl.String).str.extract(r"\(([^()]*)\)\s*$")
        if "PARAM" in table.columns
        else pl.lit(None)
    )
    return table.select(pl.coalesce(said, bracket).fill_null("").str.strip_chars()).to_series()


def _reversed(adtte: pl.DataFrame, adsl: pl.DataFrame, cnsr: str, problems: list[Problem]) -> None:
    """CNSR against what else the tables say: deaths in ADSL, descriptions, events piled up at the end."""
    os = adtte.filter(pl.col("PARAMCD").is_in(["OS", *TIMES["death"].other_codes]))
    against: list[str] = []
    if "DTHFL" in adsl.columns:
        dead = os.join(adsl.select("USUBJID", _dead=pl.col("DTHFL").fill_null("") == "Y"), on="USUBJID")
        agree = int((dead["_event"] == dead["_dead"]).sum())
        if dead.height and agree < dead.height / 2 and dead["_dead"].any():
            against.append(f"{dead.height - agree} of {dead.height} contradict ADSL.DTHFL")
    if "EVNTDESC" in os.columns:
        text = os["EVNTDESC"].cast(pl.String).fill_null("")
        censoring = text.str.contains(_CENSORING)
        if (text != "").any() and int((censoring == os["_event"]).sum()) > 0.9 * os.height:
            against.append("EVNTDESC describes the end of observation where CNSR says event")
    if not against and "DTHFL" not in adsl.columns:
        last = float(os["_day"].to_numpy().max())
        at_end = os.filter(pl.col("_day") == last)
        event, other = os.filter(pl.col("_event")), os.filter(~pl.col("_event"))
        piled = at_end.height > 2 and at_end["_event"].all() and at_end.height > event.height / 2
        if piled and other.height and other["_day"].to_numpy().max() < last:
            against.append(
                f"{at_end.height} 'events' fall on the last day, {last:g}, and every censoring before it"
            )
    if against:
        meaning = "1 = event" if cnsr == "reversed" else "0 = event"
        allowed = f"must mean {meaning}; it looks reversed ({'; '.join(against)})"
        problems.append(
            Problem("ADTTE.CNSR", "OS", allowed, "--cnsr reversed" if cnsr == "cdisc" else "--cnsr cdisc")
        )


# --- subject table ----------------------------------------------------------------------------------------


def _subjects(people: pl.DataFrame, times: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame:
    wide = people
    for name in TIMES:
        mine = times.filter(pl.col("name") == name).select(
            "USUBJID", pl.col("day").alias(f"_{name}_day"), pl.col("event").alias(f"_{name}_event")
        )
        if mine.height:
            wide = wide.join(mine, on="USUBJID", how="left", maintain_order="left")
    lacking = int(wide["_death_day"].is_null().sum())
    if lacking:
        problems.append(
            Problem("ADTTE OS", f"{lacking} subjects of ADSL without", "must have a row for each subject")
        )
        return wide
    end, died = pl.col("_death_day"), pl.col("_death_event") == 1
    moved = _moved(wide)
    wide = wide.with_columns(_moved=moved).with_columns(_moved=pl.col("_moved").fill_null(float("inf")))
    late = wide.filter(pl.col("_moved").is_finite() & (pl.col("_moved") > end)).height
    if late:
        allowed = "must not come after the end of overall survival"
        problems.append(Problem("ADTTE TTTX or TFS", f"{late} transplants", allowed))
    left = pl.lit(False)
    if "EOSSTT" in wide.columns:
        left = pl.col("EOSSTT").fill_null("").str.to_uppercase() == "DISCONTINUED"
    reason = pl.col("DCSREAS").fill_null("") if "DCSREAS" in wide.columns else pl.lit("")
    transplanted = pl.col("_moved").is_finite()
    gone = ~died & left
    columns = {
        "overall_survival_time": end,
        "overall_survival_event": died.cast(pl.Int32),
        "transplant_free_time": pl.min_horizontal(end, "_moved"),
        "transplant_free_event": (died | transplanted).cast(pl.Int32),
        "first_event": pl.when(transplanted)
        .then(pl.lit("transplant"))
        .when(died)
        .then(pl.lit("death"))
        .when(gone)
        .then(pl.lit("dropout"))
        .otherwise(pl.lit("none")),
        "dropout_reason": pl.when(~gone)
        .then(pl.lit(""))
        .when(reason != "")
        .then(reason)
        .otherwise(pl.lit("discontinued")),
    }  # fmt: skip
    if "SEX" in wide.columns:
        columns["sex"] = pl.col("SEX").cast(pl.String).replace({"F": "female", "M": "male"})
    for name, source in (("age", "AGE"), ("weight", "WEIGHTBL")):
        if source in wide.columns:
            columns[name] = pl.col(source).cast(pl.Float64)
    if {"NPLAN", "NDOSE"} <= set(wide.columns):
        columns |= {
            "infusions_planned": pl.col("NPLAN").cast(pl.Int32),
            "infusions_received": pl.col("NDOSE").cast(pl.Int32),
        }
    taken = {"replicate", "subject", "arm", "centre", *columns}
    rest = {
        name.lower(): pl.col(name) for name in people.columns if name.isupper() and name.lower() not in taken
    }
    kept = [name for name in ("replicate", "subject", "arm", "centre") if name in wide.columns]
    return wide.select(
        *kept, patient=pl.col("subject").cast(pl.Int64), status=pl.lit("ok"), **columns, **rest
    )


def _moved(wide: pl.DataFrame) -> pl.Expr:
    """Day of transplant: TTTX, else a TFS event before the end of overall survival or without a death."""
    never = float("inf")
    if "_transplant_day" in wide.columns:
        return pl.when(pl.col("_transplant_event") == 1).then(pl.col("_transplant_day")).otherwise(never)
    if "_transplant_free_day" not in wide.columns:
        return pl.lit(never)
    free, event = pl.col("_transplant_free_day"), pl.col("_transplant_free_event") == 1
    earlier = (free < pl.col("_death_day")) | (pl.col("_death_event") == 0)
    return pl.when(event & earlier).then(free).otherwise(never)


# --- laboratory -------------------------------------------------------------------------------------------


def _visits(adlb: pl.DataFrame, people: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame | None:
    before = len(problems)
    check.need_columns(adlb, "ADLB", ("USUBJID", "PARAMCD", "AVAL"), problems)
    if not {"AVISITN", "RDAY", "ADY"} & set(adlb.columns):
        problems.append(
            Problem("ADLB.AVISITN", "no such column", "is needed (AVISITN in weeks, RDAY or ADY)")
        )
    if len(problems) > before:
        return None
    known = adlb.filter(pl.col("PARAMCD").is_in(list(_MEASURE_OF)) & pl.col("AVAL").is_not_null())
    if known.height == 0:
        found = ", ".join(sorted(set(adlb["PARAMCD"].drop_nulls().to_list()))[:12])
        problems.append(Problem("ADLB.PARAMCD", found, f"must hold some of {', '.join(_MEASURE_OF)}"))
        return None
    known = known.with_columns(
        AVAL=pl.col("AVAL").cast(pl.Float64, strict=False),
        _measure=pl.col("PARAMCD").replace_strict(_MEASURE_OF),
        _unit=_unit_of(known),
    )
    known = _in_si(known, people, problems)
    if len(problems) > before:
        return None
    day, week = _when(known)
    known = known.with_columns(day=day, week=week).join(
        people.select("USUBJID", "replicate", "subject", "arm"), on="USUBJID"
    )
    keys = ["replicate", "subject", "arm", "week"]
    twice = int(known.select(*keys, "_measure").is_duplicated().sum())
    if twice:
        allowed = "must be one value a subject, parameter and visit (select the analysis records first)"
        problems.append(Problem("ADLB", f"{twice} rows share subject, parameter and visit", allowed))
        return None
    days = known.group_by(keys).agg(day=pl.col("day").min())
    wide = known.pivot(on="_measure", index=keys, values="AVAL").join(days, on=keys)
    name = (
        pl.when(pl.col("week") == 0).then(pl.lit("baseline")).otherwise(pl.format("week {}", pl.col("week")))
    )
    return wide.with_columns(visit=name).sort("subject", "week")


def _when(adlb: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Day from randomisation and planned week of each row."""
    has = set(adlb.columns)
    study_day = (
        pl.col("ADY").cast(pl.Float64) - (pl.col("ADY").cast(pl.Float64) > 0).cast(pl.Float64)
        if "ADY" in has
        else None
    )
    planned = pl.col("AVISITN").cast(pl.Float64) if "AVISITN" in has else None
    exact = pl.col("RDAY").cast(pl.Float64) if "RDAY" in has else None
    options = [
        one for one in (exact, study_day, planned * 7 if planned is not None else None) if one is not None
    ]
    day = pl.coalesce(*options)
    baseline = pl.col("ABLFL").fill_null("") == "Y" if "ABLFL" in has else pl.lit(False)
    week = planned if planned is not None else (day / 7).round(0)
    return day, pl.when(baseline).then(0.0).otherwise(week)


def _in_si(adlb: pl.DataFrame, people: pl.DataFrame, problems: list[Problem]) -> pl.DataFrame:
    """Values in SI units; mixed or wrong units are problems, each named."""
    parts = []
    for (name,), rows in adlb.group_by(["_measure"], maintain_order=True):
        measure = MEASURES[str(name)]
        place = f"ADLB {CODES[measure.name]}"
        said = rows["_unit"].str.to_lowercase()
        units = sorted({_SAME_UNIT.get(unit, unit) for unit in said.unique().to_list()})
        fitting = {measure.unit: 1.0, measure.conventional: measure.factor}
        if measure.unit in ("1", "points"):
            fitting |= {"1": 1.0, "points": 1.0}
        elif "1" in units and units != ["1"]:
            units.remove("1")  # rows that name no unit beside rows that do
            problems.append(Problem(f"{place}: unit", "nothing in some rows", "must be said in every row"))
            continue
        elif units == ["1"]:
            problems.append(
                Problem(f"{place}: unit", "nothing", f"must be {measure.unit} or {measure.conventional}")
            )
            continue
        if unknown := [unit for unit in units if unit not in fitting]:
            allowed = f"must be {' or '.join(sorted(set(fitting)))}"
            problems.append(Problem(f"{place}: unit", unknown[0], allowed, nearest_name(unknown[0], fitting)))
            continue
        if len({fitting[unit] for unit in units}) > 1:
            count = {u: int((said.replace(_SAME_UNIT) == u).sum()) for u in units}
            shown = " and ".join(f"{unit} ({count[unit]} rows)" for unit in units)
            problems.append(Problem(f"{place}: unit", shown, "must be one unit (mixed units)"))
            continue
        converted = rows.with_columns(AVAL=pl.col("AVAL") / fitting[units[0]])
        if sentence := _looks_mixed(converted, people, measure.name):
            problems.append(Problem(f"{place}: values", f"said to be {units[0]}", sentence))
        parts.append(converted)
    return pl.concat(parts) if parts else adlb


def _looks_mixed(rows: pl.DataFrame, people: pl.DataFrame, name: str) -> str | None:
    """A sentence where values do not look like the unit they are said to have; None where they do.

    Looked at for measures whose two units differ much and whose usual range is known: the median of all, that
    of each centre, and two clusters apart by the factor between the units.
    """
    measure = MEASURES[name]
    if name not in TYPICAL:
        return None
    low, high = TYPICAL[name]
    value = rows["AVAL"].to_numpy()
    value = value[np.isfinite(value) & (value > 0)]
    if value.size == 0:
        return None
    middle = float(np.median(value))
    other = f"{measure.conventional} or another unit"
    if not low <= middle <= high:
        seen = f"their median is {middle:g}: they look like {other}"
        return f"must lie about {low:g} to {high:g} {measure.unit}; {seen}"
    ratio = max(measure.factor, 1 / measure.factor)
    if "centre" in people.columns:
        named = rows.join(people.select("USUBJID", "centre"), on="USUBJID").filter(pl.col("AVAL") > 0)
        for centre in sorted(named["centre"].drop_nulls().unique().to_list()):
            inside = named.filter(pl.col("centre") == centre)["AVAL"].to_numpy()
            outside = named.filter(pl.col("centre") != centre)["AVAL"].to_numpy()
            if min(inside.size, outside.size) < 3 or ratio < 3:
                continue
            apart = float(np.exp(abs(np.log(np.median(inside) / np.median(outside)))))
            if ratio / 1.6 < apart < ratio * 1.6:
                return f"must be one unit (mixed units): centre {centre} differs by a factor of {apart:.0f}"
    ordered = np.sort(np.log(value))
    gap = np.diff(ordered)
    if gap.size and ratio > 3:
        at = int(gap.argmax())
        lower, upper = ordered[: at + 1], ordered[at + 1 :]
        apart = float(np.exp(np.median(upper) - np.median(lower)))
        few = min(lower.size, upper.size)
        if (
            np.exp(gap[at]) > ratio**0.4
            and ratio / 1.8 < apart < ratio * 1.8
            and few >= max(3, 0.01 * value.size)
        ):
            seen = f"{few} of {value.size} values are about {apart:.0f} times apart from the rest"
            return f"must be one unit (mixed units): {seen}"
    return None


def _with_baselines(subjects: pl.DataFrame, visits: pl.DataFrame) -> pl.DataFrame:
    names = [name for name in MEASURES if name in visits.columns]
    first = visits.filter(pl.col("week") == 0).select(
        "replicate", "subject", "arm", *(pl.col(name).alias(f"baseline_{name}") for name in names)
    )
    return subjects.join(first, on=["replicate", "subject", "arm"], how="left", maintain_order="left")


# --- events -----------------------------------------------------------------------------------------------

_EVENT_ROW = {"withdrawal_of_care": "withdrawal", "undelivered_infusion": "missed_infusion"}


def _events(
    adae: pl.DataFrame | None, people: pl.DataFrame, times: pl.DataFrame, problems: list[Problem]
) -> pl.DataFrame:
    """Adverse events, and every event of ADTTE that ADAE does not hold."""
    keys = people.select("USUBJID", "replicate", "subject", "arm")
    adverse = pl.DataFrame(schema={"USUBJID": pl.String, "day": pl.Float64, "event": pl.String})
    if adae is not None:
        before = len(problems)
        check.need_columns(adae, "ADAE", ("USUBJID", "AEDECOD"), problems)
        if not {"RDAY", "ASTDY"} & set(adae.columns):
            problems.append(Problem("ADAE.ASTDY", "no such column", "is needed"))
        if len(problems) == before:
            term = {text.lower(): name for name, (text, _) in ADVERSE.items()}
            day = pl.col("RDAY") if "RDAY" in adae.columns else pl.col("ASTDY").cast(pl.Float64) - 1
            event = pl.col("AEDECOD").cast(pl.String).str.to_lowercase().replace(term)
            adverse = adae.select("USUBJID", day=day.cast(pl.Float64), event=event).filter(pl.col("day") >= 0)
    timed = times.filter((pl.col("event") == 1) & ~pl.col("name").is_in(["death", "transplant_free"]))
    timed = timed.select("USUBJID", "day", event=pl.col("name").replace(_EVENT_ROW))
    timed = timed.filter(~pl.col("event").is_in(adverse["event"].unique().to_list()))
    rows = pl.concat([adverse, timed]).join(keys, on="USUBJID")
    patient = pl.col("subject").cast(pl.Int64).alias("patient")
    table = rows.select("replicate", "subject", patient, "arm", "day", "event", detail=pl.lit(""))
    return table.sort("subject", "day", "event")
