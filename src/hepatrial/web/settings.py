"""What a server is started with."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Addresses that only this machine can reach."""


def data_folder() -> Path:
    """Where a user's runs are kept: ``HEPATRIAL_DATA``, or a place in the user's data folder."""
    if given := os.environ.get("HEPATRIAL_DATA"):
        return Path(given)
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return root / "hepatrial" / "web"


@dataclass(frozen=True)
class Settings:
    """A server's settings.

    Attributes:
        data: folder of the registry and the runs; nothing outside it is served.
        host, port: address to bind to.
        token: secret that every request must carry; None on loopback only.
        running: runs computed at a time.
        queued: runs that may wait.
        threads: workers of each run.
        body: largest request in bytes.
        courses: largest run (patients x trials + pairs x arms).
    """

    data: Path = field(default_factory=data_folder)
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = None
    running: int = 2
    queued: int = 20
    threads: int = field(default_factory=lambda: max(1, (os.cpu_count() or 1) // 2))
    body: int = 1_000_000
    courses: int = 2_000_000

    def __post_init__(self) -> None:
        if self.token is None and self.host not in LOOPBACK:
            raise ValueError("a server that other machines can reach needs a token")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
