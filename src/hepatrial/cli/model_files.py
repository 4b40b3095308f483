"""``hepatrial model simulate | suite | code`` and ``hepatrial cache clear``: models of other people."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge
from hepatrial.cli.progress import progress_bars

SIMULATE_EXAMPLES = """Examples:

  hepatrial model simulate model.xml --settings settings.txt --output results.csv

  hepatrial model simulate model.ant --settings settings.txt --output results.csv
"""
SUITE_EXAMPLES = """Examples:

  hepatrial model suite sbml-test-suite/semantic --output-dir results
"""
CODE_EXAMPLES = """Examples:

  hepatrial model code                       (equations of the patient model)

  hepatrial model code model.xml --part jacobian

  hepatrial model code --part step           (the generated LLVM IR)
"""

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="SBML L2V4 to L3V2 core, or Antimony.")]

cache = typer.Typer(
    no_args_is_help=True,
    help="Compiled models and models read before, kept to start fast.",
    rich_markup_mode="rich",
)


def simulate(
    file: FileArgument,
    settings: Annotated[Path, typer.Option(help="Settings as in the SBML Test Suite: lines 'key: value'.")],
    output: Annotated[Path, typer.Option(help="New file: header time and variables, a row a time.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="Longest time that it may take.")] = 600.0,
) -> None:
    """Simulate a model file; what is not supported is refused by name."""
    with edge.exit_codes():
        from hepatrial.errors import BadInput, Problem
        from hepatrial.model.apart import call_apart
        from hepatrial.model.children import check_file

        problems = []
        if output.exists():
            problems.append(Problem("--output", str(output), "must be a file that does not exist yet"))
        elif not output.parent.is_dir():
            problems.append(Problem("--output", str(output), "must be in a folder that exists"))
        for file_given in (file, settings):
            try:
                check_file(file_given)
            except BadInput as bad:
                problems.extend(bad.problems)
        if problems:
            raise BadInput(problems)
        asked = {"model": str(file), "settings": str(settings)}
        text = call_apart("hepatrial.engine.course", asked, str(file), seconds)
        edge.write_new(output, text, "--output")
        edge.out().print(f"Wrote {output}")


def suite(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of CASE/model.xml, settings.txt.")],
    output_dir: Annotated[Path, typer.Option(help="Gets CASE.csv, or CASE.refused with the reason.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Child processes.", show_default="one a core")
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Simulate many cases in child processes; a crash or more than 20 s is a refusal too."""
    with edge.exit_codes(
        as_json, lambda: f"Cases done so far are in {output_dir}; the command does all anew."
    ):
        from hepatrial.engine.suite import run_suite

        with progress_bars() as progress:
            counts = run_suite(folder, output_dir, workers, progress=partial(progress, "cases"))
        if as_json:
            edge.print_json({"written": counts.written, "refused": counts.refused})
            return
        total = counts.written + counts.refused
        edge.out().print(f"{total} cases: {counts.written} written, {counts.refused} refused")


def code(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="SBML or Antimony.", show_default="the patient model"),
    ] = None,
    part: Annotated[
        str, typer.Option(help="equations, jacobian or step (the generated LLVM IR).")
    ] = "equations",
    lanes: Annotated[int, typer.Option(help="Patients abreast in the step: 1, 2, 4 or 8.")] = 4,
) -> None:
    """Print a model as the engine sees it."""
    with edge.exit_codes():
        from hepatrial.engine import show_code
        from hepatrial.errors import BadInput, Problem
        from hepatrial.model import load_model, load_patient_model

        if lanes not in (1, 2, 4, 8):
            raise BadInput([Problem("--lanes", str(lanes), "must be 1, 2, 4 or 8")])
        spec = load_patient_model() if file is None else load_model(file)
        typer.echo(show_code(spec, part, lanes), nl=False)


@cache.command(epilog="Example:\n\n  hepatrial cache clear\n")
def clear() -> None:
    """Remove all that is kept (compiled models, models read before); it is made again when needed."""
    with edge.exit_codes():
        from hepatrial.cache import cache_folder, clear_cache

        count = clear_cache()
        edge.out().print(f"Removed {count} file{'' if count == 1 else 's'} from {cache_folder()}")
