"""A real server without its queue: quick, and whatever is put into the queue stays there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
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
