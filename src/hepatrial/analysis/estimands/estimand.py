"""The estimand (ICH E9(R1)): what is to be estimated, said before how.

Five attributes: population, treatments, endpoint, a strategy for every intercurrent event, summary measure.
One that leaves an event open that occurs, or asks for what no trial can show, is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hepatrial.analysis.estimands.endpoints import HIERARCHY, NamedEndpoint, endpoint
from hepatrial.analysis.estimands.events import INTERCURRENT, STRATEGIES
from hepatrial.errors import BadInput, Problem, nearest_name

SUMMARIES: dict[str, tuple[str, ...]] = {
    "difference": ("time",),
    "rmst": ("time",),
    "hazard_ratio": ("time",),
    "mean_difference": ("value", "days"),
    "better_probability": ("value", "days"),
    "win_ratio": ("levels",),
    "net_benefit": ("levels",),
}
"""Summary measure -> kinds of endpoint it is for."""

METHOD_OF = {
    "difference": "difference",
    "rmst": "rmst",
    "hazard_ratio": "cox",
    "mean_difference": "ancova",
    "better_probability": "better_probability",
    "win_ratio": "win_ratio",
    "net_benefit": "net_benefit",
}
"""Summary measure -> its usual method of ``METHODS``."""

METHODS_OF: dict[str, tuple[str, ...]] = {
    "difference": ("difference", "difference_log_log", "risk_difference"),
    "hazard_ratio": ("cox", "logrank", "maxcombo"),
    "mean_difference": ("ancova", "t_test"),
}
"""Summary measure -> methods that may take the place of the usual one (a test may stand for a ratio)."""

REPEATED_MEASURES = ("mmrm", "random_slope", "repeated_measures", "mixed_model")
"""Models of repeated measurements, which say nothing of the dead."""

ALONE = (
    "must not stand alone: it takes values after death for missing ones and so estimates them for the dead; "
    "give death a strategy (worst rank, while_alive, principal_stratum)"
)

ESTIMATORS = ("plain", "ipcw", "principal_score", "imputation")

_AFTER_DEATH = "nobody has an outcome after death"
_NO_DEATHLESS = "a world in which nobody can die is not one that a treatment could bring about"
_WHILE = {"while_alive": ("death",), "while_untransplanted": ("transplant",)}


@dataclass(frozen=True)
class Estimand:
    """What is to be estimated.

    Attributes:
        name: short.
        endpoint: what is measured, by which day.
        strategies: intercurrent event -> strategy. An event that is the outcome itself needs none.
        summary: summary measure, a name of ``SUMMARIES``.
        population: who it is about.
        treatments: the two arms, first against second; "" where the call names them.
        estimator: "plain"; "ipcw" weights for the censoring of hypothetical events; "principal_score" for
            the survivor average; "imputation" of values that are missing but exist.
        method: a name of ``METHODS_OF[summary]``, "" for the usual one; pre-specify it.
        landmark: day by which a patient of the principal stratum "infused at all" must be alive.
        note: what a reader must know.
    """

    name: str
    endpoint: NamedEndpoint
    strategies: Mapping[str, str]
    summary: str
    population: str = "all randomised patients"
    treatments: tuple[str, str] = ("", "")
    estimator: str = "plain"
    method: str = ""
    landmark: float | None = None
    note: str = ""
    imputation: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be estimated.

        Raises:
            BadInput: with every reason.
        """
        if problems := _problems(self):
            raise BadInput(problems)

    def strategy(self, event: str) -> str | None:
        """The strategy for an event; "composite" for one that is the outcome itself."""
        if event in self.implied:
            return "composite"
        return self.strategies.get(event)

    @property
    def implied(self) -> tuple[str, ...]:
        """Events that the endpoint itself counts."""
        if self.endpoint.kind == "time":
            return tuple(event for event in self.endpoint.outcome if event in INTERCURRENT)
        return ("death", "transplant") if self.endpoint.kind == "levels" else ()

    def with_treatments(self, first: str, second: str) -> Estimand:
        """The same for two arms."""
        return replace(self, treatments=(first, second))

    def open_events(self, occurred: Mapping[str, int]) -> list[Problem]:
        """A problem for every event that occurred and has no strategy."""
        return [
            Problem(
                f"estimand {self.name!r}: strategies.{event}",
                f"nothing, and {count} patients had it ({INTERCURRENT[event]})",
                f"must be a strategy: {', '.join(allowed_strategies(self.endpoint, event))}",
            )
            for event, count in occurred.items()
            if self.strategy(event) is None
        ]

    def as_dict(self) -> dict[str, object]:
        """The five attributes, for tables and JSON."""
        return {
            "name": self.name,
            "population": self.population,
            "treatments": list(self.treatments),
            "endpoint": self.endpoint.name,
            "strategies": {event: self.strategy(event) for event in INTERCURRENT if self.strategy(event)},
            "summary": self.summary,
            "estimator": self.estimator,
            **({"method": self.method} if self.method else {}),
            **({"landmark": self.landmark} if self.landmark is not None else {}),
        }


