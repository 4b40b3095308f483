"""Tags: which definitions a patient meets, from the values that a clinic reports.

One patient can carry several. A tag is computed, never drawn.
The rules are those of ``science/physiology/scores.md`` (sections 5, 7 and 9).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepatrial.model.scores import clif_c_organs

Array = NDArray[np.float64]
Yes = NDArray[np.bool_]

TAG_MEASURES = (
    "bilirubin",
    "inr",
    "creatinine",
    "he_grade",
    "ascites_grade",
    "map",
    "vasopressor",
    "pf_ratio",
)
"""Needed for the tags; ``vasopressor`` is a model output and no measure."""

_ORGANS = ("bilirubin", "creatinine", "he_grade", "inr", "map", "vasopressor", "pf_ratio")
DECOMPENSATED_BILIRUBIN = 51.0
"""umol/L, 3 mg/dL: jaundice that counts as decompensation (assumed)."""
VARICES_FROM = 0.5
"""Portal pressure index from which varices exist: that from which they bleed (bleeding_portal_threshold)."""


def definition_tags(measures: Mapping[str, Array], *, cirrhosis: Array, hbv: Array) -> dict[str, Yes]:
    """Which definitions hold.

    Args:
        measures: the values of ``TAG_MEASURES`` in SI units, of one shape.
        cirrhosis, hbv: 0 or 1; broadcast against the measures. Whoever has neither has no chronic liver
            disease: failure is then acute.

    Returns:
        Tag -> whether it holds. ``easl_clif``: cirrhosis with an ACLF grade of at least 1. ``apasl``: TBil
        at least 85.5 umol/L and INR at least 1.5 with ascites or encephalopathy. ``cossh``: hepatitis B with
        an ACLF grade, or TBil at least 205.2 umol/L with INR at least 1.5. ``chinese_medical_association``:
        TBil at least 171 umol/L and INR at least 1.5. ``acute_liver_failure``: INR at least 1.5 with
        encephalopathy; ``acute_liver_injury``: without. ``decompensated_cirrhosis``: cirrhosis with ascites,
        encephalopathy or TBil above 51 umol/L; ``compensated_cirrhosis``: with none of them.
    """
    bilirubin, inr, he = measures["bilirubin"], measures["inr"], measures["he_grade"]
    ascites, known = measures["ascites_grade"], ~np.isnan(bilirubin)
    grade = clif_c_organs(**{name: measures[name] for name in _ORGANS}, units="si").grade
    scarred, carrier = np.asarray(cirrhosis) == 1, np.asarray(hbv) == 1
    chronic = scarred | carrier
    clotting = inr >= 1.5
    signs = (ascites >= 1) | (he >= 1)
    rules = {
        "easl_clif": scarred & (grade >= 1),
        "apasl": chronic & (bilirubin >= 85.5) & clotting & signs,
        "cossh": carrier & ((grade >= 1) | ((bilirubin >= 205.2) & clotting)),
        "chinese_medical_association": chronic & (bilirubin >= 171.0) & clotting,
        "acute_liver_failure": ~scarred & clotting & (he >= 1),
        "acute_liver_injury": ~scarred & clotting & (he < 1),
        "decompensated_cirrhosis": scarred & (signs | (bilirubin >= DECOMPENSATED_BILIRUBIN)),
        "compensated_cirrhosis": scarred & ~signs & (bilirubin < DECOMPENSATED_BILIRUBIN),
    }
    return {name: np.asarray(rule & known, dtype=bool) for name, rule in rules.items()}


def damico_stage(
    portal_pressure: Array, bled: Array, ascites_grade: Array, he_grade: Array, bilirubin: Array
) -> Array:
    """D'Amico's stage of cirrhosis, 1 to 5 (Aliment Pharmacol Ther 2014, as read in a journal club).

    1 compensated without varices, 2 with varices, 3 bleeding only, 4 the first decompensation that is no
    bleed, 5 any second one.

    Args:
        portal_pressure: the model's index.
        bled: 1 after a variceal bleed.
        ascites_grade, he_grade: 0 when absent.
        bilirubin: umol/L.
    """
    others = np.stack([ascites_grade >= 1, he_grade >= 1, bilirubin >= DECOMPENSATED_BILIRUBIN]).sum(axis=0)
    events = others + (np.asarray(bled) > 0)
    stage = np.where(portal_pressure >= VARICES_FROM, 2.0, 1.0)
    stage = np.where((events == 1) & (np.asarray(bled) > 0), 3.0, stage)
    stage = np.where((events == 1) & (others == 1), 4.0, stage)
    return np.where(events >= 2, 5.0, stage)
