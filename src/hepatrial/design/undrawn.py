"""What a protocol asks for that the trials of a design do not draw: said among its assumptions."""

from __future__ import annotations

from typing import Any

from hepatrial.protocol import Protocol
from hepatrial.protocol.sections import Assumption

_STRATA = Assumption(
    about="randomisation",
    known="The protocol randomises within strata or centres.",
    known_zh="方案按分层或中心随机分组。",
    handled="The trials of the design draw neither: every patient is any arm's with the planned chance. "
    "The power is that of the unstratified trial, without an effect of centres; hepatrial run has both.",
    handled_zh="设计阶段的模拟试验未抽取分层与中心：每名患者按计划的概率分入各组。"
    "所示把握度为未分层试验的把握度，不含中心效应；hepatrial run 则两者皆有。",
    grade="assumed",
    source="",
)


def assumptions_of(protocol: Protocol) -> list[dict[str, Any]]:
    """The protocol's assumptions, and strata and centres where it has some.

    Returns:
        Rows with ``about``, ``known``, ``handled`` (and ``_zh``), ``grade``, ``source``.
    """
    rule = protocol.randomisation
    parted = rule is not None and (bool(rule.strata) or rule.centres > 1)
    every = (*protocol.assumptions, _STRATA) if parted else protocol.assumptions
    return [one.model_dump(mode="json") for one in every]
