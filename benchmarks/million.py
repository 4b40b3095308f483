"""A million patients to Parquet: time, memory, the share of output, two-thread efficiency.

24 weeks, 26 visits, 12 observables in single precision, four weekly doses, all hazards live, traits drawn for
each patient, rtol 1e-4; on the model on which the peers were measured (four hazards, each strikes at most
once, as in that measurement) and on our own patient (its recurrent causes may recur).

Lines printed; the large run is measured once, what a second core gains in rounds; name the machine's load:

``scale MODEL patients threads wall_s cpu_s us_a_patient rss_MB rss_at_a_tenth_MB failed`` of a whole run;
``output MODEL share`` CPU time of tabulating, encoding, checksums and writing over that of everything;
``efficiency MODEL patients wall cpu`` time of one thread, on one core, over twice that of two (wall), and CPU
time of one thread over that of two, which does not depend on what else the machine does but sees no waiting:
of a whole run with its output, in which this process's Python is shared by all threads;
``engine MODEL patients wall`` the same of one call of the engine, traits and thresholds drawn before.

Usage: python benchmarks/million.py [--patients 1000000] [--efficiency 100000] [--model NAME] [--store]
``--store`` keeps the figures of the models measured in ``million.json`` for the page of the benchmarks.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from parts.page import urgent

from hepatrial.engine import simulate
from hepatrial.ensemble import EnsembleFolder, run_ensemble
from hepatrial.ensemble.storage import Shards
from hepatrial.ensemble.worker import Worker, pieces_of
from hepatrial.model import ModelSpec, load_cards, load_patient_model
from hepatrial.model.antimony import spec_from_antimony_file

VISITS = tuple(np.linspace(0, 168, 26).tolist())
DOSE_DAYS = [7.0, 14.0, 21.0, 28.0]
SAMPLE_CHUNKS = 4
ROUNDS = 3
STORED = Path(__file__).parent / "million.json"

BENCHMARK_SDS = (0.35, 0.35, 0.3, 0.3, 0.3, 0.4, 0.35, 0.4, 0.25, 0.2, 0.2, 0.4, 0.0, 0.25)
BENCHMARK_OUTPUTS = ("Fx", "Bt", "INR", "MELD", "ALT", "AST", "ALB", "NH3", "CRE", "HLC", "EV", "TNF")
PATIENT_OUTPUTS = (
    "function_mass",
    "alt",
    "ast",
    "bilirubin",
    "albumin",
    "inr",
    "creatinine",
    "sodium",
    "ammonia",
    "platelets",
    "map",
    "he_index",
)


def benchmark_model() -> tuple[ModelSpec, dict[str, Any]]:
    """The model of the peers' comparison with its fourteen log-normal traits."""
    spec = spec_from_antimony_file(Path(__file__).parent / "parts" / "engine_benchmark.ant")
    varied = [name for name in spec.parameters if name.startswith("v_")]
    draws = {
        name: {"distribution": "lognormal", "median": 1.0, "log_sd": sd}
        for name, sd in zip(varied, BENCHMARK_SDS, strict=True)
    }
    return spec, {
        "draws": draws,
        "doses": _doses("dose"),
        "outputs": BENCHMARK_OUTPUTS,
        "occurrences": 1,
        "beyond": "never",
    }


def patient_model() -> tuple[ModelSpec, dict[str, Any]]:
    """Our own patient: an insult of varied size, fourteen traits that vary by a fifth."""
    spec, cards = load_patient_model(), load_cards().model
    varied = [
        name for name in spec.parameters if name in cards and cards[name].spread and cards[name].value > 0
    ]
    draws: dict[str, Any] = {
        name: {"distribution": "lognormal", "median": cards[name].value, "log_sd": 0.2}
        for name in varied[:13]
    }
    draws["insult"] = {"distribution": "uniform", "low": 0.0, "high": 1.0}
    return spec, {"draws": draws, "doses": _doses("infuse_cells"), "outputs": PATIENT_OUTPUTS}


MODELS = {"benchmark": benchmark_model, "patient": patient_model}


def _doses(action: str) -> dict[str, list[Any]]:
    return {"time": DOSE_DAYS, "action": [action] * len(DOSE_DAYS), "amount": [1.0] * len(DOSE_DAYS)}


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Largest memory so far, and that when a tenth was done."""

    def __init__(self) -> None:
        self.most = self.tenth = 0.0

    def __call__(self, _stage: str, done: int, total: int) -> None:
        self.most = max(self.most, resident_mb())
        if done <= total / 10:
            self.tenth = self.most


@contextmanager
def ensemble(name: str, patients: int, threads: int) -> Iterator[tuple[EnsembleFolder, float, float, Watch]]:
    """A run in a folder of its own: the folder, seconds on the wall, seconds of CPU, memory."""
    spec, asked = MODELS[name]()
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        made = run_ensemble(
            spec,
            patients=patients,
            visits=VISITS,
            end=VISITS[-1],
            out=Path(folder) / "run",
            threads=threads,
            progress=watch,
            **asked,
        )
        assert made is not None
        yield made, time.perf_counter() - wall, time.process_time() - cpu, watch


@contextmanager
def cores(count: int) -> Iterator[None]:
    """As many cores for this process, where the system lets one say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    _keep_to(set(sorted(before)[:count]))
    try:
        yield
    finally:
        _keep_to(before)


