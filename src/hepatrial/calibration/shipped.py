"""The files of a fit: the ensemble, its notes and what it taught."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from hepatrial.calibration.ensemble import COMMAND, NOTES, TABLE, to_files
from hepatrial.calibration.layers import Fit
from hepatrial.calibration.posterior import diagnostics, posterior_ensemble
from hepatrial.errors import RunFailed

TAUGHT = "posterior.json"
PACKAGE = Path(__file__).parent
SHOWN = 12
"""Misses that the summary prints."""


def write_posterior(fit: Fit, folder: Path) -> dict[str, Any]:
    """Write the ensemble and what it taught into a folder, and return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    table, notes = to_files(posterior_ensemble(fit))
    found = diagnostics(fit)
    (folder / TABLE).write_bytes(table)
    (folder / NOTES).write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
    (folder / TAUGHT).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def taught() -> dict[str, Any]:
    """What the shipped fit taught.

    Raises:
        RunFailed: none ships.
    """
    path = files("hepatrial.calibration").joinpath(TAUGHT)
    if not path.is_file():
        raise RunFailed(f"no posterior ships with this version; `{COMMAND}` makes one")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def summary_lines(found: Mapping[str, Any]) -> list[str]:
    """The misses first, then what was learnt and what was not."""
    lines = [
        "Fitted statistics; a comparison with any of them is no prediction.",
        "Largest misses, in declared standard deviations:",
    ]
    for row in found["misses"][:SHOWN]:
        low, high = row["interval_90"]
        lines.append(
            f"  {row['miss']:+5.1f}  {row['target']}: simulated {row['simulated']:.3g} ({low:.3g} to "
            f"{high:.3g}), published {row['published']:.3g} {row['unit']}"
        )
    learnt = [row for row in found["numbers"] if row["learnt"]]
    lines.append(f"{len(learnt)} of {len(found['numbers'])} free numbers learnt something from the data:")
    lines += [
        f"  {row['card']}: {row['prior']:.3g} to {row['posterior']:.3g}, "
        f"width {row['sd_ratio']:.2f} of before"
        for row in sorted(learnt, key=lambda one: one["sd_ratio"])[:SHOWN]
    ]
    lines.append("Variants of the cell effect, prior and posterior weight:")
    for row in found["variants"]:
        said = "" if row["learnt"] else "  not learnt from data"
        lines.append(f"  {row['variant']}: {row['prior']:.2f}, {row['posterior']:.2f}{said}")
    (m0, s0), (m1, s1) = found["bias"]["prior"], found["bias"]["posterior"]
    lines.append(
        f"Bias of Lin 2017 (log odds ratio): {m0:+.2f} (SD {s0:.2f}) before, {m1:+.2f} (SD {s1:.2f}) after."
    )
    lines += [f"  {name}: {row['sentence']}" for name, row in found["bias"]["outcomes"].items()]
    lines.append(
        f"{found['evaluations']} simulated cohorts; {found['effective_members']:.0f} effective members of "
        f"{found['members']}; {found['given_up']} settings given up."
    )
    return lines
