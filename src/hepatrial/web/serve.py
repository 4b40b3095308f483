"""Start the server."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.web.app import create_app
from hepatrial.web.jobs.queue import DataInUse, take
from hepatrial.web.settings import Settings


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        settings: of the server.
        say: is told the address.

    Raises:
        BadInput: the address cannot be bound to.
        RunFailed: another server works on the data folder.
    """
    with _bind(settings) as bound:
        try:
            take(settings.data).close()
        except DataInUse as error:
            raise RunFailed(f"{error}; stop it, or give --data another folder.") from None
        host = "127.0.0.1" if settings.loopback else settings.host
        name = f"[{host}]" if ":" in host else host
        secret = f"/?token={settings.token}" if settings.token else "/"
        say(f"http://{name}:{bound.getsockname()[1]}{secret}")
        config = uvicorn.Config(
            create_app(settings),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=3,
        )
        uvicorn.Server(config).run(sockets=[bound])


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((settings.host, settings.port))
        bound.listen(2048)  # whoever comes before the app is up waits instead of being refused
    except OSError as error:
        bound.close()
        allowed = f"an address of this machine and a free port ({error.strerror})"
        raise BadInput([Problem("--host, --port", f"{settings.host}:{settings.port}", allowed)]) from None
    return bound
