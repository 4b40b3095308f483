"""Severity-score regression: risk from the study's MELD or CLIF-C ACLF by published facts, no mechanism.

MELD: 3-month mortality by band (1.9, 6.0, 19.6, 52.6, 71.3 % at <= 9, 10-19, 20-29, 30-39, >= 40;
msd_meld, seen) is a straight line on the logit through the middles of the bands, fitted by least squares;
a study's risk is its mean over a normal distribution of MELD. CLIF-C ACLF: the published formula at 90
days. With neither, the class's usual MELD.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri
from scipy.stats import qmc

from hepatrial.model.scores import clif_c_aclf_death, meld_raw
from hepatrial.prediction.rivals.weibull import cloglog
from hepatrial.prediction.study import Study
from hepatrial.prediction.table1 import Wanted

Array = NDArray[np.float64]

BANDS: tuple[tuple[float, float], ...] = (
    (8.0, 0.019),
    (14.5, 0.060),
    (24.5, 0.196),
    (34.5, 0.526),
    (40.0, 0.713),
)
"""(middle of the band, share dead at 3 months); the open ends stand at 8 and 40. Source msd_meld, seen."""
BETWEEN_STUDY = 0.6
"""Logit SD between studies of one score: control arms of one class differ threefold. Assumed."""
BETWEEN_STUDY_NO_SCORE = 0.9
"""The same when the file gives no score."""
SHAPE = (0.4, 0.15)
"""Exponent of time by which the 90-day risk is moved to another day (``weibull``); of cirrhosis nearer 1."""
SHAPE_CHRONIC = (0.8, 0.2)
USUAL_MELD: dict[str, tuple[float, float]] = {
    "hbv_aclf": (23.0, 5.0), "aclf": (27.0, 7.0), "acute_liver_failure": (30.0, 8.0),
    "decompensated_cirrhosis": (17.0, 5.0), "compensated_cirrhosis": (9.0, 3.0),
}  # fmt: skip
"""Mean and SD of MELD when a study gives no score: as in cai2024 and fernandez2018, the others assumed."""


def meld_line() -> tuple[float, float]:
    """(intercept, slope) of the logit of 90-day death on MELD through the published bands."""
    x = np.array([middle for middle, _ in BANDS])
    y = logit(np.array([dead for _, dead in BANDS]))
    slope, intercept = np.polyfit(x, y, 1)
    return float(intercept), float(slope)


def mean_risk(mean: float, sd: float) -> float:
    """90-day risk of a group whose MELD is normal, by Gauss-Hermite quadrature."""
    intercept, slope = meld_line()
    node, weight = np.polynomial.hermite_e.hermegauss(21)
    risk = expit(intercept + slope * np.clip(mean + sd * node, 6.0, 40.0))
    return float(weight @ risk / weight.sum())


def score_risk(study: Study, disease: str) -> tuple[float, float, str]:
    """(90-day risk, logit SD between studies, which score served).

    CLIF-C ACLF comes first (made for ACLF), then MELD or its successors, then MELD of the printed
    laboratory values, then the class's usual MELD.
    """
    rows = {one.variable: one for one in study.baseline if one.location is not None}
    if (
        study.definition in ("easl_clif", "cossh", "apasl", "chinese_medical_association")
        and "clif_c_aclf" in rows
    ):
        return _clif(rows["clif_c_aclf"]), BETWEEN_STUDY, "CLIF-C ACLF"
    for name, label in (("meld", "MELD"), ("meld_na", "MELD-Na"), ("meld3", "MELD 3.0")):
        if name in rows:
            row = rows[name]
            return (
                mean_risk(row.location or 0.0, row.spread or 5.0),
                BETWEEN_STUDY,
                label,
            )
    if {"bilirubin", "inr", "creatinine"} <= rows.keys():
        return _from_labs(rows), BETWEEN_STUDY, "MELD from bilirubin, INR and creatinine"
    mean, sd = USUAL_MELD[disease]
    return mean_risk(mean, sd), BETWEEN_STUDY_NO_SCORE, "the usual MELD of the class"


def _clif(row: Wanted) -> float:
    node, weight = np.polynomial.hermite_e.hermegauss(21)
    score = np.clip((row.location or 0.0) + (row.spread or 9.0) * node, 0.0, 100.0)
    return float(weight @ np.asarray(clif_c_aclf_death(score, 90)) / weight.sum())


def _from_labs(rows: Mapping[str, Wanted]) -> float:
    """Mean risk over independent log-normal laboratory values, at the points of a Halton sequence."""
    names = ("bilirubin", "creatinine", "inr")
    points = qmc.Halton(3, scramble=False).random(513)[1:]
    values = {
        name: np.exp((rows[name].location or 0.0) + (rows[name].spread or 0.4) * ndtri(points[:, i]))
        for i, name in enumerate(names)
    }
    score = np.clip(meld_raw(**values, units="si"), 6.0, 40.0)
    intercept, slope = meld_line()
    return float(np.mean(expit(intercept + slope * score)))


def level_draw(risk: float, sd: float, normal: float) -> float:
    """Cloglog level at day 90 of a study whose logit deviates by ``sd * normal``."""
    shifted = float(expit(logit(risk) + sd * normal))
    return cloglog(1.0 - min(max(shifted, 1e-6), 1 - 1e-6))


def shape_of(definition: str) -> tuple[float, float]:
    """(centre, SD) of the exponent of time."""
    return SHAPE_CHRONIC if definition.endswith("cirrhosis") else SHAPE
