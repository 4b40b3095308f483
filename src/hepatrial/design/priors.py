"""Prior beliefs about the effect, side by side: sceptical, trials of the cells, what became of others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from hepatrial.evidence.base import load_base
from hepatrial.evidence.synthesis import Effect, Effects, random_effects
from hepatrial.prediction.library import load_study
from hepatrial.prediction.scoreboard import load_seen

Array = NDArray[np.float64]

BETWEEN = 0.3
"""Between-study SD of log hazard ratios where one study cannot tell it; assumed (a ratio of 1.8 between two
trials of the same thing is then nothing unusual)."""
SINGLE_CENTRE = 0.73
"""Ratio of odds ratios of single-centre against multicentre trials (Ann Intern Med 2011;155:39-51; figure
seen in a review, science/evidence/bias.md), taken here as a ratio of hazard ratios."""
SCEPTIC = 0.05
"""The sceptic's probability that the effect is at least the planned one."""
REFERENCE = ("relief2013", "fulmar2013", "graft2021")
"""Devices and G-CSF that had been promising and failed in larger trials."""
_POINTS = 2001


@dataclass(frozen=True)
class Prior:
    """A belief about the log hazard ratio of death.

    Attributes:
        name: of the row.
        mean, sd: location and scale; df: degrees of freedom of the t, infinite for the normal.
        rests_on: what it is made of, in one sentence.
        grade: of the weakest part.
    """

    name: str
    mean: float
    sd: float
    df: float
    rests_on: str
    grade: str

    def points(self) -> Array:
        """(n,) equally probable log hazard ratios."""
        share = (np.arange(_POINTS) + 0.5) / _POINTS
        if math.isinf(self.df):
            return np.asarray(self.mean + self.sd * ndtri(share))
        from scipy.stats import t as student

        return np.asarray(self.mean + self.sd * student.ppf(share, self.df))

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the report."""
        low, high = np.quantile(self.points(), [0.025, 0.975])
        return {
            "name": self.name,
            "hazard_ratio": math.exp(self.mean),
            "low": math.exp(float(low)),
            "high": math.exp(float(high)),
            "probability_of_benefit": float((self.points() < 0).mean()),
            "rests_on": self.rests_on,
            "grade": self.grade,
        }


def log_hazard_ratio(treated: float, n_treated: int, control: float, n_control: int) -> tuple[float, float]:
    """Log hazard ratio and its variance from two survivals at one time, hazards supposed proportional.

    log(-log S) of one arm minus that of the other; variance (1-S)/(n S log(S)^2) of each by the delta method.
    """
    value = math.log(-math.log(treated)) - math.log(-math.log(control))
    parts = ((treated, n_treated), (control, n_control))
    return value, sum((1 - s) / (n * s * math.log(s) ** 2) for s, n in parts)


def sceptical(planned: float) -> Prior:
    """Centred on no effect; 5 % for at least the planned hazard ratio.

    Source: Spiegelhalter, Freedman and Parmar 1994.
    """
    said = f"centred on no effect, with {SCEPTIC:.0%} for a hazard ratio of {planned:g} or better"
    return Prior("sceptical", 0.0, math.log(planned) / float(ndtri(SCEPTIC)), math.inf, said, "assumed")


def msc_evidence() -> Prior:
    """The one verified survival contrast of stromal cells in ACLF as printed, with between-study spread."""
    value, variance = _lin()
    said = (
        "Lin 2017 (41 of 56 against 30 of 54 alive at week 24), taken at its word; between-study SD"
        f" {BETWEEN:g} assumed. No other survival contrast of these cells in this disease could be verified"
    )
    return Prior(
        "msc_evidence", value, math.sqrt(variance + BETWEEN**2), math.inf, said, "seen; spread assumed"
    )


def msc_discounted() -> Prior:
    """The same less what single-centre trials exaggerate on average."""
    plain = msc_evidence()
    said = (
        "as msc_evidence, less the average exaggeration of single-centre trials"
        f" (ratio {SINGLE_CENTRE:g}, seen in a review)"
    )
    return Prior("msc_discounted", plain.mean - math.log(SINGLE_CENTRE), plain.sd, math.inf, said, "assumed")


def _lin() -> tuple[float, float]:
    trial = load_base().trials["lin2017"]
    rows = {row.arm: row for row in trial.survival if row.usable and row.week == 24}
    shares = [(rows[arm].survivors or 0) / (rows[arm].n or 1) for arm in ("MSC", "SMT")]
    sizes = [rows[arm].n or 1 for arm in ("MSC", "SMT")]
    return log_hazard_ratio(shares[0], sizes[0], shares[1], sizes[1])


def reference_class() -> Prior:
    """The true effect of a new trial of the class to which promising treatments of liver failure belong.

    RELIEF and FULMAR from their printed survivals, GRAFT from its printed hazard ratio; REML with Hartung and
    Knapp's standard error, predictive t distribution.
    """
    effects = [_survivals("relief2013", "mars", "smt", "survival_d28")]
    effects.append(_survivals("fulmar2013", "mars", "conventional", "survival_d182"))
    graft = load_base().trials["graft2021"]
    row = next(one for one in graft.effects if one.measure == "HR" and one.usable)
    assert row.value
    assert row.ci_low
    assert row.ci_high
    se = math.log(row.ci_high / row.ci_low) / (2 * 1.959963984540054)
    effects.append(Effect("graft2021", row.grade, "HR", math.log(row.value), se**2))
    pooled = random_effects(Effects("HR", tuple(effects), ()))
    tau2 = pooled.heterogeneity.tau2.estimate if pooled.heterogeneity else 0.0
    # Three studies cannot rule out heterogeneity that they do not show.
    sd = math.sqrt(max(tau2, 0.15**2) + pooled.se**2)
    said = (
        "RELIEF and FULMAR (albumin dialysis) and GRAFT (G-CSF), each promising before and not shown to help:"
        " random effects, prediction for a new trial; between-study SD at least 0.15 (assumed)"
    )
    return Prior("reference_class", pooled.estimate, sd, pooled.k - 1, said, "seen; arm sizes derived")


def _survivals(study: str, treated: str, control: str, endpoint: str) -> Effect:
    seen = {row.arm: row for row in load_seen() if row.study == study and row.endpoint == endpoint}
    sizes = {name: arm.n for name, arm in load_study(study).arms.items()}
    value, variance = log_hazard_ratio(
        seen[treated].value, sizes[treated], seen[control].value, sizes[control]
    )
    return Effect(study, seen[treated].grade, "HR", value, variance)


def priors(planned: float) -> tuple[Prior, ...]:
    """Every prior that an assurance is shown under; there is no way to ask for fewer."""
    return sceptical(planned), msc_evidence(), msc_discounted(), reference_class()
