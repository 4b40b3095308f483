"""The one shape in which every test and estimate of this package is handed back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri


@dataclass(frozen=True)
class Inference:
    """An estimate with its uncertainty and, where there is one, its test.

    Attributes:
        method: how it was computed ("Kaplan-Meier", "log-rank", "Cox, Efron ties").
        parameter: what is estimated, with the direction of the contrast ("log hazard ratio, msc v control").
        estimate: point estimate; NaN when a test has none.
        se: standard error of ``estimate`` on the scale of ``transform``; NaN when there is none.
        statistic: z, or chi-square when ``df`` is given.
        p: two-sided p-value; NaN when the data hold no information.
        ci: lower and upper limit at ``level``.
        transform: scale on which the interval was made ("none", "log", "log-log", "exact", "score").
        note: what a reader must know, or "".
        level: confidence level of ``ci``.
        df: degrees of freedom of a chi-square ``statistic``; None when it is a z.
    """

    method: str
    parameter: str
    estimate: float
    se: float
    statistic: float
    p: float
    ci: tuple[float, float]
    transform: str
    note: str = ""
    level: float = 0.95
    df: int | None = None


def z_quantile(level: float) -> float:
    """The normal quantile of a two-sided interval at ``level``."""
    return float(ndtri(0.5 + level / 2))


def two_sided_p(z: float) -> float:
    """Two-sided normal p-value; NaN stays NaN."""
    return float(2 * ndtr(-abs(z)))


def wald(
    method: str,
    parameter: str,
    estimate: float,
    se: float,
    level: float,
    *,
    exponentiated: bool = False,
    tested: bool = True,
    note: str = "",
) -> Inference:
    """A normal-theory inference; with ``exponentiated`` the interval is given on the ratio scale.

    ``estimate`` and ``se`` are on the scale of the test; the reported estimate and interval are their
    exponentials when ``exponentiated`` (``se`` stays on the log scale). Without ``tested`` there is no z
    and no p: that the value is 0 is not a question.
    """
    half = z_quantile(level) * se
    z = estimate / se if tested and se > 0 else np.nan
    shown = (estimate, estimate - half, estimate + half)
    if exponentiated:
        with np.errstate(over="ignore"):
            shown = (float(np.exp(shown[0])), float(np.exp(shown[1])), float(np.exp(shown[2])))
    return Inference(
        method=method,
        parameter=parameter,
        estimate=float(shown[0]),
        se=float(se),
        statistic=float(z),
        p=two_sided_p(z),
        ci=(float(shown[1]), float(shown[2])),
        transform="log" if exponentiated else "none",
        note=note,
        level=level,
    )
