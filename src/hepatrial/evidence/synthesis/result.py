"""The one shape in which every pooling is handed back."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, stdtr, stdtrit

from hepatrial.analysis.result import z_quantile
from hepatrial.evidence.synthesis.rows import MEASURES, RATIOS, Measure, Refused

NAN = float("nan")


@dataclass(frozen=True)
class Interval:
    """An estimate with its limits, on the scale it says it is on."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Contribution:
    """One study in a pool: effect on the analysis scale, interval at the pool's level, weight in percent."""

    study: str
    grade: str
    y: float
    se: float
    lower: float
    upper: float
    weight: float
    note: str = ""


@dataclass(frozen=True)
class Heterogeneity:
    """How much the studies differ beyond chance.

    Attributes:
        q, df, q_p: Cochran's Q with its degrees of freedom and p.
        tau2: between-study variance and its Q-profile interval (Viechtbauer 2007); NaN where not estimated.
        tau2_se: its asymptotic standard error for ML and REML, else NaN.
        i2: share of the variation that is not chance, in percent, with the interval of ``tau2``.
        h2: total over sampling variance, likewise.
        estimator: of ``tau2`` ("REML").
    """

    q: float
    df: int
    q_p: float
    tau2: Interval
    tau2_se: float
    i2: Interval
    h2: Interval
    estimator: str


@dataclass(frozen=True)
class Prediction:
    """Where the true effect of a new study would lie, with the convention that made the interval."""

    lower: float
    upper: float
    convention: str


@dataclass(frozen=True)
class Pooled:
    """A pooled effect; logarithms for RR, OR, HR: ``shown`` gives the ratio.

    Attributes:
        method: "inverse variance, common effect", "REML, Hartung-Knapp" ...
        measure: "RR", "OR", "RD", "MD", "SMD" or "HR".
        estimate, se, lower, upper: on the analysis scale.
        statistic, df: test statistic, a t when ``df`` is given, else a z (NaN where no test is made).
        p: two-sided.
        heterogeneity: None for a Bayesian pool (whose tau is in ``notes`` and in its own result).
        prediction: None without a random effect or with too few studies.
        studies: the studies pooled, in the order given.
        refused: the rows that were not, each with the reason.
        notes: what a reader must know (zero cells, safeguard, one study).
        level: of all intervals.
    """

    method: str
    measure: Measure
    estimate: float
    se: float
    lower: float
    upper: float
    statistic: float
    df: int | None
    p: float
    heterogeneity: Heterogeneity | None
    prediction: Prediction | None
    studies: tuple[Contribution, ...]
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]
    level: float

    @property
    def k(self) -> int:
        """Number of studies pooled."""
        return len(self.studies)

    @property
    def label(self) -> str:
        """The measure in words."""
        return MEASURES[self.measure]

    @property
    def shown(self) -> Interval:
        """Estimate and limits as readers know them: ratios, not logarithms."""
        return natural(self.measure, self.estimate, self.lower, self.upper)

    @property
    def shown_prediction(self) -> Interval | None:
        """The prediction interval on the scale of ``shown``."""
        if self.prediction is None:
            return None
        return natural(self.measure, self.estimate, self.prediction.lower, self.prediction.upper)


def natural(measure: str, estimate: float, lower: float, upper: float) -> Interval:
    """The three numbers as ratios when the measure is one."""
    values = (estimate, lower, upper)
    return Interval(*(math.exp(x) for x in values)) if measure in RATIOS else Interval(*values)


def quantile(level: float, df: int | None) -> float:
    """Two-sided quantile of t with ``df`` degrees of freedom, or of the normal when None."""
    return z_quantile(level) if df is None else float(stdtrit(df, 0.5 + level / 2))


def p_value(statistic: float, df: int | None) -> float:
    """Two-sided p of a t or z."""
    below = ndtr(-abs(statistic)) if df is None else stdtr(df, -abs(statistic))
    return float(2 * below)