def _keep_to(chosen: set[int]) -> None:
    """Let every thread run on these cores alone, those of polars too; later threads follow their parents."""
    threads = Path("/proc/self/task")
    for thread in [int(task.name) for task in threads.iterdir()] if threads.is_dir() else [0]:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(thread, chosen)


def engine_efficiency(name: str, patients: int) -> float:
    """Time of one call of the engine on one core over twice that on two, median of three."""
    with ensemble(name, patients, 2) as (folder, *_):
        worker = Worker.of(folder.path)
        parameters, initial = worker.inputs(0, patients)
        thresholds = worker.thresholds(worker.numbers(0, patients))
        doses, end = worker.impulses(0, patients), np.full(patients, float(VISITS[-1]))
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for threads in (1, 2):
            with cores(threads):
                begin = time.perf_counter()
                simulate(
                    *(worker.model, parameters, initial, thresholds, np.zeros((patients, 0)), end, doses),
                    threads=threads,
                )
                seconds.append(time.perf_counter() - begin)
        ratios.append(seconds[0] / (2 * seconds[1]))
    return statistics.median(ratios)


def output_share(folder: EnsembleFolder) -> float:
    """CPU time of output over all CPU time, on a few chunks, one thread."""
    worker = Worker.of(folder.path)
    with tempfile.TemporaryDirectory() as elsewhere:
        shards = Shards(Path(elsewhere))
        solving = writing = 0.0
        for chunk in range(min(SAMPLE_CHUNKS, worker.plan.chunks)):
            begin = time.process_time()
            bounds = pieces_of(worker.plan.rows(chunk))
            results = [(worker.numbers(*piece), worker.follow(*piece)) for piece in bounds]
            middle = time.process_time()
            shards.put_all(worker.encode(chunk, [worker.tabulate(*result) for result in results]))
            solving += middle - begin
            writing += time.process_time() - middle
    return writing / (solving + writing)


def measure(name: str, patients: int, efficiency: int) -> dict[str, float]:
    """Print the lines of one model; its figures. The large run comes first: nothing else has used memory."""
    with ensemble(name, 8192, 2):
        pass  # the model is compiled and cached
    told = large_run(name, patients)
    return told | two_threads(name, efficiency) if efficiency else told


def large_run(name: str, patients: int) -> dict[str, float]:
    """Time, memory and the share of output of one run in two threads."""
    with ensemble(name, patients, 2) as (folder, wall, cpu, watch):
        each = wall / patients * 1e6
        failed = folder.summary["failed"]
        print(
            f"scale {name} {patients} 2 {wall:.1f} {cpu:.1f} {each:.1f} "
            f"{watch.most:.0f} {watch.tenth:.0f} {failed}"
        )
        print(f"events {name} " + " ".join(f"{k} {v}" for k, v in folder.summary["events"].items()))
        share = output_share(folder)
        print(f"output {name} {share:.3f}", flush=True)
    return {
        "patients": patients,
        "threads": 2,
        "seconds": round(wall, 1),
        "CPU seconds": round(cpu, 1),
        "largest resident memory, MB": round(watch.most),
        "the same when a tenth was done, MB": round(watch.tenth),
        "share of output in CPU time": round(share, 3),
        "failed courses": failed,
    }


def two_threads(name: str, patients: int) -> dict[str, float]:
    """What a second core gains: a whole run, and one call of the engine; medians of interleaved rounds."""
    walls, cpus = [], []
    for _ in range(ROUNDS):
        found = {}
        for threads in (1, 2):
            with cores(threads), ensemble(name, patients, threads) as (_, wall, cpu, _):
                found[threads] = wall, cpu
        walls.append(found[1][0] / (2 * found[2][0]))
        cpus.append(found[1][1] / found[2][1])
    whole, of_cpu = statistics.median(walls), statistics.median(cpus)
    told = " ".join(f"{each:.3f}" for each in walls)
    print(f"efficiency {name} {patients} {whole:.3f} {of_cpu:.3f} ({told})", flush=True)
    alone = engine_efficiency(name, patients)
    print(f"engine {name} {patients} {alone:.3f}", flush=True)
    return {
        "two-thread efficiency of the engine, wall": round(alone, 3),
        "two-thread efficiency of the whole run, wall": round(whole, 3),
        "two-thread efficiency of the whole run, CPU": round(of_cpu, 3),
    }


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--efficiency", type=int, default=100_000)
    parser.add_argument("--model", choices=sorted(MODELS))
    parser.add_argument("--store", action="store_true")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    print(
        f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, load {load:.1f}"
    )
    chosen = [name for name in MODELS if asked.model in (None, name)]
    found = {}
    for name in chosen:  # each in a process of its own, so that memory is that model's
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found[name] = pool.submit(measure, name, asked.patients, asked.efficiency).result()
    if asked.store:
        kept = json.loads(STORED.read_text()) if STORED.is_file() else {}
        state = {"load before": round(load, 1), "at real-time priority": urgent()}
        kept |= {name: state | told for name, told in found.items()}
        STORED.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
