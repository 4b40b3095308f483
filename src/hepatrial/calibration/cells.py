"""The last step of the fit: which structural variants of the cell effect, and how much bias, a trial
speaks for.

Effect and bias are not separately identified by one trial: the step prints prior beside posterior of both,
and the
bias at which the printed effect would be none.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from hepatrial.calibration.cohort import SEVERE, Cohort, admit, follow
from hepatrial.calibration.targets import ALLOWED
from hepatrial.errors import BadInput, Problem
from hepatrial.model.variants import load_variants
from hepatrial.population import Machine
from hepatrial.protocol import load_protocol

Array = NDArray[np.float64]

CAUSES = {"death": ("death",), "severe_infection": SEVERE}
"""Outcome of the declaration -> causes of event."""
LEAST = 0.01
"""Share of candidates admitted below which a setting is given up."""
TREATED, CONTROL = "msc", "smt"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Outcome(_Strict):
    """Events and patients of both arms as printed."""

    treated: list[int] = Field(min_length=2, max_length=2)
    control: list[int] = Field(min_length=2, max_length=2)
    rows: list[str]
    grade: str

    @property
    def log_odds_ratio(self) -> float:
        """Treated against control; below 0 favours the cells."""
        (a, n), (c, m) = self.treated, self.control
        return math.log(a / (n - a) / (c / (m - c)))

    @property
    def variance(self) -> float:
        """Of the log odds ratio (Woolf 1955)."""
        (a, n), (c, m) = self.treated, self.control
        return 1 / a + 1 / (n - a) + 1 / c + 1 / (m - c)


class BiasPrior(_Strict):
    """A domain's bias on the log-odds-ratio scale."""

    mean: float
    sd: float = Field(gt=0)
    grade: str
    reason: str


class Plan(_Strict):
    """The cells' step as declared in ``targets.toml``."""

    protocol: str
    day: float
    size: int
    outcome: dict[str, Outcome]
    bias: dict[str, BiasPrior]

    @property
    def bias_mean(self) -> float:
        """Of all domains together; they are taken as independent."""
        return sum(one.mean for one in self.bias.values())

    @property
    def bias_sd(self) -> float:
        """Of all domains together."""
        return math.sqrt(sum(one.sd**2 for one in self.bias.values()))


@cache
def load_plan() -> Plan:
    """The declared step.

    Raises:
        BadInput: an outcome whose grade may not be fitted to, or whose name is unknown.
    """
    text = files("hepatrial.calibration").joinpath("targets.toml").read_text(encoding="utf-8")
    plan = Plan.model_validate(tomllib.loads(text)["cells"])
    problems = [
        Problem(f"cells.outcome.{name}.grade", one.grade, "only numbers that were read may be fitted to")
        for name, one in plan.outcome.items()
        if one.grade not in ALLOWED
    ]
    problems += [
        Problem("cells.outcome", name, f"one of {', '.join(CAUSES)}")
        for name in plan.outcome
        if name not in CAUSES
    ]
    if problems:
        raise BadInput(problems)
    return plan


def show_cells(machine: Machine, settings: Mapping[str, float], seed: int) -> tuple[Array, Array, int]:
    """The trial's contrasts under every variant, the same admitted patients and luck in both arms.

    Returns:
        (n_variants, n_outcomes) log odds ratios, the same shape of Monte-Carlo errors, patients admitted.

    Raises:
        TooFewAdmitted: next to nobody is admitted under these settings.
    """
    plan = load_plan()
    protocol = load_protocol(plan.protocol)
    admission = admit(machine, protocol, settings, size=plan.size, seed=seed, least=LEAST)
    control = follow(admission, CONTROL, plan.day)
    rows = []
    for variant in load_variants().values():
        treated = follow(admission, TREATED, plan.day, variant=variant.overrides)
        rows.append([_log_odds_ratio(treated, control, CAUSES[name], plan.day) for name in plan.outcome])
    found = np.array(rows)
    return found[:, :, 0], found[:, :, 1], len(admission.pool)


def _log_odds_ratio(
    treated: Cohort, control: Cohort, causes: tuple[str, ...], day: float
) -> tuple[float, float]:
    """Log odds ratio, and its Monte-Carlo error from the pairs whose outcomes differ (they share their
    luck)."""
    a, c = (one.first(causes) <= day for one in (treated, control))
    n, pa, pc = len(a), (a.sum() + 0.5) / (len(a) + 1.0), (c.sum() + 0.5) / (len(c) + 1.0)
    estimate = math.log(pa / (1.0 - pa) / (pc / (1.0 - pc)))
    slope = a / (pa * (1.0 - pa)) - c / (pc * (1.0 - pc))
    return estimate, float(slope.std() / math.sqrt(n))


@dataclass(frozen=True)
class CellsResult:
    """What the trial says about variants and bias.

    Attributes:
        weights: (n_members, n_variants) posterior, summing to 1 over all.
        prior: (n_variants,) weights before.
        bias_mean, bias_sd: of the trial's bias after, log odds ratio.
        effect: outcome -> (prior mean, prior SD, posterior mean, posterior SD) of the modelled log odds
        ratio.
    """

    weights: Array
    prior: Array
    bias_mean: float
    bias_sd: float
    effect: dict[str, tuple[float, float, float, float]]


def weigh_cells(shown: Array, member_weights: Array) -> CellsResult:
    """Bayes' rule over members and variants, the bias integrated out.

    observed = model + bias + error, with bias ~ N(mean, sd^2) common to the outcomes and independent errors.

    Args:
        shown: (n_members, n_variants, n_outcomes) modelled log odds ratios, NaN for members without.
        member_weights: (n_members,) weights before.
    """
    plan = load_plan()
    prior = np.array([variant.weight for variant in load_variants().values()])
    observed = np.array([one.log_odds_ratio for one in plan.outcome.values()])
    variance = np.array([one.variance for one in plan.outcome.values()])
    usable = np.isfinite(shown).all(axis=(1, 2))
    start = np.where(usable, member_weights, 0.0)[:, None] * prior
    start /= start.sum()
    miss = observed - plan.bias_mean - np.nan_to_num(shown)
    precision = (1.0 / variance).sum()
    pull = (miss / variance).sum(axis=2)
    bias_precision = 1.0 / plan.bias_sd**2 + precision
    log = -0.5 * ((miss**2 / variance).sum(axis=2) - pull**2 / bias_precision)
    weights = start * np.exp(log - log[usable].max())
    weights /= weights.sum()
    bias = plan.bias_mean + pull / bias_precision
    mean = float((weights * bias).sum())
    spread = float((weights * (bias - mean) ** 2).sum()) + 1.0 / bias_precision
    effect = {}
    for i, name in enumerate(plan.outcome):
        value = np.nan_to_num(shown[:, :, i])
        moments = []
        for w in (start, weights):
            m = float((w * value).sum())
            moments += [m, math.sqrt(float((w * (value - m) ** 2).sum()))]
        effect[name] = (moments[0], moments[1], moments[2], moments[3])
    return CellsResult(weights, prior, mean, math.sqrt(spread), effect)
