"""``hepatrial evidence reconstruct``: individual times behind a printed survival curve, marked as such."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from hepatrial.cli import edge

EXAMPLES = """Examples:

  hepatrial evidence reconstruct curve.csv --out times.csv

  hepatrial evidence reconstruct curve.csv --events 24 --arm control --json

curve.csv has the columns time, survival (a fraction, or per cent) and at_risk (blank where the figure prints
none; the number at time 0 is needed).
"""
NOTE = "reconstructed from a printed curve; not patients' data"


def reconstruct(
    file: Annotated[Path, typer.Argument(metavar="CURVE.csv", help="Points read off one curve.")],
    out: Annotated[Path | None, typer.Option("--out", help="New CSV file of times and events.")] = None,
    events: Annotated[int | None, typer.Option(help="Events of the whole curve, when printed.")] = None,
    arm: Annotated[str, typer.Option(help="Name written beside each row.")] = "",
    as_json: edge.JsonOption = False,
) -> None:
    """Rebuild times and events from a printed survival curve and its numbers at risk (Guyot 2012)."""
    with edge.exit_codes(as_json):
        from hepatrial.evidence.reconstruct import reconstruct as rebuild

        time, survival, risk_time, at_risk = _read(file)
        found = rebuild(time, survival, risk_time, at_risk, total_events=events)
        if out is not None:
            lines = io.StringIO()
            writer = csv.writer(lines, lineterminator="\n")
            writer.writerow(("arm", "time", "event", "origin"))
            rows = zip(found.time, found.event, strict=True)
            writer.writerows((arm, f"{t:.6g}", int(e), NOTE) for t, e in rows)
            edge.write_new(out, lines.getvalue(), "--out")
        told = {
            "patients": found.n, "events": found.events, "reconstructed": found.reconstructed,
            "worst_survival": found.worst_survival, "worst_at_risk": found.worst_at_risk,
            "notes": list(found.notes), "file": str(out) if out else "",
        }  # fmt: skip
        if as_json:
            edge.print_json(told)
            return
        console = edge.out()
        console.print(f"{found.n} patients, {found.events} events: {NOTE}.")
        console.print(
            f"Largest distance from a point {found.worst_survival:.4f}, from a number at risk "
            f"{found.worst_at_risk}."
        )
        for note in found.notes:
            console.print(f"  {note}")


def _read(file: Path) -> tuple[list[float], list[float], list[float], list[int]]:
    """Points and risk table of a file, every cell that is none named at once."""
    from hepatrial.errors import BadInput, Problem, nearest_name

    try:
        lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError) as error:
        allowed = f"must be a text file that can be read ({error})"
        raise BadInput([Problem("CURVE.csv", str(file), allowed)]) from None
    have = set(lines[0]) if lines else set()
    problems = [
        Problem("columns", name, "this column is needed", nearest_name(name, have))
        for name in ("time", "survival", "at_risk")
        if name not in have
    ]
    if problems:
        raise BadInput(problems)
    points: list[tuple[float, float]] = []
    risk: list[tuple[float, int]] = []
    for index, row in enumerate(lines, start=2):
        cells = {name: (row[name] or "").strip() for name in ("time", "survival", "at_risk")}
        numbers: dict[str, float] = {}
        for name, text in cells.items():
            try:
                numbers[name] = float(text)
            except ValueError:
                if text or name == "time":
                    problems.append(Problem(f"line {index}, {name}", repr(text), "must be a number"))
        if "time" in numbers and "survival" in numbers:
            points.append((numbers["time"], numbers["survival"]))
        if "time" in numbers and "at_risk" in numbers:
            risk.append((numbers["time"], int(numbers["at_risk"])))
    if not risk:
        problems.append(Problem("at_risk", "none", "the number at risk at time 0 is needed"))
    if problems:
        raise BadInput(problems)
    percent = any(height > 1 for _, height in points)
    return (
        [t for t, _ in points],
        [height / 100 if percent else height for _, height in points],
        [t for t, _ in risk],
        [n for _, n in risk],
    )
