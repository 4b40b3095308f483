"""The edge between exceptions and the terminal: exit codes, problems as lists, JSON on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hepatrial.errors import BadInput, Problem, RunFailed

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

JsonOption = Annotated[bool, typer.Option("--json", help="Print pure JSON on stdout and nothing else there.")]


def out() -> Console:
    """The console of results; made anew so that a redirected stdout is seen."""
    return Console(soft_wrap=True, highlight=False, markup=False)


def err() -> Console:
    """The console of progress and problems."""
    return Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def tell_report(path: Path, lang: str) -> None:
    """Say where the report is."""
    from hepatrial.report.catalogue import Catalogue

    out().print(Catalogue(lang)("cli.report", path=path), style="bold")


def tell_written(path: Path | str, lang: str) -> None:
    """Say what was written."""
    from hepatrial.report.catalogue import Catalogue

    out().print(Catalogue(lang)("cli.wrote", path=path))


def print_json(value: Any) -> None:
    """A value as JSON on stdout; NaN is refused because JSON has no word for it."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_table(title: str, columns: tuple[str, ...], rows: Iterable[Sequence[str]]) -> None:
    """A plain table on stdout; a pipe gets long cells whole, a terminal folds them.

    Where a terminal is too narrow for the table, each row is printed as lines of its own.
    """
    cells = [tuple(map(str, row)) for row in rows]
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=1000)
    elif _natural_width(columns, cells) > NARROWEST * console.width:
        console.print(title, style="bold")
        for row in cells:
            told = "; ".join(
                f"{name} {cell}" for name, cell in zip(columns[1:], row[1:], strict=True) if cell
            )
            console.print(row[0], style="bold")
            console.print(f"  {told}")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in cells:
        table.add_row(*row)
    console.print(table)


NARROWEST = 1.5
"""A table wider than this many terminals is not printed as one."""


def _natural_width(columns: tuple[str, ...], rows: Sequence[Sequence[str]]) -> int:
    if len(columns) < 4:
        return 0
    longest = [max((len(row[i]) for row in rows), default=0) for i in range(len(columns))]
    return sum(max(size, len(name)) + 2 for size, name in zip(longest, columns, strict=True))


def print_problems(problems: tuple[Problem, ...], as_json: bool) -> None:
    """Problems as sentences on stderr and, if asked, as JSON on stdout."""
    if as_json:
        print_json({"problems": [vars(problem) for problem in problems]})
    console = err()
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    console.print(f"{count}; nothing was done.", style="bold red")
    for problem in problems:
        console.print(f"  {problem.sentence()}")


@contextmanager
def exit_codes(as_json: bool = False, on_interrupt: Callable[[], str] | None = None) -> Iterator[None]:
    """Turn what a command raises into an exit code and a sentence.

    ``BadInput`` ends with 2 and every problem listed, ``RunFailed`` and errors of the file system with 1,
    Ctrl-C with 130 and the sentence of ``on_interrupt``. Anything else is a bug and keeps its traceback.
    """
    try:
        yield
    except BadInput as error:
        print_problems(error.problems, as_json)
        raise typer.Exit(BAD_INPUT) from error
    except (RunFailed, OSError) as error:
        if as_json:
            print_json({"failed": str(error)})
        err().print(f"Failed: {error}", style="bold red")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        err().print(f"Interrupted. {on_interrupt() if on_interrupt else ''}".strip(), style="bold")
        raise typer.Exit(INTERRUPTED) from error


def assignments(texts: list[str], place: str) -> tuple[dict[str, str], list[Problem]]:
    """NAME=VALUE texts as a mapping, and a problem for each text that is not one or names a thing twice."""
    found: dict[str, str] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            problems.append(Problem(place, repr(text), "must be written NAME=VALUE"))
        elif name in found:
            problems.append(Problem(place, repr(text), f"{name} is given twice; give it once"))
        else:
            found[name] = value
    return found, problems


def check_free(path: Path | None, place: str) -> None:
    """Refuse a file that exists, before long work whose result could then not be written.

    Raises:
        BadInput: it exists.
    """
    if path is not None and path.exists():
        raise BadInput([Problem(place, str(path), "must be a file that does not exist yet")])


def write_new(path: Path, text: str, place: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        BadInput: it exists, or its folder cannot be written to.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise BadInput([Problem(place, str(path), "must be a file that does not exist yet")]) from None
    except OSError as error:
        allowed = f"must be a file that can be written ({error.strerror})"
        raise BadInput([Problem(place, str(path), allowed)]) from None
