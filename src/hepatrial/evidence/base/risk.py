"""Risk of bias: the domains of RoB 2 and ROBINS-I, and the rule from domains to the whole."""

from __future__ import annotations

from collections.abc import Iterable

from hepatrial.errors import Problem, nearest_name
from hepatrial.evidence.base.types import Risk, Trial

ROB2: dict[str, str] = {
    "randomisation": "randomisation process",
    "deviations": "deviations from the intended interventions",
    "missing": "missing outcome data",
    "measurement": "measurement of the outcome",
    "reporting": "selection of the reported result",
}
"""Domains of RoB 2 (Sterne et al. 2019, BMJ 366:l4898)."""
ROBINS_I: dict[str, str] = {
    "confounding": "confounding",
    "selection": "selection of participants",
    "classification": "classification of interventions",
    "deviations": "deviations from the intended interventions",
    "missing": "missing data",
    "measurement": "measurement of the outcome",
    "reporting": "selection of the reported result",
}
"""Domains of ROBINS-I (Sterne et al. 2016, BMJ 355:i4919)."""
DOMAINS = {"rob2": ROB2, "robins_i": ROBINS_I}
_SCALES = {
    "rob2": ("low", "some concerns", "high"),
    "robins_i": ("low", "moderate", "serious", "critical"),
}
NO_INFORMATION = "no information"
MANY = 3
"""RoB 2 asks to consider 'high' where several domains raise some concerns; here three or more do."""


def overall(risk: Risk) -> str:
    """The whole judgement: that of the worst domain.

    ``no information`` in a domain counts as at least 'some concerns' in RoB 2; in ROBINS-I the whole is
    'no information' unless a domain is serious or worse. Three or more domains of RoB 2 with some concerns
    (or none known) make it high.
    """
    scale = _SCALES[risk.tool]
    judgements = [domain.judgement for domain in risk.domains.values()]
    known = [scale.index(word) for word in judgements if word in scale]
    worst = max(known, default=-1)
    silent = NO_INFORMATION in judgements
    if risk.tool == "rob2":
        concerns = sum(word in ("some concerns", NO_INFORMATION) for word in judgements)
        if worst == 2 or concerns >= MANY:
            return "high"
        return "some concerns" if concerns else "low"
    if worst >= 2:
        return scale[worst]
    return NO_INFORMATION if silent or worst < 0 else scale[worst]


def risk_problems(risk: Risk, place: str = "risk") -> list[Problem]:
    """Every domain that is missing or unknown, and every word that the tool does not have."""
    names, scale = DOMAINS[risk.tool], (*_SCALES[risk.tool], NO_INFORMATION)
    problems = []
    for name in (*names, *(name for name in risk.domains if name not in names)):
        where = f"{place}.domains.{name}"
        if name not in names:
            allowed = f"the domains are {', '.join(names)}"
            problems.append(Problem(where, f"unknown domain {name!r}", allowed, nearest_name(name, names)))
        elif name not in risk.domains:
            problems.append(Problem(where, "nothing", "this domain is required"))
        elif risk.domains[name].judgement not in scale:
            given = repr(risk.domains[name].judgement)
            problems.append(Problem(where, given, f"must be one of {', '.join(scale)}"))
    return problems


def table(trials: Iterable[Trial]) -> list[dict[str, object]]:
    """Rows for a traffic-light figure: trial, tool, judgement and reason of each domain, the whole."""
    return [
        {
            "trial": trial.id,
            "name": trial.name,
            "tool": trial.risk.tool,
            "outcome": trial.risk.outcome,
            "overall": overall(trial.risk),
            "domains": {name: (entry.judgement, entry.reason) for name, entry in trial.risk.domains.items()},
        }
        for trial in trials
        if trial.risk
    ]
