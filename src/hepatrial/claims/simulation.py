"""What a finished run says about figures an article prints, taken from its results.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hepatrial.errors import BadInput, Problem
from hepatrial.schema import MARK


def run_reference(folder: Path) -> dict[str, Any]:
    """The rows of a run's comparison that an unverified article printed, with mark and hash.

    Returns:
        ``folder``, ``protocol``, ``hash``, ``mark``, ``rows`` (endpoint, arm, control, week, published,
        simulated, low, high, inside, sentence) and ``engraftment`` (arm, bound, sentence).

    Raises:
        BadInput: the folder holds no results.json of a finished, reported run.
    """
    path = folder / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        protocol, rows = results["design"]["protocol"], results["comparison"]
    except (OSError, ValueError, KeyError, TypeError):
        allowed = "must be the folder of a finished run with its report (results.json)"
        raise BadInput([Problem("--run", str(folder), allowed)]) from None
    shown = [_row(row) for row in rows if row["grade"] == "article"]
    return {
        "folder": folder.name,
        "protocol": protocol,
        "hash": results.get("provenance", {}).get("run_hash", ""),
        "mark": MARK["en"],
        "rows": shown,
        "engraftment": [_bound(row) for row in results.get("engraftment", ())],
    }


def _bound(row: dict[str, Any]) -> dict[str, Any]:
    """The largest share of a liver that the cells of an arm could be; shown, never lowering."""
    share = 100 * row["bound"]
    sentence = (
        f"{row['arm']}: if each of the {row['cells']:.2g} cells given lived in the liver at once, they would "
        f"be {share:.2g} % of its hepatocytes."
    )
    return {"arm": row["arm"], "bound": row["bound"], "sentence": sentence}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """One compared figure; a figure outside the simulated trials says what would have to be true."""
    kept = {
        name: row.get(name)
        for name in ("endpoint", "arm", "control", "week", "published", "simulated", "low", "high", "inside")
    }
    who = f"{row['arm']} less {row['control']}" if row.get("control") else str(row["arm"])
    at = f"{row['endpoint']} of {who} at week {row['week']:g}"
    if row["inside"] is None:
        kept["sentence"] = f"{at}: no simulated interval."
    elif row["inside"]:
        kept["sentence"] = f"{at}: the printed figure is among the simulated trials; this confirms nothing."
    else:
        kept["sentence"] = (
            f"{at}: outside 95 % of the simulated trials; other patients, another product or care, or "
            "an effect larger than the model's would have to hold."
        )
    return kept
