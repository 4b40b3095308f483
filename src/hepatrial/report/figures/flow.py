"""The CONSORT flow as a drawing: exits on the way to randomisation, then one column an arm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import altair as alt

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.style import INK, QUIET, Frame, Rows, finish, layered, wrap
from hepatrial.report.wording import number, percent

_SIZE = 12
_LINE = 16
_PAD = 9
_GAP = 26


@dataclass(frozen=True)
class _Box:
    """A box of text: left, top, width (pixels), wrapped lines of which the first ``heading`` are bold."""

    left: float
    top: float
    width: float
    lines: tuple[str, ...]
    heading: int
    arm: str = ""

    @property
    def height(self) -> float:
        return len(self.lines) * _LINE + 2 * _PAD

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def consort_flow(numbers: dict[str, Any], frame: Frame, t: Catalogue) -> dict[str, Any]:
    """Flow of virtual patients, after the CONSORT 2010 diagram (doi:10.1136/bmj.c332).

    Args:
        numbers: what ``flow.flow_numbers`` returns.
        frame: the common look.
        t: texts.

    Raises:
        ValueError: for treated arms without a control arm.
    """
    rows_of = Rows()
    frame.require_control({arm["arm"] for arm in numbers["arms"]})
    boxes, lines = _before_randomisation(numbers, frame, t)
    arms, more = _arms(numbers, frame, t, boxes[-1])
    boxes, lines = boxes + arms, lines + more
    height = max(box.bottom for box in boxes) + 4
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, frame.width], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    frames = [{"x": b.left, "x2": b.left + b.width, "y": b.top, "y2": b.bottom, "arm": b.arm} for b in boxes]
    words = [
        {
            "x": b.left + _PAD,
            "y": b.top + _PAD + (i + 0.5) * _LINE,
            "text": line,
            "weight": "bold" if i < b.heading else "normal",
        }
        for b in boxes
        for i, line in enumerate(b.lines)
    ]
    rules = [{"x": a, "y": b, "x2": c, "y2": d} for a, b, c, d in lines]
    scale = frame.colours()
    outline = alt.Stroke(
        "arm:N", scale=alt.Scale(domain=["", *scale["domain"]], range=[QUIET, *scale["range"]]), legend=None
    )
    figure = layered(
        alt.Chart(rows_of(rules))
        .mark_rule(color=QUIET, strokeWidth=1)
        .encode(x=x, y=y, x2="x2:Q", y2="y2:Q"),
        alt.Chart(rows_of(frames))
        .mark_rect(fill="white", strokeWidth=1.2)
        .encode(x=x, y=y, x2="x2:Q", y2="y2:Q", stroke=outline),
        *(
            alt.Chart(rows_of([w for w in words if w["weight"] == weight]))
            .mark_text(align="left", baseline="middle", fontSize=_SIZE, fontWeight=weight, color=INK)
            .encode(x=x, y=y, text="text:N")
            for weight in ("bold", "normal")
        ),
        width=frame.width - 14,
        height=height,
    )
    return finish(figure, frame, rows_of)


def _box(left: float, top: float, width: float, texts: list[str], arm: str = "") -> _Box:
    lines = [line for text in texts for line in wrap(text, width - 2 * _PAD, _SIZE)]
    return _Box(left, top, width, tuple(lines), len(wrap(texts[0], width - 2 * _PAD, _SIZE)), arm)


def _before_randomisation(
    numbers: dict[str, Any], frame: Frame, t: Catalogue
) -> tuple[list[_Box], list[tuple[float, float, float, float]]]:
    """The trunk on the left, and on the right the box of all who left it, as CONSORT draws it."""
    trunk = frame.width * (0.40 if frame.narrow else 0.36)
    exit_left = trunk + (22 if frame.narrow else 70)
    exit_width = frame.width - exit_left - 2
    fell_ill = numbers["candidates"]
    boxes = [_box(2, 2, trunk, [t("flow.fell_ill"), t("flow.n", n=number(fell_ill, 0))])]
    exits = _exits(numbers, t)
    out = _box(exit_left, boxes[0].bottom + 10, exit_width, exits)
    middle = out.top + out.height / 2
    lines = [(boxes[0].middle, middle, exit_left, middle)] if len(exits) > 1 else []
    top = (out if lines else boxes[0]).bottom + 10
    boxes += [out] if lines else []
    texts = [
        t("flow.admitted", n=number(numbers["admitted"], 0)),
        t("flow.randomised"),
        t("flow.n", n=number(numbers["randomised"], 0)),
        t("flow.per_trial", replicates=number(numbers["replicates"], 0)),
    ]
    if numbers["admitted"] == numbers["randomised"]:
        del texts[0]
    randomised = _box(2, top + 2, trunk, texts)
    lines.append((boxes[0].middle, boxes[0].bottom, boxes[0].middle, randomised.top))
    return [*boxes, randomised], lines


def _exits(numbers: dict[str, Any], t: Catalogue) -> list[str]:
    """How many left before randomisation, then a line a reason in the order of time."""
    remaining = numbers["candidates"]
    reasons = []
    for step in numbers["steps"]:
        if step["count"]:
            reason = t.get(f"flow.step.{step['name']}", step["name"])
            share = percent(step["count"] / remaining) if remaining else percent(None)
            reasons.append(t("flow.exit", reason=reason, n=number(step["count"], 0), share=share))
            remaining -= step["count"]
    return [t("flow.exits", n=number(numbers["candidates"] - remaining, 0)), *reasons]


def _arms(
    numbers: dict[str, Any], frame: Frame, t: Catalogue, above: _Box
) -> tuple[list[_Box], list[tuple[float, float, float, float]]]:
    """One column an arm: allocated and treated, followed, analysed."""
    arms = numbers["arms"]
    gap = 12 if frame.narrow else 24
    width = (frame.width - 4 - gap * (len(arms) - 1)) / len(arms)
    lefts = [2 + i * (width + gap) for i in range(len(arms))]
    junction = above.bottom + _GAP / 2
    lines = [(above.middle, above.bottom, above.middle, junction)]
    centres = [left + width / 2 for left in lefts]
    lines.append((min(*centres, above.middle), junction, max(*centres, above.middle), junction))
    top = above.bottom + _GAP
    boxes: list[_Box] = []
    for stage in (_allocation, _follow_up, _analysis):
        row = [
            _box(left, top, width, [frame.labels[arm["arm"]], *stage(arm, t)], frame.labels[arm["arm"]])
            for left, arm in zip(lefts, arms, strict=True)
        ]
        tallest = max(len(box.lines) for box in row)
        row = [replace(b, lines=b.lines + ("",) * (tallest - len(b.lines))) for b in row]
        lines += [(b.middle, junction if stage is _allocation else top - _GAP, b.middle, top) for b in row]
        boxes += row
        top = row[0].bottom + _GAP
    return boxes, lines


def _allocation(arm: dict[str, Any], t: Catalogue) -> list[str]:
    allocated = t("flow.allocated", n=number(arm["randomised"], 0))
    if not arm["infusions_planned"]:
        return [allocated, t("flow.no_cells_planned")]
    return [
        allocated,
        t("flow.all_infusions", planned=arm["infusions_planned"], n=number(arm["all_infusions"])),
        t("flow.some_infusions", n=number(arm["some_infusions"])),
        t("flow.no_infusion", n=number(arm["no_infusion"])),
        t("flow.mean_infusions", mean=number(arm["infusions_mean"])),
    ]


def _follow_up(arm: dict[str, Any], t: Catalogue) -> list[str]:
    first = arm["first"]
    return [
        t("flow.followed"),
        t("flow.died", n=number(first["death"])),
        t("flow.transplanted", n=number(first["transplant"])),
        t("flow.lost", n=number(first["dropout"])),
        t("flow.completed", n=number(first["none"])),
    ]


def _analysis(arm: dict[str, Any], t: Catalogue) -> list[str]:
    texts = [t("flow.analysed", n=number(arm["analysed"], 0)), t("flow.as_randomised")]
    return [*texts, t("flow.failed", n=arm["failed"])] if arm["failed"] else texts
