"""A real server: without its queue (what is put into it stays there), or whole before a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import CHROMIUM, Server
from web_server import Program, served

from hepatrial.protocol import load_protocol
from hepatrial.web.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", queued=3)


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    """A program that calls the API; its cookies are dropped after every answer."""
    with served(settings) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield Program(client)


@pytest.fixture(scope="session")
def lin() -> dict[str, Any]:
    return load_protocol("lin2017").as_dict()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``hepatrial serve`` for the tests of a file."""
    running = Server(tmp_path_factory.mktemp("web"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium for the tests of a file."""
    from playwright.sync_api import sync_playwright  # only these tests need it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
