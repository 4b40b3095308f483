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
BESIDE = Path("../shared/data")
"""Where the reference data lie beside a checkout."""

validate = typer.Typer(
    no_args_is_help=True, help="Compare what is computed here with other programs.", rich_markup_mode="rich"
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
