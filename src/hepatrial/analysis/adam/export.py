"""A trial's tables as ADSL, ADTTE, ADLB and ADAE."""

from __future__ import annotations

import polars as pl

from hepatrial.analysis import check
from hepatrial.analysis.adam.words import ADVERSE, CODES, COLUMNS, NOTE, TIMES, param
from hepatrial.analysis.endpoints import usable
from hepatrial.analysis.estimands.events import KEY, TrialTables, intercurrent_days, with_keys
from hepatrial.errors import BadInput, Problem
from hepatrial.schema import MEASURES


def adam_tables(
    tables: TrialTables,
    study: str,
    *,
    replicate: int = 1,
    labels: dict[str, str] | None = None,
    note: str = "",
) -> dict[str, pl.DataFrame]:
    """The four tables of one trial.

    CNSR is 0 for an event, 1 for the end of observation and 2 where a death came before an event that is no
    death. Times are days from randomisation; ADY and ASTDY count the day of randomisation as day 1. ADSL,
    ADTTE and ADLB have the columns of ``words.COLUMNS`` as far as the trial has them; ADTTE has every
    intercurrent event as a parameter, so that an analysis of the tables alone sees them.

    Args:
        tables: with replicates or without.
        study: STUDYID.
        replicate: which trial.
        labels: arm -> description; default the arm's name.
        note: mark of a simulation, carried by every row (column SIMNOTE); "" for a real trial.

    Raises:
        BadInput: columns or the replicate that are not there.
    """
    subjects = with_keys(tables.subjects)
    chosen = pl.col("replicate") == replicate
    if subjects.filter(chosen).height == 0:
        allowed = "must be a replicate of the tables"
        raise BadInput([Problem("replicate", str(replicate), allowed)])
    one = TrialTables(
        usable(subjects.filter(chosen)),
        None if tables.visits is None else with_keys(tables.visits).filter(chosen),
        None if tables.events is None else with_keys(tables.events).filter(chosen),
    )
    problems: list[Problem] = []
    check.need_columns(one.subjects, "subjects", ("subject", "arm", "overall_survival_time"), problems)
    check.refuse(problems)
    days = intercurrent_days(one)
    people = _people(one.subjects, study, labels or {})
    made = {
        "ADSL": _adsl(one.subjects, people),
        "ADTTE": _adtte(one, days, people),
        "ADLB": _adlb(one, people),
        "ADAE": _adae(one, people),
    }
    return {name: _finished(table, name, note) for name, table in made.items()}


def _people(subjects: pl.DataFrame, study: str, labels: dict[str, str]) -> pl.DataFrame:
    """Key and the columns that every table repeats."""
    actual = "treatment_actual" if "treatment_actual" in subjects.columns else "arm"
    given = {name: labels.get(name, name) for name in subjects["arm"].unique()}
    site = pl.col("centre").cast(pl.String) if "centre" in subjects.columns else pl.lit("001")
    return subjects.select(
        *KEY,
        STUDYID=pl.lit(study),
        SUBJID=pl.col("subject").cast(pl.String).str.zfill(4),
        SITEID=site,
        TRTP=pl.col("arm").replace(given),
        TRTA=pl.col(actual).replace(given),
    ).with_columns(USUBJID=pl.concat_str("STUDYID", "SITEID", "SUBJID", separator="-"))


def _flag(name: str) -> pl.Expr:
    return pl.when(pl.col(name).cast(pl.Boolean)).then(pl.lit("Y")).otherwise(pl.lit("N"))


