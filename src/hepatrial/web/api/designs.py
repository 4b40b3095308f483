"""Designs read from files, kept for the form."""

from __future__ import annotations

import json
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel

from hepatrial.ensemble.storage import write_atomic
from hepatrial.web.api.protocols import TextIn
from hepatrial.web.problems import RESPONSES, Refused
from hepatrial.web.state import Served, Server
from hepatrial.web.submit import read_protocol
from hepatrial.web.untrusted import read_toml_text

router = APIRouter(prefix="/api/designs", tags=["protocols"], responses=RESPONSES)

Designed = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", description="Id of a design.")]
KEPT = 200
"""Designs kept; the oldest go first."""


class Design(BaseModel):
    """A design that was read."""

    id: str
    protocol: dict[str, Any]


@router.post("", status_code=201)
def create(given: TextIn, server: Served) -> Design:
    """Read the text of a protocol file and keep the design for the form at /trial/design/ID."""
    protocol = read_protocol(read_toml_text(given.text, "file"))
    folder = server.settings.data / "designs"
    folder.mkdir(parents=True, exist_ok=True)
    name = secrets.token_hex(6)
    write_atomic(folder / f"{name}.json", json.dumps(protocol.as_dict(), ensure_ascii=False).encode())
    for old in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return Design(id=name, protocol=protocol.as_dict())


@router.get("/{design}")
def one(design: Designed, server: Served) -> Design:
    """A design that was read."""
    return Design(id=design, protocol=kept(server, design))


def kept(server: Server, design: str) -> dict[str, Any]:
    """A kept design as plain data.

    Raises:
        Refused: 404.
    """
    try:
        found: dict[str, Any] = json.loads((server.settings.data / "designs" / f"{design}.json").read_bytes())
    except (OSError, ValueError):
        raise Refused(404, f"There is no design {design!r}.", "Open the file again at /trial.") from None
    return found
