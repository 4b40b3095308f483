"""``hepatrial protocols``, ``new``, ``schema``: the protocol files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

LIST_EXAMPLES = """Example:

  hepatrial protocols
"""
NEW_EXAMPLES = """Examples:

  hepatrial new mytrial                      (writes mytrial.toml)

  hepatrial new mytrial --from shi2012 --out trials/mytrial.toml
"""
SCHEMA_EXAMPLES = """Example:

  hepatrial schema > protocol.schema.json    (for an editor that completes TOML)
"""


def protocols(as_json: edge.JsonOption = False) -> None:
    """List the trials that ship as protocols: who, how many, from where."""
    with edge.exit_codes(as_json):
        from hepatrial.protocol import list_protocols, load_protocol

        found = {name: load_protocol(name) for name in list_protocols()}
        if as_json:
            edge.print_json(
                [
                    {
                        "name": name,
                        "title": protocol.identity.title,
                        "patients": protocol.patients,
                        "arms": list(protocol.arms),
                        "definition": protocol.identity.definition,
                        "citation": protocol.identity.citation,
                    }
                    for name, protocol in found.items()
                ]
            )
            return
        rows = (
            (name, str(protocol.patients), ", ".join(protocol.arms), protocol.identity.title)
            for name, protocol in found.items()
        )
        edge.print_table("Protocols that ship", ("name", "patients", "arms", "title"), rows)


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of the new protocol.")],
    origin: Annotated[str, typer.Option("--from", help="Shipped protocol to begin from.")] = "lin2017",
    out: Annotated[Path | None, typer.Option(help="File to write.", show_default="NAME.toml")] = None,
) -> None:
    """Begin a new protocol file: a commented copy of a shipped one, for editing."""
    with edge.exit_codes():
        from hepatrial.protocol import new_protocol

        text = new_protocol(name, origin)
        path = out or Path(f"{name}.toml")
        edge.write_new(path, text, "--out")
        edge.out().print(f"Wrote {path}. Edit it, then: hepatrial run {path}")


def schema() -> None:
    """Print the JSON Schema of a protocol file."""
    with edge.exit_codes():
        from hepatrial.protocol import protocol_schema

        edge.print_json(protocol_schema())
