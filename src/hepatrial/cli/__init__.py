"""The command line: arguments in, the public functions called, words and exit codes out."""

from __future__ import annotations

import sys


def main() -> None:
    """Entry point of the ``hepatrial`` command."""
    if sys.argv[1:3] == ["model", "simulate"] and any(word.startswith("--settings") for word in sys.argv):
        from hepatrial.model.apart import start_early

        start_early("hepatrial.engine.course")
    from hepatrial.cli.app import app

    app(prog_name="hepatrial")
