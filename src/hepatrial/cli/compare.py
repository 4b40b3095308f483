"""``hepatrial compare``: a virtual cohort, matched to a real one's Table 1, laid beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars
from hepatrial.cli.run import Threads

EXAMPLES = """Examples:

  hepatrial compare cohort.csv --events events.csv --definition easl_clif --etiology "alcohol=70 %"

  hepatrial compare ali.csv --events deaths.csv --definition acute_liver_injury --by plasma_exchange

Columns of COHORT.csv: subject, time_d, measure, unit, value. Of --events: subject, event, time_d
(death, transplant, last_seen).
"""


def compare(
    file: Annotated[Path, typer.Argument(metavar="COHORT.csv", help="Measurements, one a row.")],
    definition: Annotated[str, typer.Option(help="Definition that the patients met, as in a study file.")],
    events: Annotated[Path | None, typer.Option(help="Events, one a row.")] = None,
    etiology: Annotated[
        str | None, typer.Option(help='Shares of causes: "hbv=80 %, alcohol=20 %".', show_default="other")
    ] = None,
    country: Annotated[str, typer.Option(help="Where; access to transplants.")] = "",
    by: Annotated[
        str | None,
        typer.Option(help="Split by this 0/1 measure; a group named after a treatment gets it."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the cohort.", show_default="of the file")] = None,
    horizon: Annotated[
        float | None, typer.Option(help="Day of the bad outcome.", show_default="as most were followed")
    ] = None,
    worlds: Annotated[int, typer.Option(help="Draws of the ensemble for each group.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of all chance.")] = 1,
    threads: Threads = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write report.html and results.json here.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="Language of the report: en or zh.")] = "en",
    as_json: edge.JsonOption = False,
) -> None:
    """Lay a virtual cohort, matched to its Table 1, beside real patients: misses first.

    Marginals, correlations, severity to risk, courses by outcome and before death. No patient's row is
    written anywhere.
    """
    with edge.exit_codes(as_json):
        from hepatrial.compare import compare_cohort, read_cohort
        from hepatrial.compare.page import check_lang, item_rows, write_page

        check_lang(lang)
        cohort = read_cohort(file, events)
        with progress_bars() as tell:
            done = compare_cohort(
                cohort,
                definition=definition,
                name=name or file.stem,
                etiology=read_shares(etiology),
                country=country,
                by=by,
                horizon_d=horizon,
                worlds=worlds,
                seed=seed,
                threads=threads,
                progress=tell,
            )
        written = write_page(done, out, lang) if out else []
        if as_json:
            edge.print_json(done.as_dict())
            return
        for group in done.groups:
            head, rows, title = item_rows(done, group, lang, only_misses=True)
            edge.print_table(title, head, rows)
        for path in written:
            edge.tell_written(path, lang)


def read_shares(text: str | None) -> dict[str, float | str] | None:
    """``"hbv=80 %, alcohol=20 %"`` as a mapping that a study file would hold.

    Raises:
        BadInput: a part that is not NAME=SHARE.
    """
    from hepatrial.errors import BadInput

    if text is None:
        return None
    found, problems = edge.assignments([part for part in text.split(",") if part.strip()], "--etiology")
    if problems:
        raise BadInput(problems)
    return dict(found)