def refusal(endpoint_: NamedEndpoint, event: str, strategy: str) -> str | None:
    """Why a strategy cannot be used for an event with an endpoint; None when it can."""
    if strategy in _WHILE and event not in _WHILE[strategy]:
        return f"{strategy} is for {_WHILE[strategy][0]}"
    if event == "death":
        if strategy == "treatment_policy":
            return _AFTER_DEATH
        if strategy == "hypothetical":
            return _NO_DEATHLESS
        if strategy == "while_on_treatment":
            return "use while_alive"
        if strategy == "principal_stratum" and endpoint_.kind != "value":
            return "the survivor average is defined here for values at a visit only"
    if event == "dropout" and strategy not in ("treatment_policy", "hypothetical", "composite"):
        return "the outcome of those who left exists and is missing; say what is assumed of it"
    if event == "death_before_first_infusion" and strategy not in (
        "treatment_policy",
        "principal_stratum",
        "composite",
    ):
        return "a death cannot be undone; use treatment_policy, composite or principal_stratum"
    if strategy == "principal_stratum" and event not in ("death", "death_before_first_infusion"):
        return "who would be spared under both treatments cannot be told from a trial"
    counted = HIERARCHY if endpoint_.kind == "levels" else endpoint_.outcome
    if event in ("death", "transplant") and event in counted and strategy != "composite":
        return "the endpoint counts it as the outcome; choose another endpoint"
    beside = endpoint_.kind == "levels" and event not in ("death", "transplant")
    if beside and strategy not in ("treatment_policy", "hypothetical"):
        return "a hierarchy has its own levels; use treatment_policy or hypothetical"
    if endpoint_.kind == "days" and event == "death" and strategy != "composite":
        return "days alive and out of hospital count the days after a death as none: composite"
    if endpoint_.kind == "days" and strategy.startswith("while"):
        return "days are counted to the end; use treatment_policy or composite"
    return None


def allowed_strategies(endpoint_: NamedEndpoint, event: str) -> tuple[str, ...]:
    """Strategies that can be used for an event with an endpoint."""
    return tuple(strategy for strategy in STRATEGIES if refusal(endpoint_, event, strategy) is None)


def _problems(one: Estimand) -> list[Problem]:
    place = f"estimand {one.name!r}"
    found = []
    for event, strategy in one.strategies.items():
        if event not in INTERCURRENT:
            allowed = f"must be one of {', '.join(INTERCURRENT)}"
            nearest = nearest_name(event, INTERCURRENT)
            found.append(Problem(f"{place}: strategies", repr(event), allowed, nearest))
        elif strategy not in STRATEGIES:
            allowed = f"must be one of {', '.join(STRATEGIES)}"
            nearest = nearest_name(strategy, STRATEGIES)
            found.append(Problem(f"{place}: strategies.{event}", repr(strategy), allowed, nearest))
        elif reason := refusal(one.endpoint, event, strategy):
            options = ", ".join(allowed_strategies(one.endpoint, event))
            found.append(Problem(f"{place}: strategies.{event}", strategy, f"{reason}; possible: {options}"))
    if one.summary not in SUMMARIES:
        allowed = f"must be one of {', '.join(SUMMARIES)}"
        nearest = nearest_name(one.summary, SUMMARIES)
        found.append(Problem(f"{place}: summary", repr(one.summary), allowed, nearest))
    elif one.endpoint.kind not in SUMMARIES[one.summary]:
        fitting = [name for name, kinds in SUMMARIES.items() if one.endpoint.kind in kinds]
        allowed = f"must be one for {one.endpoint.name}: {', '.join(fitting)}"
        found.append(Problem(f"{place}: summary", repr(one.summary), allowed))
    if one.estimator not in ESTIMATORS:
        allowed = f"must be one of {', '.join(ESTIMATORS)}"
        nearest = nearest_name(one.estimator, ESTIMATORS)
        found.append(Problem(f"{place}: estimator", repr(one.estimator), allowed, nearest))
    return found or [*_mismatches(one, place)]


