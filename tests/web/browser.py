"""A real server in its own process, and Debian's Chromium before it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
ABSENT = "Debian's chromium is not installed (apt install chromium fonts-noto-cjk)"
QUICK = {"replicates": 4, "pairs": 60, "patients": 40}
SIZES = {"desk": (1280, 900), "phone": (390, 844)}


class Server:
    """``hepatrial serve`` as a process."""

    def __init__(self, data: Path, port: int = 0, *more: str) -> None:
        self.data, self.more = data, more
        self.process: subprocess.Popen[str] | None = None
        self.address = ""
        self.start(port)

    def start(self, port: int = 0) -> None:
        """Start it and wait for the address that it prints."""
        command = [
            sys.executable,
            "-m",
            "hepatrial",
            "serve",
            "--port",
            str(port),
            "--data",
            str(self.data),
            *self.more,
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("http"):
                self.address = line.strip().rstrip("/")
                break
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(f"{self.address}/static/app.css", timeout=5)
                return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Close the pipe of a server that ended."""
        if self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> None:
        """As Ctrl-C does."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        self.close()

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return httpx.request(method, self.address + path, timeout=120, **more)

    def wait(self, run: str, seconds: float = 240, state: str = "done") -> dict[str, Any]:
        """Wait until a run is in a state."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            told: dict[str, Any] = self.call("GET", f"/api/runs/{run}").json()
            if told["state"] == state:
                return told
            assert told["state"] in ("queued", "running"), told
            time.sleep(0.2)
        raise AssertionError(f"the run is {told['state']} after {seconds} s")


def opened(chromium: Any, lang: str = "en-GB", size: str = "desk") -> Any:
    """A tab that fails the test on any error of a script or of the policy."""
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, locale=lang, accept_downloads=True
    )
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.wrong = wrong
    yield page
    context.close()
    refusals = [text for text in wrong if "status of 4" not in text]  # of forms that are meant to be refused
    assert refusals == []
