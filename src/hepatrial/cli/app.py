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


app.command(epilog=run.RUN_EXAMPLES)(run.run)
app.command(epilog=run.RESUME_EXAMPLES)(run.resume)
app.command(epilog=run.MERGE_EXAMPLES)(run.merge)
app.command(epilog=run.REPORT_EXAMPLES)(run.report)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=bundle.EXAMPLES)(bundle.bundle)
app.command(epilog=compare.EXAMPLES)(compare.compare)
app.command(epilog=design.EXAMPLES)(design.design)
app.command(epilog=analyse.ANALYSE_EXAMPLES)(analyse.analyse)
app.command(epilog=analyse.EXPORT_EXAMPLES)(analyse.export)
app.command(epilog=fit.EXAMPLES)(fit.fit)
app.command(epilog=uncertainty.SENSITIVITY_EXAMPLES)(uncertainty.sensitivity)
app.command(epilog=uncertainty.ATTRIBUTE_EXAMPLES)(uncertainty.attribute)
app.command(epilog=uncertainty.VOI_EXAMPLES)(uncertainty.voi)
app.command()(protocols.protocols)
app.command(epilog=protocols.NEW_EXAMPLES)(protocols.new)
app.command(epilog=protocols.SCHEMA_EXAMPLES)(protocols.schema)
app.command(epilog=score.EXAMPLES)(score.score)
model.command(epilog=model_files.SIMULATE_EXAMPLES)(model_files.simulate)
model.command("ensemble", epilog=ensemble.EXAMPLES)(ensemble.ensemble)
model.command(epilog=model_files.SUITE_EXAMPLES)(model_files.suite)
model.command(epilog=model_files.CODE_EXAMPLES)(model_files.code)
model.command(epilog=verify.VERIFY_EXAMPLES)(verify.verify)
app.add_typer(model, name="model")
app.add_typer(model_files.cache, name="cache")
app.add_typer(validate, name="validate")
evidence.command(epilog=evidence_living.ADD_EXAMPLES)(evidence_living.add)
evidence.command(epilog=evidence_living.PREDICT_EXAMPLES)(evidence_living.predict)
evidence.command(epilog=evidence_pool.POOL_EXAMPLES)(evidence_pool.pool)
evidence.command(epilog=evidence_pool.FOREST_EXAMPLES)(evidence_pool.forest)
evidence.command(epilog=evidence_pool.RISK_EXAMPLES)(evidence_pool.risk)
evidence.command(epilog=evidence_pool.CHECK_EXAMPLES)(evidence_pool.check)
evidence.command(epilog=evidence_curve.EXAMPLES)(evidence_curve.reconstruct)
app.add_typer(evidence, name="evidence")
app.command(epilog=claims.CLAIMS_EXAMPLES)(claims.claims)
app.command(epilog=claims.ANSWERS_EXAMPLES)(claims.answers)
app.command(epilog=experiment.EXAMPLES)(experiment.experiment)
app.command("article-trials", epilog=ARTICLE_EXAMPLES)(article_trials)
app.command(epilog=SERVE_EXAMPLES)(serve)
