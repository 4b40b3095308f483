"""``hepatrial design``: a design's boundaries, operating characteristics and assurance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

EXAMPLES = """Examples:

  hepatrial design lin2017 --out designs/lin              (a fixed design of the protocol's sizes)

  hepatrial design examples/lin_again.toml --search       (which size, endpoint, looks; what it hangs on)

  hepatrial design mine.toml --compare other.toml         (in pairs, on the same trials)

  hepatrial design mine.toml --precision 0.002 --json     (every number)

The first call simulates a bank of patients (minutes) and keeps it in the user's cache.
"""


def design(
    path: Annotated[
        str, typer.Argument(metavar="DESIGN", help="Shipped protocol, protocol file or design file (TOML).")
    ],
    trials: Annotated[int, typer.Option(help="Trials for each truth.")] = 10_000,
    precision: Annotated[
        float | None,
        typer.Option(help="Stop each truth when every error of its characteristics is this small."),
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="OTHER", help="Another design, compared on the same trials.")
    ] = None,
    search: Annotated[
        bool, typer.Option("--search", help="Also search designs: size, looks, endpoint.")
    ] = False,
    question: Annotated[
        str | None, typer.Option(help="What is asked, in place of the file's question.")
    ] = None,
    bank: Annotated[int, typer.Option(help="Patients of the bank.")] = 50_000,
    bank_folder: Annotated[
        Path | None, typer.Option(help="Where the bank is kept.", show_default="the user's cache")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the trials.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report.", show_default="designs/ID-HASH")
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh.")] = "en",
    threads: Annotated[
        int | None, typer.Option(help="Worker threads; changes no result.", show_default="all cores")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Simulate a trial design: boundaries, type I error, power, expected size, assurance by belief."""
    with edge.exit_codes(as_json, lambda: "The same command goes on where it stopped."):
        from hepatrial.design.run import ask, run_design
        from hepatrial.report.design_page import words, write_design

        words(lang)
        changes: dict[str, Any] = {} if question is None else {"question": question}
        asked = ask(
            path,
            other=compare,
            changes=changes,
            trials=trials,
            precision=precision,
            seed=seed,
            bank=bank,
            search=search,
        )
        folder = out or Path("designs") / f"{asked.plan.protocol.identity.id}-{asked.hash[:12]}"
        with progress_bars() as progress:
            results = run_design(asked, folder, threads=threads, bank_folder=bank_folder, progress=progress)
        write_design(results, folder, lang)
        _tell(results, folder, lang, as_json)


def _tell(results: dict[str, Any], folder: Path, lang: str, as_json: bool) -> None:
    from hepatrial.report.design_chinese import in_language
    from hepatrial.report.design_page import leads_of, words
    from hepatrial.schema import MARK, RESEARCH_USE_ONLY

    if as_json:
        edge.print_json({"mark": MARK[lang], "folder": str(folder), **results})
        return
    console = edge.out()
    console.print(MARK[lang], style="bold")
    for line in leads_of(in_language(results, lang), words(lang)):
        console.print(line)
    console.print(RESEARCH_USE_ONLY[lang])
    edge.tell_report(folder / "report.html", lang)
