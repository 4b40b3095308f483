"""The command line: arguments in, the public functions called, words and exit codes out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any


def main() -> None:
    """Entry point of the ``hepatrial`` command."""
    if sys.argv[1:3] == ["model", "simulate"] and any(word.startswith("--settings") for word in sys.argv):
        from hepatrial.model.apart import start_early

        start_early("hepatrial.engine.course")
    from hepatrial.cli.app import app

    if asks_for_json(sys.argv[1:]):
        _main_in_json(app)
    else:
        app(prog_name="hepatrial")


def asks_for_json(words: list[str]) -> bool:
    """Whether stdout is to hold JSON and nothing else."""
    return "--json" in words or "--format=json" in words or ("--format", "json") in pairwise(words)


def _main_in_json(app: Callable[..., Any]) -> None:
    """Run the app so that also an unknown option or a text for a number is told in JSON."""
    try:
        code = app(prog_name="hepatrial", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        from hepatrial.cli.edge import BAD_INPUT, print_problems
        from hepatrial.errors import Problem

        command = getattr(getattr(error, "ctx", None), "command_path", "hepatrial")
        nearest = next(iter(getattr(error, "possibilities", None) or ()), None)
        problem = Problem(command, error.format_message(), f"as {command} --help says", nearest)
        print_problems((problem,), as_json=True)
        code = BAD_INPUT
    sys.exit(code if isinstance(code, int) else 0)
