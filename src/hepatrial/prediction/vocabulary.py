"""The words of a study file: what a Table 1 may name, definitions, causes, endpoints, each with its
spellings.

A baseline variable is *matched* (the model has it), *read* (known, but the model has no such column: it is
accepted, listed as not used and moves nothing) or unknown, which is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hepatrial.protocol.plausible import PLAUSIBLE
from hepatrial.schema import MEASURES

Scale = Literal["linear", "log", "yes_no", "classes"]


@dataclass(frozen=True)
class Variable:
    """A row of a Table 1.

    Attributes:
        name: the column of the matched pool.
        scale: how location and spread are compared; ``log`` for values skewed to the right.
        unit: unit inside; "1" and "points" take bare numbers.
        classes: of a variable with classes, label -> (lowest, highest) value of the column.
    """

    name: str
    scale: Scale
    unit: str = "1"
    classes: tuple[tuple[str, float, float], ...] = ()


_LOG = {"alt", "ast", "bilirubin", "inr", "creatinine", "ammonia", "wbc", "platelets", "lactate"}
_GRADES = {
    "he_grade": tuple((str(g), float(g), float(g)) for g in range(5)),
    "ascites_grade": (
        ("none", 0.0, 0.0),
        ("mild", 1.0, 1.0),
        ("moderate", 2.0, 2.0),
        ("severe", 3.0, 3.0),
        *((str(g), float(g), float(g)) for g in range(4)),
    ),
}

VARIABLES: dict[str, Variable] = {
    "age": Variable("age", "linear", "years"),
    "weight": Variable("weight", "linear", "kg"),
    **{
        name: Variable(name, "log" if name in _LOG else "linear", measure.unit)
        for name, measure in MEASURES.items()
        if name not in _GRADES
    },
    **{name: Variable(name, "classes", classes=classes) for name, classes in _GRADES.items()},
    "aclf_grade": Variable(
        "aclf_grade", "classes", classes=tuple((str(g), float(g), float(g)) for g in range(4))
    ),
    "child_class": Variable(
        "child_pugh", "classes", classes=(("A", 5.0, 6.0), ("B", 7.0, 9.0), ("C", 10.0, 15.0))
    ),
    **{
        name: Variable(name, "yes_no")
        for name in (
            "female",
            "male",
            "cirrhosis",
            "infection",
            "ascites",
            "encephalopathy",
            "kidney_failure",
        )
    },
}
"""What can be matched, by name."""

YES_NO_FROM: dict[str, tuple[str, float, float]] = {
    # name: column of the pool, lowest and highest value that count as yes
    "female": ("female", 1.0, 1.0),
    "male": ("female", 0.0, 0.0),
    "cirrhosis": ("cirrhosis", 1.0, 1.0),
    "infection": ("infected_at_entry", 1.0, 1.0),
    "ascites": ("ascites_grade", 1.0, 3.0),
    "encephalopathy": ("he_grade", 1.0, 4.0),
    "kidney_failure": ("creatinine", 176.8, float("inf")),
}
"""Yes-or-no rows as ranges of a column of the pool. Kidney failure is creatinine from 2 mg/dL (CLIF-C OF)."""

GRADED = {"ascites": "ascites_grade", "encephalopathy": "he_grade", "child_pugh": "child_class"}
"""Rows that a paper prints as one number or as classes -> the row of the classes."""

ONLY_READ = (
    "bmi", "crp", "pct", "procalcitonin", "ggt", "alp", "ferritin", "cholesterol", "glucose", "urea", "bun",
    "potassium", "haemoglobin", "hemoglobin", "neutrophils", "lymphocytes", "nlr", "afp", "il6", "il_6",
    "cholinesterase", "prothrombin_time", "pt_seconds", "ph", "heart_rate", "spo2", "temperature", "gcs",
    "apache_ii", "sofa", "clif_sofa", "ukeld", "lille", "maddrey", "albi", "fib4", "apri", "diabetes",
    "hypertension", "smoking", "race", "hbeag_positive", "hcv_rna", "varices", "prior_decompensation",
    "sbp", "hepatorenal_syndrome", "bleeding", "gi_bleeding", "ventilation", "vasopressors",
    "renal_replacement", "icu", "cossh_aclf", "cossh_aclf_ii", "aarc", "clif_c_ad", "who_status",
    "liver_stiffness", "elf", "jaundice", "oedema", "plasma_exchange_before", "antiviral_before",
    "time_from_onset", "jaundice_to_he", "hospital_stay", "pt", "height", "prealbumin", "imeld",
    "pre_albumin",
)  # fmt: skip
"""Rows of published tables that the model has no column for: read, listed as not used."""

SEX = ("sex", "gender")
"""Rows that do not say whose share they are."""

ALIASES: dict[str, str] = {
    "tbil": "bilirubin", "total_bilirubin": "bilirubin", "bili": "bilirubin", "tb": "bilirubin",
    "alb": "albumin", "serum_albumin": "albumin", "cr": "creatinine", "scr": "creatinine",
    "serum_creatinine": "creatinine", "crea": "creatinine", "na": "sodium", "serum_sodium": "sodium",
    "plt": "platelets", "platelet": "platelets", "wcc": "wbc", "leukocytes": "wbc", "leucocytes": "wbc",
    "nh3": "ammonia", "pt_inr": "inr", "pt_percent": "pta", "prothrombin_activity": "pta",
    "pt_activity": "pta",
    "mean_arterial_pressure": "map", "meld_score": "meld", "meldna": "meld_na", "meld3_0": "meld3",
    "meld_3_0": "meld3", "child_pugh_score": "child_pugh", "ctp": "child_pugh", "cp": "child_pugh",
    "child_pugh_class": "child_class", "ctp_class": "child_class", "child": "child_class",
    "clif_of": "clif_c_of", "clif_c_ofs": "clif_c_of", "clif_aclf": "clif_c_aclf",
    "clif_c_aclf_score": "clif_c_aclf", "aclf": "aclf_grade", "clif_grade": "aclf_grade",
    "clif_aclf_grade": "aclf_grade", "easl_clif_grade": "aclf_grade", "sex_male": "male", "men": "male",
    "males": "male", "sex_female": "female", "women": "female", "females": "female",
    "he": "encephalopathy", "hepatic_encephalopathy": "encephalopathy", "encephalopathy_grade": "he_grade",
    "west_haven": "he_grade", "he_grades": "he_grade", "infected": "infection",
    "bacterial_infection": "infection", "infected_at_entry": "infection", "dna": "hbv_dna",
    "body_weight": "weight", "bodyweight": "weight", "pao2_fio2": "pf_ratio",
    "ascites_grades": "ascites_grade",
    "renal_failure": "kidney_failure", "liver_cirrhosis": "cirrhosis",
    "hepatic_encephalopathy_grade": "he_grade",
    "white_blood_cells": "wbc", "white_cell_count": "wbc", "white_blood_cell_count": "wbc",
    "platelet_count": "platelets", "serum_bilirubin": "bilirubin", "pao2_fio2_ratio": "pf_ratio",
    "international_normalised_ratio": "inr", "international_normalized_ratio": "inr", "aged": "age",
    "age_years": "age", "child_turcotte_pugh": "child_pugh", "child_turcotte_pugh_score": "child_pugh",
    "child_turcotte_pugh_class": "child_class", "ctp_score": "child_pugh", "clif_of_score": "clif_c_of",
    "aclf_grades": "aclf_grade", "meld_na_score": "meld_na", "meldna_score": "meld_na",
    "hbv_dna_level": "hbv_dna", "cirrhotic": "cirrhosis", "ascites_present": "ascites",
}  # fmt: skip
"""Other spellings of a variable; hyphens, blanks and capitals do not matter either."""

DEFINITIONS: dict[str, str] = {
    "easl_clif": "EASL-CLIF ACLF",
    "apasl": "APASL ACLF",
    "cossh": "COSSH ACLF",
    "chinese_medical_association": "Chinese Medical Association ACLF",
    "acute_liver_failure": "acute liver failure",
    "acute_liver_injury": "acute liver injury or failure",
    "decompensated_cirrhosis": "decompensated cirrhosis",
    "compensated_cirrhosis": "compensated cirrhosis",
}
"""Tags a study may carry."""

DEFINITION_ALIASES: dict[str, str] = {
    "clif": "easl_clif", "easl": "easl_clif", "easlclif": "easl_clif", "canonic": "easl_clif",
    "aarc": "apasl", "cma": "chinese_medical_association", "chinese": "chinese_medical_association",
    "chinese_criteria": "chinese_medical_association", "chinese_guideline": "chinese_medical_association",
    "chinese_guidelines": "chinese_medical_association", "easl_clif_c": "easl_clif", "clif_c": "easl_clif",
    "asian_pacific": "apasl", "acute_failure": "acute_liver_failure", "fulminant_hepatic_failure":
    "acute_liver_failure", "fulminant": "acute_liver_failure", "fhf": "acute_liver_failure",
    "severe_acute_liver_injury": "acute_liver_injury",
    "alf": "acute_liver_failure",
    "ali_alf": "acute_liver_injury", "ali": "acute_liver_injury", "acute": "acute_liver_failure",
    "decompensated": "decompensated_cirrhosis", "compensated": "compensated_cirrhosis",
    "cirrhosis": "decompensated_cirrhosis", "ad": "decompensated_cirrhosis",
    "acute_decompensation": "decompensated_cirrhosis",
}  # fmt: skip

ETIOLOGIES: dict[str, str] = {
    "hbv": "hepatitis B", "viral": "acute viral hepatitis that clears itself (A, E)",
    "hcv": "hepatitis C", "alcohol": "alcohol", "dili": "drug-induced",
    "paracetamol": "paracetamol", "ischaemia": "ischaemia", "metabolic": "metabolic",
    "autoimmune": "autoimmune",
    "biliary": "biliary", "pregnancy": "pregnancy", "other": "other or unknown",
}  # fmt: skip
ETIOLOGY_ALIASES: dict[str, str] = {
    "hepatitis_b": "hbv",
    "hepatitis_a": "viral", "hepatitis_e": "viral", "hav": "viral", "hev": "viral",
    "hepatitis_c": "hcv", "alcoholic": "alcohol", "ald": "alcohol", "arld": "alcohol",
    "drug": "dili", "drugs": "dili", "toxin": "dili", "acetaminophen": "paracetamol", "apap": "paracetamol",
    "ischemia": "ischaemia", "nash": "metabolic", "nafld": "metabolic", "masld": "metabolic",
    "mash": "metabolic", "aih": "autoimmune", "pbc": "biliary", "psc": "biliary", "unknown": "other",
    "wilson": "other", "wilson_disease": "other", "budd_chiari": "other", "malignancy": "other",
    "haemochromatosis": "other", "hemochromatosis": "other", "vascular": "other", "others": "other",
    "drug_induced": "dili", "idiosyncratic_dili": "dili", "herbal": "dili", "herbs": "dili",
    "mushroom": "dili", "amanita": "dili", "hypoxic": "ischaemia", "ischaemic": "ischaemia",
    "ischemic": "ischaemia",
    "shock": "ischaemia", "alcohol_related": "alcohol", "alcoholic_hepatitis": "alcohol",
    "alcoholic_liver_disease": "alcohol", "hbv_infection": "hbv", "hepatitis_b_virus": "hbv",
    "hcv_infection": "hcv",
    "hepatitis_c_virus": "hcv", "metabolic_syndrome": "metabolic", "autoimmune_hepatitis": "autoimmune",
    "cholestatic": "biliary", "paracetamol_overdose": "paracetamol", "acetaminophen_overdose": "paracetamol",
    "cryptogenic": "other", "indeterminate": "other", "mixed": "other", "viral_b": "hbv", "viral_c": "hcv",
}  # fmt: skip

ENDPOINTS: dict[str, str] = {
    "survival": "share alive",
    "transplant_free_survival": "share alive without transplant",
    "mortality": "share dead",
    "deaths": "number of deaths",
    "transplant": "share transplanted",
    "severe_infection": "share with a severe infection after entry",
    "infection": "share with any infection after entry",
    "bleeding": "share with a variceal bleed after entry",
    "fever": "share with fever after entry",
    "encephalopathy": "share seen with encephalopathy of the grade or more after entry",
    "aki": "share seen with creatinine at least 1.5 times that at entry",
    "lab": "laboratory value of those seen",
    "lab_change": "change of a laboratory value from entry in those seen",
    "hazard_ratio": "hazard ratio",
    "risk_difference": "difference of risks",
    "risk_ratio": "ratio of risks",
    "odds_ratio": "ratio of odds",
    "survival_difference": "difference of survival",
    "lab_difference": "difference of laboratory changes",
}
"""Kinds of endpoint. The last six are contrasts of two arms, the others levels of one."""

CONTRASTS = (
    "hazard_ratio", "risk_difference", "risk_ratio", "odds_ratio", "survival_difference", "lab_difference",
)  # fmt: skip
EVENT_KINDS: dict[str, str] = {
    "survival": "death",
    "transplant_free_survival": "death_or_transplant",
    "mortality": "death",
    "deaths": "death",
    "transplant": "transplant",
    "severe_infection": "severe_infection",
    "infection": "any_infection",
    "bleeding": "variceal_bleeding",
    "fever": "fever",
    "encephalopathy": "encephalopathy",
    "aki": "aki",
}
"""Kind -> the event whose cumulative incidence it is."""

ENDPOINT_ALIASES: dict[str, str] = {
    "overall_survival": "survival", "os": "survival", "alive": "survival", "tfs": "transplant_free_survival",
    "overall_mortality": "mortality", "death_rate": "mortality", "case_fatality": "mortality",
    "dead": "mortality",
    "overall_survival_rate": "survival", "survival_rate": "survival",
    "transplant_free": "transplant_free_survival",
    "tfs_rate": "transplant_free_survival", "lt_free_survival": "transplant_free_survival",
    "death": "deaths", "death_count": "deaths", "number_of_deaths": "deaths", "transplanted": "transplant",
    "infections": "infection", "sepsis": "severe_infection", "variceal_bleeding": "bleeding",
    "hepatic_encephalopathy": "encephalopathy", "acute_kidney_injury": "aki", "kidney_injury": "aki",
    "lab_value": "lab", "laboratory_value": "lab", "laboratory_change": "lab_change",
    "change_from_baseline": "lab_change", "relative_risk": "risk_ratio", "mean_difference": "lab_difference",
    "transplantation": "transplant", "lt": "transplant", "he": "encephalopathy", "hr": "hazard_ratio",
    "rd": "risk_difference", "rr": "risk_ratio", "or": "odds_ratio", "lab_level": "lab",
    "laboratory": "lab", "change": "lab_change",
}  # fmt: skip

FIELDS_OF_MEASURES = PLAUSIBLE
"""Plausible ranges by variable, SI."""


def key(text: str) -> str:
    """A name as a key: lower case, every run of other characters one underscore."""
    out = "".join(c if c.isalnum() else "_" for c in text.strip().lower())
    return "_".join(part for part in out.split("_") if part)


def resolve(text: str, names: dict[str, str] | tuple[str, ...], aliases: dict[str, str]) -> str | None:
    """The right name of a spelling, or None."""
    name = key(text)
    name = aliases.get(name, name)
    return name if name in names else None
