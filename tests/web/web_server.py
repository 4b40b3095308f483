"""A real server on a free port, in a thread, without its queue."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from hepatrial.web.app import create_app
from hepatrial.web.settings import Settings


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of a server of these settings."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(settings), lifespan="off", log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    bound.close()


class Program:
    """A client that keeps no cookie, as a program that calls the API."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.origin = str(client.base_url).rstrip("/")

    def __getattr__(self, method: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.client.cookies.clear()
            answer = getattr(self.client, method)(*given, **named)
            self.client.cookies.clear()
            return answer

        return call
