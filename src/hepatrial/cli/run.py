"""``hepatrial run``, ``resume``, ``report``: from a protocol to a run folder and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from hepatrial.cli import edge

if TYPE_CHECKING:
    from hepatrial.trial import RunFolder

RUN_EXAMPLES = """Examples:

  hepatrial run lin2017   (as published)

  hepatrial run lin2017 --replicates 20 --pairs 500 --seed 7

  hepatrial run mytrial.toml --set "arms.msc.regimen[0].dose=1e6 cells/kg"

  hepatrial run lin2017 --variant no_effect --out runs/null --lang zh
"""
RESUME_EXAMPLES = """Example:

  hepatrial resume runs/lin2017-1
"""
REPORT_EXAMPLES = """Examples:

  hepatrial report runs/lin2017-1 --lang zh

  hepatrial report runs/lin2017-1 --json     (every number of the report)
"""

Lang = Annotated[str, typer.Option(help="Language of the report: en or zh.")]
Threads = Annotated[
    int | None, typer.Option(help="Worker threads; changes no result.", show_default="all cores")
]


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr for each stage of the run; silent when stderr is no terminal."""
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    console = edge.err()
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


def _acceptance(folder: RunFolder) -> str:
    steps = {step["name"]: step["count"] for step in folder.acceptance["steps"]}
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in steps.items() if count)
    text = f"Of {folder.acceptance['candidates']} who fell ill: {counts}."
    matching = folder.acceptance["matching"]
    if matching["requested"]:
        effective, miss = matching["effective_n"], matching["largest_miss_sd"]
        text += f" Matched to the Table 1: effective N {effective:.0f}, largest miss {miss:.2g} SD."
    return text


def _tell(folder: RunFolder, lang: str, as_json: bool) -> None:
    """What came out: the comparison, what became of the candidates, where the report is."""
    from hepatrial.report import comparison_table
    from hepatrial.schema import MARK, RESEARCH_USE_ONLY

    rows = comparison_table(folder, lang)
    report = folder.path / "report.html"
    if as_json:
        edge.print_json(
            {
                "mark": MARK[lang],
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
        console.print("The protocol names no published figures to lay beside the simulation.")
        console.print(MARK[lang])
    elif console.is_terminal:
        Console(highlight=False).print(rows)
    else:
        console.print(str(rows), end="")
    console.print(_acceptance(folder))
    console.print(RESEARCH_USE_ONLY[lang])
    console.print(f"Report: {report}", style="bold")


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
    out: Annotated[Path | None, typer.Option(help="Run folder.", show_default="runs/PROTOCOL-SEED")] = None,
    lang: Lang = "en",
    threads: Threads = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Simulate a trial, lay it beside what was published, write the report.

    The run folder holds what was asked, the tables (Parquet) and report.html.

    A folder of the same run is finished and reported anew; any other one is left untouched.
    """
    where: list[Path] = []
    with edge.exit_codes(as_json, lambda: _how_to_resume(where)):
        from hepatrial import api
        from hepatrial.errors import BadInput

        named, problems = edge.assignments(settings or [], "--set")
        try:
            plan = api.check(
                protocol,
                patients=patients,
                replicates=replicates,
                pairs=pairs,
                seed=seed,
                settings=named,
                variant=variant,
                out=out,
                lang=lang,
                threads=threads,
            )
        except BadInput as bad:
            raise BadInput([*problems, *bad.problems]) from None
        if problems:
            raise BadInput(problems)
        where.append(plan.out)
        with _progress() as progress:
            folder = api.carry_out(plan, lang=lang, threads=threads, progress=progress)
        _tell(folder, lang, as_json)


def _how_to_resume(where: list[Path]) -> str:
    """What to do after Ctrl-C; nothing to resume when the run had not begun to write."""
    if not where or not (where[0] / "spec.json").exists():
        return "Nothing was written."
    return f"Finished parts are kept; go on with: hepatrial resume {where[0]}"


def resume(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Run folder of an interrupted run.")],
    lang: Lang = "en",
    threads: Threads = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Finish an interrupted run; the result is that of an uninterrupted one."""
    with edge.exit_codes(as_json, lambda: _how_to_resume([folder])):
        from hepatrial import api

        with _progress() as progress:
            finished = api.resume(folder, lang=lang, threads=threads, progress=progress)
        _tell(finished, lang, as_json)


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Run folder of a finished run.")],
    lang: Lang = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Write the report of a finished run anew, in English or Chinese."""
    with edge.exit_codes(as_json):
        from hepatrial.report import write_report
        from hepatrial.trial import RunFolder

        opened = RunFolder.open(folder)
        write_report(opened, lang=lang)
        _tell(opened, lang, as_json)
