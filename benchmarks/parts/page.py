"""docs/benchmarks.md, written from what was measured."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from parts.compare import Point
from parts.targets import targets

HEAD = """# Benchmarks

Written by `make bench`. Every number was measured on the machine named here, by the scripts in `benchmarks/`.

{machine}

## What was aimed at

Misses first. The comparisons are those on the model `benchmark`, in double precision on one core.

| what | wanted | measured | |
|---|---|---|---|
{targets}

## Against other engines, at the same accuracy

The same patients for 24 weeks with four weekly doses and 26 visits at which every state and cumulative
hazard is recorded, on one core, in double precision. `benchmark` has 28 states and 4 cumulative hazards;
`patient` is the model of this package. No hazard event happens, and the peers are spared looking for one.
The error is, per patient, the largest |y - ref| / (|ref| + 1 % of the typical size) over states and visits,
median over patients; ref is libRoadRunner at a relative tolerance of 1e-10. Engines are measured in turns,
{rounds} rounds, medians of the CPU time that each took (all run in one thread); peers run at several
absolute tolerances and only the best of them count. A ratio compares the two times interpolated (log-log)
at the error named: equal tolerances are not equal accuracy.
The screening mode computes in single precision and repeats doubtful patients in double.

| peer | model | error | we are faster by | in the screening mode |
|---|---|---|---|---|
"""
MILLION = """As `benchmarks/million.py --store` kept it: 24 weeks, 26 visits, 12 outputs in single precision
to Parquet, four weekly doses, traits drawn for each patient, hazard events, relative tolerance 1e-4."""
URGENT = "The machine had other work too; the benchmark went before it, at real-time priority."
KINDS = {"x86_64": "x86-64", "AMD64": "x86-64", "aarch64": "ARM64", "arm64": "ARM64"}


def machine() -> str:
    """Processor, cores, versions."""
    names = ("numpy", "scipy", "llvmlite", "libroadrunner", "numba", "numbalsoda")
    versions = [f"{name} {_version(name)}" for name in names]
    kind = KINDS.get(platform.machine(), platform.machine())
    told = (
        f"{_processor()} ({kind}), {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}."
    )
    return f"{told} {URGENT}" if urgent() else told


def urgent() -> bool:
    """Whether this process goes before all ordinary ones."""
    return hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def page(
    rounds: int,
    ratios: Sequence[tuple[str, str, float, float]],
    screened: Sequence[tuple[str, str, float, float]],
    points: Sequence[tuple[str, Point]],
    start: dict[str, float],
    million: dict[str, Any] | None,
) -> str:
    """The text of docs/benchmarks.md."""
    aims = "\n".join(
        f"| {t.what} | {t.side} {t.wanted:g} | {_shown(t.found)} | {t.verdict} |"
        for t in targets(ratios, start, million)
    )
    parts = [HEAD.format(machine=machine(), rounds=rounds, targets=aims).rstrip("\n")]
    parts += [
        f"| {peer} | {model} | {short(error)} | {_times(value)} | {_times(screen[3])} |"
        for (peer, model, error, value), screen in zip(ratios, screened, strict=True)
    ]
    parts += [
        "",
        "### What was measured",
        "",
        "| model | engine | setting | rtol | error | time a patient, us |",
    ]
    parts.append("|---|---|---|---|---|---|")
    parts += [
        f"| {model} | {p.engine.name} | {p.variant or 'default'} | {p.rtol:.0e} | {p.error:.1e} "
        f"| {p.median * 1e6:.0f} |"
        for model, p in points
    ]
    parts += ["", "## Start-up", "", "Whole fresh processes, medians.", "", "| what | seconds |", "|---|---|"]
    parts += [f"| {what} | {seconds:.2f} |" for what, seconds in start.items()]
    if million is not None:
        parts += ["", "## A million patients", "", MILLION, ""]
        parts += ["| what | value |", "|---|---|"]
        parts += [f"| {key} | {_shown(value)} |" for key, value in _flat(million)]
    return "\n".join(parts) + "\n"


def short(error: float) -> str:
    """An error as ``1e-3``."""
    return f"{error:.0e}".replace("e-0", "e-")


def _times(value: float) -> str:
    return "not measured" if math.isnan(value) else f"{value:.1f} times"


def _flat(told: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(told, dict):
        return [pair for key, value in told.items() for pair in _flat(value, f"{name} {key}".strip())]
    if isinstance(told, list) and any(isinstance(v, dict) for v in told):
        return [pair for i, value in enumerate(told, 1) for pair in _flat(value, f"{name} {i}".strip())]
    return [(name, told)]


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)
