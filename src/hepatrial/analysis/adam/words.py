"""Names of the ADaM tables: columns with labels, parameters with codes. Labels are CDISC's if it has one."""

from __future__ import annotations

from dataclasses import dataclass

from hepatrial.schema import MEASURES

DATASETS = {
    "ADSL": "Subject-Level Analysis",
    "ADTTE": "Time to Event Analysis",
    "ADLB": "Laboratory Analysis",
    "ADAE": "Adverse Events Analysis",
}
"""Table -> label."""

NOTE = "SIMNOTE"
"""Column that carries the mark of a simulation."""

LABELS = {
    "STUDYID": "Study Identifier",
    "USUBJID": "Unique Subject Identifier",
    "SUBJID": "Subject Identifier for the Study",
    "SITEID": "Study Site Identifier",
    "ARM": "Description of Planned Arm",
    "ACTARM": "Description of Actual Arm",
    "TRT01P": "Planned Treatment for Period 01",
    "TRT01A": "Actual Treatment for Period 01",
    "TRTP": "Planned Treatment",
    "TRTA": "Actual Treatment",
    "AGE": "Age",
    "AGEU": "Age Units",
    "SEX": "Sex",
    "ITTFL": "Intent-To-Treat Population Flag",
    "SAFFL": "Safety Population Flag",
    "DTHFL": "Subject Death Flag",
    "DTHADY": "Relative Day of Death",
    "DTHCAUS": "Cause of Death",
    "EOSSTT": "End of Study Status",
    "DCSREAS": "Reason for Discontinuation from Study",
    "WEIGHTBL": "Baseline Weight (kg)",
    "CIRRFL": "Cirrhosis at Baseline Flag",
    "INFBLFL": "Infection at Baseline Flag",
    "LISTFL": "Listed for Transplant Flag",
    "STRATAR": "Strata Used for Randomization",
    "NPLAN": "Infusions Planned (N)",
    "NDOSE": "Infusions Received (N)",
    "PARAM": "Parameter",
    "PARAMCD": "Parameter Code",
    "AVAL": "Analysis Value",
    "AVALU": "Analysis Value Unit",
    "CNSR": "Censor",
    "EVNTDESC": "Event or Censoring Description",
    "CNSDTDSC": "Censor Date Description",
    "ADY": "Analysis Relative Day",
    "RDAY": "Days from Randomization (exact)",
    "AVISIT": "Analysis Visit",
    "AVISITN": "Analysis Visit (N)",
    "BASE": "Baseline Value",
    "CHG": "Change from Baseline",
    "ABLFL": "Baseline Record Flag",
    "AESEQ": "Sequence Number",
    "AETERM": "Reported Term for the Adverse Event",
    "AEDECOD": "Dictionary-Derived Term",
    "AESER": "Serious Event",
    "ASTDY": "Analysis Start Relative Day",
    NOTE: "Simulated Data Notice",
}
"""Column -> label (at most 40 characters, as SAS transport files allow)."""

COLUMNS = {
    "ADSL": (
        "STUDYID", "USUBJID", "SUBJID", "SITEID", "ARM", "ACTARM", "TRT01P", "TRT01A", "AGE", "AGEU", "SEX",
        "ITTFL", "SAFFL", "DTHFL", "DTHADY", "DTHCAUS", "EOSSTT", "DCSREAS", "WEIGHTBL", "CIRRFL", "INFBLFL",
        "LISTFL", "STRATAR", "NPLAN", "NDOSE",
    ),
    "ADTTE": (
        "STUDYID", "USUBJID", "TRTP", "TRTA", "AGE", "SEX", "PARAM", "PARAMCD", "AVAL", "AVALU", "CNSR",
        "EVNTDESC", "CNSDTDSC",
    ),
    "ADLB": (
        "STUDYID", "USUBJID", "TRTP", "TRTA", "AVISIT", "AVISITN", "ADY", "RDAY", "PARAM", "PARAMCD", "AVAL",
        "AVALU", "BASE", "CHG", "ABLFL",
    ),
    "ADAE": (
        "STUDYID", "USUBJID", "TRTA", "AESEQ", "AETERM", "AEDECOD", "AESER", "ASTDY", "RDAY",
    ),
}  # fmt: skip
"""Columns of each table, in order."""


