"""What an experiment gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hepatrial.schema import MARK

Verdict = Literal["miss", "kept", "shown", "construction"]
"""miss: outside the range or against the direction; kept: inside or in the direction; shown: the published
figure is recalled and judges nothing; construction: it was put in, so that agreement says nothing."""

ORDER: tuple[Verdict, ...] = ("miss", "kept", "construction", "shown")
"""Misses first."""

NOT_EVIDENCE = {
    "en": "A dish or an animal that agrees with its model is no evidence for patients. Nothing here enters a"
    " fit, a pooled result or a claim about patients.",
    "zh": "体外或动物实验与模型相符不构成对患者有效的证据。"
    "此处结果不进入任何拟合、合并分析或关于患者的结论。",
}


@dataclass(frozen=True)
class Curve:
    """A line of a figure.

    Attributes:
        panel: key of the panel it stands in.
        series: key of what it shows.
        control: whether it shows untreated or unchanged cells or animals.
        x, y: points, in the units of the panel.
    """

    panel: str
    series: str
    control: bool
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Finding:
    """A published figure or direction beside the simulated one.

    Attributes:
        key: of ``published.toml``.
        what: sentence by language.
        published: the published figure or direction, as text by language.
        simulated: the simulated number.
        unit: of both.
        verdict: see ``Verdict``.
        grade, source: of the published one.
        note: sentence by language.
    """

    key: str
    what: Mapping[str, str]
    published: Mapping[str, str]
    simulated: float
    unit: str
    verdict: Verdict
    grade: str
    source: str
    note: Mapping[str, str]


@dataclass(frozen=True)
class KnockOut:
    """What goes when a mechanism is taken away.

    Attributes:
        mechanism: "differentiation", "homing" or "secretome".
        measure: what is looked at, by language.
        whole: its value with every mechanism.
        without: its value without this one.
        none: its value without any cells.
    """

    mechanism: str
    measure: Mapping[str, str]
    whole: float
    without: float
    none: float

    @property
    def share_lost(self) -> float | None:
        """Share of the effect that goes with the mechanism; None where there is no effect."""
        effect = self.whole - self.none
        return None if abs(effect) < 1e-9 else (self.whole - self.without) / effect


@dataclass(frozen=True)
class Experiment:
    """An experiment that was run.

    Attributes:
        name: "differentiation", "migration", ...
        hash: of the model, its cards and what was asked.
        curves: lines of its figures.
        findings: published beside simulated, misses first.
        knock_outs: mechanisms taken away one by one.
    """

    name: str
    hash: str
    curves: tuple[Curve, ...]
    findings: tuple[Finding, ...]
    knock_outs: tuple[KnockOut, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data with the mark, for JSON."""
        return {
            "experiment": self.name,
            "hash": self.hash,
            "mark": MARK,
            "not_evidence": NOT_EVIDENCE,
            "findings": [asdict(finding) for finding in self.findings],
            "knock_outs": [{**asdict(one), "share_lost": one.share_lost} for one in self.knock_outs],
            "curves": [asdict(curve) for curve in self.curves],
        }
