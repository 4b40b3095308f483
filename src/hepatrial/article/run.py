"""How often a trial of the real size shows what the article prints.

Each trial has all its patients from one plausible world: a draw of the ensemble with a structural variant.

``results.json`` (and the stored copy ``stored.json``) is a dict: ``mark``, ``hash``, ``model`` (hash of the
patient model), ``ensemble`` (its hash), ``trials`` (run in each scenario), ``worlds``, ``pairs`` (patients of
each world), ``seed``, ``mechanisms`` (the cards), ``bounds`` (plain arithmetic), ``banks`` (protocol ->
``hash``, ``patients``, ``failed``, ``risks``: course -> week -> ``share`` dead with its ``se`` between
worlds, ``low`` and ``high`` of nine of ten worlds) and ``rows``.
A row: ``protocol``, ``claim``, ``figure``, ``world`` ("no effect", "effect"), ``mechanism`` ("none" or its
name), ``level`` ("", "middle", "strong"), ``strength``, ``seen`` (trials published), ``probability`` with
``mc_error``, ``low``, ``high`` (95 %, see ``share``), and ``calculated`` (binomial from the scenario's
risks, or null).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hepatrial.analysis.clusters import design_effect, mean_with_error
from hepatrial.analysis.proportions import clopper_pearson
from hepatrial.calibration.ensemble import load_ensemble
from hepatrial.calibration.worlds import single_worlds
from hepatrial.errors import BadInput, Problem, RunFailed
from hepatrial.model import load_patient_model
from hepatrial.protocol import load_protocol
from hepatrial.provenance import fingerprint
from hepatrial.schema import MARK
from hepatrial.trial.bank import Bank, make_bank
from hepatrial.trial.bias import ALPHA, Trials, draw_trials, mechanisms, welch

Yes = NDArray[np.bool_]
Whole = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

ARTICLE_TRIALS = {"lin2017": "survival", "shi2012": "survival", "peng2011": "laboratory"}
"""Protocol -> by what a trial of it is judged for publication."""
POINTS = {
    "lin2017": ("S2", {4: 22.2, 12: 19.3, 24: 17.6}),
    "shi2012": ("S1", {4: 41.9, 12: 24.3, 24: 24.3}),
}
"""Differences as the article prints them (grade article), percentage points; shown, fitted by nothing."""
EARLY, LATE_DEATHS = 0, 15
"""Deaths with cells in S2 by week 4 and by week 24, of 56 (100 % and 73.2 % alive)."""
ROUNDING = 0.05
TAIL = 0.025
"""Of a 95 % interval, on each side."""
SELECTED = 10
"""Trials run for each wanted one where publication is selective."""


def simulate_article(
    *, trials: int = 1_000, worlds: int = 50, pairs: int = 300, seed: int = 1, threads: int | None = None,
    folder: Path | None = None, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Simulate S1, S2, S3 and F1.

    Args:
        trials: run in each scenario, at the real size.
        worlds: draws of the shipped ensemble, each with a structural variant, in which they are run.
        pairs: patients of each world of a design's bank.
        seed: of all chance.
        threads: workers of the banks; changes no result.
        folder: where the banks are kept, so that an interrupted call goes on.
        progress: called with (stage, done, total).

    Returns:
        The dict described at the head of this module.

    Raises:
        BadInput: numbers that cannot be.
    """
    problems = [
        Problem(name, str(value), f"a whole number, at least {least}")
        for name, value, least in (
            ("--trials", trials, 10),
            ("--worlds", worlds, 2),
            ("--pairs", pairs, 100),
            ("--seed", seed, 0),
        )
        if value < least
    ]
    if problems:
        raise BadInput(problems)
    tell = progress or (lambda _stage, _done, _total: None)
    rows: list[dict[str, Any]] = []
    banks: dict[str, Any] = {}
    ensemble = load_ensemble()
    plausible = single_worlds(ensemble, worlds, seed)
    for name, judged in ARTICLE_TRIALS.items():
        kept = folder / f"bank-{name}" if folder else None
        bank = make_bank(
            load_protocol(name), pairs, plausible, seed=seed, judged_by=judged, threads=threads,
            folder=kept, progress=_named(tell, name),
        )  # fmt: skip
        banks[name] = {"hash": bank.hash, "patients": len(bank), "failed": bank.failed, "risks": _risks(bank)}
        todo = list(scenarios())
        for done, (effect, mechanism, level, strength) in enumerate(todo, 1):
            more = SELECTED if mechanism == "selective_publication" else 1
            power = {} if mechanism == "none" else {mechanism: strength}
            drawn = draw_trials(bank, trials * more, effect=effect, strengths=power, seed=seed).seen()
            for claim, figure, shown in figures(name, drawn):
                rows.append(
                    {
                        "protocol": name, "claim": claim, "figure": figure,
                        "world": "effect" if effect else "no effect", "mechanism": mechanism, "level": level,
                        "strength": strength, **share(shown, drawn.world),
                        "calculated": _calculated(drawn) if figure == "none_by_4_and_15_by_24" else None,
                    }
                )  # fmt: skip
            tell(f"{name} trials", done, len(todo))
    cards = {key: card.model_dump() for key, card in mechanisms().items()}
    body = {
        "model": load_patient_model().hash, "ensemble": ensemble.hash,
        "trials": trials, "worlds": worlds, "pairs": pairs, "seed": seed,
        "mechanisms": cards, "bounds": bounds(), "banks": banks, "rows": rows,
    }  # fmt: skip
    return {"mark": MARK["en"], "hash": fingerprint(body), **body}


def _named(tell: Progress, name: str) -> Progress:
    """Progress of one design."""
    return lambda stage, done, total: tell(f"{name} {stage}", done, total)


