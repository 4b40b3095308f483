"""``hepatrial evidence``: what was published, number by number, with source and grade."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hepatrial.cli import edge

evidence = typer.Typer(
    no_args_is_help=True, help="Published trials, pools and pending trials, every number with its source."
)

LIST_EXAMPLES = """Examples:

  hepatrial evidence list

  hepatrial evidence list --json
"""
SHOW_EXAMPLES = """Examples:

  hepatrial evidence show lin2017

  hepatrial evidence show thompson2020 --json
"""
EXPORT_EXAMPLES = """Examples:

  hepatrial evidence export > evidence.json

  hepatrial evidence export --format csv > numbers.csv
"""
CERTAINTY_EXAMPLES = """Example:

  hepatrial evidence certainty
"""


@evidence.command("list", epilog=LIST_EXAMPLES)
def list_entries(as_json: edge.JsonOption = False) -> None:
    """List trials, cohorts, meta-analyses and pending trials."""
    with edge.exit_codes(as_json):
        from hepatrial.evidence.base import load_base

        base = load_base()
        rows = [
            {"id": t.id, "kind": t.kind, "name": t.name, "disease": t.disease, "numbers": len(t.figures)}
            for t in base.trials.values()
        ]
        rows += [
            {
                "id": p.id,
                "kind": "meta-analysis",
                "name": p.citation,
                "disease": p.scope,
                "numbers": len(p.results),
            }
            for p in base.pools.values()
        ]
        rows += [
            {"id": e.id, "kind": "pending", "name": e.name, "disease": e.product, "numbers": 0}
            for e in base.pending.values()
        ]
        if as_json:
            edge.print_json(rows)
            return
        columns = ("id", "kind", "name", "disease", "numbers")
        cells = (tuple(str(row[name]) for name in columns) for row in rows)
        edge.print_table(f"Evidence base {base.version}, read by {base.assembled}", columns, cells)


@evidence.command("show", epilog=SHOW_EXAMPLES)
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id as 'hepatrial evidence list' shows it.")],
    as_json: edge.JsonOption = False,
) -> None:
    """Show one entry: design, arms, every number with place and grade, risk of bias."""
    with edge.exit_codes(as_json):
        from hepatrial.evidence.base import Base, Trial, load_base, numbers

        base = load_base()
        entry = base.get(name)
        if as_json:
            edge.print_json(entry.model_dump(mode="json"))
            return
        if not isinstance(entry, Trial):
            for key, value in entry.model_dump(mode="json").items():
                if value not in (None, "", []):
                    edge.out().print(f"{key}: {value}")
            return
        _print_head(entry)
        rows = list(numbers(Base({entry.id: entry})))
        columns = ("kind", "arm", "what", "week", "n", "count", "value", "unit", "grade", "place", "note")
        edge.print_table("Numbers", columns, ([str(row[c]) for c in columns] for row in rows))


def _print_head(trial: Any) -> None:
    from hepatrial.evidence.base.risk import overall

    console = edge.out()
    console.print(f"{trial.name}. {trial.citation}")
    console.print(f"{trial.kind}; {trial.disease}; read: {trial.read}")
    for arm in trial.arms:
        product = f": {arm.product.cells}, {arm.product.dose or 'dose not given'}" if arm.product else ""
        console.print(f"  {arm.name} ({arm.role}), n = {arm.n or arm.n_unknown}{product}")
    for note in trial.notes:
        console.print(f"  {note.about}: {note.text} [{note.grade}]")
    if trial.risk:
        console.print(f"Risk of bias ({trial.risk.tool}, {trial.risk.outcome}): {overall(trial.risk)}")
        for name, domain in trial.risk.domains.items():
            console.print(f"  {name}: {domain.judgement}. {domain.reason}")


@evidence.command("export", epilog=EXPORT_EXAMPLES)
def export(
    form: Annotated[str, typer.Option("--format", help="json (everything) or csv (the numbers).")] = "json",
) -> None:
    """Print the whole base on stdout."""
    with edge.exit_codes():
        from hepatrial.errors import BadInput, Problem, nearest_name
        from hepatrial.evidence.base import base_json, load_base, numbers_csv

        if form not in ("json", "csv"):
            allowed = "must be json or csv"
            raise BadInput([Problem("--format", repr(form), allowed, nearest_name(form, ("json", "csv")))])
        if form == "csv":
            typer.echo(numbers_csv(load_base()), nl=False)
        else:
            edge.print_json(base_json(load_base()))


@evidence.command("certainty", epilog=CERTAINTY_EXAMPLES)
def certainty(as_json: edge.JsonOption = False) -> None:
    """Certainty (GRADE) of each outcome, made from the base, every downgrade explained."""
    with edge.exit_codes(as_json):
        from hepatrial.evidence.base import load_base
        from hepatrial.evidence.certainty import certainty_table

        rows = certainty_table(load_base())
        if as_json:
            edge.print_json([row.as_dict() for row in rows])
            return
        cells = ((r.outcome, r.effect, str(r.studies), str(r.patients), r.level, r.why) for r in rows)
        edge.print_table("Certainty", ("outcome", "effect", "studies", "patients", "certainty", "why"), cells)
