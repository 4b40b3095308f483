"""The shared words: tables, columns with units, measures. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass

MARK = {
    "en": "Simulated. No patients. Not evidence of benefit.",
    "zh": "模拟结果，非患者数据，不能证明疗效",
}
RESEARCH_USE_ONLY = {"en": "Research use only.", "zh": "仅供研究使用。"}


@dataclass(frozen=True)
class Measure:
    """What is measured at a visit.

    Attributes:
        name: column name in the visit table.
        unit: SI unit of the column.
        conventional: the unit usual in US papers.
        factor: conventional value = SI value * factor.
        label: short English label.
    """

    name: str
    unit: str
    conventional: str
    factor: float
    label: str


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("alt", "U/L", "U/L", 1.0, "ALT"),
        Measure("ast", "U/L", "U/L", 1.0, "AST"),
        Measure("bilirubin", "umol/L", "mg/dL", 1 / 17.1, "TBil"),
        Measure("albumin", "g/L", "g/dL", 0.1, "ALB"),
        Measure("inr", "1", "1", 1.0, "INR"),
        Measure("pta", "%", "%", 1.0, "PTA"),
        Measure("creatinine", "umol/L", "mg/dL", 1 / 88.4, "Creatinine"),
        Measure("sodium", "mmol/L", "mEq/L", 1.0, "Sodium"),
        Measure("ammonia", "umol/L", "ug/dL", 1.703, "Ammonia"),
        Measure("wbc", "1e9/L", "1e9/L", 1.0, "WBC"),
        Measure("platelets", "1e9/L", "1e9/L", 1.0, "Platelets"),
        Measure("lactate", "mmol/L", "mg/dL", 9.008, "Lactate"),
        Measure("fibrinogen", "g/L", "mg/dL", 100.0, "Fibrinogen"),
        Measure("factor_v", "%", "%", 1.0, "Factor V"),
        Measure("map", "mmHg", "mmHg", 1.0, "MAP"),
        Measure("pf_ratio", "mmHg", "mmHg", 1.0, "PaO2/FiO2"),
        Measure("he_grade", "1", "1", 1.0, "HE grade"),
        Measure("ascites_grade", "1", "1", 1.0, "Ascites grade"),
        Measure("hbv_dna", "log10 IU/mL", "log10 IU/mL", 1.0, "HBV DNA"),
        Measure("meld", "points", "points", 1.0, "MELD"),
        Measure("meld_na", "points", "points", 1.0, "MELD-Na"),
        Measure("meld3", "points", "points", 1.0, "MELD 3.0"),
        Measure("child_pugh", "points", "points", 1.0, "Child-Pugh"),
        Measure("clif_c_of", "points", "points", 1.0, "CLIF-C OF"),
        Measure("clif_c_aclf", "points", "points", 1.0, "CLIF-C ACLF"),
        Measure("aclf_grade", "1", "1", 1.0, "ACLF grade"),
    )
}

PAIR_REPLICATE = 0
"""``replicate`` of the counterfactual arms (same patients, same luck, every arm). Trials count from 1."""


@dataclass(frozen=True)
class Column:
    """A column of a run's table: name, polars type name, unit, one-line meaning."""

    name: str
    dtype: str
    unit: str
    meaning: str


_KEY = (
    Column("replicate", "Int32", "", "trial replicate from 1; 0 holds the counterfactual arms"),
    Column("subject", "Int32", "", "number within the replicate, from 1"),
    Column("patient", "Int64", "", "candidate number in onset order; the patient's identity"),
    Column("arm", "String", "", "arm as randomised (planned treatment)"),
)

SUBJECT: tuple[Column, ...] = (
    *_KEY,
    Column("treatment_actual", "String", "", "arm whose treatment was received"),
    Column("variant", "String", "", "structural variant of the cell effect in force"),
    Column("world", "Int32", "", "plausible world from 1: a member of the ensemble; 1 on the cards alone"),
    Column("status", "String", "", "'ok' or the name of the engine's failure"),
    Column("age", "Float64", "years", "age at randomisation"),
    Column("sex", "String", "", "'female' or 'male'"),
    Column("weight", "Float64", "kg", "body weight"),
    Column("cirrhosis", "Boolean", "", "cirrhosis before the acute insult"),
    Column("infected_at_entry", "Boolean", "", "infection active at randomisation"),
    Column("referral_delay", "Float64", "days", "from first eligible day to randomisation"),
    Column("infusions_planned", "Int32", "", "cell infusions planned for the arm"),
    Column("infusions_received", "Int32", "", "cell infusions given"),
    Column("overall_survival_time", "Float64", "days", "to death or end of observation"),
    Column("overall_survival_event", "Int32", "", "1 = death"),
    Column("transplant_free_time", "Float64", "days", "to death, transplant or end of observation"),
    Column("transplant_free_event", "Int32", "", "1 = death or transplant"),
    Column("first_event", "String", "", "'death', 'transplant', 'dropout' or 'none', whichever came first"),
    Column("dropout_reason", "String", "", "reason when first_event or the end is a dropout, else ''"),
    Column(
        "listed", "Boolean", "", "on the transplant list; a death before a transplant is then one on the list"
    ),
    Column(
        "death_cause",
        "String",
        "",
        "largest part of the death hazard when it struck, '' without a known death",
    ),
)
"""Subject table; further columns ``baseline_<measure>`` hold the last value before treatment (SI units)."""

VISIT: tuple[Column, ...] = (
    *_KEY,
    Column("visit", "String", "", "name of the scheduled contact ('week 4')"),
    Column("week", "Float64", "weeks", "planned time"),
    Column("day", "Float64", "days", "time of measurement, from randomisation"),
)
"""Visit table: one row a visit that took place. Further columns: the protocol's measures with assay noise."""

EVENT: tuple[Column, ...] = (
    *_KEY,
    Column("day", "Float64", "days", "from randomisation"),
    Column("event", "String", "", "name of the event"),
    Column("detail", "String", "", "cause, reason or ''"),
)
"""Event table: death, transplant, rejection, infections (detail ``peritonitis``), bleeding, acute kidney
injury, encephalopathy of grade 3 or more, thrombosis, fever, infusion reaction, liver cancer, withdrawal of
care, cell_infusion, plasma_exchange, albumin_dialysis, dropout, discharge_to_die; and, where the protocol
asks for them, missed_infusion, outside_cells, rescue_plasma_exchange, renal_replacement, discharge_home,
readmission"""
