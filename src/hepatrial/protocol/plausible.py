"""Bounds against slips of the pen: no patient has a value outside them. Assumed, wide, of no other use."""

from __future__ import annotations

PLAUSIBLE: dict[str, tuple[float, float]] = {
    # measure or trait: lowest, highest (SI units of schema.MEASURES)
    "alt": (1, 30_000),
    "ast": (1, 40_000),
    "bilirubin": (1, 1_500),
    "albumin": (5, 60),
    "inr": (0.7, 20),
    "pta": (1, 200),
    "creatinine": (10, 2_000),
    "sodium": (90, 190),
    "ammonia": (1, 2_000),
    "wbc": (0.05, 200),
    "platelets": (1, 2_000),
    "lactate": (0.1, 40),
    "fibrinogen": (0.1, 15),
    "factor_v": (0, 250),
    "map": (20, 200),
    "pf_ratio": (30, 700),
    "he_grade": (0, 4),
    "ascites_grade": (0, 3),
    "hbv_dna": (0, 12),
    "meld": (6, 40),
    "meld_na": (6, 40),
    "meld3": (6, 40),
    "child_pugh": (5, 15),
    "clif_c_of": (6, 18),
    "clif_c_aclf": (0, 100),
    "aclf_grade": (0, 3),
    "age": (0, 110),
    "weight": (20, 250),
}
