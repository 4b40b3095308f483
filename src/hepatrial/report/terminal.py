"""The comparison for a terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.facts import Facts
from hepatrial.report.tables import arm_labels
from hepatrial.report.wording import DASH, number, points


class Comparison(list[dict[str, Any]]):
    """Rows of simulated against published (as ``comparison.compare`` returns them), misses first.

    A list for a program, a table for ``rich`` and for ``print``.
    """

    def __init__(self, rows: list[dict[str, Any]], facts: Facts, lang: str) -> None:
        super().__init__(rows)
        self._facts = facts
        self._t = Catalogue(lang)

    def __rich__(self) -> Table:
        """The table, survival by week first, then events."""
        facts, t = self._facts, self._t
        labels = arm_labels(facts, t)
        patients = sum(arm.size for arm in facts.arms)
        caption = t(
            "terminal.caption",
            mark=t.mark,
            replicates=number(facts.replicates, 0),
            patients=number(patients, 0),
            hash=facts.run_hash[:12],
        )
        title = t("terminal.title", title=facts.study.name)
        table = Table(title=title, caption=caption, box=box.SIMPLE_HEAD, pad_edge=False)
        for key in ("table.outcome", "table.arm"):
            table.add_column(t(key), min_width=10)
        for key in ("terminal.simulated", "terminal.published", "terminal.inside"):
            table.add_column(t(key), no_wrap=True)
        table.add_column(t("table.standing"), min_width=10)
        verdict = {True: t("terminal.yes"), False: t("terminal.no"), None: t("terminal.unknown")}
        order = {"survival": 0, "difference": 1}
        for row in sorted(self, key=lambda row: (order.get(row["endpoint"], 2), row["week"], row["arm"])):
            signed = row["endpoint"] == "difference"
            table.add_row(
                t("comparison.row", endpoint=t(f"endpoint.{row['endpoint']}"), week=f"{row['week']:g}"),
                labels[row["arm"]],
                _value(row["simulated"], row["low"], row["high"], signed),
                _value(row["published"], row["published_low"], row["published_high"], signed),
                verdict[row["inside"]],
                t(f"role.short.{row['role']}"),
                style="bold" if row["inside"] is False else "",
            )
        return table

    def __str__(self) -> str:
        """The table as text, 110 columns wide."""
        console = Console(width=110, color_system=None)
        with console.capture() as captured:
            console.print(self.__rich__())
        return captured.get()


def _value(share: float | None, low: float | None, high: float | None, signed: bool) -> str:
    """Per cent with its interval, as short as a terminal wants it: "85.0 (73.2–94.6)"."""
    if share is None:
        return DASH
    write, dash = (points, " / ") if signed else (_percent, DASH)
    interval = "" if low is None or high is None else f" ({write(low)}{dash}{write(high)})"
    return write(share) + interval


def _percent(share: float) -> str:
    return number(100 * share)
