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


_ALSO = {
    "g_csf": "gcsf filgrastim lenograstim granulocyte_colony_stimulating_factor peg_filgrastim",
    "plasma_exchange": "pe tpe alss therapeutic_plasma_exchange pex plex plasmapheresis",
    "high_volume_plasma_exchange": ("hvp high_volume_plasmapheresis high_volume_pe hvpe high_volume_plasma"),
    "mars": "albumin_dialysis",
    "other_device": (
        "als device double_plasma_molecular_adsorption artificial_liver bioartificial_liver elad "
        "haemoperfusion hemoperfusion spad dpmas"
    ),
    "antiviral": (
        "nucleoside_analogue entecavir tenofovir lamivudine telbivudine adefovir taf tdf "
        "nucleoside_analogues nucleos_t_ide_analogue nucleos_t_ide_analogues"
    ),
    "corticosteroid": (
        "steroid prednisolone prednisone hydrocortisone steroids corticosteroids glucocorticoid "
        "glucocorticoids methylprednisolone dexamethasone"
    ),
    "acetylcysteine": "nac n_acetylcysteine acetyl_cysteine",
    "standard_care": (
        "smt standard conventional none standard_medical_therapy standard_medical_treatment "
        "standard_of_care soc usual_care conventional_care conventional_treatment "
        "conventional_therapy best_supportive_care supportive_care no_treatment control"
    ),
    "placebo": "sham saline normal_saline",
    "vesicles": "exosomes",
    "uc_msc": (
        "umbilical_cord_msc cord_msc ucmsc umbilical_cord_mesenchymal_stem_cells "
        "umbilical_cord_mesenchymal_stromal_cells umbilical_cord_derived_msc "
        "umbilical_cord_blood_msc wharton_jelly_msc"
    ),
    "at_msc": "adipose_msc adipose_mesenchymal_stem_cells adipose_derived_msc ad_msc",
    "bm_msc_allogeneic": (
        "bm_msc bone_marrow_msc allogeneic_bm_msc allogeneic_bone_marrow_msc allogeneic_marrow_msc "
        "bone_marrow_mesenchymal_stem_cells bone_marrow_mesenchymal_stromal_cells"
    ),
    "halpc": "hepastem liver_progenitor_cells",
    "cd133": "cd133_cells cd133_positive_cells",
    "bm_mnc": (
        "mononuclear_cells bone_marrow_cells autologous_bone_marrow autologous_bone_marrow_cells "
        "bone_marrow_mononuclear_cells mnc bone_marrow_stem_cells"
    ),
    "other_cells": "cells hepatocytes hepatocyte_transplantation placenta_msc menstrual_blood_msc",
    "other_drug": (
        "drug pentoxifylline simvastatin statin thymosin_alpha_1 thymosin faecal_transplant "
        "fecal_transplant fmt carvedilol propranolol beta_blocker midodrine norepinephrine "
        "immunoglobulin noradrenaline"
    ),
    "cd34_cd133": "pbsc cd34 cd34_cells",
    "bm_msc_autologous": (
        "autologous_bm_msc autologous_bone_marrow_msc autologous_marrow_msc autologous_msc"
    ),
    "msc_vesicles": "msc_exosomes",
    "antibiotic": "norfloxacin ciprofloxacin co_trimoxazole antibiotics antibiotic_prophylaxis",
    "albumin": "human_albumin",
}
"""Other spellings of a name, as ``key`` writes them."""
_ALIASES = {word: name for name, words in _ALSO.items() for word in words.split()}


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


def other_spellings(name: str) -> list[str]:
    """Other spellings of an intervention."""
    return _ALSO.get(name, "").split()