def _mismatches(one: Estimand, place: str) -> list[Problem]:
    """Summary, strategies and estimator that do not fit each other."""
    found = []
    used = {one.strategy(event) for event in INTERCURRENT}
    composite = [event for event in INTERCURRENT if one.strategies.get(event) == "composite"]
    if one.endpoint.kind == "value" and one.summary == "mean_difference" and composite:
        allowed = f"must be better_probability: {composite[0]} as a failure has a rank, not a value"
        found.append(Problem(f"{place}: summary", one.summary, allowed))
    if one.endpoint.kind == "value" and one.strategy("death") is None:
        allowed = (
            "must be composite (worst rank), while_alive or principal_stratum: a repeated-measures model "
            "alone takes values after death for missing ones and so estimates them for the dead"
        )
        found.append(Problem(f"{place}: strategies.death", "nothing", allowed))
    during = sorted(name for name in used if name and name.startswith("while"))
    if one.endpoint.kind == "time" and during and one.summary == "hazard_ratio":
        allowed = f"must be difference or rmst: with {during[0]} the outcome has an incidence, no ratio"
        found.append(Problem(f"{place}: summary", one.summary, allowed))
    if one.estimator == "ipcw" and not (one.endpoint.kind == "time" and "hypothetical" in used):
        allowed = "must be plain: there is no hypothetical event whose censoring could be weighted"
        found.append(Problem(f"{place}: estimator", one.estimator, allowed))
    if one.estimator == "ipcw" and one.summary != "difference":
        found.append(Problem(f"{place}: summary", one.summary, "must be difference with the estimator ipcw"))
    survivors = one.endpoint.kind == "value" and one.strategies.get("death") == "principal_stratum"
    if survivors != (one.estimator == "principal_score"):
        allowed = "must be principal_score where death has the strategy principal_stratum, and only there"
        found.append(Problem(f"{place}: estimator", one.estimator, allowed))
    if survivors and one.summary != "mean_difference":
        allowed = "must be mean_difference for the survivor average"
        found.append(Problem(f"{place}: summary", one.summary, allowed))
    if one.estimator == "imputation" and not (
        one.endpoint.kind == "value" and one.summary == "mean_difference"
    ):
        allowed = "must be plain: only values at a visit are imputed, and only for a mean difference"
        found.append(Problem(f"{place}: estimator", one.estimator, allowed))
    if one.method in REPEATED_MEASURES:
        found.append(Problem(f"{place}: method", one.method, ALONE))
    elif one.method and one.method not in METHODS_OF.get(one.summary, ()):
        known = METHODS_OF.get(one.summary, ())
        allowed = f"must be of {', '.join(known)}" if known else f"must be left out for {one.summary}"
        found.append(Problem(f"{place}: method", repr(one.method), allowed, nearest_name(one.method, known)))
    if one.method and one.estimator != "plain":
        found.append(Problem(f"{place}: method", one.method, f"must be left out with {one.estimator}"))
    infused = one.strategies.get("death_before_first_infusion") == "principal_stratum"
    if infused != (one.landmark is not None):
        allowed = (
            "must be the day of the first infusion where death_before_first_infusion is a principal stratum"
        )
        found.append(Problem(f"{place}: landmark", repr(one.landmark), allowed))
    return found


def estimand_from_dict(data: Mapping[str, object], name: str = "estimand") -> Estimand:
    """An estimand from plain data (a table of a TOML file).

    Keys: ``endpoint`` (a name), ``strategies``, ``summary``; optional ``name``, ``population``,
    ``treatments``, ``estimator``, ``method``, ``landmark``, ``note``, ``imputation``.

    Raises:
        BadInput: with everything that is wrong.
    """
    name = str(data.get("name", name))
    place = f"estimand {name!r}"
    known = tuple(Estimand.__dataclass_fields__)
    problems = [
        Problem(
            f"{place}: {key}", "unknown entry", f"must be one of {', '.join(known)}", nearest_name(key, known)
        )
        for key in data
        if key not in known
    ]
    problems += [
        Problem(f"{place}: {key}", "nothing", "is required")
        for key in ("endpoint", "strategies", "summary")
        if key not in data
    ]
    strategies = data.get("strategies", {})
    if not isinstance(strategies, Mapping) or not all(isinstance(v, str) for v in strategies.values()):
        problems.append(
            Problem(f"{place}: strategies", repr(strategies), "must be a table, event = strategy")
        )
    arms = data.get("treatments", ["", ""])
    if not isinstance(arms, list | tuple) or len(arms) != 2 or not all(isinstance(arm, str) for arm in arms):
        problems.append(Problem(f"{place}: treatments", repr(arms), "must be two names of arms"))
    landmark = data.get("landmark")
    if landmark is not None and (not isinstance(landmark, int | float) or landmark <= 0):
        problems.append(Problem(f"{place}: landmark", repr(landmark), "must be a day above 0"))
    imputation = data.get("imputation", {})
    if not isinstance(imputation, Mapping):
        problems.append(Problem(f"{place}: imputation", repr(imputation), "must be a table"))
    at = None
    if "endpoint" in data:
        try:
            at = endpoint(str(data["endpoint"]))
        except BadInput as bad:
            problems += [Problem(f"{place}: {p.place}", p.given, p.allowed, p.nearest) for p in bad.problems]
    if problems or at is None:
        raise BadInput(problems)
    assert isinstance(strategies, Mapping)
    assert isinstance(arms, list | tuple)
    return Estimand(
        name=name,
        endpoint=at,
        strategies=dict(strategies),
        summary=str(data["summary"]),
        population=str(data.get("population", "all randomised patients")),
        treatments=(str(arms[0]), str(arms[1])),
        estimator=str(data.get("estimator", "plain")),
        method=str(data.get("method", "")),
        landmark=float(landmark) if isinstance(landmark, int | float) else None,
        note=str(data.get("note", "")),
        imputation=dict(imputation) if isinstance(imputation, Mapping) else {},
    )