def _adsl(subjects: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    died = pl.col("overall_survival_event") == 1
    has = set(subjects.columns)
    reason = pl.col("dropout_reason") if "dropout_reason" in has else pl.lit("")
    left = ~died & ((pl.col("first_event") == "dropout") | (reason != ""))
    infused = (
        (pl.col("infusions_planned") == 0) | (pl.col("infusions_received") > 0)
        if {"infusions_planned", "infusions_received"} <= has
        else pl.lit(True)
    )
    end = pl.col("overall_survival_time")
    columns = {
        "AGEU": pl.lit("YEARS"),
        "ITTFL": pl.lit("Y"),
        "SAFFL": pl.when(infused).then(pl.lit("Y")).otherwise(pl.lit("N")),
        "DTHFL": pl.when(died).then(pl.lit("Y")).otherwise(pl.lit("N")),
        "DTHADY": pl.when(died).then(end.floor() + 1).otherwise(None),
        "EOSSTT": pl.when(left).then(pl.lit("DISCONTINUED")).otherwise(pl.lit("COMPLETED")),
        "DCSREAS": pl.when(left)
        .then(pl.when(reason != "").then(reason).otherwise(pl.lit("UNKNOWN")))
        .otherwise(pl.lit("")),
    }
    optional = {
        "AGE": ("age", pl.col("age")),
        "SEX": ("sex", pl.col("sex").replace({"female": "F", "male": "M"})),
        "DTHCAUS": ("death_cause", pl.col("death_cause")),
        "WEIGHTBL": ("weight", pl.col("weight")),
        "CIRRFL": ("cirrhosis", _flag("cirrhosis")),
        "INFBLFL": ("infected_at_entry", _flag("infected_at_entry")),
        "LISTFL": ("listed", _flag("listed")),
        "STRATAR": ("stratum", pl.col("stratum")),
        "NPLAN": ("infusions_planned", pl.col("infusions_planned").cast(pl.Float64)),
        "NDOSE": ("infusions_received", pl.col("infusions_received").cast(pl.Float64)),
    }
    columns |= {name: value for name, (source, value) in optional.items() if source in has}
    made = subjects.select(*KEY, **columns)
    table = people.join(made, on=list(KEY), maintain_order="left")
    treatment = {"ARM": "TRTP", "ACTARM": "TRTA", "TRT01P": "TRTP", "TRT01A": "TRTA"}
    return table.with_columns(**{name: pl.col(source) for name, source in treatment.items()})


def _adtte(one: TrialTables, days: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    base = people.join(days, on=list(KEY), maintain_order="left")
    for name, optional in (("AGE", "age"), ("SEX", "sex")):
        if optional in one.subjects.columns:
            value = one.subjects.select(*KEY, pl.col(optional).alias(name))
            base = base.join(value, on=list(KEY), maintain_order="left")
    if "SEX" in base.columns:
        base = base.with_columns(pl.col("SEX").replace({"female": "F", "male": "M"}))
    parts = [_parameter(base, one, name) for name in TIMES]
    return pl.concat([part for part in parts if part is not None]).sort("USUBJID", "PARAMCD")


def _parameter(base: pl.DataFrame, one: TrialTables, name: str) -> pl.DataFrame | None:
    """Rows of one parameter; None where the trial has no data for it."""
    known = TIMES[name]
    if name == "transplant_free":
        event = pl.min_horizontal("death", "transplant")
    elif name in base.columns:
        event = pl.col(name)
    elif one.events is None:
        return None
    else:
        mine = one.events.filter(pl.col("event") == name)
        first = mine.group_by(*KEY).agg(_first=pl.col("day").min().cast(pl.Float64))
        base = base.join(first, on=list(KEY), how="left", maintain_order="left")
        base = base.with_columns(pl.col("_first").fill_null(float("inf")))
        event = pl.col("_first")
    happened = event <= pl.col("end")
    dead = (pl.col("died") == 1) & (name not in ("death", "transplant_free"))
    left = pl.col("dropout").is_finite()
    return base.with_columns(
        PARAM=pl.lit(f"{known.label} (days)"),
        PARAMCD=pl.lit(known.code),
        AVAL=pl.when(happened).then(event).otherwise(pl.col("end")),
        AVALU=pl.lit("days"),
        CNSR=pl.when(happened).then(0.0).when(dead).then(2.0).otherwise(1.0),
        EVNTDESC=pl.when(happened)
        .then(pl.lit(known.event))
        .when(dead)
        .then(pl.lit("Death"))
        .when(left)
        .then(pl.lit("Left the Study"))
        .otherwise(pl.lit("End of Observation")),
        CNSDTDSC=pl.when(happened).then(pl.lit("")).otherwise(pl.lit("Last Day Observed")),
    ).select(
        *[column for column in COLUMNS["ADTTE"] if column in base.columns or column not in ("AGE", "SEX")]
    )  # fmt: skip


def _adlb(one: TrialTables, people: pl.DataFrame) -> pl.DataFrame | None:
    if one.visits is None:
        return None
    measures = [name for name in MEASURES if name in one.visits.columns]
    long = one.visits.select(*KEY, "visit", "week", "day", *measures).unpivot(
        measures, index=[*KEY, "visit", "week", "day"], variable_name="measure", value_name="AVAL"
    )
    long = long.filter(pl.col("AVAL").is_not_null() & pl.col("AVAL").is_not_nan())
    base = long.filter(pl.col("week") == 0).select(*KEY, "measure", BASE="AVAL")
    table = long.join(base, on=[*KEY, "measure"], how="left").join(people, on=list(KEY))
    return table.with_columns(
        AVISIT=pl.when(pl.col("week") == 0)
        .then(pl.lit("Baseline"))
        .otherwise(pl.col("visit").str.to_titlecase()),
        AVISITN=pl.col("week"),
        ADY=pl.when(pl.col("day") < 0).then(pl.col("day").floor()).otherwise(pl.col("day").floor() + 1),
        RDAY=pl.col("day"),
        PARAM=pl.col("measure").replace_strict({name: param(name) for name in measures}),
        PARAMCD=pl.col("measure").replace_strict(CODES),
        AVALU=pl.col("measure").replace_strict({name: MEASURES[name].unit for name in measures}),
        CHG=pl.when(pl.col("week") > 0).then(pl.col("AVAL") - pl.col("BASE")).otherwise(None),
        ABLFL=pl.when(pl.col("week") == 0).then(pl.lit("Y")).otherwise(pl.lit("")),
    ).sort("USUBJID", "PARAMCD", "AVISITN")


def _adae(one: TrialTables, people: pl.DataFrame) -> pl.DataFrame | None:
    if one.events is None:
        return None
    mine = one.events.filter(pl.col("event").is_in(list(ADVERSE))).join(people, on=list(KEY))
    mine = mine.sort("USUBJID", "day", "event")
    return mine.with_columns(
        AESEQ=pl.int_range(1, pl.len() + 1).over("USUBJID").cast(pl.Float64),
        AETERM=pl.col("event").replace_strict({name: term for name, (term, _) in ADVERSE.items()}),
        AEDECOD=pl.col("event").replace_strict({name: term for name, (term, _) in ADVERSE.items()}),
        AESER=pl.col("event").replace_strict({name: serious for name, (_, serious) in ADVERSE.items()}),
        ASTDY=pl.col("day").cast(pl.Float64).floor() + 1,
        RDAY=pl.col("day").cast(pl.Float64),
    )


def _finished(table: pl.DataFrame | None, name: str, note: str) -> pl.DataFrame:
    """The table's columns in order, whole numbers as floats, and the mark."""
    if table is None:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS[name], pl.String))
    made = table.select(column for column in COLUMNS[name] if column in table.columns)
    made = made.with_columns(pl.col(pl.Int32, pl.Int64).cast(pl.Float64))
    return made.with_columns(pl.lit(note).alias(NOTE)) if note else made
