"""What arms are given: names, where the effect comes from, the grade of what is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from hepatrial.prediction.vocabulary import key
from hepatrial.protocol import PRODUCTS


@dataclass(frozen=True)
class Intervention:
    """A treatment by name.

    Attributes:
        name: key of ``interventions.toml`` or of ``protocol.PRODUCTS``.
        label: English label.
        how: "model", "prior", "both" or "none".
        evidence: what is known of it, one phrase.
        centre, sd: of the prior log odds ratio of the bad event.
        basis: where these come from.
        product: whether it is a cell product of ``protocol.PRODUCTS``.
        laboratory: measure -> (centre, sd) of a residual effect, in SDs of patients' changes.
    """

    name: str
    label: str
    how: str
    evidence: str
    centre: float
    sd: float
    basis: str
    product: bool = False
    laboratory: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def treats(self) -> bool:
        """Whether an arm with it is a treated one."""
        return self.how != "none"


_ALIASES = {
    "gcsf": "g_csf", "filgrastim": "g_csf", "lenograstim": "g_csf", "pe": "plasma_exchange",
    "tpe": "plasma_exchange", "hvp": "high_volume_plasma_exchange",
    "high_volume_plasmapheresis": "high_volume_plasma_exchange", "albumin_dialysis": "mars",
    "als": "other_device", "alss": "plasma_exchange", "nucleoside_analogue": "antiviral",
    "entecavir": "antiviral", "tenofovir": "antiviral", "lamivudine": "antiviral",
    "steroid": "corticosteroid",
    "prednisolone": "corticosteroid", "nac": "acetylcysteine", "n_acetylcysteine": "acetylcysteine",
    "smt": "standard_care", "standard": "standard_care", "conventional": "standard_care",
    "none": "standard_care",
    "sham": "placebo", "saline": "placebo", "exosomes": "vesicles",
    "umbilical_cord_msc": "uc_msc", "cord_msc": "uc_msc", "ucmsc": "uc_msc", "adipose_msc": "at_msc",
    "bm_msc": "bm_msc_allogeneic", "bone_marrow_msc": "bm_msc_allogeneic", "hepastem": "halpc",
    "cd133_cells": "cd133", "mononuclear_cells": "bm_mnc", "cells": "other_cells", "device": "other_device",
    "drug": "other_drug", "bone_marrow_cells": "bm_mnc", "autologous_bone_marrow": "bm_mnc",
    "autologous_bone_marrow_cells": "bm_mnc", "bone_marrow_mononuclear_cells": "bm_mnc", "pbsc": "cd34_cd133",
    "methylprednisolone": "corticosteroid", "dexamethasone": "corticosteroid", "dpmas": "other_device",
    "plasmapheresis": "plasma_exchange", "human_albumin": "albumin", "noradrenaline": "other_drug",
}  # fmt: skip


@cache
def interventions() -> dict[str, Intervention]:
    """Everything an arm may be given, by name."""
    text = files("hepatrial.prediction").joinpath("interventions.toml").read_text(encoding="utf-8")
    table = {name: Intervention(name, **row) for name, row in tomllib.loads(text).items()}
    for name, product in PRODUCTS.items():
        if name in table:
            table[name] = replace(table[name], how="both", product=True)
            continue
        like = table["msc_class" if product.has_effect else "other_cells"]
        how = "model" if product.has_effect else "both"
        table[name] = replace(like, name=name, label=product.label, how=how, product=True)
    return table


def find_intervention(text: str) -> Intervention | None:
    """The intervention of a spelling, or None."""
    name = key(text)
    return interventions().get(_ALIASES.get(name, name))


def spellings() -> tuple[str, ...]:
    """All names and other spellings."""
    return (*interventions(), *_ALIASES)
