"""The typer application: every command registered, one line each."""

from __future__ import annotations

from typing import Annotated

import typer

from hepatrial.cli import (
    analyse,
    bundle,
    claims,
    compare,
    design,
    ensemble,
    evidence_curve,
    evidence_living,
    evidence_pool,
    experiment,
    fit,
    model_files,
    predict,
    protocols,
    run,
    score,
    uncertainty,
    verify,
)
from hepatrial.cli.article_trials import EXAMPLES as ARTICLE_EXAMPLES
from hepatrial.cli.article_trials import article_trials
from hepatrial.cli.evidence import evidence
from hepatrial.cli.model import model
from hepatrial.cli.serve import EXAMPLES as SERVE_EXAMPLES
from hepatrial.cli.serve import serve
from hepatrial.cli.validate import validate

app = typer.Typer(
    name="hepatrial",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 bad input (nothing written), 130 interrupted. Research use only.",
)


def _version(asked: bool) -> None:
    if asked:
        import hepatrial

        typer.echo(f"hepatrial {hepatrial.__version__}")
        raise typer.Exit


@app.callback()
def hepatrial(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """In-silico clinical trials for liver failure and stem-cell therapy, beside the published ones."""


TRIAL, PLAN, REAL, MODEL, OUT = (
    "Simulate a trial",
    "Plan a trial, and doubt it",
    "Published evidence and scores, no simulation needed",
    "The model and the engine",
    "Take it away",
)
"""Headings of the list of commands."""

app.command(epilog=SERVE_EXAMPLES, rich_help_panel=TRIAL)(serve)
app.command(epilog=protocols.LIST_EXAMPLES, rich_help_panel=TRIAL)(protocols.protocols)
app.command(epilog=run.RUN_EXAMPLES, rich_help_panel=TRIAL)(run.run)
app.command(epilog=run.RESUME_EXAMPLES, rich_help_panel=TRIAL)(run.resume)
app.command(epilog=run.MERGE_EXAMPLES, rich_help_panel=TRIAL)(run.merge)
app.command(epilog=predict.EXAMPLES, rich_help_panel=TRIAL)(predict.predict)
app.command(epilog=compare.EXAMPLES, rich_help_panel=TRIAL)(compare.compare)
app.command(epilog=protocols.NEW_EXAMPLES, rich_help_panel=PLAN)(protocols.new)
app.command(epilog=protocols.SCHEMA_EXAMPLES, rich_help_panel=PLAN)(protocols.schema)
app.command(epilog=design.EXAMPLES, rich_help_panel=PLAN)(design.design)
app.command(epilog=analyse.ANALYSE_EXAMPLES, rich_help_panel=PLAN)(analyse.analyse)
app.command(epilog=uncertainty.SENSITIVITY_EXAMPLES, rich_help_panel=PLAN)(uncertainty.sensitivity)
app.command(epilog=uncertainty.ATTRIBUTE_EXAMPLES, rich_help_panel=PLAN)(uncertainty.attribute)
app.command(epilog=uncertainty.VOI_EXAMPLES, rich_help_panel=PLAN)(uncertainty.voi)
app.command(epilog=claims.ANSWERS_EXAMPLES, rich_help_panel=REAL)(claims.answers)
app.command(epilog=claims.CLAIMS_EXAMPLES, rich_help_panel=REAL)(claims.claims)
evidence.command(epilog=evidence_living.ADD_EXAMPLES)(evidence_living.add)
evidence.command(epilog=evidence_living.PREDICT_EXAMPLES)(evidence_living.predict)
evidence.command(epilog=evidence_pool.POOL_EXAMPLES)(evidence_pool.pool)
evidence.command(epilog=evidence_pool.FOREST_EXAMPLES)(evidence_pool.forest)
evidence.command(epilog=evidence_pool.RISK_EXAMPLES)(evidence_pool.risk)
evidence.command(epilog=evidence_pool.CHECK_EXAMPLES)(evidence_pool.check)
evidence.command(epilog=evidence_curve.EXAMPLES)(evidence_curve.reconstruct)
app.add_typer(evidence, name="evidence", rich_help_panel=REAL)
app.command(epilog=score.EXAMPLES, rich_help_panel=REAL)(score.score)
model.command(epilog=model_files.SIMULATE_EXAMPLES)(model_files.simulate)
model.command("ensemble", epilog=ensemble.EXAMPLES)(ensemble.ensemble)
model.command(epilog=model_files.SUITE_EXAMPLES)(model_files.suite)
model.command(epilog=model_files.CODE_EXAMPLES)(model_files.code)
model.command(epilog=verify.VERIFY_EXAMPLES)(verify.verify)
app.add_typer(model, name="model", rich_help_panel=MODEL)
app.command(epilog=experiment.EXAMPLES, rich_help_panel=MODEL)(experiment.experiment)
app.command("article-trials", epilog=ARTICLE_EXAMPLES, rich_help_panel=MODEL)(article_trials)
app.command(epilog=fit.EXAMPLES, rich_help_panel=MODEL)(fit.fit)
app.add_typer(validate, name="validate", rich_help_panel=MODEL)
app.add_typer(model_files.cache, name="cache", rich_help_panel=MODEL)
app.command(epilog=run.REPORT_EXAMPLES, rich_help_panel=OUT)(run.report)
app.command(epilog=analyse.EXPORT_EXAMPLES, rich_help_panel=OUT)(analyse.export)
app.command(epilog=bundle.EXAMPLES, rich_help_panel=OUT)(bundle.bundle)
