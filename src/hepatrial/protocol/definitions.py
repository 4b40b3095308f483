"""Definitions of acute-on-chronic liver failure: the tag that every virtual cohort carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DefinitionTag = Literal["easl_clif", "apasl", "cossh", "chinese_medical_association"]


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
            "Bilirubin at least 5 mg/dL and INR at least 1.5 or PTA below 40 %, with ascites or"
            " encephalopathy within 4 weeks; the last is not enforced by the tag.",
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
            " at least 1.5; failure of another organ can also qualify. The limits have to be written as"
            " eligibility.",
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
            "Acute decompensation of cirrhosis with organ failures by CLIF-C OF; the organ failures have to"
            " be written as eligibility limits.",
            "doi:10.1053/j.gastro.2013.02.042",
            "recalled",
        ),
    )
}
