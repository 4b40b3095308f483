"""``hepatrial model verify``: the same patients in libRoadRunner."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge

if TYPE_CHECKING:
    from hepatrial.engine.verify import Verification

VERIFY_EXAMPLES = """Examples:

  hepatrial model verify                     (twelve drawn patients of our own model)

  hepatrial model verify patient --patients 50 --draws 400 --out verified

  hepatrial model verify model.xml --end 100 --spread 0.3

  hepatrial model verify model.ant --end 100 --table parameters.csv --json
"""
DOSES = ((7.0, "infuse_cells", 1.0), (14.0, "infuse_cells", 1.0), (21.0, "plasma_exchange", 0.8))
"""What is done to the drawn patients, so that actions are compared too."""
PATIENT_DAYS, FILE_END = 90.0, 10.0


def verify(
    model: Annotated[str, typer.Argument(help="'patient', or a file: SBML or Antimony.")] = "patient",
    patients: Annotated[int, typer.Option(min=1, help="Patients compared path by path.")] = 12,
    rtol: Annotated[
        float, typer.Option(min=1e-10, max=1e-2, help="Relative tolerance of our engine.")
    ] = 1e-7,
    end: Annotated[
        float | None, typer.Option(min=1e-9, help="Last day.", show_default="90; 10 for a file")
    ] = None,
    draws: Annotated[
        int, typer.Option(min=0, help="Courses in which each engine draws its own thresholds; 0 for none.")
    ] = 0,
    spread: Annotated[float, typer.Option(min=0, max=3, help="Log-SD of a file's constants.")] = 0.1,
    table: Annotated[
        Path | None, typer.Option(help="CSV of a file's parameters, a row a patient, instead of a spread.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="Longest time that a file may take.")] = 600.0,
    out: Annotated[Path | None, typer.Option(help="New folder for verify.json and errors.csv.")] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Run the same patients in libRoadRunner and say how far the two engines are apart.

    Exits with 1 when they differ by more than the limits that are printed: a path by 1000 times the
    tolerance, an event by 5 minutes or in its order, times drawn by each engine itself at a level of 0.001.
    """
    with edge.exit_codes(as_json):
        from hepatrial.errors import BadInput, Problem

        if out is not None and out.exists():
            raise BadInput([Problem("--out", str(out), "must be a folder that does not exist yet")])
        if table is not None and model == "patient":
            raise BadInput([Problem("--table", str(table), "is for a model file; our patients are drawn")])
        if model == "patient":
            found = _patient(patients, rtol, end or PATIENT_DAYS, draws, seed)
        else:
            from hepatrial.engine.verify_file import FileQuestion, verify_file

            asked = FileQuestion(
                model,
                patients,
                spread,
                None if table is None else str(table),
                end or FILE_END,
                rtol,
                draws,
                seed,
            )
            found = verify_file(asked, seconds)
        told = _told(model, found, rtol, seed)
        if out is not None:
            _write(out, told)
        edge.print_json(told) if as_json else _print(told)
        if not found.agreed:
            raise typer.Exit(edge.FAILED)


