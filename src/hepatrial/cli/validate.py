"""``hepatrial validate statistics``: every statistic beside the number of R."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepatrial.cli import edge
from hepatrial.errors import BadInput, Problem

if TYPE_CHECKING:
    from hepatrial.analysis.validate import Agreement, Check

STATISTICS_EXAMPLES = """Examples:

  hepatrial validate statistics

  hepatrial validate statistics --data ../shared/data --json
"""
MODEL_EXAMPLES = """Examples:

  hepatrial validate model --json

  hepatrial validate model --recompute    (predicts every shipped study again and keeps the draws)
"""
BESIDE = Path("../shared/data")
"""Where the reference data lie beside a checkout."""

validate = typer.Typer(
    no_args_is_help=True,
    help="Check this program: its statistics against R, its predictions against published studies.",
    rich_markup_mode="rich",
)


@validate.callback()
def _group() -> None:
    """Compare what is computed here with other programs."""


def _score_checks() -> list[Check]:
    """MELD and its successors against published values; the statistics know nothing of scores."""
    from hepatrial.analysis.validate import Check, Tables
    from hepatrial.model.scores import meld3, meld_na, meld_raw

    # creatinine and bilirubin in mg/dL, albumin in g/dL
    us: dict[str, Any] = {"units": "conventional"}
    one: dict[str, Any] = {"bilirubin": 4.2, "creatinine": 1.9, "inr": 1.2, **us}
    three: dict[str, Any] = {**one, "sodium": 140, "albumin": 3.5}

    def table4(tables: Tables) -> Any:
        given: dict[str, Any] = {
            name: [float(v or 0) for v in tables.expected(("meld", "Kim2021_Table4", key))]
            for name, key in (
                ("bilirubin", "bili"),
                ("creatinine", "cr"),
                ("inr", "inr"),
                ("sodium", "na"),
                ("albumin", "alb"),
                ("female", "female"),
            )
        }
        return meld3(**given, **us)

    def low_sodium(_: Tables) -> Any:
        return meld_na(bilirubin=4.2, creatinine=1.9, inr=1.2, sodium=125, **us)

    name = "model.scores"
    return [
        Check(f"{name}.meld_raw", ("meld", "MELD_cr1.9_bili4.2_inr1.2"), lambda _: meld_raw(**one)),
        Check(
            f"{name}.meld_raw",
            ("meld", "MELD_UNOS_floor_all_normal"),
            lambda _: meld_raw(bilirubin=0.5, creatinine=0.7, inr=0.9, **us),
        ),
        Check(f"{name}.meld_na", ("meld", "MELDNa_UNOS_na125_rounded"), low_sodium),
        Check(
            f"{name}.meld3",
            ("meld", "MELD3_cr1.9_bili4.2_inr1.2_alb3.5_na140_female"),
            lambda _: meld3(**three, female=1),
        ),
        Check(f"{name}.meld3", ("meld", "same_male"), lambda _: meld3(**three, female=0)),
        Check(
            f"{name}.meld3",
            ("meld", "same_female_alb1.5"),
            lambda _: meld3(**{**three, "albumin": 1.5}, female=1),
        ),
        Check(f"{name}.meld3", ("meld", "Kim2021_Table4", "MELD3"), table4),
    ]


def _folder(data: Path | None) -> Path | None:
    from hepatrial.analysis.validate import NUMBERS

    if data is None:
        return BESIDE if (BESIDE / NUMBERS).is_file() else None
    if not (data / NUMBERS).is_file():
        raise BadInput([Problem("--data", str(data), f"must be a folder that holds {NUMBERS}")])
    return data


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.8g}"


def _show(found: list[Agreement]) -> None:
    rows = (
        (a.function, a.reference, _told(a.value), _told(a.expected), _told(a.difference), a.status)
        for a in found
    )
    edge.print_table(
        "Statistics beside R", ("function", "reference", "value", "expected", "difference", "status"), rows
    )
    count = {status: sum(a.status == status for a in found) for status in ("ok", "off", "skipped")}
    edge.err().print(f"{count['ok']} ok, {count['off']} off, {count['skipped']} skipped (data absent).")


@validate.command(epilog=STATISTICS_EXAMPLES)
def statistics(
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with reference_numbers.json and its tables.",
            show_default="../shared/data if it is there",
        ),
    ] = None,
    as_json: edge.JsonOption = False,
) -> None:
    """Compute every statistic that has a reference number of R and compare; exits 1 if any is off.

    Without the data only designs, sample sizes and scores are compared, and the rest is skipped.
    """
    with edge.exit_codes(as_json):
        from hepatrial.analysis.validate import validate_statistics

        found = validate_statistics(_folder(data), more=_score_checks())
        if as_json:
            edge.print_json([vars(agreement) for agreement in found])
        else:
            _show(found)
    if any(agreement.status == "off" for agreement in found):
        raise typer.Exit(edge.FAILED)


@validate.command(epilog=MODEL_EXAMPLES)
def model(
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Predict every shipped study again and keep the draws.")
    ] = False,
    draws: Annotated[int, typer.Option(help="With --recompute: draws of each study.")] = 200,
    seed: Annotated[int, typer.Option(help="With --recompute: seed of all chance.")] = 1,
    work: Annotated[
        Path, typer.Option(help="With --recompute: folder from which an interrupted call goes on.")
    ] = Path("predictions"),
    as_json: edge.JsonOption = False,
) -> None:
    """Score stored predictions of published studies: coverage, skill against rivals, calibration, misses.

    One line a class; levels and contrasts, predicted and fitted, the fitted disease and others stay apart.
    """
    with edge.exit_codes(as_json, lambda: "The same command goes on."):
        from hepatrial.cli.progress import progress_bars
        from hepatrial.prediction.scoreboard import (
            beside,
            log_gain,
            staleness,
            stored_draws,
            whole_scoreboard,
        )
        from hepatrial.prediction.scoreboard import recompute as predict_again

        if recompute:
            with progress_bars() as tell:
                predict_again(draws, seed, work, tell)
        table, notes = stored_draws()
        if stale := staleness(notes):
            edge.err().print(stale, style="bold")
        scored = beside(table)
        rows = whole_scoreboard(scored)
        if as_json:
            edge.print_json(rows)
            return
        levels = [one for one in scored if (one.seen.role, one.seen.kind) == ("predicted", "levels")]
        _show_scores(rows, notes, {name: log_gain(levels, of) for name, of in SKILL_COLUMNS.items()})


def _show_scores(rows: list[dict[str, Any]], notes: dict[str, Any], gains: dict[str, Any]) -> None:
    from hepatrial.prediction.scoreboard import role_of

    console = edge.out()
    for row in rows:
        name = role_of(row["class"])
        for miss in row["misses"] if not row["class"].startswith("predicted levels of control") else ():
            console.print(
                f"Miss ({name}): {miss['study']} {miss['endpoint']} {miss['arm']}: seen "
                f"{miss['observed']:g}, 90 % interval {miss['low_90']:g} to {miss['high_90']:g}"
            )
    columns = ("class", "studies", "numbers", "within 50 %", "within 90 %", *SKILL_COLUMNS, "PIT p")
    cells = (
        (
            row["class"],
            str(row["studies"]),
            str(row["numbers"]),
            _range(row["coverage_50"]),
            _range(row["coverage_90"]),
            *(_range(row["skill"][rival]) for rival in SKILL_COLUMNS.values()),
            "-" if row["pit_p"] is None else f"{row['pit_p']:.2f}",
        )
        for row in rows
    )
    edge.print_table("Predictions beside what was seen", columns, cells)
    ensemble = notes["ensemble"]
    console.print(
        f"Skill: 1 - ratio of CRPS to the rival's, above 0 is better; intervals by study. {notes['draws']} "
        f"draws a study of a {ensemble['kind']} ensemble of {ensemble['size']}, hash "
        f"{ensemble['hash'][:12]}, model {notes['model_hash'][:12]}. {notes['mark']}"
    )
    told = ", ".join(f"{name.removeprefix('skill ')} {_range(gain)}" for name, gain in gains.items())
    console.print(f"Gain in log score on predicted shares, nats a number: {told}.")
    console.print(
        "No held-out survival contrast of stromal cells in ACLF has been published but 4 against 5 patients: "
        "a class without studies says nothing about the model."
    )


SKILL_COLUMNS = {
    "skill v MAP control": "map_control",
    "v severity score": "severity_score",
    "v no effect": "no_effect",
}


def _range(found: dict[str, Any] | None) -> str:
    if found is None or found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:.2f}"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"
