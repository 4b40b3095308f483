"""Which trial, pool, arm or outcome of the base is meant, by id, name, citation, registration or alias."""

from __future__ import annotations

import re

from hepatrial.evidence.base import Arm, Base, Pool, Trial

ROLES = {
    "treated": "treated", "treatment": "treated", "cells": "treated", "msc": "treated",
    "intervention": "treated",
    "control": "control", "controls": "control", "placebo": "control", "standard care": "control",
    "untreated": "control",
}  # fmt: skip
"""Words for an arm by its role."""
OUTCOMES = {
    "mortality": "death", "deaths": "death", "tbil": "bilirubin", "total bilirubin": "bilirubin",
    "alb": "albumin",
    "ascites formation": "ascites", "he": "encephalopathy", "hepatic encephalopathy": "encephalopathy",
    "hrs": "hepatorenal_syndrome", "sbp": "peritonitis", "bleeding": "variceal_bleeding",
    "cancer": "malignancy", "tumour": "malignancy", "tumor": "malignancy", "hcc": "liver_cancer",
    "hepatocellular carcinoma": "liver_cancer", "sae": "serious_adverse_event",
    "serious adverse events": "serious_adverse_event", "infections": "infection", "insomnia": "sleeplessness",
    "thrombus": "thrombosis", "embolism": "thrombosis", "rejection": "rejection", "prothrombin activity":
    "prothrombin_activity", "pta": "prothrombin_activity",
}  # fmt: skip
"""Other words for outcomes of the base."""


def outcome_key(given: str) -> str:
    """An outcome's key by alias, case and spaces aside."""
    plain = " ".join(given.replace("_", " ").lower().split())
    return OUTCOMES.get(plain, plain.replace(" ", "_").replace("-", "_"))


def find_study(base: Base, given: str) -> Trial | Pool | None:
    """The trial or pool that is meant, or None: id, name, registration, doi, or first author and year."""
    plain = " ".join(given.lower().split())
    shelves: list[Trial | Pool] = [*base.trials.values(), *base.pools.values()]
    for entry in shelves:
        names = {entry.id, entry.doi.lower()}
        if isinstance(entry, Trial):
            names |= {entry.name.lower(), entry.pmid, entry.pmcid.lower()}
            names |= {r.id.lower() for r in entry.registrations}
        if plain and plain in names - {""}:
            return entry
    author_year = re.fullmatch(
        r"([a-z\u00c0-\u024f'-]+)(?:\s+[a-z]{1,3})?(?:\s+et\s+al\.?)?,?\s*\(?((?:19|20)\d\d)\)?", plain
    )
    if author_year:
        found = [e for e in shelves if _written_by(e, author_year[1], author_year[2])]
        if len(found) == 1:
            return found[0]
    return None


def _written_by(entry: Trial | Pool, author: str, year: str) -> bool:
    citation = entry.citation.lower()
    return citation.startswith(f"{author} ") and re.search(rf"\b{year}\b", citation) is not None


def find_arm(trial: Trial, given: str) -> Arm | None:
    """The arm that is meant, by name or by role where only one has it."""
    arm = trial.arm(given)
    if arm:
        return arm
    plain = given.strip().lower()
    for other in trial.arms:
        if other.name.lower() == plain:
            return other
    role = ROLES.get(plain)
    arms = trial.arms_of(role) if role else ()
    return arms[0] if len(arms) == 1 else None
