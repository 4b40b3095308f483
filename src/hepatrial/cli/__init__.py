"""The command line: arguments in, the public functions called, words and exit codes out."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``hepatrial`` command."""
    from hepatrial.cli.app import app

    app(prog_name="hepatrial")
