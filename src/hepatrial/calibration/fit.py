"""The coarse fit: a CMA-ES search of the declared free cards against the declared targets."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from hepatrial.calibration.cohort import reference_cohort, reference_protocol
from hepatrial.calibration.statistics import load_targets, misfit
from hepatrial.engine import Result
from hepatrial.model.spec import ModelSpec

FEWEST_ADMITTED = 100
"""Below this a statistic is noise; such a setting is given up."""
GIVEN_UP = 1e6


@dataclass(frozen=True)
class Free:
    """A card that the fit may move: setting name, value before the fit, log-SD of its prior."""

    name: str
    start: float
    log_sd: float


def load_free() -> tuple[Free, ...]:
    """The free cards of ``targets.toml``, each with its value before the fit."""
    text = files("hepatrial.calibration").joinpath("targets.toml").read_text(encoding="utf-8")
    rows = tomllib.loads(text)["free"].items()
    return tuple(Free(name, float(row["start"]), float(row["log_sd"])) for name, row in rows)


def decode(free: Sequence[Free], step: NDArray[np.float64]) -> dict[str, float]:
    """Settings at ``step`` prior standard deviations from the start."""
    return {f.name: float(f.start * np.exp(f.log_sd * x)) for f, x in zip(free, step, strict=True)}


def make_loss(
    spec: ModelSpec, solve: Callable[..., Result], free: Sequence[Free], candidates: int
) -> Callable[[NDArray[np.float64], int], float]:
    """The loss: squared standardised misses and squared prior steps, of a fresh cohort a seed.

    Returns:
        ``loss(step, seed)``.
    """
    targets, protocol = load_targets(), reference_protocol()

    def loss(step: NDArray[np.float64], seed: int) -> float:
        settings = decode(free, step)
        cohort, pool = reference_cohort(
            spec, solve, settings, candidates=candidates, seed=seed, protocol=protocol
        )
        if len(pool) < FEWEST_ADMITTED:
            return GIVEN_UP
        return sum(z**2 for _, _, z in misfit(cohort, targets)) + float(step @ step)

    return loss


def search(
    loss: Callable[[NDArray[np.float64], int], float],
    size: int,
    *,
    generations: int,
    seed: int,
    report: Callable[[int, float, NDArray[np.float64]], None],
    start: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Minimise with CMA-ES (Hansen 2016, arXiv:1604.00772), a new cohort every generation.

    The same cohort serves all of a generation, so that its members are compared on the same luck; changing it
    keeps the search from fitting one cohort's noise. The answer is the mean of the last distribution.
    """
    import cma

    evolution = cma.CMAEvolutionStrategy(
        np.zeros(size) if start is None else start,
        0.4 if start is None else 0.25,
        {"popsize": 16, "seed": seed, "verbose": -9},
    )
    for generation in range(generations):
        steps = evolution.ask()
        losses = [loss(np.asarray(step), seed + generation) for step in steps]
        evolution.tell(steps, losses)
        report(generation, float(np.median(losses)), np.asarray(evolution.mean))
    return np.asarray(evolution.mean)


def misses(
    spec: ModelSpec,
    solve: Callable[..., Result],
    settings: Mapping[str, float],
    *,
    candidates: int,
    seed: int,
) -> list[tuple[str, str, float, float, float]]:
    """(target, cohort, simulated, published, standardised miss) on a fresh cohort, the largest miss first."""
    cohort, _ = reference_cohort(spec, solve, settings, candidates=candidates, seed=seed)
    return [(t.name, t.cohort, v, t.value, z) for t, v, z in misfit(cohort, load_targets())]