@dataclass(frozen=True)
class Timed:
    """A time-to-event parameter.

    Attributes:
        code: PARAMCD; label: PARAM without its unit.
        event: what CNSR = 0 means; other_codes: codes of real trials that mean the same.
    """

    code: str
    label: str
    event: str
    other_codes: tuple[str, ...] = ()


TIMES: dict[str, Timed] = {
    "death": Timed("OS", "Overall Survival", "Death", ("DEATH", "TTDEATH", "OSDAY")),
    "transplant_free": Timed("TFS", "Transplant-Free Survival", "Death or Transplant", ("TFSURV",)),
    "transplant": Timed("TTTX", "Time to Liver Transplant", "Liver Transplant", ("TTLT", "TTTRANS")),
    "severe_infection": Timed("TTINF", "Time to First Severe Infection", "Severe Infection"),
    "encephalopathy": Timed("TTHE", "Time to Hepatic Encephalopathy Grade 3", "Encephalopathy"),
    "aki": Timed("TTAKI", "Time to Acute Kidney Injury", "Acute Kidney Injury"),
    "undelivered_infusion": Timed("TTMISS", "Time to First Undelivered Infusion", "Undelivered Infusion"),
    "rescue_plasma_exchange": Timed("TTRESC", "Time to Rescue Plasma Exchange", "Rescue Plasma Exchange"),
    "renal_replacement": Timed("TTRRT", "Time to Renal Replacement", "Renal Replacement"),
    "outside_cells": Timed("TTOUTC", "Time to Cells Bought Outside Protocol", "Cells Outside Protocol"),
    "withdrawal_of_care": Timed("TTWDC", "Time to Withdrawal of Care", "Withdrawal of Care"),
}
"""What happens -> its parameter."""

CODES = {
    "alt": "ALT", "ast": "AST", "bilirubin": "BILI", "albumin": "ALB", "inr": "INR", "pta": "PTA",
    "creatinine": "CREAT", "sodium": "SODIUM", "ammonia": "AMMONIA", "wbc": "WBC", "platelets": "PLAT",
    "lactate": "LACTATE", "fibrinogen": "FIBRINO", "factor_v": "FACTV", "map": "MAP", "pf_ratio": "PFRATIO",
    "he_grade": "HEGRADE", "ascites_grade": "ASCGRADE", "hbv_dna": "HBVDNA", "meld": "MELD",
    "meld_na": "MELDNA", "meld3": "MELD3", "child_pugh": "CPSCORE", "clif_c_of": "CLIFOF",
    "clif_c_aclf": "CLIFACLF", "aclf_grade": "ACLFGR",
}  # fmt: skip
"""Measure -> PARAMCD."""

TYPICAL: dict[str, tuple[float, float]] = {
    "bilirubin": (40.0, 900.0),
    "creatinine": (25.0, 500.0),
    "albumin": (12.0, 55.0),
    "fibrinogen": (0.3, 8.0),
}
"""Measure -> where the median of a trial in liver failure lies, SI units (assumed, wide): a median outside it
in a table that says SI means another unit."""

ADVERSE = {
    "severe_infection": ("Severe infection", "Y"),
    "mild_infection": ("Infection", "N"),
    "variceal_bleeding": ("Oesophageal varices haemorrhage", "Y"),
    "aki": ("Acute kidney injury", "Y"),
    "encephalopathy": ("Hepatic encephalopathy", "Y"),
    "thrombosis": ("Portal vein thrombosis", "Y"),
    "rejection": ("Liver transplant rejection", "Y"),
    "fever": ("Pyrexia", "N"),
    "infusion_reaction": ("Infusion related reaction", "N"),
    "liver_cancer": ("Hepatocellular carcinoma", "Y"),
}
"""Event of the event table -> (AEDECOD, AESER). Terms are plain words, not coded with MedDRA."""


def param(measure: str) -> str:
    """PARAM of a measure: its label with the unit, as ``Bilirubin (umol/L)``."""
    known = MEASURES[measure]
    return f"{known.label} ({known.unit})"
