"""``hepatrial run``, ``resume``, ``report``: from a protocol to a run folder and its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hepatrial.cli import edge, ensemble
from hepatrial.cli.progress import progress_bars

if TYPE_CHECKING:
    from hepatrial.report.catalogue import Catalogue
    from hepatrial.trial import RunFolder

RUN_EXAMPLES = """Examples:

  hepatrial run lin2017   (as published)

  hepatrial run lin2017 --replicates 20 --pairs 500 --seed 7

  hepatrial run mytrial.toml --set "arms.msc.regimen[0].dose=1e6 cells/kg"

  hepatrial run lin2017 --variant no_effect --out runs/null --lang zh

  hepatrial run lin2017 --parameters cards   (the cards' centres, no doubt about parameters)
"""
RESUME_EXAMPLES = """Example:

  hepatrial resume runs/lin2017-1
"""
MERGE_EXAMPLES = """Examples:

  hepatrial merge runs/lin2017-1              (shards that jobs wrote into one folder)

  hepatrial merge runs/big part2 part3        (shards that jobs wrote into folders of their own)
"""
REPORT_EXAMPLES = """Examples:

  hepatrial report runs/lin2017-1 --lang zh

  hepatrial report runs/lin2017-1 --export forms --form pdf --form docx

  hepatrial report runs/lin2017-1 --json     (every number of the report)
"""

Lang = Annotated[str, typer.Option(help="Language of the report: en or zh.")]
Threads = Annotated[
    int | None, typer.Option(help="Worker threads; changes no result.", show_default="all cores")
]

Shard = Annotated[str | None, typer.Option(metavar="i/n", help="Do only the i-th of n shares of the run.")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler; its workers must see the run folder.")
]


def _acceptance(folder: RunFolder, t: Catalogue) -> str:
    """What became of everybody who fell ill, and how well a Table 1 was matched."""
    steps = [
        t("cli.step", step=_lower(t(f"flow.step.{step['name']}")), n=step["count"])
        for step in folder.acceptance["steps"]
        if step["count"]
    ]
    text = t("cli.fell_ill", n=folder.acceptance["candidates"], steps=t("list.semicolon").join(steps))
    matching = folder.acceptance["matching"]
    if matching["requested"]:
        effective, miss = matching["effective_n"], matching["largest_miss_sd"]
        matched = t("cli.matched", effective=f"{effective:.0f}", miss=f"{miss:.2g}")
        text = t("list.space").join((text, matched))
    return text


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _tell(folder: RunFolder, lang: str, as_json: bool) -> None:
    """What came out: the comparison, what became of the candidates, where the report is."""
    from hepatrial.report import comparison_table
    from hepatrial.report.catalogue import Catalogue

    t = Catalogue(lang)
    rows = comparison_table(folder, lang)
    report = folder.path / "report.html"
    if as_json:
        edge.print_json(
            {
                "mark": t.mark,
                "folder": str(folder.path),
                "report": str(report),
                "hash": folder.hash,
                "acceptance": folder.acceptance,
                "comparison": rows,
            }
        )
        return
    console = edge.out()
    if not rows:
        console.print(t("cli.none_published"))
        console.print(t.mark)
    elif console.is_terminal:
        Console(highlight=False).print(rows)
    else:
        console.print(str(rows), end="")
    console.print(_acceptance(folder, t))
    console.print(t.research_use_only)
    edge.tell_report(report, lang)


def run(
    protocol: Annotated[
        str, typer.Argument(metavar="PROTOCOL", help="Shipped protocol (lin2017) or a TOML file.")
    ],
    patients: Annotated[
        int | None, typer.Option(help="Patients in each trial.", show_default="as planned")
    ] = None,
    replicates: Annotated[int, typer.Option(help="How often the whole trial is simulated.")] = 200,
    pairs: Annotated[int, typer.Option(help="Patients followed in every arm with the same luck.")] = 5000,
    seed: Annotated[int, typer.Option(help="Seed of all chance; equal seeds give equal tables.")] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an entry of the protocol (a name with a dot) or a parameter of the model. Repeatable.",
        ),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Structural variant of the cell effect.", show_default="by weight")
    ] = None,
    parameters: Annotated[
        str,
        typer.Option(
            metavar="ensemble|cards",
            help="Average over members of the shipped ensemble, or the cards' centres for everybody.",
        ),
    ] = "ensemble",
    members: Annotated[int, typer.Option(help="Members of the ensemble, each with its own patients.")] = 40,
    out: Annotated[Path | None, typer.Option(help="Run folder.", show_default="runs/PROTOCOL-SEED")] = None,
    lang: Lang = "en",
    threads: Threads = None,
    shard: Shard = None,
    scheduler: Scheduler = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Simulate a trial, lay it beside what was published, write the report.

    The run folder holds what was asked, the tables (Parquet) and report.html.

    A folder of the same run is finished and reported anew; any other one is left untouched.
    """
    where: list[Path] = []
    with edge.exit_codes(as_json, lambda: _how_to_resume(where, shard)):
        from hepatrial import api
        from hepatrial.ensemble.shares import parse_share
        from hepatrial.errors import BadInput

        named, problems = edge.assignments(settings or [], "--set")
        try:
            parse_share(shard)
        except BadInput as bad:
            problems += bad.problems
        try:
            plan = api.check(
                protocol,
                patients=patients,
                replicates=replicates,
                pairs=pairs,
                seed=seed,
                settings=named,
                variant=variant,
                parameters=parameters,
                members=members,
                out=out,
                lang=lang,
                threads=threads,
            )
        except BadInput as bad:
            raise BadInput([*problems, *bad.problems]) from None
        if problems:
            raise BadInput(problems)
        where.append(plan.out)
        with progress_bars() as progress:
            folder = api.carry_out(
                plan, lang=lang, threads=threads, progress=progress, shard=shard, scheduler=scheduler
            )
        _tell_or_go_on(folder, shard, lang, as_json)


def _tell_or_go_on(folder: RunFolder, shard: str | None, lang: str, as_json: bool) -> None:
    if shard is None:
        _tell(folder, lang, as_json)
    else:
        ensemble.tell_share(folder.path, shard, as_json)


def _how_to_resume(where: list[Path], shard: str | None) -> str:
    return ensemble.how_to_resume(where[0], shard) if where else "Nothing was written."


def resume(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Run folder of an interrupted run.")],
    lang: Lang = "en",
    threads: Threads = None,
    shard: Shard = None,
    scheduler: Scheduler = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Finish an interrupted run of a trial or of an ensemble; the result is that of an uninterrupted one."""
    with edge.exit_codes(as_json, lambda: ensemble.how_to_resume(folder, shard)):
        from hepatrial.ensemble.results import kind_of

        if kind_of(folder) == "ensemble":
            from hepatrial.ensemble import resume_ensemble

            with progress_bars() as progress:
                made = resume_ensemble(
                    folder, threads=threads, shard=shard, scheduler=scheduler, progress=progress
                )
            ensemble.tell(made, folder, shard, as_json)
            return
        from hepatrial import api

        with progress_bars() as progress:
            finished = api.resume(
                folder, lang=lang, threads=threads, progress=progress, shard=shard, scheduler=scheduler
            )
        _tell_or_go_on(finished, shard, lang, as_json)


def merge(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Run folder that the shards were written to.")
    ],
    parts: Annotated[
        list[Path] | None, typer.Argument(metavar="[PART]...", help="Further folders with shards of the run.")
    ] = None,
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Make the shards of a run one; says which are missing."""
    with edge.exit_codes(as_json):
        from hepatrial.ensemble import merge_ensemble
        from hepatrial.ensemble.results import kind_of

        if kind_of(folder) == "ensemble":
            ensemble.tell(merge_ensemble(folder, parts or []), folder, None, as_json)
            return
        from hepatrial import api

        _tell(api.merge(folder, parts or [], lang=lang), lang, as_json)


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Run folder of a finished run.")],
    lang: Lang = "en",
    export: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write further forms of the report here.")
    ] = None,
    form: Annotated[
        list[str] | None, typer.Option(help="pdf, docx, svg, png or csv. Repeatable.", show_default="all")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Write the report of a finished run anew, in English or Chinese; with --export also PDF, Word, figures.

    The mark, the run's hash and how often the trials show no benefit stand on every page and in every figure.
    """
    with edge.exit_codes(as_json):
        from hepatrial.errors import BadInput, Problem
        from hepatrial.report import export_report, write_report
        from hepatrial.trial import RunFolder

        if form and export is None:
            raise BadInput([Problem("--form", ", ".join(form), "together with --export DIR")])
        opened = RunFolder.open(folder)
        if export is not None:
            from hepatrial.report.export import FORMS

            written = export_report(opened, export, form or FORMS, lang=lang)
            for path in [] if as_json else written:
                edge.tell_written(path, lang)
        write_report(opened, lang=lang)
        _tell(opened, lang, as_json)
