"""A small model of one's own: a drug that leaves, a relapse that recurs, a death."""

from __future__ import annotations

from pathlib import Path

import polars as pl

TEXT = """model own
  k = 0.5; relapse_rate = 0.05; death_rate = 0.01; x = 2; relapses = 0; H_relapse = 0; H_death = 0;
  ended = 0; theta_relapse = 1e9; step_relapse = 1e9; theta_death = 1e9; do_give = 0; amount_give = 0;
  level := 10*x;
  x' = -k*x;
  relapses' = 0;
  H_relapse' = relapse_rate;
  H_death' = death_rate;
  at (H_relapse >= theta_relapse): relapses = relapses + 1, theta_relapse = theta_relapse + step_relapse;
  at (H_death >= theta_death): ended = 1;
  at (do_give > 0.5): x = x + amount_give;
end
"""
THIRD_CAUSE = (
    "H_death = 0;",
    "H_death = 0; H_fall = 0; theta_fall = 1e9; fall_rate = 0.002;",
    "  at (do_give",
    "  H_fall' = fall_rate;\n  at (H_fall >= theta_fall): relapses = relapses;\n  at (do_give",
)
"""Replacements that add a hazard which does nothing."""

DRAWS = {
    "k": {"distribution": "lognormal", "median": 0.5, "log_sd": 0.3},
    "death_rate": {"distribution": "uniform", "low": 0.002, "high": 0.02},
}
ASKED = {"visits": (0.0, 1.0, 7.0, 28.0), "end": 60.0, "outputs": ("x", "level", "relapses"), "seed": 5}


def write_model(folder: Path, text: str = TEXT) -> Path:
    """The model as a file."""
    path = folder / "own.ant"
    path.write_text(text)
    return path


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """The three tables of a finished ensemble, by patient."""
    from hepatrial import EnsembleFolder

    opened = EnsembleFolder.open(folder)
    return {
        "visits": opened.visits.collect().sort("patient", "visit"),
        "events": opened.events.collect().sort("patient", "day", "cause"),
        "patients": opened.patients.collect().sort("patient"),
    }


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a run folder but the one that may differ between two runs of one spec."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    found.pop("run.json", None)
    return found
