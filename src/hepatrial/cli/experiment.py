"""``hepatrial experiment``: the three mechanisms in the dish and the mouse, beside what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

EXAMPLES = """Examples:

  hepatrial experiment differentiation                  (HGF and bFGF: markers, albumin, LDL, ammonia)

  hepatrial experiment migration --out migration        (wild-type against over-expressing cells; a page)

  hepatrial experiment biodistribution --lang zh --out where   (lung, liver, spleen; living cells and label)

  hepatrial experiment mouse --json                     (acute liver failure, survival by arm)

A dish or an animal that agrees with its model is no evidence for patients.
"""


def experiment(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="differentiation, migration, biodistribution, secretome, mouse."),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write report.html, results.json and figures here."),
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")] = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Run an experiment in the dish or the mouse and lay it beside published figures, misses first."""
    with edge.exit_codes(as_json):
        from hepatrial.experiment import run_experiment, write_experiment
        from hepatrial.experiment.report import counts
        from hepatrial.experiment.types import NOT_EVIDENCE
        from hepatrial.experiment.words import check_lang, word
        from hepatrial.report.catalogue import Catalogue
        from hepatrial.report.sources import said_in
        from hepatrial.report.wording import percent, significant
        from hepatrial.schema import MARK

        check_lang(lang)
        done = run_experiment(name)
        written = write_experiment(done, out, lang) if out else []
        if as_json:
            edge.print_json(done.as_dict())
            return
        console = edge.out()
        console.print(word("titles", name, lang), style="bold")
        console.print(MARK[lang], style="bold")
        console.print(NOT_EVIDENCE[lang])
        console.print(word("words", "counts", lang).format(**counts(done)))
        head = tuple(
            word("words", key, lang) for key in ("verdict", "what", "published", "simulated", "grade")
        )
        rows = (
            (
                word("verdicts", one.verdict, lang),
                one.what[lang],
                one.published[lang],
                f"{significant(one.simulated)} {one.unit}".strip(),
                f"{Catalogue(lang).get(f'grade.{one.grade}', one.grade)}; {said_in(one.source, lang)}",
            )
            for one in done.findings
        )
        edge.print_table(word("words", "findings", lang), head, rows)
        keys = ("mechanism", "measure", "whole", "without", "none", "lost")
        knocks = (
            (
                word("mechanisms", one.mechanism, lang),
                one.measure[lang],
                *(significant(value) for value in (one.whole, one.without, one.none)),
                percent(one.share_lost, 0),
            )
            for one in done.knock_outs
        )
        edge.print_table(
            word("words", "knock", lang), tuple(word("words", key, lang) for key in keys), knocks
        )
        for path in written[:1]:
            edge.tell_written(path, lang)
