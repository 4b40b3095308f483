"""Start-up as a user meets it: whole fresh processes, median of several."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODEL = "model tank() compartment c = 2; species S in c; S = 3; J: S -> ; 0.5*c*S; end\n"
SETTINGS = """start: 0
duration: 2
steps: 4
variables: S
absolute: 1e-6
relative: 1e-4
amount: S
concentration:
"""
FIRST_RESULT = """
import sys
import numpy as np
from hepatrial.engine import compile_model, simulate
from hepatrial.model.untrusted import load_model
spec = load_model(sys.argv[1])
n, h = 4, len(spec.hazards)
simulate(compile_model(spec), np.tile(spec.default_parameters, (n, 1)), np.tile(spec.initial_state, (n, 1)),
         np.full((n, h, 1), np.inf), np.tile(np.linspace(0, 168, 26), (n, 1)), np.full(n, 168.0))
"""


def start_up(rounds: int) -> dict[str, float]:
    """What was started -> median seconds of the whole process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tank.ant").write_text(MODEL)
        (folder / "settings.txt").write_text(SETTINGS)
        model = Path(__file__).parent / "engine_benchmark.ant"
        first = [sys.executable, "-c", FIRST_RESULT, str(model)]
        command = [sys.executable, "-m", "hepatrial"]
        course = [
            *(*command, "model", "simulate", str(folder / "tank.ant")),
            *("--settings", str(folder / "settings.txt"), "--output"),
        ]
        found: dict[str, list[float]] = {}
        for k in range(rounds):
            cache = folder / f"cache{k}"
            found.setdefault("model text to first result, cold", []).append(_seconds(first, cache))
            found.setdefault("model text to first result, cached", []).append(_seconds(first, cache))
            found.setdefault("hepatrial --help", []).append(_seconds([*command, "--help"], cache))
            for kind in ("cold", "cached"):
                output = folder / f"{kind}{k}.csv"
                seconds = _seconds([*course, str(output)], cache)
                found.setdefault(f"hepatrial model simulate, {kind}", []).append(seconds)
        return {what: statistics.median(seconds) for what, seconds in found.items()}


def _seconds(command: list[str], cache: Path) -> float:
    begin = time.perf_counter()
    environment = {**os.environ, "HEPATRIAL_CACHE": str(cache)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - begin
