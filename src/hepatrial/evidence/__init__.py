"""What was published: figures of trials and cohorts with source, grade and permitted use."""

from hepatrial.evidence.figures import (
    AdmissionFigure,
    Cohort,
    EventCount,
    Figure,
    LaboratoryDirection,
    Mortality,
    PrintedTest,
    Published,
    Remark,
    SurvivalDifference,
    SurvivalPoint,
)
from hepatrial.evidence.load import cohort, list_cohorts, list_published, published
from hepatrial.evidence.variables import VARIABLES

__all__ = [
    "VARIABLES",
    "AdmissionFigure",
    "Cohort",
    "EventCount",
    "Figure",
    "LaboratoryDirection",
    "Mortality",
    "PrintedTest",
    "Published",
    "Remark",
    "SurvivalDifference",
    "SurvivalPoint",
    "cohort",
    "list_cohorts",
    "list_published",
    "published",
]