def scenarios() -> Iterator[tuple[bool, str, str, float]]:
    """(effect, mechanism, level, strength) of every scenario."""
    for effect in (False, True):
        yield effect, "none", "", 0.0
        for name, card in mechanisms().items():
            yield effect, name, "middle", card.value
            yield effect, name, "strong", card.high


def figures(protocol: str, drawn: Trials) -> Iterator[tuple[str, str, Yes]]:
    """(claim, figure, which trials show it) of what the article prints about a trial."""
    if protocol == "peng2011":
        yield from _laboratory(drawn)
        return
    claim, points = POINTS[protocol]
    every = np.ones(len(drawn.p), dtype=bool)
    for week, printed in points.items():
        gap = 100 * (
            dead(drawn.death_control, week).mean(axis=1) - dead(drawn.death_cells, week).mean(axis=1)
        )
        shown = gap >= printed - ROUNDING
        every &= shown
        yield claim, f"gap_week_{week}", shown
    yield claim, "gaps_all", every
    yield "S3", "below_10_week_4", dead(drawn.death_cells, 4).mean(axis=1) < 0.1
    if protocol == "lin2017":
        none = dead(drawn.death_cells, 4).sum(axis=1) == EARLY
        yield claim, "none_by_4", none
        yield claim, "none_by_4_and_15_by_24", none & (dead(drawn.death_cells, 24).sum(axis=1) == LATE_DEATHS)


def dead(death: NDArray[np.float64], week: float) -> Yes:
    """Who is dead by a week."""
    return np.asarray(death <= 7 * week)


def _laboratory(drawn: Trials) -> Iterator[tuple[str, str, Yes]]:
    good = {"bilirubin": -1, "albumin": 1, "inr": -1, "meld": -1}
    before = np.ones(len(drawn.p), dtype=bool)
    against = before.copy()
    for measure, sign in good.items():
        values = drawn.labs_cells[measure]
        before &= sign * np.nanmean(values[..., 1] - values[..., 0], axis=1) > 0
        gap, p = welch(values, drawn.labs_control[measure])
        against &= (sign * gap > 0) & (p < ALPHA)
    yield "F1", "better_than_before", before
    yield "F1", "better_than_control", against
    a, b = drawn.relief_cells.mean(axis=1), drawn.relief_control.mean(axis=1)
    n, m = drawn.relief_cells.shape[1], drawn.relief_control.shape[1]
    pooled = (a * n + b * m) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    yield "F1", "relief_more", (a - b) > stats.norm.isf(ALPHA / 2) * error


def share(shown: Yes, world: Whole) -> dict[str, Any]:
    """A simulated probability with its Monte-Carlo error and 95 % interval; null when no trial is seen.

    The trials of one world resemble each other: error and interval (Clopper-Pearson's) are those of as many
    fewer trials as ``design_effect`` says.
    """
    n, k = len(shown), int(shown.sum())
    if n == 0:
        return {"seen": 0, "probability": None, "mc_error": None, "low": 0.0, "high": 1.0}
    p = k / n
    alike = design_effect(shown.astype(np.float64), np.ones(n), world, binomial=True)
    low, high = clopper_pearson(np.array(k / alike), np.array(n / alike), TAIL)
    error = math.sqrt(alike * p * (1 - p) / n)
    return {"seen": n, "probability": p, "mc_error": error, "low": float(low), "high": float(high)}


def joint(early: float, late: float, n: int = 56) -> float:
    """Probability that none of n dies by week 4 and exactly 15 by week 24, at given risks (multinomial)."""
    between = max(late - early, 0.0)
    count = math.comb(n, LATE_DEATHS)
    return count * between**LATE_DEATHS * (1 - late) ** (n - LATE_DEATHS)


def _calculated(drawn: Trials) -> float | None:
    """``joint`` at the mean risks of each world, averaged over the trials."""
    if not len(drawn.p):
        return None
    total = 0.0
    for world in np.unique(drawn.world):
        mine = drawn.death_cells[drawn.world == world]
        total += len(mine) * joint(float(dead(mine, 4).mean()), float(dead(mine, 24).mean()))
    return total / len(drawn.world)


def bounds() -> dict[str, float]:
    """Plain arithmetic on the printed counts, no simulation.

    ``largest``: the largest ``joint`` at any two risks (no early risk at all, 15/56 later).
    ``control_risk``: 0 of 56 by week 4 at the control's 12 of 54. ``control_shape``: none of 15 deaths in
    the first four weeks, if half of the deaths fall there as in the control (12 of 24).
    """
    return {
        "largest": joint(0.0, LATE_DEATHS / 56),
        "control_risk": (1 - 12 / 54) ** 56,
        "control_shape": (1 - 12 / 24) ** LATE_DEATHS,
    }


def _risks(bank: Bank) -> dict[str, Any]:
    """Share dead by week in each course, over the worlds of the bank."""
    worlds = len(bank.world_size)
    found: dict[str, dict[str, Any]] = {}
    for course, death in bank.death.items():
        for week in (4, 12, 24):
            shares = np.array([dead(death[bank.of_world(w)], week).mean() for w in range(worlds)])
            mean, error = mean_with_error(shares)
            low, high = np.quantile(shares, [0.05, 0.95]).tolist()
            found.setdefault(course, {})[str(week)] = {"share": mean, "se": error, "low": low, "high": high}
    return found


def stored() -> dict[str, Any]:
    """The results that ship.

    Raises:
        RunFailed: none ship.
    """
    file = resources.files("hepatrial.article") / "stored.json"
    if not file.is_file():
        raise RunFailed("no stored results ship; `hepatrial article-trials --recompute` makes them")
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
