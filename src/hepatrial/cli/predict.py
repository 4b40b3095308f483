"""``hepatrial predict``: a study from its Table 1, beside three rivals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars
from hepatrial.cli.run import Threads

EXAMPLES = """Examples:

  hepatrial predict study.toml

  hepatrial predict graft2021 --draws 400 --out predictions/graft   (a study file that ships)

  hepatrial predict lin2017 --lang zh                               (the summary in Chinese)

  hepatrial predict --example > study.toml                          (begin a study file)

  hepatrial predict --names                                         (every word that a study file may use)
"""


def predict(
    file: Annotated[
        str | None, typer.Argument(metavar="STUDY.toml", help="Study file, or name of one that ships.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Predictive draws.")] = 200,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write.", show_default="predictions/ID-HASH")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all chance.")] = 1,
    models: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated: mechanistic, map_control, severity_score, no_effect.", show_default="all"
        ),
    ] = None,
    threads: Threads = None,
    example: Annotated[
        bool, typer.Option("--example", help="Print a commented study file and stop.")
    ] = False,
    names: Annotated[
        bool, typer.Option("--names", help="Print the words of a study file, with other spellings, and stop.")
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help="Language of the summary: en or zh.")] = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Predict a study from its Table 1: draws of every endpoint at the study's size, beside three rivals.

    A folder of the same prediction is resumed. Writes draws.parquet, draws.csv, facts.json and summary.txt.
    """
    with edge.exit_codes(as_json, lambda: "The same command resumes it."):
        from hepatrial.errors import BadInput, Problem
        from hepatrial.prediction import MODELS, predict_study
        from hepatrial.prediction.library import example_text, find_study
        from hepatrial.prediction.names import names_of_files, names_text
        from hepatrial.prediction.predict import write_summary
        from hepatrial.prediction.summary import intervals
        from hepatrial.report.catalogue import Catalogue
        from hepatrial.report.prediction_summary import facts_lines, summary_text, table_head, table_rows

        if example:
            typer.echo(example_text(), nl=False)
            return
        if names and as_json:
            edge.print_json(names_of_files())
            return
        if names:
            typer.echo(names_text(), nl=False)
            return
        if file is None:
            allowed = "a study file; --example prints one to begin with, --names its words"
            raise BadInput([Problem("STUDY.toml", "nothing", allowed)])
        t = Catalogue(lang)
        chosen = (
            MODELS if models is None else tuple(name.strip() for name in models.split(",") if name.strip())
        )
        study = find_study(file)
        with progress_bars() as tell:
            done = predict_study(
                study, draws=draws, seed=seed, models=chosen, out=out, threads=threads, progress=tell
            )
        write_summary(done.path, summary_text(done.draws, done.facts, lang))
        if as_json:
            edge.print_json({**done.facts, "folder": str(done.path), "endpoints": intervals(done.draws)})
            return
        console = edge.out()
        for line in facts_lines(done.facts, lang):
            console.print(line)
        edge.print_table(t("predict.title"), table_head(lang), table_rows(done.draws, lang))
        console.print(t("predict.wrote", folder=done.path))
