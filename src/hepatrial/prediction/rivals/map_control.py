"""The meta-analytic-predictive control: the study as the next draw from published control arms of its class.

Each arm is a cloglog level at day 90 (``weibull``). Levels are y_i ~ N(theta_i, v_i), theta_i ~ N(mu,
tau^2) with a flat-ish mu and a half-normal tau (Neuenschwander 2010, doi:10.1177/1740774509356002, section
2); a new study is theta_new. The posterior is a quadrature over tau (``evidence.synthesis.bayes``),
sampled by inversion.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from hepatrial.prediction.rivals.weibull import REFERENCE_DAY, cloglog
from hepatrial.prediction.study import Study, fast_share

Array = NDArray[np.float64]

PRIOR_MEAN, PRIOR_SD = -0.7, 1.5
"""Prior of the mean level: 39 % dead at day 90, 95 % from 3 to 99 %."""
TAU_SCALE = 0.5
TAU_SCALE_SPARSE = 1.0
"""Half-normal scale of tau; the wider one for classes with fewer than three arms."""
SPARSE = 3
NODES = 400


@dataclass(frozen=True)
class Control:
    """A published control arm; ``points`` are (day, share with the event)."""

    study: str
    group: str
    endpoint: str
    n: int
    points: tuple[tuple[float, float], ...]
    source: str
    grade: str
    predicted: bool = False


@cache
def load_controls() -> tuple[tuple[Control, ...], Mapping[str, tuple[float, float]]]:
    """The published control arms, and (centre, SD) of the exponent of time by group."""
    text = files("hepatrial.prediction.rivals").joinpath("controls.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    controls = []
    for row in data["control"]:
        points = tuple((float(day), float(dead)) for day, dead in row["points"])
        kept = {name: row[name] for name in ("study", "group", "endpoint", "n", "source", "grade")}
        controls.append(Control(**kept, points=points, predicted=bool(row.get("predicted", False))))
    shape = {name: (row[0], row[1]) for name, row in data["shape"].items() if name != "basis"}
    return tuple(controls), shape


def groups_of(study: Study) -> dict[str, float]:
    """Classes of published arms that a study is a mixture of, with shares adding up to 1."""
    if study.definition.startswith("acute_liver"):
        fast = fast_share(study)
        return {
            name: share for name, share in (("alf_hyperacute", fast), ("alf_subacute", 1 - fast)) if share > 0
        }
    if study.definition in ("decompensated_cirrhosis", "compensated_cirrhosis"):
        return {study.definition: 1.0}
    viral = study.definition == "cossh" or (
        study.definition != "easl_clif" and study.etiology.get("hbv", 0.0) >= 0.5
    )
    return {"hbv_aclf": 1.0} if viral else {"aclf": 1.0}


def level_of(control: Control, shape: float) -> tuple[float, float]:
    """(level, variance) of an arm: its points moved to day 90 and averaged by their precision.

    Half a death is added to both cells of an empty or full arm. Points of one arm are the same patients:
    their average has the variance of the most precise one, not of their sum.
    """
    levels, precisions = [], []
    for day, dead in control.points:
        count = dead * control.n
        share = (count + 0.5) / (control.n + 1.0) if count < 0.5 or count > control.n - 0.5 else dead
        survival = 1.0 - share
        # delta method: d cloglog / dS = 1 / (S log S)
        variance = share * survival / control.n / (survival * math.log(survival)) ** 2
        levels.append(cloglog(survival) - shape * math.log(day / REFERENCE_DAY))
        precisions.append(1.0 / variance)
    weight = np.asarray(precisions) / sum(precisions)
    return float(weight @ np.asarray(levels)), 1.0 / max(precisions)


@dataclass(frozen=True)
class Posterior:
    """Posterior of a new study's level by nodes of tau: shares, means and SDs of theta_new."""

    share: Array
    centre: Array
    spread: Array

    def quantile_draw(self, uniform: float, normal: float) -> float:
        """A draw: the node by the uniform number, the level within it by the normal one."""
        index = min(int(np.searchsorted(np.cumsum(self.share), uniform)), len(self.share) - 1)
        return float(self.centre[index] + self.spread[index] * normal)

    @property
    def mean(self) -> float:
        """Of theta_new."""
        return float(self.share @ self.centre)

    @property
    def sd(self) -> float:
        """Of theta_new."""
        return math.sqrt(float(self.share @ (self.spread**2 + (self.centre - self.mean) ** 2)))


def predictive(levels: Sequence[tuple[float, float]], tau_scale: float) -> Posterior:
    """Posterior predictive of a new study's level.

    Args:
        levels: (level, variance) of each arm; empty gives the prior.
        tau_scale: of the half-normal prior of tau.
    """
    y = np.array([level for level, _ in levels])
    v = np.array([variance for _, variance in levels])
    tau = np.linspace(0.0, 5.0 * tau_scale, NODES)
    inverse = 1.0 / (v + tau[:, None] ** 2) if len(y) else np.empty((NODES, 0))
    precision = inverse.sum(axis=1) + PRIOR_SD**-2
    centre = (inverse @ y + PRIOR_MEAN * PRIOR_SD**-2) / precision
    density = -0.5 * (tau / tau_scale) ** 2 - 0.5 * np.log(precision)
    if len(y):
        density = density + 0.5 * np.log(inverse).sum(axis=1)
        density = density - 0.5 * (inverse * (y - centre[:, None]) ** 2).sum(axis=1)
    density = density - 0.5 * ((centre - PRIOR_MEAN) / PRIOR_SD) ** 2
    share = np.exp(density - density.max())
    return Posterior(share / share.sum(), centre, np.sqrt(1.0 / precision + tau**2))


def map_posterior(
    study_id: str, group: str, *, exclude: frozenset[str] = frozenset()
) -> tuple[Posterior, float, float]:
    """(posterior, shape centre, shape SD) of a class, leaving the study itself out.

    Args:
        study_id: id of the study that is predicted; its own arm never serves.
        group: class.
        exclude: further studies to leave out.
    """
    controls, shapes = load_controls()
    shape, sd = shapes[group]
    out = {study_id, *exclude}
    levels = [level_of(one, shape) for one in controls if one.group == group and one.study not in out]
    return predictive(levels, TAU_SCALE if len(levels) >= SPARSE else TAU_SCALE_SPARSE), shape, sd
