"""``hepatrial analyse`` and ``export``: estimands of a run or a real trial, and ADaM tables of a run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars
from hepatrial.errors import BadInput, Problem

if TYPE_CHECKING:
    from hepatrial.analysis.estimands.estimand import Estimand
    from hepatrial.report.analysis_page import Analysis
    from hepatrial.report.analysis_source import Source

ANALYSE_EXAMPLES = """Examples:

  hepatrial analyse runs/lin2017-1                       (every handling of transplant beside the truth)

  hepatrial analyse runs/lin2017-1 --endpoint meld_change_28 --no-truth

  hepatrial analyse mytrial --contrast msc:control --out report  (adsl.csv, adtte.csv, ... of a real trial)

  hepatrial analyse runs/lin2017-1 --estimand mine.toml --json

  hepatrial analyse runs/lin2017-1 --no-truth --lang zh  (the report in Chinese)

  hepatrial analyse mytrial --contrast msc:control --estimand mine.toml --tipping 0,2,4 --batch lot

  hepatrial analyse --list                                       (endpoints, events, strategies, summaries)
"""
EXPORT_EXAMPLES = """Examples:

  hepatrial export runs/lin2017-1 --out adam

  hepatrial export runs/lin2017-1 --out adam --format csv --format xpt --replicate 3
"""


def _list(as_json: bool) -> None:
    from hepatrial.analysis.estimands.endpoints import STEMS
    from hepatrial.analysis.estimands.estimand import SUMMARIES
    from hepatrial.analysis.estimands.events import INTERCURRENT, STRATEGIES

    parts = {
        "endpoints": {f"{name}_DAY": stem.label for name, stem in STEMS.items()},
        "events": dict(INTERCURRENT),
        "strategies": dict(STRATEGIES),
        "summaries": {name: f"for {', '.join(kinds)}" for name, kinds in SUMMARIES.items()},
    }
    if as_json:
        edge.print_json(parts)
        return
    for title, entries in parts.items():
        edge.print_table(title.capitalize(), ("name", "meaning"), entries.items())


def _amounts(text: str | None) -> list[float]:
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        raise BadInput([Problem("--tipping", repr(text), "must be numbers with commas, as 0,2,4")]) from None


def _own(path: Path) -> list[Estimand]:
    """Estimands of a TOML file: one table, or several under ``[[estimand]]``."""
    from hepatrial.analysis.estimands.estimand import estimand_from_dict

    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            [Problem("--estimand", str(path), f"must be a file that can be read ({error})")]
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput([Problem("--estimand", str(path), f"must be TOML ({error})")]) from None
    entries = data.get("estimand", [data])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or not entries:
        raise BadInput([Problem("--estimand", str(path), "must hold tables [[estimand]]")])
    made: list[Estimand] = []
    problems: list[Problem] = []
    for number, entry in enumerate(entries, start=1):
        try:
            made.append(estimand_from_dict(entry, f"{path.stem}-{number}"))
        except BadInput as bad:
            problems += bad.problems
    if problems:
        raise BadInput(problems)
    return made


def _asked(endpoints: list[str], files: list[Path], source: Source) -> list[Estimand]:
    """Those asked for; else the protocol's; else the primary endpoint under every handling of transplant."""
    from hepatrial.analysis.estimands.standard import standard_estimands
    from hepatrial.protocol import protocol_from_dict
    from hepatrial.report.analysis_source import planned_estimands

    if source.run and not (endpoints or files):
        planned = planned_estimands(protocol_from_dict(source.run.spec["protocol"]))
        if planned:
            return planned
    made: list[Estimand] = []
    problems: list[Problem] = []
    for name in endpoints or ([] if files else [source.endpoint]):
        try:
            made += standard_estimands(name)
        except BadInput as bad:
            problems += [Problem(f"--{p.place}", p.given, p.allowed, p.nearest) for p in bad.problems]
    for file in files:
        try:
            made += _own(file)
        except BadInput as bad:
            problems += bad.problems
    if problems:
        raise BadInput(problems)
    return made


def _show(found: Analysis) -> None:
    from hepatrial.report.analysis_tables import estimates

    console = edge.out()
    table = found.words.table(estimates(found.rows, found.level))
    edge.print_table(found.source.name, table.head, (row.cells for row in table.rows))
    for note in table.notes:
        console.print(note)
    if found.mark:
        console.print(found.mark, style="bold")


