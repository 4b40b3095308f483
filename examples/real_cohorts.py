"""Public cohorts of real patients as the long tables that ``hepatrial compare`` reads.

    python examples/real_cohorts.py DATA OUT

DATA holds the files named below as their authors publish them (see docs/compare.md for where); OUT gets one
folder a cohort with ``values.csv`` and ``events.csv``. No patient's data are part of hepatrial.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from hepatrial.protocol.plausible import PLAUSIBLE
from hepatrial.schema import MEASURES
from hepatrial.units import convert

Measures = dict[str, tuple[str, str]]
"""Column of the file -> (measure, unit)."""


def long_table(table: pl.DataFrame, subject: str, time: str | None, columns: Measures) -> pl.DataFrame:
    """One row for each number of a wide table; a column of times, or day 0 for all."""
    parts = []
    for column, (measure, unit) in columns.items():
        parts.append(
            table.select(
                pl.col(subject).cast(pl.String).alias("subject"),
                (pl.col(time) if time else pl.lit(0.0)).cast(pl.Float64).alias("time_d"),
                pl.lit(measure).alias("measure"),
                pl.lit(unit).alias("unit"),
                pl.col(column).cast(pl.Float64, strict=False).alias("value"),
            ).drop_nulls()
        )
    return pl.concat(parts)


def event_table(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    """Events as a table."""
    return pl.DataFrame(rows, schema=["subject", "event", "time_d"], orient="row")


def japan(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Acute liver injury and failure, Japan (PNAS Nexus 2025;4(2):pgaf004), days 0, 1, 2, 3, 7.

    The file tells who died or was transplanted, not when: day 7.5 stands for "after the last visit".
    """
    base = pl.read_csv(data / "ali_alf_japan_baseline.csv", null_values=["NA", ""], infer_schema_length=None)
    course = pl.read_csv(
        data / "ali_alf_japan_longitudinal.csv", null_values=["NA", ""], infer_schema_length=None
    ).with_columns(pl.col("Plt") * 10)
    labs: Measures = {
        "PT_percentage": ("pta", "%"), "PTINR": ("inr", "1"), "Alb": ("albumin", "g/dL"),
        "Cre": ("creatinine", "mg/dL"), "Tbil": ("bilirubin", "mg/dL"), "AST": ("ast", "U/L"),
        "ALT": ("alt", "U/L"), "NH3": ("ammonia", "ug/dL"), "Plt": ("platelets", "1e9/L"),
    }  # fmt: skip
    base = base.with_columns(
        pl.when(pl.col("PE") == "Did").then(1).otherwise(0).alias("pe"),
        pl.when(pl.col("Sex") == "F").then(1).otherwise(0).alias("female"),
        pl.col("Encephalopathy_grade_d0").clip(0, 4),  # grade V of the Japanese scale is deep coma
    )
    traits: Measures = {
        "Age": ("age", "years"), "female": ("female", "1"), "pe": ("plasma_exchange", "1"),
        "Encephalopathy_grade_d0": ("he_grade", "1"),
    }  # fmt: skip
    values = pl.concat([long_table(base, "pid", None, traits), long_table(course, "pid", "day", labs)])
    events = []
    for pid, outcome in base.select("pid", "SurvivalOrDeath").iter_rows():
        name = {"Survival(Internal)": "last_seen", "Death(Internal)": "death"}.get(outcome, "transplant")
        events.append((str(pid), name, 21.0 if name == "last_seen" else 7.5))
    return plausible(values), event_table(events)


