"""``hepatrial bundle``: a run as one archive, and its check on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars
from hepatrial.cli.run import Threads

EXAMPLES = """Examples:

  hepatrial bundle runs/lin2017-1   (writes runs/lin2017-1.crate.zip)

  hepatrial bundle check runs/lin2017-1.crate.zip   (simulates it anew; says whether every table is equal)
"""


def bundle(
    words: Annotated[
        list[str],
        typer.Argument(metavar="RUN | check FILE", help="Folder of a finished run, or check and a bundle."),
    ],
    out: Annotated[Path | None, typer.Option(help="New file.", show_default="RUN.crate.zip")] = None,
    threads: Threads = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Write a run as one archive (RO-Crate), or check such an archive by simulating it anew.

    The archive holds SBML, protocol, lock file, tables, report, checksums. A check ends with 0 when every
    table is equal and with 1 when one differs.
    """
    with edge.exit_codes(as_json):
        from hepatrial.errors import BadInput, Problem

        if words[0] == "check" and len(words) == 2:
            _check(Path(words[1]), threads, as_json)
            return
        if len(words) != 1 or words[0] == "check":
            raise BadInput([Problem("RUN", " ".join(words), "one folder of a run, or check and one bundle")])
        from hepatrial.bundle import write_bundle

        written = write_bundle(words[0], out)
        if as_json:
            edge.print_json({"bundle": str(written)})
        else:
            edge.out().print(f"Wrote {written}")


def _check(path: Path, threads: int | None, as_json: bool) -> None:
    from hepatrial.bundle import check_bundle

    with progress_bars() as tell:
        found = check_bundle(path, threads=threads, progress=tell)
    if as_json:
        told = {name: text or "equal" for name, text in found.tables.items()}
        edge.print_json(
            {"run": found.run, "equal": found.equal, "tables": told, "versions": dict(found.versions)}
        )
    else:
        console = edge.out()
        for name, (theirs, mine) in found.versions.items():
            console.print(f"{name}: {theirs} in the bundle, {mine} here")
        for name, text in found.tables.items():
            console.print(f"{name}: {text or 'equal'}")
        console.print("Every table is equal." if found.equal else "Not every table is equal.")
    if not found.equal:
        raise typer.Exit(edge.FAILED)