def analyse(
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="SOURCE", help="Run folder, or folder of ADaM or subject, visit, event tables."
        ),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Endpoint by name, as overall_survival_90. Repeatable.",
            show_default="primary",
        ),
    ] = None,
    estimand: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="TOML file of your own estimands. Repeatable.")
    ] = None,
    contrast: Annotated[
        str | None,
        typer.Option(metavar="A:B", help="First arm against second.", show_default="of the protocol"),
    ] = None,
    replicate: Annotated[int, typer.Option(help="Trial of a run that is shown by itself.")] = 1,
    strata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of strata (centre, cirrhosis; none for none). Repeatable.",
            show_default="as the run was randomised",
        ),
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of the batch that patients of the first arm share.",
            show_default="as the run deals batches out",
        ),
    ] = None,
    deltas: Annotated[
        str | None,
        typer.Option(
            "--tipping",
            metavar="A,B,...",
            help="Make unseen values of the first arm worse by each amount (estimands that impute).",
        ),
    ] = None,
    truth: Annotated[
        bool,
        typer.Option("--truth/--no-truth", help="Simulate the counterfactual worlds of a run's estimands."),
    ] = True,
    pairs: Annotated[int, typer.Option(help="Patients of the counterfactual worlds.")] = 5000,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh.")] = "en",
    cnsr: Annotated[str, typer.Option(help="CNSR of an ADTTE: cdisc (0 = event) or reversed.")] = "cdisc",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of analysis.html, .rtf and .json.", show_default="FOLDER/analysis of a run"
        ),
    ] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List what can be named.")] = False,
    as_json: edge.JsonOption = False,
) -> None:
    """Estimate estimands of a trial side by side, a simulated one's beside the truth, and write the report.

    Without --endpoint or --estimand: the protocol's [[estimands]], else the primary endpoint under every
    handling of transplant.

    An estimand that leaves an intercurrent event without a strategy is refused when the event occurred.
    """
    with edge.exit_codes(as_json, lambda: "The same command goes on where the worlds' simulation stopped."):
        if list_names:
            _list(as_json)
            return
        if source is None:
            raise BadInput([Problem("SOURCE", "nothing", "must be a run folder or a folder of tables")])
        from hepatrial.report.analysis_page import analyse_source, write_analysis
        from hepatrial.report.analysis_source import open_source
        from hepatrial.report.catalogue import texts

        texts(lang)
        amounts = _amounts(deltas)
        opened = open_source(source, contrast, cnsr, lang)
        estimands = _asked(endpoint or [], estimand or [], opened)
        with progress_bars() as tell:
            found = analyse_source(
                opened,
                estimands,
                replicate=replicate,
                strata=[] if strata == ["none"] else strata,
                batch=batch,
                deltas=amounts,
                truth=truth,
                pairs=pairs,
                level=level,
                lang=lang,
                progress=tell,
            )
        folder = out or (source / "analysis" if opened.run else None)
        written = write_analysis(found, folder) if folder else []
        if as_json:
            edge.print_json({**found.as_dict(), "files": [str(path) for path in written]})
            return
        _show(found)
        for path in written:
            edge.tell_written(path, lang)


def export(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the tables; new or empty.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="parquet, csv or xpt (extra cdisc). Repeatable.", show_default="parquet and csv"
        ),
    ] = None,
    replicate: Annotated[int, typer.Option(help="Which simulated trial.")] = 1,
    as_json: edge.JsonOption = False,
) -> None:
    """Write a simulated trial as ADSL, ADTTE, ADLB and ADAE; every row carries the mark of a simulation.

    CNSR is 0 for an event (the opposite of this program's event column), 1 for the end of observation, 2
    where death came first. define.json holds the labels of tables and columns.
    """
    with edge.exit_codes(as_json):
        from hepatrial.analysis.adam import adam_tables, write_files
        from hepatrial.analysis.estimands.events import TrialTables
        from hepatrial.protocol import protocol_from_dict
        from hepatrial.schema import MARK
        from hepatrial.trial import RunFolder

        run = RunFolder.open(folder)
        protocol = protocol_from_dict(run.spec["protocol"])
        note = f"{MARK['en']} Run {run.hash[:12]}."
        tables = adam_tables(
            TrialTables(run.subjects, run.visits, run.events),
            protocol.identity.id.upper(),
            replicate=replicate,
            labels={name: arm.label for name, arm in protocol.arms.items()},
            note=note,
        )
        written = write_files(tables, out, tuple(formats or ("parquet", "csv")), note)
        if as_json:
            edge.print_json({"mark": note, "files": [str(path) for path in written]})
            return
        for path in written:
            edge.out().print(str(path))
        edge.out().print(note, style="bold")
