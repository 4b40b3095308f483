"""The page of the article's own trials, in English or Chinese."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from hepatrial.errors import BadInput, Problem, nearest_name
from hepatrial.report.catalogue import Catalogue
from hepatrial.report.sources import said_in
from hepatrial.schema import MARK, RESEARCH_USE_ONLY

OFTEN = 0.05
"""Share of trials from which a figure is called seen."""
HEADLINE = "none_by_4_and_15_by_24"


@cache
def texts(lang: str) -> dict[str, Any]:
    """Words of the page.

    Raises:
        BadInput: a language without texts.
    """
    found = tomllib.loads((resources.files("hepatrial.article") / "texts.toml").read_text(encoding="utf-8"))
    if lang not in found:
        raise BadInput([Problem("--lang", repr(lang), "must be en or zh", nearest_name(lang, found))])
    words: dict[str, Any] = found[lang]
    return words


def number(value: float | None) -> str:
    """A probability as text: percent, or powers of ten when small."""
    if value is None:
        return "-"
    if value == 0 or value >= 0.001:
        return f"{100 * value:.1f} %"
    return f"{100 * value:.2g} %" if value >= 1e-5 else f"{value:.1e}"


def who(mechanism: str, level: str, lang: str) -> str:
    """A scenario in words."""
    w = texts(lang)
    if mechanism == "none":
        return str(w["none"])
    name = w.get("mechanisms", {}).get(mechanism, mechanism.replace("_", " "))
    return f"{name}, {w[level]}"


def sentences(results: dict[str, Any], lang: str = "en") -> dict[tuple[str, str, str], str]:
    """(protocol, claim, figure) -> under what the figure is seen; worlds without an effect named."""
    w = texts(lang)
    found: dict[tuple[str, str, str], str] = {}
    for key in dict.fromkeys((r["protocol"], r["claim"], r["figure"]) for r in results["rows"]):
        mine = [r for r in results["rows"] if (r["protocol"], r["claim"], r["figure"]) == key]
        parts = []
        for world in ("no effect", "effect"):
            here = [r for r in mine if r["world"] == world]
            names = [who(r["mechanism"], r["level"], lang) for r in here if (r["probability"] or 0) >= OFTEN]
            said = w["all"] if len(names) == len(here) else "; ".join(names) or w["never"]
            parts.append(w["seen"].format(world=w[world.replace(" ", "_")], names=said))
        found[key] = " ".join(parts)
    return found


def answer(results: dict[str, Any], lang: str = "en") -> str:
    """Whether any mechanism alone makes 0 by week 4 and 15 by week 24."""
    names = [
        f"{who(r['mechanism'], r['level'], lang)} ({number(r['probability'])})"
        for r in results["rows"]
        if r["figure"] == HEADLINE and r["world"] == "no effect" and r["level"] == "strong"
        and (r["probability"] or 0) > 0.01
    ]  # fmt: skip
    w = texts(lang)
    return str(w["answer_yes"].format(names="; ".join(names)) if names else w["answer_no"])


def html(results: dict[str, Any], lang: str = "en") -> str:
    """The page; it loads nothing from elsewhere.

    Raises:
        BadInput: a language without texts.
    """
    w = texts(lang)
    environment = Environment(
        loader=PackageLoader("hepatrial.article", "templates"),
        autoescape=select_autoescape(default_for_string=True, default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    said, sections = sentences(results, lang), []
    for protocol, claim, figure in said:
        mine = [
            r
            for r in results["rows"]
            if (r["protocol"], r["claim"], r["figure"]) == (protocol, claim, figure)
        ]
        table: dict[str, dict[str, str]] = {}
        for row in mine:
            shown = f"{number(row['probability'])} ({number(row['low'])}–{number(row['high'])})"
            if row["calculated"] is not None:
                shown += f"; {w['calculated']} {number(row['calculated'])}"
            table.setdefault(who(row["mechanism"], row["level"], lang), {})[row["world"]] = shown
        title = f"{claim} ({protocol}): {w['figures'][figure]}"
        sections.append({"title": title, "said": said[protocol, claim, figure], "table": table})
    banks = [_bank(name, bank, results["worlds"], w) for name, bank in results["banks"].items()]
    return environment.get_template("article.html.j2").render(
        lang=lang, w=w, mark=MARK[lang], research=RESEARCH_USE_ONLY[lang], sections=sections, banks=banks,
        bound=w["bound"].format(**{k: number(v) for k, v in results["bounds"].items()}),
        answer=answer(results, lang),
        notes=w["notes"].format(trials=results["trials"], draws=results["worlds"]),
        stamp=w["stamp"].format(hash=results["hash"][:12]),
        cards=[
            (card["meaning_zh" if lang == "zh" else "meaning"],
             _rests_on(card, lang))
            for card in results["mechanisms"].values()
        ],
    )  # fmt: skip


def _bank(name: str, bank: Mapping[str, Any], worlds: int, w: Mapping[str, Any]) -> str:
    """What a design's trials were drawn from, in a sentence."""
    control, cells = bank["risks"]["control"]["24"], bank["risks"]["cells"]["24"]
    return str(
        w["bank"].format(
            name=name, n=bank["patients"], worlds=worlds, failed=bank["failed"],
            control=number(control["share"]), low=number(control["low"]), high=number(control["high"]),
            se=number(control["se"]), cells=number(cells["share"]),
        )
    )  # fmt: skip


def write(results: dict[str, Any], out: Path, lang: str = "en") -> list[Path]:
    """Write ``report.html`` and ``results.json`` into a folder."""
    page = html(results, lang)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text(page, encoding="utf-8")
    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (out / "results.json").write_text(text, encoding="utf-8")
    return [out / "report.html", out / "results.json"]


_UNITS_ZH = {
    "correlation": "相关系数",
    "share": "比例",
    "hazard ratio": "风险比",
    "probability": "概率",
    "d": "天",
}


def _rests_on(card: Mapping[str, Any], lang: str) -> str:
    """The size of an assumed bias with its range, how it is known and where it comes from."""
    t = Catalogue(lang)
    unit = _UNITS_ZH.get(card["unit"], card["unit"]) if lang == "zh" else card["unit"]
    grade = t.get(f"grade.{card['grade']}", card["grade"]) if lang == "zh" else card["grade"]
    size = f"{card['value']:g} ({card['low']:g}–{card['high']:g}) {unit}"
    return t("list.semicolon").join((size, grade, said_in(card["source"], lang)))
