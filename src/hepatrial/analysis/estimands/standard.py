"""Estimands that every trial here is shown under, side by side."""

from __future__ import annotations

from hepatrial.analysis.estimands.endpoints import NamedEndpoint, endpoint
from hepatrial.analysis.estimands.estimand import Estimand
from hepatrial.analysis.estimands.events import INTERCURRENT

_OTHERS = tuple(event for event in INTERCURRENT if event not in ("death", "transplant"))
POLICY = dict.fromkeys(_OTHERS, "treatment_policy")
"""Everything but death and transplant handled by treatment policy: it counts whatever happens."""

CENSORED = (
    "censors at transplant, as if the transplanted were like the others; where the sicker are transplanted "
    "the curves are too high: shown beside the weighted estimate, not instead of it"
)


def standard_estimands(name: str) -> tuple[Estimand, ...]:
    """The estimands of an endpoint by name.

    Survival: transplant by treatment policy, as a failure, hypothetical (weighted, and censored), and the
    incidence of death while untransplanted. Other events: death as a competing event and as a failure. Values
    at a visit: worst rank, while alive, survivor average. Days: deaths count none. Hierarchy: win ratio.

    Raises:
        BadInput: no such endpoint.
    """
    at = endpoint(name)
    if at.kind == "time":
        return _survival(at) if "death" in at.outcome else _first_event(at)
    if at.kind == "value":
        return _value(at)
    if at.kind == "days":
        rest = {**POLICY, "death": "composite", "transplant": "treatment_policy"}
        return (Estimand("deaths count as no day", at, rest, "better_probability"),)
    return (Estimand("hierarchy", at, POLICY, "win_ratio"), Estimand("hierarchy", at, POLICY, "net_benefit"))


def _survival(at: NamedEndpoint) -> tuple[Estimand, ...]:
    if "transplant" in at.outcome:
        return (
            Estimand("transplant is a failure", at, POLICY, "difference"),
            Estimand("transplant is a failure", at, POLICY, "hazard_ratio"),
            Estimand("transplant is a failure", at, POLICY, "rmst"),
            Estimand(
                "transplant is a failure, any shape",
                at,
                POLICY,
                "hazard_ratio",
                method="maxcombo",
                note="a test that expects no shape of the hazards; no estimate",
            ),
        )

    def one(label: str, strategy: str, estimator: str = "plain", note: str = "") -> Estimand:
        strategies = {**POLICY, "transplant": strategy}
        return Estimand(label, at, strategies, "difference", estimator=estimator, note=note)

    return (
        one("treatment policy", "treatment_policy", note="alive, with or without a new liver"),
        one("composite", "composite", note="alive without a new liver (transplant-free survival)"),
        one("hypothetical, weighted", "hypothetical", "ipcw", "alive had there been no offers"),
        one("hypothetical, censored", "hypothetical", note=CENSORED),
        one("while untransplanted", "while_untransplanted", note="dead before any transplant (incidence)"),
    )


def _first_event(at: NamedEndpoint) -> tuple[Estimand, ...]:
    rest = {**POLICY, "transplant": "treatment_policy"}
    return (
        Estimand("while alive", at, {**rest, "death": "while_alive"}, "difference", note="incidence"),
        Estimand("death is a failure", at, {**rest, "death": "composite"}, "difference"),
    )


def _value(at: NamedEndpoint) -> tuple[Estimand, ...]:
    rest = {**POLICY, "transplant": "treatment_policy"}
    while_own_liver = {**rest, "transplant": "while_untransplanted"}
    return (
        Estimand("worst rank", at, {**rest, "death": "composite"}, "better_probability"),
        Estimand("while alive", at, {**while_own_liver, "death": "while_alive"}, "mean_difference",
                 note="last value alive with the own liver"),
        Estimand("survivor average", at, {**rest, "death": "principal_stratum"}, "mean_difference",
                 estimator="principal_score", note="those who would live under either treatment"),
    )  # fmt: skip