def _patient(patients: int, rtol: float, end: float, draws: int, seed: int) -> Verification:
    """Drawn cards of the patient model, in hospital under a flare, with cells and a plasma exchange."""
    import numpy as np

    from hepatrial.engine.roadrunner import roadrunner
    from hepatrial.engine.verify import verify_conventions, verify_draws
    from hepatrial.engine.verify_file import OCCURRENCES, VISITS
    from hepatrial.model import load_patient_model
    from hepatrial.population.candidates import draw_candidates
    from hepatrial.population.deck import make_deck

    roadrunner()
    spec = load_patient_model()
    drawn = draw_candidates(spec, make_deck(), seed, np.arange(1, patients + 1), "hbv_aclf")
    parameters, initial = drawn.parameters, drawn.initial
    for name, value in {"in_hospital": 1.0, "effect_macrophage": 0.5, "effect_infection": 0.5}.items():
        parameters[:, spec.parameters.index(name)] = value
    doses = [dose for dose in DOSES if dose[0] < end]
    rng = np.random.Generator(np.random.Philox(seed))
    shape = (len(spec.hazards), OCCURRENCES)
    visits = end * (np.arange(1, VISITS + 1) - 0.31) / VISITS
    found = verify_conventions(
        spec, parameters, initial, rng.exponential(size=(patients, *shape)), visits, end, doses, rtol
    )
    if not draws:
        return found
    many = np.arange(draws) % patients
    luck = rng.exponential(size=(draws, *shape))
    told = verify_draws(spec, parameters[many], initial[many], luck, end, doses, seed)
    return dataclasses.replace(found, drawn=told, courses_drawn=draws)


def _told(model: str, found: Verification, rtol: float, seed: int) -> dict[str, Any]:
    from hashlib import sha256

    from hepatrial.schema import MARK

    told: dict[str, Any] = {"model": model, "engine": "libroadrunner", "rtol": rtol, "seed": seed}
    told |= dataclasses.asdict(found)
    for drawn in told["drawn"]:
        drawn["p"] = None if math.isnan(drawn["p"]) else drawn["p"]
    for output in told["outputs"]:  # JSON has no word for infinity: one engine has a value, the other none
        output["largest"] = output["largest"] if math.isfinite(output["largest"]) else None
    told["agreed"], told["disagreements"] = found.agreed, list(found.disagreements)
    told["mark"] = MARK["en"]
    told["hash"] = sha256(repr(sorted(told.items())).encode()).hexdigest()
    return told


def _write(folder: Path, told: dict[str, Any]) -> None:
    import csv
    import io
    import json

    folder.mkdir(parents=True)
    (folder / "verify.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    lines = io.StringIO()
    lines.write(f"# {told['mark']} {told['hash']}\n")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["output", "largest", "median", "patient", "time"])
    for o in told["outputs"]:
        writer.writerow([o["name"], o["largest"], o["median"], o["patient"], o["time"]])
    (folder / "errors.csv").write_text(lines.getvalue(), encoding="utf-8")


def _print(told: dict[str, Any]) -> None:
    rows = (
        [o["name"], _number(o["largest"]), _number(o["median"]), str(o["patient"]), f"{o['time']:g}"]
        for o in told["outputs"][:15]
    )
    outputs = f"{len(told['outputs'])} output{'' if len(told['outputs']) == 1 else 's'}"
    title = f"{told['patients']} patients, {outputs}; the largest errors"
    edge.print_table(title, ("output", "largest", "median", "worst patient", "time"), rows)
    console = edge.out()
    console.print(f"Allowed: {told['error_allowed']:.1e} (1000 times the tolerance {told['rtol']:.0e}).")
    if told["events"] is not None:
        e = told["events"]
        console.print(
            f"Events under the same thresholds: {e['ours']} and {e['theirs']}; times differ by at most "
            f"{e['largest_minutes']:.2g} min (median {e['median_minutes']:.2g}), "
            f"allowed {told['minutes_allowed']:g}."
        )
    if told["drawn"]:
        title = (
            f"\nTimes to the first event: {told['courses_drawn']} courses in each engine, draws of its own"
        )
        columns = ("cause", "share, ours", "share, theirs", "distance", "p")
        cells = (
            [d["cause"], f"{d['ours']:.3f}", f"{d['theirs']:.3f}", f"{d['statistic']:.3f}", _number(d["p"])]
            for d in told["drawn"]
        )
        edge.print_table(title, columns, cells)
    console.print("The engines agree." if told["agreed"] else "The engines DISAGREE:")
    for sentence in told["disagreements"]:
        console.print(f"  {sentence}")
    console.print(f"{told['mark']} {told['hash'][:12]}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1e}"
