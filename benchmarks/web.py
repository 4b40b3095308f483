"""How quick the app is: first curve of a run, pages while two runs compute, 200 requests at once, sliders.

    python benchmarks/web.py            (starts a server of its own; prints a table)

A time says something only on a machine with nothing else to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import httpx

PAGES = ("/", "/trial", "/trial/lin2017", "/mechanism", "/evidence", "/claims", "/credibility", "/runs")


def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "hepatrial", "serve", "--port", "0", "--data", data]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            address = next(line.strip() for line in server.stdout or () if line.startswith("http")).rstrip(
                "/"
            )
            with httpx.Client(base_url=address, timeout=120, headers={"connection": "close"}) as client:
                measure(client)
        finally:
            server.terminate()
            server.wait()


def measure(client: httpx.Client) -> None:
    warm(client)
    protocol = client.get("/api/protocols/lin2017").json()["protocol"]
    print(f"first curve of a run of 1,000 patients: {first_curve(client, protocol):.2f} s")
    print("slider: median {:.0f} ms, slowest {:.0f} ms".format(*sliders(client)))
    runs = [start(client, protocol, seed) for seed in (2, 3)]
    time.sleep(3)
    for page in PAGES:
        times = [timed(client, page) for _ in range(15)]
        middle, slowest = 1e3 * median(times), 1e3 * max(times)
        print(f"{page} while two runs compute: median {middle:.0f} ms, slowest {slowest:.0f} ms")
    states = [client.get(f"/api/runs/{run}").json()["state"] for run in runs]
    print(f"the two runs were {states} after it")
    for run in runs:
        client.post(f"/api/runs/{run}/cancel", headers=secret(client))
    print("200 requests at once: {} in {:.1f} s".format(*at_once(client)))


def warm(client: httpx.Client) -> None:
    """Wait until what pages keep in memory is made, and the reserve worker is ready."""
    for page in (*PAGES, "/mechanism/variants", "/api/mechanism/bands", "/api/mechanism/experiments/mouse"):
        client.get(page)
    time.sleep(5)


def start(client: httpx.Client, protocol: object, seed: int) -> str:
    asked = {"protocol": protocol, "patients": 1000, "replicates": 100, "pairs": 2000, "seed": seed}
    return str(client.post("/api/runs", json=asked, headers=secret(client)).json()["id"])


def secret(client: httpx.Client) -> dict[str, str]:
    """The proof that a browser gives: this client keeps the pages' cookie."""
    return {"x-csrf-token": client.cookies.get("hepatrial_csrf", "")}


def first_curve(client: httpx.Client, protocol: object) -> float:
    begun = time.perf_counter()
    run = start(client, protocol, 1)
    while client.get(f"/api/runs/{run}/figures/survival").status_code != 200:
        time.sleep(0.02)
    took = time.perf_counter() - begun
    client.post(f"/api/runs/{run}/cancel", headers=secret(client))
    return took


def sliders(client: httpx.Client) -> tuple[float, float]:
    times = [
        timed(client, f"/api/mechanism/bands?dose={1e5 * (k + 1)}&severity={k % 5 / 4}") for k in range(30)
    ]
    return 1e3 * median(times[5:]), 1e3 * max(times[5:])


def timed(client: httpx.Client, path: str) -> float:
    begun = time.perf_counter()
    client.get(path).raise_for_status()
    return time.perf_counter() - begun


def at_once(client: httpx.Client) -> tuple[dict[int, int], float]:
    begun = time.perf_counter()

    def one(k: int) -> int:
        return httpx.get(str(client.base_url).rstrip("/") + PAGES[k % len(PAGES)], timeout=120).status_code

    with ThreadPoolExecutor(200) as pool:
        codes = list(pool.map(one, range(200)))
    return {code: codes.count(code) for code in set(codes)}, time.perf_counter() - begun


if __name__ == "__main__":
    main()