def aclf(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """ACLF, n = 75 (github.com/binhuang15/ACLFapp): labs at entry, "deterioration" by 30 d, 90 d, 1 y."""
    table = pl.read_csv(data / "aclf_guangzhou_test75.csv", infer_schema_length=None)
    labs: Measures = {
        "Age": ("age", "years"), "female": ("female", "1"), "AST": ("ast", "U/L"), "ALT": ("alt", "U/L"),
        "ALB_gL": ("albumin", "g/L"), "TBil_umolL": ("bilirubin", "umol/L"), "Na": ("sodium", "mmol/L"),
        "Cr_umolL": ("creatinine", "umol/L"), "WBC": ("wbc", "1e9/L"), "PLT": ("platelets", "1e9/L"),
        "PT%": ("pta", "%"), "INR": ("inr", "1"),
    }  # fmt: skip
    events = []
    for pid, day30, day90, year in table.select("pid", "bad_30d", "bad_90d", "bad_1y").iter_rows():
        when = 30.0 if day30 else 90.0 if day90 else 365.0 if year else None
        events.append((str(pid), "deterioration", when) if when else (str(pid), "last_seen", 365.0))
    return plausible(long_table(table, "pid", None, labs)), event_table(events)


def support(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """SUPPORT, cirrhosis, United States 1989-94, day 3 of the study: labs and days to death."""
    table = pl.read_csv(data / "support2_cirrhosis508.csv", infer_schema_length=None, null_values=["NA", ""])
    table = table.with_columns(pl.when(pl.col("sex") == "female").then(1).otherwise(0).alias("female"))
    labs: Measures = {
        "age": ("age", "years"), "female": ("female", "1"), "alb": ("albumin", "g/dL"),
        "bili": ("bilirubin", "mg/dL"), "crea": ("creatinine", "mg/dL"), "sod": ("sodium", "mmol/L"),
        "wblc": ("wbc", "1e9/L"), "meanbp": ("map", "mmHg"),
    }  # fmt: skip
    events = [
        (str(sno), "death" if dead else "last_seen", float(days))
        for sno, dead, days in table.select("sno", "death", "d.time").iter_rows()
    ]
    return plausible(long_table(table, "sno", None, labs)), event_table(events)


def pbc(data: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Mayo PBC trial with its follow-up, 1974-84: a biliary disease, shown as a foreign case.

    The prothrombin time in seconds is taken as INR by an assumed ISI of 1 and a mean normal time of 10.6 s.
    """
    table = pl.read_csv(
        data / "pbcseq_mayo_longitudinal.csv", infer_schema_length=None, null_values=["NA", ""]
    )
    table = table.with_columns(
        pl.when(pl.col("sex") == "f").then(1).otherwise(0).alias("female"),
        (pl.col("protime") / 10.6).alias("inr"),
    )
    labs: Measures = {
        "bili": ("bilirubin", "mg/dL"), "albumin": ("albumin", "g/dL"), "ast": ("ast", "U/L"),
        "platelet": ("platelets", "1e9/L"), "inr": ("inr", "1"),
    }  # fmt: skip
    first = table.filter(pl.col("day") == 0)
    traits = long_table(first, "id", None, {"age": ("age", "years"), "female": ("female", "1")})
    events = []
    for pid, days, status in first.select("id", "futime", "status").iter_rows():
        events.append((str(pid), {0: "last_seen", 1: "transplant", 2: "death"}[status], float(days)))
    return plausible(pl.concat([traits, long_table(table, "id", "day", labs)])), event_table(events)


def plausible(values: pl.DataFrame) -> pl.DataFrame:
    """Without repeated rows (the first of a day is kept) and without slips of the pen, which are printed."""
    values = values.unique(["subject", "time_d", "measure"], keep="first", maintain_order=True)
    keep = []
    for measure, unit, value in values.select("measure", "unit", "value").iter_rows():
        low, high = PLAUSIBLE.get(measure, (float("-inf"), float("inf")))
        si = convert(value, unit, MEASURES[measure].unit, measure) if measure in MEASURES else value
        keep.append(low <= si <= high)
        if not keep[-1]:
            print(f"left out: {measure} {value:g} {unit}")
    return values.filter(pl.Series(keep))


COHORTS = {"japan": japan, "aclf": aclf, "support": support, "pbc": pbc}


def main(data: Path, out: Path) -> None:
    """Write every cohort."""
    for name, read in COHORTS.items():
        values, events = read(data)
        (out / name).mkdir(parents=True, exist_ok=True)
        values.write_csv(out / name / "values.csv")
        events.write_csv(out / name / "events.csv")
        patients = values["subject"].n_unique()
        print(f"{out / name}: {patients} patients, {len(values)} values, {len(events)} events")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        print(__doc__)
