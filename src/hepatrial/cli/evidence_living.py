"""``hepatrial evidence add`` and ``predict``: a trial followed through every page; predictions kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

ADD_EXAMPLES = """Examples:

  hepatrial evidence add mytrial.toml              (checked; nothing is kept unless all of it is sound)

  hepatrial evidence add --example > mytrial.toml  (begin a trial file)

  hepatrial evidence add mytrial.toml --pages site (write the pages that rest on the base, both languages)
"""
PREDICT_EXAMPLES = """Examples:

  hepatrial evidence predict                              (what is kept, and how much each trial could teach)

  hepatrial evidence predict dheliver

  hepatrial evidence predict NCT05985863 --draws 400 --work predictions/nct05985863

  hepatrial evidence predict --page pending.html --lang zh
"""


def add(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE.toml", help="A trial; --example prints one to begin with.")
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a trial file and stop.")] = False,
    pages: Annotated[
        Path | None, typer.Option("--pages", metavar="DIR", help="Write the pages again into this folder.")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Add a trial of your own, checked strictly; say what changes on every page; score its predictions."""
    with edge.exit_codes(as_json):
        from hepatrial.claims.changes import changes, snapshot
        from hepatrial.errors import BadInput, Problem
        from hepatrial.evidence.base import add_trial, load_base
        from hepatrial.evidence.base.read import example_text
        from hepatrial.prediction.pending import records_of, score

        if example:
            typer.echo(example_text(), nl=False)
            return
        if file is None:
            raise BadInput(
                [Problem("FILE.toml", "nothing", "a trial file; --example prints one to begin with")]
            )
        before = snapshot(load_base())
        trial, target = add_trial(file)
        base = load_base()
        rows = changes(before, snapshot(base))
        scored = [
            {
                "trial": made["trial"],
                "predicted": made["predicted"],
                "hash": made["hash"],
                "rows": score(made, trial),
            }
            for made in records_of(trial)
        ]
        written = _pages(base, pages) if pages else []
        verdicts = {
            r["what"]: {"before": r["before"], "after": r["after"]} for r in rows if r["page"] == "claims"
        }
        if as_json:
            edge.print_json(
                {"id": trial.id, "file": str(target), "changed": verdicts, "changes": rows, "scored": scored,
                 "pages": [str(path) for path in written]}
            )  # fmt: skip
            return
        console = edge.out()
        console.print(f"Added {trial.id} with {len(trial.figures)} numbers: {target}")
        for row in rows:
            old, new = row["before"] or "(nothing)", row["after"] or "(nothing)"
            console.print(f"  {row['page']}, {row['what']}: {old} -> {new}")
        if not verdicts:
            console.print("  No verdict on the source article changes.")
        for made in scored:
            _print_scores(made)
        for path in written:
            console.print(f"Wrote {path}")


def _pages(base: Any, folder: Path) -> list[Path]:
    from hepatrial.article import for_claims, stored
    from hepatrial.claims.changes import LANGS, write_pages

    return write_pages(base, folder, {lang: for_claims(stored(), lang) for lang in LANGS})


def _print_scores(made: dict[str, Any]) -> None:
    console = edge.out()
    console.print(f"Prediction of {made['trial']}, made {made['predicted']}, hash {made['hash'][:12]}:")
    if not made["rows"]:
        console.print("  none of its endpoints is among the numbers added")
    for row in made["rows"]:
        scores = ", ".join(
            f"{model} {found['crps']:.3f}{'' if found['inside_90'] else ' (outside 90 %)'}"
            for model, found in row["scores"].items()
        )
        said = f"{row['endpoint']} {row['arm']}: observed {row['observed']:.3g}"
        console.print(f"  {said}; CRPS {scores}; best: {row['best']}")


def predict(
    trial: Annotated[
        str | None, typer.Argument(metavar="[TRIAL]", help="Pending trial: name or registration.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Predictive draws.")] = 200,
    seed: Annotated[int, typer.Option(help="Seed of all chance.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Worker threads; changes no number.")] = None,
    work: Annotated[
        Path | None, typer.Option("--work", help="Folder from which an interrupted prediction goes on.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help="New file: all pending trials on one page.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the page: en or zh.")] = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Predict a pending trial, endpoint by endpoint, and keep it with hash and date; or list what is kept."""
    with edge.exit_codes(as_json, lambda: "The same command with the same --work goes on."):
        from hepatrial.claims.pending_page import pending_html
        from hepatrial.claims.texts import check_lang
        from hepatrial.evidence.base import load_base
        from hepatrial.prediction.pending import find_pending, stored_records

        check_lang(lang)
        edge.check_free(page, "--page")
        base = load_base()
        if trial is not None:
            name, entry = find_pending(trial, base)
            records = [_predicted(name, entry, draws, seed, threads, work)]
        else:
            records = stored_records()
        if page is not None:
            edge.write_new(page, pending_html(base, stored_records(), lang), "--page")
        if as_json:
            edge.print_json([{k: v for k, v in made.items() if k != "values"} for made in records])
            return
        _print_records(records)
        if page is not None:
            edge.tell_written(page, lang)


def _predicted(
    name: str, entry: Any, draws: int, seed: int, threads: int | None, work: Path | None
) -> dict[str, Any]:
    """A kept prediction of the same question, or a new one, kept."""
    from hepatrial.model import load_patient_model
    from hepatrial.prediction import predict_study
    from hepatrial.prediction.pending import keep, load_pending, record, same_prediction

    study = load_pending(name)
    model_hash = load_patient_model().hash
    kept = same_prediction(study, draws=draws, seed=seed, model_hash=model_hash)
    if kept is not None:
        edge.err().print(f"Already predicted on {kept['predicted']}; shown as kept.")
        return kept
    with progress_bars() as tell:
        done = predict_study(study, draws=draws, seed=seed, out=work, threads=threads, progress=tell)
    made = record(done, study, entry, seed=seed, model_hash=model_hash)
    path = keep(made)
    edge.err().print(f"Kept {path}")
    return made


def _print_records(records: list[dict[str, Any]]) -> None:
    from hepatrial.prediction.summary import number
    from hepatrial.schema import MARK

    console = edge.out()
    console.print(MARK["en"], style="bold")
    for made in records:
        teach = made["teach"]
        stamp = f"predicted {made['predicted']}, hash {made['hash'][:12]}, {made['draws']} draws"
        power = f"power for a hazard ratio of {teach['hazard_ratio']:g}: {100 * teach['power']:.0f} %"
        console.print(f"{made['title']}: {stamp}. About {teach['deaths']:g} deaths expected; {power};")
        console.print(f"  the 95 % interval would reach {teach['factor']:g} times up and down.")
        cells = [
            (row["endpoint"], row["arm"], row["model"], number(row["median"]),
             f"{number(row['low_90'])} to {number(row['high_90'])}")
            for row in made["endpoints"]
        ]  # fmt: skip
        edge.print_table("", ("endpoint", "arm", "model", "median", "90 %"), cells)
    if not records:
        console.print("No prediction is kept.")
