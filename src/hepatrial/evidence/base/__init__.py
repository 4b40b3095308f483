"""The evidence base: every trial, pool, fact and pending trial, with source, place and grade."""

from hepatrial.evidence.base.check import check_trial
from hepatrial.evidence.base.export import base_json, numbers, numbers_csv
from hepatrial.evidence.base.read import BASE_VERSION, Base, add_trial, load_base, read_trial, user_folder
from hepatrial.evidence.base.types import (
    UNITS,
    USABLE,
    Approval,
    Arm,
    BiasFeature,
    EffectRow,
    EventRow,
    Fact,
    Figure,
    Judgement,
    Pending,
    Pool,
    Product,
    Risk,
    SurvivalRow,
    Trial,
)

__all__ = [
    "BASE_VERSION",
    "UNITS",
    "USABLE",
    "Approval",
    "Arm",
    "Base",
    "BiasFeature",
    "EffectRow",
    "EventRow",
    "Fact",
    "Figure",
    "Judgement",
    "Pending",
    "Pool",
    "Product",
    "Risk",
    "SurvivalRow",
    "Trial",
    "add_trial",
    "base_json",
    "check_trial",
    "load_base",
    "numbers",
    "numbers_csv",
    "read_trial",
    "user_folder",
]
