"""Colours and signs of judgements of bias, and the figure of all of them (traffic lights)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hepatrial.report.figures.canvas import Canvas
from hepatrial.report.style import QUIET, RULE, WIDE, Rows, finish_published, wrap

LIGHTS: dict[str, tuple[str, str, str]] = {
    "low": ("+", "#bfe3d4", "#00694f"),
    "some concerns": ("!", "#ffe9a3", "#7a5a00"),
    "moderate": ("!", "#ffe9a3", "#7a5a00"),
    "high": ("−", "#f4b8ac", "#8b1a1a"),
    "serious": ("−", "#f4b8ac", "#8b1a1a"),
    "critical": ("×", "#d98880", "#5c0d0d"),
    "no information": ("?", "#e4e4e4", "#565656"),
    "not judged": ("?", "#e4e4e4", "#565656"),
}
"""Sign, fill and ink of a judgement; the sign is read without the colour."""

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "overall": "whole",
        "key": "+ low · ! some concerns, moderate · − high, serious · × critical · ? no information"
               " · ∑ the whole",
        "foot": "Judgements of one reader, mostly from abstracts. Evidence base {hash}.",
        "rob2": "Randomised trials (RoB 2)", "robins_i": "Other studies (ROBINS-I)",
        "domains": {
            "randomisation": "randomisation", "deviations": "deviations", "missing": "missing data",
            "measurement": "measurement", "reporting": "selected result", "confounding": "confounding",
            "selection": "selection", "classification": "classification",
        },
        "judgements": {},
    },
    "zh": {
        "overall": "总体",
        "key": "+ 低 · ! 有些顾虑、中等 · − 高、严重 · × 极高 · ? 无信息 · ∑ 总体",
        "foot": "由一位读者判断，多依据摘要。证据库 {hash}。",
        "rob2": "随机试验（RoB 2）", "robins_i": "其他研究（ROBINS-I）",
        "domains": {
            "randomisation": "随机化", "deviations": "偏离干预", "missing": "缺失数据",
            "measurement": "结局测量", "reporting": "选择报告", "confounding": "混杂",
            "selection": "入组选择", "classification": "干预分类",
        },
        "judgements": {
            "low": "低", "some concerns": "有些顾虑", "moderate": "中等", "high": "高", "serious": "严重",
            "critical": "极高", "no information": "无信息", "not judged": "未判断",
        },
    },
}  # fmt: skip
DOMAINS = {
    "rob2": ("randomisation", "deviations", "missing", "measurement", "reporting"),
    "robins_i": (
        "confounding", "selection", "classification", "deviations", "missing", "measurement", "reporting",
    ),
}  # fmt: skip
_ROW = 24.0


def light(canvas: Canvas, x: float, y: float, judgement: str, radius: float = 8.5) -> None:
    """One judgement as a disc with its sign."""
    sign, fill, ink = LIGHTS[judgement]
    canvas.disc(x, y, radius, fill, ink)
    canvas.text(x, y + 0.5, sign, size=radius * 1.55, align="center", weight="bold", colour=ink)


def judgement_words(judgement: str, lang: str) -> str:
    """A judgement in a language."""
    return str(WORDS[lang]["judgements"].get(judgement, judgement))


def traffic_lights(
    table: Sequence[dict[str, Any]], base_hash: str, *, lang: str = "en", width: int = WIDE
) -> dict[str, Any]:
    """Judgements of every trial and domain, one block a tool; real trials only, so it carries no mark.

    Args:
        table: what ``evidence.base.risk.table`` returns.
        base_hash: of the evidence base.
        lang: "en" or "zh".
        width: total width in CSS pixels.
    """
    w, canvas = WORDS[lang], Canvas(width - 14)
    narrow = width < 500
    name_width = 118.0 if narrow else 190.0
    y = 12.0
    for tool, domains in DOMAINS.items():
        mine = [row for row in table if row["tool"] == tool]
        if not mine:
            continue
        step = (canvas.width - name_width) / (len(domains) + 1)
        canvas.text(0, y, w[tool], weight="bold")
        y += 22
        heads = [*(w["domains"][name] for name in domains), w["overall"]]
        lines = [wrap(head, step - 4, 10.5) for head in heads]
        tall = 1 if narrow else max(map(len, lines))
        for i, head in enumerate(lines):
            x = name_width + (i + 0.5) * step
            if narrow:
                canvas.text(x, y, f"D{i + 1}" if i < len(domains) else "∑", size=10.5, align="center",
                            colour=QUIET)  # fmt: skip
            for j, line in enumerate(() if narrow else head):
                canvas.text(x, y + 12 * j, line, size=10.5, align="center", colour=QUIET)
        y += 12 * tall + 8
        for row in mine:
            canvas.text(0, y, row["name"], size=11 if narrow else 12)
            for i, name in enumerate(domains):
                light(canvas, name_width + (i + 0.5) * step, y, row["domains"][name][0])
            light(canvas, name_width + (len(domains) + 0.5) * step, y, row["overall"])
            canvas.rule(0, y + _ROW / 2, canvas.width, y + _ROW / 2, colour=RULE, width=0.6)
            y += _ROW
        if narrow:
            legend = "; ".join(f"D{i + 1} {w['domains'][name]}" for i, name in enumerate(domains))
            for line in wrap(f"{legend}.", canvas.width, 10.5):
                canvas.text(0, y + 2, line, size=10.5, colour=QUIET)
                y += 13
        y += 16
    for line in wrap(w["key"], canvas.width, 11):
        canvas.text(0, y, line, size=11, colour=QUIET)
        y += 14
    canvas.height = y
    rows = Rows()
    return finish_published(canvas.view(rows), w["foot"].format(hash=base_hash[:12]), width, rows)
