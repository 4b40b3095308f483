"""``hepatrial serve``: the app in a browser on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

EXAMPLES = """Examples:

  hepatrial serve                      (http://127.0.0.1:8000, this machine only)

  hepatrial serve --port 0 --data trials

  hepatrial serve --host 0.0.0.0       (other machines too; prints an address with a token)
"""


def serve(
    host: Annotated[
        str, typer.Option(help="Address to bind to; other than loopback a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the runs.", show_default="the user's data folder"),
    ] = None,
    running: Annotated[int, typer.Option(min=1, max=64, help="Runs computed at a time.")] = 2,
    queued: Annotated[int, typer.Option(min=1, max=10_000, help="Runs that may wait.")] = 20,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Workers of each run.", show_default="cores / runs")
    ] = None,
) -> None:
    """Serve the app: plan trials, explore the mechanism, check claims, in a browser, offline.

    Nothing leaves this machine. On another address than loopback every request needs the token that is
    printed (or that of the environment's HEPATRIAL_TOKEN).
    """
    with edge.exit_codes(on_interrupt=lambda: "Runs go on with the next 'hepatrial serve'."):
        import os
        import secrets

        from hepatrial.errors import RunFailed

        try:
            from hepatrial.web.serve import serve as run_server
        except ModuleNotFoundError as missing:
            if (missing.name or "").startswith("hepatrial"):
                raise
            raise RunFailed(f"{missing.name} is not installed: pip install 'hepatrial[web]'") from None
        from hepatrial.web.settings import LOOPBACK, Settings, data_folder

        token = os.environ.get("HEPATRIAL_TOKEN") or None
        if token is None and host not in LOOPBACK:
            token = secrets.token_urlsafe(24)
        cores = os.cpu_count() or 1
        settings = Settings(
            data=data_folder() if data is None else data,
            host=host,
            port=port,
            token=token,
            running=running,
            queued=queued,
            threads=threads or max(1, cores // running),
        )
        console = edge.out()
        console.print(f"Runs are kept in {settings.data}. Research use only. Ctrl-C stops.")
        run_server(settings, lambda address: console.print(address, style="bold"))
