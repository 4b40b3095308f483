"""Fit the HBV-ACLF layer: python verification/fit_hbv_aclf.py GENERATIONS CANDIDATES OUT.json [BEGIN.json]

Prints the loss of each generation and, at the end, the misses on a fresh cohort, the largest first. OUT.json
holds the settings; the cards are edited from it by hand, so that a person has read every change.
"""

import json
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from hepatrial.calibration.fit import decode, load_free, make_loss, misses, search
from hepatrial.engine import compile_model, simulate
from hepatrial.model import load_patient_model


def main(generations: int, candidates: int, out: Path, begin: Path | None = None) -> None:
    spec = load_patient_model()
    solve = partial(simulate, compile_model(spec, lanes=4), threads=2)
    free = load_free()
    began = time.monotonic()
    start = None
    if begin is not None:
        held = json.loads(begin.read_text())
        start = np.array([np.log(held.get(f.name, f.start) / f.start) / f.log_sd for f in free])

    def report(generation: int, loss: float, mean: object) -> None:
        out.write_text(json.dumps(decode(free, mean), indent=1))
        print(f"{generation:4d}  median loss {loss:8.1f}  {time.monotonic() - began:6.0f} s", flush=True)

    best = search(
        make_loss(spec, solve, free, candidates),
        len(free),
        generations=generations,
        seed=1000,
        report=report,
        start=start,
    )
    settings = decode(free, best)
    for name, cohort, value, target, z in misses(spec, solve, settings, candidates=20_000, seed=99):
        print(f"{name:28s}{cohort:6s}{value:10.3f} against {target:8.3f}  {z:+6.2f}")
    for f in free:
        print(f"{f.name:32s}{f.start:10.4g} -> {settings[f.name]:10.4g}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), *map(Path, sys.argv[4:5]))
