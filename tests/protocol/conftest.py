"""A small complete protocol to break in one place at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hepatrial.errors import BadInput, Problem
from hepatrial.protocol import protocol_from_dict

SMALL: dict[str, Any] = {
    "identity": {
        "id": "small",
        "title": "A small trial",
        "question": "What happens?",
        "context_of_use": "Tests.",
        "definition": "chinese_medical_association",
    },
    "population": {
        "disease": "hbv_aclf",
        "age": {"min": 18, "max": 65},
        "eligibility": [
            {"measure": "bilirubin", "min": "171 umol/L"},
            {"measure": "inr", "min": 1.5, "max": 5},
            {"measure": "meld", "min": 17, "max": 30},
        ],
        "criteria": {"basis": "assumed", "grade": "assumed", "source": "tests"},
    },
    "arms": {
        "cells": {
            "label": "Cells",
            "n": 20,
            "regimen": [
                {"product": "uc_msc", "dose": "1e6 cells/kg", "route": "peripheral_vein", "days": [0, 7]}
            ],
        },
        "control": {"label": "Control", "n": 10},
    },
    "visits": {"weeks": [1, 2, 4], "window": "2 d", "measures": ["bilirubin", "inr"]},
    "endpoints": {
        "control_arm": "control",
        "primary": {"endpoint": "overall_survival", "week": 4},
        "survival_weeks": [2, 4],
    },
    "follow_up": {"length": "8 weeks"},
}


@pytest.fixture
def small() -> dict[str, Any]:
    """A fresh copy of a complete protocol."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def problems() -> Callable[[dict[str, Any]], dict[str, Problem]]:
    """The problems of a broken protocol, by place."""

    def find(data: dict[str, Any]) -> dict[str, Problem]:
        with pytest.raises(BadInput) as caught:
            protocol_from_dict(data)
        return {problem.place: problem for problem in caught.value.problems}

    return find
