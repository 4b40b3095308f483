"""Words for what the cohorts report at admission."""

from __future__ import annotations

VARIABLES: dict[str, tuple[str, str]] = {
    # name: English, Chinese
    "age": ("Age", "年龄"),
    "male": ("Male", "男性"),
    "alt": ("ALT", "丙氨酸转氨酶"),
    "ast": ("AST", "天冬氨酸转氨酶"),
    "ggt": ("GGT", "谷氨酰转肽酶"),
    "bilirubin": ("Total bilirubin", "总胆红素"),
    "albumin": ("Albumin", "白蛋白"),
    "meld": ("MELD", "MELD 评分"),
    "meld_na": ("MELD-Na", "MELD-Na 评分"),
    "clif_c_aclf": ("CLIF-C ACLF", "CLIF-C ACLF 评分"),
    "he_any": ("Hepatic encephalopathy", "肝性脑病"),
    "he_1_2": ("Encephalopathy grade 1-2", "肝性脑病 1-2 级"),
    "he_3_4": ("Encephalopathy grade 3-4", "肝性脑病 3-4 级"),
    "ascites": ("Ascites", "腹水"),
    "hyponatraemia": ("Hyponatraemia", "低钠血症"),
    "sbp": ("Spontaneous bacterial peritonitis", "自发性细菌性腹膜炎"),
    "infected": ("Infection", "感染"),
    "hrs": ("Hepatorenal syndrome", "肝肾综合征"),
    "gi_bleeding": ("Gastrointestinal bleeding", "消化道出血"),
    "of_liver": ("Liver failure (CLIF-C OF)", "肝脏衰竭（CLIF-C OF）"),
    "of_kidney": ("Kidney failure (CLIF-C OF)", "肾脏衰竭（CLIF-C OF）"),
    "of_brain": ("Brain failure (CLIF-C OF)", "脑衰竭（CLIF-C OF）"),
    "of_coagulation": ("Coagulation failure (CLIF-C OF)", "凝血衰竭（CLIF-C OF）"),
    "of_circulation": ("Circulatory failure (CLIF-C OF)", "循环衰竭（CLIF-C OF）"),
    "of_respiration": ("Respiratory failure (CLIF-C OF)", "呼吸衰竭（CLIF-C OF）"),
}
"""Measures as in ``schema.MEASURES``; ``of_*`` are organ failures, ``he_*`` West-Haven grades."""
