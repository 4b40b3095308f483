"""The forest figure: studies by product with their risk of bias, pools, prediction and bias-adjusted rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hepatrial.evidence.forest import Forest, ForestGroup, ForestLine, ForestStudy
from hepatrial.report.figures.canvas import Canvas
from hepatrial.report.figures.lights import DOMAINS, WORDS, judgement_words, light
from hepatrial.report.style import CONTROL_COLOUR, INK, QUIET, RULE, WIDE, Rows, finish_published, wrap

TREATED = "#0067a5"
ADJUSTED = "#7a3b8f"
_ROW, _LIGHT = 25.0, 19.0

TEXTS: dict[str, dict[str, Any]] = {
    "en": {
        "comma": ", ", "week": "week {week}", "times": {},
        "study": "study", "cells": "treated", "control": "control", "bias": "risk of bias",
        "pooled": "pooled", "prediction": "a new study (prediction)",
        "bias-adjusted": "bias-adjusted (assumed priors)",
        "published": "Published pools, as printed; not pooled again here",
        "less": "less with treatment", "more": "more with treatment", "weight": "weight",
        "randomised": "randomised", "not": "not randomised",
        "scale": {"RR": "Risk ratio of {outcome} (log scale)", "OR": "Odds ratio of {outcome} (log scale)",
                  "RD": "Risk difference of {outcome}"},
        "foot": "Real trials. Products are pooled apart. Bias priors are assumed from the judgements,"
                " not learnt from these trials. Evidence base {hash}.",
        "none": "No trial with usable counts in both arms.",
        "tool": "RoB 2: {rob2}. ROBINS-I: {robins_i}. ∑ the whole.",
        "products": {"msc": "MSC", "mixed": "mixed marrow cells", "haematopoietic": "haematopoietic cells",
                     "liver_progenitor": "liver progenitor cells", "g_csf": "G-CSF (no cells)",
                     "device": "device", "none": "none"},
        "populations": {"aclf": "ACLF", "decompensated": "decompensated cirrhosis", "compensated":
                        "compensated cirrhosis", "liver_failure": "liver failure", "cirrhosis": "cirrhosis"},
    },
    "zh": {
        "comma": "，", "week": "第 {week} 周", "times": {"last follow-up": "末次随访"},
        "study": "研究", "cells": "治疗组", "control": "对照组", "bias": "偏倚风险",
        "pooled": "汇总", "prediction": "新研究（预测区间）", "bias-adjusted": "偏倚校正（假定的先验）",
        "published": "已发表的汇总（按所印；此处未再汇总）",
        "less": "治疗组较少", "more": "治疗组较多", "weight": "权重",
        "randomised": "随机", "not": "非随机",
        "scale": {"RR": "{outcome}的风险比（对数刻度）", "OR": "{outcome}的比值比（对数刻度）",
                  "RD": "{outcome}的风险差"},
        "foot": "真实试验。不同产品分开汇总。偏倚先验依据判断假定，并非由这些试验得出。证据库 {hash}。",
        "none": "没有两组人数均可用的试验。",
        "tool": "RoB 2：{rob2}。ROBINS-I：{robins_i}。∑ 总体。",
        "products": {"msc": "MSC", "mixed": "混合骨髓细胞", "haematopoietic": "造血细胞",
                     "liver_progenitor": "肝祖细胞", "g_csf": "G-CSF（无细胞）",
                     "device": "装置", "none": "无"},
        "populations": {"aclf": "慢加急性肝衰竭", "decompensated": "失代偿期肝硬化", "compensated":
                        "代偿期肝硬化", "liver_failure": "肝衰竭", "cirrhosis": "肝硬化",
                        "all_diseases": "各种疾病"},
    },
}  # fmt: skip


@dataclass(frozen=True)
class _Scale:
    """From the measure to pixels, cut at the edges."""

    left: float
    right: float
    low: float
    high: float
    ratio: bool

    def __call__(self, value: float) -> float:
        v = math.log(max(value, 1e-12)) if self.ratio else value
        share = (v - self.low) / (self.high - self.low)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def beyond(self, value: float) -> bool:
        v = math.log(max(value, 1e-12)) if self.ratio else value
        return not self.low <= v <= self.high


def forest_figure(shown: Forest, outcome: str, *, lang: str = "en", width: int = WIDE) -> dict[str, Any]:
    """The drawing of a forest; real trials only, so it carries no mark.

    Args:
        shown: what ``evidence.forest.forest`` returns.
        outcome: its name in the language.
        lang: "en" or "zh".
        width: total width in CSS pixels; below 500 the risk of bias is shown by the whole alone.
    """
    t, canvas = TEXTS[lang], Canvas(width - 14)
    narrow = width < 500
    lights = _LIGHT * (1 if narrow else 8) + 6
    left = 128.0 if narrow else 218.0
    scale = _scale(shown, left, canvas.width - lights - (82 if narrow else 116))
    y = _head(canvas, t, scale, narrow, lights)
    for group in shown.groups:
        y = _group(canvas, group, t, scale, y, narrow, shown.measure)
    if shown.published:
        y = top = _block(canvas, t["published"], y)
        for line in shown.published:
            y = _line(canvas, line, _published_label(line, t), scale, y, QUIET, narrow)
        _null(canvas, shown.measure, scale, top, y)
    if not (shown.groups or shown.published):
        canvas.text(0, y, t["none"], colour=QUIET)
        y += _ROW
    y = _axis(canvas, shown.measure, outcome, t, scale, y)
    if not narrow and any(g.studies for g in shown.groups):
        y = _key(canvas, t, lang, y)
    for words in wrap(str(WORDS[lang]["key"]), canvas.width, 10.5):
        canvas.text(0, y, words, size=10.5, colour=QUIET)
        y += 13
    canvas.height = y + 2
    rows = Rows()
    return finish_published(canvas.view(rows), t["foot"].format(hash=shown.base_hash[:12]), width, rows)


def _scale(shown: Forest, left: float, right: float) -> _Scale:
    """Wide enough for the estimates and most limits; intervals that go on are cut with an arrow."""
    ratio = shown.measure != "RD"
    every: list[ForestStudy | ForestLine] = [study for g in shown.groups for study in g.studies]
    every += [line for g in shown.groups for line in g.lines if line.what != "prediction"]
    every += shown.published
    values = [v for e in every for v in (e.estimate, e.lower, e.upper) if not ratio or v > 0]
    if not ratio:
        reach = max([0.1, *(abs(v) for v in values)])
        return _Scale(left, right, -reach, reach, False)
    logs = [math.log(v) for v in values]
    low, high = min([math.log(0.25), *logs]), max([math.log(4), *logs])
    return _Scale(left, right, max(low, math.log(1 / 32)), min(high, math.log(32)), True)


def _head(canvas: Canvas, t: dict[str, Any], scale: _Scale, narrow: bool, lights: float) -> float:
    y = 8.0
    canvas.text(0, y, t["study"], weight="bold")
    if not narrow:
        canvas.text(scale.left - 66, y, t["cells"], weight="bold", align="right", size=11)
        canvas.text(scale.left - 10, y, t["control"], weight="bold", align="right", size=11)
        canvas.text(canvas.width, y, t["bias"], weight="bold", align="right", size=11)
        for i in range(7):
            canvas.text(canvas.width - lights + 6 + (i + 0.5) * _LIGHT, y + 15, f"D{i + 1}", size=9.5,
                        align="center", colour=QUIET)  # fmt: skip
    canvas.text(canvas.width - _LIGHT / 2, y + 15, "∑", size=9.5, align="center", colour=QUIET)
    return y + 34


def _block(canvas: Canvas, words: str, y: float) -> float:
    for line in wrap(words, canvas.width, 12):
        canvas.text(0, y, line, weight="bold", size=11.5)
        y += 15
    return y + 7


def _group(
    canvas: Canvas, group: ForestGroup, t: dict[str, Any], scale: _Scale, y: float, narrow: bool, measure: str
) -> float:
    product = t["products"].get(group.product, group.product)
    population = t["populations"].get(group.population, group.population)
    y = top = _block(canvas, f"{product}; {population}; {t['randomised' if group.randomised else 'not']}", y)
    for study in group.studies:
        y = _study(canvas, study, scale, y, narrow)
    for line in group.lines:
        colour = {"pooled": TREATED, "prediction": QUIET}.get(line.what, ADJUSTED)
        y = _line(canvas, line, t[line.what], scale, y, colour, narrow)
    _null(canvas, measure, scale, top, y)
    return y + 6


def _null(canvas: Canvas, measure: str, scale: _Scale, top: float, bottom: float) -> None:
    """The line of no effect beside some rows, so that it does not run through headings."""
    x = scale(0.0 if measure == "RD" else 1.0)
    canvas.rule(x, top - 12, x, bottom - 12, colour=QUIET, width=1.2)


def _study(canvas: Canvas, study: ForestStudy, scale: _Scale, y: float, narrow: bool) -> float:
    canvas.text(0, y, study.name, size=11.5)
    if narrow:
        y += 14
        canvas.text(0, y, f"{study.counts[0]} : {study.counts[1]}", size=10.5, colour=QUIET)
    else:
        canvas.text(scale.left - 66, y, study.counts[0], size=11.5, align="right")
        canvas.text(scale.left - 10, y, study.counts[1], size=11.5, align="right")
    _interval(canvas, study, scale, y, INK)
    half = 3.0 + 4.0 * math.sqrt(study.weight / 100)
    x = scale(study.estimate)
    canvas.box(x - half, y - half, x + half, y + half, INK)
    _numbers(canvas, study, scale, y, narrow)
    if not narrow and study.tool:
        first = canvas.width - 8 * _LIGHT
        judged = {name: word for name, word, _ in study.judgements}
        for i, name in enumerate(DOMAINS[study.tool]):
            light(canvas, first + (i + 0.5) * _LIGHT, y, judged[name], 7.2)
    light(canvas, canvas.width - _LIGHT / 2, y, study.overall, 7.2)
    return y + _ROW


def _line(
    canvas: Canvas, line: ForestLine, words: str, scale: _Scale, y: float, colour: str, narrow: bool
) -> float:
    lines = wrap(words, scale.left - 12, 11)
    further = 13 * (len(lines) - 1) / 2
    y += further
    for i, text in enumerate(lines):
        canvas.text(0, y + 13 * (i - (len(lines) - 1) / 2), text, size=11, colour=colour)
    if line.what == "prediction":
        canvas.rule(scale(line.lower), y, scale(line.upper), y, colour=colour, width=3)
    elif line.what in ("pooled", "bias-adjusted"):
        canvas.diamond(scale(line.lower), scale(line.estimate), scale(line.upper), y, 6, colour)
        _arrows(canvas, line, scale, y, colour)
    else:
        _interval(canvas, line, scale, y, colour)
        canvas.disc(scale(line.estimate), y, 3.4, "#ffffff", colour)
    _numbers(canvas, line, scale, y, narrow)
    return y + further + _ROW


def _interval(canvas: Canvas, e: ForestStudy | ForestLine, scale: _Scale, y: float, colour: str) -> None:
    canvas.rule(scale(e.lower), y, scale(e.upper), y, colour=colour, width=1.4)
    _arrows(canvas, e, scale, y, colour)


def _arrows(canvas: Canvas, e: ForestStudy | ForestLine, scale: _Scale, y: float, colour: str) -> None:
    """A limit beyond the scale ends in an arrow."""
    for limit, edge, step in ((e.lower, scale.left, 6), (e.upper, scale.right, -6)):
        if scale.beyond(limit):
            for tip in (-4, 4):
                canvas.rule(edge, y, edge + step, y + tip, colour=colour, width=1.4)


def _numbers(canvas: Canvas, e: ForestStudy | ForestLine, scale: _Scale, y: float, narrow: bool) -> None:
    said = f"{_short(e.estimate)} ({_short(e.lower)}–{_short(e.upper)})"
    canvas.text(scale.right + 10, y, said, size=9.5 if narrow else 11)


def _short(value: float) -> str:
    if abs(value) >= 100:
        return "> 99" if value > 0 else "< −99"
    return f"{value:.2f}".replace("-", "−") if abs(value) < 10 else f"{value:.0f}"


def _axis(canvas: Canvas, measure: str, outcome: str, t: dict[str, Any], scale: _Scale, y: float) -> float:
    null = 0.0 if measure == "RD" else 1.0
    canvas.rule(scale.left, y, scale.right, y, colour=QUIET)
    ticks = [-0.5, -0.25, 0, 0.25, 0.5] if measure == "RD" else [0.03, 0.1, 0.25, 0.5, 1, 2, 4, 10, 30]
    if scale.right - scale.left < 200 and measure != "RD":
        ticks = [0.03, 0.25, 1, 4, 30]
    for tick in ticks:
        if not scale.beyond(tick):
            canvas.rule(scale(tick), y, scale(tick), y + 5, colour=QUIET)
            canvas.text(scale(tick), y + 14, f"{tick:g}".replace("-", "−"), size=10.5, align="center")
    middle = scale(null)
    canvas.text(middle - 8, y + 30, f"← {t['less']}", size=10.5, align="right", colour=TREATED)
    canvas.text(middle + 8, y + 30, f"{t['more']} →", size=10.5, colour=CONTROL_COLOUR)
    canvas.text(0, y + 46, t["scale"][measure].format(outcome=outcome), size=11, colour=QUIET)
    canvas.rule(0, y + 56, canvas.width, y + 56, colour=RULE, width=0.6)
    return y + 70


def _key(canvas: Canvas, t: dict[str, Any], lang: str, y: float) -> float:
    names = WORDS[lang]["domains"]
    lists = {
        tool: ", ".join(f"D{i + 1} {names[name]}" for i, name in enumerate(domains))
        for tool, domains in DOMAINS.items()
    }
    for line in wrap(t["tool"].format(**lists), canvas.width, 10.5):
        canvas.text(0, y, line, size=10.5, colour=QUIET)
        y += 13
    return y


def _published_label(line: ForestLine, t: Mapping[str, Any]) -> str:
    """A published pool in the figure's language: whose, of which disease and product, when."""
    name, population, product, when = line.about or (line.label, "", "", "")
    disease = t["populations"].get(population.replace(" ", "_"), population.replace("_", " "))
    moment = t["week"].format(week=when) if when.replace(".", "").isdigit() else t["times"].get(when, when)
    parts = (name, disease, t["products"].get(product, product.replace("_", " ")), moment)
    return str(t["comma"]).join(part for part in parts if part)


def forest_description(shown: Forest, outcome: str, lang: str = "en") -> str:
    """What the figure shows, for readers who cannot see it."""
    parts = []
    for group in shown.groups:
        for s in group.studies:
            words = judgement_words(s.overall, lang)
            parts.append(
                f"{s.name}: {s.counts[0]} : {s.counts[1]}, {shown.measure} {_short(s.estimate)} "
                f"({_short(s.lower)}-{_short(s.upper)}), {words}"
            )
        parts += [
            f"{TEXTS[lang][line.what]} {_short(line.estimate)} ({_short(line.lower)}-{_short(line.upper)})"
            for line in group.lines
        ]
    return f"{outcome}. {'; '.join(parts)}"
