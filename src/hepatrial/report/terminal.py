"""The comparison for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from hepatrial.report.catalogue import Catalogue
from hepatrial.report.facts import Facts
from hepatrial.report.tables import arm_labels
from hepatrial.report.wording import number, percent, points, span


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
        table = Table(title=t("terminal.title", title=t.pick(facts.study.title)), caption=caption)
        heads = ("table.outcome", "terminal.week", "terminal.arm", "terminal.simulated", "terminal.published")
        for key in heads:
            table.add_column(t(key))
        table.add_column(t("terminal.inside"), no_wrap=True)
        table.add_column(t("terminal.standing"), no_wrap=True)
        verdict = {True: t("terminal.yes"), False: t("terminal.no"), None: t("terminal.unknown")}
        order = {"survival": 0, "difference": 1}
        for row in sorted(self, key=lambda row: (order.get(row["endpoint"], 2), row["week"], row["arm"])):
            form = "points" if row["endpoint"] == "difference" else "percent"
            shown = points if form == "points" else percent
            table.add_row(
                t(f"endpoint.{row['endpoint']}"),
                f"{row['week']:g}",
                labels[row["arm"]],
                _with(shown(row["simulated"]), span(t, row["low"], row["high"], form)),
                _with(shown(row["published"]), span(t, row["published_low"], row["published_high"], form)),
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


def _with(value: str, interval: str) -> str:
    return f"{value} ({interval})" if interval else value
