"""``hepatrial fit``: the calibration, and what it taught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

EXAMPLES = """Examples:

  hepatrial fit --show                       (what the shipped posterior rests on, misses first)

  hepatrial fit --out runs/fit               (fit anew; the same command goes on where it was stopped)

  hepatrial fit --discrepancy --install      (only what is left between the shipped ensemble and the cohorts)
"""


def fit(
    out: Annotated[Path, typer.Option(help="Folder of evaluations; a fit found there goes on.")] = Path(
        "runs/fit"
    ),
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    members: Annotated[int, typer.Option(min=8, help="Members of the ensemble.")] = 208,
    install: Annotated[
        bool,
        typer.Option("--install", help="Write the result over the ensemble that this installation ships."),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print what the shipped fit taught and stop.")] = False,
    discrepancy: Annotated[
        bool,
        typer.Option(
            "--discrepancy",
            help="Only the last step: what is left between the shipped ensemble and the fitted cohorts.",
        ),
    ] = False,
    as_json: edge.JsonOption = False,
) -> None:
    """Fit the model to the declared targets, layer by layer, and write the posterior ensemble.

    Writes ensemble.parquet, ensemble.json and posterior.json into the folder, then what is left between
    the ensemble and the fitted cohorts (calibrants.parquet, discrepancy.parquet), from which predictions
    widen.
    """
    with edge.exit_codes(as_json, lambda: "The same command resumes it."):
        from hepatrial.calibration.shipped import PACKAGE, summary_lines, taught, write_posterior

        if show:
            found = taught()
            typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(summary_lines(found)))
            return
        if not discrepancy:
            from hepatrial.calibration.layers import fit_layers

            done = fit_layers(out, workers=workers, members=members, tell=_tell)
            found = write_posterior(done, PACKAGE if install else out)
            typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(summary_lines(found)))
        _learn(out, PACKAGE if install or discrepancy else out, workers, install)


def _tell(text: str) -> None:
    typer.echo(text, err=True)


def _learn(out: Path, ensemble: Path, workers: int, install: bool) -> None:
    """Learn the discrepancy of an ensemble in a folder; install it or keep it beside the evaluations."""
    from hepatrial.calibration.ensemble import read_ensemble
    from hepatrial.prediction.learn import SEED, learn_discrepancy, write_discrepancy, write_left_out
    from hepatrial.prediction.left_out import left_out
    from hepatrial.prediction.scoreboard import data_folder

    left = learn_discrepancy(read_ensemble(ensemble), out, workers=workers, tell=_tell)
    folder = data_folder() if install else out
    write_discrepancy(left, folder)
    write_left_out(left_out(left, SEED), folder, left.hash)
