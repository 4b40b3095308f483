"""Classes of disease that a protocol can ask for, and the causes of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

Cause = Literal[
    "hbv", "viral", "paracetamol", "ischaemia", "drug", "autoimmune", "alcohol", "metabolic", "other"
]
CAUSES: tuple[Cause, ...] = get_args(Cause)
"""What makes a liver ill. ``hbv`` is the flare of a carrier, ``viral`` acute hepatitis that clears itself,
``drug`` idiosyncratic drug or toxin injury; ``other`` includes unknown."""

Disease = Literal[
    "hbv_aclf", "aclf", "acute_liver_failure", "decompensated_cirrhosis", "compensated_cirrhosis"
]


@dataclass(frozen=True)
class DiseaseClass:
    """What all candidates of a class share.

    Attributes:
        label, label_zh: for reports.
        usual_mix: cause -> share of those who enter when a protocol names none.
        cirrhosis: 1 all, 0 none, None as the trait's card draws it.
        quiet: no flare and no insult: the chronic liver alone (hepatitis B is under treatment).
        progressive: scar goes on growing.
        precipitated: an infection or an injured kidney can set it off.
        settles: the liver is followed for the population's settling time before the illness begins.
        age_card, women_card: cards of the class instead of the cause's; None: by cause.
        factors: parameter of the model -> card that scales it in this class.
    """

    label: str
    label_zh: str
    usual_mix: dict[Cause, float]
    cirrhosis: float | None = None
    quiet: bool = False
    progressive: bool = False
    precipitated: bool = True
    settles: bool = False
    age_card: str | None = None
    women_card: str | None = None
    factors: dict[str, str] = field(default_factory=dict)


DISEASES: dict[Disease, DiseaseClass] = {
    "hbv_aclf": DiseaseClass(
        "acute-on-chronic liver failure by hepatitis B",
        "乙肝相关慢加急性肝衰竭",
        {"hbv": 1.0},
        age_card="age",
    ),
    "aclf": DiseaseClass(
        "acute-on-chronic liver failure on cirrhosis",
        "肝硬化基础上的慢加急性肝衰竭",
        {"alcohol": 0.6, "metabolic": 0.1, "hbv": 0.05, "drug": 0.05, "other": 0.2},
        cirrhosis=1.0,
        age_card="age_aclf",
        women_card="women_aclf",
        factors={
            "collagen_factor": "scar_aclf",
            "kidney_sensitivity": "kidney_aclf",
            "alt_content": "enzymes_aclf",
            "cholestasis": "cholestasis_aclf",
            "severe_share": "severe_share_aclf",
            "infection_severity": "infection_severity_aclf",
            "infection_background": "infection_background_aclf",
            "synthesis_half": "synthesis_half_aclf",
        },
    ),
    "acute_liver_failure": DiseaseClass(
        "acute liver failure",
        "急性肝衰竭",
        {"paracetamol": 0.503, "ischaemia": 0.076, "drug": 0.119, "hbv": 0.079, "other": 0.223},
        cirrhosis=0.0,
        factors={"vitamin_k_lost_without_bile": "vitamin_k_stores_acute_liver_failure"},
    ),
    "decompensated_cirrhosis": DiseaseClass(
        "decompensated cirrhosis",
        "失代偿期肝硬化",
        {"alcohol": 0.55, "metabolic": 0.15, "hbv": 0.1, "other": 0.2},
        cirrhosis=1.0,
        quiet=True,
        progressive=True,
        settles=True,
        age_card="age_cirrhosis",
        women_card="women_cirrhosis",
        factors={
            "collagen_factor": "scar_decompensated_cirrhosis",
            "room_lost_to_scar": "room_lost_decompensated_cirrhosis",
            "kidney_sensitivity": "kidney_decompensated",
            "infection_severity": "infection_severity_decompensated_cirrhosis",
            "synthesis_half": "synthesis_half_decompensated_cirrhosis",
            "haem_breakdown": "haem_breakdown_decompensated_cirrhosis",
        },
    ),
    "compensated_cirrhosis": DiseaseClass(
        "compensated cirrhosis",
        "代偿期肝硬化",
        {"alcohol": 0.4, "metabolic": 0.2, "hbv": 0.2, "other": 0.2},
        cirrhosis=1.0,
        quiet=True,
        progressive=True,
        precipitated=False,
        settles=True,
        age_card="age_cirrhosis",
        women_card="women_cirrhosis",
        factors={
            "collagen_factor": "scar_compensated_cirrhosis",
            "infection_severity": "infection_severity_compensated_cirrhosis",
        },
    ),
}
"""Shares of causes: acute failure by a registry without pregnancy (stravitz2023); others assumed."""

CAUSES_OF: dict[Disease, tuple[Cause, ...]] = {
    "hbv_aclf": ("hbv",),
    "aclf": ("hbv", "drug", "alcohol", "metabolic", "autoimmune", "other"),
    "acute_liver_failure": ("viral", "paracetamol", "ischaemia", "drug", "hbv", "autoimmune", "other"),
    "decompensated_cirrhosis": ("hbv", "alcohol", "metabolic", "other"),
    "compensated_cirrhosis": ("hbv", "alcohol", "metabolic", "other"),
}
"""Causes that a class can have."""
