"""The pictures of the READMEs: the page of a finished run in the web app, one in each language.

``python docs/make_screenshot.py`` starts ``hepatrial serve`` on a free port, simulates Lin 2017 there at the
size of ``make demo`` and writes ``docs/images/app.png`` and ``app.zh-CN.png``. It needs Debian's Chromium and
fonts-noto-cjk. ``--replicates`` and ``--pairs`` make it quicker while the page is being changed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
PICTURES = {"en": IMAGES / "app.png", "zh": IMAGES / "app.zh-CN.png"}
SIZE = {"width": 1000, "height": 1180}
LARGEST = 300_000
"""Bytes of a picture; more is no picture for a README."""


@contextmanager
def served(data: Path) -> Iterator[str]:
    """The address of a server of its own on this machine."""
    command = [sys.executable, "-m", "hepatrial", "serve", "--port", "0", "--data", str(data)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None
        yield next(line.strip().rstrip("/") for line in server.stdout if line.startswith("http"))
    finally:
        server.terminate()
        server.wait(30)


def call(address: str, body: Any = None) -> dict[str, Any]:
    """What the server answers; with a body it is sent."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def simulate(address: str, replicates: int, pairs: int) -> str:
    """Run Lin 2017 on the server and wait for its end.

    Returns:
        The id of the run.

    Raises:
        RuntimeError: it did not end well.
    """
    asked = {
        "protocol": call(f"{address}/api/protocols/lin2017")["protocol"],
        "origin": "lin2017",
        "replicates": replicates,
        "pairs": pairs,
    }
    run: str = call(f"{address}/api/runs", asked)["id"]
    while (told := call(f"{address}/api/runs/{run}"))["state"] in ("queued", "running"):
        time.sleep(1)
    if told["state"] != "done":
        raise RuntimeError(f"the run is {told['state']}: {told.get('error')}")
    return run


def photograph(address: str, run: str) -> None:
    """The page of the run in each language.

    Raises:
        RuntimeError: a picture is too large.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for lang, picture in PICTURES.items():
            page = browser.new_page(viewport=SIZE)
            page.goto(f"{address}/runs/{run}?lang={lang}")
            page.locator("#chart svg, #chart canvas").first.wait_for(timeout=60_000)
            figure = page.locator("figure").first.bounding_box()
            assert figure is not None
            below = figure["y"] + figure["height"] + 16
            page.screenshot(path=picture, clip={"x": 0, "y": 0, "width": SIZE["width"], "height": below})
            print(picture, picture.stat().st_size, "bytes")
            if picture.stat().st_size > LARGEST:
                raise RuntimeError(f"{picture} is larger than {LARGEST} bytes")
        browser.close()


def main() -> None:
    """Simulate, then photograph."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5000)
    asked = parser.parse_args()
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data, served(Path(data)) as address:
        photograph(address, simulate(address, asked.replicates, asked.pairs))


if __name__ == "__main__":
    main()
