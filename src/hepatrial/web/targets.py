"""Fitted statistics and predicted studies by name."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from hepatrial.calibration.targets import load_declaration
from hepatrial.report.catalogue import Catalogue
from hepatrial.schema import MEASURES


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    text = (resources.files("hepatrial.web") / "target_names.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def target_in(lang: str, target: str) -> str:
    """A fitted statistic in words of a language: "ACLF, EASL-CLIF: death by day 90 (CANONIC, Trebicka 2019)".

    Args:
        lang: "en" or "zh".
        target: id of ``calibration/targets.toml``.

    Raises:
        KeyError: no such target.
    """
    found = {one.id: one for one in load_declaration().targets}[target]
    place, words = int(lang == "zh"), _words()
    cohort, study = words["cohorts"][found.cohort][place], words["studies"][found.study][place]
    what = _statistic(found.statistic, lang)
    return f"{cohort}：{what}（{study}）" if lang == "zh" else f"{cohort}: {what} ({study})"


def predicted_in(lang: str, study: str) -> str:
    """What the scoreboard predicts in words of a language: "Duan 2013", "FULMAR 2013".

    Args:
        lang: "en" or "zh".
        study: a shipped study, a cluster of fitted cohorts or a class of disease.

    Raises:
        KeyError: no such name.
    """
    return _words()["predicted"][study][lang == "zh"]


def _statistic(statistic: str, lang: str) -> str:
    """A statistic as the declaration writes it ("gap_mean age 28", "course pta 7 survivors 28") in words."""
    kind, *rest = statistic.split()
    measured = [word for word in rest if not word[0].isdigit()]
    numbers = [word for word in rest if word[0].isdigit()]
    said = _words()["statistics"]
    group = next((word for word in rest if f"{kind} {word}" in said), "")
    text = said.get(statistic, said[f"{kind} {group}".strip()])[lang == "zh"]
    x = _measure(measured[0], lang) if measured and "{x}" in text else ""
    return text.format(x=x, n=numbers[0] if numbers else "")


def _measure(name: str, lang: str) -> str:
    if name in MEASURES:
        said = str(Catalogue(lang).get(f"measure.{name}", MEASURES[name].label))
        return said if said[1:2].isupper() else said[:1].lower() + said[1:]
    return _words()["measures"][name][lang == "zh"]
