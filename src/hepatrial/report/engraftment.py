"""Arithmetic bound of engraftment: the share of a liver that all infused cells could make at most."""

from __future__ import annotations

from typing import Any

import polars as pl

from hepatrial.report.facts import Facts

HEPATOCYTES = "hepatocytes_total"
"""Name of the card with the hepatocytes of a healthy liver (1e6 cells)."""


def engraftment_numbers(facts: Facts) -> list[dict[str, Any]]:
    """For every arm with cells: cells given in all and the share of a liver's hepatocytes they number.

    It is an upper bound that supposes that every planned cell arrives, lives, engrafts and works at once.
    """
    card = next((card for card in facts.cards if card.name == HEPATOCYTES), None)
    rows = []
    for arm in facts.arms:
        if arm.cells_per_kg and card:
            weight = facts.trials.filter(pl.col("arm") == arm.name)["weight"].mean()
            cells = arm.cells_per_kg * arm.infusions * float(weight)  # type: ignore[arg-type]
            rows.append(
                {
                    "arm": arm.name,
                    "infusions": arm.infusions,
                    "cells_per_kg": arm.cells_per_kg,
                    "weight": float(weight),  # type: ignore[arg-type]
                    "cells": cells,
                    "hepatocytes": card.value * 1e6,
                    "bound": cells / (card.value * 1e6),
                    "grade": card.grade,
                }
            )
    return rows
