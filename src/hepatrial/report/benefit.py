"""How often the simulated trials show no benefit, in the words that are burnt into figures and exports."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.spread import share_with_error
from hepatrial.report.wording import percent

FEW_TRIALS = 50
"""Simulated trials below which no share of them is burnt into a figure: a few lucky ones would sell."""


def no_benefit(differences: NDArray[np.float64], worlds: NDArray[np.int64]) -> dict[str, Any]:
    """How often a treated arm does no better than its control.

    Args:
        differences: (r,) treated minus control, one a simulated trial; without those that are no number.
        worlds: (r,) plausible world that each was held in.

    Returns:
        ``share`` of the trials and its Monte-Carlo error ``mcse``; None without a trial.
    """
    known = np.isfinite(differences)
    if not known.any():
        return {"share": None, "mcse": None}
    return share_with_error(differences[known] <= 0, worlds[known])


def no_benefit_words(arm: str, share: float | None, trials: int, t: Catalogue) -> str:
    """What a figure says of a treated arm.

    Args:
        arm: its label.
        share: of the simulated trials in which it did no better than the control; None when unknown.
        trials: how many there are.
        t: words of the language.
    """
    if share is None or trials < FEW_TRIALS:
        return t("report.no_benefit_unknown", arm=arm)
    return t("report.no_benefit", arm=arm, share=percent(share, 0))
