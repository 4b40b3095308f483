"""``hepatrial model ensemble``: many patients of any model; and how such a run is told about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

if TYPE_CHECKING:
    from hepatrial.ensemble import EnsembleFolder

EXAMPLES = """Examples:

  hepatrial model ensemble mine.ant --table patients.csv --visits 0:168:7 --end 168 --out runs/mine

  hepatrial model ensemble mine.xml --patients 10000 --draws draws.toml --end 84 --out runs/drawn

  hepatrial model ensemble mine.ant --patients 10000 --doses doses.csv --end 84 --out runs/dosed

  hepatrial model ensemble mine.ant --patients 1000000 --end 168 --out runs/big --shard 3/16

The last is job 3 of an array of 16; when all are done: hepatrial merge runs/big.
"""


def ensemble(
    file: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="SBML L2V4 to L3V2 core, Antimony, or patient for our model."),
    ],
    end: Annotated[float, typer.Option(help="Day (unit of time of the model) on which every course ends.")],
    out: Annotated[Path, typer.Option(help="Run folder: new, empty, or of the same run.")],
    table: Annotated[
        Path | None,
        typer.Option(
            help="One row a patient, .parquet or .csv; columns: parameters, states (initial values), patient."
        ),
    ] = None,
    patients: Annotated[int | None, typer.Option(help="How many, when there is no table.")] = None,
    draws: Annotated[
        Path | None,
        typer.Option(help="TOML: NAME = {distribution, ...}: lognormal, normal or uniform for each patient."),
    ] = None,
    doses: Annotated[
        Path | None,
        typer.Option(help="Columns time, action, amount; with a column patient: for that one alone."),
    ] = None,
    visits: Annotated[str, typer.Option(help="Days to record: 0,7,28 or FROM:TO:STEP.")] = "",
    outputs: Annotated[
        str | None, typer.Option(help="What to record, with commas between.", show_default="everything")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of draws and thresholds.")] = 1,
    events: Annotated[bool, typer.Option(help="Whether hazard events happen.")] = True,
    occurrences: Annotated[int, typer.Option(help="Thresholds drawn for a cause that recurs.")] = 24,
    beyond: Annotated[
        str, typer.Option(help="After the last threshold: fail (say so), or never strike again.")
    ] = "fail",
    rtol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-4,
    max_steps: Annotated[int, typer.Option(help="Solver steps that one course may take.")] = 20_000,
    precision: Annotated[str, typer.Option(help="Of the recorded outputs: float32 or float64.")] = "float32",
    chunk: Annotated[int, typer.Option(help="Patients in a shard; changes no value.")] = 4096,
    threads: Annotated[
        int | None, typer.Option(help="Worker threads; changes no value.", show_default="all cores")
    ] = None,
    shard: Annotated[str | None, typer.Option(metavar="i/n", help="Do only the i-th of n shares.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler; its workers see the run folder.")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Simulate many patients of a model; visits and events go to Parquet as they come."""
    with edge.exit_codes(as_json, lambda: how_to_resume(out, shard)):
        from hepatrial.ensemble import run_ensemble

        model = _model(file)
        names = None if outputs is None else [name.strip() for name in outputs.split(",") if name.strip()]
        with progress_bars() as progress:
            folder = run_ensemble(
                model,
                table,
                patients=patients,
                draws=draws,
                doses=doses,
                visits=visits,
                end=end,
                outputs=names,
                out=out,
                seed=seed,
                events=events,
                occurrences=occurrences,
                beyond=beyond,
                rtol=rtol,
                max_steps=max_steps,
                precision=precision,
                chunk=chunk,
                threads=threads,
                shard=shard,
                scheduler=scheduler,
                progress=progress,
            )
        tell(folder, out, shard, as_json)


def _model(file: str) -> Any:
    from hepatrial.model import load_model, load_patient_model

    return load_patient_model() if file == "patient" else load_model(file)


def how_to_resume(out: Path, shard: str | None) -> str:
    """What to do after Ctrl-C; nothing to resume when the run had not begun to write."""
    if not (out / "spec.json").exists():
        return "Nothing was written."
    share = f" --shard {shard}" if shard else ""
    return f"Finished parts are kept; go on with: hepatrial resume {out}{share}"


def tell(folder: EnsembleFolder | None, out: Path, shard: str | None, as_json: bool) -> None:
    """What came out: counts and where the tables are; of a share, what comes next."""
    from hepatrial.schema import MARK, RESEARCH_USE_ONLY

    if folder is None:
        tell_share(out, shard, as_json)
        return
    summary = folder.summary
    if as_json:
        edge.print_json({"mark": MARK["en"], "folder": str(out), "hash": folder.hash, **summary})
        return
    console = edge.out()
    happened = ", ".join(f"{cause} {count}" for cause, count in summary["events"].items()) or "none"
    console.print(f"{summary['patients']} patients; events: {happened}.")
    for name, sentence in summary["sentences"].items():
        console.print(f"{summary['status'][name]} courses failed: {sentence}", style="bold")
    console.print(f"{MARK['en']} {RESEARCH_USE_ONLY['en']} Run {folder.hash[:12]}.")
    console.print(f"Tables: {out / 'shards'}/*.visit.parquet, *.event.parquet, *.patient.parquet")


def tell_share(out: Path, shard: str | None, as_json: bool) -> None:
    """That a share is done, and what comes when all are."""
    if as_json:
        edge.print_json({"folder": str(out), "shard": shard, "finished": False})
        return
    edge.out().print(f"Shard {shard} of {out} is done. When all are: hepatrial merge {out}")
