"""Outcomes, topics and levels in words a reader knows, in both languages."""

from __future__ import annotations

NAMES: dict[str, tuple[str, str]] = {
    "hepatocyte_like": ("Hepatocyte-like cells", "肝细胞样细胞"),
    "hepatocyte_level": ("Function at a hepatocyte's level", "达到肝细胞水平的功能"),
    "ldl_uptake": ("Uptake of LDL", "摄取 LDL"),
    "ammonia_detox": ("Ammonia to urea", "氨转化为尿素"),
    "engineered_migration": ("Migration of engineered cells", "改造细胞的迁移"),
    "secretes_factors": ("What the cells release", "细胞分泌物"),
    "vesicles": ("Vesicles", "囊泡"),
    "becomes_hepatocyte": ("Cells becoming hepatocytes in the body", "细胞在体内变为肝细胞"),
    "homes_to_liver": ("Homing to the liver", "归巢至肝"),
    "animal_survival": ("Survival of animals", "动物存活"),
    "animal_liver_function": ("Liver function of animals", "动物肝功能"),
    "lowers_inflammation": ("Inflammation", "炎症"),
    "regeneration": ("Regeneration", "再生"),
    "less_fibrosis": ("Fibrosis", "纤维化"),
    "no_immune_response": ("Immune response to donor cells", "对供者细胞的免疫反应"),
    "liver_failure_causes": ("Causes of liver failure", "肝衰竭病因"),
    "china_causes": ("Causes in China", "中国的病因"),
    "liver_failure_picture": ("How liver failure shows", "肝衰竭表现"),
    "conventional_care": ("Conventional care", "常规治疗"),
    "transplant_works": ("Transplant", "肝移植"),
    "transplant_limits": ("Limits of transplant", "肝移植的限制"),
    "lifelong_drugs": ("Drugs after transplant", "移植后用药"),
    "death": ("Death", "死亡"),
    "fever": ("Fever", "发热"),
    "administration_site": ("Reactions at the site of injection", "注射部位反应"),
    "fatigue": ("Fatigue", "乏力"),
    "constipation": ("Constipation", "便秘"),
    "sleeplessness": ("Sleeplessness", "失眠"),
    "infusion_reaction": ("Infusion reaction", "输注反应"),
    "infection": ("Infection", "感染"),
    "severe_infection": ("Severe infection", "严重感染"),
    "thrombosis": ("Thrombosis", "血栓"),
    "malignancy": ("Cancer of any kind", "恶性肿瘤"),
    "liver_cancer": ("Liver cancer", "肝癌"),
    "serious_adverse_event": ("Serious adverse event", "严重不良事件"),
    "variceal_bleeding": ("Bleeding", "出血"),
    "allergy": ("Allergy", "过敏"),
    "encephalopathy": ("Encephalopathy", "肝性脑病"),
    "hepatorenal_syndrome": ("Hepatorenal syndrome", "肝肾综合征"),
    "peritonitis": ("Spontaneous peritonitis", "自发性腹膜炎"),
    "bilirubin": ("Bilirubin", "胆红素"),
    "albumin": ("Albumin", "白蛋白"),
    "meld": ("MELD", "MELD"),
    "alt": ("ALT", "ALT"),
    "ast": ("AST", "AST"),
    "inr": ("INR", "INR"),
}
LEVELS_ZH = {
    "very low": "很低",
    "low": "低",
    "moderate": "中等",
    "high": "高",
    "not rated": "未评级",
    "no evidence": "无证据",
}


def name(key: str) -> str:
    """An outcome or topic in English."""
    return NAMES[key][0] if key in NAMES else key.replace("_", " ")


def name_zh(key: str) -> str:
    """An outcome or topic in Chinese; its English words where no translation is known."""
    return NAMES[key][1] if key in NAMES else key.replace("_", " ")
