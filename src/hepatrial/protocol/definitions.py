"""Definitions of liver failure: the tags of virtual cohorts, each with its own baseline hazards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DefinitionTag = Literal[
    "easl_clif",
    "apasl",
    "cossh",
    "chinese_medical_association",
    "acute_liver_failure",
    "acute_liver_injury",
    "decompensated_cirrhosis",
    "compensated_cirrhosis",
]


@dataclass(frozen=True)
class Definition:
    """One definition of the disease.

    Attributes:
        tag: as in a protocol file.
        label: English label.
        label_zh: Chinese label.
        minimum: measure -> lowest value (SI) that every patient of the definition reaches.
        complete: whether ``minimum`` is the whole definition as far as a laboratory can tell.
        hazards_fitted: whether the hazards of death and infection were fitted to a cohort of this definition.
        note: what it asks beyond that.
        source: where it was read.
        grade: how it was read.
    """

    tag: DefinitionTag
    label: str
    label_zh: str
    minimum: dict[str, float]
    complete: bool
    hazards_fitted: bool
    note: str
    source: str
    grade: str


DEFINITIONS: dict[str, Definition] = {
    definition.tag: definition
    for definition in (
        Definition(
            "chinese_medical_association",
            "Chinese Medical Association",
            "中华医学会",
            {"bilirubin": 171.0, "inr": 1.5},
            True,
            True,
            "Bilirubin at least ten times the upper limit (17.1 umol/L) or rising by 17.1 umol/L a day,"
            " and PTA at most 40 % or INR at least 1.5. The rising branch and the PTA branch are not used.",
            "entry criteria of NCT01844063 (registry text)",
            "seen_secondary",
        ),
        Definition(
            "apasl",
            "APASL",
            "亚太肝病学会",
            {"bilirubin": 85.5, "inr": 1.5},
            False,
            False,
            "Bilirubin at least 5 mg/dL and INR at least 1.5 with ascites or encephalopathy, all enforced on"
            " the day of entry; the branch by PTA is not used.",
            "entry criteria of NCT05985863",
            "seen_secondary",
        ),
        Definition(
            "cossh",
            "COSSH",
            "中国重型乙型肝炎研究组",
            {},
            False,
            True,
            "Chronic hepatitis B. Liver failure alone asks bilirubin at least 12 mg/dL (205 umol/L) and INR"
            " at least 1.5; failure of another organ can also qualify. Enforced: an ACLF grade, or both"
            " limits.",
            "doi:10.1136/gutjnl-2017-314641",
            "recalled",
        ),
        Definition(
            "easl_clif",
            "EASL-CLIF",
            "欧洲肝病学会慢性肝衰竭联盟",
            {},
            False,
            False,
            "Cirrhosis with an ACLF grade of at least 1 by CLIF-C OF; enforced.",
            "doi:10.1053/j.gastro.2013.02.042",
            "recalled",
        ),
        Definition(
            "acute_liver_failure",
            "acute liver failure",
            "急性肝衰竭",
            {"inr": 1.5, "he_grade": 1.0},
            True,
            False,
            "INR at least 1.5 with encephalopathy of any grade in a liver without cirrhosis.",
            "ALFSG registry as described in PMC10576953",
            "seen_secondary",
        ),
        Definition(
            "acute_liver_injury",
            "acute liver injury or failure",
            "急性肝损伤或肝衰竭",
            {"inr": 1.5},
            True,
            False,
            "INR at least 1.5 (PT below about 50 %) with or without encephalopathy, no cirrhosis: the"
            " Japanese series of acute liver injury and failure.",
            "PNAS Nexus 2025;4(2):pgaf004",
            "seen_secondary",
        ),
        Definition(
            "decompensated_cirrhosis",
            "decompensated cirrhosis",
            "失代偿期肝硬化",
            {},
            True,
            False,
            "Cirrhosis with ascites, encephalopathy or bilirubin of at least 51 umol/L; enforced.",
            "D'Amico 2014 (stages 3 to 5), as read in a journal club; the bilirubin limit is assumed",
            "seen_secondary",
        ),
        Definition(
            "compensated_cirrhosis",
            "compensated cirrhosis",
            "代偿期肝硬化",
            {},
            True,
            False,
            "Cirrhosis without ascites, encephalopathy or bilirubin of 51 umol/L; enforced.",
            "D'Amico 2014 (stages 1 and 2), as read in a journal club; the bilirubin limit is assumed",
            "seen_secondary",
        ),
    )
}
