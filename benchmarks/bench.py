"""How fast the engine is beside others at the same accuracy, and how fast it starts.

Prints one line a comparison, ``ratio PEER MODEL ERROR VALUE``: we are VALUE times faster than PEER on MODEL
where both reach ERROR, one core, double precision. Lines that begin with ``screening`` say the same of the
screening mode. A peer that is not installed is named and left out. Writes docs/benchmarks.md from what it
measured. Best run alone on the machine.

Usage: python benchmarks/bench.py [--quick] [--rounds N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from parts.compare import Point, measure, ratio
from parts.ours import Hepatrial, Screening
from parts.page import machine, page, short
from parts.problems import benchmark_model, patient_model
from parts.startup import start_up

ERRORS = {"libroadrunner": (1e-3, 1e-5), "numbalsoda": (2e-3, 2e-4, 4e-6)}
HERE = Path(__file__).parent
MILLION = HERE / "million.json"


def peers(comparison: Any) -> list[Any]:
    """The peers that are installed, on this comparison."""
    from parts.numbalsoda_peer import NumbalsodaPeer
    from parts.roadrunner_peer import RoadRunnerPeer

    found = []
    for kind in (RoadRunnerPeer, NumbalsodaPeer):
        try:
            found.append(kind(comparison))
        except ImportError as missing:
            print(
                f"skipped {kind.name} {comparison.name}: {missing.name or missing} is not installed",
                flush=True,
            )
    return found


def tell(word: str, peer: str, model: str, error: float, value: float) -> None:
    """One line a comparison; ``ratio`` is double precision, ``screening`` the screening mode."""
    if math.isnan(value):
        print(f"not measured: {word} {peer} {model} {short(error)} (an engine does not reach it)", flush=True)
    else:
        print(f"{word} {peer} {model} {short(error)} {value:.1f}", flush=True)


def main() -> None:
    """Measure, print, write the page."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--quick", action="store_true", help="a smoke test: few patients, one round, no page")
    told.add_argument("--rounds", type=int, default=5)
    told.add_argument("--out", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    asked = told.parse_args()
    rounds = 1 if asked.quick else asked.rounds
    ours, theirs, compared = (64, 4, 4) if asked.quick else (2048, 48, 48)
    print(machine(), flush=True)
    all_points: list[tuple[str, Point]] = []
    ratios, screened = [], []
    for make in (benchmark_model, patient_model):
        comparison = make(ours)
        engines = [Hepatrial(comparison), Screening(comparison), *peers(comparison)]
        reference_engine = next((e for e in engines if e.name == "libroadrunner"), engines[0])
        reference, _ = reference_engine.run(compared, 1e-10)
        counts = {e.name: ours if isinstance(e, Hepatrial) else theirs for e in engines}
        points = measure(comparison, engines, reference, rounds, counts)
        all_points += [(comparison.name, p) for p in points]
        for p in points:
            print(
                f"time {p.engine.name} {comparison.name} {p.variant or 'default'}, rtol {p.rtol:.0e}, "
                f"error {p.error:.1e}, {p.median * 1e6:.1f} us",
                flush=True,
            )
        for engine in engines[2:]:
            for error in ERRORS[engine.name]:
                value = ratio(points, engine.name, error)
                ratios.append((engine.name, comparison.name, error, value))
                tell("ratio", *ratios[-1])
                value = ratio(points, engine.name, error, Screening.name)
                screened.append((engine.name, comparison.name, error, value))
                tell("screening", *screened[-1])
    start = start_up(1 if asked.quick else 5)
    for what, seconds in start.items():
        print(f"start {what}: {seconds:.2f} s", flush=True)
    if not asked.quick:
        million = json.loads(MILLION.read_text()) if MILLION.is_file() else None
        asked.out.write_text(page(rounds, ratios, screened, all_points, start, million))
        print(f"wrote {asked.out}")


if __name__ == "__main__":
    main()
