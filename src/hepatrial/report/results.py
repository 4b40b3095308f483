"""All numbers of the report as plain data, and their JSON: the same tables give the same bytes."""

from __future__ import annotations

import json
import math
from typing import Any

from hepatrial.report.baseline import admission_numbers, baseline_numbers
from hepatrial.report.comparison import compare, early_late, published_differences, tally
from hepatrial.report.counterfactual import counterfactual_numbers
from hepatrial.report.doubt import doubt_numbers
from hepatrial.report.engraftment import engraftment_numbers
from hepatrial.report.facts import Facts
from hepatrial.report.flow import failures, flow_numbers
from hepatrial.report.laboratory import laboratory_numbers
from hepatrial.report.parameters import parameter_numbers
from hepatrial.report.safety import fever_ratio, safety_numbers
from hepatrial.report.subgroups import subgroup_numbers
from hepatrial.report.survival import strategy_numbers, survival_numbers
from hepatrial.schema import MARK

FORMAT = 1
_DIGITS = 9


def results_of(facts: Facts) -> dict[str, Any]:
    """Every number the report shows, by section."""
    rows = compare(facts)
    return {
        "format": FORMAT,
        "mark": dict(MARK),
        "provenance": dict(facts.provenance),
        "design": _design(facts),
        "flow": flow_numbers(facts),
        "failures": failures(facts),
        "baseline": baseline_numbers(facts),
        "admission": admission_numbers(facts),
        "survival": survival_numbers(facts),
        "strategies": strategy_numbers(facts),
        "subgroups": subgroup_numbers(facts),
        "comparison": rows,
        "tally": tally(rows),
        "published_differences": published_differences(facts),
        "early_late": early_late(facts),
        "counterfactual": counterfactual_numbers(facts),
        "doubt": doubt_numbers(facts),
        "laboratory": laboratory_numbers(facts),
        "safety": safety_numbers(facts),
        "fever": fever_ratio(facts),
        "engraftment": engraftment_numbers(facts),
        "parameters": parameter_numbers(facts),
    }


def _design(facts: Facts) -> dict[str, Any]:
    study = facts.study
    return {
        "protocol": study.name,
        "weeks": study.weeks,
        "landmarks": list(study.landmarks),
        "primary_week": study.primary_week,
        "endpoint": study.endpoint,
        "replicates": facts.replicates,
        "patients": sum(arm.size for arm in facts.arms),
        "pairs": int(facts.pairs["subject"].n_unique()),
        "parameters": {"kind": facts.worlds_kind, "worlds": facts.worlds},
        "arms": [{"name": arm.name, "control": arm.control, "size": arm.size} for arm in facts.arms],
    }


def results_bytes(results: dict[str, Any]) -> bytes:
    """The results as indented JSON with sorted keys; floats to nine significant digits, no NaN."""
    text = json.dumps(_tidy(results), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _tidy(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
    return value
