"""Pending trials on one page: what was predicted, when, by what, and how much each could teach. Simulated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hepatrial.claims.texts import check_lang, environment, words
from hepatrial.evidence.base import Base, Pending
from hepatrial.schema import MARK, RESEARCH_USE_ONLY


def pending_html(base: Base, records: Sequence[Mapping[str, Any]], lang: str = "en") -> str:
    """The page; every number on it is simulated and stands under the mark with the prediction's hash.

    Args:
        base: whose pending trials are shown, predicted or not.
        records: of ``prediction.pending.stored_records``.
        lang: "en" or "zh".

    Raises:
        BadInput: for another language.
    """
    check_lang(lang)
    text = words("pending")[lang]
    return environment().get_template("pending.html.j2").render(
        lang=lang, t=text, mark=MARK[lang], research=RESEARCH_USE_ONLY[lang], base=base,
        trials=[_trial(entry, records, text) for entry in base.pending.values()],
    )  # fmt: skip


def _trial(entry: Pending, records: Sequence[Mapping[str, Any]], text: Mapping[str, Any]) -> dict[str, Any]:
    mine = [one for one in records if one["registration"] == entry.registration]
    return {"entry": entry, "records": [_shown(one, text) for one in mine]}


def _shown(made: Mapping[str, Any], text: Mapping[str, Any]) -> dict[str, Any]:
    """A record as rows of endpoint and arm, treated arms next to their control, a cell for each model."""
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for line in made["endpoints"]:
        key = (line["endpoint"], line["arm"])
        rows.setdefault(key, {})[line["model"]] = _cell(line)
    table = [
        {"endpoint": endpoint_words(endpoint, text), "arm": arm, "cells": [cells.get(m, "–") for m in MODELS]}
        for (endpoint, arm), cells in rows.items()
    ]
    return {**made, "table": table, "said": text["teach"].format(**_teach(made))}


MODELS = ("mechanistic", "map_control", "severity_score", "no_effect")


def _teach(made: Mapping[str, Any]) -> dict[str, Any]:
    told = dict(made["teach"])
    arms = made["arms"].values()
    return {
        **told,
        "deaths": f"{told['deaths']:.0f}",
        "power": f"{100 * told['power']:.0f}",
        "patients": sum(arm["n"] for arm in arms),
        "sizes": " : ".join(str(arm["n"]) for arm in arms),
    }


def _cell(line: Mapping[str, Any]) -> str:
    if line["median"] is None:
        return "–"
    ratio = line["endpoint"].split("_")[0] in ("hazard", "risk", "odds")
    numbers = [line[name] for name in ("median", "low_90", "high_90")]
    middle, low, high = (f"{x:.2f}" if ratio else f"{100 * x:.0f} %" for x in numbers)
    return f"{middle} ({low} – {high})"


def endpoint_words(endpoint: str, text: Mapping[str, Any]) -> str:
    """An endpoint such as ``survival_d90`` in words."""
    kind, _, day = endpoint.rpartition("_d")
    return f"{text['endpoint'].get(kind, kind.replace('_', ' '))}, {text['day'].format(day=day)}"
